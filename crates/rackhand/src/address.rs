//! BMC addresses as people and specs write them.

use std::{fmt, str::FromStr};

use rackhand_http::{Origin, OriginError};

/// Where a BMC is, and which of its Systems is meant.
///
/// Read from `[scheme://]host[:port][/path]`. The scheme is `https`, `http`, `ipmi`, or one of metal3's for Redfish
/// (`redfish-virtualmedia`, `idrac-virtualmedia`, `redfish`, …, each with `+http` or `+https`). It chooses between Redfish
/// and IPMI, and between TLS and clear text only: which vendor it is, is found out from the BMC. The path, where there is
/// one, names the System.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BmcAddress {
    /// Redfish.
    Redfish {
        /// Where requests go.
        origin: Origin,
        /// The System's URI, when the address names one.
        system: Option<String>,
    },
    /// IPMI over LAN, RMCP+.
    Ipmi(IpmiAddress),
}

/// Where a BMC answers IPMI over LAN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpmiAddress {
    /// Host name or address; an IPv6 address stands without brackets.
    pub host: String,
    /// The UDP port.
    pub port: u16,
    /// What sessions ask to be allowed.
    pub privilege: IpmiPrivilege,
}

/// What an IPMI session asks to be allowed (`?privilegelevel=`, as metal3 writes it).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IpmiPrivilege {
    /// Everything.
    #[default]
    Administrator,
    /// Power and boot devices. What accounts of several sites are limited to.
    Operator,
}

impl FromStr for IpmiPrivilege {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.to_ascii_uppercase().as_str() {
            "ADMINISTRATOR" => Ok(Self::Administrator),
            "OPERATOR" => Ok(Self::Operator),
            _ => Err(AddressError::Privilege(text.to_owned())),
        }
    }
}

/// The port of IPMI over LAN (IANA: asf-rmcp).
const IPMI_PORT: u16 = 623;

impl IpmiAddress {
    /// Host, and port where it is not the usual one.
    #[must_use]
    pub fn name(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == IPMI_PORT { host } else { format!("{host}:{}", self.port) }
    }

    /// Reads `host[:port][?privilegelevel=LEVEL]`. An origin has the same form, so one is made of it.
    fn read(rest: &str) -> Result<Self, AddressError> {
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let place = place.trim_end_matches('/');
        if place.contains('/') {
            return Err(AddressError::IpmiPath(place.to_owned()));
        }
        let level = query.split('&').find_map(|pair| {
            pair.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("privilegelevel"))
        });
        let privilege = level.map_or(Ok(IpmiPrivilege::default()), |(_, level)| level.parse())?;
        let origin: Origin = format!("http://{place}").parse()?;
        let host = origin.host().trim_matches(['[', ']']).to_owned();
        // Of a port that is not written the origin has HTTP's.
        let written = place.rsplit_once(':').is_some_and(|(_, port)| port.parse() == Ok(origin.port()));
        Ok(Self { host, port: if written { origin.port() } else { IPMI_PORT }, privilege })
    }
}

impl BmcAddress {
    /// A BMC that speaks Redfish, with its only System.
    #[must_use]
    pub const fn redfish(origin: Origin) -> Self {
        Self::Redfish { origin, system: None }
    }

    /// The name of the BMC in messages and in the ledger: host, and port where it is not the usual one.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Redfish { origin, .. } => origin.authority(),
            Self::Ipmi(address) => address.name(),
        }
    }

    /// Where HTTP requests go; `None` for IPMI.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Redfish { origin, .. } => Some(origin),
            Self::Ipmi(_) => None,
        }
    }

    /// The System's URI, when the address names one.
    #[must_use]
    pub fn system(&self) -> Option<&str> {
        match self {
            Self::Redfish { system, .. } => system.as_deref(),
            Self::Ipmi(_) => None,
        }
    }
}

/// An address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// A scheme that is not spoken.
    #[error(
        "BMC scheme {0:?} is not spoken here; write https://, http://, redfish-virtualmedia://, idrac-virtualmedia:// or ipmi://"
    )]
    Scheme(String),
    /// A path that names no System.
    #[error("the path {0:?} names no System; write /redfish/v1/Systems/ID, or leave it out")]
    Path(String),
    /// A path after an IPMI address.
    #[error("{0:?} is no IPMI address: write ipmi://HOST, or ipmi://HOST:PORT")]
    IpmiPath(String),
    /// A privilege level that no session here asks for.
    #[error("IPMI privilege level {0:?} is not known; write ADMINISTRATOR or OPERATOR")]
    Privilege(String),
    /// Host or port.
    #[error(transparent)]
    Origin(#[from] OriginError),
}

/// metal3's schemes for Redfish BMCs, without their `+http` or `+https`.
const SCHEMES: [&str; 9] = [
    "redfish",
    "redfish-virtualmedia",
    "redfish-uefihttp",
    "idrac-redfish",
    "idrac-virtualmedia",
    "idrac-redfish-virtualmedia",
    "ilo5",
    "ilo5-redfish",
    "ilo5-virtualmedia",
];

