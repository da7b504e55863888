//! The site templates of `examples/`, each applied to simulated machines of its vendor over real sockets.
//!
//! A template is changed as its user changes it: addresses, MAC addresses and passwords, and nothing else.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use rackhand_bmc::SystemClock;
use rackhand_cli::{Exit, Hooks, Stream, World, run_to_exit};
use rackhand_simulator::{
    MachineSpec, Simulator,
    iso::{CONFIG_FILE, IsoBuilder},
    log::Class,
    personality,
};
use rackhand_spec::{Code, LoadOptions, load};

const PASSWORD: &str = "s3cret-of-the-template";

fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sites")
}

#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn rackhand(args: &[&str]) -> (Exit, String) {
    let output = Buffer::default();
    let world = World {
        stdout: Stream::new(output.clone(), false),
        stderr: Stream::new(output.clone(), false),
        env: Arc::new(BTreeMap::new()),
        clock: Arc::new(SystemClock),
        hooks: Hooks::default(),
    };
    let args = std::iter::once("rackhand").chain(args.iter().copied()).map(OsString::from).collect();
    let exit = run_to_exit(args, world).await;
    let text = String::from_utf8_lossy(&output.0.lock().unwrap()).into_owned();
    (exit, text)
}

/// A copy of a template, changed for simulated machines of `personality`.
async fn adapted(vendor: &str, kind: &str, personality: &str, number: u8, into: &Path) -> Simulator {
    let template = templates().join(vendor).join(kind);
    let mut site = fs::read_to_string(template.join("site.yaml")).unwrap();
    let nodes = load(&template, &LoadOptions::default()).nodes;
    let known = personality::all().into_iter().find(|one| one.name() == personality).unwrap();
    let mut builder = Simulator::builder().time_scale(300.0);
    for node in &nodes {
        let name = node.name.as_str().replace('/', "-");
        builder = builder.machine(MachineSpec::new(&name, known.clone()).login("admin", PASSWORD));
    }
    let simulator = builder.build().unwrap();
    let endpoints = simulator.serve(SocketAddr::from(([127, 11, number, 1], 0)), true).await.unwrap();
    for (node, (endpoint, machine)) in nodes.iter().zip(endpoints.iter().zip(simulator.machines())) {
        let address = node.bmc.to_string();
        let scheme = address.split_once("://").unwrap().0.split('+').next().unwrap().to_owned();
        let system = &machine.traits.ids.system;
        let mine = format!("{scheme}://{}/redfish/v1/Systems/{system}", endpoint.address);
        let line = site.lines().find(|line| {
            let said = line.trim().strip_prefix("bmcAddress: ");
            said.is_some_and(|said| address.replace("+https", "").replace(":443", "") == said)
        });
        let line = line.unwrap_or_else(|| panic!("{address} is not in the template")).to_owned();
        site = site.replace(&line, &format!("      bmcAddress: {mine}"));
        let mac = node.boot_mac.to_string();
        let own = machine.with(|machine| machine.identity.macs.first().cloned()).unwrap();
        site = site.replace(&mac, &own);
    }
    fs::write(into.join("site.yaml"), site).unwrap();
    let secrets = fs::read_to_string(template.join("secrets.yaml")).unwrap();
    fs::write(into.join("secrets.yaml"), secrets.replace("change-me", PASSWORD)).unwrap();
    let config = Bytes::from_static(b"callback={base}/callback\n");
    let iso = IsoBuilder::new("TEMPLATE").file(CONFIG_FILE, config).build().unwrap();
    fs::write(into.join("installer.iso"), iso).unwrap();
    simulator
}

async fn applied(vendor: &str, kind: &str, personality: &str, number: u8) {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    fs::create_dir(&site).unwrap();
    let simulator = adapted(vendor, kind, personality, number, &site).await;
    let (path, state) = (site.display().to_string(), folder.path().join("state").display().to_string());
    let iso = site.join("installer.iso").display().to_string();
    let apply = [
        "apply",
        "-f",
        &path,
        "--iso",
        &iso,
        "--trust-on-first-use",
        "--pace",
        "0.02",
        "--media-listen",
        "127.0.0.1:0",
        "--state-dir",
        &state,
    ];
    let machines = simulator.machines().len();
    let (exit, output) = rackhand(&apply).await;
    assert_eq!(exit, Exit::Done, "{vendor}/{kind}: {output}");
    assert_eq!(output.matches("  Installed").count(), machines, "{vendor}/{kind}: {output}");
    assert!(!output.contains(PASSWORD), "{output}");
    let changes = simulator.log().count(Class::Change);
    let (exit, output) = rackhand(&apply).await;
    assert_eq!(exit, Exit::Done, "{vendor}/{kind}: {output}");
    assert_eq!(simulator.log().count(Class::Change), changes, "a second apply changes nothing: {output}");
    simulator.shut_down().await;
}

#[tokio::test]
async fn dell_templates_are_applied() {
    for (number, kind) in (1..).zip(["sno", "three-node", "standard"]) {
        applied("dell", kind, "idrac9", number).await;
    }
}

#[tokio::test]
async fn hpe_templates_are_applied() {
    for (number, kind) in (11..).zip(["sno", "three-node", "standard"]) {
        applied("hpe", kind, "ilo6", number).await;
    }
}

#[tokio::test]
async fn cisco_templates_are_applied() {
    for (number, kind) in (21..).zip(["sno", "three-node", "standard"]) {
        applied("cisco", kind, "cimc", number).await;
    }
}

#[test]
fn there_is_a_template_for_every_vendor_and_kind() {
    for vendor in ["dell", "hpe", "cisco"] {
        for kind in ["sno", "three-node", "standard"] {
            let loaded = load(&templates().join(vendor).join(kind), &LoadOptions::default());
            assert!(!loaded.nodes.is_empty(), "{vendor}/{kind}");
            let complaints: Vec<_> =
                loaded.diagnostics.iter().filter(|one| one.code != Code::NotUsed).collect();
            assert!(complaints.is_empty(), "{vendor}/{kind}: {complaints:?}");
        }
    }
}
