//! What other processes ask of a run, through the inbox of the journal.
//!
//! A request is written into the journal as a decision, with its id, then obeyed, then removed. One that is found again
//! after a kill in between is known by its id and only removed.

use std::{collections::BTreeSet, fmt, time::Duration};

use rackhand_agent::{
    event::{Decision, Event},
    gather::{GatherOptions, gather},
    history::NodeHistory,
    journal::{Inbox, Journal, JournalError, Posted, RequestId, Wish},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Fleet, run::Tasks};

/// The requests that were obeyed already.
pub(super) struct Requests {
    known: BTreeSet<RequestId>,
}

impl Requests {
    /// Learns from the journal which of the waiting requests were obeyed by an earlier process.
    pub(super) async fn of(inbox: &Inbox, journal: &dyn Journal) -> Result<Self, JournalError> {
        let waiting = inbox.waiting()?;
        let mut known = BTreeSet::new();
        let mut after = 0;
        while !waiting.is_empty() {
            let records = journal.read(after, 10_000).await?;
            let Some(last) = records.last() else { break };
            after = last.seq;
            for record in &records {
                let Event::Decided { by, .. } = &record.event else { continue };
                let obeyed = waiting.iter().filter(|posted| by.ends_with(&mark(&posted.id)));
                known.extend(obeyed.map(|posted| posted.id.clone()));
            }
        }
        for posted in waiting.iter().filter(|posted| known.contains(&posted.id)) {
            inbox.done(&posted.id)?;
        }
        Ok(Self { known })
    }

    /// Waits for requests that are new.
    pub(super) async fn next(&self, inbox: &Inbox) -> Result<Vec<Posted>, JournalError> {
        inbox.arrived(|id| self.known.contains(id)).await
    }

    /// Obeys. Answers what is to be begun again.
    pub(super) async fn obey(
        &mut self,
        fleet: &Fleet,
        tasks: &Tasks,
        arrived: Vec<Posted>,
    ) -> anyhow::Result<Again> {
        let mut again = Again::default();
        for posted in arrived {
            if !self.known.insert(posted.id.clone()) {
                continue;
            }
            if let Some(login) = Login::of(&posted) {
                // Nothing is decided about a node by it, and the ledger bounds what comes of it.
                again.logins.push(login);
            } else if fleet.obey(tasks, &posted).await? {
                again.nodes.push(posted.request.node.clone());
            }
            fleet.inbox.done(&posted.id)?;
        }
        Ok(again)
    }
}

/// What is to be begun again on somebody's word.
#[derive(Debug, Default)]
pub(super) struct Again {
    /// These nodes.
    pub(super) nodes: Vec<String>,
    /// Nodes that were refused, by BMC or by user name.
    pub(super) logins: Vec<Login>,
}

/// Whose credentials somebody says are corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) whose: Whose,
    /// Who says so.
    pub(super) by: String,
    /// How long a node is waited for that is meant by it.
    pub(super) until: Instant,
}

/// As long as it takes to mend a source that cannot be read.
const KEPT: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// Those for this BMC.
    Bmc(String),
    /// Those of this user name, for every BMC.
    User(String),
}

impl Login {
    fn of(posted: &Posted) -> Option<Self> {
        let name = posted.request.node.clone();
        let whose = match posted.request.wish {
            Wish::Login => Whose::Bmc(name),
            Wish::LoginAs => Whose::User(name),
            _ => return None,
        };
        Some(Self { whose, by: posted.request.by.clone(), until: Instant::now() + KEPT })
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.whose {
            Whose::Bmc(bmc) => write!(f, "a login to BMC {bmc} ({})", self.by),
            Whose::User(user) => write!(f, "logins of user {user} ({})", self.by),
        }
    }
}

/// What a decision's `by` ends with, so that the request is recognised.
fn mark(id: &RequestId) -> String {
    format!(" [request {id}]")
}

impl Fleet {
    /// Obeys one request. Answers whether the node is to be begun again.
    pub(super) async fn obey(&self, tasks: &Tasks, posted: &Posted) -> anyhow::Result<bool> {
        let node = posted.request.node.as_str();
        let decision = match posted.request.wish {
            Wish::Cancel => Decision::Cancel,
            Wish::Adopt => Decision::Adopt,
            Wish::Retry | Wish::Install => Decision::Install,
            // Of no one node: see `Requests::obey`.
            Wish::Login | Wish::LoginAs => return Ok(false),
        };
        let busy = tasks.is_under_way(node);
        let job = self
            .shared
            .engine
            .history()
            .node(node)
            .is_some_and(|known| NodeHistory::running_job(known).is_some());
        if decision != Decision::Cancel && (busy || job) {
            // It would outlive the job that runs now, and count for the next one.
            tracing::warn!(
                node,
                ?decision,
                by = posted.request.by,
                "not obeyed: a job is under way for the node; cancel it first"
            );
            return Ok(false);
        }
        let request = match (decision, self.shared.now().specs.get(node)) {
            (Decision::Adopt, Some(spec)) => Some(gather(spec, None, GatherOptions::default()).request),
            _ => None,
        };
        let by = format!("{}{}", posted.request.by, mark(&posted.id));
        self.shared.engine.record(Some(node), Event::Decided { decision, by, request }).await?;
        if decision == Decision::Cancel {
            self.shared.cancel_of(node).cancel();
            return Ok(false);
        }
        let ours = decision == Decision::Install && self.shared.now().specs.contains_key(node);
        if ours {
            // A node that was cancelled before begins with a token that is not.
            self.shared.renew_cancel(node, CancellationToken::new());
        }
        Ok(ours)
    }
}
