//! What differs from server to server, and what of storage, firmware and logs they share.

use http::Method;
use serde_json::{Value, json};

use crate::machine::firmware::ComponentKind;
use crate::package::Package;
use crate::personality::bench::{Bench, ISO};
use crate::personality::cimc::{Cimc, Generation};

const SLOTS: &str = "/redfish/v1/Managers/CIMC/VirtualMedia";
const UPDATE: &str = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate";
const IMAGE: &str = "http://images.example/fw/image.bin";
const HOST_PATH: &str = "images.example:/fw/image.bin";

fn bench(generation: Generation, without: &[&str]) -> Bench {
    Bench::new(Cimc(generation), without)
}

async fn insert(bench: &Bench, slot: u8) -> u16 {
    bench
        .post(&format!("{SLOTS}/{slot}/Actions/VirtualMedia.InsertMedia"), json!({"Image": ISO}))
        .await
        .status
}

async fn get(bench: &Bench, path: &str) -> u16 {
    bench.call(Method::GET, path, None).await.status
}

#[tokio::test(start_paused = true)]
async fn every_link_of_each_leads_somewhere() {
    for generation in [Generation::M4, Generation::M6, Generation::X] {
        let bench = bench(generation, &[]);
        bench.reset("On").await;
        bench.wait(6).await;
        assert!(bench.crawl().await > 40);
    }
}

#[tokio::test(start_paused = true)]
async fn an_m4_takes_no_image_by_redfish() {
    let m4 = bench(Generation::M4, &[]);
    let slot = m4.get(&format!("{SLOTS}/0")).await;
    assert!(slot["Actions"].get("#VirtualMedia.InsertMedia").is_none());
    // Empty fields are null, and there is no status.
    assert_eq!((slot.get("Image"), slot.get("Status")), (Some(&Value::Null), None));
    assert_eq!(insert(&m4, 0).await, 405);
    let listed = bench(Generation::M4, &["no-insert-media"]);
    assert!(listed.get(&format!("{SLOTS}/0")).await["Actions"].get("#VirtualMedia.InsertMedia").is_some());
    assert_eq!(insert(&listed, 0).await, 405);
    assert_eq!(insert(&bench(Generation::M4, &["insert-answers-405"]), 0).await, 204);
}

