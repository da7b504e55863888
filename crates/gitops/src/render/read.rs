//! Documents with positions, and the findings about them.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use rackhand_spec::{
    Code, Diagnostic, Kustomize, LoadOptions, Located, LocatedEntry, LocatedValue, ScalarKind, Severity,
    collect, field_path,
};
use serde_json::Value;

/// Where findings go.
#[derive(Debug, Default)]
pub(crate) struct Findings(RefCell<Vec<Diagnostic>>);

impl Findings {
    pub(crate) fn push(&self, finding: Diagnostic) {
        let mut all = self.0.borrow_mut();
        // A file that several clusters draw on is read once for each.
        if !all.contains(&finding) {
            all.push(finding);
        }
    }

    /// Errors so far. A builder compares before and after to know whether its part is sound.
    pub(crate) fn errors(&self) -> usize {
        self.0.borrow().iter().filter(|finding| finding.is_error()).count()
    }

    /// Says something about a file as a whole.
    pub(crate) fn about_file(&self, file: &Path, message: impl Into<String>, help: Option<&str>) {
        self.push(Diagnostic {
            severity: Severity::Error,
            code: Code::Unreadable,
            file: file.to_owned(),
            line: 1,
            column: 1,
            path: String::new(),
            message: message.into(),
            help: help.map(ToOwned::to_owned),
        });
    }

    pub(crate) fn into_sorted(self) -> Vec<Diagnostic> {
        let mut all = self.0.into_inner();
        all.sort_by(|a, b| {
            (&a.file, a.line, a.column, a.severity).cmp(&(&b.file, b.line, b.column, b.severity))
        });
        all
    }
}

/// The texts of a file, or of a directory with everything below it; without those that are there for their Secrets alone.
pub(crate) fn texts(path: &Path, kustomize: &Kustomize, findings: &Findings) -> Vec<(PathBuf, String)> {
    let (source, faults) = collect(path, &LoadOptions { kustomize: kustomize.clone() });
    faults.into_iter().for_each(|fault| findings.push(fault));
    source.files.into_iter().filter(|(file, _)| !source.secrets_only.contains(file)).collect()
}

/// Goes through every object in the texts, and answers how many of them `each` has taken.
pub(crate) fn each_object(
    files: &[(PathBuf, String)],
    findings: &Findings,
    mut each: impl FnMut(&At<'_>) -> bool,
) -> usize {
    let mut taken = 0;
    // A file of BIOS settings is read where a site names it.
    for (file, text) in files.iter().filter(|(file, _)| file.extension().is_none_or(|ext| ext != "profile")) {
        let (documents, faults) = Located::documents(file, text);
        faults.into_iter().for_each(|fault| findings.push(fault));
        for object in documents.iter().flat_map(|document| At::root(file, findings, document).objects()) {
            taken += usize::from(each(&object));
        }
    }
    taken
}

/// A mapping of what is given.
pub(crate) fn given<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect())
}

/// A value, its place and its path.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    pub(crate) file: &'a Path,
    pub(crate) findings: &'a Findings,
    pub(crate) node: &'a Located,
    pub(crate) path: String,
}

impl<'a> At<'a> {
    pub(crate) fn root(file: &'a Path, findings: &'a Findings, node: &'a Located) -> Self {
        Self { file, findings, node, path: String::new() }
    }

