use std::path::Path;

use insta::assert_snapshot;
use rackhand_cli::Exit;

use crate::bench::{Bench, rackhand};

#[tokio::test]
async fn five_mistakes_are_all_listed_where_they_are() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/five-mistakes.yaml");
    let answer = rackhand(&["validate", "-f", &file.display().to_string()]).await;
    assert_eq!(answer.exit, Exit::Failed);
    assert_eq!(answer.stdout, "");
    let shown = answer.stderr.replace(&format!("{}/", file.parent().unwrap().display()), "");
    let errors = shown.lines().filter(|line| line.contains(": error: ")).count();
    assert!(errors >= 5, "{shown}");
    assert_snapshot!(shown);
}

#[tokio::test]
async fn a_sound_site_prints_what_is_wanted_without_secrets() {
    let bench = Bench::new(&["idrac9"]).await;
    for format in ["table", "json", "yaml"] {
        let answer = bench.rackhand(&["validate", "-f", &bench.site(), "-o", format]).await;
        assert_eq!(answer.exit, Exit::Done, "{answer:?}");
        assert!(answer.stdout.contains("edge-1/node1"), "{answer:?}");
    }
    let answer = bench.rackhand(&["validate", "-f", &bench.site(), "-o", "json"]).await;
    let nodes: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(nodes[0]["hostName"], "node1");
    assert_eq!(bench.simulator.log().entries().len(), 0, "validate contacted a BMC");
}
