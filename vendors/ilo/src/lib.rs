//! What HPE iLO does otherwise.
//!
//! | | iLO 4 | iLO 5 | iLO 6 | iLO 7 |
//! |---|---|---|---|---|
//! | told by | `Oem.Hp` | `Vendor`, `Oem.Hpe` | `Vendor`, `Oem.Hpe` | `Vendor`, `Oem.Hpe` |
//! | firmware as written | `iLO 4 v2.x` | `iLO 5 v2.72` | `iLO 6 v1.66` | `1.14.00 May 28 2025` |
//! | insert an image | OEM action | Manager, slot 2 | Manager, slot 2 | Manager, slot 2 |
//! | boot mode | BIOS setting | BIOS setting | UEFI only | UEFI only |
//! | array controllers | SmartStorage, read only | Volumes, else SmartStorageConfig | Volumes | Volumes |
//!
//! Each difference is a row of [`quirks`], which its cure asks for by name.
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
mod boot;
mod capabilities;
mod dialect;
mod firmware;
mod generation;
mod jobs;
mod media;
mod messages;
mod quirks;
mod storage;

use std::sync::{Arc, OnceLock};

use rackhand_bmc::{Bmc, Claim, Driver, Fut, Quirk, Target};
use rackhand_redfish::{Document, Link, Standard};

use self::quirks::Hpe;
pub use self::{dialect::IloDialect, generation::Generation, messages::MESSAGES, quirks::quirks};

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

    fn quirks(&self) -> &'static [Quirk] {
        quirks()
    }

    fn probe(&self, link: &Link) -> Claim {
        claim(&link.root)
    }

    fn connect(&self, link: Link, target: Target) -> Fut<'_, Bmc> {
        let dialect = IloDialect::without(&target.quirks_off);
        let cures = dialect.cures().clone();
        let machine = Arc::new(OnceLock::new());
        // Each facet of HPE's is made from the machine, the cures, and the standard one.
        macro_rules! hpes {
            ($make:path) => {{
                let cures = cures.clone();
                move |host, standard| $make(&Hpe::new(host, &cures), standard)
            }};
        }
        let (seen, own) = (Arc::clone(&machine), cures.clone());
        let standard = Standard::new(link, target, dialect)
            .with_boot(hpes!(boot::boot))
            .with_media(hpes!(media::media))
            .with_jobs(move |host, standard| jobs::jobs(seen.get_or_init(|| Hpe::new(host, &own)), standard));
        Box::pin(async move {
            let mut bmc = standard.connect().await?;
            if let Some(hpe) = machine.get() {
                bmc.storage = storage::storage(hpe);
                bmc.firmware = firmware::firmware(hpe);
            }
            Ok(bmc)
        })
    }
}
