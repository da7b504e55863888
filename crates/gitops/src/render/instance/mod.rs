//! A ClusterInstance becomes the objects that the siteconfig operator makes of it with its default templates.
//!
//! A `templateRefs` names ConfigMaps on the hub. The default ones are known here; what is in others only the hub knows, so they are
//! refused by name.

use serde_json::{Map, Value, json};

use rackhand_spec::{Code, nearest};

use super::gojson::install_config;
use super::read::{At, given};

mod assisted;
mod image_based;

const GROUP: &str = "siteconfig.open-cluster-management.io";
pub(super) const WAVE: &str = "siteconfig.open-cluster-management.io/sync-wave";

const CLUSTER: [&str; 30] = [
    "additionalNTPSources",
    "apiVIPs",
    "baseDomain",
    "caBundleRef",
    "clusterImageSetNameRef",
    "clusterName",
    "clusterNetwork",
    "clusterType",
    "cpuArchitecture",
    "cpuPartitioningMode",
    "diskEncryption",
    "extraAnnotations",
    "extraLabels",
    "extraManifestsRefs",
    "holdInstallation",
    "ignitionConfigOverride",
    "ingressVIPs",
    "installConfigOverrides",
    "machineNetwork",
    "networkType",
    "nodes",
    "platformType",
    "proxy",
    "pruneManifests",
    "pullSecretRef",
    "reinstall",
    "serviceNetwork",
    "sshPublicKey",
    "suppressedManifests",
    "templateRefs",
];

const NODE: [&str; 20] = [
    "automatedCleaningMode",
    "bmcAddress",
    "bmcCredentialsName",
    "bootMACAddress",
    "bootMode",
    "cpuArchitecture",
    "extraAnnotations",
    "extraLabels",
    "hostName",
    "hostRef",
    "ignitionConfigOverride",
    "installerArgs",
    "ironicInspect",
    "nodeLabels",
    "nodeNetwork",
    "pruneManifests",
    "role",
    "rootDeviceHints",
    "suppressedManifests",
    "templateRefs",
];

/// The default templates that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Assisted,
    ImageBased,
}

/// The objects of a ClusterInstance, by sync wave; none where there is an error in it.
pub(super) fn render(root: &At<'_>) -> Vec<Value> {
    let before = root.findings.errors();
    let version = root.text_at(&["apiVersion"]).unwrap_or_default();
    if version != format!("{GROUP}/v1alpha1") {
        let at = root.child("apiVersion").unwrap_or_else(|| root.clone());
        at.error(Code::InvalidValue, format!("a ClusterInstance of `{version}` is not rendered"));
        return Vec::new();
    }
    let Some(spec) = root.given("spec") else {
        root.error(Code::MissingField, "the field `spec` is missing");
        return Vec::new();
    };
    let instance = Instance::read(root, &spec);
    let mut made = Vec::new();
    for flavour in flavours(&spec, ["ai-cluster-templates-v1", "ibi-cluster-templates-v1"]) {
        let objects = match flavour {
            Flavour::Assisted => assisted::of_cluster(&instance),
            Flavour::ImageBased => image_based::of_cluster(&instance),
        };
        made.extend(objects.into_iter().filter_map(|one| instance.finish(one, None)));
    }
    for at in instance.nodes() {
        let node = Node::read(&instance, &at);
        for flavour in flavours(&at, ["ai-node-templates-v1", "ibi-node-templates-v1"]) {
            let objects = match flavour {
                Flavour::Assisted => assisted::of_node(&instance, &node),
                Flavour::ImageBased => image_based::of_node(&instance, &node),
            };
            made.extend(objects.into_iter().filter_map(|one| instance.finish(one, Some(&at))));
        }
    }
    made.sort_by_key(wave);
    if root.findings.errors() > before { Vec::new() } else { made }
}

fn wave(object: &Value) -> i64 {
    let wave = object.pointer("/metadata/annotations").and_then(|all| all.get(WAVE)).and_then(Value::as_str);
    wave.and_then(|wave| wave.parse().ok()).unwrap_or_default()
}

/// What the `templateRefs` of a level name.
fn flavours(level: &At<'_>, [assisted, image_based]: [&str; 2]) -> Vec<Flavour> {
    let refs = level.given("templateRefs").map(|at| at.items()).unwrap_or_default();
    if refs.is_empty() {
        level.error(Code::MissingField, "the field `templateRefs` is missing: it says what to render");
    }
    let mut found = Vec::new();
    for at in refs {
        let name = at.text_at(&["name"]).unwrap_or_default();
        match name.as_str() {
            name if name == assisted => found.push(Flavour::Assisted),
            name if name == image_based => found.push(Flavour::ImageBased),
            _ => {
                let namespace = at.text_at(&["namespace"]).unwrap_or_default();
                let message = format!(
                    "the templates {namespace}/{name} are on the hub, so they cannot be rendered here"
                );
                let help = format!("rendered are {assisted} and {image_based}");
                at.child("name").unwrap_or(at).error_help(Code::InvalidValue, message, &help);
            }
        }
    }
    found
}

