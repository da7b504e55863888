//! Storage by the XML API.

use rackhand_bmc::{
    Bmc, ControllerId, DriveId, DriveState, DriveUse, ErrorKind, Initialize, NewVolume, Operation, Outcome,
    RaidLevel, VolumeId,
};
use rackhand_cimc::xml::Element;
use rackhand_testing::target;

use crate::{
    deviations::rack,
    nuova::{Nuova, Reply, object, without},
};

const MRAID: &str = "sys/rack-unit-1/board/storage-SAS-MRAID";
pub(crate) const M2: &str = "sys/rack-unit-1/board/storage-SATA-MSTOR-RAID";

fn drive(controller: &str, slot: u32, status: &str) -> Element {
    let (dn, id, serial) = (format!("{controller}/pd-{slot}"), slot.to_string(), format!("SER{slot}"));
    object(
        "storageLocalDisk",
        &dn,
        &[
            ("id", &id),
            ("pdStatus", status),
            ("coercedSize", "952720 MB"),
            ("driveSerialNumber", &serial),
            ("mediaType", "SSD"),
        ],
    )
}

pub(crate) fn objects() -> Vec<Element> {
    let controller = |dn: &str, id: &str| {
        object("storageController", dn, &[("id", id), ("raidSupport", "yes"), ("model", "Cisco 12G")])
    };
    vec![
        controller(MRAID, "MRAID"),
        controller(M2, "MSTOR-RAID"),
        drive(MRAID, 1, "Online"),
        drive(MRAID, 2, "Online"),
        drive(MRAID, 3, "Unconfigured Good"),
        drive(MRAID, 4, "Unconfigured Good"),
        drive(MRAID, 5, "JBOD"),
        drive(MRAID, 6, "Foreign Configuration"),
        drive(M2, 253, "Unconfigured Good"),
        drive(M2, 254, "Unconfigured Good"),
        object(
            "storageVirtualDrive",
            &format!("{MRAID}/vd-0"),
            &[("id", "0"), ("name", "os "), ("raidLevel", "RAID 1"), ("size", "952720 MB")],
        ),
        object("storageLocalDiskUsage", &format!("{MRAID}/vd-0/pd-1"), &[]),
        object("storageLocalDiskUsage", &format!("{MRAID}/vd-0/pd-2"), &[]),
    ]
}

/// An API whose creator makes volumes.
pub(crate) fn nuova() -> Nuova {
    Nuova::beside(&rack(), &objects()).rule(|method, tree| {
        let made = method.children.first()?.children.first()?;
        let (controller, _) =
            made.dn().strip_suffix("/virtual-drive-create").map(|dn| (dn.to_owned(), ()))?;
        let count = tree.0.values().filter(|object| object.name == "storageVirtualDrive").count();
        let dn = format!("{controller}/vd-{count}");
        let level = format!("RAID {}", made.raw("raidLevel").unwrap());
        let name = made.raw("virtualDriveName").unwrap();
        tree.put(object(
            "storageVirtualDrive",
            &dn,
            &[("id", &count.to_string()), ("name", name), ("raidLevel", &level)],
        ));
        for slot in made
            .raw("driveGroup")
            .unwrap()
            .split(|c: char| !c.is_ascii_digit())
            .filter(|slot| !slot.is_empty())
        {
            tree.put(object("storageLocalDiskUsage", &format!("{dn}/pd-{slot}"), &[]));
            let used =
                object("storageLocalDisk", &format!("{controller}/pd-{slot}"), &[("pdStatus", "Online")]);
            tree.merge(&used);
        }
        None
    })
}

async fn connect(nuova: &Nuova) -> Bmc {
    nuova.connect(target()).await
}

fn controller(dn: &str) -> ControllerId {
    ControllerId(format!("xml:{dn}"))
}

fn drives(controller: &str, slots: &[u32]) -> Vec<DriveId> {
    slots.iter().map(|slot| DriveId(format!("xml:{controller}/pd-{slot}"))).collect()
}

