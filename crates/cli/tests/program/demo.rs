//! The demo, held against the simulator's own log: what is printed did happen, and what happened is printed.

use rackhand_cli::Exit;
use rackhand_simulator::log::{Class, Entry, RequestEntry, StateEntry};

use crate::bench::{Answer, rackhand};

/// One line of the timeline.
#[derive(Debug)]
struct Line {
    node: String,
    step: String,
    what: String,
}

/// What was printed and what the simulator saw.
struct Shown {
    answer: Answer,
    lines: Vec<Line>,
    log: Vec<Entry>,
}

const HOSTS: [&str; 3] = ["cisco", "dell", "hpe"];

async fn demo(fault: Option<&str>) -> Shown {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("simulator.log");
    let log_path = log.display().to_string();
    let mut args = vec!["demo", "--simulator-log", &log_path];
    args.extend(fault.into_iter().flat_map(|fault| ["--fault", fault]));
    let answer = rackhand(&args).await;
    let log = std::fs::read_to_string(log).unwrap();
    let log = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Shown { lines: answer.stdout.lines().filter_map(line).collect(), answer, log }
}

/// `   12.3s  edge-1/dell   power on   → switch the host on …`
fn line(text: &str) -> Option<Line> {
    let (at, rest) = text.trim_start().split_once("s  ")?;
    at.parse::<f64>().ok()?;
    let (node, rest) = rest.split_once("  ")?;
    let (step, what) = rest.trim_start().split_once("  ")?;
    let host = node.trim().rsplit('/').next().unwrap_or(node);
    Some(Line { node: host.to_owned(), step: step.trim().to_owned(), what: what.trim().to_owned() })
}

impl Shown {
    fn of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.node == host)
    }

    fn requests<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a RequestEntry> {
        self.log.iter().filter_map(move |entry| match entry {
            Entry::Request(request) if request.machine == host => Some(request),
            _ => None,
        })
    }

    fn states<'a>(&'a self, host: &'a str, what: &'a str) -> impl Iterator<Item = &'a StateEntry> {
        self.log.iter().filter_map(move |entry| match entry {
            Entry::State(state) if state.machine == host && state.what.starts_with(what) => Some(state),
            _ => None,
        })
    }

    /// Whether the simulator's log has what a line says.
    fn bears_out(&self, line: &Line) -> bool {
        let host = line.node.as_str();
        let changed =
            |what: &str, to: &dyn Fn(&str) -> bool| self.states(host, what).any(|state| to(&state.to));
        let asked = |summary: &str| {
            self.requests(host).any(|one| {
                one.class == Class::Change
                    && one.summary.as_deref().is_some_and(|said| said.contains(summary))
            })
        };
        let what = line.what.as_str();
        match line.step.as_str() {
            "connect" => self.requests(host).any(|one| one.class == Class::Session && one.method == "POST"),
            "power off" | "firmware" | "storage" => {
                what.starts_with("already so") || what.starts_with("not required")
            }
            "BIOS" if what.starts_with("→ write ") => {
                let values = what.split_once(": ").map_or("", |(_, values)| values);
                values.split(", ").all(|value| asked(value.split('=').next().unwrap_or(value)))
            }
            "BIOS" if what.starts_with("→ hold ") => {
                changed("boot-override", &|to| to.contains("BiosSetup"))
            }
            "BIOS" if what.starts_with("→ force the host off") => changed("power", &|to| to == "Off"),
            "BIOS" | "power on" if what.starts_with("→ switch the host on") => {
                changed("power", &|to| to == "On")
            }
            "media" if what.starts_with("→ insert ") => {
                let url = what.split_whitespace().nth(2).unwrap_or(what);
                changed("media", &|to| to.contains(url))
            }
            "boot once" if what.starts_with('→') => changed("boot-override", &|to| to.contains("Cd")),
            "seen" => match what.strip_prefix("the host called back: ") {
                Some(stage) => changed("callback", &|to| to == stage),
                None if what == "the host was reset" => self.states(host, "post").count() > 1,
                None => changed("guest", &|_| true),
            },
            "eject" if what.starts_with('→') => changed("media", &|to| !to.contains("http")),
            "settle" | "follow" if what.starts_with("→ clear the boot override") => {
                changed("boot-override", &|_| true)
            }
            "settle" => self.requests(host).any(|one| one.class == Class::Session && one.method == "DELETE"),
            "job" if what.ends_with("ends: installed") => changed("disk", &|_| true),
            "job" | "check" => true,
            _ => what.starts_with("done: "),
        }
    }
}

