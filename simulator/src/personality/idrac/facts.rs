//! What distinguishes one iDRAC from another, besides its quirks.

use crate::web::Call;

/// A generation, and of iDRAC9 a line of firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// iDRAC8, in a PowerEdge of the 13th generation.
    Eight,
    /// iDRAC9 with firmware 4.40.
    NineOld,
    /// iDRAC9 with firmware 6.10.
    Nine,
    /// iDRAC9 with firmware 7.10.
    NineNew,
    /// iDRAC10, in a PowerEdge of the 17th generation.
    Ten,
}

/// The facts.
#[derive(Debug)]
pub(super) struct Facts {
    /// Name of the personality.
    pub(super) name: &'static str,
    /// A sentence about it.
    pub(super) summary: &'static str,
    /// The server.
    pub(super) model: &'static str,
    /// `Manager.Model`, which tells the generation.
    pub(super) bmc_model: &'static str,
    /// Version of the iDRAC's firmware.
    pub(super) firmware: &'static str,
    /// Version of the BIOS.
    pub(super) bios: &'static str,
    /// `RedfishVersion`.
    pub(super) redfish: &'static str,
    /// Prefix and version of the Base registry.
    pub(super) base: &'static str,
    /// Prefix and version of the EEMI registry.
    pub(super) eemi: &'static str,
    /// The boot card; empty where there is none.
    pub(super) boss: &'static str,
    /// Its model.
    pub(super) boss_model: &'static str,
    /// The RAID controller.
    pub(super) perc: &'static str,
    /// Its model.
    pub(super) perc_model: &'static str,
    /// Processor.
    pub(super) processor: &'static str,
    /// Cores of one.
    pub(super) cores: u32,
    /// Seconds that a task stays after its end, when it does not stay for good.
    pub(super) task_stays: u64,
}

const EIGHT: Facts = Facts {
    name: "idrac8",
    summary: "a Dell PowerEdge R730 with iDRAC8 firmware 2.83",
    model: "PowerEdge R730",
    bmc_model: "13G Monolithic",
    firmware: "2.83.83.83",
    bios: "2.15.0",
    redfish: "1.4.0",
    base: "Base.1.0",
    eemi: "IDRAC.1.6",
    boss: "",
    boss_model: "",
    perc: "RAID.Integrated.1-1",
    perc_model: "PERC H730 Mini",
    processor: "Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz",
    cores: 14,
    task_stays: 60,
};

const NINE_OLD: Facts = Facts {
    name: "idrac9-4",
    summary: "a Dell PowerEdge R640 with iDRAC9 firmware 4.40",
    model: "PowerEdge R640",
    bmc_model: "14G Monolithic",
    firmware: "4.40.40.00",
    bios: "2.10.2",
    redfish: "1.9.0",
    base: "Base.1.7",
    eemi: "IDRAC.2.2",
    boss: "BOSS.SL.14-1",
    boss_model: "BOSS-S1",
    perc: "RAID.Integrated.1-1",
    perc_model: "PERC H740P Mini",
    processor: "Intel(R) Xeon(R) Gold 6230N CPU @ 2.30GHz",
    cores: 20,
    task_stays: 60,
};

const NINE: Facts = Facts {
    name: "idrac9",
    summary: "a Dell PowerEdge R750 with iDRAC9 firmware 6.10",
    model: "PowerEdge R750",
    bmc_model: "15G Monolithic",
    firmware: "6.10.30.00",
    bios: "1.9.2",
    redfish: "1.13.1",
    base: "Base.1.12",
    eemi: "IDRAC.2.8",
    boss: "BOSS.SL.14-1",
    boss_model: "BOSS-S2",
    perc: "RAID.SL.3-1",
    perc_model: "PERC H755 Front",
    processor: "Intel(R) Xeon(R) Gold 6338N CPU @ 2.20GHz",
    cores: 32,
    task_stays: 600,
};

const NINE_NEW: Facts = Facts {
    name: "idrac9-7",
    summary: "a Dell PowerEdge R750 with iDRAC9 firmware 7.10",
    firmware: "7.10.30.00",
    bios: "1.13.2",
    redfish: "1.18.0",
    base: "Base.1.17",
    eemi: "IDRAC.2.9",
    ..NINE
};

const TEN: Facts = Facts {
    name: "idrac10",
    summary: "a Dell PowerEdge R770 with iDRAC10 firmware 1.20",
    model: "PowerEdge R770",
    bmc_model: "17G Monolithic",
    firmware: "1.20.25.00",
    bios: "1.2.6",
    redfish: "1.20.1",
    base: "Base.1.19",
    eemi: "IDRAC.2.10",
    boss: "BOSS.SL.16-1",
    boss_model: "BOSS-N1 DC-MHS",
    perc: "RAID.SL.1-1",
    perc_model: "PERC H975i Front",
    processor: "Intel(R) Xeon(R) 6760P",
    cores: 64,
    task_stays: 600,
};

impl Generation {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Eight, Self::NineOld, Self::Nine, Self::NineNew, Self::Ten];

    pub(super) fn facts(self) -> &'static Facts {
        match self {
            Self::Eight => &EIGHT,
            Self::NineOld => &NINE_OLD,
            Self::Nine => &NINE,
            Self::NineNew => &NINE_NEW,
            Self::Ten => &TEN,
        }
    }

    /// The generation that a call is about.
    pub(super) fn of(call: &Call) -> Self {
        let name = call.cell.personality.name();
        Self::ALL.into_iter().find(|one| one.facts().name == name).unwrap_or(Self::Nine)
    }
}
