//! A hub that is away for a day in the middle of installations.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rackhand_agent::{
    engine::NodeResult,
    event::{Act, Event, PowerPurpose},
    journal::{Journal, Record},
};
use rackhand_apiserver::{ApiServer, Options};
use rackhand_hub::{DeliveryError, Reporter, Reporting, Retries};
use rackhand_tests::{
    hub::{condition, hub, seen},
    lab::{Lab, Node},
};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::told::telling;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Somebody who is told everything, and is away whenever the hub is.
#[derive(Debug)]
struct Heard {
    records: Mutex<Vec<Record>>,
    away: watch::Receiver<bool>,
}

impl Reporter for Heard {
    fn name(&self) -> &str {
        "a webhook"
    }

    fn deliver<'a>(&'a self, _: &'a str, record: &'a Record) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async move {
            if *self.away.borrow() {
                return Err(DeliveryError::Unavailable { reason: "away".to_owned(), retry_after: None });
            }
            self.records.lock().unwrap().push(record.clone());
            Ok(())
        })
    }

    fn concurrency(&self) -> usize {
        4
    }
}

/// The sequences of the Events about a node, in the order in which the hub got them.
fn events(server: &ApiServer) -> BTreeMap<String, Vec<u64>> {
    let mut all: Vec<(u64, String, u64)> = server
        .list("", "events")
        .iter()
        .map(|event| {
            let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
            let version = text("/metadata/resourceVersion").parse().unwrap();
            let seq = text("/metadata/name").rsplit('-').next().unwrap().parse().unwrap();
            (version, text("/involvedObject/name"), seq)
        })
        .collect();
    all.sort();
    let mut by_node = BTreeMap::<String, Vec<u64>>::new();
    all.into_iter().for_each(|(_, node, seq)| by_node.entry(node).or_default().push(seq));
    by_node
}

#[tokio::test(start_paused = true)]
async fn through_a_day_without_the_hub_pinned_nodes_go_on_and_then_everything_is_told_in_order() {
    let nodes: Vec<Node> = ["n1", "n2", "n3"].iter().map(|name| Node::new(name, "idrac9")).collect();
    let lab = Lab::new(&nodes, Vec::new());
    let server = hub(Options::default(), &["site1"]);
    let _told = telling(&server, &lab, &nodes, 1200);
    let journal: Arc<dyn Journal> = lab.journal.clone();
    let (away, is_away) = watch::channel(false);
    let heard = Arc::new(Heard { records: Mutex::default(), away: is_away });
    let (to_hook, _) = Reporting::new(Arc::clone(&journal), heard.clone(), "webhook", Retries::default());
    let mut told = JoinSet::new();
    told.spawn(async move { drop(to_hook.run().await.unwrap()) });

    let cut = async {
        // In the middle: the first host was just switched on to install.
        let on = |record: &Record| {
            matches!(
                &record.event,
                Event::Outcome { act: Act::PowerOn { purpose: PowerPurpose::Install }, .. }
            )
        };
        let mut grown = journal.watch();
        while !lab.records().iter().any(on) {
            grown.changed().await.unwrap();
        }
        server.outage(true);
        away.send_replace(true);
        let began = lab.clock.now();
        sleep(DAY).await;
        let ended = lab.clock.now();
        server.outage(false);
        away.send_replace(false);
        (began, ended)
    };
    let (reports, (began, ended)) = tokio::join!(lab.apply(), cut);
    assert!(reports.iter().all(|report| report.result == NodeResult::Installed), "{reports:?}");
    let finished: Vec<Timestamp> = lab
        .records()
        .iter()
        .filter(|record| matches!(record.event, Event::JobFinished { .. }))
        .map(|record| record.at)
        .collect();
    assert_eq!(finished.len(), 3);
    assert!(finished.iter().all(|at| *at > began && *at < ended), "the work went on without the hub");

    sleep(Duration::from_secs(3600)).await;
    for node in &nodes {
        let object = seen(&server, "site1", &node.name);
        assert_eq!(
            condition(&object, "Ready"),
            Some(("True".to_owned(), "Completed".to_owned())),
            "{object:#}"
        );
        let ready =
            object["status"]["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready");
        let at: Timestamp = ready.unwrap()["lastTransitionTime"].as_str().unwrap().parse().unwrap();
        assert!(at > began && at < ended, "the time at which it happened, not the one at which it was told");
    }
    told_in_order(&lab.records(), &events(&server), &heard.records.lock().unwrap());
}

