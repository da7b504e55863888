//! Virtual media as System or Manager have it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rackhand_bmc::{
    Error, ErrorKind, Fut, MediaImage, MediaSlot, MediaType, Outcome, RememberedSlot, Result, SlotId,
    VirtualMedia,
};
use serde_json::{Value, json};

use super::{dialect::MediaPlace, host::Host, quirks};
use crate::{document::Document, memory, messages::Meaning, uri::bare, uri::same_resource};

/// Whether an ISO can be inserted into it by URL.
fn is_useful(slot: &MediaSlot) -> bool {
    slot.can_insert && slot.is_optical()
}

/// Virtual media slots.
#[derive(Debug)]
pub struct StandardMedia {
    host: Arc<Host>,
    /// Each slot as read last: to find its actions in, never as state.
    seen: Mutex<BTreeMap<String, Document>>,
}

impl StandardMedia {
    /// Virtual media of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host), seen: Mutex::default() }
    }

    /// The slot as a document shows it.
    #[must_use]
    pub fn view(&self, document: &Document) -> MediaSlot {
        let (dialect, machine) = (self.host.dialect.as_ref(), &self.host.machine);
        let gone = dialect.shows_ejected(document);
        let is_none =
            |image: &str| gone || (self.host.cures(quirks::IMAGE_NONE) && dialect.is_empty_image(image));
        let connected = document.str("ConnectedVia").map(|via| !via.eq_ignore_ascii_case("NotConnected"));
        MediaSlot {
            id: SlotId(bare(document.uri()).to_owned()),
            name: document.str("Name").unwrap_or_else(|| document.id()).to_owned(),
            media_types: document.strings("MediaTypes").into_iter().map(MediaType::parse).collect(),
            inserted: if gone { Some(false) } else { dialect.inserted(document) },
            image: document.str("Image").filter(|image| !is_none(image)).map(str::to_owned),
            connected,
            can_insert: dialect.can_insert(machine, document),
            problem: dialect.slot_problem(document),
        }
    }

    async fn all(&self) -> Result<Vec<MediaSlot>> {
        let host = &self.host;
        let mut slots: Vec<MediaSlot> = Vec::new();
        let mut read: Vec<String> = Vec::new();
        let mut skipped = Vec::new();
        for place in host.dialect.media_places(&host.machine) {
            let link = match place {
                MediaPlace::System => host.machine.system.link("VirtualMedia"),
                MediaPlace::Manager => host.manager().await?.and_then(|manager| manager.link("VirtualMedia")),
            };
            // sushy-tools links one collection from both.
            let Some(link) = link.filter(|link| !read.iter().any(|read| same_resource(read, link))) else {
                continue;
            };
            read.push(link.to_owned());
            let found = host.client.collection(link).await?;
            for one in &found.skipped {
                tracing::warn!(bmc = host.client.bmc(), slot = %one.what, why = %one.why, "a virtual media slot cannot be read");
            }
            skipped.extend(found.skipped);
            slots.extend(found.documents.into_iter().map(|document| {
                let slot = self.view(&document);
                self.remember(document);
                slot
            }));
            if slots.iter().any(is_useful) {
                break;
            }
        }
        // Not "there is none": the one that is needed may be the one that could not be read just now.
        if let Some(one) = skipped.first().filter(|_| !slots.iter().any(is_useful)) {
            let why = format!("the virtual media slot {} cannot be read: {}", one.what, one.why);
            return Err(host.client.error(ErrorKind::Protocol, why));
        }
        slots.sort_by_key(|slot| host.dialect.slot_preference(&host.machine, slot));
        if let Some(best) = slots.iter().find(|slot| is_useful(slot))
            && let Some(document) = self.seen(&best.id)
        {
            host.memory.keep(memory::SLOT, &document);
        }
        Ok(slots)
    }

    fn remember(&self, document: Document) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(bare(document.uri()).to_ascii_lowercase(), document);
    }

    fn seen(&self, id: &SlotId) -> Option<Document> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&bare(&id.0).to_ascii_lowercase()).cloned()
    }

    async fn read(&self, id: &SlotId) -> Result<Document> {
        let document = self.host.client.get(&id.0).await?;
        self.remember(document.clone());
        Ok(document)
    }

    /// The slot with its actions: as read last, or now.
    async fn known(&self, id: &SlotId) -> Result<Document> {
        match self.seen(id) {
            Some(document) => Ok(document),
            None => self.read(id).await,
        }
    }

    async fn target(&self, id: &SlotId, action: &str) -> Result<String> {
        let find =
            |slot: &Document| slot.action(action).and_then(|action| action.str("target")).map(str::to_owned);
        if let Some(target) = find(&self.known(id).await?) {
            return Ok(target);
        }
        let now = if self.host.dialect.slot_actions_change() { find(&self.read(id).await?) } else { None };
        now.ok_or_else(|| {
            self.host
                .client
                .error(ErrorKind::Unsupported, format!("the virtual media slot {id} offers no {action}"))
        })
    }

    async fn put(&self, id: &SlotId, image: &MediaImage) -> Result<Outcome> {
        let host = &self.host;
        let target = &self.target(id, "VirtualMedia.InsertMedia").await?;
        let mut bodies: Vec<Value> = host.dialect.insert_bodies(&host.machine, image);
        if !host.cures(quirks::INSERT_MORE) {
            bodies.truncate(1);
        }
        let sent = host.first_accepted(bodies, |body| host.client.post(target, body)).await?;
        Ok(sent.outcome())
    }

    async fn take_out(&self, id: &SlotId) -> Result<Outcome> {
        let target = match self.target(id, "VirtualMedia.EjectMedia").await {
            Err(error) if *error.kind() == ErrorKind::Unsupported && self.is_empty(id).await => {
                return Ok(Outcome::Unchanged);
            }
            target => target?,
        };
        match self.host.client.post(&target, json!({})).await {
            Ok(sent) => Ok(sent.outcome()),
            Err(error) if self.may_be_empty(&error) && self.is_empty(id).await => Ok(Outcome::Unchanged),
            Err(error) => Err(error),
        }
    }

    /// Whether a refused eject may mean an empty slot: BMCs answer 400, 409 or 500 then.
    fn may_be_empty(&self, error: &Error) -> bool {
        let refused = matches!(
            error.kind(),
            ErrorKind::Conflict
                | ErrorKind::RejectedValue { .. }
                | ErrorKind::Busy { .. }
                | ErrorKind::Unsupported
                | ErrorKind::NotFound
        ) || self.host.client.meaning(error) == Some(Meaning::Already);
        (refused && self.host.cures(quirks::EJECT_EMPTY)) || self.host.dialect.is_already(error)
    }

    async fn is_empty(&self, id: &SlotId) -> bool {
        self.read(id).await.is_ok_and(|document| self.view(&document).is_empty())
    }
}

impl VirtualMedia for StandardMedia {
    fn slots(&self) -> Fut<'_, Vec<MediaSlot>> {
        Box::pin(self.all())
    }

    fn remembered(&self) -> Option<RememberedSlot> {
        let document = self.host.memory.document(memory::SLOT)?;
        let id = SlotId(bare(document.uri()).to_owned());
        let refuses_when_full = self.host.dialect.refuses_when_full(&self.host.machine);
        if self.seen(&id).is_none() {
            self.remember(document);
        }
        Some(RememberedSlot { id, refuses_when_full })
    }

    fn slot<'a>(&'a self, id: &'a SlotId) -> Fut<'a, MediaSlot> {
        Box::pin(async move { Ok(self.view(&self.read(id).await?)) })
    }

    fn insert<'a>(&'a self, id: &'a SlotId, image: &'a MediaImage) -> Fut<'a, Outcome> {
        Box::pin(self.put(id, image))
    }

    fn eject<'a>(&'a self, id: &'a SlotId) -> Fut<'a, Outcome> {
        Box::pin(self.take_out(id))
    }
}
