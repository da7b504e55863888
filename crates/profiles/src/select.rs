//! Which profile of a name is for which machine.

use std::fmt;

use rackhand_bmc::Identity;

use crate::{Profile, Profiles};

/// Who a machine says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostIdentity {
    /// The manufacturer.
    pub vendor: String,
    /// The model.
    pub model: Option<String>,
    /// The BIOS version as written.
    pub bios_version: Option<String>,
}

impl From<&Identity> for HostIdentity {
    fn from(identity: &Identity) -> Self {
        let vendor = match &identity.manufacturer {
            Some(name) if !name.trim().is_empty() => name.clone(),
            _ => identity.vendor.to_string(),
        };
        Self { vendor, model: identity.model.clone(), bios_version: identity.bios_version.clone() }
    }
}

impl fmt::Display for HostIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}, BIOS {}",
            self.vendor.trim(),
            self.model.as_deref().unwrap_or("of unknown model").trim(),
            self.bios_version.as_deref().unwrap_or("unknown").trim()
        )
    }
}

/// A profile of the right name that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// Where it stands.
    pub source: String,
    /// Why it does not fit.
    pub why: String,
}

impl fmt::Display for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {}: {}", self.source, self.why)
    }
}

/// No profile, or more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// No profile has that name.
    #[error("no profile is called `{name}`; there are: {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Profiles have that name, and none is for this machine.
    #[error("no profile `{name}` is for this machine ({host}):{}", near.iter().map(Near::to_string).collect::<String>())]
    NoMatch {
        /// The name asked for.
        name: String,
        /// The machine.
        host: HostIdentity,
        /// Each profile of the name, the nearest first.
        near: Vec<Near>,
    },
    /// Several are for this machine.
    #[error("several profiles `{name}` are for this machine ({host}); narrow their `match`:{}", sources.iter().map(|s| format!("\n  {s}")).collect::<String>())]
    Ambiguous {
        /// The name asked for.
        name: String,
        /// The machine.
        host: HostIdentity,
        /// Where they stand.
        sources: Vec<String>,
    },
}

impl Profiles {
    /// The profile `name` for this machine.
    ///
    /// # Errors
    /// When none or several match: never a guess.
    pub fn select(&self, name: &str, host: &HostIdentity) -> Result<&Profile, SelectError> {
        let mut near = Vec::new();
        for layer in self.layers() {
            let mut fitting: Vec<&Profile> = Vec::new();
            for profile in layer.iter().filter(|profile| profile.name == name) {
                match profile.misfit(host) {
                    None => fitting.push(profile),
                    Some((rank, why)) => near.push((rank, Near { source: profile.source.clone(), why })),
                }
            }
            match fitting.as_slice() {
                [] => {}
                [one] => return Ok(one),
                several => {
                    return Err(SelectError::Ambiguous {
                        name: name.to_owned(),
                        host: host.clone(),
                        sources: several.iter().map(|profile| profile.source.clone()).collect(),
                    });
                }
            }
        }
        if near.is_empty() {
            return Err(SelectError::Unknown { name: name.to_owned(), known: self.names() });
        }
        near.sort_by_key(|(rank, _)| *rank);
        // Those of other vendors tell nothing where the machine's own vendor has some.
        if near.first().is_some_and(|(rank, _)| *rank < Rank::Vendor) {
            near.retain(|(rank, _)| *rank < Rank::Vendor);
        }
        let near = near.into_iter().map(|(_, near)| near).collect();
        Err(SelectError::NoMatch { name: name.to_owned(), host: host.clone(), near })
    }
}

/// How far a misfit is: the lower, the nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Bios,
    Model,
    Vendor,
}

impl Profile {
    /// Why it is not for this machine, or nothing.
    pub fn unfit_for(&self, host: &HostIdentity) -> Option<String> {
        self.misfit(host).map(|(_, why)| why)
    }

    /// The same, with how far off it is.
    fn misfit(&self, host: &HostIdentity) -> Option<(Rank, String)> {
        let matches = &self.spec.matches;
        if maker(&matches.vendor) != maker(&host.vendor) {
            return Some((Rank::Vendor, format!("it is for vendor {}", matches.vendor)));
        }
        let patterns = || matches.models.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if !matches.models.is_empty() {
            match &host.model {
                None => {
                    return Some((
                        Rank::Model,
                        format!("the machine tells no model, it is for {}", patterns()),
                    ));
                }
                Some(model) if !matches.models.iter().any(|pattern| pattern.matches(model)) => {
                    return Some((Rank::Model, format!("it is for models {}", patterns())));
                }
                Some(_) => {}
            }
        }
        let range = matches.bios.as_ref()?;
        match host.bios_version.as_deref().map(|version| (version, range.contains(version))) {
            Some((_, Some(true))) => None,
            Some((_, Some(false))) => Some((Rank::Bios, format!("it is for BIOS {range}"))),
            Some((version, None)) => Some((
                Rank::Bios,
                format!("it is for BIOS {range}, and `{}` holds no version", version.trim()),
            )),
            None => Some((Rank::Bios, format!("the machine tells no BIOS version, it is for {range}"))),
        }
    }
}

/// The maker's name in one form: `Dell Inc.`, `HPE`, `Hewlett Packard Enterprise`, `Cisco Systems Inc.`.
fn maker(vendor: &str) -> String {
    let lower = vendor.trim().to_lowercase();
    let first = lower.split([' ', ',', '.', '-']).next().unwrap_or_default();
    match first {
        "hewlett" | "hp" => "hpe".to_owned(),
        other => other.to_owned(),
    }
}
