//! What a SiteConfig says, as upstream's generator understands it.
//!
//! The generator decodes into typed fields: a boolean in a mapping of texts becomes a text, a field of another name is passed
//! over, and one that has its zero value counts as not given. Its templates then see these fields under their names in Go.

use rackhand_spec::{Code, ScalarKind, nearest};
use serde_json::{Map, Value, json};

use crate::render::read::At;

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Text,
    Bool,
    Int,
    Texts,
    TextMap,
    /// A mapping of mappings of texts.
    TextMaps,
    /// A mapping that is handed on as it is.
    Any,
    Struct(Fields),
    /// One whose empty fields are left out.
    Sparse(Fields),
    Structs(Fields),
    /// Read elsewhere.
    Nested,
}

pub(super) type Fields = &'static [(&'static str, Type)];

use Type::{Any, Bool, Int, Nested, Sparse, Struct, Structs, Text, TextMap, TextMaps, Texts};

const NAME: Fields = &[("name", Text)];
const FILE: Fields = &[("filePath", Text)];
const ADD: Fields = &[("add", TextMaps)];

pub(super) const SITE: Fields = &[
    ("pullSecretRef", Struct(NAME)),
    ("clusterImageSetNameRef", Text),
    ("sshPublicKey", Text),
    ("sshPrivateKeySecretRef", Struct(NAME)),
    ("clusters", Nested),
    ("baseDomain", Text),
    ("crTemplates", TextMap),
    ("crAnnotations", Struct(ADD)),
    ("biosConfigRef", Struct(FILE)),
];

pub(super) const CLUSTER: Fields = &[
    ("apiVIP", Text),
    ("ingressVIP", Text),
    ("apiVIPs", Texts),
    ("ingressVIPs", Texts),
    ("clusterName", Text),
    ("holdInstallation", Bool),
    ("additionalNTPSources", Texts),
    ("nodes", Nested),
    ("machineNetwork", Structs(&[("cidr", Text)])),
    ("serviceNetwork", Texts),
    ("clusterLabels", TextMap),
    ("networkType", Text),
    ("installConfigOverrides", Text),
    ("clusterNetwork", Structs(&[("cidr", Text), ("hostPrefix", Int)])),
    ("ignitionConfigOverride", Text),
    ("diskEncryption", Struct(ENCRYPTION)),
    ("proxy", Sparse(&[("httpProxy", Text), ("httpsProxy", Text), ("noProxy", Text)])),
    ("extraManifestPath", Text),
    ("clusterImageSetNameRef", Text),
    ("biosConfigRef", Struct(FILE)),
    ("extraManifests", Sparse(&[("searchPaths", Texts), ("filter", Sparse(FILTER))])),
    ("cpuPartitioningMode", Text),
    ("siteConfigMap", Sparse(&[("name", Text), ("namespace", Text), ("data", TextMap)])),
    ("extramanifestonly", Bool),
    ("crTemplates", TextMap),
    ("crAnnotations", Struct(ADD)),
    ("crSuppression", Texts),
    ("mergeDefaultMachineConfigs", Bool),
];

const ENCRYPTION: Fields = &[
    ("type", Text),
    ("tang", Structs(&[("url", Text), ("thumbprint", Text)])),
    ("tpm2", Struct(&[("pcrList", Text)])),
];

const FILTER: Fields = &[("inclusionDefault", Text), ("exclude", Texts), ("include", Texts)];

pub(super) const NODE: Fields = &[
    ("bmcAddress", Text),
    ("bootMACAddress", Text),
    ("automatedCleaningMode", Text),
    ("rootDeviceHints", Any),
    ("cpuset", Text),
    ("nodeNetwork", Sparse(&[("config", Any), ("interfaces", Structs(INTERFACE))])),
    ("nodeLabels", TextMap),
    ("hostName", Text),
    ("bmcCredentialsName", Struct(NAME)),
    ("bootMode", Text),
    ("userData", Any),
    ("installerArgs", Text),
    ("ignitionConfigOverride", Text),
    ("role", Text),
    ("crTemplates", TextMap),
    ("crAnnotations", Struct(ADD)),
    ("crSuppression", Texts),
    ("biosConfigRef", Struct(FILE)),
    ("diskPartition", Structs(&[("device", Text), ("partitions", Structs(PARTITION))])),
    ("ironicInspect", Text),
];