/// Names fields that a ClusterInstance does not have: the API server would drop them.
fn known(level: &At<'_>, fields: &[&'static str]) {
    for (entry, at) in level.entries().into_iter().filter(|(entry, _)| !fields.contains(&entry.key.as_str()))
    {
        let near = nearest(&entry.key, fields.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        at.warn(Code::UnknownField, format!("unknown field `{}`: not rendered", entry.key), near.as_deref());
    }
}

/// A ClusterInstance with what the API server puts in where nothing is said.
struct Instance<'a> {
    spec: At<'a>,
    cluster: Option<Value>,
    owned_by: String,
    overrides: Option<Value>,
}

impl<'a> Instance<'a> {
    fn read(root: &At<'a>, spec: &At<'a>) -> Self {
        for field in ["clusterName", "baseDomain", "clusterImageSetNameRef", "pullSecretRef"] {
            if spec.given(field).is_none() {
                spec.error(Code::MissingField, format!("the field `{field}` is missing"));
            }
        }
        known(spec, &CLUSTER);
        if let Some(at) =
            spec.given("diskEncryption").filter(|at| at.text_at(&["type"]).is_some_and(|kind| kind != "none"))
        {
            let message = "the default templates make nothing of it, so the disk would not be encrypted";
            at.warn(
                Code::NotUsed,
                message,
                Some("name a ConfigMap with the MachineConfig in extraManifestsRefs"),
            );
        }
        let meta = |field: &str| root.text_at(&["metadata", field]).unwrap_or_default();
        let owned_by = format!("{}_{}", meta("namespace"), meta("name"));
        let network = spec.text_at(&["networkType"]).unwrap_or_else(|| "OVNKubernetes".to_owned());
        let overrides = spec.text_at(&["installConfigOverrides"]).unwrap_or_default();
        let all_nodes = spec.text_at(&["cpuPartitioningMode"]).as_deref() == Some("AllNodes");
        let overrides = match install_config(&network, &overrides, all_nodes) {
            Ok(merged) => Some(merged.into()),
            Err(message) => {
                let at = spec.child("installConfigOverrides").unwrap_or_else(|| spec.clone());
                let message =
                    format!("{message}; the operator then hands on neither it nor the network type");
                at.warn(Code::InvalidValue, message, None);
                None
            }
        };
        Self { cluster: text(spec, "clusterName"), spec: spec.clone(), owned_by, overrides }
    }

    fn nodes(&self) -> Vec<At<'a>> {
        self.spec.given("nodes").map(|at| at.items()).unwrap_or_default()
    }

    /// How many nodes have a role.
    fn count(&self, role: &str) -> usize {
        let of = |node: &At<'_>| node.text_at(&["role"]).unwrap_or_else(|| "master".to_owned());
        self.nodes().iter().filter(|node| of(node) == role).count()
    }

    fn text(&self, field: &str) -> Option<Value> {
        text(&self.spec, field)
    }

    fn value(&self, field: &str) -> Option<Value> {
        value(&self.spec, field)
    }

    fn pull_secret(&self) -> Value {
        json!({ "name": self.spec.text_at(&["pullSecretRef", "name"]) })
    }

    fn metadata(&self, wave: &str) -> Value {
        json!({ "annotations": { WAVE: wave }, "name": self.cluster, "namespace": self.cluster })
    }

    /// The same in both sets of default templates.
    fn managed_cluster(&self) -> Value {
        json!({
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {
                "annotations": { WAVE: "2" },
                "labels": { "cloud": "auto-detect", "vendor": "auto-detect" },
                "name": self.cluster,
            },
            "spec": { "hubAcceptsClient": true },
        })
    }

    /// Leaves an object out that is suppressed or to be pruned; adds the user's annotations and labels, and whose it is.
    fn finish(&self, mut made: Value, node: Option<&At<'a>>) -> Option<Value> {
        let field = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (field("apiVersion"), field("kind"));
        let levels: Vec<&At<'a>> = node.into_iter().chain([&self.spec]).collect();
        let listed = |name: &str| -> Vec<At<'a>> {
            let lists = levels.iter().filter_map(|level| level.given(name));
            lists.flat_map(|at| at.items()).collect()
        };
        let suppressed = listed("suppressedManifests").iter().any(|at| at.node.text() == Some(&kind));
        let pruned = listed("pruneManifests").iter().any(|at| {
            at.text_at(&["apiVersion"]).as_ref() == Some(&api_version)
                && at.text_at(&["kind"]).as_ref() == Some(&kind)
        });
        if suppressed || pruned {
            return None;
        }
        for (field, into) in [("extraAnnotations", "annotations"), ("extraLabels", "labels")] {
            // The nearest level counts, and what the object has already is left.
            let extra = levels.iter().find_map(|level| level.given(field)?.given(&kind));
            let texts = extra.iter().flat_map(|at| at.entries());
            append(&mut made, into, texts.map(|(entry, at)| (entry.key.clone(), scalar(&at))));
        }
        append(&mut made, "labels", [(format!("{GROUP}/owned-by"), self.owned_by.clone())]);
        Some(made)
    }
}

