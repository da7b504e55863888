//! Sets of field paths, and the form in which `managedFields` keeps them (FieldsV1).

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Map, Value, json};

/// One step of a path. The order is the one in which FieldsV1 is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// A member of an object.
    Field(String),
    /// The item of a list that has these keys, as JSON.
    Key(String),
    /// The item of a set that is this value, as JSON.
    Value(String),
}

/// A path from the object's root.
pub(crate) type Path = Vec<Step>;

/// A set of paths.
pub(crate) type FieldSet = BTreeSet<Path>;

impl Step {
    fn written(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Value(value) => format!("v:{value}"),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::Field(rest.into())),
            "k" => Some(Self::Key(rest.into())),
            "v" => Some(Self::Value(rest.into())),
            _ => None,
        }
    }
}

/// A path as it stands in a message.
pub(crate) fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) => {
                let _ = write!(text, ".{name}");
            }
            Step::Key(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let each: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let _ = write!(text, "[{}]", each.join(","));
            }
            Step::Value(value) => {
                let _ = write!(text, "[={value}]");
            }
        }
    }
    text
}

/// Writes a set as FieldsV1.
pub(crate) fn to_json(set: &FieldSet) -> Value {
    let mut root = json!({});
    for path in set {
        let mut at = &mut root;
        for (depth, step) in path.iter().enumerate() {
            let Value::Object(members) = at else { break };
            let last = depth + 1 == path.len();
            let new = !members.contains_key(&step.written());
            at = members.entry(step.written()).or_insert_with(|| json!({}));
            // A leaf is an empty object; what is itself a member and has children says so by a dot.
            if last && !new {
                at["."] = json!({});
            }
        }
    }
    mark_inner(set, &mut root, &mut Vec::new());
    root
}

/// The set is ordered, so a container comes before its children, and is a leaf until they arrive: puts in its dot.
fn mark_inner(set: &FieldSet, node: &mut Value, path: &mut Path) {
    let Value::Object(members) = node else { return };
    let children: Vec<String> = members.keys().filter(|name| *name != ".").cloned().collect();
    if !children.is_empty() && !path.is_empty() && set.contains(path) {
        members.shift_insert(0, ".".into(), json!({}));
    }
    for child in children {
        if let (Some(step), Some(below)) = (Step::read(&child), members.get_mut(&child)) {
            path.push(step);
            mark_inner(set, below, path);
            path.pop();
        }
    }
}

/// Reads FieldsV1; steps of an unknown form are left out.
pub(crate) fn from_json(fields: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    collect(fields, &mut Vec::new(), &mut set);
    set
}

fn collect(node: &Value, path: &mut Path, set: &mut FieldSet) {
    let Some(members) = node.as_object() else { return };
    if members.is_empty() && !path.is_empty() {
        set.insert(path.clone());
    }
    for (name, child) in members {
        if name == "." {
            set.insert(path.clone());
        } else if let Some(step) = Step::read(name) {
            path.push(step);
            collect(child, path, set);
            path.pop();
        }
    }
}

/// What is in both.
pub(crate) fn common(one: &FieldSet, other: &FieldSet) -> FieldSet {
    one.intersection(other).cloned().collect()
}

/// What is in the first only.
pub(crate) fn without(one: &FieldSet, other: &FieldSet) -> FieldSet {
    one.difference(other).cloned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            "[a-c]".prop_map(Step::Field),
            "[a-c]".prop_map(|name| Step::Key(format!(r#"{{"type":"{name}"}}"#))),
            "[a-c]".prop_map(|name| Step::Value(format!("\"{name}\""))),
        ]
    }

    proptest! {
        #[test]
        fn a_set_is_read_as_it_was_written(
            set in prop::collection::btree_set(prop::collection::vec(step(), 1..5), 0..20)
        ) {
            prop_assert_eq!(from_json(&to_json(&set)), set);
        }
    }

    #[test]
    fn a_container_that_is_owned_itself_has_a_dot_and_a_leaf_has_none() {
        let path = |names: &[&str]| names.iter().map(|name| Step::Field((*name).into())).collect::<Path>();
        let set = FieldSet::from([path(&["spec"]), path(&["spec", "a"]), path(&["status", "b"])]);
        let expected = json!({ "f:spec": { ".": {}, "f:a": {} }, "f:status": { "f:b": {} } });
        assert_eq!(to_json(&set).to_string(), expected.to_string());
    }

    #[test]
    fn a_path_is_shown_as_the_server_shows_it() {
        let path = vec![
            Step::Field("status".into()),
            Step::Field("conditions".into()),
            Step::Key(r#"{"type":"Ready"}"#.into()),
            Step::Field("status".into()),
        ];
        assert_eq!(shown(&path), r#".status.conditions[type="Ready"].status"#);
        assert_eq!(shown(&[Step::Field("tags".into()), Step::Value("\"a\"".into())]), r#".tags[="a"]"#);
    }
}
