//! Jobs as the TaskService has them.

use std::sync::Arc;

use http::StatusCode;
use rackhand_bmc::{ErrorKind, Fut, Job, JobRef, JobState, Jobs, Outcome, Result};

use super::host::Host;
use crate::document::{Document, View};

/// Tasks and jobs of the BMC.
#[derive(Debug)]
pub struct StandardJobs {
    host: Arc<Host>,
}

impl StandardJobs {
    /// Tasks and jobs of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host) }
    }

    async fn all(&self) -> Result<Vec<Job>> {
        let host = &self.host;
        let uri = match host.dialect.jobs_uri(&host.machine) {
            Some(uri) => Some(uri),
            None => match host.machine.root.link("Tasks").or_else(|| host.machine.root.link("TaskService")) {
                Some(service) => host.client.get(service).await?.link("Tasks").map(str::to_owned),
                None => None,
            },
        };
        let Some(uri) = uri else { return Ok(Vec::new()) };
        let found = match host.client.collection(&uri).await {
            // sushy-tools links a collection that it does not serve.
            Err(error) if *error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            found => found?,
        };
        let job = |document: &Document| {
            let reference = JobRef { uri: document.uri().to_owned(), id: document.id().to_owned() };
            self.view(reference, StatusCode::OK, document)
        };
        Ok(found.documents.iter().map(job).filter(|job| !job.state.is_over()).collect())
    }

    async fn one(&self, job: &JobRef) -> Result<Job> {
        let answer = match self.host.client.read(&job.uri).await {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Vanished) => {
                let gone = Job {
                    job: job.clone(),
                    kind: String::new(),
                    state: JobState::Gone,
                    percent: None,
                    message: None,
                };
                return Ok(gone);
            }
            answer => answer?,
        };
        let status = answer.status;
        let document = Document::new(&job.uri, None, answer.body.unwrap_or(serde_json::Value::Null));
        Ok(self.view(job.clone(), status, &document))
    }

    /// A job as its resource or monitor shows it.
    #[must_use]
    pub fn view(&self, job: JobRef, status: StatusCode, document: &Document) -> Job {
        let named = || state_of(document.str("TaskState").or_else(|| document.str("JobState"))?, document);
        // A monitor answers 202 while its task runs, and the operation's own answer afterwards.
        let by_status =
            || if status == StatusCode::ACCEPTED { JobState::Running } else { JobState::Completed };
        let state = self.host.dialect.job_state(document).or_else(named).unwrap_or_else(by_status);
        let message = document.view().list("Messages").into_iter().rev().find_map(|message| text(message));
        let message = message.or_else(|| document.str("Message").map(str::to_owned));
        let percent = document.u64("PercentComplete").and_then(|percent| u8::try_from(percent.min(100)).ok());
        let kind = document.str("JobType").or_else(|| document.str("Name")).unwrap_or_default().to_owned();
        Job { job, kind, state, percent, message }
    }
}

fn text(message: View<'_>) -> Option<String> {
    message.str("Message").or_else(|| message.str("MessageId")).map(str::to_owned)
}

/// The standard states. A task that is complete but not well has failed.
fn state_of(name: &str, document: &Document) -> Option<JobState> {
    let ill = matches!(document.str("TaskStatus").or_else(|| document.str("JobStatus")), Some("Critical"));
    Some(match name {
        "New" | "Pending" | "Starting" | "Scheduled" | "UserIntervention" => JobState::Scheduled,
        "Running" | "Service" | "Stopping" | "Suspended" | "Interrupted" | "Cancelling" | "Validating"
        | "Continue" => JobState::Running,
        "Completed" if ill => JobState::Failed,
        "Completed" => JobState::Completed,
        "Exception" | "Killed" | "Cancelled" | "Invalid" | "CompletedWithErrors" | "Failed" => {
            JobState::Failed
        }
        _ => return None,
    })
}

impl Jobs for StandardJobs {
    fn unfinished(&self) -> Fut<'_, Vec<Job>> {
        Box::pin(self.all())
    }

    fn job<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Job> {
        Box::pin(self.one(job))
    }

    fn delete<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Outcome> {
        Box::pin(async move {
            match self.host.client.delete(&job.uri).await {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Vanished) => {
                    Ok(Outcome::Unchanged)
                }
                sent => Ok(sent?.outcome()),
            }
        })
    }

    fn clear_queue(&self) -> Fut<'_, Outcome> {
        Box::pin(async move {
            let mut cleared = Outcome::Unchanged;
            for job in self.all().await? {
                match self.delete(&job.job).await? {
                    Outcome::Unchanged => {}
                    unknown @ Outcome::Unknown { .. } => return Ok(unknown),
                    other => cleared = other,
                }
            }
            Ok(cleared)
        })
    }
}
