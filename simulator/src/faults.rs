//! Faults: rules that spoil what a personality does. From a YAML or JSON file, by a preset's name, or built in a test.

mod file;
mod presets;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

pub use file::{FaultFileError, parse};
pub use presets::{PRESETS, Preset, preset};

use rand::Rng as _;
use rand::rngs::SmallRng;
use serde::Serialize;

use crate::chance;

/// What happens.
///
/// Seconds are simulated ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// The request is taken up after a delay; the client may wait for the answer.
    Delay {
        /// How long.
        seconds: f64,
    },
    /// The request is lost: it has no effect and no answer.
    Hang,
    /// The request takes effect after a delay, and is never answered.
    Late {
        /// How long.
        seconds: f64,
    },
    /// The connection is cut before the request takes effect.
    Cut,
    /// The request takes effect, and the connection is cut before the answer.
    CutAfter,
    /// The request has no effect and is answered with this.
    Status {
        /// HTTP status.
        code: u16,
        /// Body; none by default.
        body: String,
        /// `text/html` by default.
        content_type: Option<String>,
        /// `Retry-After` in seconds.
        retry_after: Option<u64>,
    },
    /// The request takes effect; the body of its answer ends in the middle.
    Truncate,
    /// The request has no effect and is answered with JSON of that length, made while it is sent.
    HugeJson {
        /// Length in bytes.
        bytes: usize,
    },
    /// Right credentials are refused as wrong ones are.
    WrongPassword,
    /// An image is taken and never attached.
    MediaNeverAttaches,
    /// The BMC cannot reach image servers: there is no route.
    ImageUnreachable,
    /// From this request on the BMC does not answer for a while; the host goes on.
    Down {
        /// How long.
        seconds: f64,
    },
    /// The request is carried out and answered, and from then on the BMC does not answer for a while; the host goes on.
    DownAfter {
        /// How long.
        seconds: f64,
    },
    /// New jobs never begin.
    JobsStick,
    /// Firmware refuses a BIOS attribute that its registry allows.
    BiosRejected {
        /// Its name, `*` standing for any text.
        attribute: String,
        /// When it does; in POST by default.
        when: Rejection,
    },
}

/// When a BIOS attribute is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rejection {
    /// When POST applies it.
    #[default]
    Post,
    /// When it is written.
    Patch,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Name of the rule, shown in the log.
    pub name: String,
    /// Machines it applies to, `*` standing for any text; all by default.
    pub machine: String,
    /// HTTP method; any by default.
    pub method: String,
    /// Path, `*` standing for any text, without regard to case; any by default.
    pub path: String,
    /// Where the host is: `Off`, `Post`, `Setup`, `Boot`, `Install`, `Running`; anywhere by default.
    pub phase: String,
    /// That many matches are let pass first.
    pub after: u64,
    /// That many matches are spoilt; all by default.
    pub times: Option<u64>,
    /// The chance that a match is spoilt, drawn from the simulation's seed; 1 by default.
    pub probability: f64,
    /// What happens.
    #[serde(flatten)]
    pub what: What,
}

fn any() -> String {
    "*".into()
}

impl Rule {
    /// A rule for every request of every machine.
    pub fn new(name: &str, what: What) -> Self {
        Self {
            name: name.into(),
            machine: any(),
            method: any(),
            path: any(),
            phase: any(),
            after: 0,
            times: None,
            probability: 1.0,
            what,
        }
    }

    /// Only for machines of that name.
    #[must_use]
    pub fn machine(mut self, pattern: &str) -> Self {
        self.machine = pattern.into();
        self
    }

    /// Only for requests of that method and path.
    #[must_use]
    pub fn request(mut self, method: &str, path: &str) -> Self {
        self.method = method.into();
        self.path = path.into();
        self
    }

    /// Only while the host is there.
    #[must_use]
    pub fn phase(mut self, phase: &str) -> Self {
        self.phase = phase.into();
        self
    }

    /// Lets `after` matches pass, then spoils `times`.
    #[must_use]
    pub fn window(mut self, after: u64, times: u64) -> Self {
        self.after = after;
        self.times = Some(times);
        self
    }

