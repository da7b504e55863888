//! Nodes and jobs as tables and as data.

use std::time::Duration;

use jiff::Timestamp;
use rackhand_agent::{
    engine::{NodeReport, NodeResult},
    event::{JobResult, StepId},
    history::{InstalledHow, JobHistory, NodeHistory},
};
use serde::Serialize;

use super::{Paint, Style, Table, words};
use crate::{World, fleet::Finished};

/// A node as `get nodes` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeRow {
    pub(crate) node: String,
    pub(crate) state: String,
    pub(crate) step: Option<String>,
    pub(crate) detail: String,
    pub(crate) machine: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) last_seen: Option<Timestamp>,
    #[serde(skip)]
    paint: Option<Paint>,
}

impl NodeRow {
    pub(crate) fn of(node: &str, history: &NodeHistory) -> Self {
        let (state, detail, paint) = state(history);
        let step = history.running_job().and_then(JobHistory::current_step);
        let machine = history.identity.as_ref().map(|identity| {
            let model = identity.model.as_deref().unwrap_or("unknown model");
            format!("{} {model}", identity.generation)
        });
        Self {
            node: node.to_owned(),
            state: state.to_owned(),
            step: step.map(|step| step.to_string()),
            detail,
            machine,
            serial: history.identity.as_ref().and_then(|identity| identity.serial.clone()),
            last_seen: history.last_seen,
            paint: Some(paint),
        }
    }
}

/// Where a node is, in a word and a sentence.
pub(crate) fn state(history: &NodeHistory) -> (&'static str, String, Paint) {
    if let Some(job) = history.running_job() {
        let step = job.current_step();
        let detail = step.and_then(|step| job.steps.get(&step)).map(|step| step.detail.clone());
        let last = job.evidence.last().map(|(seen, _)| seen.to_string());
        return ("Working", last.or(detail).unwrap_or_default(), Paint::None);
    }
    if let Some(reason) = &history.needs_decision {
        return ("NeedsDecision", reason.clone(), Paint::Warn);
    }
    if let Some(by) = &history.permission {
        return ("Permitted", format!("to be installed at the next apply ({by})"), Paint::Warn);
    }
    let last = history.job.as_ref().and_then(|job| job.result.as_ref());
    match (&history.installed, last) {
        (Some(installed), _) => {
            let state = match installed.how {
                InstalledHow::Observed => "Installed",
                InstalledHow::Booted => "Booted",
                InstalledHow::Adopted => "Adopted",
            };
            (state, format!("since {:.0}", installed.at), Paint::Good)
        }
        (None, Some((JobResult::Failed { step, error, .. }, _))) => {
            ("Failed", format!("step {step}: {error}"), Paint::Bad)
        }
        (None, Some((JobResult::Cancelled { state, .. }, _))) => ("Cancelled", state.clone(), Paint::Warn),
        (None, Some(_)) => {
            ("Unknown", "its last job ended in a way that this version does not know".to_owned(), Paint::Warn)
        }
        (None, None) => ("Seen", "nothing was done to it yet".to_owned(), Paint::Dim),
    }
}

/// Rows as a table.
pub(crate) fn table(rows: &[NodeRow], wide: bool) -> Table {
    let mut table = Table::new(if wide {
        &["NODE", "STATE", "STEP", "MACHINE", "SERIAL", "LAST SEEN", "DETAIL"]
    } else {
        &["NODE", "STATE", "STEP", "DETAIL"]
    });
    let text = |value: &Option<String>| (value.clone().unwrap_or_else(|| "-".to_owned()), Paint::None);
    for row in rows {
        let mut cells = vec![
            (row.node.clone(), Paint::None),
            (row.state.clone(), row.paint.unwrap_or(Paint::None)),
            text(&row.step),
        ];
        if wide {
            let seen = row.last_seen.map(|at| format!("{at:.0}"));
            cells.extend([text(&row.machine), text(&row.serial), text(&seen)]);
        }
        cells.push((row.detail.clone(), Paint::None));
        table.painted(cells);
    }
    table
}

