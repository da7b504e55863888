//! Each difference as a small case, over documents of our own.

use http::Method;
use rackhand_bmc::{
    AttributeValue, AttributeVerdict, Attributes, BootTarget, Claim, Driver, ErrorKind, JobState, MediaImage,
    Operation, Outcome, OverrideEnabled, PendingSettings, Readiness, ReadyState, ResetType, SlotId,
};
use rackhand_idrac::Idrac;
use rackhand_testing::{Reply, Service, target};
use serde_json::json;

use crate::support::{MANAGER, SYSTEM, connect, dell, lines, link, once, stage, with_job};

#[tokio::test(start_paused = true)]
async fn generations_are_told_apart_and_the_service_tag_is_the_serial() {
    for (model, firmware, generation) in [
        ("13G Monolithic", "2.83.83.83", "iDRAC8"),
        ("14G Modular", "4.40.00.00", "iDRAC9"),
        ("16G Monolithic", "7.10.30.00", "iDRAC9"),
        ("17G Monolithic", "1.20.25.00", "iDRAC10"),
        ("of another make", "9.9", "iDRAC"),
    ] {
        let service = dell(model, firmware);
        assert_eq!(Idrac.probe(&service.link().await), Claim::Certain);
        let bmc = connect(&service).await;
        assert_eq!(bmc.identity.generation, generation, "{model}");
        assert_eq!(bmc.identity.serial.as_deref(), Some("TAG0001"));
        assert_eq!(bmc.identity.bmc_version.as_deref(), Some(firmware));
    }
}

#[tokio::test(start_paused = true)]
async fn other_makes_are_not_claimed() {
    let service = Service::new(
        &json!({"/redfish/v1": {"RedfishVersion": "1.6.0", "Vendor": "HPE", "Name": "Root Service"}}),
    );
    assert_eq!(Idrac.probe(&service.link().await), Claim::No);
}

#[tokio::test(start_paused = true)]
async fn the_slot_that_boots_comes_first() {
    for (model, firmware, first) in [
        ("15G Monolithic", "5.10.00.00", format!("{MANAGER}/VirtualMedia/CD")),
        // Both slots of an iDRAC9 boot, so the first that it lists does.
        ("15G Monolithic", "6.10.30.00", format!("{SYSTEM}/VirtualMedia/2")),
        ("17G Monolithic", "1.20.25.00", format!("{SYSTEM}/VirtualMedia/1")),
    ] {
        let bmc = connect(&dell(model, firmware)).await;
        assert_eq!(bmc.choose_slot().await.unwrap().id, SlotId(first), "{model} {firmware}");
    }
}

#[tokio::test(start_paused = true)]
async fn idrac8_says_before_any_request_that_it_cannot_insert() {
    let service = dell("13G Monolithic", "2.83.83.83");
    let bmc = connect(&service).await;
    for operation in [Operation::MediaInsertHttp, Operation::MediaInsertHttps, Operation::BootCdOnce] {
        assert!(bmc.require(operation).unwrap_err().to_string().contains("iDRAC8"), "{operation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn before_6_00_the_virtual_cd_is_booted_by_attributes() {
    let service = dell("15G Monolithic", "5.10.00.00");
    let bmc = connect(&service).await;
    // Idle reads BootOnce Enabled: that alone arms nothing.
    assert!(!bmc.boot().unwrap().settings().await.unwrap().armed_for(&BootTarget::Cd));
    assert_eq!(bmc.boot_once(&BootTarget::Cd).await.unwrap(), Outcome::Done);
    let view = bmc.power().unwrap().observe().await.unwrap();
    assert!(view.boot.armed_for(&BootTarget::Cd));
    assert_eq!(view.boot.enabled, Some(OverrideEnabled::Once));
    assert_eq!(lines(&service), [format!("PATCH {MANAGER}/Oem/Dell/DellAttributes/iDRAC.Embedded.1")]);

    // Another target goes to the System, after the attribute that would win over it.
    assert_eq!(bmc.boot_once(&BootTarget::BiosSetup).await.unwrap(), Outcome::Done);
    assert_eq!(service.writes()[1].body["Attributes"]["ServerBoot.1.FirstBootDevice"], "Normal");
    assert_eq!(
        service.writes()[2].body,
        json!({"Boot": {"BootSourceOverrideTarget": "BiosSetup", "BootSourceOverrideEnabled": "Once"}})
    );
    assert!(!bmc.boot().unwrap().settings().await.unwrap().armed_for(&BootTarget::Cd));
}

#[tokio::test(start_paused = true)]
async fn from_6_00_the_system_boots_it_and_no_mode_is_sent() {
    let service = dell("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        asked.is(&Method::PATCH, SYSTEM).then(|| Reply::error(400, "IDRAC.2.8.SYS410", "no"))
    });
    let bmc = connect(&service).await;
    let error = bmc.boot().unwrap().set_override(once(BootTarget::Cd)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RejectedValue { .. }), "{error}");
    assert_eq!(service.writes().len(), 1, "a second form would make a BIOS job");
    assert_eq!(
        service.writes()[0].body,
        json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}})
    );
}

