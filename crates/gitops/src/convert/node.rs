//! One node.

use serde_json::{Map, Value, json};

use rackhand_spec::{Code, LocatedValue, ScalarKind, Severity};

use super::cluster::{extra_annotations, one_of};
use super::fields::{Fields, Homeless, list, text, text_map};
use super::{Site, TEMPLATES, added};
use crate::render::read::{At, given};
use crate::render::siteconfig::bios_settings;

const NODE: &[Homeless] = &[
    ("cpuset", "set cpuPartitioningMode: AllNodes, and the CPUs in a PerformanceProfile"),
    ("crTemplates", TEMPLATES),
    ("diskPartition", "write the partitions into ignitionConfigOverride"),
    ("hardwareProfile", "metal3 has removed it: leave it out"),
    ("userData", "the default templates have no place for it"),
];

const HINTS: [&str; 10] = [
    "deviceName",
    "hctl",
    "model",
    "vendor",
    "serialNumber",
    "minSizeGigabytes",
    "wwn",
    "wwnWithExtension",
    "wwnVendorExtension",
    "rotational",
];

/// A node of a ClusterInstance, and its BIOS settings, which have no place in it.
pub(super) struct Node {
    pub(super) instance: Value,
    pub(super) settings: Option<Value>,
}

pub(super) fn convert(at: &At<'_>, site: &Site<'_, '_>, bios: &[Option<&At<'_>>]) -> Option<Node> {
    let fields = Fields::of(at, NODE)?;
    let own_bios = fields.get("biosConfigRef");
    let reference = own_bios.as_ref().or_else(|| bios.iter().find_map(|level| *level));
    let settings = reference.and_then(|at| settings(at, site));
    let annotations = added(&fields);
    let templates = json!([{ "name": "ai-node-templates-v1", "namespace": site.options.template_namespace }]);
    let instance = given([
        ("hostName", fields.required_text("hostName")),
        ("role", one_of(&fields, "role", &["master", "worker", "arbiter"])),
        ("bmcAddress", fields.required_text("bmcAddress")),
        ("bmcCredentialsName", fields.reference("bmcCredentialsName")),
        ("bootMACAddress", fields.required_text("bootMACAddress")),
        ("bootMode", one_of(&fields, "bootMode", &["UEFI", "UEFISecureBoot", "legacy"])),
        ("automatedCleaningMode", one_of(&fields, "automatedCleaningMode", &["metadata", "disabled"])),
        ("ironicInspect", inspect(&fields)),
        ("cpuArchitecture", one_of(&fields, "cpuArchitecture", &["x86_64", "aarch64"])),
        ("rootDeviceHints", fields.structure("rootDeviceHints", &HINTS)),
        ("nodeLabels", fields.get("nodeLabels").and_then(|at| text_map(&at))),
        ("nodeNetwork", fields.get("nodeNetwork").and_then(|at| network(&at))),
        ("installerArgs", fields.text("installerArgs")),
        ("ignitionConfigOverride", fields.text("ignitionConfigOverride")),
        ("extraAnnotations", extra_annotations([annotations.as_ref()])),
        ("suppressedManifests", suppressed(&fields)),
        ("templateRefs", Some(templates)),
    ]);
    Some(Node { instance, settings })
}

/// Enabled is what an empty text means there.
fn inspect(fields: &Fields<'_>) -> Option<Value> {
    let at = fields.get("ironicInspect")?;
    match text(&at)?.as_str() {
        "enabled" => Some("".into()),
        "disabled" => Some("disabled".into()),
        other => {
            at.error(Code::InvalidValue, format!("`{other}` is not allowed here; it is enabled or disabled"));
            None
        }
    }
}

fn network(at: &At<'_>) -> Option<Value> {
    let fields = Fields::of(at, &[])?;
    let interfaces = fields.structs("interfaces", &["name", "macAddress"]);
    Some(given([("config", fields.get("config").map(|at| at.json())), ("interfaces", interfaces)]))
}

fn suppressed(fields: &Fields<'_>) -> Option<Value> {
    let items = list(&fields.get("crSuppression")?)?;
    let kinds = items.iter().filter_map(|at| {
        let kind = text(at)?;
        if kind == "InfraEnv" {
            let message =
                "at a node of a SiteConfig this has no effect; here it takes the node's own InfraEnv away";
            at.warn(Code::Sloppy, message, Some("remove it, unless that is meant"));
        }
        Some(Value::from(kind))
    });
    Some(kinds.collect())
}

/// The settings in the file that a `biosConfigRef` names, with their types.
fn settings(at: &At<'_>, site: &Site<'_, '_>) -> Option<Value> {
    let reference = Fields::of(at, &[])?.required("filePath")?;
    let (path, settings) = bios_settings(&reference, &site.beside)?;
    let message = "a ClusterInstance has no field for this: written as a HostFirmwareSettings beside it";
    at.say(Severity::Note, Code::NotUsed, message, None);
    let of_file = At::root(&path, at.findings, &settings);
    let mut values = Map::new();
    for (entry, at) in of_file.entries() {
        let value = match &at.node.value {
            LocatedValue::Scalar(_, ScalarKind::Null) => {
                at.error(Code::WrongType, "this attribute has no value");
                continue;
            }
            // The object takes whole numbers and texts.
            LocatedValue::Scalar(_, ScalarKind::Int) => at.node.json(),
            LocatedValue::Scalar(text, _) => text.as_str().into(),
            _ => {
                at.wrong_type("a text or a whole number");
                continue;
            }
        };
        values.insert(entry.key.clone(), value);
    }
    Some(Value::Object(values))
}
