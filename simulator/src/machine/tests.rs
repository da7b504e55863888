//! Whatever is done to a machine, in whatever order, these hold.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::inventory::Drive;
use super::storage::{DriveState, NewVolume, StorageAct};
use super::*;
use crate::personality::sushy::Sushy;
use crate::personality::{Personality as _, Quirks};

fn machine() -> Machine {
    // BIOS settings wait for POST and an override may be for once: what this machine's core is about.
    let without = ["bios-at-once".to_owned(), "override-always-continuous".to_owned()];
    let model = Sushy.model(&Quirks::of(&Sushy, &without));
    let identity = Identity::new(1, "m", 2);
    Machine::new("m", identity, model.hardware, model.rules).with_old_os()
}

const RESETS: &[&str] = &["On", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart"];

#[derive(Debug, Clone)]
enum Act {
    Reset(&'static str),
    Wait(u64),
    Once(&'static str),
    Stage(&'static str),
    Insert,
    Eject,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        proptest::sample::select(RESETS).prop_map(Act::Reset),
        (0..100_u64).prop_map(Act::Wait),
        proptest::sample::select(&["Cd", "Hdd", "Pxe", "BiosSetup"][..]).prop_map(Act::Once),
        proptest::sample::select(&["Enabled", "Disabled"][..]).prop_map(Act::Stage),
        Just(Act::Insert),
        Just(Act::Eject),
    ]
}

fn perform(machine: &mut Machine, act: &Act, now: &mut SimTime) {
    match act {
        // A refusal is an outcome like another here.
        Act::Reset(reset) => drop(machine.reset(reset)),
        Act::Wait(seconds) => *now = now.after(Duration::from_secs(*seconds)),
        Act::Once(target) => {
            machine.boot.lasts = Lasts::Once;
            machine.boot.target = (*target).into();
        }
        Act::Stage(value) => {
            let wanted: Map<_, _> = [("ProcTurboMode".to_owned(), json!(value))].into_iter().collect();
            machine.write_bios(wanted).unwrap();
        }
        Act::Insert => {
            machine.insert(0, Source { url: "http://x/y.iso".into(), login: None }, true).unwrap();
        }
        Act::Eject => drop(machine.eject(0)),
    }
    machine.advance(*now);
}

proptest! {
    #[test]
    fn states_agree_and_settings_wait_for_post(acts in proptest::collection::vec(act(), 1..60)) {
        let mut machine = machine();
        let mut now = SimTime::ZERO;
        let (mut overrides, mut set) = (0, 0);
        for act in acts {
            set += usize::from(matches!(act, Act::Once(_)));
            perform(&mut machine, &act, &mut now);
            let changes = machine.take_changes();
            // An override for once ends once, with a boot.
            overrides += changes.iter().filter(|change| change.what == "boot-override").count();
            prop_assert!(overrides <= set);
            // BIOS values change only where POST begins.
            if changes.iter().any(|change| change.what == "bios") {
                prop_assert!(changes.iter().any(|change| change.what == "post" && change.to == "POST"));
            }
            if machine.power() == Power::Off {
                prop_assert_eq!(machine.post(), Post::Off);
            }
            if machine.power() != Power::On {
                prop_assert_eq!(machine.guest(), &Guest::None);
            }
            prop_assert!(machine.next_due().is_none_or(|due| due > now));
            prop_assert_eq!(machine.slots[0].inserted, machine.slots[0].image.is_some());
        }
    }

    #[test]
    fn how_often_it_is_looked_at_does_not_matter(acts in proptest::collection::vec(act(), 1..40)) {
        let (mut seldom, mut often) = (machine(), machine());
        let (mut now, mut same) = (SimTime::ZERO, SimTime::ZERO);
        for act in acts {
            if let Act::Wait(seconds) = act {
                for second in 0..seconds {
                    often.advance(same.after(Duration::from_secs(second)));
                }
            }
            perform(&mut often, &act, &mut same);
            perform(&mut seldom, &act, &mut now);
        }
        prop_assert_eq!(seldom.take_changes(), often.take_changes());
        prop_assert_eq!(seldom.take_deeds(), often.take_deeds());
    }
}

const ACTS: &[&str] = &["create", "delete", "to-host", "to-raid", "spare", "unspare", "erase", "reset"];

/// A storage act on drives and volumes that may or may not be there.
fn storage_act(kind: &str, drives: &[usize], volume: usize, level: &str) -> StorageAct {
    let names: Vec<_> = drives.iter().map(|number| format!("Bay{number}")).collect();
    let first = names.first().cloned().unwrap_or_default();
    let volume = volume.to_string();
    match kind {
        "create" => {
            StorageAct::Create(NewVolume { name: None, raid: level.into(), drives: names, bytes: None })
        }
        "delete" => StorageAct::Delete(volume),
        "to-host" => StorageAct::ToHost(names),
        "to-raid" => StorageAct::ToRaid(names),
        "spare" => StorageAct::Spare { drive: first, volumes: Vec::new() },
        "unspare" => StorageAct::Unspare(first),
        "erase" => StorageAct::Erase(first),
        _ => StorageAct::ResetAll,
    }
}

fn with_storage() -> Machine {
    let mut machine = machine();
    let drive = |number: usize| Drive {
        id: format!("Bay{number}"),
        name: format!("SSD {number}"),
        model: "S1".into(),
        media: "SSD",
        protocol: "SATA",
        bytes: 480_000_000_000,
        state: DriveState::Ready,
        erasable: true,
    };
    let raid = &["RAID0", "RAID1", "RAID5", "RAID6", "RAID10"];
    machine.storage = vec![Controller::new("RAID1", "RAID", raid, (0..6).map(drive).collect())];
    machine
}

proptest! {
    #[test]
    fn a_drive_is_for_one_thing_and_a_refusal_changes_nothing(
        acts in proptest::collection::vec(
            (
                proptest::sample::select(ACTS),
                proptest::collection::vec(0..7_usize, 1..5),
                0..4_usize,
                proptest::sample::select(&["RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID7"][..]),
            ),
            1..60,
        )
    ) {
        let mut machine = with_storage();
        for (kind, drives, volume, level) in acts {
            let act = storage_act(kind, &drives, volume, level);
            let (before, allowed) = (machine.storage.clone(), machine.check_storage("RAID1", &act));
            let done = machine.do_storage("RAID1", &act);
            prop_assert_eq!(allowed.is_ok(), done.is_ok());
            if done.is_err() {
                prop_assert_eq!(&machine.storage, &before);
            }
            let controller = &machine.storage[0];
            for drive in &controller.drives {
                let inside = controller.volumes_of(&drive.id).count();
                prop_assert!(inside <= 1, "{} is in {inside} volumes", drive.id);
                prop_assert!(inside == 0 || drive.state == DriveState::Ready, "{drive:?}");
            }
            for (at, one) in controller.volumes.iter().enumerate() {
                prop_assert!(one.bytes > 0 && one.drives.iter().all(|id| controller.drive(id).is_some()));
                prop_assert!(controller.volumes.iter().skip(at + 1).all(|other| other.id != one.id));
            }
        }
    }
}

#[test]
fn setup_holds_the_host_until_it_is_switched_off() {
    let mut machine = machine();
    let mut now = SimTime::ZERO;
    perform(&mut machine, &Act::Once("BiosSetup"), &mut now);
    perform(&mut machine, &Act::Reset("On"), &mut now);
    perform(&mut machine, &Act::Wait(3600), &mut now);
    assert_eq!(machine.post(), Post::Setup);
    assert_eq!(machine.boot.lasts, Lasts::Disabled);
    perform(&mut machine, &Act::Reset("ForceOff"), &mut now);
    perform(&mut machine, &Act::Wait(60), &mut now);
    assert_eq!(machine.power(), Power::Off);
}
