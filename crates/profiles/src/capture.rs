//! A profile made of a machine that is as it should be.
//!
//! A profile is for a kind of server, so what belongs to one machine or one moment is left out: passwords, texts that people
//! write about a machine (names, addresses, tags), parts named after their hardware addresses, requests that are
//! carried out once, and what the firmware does not let anybody write.

use rackhand_bmc::{
    AttributeKind, AttributeValue, Attributes, BiosRegistry, RaidLevel, RegistryAttribute, StorageController,
    StorageDrive, StorageView, StorageVolume,
};
use rackhand_spec::BootMode;

use crate::profile::{Bios, ModelPattern, Places, ProfileMatch, Spec, Storage};
use crate::{DriveSelection, HostIdentity, MediaType, Profile, RaidType, VersionRange, Volume};

const GIB: u64 = 1 << 30;

/// What was seen of a machine.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Who it is.
    pub host: &'a HostIdentity,
    /// Its BIOS attributes.
    pub attributes: &'a Attributes,
    /// Their registry, where the BMC serves one.
    pub registry: Option<&'a BiosRegistry>,
    /// How it boots, where the BMC shows it.
    pub boot_mode: Option<BootMode>,
    /// Its storage, where the BMC shows it.
    pub storage: Option<&'a StorageView>,
}

/// A profile, and what of the machine is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// The profile.
    pub profile: Profile,
    /// What was left out, in order.
    pub left_out: Vec<LeftOut>,
}

/// Something that was left out of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// An attribute, a volume, or a condition of the match.
    pub what: String,
    /// Why.
    pub why: &'static str,
}

impl Seen<'_> {
    /// The profile `name` for machines like this one. With `changed_only` it holds no attribute that is at its factory
    /// value; one of which the registry tells no such value stays in.
    #[must_use]
    pub fn capture(&self, name: &str, changed_only: bool) -> Captured {
        let mut left_out = Vec::new();
        let mut attributes = Attributes::new();
        for (attribute, value) in self.attributes {
            let known = self.registry.and_then(|registry| registry.attributes.get(attribute));
            if let Some(why) = personal(attribute, value, known, self.host) {
                left_out.push(LeftOut { what: attribute.clone(), why });
            } else if !(changed_only && is_default(value, known)) {
                attributes.insert(attribute.clone(), value.clone());
            }
        }
        let volumes = self.storage.map(|view| volumes(view, &mut left_out)).unwrap_or_default();
        let spec = Spec {
            matches: self.matches(&mut left_out),
            bios: Bios { attributes },
            boot_mode: self.boot_mode,
            secure_boot: None,
            boot: None,
            storage: Storage { volumes },
            firmware: Vec::new(),
        };
        let description = Some(format!("As captured from {}", self.host));
        let profile = Profile {
            name: name.to_owned(),
            description,
            source: String::new(),
            spec,
            places: Places::default(),
        };
        Captured { profile, left_out }
    }

    fn matches(&self, left_out: &mut Vec<LeftOut>) -> ProfileMatch {
        let host = self.host;
        let mut missing = |what: &str, why| left_out.push(LeftOut { what: what.to_owned(), why });
        let model = host.model.as_deref().map(str::trim).filter(|model| !model.is_empty());
        if model.is_none() {
            missing("match.models", "the machine tells no model");
        }
        let bios = host.bios_version.as_deref().and_then(VersionRange::exactly);
        if bios.is_none() {
            missing("match.bios", "what the machine tells of its BIOS holds no version");
        }
        let models = model.map(|model| ModelPattern::from(model.to_owned())).into_iter().collect();
        ProfileMatch { vendor: host.vendor.trim().to_owned(), models, bios }
    }
}

fn is_default(value: &AttributeValue, known: Option<&RegistryAttribute>) -> bool {
    known.and_then(|known| known.default.as_ref()).is_some_and(|default| default.same_as(value))
}

/// Why an attribute says nothing about a kind of server.
fn personal(
    name: &str,
    value: &AttributeValue,
    known: Option<&RegistryAttribute>,
    host: &HostIdentity,
) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let kind = known.map(|known| &known.kind);
    if matches!(kind, Some(AttributeKind::Password))
        || ["password", "passphrase", "secret"].iter().any(|word| lower.contains(word))
    {
        return Some("a password");
    }
    if known.is_some_and(|known| known.read_only) {
        return Some("read-only");
    }
    if is_once(&lower, host) {
        return Some("asks for something once");
    }
    if names_a_part(name) || is_hardware_address(&value.to_string()) {
        return Some("belongs to a part of this machine");
    }
    let is_choice = matches!(
        kind,
        Some(AttributeKind::Enumeration(_) | AttributeKind::Integer { .. } | AttributeKind::Boolean)
    );
    let is_text = matches!(kind, Some(AttributeKind::String { .. }));
    if is_text || (!is_choice && PERSONAL.iter().any(|word| lower.contains(word))) {
        return Some("a text about this machine or its place");
    }
    None
}

