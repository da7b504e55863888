//! BIOS versions and ranges of them.
//!
//! Vendors write versions in their own ways: `1.13.2` (Dell), `U46 v1.78 (07/07/2023)` (HPE: ROM family, version, date),
//! `C220M5.4.1.2b.0.0708211224` (Cisco: model, version, build). The part that counts is the same in all: the first run of
//! dotted components that starts with a digit.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Conditions on a BIOS version that must all hold, as `>=1.5 <3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionRange {
    text: String,
    bounds: Vec<(Comparison, Version)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// Numbers with a possible letter after each: `4.1.2b` is 4, 1, 2b.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version(Vec<(u64, String)>);

/// A text is not a range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a range of versions: {reason}; write conditions with blanks between, as in `>=1.5 <3`"
)]
pub struct InvalidRange {
    text: String,
    reason: String,
}

impl VersionRange {
    /// The version within what a BMC writes, and no other. `None`: there is no version in that text.
    pub fn exactly(version: &str) -> Option<Self> {
        let version = Version::find(version)?;
        Some(Self { text: format!("={version}"), bounds: vec![(Comparison::Equal, version)] })
    }

    /// Whether the version, as the BMC writes it, is in the range. `None`: there is no version in that text.
    pub fn contains(&self, version: &str) -> Option<bool> {
        let version = Version::find(version)?;
        Some(self.bounds.iter().all(|(comparison, bound)| comparison.holds(version.compare(bound))))
    }
}

impl FromStr for VersionRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| InvalidRange { text: text.to_owned(), reason };
        let mut bounds = Vec::new();
        // A blank after the sign is accepted: `>= 1.5`.
        let joined = text.replace("= ", "=").replace("> ", ">").replace("< ", "<");
        for condition in joined.split([' ', ',']).filter(|part| !part.is_empty()) {
            let (comparison, version) = Comparison::split(condition)
                .ok_or_else(|| invalid(format!("`{condition}` starts with none of < <= = >= >")))?;
            let version =
                Version::exact(version).ok_or_else(|| invalid(format!("`{version}` is not a version")))?;
            bounds.push((comparison, version));
        }
        if bounds.is_empty() {
            return Err(invalid("it is empty".to_owned()));
        }
        Ok(Self { text: text.to_owned(), bounds })
    }
}

impl TryFrom<String> for VersionRange {
    type Error = InvalidRange;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<VersionRange> for String {
    fn from(range: VersionRange) -> Self {
        range.text
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Comparison {
    fn split(condition: &str) -> Option<(Self, &str)> {
        [
            ("<=", Self::LessOrEqual),
            (">=", Self::GreaterOrEqual),
            ("<", Self::Less),
            (">", Self::Greater),
            ("=", Self::Equal),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| Some((comparison, condition.strip_prefix(sign)?)))
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Greater => ordering.is_gt(),
        }
    }
}

impl Version {
    /// The version within what a vendor writes.
    fn find(text: &str) -> Option<Self> {
        text.split(|c: char| c.is_whitespace() || c == '(' || c == ')').find_map(|word| {
            let word = word.strip_prefix(['v', 'V']).unwrap_or(word);
            let mut parts =
                word.split('.').skip_while(|part| !part.starts_with(|c: char| c.is_ascii_digit())).peekable();
            parts.peek()?;
            parts.map(component).collect::<Option<Vec<_>>>().map(Self)
        })
    }

    /// A version and nothing else.
    fn exact(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        text.split('.').map(component).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Component by component; one that is missing counts as 0, so that 2.0 equals 2.
    fn compare(&self, other: &Self) -> Ordering {
        let zero = (0, String::new());
        let length = self.0.len().max(other.0.len());
        (0..length)
            .map(|i| self.0.get(i).unwrap_or(&zero).cmp(other.0.get(i).unwrap_or(&zero)))
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> =
            self.0.iter().map(|(number, letters)| format!("{number}{letters}")).collect();
        f.write_str(&parts.join("."))
    }
}

/// A number and the letters after it.
fn component(part: &str) -> Option<(u64, String)> {
    let letters = part.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = part.strip_suffix(letters)?;
    let plain = letters.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    Some((digits.parse().ok().filter(|_| plain)?, letters.to_ascii_lowercase()))
}
