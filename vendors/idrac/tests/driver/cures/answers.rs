//! Identity, messages, power, readiness.

use http::Method;
use rackhand_bmc::{ErrorKind, Readiness, ReadyState, ResetType};
use rackhand_testing::Reply;
use serde_json::json;

use super::Cure;
use crate::support::{MANAGER, dell, stage};

pub(crate) async fn service_tag(cure: &Cure) -> bool {
    let bmc = cure.connect(&dell("15G Monolithic", "6.10.30.00")).await;
    bmc.identity.serial.as_deref() == Some("TAG0001")
}

pub(crate) async fn messages(cure: &Cure) -> bool {
    let service = dell("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        asked.is(&Method::PATCH, "Bios/Settings").then(|| Reply::error(400, "IDRAC.2.8.SWC0700", "not ready"))
    });
    let bmc = cure.connect(&service).await;
    let error = bmc.bios().unwrap().stage(&stage(&[("SysProfile", "Custom")])).await.unwrap_err();
    *error.kind() == ErrorKind::Busy { retry_after: None }
}

pub(crate) async fn on_refused(cure: &Cure) -> bool {
    let service = dell("17G Monolithic", "1.20.25.00").rule(|asked, _| {
        let refused = || Reply::error(409, "Base.1.18.ActionParameterValueConflict", "conflict");
        asked.is(&Method::POST, "ComputerSystem.Reset").then(refused)
    });
    let error = cure.connect(&service).await.power().unwrap().reset(ResetType::On).await.unwrap_err();
    *error.kind() == ErrorKind::Busy { retry_after: None }
}

pub(crate) async fn readiness(cure: &Cure) -> bool {
    let service = dell("15G Monolithic", "6.10.30.00")
        .rule(|asked, _| (asked.path == "/status").then(|| Reply::json(200, json!({"LCStatus": "InUse"}))));
    let bmc = cure.connect(&service).await;
    let seen = bmc.manager().unwrap().ready(Readiness::LifecycleController).await.unwrap();
    seen == ReadyState::NotYet("LCStatus is InUse".to_owned())
}

pub(crate) async fn restarting(cure: &Cure) -> bool {
    let service = dell("16G Monolithic", "7.10.30.00");
    let attributes = format!("{MANAGER}/Oem/Dell/DellAttributes/iDRAC.Embedded.1");
    let now = json!({"Attributes": {"Redfish.1.iDRACRebootInProgress": "True"}});
    service.change(|documents| documents.merge(&attributes, &now));
    let bmc = cure.connect(&service).await;
    bmc.manager().unwrap().ready(Readiness::Bmc).await.unwrap() != ReadyState::Ready
}
