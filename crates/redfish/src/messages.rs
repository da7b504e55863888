//! Extended information: what a BMC says about an answer, and what it means.

use std::time::Duration;

use http::StatusCode;
use rackhand_bmc::{ErrorKind, Message};
use serde_json::Value;

use crate::document::View;

/// One message with what helps to understand it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extended {
    /// Id and text.
    pub message: Message,
    /// The message's arguments, as texts.
    pub args: Vec<String>,
    /// The properties it is about, by their last path segment.
    pub properties: Vec<String>,
}

impl Extended {
    /// Whether it reports a success: HPE and others send those in error bodies too.
    #[must_use]
    pub fn is_success(&self) -> bool {
        ["Success", "Created", "NoOperation", "Accepted"]
            .iter()
            .any(|key| self.message.key().eq_ignore_ascii_case(key))
    }

    /// Whether it speaks of the property or attribute `name`.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.properties.iter().chain(&self.args).any(|named| named == name)
    }
}

/// What a message means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meaning {
    /// Busy or not ready; the same request may succeed later.
    Busy,
    /// Refused until POST is over.
    InPost,
    /// A value or parameter was refused.
    Rejected,
    /// Something of the same kind is pending or running.
    Conflict,
    /// User name or password refused.
    RefusedCredentials,
    /// The account or address is blocked.
    Locked,
    /// The session table is full.
    SessionsFull,
    /// The session is over; a new login helps.
    NoSession,
    /// The account may not do this.
    Forbidden,
    /// This BMC cannot do it.
    Unsupported,
    /// A licence is missing.
    NeedsLicence,
    /// The resource is not there.
    NotFound,
    /// It is so already: decided by a read-back.
    Already,
}

/// One row of the table from messages to meanings.
#[derive(Debug, Clone, Copy)]
pub struct MessageRule {
    /// The part of the MessageId after its last dot. Prefix and version vary between firmware.
    pub key: &'static str,
    /// What it means.
    pub meaning: Meaning,
    /// Where that is known from.
    pub source: &'static str,
}

impl MessageRule {
    /// A row.
    #[must_use]
    pub const fn new(key: &'static str, meaning: Meaning, source: &'static str) -> Self {
        Self { key, meaning, source }
    }
}

const BASE: &str = "DMTF Base registry";

