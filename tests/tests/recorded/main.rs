//! What the drivers make of recorded machines: a table that people review, number by number.
//!
//! Every machine is replayed through the driver that claims it, with nothing said about the machine beforehand. What the
//! recording lacks (dropped members, resources that were never captured) is in the table too, so that nothing looks
//! complete that is not. The numbers were checked by hand against the recorded files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

mod profiles;

use std::{collections::BTreeMap, fmt::Write as _};

use rackhand::{BmcAddress, Options, connect_over};
use rackhand_bmc::{Bmc, Credentials, PendingSettings, Skipped};
use rackhand_testing::recording;

/// The machines, and the System to name where there are several hosts behind one BMC.
const MACHINES: [(&str, Option<&str>); 16] = [
    ("dell-poweredge-r750-idrac9-6.00", None),
    ("dell-poweredge-r750-multidpu-idrac9-7.10", None),
    ("dmtf-public-rackmount1", None),
    ("gigabyte-h262-ami-12.84", None),
    ("hpe-cray-ex425-2node", Some("/redfish/v1/Systems/Node0")),
    ("hpe-proliant-dl325gen10plus-ilo5-2.46", None),
    ("hpe-proliant-dl360gen10-ilo5-2.96", None),
    ("hpe-proliant-dl360gen12-ilo7-1.14", None),
    ("hpe-proliant-dl380agen11-ilo6-1.66", None),
    ("hpe-proliant-dl385gen10plusv2-ilo5-2.72", None),
    ("intel-s2600bpb-1.93", None),
    ("lenovo-thinksystem-sr670v2-xcc-2.83", None),
    ("nvidia-bluefield3-openbmc-23.10", None),
    ("nvidia-gh200-openbmc-24.05", None),
    ("openbmc-stock-2.15", None),
    ("supermicro-sys821ge-11.01", None),
];

/// What one machine shows, as lines of the table.
#[derive(Default)]
struct Shown {
    lines: String,
    missing: BTreeMap<String, usize>,
}

impl Shown {
    fn line(&mut self, what: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.lines, "  {what}: {value}");
    }

    /// A facet's answer, or why there is none.
    fn answer<T>(
        &mut self,
        what: &str,
        answer: rackhand_bmc::Result<T>,
        show: impl FnOnce(T) -> (String, Vec<Skipped>),
    ) {
        match answer {
            Ok(value) => {
                let (text, skipped) = show(value);
                self.line(what, text);
                self.skipped(&skipped);
            }
            Err(error) => self.line(what, error.detail()),
        }
    }

    /// What could not be read, counted by the collection that it belongs to.
    fn skipped(&mut self, skipped: &[Skipped]) {
        for one in skipped {
            let parent = one.what.trim_end_matches('/').rsplit_once('/').map_or("", |(parent, _)| parent);
            *self.missing.entry(parent.to_owned()).or_insert(0) += 1;
        }
    }
}

async fn shown(name: &str, system: Option<&str>) -> Option<String> {
    let service = recording(name)?;
    let origin = "https://bmc.test".parse().unwrap();
    let address = BmcAddress::Redfish { origin, system: system.map(str::to_owned) };
    let options = Options::new(Credentials::new("root", "calvin".to_owned()));
    let bmc = connect_over(service.transport(), &address, options)
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut shown = Shown::default();
    identity(&bmc, &mut shown);
    hardware(&bmc, &mut shown).await;
    settings(&bmc, &mut shown).await;
    services(&bmc, &mut shown).await;
    bmc.close().await.unwrap();
    assert_eq!(service.writes(), [], "{name}: reading changes nothing");
    let missing: Vec<String> =
        shown.missing.iter().map(|(what, count)| format!("{count} of {what}")).collect();
    if !missing.is_empty() {
        shown.line("missing in the recording", missing.join(", "));
    }
    Some(format!("{name}\n{}", shown.lines))
}

fn identity(bmc: &Bmc, shown: &mut Shown) {
    let identity = &bmc.identity;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    shown.line("driver", format!("{} {}", identity.vendor, identity.generation));
    shown.line("system", &identity.system);
    shown.line("model", format!("{} {}", or_none(&identity.manufacturer), or_none(&identity.model)));
    shown.line("serial", or_none(&identity.serial));
    shown.line(
        "BIOS, BMC",
        format!("{}, {}", or_none(&identity.bios_version), or_none(&identity.bmc_version)),
    );
}

