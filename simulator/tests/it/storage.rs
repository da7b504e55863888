//! Storage of a plain machine: made, deleted and erased by tasks, at once or in POST, with what is refused and what is lost.
use http::Method;
use rackhand_simulator::faults::{Rule, What};
use rackhand_simulator::fetch::MemoryFetch;
use rackhand_simulator::machine::Disk;
use rackhand_simulator::{MachineSpec, Simulator};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::plain::{Answer, Bmc, INSERT, ISO, Plain, RESET, SYSTEM, medium};

const CONTROLLER: &str = "/redfish/v1/Systems/1/Storage/RAID1";

/// `node1` with an old system on its first volume.
fn simulator() -> Simulator {
    let net = MemoryFetch::new();
    net.put(ISO, medium());
    let machine = MachineSpec::new("node1", Arc::new(Plain)).old_os();
    Simulator::builder().seed(7).net(Arc::new(net)).machine(machine).build().unwrap()
}

fn drives(ids: &[&str]) -> Value {
    let links = ids.iter().map(|id| json!({"@odata.id": format!("{CONTROLLER}/Drives/{id}")}));
    json!({"Drives": links.collect::<Vec<_>>()})
}

fn volume(name: &str, raid: &str, ids: &[&str]) -> Value {
    json!({"Name": name, "RAIDType": raid, "Links": drives(ids)})
}

async fn create(bmc: &Bmc, body: Value) -> Answer {
    bmc.post(&format!("{CONTROLLER}/Volumes"), body).await.unwrap()
}

async fn names(bmc: &Bmc) -> Vec<String> {
    let list = bmc.get(&format!("{CONTROLLER}/Volumes")).await.unwrap().json();
    let mut names = Vec::new();
    for member in list["Members"].as_array().unwrap() {
        let volume = bmc.get(member["@odata.id"].as_str().unwrap()).await.unwrap().json();
        names.push(volume["Name"].as_str().unwrap().to_owned());
    }
    names
}

async fn task_ends(simulator: &Simulator, answer: &Answer, state: &str) -> String {
    assert_eq!(answer.status, 202, "{}", answer.json());
    let task = answer.header("location").to_owned();
    let id = task.rsplit('/').next().unwrap();
    simulator.log().wait_state("node1", &format!("job:{id}"), state).await;
    task
}

