//! `cimc`: a standalone Cisco UCS C220 M6 with CIMC firmware 4.2(3).
//!
//! An image is mapped after InsertMedia has answered; BIOS tokens are written where they are read, and show once POST has
//! applied them.

mod bios;
mod media;
mod precise;
mod registry;
mod services;
mod storage;
mod tree;
mod xml;

use std::time::Duration;

use super::pieces::{self, cpus, drives, modules};
use super::{Ids, MediaHome, Model, Personality, Quirk, Quirks, Traits, standard};
use crate::fetch::FetchError;
use crate::machine::firmware::{Component, ComponentKind, FirmwareRules};
use crate::machine::inventory::{Controller, Inventory, Volume};
use crate::machine::storage::StorageRules;
use crate::machine::{
    Already, BiosRule, Hardware, Identity, Insert, Lasts, Machine, MediaRules, PostPhase, PowerRules, Rules,
    SessionRules, Slot,
};
use crate::web::{Call, Problem, Reply, Style, Table, problem};

/// The SDK's metadata of the XML API.
const SDK: &str = "CiscoUcs/imcsdk";
/// Trees read from hardware.
const TREES: &str = "akaliwod/iserver, trees of C220 and C240 M4 to M6 on IMC 4.1 and 4.2";

const QUIRKS: &[Quirk] = &[
    Quirk {
        name: "root-names-vendor",
        seen: "the service root has Vendor and Product; older firmware (M4 and M5 up to 4.1) has neither",
        source: "akaliwod/iserver, tree of a C225 M6 on IMC 4.2(2a)",
    },
    Quirk {
        name: "no-boot-mode",
        seen: "Boot has BootSourceOverrideEnabled and Target only; BootSourceOverrideMode is no property",
        source: TREES,
    },
    Quirk {
        name: "bios-direct",
        seen: "no @Redfish.Settings: tokens are written by PATCH of the Bios itself, and what waits for POST is not shown",
        source: "Cisco's C-Series REST API guide for 4.1, by a digest; the trees have no settings resource",
    },
    Quirk {
        name: "bios-flat",
        seen: "the PATCH of the Bios takes tokens flat, as the guide shows it, as well as in Attributes; the value \"default\" restores a token",
        source: "Cisco's C-Series REST API guide for 4.1, by a digest",
    },
    Quirk {
        name: "media-mapped-later",
        seen: "InsertMedia answers at once; the slot reads empty until the image is mapped, and stays so when it cannot be",
        source: "datacenter/iserver, which polls Inserted for up to 30 s",
    },
    Quirk {
        name: "slot-order",
        seen: "the virtual media collection lists 1 before 0 at times",
        source: TREES,
    },
    Quirk {
        name: "prose-allowable-values",
        seen: "AllowableValues of InsertMedia hold sentences",
        source: TREES,
    },
    Quirk {
        name: "empty-fields-omitted",
        seen: "an empty slot has no Image and no ImageName; 4.1(2) has them as null",
        source: TREES,
    },
    Quirk {
        name: "slot-status-disabled",
        seen: "a slot reads Status.State Disabled while nothing is mapped",
        source: "akaliwod/iserver, tree of a C220 M6 on IMC 4.2(2a)",
    },
    Quirk {
        name: "adapter-among-managers",
        seen: "Managers lists the VIC adapter beside CIMC, with a Reset that allows no value",
        source: TREES,
    },
    Quirk {
        name: "partial-inventory-when-off",
        seen: "Oem.Cisco.InventoryState reads PartialInventoryReady with the host off, and storage shows no drives",
        source: TREES,
    },
    Quirk {
        name: "xml-api",
        seen: "POST /nuova takes the XML API: precise boot order, mappings, BIOS tokens, storage; without it there is nothing at that path",
        source: SDK,
    },
    Quirk {
        name: "cookie-needs-refresh",
        seen: "a cookie of the XML API is good for the refresh period of 600 s, however it is used; aaaRefresh gives out another and ends it",
        source: "CiscoUcs/imcsdk, which refreshes 60 s before the period ends and sends the new cookie from then on",
    },
    Quirk {
        name: "one-map-per-drive-type",
        seen: "a second mapping of a kind of drive is refused while there is one, also one that failed",
        source: "CiscoUcs/imcsdk, which deletes the mappings of that kind first",
    },
];

const SYSTEM: &str = "/redfish/v1/Systems/{system}";
const MANAGER: &str = "/redfish/v1/Managers/{manager}";
/// Cisco's product id of the server.
const PID: &str = "UCSC-C220-M6S";

/// Version of the BIOS.
const BIOS: &str = "C220M6.4.2.3b.0.0127230219";
/// Version of the CIMC's firmware.
const CIMC: &str = "4.2(3b)";

/// The personality.
#[derive(Debug, Clone, Copy)]
pub struct Cimc;

/// Cisco's serial numbers have eleven characters; the System's `Id` is one.
fn serial(identity: &Identity) -> String {
    format!("WZP2{}", identity.serial)
}

