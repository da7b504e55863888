//! `ilo4` to `ilo7`: ProLiant DL360 servers of generation 9 (iLO 4 2.78), 10 Plus (iLO 5 2.72), 11 (iLO 6 1.66) and 12
//! (iLO 7 1.14).
//!
//! BIOS settings are judged in POST and what became of them stands beside the current ones; paths mix case; an image is
//! accepted and attaches later, or never; errors are message ids without texts.

mod bios;
mod boot;
mod facts;
mod gen9;
mod media;
mod messages;
mod ns204i;
mod own;
mod power;
mod quirks;
mod registry;
mod service;
mod smart;
mod smart_config;
mod storage;
mod tree;
mod upkeep;

use std::time::Duration;

use super::pieces::{self, cpus, modules};
use super::{Expand, Features, Ids, MediaHome, Model, Personality, Quirk, Quirks, Traits, standard};
use crate::fetch::FetchError;
use crate::machine::firmware::{Component, ComponentKind, FirmwareRules};
use crate::machine::inventory::Inventory;
use crate::machine::storage::StorageRules;
use crate::machine::{
    Already, BiosRule, Hardware, HttpBoot, Identity, Insert, Lasts, MediaRules, PostPhase, PowerRules, Rules,
    SessionRules, Slot,
};
use crate::web::{Call, Problem, Reply, Style, Table};
use facts::Facts;
pub use facts::Generation;

const SYSTEM: &str = "/redfish/v1/Systems/{system}";
const MANAGER: &str = "/redfish/v1/Managers/{manager}";

/// The personality.
#[derive(Debug, Clone, Copy)]
pub struct Ilo(pub Generation);

impl Ilo {
    fn facts(self) -> &'static Facts {
        self.0.facts()
    }
}

/// HPE's serial numbers have ten characters.
fn serial(identity: &Identity) -> String {
    format!("MXQ{}", identity.serial)
}

impl Personality for Ilo {
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
        Model { hardware: hardware(self.facts(), quirks), rules: rules(self.0, quirks) }
    }

    fn traits(&self, _: &Quirks, _: &Identity) -> Traits {
        let facts = self.facts();
        let newer = self.0 != Generation::Four;
        Traits {
            ids: Ids { system: "1".into(), manager: "1".into(), chassis: "1".into() },
            vendor: newer.then_some(facts.maker),
            product: newer.then(|| facts.model.into()),
            redfish_version: facts.redfish,
            media_home: MediaHome::Manager,
            bios_name: "bios",
            bios_settings: true,
            ignore_case: true,
            etag: Some(Style::Weak),
            json_type: "application/json; charset=utf-8",
            base: facts.base,
            require_json: true,
            open_paths: vec!["", "/redfish", "/redfish/v1", "/redfish/v1/odata"],
            login_paths: vec!["/redfish/v1/sessionservice/sessions", "/redfish/v1/sessions"],
        }
    }

    fn table(&self, quirks: &Quirks) -> Table {
        let mut table = standard::table(MediaHome::Manager, "bios", true);
        service::add(&mut table, quirks);
        tree::add(&mut table);
        boot::add(&mut table, self.0, quirks);
        own::add(&mut table, self.0);
        pieces::add(&mut table);
        storage::add(&mut table, self.0, quirks);
        power::add(&mut table, self.0);
        media::add(&mut table, self.0, quirks);
        bios::add(&mut table, self.0);
        upkeep::add(&mut table, quirks);
        if self.0 == Generation::Four {
            gen9::add(&mut table, quirks);
        }
        table
    }

    fn features(&self, _: &Quirks) -> Features {
        let expand = Expand { all: false, links: false, no_links: true, max_levels: 1 };
        let expand = (self.0 != Generation::Four).then_some(expand);
        Features { expand, ..Features::default() }
    }

    fn problem(&self, call: &Call, problem: &Problem) -> Reply {
        messages::reply(call, problem)
    }

    fn finish(&self, call: &Call, reply: Reply) -> Reply {
        service::finish(call, reply)
    }

    fn media_error(&self, why: &FetchError) -> String {
        format!("the image could not be opened: {why}")
    }
}

