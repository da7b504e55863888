//! Policies against clusters: bindings that match none, and clusters that none matches.

use std::collections::{BTreeMap, BTreeSet};

use rackhand_spec::{located::Field, nearest};

use super::Rule;
use super::facts::{Cluster, Facts, words};
use super::finding::Finding;
use super::policies::{Binding, Policies};
use super::repository::{Object, Repository};
use super::selector::{Requirement, Test, Verdict};

/// A cluster as the hub sees it: a name and labels.
struct Managed<'f, 'a> {
    name: &'a str,
    at: Field<'a>,
    labels: BTreeMap<&'a str, &'a str>,
    /// Its spec, where it is not a ManagedCluster alone.
    cluster: Option<&'f Cluster<'a>>,
}

pub(crate) fn check(
    repository: &Repository,
    facts: &Facts<'_>,
    policies: &Policies<'_>,
    out: &mut Vec<Finding>,
) {
    policies.templates.iter().for_each(|template| contradictions(template, out));
    let managed = managed(repository, facts);
    let why = match (repository.complete, managed.is_empty()) {
        (true, false) => None,
        (true, true) => Some("there is no cluster here"),
        (false, _) => Some("not every file could be read"),
    };
    if let (Some(why), Some(first)) = (why, policies.bindings.first()) {
        let message = format!("{why}, so bindings are not held against clusters");
        out.push(Finding::note(&first.at, Rule::BindingsNotChecked, message));
    }
    if why.is_some() {
        return;
    }
    let before = out.len();
    for binding in &policies.bindings {
        match managed.iter().map(|cluster| binding.choice.judge(&cluster.labels)).max() {
            Some(Verdict::No) => {
                let finding = unmatched(binding, &managed);
                // A Placement that policies refer to is one mistake, not one for each.
                let same = |one: &&Finding| {
                    (&one.file, one.line, one.column) == (&finding.file, finding.line, finding.column)
                };
                if !out.iter().skip(before).any(|one| same(&one)) {
                    out.push(finding);
                }
            }
            _ => pools(binding, &managed, out),
        }
    }
    let binding: Vec<_> = policies.bindings.iter().filter(|binding| binding.binds).collect();
    // Where policies are kept elsewhere, no cluster can be missed by one here.
    for cluster in managed.iter().filter(|cluster| cluster.cluster.is_some() && !binding.is_empty()) {
        if binding.iter().all(|binding| binding.choice.judge(&cluster.labels) == Verdict::No) {
            out.push(lonely(cluster, &binding));
        }
    }
}

/// The clusters of specs, and ManagedClusters that no spec makes.
fn managed<'f, 'a>(repository: &'a Repository, facts: &'f Facts<'a>) -> Vec<Managed<'f, 'a>> {
    let of_spec = |cluster: &&'f Cluster<'a>| Managed {
        name: cluster.name,
        at: cluster.at.clone(),
        labels: cluster.labels.clone(),
        cluster: Some(*cluster),
    };
    let mut managed: Vec<Managed<'f, 'a>> = facts.distinct().iter().map(of_spec).collect();
    let objects = repository.objects();
    let own = objects.filter(|one| one.is("cluster.open-cluster-management.io", "ManagedCluster"));
    for object in own.filter(|one| !one.unlisted) {
        let labels = object.root.dig(&["metadata", "labels"]).map(|at| words(&at)).unwrap_or_default();
        match managed.iter_mut().find(|known| known.name == object.name) {
            Some(known) => known.labels.extend(labels),
            None => managed.push(Managed { name: object.name, at: object.place(), labels, cluster: None }),
        }
    }
    // The hub labels each cluster with its name.
    for cluster in &mut managed {
        cluster.labels.entry("name").or_insert(cluster.name);
    }
    managed
}

