//! BIOS settings: current, pending, and the registry that says what is allowed.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::clock::SimTime;

/// What values an attribute takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// One of these words.
    Enumeration(Vec<String>),
    /// A whole number within bounds.
    Integer {
        /// Lowest value.
        low: i64,
        /// Highest value.
        high: i64,
    },
    /// Text of a bounded length.
    Text {
        /// Greatest length in characters.
        max: usize,
    },
    /// A URL of a bounded length, or nothing.
    Url {
        /// Greatest length in characters.
        max: usize,
        /// What it has to end in, one of them; anything when there are none.
        endings: &'static [&'static str],
    },
    /// true or false.
    Boolean,
}

impl Kind {
    /// The registry's name of the type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Enumeration(_) => "Enumeration",
            Self::Integer { .. } => "Integer",
            Self::Text { .. } | Self::Url { .. } => "String",
            Self::Boolean => "Boolean",
        }
    }

    fn complaint(&self, value: &Value) -> Option<Complaint> {
        match (self, value) {
            (Self::Enumeration(allowed), Value::String(word)) => {
                (!allowed.contains(word)).then_some(Complaint::NotAllowed)
            }
            (Self::Integer { low, high }, Value::Number(number)) => match number.as_i64() {
                Some(number) if (*low..=*high).contains(&number) => None,
                Some(_) => Some(Complaint::OutOfRange),
                None => Some(Complaint::WrongType),
            },
            (Self::Text { max }, Value::String(text)) => {
                (text.chars().count() > *max).then_some(Complaint::OutOfRange)
            }
            (Self::Url { max, endings }, Value::String(url)) => {
                let lower = url.to_ascii_lowercase();
                let web = ["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme));
                let ended = endings.is_empty() || endings.iter().any(|ending| lower.ends_with(ending));
                let well = url.is_empty() || web && ended && !url.contains(char::is_whitespace);
                (!well || url.chars().count() > *max).then_some(Complaint::OutOfRange)
            }
            (Self::Boolean, Value::Bool(_)) => None,
            _ => Some(Complaint::WrongType),
        }
    }
}

/// One attribute of the registry.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The name used in `Attributes`.
    pub name: String,
    /// The name a person sees.
    pub display: String,
    /// Allowed values.
    pub kind: Kind,
    /// The factory value.
    pub default: Value,
    /// Whether the registry marks it read-only.
    pub read_only: bool,
}

impl Attribute {
    /// An enumeration whose first value is the factory value.
    pub fn choice(name: &str, values: &[&str]) -> Self {
        let allowed: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let default = Value::from(values.first().copied().unwrap_or(""));
        Self {
            name: name.into(),
            display: name.into(),
            kind: Kind::Enumeration(allowed),
            default,
            read_only: false,
        }
    }

    /// A whole number.
    pub fn integer(name: &str, low: i64, high: i64, default: i64) -> Self {
        let kind = Kind::Integer { low, high };
        Self { name: name.into(), display: name.into(), kind, default: default.into(), read_only: false }
    }

    /// A text.
    pub fn text(name: &str, max: usize, default: &str) -> Self {
        let kind = Kind::Text { max };
        Self { name: name.into(), display: name.into(), kind, default: default.into(), read_only: false }
    }

    /// A URL, at first none.
    pub fn url(name: &str, max: usize, endings: &'static [&'static str]) -> Self {
        Self { kind: Kind::Url { max, endings }, ..Self::text(name, max, "") }
    }

    /// A boolean.
    pub fn boolean(name: &str, default: bool) -> Self {
        Self {
            name: name.into(),
            display: name.into(),
            kind: Kind::Boolean,
            default: default.into(),
            read_only: false,
        }
    }

    /// Gives it the name that a person sees.
    #[must_use]
    pub fn shown_as(mut self, display: &str) -> Self {
        self.display = display.into();
        self
    }

    /// Another factory value than the kind's first.
    #[must_use]
    pub fn initially(mut self, value: impl Into<Value>) -> Self {
        self.default = value.into();
        self
    }

    /// Marks it read-only.
    #[must_use]
    pub fn fixed(mut self) -> Self {
        self.read_only = true;
        self
    }
}

