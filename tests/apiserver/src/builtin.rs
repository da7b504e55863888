//! What the server itself does with built-in kinds beyond their schemas.

use serde_json::{Value, json};

use crate::{kinds::Kind, status::Cause};

/// The group and plural of definitions of kinds.
pub(crate) const DEFINITIONS: (&str, &str) = ("apiextensions.k8s.io", "customresourcedefinitions");

/// Whether a kind is that of definitions.
pub(crate) fn is_definition(kind: &Kind) -> bool {
    (kind.group.as_str(), kind.plural.as_str()) == DEFINITIONS
}

fn is_core(kind: &Kind, plural: &str) -> bool {
    kind.group.is_empty() && kind.plural == plural
}

/// Whether a kind is that of namespaces.
pub(crate) fn is_namespace(kind: &Kind) -> bool {
    is_core(kind, "namespaces")
}

/// Puts in what the server adds to every object of the kind.
pub(crate) fn complete(kind: &Kind, object: &mut Value) {
    if is_namespace(kind) {
        if !object["spec"]["finalizers"].is_array() {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
        }
    } else if is_core(kind, "secrets") {
        if !object["type"].is_string() {
            object["type"] = json!("Opaque");
        }
        if let Some(plain) = object.as_object_mut().and_then(|members| members.shift_remove("stringData")) {
            for (name, text) in plain.as_object().into_iter().flatten() {
                object["data"][name.as_str()] = json!(base64(text.as_str().unwrap_or_default().as_bytes()));
            }
        }
    } else if is_definition(kind) {
        complete_definition(object);
    }
}

fn complete_definition(object: &mut Value) {
    if !object["spec"]["names"].is_object() {
        return;
    }
    let names = &mut object["spec"]["names"];
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    if !names["singular"].is_string() {
        names["singular"] = json!(kind.to_lowercase());
    }
    if !names["listKind"].is_string() {
        names["listKind"] = json!(format!("{kind}List"));
    }
    if !object["spec"]["conversion"].is_object() {
        object["spec"]["conversion"] = json!({ "strategy": "None" });
    }
}

/// The status of a new object.
pub(crate) fn first_status(kind: &Kind, object: &mut Value, now: &str) {
    if is_namespace(kind) {
        object["status"] = json!({ "phase": "Active" });
    } else if is_definition(kind) {
        established(object, now);
    }
}

/// The status of a definition that is served.
pub(crate) fn established(object: &mut Value, now: &str) {
    let condition = |of: &str, reason: &str, message: &str| json!({ "type": of, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message });
    let versions = object["spec"]["versions"].as_array().cloned().unwrap_or_default();
    let stored: Vec<Value> =
        versions.iter().filter(|one| one["storage"] == true).map(|one| one["name"].clone()).collect();
    object["status"] = json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": object["spec"]["names"],
        "storedVersions": stored,
    });
}

/// What breaks the rules of a built-in kind.
pub(crate) fn check(kind: &Kind, object: &Value, before: Option<&Value>, causes: &mut Vec<Cause>) {
    if is_core(kind, "secrets") {
        if let Some(before) = before
            && before["type"] != object["type"]
        {
            causes.push(Cause::invalid("type", &object["type"], "field is immutable"));
        }
        let frozen = before.is_some_and(|before| before["immutable"] == true);
        if frozen && before.is_some_and(|before| before["data"] != object["data"]) {
            causes.push(Cause::forbidden("data", "field is immutable when `immutable` is set"));
        }
    } else if is_core(kind, "events") {
        let about = object["involvedObject"]["namespace"].as_str().unwrap_or_default();
        let here = object["metadata"]["namespace"].as_str().unwrap_or_default();
        // What has no namespace is told of in the default one.
        if about != here && !(about.is_empty() && here == "default") {
            causes.push(Cause::invalid(
                "involvedObject.namespace",
                &json!(about),
                "does not match event.namespace",
            ));
        }
    } else if kind.plural == "leases" {
        for (name, least) in [("leaseDurationSeconds", 1), ("leaseTransitions", 0)] {
            if object["spec"][name].as_i64().is_some_and(|value| value < least) {
                let why =
                    if least == 1 { "must be greater than 0" } else { "must be greater than or equal to 0" };
                causes.push(Cause::invalid(format!("spec.{name}"), &object["spec"][name], why));
            }
        }
    }
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
