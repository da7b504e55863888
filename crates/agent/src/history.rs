//! The journal folded into what is known of each node.
//!
//! Folding is pure and total: the same records give the same history, in this process and in the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rackhand_bmc::{Identity, Mark};
use serde::Serialize;

use crate::{
    cause::Cause,
    event::{
        Act, ActResult, Decision, Event, Evidence, FirmwareUpdate, JobId, JobResult, StepId, StepResult,
        Trigger,
    },
    journal::Record,
    ports::PreparedImage,
    wanted::BootWay,
};

/// Everything the journal knows, node by node.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct History {
    nodes: BTreeMap<String, NodeHistory>,
}

impl History {
    /// Folds records in order.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut history = Self::default();
        for record in records {
            history.apply(record);
        }
        history
    }

    /// Folds one more record.
    pub fn apply(&mut self, record: &Record) {
        if let Some(node) = &record.node {
            self.nodes.entry(node.clone()).or_default().apply(record);
        }
    }

    /// What is known of a node; `None` when the journal never spoke of it.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeHistory> {
        self.nodes.get(name)
    }

    /// Every node, in order of name.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &NodeHistory)> {
        self.nodes.iter().map(|(name, node)| (name.as_str(), node))
    }
}

/// What is known of one node.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NodeHistory {
    /// Who the machine was when last seen.
    pub identity: Option<Identity>,
    /// The installation that stands, if one does.
    pub installed: Option<Installed>,
    /// The newest job, running or over.
    pub job: Option<JobHistory>,
    /// Somebody's word that it may be installed, not yet used by a job.
    pub permission: Option<String>,
    /// Why a decision is waited for, since the last job or decision.
    pub needs_decision: Option<String>,
    /// The request of the spec when the host was first met on and without a record. It stays a host that may be live, also
    /// when it is seen off later, until somebody decides or asks with another request.
    pub met_live: Option<String>,
    /// Why its BMC was not reached when that was last tried without a job, or while its host installs.
    pub not_connected: Option<(Cause, String)>,
    /// When anything was last written about it.
    pub last_seen: Option<Timestamp>,
    /// Jobs begun so far.
    pub jobs_begun: u32,
}

/// An installation that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// The request that it stands for; `None` when that was not known when the node was adopted.
    pub request: Option<String>,
    /// Since when.
    pub at: Timestamp,
    /// How that is known.
    pub how: InstalledHow,
}

/// How it is known that a node is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum InstalledHow {
    /// The installed system said so.
    Observed,
    /// It booted the installer and nothing more could be seen.
    Booted,
    /// An operator said so.
    Adopted,
}

/// What is known of one job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobHistory {
    /// Its name.
    pub id: JobId,
    /// The request that it carries out.
    pub request: String,
    /// Why installing was allowed.
    pub trigger: Trigger,
    /// When it began.
    pub began: Timestamp,
    /// How it ended, if it did, and when.
    pub result: Option<(JobResult, Timestamp)>,
    /// The image that it boots.
    pub image: Option<ImageRecord>,
    /// Its acts in the order of their first intent. Acts that are equal serve one purpose and share one entry.
    /// A firmware update that an earlier job of the same request had sent, and that was not seen to end, goes first.
    pub acts: Vec<ActHistory>,
    /// Firmware updates that were proven in earlier jobs of the same request: each is done once for a request.
    pub updated: Vec<FirmwareUpdate>,
    /// Signs of the installation, in order.
    pub evidence: Vec<(Evidence, Timestamp)>,
    /// Its steps.
    pub steps: BTreeMap<StepId, StepHistory>,
    /// The last error that led to another try, with the step.
    pub last_error: Option<(StepId, String)>,
}

/// The image of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageRecord {
    /// Its address as the BMC must see it.
    pub url: String,
    /// Its digest.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether the digest was given and matched.
    pub verified: bool,
    /// How it is booted.
    #[serde(skip_serializing_if = "BootWay::is_virtual_media")]
    pub way: BootWay,
}

impl ImageRecord {
    /// Whether what is served now is the image that the job began with.
    #[must_use]
    pub fn is(&self, now: &PreparedImage) -> bool {
        (&self.url, &self.sha256) == (&now.url, &now.sha256)
    }
}

/// What is known of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepHistory {
    /// When it first began.
    pub began: Timestamp,
    /// How and when it ended, if it did.
    pub ended: Option<(StepResult, Timestamp)>,
    /// What was last said of it.
    pub detail: String,
}

