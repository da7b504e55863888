//! BMC addresses, in the schemes that metal3 and the site formats use.
//!
//! `SCHEME[+http|+https]://HOST[:PORT][/redfish/v1/Systems/ID]`. The scheme says which vendor is meant, how the host is to
//! boot, and which protocol is spoken; TLS is the default. An address without a scheme means IPMI. The schemes are those of
//! metal3's baremetal-operator; the ones it has removed are still in many repositories and are named with their successors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The port IPMI over LAN listens on.
const IPMI_PORT: u16 = 623;

/// The protocol spoken to a BMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BmcProtocol {
    /// Redfish over HTTP or HTTPS.
    Redfish,
    /// IPMI over LAN (RMCP+).
    Ipmi,
}

/// The vendor a scheme names. A hint: the BMC itself has the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VendorHint {
    /// `idrac-…`: Dell iDRAC.
    Idrac,
    /// `ilo5-…`: HPE iLO.
    Ilo,
}

/// How a scheme asks for the host to be booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootTransport {
    /// `…-virtualmedia`: an ISO inserted into a virtual drive.
    VirtualMedia,
    /// `redfish`, `idrac-redfish`, `ilo5-redfish`, `ipmi`: the network (PXE).
    Pxe,
    /// `redfish-uefihttp`: the firmware fetches the image over HTTP.
    UefiHttp,
}

/// Where a BMC is and how to speak to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BmcAddress {
    /// The scheme as written, without `+http` or `+https`.
    pub scheme: String,
    /// The protocol.
    pub protocol: BmcProtocol,
    /// The vendor that the scheme names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorHint>,
    /// How the scheme asks for the host to be booted.
    pub boot: BootTransport,
    /// Whether HTTP is spoken over TLS. False for IPMI, which brings its own encryption.
    pub tls: bool,
    /// Host name or address; an IPv6 address stands without brackets.
    pub host: String,
    /// The port, the protocol's own when none is written.
    pub port: u16,
    /// The System's URI, as `/redfish/v1/Systems/1`; `None` means that the only System is to be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_path: Option<String>,
    /// IPMI's `?privilegelevel=`, when given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privilege_level: Option<String>,
}

/// Why an address is refused. The text of an address with a password in it is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAddress {
    /// Nothing, or only blanks.
    #[error("the BMC address is empty")]
    Empty,
    /// A user name or a password before `@`.
    #[error("the BMC address holds a user name or password before `@`; credentials belong into the Secret")]
    Credentials,
    /// A scheme that metal3 has removed.
    #[error("scheme `{scheme}` is no longer in use; write `{instead}`")]
    Removed {
        /// The scheme as written.
        scheme: String,
        /// What to write.
        instead: String,
    },
    /// A scheme that is valid, and names something rackhand does not drive.
    #[error(
        "scheme `libvirt` names a virtual machine, not a BMC; put sushy-emulator in front of it and write `redfish-virtualmedia+http://…`"
    )]
    Libvirt,
    /// A scheme nobody knows.
    #[error("unknown BMC scheme `{scheme}`; known are {}", KNOWN.map(|k| k.scheme).join(", "))]
    UnknownScheme {
        /// The scheme as written.
        scheme: String,
    },
    /// A transport suffix other than `+http` or `+https`.
    #[error("unknown transport `+{suffix}` after `{scheme}`; write `+https` or `+http`")]
    UnknownSuffix {
        /// The scheme.
        scheme: String,
        /// What stands after the plus sign.
        suffix: String,
    },
    /// What follows the scheme is no host, port and path.
    #[error("`{text}` is not a host with an optional port and path: {reason}")]
    Authority {
        /// What stands after `://`.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

struct Known {
    scheme: &'static str,
    vendor: Option<VendorHint>,
    boot: BootTransport,
    protocol: BmcProtocol,
}

const fn redfish(scheme: &'static str, vendor: Option<VendorHint>, boot: BootTransport) -> Known {
    Known { scheme, vendor, boot, protocol: BmcProtocol::Redfish }
}

const KNOWN: [Known; 8] = [
    redfish("redfish-virtualmedia", None, BootTransport::VirtualMedia),
    redfish("idrac-virtualmedia", Some(VendorHint::Idrac), BootTransport::VirtualMedia),
    redfish("ilo5-virtualmedia", Some(VendorHint::Ilo), BootTransport::VirtualMedia),
    redfish("redfish", None, BootTransport::Pxe),
    redfish("idrac-redfish", Some(VendorHint::Idrac), BootTransport::Pxe),
    redfish("ilo5-redfish", Some(VendorHint::Ilo), BootTransport::Pxe),
    redfish("redfish-uefihttp", None, BootTransport::UefiHttp),
    Known { scheme: "ipmi", vendor: None, boot: BootTransport::Pxe, protocol: BmcProtocol::Ipmi },
];

/// Schemes that metal3 once had, and what took their place.
const REMOVED: [(&str, &str); 6] = [
    ("idrac", "idrac-virtualmedia"),
    ("ibmc", "redfish-virtualmedia"),
    ("ilo4", "redfish-virtualmedia"),
    ("ilo4-virtualmedia", "redfish-virtualmedia"),
    ("ilo5", "ilo5-virtualmedia"),
    ("irmc", "redfish-virtualmedia"),
];

impl FromStr for BmcAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("ipmi", text));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        if authority.contains('@') || scheme.contains('@') {
            return Err(InvalidAddress::Credentials);
        }
        let scheme = scheme.to_ascii_lowercase();
        let (name, suffix) = match scheme.split_once('+') {
            Some((name, suffix)) => (name, Some(suffix)),
            None => (scheme.as_str(), None),
        };
        let known = known(name, suffix)?;
        let tls = match suffix {
            _ if known.protocol == BmcProtocol::Ipmi => false,
            None | Some("https") => true,
            Some("http") => false,
            Some(other) => {
                return Err(InvalidAddress::UnknownSuffix {
                    scheme: name.to_owned(),
                    suffix: other.to_owned(),
                });
            }
        };
        known.read(tls, rest)
    }
}