/// Every record reached the webhook, and every one that is an Event the hub; each node's in its order.
fn told_in_order(records: &[Record], events: &BTreeMap<String, Vec<u64>>, heard: &[Record]) {
    for node in ["n1", "n2", "n3"] {
        let of_node = |all: &[Record]| -> Vec<u64> {
            all.iter()
                .filter(|record| record.node.as_deref() == Some(node))
                .map(|record| record.seq)
                .collect()
        };
        assert_eq!(of_node(heard), of_node(records), "{node}: the webhook");
        let told = &events[node];
        assert!(told.is_sorted(), "{node}: {told:?}");
        let must = |record: &&Record| match &record.event {
            Event::JobStarted { .. } | Event::JobFinished { .. } => true,
            Event::StepFinished { result, .. } => *result != rackhand_agent::event::StepResult::NotRequired,
            Event::Sighted { evidence, .. } => {
                matches!(evidence, rackhand_agent::event::Evidence::CalledBack { .. })
            }
            _ => false,
        };
        let wanted: Vec<u64> = records
            .iter()
            .filter(|record| record.node.as_deref() == Some(node))
            .filter(must)
            .map(|record| record.seq)
            .collect();
        assert!(wanted.len() > 8, "{wanted:?}");
        assert!(wanted.iter().all(|seq| told.contains(seq)), "{node}: {wanted:?} in {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_answers_429_409_and_5xx_gets_everything_in_the_end() {
    use rackhand_apiserver::{Answer, Fault};
    let nodes = [Node::new("n1", "ilo6")];
    for (answer, every) in [
        (Answer::TooManyRequests(2), 2),
        (Answer::Unavailable, 2),
        (Answer::InternalError, 3),
        (Answer::LostAfterwards, 2),
        (Answer::Dropped, 2),
        (Answer::Silence, 3),
    ] {
        // One at a time: of several rules that fit a request the first alone decides.
        let lab = Lab::new(&nodes, Vec::new());
        let server = hub(Options::default(), &["site1"]);
        let _told = telling(&server, &lab, &nodes, 1200);
        server.fault(Fault::new(answer).verb("create").resource("events").every(every));
        server.fault(Fault::new(answer).verb("patch").resource("hostprovisions").every(every));
        assert_eq!(lab.apply().await[0].result, NodeResult::Installed, "{answer:?}");
        sleep(Duration::from_secs(3600)).await;
        let failed =
            server.log().iter().filter(|one| one.is_write() && !(200..300).contains(&one.code)).count();
        assert!(failed > 2, "{answer:?} was hardly met: {failed} times");
        assert_eq!(condition(&seen(&server, "site1", "n1"), "Ready").unwrap().0, "True", "{answer:?}");
        let told = &events(&server)["n1"];
        assert!(told.is_sorted(), "{answer:?}: {told:?}");
        let end = lab
            .records()
            .iter()
            .find(|one| matches!(one.event, Event::JobFinished { .. }))
            .map(|one| one.seq);
        assert!(told.contains(&end.unwrap()), "{answer:?}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_second_installation_no_longer_says_is_taken_out_of_the_status() {
    let nodes = [Node::new("n1", "sushy")];
    let lab = Lab::new(&nodes, Vec::new());
    let server = hub(Options::default(), &["site1"]);
    let told = telling(&server, &lab, &nodes, 1200);
    assert_eq!(lab.apply().await[0].result, NodeResult::Installed);
    sleep(Duration::from_secs(60)).await;
    let before = seen(&server, "site1", "n1");
    assert!(before["status"]["steps"].as_array().unwrap().len() > 5, "{before:#}");
    assert_ne!(before["status"]["virtualMedia"]["slot"], "none");
    let started = Event::JobStarted {
        job: rackhand_agent::event::JobId("n1#2".to_owned()),
        request: "two".to_owned(),
        trigger: rackhand_agent::event::Trigger::RequestChanged { from: "first".to_owned() },
        source: "hub".to_owned(),
    };
    let entry = rackhand_agent::journal::Entry { node: Some("n1".to_owned()), event: started };
    lab.journal.append(entry).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    let after = seen(&server, "site1", "n1");
    assert_eq!(told.sink.borrow().trouble, None);
    assert_eq!(
        (after["status"]["steps"].clone(), after["status"]["attempts"].clone()),
        (json!([]), json!(2))
    );
    assert_eq!(after["status"]["virtualMedia"], json!({ "slot": "none", "inserted": false }));
    assert_eq!(condition(&after, "Reconciling").unwrap().0, "True");
}
