//! Virtual media: inserting, mapping, ejecting, losing.

use std::time::Duration;

use super::{Due, Machine, Source};

/// Why a media action is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaProblem {
    /// There is no such slot.
    NoSlot,
    /// Something is inserted and this BMC does not replace it.
    Occupied,
    /// Nothing is inserted.
    Empty,
    /// What was ejected has not left yet.
    Leaving,
}

/// The medium that a slot shows to the host, for the length of one insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Where it is read from.
    pub source: Source,
    /// Whether the source's certificate is checked.
    pub verify: bool,
    /// The insert it belongs to.
    pub generation: u64,
}

impl Machine {
    /// Index of the slot with that `Id`.
    pub fn slot_index(&self, id: &str) -> Option<usize> {
        let named = |name: &str| name.eq_ignore_ascii_case(id);
        self.slots.iter().position(|slot| named(&slot.id) || slot.alias.as_deref().is_some_and(named))
    }

    fn media_change(&mut self, slot: usize, change: impl FnOnce(&mut super::Slot)) {
        let Some(entry) = self.slots.get_mut(slot) else { return };
        let before = word(entry);
        change(entry);
        let (after, what) = (word(entry), format!("media:{}", entry.id));
        self.note(&what, before, after);
    }

    /// Whether an image may be inserted into slot number `slot` now.
    ///
    /// # Errors
    /// When there is no such slot, or it is occupied and this BMC does not replace images.
    pub fn may_insert(&self, slot: usize) -> Result<(), MediaProblem> {
        let entry = self.slots.get(slot).ok_or(MediaProblem::NoSlot)?;
        if entry.ejecting {
            return Err(MediaProblem::Leaving);
        }
        if entry.image.is_some() && entry.error.is_none() && !self.rules.media.replaces {
            return Err(MediaProblem::Occupied);
        }
        Ok(())
    }

    /// The image is there at once.
    ///
    /// # Errors
    /// As [`Machine::may_insert`].
    pub fn insert(&mut self, slot: usize, source: Source, write_protected: bool) -> Result<(), MediaProblem> {
        self.may_insert(slot)?;
        self.event("OK", format!("Virtual media mounted: {}", source.url));
        self.media_change(slot, |entry| {
            entry.generation += 1;
            entry.image = Some(source);
            entry.inserted = true;
            entry.write_protected = write_protected;
            entry.error = None;
        });
        Ok(())
    }

    /// The image is asked for, and mapped after a while.
    ///
    /// # Errors
    /// As [`Machine::may_insert`].
    pub fn insert_later(
        &mut self,
        slot: usize,
        source: Source,
        write_protected: bool,
        after: Duration,
    ) -> Result<(), MediaProblem> {
        self.may_insert(slot)?;
        self.media_change(slot, |entry| {
            entry.generation += 1;
            entry.image = Some(source);
            entry.inserted = false;
            entry.write_protected = write_protected;
            entry.error = None;
        });
        let generation = self.slots.get(slot).map_or(0, |entry| entry.generation);
        self.plan(after, Due::MapMedia { slot, generation });
        Ok(())
    }

    /// The outcome of looking at a source: mapped, or why not. A late answer about an earlier insert is dropped.
    pub fn mapped(&mut self, slot: usize, generation: u64, outcome: Result<(), String>) {
        if self.slots.get(slot).is_none_or(|entry| entry.generation != generation) {
            return;
        }
        if let Err(why) = &outcome {
            self.event("Critical", format!("Virtual media could not be mapped: {why}"));
        }
        self.media_change(slot, |entry| match outcome {
            Ok(()) => entry.inserted = true,
            Err(why) => entry.error = Some(why),
        });
    }

    /// Ejects what is in slot number `slot`.
    ///
    /// # Errors
    /// When there is no such slot or nothing in it.
    pub fn eject(&mut self, slot: usize) -> Result<(), MediaProblem> {
        let entry = self.slots.get(slot).ok_or(MediaProblem::NoSlot)?;
        if entry.image.is_none() || entry.ejecting {
            return Err(MediaProblem::Empty);
        }
        let lag = self.rules.media.eject_lag;
        self.event("OK", "Virtual media ejected");
        if lag.is_zero() {
            self.media_change(slot, clear);
        } else if let Some(entry) = self.slots.get_mut(slot) {
            entry.generation += 1;
            entry.ejecting = true;
            let generation = entry.generation;
            self.plan(lag, Due::Vacate { slot, generation });
        }
        Ok(())
    }

    /// The reset after the one boot of a medium ejects it.
    pub(super) fn eject_spent(&mut self) {
        let spent: Vec<_> =
            (0..self.slots.len()).filter(|at| self.slots.get(*at).is_some_and(|slot| slot.spent)).collect();
        for at in spent {
            self.event("OK", "Virtual media ejected");
            self.media_change(at, clear);
        }
    }

    pub(super) fn vacate(&mut self, slot: usize, generation: u64) {
        if self.slots.get(slot).is_some_and(|entry| entry.generation == generation) {
            self.media_change(slot, clear);
        }
    }

    /// The source of the insert `generation` went away for good: the slot lets go of it.
    pub fn media_lost(&mut self, slot: usize, generation: u64, why: &str) {
        if self.slots.get(slot).is_some_and(|entry| entry.generation == generation) {
            self.event("Critical", format!("Virtual media lost: {why}"));
            self.media_change(slot, |entry| {
                entry.inserted = false;
                entry.error = Some(why.into());
            });
        }
    }

    /// The medium that the host sees in slot number `slot`.
    pub fn medium(&self, slot: usize) -> Option<Medium> {
        let entry = self.slots.get(slot).filter(|entry| entry.inserted && !entry.ejecting)?;
        let source = entry.image.clone()?;
        Some(Medium { source, verify: entry.verify_certificate, generation: entry.generation })
    }
}

fn clear(entry: &mut super::Slot) {
    entry.generation += 1;
    entry.image = None;
    entry.inserted = false;
    entry.write_protected = true;
    entry.error = None;
    entry.ejecting = false;
    entry.boot_next = false;
    entry.spent = false;
}

fn word(slot: &super::Slot) -> String {
    match (slot.url(), slot.inserted, &slot.error) {
        (None, _, _) => "empty".into(),
        (Some(url), true, _) => format!("inserted {url}"),
        (Some(url), false, None) => format!("mapping {url}"),
        (Some(url), false, Some(why)) => format!("failed {url}: {why}"),
    }
}
