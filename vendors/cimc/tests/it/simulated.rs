//! The driver against the simulated CIMC, in virtual time.

use rackhand_bmc::{ErrorKind, Vendor};
use rackhand_cimc::Cimc;
use rackhand_testing::simulated::{
    NO_ISO, Simulated, applies_bios, attributes, boots_an_image, image, installs_in, rejection,
    switches_power,
};

fn machine() -> Simulated {
    Simulated::new("cimc").unwrap()
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
