//! What a machine is made of, piece by piece: data that a personality fills in and renders under its vendor's paths.

/// The pieces.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inventory {
    /// Processors.
    pub processors: Vec<Processor>,
    /// Memory modules.
    pub dimms: Vec<Dimm>,
    /// Storage controllers.
    pub controllers: Vec<Controller>,
    /// `Id`s of the host's network ports, in the order of their MAC addresses.
    pub ports: Vec<String>,
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
    /// RAID types it makes volumes of; none on a controller without RAID.
    pub raid: Vec<&'static str>,
    /// Drives.
    pub drives: Vec<Drive>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// The path its drives are below, where that is not its own.
    pub drives_at: Option<String>,
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
}

impl Inventory {
    /// The controller of that `Id`.
    pub fn controller(&self, id: &str) -> Option<&Controller> {
        self.controllers.iter().find(|controller| controller.id.eq_ignore_ascii_case(id))
    }
}
