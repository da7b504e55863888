//! The default templates for the image-based installer: `ibi-cluster-templates-v1` and `ibi-node-templates-v1`.

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::{Instance, Node, WAVE};
use crate::render::read::given;
use crate::render::yaml;

pub(super) fn of_cluster(instance: &Instance<'_>) -> Vec<Value> {
    let deployment = json!({
        "apiVersion": "hive.openshift.io/v1",
        "kind": "ClusterDeployment",
        "metadata": instance.metadata("1"),
        "spec": {
            "baseDomain": instance.text("baseDomain"),
            "clusterInstallRef": {
                "group": "extensions.hive.openshift.io",
                "kind": "ImageClusterInstall",
                "name": instance.cluster,
                "version": "v1alpha1",
            },
            "clusterName": instance.cluster,
            "platform": { "none": {} },
            "pullSecretRef": instance.pull_secret(),
        },
    });
    vec![deployment, instance.managed_cluster(), klusterlet_addon_config(instance)]
}

fn klusterlet_addon_config(instance: &Instance<'_>) -> Value {
    let mut metadata = instance.metadata("2");
    let labels = json!({
        "installer.name": "multiclusterhub",
        "installer.namespace": "open-cluster-management",
    });
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("labels".to_owned(), labels);
    }
    json!({
        "apiVersion": "agent.open-cluster-management.io/v1",
        "kind": "KlusterletAddonConfig",
        "metadata": metadata,
        "spec": {
            "applicationManager": { "enabled": true },
            "certPolicyController": { "enabled": true },
            "clusterName": instance.cluster,
            "clusterNamespace": instance.cluster,
            "iamPolicyController": { "enabled": true },
            "policyController": { "enabled": true },
            "searchCollector": { "enabled": false },
        },
    })
}

pub(super) fn of_node(instance: &Instance<'_>, node: &Node<'_>) -> Vec<Value> {
    let mut made = vec![image_cluster_install(instance, node)];
    made.extend(network_secret(node));
    made.push(bare_metal_host(instance, node));
    made
}

fn image_cluster_install(instance: &Instance<'_>, node: &Node<'_>) -> Value {
    let machines = instance.spec.given("machineNetwork").map(|at| at.items()).unwrap_or_default();
    let first = machines.first().and_then(|at| at.text_at(&["cidr"]));
    let spec = given([
        ("bareMetalHostRef", Some(json!({ "name": node.name, "namespace": node.namespace }))),
        ("caBundleRef", instance.value("caBundleRef")),
        ("clusterDeploymentRef", Some(json!({ "name": instance.cluster }))),
        ("extraManifestsRefs", instance.value("extraManifestsRefs")),
        ("hostname", node.text("hostName")),
        ("imageSetRef", Some(json!({ "name": instance.text("clusterImageSetNameRef") }))),
        ("machineNetwork", first.map(Value::from)),
        ("proxy", instance.value("proxy")),
        ("sshKey", Some(instance.text("sshPublicKey").unwrap_or_else(|| "".into()))),
    ]);
    json!({
        "apiVersion": "extensions.hive.openshift.io/v1alpha1",
        "kind": "ImageClusterInstall",
        "metadata": instance.metadata("1"),
        "spec": spec,
    })
}

/// The node's network configuration, where the baremetal-operator looks for it.
fn network_secret(node: &Node<'_>) -> Option<Value> {
    let config = node.at.given("nodeNetwork")?.given("config")?.json();
    let text = yaml::document(&config, yaml::Keys::Sorted);
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    Some(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": node.metadata(wave(), None),
        "data": { "nmstate": encoded },
        "type": "Opaque",
    }))
}

fn wave() -> Map<String, Value> {
    Map::from_iter([(WAVE.to_owned(), "1".into())])
}

fn bare_metal_host(instance: &Instance<'_>, node: &Node<'_>) -> Value {
    let mut annotations = wave();
    annotations.insert("inspect.metal3.io".to_owned(), node.text_or("ironicInspect", ""));
    let mut spec = node.host_spec(instance);
    spec.insert("externallyProvisioned".to_owned(), true.into());
    if node.at.given("nodeNetwork").is_some_and(|at| at.given("config").is_some())
        && let Some(name) = &node.name
    {
        spec.insert("preprovisioningNetworkDataName".to_owned(), name.clone());
    }
    json!({
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": node.metadata(annotations, None),
        "spec": spec,
    })
}
