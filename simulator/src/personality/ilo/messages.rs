//! Answers as message ids, mostly without texts. Success is such an answer too.

use http::StatusCode;
use serde_json::{Value, json};

use super::facts::Generation;
use crate::machine::{LoginProblem, MediaProblem};
use crate::web::problem::{Message, standard_messages, standard_status};
use crate::web::{Call, Problem, Reply};

/// A message of iLO's own registry.
pub(super) fn own(call: &Call, id: &str, args: &[&str]) -> Message {
    let registry = Generation::of(call).facts().own;
    Message::new(format!("{registry}.{id}"), "See the message registry.").args(args)
}

/// Whether the request is of those that iLO 4 answers in both forms, Redfish's and its own from before.
pub(super) fn is_legacy(call: &Call) -> bool {
    call.cell.quirks.has("legacy-without-odata-version") && call.header("odata-version").is_none()
}

fn body(call: &Call, messages: &[Message]) -> Value {
    let legacy = is_legacy(call);
    let id_name = if legacy { "MessageID" } else { "MessageId" };
    let terse = call.cell.quirks.has("messages-without-text");
    let infos: Vec<_> = messages
        .iter()
        .map(|message| {
            let mut info = if terse { json!({}) } else { json!({"Message": message.text}) };
            if !message.args.is_empty() {
                info["MessageArgs"] = json!(message.args);
            }
            info[id_name] = message.id.clone().into();
            info
        })
        .collect();
    let mut body = json!({"error": {
        "code": "iLO.0.10.ExtendedInfo",
        "message": "See @Message.ExtendedInfo for more information.",
        "@Message.ExtendedInfo": infos,
    }});
    if legacy {
        body["Messages"] = body["error"]["@Message.ExtendedInfo"].clone();
        body["Name"] = "Extended Error Information".into();
        body["Type"] = "ExtendedError.1.0.0".into();
    }
    body
}

/// 200 with that message.
pub(super) fn done(call: &Call, message: Message) -> Reply {
    Reply::json(body(call, &[message]))
}

/// 200 with Success.
pub(super) fn success(call: &Call) -> Reply {
    done(call, Message::new(format!("{}.Success", call.cell.traits.base), "It is done."))
}

/// 200, and it takes a reset to come into force.
pub(super) fn reset_required(call: &Call) -> Reply {
    done(call, own(call, "SystemResetRequired", &[]))
}

/// The answer to a problem.
pub(super) fn reply(call: &Call, problem: &Problem) -> Reply {
    Reply::json(body(call, &messages(call, problem))).with_status(status(problem))
}

fn status(problem: &Problem) -> StatusCode {
    match problem {
        Problem::Power(_) | Problem::Login(LoginProblem::Full) => StatusCode::BAD_REQUEST,
        other => standard_status(other),
    }
}

fn messages(call: &Call, problem: &Problem) -> Vec<Message> {
    let base = call.cell.traits.base;
    match problem {
        Problem::NotFound | Problem::Media(MediaProblem::NoSlot) => {
            let text = "There is no resource at this URI.";
            vec![Message::new(format!("{base}.ResourceMissingAtURI"), text).args(&["Invalid URI"])]
        }
        // Sent without credentials or with an old token, a request has no valid session.
        Problem::NoCredentials => standard_messages(&Problem::NoSession, base),
        Problem::Login(LoginProblem::Wrong | LoginProblem::Locked) => {
            vec![own(call, "UnauthorizedLoginAttempt", &[])]
        }
        Problem::Power(_) => vec![own(call, "InvalidOperationForSystemState", &["power state"])],
        Problem::Media(MediaProblem::Occupied | MediaProblem::Leaving) => {
            vec![own(call, "MaxVirtualMediaConnectionEstablished", &[])]
        }
        Problem::Media(MediaProblem::Empty) => {
            vec![own(call, "NoScriptedVirtualMediaConnectionAvailable", &[])]
        }
        Problem::InPost => vec![own(call, "UnableToModifyDuringSystemPOST", &["Boot"])],
        Problem::Other(_, id, _) => vec![own(call, id, &[])],
        Problem::UnknownProperty(name) | Problem::ReadOnlyProperty(name) => {
            vec![own(call, "PropertyNotWritableOrUnknown", &[name])]
        }
        other => standard_messages(other, base),
    }
}
