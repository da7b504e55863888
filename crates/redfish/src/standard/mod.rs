//! The standard driver: every facet as a sound Redfish service has it, with the vendor's differences as hooks.
//!
//! A vendor's driver is a [`Dialect`] and three lines:
//!
//! ```
//! use rackhand_bmc::{Bmc, Claim, Driver, Fut, Target, Vendor};
//! use rackhand_redfish::{Dialect, Link, Standard};
//!
//! struct Acme;
//! struct AcmeDialect;
//!
//! impl Dialect for AcmeDialect {
//!     fn is_empty_image(&self, image: &str) -> bool {
//!         image.is_empty() || image == "-" // Seen on firmware 1.2.
//!     }
//! }
//!
//! impl Driver for Acme {
//!     type Link = Link;
//!     fn name(&self) -> &'static str {
//!         "acme"
//!     }
//!     fn probe(&self, link: &Link) -> Claim {
//!         if link.root.str("Vendor") == Some("Acme") { Claim::Certain } else { Claim::No }
//!     }
//!     fn connect(&self, link: Link, target: Target) -> Fut<'_, Bmc> {
//!         Standard::new(link, target, AcmeDialect).connect()
//!     }
//! }
//! ```

pub mod bios;
mod boot;
mod capabilities;
mod dialect;
mod firmware;
mod generic;
mod host;
mod inventory;
mod jobs;
mod logs;
mod manager;
mod media;
mod power;
pub(crate) mod quirks;
mod sensors;
mod storage;
mod systems;

use std::sync::Arc;

use rackhand_bmc::{
    Bios, Bmc, Boot, Claim, Driver, Firmware, Fut, Inventory, Jobs, Logs, Manager, Power, Quirks,
    RequestStats, Result, Sensors, Session, Storage, Target, VirtualMedia, common_quirks,
};

pub use self::{
    bios::StandardBios,
    boot::StandardBoot,
    dialect::{Dialect, MediaPlace, Plain, insert_ladder},
    firmware::StandardFirmware,
    generic::Generic,
    host::{Host, Machine},
    inventory::StandardInventory,
    jobs::StandardJobs,
    logs::StandardLogs,
    manager::StandardManager,
    media::StandardMedia,
    power::StandardPower,
    quirks::standard_quirks,
    sensors::StandardSensors,
    storage::StandardStorage,
};
use crate::{Client, Link};

/// Makes a facet out of the standard one.
type Replace<T> = Box<dyn FnOnce(&Arc<Host>, Arc<T>) -> Arc<T> + Send>;

/// The standard driver with the differences `D`, ready to connect.
pub struct Standard<D> {
    link: Link,
    target: Target,
    dialect: D,
    power: Option<Replace<dyn Power>>,
    boot: Option<Replace<dyn Boot>>,
    media: Option<Replace<dyn VirtualMedia>>,
    bios: Option<Replace<dyn Bios>>,
    manager: Option<Replace<dyn Manager>>,
    jobs: Option<Replace<dyn Jobs>>,
    inventory: Option<Replace<dyn Inventory>>,
    storage: Option<Replace<dyn Storage>>,
    firmware: Option<Replace<dyn Firmware>>,
    logs: Option<Replace<dyn Logs>>,
    sensors: Option<Replace<dyn Sensors>>,
}

/// One `with_…` per facet: alike but for the trait.
macro_rules! replaceable {
    ($($(#[$doc:meta])* $with:ident, $field:ident, $facet:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $with(mut self, replace: impl FnOnce(&Arc<Host>, Arc<dyn $facet>) -> Arc<dyn $facet> + Send + 'static) -> Self {
            self.$field = Some(Box::new(replace));
            self
        }
    )*};
}

impl<D: Dialect> Standard<D> {
    /// Begins to assemble a driver.
    #[must_use]
    pub fn new(link: Link, target: Target, dialect: D) -> Self {
        Self {
            link,
            target,
            dialect,
            power: None,
            boot: None,
            media: None,
            bios: None,
            manager: None,
            jobs: None,
            inventory: None,
            storage: None,
            firmware: None,
            logs: None,
            sensors: None,
        }
    }

    replaceable! {
        /// Replaces power by a facet that may call the standard one.
        with_power, power, Power;
        /// Replaces boot settings by a facet that may call the standard one.
        with_boot, boot, Boot;
        /// Replaces virtual media by a facet that may call the standard one.
        with_media, media, VirtualMedia;
        /// Replaces BIOS settings by a facet that may call the standard one.
        with_bios, bios, Bios;
        /// Replaces the Manager by a facet that may call the standard one.
        with_manager, manager, Manager;
        /// Replaces jobs by a facet that may call the standard one.
        with_jobs, jobs, Jobs;
        /// Replaces inventory by a facet that may call the standard one.
        with_inventory, inventory, Inventory;
        /// Replaces storage by a facet that may call the standard one.
        with_storage, storage, Storage;
        /// Replaces firmware by a facet that may call the standard one.
        with_firmware, firmware, Firmware;
        /// Replaces logs by a facet that may call the standard one.
        with_logs, logs, Logs;
        /// Replaces sensors and health by a facet that may call the standard one.
        with_sensors, sensors, Sensors;
    }

