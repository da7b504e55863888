//! Firmware packages as simulated BMCs take them: a header in text that says what it is for, and a payload with its
//! SHA-256, so that a cut or altered package is noticed as a real one's signature would notice it.
//!
//! ```
//! use rackhand_simulator::package::Package;
//! let bytes = Package::new("BIOS", "1.10.2").size(4096).build();
//! assert_eq!(Package::parse(&bytes)?.version, "1.10.2");
//! # Ok::<(), rackhand_simulator::package::PackageError>(())
//! ```

use sha2::{Digest as _, Sha256};

/// The first line of every package.
const MAGIC: &str = "RACKHAND-FIRMWARE 1";
/// What ends the header.
const END: &[u8] = b"\n\n";

/// A firmware package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The component it is for: its `Id`, its name, its device, or one of the words `BIOS` and `BMC`.
    pub component: String,
    /// The version it brings.
    pub version: String,
    size: usize,
}

/// Why some bytes are no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// It does not begin as one.
    #[error("it is no firmware package")]
    NotPackage,
    /// A line of the header is missing.
    #[error("its header has no {0}")]
    Missing(&'static str),
    /// The payload is shorter or longer than its header says.
    #[error("it holds {seen} of {wanted} bytes")]
    Size {
        /// Bytes that the header tells of.
        wanted: usize,
        /// Bytes there are.
        seen: usize,
    },
    /// The payload is another than the one it was made with.
    #[error("its payload does not match its digest")]
    Digest,
}

impl Package {
    /// A package of 64 KiB.
    pub fn new(component: &str, version: &str) -> Self {
        Self { component: component.into(), version: version.into(), size: 64 * 1024 }
    }

    /// With a payload of that many bytes.
    #[must_use]
    pub fn size(mut self, size: usize) -> Self {
        self.size = size;
        self
    }

    /// The package's bytes: the same for the same package.
    pub fn build(&self) -> Vec<u8> {
        let payload = self.payload();
        let digest = crate::tls::hex(&Sha256::digest(&payload));
        let Self { component, version, size } = self;
        let mut bytes =
            format!("{MAGIC}\ncomponent={component}\nversion={version}\nsize={size}\nsha256={digest}\n\n")
                .into_bytes();
        bytes.extend_from_slice(&payload);
        bytes
    }

    fn payload(&self) -> Vec<u8> {
        let word = format!("{} {} ", self.component, self.version);
        word.bytes().cycle().take(self.size).collect()
    }

    /// Reads a package.
    ///
    /// # Errors
    /// When it is none, cut off, or altered.
    pub fn parse(bytes: &[u8]) -> Result<Self, PackageError> {
        let end = bytes.windows(END.len()).take(4096).position(|two| two == END);
        let (head, payload) = end
            .and_then(|end| Some((bytes.get(..end)?, bytes.get(end + END.len()..)?)))
            .ok_or(PackageError::NotPackage)?;
        let head = std::str::from_utf8(head).map_err(|_| PackageError::NotPackage)?;
        if head.lines().next() != Some(MAGIC) {
            return Err(PackageError::NotPackage);
        }
        let value = |name: &'static str| {
            let found = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.ok_or(PackageError::Missing(name))
        };
        let size: usize = value("size")?.parse().map_err(|_| PackageError::Missing("size"))?;
        if payload.len() != size {
            return Err(PackageError::Size { wanted: size, seen: payload.len() });
        }
        if crate::tls::hex(&Sha256::digest(payload)) != value("sha256")? {
            return Err(PackageError::Digest);
        }
        Ok(Self { component: value("component")?.into(), version: value("version")?.into(), size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_as_it_was_built() {
        let package = Package::new("RAID.SL.3-1", "52.16.1-4405").size(1000);
        assert_eq!(Package::parse(&package.build()), Ok(package));
    }

    #[test]
    fn what_was_cut_or_altered_is_told() {
        let whole = Package::new("BIOS", "2.0").size(1000).build();
        let cut = Package::parse(&whole[..whole.len() - 1]);
        assert_eq!(cut, Err(PackageError::Size { wanted: 1000, seen: 999 }));
        let mut altered = whole.clone();
        if let Some(last) = altered.last_mut() {
            *last ^= 1;
        }
        assert_eq!(Package::parse(&altered), Err(PackageError::Digest));
        assert_eq!(Package::parse(b"MZ\x90\0"), Err(PackageError::NotPackage));
        assert_eq!(Package::parse(b"PK\n\nrest"), Err(PackageError::NotPackage));
    }
}
