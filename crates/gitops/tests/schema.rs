//! What is rendered and converted is what the hub's API servers take: every field is in the CRDs, where they are there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]
#![allow(clippy::indexing_slicing, reason = "a missing field of a JSON value is null")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rackhand_gitops::convert::{ConvertOptions, convert};
use rackhand_gitops::render::{RenderOptions, render};
use rackhand_spec::Located;
use serde_json::Value;

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata")
}

/// The schema of each apiVersion and kind.
fn schemas() -> Option<BTreeMap<(String, String), Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ztp-examples/crds");
    if !root.is_dir() {
        println!("skipped: ../shared/ztp-examples is not there");
        return None;
    }
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let (documents, _) = Located::documents(Path::new("crd"), &text);
        for crd in documents.iter().map(Located::json) {
            let spec = &crd["spec"];
            let kind = spec["names"]["kind"].as_str().unwrap().to_owned();
            for version in spec["versions"].as_array().unwrap() {
                let name =
                    format!("{}/{}", spec["group"].as_str().unwrap(), version["name"].as_str().unwrap());
                found.insert((name, kind.clone()), version["schema"]["openAPIV3Schema"].clone());
            }
        }
    }
    Some(found)
}

/// What a value says that its schema does not have.
fn faults(value: &Value, schema: &Value, path: &str, out: &mut Vec<String>) {
    let allowed = schema["enum"].as_array();
    if allowed.is_some_and(|allowed| !allowed.contains(value)) {
        out.push(format!("{path}: {value} is none of {}", schema["enum"]));
    }
    match (value, schema["type"].as_str()) {
        (Value::Object(fields), Some("object")) => {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !fields.contains_key(name) {
                    out.push(format!("{path}.{name} is missing"));
                }
            }
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                let more = &schema["additionalProperties"];
                match schema["properties"].get(name) {
                    Some(schema) => faults(value, schema, &path, out),
                    None if more.is_object() => faults(value, more, &path, out),
                    None if schema["x-kubernetes-preserve-unknown-fields"] == true => {}
                    // What every object has stands in no CRD.
                    None if path.starts_with(".metadata.") || more == true => {}
                    None => out.push(format!("{path} is unknown")),
                }
            }
        }
        (Value::Array(items), Some("array")) => {
            for (index, item) in items.iter().enumerate() {
                faults(item, &schema["items"], &format!("{path}[{index}]"), out);
            }
        }
        (Value::String(_), Some("string"))
        | (Value::Bool(_), Some("boolean"))
        | (Value::Number(_), Some("integer" | "number")) => {}
        (Value::String(_) | Value::Number(_), None) if schema["x-kubernetes-int-or-string"] == true => {}
        (value, wanted) => out.push(format!("{path}: {value} where {wanted:?} is wanted")),
    }
}

fn check(schemas: &BTreeMap<(String, String), Value>, objects: &[Value]) -> (usize, Vec<String>) {
    let (mut checked, mut out) = (0, Vec::new());
    for object in objects {
        let field = |name: &str| object[name].as_str().unwrap().to_owned();
        let Some(schema) = schemas.get(&(field("apiVersion"), field("kind"))) else { continue };
        checked += 1;
        let mut found = Vec::new();
        faults(object, schema, "", &mut found);
        out.extend(found.into_iter().map(|fault| format!("{}: {fault}", field("kind"))));
    }
    (checked, out)
}

#[test]
fn what_is_rendered_is_in_the_schemas() {
    let Some(schemas) = schemas() else { return };
    let shipped = Some(testdata().join("shipped"));
    let options = RenderOptions { predefined_manifests: shipped, ..RenderOptions::default() };
    for (name, least) in [("site.yaml", 5), ("instance.yaml", 6)] {
        let made = render(&testdata().join(name), &options);
        assert!(!made.has_errors(), "{:#?}", made.findings);
        let (checked, faults) = check(&schemas, &made.resources);
        assert_eq!(faults, [""; 0], "{name}");
        assert!(checked >= least, "{name}: only {checked}");
    }
}

#[test]
fn what_is_converted_is_in_the_schemas() {
    let Some(schemas) = schemas() else { return };
    let made = convert(&testdata().join("all.yaml"), &ConvertOptions::default());
    assert!(!made.has_errors(), "{:#?}", made.findings);
    assert_eq!(check(&schemas, &made.resources), (4, Vec::new()));
    // Each cluster of it also renders.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("converted.yaml");
    fs::write(&path, made.to_yaml()).unwrap();
    let rendered = render(&path, &RenderOptions::default());
    assert!(!rendered.has_errors(), "{:#?}", rendered.findings);
    assert_eq!(check(&schemas, &rendered.resources).1, [""; 0]);
}

#[test]
fn a_fault_against_a_schema_is_found() {
    let schema = serde_json::json!({
        "type": "object", "required": ["a"], "properties": { "b": { "type": "string", "enum": ["x"] } },
    });
    let mut out = Vec::new();
    faults(&serde_json::json!({ "b": "y", "c": 1 }), &schema, "", &mut out);
    assert_eq!(out, [".a is missing", ".b: \"y\" is none of [\"x\"]", ".c is unknown"]);
}
