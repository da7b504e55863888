//! The servers' own checks of what is written for them, where they are installed. With `RACKHAND_PEERS=1` all of them must be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

mod common;

use std::{fs, path::Path, process::Command};

use common::{boot, copied, hints, hosts, installed};
use rackhand_dhcp::{
    Hints,
    hints::{dnsmasq, isc, kea},
};
use tempfile::TempDir;

/// Every shape of the text: with and without what is optional, and the longest names.
fn shapes() -> Vec<Hints> {
    let mut least = boot();
    least.loaders.http_x64 = None;
    least.loaders.uefi_arm64 = None;
    let mut most = boot();
    most.tftp_port = 6969;
    most.loaders.http_arm64 = Some(format!("https://boot.example.com/{}", "x".repeat(102)));
    // Commas and hashes separate things in a dnsmasq file.
    most.script_url = "http://192.0.2.10:8080/a,b;c#d?x={1}&y=${net0/mac:hexhyp}".to_owned();
    let mut unaddressed = hosts();
    for host in &mut unaddressed {
        host.address = None;
    }
    vec![hints(), Hints::new(least, unaddressed).unwrap(), Hints::new(most, hosts()).unwrap()]
}

/// Runs the check on a file, and wants it to refuse that file with nonsense at its end: a check that
/// accepts everything says nothing.
fn check(name: &str, text: &str, command: &dyn Fn(&Path, &Path) -> Command) {
    let place = TempDir::new().unwrap();
    let path = place.path().join(name);
    let run = |text: &str| {
        fs::write(&path, text).unwrap();
        let output = command(place.path(), &path).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (accepted, said) = run(text);
    assert!(accepted, "{said}\n{text}");
    let (accepted, _) = run(&format!("{text}\nnonsense\n"));
    assert!(!accepted, "the check of {name} accepts anything");
}

#[test]
fn dnsmasq_accepts_its_file() {
    if !installed("dnsmasq") {
        return;
    }
    for hints in shapes() {
        check("rackhand.conf", &dnsmasq(&hints), &|_, path| {
            let mut command = Command::new("dnsmasq");
            command.arg("--test").arg("-C").arg(path);
            command
        });
    }
}

#[test]
fn isc_dhcpd_accepts_its_file() {
    if !installed("dhcpd") {
        return;
    }
    for hints in shapes() {
        let site = "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.200; }\n";
        check("rackhand.conf", &format!("{site}{}", isc(&hints)), &|place, path| {
            let mut command = Command::new(copied("dhcpd", place));
            command.arg("-t").arg("-cf").arg(path);
            command
        });
    }
}

#[test]
fn kea_accepts_its_file() {
    if !installed("kea-dhcp4") {
        return;
    }
    for hints in shapes() {
        check("rackhand.conf", &kea(&hints), &|place, path| {
            let mut command = Command::new(copied("kea-dhcp4", place));
            command.arg("-t").arg(path).env("KEA_LOCKFILE_DIR", "none");
            command
        });
    }
}
