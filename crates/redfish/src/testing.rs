//! A small Redfish service for tests: documents in a map, sessions, a log, and one rule that answers otherwise.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use rackhand_bmc::{Bmc, Credentials, Ledger, MemoryLedger, Pacing, SimClock, Target};
use rackhand_http::{ServiceTransport, Transport, TransportError, TransportResult};
use serde_json::{Value, json};

use crate::{Client, Conduct, Dialect, Link, Standard};

pub(crate) type Reply = TransportResult;
type Rule = dyn Fn(&Request<Bytes>, &mut State) -> Option<Reply> + Send + Sync;

/// What the service holds.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) documents: BTreeMap<String, Value>,
    /// Request lines in order, without the session's.
    pub(crate) log: Vec<String>,
    /// `If-Match` of each PATCH.
    pub(crate) if_match: Vec<Option<String>>,
    pub(crate) sessions: BTreeMap<String, String>,
    pub(crate) opened: u32,
}

#[derive(Clone)]
pub(crate) struct Service {
    state: Arc<Mutex<State>>,
    rule: Arc<Rule>,
    delay: Duration,
}

pub(crate) const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/1";

pub(crate) fn answer(status: u16, body: Value) -> Reply {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    Ok(Response::builder()
        .status(status)
        .header("Content-Type", "application/json")
        .body(text.into())
        .unwrap())
}

pub(crate) fn refusal(status: u16, message_id: &str) -> Reply {
    answer(
        status,
        json!({"error": {"@Message.ExtendedInfo": [{"MessageId": message_id, "Message": "refused"}]}}),
    )
}

pub(crate) fn lost(request: &Request<Bytes>) -> Reply {
    Err(TransportError::Lost {
        peer: "https://bmc.test".to_owned(),
        method: request.method().to_string(),
        target: request.uri().to_string(),
        reason: "connection reset".to_owned(),
        maybe_applied: !request.method().is_safe(),
    })
}

/// One host with one slot, as a plain service has it.
fn documents() -> BTreeMap<String, Value> {
    let link = |uri: &str| json!({"@odata.id": uri});
    let slot = "/redfish/v1/Systems/1/VirtualMedia/Cd";
    let action = |name: &str| json!({"target": format!("{slot}/Actions/VirtualMedia.{name}")});
    [
        ("/redfish/v1", json!({"RedfishVersion": "1.13.0", "Systems": link("/redfish/v1/Systems"), "Managers": link("/redfish/v1/Managers"),
            "Registries": link("/redfish/v1/Registries"), "Links": {"Sessions": link(SESSIONS)}})),
        ("/redfish/v1/Systems", json!({"Members": [link(SYSTEM)]})),
        (SYSTEM, json!({"@odata.id": SYSTEM, "@odata.etag": "W/\"1\"", "Id": "1", "PowerState": "Off", "Model": "Test",
            "SerialNumber": "S1", "Boot": {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None",
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Cd", "Hdd"]},
            "Actions": {"#ComputerSystem.Reset": {"target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
            "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown", "ForceRestart"]}},
            "VirtualMedia": link("/redfish/v1/Systems/1/VirtualMedia"), "Bios": link("/redfish/v1/Systems/1/Bios"),
            "Links": {"ManagedBy": [link("/redfish/v1/Managers/1")]}})),
        ("/redfish/v1/Managers/1", json!({"Id": "1", "FirmwareVersion": "2.0"})),
        ("/redfish/v1/Systems/1/VirtualMedia", json!({"Members": [link(slot)]})),
        (slot, json!({"@odata.id": slot, "Id": "Cd", "MediaTypes": ["CD"], "Image": "", "Inserted": false,
            "Actions": {"#VirtualMedia.InsertMedia": action("InsertMedia"), "#VirtualMedia.EjectMedia": action("EjectMedia")}})),
    ]
    .into_iter()
    .map(|(uri, document)| (uri.to_owned(), document))
    .collect()
}

impl Service {
    pub(crate) fn new() -> Self {
        Self::with(|_, _| None)
    }

