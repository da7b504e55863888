//! Firmware: what is in force among what the inventory lists, and updates.

use std::sync::Arc;

use rackhand_bmc::{
    ApplyTime, ComponentId, ComponentKind, ErrorKind, Firmware, FirmwareComponent, FirmwareFile,
    FirmwareImage, FirmwareInventory, Fut, Outcome, Result,
};
use rackhand_redfish::Document;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use crate::quirks::{self, Dell};

const APPLY_TIMES: &str = "@Redfish.OperationApplyTimeSupport/SupportedValues";

/// Why a file is not sent.
pub(crate) const NO_PUSH: &str =
    "files are not sent to an iDRAC; serve the image by HTTP and update from its URL";

/// The facet, where the service root links its UpdateService. `standard` sends files, where it can.
pub(crate) fn firmware(dell: &Dell, standard: Option<Arc<dyn Firmware>>) -> Option<Arc<dyn Firmware>> {
    dell.machine.root.link("UpdateService")?;
    Some(Arc::new(DellFirmware { dell: dell.clone(), standard }))
}

struct DellFirmware {
    dell: Dell,
    standard: Option<Arc<dyn Firmware>>,
}

/// What the id of an inventory's member says of it: `Installed-25227-6.00.30.00__iDRAC.Embedded.1-1`.
struct Named<'a> {
    state: &'a str,
    fqdd: &'a str,
}

impl<'a> Named<'a> {
    fn of(id: &'a str) -> Option<Self> {
        let (state, rest) = id.split_once('-')?;
        let (_, fqdd) = rest.split_once("__")?;
        Some(Self { state, fqdd })
    }

    fn kind(&self) -> ComponentKind {
        match self.fqdd.split('.').next() {
            Some("BIOS") => ComponentKind::Bios,
            Some("iDRAC") => ComponentKind::Bmc,
            _ => ComponentKind::Other,
        }
    }
}

/// Whether an entry is in force, among all of them: `Current-` stands for the image of what is installed beside it, and
/// for what is in force where nothing else of that device does.
fn in_force(id: &str, all: &[Document]) -> bool {
    let Some(own) = Named::of(id) else { return true };
    match own.state {
        "Installed" => true,
        "Current" => !all
            .iter()
            .filter_map(|other| Named::of(other.id()))
            .any(|other| other.state == "Installed" && other.fqdd == own.fqdd),
        "Previous" | "Available" | "Rollback" => false,
        _ => true,
    }
}

fn component(document: &Document) -> FirmwareComponent {
    let kind = Named::of(document.id()).map_or(ComponentKind::Other, |named| named.kind());
    FirmwareComponent {
        id: ComponentId(document.uri().to_owned()),
        name: document.str("Name").unwrap_or_else(|| document.id()).to_owned(),
        kind,
        version: document.str("Version").map(str::to_owned),
        updateable: document.bool("Updateable"),
    }
}

impl DellFirmware {
    async fn service(&self) -> Result<Document> {
        let uri =
            self.dell.machine.root.link("UpdateService").ok_or_else(|| self.dell.lacks("UpdateService"))?;
        self.dell.client.get(uri).await
    }

    async fn read(&self) -> Result<FirmwareInventory> {
        let service = self.service().await?;
        let uri = service.link("FirmwareInventory").ok_or_else(|| self.dell.lacks("FirmwareInventory"))?;
        let found = self.dell.client.collection(uri).await?;
        let all = &found.documents;
        let tells = self.dell.on(quirks::FIRMWARE_STATES);
        let listed = all.iter().filter(|one| !tells || in_force(one.id(), all));
        Ok(FirmwareInventory { components: listed.map(component).collect(), skipped: found.skipped })
    }

    async fn fetch(&self, image: &FirmwareImage) -> Result<Outcome> {
        if image.url.contains('?') && self.dell.on(quirks::URL_QUERY) {
            let why = "this firmware does not take an image's URL with a query; it wants a plain one";
            let kind = ErrorKind::RejectedValue { properties: vec!["ImageURI".to_owned()] };
            return Err(self.dell.client.error(kind, why));
        }
        let service = self.service().await?;
        let lacks = || self.dell.lacks("UpdateService.SimpleUpdate");
        let action = service.action("UpdateService.SimpleUpdate").ok_or_else(lacks)?;
        let target = action.str("target").ok_or_else(lacks)?;
        let body = simple_update(image, &action.strings(APPLY_TIMES));
        Ok(self.dell.client.post(target, body).await?.outcome())
    }
}

fn simple_update(image: &FirmwareImage, times: &[&str]) -> Value {
    let mut body = Map::new();
    body.insert("ImageURI".to_owned(), image.url.as_str().into());
    if let Some((scheme, _)) = image.url.split_once("://") {
        body.insert("TransferProtocol".to_owned(), scheme.to_ascii_uppercase().into());
    }
    if let Some(credentials) = &image.credentials {
        body.insert("Username".to_owned(), credentials.username.as_str().into());
        body.insert("Password".to_owned(), credentials.password.expose_secret().into());
    }
    // No targets: Dell's SimpleUpdate has none (R600, DS). A package says itself what it is for.
    let when = match image.when {
        ApplyTime::Immediate => "Immediate",
        ApplyTime::OnReset => "OnReset",
    };
    if times.contains(&when) {
        body.insert("@Redfish.OperationApplyTime".to_owned(), when.into());
    }
    Value::Object(body)
}

impl Firmware for DellFirmware {
    fn inventory(&self) -> Fut<'_, FirmwareInventory> {
        Box::pin(self.read())
    }

    fn update<'a>(&'a self, image: &'a FirmwareImage) -> Fut<'a, Outcome> {
        Box::pin(self.fetch(image))
    }

    fn push<'a>(&'a self, file: &'a FirmwareFile) -> Fut<'a, Outcome> {
        match &self.standard {
            Some(standard) => standard.push(file),
            None => Box::pin(async move { Err(self.dell.client.error(ErrorKind::Unsupported, NO_PUSH)) }),
        }
    }
}
