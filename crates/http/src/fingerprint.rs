//! The SHA-256 of a certificate, as an operator reads it off a BMC's page.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// SHA-256 over the DER form of a certificate.
///
/// Reads hexadecimal with or without colons, in either case, with or without a leading `sha256:`; writes 64 lowercase digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER form.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A text that is no SHA-256 fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// A character that is neither a hexadecimal digit nor a colon between two bytes.
    #[error("\"{found}\" at character {position} of the fingerprint is not a hexadecimal digit")]
    NotHex {
        /// The character.
        found: char,
        /// Its place, counted from 1.
        position: usize,
    },
    /// Not 64 digits.
    #[error("the fingerprint has {digits} hexadecimal digits; SHA-256 has 64{}", if *.digits == 40 { " (this looks like SHA-1)" } else { "" })]
    Length {
        /// How many digits there are.
        digits: usize,
    },
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let trimmed = text.trim();
        let lead = trimmed.get(..7).filter(|lead| lead.eq_ignore_ascii_case("sha256:")).map_or(0, str::len);
        let mut digits = Vec::with_capacity(64);
        for (index, found) in trimmed.chars().enumerate().skip(lead) {
            match found.to_digit(16) {
                Some(digit) => digits.push(digit as u8),
                None if found == ':' && digits.len() % 2 == 0 && !digits.is_empty() => {}
                None => return Err(FingerprintError::NotHex { found, position: index + 1 }),
            }
        }
        let bytes: Vec<u8> =
            digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        match <[u8; 32]>::try_from(bytes) {
            Ok(bytes) if digits.len() == 64 => Ok(Self(bytes)),
            _ => Err(FingerprintError::Length { digits: digits.len() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back_in_every_spelling(bytes: [u8; 32]) {
            let want = Fingerprint::from(bytes);
            let plain = want.to_string();
            let colons = bytes.map(|byte| format!("{byte:02X}")).join(":");
            prop_assert_eq!(plain.parse(), Ok(want));
            prop_assert_eq!(format!(" SHA256:{colons}\n").parse(), Ok(want));
            prop_assert_eq!(colons.parse(), Ok(want));
        }

        #[test]
        fn nonsense_is_an_error_and_no_panic(text: String) {
            if let Ok(read) = text.parse::<Fingerprint>() {
                prop_assert_eq!(read.to_string().len(), 64);
            }
        }
    }

    #[test]
    fn errors_name_what_was_seen() {
        let error = |text: &str| text.parse::<Fingerprint>().unwrap_err().to_string();
        assert_eq!(error("ab:cx"), "\"x\" at character 5 of the fingerprint is not a hexadecimal digit");
        assert_eq!(error("a:bc"), "\":\" at character 2 of the fingerprint is not a hexadecimal digit");
        assert_eq!(error(""), "the fingerprint has 0 hexadecimal digits; SHA-256 has 64");
        assert_eq!(
            error(&"ab".repeat(20)),
            "the fingerprint has 40 hexadecimal digits; SHA-256 has 64 (this looks like SHA-1)"
        );
        assert!(error(&"a".repeat(65)).contains("65"));
    }
}
