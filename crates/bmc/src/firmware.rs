//! Firmware: what is installed, and updating it.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Credentials, Fut, Outcome, Skipped};

/// Firmware of a machine: the BMC's own, the BIOS, the adapters.
///
/// ```
/// # use rackhand_bmc::{ApplyTime, Bmc, FirmwareImage, Outcome, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// let bios = bmc.firmware()?.inventory().await?.find("bios").cloned();
/// let image = FirmwareImage {
///     url: "https://192.0.2.1/bios.bin".to_owned(),
///     targets: bios.into_iter().map(|component| component.id).collect(),
///     when: ApplyTime::Immediate,
///     credentials: None,
/// };
/// if let Outcome::Running(job) = bmc.firmware()?.update(&image).await? {
///     bmc.wait_job(&job, bmc.pacing.bios_apply).await?;
/// }
/// # Ok(())
/// # }
/// ```
pub trait Firmware: Send + Sync {
    /// Reads what is installed.
    fn inventory(&self) -> Fut<'_, FirmwareInventory>;

    /// Makes the BMC fetch an image and install it. Not proven: follow the job, wait for the BMC, read the inventory.
    fn update<'a>(&'a self, image: &'a FirmwareImage) -> Fut<'a, Outcome>;

    /// Sends an image to the BMC, which installs it. Not proven, as [`update`](Firmware::update).
    fn push<'a>(&'a self, file: &'a FirmwareFile) -> Fut<'a, Outcome>;
}

/// A component's URI, or its counterpart in another protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ComponentId(pub String);

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is installed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirmwareInventory {
    /// What is in force; backups and images that merely lie ready are left out.
    pub components: Vec<FirmwareComponent>,
    /// What could not be read, and why.
    pub skipped: Vec<Skipped>,
}

impl FirmwareInventory {
    /// The component that a profile means: `bios` and `bmc` by what they are, anything else by the name or the last part
    /// of the id that the BMC gives it, without regard to case, or by the device that Dell writes at that id's end
    /// (`Installed-110175-22.36.10.10__NIC.Slot.3-1-1`). `None` when none or several fit.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&FirmwareComponent> {
        let kind = match name.to_ascii_lowercase().as_str() {
            "bios" => Some(ComponentKind::Bios),
            "bmc" => Some(ComponentKind::Bmc),
            _ => None,
        };
        let fits = |component: &&FirmwareComponent| match kind {
            Some(kind) => component.kind == kind,
            None => {
                let last = component.id.0.rsplit('/').next().unwrap_or_default();
                let device = last.rsplit_once("__").map_or(last, |(_, device)| device);
                [component.name.as_str(), last, device].iter().any(|own| own.eq_ignore_ascii_case(name))
            }
        };
        let mut found = self.components.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }
}

/// One installed firmware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirmwareComponent {
    /// Its name within the BMC.
    pub id: ComponentId,
    /// The name people see.
    pub name: String,
    /// What it belongs to.
    pub kind: ComponentKind,
    /// Its version, as the BMC writes it.
    pub version: Option<String>,
    /// Whether the BMC says that it can be updated.
    pub updateable: Option<bool>,
}

/// What a firmware belongs to, as far as drivers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ComponentKind {
    /// The host's BIOS.
    Bios,
    /// The BMC.
    Bmc,
    /// Anything else.
    Other,
}

/// An image that the BMC fetches itself.
#[derive(Debug, Clone)]
pub struct FirmwareImage {
    /// Its URL as the BMC must see it.
    pub url: String,
    /// Which components it is for; empty lets the image say so.
    pub targets: Vec<ComponentId>,
    /// When it is installed.
    pub when: ApplyTime,
    /// Credentials for the share, where it needs them.
    pub credentials: Option<Credentials>,
}

/// An image that is sent to the BMC.
#[derive(Debug, Clone)]
pub struct FirmwareFile {
    /// Its file name; several BMCs judge by its suffix.
    pub name: String,
    /// Its bytes.
    pub content: Bytes,
    /// Which components it is for; empty lets the image say so.
    pub targets: Vec<ComponentId>,
    /// When it is installed.
    pub when: ApplyTime,
}

/// When an update is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplyTime {
    /// At once, as far as the component allows it. The BMC may restart the host for it.
    Immediate,
    /// At the host's next reset.
    OnReset,
}

impl ApplyTime {
    /// The name as Redfish spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Immediate => "Immediate",
            Self::OnReset => "OnReset",
        }
    }
}
