//! What a server's certificate says, for messages and for trust on first use.

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::Fingerprint;

/// The certificate a server presented in its last TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerCertificate {
    /// SHA-256 over the DER form.
    pub fingerprint: Fingerprint,
    /// The subject as it is usually written (`CN=idrac, O=Dell Inc.`), or a note that it cannot be read.
    pub subject: String,
    /// The issuer, likewise.
    pub issuer: String,
    /// When it runs out; None if it cannot be read.
    pub not_after: Option<Timestamp>,
    /// What an operator is told although the certificate is trusted by its pin: run out, not yet valid.
    pub warning: Option<String>,
}

/// What the verifier must know of a certificate. BMCs present certificates that strict readers refuse, so
/// whatever cannot be read is missing here and no error.
pub(crate) struct Facts {
    pub(crate) seen: ServerCertificate,
    /// Why no TLS signature of this certificate can be checked, if that is so.
    pub(crate) unsupported: Option<String>,
}

impl Facts {
    pub(crate) fn of(certificate: &CertificateDer<'_>, now: UnixTime) -> Self {
        let fingerprint = Fingerprint::of(certificate);
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
            let unread = || "(not readable as X.509)".to_owned();
            let seen = ServerCertificate {
                fingerprint,
                subject: unread(),
                issuer: unread(),
                not_after: None,
                warning: None,
            };
            return Self { seen, unsupported: Some("the certificate is not readable as X.509".to_owned()) };
        };
        let validity = parsed.validity();
        let time = |time: &x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
        let (not_before, not_after) = (time(&validity.not_before), time(&validity.not_after));
        let now = i64::try_from(now.as_secs()).ok().and_then(|now| Timestamp::from_second(now).ok());
        let warning = match (not_before, now, not_after) {
            (Some(from), Some(now), _) if now < from => {
                Some(format!("the certificate is not valid before {from}"))
            }
            (_, Some(now), Some(until)) if now > until => Some(format!("the certificate ran out on {until}")),
            _ => None,
        };
        let seen = ServerCertificate {
            fingerprint,
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            not_after,
            warning,
        };
        Self { seen, unsupported: unsupported(&parsed) }
    }
}

/// Old BMCs present X.509 version 1 and RSA keys of 1024 bits; neither can be used with rustls, whatever the trust.
fn unsupported(parsed: &X509Certificate<'_>) -> Option<String> {
    use x509_parser::public_key::PublicKey;
    if parsed.version().0 != 2 {
        let version = parsed.version().0.saturating_add(1);
        return Some(format!(
            "the certificate is X.509 version {version}; version 3 is needed: have the BMC make a new one"
        ));
    }
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < 2048 => Some(format!(
            "the certificate's RSA key has {} bits; at least 2048 are needed: have the BMC make a new one",
            key.key_size()
        )),
        _ => None,
    }
}
