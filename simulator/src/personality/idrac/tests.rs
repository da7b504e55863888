//! The way a server is installed, and each difference on and off.

mod generations;
mod storage;
mod upkeep;

use http::Method;
use serde_json::json;

use super::{Generation, Idrac};
use crate::personality::bench::{Bench, ISO, PASSWORD};

const SYSTEM: &str = "/redfish/v1/Systems/System.Embedded.1";
const MANAGER: &str = "/redfish/v1/Managers/iDRAC.Embedded.1";

fn bench(without: &[&str]) -> Bench {
    Bench::new(Idrac(Generation::Nine), without)
}

fn slot(action: &str) -> String {
    format!("{SYSTEM}/VirtualMedia/1/Actions/VirtualMedia.{action}")
}

#[tokio::test(start_paused = true)]
async fn every_link_leads_somewhere() {
    assert!(bench(&[]).crawl().await > 60);
}

#[tokio::test(start_paused = true)]
async fn it_says_who_it_is() {
    let bench = bench(&[]);
    let root = bench.get("/redfish/v1").await;
    assert_eq!(root["Vendor"], "Dell");
    let system = bench.get(SYSTEM).await;
    assert_eq!(system["SKU"], root["Oem"]["Dell"]["ServiceTag"]);
    assert_ne!(system["SKU"], system["SerialNumber"]);
    assert_eq!(bench.get(MANAGER).await["Model"], "15G Monolithic");
}