#[tokio::test(start_paused = true)]
async fn an_m4_shows_itself_otherwise() {
    let (m4, newer) = (
        bench(Generation::M4, &[]),
        bench(
            Generation::M4,
            &["root-without-vendor", "no-graceful-restart", "slot-hba-ids", "old-schema-paths"],
        ),
    );
    let root = m4.get("/redfish/v1").await;
    assert_eq!((root.get("Vendor"), &root["Name"]), (None, &json!("Cisco RESTful Root Service")));
    assert_eq!(newer.get("/redfish/v1").await["Vendor"], "Cisco Systems Inc.");
    let path = m4.system().await;
    let kinds = |system: &Value| {
        let kinds = &system["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"];
        kinds.as_array().unwrap().contains(&json!("GracefulRestart"))
    };
    let (old, new) = (m4.get(&path).await, newer.get(&path).await);
    assert!(!kinds(&old) && kinds(&new));
    assert!(old["@odata.context"].as_str().unwrap().ends_with("#Systems/Members/$entity"));
    assert!(new.get("@odata.context").is_none());
    let restart = json!({"ResetType": "GracefulRestart"});
    assert_eq!(m4.post(&format!("{path}/Actions/ComputerSystem.Reset"), restart).await.status, 400);

    let volume = m4.get(&format!("{path}/Storage/SLOT-HBA/Volumes/VD-0")).await;
    assert_eq!(volume["@odata.type"], "#Volume.v1_0_3.Volume");
    assert_eq!(get(&m4, &format!("{path}/Storage/SLOT-HBA/Drives/PD-1")).await, 200);
    assert_eq!(get(&newer, &format!("{path}/Storage/SLOT-HBA/Drives/1")).await, 200);
    assert_eq!(
        newer.get(&format!("{path}/Storage/SLOT-HBA/Volumes/0")).await["@odata.type"],
        "#Volume.v1_6_2.Volume"
    );
    let drives =
        ["PD-3", "PD-4"].map(|id| json!({"@odata.id": format!("{path}/Storage/SLOT-HBA/Drives/{id}")}));
    let wanted = json!({"RAIDType": "RAID1", "Links": {"Drives": drives}});
    assert_eq!(m4.post(&format!("{path}/Storage/SLOT-HBA/Volumes"), wanted).await.status, 202);
    m4.state("volume:VD-1", "RAID1 Volume 1").await;
    let bios = m4.get(&format!("{path}/Bios")).await;
    assert_eq!(bios["Attributes"]["BaudRate"], "115200");
    assert!(bios["Attributes"].get("AutonumousCstateEnable").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_blade_takes_an_image_in_its_last_slot() {
    let blade = bench(Generation::X, &[]);
    for slot in 0..3 {
        assert_eq!(insert(&blade, slot).await, 400);
    }
    assert_eq!(insert(&blade, 3).await, 204);
    blade.wait(9).await;
    let slot = blade.get(&format!("{SLOTS}/3")).await;
    assert_eq!((&slot["Inserted"], &slot["MediaTypes"]), (&json!(true), &json!(["DVD"])));
    assert_eq!(slot["Oem"]["Cisco"]["ImageNameVariable"], "node1.iso");
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
    assert_eq!(blade.patch(&blade.system().await, boot).await.status, 204);
    blade.reset("On").await;
    blade.state("boot-source", "Cd#1").await;

    let plain = bench(Generation::X, &["vkvm-slots-refuse", "dvd-only"]);
    assert_eq!(insert(&plain, 2).await, 204);
    assert_eq!(plain.get(&format!("{SLOTS}/3")).await["MediaTypes"], json!(["CD", "DVD"]));
}

#[tokio::test(start_paused = true)]
async fn a_blade_lacks_what_others_have() {
    let (blade, plain) = (
        bench(Generation::X, &[]),
        bench(Generation::X, &["no-session-timeout", "no-ethernet-interfaces", "root-names-vendor"]),
    );
    let path = format!("{}/EthernetInterfaces", blade.system().await);
    assert_eq!((get(&blade, &path).await, get(&plain, &path).await), (404, 200));
    assert!(blade.get(&blade.system().await).await.get("EthernetInterfaces").is_none());
    let service = "/redfish/v1/SessionService";
    assert!(blade.get(service).await.get("SessionTimeout").is_none());
    assert_eq!(plain.get(service).await["SessionTimeout"], 1800);
    assert_eq!(blade.get("/redfish/v1").await["Vendor"], "Cisco Systems Inc.");
    assert!(plain.get("/redfish/v1").await.get("Vendor").is_none());
    assert_eq!(blade.post("/nuova", json!({})).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn the_boot_order_is_no_matter_of_redfish() {
    let (bench, plain) =
        (bench(Generation::M6, &[]), bench(Generation::M6, &["no-boot-order", "no-boot-mode"]));
    let path = bench.system().await;
    let order = json!({"Boot": {"BootOrder": ["Boot0001", "Boot0000", "Boot0002"]}});
    assert!(bench.get(&path).await["Boot"].get("BootOrder").is_none());
    assert_eq!(get(&bench, &format!("{path}/BootOptions")).await, 404);
    assert_eq!(bench.patch(&path, order.clone()).await.status, 400);
    assert_eq!(plain.patch(&path, order.clone()).await.status, 204);
    assert_eq!(plain.get(&path).await["Boot"]["BootOrder"], order["Boot"]["BootOrder"]);
}

#[tokio::test(start_paused = true)]
async fn a_cimc_is_reset_by_force_only() {
    let reset = "/redfish/v1/Managers/CIMC/Actions/Manager.Reset";
    let gentle = json!({"ResetType": "GracefulRestart"});
    assert_eq!(bench(Generation::M6, &[]).post(reset, gentle.clone()).await.status, 400);
    assert_eq!(
        bench(Generation::M6, &[]).post(reset, json!({"ResetType": "ForceRestart"})).await.status,
        204
    );
    assert_eq!(bench(Generation::M6, &["manager-reset-forced"]).post(reset, gentle).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn m_2_makes_one_mirror_of_drives_that_the_host_sees() {
    let bench = bench(Generation::M6, &["partial-inventory-when-off"]);
    let storage = format!("{}/Storage/MSTOR-RAID", bench.system().await);
    let state = async |id: &str| {
        bench.get(&format!("{storage}/Drives/{id}")).await["Oem"]["Cisco"]["DriveState"].clone()
    };
    assert_eq!(state("253").await, "Online");
    assert_eq!(bench.call(Method::DELETE, &format!("{storage}/Volumes/0"), None).await.status, 202);
    bench.state("volume:0", "none").await;
    assert_eq!(state("253").await, "Jbod");
    let drives = ["253", "254"].map(|id| json!({"@odata.id": format!("{storage}/Drives/{id}")}));
    let wanted = |raid: &str| json!({"RAIDType": raid, "Name": "BOOT", "Links": {"Drives": drives}});
    assert_eq!(bench.post(&format!("{storage}/Volumes"), wanted("RAID0")).await.status, 400);
    assert_eq!(bench.post(&format!("{storage}/Volumes"), wanted("RAID1")).await.status, 202);
    bench.state("volume:0", "RAID1 BOOT").await;
    assert_eq!(state("254").await, "Online");
    assert_eq!(bench.post(&format!("{storage}/Volumes"), wanted("RAID1")).await.status, 409);
}

#[tokio::test(start_paused = true)]
async fn volumes_are_spans_with_names_that_end_in_a_blank() {
    let off = ["volume-spans", "durable-name-blank"];
    let (bench, plain) = (bench(Generation::M6, &[]), bench(Generation::M6, &off));
    let storage = format!("{}/Storage/MRAID", bench.system().await);
    let drive = |id: &str| json!({"@odata.id": format!("{storage}/Drives/{id}")});
    let spans = json!([{"DrivesList": [drive("1"), drive("2")]}, {"DrivesList": [drive("3"), drive("4")]}]);
    let body = json!({"RAIDType": "RAID10", "Links": {"Oem": {"Cisco": {"Spans": spans}}}});
    assert_eq!(plain.post(&format!("{storage}/Volumes"), body.clone()).await.status, 400);
    assert_eq!(bench.post(&format!("{storage}/Volumes"), body).await.status, 202);
    bench.state("volume:0", "RAID10 Volume 0").await;
    let volume = bench.get(&format!("{storage}/Volumes/0")).await;
    assert_eq!(volume["Links"], json!({"Oem": {"Cisco": {"Spans": spans}}}));
    assert!(volume["Identifiers"][0]["DurableName"].as_str().unwrap().ends_with(' '));
    let boot = plain.get(&format!("{}/Storage/MSTOR-RAID/Volumes/0", plain.system().await)).await;
    assert_eq!(boot["Links"]["Drives"].as_array().unwrap().len(), 2);
    assert!(!boot["Identifiers"][0]["DurableName"].as_str().unwrap().ends_with(' '));
    let check = format!("{storage}/Volumes/0/Actions/Volume.CheckConsistency");
    assert_eq!(bench.post(&check, json!({})).await.status, 204);
    assert_eq!(bench.post(&format!("{storage}/Actions/Oem/Cisco.ClearConfig"), json!({})).await.status, 204);
    let spare = json!({"HotSpareType": "Global"});
    assert_eq!(
        bench.post(&format!("{storage}/Drives/1/Actions/Oem/Cisco.AddHotspare"), spare).await.status,
        204
    );
    assert_eq!(
        bench.get(&format!("{storage}/Drives/1")).await["Oem"]["Cisco"]["DriveState"],
        "GlobalHotSpare"
    );
}

fn serve(bench: &Bench, component: &str) {
    bench.net.put(IMAGE, Package::new(component, "9.9(9z)").build());
}

#[tokio::test(start_paused = true)]
async fn an_image_is_fetched_by_host_and_path_and_then_activated() {
    let bench = bench(Generation::M6, &[]);
    serve(&bench, "CIMC");
    let inventory = "/redfish/v1/UpdateService/FirmwareInventory";
    let targets = json!([format!("{inventory}/CIMC")]);
    for body in [
        json!({"ImageURI": IMAGE, "TransferProtocol": "HTTP"}),
        json!({"ImageURI": HOST_PATH, "TransferProtocol": "HTTPS"}),
        json!({"ImageURI": HOST_PATH, "Targets": [format!("{inventory}/UCSC-RAID-220M6-slot-MRAID")]}),
        json!({"TransferProtocol": "HTTP"}),
    ] {
        assert_eq!(bench.post(UPDATE, body.clone()).await.status, 400, "{body}");
    }
    let manager = "/redfish/v1/Managers/CIMC";
    let activate = |what: &str| format!("{manager}/Actions/Oem/CiscoUCSExtensions.{what}FwActivate");
    assert_eq!(bench.post(&activate("Bmc"), json!({})).await.status, 400, "nothing was fetched");
    let body = json!({"ImageURI": HOST_PATH, "TransferProtocol": "HTTP", "Targets": targets});
    assert_eq!(bench.post(UPDATE, body).await.status, 202);
    bench.state("firmware", "CIMC 9.9(9z) staged").await;
    assert_eq!(bench.get(manager).await["FirmwareVersion"], "4.2(3b)");
    assert_eq!(bench.post(&activate("Bios"), json!({})).await.status, 400);
    assert_eq!(bench.post(&activate("Bmc"), json!({})).await.status, 202);
    bench.state("firmware:CIMC", "9.9(9z)").await;
    bench.wait(200).await;
    assert_eq!(bench.get(manager).await["FirmwareVersion"], "9.9(9z)");
    assert!(bench.get("/redfish/v1/UpdateService").await.get("MultipartHttpPushUri").is_none());
}

#[tokio::test(start_paused = true)]
async fn without_the_differences_a_url_is_fetched_and_applied() {
    let plain = bench(Generation::M6, &["image-uri-host-path", "activate-apart", "no-push"]);
    serve(&plain, "CIMC");
    assert_eq!(plain.post(UPDATE, json!({"ImageURI": IMAGE})).await.status, 202);
    plain.state("firmware:CIMC", "9.9(9z)").await;
    let machine = plain.simulator.machine("node1").unwrap();
    assert!(!machine.with(|machine| machine.activate_firmware("x", ComponentKind::Bmc)));
    plain.wait(200).await;
    let service = plain.get("/redfish/v1/UpdateService").await;
    assert_eq!(service["MultipartHttpPushUri"], "/redfish/v1/UpdateService/MultipartUpload");
}

#[tokio::test(start_paused = true)]
async fn a_bios_is_activated_and_applied_in_post() {
    let bench = bench(Generation::M6, &[]);
    serve(&bench, "BIOS");
    assert_eq!(
        bench.post(UPDATE, json!({"ImageURI": HOST_PATH, "TransferProtocol": "HTTP"})).await.status,
        202
    );
    bench.state("firmware", "BIOS 9.9(9z) staged").await;
    let activate = "/redfish/v1/Managers/CIMC/Actions/Oem/CiscoUCSExtensions.BiosFwActivate";
    assert_eq!(bench.post(activate, json!({})).await.status, 202);
    bench.wait(600).await;
    let system = bench.system().await;
    assert_ne!(bench.get(&system).await["BiosVersion"], "9.9(9z)");
    bench.reset("On").await;
    bench.state("post", "done").await;
    assert_eq!(bench.get(&system).await["BiosVersion"], "9.9(9z)");
}

#[tokio::test(start_paused = true)]
async fn logs_are_of_the_cimc_and_of_the_system() {
    let bench = bench(Generation::M6, &[]);
    let machine = bench.simulator.machine("node1").unwrap();
    machine.with(|machine| machine.set_health("PSU1", "Critical"));
    for home in ["/redfish/v1/Managers/CIMC".to_owned(), bench.system().await, "/redfish/v1/Chassis/1".into()]
    {
        let services = bench.get(&home).await["LogServices"]["@odata.id"].as_str().unwrap().to_owned();
        let sel = format!("{services}/SEL");
        assert_eq!(bench.get(&sel).await["Id"], "SEL");
        let entries = bench.get(&format!("{sel}/Entries")).await;
        assert_eq!(entries["Members"].as_array().unwrap().len(), 1, "{home}");
    }
    let own = bench.get("/redfish/v1/Managers/CIMC/LogServices/CIMC/Entries").await;
    assert!(!own["Members"].as_array().unwrap().is_empty());
    let tasks = bench.get("/redfish/v1/TaskService").await;
    assert_eq!(tasks["CompletedTaskOverWritePolicy"], "Oldest");
    assert!(bench.get("/redfish/v1").await.get("JobService").is_none());
}
