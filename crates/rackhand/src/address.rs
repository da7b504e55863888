//! BMC addresses as people and specs write them.

use std::{fmt, str::FromStr};

use rackhand_http::{Origin, OriginError};

/// Where a BMC is, and which of its Systems is meant.
///
/// Read from `[scheme://]host[:port][/path]`. The scheme is `https`, `http`, or one of metal3's
/// (`redfish-virtualmedia`, `idrac-virtualmedia`, `redfish`, …, each with `+http` or `+https`). It chooses between TLS
/// and clear text only: which vendor it is, is found out from the BMC. The path, where there is one, names the System.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BmcAddress {
    /// Where requests go.
    pub origin: Origin,
    /// The System's URI, when the address names one.
    pub system: Option<String>,
}

impl BmcAddress {
    /// The name of the BMC in messages and in the ledger: host, and port where it is not the usual one.
    #[must_use]
    pub fn name(&self) -> String {
        self.origin.authority()
    }
}

/// An address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// A scheme that is not spoken.
    #[error(
        "BMC scheme {0:?} is not spoken here; write https://, http://, redfish-virtualmedia:// or idrac-virtualmedia://"
    )]
    Scheme(String),
    /// A path that names no System.
    #[error("the path {0:?} names no System; write /redfish/v1/Systems/ID, or leave it out")]
    Path(String),
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
        Ok(Self { origin, system: system_of(path)? })
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
        write!(f, "{}{}", self.origin, self.system.as_deref().unwrap_or_default())
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
        assert!(error("ipmi://192.0.2.10").starts_with("BMC scheme \"ipmi\" is not spoken here"));
        assert!(error("redfish+ftp://192.0.2.10").contains("redfish+ftp"));
        assert!(error("https://192.0.2.10/redfish/v1/Managers/1").contains("names no System"));
        assert!(!error("https://root:calvin@192.0.2.10").contains("calvin"));
    }

    #[test]
    fn the_name_is_host_and_unusual_port() {
        let name = |text: &str| text.parse::<BmcAddress>().unwrap().name();
        assert_eq!(name("https://192.0.2.10:443/redfish/v1/Systems/1"), "192.0.2.10");
        assert_eq!(name("http://127.0.0.1:8000"), "127.0.0.1:8000");
    }
}
