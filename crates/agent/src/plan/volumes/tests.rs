use proptest::prelude::*;
use rackhand_bmc::{Attributes, ControllerId, RaidLevel};

use super::*;
use crate::wanted::{BootWay, Follow, WantedBoot, WantedStorage};

fn wanted(storage: WantedStorage) -> Wanted {
    Wanted {
        node: "site/node".to_owned(),
        source: "site.yaml:1".to_owned(),
        request: "first".to_owned(),
        boot_mac: None,
        bios: Attributes::new(),
        bios_source: None,
        firmware: Vec::new(),
        boot_mode: None,
        secure_boot: None,
        boot: WantedBoot::only(BootWay::VirtualMedia, "the test"),
        follow: Follow::CallBack,
        storage,
        allow_unverified: false,
        cannot: Vec::new(),
        hold: false,
        permission: None,
    }
}

fn mirror(name: &str) -> WantedVolume {
    WantedVolume {
        name: name.to_owned(),
        raid: RaidLevel::Raid1,
        drives: DriveChoice { count: 2, media: Some("SSD".to_owned()), ..DriveChoice::default() },
        bytes: None,
        controller: None,
    }
}

fn drive(name: &str, gib: u64, state: DriveState) -> StorageDrive {
    StorageDrive {
        id: DriveId(format!("/drives/{name}")),
        name: name.to_owned(),
        model: None,
        serial: None,
        bytes: Some(gib * GIB),
        media: Some("SSD".to_owned()),
        protocol: None,
        state,
    }
}

fn view(drives: Vec<StorageDrive>, volumes: Vec<StorageVolume>) -> StorageView {
    let controller = StorageController {
        id: ControllerId("/storage/1".to_owned()),
        name: "RAID.1".to_owned(),
        model: Some("PERC".to_owned()),
        raid_levels: vec![RaidLevel::Raid0, RaidLevel::Raid1],
        can_create: true,
        drives,
        volumes,
    };
    StorageView { controllers: vec![controller], ..StorageView::default() }
}

fn volume(name: &str, raid: RaidLevel, drives: &[&str]) -> StorageVolume {
    StorageVolume {
        id: VolumeId(format!("/volumes/{name}")),
        name: Some(name.to_owned()),
        raid: Some(raid),
        bytes: Some(400 * GIB),
        drives: drives.iter().map(|name| DriveId(format!("/drives/{name}"))).collect(),
    }
}

fn in_volume(name: &str) -> DriveState {
    DriveState::InVolume(vec![VolumeId(format!("/volumes/{name}"))])
}

fn planned(storage: WantedStorage, view: &StorageView) -> VolumePlan {
    volumes(&wanted(storage), view, |_| false)
}

fn of(volumes: Vec<WantedVolume>) -> WantedStorage {
    WantedStorage { volumes, delete: Vec::new() }
}

#[test]
fn a_mirror_is_made_of_the_first_free_drives_of_the_smallest_size_that_has_enough() {
    let drives = vec![
        drive("0", 960, DriveState::Ready),
        drive("1", 400, DriveState::Ready),
        drive("2", 960, DriveState::Ready),
        drive("3", 480, DriveState::Ready),
        drive("4", 480, DriveState::Ready),
        drive("5", 480, DriveState::Ready),
    ];
    let plan = planned(of(vec![mirror("boot"), mirror("data")]), &view(drives, Vec::new()));
    assert_eq!(plan.problems, [""; 0]);
    let made: Vec<Vec<&str>> =
        plan.create.iter().map(|new| new.drives.iter().map(|id| id.0.as_str()).collect()).collect();
    assert_eq!(made, [["/drives/3", "/drives/4"], ["/drives/0", "/drives/2"]]);
}

#[test]
fn what_is_there_as_wanted_needs_nothing() {
    let drives = vec![drive("0", 480, in_volume("boot")), drive("1", 480, in_volume("boot"))];
    let there = view(drives, vec![volume("boot", RaidLevel::Raid1, &["0", "1"])]);
    assert!(planned(of(vec![mirror("boot")]), &there).is_nothing());
}

