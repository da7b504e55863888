//! What a node's history means as conditions.
//!
//! Three sum up, as kstatus reads them: Ready, Reconciling, Stalled. The others are milestones; each is true once it was
//! reached in the newest installation. A reason is one word of a fixed list; the message is the sentence for people.

use rackhand_agent::{
    cause::Cause,
    event::{Event, Evidence, JobResult, StepId, StepResult},
    history::{InstalledHow, JobHistory, NodeHistory},
};

/// A condition without its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// The condition that the spec is sound. It alone does not come from the journal.
pub(crate) const SPEC_VALID: &str = "SpecValid";

/// The milestones that stand for a step each, in order.
const STEPS: [(&str, StepId); 7] = [
    ("Inventoried", StepId::Check),
    ("FirmwareUpdated", StepId::Firmware),
    ("FirmwareSettingsApplied", StepId::Bios),
    ("RAIDConfigured", StepId::Storage),
    ("MediaInserted", StepId::Media),
    ("BootInitiated", StepId::PowerOn),
    ("MediaEjected", StepId::Eject),
];

fn finding(kind: &'static str, status: &'static str, reason: &'static str, message: &str) -> Finding {
    Finding { kind, status, reason, message: message.to_owned() }
}

/// Every condition that the history decides, in order.
pub(crate) fn conditions(node: &NodeHistory) -> Vec<Finding> {
    let mut all = summary(node);
    all.extend(connection(node));
    if let Some(job) = &node.job {
        all.extend(STEPS.iter().map(|(kind, step)| milestone(kind, *step, job)));
        all.push(registered(job));
    }
    all.push(installed(node));
    all
}

fn summary(node: &NodeHistory) -> Vec<Finding> {
    let [ready, reconciling, stalled] = if let Some(job) = node.running_job() {
        let (reason, message) = match &job.last_error {
            Some((step, error)) if job.current_step() == Some(*step) => ("InProgress", error.clone()),
            _ => ("InProgress", now(job)),
        };
        [
            ("False", reason, message.clone()),
            ("True", reason, message),
            ("False", "InProgress", String::new()),
        ]
    } else if let Some(reason) = &node.needs_decision {
        let why = ("False", "NeedsDecision", reason.clone());
        [why.clone(), ("False", "NeedsDecision", String::new()), ("True", "NeedsDecision", reason.clone())]
    } else if let Some(JobResult::Failed { step, error, advice, cause, .. }) = ended_badly(node) {
        let reason = reason(*cause, *step, error);
        let message = format!("{error}. {advice}");
        [("False", reason, message.clone()), ("False", reason, String::new()), ("True", reason, message)]
    } else if let Some(JobResult::Cancelled { state, .. }) = ended_badly(node) {
        let message = format!("cancelled: {state}");
        [
            ("False", "Cancelled", message.clone()),
            ("False", "Cancelled", String::new()),
            ("True", "Cancelled", message),
        ]
    } else if let Some(standing) = &node.installed {
        let ready = match standing.how {
            InstalledHow::Observed => ("True", "Completed", "installed".to_owned()),
            InstalledHow::Adopted => ("True", "Completed", "adopted as installed".to_owned()),
            InstalledHow::Booted => ("Unknown", "HostNotSeenOnHub", not_seen(node)),
        };
        [ready, ("False", "Completed", String::new()), ("False", "Completed", String::new())]
    } else if let Some((cause, error)) = &node.not_connected {
        let reason = reason(Some(*cause), StepId::Connect, error);
        [("False", reason, error.clone()), ("False", reason, String::new()), ("True", reason, error.clone())]
    } else {
        let message = "nothing was done yet".to_owned();
        [
            ("False", "Pending", message.clone()),
            ("True", "Pending", message),
            ("False", "Pending", String::new()),
        ]
    };
    [("Ready", ready), ("Reconciling", reconciling), ("Stalled", stalled)]
        .into_iter()
        .map(|(kind, (status, reason, message))| Finding { kind, status, reason, message })
        .collect()
}

fn not_seen(node: &NodeHistory) -> String {
    match node.job.as_ref().and_then(|job| job.result.as_ref()) {
        Some((JobResult::BootedNotObservable { seen }, _)) => {
            format!("booted, and the installation is not observable: {seen}")
        }
        _ => "booted, and the installation is not observable".to_owned(),
    }
}

/// How the newest job ended, if it ended badly.
fn ended_badly(node: &NodeHistory) -> Option<&JobResult> {
    let (result, _) = node.job.as_ref()?.result.as_ref()?;
    matches!(result, JobResult::Failed { .. } | JobResult::Cancelled { .. }).then_some(result)
}

/// What is under way.
fn now(job: &JobHistory) -> String {
    match job.current_step().and_then(|step| Some((step, job.steps.get(&step)?))) {
        Some((step, known)) => format!("{step}: {}", known.detail),
        None => "under way".to_owned(),
    }
}

