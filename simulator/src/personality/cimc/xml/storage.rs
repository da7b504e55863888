//! Storage: controllers with their drives and virtual drives, and what is done with them.

use super::element::Element;
use super::object::Object;
use super::refusal::Refusal;
use crate::machine::inventory::{Controller, Drive, Volume};
use crate::machine::storage::{DriveState, NewVolume, StorageAct};
use crate::machine::{Machine, When};
use crate::personality::cimc::storage::{is_partial, number, spans};
use crate::web::Call;

const BOARD: &str = "sys/rack-unit-1/board";
/// Sizes are in mebibytes, as the SDK counts them.
const MIB: u64 = 1024 * 1024;

fn dn(owner: &Controller) -> String {
    let kind = if owner.id.starts_with("MSTOR") { "SATA" } else { "SAS" };
    format!("{BOARD}/storage-{kind}-{}", owner.id)
}

/// The controller whose name a name begins with, and what is left of it.
fn owner<'a, 'n>(machine: &'a Machine, name: &'n str) -> Option<(&'a Controller, &'n str)> {
    machine.storage.iter().find_map(|owner| {
        let rest = name.strip_prefix(&dn(owner))?;
        (rest.is_empty() || rest.starts_with('/')).then_some((owner, rest))
    })
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / MIB)
}

/// The controllers with all that they hold.
pub(super) fn objects(call: &Call, machine: &Machine) -> Vec<Object> {
    machine.storage.iter().map(|owner| controller(call, machine, owner)).collect()
}

fn controller(call: &Call, machine: &Machine, owner: &Controller) -> Object {
    let dn = dn(owner);
    let kind = if owner.id.starts_with("MSTOR") { "SATA" } else { "SAS" };
    let mut object = Object::new("storageController", dn.as_str())
        .with("adminAction", "")
        .with("id", owner.id.as_str())
        .with("model", owner.model.as_str())
        .with("pciSlot", owner.id.as_str())
        .with("presence", "equipped")
        .with("raidSupport", if owner.raid.is_empty() { "no" } else { "yes" })
        .with("type", kind)
        .with("vendor", "Cisco Systems Inc");
    if !is_partial(call, machine) {
        let disks = owner.drives.iter().map(|drive| disk(machine, owner, drive));
        object = object.holding(disks);
    }
    object = object.holding(owner.volumes.iter().map(|volume| virtual_drive(machine, owner, volume)));
    if owner.raid.is_empty() {
        return object;
    }
    let creator = Object::new(
        "storageVirtualDriveCreatorUsingUnusedPhysicalDrive",
        format!("{dn}/virtual-drive-create"),
    )
    .with("adminState", "triggered")
    .with("createdVirtualDriveDn", "")
    .with("operStatus", "");
    object.holding([creator])
}

/// The state of a drive: the words of a C240 M5 and a C220 M4.
fn state(owner: &Controller, drive: &Drive) -> &'static str {
    match drive.state {
        DriveState::Ready if owner.volumes_of(&drive.id).next().is_some() => "Online",
        DriveState::Ready => "Unconfigured Good",
        DriveState::NonRaid => "JBOD",
        DriveState::GlobalSpare => "Global Hot Spare",
        DriveState::DedicatedSpare => "Dedicated Hot Spare",
        DriveState::Foreign => "Foreign Configuration",
        DriveState::Failed => "Failed",
    }
}

/// Drives are numbered through the whole machine, as its serial numbers are.
fn disk(machine: &Machine, owner: &Controller, drive: &Drive) -> Object {
    let mut all = machine.storage.iter().flat_map(|owner| &owner.drives);
    let at = all.position(|other| std::ptr::eq(other, drive)).unwrap_or(0);
    let id = number(&drive.id);
    let health = if machine.health(&drive.id) == "OK" { "Good" } else { "Moderate Fault" };
    Object::new("storageLocalDisk", format!("{}/pd-{id}", dn(owner)))
        .with("adminAction", "")
        .with("coercedSize", megabytes(drive.usable()))
        .with("dedicatedHotSpareForVDId", "")
        .with("driveSerialNumber", machine.identity.drive_serial(at))
        .with("driveState", state(owner, drive))
        .with("health", health)
        .with("id", id)
        .with("interfaceType", drive.protocol)
        .with("mediaType", drive.media)
        .with("online", if drive.state == DriveState::Failed { "false" } else { "true" })
        .with("pdState", state(owner, drive))
        .with("pdStatus", state(owner, drive))
        .with("productId", drive.model.as_str())
        .with("vendor", "ATA")
}

