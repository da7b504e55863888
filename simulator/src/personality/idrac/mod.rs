//! `idrac8`, `idrac9-4`, `idrac9`, `idrac9-7`, `idrac10`: PowerEdge servers of the 13th to the 17th generation.
//!
//! BIOS settings take a job that runs in POST, and so do boot mode, boot order and much of storage; virtual media is looked
//! at when it is inserted and leaves slowly; a full session table and wrong passwords are answered as the iDRAC does. Shapes
//! and names are those of iDRAC9 6.00 and 7.10; the other generations are written as differences from it (the facts of each, and the
//! quirks that it has).

mod attributes;
mod bios;
mod boot;
mod facts;
mod firmware;
mod jobs;
mod media;
mod messages;
mod quirks;
mod raid;
mod registry;
mod scp;
mod service;
mod storage;
mod tree;

use std::time::Duration;

use super::pieces::{self, cpus, drives, modules};
use super::{Expand, Features, Ids, MediaHome, Model, Personality, Quirk, Quirks, Traits, standard};
use crate::machine::firmware::{Component, ComponentKind, FirmwareRules};
use crate::machine::inventory::{Controller, Inventory, Volume};
use crate::machine::storage::StorageRules;
use crate::machine::{
    Already, BiosRule, Hardware, HttpBoot, Identity, Insert, Lasts, Lockout, Machine, MediaRules, PostPhase,
    PowerRules, Rules, SessionRules, Slot,
};
use crate::web::{Call, Problem, Reply, Style, Table};
use facts::Facts;
pub use facts::Generation;

const SYSTEM: &str = "/redfish/v1/Systems/{system}";
const MANAGER: &str = "/redfish/v1/Managers/{manager}";

/// The personality.
#[derive(Debug, Clone, Copy)]
pub struct Idrac(pub Generation);

impl Idrac {
    fn facts(self) -> &'static Facts {
        self.0.facts()
    }
}

impl Personality for Idrac {
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

    fn traits(&self, quirks: &Quirks, _: &Identity) -> Traits {
        let facts = self.facts();
        Traits {
            ids: Ids {
                system: "System.Embedded.1".into(),
                manager: "iDRAC.Embedded.1".into(),
                chassis: "System.Embedded.1".into(),
            },
            // The root names no vendor before Redfish 1.5.
            vendor: (self.0 != Generation::Eight).then_some("Dell"),
            product: Some("Integrated Dell Remote Access Controller".into()),
            redfish_version: facts.redfish,
            media_home: home(self.0, quirks),
            bios_name: "Bios",
            bios_settings: true,
            ignore_case: false,
            etag: Some(Style::Strong),
            json_type: "application/json;odata.metadata=minimal;charset=utf-8",
            base: facts.base,
            require_json: true,
            open_paths: vec!["", "/redfish", "/redfish/v1", "/redfish/v1/odata"],
            login_paths: vec!["/redfish/v1/sessionservice/sessions", "/redfish/v1/sessions"],
        }
    }

    fn table(&self, quirks: &Quirks) -> Table {
        let mut table = standard::table(home(self.0, quirks), "Bios", true);
        tree::add(&mut table, self.0, quirks);
        pieces::add(&mut table);
        pieces::add_ports(&mut table);
        media::add(&mut table, self.0, quirks);
        boot::add(&mut table, quirks);
        bios::add(&mut table, quirks);
        jobs::add(&mut table, quirks);
        storage::add(&mut table, quirks);
        raid::add(&mut table, quirks);
        firmware::add(&mut table, self.0, quirks);
        attributes::add(&mut table);
        scp::add(&mut table, self.0);
        service::add(&mut table, self.0, quirks);
        table
    }

    fn features(&self, _: &Quirks) -> Features {
        let expand = Expand { all: true, links: true, no_links: true, max_levels: 1 };
        Features { expand: Some(expand), ..Features::default() }
    }

    fn gate(&self, call: &Call, machine: &mut Machine) -> Result<(), Problem> {
        service::gate(call, machine)
    }

    fn problem(&self, call: &Call, problem: &Problem) -> Reply {
        messages::reply(call, problem)
    }

