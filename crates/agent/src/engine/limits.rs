//! How much happens at once, and when a rollout stops.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// How much happens at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nodes between their first connection and the moment their host is switched on to install.
    pub nodes: usize,
    /// The same, per site.
    pub nodes_per_site: usize,
    /// After so many failed nodes no further one is begun; `None` goes on whatever fails.
    pub failure_budget: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes: 64, nodes_per_site: 32, failure_budget: None }
    }
}

/// Keeps the limits.
pub(super) struct Gatekeeper {
    limits: Limits,
    all: Arc<Semaphore>,
    sites: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    bmcs: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    failed: AtomicUsize,
}

/// The right to work on a node; given back when dropped.
pub(super) struct Permit {
    _all: Option<OwnedSemaphorePermit>,
    _site: Option<OwnedSemaphorePermit>,
}

impl Gatekeeper {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            all: Arc::new(Semaphore::new(limits.nodes.max(1))),
            sites: Mutex::default(),
            bmcs: Mutex::default(),
            failed: AtomicUsize::new(0),
        }
    }

    /// Waits for a place. The semaphores are never closed, so a missing permit cannot happen; it would only mean one
    /// node more at once.
    pub(super) async fn enter(&self, site: &str) -> Permit {
        let of_site = {
            let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
            let places = self.limits.nodes_per_site.max(1);
            Arc::clone(sites.entry(site.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(places))))
        };
        Permit {
            _site: of_site.acquire_owned().await.ok(),
            _all: Arc::clone(&self.all).acquire_owned().await.ok(),
        }
    }

    /// Waits until nobody else writes to this BMC.
    pub(super) async fn own_bmc(&self, bmc: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut bmcs = self.bmcs.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(bmcs.entry(bmc.to_ascii_lowercase()).or_default())
        };
        lock.lock_owned().await
    }

    /// Counts a failed node.
    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Why no further node is begun, if so.
    pub(super) fn stopped(&self) -> Option<String> {
        let budget = self.limits.failure_budget?;
        let failed = self.failed.load(Ordering::Relaxed);
        (failed >= budget.max(1)).then(|| {
            format!("{failed} nodes failed, and the failure budget is {budget}: no further node is begun")
        })
    }
}