fn unmatched(binding: &Binding<'_>, managed: &[Managed<'_, '_>]) -> Finding {
    // Where one requirement alone keeps every cluster out, the place is that one.
    let fails = |one: &&Requirement<'_>| managed.iter().all(|c| one.judge(&c.labels) == Verdict::No);
    let culprit = binding.choice.requirements().find(fails);
    let what = &binding.what;
    match culprit {
        Some(one) => {
            let message = format!("{what} does not match {}: {}", count(managed), one.refusal());
            let finding = Finding::warning(&one.at, Rule::BindingMatchesNothing, message);
            match advice(one, managed) {
                Some(help) => finding.help(help),
                None => finding,
            }
        }
        None => {
            let asked: Vec<String> = binding.choice.requirements().map(Requirement::spoken).collect();
            let message =
                format!("{what} does not match {}: none has all of {}", count(managed), asked.join(", "));
            Finding::warning(&binding.at, Rule::BindingMatchesNothing, message)
        }
    }
}

fn count(managed: &[Managed<'_, '_>]) -> String {
    match managed {
        [one] => format!("the one cluster there is, {}", one.name),
        several => format!("any of the {} clusters", several.len()),
    }
}

/// What the clusters have instead.
fn advice(one: &Requirement<'_>, managed: &[Managed<'_, '_>]) -> Option<String> {
    let values: BTreeSet<&str> = managed.iter().filter_map(|c| c.labels.get(one.key).copied()).collect();
    if !values.is_empty() && matches!(one.test, Test::In(_)) {
        let values: Vec<String> = values.iter().take(8).map(|value| format!("\"{value}\"")).collect();
        return Some(format!("the values of {} are {}", one.key, values.join(", ")));
    }
    let keys: BTreeSet<&str> = managed.iter().flat_map(|c| c.labels.keys().copied()).collect();
    nearest(one.key, keys.into_iter().filter(|key| *key != one.key))
        .map(|near| format!("did you mean `{near}`?"))
}

/// The cluster that no policy matches, and the binding that is nearest.
fn lonely(cluster: &Managed<'_, '_>, bindings: &[&Binding<'_>]) -> Finding {
    let message = format!("no policy matches cluster {}", cluster.name);
    let finding = Finding::warning(&cluster.at, Rule::ClusterWithoutPolicy, message);
    let missing = |binding: &&&Binding<'_>| {
        let all = binding.choice.requirements();
        all.filter(|one| one.judge(&cluster.labels) == Verdict::No).count()
    };
    let Some(near) = bindings.iter().min_by_key(missing) else { return finding };
    let asked = near.choice.requirements().filter(|one| one.judge(&cluster.labels) == Verdict::No);
    let asked: Vec<String> = asked.map(Requirement::spoken).collect();
    finding.help(format!("the nearest is {}, which asks for {}", near.what, asked.join(", ")))
}

/// `mcp: worker` means nothing on a cluster without workers.
fn pools(binding: &Binding<'_>, managed: &[Managed<'_, '_>], out: &mut Vec<Finding>) {
    let Some(at) = &binding.mcp else { return };
    let Some(role) = at.text().filter(|role| matches!(*role, "master" | "worker")) else { return };
    let chosen = managed.iter().filter(|cluster| binding.choice.judge(&cluster.labels) != Verdict::No);
    let specs = chosen.filter_map(|managed| managed.cluster);
    let without = |cluster: &&Cluster<'_>| !cluster.nodes.iter().any(|node| node.role == role);
    let names: Vec<&str> = specs.filter(without).map(|cluster| cluster.name).collect();
    if !names.is_empty() {
        let message = format!("no node of {} is a {role}, so this pool is empty there", names.join(", "));
        out.push(Finding::warning(at, Rule::McpWithoutNode, message));
    }
}

/// A label that is asked for and excluded at once.
fn contradictions(template: &Object<'_>, out: &mut Vec<Finding>) {
    let spec = |name| template.root.dig(&["spec", name]);
    let (Some(rules), Some(excluded)) = (spec("bindingRules"), spec("bindingExcludedRules")) else { return };
    for (key, at) in excluded.entries() {
        let value = at.text().unwrap_or_default();
        let Some(asked) = rules.get(key) else { continue };
        if value.is_empty() || asked.text().unwrap_or_default() == value {
            let message =
                format!("`{key}` is asked for in bindingRules, line {}, and excluded here", asked.line());
            out.push(Finding::error(&at, Rule::BindingContradiction, message));
        }
    }
}
