//! From a node's spec, its profile and the operator's word to what is wanted of it.

use rackhand_profiles::{MediaType, Profile, Volume, effective};
use rackhand_spec::{
    BootBy, BootMode, BootTransport, Follow as SpecFollow, HardwareVolume, NodeSpec, RaidLevel,
};

use crate::{
    history::NodeHistory,
    wanted::{BootWay, DriveChoice, Follow, Wanted, WantedBoot, WantedFirmware, WantedStorage, WantedVolume},
};

const GIB: u64 = 1 << 30;

/// The request of a spec that names none.
const FIRST: &str = "first";

/// What counts beside the spec and the profile.
#[derive(Debug, Clone, Copy, Default)]
pub struct GatherOptions<'a> {
    /// Who asked by name for this node to be installed, whatever runs on it: `--install`.
    pub asked: Option<&'a str>,
    /// Volumes that somebody asked for by name to be deleted: `--delete-volume`.
    pub delete_volumes: &'a [String],
    /// Whether what nobody has seen work may be tried: `--allow-unverified`.
    pub allow_unverified: bool,
    /// What the journal knows of the node. It decides whether the spec's own permission is used up.
    pub history: Option<&'a NodeHistory>,
}

/// Gathers what is wanted of a node. Pure; what is asked for and cannot be done becomes a sentence in
/// [`Wanted::cannot`], never silence.
#[must_use]
pub fn gather(spec: &NodeSpec, profile: Option<&Profile>, options: GatherOptions<'_>) -> Wanted {
    let request = spec.request_id.as_ref().or(spec.install.as_ref()).map_or(FIRST, String::as_str).to_owned();
    let permission = match options.asked {
        Some(by) => Some(by.to_owned()),
        None => permission_of_spec(spec, &request, options.history),
    };
    let (secure_boot, contradiction) = secure_boot(spec, profile);
    let mut cannot = cannot(spec, profile);
    cannot.extend(contradiction);
    Wanted {
        node: spec.name.as_str().to_owned(),
        source: format!("{}:{}", spec.source.file.display(), spec.source.line),
        request,
        boot_mac: Some(spec.boot_mac.to_string()),
        bios: effective(profile, spec.bios_settings.as_ref()),
        bios_source: bios_source(spec, profile),
        firmware: firmware(spec, profile),
        boot_mode: Some(match spec.boot_mode {
            BootMode::Uefi | BootMode::UefiSecureBoot => rackhand_bmc::BootMode::Uefi,
            BootMode::Legacy => rackhand_bmc::BootMode::Legacy,
        }),
        secure_boot,
        boot: boot(spec, profile),
        follow: match spec.follow {
            Some(SpecFollow::Callback) => Follow::CallBack,
            Some(SpecFollow::None) | None => Follow::NotObservable,
        },
        storage: WantedStorage { volumes: volumes(spec, profile), delete: options.delete_volumes.to_vec() },
        allow_unverified: options.allow_unverified,
        cannot,
        hold: spec.hold,
        permission,
    }
}

/// How the host may boot: what is said of the node counts before its profile, and that before its BMC's address, which every
/// template writes the same.
fn boot(spec: &NodeSpec, profile: Option<&Profile>) -> WantedBoot {
    let of_profile = || profile.and_then(|one| Some((one.spec.boot?, format!("profile {}", one.name))));
    let said = spec.boot.map(|by| (by, "the spec's boot".to_owned())).or_else(of_profile);
    let (ways, source): (&[BootWay], String) = match said {
        Some((by, source)) => (
            match by {
                BootBy::VirtualMedia => &[BootWay::VirtualMedia],
                BootBy::UefiHttp => &[BootWay::UefiHttp],
                BootBy::Pxe => &[BootWay::Pxe],
                BootBy::Network => &[BootWay::UefiHttp, BootWay::Pxe],
                BootBy::Any => &BootWay::ALL,
            },
            source,
        ),
        None => (
            match spec.bmc.boot {
                BootTransport::VirtualMedia => &[BootWay::VirtualMedia],
                BootTransport::UefiHttp => &[BootWay::UefiHttp],
                BootTransport::Pxe => &[BootWay::Pxe],
            },
            format!("{}:// in the BMC's address", spec.bmc.scheme),
        ),
    };
    WantedBoot { ways: ways.to_vec(), source }
}