/// What a dependency does to its target while its condition holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The target cannot be written.
    ReadOnly,
    /// The target takes this value.
    Value(Value),
}

/// A rule between attributes: when `attribute` is one of `values` (or, with `negated`, none of them).
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    /// The attribute looked at.
    pub attribute: String,
    /// The values that trigger the rule.
    pub values: Vec<Value>,
    /// Whether the rule holds when the attribute is none of `values`.
    pub negated: bool,
    /// The attribute it acts on.
    pub target: String,
    /// What it does.
    pub effect: Effect,
}

/// What an attribute registry says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Registry {
    /// Its identity, such as `BiosAttributeRegistry.v1_0_3`.
    pub id: String,
    /// The attributes, in the vendor's order.
    pub attributes: Vec<Attribute>,
    /// Rules between them.
    pub dependencies: Vec<Dependency>,
}

impl Registry {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Whether another attribute's value makes `name` read-only.
    pub fn locked(&self, name: &str, values: &Map<String, Value>) -> bool {
        self.dependencies
            .iter()
            .any(|rule| rule.target == name && rule.effect == Effect::ReadOnly && rule.holds(values))
    }
}

impl Dependency {
    fn holds(&self, values: &Map<String, Value>) -> bool {
        let present = values.get(&self.attribute).is_some_and(|value| self.values.contains(value));
        present != self.negated
    }
}

/// Why a value is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complaint {
    /// No such attribute.
    Unknown,
    /// The registry marks it read-only.
    ReadOnly,
    /// Another attribute's value makes it read-only.
    Locked,
    /// The value has another type.
    WrongType,
    /// Not one of the enumerated values.
    NotAllowed,
    /// Number or length out of bounds.
    OutOfRange,
    /// Refused when POST applied it.
    Rejected,
}

/// A refused attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The attribute's name as it was sent.
    pub attribute: String,
    /// The value that was sent.
    pub value: Value,
    /// Why.
    pub complaint: Complaint,
}

/// The BIOS settings of a machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bios {
    /// Values in force.
    pub current: Map<String, Value>,
    /// Values staged for the next POST: only those that were written.
    pub pending: Map<String, Value>,
    /// What is allowed.
    pub registry: Registry,
    /// What the last POST that consumed settings refused.
    pub refused: Vec<Refused>,
    /// Attributes that are refused when they are written, as a fault asks for.
    pub refuses: BTreeSet<String>,
    /// Whether pending settings stay pending whatever POST comes.
    pub stuck: bool,
    /// How often POST consumed pending settings.
    pub consumed: u64,
    /// How often settings were staged: part of the settings' ETag.
    pub staged: u64,
    /// Which staging the last POST consumed.
    pub consumed_staging: u64,
    /// When it did.
    pub consumed_at: SimTime,
}

impl Bios {
    /// A BIOS at factory values.
    pub fn new(registry: Registry) -> Self {
        let current = factory(&registry);
        Self { current, registry, ..Self::default() }
    }

    /// What the registry says against writing these attributes; dependencies are judged with all of them set.
    pub fn complaints(&self, wanted: &Map<String, Value>) -> Vec<Refused> {
        let mut after = self.current.clone();
        after.extend(self.pending.clone());
        after.extend(wanted.clone());
        let judge = |name: &String, value: &Value| {
            let complaint = match self.registry.attribute(name) {
                None => Some(Complaint::Unknown),
                Some(attribute) if attribute.read_only => Some(Complaint::ReadOnly),
                Some(_) if self.refuses.contains(name) => Some(Complaint::Rejected),
                Some(_) if self.registry.locked(name, &after) => Some(Complaint::Locked),
                Some(attribute) => attribute.kind.complaint(value),
            };
            complaint.map(|complaint| Refused { attribute: name.clone(), value: value.clone(), complaint })
        };
        wanted.iter().filter_map(|(name, value)| judge(name, value)).collect()
    }

