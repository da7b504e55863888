//! Each kind of fault, in-process and over a socket: what the client sees, and what the log says took effect.
use std::future::Future;
use std::time::Duration;

use crate::plain::{BIOS, Bmc, INSERT, ISO, RESET, SLOT, SYSTEM, builder};
use http::Method;
use rackhand_simulator::Simulator;
use rackhand_simulator::faults::{Rule, What, parse, preset};
use rackhand_simulator::fetch::MemoryFetch;
use rackhand_simulator::log::{Class, Entry, RequestEntry};
use rackhand_simulator::machine::Power;
use serde_json::json;

/// Runs a test on a simulation with these rules, once in-process and once over a socket. A simulated minute is 30 ms.
async fn both<F: Future<Output = ()>>(rules: Vec<Rule>, test: impl Fn(Simulator, Bmc) -> F) {
    for socket in [false, true] {
        let start =
            rules.iter().cloned().fold(builder(&MemoryFetch::new()), |builder, rule| builder.fault(rule));
        let simulator = start.time_scale(2000.0).build().unwrap();
        let bmc = if socket { Bmc::socket(&simulator).await } else { Bmc::inside(&simulator) };
        test(simulator.clone(), bmc).await;
        simulator.shut_down().await;
    }
}

/// A rule for the first Reset.
fn first_reset(what: What) -> Vec<Rule> {
    vec![Rule::new("trouble", what).request("POST", "*/ComputerSystem.Reset").window(0, 1)]
}

/// The log's entry of the request that the rule spoilt.
async fn spoilt(simulator: &Simulator) -> RequestEntry {
    let entry = simulator.log().wait_for(|entry| matches!(entry, Entry::Request(one) if one.fault.is_some()));
    match entry.await {
        Entry::Request(request) => request,
        Entry::State(_) => unreachable!("only requests were asked for"),
    }
}

fn power(simulator: &Simulator) -> Power {
    simulator.machine("node1").unwrap().with(|machine| machine.power())
}

async fn turn_on(bmc: &Bmc) -> Option<u16> {
    bmc.post(RESET, json!({"ResetType": "On"})).await.map(|answer| answer.status.as_u16())
}

