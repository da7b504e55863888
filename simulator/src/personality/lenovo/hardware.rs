//! What the server is made of, and how it behaves.

use std::time::Duration;

use super::registry;
use crate::machine::firmware::{Component, ComponentKind, FirmwareRules};
use crate::machine::inventory::{Controller, Drive, Inventory, Volume};
use crate::machine::storage::StorageRules;
use crate::machine::{
    Already, BiosRule, Hardware, HttpBoot, Insert, Lasts, MediaRules, PostPhase, PowerRules, Rules,
    SessionRules, Slot,
};
use crate::personality::Quirks;
use crate::personality::pieces::{cpus, drives, modules};

pub(super) fn hardware(quirks: &Quirks) -> Hardware {
    Hardware {
        manufacturer: "Lenovo".into(),
        model: "ThinkSystem SR670 V2".into(),
        bios_version: "U8E122J".into(),
        bmc_version: "TGBT42S 2.83 2023-07-05".into(),
        bmc_model: "Lenovo XClarity Controller".into(),
        processors: 2,
        memory_gib: 256,
        nics: 4,
        slots: slots(),
        registry: registry::registry(quirks),
        inventory: Inventory {
            processors: cpus(
                2,
                |number| number.to_string(),
                "Intel(R) Xeon(R) Platinum 8362 CPU @ 2.80GHz",
                32,
            ),
            dimms: modules(8, |number| number.to_string()),
            controllers: vec![boot_controller(), raid_controller(), nvme()],
            firmware: firmware(),
            ports: (1..=4).map(|number| format!("NIC{number}")).collect(),
        },
    }
}

/// Ten slots alike: images from a URL, consoles, uploaded images.
fn slots() -> Vec<Slot> {
    [("EXT", 4), ("Remote", 4), ("RDOC", 2)]
        .into_iter()
        .flat_map(|(kind, count)| (1..=count).map(move |number| format!("{kind}{number}")))
        .map(|id| Slot::new(&id, "VirtualMedia", &["CD", "DVD", "Floppy", "USBStick"]))
        .collect()
}

fn bays(count: usize, id: &str, model: &str, bytes: u64, protocol: &'static str) -> Vec<Drive> {
    let bays = drives(count, |number| format!("{id}{number}"), model, bytes);
    bays.into_iter().map(|drive| Drive { protocol, ..drive }).collect()
}

/// Two M.2 drives, mirrored: what the server boots from.
fn boot_controller() -> Controller {
    let drives = bays(2, "Drive.M.2_Bay_", "Micron_7450_MTFDKBA960TFR", 960_000_000_000, "NVMe");
    let volume = Volume::new("1", "New_VD", "RAID1", 959_932_891_136, &drives);
    Controller::new("M.2", "M.2 NVMe 2-Bay RAID Kit", &["RAID1"], drives).with_volume(volume)
}

fn raid_controller() -> Controller {
    let drives = bays(2, "Disk.", "MZILT960HBHQ0D3", 960_197_124_096, "SAS");
    let raid = &["RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID50", "RAID60"];
    Controller::new("RAID_Slot5", "ThinkSystem RAID 940-8i 4GB Flash PCIe Gen4 12Gb Adapter", raid, drives)
}

/// Drives that the host sees as they are.
fn nvme() -> Controller {
    let drives = bays(2, "Drive.Bay_", "Micron_7450_MTFDKBZ7T6TFR", 7_681_501_126_656, "NVMe");
    Controller::new("Direct_Attached_NVMe", "VMD", &[], drives)
}

/// Versions begin with the number of the build.
fn firmware() -> Vec<Component> {
    let bmc = "42S-2.83";
    let device = |id: &str, version: &str| {
        Component::new(id, &format!("Firmware:{id}"), ComponentKind::Device, id, version)
    };
    vec![
        Component::new("BMC-Primary", "Firmware:BMC", ComponentKind::Bmc, "BMC", bmc),
        device("BMC-Backup", bmc),
        Component::new("UEFI", "Firmware:UEFI", ComponentKind::Bios, "UEFI", "22J-1.51"),
        device("LXPM", "33A-3.30"),
        device("LXPMLinuxDriver", "33A-3.30").fixed(),
        device("Slot_5.Bundle", "52.26.0-5179"),
        device("Slot_25.Bundle", "2.3.20.1203"),
    ]
}

pub(super) fn rules(quirks: &Quirks) -> Rules {
    let seconds = Duration::from_secs;
    let idle = if quirks.has("session-timeout-300") { 300 } else { 1800 };
    Rules {
        power: power(),
        media: MediaRules {
            insert: Insert::Checked,
            patience: seconds(30),
            replaces: false,
            eject_lag: Duration::ZERO,
            cd_is_physical: false,
        },
        bios: BiosRule::NextPost,
        sessions: Some(SessionRules { max: 16, idle: seconds(idle) }),
        // The threshold that it is delivered with is 0: no lockout.
        lockout: None,
        boot_targets: vec!["None", "Pxe", "Cd", "Usb", "Hdd", "BiosSetup", "Diags", "UefiTarget"],
        http_boot: HttpBoot::None,
        first_override: ("None", Lasts::Disabled),
        storage: StorageRules { volume_name: "VD_{n}", ..StorageRules::default() },
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
            PostPhase { name: "POST", lasts: seconds(180), applies_bios: false },
        ],
        bios_apply_takes: seconds(60),
        reset_types: vec![
            "On",
            "Nmi",
            "GracefulShutdown",
            "GracefulRestart",
            "ForceOn",
            "ForceOff",
            "ForceRestart",
        ],
        already: Already::Accepted,
        graceful_needs_os: true,
        shows_transitions: false,
    }
}
