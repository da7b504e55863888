//! The report as a whole: what is allowed, what is not judged, what is counted.

use super::good::{COMMON, FILES, SECRETS, SITE};
use super::{open, options, said, written};
use crate::lint::{LintOptions, Rule, lint};

fn report(files: &[(&str, &str)], options: &LintOptions) -> String {
    let directory = written(files.iter().copied());
    said(directory.path(), lint(&open(directory.path()), options))
}

fn text(file: &str) -> &'static str {
    FILES.iter().find(|(name, _)| *name == file).unwrap().1
}

#[test]
fn policies_alone_are_not_held_against_clusters_that_are_elsewhere() {
    insta::assert_snapshot!(report(&[(COMMON, text(COMMON))], &options()), @r"
    policygentemplates/common.yaml:7:3: note[bindings-not-checked]: spec.bindingRules: there is no cluster here, so bindings are not held against clusters
    1 file, 0 clusters, 0 nodes, 1 policy: 0 errors, 0 warnings, 1 note
    ");
}

#[test]
fn clusters_alone_need_no_policy() {
    let site = text(SITE).replace("rack-special", "storage");
    let files = [
        (SITE, site.as_str()),
        (SECRETS, text(SECRETS)),
        ("siteconfigs/bios.profile", "A: b\n"),
        ("siteconfigs/extra/x", ""),
    ];
    insta::assert_snapshot!(report(&files, &options()), @"2 files, 1 cluster, 3 nodes, 0 policies: 0 errors, 0 warnings");
}

#[test]
fn a_rule_is_allowed_by_flag_or_by_a_comment_on_the_line_or_above_it() {
    let secrets = text(SECRETS).replace("change-me", "opensesame");
    let swap = |text: &str| {
        let mut files = FILES.to_vec();
        let text: &'static str = text.to_owned().leak();
        files.iter_mut().find(|(name, _)| *name == SECRETS).unwrap().1 = text;
        files
    };
    let clean = "9 files, 2 clusters, 5 nodes, 2 policies: 0 errors, 0 warnings, 1 allowed\n";
    let flag = LintOptions { allow: [Rule::PlainSecret].into(), ..options() };
    assert_eq!(report(&swap(&secrets), &flag), clean);
    let beside = secrets.replace("opensesame}", "opensesame} # rackhand-lint: allow secret-in-plain-text");
    assert_eq!(report(&swap(&beside), &options()), clean);
    let above = secrets
        .replace("stringData", "# rackhand-lint: allow missing-secret, secret-in-plain-text\nstringData");
    assert_eq!(report(&swap(&above), &options()), clean);
    // Another rule's name, or two lines above, does not help.
    let other = secrets.replace("opensesame}", "opensesame} # rackhand-lint: allow missing-secret");
    assert!(report(&swap(&other), &options()).contains("warning[secret-in-plain-text]"));
    let far = secrets.replace("stringData", "# rackhand-lint: allow secret-in-plain-text\n\nstringData");
    assert!(report(&swap(&far), &options()).contains("warning[secret-in-plain-text]"));
}

#[test]
fn a_report_is_data_for_programs() {
    let directory = written([(COMMON, text(COMMON))]);
    let report = lint(&open(directory.path()), &options());
    let mut value = serde_json::to_value(&report).unwrap();
    value["findings"][0]["file"] = COMMON.into();
    insta::assert_json_snapshot!(value, @r#"
    {
      "summary": {
        "files": 1,
        "clusters": 0,
        "nodes": 0,
        "policies": 1,
        "errors": 0,
        "warnings": 0,
        "notes": 1,
        "allowed": 0
      },
      "findings": [
        {
          "severity": "note",
          "rule": "bindings-not-checked",
          "file": "policygentemplates/common.yaml",
          "line": 7,
          "column": 3,
          "field": "spec.bindingRules",
          "message": "there is no cluster here, so bindings are not held against clusters"
        }
      ]
    }
    "#);
}

#[test]
fn what_is_no_repository_is_a_finding_too() {
    let directory = written([("a.txt", "nothing")]);
    let report = lint(&open(&directory.path().join("absent")), &options());
    assert!(report.has_errors(), "{report}");
    let report = lint(&open(directory.path()), &options());
    assert_eq!(report.to_string(), "0 files, 0 clusters, 0 nodes, 0 policies: 0 errors, 0 warnings\n");
}

/// What the hub puts into a cluster's labels, and what a template makes of them, is never held against a policy.
#[test]
fn what_the_repository_cannot_show_is_not_judged() {
    let common = text(COMMON).replace("common: \"true\"", "vendor: OpenShift");
    let mut files = FILES.to_vec();
    files.iter_mut().find(|(name, _)| *name == COMMON).unwrap().1 = common.leak();
    assert_eq!(
        report(&files, &options()),
        "9 files, 2 clusters, 5 nodes, 2 policies: 0 errors, 0 warnings\n"
    );
}

/// Whatever stands in a file, reading it ends and says where the trouble is.
#[test]
fn strange_shapes_are_survived() {
    let strange = [
        "apiVersion: ran.openshift.io/v1\nkind: PolicyGenTemplate\nspec: [1, {bindingRules: x}]\n",
        "apiVersion: ran.openshift.io/v1\nkind: PolicyGenTemplate\nmetadata: 3\nspec: {bindingRules: [a], sourceFiles: {a: b}}\n",
        "apiVersion: policy.open-cluster-management.io/v1\nkind: PolicyGenerator\npolicies: {a: b}\npolicyDefaults: []\n",
        "apiVersion: policy.open-cluster-management.io/v1\nkind: PolicyGenerator\npolicies: [1, {placement: [], manifests: 7}]\n",
        "apiVersion: cluster.open-cluster-management.io/v1beta1\nkind: Placement\nspec: {predicates: [1, {}]}\n",
        "apiVersion: ran.openshift.io/v1\nkind: SiteConfig\nspec: {clusters: [{clusterName: c, nodes: [1, {nodeNetwork: {config: {interfaces: [{name: [], vlan: 3}, 4], routes: {config: 5}}}}]}]}\n",
        "apiVersion: v1\nkind: Secret\ndata: [1]\nstringData: x\n",
        "apiVersion: v1\nkind: List\nitems: {a: b}\n",
        "- 1\n- 2\n",
    ];
    for (number, text) in strange.into_iter().enumerate() {
        let said = report(&[("f.yaml", text)], &options());
        assert!(said.starts_with("f.yaml") || said.starts_with("1 file"), "{number}: {said}");
    }
}
