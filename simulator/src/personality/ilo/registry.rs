//! BIOS attributes that concern a radio node. Values of an enumeration differ between generations, and a workload
//! profile is a state: while selected it sets and locks what it covers.

use super::facts::Facts;
use crate::machine::bios::{Attribute, Registry};
use crate::personality::pieces::{Row, choices, locks, sets};

const ON_OFF: &str = "Enabled,Disabled";
const PROFILES: &str = "GeneralPowerEfficientCompute,GeneralPeakFrequencyCompute,GeneralThroughputCompute,Virtualization-PowerEfficient,Virtualization-MaxPerformance,LowLatency,MissionCritical,TransactionalApplicationProcessing,HighPerformanceCompute(HPC),DecisionSupport,GraphicProcessing,I/OThroughput,Custom";

/// Name, name a person sees, values, value at first: those that both generations have alike.
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
    ("MinProcIdlePower", "C6"),
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

/// The registry of a generation.
pub(super) fn registry(facts: &Facts) -> Registry {
    let eleventh = facts.name == "ilo6";
    let mut attributes = choices(ROWS);
    attributes.extend(choices(if eleventh { GEN11 } else { GEN10 }));
    attributes.extend([
        Attribute::text("UrlBootFile", 254, "").shown_as("Boot from URL 1"),
        Attribute::text("ServerName", 28, "").shown_as("Server Name"),
        Attribute::text("ServerAssetTag", 32, "").shown_as("Server Asset Tag"),
        Attribute::text("AdminName", 28, "").shown_as("Administrator Name"),
        Attribute::choice("TpmState", &["NotPresent", "PresentDisabled", "PresentEnabled"])
            .shown_as("Current TPM State")
            .fixed(),
    ]);
    let profile = "WorkloadProfile";
    let mut dependencies = locks(profile, "Custom", true, LOCKED);
    dependencies.extend(locks(profile, "LowLatency", false, LOCKED_LOW_LATENCY));
    dependencies.extend(locks(
        profile,
        "GeneralPowerEfficientCompute",
        false,
        &["SubNumaClustering", "IntelNicDmaChannels"],
    ));
    dependencies.extend(sets(profile, "LowLatency", LOW_LATENCY));
    dependencies.extend(sets(profile, "GeneralPowerEfficientCompute", POWER_EFFICIENT));
    let (x2apic, package) = if eleventh { ("Auto", "C6Retention") } else { ("Disabled", "C6NonRetention") };
    dependencies.extend(sets(profile, "LowLatency", &[("ProcX2Apic", x2apic)]));
    dependencies.extend(sets(profile, "GeneralPowerEfficientCompute", &[("MinProcIdlePkgState", package)]));
    Registry { id: facts.registry.into(), attributes, dependencies }
}
