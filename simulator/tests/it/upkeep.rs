//! Firmware, logs, sensors and the boot order of a plain machine.
use bytes::Bytes;
use http::{Method, Request};
use rackhand_simulator::Simulator;
use rackhand_simulator::fetch::MemoryFetch;
use rackhand_simulator::package::Package;
use serde_json::json;

use crate::plain::{Bmc, RESET, SYSTEM, builder};

const SERVICE: &str = "/redfish/v1/UpdateService";
const IMAGE: &str = "https://images.example/firmware.bin";

fn start() -> (Simulator, MemoryFetch, Bmc) {
    let net = MemoryFetch::new();
    let simulator = builder(&net).build().unwrap();
    let bmc = Bmc::inside(&simulator);
    (simulator, net, bmc)
}

/// Has the BMC fetch that image; the task.
async fn update(bmc: &Bmc, body: serde_json::Value) -> String {
    let path = format!("{SERVICE}/Actions/UpdateService.SimpleUpdate");
    let answer = bmc.post(&path, body).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.json());
    answer.header("location").to_owned()
}

async fn ends(simulator: &Simulator, task: &str, state: &str) {
    let id = task.rsplit('/').next().unwrap();
    simulator.log().wait_state("node1", &format!("job:{id}"), state).await;
}

async fn version(bmc: &Bmc, component: &str) -> String {
    let shown = bmc.get(&format!("{SERVICE}/FirmwareInventory/{component}")).await.unwrap().json();
    shown["Version"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_device_takes_its_firmware_at_once() {
    let (simulator, net, bmc) = start();
    net.put(IMAGE, Package::new("RAID1", "7.2").build());
    let task = update(&bmc, json!({"ImageURI": IMAGE})).await;
    ends(&simulator, &task, "Completed").await;
    assert_eq!(version(&bmc, "raid").await, "7.2");
    let controller = bmc.get("/redfish/v1/Systems/1/Storage/RAID1").await.unwrap().json();
    assert_eq!(controller["StorageControllers"][0]["FirmwareVersion"], "7.2");
}

#[tokio::test(start_paused = true)]
async fn a_bios_waits_for_post() {
    let (simulator, net, bmc) = start();
    net.put(IMAGE, Package::new("BIOS", "1.1").build());
    let task = update(&bmc, json!({"ImageURI": IMAGE})).await;
    ends(&simulator, &task, "Scheduled").await;
    assert_eq!(version(&bmc, "bios").await, "1.0");
    bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap();
    ends(&simulator, &task, "Completed").await;
    assert_eq!(bmc.get(SYSTEM).await.unwrap().json()["BiosVersion"], "1.1");
}

#[tokio::test(start_paused = true)]
async fn a_bmc_is_gone_for_a_while_and_its_sessions_for_good() {
    let (simulator, net, bmc) = start();
    net.put(IMAGE, Package::new("BMC", "1.1").build());
    let login = json!({"UserName": "x", "Password": "y"});
    let session = bmc.post(crate::plain::SESSIONS, login).await.unwrap();
    assert_eq!(session.status, 201);
    update(&bmc, json!({"ImageURI": IMAGE})).await;
    simulator.log().wait_state("node1", "firmware:BMC.1", "1.1").await;
    assert!(bmc.get("/redfish/v1").await.is_none(), "it restarts");
    tokio::time::sleep(std::time::Duration::from_secs(181)).await;
    assert_eq!(version(&bmc, "bmc").await, "1.1");
    assert_eq!(bmc.get(session.header("location")).await.unwrap().status, 404);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_right_fails_its_task_and_says_why() {
    let (simulator, net, bmc) = start();
    let whole = Package::new("BIOS", "1.1").build();
    for (image, targets, why) in [
        (whole[..100].to_vec(), json!([]), "not valid"),
        (b"MZ".to_vec(), json!([]), "no firmware package"),
        (Package::new("GPU", "1.1").build(), json!([]), "does not have"),
        (Package::new("CPLD.1", "1.1").build(), json!([]), "cannot be updated"),
        (whole.clone(), json!([format!("{SERVICE}/FirmwareInventory/raid")]), "not among the targets"),
    ] {
        net.put(IMAGE, image);
        let task = update(&bmc, json!({"ImageURI": IMAGE, "Targets": targets})).await;
        ends(&simulator, &task, "Failed").await;
        let shown = bmc.get(&task).await.unwrap().json();
        assert_eq!(shown["TaskState"], "Exception");
        assert!(shown["Messages"][0]["Message"].as_str().unwrap().contains(why), "{shown}");
    }
    net.remove(IMAGE);
    let task = update(&bmc, json!({"ImageURI": IMAGE})).await;
    ends(&simulator, &task, "Failed").await;
    let shown = bmc.get(&task).await.unwrap().json();
    assert!(shown["Messages"][0]["Message"].as_str().unwrap().contains("404"), "{shown}");
    let path = format!("{SERVICE}/Actions/UpdateService.SimpleUpdate");
    let refused = bmc.post(&path, json!({"ImageURI": "x"}));
    assert_eq!(refused.await.unwrap().status, 400);
}

#[tokio::test(start_paused = true)]
async fn an_image_is_pushed_in_parts() {
    let (simulator, _, bmc) = start();
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"UpdateParameters\"\r\n\r\n{\"Targets\": []}\r\n\
                     --b\r\nContent-Disposition: form-data; name=\"UpdateFile\"; filename=\"raid.bin\"\r\n\r\n"
        .to_vec();
    body.extend(Package::new("RAID1", "7.3").build());
    body.extend_from_slice(b"\r\n--b--\r\n");
    let path = format!("{SERVICE}/MultipartUpload");
    let request = |kind: &str, body: Vec<u8>| {
        Request::builder()
            .method(Method::POST)
            .uri(&path)
            .header("content-type", kind)
            .body(Bytes::from(body))
            .unwrap()
    };
    let service = simulator.service("node1").unwrap();
    let wrong = service.call(request("application/json", body.clone())).await.unwrap();
    assert_eq!(wrong.status(), 415);
    let taken = service.call(request("multipart/form-data; boundary=b", body)).await.unwrap();
    assert_eq!(taken.status(), 202);
    let task = taken.headers()["location"].to_str().unwrap().to_owned();
    ends(&simulator, &task, "Completed").await;
    assert_eq!(version(&bmc, "raid").await, "7.3");
}

#[tokio::test(start_paused = true)]
async fn logs_tell_what_happened_and_are_cleared() {
    let (simulator, _, bmc) = start();
    let machine = simulator.machine("node1").unwrap();
    machine.with(|machine| machine.set_health("PSU 2", "Critical"));
    let logs = "/redfish/v1/Managers/1/LogServices";
    let sel = format!("{logs}/Sel/Entries");
    let entries = bmc.get(&sel).await.unwrap().json();
    assert_eq!(entries["Members"][0]["Severity"], "Critical");
    bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap();
    simulator.log().wait_state("node1", "post", "done").await;
    assert_eq!(
        bmc.get(&sel).await.unwrap().json()["Members@odata.count"],
        1,
        "power is no matter of the SEL"
    );
    let log = bmc.get(&format!("{logs}/Log/Entries")).await.unwrap().json();
    assert!(log["Members@odata.count"].as_u64().unwrap() >= 3, "{log}");
    let service = bmc.get(&format!("{logs}/Sel")).await.unwrap().json();
    let clear = service["Actions"]["#LogService.ClearLog"]["target"].as_str().unwrap();
    assert_eq!(bmc.post(clear, json!({})).await.unwrap().status, 204);
    let left = bmc.get(&sel).await.unwrap().json();
    assert_eq!(left["Members"][0]["Message"], "The log was cleared.");
    assert_eq!(left["Members@odata.count"], 1);
}

#[tokio::test(start_paused = true)]
async fn sensors_follow_power_and_health() {
    let (simulator, _, bmc) = start();
    let thermal = "/redfish/v1/Chassis/1/Thermal";
    let off = bmc.get(thermal).await.unwrap().json();
    assert_eq!(off["Fans"][0]["Reading"], json!(null));
    bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap();
    simulator.log().wait_state("node1", "post", "done").await;
    let machine = simulator.machine("node1").unwrap();
    machine.with(|machine| machine.set_health("Fan 1", "Warning"));
    let on = bmc.get(thermal).await.unwrap().json();
    assert_eq!(on["Fans"][0]["Reading"], json!(6000.0));
    assert_eq!(on["Fans"][0]["Status"]["Health"], "Warning");
    let chassis = bmc.get("/redfish/v1/Chassis/1").await.unwrap().json();
    assert_eq!(chassis["Status"]["HealthRollup"], "Warning");
    let one = bmc.get("/redfish/v1/Chassis/1/Sensors/Fan1").await.unwrap().json();
    assert_eq!(one["Reading"], json!(6000.0));
}

#[tokio::test(start_paused = true)]
async fn the_boot_order_is_a_whole_list() {
    let (_simulator, _, bmc) = start();
    let order = async || bmc.get(SYSTEM).await.unwrap().json()["Boot"]["BootOrder"].clone();
    assert_eq!(order().await, json!(["Boot0000", "Boot0001", "Boot0002"]));
    let set = async |list: serde_json::Value| {
        bmc.patch(SYSTEM, json!({"Boot": {"BootOrder": list}})).await.unwrap().status
    };
    assert_eq!(set(json!(["Boot0001"])).await, 400);
    assert_eq!(set(json!(["Boot0001", "Boot0000", "Boot0009"])).await, 400);
    assert_eq!(set(json!(["Boot0002", "Boot0000", "Boot0001"])).await, 204);
    assert_eq!(order().await, json!(["Boot0002", "Boot0000", "Boot0001"]));
    let option = bmc.get("/redfish/v1/Systems/1/BootOptions/Boot0002").await.unwrap().json();
    assert_eq!(option["BootOptionReference"], "Boot0002");
}