#[tokio::test]
async fn a_request_that_hangs_has_no_effect_and_no_answer() {
    both(first_reset(What::Hang), async |simulator, bmc| {
        let entry = tokio::select! {
            answer = turn_on(&bmc) => panic!("answered {answer:?}"),
            entry = spoilt(&simulator) => entry,
        };
        assert_eq!((entry.class, entry.applied, entry.status), (Class::Change, false, None));
        assert_eq!(power(&simulator), Power::Off);
        assert_eq!(turn_on(&bmc).await, Some(204));
        let log = simulator.log();
        assert_eq!((log.count(Class::Change), log.count_applied(Class::Change)), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn a_connection_cut_before_the_request_took_effect() {
    both(first_reset(What::Cut), async |simulator, bmc| {
        assert_eq!(turn_on(&bmc).await, None);
        assert!(!spoilt(&simulator).await.applied);
        assert_eq!(power(&simulator), Power::Off);
    })
    .await;
}

#[tokio::test]
async fn a_connection_cut_after_it_took_effect() {
    both(first_reset(What::CutAfter), async |simulator, bmc| {
        assert_eq!(turn_on(&bmc).await, None);
        let entry = spoilt(&simulator).await;
        assert_eq!((entry.applied, entry.status, entry.class), (true, None, Class::Change));
        assert_ne!(power(&simulator), Power::Off);
    })
    .await;
}

#[tokio::test]
async fn a_late_request_takes_effect_after_its_client_has_gone() {
    both(first_reset(What::Late { seconds: 300.0 }), async |simulator, bmc| {
        let on = simulator.log().wait_state("node1", "power", "PoweringOn");
        tokio::select! {
            answer = turn_on(&bmc) => panic!("answered {answer:?}"),
            entry = on => assert!(matches!(entry, Entry::State(state) if state.ms >= 300_000)),
        }
        assert!(spoilt(&simulator).await.applied);
    })
    .await;
}

#[tokio::test]
async fn a_delayed_request_is_answered() {
    both(first_reset(What::Delay { seconds: 100.0 }), async |simulator, bmc| {
        assert_eq!(turn_on(&bmc).await, Some(204));
        assert!(spoilt(&simulator).await.ms >= 100_000);
    })
    .await;
}

#[tokio::test]
async fn a_status_with_a_page_of_html() {
    let rules = parse(
        "faults:\n- {name: busy, do: status, code: 503, retryAfter: 7, body: '<html>', path: '*Reset', times: 1}\n",
    );
    both(rules.unwrap(), async |simulator, bmc| {
        let answer = bmc.post(RESET, json!({"ResetType": "On"})).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "7"));
        assert_eq!(
            (answer.header("content-type"), answer.body.as_ref()),
            ("text/html", b"<html>".as_slice())
        );
        assert_eq!(spoilt(&simulator).await.status, Some(503));
        assert_eq!(simulator.log().count_applied(Class::Change), 0);
    })
    .await;
}

#[tokio::test]
async fn truncated_json() {
    both(vec![Rule::new("half", What::Truncate).request("GET", SYSTEM).window(1, 1)], async |_, bmc| {
        let whole = bmc.get(SYSTEM).await.unwrap().body;
        let half = bmc.get(SYSTEM).await.unwrap().body;
        assert_eq!(half, whole.slice(..whole.len() / 2));
        assert!(serde_json::from_slice::<serde_json::Value>(&half).is_err());
    })
    .await;
}

#[tokio::test]
async fn a_hundred_megabytes_of_json() {
    const LENGTH: usize = 100_000_000;
    let simulator = builder(&MemoryFetch::new())
        .fault(Rule::new("flood", What::HugeJson { bytes: LENGTH }).request("GET", SYSTEM))
        .build()
        .unwrap();
    let Bmc::Socket(client, url) = Bmc::socket(&simulator).await else { unreachable!("a socket") };
    let mut answer = client.get(format!("{url}{SYSTEM}")).send().await.unwrap();
    assert_eq!(answer.content_length(), u64::try_from(LENGTH).ok());
    let (mut length, mut end) = (0, Vec::new());
    while let Some(piece) = answer.chunk().await.unwrap() {
        length += piece.len();
        end = piece[piece.len().saturating_sub(2)..].to_vec();
    }
    assert_eq!(length, LENGTH);
    assert!(end.ends_with(b"}"));
    simulator.faults().remove("flood");
    simulator.faults().add(Rule::new("flood", What::HugeJson { bytes: 200_000 }));
    let whole = Bmc::inside(&simulator).get(SYSTEM).await.unwrap();
    assert_eq!((whole.body.len(), whole.json()["Filler"].is_string()), (200_000, true));
    simulator.shut_down().await;
}

#[tokio::test]
async fn a_right_password_is_refused_as_a_wrong_one() {
    both(preset("bad-password", "node1").unwrap(), async |simulator, bmc| {
        let login = json!({"UserName": "a", "Password": "b"});
        assert_eq!(bmc.post(crate::plain::SESSIONS, login).await.unwrap().status, 401);
        assert_eq!(bmc.get(SYSTEM).await.unwrap().status, 401);
        assert_eq!(turn_on(&bmc).await, Some(401));
        let log = simulator.log();
        assert_eq!((log.count(Class::Session), log.count_applied(Class::Session)), (1, 0));
        assert_eq!(log.count_applied(Class::Change), 0);
    })
    .await;
}

#[tokio::test]
async fn a_bmc_that_is_down_for_a_while() {
    both(first_reset(What::Down { seconds: 400.0 }), async |simulator, bmc| {
        assert_eq!(turn_on(&bmc).await, None);
        assert!(bmc.get("/redfish/v1").await.is_none());
        simulator.clock().sleep(Duration::from_secs(400)).await;
        assert_eq!(bmc.get("/redfish/v1").await.unwrap().status, 200);
        assert_eq!(turn_on(&bmc).await, Some(204));
        assert_eq!(simulator.log().count_applied(Class::Change), 1);
    })
    .await;
}

#[tokio::test]
async fn a_bmc_that_takes_the_image_and_dies() {
    both(preset("bmc-down", "*").unwrap(), async |simulator, bmc| {
        assert_eq!(bmc.post(INSERT, json!({"Image": ISO})).await.unwrap().status, 204);
        assert!(bmc.get(SLOT).await.is_none());
        simulator.log().wait_state("node1", "media:Cd", &format!("inserted {ISO}")).await;
        assert!(bmc.get(SLOT).await.is_none());
    })
    .await;
}

#[tokio::test]
async fn an_image_that_never_attaches() {
    both(preset("media-stuck", "*").unwrap(), async |simulator, bmc| {
        assert_eq!(bmc.post(INSERT, json!({"Image": ISO})).await.unwrap().status, 204);
        simulator.clock().sleep(Duration::from_secs(120)).await;
        let slot = bmc.get(SLOT).await.unwrap().json();
        assert_eq!((slot["Inserted"].as_bool(), slot["Image"].as_str()), (Some(false), Some(ISO)));
    })
    .await;
}

#[tokio::test]
async fn an_image_server_that_the_bmc_cannot_reach() {
    both(preset("unreachable-iso", "node1").unwrap(), async |simulator, bmc| {
        assert_eq!(bmc.post(INSERT, json!({"Image": ISO})).await.unwrap().status, 204);
        let failed = format!("failed {ISO}: the server cannot be reached: no route to host");
        simulator.log().wait_state("node1", "media:Cd", &failed).await;
        simulator.faults().remove("unreachable-iso");
        assert_eq!(bmc.post(INSERT, json!({"Image": ISO})).await.unwrap().status, 204);
        simulator.log().wait_state("node1", "media:Cd", &format!("inserted {ISO}")).await;
    })
    .await;
}

#[tokio::test]
async fn a_bios_setting_that_post_refuses() {
    let rules = parse("faults:\n- {name: no, do: biosRejected, attribute: Tur*}\n").unwrap();
    both(rules, async |simulator, bmc| {
        let wanted = json!({"Attributes": {"Turbo": "Disabled", "Threads": "Disabled"}});
        assert_eq!(bmc.patch(BIOS, wanted).await.unwrap().status, 204);
        assert_eq!(turn_on(&bmc).await, Some(204));
        simulator.log().wait_state("node1", "post", "done").await;
        let bios = bmc.get("/redfish/v1/Systems/1/Bios").await.unwrap().json();
        assert_eq!(bios["Attributes"], json!({"Turbo": "Enabled", "Threads": "Disabled"}));
        let changes: Vec<_> =
            simulator.log().changes("node1", "bios").into_iter().map(|(_, to)| to).collect();
        assert_eq!(changes, ["Threads=Disabled", "rejected Turbo=Disabled"]);
    })
    .await;
}

#[tokio::test]
async fn a_bios_setting_that_is_refused_when_it_is_written() {
    both(preset("rejected-bios-write", "*").unwrap(), async |simulator, bmc| {
        let wanted = json!({"Attributes": {"Turbo": "Disabled"}});
        let answer = bmc.patch(BIOS, wanted.clone()).await.unwrap();
        assert_eq!(answer.status, 400);
        let message = &answer.json()["error"]["@Message.ExtendedInfo"][0];
        assert_eq!(message["MessageId"], "Base.1.8.PropertyValueNotInList");
        let log = simulator.log();
        assert_eq!((log.count(Class::Change), log.count_applied(Class::Change)), (1, 0));
        simulator.faults().remove("rejected-bios-write");
        assert_eq!(bmc.patch(BIOS, wanted).await.unwrap().status, 204);
    })
    .await;
}

#[tokio::test]
async fn a_swallowed_logout_is_no_change() {
    both(vec![Rule::new("lost", What::Cut).request("DELETE", "*")], async |simulator, bmc| {
        let path = format!("{}/1", crate::plain::SESSIONS);
        assert!(bmc.send(Method::DELETE, &path, &[], None).await.is_none());
        assert_eq!(spoilt(&simulator).await.class, Class::Session);
    })
    .await;
}
