//! BIOS settings travel in jobs: the job is the mark, tells of failure, and is what stands in the way of staging more
//! and of discarding.

use std::sync::Arc;

use rackhand_bmc::{
    AttributeVerdict, Attributes, Bios, BiosPlan, BiosRegistry, BiosStage, BiosState, BiosVerdict, Error,
    ErrorKind, Fut, Job, JobRef, JobState, Jobs, Mark, Outcome, Pending, PendingSettings, Result,
};
use rackhand_redfish::standard::StandardBios;
use serde_json::json;

use crate::{
    dialect::as_kind,
    jobs::{self, DellJobs},
    quirks::{self, Dell},
};

/// The `JobType` of a job that carries BIOS settings (DS).
const BIOS_JOB: &str = "BIOSConfiguration";

/// BIOS settings with their jobs.
pub(crate) fn bios(dell: &Dell, standard: Arc<dyn Bios>) -> Arc<dyn Bios> {
    Arc::new(JobBios::new(dell, standard))
}

/// The same for other facets that write BIOS settings.
pub(crate) fn own(dell: &Dell) -> JobBios {
    JobBios::new(dell, Arc::new(StandardBios::new(dell.host())))
}

pub(crate) struct JobBios {
    dell: Dell,
    standard: Arc<dyn Bios>,
    jobs: DellJobs,
}

impl JobBios {
    fn new(dell: &Dell, standard: Arc<dyn Bios>) -> Self {
        Self { dell: dell.clone(), standard, jobs: jobs::own(dell) }
    }

    pub(crate) async fn write(&self, stage: &BiosStage) -> Result<Outcome> {
        match self.standard.stage(stage).await {
            Err(error) if *error.kind() == ErrorKind::Conflict && self.dell.on(quirks::BIOS_QUEUED) => {
                self.write_beside(stage, error).await
            }
            outcome => Ok(self.marked(outcome?)),
        }
    }

