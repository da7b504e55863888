//! A thousand nodes: how much is written to the hub. The figures are printed; what is asserted holds on any machine.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rackhand_agent::{engine::NodeResult, journal::Journal};
use rackhand_apiserver::Options;
use rackhand_hub::{
    Reporting, Retries,
    kubernetes::{Budget, KubeEvents, SinkOptions, SinkParts, StatusSink, Target, Targets, Verdict},
};
use rackhand_tests::{
    hub::{client, condition, hub, provision, seen},
    lab::{Lab, Node},
};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet, time::sleep};

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
    let mut targets = Targets::new();
    for node in &nodes {
        let spec = json!({ "agentRef": { "name": "rack7" } });
        let object = server.create(&provision("site1", &node.name, &spec)).unwrap();
        let target = Target {
            namespace: "site1".to_owned(),
            name: node.name.clone(),
            uid: object["metadata"]["uid"].as_str().map(str::to_owned),
            bmh_uid: None,
            generation: Some(1),
            verdict: Verdict::Valid,
            create: None,
            going: false,
            shown: None,
        };
        targets.insert(node.name.clone(), target);
    }
    server.clear_log();
    let (_aim, aimed) = watch::channel(Some(Arc::new(targets)));
    let budget = Arc::new(Budget::per_minute(PER_MINUTE));
    let journal: Arc<dyn Journal> = lab.journal.clone();
    let sink = StatusSink::new(SinkParts {
        client: client(&server),
        agent: "rack7".to_owned(),
        journal: Arc::clone(&journal),
        clock: Arc::clone(&lab.clock),
        targets: aimed.clone(),
        budget: Arc::clone(&budget),
        options: SinkOptions::default(),
    });
    let kube = Arc::new(KubeEvents::new(client(&server), "rack7".to_owned(), aimed, budget));
    let (to_hub, _) = Reporting::new(journal, kube, "hub", Retries::default());
    let mut told = JoinSet::new();
    told.spawn(async move { sink.run().await.unwrap() });
    told.spawn(async move { drop(to_hub.run().await.unwrap()) });
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
