//! The engine: does what the plan says next, one act at a time, and writes before and after.
//!
//! One task per node, all in one `JoinSet`. A node's task owns its BMC session and is the only writer to that BMC. The
//! journal is written through [`Shared::record`] alone, which folds each durable record into the history that the next
//! plan is made from: what the engine knows is what the journal says.

mod act;
mod check;
mod connect;
mod ending;
mod fates;
mod firmware;
mod follow;
mod limits;
mod look;
mod node;
mod observe;
mod progress;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rackhand_bmc::{Clock, Pacing};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

pub use limits::Limits;
pub use observe::observe;

use crate::{
    event::{Event, Evidence, StepId},
    history::{History, NodeHistory},
    journal::{Entry, Journal, JournalError},
    ports::{Connector, ImageHost, Sighting},
    wanted::Wanted,
};

/// One node's part of a run.
#[derive(Debug, Clone)]
pub struct NodeJob {
    /// What is wanted.
    pub wanted: Wanted,
    /// The BMC's address; nodes that share one are handled one after the other.
    pub bmc: String,
    /// The site that limits count it under.
    pub site: String,
}

/// What became of one node in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReport {
    /// The node.
    pub node: String,
    /// What became of it.
    pub result: NodeResult,
}

/// What became of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeResult {
    /// Installed in this run.
    Installed,
    /// Booted in this run; the installation is not observable.
    Booted(String),
    /// There was nothing to do.
    Nothing(String),
    /// Somebody has to decide.
    NeedsDecision(String),
    /// It failed.
    Failed {
        /// In which step.
        step: StepId,
        /// What was seen.
        error: String,
        /// What to do.
        advice: String,
        /// Whether credentials or a certificate were refused.
        refused: bool,
    },
    /// It was cancelled; what was left behind.
    Cancelled(String),
    /// The process was told to stop; the job goes on in the next.
    Interrupted,
    /// It was not begun: the rollout had stopped.
    NotStarted(String),
}

/// What an engine is made of.
pub struct Parts {
    /// The journal it owns.
    pub journal: Arc<dyn Journal>,
    /// How BMCs are reached.
    pub connector: Arc<dyn Connector>,
    /// Who serves images.
    pub images: Arc<dyn ImageHost>,
    /// Dates.
    pub clock: Arc<dyn Clock>,
    /// Intervals and deadlines.
    pub pacing: Pacing,
    /// How much at once.
    pub limits: Limits,
}

/// The engine.
pub struct Engine {
    shared: Arc<Shared>,
}

/// Asks a running engine for something.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// Cancels a node's job; it ends in a safe state that its result names. `false` when the node is not in this run.
    #[must_use]
    pub fn cancel(&self, node: &str) -> bool {
        let cancels = self.shared.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        cancels.get(node).is_some_and(|token| {
            token.cancel();
            true
        })
    }

    /// Stops the run: acts under way are finished, sessions given back, jobs left to be resumed.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }
}

/// What every node's task shares.
struct Shared {
    parts: Parts,
    limits: limits::Gatekeeper,
    history: Mutex<History>,
    changed: watch::Sender<u64>,
    cancels: Mutex<BTreeMap<String, CancellationToken>>,
    /// Why the last sign could not be written down.
    unwritten: Mutex<Option<JournalError>>,
    stop: CancellationToken,
}

impl Engine {
    /// An engine that takes the journal's history as what it knows.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn new(parts: Parts) -> Result<Self, JournalError> {
        let mut history = History::default();
        let mut after = 0;
        loop {
            let records = parts.journal.read(after, 10_000).await?;
            let Some(last) = records.last() else { break };
            after = last.seq;
            records.iter().for_each(|record| history.apply(record));
        }
        let limits = limits::Gatekeeper::new(parts.limits);
        let shared = Shared {
            parts,
            limits,
            history: Mutex::new(history),
            changed: watch::Sender::new(after),
            cancels: Mutex::default(),
            unwritten: Mutex::default(),
            stop: CancellationToken::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A handle to ask it things while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { shared: Arc::clone(&self.shared) }
    }

