//! kustomize: when it is needed, and running it.
//!
//! A kustomization that only lists files changes nothing, and its files are read directly: that is how site repositories
//! wire their SiteConfigs. One that patches, renames or generates does change them, and then the files on disk are not what
//! is deployed. Those are built by `kustomize build`, or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::diagnostic::{Code, Diagnostic};
use crate::documents::about_file;
use crate::firmware::tidy;
use crate::load::{children, parent, read_text};
use crate::tree::{Node, Value, parse};

/// The names that kustomize looks for.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields that list files without changing them.
const LISTS: [&str; 3] = ["resources", "generators", "bases"];

/// Fields that change nothing that is read here. Generated ConfigMaps and Secrets stand beside the documents.
const HARMLESS: [&str; 12] = [
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "generators",
    "bases",
    "crds",
    "configMapGenerator",
    "generatorOptions",
    "openapi",
    "secretGenerator",
    "sortOptions",
];

/// How kustomize is run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kustomize {
    /// The program `kustomize`, found as any program is.
    #[default]
    Installed,
    /// This program.
    Program(PathBuf),
    /// Never: what needs it is refused.
    Never,
}

/// One kustomization.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kustomization {
    pub(crate) file: PathBuf,
    /// What it lists, as written.
    pub(crate) entries: Vec<String>,
    /// The fields that change what it lists.
    pub(crate) reasons: Vec<String>,
}

/// All kustomizations below a directory, and what they own.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    found: BTreeMap<PathBuf, Kustomization>,
    owned: BTreeSet<PathBuf>,
}

/// Looks at every kustomization below a directory.
pub(crate) fn survey(directory: &Path) -> Survey {
    let mut survey = Survey::default();
    survey.walk(directory);
    let changing: Vec<PathBuf> = survey
        .found
        .iter()
        .filter(|(_, found)| !found.reasons.is_empty())
        .map(|(directory, _)| directory.clone())
        .collect();
    for directory in changing {
        survey.own(&directory);
    }
    survey
}

impl Survey {
    fn walk(&mut self, directory: &Path) {
        if let Some(found) = read(directory) {
            self.found.insert(tidy(directory), found);
        }
        for (child, is_dir) in children(directory).unwrap_or_default() {
            if is_dir {
                self.walk(&child);
            }
        }
    }

    /// Everything a changing kustomization draws on belongs to it, through other kustomizations too.
    fn own(&mut self, directory: &Path) {
        let entries = self.found.get(&tidy(directory)).map(|found| found.entries.clone()).unwrap_or_default();
        for entry in entries {
            let path = tidy(&directory.join(entry));
            if self.owned.insert(path.clone()) && path.is_dir() {
                self.own(&path);
            }
        }
    }

    /// Whether the path counts only as another kustomization's input.
    pub(crate) fn is_owned(&self, path: &Path) -> bool {
        self.owned.contains(&tidy(path))
    }

    /// The kustomization of a directory.
    pub(crate) fn kustomization(&self, directory: &Path) -> Option<&Kustomization> {
        self.found.get(&tidy(directory))
    }
}

/// The kustomization in the file's own directory, if it lists the file and changes what it lists.
pub(crate) fn changed_by(file: &Path) -> Option<Kustomization> {
    let directory = parent(file);
    let found = read(directory)?;
    let lists = found
        .entries
        .iter()
        .any(|entry| tidy(&directory.join(entry)) == tidy(file) || tidy(Path::new(entry)) == tidy(file));
    (lists && !found.reasons.is_empty()).then_some(found)
}

/// Reads a directory's kustomization. One that cannot be read counts as one that changes things.
fn read(directory: &Path) -> Option<Kustomization> {
    let file = NAMES.iter().map(|name| directory.join(name)).find(|file| file.is_file())?;
    let mut found = Kustomization { file: file.clone(), ..Kustomization::default() };
    let documents = match read_text(&file) {
        Ok(text) => {
            let (documents, faults) = parse(&text);
            if let Some(fault) = faults.first() {
                found.reasons.push(format!("a fault in line {}", fault.mark.line));
            }
            documents
        }
        Err(error) => {
            found.reasons.push(format!("unreadable: {error}"));
            return Some(found);
        }
    };
    for document in &documents {
        let Value::Mapping(pairs) = &document.value else { continue };
        for (key, node) in pairs.iter().filter(|(_, node)| !is_empty(node)) {
            if LISTS.contains(&key.text.as_str()) {
                list(node, &mut found);
            }
            if !HARMLESS.contains(&key.text.as_str()) {
                found.reasons.push(key.text.clone());
            }
        }
    }
    Some(found)
}

fn list(node: &Node, found: &mut Kustomization) {
    let Value::Sequence(items) = &node.value else { return };
    for item in items {
        match &item.value {
            // An inline generator is a document in the list.
            Value::Mapping(_) | Value::Sequence(_) => found.reasons.push("an inline document".to_owned()),
            Value::Scalar(scalar) if is_remote(&scalar.text) => {
                found.reasons.push(format!("the remote {}", scalar.text))
            }
            Value::Scalar(scalar) => found.entries.push(scalar.text.clone()),
        }
    }
}

fn is_remote(entry: &str) -> bool {
    entry.contains("://")
        || entry.starts_with("git@")
        || entry.starts_with("github.com/")
        || entry.contains("?ref=")
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(pairs) => pairs.is_empty(),
    }
}

/// What `kustomize build` says for the directory.
pub(crate) fn build(
    how: &Kustomize,
    directory: &Path,
    found: &Kustomization,
) -> Result<String, Box<Diagnostic>> {
    let why = format!("it changes what it lists ({})", found.reasons.join(", "));
    let refuse = |message: String, help: String| {
        Err(Box::new(about_file(found.file.clone(), Code::Kustomize, message).help(help)))
    };
    let program = match how {
        Kustomize::Installed => Path::new("kustomize"),
        Kustomize::Program(program) => program,
        Kustomize::Never => {
            let help = format!("run `kustomize build {}` and pass its output", directory.display());
            return refuse(format!("{why}, and running kustomize is switched off"), help);
        }
    };
    let output = Command::new(program).arg("build").arg(directory).stdin(Stdio::null()).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            let help =
                format!("install kustomize, or pass the output of `kustomize build {}`", directory.display());
            return refuse(format!("{why}, and {} cannot be run: {error}", program.display()), help);
        }
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).take(3).collect();
        let message = format!("{why}, and kustomize failed ({}): {}", output.status, said.join(" / "));
        return refuse(message, format!("try `kustomize build {}`", directory.display()));
    }
    String::from_utf8(output.stdout).or_else(|_| {
        refuse(format!("{why}, and what kustomize printed is not text"), "check the program".to_owned())
    })
}

/// A single file that its directory's kustomization would change.
pub(crate) fn refuse_file(file: &Path, by: &Kustomization) -> Diagnostic {
    let message = format!(
        "{} changes this file ({}), so it is not deployed as it stands",
        by.file.display(),
        by.reasons.join(", ")
    );
    about_file(file.to_owned(), Code::Kustomize, message).help(format!(
        "pass the directory {}, or the output of `kustomize build` for it",
        parent(file).display()
    ))
}
