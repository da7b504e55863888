//! One cluster.

use serde_json::{Map, Value, json};

use rackhand_spec::{Code, Severity};

use super::fields::{Fields, Homeless, list, structure, text, text_map};
use super::{Site, TEMPLATES, added, node};
use crate::render::read::{At, given};

const MANIFESTS: &str =
    "put the manifests into a ConfigMap beside the ClusterInstance, and name it in extraManifestsRefs";
const COUNTED: &str = "it follows from the nodes: leave it out";

const CLUSTER: &[Homeless] = &[
    ("baseDomain", "upstream reads that of the site alone"),
    ("clusterType", COUNTED),
    ("crTemplates", TEMPLATES),
    ("extraManifestOnly", "nothing reads it: leave it out"),
    ("extramanifestonly", "render the manifests, and put them into a ConfigMap"),
    ("extraManifestPath", MANIFESTS),
    ("extraManifests", MANIFESTS),
    ("manifestsConfig", "nothing reads it: leave it out"),
    (
        "mergeDefaultMachineConfigs",
        "put the merged manifests that `rackhand render` makes into the ConfigMap",
    ),
    ("numMasters", COUNTED),
    ("numWorkers", COUNTED),
    ("siteConfigMap", "put the ConfigMap that `rackhand render` makes of it into the repository"),
];

/// Kinds of which a SiteConfig has one for each node, and which it therefore does not suppress at the cluster.
const OF_NODES: [&str; 3] = ["BareMetalHost", "NMStateConfig", "HostFirmwareSettings"];

const PLATFORMS: [&str; 5] = ["BareMetal", "None", "VSphere", "Nutanix", "External"];

/// A ClusterInstance and the HostFirmwareSettings of its nodes.
pub(super) fn convert(at: &At<'_>, site: &Site<'_, '_>) -> Vec<Value> {
    let Some(fields) = Fields::of(at, CLUSTER) else { return Vec::new() };
    let name = fields.required_text("clusterName");
    let bios = fields.get("biosConfigRef");
    let own_annotations = added(&fields);
    let items = fields.required("nodes").and_then(|at| list(&at)).unwrap_or_default();
    let mut firmware = Vec::new();
    let nodes: Vec<Value> = items
        .iter()
        .filter_map(|at| {
            let node = node::convert(at, site, &[bios.as_ref(), site.bios.as_ref()])?;
            let metadata =
                given([("name", node.instance.get("hostName").cloned()), ("namespace", name.clone())]);
            firmware.extend(node.settings.map(|settings| {
                json!({
                    "apiVersion": "metal3.io/v1alpha1",
                    "kind": "HostFirmwareSettings",
                    "metadata": metadata,
                    "spec": { "settings": settings },
                })
            }));
            Some(node.instance)
        })
        .collect();
    shadowed_bios(bios.as_ref(), &items);
    let spec = spec(&fields, site, name.clone(), own_annotations.as_ref(), nodes);
    let instance = json!({
        "apiVersion": "siteconfig.open-cluster-management.io/v1alpha1",
        "kind": "ClusterInstance",
        "metadata": { "name": name, "namespace": name },
        "spec": spec,
    });
    std::iter::once(instance).chain(firmware).collect()
}

fn spec(
    fields: &Fields<'_>,
    site: &Site<'_, '_>,
    name: Option<Value>,
    annotations: Option<&At<'_>>,
    nodes: Vec<Value>,
) -> Value {
    let image = fields.text("clusterImageSetNameRef");
    let image = image.or_else(|| site.image.as_ref().and_then(text).map(Value::from));
    if image.is_none() {
        fields.at.error(Code::MissingField, "neither the cluster nor its site has a clusterImageSetNameRef");
    }
    let labels = fields.get("clusterLabels").and_then(|at| text_map(&at));
    let templates =
        json!([{ "name": "ai-cluster-templates-v1", "namespace": site.options.template_namespace }]);
    given([
        ("clusterName", name),
        ("clusterType", Some(cluster_type(&nodes).into())),
        ("baseDomain", site.fields.required_text("baseDomain")),
        ("clusterImageSetNameRef", image),
        ("pullSecretRef", site.fields.reference("pullSecretRef")),
        ("sshPublicKey", site.fields.text("sshPublicKey")),
        ("platformType", platform(fields)),
        ("cpuArchitecture", one_of(fields, "cpuArchitecture", &["x86_64", "aarch64", "multi"])),
        ("cpuPartitioningMode", one_of(fields, "cpuPartitioningMode", &["None", "AllNodes"])),
        ("holdInstallation", boolean(fields, "holdInstallation")),
        ("networkType", one_of(fields, "networkType", &["OpenShiftSDN", "OVNKubernetes"])),
        ("apiVIPs", vips(fields, "apiVIP", "apiVIPs")),
        ("ingressVIPs", vips(fields, "ingressVIP", "ingressVIPs")),
        ("clusterNetwork", fields.structs("clusterNetwork", &["cidr", "hostPrefix"])),
        ("machineNetwork", fields.structs("machineNetwork", &["cidr"])),
        ("serviceNetwork", services(fields)),
        ("additionalNTPSources", fields.texts("additionalNTPSources")),
        ("proxy", fields.structure("proxy", &["httpProxy", "httpsProxy", "noProxy"])),
        ("diskEncryption", encryption(fields)),
        ("installConfigOverrides", fields.text("installConfigOverrides")),
        ("ignitionConfigOverride", fields.text("ignitionConfigOverride")),
        ("extraManifestsRefs", fields.structs("manifestsConfigMapRefs", &["name"])),
        ("extraLabels", labels.map(|labels| json!({ "ManagedCluster": labels }))),
        ("extraAnnotations", extra_annotations([annotations, site.annotations.as_ref()])),
        ("suppressedManifests", suppressed(fields)),
        ("templateRefs", Some(templates)),
        ("nodes", Some(nodes.into())),
    ])
}

