//! Storage as the XML API has it: what is there, and the acts on it.

use std::sync::Arc;

use rackhand_bmc::{
    ControllerId, DriveId, DriveState, DriveUse, ErrorKind, Initialize, Outcome, RaidLevel, Result,
    StorageController, StorageDrive, StorageView, StorageVolume, VolumeId,
};

use super::units::{bytes, group, layout, level, level_name, megabytes, state};
use crate::{cisco::Cisco, xml::Element};

/// What the ids of parts that only the XML API shows begin with.
pub(crate) const BY_XML: &str = "xml:";
/// The controller of M.2 drives (ISV).
pub(crate) const M2: &str = "MSTOR-RAID";
const LEVELS: [RaidLevel; 7] = [
    RaidLevel::Raid0,
    RaidLevel::Raid1,
    RaidLevel::Raid5,
    RaidLevel::Raid6,
    RaidLevel::Raid10,
    RaidLevel::Raid50,
    RaidLevel::Raid60,
];
const CONTROLLER: &str = "storageController";
const DRIVE: &str = "storageLocalDisk";
const VOLUME: &str = "storageVirtualDrive";
/// The longest name of a volume (SDK).
const LONGEST_NAME: usize = 15;
const USAGE: &str = "storageLocalDiskUsage";
const CREATOR: &str = "storageVirtualDriveCreatorUsingUnusedPhysicalDrive";

/// The arrays of one machine.
pub(crate) struct Array {
    cisco: Arc<Cisco>,
}

/// A volume to create, with its parts as the API knows them.
pub(crate) struct Plan<'a> {
    pub(crate) controller: &'a Element,
    pub(crate) drives: &'a [Element],
    pub(crate) name: &'a str,
    pub(crate) raid: &'a RaidLevel,
    pub(crate) bytes: Option<u64>,
}

impl Array {
    pub(crate) fn new(cisco: Arc<Cisco>) -> Self {
        Self { cisco }
    }

    /// Every object of a class on this server: an S3260 shows both of its nodes.
    async fn class(&self, class: &str) -> Result<Vec<Element>> {
        let mut objects = self.cisco.xml.class(class).await?;
        let below = format!("{}/", self.cisco.tree.server);
        objects.retain(|object| object.dn().starts_with(&below));
        Ok(objects)
    }

    pub(crate) async fn controllers(&self) -> Result<Vec<Element>> {
        self.class(CONTROLLER).await
    }

    pub(crate) async fn drives(&self, controller: &str) -> Result<Vec<Element>> {
        self.cisco.xml.children(controller, Some(DRIVE)).await
    }

    pub(crate) async fn volumes(&self, controller: &str) -> Result<Vec<Element>> {
        self.cisco.xml.children(controller, Some(VOLUME)).await
    }

    /// One object, by the dn that an id holds.
    pub(crate) async fn object(&self, dn: &str) -> Result<Option<Element>> {
        self.cisco.xml.resolve(dn, false).await
    }

    /// All of it, in four queries.
    pub(crate) async fn view(&self) -> Result<StorageView> {
        let controllers = self.controllers().await?;
        let (drives, volumes) = (self.class(DRIVE).await?, self.class(VOLUME).await?);
        let usages = self.class(USAGE).await?;
        let m2_mirrors = self.cisco.on("m2-mirrors-only");
        let shown = controllers.iter().map(|controller| {
            let below = |part: &&Element| parent(part.dn()) == controller.dn();
            let id = controller.get("id").unwrap_or_default();
            let raid = controller.says("raidSupport", "yes");
            let levels = if !raid {
                Vec::new()
            } else if id == M2 && m2_mirrors {
                vec![RaidLevel::Raid1]
            } else {
                LEVELS.to_vec()
            };
            StorageController {
                id: ControllerId(format!("{BY_XML}{}", controller.dn())),
                name: id.to_owned(),
                model: controller.get("model").map(str::to_owned),
                can_create: raid,
                raid_levels: levels,
                drives: drives.iter().filter(below).map(|drive| shown_drive(drive, &usages)).collect(),
                volumes: volumes.iter().filter(below).map(|volume| shown_volume(volume, &usages)).collect(),
            }
        });
        Ok(StorageView { controllers: shown.collect(), partial: None, skipped: Vec::new() })
    }

