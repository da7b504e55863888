//! How far a mutation got.

use serde::{Deserialize, Serialize};

use crate::{Attributes, manager::JobRef};

/// What a mutation answers. None of these is a proof: proving is reading, and is the caller's next act.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "a mutation that was sent must be proven by a read"]
#[non_exhaustive]
pub enum Outcome {
    /// It was so already; nothing was sent.
    Unchanged,
    /// The BMC accepted it and says it is in force.
    Done,
    /// The BMC staged it; it takes effect later.
    Pending(Pending),
    /// The BMC works on it as a job or task that can be picked up later, by another process too.
    Running(JobRef),
    /// The request left and no usable answer came. Only a read decides what became of it.
    Unknown {
        /// What was seen instead of an answer.
        seen: String,
    },
}

/// A staged change: what it needs, what it will bring, how to tell that *it* was consumed, how to drop it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// Whether the host must be reset for it.
    pub needs_reset: bool,
    /// The values that will come.
    pub desired: Attributes,
    /// The state from before, to be compared with after.
    pub mark: Mark,
    /// The job that carries it, when the vendor makes one.
    pub job: Option<JobRef>,
    /// Whether [`Bios::discard`](crate::Bios::discard) can drop it.
    pub can_discard: bool,
}

/// An opaque mark of a state from before, for example the ETag and Time of `@Redfish.Settings`. Only the driver that
/// made it can read it; it is stored with the intent so that another process can compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark(pub String);
