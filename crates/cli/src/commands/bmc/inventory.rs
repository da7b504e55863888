//! `bmc … inventory`.

use rackhand_bmc::{Capabilities, HardwareInventory, Identity};
use serde::Serialize;

use super::{Here, or_dash, pairs};
use crate::render::{Paint, Table};

#[derive(Debug, Serialize)]
struct Shown<'a> {
    identity: &'a Identity,
    capabilities: &'a Capabilities,
    hardware: Option<HardwareInventory>,
}

pub(super) async fn run(here: &Here<'_>) -> anyhow::Result<()> {
    let bmc = here.bmc;
    let hardware = match &bmc.inventory {
        Some(inventory) => Some(inventory.inventory().await?),
        None => None,
    };
    let shown = Shown { identity: &bmc.identity, capabilities: &bmc.capabilities, hardware };
    here.print(&shown, || identity(&bmc.identity))?;
    if let (crate::args::Format::Table, Some(hardware)) = (here.format, &shown.hardware) {
        tables(here, hardware)?;
    }
    if let Some(hardware) = &shown.hardware {
        for skipped in &hardware.skipped {
            here.world
                .stderr
                .line(format_args!("warning: {} could not be read: {}", skipped.what, skipped.why))?;
        }
    }
    Ok(())
}

fn identity(who: &Identity) -> Table {
    pairs([
        ("vendor", who.vendor.to_string()),
        ("BMC", format!("{} {}", who.generation, or_dash(who.bmc_version.as_ref()))),
        ("manufacturer", or_dash(who.manufacturer.as_ref())),
        ("model", or_dash(who.model.as_ref())),
        ("serial", or_dash(who.serial.as_ref())),
        ("UUID", or_dash(who.uuid.as_ref())),
        ("BIOS", or_dash(who.bios_version.as_ref())),
        ("System", who.system.clone()),
    ])
}

fn tables(here: &Here<'_>, hardware: &HardwareInventory) -> anyhow::Result<()> {
    let mut processors = Table::new(&["  ID", "MODEL", "CORES", "THREADS"]);
    for one in &hardware.processors {
        processors.row([id(&one.id), or_dash(one.model.as_ref()), or_dash(one.cores), or_dash(one.threads)]);
    }
    let mut memory = Table::new(&["  ID", "MIB", "PART"]);
    for one in &hardware.memory {
        memory.row([id(&one.id), or_dash(one.mebibytes), or_dash(one.part_number.as_ref())]);
    }
    let mut drives = Table::new(&["  ID", "MODEL", "SERIAL", "SIZE", "KIND"]);
    for one in &hardware.drives {
        let kind = [one.media.as_deref(), one.protocol.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        drives.row([
            id(&one.id),
            or_dash(one.model.as_ref()),
            or_dash(one.serial.as_ref()),
            size(one.bytes),
            kind,
        ]);
    }
    let mut volumes = Table::new(&["  ID", "NAME", "RAID", "SIZE"]);
    for one in &hardware.volumes {
        volumes.row([id(&one.id), or_dash(one.name.as_ref()), or_dash(one.raid.as_ref()), size(one.bytes)]);
    }
    let mut ports = Table::new(&["  ID", "MAC", "LINK"]);
    for one in &hardware.ports {
        let link = one.link_up.map(|up| if up { "up" } else { "down" });
        ports.row([id(&one.id), or_dash(one.mac.as_ref()), or_dash(link)]);
    }
    let parts = [
        ("Processors", processors),
        ("Memory", memory),
        ("Drives", drives),
        ("Volumes", volumes),
        ("Network ports", ports),
    ];
    for (title, table) in parts {
        if !table.is_empty() {
            here.world.stdout.text(&format!(
                "\n{}\n{}",
                here.style.paint(Paint::Bold, title),
                table.render(here.style)
            ))?;
        }
    }
    Ok(())
}

fn id(id: &str) -> String {
    format!("  {id}")
}

/// A size as drives are sold: powers of ten.
fn size(bytes: Option<u64>) -> String {
    match bytes {
        None => "-".to_owned(),
        Some(bytes) if bytes >= 1_000_000_000_000 => {
            format!("{}.{} TB", bytes / 1_000_000_000_000, bytes / 100_000_000_000 % 10)
        }
        Some(bytes) => format!("{} GB", bytes / 1_000_000_000),
    }
}
