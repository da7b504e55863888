//! Server-side apply: who owns which field.

use serde_json::{Value, json};

use crate::api::{Api, VERSION, causes, managers, thing, version};

fn entry(manager: &str, operation: &str, fields: Value) -> (String, String, Value) {
    (manager.into(), operation.into(), fields)
}

pub(crate) async fn an_apply_makes_what_is_not_there(api: &Api) {
    let path = api.thing("one");
    let answer = api.apply(&path, "me", "", &thing("one", &json!({ "mode": "fast" }))).await;
    assert_eq!(answer.code, 201);
    let made = answer.ok();
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["spec"], json!({ "mode": "fast", "size": 3 }));
    let again = api.apply(&path, "me", "", &thing("one", &json!({ "mode": "slow" }))).await;
    assert_eq!(again.code, 200);
    assert_eq!(again.ok()["metadata"]["generation"], 2);
}

pub(crate) async fn what_is_applied_is_owned(api: &Api) {
    let mut wanted = thing(
        "one",
        &json!({
            "mode": "fast", "tags": ["x"], "steps": ["a"], "options": { "k": "v" }, "free": { "deep": { "a": 1 } },
            "ports": [{ "name": "web", "port": 80 }], "inner": { "a": "x" }, "note": null,
        }),
    );
    wanted["metadata"]["labels"] = json!({ "site": "north" });
    wanted["metadata"]["finalizers"] = json!(["rackhand.test/a"]);
    let made = api.apply(&api.thing("one"), "me", "", &wanted).await.ok();
    let fields = json!({
        "f:metadata": {
            "f:labels": { "f:site": {} },
            "f:finalizers": { "v:\"rackhand.test/a\"": {} },
        },
        "f:spec": {
            "f:mode": {}, "f:tags": { "v:\"x\"": {} }, "f:steps": {}, "f:options": { "f:k": {} },
            "f:free": { "f:deep": {} },
            "f:ports": { "k:{\"name\":\"web\"}": { ".": {}, "f:name": {}, "f:port": {} } },
            "f:inner": { "f:a": {} }, "f:note": {},
        },
    });
    assert_eq!(managers(&made), [entry("me", "Apply", fields)]);
    let told = &made["metadata"]["managedFields"][0];
    assert_eq!((&told["apiVersion"], &told["fieldsType"]), (&json!(VERSION), &json!("FieldsV1")));
    assert!(told["time"].as_str().unwrap().ends_with('Z'));
}

pub(crate) async fn others_fields_are_a_conflict(api: &Api) {
    let path = api.thing("one");
    let first = json!({ "mode": "fast", "size": 5, "word": "abc" });
    api.apply(&path, "first", "", &thing("one", &first)).await.ok();
    let mine = thing("one", &json!({ "mode": "fast", "size": 6 }));
    let body = api.apply(&path, "second", "", &mine).await.fails(409, "Conflict");
    assert_eq!(body["message"], "Apply failed with 1 conflict: conflict with \"first\": .spec.size");
    let cause = json!({ "reason": "FieldManagerConflict", "message": "conflict with \"first\"", "field": ".spec.size" });
    assert_eq!(body["details"]["causes"], json!([cause]));
    let mine = thing("one", &json!({ "mode": "slow", "size": 6 }));
    let body = api.apply(&path, "second", "", &mine).await.fails(409, "Conflict");
    assert_eq!(
        body["message"],
        "Apply failed with 2 conflicts: conflicts with \"first\":\n- .spec.mode\n- .spec.size"
    );
    assert_eq!(causes(&body).len(), 2);
}

pub(crate) async fn force_takes_the_field_away(api: &Api) {
    let path = api.thing("one");
    api.apply(&path, "first", "", &thing("one", &json!({ "mode": "fast", "size": 5 }))).await.ok();
    let mine = thing("one", &json!({ "mode": "fast", "size": 6 }));
    let taken = api.apply(&path, "second", "&force=true", &mine).await.ok();
    assert_eq!(taken["spec"]["size"], 6);
    assert_eq!(
        managers(&taken),
        [
            entry("first", "Apply", json!({ "f:spec": { "f:mode": {} } })),
            entry("second", "Apply", json!({ "f:spec": { "f:mode": {}, "f:size": {} } })),
        ]
    );
}

