//! What is done when something stands in the way, and what is left alone.

use http::Method;
use rackhand_bmc::{
    AttributeValue, Attributes, ConfigurationFormat, ErrorKind, ImportShutdown, JobRef, MediaImage,
    Operation, Outcome, PendingSettings, Support,
};
use rackhand_testing::Reply;
use serde_json::json;

use crate::{
    cures::{bios::one_job_at_a_time, jobs::with_one, storage::mirror},
    support::{MANAGER, SYSTEM, connect, dell, lines, stage},
    whole::{PERC, whole},
};

#[tokio::test(start_paused = true)]
async fn a_stuck_queue_is_cleared_by_force_and_one_at_work_is_not() {
    for (state, message, ids) in [
        ("Scheduled", "PR30", &["JID_CLEARALL", "JID_CLEARALL_FORCE"][..]),
        ("Running", "PR20", &["JID_CLEARALL"][..]),
    ] {
        let (service, _) = with_one(&json!({"JobState": state, "MessageId": message}));
        let service = service.rule(|asked, documents| {
            (asked.path == "/clear-queue").then(|| {
                if asked.body["JobID"] == "JID_CLEARALL_FORCE" {
                    documents.put(&format!("{MANAGER}/Oem/Dell/Jobs"), json!({"Members": []}));
                }
                Reply::empty(200)
            })
        });
        let answer = connect(&service).await.jobs().unwrap().clear_queue().await;
        let sent: Vec<_> = service.writes().iter().map(|asked| asked.body["JobID"].clone()).collect();
        assert_eq!(sent, ids, "{state}");
        match answer {
            Ok(outcome) => assert_eq!((outcome, state), (Outcome::Done, "Scheduled")),
            Err(error) => assert!(error.detail().contains("at work") && state == "Running", "{error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_queue_is_left_alone() {
    let service = whole("15G Monolithic", "6.10.30.00");
    assert_eq!(connect(&service).await.jobs().unwrap().clear_queue().await.unwrap(), Outcome::Unchanged);
    assert!(service.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn settings_that_wait_are_put_back_when_ours_are_refused() {
    let service = dell("15G Monolithic", "6.10.30.00").rule(|asked, documents| {
        let waits = documents.get(&format!("{MANAGER}/Oem/Dell/Jobs")).unwrap()["Members"] != json!([]);
        let ours =
            asked.is(&Method::PATCH, "Bios/Settings") && asked.body["Attributes"].get("SysProfile").is_some();
        (ours && !waits).then(|| Reply::error(400, "IDRAC.2.8.SYS426", "not among the accepted values"))
    });
    let service = one_job_at_a_time(service);
    let bmc = connect(&service).await;
    let bios = bmc.bios().unwrap();
    let _ = bios.stage(&stage(&[("LogicalProc", "Disabled")])).await.unwrap();
    let error = bios.stage(&stage(&[("SysProfile", "Odd")])).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RejectedValue { .. }), "{error}");
    assert!(error.detail().contains("are staged again: LogicalProc"), "{error}");
    let theirs = Attributes::from([("LogicalProc".to_owned(), AttributeValue::from("Disabled"))]);
    assert_eq!(bios.state().await.unwrap().pending, PendingSettings::Values(theirs));
}

#[tokio::test(start_paused = true)]
async fn a_bios_job_at_work_is_waited_for() {
    let service = one_job_at_a_time(dell("15G Monolithic", "6.10.30.00"));
    let bmc = connect(&service).await;
    let bios = bmc.bios().unwrap();
    let _ = bios.stage(&stage(&[("LogicalProc", "Disabled")])).await.unwrap();
    let job = format!("{MANAGER}/Oem/Dell/Jobs/JID_000000000001");
    service.change(|documents| documents.merge(&job, &json!({"JobState": "Running"})));
    let error = bios.stage(&stage(&[("SysProfile", "Custom")])).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("RAC0773"), "{error}");
    assert!(lines(&service).iter().all(|line| !line.starts_with("DELETE")), "{:?}", lines(&service));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_carries_no_attributes_is_not_dropped_for_ours() {
    let service = one_job_at_a_time(dell("15G Monolithic", "6.10.30.00"));
    let bmc = connect(&service).await;
    let bios = bmc.bios().unwrap();
    let _ = bios.stage(&stage(&[("LogicalProc", "Disabled")])).await.unwrap();
    service.change(|documents| {
        documents.merge(&format!("{SYSTEM}/Bios/Settings"), &json!({"Attributes": null}))
    });
    let error = bios.stage(&stage(&[("SysProfile", "Custom")])).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
    assert!(error.detail().contains("JID_000000000001 carries what"), "{error}");
    assert!(lines(&service).iter().all(|line| !line.starts_with("DELETE")), "{:?}", lines(&service));
}

#[tokio::test(start_paused = true)]
async fn media_that_somebody_holds_is_left_to_them_and_media_that_stays_stuck_says_what_helps() {
    let attributes = format!("{MANAGER}/Oem/Dell/DellAttributes/iDRAC.Embedded.1");
    for (sessions, said, writes) in [(1, "through a virtual console", 1), (0, "restart the iDRAC", 5)] {
        let service = whole("15G Monolithic", "6.10.30.00").rule(|asked, _| {
            asked.is(&Method::POST, "InsertMedia").then(|| Reply::error(400, "IDRAC.2.8.VRM0021", "detached"))
        });
        let service =
            service.rule(|asked, _| asked.is(&Method::POST, "EjectMedia").then(|| Reply::empty(204)));
        let now = json!({"Attributes": {"VirtualMedia.1.Attached": "AutoAttach", "VirtualMedia.1.ActiveSessions": sessions}});
        service.change(|documents| documents.merge(&attributes, &now));
        let bmc = connect(&service).await;
        let slot = bmc.choose_slot().await.unwrap();
        let image = MediaImage { url: "https://images.test/a.iso".to_owned(), credentials: None };
        let error = bmc.media().unwrap().insert(&slot.id, &image).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Conflict);
        assert!(error.detail().contains(said), "{error}");
        // The insert; then eject, Detached, AutoAttach and the insert again.
        assert_eq!(service.writes().len(), writes, "{:?}", lines(&service));
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_in_the_way_of_a_volume_is_a_conflict_also_with_503() {
    let service = whole("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        asked
            .is(&Method::POST, "/Volumes")
            .then(|| Reply::error(503, "IDRAC.2.8.RAC0679", "a job is running"))
    });
    let error = connect(&service).await.storage().unwrap().create_volume(&mirror("boot")).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_volume_waits_for_a_reset_where_the_inventory_is_not_ready() {
    let service = whole("15G Monolithic", "6.10.30.00").rule(|asked, _| match asked.path.as_str() {
        "/status" => Some(Reply::json(200, json!({"RTStatus": "NotReady"}))),
        path if path == format!("{PERC}/Volumes") && asked.method == Method::POST => {
            Some(Reply::empty(202).header("Location", "/redfish/v1/TaskService/Tasks/JID_5"))
        }
        _ => None,
    });
    let outcome = connect(&service).await.storage().unwrap().create_volume(&mirror("boot")).await.unwrap();
    let Outcome::Pending(pending) = outcome else { panic!("{outcome:?}") };
    assert!(pending.needs_reset);
    assert_eq!(pending.job.unwrap().id, "JID_5");
    assert_eq!(service.writes().last().unwrap().body["@Redfish.OperationApplyTime"], "OnReset");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_is_exported_in_both_forms() {
    const TASK: &str = "/redfish/v1/TaskService/Tasks/JID_9";
    let service = whole("15G Monolithic", "6.10.30.00").rule(|asked, documents| {
        (asked.path == "/export").then(|| {
            documents.put(TASK, json!({"Id": "JID_9", "TaskState": "Running"}));
            Reply::empty(202).header("Location", TASK)
        })
    });
    let bmc = connect(&service).await;
    let facet = bmc.configuration().unwrap();
    let parts = ["BIOS".to_owned()];
    for (format, begins) in [
        (ConfigurationFormat::Json, "{\"SystemConfiguration\""),
        (ConfigurationFormat::Xml, "<SystemConfiguration"),
    ] {
        let job: JobRef = facet.export(format, &parts).await.unwrap();
        assert_eq!(job.id, "JID_9");
        assert_eq!(facet.exported(&job).await.unwrap(), None);
        service.change(|documents| documents.put(TASK, json!({"SystemConfiguration": {"Components": [
            {"FQDD": "BIOS.Setup.1-1", "Attributes": [{"Name": "SysProfile", "Value": "Custom", "Set On Import": "True"}]}]}})));
        let text = facet.exported(&job).await.unwrap().unwrap();
        assert!(text.starts_with(begins) && text.contains("Custom"), "{text}");
    }
    assert_eq!(service.writes()[0].body["ShareParameters"], json!({"Target": ["BIOS"]}));
    let error = facet.export(ConfigurationFormat::Json, &["FLOPPY".to_owned()]).await.unwrap_err();
    assert!(error.detail().contains("ALL, BIOS, RAID"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_import_does_not_repeat_a_secret() {
    let service = whole("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        (asked.path == "/import")
            .then(|| Reply::error(400, "IDRAC.2.8.SYS409", "the value hunter2 is too short"))
    });
    let bmc = connect(&service).await;
    let document = r#"{"SystemConfiguration": {"Components": [{"FQDD": "iDRAC.Embedded.1", "Attributes": [{"Name": "Users.2#Password", "Value": "hunter2"}]}]}}"#;
    let error = bmc.configuration().unwrap().import(document, ImportShutdown::Forced).await.unwrap_err();
    assert!(
        error.to_string().contains("SYS409") && !format!("{error} {error:?}").contains("hunter2"),
        "{error}"
    );
    let broken =
        bmc.configuration().unwrap().import("<a>hunter2</a>", ImportShutdown::Forced).await.unwrap_err();
    assert!(
        broken.detail().contains("line 1, column 1") && !broken.to_string().contains("hunter2"),
        "{broken}"
    );
}

#[tokio::test(start_paused = true)]
async fn every_operation_is_spoken_of_in_every_generation() {
    for (model, firmware) in
        [("13G Monolithic", "2.83.83.83"), ("15G Monolithic", "6.10.30.00"), ("17G Monolithic", "1.20.25.00")]
    {
        let bmc = connect(&whole(model, firmware)).await;
        for operation in Operation::ALL {
            let known = bmc.capabilities.get(operation);
            assert!(known.is_some(), "{model}: nothing is said of {operation:?}");
            let said = known.is_some_and(|known| known.support != Support::Unknown);
            assert!(
                said || bmc.capabilities.unverified(operation).is_some(),
                "{model}: {operation:?} {known:?}"
            );
        }
    }
    let old = connect(&whole("13G Monolithic", "2.83.83.83")).await;
    assert!(old.capabilities.unverified(Operation::StorageWrite).is_some());
    assert!(old.capabilities.refusal(Operation::MediaInsertHttp).unwrap().contains("OMAM"));
}
