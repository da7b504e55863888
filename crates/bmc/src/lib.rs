//! The contract between a BMC driver and its caller.
//!
//! This crate holds both sides of the seam that the rest of rackhand is built around, and no I/O:
//!
//! - what a **driver implements**: the facets ([`Power`], [`Boot`], [`VirtualMedia`], [`Bios`], [`Storage`],
//!   [`Firmware`], [`Inventory`], [`Sensors`], [`Logs`], [`Manager`], [`Jobs`], [`Configuration`], [`Session`]), each a small trait whose methods are *bare* operations, one purpose each, and
//!   [`Driver`], which recognises a BMC and assembles its facets into a [`Bmc`];
//! - what a **caller holds**: [`Bmc`], a struct of facets with the *composed* operations (power off with a policy,
//!   mount, boot once, wait until ready) as its own methods, written once for every vendor.
//!
//! # Rules a driver keeps
//!
//! 1. **State is what was observed.** A read answers what the BMC says now; what it does not say is `None`, never a
//!    guess and never what was last commanded.
//! 2. **A mutation says how far it got** ([`Outcome`]). Once a request has left, a lost answer is
//!    [`Outcome::Unknown`], never an error and never a silent retry: only a read decides.
//! 3. **"Cannot" is data** ([`Capabilities`]), known before the first mutating request. A facet that is absent, or an
//!    operation whose capability is `Unsupported`, is not called.
//! 4. **Reads are tolerant.** A field that is missing, of the wrong type or nonsense costs that field alone; a member
//!    that cannot be read costs that member alone and is reported in [`Skipped`].
//! 5. **Errors say what the caller can do** ([`ErrorKind`]), name the BMC, the request and the vendor's MessageId, and
//!    never carry a secret.
//! 6. **No waiting inside a bare operation** beyond the request itself and the retries that the vendor documents.
//!    Waiting, proving and deadlines belong to the composed operations and use [`Pacing`].
//! 7. **A mutation that was sent is never cancelled** by dropping the caller's future: the driver owns the request.
//!
//! # Adding a vendor
//!
//! A Redfish vendor implements [`Driver`] with the link type of `rackhand-redfish` and overrides single hooks of its
//! standard driver; a vendor that speaks something else implements the facets themselves. Either way: read the facet
//! traits here, keep the rules above, and run the conformance suite in `tests/` against a personality of the simulator.

mod bios;
mod bmc;
mod boot;
mod capability;
mod clock;
mod common;
mod configuration;
mod driver;
mod error;
mod firmware;
mod inventory;
mod logs;
mod manager;
mod media;
mod memory;
mod outcome;
mod pacing;
mod power;
mod quirk;
mod sensors;
mod session;
mod storage;

pub use bios::{
    AttributeKind, AttributeValue, AttributeVerdict, Attributes, Bios, BiosPlan, BiosProblem, BiosRegistry,
    BiosStage, BiosState, BiosVerdict, PendingSettings, RegistryAttribute,
};
pub use bmc::Bmc;
pub use boot::{
    Boot, BootMode, BootOption, BootOverride, BootSettings, BootTarget, OverrideEnabled, SecureBootState,
};
pub use capability::{Capabilities, Capability, Learned, Operation, Support};
pub use clock::{Clock, SimClock, SystemClock};
pub use common::common_quirks;
pub use configuration::{Configuration, ConfigurationFormat, ImportShutdown};
pub use driver::{Claim, Credentials, Driver, Target};
pub use error::{Error, ErrorKind, Message, Result};
pub use firmware::{
    ApplyTime, ComponentId, ComponentKind, Firmware, FirmwareComponent, FirmwareFile, FirmwareImage,
    FirmwareInventory,
};
pub use inventory::{
    Accelerator, Drive, HardwareInventory, Identity, Inventory, MemoryModule, NetworkPort, Processor,
    Skipped, Vendor, Volume,
};
pub use logs::{Health, LogEntries, LogEntry, LogId, LogInfo, LogKind, Logs};
pub use manager::{Job, JobRef, JobState, Jobs, Manager, ManagerInfo, Readiness, ReadyState};
pub use media::{MediaImage, MediaSlot, MediaType, RememberedSlot, SlotId, VirtualMedia};
pub use memory::Memory;
pub use outcome::{Mark, Outcome, Pending};
pub use pacing::Pacing;
pub use power::{HostProgress, HostView, Power, PowerOffPolicy, PowerState, ResetType};
pub use quirk::{Quirk, Quirks, When, compare_versions};
pub use sensors::{HealthReport, Sensor, SensorKind, SensorReport, Sensors};
pub use session::{Ledger, MemoryLedger, RequestStats, Session};
pub use storage::{
    ControllerId, DriveId, DriveState, DriveUse, Initialize, NewVolume, RaidLevel, Storage,
    StorageController, StorageDrive, StorageView, StorageVolume, VolumeId,
};

use std::{future::Future, pin::Pin};

/// The boxed future that every facet method returns, so that facets can be held as `dyn` traits.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;
