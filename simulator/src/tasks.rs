//! The simulation's tasks: one that wakes machines when something is due, and those that read media and call back.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SimTime;

/// Tasks of one simulation: they end when it ends.
#[derive(Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    agenda: Mutex<Agenda>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Agenda {
    by_time: BTreeSet<(SimTime, usize)>,
    by_machine: Vec<Option<SimTime>>,
}

impl Tasks {
    /// Runs `work` until it is done or the simulation ends.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Ends all tasks.
    pub fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
    }

    /// Completes when the simulation is told to end.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Ends all tasks and waits until they are gone.
    pub async fn shut_down(&self) {
        self.stop();
        self.tracker.wait().await;
    }

    /// The next event of machine number `machine` is due then.
    pub fn schedule(&self, machine: usize, due: Option<SimTime>) {
        let mut agenda = self.agenda.lock().unwrap_or_else(PoisonError::into_inner);
        if agenda.by_machine.len() <= machine {
            agenda.by_machine.resize(machine + 1, None);
        }
        let Some(place) = agenda.by_machine.get_mut(machine) else { return };
        let before = std::mem::replace(place, due);
        if before == due {
            return;
        }
        if let Some(before) = before {
            agenda.by_time.remove(&(before, machine));
        }
        if let Some(due) = due {
            agenda.by_time.insert((due, machine));
        }
        drop(agenda);
        self.changed.notify_one();
    }

    /// The machine whose event is due first.
    pub fn first(&self) -> Option<(SimTime, usize)> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner).by_time.first().copied()
    }

    /// Completes when the agenda has changed.
    pub async fn agenda_changed(&self) {
        self.changed.notified().await;
    }
}
