//! Label selectors, and what they say of a cluster whose labels are partly the hub's.

use std::collections::BTreeMap;

use rackhand_spec::located::Field;

/// What a selector says of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    No,
    /// The repository does not show it: the hub sets the label.
    Unknown,
    Yes,
}

/// Requirements that must all hold. None at all: every cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector<'a> {
    pub(crate) requirements: Vec<Requirement<'a>>,
}

/// What is asked of one label.
#[derive(Debug, Clone)]
pub(crate) struct Requirement<'a> {
    pub(crate) key: &'a str,
    pub(crate) test: Test<'a>,
    pub(crate) at: Field<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test<'a> {
    In(Vec<&'a str>),
    NotIn(Vec<&'a str>),
    Exists,
    DoesNotExist,
    /// An operator that there is not, or a template.
    Unknown,
}

/// Keys of labels that the hub sets by itself, so that no repository shows them.
const HUB_KEYS: [&str; 5] = ["cloud", "clusterID", "local-cluster", "region", "vendor"];
const HUB_PREFIXES: [&str; 4] = [
    "cluster.open-cluster-management.io/",
    "feature.open-cluster-management.io/",
    "openshiftVersion",
    "ztp-",
];

fn is_set_by_hub(key: &str) -> bool {
    HUB_KEYS.contains(&key) || HUB_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

impl<'a> Selector<'a> {
    /// `matchLabels` and `matchExpressions`, or a plain mapping of labels, in which an empty value asks for the key alone.
    pub(crate) fn of(at: &Field<'a>) -> Self {
        let entries = at.entries();
        let is_selector = entries.iter().all(|(key, _)| matches!(*key, "matchLabels" | "matchExpressions"));
        if !is_selector {
            return Self::rules(at, &|text| vec![text]);
        }
        let labels = at.get("matchLabels").map(|at| at.entries()).unwrap_or_default();
        let labels = labels.into_iter().map(|(key, at)| {
            let test = template(&at).unwrap_or_else(|| Test::In(vec![at.text().unwrap_or_default()]));
            Requirement { key, test, at }
        });
        let expressions = at.get("matchExpressions").map(|at| at.items()).unwrap_or_default();
        Self { requirements: labels.chain(expressions.iter().filter_map(expression)).collect() }
    }

    /// A mapping of labels, in which an empty value asks for the key alone.
    pub(crate) fn rules(at: &Field<'a>, values: &dyn Fn(&'a str) -> Vec<&'a str>) -> Self {
        let requirement = |(key, at): (&'a str, Field<'a>)| {
            let test = template(&at).unwrap_or_else(|| match at.text().unwrap_or_default() {
                "" => Test::Exists,
                text => Test::In(values(text)),
            });
            Requirement { key, test, at }
        };
        Self { requirements: at.entries().into_iter().map(requirement).collect() }
    }

    /// The opposite of each requirement, all of which must hold.
    pub(crate) fn excluded(self) -> Self {
        let turn = |requirement: Requirement<'a>| Requirement {
            test: match requirement.test {
                Test::In(values) => Test::NotIn(values),
                Test::NotIn(values) => Test::In(values),
                Test::Exists => Test::DoesNotExist,
                Test::DoesNotExist => Test::Exists,
                Test::Unknown => Test::Unknown,
            },
            ..requirement
        };
        Self { requirements: self.requirements.into_iter().map(turn).collect() }
    }

    /// Whether a cluster of these labels is selected.
    pub(crate) fn judge(&self, labels: &BTreeMap<&str, &str>) -> Verdict {
        self.requirements.iter().map(|one| one.judge(labels)).min().unwrap_or(Verdict::Yes)
    }
}

fn template<'a>(at: &Field<'a>) -> Option<Test<'a>> {
    at.text().is_some_and(|text| text.contains("{{")).then_some(Test::Unknown)
}