/// What is known of one act.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActHistory {
    /// The act.
    pub act: Act,
    /// How often it was intended.
    pub intents: u32,
    /// When it was last intended.
    pub intended_at: Timestamp,
    /// How long a request of it can be under way after that, in milliseconds.
    pub in_flight_ms: u64,
    /// What became of the last intent; `None` when nothing was written: the process was killed in between.
    pub result: Option<ActResult>,
    /// How many signs had been seen when it was first intended. Their order tells what came after it; their dates do not, since
    /// clocks are set.
    #[serde(skip)]
    pub signs_before: usize,
    /// The last mark of the last intent: it still tells what to look for when a later outcome has none.
    pub mark: Option<Mark>,
}

impl ActHistory {
    /// Whether it is known to be done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.result, Some(ActResult::Done { .. } | ActResult::AlreadySo | ActResult::FoundDone))
    }

    /// The mark that its outcome recorded, for verification.
    #[must_use]
    pub fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }

    /// Whether it was sent and is not known to have come to nothing: done, or to be seen after a boot.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.is_done() || self.result == Some(ActResult::Undecidable)
    }

    /// Whether it is done and nothing more has to be seen of it. An accepted firmware update has a mark until it is proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.is_done() && !matches!(self.result, Some(ActResult::Done { mark: Some(_) }))
    }
}

impl JobHistory {
    /// What is known of an act.
    #[must_use]
    pub fn act(&self, act: &Act) -> Option<&ActHistory> {
        self.acts.iter().find(|known| known.act == *act)
    }

    /// Whether an act is known to be done.
    #[must_use]
    pub fn done(&self, act: &Act) -> bool {
        self.act(act).is_some_and(ActHistory::is_done)
    }

    /// The act whose intent has no outcome. There is at most one: one writer acts at a time.
    #[must_use]
    pub fn open_act(&self) -> Option<&ActHistory> {
        self.acts.iter().find(|known| known.result.is_none())
    }

    /// Whether this evidence was seen.
    #[must_use]
    pub fn saw(&self, evidence: &Evidence) -> bool {
        self.evidence.iter().any(|(seen, _)| seen == evidence)
    }

    /// Whether the installer called back with a stage, without regard to case.
    #[must_use]
    pub fn called_back(&self, stage: &str) -> bool {
        self.evidence.iter().any(
            |(seen, _)| matches!(seen, Evidence::CalledBack { stage: s } if s.eq_ignore_ascii_case(stage)),
        )
    }

    /// The last step that began and did not end.
    #[must_use]
    pub fn current_step(&self) -> Option<StepId> {
        self.steps.iter().filter(|(_, step)| step.ended.is_none()).map(|(id, _)| *id).next_back()
    }

    /// The step that failed, with what was seen.
    #[must_use]
    pub fn failed_step(&self) -> Option<(StepId, String)> {
        let failed = self.steps.iter().find(|(_, step)| matches!(step.ended, Some((StepResult::Failed, _))));
        failed.map(|(id, step)| (*id, step.detail.clone()))
    }

    /// What the next job of the same request has to know of this one's firmware updates: those that are proven, and what
    /// was sent and may still be at work.
    fn firmware(self) -> (Vec<FirmwareUpdate>, Vec<ActHistory>) {
        let mut updated = self.updated;
        let mut at_work = Vec::new();
        for known in self.acts {
            match &known.act {
                Act::UpdateFirmware { update } if known.is_proven() => updated.push(update.clone()),
                Act::UpdateFirmware { .. } if known.is_sent() => at_work.push(known),
                _ => {}
            }
        }
        (updated, at_work)
    }