const INTERFACE: Fields = &[("name", Text), ("macAddress", Text)];

const PARTITION: Fields =
    &[("mount_point", Text), ("size", Int), ("start", Int), ("file_system_format", Text)];

/// Fields of the CRD that the generator counts by itself, or never reads.
const PASSED_OVER: &[(&str, &str)] = &[
    ("clusterType", "the generator tells it from the number of masters"),
    ("numMasters", "the generator counts the nodes"),
    ("numWorkers", "the generator counts the nodes"),
    ("extraManifestOnly", "the generator reads it only in lower case: extramanifestonly"),
    ("manifestsConfig", "the generator does not read it"),
    ("manifestsConfigMapRefs", "the generator makes the references by itself"),
    ("platformType", "the generator does not read it"),
    ("cpuArchitecture", "the generator does not read it"),
    ("hardwareProfile", "metal3 has removed it"),
];

/// The name that a field has in the templates of upstream: Go's.
pub(super) fn key_of(go: &str) -> String {
    match go {
        "URL" => "url".to_owned(),
        "MountPoint" => "mount_point".to_owned(),
        "FileSystemFormat" => "file_system_format".to_owned(),
        "CPUPartitioning" => "cpuPartitioningMode".to_owned(),
        "Proxy" | "ProxySettings" => "proxy".to_owned(),
        "PCRList" => "pcrList".to_owned(),
        "ExtraManifestOnly" => "extramanifestonly".to_owned(),
        _ => {
            let mut chars = go.chars();
            let first = chars.next().filter(char::is_ascii_uppercase);
            // A field that Go does not export is not seen; no field's name starts with a colon.
            first.map_or(":".to_owned(), |first| first.to_ascii_lowercase().to_string() + chars.as_str())
        }
    }
}

/// Reads the fields of a mapping; those that have their zero value are left out.
pub(super) fn decode(at: &At<'_>, fields: Fields) -> Map<String, Value> {
    let mut out = Map::new();
    if !at.is_map() {
        if !at.node.is_null() {
            at.wrong_type("a mapping");
        }
        return out;
    }
    for (entry, value) in at.entries() {
        let Some((_, wanted)) = fields.iter().find(|(name, _)| *name == entry.key) else {
            unknown(&value, &entry.key, fields);
            continue;
        };
        if let Some(value) = value_of(&value, *wanted) {
            out.insert(entry.key.clone(), value);
        }
    }
    out
}

fn unknown(at: &At<'_>, key: &str, fields: Fields) {
    if let Some((_, why)) = PASSED_OVER.iter().find(|(name, _)| *name == key) {
        at.warn(Code::NotUsed, format!("not rendered: {why}"), None);
        return;
    }
    let message = format!("unknown field `{key}`: the generator passes it over");
    let near =
        nearest(key, fields.iter().map(|(name, _)| *name)).map(|near| format!("did you mean `{near}`?"));
    at.warn(Code::UnknownField, message, near.as_deref());
}

/// `None` for nothing, and for a zero value.
fn value_of(at: &At<'_>, wanted: Type) -> Option<Value> {
    if at.node.is_null() {
        return None;
    }
    match wanted {
        Text => text(at).filter(|text| !text.is_empty()).map(Value::from),
        Bool => boolean(at).filter(|value| *value).map(Value::from),
        Int => int(at).filter(|value| *value != 0).map(Value::from),
        Texts => list(at).map(|items| items.iter().filter_map(text).map(Value::from).collect()),
        TextMap => map(at, |at| text(at).map(Value::from)),
        TextMaps => map(at, |at| map(at, |at| text(at).map(Value::from))),
        Any if at.is_map() => Some(at.json()),
        Any => {
            at.wrong_type("a mapping");
            None
        }
        Struct(fields) => full(at, fields).filter(|value| !is_zero(value)),
        Sparse(fields) => Some(decode(at, fields)).filter(|fields| !fields.is_empty()).map(Value::Object),
        Structs(fields) => list(at).map(|items| items.iter().filter_map(|at| full(at, fields)).collect()),
        Nested => None,
    }
}

