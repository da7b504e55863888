//! Waiting for signs: of a BIOS stage, of a boot, of an installation.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rackhand_bmc::{
    AttributeVerdict, BiosStage, BiosVerdict, Bmc, Error, ErrorKind, HostProgress, HostView, Mark,
    PowerState, Result,
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Shared,
    look::{away, back},
};
use crate::{
    event::{Act, Evidence},
    history::JobHistory,
    journal::JournalError,
    plan::{Await, in_force, install_power_on},
    wanted::BootWay,
};

/// What became of a BIOS stage.
pub(super) enum BiosFate {
    /// Every attribute is in force.
    Applied,
    /// The boot is over and nothing of it is in force, nor was anything refused: it never arrived.
    NeverArrived,
    /// Some were refused, or are not in force in time; a sentence.
    Failed(String),
}

/// Reads until a BIOS stage is in force, was refused, or its time is over.
pub(super) async fn verify_bios(
    shared: &Shared,
    bmc: &Bmc,
    stage: &BiosStage,
    mark: Option<&Mark>,
    undecided: bool,
) -> Result<BiosFate> {
    let pacing = &shared.parts.pacing;
    let end = Instant::now() + pacing.bios_apply;
    let mut post_over_since = None;
    loop {
        let seen = look_at_bios(bmc, stage, mark).await;
        match seen {
            Ok((verdict, view)) => {
                if verdict.all_applied() {
                    return Ok(BiosFate::Applied);
                }
                if let Some(refused) = refused(&verdict) {
                    return Ok(BiosFate::Failed(refused));
                }
                let over = view.power == PowerState::On && view.progress.post_is_over();
                let since = *post_over_since.get_or_insert_with(Instant::now);
                if !over {
                    post_over_since = None;
                } else if since.elapsed() >= pacing.bios_settle {
                    return Ok(after_post(&verdict, undecided));
                }
                if Instant::now() >= end {
                    // A host held in setup may show POST as going on for good (CIMC).
                    return Ok(match after_post(&verdict, undecided) {
                        BiosFate::NeverArrived => BiosFate::NeverArrived,
                        _ => BiosFate::Failed(not_in_force(&verdict, pacing.bios_apply)),
                    });
                }
            }
            Err(error) if error.kind().is_transient() && Instant::now() < end => {
                tracing::debug!(%error, "BIOS settings cannot be read now");
            }
            Err(error) => return Err(error),
        }
        sleep(pacing.poll).await;
    }
}

/// What the firmware refused, one reason once however many attributes share it.
fn refused(verdict: &BiosVerdict) -> Option<String> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, reason) in verdict.rejected() {
        by_reason.entry(reason).or_default().push(name);
    }
    let reasons: Vec<String> =
        by_reason.iter().map(|(why, names)| format!("{} ({why})", names.join(", "))).collect();
    (!reasons.is_empty()).then(|| format!("the firmware refused {}", reasons.join("; ")))
}

async fn look_at_bios(bmc: &Bmc, stage: &BiosStage, mark: Option<&Mark>) -> Result<(BiosVerdict, HostView)> {
    // The host first: values that are read later than the end of POST was seen are those of after POST.
    let view = bmc.power()?.observe().await?;
    let verdict = bmc.bios()?.verify(stage, mark).await?;
    Ok((verdict, view))
}

fn after_post(verdict: &BiosVerdict, undecided: bool) -> BiosFate {
    let none_applied = verdict.attributes.values().all(|v| *v == AttributeVerdict::NotYet);
    if undecided && none_applied {
        return BiosFate::NeverArrived;
    }
    BiosFate::Failed(format!("POST is over, and {} not in force", names_not_applied(verdict)))
}

fn not_in_force(verdict: &BiosVerdict, deadline: Duration) -> String {
    format!(
        "waited {} for POST to apply the settings, and {} not in force",
        for_people(deadline),
        names_not_applied(verdict)
    )
}

