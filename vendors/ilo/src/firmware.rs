//! Firmware: which entries of the inventory are in force, and updates that name no task.

use std::sync::Arc;

use rackhand_bmc::{
    ApplyTime, Attributes, ComponentId, ComponentKind, Error, Firmware, FirmwareComponent, FirmwareFile,
    FirmwareImage, FirmwareInventory, Fut, JobRef, Mark, Outcome, Pending, Result,
};
use rackhand_redfish::{Document, Sent, last_segment};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::quirks::{self, Hpe};

/// What an answer says of something that was accepted and takes a reset.
const NEEDS_RESET: [&str; 2] = ["SystemResetRequired", "ResetRequired"];

/// The facet, where the service root links its UpdateService.
pub(crate) fn firmware(hpe: &Hpe) -> Option<Arc<dyn Firmware>> {
    hpe.machine.root.link("UpdateService")?;
    Some(Arc::new(HpeFirmware { hpe: hpe.clone() }))
}

struct HpeFirmware {
    hpe: Hpe,
}

fn component(document: &Document, tells: bool) -> FirmwareComponent {
    let kind = match document.str("Description").filter(|_| tells) {
        Some("SystemBMC") => ComponentKind::Bmc,
        Some("SystemRomActive") => ComponentKind::Bios,
        _ => ComponentKind::Other,
    };
    FirmwareComponent {
        id: ComponentId(document.uri().to_owned()),
        name: document.str("Name").unwrap_or_else(|| document.id()).to_owned(),
        kind,
        version: document.str("Version").map(str::to_owned),
        updateable: document.bool("Updateable"),
    }
}

/// A staged update: which of its parts waits is for the inventory to say after the reset.
fn waits() -> Outcome {
    Outcome::Pending(Pending {
        needs_reset: true,
        desired: Attributes::new(),
        mark: Mark::default(),
        job: None,
        can_discard: false,
    })
}

fn is_smart_component(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.to_ascii_lowercase().ends_with(".exe")
}

fn simple_update(image: &FirmwareImage) -> Value {
    let mut body = Map::new();
    body.insert("ImageURI".to_owned(), image.url.as_str().into());
    if let Some((scheme, _)) = image.url.split_once("://") {
        body.insert("TransferProtocol".to_owned(), scheme.to_ascii_uppercase().into());
    }
    if let Some(credentials) = &image.credentials {
        body.insert("Username".to_owned(), credentials.username.as_str().into());
        body.insert("Password".to_owned(), credentials.password.expose_secret().into());
    }
    if !image.targets.is_empty() {
        body.insert("Targets".to_owned(), json!(image.targets));
    }
    Value::Object(body)
}

impl HpeFirmware {
    async fn service(&self) -> Result<Document> {
        let uri =
            self.hpe.machine.root.link("UpdateService").ok_or_else(|| self.hpe.lacks("UpdateService"))?;
        self.hpe.client.get(uri).await
    }

    async fn read(&self) -> Result<FirmwareInventory> {
        let service = self.service().await?;
        let uri = service.link("FirmwareInventory").ok_or_else(|| self.hpe.lacks("FirmwareInventory"))?;
        let found = self.hpe.client.collection(uri).await?;
        let tells = self.hpe.on(quirks::FIRMWARE_KIND);
        let in_force = |one: &&Document| !tells || one.str("Description") != Some("SystemRomBackup");
        let components = found.documents.iter().filter(in_force).map(|one| component(one, tells)).collect();
        Ok(FirmwareInventory { components, skipped: found.skipped })
    }

    fn unfit(&self, image: &FirmwareImage) -> Option<Error> {
        if is_smart_component(&image.url) && self.hpe.on(quirks::SMART_COMPONENT) {
            let file = last_segment(&image.url);
            let why =
                format!("{file} is a Smart Component; an iLO fetches raw images only: .fwpkg, .bin, .flash");
            return Some(self.hpe.refused("ImageURI", why));
        }
        // What it does when is for the component to say; nothing lets a client choose.
        let why = "an iLO's SimpleUpdate installs at once; it has no apply time";
        (image.when == ApplyTime::OnReset).then(|| self.hpe.cannot(why.to_owned()))
    }

    async fn fetch(&self, image: &FirmwareImage) -> Result<Outcome> {
        if let Some(error) = self.unfit(image) {
            return Err(error);
        }
        let service = self.service().await?;
        let lacks = || self.hpe.lacks("UpdateService.SimpleUpdate");
        let action = service.action("UpdateService.SimpleUpdate").ok_or_else(lacks)?;
        let target = action.str("target").ok_or_else(lacks)?;
        match self.hpe.client.post(target, simple_update(image)).await {
            Ok(sent) => Ok(self.outcome(sent, &service)),
            Err(error) if self.wants_reset(|key| error.has_message(key)) => Ok(waits()),
            Err(error) => Err(error),
        }
    }

    fn wants_reset(&self, says: impl Fn(&str) -> bool) -> bool {
        NEEDS_RESET.into_iter().any(says) && self.hpe.on(quirks::RESET_REQUIRED)
    }

    /// The task where one is named; a reset where one is asked for; else the service that works at it.
    fn outcome(&self, sent: Sent, service: &Document) -> Outcome {
        let Sent::Accepted(answer) = &sent else { return sent.outcome() };
        let said = Document::new(service.uri(), None, answer.json().clone());
        let messages = said.view().list("error/@Message.ExtendedInfo");
        let ids: Vec<&str> = messages.iter().filter_map(|message| message.str("MessageId")).collect();
        if self.wants_reset(|key| ids.iter().any(|id| id.rsplit('.').next() == Some(key))) {
            return waits();
        }
        match sent.job() {
            None if self.hpe.on(quirks::NO_TASK) => {
                Outcome::Running(JobRef { uri: service.uri().to_owned(), id: service.id().to_owned() })
            }
            _ => sent.outcome(),
        }
    }
}

impl Firmware for HpeFirmware {
    fn inventory(&self) -> Fut<'_, FirmwareInventory> {
        Box::pin(self.read())
    }

    fn update<'a>(&'a self, image: &'a FirmwareImage) -> Fut<'a, Outcome> {
        Box::pin(self.fetch(image))
    }

    fn push<'a>(&'a self, file: &'a FirmwareFile) -> Fut<'a, Outcome> {
        let why = format!(
            "{} is not sent to an iLO by this driver; serve it by HTTP and update from its URL",
            file.name
        );
        Box::pin(async move { Err(self.hpe.cannot(why)) })
    }
}
