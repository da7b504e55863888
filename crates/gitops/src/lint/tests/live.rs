//! What the network says: a fake one for names, and real sockets for the rest.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::good::FILES;
use super::{open, options, said, written};
use crate::lint::{Head, NetworkProbe, Probe, Rule, lint_live};

/// A network in which the good repository's clusters are up.
struct Fake {
    names: BTreeMap<String, Vec<IpAddr>>,
    /// Whom nobody answers.
    silent: Vec<(String, u16)>,
    iso: Result<Head, String>,
    open: AtomicUsize,
    most: AtomicUsize,
}

impl Fake {
    fn new() -> Self {
        let mut names = BTreeMap::new();
        for (cluster, api, ingress) in
            [("north", "198.51.100.5", "198.51.100.6"), ("du-7", "2001:db8:7::21", "2001:db8:7::21")]
        {
            for (name, ip) in [("api", api), ("api-int", api), ("console-openshift-console.apps", ingress)] {
                names.insert(format!("{name}.{cluster}.example.com"), vec![ip.parse().unwrap()]);
            }
        }
        let (open, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { names, silent: Vec::new(), iso: Ok(Head { size: Some(1_048_576) }), open, most }
    }

    /// Holds a question open until the others have had their turn.
    async fn asked(&self) {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(open, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Probe for Fake {
    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        self.asked().await;
        Ok(self.names.get(name).cloned().unwrap_or_default())
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<(), String> {
        self.asked().await;
        let silent = self.silent.iter().any(|(name, of)| name == host && *of == port);
        if silent { Err("does not answer".to_owned()) } else { Ok(()) }
    }

    async fn http_head(&self, _: &str) -> Result<Head, String> {
        self.asked().await;
        self.iso.clone()
    }
}

async fn live(files: &[(&str, &str)], probe: &impl Probe) -> (String, Vec<Rule>) {
    let directory = written(files.iter().copied());
    let report = lint_live(&open(directory.path()), &options(), probe).await;
    let rules = report.findings.iter().map(|finding| finding.rule).collect();
    (said(directory.path(), report), rules)
}

#[tokio::test]
async fn a_network_that_is_as_it_should_be() {
    let fake = Fake::new();
    let (shown, _) = live(&FILES, &fake).await;
    insta::assert_snapshot!(shown);
    let most = fake.most.load(Ordering::SeqCst);
    assert!((2..=32).contains(&most), "{most} at once");
}

#[tokio::test]
async fn what_is_missing_is_said_at_the_cluster_or_node() {
    let mut fake = Fake::new();
    // A record that is missing, one that a single node needs and several do not, and one that points elsewhere.
    for name in ["api.north.example.com", "api-int.north.example.com", "api-int.du-7.example.com"] {
        fake.names.remove(name);
    }
    let elsewhere = vec!["198.51.100.6".parse().unwrap(), "203.0.113.80".parse().unwrap()];
    fake.names.insert("console-openshift-console.apps.north.example.com".to_owned(), elsewhere);
    fake.silent = vec![
        ("192.0.2.12".to_owned(), 443),
        ("198.51.100.5".to_owned(), 6443),
        ("2001:db8:7::21".to_owned(), 22623),
    ];
    fake.iso = Err("answers 404 Not Found".to_owned());
    let (shown, rules) = live(&FILES, &fake).await;
    for rule in [
        Rule::NameUnresolved,
        Rule::NameElsewhere,
        Rule::LoadBalancer,
        Rule::IsoUnreachable,
        Rule::BmcUnreachable,
        Rule::NotProbed,
    ] {
        assert!(rules.contains(&rule), "{rule} is not among\n{shown}");
    }
    insta::assert_snapshot!(shown);
}

/// A server on loopback that answers each request with this status line and length.
async fn server(status: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                assert!(request[..read].starts_with(b"HEAD ") || read == 0);
                let answer =
                    format!("HTTP/1.1 {status}\r\nContent-Length: 4096\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.ok();
            });
        }
    });
    address
}

/// A port on loopback that nothing listens on.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn network(limit: Duration) -> NetworkProbe {
    let tls =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
    NetworkProbe::new(client, limit)
}

#[tokio::test]
async fn the_network_itself_is_asked() {
    let probe = network(Duration::from_secs(20));
    let here = server("200 OK").await;
    let gone = nobody().await;
    assert_eq!(probe.tcp("127.0.0.1", here.port()).await, Ok(()));
    let error = probe.tcp("127.0.0.1", gone.port()).await.unwrap_err();
    assert!(error.starts_with("does not answer: "), "{error}");
    assert_eq!(probe.http_head(&format!("http://{here}/x.iso")).await, Ok(Head { size: Some(4096) }));
    let missing = server("404 Not Found").await;
    let error = probe.http_head(&format!("http://{missing}/x.iso")).await.unwrap_err();
    assert_eq!(error, "answers 404 Not Found");
    let error = probe.http_head(&format!("http://{gone}/x.iso?token=t0ps3cret")).await.unwrap_err();
    assert!(error.starts_with("cannot be asked: ") && !error.contains("t0ps3cret"), "{error}");
    // The one name that needs no server.
    let found = probe.resolve("localhost").await;
    assert!(found.as_ref().is_ok_and(|found| found.iter().all(IpAddr::is_loopback)), "{found:?}");
}

#[tokio::test]
async fn whoever_accepts_and_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x.iso", listener.local_addr().unwrap());
    let error = network(Duration::from_millis(50)).http_head(&url).await.unwrap_err();
    assert_eq!(error, "does not answer within 0.05 s");
}

/// BMCs and an ISO on real sockets: two that answer, one that does not, and an ISO that is a file.
#[tokio::test]
async fn a_repository_against_real_sockets() {
    let (bmc, gone, iso) = (nobody().await, nobody().await, server("200 OK").await);
    let listening = TcpListener::bind(bmc).await.unwrap();
    let host = |name: &str, number: u8, address: SocketAddr, image: &str| {
        format!(
            "apiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata:\n  name: {name}\n  namespace: pool\n  annotations:\n    rackhand.dev/iso: {image}\nspec:\n  bootMACAddress: \"02:00:5e:00:09:0{number}\"\n  bmc:\n    address: redfish-virtualmedia+http://{address}\n    credentialsName: s\n"
        )
    };
    let a = host("a", 1, listening.local_addr().unwrap(), &format!("http://{iso}/x.iso"));
    let b = host("b", 2, gone, "../images/own.iso");
    let c = host("c", 3, iso, "/absent/c.iso");
    let secret =
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: s, namespace: pool}\n";
    let files = [
        ("hosts/a.yaml", a.as_str()),
        ("hosts/b.yaml", &b),
        ("hosts/c.yaml", &c),
        ("secret.yaml", secret),
        ("images/own.iso", "0123456789"),
    ];
    let (shown, _) = live(&files, &network(Duration::from_secs(20))).await;
    let shown = shown.replace(&gone.port().to_string(), "PORT");
    insta::assert_snapshot!(shown);
}
