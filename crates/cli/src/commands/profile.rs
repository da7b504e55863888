//! `profile list`: the profiles there are.

use anyhow::Context as _;
use rackhand_profiles::{Profile, Profiles};
use serde::Serialize;

use crate::{
    Exit, World,
    args::{ProfileArgs, ProfileCommand},
    options::Common,
    render::{Table, output},
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    name: &'a str,
    vendor: &'a str,
    models: Vec<String>,
    bios: Option<String>,
    attributes: usize,
    source: &'a str,
    description: Option<&'a str>,
}

pub(crate) fn run(args: &ProfileArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let ProfileCommand::List { profiles, output } = &args.command;
    let builtin = Profiles::builtin().context("the built-in profiles")?;
    let all = match profiles {
        Some(path) => Profiles::load(path).context("--profiles")?.over(builtin),
        None => builtin,
    };
    let rows: Vec<Row<'_>> = all.iter().map(row).collect();
    output::rows(world, *output, common.style, &rows, |_| table(&rows), |row| row.name)?;
    Ok(Exit::Done)
}

fn row(profile: &Profile) -> Row<'_> {
    let matches = &profile.spec.matches;
    Row {
        name: &profile.name,
        vendor: &matches.vendor,
        models: matches.models.iter().map(ToString::to_string).collect(),
        bios: matches.bios.as_ref().map(ToString::to_string),
        attributes: profile.spec.bios.attributes.len(),
        source: &profile.source,
        description: profile.description.as_deref(),
    }
}

fn table(rows: &[Row<'_>]) -> Table {
    let mut table = Table::new(&["NAME", "VENDOR", "MODELS", "BIOS", "ATTRIBUTES", "AT"]);
    for row in rows {
        table.row([
            row.name.to_owned(),
            row.vendor.to_owned(),
            if row.models.is_empty() { "any".to_owned() } else { row.models.join(", ") },
            row.bios.clone().unwrap_or_else(|| "any".to_owned()),
            row.attributes.to_string(),
            row.source.to_owned(),
        ]);
    }
    table
}
