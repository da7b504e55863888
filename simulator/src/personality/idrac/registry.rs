//! BIOS attributes of a PowerEdge R750: those that concern a radio node, with the registry's names and values.

use super::facts::Generation;
use crate::machine::bios::{Attribute, Registry};
use crate::personality::pieces::{Row, choices, locks, sets};

/// What everything but the system profile `Custom` locks.
const PROFILED: &[&str] = &[
    "ProcPwrPerf",
    "ProcTurboMode",
    "ProcC1E",
    "ProcCStates",
    "MemPatrolScrub",
    "MemRefreshRate",
    "UncoreFrequency",
    "EnergyPerformanceBias",
    "MonitorMwait",
    "CpuInterconnectBusLinkPower",
    "PcieAspmL1",
];

/// Name, name a person sees, values, value at first: a server as it is often delivered.
const ROWS: &[Row] = &[
    (
        "SysProfile",
        "System Profile",
        "PerfPerWattOptimizedDapc,PerfPerWattOptimizedOs,PerfOptimized,Custom",
        "PerfPerWattOptimizedDapc",
    ),
    (
        "WorkloadProfile",
        "Workload Profile",
        "NotConfigured,HpcProfile,LowLatencyOptimizedProfile,VtOptimizedProfile,VtPerWattOptimizedProfile,DbOptimizedProfile,DbPerWattOptimizedProfile,SdsOptimizedProfile,SdsPerWattOptimizedProfile,TelcoOptimizedProfile",
        "NotConfigured",
    ),
    ("ProcPwrPerf", "CPU Power Management", "SysDbpm,OsDbpm,MaxPerf", "SysDbpm"),
    ("ProcTurboMode", "Turbo Boost", "Enabled,Disabled", "Enabled"),
    ("ProcC1E", "C1E", "Enabled,Disabled", "Enabled"),
    ("ProcCStates", "C States", "Enabled,Disabled,Autonomous", "Enabled"),
    ("MemPatrolScrub", "Memory Patrol Scrub", "Extended,Standard,Disabled", "Standard"),
    ("MemRefreshRate", "Memory Refresh Rate", "1x,2x", "1x"),
    ("UncoreFrequency", "Uncore Frequency", "DynamicUFS,MaxUFS", "DynamicUFS"),
    (
        "EnergyPerformanceBias",
        "Energy Efficient Policy",
        "MaxPower,BalancedPerformance,BalancedEfficiency,LowPower",
        "BalancedPerformance",
    ),
    ("MonitorMwait", "Monitor/Mwait", "Enabled,Disabled", "Enabled"),
    (
        "CpuInterconnectBusLinkPower",
        "CPU Interconnect Bus Link Power Management",
        "Enabled,Disabled",
        "Enabled",
    ),
    ("PcieAspmL1", "PCI ASPM L1 Link Power Management", "Enabled,Disabled", "Enabled"),
    ("CorrEccSmi", "Correctable Memory ECC SMI", "Enabled,Disabled", "Enabled"),
    ("LogicalProc", "Logical Processor", "Enabled,Disabled", "Enabled"),
    ("NodeInterleave", "Node Interleaving", "Enabled,Disabled", "Disabled"),
    (
        "MemOpMode",
        "Memory Operating Mode",
        "OptimizerMode,FaultResilientMode,NUMAFaultResilientMode",
        "OptimizerMode",
    ),
    ("SubNumaCluster", "Sub NUMA Cluster", "2-Way,Disabled", "Disabled"),
    ("ProcVirtualization", "Virtualization Technology", "Enabled,Disabled", "Enabled"),
    ("SriovGlobalEnable", "SR-IOV Global Enable", "Enabled,Disabled", "Disabled"),
    ("ProcX2Apic", "x2APIC Mode", "Enabled,Disabled", "Disabled"),
    ("MmioAbove4Gb", "Memory Mapped I/O above 4GB", "Enabled,Disabled", "Enabled"),
    ("IoatEngine", "I/OAT DMA Engine", "Enabled,Disabled", "Disabled"),
    ("ProcCores", "Number of Cores per Processor", "All,1,2,4,6,8,10,12,14,16", "All"),
    ("ProcHwPrefetcher", "Hardware Prefetcher", "Enabled,Disabled", "Enabled"),
    ("ProcAdjCacheLine", "Adjacent Cache Line Prefetch", "Enabled,Disabled", "Enabled"),
    ("DcuStreamerPrefetcher", "DCU Streamer Prefetcher", "Enabled,Disabled", "Enabled"),
    ("DcuIpPrefetcher", "DCU IP Prefetcher", "Enabled,Disabled", "Enabled"),
    ("UpiPrefetch", "UPI Prefetch", "Enabled,Disabled", "Enabled"),
    ("LlcPrefetch", "LLC Prefetch", "Enabled,Disabled", "Disabled"),
    ("XptPrefetch", "XPT Prefetch", "Enabled,Disabled", "Enabled"),
    ("DeadLineLlcAlloc", "Dead Line LLC Alloc", "Enabled,Disabled", "Enabled"),
    ("DirectoryAtoS", "Directory AtoS", "Enabled,Disabled", "Disabled"),
    ("CpuInterconnectBusSpeed", "CPU Interconnect Speed", "MaxDataRate,11GTps,10GTps,9GTps", "MaxDataRate"),
    ("ControlledTurbo", "Dell Controlled Turbo Setting", "Enabled,Disabled", "Disabled"),
    ("WorkloadConfiguration", "Workload Configuration", "Balance,IoSensitive", "Balance"),
    ("OsWatchdogTimer", "OS Watchdog Timer", "Enabled,Disabled", "Disabled"),
    ("AcPwrRcvry", "AC Power Recovery", "Last,On,Off", "Last"),
    ("AcPwrRcvryDelay", "AC Power Recovery Delay", "Immediate,Random,User", "Immediate"),
    ("BootMode", "Boot Mode", "Bios,Uefi", "Uefi"),
    ("BootSeqRetry", "Boot Sequence Retry", "Enabled,Disabled,Reset", "Enabled"),
    ("SecureBoot", "Secure Boot", "Enabled,Disabled", "Disabled"),
    ("SecureBootMode", "Secure Boot Mode", "UserMode,DeployedMode", "DeployedMode"),
    ("UefiVariableAccess", "UEFI Variable Access", "Standard,Controlled", "Standard"),
    ("TpmSecurity", "TPM Security", "Off,On", "On"),
    ("InBandManageabilityInterface", "In-Band Manageability Interface", "Enabled,Disabled", "Enabled"),
    ("PowerCycleRequest", "Power Cycle Request", "None,FullPowerCycle", "None"),
    ("OneTimeBootMode", "One-Time Boot Device List", "Disabled,OneTimeUefiBootSeq", "Disabled"),
    ("PxeDev1EnDis", "PXE Device1", "Enabled,Disabled", "Enabled"),
    ("HttpDev1EnDis", "HTTP Device1", "Enabled,Disabled", "Disabled"),
    (
        "HttpDev1Interface",
        "Interface",
        "NIC.Integrated.1-1-1,NIC.Integrated.1-2-1,NIC.Slot.3-1-1,NIC.Slot.3-2-1",
        "NIC.Integrated.1-1-1",
    ),
    ("HttpDev1TlsMode", "TLS Authentication Mode", "None,OneWay", "None"),
    ("EmbNic1", "Embedded NIC1", "Enabled,DisabledOs", "Enabled"),
];

