//! Firmware as the UpdateService has it.

use std::sync::Arc;

use rackhand_bmc::{
    ApplyTime, ComponentId, ComponentKind, ErrorKind, Firmware, FirmwareComponent, FirmwareFile,
    FirmwareImage, FirmwareInventory, Fut, Outcome, Result,
};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use super::{host::Host, quirks};
use crate::{document::Document, uri::last_segment};

const APPLY_TIME: &str = "@Redfish.OperationApplyTime";
const APPLY_TIMES: &str = "@Redfish.OperationApplyTimeSupport/SupportedValues";

/// Firmware of the machine.
#[derive(Debug)]
pub struct StandardFirmware {
    host: Arc<Host>,
}

/// Names of images that merely lie ready: not in force.
const NOT_IN_FORCE: [&str; 5] = ["backup", "golden", "previous", "staged", "recovery"];
/// What vendors call the host's firmware (Lenovo: UEFI).
const BIOS_NAMES: [&str; 3] = ["bios", "uefi", "system rom"];
/// What vendors call the BMC's.
const BMC_NAMES: [&str; 4] = ["bmc", "xcc", "ilo", "idrac"];

impl StandardFirmware {
    /// Firmware of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host) }
    }

    async fn service(&self) -> Result<Document> {
        let link = self.host.machine.root.link("UpdateService");
        self.host.client.get(link.ok_or_else(|| self.host.lacks("UpdateService"))?).await
    }

    async fn installed(&self) -> Result<FirmwareInventory> {
        let service = self.service().await?;
        let uri = service.link("FirmwareInventory").ok_or_else(|| self.host.lacks("FirmwareInventory"))?;
        let found = self.host.client.collection(uri).await?;
        let all = !self.host.cures(quirks::STORED_IMAGES);
        let mut components: Vec<FirmwareComponent> =
            found.documents.iter().filter(|document| all || is_in_force(document)).map(component).collect();
        let bmc = self.host.machine.manager().and_then(|manager| manager.str("FirmwareVersion"));
        only(&mut components, ComponentKind::Bios, self.host.machine.system.str("BiosVersion"));
        only(&mut components, ComponentKind::Bmc, bmc);
        Ok(FirmwareInventory { components, skipped: found.skipped })
    }

    async fn fetch(&self, image: &FirmwareImage) -> Result<Outcome> {
        let service = self.service().await?;
        let lacks = || self.host.lacks("UpdateService.SimpleUpdate");
        let action = service.action("UpdateService.SimpleUpdate").ok_or_else(lacks)?;
        let target = action.str("target").ok_or_else(lacks)?;
        let known = action.strings(APPLY_TIMES);
        let when = match image.when {
            ApplyTime::Immediate => "Immediate",
            ApplyTime::OnReset => "OnReset",
        };
        if image.when == ApplyTime::OnReset && !known.contains(&when) {
            let why =
                "this BMC's SimpleUpdate lets nobody choose that an image is installed at the next reset";
            return Err(self.host.client.error(ErrorKind::Unsupported, why));
        }
        let mut body = simple_update(image);
        if known.contains(&when) {
            body.insert(APPLY_TIME.to_owned(), when.into());
        }
        // Another firmware may put things elsewhere.
        self.host.forget();
        Ok(self.host.client.post(target, Value::Object(body)).await?.outcome())
    }
}

fn simple_update(image: &FirmwareImage) -> Map<String, Value> {
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
        let targets: Vec<Value> = image.targets.iter().map(|target| target.0.as_str().into()).collect();
        body.insert("Targets".to_owned(), targets.into());
    }
    body
}

/// The id and the name, in lower case, to look for words in.
fn names(document: &Document) -> [String; 2] {
    let id = last_segment(document.uri()).to_ascii_lowercase();
    [id, document.str("Name").unwrap_or_default().to_ascii_lowercase()]
}

fn is_in_force(document: &Document) -> bool {
    let names = names(document);
    !NOT_IN_FORCE.iter().any(|word| names.iter().any(|name| name.contains(word)))
        && document.str("Status/State") != Some("StandbySpare")
}

fn component(document: &Document) -> FirmwareComponent {
    let names = names(document);
    let has = |words: &[&str]| words.iter().any(|word| names.iter().any(|name| name.contains(word)));
    let kind = match () {
        () if has(&BIOS_NAMES) => ComponentKind::Bios,
        () if has(&BMC_NAMES) => ComponentKind::Bmc,
        () => ComponentKind::Other,
    };
    FirmwareComponent {
        id: ComponentId(document.uri().to_owned()),
        name: document.str("Name").unwrap_or_else(|| document.id()).to_owned(),
        kind,
        version: document.str("Version").map(str::to_owned),
        updateable: document.bool("Updateable"),
    }
}

/// Names are a weak ground: where several have one, the kind stays with those of the version that the System or its
/// Manager says is in force, and with none when that tells nothing.
fn only(components: &mut [FirmwareComponent], kind: ComponentKind, version: Option<&str>) {
    let of_kind = |one: &&mut FirmwareComponent| one.kind == kind;
    if components.iter_mut().filter(of_kind).count() < 2 {
        return;
    }
    for one in components.iter_mut().filter(of_kind) {
        if one.version.is_none() || one.version.as_deref() != version {
            one.kind = ComponentKind::Other;
        }
    }
}

impl Firmware for StandardFirmware {
    fn inventory(&self) -> Fut<'_, FirmwareInventory> {
        Box::pin(self.installed())
    }

    fn update<'a>(&'a self, image: &'a FirmwareImage) -> Fut<'a, Outcome> {
        Box::pin(self.fetch(image))
    }

    fn push<'a>(&'a self, file: &'a FirmwareFile) -> Fut<'a, Outcome> {
        let why = format!("{} is not sent to this BMC; serve it by HTTP and update from its URL", file.name);
        Box::pin(async move { Err(self.host.client.error(ErrorKind::Unsupported, why)) })
    }
}
