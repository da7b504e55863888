//! Storage as the Storage and Volume collections of a System have it.

use std::sync::Arc;

use rackhand_bmc::{
    ControllerId, DriveId, DriveState, DriveUse, ErrorKind, Fut, Initialize, NewVolume, Outcome, RaidLevel,
    Result, Skipped, Storage, StorageController, StorageDrive, StorageView, StorageVolume, VolumeId,
};
use serde_json::{Map, Value, json};

use super::{host::Host, quirks};
use crate::{
    document::{Document, names},
    uri::same_resource,
};

/// Storage of the machine.
#[derive(Debug)]
pub struct StandardStorage {
    host: Arc<Host>,
}

impl StandardStorage {
    /// Storage of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host) }
    }

    async fn all(&self) -> Result<StorageView> {
        let uri = self.host.machine.system.link("Storage").ok_or_else(|| self.host.lacks("Storage"))?;
        let found = self.host.client.collection(uri).await?;
        let mut view = StorageView { skipped: found.skipped, ..StorageView::default() };
        for storage in &found.documents {
            let controller = self.controller(storage, &mut view.skipped).await?;
            view.controllers.push(controller);
        }
        Ok(view)
    }

    /// The controller's own facts: inside the Storage, or in a collection of their own (Redfish 1.9 and later).
    async fn facts(&self, storage: &Document, skipped: &mut Vec<Skipped>) -> Result<Document> {
        let inside = storage.view().list("StorageControllers").into_iter().next();
        if let Some(inside) = inside.filter(|inside| inside.at("Model").is_some()) {
            return Ok(Document::new(storage.uri(), None, inside.value().clone()));
        }
        let found = match storage.link("Controllers") {
            Some(uri) => self.part(uri, skipped).await?,
            None => None,
        };
        let none = || Document::new(storage.uri(), None, Value::Null);
        Ok(found.and_then(|found| found.into_iter().next()).unwrap_or_else(none))
    }

    /// The members of a collection; one that cannot be read is said so, and costs nothing else.
    async fn part(&self, uri: &str, skipped: &mut Vec<Skipped>) -> Result<Option<Vec<Document>>> {
        match self.host.client.collection(uri).await {
            Ok(found) => {
                skipped.extend(found.skipped);
                Ok(Some(found.documents))
            }
            Err(error) if error.kind().is_transient() => Err(error),
            Err(error) => {
                skipped.push(Skipped { what: uri.to_owned(), why: error.to_string() });
                Ok(None)
            }
        }
    }

    async fn controller(&self, storage: &Document, skipped: &mut Vec<Skipped>) -> Result<StorageController> {
        let facts = self.facts(storage, skipped).await?;
        let links: Vec<String> = storage.links("Drives").into_iter().map(str::to_owned).collect();
        let drives = self.host.client.each(&links).await;
        skipped.extend(drives.skipped);
        let volumes = match storage.link("Volumes") {
            Some(uri) => self.part(uri, skipped).await?,
            None => None,
        };
        let has_volumes = volumes.is_some();
        let volumes: Vec<StorageVolume> = volumes
            .iter()
            .flatten()
            .filter(|one| is_made(one) || !self.host.cures(quirks::RAW_DEVICES))
            .map(volume)
            .collect();
        let levels: Vec<RaidLevel> = facts
            .strings("SupportedRAIDTypes")
            .into_iter()
            .filter(|level| *level != "None")
            .map(RaidLevel::parse)
            .collect();
        let is_there = |drive: &&Document| drive.str("Status/State") != Some("Absent");
        let state = |document: &Document| self.state(document, &volumes, has_volumes);
        let drives =
            drives.documents.iter().filter(is_there).map(|document| drive(document, state(document)));
        Ok(StorageController {
            id: ControllerId(storage.uri().to_owned()),
            name: storage.id().to_owned(),
            model: facts.str("Model").or_else(|| storage.str("Name")).map(str::to_owned),
            can_create: has_volumes && !levels.is_empty(),
            raid_levels: levels,
            drives: drives.collect(),
            volumes,
        })
    }

    /// What a drive is used for, as far as the standard tells. Of a drive that is in no volume it does not tell whether
    /// it is free or was handed to the host with whatever it holds, so only a vendor's word makes it [`DriveState::Ready`].
    fn state(&self, drive: &Document, volumes: &[StorageVolume], has_volumes: bool) -> DriveState {
        let failed = drive.bool("FailurePredicted") == Some(true)
            || matches!(drive.str("Status/Health"), Some("Critical"))
            || matches!(drive.str("StatusIndicator"), Some("Fail"));
        if failed {
            return DriveState::Failed;
        }
        let holds = |volume: &&StorageVolume| {
            volume.drives.iter().any(|DriveId(uri)| same_resource(uri, drive.uri()))
        };
        let inside: Vec<VolumeId> = volumes.iter().filter(holds).map(|volume| volume.id.clone()).collect();
        if !inside.is_empty() {
            return DriveState::InVolume(inside);
        }
        if drive.str("HotspareType").is_some_and(|kind| kind != "None") {
            return DriveState::Spare;
        }
        match self.host.dialect.drive_state(drive) {
            Some(state) => state,
            None if !has_volumes => DriveState::NonRaid,
            // With a volume that could not be read, or that names no drives.
            None if !drive.links("Links/Volumes").is_empty() => DriveState::InVolume(Vec::new()),
            None => DriveState::Unknown,
        }
    }

    async fn create(&self, wanted: &NewVolume) -> Result<Outcome> {
        let controller = self.host.client.get(&wanted.controller.0).await?;
        let lacks = || {
            let why = format!("the controller {} makes no volumes", controller.id());
            self.host.client.error(ErrorKind::Unsupported, why)
        };
        let uri = controller.link("Volumes").ok_or_else(lacks)?;
        if wanted.drives.is_empty() {
            let kind = ErrorKind::RejectedValue { properties: vec!["Drives".to_owned()] };
            return Err(self.host.client.error(kind, "a volume needs the drives that it is made of by name"));
        }
        let drives: Vec<Value> = wanted.drives.iter().map(|DriveId(uri)| json!({"@odata.id": uri})).collect();
        let mut body = Map::new();
        body.insert("Name".to_owned(), wanted.name.as_str().into());
        body.insert("RAIDType".to_owned(), wanted.raid.as_str().into());
        body.insert("Links".to_owned(), json!({"Drives": drives}));
        if let Some(bytes) = wanted.bytes {
            body.insert("CapacityBytes".to_owned(), bytes.into());
        }
        Ok(self.host.client.post(uri, Value::Object(body)).await?.outcome())
    }

    async fn delete(&self, VolumeId(uri): &VolumeId) -> Result<Outcome> {
        match self.host.client.delete(uri).await {
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(Outcome::Unchanged),
            sent => Ok(sent?.outcome()),
        }
    }

    /// Calls an action that a drive or volume offers.
    async fn act(&self, uri: &str, action: &str, body: Value) -> Result<Outcome> {
        let resource = self.host.client.get(uri).await?;
        let lacks = || {
            self.host.client.error(ErrorKind::Unsupported, format!("{} offers no {action}", resource.id()))
        };
        let target = resource.action(action).and_then(|action| action.str("target")).ok_or_else(lacks)?;
        Ok(self.host.client.post(target, body).await?.outcome())
    }

    async fn spare(&self, DriveId(drive): &DriveId, volume: Option<&VolumeId>) -> Result<Outcome> {
        let client = &self.host.client;
        let Some(VolumeId(volume)) = volume else {
            let now = client.get(drive).await?;
            if now.str("HotspareType") == Some("Global") {
                return Ok(Outcome::Unchanged);
            }
            return Ok(client.patch(drive, now.etag(), json!({"HotspareType": "Global"})).await?.outcome());
        };
        let now = client.get(volume).await?;
        let spares = now.links("Links/DedicatedSpareDrives");
        if names(&spares, drive) {
            return Ok(Outcome::Unchanged);
        }
        let all: Vec<Value> =
            spares.into_iter().chain([drive.as_str()]).map(|uri| json!({"@odata.id": uri})).collect();
        let body = json!({"Links": {"DedicatedSpareDrives": all}});
        Ok(client.patch(volume, now.etag(), body).await?.outcome())
    }
}

