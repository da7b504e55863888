//! BIOS attributes that concern a radio node. Values of an enumeration differ between generations, and a workload
//! profile is a state: while selected it sets and locks what it covers.

use super::facts::{Facts, Generation};
use crate::machine::bios::{Attribute, Dependency, Registry};
use crate::personality::Quirks;
use crate::personality::pieces::{Row, choices, locks, sets};

const ON_OFF: &str = "Enabled,Disabled";
const PROFILES: &str = "GeneralPowerEfficientCompute,GeneralPeakFrequencyCompute,GeneralThroughputCompute,Virtualization-PowerEfficient,Virtualization-MaxPerformance,LowLatency,MissionCritical,TransactionalApplicationProcessing,HighPerformanceCompute(HPC),DecisionSupport,GraphicProcessing,I/OThroughput,Custom";

/// Name, name a person sees, values, value at first: those that the generations have alike, but for what [`GONE`] names.
const ROWS: &[Row] = &[
    ("WorkloadProfile", "Workload Profile", PROFILES, "GeneralPowerEfficientCompute"),
    (
        "PowerRegulator",
        "Power Regulator",
        "DynamicPowerSavings,StaticLowPower,StaticHighPerf,OsControl",
        "DynamicPowerSavings",
    ),
    ("CollabPowerControl", "Collaborative Power Control", ON_OFF, "Enabled"),
    (
        "EnergyPerfBias",
        "Energy/Performance Bias",
        "MaxPerf,BalancedPerf,BalancedPower,PowerSavingsMode",
        "BalancedPerf",
    ),
    ("ProcTurbo", "Intel(R) Turbo Boost Technology", "Disabled,Enabled", "Enabled"),
    ("EnergyEfficientTurbo", "Energy Efficient Turbo", ON_OFF, "Enabled"),
    ("UncoreFreqScaling", "Uncore Frequency Scaling", "Auto,Maximum,Minimum,Custom", "Auto"),
    ("IntelUpiPowerManagement", "Intel UPI Link Power Management", ON_OFF, "Enabled"),
    ("MemPatrolScrubbing", "Memory Patrol Scrubbing", ON_OFF, "Enabled"),
    ("MemRefreshRate", "Memory Refresh Rate", "Refreshx1,Refreshx2", "Refreshx1"),
    ("ProcHyperthreading", "Intel(R) Hyper-Threading", ON_OFF, "Enabled"),
    ("NumaGroupSizeOpt", "NUMA Group Size Optimization", "Flat,Clustered", "Flat"),
    ("Sriov", "SR-IOV", ON_OFF, "Enabled"),
    ("ProcVirtualization", "Intel(R) Virtualization Technology (Intel VT)", ON_OFF, "Enabled"),
    ("IntelProcVtd", "Intel(R) VT-d", ON_OFF, "Enabled"),
    (
        "AutoPowerOn",
        "Automatic Power-On",
        "AlwaysPowerOn,AlwaysPowerOff,RestoreLastState",
        "RestoreLastState",
    ),
    (
        "PowerOnDelay",
        "Power-On Delay",
        "NoDelay,Random,Delay15Sec,Delay30Sec,Delay45Sec,Delay60Sec",
        "NoDelay",
    ),
    (
        "IntelPriorityBaseFreq",
        "Intel(R) Speed Select Technology - Base Frequency",
        "Disabled,Enabled",
        "Disabled",
    ),
    ("ProcessorConfigTDPLevel", "Intel(R) AVX P1", "Normal,Level1,Level2", "Normal"),
    (
        "BootOrderPolicy",
        "Boot Order Policy",
        "RetryIndefinitely,AttemptOnce,ResetAfterFailed",
        "RetryIndefinitely",
    ),
    ("HttpSupport", "HTTP Support", "Auto,HttpsOnly,HttpOnly,Disabled", "Auto"),
    ("Dhcpv4", "DHCPv4", ON_OFF, "Enabled"),
    ("SerialConsolePort", "BIOS Serial Console Port", "Auto,Disabled,Physical,Virtual", "Auto"),
    ("EmbeddedSerialPort", "Embedded Serial Port", "Com1Irq4,Com2Irq3,Disabled", "Com2Irq3"),
    ("HwPrefetcher", "HW Prefetcher", ON_OFF, "Enabled"),
    ("AdjSecPrefetch", "Adjacent Sector Prefetch", ON_OFF, "Enabled"),
    ("DcuStreamPrefetcher", "DCU Stream Prefetcher", ON_OFF, "Enabled"),
    ("DcuIpPrefetcher", "DCU IP Prefetcher", ON_OFF, "Enabled"),
    ("LlcPrefetch", "LLC Prefetch", ON_OFF, "Disabled"),
    ("UpiPrefetcher", "UPI Prefetcher", ON_OFF, "Enabled"),
    ("IntelNicDmaChannels", "Intel NIC DMA Channels (IOAT)", ON_OFF, "Enabled"),
    ("DirectToUpi", "Direct To UPI (D2K)", "Auto,Enabled,Disabled", "Auto"),
    ("IntelTxt", "Intel(R) TXT Support", ON_OFF, "Disabled"),
    ("ProcAes", "Processor AES-NI Support", ON_OFF, "Enabled"),
    ("PostF1Prompt", "POST F1 Prompt", "Delayed20Sec,Delayed2Sec,Disabled", "Delayed20Sec"),
    ("PciSlot1Enable", "PCIe Device Disable", "Auto,Disabled", "Auto"),
    ("EmbNicEnable", "PCIe Device Disable", "Auto,Disabled", "Auto"),
];

