//! Storage: controllers, their drives and volumes.
//!
//! A volume is found again by its name, and a drive or volume is named by its URI. Creating and deleting are the two
//! acts that cost data, so a driver does exactly what is asked with exactly the drives and volumes that are named: it
//! chooses nothing, converts nothing and clears nothing by itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Fut, Outcome, Skipped};

/// Storage of one System.
///
/// ```
/// # use rackhand_bmc::{Bmc, DriveState, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// for controller in bmc.storage()?.view().await?.controllers {
///     let free = controller.drives.iter().filter(|drive| drive.state == DriveState::Ready).count();
///     println!("{}: {} volumes, {free} free drives", controller.name, controller.volumes.len());
/// }
/// # Ok(())
/// # }
/// ```
pub trait Storage: Send + Sync {
    /// Reads every controller with its drives and volumes.
    fn view(&self) -> Fut<'_, StorageView>;

    /// Creates a volume. Not proven: read the view and look for the name.
    fn create_volume<'a>(&'a self, wanted: &'a NewVolume) -> Fut<'a, Outcome>;

    /// Deletes a volume and all that is on it. One that is gone already answers [`Outcome::Unchanged`].
    fn delete_volume<'a>(&'a self, volume: &'a VolumeId) -> Fut<'a, Outcome>;

    /// Initialises a volume: what is on it is lost.
    fn initialize_volume<'a>(&'a self, volume: &'a VolumeId, how: Initialize) -> Fut<'a, Outcome>;

    /// Makes drives usable in volumes, or hands them to the host as they are.
    fn convert_drives<'a>(
        &'a self,
        controller: &'a ControllerId,
        drives: &'a [DriveId],
        to: DriveUse,
    ) -> Fut<'a, Outcome>;

    /// Makes a drive the spare of a volume, or of every volume when none is named.
    fn assign_spare<'a>(&'a self, drive: &'a DriveId, volume: Option<&'a VolumeId>) -> Fut<'a, Outcome>;

    /// Erases a drive beyond recovery.
    fn secure_erase<'a>(&'a self, drive: &'a DriveId) -> Fut<'a, Outcome>;
}

macro_rules! named_by_uri {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

named_by_uri! {
    /// A controller's URI, or its counterpart in another protocol.
    ControllerId;
    /// A drive's URI, or its counterpart in another protocol.
    DriveId;
    /// A volume's URI, or its counterpart in another protocol.
    VolumeId;
}

/// The storage of a System as observed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageView {
    /// Controllers, in the BMC's order.
    pub controllers: Vec<StorageController>,
    /// Why the view may be partial, where the BMC says so: several show drives and volumes only once POST has been
    /// through device discovery (HPE), or only while the host is on (Cisco). `None` when nothing says so.
    pub partial: Option<String>,
    /// What could not be read, and why.
    pub skipped: Vec<Skipped>,
}

impl StorageView {
    /// The volume of that name, with its controller.
    #[must_use]
    pub fn volume_named(&self, name: &str) -> Option<(&StorageController, &StorageVolume)> {
        self.controllers.iter().find_map(|controller| {
            let found =
                controller.volumes.iter().find(|volume| volume.name.as_deref().map(str::trim) == Some(name));
            found.map(|volume| (controller, volume))
        })
    }
}

/// A storage controller as observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageController {
    /// Its name within the BMC.
    pub id: ControllerId,
    /// The name people see (`RAID.SL.3-1`, `MRAID`, `DE07A000`).
    pub name: String,
    /// Its model.
    pub model: Option<String>,
    /// The levels it can make; empty when it makes no volumes or does not say.
    pub raid_levels: Vec<RaidLevel>,
    /// Whether volumes can be created on it.
    pub can_create: bool,
    /// Its drives.
    pub drives: Vec<StorageDrive>,
    /// Its volumes.
    pub volumes: Vec<StorageVolume>,
}

