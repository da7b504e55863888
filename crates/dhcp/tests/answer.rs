//! What is answered to one packet.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

mod common;

use std::{
    cell::Cell,
    net::{Ipv4Addr, SocketAddrV4},
};

use common::{Answer, Request, TFTP, boot, other, ours};
use proptest::prelude::*;
use rackhand_dhcp::{Answerer, Arch, Declined, Destination, Message, Port, Reply, Why, answer};
use rackhand_spec::MacAddress;

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
const NOBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 77), 4011);

fn answerer() -> Answerer {
    Answerer { server: SERVER, boot: boot() }
}

fn only_ours(mac: &MacAddress) -> bool {
    *mac == ours()
}

fn ask(request: &Request) -> Result<Reply, Declined> {
    answer(&request.bytes(), Port::Dhcp, NOBODY, &answerer(), &only_ours)
}

fn why(request: &Request) -> Why {
    ask(request).unwrap_err().why
}

#[test]
fn each_firmware_is_told_its_loader() {
    for (class, code, arch, file) in [
        ("PXEClient", 0, Arch::Bios, "undionly.kpxe"),
        ("PXEClient", 7, Arch::UefiX64, "ipxe.efi"),
        ("PXEClient", 9, Arch::UefiX64, "ipxe.efi"),
        ("PXEClient", 11, Arch::UefiArm64, "ipxe-arm64.efi"),
        ("HTTPClient", 15, Arch::HttpX64, "http://192.0.2.10:8080/ipxe.efi"),
        ("HTTPClient", 16, Arch::HttpX64, "http://192.0.2.10:8080/ipxe.efi"),
    ] {
        let reply = ask(&Request::firmware(ours(), class, code)).unwrap();
        assert_eq!((reply.arch, reply.file.as_str(), reply.ipxe), (arch, file, false));
        assert_eq!((reply.to, reply.message, reply.mac), (Destination::Broadcast, Message::Offer, ours()));
        let offer = Answer(&reply.bytes);
        assert_eq!(offer.file(), file);
        assert_eq!(offer.siaddr(), TFTP);
        assert_eq!(offer.option(60).unwrap(), class.as_bytes());
    }
}

#[test]
fn an_offer_has_boot_options_and_nothing_else() {
    let request = Request::firmware(ours(), "PXEClient", 7);
    let reply = ask(&request).unwrap();
    let offer = Answer(&reply.bytes);
    assert_eq!(offer.0[0], 2, "a reply");
    assert_eq!(offer.0[1..3], [1, 6]);
    assert_eq!(offer.0[4..8], [0xde, 0xad, 0xbe, 0xef], "the client's transaction");
    assert_eq!(offer.0[28..34], ours().octets());
    assert_eq!(offer.yiaddr(), Ipv4Addr::UNSPECIFIED);
    assert_eq!(offer.codes(), [43, 53, 54, 60, 97], "no lease time, no mask, no router");
    assert_eq!(offer.option(53).unwrap(), [2]);
    assert_eq!(offer.option(54).unwrap(), SERVER.octets());
    assert_eq!(offer.option(43).unwrap(), [6, 1, 8, 255]);
    let (_, uuid) = request.options.iter().find(|(code, _)| *code == 97).unwrap();
    assert_eq!(offer.option(97).unwrap(), uuid);
    assert!(reply.bytes.len() >= 300, "shorter ones are dropped by relays and old firmware");
}

#[test]
fn what_is_no_uuid_is_not_told_back() {
    for length in [0, 16, 18, 255] {
        let reply = ask(&Request::firmware(ours(), "PXEClient", 7).with(97, &vec![7; length])).unwrap();
        assert_eq!(Answer(&reply.bytes).option(97), None);
    }
}

#[test]
fn an_http_client_gets_its_url_in_both_places_and_no_pxe_options() {
    let reply = ask(&Request::firmware(ours(), "HTTPClient", 16)).unwrap();
    let offer = Answer(&reply.bytes);
    assert_eq!(offer.option(67).unwrap(), offer.file().as_bytes());
    assert_eq!(offer.option(43), None);
}

#[test]
fn ipxe_gets_its_script_from_whatever_it_was_started_by() {
    let script = boot().script_url;
    for user_class in [b"iPXE".as_slice(), b"\x04iPXE"] {
        for (class, code) in [("PXEClient", 0), ("PXEClient", 7), ("HTTPClient", 16)] {
            let reply = ask(&Request::firmware(ours(), class, code).with(77, user_class)).unwrap();
            assert!(reply.ipxe);
            assert_eq!(reply.file, script);
            assert_eq!(Answer(&reply.bytes).file(), script);
            assert_eq!(Answer(&reply.bytes).option(60).unwrap(), b"PXEClient", "which iPXE takes a proxy by");
        }
    }
    let reply = ask(&Request::firmware(ours(), "PXEClient", 7).with(77, b"something")).unwrap();
    assert!(!reply.ipxe);
}

