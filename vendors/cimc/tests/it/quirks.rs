//! Every row of the table as a case: with its cure it comes out well, without it, it does not.

use http::Method;
use rackhand_bmc::{
    Bmc, BootMode, BootOverride, BootTarget, DriveState, HostProgress, MediaImage, NewVolume, Operation,
    OverrideEnabled, RaidLevel, Readiness, ReadyState, Target,
};
use rackhand_cimc::quirks;
use rackhand_testing::{Reply, Service, target};
use serde_json::{Value, json};

use crate::{
    arrays,
    boot::objects as boot_objects,
    deviations::{MANAGER, MEDIA, SYSTEM, cimc, link, rack, stage},
    firmware, listed,
    media::{mapping, service_object},
    nuova::{Nuova, without},
    tokens,
};

const URL: &str = "https://192.0.2.1/t/a.iso";

fn image() -> MediaImage {
    MediaImage { url: URL.to_owned(), credentials: None }
}

async fn redfish(service: &Service, target: Target) -> Bmc {
    Nuova::beside(service, &[]).connect(target).await
}

/// Whether what a row is about comes out well.
async fn comes_out_well(name: &str, target: Target) -> bool {
    match name {
        "adapters-are-managers" => {
            redfish(&rack(), target).await.identity.bmc_version.as_deref() == Some("4.1(3d)")
        }
        "override-without-mode" => override_in_a_mode(target).await,
        "post-completion-status" => {
            let bmc = redfish(&rack(), target).await;
            bmc.power().unwrap().observe().await.unwrap().progress == HostProgress::PostFinished
        }
        "kvm-slots-refuse-images" => {
            let bmc = redfish(&blade("KVM-Mapped vDVD"), target).await;
            let slots = bmc.media().unwrap().slots().await.unwrap();
            slots.iter().filter(|slot| slot.can_insert).count() == 1
        }
        "mapped-dvd-is-last" => {
            let bmc = redfish(&blade("vDVD"), target).await;
            bmc.choose_slot().await.unwrap().id.0 == format!("{MEDIA}/3")
        }
        "insert-wants-everything" => mounted_with_everything(target).await,
        "media-by-xml" => {
            let service = rack();
            service.change(|documents| documents.merge(MANAGER, &json!({"VirtualMedia": Value::Null})));
            let bmc = Nuova::beside(&service, &[service_object("enabled")]).connect(target).await;
            bmc.choose_slot().await.is_ok()
        }
        "mapping-fails-later" => failed_with_a_reason(target).await,
        "bios-flat-body" => written_flat(target).await,
        "bios-pending-hidden" => redfish(&rack(), target).await.require(Operation::BiosPendingRead).is_err(),
        "bios-by-xml" => tokens::nuova(&tokens::without_bios()).connect(target).await.bios().is_ok(),
        "boot-by-xml" => {
            let bmc = Nuova::beside(&rack(), &boot_objects()).connect(target).await;
            bmc.boot().unwrap().order().await.unwrap().len() == 3
        }
        "secure-boot-by-xml" => {
            let bmc = Nuova::beside(&rack(), &boot_objects()).connect(target).await;
            bmc.boot().unwrap().secure_boot().await.is_ok()
        }
        "partial-inventory" => {
            let service = rack();
            let partial = json!({"Oem": {"Cisco": {"InventoryState": "PartialInventoryReady"}}});
            service.change(|documents| documents.merge(SYSTEM, &partial));
            let bmc = redfish(&service, target).await;
            let ready = bmc.manager().unwrap().ready(Readiness::StorageInventory).await.unwrap();
            ready != ReadyState::Ready
        }
        "drive-state-oem" => listed::seen(target).await.0 == DriveState::Ready,
        "spans-oem" => listed::seen(target).await.1 == 2,
        "m2-mirrors-only" => {
            let stripe =
                NewVolume { raid: RaidLevel::Raid0, ..arrays::mirror(arrays::M2, "boot", &[253, 254]) };
            let bmc = arrays::nuova().connect(target).await;
            bmc.storage().unwrap().create_volume(&stripe).await.is_err()
        }
        "no-ethernet-interfaces" => addresses(target).await == ["00:25:b5:00:00:01", "00:25:b5:00:00:02"],
        "image-without-scheme" => firmware::place_sent(target).await == "192.0.2.1:/fw/c.bin",
        "volumes-by-xml" => {
            let bmc = arrays::nuova().connect(target).await;
            bmc.capabilities.unverified(Operation::StorageWrite).is_none() && bmc.storage().is_ok()
        }
        other => panic!("the row {other} has no case"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_cure_is_needed() {
    for quirk in quirks() {
        assert!(comes_out_well(quirk.name, target()).await, "with its cure: {quirk}");
        assert!(!comes_out_well(quirk.name, without(quirk.name)).await, "without its cure: {quirk}");
    }
}

fn blade(first: &str) -> Service {
    let (optical, mapped): (&[&str], &[&str]) = (&["CD", "DVD"], &["DVD"]);
    cimc("UCSX-210C-M6", "5.0(1b)", &[("0", first, optical), ("3", "CIMC-Mapped vDVD", mapped)])
}

/// The firmware knows no mode, and refuses a body that holds one.
async fn override_in_a_mode(target: Target) -> bool {
    let service = rack().rule(|asked, _| {
        let mode = asked.body.pointer("/Boot/BootSourceOverrideMode").is_some();
        (asked.is(&Method::PATCH, SYSTEM) && mode)
            .then(|| Reply::error(400, "Base.1.4.PropertyUnknown", "BootSourceOverrideMode is unknown"))
    });
    let once = BootOverride {
        target: BootTarget::Pxe,
        enabled: OverrideEnabled::Once,
        mode: Some(BootMode::Uefi),
        http_uri: None,
    };
    let bmc = Nuova::beside(&service, &[]).connect(target).await;
    bmc.boot().unwrap().set_override(once).await.is_ok()
}

/// What is left out is not refused: nothing comes of it.
async fn mounted_with_everything(target: Target) -> bool {
    let service = rack().rule(|asked, documents| {
        let everything = asked.body.get("TransferMethod").is_some();
        asked.is(&Method::POST, "InsertMedia").then(|| {
            if everything {
                let shown = json!({"Image": asked.body["Image"], "Inserted": true, "ConnectedVia": "URI"});
                documents.merge(&format!("{MEDIA}/0"), &shown);
            }
            Reply::empty(204)
        })
    });
    redfish(&service, target).await.mount(&image()).await.is_ok()
}

async fn failed_with_a_reason(target: Target) -> bool {
    let service = rack().rule(|asked, _| asked.is(&Method::POST, "InsertMedia").then(|| Reply::empty(204)));
    let failed = mapping("x", "cd", "a.iso", "ERROR: Connection refused");
    let bmc = Nuova::beside(&service, &[service_object("enabled"), failed]).connect(target).await;
    bmc.mount(&image()).await.unwrap_err().to_string().contains("Connection refused")
}

async fn written_flat(target: Target) -> bool {
    let service = rack().rule(|asked, _| {
        let wrapped = asked.body.get("Attributes").is_some();
        (asked.is(&Method::PATCH, "/Bios") && wrapped)
            .then(|| Reply::error(400, "Base.1.4.PropertyUnknown", "Attributes is unknown"))
    });
    let bmc = redfish(&service, target).await;
    bmc.bios().unwrap().stage(&stage(&[("IntelVT", "Enabled")])).await.is_ok()
}

/// Adapters with two addresses, one of them shown twice.
async fn addresses(target: Target) -> Vec<String> {
    let adapter = "/redfish/v1/Chassis/1/NetworkAdapters/MLOM";
    let (functions, ports) = (format!("{adapter}/NetworkDeviceFunctions"), format!("{adapter}/NetworkPorts"));
    let service = rack();
    service.change(|documents| {
        documents.merge(SYSTEM, &json!({"Links": {"Chassis": [link("/redfish/v1/Chassis/1")]}}));
        documents.put(
            "/redfish/v1/Chassis/1",
            json!({"NetworkAdapters": link("/redfish/v1/Chassis/1/NetworkAdapters")}),
        );
        documents.put("/redfish/v1/Chassis/1/NetworkAdapters", json!({"Members": [link(adapter)]}));
        documents.put(
            adapter,
            json!({"Id": "MLOM", "NetworkDeviceFunctions": link(&functions), "NetworkPorts": link(&ports)}),
        );
        documents.put(&functions, json!({"Members": [link(&format!("{functions}/eth0"))]}));
        let address = json!({"Id": "eth0", "Ethernet": {"MACAddress": "00-25-B5-00-00-01"}});
        documents.put(&format!("{functions}/eth0"), address);
        documents.put(&ports, json!({"Members": [link(&format!("{ports}/1")), link(&format!("{ports}/2"))]}));
        for (port, mac) in [("1", "00:25:B5:00:00:01"), ("2", "00:25:B5:00:00:02")] {
            let shown = json!({"Id": port, "AssociatedNetworkAddresses": [mac], "LinkStatus": "Up"});
            documents.put(&format!("{ports}/{port}"), shown);
        }
    });
    let bmc = redfish(&service, target).await;
    let ports = bmc.inventory().unwrap().ports().await.unwrap();
    assert_eq!(bmc.inventory().unwrap().inventory().await.unwrap().ports, ports);
    ports.into_iter().filter_map(|port| port.mac).collect()
}