pub(crate) async fn the_same_value_is_shared(api: &Api) {
    let path = api.thing("one");
    let wanted = thing("one", &json!({ "mode": "fast", "size": 5 }));
    api.apply(&path, "first", "", &wanted).await.ok();
    let both = api.apply(&path, "second", "", &wanted).await.ok();
    let fields = json!({ "f:spec": { "f:mode": {}, "f:size": {} } });
    assert_eq!(managers(&both), [entry("first", "Apply", fields.clone()), entry("second", "Apply", fields)]);
    assert_eq!(both["metadata"]["generation"], 1);
    let mut alone = wanted;
    alone["spec"]["size"] = json!(6);
    api.apply(&path, "first", "", &alone).await.fails(409, "Conflict");
}

pub(crate) async fn what_is_no_longer_applied_goes(api: &Api) {
    let path = api.thing("one");
    let spec = json!({ "mode": "fast", "word": "abc", "inner": { "a": "x", "b": "y" }, "tags": ["x", "y"], "size": 9 });
    let mut wanted = thing("one", &spec);
    wanted["metadata"]["labels"] = json!({ "site": "north" });
    wanted["metadata"]["annotations"] = json!({ "a": "b", "c": "d" });
    api.apply(&path, "me", "", &wanted).await.ok();
    let mut less = thing("one", &json!({ "mode": "fast", "tags": ["y"], "inner": { "b": "y" } }));
    less["metadata"]["annotations"] = json!({ "c": "d" });
    let left = api.apply(&path, "me", "", &less).await.ok();
    assert_eq!(left["spec"]["mode"], "fast");
    assert_eq!(left["spec"]["size"], 3, "a field with a default goes back to it");
    assert_eq!(left["spec"]["tags"], json!(["y"]));
    assert!(left["spec"].get("word").is_none());
    assert!(left["metadata"].get("labels").is_none());
    assert_eq!(left["metadata"]["annotations"], json!({ "c": "d" }));
    assert_eq!(left["spec"]["inner"], json!({ "b": "y" }));
    let fields = json!({ "f:metadata": { "f:annotations": { "f:c": {} } },
        "f:spec": { "f:mode": {}, "f:inner": { "f:b": {} }, "f:tags": { "v:\"y\"": {} } } });
    assert_eq!(managers(&left), [entry("me", "Apply", fields)]);
}

pub(crate) async fn what_others_own_stays(api: &Api) {
    let path = api.thing("one");
    api.apply(&path, "first", "", &thing("one", &json!({ "mode": "fast", "word": "abc", "size": 4 })))
        .await
        .ok();
    api.apply(&path, "second", "", &thing("one", &json!({ "word": "abc", "mode": "fast" }))).await.ok();
    let left = api.apply(&path, "first", "", &thing("one", &json!({ "mode": "fast" }))).await.ok();
    assert_eq!(left["spec"], json!({ "mode": "fast", "word": "abc", "size": 3 }));
}

pub(crate) async fn items_are_merged_by_their_key(api: &Api) {
    let path = api.thing("one");
    let ports = |ports: Value| thing("one", &json!({ "mode": "fast", "ports": ports }));
    let web = json!({ "name": "web", "port": 80 });
    api.apply(&path, "first", "", &ports(json!([web]))).await.ok();
    let ssh = json!({ "name": "ssh", "port": 22, "protocol": "UDP" });
    let both = api.apply(&path, "second", "", &ports(json!([ssh]))).await.ok();
    assert_eq!(both["spec"]["ports"], json!([{ "name": "web", "port": 80, "protocol": "TCP" }, ssh]));
    let moved = json!([{ "name": "web", "port": 8080 }]);
    let body = api.apply(&path, "second", "", &ports(moved)).await.fails(409, "Conflict");
    assert_eq!(causes(&body), [(".spec.ports[name=\"web\"].port".into(), "FieldManagerConflict".into())]);
    let gone = api.apply(&path, "second", "", &thing("one", &json!({ "mode": "fast" }))).await.ok();
    assert_eq!(gone["spec"]["ports"], json!([{ "name": "web", "port": 80, "protocol": "TCP" }]));
}

