//! `profile verify`.

use std::path::Path;

use anyhow::Context as _;
use rackhand_bmc::{BiosProblem, Bmc};
use rackhand_profiles::{HostIdentity, Profile};
use rackhand_redfish::{Document, standard::bios::Registry};
use serde::Serialize;

use super::{NotNamed, access, named};
use crate::{
    Exit, World,
    args::{Format, VerifyArgs},
    options::Common,
    render::{Paint, Table, output},
};

/// What profiles are held against.
enum Against {
    /// Nothing: their form alone.
    Form,
    /// A registry, and whose it says that it is.
    Registry(Box<Registry>, Option<HostIdentity>),
    /// A machine.
    Machine(Box<Bmc>),
}

/// What became of one profile.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    at: String,
    attributes: usize,
    verdict: Verdict,
    /// Why it was left out, or how many boots it takes on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Complaint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Verdict {
    Sound,
    Wrong,
    LeftOut,
}

#[derive(Debug, Serialize)]
struct Complaint {
    at: String,
    attribute: String,
    problem: String,
}

pub(super) async fn run(args: &VerifyArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let (mut profiles, mut errors) = (Vec::new(), 0);
    for name in &args.profiles {
        match named(name) {
            Ok(found) => profiles.extend(found.iter().cloned()),
            Err(NotNamed::Wrong(error)) => {
                for problem in &error.problems {
                    let at = problem.at.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
                    world.stderr.line(format_args!(
                        "{}{at}: error: {}",
                        problem.file.display(),
                        problem.message
                    ))?;
                }
                errors += error.problems.len();
            }
            Err(NotNamed::Unknown(error)) => return Err(error),
        }
    }
    let against = match (&args.registry, &args.bmc) {
        (Some(file), _) => registry(file)?,
        (None, Some(address)) => {
            Against::Machine(Box::new(access::connect(address, &args.access, common, world).await?))
        }
        (None, None) => Against::Form,
    };
    let rows = rows(&profiles, &against).await;
    if let Against::Machine(bmc) = &against {
        access::close(bmc, world).await?;
    }
    let rows = rows?;
    for complaint in rows.iter().flat_map(|row| &row.problems) {
        errors += 1;
        world
            .stderr
            .line(format_args!("{}: error: {}: {}", complaint.at, complaint.attribute, complaint.problem))?;
    }
    let format = Format::from(args.output);
    match format {
        Format::Json | Format::Yaml => output::data(world, format, &rows)?,
        _ if rows.is_empty() => {}
        _ => world.stdout.text(&table(&rows).render(common.style))?,
    }
    summary(&rows, errors, &against, world)
}

fn summary(rows: &[Row], errors: usize, against: &Against, world: &World) -> anyhow::Result<Exit> {
    let count = |verdict: Verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let left_out = count(Verdict::LeftOut);
    let how = match against {
        Against::Form => "; of the form alone: give --registry or --bmc to check attributes",
        _ => "",
    };
    if let Against::Registry(registry, _) = against
        && errors > 0
        && is_mostly_locked(registry)
    {
        world.stderr.line(
            "most attributes of this registry are read-only: it was read from a machine whose settings were locked (Dell's system lockdown)",
        )?;
    }
    world.stderr.line(format_args!(
        "{} profiles: {} sound, {} wrong, {left_out} left out; {errors} errors{how}",
        rows.len(),
        count(Verdict::Sound),
        count(Verdict::Wrong),
    ))?;
    if errors == 0 && left_out == rows.len() {
        anyhow::bail!("no profile was checked: none of them is for the machine that the registry is of");
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Failed })
}

/// Whether a registry tells more of the moment that it was read at than of the firmware.
fn is_mostly_locked(registry: &Registry) -> bool {
    let attributes = registry.catalogue.attributes.values();
    let locked = attributes.clone().filter(|attribute| attribute.read_only).count();
    locked * 3 > attributes.count() * 2
}

