//! Files and directories become texts.
//!
//! A directory is read as it is deployed: where it has a `kustomization.yaml`, what that lists counts and nothing else; where
//! that changes what it lists, only kustomize's own output counts. Files that kustomize would change are never read unchanged.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic};
use crate::documents::{about_file, read};
use crate::kustomize::{self, Kustomize};
use crate::secrets::SecretDocument;
use crate::{NodeSpec, Severity};

/// Largest file that is read, in bytes. Site files are a few kilobytes; something larger was not meant.
const LARGEST: u64 = 8 << 20;

/// How files are read.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// What to do where kustomize is needed.
    pub kustomize: Kustomize,
}

/// Texts to read, with the names that findings give them.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// File name and text, in order.
    pub files: Vec<(PathBuf, String)>,
    /// The directory below which `biosConfigRef` files may be read from disk; `None`: only from `files`.
    pub root: Option<PathBuf>,
    /// Those of `files` that are read for Secrets alone, because kustomize does not deploy them.
    pub secrets_only: BTreeSet<PathBuf>,
}

/// A document that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// The line it starts in.
    pub line: usize,
    /// Its kind; empty if it has none.
    pub kind: String,
    /// Its name.
    pub name: Option<String>,
    /// Why.
    pub reason: String,
}

impl Skipped {
    /// Its kind, and why it is not read where that is not plain.
    fn brief(&self) -> String {
        match (self.kind.as_str(), self.reason.as_str()) {
            ("", _) => "something that is no Kubernetes object".to_owned(),
            (kind, UNREAD_KIND) => kind.to_owned(),
            (kind, reason) => format!("{kind} ({reason})"),
        }
    }
}

/// The reason why most documents are skipped.
pub(crate) const UNREAD_KIND: &str = "rackhand does not read this kind";

/// Everything that was found.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The nodes without an error, in the order of the files.
    pub nodes: Vec<NodeSpec>,
    /// The Secrets, for [`CredentialSources`](crate::secrets::CredentialSources).
    pub secrets: Vec<SecretDocument>,
    /// Documents that are not read.
    pub skipped: Vec<Skipped>,
    /// All findings, by file, line and column.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl Loaded {
    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// How many findings weigh so much.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}

/// Reads a file or a directory with everything below it.
///
/// Never fails as a whole: what cannot be read is among the findings, and a path that yields no node and no error gets one.
pub fn load(path: &Path, options: &LoadOptions) -> Loaded {
    let (source, mut diagnostics) = collect(path, options);
    let mut loaded = read(&source);
    loaded.diagnostics.append(&mut diagnostics);
    if loaded.nodes.is_empty() && !loaded.has_errors() {
        loaded.diagnostics.push(nothing(path, &loaded));
    }
    loaded.diagnostics.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    loaded
}

/// The texts that [`load`] reads, and what is wrong with getting them.
pub fn collect(path: &Path, options: &LoadOptions) -> (Source, Vec<Diagnostic>) {
    let mut reader = Reader { options, source: Source::default(), diagnostics: Vec::new() };
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => {
            reader.source.root = Some(repository(path));
            let plan = kustomize::survey(path);
            reader.directory(path, &plan);
        }
        Ok(_) => {
            let directory = parent(path);
            reader.source.root = Some(repository(directory));
            match kustomize::changed_by(path) {
                Some(by) => reader.diagnostics.push(kustomize::refuse_file(path, &by)),
                None => reader.file(path),
            }
        }
        Err(error) => reader.unreadable(path, &error),
    }
    (reader.source, reader.diagnostics)
}

/// Says what there is instead of a node.
fn nothing(path: &Path, loaded: &Loaded) -> Diagnostic {
    let about = |message: &str| about_file(path.to_owned(), Code::Skipped, message.to_owned());
    if loaded.diagnostics.iter().any(|one| one.code == Code::Skipped && !one.path.is_empty()) {
        return about("every host here is left out, so there is nothing to provision")
            .help("see the warnings");
    }
    let mut seen: Vec<String> = loaded.skipped.iter().map(Skipped::brief).collect();
    if !loaded.secrets.is_empty() {
        seen.push("Secret".to_owned());
    }
    seen.sort_unstable();
    seen.dedup();
    if seen.is_empty() && path.extension().is_some_and(|extension| extension == "profile") {
        return about("this is a file of BIOS settings: there is no node in it")
            .help("name it in a node's biosConfigRef.filePath, and give the file that does so");
    }
    let seen = if seen.is_empty() { "no document".to_owned() } else { seen.join(", ") };
    about("there is no node here that can be provisioned")
        .help(format!("SiteConfig, ClusterInstance and BareMetalHost are read; found: {seen}"))
}

