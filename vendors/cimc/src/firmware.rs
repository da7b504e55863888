//! Firmware: CIMC and BIOS by SimpleUpdate, in Cisco's form.

use std::sync::Arc;

use rackhand_bmc::{
    ApplyTime, ComponentId, ComponentKind, Error, ErrorKind, Firmware, FirmwareComponent, FirmwareFile,
    FirmwareImage, FirmwareInventory, Fut, Outcome, Result,
};
use rackhand_redfish::{Document, last_segment};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::cisco::Cisco;

/// What SimpleUpdate fetches by (ISV); there is no HTTPS.
const PROTOCOLS: [&str; 5] = ["TFTP", "SCP", "SFTP", "FTP", "HTTP"];

/// Firmware of a CIMC.
pub(crate) struct CimcFirmware {
    cisco: Arc<Cisco>,
}

impl CimcFirmware {
    pub(crate) fn new(cisco: Arc<Cisco>) -> Self {
        Self { cisco }
    }

    fn rejected(&self, property: &str, detail: String) -> Error {
        self.cisco.xml.error(ErrorKind::RejectedValue { properties: vec![property.to_owned()] }, detail)
    }

    async fn service(&self) -> Result<Document> {
        let host = &self.cisco.host;
        let uri = host.machine.root.link("UpdateService").ok_or_else(|| host.lacks("UpdateService"))?;
        host.client.get(uri).await
    }

    async fn installed(&self) -> Result<FirmwareInventory> {
        let host = &self.cisco.host;
        let service = self.service().await?;
        let uri = service.link("FirmwareInventory").ok_or_else(|| host.lacks("FirmwareInventory"))?;
        let found = host.client.collection(uri).await?;
        let components = found.documents.iter().map(component).collect();
        Ok(FirmwareInventory { components, skipped: found.skipped })
    }

    async fn fetch(&self, image: &FirmwareImage) -> Result<Outcome> {
        let host = &self.cisco.host;
        let body = self.body(image)?;
        let service = self.service().await?;
        let lacks = || host.lacks("UpdateService.SimpleUpdate action");
        let action = service.action("UpdateService.SimpleUpdate").ok_or_else(lacks)?;
        let target = action.str("target").ok_or_else(lacks)?;
        Ok(host.client.post(target, body).await?.outcome())
    }

    fn body(&self, image: &FirmwareImage) -> Result<Value> {
        let [target] = image.targets.as_slice() else {
            let detail =
                format!("CIMC updates one target at a time, CIMC or BIOS; {} are named", image.targets.len());
            return Err(self.rejected("Targets", detail));
        };
        if kind_of(last_segment(&target.0)) == ComponentKind::Other {
            let detail = format!(
                "CIMC updates itself and the BIOS alone, not {target}; the rest needs Cisco's update ISO"
            );
            return Err(self.rejected("Targets", detail));
        }
        if image.when == ApplyTime::OnReset {
            let detail = "CIMC knows no time for an update; it is activated apart".to_owned();
            return Err(self.rejected("ApplyTime", detail));
        }
        let (protocol, place) = self.place(&image.url)?;
        let mut body = json!({"ImageURI": place, "TransferProtocol": protocol, "Targets": [target.0]});
        if let (Some(credentials), Value::Object(body)) = (&image.credentials, &mut body) {
            body.insert("Username".to_owned(), credentials.username.clone().into());
            body.insert("Password".to_owned(), credentials.password.expose_secret().into());
        }
        Ok(body)
    }

    /// The protocol, and the image's place as `HOST:/PATH` (image-without-scheme).
    fn place(&self, url: &str) -> Result<(String, String)> {
        let parts = url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?)));
        let (scheme, (authority, path)) =
            parts.ok_or_else(|| self.rejected("ImageURI", format!("{url} names no file on a host")))?;
        let protocol = scheme.to_ascii_uppercase();
        if !PROTOCOLS.contains(&protocol.as_str()) {
            let detail = format!("CIMC fetches firmware by {}, not by {protocol}", PROTOCOLS.join(", "));
            return Err(self.rejected("TransferProtocol", detail));
        }
        if !self.cisco.on("image-without-scheme") {
            return Ok((protocol, url.to_owned()));
        }
        // Brackets hold the colons of an IPv6 address.
        let port = authority.rsplit(']').next().is_some_and(|behind| behind.contains(':'));
        if port {
            let detail =
                format!("{url} names a port; CIMC takes HOST:/PATH and the protocol's own port alone");
            return Err(self.rejected("ImageURI", detail));
        }
        Ok((protocol, format!("{authority}:/{path}")))
    }
}

fn component(document: &Document) -> FirmwareComponent {
    let name = document.str("Name").unwrap_or_else(|| document.id());
    FirmwareComponent {
        id: ComponentId(document.uri().to_owned()),
        name: name.to_owned(),
        kind: kind_of(document.id()),
        version: document.str("Version").map(str::to_owned),
        updateable: document.bool("Updateable"),
    }
}

/// What a component is, by its id: `CIMC`, `BIOS`, and everything else.
fn kind_of(id: &str) -> ComponentKind {
    match id.to_ascii_uppercase().as_str() {
        "BIOS" => ComponentKind::Bios,
        "CIMC" | "BMC" => ComponentKind::Bmc,
        _ => ComponentKind::Other,
    }
}

impl Firmware for CimcFirmware {
    fn inventory(&self) -> Fut<'_, FirmwareInventory> {
        Box::pin(self.installed())
    }

    fn update<'a>(&'a self, image: &'a FirmwareImage) -> Fut<'a, Outcome> {
        Box::pin(self.fetch(image))
    }

    fn push<'a>(&'a self, _file: &'a FirmwareFile) -> Fut<'a, Outcome> {
        let why = "the UpdateService takes images by SimpleUpdate alone; offer the file by a URL";
        Box::pin(async move { Err(self.cisco.xml.error(ErrorKind::Unsupported, why)) })
    }
}
