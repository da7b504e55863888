//! The same iDRAC with storage, firmware, profiles, job and RAID services, as firmware from 5.00 on has them.

use rackhand_testing::Service;
use serde_json::{Value, json};

use crate::support::{MANAGER, SYSTEM, dell, link};

/// A PERC with two free drives.
pub(crate) const PERC: &str = "/redfish/v1/Systems/System.Embedded.1/Storage/RAID.SL.3-1";
/// A BOSS controller.
pub(crate) const BOSS: &str = "/redfish/v1/Systems/System.Embedded.1/Storage/BOSS.SL.12-1";
/// Drives that the processor reaches directly.
pub(crate) const NVME: &str = "/redfish/v1/Systems/System.Embedded.1/Storage/CPU.1";

/// The FQDD of a PERC's drive.
pub(crate) fn bay(number: u32) -> String {
    format!("Disk.Bay.{number}:Enclosure.Internal.0-1:RAID.SL.3-1")
}

/// The URI of a PERC's drive.
pub(crate) fn drive_uri(number: u32) -> String {
    format!("{PERC}/Drives/{}", bay(number))
}

fn drive(uri: &str, status: &Value) -> Value {
    json!({"@odata.id": uri, "Id": uri.rsplit('/').next(), "Name": "Disk", "MediaType": "SSD", "Protocol": "SAS",
        "CapacityBytes": 480_000_000_000_u64, "Status": {"Health": "OK"}, "HotspareType": "None",
        "Oem": {"Dell": {"DellPhysicalDisk": {"RaidStatus": status}}},
        "Actions": {"#Drive.SecureErase": {"target": format!("{uri}/Actions/Drive.SecureErase"),
            "@Redfish.OperationApplyTimeSupport": {"SupportedValues": ["Immediate", "OnReset"]}}}})
}

fn add_storage(service: &Service) {
    let home = format!("{SYSTEM}/Storage");
    let raw = format!("{NVME}/Volumes/Disk.Bay.9");
    service.change(|documents| {
        documents.merge(SYSTEM, &json!({"Storage": link(&home)}));
        documents.put(&home, json!({"Members": [link(PERC), link(BOSS), link(NVME)]}));
        for (uri, levels) in [(PERC, vec!["RAID0", "RAID1"]), (BOSS, vec!["RAID1"]), (NVME, vec![])] {
            let volumes = format!("{uri}/Volumes");
            documents.put(uri, json!({"@odata.id": uri, "Id": uri.rsplit('/').next(), "Name": "a controller",
                "StorageControllers": [{"Model": "a model", "SupportedRAIDTypes": levels}], "Volumes": link(&volumes)}));
            documents.put(&volumes, json!({"Members": [],
                "@Redfish.OperationApplyTimeSupport": {"SupportedValues": ["Immediate", "OnReset"]}}));
        }
        documents.merge(PERC, &json!({"Drives": [link(&drive_uri(0)), link(&drive_uri(1))]}));
        for number in 0..2 {
            documents.put(&drive_uri(number), drive(&drive_uri(number), &json!("Ready")));
        }
        let direct = format!("{NVME}/Drives/Disk.Bay.9");
        documents.merge(NVME, &json!({"Drives": [link(&direct)]}));
        documents.put(&direct, drive(&direct, &Value::Null));
        documents.put(&format!("{NVME}/Volumes"), json!({"Members": [link(&raw)]}));
        documents.put(&raw, json!({"@odata.id": raw, "Name": "PCIe SSD in Slot 9", "RAIDType": null, "VolumeType": "RawDevice",
            "Links": {"Drives": [link(&direct)]}}));
        let raid = format!("{SYSTEM}/Oem/Dell/DellRaidService");
        documents.merge(SYSTEM, &json!({"Links": {"Oem": {"Dell": {"DellRaidService": link(&raid)}}}}));
        let action = |name: &str| json!({"target": format!("/raid/{name}")});
        documents.put(&raid, json!({"Actions": {"#DellRaidService.ConvertToRAID": action("ConvertToRAID"),
            "#DellRaidService.ConvertToNonRAID": action("ConvertToNonRAID"), "#DellRaidService.AssignSpare": action("AssignSpare")}}));
    });
}

