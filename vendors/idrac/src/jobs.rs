//! Jobs in Dell's own words, tasks that are gone before their job is, and the queue as a whole.

use std::sync::Arc;

use http::StatusCode;
use rackhand_bmc::{ErrorKind, Fut, Job, JobRef, JobState, Jobs, Outcome, Quirks, Result};
use rackhand_redfish::{Document, last_segment, same_resource, standard::StandardJobs};
use serde_json::json;

use crate::quirks::{self, Dell};

/// The id that stands for every job that can be dropped without harm.
const EVERY_JOB: &str = "JID_CLEARALL";
/// The id that stands for every job whatever it does. The lifecycle controller restarts for it.
const EVERY_JOB_BY_FORCE: &str = "JID_CLEARALL_FORCE";

/// Where a job is, as Dell writes it.
pub(crate) fn state(job: &Document, quirks: &Quirks) -> Option<JobState> {
    let state = word(job)?;
    if is_stuck(job) && quirks.cures(quirks::JOB_STUCK) {
        return Some(JobState::Failed);
    }
    if !quirks.cures(quirks::JOB_STATES) {
        return None;
    }
    Some(match state {
        "New" | "Scheduling" | "Scheduled" | "ReadyForExecution" | "RebootPending" | "PendingActivation"
        | "UserIntervention" => JobState::Scheduled,
        "Downloading" | "Downloaded" | "Running" | "Starting" | "Waiting" | "Paused" => JobState::Running,
        "Completed" | "RebootCompleted" => JobState::Completed,
        "CompletedWithErrors" | "Failed" | "RebootFailed" => JobState::Failed,
        // `Unknown`, and what later firmware may bring: the standard words decide.
        _ => return None,
    })
}

/// Dell's word, on the job itself or inside a task.
fn word(job: &Document) -> Option<&str> {
    job.str("JobState").or_else(|| job.str("Oem/Dell/JobState"))
}

/// Whether a job has not begun and never will.
fn is_stuck(job: &Document) -> bool {
    let text = |name: &str| job.str(name).or_else(|| job.str(&format!("Oem/Dell/{name}")));
    let waits = matches!(word(job), Some("New" | "Scheduling" | "Scheduled"));
    let id = text("MessageId").map(|id| id.rsplit('.').next().unwrap_or(id));
    waits && (id == Some("PR30") || text("Message") == Some("Job processing initialization failure."))
}

/// The facet.
pub(crate) fn jobs(dell: &Dell, standard: Arc<dyn Jobs>) -> Arc<dyn Jobs> {
    Arc::new(DellJobs { dell: dell.clone(), standard, reader: StandardJobs::new(dell.host()) })
}

/// The same for other facets whose work travels in jobs.
pub(crate) fn own(dell: &Dell) -> DellJobs {
    let reader = || StandardJobs::new(dell.host());
    DellJobs { dell: dell.clone(), standard: Arc::new(reader()), reader: reader() }
}

pub(crate) struct DellJobs {
    dell: Dell,
    standard: Arc<dyn Jobs>,
    reader: StandardJobs,
}

impl DellJobs {
    /// A task that is gone is looked for once more as the job that it was the task of.
    async fn one(&self, job: &JobRef) -> Result<Job> {
        let seen = self.standard.job(job).await?;
        if seen.state != JobState::Gone || !self.dell.on(quirks::TASK_GONE) {
            return Ok(seen);
        }
        let Some(queue) = self.dell.dialect.jobs_uri(&self.dell.machine) else { return Ok(seen) };
        let id = [job.id.as_str(), last_segment(&job.uri)].into_iter().find(|id| id.starts_with("JID_"));
        let Some(id) = id else { return Ok(seen) };
        let uri = format!("{queue}/{id}");
        if same_resource(&uri, &job.uri) {
            return Ok(seen);
        }
        let left = self.standard.job(&JobRef { uri, id: id.to_owned() }).await?;
        // The caller knows the job by the name that it was given.
        Ok(Job { job: job.clone(), ..left })
    }

