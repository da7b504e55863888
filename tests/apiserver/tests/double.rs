//! What only the double can do: be called in process under a paused clock, fail on request, and be counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

use std::{io, time::Duration};

use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use rackhand_apiserver::{Answer, ApiServer, Body, Fault, Identity, Options};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt as _;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const WATCHED: &str = "/apis/site.rackhand.test/v1/namespaces/default/widgets";

fn widget(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "site.rackhand.test/v1", "kind": "Widget", "metadata": { "name": name }, "spec": spec })
}

/// A definition as it is written for people, with two versions of one schema.
const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.site.rackhand.test }
spec:
  group: site.rackhand.test
  names: { kind: Widget, plural: widgets }
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: &schema
      openAPIV3Schema:
        type: object
        properties:
          spec: { type: object, properties: { size: { type: integer } } }
          status:
            type: object
            properties:
              phase: { type: string }
              conditions:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [type]
                items:
                  type: object
                  required: [type]
                  properties: { type: { type: string }, status: { type: string } }
    subresources: { status: {} }
  - { name: v2, served: true, storage: false, schema: *schema, subresources: { status: {} } }
";

fn server() -> ApiServer {
    let server = ApiServer::default();
    assert_eq!(server.create_all(DEFINITION).unwrap(), 1);
    server
}

async fn send(
    server: &ApiServer,
    method: Method,
    path: &str,
    media: &str,
    body: &Value,
) -> io::Result<http::Response<Body>> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media)
        .header("user-agent", "unit/1.0")
        .body(Full::<bytes::Bytes>::from(body))
        .unwrap();
    server.clone().oneshot(request).await
}

