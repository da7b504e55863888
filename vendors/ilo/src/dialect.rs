//! The hooks of the standard driver that differ.

use rackhand_bmc::{
    AttributeVerdict, Attributes, BiosStage, BootOverride, Capabilities, Error, Fut, HostProgress, Learned,
    MediaImage, Operation, OverrideEnabled, Readiness, ReadyState, Result, Support, Vendor,
};
use rackhand_redfish::{
    Dialect, Document, Host, Machine, MessageRule, Plain,
    standard::bios::{BiosEvidence, Registry},
};
use serde_json::{Value, json};

use crate::{bios, generation::Generation, messages::MESSAGES};

/// HPE's differences.
#[derive(Debug, Clone, Copy, Default)]
pub struct IloDialect;

impl Dialect for IloDialect {
    fn vendor(&self) -> Vendor {
        Vendor::Hpe
    }

    fn message_rules(&self) -> &'static [MessageRule] {
        MESSAGES
    }

    fn generation(&self, machine: &Machine) -> String {
        Generation::of(machine).to_string()
    }

    fn capabilities(&self, machine: &Machine, capabilities: &mut Capabilities) {
        let inserts = [Operation::MediaInsertHttp, Operation::MediaInsertHttps];
        if Generation::of(machine).is_4() {
            let learned = || Learned::Documented("sushy, HD: iLO 4".to_owned());
            let why = "iLO 4 takes images by an OEM action alone, which is not spoken here";
            for operation in inserts.into_iter().chain([Operation::MediaEject]) {
                capabilities.set(operation, Support::Unsupported(why.to_owned()), learned());
            }
            let why = "Gen8 and Gen9 do not show BootSourceOverrideMode";
            capabilities.set(Operation::BootModeSet, Support::Unsupported(why.to_owned()), learned());
        } else if let Some(support) = machine.manager().and_then(media_licence) {
            for operation in inserts {
                capabilities.set(operation, support.clone(), Learned::Advertised);
            }
        }
    }

    /// `Oem.Hpe.PostState` knows of POST what the standard property does not: iLO 5 has no `BootProgress` at all, and on
    /// iLO 7 it stays at `None` through POST (R7).
    fn host_progress(&self, system: &Document) -> HostProgress {
        let shown = Plain.host_progress(system);
        match oem(system, "PostState") {
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

    /// Without the mode, which some iLOs refuse as not writable even unchanged (CG#3509). An override is taken back by
    /// `Enabled` alone: the target None is refused (metal-operator PR#998).
    fn boot_override_bodies(&self, wanted: &BootOverride, name: &str, mode: Option<&str>) -> Vec<Value> {
        if wanted.enabled == OverrideEnabled::Disabled {
            return vec![json!({"Boot": {"BootSourceOverrideEnabled": "Disabled"}})];
        }
        let mut bodies = Plain.boot_override_bodies(wanted, name, mode);
        bodies.truncate(1);
        bodies
    }

    /// Only the least form: it is all that an iLO needs (HD), and no further property mends a refusal.
    fn insert_bodies(&self, machine: &Machine, image: &MediaImage) -> Vec<Value> {
        let mut bodies = Plain.insert_bodies(machine, image);
        bodies.truncate(1);
        bodies
    }

    fn bios_split_stages(
        &self,
        desired: &Attributes,
        differing: &Attributes,
        current: &Attributes,
        registry: Option<&Registry>,
    ) -> Vec<BiosStage> {
        bios::stages(desired, differing, current, registry)
            .unwrap_or_else(|| Plain.bios_split_stages(desired, differing, current, registry))
    }

    fn bios_verdict(&self, evidence: &BiosEvidence<'_>, attribute: &str) -> Option<AttributeVerdict> {
        Some(bios::verdict(evidence, attribute))
    }

    /// Storage data is of the present boot only once the main discovery is over (HD: rdeSupport).
    fn readiness<'a>(&'a self, host: &'a Host, what: Readiness) -> Option<Fut<'a, ReadyState>> {
        match what {
            Readiness::StorageInventory => Some(Box::pin(discovered(host))),
            _ => None,
        }
    }

    /// An iLO says of a state that is reached already what it says when it is busy.
    fn is_already(&self, error: &Error) -> bool {
        error.has_message("InvalidOperationForSystemState")
    }
}

/// A text of HPE's own part of a resource; iLO 4 calls it `Hp`.
fn oem<'a>(document: &'a Document, path: &str) -> Option<&'a str> {
    document.str(&format!("Oem/Hpe/{path}")).or_else(|| document.str(&format!("Oem/Hp/{path}")))
}

/// Whether the licence covers images by URL, which take iLO Advanced (HD). Of other licences than these two nothing is
/// known.
fn media_licence(manager: &Document) -> Option<Support> {
    let licence = oem(manager, "License/LicenseString")?;
    if licence.contains("Advanced") {
        Some(Support::Supported)
    } else if licence.contains("Standard") {
        Some(Support::NeedsLicence("iLO Advanced".to_owned()))
    } else {
        None
    }
}

async fn discovered(host: &Host) -> Result<ReadyState> {
    let system = host.system().await?;
    Ok(match oem(&system, "DeviceDiscoveryComplete/DeviceDiscovery") {
        Some("vMainDeviceDiscoveryComplete") | None => ReadyState::Ready,
        Some(seen) => ReadyState::NotYet(format!("DeviceDiscovery is {seen}")),
    })
}
