//! The BMC's logs: the lifecycle log of all that was done, and the system event log (SEL) of what hardware told of.

use super::{Event, Machine};

/// A log keeps that many entries; the oldest make room.
pub const LOG_SIZE: usize = 1024;

/// Which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// All that was done to the machine.
    Lifecycle,
    /// What hardware told of.
    Sel,
}

impl Machine {
    /// The entries of a log, oldest first.
    pub fn log(&self, kind: LogKind) -> &[Event] {
        match kind {
            LogKind::Lifecycle => &self.events,
            LogKind::Sel => &self.sel,
        }
    }

    /// Adds an entry to the lifecycle log.
    pub fn event(&mut self, severity: &'static str, message: impl Into<String>) {
        let at = self.now;
        append(&mut self.events, |id| Event { id, at, severity, message: message.into() });
    }

    /// Hardware tells of something: an entry of both logs.
    pub fn hardware_event(&mut self, severity: &'static str, message: impl Into<String>) {
        let (at, message) = (self.now, message.into());
        append(&mut self.sel, |id| Event { id, at, severity, message: message.clone() });
        self.event(severity, message);
    }

    /// Empties a log; what is left is the entry that says so.
    pub fn clear_log(&mut self, kind: LogKind) {
        let entries = match kind {
            LogKind::Lifecycle => &mut self.events,
            LogKind::Sel => &mut self.sel,
        };
        let last = entries.last().map_or(0, |event| event.id);
        let count = entries.len();
        entries.clear();
        entries.push(Event {
            id: last + 1,
            at: self.now,
            severity: "OK",
            message: "The log was cleared.".into(),
        });
        let what = if kind == LogKind::Sel { "sel" } else { "lifecycle-log" };
        self.note(what, format!("{count} entries"), "cleared");
    }
}

fn append(entries: &mut Vec<Event>, make: impl FnOnce(u64) -> Event) {
    let id = entries.last().map_or(1, |event| event.id + 1);
    if entries.len() >= LOG_SIZE {
        entries.remove(0);
    }
    entries.push(make(id));
}
