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
    let parts = [
        ("Processors", processors(hardware)),
        ("Memory", memory(hardware)),
        ("Drives", drives(hardware)),
        ("Volumes", volumes(hardware)),
        ("Network ports", ports(hardware)),
    ];
    for (title, table) in parts {
        if !table.is_empty() {
            let title = here.style.paint(Paint::Bold, title);
            here.world.stdout.text(&format!("\n{title}\n{}", table.render(here.style)))?;
        }
    }
    Ok(())
}

fn processors(hardware: &HardwareInventory) -> Table {
    let mut table = Table::new(&["  ID", "MODEL", "CORES", "THREADS"]);
    for one in &hardware.processors {
        table.row([id(&one.id), or_dash(one.model.as_ref()), or_dash(one.cores), or_dash(one.threads)]);
    }
    table
}

fn memory(hardware: &HardwareInventory) -> Table {
    let mut table = Table::new(&["  ID", "MIB", "PART"]);
    for one in &hardware.memory {
        table.row([id(&one.id), or_dash(one.mebibytes), or_dash(one.part_number.as_ref())]);
    }
    table
}

fn drives(hardware: &HardwareInventory) -> Table {
    let mut table = Table::new(&["  ID", "MODEL", "SERIAL", "SIZE", "KIND"]);
    for one in &hardware.drives {
        let kind = [one.media.as_deref(), one.protocol.as_deref()];
        let kind: Vec<&str> = kind.into_iter().flatten().collect();
        let (model, serial) = (or_dash(one.model.as_ref()), or_dash(one.serial.as_ref()));
        table.row([id(&one.id), model, serial, size(one.bytes), kind.join(" ")]);
    }
    table
}

fn volumes(hardware: &HardwareInventory) -> Table {
    let mut table = Table::new(&["  ID", "NAME", "RAID", "SIZE"]);
    for one in &hardware.volumes {
        table.row([id(&one.id), or_dash(one.name.as_ref()), or_dash(one.raid.as_ref()), size(one.bytes)]);
    }
    table
}

fn ports(hardware: &HardwareInventory) -> Table {
    let mut table = Table::new(&["  ID", "MAC", "LINK"]);
    for one in &hardware.ports {
        let link = one.link_up.map(|up| if up { "up" } else { "down" });
        table.row([id(&one.id), or_dash(one.mac.as_ref()), or_dash(link)]);
    }
    table
}

fn id(id: &str) -> String {
    format!("  {id}")
}

/// A size as drives are sold: powers of ten.
pub(super) fn size(bytes: Option<u64>) -> String {
    match bytes {
        None => "-".to_owned(),
        Some(bytes) if bytes >= 1_000_000_000_000 => {
            format!("{}.{} TB", bytes / 1_000_000_000_000, bytes / 100_000_000_000 % 10)
        }
        Some(bytes) => format!("{} GB", bytes / 1_000_000_000),
    }
}
