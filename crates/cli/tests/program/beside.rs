//! Processes beside each other: an apply of its own, and commands that reach it.

use std::process::Stdio;

use rackhand_cli::Exit;
use rackhand_simulator::log::Class;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use crate::bench::{Bench, PACE};

/// Slow enough that a run can be met in the middle.
const SLOW: f64 = 60.0;

/// `apply` as a process of its own.
struct Apply {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
}

impl Apply {
    fn start(bench: &Bench) -> Self {
        let state = bench.path("state");
        let mut child = Command::new(env!("CARGO_BIN_EXE_rackhand"))
            .args([
                "apply",
                "-f",
                &bench.site(),
                "--pace",
                PACE,
                "--media-listen",
                "127.0.0.1:0",
                "--state-dir",
            ])
            .arg(state)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, said }
    }

    /// Waits for a line that holds this.
    async fn until(&mut self, part: &str) {
        let mut seen = Vec::new();
        while let Some(line) = self.said.next_line().await.unwrap() {
            if line.contains(part) {
                return;
            }
            seen.push(line);
        }
        panic!("{part:?} was never said; said was:\n{}", seen.join("\n"));
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).unwrap())).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Its exit code and what it printed.
    async fn end(mut self) -> (Option<i32>, String) {
        while self.said.next_line().await.unwrap().is_some() {}
        let output = self.child.wait_with_output().await.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }
}

fn sessions(bench: &Bench, method: &str) -> usize {
    let requests = bench.simulator.log().requests("node1");
    requests.iter().filter(|one| one.class == Class::Session && one.method == method).count()
}

#[tokio::test]
async fn a_running_apply_is_read_and_cancelled_from_beside() {
    let bench = Bench::at(&["idrac9"], SLOW).await;
    let mut apply = Apply::start(&bench);
    apply.until("reads the image").await;

    let second = bench.apply(&[]).await;
    assert_eq!(second.exit, Exit::Failed, "{second:?}");
    assert!(second.stderr.contains("is in use by process "), "{}", second.stderr);
    let nodes = bench.rackhand(&["get", "nodes"]).await;
    assert!(nodes.stdout.contains("Working"), "{}", nodes.stdout);
    let retry = bench.rackhand(&["retry", "node1"]).await;
    assert_eq!(retry.exit, Exit::Failed, "{retry:?}");
    assert!(retry.stderr.contains("is under way"), "{}", retry.stderr);

    let cancel = bench.rackhand(&["cancel", "node1"]).await;
    assert_eq!(cancel.exit, Exit::Done, "{cancel:?}");
    let (code, stdout) = apply.end().await;
    assert_eq!(code, Some(3), "{stdout}");
    assert!(stdout.contains("Cancelled"), "{stdout}");
    let logs = bench.rackhand(&["logs", "node1"]).await;
    assert!(logs.stdout.contains("is cancelled (tester: rackhand cancel"), "{}", logs.stdout);
    assert_eq!(sessions(&bench, "POST"), sessions(&bench, "DELETE"), "every session is given back");
}

#[tokio::test]
async fn a_stopped_apply_gives_its_session_back_and_the_next_one_goes_on() {
    let bench = Bench::at(&["idrac9"], SLOW).await;
    let mut apply = Apply::start(&bench);
    apply.until("→ switch the host on for the BIOS settings").await;
    apply.signal(Signal::TERM);
    let (code, stdout) = apply.end().await;
    assert_eq!(code, Some(3), "{stdout}");
    assert!(stdout.contains("Interrupted"), "{stdout}");
    assert_eq!((sessions(&bench, "POST"), sessions(&bench, "DELETE")), (1, 1));

    let next = bench.apply(&[]).await;
    assert_eq!(next.exit, Exit::Done, "{next:?}");
    assert!(next.stderr.contains("goes on where it was left"), "{}", next.stderr);
    let requests = bench.simulator.log().requests("node1");
    let settings = requests.iter().filter(|one| one.method == "PATCH" && one.path.contains("Bios")).count();
    assert_eq!(settings, 1, "the settings are written once");
}

#[tokio::test]
async fn a_job_that_a_killed_apply_left_open_is_cancelled_by_the_next_one_and_taken_back() {
    let bench = Bench::at(&["idrac9"], SLOW).await;
    let mut apply = Apply::start(&bench);
    apply.until("boot once  ").await;
    apply.signal(Signal::KILL);
    assert_eq!(apply.end().await.0, None, "killed");

    let cancel = bench.rackhand(&["cancel", "node1"]).await;
    assert_eq!(cancel.exit, Exit::Done, "{cancel:?}");
    assert!(cancel.stderr.contains("as soon as the next apply"), "{}", cancel.stderr);
    let next = bench.apply(&[]).await;
    assert_eq!(next.exit, Exit::SomeNodes, "{next:?}");
    assert!(next.stdout.contains("Cancelled"), "{}", next.stdout);
    let media = bench.simulator.log().changes("node1", "media:1");
    assert!(media.iter().any(|(_, to)| to.contains("installer.iso")), "{media:?}");
    assert!(
        media.last().is_some_and(|(_, to)| !to.contains("installer.iso")),
        "the image was left in: {media:?}"
    );
    let jobs = bench.rackhand(&["get", "jobs"]).await;
    assert!(jobs.stdout.contains("Cancelled"), "{}", jobs.stdout);
}
