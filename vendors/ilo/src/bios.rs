//! BIOS settings: the workload profile goes first, and what became of settings stands beside the current ones.

use rackhand_bmc::{AttributeValue, AttributeVerdict, Attributes, BiosStage};
use rackhand_redfish::standard::bios::{BiosEvidence, Registry};

/// The profile: a state, which sets and locks other attributes while it is selected (registries of R5 to R7).
const PROFILE: &str = "WorkloadProfile";

/// The profile that locks nothing (HD: workload profiles).
const CUSTOM: &str = "Custom";

/// A profile and settings that it locks otherwise: what the profile sets, by name, under the profile that locks nothing,
/// with the settings as wanted. `None` where they go together.
pub(crate) fn by_name(
    desired: &Attributes,
    current: &Attributes,
    registry: &Registry,
) -> Option<(Attributes, String)> {
    let profile = desired.get(PROFILE).filter(|profile| profile.to_string() != CUSTOM)?;
    let under = |profile: &AttributeValue| {
        let mut state = current.clone();
        state.insert(PROFILE.to_owned(), profile.clone());
        state
    };
    let (free, locked) = (under(&CUSTOM.into()), under(profile));
    let sets = registry.effects(&free, &locked);
    let against: Vec<&str> = desired
        .iter()
        .filter(|(name, wanted)| sets.get(*name).is_some_and(|sets| !sets.same_as(wanted)))
        .map(|(name, _)| name.as_str())
        .collect();
    if against.is_empty() {
        return None;
    }
    let why = format!(
        "{profile} sets {} otherwise and locks it, so what {profile} sets is written by name under {CUSTOM}",
        against.join(", ")
    );
    let mut meant = sets;
    // Not every generation has all that its registry speaks of (Gen12: IntelProcVtd).
    meant.retain(|name, _| current.contains_key(name));
    meant.extend(desired.clone());
    meant.insert(PROFILE.to_owned(), CUSTOM.into());
    Some((meant, why))
}

/// The profile in a stage of its own, then what it does not set as wanted. `None` when the profile is as wanted.
pub(crate) fn stages(
    desired: &Attributes,
    differing: &Attributes,
    current: &Attributes,
    registry: Option<&Registry>,
) -> Option<Vec<BiosStage>> {
    let (name, profile) = differing.get_key_value(PROFILE)?;
    let first = Attributes::from([(name.clone(), profile.clone())]);
    let mut after = current.clone();
    after.extend(first.clone());
    // Without a registry nobody knows what the profile sets, and all the rest is written.
    let known = registry.map(|registry| registry.effects(current, &after));
    let settled = known.is_some();
    after.extend(known.into_iter().flatten());
    let rest: Attributes = desired
        .iter()
        .filter(|(name, _)| *name != PROFILE)
        .filter(|(name, value)| !settled || !after.get(*name).is_some_and(|will| will.same_as(value)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut stages = vec![BiosStage {
        attributes: first,
        reason: format!("the workload profile {profile} sets and unlocks others, so it goes first"),
    }];
    if !rest.is_empty() {
        let count = rest.len();
        let reason = format!("what the workload profile {profile} leaves to be set: {count}");
        stages.push(BiosStage { attributes: rest, reason });
    }
    Some(stages)
}

/// Messages that ask for a reset, which comes in any case (HD: biosDoc).
const NOT_A_FAILURE: [&str; 2] = ["SystemResetRequired", "ResetRequired"];

/// Rejected when the firmware took settings up since and names this attribute. The messages always begin with Success,
/// whatever follows (R7: Success, then PropertyUnknown for IntelProcVtd), so only a name counts.
pub(crate) fn verdict(evidence: &BiosEvidence<'_>, attribute: &str) -> AttributeVerdict {
    let failures = evidence.messages.iter().filter(|message| !NOT_A_FAILURE.contains(&message.message.key()));
    match failures.filter(|_| evidence.consumed).find(|message| message.names(attribute)) {
        Some(said) => {
            let text = if said.message.text.is_empty() { "" } else { ": " };
            AttributeVerdict::Rejected { reason: format!("{}{text}{}", said.message.id, said.message.text) }
        }
        None => AttributeVerdict::NotYet,
    }
}
