//! A repository: its texts, what the specs in it say, and every document with its places.

use std::path::{Path, PathBuf};

use rackhand_spec::{
    Diagnostic, LoadOptions, Loaded, Source, collect,
    located::{Document, Field, documents},
    read,
};

/// The names of kustomize's own file.
pub(crate) const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A GitOps repository that was read.
#[derive(Debug)]
pub struct Repository {
    pub(crate) source: Source,
    pub(crate) loaded: Loaded,
    pub(crate) documents: Vec<Document>,
    /// Whether everything that is there could be read.
    pub(crate) complete: bool,
}

impl Repository {
    /// Reads directories with everything below them, and files, as one repository: sites and policies may be kept apart.
    ///
    /// Any layout will do: each document is known by its kind. A directory with a `kustomization.yaml` is read as that
    /// deploys it. What cannot be read is among the findings of [`lint`](super::lint).
    pub fn open<P: AsRef<Path>>(paths: &[P], options: &LoadOptions) -> Self {
        let mut whole = Source::default();
        let mut diagnostics = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let (source, mut found) = collect(path.as_ref(), options);
            diagnostics.append(&mut found);
            let new = |(file, _): &(PathBuf, String)| !whole.files.iter().any(|(known, _)| known == file);
            let (files, known): (Vec<_>, Vec<_>) = source.files.into_iter().partition(new);
            // What one path leaves out another may hold.
            let left_out = |file: &PathBuf| !known.iter().any(|(name, _)| name == file);
            whole.secrets_only.retain(|file| left_out(file) || source.secrets_only.contains(file));
            whole.secrets_only.extend(source.secrets_only.into_iter().filter(left_out));
            whole.files.extend(files);
            whole.root = if number == 0 { source.root } else { common(whole.root, source.root) };
        }
        Self::new(whole, diagnostics)
    }

    /// A repository of texts.
    pub fn of(source: Source) -> Self {
        Self::new(source, Vec::new())
    }

    fn new(source: Source, mut diagnostics: Vec<Diagnostic>) -> Self {
        let mut complete = !diagnostics.iter().any(Diagnostic::is_error);
        let mut loaded = read(&source);
        loaded.diagnostics.append(&mut diagnostics);
        let mut found = Vec::new();
        for (file, text) in &source.files {
            let (documents, all) = documents(file, text);
            found.extend(documents);
            complete &= all;
        }
        Self { source, loaded, documents: found, complete }
    }

    /// The text of a file, for the comments in it.
    pub(crate) fn text(&self, file: &Path) -> Option<&str> {
        self.source.files.iter().find(|(known, _)| known == file).map(|(_, text)| text.as_str())
    }

    /// Each object, in the order of the files.
    pub(crate) fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        self.documents.iter().filter_map(|document| Object::of(document.root(), self))
    }
}

/// The nearest directory that both are below.
fn common(one: Option<PathBuf>, other: Option<PathBuf>) -> Option<PathBuf> {
    match (one, other) {
        (Some(one), Some(other)) => {
            one.ancestors().find(|ancestor| other.starts_with(ancestor)).map(Path::to_owned)
        }
        (one, other) => one.or(other),
    }
}

/// A document that is a Kubernetes object.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    pub(crate) root: Field<'a>,
    /// The group of `apiVersion`; empty for the core.
    pub(crate) group: &'a str,
    pub(crate) kind: &'a str,
    /// `metadata.name`, or nothing.
    pub(crate) name: &'a str,
    pub(crate) namespace: Option<&'a str>,
    /// Whether a kustomization leaves its file out.
    pub(crate) unlisted: bool,
}

impl<'a> Object<'a> {
    fn of(root: Field<'a>, repository: &'a Repository) -> Option<Self> {
        let version = root.get("apiVersion")?.text()?;
        let kind = root.get("kind")?.text()?;
        let metadata = |name| root.dig(&["metadata", name]).and_then(|field| field.text());
        Some(Self {
            group: version.split_once('/').map_or("", |(group, _)| group),
            kind,
            name: metadata("name").unwrap_or_default(),
            namespace: metadata("namespace"),
            unlisted: repository.source.secrets_only.contains(root.file()),
            root: root.clone(),
        })
    }

    /// Whether it is of this group and kind.
    pub(crate) fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// What a person calls it.
    pub(crate) fn called(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// Where it is spoken of as a whole: at its name.
    pub(crate) fn place(&self) -> Field<'a> {
        self.root.dig(&["metadata", "name"]).unwrap_or_else(|| self.root.clone())
    }
}
