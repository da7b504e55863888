//! The server's address as a BMC must see it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ipnet::IpNet;
use tokio::net::UdpSocket;
use url::Url;

use crate::listener::Bound;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Clear text.
    Http,
    /// TLS.
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// What an operator knows better than the routing table: addresses behind NAT, a reverse proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advertise {
    base: Option<String>,
    networks: Vec<(IpNet, String)>,
}

impl Advertise {
    /// The local address on the way to each BMC.
    #[must_use]
    pub fn by_route() -> Self {
        Self::default()
    }

    /// One base URL for all BMCs, `http://192.0.2.1:8080` for example.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn with_base(mut self, base: &str) -> Result<Self, AddressError> {
        self.base = Some(checked(base)?);
        Ok(self)
    }

    /// A base URL for the BMCs of one network. Of several that match, the smallest network counts;
    /// any of them comes before [`with_base`](Self::with_base).
    ///
    /// # Errors
    /// When it is no base URL.
    pub fn with_network(mut self, network: IpNet, base: &str) -> Result<Self, AddressError> {
        self.networks.push((network, checked(base)?));
        Ok(self)
    }

    /// The base URL that was given for the smallest network with this address.
    pub(crate) fn of_network(&self, address: IpAddr) -> Option<&str> {
        let around = self.networks.iter().filter(|(net, _)| net.contains(&address));
        around.max_by_key(|(net, _)| net.prefix_len()).map(|(_, base)| base.as_str())
    }

    /// The base URL, without a slash at its end, by which the BMC at `host` reaches one of `bound`.
    pub(crate) async fn base_for(
        &self,
        host: &str,
        scheme: Option<Scheme>,
        bound: &[Bound],
    ) -> Result<String, AddressError> {
        if self.networks.is_empty()
            && let Some(base) = &self.base
        {
            return Ok(base.clone());
        }
        let bmc = resolve(host).await?;
        if let Some(base) = self.of_network(bmc).or(self.base.as_deref()) {
            return Ok(base.to_owned());
        }
        let local = route_to(bmc).await?;
        let wanted = |bound: &&Bound| scheme.is_none_or(|scheme| scheme == bound.scheme);
        let reached =
            bound.iter().filter(wanted).find_map(|bound| Some((bound.scheme, bound.reached_by(local)?)));
        match reached {
            // SocketAddr writes the brackets that IPv6 needs.
            Some((scheme, address)) => Ok(format!("{scheme}://{address}")),
            None => Err(AddressError::NotListening {
                bmc,
                needed: match (scheme, bmc) {
                    (Some(scheme), IpAddr::V4(_)) => format!("{scheme} over IPv4"),
                    (Some(scheme), IpAddr::V6(_)) => format!("{scheme} over IPv6"),
                    (None, IpAddr::V4(_)) => "IPv4".to_owned(),
                    (None, IpAddr::V6(_)) => "IPv6".to_owned(),
                },
                listening: listing(bound),
            }),
        }
    }
}

fn listing(bound: &[Bound]) -> String {
    let each: Vec<String> =
        bound.iter().map(|bound| format!("{}://{}", bound.scheme, bound.address)).collect();
    each.join(", ")
}

/// Why there is no address that a BMC could use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// A configured base URL that is none.
    #[error(
        "\"{base}\" is no base URL for the ISO server: {reason}; write http://HOST:PORT or https://HOST:PORT"
    )]
    Base {
        /// As it was written, without user and password.
        base: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The BMC's name does not resolve here.
    #[error("the BMC's name {host} was not resolved: {reason}")]
    Name {
        /// The name.
        host: String,
        /// What was seen.
        reason: String,
    },
    /// There is no route from here.
    #[error(
        "there is no route from here to the BMC {bmc}: {reason}; configure the ISO server's URL as that BMC sees it"
    )]
    NoRoute {
        /// The BMC's address.
        bmc: IpAddr,
        /// What was seen.
        reason: String,
    },
    /// The server does not listen where the BMC could come.
    #[error(
        "the BMC {bmc} needs the ISO server on {needed}, but it listens on {listening} only; add a listen address"
    )]
    NotListening {
        /// The BMC's address.
        bmc: IpAddr,
        /// Scheme and family.
        needed: String,
        /// Where the server listens.
        listening: String,
    },
}