fn virtual_drive(machine: &Machine, owner: &Controller, volume: &Volume) -> Object {
    let id = number(&volume.id);
    let dn = format!("{}/vd-{id}", dn(owner));
    let groups = spans(volume);
    let usage = groups.iter().enumerate().flat_map(|(span, drives)| {
        let dn = &dn;
        drives.iter().map(move |drive| {
            let drive = number(drive);
            Object::new("storageLocalDiskUsage", format!("{dn}/pd-{drive}"))
                .with("physicalDrive", drive)
                .with("span", span.to_string())
                .with("state", "Online")
        })
    });
    let boots = machine.oem.get(&boot_key(owner)).is_some_and(|kept| *kept == volume.id.as_str());
    let busy = machine
        .jobs
        .iter()
        .any(|job| !job.state.is_over() && job.kind == INITIALIZATION && job.target == owner.id);
    Object::new("storageVirtualDrive", dn.as_str())
        .with("adminAction", "")
        .with("bootDrive", if boots { "true" } else { "false" })
        .with("drivesPerSpan", groups.first().map_or(0, Vec::len).to_string())
        .with("health", if machine.health(&volume.id) == "OK" { "Good" } else { "Moderate Fault" })
        .with("id", id)
        .with("name", volume.name.as_str())
        .with("raidLevel", volume.raid.replacen("RAID", "RAID ", 1))
        .with("size", megabytes(volume.bytes))
        .with("spanDepth", groups.len().to_string())
        .with("stripSize", "64k")
        .with("vdStatus", if busy { "Initializing" } else { "Optimal" })
        .with("virtualDriveName", volume.name.as_str())
        .holding(usage)
}

/// Kind of the task of a full initialisation.
const INITIALIZATION: &str = "VolumeInitialization";

fn boot_key(owner: &Controller) -> String {
    format!("boot-drive {}", owner.id)
}

fn act(machine: &mut Machine, controller: &str, act: &StorageAct) -> Result<(), Refusal> {
    machine.do_storage(controller, act).map(drop).map_err(Refusal::operation)
}

/// Whatever of storage is named.
///
/// # Errors
/// An object that there is not, a value that the schema does not allow, an act that the controller refuses.
pub(super) fn configure(machine: &mut Machine, element: &Element, dn: &str) -> Result<(), Refusal> {
    let missing = || Refusal::operation(format!("there is no object {dn}"));
    let (owner, rest) = owner(machine, dn).ok_or_else(missing)?;
    let owner = owner.clone();
    match element.name.as_str() {
        "storageController" if rest.is_empty() => configure_controller(machine, element, &owner),
        "storageLocalDisk" => {
            let wanted = rest.strip_prefix("/pd-").ok_or_else(missing)?;
            let drive = owner.drives.iter().find(|one| number(&one.id) == wanted).ok_or_else(missing)?;
            configure_disk(machine, element, &owner, drive.id.clone())
        }
        "storageVirtualDrive" => {
            let wanted = rest.strip_prefix("/vd-").ok_or_else(missing)?;
            let volume = owner.volumes.iter().find(|one| number(&one.id) == wanted).ok_or_else(missing)?;
            configure_virtual_drive(machine, element, &owner, volume.id.clone())
        }
        "storageVirtualDriveCreatorUsingUnusedPhysicalDrive" if rest == "/virtual-drive-create" => {
            create(machine, element, &owner)
        }
        class => Err(Refusal::schema(format!("'{dn}' is no {class}"))),
    }
}

fn configure_controller(machine: &mut Machine, element: &Element, owner: &Controller) -> Result<(), Refusal> {
    let wanted = match element.get("adminAction") {
        None | Some("") => return Ok(()),
        Some("delete-all-vds-reset-pds") => StorageAct::ResetAll,
        Some("clear-foreign-config") => StorageAct::ClearForeign,
        Some("clear-boot-drive") => {
            machine.oem.remove(&boot_key(owner));
            return Ok(());
        }
        Some("enable-jbod" | "disable-jbod" | "import-foreign-config" | "clear-cache" | "get-tty-log") => {
            return Err(Refusal::operation("this controller does not do that"));
        }
        Some(_) => return Err(Refusal::value(element, "adminAction")),
    };
    act(machine, &owner.id, &wanted)
}

fn configure_disk(
    machine: &mut Machine,
    element: &Element,
    owner: &Controller,
    drive: String,
) -> Result<(), Refusal> {
    let wanted = match element.get("adminAction") {
        None | Some("" | "locator-led-on" | "locator-led-off") => return Ok(()),
        Some("make-jbod") => StorageAct::ToHost(vec![drive]),
        Some("make-unconfigured-good") => StorageAct::ToRaid(vec![drive]),
        Some("make-global-hot-spare") => StorageAct::Spare { drive, volumes: Vec::new() },
        Some("make-dedicated-hot-spare") => {
            let id = element.get("dedicatedHotSpareForVDId").unwrap_or_default();
            let volume = owner.volumes.iter().find(|one| number(&one.id) == id);
            let volume = volume.ok_or_else(|| Refusal::value(element, "dedicatedHotSpareForVDId"))?;
            StorageAct::Spare { drive, volumes: vec![volume.id.clone()] }
        }
        Some("remove-hot-spare") => StorageAct::Unspare(drive),
        Some(_) => return Err(Refusal::value(element, "adminAction")),
    };
    act(machine, &owner.id, &wanted)
}