/// Generation 10 Plus only, or with its own values.
const GEN10: &[Row] = &[
    ("BootMode", "Boot Mode", "Uefi,LegacyBios", "Uefi"),
    ("MinProcIdlePower", "Minimum Processor Idle Power Core C-State", "C6,C6WithoutC1E,C1E,NoCStates", "C6"),
    (
        "MinProcIdlePkgState",
        "Minimum Processor Idle Power Package C-State",
        "C6NonRetention,NoState",
        "C6NonRetention",
    ),
    ("SubNumaClustering", "Sub-NUMA Clustering", "Disabled,EnableSnc2", "Disabled"),
    ("ProcX2Apic", "Processor x2APIC Support", "Enabled,ForceEnabled,Disabled", "Enabled"),
    (
        "AdvancedMemProtection",
        "Advanced Memory Protection",
        "Auto,FastFaultTolerantADDDC,AdvancedEcc,MirroredAdvancedEcc",
        "Auto",
    ),
    (
        "ThermalConfig",
        "Thermal Configuration",
        "OptimalCooling,IncreasedCooling,MaxCooling,EnhancedCPUCooling",
        "OptimalCooling",
    ),
    ("XptPrefetcher", "XPT Prefetcher", "Auto,Enabled,Disabled", "Auto"),
    ("LocalRemoteThreshold", "Local/Remote Threshold", "Auto,Low,Medium,High,Disabled", "Auto"),
    ("StaleAtoS", "Stale A to S", ON_OFF, "Disabled"),
];

/// Generation 11 only, or with its own values.
const GEN11: &[Row] = &[
    ("MinProcIdlePower", "Minimum Processor Idle Power Core C-State", "C6,C1E,C6WithoutC1E,NoCStates", "C6"),
    (
        "MinProcIdlePkgState",
        "Minimum Processor Idle Power Package C-State",
        "C6Retention,C6NonRetention,NoState",
        "C6Retention",
    ),
    ("SubNumaClustering", "Sub-NUMA Clustering", "Disabled,EnableSnc2,EnableSnc4", "Disabled"),
    ("ProcX2Apic", "Processor x2APIC Support", "Auto,ForceEnabled", "Auto"),
    (
        "AdvancedMemProtection",
        "Advanced Memory Protection",
        "FastFaultTolerantADDDC,AdvancedEcc,MirroredAdvancedEcc",
        "AdvancedEcc",
    ),
    (
        "ThermalConfig",
        "Thermal Configuration",
        "OptimalCooling,IncreasedCooling,MaxCooling,EnhancedCPUCooling,SmoothCooling",
        "OptimalCooling",
    ),
    ("OptimizedPowerMode", "Optimized Power Mode", "Disabled,Enabled", "Enabled"),
    ("HardwarePmInterrupt", "HardwarePM Interrupt", "Disabled,Enabled", "Disabled"),
    ("PcieGlobalAspm", "PCIe ASPM Support (Global)", ON_OFF, "Enabled"),
    ("StaleAtoS", "Stale A to S", "Auto,Enabled,Disabled", "Auto"),
];

