//! One node's task: from the gate to the end of its job.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rackhand_bmc::{Bmc, Error, ErrorKind, PowerState};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    NodeJob, NodeReport, NodeResult, Shared,
    act::{Carried, carry_out, in_flight},
    connect::{Backoff, Connected, connect},
    follow::{HostWatch, Waited, await_sign, elapsed, for_people, verify_bios, verify_boot},
    observe::Depth,
    progress::Steps,
};
use crate::{
    cause::Cause,
    event::{Act, ActResult, Event, JobId, JobResult, PowerPurpose, StepId, StepResult, Trigger, millis},
    history::{ImageRecord, JobHistory, NodeHistory},
    journal::JournalError,
    plan::{self, Accepted, Gate, Next, Observed, PlannedStep},
    ports::Offer,
    wanted::Wanted,
};

/// Why a node's task stops early.
pub(super) enum Stop {
    /// The job failed; it ends here.
    Fail { step: StepId, error: String, refused: bool, cause: Option<Cause> },
    /// The operator cancelled it.
    Cancel,
    /// The process stops; the job stays open.
    Interrupt,
    /// The BMC of a host that installs refuses the credentials; the job stays open.
    ShutOut { step: StepId, error: String },
    /// The journal cannot be written: nothing more is sent.
    Journal(JournalError),
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// Brings one node to where it should be.
pub(super) async fn run(shared: Arc<Shared>, job: NodeJob, cancel: CancellationToken) -> NodeReport {
    let node = job.wanted.node.clone();
    let brought = brought(&shared, &job, &cancel).await;
    // However it ended, and also where no BMC was reached: an earlier process may have left the host to come for its
    // installer, and nobody would see what becomes of it.
    shared.parts.images.offer(&node, Offer::Ended);
    let result = match brought {
        Ok(result) => result,
        Err(Stop::Journal(error)) => NodeResult::Failed {
            step: shared
                .node(&node)
                .and_then(|known| known.running_job().and_then(JobHistory::current_step))
                .unwrap_or(StepId::Connect),
            error: format!("the journal cannot be written, so nothing more was sent: {error}"),
            advice: "Free space or mend the state directory, then run the same apply again".to_owned(),
            refused: false,
        },
        Err(Stop::Interrupt) => NodeResult::Interrupted,
        Err(Stop::ShutOut { step, error }) => NodeResult::Failed {
            step,
            error,
            advice: "The host goes on installing, and its job stays open: once the Secret is corrected, run the same apply again"
                .to_owned(),
            refused: true,
        },
        Err(Stop::Cancel)
            if shared.node(&node).as_ref().is_some_and(|known| known.running_job().is_some()) =>
        {
            let state = "its job, begun earlier, stays open; once the BMC answers, cancel it again to have it taken back";
            NodeResult::Cancelled(state.to_owned())
        }
        Err(Stop::Cancel) => NodeResult::Cancelled("nothing had begun".to_owned()),
        Err(Stop::Fail { step, error, refused, .. }) => {
            NodeResult::Failed { step, error, advice: plan::advice(step, &node), refused }
        }
    };
    if matches!(result, NodeResult::Failed { .. }) {
        shared.limits.failed();
    }
    NodeReport { node, result }
}

async fn brought(
    shared: &Arc<Shared>,
    job: &NodeJob,
    cancel: &CancellationToken,
) -> Result<NodeResult, Stop> {
    let wanted = &job.wanted;
    match plan::gate_by_record(wanted, shared.node(&wanted.node).as_ref()) {
        Some(Gate::Nothing { reason }) => return Ok(NodeResult::Nothing(reason)),
        Some(Gate::NeedsDecision { reason }) => return undecided(shared, &wanted.node, reason, None).await,
        Some(Gate::Start { .. } | Gate::Resume { .. }) | None => {}
    }
    let permit = shared.limits.enter(&job.site).await;
    let _owned = shared.limits.own_bmc(&job.bmc).await;
    if let Some(why) = shared.limits.stopped() {
        return Ok(NodeResult::NotStarted(why));
    }
    let bmc = match connect(shared, &wanted.node, cancel).await {
        Connected::Yes(bmc) => bmc,
        Connected::No(error, tries) => return not_connected(shared, job, &error, tries).await,
        Connected::Stopped if cancel.is_cancelled() => return Err(Stop::Cancel),
        Connected::Stopped => return Err(Stop::Interrupt),
    };
    let mut run = NodeRun {
        shared,
        wanted: wanted.clone(),
        bmc,
        cancel,
        permit: Some(permit),
        watch: HostWatch::default(),
        was_away: AtomicBool::new(false),
    };
    let result = run.gated().await;
    // Not the one from before: a BMC that was updated is connected to anew.
    if let Err(error) = run.bmc.close().await {
        tracing::warn!(node = %wanted.node, %error, "the BMC did not confirm that the session is given back");
    }
    result
}

/// Writes down that somebody has to decide; with the request where the host was met without a record.
async fn undecided(
    shared: &Shared,
    node: &str,
    reason: String,
    request: Option<String>,
) -> Result<NodeResult, Stop> {
    let known = shared.node(node).and_then(|known| known.needs_decision);
    if known.as_ref() != Some(&reason) {
        shared.record(Some(node), Event::NeedsDecision { reason: reason.clone(), request }).await?;
    }
    Ok(NodeResult::NeedsDecision(reason))
}

/// A BMC that was never reached leaves a running job as it is, to go on another time, and begins no new one.
async fn not_connected(
    shared: &Shared,
    job: &NodeJob,
    error: &Error,
    tries: u32,
) -> Result<NodeResult, Stop> {
    let refused = matches!(
        error.kind(),
        ErrorKind::RefusedCredentials
            | ErrorKind::Locked { .. }
            | ErrorKind::Untrusted { .. }
            | ErrorKind::TlsUnsupported
    );
    let node = &job.wanted.node;
    if let Some(running) = shared.node(node).as_ref().and_then(NodeHistory::running_job) {
        let event = Event::StepRetried {
            job: running.id.clone(),
            step: StepId::Connect,
            attempt: tries,
            error: error.to_string(),
            wait_ms: 0,
        };
        shared.record(Some(node), event).await?;
    }
    let mut said = error.to_string();
    if error.kind().is_transient() {
        let tried = for_people(shared.parts.pacing.step_deadline);
        said = format!("{said}; seen in {tries} tries within {tried}");
    }
    let cause = Cause::of(error.kind());
    let known = shared.node(node);
    let news =
        known.as_ref().and_then(|known| known.not_connected.as_ref()).is_none_or(|(last, _)| *last != cause);
    if news && known.as_ref().and_then(NodeHistory::running_job).is_none() {
        shared.record(Some(node), Event::NotConnected { error: said.clone(), cause }).await?;
    }
    Err(Stop::Fail { step: StepId::Connect, error: said, refused, cause: Some(cause) })
}

/// A connected node.
pub(super) struct NodeRun<'a> {
    pub(super) shared: &'a Arc<Shared>,
    /// What is wanted. With the image's address among the BIOS settings, where that is how firmware is told it.
    pub(super) wanted: Wanted,
    pub(super) bmc: Arc<Bmc>,
    pub(super) cancel: &'a CancellationToken,
    permit: Option<super::limits::Permit>,
    watch: HostWatch,
    /// Whether the BMC could not be looked at for a while since the last act that failed, its host installing meanwhile.
    pub(super) was_away: AtomicBool,
}

