//! Firmware, whole configurations, readiness, sessions: each difference on and off.

use http::{Method, Request};
use serde_json::{Value, json};

use super::{MANAGER, SYSTEM, bench};
use crate::package::Package;
use crate::personality::bench::{Answer, Bench, PASSWORD, authorization};
use crate::personality::idrac::{Generation, Idrac};

const SERVICE: &str = "/redfish/v1/UpdateService";
const IMAGE: &str = "http://images.example/bios.exe";
const EXPORT: &str =
    "/redfish/v1/Managers/iDRAC.Embedded.1/Actions/Oem/EID_674_Manager.ExportSystemConfiguration";
const IMPORT: &str =
    "/redfish/v1/Managers/iDRAC.Embedded.1/Actions/Oem/EID_674_Manager.ImportSystemConfiguration";
const ATTRIBUTES: &str = "/redfish/v1/Managers/iDRAC.Embedded.1/Oem/Dell/DellAttributes/iDRAC.Embedded.1";

async fn update(bench: &Bench, url: &str) -> Answer {
    bench.post(&format!("{SERVICE}/Actions/UpdateService.SimpleUpdate"), json!({"ImageURI": url})).await
}

fn task(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.headers["location"].to_str().unwrap().to_owned()
}

async fn ends(bench: &Bench, task: &str, state: &str) {
    let id = task.rsplit('/').next().unwrap();
    bench.state(&format!("job:{id}"), state).await;
}

