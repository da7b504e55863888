//! What is published: which node, which token, which image, what was read of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

use rackhand_spec::MacAddress;

use crate::{
    AddressError, EventKind, Heard, Image, MediaEvent, Part, Served, Sha256Digest, Token, events::Tally,
    offers::Offer,
};

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
    /// Two nodes with one network address could not be told apart.
    #[error(
        "{mac}, given for node {node}, is also the address of node {other}, which is being installed; each node boots by one of its own"
    )]
    MacInUse {
        /// The node to publish for.
        node: String,
        /// The node that has the address.
        other: String,
        /// The address.
        mac: MacAddress,
    },
    /// The base URL that a node was to use.
    #[error(transparent)]
    Base(#[from] AddressError),
    /// A kernel argument that does not go into an iPXE script.
    #[error("kernel argument \"{argument}\" of node {node}: {reason}")]
    Argument {
        /// The node to publish for.
        node: String,
        /// The argument.
        argument: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More than the kernel reads.
    #[error("the kernel arguments of node {node} have {bytes} characters; kernels read {most}")]
    Arguments {
        /// The node to publish for.
        node: String,
        /// How many there are.
        bytes: usize,
        /// How many are read.
        most: usize,
    },
}

/// A node's place in the registry.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) node: String,
    /// What is served under the token, each behind the one before; nothing once only call-backs are taken.
    pub(crate) files: Vec<PublishedFile>,
    /// For a machine that boots over the network.
    pub(crate) offer: Option<Offer>,
    counts: Arc<Counts>,
}

/// A file under a node's token.
#[derive(Debug, Clone)]
pub(crate) struct PublishedFile {
    /// Its name in the URL.
    pub(crate) name: String,
    pub(crate) part: Part,
    /// Where it begins in the count of all the node's bytes.
    pub(crate) tally_start: u64,
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
    entries: Mutex<Entries>,
    refusals: Mutex<BTreeSet<(IpAddr, String)>>,
    /// Machines that were sent to their disk because nobody knows them.
    strangers: Mutex<BTreeSet<(IpAddr, MacAddress)>>,
    events: mpsc::UnboundedSender<MediaEvent>,
}

/// By the hash of the token.
type Entries = BTreeMap<[u8; 32], Arc<Entry>>;

impl Registry {
    pub(crate) fn new(events: mpsc::UnboundedSender<MediaEvent>) -> Self {
        Self { entries: Mutex::default(), refusals: Mutex::default(), strangers: Mutex::default(), events }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        lock(&self.entries)
    }

    /// Publishes, in place of what the node had before. The same image under the same token again changes nothing.
    pub(crate) fn publish(
        &self,
        node: &str,
        image: &Image,
        token: &Token,
    ) -> Result<Publication, PublishError> {
        self.publish_as(node, image, token, file_name(&image.name, token), None)
    }

    /// The same for a host whose firmware fetches it: it is served only while it is offered.
    pub(crate) fn publish_http_boot(
        &self,
        node: &str,
        image: &Image,
        token: &Token,
    ) -> Result<Publication, PublishError> {
        self.publish_as(node, image, token, file_name(&image.name, token), Some(Offer::of_image()))
    }

    /// The same for a file that is no ISO: its name ends as it does.
    pub(crate) fn publish_file(
        &self,
        node: &str,
        image: &Image,
        token: &Token,
    ) -> Result<Publication, PublishError> {
        self.publish_as(node, image, token, own_name(&image.name, token), None)
    }

    fn publish_as(
        &self,
        node: &str,
        image: &Image,
        token: &Token,
        file_name: String,
        offer: Option<Offer>,
    ) -> Result<Publication, PublishError> {
        let publication = Publication {
            node: node.to_owned(),
            path: format!("/{}/{file_name}", token.as_str()),
            callback_path: format!("/{}/callback", token.as_str()),
            size: image.size,
            sha256: image.sha256,
        };
        self.put(node, token, vec![(file_name, Part::whole(image.clone()))], offer)?;
        Ok(publication)
    }

