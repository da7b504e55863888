//! The format of a profile file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use rackhand_bmc::{AttributeValue, Attributes};
use rackhand_spec::{BootBy, BootMode, Sha256};
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;
use wildmatch::WildMatch;

use crate::VersionRange;

/// One profile document.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name. Several documents share one, each for other machines.
    pub name: String,
    /// One line for people.
    pub description: Option<String>,
    /// Where it stands, as `FILE:LINE`.
    pub source: String,
    /// What it says.
    pub spec: Spec,
    /// Where each BIOS attribute's value stands.
    pub(crate) places: Places,
}

impl Profile {
    /// Line and column of a BIOS attribute's value, from 1, where they are known.
    pub fn position_of(&self, attribute: &str) -> Option<(u64, u64)> {
        self.places.attributes.get(attribute).copied()
    }

    /// Where the value of a BIOS attribute stands, as `FILE:LINE:COLUMN`; where the profile stands when nobody knows.
    pub fn place_of(&self, attribute: &str) -> String {
        match self.position_of(attribute) {
            Some((line, column)) => format!("{}:{line}:{column}", self.places.file.display()),
            None => self.source.clone(),
        }
    }

    /// The profile as a document of a profile file.
    ///
    /// # Errors
    /// When YAML cannot be made of it.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::SerializeError> {
        let metadata = Metadata { name: self.name.clone(), description: self.description.clone() };
        serde_saphyr::to_string(&Written { api_version: API_VERSION, kind: KIND, metadata, spec: &self.spec })
    }
}

/// Where things stand in a profile's file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Places {
    pub(crate) file: PathBuf,
    pub(crate) attributes: BTreeMap<String, (u64, u64)>,
}

const API_VERSION: &str = "rackhand.dev/v1alpha1";
const KIND: &str = "FirmwareProfile";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: &'a Spec,
}

/// `spec` of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Which machines it is for.
    #[serde(rename = "match")]
    pub matches: ProfileMatch,
    /// BIOS attributes.
    #[serde(default)]
    pub bios: Bios,
    /// The boot mode; see [`Spec::boot_mode`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<BootMode>,
    /// Whether Secure Boot is on; see [`Spec::boot_mode`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    /// How machines of this kind boot the installer, over what their BMCs' addresses say: `network` where they have no virtual
    /// media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<BootBy>,
    /// Storage volumes.
    #[serde(default, skip_serializing_if = "Storage::is_empty")]
    pub storage: Storage,
    /// Firmware updates, in the order they are to be applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firmware: Vec<FirmwareUpdate>,
}

impl Spec {
    /// The boot mode the profile asks for, `bootMode` and `secureBoot` taken together.
    pub fn boot_mode(&self) -> Option<BootMode> {
        match (self.boot_mode, self.secure_boot) {
            (Some(BootMode::Uefi) | None, Some(true)) => Some(BootMode::UefiSecureBoot),
            (mode, _) => mode,
        }
    }
}

/// Which machines a profile is for. Everything given must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileMatch {
    /// The manufacturer, by its first word and without regard to case: `Dell` is `Dell Inc.`.
    pub vendor: String,
    /// Patterns for the model; one must match. Empty: any model of the vendor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelPattern>,
    /// The BIOS versions it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bios: Option<VersionRange>,
}

/// A pattern for a model's name: `*` stands for any text, `?` for one character; case does not count.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ModelPattern(WildMatch);

impl ModelPattern {
    /// Whether the model's name fits.
    pub fn matches(&self, model: &str) -> bool {
        self.0.matches(model.trim())
    }
}

impl From<String> for ModelPattern {
    fn from(pattern: String) -> Self {
        Self(WildMatch::new_case_insensitive(&pattern))
    }
}

impl From<ModelPattern> for String {
    fn from(pattern: ModelPattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// BIOS settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bios {
    /// Attribute name to value, in the vendor's own names.
    #[serde(default)]
    pub attributes: Attributes,
}

/// Storage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// The volumes there are to be. A volume that no profile names is left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
}

impl Storage {
    fn is_empty(&self) -> bool {
        self.volumes.is_empty()
    }
}

/// A volume on a RAID controller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    /// Its name: what a volume is found again by, so that it is made once.
    pub name: String,
    /// Its RAID type.
    pub raid: RaidType,
    /// The disks it is made of.
    pub drives: DriveSelection,
    /// Its size in GiB; all the room there is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "sizeGiB")]
    pub size_gib: Option<u64>,
}

/// Redfish's names of RAID types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RaidType {
    /// Striped.
    #[serde(rename = "RAID0")]
    Raid0,
    /// Mirrored.
    #[serde(rename = "RAID1")]
    Raid1,
    /// Striped with parity.
    #[serde(rename = "RAID5")]
    Raid5,
    /// Striped with double parity.
    #[serde(rename = "RAID6")]
    Raid6,
    /// Stripe of mirrors.
    #[serde(rename = "RAID10")]
    Raid10,
    /// Stripe of RAID 5.
    #[serde(rename = "RAID50")]
    Raid50,
    /// Stripe of RAID 6.
    #[serde(rename = "RAID60")]
    Raid60,
}

