//! `profile diff`.

use rackhand_bmc::{Bmc, Operation, StorageView};
use rackhand_profiles::{HostIdentity, Profile, Profiles, Verdict};
use rackhand_spec::BootMode;
use serde::Serialize;

use super::{access, named};
use crate::{
    Exit, World,
    args::{DiffArgs, Format},
    exit::usage,
    options::Common,
    render::{Paint, Table, output},
};

/// One thing that differs.
#[derive(Debug, Serialize)]
struct Difference {
    /// A BIOS attribute, or a field of the profile.
    what: String,
    /// The value that the machine has, or the other profile.
    current: Option<String>,
    /// The value that the profile wants.
    wanted: Option<String>,
    /// Where the profile says so.
    at: String,
}

pub(super) async fn run(args: &DiffArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let profiles = named(&args.profile)?;
    let (differences, of) = match (&args.bmc, &args.other) {
        (Some(address), _) => {
            let bmc = access::connect(address, &args.access, common, world).await?;
            let found = with_machine(&args.profile, &profiles, &bmc, world).await;
            access::close(&bmc, world).await?;
            found?
        }
        (None, Some(other)) => {
            let others = named(other)?;
            let (profile, other) = (only(&args.profile, &profiles)?, only(other, &others)?);
            (between(profile, other), format!("{} and {}", profile.source, other.source))
        }
        (None, None) => return Err(usage("give --bmc or another profile to compare with")),
    };
    match Format::from(args.output) {
        format @ (Format::Json | Format::Yaml) => output::data(world, format, &differences)?,
        _ if differences.is_empty() => {}
        _ => world.stdout.text(&table(&differences, args.bmc.is_some()).render(common.style))?,
    }
    world.stderr.line(format_args!("{} differences between {of}", differences.len()))?;
    Ok(if args.detailed_exitcode && !differences.is_empty() { Exit::Changes } else { Exit::Done })
}

/// The only profile that a name means.
fn only<'a>(name: &str, profiles: &'a Profiles) -> anyhow::Result<&'a Profile> {
    let mut all = profiles.iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(only),
        _ => {
            let sources: Vec<String> = profiles.iter().map(|one| format!("\n  {}", one.source)).collect();
            Err(usage(format!("{name} means several profiles; name a file with one:{}", sources.concat())))
        }
    }
}

/// The one of the profiles that is for this machine. Never a guess.
fn fitting<'a>(name: &str, profiles: &'a Profiles, host: &HostIdentity) -> anyhow::Result<&'a Profile> {
    let fitting: Vec<&Profile> = profiles.iter().filter(|one| one.unfit_for(host).is_none()).collect();
    match fitting.as_slice() {
        [only] => Ok(only),
        [] => {
            let near = profiles.iter().map(|one| {
                let why = one.unfit_for(host).unwrap_or_default();
                format!("\n  {}: {why}", one.source)
            });
            anyhow::bail!("no profile of {name} is for this machine ({host}):{}", near.collect::<String>())
        }
        several => {
            let sources: Vec<String> =
                several.iter().map(|one| format!("\n  {} ({})", one.source, one.name)).collect();
            anyhow::bail!(
                "several profiles of {name} are for this machine ({host}); name one:{}",
                sources.concat()
            )
        }
    }
}

async fn with_machine(
    name: &str,
    profiles: &Profiles,
    bmc: &Bmc,
    world: &World,
) -> anyhow::Result<(Vec<Difference>, String)> {
    let host = HostIdentity::from(&bmc.identity);
    let profile = fitting(name, profiles, &host)?;
    let spec = &profile.spec;
    let mut found = Vec::new();
    if !spec.bios.attributes.is_empty() {
        let current = bmc.bios()?.state().await?.current;
        for row in rackhand_profiles::diff(&current, &spec.bios.attributes) {
            if row.verdict != Verdict::Same {
                found.push(Difference {
                    at: profile.place_of(&row.name),
                    what: row.name,
                    current: row.current.map(|value| value.to_string()),
                    wanted: Some(row.desired.to_string()),
                });
            }
        }
    }
    let field = |what: &str, current: Option<String>, wanted: String| Difference {
        what: what.to_owned(),
        current,
        wanted: Some(wanted),
        at: profile.source.clone(),
    };
    if let Some(wanted) = spec.boot_mode() {
        match boot_mode(bmc).await? {
            Some(current) if current == wanted => {}
            Some(current) => found.push(field("bootMode", Some(word(current)), word(wanted))),
            None => {
                world.stderr.line("this BMC does not show how the machine boots; bootMode is not compared")?
            }
        }
    }
    if !spec.storage.volumes.is_empty() {
        let view = storage(bmc).await?.unwrap_or_default();
        found.extend(
            spec.storage
                .volumes
                .iter()
                .filter_map(|wanted| volume(wanted, &view))
                .map(|(what, current, wanted)| field(&what, current, wanted)),
        );
    }
    if !spec.firmware.is_empty() {
        let there = bmc.firmware()?.inventory().await?;
        for update in &spec.firmware {
            let current = there.find(&update.component).and_then(|component| component.version.clone());
            if current.as_deref() != Some(update.version.as_str()) {
                found.push(field(&format!("firmware {}", update.component), current, update.version.clone()));
            }
        }
    }
    Ok((found, format!("{host} and {}", profile.source)))
}

