//! A SiteConfig, converted: nothing is lost in silence, and rackhand reads the same nodes from what it became.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]
#![allow(clippy::indexing_slicing, reason = "a missing field of a JSON value is null")]

use std::fs;
use std::path::{Path, PathBuf};

use rackhand_gitops::convert::{ConvertOptions, Converted, convert, convert_texts};
use rackhand_spec::{Code, Kustomize, LoadOptions, Located, NodeSpec, Source, field_path, load, read};
use serde_json::{Value, json};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata")
}

fn documents(text: &str) -> Vec<Value> {
    let (documents, faults) = Located::documents(Path::new("f"), text);
    assert!(faults.is_empty(), "{faults:?}");
    documents.iter().map(Located::json).collect()
}

fn converted(text: &str) -> Converted {
    convert_texts(&[(testdata().join("all.yaml"), text.to_owned())], &ConvertOptions::default())
}

const ALL: &str = include_str!("testdata/all.yaml");

/// The nodes without what says where they were written.
fn nodes(mut nodes: Vec<NodeSpec>) -> Vec<NodeSpec> {
    for node in &mut nodes {
        node.source.kind.clear();
        node.source.name.clear();
        node.source.namespace = None;
        node.source.file = PathBuf::new();
        node.source.line = 0;
        if let Some(bios) = &mut node.bios_settings {
            bios.source.clear();
        }
    }
    nodes
}

fn nodes_of(text: &str) -> Vec<NodeSpec> {
    let files = vec![(testdata().join("all.yaml"), text.to_owned())];
    let loaded = read(&Source { files, root: Some(testdata()), ..Source::default() });
    assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
    nodes(loaded.nodes)
}

#[test]
fn the_same_nodes_are_read_from_what_it_became() {
    let made = converted(ALL);
    assert!(!made.has_errors(), "{:#?}", made.findings);
    let before = nodes_of(ALL);
    assert_eq!(before.len(), 3);
    assert!(before.iter().any(|node| node.bios_settings.is_some() && node.profile.is_some()));
    assert_eq!(nodes_of(&made.to_yaml()), before);
}

#[test]
fn what_it_became_is_reviewed() {
    insta::assert_snapshot!(converted(ALL).to_yaml());
}

#[test]
fn every_field_without_a_home_is_named() {
    let made = converted(ALL);
    let said: Vec<String> = made
        .findings
        .iter()
        .map(|one| format!("{}:{} {:?} {}: {}", one.line, one.column, one.severity, one.path, one.message))
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

/// Every scalar but nothing: its JSON pointer, and its path as findings name it.
fn scalars(value: &Value, pointer: &str, path: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                scalars(value, &format!("{pointer}/{escaped}"), &field_path(path, key), out);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                scalars(value, &format!("{pointer}/{index}"), &format!("{path}[{index}]"), out);
            }
        }
        Value::Null => {}
        _ => out.push((pointer.to_owned(), path.to_owned())),
    }
}

/// Another value of the same type.
fn another(value: &Value) -> Value {
    match value {
        Value::Bool(value) => Value::Bool(!value),
        Value::Number(number) => Value::from(number.as_i64().unwrap_or_default() + 1),
        Value::String(text) => Value::from(format!("{text}x")),
        other => other.clone(),
    }
}

fn written(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("---\n{document}\n")).collect()
}

/// Changes each scalar in turn, and answers how many there were and those that neither the output nor a finding shows.
fn lost(file: &Path, text: &str) -> (usize, Vec<String>) {
    let options = ConvertOptions::default();
    let convert = |documents: &[Value]| convert_texts(&[(file.to_owned(), written(documents))], &options);
    let documents = documents(text);
    let before = convert(&documents).resources;
    let (mut tried, mut lost) = (0, Vec::new());
    for (index, document) in documents.iter().enumerate() {
        if document["kind"] != "SiteConfig" {
            continue;
        }
        let mut all = Vec::new();
        scalars(document, "", "", &mut all);
        for (pointer, path) in all {
            tried += 1;
            let mut mutated = documents.clone();
            let place = mutated[index].pointer_mut(&pointer).unwrap();
            *place = another(place);
            let after = convert(&mutated);
            // Another kind or group is no SiteConfig, and that is said of the document as a whole.
            let whole = matches!(path.as_str(), "kind" | "apiVersion");
            let named = after.findings.iter().any(|one| match path.strip_prefix(&one.path) {
                Some(rest) if one.path.is_empty() => rest.is_empty() || whole,
                Some(rest) => rest.is_empty() || rest.starts_with(['.', '[']),
                None => false,
            });
            if after.resources == before && !named {
                lost.push(path);
            }
        }
    }
    (tried, lost)
}