/// Reads a registry file. Whose it is decides which of several profiles it is for.
fn registry(file: &Path) -> anyhow::Result<Against> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the registry {} cannot be read", file.display()))?;
    let value =
        serde_json::from_str(&text).with_context(|| format!("the registry {} is no JSON", file.display()))?;
    let document = Document::new(file.display().to_string(), None, value);
    let registry = Registry::parse(&document);
    anyhow::ensure!(
        !registry.catalogue.attributes.is_empty(),
        "{} is no attribute registry: it has no RegistryEntries/Attributes",
        file.display()
    );
    let system = document.view().list("SupportedSystems").into_iter().next();
    let of_system = |name: &str| system.and_then(|system| system.str(name)).map(str::to_owned);
    let host = document.str("OwningEntity").map(|vendor| HostIdentity {
        vendor: vendor.to_owned(),
        model: of_system("ProductName"),
        bios_version: of_system("FirmwareVersion"),
    });
    Ok(Against::Registry(Box::new(registry), host))
}

async fn rows(profiles: &[Profile], against: &Against) -> anyhow::Result<Vec<Row>> {
    let host = match against {
        Against::Form => None,
        Against::Registry(_, host) => host.clone(),
        Against::Machine(bmc) => Some(HostIdentity::from(&bmc.identity)),
    };
    // A single one is meant, wherever it says that it belongs.
    let host = host.filter(|_| profiles.len() > 1);
    let mut rows = Vec::new();
    for profile in profiles {
        let unfit = host.as_ref().and_then(|host| profile.unfit_for(host));
        rows.push(match unfit {
            Some(why) => row(profile, Verdict::LeftOut, Some(why), Vec::new()),
            None => judged(profile, against).await?,
        });
    }
    Ok(rows)
}

async fn judged(profile: &Profile, against: &Against) -> anyhow::Result<Row> {
    let wanted = &profile.spec.bios.attributes;
    let (problems, detail) = match against {
        Against::Form => (Vec::new(), None),
        Against::Registry(registry, _) => (registry.check(wanted), None),
        Against::Machine(bmc) => {
            let plan = bmc.bios()?.plan(wanted).await?;
            let boots = match plan.stages.len() {
                0 => "as it is already".to_owned(),
                1 => "takes 1 boot".to_owned(),
                boots => format!("takes {boots} boots"),
            };
            let detail = plan.problems.is_empty().then_some(boots);
            (plan.problems, detail)
        }
    };
    let verdict = if problems.is_empty() { Verdict::Sound } else { Verdict::Wrong };
    Ok(row(profile, verdict, detail, problems))
}

fn row(profile: &Profile, verdict: Verdict, detail: Option<String>, mut problems: Vec<BiosProblem>) -> Row {
    problems.sort_by_key(|problem| profile.position_of(&problem.attribute));
    let complaint = |problem: BiosProblem| Complaint {
        at: profile.place_of(&problem.attribute),
        attribute: problem.attribute,
        problem: problem.problem,
    };
    Row {
        name: profile.name.clone(),
        at: profile.source.clone(),
        attributes: profile.spec.bios.attributes.len(),
        verdict,
        detail,
        problems: problems.into_iter().map(complaint).collect(),
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["NAME", "AT", "ATTRIBUTES", "VERDICT", "DETAIL"]);
    for row in rows {
        let (verdict, paint) = match row.verdict {
            Verdict::Sound => ("sound".to_owned(), Paint::Good),
            Verdict::Wrong => (format!("{} wrong", row.problems.len()), Paint::Bad),
            Verdict::LeftOut => ("left out".to_owned(), Paint::Dim),
        };
        table.painted([
            (row.name.clone(), Paint::None),
            (row.at.clone(), Paint::None),
            (row.attributes.to_string(), Paint::None),
            (verdict, paint),
            (row.detail.clone().unwrap_or_default(), Paint::None),
        ]);
    }
    table
}