/// What upstream counts: one master is a single node, whatever joins it later.
fn cluster_type(nodes: &[Value]) -> &'static str {
    let count =
        |role: &str| nodes.iter().filter(|node| node.get("role").is_some_and(|one| one == role)).count();
    let masters = nodes.iter().filter(|node| node.get("role").is_none()).count() + count("master");
    match (masters, count("arbiter")) {
        (1, 0) => "SNO",
        (_, 0) => "HighlyAvailable",
        _ => "HighlyAvailableArbiter",
    }
}

/// The annotations of each kind, from the nearest level that says something of it.
pub(super) fn extra_annotations<const N: usize>(levels: [Option<&At<'_>>; N]) -> Option<Value> {
    let mut kinds = Map::new();
    for (entry, at) in levels.into_iter().flatten().flat_map(At::entries) {
        if !kinds.contains_key(&entry.key)
            && let Some(texts) = text_map(&at)
        {
            kinds.insert(entry.key.clone(), texts);
        }
    }
    (!kinds.is_empty()).then_some(Value::Object(kinds))
}

fn shadowed_bios(own: Option<&At<'_>>, nodes: &[At<'_>]) {
    if let Some(at) = own.filter(|_| nodes.iter().all(|node| node.given("biosConfigRef").is_some())) {
        at.warn(Code::Shadowed, "it counts for no node: each has a nearer one", None);
    }
}

fn suppressed(fields: &Fields<'_>) -> Option<Value> {
    let items = list(&fields.get("crSuppression")?)?;
    let kinds = items.iter().filter_map(|at| {
        let kind = text(at)?;
        if OF_NODES.contains(&kind.as_str()) {
            let message =
                format!("left out: a SiteConfig makes {kind} all the same, and a ClusterInstance would not");
            at.warn(Code::NotUsed, message, Some("suppress it at each node that is meant"));
            return None;
        }
        Some(Value::from(kind))
    });
    Some(kinds.collect())
}

fn boolean(fields: &Fields<'_>, name: &str) -> Option<Value> {
    let at = fields.get(name)?;
    match at.scalar().map(|(text, _)| text.to_ascii_lowercase()).as_deref() {
        Some("true" | "yes" | "on") => Some(true.into()),
        Some("false" | "no" | "off") => Some(false.into()),
        _ => {
            at.wrong_type("true or false");
            None
        }
    }
}

pub(super) fn one_of(fields: &Fields<'_>, name: &str, words: &[&str]) -> Option<Value> {
    let at = fields.get(name)?;
    let word = text(&at)?;
    if !words.contains(&word.as_str()) {
        let message =
            format!("`{word}` is not allowed in a ClusterInstance; it is one of {}", words.join(", "));
        at.error(Code::InvalidValue, message);
    }
    Some(word.into())
}

/// The same words in another case.
fn platform(fields: &Fields<'_>) -> Option<Value> {
    let at = fields.get("platformType")?;
    let word = text(&at)?;
    let known = PLATFORMS.iter().find(|known| known.eq_ignore_ascii_case(&word));
    if known.is_none() {
        let message =
            format!("`{word}` is not allowed in a ClusterInstance; it is one of {}", PLATFORMS.join(", "));
        at.error(Code::InvalidValue, message);
    }
    known.map(|known| Value::from(*known))
}

/// A ClusterInstance has the list alone.
fn vips(fields: &Fields<'_>, one: &str, many: &str) -> Option<Value> {
    let single = fields.get(one);
    let all = fields.texts(many);
    let word = single.as_ref().and_then(text);
    match (single, word, all) {
        (Some(at), Some(word), Some(all)) => {
            if all.get(0) != Some(&word.as_str().into()) {
                at.error(Code::Conflict, format!("{one} is not the first of {many}"));
            }
            Some(all)
        }
        (_, Some(word), None) => Some(json!([word])),
        (_, _, all) => all,
    }
}

/// Texts in a SiteConfig, mappings in a ClusterInstance.
fn services(fields: &Fields<'_>) -> Option<Value> {
    let items = list(&fields.get("serviceNetwork")?)?;
    let network = |at: &At<'_>| match at.scalar() {
        Some((cidr, _)) => Some(json!({ "cidr": cidr })),
        None => structure(at, &["cidr"], &[]),
    };
    items.iter().map(network).collect()
}

fn encryption(fields: &Fields<'_>) -> Option<Value> {
    let at = fields.get("diskEncryption")?;
    let inner = Fields::of(&at, &[("tpm2", "only Tang servers can be named there")])?;
    let kind = inner.text("type");
    if kind.as_ref().is_some_and(|kind| kind != "none") {
        let message = "the default templates make nothing of it, so the disk would not be encrypted";
        at.say(Severity::Warning, Code::NotUsed, message, Some(MANIFESTS));
    }
    Some(given([("type", kind), ("tang", inner.structs("tang", &["url", "thumbprint"]))]))
}
