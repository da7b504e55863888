//! Which iDRAC it is.

use std::fmt;

use rackhand_redfish::Machine;

/// The generations, which differ more than firmware versions do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// PowerEdge 12G and 13G. Redfish up to 1.4.
    Idrac8,
    /// PowerEdge 14G to 16G.
    Idrac9,
    /// PowerEdge 17G and later.
    Idrac10,
    /// The Manager does not say.
    Unknown,
}

impl Generation {
    /// The generation of a machine: from `Manager.Model` ("15G Monolithic"; ironic), else from what its System says of
    /// itself (R750 6.00).
    #[must_use]
    pub fn of(machine: &Machine) -> Self {
        let model = machine.manager().and_then(|manager| manager.str("Model"));
        let system = || machine.system.str("Oem/Dell/DellSystem/SystemGeneration");
        let server = model.and_then(server_generation).or_else(|| server_generation(system()?));
        match server {
            Some(12 | 13) => Self::Idrac8,
            Some(14..=16) => Self::Idrac9,
            Some(17..) => Self::Idrac10,
            Some(_) | None => Self::Unknown,
        }
    }
}

/// The number before the G of "15G Monolithic".
fn server_generation(model: &str) -> Option<u32> {
    let (number, _) = model.trim().split_once(['G', 'g'])?;
    number.parse().ok()
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idrac8 => "iDRAC8",
            Self::Idrac9 => "iDRAC9",
            Self::Idrac10 => "iDRAC10",
            Self::Unknown => "iDRAC",
        })
    }
}
