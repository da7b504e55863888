//! What is published: which node, which token, which image, what was read of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

use crate::{EventKind, Image, MediaEvent, Served, Sha256Digest, Token, events::Tally};

/// An image that is served to one node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publication {
    /// The node.
    pub node: String,
    /// The image's path on the server: `/{token}/{name}.iso`, or with a file's own end; at most 60 characters, without any that BMCs refuse.
    pub path: String,
    /// Where what is installed posts its call-backs: `/{token}/callback`.
    pub callback_path: String,
    /// The image's size in bytes.
    pub size: u64,
    /// The image's digest.
    pub sha256: Sha256Digest,
}

/// Why an image is not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Two nodes with one token could not be told apart.
    #[error(
        "the token given for node {node} is already in use for node {other}; each node needs one of its own"
    )]
    TokenInUse {
        /// The node to publish for.
        node: String,
        /// The node that has the token.
        other: String,
    },
}

/// A node's place in the registry.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) node: String,
    /// The file name in the URL; None once only call-backs are taken.
    file_name: Option<String>,
    image: Option<Image>,
    counts: Arc<Counts>,
}

/// What outlives the image, and is shared with the answers that are under way when it ends.
#[derive(Debug)]
struct Counts {
    tally: Mutex<Tally>,
    callbacks: Mutex<u32>,
}

/// The longest path that all known BMCs take.
const LONGEST: usize = 60;

/// An installer calls back some twenty times. Whoever does it more often than this is stuck in a loop.
const MOST_CALLBACKS: u32 = 1000;

/// How many refusals are told in all, so that a port scan does not fill the memory.
const MOST_REFUSALS: usize = 1024;

#[derive(Debug)]
pub(crate) struct Registry {
    entries: Mutex<BTreeMap<[u8; 32], Arc<Entry>>>,
    refusals: Mutex<BTreeSet<(IpAddr, String)>>,
    events: mpsc::UnboundedSender<MediaEvent>,
}

impl Registry {
    pub(crate) fn new(events: mpsc::UnboundedSender<MediaEvent>) -> Self {
        Self { entries: Mutex::default(), refusals: Mutex::default(), events }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Arc<Entry>>> {
        lock(&self.entries)
    }

    /// Publishes, in place of what the node had before. The same image under the same token again changes nothing.
    pub(crate) fn publish(
        &self,
        node: &str,
        image: &Image,
        token: &Token,
    ) -> Result<Publication, PublishError> {
        self.publish_as(node, image, token, file_name(&image.name, token))
    }

    /// The same for a file that is no ISO: its name ends as it does.
    pub(crate) fn publish_file(
        &self,
        node: &str,
        image: &Image,
        token: &Token,
    ) -> Result<Publication, PublishError> {
        self.publish_as(node, image, token, own_name(&image.name, token))
    }

    fn publish_as(
        &self,
        node: &str,
        image: &Image,
        token: &Token,
        file_name: String,
    ) -> Result<Publication, PublishError> {
        let publication = Publication {
            node: node.to_owned(),
            path: format!("/{}/{file_name}", token.as_str()),
            callback_path: format!("/{}/callback", token.as_str()),
            size: image.size,
            sha256: image.sha256,
        };
        let hash = Token::hash_of(token.as_str());
        let mut entries = self.entries();
        if let Some(there) = entries.get(&hash) {
            if there.node != node {
                let (node, other) = (node.to_owned(), there.node.clone());
                return Err(PublishError::TokenInUse { node, other });
            }
            let same =
                there.image.as_ref().is_some_and(|had| had.sha256 == image.sha256 && had.is_unchanged());
            if same && there.file_name.as_ref() == Some(&file_name) {
                return Ok(publication);
            }
        }
        entries.retain(|_, entry| entry.node != node);
        let entry = Entry {
            node: node.to_owned(),
            file_name: Some(file_name),
            image: Some(image.clone()),
            counts: Arc::new(Counts { tally: Mutex::new(Tally::new(image.size)), callbacks: Mutex::new(0) }),
        };
        entries.insert(hash, Arc::new(entry));
        Ok(publication)
    }

    /// Ends the serving of a node's image; call-backs are still taken.
    pub(crate) fn withdraw(&self, node: &str) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.values_mut().find(|entry| entry.node == node && entry.image.is_some())
        else {
            return false;
        };
        let counts = entry.counts.clone();
        *entry = Arc::new(Entry { node: node.to_owned(), file_name: None, image: None, counts });
        true
    }