pub(crate) fn mirror(dn: &str, name: &str, slots: &[u32]) -> NewVolume {
    NewVolume {
        controller: controller(dn),
        name: name.to_owned(),
        raid: RaidLevel::Raid1,
        drives: drives(dn, slots),
        bytes: None,
    }
}

#[tokio::test(start_paused = true)]
async fn the_view_says_what_drives_are_used_for() {
    let bmc = connect(&nuova()).await;
    let view = bmc.storage().unwrap().view().await.unwrap();
    let (raid, m2) = (&view.controllers[0], &view.controllers[1]);
    assert_eq!((raid.name.as_str(), raid.drives.len(), raid.can_create), ("MRAID", 6, true));
    let states: Vec<DriveState> = raid.drives.iter().map(|drive| drive.state.clone()).collect();
    let used = DriveState::InVolume(vec![VolumeId(format!("xml:{MRAID}/vd-0"))]);
    let expected =
        [used.clone(), used, DriveState::Ready, DriveState::Ready, DriveState::NonRaid, DriveState::Foreign];
    assert_eq!(states, expected);
    assert_eq!(raid.drives[0].bytes, Some(952_720 << 20));
    let (_, volume) = view.volume_named("os").unwrap();
    assert_eq!(
        (volume.raid.clone(), volume.drives.clone()),
        (Some(RaidLevel::Raid1), drives(MRAID, &[1, 2]))
    );
    assert_eq!(m2.raid_levels, [RaidLevel::Raid1], "m2-mirrors-only");
    assert_eq!(raid.raid_levels.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_mirror_is_created_once() {
    let nuova = nuova();
    let bmc = connect(&nuova).await;
    let storage = bmc.storage().unwrap();
    let wanted = mirror(MRAID, "data", &[3, 4]);
    assert_eq!(storage.create_volume(&wanted).await.unwrap(), Outcome::Done);
    let sent = nuova.changes().remove(0);
    let says = |name: &str| sent.raw(name).unwrap_or_default().to_owned();
    assert_eq!(sent.dn(), format!("{MRAID}/virtual-drive-create"));
    assert_eq!(
        [says("driveGroup"), says("raidLevel"), says("size"), says("virtualDriveName"), says("adminState")],
        ["[3,4]", "1", "952720 MB", "data", "trigger"]
    );
    let view = storage.view().await.unwrap();
    assert_eq!(view.volume_named("data").unwrap().1.drives, drives(MRAID, &[3, 4]));
    assert_eq!(storage.create_volume(&wanted).await.unwrap(), Outcome::Unchanged);
    assert_eq!(nuova.changes().len(), 1);
    let other = NewVolume { raid: RaidLevel::Raid0, ..wanted };
    assert_eq!(*storage.create_volume(&other).await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_lost_creation_is_unknown_until_it_is_looked_for() {
    let nuova = nuova().rule(|method, _| (method.name == "configConfMo").then_some(Reply::DoneButLost));
    let bmc = connect(&nuova).await;
    let storage = bmc.storage().unwrap();
    let wanted = mirror(MRAID, "data", &[3, 4]);
    assert!(matches!(storage.create_volume(&wanted).await.unwrap(), Outcome::Unknown { .. }));
    assert_eq!(storage.create_volume(&wanted).await.unwrap(), Outcome::Unchanged);
    assert_eq!(nuova.changes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn drives_that_hold_something_are_not_taken() {
    let nuova = nuova();
    let bmc = connect(&nuova).await;
    for slots in [[1, 3], [3, 5], [3, 6]] {
        let error = bmc.storage().unwrap().create_volume(&mirror(MRAID, "data", &slots)).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Conflict, "{slots:?}");
        assert!(error.to_string().contains("it is not taken"), "{error}");
    }
    let error = bmc.storage().unwrap().create_volume(&mirror(MRAID, "data", &[3, 9])).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotFound);
    let wrong = [
        (NewVolume { raid: RaidLevel::Raid5, ..mirror(MRAID, "data", &[3, 4]) }, "2 drives make no RAID5"),
        (mirror(MRAID, "data", &[3, 3]), "is named twice"),
        (mirror(MRAID, "longer-than-fifteen", &[3, 4]), "is no name for a volume"),
    ];
    for (wrong, why) in wrong {
        let error = bmc.storage().unwrap().create_volume(&wrong).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::RejectedValue { .. }) && error.to_string().contains(why),
            "{error}"
        );
    }
    assert!(nuova.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_m2_controller_makes_one_mirror() {
    let nuova = nuova();
    let bmc = connect(&nuova).await;
    let stripe = NewVolume { raid: RaidLevel::Raid0, ..mirror(M2, "boot", &[253, 254]) };
    let error = bmc.storage().unwrap().create_volume(&stripe).await.unwrap_err();
    assert!(error.to_string().contains("one RAID1 of two drives"), "{error}");
    assert_eq!(
        bmc.storage().unwrap().create_volume(&mirror(M2, "boot", &[253, 254])).await.unwrap(),
        Outcome::Done
    );
    // Without the cure it is sent, and the controller has to refuse it.
    let nuova = self::nuova();
    let bmc = nuova.connect(without("m2-mirrors-only")).await;
    assert_eq!(bmc.storage().unwrap().create_volume(&stripe).await.unwrap(), Outcome::Done);
    assert_eq!(nuova.changes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn volumes_are_initialised_and_deleted_and_gone_ones_left() {
    let nuova = nuova();
    let bmc = connect(&nuova).await;
    let storage = bmc.storage().unwrap();
    let volume = VolumeId(format!("xml:{MRAID}/vd-0"));
    assert_eq!(storage.initialize_volume(&volume, Initialize::Fast).await.unwrap(), Outcome::Done);
    assert_eq!(nuova.changes()[0].get("adminAction"), Some("start-fast-initialization"));
    assert_eq!(storage.delete_volume(&volume).await.unwrap(), Outcome::Done);
    assert_eq!(nuova.changes()[1].get("status"), Some("deleted"));
    assert_eq!(storage.delete_volume(&volume).await.unwrap(), Outcome::Unchanged);
    assert_eq!(nuova.changes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn drives_are_converted_and_made_spares() {
    let nuova = nuova();
    let bmc = connect(&nuova).await;
    let storage = bmc.storage().unwrap();
    let both = drives(MRAID, &[3, 5]);
    assert_eq!(
        storage.convert_drives(&controller(MRAID), &both, DriveUse::Raid).await.unwrap(),
        Outcome::Done
    );
    let changes = nuova.changes();
    assert_eq!((changes.len(), changes[0].dn()), (1, "sys/rack-unit-1/board/storage-SAS-MRAID/pd-5"));
    assert_eq!(changes[0].get("adminAction"), Some("make-unconfigured-good"));
    let spare = &drives(MRAID, &[4])[0];
    let volume = VolumeId(format!("xml:{MRAID}/vd-0"));
    assert_eq!(storage.assign_spare(spare, Some(&volume)).await.unwrap(), Outcome::Done);
    let sent = nuova.changes().pop().unwrap();
    assert_eq!(
        (sent.get("adminAction"), sent.get("dedicatedHotSpareForVDId")),
        (Some("make-dedicated-hot-spare"), Some("0"))
    );
    assert_eq!(storage.assign_spare(spare, None).await.unwrap(), Outcome::Done);
    assert_eq!(nuova.changes().pop().unwrap().get("adminAction"), Some("make-global-hot-spare"));
    assert_eq!(*storage.secure_erase(spare).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn the_way_is_said_and_without_the_cure_it_needs_leave() {
    let bmc = connect(&nuova()).await;
    let learned = &bmc.capabilities.get(Operation::StorageWrite).unwrap().learned;
    assert!(format!("{learned:?}").contains("by the XML API"), "{learned:?}");
    let bmc = nuova().connect(without("volumes-by-xml")).await;
    assert!(bmc.capabilities.unverified(Operation::StorageWrite).unwrap().contains("(?)"));
    assert!(bmc.require(Operation::DriveConvert).is_err());
}
