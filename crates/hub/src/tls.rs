//! Whom a webhook is believed to be.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::HubError;

/// A TLS configuration that trusts this machine's authorities, and those in `extra` (PEM) besides.
///
/// # Errors
/// [`HubError::Certificates`] when there is no authority to trust at all, or `extra` holds none that can be read.
pub fn tls_config(extra: Option<&[u8]>) -> Result<ClientConfig, HubError> {
    let refused = |what: String| HubError::Certificates { what };
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(pem) = extra {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate =
                certificate.map_err(|error| refused(format!("the given PEM is malformed: {error}")))?;
            roots.add(certificate).map_err(|error| refused(format!("a given certificate: {error}")))?;
        }
        if roots.len() == before {
            return Err(refused("the given PEM holds no certificate".to_owned()));
        }
    }
    if roots.is_empty() {
        let seen: Vec<String> = system.errors.iter().map(ToString::to_string).collect();
        return Err(refused(format!(
            "this machine has no authorities to trust, and none were given ({})",
            seen.join("; ")
        )));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HubError::Client { what: error.to_string() })?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