/// The scheme's meaning, or what to write instead.
fn known(name: &str, suffix: Option<&str>) -> Result<&'static Known, InvalidAddress> {
    if name == "libvirt" {
        return Err(InvalidAddress::Libvirt);
    }
    if let Some((_, instead)) = REMOVED.iter().find(|(old, _)| *old == name) {
        let instead = match suffix {
            Some(suffix) => format!("{instead}+{suffix}"),
            None => (*instead).to_owned(),
        };
        return Err(InvalidAddress::Removed { scheme: name.to_owned(), instead });
    }
    KNOWN
        .iter()
        .find(|known| known.scheme == name)
        .ok_or_else(|| InvalidAddress::UnknownScheme { scheme: name.to_owned() })
}

impl Known {
    /// Reads what follows `://`. The `url` crate knows hosts, ports and percent signs best under the schemes that it
    /// calls special, so it is given one; ftp stands in for IPMI because its default port is neither 80 nor 443.
    fn read(&self, tls: bool, rest: &str) -> Result<BmcAddress, InvalidAddress> {
        let invalid = |reason: String| InvalidAddress::Authority { text: rest.to_owned(), reason };
        if rest.starts_with(['/', '\\']) || rest.is_empty() {
            return Err(invalid("the host is missing".to_owned()));
        }
        let stand_in = match (self.protocol, tls) {
            (BmcProtocol::Ipmi, _) => "ftp",
            (BmcProtocol::Redfish, true) => "https",
            (BmcProtocol::Redfish, false) => "http",
        };
        let url =
            url::Url::parse(&format!("{stand_in}://{rest}")).map_err(|error| invalid(advice(rest, error)))?;
        let host = match url.host() {
            Some(url::Host::Domain(name)) => name.to_owned(),
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            None => return Err(invalid("the host is missing".to_owned())),
        };
        let port = match self.protocol {
            BmcProtocol::Ipmi => url.port().unwrap_or(IPMI_PORT),
            BmcProtocol::Redfish => url.port_or_known_default().unwrap_or(443),
        };
        let path = url.path().trim_end_matches('/');
        let system_path = match path {
            "" | "/redfish" | "/redfish/v1" => None,
            path => Some(path.to_owned()),
        };
        let privilege_level = url
            .query_pairs()
            .find(|(name, _)| name.eq_ignore_ascii_case("privilegelevel"))
            .map(|(_, level)| level.into_owned());
        Ok(BmcAddress {
            scheme: self.scheme.to_owned(),
            protocol: self.protocol,
            vendor: self.vendor,
            boot: self.boot,
            tls,
            host,
            port,
            system_path,
            privilege_level,
        })
    }
}

/// The most common mistake has a cause that the URL parser cannot know.
fn advice(rest: &str, error: url::ParseError) -> String {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if !authority.starts_with('[') && authority.matches(':').count() > 1 {
        return "an IPv6 address stands in brackets: [fd00::1]".to_owned();
    }
    error.to_string()
}

impl BmcAddress {
    /// `host:port`, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The URL that HTTP requests start from, as `https://[fd00::1]:443`.
    pub fn base_url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }
}

impl fmt::Display for BmcAddress {
    /// An address that parses to an equal one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        if self.protocol == BmcProtocol::Redfish {
            f.write_str(if self.tls { "+https" } else { "+http" })?;
        }
        write!(f, "://{}{}", self.authority(), self.system_path.as_deref().unwrap_or(""))?;
        match &self.privilege_level {
            Some(level) => write!(f, "?privilegelevel={level}"),
            None => Ok(()),
        }
    }
}
