//! What is seen of such services and takes no cure, or is not known well enough to act upon.

use http::Method;
use rackhand_bmc::{ApplyTime, Attributes, FirmwareImage, Operation};
use rackhand_testing::Reply;
use serde_json::json;

use crate::support::{MANAGER, ROOT, UPDATE, connect, service, with};

/// AMI's target has no schema's name in it; targets are followed, never made up.
#[tokio::test(start_paused = true)]
async fn an_update_is_asked_for_where_the_service_says() {
    let target = format!("{UPDATE}/Actions/SimpleUpdate");
    let action = json!({"Actions": {"#UpdateService.SimpleUpdate": {"target": target}}});
    let service = with(UPDATE, &action)
        .rule(|asked, _| asked.is(&Method::POST, "/Actions/SimpleUpdate").then(|| Reply::empty(202)));
    let image = FirmwareImage {
        url: "http://192.0.2.1/bios.bin".to_owned(),
        credentials: None,
        targets: Vec::new(),
        when: ApplyTime::Immediate,
    };
    let bmc = connect(&service, &[]).await.unwrap();
    assert!(bmc.firmware().unwrap().update(&image).await.is_ok());
    assert_eq!(service.writes()[0].path, target);
}

/// Nobody was seen to mount an image on NVIDIA's own: upstream's rule is no proof there, in either direction.
#[tokio::test(start_paused = true)]
async fn upstreams_rule_is_unverified_on_nvidia() {
    let service = with(ROOT, &json!({"Vendor": "NVIDIA"}));
    service.change(|documents| documents.merge(MANAGER, &json!({"Model": "OpenBmc"})));
    let known = connect(&service, &[]).await.unwrap().capabilities;
    assert!(known.unverified(Operation::MediaInsertHttp).is_some());
    assert!(known.refusal(Operation::MediaInsertHttp).is_none());
    assert!(known.get(Operation::MediaInsertHttps).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_no_openbmc_is_not_held_to_its_rule() {
    let known = connect(&service(), &[]).await.unwrap().capabilities;
    assert!(known.refusal(Operation::MediaInsertHttp).is_none());
}

/// Wanted by its code and by what people see, with two values: neither is written.
#[tokio::test(start_paused = true)]
async fn two_names_of_one_attribute_must_agree() {
    let bmc = connect(&service(), &[]).await.unwrap();
    let wanted = |code: &str, shown: &str| {
        Attributes::from([
            ("TCG003".to_owned(), code.into()),
            ("Security Device Support".to_owned(), shown.into()),
        ])
    };
    let plan = bmc.bios().unwrap().plan(&wanted("Disable", "Enable")).await.unwrap();
    assert!(plan.problems[0].problem.contains("by another name too"), "{:?}", plan.problems);
    assert!(plan.stages.is_empty());
    let plan = bmc.bios().unwrap().plan(&wanted("Disable", "Disable")).await.unwrap();
    assert!(plan.problems.is_empty() && plan.stages.len() == 1);
}
