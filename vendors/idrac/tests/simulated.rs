//! The driver against the simulated iDRAC9, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use rackhand_bmc::{BiosStage, ErrorKind, Outcome, PendingSettings, Readiness, Vendor};
use rackhand_idrac::Idrac;
use rackhand_testing::simulated::{
    NO_ISO, Simulated, applies_bios, attributes, boots_an_image, image, installs_in, rejection,
    switches_power,
};

fn machine() -> Simulated {
    Simulated::new("idrac9").unwrap()
}

#[tokio::test(start_paused = true)]
async fn it_is_known_and_switched() {
    let machine = machine();
    let bmc = machine.connect(&Idrac).await;
    assert_eq!((bmc.identity.vendor, bmc.identity.generation.as_str()), (Vendor::Dell, "iDRAC9"));
    switches_power(&bmc).await;
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_boots_an_image_once() {
    let machine = machine();
    let bmc = machine.connect(&Idrac).await;
    boots_an_image(&bmc, &machine).await;
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_applies_settings_in_one_stage() {
    let machine = machine();
    let bmc = machine.connect(&Idrac).await;
    applies_bios(&bmc, &attributes(&[("SysProfile", "Custom"), ("ProcCStates", "Disabled")]), 1).await;
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_image_that_it_cannot_reach_is_refused_by_name() {
    let machine = machine();
    let bmc = machine.connect(&Idrac).await;
    let error = bmc.boot_image_once(&image(NO_ISO)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RejectedValue { .. }), "{error}");
    assert!(error.to_string().contains("RAC0"), "{error}");
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_installs_in_few_requests() {
    installs_in(12, &Idrac, &machine()).await;
}

#[tokio::test(start_paused = true)]
async fn a_setting_refused_in_post_fails_its_job() {
    let machine = machine();
    let bmc = machine.connect(&Idrac).await;
    let reason = rejection(&bmc, &machine, "LogicalProc", "Disabled").await.unwrap();
    assert!(reason.starts_with("job JID_") && reason.contains("LogicalProc"), "{reason}");
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn settings_are_staged_beside_those_whose_job_waits_already() {
    let machine = machine();
    let bmc = machine.connect(&Idrac).await;
    let bios = bmc.bios().unwrap();
    let stage =
        |name, value| BiosStage { attributes: attributes(&[(name, value)]), reason: "a test".to_owned() };
    let theirs = bios.stage(&stage("LogicalProc", "Disabled")).await.unwrap();
    let ours = bios.stage(&stage("SysProfile", "Custom")).await.unwrap();
    assert_ne!(theirs, ours);
    let both = attributes(&[("LogicalProc", "Disabled"), ("SysProfile", "Custom")]);
    assert_eq!(bios.state().await.unwrap().pending, PendingSettings::Values(both.clone()));
    let _ = bmc.power_on().await.unwrap();
    bmc.wait_ready(Readiness::HostPost, bmc.pacing.bios_apply).await.unwrap();
    let current = bios.state().await.unwrap().current;
    for (name, value) in &both {
        assert_eq!(current.get(name), Some(value), "{name}");
    }
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn staged_settings_are_dropped_with_their_job() {
    let machine = machine();
    let bmc = machine.connect(&Idrac).await;
    let bios = bmc.bios().unwrap();
    let wanted = attributes(&[("LogicalProc", "Disabled")]);
    let plan = bios.plan(&wanted).await.unwrap();
    let staged = bios.stage(plan.stages.first().unwrap()).await.unwrap();
    assert!(matches!(&staged, Outcome::Pending(pending) if pending.job.is_some()), "{staged:?}");
    // The same once more changes nothing: its job waits already.
    let again = bios.stage(plan.stages.first().unwrap()).await.unwrap();
    let job = |outcome: &Outcome| match outcome {
        Outcome::Pending(pending) => pending.job.clone(),
        _ => None,
    };
    assert_eq!(job(&again), job(&staged));
    assert_eq!(bios.state().await.unwrap().pending, PendingSettings::Values(wanted));
    assert_eq!(bios.discard().await.unwrap(), Outcome::Done);
    assert_eq!(bios.state().await.unwrap().pending, PendingSettings::None);
    bmc.close().await.unwrap();
}
