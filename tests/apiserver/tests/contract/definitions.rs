//! CustomResourceDefinitions themselves, and what clients see of them.

use serde_json::{Value, json};

use crate::api::{Api, GROUP, VERSION, definition};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn condition<'a>(object: &'a Value, of: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .and_then(|all| all.iter().find(|one| one["type"] == of))
        .map_or(&Value::Null, |one| &one["status"])
}

/// Objects that hold one field.
fn simple() -> Value {
    json!({ "type": "object", "properties": { "value": { "type": "string" } } })
}

pub(crate) async fn a_definition_is_established_and_discovered(api: &Api) {
    let made = api.get(&format!("{DEFINITIONS}/things.{GROUP}")).await.ok();
    assert_eq!(condition(&made, "Established"), "True");
    assert_eq!(condition(&made, "NamesAccepted"), "True");
    assert_eq!(made["spec"]["names"]["listKind"], "ThingList");
    assert_eq!(made["spec"]["names"]["singular"], "thing");
    assert_eq!(made["status"]["storedVersions"], json!(["v1alpha1"]));
    let group = api.get(&format!("/apis/{GROUP}")).await.ok();
    assert_eq!(group["preferredVersion"], json!({ "groupVersion": VERSION, "version": "v1alpha1" }));
    let list = api.get(&format!("/apis/{VERSION}")).await.ok();
    assert_eq!((&list["kind"], &list["groupVersion"]), (&json!("APIResourceList"), &json!(VERSION)));
    let named = |name: &str| {
        list["resources"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
    };
    let things = named("things");
    assert_eq!((&things["kind"], &things["namespaced"]), (&json!("Thing"), &json!(true)));
    assert_eq!(things["shortNames"], json!(["xthings"]));
    let mut verbs: Vec<&str> = things["verbs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    verbs.sort_unstable();
    assert_eq!(verbs, ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]);
    let mut verbs: Vec<Value> = named("things/status")["verbs"].as_array().unwrap().clone();
    verbs.sort_by_key(Value::to_string);
    assert_eq!(verbs, [json!("get"), json!("patch"), json!("update")]);
}

pub(crate) async fn definitions_that_cannot_hold_are_refused(api: &Api) {
    let schema = |spec: Value| json!({ "type": "object", "properties": { "spec": spec } });
    let no_type = schema(json!({ "properties": { "a": {} } }));
    let no_items = schema(json!({ "type": "array" }));
    let optional_key = schema(json!({
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        "items": { "type": "object", "properties": { "name": { "type": "string" } } },
    }));
    let both = schema(json!({
        "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": { "type": "string" },
    }));
    let bad_default = schema(json!({ "type": "integer", "default": "x" }));
    for bad in [no_type, no_items, optional_key, both, bad_default] {
        let answer = api.post(DEFINITIONS, &definition("wrongs", "Wrong", &bad)).await;
        assert_eq!(answer.code, 422, "{bad}: {}", answer.body);
        answer.fails(422, "Invalid");
    }
    let mut misnamed = definition("wrongs", "Wrong", &simple());
    misnamed["metadata"]["name"] = json!("others.contract.rackhand.test");
    api.post(DEFINITIONS, &misnamed).await.fails(422, "Invalid");
}

pub(crate) async fn a_definition_goes_with_its_objects(api: &Api) {
    let plural = format!("p{}", api.namespace.replace('-', ""));
    let kind = format!("P{}", api.namespace.replace('-', ""));
    api.post(DEFINITIONS, &definition(&plural, &kind, &simple())).await.ok();
    let all = format!("/apis/{VERSION}/{plural}");
    api.eventually("it is served", async || api.get(&all).await.code == 200).await;
    let path = format!("/apis/{VERSION}/namespaces/{}/{plural}", api.namespace);
    let object = json!({ "apiVersion": VERSION, "kind": kind, "metadata": { "name": "one" }, "value": "x" });
    api.eventually("it takes objects", async || {
        let answer = api.post(&path, &object).await;
        answer.code == 201 || answer.code == 409
    })
    .await;
    api.delete(&format!("{DEFINITIONS}/{plural}.{GROUP}"), &json!({})).await.ok();
    api.eventually("it is no longer served", async || api.get(&all).await.code == 404).await;
}

pub(crate) async fn tables_have_the_columns_of_the_definition(api: &Api) {
    api.make("one", &json!({ "mode": "fast" })).await;
    let status = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
    api.merge(&format!("{}/status", api.thing("one")), &status).await.ok();
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    for path in [api.things(), api.thing("one")] {
        let table = api.get_as(&path, accept).await.ok();
        assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
        let columns = table["columnDefinitions"].as_array().unwrap();
        let names: Vec<&str> = columns.iter().filter_map(|column| column["name"].as_str()).collect();
        assert_eq!(names, ["Name", "Mode", "Ready", "Size"]);
        assert_eq!(columns[3]["priority"], 1);
        assert_eq!(table["rows"][0]["cells"], json!(["one", "fast", "True", 3]));
        assert_eq!(table["rows"][0]["object"]["metadata"]["name"], "one");
    }
}