#[test]
fn no_scalar_is_lost_in_silence() {
    let (tried, lost) = lost(&testdata().join("all.yaml"), ALL);
    assert!(tried > 110, "only {tried} scalars");
    assert_eq!(lost, [""; 0]);
}

#[test]
fn what_the_site_says_goes_to_each_cluster() {
    let text =
        ALL.replace("  clusterName: edge-2\n", "  clusterName: edge-2\n    clusterImageSetNameRef: own\n");
    let made = converted(&text).resources;
    let instances: Vec<&Value> = made.iter().filter(|one| one["kind"] == "ClusterInstance").collect();
    let image = |index: usize| instances[index]["spec"]["clusterImageSetNameRef"].clone();
    assert_eq!((image(0), image(1)), (json!("img4.18"), json!("own")));
    // A kind that the cluster says nothing of has the site's annotations, and the other the cluster's alone.
    let annotations = &instances[0]["spec"]["extraAnnotations"];
    assert_eq!(annotations["ManagedCluster"], json!({ "example.net/owner": "cluster" }));
    assert_eq!(annotations["BareMetalHost"]["rackhand.dev/profile"], "ran-low-latency");
    let shadowed = text
        .replace("  - clusterName: edge-1\n", "  - clusterName: edge-1\n    clusterImageSetNameRef: own\n");
    let findings = converted(&shadowed).findings;
    assert!(
        findings.iter().any(|one| one.path == "spec.clusterImageSetNameRef" && one.code == Code::Shadowed)
    );
}

#[test]
fn a_cluster_does_not_begin_to_hide_its_hosts() {
    let text = ALL.replace(
        "crSuppression: [KlusterletAddonConfig]",
        "crSuppression: [KlusterletAddonConfig, BareMetalHost]",
    );
    let made = converted(&text);
    assert_eq!(made.resources[0]["spec"]["suppressedManifests"], json!(["KlusterletAddonConfig"]));
    let said = made.findings.iter().find(|one| one.path == "spec.clusters[0].crSuppression[1]").unwrap();
    assert!(said.message.contains("left out"), "{said}");
}

#[test]
fn what_cannot_stand_in_a_cluster_instance_is_refused() {
    for (from, to, path) in [
        ("platformType: baremetal", "platformType: metal", "platformType"),
        ("role: worker", "role: infra", "role"),
        ("    apiVIP: 192.0.2.2", "    apiVIP: 192.0.2.9", "apiVIP"),
        ("bootMACAddress: 02:00:00:00:0b:01", "other: x", "spec.clusters[0].nodes[0]"),
        ("filePath: hw2.profile", "filePath: none.profile", "filePath"),
        ("ran.openshift.io/v2", "ran.openshift.io/v3", "apiVersion"),
    ] {
        assert_eq!(ALL.matches(from).count(), 1, "{from}");
        let made = converted(&ALL.replace(from, to));
        let error = made.findings.iter().find(|one| one.is_error()).unwrap_or_else(|| panic!("{from}"));
        assert!(error.path.ends_with(path), "{error}");
        assert!(made.resources.is_empty());
    }
}

#[test]
fn a_directory_without_a_site_config_says_so() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.yaml"), "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n")
        .unwrap();
    let made = convert(directory.path(), &ConvertOptions::default());
    assert!(made.has_errors() && made.findings.iter().any(|one| one.message.contains("no SiteConfig")));
}

#[test]
fn upstreams_examples_convert_to_the_same_nodes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ztp-examples/siteconfig");
    if !root.is_dir() {
        println!("skipped: ../shared/ztp-examples is not there");
        return;
    }
    let mut compared = 0;
    let mut files: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let options = LoadOptions { kustomize: Kustomize::Never };
        let before = load(&file, &options);
        if before.nodes.is_empty() {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let made =
            convert(&file, &ConvertOptions { kustomize: Kustomize::Never, ..ConvertOptions::default() });
        let (_, lost) = lost(&file, &text);
        assert_eq!(lost, [""; 0], "{}", file.display());
        if made.has_errors() {
            // Only what is wrong in the example itself, such as a file that is not there.
            println!(
                "{}: {:?}",
                file.display(),
                made.findings.iter().find(|one| one.is_error()).map(ToString::to_string)
            );
            continue;
        }
        compared += 1;
        let source = Source {
            files: vec![(file.clone(), made.to_yaml())],
            root: Some(root.clone()),
            ..Source::default()
        };
        let after = read(&source);
        assert_eq!(nodes(after.nodes), nodes(before.nodes), "{}", file.display());
    }
    assert!(compared > 5, "only {compared} compared");
}
