//! Virtual media: slots that have no actions and are written themselves.

use std::sync::Arc;

use rackhand_bmc::{
    ErrorKind, Fut, MediaImage, MediaSlot, Outcome, RememberedSlot, Result, SlotId, VirtualMedia,
};
use rackhand_redfish::Document;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use crate::{
    dialect::is_ext,
    licence,
    quirks::{self, Xcc},
};

/// The facet.
pub(crate) fn media(xcc: Xcc, standard: Arc<dyn VirtualMedia>) -> Arc<dyn VirtualMedia> {
    Arc::new(XccMedia { xcc, standard })
}

struct XccMedia {
    xcc: Xcc,
    standard: Arc<dyn VirtualMedia>,
}

/// The forms of an insert: with what Lenovo's scripts send, then with the protocol as well (LD1: TransferProtocolType).
fn inserts(image: &MediaImage) -> Vec<Value> {
    let mut body = Map::new();
    body.insert("Image".to_owned(), image.url.as_str().into());
    body.insert("Inserted".to_owned(), true.into());
    body.insert("WriteProtected".to_owned(), true.into());
    if let Some(credentials) = &image.credentials {
        body.insert("UserName".to_owned(), credentials.username.as_str().into());
        body.insert("Password".to_owned(), credentials.password.expose_secret().into());
    }
    let mut bodies = vec![Value::Object(body.clone())];
    if let Some((scheme, _)) = image.url.split_once("://") {
        body.insert("TransferProtocolType".to_owned(), scheme.to_ascii_uppercase().into());
        bodies.push(Value::Object(body));
    }
    bodies
}

/// Whether a slot has an action of its own (some XCC2 and XCC3: sushy).
fn acts(slot: &Document, name: &str) -> bool {
    slot.action(name).and_then(|action| action.str("target")).is_some()
}

fn is_empty(slot: &Document) -> bool {
    slot.str("Image").is_none() && slot.bool("Inserted") != Some(true)
}

impl XccMedia {
    async fn put(&self, id: &SlotId, image: &MediaImage) -> Result<Outcome> {
        let slot = self.xcc.client.get(&id.0).await?;
        if !is_ext(&slot) && self.xcc.on(quirks::EXT_ALONE) {
            let why = format!("{id} takes no image by URL; only EXT1 to EXT4 do");
            return Err(self.xcc.client.error(ErrorKind::Unsupported, why));
        }
        if acts(&slot, "VirtualMedia.InsertMedia") || !self.xcc.on(quirks::MEDIA_PATCH) {
            return self.standard.insert(id, image).await;
        }
        let sent = self.write(&slot, inserts(image)).await;
        match sent {
            Err(error) => Err(licence::looked_at(&self.xcc, error).await),
            sent => sent,
        }
    }

    async fn take_out(&self, id: &SlotId) -> Result<Outcome> {
        let slot = self.xcc.client.get(&id.0).await?;
        if acts(&slot, "VirtualMedia.EjectMedia") || !self.xcc.on(quirks::MEDIA_PATCH) {
            return self.standard.eject(id).await;
        }
        if is_empty(&slot) {
            return Ok(Outcome::Unchanged);
        }
        self.write(&slot, vec![json!({"Inserted": false}), json!({"Image": null})]).await
    }

    async fn write(&self, slot: &Document, bodies: Vec<Value>) -> Result<Outcome> {
        let write = |body| self.xcc.client.patch(slot.uri(), slot.etag(), body);
        Ok(self.xcc.first_accepted(bodies, write).await?.outcome())
    }
}

impl VirtualMedia for XccMedia {
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
