//! The way a server is installed, and each difference on and off.

use http::Method;
use serde_json::{Value, json};

use super::Lenovo;
use crate::package::Package;
use crate::personality::bench::{Bench, ISO, PASSWORD};

const SYSTEM: &str = "/redfish/v1/Systems/1";
const BIOS: &str = "/redfish/v1/Systems/1/Bios";
const PENDING: &str = "/redfish/v1/Systems/1/Bios/Pending";
const EXT1: &str = "/redfish/v1/Systems/1/VirtualMedia/EXT1";
const VOLUMES: &str = "/redfish/v1/Systems/1/Storage/RAID_Slot5/Volumes";

fn bench(without: &[&str]) -> Bench {
    Bench::new(Lenovo, without)
}

fn mount() -> Value {
    json!({"Image": ISO, "Inserted": true})
}

fn boot(target: &str, lasts: &str) -> Value {
    json!({"Boot": {"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": lasts}})
}

fn volume(name: &str, drives: &[&str]) -> Value {
    let path = "/redfish/v1/Systems/1/Storage/RAID_Slot5/Drives";
    let drives: Vec<_> = drives.iter().map(|id| json!({"@odata.id": format!("{path}/{id}")})).collect();
    json!({"Name": name, "RAIDType": "RAID0", "CapacityBytes": 100_000_000_000_u64, "Links": {"Drives": drives}})
}

