//! `bmc … bios`.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};
use rackhand_bmc::{
    AttributeKind, AttributeValue, Attributes, BiosPlan, Operation, Outcome, PendingSettings,
    RegistryAttribute,
};
use rackhand_spec::nearest;
use serde::Serialize;

use super::Here;
use crate::{args::BiosCommand, render::Table};

pub(super) async fn run(here: &Here<'_>, command: Option<BiosCommand>) -> anyhow::Result<()> {
    match command.unwrap_or(BiosCommand::Get { names: Vec::new() }) {
        BiosCommand::Get { names } => get(here, &names).await,
        BiosCommand::Pending => pending(here).await,
        BiosCommand::Plan { settings } => {
            let (plan, current) = planned(here, settings).await?;
            refuse_problems(here, &plan)?;
            show(here, &plan, &current)
        }
        BiosCommand::Set { settings } => set(here, settings).await,
        BiosCommand::Discard => discard(here).await,
        BiosCommand::Reset { yes_reset } => reset(here, yes_reset.as_deref()).await,
        BiosCommand::Registry { name } => registry(here, &name).await,
    }
}

async fn get(here: &Here<'_>, names: &[String]) -> anyhow::Result<()> {
    let current = here.bmc.bios()?.state().await?.current;
    if let Some(unknown) = names.iter().find(|name| !current.contains_key(*name)) {
        let near = nearest(unknown, current.keys().map(String::as_str));
        bail!(
            "BMC {} has no BIOS attribute {unknown}{}",
            here.bmc.address,
            near.map(|near| format!("; did you mean {near}?")).unwrap_or_default()
        );
    }
    let shown: Attributes =
        current.into_iter().filter(|(name, _)| names.is_empty() || names.contains(name)).collect();
    here.print(&shown, || attributes(&shown))
}

async fn pending(here: &Here<'_>) -> anyhow::Result<()> {
    let pending = here.bmc.bios()?.state().await?.pending;
    match &pending {
        PendingSettings::None => here.world.stderr.line("nothing waits for a reset")?,
        PendingSettings::NotVisible => {
            here.world.stderr.line("this BMC does not show what waits for a reset")?
        }
        PendingSettings::Values(values) => return here.print(values, || attributes(values)),
    }
    Ok(())
}

fn attributes(attributes: &Attributes) -> Table {
    let mut table = Table::new(&["ATTRIBUTE", "VALUE"]);
    attributes.iter().for_each(|(name, value)| table.row([name.clone(), value.to_string()]));
    table
}

async fn planned(
    here: &Here<'_>,
    settings: Vec<(String, AttributeValue)>,
) -> anyhow::Result<(BiosPlan, Attributes)> {
    let mut wanted = Attributes::new();
    for (name, value) in settings {
        if wanted.insert(name.clone(), value).is_some() {
            bail!("{name} is given twice");
        }
    }
    let bios = here.bmc.bios()?;
    let plan = bios.plan(&wanted).await?;
    Ok((plan, bios.state().await?.current))
}

#[derive(Debug, Serialize)]
struct Change {
    boot: usize,
    attribute: String,
    from: Option<AttributeValue>,
    to: AttributeValue,
}

fn show(here: &Here<'_>, plan: &BiosPlan, current: &Attributes) -> anyhow::Result<()> {
    let mut changes = Vec::new();
    for (number, stage) in plan.stages.iter().enumerate() {
        changes.extend(stage.attributes.iter().map(|(name, value)| Change {
            boot: number + 1,
            attribute: name.clone(),
            from: current.get(name).cloned(),
            to: value.clone(),
        }));
    }
    if !plan.satisfied.is_empty() {
        here.world.stderr.line(format_args!("as wanted already: {}", plan.satisfied.join(", ")))?;
    }
    here.print(&changes, || {
        let mut table = Table::new(&["BOOT", "ATTRIBUTE", "FROM", "TO"]);
        for change in &changes {
            let from = super::or_dash(change.from.as_ref());
            table.row([change.boot.to_string(), change.attribute.clone(), from, change.to.to_string()]);
        }
        table
    })
}

fn refuse_problems(here: &Here<'_>, plan: &BiosPlan) -> anyhow::Result<()> {
    if plan.problems.is_empty() {
        return Ok(());
    }
    let problems: Vec<String> = plan
        .problems
        .iter()
        .map(|problem| format!("\n  {}: {}", problem.attribute, problem.problem))
        .collect();
    bail!("BMC {}: it cannot be set so:{}", here.bmc.address, problems.concat())
}

