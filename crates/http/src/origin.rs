//! Which BMC: scheme, host, port.

use std::{fmt, net::IpAddr, str::FromStr};

use http::Uri;

/// A BMC's origin: where its requests go and the only place its credentials go.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    tls: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// An origin spoken to over TLS. `host` is a name or an address, IPv6 with or without brackets.
    ///
    /// # Errors
    /// When `host` is neither.
    pub fn https(host: &str, port: u16) -> Result<Self, OriginError> {
        Ok(Self { tls: true, host: host_of(host)?, port })
    }

    /// An origin spoken to in clear text, credentials included.
    ///
    /// # Errors
    /// When `host` is neither a name nor an address.
    pub fn http(host: &str, port: u16) -> Result<Self, OriginError> {
        Ok(Self { tls: false, host: host_of(host)?, port })
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host without brackets, in lower case.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host as an address, when it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as they stand in the `Host` header: brackets around IPv6, no port when it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let own = if self.tls { 443 } else { 80 };
        if self.port == own { host } else { format!("{host}:{}", self.port) }
    }

    /// Whether an absolute URI points at this origin.
    #[must_use]
    pub fn covers(&self, uri: &Uri) -> bool {
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return false,
        };
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        tls == self.tls
            && port == self.port
            && uri.host().is_some_and(|host| host_of(host).is_ok_and(|host| host == self.host))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

/// A text that names no origin. A text with credentials in it is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// A scheme other than `https` and `http`.
    #[error("scheme \"{0}\" is not spoken here; write https:// or http://")]
    Scheme(String),
    /// A user or password in the address.
    #[error("the address holds a user or password before an \"@\"; give credentials apart from the address")]
    Credentials,
    /// A path, query or fragment behind host and port.
    #[error("\"{0}\" stands behind host and port; an origin ends there")]
    Path(String),
    /// Neither a host name nor an IP address.
    #[error("\"{0}\" is neither a host name nor an IP address")]
    Host(String),
    /// Not a port.
    #[error("\"{0}\" is not a port between 1 and 65535")]
    Port(String),
}

impl FromStr for Origin {
    type Err = OriginError;

    /// Reads `[scheme://]host[:port][/]`; without a scheme it is `https`.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let text = text.trim();
        if text.contains('@') {
            return Err(OriginError::Credentials);
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(OriginError::Scheme(scheme.to_owned())),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if let Some(at) = rest.find(['/', '?', '#']) {
            return Err(OriginError::Path(rest.split_at(at).1.to_owned()));
        }
        let own = if tls { 443 } else { 80 };
        // A bare IPv6 address has colons of its own, so it is tried before a port is looked for.
        let (host, port) = match (rest.parse::<IpAddr>(), rest.rsplit_once(':')) {
            (Err(_), Some((host, port))) if !port.ends_with(']') => (host, port_of(port)?),
            _ => (rest, own),
        };
        Ok(Self { tls, host: host_of(host)?, port })
    }
}

fn port_of(text: &str) -> Result<u16, OriginError> {
    text.parse().ok().filter(|port| *port != 0).ok_or_else(|| OriginError::Port(text.to_owned()))
}

/// The host in one spelling: an address as the standard library writes it, a name in lower case.
fn host_of(text: &str) -> Result<String, OriginError> {
    let wrong = || OriginError::Host(text.to_owned());
    if let Some(inner) = text.strip_prefix('[') {
        let address: std::net::Ipv6Addr =
            inner.strip_suffix(']').and_then(|a| a.parse().ok()).ok_or_else(wrong)?;
        return Ok(address.to_string());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    // Four numbers that are no IPv4 address are a mistyped one, never a name.
    let numeric = name.chars().all(|c| c.is_ascii_digit() || c == '.');
    if name.len() > 253 || numeric || !name.split('.').all(label) {
        return Err(wrong());
    }
    Ok(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_usual_spelling_is_read() {
        let read = |text: &str| text.parse::<Origin>().unwrap().to_string();
        assert_eq!(read("10.0.0.1"), "https://10.0.0.1");
        assert_eq!(read("https://BMC-1.example.:8443/"), "https://bmc-1.example:8443");
        assert_eq!(read("http://bmc"), "http://bmc");
        assert_eq!(read("2001:db8::0:1"), "https://[2001:db8::1]");
        assert_eq!(read("[2001:db8::1]:8000"), "https://[2001:db8::1]:8000");
        assert_eq!(read("https://[::1]:443"), "https://[::1]");
        assert_eq!(read("http://127.0.0.1:443"), "http://127.0.0.1:443");
    }

    #[test]
    fn errors_name_what_is_wrong_and_no_password() {
        let error = |text: &str| text.parse::<Origin>().unwrap_err().to_string();
        assert_eq!(
            error("idrac://10.0.0.1"),
            "scheme \"idrac\" is not spoken here; write https:// or http://"
        );
        assert_eq!(
            error("https://bmc/redfish/v1"),
            "\"/redfish/v1\" stands behind host and port; an origin ends there"
        );
        assert_eq!(error("10.0.0.256"), "\"10.0.0.256\" is neither a host name nor an IP address");
        assert_eq!(error("[::1"), "\"[:\" is neither a host name nor an IP address");
        assert_eq!(error("bmc:99999"), "\"99999\" is not a port between 1 and 65535");
        assert!(!error("https://root:calvin@bmc").contains("calvin"));
    }

    #[test]
    fn only_the_same_scheme_host_and_port_is_covered() {
        let origin: Origin = "https://[2001:db8::1]:8443".parse().unwrap();
        let covers = |uri: &str| origin.covers(&uri.parse().unwrap());
        assert!(covers("https://[2001:DB8:0::1]:8443/redfish"));
        assert!(!covers("http://[2001:db8::1]:8443/"));
        assert!(!covers("https://[2001:db8::1]/"));
        assert!(!covers("https://[2001:db8::2]:8443/"));
        assert!(!covers("/redfish/v1"));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "(https?://)?[a-z0-9.:\\[\\]-]{1,20}") {
            if let Ok(origin) = text.parse::<Origin>() {
                prop_assert_eq!(origin.to_string().parse(), Ok(origin));
            }
        }
    }
}
