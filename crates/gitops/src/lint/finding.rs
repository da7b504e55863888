//! One finding, said as `validate` says it and with its rule's name.

use std::fmt;
use std::path::PathBuf;

use rackhand_spec::{Diagnostic, Severity, located::Field};
use serde::Serialize;

use super::Rule;

/// Something about a repository, at one place.
///
/// Its [`Display`](fmt::Display) is `FILE:LINE:COL: error[RULE]: PATH: message`, and a second, indented line with the help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// The rule that found it.
    pub rule: Rule,
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The field, as in `spec.clusters[0].nodes[1].bmcAddress`; empty for the file or document as a whole.
    #[serde(rename = "field", skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What was seen. Never holds the value of a Secret.
    pub message: String,
    /// What to do here; [`Rule::remedy`] says what to do in general.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Finding {
    /// A finding about a field.
    pub(crate) fn at(field: &Field<'_>, severity: Severity, rule: Rule, message: impl Into<String>) -> Self {
        Self {
            severity,
            rule,
            file: field.file().to_owned(),
            line: field.line(),
            column: field.column(),
            path: field.path().to_owned(),
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn error(field: &Field<'_>, rule: Rule, message: impl Into<String>) -> Self {
        Self::at(field, Severity::Error, rule, message)
    }

    pub(crate) fn warning(field: &Field<'_>, rule: Rule, message: impl Into<String>) -> Self {
        Self::at(field, Severity::Warning, rule, message)
    }

    pub(crate) fn note(field: &Field<'_>, rule: Rule, message: impl Into<String>) -> Self {
        Self::at(field, Severity::Note, rule, message)
    }

    /// Adds what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        let Diagnostic { severity, code, file, line, column, path, message, help } = diagnostic;
        Self { severity, rule: code.into(), file, line, column, path, message, help }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, rule, line, column, .. } = self;
        write!(f, "{}:{line}:{column}: {severity}[{rule}]: ", self.file.display())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n    help: {help}"),
            None => Ok(()),
        }
    }
}

/// `FILE:LINE`, to be named in another place's finding.
pub(crate) fn place(field: &Field<'_>) -> String {
    format!("{}:{}", field.file().display(), field.line())
}