fn expression<'a>(at: &Field<'a>) -> Option<Requirement<'a>> {
    let values = at.get("values").map(|at| at.items()).unwrap_or_default();
    let values = || values.iter().filter_map(|at| at.text()).collect();
    let test = match at.get("operator")?.text()? {
        "In" => Test::In(values()),
        "NotIn" => Test::NotIn(values()),
        "Exists" => Test::Exists,
        "DoesNotExist" => Test::DoesNotExist,
        _ => Test::Unknown,
    };
    Some(Requirement { key: at.get("key")?.text()?, test, at: at.clone() })
}

impl Requirement<'_> {
    pub(crate) fn judge(&self, labels: &BTreeMap<&str, &str>) -> Verdict {
        let has = labels.get(self.key);
        if (has.is_none() && is_set_by_hub(self.key)) || has.is_some_and(|value| value.contains("{{")) {
            return Verdict::Unknown;
        }
        let holds = match &self.test {
            Test::In(values) => has.is_some_and(|value| values.contains(value)),
            Test::NotIn(values) => !has.is_some_and(|value| values.contains(value)),
            Test::Exists => has.is_some(),
            Test::DoesNotExist => has.is_none(),
            Test::Unknown => return Verdict::Unknown,
        };
        if holds { Verdict::Yes } else { Verdict::No }
    }

    /// What it asks for, as a person says it.
    pub(crate) fn spoken(&self) -> String {
        match &self.test {
            Test::In(values) => self.one_of(values),
            Test::NotIn(values) => format!("not {}", self.one_of(values)),
            Test::Exists => format!("the label {}", self.key),
            Test::DoesNotExist => format!("no label {}", self.key),
            Test::Unknown => format!("something of {}", self.key),
        }
    }

    /// Why it lets no cluster through.
    pub(crate) fn refusal(&self) -> String {
        match &self.test {
            Test::NotIn(values) => format!("each has {}", self.one_of(values)),
            Test::DoesNotExist => format!("each has the label {}", self.key),
            _ => format!("none has {}", self.spoken()),
        }
    }

    fn one_of(&self, values: &[&str]) -> String {
        match values {
            [one] => format!("{}: {}", self.key, quoted(one)),
            several => format!("{} in ({})", self.key, several.join(", ")),
        }
    }
}

fn quoted(value: &str) -> String {
    if value.is_empty() { "\"\"".to_owned() } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rackhand_spec::located::documents;

    use super::*;

    fn judge(selector: &str, labels: &[(&str, &str)]) -> Verdict {
        let (found, _) = documents(Path::new("f.yaml"), selector);
        Selector::of(&found[0].root()).judge(&labels.iter().copied().collect())
    }

    #[test]
    fn a_selector_reads_as_the_hub_reads_it() {
        use Verdict::{No, Unknown, Yes};
        let du = [("group", "du"), ("zone", "")];
        for (selector, expected) in [
            ("{}", Yes),
            // A plain mapping: an empty value asks for the key alone.
            ("{zone: ''}", Yes),
            ("{group: ''}", Yes),
            ("{group: cu}", No),
            ("{rack: ''}", No),
            // In matchLabels an empty value is that value.
            ("{matchLabels: {zone: ''}}", Yes),
            ("{matchLabels: {group: ''}}", No),
            ("{matchLabels: {group: du}, matchExpressions: [{key: zone, operator: Exists}]}", Yes),
            ("{matchExpressions: [{key: group, operator: In, values: [cu, du]}]}", Yes),
            ("{matchExpressions: [{key: group, operator: NotIn, values: [cu, du]}]}", No),
            ("{matchExpressions: [{key: rack, operator: NotIn, values: [r1]}]}", Yes),
            ("{matchExpressions: [{key: rack, operator: DoesNotExist}]}", Yes),
            ("{matchExpressions: [{key: group, operator: DoesNotExist}]}", No),
            ("{matchExpressions: [{key: group, operator: Near}]}", Unknown),
            // What the hub sets is in no repository.
            ("{matchLabels: {vendor: OpenShift}}", Unknown),
            ("{matchExpressions: [{key: ztp-done, operator: DoesNotExist}]}", Unknown),
            ("{matchLabels: {vendor: OpenShift, group: cu}}", No),
            ("{group: '{{ .group }}'}", Unknown),
        ] {
            assert_eq!(judge(selector, &du), expected, "{selector}");
        }
    }
}
