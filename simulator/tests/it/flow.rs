//! A host installs from its virtual CD, in-process and over HTTPS.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use rackhand_simulator::fetch::{FetchError, Fut, MediaFetch, MemoryFetch};
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

/// A source that can be switched off and on, as a server that is killed and started again.
#[derive(Clone)]
struct Restarted {
    net: MemoryFetch,
    away: Arc<AtomicBool>,
}

impl MediaFetch for Restarted {
    fn send(
        &self,
        request: Request<Bytes>,
        verify: bool,
        limit: usize,
    ) -> Fut<'_, Result<http::Response<Bytes>, FetchError>> {
        if self.away.load(Ordering::Relaxed) && request.method() != Method::POST {
            return Box::pin(async { Err(FetchError::Unreachable("connection refused".into())) });
        }
        self.net.send(request, verify, limit)
    }
}

/// The image server goes away in the middle of the guest's reading, for that many simulated seconds. Answers what the
/// guest came to.
async fn away_for(seconds: u64) -> String {
    let source = Restarted { net: MemoryFetch::new(), away: Arc::new(AtomicBool::new(false)) };
    source.net.put(ISO, medium());
    let machine = MachineSpec::new("node1", Arc::new(Sushy));
    let simulator =
        Simulator::builder().seed(7).machine(machine).net(Arc::new(source.clone())).build().unwrap();
    insert_and_boot(&simulator.service("node1").unwrap()).await;
    simulator.log().wait_state("node1", "guest", "installer: writing").await;
    let read = source.net.bytes_read();
    source.away.store(true, Ordering::Relaxed);
    simulator.clock().sleep(std::time::Duration::from_secs(seconds)).await;
    source.away.store(false, Ordering::Relaxed);
    assert_eq!(source.net.bytes_read(), read, "nothing is read from a server that is away");
    let end = simulator.log().wait_for(|entry| {
        matches!(entry, Entry::State(one) if one.what == "guest"
            && (one.to.starts_with("install failed") || one.to == "installer: rebooting"))
    });
    match end.await {
        Entry::State(state) => state.to,
        Entry::Request(_) => unreachable!("only states were asked for"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_server_that_comes_back_in_time_is_read_on() {
    // sushy's patience is 30 s; the installer looks at its medium every 18 s.
    assert_eq!(away_for(40).await, "installer: rebooting");
}

#[tokio::test(start_paused = true)]
async fn an_image_server_that_comes_back_too_late_has_lost_the_medium() {
    let end = away_for(60).await;
    assert!(end.starts_with("install failed: medium lost: "), "{end}");
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
