//! What is sent for the operations that every firmware takes alike.

use http::Method;
use rackhand_bmc::{
    ApplyTime, ControllerId, Credentials, DriveId, DriveUse, FirmwareImage, Initialize, Outcome, VolumeId,
};
use rackhand_testing::{Reply, Service};
use serde_json::{Value, json};

use crate::{
    cures::storage::mirror,
    support::{MANAGER, SYSTEM, connect, link},
    whole::{PERC, bay, drive_uri, whole},
};

const VOLUME: &str =
    "/redfish/v1/Systems/System.Embedded.1/Storage/RAID.SL.3-1/Volumes/Disk.Virtual.0:RAID.SL.3-1";

/// An iDRAC with a volume, ready for real-time jobs, that takes whatever it is asked.
fn idrac() -> Service {
    let service = whole("15G Monolithic", "6.10.30.00");
    service.change(|documents| {
        documents.put(&format!("{PERC}/Volumes"), json!({"Members": [link(VOLUME)],
            "@Redfish.OperationApplyTimeSupport": {"SupportedValues": ["Immediate", "OnReset"]}}));
        documents.put(VOLUME, json!({"@odata.id": VOLUME, "Id": "Disk.Virtual.0:RAID.SL.3-1", "Name": "boot", "RAIDType": "RAID1",
            "CapacityBytes": 479_559_942_144_u64, "Links": {"Drives": [link(&drive_uri(0)), link(&drive_uri(1))]},
            "Actions": {"#Volume.Initialize": {"target": "/initialize",
                "@Redfish.OperationApplyTimeSupport": {"SupportedValues": ["Immediate", "OnReset"]}}}}));
    });
    service.rule(|asked, _| match asked.path.as_str() {
        "/status" => Some(Reply::json(200, json!({"RTStatus": "Ready"}))),
        path if asked.method == Method::GET || path.contains("/Sessions") => None,
        _ => Some(Reply::empty(202).header("Location", &format!("{MANAGER}/Oem/Dell/Jobs/JID_7"))),
    })
}

/// The last request: method, path, body.
fn last(service: &Service) -> (String, Value) {
    let asked = service.writes().pop().unwrap();
    (format!("{} {}", asked.method, asked.path), asked.body)
}

#[tokio::test(start_paused = true)]
async fn volumes_are_found_made_and_deleted_by_jobs() {
    let service = idrac();
    let bmc = connect(&service).await;
    let storage = bmc.storage().unwrap();
    let view = storage.view().await.unwrap();
    let (controller, volume) = view.volume_named("boot").unwrap();
    assert_eq!((controller.name.as_str(), controller.can_create), ("RAID.SL.3-1", true));
    assert_eq!(volume.drives, [DriveId(drive_uri(0)), DriveId(drive_uri(1))]);

    let made = storage.create_volume(&mirror("data")).await.unwrap();
    assert!(matches!(made, Outcome::Running(job) if job.id == "JID_7"));
    let drives = json!({"Drives": [link(&drive_uri(0)), link(&drive_uri(1))]});
    let body = json!({"Name": "data", "RAIDType": "RAID1", "Links": drives, "@Redfish.OperationApplyTime": "Immediate"});
    assert_eq!(last(&service), (format!("POST {PERC}/Volumes"), body));

    let volume = VolumeId(VOLUME.to_owned());
    assert!(matches!(storage.delete_volume(&volume).await.unwrap(), Outcome::Running(_)));
    assert_eq!(last(&service), (format!("DELETE {VOLUME}"), Value::Null));
    assert!(matches!(
        storage.initialize_volume(&volume, Initialize::Fast).await.unwrap(),
        Outcome::Running(_)
    ));
    let body = json!({"InitializeType": "Fast", "@Redfish.OperationApplyTime": "Immediate"});
    assert_eq!(last(&service), ("POST /initialize".to_owned(), body));
}

#[tokio::test(start_paused = true)]
async fn drives_are_named_by_their_fqdds() {
    let service = idrac();
    let bmc = connect(&service).await;
    let storage = bmc.storage().unwrap();
    let (perc, drive) = (ControllerId(PERC.to_owned()), DriveId(drive_uri(0)));
    // What is so already is not asked for.
    let same = storage.convert_drives(&perc, std::slice::from_ref(&drive), DriveUse::Raid).await.unwrap();
    assert_eq!((same, service.writes().len()), (Outcome::Unchanged, 0));
    let _ = storage.convert_drives(&perc, std::slice::from_ref(&drive), DriveUse::NonRaid).await.unwrap();
    assert_eq!(last(&service), ("POST /raid/ConvertToNonRAID".to_owned(), json!({"PDArray": [bay(0)]})));
    let _ = storage.assign_spare(&drive, None).await.unwrap();
    assert_eq!(last(&service), ("POST /raid/AssignSpare".to_owned(), json!({"TargetFQDD": bay(0)})));
    let _ = storage.assign_spare(&drive, Some(&VolumeId(VOLUME.to_owned()))).await.unwrap();
    assert_eq!(last(&service).1["VirtualDiskArray"], json!(["Disk.Virtual.0:RAID.SL.3-1"]));
    let _ = storage.secure_erase(&drive).await.unwrap();
    let body = json!({"@Redfish.OperationApplyTime": "Immediate"});
    assert_eq!(last(&service), (format!("POST {}/Actions/Drive.SecureErase", drive_uri(0)), body));
}

#[tokio::test(start_paused = true)]
async fn firmware_is_fetched_with_its_credentials_and_its_time() {
    let service = idrac();
    let image = FirmwareImage {
        url: "https://files.test/bios.exe".to_owned(),
        targets: Vec::new(),
        when: ApplyTime::OnReset,
        credentials: Some(Credentials::new("reader", "open-sesame".to_owned())),
    };
    let outcome = connect(&service).await.firmware().unwrap().update(&image).await.unwrap();
    assert!(matches!(outcome, Outcome::Running(job) if job.id == "JID_7"));
    let body = json!({"ImageURI": "https://files.test/bios.exe", "TransferProtocol": "HTTPS", "Username": "reader",
        "Password": "open-sesame", "@Redfish.OperationApplyTime": "OnReset"});
    assert_eq!(last(&service), ("POST /update".to_owned(), body));
}

#[tokio::test(start_paused = true)]
async fn a_boot_order_waits_in_a_job() {
    let service = idrac();
    service.change(|documents| {
        documents.merge(SYSTEM, &json!({"Boot": {"BootOrder": ["Boot0000", "Boot0001", "Boot0003"]}}));
    });
    let bmc = connect(&service).await;
    let boot = bmc.boot().unwrap();
    assert_eq!(boot.set_order(&["Boot0000".to_owned()]).await.unwrap(), Outcome::Unchanged);
    let outcome = boot.set_order(&["Boot0003".to_owned()]).await.unwrap();
    let Outcome::Pending(pending) = outcome else { panic!("{outcome:?}") };
    assert_eq!((pending.needs_reset, pending.job.unwrap().id.as_str()), (true, "JID_7"));
    let order = json!({"Boot": {"BootOrder": ["Boot0003", "Boot0000", "Boot0001"]}});
    assert_eq!(last(&service), (format!("PATCH {SYSTEM}"), order));
}