    /// Creates a volume of drives that are unused. One of that name, level and drives is there already; another of that
    /// name is a conflict.
    pub(crate) async fn create(&self, plan: &Plan<'_>) -> Result<Outcome> {
        let xml = &self.cisco.xml;
        let controller = plan.controller.dn();
        let slots = slots(plan.drives).map_err(|why| xml.error(ErrorKind::Protocol, why))?;
        let volumes = self.volumes(controller).await?;
        if let Some(same) = volumes.iter().find(|volume| volume.get("name") == Some(plan.name)) {
            let members = xml.children(same.dn(), Some(USAGE)).await?;
            let mut members: Vec<u32> = members.iter().filter_map(slot).collect();
            let mut wanted = slots.clone();
            members.sort_unstable();
            wanted.sort_unstable();
            if same.get("raidLevel").map(level).as_ref() == Some(plan.raid) && members == wanted {
                return Ok(Outcome::Unchanged);
            }
            let detail = format!("the controller has another volume called {} already", plan.name);
            return Err(xml.error(ErrorKind::Conflict, detail));
        }
        let (spans, lost) = self.checked(plan, volumes.is_empty())?;
        let size = match plan.bytes {
            Some(wanted) => megabytes(wanted),
            None => room(plan.drives, spans, lost)
                .ok_or_else(|| xml.error(ErrorKind::Protocol, "a drive does not say its size"))?,
        };
        let creator = Element::new(CREATOR)
            .with("dn", format!("{controller}/virtual-drive-create"))
            .with("virtualDriveName", plan.name)
            .with("raidLevel", level_name(plan.raid).unwrap_or_default())
            .with("driveGroup", group(&slots, spans))
            .with("size", format!("{size} MB"))
            .with("adminState", "trigger");
        Ok(xml.change(creator).await?.outcome(Outcome::Done))
    }

    /// Refuses before anything is sent what the controller would refuse, or do otherwise than asked.
    fn checked(&self, plan: &Plan<'_>, is_empty: bool) -> Result<(usize, usize)> {
        let refuse = |kind: ErrorKind, detail: String| Err(self.cisco.xml.error(kind, detail));
        let rejected = |name: &str| ErrorKind::RejectedValue { properties: vec![name.to_owned()] };
        if plan.name.trim().is_empty() || plan.name.len() > LONGEST_NAME {
            let detail = format!("{:?} is no name for a volume: 1 to {LONGEST_NAME} characters", plan.name);
            return refuse(rejected("Name"), detail);
        }
        let is_m2 = plan.controller.get("id") == Some(M2) && self.cisco.on("m2-mirrors-only");
        if is_m2 && (*plan.raid != RaidLevel::Raid1 || plan.drives.len() != 2 || !is_empty) {
            let detail = format!("the M.2 controller {M2} makes one RAID1 of two drives and nothing else");
            return refuse(rejected("RAIDType"), detail);
        }
        for drive in plan.drives {
            let seen = drive.get("pdStatus").or_else(|| drive.get("driveState"));
            if state(seen) != DriveState::Ready {
                let seen = seen.unwrap_or("not said");
                let detail =
                    format!("drive {} is {seen}, not Unconfigured Good; it is not taken", drive.dn());
                return refuse(ErrorKind::Conflict, detail);
            }
        }
        match layout(plan.raid, plan.drives.len()).filter(|_| level_name(plan.raid).is_some()) {
            Some(layout) => Ok(layout),
            None => {
                let detail = format!("{} drives make no {}", plan.drives.len(), plan.raid);
                refuse(rejected("RAIDType"), detail)
            }
        }
    }

    /// Deletes a volume.
    pub(crate) async fn delete(&self, dn: &str) -> Result<Outcome> {
        if self.object(dn).await?.is_none() {
            return Ok(Outcome::Unchanged);
        }
        Ok(self.cisco.xml.remove(VOLUME, dn).await?.outcome(Outcome::Done))
    }

    /// Initialises a volume.
    pub(crate) async fn initialize(&self, dn: &str, how: Initialize) -> Result<Outcome> {
        let action = match how {
            Initialize::Fast => "start-fast-initialization",
            Initialize::Slow => "start-full-initialization",
        };
        let volume = Element::new(VOLUME).with("dn", dn).with("adminAction", action);
        Ok(self.cisco.xml.change(volume).await?.outcome(Outcome::Done))
    }

