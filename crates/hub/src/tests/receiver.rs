//! A receiver of webhooks on a loopback socket.

use std::{net::SocketAddr, sync::Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::*;

/// What a receiver got.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) headers: HeaderMap,
    pub(super) event: Value,
}

impl Got {
    pub(super) fn seq(&self) -> u64 {
        self.event["data"]["seq"].as_u64().unwrap()
    }

    pub(super) fn node(&self) -> Option<String> {
        self.event["subject"].as_str().map(str::to_owned)
    }
}

/// Decides what a request is answered, from how many came before and what it holds.
type Answer = dyn Fn(usize, &Got) -> Response + Send + Sync;

struct Shared {
    answer: Box<Answer>,
    got: Mutex<Vec<(Got, StatusCode)>>,
    count: watch::Sender<usize>,
    /// Requests of these nodes wait until the gate says 'open'.
    held: Option<(String, watch::Receiver<bool>)>,
}

pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start(answer: impl Fn(usize, &Got) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, answer, None)
    }

    pub(super) fn on(
        listener: TcpListener,
        answer: impl Fn(usize, &Got) -> Response + Send + Sync + 'static,
        held: Option<(String, watch::Receiver<bool>)>,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            got: Mutex::default(),
            count: watch::Sender::new(0),
            held,
        });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, server }
    }

    pub(super) fn options(&self) -> WebhookOptions {
        let url = format!("http://{}/hooks/path-secret", self.address).parse().unwrap();
        WebhookOptions::new(url, "urn:example:jump-host", no_roots())
    }

    /// Every request, with what it was answered.
    pub(super) fn got(&self) -> Vec<(Got, StatusCode)> {
        self.shared.got.lock().unwrap().clone()
    }

    /// What was accepted: sequence and node.
    pub(super) fn accepted(&self) -> Vec<(u64, Option<String>)> {
        self.accepted_from(|_| true)
    }

    /// What was accepted of the sources asked for.
    pub(super) fn accepted_from(&self, source: impl Fn(&str) -> bool) -> Vec<(u64, Option<String>)> {
        let got = self.got();
        got.iter()
            .filter(|(got, status)| status.is_success() && source(got.event["source"].as_str().unwrap()))
            .map(|(got, _)| (got.seq(), got.node()))
            .collect()
    }

    pub(super) async fn wait_for(&self, requests: usize) {
        self.shared.count.subscribe().wait_for(|count| *count >= requests).await.unwrap();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let got = Got { headers, event: serde_json::from_slice(&body).unwrap() };
    if let Some((node, gate)) = &shared.held
        && got.node().as_ref() == Some(node)
    {
        let _ = gate.clone().wait_for(|open| *open).await;
    }
    let before = shared.got.lock().unwrap().len();
    let response = (shared.answer)(before, &got);
    shared.got.lock().unwrap().push((got, response.status()));
    shared.count.send_modify(|count| *count += 1);
    response
}

pub(super) fn yes(_: usize, _: &Got) -> Response {
    StatusCode::NO_CONTENT.into_response()
}
