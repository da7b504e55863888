//! BIOS settings for a site's machines: a few that a radio site wants and that the machine does not have yet.

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::render::MARK;
use crate::cell::Cell;
use crate::machine::bios::{Bios, Kind, plain};

/// How many settings a `.profile` asks for at most.
const MOST: usize = 4;

/// How many it asks for at least.
const LEAST: usize = 2;

/// What is asked for first: low latency, on Dell's, HPE's, Cisco's, Supermicro's, Lenovo's and sushy-emulator's names.
const PREFERRED: &[(&str, &str)] = &[
    ("SysProfile", "Custom"),
    ("ProcCStates", "Disabled"),
    ("ProcC1E", "Disabled"),
    ("SriovGlobalEnable", "Enabled"),
    ("ProcHyperthreading", "Enabled"),
    ("Sriov", "Enabled"),
    ("ProcTurbo", "Enabled"),
    ("NumaGroupSizeOpt", "Clustered"),
    ("MemPatrolScrubbing", "Disabled"),
    ("AutoPowerOn", "AlwaysPowerOn"),
    ("IntelHyperThread", "Enabled"),
    ("SrIov", "Enabled"),
    ("ProcessorC6Report", "Disabled"),
    ("ProcessorC1E", "Disabled"),
    ("IntelVTD", "Enabled"),
    ("PackageCState_3D25", "C0/C1 state"),
    ("CPUC6Report_3D22", "Disable"),
    ("EnhancedHaltState_C1E__3D23", "Disable"),
    ("PatrolScrub_3C41", "Disabled"),
    ("OperatingModes_ChooseOperatingMode", "CustomMode"),
    ("Processors_CStates", "Disabled"),
    ("Processors_C1EnhancedMode", "Disabled"),
    ("Memory_PatrolScrub", "Disabled"),
    ("ProcTurboMode", "Disabled"),
    ("EmbeddedSata", "Ahci"),
    ("QuietBoot", "false"),
];

/// The text of a `.profile`: one flat mapping; none for a machine whose BMC shows no BIOS settings.
///
/// # Errors
/// When the machine has settings, and fewer than two that can be changed together.
pub(super) fn profile(cell: &Cell) -> anyhow::Result<Option<String>> {
    let bios = cell.with(|machine| machine.bios.clone());
    if bios.registry.attributes.is_empty() {
        return Ok(None);
    }
    let wanted = wanted(&bios);
    let name = cell.personality.name();
    (wanted.len() >= LEAST).then_some(()).with_context(|| {
        format!("the BIOS of {} ({name}) has no two settings that can be changed together", cell.name)
    })?;
    let mut text = format!(
        "{MARK}# BIOS settings of the {name} machines; names and values as their registry has them.\n"
    );
    for (name, value) in &wanted {
        // JSON's words are YAML's, and its quoted strings keep "Enabled", "On" and "true" strings.
        text.push_str(&format!("{name}: {value}\n"));
    }
    Ok(Some(text))
}

/// Settings that differ from those in force, that are accepted together, and that stay as they were asked for.
fn wanted(bios: &Bios) -> Map<String, Value> {
    let preferred = PREFERRED.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
    let mut wanted = Map::new();
    // What is not known to be tuning only fills up what is missing.
    let preferred = preferred.map(|pair| (MOST, pair));
    for (enough, (name, value)) in preferred.chain(others(bios).map(|pair| (LEAST, pair))) {
        if wanted.len() >= enough || wanted.contains_key(&name) || bios.current.get(&name) == Some(&value) {
            continue;
        }
        let mut more = wanted.clone();
        more.insert(name, value);
        if holds(bios, &more) {
            wanted = more;
        }
    }
    wanted
}

/// Another value for each choice that is tuning: not boot mode, passwords, or profiles that rewrite other settings.
fn others(bios: &Bios) -> impl Iterator<Item = (String, Value)> {
    bios.registry.attributes.iter().filter_map(|attribute| {
        let Kind::Enumeration(values) = &attribute.kind else { return None };
        let name = attribute.name.to_ascii_lowercase();
        if ["boot", "password", "secure", "tpm", "raid", "sata", "profile"]
            .iter()
            .any(|word| name.contains(word))
        {
            return None;
        }
        let now = bios.current.get(&attribute.name).map(plain);
        let other = values.iter().find(|value| Some(*value) != now.as_ref())?;
        Some((attribute.name.clone(), Value::from(other.as_str())))
    })
}

/// Whether POST would take all of it and no dependency would change any of it again.
fn holds(bios: &Bios, wanted: &Map<String, Value>) -> bool {
    if !bios.complaints(wanted).is_empty() {
        return false;
    }
    let mut after = bios.clone();
    after.set_now(wanted.clone());
    wanted.iter().all(|(name, value)| after.current.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personality;

    #[test]
    fn every_personality_has_settings_to_change() {
        for personality in personality::all() {
            let quirks = personality::Quirks::of(personality.as_ref(), &[]);
            let bios = Bios::new(personality.model(&quirks).hardware.registry);
            if bios.registry.attributes.is_empty() {
                assert_eq!(personality.name(), "openbmc");
                continue;
            }
            let wanted = wanted(&bios);
            if personality.name() == "lenovo" {
                assert_eq!(wanted["Processors_CStates"], "Disabled", "the mode unlocks what follows it");
            }
            assert!((LEAST..=MOST).contains(&wanted.len()), "{}: {wanted:?}", personality.name());
            assert!(wanted.iter().all(|(name, value)| bios.current.get(name) != Some(value)));
            assert!(holds(&bios, &wanted));
        }
    }
}
