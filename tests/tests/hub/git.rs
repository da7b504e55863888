//! The daemon without a hub: nodes from a real `git daemon`, told by signals and by its socket, telling a service manager.

use std::{
    fs::{self, File},
    io::Read as _,
    net::TcpListener,
    os::unix::{net::UnixDatagram, process::CommandExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rackhand_tests::process::Apart;
use serde_json::Value;
use tokio::time::{Instant, sleep};

const RACKHAND: &str = env!("CARGO_BIN_EXE_rackhand-fused");
const SIMULATOR: &str = env!("CARGO_BIN_EXE_simulator-apart");

/// A process in a group of its own, which is gone after its test: `git daemon` is two processes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let group = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.0.wait();
    }
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(directory)
        .args(["-c", "user.name=site", "-c", "user.email=site@example.com"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn status(state: &Path) -> Value {
    let output =
        Command::new(RACKHAND).args(["status", "-o", "json", "--state-dir"]).arg(state).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

async fn until(what: &str, log: &Path, look: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !look() {
        assert!(Instant::now() < end, "{what} was not seen; {}", fs::read_to_string(log).unwrap());
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_follows_a_repository_and_is_told_by_signals_and_by_its_socket() {
    let directory = tempfile::tempdir().unwrap();
    let simulator = Apart::start(SIMULATOR, "ilo6", "127.78.9.1", directory.path()).unwrap();
    let repository = directory.path().join("repositories/ztp");
    fs::create_dir_all(repository.join("siteconfigs")).unwrap();
    for entry in fs::read_dir(simulator.site()).unwrap().filter_map(Result::ok) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), repository.join("siteconfigs").join(entry.file_name())).unwrap();
        }
    }
    git(&repository, &["init", "-q", "-b", "main"]);
    git(&repository, &["add", "-A"]);
    git(&repository, &["commit", "-q", "-m", "the site"]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let served = Command::new("git")
        .args(["daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1"])
        .arg(format!("--port={port}"))
        .arg(format!("--base-path={}", directory.path().join("repositories").display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let _served = Running(served);

    let manager = UnixDatagram::bind(directory.path().join("notify")).unwrap();
    manager.set_nonblocking(true).unwrap();
    let (state, log) = (directory.path().join("state"), directory.path().join("serve.log"));
    let mut daemon = Command::new(RACKHAND);
    daemon.args(["serve", "--git", &format!("git://127.0.0.1:{port}/ztp"), "--git-path", "siteconfigs"]);
    daemon.args(["--git-interval", "3600", "--pace", "0.01", "--media-listen", "127.0.0.1:0", "--state-dir"]);
    daemon.arg(&state).args(["--listen", "127.0.0.1:0"]);
    daemon
        .env("NOTIFY_SOCKET", directory.path().join("notify"))
        .stderr(File::create(&log).unwrap())
        .process_group(0);
    let mut daemon = Running(daemon.spawn().unwrap());

    let node = |status: &Value| {
        status.pointer("/daemon/nodes/edge-1~1node1").and_then(Value::as_str) == Some("Installed")
    };
    until("the node is installed", &log, || node(&status(&state))).await;
    let source = |status: &Value| {
        status.pointer("/daemon/source").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let first = git(&repository, &["rev-parse", "HEAD"]);
    assert!(source(&status(&state)).ends_with(&first), "{}", source(&status(&state)));
    health(&log);

    // A commit that breaks a file: the finding is shown, and the node is neither gone nor touched.
    let before = simulator.effects().unwrap();
    let site = repository.join("siteconfigs/edge-1.yaml");
    let text = fs::read_to_string(&site).unwrap();
    fs::write(&site, text.replace("bootMACAddress", "bootMacAdress")).unwrap();
    git(&repository, &["commit", "-qam", "a slip"]);
    let reload = Command::new(RACKHAND).args(["reload", "--state-dir"]).arg(&state).output().unwrap();
    assert!(reload.status.success());
    let wrong = || status(&state).pointer("/daemon/findings/0").is_some();
    until("the slip is named", &log, wrong).await;
    let said = fs::read_to_string(&log).unwrap();
    assert_eq!(
        said.matches("unknown field `bootMacAdress`").count(),
        1,
        "said once, where people look: {said}"
    );
    fs::write(&site, text).unwrap();
    git(&repository, &["commit", "-qam", "mended"]);
    let pid = rustix::process::Pid::from_child(&daemon.0);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let third = git(&repository, &["rev-parse", "HEAD"]);
    until("the newest commit counts", &log, || source(&status(&state)).ends_with(&third)).await;
    until("the node is there again", &log, || node_known(&status(&state))).await;
    assert_eq!(simulator.effects().unwrap(), before, "an installed node was touched");

    // Beside it, another owner of the journal is refused and told what to do.
    let mut apply = Command::new(RACKHAND);
    apply.args(["apply", "-f"]).arg(simulator.site()).arg("--state-dir").arg(&state);
    let refused = apply_refused(&mut apply);
    assert!(refused.contains("rackhand"), "{refused}");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(daemon.0.wait().unwrap().success());
    let mut told = String::new();
    let mut buffer = [0_u8; 4096];
    while let Ok(read) = manager.recv(&mut buffer) {
        told.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        told.push('\n');
    }
    let place = |what: &str| told.find(what).unwrap_or_else(|| panic!("{what} is not in {told}"));
    assert!(place("READY=1") < place("RELOADING=1") && place("RELOADING=1") < place("STOPPING=1"), "{told}");
    assert!(!state.join("rackhand.sock").exists());
}

fn node_known(status: &Value) -> bool {
    let nodes = status.pointer("/daemon/nodes").and_then(Value::as_object);
    nodes.is_some_and(|nodes| nodes.len() == 1 && nodes.values().all(|state| state != "Working"))
}

fn apply_refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Health and metrics, where the daemon said that they are.
fn health(log: &Path) {
    let text = fs::read_to_string(log).unwrap();
    let address = text.lines().find_map(|line| line.strip_prefix("health and metrics on http://")).unwrap();
    let ask = |path: &str| {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("/healthz").starts_with("HTTP/1.1 200") && ask("/readyz").starts_with("HTTP/1.1 200"));
    let metrics = ask("/metrics");
    assert!(metrics.contains("rackhand_nodes{state=\"Installed\"} 1"), "{metrics}");
    assert!(ask("/v1/status").starts_with("HTTP/1.1 404"), "that is for the socket");
}
