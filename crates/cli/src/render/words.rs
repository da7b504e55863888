//! Events in words.

use std::time::Duration;

use rackhand_agent::event::{Act, ActResult, Decision, Event, JobResult, StepId, StepResult, Trigger};

use super::Paint;

/// One event as a line says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    /// The step it belongs to, or what kind of event it is.
    pub(crate) step: String,
    /// What happened.
    pub(crate) what: String,
    /// How it is shown.
    pub(crate) paint: Paint,
}

fn words(step: impl ToString, what: impl Into<String>, paint: Paint) -> Words {
    Words { step: step.to_string(), what: what.into(), paint }
}

/// An event in words. `None` for events that only programs care about.
pub(crate) fn of(event: &Event) -> Option<Words> {
    Some(match event {
        Event::AgentStarted { version } => words("agent", format!("rackhand {version} began"), Paint::Dim),
        Event::Decided { decision, by, .. } => {
            words("decision", format!("{} ({by})", decided(*decision)), Paint::Warn)
        }
        Event::JobStarted { job, trigger, .. } => {
            words("job", format!("{job} begins: {}", why(trigger)), Paint::Bold)
        }
        Event::JobResumed { job } => words("job", format!("{job} goes on where it was left"), Paint::Bold),
        Event::Identified { identity } => {
            let model = identity.model.as_deref().unwrap_or("unknown model");
            let serial = identity.serial.as_deref().unwrap_or("unknown");
            words(
                "connect",
                format!("logged in: {}, {model}, serial {serial}", identity.generation),
                Paint::Good,
            )
        }
        Event::AnswersAgain => words("connect", "the BMC answers again".to_owned(), Paint::Good),
        Event::NotConnected { error, .. } => words("connect", error.clone(), Paint::Warn),
        Event::ImagePrepared { url, .. } => {
            words("check", format!("the image is served as {url}"), Paint::None)
        }
        Event::StepStarted { .. } | Event::Unknown => return None,
        // Said by `Identified` already.
        Event::StepFinished { step: StepId::Connect, result: StepResult::AlreadySo, .. } => return None,
        Event::StepFinished { step, result, detail, .. } => {
            let (mark, paint) = finished(*result);
            words(step, format!("{mark}: {detail}"), paint)
        }
        Event::StepRetried { step, error, wait_ms, .. } => {
            let wait = Duration::from_millis(*wait_ms);
            let again =
                if wait.is_zero() { String::new() } else { format!("; trying again in {}", time(wait)) };
            words(step, format!("{error}{again}"), Paint::Warn)
        }
        Event::Intent { act, .. } => words(act.step(), format!("→ {act}"), Paint::None),
        Event::Outcome { act, result, .. } => return outcome(act, result),
        Event::Sighted { evidence, .. } => words("seen", evidence.to_string(), Paint::None),
        Event::NeedsDecision { reason, .. } => words("decision", format!("needed: {reason}"), Paint::Warn),
        Event::JobFinished { job, result } => {
            let (what, paint) = ended(result);
            words("job", format!("{job} ends: {what}"), paint)
        }
        _ => return None,
    })
}

fn finished(result: StepResult) -> (&'static str, Paint) {
    match result {
        StepResult::Done => ("done", Paint::Good),
        StepResult::AlreadySo => ("already so", Paint::Dim),
        StepResult::NotRequired => ("not required", Paint::Dim),
        StepResult::Failed => ("FAILED", Paint::Bad),
    }
}

/// A proven act needs no second line; anything else does.
fn outcome(act: &Act, result: &ActResult) -> Option<Words> {
    let said = match result {
        ActResult::Done { .. } | ActResult::AlreadySo => return None,
        ActResult::FoundDone => "found done, though no answer had come",
        ActResult::FoundNotDone => "found not done",
        ActResult::Undecidable => "sent; whether it arrived shows after the next boot",
        ActResult::Failed { error } => {
            return Some(words(act.step(), format!("not done: {error}"), Paint::Warn));
        }
        _ => return None,
    };
    Some(words(act.step(), said, Paint::Warn))
}

fn decided(decision: Decision) -> &'static str {
    match decision {
        Decision::Install => "may be installed",
        Decision::Adopt => "counts as installed",
        Decision::Cancel => "is cancelled",
    }
}

/// Why installing is allowed.
pub(crate) fn why(trigger: &Trigger) -> String {
    match trigger {
        Trigger::NewHost => "a new host, and it was off".to_owned(),
        Trigger::Asked { by } => format!("asked for by {by}"),
        Trigger::RequestChanged { from } => format!("the request in the spec changed from {from}"),
        Trigger::Continued { job, .. } => format!("{job} ended before it had begun to install"),
        _ => "for a reason that this version does not know".to_owned(),
    }
}

/// How a job ended.
pub(crate) fn ended(result: &JobResult) -> (String, Paint) {
    match result {
        JobResult::Installed => ("installed".to_owned(), Paint::Good),
        JobResult::BootedNotObservable { seen } => {
            (format!("booted, installation not observable ({seen})"), Paint::Good)
        }
        JobResult::Failed { step, error, .. } => (format!("failed in step {step}: {error}"), Paint::Bad),
        JobResult::Cancelled { state, .. } => (format!("cancelled: {state}"), Paint::Warn),
        _ => ("in a way that this version does not know".to_owned(), Paint::Warn),
    }
}

/// A time as people say it: `0.4s`, `12s`, `3m 5s`, `2h 10m`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", time.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let said: Vec<String> =
            [400, 12_000, 185_000, 7_800_000].map(|ms| time(Duration::from_millis(ms))).into();
        assert_eq!(said, ["0.4s", "12s", "3m 5s", "2h 10m"]);
    }
}