/// The standard messages. A vendor's own rows come before these.
const STANDARD: &[MessageRule] = &[
    MessageRule::new("ServiceTemporarilyUnavailable", Meaning::Busy, BASE),
    MessageRule::new("ServiceInUnknownState", Meaning::Busy, BASE),
    MessageRule::new("ServiceShuttingDown", Meaning::Busy, BASE),
    MessageRule::new("ResourceInStandby", Meaning::Busy, BASE),
    MessageRule::new("ResourceExhaustion", Meaning::Busy, BASE),
    MessageRule::new("OperationTimeout", Meaning::Busy, BASE),
    MessageRule::new("ResourceInUse", Meaning::Conflict, BASE),
    MessageRule::new("ResourceAlreadyExists", Meaning::Conflict, BASE),
    MessageRule::new("PreconditionFailed", Meaning::Conflict, BASE),
    MessageRule::new("ActionParameterValueConflict", Meaning::Conflict, BASE),
    MessageRule::new("PropertyValueConflict", Meaning::Rejected, BASE),
    MessageRule::new("PropertyValueResourceConflict", Meaning::Rejected, BASE),
    MessageRule::new("SessionLimitExceeded", Meaning::SessionsFull, BASE),
    MessageRule::new("NoValidSession", Meaning::NoSession, BASE),
    MessageRule::new("ResourceAtUriUnauthorized", Meaning::RefusedCredentials, BASE),
    MessageRule::new("InsufficientPrivilege", Meaning::Forbidden, BASE),
    MessageRule::new("InsufficientPrivilegeForOperation", Meaning::Forbidden, BASE),
    MessageRule::new("PasswordChangeRequired", Meaning::Forbidden, BASE),
    MessageRule::new("AccessDenied", Meaning::Forbidden, BASE),
    MessageRule::new("AccountLocked", Meaning::Locked, "common vendor message"),
    MessageRule::new("ResourceMissingAtURI", Meaning::NotFound, BASE),
    MessageRule::new("ResourceNotFound", Meaning::NotFound, BASE),
    MessageRule::new("ActionNotSupported", Meaning::Unsupported, BASE),
    MessageRule::new("OperationNotAllowed", Meaning::Unsupported, BASE),
    MessageRule::new("LicenseRequired", Meaning::NeedsLicence, "DMTF License registry"),
    MessageRule::new("InstallFailed", Meaning::Rejected, "DMTF License registry"),
    MessageRule::new("PropertyValueNotInList", Meaning::Rejected, BASE),
    MessageRule::new("PropertyValueTypeError", Meaning::Rejected, BASE),
    MessageRule::new("PropertyValueFormatError", Meaning::Rejected, BASE),
    MessageRule::new("PropertyValueOutOfRange", Meaning::Rejected, BASE),
    MessageRule::new("PropertyValueIncorrect", Meaning::Rejected, BASE),
    MessageRule::new("PropertyValueError", Meaning::Rejected, BASE),
    MessageRule::new("PropertyNotWritable", Meaning::Rejected, BASE),
    MessageRule::new("PropertyNotUpdated", Meaning::Rejected, BASE),
    MessageRule::new("PropertyUnknown", Meaning::Rejected, BASE),
    MessageRule::new("PropertyMissing", Meaning::Rejected, BASE),
    MessageRule::new("ActionParameterMissing", Meaning::Rejected, BASE),
    MessageRule::new("ActionParameterUnknown", Meaning::Rejected, BASE),
    MessageRule::new("ActionParameterNotSupported", Meaning::Rejected, BASE),
    MessageRule::new("ActionParameterDuplicate", Meaning::Rejected, BASE),
    MessageRule::new("ActionParameterValueTypeError", Meaning::Rejected, BASE),
    MessageRule::new("ActionParameterValueFormatError", Meaning::Rejected, BASE),
    MessageRule::new("ActionParameterValueNotInList", Meaning::Rejected, BASE),
    MessageRule::new("ActionParameterValueOutOfRange", Meaning::Rejected, BASE),
    MessageRule::new("ActionParameterValueError", Meaning::Rejected, BASE),
    MessageRule::new("InvalidObject", Meaning::Rejected, BASE),
    MessageRule::new("InvalidURI", Meaning::NotFound, BASE),
    MessageRule::new("CouldNotEstablishConnection", Meaning::Rejected, BASE),
    MessageRule::new("SourceDoesNotSupportProtocol", Meaning::Rejected, BASE),
    MessageRule::new("ResourceAtUriInUnknownFormat", Meaning::Rejected, BASE),
];

/// What the first message with a known meaning means: the vendor's rows first, then the standard ones.
#[must_use]
pub fn meaning(messages: &[Extended], vendor: &[MessageRule]) -> Option<Meaning> {
    let row = |message: &Extended| {
        let key = message.message.key();
        vendor.iter().chain(STANDARD).find(|rule| rule.key.eq_ignore_ascii_case(key))
    };
    messages.iter().find_map(row).map(|rule| rule.meaning)
}

/// The kind of error that a status and its messages make, and the properties it is about.
pub(crate) fn kind_of(
    status: StatusCode,
    meaning: Option<Meaning>,
    messages: &[Extended],
    retry_after: Option<Duration>,
) -> ErrorKind {
    let properties = || {
        let mut names: Vec<String> = messages.iter().flat_map(|message| message.properties.clone()).collect();
        names.dedup();
        names
    };
    match meaning {
        Some(Meaning::Busy | Meaning::SessionsFull) => ErrorKind::Busy { retry_after },
        Some(Meaning::InPost) => ErrorKind::InPost,
        Some(Meaning::Rejected) => ErrorKind::RejectedValue { properties: properties() },
        Some(Meaning::Conflict | Meaning::Already) => ErrorKind::Conflict,
        Some(Meaning::RefusedCredentials | Meaning::NoSession) => ErrorKind::RefusedCredentials,
        Some(Meaning::Locked) => ErrorKind::Locked { retry_after },
        Some(Meaning::Forbidden) => ErrorKind::Forbidden,
        Some(Meaning::Unsupported) => ErrorKind::Unsupported,
        Some(Meaning::NeedsLicence) => ErrorKind::NeedsLicence {
            licence: messages
                .iter()
                .flat_map(|message| &message.args)
                .next()
                .cloned()
                .unwrap_or_else(|| "of this BMC".to_owned()),
        },
        Some(Meaning::NotFound) => ErrorKind::NotFound,
        None => match status.as_u16() {
            401 => ErrorKind::RefusedCredentials,
            403 => ErrorKind::Forbidden,
            404 | 410 => ErrorKind::NotFound,
            405 | 501 => ErrorKind::Unsupported,
            409 | 412 | 423 | 428 => ErrorKind::Conflict,
            429 | 500 | 502 | 503 | 504 => ErrorKind::Busy { retry_after },
            400 | 422 => ErrorKind::RejectedValue { properties: properties() },
            _ => ErrorKind::Protocol,
        },
    }
}

