//! The judge of server certificates inside rustls. It writes down what it saw, trusted or not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::{Fingerprint, ServerCertificate, certificate::Facts, trust::FirstUse};

/// What a certificate must satisfy.
#[derive(Debug)]
pub(crate) enum Rule {
    Chain(Arc<WebPkiServerVerifier>),
    Pin(Fingerprint),
    FirstUse(FirstUse),
    Nothing,
}

/// One per BMC: rustls resumes a session only under the verifier it was made with.
#[derive(Debug)]
pub(crate) struct Verifier {
    rule: Rule,
    provider: Arc<CryptoProvider>,
    /// Under trust on first use: the fingerprint this process has had written down.
    learned: Mutex<Option<Fingerprint>>,
    seen: Mutex<Option<Seen>>,
}

/// The last certificate presented, and why it was refused if it was.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) certificate: ServerCertificate,
    pub(crate) unsupported: Option<String>,
    reason: Option<String>,
}

impl Verifier {
    pub(crate) fn new(rule: Rule, provider: Arc<CryptoProvider>) -> Self {
        Self { rule, provider, learned: Mutex::new(None), seen: Mutex::new(None) }
    }

    fn seen_mut(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The certificate of the last full handshake.
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.seen_mut().clone()
    }

    /// Under trust on first use: has the certificate of a handshake that succeeded written down, once.
    pub(crate) fn note_first_use(&self, presented: Fingerprint) -> std::io::Result<()> {
        let Rule::FirstUse(first) = &self.rule else { return Ok(()) };
        if first.known.is_some() {
            return Ok(());
        }
        // Held while writing down, so that of two connections at once the second meets what the first has learned.
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        match (*learned, self.seen()) {
            (Some(known), _) if known == presented => Ok(()),
            (None, Some(seen)) if seen.certificate.fingerprint == presented => {
                (first.note)(&seen.certificate)?;
                *learned = Some(presented);
                Ok(())
            }
            _ => Err(std::io::Error::other("two connections at once were shown different certificates")),
        }
    }

    fn learned(&self) -> Option<Fingerprint> {
        *self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pinned(&self, found: Fingerprint) -> Result<(), String> {
        match &self.rule {
            Rule::Pin(pin) if *pin != found => Err(format!("it is not the pinned one, {pin}")),
            Rule::FirstUse(first) => match first.known.or_else(|| self.learned()) {
                Some(known) if known != found => {
                    Err(format!("it is not the one this BMC showed at first use, {known}"))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn checks_signatures(&self) -> bool {
        !matches!(self.rule, Rule::Nothing)
    }
}

impl Seen {
    /// Why the handshake failed, in words.
    pub(crate) fn reason(&self, error: &CertificateError) -> String {
        if let Some(reason) = &self.reason {
            return reason.clone();
        }
        match error {
            CertificateError::BadSignature => {
                "the server did not prove that it holds the certificate's key".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                match self.certificate.not_after {
                    Some(until) => format!("it ran out on {until}"),
                    None => "it has run out".to_owned(),
                }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet; are this machine's clock and the BMC's right?".to_owned()
            }
            CertificateError::UnknownIssuer if self.certificate.issuer == self.certificate.subject => {
                "it is self-signed and not among the trusted ones".to_owned()
            }
            CertificateError::UnknownIssuer => {
                format!("its issuer \"{}\" is no trusted CA", self.certificate.issuer)
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("it is made out to another name ({error})")
            }
            other => other.to_string(),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Facts { seen: certificate, unsupported } = Facts::of(end_entity, now);
        let judged = self.pinned(certificate.fingerprint);
        let reason = judged.as_ref().err().cloned();
        *self.seen_mut() = Some(Seen { certificate, unsupported, reason });
        if judged.is_err() {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        match &self.rule {
            Rule::Chain(chain) => {
                chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Rule::Pin(_) | Rule::FirstUse(_) | Rule::Nothing => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if !self.checks_signatures() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if !self.checks_signatures() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
