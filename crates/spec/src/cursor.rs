//! Reading a tree so that nothing in it is passed over in silence.
//!
//! [`Fields`] is a mapping that is being read. Asking it for a field is what makes the field known; when the reading is over
//! (when it is dropped) each field that was not asked for is reported: as *not used by rackhand*, where the table it was opened
//! with gives a reason, or else as unknown, with the known name that it looks like. So a reader that stops using a field, or
//! forgets to read one, shows at once, and there is no second list of fields to keep in step.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::str::FromStr;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::tree::{Key, Kind, Mark, Node, Scalar, Value, join};

/// A field that is known and not used, and why.
pub(crate) type NotUsed = (&'static str, &'static str);

/// Where findings go.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    found: RefCell<Vec<Diagnostic>>,
    errors: Cell<usize>,
}

impl Sink {
    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        if diagnostic.is_error() {
            self.errors.set(self.errors.get() + 1);
        }
        self.found.borrow_mut().push(diagnostic);
    }

    /// Errors so far. A reader compares before and after to know whether its part is sound.
    pub(crate) fn errors(&self) -> usize {
        self.errors.get()
    }

    pub(crate) fn into_inner(self) -> Vec<Diagnostic> {
        self.found.into_inner()
    }
}

/// A file that is being read, and where its findings go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cx<'a> {
    pub(crate) file: &'a Path,
    pub(crate) sink: &'a Sink,
}

/// A place in a file with the field's path, for findings that are made later.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) file: std::path::PathBuf,
    pub(crate) mark: Mark,
    pub(crate) path: String,
}

impl Place {
    pub(crate) fn say(&self, severity: Severity, code: Code, message: String) -> Diagnostic {
        Diagnostic {
            severity,
            code,
            file: self.file.clone(),
            line: self.mark.line,
            column: self.mark.column,
            path: self.path.clone(),
            message,
            help: None,
        }
    }

    /// `FILE:LINE`, to be named in another place's finding.
    pub(crate) fn short(&self) -> String {
        format!("{}:{}", self.file.display(), self.mark.line)
    }
}

/// A value, its place and its path.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    pub(crate) cx: Cx<'a>,
    pub(crate) node: &'a Node,
    pub(crate) path: String,
}

impl<'a> At<'a> {
    pub(crate) fn root(cx: Cx<'a>, node: &'a Node) -> Self {
        Self { cx, node, path: String::new() }
    }

    pub(crate) fn place(&self) -> Place {
        Place { file: self.cx.file.to_owned(), mark: self.node.mark, path: self.path.clone() }
    }

    fn diagnostic(&self, severity: Severity, code: Code, message: impl Into<String>) -> Diagnostic {
        self.place().say(severity, code, message.into())
    }

    pub(crate) fn error(&self, code: Code, message: impl Into<String>) {
        self.cx.sink.push(self.diagnostic(Severity::Error, code, message));
    }

    pub(crate) fn error_help(&self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        self.cx.sink.push(self.diagnostic(Severity::Error, code, message).help(help));
    }

    pub(crate) fn warning(&self, code: Code, message: impl Into<String>) {
        self.cx.sink.push(self.diagnostic(Severity::Warning, code, message));
    }

    pub(crate) fn sloppy(&self, message: impl Into<String>, help: impl Into<String>) {
        self.cx.sink.push(self.diagnostic(Severity::Warning, Code::Sloppy, message).help(help));
    }

    pub(crate) fn not_used(&self, reason: &str) {
        self.warning(Code::NotUsed, format!("not used by rackhand: {reason}"));
    }

    fn wrong_type(&self, wanted: &str) {
        self.error(Code::WrongType, format!("{wanted} is expected here, not {}", self.what()));
    }

