//! BIOS settings: current, pending and registry apart.
//!
//! The way through is `state` → [`Bios::plan`] → for each stage `stage`, a reset, `verify`. A driver splits the wanted
//! values into stages where its firmware needs several boots (HPE: a workload profile sets and locks other
//! attributes, so it goes first).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{Fut, Mark, Outcome};

/// BIOS settings of one System.
///
/// ```
/// # use rackhand_bmc::{Attributes, Bmc, Outcome, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// let wanted = Attributes::from([("SriovGlobalEnable".to_owned(), "Enabled".into())]);
/// let bios = bmc.bios()?;
/// for stage in bios.plan(&wanted).await?.stages {
///     let outcome = bios.stage(&stage).await?;
///     // Restart the host here; then:
///     let mark = if let Outcome::Pending(pending) = &outcome { Some(&pending.mark) } else { None };
///     println!("{:?}", bios.verify(&stage, mark).await?);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Bios: Send + Sync {
    /// Reads current and pending values.
    fn state(&self) -> Fut<'_, BiosState>;

    /// Reads the attribute registry; `None` when the BMC serves none.
    fn registry(&self) -> Fut<'_, Option<BiosRegistry>>;

    /// Validates wanted values against the registry and the current values and orders what differs into stages.
    /// Reads only. Problems are collected, not thrown: a plan with problems must not be staged.
    fn plan<'a>(&'a self, desired: &'a Attributes) -> Fut<'a, BiosPlan>;

    /// Writes one stage. Answers [`Outcome::Pending`] with the mark that [`verify`](Bios::verify) needs.
    fn stage<'a>(&'a self, stage: &'a BiosStage) -> Fut<'a, Outcome>;

    /// Asks for every setting's factory default; pending until a reset. It can switch off what the machine boots from.
    fn reset_defaults(&self) -> Fut<'_, Outcome>;

    /// Drops what is pending, where the vendor can.
    fn discard(&self) -> Fut<'_, Outcome>;

    /// Says of each attribute of a stage whether it is in force, not yet, or was rejected. `mark` is from the
    /// outcome of staging; without one (it was lost) rejection may not be told from "not yet".
    fn verify<'a>(&'a self, stage: &'a BiosStage, mark: Option<&'a Mark>) -> Fut<'a, BiosVerdict>;
}

/// BIOS attributes by the firmware's own names.
pub type Attributes = BTreeMap<String, AttributeValue>;

/// A BIOS attribute's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// An enumeration's value name, or text.
    String(String),
}

impl AttributeValue {
    /// Whether both say the same, letting a number written as text equal the number (profiles are flat
    /// `string: string` files, registries are typed). Text is compared exactly: firmware is case-sensitive.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self == other || self.to_string() == other.to_string()
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::String(value) => f.write_str(value),
        }
    }
}

impl From<&str> for AttributeValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

/// Current and pending values as observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BiosState {
    /// What is in force.
    pub current: Attributes,
    /// What waits for a reset.
    pub pending: PendingSettings,
    /// The registry's name, when the BMC gives one.
    pub registry_id: Option<String>,
    /// The mark of this moment.
    pub mark: Mark,
}

/// What is known of pending settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PendingSettings {
    /// Nothing waits.
    None,
    /// These values wait for a reset: only those that differ from the current ones.
    Values(Attributes),
    /// This BMC does not show what waits (CIMC). Only a boot and a look at the current values decide.
    NotVisible,
}

/// The attribute registry, as far as it is used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BiosRegistry {
    /// Its name and version.
    pub id: String,
    /// Attributes by name.
    pub attributes: BTreeMap<String, RegistryAttribute>,
}

/// One attribute of a registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryAttribute {
    /// Its type with bounds.
    pub kind: AttributeKind,
    /// Whether the firmware refuses a change now.
    pub read_only: bool,
    /// The name people see.
    pub display_name: Option<String>,
    /// The value from the factory, where the registry has it.
    pub default: Option<AttributeValue>,
}

/// The type of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttributeKind {
    /// One of these value names.
    Enumeration(Vec<String>),
    /// A whole number within bounds.
    Integer {
        /// Least value.
        lower: Option<i64>,
        /// Greatest value.
        upper: Option<i64>,
    },
    /// Text.
    String {
        /// Least length in characters.
        min_length: Option<u64>,
        /// Greatest length in characters.
        max_length: Option<u64>,
    },
    /// True or false.
    Boolean,
    /// A password: never read, never planned.
    Password,
    /// A type nobody knows; values are passed as they are.
    Other(String),
}

/// What to write, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BiosPlan {
    /// Stages in order; each needs a reset. Empty when nothing differs.
    pub stages: Vec<BiosStage>,
    /// Attributes that are as wanted already.
    pub satisfied: Vec<String>,
    /// Why it cannot be done as asked. A plan with problems is not staged.
    pub problems: Vec<BiosProblem>,
}

/// Attributes that can be written together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BiosStage {
    /// The values to write.
    pub attributes: Attributes,
    /// Why these go together, and why now: printed in plans.
    pub reason: String,
}

/// Why one attribute cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BiosProblem {
    /// The attribute.
    pub attribute: String,
    /// What is wrong, with the allowed values or the likely name where they help.
    pub problem: String,
}

/// What became of a stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BiosVerdict {
    /// Each attribute's fate.
    pub attributes: BTreeMap<String, AttributeVerdict>,
}

impl BiosVerdict {
    /// Whether every attribute is in force.
    #[must_use]
    pub fn all_applied(&self) -> bool {
        self.attributes.values().all(|v| *v == AttributeVerdict::Applied)
    }

    /// The attributes that were rejected, with what the firmware said.
    pub fn rejected(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().filter_map(|(name, verdict)| match verdict {
            AttributeVerdict::Rejected { reason } => Some((name.as_str(), reason.as_str())),
            AttributeVerdict::Applied | AttributeVerdict::NotYet => None,
        })
    }
}

/// What became of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeVerdict {
    /// The current value is the wanted one.
    Applied,
    /// It is not, and nothing says it was refused.
    NotYet,
    /// The firmware refused it.
    Rejected {
        /// What the firmware said.
        reason: String,
    },
}
