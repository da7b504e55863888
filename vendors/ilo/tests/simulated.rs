//! The driver against the simulated iLOs, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use rackhand_bmc::{BootOverride, BootTarget, ErrorKind, OverrideEnabled, Vendor};
use rackhand_ilo::Ilo;
use rackhand_testing::simulated::{
    NO_ISO, Simulated, applies_bios, attributes, boots_an_image, image, installs_in, rejection,
    switches_power,
};

fn named(names: &[(&'static str, &'static str)]) -> Vec<(Simulated, &'static str)> {
    names.iter().map(|(name, generation)| (Simulated::new(name).unwrap(), *generation)).collect()
}

fn machines() -> Vec<(Simulated, &'static str)> {
    named(&[("ilo4", "iLO 4"), ("ilo5", "iLO 5"), ("ilo6", "iLO 6"), ("ilo7", "iLO 7")])
}

/// Those whose BIOS settings are the standard's.
fn with_bios() -> Vec<(Simulated, &'static str)> {
    named(&[("ilo5", "iLO 5"), ("ilo6", "iLO 6"), ("ilo7", "iLO 7")])
}

#[tokio::test(start_paused = true)]
async fn they_are_known_and_switched() {
    for (machine, generation) in machines() {
        let bmc = machine.connect(&Ilo).await;
        assert_eq!((bmc.identity.vendor, bmc.identity.generation.as_str()), (Vendor::Hpe, generation));
        switches_power(&bmc).await;
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn they_boot_an_image_once() {
    for (machine, _) in machines() {
        let bmc = machine.connect(&Ilo).await;
        boots_an_image(&bmc, &machine).await;
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn they_apply_the_workload_profile_first() {
    for (machine, _) in with_bios() {
        let bmc = machine.connect(&Ilo).await;
        let wanted = attributes(&[("WorkloadProfile", "Custom"), ("MinProcIdlePower", "NoCStates")]);
        applies_bios(&bmc, &wanted, 2).await;
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_never_attaches_is_noticed() {
    for (machine, _) in machines() {
        let bmc = machine.connect(&Ilo).await;
        let error = bmc.boot_image_once(&image(NO_ISO)).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::NotObserved, "{error}");
        assert!(error.to_string().contains(NO_ISO), "{error}");
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn they_install_in_few_requests() {
    for (machine, generation) in machines() {
        // iLO 4 does not expand collections.
        let most = if generation == "iLO 4" { 15 } else { 12 };
        installs_in(most, &Ilo, &machine).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_setting_refused_in_post_is_named_by_the_messages() {
    for (machine, _) in with_bios() {
        let bmc = machine.connect(&Ilo).await;
        let reason = rejection(&bmc, &machine, "ProcHyperthreading", "Disabled").await.unwrap();
        assert!(reason.contains("PropertyValueNotInList"), "{reason}");
        bmc.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_boot_override_waits_for_the_end_of_post() {
    for (machine, _) in machines() {
        let bmc = machine.connect(&Ilo).await;
        let _ = bmc.power_on().await.unwrap();
        let wanted = BootOverride {
            target: BootTarget::Cd,
            enabled: OverrideEnabled::Once,
            mode: None,
            http_uri: None,
        };
        let error = bmc.boot().unwrap().set_override(wanted).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::InPost, "{error}");
        bmc.close().await.unwrap();
    }
}
