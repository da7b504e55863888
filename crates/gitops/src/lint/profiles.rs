//! Firmware profiles: those that nodes ask for, and those that there are.

use std::collections::BTreeSet;

use rackhand_profiles::Profiles;
use rackhand_spec::{Severity, VendorHint, located::Field, nearest};

use super::Rule;
use super::finding::Finding;
use super::repository::{Object, Repository};

const ANNOTATION: &str = "rackhand.dev/profile";

pub(crate) fn check(repository: &Repository, known: &Profiles, out: &mut Vec<Finding>) {
    let own = own(repository, out);
    let layers = Profiles::default().over(own).over(known.clone());
    let objects: Vec<Object<'_>> = repository.objects().filter(|one| !one.unlisted).collect();
    // One that cannot be read is a finding already; whoever asks for it asks for something that is there.
    let here: BTreeSet<&str> = objects.iter().filter(|one| is_profile(one)).map(|one| one.name).collect();
    let mut asked = BTreeSet::new();
    for at in objects.iter().flat_map(|object| annotations(&object.root, ANNOTATION)) {
        let Some(name) = at.text() else { continue };
        asked.insert(name);
        if !here.contains(name) {
            out.extend(unknown(&layers, &at, name));
        }
    }
    for node in &repository.loaded.nodes {
        if let (Some(name), Some(vendor)) = (&node.profile, node.bmc.vendor)
            && layers.iter().any(|profile| profile.name == *name)
            && !layers.iter().any(|profile| profile.name == *name && is_for(profile, vendor))
        {
            out.push(Finding {
                severity: Severity::Error,
                rule: Rule::MissingProfile,
                file: node.source.file.clone(),
                line: node.source.line,
                column: 1,
                path: String::new(),
                message: format!(
                    "no profile `{name}` is for {}, which the BMC address of {} names",
                    maker(vendor),
                    node.name
                ),
                help: None,
            });
        }
    }
    if !repository.complete {
        return;
    }
    for object in objects.iter().filter(|one| is_profile(one) && !asked.contains(one.name)) {
        let message = format!("no node asks for the profile `{}`", object.name);
        out.push(Finding::note(&object.place(), Rule::UnusedProfile, message));
    }
}

fn is_profile(object: &Object<'_>) -> bool {
    object.is("rackhand.dev", "FirmwareProfile")
}

/// The profiles that stand in the repository itself.
fn own(repository: &Repository, out: &mut Vec<Finding>) -> Profiles {
    let files: BTreeSet<_> =
        repository.objects().filter(is_profile).map(|object| object.root.file().to_owned()).collect();
    let mut profiles = Profiles::default();
    for file in files {
        let Some(text) = repository.text(&file) else { continue };
        match Profiles::parse(&file, text) {
            Ok(found) => profiles = profiles.over(found),
            Err(error) => out.extend(error.problems.into_iter().map(|problem| {
                let (line, column) = problem.at.unwrap_or((1, 1));
                let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
                Finding {
                    severity: Severity::Error,
                    rule: Rule::BadProfile,
                    file: problem.file,
                    line: number(line),
                    column: number(column),
                    path: String::new(),
                    message: problem.message,
                    help: None,
                }
            })),
        }
    }
    profiles
}

fn unknown(profiles: &Profiles, at: &Field<'_>, name: &str) -> Option<Finding> {
    let names = profiles.names();
    if names.iter().any(|known| known == name) {
        return None;
    }
    let help = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    Some(Finding::error(at, Rule::MissingProfile, format!("no profile is called `{name}`")).help(help))
}

/// Each place in a document where an annotation of this name is written.
pub(crate) fn annotations<'a>(at: &Field<'a>, name: &str) -> Vec<Field<'a>> {
    let mut found: Vec<Field<'a>> = at.get(name).into_iter().collect();
    let values = at.entries().into_iter().map(|(_, field)| field).chain(at.items());
    found.extend(values.flat_map(|field| annotations(&field, name)));
    found
}

fn maker(vendor: VendorHint) -> &'static str {
    match vendor {
        VendorHint::Idrac => "Dell",
        VendorHint::Ilo => "HPE",
    }
}

fn is_for(profile: &rackhand_profiles::Profile, vendor: VendorHint) -> bool {
    let first = profile.spec.matches.vendor.split_whitespace().next().unwrap_or_default();
    first.eq_ignore_ascii_case(maker(vendor))
}
