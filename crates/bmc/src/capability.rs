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
    /// Updating firmware.
    FirmwareUpdate,
    /// Restarting the BMC.
    ManagerReset,
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
