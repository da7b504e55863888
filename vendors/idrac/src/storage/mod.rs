//! Storage: volumes by Redfish, conversions and spares by Dell's own RAID service.

mod view;

use std::sync::Arc;

use rackhand_bmc::{
    Attributes, ControllerId, DriveId, DriveUse, Error, ErrorKind, Fut, Initialize, Mark, NewVolume, Outcome,
    Pending, RaidLevel, Readiness, ReadyState, Result, Storage, StorageView, VolumeId,
};
use rackhand_redfish::{Document, Sent, View, last_segment};
use serde_json::{Map, Value, json};

use crate::quirks::{self, Dell};

/// The longest name of a volume.
const LONGEST_NAME: usize = 15;
const APPLY_TIME: &str = "@Redfish.OperationApplyTime";
const APPLY_TIMES: &str = "@Redfish.OperationApplyTimeSupport/SupportedValues";

/// The facet, where the System links its storage.
pub(crate) fn storage(dell: &Dell) -> Option<Arc<dyn Storage>> {
    dell.machine.system.link("Storage")?;
    Some(Arc::new(DellStorage { dell: dell.clone() }))
}

struct DellStorage {
    dell: Dell,
}

/// When an operation takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Immediate,
    OnReset,
    /// The service does not let one choose.
    Unsaid,
}

impl When {
    fn write(self, body: &mut Map<String, Value>) {
        let name = match self {
            Self::Immediate => "Immediate",
            Self::OnReset => "OnReset",
            Self::Unsaid => return,
        };
        body.insert(APPLY_TIME.to_owned(), name.into());
    }
}

/// How `VolumeType` names a level; `None` for those that it cannot tell from another.
fn volume_type(level: &RaidLevel) -> Option<&'static str> {
    Some(match level {
        RaidLevel::Raid0 => "NonRedundant",
        RaidLevel::Raid1 => "Mirrored",
        RaidLevel::Raid5 => "StripedWithParity",
        RaidLevel::Raid10 => "SpannedMirrors",
        RaidLevel::Raid50 => "SpannedStripesWithParity",
        _ => return None,
    })
}

impl DellStorage {
    fn refused(&self, property: &str, why: String) -> Error {
        self.dell.client.error(ErrorKind::RejectedValue { properties: vec![property.to_owned()] }, why)
    }

    /// When an operation can take effect, of what its resource or action says it supports.
    async fn when(&self, supported: &[&str]) -> Result<When> {
        if !self.dell.on(quirks::VOLUME_TIME) {
            return Ok(When::Unsaid);
        }
        if supported.contains(&"Immediate") && self.realtime().await? {
            return Ok(When::Immediate);
        }
        Ok(if supported.contains(&"OnReset") { When::OnReset } else { When::Unsaid })
    }

    /// Whether the storage takes real-time jobs now.
    async fn realtime(&self) -> Result<bool> {
        match self.dell.dialect.readiness(self.dell.host(), Readiness::StorageInventory) {
            Some(asked) => match asked.await {
                Err(error) if error.kind().is_transient() => Err(error),
                // What cannot be asked is not counted upon: a reset always does.
                seen => Ok(seen.is_ok_and(|seen| seen == ReadyState::Ready)),
            },
            None => Ok(true),
        }
    }

    async fn create(&self, wanted: &NewVolume) -> Result<Outcome> {
        let dell = &self.dell;
        if wanted.name.chars().count() > LONGEST_NAME && dell.on(quirks::VOLUME_NAME) {
            let why = format!("the volume's name {:?} is longer than {LONGEST_NAME} characters", wanted.name);
            return Err(self.refused("Name", why));
        }
        let controller = dell.client.get(&wanted.controller.0).await?;
        let lacks = || {
            let why = format!("the controller {} makes no volumes", last_segment(&wanted.controller.0));
            dell.client.error(ErrorKind::Unsupported, why)
        };
        let uri = controller.link("Volumes").ok_or_else(lacks)?;
        let collection = dell.client.get(uri).await?;
        let when = self.when(&collection.strings(APPLY_TIMES)).await?;
        let sent = dell.first_accepted(self.bodies(wanted, when), |body| dell.client.post(uri, body)).await?;
        let desired = Attributes::from([
            ("Name".to_owned(), wanted.name.as_str().into()),
            ("RAIDType".to_owned(), wanted.raid.as_str().into()),
        ]);
        Ok(outcome(sent, when, desired))
    }

    /// The forms of a new volume, the recent one first.
    fn bodies(&self, wanted: &NewVolume, when: When) -> Vec<Value> {
        let drives: Vec<Value> = wanted.drives.iter().map(|DriveId(uri)| json!({"@odata.id": uri})).collect();
        let mut common = Map::new();
        common.insert("Name".to_owned(), wanted.name.as_str().into());
        if let Some(bytes) = wanted.bytes {
            common.insert("CapacityBytes".to_owned(), bytes.into());
        }
        when.write(&mut common);
        let mut recent = common.clone();
        recent.insert("RAIDType".to_owned(), wanted.raid.as_str().into());
        recent.insert("Links".to_owned(), json!({"Drives": drives}));
        let mut bodies = vec![Value::Object(recent)];
        if let Some(name) = volume_type(&wanted.raid).filter(|_| self.dell.on(quirks::VOLUME_BODY)) {
            let mut older = common;
            older.insert("VolumeType".to_owned(), name.into());
            older.insert("Drives".to_owned(), drives.into());
            bodies.push(Value::Object(older));
        }
        bodies
    }

