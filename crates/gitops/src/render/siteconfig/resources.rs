//! The objects that one cluster becomes, before anything of the user's is put over them.

use serde_json::{Value, json};

use super::model::View;
use crate::render::read::given;

/// The annotation that orders what Argo CD applies.
pub(super) const WAVE: &str = "argocd.argoproj.io/sync-wave";
/// The inspection by ironic, which is left out unless it is switched off.
pub(super) const INSPECT: &str = "inspect.metal3.io";
/// Before a node's label among the annotations of its BareMetalHost.
pub(super) const NODE_LABEL: &str = "bmac.agent-install.openshift.io.node-label";

/// A kind of object, in the order in which they are made.
pub(super) struct Source {
    pub(super) kind: &'static str,
    /// Whether there is one for each node.
    pub(super) of_node: bool,
    /// Whether it is there only where the cluster has a `siteConfigMap`.
    pub(super) of_map: bool,
    pub(super) make: fn(&View<'_>) -> Value,
}

const fn of_cluster(kind: &'static str, make: fn(&View<'_>) -> Value) -> Source {
    Source { kind, of_node: false, of_map: false, make }
}

const fn of_node(kind: &'static str, make: fn(&View<'_>) -> Value) -> Source {
    Source { kind, of_node: true, of_map: false, make }
}

/// What `ran.openshift.io/v1` and `v2` become. The ConfigMap of a `siteConfigMap` is the second one, and of v2 alone.
pub(super) const SOURCES: [Source; 11] = [
    of_cluster("Namespace", namespace),
    of_cluster("AgentClusterInstall", agent_cluster_install),
    of_cluster("ClusterDeployment", cluster_deployment),
    of_node("NMStateConfig", nmstate_config),
    of_cluster("InfraEnv", infra_env),
    of_node("BareMetalHost", bare_metal_host),
    of_node("HostFirmwareSettings", host_firmware_settings),
    of_cluster("ConfigMap", manifests_map),
    Source { kind: "ConfigMap", of_node: false, of_map: true, make: site_config_map },
    of_cluster("ManagedCluster", managed_cluster),
    of_cluster("KlusterletAddonConfig", klusterlet_addon_config),
];

impl View<'_> {
    fn site(&self, field: &str) -> Option<Value> {
        self.site.get(field).cloned()
    }

    fn cluster(&self, field: &str) -> Option<Value> {
        self.cluster.get(field).cloned()
    }

    fn node(&self, field: &str) -> Option<Value> {
        self.node?.get(field).cloned()
    }

    fn cluster_name(&self) -> Option<Value> {
        self.cluster("clusterName")
    }

    fn reference(value: Option<Value>, field: &str) -> Option<Value> {
        value.and_then(|value| value.get(field).cloned()).filter(|value| value != "")
    }

    fn pull_secret(&self) -> Option<Value> {
        Some(given([("name", Self::reference(self.site("pullSecretRef"), "name"))]))
    }

    /// The cluster's name as a reference.
    fn named(&self) -> Option<Value> {
        Some(given([("name", self.cluster_name())]))
    }

    fn in_namespace(&self, name: Option<Value>, labels: Option<Value>, annotations: Value) -> Option<Value> {
        Some(given([
            ("annotations", Some(annotations)),
            ("labels", labels),
            ("name", name),
            ("namespace", self.cluster_name()),
        ]))
    }
}

fn object(api_version: &str, kind: &str, metadata: Option<Value>, spec: Option<Value>) -> Value {
    given([
        ("apiVersion", Some(api_version.into())),
        ("kind", Some(kind.into())),
        ("metadata", metadata),
        ("spec", spec),
    ])
}

fn wave(wave: &str) -> Value {
    json!({ WAVE: wave })
}

fn namespace(view: &View<'_>) -> Value {
    let metadata =
        given([("annotations", Some(wave("0"))), ("labels", view.named()), ("name", view.cluster_name())]);
    object("v1", "Namespace", Some(metadata), None)
}

fn agent_cluster_install(view: &View<'_>) -> Value {
    let annotations = given([
        ("agent-install.openshift.io/install-config-overrides", view.cluster("networkType")),
        (WAVE, Some("1".into())),
    ]);
    let networking =
        ["clusterNetwork", "machineNetwork", "serviceNetwork"].map(|name| (name, view.cluster(name)));
    let agents = [("controlPlaneAgents", "numMasters"), ("workerAgents", "numWorkers")];
    let spec = given([
        ("clusterDeploymentRef", view.named()),
        ("holdInstallation", view.cluster("holdInstallation")),
        ("imageSetRef", Some(given([("name", view.cluster("clusterImageSetNameRef"))]))),
        ("apiVIP", view.cluster("apiVIP")),
        ("ingressVIP", view.cluster("ingressVIP")),
        ("apiVIPs", view.cluster("apiVIPs")),
        ("ingressVIPs", view.cluster("ingressVIPs")),
        ("networking", Some(given(networking))),
        ("provisionRequirements", Some(given(agents.map(|(name, field)| (name, view.cluster(field)))))),
        ("proxy", view.cluster("proxy")),
        ("sshPublicKey", view.site("sshPublicKey")),
        ("manifestsConfigMapRef", view.named().filter(|_| !view.second)),
        ("manifestsConfigMapRefs", view.cluster("manifestsConfigMapRefs").filter(|_| view.second)),
    ]);
    let metadata = view.in_namespace(view.cluster_name(), None, annotations);
    object("extensions.hive.openshift.io/v1beta1", "AgentClusterInstall", metadata, Some(spec))
}

