//! Jobs and tasks: what they carry, when they run, what becomes of them; BIOS staging and Secure Boot requests.

use std::time::Duration;

use serde_json::{Map, Value};

use super::bios::{Refused, plain};
use super::firmware::Update;
use super::storage::{StorageAct, StorageProblem};
use super::{BiosRule, Due, FirstDevice, Job, JobState, Lasts, Machine};
use crate::package::Package;

/// What a job does when it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Nothing that the machine knows of: whoever made the job moves it on.
    Nothing,
    /// Storage acts on the controller of that `Id`, in order.
    Storage(String, Vec<StorageAct>),
    /// A firmware update.
    Firmware(Update),
    /// Keeps a firmware image until it is activated.
    Stage(Package),
    /// Keeps values in [`Machine::oem`], such as attributes of the BMC.
    Keep(Vec<(String, Value)>),
    /// Another boot override or order.
    Boot(BootChange),
    /// Stages BIOS attributes and puts them into force: work that is done in POST.
    Bios(Map<String, Value>),
    /// Several, in order.
    All(Vec<Work>),
}

impl Work {
    /// Whether it is storage work for that controller.
    pub fn is_for(&self, controller: &str) -> bool {
        match self {
            Self::Storage(own, _) => own.eq_ignore_ascii_case(controller),
            Self::All(all) => all.iter().any(|one| one.is_for(controller)),
            Self::Nothing
            | Self::Firmware(_)
            | Self::Stage(_)
            | Self::Keep(_)
            | Self::Boot(_)
            | Self::Bios(_) => false,
        }
    }

    /// Whether it waits for a POST to be done in.
    fn is_work(&self) -> bool {
        *self != Self::Nothing
    }
}

/// What a job changes about booting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BootChange {
    /// Override target and how long it lasts.
    pub target: Option<(String, Lasts)>,
    /// Sources in the order firmware tries them.
    pub order: Option<Vec<String>>,
    /// The BMC's own first device, or that there is to be none.
    pub first: Option<Option<FirstDevice>>,
}

