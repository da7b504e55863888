//! A run without an end: nodes come, change and go as their source says, until somebody says stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::Context as _;
use rackhand_agent::{
    engine::{NodeReport, NodeResult},
    event::{Decision, Event},
    history::NodeHistory,
    plan,
    ports::Sighting,
};
use serde::Serialize;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    Fleet, News, Now, Wanting, access, images_of,
    requests::{Login, Requests, Whose},
    run::{Ended, Signals, Tasks, at},
    supervise::{Do, Supervisor},
};
use crate::{
    World,
    options::ApplyOptions,
    render::{
        node::{result as in_words, state},
        progress::Progress,
    },
    systemd::Systemd,
};

/// What a daemon is given beside its nodes.
pub(crate) struct Daemon {
    /// What its source says.
    pub(crate) news: mpsc::Receiver<News>,
    /// Told when everything is to be read again.
    pub(crate) reload: watch::Sender<u64>,
    /// What others are shown.
    pub(crate) told: watch::Sender<Arc<Snapshot>>,
    /// The service manager.
    pub(crate) systemd: Systemd,
}

/// How a daemon stands, for those who ask.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Snapshot {
    /// Its version.
    pub(crate) version: String,
    /// Where its nodes come from.
    pub(crate) source: Option<String>,
    /// Whether its source was read, so that it knows its nodes.
    pub(crate) ready: bool,
    /// Whether it ends.
    pub(crate) stopping: bool,
    /// What is wrong with the source.
    pub(crate) findings: Vec<String>,
    /// Nodes that wait, and for what.
    pub(crate) waiting: BTreeMap<String, String>,
    /// Nodes by what they came to.
    pub(crate) nodes: BTreeMap<String, String>,
}

impl Fleet {
    /// Serves until told to stop.
    pub(crate) async fn serve(
        self,
        daemon: Daemon,
        options: &ApplyOptions,
        progress: &mut Progress,
        world: &World,
    ) -> anyhow::Result<Ended> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.shared.engine.record(None, Event::AgentStarted { version }).await?;
        let mut serving = Serving {
            fleet: &self,
            options,
            tasks: Tasks::default(),
            supervisor: Supervisor::new(&self.shared.pacing),
            seen: BTreeMap::new(),
            snapshot: Snapshot { version: env!("CARGO_PKG_VERSION").to_owned(), ..Snapshot::default() },
            told: daemon.told,
            systemd: daemon.systemd,
            ended: Ended::Complete,
            reloading: true,
            logins: Vec::new(),
            warned: BTreeSet::new(),
            progress,
            last: self.shared.before,
            world,
        };
        let ended = serving.watch(daemon.news, &daemon.reload).await?;
        drop(serving);
        if ended != Ended::AtOnce {
            self.close(world).await?;
        }
        Ok(ended)
    }
}

struct Serving<'a> {
    fleet: &'a Fleet,
    options: &'a ApplyOptions,
    tasks: Tasks,
    supervisor: Supervisor,
    /// The stage that was last seen of each node on the hub.
    seen: BTreeMap<String, String>,
    snapshot: Snapshot,
    told: watch::Sender<Arc<Snapshot>>,
    systemd: Systemd,
    ended: Ended,
    /// The service manager waits to hear that everything was read.
    reloading: bool,
    /// Who may be logged in as again, once everything was read after that was asked for so often.
    logins: Vec<(u64, Login)>,
    /// What was said of BMCs whose answers are not checked.
    warned: BTreeSet<String>,
    progress: &'a mut Progress,
    /// The last record that was shown.
    last: u64,
    world: &'a World,
}

