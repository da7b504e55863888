//! What is said about a file: one finding, at one place, about one field.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// How much a [`Diagnostic`] weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The node, cluster or file it is about yields no [`NodeSpec`](crate::NodeSpec).
    Error,
    /// It is read, but probably not as its author meant.
    Warning,
    /// Worth knowing, nothing to mend.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// The kind of finding, for callers that count, filter or fold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The file could not be read, or is not YAML.
    Unreadable,
    /// A field that no version of the format has.
    UnknownField,
    /// A required field is missing.
    MissingField,
    /// A value has the wrong type.
    WrongType,
    /// A value has the right type, and is not allowed.
    InvalidValue,
    /// A field is read and understood, and nothing in rackhand uses it.
    NotUsed,
    /// A field that rackhand does use is given, and a nearer one counts instead.
    Shadowed,
    /// A value is accepted although the format asks for another form of it.
    Sloppy,
    /// Two places disagree: a VIP outside of its network, an address of the wrong family.
    Conflict,
    /// Two nodes have one name.
    DuplicateNode,
    /// Two nodes have one MAC address.
    DuplicateMac,
    /// Two nodes have one BMC.
    DuplicateBmc,
    /// Two clusters have a node of one host name.
    DuplicateHostName,
    /// kustomize changes this file, and was not or could not be run.
    Kustomize,
    /// A document, file or host is left out.
    Skipped,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 15] = [
        Self::Unreadable,
        Self::UnknownField,
        Self::MissingField,
        Self::WrongType,
        Self::InvalidValue,
        Self::NotUsed,
        Self::Shadowed,
        Self::Sloppy,
        Self::Conflict,
        Self::DuplicateNode,
        Self::DuplicateMac,
        Self::DuplicateBmc,
        Self::DuplicateHostName,
        Self::Kustomize,
        Self::Skipped,
    ];

    /// Its name for people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::UnknownField => "unknown-field",
            Self::MissingField => "missing-field",
            Self::WrongType => "wrong-type",
            Self::InvalidValue => "invalid-value",
            Self::NotUsed => "not-used",
            Self::Shadowed => "shadowed",
            Self::Sloppy => "sloppy",
            Self::Conflict => "conflict",
            Self::DuplicateNode => "duplicate-node",
            Self::DuplicateMac => "duplicate-mac",
            Self::DuplicateBmc => "duplicate-bmc",
            Self::DuplicateHostName => "duplicate-host-name",
            Self::Kustomize => "kustomize",
            Self::Skipped => "skipped",
        }
    }
}

/// One finding.
///
/// Its [`Display`](fmt::Display) is `FILE:LINE:COL: error: PATH: message`, and a second, indented line with the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: Code,
    /// The file, as it was named to [`load`](crate::load).
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The field, as in `spec.clusters[0].nodes[1].bmcAddress`; empty for the file as a whole.
    pub path: String,
    /// What was seen. Never holds the value of a Secret.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Whether it keeps a node from being provisioned.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Adds what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}: ", self.file.display(), self.line, self.column, self.severity)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n    help: {help}")?;
        }
        Ok(())
    }
}

/// The same findings with those of [`Code::NotUsed`] folded into one note per file.
///
/// A valid site file names a dozen fields that are the hub's business. Each is a finding of its own, so that nothing is
/// dropped in silence; a person reads them better in one line.
pub fn folded(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    let mut out: Vec<Diagnostic> = Vec::new();
    for one in diagnostics {
        if one.code != Code::NotUsed {
            out.push(one.clone());
            continue;
        }
        let field = field_name(&one.path);
        let known = out.iter_mut().find(|d| d.code == Code::NotUsed && d.file == one.file);
        match known {
            Some(note) => {
                if !note.message.split([' ', ',']).any(|word| word == field) {
                    note.message.push_str(", ");
                    note.message.push_str(field);
                }
            }
            None => out.push(Diagnostic {
                severity: Severity::Note,
                path: String::new(),
                message: format!("not used by rackhand: {field}"),
                help: None,
                ..one.clone()
            }),
        }
    }
    out
}

/// The last part of a path: what a reader looks for in the file.
fn field_name(path: &str) -> &str {
    if let Some((_, annotation)) = path.rsplit_once("[\"") {
        return annotation.trim_end_matches("\"]");
    }
    path.rsplit('.').next().unwrap_or(path)
}
