//! The hooks of the standard driver that differ.

use std::collections::BTreeSet;

use rackhand_bmc::{
    AttributeVerdict, Attributes, BiosStage, BootOverride, Capabilities, Error, Fut, HostProgress, JobState,
    MediaImage, OverrideEnabled, Quirks, Readiness, ReadyState, Result, Vendor,
};
use rackhand_redfish::{
    Dialect, Document, Host, Machine, MessageRule, Plain,
    standard::bios::{BiosEvidence, Registry},
};
use serde_json::{Value, json};

use crate::{
    bios, capabilities,
    generation::Generation,
    jobs, media,
    messages::MESSAGES,
    quirks::{self, oem, quirks},
};

/// HPE's differences.
#[derive(Debug)]
pub struct IloDialect {
    /// For the hooks that are not told which machine it is: their rows hold for all of them.
    quirks: Quirks,
}

impl IloDialect {
    /// The dialect without the cures that are named in `off`.
    #[must_use]
    pub fn without(off: &BTreeSet<String>) -> Self {
        Self { quirks: Quirks::new(quirks(), off) }
    }

    /// The table and what of it is off.
    pub(crate) fn cures(&self) -> &Quirks {
        &self.quirks
    }

    fn on(&self, machine: &Machine, name: &str) -> bool {
        quirks::on(&self.quirks, machine, name)
    }
}

impl Default for IloDialect {
    fn default() -> Self {
        Self::without(&BTreeSet::new())
    }
}

impl Dialect for IloDialect {
    fn vendor(&self) -> Vendor {
        Vendor::Hpe
    }

    fn message_rules(&self) -> &'static [MessageRule] {
        if self.quirks.cures(quirks::MESSAGE_IDS) { MESSAGES } else { &[] }
    }

    fn generation(&self, machine: &Machine) -> String {
        Generation::of(machine).to_string()
    }

    fn capabilities(&self, machine: &Machine, capabilities: &mut Capabilities) {
        capabilities::add(&self.quirks, machine, capabilities);
    }

    /// `Oem.Hpe.PostState` knows of POST what the standard property does not.
    fn host_progress(&self, system: &Document) -> HostProgress {
        let shown = Plain.host_progress(system);
        match oem(system, "PostState").filter(|_| self.quirks.cures(quirks::POST_STATE)) {
            Some("PowerOff") => HostProgress::Off,
            Some("InPost" | "InPostDiscoveryStart" | "InPostDiscoveryComplete" | "Reset") => match shown {
                HostProgress::Off | HostProgress::InSetup => shown,
                _ => HostProgress::InPost,
            },
            Some("FinishedPost") => match shown {
                HostProgress::Unknown | HostProgress::InPost => HostProgress::PostFinished,
                _ => shown,
            },
            _ => shown,
        }
    }

    fn boot_override_bodies(&self, wanted: &BootOverride, name: &str, mode: Option<&str>) -> Vec<Value> {
        if wanted.enabled == OverrideEnabled::Disabled && self.quirks.cures(quirks::OVERRIDE_NONE) {
            return vec![json!({"Boot": {"BootSourceOverrideEnabled": "Disabled"}})];
        }
        let mut bodies = Plain.boot_override_bodies(wanted, name, mode);
        if self.quirks.cures(quirks::OVERRIDE_MODE) {
            bodies.truncate(1);
        }
        bodies
    }

    /// The BIOS setting that HTTP boot reads (registries A42, A43, U46, U58, U68).
    fn http_boot_settings(&self, _machine: &Machine, url: &str) -> Attributes {
        Attributes::from([("UrlBootFile".to_owned(), url.into())])
    }

    fn can_insert(&self, machine: &Machine, slot: &Document) -> bool {
        Plain.can_insert(machine, slot)
            || (self.on(machine, quirks::OEM_INSERT) && media::oem_target(slot, media::INSERT).is_some())
    }

    /// MaxVirtualMediaConnectionEstablished (HD).
    fn refuses_when_full(&self, _machine: &Machine) -> bool {
        true
    }

    fn insert_bodies(&self, machine: &Machine, image: &MediaImage) -> Vec<Value> {
        let mut bodies = Plain.insert_bodies(machine, image);
        if self.on(machine, quirks::NO_LADDER) {
            bodies.truncate(1);
        }
        bodies
    }

    fn bios_meant(
        &self,
        desired: &Attributes,
        current: &Attributes,
        registry: Option<&Registry>,
    ) -> Option<(Attributes, String)> {
        let registry = registry.filter(|_| self.quirks.cures(quirks::PROFILE_LOCKS))?;
        bios::by_name(desired, current, registry)
    }

    fn bios_split_stages(
        &self,
        desired: &Attributes,
        differing: &Attributes,
        current: &Attributes,
        registry: Option<&Registry>,
    ) -> Vec<BiosStage> {
        let staged = if self.quirks.cures(quirks::PROFILE_FIRST) {
            bios::stages(desired, differing, current, registry)
        } else {
            None
        };
        staged.unwrap_or_else(|| Plain.bios_split_stages(desired, differing, current, registry))
    }

    fn bios_verdict(&self, evidence: &BiosEvidence<'_>, attribute: &str) -> Option<AttributeVerdict> {
        self.quirks.cures(quirks::SETTINGS_MESSAGES).then(|| bios::verdict(evidence, attribute))
    }

    fn readiness<'a>(&'a self, host: &'a Host, what: Readiness) -> Option<Fut<'a, ReadyState>> {
        match what {
            Readiness::StorageInventory if self.on(&host.machine, quirks::DISCOVERY) => {
                Some(Box::pin(discovered(host)))
            }
            _ => None,
        }
    }

    fn job_state(&self, job: &Document) -> Option<JobState> {
        jobs::update_state(job).filter(|_| self.quirks.cures(quirks::NO_TASK))
    }

    fn is_already(&self, error: &Error) -> bool {
        error.has_message("InvalidOperationForSystemState") && self.quirks.cures(quirks::STATE_REFUSED)
    }
}

async fn discovered(host: &Host) -> Result<ReadyState> {
    Ok(match undiscovered(&host.system().await?) {
        None => ReadyState::Ready,
        Some(seen) => ReadyState::NotYet(seen),
    })
}

/// Why what a System shows of its devices may be of the boot before. `None` when the discovery is over, or when nothing
/// tells of it.
pub(crate) fn undiscovered(system: &Document) -> Option<String> {
    match oem(system, "DeviceDiscoveryComplete/DeviceDiscovery") {
        Some("vMainDeviceDiscoveryComplete") | None => None,
        Some(seen) => Some(format!("DeviceDiscovery is {seen}")),
    }
}
