//! The manifests that a site's own fields ask for, where upstream's directory is not at hand: what its templates make of them.

use serde_json::{Value, json};

use super::machineconfig::ROLE_LABEL;
use super::manifests::{GENERATED, base64};

fn machine_config(role: &str, name: String, config: &Value) -> Value {
    json!({
        "apiVersion": "machineconfiguration.openshift.io/v1",
        "kind": "MachineConfig",
        "metadata": {
            "annotations": { GENERATED.0: GENERATED.1 },
            "labels": { ROLE_LABEL: role },
            "name": name,
        },
        "spec": { "config": config },
    })
}

/// Keeps the platform's own work to some CPUs: what CRI-O and the kubelet of a release before 4.14 are told.
pub(super) fn partitioning(role: &str, cpus: &str) -> Value {
    let crio = format!(
        "[crio.runtime.workloads.management]\nactivation_annotation = \"target.workload.openshift.io/management\"\n\
         annotation_prefix = \"resources.workload.openshift.io\"\nresources = {{ \"cpushares\" = 0, \"cpuset\" = \"{cpus}\" }}\n"
    );
    let kubelet = format!("{{\n  \"management\": {{\n    \"cpuset\": \"{cpus}\"\n  }}\n}}\n");
    let file = |path: &str, text: &str| {
        let source = format!("data:text/plain;charset=utf-8;base64,{}", base64(text));
        json!({
            "contents": { "source": source },
            "mode": 420,
            "overwrite": true,
            "path": path,
            "user": { "name": "root" },
        })
    };
    let files = [
        file("/etc/crio/crio.conf.d/01-workload-partitioning", &crio),
        file("/etc/kubernetes/openshift-workload-pinning", &kubelet),
    ];
    let config = json!({ "ignition": { "version": "3.2.0" }, "storage": { "files": files } });
    machine_config(role, format!("02-{role}-workload-partitioning"), &config)
}

/// Partitions of the disk, each with its file system and its mount unit.
pub(super) fn partitions(role: &str, disks: &[Value]) -> Value {
    let text =
        |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = |disk: &Value| disk.get("partitions").and_then(Value::as_array).cloned().unwrap_or_default();
    let device = |part: &Value| format!("/dev/disk/by-partlabel/{}", text(part, "label"));
    let all: Vec<Value> = disks.iter().flat_map(of).collect();
    let disk = |disk: &Value| {
        let parts = of(disk).into_iter().map(
            |part| json!({ "label": part.get("label"), "sizeMiB": part.get("size"), "startMiB": part.get("start") }),
        );
        json!({ "device": disk.get("device"), "partitions": parts.collect::<Vec<_>>(), "wipeTable": false })
    };
    let file_system = |part: &Value| json!({ "device": device(part), "format": part.get("file_system_format"), "path": part.get("mount_point") });
    let unit = |part: &Value| {
        let contents = format!(
            "[Unit]\nBefore=local-fs.target\n[Mount]\nWhere={}\nWhat={}\n[Install]\nWantedBy=local-fs.target\n",
            text(part, "mount_point"),
            device(part)
        );
        json!({ "contents": contents, "enabled": true, "name": part.get("mountFileName") })
    };
    let config = json!({
        "ignition": { "version": "3.2.0" },
        "storage": {
            "disks": disks.iter().map(disk).collect::<Vec<_>>(),
            "filesystems": all.iter().map(file_system).collect::<Vec<_>>(),
        },
        "systemd": { "units": all.iter().map(unit).collect::<Vec<_>>() },
    });
    machine_config(role, format!("98-var-imageregistry-partition-{role}"), &config)
}
