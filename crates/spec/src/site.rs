//! SiteConfig `ran.openshift.io/v1` and `v2`, and ClusterInstance `siteconfig.open-cluster-management.io/v1alpha1`.
//!
//! A SiteConfig nests sites, clusters and nodes, and lets each level say the same things; the nearest level wins. A
//! ClusterInstance is one such cluster. The fields that say the same are read by the same code.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::annotations::Annotations;
use crate::common::{self, Boot, Candidate, Dialect, Meta, Places, Required};
use crate::cursor::{At, Fields, NotUsed};
use crate::diagnostic::Code;
use crate::firmware::{Files, bios_config};
use crate::node::{BiosSettings, ClusterNetwork, NodeName, NodeSpec, SourceRef};

const INSTALL: &str = "the hub hands it to the installer";
const HUB: &str = "the hub renders it";
const POST: &str = "it configures the installed system";

const SITE: &[NotUsed] = &[
    ("baseDomain", INSTALL),
    ("clusterImageSetNameRef", INSTALL),
    ("crTemplates", HUB),
    ("pullSecretRef", INSTALL),
    ("sshPrivateKeySecretRef", HUB),
    ("sshPublicKey", INSTALL),
];

const CLUSTER: &[NotUsed] = &[
    ("additionalNTPSources", INSTALL),
    ("baseDomain", INSTALL),
    ("clusterImageSetNameRef", INSTALL),
    ("clusterType", HUB),
    ("cpuArchitecture", INSTALL),
    ("cpuPartitioningMode", INSTALL),
    ("crTemplates", HUB),
    ("diskEncryption", INSTALL),
    ("extraManifestOnly", HUB),
    ("extraManifestPath", HUB),
    ("extraManifests", HUB),
    ("ignitionConfigOverride", INSTALL),
    ("installConfigOverrides", INSTALL),
    ("manifestsConfig", HUB),
    ("manifestsConfigMapRefs", HUB),
    ("mergeDefaultMachineConfigs", HUB),
    ("networkType", INSTALL),
    ("numMasters", HUB),
    ("numWorkers", HUB),
    ("platformType", INSTALL),
    ("proxy", INSTALL),
    ("siteConfigMap", HUB),
];

const NODE: &[NotUsed] = &[
    ("cpuArchitecture", INSTALL),
    ("cpuset", POST),
    ("crTemplates", HUB),
    ("diskPartition", POST),
    ("hardwareProfile", "metal3 has removed it"),
    ("ignitionConfigOverride", INSTALL),
    ("installerArgs", INSTALL),
    ("ironicInspect", "rackhand does not run ironic"),
    ("userData", HUB),
];

const INSTANCE: &[NotUsed] = &[
    ("additionalNTPSources", INSTALL),
    ("baseDomain", INSTALL),
    ("caBundleRef", INSTALL),
    ("clusterImageSetNameRef", INSTALL),
    ("clusterType", HUB),
    ("cpuArchitecture", INSTALL),
    ("cpuPartitioningMode", INSTALL),
    ("diskEncryption", INSTALL),
    ("extraManifestsRefs", HUB),
    ("ignitionConfigOverride", INSTALL),
    ("installConfigOverrides", INSTALL),
    ("networkType", INSTALL),
    ("platformType", INSTALL),
    ("proxy", INSTALL),
    ("pruneManifests", HUB),
    ("pullSecretRef", INSTALL),
    ("sshPublicKey", INSTALL),
    ("templateRefs", HUB),
];

const INSTANCE_NODE: &[NotUsed] = &[
    ("cpuArchitecture", INSTALL),
    ("ignitionConfigOverride", INSTALL),
    ("installerArgs", INSTALL),
    ("ironicInspect", "rackhand does not run ironic"),
    ("pruneManifests", HUB),
    ("templateRefs", HUB),
];

/// Something that a level says for the levels below it.
struct Inherited<'a, T> {
    value: T,
    at: At<'a>,
    used: Cell<bool>,
}

impl<'a, T> Inherited<'a, T> {
    fn new(at: At<'a>, value: T) -> Self {
        Self { value, at, used: Cell::new(false) }
    }
}

/// What one level says about BareMetalHosts and their BIOS.
#[derive(Default)]
struct Level<'a> {
    annotations: Option<Inherited<'a, Annotations>>,
    bios: Option<Inherited<'a, Option<BiosSettings>>>,
}

