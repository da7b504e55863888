//! YAML with places, for checks that look beyond nodes: policies, Secrets' declarations, a whole repository.
//!
//! [`read`](crate::read) says what is wrong with the YAML itself and with the kinds it knows. Here nothing is checked and
//! nothing complained of; a field that is missing or of another shape is simply not found.

use std::path::{Path, PathBuf};

use crate::cursor::json;
use crate::tree::{Key, Kind, Mark, Node, Value, join, parse};

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    file: PathBuf,
    root: Node,
    path: String,
}

impl Document {
    /// The document as a whole.
    pub fn root(&self) -> Field<'_> {
        Field { file: &self.file, node: &self.root, path: self.path.clone(), mark: self.root.mark, key: None }
    }
}

/// The documents of a text that can be read, each item of a List as one of its own, and whether those are all.
pub fn documents(file: &Path, text: &str) -> (Vec<Document>, bool) {
    let (roots, faults) = parse(text);
    let mut found = Vec::new();
    for root in roots {
        add(Document { file: file.to_owned(), root, path: String::new() }, &mut found);
    }
    (found, faults.is_empty())
}

fn add(document: Document, found: &mut Vec<Document>) {
    let root = document.root();
    let is_list = root.get("kind").and_then(|kind| kind.text()).is_some_and(|kind| kind.ends_with("List"));
    let items = root.get("items").filter(|_| is_list);
    let Some(items) = items else { return found.push(document) };
    let nested = items.items().into_iter().map(|item| Document {
        file: document.file.clone(),
        root: item.node.clone(),
        path: item.path,
    });
    nested.for_each(|document| add(document, found));
}

/// A value in a document, with its place.
#[derive(Debug, Clone)]
pub struct Field<'a> {
    file: &'a Path,
    node: &'a Node,
    path: String,
    mark: Mark,
    key: Option<Mark>,
}

impl<'a> Field<'a> {
    /// The file it stands in.
    pub fn file(&self) -> &'a Path {
        self.file
    }

    /// Its line, from 1.
    pub fn line(&self) -> usize {
        self.mark.line
    }

    /// Its column in characters, from 1.
    pub fn column(&self) -> usize {
        self.mark.column
    }

    /// Its path, as in `spec.clusters[0].nodes[1].bmcAddress`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same field at the place of its name, where it has one.
    #[must_use]
    pub fn at_key(mut self) -> Self {
        self.mark = self.key.unwrap_or(self.mark);
        self
    }

    /// The text of a scalar, as written; `None` for nothing, lists and mappings.
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar(scalar) if scalar.kind != Kind::Null => Some(&scalar.text),
            _ => None,
        }
    }

    /// The text of a scalar that has the type of a text: quoted, or no number, boolean or nothing.
    pub fn string(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar(scalar) if scalar.kind == Kind::Text => Some(&scalar.text),
            _ => None,
        }
    }

    /// Whether nothing stands here.
    pub fn is_null(&self) -> bool {
        matches!(&self.node.value, Value::Scalar(scalar) if scalar.kind == Kind::Null)
    }

    /// Whether it is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.node.value, Value::Mapping(_))
    }

    /// A field of a mapping.
    pub fn get(&self, name: &str) -> Option<Field<'a>> {
        let Value::Mapping(pairs) = &self.node.value else { return None };
        pairs.iter().find(|(key, _)| key.text == name).map(|pair| self.pair(pair).1)
    }

    /// A field some levels down.
    pub fn dig(&self, names: &[&str]) -> Option<Field<'a>> {
        names.iter().try_fold(self.clone(), |field, name| field.get(name))
    }

    /// The items of a list; none where it is no list.
    pub fn items(&self) -> Vec<Field<'a>> {
        let Value::Sequence(items) = &self.node.value else { return Vec::new() };
        let item = |(index, node): (usize, &'a Node)| Field {
            file: self.file,
            node,
            path: format!("{}[{index}]", self.path),
            mark: node.mark,
            key: None,
        };
        items.iter().enumerate().map(item).collect()
    }

    /// The names and values of a mapping; none where it is no mapping.
    pub fn entries(&self) -> Vec<(&'a str, Field<'a>)> {
        let Value::Mapping(pairs) = &self.node.value else { return Vec::new() };
        pairs.iter().map(|pair| self.pair(pair)).collect()
    }

    fn pair(&self, (key, node): &'a (Key, Node)) -> (&'a str, Field<'a>) {
        let path = join(&self.path, &key.text);
        (key.text.as_str(), Field { file: self.file, node, path, mark: node.mark, key: Some(key.mark) })
    }

    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        json(self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_knows_where_it_stands() {
        let text =
            "a:\n  b.c:\n  - 1\n  - x: yes\n    y:\n---\nkind: ConfigMapList\nitems:\n- kind: A\n- kind: B\n";
        let (found, all) = documents(Path::new("f.yaml"), text);
        assert!(all && found.len() == 3);
        let root = found[0].root();
        let list = root.dig(&["a", "b.c"]).unwrap();
        assert_eq!((list.line(), list.path()), (3, "a[\"b.c\"]"));
        assert_eq!(list.clone().at_key().line(), 2);
        let items = list.items();
        assert_eq!((items[0].text(), items[0].string(), items[0].column()), (Some("1"), None, 5));
        let entries = items[1].entries();
        assert_eq!(entries[0].1.string(), Some("yes"));
        assert!(entries[1].1.is_null() && entries[1].1.text().is_none());
        let kind = found[2].root().get("kind").unwrap();
        assert_eq!((kind.text(), kind.path(), kind.line()), (Some("B"), "items[1].kind", 10));
        let (found, all) = documents(Path::new("f.yaml"), "a: [\n---\nb: 1\n");
        assert!(!all && found.len() == 1);
        assert!(kind.get("x").is_none() && kind.items().is_empty() && kind.entries().is_empty());
    }
}
