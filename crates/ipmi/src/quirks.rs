//! The table of what BMCs do otherwise over IPMI.

use rackhand_bmc::{BootSettings, Identity, Quirk, Quirks, When};

use crate::boot_options::BootFlags;

pub(crate) const DEVICE_ALONE: &str = "boot-device-alone";

static TABLE: &[Quirk] = &[Quirk {
    name: DEVICE_ALONE,
    when: When::generations(&["OpenIPMI"]),
    seen: "of the boot flags it keeps the device alone: neither that they are valid nor the UEFI flag reads back",
    source: "OpenIPMI 2.0.33, ipmi_sim with a chassis_control program",
}];

/// The table.
#[must_use]
pub fn quirks() -> &'static [Quirk] {
    TABLE
}

/// How the flags of one machine are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    device_alone: bool,
}

impl Seen {
    pub(crate) fn of(identity: &Identity, quirks: &Quirks) -> Self {
        let version = identity.bmc_version.as_deref();
        let device_alone = quirks.on(DEVICE_ALONE, &identity.generation, version, identity.model.as_deref());
        Self { device_alone }
    }

    /// As on a machine without differences.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { device_alone: false }
    }

    /// The boot settings that flags mean on this machine. A device that shows without the rest is armed, for
    /// how long does not show.
    pub(crate) fn settings(self, flags: BootFlags) -> BootSettings {
        if self.device_alone && !flags.valid && flags.device != 0 {
            return BootSettings { target: Some(flags.target()), ..BootSettings::default() };
        }
        flags.settings()
    }
}

#[cfg(test)]
mod tests {
    use rackhand_bmc::BootTarget;

    use super::*;

    #[test]
    fn a_device_alone_is_armed_where_it_is_all_that_shows() {
        let flags = BootFlags { device: 1, ..BootFlags::default() };
        let cured = Seen { device_alone: true }.settings(flags);
        assert!(cured.armed_for(&BootTarget::Pxe));
        let harm = Seen { device_alone: false }.settings(flags);
        assert!(
            !harm.armed_for(&BootTarget::Pxe),
            "the override would never show, and waiting for it end in an error"
        );
        let none = Seen { device_alone: true }.settings(BootFlags::default());
        assert!(!none.armed_for(&BootTarget::Pxe));
    }
}