fn configure_virtual_drive(
    machine: &mut Machine,
    element: &Element,
    owner: &Controller,
    volume: String,
) -> Result<(), Refusal> {
    if matches!(element.get("status"), Some("deleted" | "removed")) {
        return act(machine, &owner.id, &StorageAct::Delete(volume));
    }
    match element.get("adminAction") {
        None | Some("") => Ok(()),
        Some("start-fast-initialization") => {
            act(machine, &owner.id, &StorageAct::Initialize { volume, full: false })
        }
        Some("start-full-initialization") => {
            let id = machine.next_number().to_string();
            let acts = vec![StorageAct::Initialize { volume, full: true }];
            let made = machine.add_storage_job(id, INITIALIZATION, &owner.id, acts, When::Now);
            made.map(drop).map_err(Refusal::operation)
        }
        Some("set-boot-drive") => {
            machine.oem.insert(boot_key(owner), volume.into());
            Ok(())
        }
        Some(_) => Err(Refusal::value(element, "adminAction")),
    }
}

/// Makes a virtual drive, once it is triggered.
fn create(machine: &mut Machine, element: &Element, owner: &Controller) -> Result<(), Refusal> {
    if element.get("adminState") != Some("trigger") {
        return Err(Refusal::operation("a virtual drive is made when adminState is trigger"));
    }
    let level = element.get("raidLevel").unwrap_or_default();
    if !["0", "00", "1", "5", "6", "10", "50", "60"].contains(&level) {
        return Err(Refusal::value(element, "raidLevel"));
    }
    let groups = groups(element.get("driveGroup").unwrap_or_default());
    let groups = groups.ok_or_else(|| Refusal::value(element, "driveGroup"))?;
    let alike = groups.first().is_some_and(|first| groups.iter().all(|one| one.len() == first.len()));
    if !alike || (groups.len() > 1) != (level.len() == 2) {
        return Err(Refusal::operation(format!("RAID {level} is not made of such spans")));
    }
    let drives = groups.concat().into_iter().map(|wanted| {
        let found = owner.drives.iter().find(|one| number(&one.id) == wanted);
        found
            .map(|one| one.id.clone())
            .ok_or_else(|| Refusal::operation(format!("there is no drive {wanted}")))
    });
    let bytes = element.get("size").map(|size| bytes(size).ok_or_else(|| Refusal::value(element, "size")));
    let wanted = NewVolume {
        name: element.get("virtualDriveName").filter(|name| !name.is_empty()).map(str::to_owned),
        raid: if level == "00" { "RAID0".into() } else { format!("RAID{level}") },
        drives: drives.collect::<Result<_, _>>()?,
        bytes: bytes.transpose()?,
    };
    act(machine, &owner.id, &StorageAct::Create(wanted))
}

/// `[1,2][3,4]`, without blanks: CiscoUcs/imcsdk says that one is not read.
fn groups(text: &str) -> Option<Vec<Vec<&str>>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let group = |text| {
        let ids: Vec<&str> = str::split(text, ',').collect();
        let good = |id: &&str| !id.is_empty() && id.chars().all(|letter| letter.is_ascii_digit());
        ids.iter().all(good).then_some(ids)
    };
    inner.split("][").map(group).collect()
}

/// `100 MB`, `20GB`, `1 TB`; a number alone is of megabytes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at_checked(digits)?;
    let factor = match unit.strip_prefix(' ').unwrap_or(unit) {
        "" | "MB" => MIB,
        "GB" => MIB * 1024,
        "TB" => MIB * 1024 * 1024,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drive_groups_and_sizes_are_read_as_the_sdk_writes_them() {
        assert_eq!(groups("[1,2][3,4]"), Some(vec![vec!["1", "2"], vec!["3", "4"]]));
        for text in ["", "[]", "1,2", "[1, 2]", "[1,2][", "[1,2],[3,4]", "[a]", "[1,,2]"] {
            assert_eq!(groups(text), None, "{text}");
        }
        assert_eq!(
            (bytes("100 MB"), bytes("2GB"), bytes("7")),
            (Some(100 * MIB), Some(2048 * MIB), Some(7 * MIB))
        );
        for text in ["", "MB", "-1 MB", "1 PB", "1  MB", "99999999999999999999 TB", "18446744073709551615 TB"]
        {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
