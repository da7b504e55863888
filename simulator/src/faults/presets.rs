//! Faults by name: the troubles that a demonstration shows.

use super::{Rejection, Rule, What};

/// A named trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub summary: &'static str,
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    Preset { name: "bad-password", summary: "the BMC refuses every password, as a wrong one" },
    Preset { name: "unreachable-iso", summary: "the BMC has no route to the image server" },
    Preset { name: "rejected-bios", summary: "POST refuses the BIOS settings that wait for it" },
    Preset { name: "rejected-bios-write", summary: "the BMC refuses every BIOS setting when it is written" },
    Preset { name: "bmc-down", summary: "the BMC takes the image, and then does not answer any more" },
    Preset { name: "media-stuck", summary: "the BMC takes the image and never attaches it" },
];

/// How long a BMC that is down stays so: longer than anybody waits.
const FOR_GOOD: f64 = 1e9;

/// The rules of a preset for the machines of that name (`*` standing for any text); `None` when there is no such preset.
/// The rules have the preset's name.
pub fn preset(name: &str, machine: &str) -> Option<Vec<Rule>> {
    let rule = |what| Rule::new(name, what).machine(machine);
    let rejected = |when| What::BiosRejected { attribute: "*".into(), when };
    Some(match name {
        "bad-password" => vec![rule(What::WrongPassword)],
        "unreachable-iso" => vec![rule(What::ImageUnreachable)],
        "rejected-bios" => vec![rule(rejected(Rejection::Post))],
        "rejected-bios-write" => vec![rule(rejected(Rejection::Patch))],
        // `InsertMedia` of the standard, `InsertVirtualMedia` of HPE's own action.
        "bmc-down" => vec![
            rule(What::DownAfter { seconds: FOR_GOOD }).request("POST", "*.InsertMedia").window(0, 1),
            rule(What::DownAfter { seconds: FOR_GOOD }).request("POST", "*.InsertVirtualMedia").window(0, 1),
        ],
        "media-stuck" => vec![rule(What::MediaNeverAttaches)],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_rules_of_its_name() {
        for known in PRESETS {
            let rules = preset(known.name, "node2").unwrap();
            assert!(rules.iter().all(|rule| rule.name == known.name && rule.machine == "node2"));
            assert!(!rules.is_empty());
        }
        assert_eq!(preset("earthquake", "*"), None);
    }
}
