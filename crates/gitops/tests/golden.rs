//! What is rendered, against upstream's own outputs where they are there: no field is left out of the comparison.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use rackhand_gitops::render::{RenderOptions, render};
use rackhand_spec::Located;
use serde_json::{Map, Value};

fn examples() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ztp-examples");
    if !root.is_dir() {
        println!("skipped: ../shared/ztp-examples is not there");
        return None;
    }
    Some(root)
}

fn documents(text: &str) -> Vec<Value> {
    let (documents, faults) = Located::documents(Path::new("f"), text);
    assert!(faults.is_empty(), "{faults:?}");
    documents.iter().map(Located::json).collect()
}

/// The manifests in the ConfigMap of an output.
fn manifests(expected: &[Value]) -> Map<String, Value> {
    let map = expected.iter().find(|one| one["kind"] == "ConfigMap").expect("a ConfigMap");
    map["data"].as_object().unwrap().clone()
}

/// The directory of predefined manifests that an output was made with, read back out of it.
fn predefined(expected: &[Value], directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for (name, text) in manifests(expected) {
        let mut value = documents(text.as_str().unwrap()).remove(0);
        if let Some(role) = name.strip_prefix("predefined-extra-manifests-") {
            // What merging puts in: a kernel type, and that files overwrite.
            value["spec"].as_object_mut().unwrap().remove("kernelType");
            for file in value["spec"]["config"]["storage"]["files"].as_array_mut().unwrap() {
                file.as_object_mut().unwrap().remove("overwrite");
            }
            fs::write(directory.join(format!("01-{role}")), value.to_string()).unwrap();
        } else if name.contains("workload") {
            workload(value, &directory.join("workload"));
        }
    }
    fs::write(directory.join("image-registry-partition-mc.yaml.tmpl"), PARTITIONS).unwrap();
}

fn workload(mut value: Value, directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    let files = value["spec"]["config"]["storage"]["files"].as_array_mut().unwrap();
    for (file, (name, mark)) in files.iter_mut().zip([("crio.conf", "$crio"), ("kubelet.conf", "$k8s")]) {
        let source = file["contents"]["source"].as_str().unwrap().to_owned();
        let (head, encoded) = source.split_once("base64,").unwrap();
        let text = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        let text = String::from_utf8(text).unwrap().replace("2-19,22-39", "$cpuset");
        fs::write(directory.join(name), text).unwrap();
        file["contents"]["source"] = format!("{head}base64,{mark}").into();
    }
    fs::write(directory.join("03-workload-partitioning.yaml"), value.to_string()).unwrap();
}

const PARTITIONS: &str = r#"{{ range .Data.Nodes }}{{ if .DiskPartition -}}
apiVersion: machineconfiguration.openshift.io/v1
kind: MachineConfig
metadata: {name: 98-var-imageregistry-partition-{{ $.Role }}, labels: {machineconfiguration.openshift.io/role: {{ $.Role }}}}
spec:
  config:
    ignition: {version: 3.2.0}
    storage:
      disks:{{ range .DiskPartition }}
      - device: {{ .Device }}
        wipeTable: false
        partitions:{{ range .Partitions }}
        - {sizeMiB: {{ .Size }}, startMiB: {{ .Start }}, label: {{ .Label }}}{{ end }}{{ end }}
      filesystems:{{ range .DiskPartition }}{{ range .Partitions }}
      - {path: {{ .MountPoint }}, device: /dev/disk/by-partlabel/{{ .Label }}, format: {{ .FileSystemFormat }}}{{ end }}{{ end }}
    systemd:
      units:{{ range .DiskPartition }}{{ range .Partitions }}
      - name: {{ .MountFileName }}
        enabled: true
        contents: |
          [Unit]
          Before=local-fs.target
          [Mount]
          Where={{ .MountPoint }}
          What=/dev/disk/by-partlabel/{{ .Label }}
          [Install]
          WantedBy=local-fs.target{{ end }}{{ end }}
{{ end }}{{ end }}"#;

/// The input where its references lead to what they are meant for.
fn laid_out(root: &Path, name: &str, directory: &Path) -> PathBuf {
    let hardware = directory.join("siteconfig-generator-kustomize-plugin/testSiteConfig");
    fs::create_dir_all(&hardware).unwrap();
    fs::copy(root.join("siteconfig/testHW.profile"), hardware.join("testHW.profile")).unwrap();
    let input = directory.join("siteconfig-generator/siteConfig/input.yaml");
    fs::create_dir_all(input.parent().unwrap()).unwrap();
    fs::copy(root.join(format!("siteconfig-golden/{name}.input.yaml")), &input).unwrap();
    input
}

#[test]
fn upstreams_outputs_come_out_and_their_manifests_letter_by_letter() {
    let Some(root) = examples() else { return };
    for name in ["v1-sno", "v1-standard"] {
        let text = fs::read_to_string(root.join(format!("siteconfig-golden/{name}.expected.yaml"))).unwrap();
        let expected = documents(&text);
        let directory = tempfile::tempdir().unwrap();
        let shipped = directory.path().join("extra-manifest");
        predefined(&expected, &shipped);
        let input = laid_out(&root, name, directory.path());
        let options = RenderOptions { predefined_manifests: Some(shipped), ..RenderOptions::default() };
        let rendered = render(&input, &options);
        assert!(!rendered.has_errors(), "{name}: {:#?}", rendered.findings);
        assert_eq!(rendered.resources, expected, "{name}");
        assert_eq!(documents(&rendered.to_yaml()), expected, "{name}");
    }
}

#[test]
fn without_upstreams_directory_only_its_manifests_are_missing() {
    let Some(root) = examples() else { return };
    for name in ["v1-sno", "v1-standard"] {
        let text = fs::read_to_string(root.join(format!("siteconfig-golden/{name}.expected.yaml"))).unwrap();
        let mut expected = documents(&text);
        let map = expected.iter_mut().find(|one| one["kind"] == "ConfigMap").unwrap();
        map["data"].as_object_mut().unwrap().retain(|name, _| !name.starts_with("predefined-"));
        let directory = tempfile::tempdir().unwrap();
        let rendered = render(&laid_out(&root, name, directory.path()), &RenderOptions::default());
        assert!(!rendered.has_errors(), "{name}: {:#?}", rendered.findings);
        assert_eq!(rendered.resources, expected, "{name}");
        assert!(rendered.findings.iter().any(|one| one.message.contains("ships in its image")));
    }
}
