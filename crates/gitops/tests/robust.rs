//! Whatever stands in the place of a value: nothing panics, and what is not rendered or converted has an error that says why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rackhand_gitops::convert::{ConvertOptions, convert_texts};
use rackhand_gitops::render::{AgentRef, RenderOptions, render_texts};
use rackhand_spec::Located;
use serde_json::{Value, json};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata")
}

/// Every value below a value: its JSON pointer.
fn pointers(value: &Value, pointer: &str, out: &mut Vec<String>) {
    out.push(pointer.to_owned());
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                pointers(value, &format!("{pointer}/{escaped}"), out);
            }
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| pointers(item, &format!("{pointer}/{index}"), out));
        }
        _ => {}
    }
}

fn survives(name: &str, text: String) {
    let files = [(testdata().join(name), text)];
    let options = RenderOptions {
        with_agent: Some(AgentRef { name: "a".to_owned() }),
        predefined_manifests: Some(testdata().join("shipped")),
        ..RenderOptions::default()
    };
    let rendered = render_texts(&files, &options);
    let yaml = rendered.to_yaml();
    let (documents, faults) = Located::documents(Path::new("out"), &yaml);
    assert!(faults.is_empty(), "{faults:?}\n{yaml}");
    let read: Vec<Value> = documents.iter().map(Located::json).collect();
    assert_eq!(read, rendered.resources);
    let empty = Located::documents(Path::new("in"), &files[0].1).0.is_empty();
    let skipped = rendered.findings.iter().any(|one| one.code == rackhand_spec::Code::Skipped);
    assert!(!rendered.resources.is_empty() || rendered.has_errors() || skipped || empty, "{}", files[0].1);
    let converted = convert_texts(&files, &ConvertOptions::default());
    assert!(!converted.resources.is_empty() || !converted.findings.is_empty() || empty);
}

#[test]
fn another_value_anywhere_is_survived() {
    let others = [
        Value::Null,
        json!("x"),
        json!(""),
        json!(-1),
        json!([]),
        json!({}),
        json!([[1]]),
        json!({ "a": { "b": [1] } }),
    ];
    for name in ["site.yaml", "all.yaml", "instance.yaml"] {
        let text = std::fs::read_to_string(testdata().join(name)).unwrap();
        let (documents, _) = Located::documents(Path::new(name), &text);
        let document = documents.first().unwrap().json();
        let mut all = Vec::new();
        pointers(&document, "", &mut all);
        for (index, pointer) in all.iter().enumerate() {
            // Each place gets three of them in turn, and over all places each of them comes often.
            for other in others.iter().cycle().skip(index).take(3) {
                let mut mutated = document.clone();
                *mutated.pointer_mut(pointer).unwrap() = other.clone();
                survives(name, mutated.to_string());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(text in "[ -~\n]{0,200}") {
        survives("any.yaml", text.clone());
        survives("any.yaml", format!("apiVersion: ran.openshift.io/v2\nkind: SiteConfig\nspec:\n  {text}"));
    }
}
