//! A thousand nodes: how much is written to the hub. The figures are printed; what is asserted holds on any machine.

use std::{collections::BTreeMap, time::Duration};

use rackhand_agent::engine::NodeResult;
use rackhand_apiserver::Options;
use rackhand_tests::{
    hub::{condition, hub, seen},
    lab::{Lab, Node},
};
use tokio::time::sleep;

use crate::told::telling;

const PER_MINUTE: u32 = 1200;

#[tokio::test(start_paused = true)]
async fn nodes_are_told_within_the_budget() {
    told(100).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "the same with a thousand nodes, for its figures; it takes a minute and a half"]
async fn a_thousand_nodes_are_told_within_the_budget() {
    told(1000).await;
}

async fn told(number_of_nodes: usize) {
    let nodes: Vec<Node> =
        (0..number_of_nodes).map(|number| Node::new(&format!("n{number:04}"), "sushy")).collect();
    let lab = Lab::new(&nodes, Vec::new());
    let server = hub(Options::default(), &["site1"]);
    let _told = telling(&server, &lab, &nodes, PER_MINUTE);
    let reports = lab.apply().await;
    assert!(reports.iter().all(|report| report.result == NodeResult::Installed));
    sleep(Duration::from_secs(3 * 3600)).await;
    for node in &nodes {
        assert_eq!(condition(&seen(&server, "site1", &node.name), "Ready").unwrap().0, "True");
    }
    let mut minutes = BTreeMap::<u64, (u32, usize)>::new();
    for one in server.log().iter().filter(|one| one.is_write()) {
        let minute = minutes.entry(one.at.as_secs() / 60).or_default();
        minute.0 += 1;
        minute.1 += one.request_bytes;
    }
    let writes: u32 = minutes.values().map(|minute| minute.0).sum();
    let bytes: usize = minutes.values().map(|minute| minute.1).sum();
    let most = minutes.values().map(|minute| minute.0).max().unwrap();
    println!(
        "{number_of_nodes} nodes: {writes} writes and {bytes} bytes in {} minutes; at most {most} writes and {} bytes in one",
        minutes.len(),
        minutes.values().map(|minute| minute.1).max().unwrap()
    );
    // A burst of fifty may come on top.
    assert!(most <= PER_MINUTE + 50, "{most}");
}
