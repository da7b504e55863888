//! What the rows come to together, and what is refused before anything is sent.

use http::Method;
use rackhand_bmc::{
    ApplyTime, Claim, Driver, ErrorKind, FirmwareFile, MediaImage, Outcome, PowerState, Vendor,
};
use rackhand_supermicro::Supermicro;
use rackhand_testing::{Reply, Service};
use serde_json::json;

use crate::{
    cures::file,
    support::{SLOT, SYSTEM, connect, server, sys},
};

#[tokio::test(start_paused = true)]
async fn a_root_without_a_vendor_is_told_by_its_oem_key() {
    let probe = async |root: serde_json::Value| {
        Supermicro.probe(&Service::new(&json!({"/redfish/v1": root})).link().await)
    };
    assert_eq!(probe(json!({"RedfishVersion": "1.11.0", "Oem": {"Supermicro": {}}})).await, Claim::Certain);
    assert_eq!(probe(json!({"RedfishVersion": "1.15.0", "Vendor": "SUPERMICRO"})).await, Claim::Certain);
    assert_eq!(
        probe(json!({"RedfishVersion": "1.15.0", "Vendor": "AMI", "Oem": {"Ami": {}}})).await,
        Claim::No
    );
}

#[tokio::test(start_paused = true)]
async fn the_generation_is_the_boards_where_the_model_names_one() {
    for (model, generation) in
        [("X12DPi-NT6", "X12"), ("H13SSL-N", "H13"), ("SYS-821GE-TNHR", "BMC"), ("X", "BMC")]
    {
        let bmc = connect(&server(model), &[]).await;
        assert_eq!((bmc.identity.vendor, bmc.identity.generation.as_str()), (Vendor::Supermicro, generation));
    }
}

/// An image that stays after an eject, the virtual CD as UsbCd, reset types apart, actions that come and go.
#[tokio::test(start_paused = true)]
async fn an_image_is_booted_once_though_another_was_left_behind() {
    let service = sys().rule(|asked, documents| {
        if asked.is(&Method::POST, "InsertMedia") {
            let shown = json!({"Image": asked.body["Image"], "Inserted": true, "ConnectedVia": "URI"});
            documents.merge(SLOT, &shown);
            return Some(Reply::empty(200));
        }
        asked.is(&Method::POST, "ComputerSystem.Reset").then(|| {
            documents.merge(SYSTEM, &json!({"PowerState": "On"}));
            Reply::empty(200)
        })
    });
    let left =
        json!({"Image": "http://192.0.2.1/old.iso", "Inserted": false, "ConnectedVia": "NotConnected"});
    service.change(|documents| documents.merge(SLOT, &left));
    let bmc = connect(&service, &[]).await;
    let image = MediaImage { url: "http://192.0.2.1/new.iso".to_owned(), credentials: None };
    bmc.boot_image_once(&image).await.unwrap();
    assert_eq!(bmc.power().unwrap().state().await.unwrap(), PowerState::On);
    let bodies: Vec<_> = service.writes().into_iter().map(|asked| asked.body).collect();
    let armed = json!({"Boot": {"BootSourceOverrideTarget": "UsbCd", "BootSourceOverrideEnabled": "Once"}});
    assert_eq!(bodies, [json!({"Image": image.url}), armed, json!({"ResetType": "On"})]);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_refused_unsent_without_the_one_component_that_it_is_for() {
    let service = sys();
    let bmc = connect(&service, &[]).await;
    let nothing = FirmwareFile { targets: Vec::new(), ..file("BIOS") };
    let refused = bmc.firmware().unwrap().push(&nothing).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::RejectedValue { properties: vec!["Targets".to_owned()] });
    let later = FirmwareFile { when: ApplyTime::OnReset, ..file("BIOS") };
    assert_eq!(*bmc.firmware().unwrap().push(&later).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(service.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_fails_its_verification_is_not_started() {
    const TASK: &str = "/redfish/v1/TaskService/Tasks/1";
    let service = sys().rule(|asked, documents| {
        asked.is(&Method::POST, "/upload").then(|| {
            let failed =
                json!({"Id": "1", "TaskState": "Exception", "Messages": [{"Message": "wrong board"}]});
            documents.put(TASK, failed);
            Reply::json(202, json!({"@odata.id": TASK, "Id": "1"}))
        })
    });
    let bmc = connect(&service, &[]).await;
    let refused = bmc.firmware().unwrap().push(&file("BMC")).await.unwrap_err();
    assert!(refused.to_string().contains("refuses bios.bin: wrong board"), "{refused}");
    assert_eq!(service.writes().len(), 1, "only the file was sent");
}

#[tokio::test(start_paused = true)]
async fn an_empty_slot_is_ejected_without_an_action() {
    let bmc = connect(&sys(), &[]).await;
    let slots = bmc.media().unwrap().slots().await.unwrap();
    assert_eq!(bmc.media().unwrap().eject(&slots[0].id).await.unwrap(), Outcome::Unchanged);
}
