//! BIOS attributes of an SR670 V2 (Intel) that concern a radio or GPU node: a section of setup, then the name.

use crate::machine::bios::{Attribute, Registry};
use crate::personality::Quirks;
use crate::personality::pieces::{Row, choices, locks, sets};

const SWITCHED: &str = "Disabled,Enabled";
const MODE: &str = "OperatingModes_ChooseOperatingMode";

/// Name, name a person sees, values, value at first.
const ROWS: &[Row] = &[
    (
        MODE,
        "Choose Operating Mode",
        "MinimalPower,Efficiency_FavorPower,Efficiency_FavorPerformance,CustomMode,MaximumPerformance",
        "Efficiency_FavorPerformance",
    ),
    ("Processors_TurboMode", "Turbo Mode", SWITCHED, "Enabled"),
    (
        "Processors_CPUPstateControl",
        "CPU P-state Control",
        "None,Legacy,Autonomous,CooperativeWithoutLegacy,CooperativeWithLegacy",
        "Autonomous",
    ),
    ("Processors_CStates", "C-States", "Legacy,Autonomous,Disabled", "Autonomous"),
    ("Processors_C1EnhancedMode", "C1 Enhanced Mode", SWITCHED, "Enabled"),
    ("Processors_HyperThreading", "Hyper-Threading", "Enabled,Disabled", "Enabled"),
    ("Processors_TrustedExecutionTechnology", "Trusted Execution Technology", SWITCHED, "Disabled"),
    ("Processors_IntelVirtualizationTechnology", "Intel Virtualization Technology", SWITCHED, "Enabled"),
    ("Processors_HardwarePrefetcher", "Hardware Prefetcher", SWITCHED, "Enabled"),
    ("Processors_AdjacentCachePrefetch", "Adjacent Cache Prefetch", SWITCHED, "Enabled"),
    ("Processors_DCUStreamerPrefetcher", "DCU Streamer Prefetcher", SWITCHED, "Enabled"),
    ("Processors_DCUIPPrefetcher", "DCU IP Prefetcher", SWITCHED, "Enabled"),
    ("Processors_EnergyEfficientTurbo", "Energy Efficient Turbo", "Enabled,Disabled", "Enabled"),
    ("Processors_UncoreFrequencyScaling", "Uncore Frequency Scaling", "Enabled,Disabled", "Enabled"),
    ("Processors_MONITORMWAIT", "MONITOR/MWAIT", SWITCHED, "Enabled"),
    ("Processors_UPILinkDisable", "UPI Link Disable", "EnabledAllLinks,Disabled1Link", "EnabledAllLinks"),
    (
        "Processors_UPILinkFrequency",
        "UPI Link Frequency",
        "MinimalPower,Balanced,MaximumPerformance",
        "MaximumPerformance",
    ),
    ("Processors_SNC", "SNC", SWITCHED, "Disabled"),
    ("Processors_UMA_BasedClustering", "UMA-Based Clustering", "Disabled,Hemisphere", "Hemisphere"),
    (
        "Processors_CoresinCPUPackage",
        "Cores in CPU Package",
        "All,CoresinCPUPackage_8,CoresinCPUPackage_10,CoresinCPUPackage_16,CoresinCPUPackage_24",
        "All",
    ),
    ("DevicesandIOPorts_IntelVTforDirectedIOVTd", "Intel VT for Directed I/O (VT-d)", SWITCHED, "Enabled"),
    ("DevicesandIOPorts_SRIOV", "SRIOV", SWITCHED, "Enabled"),
    (
        "DevicesandIOPorts_PCI64BitResourceAllocation",
        "PCI 64-Bit Resource Allocation",
        "Disabled,Enabled,Auto",
        "Auto",
    ),
    ("DevicesandIOPorts_EnableDisableIntelVMD", "Enable/Disable Intel VMD", SWITCHED, "Disabled"),
    ("DevicesandIOPorts_Com1StopBits", "COM1 Stop Bits", "Com1StopBits_1,Com1StopBits_2", "Com1StopBits_1"),
    ("Memory_MemorySpeed", "Memory Speed", "MaximumPerformance,MinimalPower,Balanced", "MaximumPerformance"),
    ("Memory_PatrolScrub", "Patrol Scrub", SWITCHED, "Enabled"),
    ("Memory_ADDDCSparing", "ADDDC Sparing", SWITCHED, "Disabled"),
    ("Memory_PagePolicy", "Page Policy", "Closed,Adaptive", "Adaptive"),
    (
        "Power_PowerPerformanceBias",
        "Power/Performance Bias",
        "OSControlled,PlatformControlled",
        "PlatformControlled",
    ),
    (
        "Power_PlatformControlledType",
        "Platform Controlled Type",
        "MaximumPerformance,MinimalPower,Efficiency_FavorPerformance,Efficiency_FavorPower",
        "Efficiency_FavorPerformance",
    ),
    ("Power_WorkloadConfiguration", "Workload Configuration", "Balanced,I_OSensitive", "Balanced"),
    ("Power_ASPM", "ASPM", "Disabled,Auto", "Disabled"),
    ("BootModes_SystemBootMode", "System Boot Mode", "UEFIMode,LegacyMode", "UEFIMode"),
    ("BootModes_InfiniteBootRetry", "Infinite Boot Retry", SWITCHED, "Disabled"),
    ("BootModes_PreventOSChangesToBootOrder", "Prevent OS Changes To Boot Order", SWITCHED, "Disabled"),
];

