//! A Redfish service made of JSON documents, for the tests of drivers.
//!
//! [`Service`] answers GET from its documents, merges PATCH into them, opens and ends sessions, and does nothing else:
//! what a vendor does otherwise is a [rule](Service::rule) of the test. It is no simulator; it has no time and no
//! machine. Its documents are written down in the test, or read from a recorded tree.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

mod recorded;
mod reply;
#[cfg(feature = "simulator")]
pub mod simulated;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use http::{Method, Request};
use rackhand_bmc::{Credentials, MemoryLedger, Pacing, SimClock, Target};
use rackhand_http::{ServiceTransport, Transport};
use rackhand_redfish::Link;
use serde_json::Value;

pub use self::{
    recorded::{recording, recordings},
    reply::Reply,
};

/// A test's own answer to some requests.
type Rule = dyn Fn(&Asked, &mut Documents) -> Option<Reply> + Send + Sync;

/// Documents by their path, without regard to case and a trailing slash.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Documents(BTreeMap<String, Value>);

/// One request as rules and logs see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
    /// The query, if there was one.
    pub query: Option<String>,
    /// `If-Match`, if it was sent.
    pub if_match: Option<String>,
    /// The body; null when there was none, or none of JSON.
    pub body: Value,
    /// The body as it came.
    pub raw: Bytes,
}

/// The service. Clones share documents, rules and log.
#[derive(Clone, Default)]
pub struct Service {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    documents: Documents,
    rules: Vec<Arc<Rule>>,
    asked: Vec<Asked>,
}

fn key(path: &str) -> String {
    path.trim_end_matches('/').to_ascii_lowercase()
}

impl Documents {
    /// The document at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.0.get(&key(path))
    }

    /// Puts a document at `path`.
    pub fn put(&mut self, path: &str, document: Value) {
        self.0.insert(key(path), document);
    }

    /// Merges into the document at `path` as PATCH does; null values stay as null.
    ///
    /// # Panics
    /// When there is none.
    pub fn merge(&mut self, path: &str, change: &Value) {
        let document = self.0.get_mut(&key(path)).unwrap_or_else(|| panic!("there is no document at {path}"));
        merge(document, change);
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

impl Asked {
    fn of(request: &Request<Bytes>) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            if_match: request
                .headers()
                .get(http::header::IF_MATCH)
                .map(|value| value.to_str().unwrap().to_owned()),
            body: serde_json::from_slice(request.body()).unwrap_or(Value::Null),
            raw: request.body().clone(),
        }
    }

    /// Whether it is that method to a path that ends so, without regard to case.
    #[must_use]
    pub fn is(&self, method: &Method, ending: &str) -> bool {
        self.method == *method && key(&self.path).ends_with(&key(ending))
    }

    fn is_session(&self) -> bool {
        self.path.contains("/Sessions")
    }
}

impl Service {
    /// A service of the documents in a JSON object: path to document.
    ///
    /// # Panics
    /// When it is no object.
    #[must_use]
    pub fn new(documents: &Value) -> Self {
        let service = Self::default();
        for (path, document) in documents.as_object().expect("an object of documents by path") {
            service.change(|documents| documents.put(path, document.clone()));
        }
        service
    }

    /// Adds a rule. The first that answers counts; without one the service answers by itself.
    #[must_use]
    pub fn rule(
        self,
        rule: impl Fn(&Asked, &mut Documents) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        self.lock().rules.push(Arc::new(rule));
        self
    }

    /// Changes documents.
    pub fn change<T>(&self, change: impl FnOnce(&mut Documents) -> T) -> T {
        change(&mut self.lock().documents)
    }

    /// Every request that is neither a read nor about a session, in order.
    #[must_use]
    pub fn writes(&self) -> Vec<Asked> {
        let is_write = |asked: &&Asked| asked.method != Method::GET && !asked.is_session();
        self.lock().asked.iter().filter(is_write).cloned().collect()
    }

    /// How many requests were reads of a path that ends so.
    #[must_use]
    pub fn reads(&self, ending: &str) -> usize {
        self.lock().asked.iter().filter(|asked| asked.is(&Method::GET, ending)).count()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The way to it, in process.
    #[must_use]
    pub fn transport(&self) -> Arc<dyn Transport> {
        let service = self.clone();
        Arc::new(ServiceTransport::new("https://bmc.test".parse().unwrap(), move |request| {
            let reply = service.answer(&Asked::of(&request));
            async move { Ok(reply.response()) }
        }))
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let mut state = self.lock();
        state.asked.push(asked.clone());
        let State { documents, rules, .. } = &mut *state;
        rules.iter().find_map(|rule| rule(asked, documents)).unwrap_or_else(|| itself(asked, documents))
    }

    /// The beginning of a connection.
    ///
    /// # Panics
    /// When there is no service root.
    pub async fn link(&self) -> Link {
        let target = target();
        rackhand_redfish::open(self.transport(), &target.bmc, &target.pacing, target.clock.as_ref())
            .await
            .unwrap()
    }
}

/// What the service does by itself.
fn itself(asked: &Asked, documents: &mut Documents) -> Reply {
    match asked.method.as_str() {
        "POST" if asked.is_session() => Reply::json(201, Value::Object(serde_json::Map::new()))
            .header("X-Auth-Token", "token")
            .header("Location", &format!("{}/1", asked.path.trim_end_matches('/'))),
        "DELETE" if asked.is_session() => Reply::empty(204),
        "GET" => match documents.get(&asked.path) {
            Some(error) if error.get("error").is_some() => Reply::json(404, error.clone()),
            Some(document) => Reply::json(200, document.clone()),
            None => Reply::error(404, "Base.1.8.ResourceMissingAtURI", "there is no such resource"),
        },
        "PATCH" if documents.get(&asked.path).is_some() => {
            documents.merge(&asked.path, &asked.body);
            Reply::empty(204)
        }
        _ => Reply::error(405, "Base.1.8.OperationNotAllowed", "the test says nothing about this request"),
    }
}

/// A target whose clock, credentials and pacing do for every test.
///
/// # Panics
/// Never; the date is a fixed one.
#[must_use]
pub fn target() -> Target {
    Target {
        bmc: "bmc.test".to_owned(),
        system: None,
        credentials: Credentials::new("root", "calvin".to_owned()),
        ledger: Arc::new(MemoryLedger::default()),
        clock: Arc::new(SimClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap())),
        pacing: Pacing::default(),
        quirks_off: std::collections::BTreeSet::new(),
        memory: None,
    }
}
