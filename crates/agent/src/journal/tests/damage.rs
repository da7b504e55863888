//! A journal that was lost, cut, changed or is not ours: never taken for a sound one, never for a new one.

use std::fs;

use rusqlite::Connection;

use super::*;

const RECORDS: u64 = 40;

/// A closed journal of [`RECORDS`] records.
async fn closed() -> (TempDir, Vec<Record>) {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    let records = fill(&journal, RECORDS).await;
    journal.set_cursor("webhook", 7).await.unwrap();
    drop(journal);
    (dir, records)
}

fn database(dir: &TempDir) -> std::path::PathBuf {
    dir.path().join("journal.sqlite")
}

/// Does something to the closed database.
fn tamper(dir: &TempDir, sql: &str) {
    Connection::open(database(dir)).unwrap().execute_batch(sql).unwrap();
}

/// A new directory with a database, perhaps a write-ahead log, and a marker.
fn restored(database: &[u8], wal: Option<&[u8]>, marker: &[u8]) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("journal.sqlite"), database).unwrap();
    if let Some(wal) = wal {
        fs::write(dir.path().join("journal.sqlite-wal"), wal).unwrap();
    }
    fs::write(dir.path().join("journal.marker"), marker).unwrap();
    dir
}

/// Either the journal is refused, at opening or at reading, or every record is there as it was written.
async fn refused_or_whole(dir: &Path, records: &[Record], what: &str) -> bool {
    let journal = match FileJournal::open(dir, Arc::new(SystemClock), OnLoss::Refuse) {
        Ok(journal) => journal,
        Err(error) => {
            // A flip in the header can make it a file of somebody else, or of a later version.
            let other = matches!(error, JournalError::NotOurs { .. } | JournalError::NewerFormat { .. });
            assert!(error.is_loss() || other, "{what}: {error:?}");
            return true;
        }
    };
    match journal.read(0, usize::MAX).await {
        Ok(found) => {
            assert_eq!(found, records, "{what}");
            false
        }
        Err(error) => {
            assert!(error.is_loss(), "{what}: {error:?}");
            true
        }
    }
}

#[tokio::test]
async fn a_flipped_byte_is_noticed_or_harmless() {
    let (dir, records) = closed().await;
    let sound = fs::read(database(&dir)).unwrap();
    let marker = fs::read(dir.path().join("journal.marker")).unwrap();
    let mut noticed = 0;
    for at in (0..sound.len()).step_by(61) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x41;
        let dir = restored(&damaged, None, &marker);
        noticed += u32::from(refused_or_whole(dir.path(), &records, &format!("byte {at} flipped")).await);
    }
    assert!(noticed > 40, "only {noticed} of the flips were noticed");
}

#[tokio::test]
async fn a_cut_database_or_log_is_noticed() {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    let records = fill(&journal, RECORDS).await;
    // The writer has nothing to do now, so the copies are of one moment; the marker follows when it ends.
    let database = fs::read(dir.path().join("journal.sqlite")).unwrap();
    let wal = fs::read(dir.path().join("journal.sqlite-wal")).unwrap();
    drop(journal);
    let closed = fs::read(dir.path().join("journal.sqlite")).unwrap();
    let marker = fs::read(dir.path().join("journal.marker")).unwrap();

    let whole = restored(&database, Some(&wal), &marker);
    assert!(!refused_or_whole(whole.path(), &records, "nothing cut").await);
    for length in (0..wal.len() - 1).step_by(wal.len() / 50) {
        let dir = restored(&database, Some(&wal[..length]), &marker);
        assert!(refused_or_whole(dir.path(), &records, &format!("log cut to {length}")).await);
    }
    for length in (0..closed.len() - 1).step_by(closed.len() / 50) {
        let dir = restored(&closed[..length], None, &marker);
        assert!(refused_or_whole(dir.path(), &records, &format!("database cut to {length}")).await);
    }
}

#[tokio::test]
async fn a_missing_record_is_named() {
    let (dir, _) = closed().await;
    tamper(&dir, "DELETE FROM records WHERE seq = 12");
    let error = refusal(dir.path());
    assert!(matches!(error, JournalError::Damaged { seq: 12, .. }), "{error}");
    assert!(error.to_string().contains("record 13 follows instead"), "{error}");
    let reader = JournalReader::open(dir.path()).unwrap();
    assert_eq!(reader.read(0, 11).unwrap().len(), 11);
    assert!(matches!(reader.read(0, 12), Err(JournalError::Damaged { seq: 12, .. })));
    assert_eq!(reader.read(20, 100).unwrap().len(), 20);
}