    /// Ends everything of a node.
    pub(crate) fn unpublish(&self, node: &str) -> bool {
        let mut entries = self.entries();
        let before = entries.len();
        entries.retain(|_, entry| entry.node != node);
        entries.len() < before
    }

    pub(crate) fn served(&self, node: &str) -> Option<Served> {
        self.entries()
            .values()
            .find(|entry| entry.node == node)
            .map(|entry| lock(&entry.counts.tally).served())
    }

    /// The entry of a token as it stands in a request.
    pub(crate) fn find(&self, token: &str) -> Option<Arc<Entry>> {
        self.entries().get(&Token::hash_of(token)).cloned()
    }

    pub(crate) fn tell(&self, node: Option<&str>, kind: EventKind) {
        // Nobody may be listening, and that is their choice.
        let _ = self.events.send(MediaEvent { node: node.map(str::to_owned), kind });
    }

    /// Tells of a refusal, once per peer and reason.
    pub(crate) fn refuse(&self, node: Option<&str>, peer: IpAddr, reason: &str) {
        tracing::debug!(node, %peer, reason, "refused");
        let mut told = lock(&self.refusals);
        if told.len() < MOST_REFUSALS && told.insert((peer, reason.to_owned())) {
            self.tell(node, EventKind::Refused { peer, reason: reason.to_owned() });
        }
    }

    /// Counts bytes of a node's image that go out now.
    pub(crate) fn sent(&self, entry: &Entry, part: Range<u64>, peer: IpAddr) {
        let events = lock(&entry.counts.tally).sent(part, peer);
        for kind in events {
            self.tell(Some(&entry.node), kind);
        }
    }
}

impl Entry {
    /// The image, if this is its file name in the URL.
    pub(crate) fn image(&self, file_name: &str) -> Option<&Image> {
        self.image.as_ref().filter(|_| self.file_name.as_deref() == Some(file_name))
    }

    pub(crate) fn asked(&self, peer: IpAddr) {
        lock(&self.counts.tally).asked(peer);
    }

    /// Whether one more call-back is taken.
    pub(crate) fn takes_callback(&self) -> bool {
        let mut callbacks = lock(&self.counts.callbacks);
        *callbacks = callbacks.saturating_add(1);
        *callbacks <= MOST_CALLBACKS
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The image's name as far as it fits, in characters that need no escape.
fn file_name(name: &str, token: &Token) -> String {
    with_end(name, ".iso", "boot", token)
}

/// A file's own name as far as it fits, with its end: BMCs judge firmware by that.
fn own_name(name: &str, token: &Token) -> String {
    let known =
        |end: &&str| (1..=LONGEST_END).contains(&end.len()) && end.chars().all(|c| c.is_ascii_alphanumeric());
    match name.rsplit_once('.').filter(|(_, end)| known(end)) {
        Some((stem, end)) => with_end(stem, &format!(".{}", end.to_ascii_lowercase()), "file", token),
        None => with_end(name, ".bin", "file", token),
    }
}

/// The longest end of a file's name that is taken as one (`.fwpkg`, `.flash`, `.signed`).
const LONGEST_END: usize = 8;

fn with_end(name: &str, end: &str, unnamed: &str, token: &Token) -> String {
    let room = LONGEST - "//".len() - end.len() - token.as_str().len();
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c.to_ascii_lowercase() } else { '-' })
        .take(room)
        .collect();
    let plain = plain.trim_matches(['-', '.']);
    format!("{}{end}", if plain.is_empty() { unnamed } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_short_and_plain_whatever_the_image_is_called() {
        let token: Token = "t".repeat(32).parse().unwrap();
        let cases = [
            ("Discovery Image 4.18", "discovery-image-4.18.iso"),
            ("", "boot.iso"),
            ("../..", "boot.iso"),
            ("ünï?a=b", "n--a-b.iso"),
        ];
        for (name, want) in cases {
            assert_eq!(file_name(name, &token), want, "{name}");
        }
        let own =
            [("iDRAC 7.00.EXE", "idrac-7.00.exe"), ("ilo6_160.fwpkg", "ilo6_160.fwpkg"), ("u46", "u46.bin")];
        for (name, want) in own {
            assert_eq!(own_name(name, &token), want, "{name}");
        }
        let long = own_name(&format!("{}.fwpkg", "x".repeat(500)), &token);
        assert!(
            long.ends_with("x.fwpkg") && format!("/{}/{long}", token.as_str()).len() == LONGEST,
            "{long}"
        );
        let long = file_name(&"x".repeat(500), &token);
        assert_eq!(format!("/{}/{long}", token.as_str()).len(), LONGEST);
    }
}
