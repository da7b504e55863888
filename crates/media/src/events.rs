//! What the server sees of a node.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::oneshot, time::Instant};

use rackhand_spec::MacAddress;

use crate::coverage::Coverage;

/// Something the server saw.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MediaEvent {
    /// The node whose URL was used; None where no node's was.
    pub node: Option<String>,
    /// What was seen.
    pub kind: EventKind,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// The first bytes of the image go out.
    FirstByte {
        /// Who reads.
        peer: IpAddr,
    },
    /// More was read. Told about a hundred times for a whole read, not for each request.
    Progress {
        /// Bytes of the image that were sent at least once.
        distinct_bytes: u64,
        /// Bytes sent in all.
        bytes_sent: u64,
        /// The image's size.
        size: u64,
    },
    /// Every byte of the image was sent at least once.
    Complete {
        /// The image's size.
        size: u64,
    },
    /// A machine asked what to boot over the network, and is told. Told once per peer and answer, and again after a new offer.
    ScriptGiven {
        /// Who asked.
        peer: IpAddr,
        /// The network address it asked for.
        mac: MacAddress,
        /// Whether it is told to install; otherwise to boot its disk.
        installs: bool,
        /// What an answer that installs waits for: otherwise the machine boots its disk.
        heard: Heard,
    },
    /// What is installed called back.
    CallBack {
        /// The stage it is in, in its own words: `Writing image to disk`, `Rebooting`, `Done`, `Failed`.
        stage: String,
        /// Everything it sent.
        body: Value,
        /// What its answer waits for.
        heard: Heard,
    },
    /// A request or connection that got nothing: a wrong URL, a range behind the end, a TLS handshake that failed because
    /// the peer does not trust the certificate. Told once per peer and reason.
    Refused {
        /// Who asked.
        peer: IpAddr,
        /// What was asked, and why it got nothing. Never a token.
        reason: String,
    },
    /// The image's file could not be read, or is no longer what was published.
    Unreadable {
        /// What was seen.
        reason: String,
    },
}

/// How long an answer waits for somebody to write down what it is about.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// What an answer waits for: somebody who says that it was heard and written down.
///
/// An installer that was answered does not call again, so a call-back is answered with success only then, and with 503
/// when every copy of this is dropped unsaid or it takes longer than half a minute. And a machine that was told to install
/// does so: nobody is told before that is known to whoever would otherwise tell it once more.
#[derive(Debug, Clone)]
pub struct Heard(Arc<Mutex<Option<oneshot::Sender<()>>>>);

impl Heard {
    pub(crate) fn new() -> (Self, oneshot::Receiver<()>) {
        let (say, said) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(say)))), said)
    }

    /// Whether somebody says so in time.
    pub(crate) async fn said(said: oneshot::Receiver<()>) -> bool {
        matches!(tokio::time::timeout(HEARD_WITHIN, said).await, Ok(Ok(())))
    }

    /// Takes the right to say it; whoever holds it says it by sending. `None` when it was taken before.
    #[must_use]
    pub fn take(&self) -> Option<oneshot::Sender<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Two call-backs are equal when they say the same; who waits for the answer is no part of it.
impl PartialEq for Heard {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What a node has read of its image so far.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// GET and HEAD requests for the image that were answered.
    pub requests: u64,
    /// Bytes handed to the network in all.
    pub bytes_sent: u64,
    /// Bytes of the image that were handed to the network at least once.
    pub distinct_bytes: u64,
    /// The image's size in bytes.
    pub size: u64,
    /// Who asked, the first 64 of them.
    pub peers: BTreeSet<IpAddr>,
    /// When bytes were last sent.
    pub last: Option<Instant>,
}

/// The running count behind [`Served`], and which events it is time for.
#[derive(Debug)]
pub(crate) struct Tally {
    size: u64,
    requests: u64,
    bytes_sent: u64,
    coverage: Coverage,
    peers: BTreeSet<IpAddr>,
    last: Option<Instant>,
    told: u64,
    complete: bool,
}

const MOST_PEERS: usize = 64;

/// Progress is told at most once per this many bytes, and at most a hundred times per image's worth of them.
const LEAST_STEP: u64 = 1 << 20;

impl Tally {
    pub(crate) fn new(size: u64) -> Self {
        let (coverage, peers) = (Coverage::default(), BTreeSet::new());
        Self { size, requests: 0, bytes_sent: 0, coverage, peers, last: None, told: 0, complete: false }
    }

    /// Whether every byte was sent.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(crate) fn asked(&mut self, peer: IpAddr) {
        self.requests += 1;
        if self.peers.len() < MOST_PEERS {
            self.peers.insert(peer);
        }
    }

    /// Counts bytes that go out now, and says what is worth telling.
    pub(crate) fn sent(&mut self, part: Range<u64>, peer: IpAddr) -> Vec<EventKind> {
        let mut events = Vec::new();
        if self.bytes_sent == 0 {
            events.push(EventKind::FirstByte { peer });
        }
        self.bytes_sent += part.end.saturating_sub(part.start);
        self.coverage.add(part);
        self.last = Some(Instant::now());
        let whole = self.coverage.bytes() == self.size;
        let step = LEAST_STEP.max(self.size / 100);
        if self.bytes_sent - self.told >= step || (whole && !self.complete) {
            self.told = self.bytes_sent;
            let (distinct_bytes, bytes_sent, size) = (self.coverage.bytes(), self.bytes_sent, self.size);
            events.push(EventKind::Progress { distinct_bytes, bytes_sent, size });
        }
        if whole && !self.complete {
            self.complete = true;
            events.push(EventKind::Complete { size: self.size });
        }
        events
    }

    pub(crate) fn served(&self) -> Served {
        Served {
            requests: self.requests,
            bytes_sent: self.bytes_sent,
            distinct_bytes: self.coverage.bytes(),
            size: self.size,
            peers: self.peers.clone(),
            last: self.last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_gigabyte_in_small_reads_is_about_a_hundred_events() {
        let size = 1 << 30;
        let mut tally = Tally::new(size);
        let mut events = Vec::new();
        for at in (0..size).step_by(32 << 10) {
            events.extend(tally.sent(at..at + (32 << 10), PEER));
        }
        assert_eq!(events.first(), Some(&EventKind::FirstByte { peer: PEER }));
        assert_eq!(events.last(), Some(&EventKind::Complete { size }));
        assert!((90..110).contains(&events.len()), "{}", events.len());
        let full = EventKind::Progress { distinct_bytes: size, bytes_sent: size, size };
        assert_eq!(events.iter().rev().nth(1), Some(&full));
        assert!(
            !tally.sent(0..10, PEER).iter().any(|event| matches!(event, EventKind::Complete { .. })),
            "told once"
        );
    }

    #[tokio::test]
    async fn bytes_read_twice_are_sent_twice_and_distinct_once() {
        let mut tally = Tally::new(100);
        tally.sent(0..60, PEER);
        tally.sent(40..80, PEER);
        let served = tally.served();
        assert_eq!((served.bytes_sent, served.distinct_bytes), (100, 80));
    }
}
