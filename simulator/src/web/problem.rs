//! What can be wrong with a call, without a vendor's words; a personality renders it.

use http::StatusCode;
use serde_json::{Value, json};

use super::Reply;
use crate::fetch::FetchError;
use crate::machine::bios::{Complaint, Refused, plain};
use crate::machine::storage::StorageProblem;
use crate::machine::{LoginProblem, MediaProblem, PowerProblem};

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// No resource at that path.
    NotFound,
    /// The resource has no such method.
    MethodNotAllowed,
    /// No credentials were sent.
    NoCredentials,
    /// The session token is not known (any more).
    NoSession,
    /// A login was refused.
    Login(LoginProblem),
    /// The body is no JSON object.
    MalformedJson,
    /// The body is of another type than JSON.
    NotJson,
    /// A required property or action parameter is missing.
    Missing(String),
    /// A property that the resource does not have.
    UnknownProperty(String),
    /// A property that cannot be written.
    ReadOnlyProperty(String),
    /// A property with a value of the wrong type.
    PropertyType(String, Value),
    /// A property with a value that is not allowed.
    PropertyValue(String, Value),
    /// An action parameter with a value that is not allowed.
    ParameterValue(String, Value),
    /// `If-Match` names another version.
    PreconditionFailed,
    /// A reset is refused.
    Power(PowerProblem),
    /// A media action is refused.
    Media(MediaProblem),
    /// An image cannot be read.
    Image(String, FetchError),
    /// BIOS attributes are refused.
    Bios(Vec<Refused>),
    /// A job that waits or runs stands in the way.
    JobPending(String),
    /// Not while the host is in POST.
    InPost,
    /// Something cannot be done with storage.
    Storage(StorageProblem),
    /// Anything else: status, message id without its registry's prefix and version, text.
    Other(StatusCode, String, String),
}

/// One message of an extended error: its id, text, arguments and the severity.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Such as `Base.1.8.PropertyUnknown`.
    pub id: String,
    /// What it says.
    pub text: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Properties it is about, as JSON pointers.
    pub related: Vec<String>,
}

impl Message {
    /// A message without arguments.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { id: id.into(), text: text.into(), args: Vec::new(), related: Vec::new() }
    }

    /// With arguments.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// About a property, as a JSON pointer such as `#/Attributes/NumCores`.
    #[must_use]
    pub fn about(mut self, pointer: String) -> Self {
        self.related.push(pointer);
        self
    }

    /// As a member of `@Message.ExtendedInfo`.
    pub fn to_json(&self) -> Value {
        let mut info = json!({
            "@odata.type": "#Message.v1_1_1.Message",
            "MessageId": self.id,
            "Message": self.text,
            "MessageArgs": self.args,
            "Severity": "Critical",
            "Resolution": "None",
        });
        if !self.related.is_empty() {
            info["RelatedProperties"] = json!(self.related);
        }
        info
    }
}

/// A Redfish error body from its messages. Its code is that of the first message, or GeneralError for several.
pub fn error_body(prefix: &str, messages: &[Message]) -> Value {
    let (code, text) = match messages {
        [one] => (one.id.clone(), one.text.clone()),
        _ => (
            format!("{prefix}.GeneralError"),
            "A general error has occurred. See ExtendedInfo for more information.".into(),
        ),
    };
    let info: Vec<_> = messages.iter().map(Message::to_json).collect();
    json!({"error": {"code": code, "message": text, "@Message.ExtendedInfo": info}})
}

/// The standard's messages for a problem, from the Base registry; `base` is its prefix and version (`Base.1.8`).
pub fn standard_messages(problem: &Problem, base: &str) -> Vec<Message> {
    let message = |id: &str, text: String| vec![Message::new(format!("{base}.{id}"), text)];
    match problem {
        Problem::NotFound => message("ResourceMissingAtURI", "There is no resource at this URI.".into()),
        Problem::MethodNotAllowed => {
            message("OperationNotAllowed", "The resource does not take this HTTP method.".into())
        }
        Problem::NoCredentials => message("AccessDenied", "The request carries no valid credentials.".into()),
        Problem::NoSession => message("NoValidSession", "There is no valid session of this token.".into()),
        Problem::Login(LoginProblem::Full) => {
            message("SessionLimitExceeded", "The session table is full; no session was made.".into())
        }
        Problem::Login(_) => {
            message("ResourceAtUriUnauthorized", "User name or password is not accepted.".into())
        }
        Problem::MalformedJson => {
            message("MalformedJSON", "The request body is no valid JSON object.".into())
        }
        Problem::NotJson => {
            message("UnsupportedMediaType", "The request body must be application/json.".into())
        }
        Problem::Missing(name) => with_args(base, "PropertyMissing", format!("{name} is required."), &[name]),
        Problem::UnknownProperty(name) => {
            with_args(base, "PropertyUnknown", format!("The resource has no property {name}."), &[name])
        }
        Problem::ReadOnlyProperty(name) => {
            with_args(base, "PropertyNotWritable", format!("The property {name} is read-only."), &[name])
        }
        Problem::PropertyType(name, value) => {
            let value = plain(value);
            let text = format!("The value {value} of {name} has the wrong type.");
            with_args(base, "PropertyValueTypeError", text, &[&value, name])
        }
        Problem::PropertyValue(name, value) => {
            let value = plain(value);
            let text = format!("The value {value} of {name} is not among the allowed values.");
            with_args(base, "PropertyValueNotInList", text, &[&value, name])
        }
        Problem::ParameterValue(name, value) => {
            let value = plain(value);
            let text = format!("The parameter {name} does not take the value {value}.");
            with_args(base, "ActionParameterValueNotInList", text, &[&value, name])
        }
        Problem::PreconditionFailed => message(
            "PreconditionFailed",
            "The ETag does not match the current version of the resource.".into(),
        ),
        Problem::Power(problem) => message("ResourceInUse", power_text(problem)),
        Problem::Media(MediaProblem::NoSlot) => standard_messages(&Problem::NotFound, base),
        Problem::Media(MediaProblem::Occupied) => {
            message("ResourceInUse", "Virtual media is already inserted.".into())
        }
        Problem::Media(MediaProblem::Leaving) => {
            message("ResourceInUse", "The virtual media is being ejected.".into())
        }
        Problem::Media(MediaProblem::Empty) => {
            message("ResourceNotFound", "No virtual media is inserted.".into())
        }
        Problem::Image(url, why) => with_args(
            base,
            "ResourceAtUriInUnknownFormat",
            format!("The image {url} cannot be used: {why}."),
            &[url],
        ),
        Problem::Bios(refused) => refused.iter().map(|one| bios_message(base, one)).collect(),
        Problem::JobPending(job) => {
            message("ResourceInUse", format!("The job {job} has not ended; no change was made."))
        }
        Problem::InPost => message("ResourceInUse", "Not possible while the server is in POST.".into()),
        Problem::Storage(problem) => vec![storage_message(base, problem)],
        Problem::Other(_, id, text) => message(id, text.clone()),
    }
}