impl<'a> Level<'a> {
    fn site_config(fields: &Fields<'a>, above: &[&Self], files: Files<'_>) -> Self {
        let added =
            fields.get("crAnnotations").and_then(|at| at.fields(&[])).and_then(|fields| fields.get("add"));
        let annotations = bare_metal_host(added, "the hub puts it on that object");
        let bios = fields.get("biosConfigRef").map(|at| {
            let value = bios_config(&at, files);
            Inherited::new(at, value)
        });
        let level = Self { annotations, bios };
        level.hides(above);
        level
    }

    fn instance(fields: &Fields<'a>, above: &[&Self]) -> Self {
        let annotations = bare_metal_host(fields.get("extraAnnotations"), "the hub puts it on that object");
        let level = Self { annotations, bios: None };
        level.hides(above);
        level
    }

    /// A nearer map replaces a farther one whole. Where that drops an annotation of ours, it is hardly meant.
    fn hides(&self, above: &[&Self]) {
        let Some(own) = &self.annotations else { return };
        let Some(upper) = above.iter().find_map(|level| level.annotations.as_ref()) else { return };
        let names = own.value.names();
        let hidden: Vec<&str> =
            upper.value.names().into_iter().filter(|name| !names.contains(name)).collect();
        if !hidden.is_empty() {
            let message = format!(
                "these annotations replace those of {}, so {} is not set here",
                upper.at.path,
                hidden.join(", ")
            );
            own.at.sloppy(message, "repeat it here");
        }
    }

    /// Says which of this level's words no node heard.
    fn report_unused(&self) {
        let all_have = "it counts for no node: every node has a nearer one";
        if let Some(unused) = self.annotations.as_ref().filter(|one| !one.used.get()) {
            unused.at.warning(Code::Shadowed, all_have);
        }
        if let Some(unused) = self.bios.as_ref().filter(|one| !one.used.get()) {
            unused.at.warning(Code::Shadowed, all_have);
        }
    }
}

/// The BareMetalHost's part of a mapping from kinds to annotations.
fn bare_metal_host<'a>(kinds: Option<At<'a>>, other: &str) -> Option<Inherited<'a, Annotations>> {
    let mut found = None;
    for (key, at) in kinds?.entries() {
        if key.text == "BareMetalHost" {
            found = Some(Inherited::new(at.clone(), Annotations::to_be_added(&at)));
        } else {
            at.not_used(other);
        }
    }
    found
}

/// The nearest level that says something, noted as heard.
fn nearest<'l, 'a, T>(mut levels: impl Iterator<Item = Option<&'l Inherited<'a, T>>>) -> Option<&'l T>
where
    'a: 'l,
{
    let found = levels.find_map(|level| level)?;
    found.used.set(true);
    Some(&found.value)
}

/// What a cluster says for all of its nodes.
struct Cluster {
    name: String,
    network: ClusterNetwork,
    hold: bool,
    labels: BTreeMap<String, String>,
    suppressed: Vec<String>,
    /// `reinstall.generation`.
    generation: Option<String>,
}

impl Cluster {
    fn apply(&self, spec: &mut NodeSpec) {
        spec.cluster_network = self.network.clone();
        spec.hold = self.hold;
        spec.cluster_labels = self.labels.clone();
        spec.suppressed_manifests = self.suppressed.clone();
        spec.request_id = self.generation.clone();
    }
}

/// Reads a SiteConfig; sound nodes are added to `out`.
pub(crate) fn site_config(root: &At<'_>, files: Files<'_>, out: &mut Vec<Candidate>) {
    let sink = root.cx.sink;
    let before = sink.errors();
    let mut found = Vec::new();
    let of_clusters = read_site(root, files, &mut found);
    // An error of the site's own stands for every node in it; one of a cluster or node only for what is below it.
    if sink.errors() - before == of_clusters {
        out.append(&mut found);
    }
}

/// Answers how many errors are the clusters' own, below which they have been dealt with.
fn read_site(root: &At<'_>, files: Files<'_>, found: &mut Vec<Candidate>) -> usize {
    let sink = root.cx.sink;
    let Some(fields) = common::object(root) else { return 0 };
    let meta = common::meta(&fields, "spec.crAnnotations.add.BareMetalHost");
    let Some(spec) = fields.required("spec").and_then(|at| at.fields(SITE)) else { return 0 };
    let level = Level::site_config(&spec, &[], files);
    let clusters = spec.required("clusters").map(|at| at.items()).unwrap_or_default();
    let mut handled = 0;
    for cluster in clusters {
        let before = sink.errors();
        let mut nodes = Vec::new();
        let of_nodes = read_cluster(&cluster, meta.as_ref(), &level, files, &mut nodes);
        let errors = sink.errors() - before;
        if errors == of_nodes {
            found.append(&mut nodes);
        }
        handled += errors;
    }
    level.report_unused();
    handled
}