impl NodeRun<'_> {
    pub(super) fn node(&self) -> &str {
        &self.wanted.node
    }

    fn history(&self) -> Option<NodeHistory> {
        self.shared.node(self.node())
    }

    pub(super) fn running(&self) -> Option<JobHistory> {
        self.history().and_then(|history| history.job).filter(|job| job.result.is_none())
    }

    pub(super) async fn record(&self, event: Event) -> Result<(), JournalError> {
        self.shared.record(Some(self.node()), event).await
    }

    /// Looks, asks the gate, and does what it allows.
    async fn gated(&mut self) -> Result<NodeResult, Stop> {
        let observed = self.look(Depth::Full, StepId::Connect).await?;
        let history = self.history();
        let gate = plan::gate(&self.wanted, history.as_ref(), observed.view.power);
        if let Some(other) = plan::other_machine(history.as_ref(), &self.bmc.identity)
            && let Some(refused) = self.refuse_other(&gate, observed.view.power, other).await?
        {
            return Ok(refused);
        }
        self.record(Event::Identified { identity: Box::new(self.bmc.identity.clone()) }).await?;
        let (job, trigger) = match gate {
            Gate::Nothing { reason } => return Ok(NodeResult::Nothing(reason)),
            Gate::NeedsDecision { reason } => {
                let met = history.is_none_or(|known| known.job.is_none() && known.installed.is_none());
                let request = met.then(|| self.wanted.request.clone());
                return undecided(self.shared, self.node(), reason, request).await;
            }
            Gate::Resume { job } => {
                self.record(Event::JobResumed { job: job.clone() }).await?;
                (job, None)
            }
            Gate::Start { trigger } => {
                let job = plan::job_id(self.node(), history.map_or(0, |history| history.jobs_begun));
                let event = Event::JobStarted {
                    job: job.clone(),
                    request: self.wanted.request.clone(),
                    trigger: trigger.clone(),
                    source: self.wanted.source.clone(),
                };
                self.record(event).await?;
                (job, Some((trigger, observed)))
            }
        };
        let mut steps = Steps::new(self.node(), job);
        let came = self.through(&mut steps, trigger).await;
        // Before anything is said of the end: whoever asks the network from now on boots its own disk.
        self.offer(Offer::Ended);
        let ended = match came {
            Ok(result) => result,
            Err(Stop::Fail { step, error, refused, cause }) => {
                self.failed(&mut steps, step, error, refused, cause).await?
            }
            Err(Stop::Cancel) => self.cancelled(&mut steps).await?,
            Err(Stop::ShutOut { step, error }) => {
                let event = Event::NotConnected { error: error.clone(), cause: Cause::Credentials };
                self.record(event).await?;
                return Err(Stop::ShutOut { step, error });
            }
            Err(stop) => return Err(stop),
        };
        self.record(Event::JobFinished { job: steps.job().clone(), result: ended.clone() }).await?;
        Ok(report(ended))
    }

    /// What is done when another machine answers than the one the journal knows: no job goes on with it, and none begins
    /// under a host that is on, until somebody asks for it by name. A machine that is off is taken as new.
    async fn refuse_other(
        &self,
        gate: &Gate,
        power: PowerState,
        other: String,
    ) -> Result<Option<NodeResult>, Stop> {
        let node = self.node();
        match gate {
            Gate::Resume { job } => {
                let error = format!(
                    "{other}. Job {job} does not go on with it; if it is the right one, cancel the job: rackhand cancel {node}"
                );
                Err(Stop::Fail { step: StepId::Connect, error, refused: false, cause: None })
            }
            Gate::Start { trigger: Trigger::Asked { .. } } => Ok(None),
            Gate::Start { .. } if power != PowerState::Off => {
                let reason = format!(
                    "{other}, and its host is not off. To install it all the same: rackhand apply --install {node}"
                );
                undecided(self.shared, node, reason, None).await.map(Some)
            }
            Gate::Start { .. } | Gate::Nothing { .. } | Gate::NeedsDecision { .. } => Ok(None),
        }
    }

    /// Sleeps, unless the job is cancelled or the process stops.
    pub(super) async fn pause(&self, wait: Duration) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stop::Cancel),
            () = self.shared.stop.cancelled() => Err(Stop::Interrupt),
            () = sleep(wait) => Ok(()),
        }
    }

    fn check_stop(&self) -> Result<(), Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancel);
        }
        if self.shared.stop.is_cancelled() { Err(Stop::Interrupt) } else { Ok(()) }
    }

    /// The job from its beginning or from where it was left, to its end.
    async fn through(
        &mut self,
        steps: &mut Steps,
        begun: Option<(Trigger, Observed)>,
    ) -> Result<JobResult, Stop> {
        if let Some(job) = self.running()
            && let Some(image) = &job.image
        {
            self.want_http_settings(image.way, &image.url);
            if plan::is_installing(&job) {
                // Before anything is waited for: the host may be asking already.
                self.serve_again(image, plan::is_offered_again(&job)).await;
            }
        }
        self.settle_open_act(steps.job()).await?;
        if let Some((step, error)) = self.running().and_then(|job| job.failed_step()) {
            // An earlier process was killed between the failure and the job's end: only cleaning up is left to do.
            return Err(Stop::Fail { step, error, refused: false, cause: None });
        }
        let served = self.check(steps, begun).await?;
        let mut tries = Tries::new(self.shared);
        let mut depth = Depth::Job;
        loop {
            self.check_stop()?;
            let Some(job) = self.running() else { return Err(Stop::Cancel) };
            let installing = job.done(&plan::install_power_on());
            if installing {
                // Following may take hours and costs nothing: others may begin.
                self.permit = None;
            }
            if installing {
                depth = Depth::Following;
            }
            let step = steps.current().unwrap_or(StepId::Check);
            let observed = self.look(depth, step).await?;
            if let Some(offer) = plan::offer_seen(&job, &observed) {
                self.offer(offer);
            }
            let planned = plan::steps(&self.wanted, &observed, Some(&job));
            let next = plan::next(&self.wanted, &observed, Some(&job), &served);
            if depth == Depth::Job && next.step() > StepId::Firmware {
                depth = Depth::PastFirmware;
            }
            match next {
                Next::Act(act) => {
                    if let Some(offer) = plan::offer_before(&act, served.way) {
                        self.offer(offer);
                    }
                    self.act(steps, &act, &planned, &mut tries).await?;
                }
                Next::VerifyBios { key, stage, mark, undecided } => {
                    steps
                        .enter(self.shared, StepId::Bios, "wait for POST to apply the settings", &planned)
                        .await?;
                    let fate = verify_bios(self.shared, &self.bmc, &stage, mark.as_ref(), undecided).await;
                    self.bios_fate(steps, key, stage, fate).await?;
                }
                Next::VerifyFirmware { act, mark, kind, booted } => {
                    self.verify_firmware(steps, act, mark.as_ref().map(Accepted::of), kind, booted, &planned)
                        .await?;
                }
                Next::VerifyBoot { act, undecided } => {
                    steps.enter(self.shared, StepId::Bios, "wait for POST to take it up", &planned).await?;
                    let fate = verify_boot(self.shared, &self.bmc, &act, undecided).await;
                    self.boot_fate(steps, act, fate).await?;
                }
                Next::Await(sign) => {
                    steps.enter(self.shared, sign.step(), "follow the host", &planned).await?;
                    self.await_sign(steps, &job, sign).await?;
                }
                Next::Fail { step, error } => {
                    return Err(Stop::Fail { step, error, refused: false, cause: None });
                }
                Next::Finish(result) => {
                    steps.enter(self.shared, StepId::Settle, "give the session back", &planned).await?;
                    let kept = self.kept_address();
                    steps.say(kept.unwrap_or_else(|| "nothing is left behind".to_owned()));
                    steps.finish(self.shared, StepResult::Done).await?;
                    return Ok(result);
                }
            }
        }
    }

    fn offer(&self, offer: Offer) {
        self.shared.parts.images.offer(self.node(), offer);
    }

    /// Serves what a host under installation boots, under a process that has not done so yet; to a host that boots over the
    /// network only where it is still the image that the job began with.
    async fn serve_again(&self, begun: &ImageRecord, is_offered: bool) {
        let node = self.node();
        match self.shared.parts.images.prepare(node, begun.way).await {
            Err(error) => {
                tracing::warn!(node, %error, "what the host was switched on for cannot be served any more")
            }
            Ok(now) if begun.is(&now) => {
                if is_offered {
                    self.offer(Offer::Again);
                }
            }
            Ok(now) => tracing::warn!(
                node,
                begun = begun.url,
                begun_sha256 = begun.sha256,
                now = now.url,
                now_sha256 = now.sha256,
                "the host was switched on for another image than is wanted now, and is not told to install this one"
            ),
        }
    }

    /// Decides an act that a killed process left without an outcome, once everything in flight must have arrived.
    async fn settle_open_act(&self, job: &JobId) -> Result<(), Stop> {
        let Some(open) = self.running().and_then(|job| job.open_act().cloned()) else { return Ok(()) };
        let passed = elapsed(self.shared, open.intended_at);
        let wait = Duration::from_millis(open.in_flight_ms).saturating_sub(passed);
        if !wait.is_zero() {
            tracing::info!(node = self.node(), act = %open.act, ?wait, "an act without an outcome: waiting for what may be under way");
            self.pause(wait).await?;
        }
        let observed = self.look(self.depth_of_act(), open.act.step()).await?;
        let result = plan::resolve(&open.act, &observed);
        self.record(Event::Outcome { job: job.clone(), act: open.act, result }).await?;
        Ok(())
    }

    /// One act: intent, act, proof, outcome.
    async fn act(
        &self,
        steps: &mut Steps,
        act: &Act,
        planned: &[PlannedStep],
        tries: &mut Tries,
    ) -> Result<(), Stop> {
        steps.enter(self.shared, act.step(), &act.to_string(), planned).await?;
        let in_flight = in_flight(act, &self.shared.parts.pacing);
        let job = steps.job().clone();
        self.record(Event::Intent { job: job.clone(), act: act.clone(), in_flight_ms: millis(in_flight) })
            .await?;
        let result = match carry_out(&self.bmc, act).await {
            Carried::Proven(result) => result,
            Carried::Unknown(seen) => {
                tracing::info!(node = self.node(), %act, %seen, "no answer came: reading back once it must have arrived");
                sleep(in_flight).await;
                let observed = self.look(self.depth_of_act(), act.step()).await?;
                let result = plan::resolve(act, &observed);
                if result == ActResult::FoundNotDone {
                    self.record(Event::Outcome { job, act: act.clone(), result }).await?;
                    let error = Error::new(
                        ErrorKind::Lost,
                        &self.bmc.address,
                        format!("no answer came, and nothing was done: {seen}"),
                    );
                    return self.again_later(steps, act, &error, tries).await;
                }
                result
            }
            Carried::Failed(error) => {
                let result = ActResult::Failed { error: error.to_string() };
                self.record(Event::Outcome { job: job.clone(), act: act.clone(), result }).await?;
                return self.again_later(steps, act, &error, tries).await;
            }
        };
        tries.reset(self.shared);
        // That the host goes off after its settings are in force is not what a reader of this step wants to know.
        let aside = matches!(act, Act::PowerOff { purpose, .. } if *purpose != PowerPurpose::Install);
        if !aside {
            steps.say(said(act, &result));
        }
        self.record(Event::Outcome { job, act: act.clone(), result }).await?;
        Ok(())
    }

    /// After a refused act: waits and lets the plan decide anew, or gives up.
    async fn again_later(
        &self,
        steps: &Steps,
        act: &Act,
        error: &Error,
        tries: &mut Tries,
    ) -> Result<(), Stop> {
        if self.was_away.swap(false, Ordering::Relaxed) {
            // What it met before the BMC went away counts no more.
            tries.reset(self.shared);
        }
        // From the first failure: what went before it, an installation of an hour say, is none of the act's.
        let patience = self.shared.parts.pacing.step_deadline;
        let end = *tries.end.get_or_insert_with(|| Instant::now() + patience);
        if !error.kind().is_transient() || Instant::now() >= end {
            return Err(self.given_up(act.step(), error, &self.unread(act)));
        }
        tries.attempt += 1;
        let wait = tries.backoff.wait(error);
        let event = Event::StepRetried {
            job: steps.job().clone(),
            step: act.step(),
            attempt: tries.attempt,
            error: error.to_string(),
            wait_ms: millis(wait),
        };
        self.record(event).await?;
        self.pause(wait).await
    }

    /// Whether the BMC has read nothing of an image that it does not show as attached: the commonest reason of all.
    fn unread(&self, act: &Act) -> String {
        match act {
            Act::Insert { url, .. } if self.shared.parts.images.bytes_read(self.node()) == 0 => {
                format!("; 0 bytes were read by BMC {} from {url}", self.bmc.address)
            }
            _ => String::new(),
        }
    }

    async fn await_sign(
        &mut self,
        steps: &mut Steps,
        job: &JobHistory,
        sign: plan::Await,
    ) -> Result<(), Stop> {
        let node = self.wanted.node.clone();
        let waiting = await_sign(self.shared, &self.bmc, &node, job, sign, &mut self.watch);
        let waited = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Stop::Cancel),
            () = self.shared.stop.cancelled() => return Err(Stop::Interrupt),
            waited = waiting => waited?,
        };
        match waited {
            Ok(Waited::Seen) => {
                if let Some((evidence, _)) = self.running().and_then(|job| job.evidence.last().cloned()) {
                    steps.say(evidence.to_string());
                }
                Ok(())
            }
            Ok(Waited::TooLate(_))
                if sign == plan::Await::Attached
                    && inserted(job)
                        .and_then(|act| job.act(&act))
                        .is_some_and(|known| known.result == Some(ActResult::FoundDone)) =>
            {
                // The insert of a process that was killed, with the server that it named: the plan tries another.
                let Some(act) = inserted(job) else { return Ok(()) };
                let event = Event::Outcome { job: job.id.clone(), act, result: ActResult::FoundNotDone };
                Ok(self.record(event).await?)
            }
            Ok(Waited::TooLate(error)) => {
                Err(Stop::Fail { step: sign.step(), error, refused: false, cause: None })
            }
            Err(error) => Err(self.given_up(sign.step(), &error, "")),
        }
    }
}

