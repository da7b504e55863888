//! A hub for tests: the API double with the kinds that a hub has, in process or on a socket.

use rackhand_apiserver::{ApiServer, Options};
use rackhand_hub::kubernetes::{Client, definition};
use serde_json::{Value, json};

/// Other people's kinds, with nothing in their schemas: what is in them is theirs.
const OTHERS: [(&str, &str, &str, &str); 4] = [
    ("metal3.io", "v1alpha1", "BareMetalHost", "baremetalhosts"),
    ("siteconfig.open-cluster-management.io", "v1alpha1", "ClusterInstance", "clusterinstances"),
    ("agent-install.openshift.io", "v1beta1", "InfraEnv", "infraenvs"),
    ("agent-install.openshift.io", "v1beta1", "Agent", "agents"),
];

/// A hub that knows HostProvision and the kinds that agents read, with these namespaces.
///
/// # Panics
/// When it cannot be set up.
#[must_use]
pub fn hub(options: Options, namespaces: &[&str]) -> ApiServer {
    let server = ApiServer::new(options);
    let made = definition().map_err(|error| error.to_string()).and_then(|own| {
        server.create(&own).map_err(|error| error.to_string())?;
        for other in others() {
            server.create(&other).map_err(|error| error.to_string())?;
        }
        for namespace in namespaces {
            server.namespace(namespace).map_err(|error| error.to_string())?;
        }
        Ok(())
    });
    if let Err(error) = made {
        fault(&error);
    }
    server
}

/// The definitions of other people's kinds.
#[must_use]
pub fn others() -> Vec<Value> {
    OTHERS.iter().map(|(group, version, kind, plural)| other(group, version, kind, plural)).collect()
}

fn other(group: &str, version: &str, kind: &str, plural: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group,
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List") },
            "scope": "Namespaced",
            "versions": [{
                "name": version, "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })
}

/// A client that calls the hub in process.
#[must_use]
pub fn client(server: &ApiServer) -> Client {
    Client::new(server.clone(), "default")
}

/// The HostProvision of a node.
#[must_use]
pub fn provision(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "rackhand.dev/v1alpha1",
        "kind": "HostProvision",
        "metadata": { "namespace": namespace, "name": name },
        "spec": spec,
    })
}

/// A HostProvision as the hub has it now.
#[must_use]
pub fn seen(server: &ApiServer, namespace: &str, name: &str) -> Value {
    server.get("rackhand.dev", "hostprovisions", namespace, name).unwrap_or(Value::Null)
}

/// A condition of a HostProvision: its status and its reason.
#[must_use]
pub fn condition(object: &Value, kind: &str) -> Option<(String, String)> {
    let all = object.pointer("/status/conditions")?.as_array()?;
    let found = all.iter().find(|one| one.get("type").and_then(Value::as_str) == Some(kind))?;
    let text = |field: &str| found.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some((text("status"), text("reason")))
}

#[allow(clippy::panic, reason = "a hub that cannot be set up ends its test")]
fn fault(error: &str) -> ! {
    panic!("the hub cannot be set up: {error}")
}
