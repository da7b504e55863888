//! What holds for every personality.

use std::collections::BTreeSet;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::{Quirks, all};
use crate::machine::bios::Bios;

#[test]
fn quirks_have_names_of_their_own_and_say_where_they_are_from() {
    for personality in all() {
        let mut names = BTreeSet::new();
        for quirk in personality.quirks() {
            let (person, name) = (personality.name(), quirk.name);
            assert!(names.insert(name), "{person} has {name} twice");
            let plain =
                |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            assert!(name.chars().all(plain), "{person}: {name}");
            assert!(quirk.seen.len() > 20 && quirk.source.len() > 5, "{person}: {name}");
            let without = Quirks::of(personality.as_ref(), &[name.to_owned()]);
            assert!(!without.has(name));
        }
    }
}

#[test]
fn registries_agree_with_themselves() {
    for personality in all() {
        let model = personality.model(&Quirks::of(personality.as_ref(), &[]));
        let registry = model.hardware.registry;
        let mut names = BTreeSet::new();
        for attribute in &registry.attributes {
            assert!(names.insert(attribute.name.as_str()), "{} twice", attribute.name);
        }
        let bios = Bios::new(registry.clone());
        for attribute in registry.attributes.iter().filter(|one| !one.read_only) {
            let wanted: Map<_, _> =
                [(attribute.name.clone(), attribute.default.clone())].into_iter().collect();
            let locked = registry.locked(&attribute.name, &bios.current);
            assert_eq!(bios.complaints(&wanted).is_empty(), !locked, "{}", attribute.name);
        }
        for rule in &registry.dependencies {
            assert!(names.contains(rule.attribute.as_str()), "{}", rule.attribute);
            assert!(names.contains(rule.target.as_str()), "{}", rule.target);
        }
    }
}

/// BIOS attributes of each document of a firmware profile of the project.
fn profiles(vendor: &str) -> Vec<Map<String, Value>> {
    let path = format!("{}/../firmware-profiles/{vendor}/ran-low-latency.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.split("\n---\n")
        .map(|document| {
            let value: Value = serde_saphyr::from_str(document).unwrap();
            Map::deserialize(&value["spec"]["bios"]["attributes"]).unwrap()
        })
        .collect()
}

#[test]
fn the_projects_firmware_profiles_apply_and_have_something_to_do() {
    for (name, vendor, document) in [
        ("idrac9", "dell", 0),
        ("ilo5", "hpe", 0),
        ("ilo6", "hpe", 1),
        ("ilo7", "hpe", 2),
        ("cimc", "cisco", 0),
        ("supermicro", "supermicro", 0),
        ("lenovo", "lenovo", 0),
    ] {
        let personality = all().into_iter().find(|one| one.name() == name).unwrap();
        let model = personality.model(&Quirks::of(personality.as_ref(), &[]));
        let mut bios = Bios::new(model.hardware.registry);
        let wanted = profiles(vendor).swap_remove(document);
        assert!(wanted.len() > 10);
        assert_eq!(bios.complaints(&wanted), [], "{name}");
        let differing = wanted.iter().filter(|(name, value)| bios.current.get(*name) != Some(*value)).count();
        assert!(differing >= 5, "{name}: {differing}");
        bios.stage(wanted.clone());
        bios.consume(|_| false);
        for (attribute, value) in &wanted {
            assert_eq!(bios.current.get(attribute), Some(value), "{name}: {attribute}");
        }
    }
}

/// Every firmware profile of a vendor that the project ships.
fn every_profile(vendor: &str) -> Vec<Map<String, Value>> {
    let directory = format!("{}/../firmware-profiles/{vendor}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(directory).unwrap();
    files
        .map(|file| {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let value: Value = serde_saphyr::from_str(&text).unwrap();
            Map::deserialize(&value["spec"]["bios"]["attributes"]).unwrap()
        })
        .collect()
}

#[test]
fn every_firmware_profile_for_supermicro_and_lenovo_applies() {
    for name in ["supermicro", "lenovo"] {
        let personality = all().into_iter().find(|one| one.name() == name).unwrap();
        let model = personality.model(&Quirks::of(personality.as_ref(), &[]));
        let profiles = every_profile(name);
        assert!(profiles.len() >= 4);
        for wanted in profiles {
            let mut bios = Bios::new(model.hardware.registry.clone());
            assert_eq!(bios.complaints(&wanted), [], "{name}");
            bios.set_now(wanted.clone());
            assert!(wanted.iter().all(|(attribute, value)| bios.current.get(attribute) == Some(value)));
        }
    }
}
