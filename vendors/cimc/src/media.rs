//! Virtual media: by Redfish's slots, else by the mappings of the XML API.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rackhand_bmc::{
    ErrorKind, Fut, MediaImage, MediaSlot, MediaType, Outcome, RememberedSlot, Result, SlotId, VirtualMedia,
};
use tokio::time::Instant;

use crate::{
    cisco::{Cisco, is_no_way},
    mappings::{Mappings, status_problem},
    remote::Remote,
};

/// The slot that the XML API's mappings make.
const BY_XML: &str = "xml:cd";
/// Virtual media of a CIMC.
pub(crate) struct CimcMedia {
    cisco: Arc<Cisco>,
    standard: Arc<dyn VirtualMedia>,
    mappings: Mappings,
    /// What was asked for over this connection: to know what to look for, never taken as state.
    asked: Mutex<BTreeMap<SlotId, Asked>>,
}

/// An image that was asked for.
#[derive(Debug, Clone)]
struct Asked {
    url: String,
    at: Instant,
    /// Whether it was neither seen attached nor ejected since.
    waited_for: bool,
    /// Whether the XML API maps it, because Redfish's slot refused to.
    by_xml: bool,
}

impl CimcMedia {
    pub(crate) fn new(cisco: Arc<Cisco>, standard: Arc<dyn VirtualMedia>) -> Self {
        Self { mappings: Mappings::new(Arc::clone(&cisco)), cisco, standard, asked: Mutex::default() }
    }

    fn asked(&self, id: &SlotId) -> Option<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn remember(&self, id: &SlotId, asked: Asked) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), asked);
    }

    /// How long Redfish is given to show a mapping before the XML API is asked what became of it: two thirds of what a
    /// mapping is waited for, a minute, which is as long as Cisco's SDK waits for a good one.
    fn grace(&self) -> Duration {
        self.cisco.host.pacing.media_attach * 2 / 3
    }

    /// An image was seen attached, or ejected: nothing is waited for any more.
    fn settle(&self, id: &SlotId) {
        if let Some(asked) = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get_mut(id) {
            asked.waited_for = false;
        }
    }

    /// Whether a slot is the XML API's now.
    fn is_by_xml(&self, id: &SlotId) -> bool {
        id.0 == BY_XML || self.asked(id).is_some_and(|asked| asked.by_xml)
    }

    async fn all(&self) -> Result<Vec<MediaSlot>> {
        let mut slots = self.standard.slots().await?;
        let useful = slots.iter().any(|slot| slot.can_insert && slot.is_optical());
        if !useful && self.cisco.by_xml("media-by-xml") {
            slots.insert(0, self.mapped(&SlotId(BY_XML.to_owned())).await?);
        }
        Ok(slots)
    }

    async fn one(&self, id: &SlotId) -> Result<MediaSlot> {
        if self.is_by_xml(id) {
            return self.mapped(id).await;
        }
        let mut slot = self.standard.slot(id).await?;
        let attached = slot.inserted == Some(true) && slot.connected != Some(false);
        if attached {
            self.settle(id);
        }
        let waited = self.asked(id).filter(|asked| asked.waited_for && asked.at.elapsed() >= self.grace());
        if let Some(asked) = waited.filter(|_| slot.problem.is_none())
            && self.cisco.by_xml("mapping-fails-later")
        {
            slot.problem = self.why_not(&asked.url).await;
        }
        Ok(slot)
    }

    /// What the XML API says became of a mapping that Redfish accepted. Nothing, where it cannot be asked: whoever waits
    /// for the image then waits until the deadline.
    async fn why_not(&self, url: &str) -> Option<String> {
        match self.mappings.optical().await {
            Ok(mappings) => mappings.iter().find_map(|mapping| {
                let ours = Remote::of(mapping).is_none_or(|remote| Remote::from_url(url) == Ok(remote));
                status_problem(mapping).filter(|_| ours)
            }),
            Err(error) => {
                tracing::debug!(bmc = self.cisco.host.client.bmc(), %error, "what became of the mapping cannot be asked");
                None
            }
        }
    }

    /// The slot that the XML API's optical mapping makes, under the name it was asked for.
    async fn mapped(&self, id: &SlotId) -> Result<MediaSlot> {
        let mappings = self.mappings.optical().await?;
        let mapping = mappings.first();
        let ok = mapping.is_some_and(|mapping| mapping.says("mappingStatus", "ok"));
        let remote = mapping.and_then(Remote::of);
        let asked = self.asked(id).filter(|asked| Remote::from_url(&asked.url).ok() == remote);
        let image = asked.map(|asked| asked.url).or_else(|| remote.map(|remote| remote.url()));
        Ok(MediaSlot {
            id: id.clone(),
            name: "CIMC-Mapped vDVD by the XML API".to_owned(),
            media_types: vec![MediaType::Cd, MediaType::Dvd],
            inserted: Some(ok),
            image,
            connected: Some(ok),
            can_insert: true,
            problem: mapping.and_then(status_problem),
        })
    }

    async fn put(&self, id: &SlotId, image: &MediaImage) -> Result<Outcome> {
        let asked = Asked {
            url: image.url.clone(),
            at: Instant::now(),
            waited_for: true,
            by_xml: self.is_by_xml(id),
        };
        self.remember(id, asked.clone());
        if asked.by_xml {
            return self.mappings.map(image).await;
        }
        match self.standard.insert(id, image).await {
            Err(error) if is_no_way(error.kind()) && self.cisco.by_xml("media-by-xml") => {
                tracing::info!(bmc = self.cisco.host.client.bmc(), %error, "maps the image by the XML API instead");
                let outcome = self.mappings.map(image).await;
                // What Redfish said counts where there is no XML API either.
                if outcome.as_ref().is_err_and(|second| *second.kind() == ErrorKind::Unsupported) {
                    return Err(error);
                }
                self.remember(id, Asked { by_xml: true, ..asked });
                outcome
            }
            answer => answer,
        }
    }

    async fn take_out(&self, id: &SlotId) -> Result<Outcome> {
        self.settle(id);
        if self.is_by_xml(id) {
            return self.mappings.unmap().await;
        }
        match self.standard.eject(id).await {
            Err(error) if is_no_way(error.kind()) && self.cisco.by_xml("media-by-xml") => {
                match self.mappings.unmap().await {
                    Err(second) if *second.kind() == ErrorKind::Unsupported => Err(error),
                    outcome => outcome,
                }
            }
            answer => answer,
        }
    }
}

impl VirtualMedia for CimcMedia {
    fn slots(&self) -> Fut<'_, Vec<MediaSlot>> {
        Box::pin(self.all())
    }

    fn remembered(&self) -> Option<RememberedSlot> {
        self.standard.remembered()
    }

    fn slot<'a>(&'a self, id: &'a SlotId) -> Fut<'a, MediaSlot> {
        Box::pin(self.one(id))
    }

    fn insert<'a>(&'a self, id: &'a SlotId, image: &'a MediaImage) -> Fut<'a, Outcome> {
        Box::pin(self.put(id, image))
    }

    fn eject<'a>(&'a self, id: &'a SlotId) -> Fut<'a, Outcome> {
        Box::pin(self.take_out(id))
    }
}