    fn finish(&self, call: &Call, reply: Reply) -> Reply {
        messages::finish(call, scp::finish(call, reply))
    }

    fn job_id(&self, machine: &mut Machine) -> String {
        jobs::next_id(machine)
    }

    fn job_path(&self, call: &Call, id: &str) -> String {
        jobs::path(call, id)
    }

    fn apply_times(&self, _: &Quirks) -> &'static [&'static str] {
        if self.0 == Generation::Eight { &[] } else { &["Immediate", "OnReset"] }
    }

    fn administrator_id(&self) -> &'static str {
        "2"
    }
}

fn home(generation: Generation, quirks: &Quirks) -> MediaHome {
    match generation {
        Generation::Eight | Generation::NineOld => MediaHome::Manager,
        Generation::Ten => MediaHome::System,
        Generation::Nine | Generation::NineNew if quirks.has("media-in-both-places") => MediaHome::Both,
        Generation::Nine | Generation::NineNew => MediaHome::System,
    }
}

fn slots(generation: Generation, quirks: &Quirks) -> Vec<Slot> {
    let types = &["CD", "DVD", "USBStick"];
    if matches!(generation, Generation::Eight | Generation::NineOld) {
        return vec![
            Slot::new("CD", "Virtual CD", &["CD", "DVD"]),
            Slot::new("RemovableDisk", "Virtual Removable Disk", &["USBStick"]),
        ];
    }
    let first = Slot::new("1", "VirtualMedia Instance 1", types).also("CD");
    let second = Slot::new("2", "VirtualMedia Instance 2", types).also("RemovableDisk");
    vec![first, if quirks.has("only-slot-1-boots") { second.unbootable() } else { second }]
}

fn hardware(generation: Generation, quirks: &Quirks) -> Hardware {
    let facts = generation.facts();
    let boss = (!facts.boss.is_empty()).then(|| boss(facts));
    Hardware {
        manufacturer: "Dell Inc.".into(),
        model: facts.model.into(),
        bios_version: facts.bios.into(),
        bmc_version: facts.firmware.into(),
        bmc_model: facts.bmc_model.into(),
        processors: 2,
        memory_gib: 512,
        nics: 4,
        slots: slots(generation, quirks),
        registry: registry::registry(generation),
        inventory: Inventory {
            processors: cpus(2, |number| format!("CPU.Socket.{number}"), facts.processor, facts.cores),
            dimms: modules(16, |number| {
                let (bank, place) = if number > 8 { ('B', number - 8) } else { ('A', number) };
                format!("DIMM.Socket.{bank}{place}")
            }),
            controllers: boss.into_iter().chain([perc(facts)]).collect(),
            firmware: components(facts),
            ports: ["NIC.Integrated.1-1-1", "NIC.Integrated.1-2-1", "NIC.Slot.3-1-1", "NIC.Slot.3-2-1"]
                .map(str::to_owned)
                .to_vec(),
        },
    }
}

fn components(facts: &Facts) -> Vec<Component> {
    use ComponentKind::{Bios, Bmc, Device, DeviceInPost};
    let made =
        |kind, id: &str, name: &str, fqdd: &str, version: &str| Component::new(id, name, kind, fqdd, version);
    let mut all = vec![
        made(Bmc, "25227", "Integrated Dell Remote Access Controller", "iDRAC.Embedded.1-1", facts.firmware),
        made(Bios, "159", "BIOS", "BIOS.Setup.1-1", facts.bios),
        made(Device, "104684", facts.perc_model, facts.perc, "52.21.0-4606"),
        made(DeviceInPost, "110175", "Mellanox ConnectX-6 Dx", "NIC.Slot.3-1-1", "22.36.10.10"),
        made(Device, "28897", "Lifecycle Controller", "USC.Embedded.1:LC.Embedded.1", facts.firmware).fixed(),
    ];
    if !facts.boss.is_empty() {
        all.push(made(Device, "109112", facts.boss_model, facts.boss, "2.5.13.4009"));
    }
    all
}

