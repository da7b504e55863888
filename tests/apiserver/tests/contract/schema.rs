//! What a definition's schema does to objects.

use serde_json::{Value, json};

use crate::api::{Api, VERSION, causes, thing};

pub(crate) async fn unknown_fields_are_dropped(api: &Api) {
    let mut wanted = thing(
        "one",
        &json!({
            "mode": "fast", "unknown": 1, "inner": { "a": "x", "c": "y" }, "options": { "any": "thing" },
            "free": { "deep": { "er": [1] } }, "ports": [{ "name": "a", "unknown": 1 }],
        }),
    );
    wanted["more"] = json!("x");
    wanted["metadata"]["unknown"] = json!("x");
    let made = api.post(&api.things(), &wanted).await.ok();
    assert_eq!(
        made["spec"],
        json!({
            "mode": "fast", "size": 3, "inner": { "a": "x" }, "options": { "any": "thing" },
            "free": { "deep": { "er": [1] } }, "ports": [{ "name": "a", "protocol": "TCP" }],
        })
    );
    assert!(made.get("more").is_none() && made["metadata"].get("unknown").is_none());
    let patched = api.merge(&api.thing("one"), &json!({ "spec": { "unknown": 1 } })).await.ok();
    assert_eq!(patched, made, "what is dropped changes nothing");
}

pub(crate) async fn defaults_are_put_in(api: &Api) {
    let spec = json!({ "mode": "fast", "ports": [{ "name": "a" }, { "name": "b", "protocol": "UDP" }] });
    let made = api.make("one", &spec).await;
    assert_eq!(made["spec"]["size"], 3);
    assert_eq!(made["spec"]["ports"][0]["protocol"], "TCP");
    assert_eq!(made["spec"]["ports"][1]["protocol"], "UDP");
    let patch = json!({ "spec": { "size": 8 } });
    api.merge(&api.thing("one"), &patch).await.ok();
    let back = api.merge(&api.thing("one"), &json!({ "spec": { "size": null } })).await.ok();
    assert_eq!(back["spec"]["size"], 3);
}

pub(crate) async fn nulls_give_way_to_defaults(api: &Api) {
    let made = api.make("one", &json!({ "mode": "fast", "size": null, "word": null, "note": null })).await;
    assert_eq!(made["spec"], json!({ "mode": "fast", "size": 3, "note": null }));
}

pub(crate) async fn values_out_of_bounds_are_refused(api: &Api) {
    let (invalid, unsupported, duplicate) =
        ("FieldValueInvalid", "FieldValueNotSupported", "FieldValueDuplicate");
    for (field, value, place, reason) in [
        ("mode", json!("other"), "spec.mode", unsupported),
        ("mode", json!(1), "spec.mode", invalid),
        ("size", json!(0), "spec.size", invalid),
        ("size", json!(11), "spec.size", invalid),
        ("size", json!("3"), "spec.size", invalid),
        ("size", json!(2.5), "spec.size", invalid),
        ("word", json!("x"), "spec.word", invalid),
        ("word", json!("abcdefghi"), "spec.word", invalid),
        ("word", json!("ab1"), "spec.word", invalid),
        ("tags", json!(["a", "b", "c", "d"]), "spec.tags", invalid),
        ("tags", json!(["a", "b", "a"]), "spec.tags[2]", duplicate),
        ("tags", json!([1]), "spec.tags", invalid),
        ("steps", json!([]), "spec.steps", invalid),
        ("steps", json!("a"), "spec.steps", invalid),
        ("ports", json!([{ "name": "a" }, { "name": "a" }]), "spec.ports[1]", duplicate),
        ("ports", json!([{ "port": 1 }]), "spec.ports.name", "FieldValueRequired"),
        ("options", json!({}), "spec.options", invalid),
        ("options", json!({ "a": 1 }), "spec.options.a", invalid),
        ("free", json!([]), "spec.free", invalid),
        ("note", json!(1), "spec.note", invalid),
        ("when", json!("yesterday"), "spec.when", invalid),
        ("ratio", json!("1"), "spec.ratio", invalid),
        ("on", json!("true"), "spec.on", invalid),
        ("inner", json!("x"), "spec.inner", invalid),
    ] {
        let mut spec = json!({ "mode": "fast" });
        spec[field] = value.clone();
        let answer = api.post(&api.things(), &thing("one", &spec)).await;
        assert_eq!(answer.code, 422, "{field} = {value}: {}", answer.body);
        let body = answer.fails(422, "Invalid");
        let found = causes(&body);
        assert!(found.contains(&(place.to_owned(), reason.to_owned())), "{field} = {value}: {body}");
        assert!(found.iter().all(|(found, _)| found == place), "{field} = {value}: {body}");
    }
    let fine = json!({
        "mode": "slow", "size": 10, "word": "abcdefgh", "tags": ["a"], "ratio": 1,
        "when": "2026-01-01T00:00:00Z", "on": true, "note": null,
    });
    assert_eq!(api.make("fine", &fine).await["spec"], fine);
}

