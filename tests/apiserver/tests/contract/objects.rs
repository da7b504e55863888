//! Creating, reading, changing and deleting.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, GROUP, VERSION, causes, thing, version};

fn fast() -> Value {
    json!({ "mode": "fast" })
}

pub(crate) async fn the_server_sets_what_is_its_own(api: &Api) {
    let mut wanted = thing("one", &fast());
    wanted["metadata"]["uid"] = json!("mine");
    wanted["metadata"]["generation"] = json!(7);
    wanted["metadata"]["deletionTimestamp"] = json!("2020-01-01T00:00:00Z");
    wanted["status"] = json!({ "phase": "Done" });
    let answer = api.post(&api.things(), &wanted).await;
    assert_eq!(answer.code, 201);
    let made = answer.ok();
    let metadata = &made["metadata"];
    assert_eq!(metadata["namespace"], api.namespace.as_str());
    assert_eq!(metadata["generation"], 1);
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert!(metadata["creationTimestamp"].as_str().unwrap().ends_with('Z'));
    assert!(version(&made).parse::<u64>().unwrap() > 0);
    assert!(metadata.get("deletionTimestamp").is_none());
    assert!(made.get("status").is_none(), "a status is not created with its object");
    assert_eq!(api.get(&api.thing("one")).await.ok(), made);
}

pub(crate) async fn a_name_is_given_once(api: &Api) {
    api.make("one", &fast()).await;
    let body = api.post(&api.things(), &thing("one", &fast())).await.fails(409, "AlreadyExists");
    assert_eq!(body["message"], format!("things.{GROUP} \"one\" already exists"));
    assert_eq!(body["details"], json!({ "name": "one", "group": GROUP, "kind": "things" }));
}

pub(crate) async fn a_namespace_must_exist(api: &Api) {
    let path = format!("/apis/{VERSION}/namespaces/nowhere/things");
    let body = api.post(&path, &thing("one", &fast())).await.fails(404, "NotFound");
    assert_eq!(body["message"], "namespaces \"nowhere\" not found");
    assert_eq!(body["details"], json!({ "name": "nowhere", "kind": "namespaces" }));
    let list = api.get(&path).await.ok();
    assert_eq!(list["items"], json!([]), "reading a namespace that is not there is no error");
}

pub(crate) async fn names_are_generated(api: &Api) {
    let mut wanted = thing("", &fast());
    wanted["metadata"] = json!({ "generateName": "gen-" });
    let one = api.post(&api.things(), &wanted).await.ok();
    let other = api.post(&api.things(), &wanted).await.ok();
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    assert_ne!(name(&one), name(&other));
    assert!(name(&one).starts_with("gen-") && name(&one).len() == 9, "{}", name(&one));
}

pub(crate) async fn what_is_not_an_object_of_the_kind_is_refused(api: &Api) {
    let mut wanted = thing("one", &fast());
    wanted["kind"] = json!("Other");
    let body = api.post(&api.things(), &wanted).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("kind".into(), "FieldValueInvalid".into())]);
    let mut wanted = thing("one", &fast());
    wanted["apiVersion"] = json!("contract.rackhand.test/v9");
    api.post(&api.things(), &wanted).await.fails(400, "BadRequest");
    let mut wanted = thing("one", &fast());
    wanted["metadata"]["namespace"] = json!("default");
    api.post(&api.things(), &wanted).await.fails(400, "BadRequest");
    let mut wanted = thing("one", &fast());
    wanted["metadata"] = json!({});
    let body = api.post(&api.things(), &wanted).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("metadata.name".into(), "FieldValueRequired".into())]);
    let request = api.request(Method::POST, &api.things()).header("content-type", "application/json");
    assert_eq!(api.send(request.body("{")).await.code, 400);
}