/// A struct with all of its fields, the empty ones too: that is how it is written.
fn full(at: &At<'_>, fields: Fields) -> Option<Value> {
    if !at.is_map() && !at.node.is_null() {
        at.wrong_type("a mapping");
        return None;
    }
    let mut given = decode(at, fields);
    let all = fields.iter().map(|(name, wanted)| {
        let value = given.remove(*name).unwrap_or_else(|| match wanted {
            Text => json!(""),
            Bool => json!(false),
            Int => json!(0),
            Texts | Structs(_) => json!([]),
            TextMap | TextMaps | Any | Struct(_) | Sparse(_) | Nested => json!({}),
        });
        ((*name).to_owned(), value)
    });
    Some(Value::Object(all.collect()))
}

/// A mapping of texts.
pub(super) fn texts(at: &At<'_>) -> Option<Value> {
    value_of(at, TextMap)
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_zero),
    }
}

fn text(at: &At<'_>) -> Option<String> {
    match at.scalar() {
        Some((_, ScalarKind::Null)) => Some(String::new()),
        Some((text, _)) => Some(text.to_owned()),
        None => {
            at.wrong_type("a text");
            None
        }
    }
}

fn boolean(at: &At<'_>) -> Option<bool> {
    let value = match at.scalar().map(|(text, _)| text.to_ascii_lowercase()).as_deref() {
        Some("true" | "yes" | "on" | "y") => Some(true),
        Some("false" | "no" | "off" | "n") => Some(false),
        _ => None,
    };
    if value.is_none() {
        at.wrong_type("true or false");
    }
    value
}

fn int(at: &At<'_>) -> Option<i64> {
    let value = at.scalar().and_then(|(text, _)| text.parse().ok());
    if value.is_none() {
        at.wrong_type("a whole number");
    }
    value
}

fn list<'a>(at: &At<'a>) -> Option<Vec<At<'a>>> {
    if at.is_list() {
        return Some(at.items());
    }
    at.wrong_type("a list");
    None
}

fn map<'a>(at: &At<'a>, value: impl Fn(&At<'a>) -> Option<Value>) -> Option<Value> {
    if !at.is_map() {
        at.wrong_type("a mapping");
        return None;
    }
    let pairs = at.entries().into_iter().filter_map(|(entry, at)| Some((entry.key.clone(), value(&at)?)));
    Some(Value::Object(pairs.collect()))
}

/// Site, cluster and, for what is made once per node, the node.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) site: &'v Map<String, Value>,
    pub(super) cluster: &'v Map<String, Value>,
    pub(super) node: Option<&'v Map<String, Value>>,
    /// Whether the SiteConfig is of v2.
    pub(super) second: bool,
}

impl View<'_> {
    /// What a template's `{{ .Cluster.Some.Field }}` stands for: `None` for what is not given, an error for what is no field.
    pub(super) fn placeholder(&self, text: &str) -> Result<Option<Value>, String> {
        let key = text.trim_matches(['{', '}', ' ']);
        let (level, path) = [
            (".Node.", self.node),
            (".Cluster.", Some(self.cluster)),
            (".Site.", Some(self.site)),
        ]
        .into_iter()
        .find_map(|(prefix, level)| key.strip_prefix(prefix).map(|path| (level, path)))
        .ok_or_else(|| {
            format!("`{text}` names neither `.Site.`, `.Cluster.` nor `.Node.`, so nothing can stand for it")
        })?;
        let mut parts = path.split('.');
        let first = parts.next().map(key_of).unwrap_or_default();
        let Some(mut here) = level.and_then(|level| level.get(&first)) else { return Ok(None) };
        for part in parts {
            match here.get(key_of(part)) {
                Some(next) => here = next,
                None => return Ok(None),
            }
        }
        Ok(Some(here.clone()).filter(|value| value != ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_go_are_those_of_the_file() {
        for (go, file) in [
            ("ApiVIPs", "apiVIPs"),
            ("BmcCredentialsName", "bmcCredentialsName"),
            ("URL", "url"),
            ("MountPoint", "mount_point"),
        ] {
            assert_eq!(key_of(go), file);
        }
        // As upstream, where the lower-case name is no field.
        assert_eq!(key_of("clusterName"), ":");
    }
}
