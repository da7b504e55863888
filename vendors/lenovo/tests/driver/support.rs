//! An XCC of a few documents.

use rackhand_bmc::{Bmc, Driver, Target};
use rackhand_lenovo::Lenovo;
use rackhand_testing::{Service, target};
use serde_json::{Value, json};

pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/1";
pub(crate) const PENDING: &str = "/redfish/v1/Systems/1/Pending";
pub(crate) const MANAGER: &str = "/redfish/v1/Managers/1";
pub(crate) const BIOS: &str = "/redfish/v1/Systems/1/Bios";
pub(crate) const MEDIA: &str = "/redfish/v1/Systems/1/VirtualMedia";
pub(crate) const RAID: &str = "/redfish/v1/Systems/1/Storage/RAID_Slot4";
pub(crate) const KEYS: &str = "/redfish/v1/Managers/1/Oem/Lenovo/FoD/Keys";

pub(crate) fn link(uri: &str) -> Value {
    json!({"@odata.id": uri})
}

fn slot(id: &str) -> Value {
    json!({"@odata.id": format!("{MEDIA}/{id}"), "@odata.etag": "\"550d1002\"", "Id": id, "Name": "VirtualMedia",
        "MediaTypes": ["CD", "DVD", "Floppy", "USBStick"], "Image": null, "Inserted": false, "ConnectedVia": "NotConnected",
        "WriteProtected": true, "VerifyCertificate": false})
}

fn drive(id: &str) -> Value {
    json!({"@odata.id": format!("{RAID}/Drives/{id}"), "Id": id, "Status": {"State": "Enabled", "Health": "OK"}})
}

fn system(model: &str) -> Value {
    json!({"@odata.id": SYSTEM, "@odata.etag": "\"5\"", "Id": "1", "Manufacturer": "Lenovo", "Model": model,
        "SerialNumber": "SERIAL1", "PowerState": "On",
        "Boot": {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None", "BootSourceOverrideMode": "UEFI",
            "BootOrder": ["Boot0003", "Boot0002"],
            "BootSourceOverrideEnabled@Redfish.AllowableValues": ["Once", "Disabled"],
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Cd", "Hdd", "BiosSetup"]},
        "@Redfish.Settings": {"SettingsObject": link(PENDING), "SupportedApplyTimes": ["OnReset"]},
        "Actions": {"#ComputerSystem.Reset": {"target": format!("{SYSTEM}/Actions/ComputerSystem.Reset"),
            "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown", "ForceRestart", "Nmi"]}},
        "Bios": link(BIOS), "VirtualMedia": link(MEDIA), "Storage": link(&format!("{SYSTEM}/Storage")),
        "Links": {"ManagedBy": [link(MANAGER)]}})
}

/// An XCC in a server of that model, with two free drives and the Enterprise upgrade.
pub(crate) fn server(model: &str) -> Service {
    let ids = ["EXT1", "EXT2", "RDOC1", "Remote1"];
    let attributes = json!({"Processors_TurboMode": "Enabled", "Processors_SNC": "Disabled", "Delay": 5});
    let service = Service::new(&json!({
        "/redfish/v1": {"RedfishVersion": "1.15.0", "Vendor": "Lenovo", "Systems": link("/redfish/v1/Systems"),
            "Links": {"Sessions": link("/redfish/v1/SessionService/Sessions")}},
        "/redfish/v1/Systems": {"Members": [link(SYSTEM)]},
        SYSTEM: system(model),
        PENDING: {"@odata.id": PENDING, "Boot": {"BootOrder": ["Boot0003", "Boot0002"]}},
        MANAGER: {"@odata.id": MANAGER, "Id": "1", "Model": "Lenovo XClarity Controller",
            "FirmwareVersion": "TGBT42S 2.83 2023-07-05", "Oem": {"Lenovo": {"FoD": link("/redfish/v1/Managers/1/Oem/Lenovo/FoD")}}},
        "/redfish/v1/Managers/1/Oem/Lenovo/FoD": {"Keys": link(KEYS)},
        KEYS: {"Members": [link(&format!("{KEYS}/53"))]},
        format!("{KEYS}/53"): {"Name": "Activation Key", "Description": "Lenovo XClarity Controller Enterprise Upgrade", "Status": "Valid"},
        MEDIA: {"Members": ids.map(|id| link(&format!("{MEDIA}/{id}")))},
        BIOS: {"@odata.id": BIOS, "Attributes": attributes,
            "@Redfish.Settings": {"SettingsObject": link(&format!("{BIOS}/Pending")), "SupportedApplyTimes": ["OnReset"]}},
        format!("{BIOS}/Pending"): {"@odata.id": format!("{BIOS}/Pending"), "Attributes": attributes},
        format!("{SYSTEM}/Storage"): {"Members": [link(RAID)]},
        RAID: {"@odata.id": RAID, "Id": "RAID_Slot4", "Volumes": link(&format!("{RAID}/Volumes")),
            "StorageControllers": [{"Model": "RAID 940-8i", "SupportedRAIDTypes": ["RAID0", "RAID1"]}],
            "Drives": [link(&format!("{RAID}/Drives/0")), link(&format!("{RAID}/Drives/1"))]},
        format!("{RAID}/Volumes"): {"Members": []},
        format!("{RAID}/Drives/0"): drive("0"),
        format!("{RAID}/Drives/1"): drive("1"),
    }));
    service.change(|documents| ids.iter().for_each(|id| documents.put(&format!("{MEDIA}/{id}"), slot(id))));
    service
}

pub(crate) fn v2() -> Service {
    server("ThinkSystem SR670 V2")
}

pub(crate) async fn connect(service: &Service, off: &[&str]) -> Bmc {
    let quirks_off = off.iter().map(|name| (*name).to_owned()).collect();
    let target = Target { quirks_off, ..target() };
    Lenovo.connect(service.link().await, target).await.unwrap()
}
