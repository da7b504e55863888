//! `crTemplates`: the user's own form of an object.

use serde_json::Value;

use rackhand_spec::{Code, Located};

use super::model::View;
use super::resources::WAVE;
use crate::render::read::{At, Beside, go_json};

/// The object in the user's form, or the one given where that is for another object.
///
/// Upstream's rules: the kind must be the same, name and namespace too (else the form is for another object of this kind, and does
/// not count here), and so must the sync wave.
pub(super) fn apply(original: Value, at: &At<'_>, view: &View<'_>, beside: &Beside) -> Option<Value> {
    let name = at.node.text().unwrap_or_default();
    let form = read(at, name, beside)?;
    let kind = |value: &Value| value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    if kind(&form) != kind(&original) {
        at.error(Code::Conflict, format!("{name} is of kind `{}`, not {}", kind(&form), kind(&original)));
        return None;
    }
    let filled = match fill(&form, view) {
        Ok(filled) => filled,
        Err(message) => {
            at.error(Code::InvalidValue, format!("{name}: {message}"));
            return None;
        }
    };
    let in_metadata =
        |value: &Value, field: &str| value.get("metadata").and_then(|all| all.get(field)).cloned();
    let Some(annotations) = in_metadata(&filled, "annotations").filter(Value::is_object) else {
        at.error(Code::MissingField, format!("{name} has no metadata.annotations"));
        return None;
    };
    for field in ["name", "namespace"] {
        let (theirs, ours) = (in_metadata(&filled, field), in_metadata(&original, field));
        if theirs != ours {
            let show = |value: Option<Value>| value.map_or("nothing".to_owned(), |value| value.to_string());
            let message = format!(
                "{name} does not count here: its metadata.{field} is {}, not {}",
                show(theirs),
                show(ours)
            );
            at.warn(
                Code::Shadowed,
                message,
                Some("write a placeholder, such as \"{{ .Cluster.ClusterName }}\""),
            );
            return Some(original);
        }
    }
    let ours = in_metadata(&original, "annotations").and_then(|all| all.get(WAVE).cloned());
    if annotations.get(WAVE) != ours.as_ref() {
        let ours = ours.unwrap_or_default();
        at.error(Code::Conflict, format!("the annotation {WAVE} in {name} must be {ours}"));
        return None;
    }
    Some(filled)
}

fn read(at: &At<'_>, name: &str, beside: &Beside) -> Option<Value> {
    let path = match beside.find(at.file, name) {
        Ok(path) => path,
        Err(message) => {
            at.error_help(Code::Unreadable, message, "the path is relative to this file");
            return None;
        }
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            at.error(Code::Unreadable, format!("{} cannot be read: {error}", path.display()));
            return None;
        }
    };
    let (documents, faults) = Located::documents(&path, &text);
    let sound = faults.is_empty();
    faults.into_iter().for_each(|fault| at.findings.push(fault));
    match documents.first() {
        Some(first) if sound => Some(go_json(first)),
        _ => {
            at.error(Code::Unreadable, format!("{} holds no document that can be read", path.display()));
            None
        }
    }
}

/// Puts the site's fields where placeholders stand; a field whose placeholder stands for nothing is left out.
fn fill(value: &Value, view: &View<'_>) -> Result<Value, String> {
    match value {
        Value::Object(map) => {
            let mut out = serde_json::Map::new();
            for (key, value) in map {
                if let Some(value) = fill_one(value, view)? {
                    out.insert(key.clone(), value);
                }
            }
            Ok(Value::Object(out))
        }
        Value::Array(items) => {
            let filled: Result<Vec<_>, String> = items.iter().map(|item| fill_one(item, view)).collect();
            Ok(Value::Array(filled?.into_iter().flatten().collect()))
        }
        other => Ok(other.clone()),
    }
}

fn fill_one(value: &Value, view: &View<'_>) -> Result<Option<Value>, String> {
    match value {
        Value::String(text) if text.starts_with("{{") && text.ends_with("}}") => view.placeholder(text),
        other => fill(other, view).map(Some),
    }
}
