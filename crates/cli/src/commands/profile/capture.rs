//! `profile capture`.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use rackhand_bmc::{Bmc, PendingSettings};
use rackhand_profiles::{Captured, HostIdentity, Seen};

use super::{access, diff};
use crate::{Exit, World, args::CaptureArgs, options::Common};

pub(super) async fn run(args: &CaptureArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let bmc = access::connect(&args.bmc, &args.access, common, world).await?;
    let captured = captured(&bmc, args, world).await;
    access::close(&bmc, world).await?;
    let captured = captured?;
    let yaml = captured.profile.to_yaml().context("writing YAML")?;
    world.stdout.text(&yaml)?;
    tell(&captured, world)?;
    Ok(Exit::Done)
}

async fn captured(bmc: &Bmc, args: &CaptureArgs, world: &World) -> anyhow::Result<Captured> {
    let host = HostIdentity::from(&bmc.identity);
    let bios = bmc.bios()?;
    let state = bios.state().await?;
    let registry = bios.registry().await?;
    if args.changed {
        let entries = registry.iter().flat_map(|registry| registry.attributes.values());
        if !entries.clone().any(|entry| entry.default.is_some()) {
            bail!(
                "BMC {}: its registry tells no factory values, so nobody can say what was changed; capture without --changed",
                bmc.address
            );
        }
    }
    if let PendingSettings::Values(values) = &state.pending {
        let names: Vec<&str> = values.keys().map(String::as_str).collect();
        world.stderr.line(format_args!(
            "warning: these wait for a reset and are captured as they are now: {}",
            names.join(", ")
        ))?;
    }
    let storage = diff::storage(bmc).await?;
    if let Some(why) = storage.as_ref().and_then(|view| view.partial.as_ref()) {
        world.stderr.line(format_args!("warning: there may be more volumes than are captured: {why}"))?;
    }
    let seen = Seen {
        host: &host,
        attributes: &state.current,
        registry: registry.as_ref(),
        boot_mode: diff::boot_mode(bmc).await?,
        storage: storage.as_ref(),
    };
    Ok(seen.capture(&args.name, args.changed))
}

/// What is in it, and what is not, each reason once.
fn tell(captured: &Captured, world: &World) -> anyhow::Result<()> {
    let spec = &captured.profile.spec;
    world.stderr.line(format_args!(
        "captured: {} attributes, {} volumes; left out:",
        spec.bios.attributes.len(),
        spec.storage.volumes.len()
    ))?;
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in &captured.left_out {
        by_reason.entry(one.why).or_default().push(&one.what);
    }
    for (why, what) in by_reason {
        world.stderr.line(format_args!("  {why}: {}", what.join(", ")))?;
    }
    Ok(())
}