#[tokio::test]
async fn three_vendors_are_installed_and_the_simulators_log_bears_out_every_line() {
    let shown = demo(None).await;
    assert_eq!(shown.answer.exit, Exit::Done, "{:?}", shown.answer);
    for host in HOSTS {
        assert!(
            shown.of(host).any(|line| line.what.ends_with("ends: installed")),
            "{host}: {}",
            shown.answer.stdout
        );
        for step in
            ["connect", "check", "BIOS", "media", "boot once", "power on", "follow", "eject", "settle"]
        {
            assert!(shown.of(host).any(|line| line.step == step), "{host} has no line of step {step}");
        }
    }
    let unfounded: Vec<&Line> = shown.lines.iter().filter(|line| !shown.bears_out(line)).collect();
    assert!(unfounded.is_empty(), "the simulator saw nothing of this: {unfounded:#?}");
    for host in HOSTS {
        let acts = shown.of(host).filter(|line| line.what.starts_with('→')).count();
        let changes = shown.requests(host).filter(|one| one.class == Class::Change).count();
        assert_eq!(acts, changes, "{host}: every change is printed, and is asked for once");
        let opened =
            shown.requests(host).filter(|one| one.class == Class::Session && one.method == "POST").count();
        let closed =
            shown.requests(host).filter(|one| one.class == Class::Session && one.method == "DELETE").count();
        assert_eq!((opened, closed), (1, 1), "{host}: one session, given back");
    }
}

/// A trouble befalls one host, whose end says these; the others are installed all the same.
async fn trouble(fault: &str, befallen: &str, says: &[&str]) {
    let shown = demo(Some(fault)).await;
    assert_eq!(shown.answer.exit, Exit::SomeNodes, "{:?}", shown.answer);
    for host in HOSTS {
        let installed = shown.of(host).any(|line| line.what.ends_with("ends: installed"));
        assert_eq!(installed, host != befallen, "{host}: {}", shown.answer.stdout);
    }
    let told =
        shown.answer.stderr.split("\n\n").find(|part| part.contains("failed in step")).unwrap_or_default();
    for part in says.iter().chain(&["  seen: BMC ", "  do:   "]) {
        assert!(shown.answer.stderr.contains(part), "{part:?} is missing in: {told}");
    }
}

#[tokio::test]
async fn a_bad_password_is_told() {
    trouble(
        "bad-password",
        "dell",
        &["dell: failed in step connect", "refuses user \"admin\" or the password", "Secret"],
    )
    .await;
}

#[tokio::test]
async fn an_unreachable_iso_is_told() {
    trouble("unreachable-iso", "hpe", &["hpe: failed in step media", "0 bytes were read by BMC", "firewall"])
        .await;
}

#[tokio::test]
async fn a_bmc_that_goes_down_is_told() {
    trouble("bmc-down", "hpe", &["hpe: failed in step media", "not reachable", "its power and its network"])
        .await;
}

#[tokio::test]
async fn media_that_will_not_attach_is_told() {
    trouble("media-stuck", "cisco", &["cisco: failed in step media", "to be attached in slot"]).await;
}

#[tokio::test]
async fn a_rejected_bios_value_is_told() {
    let shown = demo(Some("rejected-bios")).await;
    assert_eq!(shown.answer.exit, Exit::SomeNodes, "{:?}", shown.answer);
    assert!(shown.answer.stderr.contains("dell: failed in step BIOS"), "{}", shown.answer.stderr);
    assert!(shown.answer.stderr.contains("the firmware refused "), "{}", shown.answer.stderr);
}
