//! How a job that did not come to its end is ended: what it had prepared is taken back, as far as the BMC lets it.

use super::{
    act::{Carried, carry_out, in_flight},
    node::{NodeRun, Stop},
    observe::{Depth, observe_to},
    progress::Steps,
};
use crate::{
    cause::Cause,
    event::{Act, ActResult, Event, JobResult, StepId, StepResult, millis},
    history::ActHistory,
    plan,
    wanted::BootWay,
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
        for more in left.into_iter().chain(self.kept_address()) {
            advice = format!("{advice}. {more}");
        }
        Ok(JobResult::Failed { step, error, advice, installing, refused, cause })
    }

    pub(super) async fn cancelled(&mut self, steps: &mut Steps) -> Result<JobResult, Stop> {
        let installing = self.running().is_some_and(|job| plan::is_installing(&job));
        steps.say("cancelled");
        steps.finish(self.shared, StepResult::Failed).await?;
        let by_media =
            self.running().and_then(|job| job.image).is_none_or(|image| image.way.is_virtual_media());
        let mut state = if installing {
            let medium = if by_media {
                "with the medium in"
            } else {
                "and gets nothing more of its image if it boots from the network again"
            };
            format!("the host had been switched on to install and was left running, {medium}")
        } else {
            let left = self.undo(steps, "").await?;
            left.unwrap_or_else(|| {
                "the host was not switched on to install, and no medium or boot override of ours is left"
                    .to_owned()
            })
        };
        if let Some(kept) = self.kept_address() {
            state = format!("{state}. {kept}");
        }
        Ok(JobResult::Cancelled { state, installing })
    }

    /// What this job leaves in BIOS where that is told the address of an image: a boot by HTTP is not asked for any more, and
    /// finds nothing there.
    pub(super) fn kept_address(&self) -> Option<String> {
        let job = self.running()?;
        let url = job.image.as_ref().filter(|image| image.way == BootWay::UefiHttp)?.url.clone();
        let names: Vec<String> = self.bmc.boot.as_ref()?.http_boot_settings(&url).into_keys().collect();
        let staged = |known: &ActHistory| match &known.act {
            Act::StageBios { attributes, .. } => names.iter().any(|name| attributes.contains_key(name)),
            _ => false,
        };
        job.acts.iter().any(staged).then(|| {
            format!(
                "BIOS keeps the image's address in {}; nothing is served there any more",
                names.join(", ")
            )
        })
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