pub(crate) async fn what_is_not_there_is_not_found(api: &Api) {
    let body = api.get(&api.thing("none")).await.fails(404, "NotFound");
    assert_eq!(body["message"], format!("things.{GROUP} \"none\" not found"));
    assert_eq!(body["details"], json!({ "name": "none", "group": GROUP, "kind": "things" }));
    api.merge(&api.thing("none"), &json!({})).await.fails(404, "NotFound");
    api.delete(&api.thing("none"), &json!({})).await.fails(404, "NotFound");
    let mut wanted = thing("none", &fast());
    wanted["metadata"]["resourceVersion"] = json!("5");
    api.put(&api.thing("none"), &wanted).await.fails(404, "NotFound");
    assert_eq!(api.get(&format!("/apis/{VERSION}/others")).await.code, 404);
}

pub(crate) async fn a_replacement_is_of_the_newest_state(api: &Api) {
    let first = api.make("one", &fast()).await;
    let mut second = first.clone();
    second["spec"]["mode"] = json!("slow");
    let stored = api.put(&api.thing("one"), &second).await.ok();
    assert!(version(&stored).parse::<u64>().unwrap() > version(&first).parse::<u64>().unwrap());
    let body = api.put(&api.thing("one"), &first).await.fails(409, "Conflict");
    assert_eq!(
        body["message"],
        format!(
            "Operation cannot be fulfilled on things.{GROUP} \"one\": the object has been modified; \
             please apply your changes to the latest version and try again"
        )
    );
    assert_eq!(body["details"], json!({ "name": "one", "group": GROUP, "kind": "things" }));
    let body = api.put(&api.thing("one"), &thing("one", &fast())).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("metadata.resourceVersion".into(), "FieldValueInvalid".into())]);
    let mut renamed = stored.clone();
    renamed["metadata"]["name"] = json!("two");
    api.put(&api.thing("one"), &renamed).await.fails(400, "BadRequest");
    let mut another = stored;
    another["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    api.put(&api.thing("one"), &another).await.fails(409, "Conflict");
}

pub(crate) async fn a_write_that_changes_nothing_is_none(api: &Api) {
    let made = api.make("one", &fast()).await;
    let again = api.put(&api.thing("one"), &made).await.ok();
    assert_eq!(again, made);
    let again = api.merge(&api.thing("one"), &json!({ "spec": { "mode": "fast" } })).await.ok();
    assert_eq!(again, made);
}

pub(crate) async fn the_generation_rises_with_the_spec_alone(api: &Api) {
    api.make("one", &fast()).await;
    let path = api.thing("one");
    let labelled = api.merge(&path, &json!({ "metadata": { "labels": { "a": "b" } } })).await.ok();
    assert_eq!(labelled["metadata"]["generation"], 1);
    let changed = api.merge(&path, &json!({ "spec": { "size": 5 } })).await.ok();
    assert_eq!(changed["metadata"]["generation"], 2);
    let status = json!({ "status": { "phase": "New" } });
    let reported = api.merge(&format!("{path}/status"), &status).await.ok();
    assert_eq!(reported["metadata"]["generation"], 2);
    let forged = api.merge(&path, &json!({ "metadata": { "generation": 9 } })).await.ok();
    assert_eq!(forged["metadata"]["generation"], 2);
}

pub(crate) async fn the_status_is_written_at_its_own_endpoint(api: &Api) {
    api.make("one", &fast()).await;
    let path = api.thing("one");
    let both = json!({ "spec": { "size": 7 }, "status": { "phase": "Done" } });
    let spec_only = api.merge(&path, &both).await.ok();
    assert_eq!((&spec_only["spec"]["size"], spec_only.get("status")), (&json!(7), None));
    let mut made = spec_only;
    made["spec"]["size"] = json!(9);
    made["metadata"]["labels"] = json!({ "a": "b" });
    made["status"] = json!({ "phase": "New", "conditions": [{ "type": "Ready", "status": "False" }] });
    let status_only = api.put(&format!("{path}/status"), &made).await.ok();
    assert_eq!(status_only["spec"]["size"], 7);
    assert!(status_only["metadata"].get("labels").is_none());
    assert_eq!(status_only["status"], made["status"]);
    let mut gone = status_only.clone();
    gone.as_object_mut().unwrap().shift_remove("status");
    let kept = api.put(&path, &gone).await.ok();
    assert_eq!(kept["status"], made["status"]);
    assert_eq!(api.get(&format!("{path}/status")).await.ok(), kept);
    api.post(&format!("{path}/status"), &kept).await.fails(405, "MethodNotAllowed");
}

