//! Tests of the crate as a whole: files in, nodes and findings out.

mod formats;
mod loading;
mod mutation;
mod provision;
mod robust;
mod secrets;
mod values;

use std::path::{Path, PathBuf};

use crate::{Diagnostic, Loaded, NodeSpec, Source, folded, read};

/// A file of `testdata/`.
fn testdata(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Reads texts that are in no file system.
fn read_texts(files: &[(&str, &str)]) -> Loaded {
    let files = files.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned())).collect();
    read(&Source { files, ..Source::default() })
}

/// One file called `f.yaml`.
fn read_one(text: &str) -> Loaded {
    read_texts(&[("f.yaml", text)])
}

/// The findings as a person sees them, those of fields that are not used in one line.
fn said(loaded: &Loaded) -> String {
    folded(&loaded.diagnostics).iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}

/// The findings but for fields that are not used.
fn complaints(loaded: &Loaded) -> String {
    let relevant = loaded.diagnostics.iter().filter(|one| one.code != crate::Code::NotUsed);
    relevant.map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.nodes.iter().map(|node| node.name.as_str()).collect()
}

fn only(loaded: &Loaded) -> &NodeSpec {
    assert_eq!(loaded.nodes.len(), 1, "{}", said(loaded));
    &loaded.nodes[0]
}

/// A SiteConfig with one cluster and these nodes, each given as lines below `- `.
fn site(cluster: &str, nodes: &[&str]) -> String {
    let indent = |text: &str, by: &str| text.lines().map(|line| format!("{by}{line}\n")).collect::<String>();
    let mut text = "apiVersion: ran.openshift.io/v1\nkind: SiteConfig\nmetadata: {name: s}\nspec:\n  clusters:\n  - clusterName: c\n"
        .to_owned();
    text.push_str(&indent(cluster, "    "));
    text.push_str("    nodes:\n");
    for node in nodes {
        text.push_str(&indent(node, "      ").replacen("      ", "    - ", 1));
    }
    text
}

/// A sound node: its number is in its name, addresses and MAC.
fn node(n: u8) -> String {
    format!(
        "hostName: n{n}\nbmcAddress: redfish-virtualmedia://10.0.0.{n}\nbmcCredentialsName: {{name: n{n}}}\nbootMACAddress: 0c:42:a1:55:aa:{n:02x}\n"
    )
}
