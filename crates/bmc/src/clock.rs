//! The seam through which dates come in. Durations are tokio's.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Says what date it is. The only way any crate learns it, so that a simulation can choose.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present date, in UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one implementation behind the seam")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that starts at a chosen date and advances with tokio's clock, paused or not.
#[derive(Debug, Clone, Copy)]
pub struct SimClock {
    epoch: Timestamp,
    started: Instant,
}

impl SimClock {
    /// A clock that reads `epoch` now. Must be called inside a tokio runtime.
    #[must_use]
    pub fn starting_at(epoch: Timestamp) -> Self {
        Self { epoch, started: Instant::now() }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}
