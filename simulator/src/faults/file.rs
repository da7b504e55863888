//! Fault files: YAML (or JSON, which is YAML) `faults: [{name: …, do: …}]`. Every mistake is refused with its name.

use serde::Deserialize;

use super::{Rejection, Rule, What, any};

/// Why a fault file is refused.
#[derive(Debug, thiserror::Error)]
pub enum FaultFileError {
    /// It is no YAML of the expected form.
    #[error("the fault file is not understood: {0}")]
    Syntax(String),
    /// A rule makes no sense.
    #[error("fault {rule:?}: {problem}")]
    Rule {
        /// The rule's name.
        rule: String,
        /// What is wrong.
        problem: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    faults: Vec<Form>,
}

/// A rule as it is written: flat, so that a key that no rule has is refused where it stands.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Form {
    name: String,
    #[serde(rename = "do")]
    kind: Kind,
    machine: Option<String>,
    method: Option<String>,
    path: Option<String>,
    phase: Option<String>,
    after: Option<u64>,
    times: Option<u64>,
    probability: Option<f64>,
    seconds: Option<f64>,
    code: Option<u16>,
    body: Option<String>,
    content_type: Option<String>,
    retry_after: Option<u64>,
    bytes: Option<usize>,
    attribute: Option<String>,
    when: Option<Rejection>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Delay,
    Hang,
    Late,
    Cut,
    CutAfter,
    Status,
    Truncate,
    HugeJson,
    WrongPassword,
    MediaNeverAttaches,
    ImageUnreachable,
    Down,
    DownAfter,
    JobsStick,
    BiosRejected,
}

const PHASES: [&str; 7] = ["*", "Off", "Post", "Setup", "Boot", "Install", "Running"];

/// Reads rules from YAML (or JSON, which is YAML): `faults: [{name: …, do: …}]`.
///
/// # Errors
/// With line and column where the file is not understood, with the rule's name where a rule makes no sense.
pub fn parse(text: &str) -> Result<Vec<Rule>, FaultFileError> {
    let file: File =
        serde_saphyr::from_str(text).map_err(|error| FaultFileError::Syntax(error.to_string()))?;
    let rule = |form: Form| {
        let name = form.name.clone();
        form.rule().map_err(|problem| FaultFileError::Rule { rule: name, problem })
    };
    file.faults.into_iter().map(rule).collect()
}

