//! Values together with their schema: which fields a value has, how two of them merge, in what they differ, and a value
//! without some of its fields. This is the arithmetic of server-side apply; `managers` does the accounts.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::{
    fields::{FieldSet, Path, Step},
    schema::{ListType, Schema},
};

/// How the fields of a value are owned.
enum Shape<'a> {
    /// As a whole.
    Leaf,
    /// Member by member.
    Members(&'a Map<String, Value>),
    /// Item by item.
    Items(&'a [Value], &'a ListType),
}

fn shape<'a>(schema: Option<&'a Schema>, value: &'a Value) -> Shape<'a> {
    match value {
        Value::Object(members) if !schema.is_some_and(|schema| schema.atomic_map) => Shape::Members(members),
        Value::Array(items) => match schema.and_then(|schema| schema.list.as_ref()) {
            Some(list @ (ListType::Set | ListType::Map(_))) => Shape::Items(items, list),
            _ => Shape::Leaf,
        },
        _ => Shape::Leaf,
    }
}

/// The step to an item; the keys that it leaves out have their defaults.
fn step(list: &ListType, schema: Option<&Schema>, item: &Value) -> Step {
    match list {
        ListType::Map(keys) => {
            let mut sorted: Vec<&String> = keys.iter().collect();
            sorted.sort();
            let members = sorted.into_iter().filter_map(|key| {
                let default =
                    || schema.and_then(|one| one.properties.get(key)).and_then(|one| one.default.as_ref());
                Some((key.clone(), item.get(key).or_else(default)?.clone()))
            });
            Step::Key(Value::Object(members.collect()).to_string())
        }
        ListType::Set | ListType::Atomic => Step::Value(item.to_string()),
    }
}

fn below(path: &Path, step: Step) -> Path {
    let mut path = path.clone();
    path.push(step);
    path
}

/// The schema of a list's items.
fn item_schema(schema: Option<&Schema>) -> Option<&Schema> {
    schema.and_then(|schema| schema.items.as_deref())
}

/// The schema of an object's member, and whether the schema names it.
fn member_schema<'a>(schema: Option<&'a Schema>, name: &str) -> (Option<&'a Schema>, bool) {
    // What a schema lets through unknown is owned as a whole; without any schema, members are owned one by one.
    static WHOLE: LazyLock<Schema> =
        LazyLock::new(|| Schema { atomic_map: true, preserve_unknown: true, ..Schema::default() });
    let Some(schema) = schema else { return (None, false) };
    match schema.member(name) {
        (None, named) if schema.preserve_unknown => (Some(&WHOLE), named),
        found => found,
    }
}

/// Every field and item that a configuration mentions.
pub(crate) fn mentioned(schema: &Schema, value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    mention(Some(schema), value, &Path::new(), &mut set);
    set
}

fn mention(schema: Option<&Schema>, value: &Value, path: &Path, set: &mut FieldSet) {
    match shape(schema, value) {
        Shape::Leaf => {
            set.insert(path.clone());
        }
        Shape::Members(members) => {
            for (name, member) in members {
                let (child, named) = member_schema(schema, name);
                let path = below(path, Step::Field(name.clone()));
                mention(child, member, &path, set);
                if !named || member.is_null() || member.as_object().is_some_and(Map::is_empty) {
                    set.insert(path);
                }
            }
        }
        Shape::Items(items, list) => {
            let schema = item_schema(schema);
            for item in items {
                let path = below(path, step(list, schema, item));
                mention(schema, item, &path, set);
                set.insert(path);
            }
        }
    }
}

