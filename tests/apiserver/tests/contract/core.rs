//! The built-in kinds that rackhand uses.

use serde_json::{Value, json};

use crate::api::{Api, causes, version};

pub(crate) async fn secrets_keep_bytes(api: &Api) {
    let path = api.core("secrets");
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "bmc" },
        "stringData": { "password": "hunter2" }, "data": { "username": "cm9vdA==" }, "unknown": 1 });
    let made = api.post(&path, &secret).await.ok();
    assert_eq!(made["data"], json!({ "username": "cm9vdA==", "password": "aHVudGVyMg==" }));
    assert_eq!((&made["type"], made.get("stringData"), made.get("unknown")), (&json!("Opaque"), None, None));
    assert!(made["metadata"].get("generation").is_none());
    let body = api.get(&format!("{path}/none")).await.fails(404, "NotFound");
    assert_eq!(body["message"], "secrets \"none\" not found");
    assert_eq!(body["details"], json!({ "name": "none", "kind": "secrets" }));
    let retyped = api.merge(&format!("{path}/bmc"), &json!({ "type": "other" })).await.fails(422, "Invalid");
    assert_eq!(causes(&retyped), [("type".into(), "FieldValueInvalid".into())]);
    let mut wrong = secret;
    wrong["metadata"]["name"] = json!("wrong");
    wrong["data"] = json!(["x"]);
    assert_eq!(api.post(&path, &wrong).await.code, 400);
}

fn lease(namespace: &str, holder: &str) -> Value {
    json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": "agent", "namespace": namespace },
        "spec": { "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z" } })
}

pub(crate) async fn leases_are_taken_by_version(api: &Api) {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", api.namespace);
    let made = api.post(&path, &lease(&api.namespace, "one")).await.ok();
    assert_eq!(made["spec"], lease("", "one")["spec"]);
    api.post(&path, &lease(&api.namespace, "two")).await.fails(409, "AlreadyExists");
    let one = format!("{path}/agent");
    let mut renewed = made.clone();
    renewed["spec"]["renewTime"] = json!("2026-01-01T00:00:05.123456Z");
    let renewed = api.put(&one, &renewed).await.ok();
    let mut stolen = made;
    stolen["spec"]["holderIdentity"] = json!("two");
    api.put(&one, &stolen).await.fails(409, "Conflict");
    let blind = api.put(&one, &lease(&api.namespace, "two")).await.fails(422, "Invalid");
    assert_eq!(causes(&blind), [("metadata.resourceVersion".into(), "FieldValueInvalid".into())]);
    let mut never = renewed.clone();
    never["spec"]["leaseDurationSeconds"] = json!(0);
    let body = api.put(&one, &never).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("spec.leaseDurationSeconds".into(), "FieldValueInvalid".into())]);
    let taken = json!({ "metadata": { "resourceVersion": version(&renewed) },
        "spec": { "holderIdentity": "two", "leaseTransitions": 1 } });
    assert_eq!(api.merge(&one, &taken).await.ok()["spec"]["holderIdentity"], "two");
    let elsewhere = format!("{path}/fresh");
    let mut fresh = lease(&api.namespace, "three");
    fresh["metadata"]["name"] = json!("fresh");
    assert_eq!(api.put(&elsewhere, &fresh).await.code, 201, "a lease is made by putting it");
}

pub(crate) async fn events_are_about_their_own_namespace(api: &Api) {
    let path = api.core("events");
    let event = |about: &str| {
        json!({ "apiVersion": "v1", "kind": "Event", "metadata": { "name": "node.1", "namespace": api.namespace },
            "involvedObject": { "apiVersion": "v1", "kind": "Secret", "name": "x", "namespace": about },
            "reason": "Booted", "message": "It boots.", "type": "Normal", "source": { "component": "rackhand" },
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z", "count": 1 })
    };
    let body = api.post(&path, &event("elsewhere")).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("involvedObject.namespace".into(), "FieldValueInvalid".into())]);
    let made = api.post(&path, &event(&api.namespace)).await.ok();
    assert_eq!((&made["reason"], &made["count"]), (&json!("Booted"), &json!(1)));
    api.post(&path, &event(&api.namespace)).await.fails(409, "AlreadyExists");
    for (query, found) in
        [("involvedObject.name%3Dx", 1), ("reason%3DBooted,type%3DNormal", 1), ("reason%3DOther", 0)]
    {
        let list = api.get(&format!("{path}?fieldSelector={query}")).await.ok();
        assert_eq!(list["items"].as_array().unwrap().len(), found, "{query}");
    }
}

pub(crate) async fn config_maps_are_written_without_a_version(api: &Api) {
    let path = api.core("configmaps");
    let map = |value: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "one" }, "data": { "k": value } });
    api.post(&path, &map("a")).await.ok();
    let one = format!("{path}/one");
    assert_eq!(api.put(&one, &map("b")).await.ok()["data"]["k"], "b");
    let strategic = json!({ "data": { "l": "c" } });
    let both = api.patch("strategic-merge-patch+json", &one, &strategic).await.ok();
    assert_eq!(both["data"], json!({ "k": "b", "l": "c" }));
    api.put(&format!("{path}/none"), &{
        let mut none = map("x");
        none["metadata"]["name"] = json!("none");
        none
    })
    .await
    .fails(404, "NotFound");
}

pub(crate) async fn discovery_lists_what_is_served(api: &Api) {
    assert_eq!(api.get("/api").await.ok()["versions"], json!(["v1"]));
    let groups = api.get("/apis").await.ok();
    let names: Vec<&str> =
        groups["groups"].as_array().unwrap().iter().filter_map(|group| group["name"].as_str()).collect();
    for group in ["coordination.k8s.io", "rbac.authorization.k8s.io", "apiextensions.k8s.io"] {
        assert!(names.contains(&group), "{group} in {names:?}");
    }
    let core = api.get("/api/v1").await.ok();
    let resource = |name: &str| {
        core["resources"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned().unwrap()
    };
    for (name, kind, namespaced) in [
        ("namespaces", "Namespace", false),
        ("secrets", "Secret", true),
        ("configmaps", "ConfigMap", true),
        ("events", "Event", true),
        ("serviceaccounts", "ServiceAccount", true),
    ] {
        let found = resource(name);
        assert_eq!((&found["kind"], &found["namespaced"]), (&json!(kind), &json!(namespaced)));
    }
    assert_eq!(api.get("/version").await.ok()["major"], "1");
    assert_eq!(api.get("/readyz").await.body, "ok");
}
