//! What differs between the generations, as data.

use serde_json::{Value, json};

use crate::web::Call;

/// A generation of iLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// iLO 4, in ProLiant Gen9.
    Four,
    /// iLO 5, in ProLiant Gen10 and Gen10 Plus.
    Five,
    /// iLO 6, in ProLiant Gen11.
    Six,
    /// iLO 7, in ProLiant Gen12.
    Seven,
}

/// Names and versions of one generation.
#[derive(Debug)]
pub(super) struct Facts {
    /// The generation.
    pub(super) generation: Generation,
    /// The personality's name.
    pub(super) name: &'static str,
    /// A sentence about it.
    pub(super) summary: &'static str,
    /// Who made it: `Manufacturer`, and `Vendor` of the service root where there is one.
    pub(super) maker: &'static str,
    /// `Hp` or `Hpe`: the name below `Oem`, and what names of types and actions begin with.
    pub(super) oem: &'static str,
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
    /// What its security is set to.
    pub(super) security: &'static str,
    /// Processor.
    pub(super) processor: &'static str,
    /// Cores of each.
    pub(super) cores: u32,
}

const FOUR: Facts = Facts {
    generation: Generation::Four,
    name: "ilo4",
    summary: "an HPE ProLiant DL360 Gen9 with iLO 4 2.78",
    maker: "HP",
    oem: "Hp",
    manager: "iLO 4",
    firmware: "iLO 4 v2.78",
    version: "2.78",
    model: "ProLiant DL360 Gen9",
    sku: "755258-B21",
    bios: "P89 v2.80 (10/16/2020)",
    registry: "HpBiosAttributeRegistryP89.1.1.80",
    redfish: "1.0.0",
    base: "Base.0.10",
    own: "iLO.0.10",
    security: "Production",
    processor: "Intel(R) Xeon(R) CPU E5-2650 v4 @ 2.20GHz",
    cores: 12,
};

const FIVE: Facts = Facts {
    generation: Generation::Five,
    name: "ilo5",
    summary: "an HPE ProLiant DL360 Gen10 Plus with iLO 5 2.72",
    maker: "HPE",
    oem: "Hpe",
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
    security: "Production",
    processor: "Intel(R) Xeon(R) Gold 6338N CPU @ 2.20GHz",
    cores: 32,
};

const SIX: Facts = Facts {
    generation: Generation::Six,
    name: "ilo6",
    summary: "an HPE ProLiant DL360 Gen11 with iLO 6 1.66",
    maker: "HPE",
    oem: "Hpe",
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
    security: "Production",
    processor: "INTEL(R) XEON(R) GOLD 6433N",
    cores: 32,
};

const SEVEN: Facts = Facts {
    generation: Generation::Seven,
    name: "ilo7",
    summary: "an HPE ProLiant DL360 Gen12 with iLO 7 1.14",
    maker: "HPE",
    oem: "Hpe",
    manager: "iLO 7",
    firmware: "1.14.00 May 28 2025",
    version: "1.14.00",
    model: "HPE ProLiant Compute DL360 Gen12",
    sku: "P72176-B21",
    bios: "U68 v1.40 (05/22/2025)",
    registry: "BiosAttributeRegistryU68.v1_1_40",
    redfish: "1.20.0",
    base: "Base.1.18",
    own: "iLO.2.31",
    security: "SecureStandard",
    processor: "Intel(R) Xeon(R) 6517P",
    cores: 16,
};

impl Generation {
    /// All of them, the oldest first.
    pub const ALL: [Self; 4] = [Self::Four, Self::Five, Self::Six, Self::Seven];

    /// Its names and versions.
    pub(super) fn facts(self) -> &'static Facts {
        match self {
            Self::Four => &FOUR,
            Self::Five => &FIVE,
            Self::Six => &SIX,
            Self::Seven => &SEVEN,
        }
    }

    /// The generation of the iLO that a call is made to.
    pub(super) fn of(call: &Call) -> Self {
        let name = call.cell.personality.name();
        Self::ALL.into_iter().find(|one| one.facts().name == name).unwrap_or(Self::Five)
    }

    /// Whether its arrays are SmartStorage, which the standard's Storage does not show.
    pub(super) fn has_smart_storage(self) -> bool {
        matches!(self, Self::Four | Self::Five)
    }
}

impl Facts {
    /// `@odata.type` of a resource or section of HPE's own; iLO 4 has versions of an older form.
    pub(super) fn kind(&self, name: &str, version: &str) -> String {
        let name = format!("{}{name}", self.oem);
        match self.generation {
            Generation::Four => format!("#{name}.1.0.0.{name}"),
            _ => format!("#{name}.v{version}.{name}"),
        }
    }

    /// Path of an action of HPE's own, below the resource at `path`: `name` is such as `iLO.ClearRestApiState`.
    pub(super) fn action(&self, path: &str, name: &str) -> String {
        let oem = self.oem;
        format!("{path}/Actions/Oem/{oem}/{oem}{name}")
    }

    /// Actions of HPE's own as a resource lists them.
    pub(super) fn actions(&self, path: &str, names: &[&str]) -> Value {
        let action = |name: &&str| {
            let target = json!({"target": self.action(path, name)});
            (format!("#{}{name}", self.oem), target)
        };
        Value::Object(names.iter().map(action).collect())
    }

    /// A section below `Oem`.
    pub(super) fn section(&self, section: Value) -> Value {
        let mut oem = json!({});
        oem[self.oem] = section;
        oem
    }
}
