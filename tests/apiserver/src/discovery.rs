//! What is served, as clients ask for it before anything else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{state::State, status::Failure};

/// Answers a path that is not about objects: a document, or plain text.
pub(crate) enum Found {
    Json(Value),
    Text(String),
}

pub(crate) fn find(state: &State, segments: &[String], modern: bool) -> Result<Found, Failure> {
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let document = match words.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => return Ok(Found::Text("ok".into())),
        ["version"] => version(modern),
        ["api"] => json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }),
        ["apis"] => {
            let groups: Vec<Value> = groups(state).iter().map(|(name, all)| group(name, all)).collect();
            json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
        }
        ["apis", name] => {
            let groups = groups(state);
            let versions = groups.get(*name).ok_or_else(Failure::no_such_resource)?;
            let mut found = group(name, versions);
            found["kind"] = json!("APIGroup");
            found["apiVersion"] = json!("v1");
            found
        }
        ["api", version] => resources(state, "", version)?,
        ["apis", group, version] => resources(state, group, version)?,
        _ => return Err(Failure::no_such_resource()),
    };
    Ok(Found::Json(document))
}

fn version(modern: bool) -> Value {
    let minor = if modern { "30" } else { "20" };
    json!({ "major": "1", "minor": minor, "gitVersion": format!("v1.{minor}.0"), "gitCommit": "",
        "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "",
        "platform": "linux/amd64" })
}

fn groups(state: &State) -> BTreeMap<String, BTreeSet<String>> {
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for kind in state.kinds.values().filter(|kind| !kind.group.is_empty()) {
        groups.entry(kind.group.clone()).or_default().extend(kind.versions.keys().cloned());
    }
    groups
}

fn group(name: &str, versions: &BTreeSet<String>) -> Value {
    let mut each: Vec<Value> = versions
        .iter()
        .map(|version| json!({ "groupVersion": format!("{name}/{version}"), "version": version }))
        .collect();
    // Stable versions before alphas and betas, which their names happen to sort by length.
    each.sort_by_key(|one| one["version"].as_str().map_or(0, str::len));
    let preferred = each.first().cloned().unwrap_or_default();
    json!({ "name": name, "versions": each, "preferredVersion": preferred })
}

fn resources(state: &State, group: &str, version: &str) -> Result<Value, Failure> {
    let mut listed = Vec::new();
    for kind in state.kinds.values().filter(|kind| kind.group == group) {
        let Some(served) = kind.versions.get(version) else { continue };
        let mut entry = json!({
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
        });
        if !kind.short_names.is_empty() {
            entry["shortNames"] = json!(kind.short_names);
        }
        if !kind.categories.is_empty() {
            entry["categories"] = json!(kind.categories);
        }
        listed.push(entry);
        if served.status {
            listed.push(json!({ "name": format!("{}/status", kind.plural), "singularName": "",
                "namespaced": kind.namespaced, "kind": kind.kind, "verbs": ["get", "patch", "update"] }));
        }
    }
    if listed.is_empty() {
        return Err(Failure::no_such_resource());
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
        "resources": listed }))
}