    /// Has files served under a token, in place of what the node had before. The same files and offer again change nothing.
    pub(crate) fn put(
        &self,
        node: &str,
        token: &Token,
        files: Vec<(String, Part)>,
        offer: Option<Offer>,
    ) -> Result<(), PublishError> {
        let hash = Token::hash_of(token.as_str());
        let mut entries = self.entries();
        if let Some(there) = entries.get(&hash) {
            if there.node != node {
                let (node, other) = (node.to_owned(), there.node.clone());
                return Err(PublishError::TokenInUse { node, other });
            }
            if there.has(&files) && there.offer == offer {
                return Ok(());
            }
        }
        if let Some(mac) = offer.as_ref().and_then(Offer::mac)
            && let Some(there) = entries.values_mut().find(|there| there.node != node && there.boots_by(mac))
        {
            if there.is_offered() {
                let (node, other) = (node.to_owned(), there.node.clone());
                return Err(PublishError::MacInUse { node, other, mac });
            }
            // The node was renamed, or its address was given to another: whoever asks by it now is this one.
            *there = Arc::new(there.without_offer());
        }
        entries.retain(|_, entry| entry.node != node);
        entries.insert(hash, Arc::new(Entry::new(node, files, offer)));
        Ok(())
    }

    /// Ends the serving of a node's image; call-backs are still taken.
    pub(crate) fn withdraw(&self, node: &str) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.values_mut().find(|entry| entry.node == node && !entry.files.is_empty())
        else {
            return false;
        };
        *entry = Arc::new(Entry { files: Vec::new(), ..entry.without_offer() });
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

    /// The entry of the machine with that address.
    pub(crate) fn find_mac(&self, mac: MacAddress) -> Option<Arc<Entry>> {
        self.entries().values().find(|entry| entry.boots_by(mac)).cloned()
    }

    /// The entry of a node that something is served to.
    pub(crate) fn find_node(&self, node: &str) -> Option<Arc<Entry>> {
        self.entries().values().find(|entry| entry.node == node && !entry.files.is_empty()).cloned()
    }

    /// Tells of a machine that nobody knows, once.
    pub(crate) fn stranger(&self, peer: IpAddr, mac: MacAddress) {
        let mut told = lock(&self.strangers);
        if told.len() < MOST_REFUSALS && told.insert((peer, mac)) {
            let (heard, _) = Heard::new();
            self.tell(None, EventKind::ScriptGiven { peer, mac, installs: false, heard });
        }
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
            if let (EventKind::Complete { .. }, Some(offer)) = (&kind, &entry.offer) {
                offer.is_complete();
            }
            self.tell(Some(&entry.node), kind);
        }
    }
}

impl Entry {
    fn new(node: &str, files: Vec<(String, Part)>, offer: Option<Offer>) -> Self {
        let mut size = 0;
        let place = |(name, part): (String, Part)| {
            let tally_start = size;
            size += part.size();
            PublishedFile { name, part, tally_start }
        };
        let files = files.into_iter().map(place).collect();
        let counts = Arc::new(Counts { tally: Mutex::new(Tally::new(size)), callbacks: Mutex::new(0) });
        Self { node: node.to_owned(), files, offer, counts }
    }

    /// Whether these are the files, and as they were.
    fn has(&self, files: &[(String, Part)]) -> bool {
        self.files.len() == files.len()
            && self.files.iter().zip(files).all(|(had, (name, part))| {
                had.name == *name && had.part.is_same(part) && had.part.is_unchanged()
            })
    }

    fn boots_by(&self, mac: MacAddress) -> bool {
        self.offer.as_ref().is_some_and(|offer| offer.mac() == Some(mac))
    }

    /// Whether it is offered at this moment.
    pub(crate) fn is_offered(&self) -> bool {
        self.offer.as_ref().is_some_and(Offer::is_on)
    }

    /// The same, for a machine that nobody is to tell anything any more.
    fn without_offer(&self) -> Self {
        let (node, files, counts) = (self.node.clone(), self.files.clone(), self.counts.clone());
        Self { node, files, offer: None, counts }
    }

    /// The file that has that name in the URL.
    pub(crate) fn file(&self, name: &str) -> Option<&PublishedFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Counts from nothing again.
    pub(crate) fn recount(&self) {
        *lock(&self.counts.tally) = Tally::new(self.files.iter().map(|file| file.part.size()).sum());
    }

    /// Whether everything was sent.
    pub(crate) fn is_complete(&self) -> bool {
        lock(&self.counts.tally).is_complete()
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