impl Serving<'_> {
    async fn watch(
        &mut self,
        mut news: mpsc::Receiver<News>,
        reload: &watch::Sender<u64>,
    ) -> anyhow::Result<Ended> {
        let fleet = self.fleet;
        let mut requests = Requests::of(&fleet.inbox, fleet.shared.journal.as_ref()).await?;
        let mut signals = Signals::new()?;
        let mut hangup: Signal = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        let mut grown = fleet.shared.journal.watch();
        let mut alive = interval(self.systemd.watchdog());
        self.tell();
        while self.ended != Ended::AtOnce && !(self.ended == Ended::Stopped && self.tasks.set.is_empty()) {
            let (last, next) = (self.last, self.supervisor.next());
            let running = self.ended == Ended::Complete;
            tokio::select! {
                biased;
                () = signals.next() => self.told_to_stop()?,
                _ = alive.tick() => self.systemd.alive(),
                _ = hangup.recv() => {
                    self.systemd.reloading();
                    self.reloading = true;
                    self.world.stderr.line("SIGHUP: everything is read again")?;
                    reload.send_modify(|asked| *asked += 1);
                }
                Some(said) = news.recv(), if running => self.heard(said).await?,
                arrived = requests.next(&fleet.inbox) => {
                    let again = requests.obey(fleet, &self.tasks, arrived?).await?;
                    for node in again.nodes {
                        self.supervisor.begun(&node);
                        self.tasks.begin(fleet, node);
                    }
                    if !again.logins.is_empty() {
                        // The corrected credentials first: the old ones would be refused once more.
                        let after = *reload.borrow() + 1;
                        self.logins.extend(again.logins.into_iter().map(|login| (after, login)));
                        reload.send_modify(|asked| *asked += 1);
                    }
                    self.tell();
                }
                changed = grown.wait_for(|seq| *seq > last) => {
                    changed.context("the journal is closed")?;
                    self.last = self.progress.catch_up(fleet.shared.journal.as_ref(), self.last).await?;
                }
                Some(joined) = self.tasks.set.join_next() => {
                    let report = joined.context("a node's task ended unexpectedly; this is a fault in rackhand")?;
                    self.ended_node(report).await?;
                }
                () = at(next), if running && next.is_some() => {
                    for node in self.supervisor.due() {
                        self.tasks.begin(fleet, node);
                    }
                    self.tell();
                }
            }
        }
        self.last = self.progress.catch_up(fleet.shared.journal.as_ref(), self.last).await?;
        Ok(self.ended)
    }

    /// Takes in what the source says.
    async fn heard(&mut self, news: News) -> anyhow::Result<()> {
        let shared = &self.fleet.shared;
        let News { site, nodes, mut waiting, going, complete, stages, from, findings, answers } = news;
        let mut reached = BTreeMap::new();
        let mut wanted = BTreeMap::new();
        for node in &nodes {
            let name = node.name.to_string();
            let both = access(&site, node, &self.options.trust)
                .and_then(|access| Ok((access, Wanting::of(&site, node)?)));
            match both {
                Ok((access, wanting)) => {
                    reached.insert(name.clone(), access);
                    wanted.insert(name, wanting);
                }
                // One node that cannot be is no reason to leave the others.
                Err(error) => drop(waiting.insert(name, format!("{error:#}"))),
            }
        }
        let nodes: Vec<_> =
            nodes.into_iter().filter(|node| wanted.contains_key(node.name.as_str())).collect();
        // What is under way keeps its way to the BMC and its image, also when nothing is said of it any more.
        let held = |node: &String| self.tasks.is_under_way(node) && !wanted.contains_key(node);
        let before = shared.now();
        for (node, spec) in before.specs.iter().filter(|(node, _)| held(node)) {
            if let Some(access) = shared.connector.access(node) {
                reached.insert(node.clone(), access);
            }
            tracing::info!(
                node,
                source = spec.source.kind,
                "nothing is said of it now; what is under way goes on"
            );
        }
        let mut images = images_of(&nodes, self.options);
        let kept: Vec<_> =
            before.specs.values().filter(|spec| held(&spec.name.to_string())).cloned().collect();
        images.extend(images_of(&kept, self.options));
        let consent = site.consent_of_known(&self.options.consent)?;
        shared.connector.set(reached);
        self.fleet.images.set(images);
        let specs = nodes.into_iter().chain(kept).map(|node| (node.name.to_string(), node)).collect();
        let now = Now { site, specs, asked: BTreeMap::new(), consent };
        *shared.now.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(now);
        for line in self.fleet.insecure() {
            if self.warned.insert(line.clone()) {
                self.world.stderr.line(line)?;
            }
        }
        if !self.snapshot.ready {
            // Only now is it known what the nodes of running jobs read.
            self.fleet.publish_running().await;
        }
        // First, so that what the change begins is let in.
        let again = self.permit_logins(answers)?;
        self.steer(wanted, &waiting, &going, complete).await?;
        self.begin_refused(again);
        self.sighted(stages).await;
        self.snapshot.source = Some(from);
        // Said when it is news: a node with an error is not touched, and somebody waits for it.
        for finding in findings.iter().filter(|one| !self.snapshot.findings.contains(one)) {
            self.world.stderr.line(finding)?;
        }
        self.snapshot.findings = findings;
        self.snapshot.waiting = waiting;
        if !std::mem::replace(&mut self.snapshot.ready, true) {
            self.world.stderr.line(format_args!("ready: {} nodes", self.snapshot_of_nodes().len()))?;
        }
        if std::mem::take(&mut self.reloading) {
            self.systemd.ready();
        }
        self.tell();
        Ok(())
    }

    /// Begins what is new or changed, and ends what is gone.
    async fn steer(
        &mut self,
        wanted: BTreeMap<String, Wanting>,
        waiting: &BTreeMap<String, String>,
        going: &BTreeSet<String>,
        complete: bool,
    ) -> anyhow::Result<()> {
        let there = |node: &str| {
            !going.contains(node) && (!complete || wanted.contains_key(node) || waiting.contains_key(node))
        };
        for node in self.supervisor.keep(there) {
            if self.tasks.is_under_way(&node) {
                self.world
                    .stderr
                    .line(format_args!("{node}: it is gone from the source; what was begun is taken back"))?;
                self.fleet.shared.cancel_of(&node).cancel();
            }
        }
        for (node, wanting) in wanted {
            if going.contains(&node) {
                continue;
            }
            match self.supervisor.want(&node, wanting, self.is_installing(&node)) {
                Do::Begin => self.begin(node),
                Do::Reimage => {
                    self.world
                        .stderr
                        .line(format_args!("{node}: there is another image; it is booted anew"))?;
                    self.fleet.shared.cancel_of(&node).cancel();
                }
                Do::Nothing => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, node: String) {
        if self.tasks.is_under_way(&node) {
            // It went and came again before what was begun for it had ended.
            self.supervisor.after_this(&node);
            return;
        }
        self.fleet.shared.renew_cancel(&node, CancellationToken::new());
        self.tasks.begin(self.fleet, node);
    }

    /// Permits the logins that somebody says are corrected, once everything was read after that. Answers the nodes they are for;
    /// one whose task runs is begun again after it, since that may have tried the old credentials. A word that means no node
    /// is kept for a while: a Secret may be unreadable just now.
    fn permit_logins(&mut self, answers: u64) -> anyhow::Result<Vec<String>> {
        let mut again = Vec::new();
        for (after, login) in std::mem::take(&mut self.logins) {
            let nodes = if after <= answers { self.nodes_of(&login.whose) } else { Vec::new() };
            if nodes.is_empty() {
                if Instant::now() < login.until {
                    self.logins.push((after, login));
                } else {
                    self.world
                        .stderr
                        .line(format_args!("not permitted: {login}: no node here is meant by that"))?;
                }
                continue;
            }
            let ledger = &self.fleet.ledger;
            let permitted = match &login.whose {
                Whose::Bmc(bmc) => ledger.permit_again(bmc),
                Whose::User(user) => ledger.permit_user_again(user),
            };
            match permitted {
                Ok(()) => self.world.stderr.line(format_args!("permitted: {login}"))?,
                Err(error) => self.world.stderr.line(format_args!("not permitted: {login}: {error}"))?,
            }
            for node in nodes {
                if self.tasks.is_under_way(&node) {
                    self.supervisor.after_this(&node)
                } else {
                    again.push(node)
                }
            }
        }
        Ok(again)
    }

    /// The nodes that are logged in to so.
    fn nodes_of(&self, whose: &Whose) -> Vec<String> {
        let shared = &self.fleet.shared;
        let meant = |node: &&String| {
            shared.connector.access(node).is_some_and(|access| match whose {
                Whose::Bmc(bmc) => access.address.name() == *bmc,
                Whose::User(user) => access.credentials.is_ok_and(|known| known.username == *user),
            })
        };
        shared.now().specs.keys().filter(meant).cloned().collect()
    }

    /// Begins those of the nodes that still stand where they were refused. The ledger has the last word on each.
    fn begin_refused(&mut self, nodes: Vec<String>) {
        let refused: BTreeSet<String> = self.supervisor.refused().map(str::to_owned).collect();
        for node in nodes.into_iter().filter(|node| refused.contains(node)) {
            self.supervisor.begun(&node);
            self.begin(node);
        }
    }

    fn is_installing(&self, node: &str) -> bool {
        let history = self.fleet.shared.engine.history();
        history.node(node).and_then(NodeHistory::running_job).is_some_and(plan::is_installing)
    }

    async fn ended_node(&mut self, report: NodeReport) -> anyhow::Result<()> {
        self.last = self.progress.catch_up(self.fleet.shared.journal.as_ref(), self.last).await?;
        let NodeReport { node, result } = report.clone();
        self.tasks.ended(report);
        tracing::info!(node, result = in_words(&result).0, "its task ended");
        let (what, reimage) = self.supervisor.ended(&node, &result);
        if what == Do::Begin && self.ended == Ended::Complete {
            if reimage {
                // The job that was cancelled was permitted, and nothing of it is left on the host.
                let by = "another image of the hub, before anything was installed".to_owned();
                let event = Event::Decided { decision: Decision::Install, by, request: None };
                self.fleet.shared.engine.record(Some(&node), event).await?;
            }
            self.begin(node);
        } else if let NodeResult::Failed { error, advice, .. } = &result {
            self.world.stderr.line(format_args!("{node}: {}. {advice}", error.trim_end_matches('.')))?;
        }
        self.tell();
        Ok(())
    }

    /// What the hub's Agents show is a sign like a call-back, if it is of the installation that runs.
    async fn sighted(&mut self, stages: BTreeMap<String, (String, Option<jiff::Timestamp>)>) {
        for (node, (stage, at)) in stages {
            if self.seen.get(&node) == Some(&stage) {
                continue;
            }
            let history = self.fleet.shared.engine.history();
            let running = history.node(&node).and_then(NodeHistory::running_job);
            // An Agent that an earlier installation left says nothing of this one.
            let fresh = running.is_some_and(|job| at.is_some_and(|at| at >= job.began));
            if fresh {
                let evidence = rackhand_agent::event::Evidence::CalledBack { stage: stage.clone() };
                self.fleet.shared.sightings.tell(Sighting { node: node.clone(), evidence, ack: None }).await;
                self.seen.insert(node, stage);
            }
        }
    }

    fn told_to_stop(&mut self) -> anyhow::Result<()> {
        if self.ended == Ended::Stopped {
            self.ended = Ended::AtOnce;
            return Ok(());
        }
        self.ended = Ended::Stopped;
        self.systemd.stopping();
        self.snapshot.stopping = true;
        self.fleet.stop();
        self.world.stderr.line(
            "stopping: acts under way are finished and sessions given back; the next start goes on. Once more to end at once",
        )?;
        self.tell();
        Ok(())
    }

    fn snapshot_of_nodes(&self) -> BTreeMap<String, String> {
        let history = self.fleet.shared.engine.history();
        let word = |node: &str, last: Option<&NodeResult>| match (last, history.node(node)) {
            (None, _) => "Working",
            (Some(_), Some(known)) => state(known).0,
            (Some(result), None) => in_words(result).0,
        };
        self.supervisor.nodes().map(|(node, last)| (node.to_owned(), word(node, last).to_owned())).collect()
    }

    fn tell(&mut self) {
        self.snapshot.nodes = self.snapshot_of_nodes();
        self.told.send_replace(Arc::new(self.snapshot.clone()));
    }
}
