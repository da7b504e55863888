//! The body of an answer: a part of an image, read as the peer takes it.

use std::{
    fs::File,
    io,
    net::IpAddr,
    ops::Range,
    os::unix::fs::FileExt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::{
    EventKind,
    registry::{Entry, Registry},
};

/// How much is read at once: what one reader costs in memory.
const CHUNK: u64 = 256 << 10;

/// A part of an open image. One chunk is in memory at a time; the next is read when the peer has taken it.
///
/// Reads name their position, so that any number of readers share one open file.
pub(crate) struct ImageBody {
    file: Arc<File>,
    left: Range<u64>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    account: Account,
}

/// Whom what is sent is counted for.
pub(crate) struct Account {
    pub(crate) registry: Arc<Registry>,
    pub(crate) entry: Arc<Entry>,
    pub(crate) peer: IpAddr,
}

impl ImageBody {
    pub(crate) fn new(file: Arc<File>, part: Range<u64>, account: Account) -> Self {
        Self { file, left: part, reading: None, account }
    }

    fn start_reading(&self) -> JoinHandle<io::Result<Bytes>> {
        let (file, at) = (self.file.clone(), self.left.start);
        let length = self.left.end.saturating_sub(at).min(CHUNK);
        tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact_at(&mut chunk, at)?;
            Ok(chunk.into())
        })
    }
}

impl Body for ImageBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let mut reading = self.reading.take().unwrap_or_else(|| self.start_reading());
        let read = match Pin::new(&mut reading).poll(cx) {
            Poll::Pending => {
                self.reading = Some(reading);
                return Poll::Pending;
            }
            Poll::Ready(read) => read.map_err(io::Error::other).flatten(),
        };
        Poll::Ready(Some(match read {
            Ok(chunk) => {
                let start = self.left.start;
                self.left.start += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                let Account { registry, entry, peer } = &self.account;
                registry.sent(entry, start..self.left.start, *peer);
                Ok(Frame::data(chunk))
            }
            Err(error) => {
                // The connection is cut, so that the peer does not take a part for the whole.
                let reason = format!("reading at byte {} failed: {error}", self.left.start);
                let Account { registry, entry, .. } = &self.account;
                registry.tell(Some(&entry.node), EventKind::Unreadable { reason });
                Err(error)
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end.saturating_sub(self.left.start))
    }
}
