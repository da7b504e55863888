//! Personalities: a vendor and generation each. One is written as a list of differences from the standard's rendering.

#[cfg(test)]
mod bench;
pub mod cimc;
pub mod idrac;
pub mod ilo;
pub mod lenovo;
#[cfg(test)]
mod network;
pub mod openbmc;
mod pieces;
pub mod standard;
pub mod supermicro;
pub mod sushy;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fetch::FetchError;
use crate::machine::{Hardware, Identity, Machine, Rules};
use crate::web::{Call, Problem, Reply, Style, Table, problem};

/// A documented difference from the standard, which can be switched off by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirk {
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    /// What is seen.
    pub seen: &'static str,
    /// On which firmware, and where that was learned.
    pub source: &'static str,
}

/// The quirks in force on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quirks(BTreeSet<&'static str>);

impl Quirks {
    /// A personality's quirks but those switched off.
    pub fn of(personality: &dyn Personality, without: &[String]) -> Self {
        let names = personality.quirks().iter().map(|quirk| quirk.name);
        Self(names.filter(|name| !without.iter().any(|off| off == name)).collect())
    }

    /// Whether the quirk of that name is in force.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// The `Id`s of a machine's main resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// System.
    pub system: String,
    /// Manager.
    pub manager: String,
    /// Chassis.
    pub chassis: String,
}

/// Which resource has the virtual media collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaHome {
    /// `Systems/{id}/VirtualMedia`.
    System,
    /// `Managers/{id}/VirtualMedia`.
    Manager,
    /// Both show the same slots.
    Both,
}

/// What the web side of a BMC is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traits {
    /// Its ids.
    pub ids: Ids,
    /// `Vendor` of the service root.
    pub vendor: Option<&'static str>,
    /// `Product` of the service root.
    pub product: Option<String>,
    /// `RedfishVersion` of the service root.
    pub redfish_version: &'static str,
    /// Where the virtual media collection is.
    pub media_home: MediaHome,
    /// Last segment of the BIOS resource's path.
    pub bios_name: &'static str,
    /// Whether pending BIOS settings have a resource of their own.
    pub bios_settings: bool,
    /// Whether paths are compared without regard to case.
    pub ignore_case: bool,
    /// The form of ETags, if it has any.
    pub etag: Option<Style>,
    /// Content-Type of JSON.
    pub json_type: &'static str,
    /// Prefix and version of the Base message registry, such as `Base.1.8`.
    pub base: &'static str,
    /// Whether a body of another type than JSON is refused with 415.
    pub require_json: bool,
    /// Paths that need no credentials, lower case without trailing slash.
    pub open_paths: Vec<&'static str>,
    /// Paths that take a login by POST, likewise.
    pub login_paths: Vec<&'static str>,
}

/// Which links a service puts in place when asked for `$expand`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expand {
    /// `*`: all links.
    pub all: bool,
    /// `~`: those below `Links`.
    pub links: bool,
    /// `.`: those not below `Links`.
    pub no_links: bool,
    /// How many levels deep.
    pub max_levels: u32,
}

/// What a service does beyond the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// `$expand`; without it the query is ignored.
    pub expand: Option<Expand>,
    /// Whether answers carry `OData-Version: 4.0`.
    pub odata_version: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self { expand: None, odata_version: true }
    }
}

/// What a machine of a personality is made of and how it behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its parts.
    pub hardware: Hardware,
    /// Its rules.
    pub rules: Rules,
}

/// A vendor and generation.
pub trait Personality: Send + Sync + 'static {
    /// Its name on the command line, such as `idrac9`.
    fn name(&self) -> &'static str;

    /// A sentence about it.
    fn summary(&self) -> &'static str;

    /// Every documented difference that can be switched off.
    fn quirks(&self) -> &'static [Quirk] {
        &[]
    }

    /// Parts and rules of a machine.
    fn model(&self, quirks: &Quirks) -> Model;

    /// The web side of the BMC of the machine with that identity.
    fn traits(&self, quirks: &Quirks, identity: &Identity) -> Traits;

    /// What its service does beyond the least.
    fn features(&self, _: &Quirks) -> Features {
        Features::default()
    }

    /// Its resources, usually [`standard::table`] with additions, replacements and amendments.
    fn table(&self, quirks: &Quirks) -> Table;

    /// What stands in the way of a call before it reaches its resource; nothing by default.
    ///
    /// # Errors
    /// The reason.
    fn gate(&self, _: &Call, _: &mut Machine) -> Result<(), Problem> {
        Ok(())
    }

    /// How a problem is answered; the standard's way unless overridden.
    fn problem(&self, call: &Call, problem: &Problem) -> Reply {
        problem::standard_reply(problem, call.cell.traits.base)
    }

    /// The last word on any answer, for differences that hold for the whole service.
    fn finish(&self, _: &Call, reply: Reply) -> Reply {
        reply
    }

    /// How the BMC words an image that it cannot read.
    fn media_error(&self, why: &FetchError) -> String {
        why.to_string()
    }

    /// How the BMC words a firmware image that it cannot fetch.
    fn firmware_error(&self, why: &FetchError) -> String {
        why.to_string()
    }

    /// A fresh `Id` of a job or task.
    fn job_id(&self, machine: &mut Machine) -> String {
        machine.next_number().to_string()
    }

    /// Where a new job or task is told to be.
    fn job_path(&self, _: &Call, id: &str) -> String {
        standard::service::task_path(id)
    }

    /// When operations can take effect, the usual one first: `Immediate`, `OnReset`. Without any, bodies cannot choose and
    /// everything is done at once.
    fn apply_times(&self, _: &Quirks) -> &'static [&'static str] {
        &["Immediate", "OnReset"]
    }

    /// `Id` of the administrator's account.
    fn administrator_id(&self) -> &'static str {
        "1"
    }
}

/// All personalities.
pub fn all() -> Vec<Arc<dyn Personality>> {
    vec![
        Arc::new(sushy::Sushy),
        Arc::new(idrac::Idrac(idrac::Generation::Eight)),
        Arc::new(idrac::Idrac(idrac::Generation::NineOld)),
        Arc::new(idrac::Idrac(idrac::Generation::Nine)),
        Arc::new(idrac::Idrac(idrac::Generation::NineNew)),
        Arc::new(idrac::Idrac(idrac::Generation::Ten)),
        Arc::new(cimc::Cimc(cimc::Generation::M4)),
        Arc::new(cimc::Cimc(cimc::Generation::M6)),
        Arc::new(cimc::Cimc(cimc::Generation::X)),
        Arc::new(ilo::Ilo(ilo::Generation::Four)),
        Arc::new(ilo::Ilo(ilo::Generation::Five)),
        Arc::new(ilo::Ilo(ilo::Generation::Six)),
        Arc::new(ilo::Ilo(ilo::Generation::Seven)),
        Arc::new(supermicro::Supermicro),
        Arc::new(lenovo::Lenovo),
        Arc::new(openbmc::OpenBmc),
    ]
}

#[cfg(test)]
mod tests;
