//! A repository: its texts, what the specs in it say, and every document with its places.

use std::path::Path;

use rackhand_spec::{
    Diagnostic, LoadOptions, Loaded, Source, collect,
    located::{Document, Field, documents},
    read,
};

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
    /// Reads a directory with everything below it, or one file.
    ///
    /// Any layout will do: each document is known by its kind. A directory with a `kustomization.yaml` is read as that
    /// deploys it. What cannot be read is among the findings of [`lint`](super::lint).
    pub fn open(path: &Path, options: &LoadOptions) -> Self {
        let (source, diagnostics) = collect(path, options);
        Self::new(source, diagnostics)
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
