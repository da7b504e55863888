//! Deleting one object or many.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    builtin,
    kinds::Kind,
    request::{Query, Target},
    selector::Selector,
    state::State,
    status::{Failure, Named},
};

/// What came of a deletion.
pub(crate) enum Deleted {
    /// The object is gone.
    Gone(Arc<Value>),
    /// The object waits for its finalizers.
    Waiting(Arc<Value>),
}

impl Deleted {
    /// What the client is told.
    pub(crate) fn answer(&self, kind: &Kind, version: &str) -> Value {
        match self {
            Self::Waiting(object) => crate::read::told(kind, version, object),
            Self::Gone(object) => {
                let mut details = json!({ "name": object["metadata"]["name"] });
                if !kind.group.is_empty() {
                    details["group"] = kind.group.clone().into();
                }
                details["kind"] = kind.plural.clone().into();
                details["uid"] = object["metadata"]["uid"].clone();
                json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                    "details": details })
            }
        }
    }
}

/// Deletes the object of a request.
pub(crate) fn one(
    state: &mut State,
    kind: &Kind,
    target: &Target,
    options: &Value,
    dry_run: bool,
) -> Result<Deleted, Failure> {
    let named = Named { group: &kind.group, resource: &kind.plural, name: &target.name };
    let live = state.object(&kind.key(), &target.namespace, &target.name).cloned();
    let live = live.ok_or_else(|| Failure::not_found(named))?;
    for (name, called) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let (wanted, is) = (&options["preconditions"][name], &live["metadata"][name]);
        if wanted.is_string() && wanted != is {
            let why = format!(
                "Precondition failed: {called} in precondition: {}, {called} in object meta: {}",
                wanted.as_str().unwrap_or_default(),
                is.as_str().unwrap_or_default()
            );
            return Err(Failure::conflict(named, &why));
        }
    }
    if dry_run {
        return Ok(Deleted::Gone(live));
    }
    let waits = live["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    if !waits && !builtin::is_namespace(kind) {
        let gone = state.remove(&kind.key(), &target.namespace, &target.name, None);
        let gone = gone.ok_or_else(|| Failure::not_found(named))?;
        if builtin::is_definition(kind) {
            forget_defined(state, &gone);
        }
        return Ok(Deleted::Gone(gone));
    }
    if live["metadata"]["deletionTimestamp"].is_string() {
        return Ok(Deleted::Waiting(live));
    }
    let mut object = Value::clone(&live);
    object["metadata"]["deletionTimestamp"] = state.now().into();
    if builtin::is_namespace(kind) {
        object["status"]["phase"] = json!("Terminating");
    } else {
        object["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        if let Some(generation) = object["metadata"]["generation"].as_i64() {
            object["metadata"]["generation"] = (generation + 1).into();
        }
    }
    Ok(Deleted::Waiting(state.put(&kind.key(), &target.namespace, &target.name, object)))
}

/// A kind goes with its definition, and its objects with it.
fn forget_defined(state: &mut State, definition: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = (text(&definition["spec"]["group"]), text(&definition["spec"]["names"]["plural"]));
    let objects: Vec<(String, String)> = state.objects(&key).map(|(place, _)| place.clone()).collect();
    for (namespace, name) in objects {
        state.remove(&key, &namespace, &name, None);
    }
    state.kinds.remove(&key);
}

/// Deletes what a request chooses.
pub(crate) fn many(
    state: &mut State,
    kind: &Kind,
    target: &Target,
    query: &Query,
    options: &Value,
) -> Result<Value, Failure> {
    let selector =
        Selector::read(kind, &target.namespace, "", query.get("labelSelector"), query.get("fieldSelector"))?;
    let chosen: Vec<(String, String)> = state
        .objects(&kind.key())
        .filter(|(_, object)| selector.matches(object))
        .map(|(place, _)| place.clone())
        .collect();
    let dry_run = query.get("dryRun") == "All";
    let mut items = Vec::new();
    for (namespace, name) in chosen {
        let target = Target { namespace, name, ..target.clone() };
        match one(state, kind, &target, options, dry_run)? {
            Deleted::Gone(object) | Deleted::Waiting(object) => {
                items.push(crate::read::told(kind, &target.version, &object));
            }
        }
    }
    Ok(json!({
        "kind": format!("{}List", kind.kind),
        "apiVersion": kind.api_version(&target.version),
        "metadata": { "resourceVersion": state.version().to_string() },
        "items": items,
    }))
}
