use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rackhand_agent::{
    event::Event,
    journal::{Entry, Journal, MemoryJournal, Record},
};
use rackhand_bmc::Clock;
use rustls::{ClientConfig, RootCertStore};

use crate::*;

mod json_lines;
mod order;
mod receiver;
mod webhook;

/// A clock that stands still.
#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }
}

fn memory() -> Arc<MemoryJournal> {
    Arc::new(MemoryJournal::new("journal", Arc::new(Standing)))
}

/// Appends one event per name: the first of them gets sequence 1.
async fn fill(journal: &dyn Journal, nodes: &[&str]) {
    for node in nodes {
        journal.append(entry(node)).await.unwrap();
    }
}

fn entry(node: &str) -> Entry {
    let event = Event::NeedsDecision { reason: "the host is on".to_owned(), request: None };
    Entry { node: Some(node.to_owned()), event }
}

/// Short pauses, for tests over sockets.
fn quick() -> Retries {
    let pause = Duration::from_millis(1);
    Retries { min: pause, max: Duration::from_millis(20), ..Retries::default() }
}

/// More than any test takes; a bound, not a wait.
const PLENTY: Duration = Duration::from_secs(60);

pub(crate) fn no_roots() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

/// Whether every node's records are in the order of the journal, a repetition of the last one aside.
fn in_order_per_node(delivered: &[(u64, Option<String>)]) -> bool {
    let mut last = std::collections::BTreeMap::new();
    delivered.iter().all(|(seq, node)| last.insert(node, *seq).is_none_or(|before| before < *seq))
}

fn key(record: &Record) -> (u64, Option<String>) {
    (record.seq, record.node.clone())
}