/// Generation 12 only, or with its own values.
const GEN12: &[Row] = &[
    (
        "MinProcIdlePower",
        "Minimum Processor Idle Power Core C-State",
        "C6AsAcpiC2,C6AsAcpiC3,C6PAsAcpiC2,C6PAsAcpiC3,NoCStates",
        "C6AsAcpiC2",
    ),
    (
        "MinProcIdlePkgState",
        "Minimum Processor Idle Power Package C-State",
        "C6NonRetention,NoState",
        "C6NonRetention",
    ),
    ("SubNumaClustering", "Sub-NUMA Clustering", "Disabled,Enabled", "Disabled"),
    (
        "AdvancedMemProtection",
        "Advanced Memory Protection",
        "FastFaultTolerantADDDC,AdvancedEcc,MirroredAdvancedEcc",
        "AdvancedEcc",
    ),
    (
        "ThermalConfig",
        "Thermal Configuration",
        "OptimalCooling,IncreasedCooling,MaxCooling,EnhancedCPUCooling,SmoothCooling",
        "OptimalCooling",
    ),
    ("HardwarePmInterrupt", "HardwarePM Interrupt", "Disabled,Enabled", "Disabled"),
    ("EfficiencyLatencyControl", "Efficiency Latency Control", "Default,LatencyOptimizedMode", "Default"),
    ("EnhancedCStates", "Enhanced C-States", "Enabled,Disabled", "Enabled"),
    ("PcieGlobalAspm", "PCIe ASPM Support (Global)", "PerPort,Disabled", "PerPort"),
    (
        "AvxIccpPreGrantLevel",
        "AVX ICCP Pre-Grant Level",
        "128Heavy,256Light,256Heavy,512Light,512Heavy",
        "128Heavy",
    ),
    ("XptPrefetcher", "XPT Prefetcher", "Auto,Enabled,Disabled", "Auto"),
    ("StaleAtoS", "Stale A to S", "Auto,Enabled,Disabled", "Auto"),
];

/// Generation 9 only, or with its own values: a power profile takes the place of the workload profile.
const GEN9: &[Row] = &[
    ("BootMode", "Boot Mode", "Uefi,LegacyBios", "Uefi"),
    ("PowerProfile", "Power Profile", "BalancedPowerPerf,MinPower,MaxPerf,Custom", "BalancedPowerPerf"),
    ("MinProcIdlePower", "Minimum Processor Idle Power Core C-State", "C6,C3,C1E,NoCStates", "C6"),
    (
        "MinProcIdlePkgState",
        "Minimum Processor Idle Power Package C-State",
        "C6Retention,C6NonRetention,NoState",
        "C6Retention",
    ),
    ("IntelQpiPowerManagement", "QPI Link Power Management", ON_OFF, "Enabled"),
    ("ProcX2Apic", "Processor x2APIC Support", ON_OFF, "Enabled"),
    (
        "AdvancedMemProtection",
        "Advanced Memory Protection",
        "AdvancedEcc,OnlineSpareAdvancedEcc,MirroredAdvancedEcc",
        "AdvancedEcc",
    ),
    (
        "ThermalConfig",
        "Thermal Configuration",
        "OptimalCooling,IncreasedCooling,MaxCooling",
        "OptimalCooling",
    ),
];

/// What of [`ROWS`] a generation does not have.
const GONE: &[(Generation, &[&str])] = &[
    (Generation::Seven, &["UncoreFreqScaling", "IntelProcVtd"]),
    (
        Generation::Four,
        &[
            "WorkloadProfile",
            "IntelUpiPowerManagement",
            "IntelPriorityBaseFreq",
            "ProcessorConfigTDPLevel",
            "HttpSupport",
            "LlcPrefetch",
            "UpiPrefetcher",
            "DirectToUpi",
        ],
    ),
];

/// What every profile but Custom locks.
const LOCKED: &[&str] = &[
    "PowerRegulator",
    "MinProcIdlePower",
    "MinProcIdlePkgState",
    "ProcTurbo",
    "EnergyPerfBias",
    "CollabPowerControl",
    "NumaGroupSizeOpt",
    "UncoreFreqScaling",
    "EnergyEfficientTurbo",
    "HwPrefetcher",
    "AdjSecPrefetch",
    "DcuStreamPrefetcher",
    "DcuIpPrefetcher",
    "IntelUpiPowerManagement",
];

/// What LowLatency locks besides: virtualization among it.
const LOCKED_LOW_LATENCY: &[&str] = &[
    "ProcX2Apic",
    "AdvancedMemProtection",
    "MemRefreshRate",
    "MemPatrolScrubbing",
    "ProcVirtualization",
    "IntelProcVtd",
    "Sriov",
];

const LOW_LATENCY: &[(&str, &str)] = &[
    ("Sriov", "Disabled"),
    ("ProcVirtualization", "Disabled"),
    ("IntelProcVtd", "Disabled"),
    ("ProcTurbo", "Disabled"),
    ("MinProcIdlePower", "NoCStates"),
    ("MinProcIdlePkgState", "NoState"),
    ("EnergyPerfBias", "MaxPerf"),
    ("PowerRegulator", "StaticHighPerf"),
    ("CollabPowerControl", "Disabled"),
    ("UncoreFreqScaling", "Maximum"),
    ("IntelUpiPowerManagement", "Disabled"),
    ("MemPatrolScrubbing", "Disabled"),
    ("MemRefreshRate", "Refreshx1"),
    ("EnergyEfficientTurbo", "Disabled"),
    ("NumaGroupSizeOpt", "Clustered"),
    ("AdvancedMemProtection", "AdvancedEcc"),
    ("HwPrefetcher", "Enabled"),
    ("AdjSecPrefetch", "Enabled"),
    ("DcuStreamPrefetcher", "Enabled"),
    ("DcuIpPrefetcher", "Enabled"),
];

