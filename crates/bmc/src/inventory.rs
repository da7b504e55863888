//! Who the machine is and what is in it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Fut;

/// Reads what is in the machine.
///
/// ```
/// # use rackhand_bmc::{Bmc, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// let found = bmc.inventory()?.inventory().await?;
/// println!("{} processors, {} DIMMs", found.processors.len(), found.memory.len());
/// for missing in &found.skipped {
///     println!("not read: {}: {}", missing.what, missing.why);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Inventory: Send + Sync {
    /// Walks the machine's resources. What cannot be read is in [`HardwareInventory::skipped`].
    fn inventory(&self) -> Fut<'_, HardwareInventory>;

    /// Reads the network ports alone: what tells whether this is the machine that a spec means.
    fn ports(&self) -> Fut<'_, Vec<NetworkPort>>;
}

/// The vendors that rackhand tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// Dell iDRAC.
    Dell,
    /// HPE iLO.
    Hpe,
    /// Cisco CIMC.
    Cisco,
    /// Supermicro.
    Supermicro,
    /// Lenovo XCC.
    Lenovo,
    /// Any other sound Redfish service, or a BMC that speaks IPMI alone.
    Generic,
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dell => "Dell",
            Self::Hpe => "HPE",
            Self::Cisco => "Cisco",
            Self::Supermicro => "Supermicro",
            Self::Lenovo => "Lenovo",
            Self::Generic => "generic",
        })
    }
}

/// Who a machine is, learned while connecting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The vendor whose driver speaks to it.
    pub vendor: Vendor,
    /// The BMC's generation in the vendor's words: `iDRAC9`, `iLO 6`, `CIMC`.
    pub generation: String,
    /// The System's URI, or its counterpart.
    pub system: String,
    /// What the machine says its manufacturer is.
    pub manufacturer: Option<String>,
    /// The server's model.
    pub model: Option<String>,
    /// The serial number that people know (Dell: the service tag).
    pub serial: Option<String>,
    /// The System's UUID.
    pub uuid: Option<String>,
    /// BIOS version as written.
    pub bios_version: Option<String>,
    /// BMC firmware as written.
    pub bmc_version: Option<String>,
}

/// What is in a machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HardwareInventory {
    /// Processors.
    pub processors: Vec<Processor>,
    /// GPUs and other accelerators, where the BMC tells them from processors.
    pub accelerators: Vec<Accelerator>,
    /// Memory modules.
    pub memory: Vec<MemoryModule>,
    /// Drives.
    pub drives: Vec<Drive>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// Network ports.
    pub ports: Vec<NetworkPort>,
    /// What could not be read, and why.
    pub skipped: Vec<Skipped>,
}

/// A processor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Processor {
    /// Its id.
    pub id: String,
    /// Its model.
    pub model: Option<String>,
    /// Cores.
    pub cores: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// A GPU or another accelerator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accelerator {
    /// Its id.
    pub id: String,
    /// `GPU`, `FPGA`, `Accelerator`, as the BMC writes it.
    pub kind: String,
    /// Its model.
    pub model: Option<String>,
}

/// A memory module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryModule {
    /// Its id.
    pub id: String,
    /// Size in MiB.
    pub mebibytes: Option<u64>,
    /// Part number.
    pub part_number: Option<String>,
}

/// A drive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drive {
    /// Its id.
    pub id: String,
    /// Its model.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// HDD, SSD.
    pub media: Option<String>,
    /// SAS, SATA, NVMe.
    pub protocol: Option<String>,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// RAID level as Redfish writes it.
    pub raid: Option<String>,
    /// Size in bytes.
    pub bytes: Option<u64>,
}

/// A network port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPort {
    /// Its id.
    pub id: String,
    /// Its address, lower case with colons.
    pub mac: Option<String>,
    /// Whether the link is up, where shown.
    pub link_up: Option<bool>,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// The resource.
    pub what: String,
    /// Why.
    pub why: String,
}
