//! The rules for names, labels and finalizers.

use serde_json::{Value, json};

use crate::status::Cause;

const SUBDOMAIN: &str = "a DNS-1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                         start and end with an alphanumeric character";

/// Holds metadata against the rules.
pub(crate) fn check_metadata(metadata: &Value, causes: &mut Vec<Cause>) {
    match metadata["name"].as_str().unwrap_or_default() {
        "" => causes.push(Cause::required_because("metadata.name", "name or generateName is required")),
        name if !is_subdomain(name) => {
            causes.push(Cause::invalid("metadata.name", &metadata["name"], SUBDOMAIN));
        }
        _ => {}
    }
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        if !is_qualified(key) {
            causes.push(Cause::invalid(
                "metadata.labels",
                &json!(key),
                "name part must consist of alphanumeric \
                 characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            ));
        }
        if !value.as_str().is_some_and(is_label_value) {
            causes.push(Cause::invalid("metadata.labels", value, "a valid label must be an empty string or consist \
                 of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"));
        }
    }
    for key in metadata["annotations"].as_object().into_iter().flatten().map(|(key, _)| key) {
        if !is_qualified(&key.to_lowercase()) {
            causes.push(Cause::invalid(
                "metadata.annotations",
                &json!(key),
                "name part must consist of \
                 alphanumeric characters, '-', '_' or '.'",
            ));
        }
    }
    for finalizer in metadata["finalizers"].as_array().into_iter().flatten() {
        if !finalizer.as_str().is_some_and(is_qualified) {
            causes.push(Cause::invalid(
                "metadata.finalizers",
                finalizer,
                "name part must consist of alphanumeric \
                 characters, '-', '_' or '.'",
            ));
        }
    }
}

/// Holds a change of metadata against the rules.
pub(crate) fn check_change(before: &Value, after: &Value, causes: &mut Vec<Cause>) {
    if before["name"] != after["name"] {
        causes.push(Cause::invalid("metadata.name", &after["name"], "field is immutable"));
    }
    let had = before["finalizers"].as_array();
    let new: Vec<&Value> = after["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|finalizer| !had.is_some_and(|had| had.contains(finalizer)))
        .collect();
    if before["deletionTimestamp"].is_string() && !new.is_empty() {
        let list = json!(new);
        causes.push(Cause::forbidden(
            "metadata.finalizers",
            &format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers {list}"
            ),
        ));
    }
}

fn is_subdomain(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|part| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

/// A name with an optional domain before a slash.
fn is_qualified(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_subdomain) && !name.is_empty() && is_label_value(name)
}

fn is_label_value(value: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    value.is_empty()
        || (value.len() <= 63
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            && ends(value.bytes().next())
            && ends(value.bytes().last()))
}
