//! Why no answer came back, sorted by what the caller can do about it.

use crate::Fingerprint;

/// A request that got no complete answer.
///
/// The variants are told apart by what to do next, not by which layer failed. The one question a caller of a
/// mutation must ask is [`maybe_applied`](Self::maybe_applied): if it may have been, only a read decides.
/// An HTTP error status is an answer and no error here.
///
/// No text in here ever holds a header, a body, or anything else of the request but its method and path.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The server's certificate is not one this BMC is trusted by. Nothing of the request was sent.
    /// To do: compare the fingerprint with the BMC's, then pin it or give its CA.
    #[error(
        "{peer}: certificate not trusted: {reason}; it is the certificate of \"{subject}\", SHA-256 fingerprint {fingerprint}; \
         if that is the BMC's own, pin this fingerprint or give the CA that signed it"
    )]
    Untrusted {
        /// Origin and, when known, the address connected to.
        peer: String,
        /// Of the certificate that was presented.
        fingerprint: Fingerprint,
        /// Subject of the certificate that was presented.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The server speaks a TLS that this program cannot. Nothing of the request was sent.
    /// To do: renew the BMC's certificate or firmware; no trust setting helps.
    #[error("{peer}: no TLS in common: {what}")]
    TlsUnsupported {
        /// Origin and, when known, the address connected to.
        peer: String,
        /// What is not supported, and what to change on the BMC.
        what: String,
    },

    /// No connection came about, so nothing of the request was sent: it may be repeated as it is.
    #[error("{peer}: {method} {target}: not reachable: {reason}")]
    Unreachable {
        /// Origin and, when known, the address connected to.
        peer: String,
        /// The request's method.
        method: String,
        /// The request's path and query.
        target: String,
        /// What was seen: name not resolved, connection refused, connect timeout, …
        reason: String,
    },

    /// The connection stood, then failed before the answer was complete.
    #[error("{peer}: {method} {target}: answer lost: {reason}{}", if *.maybe_applied { "; the request may have been carried out" } else { "" })]
    Lost {
        /// Origin and, when known, the address connected to.
        peer: String,
        /// The request's method.
        method: String,
        /// The request's path and query.
        target: String,
        /// What was seen: timeout, reset, body cut short, not HTTP, …
        reason: String,
        /// Whether the server may have acted on the request. True for every mutation of which a byte can have left.
        maybe_applied: bool,
    },

    /// The answer is larger than the request's bound. The server has acted on the request.
    #[error("{peer}: {method} {target}: answer is larger than the bound of {limit} bytes")]
    TooLarge {
        /// Origin and, when known, the address connected to.
        peer: String,
        /// The request's method.
        method: String,
        /// The request's path and query.
        target: String,
        /// The bound, in bytes.
        limit: u64,
        /// Whether the request was a mutation, which the server has then acted on.
        maybe_applied: bool,
    },

    /// This transport will not do what was asked or what the server wants: a URI of another host, a redirect to another host.
    #[error("{peer}: {method} {target}: refused: {reason}")]
    Refused {
        /// Origin and, when known, the address connected to.
        peer: String,
        /// The request's method.
        method: String,
        /// The request's path and query.
        target: String,
        /// What is refused, both hosts named.
        reason: String,
    },
}

impl TransportError {
    /// Whether the server may have acted on a mutation. Only a read of its state can tell then.
    #[must_use]
    pub fn maybe_applied(&self) -> bool {
        match self {
            Self::Lost { maybe_applied, .. } | Self::TooLarge { maybe_applied, .. } => *maybe_applied,
            Self::Untrusted { .. }
            | Self::TlsUnsupported { .. }
            | Self::Unreachable { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// The origin and, when known, the address that was spoken to.
    #[must_use]
    pub fn peer(&self) -> &str {
        match self {
            Self::Untrusted { peer, .. }
            | Self::TlsUnsupported { peer, .. }
            | Self::Unreachable { peer, .. }
            | Self::Lost { peer, .. }
            | Self::TooLarge { peer, .. }
            | Self::Refused { peer, .. } => peer,
        }
    }
}
