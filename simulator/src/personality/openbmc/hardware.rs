//! What the server is made of, and how it behaves.

use std::time::Duration;

use super::bios;
use crate::machine::firmware::{Component, ComponentKind, FirmwareRules};
use crate::machine::inventory::{Controller, Drive, Inventory};
use crate::machine::storage::StorageRules;
use crate::machine::{
    Already, BiosRule, Hardware, HttpBoot, Insert, Lasts, MediaRules, PostPhase, PowerRules, Rules,
    SessionRules, Slot,
};
use crate::personality::Quirks;
use crate::personality::pieces::{cpus, drives, modules};

/// Version of the BMC's firmware.
const BMC: &str = "2.15.0-dev-686-g100c36de90";
/// Version of the host's.
const BIOS: &str = "2.06.01";

pub(super) fn hardware(quirks: &Quirks) -> Hardware {
    // Slots for a browser's media first, then those for URLs.
    let slots = (0..4).map(|number| {
        let id = format!("Slot_{number}");
        Slot::new(&id, "Virtual Removable Media", &["CD", "USBStick"])
    });
    Hardware {
        manufacturer: "Quanta Cloud Technology".into(),
        model: "S6Q".into(),
        bios_version: BIOS.into(),
        bmc_version: BMC.into(),
        bmc_model: "OpenBmc".into(),
        processors: 2,
        memory_gib: 256,
        nics: 2,
        slots: slots.collect(),
        registry: bios::registry(quirks),
        inventory: Inventory {
            processors: cpus(2, |number| format!("cpu{}", number - 1), "Intel(R) Xeon(R) Gold 6330N", 28),
            dimms: modules(8, |number| format!("dimm{}", number - 1)),
            controllers: vec![Controller::new("1", "Storage", &[], nvme())],
            firmware: vec![
                Component::new("5d0869c4", "BMC image", ComponentKind::Bmc, "bmc", BMC),
                Component::new("bios_active", "Host image", ComponentKind::Bios, "bios", BIOS),
            ],
            ports: vec!["eth0".into(), "eth1".into()],
        },
    }
}

/// Drives that the host sees as they are: stock firmware makes no volumes.
fn nvme() -> Vec<Drive> {
    let all = drives(2, |number| format!("nvme{number}"), "SSDPE2KX010T8", 1_000_204_886_016);
    all.into_iter().map(|drive| Drive { protocol: "NVMe", erasable: false, ..drive }).collect()
}

pub(super) fn rules() -> Rules {
    let seconds = Duration::from_secs;
    Rules {
        power: PowerRules {
            on_takes: seconds(5),
            off_takes: seconds(5),
            shutdown_takes: seconds(40),
            post: vec![
                PostPhase { name: "POST: BIOS settings", lasts: seconds(20), applies_bios: true },
                PostPhase { name: "POST", lasts: seconds(100), applies_bios: false },
            ],
            bios_apply_takes: seconds(60),
            reset_types: vec![
                "On",
                "ForceOff",
                "ForceOn",
                "ForceRestart",
                "GracefulRestart",
                "GracefulShutdown",
                "PowerCycle",
                "Nmi",
            ],
            already: Already::Accepted,
            graceful_needs_os: true,
            shows_transitions: true,
        },
        media: MediaRules {
            insert: Insert::Checked,
            patience: seconds(30),
            replaces: false,
            eject_lag: Duration::ZERO,
            cd_is_physical: false,
        },
        bios: BiosRule::NextPost,
        sessions: Some(SessionRules { max: 64, idle: seconds(1800) }),
        // The threshold that it is delivered with is 0: no lockout.
        lockout: None,
        boot_targets: vec!["None", "Pxe", "Hdd", "Cd", "Diags", "BiosSetup", "Usb"],
        http_boot: HttpBoot::None,
        first_override: ("None", Lasts::Disabled),
        storage: StorageRules::default(),
        firmware: FirmwareRules::default(),
        job_starts_after: seconds(2),
    }
}
