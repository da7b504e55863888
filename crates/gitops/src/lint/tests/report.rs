//! The report as a whole: what is allowed, what is not judged, what is counted.

use std::path::PathBuf;

use rackhand_spec::{Kustomize, LoadOptions, Source};

use super::good::{COMMON, FILES, KUSTOMIZATION, SECRETS, SITE};
use super::{open, options, said, written};
use crate::lint::{LintOptions, Repository, Rule, lint};

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
    let clean = "10 files, 2 clusters, 5 nodes, 2 policies: 0 errors, 0 warnings, 1 allowed\n";
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
        "10 files, 2 clusters, 5 nodes, 2 policies: 0 errors, 0 warnings\n"
    );
}

/// Sites and policies in two repositories are held against each other, as one repository is.
#[test]
fn two_repositories_are_read_as_one() {
    let is_policy = |name: &str| name.starts_with("polic");
    let sites = written(FILES.iter().copied().filter(|(name, _)| !is_policy(name)));
    let policies = written(FILES.iter().copied().filter(|(name, _)| is_policy(name)));
    let load = LoadOptions { kustomize: Kustomize::Never };
    let both = lint(&Repository::open(&[sites.path(), policies.path()], &load), &options());
    assert_eq!(both.to_string(), "10 files, 2 clusters, 5 nodes, 2 policies: 0 errors, 0 warnings\n");
    // A file that is given twice counts once, and is deployed if one of the two says so.
    let site = sites.path().join(SITE);
    let again = lint(&Repository::open(&[sites.path(), policies.path(), &site], &load), &options());
    assert_eq!(again, both);
    std::fs::write(sites.path().join(KUSTOMIZATION), "generators: []\n").unwrap();
    let unlisted = lint(&Repository::open(&[sites.path(), policies.path()], &load), &options());
    assert!(unlisted.to_string().contains("[skipped]"), "{unlisted}");
    let listed = lint(&Repository::open(&[sites.path(), policies.path(), &site], &load), &options());
    assert_eq!(listed, both);
}

/// One control-plane node answers for the cluster, with workers too; more need addresses unless somebody balances for them.
#[test]
fn virtual_addresses_are_asked_of_clusters_that_hold_them() {
    let node = |number: u8, role: &str| {
        format!(
            "  - hostName: h{number}\n    role: {role}\n    bmcAddress: redfish-virtualmedia://192.0.2.{number}\n    bmcCredentialsName: {{name: s}}\n    bootMACAddress: \"02:00:5e:00:00:0{number}\"\n"
        )
    };
    let cluster = |extra: &str, roles: &[&str]| {
        let nodes: String = (1..).zip(roles).map(|(number, role)| node(number, role)).collect();
        let text = format!(
            "apiVersion: siteconfig.open-cluster-management.io/v1alpha1\nkind: ClusterInstance\nmetadata: {{name: c, namespace: c}}\nspec:\n  clusterName: c\n{extra}  nodes:\n{nodes}"
        );
        let secret =
            "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: s, namespace: c}\n";
        report(&[("c.yaml", &text), ("s.yaml", secret)], &options())
    };
    let missing = |said: &str| said.matches("warning[vip-missing]").count();
    assert_eq!(missing(&cluster("", &["master"])), 0);
    assert_eq!(missing(&cluster("", &["master", "worker"])), 0);
    assert_eq!(missing(&cluster("", &["master", "master", "worker"])), 2);
    assert_eq!(missing(&cluster("  apiVIPs: [192.0.2.99]\n", &["master", "master"])), 1);
    assert_eq!(missing(&cluster("  platformType: None\n", &["master", "master"])), 0);
}

#[test]
fn what_kustomize_generates_is_declared() {
    let secrets = text(SECRETS).replace("name: bmc-n2", "name: other");
    let with = |generator: &str| {
        let kustomization = format!("generators:\n- north.yaml\nsecretGenerator:\n- {generator}\n");
        let mut files = FILES.to_vec();
        for (name, text) in &mut files {
            match *name {
                SECRETS => *text = secrets.clone().leak(),
                KUSTOMIZATION => *text = kustomization.clone().leak(),
                _ => {}
            }
        }
        report(&files, &options())
    };
    let clean = "10 files, 2 clusters, 5 nodes, 2 policies: 0 errors, 0 warnings\n";
    assert_eq!(with("{name: bmc-n2, namespace: north}"), clean);
    assert_eq!(with("{name: bmc-n2}"), clean);
    assert!(with("{name: bmc-n2, namespace: south}").contains("[secret-in-other-namespace]"));
    assert!(with("{name: bmc-n5}").contains("[missing-secret]"));
}

/// A repository of the size that an operator has is read in one go, and two that share an address among a thousand are found.
#[test]
fn a_thousand_sites_are_held_against_each_other() {
    let site = |number: usize, ip: usize| {
        let (high, low) = (number / 250, number % 250 + 1);
        let (ip_high, ip_low) = (ip / 250, ip % 250 + 1);
        format!(
            "apiVersion: siteconfig.open-cluster-management.io/v1alpha1\nkind: ClusterInstance\nmetadata: {{name: c{number}, namespace: c{number}}}\nspec:\n  clusterName: c{number}\n  machineNetwork: [{{cidr: 10.0.0.0/16}}]\n  nodes:\n  - hostName: h{number}\n    bmcAddress: redfish-virtualmedia://10.1.{high}.{low}\n    bmcCredentialsName: {{name: s}}\n    bootMACAddress: \"02:00:5e:00:{high:02x}:{low:02x}\"\n    nodeNetwork:\n      config:\n        interfaces:\n        - {{name: eno1, ipv4: {{enabled: true, address: [{{ip: 10.0.{ip_high}.{ip_low}, prefix-length: 16}}]}}}}\n---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {{name: s, namespace: c{number}}}\n"
        )
    };
    let mut files: Vec<(PathBuf, String)> =
        (0..1000).map(|number| (PathBuf::from(format!("{number:04}.yaml")), site(number, number))).collect();
    let of = |files: &[(PathBuf, String)]| {
        let source = Source { files: files.to_vec(), ..Source::default() };
        lint(&Repository::of(source), &options()).to_string()
    };
    assert_eq!(of(&files), "1000 files, 1000 clusters, 1000 nodes, 0 policies: 0 errors, 0 warnings\n");
    files[700].1 = site(700, 42);
    let said = of(&files);
    assert!(
        said.starts_with("0700.yaml:") && said.contains("10.0.0.43 is also that of c42/h42, at 0042.yaml:15"),
        "{said}"
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
