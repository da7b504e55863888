//! The ways in which policies are bound: what each form chooses.

use std::path::PathBuf;

use rackhand_spec::Source;

use crate::lint::Repository;
use crate::lint::policies::Policies;

/// Each binding, with what it says of a cluster with `group: du`, and whether policies follow it.
fn bindings(files: &[(&str, &str)]) -> String {
    let files = files.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned())).collect();
    let repository = Repository::of(Source { files, ..Source::default() });
    let labels = [("group", "du")].into();
    let policies = Policies::of(&repository);
    let line = |binding: &crate::lint::policies::Binding<'_>| {
        let verdict = binding.choice.judge(&labels);
        let binds = if binding.binds { "" } else { ", bound to no policy" };
        format!("{}: {verdict:?}{binds}", binding.what)
    };
    policies.bindings.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn generator(rest: &str) -> String {
    format!(
        "apiVersion: policy.open-cluster-management.io/v1\nkind: PolicyGenerator\nmetadata: {{name: g}}\n{rest}"
    )
}

#[test]
fn a_policy_goes_by_its_own_placement_or_else_by_the_default() {
    let defaults = "policyDefaults: {placement: {labelSelector: {group: du}}}\n";
    let both = "policies: [{name: a}, {name: b, placement: {labelSelector: {group: cu}}}]\n";
    assert_eq!(
        bindings(&[("g.yaml", &generator(&format!("{defaults}{both}")))]),
        "policy b: No\nPolicyGenerator g: Yes"
    );
    // A default that no policy is left to is not held against anybody.
    let own = "policies: [{name: b, placement: {clusterSelector: {matchLabels: {group: cu}}}}]\n";
    assert_eq!(bindings(&[("g.yaml", &generator(&format!("{defaults}{own}")))]), "policy b: No");
    // Without any placement a policy goes everywhere.
    assert_eq!(bindings(&[("g.yaml", &generator("policies: [{name: a}]\n"))]), "PolicyGenerator g: Yes");
    // Somebody else places it.
    let off = "policyDefaults: {generatePolicyPlacement: false}\npolicies: [{name: a}]\n";
    assert_eq!(bindings(&[("g.yaml", &generator(off))]), "");
}

#[test]
fn a_policy_in_a_set_goes_where_the_set_goes() {
    let rest = "policyDefaults: {placement: {labelSelector: {group: cu}}}\npolicies: [{name: a}, {name: b, policySets: [t]}]\npolicySetDefaults: {placement: {labelSelector: {group: du}}}\npolicySets: [{name: s, policies: [a]}, {name: t, placement: {labelSelector: {group: cu}}}]\n";
    assert_eq!(bindings(&[("g.yaml", &generator(rest))]), "policy set s: Yes\npolicy set t: No");
}

#[test]
fn a_placement_that_stands_elsewhere_is_looked_up() {
    let placement = |name: &str, spec: &str| {
        format!(
            "apiVersion: cluster.open-cluster-management.io/v1beta1\nkind: Placement\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        )
    };
    let by = |how: &str| generator(&format!("policies: [{{name: a, placement: {{{how}}}}}]\n"));
    let cu = "{predicates: [{requiredClusterSelector: {labelSelector: {matchLabels: {group: cu}}}}]}";
    let either = "{predicates: [{requiredClusterSelector: {labelSelector: {matchLabels: {group: cu}}}}, {requiredClusterSelector: {labelSelector: {matchLabels: {group: du}}}}]}";
    let (cu, either) = (placement("p", cu), placement("p", either));
    let path = by("placementPath: ../places/p.yaml");
    assert_eq!(
        bindings(&[("dir/g.yaml", &path), ("places/p.yaml", &cu)]),
        "policy a: No\nPlacement p: No, bound to no policy"
    );
    // One predicate that holds is enough.
    assert_eq!(
        bindings(&[("g.yaml", &by("placementName: p")), ("p.yaml", &either)]),
        "policy a: Yes\nPlacement p: Yes, bound to no policy"
    );
    // What is not here is on the hub.
    assert_eq!(bindings(&[("g.yaml", &by("placementName: q"))]), "policy a: Unknown");
    let claims =
        placement("c", "{predicates: [{requiredClusterSelector: {claimSelector: {matchExpressions: []}}}]}");
    assert_eq!(bindings(&[("p.yaml", &claims)]), "Placement c: Unknown, bound to no policy");
    let bound = "apiVersion: policy.open-cluster-management.io/v1\nkind: PlacementBinding\nmetadata: {name: b}\nplacementRef: {kind: Placement, name: c}\n";
    assert_eq!(bindings(&[("b.yaml", bound), ("p.yaml", &placement("c", "{}"))]), "Placement c: Yes");
}

#[test]
fn a_placement_rule_selects_by_labels_or_names_clusters() {
    let rule = |spec: &str| {
        format!(
            "apiVersion: apps.open-cluster-management.io/v1\nkind: PlacementRule\nmetadata: {{name: r}}\nspec: {spec}\n"
        )
    };
    for (spec, expected) in [
        ("{clusterSelector: {matchExpressions: [{key: group, operator: In, values: [du]}]}}", "Yes"),
        ("{clusterSelector: {matchLabels: {group: cu}}}", "No"),
        ("{clusters: [{name: c}]}", "Unknown"),
        ("{}", "Unknown"),
    ] {
        assert_eq!(
            bindings(&[("r.yaml", &rule(spec))]),
            format!("PlacementRule r: {expected}, bound to no policy")
        );
    }
}

#[test]
fn a_template_asks_for_every_rule_and_refuses_every_excluded_one() {
    let template = |spec: &str| {
        let text = format!(
            "apiVersion: ran.openshift.io/v1\nkind: PolicyGenTemplate\nmetadata: {{name: t}}\nspec: {spec}\n"
        );
        bindings(&[("t.yaml", &text)])
    };
    for (spec, expected) in [
        ("{bindingRules: {group: du}}", "Yes"),
        ("{bindingRules: {group: 'cu,du'}}", "Yes"),
        ("{bindingRules: {group: ''}}", "Yes"),
        ("{bindingRules: {group: cu}}", "No"),
        ("{bindingRules: {rack: ''}}", "No"),
        ("{bindingRules: {group: du}, bindingExcludedRules: {rack: ''}}", "Yes"),
        ("{bindingRules: {group: ''}, bindingExcludedRules: {group: du}}", "No"),
        ("{bindingExcludedRules: {group: ''}}", "No"),
        ("{bindingRules: {group: du}, bindingExcludedRules: {ztp-done: ''}}", "Unknown"),
    ] {
        assert_eq!(template(spec), format!("PolicyGenTemplate t: {expected}"), "{spec}");
    }
    // It makes files and no policies.
    assert_eq!(template("{bindingRules: {group: cu}, wrapInPolicy: false}"), "");
}