/// Whether the BMC was reached and let us in.
fn connection(node: &NodeHistory) -> Vec<Finding> {
    let (reached, let_in) = ("BMCReachable", "CredentialsValid");
    match (&node.not_connected, &node.identity) {
        (Some((cause, error)), _) => {
            let reason = reason(Some(*cause), StepId::Connect, error);
            match cause {
                Cause::Credentials | Cause::Locked => vec![
                    finding(reached, "True", "Completed", "it answers"),
                    finding(let_in, "False", reason, error),
                ],
                _ => vec![
                    finding(reached, "False", reason, error),
                    finding(let_in, "Unknown", "Unknown", "the BMC was not reached"),
                ],
            }
        }
        (None, Some(identity)) => {
            let message = format!("{} answers", identity.generation);
            vec![finding(reached, "True", "Completed", &message), finding(let_in, "True", "Completed", "")]
        }
        (None, None) => vec![
            finding(reached, "Unknown", "Pending", "not tried yet"),
            finding(let_in, "Unknown", "Pending", "not tried yet"),
        ],
    }
}

fn milestone(kind: &'static str, step: StepId, job: &JobHistory) -> Finding {
    let Some(known) = job.steps.get(&step) else {
        return match &job.result {
            None => finding(kind, "False", "Pending", ""),
            Some(_) => finding(kind, "False", "NotRequired", "the installation ended before it"),
        };
    };
    let (status, reason) = match known.ended {
        None => ("False", "InProgress"),
        Some((StepResult::Done | StepResult::AlreadySo, _)) => ("True", "Completed"),
        Some((StepResult::NotRequired, _)) => ("True", "NotRequired"),
        Some((StepResult::Failed, _)) => ("False", failure(job, step)),
    };
    finding(kind, status, reason, &known.detail)
}

/// Why a step failed.
fn failure(job: &JobHistory, step: StepId) -> &'static str {
    match &job.result {
        Some((JobResult::Failed { step: failed, error, cause, .. }, _)) if *failed == step => {
            reason(*cause, step, error)
        }
        _ => "Failed",
    }
}

/// Whether the installer spoke to the hub, or to us.
fn registered(job: &JobHistory) -> Finding {
    let called = job.evidence.iter().find_map(|(seen, _)| match seen {
        Evidence::CalledBack { stage } => Some(stage),
        _ => None,
    });
    match (called, &job.result) {
        (Some(stage), _) => {
            finding("AgentRegistered", "True", "Completed", &format!("first seen in stage {stage}"))
        }
        (None, None) => finding("AgentRegistered", "False", "Pending", ""),
        (None, Some(_)) => {
            finding("AgentRegistered", "False", "HostNotSeenOnHub", "no stage of the installation was seen")
        }
    }
}

fn installed(node: &NodeHistory) -> Finding {
    let kind = "Installed";
    if node.running_job().is_some() {
        return finding(kind, "False", "InProgress", "");
    }
    match node.installed.as_ref().map(|standing| standing.how) {
        Some(InstalledHow::Observed) => finding(kind, "True", "Completed", "the installed system said so"),
        Some(InstalledHow::Adopted) => finding(kind, "True", "Completed", "an operator said so"),
        Some(InstalledHow::Booted) => finding(kind, "Unknown", "HostNotSeenOnHub", &not_seen(node)),
        None => match ended_badly(node) {
            Some(JobResult::Failed { step, error, cause, .. }) => {
                finding(kind, "False", reason(*cause, *step, error), error)
            }
            _ => finding(kind, "False", "Pending", ""),
        },
    }
}

/// The reason for a failure: by its cause, and where a BMC's answer was not the reason, by the step.
pub(crate) fn reason(cause: Option<Cause>, step: StepId, error: &str) -> &'static str {
    // The engine's own words for an image that nobody read: the commonest trouble of all, whatever step it shows in.
    if error.contains("0 bytes were read by") {
        return "ISOUnreachableFromBMC";
    }
    match (cause, step) {
        (Some(Cause::Unreachable), _) => "ConnectionRefused",
        (Some(Cause::Untrusted), _) => "TLSUntrusted",
        (Some(Cause::Credentials), _) => "AuthFailed",
        (Some(Cause::Locked), _) => "AccountLocked",
        (Some(Cause::Busy), StepId::Bios | StepId::Firmware | StepId::Storage) => "JobQueueStuck",
        (Some(Cause::Busy), _) => "BMCBusy",
        (Some(Cause::InPost), _) => "PostInProgress",
        (Some(Cause::Licence), _) => "LicenseMissing",
        (Some(Cause::RejectedValue), _) => "AttributeRejected",
        (Some(Cause::NotObserved), StepId::BootOnce) => "BootOverrideIgnored",
        (Some(Cause::NotObserved), StepId::Follow) | (None, StepId::Follow) => "HostNotSeenOnHub",
        (Some(Cause::NotObserved), _) => "TimedOut",
        (Some(Cause::Unsupported), StepId::Media) => "NoUsableMediaSlot",
        (None, StepId::Check) => "InvalidInput",
        _ => "Failed",
    }
}

/// Whether an event can change a condition or a step: only then is the status written at once.
pub(crate) fn is_transition(event: &Event) -> bool {
    !matches!(
        event,
        Event::AgentStarted { .. } | Event::StepRetried { .. } | Event::Intent { .. } | Event::Unknown
    )
}