    /// Logs in, learns who the machine is and what it can do, and assembles the facets. On any error, and when the
    /// future is dropped, the session is given back.
    #[must_use]
    pub fn connect(self) -> Fut<'static, Bmc> {
        Box::pin(async move {
            let mut conduct = self.dialect.conduct(&self.link.root);
            conduct.rules = self.dialect.message_rules();
            let client = Client::new(&self.link, &self.target, conduct);
            match self.assemble(client.clone()).await {
                Ok(bmc) => Ok(bmc),
                Err(error) => {
                    if let Err(kept) = client.close().await {
                        tracing::warn!(bmc = client.bmc(), error = %kept, "the session stays until it runs out or a later process deletes it");
                    }
                    Err(error)
                }
            }
        })
    }

    async fn assemble(self, client: Client) -> Result<Bmc> {
        client.login().await?;
        let dialect: Arc<dyn Dialect> = Arc::new(self.dialect);
        let host = Host::find(client.clone(), self.link.root, dialect, &self.target).await?;
        let pacing = self.target.pacing;
        let host = Arc::new(host);
        let session = Arc::new(StandardSession(client));
        let mut bmc = Bmc::new(self.target.bmc, host.identity(), pacing, session);
        bmc.cures = Quirks::new(common_quirks(), &self.target.quirks_off);
        bmc.capabilities = capabilities::of(&host.machine, host.dialect.as_ref());
        host.dialect.capabilities(&host.machine, &mut bmc.capabilities);
        let system = &host.machine.system;
        bmc.power = Some(put(&host, self.power, Arc::new(StandardPower::new(&host))));
        if system.at("Boot").is_some() || self.boot.is_some() {
            bmc.boot = Some(put(&host, self.boot, Arc::new(StandardBoot::new(&host))));
        }
        // A Manager that was not read may have slots, so absence is known only with it.
        let manager_media =
            host.machine.manager().is_none_or(|manager| manager.link("VirtualMedia").is_some());
        if system.link("VirtualMedia").is_some() || manager_media || self.media.is_some() {
            bmc.media = Some(put(&host, self.media, Arc::new(StandardMedia::new(&host))));
        }
        if system.link("Bios").is_some() || self.bios.is_some() {
            bmc.bios = Some(put(&host, self.bios, Arc::new(StandardBios::new(&host))));
        }
        bmc.inventory = Some(put(&host, self.inventory, Arc::new(StandardInventory::new(&host))));
        bmc.manager = Some(put(&host, self.manager, Arc::new(StandardManager::new(&host))));
        bmc.jobs = Some(put(&host, self.jobs, Arc::new(StandardJobs::new(&host))));
        if system.link("Storage").is_some() || self.storage.is_some() {
            bmc.storage = Some(put(&host, self.storage, Arc::new(StandardStorage::new(&host))));
        }
        if host.machine.root.link("UpdateService").is_some() || self.firmware.is_some() {
            bmc.firmware = Some(put(&host, self.firmware, Arc::new(StandardFirmware::new(&host))));
        }
        bmc.logs = Some(put(&host, self.logs, Arc::new(StandardLogs::new(&host))));
        bmc.sensors = Some(put(&host, self.sensors, Arc::new(StandardSensors::new(&host))));
        Ok(bmc)
    }
}

fn put<T: ?Sized>(host: &Arc<Host>, replace: Option<Replace<T>>, standard: Arc<T>) -> Arc<T> {
    match replace {
        Some(replace) => replace(host, standard),
        None => standard,
    }
}

/// The session behind a [`Bmc`].
struct StandardSession(Client);

impl Session for StandardSession {
    fn close(&self) -> Fut<'_, ()> {
        Box::pin(self.0.close())
    }

    fn stats(&self) -> RequestStats {
        self.0.stats()
    }
}

/// The driver of every sound Redfish service that no vendor's driver claims: sushy-tools, OpenBMC, the DMTF's mockups.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardDriver;

impl Driver for StandardDriver {
    type Link = Link;

    fn name(&self) -> &'static str {
        "standard"
    }

    fn probe(&self, _link: &Link) -> Claim {
        Claim::Fallback
    }

    fn connect(&self, link: Link, target: Target) -> Fut<'_, Bmc> {
        let dialect = Generic::without(&target.quirks_off);
        Standard::new(link, target, dialect).connect()
    }
}

#[cfg(test)]
mod tests;