/// The tries of the act at hand.
struct Tries {
    attempt: u32,
    /// When it is given up; known once it has failed.
    end: Option<Instant>,
    backoff: Backoff,
}

impl Tries {
    fn new(shared: &Shared) -> Self {
        Self { attempt: 0, end: None, backoff: Backoff::new(&shared.parts.pacing) }
    }

    fn reset(&mut self, shared: &Shared) {
        *self = Self::new(shared);
    }
}

pub(super) fn fail(step: StepId, error: &Error) -> Stop {
    fail_with(step, error, "")
}

/// A failure with something more that was seen.
pub(super) fn fail_with(step: StepId, error: &Error, more: &str) -> Stop {
    let refused = matches!(
        error.kind(),
        ErrorKind::RefusedCredentials | ErrorKind::Locked { .. } | ErrorKind::Untrusted { .. }
    );
    let cause = Some(Cause::of(error.kind()));
    Stop::Fail { step, error: format!("{error}{more}"), refused, cause }
}

/// The insert of a job.
fn inserted(job: &JobHistory) -> Option<Act> {
    let mut inserts = job.acts.iter().map(|known| &known.act).filter(|act| matches!(act, Act::Insert { .. }));
    inserts.next_back().cloned()
}

fn said(act: &Act, result: &ActResult) -> String {
    match result {
        ActResult::AlreadySo => format!("already so: {act}"),
        ActResult::FoundDone => format!("found done: {act}"),
        ActResult::FoundNotDone => format!("found not done: {act}"),
        ActResult::Undecidable => format!("sent, to be seen after the next boot: {act}"),
        ActResult::Done { .. } | ActResult::Failed { .. } => format!("proven: {act}"),
    }
}

fn report(result: JobResult) -> NodeResult {
    match result {
        JobResult::Installed => NodeResult::Installed,
        JobResult::BootedNotObservable { seen } => NodeResult::Booted(seen),
        JobResult::Failed { step, error, advice, refused, .. } => {
            NodeResult::Failed { step, error, advice, refused }
        }
        JobResult::Cancelled { state, .. } => NodeResult::Cancelled(state),
    }
}