/// What names of texts say where no registry tells a text from a choice.
const PERSONAL: [&str; 14] = [
    "serial",
    "assettag",
    "servicetag",
    "uuid",
    "productid",
    "hostname",
    "servername",
    "address",
    "gateway",
    "subnet",
    "dns",
    "url",
    "uri",
    "initiator",
];

/// Names of requests that the firmware carries out at the next boot and then forgets: Dell's one-time boot devices, HPE's
/// `RestoreDefaults`, `EraseUserDefaults` and TPM operations, Supermicro's `ResetKeys`.
fn is_once(lower: &str, host: &HostIdentity) -> bool {
    const BEGIN: [&str; 6] =
        ["onetime", "erase", "resetkeys", "resetefi", "setbootorder", "setlegacyhddorder"];
    const HOLD: [&str; 5] = ["operation", "factoryreset", "userdefaults", "tpmcommand", "powercyclerequest"];
    let restores = lower.starts_with("restore") && lower.contains("defaults");
    // Dell's workload profile rewrites others once and leaves no state; HPE's is a state.
    let workload = lower == "workloadprofile" && host.vendor.to_ascii_lowercase().starts_with("dell");
    restores
        || workload
        || BEGIN.iter().any(|word| lower.starts_with(word))
        || HOLD.iter().any(|word| lower.contains(word))
}

/// Whether a name holds the twelve digits of a hardware address, as Lenovo names adapters' settings.
fn names_a_part(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| {
        part.len() == 12
            && part.chars().all(|c| c.is_ascii_hexdigit())
            && part.chars().any(|c| c.is_ascii_digit())
    })
}

/// Whether a text is a hardware address with its usual separators.
fn is_hardware_address(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    matches!(parts.len(), 6 | 8)
        && parts.iter().all(|part| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit()))
}

/// The volumes that a profile can ask for: by name, of so many drives of a kind.
fn volumes(view: &StorageView, left_out: &mut Vec<LeftOut>) -> Vec<Volume> {
    let mut made: Vec<Volume> = Vec::new();
    for controller in &view.controllers {
        for volume in &controller.volumes {
            let name = volume.name.as_deref().map_or("", str::trim);
            let found = match wanted(controller, volume, name) {
                Ok(_) if made.iter().any(|one| one.name == name) => Err("another volume has the same name"),
                found => found,
            };
            match found {
                Ok(volume) => made.push(volume),
                Err(why) => {
                    let name = if name.is_empty() { volume.id.0.as_str() } else { name };
                    left_out.push(LeftOut { what: format!("volume {name}"), why });
                }
            }
        }
    }
    made
}

fn wanted(
    controller: &StorageController,
    volume: &StorageVolume,
    name: &str,
) -> Result<Volume, &'static str> {
    if name.is_empty() {
        return Err("it has no name, by which it could be found again");
    }
    let raid =
        volume.raid.as_ref().and_then(raid_type).ok_or("its RAID level is not one that is made anew")?;
    let drives: Vec<&StorageDrive> =
        controller.drives.iter().filter(|drive| volume.drives.contains(&drive.id)).collect();
    if drives.len() < raid.least_drives() {
        return Err("the BMC does not show all of its drives");
    }
    let media = |media: MediaType, word: &str| {
        drives.iter().all(|drive| drive.media.as_deref() == Some(word)).then_some(media)
    };
    let least = drives.iter().map(|drive| drive.bytes).min().flatten();
    let room = least.map(|least| least.saturating_mul(room(raid, drives.len())));
    // One that takes all the room, less what the controller keeps for itself, is to do so on the next machine too.
    let partly = volume
        .bytes
        .filter(|bytes| room.is_some_and(|room| bytes.saturating_mul(20) < room.saturating_mul(19)));
    Ok(Volume {
        name: name.to_owned(),
        raid,
        drives: DriveSelection {
            ids: Vec::new(),
            count: Some(drives.len()),
            media: media(MediaType::Ssd, "SSD").or_else(|| media(MediaType::Hdd, "HDD")),
            min_size_gib: None,
        },
        size_gib: partly.map(|bytes| bytes / GIB).filter(|size| *size > 0),
    })
}

/// How many drives' worth of room a volume has.
fn room(raid: RaidType, drives: usize) -> u64 {
    let drives = drives as u64;
    match raid {
        RaidType::Raid0 => drives,
        RaidType::Raid1 => 1,
        RaidType::Raid5 => drives.saturating_sub(1),
        RaidType::Raid6 | RaidType::Raid50 => drives.saturating_sub(2),
        RaidType::Raid10 => drives / 2,
        RaidType::Raid60 => drives.saturating_sub(4),
    }
}

fn raid_type(level: &RaidLevel) -> Option<RaidType> {
    Some(match level {
        RaidLevel::Raid0 => RaidType::Raid0,
        RaidLevel::Raid1 => RaidType::Raid1,
        RaidLevel::Raid5 => RaidType::Raid5,
        RaidLevel::Raid6 => RaidType::Raid6,
        RaidLevel::Raid10 => RaidType::Raid10,
        RaidLevel::Raid50 => RaidType::Raid50,
        RaidLevel::Raid60 => RaidType::Raid60,
        _ => return None,
    })
}
