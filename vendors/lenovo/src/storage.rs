//! Storage: what a new volume must look like, and what its refusal means.

use std::{collections::BTreeSet, sync::Arc};

use rackhand_bmc::{
    ControllerId, DriveId, DriveState, DriveUse, Error, ErrorKind, Fut, Initialize, NewVolume, Outcome,
    Result, Storage, StorageView, VolumeId,
};
use serde_json::{Map, Value};

use crate::quirks::{self, Xcc};

/// What sizes are stored in.
const MIB: u64 = 1 << 20;
/// The most characters of a volume's name.
const LONGEST_NAME: usize = 15;

/// The facet.
pub(crate) fn storage(xcc: Xcc, standard: Arc<dyn Storage>) -> Arc<dyn Storage> {
    Arc::new(XccStorage { xcc, standard })
}

struct XccStorage {
    xcc: Xcc,
    standard: Arc<dyn Storage>,
}

impl XccStorage {
    /// The volume in whole MiB, or why it cannot be.
    fn in_form(&self, wanted: &NewVolume) -> Result<NewVolume> {
        let length = wanted.name.chars().count();
        if length == 0 || length > LONGEST_NAME {
            let why =
                format!("a volume's name has 1 to {LONGEST_NAME} characters; {:?} has {length}", wanted.name);
            return Err(self.xcc.refused("Name", why));
        }
        let bytes = match wanted.bytes {
            Some(bytes) if bytes < MIB => {
                let why = format!("a volume has at least {MIB} bytes, not {bytes}");
                return Err(self.xcc.refused("CapacityBytes", why));
            }
            // Down, never up: what is asked for may be all there is.
            bytes => bytes.map(|bytes| bytes - bytes % MIB),
        };
        Ok(NewVolume { bytes, ..wanted.clone() })
    }

    async fn create(&self, wanted: &NewVolume) -> Result<Outcome> {
        let wanted = if self.xcc.on(quirks::VOLUME_FORM) { self.in_form(wanted)? } else { wanted.clone() };
        let made = if self.xcc.on(quirks::VOLUME_ALL) {
            self.of_all_free(&wanted).await
        } else {
            self.standard.create_volume(&wanted).await
        };
        made.map_err(|error| self.for_good(error))
    }

    /// The volume takes every free drive, so it is made only where those are the ones that are meant.
    async fn of_all_free(&self, wanted: &NewVolume) -> Result<Outcome> {
        let view = self.standard.view().await?;
        let controller = view.controllers.iter().find(|controller| controller.id == wanted.controller);
        let controller = controller.ok_or_else(|| {
            self.xcc
                .client
                .error(ErrorKind::NotFound, format!("there is no controller {}", wanted.controller))
        })?;
        // One of which nobody says what it is used for may be taken too.
        let may_be_taken = |state: &DriveState| matches!(state, DriveState::Ready | DriveState::Unknown);
        let free = controller.drives.iter().filter(|drive| may_be_taken(&drive.state));
        let free: BTreeSet<&DriveId> = free.map(|drive| &drive.id).collect();
        if free != wanted.drives.iter().collect() {
            let list: Vec<&str> = free.iter().map(|DriveId(uri)| uri.as_str()).collect();
            let why = format!(
                "a volume of this XCC takes every free drive of its controller ({}), and other drives are wanted",
                list.join(", ")
            );
            return Err(self.xcc.refused("Drives", why));
        }
        let storage = self.xcc.client.get(&wanted.controller.0).await?;
        let volumes = storage.link("Volumes").ok_or_else(|| self.xcc.lacks("Volumes on this controller"))?;
        let mut body = Map::new();
        body.insert("Name".to_owned(), wanted.name.as_str().into());
        body.insert("RAIDType".to_owned(), wanted.raid.as_str().into());
        if let Some(bytes) = wanted.bytes {
            body.insert("CapacityBytes".to_owned(), bytes.into());
        }
        Ok(self.xcc.client.post(volumes, Value::Object(body)).await?.outcome())
    }

    /// A refusal that would pass for a passing one.
    fn for_good(&self, error: Error) -> Error {
        let internal = error.has_message("InternalError") && matches!(error.kind(), ErrorKind::Busy { .. });
        if !internal || !self.xcc.on(quirks::VOLUME_ERROR) {
            return error;
        }
        let why = format!("{}; an XCC says so of a volume that cannot be made as asked", error.detail());
        let mut refused = self.xcc.refused("Volume", why).with_messages(error.messages().to_vec());
        if let Some(request) = error.request() {
            refused = refused.with_request(request);
        }
        refused
    }
}

impl Storage for XccStorage {
    fn view(&self) -> Fut<'_, StorageView> {
        self.standard.view()
    }

    fn create_volume<'a>(&'a self, wanted: &'a NewVolume) -> Fut<'a, Outcome> {
        Box::pin(self.create(wanted))
    }

    fn delete_volume<'a>(&'a self, volume: &'a VolumeId) -> Fut<'a, Outcome> {
        self.standard.delete_volume(volume)
    }

    fn initialize_volume<'a>(&'a self, volume: &'a VolumeId, how: Initialize) -> Fut<'a, Outcome> {
        self.standard.initialize_volume(volume, how)
    }

    fn convert_drives<'a>(
        &'a self,
        controller: &'a ControllerId,
        drives: &'a [DriveId],
        to: DriveUse,
    ) -> Fut<'a, Outcome> {
        self.standard.convert_drives(controller, drives, to)
    }

    fn assign_spare<'a>(&'a self, drive: &'a DriveId, volume: Option<&'a VolumeId>) -> Fut<'a, Outcome> {
        self.standard.assign_spare(drive, volume)
    }

    fn secure_erase<'a>(&'a self, drive: &'a DriveId) -> Fut<'a, Outcome> {
        self.standard.secure_erase(drive)
    }
}
