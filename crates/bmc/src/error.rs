//! One error type, sorted by what the caller can do about it.
//!
//! An [`Error`] answers four questions an operator asks at night: which BMC, which request, what did it say, and what
//! now. The [`ErrorKind`] answers the fifth, asked by programs: is it worth trying again. Texts come from the BMC's
//! extended information, never whole bodies, and no constructor takes a secret.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// The result of every facet method.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong with one operation on one BMC.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    bmc: String,
    request: Option<String>,
    detail: String,
    messages: Vec<Message>,
}

/// One extended-information message of a Redfish service, or its counterpart in another protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The id as the BMC wrote it, for example `IDRAC.2.8.SYS446`.
    pub id: String,
    /// The text as the BMC wrote it.
    pub text: String,
}

impl Message {
    /// The part after the last dot. Prefix and version vary between firmware, so ids are compared by this alone
    /// (HPE: "Message ids are versioned by registry").
    #[must_use]
    pub fn key(&self) -> &str {
        self.id.rsplit('.').next().unwrap_or(&self.id)
    }
}

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No connection: nothing was sent. Worth trying again until the step's deadline.
    Unreachable,
    /// The connection was lost, or no full answer came, on a *read*. Worth trying again. (A mutation that meets this
    /// answers [`Outcome::Unknown`](crate::Outcome::Unknown) instead.)
    Lost,
    /// The certificate is not trusted. Only an operator can decide; the fingerprint is what they compare.
    Untrusted {
        /// SHA-256 of the presented certificate, lower-case hex.
        fingerprint: String,
    },
    /// TLS cannot be spoken with this BMC (what and why is in the detail). Trying again is useless.
    TlsUnsupported,
    /// User name or password refused. Never tried again by itself: BMCs block addresses and lock accounts.
    RefusedCredentials,
    /// The login budget for this BMC is used up, or the BMC says the account or address is blocked.
    Locked {
        /// How long until a login may be tried again, when known.
        retry_after: Option<Duration>,
    },
    /// The account may log in but may not do this.
    Forbidden,
    /// Busy, or not ready yet. Worth trying again after the given time.
    Busy {
        /// The BMC's own Retry-After, when it gave one.
        retry_after: Option<Duration>,
    },
    /// The host is in POST and the BMC refuses until it is over. Worth trying again.
    InPost,
    /// This BMC cannot do it, or not with this licence or firmware. Trying again is useless.
    Unsupported,
    /// A licence is missing; the name is the vendor's.
    NeedsLicence {
        /// The licence as the vendor names it.
        licence: String,
    },
    /// The BMC refused a value. Trying again with the same value is useless.
    RejectedValue {
        /// The attributes or properties it named, if any.
        properties: Vec<String>,
    },
    /// Something of the same kind is pending or running already (a BIOS job, a session that holds the slot).
    Conflict,
    /// The task or job to follow is no longer known. It says nothing about success: read back what it should change.
    Vanished,
    /// The resource is not there.
    NotFound,
    /// What the operation should have brought about was not observed before its deadline.
    NotObserved,
    /// The answer cannot be understood as the protocol. Worth one more try.
    Protocol,
    /// The caller's own book-keeping failed (a journal that cannot be written). Nothing was sent.
    Ledger,
}

impl ErrorKind {
    /// Whether the same request may succeed later without anybody's help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::Lost
                | Self::Busy { .. }
                | Self::InPost
                | Self::Conflict
                | Self::Protocol
        )
    }
}

impl Error {
    /// An error of `kind` seen on `bmc` (its address), with a sentence that says what was seen.
    pub fn new(kind: ErrorKind, bmc: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            bmc: bmc.into(),
            request: None,
            detail: detail.into(),
            messages: Vec::new(),
        }))
    }

    /// Adds the request line, for example `POST /redfish/v1/SessionService/Sessions`.
    #[must_use]
    pub fn with_request(mut self, request: impl Into<String>) -> Self {
        self.0.request = Some(request.into());
        self
    }

    /// Adds the BMC's own messages.
    #[must_use]
    pub fn with_messages(mut self, messages: Vec<Message>) -> Self {
        self.0.messages = messages;
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The address of the BMC.
    #[must_use]
    pub fn bmc(&self) -> &str {
        &self.0.bmc
    }

    /// The request that met the error, when there was one.
    #[must_use]
    pub fn request(&self) -> Option<&str> {
        self.0.request.as_deref()
    }

    /// The sentence that says what was seen.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The BMC's own messages, in its order.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.0.messages
    }

    /// Whether one of the messages has this key (the part of the id after the last dot).
    #[must_use]
    pub fn has_message(&self, key: &str) -> bool {
        self.0.messages.iter().any(|m| m.key().eq_ignore_ascii_case(key))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BMC {}: {}", self.0.bmc, self.0.detail)?;
        if let Some(request) = &self.0.request {
            write!(f, " ({request})")?;
        }
        for message in &self.0.messages {
            // iLOs send keys without texts.
            let colon = if message.text.is_empty() { "" } else { ": " };
            write!(f, "; {}{colon}{}", message.id, message.text)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
