//! Reading a part of an open file piece by piece, off the async threads.

use std::{
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::task::JoinHandle;

/// A part of an open file. One chunk is in memory at a time; the next is read when it is asked for.
///
/// Reads name their position, so that any number of readers share one open file.
#[derive(Debug)]
pub(crate) struct Chunks {
    file: Arc<File>,
    left: Range<u64>,
    chunk: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Chunks {
    /// The bytes `part` of `file`, at most `chunk` at a time.
    pub(crate) fn new(file: Arc<File>, part: Range<u64>, chunk: u64) -> Self {
        Self { file, left: part, chunk, reading: None }
    }

    /// What was not read yet, as positions in the file.
    pub(crate) fn left(&self) -> &Range<u64> {
        &self.left
    }

    /// The next chunk; None at the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let (file, at) = (&self.file, self.left.start);
        let length = self.left.end.saturating_sub(at).min(self.chunk);
        let reading = self.reading.get_or_insert_with(|| {
            let file = file.clone();
            tokio::task::spawn_blocking(move || {
                let mut chunk = vec![0; usize::try_from(length).map_err(io::Error::other)?];
                file.read_exact_at(&mut chunk, at)?;
                Ok(chunk.into())
            })
        });
        let read = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other).flatten();
        self.reading = None;
        if let Ok(chunk) = &read {
            self.left.start += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        }
        Poll::Ready(Some(read))
    }
}
