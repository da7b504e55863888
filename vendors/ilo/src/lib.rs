//! What HPE iLO does otherwise.
//!
//! | | iLO 4 | iLO 5 | iLO 6 | iLO 7 |
//! |---|---|---|---|---|
//! | told by | `Oem.Hp` | `Vendor`, `Oem.Hpe` | `Vendor`, `Oem.Hpe` | `Vendor`, `Oem.Hpe` |
//! | firmware as written | `iLO 4 v2.x` | `iLO 5 v2.72` | `iLO 6 v1.66` | `1.14.00 May 28 2025` |
//! | insert an image | cannot (OEM action only) | Manager, slot 2 | Manager, slot 2 | Manager, slot 2 |
//! | boot mode | not shown | shown | shown | UEFI only |
//!
//! What does *not* differ, though it is said to: connections are kept. iLOs before 7 are known to close them after an
//! answer (NICo), which costs a new connection and nothing else, because a connection that was closed is noticed before
//! a request is sent; none was seen to choke on a request to keep it.
//!
//! The sources of facts: "R5" to "R7" are recorded machines with iLO 5 2.46, 2.72 and 2.96, iLO 6 1.66 and iLO 7 1.14; "HD"
//! is HPE's Redfish documentation by file; "prox" proliantutils; "CG" `community.general` of Ansible; "NICo" NVIDIA's
//! bare-metal manager.

#![deny(clippy::indexing_slicing)]

mod bios;
mod dialect;
mod generation;
mod messages;

use rackhand_bmc::{Bmc, Claim, Driver, Fut, Target};
use rackhand_redfish::{Document, Link, Standard};

pub use self::{dialect::IloDialect, generation::Generation, messages::MESSAGES};

/// The driver of HPE iLO 4 to 7.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ilo;

/// Whether a service root is an iLO's. `Vendor` is there from iLO 5 2.46 on and may be missing before (R5); iLO 4 has only
/// its `Oem.Hp`.
fn claim(root: &Document) -> Claim {
    let vendor = root.str("Vendor").is_some_and(|vendor| vendor == "HPE" || vendor == "HP");
    let ilo = generation::in_root(root).is_some();
    match (ilo, vendor || root.at("Oem/Hpe").is_some() || root.at("Oem/Hp").is_some()) {
        (true, _) => Claim::Certain,
        // HPE sells machines with other BMCs (Cray EX), so the name alone is no proof.
        (false, true) => Claim::Likely,
        (false, false) => Claim::No,
    }
}

impl Driver for Ilo {
    type Link = Link;

    fn name(&self) -> &'static str {
        "ilo"
    }

    fn probe(&self, link: &Link) -> Claim {
        claim(&link.root)
    }

    fn connect(&self, link: Link, target: Target) -> Fut<'_, Bmc> {
        Standard::new(link, target, IloDialect).connect()
    }
}
