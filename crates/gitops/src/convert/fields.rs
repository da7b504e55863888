//! A mapping that is being converted: whatever is not asked for has no home, and is named.

use std::cell::RefCell;

use rackhand_spec::{Code, ScalarKind, Severity, nearest};
use serde_json::{Map, Value};

use crate::render::read::At;

/// A field without a home, and what to do about it.
pub(super) type Homeless = (&'static str, &'static str);

/// See the module's description.
pub(super) struct Fields<'a> {
    pub(super) at: At<'a>,
    homeless: &'static [Homeless],
    asked: RefCell<Vec<String>>,
}

impl<'a> Fields<'a> {
    /// The fields of a mapping; `None`, with a finding, where it is none.
    pub(super) fn of(at: &At<'a>, homeless: &'static [Homeless]) -> Option<Self> {
        if !at.is_map() {
            at.wrong_type("a mapping");
            return None;
        }
        Some(Self { at: at.clone(), homeless, asked: RefCell::default() })
    }

    /// A field; nothing counts as not given.
    pub(super) fn get(&self, name: &str) -> Option<At<'a>> {
        self.asked.borrow_mut().push(name.to_owned());
        self.at.given(name)
    }

    /// A field that a ClusterInstance must have.
    pub(super) fn required(&self, name: &str) -> Option<At<'a>> {
        let found = self.get(name);
        if found.is_none() {
            self.at.error(Code::MissingField, format!("the field `{name}` is missing"));
        }
        found
    }

    /// A field as a text, whatever it is written as.
    pub(super) fn text(&self, name: &str) -> Option<Value> {
        self.get(name).and_then(|at| text(&at)).map(Value::from)
    }

    pub(super) fn required_text(&self, name: &str) -> Option<Value> {
        self.required(name).and_then(|at| text(&at)).map(Value::from)
    }

    /// `{name: …}`.
    pub(super) fn reference(&self, name: &str) -> Option<Value> {
        structure(&self.required(name)?, &["name"], &[])
    }

    pub(super) fn texts(&self, name: &str) -> Option<Value> {
        let items = self.get(name)?;
        list(&items)?.iter().map(|at| text(at).map(Value::from)).collect()
    }

    pub(super) fn structs(&self, name: &str, fields: &[&'static str]) -> Option<Value> {
        let items = self.get(name)?;
        list(&items)?.iter().map(|at| structure(at, fields, &[])).collect()
    }

    pub(super) fn structure(&self, name: &str, fields: &[&'static str]) -> Option<Value> {
        structure(&self.get(name)?, fields, &[])
    }

    fn report(&self) {
        let asked = self.asked.borrow();
        for (entry, at) in self.at.entries() {
            if asked.contains(&entry.key) || at.node.is_null() {
                continue;
            }
            match self.homeless.iter().find(|(name, _)| *name == entry.key) {
                Some((_, help)) => {
                    at.warn(
                        Code::NotUsed,
                        "a ClusterInstance has no field for this, so it is lost",
                        Some(help),
                    );
                }
                None => {
                    let near = nearest(&entry.key, asked.iter().map(String::as_str));
                    let help = near.map(|near| format!("did you mean `{near}`?"));
                    let message = format!("unknown field `{}`: it is lost", entry.key);
                    at.say(Severity::Warning, Code::UnknownField, message, help.as_deref());
                }
            }
        }
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        self.report();
    }
}

/// A scalar's text.
pub(super) fn text(at: &At<'_>) -> Option<String> {
    match at.scalar() {
        Some((_, ScalarKind::Null)) => Some(String::new()),
        Some((text, _)) => Some(text.to_owned()),
        None => {
            at.wrong_type("a text");
            None
        }
    }
}

pub(super) fn list<'a>(at: &At<'a>) -> Option<Vec<At<'a>>> {
    if at.is_list() {
        return Some(at.items());
    }
    at.wrong_type("a list");
    None
}

/// A mapping of texts.
pub(super) fn text_map(at: &At<'_>) -> Option<Value> {
    if !at.is_map() {
        at.wrong_type("a mapping");
        return None;
    }
    let pairs =
        at.entries().into_iter().filter_map(|(entry, at)| Some((entry.key.clone(), text(&at)?.into())));
    Some(Value::Object(pairs.collect()))
}

/// A mapping with these fields of scalars, each with its type.
pub(super) fn structure(at: &At<'_>, names: &[&'static str], homeless: &'static [Homeless]) -> Option<Value> {
    let fields = Fields::of(at, homeless)?;
    let given = names.iter().filter_map(|name| {
        let at = fields.get(name)?;
        if at.scalar().is_none() {
            at.wrong_type("a scalar");
            return None;
        }
        Some(((*name).to_owned(), at.json()))
    });
    Some(Value::Object(given.collect::<Map<_, _>>()))
}
