//! YAML with positions as values of their own, for who takes documents apart and puts others together: a renderer.
//!
//! It is the tree that everything here is read from; [`located`](crate::located) lends the same tree out with paths.

use std::path::Path;

use crate::cursor::Place;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::tree::{self, Kind, Value};

/// A value and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What stands there.
    pub value: LocatedValue,
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum LocatedValue {
    /// A scalar: its text as written, and what YAML 1.2 takes it for.
    Scalar(String, ScalarKind),
    /// A list.
    List(Vec<Located>),
    /// A mapping, in the order of the file.
    Map(Vec<LocatedEntry>),
}

/// What YAML 1.2's core schema takes a scalar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarKind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// Another number.
    Float,
    /// A text.
    Text,
}

/// One pair of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedEntry {
    /// The key.
    pub key: String,
    /// The key's line, from 1.
    pub line: usize,
    /// The key's column, from 1.
    pub column: usize,
    /// The value.
    pub value: Located,
}

impl Located {
    /// The documents of a text, and what is wrong with it. A document with a fault is not among them.
    pub fn documents(file: &Path, text: &str) -> (Vec<Self>, Vec<Diagnostic>) {
        let (nodes, faults) = tree::parse(text);
        let diagnostics = faults.into_iter().map(|fault| {
            let place = Place { file: file.to_owned(), mark: fault.mark, path: fault.path };
            let mut diagnostic = place.say(Severity::Error, Code::Unreadable, fault.message);
            diagnostic.help = fault.help.map(ToOwned::to_owned);
            diagnostic
        });
        (nodes.iter().map(Self::of).collect(), diagnostics.collect())
    }

    pub(crate) fn of(node: &tree::Node) -> Self {
        let value = match &node.value {
            Value::Scalar(scalar) => LocatedValue::Scalar(scalar.text.clone(), kind(scalar.kind)),
            Value::Sequence(items) => LocatedValue::List(items.iter().map(Self::of).collect()),
            Value::Mapping(pairs) => {
                let entry = |(key, node): &(tree::Key, tree::Node)| LocatedEntry {
                    key: key.text.clone(),
                    line: key.mark.line,
                    column: key.mark.column,
                    value: Self::of(node),
                };
                LocatedValue::Map(pairs.iter().map(entry).collect())
            }
        };
        Self { line: node.mark.line, column: node.mark.column, value }
    }

    /// A field by name; `None` also where this is no mapping.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let LocatedValue::Map(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value)
    }

    /// A scalar's text; `None` where it is none, or nothing.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            LocatedValue::Scalar(text, kind) if *kind != ScalarKind::Null => Some(text),
            _ => None,
        }
    }

    /// Whether nothing stands here.
    pub fn is_null(&self) -> bool {
        matches!(self.value, LocatedValue::Scalar(_, ScalarKind::Null))
    }

    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            LocatedValue::List(items) => Json::Array(items.iter().map(Self::json).collect()),
            LocatedValue::Map(entries) => {
                Json::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.json())).collect())
            }
            LocatedValue::Scalar(text, kind) => scalar_json(text, *kind),
        }
    }
}

/// A path and one key more, as findings write it: `spec.annotations["rackhand.dev/iso"]`.
pub fn field_path(path: &str, key: &str) -> String {
    tree::join(path, key)
}

fn kind(kind: Kind) -> ScalarKind {
    match kind {
        Kind::Null => ScalarKind::Null,
        Kind::Bool => ScalarKind::Bool,
        Kind::Int => ScalarKind::Int,
        Kind::Float => ScalarKind::Float,
        Kind::Text => ScalarKind::Text,
    }
}

fn scalar_json(text: &str, kind: ScalarKind) -> serde_json::Value {
    use serde_json::Value as Json;
    let as_text = || Json::String(text.to_owned());
    match kind {
        ScalarKind::Null => Json::Null,
        ScalarKind::Bool => Json::Bool(text.eq_ignore_ascii_case("true")),
        ScalarKind::Int => text.parse::<i64>().map_or_else(|_| as_text(), Json::from),
        ScalarKind::Float => {
            text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or_else(as_text, Json::Number)
        }
        ScalarKind::Text => as_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_value_knows_its_place() {
        let (documents, faults) =
            Located::documents(Path::new("f.yaml"), "a:\n  b: [1, yes, ~]\n---\nc: d\n");
        assert!(faults.is_empty());
        let b = documents[0].get("a").and_then(|a| a.get("b")).unwrap();
        assert_eq!((b.line, b.column), (2, 6));
        assert_eq!(b.json(), serde_json::json!([1, "yes", null]));
        assert_eq!(documents[1].get("c").and_then(Located::text), Some("d"));
    }

    #[test]
    fn a_fault_is_named_with_its_line() {
        let (documents, faults) = Located::documents(Path::new("f.yaml"), "a: 1\na: 2\n");
        assert!(documents.is_empty());
        assert_eq!((faults[0].line, faults[0].code), (2, Code::Unreadable));
    }
}
