//! What the rows come to together, and what differs between generations.

use http::Method;
use rackhand_bmc::{
    Claim, Driver, ErrorKind, Operation, Outcome, PowerState, ResetType, SlotId, Support, Vendor,
};
use rackhand_lenovo::Lenovo;
use rackhand_testing::{Reply, Service};
use serde_json::json;

use crate::{
    cures::{image, making, mirror, patched},
    support::{MEDIA, SYSTEM, connect, server, v2},
};

#[tokio::test(start_paused = true)]
async fn an_early_root_is_told_by_its_oem_key_and_a_tsm_is_not_ours() {
    let probe = async |root: serde_json::Value| {
        Lenovo.probe(&Service::new(&json!({"/redfish/v1": root})).link().await)
    };
    assert_eq!(probe(json!({"RedfishVersion": "1.15.0", "Vendor": "Lenovo"})).await, Claim::Certain);
    assert_eq!(probe(json!({"RedfishVersion": "1.0.2", "Oem": {"Lenovo": {}}})).await, Claim::Certain);
    assert_eq!(
        probe(json!({"RedfishVersion": "1.7.0", "Vendor": "AMI", "Oem": {"Lenovo": {}}})).await,
        Claim::No
    );
    assert_eq!(probe(json!({"RedfishVersion": "1.7.0"})).await, Claim::No);
}

#[tokio::test(start_paused = true)]
async fn the_generation_is_the_servers() {
    for (model, generation) in [
        ("ThinkSystem SR650", "XCC1"),
        ("ThinkSystem SR670 V2", "XCC1"),
        ("ThinkSystem SR650 V3", "XCC2"),
        ("ThinkSystem SR650 V4", "XCC3"),
        ("Unheard of", "XCC"),
    ] {
        let bmc = connect(&server(model), &[]).await;
        assert_eq!((bmc.identity.vendor, bmc.identity.generation.as_str()), (Vendor::Lenovo, generation));
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_of_a_generation_is_not_claimed() {
    let old = connect(&v2(), &[]).await.capabilities;
    let new = connect(&server("ThinkSystem SR650 V4"), &[]).await.capabilities;
    let support =
        |known: &rackhand_bmc::Capabilities, operation| known.get(operation).unwrap().support.clone();
    assert_eq!(support(&old, Operation::MediaInsertHttp), Support::Supported);
    assert!(old.unverified(Operation::MediaInsertHttps).is_some());
    assert!(old.refusal(Operation::MediaInsertCifs).unwrap().contains("LD1"));
    assert_eq!(support(&new, Operation::MediaInsertCifs), Support::Supported);
    assert_eq!(support(&old, Operation::StorageWrite), Support::Supported);
    assert!(new.unverified(Operation::StorageWrite).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_image_is_booted_once_from_a_slot_without_actions() {
    let service = patched().rule(|asked, documents| {
        asked.is(&Method::POST, "ComputerSystem.Reset").then(|| {
            documents.merge(SYSTEM, &json!({"PowerState": "On"}));
            Reply::empty(204)
        })
    });
    service.change(|documents| documents.merge(SYSTEM, &json!({"PowerState": "Off"})));
    let bmc = connect(&service, &[]).await;
    let slot = bmc.boot_image_once(&image()).await.unwrap();
    assert_eq!(slot.id, SlotId(format!("{MEDIA}/EXT1")));
    assert_eq!(bmc.power().unwrap().state().await.unwrap(), PowerState::On);
    assert_eq!(service.writes().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_console_slot_is_refused_unsent_and_an_empty_one_is_left_alone() {
    let service = v2();
    let bmc = connect(&service, &[]).await;
    let media = bmc.media().unwrap();
    let console = SlotId(format!("{MEDIA}/Remote1"));
    assert_eq!(*media.insert(&console, &image()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(media.eject(&SlotId(format!("{MEDIA}/EXT2"))).await.unwrap(), Outcome::Unchanged);
    assert_eq!(service.writes(), []);
}

/// With the upgrade there, a refusal means what it says.
#[tokio::test(start_paused = true)]
async fn a_refusal_with_the_licence_is_no_missing_licence() {
    let service = v2().rule(|asked, _| {
        asked.is(&Method::PATCH, "/EXT1").then(|| Reply::error(403, "Base.1.15.InsufficientPrivilege", "no"))
    });
    let bmc = connect(&service, &[]).await;
    let refused = bmc.media().unwrap().insert(&SlotId(format!("{MEDIA}/EXT1")), &image()).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Forbidden);
}

#[tokio::test(start_paused = true)]
async fn a_slot_with_an_action_of_its_own_is_asked_by_it() {
    let service = v2().rule(|asked, _| asked.is(&Method::POST, "InsertMedia").then(|| Reply::empty(201)));
    let target = json!({"Actions": {"#VirtualMedia.InsertMedia": {"target": format!("{MEDIA}/EXT1/Actions/VirtualMedia.InsertMedia")}}});
    service.change(|documents| documents.merge(&format!("{MEDIA}/EXT1"), &target));
    let bmc = connect(&service, &[]).await;
    let inserted = bmc.media().unwrap().insert(&SlotId(format!("{MEDIA}/EXT1")), &image()).await.unwrap();
    assert_eq!(inserted, Outcome::Done);
    assert_eq!(service.writes()[0].body, json!({"Image": image().url}));
}

#[tokio::test(start_paused = true)]
async fn a_volume_of_all_free_drives_is_made_without_naming_them() {
    let service = making("ThinkSystem SR670 V2");
    let bmc = connect(&service, &[]).await;
    assert_eq!(bmc.storage().unwrap().create_volume(&mirror("boot", &[1, 0])).await.unwrap(), Outcome::Done);
    assert_eq!(service.writes()[0].body, json!({"Name": "boot", "RAIDType": "RAID1"}));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_off_is_not_restarted() {
    let service = server("ThinkSystem SR675 V3");
    service.change(|documents| documents.merge(SYSTEM, &json!({"PowerState": "Off"})));
    let bmc = connect(&service, &[]).await;
    let refused = bmc.power().unwrap().reset(ResetType::ForceRestart).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Conflict);
    assert_eq!(service.writes(), []);
}
