//! The way a server is installed, and each difference on and off.

mod generations;

use http::Method;
use serde_json::{Value, json};

use super::{Cimc, Generation};
use crate::personality::bench::{Bench, ISO, PASSWORD};

const SLOTS: &str = "/redfish/v1/Managers/CIMC/VirtualMedia";

fn bench(without: &[&str]) -> Bench {
    Bench::new(Cimc(Generation::M6), without)
}

fn slot(action: &str) -> String {
    format!("{SLOTS}/0/Actions/VirtualMedia.{action}")
}

#[tokio::test(start_paused = true)]
async fn every_link_leads_somewhere() {
    let bench = bench(&[]);
    bench.reset("On").await;
    bench.wait(6).await;
    assert!(bench.crawl().await > 40);
}

#[tokio::test(start_paused = true)]
async fn it_is_known_by_its_manager_and_manufacturer() {
    let bench = bench(&[]);
    assert_eq!(bench.get("/redfish/v1").await["Vendor"], "Cisco Systems Inc.");
    let system = bench.get(&bench.system().await).await;
    assert_eq!(system["Id"], system["SerialNumber"]);
    assert_eq!(system["Manufacturer"], "Cisco Systems Inc");
    let older = Bench::new(Cimc(Generation::M6), &["root-names-vendor"]);
    let root = older.get("/redfish/v1").await;
    assert!(root.get("Vendor").is_none() && root.get("Product").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_is_installed_from_its_virtual_cd() {
    let bench = bench(&[]);
    assert_eq!(bench.post(&slot("InsertMedia"), json!({"Image": ISO})).await.status, 204);
    let mapping = bench.get(&format!("{SLOTS}/0")).await;
    assert_eq!((mapping.get("Image"), &mapping["Inserted"]), (None, &json!(false)));
    bench.wait(9).await;
    let mapped = bench.get(&format!("{SLOTS}/0")).await;
    assert_eq!((&mapped["Image"], &mapped["Inserted"]), (&json!(ISO), &json!(true)));
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
    assert_eq!(bench.patch(&bench.system().await, boot).await.status, 204);
    bench.reset("PowerCycle").await;
    bench.state("callback", "Rebooting").await;
    assert_eq!(bench.post(&slot("EjectMedia"), json!({})).await.status, 204);
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["Cd", "Hdd"]);
    assert_eq!(bench.get(&bench.system().await).await["Oem"]["Cisco"]["PostCompletionStatus"], true);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_mapped_is_accepted_and_never_there() {
    let nowhere = json!({"Image": "http://images.example/none.iso"});
    let bench = bench(&[]);
    assert_eq!(bench.post(&slot("InsertMedia"), nowhere.clone()).await.status, 204);
    bench.wait(30).await;
    let shown = bench.get(&format!("{SLOTS}/0")).await;
    assert_eq!((&shown["Inserted"], &shown["ConnectedVia"]), (&json!(false), &json!("NotConnected")));
    assert_eq!(shown["Status"]["Health"], "Critical");
    assert_eq!(bench.post(&slot("InsertMedia"), json!({"Image": ISO})).await.status, 204);
    let prompt = Bench::new(Cimc(Generation::M6), &["media-mapped-later"]);
    assert_eq!(prompt.post(&slot("InsertMedia"), nowhere).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn slots_come_in_any_order_and_with_sentences() {
    async fn firsts(bench: &Bench) -> Vec<Value> {
        let mut firsts = Vec::new();
        for _ in 0..4 {
            firsts.push(bench.get(SLOTS).await["Members"][0]["@odata.id"].clone());
            bench.wait(1).await;
        }
        firsts.dedup();
        firsts
    }
    let values = "Image@Redfish.AllowableValues";
    let bench = bench(&[]);
    assert!(firsts(&bench).await.len() > 1);
    let shown = bench.get(&format!("{SLOTS}/0")).await;
    assert!(
        shown["Actions"]["#VirtualMedia.InsertMedia"][values][0].as_str().unwrap().contains("(Required)")
    );
    assert_eq!(shown["Status"]["State"], "Disabled");

    let tidy = Bench::new(
        Cimc(Generation::M6),
        &["slot-order", "prose-allowable-values", "empty-fields-omitted", "slot-status-disabled"],
    );
    assert_eq!(firsts(&tidy).await.len(), 1);
    let shown = tidy.get(&format!("{SLOTS}/0")).await;
    assert!(shown["Actions"]["#VirtualMedia.InsertMedia"].get(values).is_none());
    assert_eq!((shown.get("Image"), shown.get("Status")), (Some(&Value::Null), None));
}

#[tokio::test(start_paused = true)]
async fn tokens_are_written_where_they_are_read_and_shown_after_post() {
    let bench = bench(&[]);
    let bios = format!("{}/Bios", bench.system().await);
    let before = bench.get(&bios).await;
    assert!(before.get("@Redfish.Settings").is_none());
    assert_eq!(bench.call(Method::GET, &format!("{bios}/Settings"), None).await.status, 404);
    assert_eq!(bench.patch(&bios, json!({"Attributes": {"SrIov": "Enabled"}})).await.status, 204);
    assert_eq!(bench.patch(&bios, json!({"PackageCstateLimit": "C0 C1 State"})).await.status, 204);
    assert_eq!(bench.get(&bios).await["Attributes"], before["Attributes"]);
    bench.reset("On").await;
    bench.state("post", "done").await;
    let after = bench.get(&bios).await;
    assert_eq!(after["Attributes"]["SrIov"], "Enabled");
    assert_eq!(after["Attributes"]["PackageCstateLimit"], "C0 C1 State");
    assert_eq!(bench.patch(&bios, json!({"SrIov": "default"})).await.status, 204);
    assert_eq!(bench.patch(&bios, json!({"SrIov": "Perhaps"})).await.status, 400);
    bench.reset("ForceRestart").await;
    bench.state("bios", "SrIov=Disabled").await;

    let wrapped = Bench::new(Cimc(Generation::M6), &["bios-flat"]);
    assert_eq!(wrapped.patch(&bios, json!({"SrIov": "Enabled"})).await.status, 400);
    let apart = Bench::new(Cimc(Generation::M6), &["bios-direct"]);
    assert_eq!(apart.get(&format!("{bios}/Settings")).await["Attributes"], json!({}));
    assert_eq!(apart.patch(&bios, json!({"SrIov": "Enabled"})).await.status, 405);
}

#[tokio::test(start_paused = true)]
async fn a_preset_rewrites_tokens() {
    let bench = bench(&[]);
    let bios = format!("{}/Bios", bench.system().await);
    bench.patch(&bios, json!({"Attributes": {"CPUPerformance": "HPC"}})).await;
    bench.reset("On").await;
    bench.state("post", "done").await;
    assert_eq!(bench.get(&bios).await["Attributes"]["ProcessorC1E"], "Disabled");
}

#[tokio::test(start_paused = true)]
async fn there_is_no_boot_mode_and_no_power_button() {
    let bench = bench(&[]);
    let path = bench.system().await;
    let system = bench.get(&path).await;
    assert!(system["Boot"].get("BootSourceOverrideMode").is_none());
    let mode = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideMode": "UEFI"}});
    assert_eq!(bench.patch(&path, mode.clone()).await.status, 400);
    let push = json!({"ResetType": "PushPowerButton"});
    assert_eq!(bench.post(&format!("{path}/Actions/ComputerSystem.Reset"), push).await.status, 400);
    assert_eq!(Bench::new(Cimc(Generation::M6), &["no-boot-mode"]).patch(&path, mode).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn managers_and_storage_are_not_all_they_seem() {
    let bench = bench(&[]);
    let managers = bench.get("/redfish/v1/Managers").await;
    assert_eq!(managers["Members"].as_array().unwrap().len(), 2);
    let storage = format!("{}/Storage/MRAID", bench.system().await);
    assert_eq!(bench.get(&storage).await["Drives"], json!([]));
    let plain = Bench::new(Cimc(Generation::M6), &["adapter-among-managers", "partial-inventory-when-off"]);
    assert_eq!(plain.get("/redfish/v1/Managers").await["Members"].as_array().unwrap().len(), 1);
    assert_eq!(plain.get(&storage).await["Drives"].as_array().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn sessions_and_basic_both_log_in() {
    let bench = bench(&[]);
    let session = bench.log_in(PASSWORD).await;
    assert_eq!(session.status, 201);
    assert!(session.headers.contains_key("x-auth-token"));
    assert_eq!(bench.log_in("wrong").await.status, 401);
}
