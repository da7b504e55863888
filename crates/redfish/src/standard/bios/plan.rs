//! From wanted values to stages, or to why not.

use rackhand_bmc::{AttributeKind, AttributeValue, Attributes, BiosPlan, BiosProblem, BiosStage};

use super::registry::Registry;
use crate::standard::dialect::Dialect;

/// Checks and types wanted values, drops those in force, and orders the rest.
pub(crate) fn plan(
    dialect: &dyn Dialect,
    desired: &Attributes,
    current: &Attributes,
    registry: Option<&Registry>,
) -> BiosPlan {
    let mut plan = BiosPlan::default();
    let mut typed = Attributes::new();
    for (wanted, value) in desired {
        for name in dialect.bios_names(wanted, current, registry) {
            match checked(&name, value, current, registry).and_then(|value| agreed(&name, value, &typed)) {
                Ok(value) => drop(typed.insert(name, value)),
                Err(problem) => plan.problems.push(BiosProblem { attribute: wanted.clone(), problem }),
            }
        }
    }
    let meant = dialect.bios_meant(&typed, current, registry).filter(|_| plan.problems.is_empty());
    let why = meant.map(|(meant, why)| {
        typed = meant;
        why
    });
    let differing = differing(&typed, current, registry);
    plan.satisfied = typed.keys().filter(|name| !differing.contains_key(*name)).cloned().collect();
    if !plan.problems.is_empty() || differing.is_empty() {
        return plan;
    }
    let mut stages = dialect.bios_split_stages(&typed, &differing, current, registry);
    if let Some(registry) = registry {
        stages = without_followers(stages, current, registry);
        plan.problems = conflicts(&stages, &typed, current, registry);
    }
    if let Some(why) = why {
        for stage in &mut stages {
            stage.reason = format!("{}; {why}", stage.reason);
        }
    }
    if plan.problems.is_empty() {
        plan.stages = stages;
    }
    plan
}

/// The value of an attribute, unless another wanted name means the same attribute with another value.
fn agreed(name: &str, value: AttributeValue, typed: &Attributes) -> Result<AttributeValue, String> {
    match typed.get(name) {
        Some(other) if !other.same_as(&value) => {
            Err(format!("{name} is wanted by another name too, as {other} and as {value}"))
        }
        _ => Ok(value),
    }
}

