//! A sound service of a few documents.

use rackhand_bmc::{Bmc, Driver, Result, Target};
use rackhand_redfish::StandardDriver;
use rackhand_testing::{Service, target};
use serde_json::{Value, json};

pub(crate) const ROOT: &str = "/redfish/v1";
pub(crate) const SYSTEMS: &str = "/redfish/v1/Systems";
pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/system";
pub(crate) const MANAGER: &str = "/redfish/v1/Managers/bmc";
pub(crate) const MEDIA: &str = "/redfish/v1/Managers/bmc/VirtualMedia";
pub(crate) const SLOT: &str = "/redfish/v1/Managers/bmc/VirtualMedia/Slot_1";
pub(crate) const BIOS: &str = "/redfish/v1/Systems/system/Bios";
pub(crate) const RAID: &str = "/redfish/v1/Systems/system/Storage/1";
pub(crate) const UPDATE: &str = "/redfish/v1/UpdateService";

pub(crate) fn link(uri: &str) -> Value {
    json!({"@odata.id": uri})
}

fn system() -> Value {
    json!({"@odata.id": SYSTEM, "@odata.etag": "W/\"1\"", "Id": "system", "PowerState": "Off", "SerialNumber": "S1",
        "Boot": {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None",
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd", "Cd"]},
        "Actions": {"#ComputerSystem.Reset": {"target": format!("{SYSTEM}/Actions/ComputerSystem.Reset")}},
        "Bios": link(BIOS), "Storage": link(&format!("{SYSTEM}/Storage")),
        "Links": {"ManagedBy": [link(MANAGER)]}})
}

/// One host with one slot, a registry and a controller.
pub(crate) fn service() -> Service {
    let action = |name: &str| json!({"target": format!("{SLOT}/Actions/VirtualMedia.{name}")});
    Service::new(&json!({
        ROOT: {"RedfishVersion": "1.17.0", "Systems": link(SYSTEMS), "Managers": link("/redfish/v1/Managers"),
            "Registries": link("/redfish/v1/Registries"), "UpdateService": link(UPDATE),
            "Links": {"Sessions": link("/redfish/v1/SessionService/Sessions")}},
        SYSTEMS: {"Members": [link(SYSTEM)]},
        SYSTEM: system(),
        MANAGER: {"@odata.id": MANAGER, "Id": "bmc", "FirmwareVersion": "2.15.0", "VirtualMedia": link(MEDIA),
            "Actions": {"#Manager.Reset": {"target": format!("{MANAGER}/Actions/Manager.Reset")}}},
        MEDIA: {"Members": [link(SLOT)]},
        SLOT: {"@odata.id": SLOT, "Id": "Slot_1", "MediaTypes": ["CD", "USBStick"], "Image": "", "Inserted": false,
            "Actions": {"#VirtualMedia.InsertMedia": action("InsertMedia"), "#VirtualMedia.EjectMedia": action("EjectMedia")}},
        BIOS: {"@odata.id": BIOS, "AttributeRegistry": "BiosAttributeRegistry.v1_0_1", "Attributes": {"TCG003": "Enable"}},
        "/redfish/v1/Registries": {"Members": [link("/redfish/v1/Registries/BiosAttributeRegistry.v1_0_1")]},
        "/redfish/v1/Registries/BiosAttributeRegistry.v1_0_1": {"Location": [{"Language": "en", "Uri": "/registry"}]},
        "/registry": {"RegistryEntries": {"Attributes": [{"AttributeName": "TCG003", "DisplayName": "Security Device Support",
            "Type": "Enumeration", "Value": [{"ValueName": "Enable"}, {"ValueName": "Disable"}]}]}},
        format!("{SYSTEM}/Storage"): {"Members": [link(RAID)]},
        RAID: {"@odata.id": RAID, "Id": "1", "Volumes": link(&format!("{RAID}/Volumes")), "Drives": []},
        format!("{RAID}/Volumes"): {"Members": []},
        UPDATE: {"@odata.id": UPDATE, "FirmwareInventory": link(&format!("{UPDATE}/FirmwareInventory"))},
        format!("{UPDATE}/FirmwareInventory"): {"Members": []},
    }))
}

/// The service with something changed in one of its documents.
pub(crate) fn with(uri: &str, change: &Value) -> Service {
    let service = service();
    service.change(|documents| documents.merge(uri, change));
    service
}

pub(crate) async fn connect(service: &Service, off: &[&str]) -> Result<Bmc> {
    let quirks_off = off.iter().map(|name| (*name).to_owned()).collect();
    let target = Target { quirks_off, ..target() };
    StandardDriver.connect(service.link().await, target).await
}
