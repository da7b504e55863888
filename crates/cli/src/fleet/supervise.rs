//! When a daemon begins a node, and when it begins it again. Pure, so that a day of it takes a test no time.
//!
//! A node is begun when it is new, when what is wanted of it changed, and some time after a failure that may pass. Whether
//! anything is then done is the plan's decision, by the journal: a daemon adds no permission of its own.

use std::{collections::BTreeMap, time::Duration};

use rackhand_agent::engine::NodeResult;
use rackhand_bmc::Pacing;
use tokio::time::Instant;

use super::Wanting;

/// The nodes of a daemon.
#[derive(Debug)]
pub(super) struct Supervisor {
    nodes: BTreeMap<String, Watched>,
    /// Pauses after failures, from and to.
    pauses: (Duration, Duration),
}

#[derive(Debug)]
struct Watched {
    wanting: Wanting,
    under_way: bool,
    /// What is wanted changed while its task ran.
    changed: bool,
    failures: u32,
    again: Option<Instant>,
    last: Option<NodeResult>,
    /// Whether its task was cancelled to boot another image.
    reimage: bool,
}

/// What is to be done about a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Do {
    /// Begin its task.
    Begin,
    /// Cancel its task, because it boots another image now; what was prepared is taken back, and it begins again.
    Reimage,
    /// Nothing now.
    Nothing,
}

impl Supervisor {
    pub(super) fn new(pacing: &Pacing) -> Self {
        Self { nodes: BTreeMap::new(), pauses: (pacing.retry_max, pacing.step_deadline * 4) }
    }

    /// What is wanted of a node now. `installing`: its host was switched on to install.
    pub(super) fn want(&mut self, node: &str, wanting: Wanting, installing: bool) -> Do {
        let Some(known) = self.nodes.get_mut(node) else {
            let fresh = Watched {
                wanting,
                under_way: true,
                changed: false,
                failures: 0,
                again: None,
                last: None,
                reimage: false,
            };
            self.nodes.insert(node.to_owned(), fresh);
            return Do::Begin;
        };
        if known.wanting == wanting {
            return Do::Nothing;
        }
        let image = known.wanting.image != wanting.image;
        known.wanting = wanting;
        known.failures = 0;
        known.again = None;
        if !known.under_way {
            known.under_way = true;
            return Do::Begin;
        }
        known.changed = true;
        // Once the host was switched on to install, another image is another installation, which nobody asked for.
        if image && !installing && !known.reimage {
            known.reimage = true;
            return Do::Reimage;
        }
        Do::Nothing
    }

    /// What a node was begun for waits for a task of it that still runs.
    pub(super) fn after_this(&mut self, node: &str) {
        if let Some(known) = self.nodes.get_mut(node) {
            known.changed = true;
        }
    }

    /// Nodes that are gone.
    pub(super) fn keep(&mut self, still_there: impl Fn(&str) -> bool) -> Vec<String> {
        let gone: Vec<String> = self.nodes.keys().filter(|node| !still_there(node)).cloned().collect();
        self.nodes.retain(|node, _| still_there(node));
        gone
    }

    /// The nodes that were refused and have no task: nobody begins them until something changes.
    pub(super) fn refused(&self) -> impl Iterator<Item = &str> {
        let refused = |known: &Watched| {
            !known.under_way && matches!(known.last, Some(NodeResult::Failed { refused: true, .. }))
        };
        self.nodes.iter().filter(move |(_, known)| refused(known)).map(|(node, _)| node.as_str())
    }

    /// Somebody's word began it.
    pub(super) fn begun(&mut self, node: &str) {
        if let Some(known) = self.nodes.get_mut(node) {
            known.under_way = true;
            known.again = None;
        }
    }