/// Messages of one answer are capped: some BMCs send one per attribute of a large write.
const MOST_MESSAGES: usize = 20;
/// Longest text of a message that is kept, in characters.
const LONGEST_TEXT: usize = 400;

/// Every message in a body: under `error`, at the top level, and beside single properties; as a list or one object.
///
/// `secrets` are blanked out wherever they are repeated: some BMCs quote refused values, passwords included.
#[must_use]
pub fn messages_of(body: &Value, secrets: &[String]) -> Vec<Extended> {
    let body = View(body);
    let mut found = Vec::new();
    for list in ["error/@Message.ExtendedInfo", "@Message.ExtendedInfo"] {
        found.extend(body.list(list).into_iter().filter_map(|view| extended(view, None)));
    }
    for (name, view) in body.entries("").chain(body.entries("error")) {
        if let Some(property) =
            name.strip_suffix("@Message.ExtendedInfo").filter(|property| !property.is_empty())
        {
            found.extend(view.list("").into_iter().filter_map(|view| extended(view, Some(property))));
        }
    }
    if found.is_empty()
        && let (Some(id), Some(text)) = (body.str("error/code"), body.str("error/message"))
    {
        let message = Message { id: id.to_owned(), text: capped(text) };
        found.push(Extended { message, args: Vec::new(), properties: Vec::new() });
    }
    found.truncate(MOST_MESSAGES);
    found.iter_mut().for_each(|message| blank(message, secrets));
    found
}

/// Only the messages that stand where the standard first puts them: as a list, under `error`.
pub(crate) fn messages_of_the_standard(body: &Value, secrets: &[String]) -> Vec<Extended> {
    let listed = body.pointer("/error/@Message.ExtendedInfo").filter(|info| info.is_array());
    listed.map_or_else(Vec::new, |info| {
        messages_of(&Value::from_iter([("@Message.ExtendedInfo", info.clone())]), secrets)
    })
}

/// Reads one message: also used for `@Redfish.Settings.Messages`, which has the same form.
#[must_use]
pub fn extended(view: View<'_>, property: Option<&str>) -> Option<Extended> {
    let id = view.str("MessageId").or_else(|| view.str("MessageID")).or_else(|| view.str("Message"))?;
    let args: Vec<String> =
        view.list("MessageArgs").into_iter().filter_map(text_of).take(MOST_MESSAGES).collect();
    let mut properties: Vec<String> = property.map(str::to_owned).into_iter().collect();
    properties.extend(
        view.strings("RelatedProperties")
            .into_iter()
            .map(|path| crate::uri::last_segment(path.trim_start_matches('#')).to_owned()),
    );
    let text = view.str("Message").map_or_else(|| args.join(", "), capped);
    let id =
        if view.str("MessageId").or_else(|| view.str("MessageID")).is_some() { id } else { "no MessageId" };
    properties.retain(|name| !name.is_empty());
    Some(Extended { message: Message { id: id.to_owned(), text }, args, properties })
}

fn text_of(view: View<'_>) -> Option<String> {
    match view.value() {
        Value::String(text) => Some(capped(text.trim())),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(crate) fn capped(text: &str) -> String {
    let one_line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_TEXT).collect();
    if text.chars().nth(LONGEST_TEXT).is_some() { format!("{one_line}…") } else { one_line }
}

fn blank(message: &mut Extended, secrets: &[String]) {
    let texts = [&mut message.message.text, &mut message.message.id];
    for text in texts.into_iter().chain(&mut message.args).chain(&mut message.properties) {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), "***");
            }
        }
    }
}

