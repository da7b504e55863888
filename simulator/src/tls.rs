//! TLS of the simulator: its own certificate authority, and the clients' configurations.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use sha2::Digest as _;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A certificate authority: made for one simulation, or kept in a directory so that the next one shows the same
/// certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    bmc_key: KeyPair,
    directory: Option<PathBuf>,
}

/// What a BMC shows to its clients.
#[derive(Clone)]
pub struct Identity {
    /// Configuration of the listening side.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub fingerprint: String,
}

const CA_KEY: &str = "ca-key.pem";
const CA: &str = "ca.pem";
const BMC_KEY: &str = "bmc-key.pem";

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Simulated rack CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Authority {
    /// Makes a new authority with new keys. All BMCs share one key: making a key for each would be the slowest part of
    /// starting a fleet.
    ///
    /// # Errors
    /// When a key or the certificate cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("cannot make the authority's key")?;
        let bmc_key = KeyPair::generate().context("cannot make the BMCs' key")?;
        let params = authority_params();
        let pem = params.self_signed(&key).context("cannot sign the authority's certificate")?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem, bmc_key, directory: None })
    }

    /// The authority kept in `directory`, made there if there is none yet. Certificates are kept there as well.
    ///
    /// # Errors
    /// When a file cannot be read, understood or written.
    pub fn kept_in(directory: &Path) -> anyhow::Result<Self> {
        let made = std::fs::create_dir_all(directory);
        made.with_context(|| format!("cannot make the directory {}", directory.display()))?;
        let mut authority = match read(&directory.join(CA))? {
            Some(pem) => Self {
                issuer: Issuer::new(authority_params(), read_key(&directory.join(CA_KEY))?),
                pem,
                bmc_key: read_key(&directory.join(BMC_KEY))?,
                directory: None,
            },
            None => {
                let authority = Self::new()?;
                write_secret(&directory.join(CA_KEY), &authority.issuer.key().serialize_pem())?;
                write_secret(&directory.join(BMC_KEY), &authority.bmc_key.serialize_pem())?;
                // Last, because its presence says that the keys are there.
                write(&directory.join(CA), &authority.pem)?;
                authority
            }
        };
        authority.directory = Some(directory.to_owned());
        Ok(authority)
    }

    /// The authority's certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for the BMC of the machine `name` at `address`; the one kept for it, if there is one.
    ///
    /// # Errors
    /// When the certificate cannot be made, read or written.
    pub fn identity(&self, name: &str, address: IpAddr) -> anyhow::Result<Identity> {
        let file = self.directory.as_ref().map(|directory| {
            // A colon in a file name does not survive every file system.
            directory.join(format!("{name}-{}.pem", address.to_string().replace(':', "_")))
        });
        let kept = file.as_deref().map(read).transpose()?.flatten();
        let pem = match (kept, &file) {
            (Some(pem), _) => pem,
            (None, None) => self.sign(name, address)?,
            (None, Some(file)) => {
                let pem = self.sign(name, address)?;
                write(file, &pem)?;
                pem
            }
        };
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| anyhow::anyhow!("the certificate of {name} cannot be read: {error}"))?;
        let fingerprint = hex(&sha2::Sha256::digest(&der));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.bmc_key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![der], key)
            .with_context(|| format!("the certificate of {name} does not fit the BMCs' key"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Identity { config: Arc::new(config), fingerprint })
    }

    fn sign(&self, name: &str, address: IpAddr) -> anyhow::Result<String> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = vec![SanType::IpAddress(address)];
        // One key for all would give all the same number by default, which clients take for a forgery.
        let mut number = sha2::Sha256::new();
        number.update(self.bmc_key.public_key_pem());
        number.update(format!("{name} {address}"));
        let number: Vec<u8> = number.finalize().iter().copied().take(16).collect();
        params.serial_number = Some(SerialNumber::from(number));
        let certificate = params.signed_by(&self.bmc_key, &self.issuer);
        Ok(certificate.context("cannot sign a BMC's certificate")?.pem())
    }
}

/// A file's text; `None` when there is no such file.
fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn read_key(path: &Path) -> anyhow::Result<KeyPair> {
    let text =
        read(path)?.with_context(|| format!("{} is missing beside its certificate", path.display()))?;
    KeyPair::from_pem(&text).with_context(|| format!("{} holds no private key", path.display()))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file that only its owner reads.
pub(crate) fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    // A file that was there before keeps its mode unless told.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
        .and_then(|()| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A client configuration that trusts the given roots.
///
/// # Errors
/// When the provider knows no protocol version.
pub fn verifying(roots: RootCertStore) -> anyhow::Result<ClientConfig> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// A client configuration that trusts any certificate, as BMCs do with image servers unless told otherwise.
///
/// # Errors
/// When the provider knows no protocol version.
pub fn trusting() -> anyhow::Result<ClientConfig> {
    let provider = provider();
    Ok(ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting(provider)))
        .with_no_client_auth())
}

#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