impl Personality for Cimc {
    fn name(&self) -> &'static str {
        "cimc"
    }

    fn summary(&self) -> &'static str {
        "a Cisco UCS C220 M6 with CIMC firmware 4.2(3)"
    }

    fn quirks(&self) -> &'static [Quirk] {
        QUIRKS
    }

    fn model(&self, quirks: &Quirks) -> Model {
        Model { hardware: hardware(), rules: rules(quirks) }
    }

    fn traits(&self, quirks: &Quirks, identity: &Identity) -> Traits {
        let named = quirks.has("root-names-vendor");
        Traits {
            ids: Ids { system: serial(identity), manager: "CIMC".into(), chassis: "1".into() },
            vendor: named.then_some("Cisco Systems Inc."),
            product: named.then(|| PID.into()),
            redfish_version: "1.12.0",
            media_home: MediaHome::Manager,
            bios_name: "Bios",
            bios_settings: !quirks.has("bios-direct"),
            ignore_case: false,
            etag: Some(Style::Strong),
            json_type: "application/json",
            base: "Base.1.8",
            require_json: true,
            open_paths: vec!["", "/redfish", "/redfish/v1"],
            login_paths: vec!["/redfish/v1/sessionservice/sessions", xml::PATH],
        }
    }

    fn table(&self, quirks: &Quirks) -> Table {
        let mut table = standard::table(MediaHome::Manager, "Bios", !quirks.has("bios-direct"));
        pieces::add(&mut table);
        tree::add(&mut table, quirks);
        media::add(&mut table);
        bios::add(&mut table, quirks);
        if quirks.has("xml-api") {
            xml::add(&mut table);
        }
        table
    }

    fn gate(&self, call: &Call, machine: &mut Machine) -> Result<(), Problem> {
        // The table of sessions is one, but a cookie is no token.
        if call.header("x-auth-token").is_some_and(xml::is_cookie) {
            return Err(Problem::NoSession);
        }
        services::gate(call, machine)
    }

    fn problem(&self, call: &Call, problem: &Problem) -> Reply {
        xml::problem(call, problem).unwrap_or_else(|| problem::standard_reply(problem, call.cell.traits.base))
    }

    fn media_error(&self, why: &FetchError) -> String {
        format!("ERROR: {why}")
    }
}

fn hardware() -> Hardware {
    let processor = "Intel(R) Xeon(R) Gold 6338N CPU @ 2.20GHz";
    Hardware {
        manufacturer: "Cisco Systems Inc".into(),
        model: PID.into(),
        bios_version: BIOS.into(),
        bmc_version: CIMC.into(),
        bmc_model: PID.into(),
        processors: 2,
        memory_gib: 256,
        nics: 4,
        slots: vec![
            Slot::new("0", "Virtual CD", &["CD", "DVD"]),
            Slot::new("1", "Virtual HDD", &["Floppy", "USBStick"]),
        ],
        registry: registry::registry(),
        inventory: Inventory {
            processors: cpus(2, |number| format!("CPU{number}"), processor, 32),
            dimms: modules(8, |number| format!("DIMM_P1_{}1", letter(number))),
            controllers: vec![boot_controller(), raid_controller()],
            firmware: vec![
                Component::new("CIMC", "CIMC", ComponentKind::Bmc, "CIMC", CIMC),
                Component::new("BIOS", "BIOS", ComponentKind::Bios, "BIOS", BIOS),
            ],
            ports: Vec::new(),
        },
    }
}

/// Memory channels are named by letters.
fn letter(number: u32) -> char {
    char::from_u32(u32::from('A') + number - 1).unwrap_or('A')
}

/// Two M.2 drives, mirrored.
fn boot_controller() -> Controller {
    let drives = drives(2, |number| (253 + number).to_string(), "MTFDDAV480TDS", 480_103_981_056);
    let volume = Volume::new("0", "BOOT", "RAID1", 478_998_953_984, &drives);
    Controller::new("MSTOR-RAID", "UCS-M2-HWRAID", &["RAID1"], drives).with_volume(volume)
}

fn raid_controller() -> Controller {
    let drives = drives(4, |number| (number + 1).to_string(), "MZ7LH960HAJR0D3", 960_197_124_096);
    let raid = &["RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID50", "RAID60"];
    Controller::new("MRAID", "UCSC-RAID-220M6", raid, drives)
}

fn rules(quirks: &Quirks) -> Rules {
    let seconds = Duration::from_secs;
    Rules {
        power: PowerRules {
            on_takes: seconds(5),
            off_takes: seconds(5),
            shutdown_takes: seconds(40),
            post: vec![
                PostPhase { name: "POST: BIOS settings", lasts: seconds(20), applies_bios: true },
                PostPhase { name: "POST", lasts: seconds(130), applies_bios: false },
            ],
            bios_apply_takes: seconds(60),
            reset_types: vec![
                "On",
                "ForceOff",
                "GracefulShutdown",
                "GracefulRestart",
                "ForceRestart",
                "Nmi",
                "PowerCycle",
            ],
            already: Already::Accepted,
            graceful_needs_os: true,
            shows_transitions: false,
        },
        media: MediaRules {
            insert: if quirks.has("media-mapped-later") {
                Insert::Mapped(seconds(8))
            } else {
                Insert::Checked
            },
            patience: seconds(30),
            replaces: false,
            eject_lag: Duration::ZERO,
            cd_is_physical: false,
        },
        bios: BiosRule::NextPost,
        sessions: Some(SessionRules { max: 8, idle: seconds(1800) }),
        lockout: None,
        boot_targets: vec!["None", "Pxe", "Floppy", "Cd", "Hdd", "BiosSetup", "Diags"],
        first_override: ("None", Lasts::Disabled),
        storage: StorageRules { first_volume: 0, ..StorageRules::default() },
        firmware: FirmwareRules::default(),
        job_starts_after: seconds(2),
    }
}

#[cfg(test)]
mod tests;
