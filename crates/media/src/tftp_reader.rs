//! What a TFTP transfer reads its blocks from.

use std::{
    fs::File,
    io,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_io::AsyncRead;
use tokio::sync::OwnedSemaphorePermit;

use crate::{body::Account, chunks::Chunks};

/// How much is read at once. A transfer has that and its window in memory.
const CHUNK: u64 = 64 << 10;

/// A text or a part of an open file, and the place among the transfers that it takes.
pub(crate) struct TftpReader {
    /// What was read of the file, or all of the text.
    chunk: Bytes,
    rest: Option<Chunks>,
    account: Option<Account>,
    /// Where in the file the next byte lies.
    at: u64,
    /// What was taken last. It goes out before more is asked for, so it is counted then: a peer that asks only for a file's size, as
    /// firmware does, has read nothing.
    going: Range<u64>,
    _slot: OwnedSemaphorePermit,
}

impl TftpReader {
    /// Reads a text.
    pub(crate) fn text(text: String, slot: OwnedSemaphorePermit) -> Self {
        Self { chunk: text.into(), rest: None, account: None, at: 0, going: 0..0, _slot: slot }
    }

    /// Reads a part of a file.
    pub(crate) fn file(
        file: Arc<File>,
        part: Range<u64>,
        account: Option<Account>,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let at = part.start;
        let rest = Some(Chunks::new(file, part, CHUNK));
        Self { chunk: Bytes::new(), rest, account, at, going: at..at, _slot: slot }
    }

    fn count(&mut self) {
        let going = std::mem::replace(&mut self.going, self.at..self.at);
        if let Some(account) = self.account.as_ref().filter(|_| !going.is_empty()) {
            account.sent(going);
        }
    }
}

impl AsyncRead for TftpReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.count();
        if self.chunk.is_empty()
            && let Some(rest) = &mut self.rest
        {
            match ready!(rest.poll_next(cx)) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => {
                    if let Some(account) = &self.account {
                        account.unreadable(self.at, &error);
                    }
                    return Poll::Ready(Err(error));
                }
                None => {}
            }
        }
        let length = buffer.len().min(self.chunk.len());
        if let Some(taken) = buffer.get_mut(..length) {
            self.chunk.copy_to_slice(taken);
        }
        let end = self.at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        self.going = self.at..end;
        self.at = end;
        Poll::Ready(Ok(length))
    }
}
