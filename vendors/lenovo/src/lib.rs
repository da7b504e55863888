//! What Lenovo XClarity Controllers do otherwise.
//!
//! | | XCC1 | XCC2 | XCC3 |
//! |---|---|---|---|
//! | servers | ThinkSystem, ThinkSystem V2 | V3 | V4 |
//! | images by | HTTP, NFS | HTTP, HTTPS, NFS, CIFS | HTTP, HTTPS, NFS, CIFS |
//! | a volume takes | all free drives | the drives that are named | the drives that are named |
//!
//! Each difference is a row of [`quirks`], which its cure asks for by name. Small servers with AMI's "TSM" say that they are
//! AMI's, and are left to the standard driver.
//!
//! The sources of facts: "RL" is a recorded SR670 V2 with XCC 2.83; "LD1" to "LD3" Lenovo's documentation of the REST API of
//! XCC, XCC2 and XCC3; "PRL" Lenovo's Redfish scripts; "LRF" NVIDIA's libredfish; "sushy" and "ironic" OpenStack's.

#![deny(clippy::indexing_slicing)]

mod boot;
mod capabilities;
mod dialect;
mod licence;
mod media;
mod power;
mod quirks;
mod storage;

use rackhand_bmc::{Bmc, Claim, Driver, Fut, Target};
use rackhand_redfish::{Document, Link, Standard};

use self::quirks::Xcc;
pub use self::{dialect::LenovoDialect, quirks::quirks};

/// The driver of Lenovo XClarity Controllers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lenovo;

/// Whether a service root is an XCC's. Early ones have no `Vendor`, only their `Oem.Lenovo`.
fn claim(root: &Document) -> Claim {
    match (root.str("Vendor"), root.at("Oem/Lenovo").is_some()) {
        (Some("Lenovo"), _) | (None, true) => Claim::Certain,
        // A TSM: AMI's service in Lenovo's server.
        _ => Claim::No,
    }
}

impl Driver for Lenovo {
    type Link = Link;

    fn name(&self) -> &'static str {
        "lenovo"
    }

    fn probe(&self, link: &Link) -> Claim {
        claim(&link.root)
    }

    fn connect(&self, link: Link, target: Target) -> Fut<'_, Bmc> {
        let dialect = LenovoDialect::without(&target.quirks_off);
        let cures = dialect.cures().clone();
        // Each facet of Lenovo's is made from the machine, the cures, and the standard one.
        macro_rules! lenovos {
            ($make:path) => {{
                let cures = cures.clone();
                move |host, standard| $make(Xcc::new(host, &cures), standard)
            }};
        }
        let standard = Standard::new(link, target, dialect)
            .with_power(lenovos!(power::power))
            .with_boot(lenovos!(boot::boot))
            .with_media(lenovos!(media::media))
            .with_storage(lenovos!(storage::storage));
        Box::pin(async move {
            let mut bmc = standard.connect().await?;
            // A facet that was put in stands even where the System links nothing for it.
            if bmc.capabilities.refusal(rackhand_bmc::Operation::StorageRead).is_some() {
                bmc.storage = None;
            }
            Ok(bmc)
        })
    }
}
