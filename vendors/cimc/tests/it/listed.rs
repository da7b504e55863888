//! Storage that Redfish lists, and that the XML API acts on.

use http::Method;
use rackhand_bmc::{
    Bmc, ControllerId, DriveId, DriveState, ErrorKind, Initialize, NewVolume, Outcome, RaidLevel, Target,
    VolumeId,
};
use rackhand_testing::{Reply, Service, target};
use serde_json::json;

use crate::{
    arrays,
    deviations::{SYSTEM, link, rack},
    nuova::{Nuova, without},
};

fn uri(below: &str) -> String {
    format!("{SYSTEM}/Storage{below}")
}

/// The drives and volume of the XML API's tests, as Redfish lists them.
fn service() -> Service {
    let service =
        rack().rule(|asked, _| asked.is(&Method::POST, "Volume.Initialize").then(|| Reply::empty(204)));
    service.change(|documents| {
        documents.merge(SYSTEM, &json!({"Storage": link(&uri("")), "Oem": {"Cisco": {"InventoryState": "PartialInventoryReady"}}}));
        documents.put(&uri(""), json!({"Members": [link(&uri("/MRAID")), link(&uri("/MSTOR-RAID"))]}));
        let drives: Vec<_> = (1..=5).map(|slot| link(&uri(&format!("/MRAID/Drives/{slot}")))).collect();
        documents.put(
            &uri("/MRAID"),
            json!({"@odata.id": uri("/MRAID"), "Id": "MRAID", "Drives": drives, "Volumes": link(&uri("/MRAID/Volumes")),
                "StorageControllers": [{"Model": "Cisco 12G", "SupportedRAIDTypes": ["RAID0", "RAID1", "RAID10"]}]}),
        );
        documents.put(
            &uri("/MSTOR-RAID"),
            json!({"@odata.id": uri("/MSTOR-RAID"), "Id": "MSTOR-RAID", "Volumes": link(&uri("/MSTOR-RAID/Volumes")),
                "StorageControllers": [{"SupportedRAIDTypes": ["RAID0", "RAID1"]}]}),
        );
        let states = ["Online", "Online", "UnConfiguredGood", "UnConfiguredGood", "Jbod"];
        for (slot, state) in (1..).zip(states) {
            let drive = uri(&format!("/MRAID/Drives/{slot}"));
            // The serial number may stand padded.
            let shown = json!({"@odata.id": drive, "Id": slot.to_string(), "SerialNumber": format!("SER{slot} "),
                "CapacityBytes": 999_000_000_000_u64, "Oem": {"Cisco": {"DriveState": state}}});
            documents.put(&drive, shown);
        }
        let volume = uri("/MRAID/Volumes/0");
        documents.put(&uri("/MRAID/Volumes"), json!({"Members": [link(&volume)]}));
        let spans = json!([{"DrivesList": [link(&uri("/MRAID/Drives/1")), link(&uri("/MRAID/Drives/2"))]}]);
        documents.put(
            &volume,
            json!({"@odata.id": volume, "Id": "0", "Name": "os", "RAIDType": "RAID1", "Links": {"Oem": {"Cisco": {"Spans": spans}}},
                "Actions": {"#Volume.Initialize": {"target": format!("{volume}/Actions/Volume.Initialize")}}}),
        );
    });
    service
}

async fn connect(service: &Service, target: Target) -> (Nuova, Bmc) {
    let nuova = Nuova::beside(service, &arrays::objects());
    let bmc = nuova.connect(target).await;
    (nuova, bmc)
}

/// What the third drive is used for, and which drives the volume is made of.
pub(crate) async fn seen(target: Target) -> (DriveState, usize) {
    let (_, bmc) = connect(&service(), target).await;
    let view = bmc.storage().unwrap().view().await.unwrap();
    let controller = &view.controllers[0];
    (controller.drives[2].state.clone(), controller.volumes[0].drives.len())
}