fn read_cluster(
    at: &At<'_>,
    meta: Option<&Meta>,
    site: &Level<'_>,
    files: Files<'_>,
    found: &mut Vec<Candidate>,
) -> usize {
    let Some(fields) = at.fields(CLUSTER) else { return 0 };
    let level = Level::site_config(&fields, &[site], files);
    let name = fields.required("clusterName").and_then(|at| name(&at));
    let network = common::cluster_network(&fields, Dialect::SiteConfig);
    let hold = fields.get("holdInstallation").and_then(|at| at.boolean()).unwrap_or(false);
    let labels = fields.get("clusterLabels").map(|at| at.text_map()).unwrap_or_default();
    let suppressed = fields.get("crSuppression").map(|at| at.words()).unwrap_or_default();
    let generation = None;
    let cluster = name.map(|name| Cluster { name, network, hold, labels, suppressed, generation });
    let handled = each_node(&fields, found, |node| {
        let fields = node.fields(NODE)?;
        let own = Level::site_config(&fields, &[&level, site], files);
        let levels = [&own, &level, site];
        let annotations = nearest(levels.iter().map(|level| level.annotations.as_ref()));
        let bios = nearest(levels.iter().map(|level| level.bios.as_ref())).cloned().flatten();
        let suppressed = fields.get("crSuppression").map(|at| at.words());
        let mut candidate = read_node(&fields, "SiteConfig", meta, cluster.as_ref())?;
        finish(&mut candidate, annotations, suppressed, node);
        candidate.spec.bios_settings = bios;
        Some(candidate)
    });
    level.report_unused();
    handled
}

/// Reads a ClusterInstance; sound nodes are added to `out`.
pub(crate) fn cluster_instance(root: &At<'_>, out: &mut Vec<Candidate>) {
    let sink = root.cx.sink;
    let before = sink.errors();
    let mut found = Vec::new();
    let of_nodes = read_instance(root, &mut found);
    if sink.errors() - before == of_nodes {
        out.append(&mut found);
    }
}

fn read_instance(root: &At<'_>, found: &mut Vec<Candidate>) -> usize {
    let Some(object) = common::object(root) else { return 0 };
    let meta = common::meta(&object, "spec.extraAnnotations.BareMetalHost");
    let Some(fields) = object.required("spec").and_then(|at| at.fields(INSTANCE)) else { return 0 };
    let level = Level::instance(&fields, &[]);
    let name = fields.required("clusterName").and_then(|at| name(&at));
    let network = common::cluster_network(&fields, Dialect::ClusterInstance);
    let hold = fields.get("holdInstallation").and_then(|at| at.boolean()).unwrap_or(false);
    let labels = managed_cluster(fields.get("extraLabels"));
    let suppressed = fields.get("suppressedManifests").map(|at| at.words()).unwrap_or_default();
    let generation = fields.get("reinstall").and_then(|at| generation(&at));
    let cluster = name.map(|name| Cluster { name, network, hold, labels, suppressed, generation });
    let handled = each_node(&fields, found, |node| {
        let fields = node.fields(INSTANCE_NODE)?;
        let own = Level::instance(&fields, &[&level]);
        let annotations = nearest([&own, &level].iter().map(|level| level.annotations.as_ref()));
        for (_, at) in fields.get("extraLabels").map(|at| at.entries()).unwrap_or_default() {
            at.not_used("the hub puts it on that object");
        }
        let suppressed = fields.get("suppressedManifests").map(|at| at.words());
        let host_ref = fields.get("hostRef").map(|at| host_ref(&at));
        let mut candidate = read_node(&fields, "ClusterInstance", meta.as_ref(), cluster.as_ref())?;
        finish(&mut candidate, annotations, suppressed, node);
        if let Some(host_ref) = host_ref {
            // The BareMetalHost exists already, and its Secret stands beside it.
            (candidate.spec.namespace, candidate.spec.bmh_name) = host_ref?;
        }
        Some(candidate)
    });
    level.report_unused();
    handled
}

fn managed_cluster(kinds: Option<At<'_>>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (key, at) in kinds.map(|at| at.entries()).unwrap_or_default() {
        if key.text == "ManagedCluster" {
            labels = at.text_map();
        } else {
            at.not_used("the hub puts it on that object");
        }
    }
    labels
}

fn generation(at: &At<'_>) -> Option<String> {
    let fields = at.fields(&[("preservationMode", "the hub keeps the cluster's identity")])?;
    fields.required("generation").and_then(|at| at.word())
}

fn host_ref(at: &At<'_>) -> Option<(String, String)> {
    let fields = at.fields(&[])?;
    let namespace = fields.required("namespace").and_then(|at| name(&at));
    let name = fields.required("name").and_then(|at| name(&at));
    Some((namespace?, name?))
}

