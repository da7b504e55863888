//! The dialect of services that are no vendor's of ours: OpenBMC, AMI MegaRAC, NVIDIA, emulators.

use std::collections::BTreeSet;

use rackhand_bmc::{
    Attributes, BootTarget, Capabilities, Learned, MediaImage, Operation, Quirk, Quirks, Support,
};
use serde_json::Value;

use super::{
    bios::Registry,
    dialect::{Dialect, Plain},
    host::Machine,
    quirks::{self, standard_quirks},
};
use crate::{client::Conduct, document::Document};

/// What the standard driver does for one such service or the other.
#[derive(Debug)]
pub struct Generic {
    cures: Quirks,
}

impl Generic {
    /// The dialect without the cures that are named in `off`.
    #[must_use]
    pub fn without(off: &BTreeSet<String>) -> Self {
        Self { cures: Quirks::new(standard_quirks(), off) }
    }

    fn cures(&self, name: &str) -> bool {
        self.cures.cures(name)
    }
}

/// AMI on DGX H100 ("Viking"), told by the version of Redfish that it alone was seen with.
fn is_viking(root: &Document) -> bool {
    root.str("Vendor") == Some("AMI") && root.str("RedfishVersion") == Some("1.11.0")
}

/// bmcweb says so of its Manager. Where that was not read, it is not known.
fn is_openbmc(machine: &Machine) -> bool {
    let manager = machine.manager();
    manager.is_some_and(|manager| {
        manager.str("Model").is_some_and(|model| model.eq_ignore_ascii_case("OpenBmc"))
            || manager.at("Oem/OpenBmc").is_some()
    })
}

/// Whether a slot of bmcweb is fed through a browser.
fn is_proxy(slot: &Document) -> bool {
    slot.at("Oem/OpenBMC/WebSocketEndpoint").is_some()
        || slot.str("TransferProtocolType") == Some("OEM")
        || slot.str("ConnectedVia") == Some("Applet")
}

/// How bmcweb takes images. NVIDIA's own was not seen to mount one, so there upstream's rule is but a reason to ask.
fn openbmc_media(machine: &Machine, known: &mut Capabilities) {
    let row = standard_quirks().iter().find(|row| row.name == quirks::OPENBMC_HTTPS);
    let cited = Learned::Documented(row.map(Quirk::to_string).unwrap_or_default());
    let own = machine.root.str("Vendor").is_none_or(|vendor| vendor.eq_ignore_ascii_case("OpenBMC"));
    let has_media = machine.system.link("VirtualMedia").is_some()
        || machine.manager().is_some_and(|manager| manager.link("VirtualMedia").is_some());
    if !has_media {
        return;
    }
    let refused = || Support::Unsupported("OpenBMC takes images by https and smb alone".to_owned());
    if !own {
        known.set(Operation::MediaInsertHttp, Support::Unknown, cited);
        return;
    }
    for (operation, support) in [
        (Operation::MediaInsertHttp, refused()),
        (Operation::MediaInsertHttps, Support::Supported),
        (Operation::MediaInsertNfs, refused()),
        (Operation::MediaInsertCifs, Support::Supported),
    ] {
        known.set(operation, support, cited.clone());
    }
}

impl Dialect for Generic {
    fn conduct(&self, root: &Document) -> Conduct {
        let expand = !(is_viking(root) && self.cures(quirks::VIKING));
        Conduct { expand, ..Conduct::default() }
    }

    fn capabilities(&self, machine: &Machine, capabilities: &mut Capabilities) {
        if is_openbmc(machine) && self.cures(quirks::OPENBMC_HTTPS) {
            openbmc_media(machine, capabilities);
        }
    }

    fn boot_target_name(&self, _machine: &Machine, target: &BootTarget, allowed: &[&str]) -> String {
        let has = |name: &str| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
        let as_usb = *target == BootTarget::Cd && !has("Cd") && has("UsbCd") && self.cures(quirks::USB_CD);
        if as_usb { "UsbCd".to_owned() } else { target.as_str().to_owned() }
    }

    fn boot_target(&self, name: &str) -> BootTarget {
        if name.eq_ignore_ascii_case("UsbCd") && self.cures(quirks::USB_CD) {
            BootTarget::Cd
        } else {
            Plain.boot_target(name)
        }
    }

    fn insert_bodies(&self, machine: &Machine, image: &MediaImage) -> Vec<Value> {
        let share = image.url.strip_prefix("cifs://");
        match share.filter(|_| is_openbmc(machine) && self.cures(quirks::OPENBMC_HTTPS)) {
            // The same share, by the name that bmcweb has for it.
            Some(share) => Plain.insert_bodies(
                machine,
                &MediaImage { url: format!("smb://{share}"), credentials: image.credentials.clone() },
            ),
            None => Plain.insert_bodies(machine, image),
        }
    }

    fn can_insert(&self, machine: &Machine, slot: &Document) -> bool {
        Plain.can_insert(machine, slot) && !(is_proxy(slot) && self.cures(quirks::PROXY_SLOTS))
    }

    /// The one attribute that people see by the wanted name. Of several nobody knows which is meant.
    fn bios_names(&self, wanted: &str, current: &Attributes, registry: Option<&Registry>) -> Vec<String> {
        let known = current.contains_key(wanted) || registry.is_some_and(|all| all.get(wanted).is_some());
        let shown =
            registry.into_iter().flat_map(|all| &all.catalogue.attributes).filter(|(_, attribute)| {
                attribute.display_name.as_deref().is_some_and(|shown| shown.eq_ignore_ascii_case(wanted))
            });
        let named: Vec<String> = shown.map(|(name, _)| name.clone()).collect();
        match named.as_slice() {
            [only] if !known && self.cures(quirks::DISPLAY_NAMES) => vec![only.clone()],
            _ => vec![wanted.to_owned()],
        }
    }
}
