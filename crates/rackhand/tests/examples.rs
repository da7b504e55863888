//! Every program of `examples/library`, run as its reader would run it, against a simulated iDRAC9 behind TLS.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use rackhand_simulator::{
    MachineSpec, Simulator,
    fetch::{self, FetchError, MediaFetch},
    iso::IsoBuilder,
    machine::Power,
    personality,
};
use tokio::process::Command;

const PASSWORD: &str = "an-example";

/// What an example is run with, and what it must print.
const RUNS: &[(&str, &[&str], &str)] = &[
    ("identity", &[], "Dell iDRAC9"),
    ("inventory", &[], "2 processors"),
    ("jobs", &[], ""),
    ("volumes", &[], "RAID.SL.3-1"),
    ("boot_mirror", &[], "Some(\"boot\")"),
    ("firmware", &[], "BIOS"),
    ("logs", &[], "Lclog"),
    ("sensors", &[], "Ok"),
    ("secure_boot", &[], "SecureBootState"),
    ("boot_order", &[], "Boot"),
    ("boot_image", &["http://192.0.2.1/image.iso"], "boots from"),
    ("power", &[], "on: Done"),
    ("eject", &[], "ejected: Done"),
    ("bios", &["SriovGlobalEnable=Enabled"], "staged 1 of 1"),
    ("configuration", &["BIOS"], "SystemConfiguration"),
    ("restart_bmc", &[], "restart: "),
];

/// An image, wherever it is asked for.
struct Image(Bytes);

impl MediaFetch for Image {
    fn send(
        &self,
        request: Request<Bytes>,
        _verify: bool,
        _limit: usize,
    ) -> fetch::Fut<'_, Result<Response<Bytes>, FetchError>> {
        let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
        let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        let last = self.0.len() - 1;
        let range = range.and_then(|(first, to)| {
            Some((first.parse::<usize>().ok()?, to.parse().unwrap_or(last).min(last)))
        });
        let answer = match range {
            Some((first, to)) => Response::builder()
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, format!("bytes {first}-{to}/{}", last + 1))
                .body(self.0.slice(first..=to)),
            None if request.method() == Method::HEAD => {
                Response::builder().header(header::CONTENT_LENGTH, last + 1).body(Bytes::new())
            }
            None => Response::builder().body(self.0.clone()),
        };
        Box::pin(async move { answer.map_err(|error| FetchError::Cut(error.to_string())) })
    }
}

/// Where cargo puts examples: beside the folder of this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(built.exists(), "{} is built by `cargo test -p rackhand`", built.display());
    built
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_does_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/library");
    let written: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .collect();
    let run: BTreeSet<String> = RUNS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(written, run, "each example is run here");

    let kind = personality::all().into_iter().find(|one| one.name() == "idrac9").unwrap();
    let machine = MachineSpec::new("node", kind).login("lab", PASSWORD);
    let image = Image(Bytes::from(IsoBuilder::new("EXAMPLE").build().unwrap()));
    let simulator =
        Simulator::builder().seed(5).time_scale(60.0).net(Arc::new(image)).machine(machine).build().unwrap();
    let endpoints = simulator.serve((Ipv4Addr::LOCALHOST, 0).into(), true).await.unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let password = scratch.path().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    for (name, arguments, expected) in RUNS {
        let output = Command::new(example(name))
            .arg(format!("redfish+{}", endpoints[0].url))
            .arg("lab")
            .arg(&password)
            .arg(endpoints[0].fingerprint.as_deref().unwrap())
            .args(*arguments)
            .output()
            .await
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name}: {out}{err}");
        assert!(out.contains(expected), "{name} prints no {expected:?}: {out}");
        assert!(!out.contains(PASSWORD) && !err.contains(PASSWORD), "{name} prints the password");
        let cell = simulator.machine("node").unwrap();
        assert_eq!(cell.with(|machine| machine.sessions.len()), 0, "{name} leaves a session");
    }
    let cell = simulator.machine("node").unwrap();
    cell.with(|machine| assert_eq!(machine.power(), Power::On));
    simulator.shut_down().await;
}
