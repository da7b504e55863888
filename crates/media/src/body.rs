//! The body of an answer: a part of an image, read as the peer takes it.

use std::{
    fs::File,
    io,
    net::IpAddr,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::{
    EventKind,
    chunks::Chunks,
    registry::{Entry, PublishedFile, Registry},
};

/// How much is read at once: what one reader costs in memory.
const CHUNK: u64 = 256 << 10;

/// Bytes of an open image on their way to a peer.
pub(crate) struct ImageBody {
    chunks: Chunks,
    account: Account,
}

/// Whom what is sent is counted for.
pub(crate) struct Account {
    pub(crate) registry: Arc<Registry>,
    pub(crate) entry: Arc<Entry>,
    pub(crate) peer: IpAddr,
    /// Where in the open file what is published begins.
    pub(crate) file_start: u64,
    /// Where among all bytes that are published for the node it begins.
    pub(crate) tally_start: u64,
}

impl Account {
    /// Begins to serve a file to a peer; None when it is no longer what was published, which is told.
    pub(crate) fn open(
        registry: &Arc<Registry>,
        entry: &Arc<Entry>,
        file: &PublishedFile,
        peer: IpAddr,
    ) -> Option<Self> {
        if !file.part.is_unchanged() {
            let path = file.part.image().path.display();
            let reason = format!("{path} was changed after it was published; publish it again");
            registry.tell(Some(&entry.node), EventKind::Unreadable { reason });
            return None;
        }
        entry.asked(peer);
        let (file_start, tally_start) = (file.part.range().start, file.tally_start);
        Some(Self { registry: registry.clone(), entry: entry.clone(), peer, file_start, tally_start })
    }

    /// Counts bytes, given as positions in the open file, that go out now.
    pub(crate) fn sent(&self, part: Range<u64>) {
        let place = |at: u64| at.saturating_sub(self.file_start).saturating_add(self.tally_start);
        self.registry.sent(&self.entry, place(part.start)..place(part.end), self.peer);
    }

    /// Tells that the open file could not be read at that position.
    pub(crate) fn unreadable(&self, at: u64, error: &io::Error) {
        let reason = format!("reading at byte {at} failed: {error}");
        self.registry.tell(Some(&self.entry.node), EventKind::Unreadable { reason });
    }
}

impl ImageBody {
    pub(crate) fn new(file: Arc<File>, part: Range<u64>, account: Account) -> Self {
        Self { chunks: Chunks::new(file, part, CHUNK), account }
    }
}

impl Body for ImageBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let start = self.chunks.left().start;
        let Some(read) = ready!(self.chunks.poll_next(cx)) else { return Poll::Ready(None) };
        match &read {
            Ok(_) => self.account.sent(start..self.chunks.left().start),
            // The connection is cut, so that the peer does not take a part for the whole.
            Err(error) => self.account.unreadable(start, error),
        }
        Poll::Ready(Some(read.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.left().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.chunks.left();
        SizeHint::with_exact(left.end.saturating_sub(left.start))
    }
}