/// What must be written: what differs, and what is as wanted now but would be changed along with it.
fn differing(wanted: &Attributes, current: &Attributes, registry: Option<&Registry>) -> Attributes {
    let in_force =
        |name: &str, value: &AttributeValue| current.get(name).is_some_and(|now| now.same_as(value));
    let pick = |keep: &dyn Fn(&str, &AttributeValue) -> bool| {
        wanted
            .iter()
            .filter(|(name, value)| keep(name, value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let differing: Attributes = pick(&|name, value| !in_force(name, value));
    let Some(registry) = registry else { return differing };
    let effects = registry.effects(current, &overlaid(current, &differing));
    pick(&|name, value| {
        !in_force(name, value) || effects.get(name).is_some_and(|effect| !effect.same_as(value))
    })
}

pub(super) fn overlaid(below: &Attributes, above: &Attributes) -> Attributes {
    let mut all = below.clone();
    all.extend(above.iter().map(|(name, value)| (name.clone(), value.clone())));
    all
}

/// The state after a stage: its values, and what these set along with them.
pub(super) fn state_after(before: &Attributes, stage: &Attributes, registry: &Registry) -> Attributes {
    let after = overlaid(before, stage);
    let mut others = registry.effects(before, &after);
    others.retain(|name, _| !stage.contains_key(name));
    overlaid(&after, &others)
}

/// The stages without what others of the same stage lock and set as wanted: it comes along by itself, and writing it is
/// refused (iLO 7: MinProcIdlePower NoCStates sets and locks EnhancedCStates and MinProcIdlePkgState).
fn without_followers(stages: Vec<BiosStage>, current: &Attributes, registry: &Registry) -> Vec<BiosStage> {
    let mut state = current.clone();
    let mut kept = Vec::new();
    for mut stage in stages {
        let after = overlaid(&state, &stage.attributes);
        let is_free = |name: &str| registry.read_only(name, current, &after).is_none();
        let mut free = stage.attributes.clone();
        free.retain(|name, _| is_free(name));
        let effects = registry.effects(&state, &overlaid(&state, &free));
        stage.attributes.retain(|name, value| {
            is_free(name) || !effects.get(name).is_some_and(|effect| effect.same_as(value))
        });
        state = state_after(&state, &stage.attributes, registry);
        if !stage.attributes.is_empty() {
            kept.push(stage);
        }
    }
    kept
}

/// What the firmware would refuse or undo when the stages are taken in order.
fn conflicts(
    stages: &[BiosStage],
    wanted: &Attributes,
    current: &Attributes,
    registry: &Registry,
) -> Vec<BiosProblem> {
    let mut problems = Vec::new();
    let mut state = current.clone();
    for stage in stages {
        let after = overlaid(&state, &stage.attributes);
        for name in stage.attributes.keys() {
            if let Some(problem) = registry.read_only(name, current, &after) {
                problems.push(BiosProblem { attribute: name.clone(), problem });
            }
        }
        state = state_after(&state, &stage.attributes, registry);
    }
    for (name, value) in wanted {
        let undone = state.get(name).filter(|end| !end.same_as(value));
        if let Some(end) = undone.filter(|_| !problems.iter().any(|problem| problem.attribute == *name)) {
            let problem = format!("another wanted setting makes it {end}; wanted is {value}");
            problems.push(BiosProblem { attribute: name.clone(), problem });
        }
    }
    problems
}

/// A wanted value in the type that the firmware has it in, or what is wrong with it.
fn checked(
    name: &str,
    value: &AttributeValue,
    current: &Attributes,
    registry: Option<&Registry>,
) -> Result<AttributeValue, String> {
    match (registry.and_then(|registry| registry.get(name)), current.get(name)) {
        (Some(attribute), _) => typed(value, &attribute.kind),
        // Some firmware leaves attributes out of its registry that it has (iLO 7: 11 of them).
        (None, Some(now)) => like(value, now),
        (None, None) => Err(unknown(name, current, registry)),
    }
}

pub(super) fn typed(value: &AttributeValue, kind: &AttributeKind) -> Result<AttributeValue, String> {
    let text = value.to_string();
    match kind {
        AttributeKind::Enumeration(values) if values.is_empty() || values.contains(&text) => {
            Ok(AttributeValue::String(text))
        }
        AttributeKind::Enumeration(values) => {
            let hint = nearest(&text, values.iter())
                .map(|near| format!("; did you mean {near:?}?"))
                .unwrap_or_default();
            Err(format!("{text:?} is none of its values: {}{hint}", values.join(", ")))
        }
        AttributeKind::Integer { lower, upper } => {
            let number: i64 = text.trim().parse().map_err(|_| format!("{text:?} is no whole number"))?;
            match (lower, upper) {
                (Some(lower), _) if number < *lower => {
                    Err(format!("{number} is below the least value, {lower}"))
                }
                (_, Some(upper)) if number > *upper => {
                    Err(format!("{number} is above the greatest value, {upper}"))
                }
                _ => Ok(AttributeValue::Integer(number)),
            }
        }
        AttributeKind::String { min_length, max_length } => {
            let length = text.chars().count() as u64;
            match (min_length, max_length) {
                (Some(least), _) if length < *least => {
                    Err(format!("{length} characters are fewer than the least, {least}"))
                }
                // 0 stands for "not said" on some firmware.
                (_, Some(most)) if *most > 0 && length > *most => {
                    Err(format!("{length} characters are more than the most, {most}"))
                }
                _ => Ok(AttributeValue::String(text)),
            }
        }
        AttributeKind::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(AttributeValue::Boolean(true)),
            "false" => Ok(AttributeValue::Boolean(false)),
            _ => Err(format!("{text:?} is neither true nor false")),
        },
        AttributeKind::Password => Err("it is a password; those are not set through profiles".to_owned()),
        AttributeKind::Other(_) => Ok(value.clone()),
    }
}

/// Without a registry the type of the present value is all there is.
fn like(value: &AttributeValue, now: &AttributeValue) -> Result<AttributeValue, String> {
    match now {
        AttributeValue::Boolean(_) => typed(value, &AttributeKind::Boolean),
        AttributeValue::Integer(_) => typed(value, &AttributeKind::Integer { lower: None, upper: None }),
        AttributeValue::String(_) => Ok(AttributeValue::String(value.to_string())),
    }
}

pub(super) fn unknown(name: &str, current: &Attributes, registry: Option<&Registry>) -> String {
    let listed = registry.into_iter().flat_map(|registry| &registry.catalogue.attributes);
    let by_display = listed.clone().find(|(_, attribute)| {
        attribute.display_name.as_deref().is_some_and(|display| display.eq_ignore_ascii_case(name))
    });
    if let Some((likely, _)) = by_display {
        return format!("this firmware has no such attribute; {name:?} is the display name of {likely:?}");
    }
    let names = listed.map(|(known, _)| known).chain(current.keys());
    match nearest(name, names) {
        Some(likely) => format!("this firmware has no such attribute; did you mean {likely:?}?"),
        None => "this firmware has no such attribute".to_owned(),
    }
}

/// The name that a misspelt one most likely means.
fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let lower = text.trim().to_ascii_lowercase();
    let distance = |known: &String| strsim::damerau_levenshtein(&known.to_ascii_lowercase(), &lower);
    let (distance, likely) = names.map(|known| (distance(known), known)).min()?;
    // A short word is near to any other short word.
    let length = lower.chars().count();
    (distance <= 1 + length / 5 && distance < length).then_some(likely)
}