fn names_not_applied(verdict: &BiosVerdict) -> String {
    let names: Vec<&str> = verdict
        .attributes
        .iter()
        .filter(|(_, v)| **v != AttributeVerdict::Applied)
        .map(|(name, _)| name.as_str())
        .collect();
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

/// What became of a boot setting.
pub(super) enum BootFate {
    /// It is in force.
    InForce,
    /// The boot is over, it is not in force, and it is uncertain that it was ever written.
    NeverArrived,
    /// It is not in force in time; a sentence.
    Failed(String),
}

/// Reads until the boot mode or secure boot is in force after its boot, or its time is over.
pub(super) async fn verify_boot(shared: &Shared, bmc: &Bmc, act: &Act, undecided: bool) -> Result<BootFate> {
    let pacing = &shared.parts.pacing;
    let end = Instant::now() + pacing.bios_apply;
    let mut post_over_since = None;
    loop {
        match look_at_boot(bmc, act).await {
            Ok((true, _)) => return Ok(BootFate::InForce),
            Ok((false, view)) => {
                let over = view.power == PowerState::On && view.progress.post_is_over();
                let since = *post_over_since.get_or_insert_with(Instant::now);
                if !over {
                    post_over_since = None;
                }
                let settled = over && since.elapsed() >= pacing.bios_settle;
                if (settled || Instant::now() >= end) && undecided {
                    return Ok(BootFate::NeverArrived);
                }
                if settled || Instant::now() >= end {
                    let what = "the BMC took the request, the host has booted, and it is not in force";
                    return Ok(BootFate::Failed(format!("{act}: {what}; the BMC shows {:?}", view.boot)));
                }
            }
            Err(error) if error.kind().is_transient() && Instant::now() < end => {
                tracing::debug!(%error, "boot settings cannot be read now");
            }
            Err(error) => return Err(error),
        }
        sleep(pacing.poll).await;
    }
}

async fn look_at_boot(bmc: &Bmc, act: &Act) -> Result<(bool, HostView)> {
    // The host first, as with BIOS settings.
    let view = bmc.power()?.observe().await?;
    let secure_boot = match act {
        Act::SetSecureBoot { .. } => Some(bmc.boot()?.secure_boot().await?),
        _ => None,
    };
    Ok((in_force(act, &view, secure_boot), view))
}

/// What waiting for a sign came to.
pub(super) enum Waited {
    /// Something was seen; plan anew.
    Seen,
    /// It did not come in time; a sentence.
    TooLate(String),
}

/// What the BMC showed of the host while it is followed.
#[derive(Debug, Default)]
pub(super) struct HostWatch {
    last: Option<HostView>,
    was_past_post: bool,
    waiting: Option<(Await, Instant)>,
    /// Since when the BMC has not answered.
    away_since: Option<Instant>,
}

impl HostWatch {
    /// How long this process has waited for a sign, from its first call for it.
    fn waited_for(&mut self, sign: Await) -> Duration {
        match self.waiting {
            Some((known, since)) if known == sign => since.elapsed(),
            _ => {
                self.waiting = Some((sign, Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// Takes in a look; answers what it shows that was not known.
    fn take(&mut self, view: HostView) -> Vec<Evidence> {
        let mut seen = Vec::new();
        if !matches!(view.progress, HostProgress::Unknown | HostProgress::Off) {
            seen.push(Evidence::Host { progress: view.progress });
        }
        let back_in_post =
            self.was_past_post && (view.progress == HostProgress::InPost || view.power != PowerState::On);
        let stamped = self.last.as_ref().is_some_and(|last| {
            last.last_reset.is_some() && view.last_reset.is_some() && last.last_reset != view.last_reset
        });
        if back_in_post || stamped {
            seen.push(Evidence::HostReset);
        }
        if view.progress.post_is_over() {
            self.was_past_post = true;
        }
        self.last = Some(view);
        seen
    }
}

/// Waits until the journal or the BMC shows something new, or the sign's time is over. The caller then plans anew.
///
/// One read of the host per interval: a site of a thousand hosts is followed for an hour.
pub(super) async fn await_sign(
    shared: &Shared,
    bmc: &Bmc,
    node: &str,
    job: &JobHistory,
    sign: Await,
    watch: &mut HostWatch,
) -> std::result::Result<Result<Waited, Error>, JournalError> {
    let pacing = &shared.parts.pacing;
    let mut changed = shared.changed.subscribe();
    // The caller has just looked.
    watch.away_since = None;
    loop {
        changed.borrow_and_update();
        if let Some(error) = shared.unwritten() {
            return Err(error);
        }
        if seen_since(shared, node, job) {
            return Ok(Ok(Waited::Seen));
        }
        if let Some(late) = too_late(shared, bmc, node, job, sign, watch.waited_for(sign)) {
            return Ok(Ok(Waited::TooLate(late)));
        }
        if sign == Await::Reset && since_written(shared, job) > pacing.reset_after_write {
            shared.sighted(node, Evidence::NoResetSeen).await?;
            continue;
        }
        let looks = matches!(sign, Await::Attached | Await::Storage);
        let interval = if looks { pacing.poll } else { pacing.follow };
        // Either is a reason to look: somebody wrote, or time has passed.
        let _ = timeout(interval, changed.changed()).await;
        if looks {
            return Ok(Ok(Waited::Seen));
        }
        match look_at_host(bmc).await {
            Ok(view) => {
                watch.away_since = None;
                back(shared, node).await?;
                for evidence in watch.take(view) {
                    shared.sighted(node, evidence).await?;
                }
            }
            Err(error) if error.kind().is_transient() || matches!(error.kind(), ErrorKind::Locked { .. }) => {
                tracing::debug!(node, %error, "the host cannot be looked at now");
                let since = *watch.away_since.get_or_insert_with(Instant::now);
                away(shared, node, since, &error).await?;
            }
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// Whether signs were written since the caller's plan.
fn seen_since(shared: &Shared, node: &str, job: &JobHistory) -> bool {
    shared.node(node).and_then(|known| known.job).is_some_and(|now| now.evidence.len() > job.evidence.len())
}

async fn look_at_host(bmc: &Bmc) -> Result<HostView> {
    bmc.power()?.observe().await
}

fn too_late(
    shared: &Shared,
    bmc: &Bmc,
    node: &str,
    job: &JobHistory,
    sign: Await,
    since: Duration,
) -> Option<String> {
    let pacing = &shared.parts.pacing;
    let waited = since_power_on(shared, job);
    let address = &bmc.address;
    let url = job.image.as_ref().map_or("", |image| image.url.as_str());
    let unread = shared.parts.images.bytes_read(node) == 0
        && !job
            .evidence
            .iter()
            .any(|(seen, _)| matches!(seen, Evidence::ImageRead { .. } | Evidence::CalledBack { .. }));
    match sign {
        Await::Attached => (since > pacing.media_attach)
            .then(|| format!("waited {:?} for {url} to be attached", pacing.media_attach)),
        Await::Storage => (since > pacing.bios_apply).then(|| {
            format!(
                "waited {} for the controllers to be ready, or for what was sent to them to show",
                for_people(pacing.bios_apply)
            )
        }),
        _ if unread && waited > pacing.boot_evidence => {
            let within = for_people(pacing.boot_evidence);
            Some(match job.image.as_ref().map_or_else(BootWay::default, |image| image.way) {
                BootWay::VirtualMedia => format!(
                    "0 bytes were read by BMC {address} from {url} in {within} since the host was switched on: the BMC cannot reach this address, or the host does not boot its virtual CD"
                ),
                BootWay::UefiHttp => format!(
                    "the host fetched 0 bytes of {url} in {within} since it was switched on: it cannot reach this address (--netboot-url names another), has no address of its own, or its firmware does not boot by HTTP"
                ),
                BootWay::Pxe if was_told(job) => format!(
                    "the host was told to install and fetched nothing of what {url} names in {within} since it was switched on: it cannot reach this address (--netboot-url names another), or this process was started anew just then, after which nobody is told a second time"
                ),
                BootWay::Pxe => format!(
                    "the host fetched nothing of what {url} names in {within} since it was switched on: it does not boot from the network, the site's DHCP does not lead it here (rackhand netboot hints says what it has to answer), or it cannot reach this address (--netboot-url names another)"
                ),
            })
        }
        Await::Boot if waited > pacing.boot_evidence => {
            Some("the image began to be read, and nothing shows that the host booted it".to_owned())
        }
        Await::DiskWritten if waited > pacing.install => Some(format!(
            "the installer did not report a written disk within {}; last sign: {}",
            for_people(pacing.install),
            last_sign(job)
        )),
        Await::Reset | Await::Installed if waited > pacing.install => Some(format!(
            "the installed system did not call back within {}; last sign: {}",
            for_people(pacing.install),
            last_sign(job)
        )),
        _ => None,
    }
}

fn was_told(job: &JobHistory) -> bool {
    job.evidence.iter().any(|(seen, _)| matches!(seen, Evidence::ToldToInstall { .. }))
}

fn last_sign(job: &JobHistory) -> String {
    job.evidence.last().map_or_else(|| "none".to_owned(), |(seen, at)| format!("{seen}, at {at:.0}"))
}

pub(super) fn since_power_on(shared: &Shared, job: &JobHistory) -> Duration {
    job.act(&install_power_on()).map_or(Duration::ZERO, |known| elapsed(shared, known.intended_at))
}

fn since_written(shared: &Shared, job: &JobHistory) -> Duration {
    let written = job.evidence.iter().find(
        |(seen, _)| matches!(seen, Evidence::CalledBack { stage } if stage.eq_ignore_ascii_case("Rebooting")),
    );
    written.map_or(Duration::ZERO, |(_, at)| elapsed(shared, *at))
}

/// A duration as people write it: `2h`, `15m`, `1m 30s`.
pub(super) fn for_people(duration: Duration) -> String {
    SignedDuration::try_from(duration).map_or_else(|_| format!("{duration:?}"), |span| format!("{span:#}"))
}

/// How long ago, by the clock that the journal is dated with; a clock set back counts as no time.
pub(super) fn elapsed(shared: &Shared, since: Timestamp) -> Duration {
    let passed: SignedDuration = shared.parts.clock.now().duration_since(since);
    Duration::try_from(passed).unwrap_or(Duration::ZERO)
}
