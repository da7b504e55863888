//! Structural schemas, as CustomResourceDefinitions carry them: read once, then used to prune, to default, and by
//! `typed` to tell who owns which field. What is asked of values is in `validate`.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use crate::status::Cause;

/// How the elements of a list belong together when several managers write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListType {
    Atomic,
    Set,
    Map(Vec<String>),
}

/// One node of a schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schema {
    /// `None` where any value goes: int-or-string, preserved unknown fields, and the branches of `anyOf`.
    pub(crate) of: Option<String>,
    pub(crate) int_or_string: bool,
    pub(crate) nullable: bool,
    pub(crate) preserve_unknown: bool,
    pub(crate) embedded: bool,
    pub(crate) properties: BTreeMap<String, Schema>,
    pub(crate) additional: Option<Box<Schema>>,
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) list: Option<ListType>,
    pub(crate) atomic_map: bool,
    pub(crate) default: Option<Value>,
    pub(crate) required: Vec<String>,
    pub(crate) allowed: Vec<Value>,
    pub(crate) pattern: Option<Regex>,
    pub(crate) format: Option<String>,
    pub(crate) bounds: Bounds,
    pub(crate) all_of: Vec<Schema>,
    pub(crate) any_of: Vec<Schema>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) not: Option<Box<Schema>>,
}

/// The limits on numbers, lengths and counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) exclusive_maximum: bool,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) length: (Option<u64>, Option<u64>),
    pub(crate) items: (Option<u64>, Option<u64>),
    pub(crate) properties: (Option<u64>, Option<u64>),
}

impl Schema {
    /// Reads a schema; what is wrong with it is put into `causes` with its place.
    pub(crate) fn read(from: &Value, at: &str, causes: &mut Vec<Cause>) -> Self {
        let flag = |name: &str| from[name].as_bool().unwrap_or(false);
        let each = |name: &str, causes: &mut Vec<Cause>| -> Vec<Schema> {
            let branches = from[name].as_array().into_iter().flatten();
            branches.map(|one| Self::read_branch(one, &format!("{at}.{name}"), causes)).collect()
        };
        let mut schema = Self {
            of: from["type"].as_str().map(Into::into),
            int_or_string: flag("x-kubernetes-int-or-string"),
            nullable: flag("nullable"),
            preserve_unknown: flag("x-kubernetes-preserve-unknown-fields"),
            embedded: flag("x-kubernetes-embedded-resource"),
            atomic_map: from["x-kubernetes-map-type"] == "atomic",
            list: list_type(from),
            default: from.get("default").cloned(),
            required: strings(&from["required"]),
            allowed: from["enum"].as_array().cloned().unwrap_or_default(),
            format: from["format"].as_str().map(Into::into),
            bounds: Bounds::read(from),
            all_of: each("allOf", causes),
            any_of: each("anyOf", causes),
            one_of: each("oneOf", causes),
            ..Self::default()
        };
        if from["not"].is_object() {
            schema.not = Some(Box::new(Self::read_branch(&from["not"], &format!("{at}.not"), causes)));
        }
        if let Some(pattern) = from["pattern"].as_str() {
            match Regex::new(pattern) {
                Ok(regex) => schema.pattern = Some(regex),
                Err(error) => causes.push(Cause::invalid(
                    format!("{at}.pattern"),
                    &from["pattern"],
                    &format!("must be a valid regular expression, but isn't: {error}"),
                )),
            }
        }
        schema.read_children(from, at, causes);
        schema
    }

    fn read_children(&mut self, from: &Value, at: &str, causes: &mut Vec<Cause>) {
        for (name, child) in from["properties"].as_object().into_iter().flatten() {
            let child = Self::read(child, &format!("{at}.properties[{name}]"), causes);
            self.properties.insert(name.clone(), child);
        }
        match &from["additionalProperties"] {
            Value::Bool(true) => {
                self.additional = Some(Box::new(Self { preserve_unknown: true, ..Self::default() }));
            }
            child @ Value::Object(_) => {
                let child = Self::read(child, &format!("{at}.additionalProperties"), causes);
                self.additional = Some(Box::new(child));
            }
            _ => {}
        }
        if from["items"].is_object() {
            self.items = Some(Box::new(Self::read(&from["items"], &format!("{at}.items"), causes)));
        }
    }

    /// A branch of `anyOf` and its like says only what it adds; its own types are not asked for.
    fn read_branch(from: &Value, at: &str, causes: &mut Vec<Cause>) -> Self {
        Self::read(from, at, causes)
    }

