//! The hooks of the standard driver that differ.

use std::collections::BTreeSet;

use rackhand_bmc::{
    Attributes, BootOverride, Capabilities, Fut, HostProgress, MediaImage, MediaSlot, Quirks, Readiness,
    ReadyState, Result, Vendor,
};
use rackhand_redfish::{Dialect, Document, Host, Machine, Plain};
use serde_json::{Value, json};

use crate::{
    capabilities,
    quirks::{allows_nothing, generation, on, quirks},
};

/// Cisco's differences.
#[derive(Debug, Clone)]
pub struct CimcDialect {
    quirks: Quirks,
}

impl CimcDialect {
    /// The differences, but for the cures of the quirks that are named in `off`.
    #[must_use]
    pub fn new(off: &BTreeSet<String>) -> Self {
        Self::with(Quirks::new(quirks(), off))
    }

    pub(crate) fn with(quirks: Quirks) -> Self {
        Self { quirks }
    }

    fn on(&self, machine: &Machine, name: &str) -> bool {
        on(&self.quirks, machine, name)
    }
}

/// The part of a slot's name on X-series that says it takes images by URL; the others belong to the KVM and answer 400
/// to an insert (ISV2; ironic bugs 2031595 and 2039042).
const BY_URL: &str = "cimc-mapped";
/// The part that the others have.
const OF_THE_KVM: &str = "kvm";

impl Dialect for CimcDialect {
    fn vendor(&self) -> Vendor {
        Vendor::Cisco
    }

    /// VIC adapters are Managers beside the CIMC (adapters-are-managers).
    fn is_bmc(&self, manager: &Document) -> bool {
        let nothing =
            manager.action("Manager.Reset").is_some_and(|action| allows_nothing(action, "ResetType"));
        Plain.is_bmc(manager) && !(nothing && self.quirks.cures("adapters-are-managers"))
    }

    fn generation(&self, machine: &Machine) -> String {
        generation(machine).to_owned()
    }

    fn capabilities(&self, machine: &Machine, known: &mut Capabilities) {
        capabilities::of(&self.quirks, machine, known);
    }

    /// post-completion-status.
    fn host_progress(&self, system: &Document) -> HostProgress {
        let status = system.bool("Oem/Cisco/PostCompletionStatus");
        match (Plain.host_progress(system), status.filter(|_| self.quirks.cures("post-completion-status"))) {
            (HostProgress::Unknown, Some(true)) => HostProgress::PostFinished,
            (HostProgress::Unknown, Some(false)) => HostProgress::InPost,
            (shown, _) => shown,
        }
    }

    /// override-without-mode. Where the System shows a mode after all, the standard's bodies are sent.
    fn boot_override_bodies(&self, wanted: &BootOverride, name: &str, mode: Option<&str>) -> Vec<Value> {
        if mode.is_some() || !self.quirks.cures("override-without-mode") {
            return Plain.boot_override_bodies(wanted, name, mode);
        }
        let mut bodies =
            Plain.boot_override_bodies(&BootOverride { mode: None, ..wanted.clone() }, name, mode);
        bodies.truncate(1);
        bodies
    }

    /// mapped-dvd-is-last; else by what the slot takes, never by its place: 1 may come before 0 (ISV).
    fn slot_preference(&self, machine: &Machine, slot: &MediaSlot) -> u32 {
        let mapped = slot.name.to_ascii_lowercase().contains(BY_URL);
        let usual = Plain.slot_preference(machine, slot) * 2;
        if mapped || !self.on(machine, "mapped-dvd-is-last") { usual } else { usual + 1 }
    }

    /// kvm-slots-refuse-images.
    fn can_insert(&self, machine: &Machine, slot: &Document) -> bool {
        let name = slot.str("Name").unwrap_or_default().to_ascii_lowercase();
        let kvm = name.contains(OF_THE_KVM) && !name.contains(BY_URL);
        !(kvm && self.on(machine, "kvm-slots-refuse-images")) && Plain.can_insert(machine, slot)
    }

    /// insert-wants-everything: first all of it, then the least. The `AllowableValues` beside the action are sentences, not
    /// values (ISV), and are not looked at.
    fn insert_bodies(&self, machine: &Machine, image: &MediaImage) -> Vec<Value> {
        let mut bodies = Plain.insert_bodies(machine, image);
        if self.on(machine, "insert-wants-everything") {
            bodies.reverse();
        }
        bodies
    }

    /// bios-flat-body: in the standard's wrapper first. Newer firmware that shows settings of its own gets that alone.
    fn bios_bodies(&self, bios: &Document, attributes: &Attributes) -> Vec<Value> {
        let mut bodies = Plain.bios_bodies(bios, attributes);
        if self.bios_settings_uri(bios).is_none() && self.quirks.cures("bios-flat-body") {
            bodies.push(json!(attributes));
        }
        bodies
    }

    /// partial-inventory.
    fn readiness<'a>(&'a self, host: &'a Host, what: Readiness) -> Option<Fut<'a, ReadyState>> {
        match what {
            Readiness::StorageInventory if self.on(&host.machine, "partial-inventory") => {
                Some(Box::pin(inventoried(host)))
            }
            _ => None,
        }
    }
}

async fn inventoried(host: &Host) -> Result<ReadyState> {
    let system = host.system().await?;
    Ok(partial(&system).map_or(ReadyState::Ready, ReadyState::NotYet))
}

/// Why the storage that a System lists may be a part of it.
pub(crate) fn partial(system: &Document) -> Option<String> {
    let state = system.str("Oem/Cisco/InventoryState").filter(|state| *state != "OobInventoryReady")?;
    Some(format!("InventoryState is {state}"))
}
