//! Answers in the iDRAC's words: an EEMI message, and the Base registry's beside it where there is one.

use http::StatusCode;
use serde_json::{Value, json};

use super::facts::Generation;
use crate::fetch::FetchError;
use crate::machine::bios::{Complaint, Refused, plain};
use crate::machine::storage::StorageProblem;
use crate::machine::{LoginProblem, MediaProblem, Power, PowerProblem};
use crate::web::problem::{Message, standard_messages, standard_reply, standard_status};
use crate::web::{Call, Problem, Reply};

/// The EEMI registry's prefix and version on firmware 6.10.
const EEMI: &str = "IDRAC.2.8";
/// The Base registry's on firmware 6.10.
const BASE: &str = "Base.1.12";

/// A message of the EEMI registry.
pub(super) fn eemi(id: &str, text: impl Into<String>) -> Message {
    Message::new(format!("{EEMI}.{id}"), text)
}

/// A message as the iDRAC writes it: with counts, and "Severity" in its own words.
fn info(message: &Message, severity: &str) -> Value {
    json!({
        "Message": message.text,
        "MessageArgs": message.args,
        "MessageArgs@odata.count": message.args.len(),
        "MessageId": message.id,
        "RelatedProperties": message.related,
        "RelatedProperties@odata.count": message.related.len(),
        "Resolution": "No response action is required.",
        "Severity": severity,
    })
}

/// The body of an answer that says it went well.
pub(super) fn success() -> Value {
    let done = eemi("SYS413", "The operation successfully completed.");
    let base = Message::new("Base.1.12.Success", "The request completed successfully.");
    json!({"@Message.ExtendedInfo": [info(&base, "OK"), info(&done, "Informational")]})
}

/// The answer to a problem.
pub(super) fn reply(call: &Call, problem: &Problem) -> Reply {
    let base = call.cell.traits.base;
    if !call.cell.quirks.has("eemi-messages") {
        return standard_reply(problem, base);
    }
    let mut infos: Vec<_> = own(call, problem).iter().map(|message| info(message, "Warning")).collect();
    if infos.is_empty() || has_base(problem) {
        infos.extend(standard_messages(problem, base).iter().map(|message| info(message, "Critical")));
    }
    let body = json!({"error": {
        "@Message.ExtendedInfo": infos,
        "code": format!("{base}.GeneralError"),
        "message": "A general error has occurred. See ExtendedInfo for more information",
    }});
    Reply::json(body).with_status(status(call, problem))
}

/// Puts the generation's own registry prefixes into an answer, and one message in the place of a list where the firmware
/// does so.
pub(super) fn finish(call: &Call, mut reply: Reply) -> Reply {
    let Some(body) = &mut reply.json else { return reply };
    let is_error = body.get("error").is_some();
    let holder = if is_error { &mut body["error"] } else { body };
    let Some(infos) = holder.get_mut("@Message.ExtendedInfo") else { return reply };
    for info in infos.as_array_mut().into_iter().flatten() {
        let own = info["MessageId"].as_str().and_then(|id| id.strip_prefix(EEMI)).map(str::to_owned);
        let base = info["MessageId"].as_str().and_then(|id| id.strip_prefix(BASE)).map(str::to_owned);
        if let Some(rest) = own {
            info["MessageId"] = format!("{}{rest}", Generation::of(call).facts().eemi).into();
        } else if let Some(rest) = base {
            info["MessageId"] = format!("{}{rest}", call.cell.traits.base).into();
        }
    }
    let alone = infos.as_array().is_some_and(|all| all.len() == 1);
    if is_error && alone && call.cell.quirks.has("extended-info-object") {
        *infos = infos[0].take();
    }
    reply
}

fn status(call: &Call, problem: &Problem) -> StatusCode {
    match problem {
        Problem::Storage(StorageProblem::JobPending(_)) if call.cell.quirks.has("job-running-503") => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Problem::Storage(_) => StatusCode::BAD_REQUEST,
        Problem::Image(_, FetchError::BadUrl(_)) => StatusCode::BAD_REQUEST,
        Problem::Image(..) | Problem::Media(MediaProblem::Empty | MediaProblem::Leaving) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        Problem::Login(LoginProblem::Full) | Problem::JobPending(_) => StatusCode::BAD_REQUEST,
        other => standard_status(other),
    }
}

/// Problems that the Base registry has a message for, which the iDRAC puts beside its own.
fn has_base(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::NotFound
            | Problem::Missing(_)
            | Problem::UnknownProperty(_)
            | Problem::ReadOnlyProperty(_)
            | Problem::PropertyType(..)
            | Problem::PropertyValue(..)
            | Problem::ParameterValue(..)
            | Problem::Bios(_)
            | Problem::NotJson
            | Problem::MalformedJson
            | Problem::PreconditionFailed
            | Problem::NoCredentials
            | Problem::NoSession
    )
}

