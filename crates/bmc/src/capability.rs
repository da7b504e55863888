//! What a BMC can do, known before the first mutating request.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// The operations that capabilities speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Operation {
    /// Reading the power state.
    PowerRead,
    /// Switching on.
    PowerOn,
    /// Asking the operating system to shut down.
    PowerOffGraceful,
    /// Switching off at once.
    PowerOffForce,
    /// Resetting at once.
    PowerRestart,
    /// Booting the virtual CD once.
    BootCdOnce,
    /// Holding the host in its setup screen.
    BootSetupOnce,
    /// Choosing UEFI or legacy.
    BootModeSet,
    /// Reading secure boot.
    SecureBootRead,
    /// Setting secure boot.
    SecureBootSet,
    /// Inserting an image by HTTP URL.
    MediaInsertHttp,
    /// Inserting an image by HTTPS URL.
    MediaInsertHttps,
    /// Ejecting.
    MediaEject,
    /// Reading BIOS attributes.
    BiosRead,
    /// Seeing what is pending.
    BiosPendingRead,
    /// Writing BIOS attributes.
    BiosStage,
    /// Dropping pending BIOS attributes.
    BiosDiscard,
    /// Reading what is in the machine.
    InventoryRead,
    /// Creating volumes.
    StorageWrite,
    /// Updating firmware from a URL.
    FirmwareUpdate,
    /// Restarting the BMC.
    ManagerReset,
    /// Sending a non-maskable interrupt.
    PowerNmi,
    /// Setting an override that lasts.
    BootContinuous,
    /// Setting the boot order.
    BootOrderSet,
    /// Inserting an image from an NFS share.
    MediaInsertNfs,
    /// Inserting an image from a CIFS share.
    MediaInsertCifs,
    /// Resetting BIOS settings to defaults.
    BiosReset,
    /// Reading controllers, drives and volumes.
    StorageRead,
    /// Deleting volumes.
    VolumeDelete,
    /// Initialising volumes.
    VolumeInitialize,
    /// Converting drives between RAID and non-RAID.
    DriveConvert,
    /// Assigning spares.
    DriveSpare,
    /// Erasing drives.
    DriveErase,
    /// Reading what firmware is installed.
    FirmwareRead,
    /// Sending firmware to the BMC.
    FirmwarePush,
    /// Reading jobs.
    JobsRead,
    /// Dropping jobs.
    JobsClear,
    /// Reading logs.
    LogsRead,
    /// Clearing logs.
    LogsClear,
    /// Reading sensors and health.
    SensorsRead,
    /// Exporting the server's whole configuration.
    ConfigurationExport,
    /// Applying a whole configuration.
    ConfigurationImport,
    /// Booting from the network once.
    BootPxeOnce,
    /// Having firmware fetch an image over HTTP and boot it once.
    BootUefiHttpOnce,
}

impl Operation {
    /// Every operation, for tables.
    pub const ALL: [Self; 44] = [
        Self::PowerRead,
        Self::PowerOn,
        Self::PowerOffGraceful,
        Self::PowerOffForce,
        Self::PowerRestart,
        Self::BootCdOnce,
        Self::BootSetupOnce,
        Self::BootModeSet,
        Self::SecureBootRead,
        Self::SecureBootSet,
        Self::MediaInsertHttp,
        Self::MediaInsertHttps,
        Self::MediaEject,
        Self::BiosRead,
        Self::BiosPendingRead,
        Self::BiosStage,
        Self::BiosDiscard,
        Self::InventoryRead,
        Self::StorageWrite,
        Self::FirmwareUpdate,
        Self::ManagerReset,
        Self::PowerNmi,
        Self::BootContinuous,
        Self::BootOrderSet,
        Self::MediaInsertNfs,
        Self::MediaInsertCifs,
        Self::BiosReset,
        Self::StorageRead,
        Self::VolumeDelete,
        Self::VolumeInitialize,
        Self::DriveConvert,
        Self::DriveSpare,
        Self::DriveErase,
        Self::FirmwareRead,
        Self::FirmwarePush,
        Self::JobsRead,
        Self::JobsClear,
        Self::LogsRead,
        Self::LogsClear,
        Self::SensorsRead,
        Self::ConfigurationExport,
        Self::ConfigurationImport,
        Self::BootPxeOnce,
        Self::BootUefiHttpOnce,
    ];
}

/// Whether an operation can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Support {
    /// Yes.
    Supported,
    /// No, with the reason.
    Unsupported(String),
    /// With a licence that is missing.
    NeedsLicence(String),
    /// Only while the host is off.
    NeedsHostOff,
    /// Yes, and it takes effect at the next reset.
    NeedsReset,
    /// Nobody knows yet.
    Unknown,
}

/// Where a capability was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Learned {
    /// The BMC advertises it.
    Advertised,
    /// Known of this vendor, generation or firmware; the text cites the source.
    Documented(String),
    /// Learned while running.
    Observed(String),
    /// Assumed of every sound Redfish service.
    Assumed,
}

/// One capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Whether it can be done.
    pub support: Support,
    /// Where that was learned.
    pub learned: Learned,
}

/// The capabilities of one BMC. An operation without an entry is [`Support::Unknown`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities(BTreeMap<Operation, Capability>);

impl Capabilities {
    /// Writes one down, replacing what was known.
    pub fn set(&mut self, operation: Operation, support: Support, learned: Learned) {
        self.0.insert(operation, Capability { support, learned });
    }

    /// What is known of an operation.
    #[must_use]
    pub fn get(&self, operation: Operation) -> Option<&Capability> {
        self.0.get(&operation)
    }

    /// Why an operation cannot be done, if it is known that it cannot.
    #[must_use]
    pub fn refusal(&self, operation: Operation) -> Option<String> {
        let capability = self.0.get(&operation)?;
        let why = match &capability.support {
            Support::Unsupported(reason) => reason.clone(),
            Support::NeedsLicence(name) => format!("the licence {name} is missing"),
            Support::Supported | Support::NeedsHostOff | Support::NeedsReset | Support::Unknown => {
                return None;
            }
        };
        Some(match &capability.learned {
            Learned::Documented(source) | Learned::Observed(source) => format!("{why} ({source})"),
            Learned::Advertised | Learned::Assumed => why,
        })
    }

    /// Why an operation must not be tried without leave: what is said of it rests on weak ground (a doubtful row of a
    /// fact sheet), so nobody has seen it work. Kept as [`Support::Unknown`] with a documented source.
    #[must_use]
    pub fn unverified(&self, operation: Operation) -> Option<&str> {
        match self.0.get(&operation)? {
            Capability { support: Support::Unknown, learned: Learned::Documented(source) } => Some(source),
            _ => None,
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, &Capability)> {
        self.0.iter().map(|(operation, capability)| (*operation, capability))
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supported => f.write_str("yes"),
            Self::Unsupported(reason) => write!(f, "no: {reason}"),
            Self::NeedsLicence(name) => write!(f, "needs licence {name}"),
            Self::NeedsHostOff => f.write_str("while the host is off"),
            Self::NeedsReset => f.write_str("at the next reset"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