/// The old value with everything in it that the new one says.
pub(crate) fn merge(schema: Option<&Schema>, old: &Value, new: &Value) -> Value {
    match (shape(schema, old), shape(schema, new)) {
        (Shape::Members(left), Shape::Members(right)) => {
            let mut merged = left.clone();
            for (name, member) in right {
                let (child, _) = member_schema(schema, name);
                let value = match left.get(name) {
                    Some(old) => merge(child, old, member),
                    None => member.clone(),
                };
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        (Shape::Items(left, list), Shape::Items(right, _)) => {
            let schema = item_schema(schema);
            let wanted: Vec<(Step, &Value)> =
                right.iter().map(|item| (step(list, schema, item), item)).collect();
            let present: Vec<Step> = left.iter().map(|item| step(list, schema, item)).collect();
            let mut merged: Vec<Value> = Vec::new();
            for (item, place) in left.iter().zip(&present) {
                let new = wanted.iter().find(|(step, _)| step == place);
                merged.push(new.map_or_else(|| item.clone(), |(_, new)| merge(schema, item, new)));
            }
            let added = wanted.iter().filter(|(step, _)| !present.contains(step));
            merged.extend(added.map(|(_, item)| (*item).clone()));
            Value::Array(merged)
        }
        _ => new.clone(),
    }
}

/// In what two values differ.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) added: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) removed: FieldSet,
}

impl Comparison {
    pub(crate) fn is_same(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

/// Compares two versions of an object.
pub(crate) fn compare(schema: &Schema, old: &Value, new: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    compare_at(Some(schema), Some(old), Some(new), &Path::new(), &mut comparison);
    comparison
}

fn compare_at(
    schema: Option<&Schema>,
    old: Option<&Value>,
    new: Option<&Value>,
    path: &Path,
    into: &mut Comparison,
) {
    let shape_of = |value: Option<&'_ Value>| value.is_some_and(|value| !is_leaf(schema, value));
    match (old, new) {
        (None, None) => return,
        (None, Some(_)) => {
            into.added.insert(path.clone());
        }
        (Some(_), None) => {
            into.removed.insert(path.clone());
        }
        (Some(old), Some(new)) if !shape_of(Some(old)) || !shape_of(Some(new)) => {
            if old != new {
                into.modified.insert(path.clone());
            }
        }
        (Some(_), Some(_)) => {}
    }
    let (left, right) = (children(schema, old), children(schema, new));
    for (place, child, value) in &left {
        let other = right.iter().find(|(step, _, _)| step == place).map(|(_, _, value)| *value);
        compare_at(*child, Some(value), other, &below(path, place.clone()), into);
    }
    for (place, child, value) in &right {
        if !left.iter().any(|(step, _, _)| step == place) {
            compare_at(*child, None, Some(value), &below(path, place.clone()), into);
        }
    }
}

/// Whether a value is owned as a whole; empty containers are.
fn is_leaf(schema: Option<&Schema>, value: &Value) -> bool {
    match shape(schema, value) {
        Shape::Leaf => true,
        Shape::Members(members) => members.is_empty(),
        Shape::Items(items, _) => items.is_empty(),
    }
}

/// The fields right below a value, with their schemas.
fn children<'a>(
    schema: Option<&'a Schema>,
    value: Option<&'a Value>,
) -> Vec<(Step, Option<&'a Schema>, &'a Value)> {
    let Some(value) = value else { return Vec::new() };
    match shape(schema, value) {
        Shape::Leaf => Vec::new(),
        Shape::Members(members) => members
            .iter()
            .map(|(name, member)| (Step::Field(name.clone()), member_schema(schema, name).0, member))
            .collect(),
        Shape::Items(items, list) => {
            let schema = item_schema(schema);
            items.iter().map(|item| (step(list, schema, item), schema, item)).collect()
        }
    }
}

/// The value without these fields. A container that loses everything is null.
pub(crate) fn remove(schema: &Schema, value: &Value, gone: &FieldSet) -> Value {
    if gone.is_empty() {
        return value.clone();
    }
    remove_at(Some(schema), value, &Path::new(), gone)
}

fn remove_at(schema: Option<&Schema>, value: &Value, path: &Path, gone: &FieldSet) -> Value {
    // Paths are ordered, so those below this one stand together: without one, nothing changes.
    if !gone.range(path.clone()..).next().is_some_and(|first| first.starts_with(path)) {
        return value.clone();
    }
    match shape(schema, value) {
        Shape::Members(members) if !members.is_empty() => {
            let mut kept = Map::new();
            for (name, member) in members {
                let path = below(path, Step::Field(name.clone()));
                if !gone.contains(&path) {
                    let member = remove_at(member_schema(schema, name).0, member, &path, gone);
                    kept.insert(name.clone(), member);
                }
            }
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        Shape::Items(items, list) if !items.is_empty() => {
            let schema = item_schema(schema);
            let mut kept = Vec::new();
            for item in items {
                let path = below(path, step(list, schema, item));
                if !gone.contains(&path) {
                    kept.push(remove_at(schema, item, &path, gone));
                }
            }
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        _ => value.clone(),
    }
}
