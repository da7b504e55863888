//! What several tests need: files to boot, and requests as machines send them.
#![allow(dead_code, reason = "each test uses its own part")]

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
};

use rackhand_dhcp::{BootFiles, HintedHost, Hints, Loaders};
use rackhand_spec::MacAddress;

/// A machine that may boot.
pub(crate) fn ours() -> MacAddress {
    MacAddress::new([0x0c, 0x42, 0xa1, 0x55, 0xaa, 0x01])
}

/// A machine that may not.
pub(crate) fn other() -> MacAddress {
    MacAddress::new([0x0c, 0x42, 0xa1, 0x55, 0xaa, 0x99])
}

pub(crate) const TFTP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

pub(crate) fn boot() -> BootFiles {
    BootFiles {
        tftp: TFTP,
        tftp_port: 69,
        script_url: "http://192.0.2.10:8080/boot/${net0/mac}.ipxe".to_owned(),
        loaders: Loaders {
            uefi_arm64: Some("ipxe-arm64.efi".to_owned()),
            http_x64: Some("http://192.0.2.10:8080/ipxe.efi".to_owned()),
            ..Loaders::default()
        },
    }
}

pub(crate) fn hosts() -> Vec<HintedHost> {
    let second = MacAddress::new([0x0c, 0x42, 0xa1, 0x55, 0xaa, 0x02]);
    vec![
        HintedHost { name: "edge-1".to_owned(), mac: ours(), address: Some(Ipv4Addr::new(192, 0, 2, 21)) },
        HintedHost { name: "edge-2.example.com".to_owned(), mac: second, address: None },
    ]
}

pub(crate) fn hints() -> Hints {
    Hints::new(boot(), hosts()).unwrap()
}

/// A request, option by option.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: [u8; 240],
    pub(crate) options: Vec<(u8, Vec<u8>)>,
}

impl Request {
    /// A DHCPDISCOVER with only what every client sends.
    pub(crate) fn discover(mac: MacAddress) -> Self {
        let mut head = [0; 240];
        head[..4].copy_from_slice(&[1, 1, 6, 0]);
        head[4..8].copy_from_slice(&[0xde, 0xad, 0xbe, 0xef]);
        head[28..34].copy_from_slice(&mac.octets());
        head[236..].copy_from_slice(&[99, 130, 83, 99]);
        Self { head, options: vec![(53, vec![1])] }
    }

    /// What firmware sends: its class, its architecture, its UUID.
    pub(crate) fn firmware(mac: MacAddress, class: &str, arch: u16) -> Self {
        let class = format!("{class}:Arch:{arch:05}:UNDI:003016");
        let mut uuid = vec![0];
        uuid.extend(1..=16);
        Self::discover(mac)
            .with(60, class.as_bytes())
            .with(93, &arch.to_be_bytes())
            .with(94, &[1, 3, 16])
            .with(97, &uuid)
            .with(55, &[1, 3, 43, 54, 60, 66, 67])
    }

    pub(crate) fn with(mut self, code: u8, value: &[u8]) -> Self {
        self.options.retain(|(at, _)| *at != code);
        self.options.push((code, value.to_vec()));
        self
    }

    pub(crate) fn without(mut self, code: u8) -> Self {
        self.options.retain(|(at, _)| *at != code);
        self
    }

    /// Sets four octets of the head.
    pub(crate) fn address(mut self, at: usize, address: Ipv4Addr) -> Self {
        self.head[at..at + 4].copy_from_slice(&address.octets());
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.to_vec();
        for (code, value) in &self.options {
            bytes.extend([*code, u8::try_from(value.len()).unwrap()]);
            bytes.extend(value);
        }
        bytes.push(255);
        bytes
    }
}

/// An answer, read without the library that wrote it.
pub(crate) struct Answer<'a>(pub(crate) &'a [u8]);

impl Answer<'_> {
    pub(crate) fn address(&self, at: usize) -> Ipv4Addr {
        Ipv4Addr::new(self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3])
    }

    pub(crate) fn yiaddr(&self) -> Ipv4Addr {
        self.address(16)
    }

    pub(crate) fn siaddr(&self) -> Ipv4Addr {
        self.address(20)
    }

    pub(crate) fn file(&self) -> &str {
        let field = &self.0[108..236];
        let end = field.iter().position(|b| *b == 0).unwrap();
        std::str::from_utf8(&field[..end]).unwrap()
    }

    pub(crate) fn option(&self, wanted: u8) -> Option<&[u8]> {
        self.options().into_iter().find(|(code, _)| *code == wanted).map(|(_, value)| value)
    }

    pub(crate) fn codes(&self) -> Vec<u8> {
        let mut codes: Vec<u8> = self.options().into_iter().map(|(code, _)| code).collect();
        codes.sort_unstable();
        codes
    }

    fn options(&self) -> Vec<(u8, &[u8])> {
        assert_eq!(self.0[236..240], [99, 130, 83, 99]);
        let mut rest = &self.0[240..];
        let mut found = Vec::new();
        loop {
            match rest {
                [0, tail @ ..] => rest = tail,
                [255, ..] => return found,
                [code, length, tail @ ..] => {
                    let (value, tail) = tail.split_at(usize::from(*length));
                    found.push((*code, value));
                    rest = tail;
                }
                _ => panic!("the options have no end"),
            }
        }
    }
}

/// Whether a server is there; one that must be and is not fails.
pub(crate) fn installed(program: &str) -> bool {
    may(Command::new(program).arg("--version").output().is_ok(), &format!("{program} is not installed"))
}

/// A copy of an installed program in a directory of the test's own. Where AppArmor confines Debian's DHCP servers it does so by
/// their paths, and lets them read and write nothing in such a directory. Made by a process of its own: a program that another
/// test starts meanwhile would hold the copy open for writing, and what is open so cannot be run.
pub(crate) fn copied(program: &str, place: &Path) -> PathBuf {
    let copy = place.join(program);
    let script = format!("cp \"$(command -v {program})\" \"$1\"");
    let made = Command::new("sh").args(["-c", &script, "sh"]).arg(&copy).status().unwrap();
    assert!(made.success(), "{program} cannot be copied");
    copy
}

/// Whether a test can run. With `RACKHAND_PEERS=1` each must, and otherwise it says why it does not.
#[allow(clippy::disallowed_methods, reason = "the peer suite says so that every part must be there")]
pub(crate) fn may(possible: bool, otherwise: &str) -> bool {
    let must = std::env::var("RACKHAND_PEERS").is_ok_and(|value| value == "1");
    assert!(possible || !must, "{otherwise}, and RACKHAND_PEERS=1 says that everything must be there");
    if !possible {
        println!("skipped: {otherwise}");
    }
    possible
}
