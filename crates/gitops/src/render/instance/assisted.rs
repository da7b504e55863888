//! The default templates for the assisted installer: `ai-cluster-templates-v1` and `ai-node-templates-v1`.

use serde_json::{Map, Value, json};

use super::{Instance, Node, WAVE};
use crate::render::read::given;

const INSTALL_VERSION: &str = "extensions.hive.openshift.io/v1beta1";
const AGENT_VERSION: &str = "agent-install.openshift.io/v1beta1";
const BMAC: &str = "bmac.agent-install.openshift.io";

pub(super) fn of_cluster(instance: &Instance<'_>) -> Vec<Value> {
    vec![
        agent_cluster_install(instance),
        cluster_deployment(instance),
        instance.managed_cluster(),
        klusterlet_addon_config(instance),
    ]
}

pub(super) fn of_node(instance: &Instance<'_>, node: &Node<'_>) -> Vec<Value> {
    let mut made = vec![infra_env(instance, node)];
    made.extend(nmstate_config(node));
    made.push(bare_metal_host(instance, node));
    made
}

fn agent_cluster_install(instance: &Instance<'_>) -> Value {
    let mut metadata = instance.metadata("1");
    if let (Some(overrides), Some(annotations)) =
        (&instance.overrides, metadata.pointer_mut("/annotations").and_then(Value::as_object_mut))
    {
        annotations
            .insert("agent-install.openshift.io/install-config-overrides".to_owned(), overrides.clone());
    }
    let services = instance.spec.given("serviceNetwork").map(|at| at.items()).unwrap_or_default();
    let services: Vec<Value> =
        services.iter().filter_map(|at| at.text_at(&["cidr"])).map(Value::from).collect();
    let networking = given([
        ("clusterNetwork", instance.value("clusterNetwork")),
        ("machineNetwork", instance.value("machineNetwork")),
        ("serviceNetwork", Some(services).filter(|all| !all.is_empty()).map(Value::from)),
    ]);
    let arbiters = instance.count("arbiter");
    let agents = given([
        ("controlPlaneAgents", Some(instance.count("master").into())),
        ("workerAgents", Some(instance.count("worker").into())),
        ("arbiterAgents", (arbiters > 0).then(|| arbiters.into())),
    ]);
    let hold = instance.spec.given("holdInstallation").map(|at| at.json());
    let spec = given([
        ("clusterDeploymentRef", Some(json!({ "name": instance.cluster }))),
        ("holdInstallation", hold.or(Some(false.into()))),
        ("imageSetRef", Some(json!({ "name": instance.text("clusterImageSetNameRef") }))),
        ("apiVIPs", instance.value("apiVIPs")),
        ("ingressVIPs", instance.value("ingressVIPs")),
        ("networking", Some(networking)),
        ("provisionRequirements", Some(agents)),
        ("proxy", instance.value("proxy")),
        ("platformType", instance.text("platformType").filter(|kind| kind != "")),
        ("sshPublicKey", Some(instance.text("sshPublicKey").unwrap_or_else(|| "".into()))),
        ("manifestsConfigMapRefs", instance.value("extraManifestsRefs")),
    ]);
    json!({ "apiVersion": INSTALL_VERSION, "kind": "AgentClusterInstall", "metadata": metadata, "spec": spec })
}

fn cluster_deployment(instance: &Instance<'_>) -> Value {
    json!({
        "apiVersion": "hive.openshift.io/v1",
        "kind": "ClusterDeployment",
        "metadata": instance.metadata("1"),
        "spec": {
            "baseDomain": instance.text("baseDomain"),
            "clusterInstallRef": {
                "group": "extensions.hive.openshift.io",
                "kind": "AgentClusterInstall",
                "name": instance.cluster,
                "version": "v1beta1",
            },
            "clusterName": instance.cluster,
            "platform": {
                "agentBareMetal": { "agentSelector": { "matchLabels": { "cluster-name": instance.cluster } } },
            },
            "pullSecretRef": instance.pull_secret(),
        },
    })
}

fn klusterlet_addon_config(instance: &Instance<'_>) -> Value {
    json!({
        "apiVersion": "agent.open-cluster-management.io/v1",
        "kind": "KlusterletAddonConfig",
        "metadata": instance.metadata("2"),
        "spec": {
            "applicationManager": { "enabled": false },
            "certPolicyController": { "enabled": false },
            "clusterName": instance.cluster,
            "clusterNamespace": instance.cluster,
            "iamPolicyController": { "enabled": false },
            "policyController": { "enabled": true },
            "searchCollector": { "enabled": false },
        },
    })
}

fn wave(wave: &str) -> Map<String, Value> {
    Map::from_iter([(WAVE.to_owned(), wave.into())])
}

/// One for each node, so that each has its own network configuration and architecture.
fn infra_env(instance: &Instance<'_>, node: &Node<'_>) -> Value {
    let spec = given([
        ("additionalNTPSources", instance.value("additionalNTPSources")),
        ("clusterRef", Some(json!({ "name": instance.cluster, "namespace": instance.cluster }))),
        ("cpuArchitecture", node.architecture(instance)),
        (
            "ignitionConfigOverride",
            Some(instance.text("ignitionConfigOverride").unwrap_or_else(|| "".into())),
        ),
        ("nmStateConfigLabelSelector", Some(json!({ "matchLabels": { "nmstate-label": node.name } }))),
        ("proxy", instance.value("proxy")),
        ("pullSecretRef", Some(instance.pull_secret())),
        ("sshAuthorizedKey", Some(instance.text("sshPublicKey").unwrap_or_else(|| "".into()))),
    ]);
    json!({
        "apiVersion": AGENT_VERSION,
        "kind": "InfraEnv",
        "metadata": node.metadata(wave("1"), None),
        "spec": spec,
    })
}

fn nmstate_config(node: &Node<'_>) -> Option<Value> {
    let network = node.at.given("nodeNetwork")?;
    let spec = given([
        ("config", network.given("config").map(|at| at.json())),
        ("interfaces", network.given("interfaces").map(|at| at.json())),
    ]);
    Some(json!({
        "apiVersion": AGENT_VERSION,
        "kind": "NMStateConfig",
        "metadata": node.metadata(wave("1"), Some(json!({ "nmstate-label": node.name }))),
        "spec": spec,
    }))
}

fn bare_metal_host(instance: &Instance<'_>, node: &Node<'_>) -> Value {
    let filled = |field| node.text(field).filter(|text| text != "");
    let mut annotations = wave("3");
    let of_host = [
        ("inspect.metal3.io".to_owned(), Some(node.text_or("ironicInspect", ""))),
        (format!("{BMAC}/hostname"), node.text("hostName")),
        (format!("{BMAC}/installer-args"), filled("installerArgs")),
        (format!("{BMAC}/ignition-config-overrides"), filled("ignitionConfigOverride")),
        (format!("{BMAC}/role"), Some(node.text_or("role", "master"))),
    ];
    let labels = node.at.given("nodeLabels");
    let labels = labels.iter().flat_map(|at| at.entries());
    let labels = labels
        .map(|(entry, at)| (format!("{BMAC}.node-label.{}", entry.key), Some(super::scalar(&at).into())));
    annotations.extend(of_host.into_iter().chain(labels).filter_map(|(name, value)| Some((name, value?))));
    let infra_env = json!({ "infraenvs.agent-install.openshift.io": node.name });
    json!({
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": node.metadata(annotations, Some(infra_env)),
        "spec": node.host_spec(instance),
    })
}