pub(crate) async fn a_value_may_be_of_two_types(api: &Api) {
    let path = format!("/apis/{VERSION}/namespaces/{}/looses", api.namespace);
    let loose = |name: &str, limit: Value| json!({ "apiVersion": VERSION, "kind": "Loose", "metadata": { "name": name }, "limit": limit });
    assert_eq!(api.post(&path, &loose("number", json!(5))).await.ok()["limit"], 5);
    assert_eq!(api.post(&path, &loose("text", json!("50%"))).await.ok()["limit"], "50%");
    for wrong in [json!(true), json!(1.5), json!({})] {
        let body = api.post(&path, &loose("wrong", wrong)).await.fails(422, "Invalid");
        assert_eq!(causes(&body), [("limit".into(), "FieldValueInvalid".into())]);
    }
}

pub(crate) async fn all_that_is_wrong_is_told_at_once(api: &Api) {
    let spec = json!({ "size": 99, "word": "X" });
    let body = api.post(&api.things(), &thing("one", &spec)).await.fails(422, "Invalid");
    let expected = [
        ("spec.mode", "FieldValueRequired"),
        ("spec.size", "FieldValueInvalid"),
        ("spec.word", "FieldValueInvalid"),
    ];
    assert_eq!(causes(&body), expected.map(|(field, reason)| (field.to_owned(), reason.to_owned())));
    assert_eq!(body["details"]["kind"], "Thing");
    let message = body["message"].as_str().unwrap();
    assert!(message.starts_with("Thing.contract.rackhand.test \"one\" is invalid: "), "{message}");
    let missing =
        json!({ "apiVersion": crate::api::VERSION, "kind": "Thing", "metadata": { "name": "one" } });
    let body = api.post(&api.things(), &missing).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("spec".into(), "FieldValueRequired".into())]);
}

pub(crate) async fn a_status_is_held_against_its_schema(api: &Api) {
    api.make("one", &json!({ "mode": "fast" })).await;
    let path = format!("{}/status", api.thing("one"));
    let body = api.merge(&path, &json!({ "status": { "phase": "Old" } })).await.fails(422, "Invalid");
    assert_eq!(causes(&body), [("status.phase".into(), "FieldValueNotSupported".into())]);
    let unknown = json!({ "status": { "phase": "New", "unknown": 1 } });
    assert_eq!(api.merge(&path, &unknown).await.ok()["status"], json!({ "phase": "New" }));
}

pub(crate) async fn names_and_labels_follow_the_rules(api: &Api) {
    for (metadata, field) in [
        (json!({ "name": "Upper" }), "metadata.name"),
        (json!({ "name": "end-" }), "metadata.name"),
        (json!({ "name": "a", "labels": { "bad key": "x" } }), "metadata.labels"),
        (json!({ "name": "a", "labels": { "key": "bad value" } }), "metadata.labels"),
        (json!({ "name": "a", "annotations": { "bad key": "x" } }), "metadata.annotations"),
        (json!({ "name": "a", "finalizers": ["bad finalizer"] }), "metadata.finalizers"),
    ] {
        let mut wanted = thing("a", &json!({ "mode": "fast" }));
        wanted["metadata"] = metadata.clone();
        let body = api.post(&api.things(), &wanted).await.fails(422, "Invalid");
        let fields: Vec<String> = causes(&body).into_iter().map(|(field, _)| field).collect();
        assert!(
            fields.iter().all(|found| found.starts_with(field)) && !fields.is_empty(),
            "{metadata}: {body}"
        );
    }
    let mut wanted = thing("a", &json!({ "mode": "fast" }));
    wanted["metadata"]["labels"] = Value::String("x".into());
    assert_eq!(api.post(&api.things(), &wanted).await.code, 400);
}
