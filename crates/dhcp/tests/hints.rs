//! The configurations for the site's own server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

mod common;

use std::net::Ipv4Addr;

use common::{boot, hints, hosts, ours};
use proptest::prelude::*;
use rackhand_dhcp::{
    BootFileError, HintError, Hints,
    hints::{dnsmasq, infoblox, isc, kea},
};

#[test]
fn dnsmasq_is_told_by_tags() {
    insta::assert_snapshot!(dnsmasq(&hints()));
}

#[test]
fn isc_is_told_by_a_class() {
    insta::assert_snapshot!(isc(&hints()));
}

#[test]
fn kea_is_told_by_classes() {
    insta::assert_snapshot!(kea(&hints()));
}

#[test]
fn infoblox_is_told_in_grid_manager() {
    insta::assert_snapshot!(infoblox(&hints()));
}

#[test]
fn a_tftp_server_at_another_port_is_warned_of_in_each() {
    let mut boot = boot();
    boot.tftp_port = 6969;
    let hints = Hints::new(boot, hosts()).unwrap();
    for text in [dnsmasq(&hints), isc(&hints), kea(&hints), infoblox(&hints)] {
        assert!(text.contains("ATTENTION") && text.contains("port 6969"), "{text}");
    }
}

#[test]
fn an_architecture_without_a_loader_is_not_named() {
    let mut boot = boot();
    boot.loaders.http_x64 = None;
    boot.loaders.uefi_arm64 = None;
    let hints = Hints::new(boot, hosts()).unwrap();
    for text in [dnsmasq(&hints), isc(&hints), kea(&hints), infoblox(&hints)] {
        assert!(!text.contains("HTTPClient") && !text.contains("arm64"), "{text}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_by_name() {
    type Change = fn(&mut rackhand_dhcp::BootFiles);
    let cases: [(Change, &str); 7] = [
        (|b| b.script_url.clear(), "script_url is empty"),
        (|b| b.script_url = "tftp://192.0.2.10/x".into(), "its scheme is tftp"),
        (|b| b.script_url = format!("http://h/{}", "x".repeat(119)), "script_url has 128 characters"),
        (|b| b.loaders.bios = "a\nb".into(), "'\\n' cannot be in it"),
        (|b| b.loaders.uefi_x64 = "a\";b".into(), "loaders.uefi_x64 is `a\";b`"),
        (|b| b.loaders.http_x64 = Some("ipxe.efi".into()), "loaders.http_x64 is `ipxe.efi`"),
        (|b| b.tftp = Ipv4Addr::UNSPECIFIED, "tftp is 0.0.0.0"),
    ];
    for (change, expected) in cases {
        let mut boot = boot();
        change(&mut boot);
        let error = Hints::new(boot, hosts()).unwrap_err();
        assert!(matches!(error, HintError::BootFiles(_)));
        assert!(error.to_string().contains(expected), "{error}");
    }
    let longest = format!("http://h/{}", "x".repeat(118));
    let mut fits = boot();
    fits.script_url = longest;
    Hints::new(fits, hosts()).unwrap();
}

#[test]
fn hosts_that_are_wrong_are_refused_by_name() {
    assert_eq!(Hints::new(boot(), Vec::new()), Err(HintError::NoHosts));
    let error = |change: fn(&mut [rackhand_dhcp::HintedHost])| {
        let mut hosts = hosts();
        change(&mut hosts);
        Hints::new(boot(), hosts).unwrap_err().to_string()
    };
    assert_eq!(
        error(|hosts| hosts[1].mac = ours()),
        "hosts edge-1 and edge-2.example.com have the same MAC address: 0c:42:a1:55:aa:01"
    );
    assert_eq!(
        error(|hosts| hosts[1].name = "EDGE-1".into()),
        "hosts edge-1 and EDGE-1 have the same name: EDGE-1"
    );
    assert!(error(|hosts| hosts[1].address = hosts[0].address).contains("the same address"));
    assert!(error(|hosts| hosts[0].address = Some(Ipv4Addr::BROADCAST)).contains("no machine can have"));
    for name in ["", "a b", "a\nb", "a#b", "-a", "a-", "a..b", "\"", "ä"] {
        let mut hosts = hosts();
        hosts[0].name = name.into();
        assert_eq!(Hints::new(boot(), hosts), Err(HintError::Name(name.into())));
    }
}

proptest! {
    /// No name ends a line or a string of its own in a configuration.
    #[test]
    fn nothing_gets_out_of_its_string(file in any::<String>()) {
        let mut boot = boot();
        boot.loaders.bios.clone_from(&file);
        match Hints::new(boot, hosts()) {
            Ok(hints) => {
                let plain = dnsmasq(&self::common::hints()).lines().count();
                prop_assert_eq!(dnsmasq(&hints).lines().count(), plain);
                let expected = format!("\"{file}\",,192.0.2.10");
                prop_assert!(dnsmasq(&hints).contains(&expected));
            }
            Err(HintError::BootFiles(
                BootFileError::Empty { .. } | BootFileError::TooLong { .. } | BootFileError::Character { .. },
            )) => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}
