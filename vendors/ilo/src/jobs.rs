//! Jobs: tasks, the update that has none, and what is done when the REST configuration is stuck.

use std::sync::Arc;

use rackhand_bmc::{ErrorKind, Fut, Job, JobRef, JobState, Jobs, Outcome, Result};
use rackhand_redfish::{Document, last_segment, same_resource};
use serde_json::json;

use crate::quirks::{self, Hpe, oem};

const CLEAR: &str = "ClearRestApiState";

/// The facet.
pub(crate) fn jobs(hpe: &Hpe, standard: Arc<dyn Jobs>) -> Arc<dyn Jobs> {
    Arc::new(HpeJobs { hpe: hpe.clone(), standard })
}

struct HpeJobs {
    hpe: Hpe,
    standard: Arc<dyn Jobs>,
}

/// Where the update stands that an UpdateService works at. Idle says nothing about success: the iLO restarts after its
/// own update, so only the inventory tells.
pub(crate) fn update_state(service: &Document) -> Option<JobState> {
    if !service.is_type("UpdateService") {
        return None;
    }
    Some(match oem(service, "State")? {
        "Complete" => JobState::Completed,
        "Error" => JobState::Failed,
        "Idle" => JobState::Gone,
        // Uploading, Verifying, Writing, Updating, and what later firmware may call it.
        _ => JobState::Running,
    })
}

impl HpeJobs {
    fn is_update(&self, job: &JobRef) -> bool {
        let service = self.hpe.machine.root.link("UpdateService");
        service.is_some_and(|service| same_resource(service, &job.uri)) && self.hpe.on(quirks::NO_TASK)
    }

    async fn update(&self, job: &JobRef) -> Result<Job> {
        let service = self.hpe.client.get(&job.uri).await?;
        let percent =
            service.u64("Oem/Hpe/FlashProgressPercent").and_then(|done| u8::try_from(done.min(100)).ok());
        let message = ["Result/MessageId", "Result"].into_iter().find_map(|at| oem(&service, at));
        Ok(Job {
            job: job.clone(),
            kind: "FirmwareUpdate".to_owned(),
            state: update_state(&service).unwrap_or(JobState::Gone),
            percent,
            message: message.or_else(|| oem(&service, "State")).map(str::to_owned),
        })
    }

    /// The update that the UpdateService works at, where no task stands for it.
    async fn update_at_work(&self) -> Result<Option<Job>> {
        let Some(uri) = self.hpe.machine.root.link("UpdateService").filter(|_| self.hpe.on(quirks::NO_TASK))
        else {
            return Ok(None);
        };
        let job = JobRef { uri: uri.to_owned(), id: last_segment(uri).to_owned() };
        match self.update(&job).await {
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(None),
            seen => Ok(Some(seen?).filter(|job| !job.state.is_over())),
        }
    }

    /// Where the cure for stuck REST configuration is asked for.
    async fn clear_target(&self) -> Result<Option<String>> {
        if !self.hpe.on(quirks::REST_STATE) {
            return Ok(None);
        }
        let Some(manager) = self.hpe.manager().await? else { return Ok(None) };
        let own = ["Oem/Hpe", "Oem/Hp"].into_iter().find_map(|at| manager.at(at)?.action(CLEAR));
        Ok(own.and_then(|action| action.str("target")).map(str::to_owned))
    }

    async fn clear(&self) -> Result<Outcome> {
        let tasks = self.standard.clear_queue().await?;
        if matches!(tasks, Outcome::Unknown { .. }) {
            return Ok(tasks);
        }
        match self.clear_target().await? {
            Some(target) => Ok(self.hpe.client.post(&target, json!({})).await?.outcome()),
            None => Ok(tasks),
        }
    }
}

impl Jobs for HpeJobs {
    fn unfinished(&self) -> Fut<'_, Vec<Job>> {
        Box::pin(async move {
            let mut jobs = self.standard.unfinished().await?;
            jobs.extend(self.update_at_work().await?);
            Ok(jobs)
        })
    }

    fn job<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Job> {
        if self.is_update(job) { Box::pin(self.update(job)) } else { self.standard.job(job) }
    }

    fn delete<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Outcome> {
        if self.is_update(job) {
            let why = "an update that is under way cannot be dropped".to_owned();
            return Box::pin(async move { Err(self.hpe.cannot(why)) });
        }
        self.standard.delete(job)
    }

    fn clear_queue(&self) -> Fut<'_, Outcome> {
        Box::pin(self.clear())
    }
}
