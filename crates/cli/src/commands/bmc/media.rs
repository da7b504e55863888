//! `bmc … media`.

use anyhow::bail;
use rackhand_bmc::{MediaImage, MediaSlot, Operation};

use super::{Here, or_dash};
use crate::{args::MediaCommand, render::Table};

pub(super) async fn run(here: &Here<'_>, command: Option<MediaCommand>) -> anyhow::Result<()> {
    match command.unwrap_or(MediaCommand::List) {
        MediaCommand::List => {}
        MediaCommand::Insert { url, replace } => insert(here, url, replace).await?,
        MediaCommand::Eject { slot } => eject(here, slot.as_deref()).await?,
    }
    let slots = here.bmc.media()?.slots().await?;
    here.print(&slots, || table(&slots))
}

async fn insert(here: &Here<'_>, url: String, replace: bool) -> anyhow::Result<()> {
    let bmc = here.bmc;
    here.may(operation(&url)).await?;
    let slot = bmc.choose_slot().await?;
    if !slot.is_empty() && !slot.holds(&url) {
        let image = slot.image.as_deref().unwrap_or("a medium");
        if !replace {
            bail!("BMC {}: {} holds {image}; eject it first, or give --replace", bmc.address, slot.name);
        }
        here.said(&format!("eject {image} from {}", slot.name), &bmc.clear_slot(&slot.id).await?)?;
    }
    let image = MediaImage { url, credentials: None };
    let outcome = bmc.insert_proven(&slot.id, &image).await?;
    here.said(&format!("insert {} into {}", image.url, slot.name), &outcome)
}

/// What an insert takes, by the image's scheme.
fn operation(url: &str) -> Operation {
    let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    match scheme.as_str() {
        "http" => Operation::MediaInsertHttp,
        "nfs" => Operation::MediaInsertNfs,
        "cifs" | "smb" => Operation::MediaInsertCifs,
        _ => Operation::MediaInsertHttps,
    }
}

async fn eject(here: &Here<'_>, named: Option<&str>) -> anyhow::Result<()> {
    here.may(Operation::MediaEject).await?;
    let slots = here.bmc.media()?.slots().await?;
    let is_named = |slot: &&MediaSlot| {
        named.is_none_or(|name| slot.name.eq_ignore_ascii_case(name) || slot.id.0.ends_with(name))
    };
    let chosen: Vec<&MediaSlot> = slots.iter().filter(is_named).collect();
    if let (Some(name), []) = (named, chosen.as_slice()) {
        let names: Vec<&str> = slots.iter().map(|slot| slot.name.as_str()).collect();
        return Err(here.no_such("slot", name, &names));
    }
    for slot in chosen {
        here.said(&format!("eject from {}", slot.name), &here.bmc.clear_slot(&slot.id).await?)?;
    }
    Ok(())
}

fn table(slots: &[MediaSlot]) -> Table {
    let mut table = Table::new(&["SLOT", "TAKES", "INSERTED", "CONNECTED", "BY URL", "IMAGE"]);
    for slot in slots {
        let takes: Vec<String> = slot.media_types.iter().map(|kind| format!("{kind:?}")).collect();
        let image = match (&slot.image, &slot.problem) {
            (image, Some(problem)) => format!("{} (problem: {problem})", or_dash(image.as_ref())),
            (image, None) => or_dash(image.as_ref()),
        };
        table.row([
            slot.name.clone(),
            if takes.is_empty() { "-".to_owned() } else { takes.join(", ") },
            or_dash(slot.inserted),
            or_dash(slot.connected),
            if slot.can_insert { "yes".to_owned() } else { "no".to_owned() },
            image,
        ]);
    }
    table
}
