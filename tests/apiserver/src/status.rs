//! What the server answers when it does not do what was asked: a `Status` object, worded as the real server words its
//! code, reason and details, because clients decide by them.

use serde_json::{Value, json};

/// One thing that is wrong, and where: an entry of `details.causes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) field: String,
}

impl Cause {
    pub(crate) fn required(field: impl Into<String>) -> Self {
        Self { reason: "FieldValueRequired", message: "Required value".into(), field: field.into() }
    }

    pub(crate) fn required_because(field: impl Into<String>, why: &str) -> Self {
        Self { reason: "FieldValueRequired", message: format!("Required value: {why}"), field: field.into() }
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}: {why}", shown(value)),
            field: field.into(),
        }
    }

    pub(crate) fn unsupported(field: impl Into<String>, value: &Value, supported: &[Value]) -> Self {
        let list: Vec<String> = supported.iter().map(shown).collect();
        Self {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {}: supported values: {}", shown(value), list.join(", ")),
            field: field.into(),
        }
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self {
            reason: "FieldValueDuplicate",
            message: format!("Duplicate value: {}", shown(value)),
            field: field.into(),
        }
    }

    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self { reason: "FieldValueForbidden", message: format!("Forbidden: {why}"), field: field.into() }
    }
}

/// A value as it stands in a message.
fn shown(value: &Value) -> String {
    value.to_string()
}

/// What an object is called in messages: plural or kind, group and name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) group: &'a str,
    /// The plural in most messages, the kind in those about an object's content.
    pub(crate) resource: &'a str,
    pub(crate) name: &'a str,
}

impl Named<'_> {
    fn qualified(&self) -> String {
        if self.group.is_empty() { self.resource.into() } else { format!("{}.{}", self.resource, self.group) }
    }

    fn details(&self) -> Value {
        let mut details = json!({ "name": self.name });
        if !self.group.is_empty() {
            details["group"] = self.group.into();
        }
        details["kind"] = self.resource.into();
        details
    }
}

/// A request that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure(Box<Said>);

/// What is said of a failure.
#[derive(Clone, Debug)]
struct Said {
    code: u16,
    retry_after: Option<u32>,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Said { code, retry_after: None, reason, message: message.into(), details: None }))
    }

    pub(crate) fn code(&self) -> u16 {
        self.0.code
    }

    /// How many seconds a client is asked to wait.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.0.retry_after
    }

    fn about(mut self, named: Named<'_>) -> Self {
        self.0.details = Some(named.details());
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// Nobody may do this, or not who asks.
    pub(crate) fn forbidden(named: Named<'_>, why: &str) -> Self {
        let name = if named.name.is_empty() { String::new() } else { format!(" \"{}\"", named.name) };
        Self::new(403, "Forbidden", format!("{}{name} is forbidden: {why}", named.qualified())).about(named)
    }

    pub(crate) fn not_found(named: Named<'_>) -> Self {
        Self::new(404, "NotFound", format!("{} \"{}\" not found", named.qualified(), named.name)).about(named)
    }

    /// No such resource is served.
    pub(crate) fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    pub(crate) fn not_acceptable(message: impl Into<String>) -> Self {
        Self::new(406, "NotAcceptable", message)
    }

    pub(crate) fn already_exists(named: Named<'_>) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{}\" already exists", named.qualified(), named.name))
            .about(named)
    }

    pub(crate) fn conflict(named: Named<'_>, why: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} \"{}\": {why}", named.qualified(), named.name);
        Self::new(409, "Conflict", message).about(named)
    }

    /// Others own what was to be applied.
    pub(crate) fn owned_by_others(message: String, causes: &[Cause]) -> Self {
        let mut failure = Self::new(409, "Conflict", message);
        failure.0.details = Some(json!({ "causes": listed(causes) }));
        failure
    }

    /// What was asked for is older than what is kept.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, "RequestEntityTooLarge", "limit is 3145728")
    }

    pub(crate) fn unsupported_media_type(supported: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {supported}"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The object breaks rules; `kind` stands where others have the plural.
    pub(crate) fn invalid(kind: Named<'_>, causes: &[Cause]) -> Self {
        let each: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let all = match each.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} \"{}\" is invalid: {all}", kind.qualified(), kind.name);
        let mut failure = Self::new(422, "Invalid", message).about(kind);
        if let Some(details) = &mut failure.0.details {
            details["causes"] = listed(causes);
        }
        failure
    }

    /// The patch itself cannot be carried out.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, "Invalid", message)
    }

    pub(crate) fn too_many_requests(seconds: u32) -> Self {
        let mut failure =
            Self::new(429, "TooManyRequests", "Too many requests, please try again later.").after(seconds);
        failure.0.details = Some(json!({ "retryAfterSeconds": seconds }));
        failure
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(503, "ServiceUnavailable", "the server is currently unable to handle the request")
    }

    fn after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The `Status` object.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.0.message,
            "reason": self.0.reason,
        });
        if let Some(details) = &self.0.details {
            body["details"] = details.clone();
        }
        body["code"] = self.0.code.into();
        body
    }
}

fn listed(causes: &[Cause]) -> Value {
    causes
        .iter()
        .map(|cause| json!({ "reason": cause.reason, "message": cause.message, "field": cause.field }))
        .collect()
}