/// What can be written in `CustomMode` only.
const CUSTOM: &[&str] = &[
    "Processors_TurboMode",
    "Processors_CPUPstateControl",
    "Processors_CStates",
    "Processors_C1EnhancedMode",
    "Processors_EnergyEfficientTurbo",
    "Processors_UncoreFrequencyScaling",
    "Processors_MONITORMWAIT",
    "Processors_UPILinkDisable",
    "Processors_UPILinkFrequency",
    "Memory_MemorySpeed",
    "Memory_PagePolicy",
    "Power_PowerPerformanceBias",
    "Power_PlatformControlledType",
];

/// What the modes set, of those.
const MAXIMUM: &[(&str, &str)] = &[
    ("Processors_CStates", "Disabled"),
    ("Processors_C1EnhancedMode", "Disabled"),
    ("Processors_EnergyEfficientTurbo", "Disabled"),
    ("Processors_UncoreFrequencyScaling", "Disabled"),
    ("Power_PlatformControlledType", "MaximumPerformance"),
];
const FAVOR_PERFORMANCE: &[(&str, &str)] = &[
    ("Processors_CStates", "Autonomous"),
    ("Processors_C1EnhancedMode", "Enabled"),
    ("Processors_EnergyEfficientTurbo", "Enabled"),
    ("Processors_UncoreFrequencyScaling", "Enabled"),
    ("Power_PlatformControlledType", "Efficiency_FavorPerformance"),
];

/// The registry.
pub(super) fn registry(quirks: &Quirks) -> Registry {
    let mut attributes = choices(ROWS);
    attributes.push(Attribute::boolean("Processors_UpstreamForwardingEnable", false));
    attributes.push(Attribute::integer("SystemRecovery_POSTWatchdogTimerValue", 5, 20, 5));
    attributes.push(
        Attribute::choice(
            "SecureBootConfiguration_SecureBootMode",
            &["UserMode", "SetupMode", "AuditMode", "DeployedMode"],
        )
        .fixed(),
    );
    let mut dependencies = Vec::new();
    if quirks.has("operating-mode-locks") {
        dependencies.extend(locks(MODE, "CustomMode", true, CUSTOM));
        dependencies.extend(sets(MODE, "MaximumPerformance", MAXIMUM));
        dependencies.extend(sets(MODE, "Efficiency_FavorPerformance", FAVOR_PERFORMANCE));
    }
    dependencies.extend(locks("Processors_CStates", "Autonomous", false, &["Processors_C1EnhancedMode"]));
    dependencies.extend(locks("Processors_CStates", "Disabled", true, &["Processors_MONITORMWAIT"]));
    dependencies.extend(locks("Processors_TurboMode", "Enabled", true, &["Processors_EnergyEfficientTurbo"]));
    dependencies.extend(locks("Processors_SNC", "Disabled", true, &["Processors_UMA_BasedClustering"]));
    dependencies.extend(locks(
        "Processors_TrustedExecutionTechnology",
        "Enabled",
        false,
        &["Processors_IntelVirtualizationTechnology"],
    ));
    Registry { id: "BiosAttributeRegistry.1.0.0".into(), attributes, dependencies }
}
