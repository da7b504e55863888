//! A call: one request to one BMC, as a handler sees it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

use super::Problem;
use crate::cell::Cell;
use crate::log::Class;

/// A request to a machine's BMC.
pub struct Call {
    /// The machine asked.
    pub cell: Arc<Cell>,
    /// HTTP method.
    pub method: Method,
    /// Path as sent, without its query.
    pub path: String,
    /// Query as sent.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Values of the route's parameters, in the order of the path.
    pub params: Vec<(String, String)>,
    /// Who asks, once that is known.
    pub user: Option<String>,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    class: Option<Class>,
    summary: Option<String>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers and body may carry secrets.
        f.debug_struct("Call").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

impl Call {
    /// A call to `cell`.
    pub fn new(cell: Arc<Cell>, request: http::Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            cell,
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or("").to_owned(),
            headers: parts.headers,
            body,
            params: Vec::new(),
            user: None,
            notes: Mutex::default(),
        }
    }

    /// The value of a route's parameter; empty when the route has none of that name.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(param, _)| param == name).map_or("", |(_, value)| value)
    }

    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as a JSON object.
    ///
    /// # Errors
    /// `MalformedJson`, also for an absent body.
    pub fn object(&self) -> Result<Map<String, Value>, Problem> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(Problem::MalformedJson),
        }
    }

    /// The body as a JSON object, an absent one as `{}`.
    ///
    /// # Errors
    /// `MalformedJson`.
    pub fn object_or_empty(&self) -> Result<Map<String, Value>, Problem> {
        if self.body.is_empty() { Ok(Map::new()) } else { self.object() }
    }

    /// Says in a few words what is asked for, for the log. Never put a secret into it.
    pub fn summary(&self, words: impl Into<String>) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).summary = Some(words.into());
    }

    /// Says what kind of request this is, where it does not follow from the method.
    pub fn class(&self, class: Class) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).class = Some(class);
    }

    /// The kind and the words for the log.
    pub fn noted(&self) -> (Class, Option<String>) {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let class = notes.class.unwrap_or_else(|| self.cell.class_of(&self.method, &self.path));
        let summary = match (&notes.summary, class) {
            (Some(summary), _) => Some(summary.clone()),
            (None, Class::Change) => Some(format!("{} {}", self.method, self.path)),
            (None, _) => None,
        };
        (class, summary)
    }
}

/// Reads an optional string of an object.
///
/// # Errors
/// When it is there and no string.
pub fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, Problem> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(Problem::PropertyType(name.into(), other.clone())),
    }
}

/// Reads an optional boolean of an object.
///
/// # Errors
/// When it is there and no boolean.
pub fn flag(object: &Map<String, Value>, name: &str) -> Result<Option<bool>, Problem> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(Problem::PropertyType(name.into(), other.clone())),
    }
}
