//! A host installs from its virtual CD, in-process and over HTTPS.
#![allow(
    clippy::unwrap_used,
    reason = "the helpers below are part of the tests: a failure in them fails the test"
)]

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use rackhand_simulator::fetch::MemoryFetch;
use rackhand_simulator::iso::{CONFIG_FILE, IsoBuilder};
use rackhand_simulator::log::{Class, Entry};
use rackhand_simulator::personality::sushy::Sushy;
use rackhand_simulator::{MachineSpec, Service, Simulator};
use serde_json::{Value, json};

const ISO: &str = "http://images.example/t0ken/node1.iso";

fn medium() -> Vec<u8> {
    IsoBuilder::new("INSTALL")
        .file(CONFIG_FILE, "callback={base}/callback\n")
        .size(3_000_000)
        .build()
        .unwrap()
}

fn simulator(net: &MemoryFetch) -> Simulator {
    let machine = MachineSpec::new("node1", Arc::new(Sushy));
    Simulator::builder().seed(7).machine(machine).net(Arc::new(net.clone())).build().unwrap()
}

async fn send(bmc: &Service, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    let response = bmc.call(request.body(body).unwrap()).await.unwrap();
    let value = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    (response.status(), value)
}

async fn system(bmc: &Service) -> String {
    let (_, systems) = send(bmc, Method::GET, "/redfish/v1/Systems", None).await;
    systems["Members"][0]["@odata.id"].as_str().unwrap().to_owned()
}

async fn insert_and_boot(bmc: &Service) -> String {
    let system = system(bmc).await;
    let insert = format!("{system}/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia");
    assert_eq!(send(bmc, Method::POST, &insert, Some(json!({"Image": ISO}))).await.0, 204);
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd"}});
    assert_eq!(send(bmc, Method::PATCH, &system, Some(boot)).await.0, 204);
    let reset = format!("{system}/Actions/ComputerSystem.Reset");
    assert_eq!(send(bmc, Method::POST, &reset, Some(json!({"ResetType": "On"}))).await.0, 204);
    system
}

#[tokio::test(start_paused = true)]
async fn a_host_installs_and_calls_back() {
    let net = MemoryFetch::new();
    net.put(ISO, medium());
    let simulator = simulator(&net);
    let bmc = simulator.service("node1").unwrap();
    let system = insert_and_boot(&bmc).await;
    simulator.log().wait_state("node1", "callback", "Rebooting").await;
    // Taken out before the reset has gone through POST: the host then boots from disk.
    let eject = format!("{system}/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia");
    assert_eq!(send(&bmc, Method::POST, &eject, None).await.0, 204);
    simulator.log().wait_state("node1", "callback", "Done").await;
    let posts = net.posts();
    let stages: Vec<_> = posts.iter().map(|(_, body)| body["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["Writing image to disk", "Rebooting", "Done"]);
    assert!(posts.iter().all(|(url, _)| url == "http://images.example/t0ken/callback"));
    let sources: Vec<_> =
        simulator.log().changes("node1", "boot-source").into_iter().map(|(_, to)| to).collect();
    assert_eq!(sources.len(), 2);
    assert!(sources[0].starts_with("Cd#") && sources[1].starts_with("Hdd#"), "{sources:?}");
    assert_eq!(simulator.log().count(Class::Change), 4);
}

#[tokio::test(start_paused = true)]
async fn a_medium_that_stays_is_booted_again() {
    let net = MemoryFetch::new();
    net.put(ISO, medium());
    let simulator = simulator(&net);
    insert_and_boot(&simulator.service("node1").unwrap()).await;
    let mut boots = 0;
    simulator
        .log()
        .wait_for(|entry| {
            let cd = matches!(entry, Entry::State(s) if s.what == "boot-source" && s.to.starts_with("Cd#"));
            boots += usize::from(cd);
            boots == 3
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_installer_whose_medium_goes_away_fails() {
    let net = MemoryFetch::new();
    net.put(ISO, medium());
    let simulator = simulator(&net);
    insert_and_boot(&simulator.service("node1").unwrap()).await;
    simulator.log().wait_state("node1", "guest", "installer: writing").await;
    net.remove(ISO);
    let lost = simulator.log().wait_for(|entry| {
        matches!(entry, Entry::State(state) if state.what == "guest" && state.to.starts_with("install failed"))
    });
    lost.await;
    let disk = simulator.machine("node1").unwrap().with(|machine| machine.disk().word());
    assert_eq!(disk, "half written");
}

#[tokio::test]
async fn it_answers_over_https() {
    let simulator = simulator(&MemoryFetch::new());
    let endpoints = simulator.serve("127.0.0.1:0".parse().unwrap(), true).await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    use rustls_pki_types::pem::PemObject as _;
    let pem = simulator.authority().pem();
    roots.add(rustls_pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let tls = rackhand_simulator::tls::verifying(roots).unwrap();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
    for _ in 0..3 {
        let answer = client.get(format!("{}/redfish/v1", endpoints[0].url)).send().await.unwrap();
        let root: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(root["Id"], "RedvirtService");
    }
    assert_eq!(simulator.machine("node1").unwrap().tls_connections(), 1);
    simulator.shut_down().await;
}