/// A base URL without a slash at its end, if it is one.
pub(crate) fn checked(base: &str) -> Result<String, AddressError> {
    let shown = base.rsplit('@').next().unwrap_or(base).to_owned();
    let wrong = |reason: &str| AddressError::Base { base: shown.clone(), reason: reason.to_owned() };
    let url = Url::parse(base).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("its scheme is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it holds a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it holds a \"?\" or \"#\", which BMCs refuse"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

async fn resolve(host: &str) -> Result<IpAddr, AddressError> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(ip.to_canonical());
    }
    let failed = |reason: String| AddressError::Name { host: host.to_owned(), reason };
    let mut found = tokio::net::lookup_host((bare, 443)).await.map_err(|error| failed(error.to_string()))?;
    let first = found.next().ok_or_else(|| failed("it has no address".to_owned()))?;
    Ok(first.ip().to_canonical())
}

/// The local address that packets to `bmc` go out with. Connecting a UDP socket asks the routing table and sends nothing.
async fn route_to(bmc: IpAddr) -> Result<IpAddr, AddressError> {
    let any: IpAddr = if bmc.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let ask = async {
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
        socket.connect(SocketAddr::new(bmc, 443)).await?;
        socket.local_addr()
    };
    match ask.await {
        Ok(local) => Ok(local.ip()),
        Err(error) => Err(AddressError::NoRoute { bmc, reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(address: &str, scheme: Scheme) -> Bound {
        Bound::new(address.parse().unwrap(), scheme)
    }

    #[tokio::test]
    async fn the_local_address_of_the_route_is_given() {
        let listening = [bound("0.0.0.0:8080", Scheme::Http), bound("0.0.0.0:8443", Scheme::Https)];
        let advertise = Advertise::by_route();
        let base = async |host, scheme| advertise.base_for(host, scheme, &listening).await;
        assert_eq!(base("127.0.0.5", None).await.unwrap(), "http://127.0.0.1:8080");
        assert_eq!(base("127.0.0.5", Some(Scheme::Https)).await.unwrap(), "https://127.0.0.1:8443");
        assert_eq!(base("[::ffff:127.0.0.5]", None).await.unwrap(), "http://127.0.0.1:8080");
    }

    #[tokio::test]
    async fn a_single_listening_address_is_given_as_it_is() {
        let listening = [bound("127.0.0.9:80", Scheme::Http)];
        let base = Advertise::by_route().base_for("127.0.0.5", None, &listening).await.unwrap();
        assert_eq!(base, "http://127.0.0.9:80");
    }

    #[tokio::test]
    async fn a_family_or_scheme_without_listener_is_named() {
        let listening = [bound("[::1]:8080", Scheme::Http)];
        let error =
            Advertise::by_route().base_for("127.0.0.5", Some(Scheme::Https), &listening).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the BMC 127.0.0.5 needs the ISO server on https over IPv4, but it listens on http://[::1]:8080 only; \
             add a listen address"
        );
    }

    #[tokio::test]
    async fn ipv6_gets_brackets() {
        if route_to(Ipv6Addr::LOCALHOST.into()).await.is_err() {
            println!("skipped: no IPv6 loopback here");
            return;
        }
        let listening = [bound("0.0.0.0:80", Scheme::Http), bound("[::]:8080", Scheme::Http)];
        let base = Advertise::by_route().base_for("[::1]", None, &listening).await.unwrap();
        assert_eq!(base, "http://[::1]:8080");
    }

    #[tokio::test]
    async fn an_override_comes_first_and_the_smallest_network_wins() {
        let advertise = Advertise::by_route()
            .with_base("https://isos.example/")
            .unwrap()
            .with_network("10.0.0.0/8".parse().unwrap(), "http://10.0.0.1:80")
            .unwrap()
            .with_network("10.1.0.0/16".parse().unwrap(), "http://10.1.0.1:8080/media/")
            .unwrap();
        let base = async |host| advertise.base_for(host, None, &[]).await.unwrap();
        assert_eq!(base("10.1.2.3").await, "http://10.1.0.1:8080/media");
        assert_eq!(base("10.2.2.3").await, "http://10.0.0.1");
        assert_eq!(base("192.0.2.1").await, "https://isos.example");
    }

    #[test]
    fn a_bad_base_says_why_and_shows_no_password() {
        let error = |base| Advertise::by_route().with_base(base).unwrap_err().to_string();
        assert!(error("ftp://x").contains("neither http nor https"));
        assert!(error("10.0.0.1:80").contains("write http://HOST:PORT"));
        assert!(error("http://x/?a=b").contains("which BMCs refuse"));
        let secret = error("http://user:s3cret@x");
        assert!(secret.contains("user or password") && !secret.contains("s3cret"), "{secret}");
    }
}