pub(crate) async fn a_merge_patch_changes_what_it_names(api: &Api) {
    let made = api.make("one", &json!({ "mode": "fast", "word": "abc", "steps": ["a", "b"] })).await;
    let path = api.thing("one");
    let patch = json!({ "spec": { "word": null, "steps": ["c"] } });
    let patched = api.merge(&path, &patch).await.ok();
    assert_eq!(patched["spec"], json!({ "mode": "fast", "size": 3, "steps": ["c"] }));
    let stale = json!({ "metadata": { "resourceVersion": version(&made) }, "spec": { "size": 4 } });
    api.merge(&path, &stale).await.fails(409, "Conflict");
    let fresh = json!({ "metadata": { "resourceVersion": version(&patched) }, "spec": { "size": 4 } });
    assert_eq!(api.merge(&path, &fresh).await.ok()["spec"]["size"], 4);
}

pub(crate) async fn a_json_patch_changes_what_it_tests(api: &Api) {
    api.make("one", &fast()).await;
    let path = api.thing("one");
    let patch = json!([
        { "op": "test", "path": "/spec/mode", "value": "fast" },
        { "op": "replace", "path": "/spec/mode", "value": "slow" },
        { "op": "add", "path": "/spec/tags", "value": ["x"] },
    ]);
    let patched = api.patch("json-patch+json", &path, &patch).await.ok();
    assert_eq!(patched["spec"], json!({ "mode": "slow", "size": 3, "tags": ["x"] }));
    api.patch("json-patch+json", &path, &patch).await.fails(422, "Invalid");
    assert_eq!(api.get(&path).await.ok(), patched);
}

pub(crate) async fn patches_of_other_kinds_are_refused(api: &Api) {
    api.make("one", &fast()).await;
    let path = api.thing("one");
    for kind in ["strategic-merge-patch+json", "json"] {
        api.patch(kind, &path, &json!({})).await.fails(415, "UnsupportedMediaType");
    }
}

pub(crate) async fn a_deletion_says_what_is_gone(api: &Api) {
    let made = api.make("one", &fast()).await;
    let body = api.delete(&api.thing("one"), &json!({})).await.ok();
    assert_eq!((&body["kind"], &body["status"]), (&json!("Status"), &json!("Success")));
    let details = json!({ "name": "one", "group": GROUP, "kind": "things", "uid": made["metadata"]["uid"] });
    assert_eq!(body["details"], details);
    api.get(&api.thing("one")).await.fails(404, "NotFound");
    let anew = api.make("one", &fast()).await;
    assert_ne!(anew["metadata"]["uid"], made["metadata"]["uid"]);
}

pub(crate) async fn a_deletion_asks_for_the_state_it_means(api: &Api) {
    let made = api.make("one", &fast()).await;
    let other = json!({ "preconditions": { "uid": "00000000-0000-4000-8000-000000000000" } });
    api.delete(&api.thing("one"), &other).await.fails(409, "Conflict");
    let old = json!({ "preconditions": { "resourceVersion": "1" } });
    api.delete(&api.thing("one"), &old).await.fails(409, "Conflict");
    let right = json!({ "preconditions": { "uid": made["metadata"]["uid"], "resourceVersion": version(&made) },
        "propagationPolicy": "Background" });
    api.delete(&api.thing("one"), &right).await.ok();
}

