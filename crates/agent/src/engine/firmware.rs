//! Following a firmware update: its job, a BMC that goes away for minutes, the version afterwards.

use std::time::Duration;

use rackhand_bmc::{
    Bmc, ComponentKind, Error, ErrorKind, Job, JobState, Pacing, PowerState, Readiness, Result,
};
use tokio::time::{Instant, sleep};

use super::{Shared, act::SCHEDULED_WAITS, follow::for_people};
use crate::{
    event::FirmwareUpdate,
    plan::{Accepted, proves},
};

/// What became of an update.
pub(super) enum FirmwareFate {
    /// It is in force; a sentence.
    InForce(String),
    /// It waits for a boot.
    Waits,
    /// Nothing is at work and nothing has changed: it never arrived.
    NeverArrived,
    /// It failed, or is not in force in time; a sentence.
    Failed(String),
}

/// An update that is followed.
pub(super) struct Followed<'a> {
    pub(super) update: &'a FirmwareUpdate,
    pub(super) kind: ComponentKind,
    /// What the BMC answered; `None` when it is uncertain that the update arrived at all.
    pub(super) accepted: Option<Accepted>,
    /// Whether it has had its boot.
    pub(super) booted: bool,
}

/// One look.
struct Seen {
    /// Its job, or what else is at work where its job is not known.
    job: Option<Job>,
    /// The version, once nothing is at work.
    version: Option<String>,
    /// Whether the POST that could be writing it is seen to be over, or there is none to wait for.
    post_is_over: bool,
}

/// Since when something has been so without a break.
#[derive(Default)]
struct Since(Option<Instant>);

impl Since {
    fn lasts(&mut self, so: bool) -> Duration {
        if !so {
            self.0 = None;
            return Duration::ZERO;
        }
        self.0.get_or_insert_with(Instant::now).elapsed()
    }
}

