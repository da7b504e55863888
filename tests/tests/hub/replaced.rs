//! An object that takes another's place while the other's status is being written.

use std::{sync::Arc, time::Duration};

use rackhand_agent::{engine::NodeResult, journal::Journal};
use rackhand_apiserver::{ApiServer, Options};
use rackhand_hub::kubernetes::{Budget, SinkOptions, SinkParts, StatusSink, Targets};
use rackhand_tests::{
    hub::{hub, seen},
    lab::{Lab, Node},
};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, watch},
    time::sleep,
};
use tower::Service;

use crate::{told::target, wire::wired};

/// Whether the object shows a status, within a minute of the test's clock.
async fn is_told(server: &ApiServer) -> bool {
    for _ in 0..600 {
        if seen(server, "site1", "node1")["status"] != Value::Null {
            return true;
        }
        sleep(Duration::from_millis(100)).await;
    }
    false
}

#[tokio::test(start_paused = true)]
async fn the_late_answer_for_one_object_is_none_for_the_object_in_its_place() {
    let lab = Lab::new(&[Node::new("node1", "sushy")], Vec::new());
    assert_eq!(lab.apply().await[0].result, NodeResult::Installed);
    let server = hub(Options::default(), &["site1"]);
    let one = |target| Some(Arc::new(Targets::from([("node1".to_owned(), target)])));
    let (aim, aimed) = watch::channel(one(target(&server, "node1")));
    // Answers to written statuses are held back until there is a permit for each.
    let permits = Arc::new(Semaphore::new(0));
    let words = Arc::clone(&permits);
    let client = wired(&server, move |path, answer| {
        let held = path.ends_with("/status").then(|| Arc::clone(&words));
        Box::pin(async move {
            let answer = answer.await;
            if let Some(words) = held {
                words.acquire().await.map_err(std::io::Error::other)?.forget();
            }
            answer
        })
    });
    let journal: Arc<dyn Journal> = lab.journal.clone();
    let sink = StatusSink::new(SinkParts {
        client,
        agent: "rack7".to_owned(),
        journal,
        clock: Arc::clone(&lab.clock),
        targets: aimed,
        budget: Arc::new(Budget::per_minute(600)),
        options: SinkOptions::default(),
    });
    let writing = tokio::spawn(sink.run());
    assert!(is_told(&server).await, "the first object");

    // It is written, and before the answer comes the object is another one.
    let path = "/apis/rackhand.dev/v1alpha1/namespaces/site1/hostprovisions/node1";
    let gone = http::Request::delete(path).body(String::new()).unwrap();
    assert_eq!(server.clone().call(gone).await.unwrap().status(), 200);
    aim.send_replace(one(target(&server, "node1")));
    sleep(Duration::from_secs(1)).await;
    permits.add_permits(10);
    assert!(is_told(&server).await, "the second object");
    writing.abort();
}
