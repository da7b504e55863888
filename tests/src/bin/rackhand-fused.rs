//! `rackhand` with a fuse: kills itself with SIGKILL at the n-th point of `FUSE`, or writes how many points there were to
//! the file `FUSE_COUNT`.
//!
//! A point stands before and after each intent's journal write and each state-changing request: where a crash could do
//! harm. The program that is shipped has none of this.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::BoxFuture;
use rackhand_agent::{
    event::Event,
    journal::{Entry, Journal, JournalError, Record},
};
use rackhand_cli::{Hooks, World};
use rackhand_http::{ConnectionStats, Origin, Request, ServerCertificate, Transport, TransportResult};
use tokio::sync::watch;

#[derive(Debug, Clone)]
struct Fuse {
    passed: Arc<AtomicU64>,
    at: Option<u64>,
}

impl Fuse {
    fn point(&self) {
        let passed = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if Some(passed) == self.at {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            loop {
                std::thread::park();
            }
        }
    }
}

#[derive(Debug)]
struct FusedTransport {
    inner: Arc<dyn Transport>,
    fuse: Fuse,
}

impl Transport for FusedTransport {
    fn send(&self, request: Request) -> rackhand_http::BoxFuture<'_, TransportResult> {
        Box::pin(async move {
            let changes = !request.is_safe() && !request.target().to_ascii_lowercase().contains("session");
            if changes {
                self.fuse.point();
            }
            let answer = self.inner.send(request).await;
            if changes {
                self.fuse.point();
            }
            answer
        })
    }

    fn origin(&self) -> &Origin {
        self.inner.origin()
    }

    fn stats(&self) -> ConnectionStats {
        self.inner.stats()
    }

    fn certificate(&self) -> Option<ServerCertificate> {
        self.inner.certificate()
    }
}

#[derive(Debug)]
struct FusedJournal {
    inner: Arc<dyn Journal>,
    fuse: Fuse,
}

impl Journal for FusedJournal {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Record, JournalError>> {
        Box::pin(async move {
            let intent = matches!(entry.event, Event::Intent { .. });
            if intent {
                self.fuse.point();
            }
            let record = self.inner.append(entry).await;
            if intent {
                self.fuse.point();
            }
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

#[tokio::main]
async fn main() -> ExitCode {
    let mut world = World::of_this_process();
    let text = |name: &str| world.env.get(name).and_then(|value| value.to_str()).map(str::to_owned);
    let fuse = Fuse { passed: Arc::default(), at: text("FUSE").and_then(|n| n.parse().ok()) };
    let count = text("FUSE_COUNT");
    let (on_wire, on_paper) = (fuse.clone(), fuse.clone());
    world.hooks = Hooks {
        wrap_transport: Some(Arc::new(move |_, inner| {
            Arc::new(FusedTransport { inner, fuse: on_wire.clone() })
        })),
        wrap_journal: Some(Arc::new(move |inner| Arc::new(FusedJournal { inner, fuse: on_paper.clone() }))),
    };
    let exit = rackhand_cli::run(std::env::args_os().collect(), world).await;
    if let Some(count) = count {
        // The test that asked for it fails when it is not there.
        let _ = std::fs::write(count, fuse.passed.load(Ordering::SeqCst).to_string());
    }
    exit
}