/// The boot card: two mirrored M.2 drives.
fn boss(facts: &Facts) -> Controller {
    let controller = facts.boss;
    let drives = drives(
        2,
        |number| format!("Disk.Direct.{number}-{number}:{controller}"),
        "SSDSCKKB480G8R",
        480_103_981_056,
    );
    let id = format!("Disk.Virtual.0:{controller}");
    let volume = Volume::new(&id, "VD_0", "RAID1", 480_036_519_936, &drives);
    Controller::new(controller, facts.boss_model, &["RAID1"], drives).with_volume(volume)
}

/// The RAID controller. Without a boot card the host's disk is on its first two drives.
fn perc(facts: &Facts) -> Controller {
    let id = facts.perc;
    let drives = drives(
        if facts.boss.is_empty() { 6 } else { 4 },
        |number| format!("Disk.Bay.{number}:Enclosure.Internal.0-1:{id}"),
        "MZ7LH960HAJR0D3",
        959_656_755_200,
    );
    let raid = &["RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID50", "RAID60"];
    let system = drives.get(..2).unwrap_or_default();
    let volume = Volume::new(&format!("Disk.Virtual.0:{id}"), "OS", "RAID1", 959_119_884_288, system);
    let controller = Controller::new(id, facts.perc_model, raid, drives);
    if facts.boss.is_empty() { controller.with_volume(volume) } else { controller }
}

/// What the override can be set to; the last is newer than iDRAC8.
fn targets(generation: Generation) -> Vec<&'static str> {
    let mut all = vec![
        "None",
        "Pxe",
        "Floppy",
        "Cd",
        "Hdd",
        "BiosSetup",
        "Utilities",
        "UefiTarget",
        "SDCard",
        "UefiHttp",
    ];
    if generation == Generation::Eight {
        all.pop();
    }
    all
}

fn rules(generation: Generation, quirks: &Quirks) -> Rules {
    let seconds = Duration::from_secs;
    let phase =
        |name, lasts, applies_bios| PostPhase { name, lasts: Duration::from_secs(lasts), applies_bios };
    let blocking = Lockout { failures: 3, within: seconds(60), penalty: seconds(60) };
    Rules {
        power: PowerRules {
            on_takes: seconds(3),
            off_takes: seconds(5),
            shutdown_takes: seconds(40),
            post: vec![
                phase("POST: configuring memory", 50, false),
                phase("POST: Lifecycle Controller", 5, true),
                phase("POST: initializing devices", 50, false),
            ],
            bios_apply_takes: seconds(120),
            reset_types: vec![
                "On",
                "ForceOff",
                "ForceRestart",
                "GracefulRestart",
                "GracefulShutdown",
                "PushPowerButton",
                "Nmi",
                "PowerCycle",
            ],
            already: if quirks.has("power-already-409") { Already::Refused } else { Already::Accepted },
            graceful_needs_os: true,
            shows_transitions: false,
        },
        media: MediaRules {
            insert: Insert::Checked,
            patience: seconds(30),
            replaces: false,
            eject_lag: if quirks.has("stale-inserted") { seconds(4) } else { Duration::ZERO },
            cd_is_physical: quirks.has("cd-is-physical"),
        },
        bios: if quirks.has("bios-job") { BiosRule::ByJob } else { BiosRule::NextPost },
        sessions: Some(SessionRules {
            max: if quirks.has("session-table-of-8") { 8 } else { 64 },
            idle: seconds(1800),
        }),
        lockout: quirks.has("ip-blocking").then_some(blocking),
        boot_targets: targets(generation),
        http_boot: match generation {
            Generation::Eight => HttpBoot::None,
            _ => HttpBoot::Attribute { uri: "HttpDev1Uri", off: ("HttpDev1EnDis", "Disabled") },
        },
        first_override: ("None", Lasts::Disabled),
        storage: StorageRules {
            volume_id: "Disk.Virtual.{n}:{c}",
            first_volume: 0,
            volume_name: "VD_{n}",
            name_max: if quirks.has("volume-name-15") { 15 } else { 64 },
            one_job: true,
            ..StorageRules::default()
        },
        firmware: FirmwareRules::default(),
        job_starts_after: seconds(2),
    }
}

#[cfg(test)]
mod tests;
