//! Each difference as a small case, over documents of our own.

use http::Method;
use rackhand_bmc::{
    AttributeValue, AttributeVerdict, Attributes, BiosStage, Bmc, BootTarget, Claim, Driver, ErrorKind,
    HostProgress, MediaImage, Operation, Outcome, PendingSettings, Readiness, ReadyState, SlotId, Support,
};
use rackhand_cimc::Cimc;
use rackhand_testing::{Reply, Service, target};
use serde_json::{Value, json};

pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/WZP0000000A";
pub(crate) const MANAGER: &str = "/redfish/v1/Managers/CIMC";
pub(crate) const MEDIA: &str = "/redfish/v1/Managers/CIMC/VirtualMedia";

pub(crate) fn link(uri: &str) -> Value {
    json!({"@odata.id": uri})
}

fn slot(id: &str, name: &str, types: &[&str]) -> Value {
    let uri = format!("{MEDIA}/{id}");
    let sentence = ["This parameter shall contain a URI. (Required)"];
    json!({"@odata.id": uri, "Id": id, "Name": name, "MediaTypes": types, "Inserted": false, "ConnectedVia": "NotConnected",
        "Actions": {
            "#VirtualMedia.InsertMedia": {"target": format!("{uri}/Actions/VirtualMedia.InsertMedia"), "Image@Redfish.AllowableValues": sentence},
            "#VirtualMedia.EjectMedia": {"target": format!("{uri}/Actions/VirtualMedia.EjectMedia")}}})
}

/// A CIMC with these slots, in this order.
pub(crate) fn cimc(model: &str, firmware: &str, slots: &[(&str, &str, &[&str])]) -> Service {
    let service = Service::new(&json!({
        "/redfish/v1": {"RedfishVersion": "1.2.0", "Name": "Cisco RESTful Root Service", "Systems": link("/redfish/v1/Systems"),
            "Managers": link("/redfish/v1/Managers"), "Links": {"Sessions": link("/redfish/v1/SessionService/Sessions")}},
        "/redfish/v1/Systems": {"Members": [link(SYSTEM)]},
        SYSTEM: {"@odata.id": SYSTEM, "@odata.etag": "\"7\"", "Id": "WZP0000000A", "Manufacturer": "Cisco Systems Inc", "Model": model,
            "SerialNumber": "WZP0000000A", "PowerState": "On", "Oem": {"Cisco": {"PostCompletionStatus": true}},
            "Boot": {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None",
                "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Floppy", "Cd", "Hdd", "BiosSetup", "Diags"]},
            "Actions": {"#ComputerSystem.Reset": {"target": format!("{SYSTEM}/Actions/ComputerSystem.Reset"),
                "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown", "ForceRestart", "Nmi", "PowerCycle"]}},
            "Bios": link(&format!("{SYSTEM}/Bios")),
            "Links": {"ManagedBy": [link("/redfish/v1/Managers/UCSC-M-V100-04_FCH1"), link(MANAGER)]}},
        "/redfish/v1/Managers/UCSC-M-V100-04_FCH1": {"@odata.id": "/redfish/v1/Managers/UCSC-M-V100-04_FCH1", "ManagerType": "BMC",
            "FirmwareVersion": "5.1(3e)", "Actions": {"#Manager.Reset": {"target": "/x", "ResetType@Redfish.AllowableValues": []}}},
        MANAGER: {"@odata.id": MANAGER, "Id": "CIMC", "ManagerType": "BMC", "FirmwareVersion": firmware, "VirtualMedia": link(MEDIA),
            "Actions": {"#Manager.Reset": {"target": "/y", "ResetType@Redfish.AllowableValues": ["ForceRestart"]}}},
        MEDIA: {"Members": slots.iter().map(|(id, ..)| link(&format!("{MEDIA}/{id}"))).collect::<Vec<_>>()},
        format!("{SYSTEM}/Bios"): {"@odata.id": format!("{SYSTEM}/Bios"), "@odata.etag": "\"b1\"", "Attributes": {"IntelVT": "Disabled", "SrIov": "Enabled"}},
    }));
    service.change(|documents| {
        for (id, name, types) in slots {
            documents.put(&format!("{MEDIA}/{id}"), slot(id, name, types));
        }
    });
    service
}

pub(crate) fn rack() -> Service {
    cimc(
        "UCSC-C220-M5SX",
        "4.1(3d)",
        &[("1", "Virtual HDD", &["Floppy", "USBStick"]), ("0", "Virtual CD", &["CD", "DVD"])],
    )
}

