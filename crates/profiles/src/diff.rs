//! What a machine's firmware is, set against what it is to be.

use rackhand_bmc::{AttributeValue, Attributes};
use rackhand_spec::BiosSettings;

use crate::Profile;

/// The attributes that are wanted: the profile's, and over them those of the node's own file.
///
/// The node's file (`biosConfigRef`) stands nearer to the machine, so it wins.
pub fn effective(profile: Option<&Profile>, settings: Option<&BiosSettings>) -> Attributes {
    let mut wanted = profile.map(|profile| profile.spec.bios.attributes.clone()).unwrap_or_default();
    if let Some(settings) = settings {
        wanted.extend(settings.values.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    wanted
}

/// How an attribute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has the wanted value.
    Same,
    /// It has another value.
    Differs,
    /// The firmware has no attribute of that name.
    Absent,
}

/// One wanted attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffRow {
    /// Its name.
    pub name: String,
    /// The value it has.
    pub current: Option<AttributeValue>,
    /// The value it is to have.
    pub desired: AttributeValue,
    /// How it stands.
    pub verdict: Verdict,
}

/// Each wanted attribute beside its current value, by name.
///
/// A number written as text equals the number: `.profile` files are flat text, and the registry has the last word on types.
pub fn diff(current: &Attributes, desired: &Attributes) -> Vec<DiffRow> {
    desired
        .iter()
        .map(|(name, wanted)| {
            let current = current.get(name).cloned();
            let verdict = match &current {
                None => Verdict::Absent,
                Some(value) if value.same_as(wanted) => Verdict::Same,
                Some(_) => Verdict::Differs,
            };
            DiffRow { name: name.clone(), current, desired: wanted.clone(), verdict }
        })
        .collect()
}
