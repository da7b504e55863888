//! What is wanted of one node, gathered from its spec, its profile and what the operator said.

use rackhand_bmc::Attributes;
use serde::Serialize;

/// What is wanted of one node. Made from a NodeSpec and its effective profile; everything the plan needs and nothing
/// else, so that the plan stays a pure function of plain data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wanted {
    /// The node's unique name, `cluster/host`.
    pub node: String,
    /// Where its spec stands, `file:line`.
    pub source: String,
    /// What makes this request for an installation differ from another: the spec's request id, or `first`.
    pub request: String,
    /// The MAC address it boots from, lower case with colons; used to see that the machine is the right one.
    pub boot_mac: Option<String>,
    /// BIOS attributes that shall be in force.
    pub bios: Attributes,
    /// Where the BIOS attributes come from, for people.
    pub bios_source: Option<String>,
    /// Whether secure boot shall be on; `None` leaves it.
    pub secure_boot: Option<bool>,
    /// Whether the installation says of itself how far it is.
    pub follow: Follow,
    /// What is asked for and cannot be done here yet, each a sentence. Anything in it refuses the plan.
    pub cannot: Vec<String>,
    /// The spec itself asks to wait (`holdInstallation`).
    pub hold: bool,
    /// Who allows installing whatever runs on it: `--install`, an annotation. `None` asks the journal.
    pub permission: Option<String>,
}

/// Whether the installation says of itself how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Follow {
    /// The installer and the installed system call back.
    CallBack,
    /// Nothing tells; booting is all that can be seen.
    NotObservable,
}