pub(crate) async fn finalizers_hold_a_deletion(api: &Api) {
    let mut wanted = thing("one", &fast());
    wanted["metadata"]["finalizers"] = json!(["rackhand.test/a", "rackhand.test/b"]);
    api.post(&api.things(), &wanted).await.ok();
    let path = api.thing("one");
    let waiting = api.delete(&path, &json!({})).await.ok();
    assert_eq!(waiting["kind"], "Thing");
    let metadata = &waiting["metadata"];
    assert!(metadata["deletionTimestamp"].is_string());
    assert_eq!((&metadata["deletionGracePeriodSeconds"], &metadata["generation"]), (&json!(0), &json!(2)));
    let again = api.delete(&path, &json!({})).await.ok();
    assert_eq!(again, waiting, "a second deletion changes nothing");
    let more = json!({ "metadata": { "finalizers": ["rackhand.test/a", "rackhand.test/c"] } });
    let body = api.merge(&path, &more).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("metadata.finalizers".into(), "FieldValueForbidden".into())]);
    let fewer = json!({ "metadata": { "finalizers": ["rackhand.test/b"] } });
    api.merge(&path, &fewer).await.ok();
    api.get(&path).await.ok();
    let last = api.merge(&path, &json!({ "metadata": { "finalizers": null } })).await.ok();
    assert_eq!(last["metadata"]["name"], "one");
    api.get(&path).await.fails(404, "NotFound");
}

async fn labelled(api: &Api, name: &str, label: &str) {
    let mut wanted = thing(name, &fast());
    wanted["metadata"]["labels"] = json!({ "site": label });
    api.post(&api.things(), &wanted).await.ok();
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

pub(crate) async fn many_are_deleted_by_label(api: &Api) {
    for (name, label) in [("a", "north"), ("b", "south"), ("c", "north")] {
        labelled(api, name, label).await;
    }
    api.delete(&format!("{}?labelSelector=site%3Dnorth", api.things()), &json!({})).await.ok();
    assert_eq!(names(&api.get(&api.things()).await.ok()), ["b"]);
}

pub(crate) async fn lists_are_chosen_by_label_and_field(api: &Api) {
    for (name, label) in [("b", "south"), ("a", "north"), ("c", "north")] {
        labelled(api, name, label).await;
    }
    let list = api.get(&api.things()).await.ok();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("ThingList"), &json!(VERSION)));
    assert_eq!(names(&list), ["a", "b", "c"]);
    assert!(version(&list).parse::<u64>().is_ok());
    for (query, expected) in [
        ("labelSelector=site%3Dnorth", &["a", "c"][..]),
        ("labelSelector=site!%3Dnorth", &["b"]),
        ("labelSelector=site+in+(north,south),!missing", &["a", "b", "c"]),
        ("labelSelector=missing", &[]),
        ("fieldSelector=metadata.name%3Db", &["b"]),
        ("fieldSelector=metadata.name!%3Db", &["a", "c"]),
        ("labelSelector=site%3Dnorth&fieldSelector=metadata.name%3Db", &[]),
    ] {
        let list = api.get(&format!("{}?{query}", api.things())).await.ok();
        assert_eq!(names(&list), expected, "{query}");
    }
    let everywhere = format!("/apis/{VERSION}/things?fieldSelector=metadata.namespace%3D{}", api.namespace);
    assert_eq!(names(&api.get(&everywhere).await.ok()), ["a", "b", "c"]);
    let by_spec = format!("{}?fieldSelector=spec.mode%3Dfast", api.things());
    api.get(&by_spec).await.fails(400, "BadRequest");
}