fn add_firmware(service: &Service) {
    let home = "/redfish/v1/UpdateService/FirmwareInventory";
    let ids = [
        ("Current-159-1.8.2__BIOS.Setup.1-1", "1.8.2"),
        ("Installed-159-1.8.2__BIOS.Setup.1-1", "1.8.2"),
        ("Installed-25227-6.00.30.00__iDRAC.Embedded.1-1", "6.00.30.00"),
        ("Previous-159-1.2.4__BIOS.Setup.1-1", "1.2.4"),
    ];
    service.change(|documents| {
        documents.merge("/redfish/v1", &json!({"UpdateService": link("/redfish/v1/UpdateService")}));
        documents.put("/redfish/v1/UpdateService", json!({"FirmwareInventory": link(home), "Actions": {"#UpdateService.SimpleUpdate": {
            "target": "/update", "@Redfish.OperationApplyTimeSupport": {"SupportedValues": ["Immediate", "OnReset"]}}}}));
        let uris: Vec<String> = ids.iter().map(|(id, _)| format!("{home}/{id}")).collect();
        documents.put(home, json!({"Members": uris.iter().map(|uri| link(uri)).collect::<Vec<_>>()}));
        for ((id, version), uri) in ids.iter().zip(&uris) {
            documents.put(uri, json!({"@odata.id": uri, "Id": id, "Name": "a component", "Version": version, "Updateable": true,
                "ReleaseDate": "00:00:00Z"}));
        }
    });
}

fn add_services(service: &Service) {
    let queue = format!("{MANAGER}/Oem/Dell/DellJobService");
    let registry = "/redfish/v1/Registries/BiosAttributeRegistry.v1_0_0";
    service.change(|documents| {
        documents.merge(MANAGER, &json!({"Links": {"Oem": {"Dell": {"DellJobService": link(&queue)}}}}));
        documents.put(&queue, json!({"Actions": {"#DellJobService.DeleteJobQueue": {"target": "/clear-queue"}}}));
        documents.merge(MANAGER, &json!({"Actions": {"Oem": {
            "#OemManager.v1_4_0.OemManager#OemManager.ExportSystemConfiguration": {"target": "/export",
                "ShareParameters": {"Target@Redfish.AllowableValues": ["ALL", "BIOS", "RAID"]}},
            "#OemManager.ImportSystemConfiguration": {"target": "/import"}}}}));
        documents.merge("/redfish/v1", &json!({"Tasks": link("/redfish/v1/TaskService"), "Registries": link("/redfish/v1/Registries")}));
        documents.put("/redfish/v1/TaskService", json!({"Tasks": link("/redfish/v1/TaskService/Tasks")}));
        documents.put("/redfish/v1/TaskService/Tasks", json!({"Members": []}));
        documents.merge(&format!("{SYSTEM}/Bios"), &json!({"AttributeRegistry": "BiosAttributeRegistry.v1_0_0",
            "Actions": {"#Bios.ResetBios": {"target": "/reset-bios"}}}));
        documents.put("/redfish/v1/Registries", json!({"Members": [link(registry)]}));
        documents.put(registry, json!({"Location": [{"Language": "en", "Uri": "/registry"}]}));
        let attribute = |name: &str| json!({"AttributeName": name, "Type": "Enumeration", "ReadOnly": true,
            "Value": [{"ValueName": "Custom"}, {"ValueName": "PerfOptimized"}]});
        documents.put("/registry", json!({"Id": "BiosAttributeRegistry.v1_0_0",
            "RegistryEntries": {"Attributes": [attribute("SysProfile"), attribute("LogicalProc")]}}));
        documents.merge(&format!("{MANAGER}/Oem/Dell/DellAttributes/iDRAC.Embedded.1"),
            &json!({"Attributes": {"VirtualMedia.1.Attached": "Detached", "VirtualMedia.1.ActiveSessions": 0}}));
    });
}

/// An iDRAC with everything.
pub(crate) fn whole(model: &str, firmware: &str) -> Service {
    let service = dell(model, firmware);
    add_storage(&service);
    add_firmware(&service);
    add_services(&service);
    service
}
