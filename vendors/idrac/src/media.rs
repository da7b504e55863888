//! Virtual media: how images are named, and what is done when the iDRAC says that its media is detached.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use rackhand_bmc::{
    Error, ErrorKind, Fut, MediaImage, MediaSlot, Outcome, RememberedSlot, Result, SlotId, VirtualMedia,
};
use serde_json::json;

use crate::{
    dialect::{as_kind, attributes_of},
    quirks::{self, Dell},
};

const ATTACHED: &str = "VirtualMedia.1.Attached";
const SESSIONS: &str = "VirtualMedia.1.ActiveSessions";
/// Media shows to the host as soon as something is inserted.
const AUTO: &str = "AutoAttach";
const DETACHED: &str = "Detached";

/// The facet.
pub(crate) fn media(dell: &Dell, standard: Arc<dyn VirtualMedia>) -> Arc<dyn VirtualMedia> {
    Arc::new(DellMedia { dell: dell.clone(), standard, written: Mutex::default() })
}

struct DellMedia {
    dell: Dell,
    standard: Arc<dyn VirtualMedia>,
    /// The URLs that were written in another form, by that form: so that a slot shows what the caller asked for.
    written: Mutex<BTreeMap<String, String>>,
}

/// How a share is written: `//host/share/file` for CIFS, `host:/path/file` for NFS. `None` for what is no share's URL.
fn share_form(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    match scheme.to_ascii_lowercase().as_str() {
        "nfs" => Some(format!("{host}:/{path}")),
        "cifs" | "smb" => Some(format!("//{host}/{path}")),
        _ => None,
    }
}

/// The URL behind a share's form.
fn url_form(image: &str) -> Option<String> {
    if let Some(rest) = image.strip_prefix("//") {
        return Some(format!("cifs://{rest}"));
    }
    if image.contains("://") {
        return None;
    }
    let (host, path) = image.rsplit_once(":/")?;
    (!host.is_empty()).then(|| format!("nfs://{host}/{path}"))
}

fn has_suffix(image: &str) -> bool {
    let image = image.to_ascii_lowercase();
    image.ends_with(".iso") || image.ends_with(".img")
}

impl DellMedia {
    /// The image as the iDRAC wants it named.
    fn named(&self, image: &MediaImage) -> Result<MediaImage> {
        let dell = &self.dell;
        if dell.on(quirks::IMAGE_SUFFIX) && !has_suffix(&image.url) {
            let why = format!(
                "an iDRAC takes only images whose URL ends in .iso or .img, without a query; this one is {}",
                image.url
            );
            let kind = ErrorKind::RejectedValue { properties: vec!["Image".to_owned()] };
            return Err(dell.client.error(kind, why));
        }
        let Some(form) = share_form(&image.url).filter(|_| dell.on(quirks::SHARE_FORMS)) else {
            return Ok(image.clone());
        };
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(form.clone(), image.url.clone());
        Ok(MediaImage { url: form, credentials: image.credentials.clone() })
    }

    /// A slot with its image as the caller named it.
    fn renamed(&self, mut slot: MediaSlot) -> MediaSlot {
        if !self.dell.on(quirks::SHARE_FORMS) {
            return slot;
        }
        if let Some(image) = slot.image.take() {
            let known = self.written.lock().unwrap_or_else(PoisonError::into_inner).get(&image).cloned();
            slot.image = Some(known.or_else(|| url_form(&image)).unwrap_or(image));
        }
        slot
    }

    async fn put(&self, id: &SlotId, image: &MediaImage) -> Result<Outcome> {
        let image = self.named(image)?;
        match self.standard.insert(id, &image).await {
            Err(error) if error.has_message("VRM0021") && self.dell.on(quirks::MEDIA_DETACHED) => {
                if let Some(outcome) = self.attach_anew(id, &error).await? {
                    return Ok(outcome);
                }
                self.standard.insert(id, &image).await.map_err(still_stuck)
            }
            outcome => outcome,
        }
    }

    /// Frees virtual media that is detached, or held by a session that is gone: whatever the slot still has goes out,
    /// and the attach mode is set anew. `Some` when a write was lost on the way.
    async fn attach_anew(&self, id: &SlotId, refusal: &Error) -> Result<Option<Outcome>> {
        let Some(uri) = attributes_of(&self.dell.machine) else { return Err(still_stuck(refusal.clone())) };
        let attributes = self.dell.client.get(&uri).await?;
        let mode = attributes.str(&format!("Attributes/{ATTACHED}"));
        if attributes.u64(&format!("Attributes/{SESSIONS}")).is_some_and(|sessions| sessions > 0) {
            let why = "somebody has media attached through a virtual console; it is theirs to detach";
            return Err(as_kind(refusal, ErrorKind::Conflict, why));
        }
        tracing::warn!(
            bmc = self.dell.client.bmc(),
            slot = %id,
            mode = mode.unwrap_or("not shown"),
            "virtual media is detached or held by a session that is gone: the attach mode is set anew"
        );
        if let unknown @ Outcome::Unknown { .. } = self.standard.eject(id).await? {
            return Ok(Some(unknown));
        }
        // Where it is as it should be already, only a change frees it.
        let changes: &[&str] = if mode == Some(DETACHED) { &[AUTO] } else { &[DETACHED, AUTO] };
        for change in changes {
            let sent = self.dell.client.patch(&uri, None, json!({"Attributes": {ATTACHED: change}})).await?;
            if let unknown @ Outcome::Unknown { .. } = sent.outcome() {
                return Ok(Some(unknown));
            }
        }
        Ok(None)
    }
}

/// What helps where the attach mode did not: the iDRAC's restart, which is for the caller to decide.
fn still_stuck(error: Error) -> Error {
    if !error.has_message("VRM0021") {
        return error;
    }
    as_kind(
        &error,
        ErrorKind::Conflict,
        "setting the attach mode anew does not free it; restart the iDRAC and try again",
    )
}

impl VirtualMedia for DellMedia {
    fn slots(&self) -> Fut<'_, Vec<MediaSlot>> {
        Box::pin(async move {
            Ok(self.standard.slots().await?.into_iter().map(|slot| self.renamed(slot)).collect())
        })
    }

    fn remembered(&self) -> Option<RememberedSlot> {
        self.standard.remembered()
    }

    fn slot<'a>(&'a self, id: &'a SlotId) -> Fut<'a, MediaSlot> {
        Box::pin(async move { Ok(self.renamed(self.standard.slot(id).await?)) })
    }

    fn insert<'a>(&'a self, id: &'a SlotId, image: &'a MediaImage) -> Fut<'a, Outcome> {
        Box::pin(self.put(id, image))
    }

    fn eject<'a>(&'a self, id: &'a SlotId) -> Fut<'a, Outcome> {
        self.standard.eject(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_in_their_own_forms_and_read_back() {
        for (url, form) in [
            ("nfs://192.0.2.9/isos/a.iso", "192.0.2.9:/isos/a.iso"),
            ("NFS://[2001:db8::9]/a.iso", "[2001:db8::9]:/a.iso"),
            ("cifs://192.0.2.9/share/a.iso", "//192.0.2.9/share/a.iso"),
            ("smb://files/share/a.iso", "//files/share/a.iso"),
        ] {
            assert_eq!(share_form(url).as_deref(), Some(form), "{url}");
            let back = url_form(form).unwrap();
            assert_eq!(share_form(&back).as_deref(), Some(form), "{back}");
        }
        for other in ["https://images.test/a.iso", "http://images.test:8080/a.iso", "nothing"] {
            assert_eq!((share_form(other), url_form(other)), (None, None), "{other}");
        }
    }
}
