//! What an answer's `errorCode` means. The API answers HTTP 200 whatever happened.

use rackhand_bmc::{Error, ErrorKind, Message};

use super::element::Element;

/// The longest text of a BMC that is passed on.
const LONGEST: usize = 300;

/// An error that the API answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// `errorCode`: a number, or a word (`ERR-xml-parse-error`).
    pub(crate) code: String,
    /// `errorDescr`, without any secret that was sent.
    pub(crate) text: String,
}

impl Fault {
    /// The error that an answer is, if it is one. `request` says which values must not be shown: schema errors repeat
    /// the value that they refuse.
    pub(crate) fn in_answer(answer: &Element, request: &Element) -> Option<Self> {
        let code = answer.get("errorCode").filter(|code| *code != "0");
        if code.is_none() && answer.name != "error" {
            return None;
        }
        let mut text = answer.get("errorDescr").unwrap_or("no errorDescr").to_owned();
        for secret in secrets(request) {
            text = text.replace(&secret, "…");
        }
        let text: String =
            text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect();
        Some(Self { code: code.unwrap_or("unknown").to_owned(), text })
    }

    fn has(&self, part: &str) -> bool {
        self.text.to_ascii_lowercase().contains(part)
    }

    /// The cookie is no longer known, so nothing was done (552: answers of UCS Manager's API, which is the same; 555:
    /// the SDK takes it so at a logout).
    pub(crate) fn is_session_over(&self) -> bool {
        matches!(self.code.as_str(), "552" | "555") || self.has("authorization required")
    }

    /// User name or password refused (551: recorded answers of IMC 2.0).
    pub(crate) fn is_refused_login(&self) -> bool {
        self.code == "551" || self.has("authentication failed")
    }

    /// What the caller can do about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match () {
            () if self.is_refused_login() => ErrorKind::RefusedCredentials,
            () if self.is_session_over() => ErrorKind::Forbidden,
            () if self.has("session") && (self.has("maximum") || self.has("limit")) => {
                ErrorKind::Busy { retry_after: None }
            }
            () if self.has("not ready")
                || self.has("busy")
                || self.has("in progress")
                || self.has("try again") =>
            {
                ErrorKind::Busy { retry_after: None }
            }
            // The schema of this firmware: a class, element or attribute that it does not have, or a value it refuses.
            () if self.has("no class named") || self.has("not allowed") || self.has("not expected") => {
                ErrorKind::Unsupported
            }
            () if self.has("not supported") || self.has("unsupported") => ErrorKind::Unsupported,
            () if self.has("does not exist") || self.has("not found") => ErrorKind::NotFound,
            () if self.has("already exists") => ErrorKind::Conflict,
            () if self.has("privilege") || self.has("access denied") => ErrorKind::Forbidden,
            () => ErrorKind::RejectedValue { properties: Vec::new() },
        }
    }

    /// As an error of `bmc`, met by `request`.
    pub(crate) fn error(&self, bmc: &str, request: &str) -> Error {
        let message = Message { id: self.code.clone(), text: self.text.clone() };
        Error::new(self.kind(), bmc, "the XML API refuses it")
            .with_request(request)
            .with_messages(vec![message])
    }
}

/// The values of a request that are never shown, longest first.
fn secrets(request: &Element) -> Vec<String> {
    fn gather(element: &Element, found: &mut Vec<String>) {
        for (name, value) in element.attributes() {
            let name = name.to_ascii_lowercase();
            if (name.contains("password") || name.contains("cookie")) && !value.is_empty() {
                found.push(value.to_owned());
            }
        }
        element.children.iter().for_each(|child| gather(child, found));
    }
    let mut found = Vec::new();
    gather(request, &mut found);
    found.sort_by_key(|value| std::cmp::Reverse(value.len()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: &str, text: &str) -> Fault {
        Fault { code: code.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn an_error_is_told_from_a_success() {
        let request = Element::new("configResolveDn");
        let answer = |text: &str| Element::parse(text.as_bytes()).unwrap();
        assert_eq!(Fault::in_answer(&answer("<configResolveDn response='yes'/>"), &request), None);
        assert_eq!(Fault::in_answer(&answer("<configResolveDn errorCode='0'/>"), &request), None);
        let parse = answer(
            "<error cookie='' errorCode='ERR-xml-parse-error' invocationResult='594' errorDescr='XML PARSING ERROR: no class named x'/>",
        );
        assert_eq!(
            Fault::in_answer(&parse, &request),
            Some(fault("ERR-xml-parse-error", "XML PARSING ERROR: no class named x"))
        );
        assert_eq!(Fault::in_answer(&answer("<error/>"), &request), Some(fault("unknown", "no errorDescr")));
    }

    #[test]
    fn a_text_that_repeats_a_secret_is_shown_without_it() {
        let request = Element::new("configConfMo").with("cookie", "1/abc").with_child(
            Element::new("inConfig").with_child(Element::new("commVMediaMap").with("password", "hunter2")),
        );
        let answer =
            Element::new("error").with("errorCode", "1").with("errorDescr", "value 'hunter2' \n of 1/abc");
        assert_eq!(Fault::in_answer(&answer, &request).unwrap().text, "value '…' of …");
    }

    #[test]
    fn codes_and_texts_become_kinds() {
        let busy = ErrorKind::Busy { retry_after: None };
        for (code, text, kind) in [
            ("551", "Authentication failed", ErrorKind::RefusedCredentials),
            ("552", "Authorization required", ErrorKind::Forbidden),
            ("572", "User reached maximum session limit", busy.clone()),
            ("2003", "Operation failed. storage subsystem not ready yet", busy),
            ("ERR-xml-parse-error", "no class named lsbootHttp", ErrorKind::Unsupported),
            ("ERR-xml-parse-error", "The attribute 'vdInitType' is not allowed.", ErrorKind::Unsupported),
            ("170", "DN does not exist", ErrorKind::NotFound),
            ("103", "can't create; object already exists.", ErrorKind::Conflict),
            ("2003", "Invalid size", ErrorKind::RejectedValue { properties: Vec::new() }),
        ] {
            assert_eq!(fault(code, text).kind(), kind, "{text}");
        }
    }
}
