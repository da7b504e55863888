//! Policies and what binds them to clusters: PolicyGenTemplate, PolicyGenerator, Placement and PlacementRule.

use std::collections::BTreeSet;
use std::path::Path;

use rackhand_spec::located::Field;

use super::repository::{Object, Repository};
use super::selector::{Requirement, Selector, Verdict};

const POLICY: &str = "policy.open-cluster-management.io";
const PLACEMENT: &str = "cluster.open-cluster-management.io";
const RULE: &str = "apps.open-cluster-management.io";

/// Something that chooses clusters.
#[derive(Debug)]
pub(crate) struct Binding<'a> {
    /// What a person calls it.
    pub(crate) what: String,
    /// Where it is written.
    pub(crate) at: Field<'a>,
    pub(crate) choice: Choice<'a>,
    /// Whether policies go to what it chooses.
    pub(crate) binds: bool,
    /// The machine config pool that its policies configure.
    pub(crate) mcp: Option<Field<'a>>,
}

/// Which clusters are chosen.
#[derive(Debug, Clone)]
pub(crate) enum Choice<'a> {
    /// Those that one of these selects.
    Any(Vec<Selector<'a>>),
    /// The repository does not show it.
    Unknown,
}

impl<'a> Choice<'a> {
    fn one(selector: Selector<'a>) -> Self {
        Self::Any(vec![selector])
    }

    pub(crate) fn judge(&self, labels: &std::collections::BTreeMap<&str, &str>) -> Verdict {
        match self {
            Self::Unknown => Verdict::Unknown,
            Self::Any(selectors) => {
                selectors.iter().map(|one| one.judge(labels)).max().unwrap_or(Verdict::No)
            }
        }
    }

    pub(crate) fn requirements(&self) -> impl Iterator<Item = &Requirement<'a>> {
        let selectors = match self {
            Self::Any(selectors) => selectors.as_slice(),
            Self::Unknown => &[],
        };
        selectors.iter().flat_map(|selector| &selector.requirements)
    }
}

/// All policies of a repository.
#[derive(Debug, Default)]
pub(crate) struct Policies<'a> {
    pub(crate) bindings: Vec<Binding<'a>>,
    /// The objects that hold policies.
    pub(crate) templates: Vec<Object<'a>>,
    pub(crate) generators: Vec<Object<'a>>,
    /// How many documents hold policies.
    pub(crate) count: usize,
}

impl<'a> Policies<'a> {
    pub(crate) fn of(repository: &'a Repository) -> Self {
        let mut policies = Self::default();
        let objects: Vec<Object<'a>> = repository.objects().collect();
        let used = used_placements(&objects);
        for object in objects.iter().filter(|object| !object.unlisted) {
            policies.object(object, &objects, &used);
        }
        policies.count += policies.templates.len() + policies.generators.len();
        policies
    }

    fn object(&mut self, object: &Object<'a>, all: &[Object<'a>], used: &BTreeSet<&'a str>) {
        match (object.group, object.kind) {
            ("ran.openshift.io", "PolicyGenTemplate") => {
                self.bindings.extend(template(object));
                self.templates.push(object.clone());
            }
            (POLICY, "PolicyGenerator") => {
                generator(object, all, &mut self.bindings);
                self.generators.push(object.clone());
            }
            (POLICY, "Policy") => self.count += 1,
            _ => {
                let Some(choice) = placement(object) else { return };
                self.bindings.push(Binding {
                    what: object.called(),
                    at: object.place(),
                    choice,
                    binds: used.contains(object.name),
                    mcp: None,
                });
            }
        }
    }
}

/// The names of placements that policies go to.
fn used_placements<'a>(objects: &[Object<'a>]) -> BTreeSet<&'a str> {
    let bindings = objects.iter().filter(|object| object.is(POLICY, "PlacementBinding"));
    bindings.filter_map(|object| object.root.dig(&["placementRef", "name"])?.text()).collect()
}

/// A PolicyGenTemplate without policies (source files alone) is bound to nothing.
fn template<'a>(object: &Object<'a>) -> Option<Binding<'a>> {
    let spec = object.root.get("spec")?;
    let wrapped = spec.get("wrapInPolicy").and_then(|at| at.text()) != Some("false");
    let rules = spec.get("bindingRules").filter(|_| wrapped);
    let excluded = spec.get("bindingExcludedRules");
    let values = |text: &'a str| text.split(',').collect();
    let mut selector = rules.as_ref().map(|at| Selector::rules(at, &values)).unwrap_or_default();
    if let Some(excluded) = &excluded {
        selector.requirements.extend(Selector::rules(excluded, &values).excluded().requirements);
    }
    if !wrapped {
        return None;
    }
    Some(Binding {
        what: object.called(),
        at: rules.or(excluded).map_or_else(|| object.place(), Field::at_key),
        choice: Choice::one(selector),
        binds: true,
        mcp: spec.get("mcp"),
    })
}