impl FromStr for BmcAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let scheme = scheme.to_ascii_lowercase();
        if scheme == "ipmi" {
            return IpmiAddress::read(rest).map(Self::Ipmi);
        }
        let (name, over) = match scheme.split_once('+') {
            Some((name, over)) => (name, over),
            None if scheme == "http" => ("http", "http"),
            None => (scheme.as_str(), "https"),
        };
        let known = matches!(scheme.as_str(), "http" | "https") || SCHEMES.contains(&name);
        if !known || !matches!(over, "http" | "https") {
            return Err(AddressError::Scheme(scheme));
        }
        let (host, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let origin = format!("{over}://{host}").parse()?;
        Ok(Self::Redfish { origin, system: system_of(path)? })
    }
}

/// The System that a path names. The service root alone names none.
fn system_of(path: &str) -> Result<Option<String>, AddressError> {
    let bare = path.trim_end_matches('/');
    if bare.is_empty() || bare.eq_ignore_ascii_case("/redfish/v1") || bare.eq_ignore_ascii_case("/redfish") {
        return Ok(None);
    }
    let lower = bare.to_ascii_lowercase();
    match lower.strip_prefix("/redfish/v1/systems/") {
        Some(id) if !id.is_empty() && !id.contains(['/', '?', '#']) => Ok(Some(bare.to_owned())),
        _ => Err(AddressError::Path(path.to_owned())),
    }
}

impl fmt::Display for BmcAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redfish { origin, system } => {
                write!(f, "{origin}{}", system.as_deref().unwrap_or_default())
            }
            Self::Ipmi(address) => write!(f, "ipmi://{}", address.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_spellings_are_read() {
        let read = |text: &str| text.parse::<BmcAddress>().unwrap().to_string();
        assert_eq!(read("192.0.2.10"), "https://192.0.2.10");
        assert_eq!(read("bmc-1.example:8443/"), "https://bmc-1.example:8443");
        assert_eq!(
            read("redfish-virtualmedia+http://[2001:db8::1]:8000/redfish/v1/Systems/1/"),
            "http://[2001:db8::1]:8000/redfish/v1/Systems/1"
        );
        assert_eq!(
            read("idrac-virtualmedia+https://192.0.2.10/redfish/v1/Systems/System.Embedded.1"),
            "https://192.0.2.10/redfish/v1/Systems/System.Embedded.1"
        );
        assert_eq!(read("https://192.0.2.10/redfish/v1/"), "https://192.0.2.10");
    }

    #[test]
    fn what_cannot_be_used_says_what_to_write() {
        let error = |text: &str| text.parse::<BmcAddress>().unwrap_err().to_string();
        assert!(error("ilo4://192.0.2.10").starts_with("BMC scheme \"ilo4\" is not spoken here"));
        assert!(error("ipmi://192.0.2.10?privilegelevel=USER").contains("ADMINISTRATOR or OPERATOR"));
        assert!(error("ipmi://192.0.2.10/redfish/v1/Systems/1").contains("is no IPMI address"));
        assert!(error("redfish+ftp://192.0.2.10").contains("redfish+ftp"));
        assert!(error("https://192.0.2.10/redfish/v1/Managers/1").contains("names no System"));
        assert!(!error("https://root:calvin@192.0.2.10").contains("calvin"));
    }

    #[test]
    fn ipmi_has_its_own_port_and_levels() {
        let read = |text: &str| match text.parse::<BmcAddress>().unwrap() {
            BmcAddress::Ipmi(address) => {
                (address.host.clone(), address.port, address.privilege, address.name())
            }
            other => panic!("{other}"),
        };
        let host = "192.0.2.10".to_owned();
        assert_eq!(
            read("ipmi://192.0.2.10"),
            (host.clone(), 623, IpmiPrivilege::Administrator, host.clone())
        );
        let other = format!("{host}:80");
        assert_eq!(
            read("ipmi://192.0.2.10:80?privilegelevel=operator"),
            (host, 80, IpmiPrivilege::Operator, other)
        );
        let v6 = read("ipmi://[fd00::1]");
        assert_eq!((v6.0.as_str(), v6.1, v6.3.as_str()), ("fd00::1", 623, "[fd00::1]"));
        assert_eq!(read("ipmi://[fd00::1]:6230").3, "[fd00::1]:6230");
    }

    #[test]
    fn the_name_is_host_and_unusual_port() {
        let name = |text: &str| text.parse::<BmcAddress>().unwrap().name();
        assert_eq!(name("https://192.0.2.10:443/redfish/v1/Systems/1"), "192.0.2.10");
        assert_eq!(name("http://127.0.0.1:8000"), "127.0.0.1:8000");
    }
}