    fn what(&self) -> &'static str {
        match &self.node.value {
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.kind {
                Kind::Null => "nothing",
                Kind::Bool => "a boolean",
                Kind::Int => "a whole number",
                Kind::Float => "a number",
                Kind::Text => "a text",
            },
        }
    }

    pub(crate) fn scalar(&self) -> Option<&'a Scalar> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.kind == Kind::Null)
    }

    /// A text. Numbers and booleans are taken as they are written, with a warning: upstream's own samples do it.
    pub(crate) fn text(&self) -> Option<String> {
        match self.scalar() {
            Some(Scalar { text, kind: Kind::Text, .. }) => Some(text.clone()),
            Some(Scalar { text, kind, .. }) if *kind != Kind::Null => {
                let message = format!("a text is expected here, not {}; taken as \"{text}\"", self.what());
                self.sloppy(message, format!("write \"{text}\" in quotes"));
                Some(text.clone())
            }
            _ => {
                self.wrong_type("a text");
                None
            }
        }
    }

    /// A text with something in it.
    pub(crate) fn word(&self) -> Option<String> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.error(Code::InvalidValue, "the text is empty");
            return None;
        }
        Some(text)
    }

    /// A text with a syntax of its own.
    pub(crate) fn parse<T>(&self) -> Option<T>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let text = match self.scalar() {
            Some(Scalar { text, kind, .. }) if *kind != Kind::Null => text,
            _ => {
                self.wrong_type("a text");
                return None;
            }
        };
        match text.trim().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(Code::InvalidValue, error.to_string());
                None
            }
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        let scalar = self.scalar();
        let value = match scalar.map(|scalar| scalar.text.to_ascii_lowercase()).as_deref() {
            Some("true" | "yes" | "on") => true,
            Some("false" | "no" | "off") => false,
            _ => {
                self.wrong_type("true or false");
                return None;
            }
        };
        if scalar.is_some_and(|scalar| scalar.kind != Kind::Bool) {
            self.sloppy(
                format!("a boolean is expected here, not a text; taken as {value}"),
                format!("write {value} without quotes"),
            );
        }
        Some(value)
    }

    pub(crate) fn unsigned(&self) -> Option<u64> {
        match self.scalar() {
            Some(Scalar { text, kind: Kind::Int, .. }) => match text.parse() {
                Ok(value) => Some(value),
                Err(_) => {
                    self.error(
                        Code::InvalidValue,
                        format!("`{text}` is not a whole number from 0 to {}", u64::MAX),
                    );
                    None
                }
            },
            _ => {
                self.wrong_type("a whole number");
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let message = format!("`{text}` is not allowed here; it is one of {}", names.join(", "));
        match nearest(&text, names.iter().copied()) {
            Some(near) => self.error_help(Code::InvalidValue, message, format!("did you mean `{near}`?")),
            None => self.error(Code::InvalidValue, message),
        }
        None
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Vec<At<'a>> {
        match &self.node.value {
            Value::Sequence(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| At { cx: self.cx, node, path: format!("{}[{index}]", self.path) })
                .collect(),
            _ => {
                self.wrong_type("a list");
                Vec::new()
            }
        }
    }

    /// A list of texts.
    pub(crate) fn words(&self) -> Vec<String> {
        self.items().iter().filter_map(At::word).collect()
    }

    /// The pairs of a mapping whose keys are the author's own.
    pub(crate) fn entries(&self) -> Vec<(&'a Key, At<'a>)> {
        match &self.node.value {
            Value::Mapping(pairs) => pairs
                .iter()
                .map(|(key, node)| (key, At { cx: self.cx, node, path: join(&self.path, &key.text) }))
                .collect(),
            _ => {
                self.wrong_type("a mapping");
                Vec::new()
            }
        }
    }

    /// A mapping of texts. A value that is nothing counts as the empty text.
    pub(crate) fn text_map(&self) -> std::collections::BTreeMap<String, String> {
        let text = |at: &At<'_>| if at.is_null() { Some(String::new()) } else { at.text() };
        self.entries().into_iter().filter_map(|(key, at)| Some((key.text.clone(), text(&at)?))).collect()
    }

    /// A field by name, without noting it as read; `None` also where this is no mapping.
    pub(crate) fn child(&self, name: &str) -> Option<At<'a>> {
        let Value::Mapping(pairs) = &self.node.value else { return None };
        let (_, node) = pairs.iter().find(|(key, _)| key.text == name)?;
        Some(At { cx: self.cx, node, path: join(&self.path, name) })
    }

    /// A mapping with known fields.
    pub(crate) fn fields(&self, not_used: &'static [NotUsed]) -> Option<Fields<'a>> {
        match &self.node.value {
            Value::Mapping(pairs) => Some(Fields {
                at: self.clone(),
                pairs,
                not_used,
                asked: RefCell::default(),
                missing: RefCell::default(),
            }),
            _ => {
                self.wrong_type("a mapping");
                None
            }
        }
    }

    /// The value as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        json(self.node)
    }
}

pub(crate) fn json(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Sequence(items) => Json::Array(items.iter().map(json).collect()),
        Value::Mapping(pairs) => {
            Json::Object(pairs.iter().map(|(key, node)| (key.text.clone(), json(node))).collect())
        }
        Value::Scalar(scalar) => {
            let text = || Json::String(scalar.text.clone());
            match scalar.kind {
                Kind::Null => Json::Null,
                Kind::Bool => Json::Bool(scalar.text.eq_ignore_ascii_case("true")),
                Kind::Int => scalar.text.parse::<i64>().map_or_else(|_| text(), Json::from),
                Kind::Float => scalar
                    .text
                    .parse::<f64>()
                    .ok()
                    .and_then(serde_json::Number::from_f64)
                    .map_or_else(text, Json::Number),
                Kind::Text => text(),
            }
        }
    }
}

