//! Which certificate a BMC is trusted with.
//!
//! A fingerprint in the site file counts first, then what the operator said for all, then the operating system's CAs:
//! fingerprint > `--ca` > `disableCertificateVerification` > `--bmc-insecure` > `--trust-on-first-use` > system.

use std::io;

use rackhand_bmc::{Error, ErrorKind};
use rackhand_http::{Fingerprint, FirstUse, Origin, Trust};
use rackhand_spec::NodeSpec;

use crate::{options::TrustOptions, state::StateDir};

/// How one BMC's certificate is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TrustChoice {
    /// By its fingerprint.
    Pin(Fingerprint),
    /// By a CA.
    Ca(Vec<u8>),
    /// By nothing; whose word that is.
    Insecure(String),
    /// By what was seen first.
    FirstUse,
    /// By the operating system's CAs.
    System,
}

impl TrustChoice {
    /// For a node of a site.
    pub(crate) fn for_node(node: &NodeSpec, options: &TrustOptions) -> Self {
        if let Some(pin) = &node.bmc_fingerprint {
            return Self::Pin(Fingerprint::from(*pin.as_bytes()));
        }
        if let Some(ca) = &options.ca {
            return Self::Ca(ca.clone());
        }
        if node.disable_certificate_verification == Some(true) {
            return Self::Insecure("its spec says disableCertificateVerification: true".to_owned());
        }
        if options.insecure {
            return Self::Insecure("--bmc-insecure".to_owned());
        }
        if options.first_use { Self::FirstUse } else { Self::System }
    }

    /// As the transport takes it.
    pub(crate) fn to_trust(&self, origin: &Origin, state: &StateDir) -> anyhow::Result<Trust> {
        Ok(match self {
            Self::Pin(pin) => Trust::Pin(*pin),
            Self::Ca(pem) => Trust::Ca { pem: pem.clone(), and_system: false },
            Self::Insecure(_) => Trust::Insecure,
            Self::System => Trust::System,
            Self::FirstUse => {
                let (bmc, state) = (origin.to_string(), state.clone());
                let known = state.known_bmc(&bmc)?;
                Trust::FirstUse(FirstUse::new(known, move |seen| {
                    state
                        .know_bmc(&bmc, seen.fingerprint)
                        .map_err(|error| io::Error::other(format!("{error:#}")))
                }))
            }
        })
    }
}

/// Where the operator can say that a certificate is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// A site file and the flags of `plan` and `apply`.
    Site,
    /// The flags of `bmc`.
    Bmc,
}

/// Adds to an error about a certificate what the operator types to trust it. Other errors stay as they are.
pub(crate) fn with_advice(error: Error, place: Where) -> Error {
    let ErrorKind::Untrusted { fingerprint } = error.kind() else { return error };
    let advice = match place {
        Where::Site => format!(
            "to do so, annotate the node with rackhand.dev/bmc-fingerprint: {fingerprint}; or give --ca FILE, or --trust-on-first-use"
        ),
        Where::Bmc => {
            format!("to do so, give --fingerprint {fingerprint}; or --ca FILE, or --trust-on-first-use")
        }
    };
    let told = Error::new(error.kind().clone(), error.bmc(), format!("{}: {advice}", error.detail()));
    let told = told.with_messages(error.messages().to_vec());
    match error.request() {
        Some(request) => told.with_request(request),
        None => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untrusted_certificate_names_its_fingerprint_and_what_to_type() {
        let kind = ErrorKind::Untrusted { fingerprint: "ab12".into() };
        let error = with_advice(
            Error::new(kind, "192.0.2.1", "not trusted").with_request("GET /redfish/v1/"),
            Where::Bmc,
        );
        let text = error.to_string();
        assert!(text.contains("--fingerprint ab12") && text.contains("GET /redfish/v1/"), "{text}");
        let other = with_advice(Error::new(ErrorKind::Lost, "192.0.2.1", "lost"), Where::Site);
        assert_eq!(other.to_string(), "BMC 192.0.2.1: lost");
    }
}
