//! The service manager: told when the daemon is ready, reloads, ends, and that it is alive.
//!
//! Without a service manager nothing is told to anybody.

use std::time::Duration;

use sd_notify::NotifyState;

/// How often the daemon's loop is known to turn where no service manager asks for it.
const UNASKED: Duration = Duration::from_secs(30);

/// The service manager.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Systemd {
    watchdog: Option<Duration>,
}

impl Systemd {
    /// The one that started this process, if one did.
    pub(crate) fn of_this_process() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled() }
    }

    /// How often it wants to hear that the daemon is alive: twice in the time that it allows.
    pub(crate) fn watchdog(self) -> Duration {
        self.watchdog.map_or(UNASKED, |time| (time / 2).max(Duration::from_millis(100)))
    }

    pub(crate) fn alive(self) {
        if self.watchdog.is_some() {
            say(&[NotifyState::Watchdog]);
        }
    }

    pub(crate) fn ready(self) {
        say(&[NotifyState::Ready]);
    }

    pub(crate) fn reloading(self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => say(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "the service manager is not told of the reload"),
        }
    }

    pub(crate) fn stopping(self) {
        say(&[NotifyState::Stopping]);
    }
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
