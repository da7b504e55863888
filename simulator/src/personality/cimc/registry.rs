//! BIOS tokens of a C220 M6 (Intel) that concern a radio node. Values may hold blanks.

use super::facts::Generation;
use crate::machine::bios::{Attribute, Registry};
use crate::personality::pieces::{Row, choices, sets};

const SWITCHED: &str = "Enabled,Disabled";

/// Name, name a person sees, values, value at first.
const ROWS: &[Row] = &[
    ("CPUPerformance", "CPU Performance", "Enterprise,High Throughput,HPC,Custom", "Enterprise"),
    (
        "PackageCstateLimit",
        "Package C State",
        "C0 C1 State,C2,C6 Non Retention,C6 Retention,No Limit,Auto",
        "C6 Retention",
    ),
    ("ProcessorC1E", "Processor C1E", SWITCHED, "Enabled"),
    ("ProcessorC6Report", "Processor C6 Report", SWITCHED, "Enabled"),
    ("AutoCCState", "Autonomous Core C State", SWITCHED, "Disabled"),
    ("PwrPerfTuning", "Power Performance Tuning", "OS,BIOS,PECI", "OS"),
    (
        "CpuHWPM",
        "Hardware P-States",
        "HWPM Native Mode,HWPM OOB Mode,Native Mode with no Legacy,Disabled",
        "HWPM Native Mode",
    ),
    ("EnhancedIntelSpeedStep", "Enhanced Intel SpeedStep Technology", SWITCHED, "Enabled"),
    ("IntelTurboBoostTech", "Intel Turbo Boost Technology", SWITCHED, "Enabled"),
    ("EnergyEfficientTurbo", "Energy Efficient Turbo", SWITCHED, "Enabled"),
    ("WorkLdConfig", "Workload Configuration", "IO Sensitive,Balanced", "Balanced"),
    (
        "CpuEngPerfBias",
        "Energy Performance",
        "Performance,Balanced Performance,Balanced Power,Power",
        "Balanced Performance",
    ),
    ("EPPEnable", "Processor EPP Enable", SWITCHED, "Enabled"),
    (
        "EPPProfile",
        "EPP Profile",
        "Performance,Balanced Performance,Balanced Power,Power",
        "Balanced Performance",
    ),
    ("UFSDisable", "Uncore Frequency Scaling", SWITCHED, "Enabled"),
    ("PatrolScrub", "Patrol Scrub", SWITCHED, "Enabled"),
    ("IntelHyperThread", "Intel Hyper-Threading Technology", SWITCHED, "Enabled"),
    ("NUMAOptimize", "NUMA", SWITCHED, "Enabled"),
    ("SNC", "Sub NUMA Clustering", "Disabled,Enabled", "Disabled"),
    ("IntelVT", "Intel VT", SWITCHED, "Disabled"),
    ("IntelVTD", "Intel VT for Directed IO", SWITCHED, "Disabled"),
    ("ATS", "Intel VTD ATS Support", SWITCHED, "Enabled"),
    ("SrIov", "SR-IOV Support", SWITCHED, "Disabled"),
    ("MemoryMappedIOAbove4GB", "Memory Mapped IO above 4GB", SWITCHED, "Enabled"),
    ("LocalX2Apic", "Local X2 Apic", "Enabled,Disabled,AUTO", "Disabled"),
    ("PsdCoordType", "P-State Coordination", "HW ALL,SW ALL,SW ANY", "HW ALL"),
    ("ConfigTDPLevel", "Config TDP Level", "Normal,Level 1,Level 2", "Normal"),
    ("IntelSpeedSelect", "Intel Speed Select", "Base,Config 1,Config 2,Config 3,Config 4", "Base"),
    ("AdjacentCacheLinePrefetch", "Adjacent Cache Line Prefetcher", SWITCHED, "Enabled"),
    ("HardwarePrefetch", "Hardware Prefetcher", SWITCHED, "Enabled"),
    ("DcuStreamerPrefetch", "DCU Streamer Prefetch", SWITCHED, "Enabled"),
    ("IpPrefetch", "DCU IP Prefetcher", SWITCHED, "Enabled"),
    ("XPTPrefetch", "XPT Prefetch", SWITCHED, "Enabled"),
    ("LLCPrefetch", "LLC Prefetch", SWITCHED, "Disabled"),
    (
        "SelectMemoryRAS",
        "Memory RAS Configuration",
        "Maximum Performance,ADDDC Sparing,Mirror Mode 1LM",
        "ADDDC Sparing",
    ),
    ("VMDEnable", "VMD Enable", SWITCHED, "Disabled"),
    ("TPMControl", "Trusted Platform Module State", SWITCHED, "Enabled"),
    ("TXTSupport", "Intel Trusted Execution Technology", SWITCHED, "Disabled"),
    ("PcieSlot1OptionROM", "PCIe Slot 1 OptionROM", SWITCHED, "Enabled"),
    ("PcieSlot2OptionROM", "PCIe Slot 2 OptionROM", SWITCHED, "Enabled"),
    ("PcieSlotMLOMOptionROM", "MLOM OptionROM", SWITCHED, "Enabled"),
    ("BaudRate", "Baud Rate", "9.6k,19.2k,38.4k,57.6k,115.2k", "115.2k"),
    ("ConsoleRedir", "Console Redirection", "Disabled,COM 0,COM 1", "Disabled"),
];

/// What a preset of `CPUPerformance` rewrites.
const PRESET: &[&str] =
    &["ProcessorC1E", "ProcessorC6Report", "AdjacentCacheLinePrefetch", "HardwarePrefetch", "IpPrefetch"];

/// What an M4 names or values otherwise: the name on an M6, and the row instead.
const ROWS_OF_M4: &[(&str, Row)] = &[
    // Cisco's spelling.
    ("AutoCCState", ("AutonumousCstateEnable", "Autonomous Core C State", SWITCHED, "Disabled")),
    ("BaudRate", ("BaudRate", "Baud Rate", "9600,19200,38400,57600,115200", "115200")),
];

fn rows(generation: Generation) -> Vec<Row> {
    let own = |row: &Row| {
        let other = ROWS_OF_M4.iter().find(|(name, _)| *name == row.0 && generation == Generation::M4);
        other.map_or(*row, |(_, row)| *row)
    };
    ROWS.iter().map(own).collect()
}

/// The registry.
pub(super) fn registry(generation: Generation) -> Registry {
    let mut attributes = choices(&rows(generation));
    attributes.push(Attribute::text("cdnEnable", 16, "Enabled").shown_as("Consistent Device Naming").fixed());
    let preset = |name, values: [&'static str; 5]| {
        let pairs: Vec<_> = PRESET.iter().copied().zip(values).collect();
        sets("CPUPerformance", name, &pairs)
    };
    let (on, off) = ("Enabled", "Disabled");
    let mut dependencies = preset("Enterprise", [on, on, on, on, on]);
    dependencies.extend(preset("High Throughput", [on, on, off, off, on]));
    dependencies.extend(preset("HPC", [off, off, on, on, on]));
    Registry { id: "CiscoBiosAttributeRegistry.v1_0_0".into(), attributes, dependencies }
}
