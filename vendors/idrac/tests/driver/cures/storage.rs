//! Controllers, drives and volumes.

use http::Method;
use rackhand_bmc::{
    ControllerId, DriveId, DriveState, DriveUse, ErrorKind, NewVolume, RaidLevel, StorageController,
};
use rackhand_testing::{Reply, Service};
use serde_json::{Value, json};

use super::Cure;
use crate::{
    support::{MANAGER, link},
    whole::{BOSS, NVME, PERC, bay, drive_uri, whole},
};

fn idrac() -> Service {
    whole("15G Monolithic", "6.10.30.00")
        .rule(|asked, _| (asked.path == "/status").then(|| Reply::json(200, json!({"RTStatus": "Ready"}))))
}

/// Takes volumes whose body is as this firmware wants it, and conversions.
fn accepts(service: Service, fits: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Service {
    service.rule(move |asked, _| {
        let made = asked.is(&Method::POST, "/Volumes") || asked.path.starts_with("/raid/");
        made.then(|| {
            if fits(&asked.body) {
                Reply::empty(202).header("Location", &format!("{MANAGER}/Oem/Dell/Jobs/JID_7"))
            } else {
                Reply::error(400, "IDRAC.2.8.SYS428", "a property is required")
            }
        })
    })
}

pub(crate) fn mirror(name: &str) -> NewVolume {
    NewVolume {
        controller: ControllerId(PERC.to_owned()),
        name: name.to_owned(),
        raid: RaidLevel::Raid1,
        drives: vec![DriveId(drive_uri(0)), DriveId(drive_uri(1))],
        bytes: None,
    }
}

async fn controller(cure: &Cure, uri: &str) -> StorageController {
    let view = cure.connect(&idrac()).await.storage().unwrap().view().await.unwrap();
    assert_eq!(view.skipped, []);
    view.controllers.into_iter().find(|one| one.id.0 == uri).unwrap()
}

pub(crate) async fn status(cure: &Cure) -> bool {
    let perc = controller(cure, PERC).await;
    assert_eq!(perc.drives[0].name, bay(0));
    perc.drives.iter().all(|drive| drive.state == DriveState::Ready)
}

pub(crate) async fn raw(cure: &Cure) -> bool {
    let direct = controller(cure, NVME).await;
    direct.volumes.is_empty() && direct.drives[0].state == DriveState::NonRaid
}

pub(crate) async fn older_body(cure: &Cure) -> bool {
    let service =
        accepts(idrac(), |body| body["VolumeType"] == "Mirrored" && body["Drives"][1] == link(&drive_uri(1)));
    cure.connect(&service).await.storage().unwrap().create_volume(&mirror("boot")).await.is_ok()
}

pub(crate) async fn name(cure: &Cure) -> bool {
    let service = accepts(idrac(), |_| true);
    let bmc = cure.connect(&service).await;
    match bmc.storage().unwrap().create_volume(&mirror("a-name-too-long-")).await {
        Err(error) => matches!(error.kind(), ErrorKind::RejectedValue { .. }) && service.writes().is_empty(),
        Ok(_) => false,
    }
}

pub(crate) async fn time(cure: &Cure) -> bool {
    let service = accepts(idrac(), |body| body["@Redfish.OperationApplyTime"] == "Immediate");
    cure.connect(&service).await.storage().unwrap().create_volume(&mirror("boot")).await.is_ok()
}

pub(crate) async fn convert(cure: &Cure) -> bool {
    let service = accepts(idrac(), |body| *body == json!({"PDArray": [bay(0)]}));
    let (controller, drives) = (ControllerId(PERC.to_owned()), [DriveId(drive_uri(0))]);
    let bmc = cure.connect(&service).await;
    bmc.storage().unwrap().convert_drives(&controller, &drives, DriveUse::NonRaid).await.is_ok()
}

pub(crate) async fn boss(cure: &Cure) -> bool {
    let service = accepts(idrac(), |_| true);
    let (controller, drives) = (ControllerId(BOSS.to_owned()), [DriveId(drive_uri(0))]);
    let bmc = cure.connect(&service).await;
    let answer = bmc.storage().unwrap().convert_drives(&controller, &drives, DriveUse::NonRaid).await;
    answer.is_err_and(|error| *error.kind() == ErrorKind::Unsupported) && service.writes().is_empty()
}