/// How a machine boots, where its BMC shows it. Secure boot that it does not show counts as off.
pub(super) async fn boot_mode(bmc: &Bmc) -> anyhow::Result<Option<BootMode>> {
    let Some(boot) = &bmc.boot else { return Ok(None) };
    let mode = boot.settings().await?.mode;
    let secure = match bmc.require(Operation::SecureBootRead) {
        Ok(()) => boot.secure_boot().await.ok().and_then(|seen| seen.enabled),
        Err(_) => None,
    };
    Ok(match (mode, secure) {
        (Some(rackhand_bmc::BootMode::Legacy), _) => Some(BootMode::Legacy),
        (Some(rackhand_bmc::BootMode::Uefi) | None, Some(true)) => Some(BootMode::UefiSecureBoot),
        (Some(rackhand_bmc::BootMode::Uefi), _) => Some(BootMode::Uefi),
        (None, _) => None,
    })
}

/// The machine's storage, where its BMC shows any.
pub(super) async fn storage(bmc: &Bmc) -> anyhow::Result<Option<StorageView>> {
    if bmc.require(Operation::StorageRead).is_err() {
        return Ok(None);
    }
    match &bmc.storage {
        Some(storage) => Ok(Some(storage.view().await?)),
        None => Ok(None),
    }
}

fn word(mode: BootMode) -> String {
    match mode {
        BootMode::Uefi => "UEFI",
        BootMode::UefiSecureBoot => "UEFISecureBoot",
        BootMode::Legacy => "legacy",
    }
    .to_owned()
}

/// How a wanted volume is not there.
fn volume(
    wanted: &rackhand_profiles::Volume,
    view: &StorageView,
) -> Option<(String, Option<String>, String)> {
    let drives = wanted.drives.count.unwrap_or(wanted.drives.ids.len());
    let in_words = |raid: &str, drives: usize| format!("{raid} of {drives} drives");
    let asked = in_words(wanted.raid.as_str(), drives);
    let current = view.volume_named(&wanted.name).map(|(_, volume)| {
        in_words(volume.raid.as_ref().map_or("unknown level", |raid| raid.as_str()), volume.drives.len())
    });
    (current.as_deref() != Some(asked.as_str())).then(|| (format!("volume {}", wanted.name), current, asked))
}

/// Where two profiles differ: what either of them says and the other does not, or otherwise.
fn between(profile: &Profile, other: &Profile) -> Vec<Difference> {
    let (wanted, current) = (&profile.spec, &other.spec);
    let names: std::collections::BTreeSet<&String> =
        wanted.bios.attributes.keys().chain(current.bios.attributes.keys()).collect();
    let mut found: Vec<Difference> = names
        .into_iter()
        .map(|name| {
            let of = |attributes: &rackhand_bmc::Attributes| attributes.get(name).map(ToString::to_string);
            Difference {
                what: name.clone(),
                current: of(&current.bios.attributes),
                wanted: of(&wanted.bios.attributes),
                at: if wanted.bios.attributes.contains_key(name) {
                    profile.place_of(name)
                } else {
                    other.place_of(name)
                },
            }
        })
        .collect();
    let mut field = |what: String, current: Option<String>, wanted: Option<String>| {
        found.push(Difference { what, current, wanted, at: profile.source.clone() });
    };
    field("bootMode".to_owned(), current.boot_mode().map(word), wanted.boot_mode().map(word));
    let volumes = wanted.storage.volumes.iter().chain(&current.storage.volumes).map(|volume| &volume.name);
    for name in volumes.collect::<std::collections::BTreeSet<_>>() {
        let of = |spec: &rackhand_profiles::Spec| {
            let volume = spec.storage.volumes.iter().find(|volume| volume.name == *name)?;
            serde_json::to_string(volume).ok()
        };
        field(format!("volume {name}"), of(current), of(wanted));
    }
    let parts = wanted.firmware.iter().chain(&current.firmware).map(|update| &update.component);
    for component in parts.collect::<std::collections::BTreeSet<_>>() {
        let of = |spec: &rackhand_profiles::Spec| {
            spec.firmware
                .iter()
                .find(|update| update.component == *component)
                .map(|update| update.version.clone())
        };
        field(format!("firmware {component}"), of(current), of(wanted));
    }
    found.retain(|difference| difference.current != difference.wanted);
    found
}

fn table(differences: &[Difference], machine: bool) -> Table {
    let mut table = Table::new(&["WHAT", if machine { "CURRENT" } else { "OTHER" }, "WANTED", "AT"]);
    for one in differences {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        table.painted([
            (one.what.clone(), Paint::None),
            (text(&one.current), Paint::None),
            (text(&one.wanted), Paint::Warn),
            (one.at.clone(), Paint::Dim),
        ]);
    }
    table
}