/// The registry of a generation: alike but for the name of the server and the version of its BIOS.
pub(super) fn registry(generation: Generation) -> Registry {
    let facts = generation.facts();
    let mut attributes = choices(ROWS);
    attributes.extend([
        Attribute::integer("AcPwrRcvryUserDelay", 120, 600, 120)
            .shown_as("User Defined Delay (120s to 600s)"),
        Attribute::url("HttpDev1Uri", 255, &[])
            .shown_as("URI (will obtain from DHCP server if not specified)"),
        Attribute::text("AssetTag", 63, "").shown_as("Asset Tag"),
        Attribute::text("SetupPassword", 32, "").shown_as("Setup Password"),
        Attribute::text("SystemModelName", 40, facts.model).shown_as("System Model Name").fixed(),
        Attribute::text("SystemManufacturer", 32, "Dell Inc.").shown_as("System Manufacturer").fixed(),
        Attribute::text("SystemBiosVersion", 48, facts.bios).shown_as("System BIOS Version").fixed(),
        Attribute::text("SysMemSize", 60, "512 GB").shown_as("System Memory Size").fixed(),
    ]);
    let mut dependencies = locks("SysProfile", "Custom", true, PROFILED);
    let profiled = |profile, values: [&'static str; 11]| {
        let pairs: Vec<_> = PROFILED.iter().copied().zip(values).collect();
        sets("SysProfile", profile, &pairs)
    };
    let on = "Enabled";
    dependencies.extend(profiled(
        "PerfPerWattOptimizedDapc",
        ["SysDbpm", on, on, on, "Standard", "1x", "DynamicUFS", "BalancedPerformance", on, on, on],
    ));
    dependencies.extend(profiled(
        "PerfPerWattOptimizedOs",
        ["OsDbpm", on, on, on, "Standard", "1x", "DynamicUFS", "BalancedPerformance", on, on, on],
    ));
    let off = "Disabled";
    dependencies.extend(profiled(
        "PerfOptimized",
        ["MaxPerf", on, off, off, "Standard", "1x", "MaxUFS", "MaxPower", on, off, off],
    ));
    // A workload profile is an action: it rewrites attributes once, and later edits of them are legal.
    for profile in ["LowLatencyOptimizedProfile", "TelcoOptimizedProfile"] {
        dependencies.extend(sets(
            "WorkloadProfile",
            profile,
            &[
                ("SysProfile", "Custom"),
                ("ProcPwrPerf", "MaxPerf"),
                ("ProcC1E", off),
                ("ProcCStates", off),
                ("UncoreFrequency", "MaxUFS"),
                ("EnergyPerformanceBias", "MaxPower"),
                ("CpuInterconnectBusLinkPower", off),
                ("PcieAspmL1", off),
            ],
        ));
    }
    dependencies.extend(locks("AcPwrRcvryDelay", "User", true, &["AcPwrRcvryUserDelay"]));
    dependencies.extend(locks(
        "HttpDev1EnDis",
        off,
        false,
        &["HttpDev1Interface", "HttpDev1Uri", "HttpDev1TlsMode"],
    ));
    Registry { id: "BiosAttributeRegistry.v1_0_3".into(), attributes, dependencies }
}
