//! The hooks of the standard driver that differ.

use rackhand_bmc::{
    Attributes, BootOverride, Capabilities, Fut, HostProgress, Learned, MediaImage, MediaSlot, Operation,
    Readiness, ReadyState, Result, Support, Vendor,
};
use rackhand_redfish::{Dialect, Document, Host, Machine, Plain};
use serde_json::{Value, json};

/// Cisco's differences.
#[derive(Debug, Clone, Copy, Default)]
pub struct CimcDialect;

/// The part of a slot's name on X-series that says it takes images by URL; the others belong to the KVM and answer 400
/// to an insert (ISV2; ironic bugs 2031595 and 2039042).
const BY_URL: &str = "cimc-mapped";
/// The part that the others have.
const OF_THE_KVM: &str = "kvm";

impl Dialect for CimcDialect {
    fn vendor(&self) -> Vendor {
        Vendor::Cisco
    }

    /// VIC adapters are Managers beside the CIMC, with a Reset that allows nothing (ISV: C220 M5).
    fn is_bmc(&self, manager: &Document) -> bool {
        let resets =
            manager.action("Manager.Reset").and_then(|action| action.at("ResetType@Redfish.AllowableValues"));
        let nothing = resets.is_some_and(|values| values.list("").is_empty());
        Plain.is_bmc(manager) && !nothing
    }

    /// Firmware generations are not named; blades are told from rack servers by their model.
    fn generation(&self, machine: &Machine) -> String {
        let model = machine.system.str("Model").unwrap_or_default();
        if model.starts_with("UCSX") { "CIMC (X-series)".to_owned() } else { "CIMC".to_owned() }
    }

    fn capabilities(&self, machine: &Machine, capabilities: &mut Capabilities) {
        let mut cannot = |operation: Operation, why: &str, source: &str| {
            let learned = Learned::Documented(source.to_owned());
            capabilities.set(operation, Support::Unsupported(why.to_owned()), learned);
        };
        if machine.system.at("Boot/BootSourceOverrideMode").is_none() {
            let why = "CIMC sets the boot mode by its XML API alone";
            cannot(Operation::BootModeSet, why, "ISV: 4.1 and 4.2; SDK: lsbootDevPrecision");
        }
        if pending_is_hidden(machine) {
            let why = "CIMC does not show BIOS settings that wait for a reset";
            cannot(Operation::BiosPendingRead, why, "ISV: 4.1 and 4.2");
            cannot(Operation::BiosDiscard, why, "ISV: 4.1 and 4.2");
            let learned = Learned::Documented("G41: PATCH of Bios, in force after a reset".to_owned());
            capabilities.set(Operation::BiosStage, Support::NeedsReset, learned);
        }
    }

    /// `Oem.Cisco.PostCompletionStatus` tells whether POST is over (ISV).
    fn host_progress(&self, system: &Document) -> HostProgress {
        match (Plain.host_progress(system), system.bool("Oem/Cisco/PostCompletionStatus")) {
            (HostProgress::Unknown, Some(true)) => HostProgress::PostFinished,
            (HostProgress::Unknown, Some(false)) => HostProgress::InPost,
            (shown, _) => shown,
        }
    }

    /// There is no `BootSourceOverrideMode` to send (ISV: 4.1 and 4.2).
    fn boot_override_bodies(&self, wanted: &BootOverride, name: &str, mode: Option<&str>) -> Vec<Value> {
        let mut bodies =
            Plain.boot_override_bodies(&BootOverride { mode: None, ..wanted.clone() }, name, mode);
        bodies.truncate(1);
        bodies
    }

    /// By what the slot takes and what it is called, never by its place: 1 may come before 0 (ISV). X-series calls its own
    /// "CIMC-Mapped vDVD", with the type DVD alone.
    fn slot_preference(&self, machine: &Machine, slot: &MediaSlot) -> u32 {
        let mapped = slot.name.to_ascii_lowercase().contains(BY_URL);
        let usual = Plain.slot_preference(machine, slot) * 2;
        if mapped { usual } else { usual + 1 }
    }

    /// The KVM's own slots advertise the action and refuse it with 400 (ISV2).
    fn can_insert(&self, machine: &Machine, slot: &Document) -> bool {
        let name = slot.str("Name").unwrap_or_default().to_ascii_lowercase();
        let kvm = name.contains(OF_THE_KVM) && !name.contains(BY_URL);
        !kvm && Plain.can_insert(machine, slot)
    }

    /// First the form that is seen to work, with everything in it (ISV2), then the least. The `AllowableValues` beside the
    /// action are sentences, not values (ISV), and are not looked at.
    fn insert_bodies(&self, machine: &Machine, image: &MediaImage) -> Vec<Value> {
        let mut bodies = Plain.insert_bodies(machine, image);
        bodies.reverse();
        bodies
    }

    /// Settings go to `Bios` itself (G41), in the standard's wrapper, or flat as in the guide's example where the wrapper is
    /// refused. Newer firmware that shows settings of its own gets the standard's form.
    fn bios_bodies(&self, bios: &Document, attributes: &Attributes) -> Vec<Value> {
        let mut bodies = Plain.bios_bodies(bios, attributes);
        if self.bios_settings_uri(bios).is_none() {
            bodies.push(json!(attributes));
        }
        bodies
    }

    /// With the host off, storage may be listed in part (ISV: `PartialInventoryReady`).
    fn readiness<'a>(&'a self, host: &'a Host, what: Readiness) -> Option<Fut<'a, ReadyState>> {
        match what {
            Readiness::StorageInventory => Some(Box::pin(inventoried(host))),
            _ => None,
        }
    }
}

/// Up to 4.2 settings that wait are nowhere to be read (ISV). Of later firmware nothing is known.
fn pending_is_hidden(machine: &Machine) -> bool {
    let version = machine.manager().and_then(|manager| firmware(manager.str("FirmwareVersion")?));
    version.is_some_and(|version| version < (4, 3))
}

/// Major and minor of "4.1(3d)".
fn firmware(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

async fn inventoried(host: &Host) -> Result<ReadyState> {
    let system = host.system().await?;
    Ok(match system.str("Oem/Cisco/InventoryState") {
        Some("OobInventoryReady") | None => ReadyState::Ready,
        Some(seen) => ReadyState::NotYet(format!("InventoryState is {seen}")),
    })
}
