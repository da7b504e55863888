//! Watches.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::api::{Api, VERSION, thing, version};

/// An open watch, read line by line.
struct Watch {
    response: Response,
    rest: Vec<u8>,
}

impl Watch {
    async fn open(api: &Api, path: &str, query: &str) -> Self {
        let request = api.request(Method::GET, &format!("{path}?watch=true&{query}"));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        Self { response, rest: Vec::new() }
    }

    /// The next event, or `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            match chunk.expect("an event or an end within 20 s").unwrap() {
                Some(chunk) => self.rest.extend_from_slice(&chunk),
                None => return None,
            }
        }
    }

    /// The type and name of the next event.
    async fn told(&mut self) -> (String, String) {
        let event = self.next().await.expect("one more event");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }
}

fn fast() -> Value {
    json!({ "mode": "fast" })
}

fn event(of: &str, name: &str) -> (String, String) {
    (of.into(), name.into())
}

pub(crate) async fn a_watch_tells_what_happens_after_a_version(api: &Api) {
    let first = api.make("one", &fast()).await;
    let second = api.make("two", &fast()).await;
    let path = api.things();
    let mut watch = Watch::open(api, &path, &format!("resourceVersion={}", version(&first))).await;
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]), (&json!("ADDED"), &second));
    let changed = api.merge(&api.thing("one"), &json!({ "spec": { "size": 5 } })).await.ok();
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]), (&json!("MODIFIED"), &changed));
    api.merge(&format!("{}/status", api.thing("one")), &json!({ "status": { "phase": "New" } })).await.ok();
    assert_eq!(watch.told().await, self::event("MODIFIED", "one"));
    api.delete(&api.thing("one"), &json!({})).await.ok();
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["spec"]["size"]), (&json!("DELETED"), &json!(5)));
    let gone: u64 = version(&event["object"]).parse().unwrap();
    assert!(gone > version(&changed).parse::<u64>().unwrap(), "a removal has a version of its own");
}

pub(crate) async fn a_watch_without_a_version_begins_with_what_is_there(api: &Api) {
    api.make("one", &fast()).await;
    api.make("two", &fast()).await;
    for query in ["", "resourceVersion=0"] {
        let mut watch = Watch::open(api, &api.things(), query).await;
        let mut told = [watch.told().await, watch.told().await];
        told.sort();
        assert_eq!(told, [event("ADDED", "one"), event("ADDED", "two")]);
    }
}

pub(crate) async fn an_object_that_ceases_to_fit_is_gone(api: &Api) {
    let mut wanted = thing("one", &fast());
    wanted["metadata"]["labels"] = json!({ "site": "north" });
    let made = api.post(&api.things(), &wanted).await.ok();
    let query = format!("labelSelector=site%3Dnorth&resourceVersion={}", version(&made));
    let mut watch = Watch::open(api, &api.things(), &query).await;
    let label = |value: &str| json!({ "metadata": { "labels": { "site": value } } });
    api.make("two", &fast()).await;
    api.merge(&api.thing("one"), &label("south")).await.ok();
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    assert_eq!(event["object"]["metadata"]["labels"]["site"], "north");
    api.merge(&api.thing("two"), &label("north")).await.ok();
    assert_eq!(watch.told().await, self::event("ADDED", "two"));
    api.merge(&api.thing("two"), &json!({ "spec": { "size": 4 } })).await.ok();
    assert_eq!(watch.told().await, self::event("MODIFIED", "two"));
}

pub(crate) async fn one_object_can_be_watched(api: &Api) {
    let made = api.make("one", &fast()).await;
    let query = format!("fieldSelector=metadata.name%3Done&resourceVersion={}", version(&made));
    let all = format!("/apis/{VERSION}/namespaces/{}/things", api.namespace);
    let mut watch = Watch::open(api, &all, &query).await;
    api.make("two", &fast()).await;
    api.merge(&api.thing("two"), &json!({ "spec": { "size": 4 } })).await.ok();
    api.merge(&api.thing("one"), &json!({ "spec": { "size": 4 } })).await.ok();
    assert_eq!(watch.told().await, event("MODIFIED", "one"));
}

pub(crate) async fn bookmarks_tell_the_version(api: &Api) {
    let made = api.make("one", &fast()).await;
    let query = format!("allowWatchBookmarks=true&timeoutSeconds=4&resourceVersion={}", version(&made));
    let mut watch = Watch::open(api, &api.things(), &query).await;
    let changed = api.merge(&api.thing("one"), &json!({ "spec": { "size": 4 } })).await.ok();
    assert_eq!(watch.told().await, event("MODIFIED", "one"));
    let mark = watch.next().await.unwrap();
    assert_eq!((&mark["type"], &mark["object"]["kind"]), (&json!("BOOKMARK"), &json!("Thing")));
    assert_eq!(mark["object"]["apiVersion"], VERSION);
    let told: u64 = version(&mark["object"]).parse().unwrap();
    assert!(told >= version(&changed).parse().unwrap());
    while let Some(event) = watch.next().await {
        assert_eq!(event["type"], "BOOKMARK", "nothing else happened: {event}");
    }
}

pub(crate) async fn a_version_that_is_no_longer_kept_is_expired(api: &Api) {
    api.make("one", &fast()).await;
    let path = format!("{}?watch=true&resourceVersion=1", api.things());
    let response = api.request(Method::GET, &path).send().await.unwrap();
    let status = if response.status() == 410 {
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    } else {
        let mut watch = Watch { response, rest: Vec::new() };
        let event = watch.next().await.unwrap();
        assert_eq!(event["type"], "ERROR");
        assert_eq!(watch.next().await, None);
        event["object"].clone()
    };
    let told = (&status["kind"], &status["code"], &status["reason"]);
    assert_eq!(told, (&json!("Status"), &json!(410), &json!("Expired")), "{status}");
}

pub(crate) async fn a_last_finalizer_ends_in_one_event(api: &Api) {
    let mut wanted = thing("one", &fast());
    wanted["metadata"]["finalizers"] = json!(["rackhand.test/a"]);
    let made = api.post(&api.things(), &wanted).await.ok();
    let mut watch = Watch::open(api, &api.things(), &format!("resourceVersion={}", version(&made))).await;
    api.delete(&api.thing("one"), &json!({})).await.ok();
    assert_eq!(watch.told().await, event("MODIFIED", "one"));
    api.merge(&api.thing("one"), &json!({ "metadata": { "finalizers": [] } })).await.ok();
    assert_eq!(watch.told().await, event("DELETED", "one"));
}
