//! Looking at a BMC, and waiting for one that is away.

use std::{sync::atomic::Ordering, time::Duration};

use rackhand_bmc::{Error, ErrorKind};
use tokio::time::Instant;

use super::{
    Shared,
    connect::Backoff,
    follow::since_power_on,
    node::{NodeRun, Stop, fail_with},
    observe::{Depth, observe_to},
};
use crate::{
    cause::Cause,
    event::{Event, StepId},
    journal::JournalError,
    plan::{self, Observed},
};

impl NodeRun<'_> {
    /// Reads, and reads again while that may help.
    pub(super) async fn look(&self, depth: Depth, step: StepId) -> Result<Observed, Stop> {
        let pacing = &self.shared.parts.pacing;
        let following = depth == Depth::Following;
        let end = Instant::now() + self.patience(depth);
        let mut backoff = Backoff::new(pacing);
        let mut since = None;
        loop {
            match observe_to(&self.bmc, &self.wanted, depth).await {
                Ok(observed) => {
                    if following {
                        back(self.shared, self.node()).await?;
                    }
                    return Ok(observed);
                }
                Err(error) if passes(&error, depth) && Instant::now() < end => {
                    tracing::info!(node = self.node(), %error, "reading is tried again");
                    let wait = backoff.wait(&error);
                    if following {
                        self.was_away.store(true, Ordering::Relaxed);
                        away(self.shared, self.node(), *since.get_or_insert_with(Instant::now), &error)
                            .await?;
                        self.pause_following(wait).await?;
                    } else {
                        self.pause(wait).await?;
                    }
                }
                Err(error) => return Err(self.given_up(step, &error, "")),
            }
        }
    }

    /// What an error ends. Credentials that were changed under an installation end no job: the host installs on, and its job is
    /// taken up again with the ones that are right.
    pub(super) fn given_up(&self, step: StepId, error: &Error, more: &str) -> Stop {
        let refused = matches!(error.kind(), ErrorKind::RefusedCredentials);
        if refused && self.depth_of_act() == Depth::Following {
            return Stop::ShutOut { step, error: error.to_string() };
        }
        fail_with(step, error, more)
    }

    /// Waits until the next look at a host that installs, unless its installer says that it has failed: that takes no look.
    async fn pause_following(&self, wait: Duration) -> Result<(), Stop> {
        let mut changed = self.shared.changed.subscribe();
        let failed = async {
            loop {
                changed.borrow_and_update();
                if let Some(error) = self.running().as_ref().and_then(plan::installer_failed) {
                    return error;
                }
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            biased;
            error = failed => Err(Stop::Fail { step: StepId::Follow, error, refused: false, cause: None }),
            paused = self.pause(wait) => paused,
        }
    }

    /// How much is read to know what became of an act: a host that installs has its media and its boot alone changed.
    pub(super) fn depth_of_act(&self) -> Depth {
        let installing = self.running().is_some_and(|job| job.done(&plan::install_power_on()));
        if installing { Depth::Following } else { Depth::Job }
    }

    /// How long a BMC that does not answer is waited for. A host that installs goes on without its BMC, so there it is all the
    /// time that the installation has.
    fn patience(&self, depth: Depth) -> Duration {
        let pacing = &self.shared.parts.pacing;
        let left = match self.running() {
            Some(job) if depth == Depth::Following => {
                pacing.install.saturating_sub(since_power_on(self.shared, &job))
            }
            _ => Duration::ZERO,
        };
        left.max(pacing.step_deadline)
    }
}

/// Whether an error of a reading may be gone the next time. A host that installs is followed on although logins are held
/// back for a while: nothing is asked of its BMC but to be looked at.
fn passes(error: &Error, depth: Depth) -> bool {
    let held_back = matches!(error.kind(), ErrorKind::Locked { .. });
    error.kind().is_transient() || (held_back && depth == Depth::Following)
}

/// Writes down that the BMC of a host under installation has not answered, or lets nobody in, since that moment. Nothing ends by
/// it, but whoever watches is to know. What it answers otherwise (that it is busy, say) shows that it is there.
pub(super) async fn away(
    shared: &Shared,
    node: &str,
    since: Instant,
    error: &Error,
) -> Result<(), JournalError> {
    let cause = Cause::of(error.kind());
    // BMCs stall for moments all the time; that is no news.
    let long = since.elapsed() >= shared.parts.pacing.retry_max;
    let known = shared.node(node).and_then(|known| known.not_connected).map(|(cause, _)| cause);
    if !long || !matches!(cause, Cause::Unreachable | Cause::Locked) || known == Some(cause) {
        return Ok(());
    }
    shared.record(Some(node), Event::NotConnected { error: error.to_string(), cause }).await
}

/// Writes down that it answers again.
pub(super) async fn back(shared: &Shared, node: &str) -> Result<(), JournalError> {
    if shared.node(node).is_none_or(|known| known.not_connected.is_none()) {
        return Ok(());
    }
    shared.record(Some(node), Event::AnswersAgain).await
}
