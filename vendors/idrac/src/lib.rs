//! What Dell iDRAC does otherwise.
//!
//! | | iDRAC8 | iDRAC9 before 6.00 | iDRAC9 | iDRAC10 |
//! |---|---|---|---|---|
//! | told by | `Manager.Model` 12G, 13G | 14G to 16G | 14G to 16G | 17G and later |
//! | virtual media | cannot insert | Manager, slot `CD` | System, slots `1`, `2` | System, slot `1` boots |
//! | boot the virtual CD once | cannot | `ServerBoot` attributes | System | the System's settings |
//! | BIOS job | made by its own request | made by the write | made by the write | made by the write |
//! | job queue | each job deleted | `DellJobService` | `DellJobService` | `DellJobService` |
//! | new volume | nobody has seen it | `RAIDType`, older `VolumeType` | the same | `RAIDType` and `Links.Drives` |
//!
//! Firmware versions start anew with each generation (iDRAC10 at 1.x), so they are compared within one only. Every
//! difference is a row of [`quirks()`], and each cure asks for its row by name.
//!
//! The facts are those that were seen on machines and in the code of others who drive them. Their sources are named
//! where they count: "R750 6.00" and "R750 7.10" are recorded machines, "DS" is Dell's own `iDRAC-Redfish-Scripting` with
//! its issue, "BF" badfish, "LRF" libredfish, "TF" Dell's Terraform provider, "CG" `community.general` of Ansible.

#![deny(clippy::indexing_slicing)]

mod bios;
mod boot;
mod capabilities;
mod configuration;
mod dialect;
mod firmware;
mod generation;
mod jobs;
mod media;
mod messages;
mod power;
mod quirks;
pub mod scp;
mod storage;

use std::sync::{Arc, OnceLock};

use rackhand_bmc::{Bmc, Claim, Driver, Fut, Learned, Operation, Quirk, Support, Target};
use rackhand_redfish::{Document, Link, Standard};

use self::quirks::Dell;
pub use self::{dialect::IdracDialect, generation::Generation, messages::MESSAGES, quirks::quirks};

/// The driver of Dell iDRAC 8, 9 and 10.
#[derive(Debug, Clone, Copy, Default)]
pub struct Idrac;

/// Whether a service root is an iDRAC's. `Vendor` is missing on iDRAC8 (Redfish 1.4); its `Oem.Dell` and `Product` are
/// there on every generation (R750 6.00; an iDRAC8 root in the tests of the Ruby gem `idrac`).
fn claim(root: &Document) -> Claim {
    let dell = root.str("Vendor").is_some_and(|vendor| vendor.starts_with("Dell"));
    let product =
        root.str("Product").is_some_and(|product| product.contains("Dell Remote Access Controller"));
    if dell || product || root.at("Oem/Dell").is_some() { Claim::Certain } else { Claim::No }
}

impl Driver for Idrac {
    type Link = Link;

    fn name(&self) -> &'static str {
        "idrac"
    }

    fn quirks(&self) -> &'static [Quirk] {
        quirks()
    }

    fn probe(&self, link: &Link) -> Claim {
        claim(&link.root)
    }

    fn connect(&self, link: Link, target: Target) -> Fut<'_, Bmc> {
        let dialect = IdracDialect::without(&target.quirks_off);
        let cures = dialect.cures().clone();
        let machine = Arc::new(OnceLock::new());
        // Each facet of Dell's is made from the machine, the cures, and the standard one.
        macro_rules! dells {
            ($make:path) => {{
                let cures = cures.clone();
                move |host, standard| $make(&Dell::new(host, &cures), standard)
            }};
        }
        let (seen, own) = (Arc::clone(&machine), cures.clone());
        let standard = Standard::new(link, target, dialect)
            .with_power(move |host, standard| {
                let dell = seen.get_or_init(|| Dell::new(host, &own));
                power::power(dell, standard)
            })
            .with_boot(dells!(boot::boot))
            .with_media(dells!(media::media))
            .with_bios(dells!(bios::bios))
            .with_jobs(dells!(jobs::jobs));
        Box::pin(async move {
            let mut bmc = standard.connect().await?;
            if let Some(dell) = machine.get() {
                bmc.storage = storage::storage(dell);
                let sends = bmc.firmware.take();
                if sends.is_none() {
                    let no = Support::Unsupported(firmware::NO_PUSH.to_owned());
                    bmc.capabilities.set(Operation::FirmwarePush, no, Learned::Assumed);
                }
                bmc.firmware = firmware::firmware(dell, sends);
                bmc.configuration = configuration::configuration(dell);
            }
            Ok(bmc)
        })
    }
}
