//! The state directory: the journal's files, and what the program itself keeps beside them.
//!
//! | file | what |
//! |---|---|
//! | `media.secret` | 32 random bytes, from which the URLs of images are derived; readable by its owner alone |
//! | `media.port` | the port that images are served on |
//! | `known-bmcs` | certificates trusted on first use, one BMC a line |
//!
//! The secret and the port stay, so that an image keeps its URL from one process to the next: a BMC goes on reading.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, anyhow};
use rackhand_http::Fingerprint;
use rand::RngCore as _;

/// A state directory. Nothing is created before something is written.
#[derive(Debug, Clone)]
pub(crate) struct StateDir {
    path: PathBuf,
    /// One writer of `known-bmcs` at a time.
    known: Arc<Mutex<()>>,
}

impl StateDir {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, known: Arc::default() }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, created for its owner alone where it is missing.
    pub(crate) fn create(&self) -> anyhow::Result<&Path> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path).with_context(|| {
            format!(
                "cannot create the state directory {}; give another with --state-dir",
                self.path.display()
            )
        })?;
        Ok(&self.path)
    }

    /// The secret of image URLs; made once.
    pub(crate) fn media_secret(&self) -> anyhow::Result<[u8; 32]> {
        let path = self.create()?.join("media.secret");
        match fs::read(&path) {
            Ok(bytes) => bytes.try_into().map_err(|_| {
                anyhow!("{} does not hold 32 bytes; remove it, and images get new URLs", path.display())
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut secret = [0; 32];
                rand::rng().fill_bytes(&mut secret);
                self.write(&path, &secret)?;
                Ok(secret)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Who this state directory is to other agents of a hub: the same from one process to the next, and another one elsewhere.
    pub(crate) fn identity(&self, agent: &str) -> anyhow::Result<String> {
        use rackhand_media::Sha256Digest;
        let secret = self.media_secret()?;
        let digest = Sha256Digest::of(&[secret.as_slice(), b"agent"].concat()).to_string();
        Ok(format!("{agent}_{}", digest.get(..16).unwrap_or(&digest)))
    }

    /// The port that images were served on before.
    pub(crate) fn media_port(&self) -> anyhow::Result<Option<u16>> {
        let path = self.path.join("media.port");
        match fs::read_to_string(&path) {
            Ok(text) => {
                text.trim().parse().map(Some).map_err(|_| {
                    anyhow!("{} holds no port; remove it, and images get new URLs", path.display())
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Remembers the port that images are served on.
    pub(crate) fn keep_media_port(&self, port: u16) -> anyhow::Result<()> {
        let path = self.create()?.join("media.port");
        self.write(&path, format!("{port}\n").as_bytes())
    }

    /// The certificate that a BMC was trusted with on first use.
    pub(crate) fn known_bmc(&self, bmc: &str) -> anyhow::Result<Option<Fingerprint>> {
        Ok(self.known_bmcs()?.get(bmc).copied())
    }

    /// Writes down the certificate that a BMC is trusted with.
    pub(crate) fn know_bmc(&self, bmc: &str, fingerprint: Fingerprint) -> anyhow::Result<()> {
        let _one = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.known_bmcs()?;
        known.insert(bmc.to_owned(), fingerprint);
        let text: String =
            known.iter().map(|(bmc, fingerprint)| format!("{bmc} sha256:{fingerprint}\n")).collect();
        let path = self.create()?.join("known-bmcs");
        self.write(&path, text.as_bytes())
    }

    fn known_bmcs(&self) -> anyhow::Result<BTreeMap<String, Fingerprint>> {
        let path = self.path.join("known-bmcs");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let entry = |(number, line): (usize, &str)| {
            let (bmc, fingerprint) = line
                .split_once(' ')
                .ok_or_else(|| "no fingerprint".to_owned())
                .and_then(|(bmc, print)| {
                    Ok((
                        bmc,
                        print.parse().map_err(|error: rackhand_http::FingerprintError| error.to_string())?,
                    ))
                })
                .map_err(|problem| anyhow!("{}:{}: {problem}", path.display(), number + 1))?;
            Ok((bmc.to_owned(), fingerprint))
        };
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(entry).collect()
    }

    /// Writes a small file whole or not at all, for its owner alone.
    fn write(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        let draft = path.with_extension(format!("{}.new", std::process::id()));
        let write = || {
            let mut file =
                fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_secret_and_the_port_stay_and_are_the_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"));
        assert_eq!(state.media_port().unwrap(), None);
        let secret = state.media_secret().unwrap();
        state.keep_media_port(8443).unwrap();
        let again = StateDir::new(dir.path().join("state"));
        assert_eq!((again.media_secret().unwrap(), again.media_port().unwrap()), (secret, Some(8443)));
        let mode = |name: &str| {
            fs::metadata(dir.path().join("state").join(name)).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("."), mode("media.secret")), (0o700, 0o600));
    }

    #[test]
    fn certificates_trusted_once_are_known_again_and_a_damaged_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().to_owned());
        let (a, b) = (Fingerprint::of(b"a"), Fingerprint::of(b"b"));
        state.know_bmc("https://192.0.2.1", a).unwrap();
        state.know_bmc("https://192.0.2.2", b).unwrap();
        assert_eq!(state.known_bmc("https://192.0.2.1").unwrap(), Some(a));
        assert_eq!(state.known_bmc("https://192.0.2.3").unwrap(), None);
        fs::write(dir.path().join("known-bmcs"), "https://192.0.2.1 sha256:12\n").unwrap();
        let error = state.known_bmc("https://192.0.2.1").unwrap_err().to_string();
        assert!(error.contains("known-bmcs:1: "), "{error}");
    }
}
