//! Why something failed, as a word that programs can act on. The sentence beside it is for people.

use rackhand_bmc::ErrorKind;
use serde::{Deserialize, Serialize};

/// Why something failed, in the words of [`ErrorKind`], without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Cause {
    /// No connection to the BMC, or one that was lost.
    Unreachable,
    /// Its certificate is not trusted, or TLS cannot be spoken with it.
    Untrusted,
    /// User name or password refused.
    Credentials,
    /// The account or our address is blocked, or the budget of logins is used up.
    Locked,
    /// Busy, or something of the same kind is pending.
    Busy,
    /// The host is in POST.
    InPost,
    /// A licence is missing.
    Licence,
    /// It cannot be done on this BMC.
    Unsupported,
    /// The BMC refused a value.
    RejectedValue,
    /// It was not seen in time.
    NotObserved,
    /// Something else: the sentence says what.
    Other,
    /// A cause of a newer version of rackhand.
    #[serde(other)]
    Unknown,
}

impl Cause {
    /// The cause that an error of a BMC stands for.
    #[must_use]
    pub fn of(kind: &ErrorKind) -> Self {
        match kind {
            ErrorKind::Unreachable | ErrorKind::Lost => Self::Unreachable,
            ErrorKind::Untrusted { .. } | ErrorKind::TlsUnsupported => Self::Untrusted,
            ErrorKind::RefusedCredentials | ErrorKind::Forbidden => Self::Credentials,
            ErrorKind::Locked { .. } => Self::Locked,
            ErrorKind::Busy { .. } | ErrorKind::Conflict => Self::Busy,
            ErrorKind::InPost => Self::InPost,
            ErrorKind::NeedsLicence { .. } => Self::Licence,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::RejectedValue { .. } => Self::RejectedValue,
            ErrorKind::NotObserved | ErrorKind::Vanished => Self::NotObserved,
            _ => Self::Other,
        }
    }
}
