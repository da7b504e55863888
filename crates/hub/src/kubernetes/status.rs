//! The journal folded into the status of each HostProvision.
//!
//! Pure: the same records give the same status, with the times at which things happened and not at which they were written
//! to the hub. So after an outage one write brings an object to where its host is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use rackhand_agent::{
    event::{Act, ActResult, StepId, StepResult},
    history::{History, JobHistory, NodeHistory},
    journal::Record,
};
use rackhand_bmc::Identity;

use super::{
    conditions::{Finding, SPEC_VALID, conditions},
    host_provision::{BmcJob, Hardware, HostProvisionStatus, Step, VirtualMedia},
};

/// Longest message of a condition: the API allows 32 KiB, and a status of a thousand objects should stay small.
const MESSAGE: usize = 1024;

/// What the journal says of every node, as it will be told to the hub.
#[derive(Debug, Clone, Default)]
pub struct Book {
    history: History,
    told: BTreeMap<String, Told>,
}

#[derive(Debug, Clone, Default)]
struct Told {
    conditions: Vec<Condition>,
    sequence: u64,
}

impl Book {
    /// Folds one more record.
    pub fn apply(&mut self, record: &Record) {
        self.history.apply(record);
        let Some(node) = &record.node else { return };
        let Some(known) = self.history.node(node) else { return };
        let told = self.told.entry(node.clone()).or_default();
        told.sequence = record.seq;
        for finding in conditions(known) {
            set(&mut told.conditions, finding, record.at);
        }
    }

    /// What is known of every node.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The newest record about a node; 0 when the journal never spoke of it.
    #[must_use]
    pub fn sequence(&self, node: &str) -> u64 {
        self.told.get(node).map_or(0, |told| told.sequence)
    }

    /// The status of a node's object. What is not in the journal is given: who writes, of which generation and request, and
    /// what is wrong with the spec since when.
    #[must_use]
    pub fn status(&self, node: &str, about: &About) -> HostProvisionStatus {
        let nothing = NodeHistory::default();
        let known = self.history.node(node).unwrap_or(&nothing);
        let mut conditions = match self.told.get(node) {
            Some(told) => told.conditions.clone(),
            None => {
                let mut fresh = Vec::new();
                conditions(known).into_iter().for_each(|finding| set(&mut fresh, finding, about.since));
                fresh
            }
        };
        about.spec.say(&mut conditions, about.since);
        for condition in &mut conditions {
            condition.observed_generation = about.generation;
        }
        let job = known.job.as_ref();
        HostProvisionStatus {
            observed_generation: about.generation,
            observed_request_id: job.map(|job| job.request.clone()),
            agent: Some(about.agent.clone()),
            last_heartbeat: None,
            step: job.filter(|job| job.result.is_none()).and_then(JobHistory::current_step).map(name),
            percent: job.map(percent),
            attempts: (known.jobs_begun > 0).then(|| i64::from(known.jobs_begun)),
            sequence: self.told.get(node).and_then(|told| i64::try_from(told.sequence).ok()),
            hardware: known.identity.as_ref().map(|identity| hardware(identity, job)),
            virtual_media: Some(job.and_then(medium).unwrap_or_else(no_medium)),
            jobs: job.map(bmc_jobs).unwrap_or_default(),
            steps: job.map(steps).unwrap_or_default(),
            conditions,
        }
    }
}

/// What the journal does not know of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The agent that writes.
    pub agent: String,
    /// The generation of the spec that was read.
    pub generation: Option<i64>,
    /// What is to be said of the spec.
    pub spec: Verdict,
    /// Since when that holds.
    pub since: Timestamp,
}

/// What is to be said of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It can be acted on.
    Valid,
    /// It waits for something that it names.
    Waiting(String),
    /// It cannot be acted on, and why.
    Invalid(String),
}

impl Verdict {
    fn say(&self, conditions: &mut Vec<Condition>, since: Timestamp) {
        let (status, reason, message) = match self {
            Self::Valid => ("True", "Completed", ""),
            Self::Waiting(what) => ("True", "Pending", what.as_str()),
            Self::Invalid(why) => ("False", "InvalidInput", why.as_str()),
        };
        set(conditions, Finding { kind: SPEC_VALID, status, reason, message: message.to_owned() }, since);
        let running = conditions.iter().any(|one| one.type_ == "Reconciling" && one.reason == "InProgress");
        let sums: &[(&'static str, &'static str)] = match self {
            // What is under way goes on with the spec that it began with.
            _ if running => &[],
            Self::Valid => &[],
            Self::Waiting(_) => &[("Ready", "False"), ("Reconciling", "True"), ("Stalled", "False")],
            Self::Invalid(_) => &[("Ready", "False"), ("Reconciling", "False"), ("Stalled", "True")],
        };
        for (kind, status) in sums {
            set(conditions, Finding { kind, status, reason, message: message.to_owned() }, since);
        }
    }
}

