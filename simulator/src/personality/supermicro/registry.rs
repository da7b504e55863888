//! BIOS attributes of an X13 board that concern a radio or GPU node: names with the board's number, values with the numbers
//! that the registry gives them.

use crate::machine::bios::{Attribute, Registry};
use crate::personality::Quirks;
use crate::personality::pieces::locks;

const SWITCHED: &str = "0=Disable,1=Enable";
const SWITCHED_D: &str = "0=Disabled,1=Enabled";
const OR_AUTO: &str = "0=Disable,1=Enable,255=Auto";

/// Name, name a person sees, values with their numbers, value at first.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("WaitFor_F1_IfError_0030", "Wait For \"F1\" If Error", SWITCHED_D, "Disabled"),
    ("WatchDogFunction_0033", "Watch Dog Function", SWITCHED_D, "Disabled"),
    (
        "RestoreonACPowerLoss_0035",
        "Restore on AC Power Loss",
        "0=Power On,1=Stay Off,255=Last State",
        "Last State",
    ),
    ("NUMA_003B", "NUMA", SWITCHED_D, "Enabled"),
    ("Above4GDecoding_0041", "Above 4G Decoding", SWITCHED_D, "Enabled"),
    ("MMIOHighBase_0045", "MMIO High Base", "0=56T,1=40T,2=32T,3=24T,4=16T,5=4T,6=2T,7=1T,8=512G", "4T"),
    ("SR_IOVSupport_0047", "SR-IOV Support", SWITCHED_D, "Enabled"),
    ("TXTSupport_0062", "TXT Support", SWITCHED_D, "Disabled"),
    ("TXTSupport_0072", "TXT Support", SWITCHED_D, "Disabled"),
    ("PCIeASPMSupport_Global__00A6", "PCIe ASPM Support (Global)", "0=Disable,1=Auto", "Disable"),
    ("IntelVTforDirectedI_O_VT_d__1E32", "Intel VT for Directed I/O (VT-d)", SWITCHED, "Enable"),
    ("ADDDCSparing_3C3F", "ADDDC Sparing", SWITCHED_D, "Enabled"),
    ("PatrolScrub_3C41", "Patrol Scrub", "0=Disabled,2=Enable at End of POST", "Enable at End of POST"),
    ("HardwarePrefetcher_3C55", "Hardware Prefetcher", SWITCHED, "Enable"),
    ("AdjacentCachePrefetch_3C57", "Adjacent Cache Prefetch", SWITCHED, "Enable"),
    ("DCUStreamerPrefetcher_3C58", "DCU Streamer Prefetcher", SWITCHED, "Enable"),
    ("DCUIPPrefetcher_3C59", "DCU IP Prefetcher", SWITCHED, "Enable"),
    ("LLCPrefetch_3C5A", "LLC Prefetch", SWITCHED, "Disable"),
    ("IntelVirtualizationTechnology_3C6F", "Intel Virtualization Technology", SWITCHED, "Enable"),
    ("AES_NI_3C75", "AES-NI", SWITCHED, "Enable"),
    (
        "PowerPerformanceTuning_3CE0",
        "Power Performance Tuning",
        "0=OS Controls EPB,1=BIOS Controls EPB",
        "OS Controls EPB",
    ),
    (
        "ENERGY_PERF_BIAS_CFGMode_3CE1",
        "ENERGY_PERF_BIAS_CFG Mode",
        "3=Maximum Performance,0=Performance,7=Balanced Performance,8=Balanced Power,15=Power",
        "Balanced Performance",
    ),
    ("OptimizedPowerMode_3CE2", "Optimized Power Mode", SWITCHED, "Disable"),
    ("AVXP1_3CFE", "AVX P1", "0=Nominal,1=Level 1,2=Level 2", "Nominal"),
    ("EISTPSDFunction_3D03", "EIST PSD Function", "0=HW_ALL,1=SW_ALL", "HW_ALL"),
    ("TurboMode_3D06", "Turbo Mode", SWITCHED, "Enable"),
    ("EnableMonitorMWAIT_3D1F", "Enable Monitor MWAIT", OR_AUTO, "Auto"),
    ("CPUC1AutoDemotion_3D20", "CPU C1 Auto Demotion", OR_AUTO, "Auto"),
    ("CPUC6Report_3D22", "CPU C6 Report", OR_AUTO, "Auto"),
    ("EnhancedHaltState_C1E__3D23", "Enhanced Halt State (C1E)", SWITCHED, "Enable"),
    (
        "PackageCState_3D25",
        "Package C State",
        "0=C0/C1 state,1=C2 state,2=C6(non Retention) state,3=C6(Retention) state,7=No Limit,255=Auto",
        "Auto",
    ),
    ("Hyper_Threading_ALL__F27F", "Hyper-Threading [ALL]", "0=Enable,1=Disable", "Enable"),
    ("ExtendedAPIC_F281", "Extended APIC", SWITCHED, "Enable"),
    (
        "HardwareP_States_F282",
        "Hardware P-States",
        "0=Disable,1=Native Mode,2=Out of Band Mode,3=Native Mode with No Legacy Support",
        "Disable",
    ),
    ("SNC_F300", "SNC", "15=Auto,0=Disable,2=Enable SNC2 (2-clusters),4=Enable SNC4 (4-clusters)", "Auto"),
    ("PowerTechnology_FF77", "Power Technology", "0=Disable,1=Energy Efficient,2=Custom", "Custom"),
    ("SpeedStep_P_States__FF12", "SpeedStep (P-States)", SWITCHED, "Enable"),
];

