//! BIOS settings travel in jobs: the job is the mark, tells of failure, and is what stands in the way of discarding.

use std::sync::Arc;

use rackhand_bmc::{
    AttributeVerdict, Attributes, Bios, BiosPlan, BiosRegistry, BiosStage, BiosState, BiosVerdict, ErrorKind,
    Fut, JobRef, JobState, Jobs, Mark, Outcome, PendingSettings, Result,
};
use rackhand_redfish::{Host, standard::StandardJobs};
use serde_json::json;

/// The `JobType` of a job that carries BIOS settings (DS).
const BIOS_JOB: &str = "BIOSConfiguration";

/// BIOS settings with their jobs.
pub(crate) fn with_jobs(host: &Arc<Host>, standard: Arc<dyn Bios>) -> Arc<dyn Bios> {
    Arc::new(JobBios { host: Arc::clone(host), standard, jobs: StandardJobs::new(host) })
}

struct JobBios {
    host: Arc<Host>,
    standard: Arc<dyn Bios>,
    jobs: StandardJobs,
}

impl JobBios {
    /// `@Redfish.Settings` has neither ETag nor Time here (R750 6.00 and 7.10), so the job is what can be told apart later.
    async fn write(&self, stage: &BiosStage) -> Result<Outcome> {
        Ok(match self.standard.stage(stage).await? {
            Outcome::Pending(mut pending) => {
                if let Some(job) = pending.job.as_ref().filter(|_| pending.mark.0.is_empty()) {
                    pending.mark = mark_of(job);
                }
                Outcome::Pending(pending)
            }
            outcome => outcome,
        })
    }

    /// What is not in force is rejected once its job has failed. A job that is gone says nothing: firmware before 5.00
    /// deletes tasks a minute after their end (ironic).
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

    /// Staged values cannot be taken back while a job holds them: the job goes first (LRF), then what is only staged.
    async fn drop_pending(&self) -> Result<Outcome> {
        let mut last = None;
        for job in self.jobs.unfinished().await?.iter().filter(|job| job.kind == BIOS_JOB) {
            if job.state == JobState::Running {
                let why = format!("job {} applies BIOS settings now; it can no longer be stopped", job.job);
                return Err(self.host.client.error(ErrorKind::Conflict, why));
            }
            last = Some(self.host.client.delete(&job.job.uri).await?.outcome());
        }
        if let Some(unknown @ Outcome::Unknown { .. }) = last {
            return Ok(unknown);
        }
        if self.standard.state().await?.pending == PendingSettings::None {
            return Ok(last.unwrap_or(Outcome::Unchanged));
        }
        let clear = self.clear_target().await?;
        Ok(self.host.client.post(&clear, json!({})).await?.outcome())
    }

    /// `DellManager.ClearPending` stands beside the pending settings (R750 6.00).
    async fn clear_target(&self) -> Result<String> {
        let lacks = || self.host.lacks("DellManager.ClearPending for its BIOS settings");
        let bios = self.host.client.get(self.host.machine.system.link("Bios").ok_or_else(lacks)?).await?;
        let settings = self.host.dialect.bios_settings_uri(&bios).ok_or_else(lacks)?;
        let settings = self.host.client.get(&settings).await?;
        let action = settings.action("DellManager.ClearPending");
        action.and_then(|action| action.str("target")).map(str::to_owned).ok_or_else(lacks)
    }
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
        self.standard.reset_defaults()
    }

    fn discard(&self) -> Fut<'_, Outcome> {
        Box::pin(self.drop_pending())
    }

    fn verify<'a>(&'a self, stage: &'a BiosStage, mark: Option<&'a Mark>) -> Fut<'a, BiosVerdict> {
        Box::pin(self.judge(stage, mark))
    }
}
