//! Comparing what was done to a machine with what should have been.

use std::collections::BTreeMap;

/// How often each change took effect, by what it asks for.
pub type Effects = BTreeMap<String, usize>;

/// Whether a run that was killed and went on did what an undisturbed run does, and nothing twice.
///
/// Where a BMC does not show pending BIOS settings (`hides_pending`), a kill around their write leaves only one way to
/// find out: boot once into setup and look. That is a purpose of its own, so one more such boot is allowed there, whole:
/// held in setup, on, off. Nothing else may differ.
#[must_use]
pub fn same_work(undisturbed: &Effects, killed: &Effects, hides_pending: bool) -> bool {
    if undisturbed == killed {
        return true;
    }
    let mut with_a_look = undisturbed.clone();
    for (what, times) in &mut with_a_look {
        if ["BiosSetup", "Reset On", "Reset ForceOff"].iter().any(|part| what.contains(part)) {
            *times += 1;
        }
    }
    hides_pending && with_a_look == *killed
}