/// A name without the board's number.
fn plain_name(name: &str) -> &str {
    name.rsplit_once('_').map_or(name, |(plain, _)| plain)
}

fn pairs(values: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    values.split(',').filter_map(|pair| pair.split_once('='))
}

/// The number that the registry gives a value of an attribute, which is named with or without the board's.
pub(super) fn number(attribute: &str, value: &str) -> Option<&'static str> {
    let (_, _, values, _) =
        ROWS.iter().find(|(name, ..)| *name == attribute || plain_name(name) == attribute)?;
    pairs(values).find(|(_, word)| *word == value).map(|(number, _)| number)
}

/// What is no enumeration.
fn others() -> Vec<Attribute> {
    vec![
        Attribute::boolean("QuietBoot_002D", true).shown_as("Quiet Boot"),
        Attribute::boolean("ConsoleRedirection_007E", false).shown_as("Console Redirection"),
        Attribute::boolean("ConsoleRedirection_0080", true).shown_as("Console Redirection"),
        Attribute::integer("PXEBootWaitTime_00F8", 0, 5, 0).shown_as("PXE Boot Wait Time"),
        Attribute::integer("MediaDetectCount_00F9", 1, 50, 1).shown_as("Media Detect Count"),
        Attribute::text("BootURI_2953", 127, "").shown_as("Boot URI"),
    ]
}

/// The registry.
pub(super) fn registry(quirks: &Quirks) -> Registry {
    let choices = ROWS.iter().map(|(name, display, values, first)| {
        let words: Vec<_> = pairs(values).map(|(_, word)| word).collect();
        Attribute::choice(name, &words).shown_as(display).initially(*first)
    });
    let mut attributes: Vec<_> = others().into_iter().chain(choices).collect();
    let suffixes = quirks.has("attribute-suffixes");
    // Without the board's numbers, those that differ in them alone would be one.
    if !(suffixes && quirks.has("repeated-attributes")) {
        let mut seen = std::collections::BTreeSet::new();
        attributes.retain(|attribute| seen.insert(plain_name(&attribute.name).to_owned()));
    }
    let mut dependencies = locks(
        "PowerTechnology_FF77",
        "Custom",
        true,
        &["PowerPerformanceTuning_3CE0", "ENERGY_PERF_BIAS_CFGMode_3CE1"],
    );
    let bias = "ENERGY_PERF_BIAS_CFGMode_3CE1";
    dependencies.extend(locks("PowerPerformanceTuning_3CE0", "OS Controls EPB", false, &[bias]));
    dependencies.extend(locks(
        "HardwareP_States_F282",
        "Out of Band Mode",
        false,
        &["PowerPerformanceTuning_3CE0"],
    ));
    dependencies.extend(locks("SpeedStep_P_States__FF12", "Disable", false, &["EISTPSDFunction_3D03"]));
    dependencies.extend(locks("OptimizedPowerMode_3CE2", "Enable", false, &["EnhancedHaltState_C1E__3D23"]));
    if !suffixes {
        let strip = |name: &mut String| *name = plain_name(name).to_owned();
        attributes.iter_mut().for_each(|attribute| strip(&mut attribute.name));
        for rule in &mut dependencies {
            strip(&mut rule.attribute);
            strip(&mut rule.target);
        }
    }
    Registry { id: "BiosAttributeRegistry.v1_0_0".into(), attributes, dependencies }
}