    /// What makes the schema one that the server refuses in a v1 definition.
    pub(crate) fn complain(&self, at: &str, causes: &mut Vec<Cause>) {
        let free = self.int_or_string || self.preserve_unknown;
        match self.of.as_deref() {
            None if !free => {
                causes.push(Cause::required_because(
                    format!("{at}.type"),
                    "must not be empty for specified object fields",
                ));
            }
            Some("array") if self.items.is_none() => {
                causes.push(Cause::required_because(format!("{at}.items"), "must be specified"));
            }
            _ => {}
        }
        if !self.properties.is_empty() && self.additional.is_some() {
            causes.push(Cause::forbidden(
                format!("{at}.additionalProperties"),
                "additionalProperties and properties are mutual exclusive",
            ));
        }
        if let (Some(ListType::Map(keys)), Some(items)) = (&self.list, self.items.as_deref()) {
            complain_about_keys(keys, items, at, causes);
        }
        if let Some(default) = &self.default {
            self.check(default, &format!("{at}.default"), causes);
        }
        for (name, child) in &self.properties {
            child.complain(&format!("{at}.properties[{name}]"), causes);
        }
        if let Some(child) = &self.additional {
            child.complain(&format!("{at}.additionalProperties"), causes);
        }
        if let Some(child) = &self.items {
            child.complain(&format!("{at}.items"), causes);
        }
    }

    /// Whether a value may be an integer or a string, here or below.
    pub(crate) fn has_int_or_string(&self) -> bool {
        self.int_or_string
            || self.properties.values().any(Self::has_int_or_string)
            || self.additional.iter().chain(&self.items).any(|child| child.has_int_or_string())
    }

    /// The schema of a member of an object, and whether the schema names it.
    pub(crate) fn member(&self, name: &str) -> (Option<&Self>, bool) {
        match self.properties.get(name) {
            Some(child) => (Some(child), true),
            None => (self.additional.as_deref(), false),
        }
    }

    /// Drops what the schema does not know, and says where it was.
    pub(crate) fn prune(&self, value: &mut Value, at: &str, unknown: &mut Vec<String>) {
        match value {
            Value::Object(members) => self.prune_members(members, at, unknown),
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    for (index, item) in items.iter_mut().enumerate() {
                        schema.prune(item, &format!("{at}[{index}]"), unknown);
                    }
                }
            }
            _ => {}
        }
    }

    fn prune_members(&self, members: &mut Map<String, Value>, at: &str, unknown: &mut Vec<String>) {
        members.retain(|name, value| {
            let place = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            match self.member(name).0 {
                Some(schema) => schema.prune(value, &place, unknown),
                None if self.preserve_unknown => {}
                None if self.embedded && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") => {}
                None => {
                    unknown.push(place);
                    return false;
                }
            }
            true
        });
    }

    /// Drops the nulls that mean nothing.
    pub(crate) fn drop_nulls(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|name, member| {
                    let schema = self.properties.get(name);
                    !(member.is_null() && schema.is_some_and(|one| !one.nullable && one.default.is_none()))
                });
                for (name, member) in members {
                    if let Some(schema) = self.member(name).0 {
                        schema.drop_nulls(member);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    items.iter_mut().for_each(|item| schema.drop_nulls(item));
                }
            }
            _ => {}
        }
    }

    /// Puts in the defaults of what is not there, or is null where null means nothing.
    pub(crate) fn fill(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, schema) in &self.properties {
                    if let Some(default) = &schema.default
                        && members.get(name).is_none_or(|now| now.is_null() && !schema.nullable)
                    {
                        members.insert(name.clone(), default.clone());
                    }
                }
                for (name, member) in members {
                    if let Some(schema) = self.member(name).0 {
                        schema.fill(member);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    items.iter_mut().for_each(|item| schema.fill(item));
                }
            }
            _ => {}
        }
    }
}

fn complain_about_keys(keys: &[String], items: &Schema, at: &str, causes: &mut Vec<Cause>) {
    for key in keys {
        let place = format!("{at}.items.properties[{key}]");
        match items.properties.get(key) {
            None => causes.push(Cause::invalid(
                format!("{at}.x-kubernetes-list-map-keys"),
                &serde_json::json!(keys),
                "entries have to be properties of the items",
            )),
            Some(child) if child.default.is_none() && !items.required.contains(key) => {
                causes.push(Cause::required_because(
                    format!("{place}.default"),
                    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
                ));
            }
            Some(_) => {}
        }
    }
}

fn list_type(from: &Value) -> Option<ListType> {
    match from["x-kubernetes-list-type"].as_str()? {
        "set" => Some(ListType::Set),
        "map" => Some(ListType::Map(strings(&from["x-kubernetes-list-map-keys"]))),
        _ => Some(ListType::Atomic),
    }
}

/// The strings of a list.
pub(crate) fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
}

impl Bounds {
    fn read(from: &Value) -> Self {
        let count = |name: &str| from[name].as_u64();
        Self {
            minimum: from["minimum"].as_f64(),
            maximum: from["maximum"].as_f64(),
            exclusive_minimum: from["exclusiveMinimum"].as_bool().unwrap_or(false),
            exclusive_maximum: from["exclusiveMaximum"].as_bool().unwrap_or(false),
            multiple_of: from["multipleOf"].as_f64(),
            length: (count("minLength"), count("maxLength")),
            items: (count("minItems"), count("maxItems")),
            properties: (count("minProperties"), count("maxProperties")),
        }
    }
}