fn append(made: &mut Value, field: &str, texts: impl IntoIterator<Item = (String, String)>) {
    let Some(metadata) = made.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for (key, text) in texts {
        let map = metadata.entry(field).or_insert_with(|| json!({}));
        if let Some(map) = map.as_object_mut() {
            map.entry(key).or_insert(text.into());
        }
    }
}

/// A node, and the names that follow from it.
struct Node<'a> {
    at: At<'a>,
    /// The name and namespace of its BareMetalHost, which may be there already.
    name: Option<Value>,
    namespace: Option<Value>,
}

impl<'a> Node<'a> {
    fn read(instance: &Instance<'a>, at: &At<'a>) -> Self {
        for field in ["hostName", "bmcAddress", "bmcCredentialsName", "bootMACAddress"] {
            if at.given(field).is_none() {
                at.error(Code::MissingField, format!("the field `{field}` is missing"));
            }
        }
        known(at, &NODE);
        let own = at.given("hostRef");
        let of = |field: &str| own.as_ref().and_then(|at| text(at, field));
        Self {
            name: of("name").or_else(|| text(at, "hostName")),
            namespace: of("namespace").or_else(|| instance.cluster.clone()),
            at: at.clone(),
        }
    }

    fn text(&self, field: &str) -> Option<Value> {
        text(&self.at, field)
    }

    fn text_or(&self, field: &str, default: &str) -> Value {
        text(&self.at, field).unwrap_or_else(|| default.into())
    }

    fn value(&self, field: &str) -> Option<Value> {
        value(&self.at, field)
    }

    /// The node's architecture, or the cluster's where that is one.
    fn architecture(&self, instance: &Instance<'_>) -> Option<Value> {
        let of_cluster = instance.text("cpuArchitecture").unwrap_or_else(|| "x86_64".into());
        self.text("cpuArchitecture").or(Some(of_cluster).filter(|one| one != "multi"))
    }

    fn metadata(&self, annotations: Map<String, Value>, labels: Option<Value>) -> Value {
        given([
            ("annotations", Some(annotations.into())),
            ("labels", labels),
            ("name", self.name.clone()),
            ("namespace", self.namespace.clone()),
        ])
    }

    /// What both sets of default templates say of a BareMetalHost.
    fn host_spec(&self, instance: &Instance<'_>) -> Map<String, Value> {
        let bmc = given([
            ("address", self.text("bmcAddress")),
            ("disableCertificateVerification", Some(true.into())),
            ("credentialsName", self.at.text_at(&["bmcCredentialsName", "name"]).map(Value::from)),
        ]);
        let spec = given([
            ("architecture", self.architecture(instance)),
            ("automatedCleaningMode", Some(self.text_or("automatedCleaningMode", "disabled"))),
            ("bmc", Some(bmc)),
            ("bootMACAddress", self.text("bootMACAddress")),
            ("bootMode", Some(self.text_or("bootMode", "UEFI"))),
            ("online", Some(true.into())),
            ("rootDeviceHints", self.value("rootDeviceHints")),
        ]);
        spec.as_object().cloned().unwrap_or_default()
    }
}

/// A field as a text, whatever it is written as.
fn text(at: &At<'_>, field: &str) -> Option<Value> {
    at.given(field).map(|at| scalar(&at).into())
}

fn scalar(at: &At<'_>) -> String {
    at.scalar().map(|_| at.node.text().unwrap_or_default().to_owned()).unwrap_or_default()
}

/// A field as it is written, unless it is empty.
fn value(at: &At<'_>, field: &str) -> Option<Value> {
    at.given(field).map(|at| at.json()).filter(|value| {
        !value.as_array().is_some_and(Vec::is_empty) && !value.as_object().is_some_and(Map::is_empty)
    })
}