/// So it is before 1.21: who applies a container leaves something of their own in it, or takes it out by other means.
pub(crate) async fn a_container_cannot_be_emptied(api: &Api) {
    let path = api.thing("one");
    for (field, value) in
        [("inner", json!({ "a": "x" })), ("ports", json!([{ "name": "web" }])), ("tags", json!(["a"]))]
    {
        let mut wanted = thing("one", &json!({ "mode": "fast" }));
        wanted["spec"][field] = value;
        api.apply(&path, "me", "", &wanted).await.ok();
        let none = thing("one", &json!({ "mode": "fast" }));
        let body = api.apply(&path, "me", "", &none).await.fails(422, "Invalid");
        assert_eq!(causes(&body), [(format!("spec.{field}"), "FieldValueInvalid".into())]);
        let whole = api.delete(&path, &json!({})).await;
        whole.ok();
    }
}

pub(crate) async fn sets_are_merged_and_plain_lists_replaced(api: &Api) {
    let path = api.thing("one");
    let wanted = |tags: Value| thing("one", &json!({ "mode": "fast", "tags": tags }));
    api.apply(&path, "first", "", &wanted(json!(["a", "b"]))).await.ok();
    let both = api.apply(&path, "second", "", &wanted(json!(["c", "b"]))).await.ok();
    assert_eq!(both["spec"]["tags"], json!(["a", "b", "c"]));
    let less = api.apply(&path, "first", "", &wanted(json!(["a"]))).await.ok();
    assert_eq!(less["spec"]["tags"], json!(["a", "b", "c"]), "b is still the other's");
    let steps = |steps: Value| thing("one", &json!({ "mode": "fast", "steps": steps }));
    api.apply(&path, "third", "", &steps(json!(["x", "y"]))).await.ok();
    let body = api.apply(&path, "fourth", "", &steps(json!(["x", "z"]))).await.fails(409, "Conflict");
    assert_eq!(causes(&body), [(".spec.steps".into(), "FieldManagerConflict".into())]);
    let own = api.apply(&path, "third", "", &steps(json!(["z"]))).await.ok();
    assert_eq!(own["spec"]["steps"], json!(["z"]));
}

pub(crate) async fn the_status_is_applied_at_its_own_endpoint(api: &Api) {
    let path = api.thing("one");
    api.make("one", &json!({ "mode": "fast" })).await;
    let report = |conditions: Value| {
        json!({ "apiVersion": VERSION, "kind": "Thing", "metadata": { "name": "one" },
            "status": { "phase": "New", "conditions": conditions } })
    };
    let status = format!("{path}/status");
    let ready = json!({ "type": "Ready", "status": "True", "reason": "Fine" });
    let reported = api.apply(&status, "agent", "", &report(json!([ready]))).await.ok();
    assert_eq!(reported["status"], json!({ "phase": "New", "conditions": [ready] }));
    assert_eq!(reported["metadata"]["generation"], 1);
    let fields = json!({ "f:status": { "f:phase": {}, "f:conditions": {
        "k:{\"type\":\"Ready\"}": { ".": {}, "f:type": {}, "f:status": {}, "f:reason": {} } } } });
    assert_eq!(managers(&reported)[0], entry("agent", "Apply", fields));
    let other = json!({ "apiVersion": VERSION, "kind": "Thing", "metadata": { "name": "one" },
        "status": { "conditions": [{ "type": "Seen", "status": "True" }] } });
    let both = api.apply(&status, "other", "", &other).await.ok();
    let types: Vec<&Value> =
        both["status"]["conditions"].as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert_eq!(types, ["Ready", "Seen"]);
    let missing = format!("{}/status", api.thing("none"));
    let mut report = report(json!([]));
    report["metadata"]["name"] = json!("none");
    api.apply(&missing, "agent", "", &report).await.fails(404, "NotFound");
}

