//! What Cisco CIMC does otherwise: UCS C-series standalone, and X-series blades where their CIMC is reached.
//!
//! - Its service root names no `Vendor` before 4.2; its `Name` tells it on every one seen (Redfish 1.0.0 to 1.9.0).
//! - A boot override has no mode, and the real boot order is the XML API's.
//! - Virtual media maps after the answer, and its collection comes in no stable order.
//! - BIOS settings are written to `Bios` itself, and what waits for a reset is not shown.
//!
//! BMCs on OpenBMC (UCS C845A M8 and the newer "Cisco BMC") are the standard driver's.
//!
//! The sources of facts: "ISV" is the documentation of `akaliwod/iserver`, which holds answers of C220 M4 to C225 M6,
//! S3260 and X210c; "ISV2" its later workflow; "G41" Cisco's REST API guide for 4.1; "SDK" Cisco's `imcsdk`.

#![deny(clippy::indexing_slicing)]

mod capabilities;
mod dialect;
mod quirks;
mod session;
pub mod xml;

use std::sync::Arc;

use rackhand_bmc::{Bmc, Claim, Driver, Fut, Target};
use rackhand_redfish::{Document, Link, Standard};

pub use self::{dialect::CimcDialect, quirks::quirks};
use self::{
    session::Sessions,
    xml::{RedfishLedger, XmlClient},
};

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

    fn probe(&self, link: &Link) -> Claim {
        claim(&link.root)
    }

    fn connect(&self, link: Link, mut target: Target) -> Fut<'_, Bmc> {
        Box::pin(async move {
            let xml = XmlClient::new(Arc::clone(&link.transport), &target);
            target.ledger = Arc::new(RedfishLedger::new(target.ledger, Arc::clone(&target.clock)));
            let dialect = CimcDialect::new(&target.quirks_off);
            let mut bmc = Standard::new(link, target, dialect).connect().await?;
            bmc.session = Arc::new(Sessions { redfish: bmc.session, xml });
            Ok(bmc)
        })
    }
}