#[test]
fn drives_that_may_hold_anything_are_never_taken_and_the_answer_says_what_each_is() {
    let drives = vec![
        drive("0", 480, DriveState::Ready),
        drive("1", 480, DriveState::Foreign),
        drive("2", 480, DriveState::NonRaid),
        drive("3", 480, DriveState::Unknown),
        drive("4", 480, DriveState::Spare),
        drive("5", 480, DriveState::Failed),
        drive("6", 480, in_volume("OS")),
    ];
    let there = view(drives, vec![volume("OS", RaidLevel::Raid0, &["6"])]);
    let plan = planned(of(vec![mirror("boot")]), &there);
    assert!(plan.create.is_empty() && plan.delete.is_empty());
    insta::assert_snapshot!(plan.problems.join("\n"), @"volume boot needs 2 free SSD drives of one size on one controller: RAID.1 has free 0 (SSD, 480 GiB); not free 1 (of another controller's configuration; it may hold anything), 2 (handed to the host as it is; it may hold anything), 3 (of unknown use; it may hold anything), 4 (a spare), 5 (failed), 6 (in volume OS). A volume in the way goes only by its name: rackhand apply --delete-volume site/node=NAME");
}

#[test]
fn a_volume_of_that_name_that_is_otherwise_is_not_touched_unless_it_is_named() {
    let drives = vec![drive("0", 480, in_volume("boot")), drive("1", 480, in_volume("boot"))];
    let there = view(drives, vec![volume("boot", RaidLevel::Raid0, &["0", "1"])]);
    let plan = planned(of(vec![mirror("boot")]), &there);
    assert!(plan.create.is_empty() && plan.delete.is_empty());
    insta::assert_snapshot!(plan.problems.join("\n"), @"volume boot is there and is RAID0, not RAID1: RAID0, 400 GiB, on the drives 0, 1 of PERC. It is not touched; to have it deleted with all that is on it and made anew: rackhand apply --delete-volume site/node=boot");

    let named = WantedStorage { volumes: vec![mirror("boot")], delete: vec!["boot".to_owned()] };
    let plan = planned(named.clone(), &there);
    assert_eq!(plan.problems, [""; 0]);
    assert_eq!(plan.delete.len(), 1);
    assert_eq!(plan.create[0].drives.len(), 2, "of the drives that it frees");
    // Deleted by this job already: what has its id now is what the job made.
    let remade = view(
        vec![drive("0", 480, in_volume("boot")), drive("1", 480, in_volume("boot"))],
        vec![volume("boot", RaidLevel::Raid1, &["0", "1"])],
    );
    assert!(volumes(&wanted(named), &remade, |_| true).is_nothing());
}

#[test]
fn drives_are_taken_by_name_where_names_are_given() {
    let choice = DriveChoice { ids: vec!["1".to_owned(), "0".to_owned()], ..DriveChoice::default() };
    let wish = WantedVolume { drives: choice, ..mirror("boot") };
    let drives = vec![drive("0", 480, DriveState::Ready), drive("1", 960, DriveState::Ready)];
    let plan = planned(of(vec![wish]), &view(drives, Vec::new()));
    assert_eq!(plan.create[0].drives, [DriveId("/drives/1".to_owned()), DriveId("/drives/0".to_owned())]);
}

fn any_state() -> impl Strategy<Value = DriveState> {
    prop_oneof![
        Just(DriveState::Ready),
        Just(in_volume("OS")),
        Just(DriveState::Spare),
        Just(DriveState::NonRaid),
        Just(DriveState::Foreign),
        Just(DriveState::Failed),
        Just(DriveState::Unknown),
    ]
}

proptest! {
    /// Whatever stands there, nothing is deleted that nobody named, and no drive is taken that is not free.
    #[test]
    fn nothing_is_lost_that_nobody_named(
        states in prop::collection::vec((any_state(), 1_u64..4), 0..10),
        count in 1_usize..4,
        wishes in 1_usize..4,
    ) {
        let drives = states.iter().enumerate()
            .map(|(number, (state, size))| drive(&number.to_string(), size * 100, state.clone()))
            .collect();
        let there = view(drives, vec![volume("OS", RaidLevel::Raid0, &["x"])]);
        let wish = |number: usize| WantedVolume {
            drives: DriveChoice { count, ..DriveChoice::default() },
            ..mirror(&format!("v{number}"))
        };
        let plan = planned(of((0..wishes).map(wish).collect()), &there);
        prop_assert!(plan.delete.is_empty());
        prop_assert_eq!(plan.create.len() + plan.problems.len(), wishes);
        let mut used = Vec::new();
        for id in plan.create.iter().flat_map(|new| &new.drives) {
            let found = there.controllers[0].drives.iter().find(|drive| drive.id == *id);
            prop_assert!(found.is_some_and(|drive| drive.state == DriveState::Ready));
            prop_assert!(!used.contains(id), "no drive is in two volumes");
            used.push(id.clone());
        }
    }
}
