//! What Supermicro's BMCs do otherwise (boards X10 to X14 and H11 to H14, ARS).
//!
//! They are told by `Vendor` or, where the root has none (11.01 as captured), by its `Oem.Supermicro`. Each difference is a
//! row of [`quirks`], which its cure asks for by name.
//!
//! The sources of facts: "RS" is a recorded SYS-821GE with firmware 11.01.01 and its BIOS registry; "sushy" and "ironic"
//! OpenStack's, with their stories; "CG" `community.general` of Ansible; "LRF" NVIDIA's libredfish; "bmclib" Tinkerbell's;
//! "NICo" NVIDIA's bare-metal manager.

#![deny(clippy::indexing_slicing)]

mod bios;
mod capabilities;
mod dialect;
mod firmware;
mod quirks;

use rackhand_bmc::{Bmc, Claim, Driver, Fut, Target};
use rackhand_redfish::{Document, Link, Standard};

use self::quirks::Smc;
pub use self::{
    dialect::{MESSAGES, SupermicroDialect},
    quirks::quirks,
};

/// The driver of Supermicro's BMCs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Supermicro;

/// Whether a service root is Supermicro's.
fn claim(root: &Document) -> Claim {
    let vendor = root.str("Vendor").is_some_and(|vendor| vendor.eq_ignore_ascii_case("Supermicro"));
    if vendor || root.at("Oem/Supermicro").is_some() { Claim::Certain } else { Claim::No }
}

impl Driver for Supermicro {
    type Link = Link;

    fn name(&self) -> &'static str {
        "supermicro"
    }

    fn probe(&self, link: &Link) -> Claim {
        claim(&link.root)
    }

    fn connect(&self, link: Link, target: Target) -> Fut<'_, Bmc> {
        let dialect = SupermicroDialect::without(&target.quirks_off);
        let cures = dialect.cures().clone();
        let updates = link.root.link("UpdateService").is_some();
        let standard = Standard::new(link, target, dialect);
        if !updates {
            return standard.connect();
        }
        standard
            .with_firmware(move |host, standard| firmware::firmware(&Smc::new(host, &cures), standard))
            .connect()
    }
}
