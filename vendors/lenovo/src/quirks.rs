//! The table of everything in which XCCs differ, from the standard and among each other.
//!
//! Each cure asks for its row by name, so a row that is switched off leaves a driver that does not know of it.

use std::{ops::Deref, sync::Arc};

use rackhand_bmc::{Error, ErrorKind, Quirk, Quirks, When};
use rackhand_redfish::{Host, Machine};

use crate::dialect::generation;

/// Declares each name once, as a constant that the cures use, and the table of all of them.
macro_rules! quirks {
    ($($name:ident = $text:literal, $when:expr, $seen:literal, $source:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        static TABLE: &[Quirk] = &[$(Quirk { name: $text, when: $when, seen: $seen, source: $source }),*];
    };
}

const ALWAYS: When = When::ALWAYS;
const XCC1: When = When::generations(&["XCC1"]);
const SR675: When = When { models: &["ThinkSystem SR675 V3"], ..When::ALWAYS };

quirks! {
    // ---- power and boot
    RESTART_HANGS = "restart-hangs", SR675,
        "ForceRestart hangs: the host is switched off, and on again after a while",
        "LRF";
    NO_CONTINUOUS = "no-continuous-override", ALWAYS,
        "an override holds for one boot: BootSourceOverrideEnabled is Once or Disabled",
        "RL: AllowableValues; ironic";
    ORDER_PENDING = "boot-order-at-pending", ALWAYS,
        "BootOrder is written at Systems/1/Pending and taken at the next reset",
        "RL: @Redfish.Settings of the System; LRF";

    // ---- virtual media
    EXT_ALONE = "only-ext-slots", ALWAYS,
        "only EXT1 to EXT4 take images by URL; RDOC holds what was uploaded, Remote what a console mounts",
        "PRL; sushy";
    MEDIA_PATCH = "media-by-patch", ALWAYS,
        "a slot without actions takes an image by PATCH of Image and Inserted, and gives it up by PATCH of Inserted or Image",
        "RL: no slot has an action; PRL; sushy; CG";
    MEDIA_LICENCE = "media-needs-a-licence", ALWAYS,
        "images by URL take the Enterprise or Platinum upgrade; a refusal does not say so",
        "LD1; RL: Oem Lenovo FoD";

    // ---- BIOS
    PENDING_FULL = "pending-is-the-full-set", ALWAYS,
        "Bios/Pending lists every attribute: what waits is what differs",
        "RL; LD1 to LD3";

    // ---- storage
    VOLUME_FORM = "volume-name-and-size", ALWAYS,
        "a volume's name has 1 to 15 characters, its size is at least one MiB and stored as whole MiB",
        "LD1, LD2: create_volume_post";
    VOLUME_ALL = "volume-takes-all-free-drives", XCC1,
        "a volume cannot be given drives by name: it takes all that are free",
        "LD1: create_volume_post";
    VOLUME_ERROR = "volume-errors-are-internal", ALWAYS,
        "a volume that cannot be made as asked is refused with 500 InternalError, which trying again does not mend",
        "LD1, LD2: create_volume_post";
}

/// The table.
#[must_use]
pub fn quirks() -> &'static [Quirk] {
    TABLE
}

/// A row as it is cited.
pub(crate) fn cited(name: &str) -> String {
    TABLE.iter().find(|row| row.name == name).map(Quirk::to_string).unwrap_or_default()
}

/// Whether a row holds for a machine and its cure is to be used.
pub(crate) fn on(quirks: &Quirks, machine: &Machine, name: &str) -> bool {
    let firmware = machine.manager().and_then(|manager| manager.str("FirmwareVersion"));
    quirks.on(name, generation(machine), firmware, machine.system.str("Model"))
}

/// A machine with the rows that are in force on it: what Lenovo's facets work with.
#[derive(Debug, Clone)]
pub(crate) struct Xcc {
    host: Arc<Host>,
    quirks: Quirks,
}

impl Xcc {
    pub(crate) fn new(host: &Arc<Host>, quirks: &Quirks) -> Self {
        Self { host: Arc::clone(host), quirks: quirks.clone() }
    }

    /// Whether the row of that name holds here and its cure is to be used.
    pub(crate) fn on(&self, name: &str) -> bool {
        on(&self.quirks, &self.host.machine, name)
    }

    /// The table and what of it is off.
    pub(crate) fn cures(&self) -> &Quirks {
        &self.quirks
    }

    /// A refusal of a value before it is sent.
    pub(crate) fn refused(&self, property: &str, why: String) -> Error {
        self.client.error(ErrorKind::RejectedValue { properties: vec![property.to_owned()] }, why)
    }
}

impl Deref for Xcc {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rackhand_redfish::standard_quirks;

    use super::*;

    #[test]
    fn names_are_plain_and_unique_and_every_row_cites_its_source() {
        let mut seen: BTreeSet<&str> = standard_quirks().iter().map(|row| row.name).collect();
        for row in quirks() {
            assert!(row.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{row}");
            assert!(seen.insert(row.name), "{row} stands twice");
            assert!(!row.seen.is_empty() && !row.source.is_empty(), "{row}");
        }
    }
}
