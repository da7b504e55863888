//! What is done by XML shows in Redfish, and the reverse; and the machine does it.

use serde_json::json;

use super::{Element, Nuova};
use crate::personality::bench::ISO;

const UNIT: &str = "sys/rack-unit-1";
const PRECISE: &str = "sys/rack-unit-1/boot-precision";
const ONE_TIME: &str = "sys/rack-unit-1/one-time-precision-boot";
const MAP: &str = "sys/svc-ext/vmedia-svc/vmmap-iso";
const RAID: &str = "sys/rack-unit-1/board/storage-SAS-MRAID";
const SLOT: &str = "/redfish/v1/Managers/CIMC/VirtualMedia/0";

fn map(file: &str) -> Element {
    Element::new("commVMediaMap")
        .with("volumeName", "iso")
        .with("map", "www")
        .with("remoteShare", "http://images.example/t0ken/")
        .with("remoteFile", file)
        .with("mountOptions", "noauto")
}

fn device(class: &str, name: &str, order: &str) -> Element {
    Element::new(class).with("name", name).with("order", order).with("state", "Enabled")
}

async fn power(api: &Nuova, action: &str) -> Option<String> {
    api.set(UNIT, Element::new("computeRackUnit").with("adminPower", action)).await
}

#[tokio::test(start_paused = true)]
async fn power_is_one_and_the_same() {
    let api = Nuova::new(&[]).await;
    assert_eq!(power(&api, "up").await, None);
    api.bench.wait(6).await;
    let system = api.bench.get(&api.bench.system().await).await;
    assert_eq!(system["PowerState"], "On");
    assert_eq!(api.property(UNIT, "operPower").await, "on");
    assert_eq!(api.property(UNIT, "serial").await, system["SerialNumber"].as_str().unwrap());
    assert_eq!(api.property(UNIT, "biosPostState").await, "not-completed");
    api.bench.state("post", "done").await;
    assert_eq!(api.property(UNIT, "biosPostState").await, "completed");
    api.bench.reset("ForceOff").await;
    api.bench.wait(6).await;
    assert_eq!(api.property(UNIT, "operPower").await, "off");
    assert_eq!(power(&api, "bmc-reset-immediate").await, None);
    assert!(api.bench.simulator.machine("node1").unwrap().is_down());
}

