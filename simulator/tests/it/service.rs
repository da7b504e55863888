//! Sessions, lockout, ETags and `$expand` of the service, over HTTP's path.
use std::sync::Arc;
use std::time::Duration;

use crate::plain::{Answer, Bmc, Plain, SESSIONS, SYSTEM};
use http::Method;
use rackhand_simulator::fetch::MemoryFetch;
use rackhand_simulator::log::Class;
use rackhand_simulator::{MachineSpec, Simulator};
use serde_json::{Value, json};

/// A machine with an administrator.
fn guarded() -> Simulator {
    let machine = MachineSpec::new("node1", Arc::new(Plain)).login("root", "secret");
    Simulator::builder().machine(machine).net(Arc::new(MemoryFetch::new())).build().unwrap()
}

async fn log_in(bmc: &Bmc, password: &str) -> Answer {
    bmc.post(SESSIONS, json!({"UserName": "root", "Password": password})).await.unwrap()
}

async fn with_token(bmc: &Bmc, method: Method, path: &str, token: &str) -> u16 {
    bmc.send(method, path, &[("x-auth-token", token)], None).await.unwrap().status.as_u16()
}

#[tokio::test(start_paused = true)]
async fn a_session_is_opened_used_and_closed() {
    let simulator = guarded();
    let bmc = Bmc::inside(&simulator);
    assert_eq!(bmc.get(SYSTEM).await.unwrap().status, 401);
    let session = log_in(&bmc, "secret").await;
    assert_eq!(session.status, 201);
    assert!(!String::from_utf8_lossy(&session.body).contains("secret"));
    let (token, path) = (session.header("x-auth-token"), session.header("location"));
    assert_eq!(with_token(&bmc, Method::GET, SYSTEM, token).await, 200);
    assert_eq!(with_token(&bmc, Method::DELETE, path, token).await, 204);
    assert_eq!(with_token(&bmc, Method::GET, SYSTEM, token).await, 401);
    let log = simulator.log();
    assert_eq!((log.count_applied(Class::Session), log.count(Class::Change)), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unused_session_runs_out_and_a_used_one_does_not() {
    let simulator = guarded();
    let bmc = Bmc::inside(&simulator);
    let (used, unused) = (log_in(&bmc, "secret").await, log_in(&bmc, "secret").await);
    let (used, unused) = (used.header("x-auth-token"), unused.header("x-auth-token"));
    for _ in 0..2 {
        simulator.clock().sleep(Duration::from_secs(200)).await;
        assert_eq!(with_token(&bmc, Method::GET, SYSTEM, used).await, 200);
    }
    assert_eq!(with_token(&bmc, Method::GET, SYSTEM, unused).await, 401);
    assert_eq!(simulator.log().changes("node1", "session").last().unwrap().1, "expired");
}

#[tokio::test(start_paused = true)]
async fn a_full_table_refuses_until_a_session_ends() {
    let simulator = guarded();
    let bmc = Bmc::inside(&simulator);
    let first = log_in(&bmc, "secret").await;
    assert_eq!(log_in(&bmc, "secret").await.status, 201);
    let refused = log_in(&bmc, "secret").await;
    assert_eq!(refused.status, 503);
    assert!(refused.json()["error"]["code"].as_str().unwrap().ends_with("SessionLimitExceeded"));
    let (token, path) = (first.header("x-auth-token"), first.header("location"));
    assert_eq!(with_token(&bmc, Method::DELETE, path, token).await, 204);
    assert_eq!(log_in(&bmc, "secret").await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_close_the_door_for_a_while() {
    let simulator = guarded();
    let bmc = Bmc::inside(&simulator);
    for _ in 0..3 {
        assert_eq!(log_in(&bmc, "guess").await.status, 401);
    }
    assert_eq!(log_in(&bmc, "secret").await.status, 401, "the right password comes too late");
    simulator.clock().sleep(Duration::from_secs(600)).await;
    assert_eq!(log_in(&bmc, "secret").await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_far_apart_do_not() {
    let simulator = guarded();
    let bmc = Bmc::inside(&simulator);
    for _ in 0..4 {
        assert_eq!(log_in(&bmc, "guess").await.status, 401);
        simulator.clock().sleep(Duration::from_secs(31)).await;
    }
    assert_eq!(log_in(&bmc, "secret").await.status, 201);
}

async fn once(bmc: &Bmc, tag: &str) -> u16 {
    let body = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
    let answer = bmc.send(Method::PATCH, SYSTEM, &[("if-match", tag)], Some(body)).await;
    answer.unwrap().status.as_u16()
}

#[tokio::test]
async fn a_write_with_an_old_etag_is_refused_over_http() {
    let simulator = crate::plain::builder(&MemoryFetch::new()).build().unwrap();
    let bmc = Bmc::socket(&simulator).await;
    let before = bmc.get(SYSTEM).await.unwrap();
    let tag = before.header("etag").to_owned();
    assert_eq!(bmc.get(SYSTEM).await.unwrap().header("etag"), tag, "nothing has changed");
    assert_eq!(once(&bmc, "\"00000000\"").await, 412);
    assert_eq!(once(&bmc, &tag).await, 204);
    assert_eq!(once(&bmc, &tag).await, 412, "the write has made the tag old");
    assert_eq!(once(&bmc, "*").await, 204);
    let log = simulator.log();
    assert_eq!((log.count(Class::Change), log.count_applied(Class::Change)), (4, 2));
    simulator.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn members_are_expanded_as_advertised() {
    let simulator = crate::plain::builder(&MemoryFetch::new()).build().unwrap();
    let bmc = Bmc::inside(&simulator);
    let root = bmc.get("/redfish/v1").await.unwrap().json();
    assert_eq!(root["ProtocolFeaturesSupported"]["ExpandQuery"]["MaxLevels"], 1);
    let get = async |path: &str| bmc.get(path).await.unwrap();
    let member = |body: &Value| body["Members"][0].clone();
    let plain = get("/redfish/v1/Systems").await.json();
    assert_eq!(member(&plain), json!({"@odata.id": SYSTEM}));
    let expanded = get("/redfish/v1/Systems?$expand=.($levels=1)").await.json();
    assert_eq!(member(&expanded), get(SYSTEM).await.json());
    let system = get(&format!("{SYSTEM}?$expand=~")).await.json();
    assert_eq!(system["Links"]["Chassis"][0]["ChassisType"], "RackMount");
    assert_eq!(system["Bios"], json!({"@odata.id": "/redfish/v1/Systems/1/Bios"}));
    let all = get(&format!("{SYSTEM}?$expand=*")).await.json();
    assert_eq!(all["Bios"]["Attributes"]["Turbo"], "Enabled");
    assert_eq!(get("/redfish/v1/Systems?$expand=.($levels=2)").await.status, 400);
}