fn cluster_deployment(view: &View<'_>) -> Value {
    let install = given([
        ("group", Some("extensions.hive.openshift.io".into())),
        ("kind", Some("AgentClusterInstall".into())),
        ("name", view.cluster_name()),
        ("version", Some("v1beta1".into())),
    ]);
    let labels = given([("cluster-name", view.cluster_name())]);
    let spec = given([
        ("baseDomain", view.site("baseDomain")),
        ("clusterInstallRef", Some(install)),
        ("clusterName", view.cluster_name()),
        ("platform", Some(json!({ "agentBareMetal": { "agentSelector": { "matchLabels": labels } } }))),
        ("pullSecretRef", view.pull_secret()),
    ]);
    let metadata = view.in_namespace(view.cluster_name(), None, wave("1"));
    object("hive.openshift.io/v1", "ClusterDeployment", metadata, Some(spec))
}

fn nmstate_config(view: &View<'_>) -> Value {
    let network = |field| view.node("nodeNetwork").and_then(|network| network.get(field).cloned());
    let labels = given([("nmstate-label", view.cluster_name())]);
    let spec = given([("config", network("config")), ("interfaces", network("interfaces"))]);
    let metadata = view.in_namespace(view.node("hostName"), Some(labels), wave("1"));
    object("agent-install.openshift.io/v1beta1", "NMStateConfig", metadata, Some(spec))
}

fn infra_env(view: &View<'_>) -> Value {
    let cluster = given([("name", view.cluster_name()), ("namespace", view.cluster_name())]);
    let labels = given([("nmstate-label", view.cluster_name())]);
    let spec = given([
        ("clusterRef", Some(cluster)),
        ("sshAuthorizedKey", view.site("sshPublicKey")),
        ("proxy", view.cluster("proxy")),
        ("pullSecretRef", view.pull_secret()),
        ("ignitionConfigOverride", view.cluster("ignitionConfigOverride")),
        ("nmStateConfigLabelSelector", Some(json!({ "matchLabels": labels }))),
        ("additionalNTPSources", view.cluster("additionalNTPSources")),
    ]);
    let metadata = view.in_namespace(view.cluster_name(), None, wave("1"));
    object("agent-install.openshift.io/v1beta1", "InfraEnv", metadata, Some(spec))
}

fn bare_metal_host(view: &View<'_>) -> Value {
    let annotations = given([
        (WAVE, Some("3".into())),
        (INSPECT, view.node("ironicInspect")),
        (NODE_LABEL, view.node("nodeLabels")),
        ("bmac.agent-install.openshift.io/hostname", view.node("hostName")),
        ("bmac.agent-install.openshift.io/installer-args", view.node("installerArgs")),
        ("bmac.agent-install.openshift.io/ignition-config-overrides", view.node("ignitionConfigOverride")),
        ("bmac.agent-install.openshift.io/role", view.node("role")),
    ]);
    let labels = given([("infraenvs.agent-install.openshift.io", view.cluster_name())]);
    let bmc = given([
        ("address", view.node("bmcAddress")),
        ("disableCertificateVerification", Some(true.into())),
        ("credentialsName", View::reference(view.node("bmcCredentialsName"), "name")),
    ]);
    let spec = given([
        ("bootMode", view.node("bootMode")),
        ("bmc", Some(bmc)),
        ("bootMACAddress", view.node("bootMACAddress")),
        ("automatedCleaningMode", view.node("automatedCleaningMode")),
        ("online", Some(true.into())),
        ("rootDeviceHints", view.node("rootDeviceHints")),
        ("userData", view.node("userData")),
    ]);
    let metadata = view.in_namespace(view.node("hostName"), Some(labels), annotations);
    object("metal3.io/v1alpha1", "BareMetalHost", metadata, Some(spec))
}

fn host_firmware_settings(view: &View<'_>) -> Value {
    let metadata = view.in_namespace(view.node("hostName"), None, wave("1"));
    object("metal3.io/v1alpha1", "HostFirmwareSettings", metadata, None)
}

fn manifests_map(view: &View<'_>) -> Value {
    object("v1", "ConfigMap", view.in_namespace(view.cluster_name(), None, wave("1")), None)
}

fn site_config_map(view: &View<'_>) -> Value {
    let map = |field| View::reference(view.cluster("siteConfigMap"), field);
    let metadata =
        given([("annotations", Some(wave("2"))), ("name", map("name")), ("namespace", map("namespace"))]);
    given([
        ("apiVersion", Some("v1".into())),
        ("kind", Some("ConfigMap".into())),
        ("metadata", Some(metadata)),
        ("data", map("data")),
    ])
}

fn managed_cluster(view: &View<'_>) -> Value {
    let metadata = given([
        ("annotations", Some(wave("2"))),
        ("labels", view.cluster("clusterLabels")),
        ("name", view.cluster_name()),
    ]);
    let spec = json!({ "hubAcceptsClient": true });
    object("cluster.open-cluster-management.io/v1", "ManagedCluster", Some(metadata), Some(spec))
}

fn klusterlet_addon_config(view: &View<'_>) -> Value {
    let enabled = |enabled: bool| Some(json!({ "enabled": enabled }));
    let spec = given([
        ("clusterName", view.cluster_name()),
        ("clusterNamespace", view.cluster_name()),
        ("applicationManager", enabled(false)),
        ("certPolicyController", enabled(false)),
        ("iamPolicyController", enabled(false)),
        ("policyController", enabled(true)),
        ("searchCollector", enabled(false)),
    ]);
    let metadata = view.in_namespace(view.cluster_name(), None, wave("2"));
    object("agent.open-cluster-management.io/v1", "KlusterletAddonConfig", metadata, Some(spec))
}
