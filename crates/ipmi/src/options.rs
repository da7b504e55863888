//! What a connection is told besides its target.

use std::{fmt, net::IpAddr, sync::Arc};

/// Says whether an address may be sent to.
pub type Networks = dyn Fn(IpAddr) -> bool + Send + Sync;

/// Asked before each command that changes something; a sentence says why not.
pub type Fence = dyn Fn() -> Result<(), String> + Send + Sync;

/// How a connection behaves, besides where it goes and as whom.
#[derive(Clone, Default)]
pub struct Options {
    /// The privilege that the session is raised to.
    pub privilege: Privilege,
    /// Which addresses may be sent to. Asked once the name is resolved, before anything is sent; `None` is
    /// all.
    pub networks: Option<Arc<Networks>>,
    /// Asked right before each command that changes something; nothing of it is sent when it says no.
    pub fence: Option<Arc<Fence>>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("privilege", &self.privilege)
            .field("networks", &self.networks.is_some())
            .field("fence", &self.fence.is_some())
            .finish()
    }
}

/// What the session may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Privilege {
    /// Everything.
    #[default]
    Administrator,
    /// Everything but what configures the BMC itself: power and boot are an operator's.
    Operator,
}

impl Privilege {
    /// The number on the wire.
    pub(crate) fn level(self) -> u8 {
        match self {
            Self::Administrator => 4,
            Self::Operator => 3,
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
        })
    }
}
