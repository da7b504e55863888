//! What Cisco CIMC does otherwise: UCS C-series standalone, and X-series blades where their CIMC is reached.
//!
//! - Its service root names no `Vendor` before 4.2; its `Name` tells it on every one seen (Redfish 1.0.0 to 1.9.0).
//! - [`quirks`] lists what it does otherwise; each row can be switched off by name.
//! - What Redfish on its firmware lacks is done by the [XML API](xml): boot mode and order, precise one-time devices,
//!   secure boot, mappings of images, BIOS tokens, volumes. Redfish comes first where it can; which way is taken stands in the
//!   capability. No XML session is opened before an operation needs one.
//!
//! BMCs on OpenBMC (UCS C845A M8 and the newer "Cisco BMC") are the standard driver's.
//!
//! The sources of facts: "ISV" is the documentation of `akaliwod/iserver`, which holds answers of C220 M4 to C225 M6,
//! S3260 and X210c; "ISV2" its later workflow; "G41" Cisco's REST API guide for 4.1; "SDK" Cisco's `imcsdk`.

#![deny(clippy::indexing_slicing)]

mod bios;
mod boot;
mod capabilities;
mod cisco;
mod dialect;
mod firmware;
mod mappings;
mod media;
mod ports;
mod precise;
mod quirks;
mod remote;
mod session;
mod storage;
pub mod xml;

use std::sync::{Arc, OnceLock};

use rackhand_bmc::{Bmc, Claim, Driver, Fut, Operation, Quirk, Quirks, Result, Target};
use rackhand_redfish::{Document, Host, Link, Standard};

use self::{
    bios::XmlBios,
    boot::{CimcBoot, CimcPower},
    cisco::Cisco,
    firmware::CimcFirmware,
    media::CimcMedia,
    ports::CimcInventory,
    precise::Precise,
    session::Sessions,
    storage::CimcStorage,
    xml::{RedfishLedger, XmlClient},
};
pub use self::{dialect::CimcDialect, quirks::quirks};

/// The driver of Cisco CIMC.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cimc;

/// Models whose BMC is OpenBMC's (ironic, note cisco-c845a).
const OPENBMC_MODELS: [&str; 1] = ["UCSC-845A"];

/// Whether a service root is a CIMC's. `Vendor` is "Cisco Systems Inc.", with the dot or without; where it is missing (M5
/// 4.1, C220 M4 before), `Name` is "Cisco RESTful Root Service" (ISV).
fn claim(root: &Document) -> Claim {
    let begins = |property: &str| {
        root.str(property)
            .is_some_and(|text| text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("Cisco")))
    };
    let product = root.str("Product").unwrap_or_default();
    if OPENBMC_MODELS.iter().any(|model| product.starts_with(model)) {
        return Claim::No;
    }
    match (begins("Name"), begins("Vendor") || root.at("Oem/Cisco").is_some()) {
        (true, _) => Claim::Certain,
        (false, true) => Claim::Likely,
        (false, false) if product.starts_with("UCS") => Claim::Likely,
        (false, false) => Claim::No,
    }
}

impl Driver for Cimc {
    type Link = Link;

    fn name(&self) -> &'static str {
        "cimc"
    }

    fn quirks(&self) -> &'static [Quirk] {
        quirks()
    }

    fn probe(&self, link: &Link) -> Claim {
        claim(&link.root)
    }

    fn connect(&self, link: Link, target: Target) -> Fut<'_, Bmc> {
        Box::pin(connected(link, target))
    }
}

/// What the facets of one machine share, made when the first of them is.
#[derive(Clone)]
struct Shared {
    xml: XmlClient,
    quirks: Quirks,
    made: Arc<OnceLock<(Arc<Cisco>, Arc<Precise>)>>,
}

impl Shared {
    fn of(&self, host: &Arc<Host>) -> (Arc<Cisco>, Arc<Precise>) {
        let make = || {
            let cisco = Arc::new(Cisco::new(host, &self.xml, &self.quirks));
            (Arc::clone(&cisco), Arc::new(Precise::new(cisco)))
        };
        self.made.get_or_init(make).clone()
    }
}

/// The standard driver, with the facets that may need the XML API. That is spoken with no sooner than one of them does.
async fn connected(link: Link, mut target: Target) -> Result<Bmc> {
    let xml = XmlClient::new(Arc::clone(&link.transport), &target);
    let quirks = Quirks::new(quirks(), &target.quirks_off);
    let shared = Shared { xml: xml.clone(), quirks: quirks.clone(), made: Arc::default() };
    target.ledger = Arc::new(RedfishLedger::new(target.ledger, Arc::clone(&target.clock)));
    let (for_power, for_boot) = (shared.clone(), shared.clone());
    let (for_media, for_bios, for_inventory) = (shared.clone(), shared.clone(), shared.clone());
    let mut bmc = Standard::new(link, target, CimcDialect::with(quirks))
        .with_power(move |host, standard| Arc::new(CimcPower { standard, precise: for_power.of(host).1 }))
        .with_boot(move |host, standard| {
            let (cisco, precise) = for_boot.of(host);
            Arc::new(CimcBoot { cisco, standard, precise })
        })
        .with_media(move |host, standard| Arc::new(CimcMedia::new(for_media.of(host).0, standard)))
        .with_bios(move |host, standard| {
            let (cisco, _) = for_bios.of(host);
            let by_xml = host.machine.system.link("Bios").is_none() && cisco.by_xml("bios-by-xml");
            if by_xml { Arc::new(XmlBios::new(cisco)) } else { standard }
        })
        .with_inventory(move |host, standard| {
            Arc::new(CimcInventory { cisco: for_inventory.of(host).0, standard })
        })
        .connect()
        .await?;
    if let Some((cisco, _)) = shared.made.get() {
        if cisco.host.machine.system.link("Storage").is_some() || cisco.by_xml("volumes-by-xml") {
            bmc.storage = Some(Arc::new(CimcStorage::new(Arc::clone(cisco), bmc.storage.take())));
        }
        if cisco.host.machine.root.link("UpdateService").is_some() {
            bmc.firmware = Some(Arc::new(CimcFirmware::new(Arc::clone(cisco))));
        }
    }
    if bmc.require(Operation::BiosRead).is_err() {
        bmc.bios = None;
    }
    capabilities::without(&mut bmc);
    bmc.session = Arc::new(Sessions { redfish: bmc.session, xml });
    Ok(bmc)
}
