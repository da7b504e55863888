//! Firmware and whole configurations.

use http::Method;
use rackhand_bmc::{ApplyTime, ErrorKind, FirmwareImage, ImportShutdown};
use rackhand_testing::{Reply, Service};
use serde_json::json;

use super::Cure;
use crate::whole::whole;

pub(crate) async fn inventory(cure: &Cure) -> bool {
    let bmc = cure.connect(&whole("15G Monolithic", "6.00.30.00")).await;
    let found = bmc.firmware().unwrap().inventory().await.unwrap();
    let version = |name: &str| found.find(name).and_then(|one| one.version.as_deref());
    assert_eq!(version("bmc"), Some("6.00.30.00"));
    version("bios") == Some("1.8.2")
}

pub(crate) async fn query(cure: &Cure) -> bool {
    let service = whole("15G Monolithic", "5.10.00.00")
        .rule(|asked, _| asked.is(&Method::POST, "/update").then(|| Reply::empty(202)));
    let image = FirmwareImage {
        url: "https://files.test/bios.exe?temp_url_sig=1".to_owned(),
        targets: Vec::new(),
        when: ApplyTime::OnReset,
        credentials: None,
    };
    match cure.connect(&service).await.firmware().unwrap().update(&image).await {
        Err(error) => matches!(error.kind(), ErrorKind::RejectedValue { .. }) && service.writes().is_empty(),
        Ok(_) => false,
    }
}

fn imports() -> Service {
    whole("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        let task = "/redfish/v1/TaskService/Tasks/JID_9";
        (asked.path == "/import").then(|| Reply::empty(202).header("Location", task))
    })
}

const DOCUMENT: &str = "<SystemConfiguration>\n <Component FQDD=\"BIOS.Setup.1-1\">\n  <Attribute Name=\"SysProfile\">Custom</Attribute>\n </Component>\n</SystemConfiguration>";

pub(crate) async fn compact(cure: &Cure) -> bool {
    let service = imports();
    let bmc = cure.connect(&service).await;
    let _ = bmc.configuration().unwrap().import(DOCUMENT, ImportShutdown::NoReboot).await.unwrap();
    let sent = service.writes()[0].body["ImportBuffer"].clone();
    sent == "<SystemConfiguration><Component FQDD=\"BIOS.Setup.1-1\"><Attribute Name=\"SysProfile\">Custom</Attribute></Component></SystemConfiguration>"
}

pub(crate) async fn targets(cure: &Cure) -> bool {
    let service = imports();
    let bmc = cure.connect(&service).await;
    let _ = bmc.configuration().unwrap().import(DOCUMENT, ImportShutdown::Graceful).await.unwrap();
    assert_eq!(service.writes()[0].body["ShutdownType"], "Graceful");
    service.writes()[0].body["ShareParameters"] == json!({"Target": ["ALL"]})
}
