//! Storage from iLO 6 on: bays without drives, and the boot device that keeps its volume.

use http::Method;
use serde_json::{Value, json};

use super::{SYSTEM, booted};
use crate::personality::bench::Bench;
use crate::personality::ilo::Generation::{self, Seven, Six};
use crate::personality::ilo::Ilo;

fn of(generation: Generation, without: &[&str]) -> Bench {
    Bench::new(Ilo(generation), without)
}

fn storage(controller: &str) -> String {
    format!("{SYSTEM}/Storage/{controller}")
}

#[tokio::test(start_paused = true)]
async fn a_bay_without_a_drive_is_an_absent_drive() {
    let states = async |without: &[&str]| {
        let bench = of(Seven, without);
        booted(&bench).await;
        let mut states = Vec::new();
        for link in bench.get(&storage("DE00A000")).await["Drives"].as_array().unwrap() {
            let drive = bench.get(link["@odata.id"].as_str().unwrap()).await;
            states.push(drive["Status"]["State"].as_str().unwrap().to_owned());
        }
        states
    };
    let all = ["Enabled", "Enabled", "StandbyOffline", "StandbyOffline", "Absent"];
    assert_eq!(states(&[]).await, all);
    assert_eq!(states(&["empty-bays"]).await, all[..4]);
}

#[tokio::test(start_paused = true)]
async fn volumes_of_an_ilo7_are_made_at_once() {
    let bench = of(Seven, &[]);
    booted(&bench).await;
    let volumes = format!("{}/Volumes", storage("DE00A000"));
    let drives: Vec<Value> = (4..6)
        .map(|number| json!({"@odata.id": format!("/redfish/v1/Chassis/DE00A000/Drives/{number}")}))
        .collect();
    let wanted = json!({"RAIDType": "RAID1", "DisplayName": "data", "Links": {"Drives": drives}});
    assert_eq!(bench.post(&volumes, wanted).await.status, 202);
    bench.wait(60).await;
    let members = bench.get(&volumes).await["Members"].clone();
    let made = bench.get(members[1]["@odata.id"].as_str().unwrap()).await;
    assert_eq!((&made["DisplayName"], &made["RAIDType"]), (&json!("data"), &json!("RAID1")));
    let delete = bench.call(Method::DELETE, made["@odata.id"].as_str().unwrap(), None).await;
    assert_eq!(delete.status, 202);
}

#[tokio::test(start_paused = true)]
async fn the_boot_device_keeps_its_volume() {
    let volumes = format!("{}/Volumes", storage("DE00B000"));
    let volume = format!("{volumes}/1");
    let bench = of(Six, &[]);
    booted(&bench).await;
    assert_eq!(bench.call(Method::DELETE, &volume, None).await.status, 405);
    let drive = "/redfish/v1/Chassis/DE00B000/Drives/0";
    let erase = format!("{drive}/Actions/Drive.SecureErase");
    assert_eq!(bench.post(&erase, json!({})).await.status, 409, "it is part of the mirror");
    let actions = bench.get(&volume).await["Actions"].clone();
    let reset = actions["#Volume.ResetToDefaults"]["target"].as_str().unwrap();
    assert_eq!(bench.post(reset, json!({})).await.ids(), ["SystemResetRequired"]);
    assert_eq!(bench.get(&volumes).await["Members"], json!([]));
    assert_eq!(bench.post(&erase, json!({})).await.status, 202);
    bench.wait(1000).await;
    bench.reset("ForceRestart").await;
    bench.wait(400).await;
    assert_eq!(bench.get(&volume).await["RAIDType"], "RAID1");

    let plain = of(Six, &["ns204i-no-delete"]);
    booted(&plain).await;
    assert_eq!(plain.call(Method::DELETE, &volume, None).await.status, 202);
    plain.wait(60).await;
    assert_eq!(plain.get(&volumes).await["Members"], json!([]));
}
