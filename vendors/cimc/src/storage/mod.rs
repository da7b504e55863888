//! Storage: read by Redfish where it lists it; written by the XML API, whose acts are known.
//!
//! A part that Redfish names is found in the XML API by what both say of it: a controller by its id, a drive by its serial
//! number, a volume by its number and name. Where that does not fit, nothing is sent.

mod array;
mod units;

use std::sync::Arc;

use rackhand_bmc::{
    ControllerId, DriveId, DriveState, DriveUse, Error, ErrorKind, Fut, Initialize, NewVolume, Outcome,
    RaidLevel, Result, Storage, StorageView, VolumeId,
};
use rackhand_redfish::{Document, last_segment, same_resource};

use self::array::{Array, BY_XML, M2, Plan, parent};
use crate::{cisco::Cisco, dialect::partial, xml::Element};

/// Storage of a CIMC.
pub(crate) struct CimcStorage {
    cisco: Arc<Cisco>,
    /// Redfish's, where the System links it.
    standard: Option<Arc<dyn Storage>>,
    array: Array,
}

impl CimcStorage {
    pub(crate) fn new(cisco: Arc<Cisco>, standard: Option<Arc<dyn Storage>>) -> Self {
        Self { array: Array::new(Arc::clone(&cisco)), cisco, standard }
    }

    /// Redfish's facet, where its own way is taken: no cure, or a part that it alone can act on.
    fn redfish(&self) -> Option<&Arc<dyn Storage>> {
        self.standard.as_ref().filter(|_| !self.cisco.by_xml("volumes-by-xml"))
    }

    fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        self.cisco.xml.error(kind, detail)
    }

    async fn look(&self) -> Result<StorageView> {
        let Some(standard) = &self.standard else { return self.array.view().await };
        let mut view = standard.view().await?;
        if self.cisco.on("partial-inventory") && view.partial.is_none() {
            view.partial = partial(&self.cisco.host.system().await?);
        }
        let m2 = self.cisco.on("m2-mirrors-only");
        for controller in &mut view.controllers {
            if m2 && last_segment(&controller.id.0) == M2 {
                controller.raid_levels = vec![RaidLevel::Raid1];
            }
            controller.can_create |= !controller.raid_levels.is_empty() && self.redfish().is_none();
        }
        self.refine(&mut view).await;
        Ok(view)
    }

    /// What Cisco says in its own properties: what drives are used for, and which drives a volume is made of.
    async fn refine(&self, view: &mut StorageView) {
        let client = &self.cisco.host.client;
        for controller in &mut view.controllers {
            if self.cisco.on("spans-oem") {
                for volume in controller.volumes.iter_mut().filter(|volume| volume.drives.is_empty()) {
                    match client.get(&volume.id.0).await {
                        Ok(document) => volume.drives = in_spans(&document),
                        Err(error) => {
                            tracing::debug!(bmc = client.bmc(), %error, "a volume's spans cannot be read");
                        }
                    }
                }
            }
            if !self.cisco.on("drive-state-oem") {
                continue;
            }
            for drive in &mut controller.drives {
                let Ok(document) = client.get(&drive.id.0).await else { continue };
                let said = units::state(document.str("Oem/Cisco/DriveState"));
                let own = |volume: &&rackhand_bmc::StorageVolume| {
                    volume.drives.iter().any(|member| same_resource(&member.0, &drive.id.0))
                };
                let volumes =
                    || controller.volumes.iter().filter(own).map(|volume| volume.id.clone()).collect();
                drive.state = match said {
                    DriveState::InVolume(_) => DriveState::InVolume(volumes()),
                    DriveState::Unknown => continue,
                    said => said,
                };
            }
        }
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

    /// The XML API's drives that ids mean, on one controller.
    async fn drives(&self, controller: &str, ids: &[DriveId]) -> Result<Vec<Element>> {
        let known = self.array.drives(controller).await?;
        let mut found = Vec::new();
        for id in ids {
            let drive = match id.0.strip_prefix(BY_XML) {
                Some(dn) => known.iter().find(|drive| drive.dn() == dn),
                None => {
                    let document = self.cisco.host.client.get(&id.0).await?;
                    let serial = document.str("SerialNumber").ok_or_else(|| {
                        let detail =
                            format!("{id} shows no serial number, so it cannot be told which drive it is");
                        self.error(ErrorKind::NotFound, detail)
                    })?;
                    known.iter().find(|drive| drive.says("driveSerialNumber", serial))
                }
            };
            let lost = || {
                let detail = format!("the XML API shows no drive {id} on {controller}");
                self.error(ErrorKind::NotFound, detail)
            };
            found.push(drive.ok_or_else(lost)?.clone());
        }
        Ok(found)
    }

    /// The controller that a drive is on, as the XML API knows it.
    async fn controller_of(&self, id: &DriveId) -> Result<String> {
        if let Some(dn) = id.0.strip_prefix(BY_XML) {
            return Ok(parent(dn).to_owned());
        }
        let view = self.look().await?;
        let on = |controller: &&rackhand_bmc::StorageController| {
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
        if let Some(redfish) = self.redfish() {
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

/// The drives of a volume, by `Links.Oem.Cisco.Spans` (spans-oem).
fn in_spans(volume: &Document) -> Vec<DriveId> {
    let spans = volume.view().list("Links/Oem/Cisco/Spans");
    let drives = spans.iter().flat_map(|span| span.links("DrivesList"));
    drives.map(|uri| DriveId(uri.to_owned())).collect()
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
            if let Some(redfish) = self.redfish() {
                return redfish.delete_volume(volume).await;
            }
            match self.volume(volume).await? {
                Some(dn) => self.array.delete(&dn).await,
                None => Ok(Outcome::Unchanged),
            }
        })
    }

    /// Redfish's own action is seen on these machines (ISV), so it is taken where Redfish shows the volume.
    fn initialize_volume<'a>(&'a self, volume: &'a VolumeId, how: Initialize) -> Fut<'a, Outcome> {
        Box::pin(async move {
            if let Some(standard) = self.standard.as_ref().filter(|_| !volume.0.starts_with(BY_XML)) {
                return standard.initialize_volume(volume, how).await;
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
            if let Some(redfish) = self.redfish() {
                return redfish.convert_drives(controller, drives, to).await;
            }
            let controller = self.controller(controller).await?;
            let drives = self.drives(controller.dn(), drives).await?;
            self.array.convert(&drives, to).await
        })
    }

    fn assign_spare<'a>(&'a self, drive: &'a DriveId, volume: Option<&'a VolumeId>) -> Fut<'a, Outcome> {
        Box::pin(async move {
            if let Some(redfish) = self.redfish() {
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