pub(crate) async fn lists_come_in_pages(api: &Api) {
    for name in ["a", "b", "c", "d", "e"] {
        labelled(api, name, "north").await;
    }
    let mut path = format!("{}?limit=2", api.things());
    let mut seen = Vec::new();
    for left in [Some(3), Some(1), None] {
        let page = api.get(&path).await.ok();
        seen.extend(names(&page).into_iter().map(str::to_owned));
        assert_eq!(page["metadata"].get("remainingItemCount"), left.map(|left| json!(left)).as_ref());
        match page["metadata"]["continue"].as_str() {
            Some(token) => path = format!("{}?limit=2&continue={token}", api.things()),
            None => assert_eq!(left, None),
        }
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    api.get(&format!("{}?limit=2&continue=nonsense", api.things())).await.fails(400, "BadRequest");
}

pub(crate) async fn a_dry_run_stores_nothing(api: &Api) {
    let path = format!("{}?dryRun=All", api.things());
    let tried = api.post(&path, &thing("one", &fast())).await.ok();
    assert_eq!(tried["spec"]["size"], 3);
    api.get(&api.thing("one")).await.fails(404, "NotFound");
    let made = api.make("one", &fast()).await;
    let patch = json!({ "spec": { "size": 5 } });
    let tried = api.merge(&format!("{}?dryRun=All", api.thing("one")), &patch).await.ok();
    assert_eq!((&tried["spec"]["size"], version(&tried)), (&json!(5), version(&made)));
    assert_eq!(api.get(&api.thing("one")).await.ok(), made);
}

pub(crate) async fn metadata_alone_can_be_asked_for(api: &Api) {
    let made = api.make("one", &fast()).await;
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = api.get_as(&api.things(), accept).await.ok();
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&json!("PartialObjectMetadataList"), &json!("meta.k8s.io/v1"))
    );
    assert_eq!(list["items"][0]["metadata"], made["metadata"]);
    assert!(list["items"][0].get("spec").is_none());
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let one = api.get_as(&api.thing("one"), accept).await.ok();
    assert_eq!((&one["kind"], one.get("spec")), (&json!("PartialObjectMetadata"), None));
}

pub(crate) async fn a_stale_status_is_refused(api: &Api) {
    let made = api.make("one", &fast()).await;
    let path = format!("{}/status", api.thing("one"));
    let mut first = made.clone();
    first["status"] = json!({ "phase": "New" });
    api.put(&path, &first).await.ok();
    let mut second = made;
    second["status"] = json!({ "phase": "Done" });
    api.put(&path, &second).await.fails(409, "Conflict");
}

pub(crate) async fn a_namespace_that_ends_takes_nothing_new(api: &Api) {
    let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "generateName": "ending-" } });
    let made = api.post("/api/v1/namespaces", &space).await.ok();
    assert_eq!(
        (&made["status"]["phase"], &made["spec"]["finalizers"]),
        (&json!("Active"), &json!(["kubernetes"]))
    );
    let name = made["metadata"]["name"].as_str().unwrap();
    let ending = api.delete(&format!("/api/v1/namespaces/{name}"), &json!({})).await.ok();
    assert_eq!(ending["status"]["phase"], "Terminating");
    assert!(ending["metadata"]["deletionTimestamp"].is_string());
    let path = format!("/apis/{VERSION}/namespaces/{name}/things");
    // A real server admits by what its own watch has told it of the namespace, which is a moment behind.
    api.eventually("the namespace takes nothing new", async || {
        api.post(&path, &thing("one", &fast())).await.code == 403
    })
    .await;
    let body = api.post(&path, &thing("two", &fast())).await.fails(403, "Forbidden");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains(&format!("in namespace {name} because it is being terminated")), "{message}");
}

pub(crate) async fn a_body_has_a_limit(api: &Api) {
    let big = json!({ "mode": "fast", "note": "x".repeat(3 * 1024 * 1024) });
    let answer = api.post(&api.things(), &thing("one", &big)).await;
    assert_eq!(answer.code, 413);
}

pub(crate) async fn objects_of_all_namespaces_are_listed_together(api: &Api) {
    api.make("one", &fast()).await;
    let list = api.get(&format!("/apis/{VERSION}/things")).await.ok();
    let here = list["items"].as_array().unwrap().iter();
    let here = here.filter(|item| item["metadata"]["namespace"] == api.namespace.as_str());
    assert_eq!(here.count(), 1);
    let nowhere = api.post(&format!("/apis/{VERSION}/things"), &thing("two", &fast())).await;
    assert_eq!(nowhere.code, 404, "an object is made in a namespace");
}