async fn hardware(bmc: &Bmc, shown: &mut Shown) {
    shown.answer("parts", bmc.inventory().unwrap().inventory().await, |found| {
        let text = format!(
            "{} processors, {} accelerators, {} DIMMs, {} drives, {} volumes, {} NIC ports",
            found.processors.len(),
            found.accelerators.len(),
            found.memory.len(),
            found.drives.len(),
            found.volumes.len(),
            found.ports.len()
        );
        (text, found.skipped)
    });
    if let Ok(storage) = bmc.storage() {
        shown.answer("storage", storage.view().await, |view| {
            let of = |controller: &rackhand_bmc::StorageController| {
                let name = &controller.name;
                format!("{name} {}d {}v", controller.drives.len(), controller.volumes.len())
            };
            let controllers: Vec<String> = view.controllers.iter().map(of).collect();
            (format!("{} controllers: {}", controllers.len(), controllers.join(", ")), view.skipped)
        });
    }
}

async fn settings(bmc: &Bmc, shown: &mut Shown) {
    if let Ok(media) = bmc.media() {
        shown.answer("media slots", media.slots().await, |slots| {
            let insertable = slots.iter().filter(|slot| slot.can_insert && slot.is_optical()).count();
            (format!("{}, {insertable} for an ISO by URL", slots.len()), Vec::new())
        });
    }
    if let Ok(boot) = bmc.boot() {
        shown.answer("boot", boot.settings().await, |settings| {
            (format!("{:?} {:?}", settings.target, settings.mode), Vec::new())
        });
    }
    if let Ok(bios) = bmc.bios() {
        shown.answer("BIOS attributes", bios.state().await, |state| {
            let pending = match state.pending {
                PendingSettings::None => "nothing pending".to_owned(),
                PendingSettings::Values(values) => format!("{} pending", values.len()),
                PendingSettings::NotVisible => "pending not visible".to_owned(),
            };
            (format!("{}, {pending}", state.current.len()), Vec::new())
        });
        shown.answer("BIOS registry", bios.registry().await, |registry| {
            let text = registry.map_or_else(
                || "none served".to_owned(),
                |registry| format!("{} of {}", registry.attributes.len(), registry.id),
            );
            (text, Vec::new())
        });
    }
}

async fn services(bmc: &Bmc, shown: &mut Shown) {
    if let Ok(firmware) = bmc.firmware() {
        shown.answer("firmware", firmware.inventory().await, |found| {
            (format!("{} components", found.components.len()), found.skipped)
        });
    }
    if let Ok(logs) = bmc.logs() {
        let found = logs.logs().await;
        let first = match &found {
            Ok(found) => found.first().cloned(),
            Err(_) => None,
        };
        shown.answer("logs", found, |found| {
            let names: Vec<&str> = found.iter().map(|log| log.name.as_str()).collect();
            (names.join(", "), Vec::new())
        });
        if let Some(first) = first {
            shown.answer(&format!("entries of {}", first.name), logs.entries(&first.id, 50).await, |found| {
                (found.entries.len().to_string(), found.skipped)
            });
        }
    }
    if let Ok(sensors) = bmc.sensors() {
        shown.answer("sensors", sensors.sensors().await, |found| {
            let reading = found.sensors.iter().filter(|sensor| sensor.reading.is_some()).count();
            (format!("{}, {reading} with a reading", found.sensors.len()), found.skipped)
        });
        shown.answer("health", sensors.health().await, |health| {
            (format!("System {:?}, Manager {:?}", health.system, health.manager), Vec::new())
        });
    }
    shown.answer("jobs", bmc.jobs().unwrap().unfinished().await, |jobs| {
        (format!("{} not over", jobs.len()), Vec::new())
    });
}

#[tokio::test(start_paused = true)]
async fn recorded_machines_are_what_they_are() {
    let mut table = String::new();
    for (name, system) in MACHINES {
        match shown(name, system).await {
            Some(text) => {
                let _ = writeln!(table, "{text}");
            }
            None => {
                println!("skipped: there is no recording {name} beside the project");
                return;
            }
        }
    }
    insta::assert_snapshot!("recorded_machines", table);
}