#[test]
fn only_machines_that_may_boot_are_answered_and_asked_about_at_each_packet() {
    assert_eq!(why(&Request::firmware(other(), "PXEClient", 7)), Why::NotAllowed);
    let asked = Cell::new(0);
    let wanted = Cell::new(false);
    let allowed = |_: &MacAddress| {
        asked.set(asked.get() + 1);
        wanted.get()
    };
    let now = |request: &Request| answer(&request.bytes(), Port::Dhcp, NOBODY, &answerer(), &allowed);
    let firmware = Request::firmware(ours(), "PXEClient", 7);
    now(&firmware).unwrap_err();
    wanted.set(true);
    now(&firmware).unwrap();
    wanted.set(false);
    now(&firmware).unwrap_err();
    assert_eq!(asked.get(), 3);
    now(&Request::discover(ours())).unwrap_err();
    assert_eq!(asked.get(), 3, "nobody is asked about a machine that does not boot from the network");
}

#[test]
fn what_only_wants_an_address_is_left_to_the_server() {
    assert_eq!(why(&Request::discover(ours())), Why::NotBooting);
    assert_eq!(why(&Request::discover(ours()).with(60, b"MSFT 5.0")), Why::NotBooting);
    for message in [2, 3, 4, 5, 6, 7, 8, 99] {
        assert_eq!(why(&Request::firmware(ours(), "PXEClient", 7).with(53, &[message])), Why::NotForUs);
    }
    assert_eq!(why(&Request::firmware(ours(), "PXEClient", 7).without(53)), Why::NotForUs, "BOOTP");
}

#[test]
fn a_request_is_acknowledged_when_it_means_us() {
    let request = Request::firmware(ours(), "PXEClient", 7).with(53, &[3]);
    let address = *CLIENT.ip();
    let request = request.address(12, address);
    let at = |request: &Request, port| answer(&request.bytes(), port, CLIENT, &answerer(), &only_ours);
    let to_us = request.clone().with(54, &SERVER.octets());
    let to_another = request.clone().with(54, &[192, 0, 2, 1]);

    assert_eq!(at(&request, Port::Dhcp).unwrap_err().why, Why::NotForUs, "it takes its address");
    for (request, port) in [(&request, Port::Pxe), (&to_us, Port::Pxe), (&to_us, Port::Dhcp)] {
        let reply = at(request, port).unwrap();
        assert_eq!((reply.message, reply.to), (Message::Ack, Destination::Sender(CLIENT)));
        let ack = Answer(&reply.bytes);
        assert_eq!(ack.option(53).unwrap(), [5]);
        assert_eq!((ack.yiaddr(), ack.address(12)), (Ipv4Addr::UNSPECIFIED, address));
        assert_eq!(ack.file(), "ipxe.efi");
    }
    for port in [Port::Dhcp, Port::Pxe] {
        assert_eq!(at(&to_another, port).unwrap_err().why, Why::NotForUs);
    }
    let discover = request.clone().with(53, &[1]);
    assert_eq!(at(&discover, Port::Pxe).unwrap_err().why, Why::NotForUs);
}

#[test]
fn a_relayed_request_goes_back_to_the_relay_with_its_mark() {
    let relay = Ipv4Addr::new(198, 51, 100, 1);
    let mark = [1, 4, b'e', b't', b'h', b'7'];
    let request = Request::firmware(ours(), "PXEClient", 7).address(24, relay).with(82, &mark);
    let reply = ask(&request).unwrap();
    assert_eq!(reply.to, Destination::Relay(relay));
    let offer = Answer(&reply.bytes);
    assert_eq!(offer.address(24), relay);
    assert_eq!(offer.option(82).unwrap(), mark);
}

#[test]
fn the_architecture_is_taken_from_what_there_is() {
    let firmware = |code| Request::firmware(ours(), "PXEClient", code);
    assert_eq!(ask(&firmware(7).without(93)).unwrap().arch, Arch::UefiX64, "from its class");
    assert_eq!(ask(&firmware(7).with(93, &[0, 6, 0, 7])).unwrap().arch, Arch::UefiX64, "the first that fits");
    assert_eq!(why(&firmware(6)), Why::UnknownArch(Some(6)));
    assert_eq!(why(&firmware(7).with(93, &[])), Why::UnknownArch(None));
    assert_eq!(why(&firmware(7).with(93, &[7])), Why::UnknownArch(None));
    assert_eq!(why(&firmware(7).without(93).with(60, b"PXEClient")), Why::UnknownArch(None));
    assert_eq!(why(&firmware(16)), Why::UnknownArch(Some(16)), "a URL is nothing for TFTP");
    let http = Request::firmware(ours(), "HTTPClient", 19);
    assert_eq!(why(&http), Why::NoLoader(Arch::HttpArm64));
    assert_eq!(Why::UnknownArch(Some(6)).to_string(), "its architecture is unknown (option 93 says 6)");
}

