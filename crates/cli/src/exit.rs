//! The exit codes, and the one kind of error that ends a command.

use std::{fmt, process::ExitCode};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for is so.
    Done = 0,
    /// The command failed.
    Failed = 1,
    /// The arguments, the environment or the configuration are wrong.
    Usage = 2,
    /// Some nodes failed, or need a decision.
    SomeNodes = 3,
    /// The time given was over.
    TimedOut = 4,
    /// Credentials or a certificate were refused, and nothing else went wrong.
    Refused = 5,
    /// There are changes to be made (`--detailed-exitcode` of `plan` and `profile diff`).
    Changes = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A mistake in how the program was called: it ends with [`Exit::Usage`].
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A usage error with this text.
pub(crate) fn usage(text: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Usage(text.into()))
}

/// The exit code of an error that ended a command.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    if error.chain().any(|cause| cause.is::<Usage>()) {
        return Exit::Usage;
    }
    let refused =
        error.chain().find_map(|cause| cause.downcast_ref::<rackhand_bmc::Error>()).is_some_and(is_refusal);
    if refused { Exit::Refused } else { Exit::Failed }
}

/// Whether credentials or a certificate were refused.
pub(crate) fn is_refusal(error: &rackhand_bmc::Error) -> bool {
    use rackhand_bmc::ErrorKind::{Locked, RefusedCredentials, TlsUnsupported, Untrusted};
    matches!(error.kind(), RefusedCredentials | Locked { .. } | Untrusted { .. } | TlsUnsupported)
}
