//! `profile`: the profiles there are, whether they are sound, where a machine differs from one, one made of a machine.

mod capture;
mod diff;
mod verify;

use std::path::Path;

use anyhow::{Context as _, anyhow};
use rackhand_profiles::{LoadError, Profile, Profiles};
use rackhand_spec::nearest;
use serde::Serialize;

use super::access;
use crate::{
    Exit, World,
    args::{Format, ProfileArgs, ProfileCommand},
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

pub(crate) async fn run(args: ProfileArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    match args.command {
        ProfileCommand::List { profiles, output } => list(profiles.as_deref(), output, common, world),
        ProfileCommand::Verify(args) => verify::run(&args, common, world).await,
        ProfileCommand::Diff(args) => diff::run(&args, common, world).await,
        ProfileCommand::Capture(args) => capture::run(&args, common, world).await,
    }
}

fn list(dir: Option<&Path>, format: Format, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let builtin = Profiles::builtin().context("the built-in profiles")?;
    let all = match dir {
        Some(path) => Profiles::load(path).context("--profiles")?.over(builtin),
        None => builtin,
    };
    let rows: Vec<Row<'_>> = all.iter().map(row).collect();
    output::rows(world, format, common.style, &rows, |_| table(&rows), |row| row.name)?;
    Ok(Exit::Done)
}

/// Why a name leads to no profiles.
enum NotNamed {
    /// Its files are wrong.
    Wrong(LoadError),
    /// There is nothing of that name.
    Unknown(anyhow::Error),
}

impl From<NotNamed> for anyhow::Error {
    fn from(why: NotNamed) -> Self {
        match why {
            NotNamed::Wrong(error) => error.into(),
            NotNamed::Unknown(error) => error,
        }
    }
}

/// The profiles that an argument means: those of a file or directory, else those that ship with rackhand and have that
/// name, `ran-low-latency` or `dell/ran-low-latency`.
fn named(name: &str) -> Result<Profiles, NotNamed> {
    let path = Path::new(name);
    if path.exists() {
        return Profiles::load(path).map_err(NotNamed::Wrong);
    }
    let builtin = Profiles::builtin().map_err(NotNamed::Wrong)?;
    let of_vendor = |profile: &Profile| profile.source.contains(&format!("/{name}.yaml:"));
    let found =
        builtin.clone().only(|profile| profile.name == name || (name.contains('/') && of_vendor(profile)));
    if found.iter().next().is_some() {
        return Ok(found);
    }
    let mut there = builtin.names();
    let files = builtin.iter().filter_map(|profile| {
        let file = profile.source.split(':').next()?;
        Some(file.strip_prefix("firmware-profiles/")?.strip_suffix(".yaml")?.to_owned())
    });
    there.extend(files);
    let near = nearest(name, there.iter().map(String::as_str));
    let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Err(NotNamed::Unknown(anyhow!(
        "{name} is no file, no directory, and no profile that ships with rackhand{hint}; see: rackhand profile list"
    )))
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