    /// What is in the queue and would have to go: all that is not over, and what is stuck.
    async fn in_the_way(&self) -> Result<Vec<(Job, bool)>> {
        let Some(queue) = self.dell.dialect.jobs_uri(&self.dell.machine) else { return Ok(Vec::new()) };
        let found = match self.dell.client.collection(&queue).await {
            Err(error) if *error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            found => found?,
        };
        let look = |document: &Document| {
            let reference = JobRef { uri: document.uri().to_owned(), id: document.id().to_owned() };
            (self.reader.view(reference, StatusCode::OK, document), is_stuck(document))
        };
        let all = found.documents.iter().map(look);
        Ok(all.filter(|(job, stuck)| *stuck || !job.state.is_over()).collect())
    }

    /// The jobs of one kind that hold what they carry: all that are not over, and those that never will begin. A stuck job
    /// has failed for whoever waits for it, and still stands in the way of the next.
    pub(crate) async fn holding(&self, kind: &str) -> Result<Vec<Job>> {
        let waiting = self.in_the_way().await?;
        Ok(waiting.into_iter().map(|(job, _)| job).filter(|job| job.kind == kind).collect())
    }

    async fn clear(&self) -> Result<Outcome> {
        let waiting = self.in_the_way().await?;
        if waiting.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let Some(target) = self.queue_target().await? else { return self.delete_each(&waiting).await };
        let bmc = self.dell.client.bmc();
        tracing::warn!(bmc, jobs = %names(&waiting), "clears the job queue");
        match self.dell.client.post(&target, json!({"JobID": EVERY_JOB})).await {
            Ok(sent) => {
                if let unknown @ Outcome::Unknown { .. } = sent.outcome() {
                    return Ok(unknown);
                }
            }
            // A queue that is stuck may refuse even that; what is left decides.
            Err(error) if error.kind().is_transient() => {
                tracing::warn!(bmc, %error, "the iDRAC does not clear its job queue");
            }
            Err(error) => return Err(error),
        }
        let left = self.in_the_way().await?;
        if left.is_empty() {
            return Ok(Outcome::Done);
        }
        if let Some((job, _)) = left.iter().find(|(job, _)| job.state == JobState::Running) {
            let why =
                format!("job {} ({}) is at work and is not stopped by force; wait for it", job.job, job.kind);
            return Err(self.dell.client.error(ErrorKind::Conflict, why));
        }
        tracing::warn!(bmc, jobs = %names(&left), "clears the job queue by force: the lifecycle controller restarts");
        Ok(self.dell.client.post(&target, json!({"JobID": EVERY_JOB_BY_FORCE})).await?.outcome())
    }

    async fn queue_target(&self) -> Result<Option<String>> {
        if !self.dell.on(quirks::CLEAR_QUEUE) {
            return Ok(None);
        }
        let manager = self.dell.machine.manager();
        let Some(service) = manager.and_then(|manager| manager.link("Links/Oem/Dell/DellJobService")) else {
            return Ok(None);
        };
        let service = self.dell.client.get(service).await?;
        let action = service.action("DellJobService.DeleteJobQueue");
        Ok(action.and_then(|action| action.str("target")).map(str::to_owned))
    }

    async fn delete_each(&self, jobs: &[(Job, bool)]) -> Result<Outcome> {
        let mut cleared = Outcome::Unchanged;
        for (job, _) in jobs {
            match self.standard.delete(&job.job).await? {
                Outcome::Unchanged => {}
                unknown @ Outcome::Unknown { .. } => return Ok(unknown),
                other => cleared = other,
            }
        }
        Ok(cleared)
    }
}

fn names(jobs: &[(Job, bool)]) -> String {
    jobs.iter().map(|(job, _)| format!("{} {}", job.job, job.kind)).collect::<Vec<_>>().join(", ")
}

impl Jobs for DellJobs {
    fn unfinished(&self) -> Fut<'_, Vec<Job>> {
        self.standard.unfinished()
    }

    fn job<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Job> {
        Box::pin(self.one(job))
    }

    fn delete<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Outcome> {
        self.standard.delete(job)
    }

    fn clear_queue(&self) -> Fut<'_, Outcome> {
        Box::pin(self.clear())
    }
}
