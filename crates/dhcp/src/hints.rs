//! What a site's administrator gives to the DHCP server that is there already.
//!
//! Each function writes one server's configuration: which machines, which loader for which firmware (option 93), the script for
//! iPXE (option 77), and what UEFI HTTP boot wants (option 60). Everything is named `rackhand…`, so that it stands beside what the
//! site has, and is found again to be removed.

mod dnsmasq;
mod infoblox;
mod isc;
mod kea;

use std::{collections::BTreeMap, fmt::Write as _, net::Ipv4Addr};

use rackhand_spec::MacAddress;

pub use self::{dnsmasq::dnsmasq, infoblox::infoblox, isc::isc, kea::kea};
use crate::{Arch, BootFileError, BootFiles, boot::TFTP_PORT, boot::is_reachable};

/// A machine that may boot from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HintedHost {
    /// Its host name.
    pub name: String,
    /// The MAC of the interface that it boots from.
    pub mac: MacAddress,
    /// The address that DHCP is to give it; None leaves that to the site.
    pub address: Option<Ipv4Addr>,
}

/// What the configurations are written from; checked, so that each of them can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hints {
    boot: BootFiles,
    hosts: Vec<HintedHost>,
}

impl Hints {
    /// Of these files, for these machines and no other.
    pub fn new(boot: BootFiles, hosts: Vec<HintedHost>) -> Result<Self, HintError> {
        boot.check()?;
        if hosts.is_empty() {
            return Err(HintError::NoHosts);
        }
        let mut macs = BTreeMap::new();
        let mut names = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for host in &hosts {
            let name = &host.name;
            if !is_host_name(name) {
                return Err(HintError::Name(name.clone()));
            }
            if let Some(first) = names.insert(name.to_ascii_lowercase(), name) {
                return Err(twice("name", name, first, name));
            }
            if let Some(first) = macs.insert(host.mac, name) {
                return Err(twice("MAC address", host.mac, first, name));
            }
            let Some(address) = host.address else { continue };
            if !is_reachable(address) {
                return Err(HintError::Address { host: name.clone(), address });
            }
            if let Some(first) = addresses.insert(address, name) {
                return Err(twice("address", address, first, name));
            }
        }
        Ok(Self { boot, hosts })
    }

    /// Which loader each architecture gets, for those that get one.
    fn loaders(&self) -> impl Iterator<Item = (Arch, &str)> {
        Arch::ALL.into_iter().filter_map(|arch| self.boot.loader(arch).map(|file| (arch, file)))
    }

    /// Hosts that have an address.
    fn addressed(&self) -> impl Iterator<Item = (&HintedHost, Ipv4Addr)> {
        self.hosts.iter().filter_map(|host| host.address.map(|address| (host, address)))
    }

    /// The comment at the top, each line behind `mark`.
    fn heading(&self, mark: &str, server: &str, how: &[&str]) -> String {
        let count = self.hosts.len();
        let machines = if count == 1 { "machine" } else { "machines" };
        let mut text = String::new();
        let mut line = |words: &str| {
            let _ = writeln!(text, "{}", format!("{mark} {words}").trim_end());
        };
        line(&format!("rackhand: network boot of {count} {machines}, for {server}."));
        line("It tells these machines, by their MAC addresses, what to load, and no other machine.");
        line(
            "Remove it when they are installed. Until then, one that asks while it is not being installed is told to boot its disk.",
        );
        for words in how {
            line(words);
        }
        if self.boot.tftp_port != TFTP_PORT {
            let port = self.boot.tftp_port;
            line(&format!(
                "ATTENTION: the TFTP server is at port {port}, and PXE firmware asks port 69 whatever it is"
            ));
            line(&format!(
                "told: redirect UDP port 69 of {} to {port}, or nothing is loaded.",
                self.boot.tftp
            ));
        }
        text
    }
}

fn twice(what: &'static str, value: impl ToString, first: &str, second: &str) -> HintError {
    HintError::Twice { what, value: value.to_string(), first: first.to_owned(), second: second.to_owned() }
}

/// Labels of letters, digits and hyphens with dots between: what is a host name everywhere, and special in no configuration.
fn is_host_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Why no configuration can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HintError {
    /// What is to be loaded is wrong.
    #[error(transparent)]
    BootFiles(#[from] BootFileError),
    /// Nothing would boot.
    #[error("there is no machine to boot; a configuration without one would do nothing")]
    NoHosts,
    /// Not a host name.
    #[error("`{0}` is not a host name: letters, digits and hyphens, with dots between")]
    Name(String),
    /// Not one machine's address.
    #[error("host {host} has the address {address}, which no machine can have")]
    Address {
        /// The host.
        host: String,
        /// The address.
        address: Ipv4Addr,
    },
    /// Two hosts have the same.
    #[error("hosts {first} and {second} have the same {what}: {value}")]
    Twice {
        /// What is the same.
        what: &'static str,
        /// Its value.
        value: String,
        /// The host that has it.
        first: String,
        /// The host that has it too.
        second: String,
    },
}
