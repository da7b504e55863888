//! What a caller holds: the facets of one BMC, and the operations composed of them.

mod media;

use std::{collections::BTreeSet, fmt, future::Future, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    Bios, Boot, BootMode, BootOverride, BootSettings, BootTarget, Capabilities, Configuration, Error,
    ErrorKind, Firmware, Identity, Inventory, Job, JobRef, JobState, Jobs, Logs, Manager, Operation, Outcome,
    OverrideEnabled, Pacing, Power, PowerOffPolicy, PowerState, Quirks, Readiness, ReadyState, ResetType,
    Result, Sensors, Session, Storage, VirtualMedia, common, common_quirks,
};

/// One machine behind its BMC, connected.
///
/// The facets are bare operations; the methods here are composed of them: observe, act, prove, with the deadlines of
/// [`Pacing`]. They are the same for every vendor. Every one of them is safe to call again after a crash: it looks
/// first, and does nothing when what it should bring about is so already.
#[non_exhaustive]
pub struct Bmc {
    /// The address, as it names the BMC in messages.
    pub address: String,
    /// Who the machine is.
    pub identity: Identity,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Intervals and deadlines.
    pub pacing: Pacing,
    /// What the composed operations cure, of [`common_quirks`].
    pub cures: Quirks,
    /// What the driver knows to be otherwise with this vendor's BMCs.
    pub quirks: Quirks,
    /// The session; give it back with [`Bmc::close`].
    pub session: Arc<dyn Session>,
    /// Power, if it has it.
    pub power: Option<Arc<dyn Power>>,
    /// Boot override and secure boot, if it has them.
    pub boot: Option<Arc<dyn Boot>>,
    /// Virtual media, if it has it.
    pub media: Option<Arc<dyn VirtualMedia>>,
    /// BIOS settings, if it has them.
    pub bios: Option<Arc<dyn Bios>>,
    /// Inventory, if it has it.
    pub inventory: Option<Arc<dyn Inventory>>,
    /// The Manager, if it has one.
    pub manager: Option<Arc<dyn Manager>>,
    /// Jobs, if it has them.
    pub jobs: Option<Arc<dyn Jobs>>,
    /// Storage, if it has it.
    pub storage: Option<Arc<dyn Storage>>,
    /// Firmware, if it has it.
    pub firmware: Option<Arc<dyn Firmware>>,
    /// Logs, if it has them.
    pub logs: Option<Arc<dyn Logs>>,
    /// Sensors and health, if it has them.
    pub sensors: Option<Arc<dyn Sensors>>,
    /// The whole configuration as one document, if it has it.
    pub configuration: Option<Arc<dyn Configuration>>,
}

