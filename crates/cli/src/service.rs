//! What a daemon answers: to the service manager's and Prometheus' questions over TCP, and to `rackhand status` and
//! `rackhand reload` over a socket in its state directory, which its owner alone can open.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use prometheus_client::{
    encoding::text::encode, metrics::family::Family, metrics::gauge::Gauge, registry::Registry,
};
use rackhand_hub::kubernetes::{SinkStatus, Standing};
use serde_json::json;
use tokio::{
    net::{TcpListener, UnixListener},
    sync::watch,
    task::JoinHandle,
};

use crate::fleet::Snapshot;

/// The socket's name in the state directory.
const SOCKET: &str = "rackhand.sock";

/// What answers are made of.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) snapshot: watch::Receiver<Arc<Snapshot>>,
    pub(crate) hub: Option<HubAnswers>,
    pub(crate) reload: watch::Sender<u64>,
}

/// How things stand with the hub.
#[derive(Clone)]
pub(crate) struct HubAnswers {
    pub(crate) agent: String,
    pub(crate) sink: watch::Receiver<SinkStatus>,
    pub(crate) lease: watch::Receiver<Standing>,
    pub(crate) trouble: watch::Receiver<Option<String>>,
}

/// Where the socket of a state directory is.
pub(crate) fn socket(state: &Path) -> PathBuf {
    state.join(SOCKET)
}

/// What is listened on.
pub(crate) struct Service {
    tasks: Vec<JoinHandle<()>>,
    socket: PathBuf,
    /// Where health is answered.
    pub(crate) listening: Option<SocketAddr>,
}

impl Service {
    /// Begins to answer. The journal of the state directory is owned already, so a socket that is there was left behind.
    pub(crate) async fn start(
        state: &Path,
        listen: Option<SocketAddr>,
        answers: Answers,
    ) -> anyhow::Result<Self> {
        let socket = socket(state);
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", socket.display()));
            }
            _ => {}
        }
        let unix =
            UnixListener::bind(&socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))?;
        let health = health(answers.clone());
        let own = health.clone().merge(own(answers));
        let mut tasks = vec![tokio::spawn(async move {
            if let Err(error) = axum::serve(unix, own).await {
                tracing::error!(%error, "the socket is not answered any more");
            }
        })];
        let mut listening = None;
        if let Some(address) = listen {
            let tcp = TcpListener::bind(address).await.with_context(|| format!("--listen {address}"))?;
            listening = Some(tcp.local_addr()?);
            tasks.push(tokio::spawn(async move {
                if let Err(error) = axum::serve(tcp, health).await {
                    tracing::error!(%error, "health is not answered any more");
                }
            }));
        }
        Ok(Self { tasks, socket, listening })
    }

    /// Ends it.
    pub(crate) fn stop(self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        // The next start removes it too.
        let _ = fs::remove_file(&self.socket);
    }
}

/// What anybody may ask.
fn health(answers: Answers) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(answers)
}

/// What the owner of the state directory may ask.
fn own(answers: Answers) -> Router {
    Router::new().route("/v1/status", get(status)).route("/v1/reload", post(reload)).with_state(answers)
}

/// Ready is who knows its nodes. A hub that is away makes nobody unready: work goes on without it.
async fn readyz(State(answers): State<Answers>) -> impl IntoResponse {
    let snapshot = answers.snapshot.borrow().clone();
    match (snapshot.ready, snapshot.stopping) {
        (true, false) => (StatusCode::OK, "ok\n"),
        (_, true) => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "the source was not read yet\n"),
    }
}

async fn status(State(answers): State<Answers>) -> impl IntoResponse {
    let snapshot = answers.snapshot.borrow().clone();
    let hub = answers.hub.as_ref().map(|hub| {
        let sink = hub.sink.borrow().clone();
        json!({
            "agent": hub.agent,
            "lease": lease(&hub.lease.borrow()),
            "written": sink.written,
            "waiting": sink.waiting,
            "trouble": sink.trouble.or_else(|| hub.trouble.borrow().clone()),
        })
    });
    Json(json!({ "daemon": *snapshot, "hub": hub }))
}

fn lease(standing: &Standing) -> String {
    match standing {
        Standing::Unknown => "not held yet".to_owned(),
        Standing::Held { until, .. } if *until > tokio::time::Instant::now() => "held".to_owned(),
        Standing::Held { .. } => "run out".to_owned(),
        Standing::Taken { by } => format!("held by {by}"),
    }
}

async fn reload(State(answers): State<Answers>) -> &'static str {
    answers.reload.send_modify(|asked| *asked += 1);
    "everything is read again\n"
}

async fn metrics(State(answers): State<Answers>) -> impl IntoResponse {
    let snapshot = answers.snapshot.borrow().clone();
    let mut registry = Registry::default();
    let gauge = |registry: &mut Registry, name: &str, help: &str, value: usize| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge(&mut registry, "rackhand_ready", "Whether the source was read", usize::from(snapshot.ready));
    gauge(&mut registry, "rackhand_source_errors", "Errors in the source", snapshot.findings.len());
    gauge(
        &mut registry,
        "rackhand_nodes_waiting",
        "Nodes that cannot be acted on now",
        snapshot.waiting.len(),
    );
    let nodes = Family::<Vec<(String, String)>, Gauge>::default();
    for state in snapshot.nodes.values() {
        nodes.get_or_create(&vec![("state".to_owned(), state.clone())]).inc();
    }
    registry.register("rackhand_nodes", "Nodes by what they came to", nodes);
    if let Some(hub) = &answers.hub {
        let sink = hub.sink.borrow().clone();
        gauge(
            &mut registry,
            "rackhand_hub_statuses_waiting",
            "Statuses that are not on the hub yet",
            sink.waiting,
        );
        gauge(
            &mut registry,
            "rackhand_hub_statuses_written",
            "Statuses written since the start",
            usize::try_from(sink.written).unwrap_or(usize::MAX),
        );
        let held = lease(&hub.lease.borrow()) == "held";
        gauge(
            &mut registry,
            "rackhand_hub_lease_held",
            "Whether the agent's Lease is held",
            usize::from(held),
        );
    }
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => (
            StatusCode::OK,
            [("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")],
            text,
        ),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, [("content-type", "text/plain")], error.to_string())
        }
    }
}
