//! What the server is made of, and how it behaves.

use std::time::Duration;

use super::{MODEL, registry};
use crate::machine::firmware::{Component, ComponentKind, FirmwareRules};
use crate::machine::inventory::{Controller, Drive, Inventory};
use crate::machine::storage::StorageRules;
use crate::machine::{
    Already, BiosRule, Hardware, HttpBoot, Insert, Lasts, Lockout, MediaRules, PostPhase, PowerRules, Rules,
    SessionRules, Slot,
};
use crate::personality::Quirks;
use crate::personality::pieces::{cpus, drives, modules};

/// Version of the BIOS, as the System has it.
const BIOS: &str = "1.4";
/// Version of the BMC's firmware.
const BMC: &str = "11.01.01";
/// Id of the storage that the NVMe drives are in.
pub(super) const STORAGE: &str = "NVMeSSD";

pub(super) fn hardware(quirks: &Quirks) -> Hardware {
    let slot = |number| {
        let kinds = ["CD", "DVD", "Floppy", "USBStick"];
        Slot::new(&format!("VirtualMedia{number}"), "Virtual Removable Media", &kinds)
    };
    Hardware {
        manufacturer: "Supermicro".into(),
        model: MODEL.into(),
        bios_version: BIOS.into(),
        bmc_version: BMC.into(),
        bmc_model: "ASPEED".into(),
        processors: 2,
        memory_gib: 256,
        nics: 4,
        slots: (1..=3).map(slot).collect(),
        registry: registry::registry(quirks),
        inventory: Inventory {
            processors: cpus(2, |number| number.to_string(), "Intel(R) Xeon(R) Platinum 8462Y+", 32),
            dimms: modules(8, |number| number.to_string()),
            controllers: vec![Controller::new(STORAGE, "NVMe Storage System", &[], nvme())],
            firmware: firmware(),
            ports: (1..=4).map(|number: u32| number.to_string()).collect(),
        },
    }
}

/// Drives that the host sees as they are: this BMC makes no volumes of them.
fn nvme() -> Vec<Drive> {
    let bays = drives(4, |bay| format!("Disk.Bay.{bay}"), "MZQL27T6HBLA-00A07", 7_681_501_126_656);
    bays.into_iter().map(|drive| Drive { protocol: "NVMe", name: drive.id.clone(), ..drive }).collect()
}

/// Each image of BMC and BIOS is there several times; only the one in force is updated by itself.
fn firmware() -> Vec<Component> {
    let bios = format!("BIOS Date: 08/04/2023 Ver {BIOS}");
    let copy = |copy: &str, of: &str, version: &str| {
        let id = format!("{copy}_{of}");
        Component::new(&id, &id, ComponentKind::Device, &id, version).fixed()
    };
    let device = |id: &str, version: &str| Component::new(id, id, ComponentKind::Device, id, version);
    vec![
        Component::new("BMC", "BMC", ComponentKind::Bmc, "BMC", BMC),
        copy("Backup", "BMC", BMC),
        copy("Golden", "BMC", BMC),
        copy("Staging", "BMC", "N/A"),
        Component::new("BIOS", "BIOS", ComponentKind::Bios, "BIOS", &bios),
        copy("Backup", "BIOS", &bios),
        copy("Golden", "BIOS", &bios),
        copy("Staging", "BIOS", "N/A"),
        copy("Capsule", "BIOS", "N/A"),
        device("CPLD_Motherboard", "F2.87.02"),
        device("CPLD_Backplane_1", "1.3"),
        device("NVMeController1", "GDC5602Q"),
        device("NIC1", "28.36.1010"),
        device("PowerSupply1", "1.6"),
        device("PowerSupply2", "1.6"),
    ]
}

pub(super) fn rules(quirks: &Quirks) -> Rules {
    let seconds = Duration::from_secs;
    let lockout = Lockout { failures: 3, within: seconds(30), penalty: seconds(30) };
    let idle = if quirks.has("session-timeout-300") { 300 } else { 1800 };
    Rules {
        power: power(),
        media: MediaRules {
            insert: Insert::Checked,
            patience: seconds(30),
            replaces: false,
            eject_lag: Duration::ZERO,
            cd_is_physical: quirks.has("cd-is-physical"),
        },
        bios: BiosRule::NextPost,
        sessions: Some(SessionRules { max: 16, idle: seconds(idle) }),
        lockout: quirks.has("lockout-30s").then_some(lockout),
        boot_targets: vec![
            "None",
            "Pxe",
            "Floppy",
            "Cd",
            "Usb",
            "Hdd",
            "BiosSetup",
            "UsbCd",
            "UefiBootNext",
            "UefiHttp",
        ],
        http_boot: HttpBoot::Dhcp,
        first_override: ("None", Lasts::Disabled),
        storage: StorageRules::default(),
        firmware: FirmwareRules::default(),
        job_starts_after: seconds(2),
    }
}

fn power() -> PowerRules {
    let seconds = Duration::from_secs;
    PowerRules {
        on_takes: seconds(5),
        off_takes: seconds(5),
        shutdown_takes: seconds(40),
        post: vec![
            PostPhase { name: "POST: BIOS settings", lasts: seconds(30), applies_bios: true },
            // Eight GPUs and terabytes of memory take their time.
            PostPhase { name: "POST", lasts: seconds(240), applies_bios: false },
        ],
        bios_apply_takes: seconds(60),
        reset_types: vec![
            "On",
            "ForceOff",
            "GracefulShutdown",
            "GracefulRestart",
            "ForceRestart",
            "Nmi",
            "ForceOn",
            "PowerCycle",
        ],
        already: Already::Accepted,
        graceful_needs_os: true,
        shows_transitions: false,
    }
}