    /// Stages values for the next POST.
    pub fn stage(&mut self, wanted: Map<String, Value>) {
        self.pending.extend(wanted);
        self.staged += 1;
    }

    /// Forgets staged values.
    pub fn discard(&mut self) {
        self.pending = Map::new();
        self.staged += 1;
    }

    /// Stages the factory value of everything that differs from it.
    pub fn stage_defaults(&mut self) {
        let mut factory = factory(&self.registry);
        factory.retain(|name, value| self.current.get(name) != Some(value));
        self.stage(factory);
    }

    /// POST takes the pending values over: all but those that `rejected` names. Returns what changed, as
    /// `NAME=VALUE`.
    pub fn consume(&mut self, rejected: impl Fn(&str) -> bool) -> Vec<String> {
        self.refused.clear();
        self.take_over(rejected)
    }

    /// As [`Bios::consume`], and without what the registry is against.
    pub fn judge_and_consume(&mut self, rejected: impl Fn(&str) -> bool) -> Vec<String> {
        self.refused = self.complaints(&self.pending);
        self.take_over(rejected)
    }

    fn take_over(&mut self, rejected: impl Fn(&str) -> bool) -> Vec<String> {
        let pending = std::mem::take(&mut self.pending);
        self.consumed += 1;
        self.consumed_staging = self.staged;
        let mut changed = Vec::new();
        for (name, value) in pending {
            if self.refused.iter().any(|one| one.attribute == name) {
                continue;
            }
            if rejected(&name) {
                self.refused.push(Refused { attribute: name, value, complaint: Complaint::Rejected });
            } else {
                self.set(&name, value, &mut changed);
            }
        }
        changed
    }

    /// Puts values into force at once, for a BMC that does not wait for POST.
    pub fn set_now(&mut self, wanted: Map<String, Value>) -> Vec<String> {
        let mut changed = Vec::new();
        for (name, value) in wanted {
            self.set(&name, value, &mut changed);
        }
        changed
    }

    fn set(&mut self, name: &str, value: Value, changed: &mut Vec<String>) {
        if self.current.get(name) == Some(&value) {
            return;
        }
        changed.push(format!("{name}={}", plain(&value)));
        self.current.insert(name.to_owned(), value);
        let rules: Vec<_> = self.registry.dependencies.iter().filter(|rule| rule.attribute == name).collect();
        let follow: Vec<(String, Value)> = rules
            .into_iter()
            .filter(|rule| rule.holds(&self.current))
            .filter_map(|rule| match &rule.effect {
                Effect::Value(value) => Some((rule.target.clone(), value.clone())),
                Effect::ReadOnly => None,
            })
            .collect();
        for (target, value) in follow {
            // One step only: what a rule sets does not trigger further rules, so that a cycle ends.
            if self.current.get(&target) != Some(&value) {
                changed.push(format!("{target}={}", plain(&value)));
                self.current.insert(target, value);
            }
        }
    }
}

fn factory(registry: &Registry) -> Map<String, Value> {
    registry.attributes.iter().map(|attribute| (attribute.name.clone(), attribute.default.clone())).collect()
}

/// A value as words: a string without quotes, anything else as JSON.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_one_of_a_web_server_with_a_known_ending() {
        let kind = Kind::Url { max: 30, endings: &[".iso", ".efi"] };
        for (url, well) in [
            ("", true),
            ("http://boot.example/a.iso", true),
            ("HTTPS://boot.example/A.EFI", true),
            ("http://boot.example/a.iso?b", false),
            ("http://boot.example/a b.iso", false),
            ("http://boot.example/far/too/long.iso", false),
            ("ftp://boot.example/a.iso", false),
            ("boot.example/a.iso", false),
        ] {
            assert_eq!(kind.complaint(&url.into()).is_none(), well, "{url}");
        }
        let any = Kind::Url { max: 30, endings: &[] };
        assert_eq!(any.complaint(&"http://boot.example/a.iso?b".into()), None);
        assert_eq!(any.complaint(&7.into()), Some(Complaint::WrongType));
    }
}
