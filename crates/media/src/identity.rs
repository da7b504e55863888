//! The certificate the ISO server shows to BMCs.

use std::sync::Arc;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::Sha256Digest;

/// A TLS configuration to serve with, and the certificate in it for those who must be told to trust it.
#[derive(Clone)]
#[non_exhaustive]
pub struct TlsIdentity {
    /// For [`Listen`](crate::Listen).
    pub config: Arc<ServerConfig>,
    /// The certificate chain in PEM form, to be uploaded to BMCs that verify.
    pub certificate_pem: String,
    /// SHA-256 of the server's certificate in DER form.
    pub fingerprint: Sha256Digest,
}

/// Why there is no TLS configuration.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The certificate file.
    #[error("the ISO server's certificate cannot be used: {0}")]
    Certificate(String),
    /// The key file. Nothing of it is repeated.
    #[error("the ISO server's private key cannot be used: {0}")]
    Key(String),
    /// A certificate could not be made.
    #[error("no certificate could be made for the ISO server: {0}")]
    Generate(String),
}

impl TlsIdentity {
    /// A new self-signed certificate for the given host names and addresses.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate.
    pub fn self_signed(names: &[String]) -> Result<Self, IdentityError> {
        let wrong = |error: rcgen::Error| IdentityError::Generate(error.to_string());
        let mut params = CertificateParams::new(names).map_err(wrong)?;
        params.distinguished_name.push(DnType::CommonName, "rackhand ISO server");
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let key = KeyPair::generate().map_err(wrong)?;
        let certificate = params.self_signed(&key).map_err(wrong)?;
        Self::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
    }

    /// A given certificate chain, the server's own first, and its key, both in PEM form.
    ///
    /// # Errors
    /// When one of them cannot be read, or they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|error| IdentityError::Certificate(error.to_string()))?;
        let Some(own) = chain.first() else {
            return Err(IdentityError::Certificate("there is no certificate in it".to_owned()));
        };
        let fingerprint = Sha256Digest::of(own);
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|error| IdentityError::Key(error.to_string()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| IdentityError::Generate(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| IdentityError::Key(error.to_string()))?;
        let certificate_pem = String::from_utf8_lossy(certificates).into_owned();
        Ok(Self { config: Arc::new(config), certificate_pem, fingerprint })
    }
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_and_key_must_be_there_and_belong_together() {
        let make = |certificate: &str, key: &str| {
            TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err().to_string()
        };
        let good = TlsIdentity::self_signed(&["127.0.0.1".to_owned()]).unwrap();
        let other_key = KeyPair::generate().unwrap().serialize_pem();
        assert!(make("", &other_key).contains("no certificate in it"));
        assert!(make(&good.certificate_pem, "").contains("private key cannot be used"));
        let mismatch = make(&good.certificate_pem, &other_key);
        assert!(mismatch.contains("private key cannot be used"), "{mismatch}");
        assert!(!format!("{good:?} {mismatch}").contains("PRIVATE"));
    }
}
