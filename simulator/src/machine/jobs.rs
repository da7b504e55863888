//! Jobs and tasks, BIOS staging and Secure Boot requests.

use serde_json::{Map, Value};

use super::bios::{Refused, plain};
use super::{BiosRule, Job, JobState, Machine};

impl Machine {
    /// Makes a job and returns its `Id`.
    pub fn add_job(&mut self, id: String, kind: &str, state: JobState, target: &str) -> String {
        self.note(&format!("job:{id}"), "none", state.word());
        self.jobs.push(Job {
            id: id.clone(),
            kind: kind.into(),
            state,
            percent: if state.is_over() { 100 } else { 0 },
            message: String::new(),
            target: target.into(),
            created: self.now,
            ended: state.is_over().then_some(self.now),
        });
        id
    }

    /// Moves a job on.
    pub fn set_job(&mut self, id: &str, state: JobState, percent: u8) {
        let now = self.now;
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else { return };
        let from = job.state;
        job.state = state;
        job.percent = percent;
        job.ended = state.is_over().then_some(now);
        self.note(&format!("job:{id}"), from.word(), state.word());
    }

    /// Deletes a job that is not running; false when there is none to delete.
    pub fn delete_job(&mut self, id: &str) -> bool {
        let Some(at) = self.jobs.iter().position(|job| job.id == id && job.state != JobState::Running) else {
            return false;
        };
        let job = self.jobs.remove(at);
        self.note(&format!("job:{id}"), job.state.word(), "deleted");
        true
    }

    /// The BIOS job that has not ended, if there is one.
    pub fn bios_job(&self) -> Option<&Job> {
        self.jobs.iter().find(|job| job.kind == "BIOSConfiguration" && !job.state.is_over())
    }

    /// Writes BIOS attributes, as the personality's rule has it: at once or staged.
    ///
    /// # Errors
    /// Every attribute that the registry is against; then nothing is written.
    pub fn write_bios(&mut self, wanted: Map<String, Value>) -> Result<(), Vec<Refused>> {
        let judged = self.rules.bios != BiosRule::JudgedAtPost;
        let complaints = if judged { self.bios.complaints(&wanted) } else { Vec::new() };
        if !complaints.is_empty() {
            return Err(complaints);
        }
        match self.rules.bios {
            BiosRule::AtOnce => {
                for change in self.bios.set_now(wanted) {
                    self.note("bios", "", change);
                }
            }
            BiosRule::NextPost | BiosRule::JudgedAtPost | BiosRule::ByJob => {
                let before = staged(&self.bios.pending);
                self.bios.stage(wanted);
                let after = staged(&self.bios.pending);
                self.note("bios-pending", before, after);
            }
        }
        Ok(())
    }

    /// Forgets staged BIOS attributes.
    pub fn discard_bios(&mut self) {
        let before = staged(&self.bios.pending);
        self.bios.discard();
        self.note("bios-pending", before, "none");
    }

    /// Sets all BIOS attributes to factory values, as the personality's rule has it.
    pub fn reset_bios(&mut self) {
        let before = staged(&self.bios.pending);
        self.bios.stage_defaults();
        if self.rules.bios == BiosRule::AtOnce {
            for change in self.bios.consume(|_| false) {
                self.note("bios", "", change);
            }
        } else {
            let after = staged(&self.bios.pending);
            self.note("bios-pending", before, after);
        }
    }
}

fn staged(pending: &Map<String, Value>) -> String {
    if pending.is_empty() {
        return "none".into();
    }
    let words: Vec<_> = pending.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    words.join(" ")
}