#[tokio::test(start_paused = true)]
async fn every_link_leads_somewhere() {
    for without in [Vec::new(), super::quirks::QUIRKS.iter().map(|quirk| quirk.name).collect()] {
        let bench = bench(&without);
        bench.reset("On").await;
        bench.wait(6).await;
        assert!(bench.crawl().await > 60);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_is_installed_from_its_virtual_cd() {
    let bench = bench(&[]);
    assert_eq!(bench.get("/redfish/v1").await["Vendor"], "Lenovo");
    let wanted = json!({"Attributes": {
        "OperatingModes_ChooseOperatingMode": "CustomMode",
        "Processors_CStates": "Disabled",
        "Memory_PatrolScrub": "Disabled",
    }});
    let answer = bench.patch_fresh(PENDING, wanted).await;
    assert_eq!((answer.status, answer.ids()), (200, vec!["RebootRequired"]));
    assert_eq!(bench.patch_fresh(EXT1, mount()).await.status, 204);
    assert_eq!(bench.patch_fresh(SYSTEM, boot("Cd", "Once")).await.status, 204);
    bench.reset("On").await;
    bench.state("callback", "Rebooting").await;
    assert_eq!(bench.patch_fresh(EXT1, json!({"Inserted": false})).await.status, 204);
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["Cd", "Hdd"]);
    let attributes = bench.get(BIOS).await["Attributes"].clone();
    assert_eq!(attributes["Processors_CStates"], "Disabled");
    assert_eq!(attributes["Memory_PatrolScrub"], "Disabled");
    assert_eq!(bench.get(PENDING).await["Attributes"], attributes);
}

#[tokio::test(start_paused = true)]
async fn a_patch_names_the_version_that_it_changes() {
    let bench = bench(&[]);
    assert_eq!(bench.patch(SYSTEM, boot("Cd", "Once")).await.status, 428);
    let stale = bench.patch_if(SYSTEM, "\"00000000\"", boot("Cd", "Once")).await;
    assert_eq!((stale.status, stale.ids()), (412, vec!["PreconditionFailed"]));
    assert_eq!(bench.patch_if(EXT1, "\"00000000\"", mount()).await.status, 412);
    assert_eq!(bench.get(SYSTEM).await["Boot"]["BootSourceOverrideEnabled"], "Disabled");
    assert_eq!(bench.patch_fresh(SYSTEM, boot("Cd", "Once")).await.status, 204);
    assert_eq!(
        Bench::new(Lenovo, &["patch-needs-if-match"]).patch(SYSTEM, boot("Cd", "Once")).await.status,
        204
    );
}

#[tokio::test(start_paused = true)]
async fn an_override_lasts_for_one_boot() {
    let bench = bench(&[]);
    let allowed =
        bench.get(SYSTEM).await["Boot"]["BootSourceOverrideEnabled@Redfish.AllowableValues"].clone();
    assert_eq!(allowed, json!(["Once", "Disabled"]));
    let refused = bench.patch_fresh(SYSTEM, boot("Hdd", "Continuous")).await;
    assert_eq!((refused.status, refused.ids()), (400, vec!["PropertyValueNotInList"]));
    let lasting = Bench::new(Lenovo, &["override-once-only"]);
    assert_eq!(lasting.patch_fresh(SYSTEM, boot("Hdd", "Continuous")).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn the_boot_order_waits_for_post() {
    let order = json!({"Boot": {"BootOrder": ["Boot0002", "Boot0000", "Boot0001"]}});
    let first = |system: &Value| system["Boot"]["BootOrder"][0].clone();
    let bench = bench(&[]);
    let refused = bench.patch_fresh(SYSTEM, order.clone()).await;
    assert_eq!((refused.status, refused.ids()), (400, vec!["PropertyNotWritable"]));
    let settings = bench.get(SYSTEM).await["@Redfish.Settings"]["SettingsObject"]["@odata.id"].clone();
    let settings = settings.as_str().unwrap();
    assert_eq!(first(&bench.get(settings).await), "Boot0000");
    let other = json!({"Boot": {"BootOrder": ["Boot0001", "Boot0000", "Boot0002"]}});
    assert_eq!(bench.patch_fresh(settings, other).await.status, 204);
    assert_eq!(bench.patch_fresh(settings, order.clone()).await.status, 204);
    assert_eq!(bench.patch_fresh(settings, boot("Cd", "Once")).await.status, 400);
    assert_eq!(first(&bench.get(settings).await), "Boot0002");
    assert_eq!(first(&bench.get(SYSTEM).await), "Boot0000");
    let tasks = bench.get("/redfish/v1/TaskService/Tasks").await;
    assert_eq!(tasks["Members"], json!([]));
    bench.reset("On").await;
    bench.state("post", "done").await;
    assert_eq!(first(&bench.get(SYSTEM).await), "Boot0002");
    assert_eq!(Bench::new(Lenovo, &["boot-order-pending"]).patch_fresh(SYSTEM, order).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn images_are_mounted_by_a_patch() {
    let bench = bench(&[]);
    assert!(bench.get(EXT1).await.get("Actions").is_none());
    let action = format!("{EXT1}/Actions/VirtualMedia.InsertMedia");
    assert_eq!(bench.post(&action, json!({"Image": ISO})).await.status, 404);
    assert_eq!(bench.patch_fresh(EXT1, json!({"Inserted": true})).await.status, 400);
    assert_eq!(bench.patch_fresh(EXT1, json!({"Image": ISO, "Colour": "red"})).await.status, 400);
    assert_eq!(bench.patch_fresh(EXT1, json!({"Image": "http://images.example/none.iso"})).await.status, 400);
    for eject in [json!({"Inserted": false}), json!({"Image": null})] {
        assert_eq!(bench.patch_fresh(EXT1, mount()).await.status, 204);
        let mounted = bench.get(EXT1).await;
        assert_eq!((&mounted["Image"], &mounted["Inserted"]), (&json!(ISO), &json!(true)));
        assert_eq!(bench.patch_fresh(EXT1, mount()).await.status, 400, "it is occupied");
        assert_eq!(bench.patch_fresh(EXT1, eject.clone()).await.status, 204);
        assert_eq!(bench.get(EXT1).await["ConnectedVia"], "NotConnected");
        assert_eq!(bench.patch_fresh(EXT1, eject).await.status, 204, "it is empty already");
    }
    let newer = Bench::new(Lenovo, &["media-by-patch"]);
    assert_eq!(newer.post(&action, json!({"Image": ISO})).await.status, 204);
    assert_eq!(newer.patch_fresh(EXT1, json!({"Inserted": false})).await.status, 400);
    let verify = json!({"VerifyCertificate": true});
    assert_eq!(bench.patch_fresh(EXT1, verify).await.status, 204);
    assert_eq!(bench.get(EXT1).await["VerifyCertificate"], true);
}

#[tokio::test(start_paused = true)]
async fn only_four_of_ten_slots_take_images() {
    let rdoc = "/redfish/v1/Systems/1/VirtualMedia/RDOC1";
    let bench = bench(&[]);
    let slots = bench.get("/redfish/v1/Systems/1/VirtualMedia").await["Members"].clone();
    assert_eq!(slots.as_array().unwrap().len(), 10);
    assert_eq!(bench.patch_fresh(rdoc, mount()).await.status, 400);
    assert_eq!(bench.get(rdoc).await["Inserted"], false);
    assert_eq!(Bench::new(Lenovo, &["only-ext-takes-images"]).patch_fresh(rdoc, mount()).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn the_same_slots_are_below_system_and_manager() {
    let below = "/redfish/v1/Managers/1/VirtualMedia/EXT1";
    let both = bench(&[]);
    assert_eq!(both.patch_fresh(below, mount()).await.status, 204);
    assert_eq!(both.get(EXT1).await["Image"], ISO);
    let old = Bench::new(Lenovo, &["media-in-both-homes"]);
    assert!(old.get(SYSTEM).await.get("VirtualMedia").is_none());
    assert_eq!(old.call(Method::GET, EXT1, None).await.status, 404);
    assert_eq!(old.patch_fresh(below, mount()).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn pending_settings_list_everything() {
    let change = json!({"Attributes": {"Memory_PatrolScrub": "Disabled"}});
    let bench = bench(&[]);
    let current = bench.get(BIOS).await["Attributes"].clone();
    assert_eq!(bench.get(PENDING).await["Attributes"], current);
    assert_eq!(bench.patch_fresh(PENDING, change.clone()).await.status, 200);
    let pending = bench.get(PENDING).await["Attributes"].clone();
    assert_eq!(pending["Memory_PatrolScrub"], "Disabled");
    assert_eq!(pending.as_object().unwrap().len(), current.as_object().unwrap().len());
    assert_eq!(bench.get(BIOS).await["Attributes"], current);
    let short = Bench::new(Lenovo, &["pending-is-full", "bios-patch-answers-200"]);
    assert_eq!(short.patch_fresh(PENDING, change.clone()).await.status, 204);
    assert_eq!(short.get(PENDING).await["Attributes"], change["Attributes"]);
}

#[tokio::test(start_paused = true)]
async fn an_operating_mode_locks_and_sets_what_it_covers() {
    let states = json!({"Attributes": {"Processors_CStates": "Legacy"}});
    let bench = bench(&[]);
    let refused = bench.patch_fresh(PENDING, states.clone()).await;
    assert_eq!((refused.status, refused.ids()), (400, vec!["PropertyNotWritable"]));
    let mode = json!({"Attributes": {"OperatingModes_ChooseOperatingMode": "MaximumPerformance"}});
    assert_eq!(bench.patch_fresh(PENDING, mode).await.status, 200);
    bench.reset("On").await;
    bench.state("post", "done").await;
    assert_eq!(bench.get(BIOS).await["Attributes"]["Processors_CStates"], "Disabled");
    assert_eq!(Bench::new(Lenovo, &["operating-mode-locks"]).patch_fresh(PENDING, states).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_registry_is_among_the_schemas() {
    let file = "/redfish/v1/Registries/BiosAttributeRegistry.1.0.0";
    let bench = bench(&[]);
    let at = bench.get(file).await["Location"][0]["Uri"].as_str().unwrap().to_owned();
    assert!(at.starts_with("/redfish/v1/schemas/"));
    let lock = bench.get(&at).await["RegistryEntries"]["Dependencies"][0]["Dependency"].clone();
    assert_eq!(lock["MapToProperty"], "GrayOut");
    let plain = Bench::new(Lenovo, &["registry-among-schemas", "locks-are-gray-out"]);
    assert_eq!(plain.call(Method::GET, &at, None).await.status, 404);
    let document = plain.get(&format!("{file}/Document")).await;
    assert_eq!(document["RegistryEntries"]["Dependencies"][0]["Dependency"]["MapToProperty"], "ReadOnly");
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_there_when_its_post_is_answered() {
    let bench = bench(&[]);
    let made = bench.post(VOLUMES, volume("data", &["Disk.0"])).await;
    assert_eq!((made.status, &made.body["Name"]), (201, &json!("data")));
    assert_eq!(made.body["CapacityBytes"], 100_000_000_000_u64 / 1_048_576 * 1_048_576);
    // The drive that was named does not matter: all free ones were taken.
    assert_eq!(made.body["Links"]["Drives"].as_array().unwrap().len(), 2);
    let path = made.headers["location"].to_str().unwrap();
    let initialize = format!("{path}/Actions/Volume.Initialize");
    assert_eq!(bench.post(&initialize, json!({"InitializeType": "Slow"})).await.status, 400);
    assert_eq!(bench.post(&initialize, json!({"InitializeType": "Fast"})).await.status, 204);
    assert_eq!(bench.call(Method::DELETE, path, None).await.status, 204);
    assert_eq!(bench.get(VOLUMES).await["Members"], json!([]));

    let choosing = Bench::new(Lenovo, &["volume-of-all-free-drives"]);
    let made = choosing.post(VOLUMES, volume("data", &["Disk.0"])).await;
    assert_eq!(made.body["Links"]["Drives"].as_array().unwrap().len(), 1);
    let by_task = Bench::new(Lenovo, &["volumes-at-once"]);
    assert_eq!(by_task.post(VOLUMES, volume("data", &["Disk.0"])).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_volume_is_an_internal_error() {
    let long = volume("a-name-of-16-chr", &[]);
    let bench = bench(&[]);
    let refused = bench.post(VOLUMES, long.clone()).await;
    assert_eq!((refused.status, refused.ids()), (500, vec!["InternalError"]));
    assert_eq!(bench.post(VOLUMES, json!({"RAIDType": "RAID0"})).await.status, 400);
    let telling = Bench::new(Lenovo, &["storage-errors-500"]).post(VOLUMES, long).await;
    assert_eq!((telling.status, telling.ids()), (400, vec!["PropertyValueIncorrect"]));
}

#[tokio::test(start_paused = true)]
async fn logs_are_the_systems() {
    let bench = bench(&[]);
    let logs = bench.get("/redfish/v1/Managers/1").await["LogServices"]["@odata.id"].clone();
    assert_eq!(logs, "/redfish/v1/Systems/1/LogServices");
    let entries = bench.get("/redfish/v1/Systems/1/LogServices/PlatformLog/Entries").await;
    assert!(entries["Members"].is_array());
    let plain = Bench::new(Lenovo, &["logs-below-the-system"]);
    let logs = plain.get("/redfish/v1/Managers/1").await["LogServices"]["@odata.id"].clone();
    assert_eq!(logs, "/redfish/v1/Managers/1/LogServices");
}

#[tokio::test(start_paused = true)]
async fn sessions_end_after_five_idle_minutes() {
    for (without, left) in [(&[][..], 0), (&["session-timeout-300"][..], 1)] {
        let bench = Bench::new(Lenovo, without);
        assert_eq!(bench.log_in(PASSWORD).await.status, 201);
        bench.wait(301).await;
        let sessions = bench.get("/redfish/v1/SessionService/Sessions").await;
        assert_eq!(sessions["Members"].as_array().unwrap().len(), left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_can_be_claimed_and_goes_to_a_path_of_its_own() {
    let service = "/redfish/v1/UpdateService";
    let bench = bench(&[]);
    assert_eq!(bench.get(service).await["HttpPushUriTargetsBusy"], false);
    assert_eq!(bench.patch_fresh(service, json!({"HttpPushUriTargetsBusy": true})).await.status, 204);
    assert_eq!(bench.get(service).await["HttpPushUriTargetsBusy"], true);
    assert_eq!(bench.patch_fresh(service, json!({"HttpPushUriTargets": "BMC"})).await.status, 400);
    let service = bench.get(service).await;
    let (raw, form) =
        (service["HttpPushUri"].as_str().unwrap(), service["MultipartHttpPushUri"].as_str().unwrap());
    let lxpm = "/redfish/v1/UpdateService/FirmwareInventory/LXPM";
    assert_eq!(bench.push_raw(raw, &Package::new("LXPM", "33B-3.31").build()).await.status, 202);
    bench.wait(600).await;
    assert_eq!(bench.get(lxpm).await["Version"], "33B-3.31");
    assert_eq!(bench.push(form, &Package::new("LXPM", "33C-3.32").build(), &json!({})).await.status, 202);
    bench.wait(600).await;
    assert_eq!(bench.get(lxpm).await["Version"], "33C-3.32");
}

#[tokio::test(start_paused = true)]
async fn the_network_to_the_bmc_is_listed_among_the_ports() {
    let path = "/redfish/v1/Systems/1/EthernetInterfaces";
    let bench = bench(&[]);
    assert_eq!(bench.get(path).await["Members"].as_array().unwrap().len(), 5);
    let own = bench.get(&format!("{path}/ToManager")).await;
    let host = own["Links"]["HostInterface"]["@odata.id"].as_str().unwrap();
    assert_eq!(bench.get(host).await["ExternallyAccessible"], false);
    let plain = Bench::new(Lenovo, &["host-interface-among-ports"]);
    assert_eq!(plain.get(path).await["Members"].as_array().unwrap().len(), 4);
    assert_eq!(plain.call(Method::GET, &format!("{path}/ToManager"), None).await.status, 404);
}