    /// The objects of a document: those in it where it is a list of them, else itself.
    pub(crate) fn objects(self) -> Vec<At<'a>> {
        let is_list = self.text_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"));
        match self.child("items").filter(|_| is_list) {
            Some(items) => items.items(),
            None => vec![self],
        }
    }

    pub(crate) fn child(&self, name: &str) -> Option<At<'a>> {
        let node = self.node.get(name)?;
        Some(At { node, path: field_path(&self.path, name), ..self.clone() })
    }

    /// A field that is there and is not nothing.
    pub(crate) fn given(&self, name: &str) -> Option<At<'a>> {
        self.child(name).filter(|at| !at.node.is_null())
    }

    /// A text some levels down, as written.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<String> {
        let mut here = self.clone();
        for name in path {
            here = here.child(name)?;
        }
        here.node.text().map(ToOwned::to_owned)
    }

    /// The pairs of a mapping; none where it is none.
    pub(crate) fn entries(&self) -> Vec<(&'a LocatedEntry, At<'a>)> {
        let LocatedValue::Map(entries) = &self.node.value else { return Vec::new() };
        entries
            .iter()
            .map(|entry| {
                let path = field_path(&self.path, &entry.key);
                (entry, At { node: &entry.value, path, ..self.clone() })
            })
            .collect()
    }

    /// The items of a list; none where it is none.
    pub(crate) fn items(&self) -> Vec<At<'a>> {
        let LocatedValue::List(items) = &self.node.value else { return Vec::new() };
        items
            .iter()
            .enumerate()
            .map(|(index, node)| At { node, path: format!("{}[{index}]", self.path), ..self.clone() })
            .collect()
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.node.value, LocatedValue::List(_))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.value, LocatedValue::Map(_))
    }

    /// A scalar's text and kind.
    pub(crate) fn scalar(&self) -> Option<(&'a str, ScalarKind)> {
        match &self.node.value {
            LocatedValue::Scalar(text, kind) => Some((text, *kind)),
            _ => None,
        }
    }

    /// The value as upstream's generators take it.
    pub(crate) fn json(&self) -> Value {
        go_json(self.node)
    }

    pub(crate) fn say(&self, severity: Severity, code: Code, message: impl Into<String>, help: Option<&str>) {
        self.findings.push(Diagnostic {
            severity,
            code,
            file: self.file.to_owned(),
            line: self.node.line,
            column: self.node.column,
            path: self.path.clone(),
            message: message.into(),
            help: help.map(ToOwned::to_owned),
        });
    }

    pub(crate) fn error(&self, code: Code, message: impl Into<String>) {
        self.say(Severity::Error, code, message, None);
    }

    pub(crate) fn error_help(&self, code: Code, message: impl Into<String>, help: &str) {
        self.say(Severity::Error, code, message, Some(help));
    }

    pub(crate) fn warn(&self, code: Code, message: impl Into<String>, help: Option<&str>) {
        self.say(Severity::Warning, code, message, help);
    }

    pub(crate) fn wrong_type(&self, wanted: &str) {
        self.error(Code::WrongType, format!("{wanted} is expected here, not {}", self.what()));
    }

    fn what(&self) -> &'static str {
        match &self.node.value {
            LocatedValue::List(_) => "a list",
            LocatedValue::Map(_) => "a mapping",
            LocatedValue::Scalar(_, ScalarKind::Null) => "nothing",
            LocatedValue::Scalar(..) => "a scalar",
        }
    }
}

/// A value as upstream's YAML library takes it: a whole number that starts with 0 is an octal one, as in `mode: 0644`.
pub(crate) fn go_json(node: &Located) -> Value {
    match &node.value {
        LocatedValue::List(items) => Value::Array(items.iter().map(go_json).collect()),
        LocatedValue::Map(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), go_json(&entry.value))).collect())
        }
        LocatedValue::Scalar(text, ScalarKind::Int) => octal(text).unwrap_or_else(|| node.json()),
        LocatedValue::Scalar(..) => node.json(),
    }
}

fn octal(text: &str) -> Option<Value> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let digits = digits.strip_prefix('0').filter(|rest| !rest.is_empty())?;
    i64::from_str_radix(digits, 8).ok().map(|value| Value::from(sign * value))
}

/// The files that a document may name: relative to its own directory, or to that of the kustomization it is deployed by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    /// Nothing outside of this directory is read; `None`: no bound.
    pub(crate) root: Option<PathBuf>,
}

impl Beside {
    /// The path that a document means, or what is wrong with it.
    pub(crate) fn find(&self, document: &Path, name: &str) -> Result<PathBuf, String> {
        let named = Path::new(name);
        if named.is_absolute() || named.has_root() {
            return Err(format!("`{name}` is an absolute path, which means another file on each machine"));
        }
        let directory = document.parent().unwrap_or(Path::new(""));
        let found = self.bases(directory).into_iter().map(|base| base.join(named)).find(|path| path.exists());
        let Some(path) = found else {
            return Err(format!("{} does not exist", directory.join(named).display()));
        };
        match &self.root {
            Some(root) if !inside(root, &path) => {
                Err(format!("`{name}` leads out of {}, where nothing is read", root.display()))
            }
            _ => Ok(path),
        }
    }

    /// The document's directory first, then those above it whose kustomization runs the generator: its paths are relative to that.
    fn bases(&self, directory: &Path) -> Vec<PathBuf> {
        let absolute = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let above = absolute.canonicalize().ok();
        let kustomized = above
            .iter()
            .flat_map(|path| path.ancestors().skip(1))
            .take_while(|path| self.root.as_ref().is_none_or(|root| inside(root, path)))
            .filter(|path| path.join("kustomization.yaml").is_file());
        std::iter::once(directory.to_owned()).chain(kustomized.map(Path::to_owned)).collect()
    }
}

fn inside(root: &Path, path: &Path) -> bool {
    match (root.canonicalize(), path.canonicalize()) {
        (Ok(root), Ok(path)) => path.starts_with(root),
        _ => false,
    }
}
