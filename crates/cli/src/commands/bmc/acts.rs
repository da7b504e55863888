//! What every change of a BMC goes through: leave to do it, and the proof that it was done.

use std::fmt::Write as _;

use anyhow::{anyhow, bail};
use rackhand_bmc::{Job, JobRef, JobState, Operation, Outcome, PowerState, Result, Support};
use rackhand_spec::nearest;
use tokio::time::{Instant, sleep};

use super::Here;

/// Polls after which a job that only waits is left to itself.
const PATIENCE: u32 = 3;

/// Names that an error lists, at most.
const LISTED: usize = 16;

/// Where a job was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Followed {
    /// It is over, and well; or it is gone, which says nothing.
    Over,
    /// It waits for something, most often for a reset of the host.
    Waiting,
}

impl Here<'_> {
    /// Refuses what this BMC is known not to do, and without leave what nobody has seen work, before anything is sent.
    pub(super) async fn may(&self, operation: Operation) -> anyhow::Result<()> {
        let capabilities = &self.bmc.capabilities;
        self.bmc.require(operation)?;
        if let Some(source) = capabilities.unverified(operation).filter(|_| !self.allow_unverified) {
            bail!(
                "BMC {}: nobody has seen {operation:?} work on this kind of BMC ({source}); nothing was sent; to try it all the same, give --allow-unverified",
                self.bmc.address
            );
        }
        let off_only =
            capabilities.get(operation).is_some_and(|known| known.support == Support::NeedsHostOff);
        if off_only && self.bmc.power()?.state().await? != PowerState::Off {
            bail!(
                "BMC {}: {operation:?} is possible only while the host is off; nothing was sent",
                self.bmc.address
            );
        }
        Ok(())
    }

    /// Refuses what costs data or settings until its target was named twice.
    pub(super) fn meant(
        &self,
        what: &str,
        name: &str,
        flag: &str,
        given: Option<&str>,
    ) -> anyhow::Result<()> {
        match given {
            Some(given) if given.eq_ignore_ascii_case(name) => Ok(()),
            Some(given) => {
                bail!("BMC {}: {what}: {flag} names {given}, not {name}; nothing was sent", self.bmc.address)
            }
            None => bail!(
                "BMC {}: {what}; nothing was sent. If that is meant, give {flag} {name}",
                self.bmc.address
            ),
        }
    }

    /// What a machine is named by where the machine as a whole is meant.
    pub(super) fn machine(&self) -> &str {
        self.bmc
            .identity
            .serial
            .as_deref()
            .map(str::trim)
            .filter(|serial| !serial.is_empty())
            .unwrap_or(&self.bmc.address)
    }

    /// No such thing: what there is, and what was most likely meant.
    pub(super) fn no_such(&self, kind: &str, name: &str, there: &[&str]) -> anyhow::Error {
        let mut text = format!("BMC {} has no {kind} {name}", self.bmc.address);
        if let Some(near) = nearest(name, there.iter().copied()) {
            let _ = write!(text, "; did you mean {near}?");
        }
        // Names that are numbered are all near to one another, so the nearest one alone would mislead.
        match there {
            [] => text.push_str("; it shows none"),
            _ if there.len() <= LISTED => {
                let _ = write!(text, "; it has: {}", there.join(", "));
            }
            _ => {}
        }
        anyhow!(text)
    }

    /// Says what became of a change, once its job has ended, as far as a read shows it: `look` answers whether it is so, or
    /// nothing where no read can tell.
    pub(super) async fn prove(
        &self,
        what: &str,
        outcome: Outcome,
        look: impl AsyncFn() -> Result<Option<bool>>,
    ) -> anyhow::Result<()> {
        let job = match outcome {
            Outcome::Unchanged => return self.said(what, &outcome),
            Outcome::Pending(pending) => match pending.job {
                // A job that waits for a reset is not waited for.
                Some(job) if pending.needs_reset => {
                    return self.tell(format_args!(
                        "{what}: accepted as job {job}; it takes effect at the next reset of the host, which was not touched"
                    ));
                }
                Some(job) => Some(job),
                None => {
                    return self.tell(format_args!(
                        "{what}: accepted; it takes effect at the next reset of the host, which was not touched"
                    ));
                }
            },
            Outcome::Running(job) => Some(job),
            Outcome::Unknown { seen } => return self.decide(what, &seen, look).await,
            _ => None,
        };
        if let Some(job) = job {
            self.tell(format_args!("{what}: accepted as job {job}"))?;
            if self.follow(&job, Some(PATIENCE)).await? == Followed::Waiting {
                return self.tell(format_args!(
                    "{what}: job {job} waits; most do until the host is started or reset. To see its end: rackhand bmc {} … jobs follow {}",
                    self.bmc.address, job.uri
                ));
            }
        }
        match self.looked(look).await? {
            Some(true) => self.tell(format_args!("{what}: done, and proven by a read")),
            None => self.tell(format_args!("{what}: accepted and ended; nothing that can be read proves it")),
            Some(false) => bail!(
                "BMC {}: {what}: accepted, but it does not show; look again before sending it again",
                self.bmc.address
            ),
        }
    }

    /// Only a read decides what became of a request without an answer; it is never sent again.
    async fn decide(
        &self,
        what: &str,
        seen: &str,
        look: impl AsyncFn() -> Result<Option<bool>>,
    ) -> anyhow::Result<()> {
        if self.looked(look).await? == Some(true) {
            return self
                .tell(format_args!("{what}: no answer came ({seen}), and a read shows that it is done"));
        }
        bail!(
            "BMC {}: {what}: sent, and no usable answer came ({seen}), nor does it show; look before sending it again",
            self.bmc.address
        )
    }

    /// Looks until it is so, or the time for a change to show is over.
    async fn looked(&self, look: impl AsyncFn() -> Result<Option<bool>>) -> anyhow::Result<Option<bool>> {
        let end = Instant::now() + self.bmc.pacing.power_change;
        loop {
            let error = match look().await {
                Ok(Some(false)) => None,
                Ok(seen) => return Ok(seen),
                Err(error) if error.kind().is_transient() => Some(error),
                Err(error) => return Err(error.into()),
            };
            if Instant::now() >= end {
                return error.map_or(Ok(Some(false)), |error| Err(error.into()));
            }
            sleep(self.bmc.pacing.poll).await;
        }
    }

    /// Says where a job is as that changes, until it is over. `patience`: so many looks at a job that only waits, and no
    /// more. A BMC that goes away for an update of its own is waited for.
    ///
    /// # Errors
    /// When the job failed, with its last message.
    pub(super) async fn follow(&self, job: &JobRef, patience: Option<u32>) -> anyhow::Result<Followed> {
        let jobs = self.bmc.jobs()?;
        let (mut last, mut waited, mut lost) = (String::new(), 0, None);
        loop {
            match jobs.job(job).await {
                Ok(seen) => {
                    lost = None;
                    let said = in_words(&seen);
                    if said != last {
                        self.tell(format_args!("job {job}: {said}"))?;
                        last = said;
                    }
                    match seen.state {
                        JobState::Failed => bail!(
                            "BMC {}: job {job} failed: {}",
                            self.bmc.address,
                            seen.message.as_deref().unwrap_or("it does not say why")
                        ),
                        state if state.is_over() => return Ok(Followed::Over),
                        JobState::Scheduled => waited += 1,
                        _ => waited = 0,
                    }
                    if patience.is_some_and(|patience| waited >= patience) {
                        return Ok(Followed::Waiting);
                    }
                }
                Err(error) if error.kind().is_transient() => {
                    if lost.is_none() {
                        self.tell(format_args!(
                            "job {job} cannot be read now ({}); it is waited for",
                            error.detail()
                        ))?;
                    }
                    let since = *lost.get_or_insert_with(Instant::now);
                    if since.elapsed() > self.bmc.pacing.bmc_reset {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
            sleep(self.bmc.pacing.poll).await;
        }
    }
}

fn in_words(job: &Job) -> String {
    let mut said = match job.state {
        JobState::Gone => "the BMC no longer knows it".to_owned(),
        state => format!("{state:?}"),
    };
    if let Some(percent) = job.percent.filter(|_| !job.state.is_over()) {
        let _ = write!(said, ", {percent} %");
    }
    if let Some(message) = &job.message {
        let _ = write!(said, ": {}", message.trim());
    }
    said
}
