//! What BMCs of every vendor do, and the composed operations of [`Bmc`](crate::Bmc) cure.

use crate::{Quirk, When};

/// Declares each name once, as a constant that the cures use, and the table of all of them.
macro_rules! quirks {
    ($($name:ident = $text:literal, $seen:literal, $source:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        static TABLE: &[Quirk] =
            &[$(Quirk { name: $text, when: When::ALWAYS, seen: $seen, source: $source }),*];
    };
}

quirks! {
    SHUTDOWN_IGNORED = "shutdown-ignored",
        "an operating system that is asked to shut down does not: it is switched off once it had its time",
        "ironic soft power off; Dell gives it up to five minutes";
    POWER_REFUSED_SHORTLY = "power-refused-shortly",
        "a power action within seconds of another is refused as if it were wrong: it is asked for again after a look",
        "ironic bug 2162995: On of an iDRAC10; sushy: InvalidOperationForSystemState of an iLO";
    EJECT_SHOWS_LATE = "eject-shows-late",
        "a slot goes on showing its image for a while after an eject: what comes next waits until it shows none",
        "ironic bug 2060036: Inserted still true, so that the insert was skipped and the node booted nothing";
    INSERT_AFTER_EJECT = "insert-fails-after-eject",
        "an insert right after an eject meets a server error or a conflict: it is tried again after a look",
        "ironic: three tries, three seconds apart";
    ATTACHES_LATER = "attaches-later-or-never",
        "an accepted insert is no attached image: some attach for up to a minute (CIMC), some never and say so in the slot",
        "Cisco's SDK: mappingStatus; iLO; ironic";
}

/// The table. It belongs to no vendor: whatever driver is behind a [`Bmc`](crate::Bmc), these cures are the same.
#[must_use]
pub fn common_quirks() -> &'static [Quirk] {
    TABLE
}