impl Followed<'_> {
    /// Reads until something has become of it. A BMC that does not answer, or answers as one that has not yet begun, is
    /// waited for.
    pub(super) async fn to_its_end(&self, shared: &Shared, bmc: &Bmc) -> Result<FirmwareFate> {
        let pacing = &shared.parts.pacing;
        let end = Instant::now() + pacing.firmware;
        let (mut idle, mut done, mut scheduled) = (Since::default(), Since::default(), Since::default());
        loop {
            let last = match self.look(bmc).await {
                Ok(seen) => {
                    let waiting = seen.job.as_ref().is_some_and(|job| job.state == JobState::Scheduled);
                    let over = seen.job.as_ref().is_none_or(|job| job.state.is_over());
                    let scheduled = scheduled.lasts(waiting);
                    // Not every BMC shows that POST is over, of a host that is held in setup: that has its end too.
                    let settled = done.lasts(over && seen.post_is_over) >= self.settles(pacing)
                        || idle.lasts(over) >= pacing.bios_apply;
                    if let Some(fate) = self.fate(&seen, settled, scheduled) {
                        return self.once_ready(fate, bmc, pacing).await;
                    }
                    said(&seen)
                }
                Err(error) if self.passes(&error) => {
                    idle.lasts(false);
                    done.lasts(false);
                    error.to_string()
                }
                Err(error) => return Err(error),
            };
            if Instant::now() >= end {
                let name = &self.update.component;
                let waited = for_people(pacing.firmware);
                return Ok(FirmwareFate::Failed(format!("waited {waited} for the update of {name}: {last}")));
            }
            sleep(pacing.poll).await;
        }
    }

    /// Whether an error only says that the BMC is away or not up yet: one that starts denies resources that it has.
    fn passes(&self, error: &Error) -> bool {
        error.kind().is_transient()
            || (self.kind == ComponentKind::Bmc
                && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Vanished | ErrorKind::Unsupported))
    }

    async fn look(&self, bmc: &Bmc) -> Result<Seen> {
        let job = match (self.accepted.as_ref().map(|accepted| &accepted.job), &bmc.jobs) {
            (Some(Some(job)), Some(jobs)) => Some(jobs.job(job).await?),
            (Some(_), _) | (None, None) => None,
            (None, Some(jobs)) => jobs.unfinished().await?.into_iter().next(),
        };
        if job.as_ref().is_some_and(|job| !job.state.is_over()) {
            return Ok(Seen { job, version: None, post_is_over: false });
        }
        let found = bmc.firmware()?.inventory().await?;
        let version = found.find(&self.update.component).and_then(|found| found.version.clone());
        let post_is_over = if self.booted && self.kind != ComponentKind::Bmc {
            let view = bmc.power()?.observe().await?;
            view.power == PowerState::Off || view.progress.post_is_over()
        } else {
            true
        };
        Ok(Seen { job, version, post_is_over })
    }

    /// How long nothing may be at work until what is there is what it came to. A BMC may say that its job is over long
    /// before it restarts with what was written.
    fn settles(&self, pacing: &Pacing) -> Duration {
        if self.kind == ComponentKind::Bmc { pacing.bmc_reset } else { pacing.bios_settle }
    }

    fn fate(&self, seen: &Seen, settled: bool, scheduled: Duration) -> Option<FirmwareFate> {
        match &seen.job {
            Some(job) if job.state == JobState::Failed && self.accepted.is_some() => {
                let why = job.message.as_deref().unwrap_or("it says nothing more");
                return Some(FirmwareFate::Failed(format!(
                    "the update of {} failed: {why} (job {})",
                    self.update.component, job.job
                )));
            }
            Some(job) if job.state == JobState::Scheduled => {
                let ours = self.accepted.is_some() || self.kind != ComponentKind::Bmc;
                let waits = ours && !self.booted && scheduled >= SCHEDULED_WAITS;
                return waits.then_some(FirmwareFate::Waits);
            }
            Some(job) if !job.state.is_over() => return None,
            _ => {}
        }
        if proves(self.update, seen.version.as_deref()) {
            return Some(FirmwareFate::InForce(self.now_has(seen)));
        }
        let is_bmc = self.kind == ComponentKind::Bmc;
        match () {
            () if !settled => None,
            () if !is_bmc && !self.booted => Some(FirmwareFate::Waits),
            () if self.accepted.is_none() => Some(FirmwareFate::NeverArrived),
            () => Some(self.unproven(seen)),
        }
    }

    /// Accepted, nothing is at work any more, and the version proves nothing.
    fn unproven(&self, seen: &Seen) -> FirmwareFate {
        let name = &self.update.component;
        let completed = seen.job.as_ref().is_some_and(|job| job.state == JobState::Completed);
        match &self.update.to {
            // The file brought the version that was there.
            None if completed => FirmwareFate::InForce(self.now_has(seen)),
            None => FirmwareFate::Failed(format!(
                "nothing is at work any more, and nothing shows that {name} was updated: {}",
                self.now_has(seen)
            )),
            Some(to) => FirmwareFate::Failed(format!(
                "the update is over, and {}, not {to}: see whether the file brings that version",
                self.now_has(seen)
            )),
        }
    }

    fn now_has(&self, seen: &Seen) -> String {
        let version = seen.version.as_deref().unwrap_or("an unknown version");
        format!("{} has {version}", self.update.component)
    }

    /// After its own update a BMC answers before it can be worked with.
    async fn once_ready(&self, fate: FirmwareFate, bmc: &Bmc, pacing: &Pacing) -> Result<FirmwareFate> {
        if self.kind == ComponentKind::Bmc && matches!(fate, FirmwareFate::InForce(_)) {
            bmc.wait_ready(Readiness::Bmc, pacing.bmc_reset).await?;
            bmc.wait_ready(Readiness::LifecycleController, pacing.bmc_reset).await?;
        }
        Ok(fate)
    }
}

fn said(seen: &Seen) -> String {
    match &seen.job {
        Some(job) => {
            let message = job.message.as_deref().unwrap_or("without a message");
            format!("job {} is {:?}, {message}", job.job, job.state)
        }
        None => format!("it shows version {}", seen.version.as_deref().unwrap_or("unknown")),
    }
}
