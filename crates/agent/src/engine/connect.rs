//! Reaching a BMC, with the patience that each kind of error deserves.

use std::{sync::Arc, time::Duration};

use rackhand_bmc::{Bmc, Error, ErrorKind, Pacing};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Shared;

/// Doubling waits between a least and a greatest.
pub(super) struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    pub(super) fn new(pacing: &Pacing) -> Self {
        Self { next: pacing.retry_min, max: pacing.retry_max }
    }

    /// The next wait; a BMC's own Retry-After counts when it is longer.
    pub(super) fn wait(&mut self, error: &Error) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(self.max);
        match error.kind() {
            ErrorKind::Busy { retry_after: Some(asked) } => wait.max((*asked).min(self.max)),
            _ => wait,
        }
    }
}

/// What connecting came to.
pub(super) enum Connected {
    Yes(Arc<Bmc>),
    /// Not in so many tries.
    No(Error, u32),
    Stopped,
}

/// Connects, trying again through transient errors until the step's deadline. Refused credentials are tried once more
/// (some iLOs answer 401 to right ones now and then) within the ledger's limit, and never a third time.
pub(super) async fn connect(shared: &Shared, node: &str, stop: &CancellationToken) -> Connected {
    let pacing = &shared.parts.pacing;
    let end = Instant::now() + pacing.step_deadline;
    let mut backoff = Backoff::new(pacing);
    let (mut refusals, mut tries) = (0, 0);
    loop {
        let attempt = tokio::select! {
            biased;
            () = stop.cancelled() => return Connected::Stopped,
            () = shared.stop.cancelled() => return Connected::Stopped,
            attempt = shared.parts.connector.connect(node) => attempt,
        };
        let error = match attempt {
            Ok(bmc) => return Connected::Yes(Arc::new(bmc)),
            Err(error) => error,
        };
        tries += 1;
        let refused = matches!(error.kind(), ErrorKind::RefusedCredentials);
        refusals += u32::from(refused);
        let again = error.kind().is_transient() || (refused && refusals < 2);
        if !again || Instant::now() >= end {
            return Connected::No(error, tries);
        }
        let wait = backoff.wait(&error);
        tracing::info!(node, %error, ?wait, "connecting is tried again");
        tokio::select! {
            biased;
            () = stop.cancelled() => return Connected::Stopped,
            () = shared.stop.cancelled() => return Connected::Stopped,
            () = sleep(wait) => {}
        }
    }
}
