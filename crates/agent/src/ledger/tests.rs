use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;

const WINDOW: Duration = Duration::from_secs(30 * 60);

/// A clock that a test turns.
#[derive(Debug, Default)]
struct Turned(AtomicI64);

impl Turned {
    fn forward(&self, span: Duration) {
        self.0.fetch_add(millis(span), Ordering::SeqCst);
    }
}

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(1_772_366_400_000 + self.0.load(Ordering::SeqCst)).unwrap()
    }
}

struct Rack {
    dir: TempDir,
    clock: Arc<Turned>,
}

impl Rack {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), clock: Arc::default() }
    }

    /// What a further process would open.
    fn ledger(&self) -> FileLedger {
        FileLedger::open(self.dir.path(), Arc::clone(&self.clock) as Arc<dyn Clock>, WINDOW).unwrap()
    }
}

/// A login that the BMC refuses, if it is permitted.
fn fail(ledger: &FileLedger, bmc: &str, username: &str) -> Result<()> {
    ledger.permit_login(bmc, username)?;
    ledger.login_refused(bmc, username)
}

/// A login that the BMC accepts, if it is permitted.
fn succeed(ledger: &FileLedger, bmc: &str, username: &str) -> Result<()> {
    ledger.permit_login(bmc, username)?;
    ledger.session_opened(bmc, "/redfish/v1/SessionService/Sessions/1")?;
    ledger.session_closed(bmc, "/redfish/v1/SessionService/Sessions/1")
}

#[test]
fn a_bmc_sees_two_refused_logins_whoever_sends_them() {
    let rack = Rack::new();
    fail(&rack.ledger(), "192.0.2.1", "root").unwrap();
    rack.clock.forward(Duration::from_secs(60));
    let ledger = rack.ledger();
    fail(&ledger, "192.0.2.1", "admin").unwrap();

    let error = ledger.permit_login("192.0.2.1", "root").unwrap_err();
    let left = WINDOW - Duration::from_secs(60);
    assert_eq!(*error.kind(), ErrorKind::Locked { retry_after: Some(left) });
    assert!(error.to_string().contains("it refused 2 logins within the last 30 min"), "{error}");
    ledger.permit_login("192.0.2.2", "root").unwrap();

    rack.clock.forward(left);
    rack.ledger().permit_login("192.0.2.1", "root").unwrap();
}

#[test]
fn an_operator_permits_one_login_more_to_one_bmc() {
    let rack = Rack::new();
    let ledger = rack.ledger();
    for bmc in ["192.0.2.1", "192.0.2.2"] {
        fail(&ledger, bmc, "root").unwrap();
        fail(&ledger, bmc, "root").unwrap();
    }
    assert_eq!((ledger.refused("192.0.2.1").unwrap(), ledger.refused("192.0.2.3").unwrap()), (2, 0));
    rack.ledger().permit_again("192.0.2.1").unwrap();
    fail(&ledger, "192.0.2.1", "root").unwrap();
    ledger.permit_login("192.0.2.1", "root").unwrap_err();
    ledger.permit_login("192.0.2.2", "root").unwrap_err();
    rack.ledger().permit_again("192.0.2.3").unwrap();
}

#[test]
fn logins_under_way_elsewhere_count_until_their_outcome_is_known() {
    let rack = Rack::new();
    let (first, second, third) = (rack.ledger(), rack.ledger(), rack.ledger());
    first.permit_login("192.0.2.1", "root").unwrap();
    second.permit_login("192.0.2.1", "root").unwrap();
    let busy = third.permit_login("192.0.2.1", "root").unwrap_err();
    assert_eq!(*busy.kind(), ErrorKind::Busy { retry_after: Some(UNDER_WAY) });

    // An owner's own earlier login does not stand in its way: it sends one at a time.
    first.permit_login("192.0.2.1", "root").unwrap();
    first.session_opened("192.0.2.1", "/redfish/v1/SessionService/Sessions/1").unwrap();
    third.permit_login("192.0.2.1", "root").unwrap();

    rack.clock.forward(UNDER_WAY);
    first.permit_login("192.0.2.1", "root").unwrap();
}

#[test]
fn one_command_after_another_without_sessions_is_let_in_each_time() {
    let rack = Rack::new();
    for _ in 0..5 {
        // As a process each: none of them leaves a session to tell by.
        let ledger = rack.ledger();
        ledger.permit_login("192.0.2.1", "root").unwrap();
        ledger.login_accepted("192.0.2.1", "root").unwrap();
    }
}

#[test]
fn however_many_processes_log_in_at_once_two_are_refused_at_most() {
    let rack = Rack::new();
    let ledgers: Vec<FileLedger> = (0..6).map(|_| rack.ledger()).collect();
    let refused: usize = std::thread::scope(|scope| {
        let tries: Vec<_> =
            ledgers.iter().map(|ledger| scope.spawn(|| fail(ledger, "192.0.2.1", "root").is_ok())).collect();
        tries.into_iter().map(|one| usize::from(one.join().unwrap())).sum()
    });
    assert!((1..=2).contains(&refused), "{refused} logins reached the BMC");
}

