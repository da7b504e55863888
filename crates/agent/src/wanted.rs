//! What is wanted of one node, gathered from its spec, its profile and what the operator said.

use std::fmt;

use rackhand_bmc::{Attributes, BootMode, RaidLevel};
use serde::{Deserialize, Serialize};

/// What is wanted of one node. Made from a NodeSpec and its effective profile; everything the plan needs and nothing
/// else, so that the plan stays a pure function of plain data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wanted {
    /// The node's unique name, `cluster/host`.
    pub node: String,
    /// Where its spec stands, `file:line`.
    pub source: String,
    /// What makes this request for an installation differ from another: the spec's request id, or `first`.
    pub request: String,
    /// The MAC address it boots from, lower case with colons; used to see that the machine is the right one.
    pub boot_mac: Option<String>,
    /// BIOS attributes that shall be in force.
    pub bios: Attributes,
    /// Where the BIOS attributes come from, for people.
    pub bios_source: Option<String>,
    /// Firmware updates, in the order they are made: the BMC first, then the BIOS, then the others.
    pub firmware: Vec<WantedFirmware>,
    /// How firmware shall boot; `None` leaves it.
    pub boot_mode: Option<BootMode>,
    /// Whether secure boot shall be on; `None` leaves it.
    pub secure_boot: Option<bool>,
    /// How it may boot the installer.
    pub boot: WantedBoot,
    /// Whether the installation says of itself how far it is.
    pub follow: Follow,
    /// Volumes.
    pub storage: WantedStorage,
    /// Whether what nobody has seen work on this kind of BMC may be tried all the same.
    pub allow_unverified: bool,
    /// What is asked for and cannot be done here yet, each a sentence. Anything in it refuses the plan.
    pub cannot: Vec<String>,
    /// The spec itself asks to wait (`holdInstallation`).
    pub hold: bool,
    /// Who allows installing whatever runs on it: `--install`, an annotation. `None` asks the journal.
    pub permission: Option<String>,
}

/// How a host boots the installer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BootWay {
    /// The BMC reads an ISO and shows it to the host as a drive.
    #[default]
    VirtualMedia,
    /// The host's firmware fetches an ISO over HTTP.
    UefiHttp,
    /// The host's firmware asks DHCP, and a loader fetches kernel and initrd.
    Pxe,
}

impl BootWay {
    /// Every way, best first: what the BMC itself reads needs nothing of the host's network, and what firmware is told by
    /// its BMC nothing of the site's DHCP.
    pub const ALL: [Self; 3] = [Self::VirtualMedia, Self::UefiHttp, Self::Pxe];

    /// Whether the BMC itself reads the image. Events of before there were other ways do not name it.
    #[must_use]
    pub fn is_virtual_media(&self) -> bool {
        *self == Self::VirtualMedia
    }
}

impl fmt::Display for BootWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VirtualMedia => "virtual media",
            Self::UefiHttp => "UEFI HTTP",
            Self::Pxe => "PXE",
        })
    }
}

/// How a host may boot the installer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WantedBoot {
    /// The ways that may be gone, best first.
    pub ways: Vec<BootWay>,
    /// Who says so, for people.
    pub source: String,
}

impl WantedBoot {
    /// One way and no other.
    pub fn only(way: BootWay, source: impl Into<String>) -> Self {
        Self { ways: vec![way], source: source.into() }
    }
}

/// A firmware that there is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedFirmware {
    /// `bios`, `bmc`, or what the BMC's inventory calls the part.
    pub component: String,
    /// The version: a component that has it is not updated. Without one the update is made once for a request.
    pub version: Option<String>,
    /// Where the vendor's file is, a path or a URL. It may hold a token, so it is shown to nobody.
    pub url: String,
    /// The digest that the file must have.
    pub sha256: Option<String>,
    /// Who asks for it, for people.
    pub source: String,
}

/// What is wanted of a node's storage.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WantedStorage {
    /// Volumes that there are to be. Others are left alone.
    pub volumes: Vec<WantedVolume>,
    /// Volumes that somebody asked for by name to be deleted, with all that is on them.
    pub delete: Vec<String>,
}

impl WantedStorage {
    /// Whether nothing is wanted of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.volumes.is_empty() && self.delete.is_empty()
    }
}

/// A volume that there is to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WantedVolume {
    /// Its name: what it is found again by.
    pub name: String,
    /// Its level.
    pub raid: RaidLevel,
    /// The drives it is made of.
    pub drives: DriveChoice,
    /// Its size in bytes; all the room there is when absent.
    pub bytes: Option<u64>,
    /// The controller, by name or model; the first that can when absent.
    pub controller: Option<String>,
}

/// The drives of a volume: by name, or so many of a kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DriveChoice {
    /// The drives' names; empty chooses by the rest.
    pub ids: Vec<String>,
    /// How many.
    pub count: usize,
    /// Of which kind, `SSD` or `HDD`.
    pub media: Option<String>,
    /// Of which size at least, in bytes.
    pub min_bytes: Option<u64>,
}

impl DriveChoice {
    /// How many drives it takes.
    #[must_use]
    pub fn number(&self) -> usize {
        if self.ids.is_empty() { self.count } else { self.ids.len() }
    }
}

impl fmt::Display for DriveChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.ids.is_empty() {
            return write!(f, "the free drives {}", self.ids.join(", "));
        }
        let media = self.media.as_deref().map(|media| format!("{media} ")).unwrap_or_default();
        write!(f, "{} free {media}drives of one size", self.count)?;
        match self.min_bytes {
            Some(bytes) => write!(f, " of at least {} GiB", bytes >> 30),
            None => Ok(()),
        }
    }
}

/// Whether the installation says of itself how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Follow {
    /// The installer and the installed system call back.
    CallBack,
    /// Nothing tells; booting is all that can be seen.
    NotObservable,
}