#[tokio::test]
async fn a_changed_record_is_named() {
    for (sql, seq) in [
        (r#"UPDATE records SET event = '{"type":"agentStarted","version":"x"}' WHERE seq = 5"#, 5),
        ("UPDATE records SET node = NULL WHERE seq = 1", 1),
        ("UPDATE records SET node = 'ode', event = 'n' || event WHERE seq = 3", 3),
        ("UPDATE records SET at = '2001-01-01T00:00:00Z' WHERE seq = 40", 40),
        ("UPDATE records SET hash = zeroblob(32) WHERE seq = 8", 8),
        ("UPDATE records SET hash = zeroblob(3) WHERE seq = 8", 8),
        ("UPDATE records SET previous = zeroblob(32) WHERE seq = 9", 9),
        ("UPDATE records SET event = CAST(x'ff00ff' AS TEXT) WHERE seq = 10", 10),
    ] {
        let (dir, _) = closed().await;
        tamper(&dir, sql);
        let error = refusal(dir.path());
        assert!(
            matches!(&error, JournalError::Damaged { seq: found, .. } if *found == seq),
            "{sql}: {error}"
        );
    }
}

#[tokio::test]
async fn a_cut_tail_is_named() {
    let (dir, _) = closed().await;
    tamper(&dir, "DELETE FROM records WHERE seq > 37");
    let error = refusal(dir.path());
    assert!(matches!(error, JournalError::Cut { last: 37, known: RECORDS, .. }), "{error}");
    let error = JournalReader::open(dir.path()).unwrap_err();
    assert!(matches!(error, JournalError::Cut { .. }), "{error}");

    tamper(&dir, "DELETE FROM records");
    let error = refusal(dir.path());
    assert!(matches!(error, JournalError::Lost { known: RECORDS, .. }), "{error}");
}

#[tokio::test]
async fn a_lost_journal_is_refused_until_somebody_accepts_it() {
    let (dir, _) = closed().await;
    fs::remove_file(database(&dir)).unwrap();
    let error = refusal(dir.path());
    assert!(matches!(error, JournalError::Lost { known: RECORDS, .. }), "{error}");
    assert!(error.to_string().contains("must not be reinstalled because its journal was lost"), "{error}");
    assert!(error.to_string().contains("--accept-lost-journal"), "{error}");
    assert!(!database(&dir).exists(), "a refusal leaves nothing behind that looks like a journal");
    let error = JournalReader::open(dir.path()).unwrap_err();
    assert!(matches!(error, JournalError::Lost { .. }), "{error}");

    let journal = FileJournal::open(dir.path(), Arc::new(SystemClock), OnLoss::Accept).unwrap();
    assert_eq!(all(&journal).await, []);
    drop(journal);
    open(dir.path());
}

#[tokio::test]
async fn an_accepted_damage_sets_the_old_journal_aside() {
    let (dir, records) = closed().await;
    tamper(&dir, "DELETE FROM records WHERE seq = 12");
    let old = JournalReader::open(dir.path()).unwrap().id().to_owned();
    let journal = FileJournal::open(dir.path(), Arc::new(SystemClock), OnLoss::Accept).unwrap();
    assert_ne!(journal.id(), old);
    assert_eq!(journal.cursor("webhook").await.unwrap(), 0);
    fill(&journal, 2).await;
    drop(journal);
    assert_eq!(all(&open(dir.path())).await.len(), 2);

    let aside = Connection::open(dir.path().join("journal.lost-1.sqlite")).unwrap();
    let kept: i64 = aside.query_row("SELECT count(*) FROM records", (), |row| row.get(0)).unwrap();
    assert_eq!(kept, i64::try_from(records.len()).unwrap() - 1);
    assert!(dir.path().join("journal.lost-1.marker").exists());
}

#[tokio::test]
async fn accepting_changes_nothing_on_a_sound_journal() {
    let (dir, records) = closed().await;
    let journal = FileJournal::open(dir.path(), Arc::new(SystemClock), OnLoss::Accept).unwrap();
    assert_eq!(all(&journal).await, records);
}

#[tokio::test]
async fn another_journal_is_not_taken_for_the_one_that_was_here() {
    let (dir, _) = closed().await;
    let (other, _) = closed().await;
    fs::copy(database(&other), database(&dir)).unwrap();
    let error = refusal(dir.path());
    assert!(matches!(error, JournalError::Replaced { .. }), "{error}");
    let error = JournalReader::open(dir.path()).unwrap_err();
    assert!(matches!(error, JournalError::Replaced { .. }), "{error}");
}

#[tokio::test]
async fn an_older_copy_that_went_on_differently_is_refused() {
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    fill(&journal, 3).await;
    drop(journal);
    let old = fs::read(database(&dir)).unwrap();
    let fork = |count: u64| async move {
        let journal = open(dir.path());
        fill(&journal, count).await;
        drop(journal);
        dir
    };
    let dir = fork(2).await;
    let marker = fs::read(dir.path().join("journal.marker")).unwrap();
    // The same journal restored from before, and used elsewhere without its marker.
    let elsewhere = restored(&old, None, b"");
    fs::remove_file(elsewhere.path().join("journal.marker")).unwrap();
    let journal = open(elsewhere.path());
    fill(&journal, 9).await;
    drop(journal);
    fs::write(elsewhere.path().join("journal.marker"), marker).unwrap();
    let error = refusal(elsewhere.path());
    assert!(matches!(&error, JournalError::Replaced { what, .. } if what.contains("record 5")), "{error}");
}

#[tokio::test]
async fn a_marker_that_is_lost_or_unreadable_is_made_again_from_a_sound_journal() {
    for content in [None, Some("{"), Some("")] {
        let (dir, records) = closed().await;
        let marker = dir.path().join("journal.marker");
        let before = fs::read(&marker).unwrap();
        fs::remove_file(&marker).unwrap();
        if let Some(content) = content {
            fs::write(&marker, content).unwrap();
        }
        assert_eq!(all(&open(dir.path())).await, records);
        assert_eq!(fs::read(&marker).unwrap(), before);
    }
}

#[tokio::test]
async fn an_unreadable_marker_alone_is_no_new_journal() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("journal.marker"), [0xff, 0xfe]).unwrap();
    let error = refusal(dir.path());
    assert!(matches!(error, JournalError::Replaced { .. }), "{error}");
}

