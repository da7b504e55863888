//! Tables: what `kubectl get` shows, with the printer columns of a definition.

use serde_json::{Value, json};

/// A column of a definition.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    definition: Value,
    path: Vec<Part>,
}

/// A part of a column's JSON path: members and `[?(@.key=="value")]`, and the like by index.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Member(String),
    Index(usize),
    Where(String, String),
}

impl Column {
    /// Reads the columns of a version.
    pub(crate) fn read(columns: &Value) -> Vec<Self> {
        let columns = columns.as_array().into_iter().flatten();
        columns
            .map(|column| {
                let definition = json!({
                    "name": column["name"],
                    "type": column["type"],
                    "format": column["format"].as_str().unwrap_or_default(),
                    "description": column["description"].as_str().unwrap_or_default(),
                    "priority": column["priority"].as_i64().unwrap_or(0),
                });
                Self { definition, path: parts(column["jsonPath"].as_str().unwrap_or_default()) }
            })
            .collect()
    }

    fn cell(&self, object: &Value) -> Value {
        let mut at = object;
        for part in &self.path {
            let next = match part {
                Part::Member(name) => at.get(name),
                Part::Index(index) => at.get(index),
                Part::Where(key, value) => {
                    at.as_array().and_then(|items| items.iter().find(|item| item[key] == value.as_str()))
                }
            };
            let Some(next) = next else { return Value::Null };
            at = next;
        }
        at.clone()
    }
}

fn parts(path: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (inside, after) = inner.split_once(']').unwrap_or((inner, ""));
            parts.push(bracket(inside));
            rest = after;
        } else {
            let plain = rest.strip_prefix('.').unwrap_or(rest);
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let (name, after) = plain.split_at(end);
            if !name.is_empty() {
                parts.push(Part::Member(name.into()));
            } else if after.is_empty() {
                break;
            }
            rest = after;
        }
    }
    parts
}

fn bracket(inside: &str) -> Part {
    let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    if let Some(filter) = inside.strip_prefix("?(@.").and_then(|rest| rest.strip_suffix(')'))
        && let Some((key, value)) = filter.split_once("==")
    {
        return Part::Where(key.trim().into(), unquoted(value));
    }
    inside.parse().map_or_else(|_| Part::Member(unquoted(inside)), Part::Index)
}

/// A `Table` of objects. Ages are told as the time of creation: clients that show tables work from it.
pub(crate) fn table(columns: &[Column], objects: &[&Value], metadata: &Value) -> Value {
    let name = json!({ "name": "Name", "type": "string", "format": "name", "priority": 0,
        "description": "The name of the object" });
    let age = json!({ "name": "Age", "type": "date", "format": "", "priority": 0,
        "description": "When the object was made" });
    let mut definitions = vec![name];
    if columns.is_empty() {
        definitions.push(age);
    } else {
        definitions.extend(columns.iter().map(|column| column.definition.clone()));
    }
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut cells = vec![object["metadata"]["name"].clone()];
            if columns.is_empty() {
                cells.push(object["metadata"]["creationTimestamp"].clone());
            } else {
                cells.extend(columns.iter().map(|column| column.cell(object)));
            }
            let partial = json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"] });
            json!({ "cells": cells, "object": partial })
        })
        .collect();
    json!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_follows_members_indices_and_conditions() {
        let columns = Column::read(&json!([
            { "name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" },
            { "name": "First", "type": "string", "jsonPath": ".spec.list[0].name" },
            { "name": "None", "type": "string", "jsonPath": ".spec.missing.name" },
        ]));
        let object = json!({
            "spec": { "list": [{ "name": "a" }] },
            "status": { "conditions": [{ "type": "Other", "status": "x" }, { "type": "Ready", "status": "True" }] },
        });
        let cells: Vec<Value> = columns.iter().map(|column| column.cell(&object)).collect();
        assert_eq!(cells, [json!("True"), json!("a"), Value::Null]);
    }
}
