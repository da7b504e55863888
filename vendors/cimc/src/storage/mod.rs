//! Storage: read by Redfish where it lists it; written by the XML API, whose acts are known.
//!
//! A part that Redfish names is found in the XML API by what both say of it: a controller by its id, a drive by its serial
//! number, a volume by its number and name. Where that does not fit, nothing is sent.

mod array;
mod listed;
mod units;

use std::sync::Arc;

use rackhand_bmc::{
    ControllerId, DriveId, DriveUse, Error, ErrorKind, Fut, Initialize, NewVolume, Outcome, Result, Storage,
    StorageController, StorageView, VolumeId,
};
use rackhand_redfish::{last_segment, same_resource};
use serde_json::json;

use self::array::{Array, BY_XML, Plan, parent};
use crate::{cisco::Cisco, dialect::partial, xml::Element};

/// Storage of a CIMC.
pub(crate) struct CimcStorage {
    cisco: Arc<Cisco>,
    /// Redfish's own writes, of which nobody knows whether CIMC takes them: used without the cure alone.
    standard: Option<Arc<dyn Storage>>,
    array: Array,
}

impl CimcStorage {
    pub(crate) fn new(cisco: Arc<Cisco>, standard: Option<Arc<dyn Storage>>) -> Self {
        Self { array: Array::new(Arc::clone(&cisco)), cisco, standard }
    }

    /// Redfish's facet, where its own way is taken. `None` is the XML API's.
    fn redfish(&self) -> Result<Option<&dyn Storage>> {
        if self.cisco.by_xml("volumes-by-xml") {
            return Ok(None);
        }
        let lacks =
            || self.error(ErrorKind::Unsupported, "Redfish's way to change storage is not known here");
        self.standard.as_deref().map(Some).ok_or_else(lacks)
    }

    fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        self.cisco.xml.error(kind, detail)
    }

    async fn look(&self) -> Result<StorageView> {
        if self.cisco.host.machine.system.link("Storage").is_some() {
            return listed::view(&self.cisco).await;
        }
        let mut view = self.array.view().await?;
        if self.cisco.on("partial-inventory") {
            view.partial = partial(&self.cisco.host.system().await?);
        }
        Ok(view)
    }

    /// Redfish's own action, which is seen on these machines (ISV).
    async fn initialize_listed(&self, volume: &VolumeId, how: Initialize) -> Result<Outcome> {
        let client = &self.cisco.host.client;
        let document = client.get(&volume.0).await?;
        let action = document.action("Volume.Initialize").and_then(|action| action.str("target"));
        let lacks = || self.error(ErrorKind::Unsupported, format!("{volume} offers no Volume.Initialize"));
        let kind = match how {
            Initialize::Fast => "Fast",
            Initialize::Slow => "Slow",
        };
        let sent = client.post(action.ok_or_else(lacks)?, json!({"InitializeType": kind})).await?;
        Ok(sent.outcome())
    }

    /// The XML API's controller that an id means.
    async fn controller(&self, id: &ControllerId) -> Result<Element> {
        let controllers = self.array.controllers().await?;
        let found = match id.0.strip_prefix(BY_XML) {
            Some(dn) => controllers.into_iter().find(|controller| controller.dn() == dn),
            None => {
                let name = last_segment(&id.0);
                controllers.into_iter().find(|controller| controller.says("id", name))
            }
        };
        found.ok_or_else(|| {
            self.error(ErrorKind::NotFound, format!("the XML API shows no storage controller {id}"))
        })
    }

    /// The XML API's drives that ids mean, on one controller. A drive that is not told for certain is not taken.
    async fn drives(&self, controller: &str, ids: &[DriveId]) -> Result<Vec<Element>> {
        let known = self.array.drives(controller).await?;
        let mut found: Vec<Element> = Vec::new();
        for id in ids {
            let fits: Vec<&Element> = match id.0.strip_prefix(BY_XML) {
                Some(dn) => known.iter().filter(|drive| drive.dn() == dn).collect(),
                None => {
                    let document = self.cisco.host.client.get(&id.0).await?;
                    let serial = document.str("SerialNumber").ok_or_else(|| {
                        let detail =
                            format!("{id} shows no serial number, so it cannot be told which drive it is");
                        self.error(ErrorKind::NotFound, detail)
                    })?;
                    known.iter().filter(|drive| drive.says("driveSerialNumber", serial)).collect()
                }
            };
            let [drive] = fits.as_slice() else {
                let detail =
                    format!("the XML API shows {} drives that may be {id} on {controller}", fits.len());
                return Err(self.error(ErrorKind::NotFound, detail));
            };
            if found.iter().any(|taken| taken.dn() == drive.dn()) {
                let kind = ErrorKind::RejectedValue { properties: vec!["Drives".to_owned()] };
                return Err(self.error(kind, format!("the drive {id} is named twice")));
            }
            found.push((*drive).clone());
        }
        Ok(found)
    }

    /// The controller that a drive is on, as the XML API knows it.
    async fn controller_of(&self, id: &DriveId) -> Result<String> {
        if let Some(dn) = id.0.strip_prefix(BY_XML) {
            return Ok(parent(dn).to_owned());
        }
        let view = self.look().await?;
        let on = |controller: &&StorageController| {
            controller.drives.iter().any(|drive| same_resource(&drive.id.0, &id.0))
        };
        let found = view.controllers.iter().find(on).map(|controller| controller.id.clone());
        let lost = || self.error(ErrorKind::NotFound, format!("no controller shows the drive {id}"));
        Ok(self.controller(&found.ok_or_else(lost)?).await?.dn().to_owned())
    }

    /// The dn of a volume; `None` when there is none any more.
    async fn volume(&self, id: &VolumeId) -> Result<Option<String>> {
        if let Some(dn) = id.0.strip_prefix(BY_XML) {
            return Ok(self.array.object(dn).await?.map(|volume| volume.dn().to_owned()));
        }
        let view = self.look().await?;
        let found = view.controllers.iter().find_map(|controller| {
            let own = controller.volumes.iter().find(|volume| same_resource(&volume.id.0, &id.0))?;
            Some((controller.id.clone(), own.name.clone()))
        });
        let Some((controller, name)) = found else { return Ok(None) };
        let controller = self.controller(&controller).await?;
        let number: String = last_segment(&id.0).chars().filter(char::is_ascii_digit).collect();
        let volumes = self.array.volumes(controller.dn()).await?;
        let Some(volume) = volumes.into_iter().find(|volume| volume.says("id", &number)) else {
            return Ok(None);
        };
        let seen = volume.get("name");
        if name.as_deref().map(str::trim) != seen {
            let detail =
                format!("{id} is called {name:?} by Redfish, {seen:?} by the XML API; it is not touched");
            return Err(self.error(ErrorKind::Conflict, detail));
        }
        Ok(Some(volume.dn().to_owned()))
    }

    async fn create(&self, wanted: &NewVolume) -> Result<Outcome> {
        if let Some(redfish) = self.redfish()? {
            return redfish.create_volume(wanted).await;
        }
        let controller = self.controller(&wanted.controller).await?;
        let drives = self.drives(controller.dn(), &wanted.drives).await?;
        let plan = Plan {
            controller: &controller,
            drives: &drives,
            name: &wanted.name,
            raid: &wanted.raid,
            bytes: wanted.bytes,
        };
        self.array.create(&plan).await
    }
}

