//! What a machine is made of, piece by piece: data that a personality fills in and renders under its vendor's paths.

use super::firmware::Component;
use super::storage::DriveState;

/// The pieces.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inventory {
    /// Processors.
    pub processors: Vec<Processor>,
    /// Memory modules.
    pub dimms: Vec<Dimm>,
    /// Storage controllers as delivered; what they hold at present is the machine's `storage`.
    pub controllers: Vec<Controller>,
    /// `Id`s of the host's network ports, in the order of their MAC addresses.
    pub ports: Vec<String>,
    /// Firmware as delivered; what is in force at present is the machine's `firmware`.
    pub firmware: Vec<Component>,
}

/// A processor.
#[derive(Debug, Clone, PartialEq)]
pub struct Processor {
    /// Its `Id`.
    pub id: String,
    /// Its socket.
    pub socket: String,
    /// Its model, as it names itself.
    pub model: String,
    /// Cores.
    pub cores: u32,
    /// Threads.
    pub threads: u32,
    /// Highest clock in MHz.
    pub max_mhz: u32,
}

/// A memory module.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimm {
    /// Its `Id`.
    pub id: String,
    /// Where it sits.
    pub locator: String,
    /// Its size in MiB.
    pub mib: u32,
    /// Its clock in MHz.
    pub mhz: u32,
}

/// A storage controller with its drives and volumes.
#[derive(Debug, Clone, PartialEq)]
pub struct Controller {
    /// Its `Id`.
    pub id: String,
    /// Its model.
    pub model: String,
    /// RAID types it makes volumes of; none on a controller without RAID, whose drives the host sees as they are.
    pub raid: Vec<&'static str>,
    /// Drives.
    pub drives: Vec<Drive>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// What a drive is that is in no volume: at the controller's disposal, or seen by the host and free to be taken all
    /// the same.
    pub rest: DriveState,
    /// The path its drives are below, where that is not its own.
    pub drives_at: Option<String>,
}

impl Controller {
    /// A controller without volumes.
    pub fn new(id: &str, model: &str, raid: &[&'static str], drives: Vec<Drive>) -> Self {
        Self {
            id: id.into(),
            model: model.into(),
            raid: raid.to_vec(),
            drives,
            volumes: Vec::new(),
            rest: DriveState::Ready,
            drives_at: None,
        }
    }

    /// With drives that are in this state while they are in no volume.
    #[must_use]
    pub fn resting(mut self, rest: DriveState) -> Self {
        self.rest = rest;
        self
    }

    /// With a volume.
    #[must_use]
    pub fn with_volume(mut self, volume: Volume) -> Self {
        self.volumes.push(volume);
        self
    }

    /// With its drives below another path.
    #[must_use]
    pub fn drives_at(mut self, path: &str) -> Self {
        self.drives_at = Some(path.into());
        self
    }

    /// The drive of that `Id`.
    pub fn drive(&self, id: &str) -> Option<&Drive> {
        self.drives.iter().find(|drive| drive.id == id)
    }

    /// The volume of that `Id`.
    pub fn volume(&self, id: &str) -> Option<&Volume> {
        self.volumes.iter().find(|volume| volume.id == id)
    }

    /// The volumes that a drive is part of.
    pub fn volumes_of<'a>(&'a self, drive: &'a str) -> impl Iterator<Item = &'a Volume> {
        self.volumes.iter().filter(move |volume| volume.drives.iter().any(|id| id == drive))
    }
}

/// A drive.
#[derive(Debug, Clone, PartialEq)]
pub struct Drive {
    /// Its `Id`.
    pub id: String,
    /// The name a person sees.
    pub name: String,
    /// Its model.
    pub model: String,
    /// `SSD` or `HDD`.
    pub media: &'static str,
    /// `NVMe`, `SATA` or `SAS`.
    pub protocol: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is used for, besides the volumes that name it.
    pub state: DriveState,
    /// Whether it can be erased by throwing its key away.
    pub erasable: bool,
}

/// What a controller keeps of each drive for itself, in bytes.
const KEPT: u64 = 64 * 1024 * 1024;

impl Drive {
    /// What a volume can have of it, in bytes.
    pub fn usable(&self) -> u64 {
        self.bytes.saturating_sub(KEPT)
    }
}

/// A volume.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    /// Its `Id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its `RAIDType`.
    pub raid: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// `Id`s of its drives.
    pub drives: Vec<String>,
    /// What is on it, in words for the log; `None` while nobody has written to it.
    pub data: Option<String>,
}

impl Volume {
    /// An empty volume of whole drives.
    pub fn new(id: &str, name: &str, raid: &'static str, bytes: u64, drives: &[Drive]) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            raid,
            bytes,
            drives: drives.iter().map(|drive| drive.id.clone()).collect(),
            data: None,
        }
    }

    /// With something on it, in words for the log.
    #[must_use]
    pub fn holding(mut self, data: &str) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Whether something is lost with it.
    pub fn holds_data(&self) -> bool {
        self.data.is_some()
    }
}

impl Inventory {
    /// The controller of that `Id`, as delivered.
    pub fn controller(&self, id: &str) -> Option<&Controller> {
        self.controllers.iter().find(|controller| controller.id.eq_ignore_ascii_case(id))
    }
}
