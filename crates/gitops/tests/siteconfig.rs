//! A SiteConfig, rendered, and what upstream's rules demand when a field is added, removed or moved to another level.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]
#![allow(clippy::indexing_slicing, reason = "a missing field of a JSON value is null")]

use std::fs;
use std::path::{Path, PathBuf};

use rackhand_gitops::render::{AgentRef, RenderOptions, Rendered, render, render_texts};
use rackhand_spec::{Code, Located};
use serde_json::{Value, json};

const SITE: &str = include_str!("testdata/site.yaml");

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata")
}

fn documents(text: &str) -> Vec<Value> {
    let (documents, faults) = Located::documents(Path::new("f"), text);
    assert!(faults.is_empty(), "{faults:?}");
    documents.iter().map(Located::json).collect()
}

fn options() -> RenderOptions {
    RenderOptions { predefined_manifests: Some(testdata().join("shipped")), ..RenderOptions::default() }
}

fn rendered_with(text: &str, options: &RenderOptions) -> Rendered {
    render_texts(&[(testdata().join("site.yaml"), text.to_owned())], options)
}

/// The site with one piece of its text put in the place of another.
fn changed(from: &str, to: &str) -> Rendered {
    assert_eq!(SITE.matches(from).count(), 1, "{from}");
    rendered_with(&SITE.replace(from, to), &options())
}

#[track_caller]
fn sound(rendered: Rendered) -> Vec<Value> {
    assert!(!rendered.has_errors(), "{:#?}", rendered.findings);
    rendered.resources
}

fn of_kind<'r>(resources: &'r [Value], kind: &str) -> Vec<&'r Value> {
    resources.iter().filter(|one| one["kind"] == kind).collect()
}

