//! Which iDRAC it is, and whether its firmware is older than another of the same generation.

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

/// The first iDRAC9 firmware whose System has virtual media and whose `Cd` is the virtual one (DS#90, CG PR#494).
const VIRTUAL_CD_SINCE: (u32, u32) = (6, 0);

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

    /// Whether the standard target `Cd` boots a physical drive here, not the virtual one.
    #[must_use]
    pub fn cd_is_physical(machine: &Machine) -> bool {
        Self::of(machine) == Self::Idrac9
            && firmware(machine).is_some_and(|version| version < VIRTUAL_CD_SINCE)
    }
}

/// The number before the G of "15G Monolithic".
fn server_generation(model: &str) -> Option<u32> {
    let (number, _) = model.trim().split_once(['G', 'g'])?;
    number.parse().ok()
}

/// Major and minor firmware version. Only ever compared with another of the same generation.
fn firmware(machine: &Machine) -> Option<(u32, u32)> {
    let mut parts = machine.manager()?.str("FirmwareVersion")?.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
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
