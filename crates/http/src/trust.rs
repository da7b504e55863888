//! Which server certificates are good enough, and the TLS configuration that follows.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    client::{Resumption, WebPkiServerVerifier},
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::{
    Fingerprint, ServerCertificate,
    verify::{Rule, Verifier},
};

/// How a BMC's certificate is judged.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Trust {
    /// By the operating system's CAs, name and dates included.
    #[default]
    System,
    /// By the CAs of a PEM bundle, name and dates included.
    Ca {
        /// One or more certificates in PEM form.
        pem: Vec<u8>,
        /// Whether the operating system's CAs count too.
        and_system: bool,
    },
    /// By the certificate's fingerprint alone. Chain, name and dates are not looked at, but the server must prove
    /// that it holds the certificate's key. That it has run out is a warning in [`ServerCertificate::warning`].
    Pin(Fingerprint),
    /// The first certificate seen is written down, then pinned.
    FirstUse(FirstUse),
    /// By nothing: whoever answers is believed and gets the credentials.
    /// Not even the handshake's signature is checked, so that a BMC with a key or certificate too old for rustls can be reached at all.
    Insecure,
}

/// Trust on first use: what was written down before, and how to write down what is seen now.
#[derive(Clone)]
pub struct FirstUse {
    pub(crate) known: Option<Fingerprint>,
    pub(crate) note: Arc<NoteFn>,
}

type NoteFn = dyn Fn(&ServerCertificate) -> std::io::Result<()> + Send + Sync;

impl FirstUse {
    /// `known` is what was written down for this BMC, None if nothing was. `note` writes down the first certificate seen:
    /// it is called at most once, after the server has proven that it holds the key and before any of the request is sent;
    /// when it fails, the connection is given up, because an unrecorded first use would be repeated for ever.
    pub fn new(
        known: Option<Fingerprint>,
        note: impl Fn(&ServerCertificate) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { known, note: Arc::new(note) }
    }
}

impl fmt::Debug for FirstUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstUse").field("known", &self.known).finish_non_exhaustive()
    }
}

/// Why no TLS configuration can be made of a [`Trust`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The operating system has no CA certificates where they are looked for.
    #[error(
        "no CA certificates of the operating system found{detail}; give a CA file or a pinned fingerprint instead"
    )]
    NoSystemRoots {
        /// What was tried, or empty.
        detail: String,
    },
    /// The text given as a CA bundle holds no certificate.
    #[error("the CA bundle holds no \"-----BEGIN CERTIFICATE-----\" block")]
    NoCertificate,
    /// A block of the CA bundle is damaged or no CA.
    #[error("certificate {number} of the CA bundle cannot be used: {reason}")]
    BadCertificate {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// The cryptography behind rustls refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// What all TLS connections of a process share: the cryptography and the parsed system CAs.
///
/// Make one and clone it: parsing the system's CAs for each of a thousand BMCs takes seconds and 100 MB.
#[derive(Clone)]
pub struct Tls {
    provider: Arc<CryptoProvider>,
    system: Arc<OnceLock<Result<Arc<WebPkiServerVerifier>, TrustError>>>,
}

impl Tls {
    /// Nothing is read until the first BMC with [`Trust::System`].
    #[must_use]
    pub fn new() -> Self {
        Self {
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            system: Arc::new(OnceLock::new()),
        }
    }

    /// A TLS configuration for other clients of the same program: a fetcher of images, a webhook.
    ///
    /// # Errors
    /// When `trust` cannot be turned into a configuration.
    pub fn config(&self, trust: Trust) -> Result<ClientConfig, TrustError> {
        self.client(trust).map(|(config, _)| ClientConfig::clone(&config))
    }

    /// The configuration for one BMC, and the verifier inside it that remembers what was presented.
    pub(crate) fn client(&self, trust: Trust) -> Result<(Arc<ClientConfig>, Arc<Verifier>), TrustError> {
        let rule = match trust {
            Trust::System => Rule::Chain(self.system()?),
            Trust::Ca { pem, and_system } => Rule::Chain(self.chain(roots_of(&pem, and_system)?)?),
            Trust::Pin(pin) => Rule::Pin(pin),
            Trust::FirstUse(first) => Rule::FirstUse(first),
            Trust::Insecure => Rule::Nothing,
        };
        let verifier = Arc::new(Verifier::new(rule, self.provider.clone()));
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| TrustError::Setup(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        // One server per configuration: the default would set aside room for 256 sessions.
        config.resumption = Resumption::in_memory_sessions(8);
        Ok((Arc::new(config), verifier))
    }

    fn system(&self) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
        self.system.get_or_init(|| self.chain(system_roots()?)).clone()
    }

    fn chain(&self, roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|error| TrustError::Setup(error.to_string()))
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("system_loaded", &self.system.get().is_some()).finish_non_exhaustive()
    }
}

fn system_roots() -> Result<RootCertStore, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system's bundle may hold certificates that are no use here; they are no reason to trust none.
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let detail = found.errors.iter().map(|error| format!("; {error}")).collect();
        return Err(TrustError::NoSystemRoots { detail });
    }
    Ok(roots)
}

fn roots_of(pem: &[u8], and_system: bool) -> Result<RootCertStore, TrustError> {
    let mut roots = if and_system { system_roots()? } else { RootCertStore::empty() };
    let mut number = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        number += 1;
        let bad = |reason: String| TrustError::BadCertificate { number, reason };
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if number == 0 { Err(TrustError::NoCertificate) } else { Ok(roots) }
}
