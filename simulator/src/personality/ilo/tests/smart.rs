//! Volumes of iLO 5: put into the settings, made and deleted in POST, as far as DataGuard lets.

use http::Method;
use serde_json::{Value, json};

use super::{SYSTEM, booted};
use crate::personality::bench::Bench;
use crate::personality::ilo::{Generation, Ilo};

const CONFIG: &str = "/redfish/v1/systems/1/smartstorageconfig/";
const SETTINGS: &str = "/redfish/v1/systems/1/smartstorageconfig/settings/";

fn bench(without: &[&str]) -> Bench {
    Bench::new(Ilo(Generation::Five), without)
}

async fn put(bench: &Bench, body: Value) {
    let answer = bench.call(Method::PUT, SETTINGS, Some(body)).await;
    assert_eq!((answer.status, answer.ids()), (200, vec!["SystemResetRequired"]));
}

/// Names of the volumes, and the message ids of what POST took last.
async fn after(bench: &Bench) -> (Vec<String>, Vec<String>) {
    let config = bench.get(CONFIG).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names = config["LogicalDrives"].as_array().unwrap().iter().map(|one| text(&one["LogicalDriveName"]));
    let messages = config["@Redfish.Settings"]["Messages"].as_array().unwrap().iter();
    let ids = messages.map(|one| text(&one["MessageId"]).rsplit('.').next().unwrap().to_owned());
    (names.collect(), ids.collect())
}

fn made(name: &str) -> Value {
    json!({"LogicalDriveName": name, "Raid": "Raid1", "DataDrives": ["1I:1:3", "1I:1:4"]})
}

async fn first_id(bench: &Bench) -> Value {
    bench.get(CONFIG).await["LogicalDrives"][0]["VolumeUniqueIdentifier"].clone()
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_made_in_the_next_post() {
    let bench = bench(&[]);
    let link = bench.get(SYSTEM).await["Oem"]["Hpe"]["SmartStorageConfig"][0]["@odata.id"].clone();
    assert_eq!(link, CONFIG);
    assert_eq!(after(&bench).await, (words(["OS"]), words(["Success"])));
    put(&bench, json!({"DataGuard": "Permissive", "LogicalDrives": [made("data")]})).await;
    assert_eq!(bench.get(SETTINGS).await["LogicalDrives"][0]["LogicalDriveName"], "data");
    let before = bench.get(CONFIG).await["@Redfish.Settings"].clone();
    assert_eq!((&before["ETag"], after(&bench).await.0), (&json!(""), words(["OS"])));
    booted(&bench).await;
    assert_eq!(after(&bench).await, (words(["OS", "data"]), words(["Success"])));
    let config = bench.get(CONFIG).await;
    assert_ne!(config["@Redfish.Settings"]["ETag"], "");
    let volume = &config["LogicalDrives"][1];
    assert_eq!(volume["Raid"], "Raid1");
    assert_eq!(volume["DataDrives"], json!(["1I:1:3", "1I:1:4"]));
    let shown = format!("{SYSTEM}/SmartStorage/ArrayControllers/0/LogicalDrives/2");
    assert_eq!(bench.get(&shown).await["VolumeUniqueIdentifier"], volume["VolumeUniqueIdentifier"]);
    let used = format!("{SYSTEM}/SmartStorage/ArrayControllers/0/DiskDrives/3");
    assert_eq!(bench.get(&used).await["DiskDriveUse"], "Data");
    let without = super::bench(&["smart-storage-config"]);
    assert_eq!(without.call(Method::GET, CONFIG, None).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_deleted_by_its_identifier() {
    let bench = bench(&[]);
    let id = first_id(&bench).await;
    let delete = json!([{"Actions": [{"Action": "LogicalDriveDelete"}], "VolumeUniqueIdentifier": id}]);
    put(&bench, json!({"DataGuard": "Permissive", "LogicalDrives": delete})).await;
    booted(&bench).await;
    assert_eq!(after(&bench).await, (Vec::new(), words(["Success"])));
}

#[tokio::test(start_paused = true)]
async fn the_guard_says_what_may_be_lost() {
    let keep_none = |guard: &str| json!({"DataGuard": guard, "LogicalDrives": []});
    for (guard, left, said) in [
        ("Strict", words(["OS"]), "DeleteEditableLogicalDriveFailed"),
        ("Permissive", words(["OS"]), "Success"),
        ("Disabled", Vec::new(), "Success"),
    ] {
        let bench = bench(&[]);
        put(&bench, keep_none(guard)).await;
        booted(&bench).await;
        assert_eq!(after(&bench).await, (left, words([said])), "{guard}");
    }
    let strict = bench(&[]);
    let mut all = strict.get(CONFIG).await["LogicalDrives"].as_array().unwrap().clone();
    put(&strict, json!({"LogicalDrives": all})).await;
    booted(&strict).await;
    assert_eq!(after(&strict).await, (words(["OS"]), words(["Success"])), "nothing changes");
    all.push(made("data"));
    put(&strict, json!({"DataGuard": "Strict", "LogicalDrives": all})).await;
    strict.wait(4).await;
    strict.reset("ForceRestart").await;
    strict.wait(400).await;
    assert_eq!(after(&strict).await, (words(["OS"]), words(["CreateEditableLogicalDriveFailed"])));
    let unguarded = bench(&["data-guard"]);
    put(&unguarded, json!({"DataGuard": "Strict", "LogicalDrives": [made("data")]})).await;
    booted(&unguarded).await;
    assert_eq!(after(&unguarded).await.0, ["OS", "data"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_told_after_post() {
    let bench = bench(&[]);
    let used = json!([{"LogicalDriveName": "data", "Raid": "Raid1", "DataDrives": ["1I:1:1", "1I:1:3"]}]);
    put(&bench, json!({"DataGuard": "Permissive", "LogicalDrives": used})).await;
    booted(&bench).await;
    assert_eq!(after(&bench).await, (words(["OS"]), words(["CommitEditableConfigurationFailed"])));
    let unknown = json!([{"VolumeUniqueIdentifier": "600508B1001C00000000000000000000"}]);
    put(&bench, json!({"DataGuard": "Permissive", "LogicalDrives": unknown})).await;
    bench.wait(4).await;
    bench.reset("ForceRestart").await;
    bench.wait(400).await;
    assert_eq!(after(&bench).await.1, ["LogicalDriveNotFound"]);
    let mut count = json!([{"LogicalDriveName": "wide", "Raid": "Raid0", "CapacityGiB": 400}]);
    count[0]["DataDrives"] = json!({"DataDriveCount": 2});
    put(&bench, json!({"DataGuard": "Permissive", "LogicalDrives": count})).await;
    bench.wait(4).await;
    bench.reset("ForceRestart").await;
    bench.wait(400).await;
    assert_eq!(after(&bench).await, (words(["OS", "wide"]), words(["Success"])));
}