/// Reads each node; one with an error is left out. Answers how many errors the nodes have.
fn each_node<'a>(
    cluster: &Fields<'a>,
    found: &mut Vec<Candidate>,
    read: impl Fn(&At<'a>) -> Option<Candidate>,
) -> usize {
    let sink = cluster.at.cx.sink;
    let nodes = cluster.required("nodes");
    let items = nodes.as_ref().map(|at| at.items()).unwrap_or_default();
    if let (Some(at), true) = (&nodes, items.is_empty()) {
        at.error(Code::InvalidValue, "the cluster has no nodes");
        return 0;
    }
    let before = sink.errors();
    for node in items {
        let errors = sink.errors();
        let candidate = read(&node);
        if sink.errors() == errors {
            found.extend(candidate);
        }
    }
    sink.errors() - before
}

/// The fields that a node has in both formats.
fn read_node(
    fields: &Fields<'_>,
    kind: &str,
    meta: Option<&Meta>,
    cluster: Option<&Cluster>,
) -> Option<Candidate> {
    let host = fields.required("hostName");
    let bmc = fields.required("bmcAddress");
    let mac = fields.required("bootMACAddress");
    let host_name = host.as_ref().and_then(name);
    let address = bmc.as_ref().and_then(|at| at.parse());
    let boot_mac = mac.as_ref().and_then(|at| at.parse());
    let credentials = fields.required("bmcCredentialsName").and_then(|at| common::reference(&at));
    let boot = Boot::read(fields);
    let role = fields.get("role").and_then(|at| at.choice(common::ROLES)).unwrap_or_default();
    let (network, interfaces) =
        fields.get("nodeNetwork").map(|at| common::node_network(&at)).unwrap_or_default();
    let labels = fields.get("nodeLabels").map(|at| at.text_map()).unwrap_or_default();
    let (meta, cluster, host_name, boot_mac) = (meta?, cluster?, host_name?, boot_mac?);
    let (host, bmc, mac) = (host?.place(), bmc?.place(), mac?);
    boots_from_an_interface(&mac, boot_mac, &network);
    let required = Required {
        cluster: cluster.name.clone(),
        namespace: cluster.name.clone(),
        bmh_name: host_name.clone(),
        source: SourceRef {
            file: fields.at.cx.file.to_owned(),
            line: fields.at.node.mark.line,
            kind: kind.to_owned(),
            name: meta.name.clone(),
            namespace: meta.namespace.clone(),
        },
        bmc: address?,
        credentials_name: credentials?,
        boot_mac,
        host_name,
    };
    let name = NodeName::new(&required.cluster, &required.host_name);
    let mut spec = required.spec(name);
    cluster.apply(&mut spec);
    boot.apply(&mut spec);
    spec.role = role;
    spec.network = network;
    spec.labels = labels;
    Some(Candidate { spec, places: Places { host, bmc, mac: mac.place(), interfaces }, refused: false })
}

/// What a node inherits or overrides.
fn finish(
    candidate: &mut Candidate,
    annotations: Option<&Annotations>,
    suppressed: Option<Vec<String>>,
    node: &At<'_>,
) {
    let spec = &mut candidate.spec;
    let generation = spec.request_id.take();
    if let Some(annotations) = annotations {
        annotations.apply(spec);
    }
    spec.request_id = spec.request_id.take().or(generation);
    if let Some(own) = suppressed {
        spec.suppressed_manifests = own;
    }
    if spec.suppressed_manifests.iter().any(|kind| kind == "BareMetalHost") {
        let message =
            "the hub is told not to render this node's BareMetalHost; rackhand provisions it all the same";
        node.warning(Code::Sloppy, message);
    }
}

/// The boot MAC is how a machine is recognised, so it should be one of its interfaces'.
fn boots_from_an_interface(at: &At<'_>, mac: crate::MacAddress, network: &crate::NodeNetwork) {
    if !network.interfaces.is_empty() && !network.interfaces.iter().any(|interface| interface.mac == mac) {
        at.warning(Code::Conflict, format!("{mac} is none of the MAC addresses in nodeNetwork.interfaces"));
    }
}

/// A name that can be a Kubernetes object's: it becomes the BareMetalHost's and the namespace's.
pub(crate) fn name(at: &At<'_>) -> Option<String> {
    let text = at.word()?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
    if !text.chars().all(good) {
        at.error(
            Code::InvalidValue,
            format!("`{text}` is not a name; letters, digits, `-` and `.` are allowed"),
        );
        return None;
    }
    Some(text)
}