    fn apply(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::ImagePrepared { url, sha256, bytes, verified, way, .. } => {
                self.image = Some(ImageRecord {
                    url: url.clone(),
                    sha256: sha256.clone(),
                    bytes: *bytes,
                    verified: *verified,
                    way: *way,
                });
            }
            Event::StepStarted { step, detail, .. } => {
                let entry = self.steps.entry(*step).or_insert(StepHistory {
                    began: at,
                    ended: None,
                    detail: String::new(),
                });
                entry.ended = None;
                entry.detail.clone_from(detail);
            }
            Event::StepFinished { step, result, detail, .. } => {
                let entry = self.steps.entry(*step).or_insert(StepHistory {
                    began: at,
                    ended: None,
                    detail: String::new(),
                });
                entry.ended = Some((*result, at));
                entry.detail.clone_from(detail);
            }
            Event::StepRetried { step, error, .. } => self.last_error = Some((*step, error.clone())),
            Event::Intent { act, in_flight_ms, .. } => self.intend(act, at, *in_flight_ms),
            Event::Outcome { act, result, .. } => {
                if let Some(known) = self.acts.iter_mut().find(|known| known.act == *act) {
                    known.result = Some(result.clone());
                    if let ActResult::Done { mark: Some(mark) } = result {
                        known.mark = Some(mark.clone());
                    }
                }
            }
            Event::Sighted { evidence, .. } if !self.saw(evidence) => {
                self.evidence.push((evidence.clone(), at))
            }
            Event::JobFinished { result, .. } => self.result = Some((result.clone(), at)),
            _ => {}
        }
    }

    fn intend(&mut self, act: &Act, at: Timestamp, in_flight_ms: u64) {
        if let Some(known) = self.acts.iter_mut().find(|known| known.act == *act) {
            known.intents += 1;
            known.intended_at = at;
            known.in_flight_ms = in_flight_ms;
            known.result = None;
            known.mark = None;
        } else {
            self.acts.push(ActHistory {
                act: act.clone(),
                intents: 1,
                intended_at: at,
                in_flight_ms,
                result: None,
                signs_before: self.evidence.len(),
                mark: None,
            });
        }
    }
}

impl NodeHistory {
    /// The job that is under way: begun, and not over.
    #[must_use]
    pub fn running_job(&self) -> Option<&JobHistory> {
        self.job.as_ref().filter(|job| job.result.is_none())
    }

    fn apply(&mut self, record: &Record) {
        let at = record.at;
        self.last_seen = Some(at);
        match &record.event {
            Event::Identified { identity } => {
                self.identity = Some((**identity).clone());
                self.not_connected = None;
            }
            Event::AnswersAgain => self.not_connected = None,
            Event::NotConnected { error, cause } => self.not_connected = Some((*cause, error.clone())),
            Event::NeedsDecision { reason, request } => {
                self.needs_decision = Some(reason.clone());
                if self.met_live.is_none() {
                    self.met_live.clone_from(request);
                }
            }
            Event::Decided { decision, by, request } => self.decide(*decision, by, request.as_ref(), at),
            Event::JobStarted { job, request, trigger, .. } => self.begin(job, request, trigger, at),
            event => {
                if let Some(job) = &mut self.job {
                    job.apply(at, event);
                }
                if let Event::JobFinished { result, .. } = event {
                    self.finish(result, at);
                }
            }
        }
    }

    fn decide(&mut self, decision: Decision, by: &str, request: Option<&String>, at: Timestamp) {
        match decision {
            Decision::Install => {
                self.permission = Some(by.to_owned());
                self.needs_decision = None;
            }
            Decision::Adopt => {
                self.installed =
                    Some(Installed { request: request.cloned(), at, how: InstalledHow::Adopted });
                self.permission = None;
                self.needs_decision = None;
                self.met_live = None;
            }
            Decision::Cancel => self.permission = None,
        }
    }

    fn begin(&mut self, id: &JobId, request: &str, trigger: &Trigger, at: Timestamp) {
        self.jobs_begun += 1;
        self.permission = None;
        self.needs_decision = None;
        self.met_live = None;
        let before = self.job.take().filter(|before| before.request == request);
        let (updated, acts) = before.map(JobHistory::firmware).unwrap_or_default();
        self.job = Some(JobHistory {
            id: id.clone(),
            request: request.to_owned(),
            trigger: trigger.clone(),
            began: at,
            result: None,
            image: None,
            acts,
            updated,
            evidence: Vec::new(),
            steps: BTreeMap::new(),
            last_error: None,
        });
    }

    fn finish(&mut self, result: &JobResult, at: Timestamp) {
        let how = match result {
            JobResult::Installed => InstalledHow::Observed,
            JobResult::BootedNotObservable { .. } => InstalledHow::Booted,
            JobResult::Failed { installing, .. } | JobResult::Cancelled { installing, .. } => {
                if *installing {
                    self.installed = None;
                }
                return;
            }
        };
        let request = self.job.as_ref().map(|job| job.request.clone());
        self.installed = Some(Installed { request, at, how });
    }
}