fn own(call: &Call, problem: &Problem) -> Vec<Message> {
    let one = |id, text: &str| vec![eemi(id, text)];
    match problem {
        Problem::NotFound => {
            vec![eemi("SYS403", format!("There is no resource {}.", call.path)).args(&[&call.path])]
        }
        Problem::MethodNotAllowed => one("SYS402", "The resource does not take this HTTP method."),
        Problem::NoCredentials => one("SYS416", "The request carries no user name and password."),
        Problem::NoSession => one("SYS415", "The request carries no valid session token."),
        Problem::Login(LoginProblem::Full) => one("RAC0218", "All user sessions are in use."),
        Problem::Login(_) => one("RAC0212", "The login failed: wrong user name or password."),
        Problem::MalformedJson | Problem::NotJson => one("SYS405", "The request body is no valid JSON."),
        Problem::Missing(name) => vec![required(name)],
        Problem::UnknownProperty(name) => vec![unknown(name)],
        Problem::ReadOnlyProperty(name) => {
            vec![eemi("SYS427", format!("The property {name} is read-only.")).args(&[name])]
        }
        Problem::PropertyType(name, value) => vec![wrong_type(name, value)],
        Problem::PropertyValue(name, value) | Problem::ParameterValue(name, value) => {
            vec![not_listed(name, value)]
        }
        Problem::PreconditionFailed => one("SYS400", "The If-Match header names another version."),
        Problem::Power(problem) => vec![power(problem)],
        Problem::Media(MediaProblem::Occupied) => {
            one("VRM0012", "A virtual media image is already connected.")
        }
        Problem::Media(MediaProblem::Empty | MediaProblem::Leaving) => {
            one("SYS446", "An internal error kept the operation from being completed.")
        }
        Problem::Media(MediaProblem::NoSlot) => own(call, &Problem::NotFound),
        Problem::Image(url, why) => vec![image(url, why)],
        Problem::Bios(refused) => refused.iter().map(bios).collect(),
        Problem::JobPending(job) => {
            let text = format!(
                "The BIOS settings cannot be changed: pending values are already committed by the configuration job {job}."
            );
            vec![eemi("RAC0773", text)]
        }
        Problem::InPost => one("SYS446", "Not possible while the server is in POST."),
        Problem::Storage(problem) => vec![storage(problem)],
        // An id in words is the Base registry's.
        Problem::Other(_, id, _) if id.chars().any(|letter| letter.is_ascii_lowercase()) => Vec::new(),
        Problem::Other(_, id, text) => vec![eemi(id, text.clone())],
    }
}

fn storage(problem: &StorageProblem) -> Message {
    let id = match problem {
        StorageProblem::JobPending(_) => "RAC0679",
        StorageProblem::NoController(_) | StorageProblem::NoVolume(_) | StorageProblem::NoDrive(_) => {
            "SYS403"
        }
        _ => "SYS425",
    };
    eemi(id, format!("{problem}."))
}

fn required(name: &str) -> Message {
    eemi("SYS428", format!("The property {name} is required.")).args(&[name])
}

fn unknown(name: &str) -> Message {
    eemi("SYS429", format!("The resource has no property {name}.")).args(&[name])
}

fn wrong_type(name: &str, value: &Value) -> Message {
    let value = plain(value);
    eemi("SYS424", format!("The value {value} of {name} has the wrong type.")).args(&[&value, name])
}

fn not_listed(name: &str, value: &Value) -> Message {
    let value = plain(value);
    eemi("SYS426", format!("The value {value} of {name} is not among the accepted values."))
        .args(&[&value, name])
}

fn power(problem: &PowerProblem) -> Message {
    match problem {
        PowerProblem::Already(Power::On | Power::PoweringOn) => {
            eemi("PSU501", "The server is powered on already.")
        }
        PowerProblem::Already(_) => eemi("PSU502", "The server is powered off already."),
        PowerProblem::Busy => eemi("SYS446", "Another power operation is under way."),
        PowerProblem::UnknownType => eemi("SYS425", "The value of ResetType is not valid."),
    }
}

fn image(url: &str, why: &FetchError) -> Message {
    match why {
        FetchError::BadUrl(_) => {
            eemi("SYS425", format!("The value {url} of Image is not valid.")).args(&[url, "Image"])
        }
        FetchError::Unreachable(_) | FetchError::Cut(_) => {
            eemi("RAC0904", format!("The remote file location cannot be reached: {url}"))
        }
        _ => eemi("RAC0720", format!("The remote share cannot be mounted: {url} ({why})")).args(&[url]),
    }
}

fn bios(refused: &Refused) -> Message {
    let name = &refused.attribute;
    let message = match refused.complaint {
        Complaint::Unknown => unknown(name),
        Complaint::ReadOnly | Complaint::Locked => {
            eemi("SYS410", format!("The attribute {name} is read-only, or other attributes make it so."))
                .args(&[name])
        }
        Complaint::WrongType => wrong_type(name, &refused.value),
        Complaint::NotAllowed | Complaint::Rejected => not_listed(name, &refused.value),
        Complaint::OutOfRange => {
            let value = plain(&refused.value);
            eemi("SYS425", format!("The value {value} of {name} is not valid.")).args(&[&value, name])
        }
    };
    message.about(format!("#/Attributes/{name}"))
}
