//! Where a BMC is.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use rackhand_bmc::{Error, ErrorKind, Result};
use tokio::time::timeout;

use crate::options::Networks;

/// The port that RMCP has of its own.
const PORT: u16 = 623;

/// A BMC's host and UDP port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// A host, which is a name or an address (IPv6 with or without brackets), and its port: 623 where none is
    /// given.
    #[must_use]
    pub fn new(host: &str, port: Option<u16>) -> Self {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        Self { host: bare.to_owned(), port: port.unwrap_or(PORT) }
    }

    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// As people write it: the port where it is not RMCP's own, brackets around IPv6.
    #[must_use]
    pub fn name(&self) -> String {
        let host = match self.host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => self.host.clone(),
        };
        if self.port == PORT { host } else { format!("{host}:{}", self.port) }
    }

    /// The address to send to: the first that may be sent to. Nothing has been sent there when it answers.
    pub(crate) async fn resolve(
        &self,
        bmc: &str,
        within: Duration,
        networks: Option<&Networks>,
    ) -> Result<SocketAddr> {
        let unreachable = |detail: String| Error::new(ErrorKind::Unreachable, bmc, detail);
        let found: Vec<SocketAddr> = match self.host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, self.port)],
            Err(_) => match timeout(within, tokio::net::lookup_host((self.host.as_str(), self.port))).await {
                Ok(Ok(found)) => found.collect(),
                Ok(Err(error)) => {
                    return Err(unreachable(format!("the name {} was not resolved: {error}", self.host)));
                }
                Err(_) => {
                    return Err(unreachable(format!(
                        "the name {} was not resolved within {within:?}",
                        self.host
                    )));
                }
            },
        };
        let inside = |address: &&SocketAddr| networks.is_none_or(|inside| inside(address.ip()));
        match (found.iter().find(inside), found.first()) {
            (Some(address), _) => Ok(*address),
            (None, Some(refused)) => Err(unreachable(format!(
                "{} is outside the networks that may be connected to; nothing was sent there",
                refused.ip()
            ))),
            (None, None) => Err(unreachable(format!("the name {} has no address", self.host))),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_people_write_them() {
        let name = |host: &str, port| Address::new(host, port).name();
        assert_eq!(name("10.0.0.1", None), "10.0.0.1");
        assert_eq!(name("bmc-1.example", Some(6230)), "bmc-1.example:6230");
        assert_eq!(name("[2001:db8::0:1]", Some(623)), "[2001:db8::1]");
        assert_eq!(name("2001:db8::1", Some(624)), "[2001:db8::1]:624");
    }

    #[tokio::test]
    async fn an_address_outside_the_networks_is_refused() {
        let address = Address::new("192.0.2.7", None);
        let inside = |ip: IpAddr| ip.is_loopback();
        let error = address.resolve("rack", Duration::from_secs(1), Some(&inside)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "BMC rack: 192.0.2.7 is outside the networks that may be connected to; nothing was sent there"
        );
        assert_eq!(*error.kind(), ErrorKind::Unreachable);
        let found = address.resolve("rack", Duration::from_secs(1), None).await.unwrap();
        assert_eq!(found.to_string(), "192.0.2.7:623");
    }
}
