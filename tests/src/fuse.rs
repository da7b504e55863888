//! Kills an agent at a chosen point.
//!
//! A point stands before and after every request and every journal write. At the n-th the fuse blows and nothing that
//! passes a point goes on: it does not return an error, because errors run clean-up code and a crash does not.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use futures_util::future::BoxFuture;
use rackhand_agent::journal::{Entry, Journal, JournalError, Record};
use rackhand_http::{ConnectionStats, Origin, Request, Transport, TransportResult};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Blows at a chosen point.
#[derive(Debug, Clone)]
pub struct Fuse {
    left: Arc<AtomicI64>,
    blown: CancellationToken,
    at: Arc<Mutex<Option<String>>>,
}

impl Fuse {
    /// A fuse that blows at the `n`-th point, counted from 1.
    #[must_use]
    pub fn at(n: i64) -> Self {
        Self { left: Arc::new(AtomicI64::new(n)), blown: CancellationToken::new(), at: Arc::default() }
    }

    /// A fuse that only counts.
    #[must_use]
    pub fn counting() -> Self {
        Self::at(i64::MAX)
    }

    /// How many points were passed by a counting fuse.
    #[must_use]
    pub fn passed(&self) -> i64 {
        i64::MAX - self.left.load(Ordering::SeqCst)
    }

    /// Where it blew.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends when it blows.
    pub async fn blown(&self) {
        self.blown.cancelled().await;
    }

    async fn point(&self, place: impl FnOnce() -> String) {
        if !self.blown.is_cancelled() {
            if self.left.fetch_sub(1, Ordering::SeqCst) > 1 {
                return;
            }
            *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(place());
            self.blown.cancel();
        }
        std::future::pending().await
    }
}

/// A transport with points around each request.
pub struct FusedTransport {
    /// The transport.
    pub inner: Arc<dyn Transport>,
    /// The fuse.
    pub fuse: Fuse,
}

impl fmt::Debug for FusedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FusedTransport").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Transport for FusedTransport {
    fn send(&self, request: Request) -> rackhand_http::BoxFuture<'_, TransportResult> {
        Box::pin(async move {
            let line = format!("{} {}", request.method(), request.target());
            self.fuse.point(|| format!("before {line}")).await;
            let answer = self.inner.send(request).await;
            self.fuse.point(|| format!("after {line}")).await;
            answer
        })
    }

    fn origin(&self) -> &Origin {
        self.inner.origin()
    }

    fn stats(&self) -> ConnectionStats {
        self.inner.stats()
    }
}

/// A journal with points around each write.
#[derive(Debug)]
pub struct FusedJournal {
    /// The journal.
    pub inner: Arc<dyn Journal>,
    /// The fuse.
    pub fuse: Fuse,
}

impl Journal for FusedJournal {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Record, JournalError>> {
        Box::pin(async move {
            let what = serde_json::to_string(&entry.event).unwrap_or_default();
            self.fuse.point(|| format!("before writing {what}")).await;
            let record = self.inner.append(entry).await;
            self.fuse.point(|| format!("after writing {what}")).await;
            record
        })
    }

    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        self.inner.read(after, limit)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.inner.watch()
    }

    fn cursor<'a>(&'a self, reader: &'a str) -> BoxFuture<'a, Result<u64, JournalError>> {
        self.inner.cursor(reader)
    }

    fn set_cursor<'a>(&'a self, reader: &'a str, seq: u64) -> BoxFuture<'a, Result<(), JournalError>> {
        self.inner.set_cursor(reader, seq)
    }
}
