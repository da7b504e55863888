//! The driver against the simulated CIMC, in virtual time.

use rackhand_bmc::{
    Bmc, DriveState, ErrorKind, Initialize, NewVolume, Outcome, RaidLevel, StorageView, Vendor,
};
use rackhand_cimc::Cimc;
use rackhand_testing::simulated::{
    NO_ISO, Simulated, applies_bios, attributes, boots_an_image, image, installs_in, rejection,
    switches_power,
};

fn machine() -> Simulated {
    Simulated::new("cimc").unwrap()
}

/// An M4, whose Redfish takes no image, and a blade, which takes one in its last slot only and has no XML API.
fn others() -> [Simulated; 2] {
    ["cimc-m4", "cimc-x"].map(|name| Simulated::new(name).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_others_are_known_and_switched() {
    for machine in others() {
        let bmc = machine.connect(&Cimc).await;
        assert_eq!(bmc.identity.vendor, Vendor::Cisco);
        switches_power(&bmc).await;
        bmc.close().await.unwrap();
        assert!(machine.simulator.machine("node1").unwrap().with(|machine| machine.sessions.is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_others_boot_an_image_once() {
    for machine in others() {
        let bmc = machine.connect(&Cimc).await;
        boots_an_image(&bmc, &machine).await;
        bmc.close().await.unwrap();
        assert!(machine.simulator.machine("node1").unwrap().with(|machine| machine.sessions.is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_others_say_that_a_mapping_failed() {
    for machine in others() {
        let bmc = machine.connect(&Cimc).await;
        let error = bmc.boot_image_once(&image(NO_ISO)).await.unwrap_err();
        assert!(error.to_string().contains(NO_ISO), "{error}");
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_others_apply_settings() {
    for machine in others() {
        let bmc = machine.connect(&Cimc).await;
        applies_bios(&bmc, &attributes(&[("IntelVT", "Enabled"), ("CPUPerformance", "High Throughput")]), 1)
            .await;
        bmc.close().await.unwrap();
    }
}

/// What the controllers show once the host is on: before that their drives are not known.
async fn storage(bmc: &Bmc, machine: &Simulated) -> StorageView {
    let _ = bmc.power_on().await.unwrap();
    machine.simulator.log().wait_state("node1", "post", "done").await;
    bmc.storage().unwrap().view().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn volumes_are_made_and_deleted_on_each() {
    for name in ["cimc", "cimc-m4", "cimc-x"] {
        let machine = Simulated::new(name).unwrap();
        let bmc = machine.connect(&Cimc).await;
        let before = storage(&bmc, &machine).await;
        assert!(before.partial.is_none() && before.skipped.is_empty(), "{name}: {before:?}");
        let free = |drives: &[rackhand_bmc::StorageDrive]| -> Vec<_> {
            let ready = drives.iter().filter(|drive| drive.state == DriveState::Ready);
            ready.map(|drive| drive.id.clone()).take(2).collect()
        };
        let owner = before.controllers.iter().find(|one| free(&one.drives).len() == 2).unwrap();
        let wanted = NewVolume {
            controller: owner.id.clone(),
            name: "data".to_owned(),
            raid: RaidLevel::Raid1,
            drives: free(&owner.drives),
            bytes: None,
        };
        let made = bmc.storage().unwrap().create_volume(&wanted).await.unwrap();
        assert!(!matches!(made, Outcome::Unchanged), "{name}: {made:?}");
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        let after = bmc.storage().unwrap().view().await.unwrap();
        let (_, volume) = after.volume_named("data").unwrap();
        assert_eq!((volume.raid.clone(), volume.drives.len()), (Some(RaidLevel::Raid1), 2), "{name}");
        let id = volume.id.clone();
        let _ = bmc.storage().unwrap().initialize_volume(&id, Initialize::Fast).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        let _ = bmc.storage().unwrap().delete_volume(&id).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        assert!(bmc.storage().unwrap().view().await.unwrap().volume_named("data").is_none(), "{name}");
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_known_and_switched() {
    let machine = machine();
    let bmc = machine.connect(&Cimc).await;
    assert_eq!((bmc.identity.vendor, bmc.identity.generation.as_str()), (Vendor::Cisco, "CIMC"));
    switches_power(&bmc).await;
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_boots_an_image_once() {
    let machine = machine();
    let bmc = machine.connect(&Cimc).await;
    boots_an_image(&bmc, &machine).await;
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_applies_settings_that_nobody_sees_waiting() {
    let machine = machine();
    let bmc = machine.connect(&Cimc).await;
    applies_bios(&bmc, &attributes(&[("IntelVT", "Enabled"), ("CPUPerformance", "High Throughput")]), 1)
        .await;
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_image_that_never_maps_is_noticed() {
    let machine = machine();
    let bmc = machine.connect(&Cimc).await;
    let error = bmc.boot_image_once(&image(NO_ISO)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotObserved, "{error}");
    assert!(error.to_string().contains(NO_ISO), "{error}");
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_installs_in_few_requests() {
    // Three more than others take: there is no $expand, so collections are read member by member.
    installs_in(15, &Cimc, &machine()).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_refused_in_post_never_comes_into_force() {
    let machine = machine();
    let bmc = machine.connect(&Cimc).await;
    // Nothing tells of the refusal: only that the value is not there after POST.
    assert_eq!(rejection(&bmc, &machine, "IntelVT", "Enabled").await, None);
    bmc.close().await.unwrap();
}