#[tokio::test]
async fn a_state_directory_deleted_as_a_whole_begins_anew() {
    let (dir, _) = closed().await;
    for file in fs::read_dir(dir.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    assert_eq!(all(&open(dir.path())).await, []);
}

#[tokio::test]
async fn a_newer_format_and_a_foreign_file_are_refused_untouched() {
    let (dir, _) = closed().await;
    tamper(&dir, "PRAGMA user_version = 2");
    let before = fs::read(database(&dir)).unwrap();
    for error in [refusal(dir.path()), JournalReader::open(dir.path()).unwrap_err()] {
        assert!(matches!(error, JournalError::NewerFormat { found: 2, known: 1, .. }), "{error}");
    }
    let accepted = FileJournal::open(dir.path(), Arc::new(SystemClock), OnLoss::Accept).unwrap_err();
    assert!(matches!(accepted, JournalError::NewerFormat { .. }), "{accepted}");
    assert_eq!(fs::read(database(&dir)).unwrap(), before);

    let dir = TempDir::new().unwrap();
    tamper(&dir, "CREATE TABLE theirs (x)");
    assert!(matches!(refusal(dir.path()), JournalError::NotOurs { .. }));
    tamper(&dir, "INSERT INTO theirs VALUES (1)");
}

#[tokio::test]
async fn a_file_removed_under_the_owner_stops_it() {
    for replace in [false, true] {
        let dir = TempDir::new().unwrap();
        let journal = open(dir.path());
        fill(&journal, 2).await;
        let path = database(&dir);
        let copy = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        if replace {
            fs::write(&path, copy).unwrap();
        }
        let error = journal.append(entry("node", "into the void")).await.unwrap_err();
        assert!(matches!(error, JournalError::Removed { .. }), "{error}");
        let error = journal.set_cursor("webhook", 1).await.unwrap_err();
        assert!(matches!(error, JournalError::Removed { .. }), "{error}");
    }
}