const POWER_EFFICIENT: &[(&str, &str)] = &[
    ("PowerRegulator", "DynamicPowerSavings"),
    ("EnergyPerfBias", "BalancedPerf"),
    ("CollabPowerControl", "Enabled"),
    ("UncoreFreqScaling", "Auto"),
    ("IntelUpiPowerManagement", "Enabled"),
    ("EnergyEfficientTurbo", "Enabled"),
    ("ProcTurbo", "Enabled"),
    ("NumaGroupSizeOpt", "Flat"),
    ("SubNumaClustering", "Disabled"),
    ("HwPrefetcher", "Enabled"),
    ("AdjSecPrefetch", "Enabled"),
    ("DcuStreamPrefetcher", "Enabled"),
    ("DcuIpPrefetcher", "Enabled"),
    ("IntelNicDmaChannels", "Enabled"),
];

/// What LowLatency sets besides on generation 12.
const LOW_LATENCY_12: &[(&str, &str)] = &[
    ("EfficiencyLatencyControl", "LatencyOptimizedMode"),
    ("EnhancedCStates", "Disabled"),
    ("HardwarePmInterrupt", "Disabled"),
    ("PcieGlobalAspm", "PerPort"),
    ("AvxIccpPreGrantLevel", "128Heavy"),
];

/// The registry of a generation.
pub(super) fn registry(facts: &Facts, quirks: &Quirks) -> Registry {
    let generation = facts.generation;
    let gone = GONE.iter().find(|(one, _)| *one == generation).map_or(&[][..], |(_, names)| names);
    let mut attributes = choices(ROWS);
    attributes.retain(|attribute| !gone.contains(&attribute.name.as_str()));
    attributes.extend(choices(match generation {
        Generation::Four => GEN9,
        Generation::Five => GEN10,
        Generation::Six => GEN11,
        Generation::Seven => GEN12,
    }));
    attributes.extend([
        Attribute::url("UrlBootFile", 254, &[".iso", ".efi"]).shown_as("Boot from URL 1"),
        Attribute::text("ServerName", 28, "").shown_as("Server Name"),
        Attribute::text("ServerAssetTag", 32, "").shown_as("Server Asset Tag"),
        Attribute::text("AdminName", 28, "").shown_as("Administrator Name"),
        Attribute::choice("TpmState", &["NotPresent", "PresentDisabled", "PresentEnabled"])
            .shown_as("Current TPM State")
            .fixed(),
    ]);
    let mut dependencies = Vec::new();
    if quirks.has("workload-profile-locks") {
        dependencies = workload_profile(generation);
        // A profile covers no more than there is.
        dependencies.retain(|rule| attributes.iter().any(|one| one.name == rule.target));
    }
    Registry { id: facts.registry.into(), attributes, dependencies }
}

/// What the workload profiles set and lock.
fn workload_profile(generation: Generation) -> Vec<Dependency> {
    let (profile, efficient) = ("WorkloadProfile", "GeneralPowerEfficientCompute");
    let (x2apic, package, core) = match generation {
        Generation::Four | Generation::Five => ("Disabled", "C6NonRetention", "C6"),
        Generation::Six => ("Auto", "C6Retention", "C6"),
        Generation::Seven => ("", "C6NonRetention", "C6AsAcpiC2"),
    };
    let mut all = locks(profile, "Custom", true, LOCKED);
    all.extend(locks(profile, "LowLatency", false, LOCKED_LOW_LATENCY));
    all.extend(locks(profile, efficient, false, &["SubNumaClustering", "IntelNicDmaChannels"]));
    all.extend(sets(profile, "LowLatency", LOW_LATENCY));
    all.extend(sets(profile, "LowLatency", &[("ProcX2Apic", x2apic)]));
    all.extend(sets(profile, efficient, POWER_EFFICIENT));
    all.extend(sets(profile, efficient, &[("MinProcIdlePkgState", package), ("MinProcIdlePower", core)]));
    if generation == Generation::Seven {
        all.extend(sets(profile, "LowLatency", LOW_LATENCY_12));
        let names: Vec<_> = LOW_LATENCY_12.iter().map(|(name, _)| *name).collect();
        all.extend(locks(profile, "LowLatency", false, &names));
    }
    all
}