impl fmt::Debug for Bmc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bmc")
            .field("address", &self.address)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Bmc {
    /// A BMC without facets; the driver fills in those it has.
    #[must_use]
    pub fn new(
        address: impl Into<String>,
        identity: Identity,
        pacing: Pacing,
        session: Arc<dyn Session>,
    ) -> Self {
        Self {
            address: address.into(),
            identity,
            capabilities: Capabilities::default(),
            pacing,
            cures: Quirks::new(common_quirks(), &BTreeSet::new()),
            quirks: Quirks::default(),
            session,
            power: None,
            boot: None,
            media: None,
            bios: None,
            inventory: None,
            manager: None,
            jobs: None,
            storage: None,
            firmware: None,
            logs: None,
            sensors: None,
            configuration: None,
        }
    }

    /// Gives the session back.
    ///
    /// # Errors
    /// When the BMC did not confirm it; the ledger then keeps the session for a later process to delete.
    pub async fn close(&self) -> Result<()> {
        self.session.close().await
    }

    /// The facet for power.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn power(&self) -> Result<&dyn Power> {
        self.power.as_deref().ok_or_else(|| self.lacks("power control"))
    }

    /// The facet for boot settings.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn boot(&self) -> Result<&dyn Boot> {
        self.boot.as_deref().ok_or_else(|| self.lacks("boot override"))
    }

    /// The facet for virtual media.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn media(&self) -> Result<&dyn VirtualMedia> {
        self.media.as_deref().ok_or_else(|| self.lacks("virtual media"))
    }

    /// The facet for BIOS settings.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn bios(&self) -> Result<&dyn Bios> {
        self.bios.as_deref().ok_or_else(|| self.lacks("BIOS settings"))
    }

    /// The facet for storage.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn storage(&self) -> Result<&dyn Storage> {
        self.storage.as_deref().ok_or_else(|| self.lacks("storage"))
    }

    /// The facet for firmware.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn firmware(&self) -> Result<&dyn Firmware> {
        self.firmware.as_deref().ok_or_else(|| self.lacks("firmware updates"))
    }

    /// The facet for logs.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn logs(&self) -> Result<&dyn Logs> {
        self.logs.as_deref().ok_or_else(|| self.lacks("logs"))
    }

    /// The facet for sensors and health.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn sensors(&self) -> Result<&dyn Sensors> {
        self.sensors.as_deref().ok_or_else(|| self.lacks("sensors"))
    }

    /// The facet for the whole configuration.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn configuration(&self) -> Result<&dyn Configuration> {
        self.configuration.as_deref().ok_or_else(|| self.lacks("configuration export"))
    }

    /// The facet for jobs.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn jobs(&self) -> Result<&dyn Jobs> {
        self.jobs.as_deref().ok_or_else(|| self.lacks("jobs"))
    }

    /// The facet for inventory.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn inventory(&self) -> Result<&dyn Inventory> {
        self.inventory.as_deref().ok_or_else(|| self.lacks("inventory"))
    }

    /// The facet for the Manager.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when this BMC has none.
    pub fn manager(&self) -> Result<&dyn Manager> {
        self.manager.as_deref().ok_or_else(|| self.lacks("Manager"))
    }

    /// Refuses when an operation is known to be impossible here, before anything is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] with the reason and where it was learned.
    pub fn require(&self, operation: Operation) -> Result<()> {
        match self.capabilities.refusal(operation) {
            Some(why) => Err(Error::new(ErrorKind::Unsupported, &self.address, why)),
            None => Ok(()),
        }
    }

    fn lacks(&self, what: &str) -> Error {
        let identity = &self.identity;
        Error::new(
            ErrorKind::Unsupported,
            &self.address,
            format!("this BMC ({} {}) offers no {what}", identity.vendor, identity.generation),
        )
    }

    /// Refuses to go on from a mutation that was neither answered nor seen.
    fn answered(&self, what: &str, outcome: &Outcome) -> Result<()> {
        match outcome {
            Outcome::Unknown { seen } => {
                let seen = format!("no answer came to the request ({what}), nor did it show: {seen}");
                Err(Error::new(ErrorKind::Lost, &self.address, seen))
            }
            _ => Ok(()),
        }
    }

    fn not_observed(&self, what: impl Into<String>) -> Error {
        Error::new(ErrorKind::NotObserved, &self.address, what)
    }

    /// Switches the host off and proves it.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] when the host is still on at the deadline, and whatever the requests met.
    pub async fn power_off(&self, policy: PowerOffPolicy) -> Result<Outcome> {
        let power = self.power()?;
        if power.state().await? == PowerState::Off {
            return Ok(Outcome::Unchanged);
        }
        let graceful = policy != PowerOffPolicy::Force && self.require(Operation::PowerOffGraceful).is_ok();
        if graceful {
            let asked = power.reset(ResetType::GracefulShutdown).await;
            let ask_failed = matches!(&asked, Err(error) if !error.kind().is_transient());
            if !ask_failed && self.wait_power(PowerState::Off, self.pacing.graceful_off).await.is_ok() {
                return Ok(Outcome::Done);
            }
        }
        let forces = policy == PowerOffPolicy::Force || self.cures.cures(common::SHUTDOWN_IGNORED);
        if policy == PowerOffPolicy::GracefulOnly || (graceful && !forces) {
            return Err(
                self.not_observed("the operating system did not shut down when asked; the host is still on")
            );
        }
        let outcome = self.reset_patiently(ResetType::ForceOff, PowerState::Off).await?;
        proven(outcome, self.wait_power(PowerState::Off, self.pacing.power_change).await)
    }

    /// Switches the host on and proves it.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] when the host is still off at the deadline, and whatever the requests met.
    pub async fn power_on(&self) -> Result<Outcome> {
        let power = self.power()?;
        if power.state().await? == PowerState::On {
            return Ok(Outcome::Unchanged);
        }
        let outcome = self.reset_patiently(ResetType::On, PowerState::On).await?;
        proven(outcome, self.wait_power(PowerState::On, self.pacing.power_change).await)
    }

    /// A power action, asked for again while the BMC refuses it for the moment. Each further try is preceded by a look: a
    /// refusal does not say that nothing happened.
    async fn reset_patiently(&self, kind: ResetType, wanted: PowerState) -> Result<Outcome> {
        let power = self.power()?;
        let end = Instant::now() + self.pacing.power_change;
        loop {
            let error = match power.reset(kind).await {
                Err(error) => error,
                answer => return answer,
            };
            let for_now = matches!(error.kind(), ErrorKind::Busy { .. } | ErrorKind::InPost);
            if !for_now || !self.cures.cures(common::POWER_REFUSED_SHORTLY) || Instant::now() >= end {
                return Err(error);
            }
            sleep(self.pacing.poll).await;
            if power.state().await.is_ok_and(|seen| seen == wanted) {
                return Ok(Outcome::Done);
            }
        }
    }

    /// Waits until the power state is `wanted`. Transient errors of a read are waited through.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] at the deadline.
    pub async fn wait_power(&self, wanted: PowerState, deadline: Duration) -> Result<()> {
        let power = self.power()?;
        self.wait_until(deadline, || async {
            let seen = power.state().await?;
            Ok(if seen == wanted {
                Progress::There(())
            } else {
                Progress::NotYet(format!("the power state is still {seen:?}"))
            })
        })
        .await
        .map_err(|seen| self.at_deadline(&format!("the host to be {wanted:?}"), deadline, seen))
    }

    /// Makes the host boot `target` at its next start, once, and proves that the override is armed.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] when the BMC accepts the override but does not show it.
    pub async fn boot_once(&self, target: &BootTarget) -> Result<Outcome> {
        self.boot_once_in(target, None).await
    }

    /// The same for a host that is to boot in `mode`. It is written only where an override has to say it
    /// ([`Boot::override_names_mode`]): elsewhere the machine's own setting holds, and some refuse to be told.
    ///
    /// # Errors
    /// As [`boot_once`](Self::boot_once).
    pub async fn boot_once_in(&self, target: &BootTarget, mode: Option<BootMode>) -> Result<Outcome> {
        let boot = self.boot()?;
        let mode = mode.filter(|_| boot.override_names_mode());
        let armed = |seen: &BootSettings| seen.armed_in(target, mode);
        if armed(&boot.settings().await?) {
            return Ok(Outcome::Unchanged);
        }
        let outcome = boot.set_override(BootOverride { mode, ..BootOverride::once(target.clone()) }).await?;
        let what = format!("the boot override to be {target}");
        proven(outcome, self.wait_boot(&what, armed).await)
    }

    /// Makes the host fetch `url` over HTTP and boot it at its next start, once, and proves that the override is armed.
    /// Where the address is a BIOS setting ([`Boot::http_boot_settings`]) that has to be in force already.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] when the BMC accepts the override but does not show it.
    pub async fn boot_http_once(&self, url: &str) -> Result<Outcome> {
        let boot = self.boot()?;
        let goes_along = boot.http_boot_settings(url).is_empty();
        if boot.settings().await?.armed_for_http(url, goes_along) {
            return Ok(Outcome::Unchanged);
        }
        let http_uri = goes_along.then(|| url.to_owned());
        let wanted = BootOverride { http_uri, ..BootOverride::once(BootTarget::UefiHttp) };
        let outcome = boot.set_override(wanted).await?;
        let what = format!("the boot override to be UefiHttp with {url}");
        proven(outcome, self.wait_boot(&what, |seen| seen.armed_for_http(url, goes_along)).await)
    }

    /// Takes a boot override back and proves it: the next boot goes where the boot order says. A service that knows no
    /// target None (sushy-tools) is told Hdd.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] when the override still shows.
    pub async fn clear_boot_override(&self) -> Result<Outcome> {
        let boot = self.boot()?;
        let gone = |seen: &BootSettings| {
            seen.enabled == Some(OverrideEnabled::Disabled)
                || matches!(seen.target, None | Some(BootTarget::None | BootTarget::Hdd))
        };
        let seen = boot.settings().await?;
        if gone(&seen) {
            return Ok(Outcome::Unchanged);
        }
        let knows_none = seen.allowed_targets.is_empty() || seen.allowed_targets.contains(&BootTarget::None);
        let target = if knows_none { BootTarget::None } else { BootTarget::Hdd };
        let wanted = BootOverride { target, enabled: OverrideEnabled::Disabled, mode: None, http_uri: None };
        let outcome = boot.set_override(wanted).await?;
        proven(outcome, self.wait_boot("the boot override to be gone", gone).await)
    }

    async fn wait_boot(&self, what: &str, reached: impl Fn(&BootSettings) -> bool) -> Result<()> {
        let boot = self.boot()?;
        let deadline = self.pacing.boot_override;
        self.wait_until(deadline, || async {
            let seen = boot.settings().await?;
            Ok(if reached(&seen) {
                Progress::There(())
            } else {
                Progress::NotYet(format!(
                    "the BMC shows target {:?}, enabled {:?}",
                    seen.target, seen.enabled
                ))
            })
        })
        .await
        .map_err(|seen| self.at_deadline(what, deadline, seen))
    }

    /// Waits until a part is ready.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] at the deadline, with what was seen last.
    pub async fn wait_ready(&self, what: Readiness, deadline: Duration) -> Result<()> {
        let Some(manager) = self.manager.as_deref() else { return Ok(()) };
        self.wait_until(deadline, || async {
            Ok(match manager.ready(what).await? {
                ReadyState::Ready => Progress::There(()),
                ReadyState::NotYet(seen) => Progress::NotYet(seen),
            })
        })
        .await
        .map_err(|seen| self.at_deadline(&format!("{what:?} to be ready"), deadline, seen))
    }

    /// Waits until a job is over, and answers how it ended. One that vanished says nothing about success
    /// ([`JobState::Gone`]): read back what it should have changed.
    ///
    /// # Errors
    /// [`ErrorKind::NotObserved`] when the job failed, with its last message, and when it is not over at the deadline.
    pub async fn wait_job(&self, job: &JobRef, deadline: Duration) -> Result<Job> {
        let jobs = self.jobs()?;
        self.wait_until(deadline, || async {
            let seen = jobs.job(job).await?;
            let message = seen.message.as_deref().unwrap_or("without a message");
            Ok(match seen.state {
                JobState::Failed => Progress::Never(format!("job {job} failed: {message}")),
                state if state.is_over() => Progress::There(seen),
                state => Progress::NotYet(format!("it is {state:?}, {message}")),
            })
        })
        .await
        .map_err(|seen| self.at_deadline(&format!("job {job}"), deadline, seen))
    }

    fn at_deadline(&self, what: &str, deadline: Duration, seen: Stopped) -> Error {
        match seen {
            Stopped::Error(error) => error,
            Stopped::Never(seen) => self.not_observed(seen),
            Stopped::Deadline(seen) => {
                self.not_observed(format!("waited {deadline:?} for {what}, but {seen}"))
            }
        }
    }

    /// Looks until it is there, it never will be, or the deadline has passed. Transient errors count as "not yet".
    async fn wait_until<T, F, R>(&self, deadline: Duration, mut look: F) -> std::result::Result<T, Stopped>
    where
        F: FnMut() -> R,
        R: Future<Output = Result<Progress<T>>>,
    {
        let end = Instant::now() + deadline;
        loop {
            let seen = match look().await {
                Ok(Progress::There(value)) => return Ok(value),
                Ok(Progress::Never(seen)) => return Err(Stopped::Never(seen)),
                Ok(Progress::NotYet(seen)) => Stopped::Deadline(seen),
                // A BMC that cannot be read at the deadline has not shown that it did not happen: the caller looks again
                // before it decides anything.
                Err(error) if error.kind().is_transient() => Stopped::Error(error),
                Err(error) => return Err(Stopped::Error(error)),
            };
            if Instant::now() >= end {
                return Err(seen);
            }
            sleep(self.pacing.poll).await;
        }
    }
}

/// What a look found.
enum Progress<T> {
    There(T),
    NotYet(String),
    Never(String),
}

/// Why waiting stopped.
enum Stopped {
    Error(Error),
    Never(String),
    Deadline(String),
}

/// The outcome of a mutation whose effect was then looked for. Once it was seen it is done, whatever the answer said.
/// One that had no answer and was not seen either may not have arrived at all: that stays unknown, so that the caller
/// decides, after everything in flight must have arrived, whether it is sent again.
fn proven(outcome: Outcome, seen: Result<()>) -> Result<Outcome> {
    match (outcome, seen) {
        (Outcome::Unchanged, Ok(())) => Ok(Outcome::Unchanged),
        (_, Ok(())) => Ok(Outcome::Done),
        (Outcome::Unknown { seen }, Err(error))
            if *error.kind() == ErrorKind::NotObserved || error.kind().is_transient() =>
        {
            Ok(Outcome::Unknown { seen: format!("{seen}; {}", error.detail()) })
        }
        (_, Err(error)) => Err(error),
    }
}
