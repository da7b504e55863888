//! The status of every HostProvision, brought to the newest that the journal says.
//!
//! Statuses are not queued: what is written is what holds when it is written, with the times at which it happened. Through an
//! outage only the set of nodes that changed is kept. Writes are server-side applies under one field manager for all agents,
//! so that an agent which takes a host over leaves nothing of its predecessor behind.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use rackhand_agent::{
    history::NodeHistory,
    journal::{Journal, JournalError},
};
use rackhand_bmc::Clock;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    budget::Budget,
    conditions::is_transition,
    host_provision::{HostProvision, HostProvisionStatus},
    status::{About, Book, Verdict},
    target::{Target, Targets},
    trouble::{Trouble, answered},
};

/// The field manager of the objects that agents make of others.
pub const MAKER: &str = "rackhand-maker";
/// The field manager of the statuses that agents write.
pub const MANAGER: &str = "rackhand";
/// Keeps an object while its installation is under way, so that what was begun is taken back first.
pub const FINALIZER: &str = "rackhand.dev/installation-under-way";

/// How statuses are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkOptions {
    /// Least time between two writes of one status that sum up the same.
    pub coarse: Duration,
    /// How often the status of a running installation is written though nothing changed.
    pub heartbeat: Duration,
    /// How long an object that is deleted is kept for an installation that was begun.
    pub farewell: Duration,
    /// Pauses after a failure, from and to.
    pub retry: (Duration, Duration),
    /// Writes under way at once.
    pub at_once: usize,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            coarse: Duration::from_secs(10),
            heartbeat: Duration::from_secs(300),
            farewell: Duration::from_secs(300),
            retry: (Duration::from_secs(1), Duration::from_secs(60)),
            at_once: 8,
        }
    }
}

/// How writing goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SinkStatus {
    /// Statuses written by this process.
    pub written: u64,
    /// Nodes whose newest status is not on the hub yet.
    pub waiting: usize,
    /// What keeps them from it, while something does.
    pub trouble: Option<String>,
}

/// Writes statuses.
pub struct StatusSink {
    client: Client,
    agent: String,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    targets: watch::Receiver<Option<Arc<Targets>>>,
    budget: Arc<Budget>,
    options: SinkOptions,
    status: watch::Sender<SinkStatus>,
}

/// What a sink is made of.
pub struct SinkParts {
    /// The hub.
    pub client: Client,
    /// The agent that writes.
    pub agent: String,
    /// What is told.
    pub journal: Arc<dyn Journal>,
    /// Dates.
    pub clock: Arc<dyn Clock>,
    /// Which objects are told.
    pub targets: watch::Receiver<Option<Arc<Targets>>>,
    /// How much.
    pub budget: Arc<Budget>,
    /// How.
    pub options: SinkOptions,
}

impl StatusSink {
    /// A sink.
    #[must_use]
    pub fn new(parts: SinkParts) -> Self {
        let SinkParts { client, agent, journal, clock, targets, budget, options } = parts;
        let status = watch::Sender::new(SinkStatus::default());
        Self { client, agent, journal, clock, targets, budget, options, status }
    }

