use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http::Response;
use rackhand_bmc::{Error, Ledger, MemoryLedger, Outcome};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::*;
use crate::testing::{SESSIONS, SYSTEM, Service, answer, lost, refusal, target};

/// Answers the first `times` requests whose line begins with `line` by `reply`.
fn first(
    times: u32,
    line: &'static str,
    reply: impl Fn() -> crate::testing::Reply + Send + Sync + 'static,
) -> Service {
    let seen = AtomicU32::new(0);
    Service::with(move |request, _| {
        let matches = format!("{} {}", request.method(), request.uri()).starts_with(line);
        (matches && seen.fetch_add(1, Ordering::SeqCst) < times).then(&reply)
    })
}

fn accepted(sent: &Result<Sent>) -> bool {
    matches!(sent, Ok(Sent::Accepted(_)))
}

#[tokio::test(start_paused = true)]
async fn if_match_is_given_up_step_by_step_and_only_on_412() {
    for (refusals, expected) in [
        (0, vec![Some("W/\"0\"")]),
        (1, vec![Some("W/\"0\""), Some("\"0\"")]),
        (2, vec![Some("W/\"0\""), Some("\"0\""), Some("W/\"1\"")]),
        (3, vec![Some("W/\"0\""), Some("\"0\""), Some("W/\"1\""), Some("\"1\"")]),
        (4, vec![Some("W/\"0\""), Some("\"0\""), Some("W/\"1\""), Some("\"1\""), None]),
    ] {
        let service = first(refusals, "PATCH", || refusal(412, "Base.1.8.PreconditionFailed"));
        let client = service.client().await;
        assert!(
            accepted(&client.patch(SYSTEM, Some("W/\"0\""), json!({"AssetTag": "x"})).await),
            "{refusals}"
        );
        let seen = service.state().if_match.clone();
        assert_eq!(seen, expected.into_iter().map(|etag| etag.map(str::to_owned)).collect::<Vec<_>>());
    }
    let service = first(1, "PATCH", || refusal(400, "Base.1.8.PropertyNotWritable"));
    let refused = service.client().await.patch(SYSTEM, Some("\"0\""), json!({})).await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::RejectedValue { .. }));
    assert_eq!(service.state().if_match.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_etag_that_the_service_insists_on_is_fetched() {
    let service = first(1, "PATCH", || refusal(428, "Base.1.8.PreconditionRequired"));
    assert!(accepted(&service.client().await.patch(SYSTEM, None, json!({})).await));
    assert_eq!(service.state().if_match, [None, Some("W/\"1\"".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_costs_one_login() {
    let service = Service::new();
    let client = service.client().await;
    client.get(SYSTEM).await.unwrap();
    service.state().sessions.clear();
    // Both notice; one logs in.
    let (read, written) =
        tokio::join!(client.get(SYSTEM), client.patch(SYSTEM, None, json!({"AssetTag": "x"})));
    assert!(read.is_ok() && accepted(&written));
    assert_eq!(service.state().opened, 2);
    client.close().await.unwrap();
    assert!(service.state().sessions.is_empty());
}

/// A ledger that writes down what it is told, and refuses to where told so.
#[derive(Debug, Default)]
struct Notes {
    said: Mutex<Vec<String>>,
    leftovers: Vec<String>,
    broken: bool,
    limit: MemoryLedger,
}

impl Notes {
    fn note(&self, what: &str, uri: &str) {
        self.said.lock().unwrap().push(format!("{what} {uri}"));
    }
}

impl Ledger for Notes {
    fn permit_login(&self, bmc: &str, username: &str) -> Result<()> {
        self.note("permit", username);
        self.limit.permit_login(bmc, username)
    }
    fn login_refused(&self, bmc: &str, username: &str) -> Result<()> {
        self.note("refused", username);
        self.limit.login_refused(bmc, username)
    }
    fn session_opened(&self, bmc: &str, uri: &str) -> Result<()> {
        self.note("opened", uri);
        if self.broken { Err(Error::new(ErrorKind::Ledger, bmc, "disk full")) } else { Ok(()) }
    }
    fn session_closed(&self, _bmc: &str, uri: &str) -> Result<()> {
        self.note("closed", uri);
        Ok(())
    }
    fn leftover_sessions(&self, _bmc: &str) -> Vec<String> {
        self.leftovers.clone()
    }
}

async fn client_with(service: &Service, ledger: &Arc<Notes>) -> Client {
    Client::new(&service.link().await, &target(Arc::clone(ledger) as Arc<dyn Ledger>), Conduct::default())
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_sent_once_per_client_and_twice_per_ledger() {
    let ledger = Arc::new(Notes::default());
    let service = Service::new();
    for login in 1..=3 {
        let mut target = target(Arc::clone(&ledger) as Arc<dyn Ledger>);
        target.credentials = rackhand_bmc::Credentials::new("root", "wr0ng-secret".to_owned());
        let client = Client::new(&service.link().await, &target, Conduct::default());
        for _ in 0..2 {
            let error = client.get(SYSTEM).await.unwrap_err();
            if login < 3 {
                assert_eq!(*error.kind(), ErrorKind::RefusedCredentials);
                assert!(error.to_string().contains("ResourceAtUriUnauthorized"), "{error}");
            } else {
                assert_eq!(*error.kind(), ErrorKind::Locked { retry_after: None });
            }
            assert!(!format!("{error} {error:?}").contains("wr0ng-secret"));
        }
    }
    let said = ledger.said.lock().unwrap();
    assert_eq!(said.iter().filter(|said| said.starts_with("refused")).count(), 2);
    assert_eq!(service.state().opened, 0);
}

#[tokio::test(start_paused = true)]
async fn basic_is_used_where_there_are_no_sessions_and_stops_at_the_first_refusal() {
    let service = Service::with(|request, _| match request.headers().get("authorization") {
        _ if request.uri().path() == SESSIONS => Some(refusal(404, "Base.1.0.GeneralError")),
        Some(value) if value == "Basic cm9vdDpjYWx2aW4=" => Some(answer(200, json!({"Id": "1"}))),
        Some(_) => Some(refusal(401, "Base.1.0.GeneralError")),
        None => None,
    });
    let client = service.client().await;
    assert_eq!(client.get(SYSTEM).await.unwrap().id(), "1");
    client.close().await.unwrap();

    let ledger = Arc::new(Notes::default());
    let mut target = target(Arc::clone(&ledger) as Arc<dyn Ledger>);
    target.credentials = rackhand_bmc::Credentials::new("root", "wrong".to_owned());
    let client = Client::new(&service.link().await, &target, Conduct::default());
    for _ in 0..3 {
        assert_eq!(*client.get(SYSTEM).await.unwrap_err().kind(), ErrorKind::RefusedCredentials);
    }
    assert_eq!(service.count("GET /redfish/v1/Systems/1"), 2, "one good read, one refused, none after it");
    assert_eq!(*ledger.said.lock().unwrap(), ["permit root", "refused root"]);
}

#[tokio::test(start_paused = true)]
async fn the_ledger_knows_a_session_before_it_is_used_and_after_it_is_gone() {
    let left = format!("{SESSIONS}/old");
    let ledger =
        Arc::new(Notes { leftovers: vec![left.clone(), format!("{SESSIONS}/gone")], ..Notes::default() });
    let service = Service::new();
    service.state().sessions.insert(left.clone(), "theirs".to_owned());
    let client = client_with(&service, &ledger).await;
    client.login().await.unwrap();
    assert!(!service.state().sessions.contains_key(&left));
    client.close().await.unwrap();
    client.close().await.unwrap();
    let one = format!("{SESSIONS}/1");
    let expected = [
        "permit root".to_owned(),
        format!("opened {one}"),
        format!("closed {left}"),
        format!("closed {SESSIONS}/gone"),
        format!("closed {one}"),
    ];
    assert_eq!(*ledger.said.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_written_down_is_given_back_unused() {
    let ledger = Arc::new(Notes { broken: true, ..Notes::default() });
    let service = Service::new();
    let error = client_with(&service, &ledger).await.get(SYSTEM).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Ledger);
    assert!(service.state().sessions.is_empty());
    assert_eq!(service.count("GET /redfish/v1/Systems/1"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_session_table_is_busy_and_says_so() {
    let service =
        first(1, "POST /redfish/v1/SessionService", || refusal(400, "Base.1.8.SessionLimitExceeded"));
    let error = service.client().await.get(SYSTEM).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Busy { retry_after: None });
    assert!(error.detail().contains("session table is full"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_gives_the_session_back() {
    let service = Service::new();
    let client = service.client().await;
    client.get(SYSTEM).await.unwrap();
    let clone = client.clone();
    drop(client);
    assert_eq!(service.state().sessions.len(), 1);
    drop(clone);
    sleep(Duration::from_millis(1)).await;
    assert!(service.state().sessions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_mutation_is_unknown_and_not_sent_again() {
    let service = Service::with(|request, _| (*request.method() == Method::PATCH).then(|| lost(request)));
    let client = service.client().await;
    let outcome = client.patch(SYSTEM, None, json!({})).await.unwrap().outcome();
    assert!(matches!(outcome, Outcome::Unknown { seen } if seen.contains("connection reset")));
    assert_eq!(service.count("PATCH"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_gave_up_leaves_a_mutation_unknown() {
    let service = first(1, "PATCH", || answer(504, Value::Null));
    let sent = service.client().await.patch(SYSTEM, None, json!({})).await.unwrap();
    assert!(matches!(sent, Sent::Lost { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_mutation_that_was_sent_completes_though_nobody_waits() {
    let service = Service::new().slow(Duration::from_secs(5));
    let client = service.client().await;
    client.login().await.unwrap();
    let call = client.patch(SYSTEM, None, json!({"AssetTag": "kept"}));
    assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
    // Queued behind it, and given up before its turn: never sent.
    let queued = client.patch(SYSTEM, None, json!({"AssetTag": "never"}));
    assert!(tokio::time::timeout(Duration::from_secs(1), queued).await.is_err());
    client.close().await.unwrap();
    assert_eq!(service.state().documents[SYSTEM]["AssetTag"], "kept");
    assert_eq!(service.count("PATCH"), 1);
    assert!(service.state().sessions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn mutations_run_one_at_a_time_and_reads_two() {
    let service = Service::new().slow(Duration::from_secs(1));
    let client = service.client().await;
    client.login().await.unwrap();
    let start = Instant::now();
    let read = || client.get(SYSTEM);
    let (a, b, c, d) = tokio::join!(read(), read(), read(), read());
    assert!([a, b, c, d].iter().all(Result::is_ok));
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    let write = || client.patch(SYSTEM, None, json!({}));
    let (a, b) = tokio::join!(write(), write());
    assert!(accepted(&a) && accepted(&b));
    assert_eq!(start.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn reads_are_tried_again_within_bounds() {
    let service = first(2, "GET /redfish/v1/Systems/1", || answer(503, Value::Null));
    let client = service.client().await;
    client.login().await.unwrap();
    let start = Instant::now();
    client.get(SYSTEM).await.unwrap();
    // Back-off doubles from Pacing::retry_min.
    assert_eq!(start.elapsed(), Duration::from_secs(2 + 4));

    let service = Service::with(|request, _| (request.uri().path() == SYSTEM).then(|| lost(request)));
    let error = service.client().await.get(SYSTEM).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Lost);
    assert_eq!(service.count("GET /redfish/v1/Systems/1"), 3);
}

fn come_back(seconds: &'static str) -> crate::testing::Reply {
    Ok(Response::builder().status(503).header("Retry-After", seconds).body(bytes::Bytes::new()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_where_it_is_bearable() {
    let service = first(1, "GET /redfish/v1/Systems/1", || come_back("17"));
    let client = service.client().await;
    client.login().await.unwrap();
    let start = Instant::now();
    client.get(SYSTEM).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(17));
    let service = first(9, "GET /redfish/v1/Systems/1", || come_back("600"));
    let error = service.client().await.get(SYSTEM).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Busy { retry_after: Some(Duration::from_secs(600)) });
    assert_eq!(service.count("GET /redfish/v1/Systems/1"), 1);
    // A mutation is repeated once where the BMC says when, and not at all where it does not.
    let service = first(9, "PATCH", || come_back("17"));
    assert!(matches!(
        service.client().await.patch(SYSTEM, None, json!({})).await.unwrap_err().kind(),
        ErrorKind::Busy { .. }
    ));
    assert_eq!(service.count("PATCH"), 2);
    let service = first(9, "PATCH", || answer(503, Value::Null));
    assert!(service.client().await.patch(SYSTEM, None, json!({})).await.is_err());
    assert_eq!(service.count("PATCH"), 1);
}

#[tokio::test(start_paused = true)]
async fn collections_survive_null_members_pages_and_bad_members() {
    let service = Service::new();
    let client = service.client().await;
    let all = "/redfish/v1/Chassis";
    service.put(all, json!({"Members": null}));
    assert!(client.collection(all).await.unwrap().documents.is_empty());
    service.put("/redfish/v1/Chassis/1", json!({"Id": "1"}));
    service.put("/redfish/v1/Chassis/2", json!({"Id": "2"}));
    service.put(
        "/page2",
        json!({"Members": {"@odata.id": "/redfish/v1/Chassis/2"}, "Members@odata.nextLink": all}),
    );
    service.put(all, json!({"Members": [{"@odata.id": "/redfish/v1/Chassis/1"}, {"@odata.id": "/missing"}, {"Id": "no link"},
        {"@odata.id": "https://evil.test/redfish/v1/Chassis/3"}], "Members@odata.nextLink": "/page2"}));
    let found = client.collection(all).await.unwrap();
    assert_eq!(found.documents.iter().map(Document::id).collect::<Vec<_>>(), ["1", "2"]);
    let skipped: Vec<&str> = found.skipped.iter().map(|skipped| skipped.what.as_str()).collect();
    assert_eq!(skipped, [all, "/missing", "https://evil.test/redfish/v1/Chassis/3"]);
    assert!(found.skipped[2].why.contains("another host"), "{}", found.skipped[2].why);
}

#[tokio::test(start_paused = true)]
async fn members_come_along_where_expand_is_advertised_and_works() {
    let service = Service::with(|request, state| {
        let query = request.uri().query()?;
        let known = state
            .sessions
            .values()
            .any(|token| request.headers().get("x-auth-token").is_some_and(|held| held == token));
        let body = json!({"Members": [{"@odata.id": SYSTEM, "Id": "expanded"}, {"@odata.id": SYSTEM}]});
        (known && query == "$expand=.($levels=1)").then(|| answer(200, body))
    });
    service.set("/redfish/v1", "", {
        let mut root = service.state().documents["/redfish/v1"].clone();
        root["ProtocolFeaturesSupported"] =
            json!({"ExpandQuery": {"NoLinks": true, "Levels": true, "MaxLevels": 1}});
        root
    });
    let client = service.client().await;
    let found = client.collection("/redfish/v1/Systems").await.unwrap();
    assert_eq!(found.documents.iter().map(Document::id).collect::<Vec<_>>(), ["expanded", "1"]);
    assert_eq!(
        service.log()[1..],
        ["GET /redfish/v1/Systems?$expand=.($levels=1)", "GET /redfish/v1/Systems/1"]
    );

    // A service that refuses what it advertises is asked plainly, and not a second time.
    let refusing =
        Service::with(|request, _| request.uri().query().map(|_| refusal(501, "Base.1.8.QueryNotSupported")));
    refusing.put("/redfish/v1", service.state().documents["/redfish/v1"].clone());
    let client = refusing.client().await;
    for _ in 0..2 {
        assert_eq!(client.collection("/redfish/v1/Systems").await.unwrap().documents.len(), 1);
    }
    assert_eq!(refusing.count("GET /redfish/v1/Systems?"), 1);
}

#[tokio::test(start_paused = true)]
async fn redirects_stay_on_the_host() {
    let to = |target: &'static str| {
        Service::with(move |request, _| {
            let moved = || {
                Ok(Response::builder()
                    .status(307)
                    .header("Location", target)
                    .body(bytes::Bytes::new())
                    .unwrap())
            };
            (request.uri().path() == "/moved").then(moved)
        })
    };
    let send = async |target| to(target).client().await.post("/moved", json!({"AssetTag": "x"})).await;
    assert!(matches!(
        send("/redfish/v1/Systems/1/Actions/ComputerSystem.Reset").await,
        Ok(Sent::Accepted(_))
    ));
    assert!(send("https://evil.test/x").await.unwrap_err().to_string().contains("another host"));
    assert!(send("/moved").await.unwrap_err().to_string().contains("circle"));
    // Reads are redirected by the transport.
    assert_eq!(to(SYSTEM).client().await.get("/moved").await.unwrap().id(), "1");
    assert!(
        to("https://evil.test/x")
            .client()
            .await
            .get("/moved")
            .await
            .unwrap_err()
            .to_string()
            .contains("evil.test")
    );
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_no_json_are_named() {
    let service = Service::with(|request, _| {
        let html = || {
            Ok(Response::builder()
                .header("Content-Type", "text/html")
                .body(bytes::Bytes::from_static(b"<html>"))
                .unwrap())
        };
        (request.uri().path() == SYSTEM).then(html)
    });
    let error = service.client().await.get(SYSTEM).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Protocol);
    assert_eq!(
        error.to_string(),
        "BMC bmc.test: the answer is HTML or XML, not JSON (text/html) (GET /redfish/v1/Systems/1)"
    );
}

#[tokio::test(start_paused = true)]
async fn compressed_is_asked_for_only_where_it_is_insisted_on() {
    let encodings = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&encodings);
    let service = Service::with(move |request, _| {
        let encoding = request.headers()["accept-encoding"].to_str().unwrap().to_owned();
        if request.uri().path() != SYSTEM {
            return None;
        }
        let refused = encoding == "identity";
        seen.lock().unwrap().push(encoding);
        Some(if refused { answer(406, Value::Null) } else { answer(200, json!({"Id": "x"})) })
    });
    assert_eq!(service.client().await.get(SYSTEM).await.unwrap().id(), "x");
    assert_eq!(*encodings.lock().unwrap(), ["identity", "gzip"]);
}
