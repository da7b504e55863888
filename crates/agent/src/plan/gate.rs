//! Whether anything may be done to a node at all.

use rackhand_bmc::{Identity, PowerState};
use serde::Serialize;

use crate::{
    event::{Act, JobId, JobResult, PowerPurpose, Trigger},
    history::{InstalledHow, JobHistory, NodeHistory},
    wanted::Wanted,
};

/// Whether anything may be done to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "camelCase")]
pub enum Gate {
    /// A job of an earlier process goes on.
    Resume {
        /// The job.
        job: JobId,
    },
    /// A job may begin.
    Start {
        /// Why.
        trigger: Trigger,
    },
    /// There is nothing to do.
    Nothing {
        /// Why.
        reason: String,
    },
    /// Nothing is done until somebody decides.
    NeedsDecision {
        /// Why, and what to type.
        reason: String,
    },
}

/// What the record alone decides; `None` when the host must be looked at first.
///
/// A node that stands installed for the present request is not even connected to.
#[must_use]
pub fn gate_by_record(wanted: &Wanted, history: Option<&NodeHistory>) -> Option<Gate> {
    if let Some(job) = history.and_then(NodeHistory::running_job) {
        return Some(Gate::Resume { job: job.id.clone() });
    }
    if let Some(by) = wanted.permission.clone().or_else(|| history.and_then(|h| h.permission.clone())) {
        return Some(Gate::Start { trigger: Trigger::Asked { by } });
    }
    if wanted.hold {
        return Some(Gate::Nothing { reason: "the spec says holdInstallation: true".to_owned() });
    }
    let history = history?;
    if let Some(installed) = &history.installed {
        let how = match installed.how {
            InstalledHow::Observed => "installed",
            InstalledHow::Booted => "booted into the installer (not observable further)",
            InstalledHow::Adopted => "adopted as installed",
        };
        return Some(match &installed.request {
            Some(request) if *request != wanted.request => {
                Gate::Start { trigger: Trigger::RequestChanged { from: request.clone() } }
            }
            _ => Gate::Nothing { reason: format!("{how} since {:.0}", installed.at) },
        });
    }
    match &history.job {
        // A changed request is somebody's word, after a failure as after an installation.
        Some(JobHistory { result: Some(_), request, .. }) if *request != wanted.request => {
            Some(Gate::Start { trigger: Trigger::RequestChanged { from: request.clone() } })
        }
        Some(JobHistory { result: Some((result, _)), .. }) => after_failure(wanted, result),
        _ => None,
    }
}

/// After a job that did not end well: only what had not yet begun to install goes on by itself.
fn after_failure(wanted: &Wanted, result: &JobResult) -> Option<Gate> {
    let node = &wanted.node;
    let reason = match result {
        JobResult::Failed { installing: true, step, error, .. } => {
            format!(
                "its installation was begun and failed in step {step}: {error}. To install it again: rackhand retry {node}"
            )
        }
        JobResult::Cancelled { installing: true, .. } => {
            format!(
                "its installation was cancelled under way. To install it again: rackhand retry {node}; if it is fine: rackhand adopt {node}"
            )
        }
        JobResult::Cancelled { installing: false, .. } => {
            format!("its last job was cancelled. To go on: rackhand retry {node}")
        }
        _ => return None,
    };
    Some(Gate::NeedsDecision { reason })
}

/// Whether anything may be done, now that the host's power was seen.
#[must_use]
pub fn gate(wanted: &Wanted, history: Option<&NodeHistory>, power: PowerState) -> Gate {
    if let Some(decided) = gate_by_record(wanted, history) {
        return decided;
    }
    let node = &wanted.node;
    if let Some(job) = history.and_then(|h| h.job.as_ref()) {
        let ours = power == PowerState::Off || job.trigger.asked() || switched_on_by(job);
        if ours {
            return Gate::Start {
                trigger: Trigger::Continued { job: job.id.clone(), asked: job.trigger.asked() },
            };
        }
        return Gate::NeedsDecision {
            reason: format!(
                "job {} failed before it installed anything, and somebody switched the host on since. To install it all the same: rackhand apply --install {node}; to leave it as it is: rackhand adopt {node}",
                job.id
            ),
        };
    }
    match (power, history.and_then(|known| known.met_live.as_ref())) {
        (_, Some(from)) if *from != wanted.request => {
            Gate::Start { trigger: Trigger::RequestChanged { from: from.clone() } }
        }
        (PowerState::Off, None) => Gate::Start { trigger: Trigger::NewHost },
        (power, met) => Gate::NeedsDecision { reason: may_be_live(node, power, met.is_some()) },
    }
}

/// Why a host without a record is left alone.
fn may_be_live(node: &str, power: PowerState, met_before: bool) -> String {
    let power = match power {
        PowerState::Off if met_before => "off now and was on when it was first seen",
        PowerState::Off => "off",
        PowerState::On => "on",
        PowerState::PoweringOn => "being switched on",
        PowerState::PoweringOff => "being switched off",
        _ => "in an unknown power state",
    };
    format!(
        "the host is {power} and the journal has no record of it: it may be a live system. To install it all the same: rackhand apply --install {node}; to record it as installed: rackhand adopt {node}"
    )
}

/// Whether the job itself had switched the host on, held in setup: for its firmware, its settings or its storage.
fn switched_on_by(job: &JobHistory) -> bool {
    job.acts
        .iter()
        .any(|known| matches!(&known.act, Act::PowerOn { purpose } if *purpose != PowerPurpose::Install))
}

/// Whether the machine that answers now is another than the one the journal knows of this node, in a sentence: an
/// exchanged server, or an address that now leads elsewhere. What tells machines apart is the serial number, and the UUID
/// where one of them shows no serial number.
#[must_use]
pub fn other_machine(history: Option<&NodeHistory>, found: &Identity) -> Option<String> {
    let known = history?.identity.as_ref()?;
    let differ = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => Some((!a.eq_ignore_ascii_case(b)).then(|| (a.clone(), b.clone()))),
        _ => None,
    };
    let (what, pair) = match differ(&known.serial, &found.serial) {
        Some(pair) => ("serial number", pair),
        None => ("UUID", differ(&known.uuid, &found.uuid)?),
    };
    let (was, is) = pair?;
    Some(format!(
        "another machine answers than the one the journal knows of this node: its {what} is {is}, and it was {was}"
    ))
}