    /// What is known of every node.
    #[must_use]
    pub fn history(&self) -> History {
        self.shared.with_history(Clone::clone)
    }

    /// Writes an event of the operator's or the process's own.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn record(&self, node: Option<&str>, event: Event) -> Result<(), JournalError> {
        self.shared.record(node, event).await
    }

    /// Brings every node to where it should be, and says what became of each, in the order given.
    ///
    /// `sightings` are signs of installations seen outside the BMCs; they are journalled as they come.
    pub async fn run(&self, jobs: Vec<NodeJob>, sightings: mpsc::Receiver<Sighting>) -> Vec<NodeReport> {
        let order: Vec<String> = jobs.iter().map(|job| job.wanted.node.clone()).collect();
        let mut tasks = JoinSet::new();
        for job in jobs {
            let cancel = CancellationToken::new();
            let mut cancels = self.shared.cancels.lock().unwrap_or_else(PoisonError::into_inner);
            cancels.insert(job.wanted.node.clone(), cancel.clone());
            drop(cancels);
            tasks.spawn(node::run(Arc::clone(&self.shared), job, cancel));
        }
        let mut reports = BTreeMap::new();
        let watching = watch_sightings(&self.shared, sightings);
        tokio::pin!(watching);
        loop {
            tokio::select! {
                biased;
                () = &mut watching => {}
                ended = tasks.join_next() => match ended {
                    Some(Ok(report)) => { let _ = reports.insert(report.node.clone(), report); }
                    Some(Err(panic)) => error!(%panic, "a node's task ended unexpectedly"),
                    None => break,
                },
            }
        }
        order
            .into_iter()
            .map(|node| {
                reports.remove(&node).unwrap_or_else(|| NodeReport {
                    result: NodeResult::Failed {
                        step: StepId::Connect,
                        error: "its task ended unexpectedly; this is a fault in rackhand".to_owned(),
                        advice: "Run the same apply again; it goes on from the journal".to_owned(),
                        refused: false,
                    },
                    node,
                })
            })
            .collect()
    }
}

/// Journals signs as they come, and acknowledges each once it is durable. Never returns while signs may come.
async fn watch_sightings(shared: &Shared, mut sightings: mpsc::Receiver<Sighting>) {
    while let Some(Sighting { node, evidence, ack }) = sightings.recv().await {
        match shared.sighted(&node, evidence).await {
            Ok(()) => {
                if let Some(ack) = ack {
                    // The caller may have gone; the sign is durable all the same.
                    let _ = ack.send(());
                }
            }
            // Without an acknowledgement the installer calls again. Those who follow are told that nothing can be written.
            Err(error) => {
                error!(%node, %error, "a sign of the installation could not be written down");
                *shared.unwritten.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        }
    }
    std::future::pending().await
}

impl Shared {
    fn with_history<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        look(&self.history.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the journal cannot be written, as far as the last write tells.
    fn unwritten(&self) -> Option<JournalError> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn node(&self, name: &str) -> Option<NodeHistory> {
        self.with_history(|history| history.node(name).cloned())
    }

    /// Writes an event and folds it, once durable, into what is known.
    async fn record(&self, node: Option<&str>, event: Event) -> Result<(), JournalError> {
        let entry = Entry { node: node.map(str::to_owned), event };
        let record = self.parts.journal.append(entry).await?;
        self.history.lock().unwrap_or_else(PoisonError::into_inner).apply(&record);
        *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.changed.send_replace(record.seq);
        Ok(())
    }

    /// Writes a sign down, unless the same was seen before or no job runs that it could belong to.
    async fn sighted(&self, node: &str, evidence: Evidence) -> Result<(), JournalError> {
        let job = self.with_history(|history| {
            let job = history.node(node).and_then(NodeHistory::running_job)?;
            (!job.saw(&evidence)).then(|| job.id.clone())
        });
        match job {
            Some(job) => self.record(Some(node), Event::Sighted { job, evidence }).await,
            None => {
                if !self.with_history(|h| h.node(node).and_then(NodeHistory::running_job).is_some()) {
                    warn!(node, %evidence, "a sign of an installation came, and no job runs for the node");
                }
                Ok(())
            }
        }
    }
}
