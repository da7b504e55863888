//! Which step a job is in, and what is written when that changes.

use crate::{
    event::{Event, JobId, StepId, StepResult},
    journal::JournalError,
    plan::{PlannedStep, StepState},
};

use super::Shared;

/// Follows a job through its steps, so that each begins once, ends once, and those with nothing to do say so.
pub(super) struct Steps {
    job: JobId,
    node: String,
    current: Option<StepId>,
    last_detail: String,
}

impl Steps {
    pub(super) fn new(node: &str, job: JobId) -> Self {
        Self { job, node: node.to_owned(), current: None, last_detail: String::new() }
    }

    /// The step the job is in.
    pub(super) fn current(&self) -> Option<StepId> {
        self.current
    }

    /// The job.
    pub(super) fn job(&self) -> &JobId {
        &self.job
    }

    /// Says what was just proven; the step's last word.
    pub(super) fn say(&mut self, detail: impl Into<String>) {
        self.last_detail = detail.into();
    }

    /// Enters a step: ends the one before, passes over those between, begins this one.
    pub(super) async fn enter(
        &mut self,
        shared: &Shared,
        step: StepId,
        detail: &str,
        planned: &[PlannedStep],
    ) -> Result<(), JournalError> {
        if self.current == Some(step) {
            return Ok(());
        }
        self.finish(shared, StepResult::Done).await?;
        self.pass_over(shared, step, planned).await?;
        self.current = Some(step);
        self.last_detail = detail.to_owned();
        let event = Event::StepStarted { job: self.job.clone(), step, detail: detail.to_owned() };
        shared.record(Some(&self.node), event).await
    }

    /// Ends the current step.
    pub(super) async fn finish(&mut self, shared: &Shared, result: StepResult) -> Result<(), JournalError> {
        let Some(step) = self.current.take() else { return Ok(()) };
        let detail = std::mem::take(&mut self.last_detail);
        let event = Event::StepFinished { job: self.job.clone(), step, result, detail };
        shared.record(Some(&self.node), event).await
    }

    /// Writes of each step before `step` that never began why it did not.
    async fn pass_over(
        &self,
        shared: &Shared,
        step: StepId,
        planned: &[PlannedStep],
    ) -> Result<(), JournalError> {
        let known =
            shared.node(&self.node).and_then(|node| node.job).map(|job| job.steps).unwrap_or_default();
        for before in planned.iter().filter(|p| p.step < step && !known.contains_key(&p.step)) {
            let result = match before.state {
                StepState::NotRequired => StepResult::NotRequired,
                StepState::Done | StepState::AlreadySo | StepState::Todo => StepResult::AlreadySo,
            };
            let event = Event::StepFinished {
                job: self.job.clone(),
                step: before.step,
                result,
                detail: before.detail.clone(),
            };
            shared.record(Some(&self.node), event).await?;
        }
        Ok(())
    }
}
