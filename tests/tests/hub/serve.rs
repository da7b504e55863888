//! `rackhand serve` as a process, with nothing but hub objects to go by.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::TcpListener as StdListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use base64::Engine as _;
use rackhand_apiserver::{ApiServer, Identity, Options};
use rackhand_spec::{LoadOptions, NodeSpec, load};
use rackhand_tests::{
    hub::{condition, hub, provision, seen},
    process::Apart,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const RACKHAND: &str = env!("CARGO_BIN_EXE_rackhand-fused");
const SIMULATOR: &str = env!("CARGO_BIN_EXE_simulator-apart");
/// Never in anything that is written anywhere.
const TOKEN: &str = "canary-image-token";

/// A jump host with two machines beside it, and a hub.
struct Rack {
    server: ApiServer,
    url: String,
    _listening: rackhand_apiserver::Listening,
    machines: BTreeMap<&'static str, (Apart, NodeSpec, String)>,
    directory: tempfile::TempDir,
}

impl Rack {
    async fn new(number: u8) -> Self {
        let agent = Identity::service_account("rackhand", "rackhand-agent");
        let tokens = BTreeMap::from([
            ("agent-token".to_owned(), agent),
            ("admin-token".to_owned(), Identity::admin()),
        ]);
        let server = hub(Options { tokens, ..Options::default() }, &["rackhand", "site1", "elsewhere"]);
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/hub");
        server.create_all(&fs::read_to_string(deploy.join("rbac.yaml")).unwrap()).unwrap();
        let binding = fs::read_to_string(deploy.join("cluster-namespace/rolebinding.yaml")).unwrap();
        let binding = binding.replacen("  name:", "  namespace: site1\n  name:", 1);
        server.create_all(&binding).unwrap();
        let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut machines = BTreeMap::new();
        for (place, (name, personality)) in [("node1", "sushy"), ("node2", "idrac9")].into_iter().enumerate()
        {
            let dir = directory.path().join(name);
            fs::create_dir(&dir).unwrap();
            let address = format!("127.78.{number}.{}", place + 1);
            // Machines of their own, with addresses and serial numbers of their own.
            let seed = (100 + u64::from(number) * 10 + place as u64).to_string();
            let apart =
                Apart::start_with(SIMULATOR, personality, &address, &dir, &["--seed", &seed]).unwrap();
            let loaded = load(&apart.site(), &LoadOptions::default());
            let spec = loaded.nodes[0].clone();
            let secret = loaded.secrets.iter().find(|one| one.name == spec.credentials_name).unwrap();
            let found = secret.credentials.clone().unwrap();
            let password = found.password.expose_secret().to_owned();
            for namespace in ["site1", "elsewhere"] {
                let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
                // The one in the other namespace is right, and must not be used all the same.
                let name = if namespace == "site1" { format!("{name}-bmc") } else { "far-bmc".to_owned() };
                let data = json!({ "username": encode(&found.username), "password": encode(&password) });
                let secret = json!({
                    "apiVersion": "v1", "kind": "Secret",
                    "metadata": { "namespace": namespace, "name": name }, "data": data,
                });
                let _ = server.create(&secret);
            }
            machines.insert(name, (apart, spec, password));
        }
        Self { url: listening.url(), server, _listening: listening, machines, directory }
    }

    /// Writes another password into a Secret.
    async fn secret(&self, name: &str, password: &str) {
        let password = base64::engine::general_purpose::STANDARD.encode(password);
        let body = json!({ "data": { "password": password } }).to_string();
        let request = client().patch(format!("{}/api/v1/namespaces/site1/secrets/{name}", self.url));
        let request = request.header("content-type", "application/merge-patch+json").body(body);
        assert_eq!(request.bearer_auth("admin-token").send().await.unwrap().status(), 200);
    }

    fn bmc(&self, name: &str, credentials: &str) -> Value {
        let spec = &self.machines[name].1;
        let mut bmc = json!({ "address": spec.bmc.to_string(), "credentialsName": credentials });
        if let Some(print) = &spec.bmc_fingerprint {
            bmc["tls"] = json!({ "fingerprint": print.to_string() });
        }
        bmc
    }

    fn mac(&self, name: &str) -> String {
        self.machines[name].1.boot_mac.to_string()
    }

    fn images(&self) -> PathBuf {
        self.machines["node2"].0.site()
    }

    async fn delete(&self, path: &str, token: &str) -> u16 {
        let request = client().delete(format!("{}{path}", self.url)).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    }

    fn changes(&self, name: &str) -> usize {
        self.machines[name].0.effects().unwrap().values().sum()
    }

    /// Starts the daemon on a state directory.
    fn serve(&self, state: &str) -> Daemon {
        self.serve_at(state, "0.01")
    }

    fn serve_at(&self, state: &str, pace: &str) -> Daemon {
        let dir = self.directory.path();
        let config = dir.join("kubeconfig");
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "hub",
            "clusters": [{ "name": "hub", "cluster": { "server": self.url } }],
            "users": [{ "name": "agent", "user": { "token": "agent-token" } }],
            "contexts": [{ "name": "hub", "context": { "cluster": "hub", "user": "agent" } }],
        });
        fs::write(&config, text.to_string()).unwrap();
        let log = dir.join(format!("{state}.log"));
        let state = dir.join(state);
        let mut command = Command::new(RACKHAND);
        command.arg("serve").arg("--hub").arg(&config).args([
            "--agent",
            "rack7",
            "--bmc-network",
            "127.78.0.0/16",
        ]);
        command.arg("--image-dir").arg(self.images()).arg("--state-dir").arg(&state);
        command.args(["--pace", pace, "--media-listen", "127.0.0.1:0", "--log", "trace"]);
        let child =
            command.stderr(File::create(&log).unwrap()).stdout(File::create(dir.join("out")).unwrap());
        Daemon { child: child.spawn().unwrap(), log, state }
    }

    async fn until_reason(&self, name: &str, kind: &str, reason: &str, daemon: &Daemon) {
        let end = Instant::now() + Duration::from_secs(120);
        while condition(&seen(&self.server, "site1", name), kind).is_none_or(|(_, found)| found != reason) {
            assert!(Instant::now() < end, "{name} never showed {kind} for {reason}: {}", daemon.said());
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until(&self, name: &str, kind: &str, status: &str, daemon: &Daemon) -> Value {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let object = seen(&self.server, "site1", name);
            if condition(&object, kind).is_some_and(|(found, _)| found == status) {
                return object;
            }
            assert!(
                Instant::now() < end,
                "{name} never showed {kind}={status}: {:#}\n{}",
                object["status"],
                daemon.said()
            );
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn client() -> reqwest::Client {
    // Another test of this process may have chosen it already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

struct Daemon {
    child: Child,
    log: PathBuf,
    state: PathBuf,
}

impl Daemon {
    /// What it said on stderr, but for the log at trace.
    fn said(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap();
        let levels = ["TRACE", "DEBUG"];
        text.lines()
            .filter(|line| !levels.iter().any(|level| line.contains(level)))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Runs the program beside it; answers what it said.
    fn command(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(RACKHAND);
        let ran = command.arg(name).args(arguments).arg("--state-dir").arg(&self.state).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{name}: {said}");
        said
    }

    fn terminate(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An image service that wants a token, as the assisted-service's does.
async fn image_service(iso: &Path) -> String {
    let bytes = fs::read(iso).unwrap();
    let app = axum::Router::new().route(
        "/images/one.iso",
        axum::routing::get(move |query: axum::extract::RawQuery| async move {
            match query.0.is_some_and(|query| query.contains(TOKEN)) {
                true => Ok(bytes),
                false => Err(axum::http::StatusCode::UNAUTHORIZED),
            }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    format!("http://{address}/images/one.iso?image_token={TOKEN}")
}

fn infra_env(url: &str) -> Value {
    json!({
        "apiVersion": "agent-install.openshift.io/v1beta1", "kind": "InfraEnv",
        "metadata": { "namespace": "site1", "name": "site1" },
        "status": { "isoDownloadURL": url, "createdTime": "2026-01-01T00:00:00Z" },
    })
}

fn host(rack: &Rack, iso: &Path) -> Value {
    json!({
        "apiVersion": "metal3.io/v1alpha1", "kind": "BareMetalHost",
        "metadata": { "namespace": "site1", "name": "node2", "annotations": {
            "rackhand.dev/agent": "rack7",
            "rackhand.dev/iso": iso.display().to_string(),
            "rackhand.dev/follow": "callback",
            "rackhand.dev/bmc-fingerprint": rack.machines["node2"].1.bmc_fingerprint.map(|print| print.to_string()),
            "baremetalhost.metal3.io/paused": "", "baremetalhost.metal3.io/detached": "",
        } },
        "spec": { "bmc": rack.bmc("node2", "node2-bmc"), "bootMACAddress": rack.mac("node2") },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_provisioned_from_nothing_but_hub_objects_and_only_as_far_as_the_hub_may_ask() {
    let rack = Rack::new(1).await;
    let iso = rack.images().join("installer.iso");
    let iso = if iso.exists() { iso } else { find_iso(&rack.images()) };
    rack.server.create(&infra_env(&image_service(&iso).await)).unwrap();
    let of_agent = json!({ "name": "rack7" });
    let node1 = json!({
        "agentRef": of_agent, "bmc": rack.bmc("node1", "node1-bmc"), "bootMACAddress": rack.mac("node1"),
        "image": { "infraEnvRef": { "name": "site1" } }, "requestID": "1",
    });
    rack.server.create(&provision("site1", "node1", &node1)).unwrap();
    rack.server.create(&host(&rack, &iso)).unwrap();
    // Outside the allowed networks: nobody may knock there.
    let outside = StdListener::bind("127.99.1.1:0").unwrap();
    outside.set_nonblocking(true).unwrap();
    let far = json!({
        "agentRef": of_agent, "bootMACAddress": "02:00:00:00:99:01", "image": { "url": "http://127.0.0.1:1/x.iso" },
        "bmc": { "address": format!("redfish-virtualmedia+http://{}", outside.local_addr().unwrap()), "credentialsName": "node1-bmc" },
    });
    rack.server.create(&provision("site1", "outside", &far)).unwrap();
    // Its Secret is in another namespace.
    let mut bmc = rack.bmc("node1", "far-bmc");
    bmc["address"] = json!("redfish-virtualmedia://127.78.1.77:8443/redfish/v1/Systems/1");
    let elsewhere = json!({
        "agentRef": of_agent, "bmc": bmc, "bootMACAddress": "02:00:00:00:99:02",
        "image": { "url": "http://127.0.0.1:1/x.iso" },
    });
    rack.server.create(&provision("site1", "elsewhere", &elsewhere)).unwrap();
    // Both name the image.
    let mut both = node1.clone();
    both["bootMACAddress"] = json!("02:00:00:00:99:03");
    both["bmc"]["address"] = json!("redfish-virtualmedia://127.78.1.78:8443/redfish/v1/Systems/1");
    both["image"]["url"] = json!("http://127.0.0.1:1/x.iso");
    rack.server.create(&provision("site1", "both", &both)).unwrap();

    let daemon = rack.serve("state");
    for node in ["node1", "node2"] {
        let object = rack.until(node, "Ready", "True", &daemon).await;
        in_order(&object);
        assert_eq!(object["status"]["agent"], "rack7");
    }
    rack.until("both", "SpecValid", "False", &daemon).await;
    rack.until("outside", "SpecValid", "False", &daemon).await;
    let said = |name: &str| seen(&rack.server, "site1", name)["status"]["conditions"].to_string();
    assert!(said("both").contains("spec.image.url: either"), "{}", said("both"));
    assert!(said("outside").contains("127.99.1.1 is outside the networks"), "{}", said("outside"));
    let waits = rack.until("elsewhere", "Ready", "False", &daemon).await;
    assert!(said("elsewhere").contains("no credentials for Secret site1/far-bmc"), "{waits:#}");
    assert!(outside.accept().is_err(), "nobody knocked");
    let events = rack.server.list("", "events");
    let reasons: Vec<&str> = events.iter().filter_map(|event| event["reason"].as_str()).collect();
    for reason in ["InstallationStarted", "MediaDone", "InstallationStage", "Installed"] {
        assert!(reasons.contains(&reason), "{reasons:?}");
    }
    reads_secrets_by_name_alone(&rack);
    live_hosts_are_left_alone(&rack, daemon, &node1).await;
}

/// A wrong password is not tried again when the Secret is corrected, but when somebody says that it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_password_is_tried_once_somebody_says_that_it_is_corrected() {
    let rack = Rack::new(3).await;
    let iso = find_iso(&rack.images());
    rack.secret("node2-bmc", "not-the-password").await;
    rack.server.create(&host(&rack, &iso)).unwrap();
    // Refused logins count for a minute and a half at this pace.
    let daemon = rack.serve_at("state", "0.05");
    rack.until_reason("node2", "CredentialsValid", "AuthFailed", &daemon).await;
    rack.secret("node2-bmc", &rack.machines["node2"].2).await;
    daemon.command("reload", &[]);
    // It is read, and not tried: the BMC has refused two.
    rack.until_reason("node2", "CredentialsValid", "AccountLocked", &daemon).await;
    assert!(rack.machines["node2"].0.effects().unwrap().is_empty());
    let address = format!("{}:{}", rack.machines["node2"].1.bmc.host, rack.machines["node2"].1.bmc.port);
    let said = daemon.command("retry-login", &[&address]);
    assert!(said.contains(&format!("BMC {address}: it refused 2 logins\n")), "{said}");
    assert!(said.contains("was told"), "{said}");
    rack.until("node2", "Ready", "True", &daemon).await;
    assert!(daemon.terminate().success());
}

fn find_iso(directory: &Path) -> PathBuf {
    let mut entries = fs::read_dir(directory).unwrap().filter_map(Result::ok).map(|entry| entry.path());
    entries.find(|path| path.extension().is_some_and(|extension| extension == "iso")).unwrap()
}

/// The milestones came in their order.
fn in_order(object: &Value) {
    let at = |kind: &str| {
        let all = object["status"]["conditions"].as_array().unwrap();
        let one = all.iter().find(|one| one["type"] == kind).unwrap_or_else(|| panic!("{kind}: {object:#}"));
        assert_eq!(one["status"], "True", "{kind}: {one}");
        one["lastTransitionTime"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
    };
    let order = [
        "BMCReachable",
        "Inventoried",
        "MediaInserted",
        "BootInitiated",
        "AgentRegistered",
        "MediaEjected",
        "Ready",
    ];
    let times: Vec<_> = order.iter().map(|kind| at(kind)).collect();
    assert!(times.is_sorted(), "{:?}", order.iter().zip(&times).collect::<Vec<_>>());
}

fn reads_secrets_by_name_alone(rack: &Rack) {
    for one in rack.server.log().iter().filter(|one| one.resource == "secrets") {
        assert_eq!((one.verb.as_str(), one.namespace.as_str()), ("get", "site1"), "{one:?}");
    }
    let refused: Vec<_> = rack.server.log().into_iter().filter(|one| one.code == 403).collect();
    assert!(refused.is_empty(), "the roles in deploy/ are enough: {refused:?}");
}

/// Objects that are deleted and made anew, and a jump host that lost its journal: nothing is sent to a live host.
async fn live_hosts_are_left_alone(rack: &Rack, daemon: Daemon, node1: &Value) {
    let before = (rack.changes("node1"), rack.changes("node2"));
    let of = |name: &str| format!("/apis/rackhand.dev/v1alpha1/namespaces/site1/hostprovisions/{name}");
    // The agent may not delete; whoever administers the hub may.
    assert_eq!(rack.delete(&of("node1"), "agent-token").await, 403);
    assert_eq!(rack.delete(&of("node1"), "admin-token").await, 200);
    rack.server.create(&provision("site1", "node1", node1)).unwrap();
    rack.until("node1", "Ready", "True", &daemon).await;
    nothing_leaks(rack, &daemon);
    assert!(daemon.terminate().success());

    assert_eq!(rack.delete(&of("node1"), "admin-token").await, 200);
    assert_eq!(rack.delete(&of("node2"), "admin-token").await, 200);
    rack.server.create(&provision("site1", "node1", node1)).unwrap();
    // Another jump host takes the name over; the old one is waited for as long as it could still act.
    let lease = "/apis/coordination.k8s.io/v1/namespaces/rackhand/leases/rackhand-rack7";
    assert_eq!(rack.delete(lease, "admin-token").await, 200);
    let daemon = rack.serve("another-state");
    for node in ["node1", "node2"] {
        let object = rack.until(node, "Stalled", "True", &daemon).await;
        assert_eq!(condition(&object, "Ready"), Some(("False".to_owned(), "NeedsDecision".to_owned())));
    }
    nothing_leaks(rack, &daemon);
    assert!(daemon.terminate().success());
    assert_eq!((rack.changes("node1"), rack.changes("node2")), before, "no request changed anything");
}

/// Passwords and the image's token are nowhere: not in the log at trace, the journal, the socket's answers, or the hub.
fn nothing_leaks(rack: &Rack, daemon: &Daemon) {
    let mut places = vec![("the log".to_owned(), fs::read(&daemon.log).unwrap())];
    for entry in fs::read_dir(&daemon.state).unwrap().filter_map(Result::ok) {
        if entry.file_type().unwrap().is_file() {
            places.push((entry.path().display().to_string(), fs::read(entry.path()).unwrap()));
        }
    }
    for (group, plural) in
        [("rackhand.dev", "hostprovisions"), ("", "events"), ("coordination.k8s.io", "leases")]
    {
        let all = Value::Array(rack.server.list(group, plural)).to_string();
        places.push((plural.to_owned(), all.into_bytes()));
    }
    let secrets: Vec<&str> = rack
        .machines
        .values()
        .map(|(.., password)| password.as_str())
        .chain([TOKEN, "agent-token"])
        .collect();
    for (place, bytes) in &places {
        for secret in &secrets {
            assert!(secret.len() >= 6, "too short to be looked for");
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is in {place}");
        }
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.contains(" 0 "), "{core}");
}
