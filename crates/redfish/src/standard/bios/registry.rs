//! The attribute registry and its dependencies.

use std::{collections::BTreeMap, fmt};

use rackhand_bmc::{AttributeKind, AttributeValue, Attributes, BiosRegistry, RegistryAttribute};
use serde_json::Value;

use crate::document::{Document, View};

/// An attribute registry with the dependencies that the contract's form leaves out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registry {
    /// What callers see.
    pub catalogue: BiosRegistry,
    dependencies: Vec<Dependency>,
    /// The words that people see for the values of an enumeration, where those are not their names.
    shown: BTreeMap<String, Vec<String>>,
}

/// One `Map` dependency: while its conditions hold, an attribute has a value or is read-only.
#[derive(Debug, Clone, PartialEq)]
struct Dependency {
    conditions: Vec<Condition>,
    attribute: String,
    effect: Effect,
}

#[derive(Debug, Clone, PartialEq)]
enum Effect {
    Value(AttributeValue),
    ReadOnly(bool),
}

#[derive(Debug, Clone, PartialEq)]
struct Condition {
    /// How it joins what stands before it. Conditions are read from left to right.
    or: bool,
    attribute: String,
    comparison: Comparison,
    value: AttributeValue,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// An attribute's value as JSON has it. Null and structures are none.
pub(crate) fn attribute_value(view: View<'_>) -> Option<AttributeValue> {
    match view.value() {
        Value::Bool(value) => Some(AttributeValue::Boolean(*value)),
        Value::Number(number) => Some(
            view.i64("").map_or_else(|| AttributeValue::String(number.to_string()), AttributeValue::Integer),
        ),
        // Not trimmed: what the firmware wrote is what it is compared with.
        Value::String(text) => Some(AttributeValue::String(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Registry {
    /// Reads a registry. Entries that make no sense are left out.
    #[must_use]
    pub fn parse(document: &Document) -> Self {
        let (mut attributes, mut shown) = (BTreeMap::new(), BTreeMap::new());
        for entry in document.view().list("RegistryEntries/Attributes") {
            if let Some(name) = entry.str("AttributeName") {
                // Lenovo lists names twice; the first counts.
                attributes.entry(name.to_owned()).or_insert_with(|| attribute(entry));
                shown.entry(name.to_owned()).or_insert_with(|| value_words(entry));
            }
        }
        let dependencies =
            document.view().list("RegistryEntries/Dependencies").into_iter().filter_map(dependency).collect();
        Self { catalogue: BiosRegistry { id: document.id().to_owned(), attributes }, dependencies, shown }
    }

    /// The words that people see for the values of an enumeration. Supermicro's profiles are written in them.
    #[must_use]
    pub fn words_of(&self, name: &str) -> &[String] {
        self.shown.get(name).map_or(&[], Vec::as_slice)
    }

    /// The factory's values, of the attributes that have one here.
    #[must_use]
    pub fn defaults(&self) -> Attributes {
        let of = |(name, attribute): (&String, &RegistryAttribute)| {
            Some((name.clone(), attribute.default.clone()?))
        };
        self.catalogue.attributes.iter().filter_map(of).collect()
    }

    /// Whether some setting of others unlocks `name`: then its read-only mark speaks of one state of the machine alone.
    #[must_use]
    pub fn depends(&self, name: &str) -> bool {
        self.dependencies.iter().any(|one| one.attribute == name && matches!(one.effect, Effect::ReadOnly(_)))
    }

    /// What locks `name` in a state, in words.
    #[must_use]
    pub fn locked_by(&self, name: &str, state: &Attributes) -> Option<String> {
        let locks = |one: &&Dependency| {
            one.attribute == name && one.effect == Effect::ReadOnly(true) && one.holds(state)
        };
        self.dependencies.iter().find(locks).map(ToString::to_string)
    }

    /// The value that others give `name` in a state, if they do.
    #[must_use]
    pub fn given_by_others(&self, name: &str, state: &Attributes) -> Option<&AttributeValue> {
        self.dependencies.iter().find_map(|one| match &one.effect {
            Effect::Value(value) if one.attribute == name && one.holds(state) => Some(value),
            _ => None,
        })
    }

    /// The attribute of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RegistryAttribute> {
        self.catalogue.attributes.get(name)
    }

    /// The values that attributes get by themselves when `before` becomes `after`: those of dependencies that come to
    /// hold. One that held already and is not in force is evidently not enforced.
    #[must_use]
    pub fn effects(&self, before: &Attributes, after: &Attributes) -> Attributes {
        let newly = self
            .dependencies
            .iter()
            .filter(|dependency| dependency.holds(after) && !dependency.holds(before));
        newly
            .filter_map(|dependency| match &dependency.effect {
                Effect::Value(value) => Some((dependency.attribute.clone(), value.clone())),
                Effect::ReadOnly(_) => None,
            })
            .collect()
    }

    /// Why `name` cannot be written together with what makes the state `wanted`, if it cannot. A registry's read-only
    /// mark speaks of the state `current`; where a dependency explains it, that dependency decides for `wanted`.
    #[must_use]
    pub fn read_only(&self, name: &str, current: &Attributes, wanted: &Attributes) -> Option<String> {
        let locks = |on: bool, state: &Attributes| {
            let locking =
                |d: &&Dependency| d.attribute == name && d.effect == Effect::ReadOnly(on) && d.holds(state);
            self.dependencies.iter().find(locking)
        };
        let marked = self.get(name).is_some_and(|attribute| attribute.read_only);
        if marked && locks(true, current).is_none() && locks(false, wanted).is_none() {
            return Some(if self.is_locked_down() {
                "it is read-only, as every attribute is: the BMC locks BIOS settings (system lockdown)"
                    .to_owned()
            } else {
                "it is read-only".to_owned()
            });
        }
        locks(true, wanted).map(|dependency| format!("it is read-only while {dependency}"))
    }

    /// Whether nothing at all can be written: iDRAC shows its lockdown so.
    fn is_locked_down(&self) -> bool {
        !self.catalogue.attributes.is_empty()
            && self.catalogue.attributes.values().all(|attribute| attribute.read_only)
    }
}

fn value_words(entry: View<'_>) -> Vec<String> {
    let word = |value: View<'_>| value.at("ValueDisplayName")?.value().as_str().map(str::to_owned);
    entry.list("Value").into_iter().filter_map(word).collect()
}

fn attribute(entry: View<'_>) -> RegistryAttribute {
    let kind = match entry.str("Type") {
        Some("Enumeration") => AttributeKind::Enumeration(
            entry
                .list("Value")
                .into_iter()
                // The name as it stands, blanks included: it is what must be written.
                .filter_map(|value| value.at("ValueName")?.value().as_str().map(str::to_owned))
                .collect(),
        ),
        Some("Integer") => {
            AttributeKind::Integer { lower: entry.i64("LowerBound"), upper: entry.i64("UpperBound") }
        }
        Some("String") => {
            AttributeKind::String { min_length: entry.u64("MinLength"), max_length: entry.u64("MaxLength") }
        }
        Some("Boolean") => AttributeKind::Boolean,
        Some("Password") => AttributeKind::Password,
        other => AttributeKind::Other(other.unwrap_or("untyped").to_owned()),
    };
    let read_only = ["ReadOnly", "Immutable"].iter().any(|mark| entry.bool(mark) == Some(true));
    RegistryAttribute {
        kind,
        read_only,
        display_name: entry.str("DisplayName").map(str::to_owned),
        default: entry.at("DefaultValue").and_then(attribute_value),
    }
}

/// A dependency of the common form; `None` for forms that say nothing about writing (Hidden, GrayOut, other properties).
fn dependency(entry: View<'_>) -> Option<Dependency> {
    let entry = entry.at("Dependency")?;
    let attribute = entry.str("MapToAttribute")?.to_owned();
    let to = entry.at("MapToValue")?;
    let effect = match entry.str("MapToProperty")? {
        "CurrentValue" => Effect::Value(attribute_value(to)?),
        "ReadOnly" => Effect::ReadOnly(to.bool("")?),
        _ => return None,
    };
    let conditions: Option<Vec<Condition>> = entry.list("MapFrom").into_iter().map(condition).collect();
    let conditions = conditions.filter(|conditions| !conditions.is_empty())?;
    Some(Dependency { conditions, attribute, effect })
}

fn condition(entry: View<'_>) -> Option<Condition> {
    if entry.str("MapFromProperty") != Some("CurrentValue") {
        return None;
    }
    let comparison = match entry.str("MapFromCondition")? {
        "EQU" => Comparison::Equal,
        "NEQ" => Comparison::NotEqual,
        "GTR" => Comparison::Greater,
        "GEQ" => Comparison::GreaterOrEqual,
        "LSS" => Comparison::Less,
        "LEQ" => Comparison::LessOrEqual,
        _ => return None,
    };
    Some(Condition {
        or: entry.str("MapTerms") == Some("OR"),
        attribute: entry.str("MapFromAttribute")?.to_owned(),
        comparison,
        value: attribute_value(entry.at("MapFromValue")?)?,
    })
}

impl Dependency {
    fn holds(&self, state: &Attributes) -> bool {
        let mut conditions = self.conditions.iter();
        let first = conditions.next().is_some_and(|condition| condition.holds(state));
        conditions.fold(first, |so_far, condition| {
            if condition.or { so_far || condition.holds(state) } else { so_far && condition.holds(state) }
        })
    }
}

impl Condition {
    /// An attribute that is not there makes no condition hold.
    fn holds(&self, state: &Attributes) -> bool {
        let Some(value) = state.get(&self.attribute) else { return false };
        let ordered = || match (value, &self.value) {
            (AttributeValue::Integer(a), AttributeValue::Integer(b)) => Some(a.cmp(b)),
            _ => None,
        };
        match self.comparison {
            Comparison::Equal => value.same_as(&self.value),
            Comparison::NotEqual => !value.same_as(&self.value),
            Comparison::Greater => ordered().is_some_and(std::cmp::Ordering::is_gt),
            Comparison::GreaterOrEqual => ordered().is_some_and(std::cmp::Ordering::is_ge),
            Comparison::Less => ordered().is_some_and(std::cmp::Ordering::is_lt),
            Comparison::LessOrEqual => ordered().is_some_and(std::cmp::Ordering::is_le),
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, condition) in self.conditions.iter().enumerate() {
            if at > 0 {
                f.write_str(if condition.or { " or " } else { " and " })?;
            }
            let is = match condition.comparison {
                Comparison::Equal => "is",
                Comparison::NotEqual => "is not",
                Comparison::Greater => "is above",
                Comparison::GreaterOrEqual => "is at least",
                Comparison::Less => "is below",
                Comparison::LessOrEqual => "is at most",
            };
            write!(f, "{} {is} {}", condition.attribute, condition.value)?;
        }
        Ok(())
    }
}
