//! Which iLO it is.

use std::fmt;

use rackhand_redfish::{Document, Machine};

/// The number of an iLO, if anything tells it. Firmware versions start anew with each, so none are ever compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(pub Option<u32>);

impl Generation {
    /// The generation of a machine: from the root, else from its Manager's model or firmware. iLO 7 writes its firmware
    /// without "iLO 7" before it (R7), so that comes last.
    #[must_use]
    pub fn of(machine: &Machine) -> Self {
        let manager = |name: &str| machine.manager().and_then(|manager| numbered(manager.str(name)?));
        Self(in_root(&machine.root).or_else(|| manager("Model")).or_else(|| manager("FirmwareVersion")))
    }

    /// Whether it is an iLO 4.
    #[must_use]
    pub fn is_4(self) -> bool {
        self.0 == Some(4)
    }
}

/// What the service root says, readable without a login (R7).
pub(crate) fn in_root(root: &Document) -> Option<u32> {
    let said = ["Oem/Hpe/Manager/0/ManagerType", "Oem/Hp/Manager/0/ManagerType", "Oem/Hpe/Moniker/PRODGEN"];
    said.into_iter().find_map(|path| numbered(root.str(path)?))
}

/// The number in "iLO 5" and "iLO 5 v2.96".
fn numbered(text: &str) -> Option<u32> {
    text.strip_prefix("iLO ")?.split_whitespace().next()?.parse().ok()
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "iLO {number}"),
            None => f.write_str("iLO"),
        }
    }
}