pub(crate) async fn an_apply_without_change_is_no_write(api: &Api) {
    let path = api.thing("one");
    let wanted =
        thing("one", &json!({ "mode": "fast", "tags": ["a"], "ports": [{ "name": "web", "port": 1 }] }));
    let made = api.apply(&path, "me", "", &wanted).await.ok();
    let again = api.apply(&path, "me", "", &wanted).await.ok();
    assert_eq!(again, made);
}

pub(crate) async fn an_update_takes_ownership(api: &Api) {
    let path = api.thing("one");
    api.apply(&path, "first", "", &thing("one", &json!({ "mode": "fast", "size": 5 }))).await.ok();
    let patch =
        json!({ "spec": { "size": 6, "inner": { "a": "x" } }, "metadata": { "labels": { "l": "m" } } });
    let changed = api.merge(&format!("{path}?fieldManager=hand"), &patch).await.ok();
    let hands = json!({
        "f:metadata": { "f:labels": { ".": {}, "f:l": {} } },
        "f:spec": { "f:size": {}, "f:inner": { ".": {}, "f:a": {} } },
    });
    assert_eq!(
        managers(&changed),
        [entry("first", "Apply", json!({ "f:spec": { "f:mode": {} } })), entry("hand", "Update", hands),]
    );
    let removed =
        api.merge(&format!("{path}?fieldManager=hand"), &json!({ "spec": { "inner": null } })).await.ok();
    let hands = json!({ "f:metadata": { "f:labels": { ".": {}, "f:l": {} } }, "f:spec": { "f:size": {} } });
    assert_eq!(managers(&removed)[1], entry("hand", "Update", hands));
    let by_agent = api.merge(&path, &json!({ "spec": { "size": 7 } })).await.ok();
    let names: Vec<String> = managers(&by_agent).into_iter().map(|(name, _, _)| name).collect();
    assert_eq!(names, ["first", "hand", "rackhand-contract"], "without a name it is the user agent's");
}

pub(crate) async fn an_apply_after_an_update_conflicts(api: &Api) {
    let path = api.thing("one");
    let things = format!("{}?fieldManager=maker", api.things());
    let made = api.post(&things, &thing("one", &json!({ "mode": "fast" }))).await.ok();
    let fields = json!({ "f:spec": { ".": {}, "f:mode": {}, "f:size": {} } });
    assert_eq!(managers(&made), [entry("maker", "Update", fields)]);
    let body =
        api.apply(&path, "me", "", &thing("one", &json!({ "mode": "slow" }))).await.fails(409, "Conflict");
    let message =
        format!("Apply failed with 1 conflict: conflict with \"maker\" using {VERSION}: .spec.mode");
    assert_eq!(body["message"], message);
    api.apply(&path, "me", "&force=true", &thing("one", &json!({ "mode": "slow" }))).await.ok();
}

pub(crate) async fn an_apply_says_who_and_what(api: &Api) {
    let path = api.thing("one");
    let wanted = thing("one", &json!({ "mode": "fast" }));
    let body = api.patch("apply-patch+yaml", &path, &wanted).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("fieldManager".into(), "FieldValueRequired".into())]);
    let mut managed = wanted.clone();
    managed["metadata"]["managedFields"] = json!([]);
    api.apply(&path, "me", "", &managed).await.fails(400, "BadRequest");
    let mut other = wanted.clone();
    other["metadata"]["name"] = json!("two");
    api.apply(&path, "me", "", &other).await.fails(400, "BadRequest");
    let body = api.merge(&format!("{path}?force=true"), &wanted).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("force".into(), "FieldValueForbidden".into())]);
    let made = api.apply(&path, "me", "", &wanted).await.ok();
    let mut stale = wanted.clone();
    stale["metadata"]["resourceVersion"] = json!("1");
    stale["spec"]["size"] = json!(4);
    api.apply(&path, "me", "", &stale).await.fails(409, "Conflict");
    stale["metadata"]["resourceVersion"] = json!(version(&made));
    api.apply(&path, "me", "", &stale).await.ok();
}