    /// Its task ended. Answers whether it is begun again at once, and whether that is because of another image.
    pub(super) fn ended(&mut self, node: &str, result: &NodeResult) -> (Do, bool) {
        let (min, max) = self.pauses;
        let Some(known) = self.nodes.get_mut(node) else { return (Do::Nothing, false) };
        known.under_way = false;
        known.last = Some(result.clone());
        let reimage = std::mem::take(&mut known.reimage);
        if std::mem::take(&mut known.changed) || reimage {
            known.under_way = true;
            return (Do::Begin, reimage && matches!(result, NodeResult::Cancelled(_)));
        }
        match result {
            // What was refused once is refused again, and each try brings an account nearer to its lock.
            NodeResult::Failed { refused: true, .. } => {}
            NodeResult::Failed { .. } | NodeResult::NotStarted(_) => {
                let pause = min.saturating_mul(2_u32.saturating_pow(known.failures)).min(max);
                known.failures += 1;
                known.again = Some(Instant::now() + pause);
            }
            _ => known.failures = 0,
        }
        (Do::Nothing, false)
    }

    /// When the next node is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.nodes.values().filter(|known| !known.under_way).filter_map(|known| known.again).min()
    }

    /// The nodes that are due now. They count as begun.
    pub(super) fn due(&mut self) -> Vec<String> {
        let now = Instant::now();
        let mut due = Vec::new();
        for (node, known) in &mut self.nodes {
            if !known.under_way && known.again.is_some_and(|at| at <= now) {
                known.under_way = true;
                known.again = None;
                due.push(node.clone());
            }
        }
        due
    }

    /// What became of each node when its task last ended; `None` while one runs.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&str, Option<&NodeResult>)> {
        self.nodes.iter().map(|(node, known)| {
            let last = if known.under_way { None } else { known.last.as_ref() };
            (node.as_str(), last)
        })
    }
}

#[cfg(test)]
mod tests {
    use rackhand_agent::event::StepId;

    use super::*;

    fn wanting(all: &str, image: &str) -> Wanting {
        Wanting { all: rackhand_media::Sha256Digest::of(all.as_bytes()), image: Some(image.to_owned()) }
    }

    fn failed(refused: bool) -> NodeResult {
        NodeResult::Failed { step: StepId::Connect, error: String::new(), advice: String::new(), refused }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_tried_again_ever_more_slowly_and_refusals_never() {
        let pacing = Pacing::default();
        let mut all = Supervisor::new(&pacing);
        assert_eq!(all.want("a", wanting("1", "i"), false), Do::Begin);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            assert_eq!(all.ended("a", &failed(false)), (Do::Nothing, false));
            let at = all.next().unwrap();
            pauses.push(at - Instant::now());
            assert!(all.due().is_empty(), "not before its time");
            tokio::time::sleep_until(at).await;
            assert_eq!(all.due(), ["a"]);
        }
        assert_eq!(pauses.first(), Some(&pacing.retry_max));
        assert_eq!(pauses.last(), Some(&(pacing.step_deadline * 4)));
        all.ended("a", &failed(true));
        assert_eq!(all.next(), None);
        assert_eq!(all.refused().collect::<Vec<_>>(), ["a"]);
        assert_eq!(all.want("a", wanting("1", "i"), false), Do::Nothing);
        assert_eq!(all.want("a", wanting("2", "i"), false), Do::Begin, "another password, another try");
    }

    #[tokio::test(start_paused = true)]
    async fn another_image_boots_anew_only_before_the_installation() {
        let mut all = Supervisor::new(&Pacing::default());
        assert_eq!(all.want("a", wanting("1", "i"), false), Do::Begin);
        assert_eq!(all.want("a", wanting("2", "j"), false), Do::Reimage);
        assert_eq!(all.ended("a", &NodeResult::Cancelled(String::new())), (Do::Begin, true));
        assert_eq!(all.want("a", wanting("3", "k"), true), Do::Nothing);
        assert_eq!(
            all.ended("a", &NodeResult::Installed),
            (Do::Begin, false),
            "the plan finds nothing to do"
        );
        assert_eq!(all.ended("a", &NodeResult::Nothing(String::new())), (Do::Nothing, false));
    }
}
