//! `idrac9`: a PowerEdge R750 with iDRAC9 firmware 6.10.
//!
//! BIOS settings take a job that runs in POST; virtual media is looked at when it is inserted and leaves slowly; a full
//! session table and wrong passwords are answered as the iDRAC does. Shapes and names are those of iDRAC9 6.00 and 7.10.

mod bios;
mod jobs;
mod media;
mod messages;
mod registry;
mod service;
mod tree;

use std::time::Duration;

use super::pieces::{self, cpus, drives, modules};
use super::{Expand, Features, Ids, MediaHome, Model, Personality, Quirk, Quirks, Traits, standard};
use crate::machine::firmware::{Component, ComponentKind, FirmwareRules};
use crate::machine::inventory::{Controller, Inventory, Volume};
use crate::machine::storage::StorageRules;
use crate::machine::{
    Already, BiosRule, Hardware, Identity, Insert, Lasts, Lockout, MediaRules, PostPhase, PowerRules, Rules,
    SessionRules, Slot,
};
use crate::web::{Call, Problem, Reply, Style, Table};

/// Version of the BIOS.
const BIOS: &str = "1.9.2";
/// Version of the iDRAC's firmware.
const FIRMWARE: &str = "6.10.30.00";

/// Firmware captured from hardware.
const CAPTURED: &str = "PowerEdge R750, iDRAC9 6.00.30 and 7.10.30, as captured";

const QUIRKS: &[Quirk] = &[
    Quirk {
        name: "session-table-of-8",
        seen: "eight web and Redfish sessions; the ninth login is refused with RAC0218, and a session lasts 30 minutes unused",
        source: "attribute WebServer.1.MaxNumberOfSessions of iDRAC9 6.00; RAC0218 in dell/iDRAC-Redfish-Scripting",
    },
    Quirk {
        name: "ip-blocking",
        seen: "three failed logins within 60 s refuse every login for 60 s, also with the right password",
        source: "attributes IPBlocking.1 of iDRAC9 6.00",
    },
    Quirk {
        name: "media-in-both-places",
        seen: "the same slots as Systems/…/VirtualMedia/{1,2} and Managers/…/VirtualMedia/{CD,RemovableDisk}",
        source: "iDRAC9 from 6.00 on",
    },
    Quirk {
        name: "stale-inserted",
        seen: "a slot reads Inserted for a while after EjectMedia, and InsertMedia answers 500 meanwhile",
        source: "OpenStack ironic, release notes on stale and retried inserts; dellemc.openmanage waits between the two",
    },
    Quirk {
        name: "eject-needs-body",
        seen: "EjectMedia without a JSON body is refused",
        source: "iDRAC9, as OpenStack sushy and dell/iDRAC-Redfish-Scripting send it",
    },
    Quirk {
        name: "eject-empty-500",
        seen: "EjectMedia of an empty slot answers 500",
        source: "quadsproject/badfish",
    },
    Quirk {
        name: "image-suffix",
        seen: "Image has to end in .iso or .img",
        source: "dellemc.openmanage, virtual media module",
    },
    Quirk {
        name: "bios-job",
        seen: "staged BIOS settings take a configuration job, made by the apply time OnReset or by a POST to Jobs; it runs in POST, and until it ends no further setting is taken",
        source: "iDRAC9 6.00; RAC0773, and quadsproject/badfish on a second configuration job",
    },
    Quirk {
        name: "boot-mode-by-job",
        seen: "a changed BootSourceOverrideMode is a BIOS setting: 202 with a job",
        source: "community.general redfish_utils; NVIDIA/libredfish",
    },
    Quirk {
        name: "registry-version-drift",
        seen: "Bios.AttributeRegistry names v1_0_3, the registry's resource is v1_0_0 and its document is below the Bios",
        source: CAPTURED,
    },
    Quirk {
        name: "registry-read-only-is-live",
        seen: "ReadOnly in the attribute registry tells what is locked at present, not what is read-only for good",
        source: CAPTURED,
    },
    Quirk {
        name: "power-already-409",
        seen: "a reset to the state that the host is in answers 409",
        source: "quadsproject/badfish",
    },
    Quirk {
        name: "reset-bios-needs-body",
        seen: "ResetBios without a JSON body is refused",
        source: "OpenStack sushy",
    },
];

const SYSTEM: &str = "/redfish/v1/Systems/{system}";
const MANAGER: &str = "/redfish/v1/Managers/{manager}";

/// The personality.
#[derive(Debug, Clone, Copy)]
pub struct Idrac9;

