//! Storage in Dell's ways, each on and off.

use http::Method;
use serde_json::{Value, json};

use super::{MANAGER, SYSTEM};
use crate::personality::bench::{Answer, Bench};
use crate::personality::idrac::{Generation, Idrac};

const PERC: &str = "/redfish/v1/Systems/System.Embedded.1/Storage/RAID.SL.3-1";

fn bench(without: &[&str]) -> Bench {
    Bench::new(Idrac(Generation::Nine), without)
}

fn bay(number: u32) -> String {
    format!("Disk.Bay.{number}:Enclosure.Internal.0-1:RAID.SL.3-1")
}

fn links(controller: &str, ids: &[String]) -> Value {
    ids.iter().map(|id| json!({"@odata.id": format!("{controller}/Drives/{id}")})).collect()
}

fn mirror(name: &str) -> Value {
    json!({"Name": name, "RAIDType": "RAID1", "Links": {"Drives": links(PERC, &[bay(0), bay(1)])}})
}

fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.headers["location"].to_str().unwrap().to_owned()
}

async fn over(bench: &Bench, job: &str) -> Value {
    let id = job.rsplit('/').next().unwrap();
    bench.state(&format!("job:{id}"), "Completed").await;
    bench.get(job).await
}

async fn status(bench: &Bench, number: u32) -> Value {
    let drive = bench.get(&format!("{PERC}/Drives/{}", bay(number))).await;
    drive["Oem"]["Dell"]["DellPhysicalDisk"]["RaidStatus"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_mirror_is_a_job_and_drives_go_online() {
    let bench = bench(&[]);
    assert_eq!(status(&bench, 0).await, "Ready");
    let job = location(&bench.post(&format!("{PERC}/Volumes"), mirror("boot")).await);
    assert_eq!(bench.get(&job).await["JobType"], "RealTimeNoRebootConfiguration");
    let busy = bench.post(&format!("{PERC}/Volumes"), mirror("other")).await;
    assert_eq!((busy.status, busy.ids()), (503, vec!["RAC0679"]));
    assert_eq!(over(&bench, &job).await["JobState"], "Completed");
    assert_eq!(status(&bench, 1).await, "Online");
    let volume = bench.get(&format!("{PERC}/Volumes/Disk.Virtual.0:RAID.SL.3-1")).await;
    assert_eq!((&volume["Name"], &volume["VolumeType"]), (&json!("boot"), &json!("Mirrored")));

    let plain = Bench::new(Idrac(Generation::Nine), &["job-running-503", "raid-status-in-oem"]);
    location(&plain.post(&format!("{PERC}/Volumes"), mirror("boot")).await);
    assert_eq!(plain.post(&format!("{PERC}/Volumes"), mirror("other")).await.status, 400);
    assert_eq!(status(&plain, 0).await, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn names_are_short() {
    let long = "sixteen-letters-";
    assert_eq!(bench(&[]).post(&format!("{PERC}/Volumes"), mirror(long)).await.status, 400);
    let lenient = bench(&["volume-name-15"]);
    assert_eq!(lenient.post(&format!("{PERC}/Volumes"), mirror(long)).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn at_once_takes_storage_that_is_ready() {
    let bench = bench(&[]);
    bench.reset("On").await;
    bench.wait(10).await;
    let mut body = mirror("boot");
    body["@Redfish.OperationApplyTime"] = "Immediate".into();
    let refused = bench.post(&format!("{PERC}/Volumes"), body.clone()).await;
    assert_eq!((refused.status, refused.ids()), (503, vec!["SYS518"]));
    bench.state("post", "done").await;
    assert_eq!(bench.post(&format!("{PERC}/Volumes"), body.clone()).await.status, 202);
    let without = super::bench(&["volume-apply-time"]);
    assert_eq!(without.post(&format!("{PERC}/Volumes"), body).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_delete_says_no_time() {
    let bench = bench(&[]);
    let job = location(&bench.post(&format!("{PERC}/Volumes"), mirror("boot")).await);
    over(&bench, &job).await;
    let volume = format!("{PERC}/Volumes/Disk.Virtual.0:RAID.SL.3-1");
    let time = json!({"@Redfish.OperationApplyTime": "Immediate"});
    assert_eq!(bench.call(Method::DELETE, &volume, Some(time)).await.status, 400);
    let job = location(&bench.call(Method::DELETE, &volume, None).await);
    over(&bench, &job).await;
    assert_eq!(bench.call(Method::GET, &volume, None).await.status, 404);
    assert_eq!(status(&bench, 0).await, "Ready");
}

#[tokio::test(start_paused = true)]
async fn drives_are_converted_by_the_raid_service_and_stand_among_the_volumes() {
    let bench = bench(&[]);
    let service = bench.get(SYSTEM).await["Links"]["Oem"]["Dell"]["DellRaidService"]["@odata.id"].clone();
    let service = service.as_str().unwrap().to_owned();
    let action = |name: &str| format!("{service}/Actions/DellRaidService.{name}");
    let refused = bench.patch(&format!("{PERC}/Drives/{}", bay(3)), json!({"HotspareType": "Global"})).await;
    assert_eq!(refused.status, 400);
    let job = location(&bench.post(&action("ConvertToNonRAID"), json!({"PDArray": [bay(3)]})).await);
    over(&bench, &job).await;
    assert_eq!(status(&bench, 3).await, "NonRAID");
    let volumes = bench.get(&format!("{PERC}/Volumes")).await;
    let raw = bench.get(volumes["Members"][0]["@odata.id"].as_str().unwrap()).await;
    assert_eq!((&raw["VolumeType"], &raw["RAIDType"]), (&json!("RawDevice"), &Value::Null));
    let job = location(&bench.post(&action("ConvertToRAID"), json!({"PDArray": [bay(3)]})).await);
    over(&bench, &job).await;
    let job = location(&bench.post(&action("AssignSpare"), json!({"TargetFQDD": bay(3)})).await);
    over(&bench, &job).await;
    assert_eq!(bench.get(&format!("{PERC}/Drives/{}", bay(3))).await["HotspareType"], "Global");

    let boss = json!({"PDArray": ["Disk.Direct.0-0:BOSS.SL.14-1"]});
    assert_eq!(bench.post(&action("ConvertToNonRAID"), boss).await.status, 400);
    let without = super::bench(&["drives-by-raid-service"]);
    assert_eq!(without.call(Method::GET, &service, None).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn older_and_newer_firmware_take_volumes_in_other_forms() {
    let controller = PERC.replace("RAID.SL.3-1", "RAID.Integrated.1-1");
    let drives: Vec<_> =
        (0..2).map(|n| format!("Disk.Bay.{n}:Enclosure.Internal.0-1:RAID.Integrated.1-1")).collect();
    let newer = json!({"RAIDType": "RAID1", "Links": {"Drives": links(&controller, &drives)}});
    let older = json!({"VolumeType": "Mirrored", "Drives": links(&controller, &drives)});
    let old = Bench::new(Idrac(Generation::NineOld), &[]);
    assert_eq!(old.post(&format!("{controller}/Volumes"), newer).await.status, 400);
    assert_eq!(old.post(&format!("{controller}/Volumes"), older.clone()).await.status, 202);
    let ten = Bench::new(Idrac(Generation::Ten), &[]);
    let path = "/redfish/v1/Systems/System.Embedded.1/Storage/RAID.SL.1-1/Volumes";
    assert_eq!(ten.post(path, older).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_queue_goes_by_force_only() {
    let bench = bench(&[]);
    bench.simulator.faults().add(crate::faults::Rule::new("stuck", crate::faults::What::JobsStick));
    let job = location(&bench.post(&format!("{PERC}/Volumes"), mirror("boot")).await);
    bench.simulator.faults().remove("stuck");
    let shown = bench.get(&job).await;
    assert_eq!((&shown["JobState"], &shown["MessageId"]), (&json!("Scheduled"), &json!("PR30")));
    let clear = format!("{MANAGER}/Oem/Dell/DellJobService/Actions/DellJobService.DeleteJobQueue");
    assert_eq!(bench.post(&clear, json!({"JobID": "JID_CLEARALL"})).await.status, 200);
    assert_eq!(bench.get(&job).await["MessageId"], "PR30");
    assert_eq!(bench.post(&clear, json!({"JobID": "JID_CLEARALL_FORCE"})).await.status, 200);
    assert_eq!(bench.call(Method::GET, &job, None).await.status, 404);
    // The lifecycle controller restarts, and the Systems are not listed meanwhile.
    assert_eq!(bench.get("/redfish/v1/Systems").await["Members"], json!([]));
    let ready = format!("{MANAGER}/Oem/Dell/DellLCService/Actions/DellLCService.GetRemoteServicesAPIStatus");
    assert_eq!(bench.post(&ready, json!({})).await.body["LCStatus"], "NotReady");
    bench.wait(121).await;
    assert_eq!(bench.post(&ready, json!({})).await.body["LCStatus"], "Ready");
    assert_eq!(bench.get("/redfish/v1/Systems").await["Members"].as_array().unwrap().len(), 1);
    assert_eq!(bench.post(&format!("{PERC}/Volumes"), mirror("boot")).await.status, 202);
}