#[test]
fn what_is_no_request_of_an_ethernet_client_is_nobodys() {
    let good = Request::firmware(ours(), "PXEClient", 7);
    let with = |at: usize, value: u8| {
        let mut request = good.clone();
        request.head[at] = value;
        ask(&request).unwrap_err()
    };
    // A reply, another hardware, addresses of other lengths (one longer than the packet), a group's address.
    for (at, value) in [(0, 2), (1, 6), (2, 0), (2, 5), (2, 16), (2, 255), (28, 1)] {
        assert_eq!(with(at, value), Declined { mac: None, why: Why::Malformed }, "octet {at} is {value}");
    }
    assert_eq!(with(236, 0).why, Why::NotForUs, "no options without the cookie");
    // A hardware address that would reach behind the packet's end.
    let mut short = Request::discover(ours());
    short.head[2] = 255;
    assert_eq!(ask(&short).unwrap_err().why, Why::Malformed);
    for length in 0..240 {
        let cut = &good.bytes()[..length];
        let declined = answer(cut, Port::Dhcp, NOBODY, &answerer(), &only_ours).unwrap_err();
        assert_eq!(declined.why, Why::Malformed);
    }
}

#[test]
fn an_option_that_is_wrong_and_does_not_matter_costs_nothing() {
    let odd = Request::firmware(ours(), "PXEClient", 7)
        .with(121, &[255, 1])
        .with(51, &[1])
        .with(119, &[0xc0, 0])
        .with(81, &[]);
    ask(&odd).unwrap();
}

#[test]
fn a_name_that_was_not_checked_is_declined_and_not_a_panic() {
    let mut answerer = answerer();
    answerer.boot.loaders.uefi_x64 = "x".repeat(128);
    let request = Request::firmware(ours(), "PXEClient", 7).bytes();
    let declined = answer(&request, Port::Dhcp, NOBODY, &answerer, &only_ours).unwrap_err();
    assert_eq!(declined.why, Why::Unwritable);
}

/// Whatever comes: no panic, and an answer only to a machine that may boot, with no address, not much longer than the request.
fn holds(packet: &[u8], port: Port) -> Result<(), TestCaseError> {
    let Ok(reply) = answer(packet, port, CLIENT, &answerer(), &only_ours) else { return Ok(()) };
    prop_assert_eq!(reply.mac, ours());
    prop_assert_eq!(&packet[28..34], &ours().octets());
    let answer = Answer(&reply.bytes);
    prop_assert_eq!(answer.yiaddr(), Ipv4Addr::UNSPECIFIED);
    prop_assert!(answer.codes().iter().all(|code| [43, 53, 54, 60, 67, 82, 97].contains(code)));
    prop_assert!(
        reply.bytes.len() <= packet.len().max(300) + 64,
        "{} for {}",
        reply.bytes.len(),
        packet.len()
    );
    Ok(())
}

fn port() -> impl Strategy<Value = Port> {
    prop_oneof![Just(Port::Dhcp), Just(Port::Pxe)]
}

fn request() -> impl Strategy<Value = Request> {
    let class = prop_oneof![Just("PXEClient"), Just("HTTPClient"), Just("other")];
    let mac = prop_oneof![3 => Just(ours()), 1 => Just(other())];
    let options = prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..255)), 0..6);
    (mac, class, 0_u16..20, 1_u8..4, options).prop_map(|(mac, class, arch, message, options)| {
        let request = Request::firmware(mac, class, arch).with(53, &[message]);
        options
            .into_iter()
            .filter(|(code, _)| !matches!(code, 0 | 255))
            .fold(request, |request, (code, value)| request.with(code, &value))
    })
}

proptest! {
    #[test]
    fn random_octets_do_no_harm(packet in prop::collection::vec(any::<u8>(), 0..700), port in port()) {
        holds(&packet, port)?;
    }

    #[test]
    fn mutated_requests_do_no_harm(
        request in request(),
        port in port(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut packet = request.bytes();
        for (at, value) in changes {
            let at = at.index(packet.len());
            packet[at] = value;
        }
        if let Some(cut) = cut {
            packet.truncate(cut.index(packet.len()));
        }
        holds(&packet, port)?;
    }
}