impl Personality for Idrac9 {
    fn name(&self) -> &'static str {
        "idrac9"
    }

    fn summary(&self) -> &'static str {
        "a Dell PowerEdge R750 with iDRAC9 firmware 6.10"
    }

    fn quirks(&self) -> &'static [Quirk] {
        QUIRKS
    }

    fn model(&self, quirks: &Quirks) -> Model {
        Model { hardware: hardware(), rules: rules(quirks) }
    }

    fn traits(&self, quirks: &Quirks, _: &Identity) -> Traits {
        Traits {
            ids: Ids {
                system: "System.Embedded.1".into(),
                manager: "iDRAC.Embedded.1".into(),
                chassis: "System.Embedded.1".into(),
            },
            vendor: Some("Dell"),
            product: Some("Integrated Dell Remote Access Controller".into()),
            redfish_version: "1.13.1",
            media_home: home(quirks),
            bios_name: "Bios",
            bios_settings: true,
            ignore_case: false,
            etag: Some(Style::Strong),
            json_type: "application/json;odata.metadata=minimal;charset=utf-8",
            base: "Base.1.12",
            require_json: true,
            open_paths: vec!["", "/redfish", "/redfish/v1", "/redfish/v1/odata"],
            login_paths: vec!["/redfish/v1/sessionservice/sessions", "/redfish/v1/sessions"],
        }
    }

    fn table(&self, quirks: &Quirks) -> Table {
        let mut table = standard::table(home(quirks), "Bios", true);
        tree::add(&mut table);
        pieces::add(&mut table);
        pieces::add_ports(&mut table);
        media::add(&mut table, quirks);
        bios::add(&mut table, quirks);
        jobs::add(&mut table);
        service::add(&mut table);
        table
    }

    fn features(&self, _: &Quirks) -> Features {
        let expand = Expand { all: true, links: true, no_links: true, max_levels: 1 };
        Features { expand: Some(expand), ..Features::default() }
    }

    fn problem(&self, call: &Call, problem: &Problem) -> Reply {
        messages::reply(call, problem)
    }

    fn administrator_id(&self) -> &'static str {
        "2"
    }
}

fn home(quirks: &Quirks) -> MediaHome {
    if quirks.has("media-in-both-places") { MediaHome::Both } else { MediaHome::System }
}

fn hardware() -> Hardware {
    let processor = "Intel(R) Xeon(R) Gold 6338N CPU @ 2.20GHz";
    let types = &["CD", "DVD", "USBStick"];
    Hardware {
        manufacturer: "Dell Inc.".into(),
        model: "PowerEdge R750".into(),
        bios_version: BIOS.into(),
        bmc_version: FIRMWARE.into(),
        bmc_model: "15G Monolithic".into(),
        processors: 2,
        memory_gib: 512,
        nics: 4,
        slots: vec![
            Slot::new("1", "VirtualMedia Instance 1", types).also("CD"),
            Slot::new("2", "VirtualMedia Instance 2", types).also("RemovableDisk"),
        ],
        registry: registry::registry(),
        inventory: Inventory {
            processors: cpus(2, |number| format!("CPU.Socket.{number}"), processor, 32),
            dimms: modules(16, |number| {
                let (bank, place) = if number > 8 { ('B', number - 8) } else { ('A', number) };
                format!("DIMM.Socket.{bank}{place}")
            }),
            controllers: vec![boss(), perc()],
            firmware: firmware(),
            ports: ["NIC.Integrated.1-1-1", "NIC.Integrated.1-2-1", "NIC.Slot.3-1-1", "NIC.Slot.3-2-1"]
                .map(str::to_owned)
                .to_vec(),
        },
    }
}

fn firmware() -> Vec<Component> {
    use ComponentKind::{Bios, Bmc, Device, DeviceInPost};
    let made = |kind, id: &str, name, fqdd, version| Component::new(id, name, kind, fqdd, version);
    vec![
        made(Bmc, "25227", "Integrated Dell Remote Access Controller", "iDRAC.Embedded.1-1", FIRMWARE),
        made(Bios, "159", "BIOS", "BIOS.Setup.1-1", BIOS),
        made(Device, "104684", "PERC H755 Front", "RAID.SL.3-1", "52.21.0-4606"),
        made(Device, "109112", "BOSS-S2", "BOSS.SL.14-1", "2.5.13.4009"),
        made(DeviceInPost, "110175", "Mellanox ConnectX-6 Dx", "NIC.Slot.3-1-1", "22.36.10.10"),
        made(Device, "28897", "Lifecycle Controller", "USC.Embedded.1:LC.Embedded.1", FIRMWARE).fixed(),
    ]
}

/// The boot card: two mirrored M.2 drives.
fn boss() -> Controller {
    let id = |number| format!("Disk.Direct.{number}-{number}:BOSS.SL.14-1");
    let drives = drives(2, id, "SSDSCKKB480G8R", 480_103_981_056);
    let volume = Volume::new("Disk.Virtual.0:BOSS.SL.14-1", "VD_0", "RAID1", 480_036_519_936, &drives);
    Controller::new("BOSS.SL.14-1", "BOSS-S2", &["RAID1"], drives).with_volume(volume)
}

fn perc() -> Controller {
    let id = |number| format!("Disk.Bay.{number}:Enclosure.Internal.0-1:RAID.SL.3-1");
    let raid = &["RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID50", "RAID60"];
    Controller::new("RAID.SL.3-1", "PERC H755 Front", raid, drives(4, id, "MZ7LH960HAJR0D3", 959_656_755_200))
}

fn rules(quirks: &Quirks) -> Rules {
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
        },
        bios: if quirks.has("bios-job") { BiosRule::ByJob } else { BiosRule::NextPost },
        sessions: Some(SessionRules {
            max: if quirks.has("session-table-of-8") { 8 } else { 64 },
            idle: seconds(1800),
        }),
        lockout: quirks.has("ip-blocking").then_some(blocking),
        boot_targets: vec![
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
        ],
        first_override: ("None", Lasts::Disabled),
        storage: StorageRules {
            volume_id: "Disk.Virtual.{n}:{c}",
            first_volume: 0,
            volume_name: "VD_{n}",
            one_job: true,
            ..StorageRules::default()
        },
        firmware: FirmwareRules::default(),
        job_starts_after: seconds(2),
    }
}

#[cfg(test)]
mod tests;