    /// Without any apply time: from 6.00.02 on none is accepted here (sushy), and before it none is needed.
    async fn delete(&self, VolumeId(uri): &VolumeId) -> Result<Outcome> {
        match self.dell.client.delete(uri).await {
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(Outcome::Unchanged),
            sent => Ok(sent?.outcome()),
        }
    }

    /// Calls an action of a drive or volume that may take effect later.
    async fn act(&self, uri: &str, action: &str, mut body: Map<String, Value>) -> Result<Outcome> {
        let resource = self.dell.client.get(uri).await?;
        let lacks = || {
            let why = format!("{} offers no {action}", resource.id());
            self.dell.client.error(ErrorKind::Unsupported, why)
        };
        let found = resource.action(action).ok_or_else(lacks)?;
        let target = found.str("target").ok_or_else(lacks)?;
        let when = self.when(&found.strings(APPLY_TIMES)).await?;
        when.write(&mut body);
        let sent = self.dell.client.post(target, Value::Object(body)).await?;
        Ok(outcome(sent, when, Attributes::new()))
    }

    /// An action of `DellRaidService`, which knows drives and volumes by their FQDDs.
    async fn raid_service(&self, action: &str, body: Value) -> Result<Outcome> {
        let lacks = || self.dell.lacks(&format!("DellRaidService.{action}"));
        let system = &self.dell.machine.system;
        let linked =
            system.link("Links/Oem/Dell/DellRaidService").filter(|_| self.dell.on(quirks::RAID_SERVICE));
        let service = self.dell.client.get(linked.ok_or_else(lacks)?).await?;
        let found: Option<View<'_>> = service.action(&format!("DellRaidService.{action}"));
        let target = found.and_then(|action| action.str("target")).ok_or_else(lacks)?;
        Ok(self.dell.client.post(target, body).await?.outcome())
    }

    async fn convert(&self, controller: &ControllerId, drives: &[DriveId], to: DriveUse) -> Result<Outcome> {
        let boss = last_segment(&controller.0).starts_with("BOSS");
        if to == DriveUse::NonRaid && boss && self.dell.on(quirks::BOSS) {
            let why =
                format!("the BOSS controller {} cannot hand drives to the host", last_segment(&controller.0));
            return Err(self.dell.client.error(ErrorKind::Unsupported, why));
        }
        let links: Vec<String> = drives.iter().map(|DriveId(uri)| uri.clone()).collect();
        let found = self.dell.client.each(&links).await;
        if let Some(skipped) = found.skipped.first() {
            // Read again for its own error.
            return Err(match self.dell.client.get(&skipped.what).await {
                Err(error) => error,
                Ok(_) => self.dell.client.error(ErrorKind::Protocol, skipped.why.clone()),
            });
        }
        let wanted = to == DriveUse::NonRaid;
        let is_so = |drive: &&Document| view::is_non_raid(drive) == Some(wanted);
        let fqdds: Vec<&str> =
            found.documents.iter().filter(|drive| !is_so(drive)).map(Document::id).collect();
        if fqdds.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let action = if wanted { "ConvertToNonRAID" } else { "ConvertToRAID" };
        self.raid_service(action, json!({"PDArray": fqdds})).await
    }
}

/// A job that waits for a reset is a staged change; one that does not is at work.
fn outcome(sent: Sent, when: When, desired: Attributes) -> Outcome {
    match (sent.job(), when) {
        (Some(job), When::OnReset) => Outcome::Pending(Pending {
            needs_reset: true,
            desired,
            mark: Mark::default(),
            job: Some(job),
            can_discard: false,
        }),
        _ => sent.outcome(),
    }
}

impl Storage for DellStorage {
    fn view(&self) -> Fut<'_, StorageView> {
        Box::pin(view::read(&self.dell))
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
        let body = Map::from_iter([("InitializeType".to_owned(), Value::from(how))]);
        Box::pin(self.act(&volume.0, "Volume.Initialize", body))
    }

    fn convert_drives<'a>(
        &'a self,
        controller: &'a ControllerId,
        drives: &'a [DriveId],
        to: DriveUse,
    ) -> Fut<'a, Outcome> {
        Box::pin(self.convert(controller, drives, to))
    }

    fn assign_spare<'a>(&'a self, drive: &'a DriveId, volume: Option<&'a VolumeId>) -> Fut<'a, Outcome> {
        let mut body = Map::from_iter([("TargetFQDD".to_owned(), Value::from(last_segment(&drive.0)))]);
        if let Some(VolumeId(uri)) = volume {
            body.insert("VirtualDiskArray".to_owned(), json!([last_segment(uri)]));
        }
        Box::pin(self.raid_service("AssignSpare", Value::Object(body)))
    }

    fn secure_erase<'a>(&'a self, drive: &'a DriveId) -> Fut<'a, Outcome> {
        Box::pin(self.act(&drive.0, "Drive.SecureErase", Map::new()))
    }
}
