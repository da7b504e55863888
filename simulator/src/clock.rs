//! The simulator's own clock: simulated seconds counted from a seeded date.

use std::time::Duration;

use jiff::Timestamp;

/// A moment of the simulation, as the simulated time since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct SimTime(Duration);

impl SimTime {
    /// The start of the simulation.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The moment `elapsed` (simulated time) after the start.
    pub const fn from_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// The moment `later` after this one.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }

    /// Simulated time since the start.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// Simulated time from `earlier` to this moment, zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Maps tokio's clock to simulated time: a seeded date, and how many simulated seconds pass in a real one.
///
/// Under tokio's paused clock the whole simulation is virtual.
#[derive(Debug, Clone)]
pub struct SimClock {
    epoch: Timestamp,
    start: tokio::time::Instant,
    scale: f64,
}

/// 2026-01-01T00:00:00Z in seconds of the Unix epoch: no simulated date lies before it.
const FIRST_DATE: i64 = 1_767_225_600;

impl SimClock {
    /// A clock that starts now, at a date taken from `seed`; `scale` is simulated seconds per real second.
    ///
    /// A scale that is not a positive finite number counts as 1.
    pub fn new(seed: u64, scale: f64) -> Self {
        let day = i64::try_from(seed % 365).unwrap_or(0);
        let epoch = Timestamp::from_second(FIRST_DATE + day * 86_400).unwrap_or(Timestamp::UNIX_EPOCH);
        let scale = if scale.is_finite() && scale > 0.0 { scale } else { 1.0 };
        Self { epoch, start: tokio::time::Instant::now(), scale }
    }

    /// The current moment.
    pub fn now(&self) -> SimTime {
        SimTime(self.start.elapsed().mul_f64(self.scale))
    }

    /// The date that `time` is, as a BMC with a correct clock would show it.
    pub fn date(&self, time: SimTime) -> Timestamp {
        let seconds = i64::try_from(time.0.as_secs()).unwrap_or(i64::MAX);
        let epoch = self.epoch.as_second();
        Timestamp::from_second(epoch.saturating_add(seconds)).unwrap_or(Timestamp::MAX)
    }

    /// The real time that `simulated` takes.
    pub fn real(&self, simulated: Duration) -> Duration {
        simulated.div_f64(self.scale)
    }

    /// Sleeps for `simulated`.
    pub async fn sleep(&self, simulated: Duration) {
        tokio::time::sleep(self.real(simulated)).await;
    }

    /// Sleeps until `moment`; the clock then reads at least `moment`.
    pub async fn sleep_until(&self, moment: SimTime) {
        loop {
            let now = self.now();
            if now >= moment {
                return;
            }
            // tokio's timer counts milliseconds: less would wake too early and spin.
            let wait = self.real(moment.since(now)).max(Duration::from_micros(500));
            tokio::time::sleep(wait).await;
        }
    }
}