async fn answered(response: http::Response<Body>) -> (u16, Value) {
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn call(server: &ApiServer, method: Method, path: &str, body: &Value) -> (u16, Value) {
    answered(send(server, method, path, "application/json", body).await.unwrap()).await
}

async fn merge(server: &ApiServer, path: &str, body: &Value) -> (u16, Value) {
    answered(send(server, Method::PATCH, path, "application/merge-patch+json", body).await.unwrap()).await
}

async fn apply(server: &ApiServer, path: &str, manager: &str, body: &Value) -> (u16, Value) {
    let path = format!("{path}?fieldManager={manager}");
    answered(send(server, Method::PATCH, &path, "application/apply-patch+yaml", body).await.unwrap()).await
}

/// The lines of a watch, one event each.
struct Lines {
    body: Body,
}

impl Lines {
    async fn open(server: &ApiServer, path: &str) -> Self {
        let response = send(server, Method::GET, path, "application/json", &Value::Null).await.unwrap();
        assert_eq!(response.status(), 200);
        Self { body: response.into_body() }
    }

    async fn next(&mut self) -> Option<io::Result<Value>> {
        let frame = self.body.frame().await?;
        Some(frame.map(|frame| serde_json::from_slice(frame.data_ref().unwrap()).unwrap()))
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_watching_takes_no_time_and_has_its_bookmarks() {
    let server = server();
    let mut lines =
        Lines::open(&server, &format!("{WATCHED}?watch=1&allowWatchBookmarks=true&timeoutSeconds=3600"))
            .await;
    let began = Instant::now();
    let mut marks = 0;
    while let Some(event) = lines.next().await {
        assert_eq!(event.unwrap()["type"], "BOOKMARK");
        marks += 1;
    }
    assert_eq!(began.elapsed(), Duration::from_secs(3600));
    assert_eq!(marks, 60, "one a minute, and the last just before the end");
}

#[tokio::test(start_paused = true)]
async fn objects_carry_the_dates_of_the_paused_clock() {
    let server = server();
    tokio::time::advance(Duration::from_secs(90 * 60)).await;
    let (code, made) = call(&server, Method::POST, WATCHED, &widget("one", &json!({}))).await;
    assert_eq!((code, &made["metadata"]["creationTimestamp"]), (201, &json!("2026-01-01T01:30:00Z")));
    assert_eq!(server.get("site.rackhand.test", "widgets", "default", "one"), Some(made));
}

#[tokio::test(start_paused = true)]
async fn an_outage_breaks_watches_and_refuses_requests_until_it_ends() {
    let server = server();
    let mut lines = Lines::open(&server, &format!("{WATCHED}?watch=1")).await;
    server.create(&widget("one", &json!({}))).unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap()["type"], "ADDED");
    server.outage(true);
    let broken = lines.next().await.unwrap().unwrap_err();
    assert_eq!(broken.kind(), io::ErrorKind::ConnectionReset);
    assert!(lines.next().await.is_none());
    let refused = send(&server, Method::GET, WATCHED, "application/json", &Value::Null).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    server.outage(false);
    let (code, list) = call(&server, Method::GET, WATCHED, &Value::Null).await;
    assert_eq!((code, list["items"].as_array().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn an_outage_closes_the_socket_and_ends_where_it_was() {
    let server = server();
    let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("{}{WATCHED}", listening.url());
    let address = listening.url().trim_start_matches("http://").to_owned();
    let ask = async || {
        let mut stream = tokio::net::TcpStream::connect(&address).await?;
        let request = format!("GET {WATCHED} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await?;
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text).await?;
        io::Result::Ok(text)
    };
    assert!(ask().await.unwrap().starts_with("HTTP/1.1 200"), "{url}");
    server.outage(true);
    tokio::time::timeout(Duration::from_secs(20), async {
        while ask().await.is_ok_and(|text| !text.is_empty()) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the socket closes");
    server.outage(false);
    tokio::time::timeout(Duration::from_secs(20), async {
        while !ask().await.is_ok_and(|text| text.starts_with("HTTP/1.1 200")) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the socket opens where it was");
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_before_a_compaction_is_expired() {
    let server = server();
    let made = server.create(&widget("one", &json!({}))).unwrap();
    let version = made["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let path = format!("{WATCHED}?watch=1&resourceVersion={version}");
    let mut open = Lines::open(&server, &path).await;
    merge(&server, &format!("{WATCHED}/one"), &json!({ "spec": { "size": 1 } })).await;
    server.compact();
    for lines in [&mut open, &mut Lines::open(&server, &path).await] {
        let event = lines.next().await.unwrap().unwrap();
        assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
        assert_eq!(event["object"]["reason"], "Expired");
        assert!(lines.next().await.is_none());
    }
    let (_, page) = call(&server, Method::GET, &format!("{WATCHED}?limit=0"), &Value::Null).await;
    let fresh = page["metadata"]["resourceVersion"].as_str().unwrap();
    let mut lines = Lines::open(&server, &format!("{WATCHED}?watch=1&resourceVersion={fresh}")).await;
    merge(&server, &format!("{WATCHED}/one"), &json!({ "spec": { "size": 2 } })).await;
    assert_eq!(lines.next().await.unwrap().unwrap()["type"], "MODIFIED");
}

#[tokio::test(start_paused = true)]
async fn a_page_from_before_a_compaction_is_expired() {
    let server = server();
    for name in ["a", "b", "c"] {
        server.create(&widget(name, &json!({}))).unwrap();
    }
    let (_, page) = call(&server, Method::GET, &format!("{WATCHED}?limit=1"), &Value::Null).await;
    let token = page["metadata"]["continue"].as_str().unwrap().to_owned();
    merge(&server, &format!("{WATCHED}/a"), &json!({ "spec": { "size": 1 } })).await;
    server.compact();
    let next = format!("{WATCHED}?limit=1&continue={token}");
    let (code, body) = call(&server, Method::GET, &next, &Value::Null).await;
    assert_eq!((code, &body["reason"]), (410, &json!("Expired")));
}

#[tokio::test(start_paused = true)]
async fn faults_answer_for_the_server() {
    let server = server();
    let get = async || send(&server, Method::GET, WATCHED, "application/json", &Value::Null).await;
    server.fault(Fault::new(Answer::TooManyRequests(7)).verb("list").times(1));
    let response = get().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    for (answer, code, reason) in
        [(Answer::InternalError, 500, "InternalError"), (Answer::Unavailable, 503, "ServiceUnavailable")]
    {
        server.fault(Fault::new(answer).times(1));
        let (found, body) = answered(get().await.unwrap()).await;
        assert_eq!((found, &body["reason"]), (code, &json!(reason)));
    }
    server.fault(Fault::new(Answer::Silence).times(1));
    assert!(tokio::time::timeout(Duration::from_secs(3600), get()).await.is_err(), "no answer in an hour");
    server.fault(Fault::new(Answer::Dropped));
    assert_eq!(get().await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    server.clear_faults();
    assert_eq!(get().await.unwrap().status(), 200);
    let codes: Vec<u16> = server.log().iter().map(|request| request.code).collect();
    assert_eq!(codes, [429, 500, 503, 0, 0, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_its_work_done() {
    let server = server();
    server.fault(Fault::new(Answer::LostAfterwards).verb("create").times(1));
    let lost = send(&server, Method::POST, WATCHED, "application/json", &widget("one", &json!({}))).await;
    assert_eq!(lost.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let (code, _) = call(&server, Method::POST, WATCHED, &widget("one", &json!({}))).await;
    assert_eq!(code, 409, "what got no answer was done");
}

#[tokio::test(start_paused = true)]
async fn every_request_is_counted() {
    let server = server();
    server.create(&widget("one", &json!({}))).unwrap();
    assert_eq!(server.log(), [], "what a test does itself is not counted");
    tokio::time::advance(Duration::from_secs(5)).await;
    let report = json!({ "apiVersion": "site.rackhand.test/v1", "kind": "Widget", "metadata": { "name": "one" },
        "status": { "phase": "Booting" } });
    apply(&server, &format!("{WATCHED}/one/status"), "agent", &report).await;
    call(&server, Method::GET, &format!("{LEASES}/none"), &Value::Null).await;
    let log = server.log();
    let [write, read] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!((write.at, write.verb.as_str(), write.code), (Duration::from_secs(5), "patch", 200));
    assert_eq!((write.group.as_str(), write.resource.as_str()), ("site.rackhand.test", "widgets"));
    assert_eq!((write.subresource.as_str(), write.namespace.as_str()), ("status", "default"));
    assert_eq!((write.name.as_str(), write.field_manager.as_str()), ("one", "agent"));
    assert_eq!((write.user_agent.as_str(), write.request_bytes), ("unit/1.0", report.to_string().len()));
    assert_eq!((write.is_write(), read.is_write(), read.code), (true, false, 404));
    server.clear_log();
    assert_eq!(server.log(), []);
}

#[tokio::test(start_paused = true)]
async fn a_newer_server_refuses_unknown_fields_and_keeps_the_writers_of_a_status_apart() {
    let server = ApiServer::new(Options { modern: true, ..Options::default() });
    server.create_all(DEFINITION).unwrap();
    let unknown = widget("one", &json!({ "size": 1, "unknown": 1 }));
    let strict = format!("{WATCHED}?fieldValidation=Strict");
    let (code, body) = call(&server, Method::POST, &strict, &unknown).await;
    assert_eq!(
        (code, &body["message"]),
        (400, &json!("strict decoding error: unknown field \"spec.unknown\""))
    );
    assert_eq!(call(&server, Method::POST, WATCHED, &unknown).await.0, 201);
    let one = format!("{WATCHED}/one");
    apply(&server, &one, "agent", &widget("one", &json!({ "size": 1 }))).await;
    let mut report = widget("one", &json!({}));
    report["status"] = json!({ "phase": "Booting" });
    let (_, reported) = apply(&server, &format!("{one}/status"), "agent", &report).await;
    let mut told: Vec<String> = reported["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["manager"] == "agent")
        .map(|entry| format!("{} {}", entry["subresource"].as_str().unwrap_or("-"), entry["fieldsV1"]))
        .collect();
    told.sort();
    assert_eq!(told, [r#"- {"f:spec":{"f:size":{}}}"#, r#"status {"f:status":{"f:phase":{}}}"#]);
}

#[tokio::test(start_paused = true)]
async fn roles_decide_where_there_are_tokens() {
    let token = ("agent".to_owned(), Identity::service_account("rackhand", "agent"));
    let server = ApiServer::new(Options { tokens: [token].into(), ..Options::default() });
    server.create_all(DEFINITION).unwrap();
    let roles = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: agent }
rules: [{ apiGroups: [site.rackhand.test], resources: [widgets], verbs: [list, watch] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: agent }
subjects: [{ kind: ServiceAccount, name: agent, namespace: rackhand }]
roleRef: { kind: ClusterRole, name: agent, apiGroup: rbac.authorization.k8s.io }
";
    assert_eq!(server.create_all(roles).unwrap(), 2);
    let ask = async |path: &str| {
        let request = Request::get(path).header("authorization", "Bearer agent").body(String::new()).unwrap();
        server.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    assert_eq!(ask(WATCHED).await, 200);
    assert_eq!(ask("/apis/site.rackhand.test/v1/widgets").await, 200);
    assert_eq!(ask(&format!("{WATCHED}/one")).await, 403);
    assert_eq!(ask("/api/v1/namespaces/default/secrets").await, 403);
    let (code, _) = call(&server, Method::GET, WATCHED, &Value::Null).await;
    assert_eq!(code, 401, "nobody without a token is known");
}

#[tokio::test(start_paused = true)]
async fn an_object_is_told_in_each_version_and_kept_once() {
    let server = server();
    server.create(&widget("one", &json!({ "size": 1 }))).unwrap();
    let second = WATCHED.replace("/v1/", "/v2/");
    let (_, told) = call(&server, Method::GET, &format!("{second}/one"), &Value::Null).await;
    assert_eq!(told["apiVersion"], "site.rackhand.test/v2");
    let (code, patched) = merge(&server, &format!("{second}/one"), &json!({ "spec": { "size": 2 } })).await;
    assert_eq!((code, &patched["metadata"]["generation"]), (200, &json!(2)));
    let (_, again) = merge(&server, &format!("{WATCHED}/one"), &json!({ "spec": { "size": 2 } })).await;
    assert_eq!(again["metadata"]["resourceVersion"], patched["metadata"]["resourceVersion"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_created_is_said() {
    let server = server();
    let unknown = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x" } });
    let refused = server.create(&unknown).unwrap_err().to_string();
    assert_eq!(refused, "no matches for kind \"Pod\" in version \"v1\"");
    let misspelt = widget("one", &json!({ "sise": 1 }));
    assert!(server.create(&misspelt).unwrap_err().to_string().contains("spec.sise"));
    assert_eq!(server.list("site.rackhand.test", "widgets"), [] as [Value; 0]);
}

#[tokio::test]
async fn a_thousand_objects_report_quickly() {
    async fn report_all(objects: u32) -> Duration {
        let server = server();
        let mut lines = Lines::open(&server, &format!("{WATCHED}?watch=1")).await;
        for object in 0..objects {
            server.create(&widget(&format!("w{object}"), &json!({ "size": object }))).unwrap();
        }
        let began = Instant::now();
        for phase in ["Booting", "Installing", "Done"] {
            for object in 0..objects {
                let mut report = widget(&format!("w{object}"), &json!({}));
                report["status"] = json!({ "phase": phase, "conditions": [
                    { "type": "Ready", "status": phase }, { "type": "SpecValid", "status": "True" } ] });
                let path = format!("{WATCHED}/w{object}/status");
                assert_eq!(apply(&server, &path, "agent", &report).await.0, 200);
            }
        }
        let took = began.elapsed();
        for _ in 0..objects * 4 {
            lines.next().await.unwrap().unwrap();
        }
        took
    }
    let took = report_all(1000).await;
    println!("3,000 status applies to 1,000 objects: {took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}