#[tokio::test(start_paused = true)]
async fn a_mirror_is_made_by_a_task_and_named() {
    let simulator = simulator();
    let bmc = Bmc::inside(&simulator);
    let made = create(&bmc, volume("boot", "RAID1", &["Bay2", "Bay3"])).await;
    assert_eq!(names(&bmc).await, ["OS"]);
    let task = task_ends(&simulator, &made, "Completed").await;
    assert_eq!(bmc.get(&task).await.unwrap().json()["TaskState"], "Completed");
    assert_eq!(names(&bmc).await, ["OS", "boot"]);
    let shown = bmc.get(&format!("{CONTROLLER}/Volumes/2")).await.unwrap().json();
    assert_eq!(shown["RAIDType"], "RAID1");
    assert_eq!(shown["CapacityBytes"], json!(480_000_000_000_u64 - 64 * 1024 * 1024));
    let drive = bmc.get(&format!("{CONTROLLER}/Drives/Bay3")).await.unwrap().json();
    assert_eq!(drive["Links"]["Volumes"][0]["@odata.id"], json!(format!("{CONTROLLER}/Volumes/2")));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_reset_is_done_in_post() {
    let simulator = simulator();
    let bmc = Bmc::inside(&simulator);
    let mut body = volume("data", "RAID5", &["Bay2", "Bay3", "Bay4"]);
    body["@Redfish.OperationApplyTime"] = "OnReset".into();
    let made = create(&bmc, body).await;
    let task = made.header("location").to_owned();
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    assert_eq!(bmc.get(&task).await.unwrap().json()["TaskState"], "Pending");
    // A POST that is cut short does it in the next.
    bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap();
    simulator.log().wait_state("node1", "post", "POST").await;
    bmc.post(RESET, json!({"ResetType": "ForceOff"})).await.unwrap();
    simulator.log().wait_state("node1", "power", "Off").await;
    assert_eq!(names(&bmc).await, ["OS"]);
    bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap();
    task_ends(&simulator, &made, "Completed").await;
    assert_eq!(names(&bmc).await, ["OS", "data"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_is_refused_and_changes_nothing() {
    let simulator = simulator();
    let bmc = Bmc::inside(&simulator);
    let mut large = volume("large", "RAID1", &["Bay2", "Bay3"]);
    large["CapacityBytes"] = json!(1_000_000_000_000_u64);
    for (body, status, why) in [
        (volume("x", "RAID1", &["Bay0", "Bay2"]), 409, "Bay0 is not free: part of the volume 1"),
        (volume("x", "RAID1", &["Bay2"]), 400, "RAID1 cannot be made of 1 drives"),
        (volume("x", "RAID1", &["Bay2", "Bay2"]), 400, "RAID1 cannot be made"),
        (volume("x", "RAID6", &["Bay2", "Bay3", "Bay4", "Bay5"]), 400, "RAID6"),
        (volume("x", "RAID1", &["Bay2", "Bay9"]), 400, "no drive Bay9"),
        (volume("a name that is too long", "RAID1", &["Bay2", "Bay3"]), 400, "15 characters"),
        (large, 400, "not 1000000000000"),
        (json!({"RAIDType": "RAID1"}), 400, "Links/Drives"),
    ] {
        let answer = create(&bmc, body).await;
        let text = answer.json().to_string();
        assert_eq!(answer.status, status, "{text}");
        assert!(text.contains(why), "{text}");
    }
    let first = create(&bmc, volume("one", "RAID0", &["Bay2"])).await;
    let second = create(&bmc, volume("two", "RAID0", &["Bay3"])).await;
    assert_eq!(second.status, 409, "one job at a time for a controller");
    task_ends(&simulator, &first, "Completed").await;
    assert_eq!(names(&bmc).await, ["OS", "one"]);
}

#[tokio::test(start_paused = true)]
async fn the_hosts_disk_is_lost_with_its_volume() {
    let simulator = simulator();
    let bmc = Bmc::inside(&simulator);
    let path = format!("{CONTROLLER}/Volumes/1");
    let gone = bmc.send(Method::DELETE, &path, &[], None).await.unwrap();
    task_ends(&simulator, &gone, "Completed").await;
    assert_eq!(simulator.log().changes("node1", "data:1"), [("old os".to_owned(), "lost".to_owned())]);
    let machine = simulator.machine("node1").unwrap();
    assert_eq!(machine.with(|machine| machine.disk().clone()), Disk::Blank);
    assert_eq!(bmc.get(&path).await.unwrap().status, 404);

    // An installer finds no disk; once there is a volume again, it does.
    let install = async || {
        bmc.post(INSERT, json!({"Image": ISO})).await.unwrap();
        let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
        bmc.patch(SYSTEM, boot).await.unwrap();
        bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap();
    };
    install().await;
    let failed = "install failed: there is no disk to install to";
    simulator.log().wait_state("node1", "guest", failed).await;
    let made = create(&bmc, volume("boot", "RAID1", &["Bay0", "Bay1"])).await;
    task_ends(&simulator, &made, "Completed").await;
    bmc.post(RESET, json!({"ResetType": "ForceOff"})).await.unwrap();
    simulator.log().wait_state("node1", "power", "Off").await;
    install().await;
    simulator.log().wait_state("node1", "callback", "Rebooting").await;
    let data = machine.with(|machine| machine.storage[0].volumes[0].data.clone());
    assert!(data.is_some_and(|data| data.starts_with("installed ")));
}

#[tokio::test(start_paused = true)]
async fn volumes_are_initialised_and_drives_erased() {
    let simulator = simulator();
    let bmc = Bmc::inside(&simulator);
    let wiped =
        bmc.post(&format!("{CONTROLLER}/Volumes/1/Actions/Volume.Initialize"), json!({})).await.unwrap();
    task_ends(&simulator, &wiped, "Completed").await;
    assert_eq!(simulator.log().changes("node1", "data:1").len(), 1);
    let erase = |id: &str| format!("{CONTROLLER}/Drives/{id}/Actions/Drive.SecureErase");
    let used = bmc.post(&erase("Bay0"), json!({})).await.unwrap();
    assert_eq!(used.status, 409);
    let free = bmc.post(&erase("Bay5"), json!({})).await.unwrap();
    task_ends(&simulator, &free, "Completed").await;
    assert_eq!(simulator.log().changes("node1", "drive:Bay5").last().unwrap().1, "erased");
}

#[tokio::test(start_paused = true)]
async fn a_spare_is_not_free() {
    let simulator = simulator();
    let bmc = Bmc::inside(&simulator);
    let drive = format!("{CONTROLLER}/Drives/Bay4");
    assert_eq!(bmc.patch(&drive, json!({"HotspareType": "Global"})).await.unwrap().status, 204);
    assert_eq!(bmc.get(&drive).await.unwrap().json()["HotspareType"], "Global");
    assert_eq!(create(&bmc, volume("x", "RAID1", &["Bay4", "Bay5"])).await.status, 409);
    assert_eq!(bmc.patch(&drive, json!({"HotspareType": "None"})).await.unwrap().status, 204);
    assert_eq!(create(&bmc, volume("x", "RAID1", &["Bay4", "Bay5"])).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_job_never_begins() {
    let simulator = simulator();
    simulator.faults().add(Rule::new("stuck", What::JobsStick));
    let bmc = Bmc::inside(&simulator);
    create(&bmc, volume("x", "RAID1", &["Bay4", "Bay5"])).await;
    bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap();
    simulator.log().wait_state("node1", "post", "done").await;
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    assert_eq!(names(&bmc).await, ["OS"]);
}