#[track_caller]
fn one<'r>(resources: &'r [Value], kind: &str, name: &str) -> &'r Value {
    let found = of_kind(resources, kind).into_iter().find(|one| one["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The first error: its line, field and message.
#[track_caller]
fn refused(rendered: &Rendered) -> String {
    assert!(rendered.resources.is_empty(), "half a site is worse than none");
    let error = rendered.findings.iter().find(|one| one.is_error()).expect("an error");
    format!("{}: {}: {}", error.line, error.path, error.message)
}

#[test]
fn the_site_becomes_its_golden_output() {
    let made = sound(rendered_with(SITE, &options()));
    let expected = documents(include_str!("testdata/site.expected.yaml"));
    for (made, expected) in made.iter().zip(&expected) {
        assert_eq!(made, expected);
    }
    assert_eq!(made.len(), expected.len());
}

#[test]
fn a_file_renders_as_its_text_does() {
    let of_file = render(&testdata().join("site.yaml"), &options());
    assert_eq!(of_file.resources, rendered_with(SITE, &options()).resources);
    assert_eq!(documents(&of_file.to_yaml()), of_file.resources);
    assert_eq!(of_file.to_yaml(), render(&testdata().join("site.yaml"), &options()).to_yaml());
}

// crTemplates, crAnnotations and biosConfigRef: node before cluster before site.

#[test]
fn annotations_of_the_nearest_level_count_and_never_overwrite() {
    let host =
        |made: &[Value]| one(made, "BareMetalHost", "du1.example.net")["metadata"]["annotations"].clone();
    let before = host(&sound(rendered_with(SITE, &options())));
    assert_eq!(before["example.net/owner"], "site");
    // A node's map takes the place of the site's: the two are not merged.
    let made = sound(changed(
        "      hostName: du1.example.net\n",
        "      hostName: du1.example.net\n      crAnnotations: {add: {BareMetalHost: {example.net/rack: r7, inspect.metal3.io: disabled, bmac.agent-install.openshift.io/role: worker}}}\n",
    ));
    let after = host(&made);
    assert_eq!((&after["example.net/owner"], &after["example.net/rack"]), (&Value::Null, &json!("r7")));
    // What the generator has put there is left, and inspection was taken away before annotations are looked at.
    assert_eq!(after["bmac.agent-install.openshift.io/role"], "master");
    // A cluster's map counts for its nodes, but a kind that is only the site's still gets the site's.
    let made = sound(changed(
        "    clusterName: du-1\n",
        "    clusterName: du-1\n    crAnnotations: {add: {ManagedCluster: {a: b}}}\n",
    ));
    assert_eq!(host(&made)["example.net/owner"], "site");
    assert_eq!(one(&made, "ManagedCluster", "du-1")["metadata"]["annotations"]["a"], "b");
}

#[test]
fn bios_settings_of_the_nearest_level_are_texts() {
    let settings = |made: &[Value]| {
        of_kind(made, "HostFirmwareSettings").first().map(|one| one["spec"]["settings"].clone())
    };
    let made = sound(rendered_with(SITE, &options()));
    // The generator decodes into texts, so a number and a boolean become some.
    let expected = json!({ "LogicalProc": "Enabled", "Cores": "8", "Quiet": "true", "Empty": "" });
    assert_eq!(settings(&made), Some(expected));
    let at_site = SITE.replace("      biosConfigRef: {filePath: hw.profile}\n", "").replace(
        "  baseDomain: example.net\n",
        "  baseDomain: example.net\n  biosConfigRef: {filePath: hw.profile}\n",
    );
    assert_eq!(settings(&sound(rendered_with(&at_site, &options()))), settings(&made));
    let nowhere = SITE.replace("      biosConfigRef: {filePath: hw.profile}\n", "");
    assert_eq!(settings(&sound(rendered_with(&nowhere, &options()))), None);
    let lost = changed("filePath: hw.profile", "filePath: other.profile");
    assert!(refused(&lost).contains("biosConfigRef.filePath: "), "{}", refused(&lost));
}

#[test]
fn a_template_of_the_users_takes_the_objects_place() {
    let with = |level: &str, file: &str| {
        let line = format!("{level}crTemplates: {{BareMetalHost: {file}}}\n");
        let anchor = match level.len() {
            2 => "  baseDomain: example.net\n",
            4 => "    clusterName: du-1\n",
            _ => "      hostName: du1.example.net\n",
        };
        changed(anchor, &format!("{anchor}{line}"))
    };
    for level in ["  ", "    ", "      "] {
        let made = sound(with(level, "host.yaml"));
        let host = one(&made, "BareMetalHost", "du1.example.net");
        let expected = json!({
            "bmc": { "address": "redfish-virtualmedia+https://192.0.2.11/redfish/v1/Systems/1", "disableCertificateVerification": false },
            "rootDeviceHints": { "deviceName": "/dev/nvme0n1" },
            "list": ["du-1", { "a": 1 }],
            "mode": 420,
        });
        assert_eq!(host["spec"], expected);
        // The template asks for no label annotations, so there are none; a placeholder for nothing leaves its field out.
        let annotations = host["metadata"]["annotations"].as_object().unwrap();
        assert!(!annotations.keys().any(|key| key.contains("node-label") || key.contains("installer-args")));
        // Inspection that is not switched off goes, from a template too.
        assert!(!annotations.contains_key("inspect.metal3.io"));
        assert_eq!(annotations["ran.openshift.io/ztp-gitops-generated"], "{}");
    }
    // A template for another object of the kind is passed over, and the generator's own stands.
    let other = with("  ", "other-host.yaml");
    assert!(
        other.findings.iter().any(|one| one.code == Code::Shadowed && one.message.contains("metadata.name"))
    );
    assert_eq!(sound(other), sound(rendered_with(SITE, &options())));
}

#[test]
fn a_template_that_does_not_fit_is_refused() {
    let with = |kind: &str, file: &str| {
        refused(&changed(
            "    clusterName: du-1\n",
            &format!("    clusterName: du-1\n    crTemplates: {{{kind}: {file}}}\n"),
        ))
    };
    assert!(with("Namespace", "host.yaml").contains("is of kind `BareMetalHost`, not Namespace"));
    assert!(with("Namespace", "nowhere.yaml").contains("nowhere.yaml does not exist"));
    assert!(with("Namespace", "/etc/passwd").contains("absolute path"));
    assert!(with("SriovNetwork", "host.yaml").contains("no SriovNetwork is made"));
    assert!(with("ManagedCluster", "wave.yaml").contains("argocd.argoproj.io/sync-wave"));
    assert!(with("ManagedCluster", "bare.yaml").contains("no metadata.annotations"));
    assert!(with("ManagedCluster", "unknown.yaml").contains("`{{ .Host.Name }}`"));
    let at_node = changed(
        "      hostName: du1.example.net\n",
        "      hostName: du1.example.net\n      crTemplates: {ManagedCluster: wave.yaml}\n",
    );
    assert!(refused(&at_node).contains("no ManagedCluster is made for a node"), "{}", refused(&at_node));
}

#[test]
fn files_outside_of_the_root_are_not_read() {
    let options = RenderOptions { root: Some(testdata().join("shipped")), ..options() };
    assert!(refused(&rendered_with(SITE, &options)).contains("leads out of"));
}

#[test]
fn a_node_suppresses_its_own_objects_and_a_cluster_its_own() {
    let kinds =
        |made: &[Value]| made.iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let all = kinds(&sound(rendered_with(SITE, &options())));
    let at_cluster = changed(
        "    clusterName: du-1\n",
        "    clusterName: du-1\n    crSuppression: [ManagedCluster, BareMetalHost]\n",
    );
    // Upstream ignores a node's kind at its cluster; that is said.
    assert!(
        at_cluster
            .findings
            .iter()
            .any(|one| one.path.ends_with("crSuppression[1]") && one.code == Code::NotUsed)
    );
    let left = kinds(&sound(at_cluster));
    assert_eq!(left, all.iter().filter(|kind| *kind != "ManagedCluster").cloned().collect::<Vec<_>>());
    let at_node = changed(
        "      hostName: du1.example.net\n",
        "      hostName: du1.example.net\n      crSuppression: [BareMetalHost, HostFirmwareSettings, NMStateConfig, InfraEnv]\n",
    );
    let left = kinds(&sound(at_node));
    let own = ["BareMetalHost", "HostFirmwareSettings", "NMStateConfig"];
    assert_eq!(left, all.iter().filter(|kind| !own.contains(&kind.as_str())).cloned().collect::<Vec<_>>());
}

// Defaults and zero values.

#[test]
fn what_is_not_given_is_left_out_or_has_upstreams_default() {
    let bare = "apiVersion: ran.openshift.io/v1\nkind: SiteConfig\nmetadata: {name: s}\nspec:\n  clusterImageSetNameRef: img\n  clusters:\n  - clusterName: c\n    holdInstallation: false\n    apiVIPs: []\n    clusterLabels: {vendor: mine}\n    proxy: {}\n    nodes:\n    - hostName: n\n      bootMode: ''\n      nodeLabels:\n      nodeNetwork: {interfaces: [], config: {}}\n";
    let made = sound(rendered_with(bare, &RenderOptions::default()));
    // No network, so no NMStateConfig; no BIOS settings, so no HostFirmwareSettings.
    assert_eq!(made.len(), 8);
    let install = &one(&made, "AgentClusterInstall", "c")["spec"];
    let expected = json!({
        "clusterDeploymentRef": { "name": "c" },
        "imageSetRef": { "name": "img" },
        // An empty list is something in Go, unlike one that is not given.
        "apiVIPs": [],
        "networking": {},
        "provisionRequirements": { "controlPlaneAgents": 1 },
        "manifestsConfigMapRef": { "name": "c" },
    });
    assert_eq!(install, &expected);
    assert_eq!(one(&made, "InfraEnv", "c")["spec"]["pullSecretRef"], json!({}));
    let host = one(&made, "BareMetalHost", "n");
    // An empty text stands there, so no default takes its place, and it is left out.
    assert_eq!(
        host["spec"],
        json!({ "automatedCleaningMode": "disabled", "bmc": { "disableCertificateVerification": true }, "online": true })
    );
    // The user's vendor counts before the one that the hub needs.
    assert_eq!(
        one(&made, "ManagedCluster", "c")["metadata"]["labels"],
        json!({ "cloud": "auto-detect", "vendor": "mine" })
    );
    assert_eq!(one(&made, "ConfigMap", "c")["data"], json!({}));
}

#[test]
fn structs_are_written_whole_and_texts_are_coerced() {
    let made = sound(changed(
        "      - cidr: 10.128.0.0/14\n        hostPrefix: 23\n",
        "      - cidr: 10.128.0.0/14\n        other: x\n",
    ));
    // As Go writes the struct: the field that is not given is there with its zero, and the unknown one is not.
    let pods = &one(&made, "AgentClusterInstall", "du-1")["spec"]["networking"]["clusterNetwork"];
    assert_eq!(pods, &json!([{ "cidr": "10.128.0.0/14", "hostPrefix": 0 }]));
    let made = sound(changed("          macAddress: 02:00:00:00:0a:01\n", ""));
    let first = &one(&made, "NMStateConfig", "du1.example.net")["spec"]["interfaces"][0];
    assert_eq!(first, &json!({ "name": "eno1", "macAddress": "" }));
    let wrong = changed("    holdInstallation: true\n", "    holdInstallation: maybe\n");
    assert!(refused(&wrong).contains("holdInstallation: true or false is expected"), "{}", refused(&wrong));
    let wrong =
        changed("      installerArgs: '[\"--append-karg\", \"nosmt\"]'\n", "      installerArgs: [a]\n");
    assert!(refused(&wrong).contains("installerArgs: a text is expected"), "{}", refused(&wrong));
}

#[test]
fn a_field_that_upstream_passes_over_is_named() {
    let odd = changed(
        "    clusterName: du-1\n",
        "    clusterName: du-1\n    numMasters: 1\n    ignitionConfigOverrides: '{}'\n",
    );
    let said = |path: &str| odd.findings.iter().find(|one| one.path.ends_with(path)).unwrap().to_string();
    assert!(said("numMasters").contains("not rendered"));
    assert!(said("ignitionConfigOverrides").contains("did you mean `ignitionConfigOverride`?"));
    assert_eq!(sound(odd), sound(rendered_with(SITE, &options())));
}

#[test]
fn the_image_set_is_the_clusters_or_the_sites() {
    let image =
        |made: &[Value]| one(made, "AgentClusterInstall", "du-1")["spec"]["imageSetRef"]["name"].clone();
    assert_eq!(image(&sound(rendered_with(SITE, &options()))), "img4.16");
    let own =
        changed("    clusterName: du-1\n", "    clusterName: du-1\n    clusterImageSetNameRef: img4.17\n");
    assert_eq!(image(&sound(own)), "img4.17");
    let none = changed("  clusterImageSetNameRef: img4.16\n", "");
    assert!(refused(&none).contains("neither the cluster nor its site"), "{}", refused(&none));
}

#[test]
fn masters_are_one_or_three_and_joining_workers_are_not_counted() {
    let more = |role: &str, count: usize| {
        let node = |index| format!("    - hostName: more{index}\n      role: {role}\n");
        let nodes: String = (0..count).map(node).collect();
        rendered_with(&format!("{SITE}{nodes}"), &options())
    };
    // A worker that joins a cluster of one master later must not change its installation.
    let made = sound(more("worker", 2));
    let agents = &one(&made, "AgentClusterInstall", "du-1")["spec"]["provisionRequirements"];
    assert_eq!(agents, &json!({ "controlPlaneAgents": 1 }));
    assert!(refused(&more("master", 1)).contains("here are 2"));
    // Three masters make no partitions.
    assert!(refused(&more("master", 2)).contains("clusters of one master alone"));
    let standard = SITE.replace("      diskPartition:", "      ignored:");
    let node = |name: &str, role: &str| format!("    - hostName: {name}\n      role: {role}\n");
    let nodes = [node("b", "master"), node("c", "master"), node("d", "worker")].concat();
    let made = sound(rendered_with(&format!("{standard}{nodes}"), &options()));
    let agents = &one(&made, "AgentClusterInstall", "du-1")["spec"]["provisionRequirements"];
    assert_eq!(agents, &json!({ "controlPlaneAgents": 3, "workerAgents": 1 }));
    // Workload partitioning by cpuset is for one master; the warning is for every cluster.
    let map = &one(&made, "ConfigMap", "du-1")["data"];
    assert_eq!(map.get("03-master-workload-partitioning.yaml"), None);
    let annotations =
        one(&made, "AgentClusterInstall", "du-1")["metadata"]["annotations"].as_object().unwrap();
    assert!(annotations.contains_key("ran.openshift.io/ztp-warning-field-deprecation-cpuset"));
}

#[test]
fn inspection_is_kept_only_when_it_is_switched_off() {
    let off = sound(changed(
        "      bootMode: UEFISecureBoot\n",
        "      bootMode: UEFISecureBoot\n      ironicInspect: disabled\n",
    ));
    assert_eq!(
        one(&off, "BareMetalHost", "du1.example.net")["metadata"]["annotations"]["inspect.metal3.io"],
        "disabled"
    );
    let bad = changed(
        "      bootMode: UEFISecureBoot\n",
        "      bootMode: UEFISecureBoot\n      ironicInspect: ''\n",
    );
    assert!(refused(&bad).contains("it is enabled or disabled"));
}

#[test]
fn overrides_for_the_installer_are_joined_with_the_network_type() {
    let annotation = |made: &[Value]| {
        one(made, "AgentClusterInstall", "du-1")["metadata"]["annotations"]["agent-install.openshift.io/install-config-overrides"].clone()
    };
    let text = "    installConfigOverrides: '{\"capabilities\": {\"baselineCapabilitySet\": \"None\"}}'\n";
    let made = sound(changed(text, ""));
    assert_eq!(annotation(&made), "{\"networking\":{\"networkType\":\"OVNKubernetes\"}}");
    let made = sound(changed(
        text,
        "    networkType: OpenShiftSDN\n    installConfigOverrides: '{\"networking\": {\"networkType\": \"default\", \"mtu\": 9000}}'\n",
    ));
    assert_eq!(annotation(&made), "{\"networking\":{\"mtu\":9000,\"networkType\":\"OpenShiftSDN\"}}");
    let made = sound(changed(text, &format!("{text}    cpuPartitioningMode: AllNodes\n")));
    assert_eq!(
        annotation(&made),
        "{\"networking\":{\"networkType\":\"OVNKubernetes\"},\"capabilities\":{\"baselineCapabilitySet\":\"None\"},\"cpuPartitioningMode\":\"AllNodes\"}"
    );
    let bad = changed(text, "    installConfigOverrides: '{capabilities: None}'\n");
    assert!(refused(&bad).contains("installConfigOverrides: it is not JSON"), "{}", refused(&bad));
    let bad = changed(text, "    cpuPartitioningMode: SomeNodes\n");
    assert!(refused(&bad).contains("it is None or AllNodes"));
}

#[test]
fn objects_stand_in_upstreams_order() {
    let standard = SITE.replace("      diskPartition:", "      ignored:");
    let node = |name: &str, role: &str| {
        format!(
            "    - {{hostName: {name}, role: {role}, biosConfigRef: {{filePath: hw.profile}}, nodeNetwork: {{interfaces: [{{name: e, macAddress: a}}]}}}}\n"
        )
    };
    let nodes = [node("b", "master"), node("c", "master"), node("d", "worker")].concat();
    let made = sound(rendered_with(&format!("{standard}{nodes}"), &options()));
    let short = |one: &Value| {
        format!("{} {}", one["kind"].as_str().unwrap(), one["metadata"]["name"].as_str().unwrap())
    };
    let of_nodes = |kind: &str| ["du1.example.net", "b", "c", "d"].map(|name| format!("{kind} {name}"));
    // Kind after kind, and within a kind node after node; what is deleted last is made first.
    let mut expected: Vec<String> =
        ["Namespace", "AgentClusterInstall", "ClusterDeployment"].map(|kind| format!("{kind} du-1")).into();
    expected.extend(of_nodes("NMStateConfig"));
    expected.push("InfraEnv du-1".to_owned());
    expected.extend(of_nodes("BareMetalHost"));
    expected.extend(of_nodes("HostFirmwareSettings"));
    expected
        .extend(["ConfigMap", "ManagedCluster", "KlusterletAddonConfig"].map(|kind| format!("{kind} du-1")));
    assert_eq!(made.iter().map(short).collect::<Vec<_>>(), expected);
    // A template is filled in for each role, partitions or not.
    assert_eq!(
        one(&made, "BareMetalHost", "d")["metadata"]["annotations"]["bmac.agent-install.openshift.io/role"],
        "worker"
    );
}

// Versions.

#[test]
fn v2_lists_its_config_maps_and_makes_the_second_one() {
    let v2 = SITE.replace("ran.openshift.io/v1", "ran.openshift.io/v2");
    let made = sound(rendered_with(&v2, &options()));
    let spec = &one(&made, "AgentClusterInstall", "du-1")["spec"];
    assert_eq!(
        (&spec["manifestsConfigMapRef"], &spec["manifestsConfigMapRefs"]),
        (&Value::Null, &json!([{ "name": "du-1" }]))
    );
    assert_eq!(of_kind(&made, "ConfigMap").len(), 1);
    // Accelerated provisioning adds a ConfigMap that another controller fills.
    let fast = v2.replace("      common: true\n", "      ztp-accelerated-provisioning: policies\n");
    let made = sound(rendered_with(&fast, &options()));
    let refs = &one(&made, "AgentClusterInstall", "du-1")["spec"]["manifestsConfigMapRefs"];
    assert_eq!(refs, &json!([{ "name": "du-1" }, { "name": "du-1-aztp" }]));
    let map = |text: &str| {
        v2.replace("    clusterName: du-1\n", &format!("    clusterName: du-1\n    siteConfigMap: {text}\n"))
    };
    let made = sound(rendered_with(&map("{data: {vlan: 140}}"), &options()));
    let second = one(&made, "ConfigMap", "ztp-site-du-1");
    assert_eq!(
        (&second["metadata"]["namespace"], &second["data"]),
        (&json!("ztp-site"), &json!({ "vlan": "140" }))
    );
    assert_eq!(second["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"], "2");
    let place = made.iter().position(|one| one["metadata"]["name"] == "ztp-site-du-1").unwrap();
    assert_eq!(
        (&made[place - 1]["kind"], &made[place + 1]["kind"]),
        (&json!("ConfigMap"), &json!("ManagedCluster"))
    );
    let made = sound(rendered_with(&map("{name: m, namespace: ns}"), &options()));
    assert_eq!(one(&made, "ConfigMap", "m")["data"], Value::Null);
    // v1 has none, and says so.
    let v1 = changed("    clusterName: du-1\n", "    clusterName: du-1\n    siteConfigMap: {name: m}\n");
    assert!(v1.findings.iter().any(|one| one.path.ends_with("siteConfigMap") && one.code == Code::NotUsed));
    assert_eq!(of_kind(&sound(v1), "ConfigMap").len(), 1);
    let v3 = rendered_with(&SITE.replace("ran.openshift.io/v1", "ran.openshift.io/v3"), &options());
    assert!(refused(&v3).contains("1: apiVersion: a SiteConfig of"), "{}", refused(&v3));
}

#[test]
fn one_error_keeps_the_whole_site_back_and_two_clusters_need_two_names() {
    let second = "  - clusterName: du-1\n    nodes: [{hostName: x}]\n";
    let twice = rendered_with(&format!("{SITE}{second}"), &options());
    assert!(refused(&twice).contains("`du-1` stands in line"), "{}", refused(&twice));
    let other = rendered_with(&format!("{SITE}{}", second.replace("du-1", "du-2")), &options());
    assert_eq!(of_kind(&sound(other), "Namespace").len(), 2);
}

// Extra manifests.

fn manifests(made: &[Value]) -> Vec<String> {
    one(made, "ConfigMap", "du-1")["data"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn search_paths_take_the_place_of_what_is_shipped_and_the_later_wins() {
    let with = |text: &str| {
        changed("    clusterName: du-1\n", &format!("    clusterName: du-1\n    extraManifests: {text}\n"))
    };
    let made = sound(with("{searchPaths: [own]}"));
    assert_eq!(manifests(&made), ["10-own.yaml", "20-sysctl-master.yaml"]);
    let made = sound(with("{searchPaths: [shipped, own]}"));
    let text = one(&made, "ConfigMap", "du-1")["data"]["20-sysctl-master.yaml"].as_str().unwrap().to_owned();
    assert!(text.contains("name: own-sysctl"), "{text}");
    // `mode: 0644` is an octal number to upstream's YAML library.
    assert!(text.contains("mode: 420"), "{text}");
    assert!(refused(&with("{searchPaths: [nowhere]}")).contains("searchPaths[0]"));
    let made = sound(with("{searchPaths: [own], filter: {exclude: [10-own.yaml]}}"));
    assert_eq!(manifests(&made), ["20-sysctl-master.yaml"]);
    let made =
        sound(with("{searchPaths: [own], filter: {inclusionDefault: Exclude, include: [10-own.yaml]}}"));
    assert_eq!(manifests(&made), ["10-own.yaml"]);
    assert!(manifests(&sound(with("{searchPaths: [own], filter: {inclusionDefault: exclude}}"))).is_empty());
    for (filter, part) in [
        ("{exclude: [x.yaml]}", "there is no manifest x.yaml; there are 10-own.yaml"),
        ("{include: [10-own.yaml]}", "this list must be empty"),
        ("{inclusionDefault: exclude, exclude: [10-own.yaml]}", "this list must be empty"),
        ("{inclusionDefault: some}", "not `some`"),
    ] {
        let refusal = refused(&with(&format!("{{searchPaths: [own], filter: {filter}}}")));
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[test]
fn the_users_own_manifests_are_added_and_take_no_others_place() {
    let with = |path: &str| {
        changed("    clusterName: du-1\n", &format!("    clusterName: du-1\n    extraManifestPath: {path}\n"))
    };
    let conflict = refused(&with("own"));
    assert!(
        conflict.contains("20-sysctl-master.yaml is also the name of a predefined manifest"),
        "{conflict}"
    );
    let made = sound(with("own/more"));
    assert!(manifests(&made).contains(&"30-more.yaml".to_owned()));
    let annotations = one(&made, "ConfigMap", "du-1")["metadata"]["annotations"].as_object().unwrap();
    assert!(annotations.contains_key("ran.openshift.io/ztp-warning-field-deprecation-extraManifestPath"));
}

#[test]
fn machine_configs_of_a_role_are_merged_when_asked_for() {
    let made = sound(changed(
        "    clusterName: du-1\n",
        "    clusterName: du-1\n    mergeDefaultMachineConfigs: true\n",
    ));
    // Templates, workload partitioning and what is no MachineConfig stay by themselves.
    assert_eq!(
        manifests(&made),
        [
            "02-map.yaml",
            "03-master-workload-partitioning.yaml",
            "master-disk.yaml",
            "predefined-extra-manifests-master.yaml"
        ]
    );
    let text =
        one(&made, "ConfigMap", "du-1")["data"]["predefined-extra-manifests-master.yaml"].as_str().unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn a_manifest_that_upstream_would_lose_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    let options =
        RenderOptions { predefined_manifests: Some(directory.path().to_owned()), ..RenderOptions::default() };
    for (text, part) in [
        ("kind: A\n---\nkind: B\n", "not 2"),
        ("", "not 0"),
        ("[1]", "a Kubernetes object is expected"),
        ("a: [", "not readable as YAML"),
    ] {
        fs::write(&path, text).unwrap();
        let rendered = rendered_with(SITE, &options);
        let found = rendered.findings.iter().find(|one| one.is_error()).unwrap();
        assert!(found.message.contains(part) && found.file == path, "{found}");
    }
    fs::rename(&path, directory.path().join("a.yaml.tmpl")).unwrap();
    fs::write(directory.path().join("a.yaml.tmpl"), "{{ .Data | toYaml }}").unwrap();
    assert!(refused(&rendered_with(SITE, &options)).contains("toYaml"));
}

#[test]
fn partitions_are_checked() {
    for (from, to, part) in [
        ("start: 300000", "start: 1000", "25000 MiB or later"),
        ("size: 90000", "size: 0", "size in MiB is missing"),
        ("mount_point: /var//data/", "mount_point: var/data", "absolute path"),
    ] {
        let refusal = refused(&changed(from, to));
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[test]
fn a_disk_is_not_left_unencrypted_in_silence() {
    let text = SITE.replace("    clusterName: du-1\n", "    clusterName: du-1\n    diskEncryption: {type: nbde, tang: [{url: 'http://192.0.2.9', thumbprint: x}]}\n");
    assert!(refused(&rendered_with(&text, &RenderOptions::default())).contains("encrypts the disk"));
    let made = sound(rendered_with(&text, &options()));
    assert!(manifests(&made).contains(&"master-disk.yaml".to_owned()));
    let disk = one(&made, "ConfigMap", "du-1")["data"]["master-disk.yaml"].as_str().unwrap().to_owned();
    assert!(disk.contains("tang: http://192.0.2.9 x"), "{disk}");
}

// The agent.

#[test]
fn with_an_agent_hosts_are_paused_and_detached_and_get_a_host_provision() {
    let options = RenderOptions { with_agent: Some(AgentRef { name: "jump-1".to_owned() }), ..options() };
    let before = sound(rendered_with(SITE, &self::options()));
    let made = sound(rendered_with(SITE, &options));
    assert_eq!(made.len(), before.len() + 1);
    let annotations = &one(&made, "BareMetalHost", "du1.example.net")["metadata"]["annotations"];
    for name in ["paused", "detached"] {
        assert_eq!(annotations[format!("baremetalhost.metal3.io/{name}")], "");
    }
    // With an empty one the assisted-service would take the pause away.
    assert_eq!(annotations["baremetalhost.metal3.io/status"], Value::Null);
    let changed: Vec<&Value> = made.iter().filter(|one| !before.contains(one)).collect();
    assert_eq!(changed.len(), 2, "nothing else is another");
    insta::assert_json_snapshot!(one(&made, "HostProvision", "du1.example.net"));
}

#[test]
fn an_installation_that_is_held_is_held_for_the_agent_too() {
    let options = RenderOptions { with_agent: Some(AgentRef { name: "jump-1".to_owned() }), ..options() };
    let free = SITE.replace("    holdInstallation: true\n", "");
    let second = SITE.split_once("  -\n    clusterName: du-1\n").unwrap().1;
    // The same node in a second cluster: each is held or free as its own cluster says.
    let made = sound(rendered_with(&format!("{free}  -\n    clusterName: du-2\n{second}"), &options));
    let held = |namespace: &str| {
        let found =
            of_kind(&made, "HostProvision").into_iter().find(|one| one["metadata"]["namespace"] == namespace);
        found.unwrap()["spec"]["hold"].clone()
    };
    assert_eq!((held("du-1"), held("du-2")), (Value::Null, json!(true)));
}

#[test]
fn paths_are_relative_to_the_site_or_to_the_kustomization_above_it() {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    };
    put("kustomization.yaml", "generators: [sites/north.yaml]\n");
    put("sites/north.yaml", &SITE.replace("filePath: hw.profile", "filePath: hw/x.profile"));
    put("hw/x.profile", "Where: above\n");
    let settings =
        |made: &[Value]| one(made, "HostFirmwareSettings", "du1.example.net")["spec"]["settings"].clone();
    assert_eq!(settings(&sound(render(directory.path(), &options()))), json!({ "Where": "above" }));
    // What stands beside the site goes before.
    put("sites/hw/x.profile", "Where: beside\n");
    assert_eq!(settings(&sound(render(directory.path(), &options()))), json!({ "Where": "beside" }));
}

#[test]
fn the_objects_of_a_list_are_rendered() {
    let text = SITE.replace("release: 1.10", "release: v1");
    let site = documents(&text).remove(0);
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [site] }).to_string();
    assert_eq!(sound(rendered_with(&list, &options())), sound(rendered_with(&text, &options())));
    // A path in a list is named whole.
    let broken = list.replace("\"du1-bmc\"", "[1]");
    assert!(
        refused(&rendered_with(&broken, &options()))
            .contains("items[0].spec.clusters[0].nodes[0].bmcCredentialsName.name")
    );
}

#[test]
fn a_host_that_cannot_be_handed_over_is_named() {
    let options = RenderOptions { with_agent: Some(AgentRef { name: "jump-1".to_owned() }), ..options() };
    let without = |line: &str| {
        assert_eq!(SITE.matches(line).count(), 1, "{line}");
        refused(&rendered_with(&SITE.replace(line, ""), &options))
    };
    assert!(
        without("      bootMACAddress: 02:00:00:00:0a:01\n")
            .contains("spec.clusters[0].nodes[0]: the field `bootMACAddress`")
    );
    assert!(without("      bmcCredentialsName: {name: du1-bmc}\n").contains("`bmcCredentialsName`"));
    let status =
        SITE.replace("        example.net/owner: site\n", "        baremetalhost.metal3.io/status: '{}'\n");
    assert!(refused(&rendered_with(&status, &options)).contains("end the pause"));
    // A host that the hub is not to have is not handed over either.
    let hidden = SITE.replace(
        "      hostName: du1.example.net\n",
        "      hostName: du1.example.net\n      crSuppression: [BareMetalHost]\n",
    );
    assert!(of_kind(&sound(rendered_with(&hidden, &options)), "HostProvision").is_empty());
}
