//! Signs of installations, each to the run of its node.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rackhand_agent::ports::Sighting;
use tokio::sync::mpsc;

/// Signs of one node that wait, at most.
const WAITING: usize = 64;

type Routes = Arc<Mutex<BTreeMap<String, mpsc::Sender<Sighting>>>>;

/// Sends each sign to its node's run.
pub(super) struct Router {
    routes: Routes,
}

impl Router {
    pub(super) fn new(signs: mpsc::Receiver<Sighting>) -> Self {
        let routes = Routes::default();
        tokio::spawn(route(Arc::clone(&routes), signs));
        Self { routes }
    }

    /// Sends a sign that was seen elsewhere.
    pub(super) async fn tell(&self, sign: Sighting) {
        deliver(&self.routes, sign).await;
    }

    /// The signs of a node from now on.
    pub(super) fn of(&self, node: &str) -> mpsc::Receiver<Sighting> {
        let (sender, receiver) = mpsc::channel(WAITING);
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).insert(node.to_owned(), sender);
        receiver
    }
}

async fn route(routes: Routes, mut signs: mpsc::Receiver<Sighting>) {
    while let Some(sign) = signs.recv().await {
        deliver(&routes, sign).await;
    }
}

async fn deliver(routes: &Routes, sign: Sighting) {
    let to = routes.lock().unwrap_or_else(PoisonError::into_inner).get(&sign.node).cloned();
    let refused = match to {
        Some(to) => to.send(sign).await.err().map(|back| back.0),
        None => Some(sign),
    };
    if let Some(Sighting { node, evidence, .. }) = refused {
        // Not acknowledged: the node's task may be about to begin, and an installer that is told no calls again.
        tracing::warn!(node, %evidence, "a sign of an installation came, and nothing is under way for the node");
    }
}
