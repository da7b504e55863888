//! What distinguishes the servers.

/// A server and the firmware on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// C220 M4 with IMC 4.1(2).
    M4,
    /// C220 M6 with IMC 4.2(3).
    M6,
    /// UCSX-210c M6, a blade, with 5.2(2).
    X,
}

/// Names and versions.
pub(super) struct Facts {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    /// Cisco's product id of the server.
    pub(super) model: &'static str,
    /// Version of the BIOS.
    pub(super) bios: &'static str,
    /// Version of the CIMC's firmware.
    pub(super) cimc: &'static str,
    pub(super) redfish: &'static str,
    pub(super) processor: &'static str,
    pub(super) cores: u32,
    /// The RAID controller's `Id` and model.
    pub(super) raid: (&'static str, &'static str),
}

static M4: Facts = Facts {
    name: "cimc-m4",
    summary: "a Cisco UCS C220 M4 with CIMC firmware 4.1(2), whose Redfish takes no image",
    model: "UCSC-C220-M4S",
    bios: "C220M4.4.1.2b.0.0507201946",
    cimc: "4.1(2g)",
    redfish: "1.2.0",
    processor: "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz",
    cores: 14,
    raid: ("SLOT-HBA", "Cisco 12G SAS Modular Raid Controller"),
};

static M6: Facts = Facts {
    name: "cimc",
    summary: "a Cisco UCS C220 M6 with CIMC firmware 4.2(3)",
    model: "UCSC-C220-M6S",
    bios: "C220M6.4.2.3b.0.0127230219",
    cimc: "4.2(3b)",
    redfish: "1.12.0",
    processor: "Intel(R) Xeon(R) Gold 6338N CPU @ 2.20GHz",
    cores: 32,
    raid: ("MRAID", "UCSC-RAID-220M6"),
};

static X: Facts = Facts {
    name: "cimc-x",
    summary: "a Cisco UCSX-210c M6 blade with firmware 5.2(2), without an XML API",
    model: "UCSX-210C-M6",
    bios: "X210M6.5.2.2c.0.0405240741",
    cimc: "5.2(2.240053)",
    redfish: "1.12.0",
    processor: "Intel(R) Xeon(R) Gold 6338N CPU @ 2.20GHz",
    cores: 32,
    raid: ("MRAID", "UCSX-X10C-RAIDF"),
};

impl Generation {
    pub(super) fn facts(self) -> &'static Facts {
        match self {
            Self::M4 => &M4,
            Self::M6 => &M6,
            Self::X => &X,
        }
    }
}