async fn set(here: &Here<'_>, settings: Vec<(String, AttributeValue)>) -> anyhow::Result<()> {
    here.may(Operation::BiosStage).await?;
    let (plan, current) = planned(here, settings).await?;
    refuse_problems(here, &plan)?;
    show(here, &plan, &current)?;
    let Some(stage) = plan.stages.first() else {
        return Ok(here.world.stderr.line("every attribute is as wanted already; nothing was sent")?);
    };
    let bios = here.bmc.bios()?;
    let outcome = bios.stage(stage).await?;
    let proof = match bios.state().await?.pending {
        PendingSettings::Values(values) => {
            let missing = stage
                .attributes
                .iter()
                .find(|(name, value)| !values.get(*name).is_some_and(|seen| seen.same_as(value)));
            match missing {
                Some((name, _)) => bail!(
                    "BMC {}: the settings were sent, and {name} is not among those that wait",
                    here.bmc.address
                ),
                None => "and the BMC shows them as waiting for the next reset",
            }
        }
        PendingSettings::NotVisible => {
            "and this BMC does not show what waits; look again after the next boot"
        }
        PendingSettings::None if matches!(outcome, Outcome::Done | Outcome::Unchanged) => {
            "and nothing waits for a reset"
        }
        PendingSettings::None => {
            bail!("BMC {}: the settings were sent, and the BMC shows nothing as waiting", here.bmc.address)
        }
    };
    here.said("set BIOS attributes", &outcome)?;
    let names: Vec<&str> = stage.attributes.keys().map(String::as_str).collect();
    here.world.stderr.line(format_args!("staged: {}, {proof}; the host was not reset", names.join(", ")))?;
    if plan.stages.len() > 1 {
        let later = plan.stages.len() - 1;
        here.world.stderr.line(format_args!(
            "{later} further stage(s) can be staged only after that boot ({}); give the same command again then",
            stage.reason
        ))?;
    }
    Ok(())
}

async fn discard(here: &Here<'_>) -> anyhow::Result<()> {
    here.may(Operation::BiosDiscard).await?;
    let bios = here.bmc.bios()?;
    match bios.state().await?.pending {
        PendingSettings::Values(values) => {
            for (name, value) in &values {
                here.tell(format_args!("before: {name}={value} waits for a reset"))?;
            }
        }
        PendingSettings::None => return here.tell("nothing waits for a reset; nothing was sent"),
        PendingSettings::NotVisible => {}
    }
    let outcome = bios.discard().await?;
    let look = async || {
        Ok(match bios.state().await?.pending {
            PendingSettings::None => Some(true),
            PendingSettings::Values(_) => Some(false),
            PendingSettings::NotVisible => None,
        })
    };
    here.prove("drop pending BIOS attributes", outcome, look).await
}

async fn reset(here: &Here<'_>, given: Option<&str>) -> anyhow::Result<()> {
    here.may(Operation::BiosReset).await?;
    let machine = here.machine();
    let what = format!(
        "every BIOS attribute of the machine {machine} to its factory value, which can switch off what it boots from"
    );
    here.meant(&what, machine, "--yes-reset", given)?;
    let outcome = here.bmc.bios()?.reset_defaults().await?;
    // Before a reset there is nothing to see.
    here.prove("BIOS attributes to their factory values", outcome, async || Ok(None)).await
}

async fn registry(here: &Here<'_>, name: &str) -> anyhow::Result<()> {
    let registry = here.bmc.bios()?.registry().await?;
    let registry =
        registry.ok_or_else(|| anyhow!("BMC {} serves no attribute registry", here.bmc.address))?;
    let part = name.to_ascii_lowercase();
    let exact = registry.attributes.contains_key(name);
    let fits = |known: &str| if exact { known == name } else { known.to_ascii_lowercase().contains(&part) };
    let found: BTreeMap<String, RegistryAttribute> =
        registry.attributes.into_iter().filter(|(known, _)| fits(known)).collect();
    if found.is_empty() {
        bail!("BMC {}: no BIOS attribute's name holds {name}", here.bmc.address);
    }
    here.print(&found, || {
        let mut table = Table::new(&["ATTRIBUTE", "TYPE", "WRITABLE", "NAME"]);
        for (name, attribute) in &found {
            table.row([
                name.clone(),
                kind(&attribute.kind),
                if attribute.read_only { "no".to_owned() } else { "yes".to_owned() },
                attribute.display_name.clone().unwrap_or_default(),
            ]);
        }
        table
    })
}

fn kind(kind: &AttributeKind) -> String {
    let bound = |bound: &Option<i64>| super::or_dash(bound.as_ref());
    match kind {
        AttributeKind::Enumeration(values) => values.join(" | "),
        AttributeKind::Integer { lower, upper } => format!("integer {} to {}", bound(lower), bound(upper)),
        AttributeKind::String { .. } => "text".to_owned(),
        AttributeKind::Boolean => "true | false".to_owned(),
        AttributeKind::Password => "password".to_owned(),
        AttributeKind::Other(name) => name.clone(),
    }
}
