//! The way a server is installed, and each difference on and off.

use http::Method;
use serde_json::{Value, json};

use super::Supermicro;
use crate::package::Package;
use crate::personality::bench::{Bench, ISO, PASSWORD};

const SYSTEM: &str = "/redfish/v1/Systems/1";
const SLOT: &str = "/redfish/v1/Managers/1/VirtualMedia/VirtualMedia1";
const SD: &str = "/redfish/v1/Systems/1/Bios/SD";
const UPDATE: &str = "/redfish/v1/UpdateService";

fn bench(without: &[&str]) -> Bench {
    Bench::new(Supermicro, without)
}

fn action(name: &str) -> String {
    format!("{SLOT}/Actions/VirtualMedia.{name}")
}

fn once(target: &str) -> Value {
    json!({"Boot": {"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once"}})
}

async fn insert(bench: &Bench) {
    assert_eq!(bench.post(&action("InsertMedia"), json!({"Image": ISO})).await.status, 204);
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
async fn it_is_known_by_its_oem_object_and_manufacturer() {
    let bench = bench(&[]);
    let root = bench.get("/redfish/v1").await;
    assert!(root.get("Vendor").is_none() && root.get("Product").is_none());
    assert!(root["Oem"]["Supermicro"].is_object());
    let system = bench.get(SYSTEM).await;
    assert_eq!((&system["Manufacturer"], &system["Model"]), (&json!("Supermicro"), &json!("SYS-821GE-TNHR")));
    assert!(system["UUID"].as_str().unwrap().starts_with("00000000-0000-0000-0000-"));
    let named = Bench::new(Supermicro, &["root-without-vendor"]);
    assert_eq!(named.get("/redfish/v1").await["Vendor"], "Supermicro");
}

#[tokio::test(start_paused = true)]
async fn a_server_is_installed_from_its_virtual_cd() {
    let bench = bench(&[]);
    let wanted = json!({"Attributes": {"TXTSupport_0062": "Enabled", "PackageCState_3D25": "C0/C1 state"}});
    assert_eq!(bench.patch(SD, wanted).await.status, 204);
    insert(&bench).await;
    assert_eq!(bench.patch(SYSTEM, once("UsbCd")).await.status, 204);
    bench.reset("On").await;
    bench.state("callback", "Rebooting").await;
    assert_eq!(bench.post(&action("EjectMedia"), json!({})).await.status, 204);
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["Cd", "Hdd"]);
    let attributes = bench.get("/redfish/v1/Systems/1/Bios").await["Attributes"].clone();
    assert_eq!(attributes["TXTSupport_0062"], "Enabled");
    assert_eq!(attributes["PackageCState_3D25"], "C0/C1 state");
    let system = bench.get(SYSTEM).await;
    assert_eq!(
        (&system["PowerState"], &system["BootProgress"]["LastState"]),
        (&json!("On"), &json!("OSBootStarted"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_virtual_cd_boots_by_usb_cd_only() {
    async fn source(without: &[&str], target: &str) -> Vec<String> {
        let bench = Bench::with_old_os(Supermicro, without);
        insert(&bench).await;
        assert_eq!(bench.patch(SYSTEM, once(target)).await.status, 204);
        bench.reset("On").await;
        bench.state("post", "done").await;
        bench.wait(1).await;
        bench.boots()
    }
    assert_eq!(source(&[], "Cd").await, ["Hdd"]);
    assert_eq!(source(&[], "UsbCd").await, ["Cd"]);
    assert_eq!(source(&["cd-is-physical"], "Cd").await, ["Cd"]);
}

#[tokio::test(start_paused = true)]
async fn parameters_are_told_by_resources_of_their_own() {
    let bench = bench(&[]);
    let reset = bench.get(SYSTEM).await["Actions"]["#ComputerSystem.Reset"].clone();
    assert!(reset.get("ResetType@Redfish.AllowableValues").is_none());
    let info = bench.get(reset["@Redfish.ActionInfo"].as_str().unwrap()).await;
    let kinds = info["Parameters"][0]["AllowableValues"].as_array().unwrap();
    assert!(kinds.contains(&json!("PowerCycle")) && !kinds.contains(&json!("PushPowerButton")));
    let insert = bench.get(SLOT).await["Actions"]["#VirtualMedia.InsertMedia"].clone();
    let info = bench.get(insert["@Redfish.ActionInfo"].as_str().unwrap()).await;
    assert_eq!(
        (&info["Parameters"][0]["Name"], &info["Parameters"][0]["Required"]),
        (&json!("Image"), &json!(true))
    );
    let update = bench.get(UPDATE).await["Actions"]["#UpdateService.SimpleUpdate"].clone();
    assert!(update["@Redfish.ActionInfo"].is_string());
    let inline = Bench::new(Supermicro, &["parameters-by-action-info"]);
    let reset = inline.get(SYSTEM).await["Actions"]["#ComputerSystem.Reset"].clone();
    assert!(reset["ResetType@Redfish.AllowableValues"].as_array().unwrap().contains(&json!("On")));
    assert_eq!(inline.call(Method::GET, &format!("{SYSTEM}/ResetActionInfo"), None).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn an_override_reads_otherwise_than_it_was_written() {
    let target = |system: &Value| system["Boot"]["BootSourceOverrideTarget"].clone();
    let bench = bench(&[]);
    let idle = bench.get(SYSTEM).await;
    assert_eq!(
        (target(&idle), &idle["Boot"]["BootSourceOverrideEnabled"]),
        (json!("Pxe"), &json!("Disabled"))
    );
    assert_eq!(bench.patch(SYSTEM, once("Pxe")).await.status, 204);
    assert_eq!(target(&bench.get(SYSTEM).await), "UefiBootNext");
    assert_eq!(bench.patch(SYSTEM, once("UefiBootNext")).await.status, 400);
    let plain = Bench::new(Supermicro, &["idle-target-pxe", "pxe-reads-boot-next"]);
    assert_eq!(target(&plain.get(SYSTEM).await), "None");
    assert_eq!(plain.patch(SYSTEM, once("Pxe")).await.status, 204);
    assert_eq!(target(&plain.get(SYSTEM).await), "Pxe");
    assert_eq!(plain.patch(SYSTEM, once("UefiBootNext")).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn every_boot_patch_says_how_long_it_lasts() {
    let alone = json!({"Boot": {"BootSourceOverrideTarget": "UsbCd"}});
    let bench = bench(&[]);
    let refused = bench.patch(SYSTEM, alone.clone()).await;
    assert_eq!((refused.status, refused.ids()), (400, vec!["PropertyMissing"]));
    assert_eq!(
        Bench::new(Supermicro, &["enabled-in-every-boot-patch"]).patch(SYSTEM, alone).await.status,
        204
    );
}

#[tokio::test(start_paused = true)]
async fn the_boot_order_is_a_resource_of_its_own() {
    let order = json!({"Boot": {"BootOrder": ["Boot0001", "Boot0000", "Boot0002"]}});
    let bench = bench(&[]);
    let refused = bench.patch(SYSTEM, order.clone()).await;
    assert_eq!((refused.status, refused.ids()), (400, vec!["PropertyUnknown"]));
    let path = bench.get(SYSTEM).await["Oem"]["Supermicro"]["FixedBootOrder"]["@odata.id"].clone();
    let path = path.as_str().unwrap();
    let mut fixed = bench.get(path).await["FixedBootOrder"].as_array().unwrap().clone();
    assert_eq!(fixed[0], "UEFI Hard Disk");
    fixed.swap(0, 1);
    assert_eq!(bench.patch(path, json!({"FixedBootOrder": fixed[..2]})).await.status, 400);
    assert_eq!(bench.patch(path, json!({"FixedBootOrder": fixed})).await.status, 204);
    assert_eq!(bench.get(path).await["FixedBootOrder"], json!(fixed));
    assert_eq!(bench.get(SYSTEM).await["Boot"]["BootOrder"][0], "Boot0001");
    assert_eq!(Bench::new(Supermicro, &["fixed-boot-order"]).patch(SYSTEM, order).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_empty_when_it_is_not_connected() {
    let bench = bench(&[]);
    let empty = bench.get(SLOT).await;
    assert_eq!((&empty["Image"], &empty["WriteProtected"]), (&Value::Null, &Value::Null));
    assert!(empty["Actions"].get("#VirtualMedia.EjectMedia").is_none());
    assert_eq!(bench.post(&action("EjectMedia"), json!({})).await.status, 404);
    insert(&bench).await;
    let full = bench.get(SLOT).await;
    assert!(full["Actions"]["#VirtualMedia.EjectMedia"].is_object());
    assert_eq!((&full["Image"], &full["ConnectedVia"]), (&json!(ISO), &json!("URI")));
    assert_eq!(bench.post(&action("EjectMedia"), json!({})).await.status, 204);
    let left = bench.get(SLOT).await;
    assert_eq!((&left["Image"], &left["ImageName"]), (&json!(ISO), &json!("node1.iso")));
    assert_eq!((&left["Inserted"], &left["ConnectedVia"]), (&json!(false), &json!("NotConnected")));
    insert(&bench).await;

    let tidy = Bench::new(Supermicro, &["eject-only-when-inserted", "image-stays-after-eject"]);
    assert!(tidy.get(SLOT).await["Actions"]["#VirtualMedia.EjectMedia"].is_object());
    assert_eq!(tidy.post(&action("EjectMedia"), json!({})).await.status, 400);
    insert(&tidy).await;
    tidy.post(&action("EjectMedia"), json!({})).await;
    assert_eq!(tidy.get(SLOT).await["Image"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn an_insert_takes_the_image_only() {
    for extra in ["Inserted", "WriteProtected"] {
        let body = json!({"Image": ISO, extra: true});
        assert_eq!(bench(&[]).post(&action("InsertMedia"), body.clone()).await.status, 400, "{extra}");
        let lax = bench(&["insert-takes-image-only"]);
        assert_eq!(lax.post(&action("InsertMedia"), body).await.status, 204, "{extra}");
    }
}

#[tokio::test(start_paused = true)]
async fn pending_settings_have_attributes_only_while_something_waits() {
    let bench = bench(&[]);
    assert!(bench.get(SD).await.get("Attributes").is_none());
    assert_eq!(bench.patch(SD, json!({"Attributes": {"NUMA_003B": "Disabled"}})).await.status, 204);
    assert_eq!(bench.get(SD).await["Attributes"], json!({"NUMA_003B": "Disabled"}));
    bench.reset("On").await;
    bench.state("post", "done").await;
    assert!(bench.get(SD).await.get("Attributes").is_none());
    let always = Bench::new(Supermicro, &["pending-without-attributes"]);
    assert_eq!(always.get(SD).await["Attributes"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn attributes_are_named_with_the_boards_numbers() {
    async fn names(without: &[&str]) -> Vec<String> {
        let bios = bench(without).get("/redfish/v1/Systems/1/Bios").await;
        let attributes = bios["Attributes"].as_object().unwrap().keys();
        attributes.filter(|name| name.starts_with("TXTSupport")).cloned().collect()
    }
    assert_eq!(names(&[]).await, ["TXTSupport_0062", "TXTSupport_0072"]);
    assert_eq!(names(&["repeated-attributes"]).await, ["TXTSupport_0062"]);
    assert_eq!(names(&["attribute-suffixes"]).await, ["TXTSupport"]);
}

#[tokio::test(start_paused = true)]
async fn the_registry_numbers_its_values_and_is_elsewhere() {
    fn turbo(document: &Value, name: &str) -> Value {
        let attributes = document["RegistryEntries"]["Attributes"].as_array().unwrap();
        let found = attributes.iter().find(|one| one["AttributeName"] == name).unwrap();
        found["Value"][1].clone()
    }
    let bench = bench(&[]);
    assert_eq!(
        bench.get("/redfish/v1/Systems/1/Bios").await["AttributeRegistry"],
        "BiosAttributeRegistry.v1_0_0"
    );
    let file = bench.get("/redfish/v1/Registries/BiosAttributeRegistry").await;
    let document = bench.get(file["Location"][0]["Uri"].as_str().unwrap()).await;
    let value = turbo(&document, "TurboMode_3D06");
    assert_eq!(value, json!({"ValueName": "1", "ValueDisplayName": "Enable"}));
    let lock = &document["RegistryEntries"]["Dependencies"][0]["Dependency"];
    assert_eq!(lock["MapToProperty"], "GrayOut");
    // What is written is the display name all the same.
    let number = json!({"Attributes": {"TurboMode_3D06": "1"}});
    assert_eq!(bench.patch(SD, number).await.status, 400);
    assert_eq!(bench.patch(SD, json!({"Attributes": {"TurboMode_3D06": "Disable"}})).await.status, 204);

    let plain = ["registry-outside-the-tree", "registry-values-are-numbers", "locks-are-gray-out"];
    let plain = Bench::new(Supermicro, &plain);
    let document = plain.get("/redfish/v1/Registries/BiosAttributeRegistry.v1_0_0/Document").await;
    assert_eq!(turbo(&document, "TurboMode_3D06")["ValueName"], "Enable");
    let lock = &document["RegistryEntries"]["Dependencies"][0]["Dependency"];
    assert_eq!(lock["MapToProperty"], "ReadOnly");
}

#[tokio::test(start_paused = true)]
async fn three_refused_logins_close_the_door_for_half_a_minute() {
    let bench = bench(&[]);
    for _ in 0..3 {
        assert_eq!(bench.log_in("wrong").await.status, 401);
    }
    assert_eq!(bench.log_in(PASSWORD).await.status, 401);
    bench.wait(31).await;
    assert_eq!(bench.log_in(PASSWORD).await.status, 201);
    assert_eq!(bench.get("/redfish/v1/AccountService").await["AccountLockoutThreshold"], 3);
    let open = Bench::new(Supermicro, &["lockout-30s"]);
    for _ in 0..3 {
        open.log_in("wrong").await;
    }
    assert_eq!(open.log_in(PASSWORD).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn sessions_end_after_five_idle_minutes() {
    for (without, left) in [(&[][..], 0), (&["session-timeout-300"][..], 1)] {
        let bench = Bench::new(Supermicro, without);
        bench.log_in(PASSWORD).await;
        bench.wait(301).await;
        let sessions = bench.get("/redfish/v1/SessionService/Sessions").await;
        assert_eq!(sessions["Members"].as_array().unwrap().len(), left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pushed_image_waits_for_its_start() {
    let version = async |bench: &Bench| {
        bench.get(&format!("{UPDATE}/FirmwareInventory/CPLD_Motherboard")).await["Version"].clone()
    };
    let package = Package::new("CPLD_Motherboard", "F3.00.00").build();
    let bench = bench(&[]);
    let start = format!("{UPDATE}/Actions/UpdateService.StartUpdate");
    let upload = bench.get(UPDATE).await["MultipartHttpPushUri"].as_str().unwrap().to_owned();
    assert_eq!(bench.post(&start, json!({})).await.status, 400);
    assert_eq!(bench.push(&upload, &package[1..], &json!({})).await.body["TaskState"], "Exception");
    assert_eq!(bench.post(&start, json!({})).await.status, 400);
    let checked = bench.push(&upload, &package, &json!({})).await;
    assert_eq!((checked.status, &checked.body["TaskState"]), (202, &json!("Completed")));
    bench.wait(600).await;
    assert_eq!(version(&bench).await, "F2.87.02");
    let started = bench.post(&start, json!({})).await;
    assert_eq!(started.status, 202);
    bench.wait(600).await;
    assert_eq!(version(&bench).await, "F3.00.00");
    let task = bench.get(started.headers["location"].to_str().unwrap()).await;
    assert_eq!(task["TaskState"], "Completed");

    let prompt = Bench::new(Supermicro, &["start-after-push"]);
    assert_eq!(prompt.push(&upload, &package, &json!({})).await.status, 202);
    prompt.wait(600).await;
    assert_eq!(version(&prompt).await, "F3.00.00");
}

#[tokio::test(start_paused = true)]
async fn drives_are_in_an_enclosure_and_make_no_volumes() {
    let bench = bench(&[]);
    let storage = bench.get(&format!("{SYSTEM}/Storage/NVMeSSD")).await;
    assert!(storage.get("Volumes").is_none());
    let drive = storage["Drives"][0]["@odata.id"].as_str().unwrap();
    assert!(drive.starts_with("/redfish/v1/Chassis/NVMeSSD.0"));
    let shown = bench.get(drive).await;
    assert_eq!((&shown["@odata.id"], &shown["Protocol"]), (&json!(drive), &json!("NVMe")));
    assert_eq!(bench.call(Method::GET, &format!("{drive}9"), None).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn the_network_to_the_bmc_is_listed_among_the_ports() {
    let path = "/redfish/v1/Systems/1/EthernetInterfaces";
    let bench = bench(&[]);
    assert_eq!(bench.get(path).await["Members"].as_array().unwrap().len(), 5);
    let own = bench.get(&format!("{path}/ToManager")).await;
    let host = own["Links"]["HostInterface"]["@odata.id"].as_str().unwrap();
    assert_eq!(bench.get(host).await["ExternallyAccessible"], false);
    let plain = Bench::new(Supermicro, &["host-interface-among-ports"]);
    assert_eq!(plain.get(path).await["Members"].as_array().unwrap().len(), 4);
    assert_eq!(plain.call(Method::GET, &format!("{path}/ToManager"), None).await.status, 404);
}
