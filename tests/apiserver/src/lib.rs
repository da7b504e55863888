//! A small Kubernetes API for tests: in memory, deterministic, and like a real one in what rackhand relies on.
//!
//! It serves namespaces, Secrets, ConfigMaps, Events, ServiceAccounts, Leases, RBAC and CustomResourceDefinitions, and
//! every kind that definitions add: schemas with pruning and defaults, the status subresource, generations, optimistic
//! concurrency, server-side apply with field ownership, finalizers, selectors, pages, tables, and watches with
//! bookmarks and expiry. `tests/contract.rs` runs the same cases against this and against a real server; where they
//! differ, this is wrong.
//!
//! [`ApiServer`] is a [`tower::Service`], so that a client can call it in process under tokio's paused clock: it uses no
//! thread, no socket and no clock but tokio's. [`ApiServer::listen`] puts the same server on a socket.
//!
//! Left out: OpenAPI (`kubectl create` needs `--validate=false`), protobuf, admission webhooks, CEL, conversion between
//! versions, strategic merge (taken as a JSON merge), the namespace controller (a deleted namespace stays `Terminating`),
//! and pages of one consistent snapshot.

mod admission;
mod builtin;
mod columns;
mod delete;
mod discovery;
mod faults;
mod fields;
mod handle;
mod kinds;
mod managers;
mod names;
mod rbac;
mod read;
mod request;
mod schema;
mod selector;
mod serve;
mod state;
mod status;
mod typed;
mod validate;
mod watch;
mod write;

use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::{sync::watch as channel, time::Instant};

pub use crate::{
    faults::{Answer, Fault, Logged},
    handle::Body,
    rbac::Identity,
    serve::Listening,
};
use crate::{state::State, status::Failure};

/// How a server is to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The date at the start; the first of 2026 unless set.
    pub epoch: Option<Timestamp>,
    /// Behave as servers since 1.22 where 1.20 differs: `fieldValidation=Strict` refuses unknown fields, and the
    /// managers of a subresource are kept apart.
    pub modern: bool,
    /// Who each bearer token belongs to. With any, requests without a known one are refused, and roles decide.
    pub tokens: BTreeMap<String, Identity>,
}

/// A Kubernetes API in memory. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    options: Options,
    state: Mutex<State>,
    faults: Mutex<Vec<Fault>>,
    log: Mutex<Vec<Logged>>,
    began: Instant,
    /// The newest version, for watches to wait on.
    changes: channel::Sender<u64>,
    outage: channel::Sender<bool>,
}

/// What a test asked for could not be done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl Shared {
    /// The state. A test that failed while it held it has failed; the others may go on.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer").field("version", &self.shared.lock().version()).finish_non_exhaustive()
    }
}

impl Default for ApiServer {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

impl ApiServer {
    /// A server with the namespaces `default` and `kube-system`, and nothing else.
    pub fn new(options: Options) -> Self {
        // 2026-01-01T00:00:00Z.
        let first = Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH);
        let state = State::new(options.epoch.unwrap_or(first));
        let version = state.version();
        let server = Self {
            shared: Arc::new(Shared {
                options,
                state: Mutex::new(state),
                faults: Mutex::default(),
                log: Mutex::default(),
                began: Instant::now(),
                changes: channel::Sender::new(version),
                outage: channel::Sender::new(false),
            }),
        };
        for name in ["default", "kube-system"] {
            // These cannot be refused: they are the first objects of all.
            let _ = server.namespace(name);
        }
        server
    }

    /// Puts the server on a socket.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<Listening> {
        serve::listen(self.clone(), address).await
    }

    /// Makes a namespace.
    pub fn namespace(&self, name: &str) -> Result<Value, Refused> {
        self.create(
            &serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
        )
    }

    /// Creates an object, as a POST would, but without being counted, refused or hindered.
    pub fn create(&self, object: &Value) -> Result<Value, Refused> {
        let created = handle::create(&self.shared, object.clone());
        created.map_err(|failure| Refused(failure.body()["message"].as_str().unwrap_or_default().into()))
    }

    /// Creates every object of a YAML stream, and says how many.
    pub fn create_all(&self, yaml: &str) -> Result<usize, Refused> {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(yaml).map_err(|error| Refused(error.to_string()))?;
        let mut made = 0;
        for document in documents.iter().filter(|document| !document.is_null()) {
            self.create(document)?;
            made += 1;
        }
        Ok(made)
    }

    /// One object as it is stored; the namespace is empty for what has none.
    pub fn get(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = (group.to_owned(), plural.to_owned());
        self.shared.lock().object(&key, namespace, name).map(|object| Value::clone(object))
    }

    /// All objects of a resource, in the order of namespace and name.
    pub fn list(&self, group: &str, plural: &str) -> Vec<Value> {
        let key = (group.to_owned(), plural.to_owned());
        self.shared.lock().objects(&key).map(|(_, object)| Value::clone(object)).collect()
    }

    /// Begins or ends an outage. In one every request fails as if nobody listened, and open watches break.
    pub fn outage(&self, on: bool) {
        self.shared.outage.send_replace(on);
    }

    pub(crate) fn outage_signal(&self) -> channel::Receiver<bool> {
        self.shared.outage.subscribe()
    }

    /// Adds a fault; the first that fits a request decides.
    pub fn fault(&self, fault: Fault) {
        locked(&self.shared.faults).push(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        locked(&self.shared.faults).clear();
    }

    /// Forgets the history: watches and pages from before now are too old.
    pub fn compact(&self) {
        self.shared.lock().compact();
        self.shared.changed();
    }

    /// Every request so far.
    pub fn log(&self) -> Vec<Logged> {
        locked(&self.shared.log).clone()
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        locked(&self.shared.log).clear();
    }
}

impl Shared {
    /// Wakes the watches.
    pub(crate) fn changed(&self) {
        let version = self.lock().version();
        self.changes.send_replace(version);
    }

    /// Who a bearer token belongs to; everybody may do everything where there are no tokens.
    pub(crate) fn identify(&self, token: Option<&str>) -> Result<Identity, Failure> {
        if self.options.tokens.is_empty() {
            return Ok(Identity::admin());
        }
        token.and_then(|token| self.options.tokens.get(token)).cloned().ok_or_else(Failure::unauthorized)
    }
}