    /// A service that answers by `rule` where it answers at all. The rule sees every request, also the session's.
    pub(crate) fn with(
        rule: impl Fn(&Request<Bytes>, &mut State) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let state = State { documents: documents(), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), rule: Arc::new(rule), delay: Duration::ZERO }
    }

    /// The same, taking its time with everything.
    pub(crate) fn slow(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn put(&self, uri: &str, document: Value) {
        self.state().documents.insert(uri.to_owned(), document);
    }

    /// Changes a property of a document, by JSON pointer.
    pub(crate) fn set(&self, uri: &str, pointer: &str, value: Value) {
        let mut state = self.state();
        set(state.documents.get_mut(uri).unwrap(), pointer, value);
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.state().log.iter().filter(|seen| seen.starts_with(line)).count()
    }

    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        let service = self.clone();
        Arc::new(ServiceTransport::new("https://bmc.test".parse().unwrap(), move |request| {
            let service = service.clone();
            async move {
                if !service.delay.is_zero() {
                    tokio::time::sleep(service.delay).await;
                }
                service.reply(&request)
            }
        }))
    }

    fn reply(&self, request: &Request<Bytes>) -> Reply {
        let mut state = self.state();
        let path = request.uri().path().to_owned();
        if !path.starts_with(SESSIONS) {
            state.log.push(format!("{} {}", request.method(), request.uri()));
        }
        if *request.method() == Method::PATCH {
            let etag = request.headers().get("if-match").map(|value| value.to_str().unwrap().to_owned());
            state.if_match.push(etag);
        }
        if let Some(reply) = (self.rule)(request, &mut state) {
            return reply;
        }
        let token = request.headers().get("x-auth-token").map(|token| token.to_str().unwrap().to_owned());
        let known = token.is_some_and(|token| state.sessions.values().any(|held| *held == token));
        let open = path.trim_end_matches('/') == "/redfish/v1";
        match (request.method(), path.as_str()) {
            (&Method::POST, SESSIONS) => open_session(request, &mut state),
            _ if !open && !known => refusal(401, "Base.1.8.NoValidSession"),
            (&Method::DELETE, _) => match state.sessions.remove(&path) {
                Some(_) => answer(204, Value::Null),
                None => refusal(404, "Base.1.8.ResourceMissingAtURI"),
            },
            (&Method::GET, path) => match state.documents.get(path.trim_end_matches('/')) {
                Some(document) => answer(200, document.clone()),
                None => refusal(404, "Base.1.8.ResourceMissingAtURI"),
            },
            (method, path) => act(method, path, request.body(), &mut state),
        }
    }

    pub(crate) async fn link(&self) -> Link {
        let clock = SimClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        crate::open(self.transport(), "bmc.test", &Pacing::default(), &clock).await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::new(&self.link().await, &target(Arc::new(MemoryLedger::default())), Conduct::default())
    }

    pub(crate) async fn bmc(&self, dialect: impl Dialect) -> Bmc {
        self.connect(dialect).await.unwrap()
    }

    pub(crate) async fn connect(&self, dialect: impl Dialect) -> rackhand_bmc::Result<Bmc> {
        Standard::new(self.link().await, target(Arc::new(MemoryLedger::default())), dialect).connect().await
    }
}

pub(crate) fn target(ledger: Arc<dyn Ledger>) -> Target {
    Target {
        bmc: "bmc.test".to_owned(),
        system: None,
        credentials: Credentials::new("root", "calvin".to_owned()),
        ledger,
        clock: Arc::new(SimClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap())),
        pacing: Pacing::default(),
        quirks_off: std::collections::BTreeSet::new(),
        memory: None,
    }
}

fn open_session(request: &Request<Bytes>, state: &mut State) -> Reply {
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    if body["Password"] != "calvin" {
        return refusal(401, "Base.1.8.ResourceAtUriUnauthorized");
    }
    state.opened += 1;
    let (uri, token) = (format!("{SESSIONS}/{}", state.opened), format!("token-{}", state.opened));
    state.sessions.insert(uri.clone(), token.clone());
    let response = Response::builder().status(201).header("X-Auth-Token", token).header("Location", uri);
    Ok(response.body(Bytes::from_static(b"{}")).unwrap())
}

fn set(document: &mut Value, pointer: &str, value: Value) {
    *document.pointer_mut(pointer).unwrap() = value;
}

/// Merges a PATCH; carries out the actions of the one host and slot.
fn act(method: &Method, path: &str, body: &Bytes, state: &mut State) -> Reply {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let (owner, action) = path.split_once("/Actions/").unwrap_or((path, ""));
    let Some(document) = state.documents.get_mut(owner) else {
        return refusal(404, "Base.1.8.ResourceMissingAtURI");
    };
    match (method, action) {
        (&Method::PATCH, _) => merge(document, &body),
        (_, "ComputerSystem.Reset") => {
            let state = if body["ResetType"] == "On" { "On" } else { "Off" };
            set(document, "/PowerState", state.into());
        }
        (_, "VirtualMedia.InsertMedia") => {
            merge(document, &json!({"Image": body["Image"], "Inserted": true, "ConnectedVia": "URI"}));
        }
        (_, "VirtualMedia.EjectMedia") => {
            merge(document, &json!({"Image": "", "Inserted": false, "ConnectedVia": "NotConnected"}));
        }
        _ => return refusal(405, "Base.1.8.ActionNotSupported"),
    }
    answer(204, Value::Null)
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
