//! BIOS tokens: each an object with an attribute, in force from the next POST on.

use serde_json::{Map, Value};

use super::element::Element;
use super::object::Object;
use super::refusal::Refusal;
use crate::machine::Machine;
use crate::machine::bios::{Attribute, Kind, plain};

const SETTINGS: &str = "sys/rack-unit-1/bios/bios-settings";
const DEFAULTS: &str = "sys/rack-unit-1/bios/bios-defaults";
/// What restores a token's factory value.
const DEFAULT: &str = "platform-default";

/// A token as it is named here and by Redfish.
struct Token {
    rn: &'static str,
    class: &'static str,
    property: &'static str,
    /// The name in the attribute registries of M5 and later, then of M4.
    redfish: [&'static str; 2],
}

const fn token(
    rn: &'static str,
    class: &'static str,
    property: &'static str,
    redfish: [&'static str; 2],
) -> Token {
    Token { rn, class, property, redfish }
}

const fn same(rn: &'static str, class: &'static str, property: &'static str, redfish: &'static str) -> Token {
    token(rn, class, property, [redfish, redfish])
}

/// Classes, relative names and attributes: CiscoUcs/imcsdk.
#[rustfmt::skip]
static TOKENS: [Token; 20] = [
    same("Intel-HyperThreading-Tech", "biosVfIntelHyperThreadingTech", "vpIntelHyperThreadingTech", "IntelHyperThread"),
    same("Intel-VT-for-directed-IO", "biosVfIntelVTForDirectedIO", "vpIntelVTForDirectedIO", "IntelVTD"),
    same("Intel-Virtualization-Technology", "biosVfIntelVirtualizationTechnology", "vpIntelVirtualizationTechnology", "IntelVT"),
    same("Intel-Turbo-Boost-Tech", "biosVfIntelTurboBoostTech", "vpIntelTurboBoostTech", "IntelTurboBoostTech"),
    same("Enhanced-Intel-SpeedStep-Tech", "biosVfEnhancedIntelSpeedStepTech", "vpEnhancedIntelSpeedStepTech", "EnhancedIntelSpeedStep"),
    same("sr-iov", "biosVfSrIov", "vpSrIov", "SrIov"),
    same("Package-CState-Limit", "biosVfPackageCStateLimit", "vpPackageCStateLimit", "PackageCstateLimit"),
    same("Processor-C1E", "biosVfProcessorC1E", "vpProcessorC1E", "ProcessorC1E"),
    same("Processor-C6-Report", "biosVfProcessorC6Report", "vpProcessorC6Report", "ProcessorC6Report"),
    token("Autonumous-Cstate-Enable", "biosVfAutonumousCstateEnable", "vpAutonumousCstateEnable", ["AutoCCState", "AutonumousCstateEnable"]),
    same("Uncore-Frequency-Scaling", "biosVfUFSDisable", "vpUFSDisable", "UFSDisable"),
    same("CPU-Performance", "biosVfCPUPerformance", "vpCPUPerformance", "CPUPerformance"),
    same("Pwr-Perf-Tuning", "biosVfPwrPerfTuning", "vpPwrPerfTuning", "PwrPerfTuning"),
    same("work-load-config", "biosVfWorkLoadConfig", "vpWorkLoadConfig", "WorkLdConfig"),
    same("Patrol-Scrub-Param", "biosVfPatrolScrub", "vpPatrolScrub", "PatrolScrub"),
    same("Memory-mapped-IO-above-4GB", "biosVfMemoryMappedIOAbove4GB", "vpMemoryMappedIOAbove4GB", "MemoryMappedIOAbove4GB"),
    same("NUMA-optimized", "biosVfNUMAOptimized", "vpNUMAOptimized", "NUMAOptimize"),
    same("snc", "biosVfSNC", "vpSNC", "SNC"),
    same("TPM-Control", "biosVfTPMControl", "vpTPMControl", "TPMControl"),
    same("SelectMemory-RAS-configuration", "biosVfSelectMemoryRASConfiguration", "vpSelectMemoryRASConfiguration", "SelectMemoryRAS"),
];

impl Token {
    /// What this machine's registry says of it.
    fn attribute<'a>(&self, machine: &'a Machine) -> Option<&'a Attribute> {
        self.redfish.iter().find_map(|name| machine.bios.registry.attribute(name))
    }
}

/// Whether a class is a token's.
pub(super) fn is_token(class: &str) -> bool {
    TOKENS.iter().any(|token| token.class == class)
}

/// The settings with a child for each token, and the factory values likewise.
pub(super) fn objects(machine: &Machine) -> Vec<Object> {
    let tokens = |home: &str, value: &dyn Fn(&Attribute) -> String| {
        let object = |token: &Token| {
            let attribute = token.attribute(machine)?;
            let object = Object::new(token.class, format!("{home}/{}", token.rn));
            Some(object.with(token.property, value(attribute)))
        };
        TOKENS.iter().filter_map(object).collect::<Vec<_>>()
    };
    let current = |one: &Attribute| machine.bios.current.get(&one.name).map(plain).unwrap_or_default();
    vec![
        Object::new("biosSettings", SETTINGS).holding(tokens(SETTINGS, &current)),
        Object::new("biosPlatformDefaults", DEFAULTS).holding(tokens(DEFAULTS, &|one| plain(&one.default))),
    ]
}

/// Relative name of a token that is described without one.
pub(super) fn relative_name(element: &Element) -> Option<String> {
    Some(TOKENS.iter().find(|token| token.class == element.name)?.rn.into())
}

/// A token: staged for the next POST.
///
/// # Errors
/// A token that this machine does not have, a value that it does not take.
pub(super) fn configure(machine: &mut Machine, element: &Element, dn: &str) -> Result<(), Refusal> {
    let found = TOKENS.iter().find(|token| token.class == element.name);
    let found = found.filter(|token| dn == format!("{SETTINGS}/{}", token.rn));
    let token = found.ok_or_else(|| Refusal::schema(format!("'{dn}' is no {}", element.name)))?;
    let Some(wanted) = element.get(token.property) else { return Ok(()) };
    let attribute = token.attribute(machine);
    let attribute = attribute.ok_or_else(|| Refusal::operation("this server does not have the token"))?;
    let value = value(attribute, wanted).ok_or_else(|| Refusal::value(element, token.property))?;
    let staged: Map<_, _> = [(attribute.name.clone(), value)].into_iter().collect();
    machine.write_bios(staged).map_err(|refused| {
        let names: Vec<_> = refused.into_iter().map(|one| one.attribute).collect();
        Refusal::operation(format!("the BIOS does not take {}", names.join(", ")))
    })
}

/// A value in the registry's spelling: here `high-throughput` means `High Throughput`.
fn value(attribute: &Attribute, wanted: &str) -> Option<Value> {
    let normal = |text: &str| text.to_ascii_lowercase().replace('-', " ");
    if wanted == DEFAULT {
        return Some(attribute.default.clone());
    }
    let Kind::Enumeration(values) = &attribute.kind else { return None };
    values.iter().find(|value| normal(value) == normal(wanted)).map(|value| value.as_str().into())
}
