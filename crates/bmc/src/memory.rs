//! What earlier connections learned of a BMC, so that a later one asks less.
//!
//! Only what changes with the firmware and the hardware is kept: where things are and what can be done. State is never
//! taken from it. It lives as long as the process and is given up whenever something says that it may not hold any
//! more: a restart of the BMC or a firmware update through this library, a resource that is gone, another machine
//! behind the address, or half a day that has passed.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How long it is taken to hold.
const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// What is known of each BMC. Shared by every connection that is to profit from it.
#[derive(Default)]
pub struct Memory {
    known: Mutex<BTreeMap<String, Known>>,
}

struct Known {
    learned: Timestamp,
    parts: BTreeMap<&'static str, Value>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(known.keys()).finish()
    }
}

impl Memory {
    /// A part of what is known of a machine, unless it is too old, or from a date that is yet to come.
    #[must_use]
    pub fn recall(&self, machine: &str, part: &str, now: Timestamp) -> Option<Value> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.duration_since(known.get(machine)?.learned);
        if age.is_negative() || age >= LASTS {
            known.remove(machine);
            return None;
        }
        known.get(machine)?.parts.get(part).cloned()
    }

    /// Keeps a part. All parts of a machine grow old together, from the first on.
    pub fn learn(&self, machine: &str, part: &'static str, value: Value, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Known { learned: now, parts: BTreeMap::new() };
        known.entry(machine.to_owned()).or_insert_with(fresh).parts.insert(part, value);
    }

    /// Gives up everything known of a machine.
    pub fn forget(&self, machine: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(machine);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_kept_for_half_a_day_and_never_from_the_future() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let later = |hours| start + SignedDuration::from_hours(hours);
        let memory = Memory::default();
        memory.learn("a", "root", json!(1), start);
        memory.learn("a", "system", json!(2), later(11));
        assert_eq!(memory.recall("a", "root", later(11)), Some(json!(1)));
        assert_eq!(memory.recall("b", "root", start), None);
        assert_eq!(memory.recall("a", "system", later(12)), None, "the whole is as old as its first part");
        memory.learn("a", "root", json!(3), later(2));
        assert_eq!(memory.recall("a", "root", start), None, "the clock was set back");
        memory.learn("a", "root", json!(4), start);
        memory.forget("a");
        assert_eq!(memory.recall("a", "root", start), None);
    }
}
