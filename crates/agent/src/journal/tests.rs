use std::{path::Path, sync::Arc};

use proptest::prelude::*;
use rackhand_bmc::SystemClock;
use tempfile::TempDir;

use super::*;

mod damage;
mod inbox;
mod process;

fn open(dir: &Path) -> FileJournal {
    FileJournal::open(dir, Arc::new(SystemClock), OnLoss::Refuse).unwrap()
}

fn refusal(dir: &Path) -> JournalError {
    FileJournal::open(dir, Arc::new(SystemClock), OnLoss::Refuse).unwrap_err()
}

fn entry(node: &str, text: impl ToString) -> Entry {
    Entry { node: Some(node.to_owned()), event: Event::AgentStarted { version: text.to_string() } }
}

fn text(record: &Record) -> &str {
    match &record.event {
        Event::AgentStarted { version } => version,
        other => panic!("not an event of these tests: {other:?}"),
    }
}

async fn fill(journal: &dyn Journal, count: u64) -> Vec<Record> {
    let mut records = Vec::new();
    for n in 1..=count {
        records.push(journal.append(entry("node", n)).await.unwrap());
    }
    records
}

async fn all(journal: &dyn Journal) -> Vec<Record> {
    journal.read(0, usize::MAX).await.unwrap()
}

/// What every journal does, durable or not.
async fn keeps_the_contract(journal: &dyn Journal) {
    let mut watch = journal.watch();
    assert_eq!(*watch.borrow(), 0);
    assert_eq!(journal.read(0, 10).await.unwrap(), []);

    let written = fill(journal, 5).await;
    watch.changed().await.unwrap();
    assert_eq!(*watch.borrow(), 5);
    assert_eq!(written.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(all(journal).await, written);
    assert_eq!(journal.read(2, 2).await.unwrap(), written[2..4]);
    assert_eq!(journal.read(5, 10).await.unwrap(), []);
    assert_eq!(journal.read(99, 10).await.unwrap(), []);
    assert_eq!(journal.read(0, 0).await.unwrap(), []);
    assert_eq!(journal.read(3, 0).await.unwrap(), []);

    drop(journal.append(entry("node", "never polled")));
    assert_eq!(all(journal).await.len(), 5);

    assert_eq!(journal.cursor("webhook").await.unwrap(), 0);
    journal.set_cursor("webhook", 3).await.unwrap();
    journal.set_cursor("webhook", 4).await.unwrap();
    assert_eq!(journal.cursor("webhook").await.unwrap(), 4);
    assert_eq!(journal.cursor("file").await.unwrap(), 0);
    let beyond = journal.set_cursor("webhook", 6).await.unwrap_err();
    assert!(matches!(beyond, JournalError::NoSuchRecord { seq: 6, last: 5 }), "{beyond}");
    assert_eq!(journal.cursor("webhook").await.unwrap(), 4);
}

#[tokio::test]
async fn a_file_keeps_the_contract() {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    keeps_the_contract(&journal).await;
    let (id, records) = (journal.id().to_owned(), all(&journal).await);
    drop(journal);

    let journal = open(dir.path());
    assert_eq!(journal.id(), id);
    assert_eq!(*journal.watch().borrow(), 5);
    assert_eq!(all(&journal).await, records);
    assert_eq!(journal.cursor("webhook").await.unwrap(), 4);
    assert_eq!(journal.append(entry("node", "next")).await.unwrap().seq, 6);
}

#[tokio::test(start_paused = true)]
async fn a_list_keeps_the_contract() {
    keeps_the_contract(&MemoryJournal::new("simulation", Arc::new(SystemClock))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_each_keep_their_order() {
    let dir = TempDir::new().unwrap();
    let journal = Arc::new(open(dir.path()));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let journal = Arc::clone(&journal);
        writers.spawn(async move {
            let mut own = Vec::new();
            for n in 0..40 {
                own.push(journal.append(entry(&format!("node-{writer}"), n)).await.unwrap());
            }
            own
        });
    }
    let mut returned: Vec<Record> = writers.join_all().await.into_iter().flatten().collect();
    returned.sort_by_key(|record| record.seq);
    drop(journal);

    let journal = open(dir.path());
    let records = all(&journal).await;
    assert_eq!(records, returned);
    for writer in 0..16 {
        let node = format!("node-{writer}");
        let texts: Vec<&str> =
            records.iter().filter(|record| record.node.as_ref() == Some(&node)).map(text).collect();
        assert_eq!(texts, (0..40).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_append_that_is_dropped_after_it_was_sent_is_written() {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    {
        let mut append = std::pin::pin!(journal.append(entry("node", "dropped")));
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(append.as_mut().poll(context))).await;
        assert!(polled.is_pending());
    }
    let next = journal.append(entry("node", "next")).await.unwrap();
    assert_eq!(next.seq, 2);
    assert_eq!(text(&all(&journal).await[0]), "dropped");
}

#[tokio::test]
async fn a_full_disk_fails_appends_until_there_is_space() {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    let before = fill(&journal, 3).await;
    let limit = |pages: u32| {
        move |conn: &rusqlite::Connection| {
            // The least that SQLite takes is what the file has already.
            conn.pragma_update(None, "max_page_count", pages).unwrap();
        }
    };
    journal.on_writer(limit(1)).await.unwrap();
    let big = "x".repeat(100_000);
    let full = journal.append(entry("node", &big)).await.unwrap_err();
    assert!(matches!(full, JournalError::Full { .. }), "{full}");
    assert!(full.to_string().contains("no space is left"), "{full}");
    assert_eq!(*journal.watch().borrow(), 3);
    assert_eq!(all(&journal).await, before);

    journal.on_writer(limit(1_000_000)).await.unwrap();
    assert_eq!(journal.append(entry("node", &big)).await.unwrap().seq, 4);
    drop(journal);
    let journal = open(dir.path());
    assert_eq!(all(&journal).await.len(), 4);
}

#[tokio::test]
async fn a_reader_follows_beside_the_owner_and_after_it() {
    let dir = TempDir::new().unwrap();
    let none = JournalReader::open(dir.path()).unwrap_err();
    assert!(matches!(none, JournalError::NoJournal { .. }), "{none}");

    let journal = open(dir.path());
    let written = fill(&journal, 3).await;
    let reader = JournalReader::open(dir.path()).unwrap();
    assert_eq!(reader.id(), journal.id());
    assert_eq!(reader.last().unwrap(), 3);
    assert_eq!(reader.follow(1, 10).await.unwrap(), written[1..]);
    let (followed, appended) = tokio::join!(reader.follow(3, 10), journal.append(entry("node", "later")));
    assert_eq!(followed.unwrap(), [appended.unwrap()]);

    drop(journal);
    let reader = JournalReader::open(dir.path()).unwrap();
    assert_eq!(reader.read(0, 100).unwrap().len(), 4);
}

#[tokio::test]
async fn a_second_owner_in_the_same_process_is_refused() {
    let dir = TempDir::new().unwrap();
    assert_eq!(FileJournal::owner(dir.path()).unwrap(), None);
    let journal = open(dir.path());
    let holder = Holder { pid: Some(std::process::id()) };
    assert_eq!(FileJournal::owner(dir.path()).unwrap(), Some(holder));
    let second = refusal(dir.path());
    assert!(matches!(second, JournalError::InUse { holder: found, .. } if found == holder), "{second}");
    drop(journal);
    assert_eq!(FileJournal::owner(dir.path()).unwrap(), None);
    open(dir.path());
}

/// The public stream format.
#[test]
fn a_record_is_plain_json() {
    let record = Record {
        seq: 7,
        at: "2026-03-01T12:00:00.5Z".parse().unwrap(),
        node: Some("du-1".to_owned()),
        event: Event::NeedsDecision { reason: "the host is on".to_owned(), request: None },
    };
    let json = serde_json::to_string(&record).unwrap();
    insta::assert_snapshot!(json, @r#"{"seq":7,"at":"2026-03-01T12:00:00.5Z","node":"du-1","event":{"type":"needsDecision","reason":"the host is on"}}"#);
    assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is appended, across restarts and in pages of any size, is read back as it was.
    #[test]
    fn what_is_appended_is_read_back(
        lives in prop::collection::vec(
            prop::collection::vec((prop::option::of(".{0,12}"), ".{0,40}"), 0..12),
            1..4,
        ),
        page in 1_usize..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = TempDir::new().unwrap();
            let mut written = Vec::new();
            for life in lives {
                let journal = open(dir.path());
                for (node, version) in life {
                    let event = Event::AgentStarted { version };
                    written.push(journal.append(Entry { node, event }).await.unwrap());
                }
            }
            let journal = open(dir.path());
            let mut found = Vec::new();
            loop {
                let records = journal.read(found.len() as u64, page).await.unwrap();
                if records.is_empty() {
                    break;
                }
                found.extend(records);
            }
            assert_eq!(found, written);
        });
    }
}
