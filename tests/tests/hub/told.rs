//! A hub that is told of a lab's nodes: an object for each, the status sink and the Events.

use std::sync::Arc;

use rackhand_agent::journal::Journal;
use rackhand_apiserver::ApiServer;
use rackhand_hub::{
    Reporting, Retries,
    kubernetes::{
        Budget, KubeEvents, SinkOptions, SinkParts, SinkStatus, StatusSink, Target, Targets, Verdict,
    },
};
use rackhand_tests::{
    hub::{client, provision},
    lab::{Lab, Node},
};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};

/// What is told, for as long as this is kept.
pub(crate) struct Told {
    pub(crate) sink: watch::Receiver<SinkStatus>,
    _aim: watch::Sender<Option<Arc<Targets>>>,
    _tasks: JoinSet<()>,
}

/// Begins to tell `server` of the nodes, with so many writes per minute.
pub(crate) fn telling(server: &ApiServer, lab: &Lab, nodes: &[Node], per_minute: u32) -> Told {
    let targets: Targets = nodes.iter().map(|node| (node.name.clone(), target(server, &node.name))).collect();
    server.clear_log();
    let (aim, aimed) = watch::channel(Some(Arc::new(targets)));
    let budget = Arc::new(Budget::per_minute(per_minute));
    let journal: Arc<dyn Journal> = lab.journal.clone();
    let sink = StatusSink::new(SinkParts {
        client: client(server),
        agent: "rack7".to_owned(),
        journal: Arc::clone(&journal),
        clock: Arc::clone(&lab.clock),
        targets: aimed.clone(),
        budget: Arc::clone(&budget),
        options: SinkOptions::default(),
    });
    let status = sink.status();
    let kube = Arc::new(KubeEvents::new(client(server), "rack7".to_owned(), aimed, budget));
    let (to_hub, _) = Reporting::new(journal, kube, "hub", Retries::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { sink.run().await.unwrap() });
    tasks.spawn(async move { drop(to_hub.run().await.unwrap()) });
    Told { sink: status, _aim: aim, _tasks: tasks }
}

pub(crate) fn target(server: &ApiServer, node: &str) -> Target {
    let object =
        server.create(&provision("site1", node, &json!({ "agentRef": { "name": "rack7" } }))).unwrap();
    Target {
        namespace: "site1".to_owned(),
        name: node.to_owned(),
        uid: object["metadata"]["uid"].as_str().map(str::to_owned),
        bmh_uid: None,
        generation: Some(1),
        verdict: Verdict::Valid,
        create: None,
        going: false,
        shown: None,
    }
}