/// The directory a file is in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The Git repository that a directory is in, or the directory itself.
fn repository(directory: &Path) -> PathBuf {
    let Ok(absolute) = directory.canonicalize() else { return directory.to_owned() };
    let found = absolute.ancestors().find(|ancestor| ancestor.join(".git").exists());
    found.unwrap_or(&absolute).to_owned()
}

struct Reader<'a> {
    options: &'a LoadOptions,
    source: Source,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// A directory: by its kustomization where it has one, else every YAML file and directory in it.
    fn directory(&mut self, directory: &Path, plan: &kustomize::Survey) {
        if plan.is_owned(directory) {
            return;
        }
        match plan.kustomization(directory) {
            Some(found) if !found.reasons.is_empty() => self.kustomize(directory, found),
            Some(found) => self.listed(directory, found, plan),
            None => self.everything(directory, plan),
        }
    }

    fn everything(&mut self, directory: &Path, plan: &kustomize::Survey) {
        for (child, is_dir) in self.children(directory) {
            if is_dir {
                self.directory(&child, plan);
            } else if is_yaml(&child) && !plan.is_owned(&child) {
                self.file(&child);
            }
        }
    }

    /// What a kustomization lists without changing it. YAML beside it is read for Secrets, which Git often does not hold.
    fn listed(&mut self, directory: &Path, found: &kustomize::Kustomization, plan: &kustomize::Survey) {
        let mut listed = BTreeSet::new();
        for entry in &found.entries {
            let path = crate::firmware::tidy(&directory.join(entry));
            listed.insert(path.clone());
            match std::fs::metadata(&path) {
                Ok(meta) if meta.is_dir() => self.directory(&path, plan),
                Ok(_) => self.file(&path),
                Err(error) => {
                    let message = format!("it lists `{entry}`, which cannot be read: {error}");
                    self.diagnostics.push(about_file(found.file.clone(), Code::Unreadable, message));
                }
            }
        }
        for (child, is_dir) in self.children(directory) {
            if !is_dir
                && is_yaml(&child)
                && !listed.contains(&child)
                && child != found.file
                && !plan.is_owned(&child)
            {
                self.source.secrets_only.insert(child.clone());
                self.file(&child);
            }
        }
    }

    fn kustomize(&mut self, directory: &Path, found: &kustomize::Kustomization) {
        match kustomize::build(&self.options.kustomize, directory, found) {
            Ok(text) => self.source.files.push((found.file.clone(), text)),
            Err(diagnostic) => self.diagnostics.push(*diagnostic),
        }
    }

    fn children(&mut self, directory: &Path) -> Vec<(PathBuf, bool)> {
        match children(directory) {
            Ok(children) => children,
            Err(error) => {
                self.unreadable(directory, &error);
                Vec::new()
            }
        }
    }

    fn file(&mut self, path: &Path) {
        if self.source.files.iter().any(|(known, _)| known == path) {
            return;
        }
        match read_text(path) {
            Ok(text) => self.source.files.push((path.to_owned(), text)),
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let message = format!("cannot be read: {error}");
        self.diagnostics.push(about_file(path.to_owned(), Code::Unreadable, message));
    }
}

/// A file's text, if it is of a sensible size and text at all.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let size = std::fs::metadata(path)?.len();
    if size > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has {size} bytes; at most {LARGEST} are read"),
        ));
    }
    let bytes = std::fs::read(path)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is not UTF-8 text (at byte {at})"))
    })
}

/// What is in a directory, by name, with whether it is a directory. Hidden entries are left out, and links to directories
/// are not followed: they could lead round in a circle.
pub(crate) fn children(directory: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_symlink() && path.is_dir() {
            continue;
        }
        children.push((path, kind.is_dir()));
    }
    children.sort();
    Ok(children)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}
