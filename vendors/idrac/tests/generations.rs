//! The driver against simulated iDRAC 8, 9 (three lines of firmware) and 10, in virtual time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use std::time::Duration;

use rackhand_bmc::{
    ApplyTime, Bmc, ComponentKind, ConfigurationFormat, DriveState, DriveUse, ErrorKind, FirmwareImage,
    ImportShutdown, JobRef, JobState, NewVolume, Operation, Outcome, PowerOffPolicy, RaidLevel, Readiness,
    StorageController, Support, VolumeId,
};
use rackhand_idrac::{Idrac, scp::Profile};
use rackhand_simulator::faults::{Rule, What};
use rackhand_simulator::package::Package;
use rackhand_testing::simulated::{
    Simulated, applies_bios, attributes, boots_an_image, image, switches_power,
};
use tokio::time::sleep;

/// Every one, with the generation that the driver sees in it.
const ALL: [(&str, &str); 5] = [
    ("idrac8", "iDRAC8"),
    ("idrac9-4", "iDRAC9"),
    ("idrac9", "iDRAC9"),
    ("idrac9-7", "iDRAC9"),
    ("idrac10", "iDRAC10"),
];
/// Those that Dell's own services are there on.
const SINCE_9: [&str; 4] = ["idrac9-4", "idrac9", "idrac9-7", "idrac10"];
const IMAGE: &str = "https://images.test/firmware.exe";
const HOUR: Duration = Duration::from_secs(3600);

async fn machine(name: &str) -> (Simulated, Bmc) {
    let machine = Simulated::new(name).unwrap();
    let bmc = machine.connect(&Idrac).await;
    (machine, bmc)
}

