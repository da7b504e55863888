//! What is wrong with a reporter's configuration.

use std::path::PathBuf;

use thiserror::Error;

/// Why a reporter cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HubError {
    /// The address cannot be posted to.
    #[error("the webhook's address cannot be used: {what}")]
    Address {
        /// What is wrong with it. The address itself is not repeated: it may hold a secret.
        what: String,
    },
    /// The authority certificates cannot be used.
    #[error("the certificates to trust cannot be used: {what}")]
    Certificates {
        /// What is wrong with them.
        what: String,
    },
    /// The HTTP client cannot be made.
    #[error("the webhook's HTTP client cannot be made: {what}")]
    Client {
        /// Why not.
        what: String,
    },
    /// The hub cannot be spoken to at all.
    #[error("{what}")]
    Kubernetes {
        /// Why not.
        what: String,
    },
    /// The path for JSON lines is no file.
    #[error("{path} cannot be appended to: {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        what: String,
    },
}