/// The annotation permits one installation: of a node without a record, or once more after one that ended badly if the
/// request has changed since. Read again after that it permits nothing, or every run would install anew.
fn permission_of_spec(spec: &NodeSpec, request: &str, history: Option<&NodeHistory>) -> Option<String> {
    let nonce = spec.install.as_ref()?;
    let unused = match history {
        Some(NodeHistory { installed: Some(_), .. }) => false,
        Some(NodeHistory { job: Some(job), .. }) => job.result.is_some() && job.request != request,
        Some(_) | None => true,
    };
    unused.then(|| format!("annotation rackhand.dev/install: {nonce}"))
}

fn bios_source(spec: &NodeSpec, profile: Option<&Profile>) -> Option<String> {
    let profile = profile
        .filter(|profile| !profile.spec.bios.attributes.is_empty())
        .map(|profile| format!("profile {} ({})", profile.name, profile.source));
    let settings = spec.bios_settings.as_ref().map(|settings| settings.source.clone());
    match (profile, settings) {
        (Some(profile), Some(settings)) => Some(format!("{profile}, overridden by {settings}")),
        (one, other) => one.or(other),
    }
}

/// Whether secure boot shall be on, and a sentence where spec and profile contradict each other.
fn secure_boot(spec: &NodeSpec, profile: Option<&Profile>) -> (Option<bool>, Option<String>) {
    let of_profile = profile.and_then(|profile| match profile.spec.boot_mode() {
        Some(BootMode::UefiSecureBoot) => Some(true),
        _ => profile.spec.secure_boot,
    });
    let legacy = profile.is_some_and(|profile| profile.spec.boot_mode() == Some(BootMode::Legacy));
    let name = profile.map_or("", |profile| profile.name.as_str());
    let against = |what: &str, other: &str| {
        Some(format!(
            "the spec's bootMode is {what}, and profile {name} asks for {other}; make the two agree"
        ))
    };
    match (spec.boot_mode, of_profile) {
        (BootMode::UefiSecureBoot, Some(false)) => (Some(true), against("UEFISecureBoot", "secure boot off")),
        (BootMode::UefiSecureBoot, _) if legacy => (Some(true), against("UEFISecureBoot", "legacy boot")),
        (BootMode::UefiSecureBoot, _) => (Some(true), None),
        (BootMode::Legacy, Some(true)) => (None, against("legacy", "secure boot on")),
        (BootMode::Legacy, _) => (None, None),
        (BootMode::Uefi, _) if legacy => (None, against("UEFI", "legacy boot")),
        (BootMode::Uefi, wanted) => (wanted, None),
    }
}

/// Firmware updates: those of the spec, and of the profile those of further components: what the site says of a node counts
/// before what holds for its kind. The BMC goes first, because what follows goes through it, then the BIOS.
fn firmware(spec: &NodeSpec, profile: Option<&Profile>) -> Vec<WantedFirmware> {
    let of_spec = spec.firmware.iter().map(|update| WantedFirmware {
        // Metal3 writes a network adapter so; the inventory has its name alone.
        component: update.component.strip_prefix("nic:").unwrap_or(&update.component).to_owned(),
        version: None,
        url: update.url.clone(),
        sha256: None,
        source: "HostFirmwareComponents".to_owned(),
    });
    let mut all: Vec<WantedFirmware> = of_spec.collect();
    for (profile, update) in
        profile.into_iter().flat_map(|one| one.spec.firmware.iter().map(move |up| (one, up)))
    {
        if all.iter().any(|known| known.component.eq_ignore_ascii_case(&update.component)) {
            continue;
        }
        all.push(WantedFirmware {
            component: update.component.clone(),
            version: Some(update.version.clone()),
            url: update.url.clone(),
            sha256: Some(update.sha256.to_string()),
            source: format!("profile {}", profile.name),
        });
    }
    all.sort_by_key(|update| match update.component.to_ascii_lowercase().as_str() {
        "bmc" => 0,
        "bios" => 1,
        _ => 2,
    });
    all
}

