//! Why a method is refused: HTTP 200 with `errorCode` and `errorDescr`.

use super::element::Element;
use crate::machine::LoginProblem;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    code: &'static str,
    result: &'static str,
    text: String,
    /// Whether it is said of the document as a whole, by an element `error`, and not of its method.
    of_document: bool,
}

impl Refusal {
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, result: "unidentified-fail", text: text.into(), of_document: false }
    }

    /// The document is no XML, names what there is not, or has a value that its schema does not allow.
    pub(super) fn schema(why: impl std::fmt::Display) -> Self {
        Self {
            code: "ERR-xml-parse-error",
            result: "594",
            text: format!("XML PARSING ERROR: {why}"),
            of_document: true,
        }
    }

    /// An attribute with a value that its schema does not allow.
    pub(super) fn value(element: &Element, attribute: &str) -> Self {
        let (name, value) = (&element.name, element.get(attribute).unwrap_or_default());
        Self::schema(format!("Element '{name}', attribute '{attribute}': the value '{value}' is not valid."))
    }

    /// No cookie, or one that is not (any more) of a session.
    pub(super) fn no_session() -> Self {
        Self::new("552", "Authorization required")
    }

    /// A logout of a session that there is not.
    pub(super) fn nothing_to_end() -> Self {
        Self::new("555", "Session not found")
    }

    /// A refused login. The code of a full table is this simulator's.
    pub(super) fn login(problem: LoginProblem) -> Self {
        match problem {
            LoginProblem::Wrong | LoginProblem::Locked => Self::new("551", "Authentication failed"),
            LoginProblem::Full => Self::new("572", "Maximum number of sessions reached"),
        }
    }

    /// The machine does not do that. Cisco's numbers for what can go wrong are not known; this one is the simulator's.
    pub(super) fn operation(why: impl std::fmt::Display) -> Self {
        Self::new("2003", format!("Operation failed. {why}"))
    }

    /// As the answer to the method `name`, or to a document that none could be made out of.
    pub(super) fn answer(&self, name: &str, cookie: &str) -> Element {
        let name = if self.of_document { "error" } else { name };
        Element::new(name)
            .with("cookie", cookie)
            .with("response", "yes")
            .with("errorCode", self.code)
            .with("invocationResult", self.result)
            .with("errorDescr", self.text.as_str())
    }
}