    /// How writing goes, as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<SinkStatus> {
        self.status.subscribe()
    }

    /// Writes for as long as the journal is open.
    ///
    /// # Errors
    /// When the journal cannot be read any further.
    pub async fn run(self) -> Result<(), JournalError> {
        let mut grown = self.journal.watch();
        let mut targets = self.targets.clone();
        let mut run = Run::new(&self);
        run.read_on().await?;
        run.aim(targets.borrow_and_update().clone());
        loop {
            run.start();
            run.tell();
            let (due, heartbeat) = (run.due(), run.heartbeat);
            tokio::select! {
                biased;
                Some(done) = run.under_way.next(), if !run.under_way.is_empty() => run.settle(done),
                changed = targets.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    run.aim(targets.borrow_and_update().clone());
                }
                changed = grown.changed() => match changed {
                    Ok(()) => {
                        let _ = *grown.borrow_and_update();
                        run.read_on().await?;
                    }
                    Err(_) => return Err(JournalError::Closed),
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                () = sleep_until(heartbeat) => run.beat(),
            }
        }
    }

    /// One write of one status.
    async fn write(&self, node: String, target: Target, wanted: Wanted) -> Done {
        let result = self.written(&target, &wanted).await;
        Done { node, uid: target.uid, wanted, result }
    }

    async fn written(&self, target: &Target, wanted: &Wanted) -> Result<(), Trouble> {
        let api: Api<HostProvision> = Api::namespaced(self.client.clone(), &target.namespace);
        let params = PatchParams::apply(MANAGER).force();
        if target.uid.is_none() {
            let Some(spec) = &target.create else {
                return Err(Trouble::Missing("there is no HostProvision".to_owned()));
            };
            self.budget.take().await;
            let object = object(target, json!({ "spec": spec }));
            // Under a name of its own: API servers before 1.22 do not keep what one manager applies to an object apart from what it
            // applies to the object's status.
            let params = PatchParams::apply(MAKER).force();
            answered(api.patch(&target.name, &params, &Patch::Apply(&object))).await?;
        }
        if wanted.held != wanted.was_held {
            self.hold(&api, target, wanted.held).await?;
        }
        self.budget.take().await;
        let status =
            HostProvisionStatus { last_heartbeat: Some(Time(self.clock.now())), ..wanted.status.clone() };
        let object = object(target, json!({ "status": status }));
        answered(api.patch_status(&target.name, &params, &Patch::Apply(&object))).await.map(|_| ())
    }

    /// Puts our finalizer on, or takes it off.
    async fn hold(&self, api: &Api<HostProvision>, target: &Target, held: bool) -> Result<(), Trouble> {
        let now = answered(api.get_opt(&target.name)).await?;
        let Some(now) = now else { return Err(Trouble::Missing("there is no HostProvision".to_owned())) };
        let mut finalizers = now.metadata.finalizers.clone().unwrap_or_default();
        let there = finalizers.iter().any(|one| one == FINALIZER);
        // One that is being deleted takes no new finalizer.
        if there == held || (held && now.metadata.deletion_timestamp.is_some()) {
            return Ok(());
        }
        if held {
            finalizers.push(FINALIZER.to_owned());
        } else {
            finalizers.retain(|one| one != FINALIZER);
        }
        self.budget.take().await;
        let patch = json!({
            "metadata": { "finalizers": finalizers, "resourceVersion": now.metadata.resource_version },
        });
        match answered(api.patch(&target.name, &PatchParams::default(), &Patch::Merge(&patch))).await {
            Err(Trouble::Missing(_)) if !held => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

fn object(target: &Target, more: Value) -> Value {
    let mut object = json!({
        "apiVersion": "rackhand.dev/v1alpha1",
        "kind": "HostProvision",
        "metadata": { "name": target.name, "namespace": target.namespace },
    });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

/// What is to be written of one node.
#[derive(Debug, Clone)]
struct Wanted {
    status: HostProvisionStatus,
    /// Whether our finalizer is to be on, and whether it was when last written.
    held: bool,
    was_held: bool,
}

/// One write and what became of it.
struct Done {
    node: String,
    /// The object that was meant; none when it had to be made.
    uid: Option<String>,
    wanted: Wanted,
    result: Result<(), Trouble>,
}

/// What was last written of a node by this process.
#[derive(Default)]
struct Last {
    status: Option<HostProvisionStatus>,
    held: bool,
    at: Option<Instant>,
}

struct Run<'a> {
    of: &'a StatusSink,
    book: Book,
    read: u64,
    targets: Option<Arc<Targets>>,
    /// Since when each verdict holds.
    since: BTreeMap<String, (Verdict, jiff::Timestamp)>,
    /// Nodes whose status is to be written, and not before when.
    dirty: BTreeMap<String, Option<Instant>>,
    busy: BTreeSet<String>,
    /// Since when an object waits for our finalizer.
    going: BTreeMap<String, Instant>,
    last: BTreeMap<String, Last>,
    under_way: FuturesUnordered<futures_util::future::BoxFuture<'a, Done>>,
    failures: u32,
    not_before: Option<Instant>,
    heartbeat: Instant,
    written: u64,
    trouble: Option<String>,
}

impl<'a> Run<'a> {
    fn new(of: &'a StatusSink) -> Self {
        Self {
            of,
            book: Book::default(),
            read: 0,
            targets: None,
            since: BTreeMap::new(),
            dirty: BTreeMap::new(),
            busy: BTreeSet::new(),
            going: BTreeMap::new(),
            last: BTreeMap::new(),
            under_way: FuturesUnordered::new(),
            failures: 0,
            not_before: None,
            heartbeat: Instant::now() + of.options.heartbeat,
            written: 0,
            trouble: None,
        }
    }

    /// Folds what the journal has by now.
    async fn read_on(&mut self) -> Result<(), JournalError> {
        loop {
            let records = self.of.journal.read(self.read, 1000).await?;
            let Some(last) = records.last() else { return Ok(()) };
            self.read = last.seq;
            for record in &records {
                self.book.apply(record);
                if let (Some(node), true) = (&record.node, is_transition(&record.event)) {
                    self.mark(node.clone());
                }
            }
        }
    }

    fn mark(&mut self, node: String) {
        self.dirty.entry(node).or_insert(None);
    }

    /// Other objects, or other things to say of their specs.
    fn aim(&mut self, targets: Option<Arc<Targets>>) {
        let Some(targets) = targets else { return };
        for (node, target) in targets.iter() {
            let before = self.targets.as_ref().and_then(|all| all.get(node));
            let told = target.shown.as_ref().is_some_and(|(agent, sequence, generation)| {
                *agent == self.of.agent
                    && u64::try_from(*sequence) == Ok(self.book.sequence(node))
                    && *generation == target.generation
            });
            let news = match before {
                // At the start: what the hub shows may be the newest already.
                None => !(told && target.verdict == Verdict::Valid && target.uid.is_some()),
                Some(before) => {
                    (&before.uid, before.generation, &before.verdict, before.going)
                        != (&target.uid, target.generation, &target.verdict, target.going)
                }
            };
            if before.is_some_and(|before| before.uid != target.uid) {
                self.last.remove(node);
            }
            if target.going {
                self.going.entry(node.clone()).or_insert_with(Instant::now);
            } else {
                self.going.remove(node);
            }
            let known = self.since.get(node);
            if known.is_none_or(|(verdict, _)| *verdict != target.verdict) {
                self.since.insert(node.clone(), (target.verdict.clone(), self.of.clock.now()));
            }
            if news {
                self.mark(node.clone());
            }
        }
        self.targets = Some(targets);
    }

    /// Says of running installations that somebody is still there.
    fn beat(&mut self) {
        self.heartbeat = Instant::now() + self.of.options.heartbeat;
        let running: Vec<String> = self
            .book
            .history()
            .nodes()
            .filter(|(_, known)| known.running_job().is_some())
            .map(|(node, _)| node.to_owned())
            .collect();
        for node in running {
            if let Some(last) = self.last.get_mut(&node) {
                last.status = None;
            }
            self.mark(node);
        }
    }

    /// Begins what can be written now.
    fn start(&mut self) {
        let now = Instant::now();
        if self.not_before.is_some_and(|at| at > now) {
            return;
        }
        // After a failure one write at a time finds out whether the hub is back.
        let most = if self.failures > 0 { 1 } else { self.of.options.at_once };
        let ready: Vec<String> = self
            .dirty
            .iter()
            .filter(|(node, at)| at.is_none_or(|at| at <= now) && !self.busy.contains(*node))
            .map(|(node, _)| node.clone())
            .take(most.saturating_sub(self.under_way.len()))
            .collect();
        for node in ready {
            self.begin(node, now);
        }
    }

    fn begin(&mut self, node: String, now: Instant) {
        let Some(target) = self.targets.as_ref().and_then(|all| all.get(&node)).cloned() else {
            // Nothing on the hub is about it, until the targets say otherwise.
            self.dirty.remove(&node);
            return;
        };
        let wanted = self.wanted(&node, &target);
        let last = self.last.entry(node.clone()).or_default();
        if last.status.as_ref() == Some(&wanted.status) && last.held == wanted.held {
            self.dirty.remove(&node);
            return;
        }
        // What sums up the same may wait a little for more.
        let same = last.status.as_ref().is_some_and(|last| sums(last) == sums(&wanted.status));
        let earliest = last.at.map(|at| at + self.of.options.coarse);
        if let (true, Some(earliest)) = (same && last.held == wanted.held, earliest)
            && earliest > now
        {
            self.dirty.insert(node, Some(earliest));
            return;
        }
        self.dirty.remove(&node);
        self.busy.insert(node.clone());
        self.under_way.push(Box::pin(self.of.write(node, target, wanted)));
    }

    fn wanted(&self, node: &str, target: &Target) -> Wanted {
        let since = self.since.get(node).map_or_else(|| self.of.clock.now(), |(_, since)| *since);
        let about = About {
            agent: self.of.agent.clone(),
            generation: target.generation,
            spec: target.verdict.clone(),
            since,
        };
        let running = self.book.history().node(node).and_then(NodeHistory::running_job).is_some();
        Wanted {
            status: self.book.status(node, &about),
            held: running && self.going.get(node).is_none_or(|at| at.elapsed() < self.of.options.farewell),
            was_held: self.last.get(node).map_or(!running, |last| last.held),
        }
    }

    fn settle(&mut self, done: Done) {
        let Done { node, uid, wanted, result } = done;
        self.busy.remove(&node);
        let now = Instant::now();
        match result {
            Ok(()) => {
                self.failures = 0;
                self.not_before = None;
                self.trouble = None;
                self.written += 1;
                let there = self.targets.as_ref().and_then(|all| all.get(&node));
                if uid.is_some() && there.is_none_or(|there| there.uid != uid) {
                    // Another object of this name has taken its place meanwhile, and it may never have got this.
                    self.mark(node);
                    return;
                }
                let last = self.last.entry(node).or_default();
                *last = Last { status: Some(wanted.status), held: wanted.held, at: Some(now) };
            }
            // It went, and the targets will say so.
            Err(Trouble::Missing(what)) => tracing::info!(node, what, "its HostProvision is gone"),
            Err(Trouble::Stale(_) | Trouble::Exists) => self.mark(node),
            Err(Trouble::Away(what)) => {
                self.failures += 1;
                let (min, max) = self.of.options.retry;
                let doubled = 2_u32.saturating_pow(self.failures.saturating_sub(1));
                self.not_before = Some(now + min.saturating_mul(doubled).min(max));
                if self.failures == 1 {
                    tracing::warn!(what, "the hub takes no status; it is written later");
                }
                self.trouble = Some(what);
                self.mark(node);
            }
            Err(Trouble::Refused(what)) => {
                tracing::error!(node, what, "the hub refuses the status; it is tried again later");
                self.trouble = Some(format!("{node}: {what}"));
                self.dirty.insert(node, Some(now + self.of.options.heartbeat));
            }
        }
    }

    /// When something can be begun next, if that is not now.
    fn due(&self) -> Option<Instant> {
        let now = Instant::now();
        let idle = self.dirty.iter().filter(|(node, _)| !self.busy.contains(*node));
        let next = idle.map(|(_, at)| at.unwrap_or(now)).min()?;
        let at = self.not_before.map_or(next, |at| at.max(next));
        (at > now).then_some(at)
    }

    fn tell(&self) {
        let waiting = self.dirty.len() + self.busy.len();
        let status = SinkStatus { written: self.written, waiting, trouble: self.trouble.clone() };
        self.of.status.send_if_modified(|last| {
            let changed = *last != status;
            if changed {
                *last = status;
            }
            changed
        });
    }
}

/// What a status sums up to: a change in it is written at once.
fn sums(status: &HostProvisionStatus) -> Vec<(&str, &str, &str)> {
    let key = |one: &'_ k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| -> bool {
        !matches!(one.type_.as_str(), "Reconciling" | "Ready" | "Stalled") || one.reason != "InProgress"
    };
    status
        .conditions
        .iter()
        .filter(|one| key(one))
        .map(|one| (one.type_.as_str(), one.status.as_str(), one.reason.as_str()))
        .collect()
}
