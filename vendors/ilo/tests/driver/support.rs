//! An iLO of a few documents.

use rackhand_bmc::{Bmc, Driver};
use rackhand_ilo::Ilo;
use rackhand_testing::{Service, target};
use serde_json::{Value, json};

pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/1";
pub(crate) const MANAGER: &str = "/redfish/v1/Managers/1";
pub(crate) const BIOS: &str = "/redfish/v1/systems/1/bios";

pub(crate) fn link(uri: &str) -> Value {
    json!({"@odata.id": uri})
}

/// An iLO whose Manager says this of itself; the root names the generation only where `typed` is given.
pub(crate) fn ilo(typed: Option<&str>, model: &str, firmware: &str) -> Service {
    let slot = |id: &str, types: [&str; 2]| {
        let uri = format!("{MANAGER}/VirtualMedia/{id}");
        let action = |name: &str| json!({"target": format!("{uri}/Actions/VirtualMedia.{name}")});
        json!({"@odata.id": uri, "Id": id, "Name": "VirtualMedia", "MediaTypes": types, "Image": "", "Inserted": false,
            "ConnectedVia": "NotConnected",
            "Actions": {"#VirtualMedia.InsertMedia": action("InsertMedia"), "#VirtualMedia.EjectMedia": action("EjectMedia")}})
    };
    let oem = typed.map(|typed| json!({"Hpe": {"Manager": [{"ManagerType": typed}]}}));
    Service::new(&json!({
        "/redfish/v1": {"RedfishVersion": "1.6.0", "Vendor": "HPE", "Oem": oem, "Systems": link("/redfish/v1/Systems"),
            "Registries": link("/redfish/v1/Registries"), "Links": {"Sessions": link("/redfish/v1/SessionService/Sessions")}},
        "/redfish/v1/Systems": {"Members": [link("/redfish/v1/Systems/1/")]},
        SYSTEM: {"@odata.id": "/redfish/v1/Systems/1/", "Id": "1", "Manufacturer": "HPE", "Model": "ProLiant DL360 Gen10",
            "SerialNumber": "SERIAL1", "PowerState": "On",
            "Boot": {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None", "BootSourceOverrideMode": "UEFI",
                "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Cd", "Hdd", "BiosSetup"]},
            "Actions": {"#ComputerSystem.Reset": {"target": format!("{SYSTEM}/Actions/ComputerSystem.Reset"),
                "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown"]}},
            "Oem": {"Hpe": {"PostState": "FinishedPost"}},
            "Bios": link(BIOS), "Links": {"ManagedBy": [link(MANAGER)]}},
        MANAGER: {"@odata.id": MANAGER, "Id": "1", "Model": model, "FirmwareVersion": firmware,
            "VirtualMedia": link(&format!("{MANAGER}/VirtualMedia")),
            "Oem": {"Hpe": {"License": {"LicenseString": "iLO Advanced"}}}},
        format!("{MANAGER}/VirtualMedia"): {"Members": [link(&format!("{MANAGER}/VirtualMedia/1")), link(&format!("{MANAGER}/VirtualMedia/2"))]},
        format!("{MANAGER}/VirtualMedia/1"): slot("1", ["Floppy", "USBStick"]),
        format!("{MANAGER}/VirtualMedia/2"): slot("2", ["CD", "DVD"]),
        BIOS: {"@odata.id": BIOS, "AttributeRegistry": "BiosAttributeRegistryTest.v1_0_0",
            "Attributes": {"WorkloadProfile": "GeneralPowerEfficientCompute", "Sriov": "Enabled", "ProcTurbo": "Enabled", "MinProcIdlePower": "C6"},
            "@Redfish.Settings": {"SettingsObject": link(&format!("{BIOS}/settings/")), "ETag": "", "Time": null,
                "Messages": [{"MessageId": "Base.1.0.Success"}]}},
        format!("{BIOS}/settings"): {
            "Attributes": {"WorkloadProfile": "GeneralPowerEfficientCompute", "Sriov": "Enabled", "ProcTurbo": "Disabled", "MinProcIdlePower": "C6"}},
        "/redfish/v1/Registries": {"Members": [link("/redfish/v1/Registries/BiosAttributeRegistryTest.v1_0_0")]},
        "/redfish/v1/Registries/BiosAttributeRegistryTest.v1_0_0": {"Location": [{"Language": "en", "Uri": "/registry"}]},
        "/registry": registry(),
    }))
}

/// LowLatency turns SR-IOV off, and C-states, and locks both.
pub(crate) fn registry() -> Value {
    let attribute = |name: &str, values: &[&str]| {
        let values: Vec<Value> = values.iter().map(|value| json!({"ValueName": value})).collect();
        json!({"AttributeName": name, "Type": "Enumeration", "Value": values, "ReadOnly": false})
    };
    let when_low_latency = |name: &str, property: &str, value: Value| {
        json!({"DependencyFor": name, "Type": "Map", "Dependency": {
            "MapFrom": [{"MapFromAttribute": "WorkloadProfile", "MapFromProperty": "CurrentValue", "MapFromCondition": "EQU",
                         "MapFromValue": "LowLatency"}],
            "MapToAttribute": name, "MapToProperty": property, "MapToValue": value}})
    };
    json!({"RegistryEntries": {
    "Attributes": [
        attribute("WorkloadProfile", &["GeneralPowerEfficientCompute", "LowLatency", "Custom"]),
        attribute("Sriov", &["Enabled", "Disabled"]),
        attribute("ProcTurbo", &["Enabled", "Disabled"]),
        attribute("MinProcIdlePower", &["C6", "NoCStates"]),
    ],
    "Dependencies": [
        when_low_latency("Sriov", "CurrentValue", "Disabled".into()),
        when_low_latency("Sriov", "ReadOnly", true.into()),
        when_low_latency("MinProcIdlePower", "CurrentValue", "NoCStates".into()),
        when_low_latency("MinProcIdlePower", "ReadOnly", true.into()),
    ]}})
}

pub(crate) fn ilo5() -> Service {
    ilo(Some("iLO 5"), "iLO 5", "iLO 5 v2.72")
}

pub(crate) async fn connect(service: &Service) -> Bmc {
    Ilo.connect(service.link().await, target()).await.unwrap()
}
