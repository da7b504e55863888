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
const PUSH_APPLY_TIMES: &str = "MultipartHttpPushUri@Redfish.OperationApplyTimeSupport/SupportedValues";
const APPLY_TIMES: &str = "@Redfish.OperationApplyTimeSupport/SupportedValues";

/// Firmware of the machine.
#[derive(Debug)]
pub struct StandardFirmware {
    host: Arc<Host>,
}

/// Names of images that merely lie ready: not in force.
const NOT_IN_FORCE: [&str; 7] = ["backup", "golden", "previous", "staged", "staging", "capsule", "recovery"];
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
        let when = image.when.as_str();
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

    /// Sends a file to where the service takes files with what is to be done with them (DSP0266: multipart HTTP push).
    async fn send(&self, file: &FirmwareFile) -> Result<Outcome> {
        let service = self.service().await?;
        let lacks = || self.host.lacks("MultipartHttpPushUri, to send a file to");
        let place = service.str("MultipartHttpPushUri").ok_or_else(lacks)?;
        let targets: Vec<Value> = file.targets.iter().map(|target| target.0.as_str().into()).collect();
        let mut parameters = Map::from_iter([("Targets".to_owned(), Value::from(targets))]);
        let known = service.strings(PUSH_APPLY_TIMES);
        let when = file.when.as_str();
        if known.contains(&when) {
            parameters.insert(APPLY_TIME.to_owned(), when.into());
        } else if file.when == ApplyTime::OnReset {
            let why = "this BMC lets nobody choose that a file that is sent is installed at the next reset";
            return Err(self.host.client.error(ErrorKind::Unsupported, why));
        }
        self.host.forget();
        let parameters = Value::Object(parameters);
        Ok(self.host.client.upload(place, &parameters, &file.name, &file.content).await?.outcome())
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
        if !says(one.version.as_deref(), version) {
            one.kind = ComponentKind::Other;
        }
    }
}

/// Whether a component's version is that which is in force: the same, or with a preface (Supermicro: `BIOS Date: ... Ver
/// 1.4` for 1.4).
fn says(component: Option<&str>, in_force: Option<&str>) -> bool {
    let (Some(component), Some(in_force)) = (component, in_force) else { return false };
    component == in_force || component.rsplit(' ').next() == Some(in_force)
}

impl Firmware for StandardFirmware {
    fn inventory(&self) -> Fut<'_, FirmwareInventory> {
        Box::pin(self.installed())
    }

    fn update<'a>(&'a self, image: &'a FirmwareImage) -> Fut<'a, Outcome> {
        Box::pin(self.fetch(image))
    }

    fn push<'a>(&'a self, file: &'a FirmwareFile) -> Fut<'a, Outcome> {
        Box::pin(self.send(file))
    }
}
