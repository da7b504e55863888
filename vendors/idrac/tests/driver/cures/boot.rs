//! Boot overrides and the boot mode.

use http::Method;
use rackhand_bmc::{BootMode, BootTarget, Outcome};
use rackhand_testing::Reply;
use serde_json::json;

use super::Cure;
use crate::support::{MANAGER, SYSTEM, dell, lines, once, with_job};

pub(crate) async fn physical_cd(cure: &Cure) -> bool {
    let service = dell("15G Monolithic", "5.10.00.00");
    let bmc = cure.connect(&service).await;
    let _ = bmc.boot().unwrap().set_override(once(BootTarget::Cd)).await.unwrap();
    lines(&service) == [format!("PATCH {MANAGER}/Oem/Dell/DellAttributes/iDRAC.Embedded.1")]
}

pub(crate) async fn at_settings(cure: &Cure) -> bool {
    let service = dell("17G Monolithic", "1.20.25.00").rule(|asked, _| {
        asked.is(&Method::PATCH, SYSTEM).then(|| Reply::error(400, "IDRAC.2.8.SYS427", "read-only"))
    });
    service.change(|documents| {
        documents.put(&format!("{SYSTEM}/Settings"), json!({"Boot": {"BootSourceOverrideTarget": "None"}}));
    });
    let bmc = cure.connect(&service).await;
    matches!(bmc.boot_once(&BootTarget::Cd).await, Ok(Outcome::Done))
}

pub(crate) async fn without_mode(cure: &Cure) -> bool {
    let service = dell("15G Monolithic", "6.10.30.00").rule(|asked, _| {
        asked.is(&Method::PATCH, SYSTEM).then(|| Reply::error(400, "IDRAC.2.8.SYS410", "no"))
    });
    let bmc = cure.connect(&service).await;
    assert!(bmc.boot().unwrap().set_override(once(BootTarget::Cd)).await.is_err());
    service.writes().iter().all(|asked| asked.body["Boot"].get("BootSourceOverrideMode").is_none())
}

pub(crate) async fn mode(cure: &Cure) -> bool {
    let service = dell("15G Monolithic", "6.10.30.00").rule(with_job);
    let bmc = cure.connect(&service).await;
    let outcome = bmc.boot().unwrap().set_mode(BootMode::Legacy).await.unwrap();
    let by_job =
        matches!(&outcome, Outcome::Pending(pending) if pending.job.is_some() && pending.needs_reset);
    by_job && service.writes()[0].body["Attributes"] == json!({"BootMode": "Bios"})
}