#[tokio::test(start_paused = true)]
async fn a_server_is_installed_from_its_virtual_cd() {
    let bench = bench(&[]);
    assert_eq!(bench.post(&slot("InsertMedia"), json!({"Image": ISO})).await.status, 204);
    let shown = bench.get(&format!("{MANAGER}/VirtualMedia/CD")).await;
    assert_eq!((&shown["Image"], &shown["Inserted"]), (&json!(ISO), &json!(true)));
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
    assert_eq!(bench.patch(SYSTEM, boot).await.status, 200);
    bench.reset("On").await;
    bench.state("callback", "Rebooting").await;
    assert_eq!(bench.post(&slot("EjectMedia"), json!({})).await.status, 204);
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["Cd", "Hdd"]);
    assert_eq!(bench.net.posts().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_ejected_slot_is_stale_for_a_while() {
    let bench = bench(&[]);
    bench.post(&slot("InsertMedia"), json!({"Image": ISO})).await;
    let again = bench.post(&slot("InsertMedia"), json!({"Image": ISO})).await;
    assert!(again.ids().contains(&"VRM0012"), "{}", again.body);
    bench.post(&slot("EjectMedia"), json!({})).await;
    assert_eq!(bench.get(&format!("{SYSTEM}/VirtualMedia/1")).await["Inserted"], true);
    assert_eq!(bench.post(&slot("InsertMedia"), json!({"Image": ISO})).await.status, 500);
    bench.wait(5).await;
    assert_eq!(bench.get(&format!("{SYSTEM}/VirtualMedia/1")).await["Inserted"], false);
    assert_eq!(bench.post(&slot("InsertMedia"), json!({"Image": ISO})).await.status, 204);

    let prompt = Bench::new(Idrac(Generation::Nine), &["stale-inserted"]);
    prompt.post(&slot("InsertMedia"), json!({"Image": ISO})).await;
    prompt.post(&slot("EjectMedia"), json!({})).await;
    assert_eq!(prompt.post(&slot("InsertMedia"), json!({"Image": ISO})).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn eject_wants_a_body_and_a_medium() {
    let bench = bench(&[]);
    assert_eq!(bench.post(&slot("EjectMedia"), json!({})).await.status, 500);
    bench.post(&slot("InsertMedia"), json!({"Image": ISO})).await;
    assert_eq!(bench.call(Method::POST, &slot("EjectMedia"), None).await.status, 400);
    let lenient = Bench::new(Idrac(Generation::Nine), &["eject-needs-body", "eject-empty-500"]);
    assert_eq!(lenient.call(Method::POST, &slot("EjectMedia"), None).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn an_image_is_looked_at_when_it_is_inserted() {
    let bench = bench(&[]);
    let missing = bench.post(&slot("InsertMedia"), json!({"Image": "http://images.example/x.iso"})).await;
    assert_eq!((missing.status, missing.ids()), (500, vec!["RAC0720"]));
    bench.net.put("http://images.example/x.bin", vec![0; 64]);
    let suffix = bench.post(&slot("InsertMedia"), json!({"Image": "http://images.example/x.bin"})).await;
    assert_eq!(suffix.status, 400);
    let lenient = Bench::new(Idrac(Generation::Nine), &["image-suffix"]);
    lenient.net.put("http://images.example/x.bin", vec![0; 64]);
    let taken = lenient.post(&slot("InsertMedia"), json!({"Image": "http://images.example/x.bin"})).await;
    assert_eq!(taken.status, 204);
}

#[tokio::test(start_paused = true)]
async fn slots_are_below_the_manager_too() {
    let bench = bench(&[]);
    assert_eq!(bench.call(Method::GET, &format!("{SYSTEM}/VirtualMedia/CD"), None).await.status, 404);
    assert_eq!(bench.call(Method::GET, &format!("{MANAGER}/VirtualMedia/1"), None).await.status, 404);
    let alone = Bench::new(Idrac(Generation::Nine), &["media-in-both-places"]);
    assert_eq!(alone.call(Method::GET, &format!("{MANAGER}/VirtualMedia"), None).await.status, 404);
}

fn settings(attributes: serde_json::Value, when: Option<&str>) -> serde_json::Value {
    let mut body = json!({"Attributes": attributes});
    if let Some(when) = when {
        body["@Redfish.SettingsApplyTime"] = json!({"ApplyTime": when});
    }
    body
}

#[tokio::test(start_paused = true)]
async fn bios_settings_take_a_job_that_runs_in_post() {
    let bench = bench(&[]);
    let pending = format!("{SYSTEM}/Bios/Settings");
    let wanted = json!({"ProcCStates": "Disabled", "SysProfile": "Custom"});
    let made = bench.patch(&pending, settings(wanted, Some("OnReset"))).await;
    assert_eq!(made.status, 202);
    let job = made.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(bench.get(&job).await["JobState"], "Scheduled");
    assert_eq!(bench.get(&pending).await["Attributes"]["ProcCStates"], "Disabled");
    let refused = bench.patch(&pending, settings(json!({"AssetTag": "x"}), None)).await;
    assert_eq!((refused.status, refused.ids()), (400, vec!["RAC0773"]));
    bench.reset("On").await;
    bench.wait(70).await;
    assert_eq!(bench.get(&job).await["JobState"], "Running");
    assert_eq!(bench.get(&format!("{SYSTEM}/Bios")).await["Attributes"]["ProcCStates"], "Enabled");
    let task = job.replace(&format!("{MANAGER}/Oem/Dell/Jobs"), "/redfish/v1/TaskService/Tasks");
    assert_eq!(bench.get(&task).await["TaskState"], "Running");
    bench.state("post", "done").await;
    assert_eq!(bench.get(&job).await["JobState"], "Completed");
    assert_eq!(bench.get(&format!("{SYSTEM}/Bios")).await["Attributes"]["ProcCStates"], "Disabled");
    assert_eq!(bench.get(&pending).await["Attributes"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn settings_without_an_apply_time_wait_for_a_job() {
    let bench = bench(&[]);
    let pending = format!("{SYSTEM}/Bios/Settings");
    let off = settings(json!({"LogicalProc": "Disabled"}), None);
    assert_eq!(bench.patch(&pending, off.clone()).await.status, 200);
    bench.reset("On").await;
    bench.state("post", "done").await;
    assert_eq!(bench.get(&format!("{SYSTEM}/Bios")).await["Attributes"]["LogicalProc"], "Enabled");
    let target = json!({"TargetSettingsURI": pending});
    let queue = format!("{MANAGER}/Oem/Dell/Jobs");
    let made = bench.post(&queue, target.clone()).await;
    let job = made.headers["location"].to_str().unwrap().to_owned();
    let deleted = bench.call(Method::DELETE, &job, None).await;
    assert_eq!(deleted.status, 200);
    assert_eq!(bench.get(&pending).await["Attributes"], json!({}));
    assert_eq!(bench.post(&queue, target).await.ids(), ["BIOS008"]);

    let plain = Bench::new(Idrac(Generation::Nine), &["bios-job"]);
    assert_eq!(plain.patch(&pending, off).await.status, 200);
    plain.reset("On").await;
    plain.state("post", "done").await;
    assert_eq!(plain.get(&format!("{SYSTEM}/Bios")).await["Attributes"]["LogicalProc"], "Disabled");
}

#[tokio::test(start_paused = true)]
async fn refused_settings_are_named_and_nothing_is_staged() {
    let bench = bench(&[]);
    let pending = format!("{SYSTEM}/Bios/Settings");
    for (attributes, id) in [
        (json!({"ProcCStates": "Disabled"}), "SYS410"),
        (json!({"SystemModelName": "x"}), "SYS410"),
        (json!({"LogicalProc": "Perhaps"}), "SYS426"),
        (json!({"LogicalProc": 1}), "SYS424"),
        (json!({"NoSuchThing": "x"}), "SYS429"),
    ] {
        let answer = bench.patch(&pending, settings(attributes, Some("OnReset"))).await;
        assert_eq!((answer.status, answer.ids()[0]), (400, id));
    }
    let now = bench.patch(&pending, settings(json!({"LogicalProc": "Disabled"}), Some("Immediate"))).await;
    assert_eq!(now.status, 400);
    assert_eq!(bench.get(&pending).await["Attributes"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn the_registry_drifts_and_shows_present_locks() {
    let bench = bench(&[]);
    let bios = bench.get(&format!("{SYSTEM}/Bios")).await;
    let registries = bench.get("/redfish/v1/Registries").await;
    let file = bench.get(registries["Members"][0]["@odata.id"].as_str().unwrap()).await;
    assert_ne!(bios["AttributeRegistry"], file["Id"]);
    let document = bench.get(file["Location"][0]["Uri"].as_str().unwrap()).await;
    let entries = document["RegistryEntries"]["Attributes"].as_array().unwrap();
    let c_states = entries.iter().find(|entry| entry["AttributeName"] == "ProcCStates").unwrap();
    assert_eq!(c_states["ReadOnly"], true);

    let plain =
        Bench::new(Idrac(Generation::Nine), &["registry-version-drift", "registry-read-only-is-live"]);
    let path = format!("/redfish/v1/Registries/{}", bios["AttributeRegistry"].as_str().unwrap());
    let file = plain.get(&path).await;
    let document = plain.get(file["Location"][0]["Uri"].as_str().unwrap()).await;
    let entries = document["RegistryEntries"]["Attributes"].as_array().unwrap();
    let c_states = entries.iter().find(|entry| entry["AttributeName"] == "ProcCStates").unwrap();
    assert_eq!(c_states["ReadOnly"], false);
}

#[tokio::test(start_paused = true)]
async fn a_changed_boot_mode_takes_a_job() {
    let bench = bench(&[]);
    let mode = |mode: &str| json!({"Boot": {"BootSourceOverrideMode": mode}});
    assert_eq!(bench.patch(SYSTEM, mode("UEFI")).await.status, 200);
    assert_eq!(bench.patch(SYSTEM, mode("Legacy")).await.status, 202);
    assert_eq!(bench.get(SYSTEM).await["Boot"]["BootSourceOverrideMode"], "UEFI");
    bench.reset("On").await;
    bench.state("post", "done").await;
    assert_eq!(bench.get(SYSTEM).await["Boot"]["BootSourceOverrideMode"], "Legacy");

    let plain = Bench::new(Idrac(Generation::Nine), &["boot-mode-by-job"]);
    assert_eq!(plain.patch(SYSTEM, mode("Legacy")).await.status, 200);
    assert_eq!(plain.get(SYSTEM).await["Boot"]["BootSourceOverrideMode"], "Legacy");
}

#[tokio::test(start_paused = true)]
async fn the_session_table_is_full_at_eight() {
    let bench = bench(&[]);
    let mut first = None;
    for _ in 0..8 {
        let session = bench.log_in(PASSWORD).await;
        assert_eq!(session.status, 201);
        assert!(session.headers.contains_key("x-auth-token"));
        first.get_or_insert(session.headers["location"].to_str().unwrap().to_owned());
    }
    let full = bench.log_in(PASSWORD).await;
    assert_eq!((full.status, full.ids()), (400, vec!["RAC0218"]));
    assert_eq!(bench.call(Method::DELETE, &first.unwrap(), None).await.status, 204);
    assert_eq!(bench.log_in(PASSWORD).await.status, 201);
    bench.wait(1801).await;
    assert_eq!(bench.log_in(PASSWORD).await.status, 201);

    let roomy = Bench::new(Idrac(Generation::Nine), &["session-table-of-8"]);
    for _ in 0..9 {
        assert_eq!(roomy.log_in(PASSWORD).await.status, 201);
    }
}

#[tokio::test(start_paused = true)]
async fn three_wrong_passwords_close_the_door_for_a_minute() {
    let bench = bench(&[]);
    for _ in 0..3 {
        assert_eq!(bench.log_in("wrong").await.ids(), ["RAC0212"]);
    }
    assert_eq!(bench.log_in(PASSWORD).await.status, 401);
    bench.wait(61).await;
    assert_eq!(bench.log_in(PASSWORD).await.status, 201);

    let open = Bench::new(Idrac(Generation::Nine), &["ip-blocking"]);
    for _ in 0..4 {
        open.log_in("wrong").await;
    }
    assert_eq!(open.log_in(PASSWORD).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_reached_is_a_conflict() {
    let path = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    let off = json!({"ResetType": "ForceOff"});
    assert_eq!(bench(&[]).post(&path, off.clone()).await.status, 409);
    assert_eq!(bench(&["power-already-409"]).post(&path, off).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_a_query() {
    let bench = bench(&[]);
    let path = format!("{MANAGER}/Oem/Dell/DellLCService/Actions/DellLCService.GetRemoteServicesAPIStatus");
    let status = bench.post(&path, json!({})).await;
    assert_eq!(
        (&status.body["LCStatus"], &status.body["ServerStatus"]),
        (&json!("Ready"), &json!("PoweredOff"))
    );
    assert_eq!(bench.simulator.log().count(crate::log::Class::Change), 0);
}

#[tokio::test(start_paused = true)]
async fn restoring_the_bios_wants_a_body() {
    let path = format!("{SYSTEM}/Bios/Actions/Bios.ResetBios");
    assert_eq!(bench(&[]).call(Method::POST, &path, None).await.status, 400);
    assert_eq!(bench(&["reset-bios-needs-body"]).call(Method::POST, &path, None).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn if_match_has_to_name_the_current_version() {
    let bench = bench(&[]);
    let tag = bench.call(Method::GET, SYSTEM, None).await.headers["etag"].to_str().unwrap().to_owned();
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}});
    assert_eq!(bench.patch_if(SYSTEM, &tag, boot.clone()).await.status, 200);
    assert_eq!(bench.patch_if(SYSTEM, &tag, boot).await.status, 412);
}

#[tokio::test(start_paused = true)]
async fn clearing_the_queue_takes_waiting_settings_along() {
    let bench = bench(&[]);
    let pending = format!("{SYSTEM}/Bios/Settings");
    bench.patch(&pending, settings(json!({"LogicalProc": "Disabled"}), Some("OnReset"))).await;
    let service = format!("{MANAGER}/Oem/Dell/DellJobService/Actions/DellJobService.DeleteJobQueue");
    assert_eq!(bench.post(&service, json!({"JobID": "JID_CLEARALL"})).await.status, 200);
    assert_eq!(bench.get(&pending).await["Attributes"], json!({}));
    assert_eq!(bench.get("/redfish/v1/JobService/Jobs").await["Members"], json!([]));
    let again = bench.patch(&pending, settings(json!({"LogicalProc": "Disabled"}), Some("OnReset"))).await;
    assert_eq!(again.status, 202);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_post_is_cut_short_runs_in_the_next() {
    let bench = bench(&[]);
    let pending = format!("{SYSTEM}/Bios/Settings");
    let made = bench.patch(&pending, settings(json!({"LogicalProc": "Disabled"}), Some("OnReset"))).await;
    let job = made.headers["location"].to_str().unwrap().to_owned();
    bench.reset("On").await;
    bench.wait(70).await;
    assert_eq!(bench.get(&job).await["JobState"], "Running");
    bench.reset("ForceOff").await;
    bench.wait(30).await;
    assert_eq!(bench.get(&job).await["JobState"], "Running");
    bench.reset("On").await;
    bench.state("post", "done").await;
    assert_eq!(bench.get(&job).await["JobState"], "Completed");
}
