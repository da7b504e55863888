//! The unguessable part of a node's URL. An ISO holds credentials, so whoever knows the token knows those.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// 16 to 32 characters that a URL's path may hold as they are. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The digits of RFC 4648 base 32 in lower case: no `=`, no character that a BMC's URL check dislikes.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Token {
    /// 128 random bits.
    #[must_use]
    pub fn random() -> Self {
        Self::from_bits(rand::random())
    }

    /// The token of `node` under a secret of at least 16 bytes: the same in this process and the next, so that a
    /// restarted server serves the same URLs without a table of them.
    ///
    /// # Errors
    /// When the secret is too short to be one.
    pub fn derived(secret: &[u8], node: &str) -> Result<Self, TokenError> {
        if secret.len() < 16 {
            return Err(TokenError::Secret { bytes: secret.len() });
        }
        // Half of the hash is kept back, so a token known to one node's BMC tells nothing of another's.
        let hash = Sha256::new()
            .chain_update(u64::try_from(secret.len()).unwrap_or(u64::MAX).to_be_bytes())
            .chain_update(secret)
            .chain_update(node);
        let bits = hash.finalize().iter().take(16).fold(0, |bits: u128, byte| bits << 8 | u128::from(*byte));
        Ok(Self::from_bits(bits))
    }

    fn from_bits(bits: u128) -> Self {
        let digit = |at: u32| BASE32.get((bits >> (5 * at) & 31) as usize).map(|digit| char::from(*digit));
        Self((0..26).filter_map(digit).collect())
    }

    /// The text, as it stands in the URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a token is looked up by: the time a comparison of hashes takes says nothing of the token.
    pub(crate) fn hash_of(text: &str) -> [u8; 32] {
        Sha256::digest(text).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why a text is no token. The text is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Too short to be unguessable, or too long for the URLs that BMCs take.
    #[error("the token has {characters} characters; it needs 16 to 32")]
    Length {
        /// How many it has.
        characters: usize,
    },
    /// A character that does not go into a URL's path as it is.
    #[error("the token holds a character other than letters, digits, \"-\" and \"_\"")]
    Character,
    /// The secret that tokens are derived from.
    #[error("the secret that tokens are derived from has {bytes} bytes; it needs at least 16")]
    Secret {
        /// How many it has.
        bytes: usize,
    },
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let characters = text.chars().count();
        if !(16..=32).contains(&characters) {
            return Err(TokenError::Length { characters });
        }
        if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(TokenError::Character);
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_short_plain_and_differ() {
        let (one, two) = (Token::random(), Token::random());
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), 26);
        assert_eq!(one.as_str().parse(), Ok(one.clone()));
        assert!(!format!("{one:?}").contains(one.as_str()));
    }

    #[test]
    fn a_derived_token_depends_on_secret_and_node_alone() {
        let token = |secret: &[u8], node| Token::derived(secret, node).unwrap();
        assert_eq!(token(&[7; 16], "n1"), token(&[7; 16], "n1"));
        assert_ne!(token(&[7; 16], "n1"), token(&[7; 16], "n2"));
        assert_ne!(token(&[7; 16], "n1"), token(&[8; 16], "n1"));
        assert_eq!(Token::derived(b"short", "n"), Err(TokenError::Secret { bytes: 5 }));
    }

    #[test]
    fn what_a_bmc_would_refuse_is_refused_here() {
        assert_eq!("short".parse::<Token>(), Err(TokenError::Length { characters: 5 }));
        assert_eq!("a".repeat(33).parse::<Token>(), Err(TokenError::Length { characters: 33 }));
        assert_eq!("0123456789abcde=".parse::<Token>(), Err(TokenError::Character));
        assert_eq!("0123456789/abcde".parse::<Token>(), Err(TokenError::Character));
    }
}