#[test]
fn a_credential_that_three_bmcs_refuse_is_stopped_for_all() {
    let rack = Rack::new();
    let ledger = rack.ledger();
    for bmc in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        fail(&ledger, bmc, "root").unwrap();
    }
    let error = rack.ledger().permit_login("192.0.2.9", "root").unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Locked { retry_after: Some(WINDOW) });
    assert!(error.to_string().contains("user root was refused by 3 BMCs"), "{error}");
    ledger.permit_login("192.0.2.9", "admin").unwrap();

    rack.clock.forward(Duration::from_secs(1));
    fail(&ledger, "192.0.2.1", "admin").unwrap();
    ledger.permit_login("192.0.2.1", "admin").unwrap_err();
    assert_eq!(ledger.refused_to("root").unwrap(), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    ledger.permit_user_again("root").unwrap();
    ledger.permit_login("192.0.2.9", "root").unwrap();
    for bmc in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        rack.clock.forward(Duration::from_secs(1));
        fail(&ledger, bmc, "root").unwrap();
    }
    ledger.permit_login("192.0.2.9", "root").unwrap_err();
}

#[test]
fn an_acceptance_shows_that_the_passwords_differ() {
    let rack = Rack::new();
    let ledger = rack.ledger();
    let second = Duration::from_secs(1);
    for round in 0..4 {
        fail(&ledger, &format!("192.0.2.{round}"), "root").unwrap();
        rack.clock.forward(second);
        succeed(&ledger, "192.0.2.100", "root").unwrap();
        rack.clock.forward(second);
    }
    ledger.permit_login("192.0.2.200", "root").unwrap();
}

#[test]
fn a_session_is_left_over_once_its_owner_is_gone() {
    let rack = Rack::new();
    let (first, second) = (rack.ledger(), rack.ledger());
    first.session_opened("192.0.2.1", "/Sessions/1").unwrap();
    first.session_opened("192.0.2.1", "/Sessions/2").unwrap();
    first.session_opened("192.0.2.2", "/Sessions/3").unwrap();
    first.session_closed("192.0.2.1", "/Sessions/1").unwrap();
    assert_eq!(first.leftover_sessions("192.0.2.1"), Vec::<String>::new());
    assert_eq!(second.leftover_sessions("192.0.2.1"), Vec::<String>::new());

    drop(first);
    assert_eq!(second.leftover_sessions("192.0.2.1"), ["/Sessions/2"]);
    second.session_closed("192.0.2.1", "/Sessions/2").unwrap();
    assert_eq!(second.leftover_sessions("192.0.2.1"), Vec::<String>::new());
    assert_eq!(rack.ledger().leftover_sessions("192.0.2.2"), ["/Sessions/3"]);
}

/// Set for a child: the state directory to work in.
const CHILD: &str = "RACKHAND_TEST_LEDGER_DIR";

#[allow(clippy::disallowed_methods, reason = "a test's child learns from its parent where to work")]
fn state_dir_of_child() -> Option<String> {
    std::env::var(CHILD).ok()
}

fn spawn(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "ledger::tests::a_killed_process_leaves_its_session_and_its_refusal",
            "--nocapture",
        ])
        .env(CHILD, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_process_leaves_its_session_and_its_refusal() {
    if let Some(dir) = state_dir_of_child() {
        let ledger = FileLedger::open(Path::new(&dir), Arc::new(Turned::default()), WINDOW).unwrap();
        fail(&ledger, "192.0.2.1", "root").unwrap();
        ledger.permit_login("192.0.2.1", "root").unwrap();
        ledger.session_opened("192.0.2.1", "/Sessions/7").unwrap();
        writeln!(std::io::stdout(), "ready").unwrap();
        // Lives until it is killed, or until its parent is gone.
        std::io::stdin().lines().for_each(drop);
        return;
    }
    let rack = Rack::new();
    let mut child = spawn(rack.dir.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "ready"));

    let ledger = rack.ledger();
    assert_eq!(ledger.leftover_sessions("192.0.2.1"), Vec::<String>::new());
    let owners = || fs::read_dir(rack.dir.path().join("owners")).unwrap().count();
    assert_eq!(owners(), 2);

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ledger.leftover_sessions("192.0.2.1"), ["/Sessions/7"]);
    fail(&ledger, "192.0.2.1", "root").unwrap();
    ledger.permit_login("192.0.2.1", "root").unwrap_err();

    let next = rack.ledger();
    assert_eq!(owners(), 2, "the file of the dead is swept");
    assert_eq!(next.leftover_sessions("192.0.2.1"), ["/Sessions/7"]);
}

#[test]
fn a_ledger_of_a_newer_format_is_refused() {
    let rack = Rack::new();
    drop(rack.ledger());
    let raw = Connection::open(rack.dir.path().join("ledger.sqlite")).unwrap();
    raw.pragma_update(None, "user_version", 2).unwrap();
    let clock: Arc<dyn Clock> = rack.clock;
    let error = FileLedger::open(rack.dir.path(), clock, WINDOW).unwrap_err();
    assert!(matches!(error, JournalError::NewerFormat { found: 2, .. }), "{error}");
}

#[test]
fn a_ledger_that_cannot_be_written_stops_the_login() {
    let rack = Rack::new();
    let ledger = rack.ledger();
    let raw = Connection::open(rack.dir.path().join("ledger.sqlite")).unwrap();
    raw.execute_batch("DROP TABLE logins").unwrap();
    let error = ledger.permit_login("192.0.2.1", "root").unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Ledger);
    assert!(error.to_string().contains("nothing was sent"), "{error}");
}

#[test]
fn a_damaged_ledger_says_what_to_do() {
    let rack = Rack::new();
    drop(rack.ledger());
    fs::write(rack.dir.path().join("ledger.sqlite"), "no database at all, but long enough to be looked at")
        .unwrap();
    let clock: Arc<dyn Clock> = Arc::clone(&rack.clock) as _;
    let error = FileLedger::open(rack.dir.path(), clock, WINDOW).unwrap_err();
    assert!(error.to_string().contains("Remove it with its -wal file"), "{error}");
}
