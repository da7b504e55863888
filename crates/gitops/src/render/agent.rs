//! Handing the BMC side of rendered hosts over to rackhand.
//!
//! The baremetal-operator leaves a host alone that is both paused and detached, while the assisted-service still approves its Agent
//! and gives it its name, role and disk. The annotation with a status is never written: with an empty one the
//! assisted-service would take the pause away.

use serde_json::Value;

use rackhand_spec::Code;

use super::AgentRef;
use super::hostprovision::host_provision;
use super::read::At;
use super::siteconfig::annotate;

const HANDS_OFF: [&str; 2] = ["baremetalhost.metal3.io/paused", "baremetalhost.metal3.io/detached"];
const STATUS: &str = "baremetalhost.metal3.io/status";

/// Pauses and detaches each BareMetalHost among the objects, and adds a HostProvision for it.
pub(super) fn hand_over(root: &At<'_>, agent: &AgentRef, objects: &mut Vec<Value>) {
    let firmware: Vec<Value> = of_kind(objects, "HostFirmwareSettings").cloned().collect();
    let mut provisions = Vec::new();
    for host in objects.iter_mut().filter(|object| is_kind(object, "BareMetalHost")) {
        let (cluster, node) = places(root, host);
        let annotations = host.pointer("/metadata/annotations");
        let has = |name: &str| annotations.is_some_and(|all| all.get(name).is_some());
        let missing: Vec<&str> = HANDS_OFF.into_iter().filter(|name| !has(name)).collect();
        if has(STATUS) {
            let message = format!("the annotation {STATUS} lets the assisted-service end the pause");
            node.error_help(Code::Conflict, message, "remove it where annotations are added");
        }
        for name in missing {
            annotate(host, name, "");
        }
        let own = firmware.iter().find(|one| identity(one) == identity(host));
        match host_provision(&agent.name, host, own, is_held(&cluster, host)) {
            Ok(provision) => {
                if provision.pointer("/spec/image").is_none() {
                    let message =
                        "its BareMetalHost names no InfraEnv, so the HostProvision has no image to boot";
                    node.warn(Code::MissingField, message, None);
                }
                provisions.push(provision);
            }
            Err(field) => {
                let message = format!("the field `{field}` is missing, so the host cannot be handed over");
                node.error(Code::MissingField, message);
            }
        }
    }
    objects.append(&mut provisions);
}

fn is_kind(object: &Value, kind: &str) -> bool {
    object.get("kind").and_then(Value::as_str) == Some(kind)
}

fn of_kind<'o>(objects: &'o [Value], kind: &'o str) -> impl Iterator<Item = &'o Value> {
    objects.iter().filter(move |object| is_kind(object, kind))
}

fn identity(object: &Value) -> (Option<&Value>, Option<&Value>) {
    (object.pointer("/metadata/namespace"), object.pointer("/metadata/name"))
}

/// Whether nothing may be installed on a host.
fn is_held(cluster: &At<'_>, host: &Value) -> bool {
    let hold = cluster.text_at(&["holdInstallation"]).unwrap_or_default().to_ascii_lowercase();
    matches!(hold.as_str(), "true" | "yes" | "on")
        || host.pointer("/spec/externallyProvisioned") == Some(&Value::Bool(true))
}

/// Where the cluster and the node stand that a host is made of.
fn places<'a>(root: &At<'a>, host: &Value) -> (At<'a>, At<'a>) {
    let annotations = host.pointer("/metadata/annotations");
    let name = annotations.and_then(|all| all.get("bmac.agent-install.openshift.io/hostname"));
    let name = name.or(host.pointer("/metadata/name")).and_then(Value::as_str).unwrap_or_default();
    let spec = root.child("spec").unwrap_or_else(|| root.clone());
    let clusters = spec.given("clusters").map(|at| at.items()).unwrap_or_default();
    let nodes = |cluster: &At<'a>| cluster.given("nodes").map(|at| at.items()).unwrap_or_default();
    let namespace = host.pointer("/metadata/namespace").and_then(Value::as_str);
    let found = clusters.iter().chain([&spec]).find_map(|cluster| {
        // Two clusters of a site can have nodes of one name.
        let of_site = cluster.path != spec.path;
        if of_site && cluster.text_at(&["clusterName"]).as_deref() != namespace {
            return None;
        }
        let node =
            nodes(cluster).into_iter().find(|node| node.text_at(&["hostName"]).as_deref() == Some(name))?;
        Some((cluster.clone(), node))
    });
    found.unwrap_or_else(|| (spec.clone(), spec))
}