async fn ids(bench: &Bench) -> Vec<String> {
    let list = bench.get(&format!("{SERVICE}/FirmwareInventory")).await;
    let members = list["Members"].as_array().unwrap().iter();
    members.map(|one| one["@odata.id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_update_leaves_what_went_before_and_its_task_is_gone_before_its_job() {
    let bench = bench(&[]);
    bench.net.put(IMAGE, Package::new("BIOS.Setup.1-1", "1.10.2").build());
    let task = task(&update(&bench, IMAGE).await);
    assert!(task.contains("/TaskService/Tasks/JID_"));
    ends(&bench, &task, "Scheduled").await;
    bench.reset("On").await;
    ends(&bench, &task, "Completed").await;
    let ids = ids(&bench).await;
    for id in ["Installed-159-1.10.2__BIOS.Setup.1-1", "Previous-159-1.9.2__BIOS.Setup.1-1"] {
        assert!(ids.iter().any(|one| one == id), "{id}: {ids:?}");
    }
    assert_eq!(bench.get(&task).await["Oem"]["Dell"]["JobState"], "Completed");
    bench.wait(601).await;
    assert_eq!(bench.call(Method::GET, &task, None).await.status, 404);
    let job = task.replace("/redfish/v1/TaskService/Tasks", &format!("{MANAGER}/Oem/Dell/Jobs"));
    assert_eq!(bench.get(&job).await["JobState"], "Completed");

    let plain = super::bench(&["inventory-has-backups", "task-gone-job-left", "dell-job-states"]);
    plain.net.put(IMAGE, Package::new("104684", "52.30").build());
    let task = self::task(&update(&plain, IMAGE).await);
    ends(&plain, &task, "Completed").await;
    plain.wait(3600).await;
    assert_eq!(plain.get(&task).await["Oem"]["Dell"]["JobState"], "Completed");
    assert!(self::ids(&plain).await.contains(&"159".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_idrac_that_is_back_is_not_ready_at_once() {
    let bench = bench(&[]);
    bench.net.put(IMAGE, Package::new("BMC", "6.10.80.00").build());
    task(&update(&bench, IMAGE).await);
    bench.state("firmware:iDRAC.Embedded.1-1", "6.10.80.00").await;
    bench.wait(185).await;
    let early = bench.call(Method::GET, MANAGER, None).await;
    assert_eq!((early.status, early.ids()), (400, vec!["SWC0700"]));
    bench.wait(60).await;
    assert_eq!(bench.get(MANAGER).await["FirmwareVersion"], "6.10.80.00");
    let busy = update(&bench, IMAGE).await;
    assert_eq!((busy.status, busy.ids()), (503, vec!["LC060"]));
    bench.wait(60).await;
    assert_eq!(update(&bench, IMAGE).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn a_query_fails_old_firmware() {
    let url = format!("{IMAGE}?token=1");
    for (without, state) in [(vec![], "Failed"), (vec!["firmware-url-query"], "Completed")] {
        let bench = Bench::new(Idrac(Generation::NineOld), &without);
        bench.net.put(&url, Package::new("104684", "52.30").build());
        let task = task(&update(&bench, &url).await);
        ends(&bench, &task, state).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_configuration_is_exported_in_both_forms() {
    let bench = bench(&[]);
    let share = json!({"Target": ["BIOS", "RAID"]});
    let asked = |format: &str| json!({"ExportFormat": format, "ShareParameters": share});
    let json_task = task(&bench.post(EXPORT, asked("JSON")).await);
    assert_eq!(bench.post(EXPORT, asked("JSON")).await.ids(), ["SYS431"]);
    assert_eq!(bench.get(&json_task).await["TaskState"], "New");
    ends(&bench, &json_task, "Completed").await;
    let document = bench.get(&json_task).await;
    let bios = &document["SystemConfiguration"]["Components"][0];
    assert_eq!(bios["FQDD"], "BIOS.Setup.1-1");
    let xml_task = task(&bench.post(EXPORT, asked("XML")).await);
    ends(&bench, &xml_task, "Completed").await;
    let xml = bench.call(Method::GET, &xml_task, None).await;
    let text = String::from_utf8(xml.raw.to_vec()).unwrap();
    assert!(text.contains("<Component FQDD=\"RAID.SL.3-1\">"), "{text}");
    let list = json!({"ExportFormat": "XML", "ShareParameters": {"Target": "ALL"}});
    assert_eq!(bench.post(EXPORT, list.clone()).await.status, 400);
    assert_eq!(super::bench(&["scp-target-list"]).post(EXPORT, list).await.status, 202);
}

fn profile(parts: &Value) -> Value {
    let buffer = json!({"SystemConfiguration": {"Components": parts}}).to_string();
    json!({"ImportBuffer": buffer, "ShutdownType": "Forced", "ShareParameters": {"Target": ["ALL"]}})
}

fn setting(name: &str, value: &str) -> Value {
    json!({"Name": name, "Value": value, "Set On Import": "True"})
}

#[tokio::test(start_paused = true)]
async fn an_imported_configuration_is_applied_in_post() {
    let bench = bench(&[]);
    let bay = |number: u32| {
        setting("IncludedPhysicalDiskID", &format!("Disk.Bay.{number}:Enclosure.Internal.0-1:RAID.SL.3-1"))
    };
    let volume = json!({"FQDD": "Disk.Virtual.0:RAID.SL.3-1", "Attributes": [
        setting("RAIDaction", "Create"), setting("Name", "data"), setting("RAIDTypes", "RAID 1"), bay(0), bay(1)]});
    let parts = json!([
        {"FQDD": "BIOS.Setup.1-1", "Attributes": [setting("LogicalProc", "Disabled"), setting("NoSuch", "x")]},
        {"FQDD": "iDRAC.Embedded.1", "Attributes": [setting("NIC.1#DNSRacName", "rack-1")]},
        {"FQDD": "RAID.SL.3-1", "Attributes": [], "Components": [volume]},
    ]);
    let task = task(&bench.post(IMPORT, profile(&parts)).await);
    ends(&bench, &task, "CompletedWithErrors").await;
    assert_eq!(bench.get(&format!("{SYSTEM}/Bios")).await["Attributes"]["LogicalProc"], "Disabled");
    assert_eq!(bench.get(ATTRIBUTES).await["Attributes"]["NIC.1.DNSRacName"], "rack-1");
    let made = bench.get(&format!("{SYSTEM}/Storage/RAID.SL.3-1/Volumes/Disk.Virtual.0:RAID.SL.3-1")).await;
    assert_eq!(made["Name"], "data");
    let said = bench.get(&task).await["Messages"][0]["Message"].clone();
    assert!(said.as_str().unwrap().contains("NoSuch"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_buffer_has_no_whitespace() {
    let xml = |between: &str| {
        let open = "<SystemConfiguration><Component FQDD=\"iDRAC.Embedded.1\">";
        let set = |name: &str, value: &str| format!("<Attribute Name=\"{name}\">{value}</Attribute>");
        let once = set("ServerBoot.1#BootOnce", "Enabled");
        let device = set("ServerBoot.1#FirstBootDevice", "VCD-DVD");
        let buffer = format!("{open}{between}{once}{device}</Component></SystemConfiguration>");
        json!({"ImportBuffer": buffer, "ShareParameters": {"Target": ["ALL"]}})
    };
    let bench = bench(&[]);
    assert_eq!(bench.post(IMPORT, xml("\n")).await.status, 400);
    let task = task(&bench.post(IMPORT, xml("")).await);
    ends(&bench, &task, "Completed").await;
    assert_eq!(bench.get(ATTRIBUTES).await["Attributes"]["ServerBoot.1.FirstBootDevice"], "VCD-DVD");
    assert_eq!(super::bench(&["scp-no-whitespace"]).post(IMPORT, xml("\n")).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn lockdown_stands_in_the_way_of_configuration() {
    let bench = bench(&[]);
    let lock = |word: &str| json!({"Attributes": {"Lockdown.1.SystemLockdown": word}});
    assert_eq!(bench.patch(ATTRIBUTES, lock("Enabled")).await.status, 200);
    let settings = json!({"Attributes": {"LogicalProc": "Disabled"}});
    let refused = bench.patch(&format!("{SYSTEM}/Bios/Settings"), settings.clone()).await;
    assert_eq!((refused.status, refused.ids()), (403, vec!["SYS406"]));
    let registry = bench.get(&format!("{SYSTEM}/Bios/BiosRegistry")).await;
    let entries = registry["RegistryEntries"]["Attributes"].as_array().unwrap();
    assert!(entries.iter().all(|entry| entry["ReadOnly"] == true));
    assert_eq!(bench.patch(ATTRIBUTES, lock("Disabled")).await.status, 200);
    assert_eq!(bench.patch(&format!("{SYSTEM}/Bios/Settings"), settings).await.status, 200);
    assert_eq!(bench.patch(ATTRIBUTES, lock("Perhaps")).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn media_that_is_detached_takes_nothing() {
    let insert = format!("{SYSTEM}/VirtualMedia/1/Actions/VirtualMedia.InsertMedia");
    let image = json!({"Image": crate::personality::bench::ISO});
    let attach = |word: &str| json!({"Attributes": {"VirtualMedia.1.Attached": word}});
    let bench = bench(&[]);
    bench.patch(ATTRIBUTES, attach("Detached")).await;
    assert_eq!(bench.post(&insert, image.clone()).await.ids(), ["VRM0021"]);
    bench.patch(ATTRIBUTES, attach("AutoAttach")).await;
    assert_eq!(bench.post(&insert, image).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn shares_have_forms_of_their_own() {
    let insert = format!("{SYSTEM}/VirtualMedia/1/Actions/VirtualMedia.InsertMedia");
    let bench = bench(&[]);
    bench.net.put("nfs://192.0.2.9/isos/a.iso", vec![0; 4096]);
    let url = bench.post(&insert, json!({"Image": "nfs://192.0.2.9/isos/a.iso"})).await;
    assert_eq!(url.status, 400);
    assert_eq!(bench.post(&insert, json!({"Image": "192.0.2.9:/isos/a.iso"})).await.status, 204);
    let shown = bench.get(&format!("{SYSTEM}/VirtualMedia/1")).await;
    assert_eq!(shown["Image"], "192.0.2.9:/isos/a.iso");
}

#[tokio::test(start_paused = true)]
async fn sessions_of_an_idrac8_are_at_their_older_place() {
    let bench = Bench::new(Idrac(Generation::Eight), &[]);
    assert_eq!(bench.log_in(PASSWORD).await.status, 404);
    let root = bench.get("/redfish/v1").await;
    assert_eq!(root["Links"]["Sessions"]["@odata.id"], "/redfish/v1/Sessions");
    let body = json!({"UserName": "admin", "Password": PASSWORD}).to_string();
    let request = Request::post("/redfish/v1/Sessions").header("content-type", "application/json");
    let made = bench.send(request.body(body.into()).unwrap()).await;
    assert_eq!(made.status, 201);
    let place = made.headers["location"].to_str().unwrap();
    assert_eq!(bench.call(Method::DELETE, place, None).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn an_action_takes_no_if_match_on_idrac10() {
    let path = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    for (without, status) in [(vec![], 412), (vec!["no-if-match-on-actions"], 204)] {
        let bench = Bench::new(Idrac(Generation::Ten), &without);
        let request = Request::post(&path)
            .header("authorization", authorization())
            .header("content-type", "application/json")
            .header("if-match", "*");
        let answer = bench.send(request.body(json!({"ResetType": "On"}).to_string().into()).unwrap()).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_shows_in_an_attribute_before_it_comes() {
    let reset = format!("{MANAGER}/Actions/Manager.Reset");
    let bench = Bench::new(Idrac(Generation::NineNew), &[]);
    assert_eq!(bench.post(&reset, json!({"ResetType": "GracefulRestart"})).await.status, 204);
    assert_eq!(bench.get(ATTRIBUTES).await["Attributes"]["Redfish.1.iDRACRebootInProgress"], true);
    bench.state("bmc", "resetting").await;
    bench.wait(155).await;
    assert_eq!(bench.get(ATTRIBUTES).await["Attributes"]["Redfish.1.iDRACRebootInProgress"], false);
}
