//! What differs between the generations, as data.

use crate::web::Call;

/// A generation of iLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// iLO 5, in ProLiant Gen10 and Gen10 Plus.
    Five,
    /// iLO 6, in ProLiant Gen11.
    Six,
}

/// Names and versions of one generation.
#[derive(Debug)]
pub(super) struct Facts {
    /// The personality's name.
    pub(super) name: &'static str,
    /// A sentence about it.
    pub(super) summary: &'static str,
    /// `ManagerType` and the Manager's `Model`.
    pub(super) manager: &'static str,
    /// Firmware as the Manager shows it.
    pub(super) firmware: &'static str,
    /// Firmware as the service root shows it.
    pub(super) version: &'static str,
    /// Model of the server.
    pub(super) model: &'static str,
    /// Product id of the server.
    pub(super) sku: &'static str,
    /// Version of the BIOS.
    pub(super) bios: &'static str,
    /// Attribute registry.
    pub(super) registry: &'static str,
    /// RedfishVersion.
    pub(super) redfish: &'static str,
    /// Base registry.
    pub(super) base: &'static str,
    /// iLO's own registry.
    pub(super) own: &'static str,
    /// Processor.
    pub(super) processor: &'static str,
    /// Cores of each.
    pub(super) cores: u32,
}

const FIVE: Facts = Facts {
    name: "ilo5",
    summary: "an HPE ProLiant DL360 Gen10 Plus with iLO 5 2.72",
    manager: "iLO 5",
    firmware: "iLO 5 v2.72",
    version: "2.72",
    model: "ProLiant DL360 Gen10 Plus",
    sku: "P28948-B21",
    bios: "U46 v1.64 (08/11/2022)",
    registry: "BiosAttributeRegistryU46.v1_1_64",
    redfish: "1.6.0",
    base: "Base.1.4",
    own: "iLO.2.15",
    processor: "Intel(R) Xeon(R) Gold 6338N CPU @ 2.20GHz",
    cores: 32,
};

const SIX: Facts = Facts {
    name: "ilo6",
    summary: "an HPE ProLiant DL360 Gen11 with iLO 6 1.66",
    manager: "iLO 6",
    firmware: "iLO 6 v1.66",
    version: "1.66",
    model: "ProLiant DL360 Gen11",
    sku: "P52499-B21",
    bios: "U54 v2.44 (01/17/2025)",
    registry: "BiosAttributeRegistryU54.v1_2_44",
    redfish: "1.20.0",
    base: "Base.1.18",
    own: "iLO.2.30",
    processor: "INTEL(R) XEON(R) GOLD 6433N",
    cores: 32,
};

impl Generation {
    /// Its names and versions.
    pub(super) fn facts(self) -> &'static Facts {
        match self {
            Self::Five => &FIVE,
            Self::Six => &SIX,
        }
    }

    /// The generation of the iLO that a call is made to.
    pub(super) fn of(call: &Call) -> Self {
        if call.cell.personality.name() == SIX.name { Self::Six } else { Self::Five }
    }
}