fn hardware(facts: &Facts, quirks: &Quirks) -> Hardware {
    let plain = quirks.has("firmware-version-plain") || facts.generation != Generation::Seven;
    let firmware =
        if plain { facts.firmware.into() } else { format!("{} v{}", facts.manager, facts.version) };
    Hardware {
        manufacturer: facts.maker.into(),
        model: facts.model.into(),
        bios_version: facts.bios.into(),
        bmc_version: firmware,
        bmc_model: facts.manager.into(),
        processors: 2,
        memory_gib: 256,
        nics: 4,
        slots: vec![
            Slot::new("1", "VirtualMedia", &["Floppy", "USBStick"]),
            Slot::new("2", "VirtualMedia", &["CD", "DVD"]),
        ],
        registry: registry::registry(facts, quirks),
        inventory: Inventory {
            processors: cpus(2, |number| number.to_string(), facts.processor, facts.cores),
            dimms: modules(8, |number| format!("proc1dimm{number}")),
            controllers: storage::controllers(facts),
            firmware: components(facts, quirks),
            ports: Vec::new(),
        },
    }
}

fn components(facts: &Facts, quirks: &Quirks) -> Vec<Component> {
    let mut all = vec![
        Component::new("1", facts.manager, ComponentKind::Bmc, "BMC", facts.firmware),
        Component::new("2", "System ROM", ComponentKind::Bios, "BIOS", facts.bios),
    ];
    if quirks.has("redundant-rom") {
        let (name, device) = ("Redundant System ROM", upkeep::REDUNDANT);
        all.push(Component::new("3", name, ComponentKind::Device, device, facts.bios).fixed());
    }
    all
}

/// What the override can be set to, and `ResetType` takes; the last of each are newer than iLO 4.
const TARGETS: [&str; 12] = [
    "None",
    "Cd",
    "Hdd",
    "Usb",
    "Utilities",
    "Diags",
    "BiosSetup",
    "Pxe",
    "UefiShell",
    "UefiTarget",
    "SDCard",
    "UefiHttp",
];
const RESETS: [&str; 7] =
    ["On", "ForceOff", "ForceRestart", "Nmi", "PushPowerButton", "GracefulShutdown", "GracefulRestart"];

fn first_of<const N: usize>(all: [&'static str; N], count: usize) -> Vec<&'static str> {
    all.into_iter().take(count).collect()
}

fn rules(generation: Generation, quirks: &Quirks) -> Rules {
    let old = generation == Generation::Four;
    let seconds = Duration::from_secs;
    let phase =
        |name, lasts, applies_bios| PostPhase { name, lasts: Duration::from_secs(lasts), applies_bios };
    Rules {
        power: PowerRules {
            on_takes: seconds(5),
            off_takes: seconds(5),
            shutdown_takes: seconds(40),
            // The phases carry the names that PostState shows.
            post: vec![
                phase("InPost", 60, true),
                phase("InPostDiscoveryStart", 40, false),
                phase("InPostDiscoveryComplete", 30, false),
            ],
            bios_apply_takes: seconds(60),
            reset_types: first_of(RESETS, if old { 5 } else { 7 }),
            already: Already::Refused,
            graceful_needs_os: true,
            shows_transitions: true,
        },
        media: MediaRules {
            insert: if quirks.has("media-attaches-later") {
                Insert::Mapped(seconds(5))
            } else {
                Insert::Checked
            },
            patience: seconds(30),
            replaces: !quirks.has("media-occupied-400"),
            eject_lag: Duration::ZERO,
            cd_is_physical: false,
        },
        bios: if quirks.has("bios-judged-in-post") { BiosRule::JudgedAtPost } else { BiosRule::NextPost },
        sessions: Some(SessionRules {
            max: if quirks.has("small-session-table") { 6 } else { 64 },
            idle: seconds(1800),
        }),
        lockout: None,
        boot_targets: first_of(TARGETS, if old { 10 } else { 12 }),
        http_boot: match generation {
            Generation::Four => HttpBoot::None,
            _ if quirks.has("no-http-boot-uri") => {
                HttpBoot::Attribute { uri: "UrlBootFile", off: ("HttpSupport", "Disabled") }
            }
            _ => HttpBoot::Property,
        },
        first_override: ("None", Lasts::Disabled),
        storage: match generation {
            Generation::Four | Generation::Five => {
                StorageRules { volume_name: "Logical Drive {n}", name_max: 64, ..StorageRules::default() }
            }
            Generation::Six | Generation::Seven => StorageRules::default(),
        },
        firmware: FirmwareRules::default(),
        job_starts_after: seconds(2),
    }
}

#[cfg(test)]
mod tests;