/// Whether somebody made it: a drive that is handed to the host stands among the volumes of some services too.
fn is_made(document: &Document) -> bool {
    document.str("RAIDType").is_some() || document.str("VolumeType") != Some("RawDevice")
}

fn volume(document: &Document) -> StorageVolume {
    let level = document.str("RAIDType").map(RaidLevel::parse);
    let name = document.str("DisplayName").filter(|name| !name.is_empty());
    StorageVolume {
        id: VolumeId(document.uri().to_owned()),
        name: name.or_else(|| document.str("Name")).map(str::to_owned),
        raid: level.or_else(|| document.str("VolumeType").and_then(RaidLevel::from_volume_type)),
        bytes: document.u64("CapacityBytes"),
        drives: document.links("Links/Drives").into_iter().map(|uri| DriveId(uri.to_owned())).collect(),
    }
}

fn drive(document: &Document, state: DriveState) -> StorageDrive {
    let text = |name: &str| document.str(name).map(str::to_owned);
    let place = document.str("PhysicalLocation/PartLocation/ServiceLabel");
    StorageDrive {
        id: DriveId(document.uri().to_owned()),
        name: place.unwrap_or_else(|| document.id()).to_owned(),
        model: text("Model"),
        serial: text("SerialNumber"),
        bytes: document.u64("CapacityBytes"),
        media: text("MediaType"),
        protocol: text("Protocol"),
        state,
    }
}

impl Storage for StandardStorage {
    fn view(&self) -> Fut<'_, StorageView> {
        Box::pin(self.all())
    }

    fn create_volume<'a>(&'a self, wanted: &'a NewVolume) -> Fut<'a, Outcome> {
        Box::pin(self.create(wanted))
    }

    fn delete_volume<'a>(&'a self, volume: &'a VolumeId) -> Fut<'a, Outcome> {
        Box::pin(self.delete(volume))
    }

    fn initialize_volume<'a>(&'a self, volume: &'a VolumeId, how: Initialize) -> Fut<'a, Outcome> {
        let how = match how {
            Initialize::Fast => "Fast",
            Initialize::Slow => "Slow",
        };
        Box::pin(self.act(&volume.0, "Volume.Initialize", json!({"InitializeType": how})))
    }

    fn convert_drives<'a>(
        &'a self,
        controller: &'a ControllerId,
        _drives: &'a [DriveId],
        _to: DriveUse,
    ) -> Fut<'a, Outcome> {
        let why = format!(
            "{controller}: the standard has no request that hands drives to the host or takes them back"
        );
        Box::pin(async move { Err(self.host.client.error(ErrorKind::Unsupported, why)) })
    }

    fn assign_spare<'a>(&'a self, drive: &'a DriveId, volume: Option<&'a VolumeId>) -> Fut<'a, Outcome> {
        Box::pin(self.spare(drive, volume))
    }

    fn secure_erase<'a>(&'a self, drive: &'a DriveId) -> Fut<'a, Outcome> {
        Box::pin(self.act(&drive.0, "Drive.SecureErase", json!({})))
    }
}
