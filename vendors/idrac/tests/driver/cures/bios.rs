//! BIOS settings and their jobs.

use http::Method;
use rackhand_bmc::{AttributeValue, Attributes, ErrorKind, Outcome};
use rackhand_testing::{Reply, Service};
use serde_json::json;

use super::Cure;
use crate::{
    support::{MANAGER, SYSTEM, dell, lines, stage, with_job},
    whole::whole,
};

pub(crate) async fn job_apart(cure: &Cure) -> bool {
    let service = dell("13G Monolithic", "2.83.83.83").rule(|asked, _| {
        let job = format!("{MANAGER}/Oem/Dell/Jobs/JID_2");
        asked.is(&Method::POST, "/Jobs").then(|| Reply::empty(200).header("Location", &job))
    });
    let bios = format!("{SYSTEM}/Bios");
    service.change(|documents| {
        documents.merge(&bios, &json!({"@Redfish.Settings": {"SupportedApplyTimes": null}}));
    });
    let bmc = cure.connect(&service).await;
    let staged = bmc.bios().unwrap().stage(&stage(&[("SysProfile", "Custom")])).await.unwrap();
    matches!(staged, Outcome::Pending(pending) if pending.job.is_some())
}

pub(crate) async fn mark(cure: &Cure) -> bool {
    let bmc = cure.connect(&dell("15G Monolithic", "6.10.30.00").rule(with_job)).await;
    let staged = bmc.bios().unwrap().stage(&stage(&[("SysProfile", "Custom")])).await.unwrap();
    matches!(staged, Outcome::Pending(pending) if !pending.mark.0.is_empty())
}

/// As an iDRAC is about its BIOS jobs: one at a time, and what is staged goes by ClearPending.
pub(crate) fn one_job_at_a_time(service: Service) -> Service {
    let jobs = format!("{MANAGER}/Oem/Dell/Jobs");
    service
        .rule(move |asked, documents| {
            let members = documents.get(&jobs).unwrap()["Members"].as_array().map_or(0, Vec::len);
            match asked.path.as_str() {
                path if asked.method == Method::DELETE && path.contains("JID_") => {
                    documents.put(&jobs, json!({"Members": []}));
                    Some(Reply::empty(200))
                }
                "/clear" => {
                    documents.put(
                        &format!("{SYSTEM}/Bios/Settings"),
                        json!({"Attributes": {}, "Actions": {"Oem": {"#DellManager.ClearPending": {"target": "/clear"}}}}),
                    );
                    Some(Reply::empty(200))
                }
                _ if asked.is(&Method::PATCH, "Bios/Settings") && members > 0 => {
                    Some(Reply::error(400, "IDRAC.2.8.RAC0773", "pending values are already committed"))
                }
                _ => None,
            }
        })
        .rule(with_job)
}

pub(crate) async fn queued(cure: &Cure) -> bool {
    let service = one_job_at_a_time(dell("15G Monolithic", "6.10.30.00"));
    let bmc = cure.connect(&service).await;
    let bios = bmc.bios().unwrap();
    let _ = bios.stage(&stage(&[("LogicalProc", "Disabled")])).await.unwrap();
    match bios.stage(&stage(&[("SysProfile", "Custom")])).await {
        Ok(Outcome::Pending(pending)) => {
            let both = Attributes::from([
                ("LogicalProc".to_owned(), AttributeValue::from("Disabled")),
                ("SysProfile".to_owned(), AttributeValue::from("Custom")),
            ]);
            let last = service.writes().pop().unwrap();
            pending.desired == both && pending.job.is_some() && last.body["Attributes"] == json!(both)
        }
        Err(error) => {
            assert_eq!(*error.kind(), ErrorKind::Conflict);
            false
        }
        Ok(_) => false,
    }
}

pub(crate) async fn discard(cure: &Cure) -> bool {
    let service = one_job_at_a_time(dell("15G Monolithic", "6.10.30.00"));
    let bmc = cure.connect(&service).await;
    let bios = bmc.bios().unwrap();
    let _ = bios.stage(&stage(&[("SysProfile", "Custom")])).await.unwrap();
    let done = bios.discard().await.is_ok();
    done && lines(&service)[1..]
        == [format!("DELETE {MANAGER}/Oem/Dell/Jobs/JID_000000000001"), "POST /clear".to_owned()]
}

pub(crate) async fn reset(cure: &Cure) -> bool {
    let service = whole("15G Monolithic", "6.10.30.00")
        .rule(with_job)
        .rule(|asked, _| (asked.path == "/reset-bios").then(|| Reply::empty(200)));
    let bmc = cure.connect(&service).await;
    let bios = bmc.bios().unwrap();
    let _ = bios.stage(&stage(&[("SysProfile", "Custom")])).await.unwrap();
    matches!(bios.reset_defaults().await, Err(error) if *error.kind() == ErrorKind::Conflict)
}
