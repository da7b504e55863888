//! Boot mode and secure boot: set while the host is off, taken up by a boot that is held in setup, proven after it.

use rackhand_bmc::{BootMode, HostView, Operation, SecureBootState};

use super::{Next, Observed, boots_after, boots_for, held_boot, power_off, running_boot, unverified};
use crate::{
    event::{Act, ActResult, PowerPurpose, StepId},
    history::{ActHistory, JobHistory},
    wanted::Wanted,
};

fn is_boot(purpose: &PowerPurpose) -> bool {
    matches!(purpose, PowerPurpose::BootSettings { .. })
}

/// The mode as specs write it.
pub(super) fn mode_name(mode: BootMode) -> &'static str {
    match mode {
        BootMode::Uefi => "UEFI",
        BootMode::Legacy => "legacy",
    }
}

/// The wanted mode, where the BMC shows another.
pub(super) fn other_mode(wanted: &Wanted, observed: &Observed) -> Option<(BootMode, BootMode)> {
    let (mode, shown) = (wanted.boot_mode?, observed.view.boot.mode?);
    (mode != shown).then_some((mode, shown))
}

/// Why the boot mode or secure boot that is wanted cannot be had.
pub(super) fn problems(wanted: &Wanted, observed: &Observed) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some((mode, shown)) = other_mode(wanted, observed) {
        if let Some(why) = observed.capabilities.refusal(Operation::BootModeSet) {
            let (mode, shown) = (mode_name(mode), mode_name(shown));
            problems.push(format!(
                "the spec's bootMode is {mode}, this host boots in {shown} mode, and its BMC cannot change that: {why}. Change it in the host's setup screen, or write the bootMode that it has into the spec"
            ));
        }
        problems.extend(unverified(wanted, observed, Operation::BootModeSet));
    }
    let shown = observed.secure_boot.and_then(|seen| seen.enabled);
    if wanted.secure_boot == Some(true) && shown.is_none() {
        problems.push("the spec asks for UEFISecureBoot, and this BMC does not show secure boot".to_owned());
    } else if wanted.secure_boot.is_some_and(|wanted| shown == Some(!wanted)) {
        problems.extend(observed.capabilities.refusal(Operation::SecureBootSet));
        problems.extend(unverified(wanted, observed, Operation::SecureBootSet));
    }
    problems
}

/// Whether what an act sets for booting is in force, as far as the BMC shows it.
#[must_use]
pub fn in_force(act: &Act, view: &HostView, secure_boot: Option<SecureBootState>) -> bool {
    match act {
        Act::SetBootMode { mode } => view.boot.mode == Some(*mode),
        Act::SetSecureBoot { enabled } => secure_boot
            .is_some_and(|seen| seen.enabled == Some(*enabled) && seen.current_boot != Some(!enabled)),
        _ => false,
    }
}

/// The boot mode: it goes before settings that depend on it.
pub(super) fn prepare_mode(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> Option<Next> {
    let (mode, shown) = other_mode(wanted, observed)?;
    let act = Act::SetBootMode { mode };
    let sent = job.and_then(|job| job.act(&act)).filter(|known| known.is_sent());
    let Some((job, known)) = job.zip(sent) else { return Some(set(observed, job, act)) };
    let lost = || format!("the boot mode was set to {}, and is {} again", mode_name(mode), mode_name(shown));
    Some(boot_for(observed, job, known, lost))
}

/// Secure boot: last, because what went before may change what it needs.
pub(super) fn prepare_secure_boot(
    wanted: &Wanted,
    observed: &Observed,
    job: Option<&JobHistory>,
) -> Option<Next> {
    let enabled = wanted.secure_boot?;
    // A BMC that does not show secure boot is fine where it is not asked to be on.
    let seen = observed.secure_boot?;
    let act = Act::SetSecureBoot { enabled };
    if seen.enabled.is_none() || in_force(&act, &observed.view, Some(seen)) {
        return None;
    }
    let known = job.and_then(|job| job.act(&act));
    let is_set = seen.enabled == Some(enabled);
    match (job, known.filter(|known| known.is_sent())) {
        (Some(job), Some(known)) => {
            if is_set && was_taken_up(job, known) {
                // Some BMCs show a host that is off as if it had booted otherwise.
                return None;
            }
            let lost = || "secure boot was taken up as wanted, and is not so any more".to_owned();
            Some(boot_for(observed, job, known, lost))
        }
        // Set by somebody else, and not taken up: recorded as so already, then booted for.
        _ => Some(set(observed, job, act)),
    }
}

fn was_taken_up(job: &JobHistory, known: &ActHistory) -> bool {
    boots_after(job, known, is_boot) > 0 && !running_boot(job).is_some_and(|purpose| is_boot(&purpose))
}

/// What cannot be written while the host runs, or would show only at a boot of its own, is written while it is off.
fn set(observed: &Observed, job: Option<&JobHistory>, act: Act) -> Next {
    if observed.is_off() { Next::Act(act) } else { Next::Act(power_off(job)) }
}

/// One boot after the write, then a look.
fn boot_for(observed: &Observed, job: &JobHistory, known: &ActHistory, lost: impl Fn() -> String) -> Next {
    if boots_after(job, known, is_boot) == 0 {
        if !observed.is_off() {
            return Next::Act(power_off(Some(job)));
        }
        return held_boot(observed, PowerPurpose::BootSettings { boot: boots_for(Some(job), is_boot) + 1 });
    }
    if was_taken_up(job, known) {
        return Next::Fail { step: StepId::Bios, error: lost() };
    }
    Next::VerifyBoot { act: known.act.clone(), undecided: known.result == Some(ActResult::Undecidable) }
}
