//! Nothing is passed over in silence: a change of any scalar shows in a node, or a finding says that the field is not used.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::testdata;
use crate::cursor::{At, Cx, Sink};
use crate::tree::{join, parse};
use crate::{Code, Loaded, NodeSpec, Source, read};

/// The documents of a text, as values that can be changed and written again: JSON is YAML.
pub(super) fn documents(text: &str) -> Vec<Value> {
    let (nodes, faults) = parse(text);
    assert!(faults.is_empty(), "{faults:?}");
    let sink = Sink::default();
    let cx = Cx { file: Path::new("f"), sink: &sink };
    nodes.iter().map(|node| At::root(cx, node).json()).collect()
}

fn written(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("---\n{document}\n")).collect()
}

/// Every scalar but null: its JSON pointer, and its path as findings name it.
fn scalars(value: &Value, pointer: &str, path: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                scalars(value, &format!("{pointer}/{escaped}"), &join(path, key), out);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                scalars(value, &format!("{pointer}/{index}"), &format!("{path}[{index}]"), out);
            }
        }
        Value::Null => {}
        _ => out.push((pointer.to_owned(), path.to_owned())),
    }
}

/// Another value of the same type that is mostly still a good one: the last letter or digit is another.
fn changed(value: &Value) -> Value {
    match value {
        Value::Bool(value) => Value::Bool(!value),
        Value::Number(number) => Value::from(number.as_i64().unwrap_or(0) + 1),
        Value::String(text) => {
            let mut chars: Vec<char> = text.chars().collect();
            match chars.iter().rposition(char::is_ascii_alphanumeric) {
                Some(last) => {
                    chars[last] = match chars[last] {
                        '9' | '4' => '7',
                        'f' | 'F' => 'b',
                        digit if digit.is_ascii_digit() => char::from(digit as u8 + 1),
                        'z' => 'a',
                        'Z' => 'A',
                        letter => char::from(letter as u8 + 1),
                    };
                    Value::from(chars.into_iter().collect::<String>())
                }
                None => Value::from(format!("{text}x")),
            }
        }
        other => other.clone(),
    }
}

fn read_documents(documents: &[Value], beside: &[(PathBuf, String)]) -> Loaded {
    let mut files = vec![(PathBuf::from("f.yaml"), written(documents))];
    files.extend(beside.iter().cloned());
    read(&Source { files, ..Source::default() })
}

/// Changes each scalar in turn and answers how many there were, and those that nobody noticed.
fn unnoticed(text: &str, beside: &[(PathBuf, String)]) -> (usize, Vec<String>) {
    let documents = documents(text);
    let before: Vec<NodeSpec> = read_documents(&documents, beside).nodes;
    let (mut tried, mut unnoticed) = (0, Vec::new());
    for (index, document) in documents.iter().enumerate() {
        // What a Secret holds must not get into a NodeSpec; that it is used is shown elsewhere.
        if document["kind"] == "Secret" {
            continue;
        }
        let mut all = Vec::new();
        scalars(document, "", "", &mut all);
        for (pointer, path) in all {
            tried += 1;
            let mut mutated = documents.clone();
            let place = mutated[index].pointer_mut(&pointer).unwrap();
            // v1 and v2 of a SiteConfig are read alike, so another version is one that does not exist.
            *place = if path == "apiVersion" { Value::from("example.com/v9") } else { changed(place) };
            let loaded = read_documents(&mutated, beside);
            let said = loaded.diagnostics.iter().any(|one| {
                let unused = matches!(one.code, Code::NotUsed | Code::UnknownField)
                    && one.message.contains("not used by rackhand");
                (unused || one.code == Code::Shadowed) && path.starts_with(&one.path)
            });
            if loaded.nodes == before && !said {
                unnoticed.push(path);
            }
        }
    }
    (tried, unnoticed)
}

#[test]
fn every_scalar_of_our_samples_counts() {
    let beside: Vec<(PathBuf, String)> =
        ["hw.profile", "node.profile"].map(|name| (PathBuf::from(name), testdata(name))).into();
    for (name, least) in [("site.yaml", 100), ("instance.yaml", 50), ("host.yaml", 50)] {
        let (tried, unnoticed) = unnoticed(&testdata(name), &beside);
        assert!(tried >= least, "{name}: only {tried} scalars");
        assert_eq!(unnoticed, [""; 0], "{name}");
    }
}

#[test]
fn every_attribute_of_a_profile_file_counts() {
    let site = testdata("site.yaml");
    let nodes = |hw: &str| {
        let beside = [("hw.profile", hw.to_owned()), ("node.profile", testdata("node.profile"))];
        read_documents(&documents(&site), &beside.map(|(name, text)| (PathBuf::from(name), text))).nodes
    };
    let before = nodes(&testdata("hw.profile"));
    for (from, to) in
        [("Uefi", "Bios"), ("Enabled", "Disabled"), ("120", "121"), (": On", ": Off"), ("true", "false")]
    {
        assert_ne!(nodes(&testdata("hw.profile").replace(from, to)), before, "{from}");
    }
}

#[test]
fn every_scalar_of_upstreams_samples_counts() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ztp-examples");
    if !samples.is_dir() {
        println!("skipped: no upstream samples");
        return;
    }
    let mut total = 0;
    for file in [
        "siteconfig/v1-example-sno.yaml",
        "siteconfig/v1-example-3node.yaml",
        "siteconfig/v1-example-standard.yaml",
        "siteconfig/v1-site-config-cr-ex.yaml",
        "siteconfig/v1-site2-sno-du.yaml",
        "siteconfig/converter-example-sno1.yaml",
        "siteconfig-golden/v1-sno.expected.yaml",
        "clusterinstance/ai-example-sno.yaml",
        "clusterinstance/ibi-example-sno.yaml",
        "clusterinstance/telco-ran-example-3node.yaml",
        "clusterinstance/sushy-lab-sno.yaml",
        "metal3/o2ims-dell-xr8620t-node1.yaml",
    ] {
        let text = std::fs::read_to_string(samples.join(file)).unwrap();
        let ours: String = documents(&text)
            .into_iter()
            .filter(|document| {
                let kind = document["kind"].as_str().unwrap_or_default();
                ["SiteConfig", "ClusterInstance", "BareMetalHost", "HostFirmwareSettings"].contains(&kind)
            })
            .map(|document| format!("---\n{document}\n"))
            .collect();
        let (tried, unnoticed) = unnoticed(&ours, &[]);
        assert!(tried > 10, "{file}: only {tried} scalars");
        assert_eq!(unnoticed, [""; 0], "{file}");
        total += tried;
    }
    println!("{total} scalars changed");
}