/// What became of a node in a run, in a word and a sentence.
pub(crate) fn result(result: &NodeResult) -> (&'static str, String, Paint) {
    match result {
        NodeResult::Installed => ("Installed", String::new(), Paint::Good),
        NodeResult::Booted(seen) => ("Booted", format!("installation not observable ({seen})"), Paint::Good),
        NodeResult::Nothing(why) => ("Nothing to do", why.clone(), Paint::Good),
        NodeResult::NeedsDecision(_) => ("NeedsDecision", "see below".to_owned(), Paint::Warn),
        NodeResult::Failed { step, .. } => ("Failed", format!("in step {step}, see below"), Paint::Bad),
        NodeResult::Cancelled(state) => ("Cancelled", state.clone(), Paint::Warn),
        NodeResult::Interrupted => ("Interrupted", "the next apply goes on".to_owned(), Paint::Warn),
        NodeResult::NotStarted(why) => ("Not started", why.clone(), Paint::Warn),
    }
}

/// What became of every node: the table on stdout, then each trouble with what to do on stderr.
pub(crate) fn reports(world: &World, style: Style, finished: &Finished) -> anyhow::Result<()> {
    let mut table = Table::new(&["NODE", "RESULT", "MACHINE", "TOOK", "DETAIL"]);
    for report in &finished.reports {
        let (word, detail, paint) = result(&report.result);
        let history = finished.history.node(&report.node);
        let plain = |text: Option<String>| (text.unwrap_or_else(|| "-".to_owned()), Paint::None);
        table.painted([
            plain(Some(report.node.clone())),
            (word.to_owned(), paint),
            plain(history.and_then(machine)),
            plain(history.filter(|_| ran(&report.result)).and_then(took)),
            plain(Some(detail)),
        ]);
    }
    world.stdout.text(&table.render(style))?;
    for report in &finished.reports {
        if let Some(text) = trouble(report) {
            world.stderr.line(format_args!("\n{text}"))?;
        }
    }
    Ok(())
}

/// Whether the node's newest job is of this run.
fn ran(result: &NodeResult) -> bool {
    !matches!(result, NodeResult::Nothing(_) | NodeResult::NeedsDecision(_) | NodeResult::NotStarted(_))
}

fn machine(history: &NodeHistory) -> Option<String> {
    let identity = history.identity.as_ref()?;
    let model = identity.model.as_deref().unwrap_or("unknown model");
    Some(format!("{model}, {}", identity.generation))
}

fn took(history: &NodeHistory) -> Option<String> {
    let job = history.job.as_ref()?;
    let (_, ended) = job.result.as_ref()?;
    Duration::try_from(ended.duration_since(job.began)).ok().map(words::time)
}

/// What failed, what was seen, what to do.
pub(crate) fn trouble(report: &NodeReport) -> Option<String> {
    let node = &report.node;
    match &report.result {
        NodeResult::Failed { step, error, advice, refused } => {
            let mut text = format!("{node}: failed in step {step}\n  seen: {error}\n  do:   {advice}");
            if let Some(hint) = hint(*step, error, *refused) {
                text.push_str(&format!("\n        {hint}"));
            }
            Some(text)
        }
        NodeResult::NeedsDecision(reason) => Some(format!("{node}: needs a decision\n  {reason}")),
        _ => None,
    }
}

/// What this program offers against a trouble, beside the engine's advice.
fn hint(step: StepId, error: &str, refused: bool) -> Option<&'static str> {
    if error.contains("not reachable: ") {
        return Some(
            "The BMC does not answer: look at its power and its network. Meanwhile nothing else is done to the host",
        );
    }
    match step {
        StepId::Connect if refused && error.contains("password") => Some(
            "Correct the Secret, then say so: rackhand retry-login ADDRESS. At most two logins are tried before, so that the BMC does not lock the account",
        ),
        StepId::Media => Some(
            "Most often the BMC cannot reach the image server: look for a firewall, a route, a VLAN between the two; --media-url names the address that BMCs see",
        ),
        StepId::Follow if error.starts_with("0 bytes") => Some(
            "Look for a firewall, a route, a VLAN between BMC and image server; --media-url names the address that BMCs see",
        ),
        StepId::Bios => {
            Some("Compare the values with what the firmware takes: rackhand bmc ADDRESS bios registry NAME")
        }
        _ => None,
    }
}
