//! `bmc … firmware`.

use std::path::Path;

use anyhow::{Context as _, bail};
use rackhand_bmc::{
    ApplyTime, ComponentId, FirmwareComponent, FirmwareFile, FirmwareImage, FirmwareInventory, Operation,
    Outcome, Readiness,
};
use rackhand_media::Sha256Digest;

use super::{Here, or_dash};
use crate::{adapters::images::fetched_once, args::FirmwareCommand, exit::usage, render::Table};

pub(super) async fn run(here: &Here<'_>, command: Option<FirmwareCommand>) -> anyhow::Result<()> {
    match command.unwrap_or(FirmwareCommand::List) {
        FirmwareCommand::List => {}
        FirmwareCommand::Update { url, component, on_reset, sha256 } => {
            here.may(Operation::FirmwareUpdate).await?;
            let before = inventory(here).await?;
            let target = component.map(|name| named(here, &before, &name)).transpose()?;
            if let Some(digest) = sha256 {
                fetched_once(&url, digest)
                    .await
                    .context("the image is fetched here first, for its digest; nothing was sent")?;
                here.tell(format_args!(
                    "{url} has the digest {digest}, as fetched from here; the BMC fetches it itself"
                ))?;
            }
            let image = FirmwareImage { url, targets: ids(target), when: when(on_reset), credentials: None };
            say_before(here, target)?;
            let outcome = here.bmc.firmware()?.update(&image).await?;
            installed(here, &image.url, outcome, &before, target).await?;
        }
        FirmwareCommand::Push { file, component, on_reset, sha256 } => {
            here.may(Operation::FirmwarePush).await?;
            let content = read(&file, sha256)?;
            let before = inventory(here).await?;
            let target = component.map(|name| named(here, &before, &name)).transpose()?;
            let name = file
                .file_name()
                .and_then(|name| name.to_str())
                .ok_or_else(|| usage(format!("{} has no name that is a text", file.display())))?;
            let image = FirmwareFile {
                name: name.to_owned(),
                content: content.into(),
                targets: ids(target),
                when: when(on_reset),
            };
            say_before(here, target)?;
            let outcome = here.bmc.firmware()?.push(&image).await?;
            installed(here, name, outcome, &before, target).await?;
        }
    }
    let now = inventory(here).await?;
    here.print(&now.components, || table(&now))?;
    here.tell_skipped(&now.skipped)
}

async fn inventory(here: &Here<'_>) -> anyhow::Result<FirmwareInventory> {
    here.bmc.require(Operation::FirmwareRead)?;
    Ok(here.bmc.firmware()?.inventory().await?)
}

fn ids(target: Option<&FirmwareComponent>) -> Vec<ComponentId> {
    target.map(|component| component.id.clone()).into_iter().collect()
}

fn when(on_reset: bool) -> ApplyTime {
    if on_reset { ApplyTime::OnReset } else { ApplyTime::Immediate }
}

fn read(file: &Path, expected: Option<Sha256Digest>) -> anyhow::Result<Vec<u8>> {
    let content =
        std::fs::read(file).with_context(|| format!("the image {} cannot be read", file.display()))?;
    let found = Sha256Digest::of(&content);
    match expected {
        Some(expected) if expected != found => {
            bail!("{} has the digest {found}, not {expected}; nothing was sent", file.display())
        }
        _ => Ok(content),
    }
}

fn named<'a>(
    here: &Here<'_>,
    there: &'a FirmwareInventory,
    name: &str,
) -> anyhow::Result<&'a FirmwareComponent> {
    let found = there.find(name).ok_or_else(|| {
        let names: Vec<&str> = there.components.iter().map(|component| component.name.as_str()).collect();
        here.no_such("single firmware component", name, &names)
    })?;
    if found.updateable == Some(false) {
        bail!("BMC {}: it says that {} cannot be updated; nothing was sent", here.bmc.address, found.name);
    }
    Ok(found)
}

fn say_before(here: &Here<'_>, target: Option<&FirmwareComponent>) -> anyhow::Result<()> {
    match target {
        Some(component) => {
            here.tell(format_args!("before: {} {}", component.name, or_dash(component.version.as_ref())))
        }
        None => Ok(()),
    }
}

/// Follows the update, waits for a BMC that restarts itself for it, and says which versions are others than before.
async fn installed(
    here: &Here<'_>,
    image: &str,
    outcome: Outcome,
    before: &FirmwareInventory,
    target: Option<&FirmwareComponent>,
) -> anyhow::Result<()> {
    // Without another version nothing is proven, nor the opposite: an image can be of the version that is there.
    let look = async || {
        here.bmc.wait_ready(Readiness::Bmc, here.bmc.pacing.bmc_reset).await?;
        let now = here.bmc.firmware()?.inventory().await?;
        let changed = changes(before, &now);
        let of_target = |(id, _): &(ComponentId, String)| target.is_none_or(|target| target.id == *id);
        Ok(changed.iter().any(of_target).then_some(true))
    };
    here.prove(&format!("install {image}"), outcome, look).await?;
    let now = inventory(here).await?;
    for (_, change) in changes(before, &now) {
        here.tell(format_args!("after: {change}"))?;
    }
    Ok(())
}

fn changes(before: &FirmwareInventory, now: &FirmwareInventory) -> Vec<(ComponentId, String)> {
    let was = |component: &FirmwareComponent| {
        before.components.iter().find(|one| one.id == component.id || one.name == component.name)
    };
    let other = |component: &FirmwareComponent| {
        let version = was(component).and_then(|one| one.version.clone());
        let changed = version != component.version;
        changed.then(|| {
            (
                component.id.clone(),
                format!(
                    "{} {}, was {}",
                    component.name,
                    or_dash(component.version.as_ref()),
                    or_dash(version)
                ),
            )
        })
    };
    now.components.iter().filter_map(other).collect()
}

fn table(inventory: &FirmwareInventory) -> Table {
    let mut table = Table::new(&["COMPONENT", "VERSION", "UPDATEABLE", "ID"]);
    for component in &inventory.components {
        let updateable = component.updateable.map(|can| if can { "yes" } else { "no" });
        table.row([
            component.name.clone(),
            or_dash(component.version.as_ref()),
            or_dash(updateable),
            component.id.0.rsplit('/').next().unwrap_or_default().to_owned(),
        ]);
    }
    table
}
