//! A SiteConfig becomes the objects that upstream's generator makes of it.
//!
//! The generator makes all objects of a SiteConfig or none, and so does this.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use rackhand_spec::{Code, Located};

use super::RenderOptions;
use super::gojson::install_config;
use super::read::{At, Beside, Findings};

mod builtin;
mod cluster;
mod machineconfig;
mod manifests;
mod model;
mod overrides;
mod partition;
mod resources;

pub(crate) use manifests::annotate;
use model::{CLUSTER, NODE, SITE, View, decode};

/// A cluster with its nodes.
struct Cluster<'a> {
    at: At<'a>,
    fields: Map<String, Value>,
    nodes: Vec<(At<'a>, Map<String, Value>)>,
}

/// The objects of a SiteConfig, in upstream's order; none where there is an error in it.
pub(super) fn render(root: &At<'_>, options: &RenderOptions) -> Vec<Value> {
    let before = root.findings.errors();
    let beside = Beside { root: options.root.clone() };
    let mut made = Vec::new();
    let version = root.text_at(&["apiVersion"]).unwrap_or_default();
    let second = match version.as_str() {
        "ran.openshift.io/v1" => false,
        "ran.openshift.io/v2" => true,
        _ => {
            let at = root.child("apiVersion").unwrap_or_else(|| root.clone());
            at.error(Code::InvalidValue, format!("a SiteConfig of `{version}` is not rendered"));
            return made;
        }
    };
    let Some(spec) = root.given("spec") else {
        root.error(Code::MissingField, "the field `spec` is missing");
        return made;
    };
    let site = decode(&spec, SITE);
    let clusters = spec.given("clusters").map(|at| at.items()).unwrap_or_default();
    if clusters.is_empty() {
        spec.error(Code::MissingField, "there is no cluster in it");
    }
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for at in clusters {
        let Some(cluster) = Cluster::read(at, &site, second) else { continue };
        let name = cluster.text("clusterName");
        if let Some(first) = names.insert(name.clone(), cluster.at.node.line) {
            cluster.at.error(Code::Conflict, format!("the cluster `{name}` stands in line {first} already"));
        }
        made.extend(cluster::objects(&cluster, &spec, &site, second, options, &beside));
    }
    if root.findings.errors() > before { Vec::new() } else { made }
}

impl<'a> Cluster<'a> {
    /// Reads a cluster and its nodes, and puts in what upstream puts in where nothing is said.
    fn read(at: At<'a>, site: &Map<String, Value>, second: bool) -> Option<Self> {
        let before = at.findings.errors();
        let mut fields = decode(&at, CLUSTER);
        let items = at.given("nodes").map(|at| at.items()).unwrap_or_default();
        let nodes = items.into_iter().map(|at| {
            let fields = node(&at);
            (at, fields)
        });
        let nodes: Vec<_> = nodes.collect();
        default(&mut fields, &at, "networkType", "OVNKubernetes");
        if !fields.contains_key("clusterImageSetNameRef") {
            match site.get("clusterImageSetNameRef") {
                Some(image) => {
                    fields.insert("clusterImageSetNameRef".to_owned(), image.clone());
                }
                None => at.error(
                    Code::MissingField,
                    "neither the cluster nor its site has a clusterImageSetNameRef",
                ),
            }
        }
        if !fields.contains_key("clusterName") {
            at.error(Code::MissingField, "the field `clusterName` is missing");
        }
        let mut cluster = Self { at, fields, nodes };
        cluster.count();
        cluster.overrides();
        cluster.labels();
        cluster.map(second);
        (cluster.at.findings.errors() == before).then_some(cluster)
    }

    fn text(&self, field: &str) -> String {
        text(&self.fields, field)
    }

    fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// A field's place, or the cluster's.
    fn field(&self, name: &str) -> At<'a> {
        self.at.child(name).unwrap_or_else(|| self.at.clone())
    }

    /// Masters and workers. Those that join a cluster of one master later are not counted, so that it is not changed.
    fn count(&mut self) {
        let is_master = |node: &Map<String, Value>| matches!(text(node, "role").as_str(), "" | "master");
        let masters = self.nodes.iter().filter(|(_, node)| is_master(node)).count();
        let workers = self.nodes.len() - masters;
        match masters {
            1 => self.set("clusterType", "sno"),
            3 => self.set("clusterType", "standard"),
            _ => {
                let message = format!("a cluster has 1 or 3 masters, and here are {masters}");
                self.field("nodes").error(Code::InvalidValue, message);
            }
        }
        self.set("numMasters", masters);
        if masters != 1 && workers > 0 {
            self.set("numWorkers", workers);
        }
        for (at, _) in
            self.nodes.iter().filter(|(_, node)| masters != 1 && node.contains_key("diskPartition"))
        {
            let at = at.child("diskPartition").unwrap_or_else(|| at.clone());
            at.error(Code::InvalidValue, "disks are partitioned on clusters of one master alone");
        }
    }

    /// What the installer is told stands in the place of the network type, as in upstream's own model.
    fn overrides(&mut self) {
        let mode = self.text("cpuPartitioningMode");
        if !matches!(mode.as_str(), "" | "None" | "AllNodes") {
            let at = self.field("cpuPartitioningMode");
            at.error(Code::InvalidValue, format!("`{mode}` is not allowed here; it is None or AllNodes"));
        }
        match install_config(
            &self.text("networkType"),
            &self.text("installConfigOverrides"),
            mode == "AllNodes",
        ) {
            Ok(merged) => self.set("networkType", merged),
            Err(message) => self.field("installConfigOverrides").error(Code::InvalidValue, message),
        }
    }

    /// Labels that the hub needs of its own; the user's count before them. And which ConfigMaps the installer reads.
    fn labels(&mut self) {
        let mut labels =
            self.fields.get("clusterLabels").and_then(Value::as_object).cloned().unwrap_or_default();
        let accelerated = labels.get("ztp-accelerated-provisioning").and_then(Value::as_str);
        let name = self.text("clusterName");
        let mut maps = vec![json!({ "name": name })];
        if matches!(accelerated, Some("full" | "policies")) {
            maps.push(json!({ "name": format!("{name}-aztp") }));
        }
        self.set("manifestsConfigMapRefs", maps);
        for label in ["cloud", "vendor"] {
            labels.entry(label).or_insert("auto-detect".into());
        }
        self.set("clusterLabels", labels);
    }

    /// `siteConfigMap`, which v2 alone has.
    fn map(&mut self, second: bool) {
        let Some(at) = self.at.given("siteConfigMap") else { return };
        if !second {
            at.warn(
                Code::NotUsed,
                "not rendered: ran.openshift.io/v1 has no siteConfigMap",
                Some("write v2"),
            );
            self.fields.remove("siteConfigMap");
            return;
        }
        let mut map =
            self.fields.get("siteConfigMap").and_then(Value::as_object).cloned().unwrap_or_default();
        default(&mut map, &at, "namespace", "ztp-site");
        map.entry("name").or_insert(format!("ztp-site-{}", self.text("clusterName")).into());
        self.set("siteConfigMap", map);
    }
}

fn node(at: &At<'_>) -> Map<String, Value> {
    let mut fields = decode(at, NODE);
    for (field, value) in [
        ("bootMode", "UEFI"),
        ("role", "master"),
        ("ironicInspect", "enabled"),
        ("automatedCleaningMode", "disabled"),
    ] {
        default(&mut fields, at, field, value);
    }
    if !fields.contains_key("hostName") {
        at.error(Code::MissingField, "the field `hostName` is missing");
    }
    let inspect = text(&fields, "ironicInspect");
    if !matches!(inspect.as_str(), "enabled" | "disabled") {
        let at = at.child("ironicInspect").unwrap_or_else(|| at.clone());
        at.error(Code::InvalidValue, format!("`{inspect}` is not allowed here; it is enabled or disabled"));
    }
    if let (Some(at), Some(disks)) = (at.given("diskPartition"), fields.get_mut("diskPartition")) {
        partition::complete(&at, disks);
    }
    fields
}

/// A value where the file says nothing; an empty text that stands there is something.
fn default(fields: &mut Map<String, Value>, at: &At<'_>, field: &str, value: &str) {
    if at.given(field).is_none() {
        fields.insert(field.to_owned(), value.into());
    }
}

fn text(fields: &Map<String, Value>, field: &str) -> String {
    fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The settings in a file of BIOS attributes, as texts: upstream decodes them so.
pub(crate) fn bios_settings(at: &At<'_>, beside: &Beside) -> Option<(std::path::PathBuf, Located)> {
    let name = at.node.text().unwrap_or_default();
    let path = match beside.find(at.file, name) {
        Ok(path) => path,
        Err(message) => {
            at.error_help(Code::Unreadable, message, "the path is relative to this file");
            return None;
        }
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => parsed(&path, &text, at.findings).map(|settings| (path, settings)),
        Err(error) => {
            at.error(Code::Unreadable, format!("{} cannot be read: {error}", path.display()));
            None
        }
    }
}

fn parsed(path: &Path, text: &str, findings: &Findings) -> Option<Located> {
    let (documents, faults) = Located::documents(path, text);
    let sound = faults.is_empty();
    faults.into_iter().for_each(|fault| findings.push(fault));
    match documents.into_iter().next() {
        Some(one) if sound && At::root(path, findings, &one).is_map() => Some(one),
        _ if !sound => None,
        _ => {
            findings.about_file(path, "one mapping of BIOS attributes is expected in this file", None);
            None
        }
    }
}
