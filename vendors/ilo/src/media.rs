//! Virtual media: what an image's URL must look like, and HPE's own actions where there are no others.

use std::sync::Arc;

use rackhand_bmc::{
    ErrorKind, Fut, MediaImage, MediaSlot, Outcome, RememberedSlot, Result, SlotId, VirtualMedia,
};
use rackhand_redfish::Document;
use serde_json::json;

use crate::quirks::{self, Hpe};

/// HPE's own insert: `HpeiLOVirtualMedia.` or `HpiLOVirtualMedia.` stands before it.
pub(crate) const INSERT: &str = "InsertVirtualMedia";
const EJECT: &str = "EjectVirtualMedia";

/// The facet.
pub(crate) fn media(hpe: &Hpe, standard: Arc<dyn VirtualMedia>) -> Arc<dyn VirtualMedia> {
    Arc::new(HpeMedia { hpe: hpe.clone(), standard })
}

/// Target of one of HPE's own actions of a slot.
pub(crate) fn oem_target<'a>(slot: &'a Document, name: &str) -> Option<&'a str> {
    ["Oem/Hpe", "Oem/Hp"].into_iter().find_map(|at| slot.at(at)?.action(name)?.str("target"))
}

struct HpeMedia {
    hpe: Hpe,
    standard: Arc<dyn VirtualMedia>,
}

/// Why an iLO would not take the image; `None` when it would.
fn unfit(url: &str) -> Option<String> {
    let lower = url.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Some(format!("an iLO takes images by http and https alone; this one is {url}"));
    }
    let ends = [".iso", ".bin", ".img"].into_iter().any(|suffix| lower.ends_with(suffix));
    (!ends)
        .then(|| format!("an iLO takes only images whose URL ends in .iso, .bin or .img; this one is {url}"))
}

impl HpeMedia {
    /// The slot's own action, where that is all it has. Costs a read, so only generations that may need it ask.
    async fn own(&self, id: &SlotId, standard: &str, own: &str) -> Result<Option<String>> {
        if !self.hpe.on(quirks::OEM_INSERT) {
            return Ok(None);
        }
        let slot = self.hpe.client.get(&id.0).await?;
        if slot.action(standard).is_some() {
            return Ok(None);
        }
        Ok(oem_target(&slot, own).map(str::to_owned))
    }

    async fn put(&self, id: &SlotId, image: &MediaImage) -> Result<Outcome> {
        if let Some(why) = unfit(&image.url).filter(|_| self.hpe.on(quirks::IMAGE_SUFFIX)) {
            return Err(self.hpe.refused("Image", why));
        }
        match self.standard.insert(id, image).await {
            Err(error) if *error.kind() == ErrorKind::Unsupported => {
                match self.own(id, "VirtualMedia.InsertMedia", INSERT).await? {
                    Some(target) => {
                        Ok(self.hpe.client.post(&target, json!({"Image": image.url})).await?.outcome())
                    }
                    None => Err(error),
                }
            }
            outcome => outcome,
        }
    }

    async fn take_out(&self, id: &SlotId) -> Result<Outcome> {
        match self.standard.eject(id).await {
            Err(error) if *error.kind() == ErrorKind::Unsupported => {
                match self.own(id, "VirtualMedia.EjectMedia", EJECT).await? {
                    Some(target) => Ok(self.hpe.client.post(&target, json!({})).await?.outcome()),
                    None => Err(error),
                }
            }
            outcome => outcome,
        }
    }
}

impl VirtualMedia for HpeMedia {
    fn slots(&self) -> Fut<'_, Vec<MediaSlot>> {
        self.standard.slots()
    }

    fn remembered(&self) -> Option<RememberedSlot> {
        self.standard.remembered()
    }

    fn slot<'a>(&'a self, id: &'a SlotId) -> Fut<'a, MediaSlot> {
        self.standard.slot(id)
    }

    fn insert<'a>(&'a self, id: &'a SlotId, image: &'a MediaImage) -> Fut<'a, Outcome> {
        Box::pin(self.put(id, image))
    }

    fn eject<'a>(&'a self, id: &'a SlotId) -> Fut<'a, Outcome> {
        Box::pin(self.take_out(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_plain_url_of_http() {
        for fit in [
            "http://192.0.2.1/a.iso",
            "HTTPS://[2001:db8::1]/x/A.ISO",
            "https://a.test/b.img",
            "http://a.test/c.bin",
        ] {
            assert_eq!(unfit(fit), None, "{fit}");
        }
        for other in ["http://a.test/a.iso?token=1", "nfs://a.test/a.iso", "http://a.test/image"] {
            assert!(unfit(other).unwrap().contains(other), "{other}");
        }
    }
}
