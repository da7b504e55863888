//! A ClusterInstance, rendered by the rules of the default templates, and its mutations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]
#![allow(clippy::indexing_slicing, reason = "a missing field of a JSON value is null")]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use rackhand_gitops::render::{AgentRef, RenderOptions, Rendered, render, render_texts};
use rackhand_spec::{Code, Located};
use serde_json::{Value, json};

const INSTANCE: &str = include_str!("testdata/instance.yaml");

fn documents(text: &str) -> Vec<Value> {
    let (documents, faults) = Located::documents(Path::new("f"), text);
    assert!(faults.is_empty(), "{faults:?}");
    documents.iter().map(Located::json).collect()
}

fn rendered(text: &str) -> Rendered {
    render_texts(&[(PathBuf::from("instance.yaml"), text.to_owned())], &RenderOptions::default())
}

#[track_caller]
fn changed(from: &str, to: &str) -> Rendered {
    assert_eq!(INSTANCE.matches(from).count(), 1, "{from}");
    rendered(&INSTANCE.replace(from, to))
}

#[track_caller]
fn sound(rendered: Rendered) -> Vec<Value> {
    assert!(!rendered.has_errors(), "{:#?}", rendered.findings);
    rendered.resources
}

#[track_caller]
fn refused(rendered: &Rendered) -> String {
    assert!(rendered.resources.is_empty());
    let error = rendered.findings.iter().find(|one| one.is_error()).expect("an error");
    format!("{}: {}: {} {}", error.line, error.path, error.message, error.help.as_deref().unwrap_or_default())
}

#[track_caller]
fn one<'r>(resources: &'r [Value], kind: &str, name: &str) -> &'r Value {
    let found = resources.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn kinds(resources: &[Value]) -> Vec<&str> {
    resources.iter().map(|one| one["kind"].as_str().unwrap()).collect()
}

#[test]
fn the_instance_becomes_its_golden_output() {
    let made = sound(rendered(INSTANCE));
    let expected = documents(include_str!("testdata/instance.expected.yaml"));
    for (made, expected) in made.iter().zip(&expected) {
        assert_eq!(made, expected);
    }
    assert_eq!(made.len(), expected.len());
}

#[test]
fn what_the_api_server_puts_in_is_put_in() {
    let bare = "apiVersion: siteconfig.open-cluster-management.io/v1alpha1\nkind: ClusterInstance\nmetadata: {name: c, namespace: ns}\nspec:\n  clusterName: c\n  baseDomain: example.net\n  clusterImageSetNameRef: img\n  pullSecretRef: {name: pull}\n  templateRefs: [{name: ai-cluster-templates-v1, namespace: x}]\n  nodes:\n  - hostName: n\n    bmcAddress: redfish://192.0.2.1\n    bmcCredentialsName: {name: b}\n    bootMACAddress: 02:00:00:00:0c:01\n    templateRefs: [{name: ai-node-templates-v1, namespace: x}]\n";
    let made = sound(rendered(bare));
    // Without a network there is no NMStateConfig.
    assert_eq!(
        kinds(&made),
        [
            "AgentClusterInstall",
            "ClusterDeployment",
            "InfraEnv",
            "ManagedCluster",
            "KlusterletAddonConfig",
            "BareMetalHost"
        ]
    );
    let install = one(&made, "AgentClusterInstall", "c");
    assert_eq!(install["spec"]["holdInstallation"], false);
    assert_eq!(
        install["spec"]["provisionRequirements"],
        json!({ "controlPlaneAgents": 1, "workerAgents": 0 })
    );
    assert_eq!(
        install["metadata"]["labels"],
        json!({ "siteconfig.open-cluster-management.io/owned-by": "ns_c" })
    );
    assert_eq!(
        install["metadata"]["annotations"]["agent-install.openshift.io/install-config-overrides"],
        "{\"networking\":{\"networkType\":\"OVNKubernetes\"}}"
    );
    let host = one(&made, "BareMetalHost", "n");
    assert_eq!(
        (&host["spec"]["bootMode"], &host["spec"]["automatedCleaningMode"]),
        (&json!("UEFI"), &json!("disabled"))
    );
    assert_eq!(
        (&host["spec"]["architecture"], &host["metadata"]["annotations"]["inspect.metal3.io"]),
        (&json!("x86_64"), &json!(""))
    );
    assert_eq!(one(&made, "InfraEnv", "n")["spec"]["ignitionConfigOverride"], "");
}

