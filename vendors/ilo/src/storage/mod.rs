//! Storage: Redfish volumes where the controller makes them, SmartStorageConfig where it does not.

mod smart;
mod view;

use std::sync::Arc;

use rackhand_bmc::{
    ControllerId, DriveId, DriveUse, ErrorKind, Fut, Initialize, NewVolume, Outcome, Result, Storage,
    StorageView, VolumeId,
};
use rackhand_redfish::{Document, last_segment, same_resource};
use serde_json::{Map, Value, json};

use crate::quirks::{self, Hpe, oem_link};

/// The longest name of a volume (R6: `^.{0,15}$`).
const LONGEST_NAME: usize = 15;

/// The facet, where the System links storage of either kind.
pub(crate) fn storage(hpe: &Hpe) -> Option<Arc<dyn Storage>> {
    let system = &hpe.machine.system;
    let smart = hpe.on(quirks::SMART_STORAGE) && oem_link(system, "SmartStorage").is_some();
    if system.link("Storage").is_none() && !smart {
        return None;
    }
    Some(Arc::new(HpeStorage { hpe: hpe.clone() }))
}

struct HpeStorage {
    hpe: Hpe,
}

/// Whether a URI is one of HPE's own tree of array controllers.
fn is_smart(uri: &str) -> bool {
    uri.to_ascii_lowercase().contains("/smartstorage/")
}

impl HpeStorage {
    fn name_fits(&self, name: &str) -> Result<()> {
        if name.chars().count() > LONGEST_NAME && self.hpe.on(quirks::DISPLAY_NAME) {
            let why = format!("the volume's name {name:?} is longer than {LONGEST_NAME} characters");
            return Err(self.hpe.refused("DisplayName", why));
        }
        Ok(())
    }

    async fn create(&self, wanted: &NewVolume) -> Result<Outcome> {
        let hpe = &self.hpe;
        self.name_fits(&wanted.name)?;
        if wanted.drives.is_empty() {
            return Err(hpe.refused("Drives", "a volume needs the drives it is made of by name".to_owned()));
        }
        let controller = hpe.client.get(&wanted.controller.0).await?;
        if is_smart(controller.uri()) && hpe.on(quirks::SMART_STORAGE) {
            return smart::create(hpe, &controller, wanted).await;
        }
        let lacks =
            || hpe.cannot(format!("the controller {} makes no volumes", last_segment(&wanted.controller.0)));
        let uri = controller.link("Volumes").ok_or_else(lacks)?;
        let collection = hpe.client.get(uri).await?;
        if !view::makes_volumes(&collection) {
            return Err(lacks());
        }
        let drives: Vec<Value> = wanted.drives.iter().map(|DriveId(uri)| json!({"@odata.id": uri})).collect();
        let name = if hpe.on(quirks::DISPLAY_NAME) { "DisplayName" } else { "Name" };
        let mut body = Map::new();
        body.insert(name.to_owned(), wanted.name.as_str().into());
        body.insert("RAIDType".to_owned(), wanted.raid.as_str().into());
        body.insert("Links".to_owned(), json!({"Drives": drives}));
        if let Some(bytes) = wanted.bytes {
            body.insert("CapacityBytes".to_owned(), bytes.into());
        }
        Ok(hpe.client.post(uri, Value::Object(body)).await?.outcome())
    }

    async fn delete(&self, VolumeId(uri): &VolumeId) -> Result<Outcome> {
        let hpe = &self.hpe;
        if is_smart(uri) && hpe.on(quirks::SMART_STORAGE) {
            return match hpe.client.get(uri).await {
                Err(error) if *error.kind() == ErrorKind::NotFound => Ok(Outcome::Unchanged),
                volume => smart::delete(hpe, &volume?).await,
            };
        }
        if hpe.on(quirks::NS204I) && self.keeps_its_volume(uri).await? {
            let why = "an NS204i refuses to delete its volume; erase its drives instead, which remakes it";
            return Err(hpe.cannot(why.to_owned()));
        }
        match hpe.client.delete(uri).await {
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(Outcome::Unchanged),
            sent => Ok(sent?.outcome()),
        }
    }

    /// Whether the volume is an NS204i's.
    async fn keeps_its_volume(&self, volume: &str) -> Result<bool> {
        let Some((storage, _)) = volume.rsplit_once("/Volumes/") else { return Ok(false) };
        match self.hpe.client.get(storage).await {
            Ok(storage) => Ok(storage.str("Name").is_some_and(|name| name.contains("NS204i"))),
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Calls an action that a drive or volume offers.
    async fn act(&self, uri: &str, action: &str, body: Value) -> Result<Outcome> {
        let resource = self.hpe.client.get(uri).await?;
        let lacks = || self.hpe.cannot(format!("{uri} offers no {action}"));
        let target = resource.action(action).and_then(|action| action.str("target")).ok_or_else(lacks)?;
        Ok(self.hpe.client.post(target, body).await?.outcome())
    }

    async fn spare(&self, DriveId(drive): &DriveId, volume: Option<&VolumeId>) -> Result<Outcome> {
        let hpe = &self.hpe;
        if is_smart(drive) {
            return Err(
                hpe.cannot(format!("{drive}: spares of a SmartStorage controller are not assigned here"))
            );
        }
        let Some(VolumeId(volume)) = volume else {
            let now = hpe.client.get(drive).await?;
            if now.str("HotspareType") == Some("Global") {
                return Ok(Outcome::Unchanged);
            }
            return Ok(hpe
                .client
                .patch(drive, now.etag(), json!({"HotspareType": "Global"}))
                .await?
                .outcome());
        };
        let now = hpe.client.get(volume).await?;
        let spares = now.links("Links/DedicatedSpareDrives");
        if spares.iter().any(|spare| same_resource(spare, drive)) {
            return Ok(Outcome::Unchanged);
        }
        let all = spares.into_iter().chain([drive.as_str()]).map(|uri| json!({"@odata.id": uri}));
        let body = json!({"Links": {"DedicatedSpareDrives": all.collect::<Vec<Value>>()}});
        Ok(hpe.client.patch(volume, now.etag(), body).await?.outcome())
    }
}

impl Storage for HpeStorage {
    fn view(&self) -> Fut<'_, StorageView> {
        Box::pin(view::read(&self.hpe))
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
        let why = format!("{controller} offers no request that hands drives to the host or takes them back");
        Box::pin(async move { Err(self.hpe.cannot(why)) })
    }

    fn assign_spare<'a>(&'a self, drive: &'a DriveId, volume: Option<&'a VolumeId>) -> Fut<'a, Outcome> {
        Box::pin(self.spare(drive, volume))
    }

    fn secure_erase<'a>(&'a self, drive: &'a DriveId) -> Fut<'a, Outcome> {
        Box::pin(self.act(&drive.0, "Drive.SecureErase", json!({})))
    }
}

/// Reads resources that a caller cannot do without.
async fn all(hpe: &Hpe, uris: &[DriveId]) -> Result<Vec<Document>> {
    let mut found = Vec::new();
    for DriveId(uri) in uris {
        found.push(hpe.client.get(uri).await?);
    }
    Ok(found)
}