#[tokio::test(start_paused = true)]
async fn idrac10_takes_the_override_at_its_settings_and_shows_it_there() {
    let service = dell("17G Monolithic", "1.20.25.00");
    service.change(|documents| {
        documents.put(&format!("{SYSTEM}/Settings"), json!({"Boot": {"BootSourceOverrideTarget": "None"}}));
        documents.merge(
            SYSTEM,
            &json!({"Boot": {"BootSourceOverrideMode": null},
            "@Redfish.Settings": {"SettingsObject": link(&format!("{SYSTEM}/Settings"))}}),
        );
    });
    let bmc = connect(&service).await;
    assert_eq!(bmc.boot_once(&BootTarget::Cd).await.unwrap(), Outcome::Done);
    assert_eq!(lines(&service), [format!("PATCH {SYSTEM}/Settings")]);
    assert!(bmc.power().unwrap().observe().await.unwrap().boot.armed_for(&BootTarget::Cd));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_on_power_on_means_on_already_or_not_yet() {
    for (after, model) in [("On", "15G Monolithic"), ("Off", "17G Monolithic")] {
        let service = dell(model, "6.10.30.00").rule(move |asked, documents| {
            asked.is(&Method::POST, "ComputerSystem.Reset").then(|| {
                documents.merge(SYSTEM, &json!({"PowerState": after}));
                Reply::error(409, "Base.1.18.ActionParameterValueConflict", "conflict")
            })
        });
        let answer = connect(&service).await.power().unwrap().reset(ResetType::On).await;
        if after == "On" {
            assert_eq!(answer.unwrap(), Outcome::Unchanged);
        } else {
            assert_eq!(*answer.unwrap_err().kind(), ErrorKind::Busy { retry_after: None });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_said_to_be_inserted_without_image_and_connection_is_empty() {
    let service = dell("15G Monolithic", "6.10.30.00");
    let one = format!("{SYSTEM}/VirtualMedia/1");
    service.change(|documents| documents.merge(&one, &json!({"Inserted": true})));
    let bmc = connect(&service).await;
    assert_eq!(bmc.clear_slot(&SlotId(one.clone())).await.unwrap(), Outcome::Unchanged);
    service.change(|documents| documents.merge(&one, &json!({"ConnectedVia": "Applet"})));
    assert!(!bmc.media().unwrap().slot(&SlotId(one)).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_eject_of_an_empty_slot_is_no_error_and_has_a_body() {
    let service = dell("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        asked.is(&Method::POST, "EjectMedia").then(|| Reply::error(500, "IDRAC.2.8.SYS446", "internal"))
    });
    let bmc = connect(&service).await;
    let slot = SlotId(format!("{SYSTEM}/VirtualMedia/1"));
    assert_eq!(bmc.media().unwrap().eject(&slot).await.unwrap(), Outcome::Unchanged);
    assert_eq!(service.writes()[0].body, json!({}));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_read_is_tried_once() {
    let service = dell("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        asked
            .is(&Method::POST, "InsertMedia")
            .then(|| Reply::error(500, "IDRAC.2.8.RAC0904", "share unreachable"))
    });
    let image = MediaImage { url: "https://192.0.2.1/a.iso".to_owned(), credentials: None };
    let error = connect(&service).await.mount(&image).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RejectedValue { .. }), "{error}");
    assert!(error.to_string().contains("share unreachable"), "{error}");
    assert_eq!(service.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_rejects_what_is_not_in_force() {
    let service = dell("15G Monolithic", "6.10.30.00").rule(with_job);
    let bmc = connect(&service).await;
    let bios = bmc.bios().unwrap();
    let wanted = stage(&[("SysProfile", "Custom"), ("LogicalProc", "Enabled")]);
    let Outcome::Pending(pending) = bios.stage(&wanted).await.unwrap() else { panic!("staged") };
    assert_eq!(service.writes()[0].body["@Redfish.SettingsApplyTime"], json!({"ApplyTime": "OnReset"}));
    assert_eq!(pending.job.as_ref().unwrap().id, "JID_000000000001");
    assert!(pending.can_discard);
    let open = bios.verify(&wanted, Some(&pending.mark)).await.unwrap();
    assert_eq!(open.attributes["SysProfile"], AttributeVerdict::NotYet);
    assert_eq!(open.attributes["LogicalProc"], AttributeVerdict::Applied);
    service.change(|documents| {
        let job = &pending.job.as_ref().unwrap().uri;
        documents
            .merge(job, &json!({"JobState": "CompletedWithErrors", "Message": "SysProfile was not applied"}));
    });
    let closed = bios.verify(&wanted, Some(&pending.mark)).await.unwrap();
    let rejected: Vec<_> = closed.rejected().collect();
    assert_eq!(rejected, [("SysProfile", "job JID_000000000001 failed: SysProfile was not applied")]);
    // Without the mark, which names the job, nothing can be said.
    assert_eq!(bios.verify(&wanted, None).await.unwrap().attributes["SysProfile"], AttributeVerdict::NotYet);
}

#[tokio::test(start_paused = true)]
async fn settings_without_apply_time_are_committed_by_a_job_of_their_own() {
    let service = dell("13G Monolithic", "2.83.83.83").rule(|asked, _| {
        asked
            .is(&Method::POST, "/Jobs")
            .then(|| Reply::empty(200).header("Location", &format!("{MANAGER}/Oem/Dell/Jobs/JID_2")))
    });
    service.change(|documents| {
        documents
            .merge(&format!("{SYSTEM}/Bios"), &json!({"@Redfish.Settings": {"SupportedApplyTimes": null}}));
        documents.merge(MANAGER, &json!({"Links": {"Oem": null}}));
    });
    let bmc = connect(&service).await;
    let staged = bmc.bios().unwrap().stage(&stage(&[("SysProfile", "Custom")])).await.unwrap();
    let Outcome::Pending(pending) = staged else { panic!("{staged:?}") };
    assert_eq!(pending.job.unwrap().id, "JID_2");
    assert_eq!(lines(&service), [format!("PATCH {SYSTEM}/Bios/Settings"), format!("POST {MANAGER}/Jobs")]);
    assert_eq!(service.writes()[1].body, json!({"TargetSettingsURI": format!("{SYSTEM}/Bios/Settings")}));
}

#[tokio::test(start_paused = true)]
async fn pending_settings_go_with_their_job_and_then_by_clear_pending() {
    let service = dell("15G Monolithic", "6.10.30.00").rule(with_job).rule(|asked, documents| {
        match asked.path.as_str() {
            "/clear" => {
                documents.put(&format!("{SYSTEM}/Bios/Settings"), json!({"Attributes": {}}));
                Some(Reply::empty(200))
            }
            path if asked.method == Method::DELETE && path.contains("JID_") => {
                documents.put(&format!("{MANAGER}/Oem/Dell/Jobs"), json!({"Members": []}));
                Some(Reply::empty(200))
            }
            _ => None,
        }
    });
    let bmc = connect(&service).await;
    let bios = bmc.bios().unwrap();
    assert_eq!(bios.discard().await.unwrap(), Outcome::Unchanged);
    let _ = bios.stage(&stage(&[("SysProfile", "Custom")])).await.unwrap();
    let staged = Attributes::from([("SysProfile".to_owned(), AttributeValue::from("Custom"))]);
    assert_eq!(bios.state().await.unwrap().pending, PendingSettings::Values(staged));
    assert_eq!(bios.discard().await.unwrap(), Outcome::Done);
    assert_eq!(
        lines(&service)[1..],
        [format!("DELETE {MANAGER}/Oem/Dell/Jobs/JID_000000000001"), "POST /clear".to_owned()]
    );
    assert_eq!(bios.state().await.unwrap().pending, PendingSettings::None);
}

#[tokio::test(start_paused = true)]
async fn a_job_at_work_is_not_deleted() {
    let service = dell("15G Monolithic", "6.10.30.00").rule(with_job);
    let bmc = connect(&service).await;
    let _ = bmc.bios().unwrap().stage(&stage(&[("SysProfile", "Custom")])).await.unwrap();
    service.change(|documents| {
        documents.merge(&format!("{MANAGER}/Oem/Dell/Jobs/JID_000000000001"), &json!({"JobState": "Running"}))
    });
    let error = bmc.bios().unwrap().discard().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
    assert_eq!(service.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn messages_say_what_the_caller_can_do() {
    let kinds = [
        (400, "RAC0773", ErrorKind::Conflict),
        (503, "RAC0679", ErrorKind::Conflict),
        (400, "SWC0700", ErrorKind::Busy { retry_after: None }),
        (400, "SYS518", ErrorKind::Busy { retry_after: None }),
        (400, "SYS406", ErrorKind::Forbidden),
        (400, "RAC0212", ErrorKind::RefusedCredentials),
        (400, "LIC501", ErrorKind::NeedsLicence { licence: "of this BMC".to_owned() }),
        (400, "SYS410", ErrorKind::RejectedValue { properties: Vec::new() }),
    ];
    for (status, id, kind) in kinds {
        let service = dell("15G Monolithic", "6.10.30.00").rule(move |asked, _| {
            asked
                .is(&Method::PATCH, "Bios/Settings")
                .then(|| Reply::error(status, &format!("IDRAC.2.8.{id}"), "said the iDRAC"))
        });
        let error = connect(&service)
            .await
            .bios()
            .unwrap()
            .stage(&stage(&[("SysProfile", "Custom")]))
            .await
            .unwrap_err();
        assert_eq!(*error.kind(), kind, "{id}");
        assert!(error.to_string().contains(&format!("{id}: said the iDRAC")), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_session_table_is_busy() {
    let service = dell("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        asked.is(&Method::POST, "Sessions").then(|| Reply::error(400, "IDRAC.2.8.RAC0218", "all in use"))
    });
    let error = Idrac.connect(service.link().await, target()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Busy { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn readiness_is_one_query_once_its_target_is_known() {
    let service = dell("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        (asked.path == "/status").then(|| {
            Reply::json(200, json!({"LCStatus": "InUse", "RTStatus": "Ready", "ServerStatus": "InPOST", "Status": "NotReady"}))
        })
    });
    let bmc = connect(&service).await;
    let manager = bmc.manager.as_deref().unwrap();
    assert_eq!(
        manager.ready(Readiness::LifecycleController).await.unwrap(),
        ReadyState::NotYet("LCStatus is InUse".to_owned())
    );
    assert_eq!(manager.ready(Readiness::StorageInventory).await.unwrap(), ReadyState::Ready);
    assert_eq!(
        manager.ready(Readiness::HostPost).await.unwrap(),
        ReadyState::NotYet("ServerStatus is InPOST".to_owned())
    );
    assert_eq!(manager.ready(Readiness::Bmc).await.unwrap(), ReadyState::Ready);
    assert_eq!(service.reads("DellLCService"), 1);
}

#[tokio::test(start_paused = true)]
async fn jobs_have_dells_states() {
    let service = dell("15G Monolithic", "6.10.30.00");
    let jobs = format!("{MANAGER}/Oem/Dell/Jobs");
    let cases = [
        ("New", JobState::Scheduled),
        ("Scheduling", JobState::Scheduled),
        ("Downloading", JobState::Running),
        ("RebootPending", JobState::Scheduled),
        ("RebootCompleted", JobState::Completed),
        ("CompletedWithErrors", JobState::Failed),
    ];
    service.change(|documents| {
        for (name, _) in cases {
            documents.put(
                &format!("{jobs}/{name}"),
                json!({"@odata.id": format!("{jobs}/{name}"), "Id": name, "JobState": name}),
            );
        }
        documents.put(
            &format!("{jobs}/stuck"),
            json!({"Id": "stuck", "JobState": "Scheduled", "MessageId": "PR30"}),
        );
        let names = cases.iter().map(|(name, _)| link(&format!("{jobs}/{name}"))).collect::<Vec<_>>();
        documents.put(&jobs, json!({"Members": names}));
    });
    let bmc = connect(&service).await;
    let facet = bmc.jobs.as_deref().unwrap();
    for (name, state) in cases.into_iter().chain([("stuck", JobState::Failed), ("gone", JobState::Gone)]) {
        let job = rackhand_bmc::JobRef { uri: format!("{jobs}/{name}"), id: name.to_owned() };
        assert_eq!(facet.job(&job).await.unwrap().state, state, "{name}");
    }
    assert_eq!(facet.unfinished().await.unwrap().len(), 4);
}