#[test]
fn the_nearest_annotations_and_labels_count_and_overwrite_nothing() {
    let made = sound(rendered(INSTANCE));
    // The node's map of a kind takes the place of the cluster's.
    let host = |name| one(&made, "BareMetalHost", name)["metadata"]["annotations"].clone();
    assert_eq!(
        (&host("edge-a")["example.net/x"], &host("edge-a")["example.net/y"]),
        (&Value::Null, &json!("node"))
    );
    assert_eq!(host("existing")["example.net/x"], "cluster");
    let labels = &one(&made, "ManagedCluster", "edge")["metadata"]["labels"];
    // Here, unlike in a SiteConfig, the template's own vendor stays.
    assert_eq!((&labels["vendor"], &labels["common"]), (&json!("auto-detect"), &json!("true")));
}

#[test]
fn suppressed_and_pruned_objects_are_left_out_of_both_levels() {
    let all = rendered(INSTANCE).resources;
    let without = |text: &str| {
        let made = sound(changed("  clusterName: edge\n", &format!("  clusterName: edge\n{text}")));
        kinds(&all)
            .into_iter()
            .filter(|kind| !kinds(&made).contains(kind))
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    // The cluster's list counts for what is made of its nodes too.
    assert_eq!(without("  suppressedManifests: [BareMetalHost]\n"), ["BareMetalHost"; 2]);
    assert_eq!(
        without("  pruneManifests: [{apiVersion: agent-install.openshift.io/v1beta1, kind: InfraEnv}]\n"),
        ["InfraEnv"; 2]
    );
    assert_eq!(without("  pruneManifests: [{apiVersion: v1, kind: InfraEnv}]\n"), [""; 0]);
    let made = sound(changed(
        "  - hostName: edge-a\n",
        "  - hostName: edge-a\n    suppressedManifests: [NMStateConfig, ManagedCluster]\n",
    ));
    // A node's list does not reach the cluster's objects.
    assert!(!kinds(&made).contains(&"NMStateConfig") && kinds(&made).contains(&"ManagedCluster"));
}

#[test]
fn other_templates_than_the_default_ones_are_refused_by_name() {
    for (from, to, part) in [
        (
            "name: ai-cluster-templates-v1",
            "name: mine",
            "spec.templateRefs[0].name: the templates open-cluster-management/mine are on the hub",
        ),
        (
            "name: ai-cluster-templates-v1",
            "name: ai-node-templates-v1",
            "rendered are ai-cluster-templates-v1 and ibi-cluster-templates-v1",
        ),
        (
            "    hostRef: {name: existing, namespace: hosts}\n    templateRefs: [{name: ai-node-templates-v1, namespace: open-cluster-management}]\n",
            "",
            "spec.nodes[1]: the field `templateRefs` is missing",
        ),
        ("  baseDomain: example.net\n", "", "`baseDomain` is missing"),
        ("v1alpha1", "v1beta9", "apiVersion: a ClusterInstance of"),
    ] {
        let refusal = refused(&changed(from, to));
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[test]
fn overrides_that_cannot_be_joined_are_left_out_with_a_warning() {
    // The operator's data has then no overrides at all, and its template leaves the annotation out.
    let made = changed("  installConfigOverrides: '{\"a\": 1}'\n", "  installConfigOverrides: '[1]'\n");
    assert!(
        made.findings
            .iter()
            .any(|one| one.path == "spec.installConfigOverrides" && one.code == Code::InvalidValue)
    );
    let made = sound(made);
    let annotations =
        one(&made, "AgentClusterInstall", "edge")["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations.keys().collect::<Vec<_>>(), ["siteconfig.open-cluster-management.io/sync-wave"]);
}

#[test]
fn what_is_not_rendered_is_named() {
    let odd = changed(
        "  clusterName: edge\n",
        "  clusterName: edge\n  additionalNtpSources: [x]\n  diskEncryption: {type: nbde}\n",
    );
    let said = |path: &str| odd.findings.iter().find(|one| one.path == path).unwrap().to_string();
    assert!(
        said("spec.additionalNtpSources").contains("unknown field"),
        "{}",
        said("spec.additionalNtpSources")
    );
    assert!(said("spec.diskEncryption").contains("not be encrypted"));
    let odd = changed("    bootMode: UEFISecureBoot\n", "    bootmode: UEFISecureBoot\n");
    let said = odd.findings.iter().find(|one| one.path == "spec.nodes[0].bootmode").unwrap().to_string();
    assert!(said.contains("did you mean `bootMode`?"), "{said}");
}

#[test]
fn an_image_based_cluster_has_its_own_objects() {
    let text = INSTANCE
        .replace("ai-cluster-templates-v1", "ibi-cluster-templates-v1")
        .replace("ai-node-templates-v1", "ibi-node-templates-v1");
    let (first, _) = text.split_once("  - hostName: edge-b\n").unwrap();
    let made = sound(rendered(first));
    assert_eq!(
        kinds(&made),
        [
            "ClusterDeployment",
            "ImageClusterInstall",
            "Secret",
            "BareMetalHost",
            "ManagedCluster",
            "KlusterletAddonConfig"
        ]
    );
    let install = &one(&made, "ImageClusterInstall", "edge")["spec"];
    assert_eq!(
        (&install["machineNetwork"], &install["caBundleRef"]),
        (&json!("192.0.2.0/24"), &json!({ "name": "ca" }))
    );
    assert_eq!(install["bareMetalHostRef"], json!({ "name": "edge-a", "namespace": "edge" }));
    let host = &one(&made, "BareMetalHost", "edge-a")["spec"];
    assert_eq!(
        (&host["externallyProvisioned"], &host["preprovisioningNetworkDataName"]),
        (&json!(true), &json!("edge-a"))
    );
    let encoded = one(&made, "Secret", "edge-a")["data"]["nmstate"].as_str().unwrap().to_owned();
    let text = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    assert_eq!(
        documents(&String::from_utf8(text).unwrap()),
        [json!({ "interfaces": [{ "name": "eno1", "type": "ethernet" }] })]
    );
}

#[test]
fn hosts_are_handed_over_from_a_cluster_instance_too() {
    let options = RenderOptions {
        with_agent: Some(AgentRef { name: "jump-1".to_owned() }),
        ..RenderOptions::default()
    };
    let made = render_texts(&[(PathBuf::from("i.yaml"), INSTANCE.to_owned())], &options);
    let made = sound(made);
    let provision = one(&made, "HostProvision", "existing");
    // Beside its BareMetalHost, which is in another namespace, and with the InfraEnv of its own.
    assert_eq!(provision["metadata"]["namespace"], "hosts");
    assert_eq!(provision["spec"]["image"], json!({ "infraEnvRef": { "name": "existing" } }));
    assert_eq!(provision["spec"]["sourceRef"]["nodeName"], "edge-b");
    let first = one(&made, "HostProvision", "edge-a");
    // An ISO that somebody named goes before that of the InfraEnv.
    assert_eq!(first["spec"]["image"], json!({ "url": "https://192.0.2.7/a.iso", "sha256": "ab" }));
    assert_eq!(first["spec"]["bmc"]["tls"], json!({ "fingerprint": "cd" }));
}

#[test]
fn upstreams_examples_render() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ztp-examples/clusterinstance");
    if !root.is_dir() {
        println!("skipped: ../shared/ztp-examples is not there");
        return;
    }
    let made = render(&root, &RenderOptions::default());
    let errors: Vec<String> =
        made.findings.iter().filter(|one| one.is_error()).map(ToString::to_string).collect();
    assert_eq!(errors, [""; 0]);
    assert!(made.resources.iter().filter(|one| one["kind"] == "BareMetalHost").count() >= 8);
}
