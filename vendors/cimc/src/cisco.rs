//! What Cisco's own facets share: the machine, the XML API, the table.

use std::sync::Arc;

use rackhand_bmc::{ErrorKind, Outcome, Quirks};
use rackhand_redfish::{Host, Machine};

use crate::{
    quirks::{RACK, generation, on},
    xml::XmlClient,
};

/// One machine, connected, with both of its protocols.
#[derive(Debug)]
pub(crate) struct Cisco {
    pub(crate) host: Arc<Host>,
    pub(crate) xml: XmlClient,
    pub(crate) tree: Tree,
    quirks: Quirks,
}

/// Where the machine's objects stand in the XML API's tree (SDK).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The server: `sys/rack-unit-1`, or a node of an S3260.
    pub(crate) server: String,
    /// The services: virtual media.
    pub(crate) services: String,
}

impl Tree {
    /// By the Manager's id: an S3260 has BMC1 and BMC2, everything else one CIMC (ISV).
    pub(crate) fn of(machine: &Machine) -> Self {
        let id = machine.manager().map(rackhand_redfish::Document::id).unwrap_or_default();
        match id.strip_prefix("BMC").filter(|node| matches!(*node, "1" | "2")) {
            Some(node) => {
                let server = format!("sys/chassis-1/server-{node}");
                Self { services: format!("{server}/svc-ext"), server }
            }
            None => Self { server: "sys/rack-unit-1".to_owned(), services: "sys/svc-ext".to_owned() },
        }
    }
}

impl Cisco {
    pub(crate) fn new(host: &Arc<Host>, xml: &XmlClient, quirks: &Quirks) -> Self {
        Self {
            host: Arc::clone(host),
            xml: xml.clone(),
            tree: Tree::of(&host.machine),
            quirks: quirks.clone(),
        }
    }

    /// Whether a quirk is found here and its cure is to be used.
    pub(crate) fn on(&self, name: &str) -> bool {
        on(&self.quirks, &self.host.machine, name)
    }

    /// Whether a quirk is found here whose cure is the XML API, and there is one: blades are reached without it.
    pub(crate) fn by_xml(&self, name: &str) -> bool {
        generation(&self.host.machine) == RACK && self.on(name)
    }
}

/// Whether an error of Redfish means that this way does not exist, so that another may be tried: nothing was done.
pub(crate) fn is_no_way(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unsupported | ErrorKind::NotFound)
}

/// Whether a change got so far that the next one may be sent.
pub(crate) fn settled(outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Unknown { .. })
}
