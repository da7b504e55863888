//! `cimc`, `cimc-m4` and `cimc-x`: Cisco UCS C220 M6 and M4 servers with a CIMC, and a UCSX-210c M6 blade.
//!
//! An image is mapped after it was asked for; BIOS tokens are written where they are read, and show once POST has applied
//! them; what Redfish lacks, the XML API has, on servers that have one.

mod bios;
mod facts;
mod firmware;
mod logs;
mod media;
mod precise;
mod quirks;
mod registry;
mod services;
mod storage;
mod tree;
mod xml;

use std::time::Duration;

use super::pieces::{self, cpus, modules};
use super::{Ids, MediaHome, Model, Personality, Quirk, Quirks, Traits, standard};
use crate::fetch::FetchError;
use crate::machine::firmware::{Component, ComponentKind, FirmwareRules};
use crate::machine::inventory::Inventory;
use crate::machine::storage::StorageRules;
use crate::machine::{
    Already, BiosRule, Hardware, HttpBoot, Identity, Insert, Lasts, Machine, MediaRules, PostPhase,
    PowerRules, Rules, SessionRules, Slot,
};
use crate::web::{Call, Problem, Reply, Style, Table, problem};
use facts::Facts;
pub use facts::Generation;

const SYSTEM: &str = "/redfish/v1/Systems/{system}";
const MANAGER: &str = "/redfish/v1/Managers/{manager}";

/// The personality.
#[derive(Debug, Clone, Copy)]
pub struct Cimc(pub Generation);

impl Cimc {
    fn facts(self) -> &'static Facts {
        self.0.facts()
    }
}

/// Cisco's serial numbers have eleven characters; the System's `Id` is one.
fn serial(identity: &Identity) -> String {
    format!("WZP2{}", identity.serial)
}

impl Personality for Cimc {
    fn name(&self) -> &'static str {
        self.facts().name
    }

    fn summary(&self) -> &'static str {
        self.facts().summary
    }

    fn quirks(&self) -> &'static [Quirk] {
        quirks::of(self.0)
    }

    fn model(&self, quirks: &Quirks) -> Model {
        Model { hardware: hardware(self.0, quirks), rules: rules(self.0, quirks) }
    }

    fn traits(&self, quirks: &Quirks, identity: &Identity) -> Traits {
        let named = match self.0 {
            Generation::M4 => !quirks.has("root-without-vendor"),
            Generation::M6 | Generation::X => quirks.has("root-names-vendor"),
        };
        Traits {
            ids: Ids { system: serial(identity), manager: "CIMC".into(), chassis: "1".into() },
            vendor: named.then_some("Cisco Systems Inc."),
            product: named.then(|| self.facts().model.into()),
            redfish_version: self.facts().redfish,
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
        storage::add(&mut table);
        firmware::add(&mut table, quirks);
        logs::add(&mut table);
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

    fn apply_times(&self, _: &Quirks) -> &'static [&'static str] {
        &[]
    }
}

fn hardware(generation: Generation, quirks: &Quirks) -> Hardware {
    let facts = generation.facts();
    let (raid, raid_model) = facts.raid;
    Hardware {
        manufacturer: "Cisco Systems Inc".into(),
        model: facts.model.into(),
        bios_version: facts.bios.into(),
        bmc_version: facts.cimc.into(),
        bmc_model: facts.model.into(),
        processors: 2,
        memory_gib: 256,
        nics: 4,
        slots: slots(generation, quirks),
        registry: registry::registry(generation),
        inventory: Inventory {
            processors: cpus(2, |number| format!("CPU{number}"), facts.processor, facts.cores),
            dimms: modules(8, |number| format!("DIMM_P1_{}1", letter(number))),
            controllers: storage::controllers(facts, quirks),
            firmware: vec![
                Component::new("CIMC", "CIMC", ComponentKind::Bmc, "CIMC", facts.cimc),
                Component::new("BIOS", "BIOS", ComponentKind::Bios, "BIOS", facts.bios),
                // An image of the whole server brings this one its firmware; SimpleUpdate does not.
                Component::new(
                    &format!("{raid_model}-slot-{raid}").replace(' ', "_"),
                    raid_model,
                    ComponentKind::DeviceInPost,
                    raid,
                    "52.20.0-4523",
                )
                .fixed(),
            ],
            ports: Vec::new(),
        },
    }
}

/// Slots: on the blade the first three are the vKVM's own.
fn slots(generation: Generation, quirks: &Quirks) -> Vec<Slot> {
    if generation != Generation::X {
        return vec![
            Slot::new("0", "Virtual CD", &["CD", "DVD"]),
            Slot::new("1", "Virtual HDD", &["Floppy", "USBStick"]),
        ];
    }
    let dvd: &[&str] = if quirks.has("dvd-only") { &["DVD"] } else { &["CD", "DVD"] };
    vec![
        Slot::new("0", "vKVM-Mapped vHDD", &["USBStick"]),
        Slot::new("1", "vKVM-Mapped vFDD", &["Floppy"]),
        Slot::new("2", "vKVM-Mapped vDVD", dvd),
        Slot::new("3", "CIMC-Mapped vDVD", dvd),
    ]
}

/// Memory channels are named by letters.
fn letter(number: u32) -> char {
    char::from_u32(u32::from('A') + number - 1).unwrap_or('A')
}

fn rules(generation: Generation, quirks: &Quirks) -> Rules {
    let seconds = Duration::from_secs;
    let mut reset_types = vec!["On", "ForceOff", "GracefulShutdown", "ForceRestart", "Nmi", "PowerCycle"];
    if !quirks.has("no-graceful-restart") {
        reset_types.push("GracefulRestart");
    }
    let prefixed = generation == Generation::M4 && quirks.has("slot-hba-ids");
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
            reset_types,
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
        http_boot: HttpBoot::None,
        first_override: ("None", Lasts::Disabled),
        storage: StorageRules {
            volume_id: if prefixed { "VD-{n}" } else { "{n}" },
            first_volume: 0,
            ..StorageRules::default()
        },
        firmware: FirmwareRules { staged_first: quirks.has("activate-apart"), ..FirmwareRules::default() },
        job_starts_after: seconds(2),
    }
}

#[cfg(test)]
mod tests;
