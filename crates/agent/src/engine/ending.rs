//! How a job that did not come to its end is ended: what it had prepared is taken back, as far as the BMC lets it.

use super::{
    act::{Carried, carry_out, in_flight},
    node::{NodeRun, Stop},
    observe::{Depth, observe_to},
    progress::Steps,
};
use crate::{
    cause::Cause,
    event::{ActResult, Event, JobResult, StepId, StepResult, millis},
    plan,
};

impl NodeRun<'_> {
    /// Ends a failed job: nothing that it began stays behind, as far as the BMC lets it be undone.
    pub(super) async fn failed(
        &mut self,
        steps: &mut Steps,
        step: StepId,
        error: String,
        refused: bool,
        cause: Option<Cause>,
    ) -> Result<JobResult, Stop> {
        let installing = self.running().is_some_and(|job| plan::is_installing(&job));
        steps.say(error.clone());
        if steps.current() != Some(step) {
            steps.enter(self.shared, step, &error, &[]).await?;
        }
        steps.finish(self.shared, StepResult::Failed).await?;
        let left = if installing { None } else { self.undo(steps, &error).await? };
        let mut advice = plan::advice(step, self.node());
        if let Some(left) = left {
            advice = format!("{advice}. {left}");
        }
        Ok(JobResult::Failed { step, error, advice, installing, refused, cause })
    }

    pub(super) async fn cancelled(&mut self, steps: &mut Steps) -> Result<JobResult, Stop> {
        let installing = self.running().is_some_and(|job| plan::is_installing(&job));
        steps.say("cancelled");
        steps.finish(self.shared, StepResult::Failed).await?;
        let state = if installing {
            "the host had been switched on to install and was left running, with the medium in".to_owned()
        } else {
            let left = self.undo(steps, "").await?;
            left.unwrap_or_else(|| {
                "the host was not switched on to install, and no medium or boot override of ours is left"
                    .to_owned()
            })
        };
        Ok(JobResult::Cancelled { state, installing })
    }

    /// Takes back what the job had prepared, after `error`. Each an act like any other; what cannot be taken back is said.
    async fn undo(&self, steps: &mut Steps, error: &str) -> Result<Option<String>, Stop> {
        let Some(job) = self.running() else { return Ok(None) };
        if job.acts.is_empty() {
            return Ok(None);
        }
        let observed = match observe_to(&self.bmc, &self.wanted, Depth::Following).await {
            Ok(observed) => observed,
            Err(seen) if seen.to_string() == *error => {
                return Ok(Some(
                    "What it had prepared could not be taken back, for the same reason".to_owned(),
                ));
            }
            Err(seen) => return Ok(Some(format!("What it had prepared could not be taken back: {seen}"))),
        };
        let mut left = Vec::new();
        for act in plan::undo(&observed, &job) {
            let in_flight_ms = millis(in_flight(&act, &self.shared.parts.pacing));
            self.record(Event::Intent { job: job.id.clone(), act: act.clone(), in_flight_ms }).await?;
            let result = match carry_out(&self.bmc, &act).await {
                Carried::Proven(result) => result,
                Carried::Unknown(error) => ActResult::Failed { error },
                Carried::Failed(error) => ActResult::Failed { error: error.to_string() },
            };
            if let ActResult::Failed { error } = &result {
                left.push(format!("Could not {act}: {error}"));
            }
            self.record(Event::Outcome { job: steps.job().clone(), act, result }).await?;
        }
        Ok((!left.is_empty()).then(|| left.join(". ")))
    }
}