    /// Makes drives unconfigured good, or JBOD; those that are so already are left.
    pub(crate) async fn convert(&self, drives: &[Element], to: DriveUse) -> Result<Outcome> {
        let (action, there) = match to {
            DriveUse::Raid => ("make-unconfigured-good", DriveState::Ready),
            DriveUse::NonRaid => ("make-jbod", DriveState::NonRaid),
        };
        let mut outcome = Outcome::Unchanged;
        for drive in drives {
            if state(drive.get("pdStatus").or_else(|| drive.get("driveState"))) == there {
                continue;
            }
            let drive = Element::new(DRIVE).with("dn", drive.dn()).with("adminAction", action);
            outcome = self.cisco.xml.change(drive).await?.outcome(Outcome::Done);
            if !crate::cisco::settled(&outcome) {
                break;
            }
        }
        Ok(outcome)
    }

    /// Makes a drive the spare of one volume, or of all.
    pub(crate) async fn spare(&self, drive: &Element, volume: Option<&str>) -> Result<Outcome> {
        let seen = drive.get("pdStatus").unwrap_or_default().to_ascii_lowercase();
        let wanted = Element::new(DRIVE).with("dn", drive.dn());
        let (wanted, there) = match volume {
            Some(volume) => {
                let id = number(volume, "/vd-").unwrap_or_default();
                let there = seen.contains("dedicated") && drive.says("dedicatedHotSpareForVDId", id);
                let wanted = wanted.with("adminAction", "make-dedicated-hot-spare");
                (wanted.with("dedicatedHotSpareForVDId", id), there)
            }
            None => (wanted.with("adminAction", "make-global-hot-spare"), seen.contains("global")),
        };
        if there {
            return Ok(Outcome::Unchanged);
        }
        Ok(self.cisco.xml.change(wanted).await?.outcome(Outcome::Done))
    }
}

/// The dn of what an object is below.
pub(crate) fn parent(dn: &str) -> &str {
    dn.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The text behind `mark` in the last part of a dn.
fn number<'a>(dn: &'a str, mark: &str) -> Option<&'a str> {
    dn.rsplit_once(mark).map(|(_, number)| number)
}

fn slot(drive: &Element) -> Option<u32> {
    number(drive.dn(), "/pd-")?.parse().ok()
}

fn slots(drives: &[Element]) -> Result<Vec<u32>, String> {
    let found =
        drives.iter().map(|drive| slot(drive).ok_or_else(|| format!("{} has no slot number", drive.dn())));
    found.collect()
}

/// The mebibytes that a volume of these drives holds at most.
fn room(drives: &[Element], spans: usize, lost: usize) -> Option<u64> {
    let sizes: Option<Vec<u64>> =
        drives.iter().map(|drive| drive.get("coercedSize").and_then(bytes).map(megabytes)).collect();
    let least = sizes?.into_iter().min()?;
    let data = drives.len().checked_sub(lost * spans)?;
    least.checked_mul(u64::try_from(data).ok()?)
}

fn shown_drive(drive: &Element, usages: &[Element]) -> StorageDrive {
    let text = |name: &str| drive.get(name).map(str::to_owned);
    let of_ours = |usage: &&Element| {
        parent(parent(usage.dn())) == parent(drive.dn())
            && slot(usage).is_some()
            && slot(usage) == slot(drive)
    };
    let volumes: Vec<VolumeId> = usages
        .iter()
        .filter(of_ours)
        .map(|usage| VolumeId(format!("{BY_XML}{}", parent(usage.dn()))))
        .collect();
    let state = match state(drive.get("pdStatus").or_else(|| drive.get("driveState"))) {
        DriveState::InVolume(_) => DriveState::InVolume(volumes),
        state => state,
    };
    StorageDrive {
        id: DriveId(format!("{BY_XML}{}", drive.dn())),
        name: drive.get("id").unwrap_or_else(|| drive.dn()).to_owned(),
        model: text("productId"),
        serial: text("driveSerialNumber"),
        bytes: drive.get("coercedSize").and_then(bytes),
        media: text("mediaType"),
        protocol: text("interfaceType"),
        state,
    }
}

fn shown_volume(volume: &Element, usages: &[Element]) -> StorageVolume {
    let controller = parent(volume.dn());
    let members = usages.iter().filter(|usage| parent(usage.dn()) == volume.dn()).filter_map(slot);
    StorageVolume {
        id: VolumeId(format!("{BY_XML}{}", volume.dn())),
        name: volume.get("name").map(str::to_owned),
        raid: volume.get("raidLevel").map(level),
        bytes: volume.get("size").and_then(bytes),
        drives: members.map(|slot| DriveId(format!("{BY_XML}{controller}/pd-{slot}"))).collect(),
    }
}
