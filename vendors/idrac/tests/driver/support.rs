//! An iDRAC made of documents, whole enough for every facet.

use http::Method;
use rackhand_bmc::{
    AttributeValue, Attributes, BiosStage, Bmc, BootOverride, BootTarget, Driver, OverrideEnabled,
};
use rackhand_idrac::Idrac;
use rackhand_testing::{Asked, Documents, Reply, Service, target};
use serde_json::{Value, json};

pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/System.Embedded.1";
pub(crate) const MANAGER: &str = "/redfish/v1/Managers/iDRAC.Embedded.1";

pub(crate) fn link(uri: &str) -> Value {
    json!({"@odata.id": uri})
}

pub(crate) fn slot(uri: &str, types: &[&str]) -> Value {
    let action = |name: &str| json!({"target": format!("{uri}/Actions/VirtualMedia.{name}")});
    json!({"@odata.id": uri, "Id": uri.rsplit('/').next(), "MediaTypes": types, "Image": null, "Inserted": false,
           "ConnectedVia": "NotConnected",
           "Actions": {"#VirtualMedia.InsertMedia": action("InsertMedia"), "#VirtualMedia.EjectMedia": action("EjectMedia")}})
}

/// An iDRAC whose Manager has this model and firmware.
pub(crate) fn dell(model: &str, firmware: &str) -> Service {
    let service = Service::new(&json!({
        "/redfish/v1": {"RedfishVersion": "1.13.1", "Product": "Integrated Dell Remote Access Controller", "Oem": {"Dell": {}},
            "Systems": link("/redfish/v1/Systems"), "Links": {"Sessions": link("/redfish/v1/SessionService/Sessions")}},
        "/redfish/v1/Systems": {"Members": [link(SYSTEM)]},
        SYSTEM: {"@odata.id": SYSTEM, "Id": "System.Embedded.1", "Manufacturer": "Dell Inc.", "Model": "PowerEdge R750",
            "SKU": "TAG0001", "SerialNumber": "CNBOARD", "PowerState": "Off",
            "Boot": {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None", "BootSourceOverrideMode": "UEFI"},
            "Actions": {"#ComputerSystem.Reset": {"target": format!("{SYSTEM}/Actions/ComputerSystem.Reset"),
                "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "GracefulShutdown"]}},
            "Bios": link(&format!("{SYSTEM}/Bios")), "Links": {"ManagedBy": [link(MANAGER)]}},
        MANAGER: {"@odata.id": MANAGER, "Id": "iDRAC.Embedded.1", "Model": model, "FirmwareVersion": firmware,
            "VirtualMedia": link(&format!("{MANAGER}/VirtualMedia")),
            "Links": {"Oem": {"Dell": {
                "DellAttributes": [link(&format!("{MANAGER}/Oem/Dell/DellAttributes/System.Embedded.1")),
                                   link(&format!("{MANAGER}/Oem/Dell/DellAttributes/iDRAC.Embedded.1"))],
                "DellLCService": link(&format!("{MANAGER}/Oem/Dell/DellLCService")),
                "Jobs": link(&format!("{MANAGER}/Oem/Dell/Jobs"))}}}},
        format!("{MANAGER}/VirtualMedia"): {"Members": [link(&format!("{MANAGER}/VirtualMedia/RemovableDisk")), link(&format!("{MANAGER}/VirtualMedia/CD"))]},
        format!("{MANAGER}/VirtualMedia/CD"): slot(&format!("{MANAGER}/VirtualMedia/CD"), &["CD", "DVD"]),
        format!("{MANAGER}/VirtualMedia/RemovableDisk"): slot(&format!("{MANAGER}/VirtualMedia/RemovableDisk"), &["USBStick"]),
        format!("{MANAGER}/Oem/Dell/DellAttributes/iDRAC.Embedded.1"):
            {"Attributes": {"ServerBoot.1.BootOnce": "Enabled", "ServerBoot.1.FirstBootDevice": "Normal"}},
        format!("{MANAGER}/Oem/Dell/DellLCService"): {"Actions": {"#DellLCService.GetRemoteServicesAPIStatus": {"target": "/status"}}},
        format!("{MANAGER}/Oem/Dell/Jobs"): {"Members": []},
        format!("{SYSTEM}/Bios"): {"@odata.id": format!("{SYSTEM}/Bios"), "Attributes": {"SysProfile": "PerfOptimized", "LogicalProc": "Enabled"},
            "@Redfish.Settings": {"SettingsObject": link(&format!("{SYSTEM}/Bios/Settings")),
                "SupportedApplyTimes": ["OnReset", "AtMaintenanceWindowStart"]}},
        format!("{SYSTEM}/Bios/Settings"): {"Attributes": {},
            "Actions": {"Oem": {"DellManager.v1_0_0#DellManager.ClearPending": {"target": "/clear"}}}},
    }));
    service.change(|documents| {
        if model >= "17G" || firmware >= "6" && !model.starts_with("13G") {
            let home = format!("{SYSTEM}/VirtualMedia");
            let slots = [format!("{home}/2"), format!("{home}/1")];
            documents.put(&home, json!({"Members": slots.iter().map(|uri| link(uri)).collect::<Vec<_>>()}));
            for uri in &slots {
                documents.put(uri, slot(uri, &["CD", "DVD", "USBStick"]));
            }
            documents.merge(SYSTEM, &json!({"VirtualMedia": link(&home)}));
        }
    });
    service
}

pub(crate) async fn connect(service: &Service) -> Bmc {
    Idrac.connect(service.link().await, target()).await.unwrap()
}

pub(crate) fn stage(attributes: &[(&str, &str)]) -> BiosStage {
    let attributes: Attributes =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), AttributeValue::from(*value))).collect();
    BiosStage { attributes, reason: "a test".to_owned() }
}

pub(crate) fn once(target: BootTarget) -> BootOverride {
    BootOverride { target, enabled: OverrideEnabled::Once, mode: None, http_uri: None }
}

pub(crate) fn lines(service: &Service) -> Vec<String> {
    service.writes().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
}

/// What a write of BIOS settings does: the values are staged, and `Location` names a job.
pub(crate) fn with_job(asked: &Asked, documents: &mut Documents) -> Option<Reply> {
    let job = format!("{MANAGER}/Oem/Dell/Jobs/JID_000000000001");
    asked.is(&Method::PATCH, "Bios/Settings").then(|| {
        documents.merge(&asked.path, &json!({"Attributes": asked.body["Attributes"]}));
        documents.put(&job, json!({"@odata.id": job, "Id": "JID_000000000001", "JobState": "Scheduled", "JobType": "BIOSConfiguration"}));
        documents.put(&format!("{MANAGER}/Oem/Dell/Jobs"), json!({"Members": [link(&job)]}));
        Reply::empty(202).header("Location", &job)
    })
}
