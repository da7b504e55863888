//! Firmware by SimpleUpdate.

use http::Method;
use rackhand_bmc::{
    ApplyTime, Bmc, ComponentId, ComponentKind, Credentials, ErrorKind, FirmwareFile, FirmwareImage,
    Operation, Outcome, Target,
};
use rackhand_testing::{Reply, Service, target};
use serde_json::json;

use crate::{
    deviations::{link, rack},
    nuova::{Nuova, without},
};

const UPDATE: &str = "/redfish/v1/UpdateService";

fn service() -> Service {
    let inventory = format!("{UPDATE}/FirmwareInventory");
    let task = "/redfish/v1/TaskService/Tasks/3";
    let service = rack().rule(move |asked, _| {
        let answer = Reply::json(202, json!({"@odata.id": task, "Id": "3"})).header("Location", task);
        asked.is(&Method::POST, "SimpleUpdate").then_some(answer)
    });
    service.change(|documents| {
        documents.merge("/redfish/v1", &json!({"UpdateService": link(UPDATE)}));
        let action = json!({"target": format!("{UPDATE}/Actions/UpdateService.SimpleUpdate")});
        documents.put(
            UPDATE,
            json!({"FirmwareInventory": link(&inventory), "Actions": {"#UpdateService.SimpleUpdate": action}}),
        );
        let ids = ["BIOS", "CIMC", "slot-MRAID"];
        let members: Vec<_> = ids.iter().map(|id| link(&format!("{inventory}/{id}"))).collect();
        documents.put(&inventory, json!({"Members": members}));
        for id in ids {
            let uri = format!("{inventory}/{id}");
            documents.put(&uri, json!({"@odata.id": uri, "Id": id, "Name": id, "Version": "4.1(3d)"}));
        }
    });
    service
}

fn image(url: &str, target: &str) -> FirmwareImage {
    FirmwareImage {
        url: url.to_owned(),
        targets: vec![ComponentId(format!("{UPDATE}/FirmwareInventory/{target}"))],
        when: ApplyTime::Immediate,
        credentials: None,
    }
}

async fn connect(service: &Service, target: Target) -> Bmc {
    Nuova::beside(service, &[]).connect(target).await
}

/// What is sent as the image's place.
pub(crate) async fn place_sent(target: Target) -> String {
    let service = service();
    let bmc = connect(&service, target).await;
    let outcome = bmc.firmware().unwrap().update(&image("http://192.0.2.1/fw/c.bin", "CIMC")).await.unwrap();
    assert!(matches!(outcome, Outcome::Running(job) if job.id == "3"));
    service.writes()[0].body["ImageURI"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_image_is_named_by_host_and_path() {
    assert_eq!(place_sent(target()).await, "192.0.2.1:/fw/c.bin");
    assert_eq!(place_sent(without("image-without-scheme")).await, "http://192.0.2.1/fw/c.bin");
    let service = service();
    let bmc = connect(&service, target()).await;
    let credentials = Some(Credentials::new("reader", "pa".to_owned()));
    let secure = FirmwareImage { credentials, ..image("sftp://[2001:db8::1]/b.cap", "BIOS") };
    let _ = bmc.firmware().unwrap().update(&secure).await.unwrap();
    let expected = json!({"ImageURI": "[2001:db8::1]:/b.cap", "TransferProtocol": "SFTP",
        "Targets": ["/redfish/v1/UpdateService/FirmwareInventory/BIOS"], "Username": "reader", "Password": "pa"});
    assert_eq!(service.writes()[0].body, expected);
}

#[tokio::test(start_paused = true)]
async fn what_cimc_cannot_install_is_not_sent() {
    let service = service();
    let bmc = connect(&service, target()).await;
    let firmware = bmc.firmware().unwrap();
    let several = FirmwareImage { targets: Vec::new(), ..image("http://192.0.2.1/a", "BIOS") };
    let later = FirmwareImage { when: ApplyTime::OnReset, ..image("http://192.0.2.1/a", "BIOS") };
    for (wrong, why) in [
        (image("http://192.0.2.1/a", "slot-MRAID"), "itself and the BIOS alone"),
        (image("https://192.0.2.1/a", "BIOS"), "not by HTTPS"),
        (image("http://192.0.2.1:8080/a", "BIOS"), "names a port"),
        (image("a.bin", "BIOS"), "names no file"),
        (several, "one target at a time"),
        (later, "knows no time"),
    ] {
        let error = firmware.update(&wrong).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::RejectedValue { .. }) && error.to_string().contains(why),
            "{error}"
        );
    }
    let file = FirmwareFile {
        name: "a.bin".to_owned(),
        content: "x".into(),
        targets: Vec::new(),
        when: ApplyTime::Immediate,
    };
    assert_eq!(*firmware.push(&file).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(service.writes().is_empty());
    assert!(bmc.require(Operation::FirmwarePush).is_err());
    assert!(bmc.capabilities.unverified(Operation::FirmwareUpdate).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_installed_is_told_by_its_id() {
    let bmc = connect(&service(), target()).await;
    let found = bmc.firmware().unwrap().inventory().await.unwrap();
    assert_eq!(found.components.len(), 3);
    let bios = found.find("bios").unwrap();
    assert_eq!((bios.kind, bios.version.as_deref()), (ComponentKind::Bios, Some("4.1(3d)")));
    assert_eq!(found.find("bmc").unwrap().name, "CIMC");
}
