//! The examples of others, where they are, and our own sites.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{open, options};
use crate::lint::{Rule, lint};

/// How often each rule finds something in the samples that operators start from.
#[test]
fn examples_of_others_are_read_to_the_end() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ztp-examples");
    if !root.is_dir() {
        println!("skipped: ../shared/ztp-examples is not there");
        return;
    }
    let report = lint(&open(&root), &options());
    let mut counted: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for finding in &report.findings {
        *counted.entry((finding.severity.to_string(), finding.rule.name())).or_default() += 1;
    }
    let mut table = String::new();
    for ((severity, rule), count) in counted {
        let _ = writeln!(table, "{count:4} {severity}[{rule}]");
    }
    insta::assert_snapshot!(format!("{}\n{table}", report.summary));
}

/// The sites that come with rackhand name a pull secret that each operator has, and nothing else that is not there.
#[test]
fn our_own_sites_lack_the_pull_secret_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sites");
    let below = |path: &Path| {
        let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let sites: Vec<_> = below(&root).iter().flat_map(|vendor| below(vendor)).collect();
    assert_eq!(sites.len(), 9);
    for site in sites {
        let report = lint(&open(&site), &options());
        let [finding] = report.findings.as_slice() else { panic!("{report}") };
        assert!(
            finding.rule == Rule::MissingSecret && finding.message.starts_with("the pull secret"),
            "{report}"
        );
    }
}