/// The texts of a request's body that must never be repeated: whatever stands under a key named like a password.
pub(crate) fn secrets_in(body: &Value) -> Vec<String> {
    match body {
        Value::Object(map) => map
            .iter()
            .flat_map(|(name, value)| match value.as_str() {
                Some(text) if name.to_ascii_lowercase().contains("password") => vec![text.to_owned()],
                _ => secrets_in(value),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(secrets_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_found_wherever_they_stand() {
        let one = json!({"MessageId": "Base.1.8.PropertyValueNotInList", "Message": "no", "MessageArgs": ["x", "Boot"],
                         "RelatedProperties": ["#/Attributes/SysProfile"]});
        let bodies = [
            json!({"error": {"@Message.ExtendedInfo": [one]}}),
            json!({"error": {"@Message.ExtendedInfo": one}}),
            json!({"@Message.ExtendedInfo": [one]}),
            json!({"SysProfile@Message.ExtendedInfo": [one]}),
        ];
        for body in bodies {
            let found = messages_of(&body, &[]);
            assert_eq!(found.len(), 1, "{body}");
            let message = &found[0];
            assert_eq!(message.message.key(), "PropertyValueNotInList");
            assert!(message.names("SysProfile") && message.names("Boot") && !message.names("Sys"));
            let kind = kind_of(StatusCode::BAD_REQUEST, meaning(&found, &[]), &found, None);
            assert_eq!(kind, ErrorKind::RejectedValue { properties: vec!["SysProfile".to_owned()] });
        }
    }

    #[test]
    fn a_body_without_extended_information_still_speaks() {
        let found =
            messages_of(&json!({"error": {"code": "Base.1.0.GeneralError", "message": "broken"}}), &[]);
        assert_eq!(
            found[0].message,
            Message { id: "Base.1.0.GeneralError".to_owned(), text: "broken".to_owned() }
        );
        assert!(messages_of(&json!({"error": {"@Message.ExtendedInfo": [7, null, {}]}}), &[]).is_empty());
        // Dell writes the list of arguments as one text.
        let found = messages_of(
            &json!({"@Message.ExtendedInfo": [{"MessageId": "IDRAC.2.8.RAC0679", "MessageArgs": "[]"}]}),
            &[],
        );
        assert_eq!(found[0].message.key(), "RAC0679");
    }

    #[test]
    fn a_vendors_row_comes_first() {
        const VENDOR: &[MessageRule] = &[MessageRule::new("resourceinuse", Meaning::InPost, "test")];
        let found =
            messages_of(&json!({"@Message.ExtendedInfo": [{"MessageId": "Base.1.0.ResourceInUse"}]}), &[]);
        assert_eq!(meaning(&found, &[]), Some(Meaning::Conflict));
        assert_eq!(meaning(&found, VENDOR), Some(Meaning::InPost));
    }

    #[test]
    fn a_repeated_password_is_blanked_out() {
        let body = json!({"UserName": "root", "Oem": [{"SharePassword": "calvin"}]});
        let secrets = secrets_in(&body);
        assert_eq!(secrets, ["calvin"]);
        let echo = json!({"@Message.ExtendedInfo": [{"MessageId": "X.calvin", "Message": "the value calvin is wrong", "MessageArgs": ["calvin"]}]});
        assert!(!format!("{:?}", messages_of(&echo, &secrets)).contains("calvin"));
    }

    #[test]
    fn each_status_has_a_kind() {
        let kind = |status: u16| kind_of(StatusCode::from_u16(status).unwrap(), None, &[], None);
        assert_eq!(kind(401), ErrorKind::RefusedCredentials);
        assert_eq!(kind(405), ErrorKind::Unsupported);
        assert_eq!(kind(409), ErrorKind::Conflict);
        assert_eq!(kind(503), ErrorKind::Busy { retry_after: None });
        assert_eq!(kind(418), ErrorKind::Protocol);
    }
}