fn storage_message(base: &str, problem: &StorageProblem) -> Message {
    let id = match problem {
        StorageProblem::NoController(_) | StorageProblem::NoVolume(_) | StorageProblem::NoDrive(_) => {
            "ResourceNotFound"
        }
        StorageProblem::DriveInUse { .. } | StorageProblem::JobPending(_) => "ResourceInUse",
        StorageProblem::NotErasable(_) => "OperationNotAllowed",
        StorageProblem::NoLevel(_)
        | StorageProblem::DriveCount { .. }
        | StorageProblem::Mixed
        | StorageProblem::Name { .. }
        | StorageProblem::Size { .. } => "PropertyValueIncorrect",
    };
    Message::new(format!("{base}.{id}"), format!("{problem}."))
}

fn power_text(problem: &PowerProblem) -> String {
    match problem {
        PowerProblem::UnknownType => "This reset type is not supported.".into(),
        PowerProblem::Already(power) => format!("The server is already in the power state {}.", power.word()),
        PowerProblem::Busy => "Another power action is under way.".into(),
    }
}

fn with_args(base: &str, id: &str, text: String, args: &[&str]) -> Vec<Message> {
    vec![Message::new(format!("{base}.{id}"), text).args(args)]
}

/// The standard's message for a refused BIOS attribute.
pub fn bios_message(base: &str, refused: &Refused) -> Message {
    let (name, value) = (&refused.attribute, plain(&refused.value));
    let (id, text) = match refused.complaint {
        Complaint::Unknown => ("PropertyUnknown", format!("The resource has no property {name}.")),
        Complaint::ReadOnly => ("PropertyNotWritable", format!("The property {name} is read-only.")),
        Complaint::Locked => {
            ("PropertyNotWritable", format!("The property {name} is read-only while another has its value."))
        }
        Complaint::WrongType => {
            ("PropertyValueTypeError", format!("The value {value} of {name} has the wrong type."))
        }
        Complaint::NotAllowed | Complaint::Rejected => {
            ("PropertyValueNotInList", format!("The value {value} of {name} is not allowed."))
        }
        Complaint::OutOfRange => {
            ("PropertyValueOutOfRange", format!("The value {value} of {name} is out of range."))
        }
    };
    Message::new(format!("{base}.{id}"), text).args(&[&value, name]).about(format!("#/Attributes/{name}"))
}

/// The usual status of a problem.
pub fn standard_status(problem: &Problem) -> StatusCode {
    match problem {
        Problem::NotFound | Problem::Media(MediaProblem::NoSlot) => StatusCode::NOT_FOUND,
        Problem::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Problem::NoCredentials
        | Problem::NoSession
        | Problem::Login(LoginProblem::Wrong | LoginProblem::Locked) => StatusCode::UNAUTHORIZED,
        Problem::Login(LoginProblem::Full) => StatusCode::SERVICE_UNAVAILABLE,
        Problem::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Problem::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Problem::Power(PowerProblem::Already(_) | PowerProblem::Busy) | Problem::JobPending(_) => {
            StatusCode::CONFLICT
        }
        Problem::Other(status, ..) => *status,
        Problem::Storage(StorageProblem::DriveInUse { .. } | StorageProblem::JobPending(_)) => {
            StatusCode::CONFLICT
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The standard's answer to a problem.
pub fn standard_reply(problem: &Problem, base: &str) -> Reply {
    Reply::json(error_body(base, &standard_messages(problem, base))).with_status(standard_status(problem))
}
