//! Each difference as a small case, over documents of our own.

use http::Method;
use rackhand_bmc::{
    AttributeValue, AttributeVerdict, Attributes, BiosStage, BootOverride, BootTarget, Claim, Driver,
    ErrorKind, HostProgress, MediaImage, Operation, Outcome, OverrideEnabled, PendingSettings, Readiness,
    ReadyState, ResetType, SlotId,
};
use rackhand_ilo::Ilo;
use rackhand_testing::{Reply, Service, target};
use serde_json::{Value, json};

use crate::support::{BIOS, MANAGER, SYSTEM, connect, ilo, ilo5};

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::from(*value))).collect()
}

fn stage(pairs: &[(&str, &str)]) -> BiosStage {
    BiosStage { attributes: attributes(pairs), reason: "a test".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn generations_are_told_by_root_model_or_firmware() {
    for (typed, model, firmware, claim, generation) in [
        (Some("iLO 5"), "iLO 5", "iLO 5 v2.72", Claim::Certain, "iLO 5"),
        (None, "iLO 5", "iLO 5 v2.96", Claim::Likely, "iLO 5"),
        (None, "", "iLO 6 v1.66", Claim::Likely, "iLO 6"),
        (Some("iLO 7"), "iLO 7", "1.14.00 May 28 2025", Claim::Certain, "iLO 7"),
        (None, "", "1.14.00 May 28 2025", Claim::Likely, "iLO"),
    ] {
        let service = ilo(typed, model, firmware);
        assert_eq!(Ilo.probe(&service.link().await), claim, "{firmware}");
        let bmc = connect(&service).await;
        assert_eq!(bmc.identity.generation, generation, "{firmware}");
        assert_eq!(bmc.identity.bmc_version.as_deref(), Some(firmware));
    }
    let ilo4 = Service::new(
        &json!({"/redfish/v1": {"RedfishVersion": "1.0.0", "Oem": {"Hp": {"Manager": [{"ManagerType": "iLO 4"}]}}}}),
    );
    assert_eq!(Ilo.probe(&ilo4.link().await), Claim::Certain);
    let dell = Service::new(&json!({"/redfish/v1": {"RedfishVersion": "1.13.0", "Vendor": "Dell"}}));
    assert_eq!(Ilo.probe(&dell.link().await), Claim::No);
}

#[tokio::test(start_paused = true)]
async fn ilo_4_inserts_by_hpes_own_action_and_without_that_cure_says_before_any_request_that_it_cannot() {
    let service = ilo(Some("iLO 4"), "iLO 4", "iLO 4 v2.78");
    let bmc = connect(&service).await;
    bmc.require(Operation::MediaInsertHttp).unwrap();

    let mut target = target();
    target.quirks_off.insert("media-by-oem-action".to_owned());
    let bmc = Ilo.connect(service.link().await, target).await.unwrap();
    assert!(bmc.require(Operation::MediaInsertHttp).unwrap_err().to_string().contains("iLO 4"));
}

#[tokio::test(start_paused = true)]
async fn a_licence_that_is_missing_is_known_before_an_insert() {
    for (licence, covered) in [
        ("iLO Advanced", true),
        ("iLO Advanced Premium Security Edition", true),
        ("iLO Standard", false),
        ("iLO Essentials", true),
    ] {
        let service = ilo5();
        service.change(|documents| {
            documents.merge(MANAGER, &json!({"Oem": {"Hpe": {"License": {"LicenseString": licence}}}}))
        });
        let answer = connect(&service).await.require(Operation::MediaInsertHttps);
        assert_eq!(answer.is_ok(), covered, "{licence}");
        if let Err(error) = answer {
            assert!(error.to_string().contains("the licence iLO Advanced is missing"), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn post_is_told_by_post_state() {
    let cases = [
        ("Off", "PowerOff", "None", HostProgress::Off),
        ("On", "Reset", "OSRunning", HostProgress::InPost),
        ("On", "InPost", "None", HostProgress::InPost),
        ("On", "InPostDiscoveryComplete", "None", HostProgress::InPost),
        ("On", "InPostDiscoveryComplete", "SetupEntered", HostProgress::InSetup),
        ("On", "FinishedPost", "None", HostProgress::PostFinished),
        ("On", "FinishedPost", "OSRunning", HostProgress::OsRunning),
        ("On", "Unknown", "None", HostProgress::Unknown),
    ];
    for (power, post, boot, progress) in cases {
        let service = ilo5();
        service.change(|documents| {
            documents.merge(SYSTEM, &json!({"PowerState": power, "Oem": {"Hpe": {"PostState": post}}, "BootProgress": {"LastState": boot}}));
        });
        let view = connect(&service).await.power().unwrap().observe().await.unwrap();
        assert_eq!(view.progress, progress, "{power} {post} {boot}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_override_is_set_without_mode_and_taken_back_without_target() {
    let service = ilo5();
    let bmc = connect(&service).await;
    assert_eq!(bmc.boot_once(&BootTarget::Cd).await.unwrap(), Outcome::Done);
    assert_eq!(bmc.clear_boot_override().await.unwrap(), Outcome::Done);
    let bodies: Vec<Value> = service.writes().into_iter().map(|asked| asked.body).collect();
    assert_eq!(
        bodies,
        [
            json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}}),
            json!({"Boot": {"BootSourceOverrideEnabled": "Disabled"}}),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_during_post_waits_for_its_end() {
    let service = ilo5().rule(|asked, _| {
        asked
            .is(&Method::PATCH, SYSTEM)
            .then(|| Reply::error(400, "iLO.2.14.UnableToModifyDuringSystemPOST", "in POST"))
    });
    let wanted =
        BootOverride { target: BootTarget::Cd, enabled: OverrideEnabled::Once, mode: None, http_uri: None };
    let error = connect(&service).await.boot().unwrap().set_override(wanted).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::InPost);
    assert!(error.kind().is_transient());
}

#[tokio::test(start_paused = true)]
async fn an_invalid_operation_for_the_state_means_on_already_or_not_yet() {
    for (wanted, outcome) in [(ResetType::On, Some(Outcome::Unchanged)), (ResetType::ForceOff, None)] {
        let service = ilo5().rule(|asked, _| {
            asked
                .is(&Method::POST, "ComputerSystem.Reset")
                .then(|| Reply::error(400, "iLO.2.14.InvalidOperationForSystemState", "no"))
        });
        let answer = connect(&service).await.power().unwrap().reset(wanted).await;
        match outcome {
            Some(outcome) => assert_eq!(answer.unwrap(), outcome),
            None => assert_eq!(*answer.unwrap_err().kind(), ErrorKind::Busy { retry_after: None }),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_cd_slot_is_chosen_and_an_image_that_never_attaches_is_noticed() {
    let service = ilo5().rule(|asked, _| {
        asked.is(&Method::POST, "InsertMedia").then(|| Reply::error(200, "iLO.2.14.Success", "fine"))
    });
    let bmc = connect(&service).await;
    let slot = bmc.choose_slot().await.unwrap();
    assert_eq!(slot.id, SlotId(format!("{MANAGER}/VirtualMedia/2")));
    assert!(slot.is_empty());
    let image = MediaImage { url: "http://192.0.2.1/wrong.iso".to_owned(), credentials: None };
    let error = bmc.mount(&image).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotObserved);
    assert!(error.to_string().contains("wrong.iso"), "{error}");
    assert_eq!(service.writes().len(), 1);
    assert_eq!(service.writes()[0].body, json!({"Image": "http://192.0.2.1/wrong.iso"}));
}

#[tokio::test(start_paused = true)]
async fn an_eject_of_an_empty_slot_is_no_error_and_has_a_body() {
    let service = ilo5().rule(|asked, _| {
        asked
            .is(&Method::POST, "EjectMedia")
            .then(|| Reply::error(400, "iLO.2.14.NoScriptedVirtualMediaConnectionAvailable", "nothing there"))
    });
    let slot = SlotId(format!("{MANAGER}/VirtualMedia/2"));
    assert_eq!(connect(&service).await.media().unwrap().eject(&slot).await.unwrap(), Outcome::Unchanged);
    assert_eq!(service.writes()[0].body, json!({}));
}

#[tokio::test(start_paused = true)]
async fn a_full_session_table_is_busy() {
    let service = ilo5().rule(|asked, _| {
        asked
            .is(&Method::POST, "Sessions")
            .then(|| Reply::error(400, "iLO.2.14.SessionLimitExceeded", "too many"))
    });
    let error = Ilo.connect(service.link().await, target()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Busy { .. }), "{error}");
    assert!(error.to_string().contains("session"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn of_a_full_pending_set_only_what_differs_waits() {
    let state = connect(&ilo5()).await.bios().unwrap().state().await.unwrap();
    assert_eq!(state.pending, PendingSettings::Values(attributes(&[("ProcTurbo", "Disabled")])));
}

#[tokio::test(start_paused = true)]
async fn the_workload_profile_goes_first_and_then_what_it_does_not_set() {
    let bmc = connect(&ilo5()).await;
    let bios = bmc.bios().unwrap();
    let plan = bios
        .plan(&attributes(&[
            ("WorkloadProfile", "LowLatency"),
            ("MinProcIdlePower", "NoCStates"),
            ("ProcTurbo", "Disabled"),
        ]))
        .await
        .unwrap();
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let stages: Vec<&Attributes> = plan.stages.iter().map(|stage| &stage.attributes).collect();
    assert_eq!(
        stages,
        [&attributes(&[("WorkloadProfile", "LowLatency")]), &attributes(&[("ProcTurbo", "Disabled")])]
    );

    // What the profile locks otherwise than wanted: what it sets goes by name, under the profile that locks nothing.
    let plan =
        bios.plan(&attributes(&[("WorkloadProfile", "LowLatency"), ("Sriov", "Enabled")])).await.unwrap();
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let stages: Vec<&Attributes> = plan.stages.iter().map(|stage| &stage.attributes).collect();
    assert_eq!(
        stages,
        [&attributes(&[("WorkloadProfile", "Custom")]), &attributes(&[("MinProcIdlePower", "NoCStates")])]
    );
    assert!(plan.stages[0].reason.contains("LowLatency sets Sriov otherwise and locks it"), "{plan:?}");
    assert!(plan.satisfied.contains(&"Sriov".to_owned()), "{plan:?}");

    // The profile as it is: one stage.
    let plan = bios
        .plan(&attributes(&[("WorkloadProfile", "GeneralPowerEfficientCompute"), ("ProcTurbo", "Disabled")]))
        .await
        .unwrap();
    assert_eq!(plan.stages.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn leaving_a_profile_unlocks_before_the_rest_is_written() {
    let service = ilo5();
    service.change(|documents| {
        documents.merge(BIOS, &json!({"Attributes": {"WorkloadProfile": "LowLatency", "Sriov": "Disabled", "MinProcIdlePower": "NoCStates"}}));
    });
    let bmc = connect(&service).await;
    let wanted =
        attributes(&[("WorkloadProfile", "Custom"), ("Sriov", "Enabled"), ("MinProcIdlePower", "NoCStates")]);
    let plan = bmc.bios().unwrap().plan(&wanted).await.unwrap();
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let stages: Vec<&Attributes> = plan.stages.iter().map(|stage| &stage.attributes).collect();
    assert_eq!(stages, [&attributes(&[("WorkloadProfile", "Custom")]), &attributes(&[("Sriov", "Enabled")])]);
}

#[tokio::test(start_paused = true)]
async fn what_became_of_settings_stands_beside_the_current_ones() {
    let service = ilo5();
    service.change(|documents| documents.put(&format!("{BIOS}/settings"), json!({"Attributes": {}})));
    let bmc = connect(&service).await;
    let bios = bmc.bios().unwrap();
    let wanted =
        stage(&[("ProcTurbo", "Disabled"), ("Sriov", "Disabled"), ("MinProcIdlePower", "NoCStates")]);
    let Outcome::Pending(pending) = bios.stage(&wanted).await.unwrap() else { panic!("staged") };
    let write = &service.writes()[0];
    assert_eq!(write.path, format!("{BIOS}/settings/"));
    assert!(write.body.get("@Redfish.SettingsApplyTime").is_none(), "iLO knows no apply times");
    let verdict = bios.verify(&wanted, Some(&pending.mark)).await.unwrap();
    assert_eq!(verdict.attributes["Sriov"], AttributeVerdict::NotYet);

    // POST takes the settings up: the first ever, so the mark from before was an empty one.
    service.change(|documents| {
        documents.merge(BIOS, &json!({"Attributes": {"ProcTurbo": "Disabled"}, "@Redfish.Settings": {
            "ETag": "D9AE0706", "Time": "2026-01-01T00:05:00+00:00", "Messages": [
                {"MessageId": "Base.1.0.Success"}, {"MessageId": "iLO.2.14.SystemResetRequired"},
                {"MessageId": "Base.1.0.PropertyUnknown", "MessageArgs": ["Sriov"], "RelatedProperties": ["#/Sriov"]}]}}));
    });
    let verdict = bios.verify(&wanted, Some(&pending.mark)).await.unwrap();
    assert_eq!(verdict.attributes["ProcTurbo"], AttributeVerdict::Applied);
    assert_eq!(
        verdict.attributes["MinProcIdlePower"],
        AttributeVerdict::NotYet,
        "nobody says that it was refused"
    );
    let rejected: Vec<_> = verdict.rejected().collect();
    assert_eq!(rejected, [("Sriov", "Base.1.0.PropertyUnknown: Sriov")]);
    // The same messages, read with the mark that they carry, are of an earlier write.
    let now = bios.state().await.unwrap().mark;
    assert_eq!(bios.verify(&wanted, Some(&now)).await.unwrap().attributes["Sriov"], AttributeVerdict::NotYet);
}

#[tokio::test(start_paused = true)]
async fn storage_is_ready_after_the_main_discovery() {
    let service = ilo5();
    let discovery =
        |state: &str| json!({"Oem": {"Hpe": {"DeviceDiscoveryComplete": {"DeviceDiscovery": state}}}});
    service.change(|documents| documents.merge(SYSTEM, &discovery("vAuxDeviceDiscoveryComplete")));
    let bmc = connect(&service).await;
    let manager = bmc.manager.as_deref().unwrap();
    let seen = "DeviceDiscovery is vAuxDeviceDiscoveryComplete".to_owned();
    assert_eq!(manager.ready(Readiness::StorageInventory).await.unwrap(), ReadyState::NotYet(seen));
    service.change(|documents| documents.merge(SYSTEM, &discovery("vMainDeviceDiscoveryComplete")));
    assert_eq!(manager.ready(Readiness::StorageInventory).await.unwrap(), ReadyState::Ready);
}