#[tokio::test(start_paused = true)]
async fn what_redfish_lists_is_read_without_the_xml_api() {
    let (nuova, bmc) = connect(&service(), target()).await;
    let view = bmc.storage().unwrap().view().await.unwrap();
    assert_eq!(view.partial.as_deref(), Some("InventoryState is PartialInventoryReady"));
    let raid = &view.controllers[0];
    let volume = VolumeId(uri("/MRAID/Volumes/0"));
    let states: Vec<DriveState> = raid.drives.iter().map(|drive| drive.state.clone()).collect();
    let used = DriveState::InVolume(vec![volume.clone()]);
    assert_eq!(states, [used.clone(), used, DriveState::Ready, DriveState::Ready, DriveState::NonRaid]);
    assert_eq!(raid.raid_levels, [RaidLevel::Raid0, RaidLevel::Raid1, RaidLevel::Raid10]);
    let m2 = &view.controllers[1];
    assert_eq!((m2.raid_levels.clone(), m2.volumes.len()), (vec![RaidLevel::Raid1], 0));
    assert!(view.skipped.is_empty(), "{:?}", view.skipped);
    assert!(nuova.methods().is_empty());
}

#[tokio::test(start_paused = true)]
async fn drives_are_found_by_their_serial_numbers() {
    let service = service();
    let (nuova, bmc) = connect(&service, target()).await;
    let wanted = NewVolume {
        controller: ControllerId(uri("/MRAID")),
        name: "data".to_owned(),
        raid: RaidLevel::Raid1,
        // Redfish's third and fourth.
        drives: vec![DriveId(uri("/MRAID/Drives/4")), DriveId(uri("/MRAID/Drives/3"))],
        bytes: Some(100 << 30),
    };
    let storage = bmc.storage().unwrap();
    assert_eq!(storage.create_volume(&wanted).await.unwrap(), Outcome::Done);
    let sent = nuova.changes().remove(0);
    assert_eq!((sent.get("driveGroup"), sent.get("size")), (Some("[4,3]"), Some("102400 MB")));
    assert!(service.writes().is_empty());
    // A drive that cannot be told is not taken: no such number, or several.
    service.change(|documents| documents.merge(&uri("/MRAID/Drives/3"), &json!({"SerialNumber": "OTHER"})));
    let other = NewVolume { name: "more".to_owned(), ..wanted };
    assert_eq!(*storage.create_volume(&other).await.unwrap_err().kind(), ErrorKind::NotFound);
    nuova.change(|tree| {
        for object in tree.0.values_mut().filter(|object| object.name == "storageLocalDisk") {
            *object = object.clone().with("driveSerialNumber", "OTHER");
        }
    });
    let error = storage.create_volume(&other).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(nuova.changes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_deleted_only_where_both_call_it_the_same() {
    let service = service();
    let (nuova, bmc) = connect(&service, target()).await;
    let storage = bmc.storage().unwrap();
    let volume = VolumeId(uri("/MRAID/Volumes/0"));
    service.change(|documents| documents.merge(&volume.0, &json!({"Name": "data"})));
    let error = storage.delete_volume(&volume).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("it is not touched") && nuova.changes().is_empty(), "{error}");
    service.change(|documents| documents.merge(&volume.0, &json!({"Name": "os"})));
    assert_eq!(storage.delete_volume(&volume).await.unwrap(), Outcome::Done);
    assert_eq!(nuova.changes()[0].dn(), "sys/rack-unit-1/board/storage-SAS-MRAID/vd-0");
    assert_eq!(storage.delete_volume(&volume).await.unwrap(), Outcome::Unchanged);
    let gone = VolumeId(uri("/MRAID/Volumes/7"));
    assert_eq!(storage.delete_volume(&gone).await.unwrap(), Outcome::Unchanged);
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_initialised_by_redfishs_own_action() {
    let service = service();
    let (nuova, bmc) = connect(&service, target()).await;
    let volume = VolumeId(uri("/MRAID/Volumes/0"));
    let outcome = bmc.storage().unwrap().initialize_volume(&volume, Initialize::Slow).await.unwrap();
    assert_eq!((outcome, nuova.methods().len()), (Outcome::Done, 0));
    assert_eq!(service.writes()[0].body, json!({"InitializeType": "Slow"}));
}

#[tokio::test(start_paused = true)]
async fn without_the_cure_the_xml_api_is_not_asked() {
    let (nuova, bmc) = connect(&service(), without("volumes-by-xml")).await;
    let _ = bmc.storage().unwrap().delete_volume(&VolumeId(uri("/MRAID/Volumes/0"))).await;
    assert!(nuova.methods().is_empty());
}