    /// The job is what can be told apart later.
    fn marked(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Pending(mut pending) if self.dell.on(quirks::BIOS_MARK) => {
                if let Some(job) = pending.job.as_ref().filter(|_| pending.mark.0.is_empty()) {
                    pending.mark = mark_of(job);
                }
                Outcome::Pending(pending)
            }
            outcome => outcome,
        }
    }

    /// Somebody's BIOS job waits already. Ours and theirs are staged together by one job in its place; what they wanted
    /// is put back when that is refused.
    async fn write_beside(&self, stage: &BiosStage, refusal: Error) -> Result<Outcome> {
        let queued = self.queued().await?;
        let at_work = queued.iter().find(|job| job.state == JobState::Running);
        if let Some(job) = at_work {
            let why = format!(
                "job {} applies BIOS settings now; further ones can be staged once it has ended",
                job.job
            );
            return Err(as_kind(&refusal, ErrorKind::Conflict, &why));
        }
        let theirs = match self.standard.state().await?.pending {
            PendingSettings::Values(values) => values,
            PendingSettings::None | PendingSettings::NotVisible => Attributes::new(),
        };
        if theirs.is_empty() {
            return Err(match queued.first() {
                Some(job) => {
                    let why = format!(
                        "job {} carries what BIOS attributes do not show, such as a boot order; it is not dropped",
                        job.job
                    );
                    as_kind(&refusal, ErrorKind::Conflict, &why)
                }
                None => refusal,
            });
        }
        let staged_already = stage
            .attributes
            .iter()
            .all(|(name, value)| theirs.get(name).is_some_and(|their| their.same_as(value)));
        if let Some(job) = queued.first().filter(|_| staged_already) {
            return Ok(self.marked(pending(theirs, Some(job.job.clone()))));
        }
        let kept: Vec<&str> =
            theirs.keys().filter(|name| !stage.attributes.contains_key(*name)).map(String::as_str).collect();
        tracing::warn!(
            bmc = self.dell.client.bmc(),
            jobs = %names(&queued),
            kept = %kept.join(", "),
            "BIOS settings are queued already: their job is dropped, and they are staged anew with ours"
        );
        if let unknown @ Outcome::Unknown { .. } = self.drop_pending().await? {
            return Ok(unknown);
        }
        let mut union = theirs.clone();
        union.extend(stage.attributes.clone());
        let both = BiosStage { attributes: union, reason: stage.reason.clone() };
        match self.standard.stage(&both).await {
            Err(error) => Err(self.put_back(theirs, error).await),
            outcome => Ok(self.marked(outcome?)),
        }
    }

    async fn put_back(&self, theirs: Attributes, refusal: Error) -> Error {
        let names = theirs.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let kind = refusal.kind().clone();
        let stage = BiosStage { attributes: theirs, reason: "staged before".to_owned() };
        match self.standard.stage(&stage).await {
            Ok(Outcome::Unknown { .. }) | Err(_) => {
                as_kind(&refusal, kind, &format!("the settings that were staged before are lost: {names}"))
            }
            Ok(_) => as_kind(
                &refusal,
                kind,
                &format!("the settings that were staged before are staged again: {names}"),
            ),
        }
    }

    /// The BIOS jobs that are not over, and those that are stuck.
    async fn queued(&self) -> Result<Vec<Job>> {
        self.jobs.holding(BIOS_JOB).await
    }

    /// What is not in force is rejected once its job has failed. A job that is gone says nothing.
    async fn judge(&self, stage: &BiosStage, mark: Option<&Mark>) -> Result<BiosVerdict> {
        let mut verdict = self.standard.verify(stage, mark).await?;
        let open = |verdict: &AttributeVerdict| *verdict == AttributeVerdict::NotYet;
        let Some(job) = mark.and_then(job_of).filter(|_| verdict.attributes.values().any(open)) else {
            return Ok(verdict);
        };
        let job = self.jobs.job(&job).await?;
        if job.state == JobState::Failed {
            let said = job.message.as_deref().unwrap_or("it does not say why");
            for fate in verdict.attributes.values_mut().filter(|fate| open(fate)) {
                *fate = AttributeVerdict::Rejected { reason: format!("job {} failed: {said}", job.job) };
            }
        }
        Ok(verdict)
    }

    async fn drop_pending(&self) -> Result<Outcome> {
        if !self.dell.on(quirks::BIOS_DISCARD) {
            return self.standard.discard().await;
        }
        let mut last = None;
        for job in self.queued().await? {
            if job.state == JobState::Running {
                let why = format!("job {} applies BIOS settings now; it can no longer be stopped", job.job);
                return Err(self.dell.client.error(ErrorKind::Conflict, why));
            }
            match self.jobs.delete(&job.job).await? {
                unknown @ Outcome::Unknown { .. } => return Ok(unknown),
                outcome => last = Some(outcome),
            }
        }
        if self.standard.state().await?.pending == PendingSettings::None {
            return Ok(last.unwrap_or(Outcome::Unchanged));
        }
        let clear = self.clear_target().await?;
        Ok(self.dell.client.post(&clear, json!({})).await?.outcome())
    }

    /// `DellManager.ClearPending` stands beside the pending settings (R750 6.00).
    async fn clear_target(&self) -> Result<String> {
        let lacks = || self.dell.lacks("DellManager.ClearPending for its BIOS settings");
        let bios = self.dell.client.get(self.dell.machine.system.link("Bios").ok_or_else(lacks)?).await?;
        let settings = self.dell.dialect.bios_settings_uri(&bios).ok_or_else(lacks)?;
        let settings = self.dell.client.get(&settings).await?;
        let action = settings.action("DellManager.ClearPending");
        action.and_then(|action| action.str("target")).map(str::to_owned).ok_or_else(lacks)
    }

    async fn restore_defaults(&self) -> Result<Outcome> {
        if self.dell.on(quirks::BIOS_RESET) {
            let staged = self.standard.state().await?.pending != PendingSettings::None;
            let queued = self.queued().await?;
            if staged || !queued.is_empty() {
                let why = if queued.is_empty() {
                    "BIOS settings are staged; apply or discard them before all are reset".to_owned()
                } else {
                    format!(
                        "BIOS settings wait in {}; apply or discard them before all are reset",
                        names(&queued)
                    )
                };
                return Err(self.dell.client.error(ErrorKind::Conflict, why));
            }
        }
        self.standard.reset_defaults().await
    }
}

fn pending(desired: Attributes, job: Option<JobRef>) -> Outcome {
    Outcome::Pending(Pending { needs_reset: true, desired, mark: Mark::default(), job, can_discard: true })
}

fn names(jobs: &[Job]) -> String {
    jobs.iter().map(|job| job.job.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn mark_of(job: &JobRef) -> Mark {
    Mark(json!({"job": job}).to_string())
}

fn job_of(mark: &Mark) -> Option<JobRef> {
    let mut mark: serde_json::Value = serde_json::from_str(&mark.0).ok()?;
    serde_json::from_value(mark.get_mut("job")?.take()).ok()
}

impl Bios for JobBios {
    fn state(&self) -> Fut<'_, BiosState> {
        self.standard.state()
    }

    fn registry(&self) -> Fut<'_, Option<BiosRegistry>> {
        self.standard.registry()
    }

    fn plan<'a>(&'a self, desired: &'a Attributes) -> Fut<'a, BiosPlan> {
        self.standard.plan(desired)
    }

    fn stage<'a>(&'a self, stage: &'a BiosStage) -> Fut<'a, Outcome> {
        Box::pin(self.write(stage))
    }

    fn reset_defaults(&self) -> Fut<'_, Outcome> {
        Box::pin(self.restore_defaults())
    }

    fn discard(&self) -> Fut<'_, Outcome> {
        Box::pin(self.drop_pending())
    }

    fn verify<'a>(&'a self, stage: &'a BiosStage, mark: Option<&'a Mark>) -> Fut<'a, BiosVerdict> {
        Box::pin(self.judge(stage, mark))
    }
}