impl Form {
    fn rule(mut self) -> Result<Rule, String> {
        let what = self.what()?;
        self.nothing_left()?;
        let phase = self.phase.unwrap_or_else(any);
        if !PHASES.iter().any(|known| known.eq_ignore_ascii_case(&phase)) {
            return Err(format!("there is no phase {phase:?}; there are {}", PHASES.join(", ")));
        }
        let probability = self.probability.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&probability) {
            return Err("probability is not between 0 and 1".into());
        }
        let rule = Rule {
            name: self.name,
            machine: self.machine.unwrap_or_else(any),
            method: self.method.unwrap_or_else(any),
            path: self.path.unwrap_or_else(any),
            phase,
            after: self.after.unwrap_or(0),
            times: self.times,
            probability,
            what,
        };
        if rule.is_standing() && rule != Rule::new(&rule.name, rule.what.clone()).machine(&rule.machine) {
            return Err("it is a state of the machine: only `machine` says where it applies".into());
        }
        Ok(rule)
    }

    /// What happens; takes the keys that belong to it.
    fn what(&mut self) -> Result<What, String> {
        Ok(match self.kind {
            Kind::Delay => What::Delay { seconds: self.seconds()? },
            Kind::Hang => What::Hang,
            Kind::Late => What::Late { seconds: self.seconds()? },
            Kind::Cut => What::Cut,
            Kind::CutAfter => What::CutAfter,
            Kind::Status => {
                let code = self.code.take().ok_or("`code` is missing")?;
                if !(200..=599).contains(&code) {
                    return Err("code is not an HTTP status from 200 to 599".into());
                }
                What::Status {
                    code,
                    body: self.body.take().unwrap_or_default(),
                    content_type: self.content_type.take(),
                    retry_after: self.retry_after.take(),
                }
            }
            Kind::Truncate => What::Truncate,
            Kind::HugeJson => What::HugeJson { bytes: self.bytes.take().ok_or("`bytes` is missing")? },
            Kind::WrongPassword => What::WrongPassword,
            Kind::MediaNeverAttaches => What::MediaNeverAttaches,
            Kind::ImageUnreachable => What::ImageUnreachable,
            Kind::Down => What::Down { seconds: self.seconds()? },
            Kind::DownAfter => What::DownAfter { seconds: self.seconds()? },
            Kind::JobsStick => What::JobsStick,
            Kind::BiosRejected => What::BiosRejected {
                attribute: self.attribute.take().ok_or("`attribute` is missing")?,
                when: self.when.take().unwrap_or(Rejection::Post),
            },
        })
    }

    fn seconds(&mut self) -> Result<f64, String> {
        let seconds = self.seconds.take().ok_or("`seconds` is missing")?;
        if (0.0..=1e9).contains(&seconds) {
            Ok(seconds)
        } else {
            Err("seconds is negative or too great".into())
        }
    }

    /// Keys that another kind of fault has.
    fn nothing_left(&self) -> Result<(), String> {
        let left = [
            ("seconds", self.seconds.is_some()),
            ("code", self.code.is_some()),
            ("body", self.body.is_some()),
            ("contentType", self.content_type.is_some()),
            ("retryAfter", self.retry_after.is_some()),
            ("bytes", self.bytes.is_some()),
            ("attribute", self.attribute.is_some()),
            ("when", self.when.is_some()),
        ];
        match left.iter().find(|(_, set)| *set) {
            Some((name, _)) => Err(format!("`{name}` does not belong to this kind of fault")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let text = "faults:\n- name: slow\n  do: delay\n  seconds: 3\n  path: '*/Bios'\n- name: busy\n  do: status\n  code: 503\n  retryAfter: 5\n- {name: no, do: biosRejected, attribute: Num*, when: patch}\n";
        let rules = parse(text).unwrap();
        assert_eq!(rules[0], Rule::new("slow", What::Delay { seconds: 3.0 }).request("*", "*/Bios"));
        assert!(matches!(rules[1].what, What::Status { code: 503, retry_after: Some(5), .. }));
        assert!(matches!(rules[2].what, What::BiosRejected { when: Rejection::Patch, .. }));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let rule = Rule::new("x", What::Down { seconds: 2.0 }).request("GET", "/redfish/*").window(1, 2);
        let file = serde_json::json!({"faults": [rule]}).to_string();
        assert_eq!(parse(&file).unwrap(), [rule]);
    }

    #[test]
    fn mistakes_are_refused_by_name() {
        let refused = |rule: &str| parse(&format!("faults:\n- {rule}\n")).unwrap_err().to_string();
        for (rule, word) in [
            ("{name: x, do: explode}", "explode"),
            ("{name: x, do: cut, pathh: '*'}", "pathh"),
            ("{name: x, do: cut, seconds: 3}", "`seconds`"),
            ("{name: x, do: delay}", "`seconds`"),
            ("{name: x, do: delay, seconds: -1}", "seconds"),
            ("{name: x, do: cut, probability: 2}", "probability"),
            ("{name: x, do: cut, phase: Post1}", "Post1"),
            ("{name: x, do: status, code: 99}", "code"),
            ("{name: x, do: mediaNeverAttaches, path: '*/x'}", "machine"),
        ] {
            assert!(refused(rule).contains(word), "{rule}: {}", refused(rule));
        }
        let unknown = parse("faults: []\nfault: []\n").unwrap_err().to_string();
        assert!(unknown.contains("`fault`"), "{unknown}");
        assert!(refused("{name: x, do: cut, pathh: '*'}").contains("line 2"));
    }
}
