//! The way a server is installed, and each difference on and off.

use http::Method;
use serde_json::{Value, json};

use super::OpenBmc;
use crate::iso::{CONFIG_FILE, IsoBuilder};
use crate::package::Package;
use crate::personality::bench::{Bench, ISO, PASSWORD};

const SYSTEM: &str = "/redfish/v1/Systems/system";
const BIOS: &str = "/redfish/v1/Systems/system/Bios";
const SLOTS: &str = "/redfish/v1/Managers/bmc/VirtualMedia";
const UPDATE: &str = "/redfish/v1/UpdateService";
/// The bench's medium where this BMC takes it from.
const SAFE: &str = "https://images.example/t0ken/node1.iso";

fn bench(without: &[&str]) -> Bench {
    let bench = Bench::new(OpenBmc, without);
    let medium = IsoBuilder::new("INSTALL").file(CONFIG_FILE, "callback={base}/callback\n").size(2_000_000);
    bench.net.put(SAFE, medium.build().unwrap());
    bench
}

fn action(slot: usize, name: &str) -> String {
    format!("{SLOTS}/Slot_{slot}/Actions/VirtualMedia.{name}")
}

#[tokio::test(start_paused = true)]
async fn every_link_leads_somewhere() {
    for without in [Vec::new(), super::QUIRKS.iter().map(|quirk| quirk.name).collect()] {
        let bench = bench(&without);
        bench.reset("On").await;
        bench.wait(6).await;
        assert!(bench.crawl().await > 50);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_is_installed_from_its_virtual_cd() {
    let bench = bench(&[]);
    let insert = bench.post(&action(2, "InsertMedia"), json!({"Image": SAFE, "Inserted": true})).await;
    assert_eq!(insert.status, 204, "{}", insert.body);
    let slot = bench.get(&format!("{SLOTS}/Slot_2")).await;
    assert_eq!((&slot["ConnectedVia"], &slot["TransferProtocolType"]), (&json!("URI"), &json!("HTTPS")));
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
    assert_eq!(bench.patch(SYSTEM, boot).await.status, 204);
    bench.reset("On").await;
    bench.state("callback", "Rebooting").await;
    assert_eq!(bench.post(&action(2, "EjectMedia"), json!({})).await.status, 204);
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["Cd", "Hdd"]);
    let system = bench.get(SYSTEM).await;
    assert_eq!((&system["Id"], &system["PowerState"]), (&json!("system"), &json!("On")));
}

#[tokio::test(start_paused = true)]
async fn it_names_no_vendor() {
    let root = bench(&[]).get("/redfish/v1").await;
    assert!(root.get("Vendor").is_none() && root.get("Product").is_none());
    assert_eq!(root["Links"]["ManagerProvidingService"]["@odata.id"], "/redfish/v1/Managers/bmc");
    assert_eq!(bench(&["root-without-vendor"]).get("/redfish/v1").await["Vendor"], "OpenBMC");
}

#[tokio::test(start_paused = true)]
async fn parameters_are_told_by_resources_of_their_own() {
    let told = bench(&[]);
    for (owner, action, kind) in [
        (SYSTEM, "#ComputerSystem.Reset", "GracefulShutdown"),
        ("/redfish/v1/Managers/bmc", "#Manager.Reset", "GracefulRestart"),
    ] {
        let action = told.get(owner).await["Actions"][action].clone();
        assert!(action.get("ResetType@Redfish.AllowableValues").is_none());
        let info = told.get(action["@Redfish.ActionInfo"].as_str().unwrap()).await;
        let kinds = info["Parameters"][0]["AllowableValues"].as_array().unwrap();
        assert!(kinds.contains(&json!(kind)), "{kinds:?}");
    }
    let inline = bench(&["parameters-by-action-info"]).get(SYSTEM).await;
    assert!(inline["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"].is_array());
}

#[tokio::test(start_paused = true)]
async fn expand_is_neither_offered_nor_taken() {
    let path = "/redfish/v1/Systems?$expand=*($levels=1)";
    let plain = bench(&[]);
    let root = plain.get("/redfish/v1").await;
    assert_eq!(root["ProtocolFeaturesSupported"]["ExpandQuery"]["ExpandAll"], false);
    let refused = plain.call(Method::GET, path, None).await;
    assert_eq!((refused.status, refused.ids()), (400, vec!["QueryNotSupported"]));
    let ignoring = bench(&["expand-refused"]).get(path).await;
    assert_eq!(ignoring["Members"][0].as_object().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn images_come_by_https_or_smb() {
    let plain = json!({"Image": ISO});
    let strict = bench(&[]);
    let refused = strict.post(&action(2, "InsertMedia"), plain.clone()).await;
    assert_eq!((refused.status, refused.ids()), (400, vec!["ResourceAtUriInUnknownFormat"]));
    assert_eq!(strict.get(&format!("{SLOTS}/Slot_2")).await["Inserted"], false);
    assert_eq!(strict.post(&action(2, "InsertMedia"), json!({"Image": SAFE, "Speed": 1})).await.status, 400);
    assert_eq!(bench(&["https-or-smb-only"]).post(&action(2, "InsertMedia"), plain).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn slots_of_a_browser_take_no_url() {
    let insert = json!({"Image": SAFE});
    let strict = bench(&[]);
    let slot = strict.get(&format!("{SLOTS}/Slot_0")).await;
    assert!(slot["Actions"].get("#VirtualMedia.InsertMedia").is_none());
    assert_eq!(slot["Oem"]["OpenBMC"]["WebSocketEndpoint"], "/nbd/0");
    assert_eq!(strict.post(&action(0, "InsertMedia"), insert.clone()).await.status, 404);
    assert_eq!(bench(&["proxy-slots"]).post(&action(0, "InsertMedia"), insert).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn the_bios_has_no_settings() {
    let stock = bench(&[]);
    let bios = stock.get(BIOS).await;
    for absent in ["Attributes", "AttributeRegistry", "@Redfish.Settings"] {
        assert!(bios.get(absent).is_none(), "{absent}");
    }
    let turbo = json!({"Attributes": {"TurboMode": "Disabled"}});
    assert_eq!(stock.patch(BIOS, turbo.clone()).await.status, 405);
    assert_eq!(stock.get("/redfish/v1/Registries").await["Members"], json!([]));
    let board = bench(&["bios-without-attributes"]);
    assert_eq!(board.patch(&format!("{BIOS}/Settings"), turbo).await.status, 204);
    board.reset("On").await;
    board.state("post", "done").await;
    assert_eq!(board.get(BIOS).await["Attributes"]["TurboMode"], "Disabled");
}

async fn push(bench: &Bench, package: &[u8]) -> String {
    let answer = bench.push_raw(&format!("{UPDATE}/update"), package).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.headers["location"].to_str().unwrap().to_owned()
}

async fn bmc_version(bench: &Bench) -> Value {
    bench.get("/redfish/v1/Managers/bmc").await["FirmwareVersion"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_task_is_followed_by_its_monitor() {
    let package = Package::new("bmc", "2.16.0").build();
    let bench = bench(&[]);
    assert!(bench.get(UPDATE).await.get("Actions").is_none());
    let monitor = push(&bench, &package).await;
    let task = monitor.strip_suffix("/Monitor").unwrap();
    assert_eq!(bench.call(Method::GET, &monitor, None).await.status, 202);
    assert_eq!(bench.get(task).await["TaskMonitor"], monitor);
    bench.wait(600).await;
    assert_eq!(bench.get(task).await["TaskState"], "Completed");
    assert!(bench.get(task).await.get("TaskMonitor").is_none());
    assert_eq!(bench.call(Method::GET, &monitor, None).await.status, 204);
    assert_eq!(bench.call(Method::GET, &monitor, None).await.status, 404);
    assert_eq!(bmc_version(&bench).await, "2.16.0");
}

#[tokio::test(start_paused = true)]
async fn a_push_by_a_form_is_taken_too_and_other_ways_are_not_there() {
    let package = Package::new("bmc", "2.16.0").build();
    let plain = bench(&["task-monitor"]);
    let answer = plain.push(&format!("{UPDATE}/update"), &package, &json!({})).await;
    assert!(!answer.headers["location"].to_str().unwrap().ends_with("/Monitor"));
    plain.wait(600).await;
    assert_eq!(bmc_version(&plain).await, "2.16.0");
    let simple = format!("{UPDATE}/Actions/UpdateService.SimpleUpdate");
    assert_eq!(plain.post(&simple, json!({"ImageURI": ISO})).await.status, 404);
    assert_eq!(bench(&["push-only"]).post(&simple, json!({"ImageURI": ISO})).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn secure_boot_logs_and_accounts_are_bmcwebs() {
    let stock = bench(&[]);
    assert!(stock.get(SYSTEM).await.get("SecureBoot").is_none());
    assert!(bench(&["no-secure-boot"]).get(SYSTEM).await["SecureBoot"].is_object());
    let journal = "/redfish/v1/Managers/bmc/LogServices/Journal";
    assert!(stock.get(journal).await.get("Actions").is_none());
    assert_eq!(stock.get(&format!("{SYSTEM}/LogServices/EventLog")).await["Id"], "EventLog");
    assert_eq!(stock.get("/redfish/v1/AccountService/Accounts/root").await["UserName"], "admin");
    assert_eq!(stock.log_in(PASSWORD).await.status, 201);
}