impl RaidType {
    /// Redfish's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raid0 => "RAID0",
            Self::Raid1 => "RAID1",
            Self::Raid5 => "RAID5",
            Self::Raid6 => "RAID6",
            Self::Raid10 => "RAID10",
            Self::Raid50 => "RAID50",
            Self::Raid60 => "RAID60",
        }
    }

    /// The fewest disks it can be made of.
    pub const fn least_drives(self) -> usize {
        match self {
            Self::Raid0 => 1,
            Self::Raid1 => 2,
            Self::Raid5 => 3,
            Self::Raid6 | Self::Raid10 => 4,
            Self::Raid50 => 6,
            Self::Raid60 => 8,
        }
    }
}

/// The disks of a volume: by name, or so many of a kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DriveSelection {
    /// The drives' ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Of which kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaType>,
    /// Of which size at least.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "minSizeGiB")]
    pub min_size_gib: Option<u64>,
}

/// Redfish's kinds of drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaType {
    /// Flash.
    #[serde(rename = "SSD")]
    Ssd,
    /// Spinning.
    #[serde(rename = "HDD")]
    Hdd,
}

/// A firmware update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirmwareUpdate {
    /// `bios`, `bmc`, or the name the BMC's firmware inventory has for the part.
    pub component: String,
    /// The version that is there afterwards. A component that has it is not updated.
    pub version: String,
    /// Where the vendor's file is: a path or a URL.
    pub url: String,
    /// The file's digest. Without it a file is not sent to a BMC.
    pub sha256: Digest,
}

/// The SHA-256 digest of a firmware file.
pub type Digest = Sha256;

/// The document as it stands in a file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Document {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    pub(crate) metadata: Spanned<Metadata>,
    pub(crate) spec: Spanned<Spec>,
}

#[derive(Deserialize)]
enum ApiVersion {
    #[serde(rename = "rackhand.dev/v1alpha1")]
    V1Alpha1,
}

#[derive(Deserialize)]
enum Kind {
    FirmwareProfile,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

/// A document once more, for where its attributes stand. Everything else was read already.
#[derive(Deserialize, Default)]
pub(crate) struct Located {
    #[serde(default)]
    spec: LocatedSpec,
}

#[derive(Deserialize, Default)]
struct LocatedSpec {
    #[serde(default)]
    bios: LocatedBios,
}

#[derive(Deserialize, Default)]
struct LocatedBios {
    #[serde(default)]
    attributes: BTreeMap<String, Spanned<AttributeValue>>,
}

impl Located {
    /// Line and column of each attribute's value.
    pub(crate) fn attributes(self) -> BTreeMap<String, (u64, u64)> {
        let place = |at: serde_saphyr::Location| (at.line(), at.column());
        let located = self.spec.bios.attributes.into_iter();
        located.map(|(name, value)| (name, place(value.referenced))).collect()
    }
}

impl Spec {
    /// What the types alone do not rule out.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.matches.vendor.trim().is_empty() {
            return Err("spec.match.vendor is empty; write the manufacturer, as in `Dell`".to_owned());
        }
        match (self.boot_mode, self.secure_boot) {
            (Some(BootMode::Legacy), Some(true)) => {
                return Err("spec.bootMode legacy and spec.secureBoot true exclude each other".to_owned());
            }
            (Some(BootMode::UefiSecureBoot), Some(false)) => {
                return Err(
                    "spec.bootMode UEFISecureBoot and spec.secureBoot false exclude each other".to_owned()
                );
            }
            _ => {}
        }
        self.storage.volumes.iter().enumerate().try_for_each(|(index, volume)| {
            volume.check().map_err(|problem| format!("spec.storage.volumes[{index}]: {problem}"))
        })?;
        let mut names: Vec<&str> = self.storage.volumes.iter().map(|volume| volume.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair.first() == pair.last()) {
            Some([name, ..]) => {
                Err(format!("spec.storage.volumes names `{name}` twice; a volume is found by its name"))
            }
            _ => Ok(()),
        }
    }
}

impl Volume {
    fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("name is empty; a volume is found again by its name".to_owned());
        }
        let drives = match (self.drives.ids.len(), self.drives.count) {
            (0, None) => return Err("drives names neither ids nor a count".to_owned()),
            (0, Some(count)) => count,
            (ids, None) => ids,
            (_, Some(_)) => return Err("drives names both ids and a count; write one".to_owned()),
        };
        let least = self.raid.least_drives();
        if drives < least {
            return Err(format!("{} takes at least {least} drives, not {drives}", self.raid.as_str()));
        }
        Ok(())
    }
}