    /// A state of the machine rather than of a request?
    fn is_standing(&self) -> bool {
        matches!(
            self.what,
            What::MediaNeverAttaches | What::ImageUnreachable | What::JobsStick | What::BiosRejected { .. }
        )
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any text; without regard to case.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The rules of a simulation and how often each has matched.
#[derive(Debug)]
pub struct Faults {
    inner: Mutex<State>,
    /// Whether there is any rule about a machine's state: asked on every access to every machine.
    standing: AtomicBool,
}

#[derive(Debug)]
struct State {
    rules: Vec<(Rule, u64)>,
    rng: SmallRng,
}

/// What a rule is matched with.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Name of the machine.
    pub machine: &'a str,
    /// HTTP method.
    pub method: &'a str,
    /// Path.
    pub path: &'a str,
    /// Where the host is.
    pub phase: &'a str,
}

impl Faults {
    /// Rules of a simulation with that seed.
    pub fn new(seed: u64, rules: Vec<Rule>) -> Self {
        let standing = AtomicBool::new(rules.iter().any(Rule::is_standing));
        let rules = rules.into_iter().map(|rule| (rule, 0)).collect();
        Self { inner: Mutex::new(State { rules, rng: chance::rng(seed, "faults") }), standing }
    }

    /// Adds a rule while the simulation runs.
    pub fn add(&self, rule: Rule) {
        let standing = rule.is_standing();
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).rules.push((rule, 0));
        self.standing.fetch_or(standing, Ordering::Relaxed);
    }

    /// Drops the rules of that name.
    pub fn remove(&self, name: &str) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).rules.retain(|(rule, _)| rule.name != name);
    }

    /// The first rule that spoils this request. Counts the match.
    pub fn strike(&self, scene: Scene<'_>) -> Option<Rule> {
        let mut state = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let State { rules, rng } = &mut *state;
        for (rule, matched) in rules.iter_mut().filter(|(rule, _)| !rule.is_standing()) {
            let applies = glob(&rule.machine, scene.machine)
                && glob(&rule.method, scene.method)
                && glob(&rule.path, scene.path)
                && glob(&rule.phase, scene.phase);
            if !applies {
                continue;
            }
            *matched += 1;
            let end = rule.times.map_or(u64::MAX, |times| rule.after.saturating_add(times));
            let due = *matched > rule.after && *matched <= end;
            if due && (rule.probability >= 1.0 || rng.random_bool(rule.probability)) {
                return Some(rule.clone());
            }
        }
        None
    }

    fn standing<T>(&self, machine: &str, pick: impl Fn(&What) -> Option<T>) -> Vec<T> {
        if !self.standing.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let state = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let here = state.rules.iter().filter(|(rule, _)| glob(&rule.machine, machine));
        here.filter_map(|(rule, _)| pick(&rule.what)).collect()
    }

    /// Whether images never attach on this machine.
    pub fn media_never_attaches(&self, machine: &str) -> bool {
        !self.standing(machine, |what| matches!(what, What::MediaNeverAttaches).then_some(())).is_empty()
    }

    /// Whether this machine's BMC reaches no image server.
    pub fn image_unreachable(&self, machine: &str) -> bool {
        !self.standing(machine, |what| matches!(what, What::ImageUnreachable).then_some(())).is_empty()
    }

    /// Whether this machine's new jobs never begin.
    pub fn jobs_stick(&self, machine: &str) -> bool {
        !self.standing(machine, |what| matches!(what, What::JobsStick).then_some(())).is_empty()
    }

    /// Patterns of the BIOS attributes that this machine's firmware refuses at that moment.
    pub fn bios_rejected(&self, machine: &str, moment: Rejection) -> Vec<String> {
        self.standing(machine, |what| match what {
            What::BiosRejected { attribute, when } if *when == moment => Some(attribute.clone()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(path: &str) -> Scene<'_> {
        Scene { machine: "node1", method: "GET", path, phase: "Off" }
    }

    #[test]
    fn patterns() {
        assert!(glob("*", "anything"));
        assert!(glob("/redfish/*/Bios", "/redfish/v1/systems/1/bios"));
        assert!(glob("node1", "NODE1"));
        assert!(!glob("node1", "node10"));
        assert!(!glob("*Bios", "/Bios/Settings"));
        assert!(!glob("a*b*c", "acb"));
    }

    #[test]
    fn a_window_lets_pass_then_spoils_then_lets_pass() {
        let faults = Faults::new(1, vec![Rule::new("x", What::Cut).window(1, 2)]);
        let hit: Vec<_> = (0..5).map(|_| faults.strike(scene("/")).is_some()).collect();
        assert_eq!(hit, [false, true, true, false, false]);
    }
}
