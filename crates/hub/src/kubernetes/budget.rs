//! How much is written to the hub: a bucket of writes that fills with time.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Writes that may be made at once after a quiet time.
const BURST: f64 = 50.0;

/// Bounds writes per minute. Shared by everything that writes to one hub, except for the Lease.
#[derive(Debug)]
pub struct Budget {
    per_second: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What is there; below zero where writes were promised ahead.
    left: f64,
    at: Option<Instant>,
}

impl Budget {
    /// So many writes per minute in the long run, and a burst of fifty.
    #[must_use]
    pub fn per_minute(writes: u32) -> Self {
        let per_second = f64::from(writes.max(1)) / 60.0;
        Self { per_second, state: Mutex::new(State { left: BURST.min(f64::from(writes.max(1))), at: None }) }
    }

    /// Waits until one more write may be made.
    pub async fn take(&self) {
        let now = Instant::now();
        let at = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let since = state.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
            state.left = (state.left + since * self.per_second).min(BURST) - 1.0;
            state.at = Some(now);
            let debt = (-state.left).max(0.0);
            now + Duration::from_secs_f64(debt / self.per_second)
        };
        if at > now {
            sleep_until(at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_the_burst_writes_come_at_the_rate() {
        let budget = Budget::per_minute(60);
        let began = Instant::now();
        for _ in 0..50 {
            budget.take().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..60 {
            budget.take().await;
        }
        assert!((59..=61).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }
}