pub(crate) async fn unknown_fields_cannot_be_applied(api: &Api) {
    let wanted = thing("one", &json!({ "mode": "fast", "unknown": 1 }));
    let answer = api.apply(&api.thing("one"), "me", "", &wanted).await;
    assert_eq!(answer.code, 500, "{}", answer.body);
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains(".spec.unknown: field not declared in schema"), "{message}");
    api.get(&api.thing("one")).await.fails(404, "NotFound");
}

pub(crate) async fn an_apply_may_be_yaml(api: &Api) {
    let text = format!("apiVersion: {VERSION}\nkind: Thing\nmetadata:\n  name: one\nspec:\n  mode: fast\n");
    let path = format!("{}?fieldManager=me", api.thing("one"));
    let made = api.patch_text("application/apply-patch+yaml", &path, text).await.ok();
    assert_eq!(made["spec"]["mode"], "fast");
}

pub(crate) async fn managers_can_be_forgotten(api: &Api) {
    let path = api.thing("one");
    api.apply(&path, "first", "", &thing("one", &json!({ "mode": "fast", "size": 5 }))).await.ok();
    let cleared = api.merge(&path, &json!({ "metadata": { "managedFields": [{}] } })).await.ok();
    assert_eq!(managers(&cleared), []);
    let mine = thing("one", &json!({ "size": 6, "mode": "fast" }));
    let body = api.apply(&path, "second", "", &mine).await.fails(409, "Conflict");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("conflict with \"before-first-apply\""), "{message}");
}

pub(crate) async fn core_kinds_are_applied_too(api: &Api) {
    let path = format!("{}/one", api.core("configmaps"));
    let wanted = |data: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "one" }, "data": data });
    let made = api.apply(&path, "first", "", &wanted(json!({ "a": "1" }))).await;
    assert_eq!(made.code, 201);
    assert_eq!(managers(&made.ok()), [entry("first", "Apply", json!({ "f:data": { "f:a": {} } }))]);
    let both = api.apply(&path, "second", "", &wanted(json!({ "b": "2" }))).await.ok();
    assert_eq!(both["data"], json!({ "a": "1", "b": "2" }));
    api.apply(&path, "second", "", &wanted(json!({ "a": "3" }))).await.fails(409, "Conflict");
    let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "one" },
        "spec": { "holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z" } });
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/one", api.namespace);
    let held = api.apply(&path, "me", "", &lease).await.ok();
    assert_eq!(held["spec"], lease["spec"]);
}

/// So it is before 1.21: a definition that means to merge lists by key keeps to one type each.
pub(crate) async fn a_value_of_two_types_makes_lists_whole(api: &Api) {
    let path = format!("/apis/{VERSION}/namespaces/{}/looses/one", api.namespace);
    let wanted = |name: &str| {
        json!({ "apiVersion": VERSION, "kind": "Loose", "metadata": { "name": "one" },
            "entries": [{ "name": name, "value": "x" }] })
    };
    let made = api.apply(&path, "first", "", &wanted("a")).await.ok();
    assert_eq!(managers(&made), [entry("first", "Apply", json!({ "f:entries": {} }))]);
    let body = api.apply(&path, "second", "", &wanted("b")).await.fails(409, "Conflict");
    assert_eq!(causes(&body), [(".entries".into(), "FieldManagerConflict".into())]);
}