pub(crate) async fn connect(service: &Service) -> Bmc {
    Cimc.connect(service.link().await, target()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_root_tells_with_and_without_a_vendor() {
    for (root, claim) in [
        (json!({"RedfishVersion": "1.0.0", "Name": "Cisco RESTful Root Service"}), Claim::Certain),
        (
            json!({"RedfishVersion": "1.9.0", "Name": "Root Service", "Vendor": "Cisco Systems Inc."}),
            Claim::Likely,
        ),
        (json!({"RedfishVersion": "1.9.0", "Name": "Root Service", "Oem": {"Cisco": {}}}), Claim::Likely),
        (
            json!({"RedfishVersion": "1.2.0", "Name": "Root Service", "Product": "UCSC-C225-M6S"}),
            Claim::Likely,
        ),
        // OpenBMC under the same name: the standard driver's.
        (
            json!({"RedfishVersion": "1.17.0", "Name": "Root Service", "Vendor": "Cisco Systems Inc.", "Product": "UCSC-845A-M8"}),
            Claim::No,
        ),
        (json!({"RedfishVersion": "1.17.0", "Name": "Root Service"}), Claim::No),
        (json!({"RedfishVersion": "1.17.0", "Name": "Wurzel"}), Claim::No),
    ] {
        let service = Service::new(&json!({"/redfish/v1": root}));
        assert_eq!(Cimc.probe(&service.link().await), claim, "{root}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_cimc_is_told_from_the_adapters_beside_it() {
    let bmc = connect(&rack()).await;
    assert_eq!(bmc.identity.bmc_version.as_deref(), Some("4.1(3d)"));
    assert_eq!(
        (bmc.identity.generation.as_str(), bmc.identity.serial.as_deref()),
        ("CIMC", Some("WZP0000000A"))
    );
    let blade = connect(&cimc("UCSX-210C-M6", "5.0(1b)", &[("3", "CIMC-Mapped vDVD", &["DVD"])])).await;
    assert_eq!(blade.identity.generation, "CIMC (X-series)");
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_chosen_by_type_and_name() {
    let chosen = async |service: Service| connect(&service).await.choose_slot().await.unwrap().id;
    assert_eq!(chosen(rack()).await, SlotId(format!("{MEDIA}/0")));
    let blade = cimc(
        "UCSX-210C-M6",
        "5.0(1b)",
        &[
            ("0", "KVM-Mapped vDVD", &["CD", "DVD"]),
            ("1", "KVM-Mapped vHDD", &["USBStick"]),
            ("3", "CIMC-Mapped vDVD", &["DVD"]),
        ],
    );
    assert_eq!(chosen(blade).await, SlotId(format!("{MEDIA}/3")));
}

#[tokio::test(start_paused = true)]
async fn an_image_maps_after_the_answer() {
    let service = rack().rule(|asked, documents| {
        let slot = format!("{MEDIA}/0");
        if asked.is(&Method::POST, "InsertMedia") {
            documents.merge(&slot, &json!({"Image": asked.body["Image"]}));
            return Some(Reply::empty(204));
        }
        let mapping =
            documents.get(&slot).is_some_and(|slot| slot.get("Image").is_some() && slot["Inserted"] == false);
        if asked.is(&Method::GET, &slot) && mapping {
            let answer = documents.get(&slot).cloned();
            documents.merge(&slot, &json!({"Inserted": true, "ConnectedVia": "URI"}));
            return answer.map(|answer| Reply::json(200, answer));
        }
        None
    });
    let image = MediaImage { url: "https://192.0.2.1/a.iso".to_owned(), credentials: None };
    let (slot, outcome) = connect(&service).await.mount(&image).await.unwrap();
    assert_eq!((slot.id, outcome), (SlotId(format!("{MEDIA}/0")), Outcome::Done));
    let bodies: Vec<Value> = service.writes().into_iter().map(|asked| asked.body).collect();
    assert_eq!(
        bodies,
        [json!({"Image": "https://192.0.2.1/a.iso", "Inserted": true, "WriteProtected": true,
        "TransferProtocolType": "HTTPS", "TransferMethod": "Stream"})]
    );
}

#[tokio::test(start_paused = true)]
async fn a_boot_override_has_no_mode_and_carries_the_etag() {
    let service = rack();
    let bmc = connect(&service).await;
    assert_eq!(bmc.boot_once(&BootTarget::Cd).await.unwrap(), Outcome::Done);
    let writes = service.writes();
    assert_eq!(
        writes[0].body,
        json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}})
    );
    assert_eq!(writes[0].if_match.as_deref(), Some("\"7\""));
    let way = bmc.capabilities.get(Operation::BootModeSet).unwrap();
    assert_eq!(way.support, Support::NeedsReset);
    assert!(format!("{:?}", way.learned).contains("by the XML API"), "{way:?}");
}

#[tokio::test(start_paused = true)]
async fn post_is_told_by_ciscos_own_property() {
    for (power, done, progress) in [
        ("On", json!(true), HostProgress::PostFinished),
        ("On", json!(false), HostProgress::InPost),
        ("On", Value::Null, HostProgress::Unknown),
        ("Off", json!(true), HostProgress::Off),
    ] {
        let service = rack();
        service.change(|documents| {
            documents.merge(
                SYSTEM,
                &json!({"PowerState": power, "Oem": {"Cisco": {"PostCompletionStatus": done}}}),
            )
        });
        assert_eq!(connect(&service).await.power().unwrap().observe().await.unwrap().progress, progress);
    }
}

pub(crate) fn stage(pairs: &[(&str, &str)]) -> BiosStage {
    let attributes: Attributes =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::from(*value))).collect();
    BiosStage { attributes, reason: "a test".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn bios_settings_go_to_bios_itself_and_wait_unseen() {
    let service = rack().rule(|asked, _| asked.is(&Method::PATCH, "/Bios").then(|| Reply::empty(204)));
    let bmc = connect(&service).await;
    let bios = bmc.bios().unwrap();
    assert_eq!(bios.state().await.unwrap().pending, PendingSettings::NotVisible);
    let wanted = stage(&[("IntelVT", "Enabled")]);
    let Outcome::Pending(pending) = bios.stage(&wanted).await.unwrap() else { panic!("staged") };
    assert!(pending.needs_reset && !pending.can_discard);
    let writes = service.writes();
    assert_eq!(writes[0].body, json!({"Attributes": {"IntelVT": "Enabled"}}));
    assert_eq!(
        (writes[0].path.as_str(), writes[0].if_match.as_deref()),
        ("/redfish/v1/Systems/WZP0000000A/Bios", Some("\"b1\""))
    );
    assert_eq!(
        bios.verify(&wanted, Some(&pending.mark)).await.unwrap().attributes["IntelVT"],
        AttributeVerdict::NotYet
    );
    assert_eq!(*bios.discard().await.unwrap_err().kind(), ErrorKind::Unsupported);
    for operation in [Operation::BiosPendingRead, Operation::BiosDiscard] {
        assert!(bmc.require(operation).is_err(), "{operation:?}");
    }
    assert_eq!(bmc.capabilities.get(Operation::BiosStage).unwrap().support, Support::NeedsReset);
    // After the boot the value itself is the evidence.
    service.change(|documents| {
        documents.merge(&format!("{SYSTEM}/Bios"), &json!({"Attributes": {"IntelVT": "Enabled"}}))
    });
    assert!(bios.verify(&wanted, None).await.unwrap().all_applied());
}

#[tokio::test(start_paused = true)]
async fn where_the_wrapper_is_refused_the_guides_flat_form_is_sent() {
    let service = rack().rule(|asked, _| {
        let wrapped = asked.body.get("Attributes").is_some();
        asked.is(&Method::PATCH, "/Bios").then(|| {
            if wrapped {
                Reply::error(400, "Base.1.4.PropertyUnknown", "Attributes is unknown")
            } else {
                Reply::empty(204)
            }
        })
    });
    let staged =
        connect(&service).await.bios().unwrap().stage(&stage(&[("IntelVT", "Enabled")])).await.unwrap();
    assert!(matches!(staged, Outcome::Pending(_)));
    assert_eq!(service.writes()[1].body, json!({"IntelVT": "Enabled"}));
}

#[tokio::test(start_paused = true)]
async fn newer_firmware_is_not_said_to_hide_what_waits() {
    let bmc = connect(&cimc("UCSC-C220-M7S", "4.3(2.230207)", &[])).await;
    assert!(bmc.require(Operation::BiosPendingRead).is_ok());
}

#[tokio::test(start_paused = true)]
async fn storage_may_be_listed_in_part() {
    let service = rack();
    service.change(|documents| {
        documents.merge(SYSTEM, &json!({"Oem": {"Cisco": {"InventoryState": "PartialInventoryReady"}}}))
    });
    let bmc = connect(&service).await;
    let manager = bmc.manager.as_deref().unwrap();
    let seen = ReadyState::NotYet("InventoryState is PartialInventoryReady".to_owned());
    assert_eq!(manager.ready(Readiness::StorageInventory).await.unwrap(), seen);
    service.change(|documents| {
        documents.merge(SYSTEM, &json!({"Oem": {"Cisco": {"InventoryState": "OobInventoryReady"}}}))
    });
    assert_eq!(manager.ready(Readiness::StorageInventory).await.unwrap(), ReadyState::Ready);
}
