//! The loop beside the nodes' tasks: ends, signals, the time limit, requests of other processes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use rackhand_agent::{
    engine::{NodeReport, NodeResult},
    event::Event,
    history::History,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{Fleet, node, requests::Requests};
use crate::{World, render::node::result as in_words, render::progress::Progress};

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every node came to an end.
    Complete,
    /// Somebody said stop; jobs go on in the next run.
    Stopped,
    /// The time given was over; jobs go on in the next run.
    TimedOut,
    /// Somebody said stop twice.
    AtOnce,
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) ended: Ended,
    pub(crate) reports: Vec<NodeReport>,
    /// What the journal knows now.
    pub(crate) history: History,
}

impl Fleet {
    /// Runs every node to its end, or until told to stop. `progress` is told of each end.
    pub(crate) async fn run(
        self,
        timeout: Option<Duration>,
        progress: &mut Progress,
        world: &World,
    ) -> anyhow::Result<Finished> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.shared.engine.record(None, Event::AgentStarted { version }).await?;
        let end = timeout.map(|timeout| Instant::now() + timeout);
        let mut watch = Watch {
            fleet: &self,
            tasks: Tasks::default(),
            ended: Ended::Complete,
            progress,
            last: self.shared.before,
            world,
        };
        watch.over_nodes(end).await?;
        let Watch { tasks, ended, .. } = watch;
        let reports = tasks.reports(&self.nodes());
        let history = self.shared.engine.history();
        if ended != Ended::AtOnce {
            self.close(world).await?;
        }
        Ok(Finished { ended, reports, history })
    }

    pub(super) fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.engine.handle().stop();
    }

    /// Ends the image server, lets the reporters finish, and gives the journal up.
    pub(super) async fn close(self, world: &World) -> anyhow::Result<()> {
        let Self { shared, images, reports, .. } = self;
        drop(shared);
        images.shut_down().await;
        reports.finish(world).await
    }
}

/// Watches over a run's tasks.
struct Watch<'a> {
    fleet: &'a Fleet,
    tasks: Tasks,
    ended: Ended,
    progress: &'a mut Progress,
    /// The last record that was shown.
    last: u64,
    world: &'a World,
}

impl Watch<'_> {
    /// Begins every node, and waits for all ends while it hears of everything else.
    async fn over_nodes(&mut self, end: Option<Instant>) -> anyhow::Result<()> {
        let fleet = self.fleet;
        let mut requests = Requests::of(&fleet.inbox, fleet.shared.journal.as_ref()).await?;
        let mut signals = Signals::new()?;
        let mut grown = fleet.shared.journal.watch();
        fleet.nodes().into_iter().for_each(|node| self.tasks.begin(fleet, node));
        while !self.tasks.set.is_empty() && self.ended != Ended::AtOnce {
            let last = self.last;
            tokio::select! {
                biased;
                () = signals.next() => self.told_to_stop()?,
                () = at(end), if self.ended == Ended::Complete => self.out_of_time()?,
                arrived = requests.next(&fleet.inbox) => {
                    for again in requests.obey(fleet, &self.tasks, arrived?).await?.nodes {
                        self.tasks.begin(fleet, again);
                    }
                }
                changed = grown.wait_for(|seq| *seq > last) => {
                    changed.context("the journal is closed")?;
                    self.show().await?;
                }
                Some(joined) = self.tasks.set.join_next() => {
                    let report = joined.context("a node's task ended unexpectedly; this is a fault in rackhand")?;
                    self.show().await?;
                    self.progress.ended(&report.node, in_words(&report.result).0);
                    self.tasks.ended(report);
                }
            }
        }
        self.show().await
    }

    /// Shows what the journal says by now.
    async fn show(&mut self) -> anyhow::Result<()> {
        self.last = self.progress.catch_up(self.fleet.shared.journal.as_ref(), self.last).await?;
        Ok(())
    }

    fn told_to_stop(&mut self) -> anyhow::Result<()> {
        if self.ended == Ended::Stopped {
            self.ended = Ended::AtOnce;
            return Ok(());
        }
        self.ended = Ended::Stopped;
        self.fleet.stop();
        self.world.stderr.line("stopping: acts under way are finished and sessions given back; the next apply goes on. Once more to end at once")?;
        Ok(())
    }

    fn out_of_time(&mut self) -> anyhow::Result<()> {
        self.ended = Ended::TimedOut;
        self.fleet.stop();
        self.world.stderr.line("the time given is over; stopping: acts under way are finished and sessions given back; the next apply goes on")?;
        Ok(())
    }
}

/// At a moment, or never.
pub(super) async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The tasks of the nodes, and what became of those that ended.
#[derive(Default)]
pub(super) struct Tasks {
    pub(super) set: JoinSet<NodeReport>,
    under_way: std::collections::BTreeSet<String>,
    reports: BTreeMap<String, NodeReport>,
}

impl Tasks {
    pub(super) fn begin(&mut self, fleet: &Fleet, node: String) {
        self.under_way.insert(node.clone());
        self.set.spawn(node::run(Arc::clone(&fleet.shared), node));
    }

    pub(super) fn ended(&mut self, report: NodeReport) {
        self.under_way.remove(&report.node);
        self.reports.insert(report.node.clone(), report);
    }

    /// Whether a node's task has not ended.
    pub(super) fn is_under_way(&self, node: &str) -> bool {
        self.under_way.contains(node)
    }

    fn reports(mut self, nodes: &[String]) -> Vec<NodeReport> {
        let report = |node: &String| match self.reports.remove(node) {
            Some(report) => report,
            None => NodeReport { node: node.clone(), result: NodeResult::Interrupted },
        };
        nodes.iter().map(report).collect()
    }
}

/// Ctrl-C and SIGTERM.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