/// Each placement that a PolicyGenerator's policies and policy sets go to.
fn generator<'a>(object: &Object<'a>, all: &[Object<'a>], bindings: &mut Vec<Binding<'a>>) {
    let list = |name| object.root.get(name).map(|at| at.items()).unwrap_or_default();
    let (policies, sets) = (list("policies"), list("policySets"));
    let name = |at: &Field<'a>| at.get("name").and_then(|at| at.text()).unwrap_or_default();
    let of_sets = |set: &Field<'a>| set.get("policies").map(|at| at.items()).unwrap_or_default();
    let members: BTreeSet<&str> = sets.iter().flat_map(of_sets).filter_map(|at| at.text()).collect();
    let in_set = |policy: &Field<'a>| {
        let joins = |at: Field<'a>| at.get("policySets").is_some_and(|at| !at.items().is_empty());
        members.contains(name(policy))
            || joins(policy.clone())
            || object.root.get("policyDefaults").is_some_and(joins)
    };
    let mut add = |what: String, at: Option<Field<'a>>| {
        let choice =
            at.as_ref().map_or_else(|| Choice::one(Selector::default()), |at| placed(at, object, all));
        let at = at.map_or_else(|| object.place(), Field::at_key);
        bindings.push(Binding { what, at, choice, binds: true, mcp: None });
    };
    let mut left_to_default = false;
    for policy in &policies {
        match policy.get("placement") {
            Some(at) => add(format!("policy {}", name(policy)), Some(at)),
            None => left_to_default |= !in_set(policy),
        }
    }
    let switched_off = object.root.dig(&["policyDefaults", "generatePolicyPlacement"]);
    // Placement is then made elsewhere, by somebody who knows.
    if left_to_default && switched_off.and_then(|at| at.text()) != Some("false") {
        add(object.called(), object.root.dig(&["policyDefaults", "placement"]));
    }
    for set in &sets {
        let at = set.get("placement").or_else(|| object.root.dig(&["policySetDefaults", "placement"]));
        add(format!("policy set {}", name(set)), at);
    }
}

/// What `placement` of a PolicyGenerator chooses.
fn placed<'a>(at: &Field<'a>, object: &Object<'a>, all: &[Object<'a>]) -> Choice<'a> {
    for name in ["labelSelector", "clusterSelector", "clusterSelectors"] {
        if let Some(selector) = at.get(name) {
            return Choice::one(Selector::of(&selector));
        }
    }
    let named = |name| at.get(name).and_then(|at| at.text());
    let found = if let Some(path) = named("placementPath").or_else(|| named("placementRulePath")) {
        let file = beside(object.root.file(), path);
        all.iter().filter(|one| tidy(one.root.file()) == file).find_map(placement)
    } else if let Some(name) = named("placementName").or_else(|| named("placementRuleName")) {
        all.iter().filter(|one| one.name == name).find_map(placement)
    } else {
        return Choice::one(Selector::default());
    };
    found.unwrap_or(Choice::Unknown)
}

/// What a Placement or PlacementRule chooses; `None` for other kinds.
fn placement<'a>(object: &Object<'a>) -> Option<Choice<'a>> {
    let spec = object.root.get("spec");
    if object.is(RULE, "PlacementRule") {
        let selector = spec.as_ref().and_then(|spec| spec.get("clusterSelector"));
        let narrowed = spec.is_some_and(|spec| spec.get("clusters").is_some());
        return Some(match selector {
            Some(at) if !narrowed => Choice::one(Selector::of(&at)),
            _ => Choice::Unknown,
        });
    }
    if !object.is(PLACEMENT, "Placement") {
        return None;
    }
    let predicates = spec.and_then(|spec| spec.get("predicates")).map(|at| at.items()).unwrap_or_default();
    if predicates.is_empty() {
        return Some(Choice::one(Selector::default()));
    }
    let required = |at: &Field<'a>| at.get("requiredClusterSelector");
    let claims = |at: Field<'a>| at.get("claimSelector").is_some() || at.get("celSelector").is_some();
    if predicates.iter().filter_map(required).any(claims) {
        return Some(Choice::Unknown);
    }
    let selector = |at: &Field<'a>| required(at)?.get("labelSelector").map(|at| Selector::of(&at));
    Some(Choice::Any(predicates.iter().map(|at| selector(at).unwrap_or_default()).collect()))
}

/// A path that is relative to a file.
pub(crate) fn beside(file: &Path, path: &str) -> std::path::PathBuf {
    tidy(&file.parent().unwrap_or(Path::new("")).join(path))
}

/// A path without `.` and, where that can be done, without `..`.
pub(crate) fn tidy(path: &Path) -> std::path::PathBuf {
    use std::path::Component;
    let mut out = std::path::PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