#[tokio::test(start_paused = true)]
async fn a_mapping_goes_through_its_states_and_shows_in_the_slot() {
    let api = Nuova::new(&[]).await;
    assert_eq!(api.set(MAP, map("node1.iso")).await, None);
    assert_eq!(api.property(MAP, "mappingStatus").await, "In Progress");
    assert_eq!(api.bench.get(SLOT).await["Inserted"], false);
    api.bench.wait(9).await;
    assert_eq!(api.property(MAP, "mappingStatus").await, "OK");
    assert_eq!(api.property(MAP, "driveType").await, "cd");
    let slot = api.bench.get(SLOT).await;
    assert_eq!((&slot["Inserted"], &slot["Image"]), (&json!(true), &json!(ISO)));
    // One of each kind of drive.
    let other = map("other.iso").with("rn", "vmmap-b");
    assert!(api.set("sys/svc-ext/vmedia-svc/vmmap-b", other.clone()).await.is_some());
    let stick = Element { attributes: Vec::new(), ..map("") };
    let stick = stick.with("map", "nfs").with("remoteShare", "10.0.0.1:/share").with("remoteFile", "k.img");
    assert_eq!(api.set("sys/svc-ext/vmedia-svc/vmmap-stick", stick).await, None);
    assert_eq!(api.property("sys/svc-ext/vmedia-svc/vmmap-stick", "driveType").await, "floppy");
    // Redfish ends it.
    assert_eq!(
        api.bench.post(&format!("{SLOT}/Actions/VirtualMedia.EjectMedia"), json!({})).await.status,
        204
    );
    assert!(api.get(MAP).await.is_none());

    // What Redfish inserts is a mapping.
    assert_eq!(
        api.bench
            .post(&format!("{SLOT}/Actions/VirtualMedia.InsertMedia"), json!({"Image": ISO}))
            .await
            .status,
        204
    );
    let service = api.get("sys/svc-ext/vmedia-svc").await.unwrap();
    let own = service.children.iter().find(|child| child.get("remoteFile") == Some("node1.iso")).unwrap();
    let dn = format!("sys/svc-ext/vmedia-svc/{}", own.get("rn").unwrap());
    assert_eq!(api.set(&dn, Element::new("commVMediaMap").with("status", "deleted")).await, None);
    assert_eq!(api.bench.get(SLOT).await["ConnectedVia"], "NotConnected");
    assert!(api.set(&dn, Element::new("commVMediaMap").with("status", "deleted")).await.is_some());

    let lenient = Nuova::new(&["one-map-per-drive-type"]).await;
    assert_eq!(lenient.set(MAP, map("node1.iso")).await, None);
    let again = Element { attributes: Vec::new(), ..map("") };
    let again =
        again.with("map", "www").with("remoteShare", "http://images.example").with("remoteFile", "other.iso");
    assert_eq!(lenient.set("sys/svc-ext/vmedia-svc/vmmap-b", again).await, None);
    assert!(lenient.get(MAP).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_mapping_is_accepted_and_then_fails() {
    let api = Nuova::new(&[]).await;
    assert_eq!(api.set(MAP, map("none.iso")).await, None);
    api.bench.wait(60).await;
    let status = api.property(MAP, "mappingStatus").await;
    assert!(status.starts_with("ERROR") && status.len() > 8, "{status}");
    // It stands in the way until it is deleted.
    assert!(api.set(MAP, map("node1.iso")).await.is_some());
    assert_eq!(api.set(MAP, Element::new("commVMediaMap").with("status", "deleted")).await, None);
    assert_eq!(api.set(MAP, map("node1.iso")).await, None);
    api.bench.wait(9).await;
    assert_eq!(api.property(MAP, "mappingStatus").await, "OK");
    // Switched off, nothing is mapped, and nothing can be.
    let off = Element::new("commVMedia").with("adminState", "disabled");
    assert_eq!(api.set("sys/svc-ext/vmedia-svc", off).await, None);
    assert!(api.get(MAP).await.is_none());
    assert!(api.set(MAP, map("node1.iso")).await.is_some());
    assert_eq!(
        api.bench
            .post(&format!("{SLOT}/Actions/VirtualMedia.InsertMedia"), json!({"Image": ISO}))
            .await
            .status,
        400
    );
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_configured_is_booted_once() {
    let api = Nuova::new(&[]).await;
    assert_eq!(api.set(MAP, map("node1.iso")).await, None);
    let once = |name: &str| Element::new("oneTimePrecisionBootDevice").with("device", name);
    assert!(api.set(ONE_TIME, once("dvd")).await.is_some());
    let devices = [
        device("lsbootHdd", "disk", "1"),
        device("lsbootVMedia", "dvd", "2").with("subtype", "cimc-mapped-dvd"),
        device("lsbootVMedia", "kvm", "3").with("subtype", "kvm-mapped-dvd"),
    ];
    let order = Element::new("lsbootDevPrecision").with("configuredBootMode", "Uefi").holding(devices);
    assert_eq!(api.set(PRECISE, order).await, None);
    assert_eq!(api.property(PRECISE, "lastConfiguredBootOrderSource").await, "CIMC");
    assert_eq!(api.set(ONE_TIME, once("dvd")).await, None);
    assert_eq!(api.property(PRECISE, "lastConfiguredBootOrderSource").await, "CIMCOneTimeBoot");
    let path = api.bench.system().await;
    let shown = &api.bench.get(&path).await["Boot"];
    assert_eq!(
        (&shown["BootSourceOverrideEnabled"], &shown["BootSourceOverrideTarget"]),
        (&json!("Once"), &json!("Cd"))
    );
    api.bench.wait(9).await;
    power(&api, "up").await;
    api.bench.state("callback", "Done").await;
    // Once from the CD; the order puts the disk first.
    assert_eq!(api.bench.boots(), ["Cd", "Hdd"]);
    assert_eq!(api.bench.get(&path).await["Boot"]["BootSourceOverrideEnabled"], "Disabled");
}

#[tokio::test(start_paused = true)]
async fn there_is_one_device_that_is_booted_once_whoever_set_it() {
    let api = Nuova::new(&[]).await;
    let devices = [device("lsbootPxe", "net", "1"), device("lsbootVMedia", "dvd", "2")];
    api.set(PRECISE, Element::new("lsbootDevPrecision").holding(devices)).await;
    let once = Element::new("oneTimePrecisionBootDevice").with("device", "net");
    assert_eq!(api.set(ONE_TIME, once).await, None);
    let path = api.bench.system().await;
    let cd = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
    assert_eq!(api.bench.patch(&path, cd).await.status, 204);
    assert_eq!(api.property(ONE_TIME, "device").await, "dvd");
    let clear = Element::new("oneTimePrecisionBootDevice").with("adminAction", "clear-one-time-boot-device");
    assert_eq!(api.set(ONE_TIME, clear).await, None);
    assert_eq!(api.property(ONE_TIME, "device").await, "");
    assert_eq!(api.bench.get(&path).await["Boot"]["BootSourceOverrideEnabled"], "Disabled");
}

#[tokio::test(start_paused = true)]
async fn the_precise_order_decides() {
    let api = Nuova::new(&[]).await;
    assert_eq!(api.set(MAP, map("node1.iso")).await, None);
    api.bench.wait(9).await;
    let dvd = |state: &str| {
        let dn = format!("{PRECISE}/vm-dvd");
        let device = Element::new("lsbootVMedia").with("name", "dvd").with("order", "1").with("state", state);
        (dn, device.with("subtype", "cimc-mapped-dvd"))
    };
    let order = Element::new("lsbootDevPrecision").holding([device("lsbootHdd", "disk", "1")]);
    assert_eq!(api.set(PRECISE, order).await, None);
    // Put before the disk, and it is what installs; but not while it is disabled.
    let (dn, disabled) = dvd("Disabled");
    assert_eq!(api.set(&dn, disabled).await, None);
    assert_eq!(api.property(&format!("{PRECISE}/hdd-disk"), "order").await, "2");
    power(&api, "up").await;
    api.bench.state("guest", "no bootable device").await;
    let (dn, enabled) = dvd("Enabled");
    assert_eq!(api.set(&dn, enabled).await, None);
    let reboot = Element::new("lsbootDevPrecision").with("rebootOnUpdate", "yes");
    assert_eq!(api.set(PRECISE, reboot).await, None);
    api.bench.state("boot-source", "Cd#2").await;

    for (dn, bad) in [
        ("vm-dvd", Element::new("lsbootVMedia").with("order", "0")),
        ("vm-dvd", Element::new("lsbootVMedia").with("order", "256")),
        ("vm-dvd", Element::new("lsbootVMedia").with("subtype", "tape")),
        ("vm--", Element::new("lsbootVMedia").with("name", "-")),
        ("pxe-dvd", device("lsbootPxe", "dvd", "1")),
        ("nvme-x", Element::new("lsbootNVMe").with("status", "deleted")),
    ] {
        assert!(api.set(&format!("{PRECISE}/{dn}"), bad.clone()).await.is_some(), "{}", bad.text());
    }
    let gone = Element::new("lsbootVMedia").with("status", "deleted");
    assert_eq!(api.set(&format!("{PRECISE}/vm-dvd"), gone).await, None);
    assert_eq!(api.get(PRECISE).await.unwrap().children.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn secure_boot_and_boot_mode_agree() {
    let api = Nuova::new(&["no-boot-mode"]).await;
    let mode = |mode: &str| Element::new("lsbootDevPrecision").with("configuredBootMode", mode);
    let security = "sys/rack-unit-1/boot-policy/boot-security";
    assert_eq!(api.set(PRECISE, mode("Legacy")).await, None);
    let path = api.bench.system().await;
    assert_eq!(api.bench.get(&path).await["Boot"]["BootSourceOverrideMode"], "Legacy");
    assert_eq!(
        api.set(security, Element::new("lsbootBootSecurity").with("secureBoot", "enabled")).await,
        None
    );
    assert_eq!(api.property(PRECISE, "configuredBootMode").await, "Uefi");
    assert!(api.set(PRECISE, mode("Legacy")).await.is_some());
    let secure = api.bench.get(&format!("{path}/SecureBoot")).await;
    assert_eq!(
        (&secure["SecureBootEnable"], &secure["SecureBootCurrentBoot"]),
        (&json!(true), &json!("Disabled"))
    );
    api.bench.patch(&format!("{path}/SecureBoot"), json!({"SecureBootEnable": false})).await;
    assert_eq!(api.property(security, "secureBoot").await, "disabled");
    assert_eq!(api.set(PRECISE, mode("None")).await, None);
    assert_eq!(api.property(PRECISE, "configuredBootMode").await, "None");
    assert!(api.set(PRECISE, mode("UEFI")).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn tokens_are_in_force_after_the_next_post() {
    let api = Nuova::new(&[]).await;
    let dn = "sys/rack-unit-1/bios/bios-settings";
    let token =
        |class: &str, rn: &str, name: &str, value: &str| Element::new(class).with("rn", rn).with(name, value);
    let wanted = [
        token("biosVfSrIov", "sr-iov", "vpSrIov", "enabled"),
        token("biosVfCPUPerformance", "CPU-Performance", "vpCPUPerformance", "high-throughput"),
    ];
    assert_eq!(api.set(dn, Element::new("biosSettings").holding(wanted)).await, None);
    assert_eq!(api.property(&format!("{dn}/sr-iov"), "vpSrIov").await, "Disabled");
    power(&api, "up").await;
    api.bench.state("post", "done").await;
    assert_eq!(api.property(&format!("{dn}/sr-iov"), "vpSrIov").await, "Enabled");
    let bios = format!("{}/Bios", api.bench.system().await);
    let shown = api.bench.get(&bios).await;
    assert_eq!(shown["Attributes"]["CPUPerformance"], "High Throughput");
    // The reverse, and back to the factory value.
    assert_eq!(api.bench.patch(&bios, json!({"Attributes": {"CPUPerformance": "HPC"}})).await.status, 204);
    let back = token("biosVfSrIov", "sr-iov", "vpSrIov", "platform-default");
    assert_eq!(api.set(&format!("{dn}/sr-iov"), back).await, None);
    power(&api, "cycle-immediate").await;
    api.bench.state("bios", "SrIov=Disabled").await;
    assert_eq!(api.property(&format!("{dn}/CPU-Performance"), "vpCPUPerformance").await, "HPC");
    assert_eq!(api.property("sys/rack-unit-1/bios/bios-defaults/sr-iov", "vpSrIov").await, "Disabled");
    let fixed = token("biosVfSrIov", "sr-iov", "vpSrIov", "Enabled");
    assert!(api.set("sys/rack-unit-1/bios/bios-defaults/sr-iov", fixed).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn virtual_drives_are_made_initialised_and_deleted() {
    let api = Nuova::new(&["cookie-needs-refresh"]).await;
    assert!(api.get(&format!("{RAID}/pd-1")).await.is_none(), "the host is off");
    power(&api, "up").await;
    api.bench.state("post", "done").await;
    let creator = format!("{RAID}/virtual-drive-create");
    let make = |group: &str, level: &str| {
        Element::new("storageVirtualDriveCreatorUsingUnusedPhysicalDrive")
            .with("driveGroup", group)
            .with("raidLevel", level)
            .with("virtualDriveName", "data")
            .with("size", "1000 GB")
            .with("adminState", "trigger")
    };
    for (group, level) in
        [("[1, 2]", "1"), ("[1,2]", "10"), ("[1,2][3,4]", "1"), ("[1,9]", "1"), ("[1,2]", "7")]
    {
        assert!(api.set(&creator, make(group, level)).await.is_some(), "{group} {level}");
    }
    assert_eq!(api.set(&creator, make("[1,2][3,4]", "10")).await, None);
    let vd = api.get(&format!("{RAID}/vd-0")).await.unwrap();
    assert_eq!(
        (vd.get("raidLevel"), vd.get("size"), vd.get("spanDepth")),
        (Some("RAID 10"), Some("1024000 MB"), Some("2"))
    );
    assert_eq!(vd.children.len(), 4);
    assert_eq!(api.property(&format!("{RAID}/pd-3"), "driveState").await, "Online");
    let storage = format!("{}/Storage/MRAID", api.bench.system().await);
    assert_eq!(api.bench.get(&format!("{storage}/Volumes/0")).await["Name"], "data");
    let full = Element::new("storageVirtualDrive").with("adminAction", "start-full-initialization");
    assert_eq!(api.set(&format!("{RAID}/vd-0"), full).await, None);
    assert_eq!(api.property(&format!("{RAID}/vd-0"), "vdStatus").await, "Initializing");
    api.bench.wait(700).await;
    assert_eq!(api.property(&format!("{RAID}/vd-0"), "vdStatus").await, "Optimal");
    let action = |action: &str| Element::new("storageVirtualDrive").with("adminAction", action);
    assert_eq!(api.set(&format!("{RAID}/vd-0"), action("set-boot-drive")).await, None);
    assert_eq!(api.property(&format!("{RAID}/vd-0"), "bootDrive").await, "true");
    assert_eq!(api.set(&format!("{RAID}/vd-0"), action("start-fast-initialization")).await, None);
    let disk = |action: &str| Element::new("storageLocalDisk").with("adminAction", action);
    assert!(api.set(&format!("{RAID}/pd-1"), disk("make-jbod")).await.is_some(), "in use");
    let gone = Element::new("storageVirtualDrive").with("status", "deleted");
    assert_eq!(api.set(&format!("{RAID}/vd-0"), gone).await, None);
    assert_eq!(api.bench.get(&format!("{storage}/Volumes")).await["Members"], json!([]));
    assert_eq!(api.set(&format!("{RAID}/pd-1"), disk("make-jbod")).await, None);
    assert_eq!(api.property(&format!("{RAID}/pd-1"), "driveState").await, "JBOD");
    assert_eq!(api.set(&format!("{RAID}/pd-1"), disk("make-unconfigured-good")).await, None);
    assert_eq!(api.set(&format!("{RAID}/pd-1"), disk("make-global-hot-spare")).await, None);
    assert_eq!(api.property(&format!("{RAID}/pd-1"), "pdStatus").await, "Global Hot Spare");
}

#[tokio::test(start_paused = true)]
async fn redfish_can_be_switched_off_and_on_again() {
    let api = Nuova::new(&[]).await;
    let redfish = "sys/svc-ext/redfish-svc";
    assert_eq!(api.property(redfish, "activeSessions").await, "1");
    let state = |state: &str| Element::new("commRedfish").with("adminState", state);
    assert_eq!(api.set(redfish, state("disabled")).await, None);
    let root = api.bench.call(http::Method::GET, "/redfish/v1", None).await;
    assert_eq!(root.status, 503);
    assert_eq!(api.property(redfish, "adminState").await, "disabled");
    assert!(api.set(redfish, state("perhaps")).await.is_some());
    assert_eq!(api.set(redfish, state("enabled")).await, None);
    api.bench.get("/redfish/v1").await;
}
