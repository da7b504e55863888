use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::good::{
    COMMON, FILES, GENERATOR, HOST, KUSTOMIZATION, NETWORK, PLACEMENT, PROFILE, SECRETS, SINGLE, SITE,
};
use super::{open, options, said, written};
use crate::lint::{LintReport, Rule, lint};

/// One way of spoiling the good repository: the rule that finds it, the file, what stands there and what then does.
struct Mutation(Rule, &'static str, &'static str, &'static str);

const MUTATIONS: &[Mutation] = &[
    Mutation(Rule::Unreadable, SITE, "metadata:\n  name: north\n", "metadata: [\n"),
    Mutation(Rule::UnknownField, SITE, "apiVIP:", "apiVIPx:"),
    Mutation(Rule::UnknownField, COMMON, "bindingExcludedRules", "bindingExcludeRules"),
    Mutation(Rule::UnknownField, GENERATOR, "  - path: manifests/", "  - paths: manifests/"),
    Mutation(Rule::UnknownField, GENERATOR, "{placementPath:", "{placementFile: x, placementPath:"),
    Mutation(Rule::MissingField, SINGLE, "  clusterName: du-7\n", ""),
    Mutation(
        Rule::WrongType,
        SITE,
        "    machineNetwork:\n    - cidr: 198.51.100.0/24",
        "    machineNetwork: none",
    ),
    Mutation(Rule::InvalidValue, SITE, "role: worker", "role: helper"),
    Mutation(
        Rule::InvalidValue,
        SITE,
        "    apiVIP:",
        "    # rackhand-lint: allow duplicate-vips\n    apiVIP:",
    ),
    Mutation(
        Rule::Shadowed,
        SITE,
        "  clusters:\n",
        "  biosConfigRef: {filePath: bios.profile}\n  clusters:\n",
    ),
    Mutation(Rule::Sloppy, SITE, "common: \"true\"", "common: true"),
    Mutation(Rule::Conflict, SITE, "apiVIP: 198.51.100.5", "apiVIP: 198.51.101.5"),
    Mutation(Rule::DuplicateNode, SITE, "hostName: n2.", "hostName: n1."),
    Mutation(Rule::DuplicateMac, HOST, "02:00:5e:00:09:01", "02:00:5e:00:07:01"),
    Mutation(
        Rule::DuplicateMac,
        SITE,
        "mac-address: \"02:00:5e:00:01:01\"",
        "mac-address: \"02:00:5e:00:01:03\"",
    ),
    Mutation(Rule::DuplicateBmc, SITE, "//192.0.2.13/", "//192.0.2.12/"),
    Mutation(Rule::DuplicateHostName, SINGLE, "hostName: du-7-node", "hostName: n1.north.example.com"),
    Mutation(Rule::Kustomize, KUSTOMIZATION, "generators", "namePrefix: x-\ngenerators"),
    Mutation(Rule::Skipped, KUSTOMIZATION, "generators:\n- north.yaml", "generators: []"),
    Mutation(
        Rule::Skipped,
        "policygentemplates/kustomization.yaml",
        "generators:\n- common.yaml",
        "generators: []",
    ),
    Mutation(Rule::DuplicateCluster, SINGLE, "clusterName: du-7", "clusterName: north"),
    Mutation(Rule::DuplicateIp, SITE, "198.51.100.22", "198.51.100.21"),
    // In no machine network: perhaps meant.
    Mutation(
        Rule::DuplicateIp,
        SINGLE,
        "            - {ip: \"fe80::1\", prefix-length: 64}\n",
        "          ipv4: {enabled: true, address: [{ip: 203.0.113.2, prefix-length: 28}]}\n",
    ),
    // A host that stands alone has its network in an object of its own.
    Mutation(Rule::DuplicateMac, NETWORK, "02:00:5e:00:09:01", "02:00:5e:00:01:02"),
    Mutation(Rule::DuplicateIp, NETWORK, "192.0.2.129", "203.0.113.1"),
    Mutation(Rule::Gateway, NETWORK, "192.0.2.190", "192.0.2.192"),
    Mutation(Rule::VlanId, NETWORK, "id: 30", "id: 0"),
    Mutation(Rule::DuplicateIp, SITE, "//192.0.2.13/", "//198.51.100.22/"),
    Mutation(Rule::BindingsNotChecked, SITE, "metadata:\n  name: north\n", "metadata: [\n"),
    Mutation(Rule::DuplicateVip, SITE, "  clusters:\n", SECOND_CLUSTER),
    Mutation(Rule::VipIsNodeAddress, SITE, "ingressVIP: 198.51.100.6", "ingressVIP: 198.51.100.22"),
    Mutation(Rule::VipMissing, SITE, "    ingressVIP: 198.51.100.6\n", ""),
    Mutation(Rule::VipsEqual, SITE, "ingressVIP: 198.51.100.6", "ingressVIP: 198.51.100.5"),
    Mutation(Rule::NetworkOverlap, SITE, "172.30.0.0/16", "10.130.0.0/16"),
    Mutation(Rule::NodeOutside, SINGLE, "2001:db8:7::/64", "2001:db8:8::/64"),
    Mutation(Rule::Gateway, SITE, "next-hop-address: 198.51.100.1", "next-hop-address: 198.51.101.1"),
    Mutation(Rule::Gateway, SITE, "next-hop-interface: eno1.100", "next-hop-interface: eno1.101"),
    // Right for the node and wrong for the interface.
    Mutation(Rule::Gateway, SITE, "next-hop-interface: eno1.100", "next-hop-interface: eno1.200"),
    Mutation(Rule::DnsServer, SITE, "destination: 0.0.0.0/0", "destination: 10.0.0.0/8"),
    Mutation(Rule::VlanId, SITE, "base-iface: eno1, id: 200", "base-iface: eno1, id: 4095"),
    Mutation(Rule::VlanId, SITE, "base-iface: eno1, id: 200", "base-iface: eno1"),
    Mutation(Rule::VlanBase, SITE, "base-iface: eno1, id: 200", "base-iface: eno2, id: 200"),
    Mutation(Rule::VlanTwoSubnets, SITE, "203.0.113.2, prefix-length: 28", "203.0.113.2, prefix-length: 29"),
    Mutation(
        Rule::SubnetTwoVlans,
        SITE,
        NODE_2_VLAN,
        "id: 201}\n            ipv4:\n              enabled: true\n              address:\n              - {ip: 203.0.113.2",
    ),
    Mutation(Rule::BindingMatchesNothing, COMMON, "common: \"true\"", "comon: \"true\""),
    Mutation(Rule::BindingMatchesNothing, COMMON, "compact,standard", "standard"),
    Mutation(Rule::BindingMatchesNothing, GENERATOR, "[east, west]", "[west]"),
    // Each label is somewhere; no cluster has both.
    Mutation(
        Rule::BindingMatchesNothing,
        GENERATOR,
        "matchLabels: {group: du}",
        "matchLabels: {group: compact}",
    ),
    Mutation(
        Rule::BindingMatchesNothing,
        PLACEMENT,
        "{key: group, operator: Exists}",
        "{key: group, operator: DoesNotExist}",
    ),
    Mutation(Rule::ClusterWithoutPolicy, SITE, "common: \"true\"\n      group: compact", "common: \"true\""),
    Mutation(Rule::BindingContradiction, COMMON, "ztp-done: \"\"", "common: \"true\""),
    Mutation(Rule::McpWithoutNode, SITE, "role: worker", "role: master"),
    Mutation(Rule::MissingSourceFile, COMMON, "Tuned.yaml", "Tunde.yaml"),
    Mutation(Rule::MissingSourceFile, GENERATOR, "manifests/namespace.yaml", "manifests/namespaces.yaml"),
    Mutation(Rule::MissingSecret, SECRETS, "name: bmc-n2", "name: bmc-n4"),
    Mutation(Rule::SecretElsewhere, SECRETS, "{target: {name: pull-secret}}", "{}"),
    Mutation(
        Rule::SecretElsewhere,
        SECRETS,
        "{name: bmc-n1, namespace: north}",
        "{name: bmc-n1, namespace: bmcs}",
    ),
    Mutation(Rule::PlainSecret, SECRETS, "password: change-me", "password: opensesame"),
    Mutation(
        Rule::PlainSecret,
        SECRETS,
        "stringData: {username: admin, password: change-me}",
        "data: {username: YWRtaW4=, password: b3BlbnNlc2FtZQ==}",
    ),
    Mutation(
        Rule::MissingProfile,
        SITE,
        "rackhand.dev/profile: ran-low-latency",
        "rackhand.dev/profile: ran-low-latnecy",
    ),
    // For Supermicro only, and the address says iDRAC.
    Mutation(
        Rule::MissingProfile,
        SITE,
        "rackhand.dev/profile: ran-low-latency",
        "rackhand.dev/profile: rack-special",
    ),
    Mutation(Rule::BadProfile, PROFILE, "vendor: Supermicro", "vendor: Supermicro, model: x"),
    Mutation(
        Rule::UnusedProfile,
        SITE,
        "rackhand.dev/profile: rack-special",
        "rackhand.dev/profile: storage",
    ),
    Mutation(Rule::MissingFile, SITE, "extraManifestPath: extra", "extraManifestPath: extras"),
    Mutation(
        Rule::MissingFile,
        SITE,
        "    apiVIP:",
        "    crTemplates: {ManagedCluster: own.yaml}\n    apiVIP:",
    ),
];

const NODE_2_VLAN: &str = "id: 200}\n            ipv4:\n              enabled: true\n              address:\n              - {ip: 203.0.113.2";

/// A cluster of two nodes that was copied, and whose API kept its address.
const SECOND_CLUSTER: &str = r#"  clusters:
  - clusterName: south
    clusterLabels: {common: "true", group: standard}
    apiVIP: 198.51.100.5
    ingressVIP: 198.51.100.7
    nodes:
    - hostName: s1
      bmcAddress: redfish-virtualmedia://192.0.2.21
      bmcCredentialsName: {name: s1}
      bootMACAddress: "02:00:5e:00:02:01"
    - hostName: s2
      role: master
      bmcAddress: redfish-virtualmedia://192.0.2.22
      bmcCredentialsName: {name: s1}
      bootMACAddress: "02:00:5e:00:02:02"
"#;

fn spoil(mutation: &Mutation) -> (LintReport, String) {
    let Mutation(_, file, from, to) = mutation;
    let mut files: Vec<(&str, String)> =
        FILES.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    let (_, text) = files.iter_mut().find(|(name, _)| name == file).unwrap();
    assert!(text.contains(from), "{file} does not hold {from}");
    *text = text.replacen(from, to, 1);
    let directory = written(files.iter().map(|(name, text)| (*name, text.as_str())));
    let report = lint(&open(directory.path()), &options());
    let mut shown = String::new();
    for finding in &report.findings {
        shown.push_str(&said(directory.path(), format_args!("{finding}\n")));
    }
    (report, shown)
}

#[test]
fn each_way_of_spoiling_it_is_found_by_its_rule() {
    let mut table = String::new();
    for mutation in MUTATIONS {
        let Mutation(rule, file, from, to) = mutation;
        let (report, shown) = spoil(mutation);
        let line = |text: &str| text.trim_end().replace('\n', "\\n");
        let to = line(to);
        let to = if to.chars().count() > 100 { "(see the test)".to_owned() } else { to };
        let _ = writeln!(table, "== {rule}: {file}: {} => {to}\n{shown}", line(from));
        assert!(report.findings.iter().any(|finding| finding.rule == *rule), "{rule} is not among\n{shown}");
    }
    insta::assert_snapshot!(table);
}

/// What the network alone shows is tried in `live`.
#[test]
fn every_rule_has_its_case() {
    let spoilt: BTreeSet<Rule> = MUTATIONS.iter().map(|Mutation(rule, ..)| *rule).collect();
    let elsewhere = [
        Rule::NotUsed,
        Rule::NameUnresolved,
        Rule::NameElsewhere,
        Rule::LoadBalancer,
        Rule::IsoUnreachable,
        Rule::IsoSize,
        Rule::BmcUnreachable,
        Rule::NotProbed,
    ];
    let without: Vec<&Rule> =
        Rule::ALL.iter().filter(|rule| !spoilt.contains(rule) && !elsewhere.contains(rule)).collect();
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn no_finding_shows_a_password() {
    for mutation in MUTATIONS.iter().filter(|Mutation(rule, ..)| *rule == Rule::PlainSecret) {
        let (report, shown) = spoil(mutation);
        let json = serde_json::to_string(&report).unwrap();
        for secret in ["opensesame", "b3BlbnNlc2FtZQ"] {
            assert!(!shown.contains(secret) && !json.contains(secret), "{shown}");
        }
    }
}

/// Each line of each file taken away in turn: reading ends, and every finding is somewhere.
#[test]
fn a_line_that_is_missing_is_survived() {
    let directory = written(FILES);
    let mut tried = 0;
    for (name, text) in FILES {
        let path = directory.path().join(name);
        for missing in 0..text.lines().count() {
            let rest: Vec<&str> = text
                .lines()
                .enumerate()
                .filter(|(number, _)| *number != missing)
                .map(|(_, line)| line)
                .collect();
            std::fs::write(&path, rest.join("\n")).unwrap();
            let report = lint(&open(directory.path()), &options());
            for finding in &report.findings {
                let lines = std::fs::read_to_string(&finding.file).unwrap().lines().count();
                assert!((1..=lines + 1).contains(&finding.line), "{finding}");
                assert!(finding.column >= 1 && !finding.message.is_empty(), "{finding}");
            }
            tried += 1;
        }
        std::fs::write(&path, text).unwrap();
    }
    assert!(tried > 200, "{tried}");
}
