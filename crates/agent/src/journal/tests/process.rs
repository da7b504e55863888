//! What only real processes show: who owns the journal, and what a SIGKILL leaves.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use super::*;

/// Set for a child: the state directory to work in.
const CHILD: &str = "RACKHAND_TEST_STATE_DIR";

/// Kills of the writing process, one after another on the same journal.
const KILLS: u64 = 100;

#[allow(clippy::disallowed_methods, reason = "a test's child learns from its parent where to work")]
fn state_dir_of_child() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// Runs the named test of this program again, as a child that finds the state directory in its environment.
fn spawn(test: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("journal::tests::process::{test}"), "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The child: four writers that append for ever and say what is durable.
fn append_for_ever(dir: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let journal = Arc::new(open(dir));
        let life = *journal.watch().borrow();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..4 {
            let journal = Arc::clone(&journal);
            writers.spawn(async move {
                for n in 0_u64.. {
                    let node = format!("{life}/{writer}");
                    let record = journal.append(entry(&node, n)).await.unwrap();
                    writeln!(std::io::stdout(), "durable {} {node} {n}", record.seq).unwrap();
                }
            });
        }
        writers.join_all().await;
    });
}

#[test]
fn nothing_durable_is_lost_by_a_hundred_kills() {
    if let Some(dir) = state_dir_of_child() {
        return append_for_ever(Path::new(&dir));
    }
    let dir = TempDir::new().unwrap();
    let mut durable = BTreeMap::new();
    for kill in 0..KILLS {
        let mut child = spawn("nothing_durable_is_lost_by_a_hundred_kills", dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut told = |line: String| {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["durable", seq, node, n] = words[..] {
                durable.insert(seq.parse::<u64>().unwrap(), (node.to_owned(), n.to_owned()));
                return true;
            }
            false
        };
        // Every child gets a little further before it is killed, so that the kills spread over its whole life.
        let mut before = 1 + kill % 17;
        while before > 0 {
            before -= u64::from(told(lines.next().expect("the child writes until it is killed")));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lines.for_each(|line| {
            told(line);
        });
    }

    let journal = JournalReader::open(dir.path()).unwrap();
    let records = journal.read(0, usize::MAX).unwrap();
    assert!(durable.len() as u64 >= KILLS);
    for (seq, (node, n)) in &durable {
        let record = &records[usize::try_from(*seq - 1).unwrap()];
        assert_eq!((record.node.as_deref(), text(record)), (Some(node.as_str()), n.as_str()), "record {seq}");
    }
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for record in &records {
        let n = next.entry(record.node.as_deref().unwrap()).or_default();
        assert_eq!(text(record), n.to_string(), "record {} is out of its writer's order", record.seq);
        *n += 1;
    }
}

#[tokio::test]
async fn another_process_is_refused_and_may_read_and_ask() {
    if let Some(dir) = state_dir_of_child() {
        let dir = Path::new(&dir);
        writeln!(std::io::stdout(), "refused: {}", refusal(dir)).unwrap();
        let records = JournalReader::open(dir).unwrap().read(0, 10).unwrap();
        writeln!(std::io::stdout(), "read: {}", records.len()).unwrap();
        let request = Request {
            node: "node".to_owned(),
            wish: Wish::Cancel,
            by: "the child".to_owned(),
            at: "2026-03-01T12:00:00Z".parse().unwrap(),
        };
        Inbox::open(dir).unwrap().post(&request).unwrap();
        return;
    }
    let dir = TempDir::new().unwrap();
    let journal = open(dir.path());
    fill(&journal, 3).await;
    let child = spawn("another_process_is_refused_and_may_read_and_ask", dir.path());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let refused = format!("in use by process {}: use `rackhand get`", std::process::id());
    assert!(said.contains(&refused), "{said}");
    assert!(said.contains("read: 3\n"), "{said}");
    let posted = Inbox::open(dir.path()).unwrap().arrived(|_| false).await.unwrap();
    assert_eq!(posted[0].request.by, "the child");
    assert_eq!(journal.append(entry("node", "still the owner")).await.unwrap().seq, 4);
}