/// Sets a condition. Its time stays as long as its status does.
fn set(conditions: &mut Vec<Condition>, finding: Finding, at: Timestamp) {
    // Never empty: API servers before 1.21 take an empty text in an apply for nothing at all, and refuse it.
    let said = if finding.message.is_empty() { finding.reason.to_owned() } else { finding.message };
    let message = shortened(said);
    match conditions.iter_mut().find(|one| one.type_ == finding.kind) {
        Some(known) => {
            if known.status != finding.status {
                known.last_transition_time = Time(at);
            }
            known.status = finding.status.to_owned();
            known.reason = finding.reason.to_owned();
            known.message = message;
        }
        None => conditions.push(Condition {
            type_: finding.kind.to_owned(),
            status: finding.status.to_owned(),
            reason: finding.reason.to_owned(),
            message,
            last_transition_time: Time(at),
            observed_generation: None,
        }),
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > MESSAGE {
        let end = (0..=MESSAGE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// A step's name as an identifier.
pub(crate) fn name(step: StepId) -> String {
    match step {
        StepId::Connect => "Connect",
        StepId::Check => "Check",
        StepId::PowerOff => "PowerOff",
        StepId::Firmware => "Firmware",
        StepId::Bios => "BIOS",
        StepId::Storage => "Storage",
        StepId::Media => "Media",
        StepId::BootOnce => "BootOnce",
        StepId::PowerOn => "PowerOn",
        StepId::Follow => "Follow",
        StepId::Eject => "Eject",
        StepId::Settle => "Settle",
    }
    .to_owned()
}

fn percent(job: &JobHistory) -> i64 {
    let over =
        job.steps.values().filter(|step| matches!(step.ended, Some((how, _)) if how != StepResult::Failed));
    i64::try_from(over.count() * 100 / StepId::ALL.len()).unwrap_or(100)
}

fn steps(job: &JobHistory) -> Vec<Step> {
    let step = |(id, known): (&StepId, &rackhand_agent::history::StepHistory)| Step {
        name: name(*id),
        state: match known.ended {
            None => "Running",
            Some((StepResult::Done, _)) => "Done",
            Some((StepResult::AlreadySo, _)) => "AlreadySo",
            Some((StepResult::NotRequired, _)) => "NotRequired",
            Some((StepResult::Failed, _)) => "Failed",
        }
        .to_owned(),
        started_at: Some(Time(known.began)),
        finished_at: known.ended.map(|(_, at)| Time(at)),
        message: (!known.detail.is_empty()).then(|| shortened(known.detail.clone())),
    };
    job.steps.iter().map(step).collect()
}

fn hardware(identity: &Identity, job: Option<&JobHistory>) -> Hardware {
    let power = job.into_iter().flat_map(|job| &job.acts).filter(|act| act.is_done());
    let last = power
        .filter_map(|act| match act.act {
            Act::PowerOn { .. } => Some((act.intended_at, "On")),
            Act::PowerOff { .. } => Some((act.intended_at, "Off")),
            _ => None,
        })
        .max_by_key(|(at, _)| *at);
    Hardware {
        vendor: identity.manufacturer.clone().or_else(|| Some(identity.vendor.to_string())),
        model: identity.model.clone(),
        serial: identity.serial.clone(),
        bmc_version: identity.bmc_version.clone(),
        bios_version: identity.bios_version.clone(),
        power_state: last.map(|(_, state)| state.to_owned()),
    }
}

/// What stands for no medium.
fn no_medium() -> VirtualMedia {
    VirtualMedia { slot: "none".to_owned(), image: None, inserted: false }
}

fn medium(job: &JobHistory) -> Option<VirtualMedia> {
    let slot = job.acts.iter().rev().find_map(|known| match &known.act {
        Act::Insert { slot, .. } if known.is_done() => Some(slot),
        _ => None,
    })?;
    let ejected = job
        .acts
        .iter()
        .any(|known| matches!(&known.act, Act::Eject { slot: out, .. } if out == slot) && known.is_done());
    Some(VirtualMedia {
        slot: slot.to_string(),
        image: job.image.as_ref().map(|image| image.sha256.clone()),
        inserted: !ejected,
    })
}

/// The BMC's own jobs that carry our acts out, as far as their names are known.
fn bmc_jobs(job: &JobHistory) -> Vec<BmcJob> {
    let mut jobs: Vec<BmcJob> = Vec::new();
    for known in &job.acts {
        let Act::UpdateFirmware { update } = &known.act else { continue };
        let state = match &known.result {
            Some(ActResult::Failed { .. }) => "Failed",
            Some(_) if known.is_proven() => "Completed",
            _ => "Running",
        };
        if jobs.iter().all(|one| one.id != update.component) {
            jobs.push(BmcJob {
                id: update.component.clone(),
                kind: "FirmwareUpdate".to_owned(),
                state: state.to_owned(),
            });
        }
    }
    jobs
}