impl Storage for CimcStorage {
    fn view(&self) -> Fut<'_, StorageView> {
        Box::pin(self.look())
    }

    fn create_volume<'a>(&'a self, wanted: &'a NewVolume) -> Fut<'a, Outcome> {
        Box::pin(self.create(wanted))
    }

    fn delete_volume<'a>(&'a self, volume: &'a VolumeId) -> Fut<'a, Outcome> {
        Box::pin(async move {
            if let Some(redfish) = self.redfish()? {
                return redfish.delete_volume(volume).await;
            }
            match self.volume(volume).await? {
                Some(dn) => self.array.delete(&dn).await,
                None => Ok(Outcome::Unchanged),
            }
        })
    }

    fn initialize_volume<'a>(&'a self, volume: &'a VolumeId, how: Initialize) -> Fut<'a, Outcome> {
        Box::pin(async move {
            if !volume.0.starts_with(BY_XML) {
                return self.initialize_listed(volume, how).await;
            }
            match self.volume(volume).await? {
                Some(dn) => self.array.initialize(&dn, how).await,
                None => Err(self.error(ErrorKind::NotFound, format!("there is no volume {volume}"))),
            }
        })
    }

    fn convert_drives<'a>(
        &'a self,
        controller: &'a ControllerId,
        drives: &'a [DriveId],
        to: DriveUse,
    ) -> Fut<'a, Outcome> {
        Box::pin(async move {
            if let Some(redfish) = self.redfish()? {
                return redfish.convert_drives(controller, drives, to).await;
            }
            let controller = self.controller(controller).await?;
            let drives = self.drives(controller.dn(), drives).await?;
            self.array.convert(&drives, to).await
        })
    }

    fn assign_spare<'a>(&'a self, drive: &'a DriveId, volume: Option<&'a VolumeId>) -> Fut<'a, Outcome> {
        Box::pin(async move {
            if let Some(redfish) = self.redfish()? {
                return redfish.assign_spare(drive, volume).await;
            }
            let controller = self.controller_of(drive).await?;
            let spare = self.drives(&controller, std::slice::from_ref(drive)).await?;
            let volume =
                match volume {
                    None => None,
                    Some(id) => Some(self.volume(id).await?.ok_or_else(|| {
                        self.error(ErrorKind::NotFound, format!("there is no volume {id}"))
                    })?),
                };
            match spare.first() {
                Some(spare) => self.array.spare(spare, volume.as_deref()).await,
                None => Err(self.error(ErrorKind::NotFound, format!("there is no drive {drive}"))),
            }
        })
    }

    /// By Redfish's own action, where a drive has it; the XML API erases foreign self-encrypting drives alone.
    fn secure_erase<'a>(&'a self, drive: &'a DriveId) -> Fut<'a, Outcome> {
        Box::pin(async move {
            match &self.standard {
                Some(standard) => standard.secure_erase(drive).await,
                None => Err(self.error(ErrorKind::Unsupported, "the XML API cannot erase a drive")),
            }
        })
    }
}
