//! A disk that is full: what cannot be written down is not done.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::BoxFuture;
use rackhand_agent::{
    engine::NodeResult,
    journal::{Entry, Journal, JournalError, MemoryJournal, Record},
};
use rackhand_simulator::{Simulator, log::Class};
use rackhand_tests::lab::{Lab, Node};
use tokio::sync::watch;

use crate::support::{assert_no_session, effects, told};

/// A journal on a disk that is full after so many records.
#[derive(Debug)]
struct OnFullDisk {
    inner: Arc<MemoryJournal>,
    left: AtomicUsize,
    full: watch::Sender<Option<usize>>,
    changes: Changes,
}

/// How many state-changing requests the machines have seen.
struct Changes(Simulator);

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Changes")
    }
}

impl OnFullDisk {
    fn after(records: usize, lab: &Lab) -> Arc<Self> {
        Arc::new(Self {
            inner: lab.journal.clone(),
            left: AtomicUsize::new(records),
            full: watch::Sender::new(None),
            changes: Changes(lab.sim.clone()),
        })
    }
}

impl Journal for OnFullDisk {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Record, JournalError>> {
        let room = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if room.is_ok() {
            return self.inner.append(entry);
        }
        let seen = self.changes.0.log().count(Class::Change);
        self.full.send_if_modified(|full| full.replace(seen).is_none());
        Box::pin(async { Err(JournalError::Full { path: PathBuf::from("/state/journal.sqlite") }) })
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

fn node() -> Node {
    Node::new("bad", "idrac9").bios(&[("SriovGlobalEnable", "Enabled")])
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_everything_at_any_record_and_the_next_apply_goes_on() {
    let undisturbed = Lab::new(&[node()], Vec::new());
    undisturbed.apply().await;
    let expected = effects(&undisturbed, "bad");
    let records = undisturbed.records().len();
    assert!(records > 30, "{records}");
    for room in 0..records {
        let lab = Lab::new(&[node()], Vec::new());
        let disk = OnFullDisk::after(room, &lab);
        let reports = lab.apply_on(disk.clone()).await;
        let text = told(&reports[0].result);
        if room == 20 {
            insta::assert_snapshot!(text, @r"
            media: the journal cannot be written, so nothing more was sent: no space is left for /state/journal.sqlite: nothing was written, and no act goes out unwritten. Free some space
            Free space or mend the state directory, then run the same apply again
            ");
        }
        let before = disk.full.borrow().unwrap();
        assert_eq!(
            lab.sim.log().count(Class::Change),
            before,
            "after record {room}: something was sent unwritten"
        );
        assert_no_session(&lab);

        let again = lab.apply().await;
        // Full at its last word, there is nothing left to do.
        let ended = matches!(again[0].result, NodeResult::Installed | NodeResult::Nothing(_));
        assert!(ended, "after record {room}: {:?} {}", again[0].result, crate::support::story(&lab));
        assert_eq!(effects(&lab, "bad"), expected, "after record {room}");
    }
    println!("{records} records, the disk full after each in turn");
}
