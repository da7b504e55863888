//! Label and field selectors.

use serde_json::Value;

use crate::{kinds::Kind, status::Failure};

/// Which objects a list, a watch or a deletion of many is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, String, bool)>,
    /// The name in the path, which a watch of one object has.
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    values: Vec<String>,
    negated: bool,
}

impl Selector {
    /// Reads the selectors of a request.
    pub(crate) fn read(
        kind: &Kind,
        namespace: &str,
        name: &str,
        labels: &str,
        fields: &str,
    ) -> Result<Self, Failure> {
        let mut selector = Self { name: name.to_owned(), namespace: namespace.to_owned(), ..Self::default() };
        for term in split_terms(labels) {
            selector.labels.push(Requirement::read(term)?);
        }
        for term in fields.split(',').filter(|term| !term.is_empty()) {
            let (key, value, equal) = match term.split_once("!=") {
                Some((key, value)) => (key, value, false),
                None => {
                    let (key, value) = term.split_once('=').ok_or_else(|| {
                        Failure::bad_request(format!("invalid selector: '{term}'; can't understand '{term}'"))
                    })?;
                    (key, value.strip_prefix('=').unwrap_or(value), true)
                }
            };
            if !is_field(kind, key) {
                return Err(Failure::bad_request(format!("field label not supported: {key}")));
            }
            selector.fields.push((key.into(), value.into(), equal));
        }
        Ok(selector)
    }

    /// Whether nothing is asked but where the objects are.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is meant.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        (self.name.is_empty() || metadata["name"] == self.name.as_str())
            && (self.namespace.is_empty() || metadata["namespace"] == self.namespace.as_str())
            && self.labels.iter().all(|requirement| requirement.holds(&metadata["labels"]))
            && self.fields.iter().all(|(key, value, equal)| {
                let field = key.split('.').fold(object, |at, name| &at[name]);
                (field.as_str().unwrap_or_default() == value) == *equal
            })
    }
}

/// The fields that objects can be chosen by.
fn is_field(kind: &Kind, key: &str) -> bool {
    let own: &[&str] = match kind.plural.as_str() {
        "events" if !kind.custom => &[
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "reason",
            "type",
        ],
        "secrets" if !kind.custom => &["type"],
        "namespaces" if !kind.custom => &["status.phase"],
        _ => &[],
    };
    key == "metadata.name" || (key == "metadata.namespace" && kind.namespaced) || own.contains(&key)
}

/// The terms between commas that are not inside parentheses.
fn split_terms(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|term| !term.is_empty())
    .collect()
}

impl Requirement {
    fn read(term: &str) -> Result<Self, Failure> {
        let new = |key: &str, values: Vec<String>, negated| {
            let key = key.trim().to_owned();
            if key.is_empty() || key.contains([' ', '(', ')']) {
                return Err(Failure::bad_request(format!("unable to parse requirement: {term}")));
            }
            Ok(Self { key, values, negated })
        };
        if let Some((key, value)) = term.split_once("!=") {
            return new(key, vec![value.trim().into()], true);
        }
        if let Some((key, value)) = term.split_once('=') {
            return new(key, vec![value.trim_start_matches('=').trim().into()], false);
        }
        for (word, negated) in [(" notin ", true), (" in ", false)] {
            if let Some((key, values)) = term.split_once(word) {
                let values = values.trim().trim_start_matches('(').trim_end_matches(')');
                return new(key, values.split(',').map(|value| value.trim().to_owned()).collect(), negated);
            }
        }
        match term.strip_prefix('!') {
            Some(key) => new(key, Vec::new(), true),
            None => new(term, Vec::new(), false),
        }
    }

    fn holds(&self, labels: &Value) -> bool {
        let value = labels[self.key.as_str()].as_str();
        let there = match value {
            None => false,
            Some(value) => self.values.is_empty() || self.values.iter().any(|wanted| wanted == value),
        };
        there != self.negated
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn label_selectors_hold_as_written() {
        let labels = json!({ "site": "north", "tier": "edge" });
        for (text, expected) in [
            ("site=north", true),
            ("site==south", false),
            ("site!=south", true),
            ("missing!=any", true),
            ("site in (south, north),tier", true),
            ("site notin (north)", false),
            ("!missing", true),
            ("!site", false),
        ] {
            let requirements: Vec<Requirement> = split_terms(text)
                .into_iter()
                .map(|term| Requirement::read(term).unwrap_or_else(|_| panic!("{term}")))
                .collect();
            assert_eq!(requirements.iter().all(|one| one.holds(&labels)), expected, "{text}");
        }
    }
}