/// A drive as observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageDrive {
    /// Its name within the BMC.
    pub id: DriveId,
    /// The name people see (`Disk.Bay.0:Enclosure.Internal.0-1:RAID.SL.3-1`, `1I:1:3`).
    pub name: String,
    /// Its model.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// `HDD`, `SSD`.
    pub media: Option<String>,
    /// `SAS`, `SATA`, `NVMe`.
    pub protocol: Option<String>,
    /// What it is used for.
    pub state: DriveState,
}

/// What a drive is used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DriveState {
    /// Free for a new volume.
    Ready,
    /// Part of these volumes.
    InVolume(Vec<VolumeId>),
    /// A spare.
    Spare,
    /// Handed to the host as it is (JBOD, non-RAID, pass-through): it may hold anything.
    NonRaid,
    /// Part of another controller's configuration: it may hold anything.
    Foreign,
    /// Failed or about to.
    Failed,
    /// The BMC does not say.
    Unknown,
}

/// A volume as observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageVolume {
    /// Its name within the BMC.
    pub id: VolumeId,
    /// The name it was given.
    pub name: Option<String>,
    /// Its RAID level.
    pub raid: Option<RaidLevel>,
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// The drives it is made of.
    pub drives: Vec<DriveId>,
}

/// RAID levels as Redfish spells them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RaidLevel {
    /// Striped.
    Raid0,
    /// Mirrored.
    Raid1,
    /// Striped with parity.
    Raid5,
    /// Striped with double parity.
    Raid6,
    /// Stripe of mirrors.
    Raid10,
    /// Stripe of RAID 5.
    Raid50,
    /// Stripe of RAID 6.
    Raid60,
    /// Anything else, as the BMC spells it.
    Other(String),
}

impl RaidLevel {
    /// The name as Redfish spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Raid0 => "RAID0",
            Self::Raid1 => "RAID1",
            Self::Raid5 => "RAID5",
            Self::Raid6 => "RAID6",
            Self::Raid10 => "RAID10",
            Self::Raid50 => "RAID50",
            Self::Raid60 => "RAID60",
            Self::Other(name) => name,
        }
    }

    /// The level that Redfish spells so, without regard to case.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        const KNOWN: [RaidLevel; 7] = [
            RaidLevel::Raid0,
            RaidLevel::Raid1,
            RaidLevel::Raid5,
            RaidLevel::Raid6,
            RaidLevel::Raid10,
            RaidLevel::Raid50,
            RaidLevel::Raid60,
        ];
        KNOWN
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// The level behind the `VolumeType` that services before Redfish 1.6 write instead of a RAID type. Both parity
    /// levels share one type there, so it answers the commoner.
    #[must_use]
    pub fn from_volume_type(name: &str) -> Option<Self> {
        Some(match name {
            "NonRedundant" | "RawDevice" => Self::Raid0,
            "Mirrored" => Self::Raid1,
            "StripedWithParity" => Self::Raid5,
            "SpannedMirrors" => Self::Raid10,
            "SpannedStripesWithParity" => Self::Raid50,
            _ => return None,
        })
    }
}

impl fmt::Display for RaidLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A volume to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewVolume {
    /// On which controller.
    pub controller: ControllerId,
    /// Its name. Fifteen characters at most: the shortest limit of the vendors (Dell, Lenovo, Cisco).
    pub name: String,
    /// Its RAID level.
    pub raid: RaidLevel,
    /// The drives it is made of, in order.
    pub drives: Vec<DriveId>,
    /// Size in bytes; `None` takes all the room there is.
    pub bytes: Option<u64>,
}

/// How a volume is initialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Initialize {
    /// The first and last blocks: what is there cannot be found any more, but is not erased.
    Fast,
    /// All of it.
    Slow,
}

/// What drives are converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DriveUse {
    /// Usable in volumes.
    Raid,
    /// Handed to the host as they are.
    NonRaid,
}
