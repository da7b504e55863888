use std::fs;

use tempfile::TempDir;

use super::*;

async fn drain(journal: &Arc<MemoryJournal>, reporter: JsonLines) -> Status {
    let (reporting, finish) = Reporting::new(Arc::clone(journal) as _, Arc::new(reporter), "lines", quick());
    finish.within(PLENTY);
    reporting.run().await.unwrap()
}

fn records(text: &str) -> Vec<Record> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_file_holds_the_stream_and_goes_on_after_a_restart_and_a_rotation() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("events.jsonl");
    let journal = memory();
    fill(&*journal, &["a", "b", "a"]).await;
    drain(&journal, JsonLines::file(&path).unwrap()).await;
    assert_eq!(records(&fs::read_to_string(&path).unwrap()), journal.records());

    fill(&*journal, &["b"]).await;
    drain(&journal, JsonLines::file(&path).unwrap()).await;
    assert_eq!(records(&fs::read_to_string(&path).unwrap()), journal.records());

    fs::rename(&path, dir.path().join("events.jsonl.1")).unwrap();
    fill(&*journal, &["c"]).await;
    drain(&journal, JsonLines::file(&path).unwrap()).await;
    assert_eq!(records(&fs::read_to_string(&path).unwrap()), journal.records()[4..]);
}

#[tokio::test]
async fn half_a_line_that_a_crash_left_is_removed() {
    let long = format!("{{\"whole\":1}}\n{{\"half\":\"{}", "x".repeat(10_000));
    for left in ["{\"whole\":1}\n{\"ha", &long, "{\"whole\":1}\n"] {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("events.jsonl");
        fs::write(&path, left).unwrap();
        let journal = memory();
        fill(&*journal, &["a"]).await;
        drain(&journal, JsonLines::file(&path).unwrap()).await;
        let text = fs::read_to_string(&path).unwrap();
        let line = serde_json::to_string(&journal.records()[0]).unwrap();
        assert_eq!(text, format!("{{\"whole\":1}}\n{line}\n"));
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_an_outage() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("logs").join("events.jsonl");
    assert!(JsonLines::file(&path).unwrap_err().to_string().contains("events.jsonl cannot be appended to"));

    fs::create_dir(dir.path().join("logs")).unwrap();
    let reporter = JsonLines::file(&path).unwrap();
    fs::remove_dir_all(dir.path().join("logs")).unwrap();
    let journal = memory();
    fill(&*journal, &["a"]).await;
    let (reporting, finish) = Reporting::new(Arc::clone(&journal) as _, Arc::new(reporter), "lines", quick());
    let mut status = reporting.status();
    let mend = async {
        status.wait_for(|status| status.trouble.is_some()).await.unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        finish.within(PLENTY);
    };
    let (status, ()) = tokio::join!(reporting.run(), mend);
    assert_eq!(status.unwrap().delivered, 1);
    assert_eq!(records(&fs::read_to_string(&path).unwrap()).len(), 1);
}

#[tokio::test]
async fn a_closed_pipe_ends_it() {
    let journal = memory();
    fill(&*journal, &["a", "b"]).await;
    let (ours, theirs) = tokio::io::duplex(10_000);
    let status = drain(&journal, JsonLines::writer("pipe", ours)).await;
    assert_eq!(status.delivered, 2);
    let mut theirs = theirs;
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut theirs, &mut text).await.unwrap();
    assert_eq!(records(&text), journal.records());

    fill(&*journal, &["a"]).await;
    let (ours, theirs) = tokio::io::duplex(10_000);
    drop(theirs);
    let status = drain(&journal, JsonLines::writer("pipe", ours)).await;
    assert!(status.gone);
    assert_eq!(status.cursor, 2);
}