/// A required field that is not there.
struct Missing {
    name: &'static str,
    why: Option<&'static str>,
}

/// A mapping that is being read. See the module's description.
pub(crate) struct Fields<'a> {
    pub(crate) at: At<'a>,
    pairs: &'a [(Key, Node)],
    not_used: &'static [NotUsed],
    asked: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<Missing>>,
}

impl<'a> Fields<'a> {
    /// A field's value. Nothing counts as not given, with a warning.
    pub(crate) fn get(&self, name: &'static str) -> Option<At<'a>> {
        let at = self.peek(name)?;
        if at.is_null() {
            at.warning(Code::Sloppy, "nothing stands here; taken as not given");
            return None;
        }
        Some(at)
    }

    /// A field's value, or `None` where its absence and its emptiness are no matter.
    pub(crate) fn peek(&self, name: &'static str) -> Option<At<'a>> {
        if !self.asked.borrow().contains(&name) {
            self.asked.borrow_mut().push(name);
        }
        let (_, node) = self.pairs.iter().find(|(key, _)| key.text == name)?;
        Some(At { cx: self.at.cx, node, path: join(&self.at.path, name) })
    }

    /// A field that must be there.
    pub(crate) fn required(&self, name: &'static str) -> Option<At<'a>> {
        self.needed(name, None)
    }

    /// A field that must be there, and why.
    pub(crate) fn required_because(&self, name: &'static str, why: &'static str) -> Option<At<'a>> {
        self.needed(name, Some(why))
    }

    fn needed(&self, name: &'static str, why: Option<&'static str>) -> Option<At<'a>> {
        let found = self.peek(name).filter(|at| !at.is_null());
        if found.is_none() {
            self.missing.borrow_mut().push(Missing { name, why });
        }
        found
    }

    fn report(&self) {
        let mut missing = self.missing.borrow_mut();
        let asked = self.asked.borrow();
        for (key, node) in self.pairs.iter().filter(|(key, _)| !asked.contains(&key.text.as_str())) {
            let path = join(&self.at.path, &key.text);
            if let Some((_, reason)) = self.not_used.iter().find(|(name, _)| *name == key.text) {
                At { cx: self.at.cx, node, path }.not_used(reason);
                continue;
            }
            let place = Place { file: self.at.cx.file.to_owned(), mark: key.mark, path };
            self.unknown(key, &place, &asked, &mut missing);
        }
        for Missing { name, why } in missing.iter() {
            let empty = self.pairs.iter().find(|(key, _)| key.text == *name).map(|(key, _)| key.mark);
            let mark = empty.unwrap_or(self.at.node.mark);
            let place = Place { path: join(&self.at.path, name), mark, ..self.at.place() };
            let mut diagnostic =
                place.say(Severity::Error, Code::MissingField, format!("the field `{name}` is missing"));
            diagnostic.help = why.map(ToOwned::to_owned);
            self.at.cx.sink.push(diagnostic);
        }
    }

    /// An unknown field that looks like a known one is an error: a misspelt `bootMode` must not install without Secure Boot.
    fn unknown(&self, key: &Key, place: &Place, asked: &[&'static str], missing: &mut Vec<Missing>) {
        let message = format!("unknown field `{}`", key.text);
        // A missing field is the likelier meaning, and then it is one mistake, not two.
        let near = nearest(&key.text, missing.iter().map(|field| field.name)).or_else(|| {
            let absent = |name: &&str| !self.pairs.iter().any(|(key, _)| key.text == **name);
            let known = asked.iter().copied().chain(self.not_used.iter().map(|(name, _)| *name));
            nearest(&key.text, known.filter(absent))
        });
        let sink = self.at.cx.sink;
        match near {
            Some(near) => {
                missing.retain(|field| field.name != near);
                sink.push(
                    place
                        .say(Severity::Error, Code::UnknownField, message)
                        .help(format!("did you mean `{near}`?")),
                );
            }
            None => {
                let message = format!("{message}: not used by rackhand");
                sink.push(place.say(Severity::Warning, Code::UnknownField, message));
            }
        }
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        self.report();
    }
}

/// The candidate that a misspelt word most likely means, if any is near enough.
pub fn nearest<'n>(word: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let lower = word.to_lowercase();
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= candidate.chars().count() / 4 + 1 && *distance < lower.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
