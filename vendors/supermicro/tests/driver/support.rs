//! A Supermicro BMC of a few documents.

use rackhand_bmc::{Bmc, Driver, Target};
use rackhand_supermicro::Supermicro;
use rackhand_testing::{Service, target};
use serde_json::{Value, json};

pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/1";
pub(crate) const MANAGER: &str = "/redfish/v1/Managers/1";
pub(crate) const BIOS: &str = "/redfish/v1/Systems/1/Bios";
pub(crate) const SETTINGS: &str = "/redfish/v1/Systems/1/Bios/SD";
pub(crate) const SLOT: &str = "/redfish/v1/Managers/1/VirtualMedia/VirtualMedia1";
pub(crate) const UPDATE: &str = "/redfish/v1/UpdateService";

pub(crate) fn link(uri: &str) -> Value {
    json!({"@odata.id": uri})
}

fn enumeration(name: &str, words: &[&str]) -> Value {
    let value =
        |(number, word): (usize, &&str)| json!({"ValueName": number.to_string(), "ValueDisplayName": word});
    let values: Vec<Value> = words.iter().enumerate().map(value).collect();
    json!({"AttributeName": name, "Type": "Enumeration", "DefaultValue": words[0], "Value": values, "ReadOnly": false})
}

fn system(model: &str) -> Value {
    json!({"@odata.id": SYSTEM, "Id": "1", "Manufacturer": "Supermicro", "Model": model, "SerialNumber": "SERIAL1",
        "PowerState": "Off",
        "Boot": {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideMode": "UEFI",
            "BootOrder": ["Boot0001", "Boot0002"],
            "BootSourceOverrideTarget@Redfish.AllowableValues":
                ["None", "Pxe", "Cd", "Usb", "Hdd", "BiosSetup", "UsbCd", "UefiHttp"]},
        "Actions": {"#ComputerSystem.Reset": {"target": format!("{SYSTEM}/Actions/ComputerSystem.Reset"),
            "@Redfish.ActionInfo": format!("{SYSTEM}/ResetActionInfo")}},
        "Bios": link(BIOS), "VirtualMedia": link(&format!("{MANAGER}/VirtualMedia")),
        "Links": {"ManagedBy": [link(MANAGER)]}})
}

/// A BMC of firmware 11.01 in a server of that model.
pub(crate) fn server(model: &str) -> Service {
    let insert = json!({"target": format!("{SLOT}/Actions/VirtualMedia.InsertMedia")});
    Service::new(&json!({
        "/redfish/v1": {"RedfishVersion": "1.11.0", "Oem": {"Supermicro": {}}, "Systems": link("/redfish/v1/Systems"),
            "Registries": link("/redfish/v1/Registries"), "UpdateService": link(UPDATE),
            "Links": {"Sessions": link("/redfish/v1/SessionService/Sessions")}},
        "/redfish/v1/Systems": {"Members": [link(SYSTEM)]},
        SYSTEM: system(model),
        format!("{SYSTEM}/ResetActionInfo"): {"Parameters": [{"Name": "ResetType", "AllowableValues": ["On", "ForceOff"]}]},
        MANAGER: {"@odata.id": MANAGER, "Id": "1", "Model": "ASPEED", "FirmwareVersion": "11.01.01",
            "VirtualMedia": link(&format!("{MANAGER}/VirtualMedia"))},
        format!("{MANAGER}/VirtualMedia"): {"Members": [link(SLOT)]},
        SLOT: {"@odata.id": SLOT, "Id": "VirtualMedia1", "MediaTypes": ["CD", "DVD", "Floppy", "USBStick"], "Image": null,
            "Inserted": false, "ConnectedVia": "NotConnected", "WriteProtected": null,
            "Actions": {"#VirtualMedia.InsertMedia": insert}},
        BIOS: {"@odata.id": BIOS, "AttributeRegistry": "BiosAttributeRegistry.v1_0_0",
            "Attributes": {"SR_IOVSupport_0047": "Enabled", "TurboMode_3D06": "Enable", "TXTSupport#0062": "Disable",
                "TXTSupport#0072": "Disable"},
            "@Redfish.Settings": {"SettingsObject": link(SETTINGS)}},
        SETTINGS: {"@odata.id": SETTINGS, "Id": "SD"},
        "/redfish/v1/Registries": {"Members": [link("/redfish/v1/Registries/BiosAttributeRegistry")]},
        "/redfish/v1/Registries/BiosAttributeRegistry": {"Location": [{"Language": "en", "Uri": "/registries/bios.json"}]},
        "/registries/bios.json": {"RegistryEntries": {"Attributes": [
            enumeration("SR_IOVSupport_0047", &["Disabled", "Enabled"]),
            enumeration("TurboMode_3D06", &["Disable", "Enable"]),
            enumeration("TXTSupport#0062", &["Disable", "Enable"]),
            enumeration("TXTSupport#0072", &["Disable", "Enable"])]}},
        UPDATE: {"@odata.id": UPDATE, "MultipartHttpPushUri": format!("{UPDATE}/upload"),
            "FirmwareInventory": link(&format!("{UPDATE}/FirmwareInventory")),
            "Actions": {"#UpdateService.StartUpdate": {"target": format!("{UPDATE}/Actions/UpdateService.StartUpdate")}}},
    }))
}

pub(crate) fn sys() -> Service {
    server("SYS-821GE-TNHR")
}

pub(crate) async fn connect(service: &Service, off: &[&str]) -> Bmc {
    let quirks_off = off.iter().map(|name| (*name).to_owned()).collect();
    let target = Target { quirks_off, ..target() };
    Supermicro.connect(service.link().await, target).await.unwrap()
}