/// The volumes of the spec, else of the profile: what the site says of a node counts before what holds for its kind.
fn volumes(spec: &NodeSpec, profile: Option<&Profile>) -> Vec<WantedVolume> {
    let of_spec = spec.raid.as_ref().and_then(|raid| raid.hardware.as_ref()).filter(|all| !all.is_empty());
    if let Some(of_spec) = of_spec {
        return (1..).zip(of_spec).map(|(number, volume)| volume_of_spec(number, volume)).collect();
    }
    profile.into_iter().flat_map(|profile| &profile.spec.storage.volumes).map(volume_of_profile).collect()
}

/// A volume of a BareMetalHost; one without a name is found again by its place in the list.
fn volume_of_spec(number: usize, volume: &HardwareVolume) -> WantedVolume {
    WantedVolume {
        name: volume.name.clone().unwrap_or_else(|| format!("volume-{number}")),
        raid: rackhand_bmc::RaidLevel::parse(level(volume.level)),
        drives: DriveChoice {
            ids: volume.physical_disks.clone(),
            count: volume
                .number_of_physical_disks
                .and_then(|count| usize::try_from(count).ok())
                .unwrap_or_else(|| fewest(volume.level)),
            media: volume.rotational.map(|spins| if spins { "HDD" } else { "SSD" }.to_owned()),
            min_bytes: None,
        },
        bytes: volume.size_gibibytes.map(|gib| gib.saturating_mul(GIB)),
        controller: volume.controller.clone(),
    }
}

fn volume_of_profile(volume: &Volume) -> WantedVolume {
    let kind = |media: MediaType| match media {
        MediaType::Ssd => "SSD".to_owned(),
        MediaType::Hdd => "HDD".to_owned(),
    };
    WantedVolume {
        name: volume.name.clone(),
        raid: rackhand_bmc::RaidLevel::parse(volume.raid.as_str()),
        drives: DriveChoice {
            ids: volume.drives.ids.clone(),
            count: volume.drives.count.unwrap_or(0),
            media: volume.drives.media.map(kind),
            min_bytes: volume.drives.min_size_gib.map(|gib| gib.saturating_mul(GIB)),
        },
        bytes: volume.size_gib.map(|gib| gib.saturating_mul(GIB)),
        controller: None,
    }
}

/// Redfish's name of a BareMetalHost's level.
const fn level(level: RaidLevel) -> &'static str {
    match level {
        RaidLevel::Raid0 => "RAID0",
        RaidLevel::Raid1 => "RAID1",
        RaidLevel::Raid2 => "RAID2",
        RaidLevel::Raid5 => "RAID5",
        RaidLevel::Raid6 => "RAID6",
        RaidLevel::Raid10 => "RAID10",
        RaidLevel::Raid50 => "RAID50",
        RaidLevel::Raid60 => "RAID60",
    }
}

/// The fewest drives of a level: what Metal3 takes where none is said.
const fn fewest(level: RaidLevel) -> usize {
    match level {
        RaidLevel::Raid0 => 1,
        RaidLevel::Raid1 => 2,
        RaidLevel::Raid2 | RaidLevel::Raid5 => 3,
        RaidLevel::Raid6 | RaidLevel::Raid10 => 4,
        RaidLevel::Raid50 => 6,
        RaidLevel::Raid60 => 8,
    }
}

/// A sentence for each thing that is asked for and that this version does not do.
fn cannot(spec: &NodeSpec, profile: Option<&Profile>) -> Vec<String> {
    let mut cannot = Vec::new();
    if let Some(raid) = &spec.raid {
        if raid.hardware.as_ref().is_some_and(Vec::is_empty) {
            cannot.push(format!(
                "the spec's hardwareRAIDVolumes is empty, an order to delete every volume; volumes go by name alone: rackhand apply --delete-volume {}=NAME",
                spec.name
            ));
        }
        if raid.software.is_some() {
            cannot.push(
                "the spec asks for software RAID, which the installed system makes, not its BMC; leave it to the installer"
                    .to_owned(),
            );
        }
    }
    for volume in volumes(spec, profile) {
        if volume.drives.number() == 0 {
            cannot
                .push(format!("volume {} says neither how many drives it is made of nor which", volume.name));
        }
    }
    if spec.online == Some(false) {
        cannot.push(
            "the spec says online: false, a host that is to stay off; installing would switch it on"
                .to_owned(),
        );
    }
    cannot
}

#[cfg(test)]
mod tests;
