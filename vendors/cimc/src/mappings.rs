//! Mappings of images in the XML API: one per kind of drive, so an old one is removed first.

use std::sync::Arc;

use rackhand_bmc::{ErrorKind, MediaImage, Outcome, Result};
use secrecy::ExposeSecret;

use crate::{
    cisco::{Cisco, settled},
    remote::Remote,
    xml::Element,
};

const MAPPING: &str = "commVMediaMap";
const SERVICE: &str = "commVMedia";
/// What our mapping is called: always the same, so that it is found again.
const VOLUME: &str = "rackhand";

/// The mappings of one machine.
#[derive(Debug)]
pub(crate) struct Mappings {
    cisco: Arc<Cisco>,
}

impl Mappings {
    pub(crate) fn new(cisco: Arc<Cisco>) -> Self {
        Self { cisco }
    }

    fn service(&self) -> String {
        format!("{}/vmedia-svc", self.cisco.tree.services)
    }

    /// Mappings of the virtual DVD.
    pub(crate) async fn optical(&self) -> Result<Vec<Element>> {
        let mut mappings = self.cisco.xml.children(&self.service(), Some(MAPPING)).await?;
        mappings.retain(is_optical);
        Ok(mappings)
    }

    /// Maps an image. Accepted is not mapped: its status says later what became of it.
    pub(crate) async fn map(&self, image: &MediaImage) -> Result<Outcome> {
        let xml = &self.cisco.xml;
        let remote = Remote::from_url(&image.url).map_err(|why| {
            xml.error(ErrorKind::RejectedValue { properties: vec!["Image".to_owned()] }, why)
        })?;
        let enabled = self.enable().await?;
        if !settled(&enabled) {
            return Ok(enabled);
        }
        let mappings = self.optical().await?;
        let ours = |mapping: &Element| Remote::of(mapping).as_ref() == Some(&remote);
        if mappings.iter().any(|mapping| ours(mapping) && status_problem(mapping).is_none()) {
            return Ok(Outcome::Unchanged);
        }
        for old in &mappings {
            let removed = xml.remove(MAPPING, old.dn()).await?.outcome(Outcome::Done);
            if !settled(&removed) {
                return Ok(removed);
            }
        }
        let mut wanted = Element::new(MAPPING)
            .with("dn", format!("{}/vmmap-{VOLUME}", self.service()))
            .with("volumeName", VOLUME)
            .with("map", remote.map)
            .with("mountOptions", remote.options())
            .with("remoteShare", remote.share.as_str())
            .with("remoteFile", remote.file.as_str())
            .with("status", "created");
        if let Some(credentials) = &image.credentials {
            wanted = wanted
                .with("username", credentials.username.as_str())
                .with("password", credentials.password.expose_secret());
        }
        Ok(xml.change(wanted).await?.outcome(Outcome::Done))
    }

    /// Removes what is mapped to the virtual DVD.
    pub(crate) async fn unmap(&self) -> Result<Outcome> {
        let mut outcome = Outcome::Unchanged;
        for old in self.optical().await? {
            outcome = self.cisco.xml.remove(MAPPING, old.dn()).await?.outcome(Outcome::Done);
            if !settled(&outcome) {
                break;
            }
        }
        Ok(outcome)
    }

    /// Mappings need the service, and no USB of low power, which hides the drives from the host.
    async fn enable(&self) -> Result<Outcome> {
        let xml = &self.cisco.xml;
        let dn = self.service();
        let Some(service) = xml.resolve(&dn, false).await? else {
            let detail = "the XML API has no virtual media service on this firmware (SDK: since 1.5)";
            return Err(xml.error(ErrorKind::Unsupported, detail));
        };
        let mut wanted = Element::new(SERVICE).with("dn", dn);
        if !service.says("adminState", "enabled") {
            wanted = wanted.with("adminState", "enabled");
        }
        // Rack servers and nodes of an S3260 call it differently.
        for low_power in ["lowPowerUsbState", "lowPowerUsb"] {
            if service.says(low_power, "enabled") {
                wanted = wanted.with(low_power, "disabled");
            }
        }
        if wanted.attributes().count() == 1 {
            return Ok(Outcome::Unchanged);
        }
        Ok(xml.change(wanted).await?.outcome(Outcome::Done))
    }
}

/// Whether a mapping is the DVD's. Early firmware does not say, so the file's suffix does.
fn is_optical(mapping: &Element) -> bool {
    match mapping.get("driveType") {
        Some(kind) => kind.eq_ignore_ascii_case("cd"),
        None => !mapping.get("remoteFile").is_some_and(|file| file.to_ascii_lowercase().ends_with(".img")),
    }
}

/// Why a mapping failed, as its status says.
pub(crate) fn status_problem(mapping: &Element) -> Option<String> {
    let status = mapping.get("mappingStatus")?;
    status.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("error")).then(|| status.to_owned())
}