/// The job behind an outcome.
fn job(outcome: &Outcome) -> JobRef {
    match outcome {
        Outcome::Running(job) => job.clone(),
        Outcome::Pending(pending) => pending.job.clone().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The controller that makes volumes of many levels.
async fn perc(bmc: &Bmc) -> StorageController {
    let view = bmc.storage().unwrap().view().await.unwrap();
    assert!(view.skipped.is_empty(), "{:?}", view.skipped);
    view.controllers.into_iter().find(|one| one.raid_levels.len() > 1).unwrap()
}

/// Makes a mirror of the first two free drives.
async fn make_mirror(bmc: &Bmc) -> VolumeId {
    let controller = perc(bmc).await;
    let free = controller.drives.iter().filter(|drive| drive.state == DriveState::Ready);
    let drives: Vec<_> = free.take(2).map(|drive| drive.id.clone()).collect();
    let wanted = NewVolume {
        controller: controller.id,
        name: "boot".to_owned(),
        raid: RaidLevel::Raid1,
        drives,
        bytes: None,
    };
    let made = bmc.storage().unwrap().create_volume(&wanted).await.unwrap();
    bmc.wait_job(&job(&made), HOUR).await.unwrap();
    let controller = perc(bmc).await;
    let volume = controller.volumes.iter().find(|one| one.name.as_deref() == Some("boot")).unwrap();
    assert_eq!((volume.raid.as_ref(), volume.drives.len()), (Some(&RaidLevel::Raid1), 2));
    volume.id.clone()
}

#[tokio::test(start_paused = true)]
async fn each_is_known_and_switched() {
    for (name, generation) in ALL {
        let (_machine, bmc) = machine(name).await;
        assert_eq!(bmc.identity.generation, generation);
        assert_eq!(bmc.identity.serial.as_deref().map(str::len), Some(7), "{name}: the service tag");
        switches_power(&bmc).await;
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn each_that_can_boots_an_image_once() {
    for name in SINCE_9 {
        let (machine, bmc) = machine(name).await;
        boots_an_image(&bmc, &machine).await;
        bmc.close().await.unwrap();
    }
    let (machine, bmc) = machine("idrac8").await;
    let before = machine.requests().len();
    let error = bmc.boot_image_once(&image(rackhand_testing::simulated::ISO)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(machine.requests().iter().skip(before).all(|line| line.starts_with("GET")), "nothing is changed");
}

#[tokio::test(start_paused = true)]
async fn each_applies_settings_in_one_stage() {
    for (name, _) in ALL {
        let (_machine, bmc) = machine(name).await;
        applies_bios(&bmc, &attributes(&[("SysProfile", "Custom"), ("ProcCStates", "Disabled")]), 1).await;
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_boot_mirror_is_made_seen_and_deleted() {
    for (name, _) in ALL {
        let (_machine, bmc) = machine(name).await;
        let volume = make_mirror(&bmc).await;
        let gone = bmc.storage().unwrap().delete_volume(&volume).await.unwrap();
        bmc.wait_job(&job(&gone), HOUR).await.unwrap();
        assert!(perc(&bmc).await.volumes.iter().all(|one| one.id != volume), "{name}");
        assert_eq!(bmc.storage().unwrap().delete_volume(&volume).await.unwrap(), Outcome::Unchanged);
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn during_post_a_volume_waits_for_the_next_reset() {
    let (_machine, bmc) = machine("idrac9").await;
    let _ = bmc.power_on().await.unwrap();
    let controller = perc(&bmc).await;
    let drives = controller.drives.iter().take(2).map(|drive| drive.id.clone()).collect();
    let wanted = NewVolume {
        controller: controller.id,
        name: "boot".to_owned(),
        raid: RaidLevel::Raid1,
        drives,
        bytes: None,
    };
    let made = bmc.storage().unwrap().create_volume(&wanted).await.unwrap();
    assert!(matches!(&made, Outcome::Pending(pending) if pending.needs_reset), "{made:?}");
    let _ = bmc.power_off(PowerOffPolicy::Force).await.unwrap();
    let _ = bmc.power_on().await.unwrap();
    bmc.wait_job(&job(&made), HOUR).await.unwrap();
    assert_eq!(perc(&bmc).await.volumes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn drives_go_to_the_host_and_back_become_spares_and_are_erased() {
    for name in SINCE_9 {
        let (_machine, bmc) = machine(name).await;
        let storage = bmc.storage().unwrap();
        let controller = perc(&bmc).await;
        let last = controller.drives.last().unwrap().id.clone();
        let state = async || {
            let drives = perc(&bmc).await.drives;
            drives.into_iter().find(|drive| drive.id == last).unwrap().state
        };
        for (to, seen) in [(DriveUse::NonRaid, DriveState::NonRaid), (DriveUse::Raid, DriveState::Ready)] {
            let one = std::slice::from_ref(&last);
            let outcome = storage.convert_drives(&controller.id, one, to).await.unwrap();
            bmc.wait_job(&job(&outcome), HOUR).await.unwrap();
            assert_eq!(state().await, seen, "{name}");
            assert_eq!(storage.convert_drives(&controller.id, one, to).await.unwrap(), Outcome::Unchanged);
        }
        let erased = storage.secure_erase(&last).await.unwrap();
        bmc.wait_job(&job(&erased), HOUR).await.unwrap();
        let spare = storage.assign_spare(&last, None).await.unwrap();
        bmc.wait_job(&job(&spare), HOUR).await.unwrap();
        assert_eq!(state().await, DriveState::Spare, "{name}");
        bmc.close().await.unwrap();
    }
}

/// Has the iDRAC fetch a package for its own or the host's firmware.
async fn update(machine: &Simulated, bmc: &Bmc, component: &str, version: &str) -> JobRef {
    machine.serve(IMAGE, Package::new(component, version).build());
    let image = FirmwareImage {
        url: IMAGE.to_owned(),
        targets: Vec::new(),
        when: ApplyTime::Immediate,
        credentials: None,
    };
    job(&bmc.firmware().unwrap().update(&image).await.unwrap())
}

async fn version(bmc: &Bmc, kind: ComponentKind) -> String {
    let inventory = bmc.firmware().unwrap().inventory().await.unwrap();
    let mut found = inventory.components.into_iter().filter(|one| one.kind == kind);
    let (Some(one), None) = (found.next(), found.next()) else { panic!("not one component in force") };
    one.version.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_bios_is_updated_in_post() {
    for (name, _) in ALL {
        let (machine, bmc) = machine(name).await;
        let job = update(&machine, &bmc, "BIOS.Setup.1-1", "9.9.9").await;
        sleep(Duration::from_secs(60)).await;
        assert_eq!(bmc.jobs().unwrap().job(&job).await.unwrap().state, JobState::Scheduled, "{name}");
        let _ = bmc.power_on().await.unwrap();
        bmc.wait_job(&job, HOUR).await.unwrap();
        assert_eq!(version(&bmc, ComponentKind::Bios).await, "9.9.9", "{name}");
        // Long after, the task is gone, and the job still tells.
        sleep(HOUR).await;
        assert_eq!(bmc.jobs().unwrap().job(&job).await.unwrap().state, JobState::Completed, "{name}");
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_idrac_is_updated_and_comes_back() {
    for (name, _) in ALL {
        let (machine, bmc) = machine(name).await;
        update(&machine, &bmc, "BMC", "9.90.00.00").await;
        machine.simulator.log().wait_state("node1", "firmware:iDRAC.Embedded.1-1", "9.90.00.00").await;
        bmc.wait_ready(Readiness::Bmc, HOUR).await.unwrap();
        bmc.wait_ready(Readiness::LifecycleController, HOUR).await.unwrap();
        assert_eq!(version(&bmc, ComponentKind::Bmc).await, "9.90.00.00", "{name}");
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_damaged_fails_its_job() {
    let (machine, bmc) = machine("idrac9").await;
    let job = update(&machine, &bmc, "NoSuchDevice", "1").await;
    let error = bmc.wait_job(&job, HOUR).await.unwrap_err();
    assert!(error.to_string().contains("NoSuchDevice"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_whole_configuration_is_captured_and_applied() {
    for name in SINCE_9 {
        let (_machine, bmc) = machine(name).await;
        let configuration = bmc.configuration().unwrap();
        for format in [ConfigurationFormat::Xml, ConfigurationFormat::Json] {
            let job = configuration.export(format, &[]).await.unwrap();
            let text = loop {
                match configuration.exported(&job).await.unwrap() {
                    Some(text) => break text,
                    None => sleep(bmc.pacing.poll).await,
                }
            };
            let profile = Profile::parse(&text).unwrap();
            assert!(profile.component("BIOS.Setup.1-1").is_some(), "{name}");
            let password = profile.component("iDRAC.Embedded.1").unwrap().value("Users.2#Password");
            assert!(password.is_none_or(|shown| shown == "******"), "{name}");
        }
        let mut wanted = Profile { about: Vec::new(), components: Vec::new() };
        wanted.set("BIOS.Setup.1-1", "LogicalProc", "Disabled");
        let outcome = configuration.import(&wanted.to_xml(), ImportShutdown::Forced).await.unwrap();
        bmc.wait_job(&job(&outcome), HOUR).await.unwrap();
        let current = bmc.bios().unwrap().state().await.unwrap().current;
        assert_eq!(current.get("LogicalProc"), attributes(&[("LogicalProc", "Disabled")]).get("LogicalProc"));
        bmc.close().await.unwrap();
    }
    let (_machine, bmc) = machine("idrac8").await;
    let support = bmc.capabilities.get(Operation::ConfigurationExport).unwrap();
    assert!(matches!(&support.support, Support::Unsupported(_)), "{support:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stuck_queue_is_cleared_and_takes_jobs_again() {
    for (name, _) in ALL {
        let (machine, bmc) = machine(name).await;
        machine.simulator.faults().add(Rule::new("stuck", What::JobsStick));
        let controller = perc(&bmc).await;
        let free = controller.drives.iter().filter(|drive| drive.state == DriveState::Ready);
        let drives: Vec<_> = free.take(1).map(|drive| drive.id.clone()).collect();
        let wanted = NewVolume {
            controller: controller.id,
            name: "x".to_owned(),
            raid: RaidLevel::Raid0,
            drives,
            bytes: None,
        };
        let stuck = job(&bmc.storage().unwrap().create_volume(&wanted).await.unwrap());
        machine.simulator.faults().remove("stuck");
        let seen = bmc.jobs().unwrap().job(&stuck).await.unwrap();
        assert_eq!(seen.state, JobState::Failed, "{name}: it will never begin");
        assert_eq!(bmc.jobs().unwrap().clear_queue().await.unwrap(), Outcome::Done, "{name}");
        bmc.wait_ready(Readiness::LifecycleController, HOUR).await.unwrap();
        assert_eq!(bmc.jobs().unwrap().job(&stuck).await.unwrap().state, JobState::Gone, "{name}");
        assert_eq!(bmc.jobs().unwrap().clear_queue().await.unwrap(), Outcome::Unchanged, "{name}");
        make_mirror(&bmc).await;
    }
}