/// When storage work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// By a job that runs at once.
    Now,
    /// By a job that waits for the next POST.
    AtReset,
}

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
            work: Work::Nothing,
            runs: None,
            shown: true,
            stuck: false,
        });
        if self.jobs_stick && matches!(state, JobState::New | JobState::Scheduled) {
            self.stick_job(&id);
        }
        id
    }

    /// The job never begins, whatever it waits for.
    pub fn stick_job(&mut self, id: &str) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.stuck = true;
        }
    }

    /// Says what a job does when it runs.
    pub fn give_work(&mut self, id: &str, work: Work) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.work = work;
        }
    }

    /// Makes a job for storage work that runs at once or in the next POST.
    ///
    /// # Errors
    /// When the first act would be refused; then no job is made. A later act that is refused fails the job.
    pub fn add_storage_job(
        &mut self,
        id: String,
        kind: &str,
        controller: &str,
        acts: Vec<StorageAct>,
        when: When,
    ) -> Result<String, StorageProblem> {
        for act in acts.iter().take(1) {
            self.check_storage(controller, act)?;
        }
        let state = if when == When::Now { JobState::New } else { JobState::Scheduled };
        self.add_job(id.clone(), kind, state, controller);
        self.give_work(&id, Work::Storage(controller.into(), acts));
        if when == When::Now {
            self.run_job(&id, self.rules.job_starts_after);
        }
        Ok(id)
    }

    /// Lets a job with work begin after a while and run as long as its work takes.
    pub fn run_job(&mut self, id: &str, after: Duration) {
        self.plan(after, Due::JobBegins { id: id.into() });
    }

    /// How long work takes.
    fn takes(&self, work: &Work) -> Duration {
        let storage = &self.rules.storage;
        match work {
            Work::Nothing => Duration::ZERO,
            Work::Storage(_, acts) => acts
                .iter()
                .map(|act| match act {
                    StorageAct::Erase(_) | StorageAct::Initialize { full: true, .. } => storage.long,
                    _ => storage.takes,
                })
                .sum(),
            Work::Firmware(_) | Work::Stage(_) => self.rules.firmware.takes,
            Work::Keep(_) | Work::Boot(_) => Duration::from_secs(10),
            Work::Bios(_) => self.rules.power.bios_apply_takes,
            Work::All(all) => all.iter().map(|one| self.takes(one)).sum(),
        }
    }

    /// A job begins to run, and ends by itself.
    pub(super) fn job_begins(&mut self, id: &str) {
        let Some(job) = self.jobs.iter().find(|job| job.id == id && !job.state.is_over() && !job.stuck)
        else {
            return;
        };
        let lasts = self.takes(&job.work);
        self.set_job(id, JobState::Running, 1);
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.runs = Some((self.now, lasts));
        }
        self.plan(lasts, Due::JobEnds { id: id.into() });
    }

    /// POST takes up the work that waits for it; returns how much longer it takes for that.
    pub(super) fn begin_waiting_work(&mut self) -> Duration {
        let waits = |job: &&Job| {
            let interrupted = job.state == JobState::Running && job.runs.is_none() && job.is_in_post();
            (job.state == JobState::Scheduled || interrupted) && job.work.is_work() && !job.stuck
        };
        let ids: Vec<_> = self.jobs.iter().filter(waits).map(|job| job.id.clone()).collect();
        let mut lasts = Duration::ZERO;
        for id in ids {
            let work = self.jobs.iter().find(|job| job.id == id).map(|job| job.work.clone());
            lasts += work.map_or(Duration::ZERO, |work| self.takes(&work));
            self.set_job(&id, JobState::Running, 1);
        }
        lasts
    }

    /// The phase of POST that does the waiting work is over.
    pub(super) fn end_waiting_work(&mut self) {
        let done = |job: &&Job| job.state == JobState::Running && job.runs.is_none() && job.is_in_post();
        let ids: Vec<_> = self.jobs.iter().filter(done).map(|job| job.id.clone()).collect();
        for id in ids {
            self.job_ends(&id);
        }
    }

    /// A job has run: its work is done now, or fails it.
    pub(super) fn job_ends(&mut self, id: &str) {
        let running = |job: &&Job| job.id == id && job.state == JobState::Running;
        let Some(job) = self.jobs.iter().find(running) else { return };
        let work = job.work.clone();
        match self.perform(&work) {
            Ok(()) => {
                let said = self.jobs.iter().any(|job| job.id == id && !job.message.is_empty());
                let state = if said { JobState::CompletedWithErrors } else { JobState::Completed };
                self.set_job(id, state, 100);
            }
            Err(why) => self.fail_job(id, &why),
        }
    }

    fn perform(&mut self, work: &Work) -> Result<(), String> {
        match work {
            Work::Nothing => Ok(()),
            Work::Storage(controller, acts) => acts.iter().try_for_each(|act| {
                self.do_storage(controller, act).map(drop).map_err(|problem| problem.to_string())
            }),
            Work::Firmware(update) => {
                if let Some(package) = &update.package {
                    self.apply_package(package);
                }
                Ok(())
            }
            Work::Stage(package) => {
                self.stage_package(package);
                Ok(())
            }
            Work::Keep(values) => {
                for (name, value) in values {
                    self.oem.insert(name.clone(), value.clone());
                }
                Ok(())
            }
            Work::Boot(change) => {
                self.change_boot(change);
                Ok(())
            }
            Work::Bios(wanted) => {
                for change in self.bios.set_now(wanted.clone()) {
                    self.note("bios", "", change);
                }
                Ok(())
            }
            Work::All(all) => all.iter().try_for_each(|one| self.perform(one)),
        }
    }

    fn change_boot(&mut self, change: &BootChange) {
        if let Some((target, lasts)) = &change.target {
            let from = format!("{} {}", self.boot.lasts.word(), self.boot.target);
            self.boot.target.clone_from(target);
            self.boot.lasts = *lasts;
            self.note("boot-override", from, format!("{} {target}", lasts.word()));
        }
        if let Some(order) = &change.order {
            let from = self.boot.order.join(" ");
            self.boot.order.clone_from(order);
            self.note("boot-order", from, order.join(" "));
        }
        if let Some(first) = &change.first {
            let word = |first: &Option<FirstDevice>| {
                first.as_ref().map_or_else(|| "none".to_owned(), |device| device.source.clone())
            };
            self.note("first-device", word(&self.boot.first), word(first));
            self.boot.first.clone_from(first);
        }
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

    /// Says what of a job cannot be done: what can is done, and it then ends with errors.
    pub fn say(&mut self, id: &str, what: &str) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.message = what.into();
        }
    }

    /// Ends a job badly, and says why.
    pub fn fail_job(&mut self, id: &str, why: &str) {
        self.say(id, why);
        self.set_job(id, JobState::Failed, 100);
    }

    /// How far a job is, in percent.
    pub fn progress(&self, job: &Job) -> u8 {
        let Some((began, lasts)) = job.runs.filter(|_| job.state == JobState::Running) else {
            return job.percent;
        };
        let whole = lasts.as_millis().max(1);
        let percent = self.now.since(began).as_millis() * 100 / whole;
        u8::try_from(percent).unwrap_or(99).clamp(1, 99)
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
