use proptest::prelude::*;

use crate::{BmcAddress, BmcProtocol, BootTransport, MacAddress, Sha256, VendorHint};

fn address(text: &str) -> BmcAddress {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    text.parse::<BmcAddress>().unwrap_err().to_string()
}

#[test]
fn every_scheme_says_what_it_means() {
    let meaning = |text| {
        let a = address(text);
        (a.protocol, a.vendor, a.boot, a.tls, a.port)
    };
    use BmcProtocol::{Ipmi, Redfish};
    use BootTransport::{Pxe, UefiHttp, VirtualMedia};
    assert_eq!(meaning("redfish-virtualmedia://h"), (Redfish, None, VirtualMedia, true, 443));
    assert_eq!(meaning("redfish-virtualmedia+http://h:8000"), (Redfish, None, VirtualMedia, false, 8000));
    assert_eq!(meaning("redfish-virtualmedia+http://h"), (Redfish, None, VirtualMedia, false, 80));
    assert_eq!(
        meaning("idrac-virtualmedia+https://h"),
        (Redfish, Some(VendorHint::Idrac), VirtualMedia, true, 443)
    );
    assert_eq!(meaning("ilo5-virtualmedia://h"), (Redfish, Some(VendorHint::Ilo), VirtualMedia, true, 443));
    assert_eq!(meaning("redfish://h"), (Redfish, None, Pxe, true, 443));
    assert_eq!(meaning("idrac-redfish://h"), (Redfish, Some(VendorHint::Idrac), Pxe, true, 443));
    assert_eq!(meaning("ilo5-redfish://h"), (Redfish, Some(VendorHint::Ilo), Pxe, true, 443));
    assert_eq!(meaning("redfish-uefihttp://h"), (Redfish, None, UefiHttp, true, 443));
    assert_eq!(meaning("ipmi://h"), (Ipmi, None, Pxe, false, 623));
    assert_eq!(meaning("192.168.122.1"), (Ipmi, None, Pxe, false, 623));
    assert_eq!(meaning("192.168.122.1:6233"), (Ipmi, None, Pxe, false, 6233));
}

#[test]
fn hosts_and_systems_are_taken_apart() {
    let a = address("idrac-virtualmedia+https://[1111:2222::BBBB:1]/redfish/v1/Systems/System.Embedded.1/");
    assert_eq!(a.host, "1111:2222::bbbb:1");
    assert_eq!(a.authority(), "[1111:2222::bbbb:1]:443");
    assert_eq!(a.base_url(), "https://[1111:2222::bbbb:1]:443");
    assert_eq!(a.system_path.as_deref(), Some("/redfish/v1/Systems/System.Embedded.1"));
    for nothing in ["redfish://h", "redfish://h/", "redfish://h/redfish/v1", "redfish://h/redfish/v1/"] {
        assert_eq!(address(nothing).system_path, None, "{nothing}");
    }
    assert_eq!(address("ipmi://h?privilegelevel=OPERATOR").privilege_level.as_deref(), Some("OPERATOR"));
}

#[test]
fn a_refused_address_says_what_to_write() {
    insta::assert_snapshot!(refusal(" "), @"the BMC address is empty");
    insta::assert_snapshot!(refusal("idrac://h/x"), @"scheme `idrac` is no longer in use; write `idrac-virtualmedia`");
    insta::assert_snapshot!(refusal("ilo4-virtualmedia+http://h"), @"scheme `ilo4-virtualmedia` is no longer in use; write `redfish-virtualmedia+http`");
    insta::assert_snapshot!(refusal("libvirt://h"), @"scheme `libvirt` names a virtual machine, not a BMC; put sushy-emulator in front of it and write `redfish-virtualmedia+http://…`");
    insta::assert_snapshot!(refusal("https://h"), @"unknown BMC scheme `https`; known are redfish-virtualmedia, idrac-virtualmedia, ilo5-virtualmedia, redfish, idrac-redfish, ilo5-redfish, redfish-uefihttp, ipmi");
    insta::assert_snapshot!(refusal("redfish+ssl://h"), @"unknown transport `+ssl` after `redfish`; write `+https` or `+http`");
    insta::assert_snapshot!(refusal("redfish://fd00::1/redfish/v1"), @"`fd00::1/redfish/v1` is not a host with an optional port and path: an IPv6 address stands in brackets: [fd00::1]");
    insta::assert_snapshot!(refusal("redfish://h:99999"), @"`h:99999` is not a host with an optional port and path: invalid port number");
    insta::assert_snapshot!(refusal("redfish://"), @"`` is not a host with an optional port and path: the host is missing");
    let secret = refusal("redfish://root:calvin@h");
    assert!(!secret.contains("calvin"), "{secret}");
}

#[test]
fn macs_and_digests_are_strict_and_forgiving_where_it_is_safe() {
    assert_eq!("0C:42:A1:55:AA:01".parse::<MacAddress>().unwrap().to_string(), "0c:42:a1:55:aa:01");
    for bad in [
        "0c:42:a1:55:aa",
        "0c:42:a1:55:aa:01:02",
        "0c-42-a1-55-aa-01",
        "+c:42:a1:55:aa:01",
        "01:00:5e:00:00:01",
        "00:00:00:00:00:00",
    ] {
        assert!(bad.parse::<MacAddress>().is_err(), "{bad}");
    }
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let colons = "SHA256:9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08";
    assert_eq!(colons.parse::<Sha256>().unwrap().to_string(), digest);
    for bad in ["", "9f86", digest.get(1..).unwrap(), &format!("{digest}0"), &digest.replace('9', "g")] {
        assert!(bad.parse::<Sha256>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_address_is_a_panic(text in ".{0,60}", rest in "[a-z0-9:/\\[\\]@%?.+-]{0,30}") {
        let _ = text.parse::<BmcAddress>();
        let _ = format!("redfish+https://{rest}").parse::<BmcAddress>();
        let _ = text.parse::<MacAddress>();
        let _ = text.parse::<Sha256>();
    }

    #[test]
    fn an_address_that_is_shown_reads_the_same(rest in "[a-z0-9.-]{1,12}(:[1-9][0-9]{1,3})?(/[A-Za-z0-9.]{1,8}){0,3}", http in any::<bool>()) {
        let text = format!("idrac-virtualmedia+{}://{rest}", if http { "http" } else { "https" });
        if let Ok(address) = text.parse::<BmcAddress>() {
            prop_assert_eq!(address.to_string().parse::<BmcAddress>().unwrap(), address);
        }
    }

    #[test]
    fn a_mac_reads_back(octets in any::<[u8; 6]>()) {
        let mac = MacAddress::new(octets);
        match mac.to_string().parse::<MacAddress>() {
            Ok(back) => prop_assert_eq!(back, mac),
            Err(_) => prop_assert!(octets[0] & 1 == 1 || octets == [0; 6]),
        }
    }
}
