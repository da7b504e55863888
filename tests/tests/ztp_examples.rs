//! What is said about each example of the specs that operators write: a table that people review, line by line.
//!
//! Errors stand in full. Warnings and notes stand as `validate` shows them: many of one kind are folded into one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use rackhand_spec::{Code, Diagnostic, Kustomize, LoadOptions, Severity, folded, load};

/// Every file below a directory, in order.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut children: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    children.sort();
    for child in children {
        if child.is_dir() {
            files(&child, found);
        } else {
            found.push(child);
        }
    }
}

/// One line per file, and its findings below it.
fn table(root: &Path, wanted: impl Fn(&str) -> bool) -> String {
    let mut paths = Vec::new();
    files(root, &mut paths);
    let mut table = String::new();
    for path in paths {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if wanted(&name) {
            // Never with kustomize, so that the table is the same whether or not it is installed.
            let options = LoadOptions { kustomize: Kustomize::Never };
            let loaded = load(&path, &options);
            let shown = folded(&loaded.diagnostics);
            let _ = writeln!(table, "{name}: {}", counted(loaded.nodes.len(), &loaded.diagnostics));
            for node in &loaded.nodes {
                let _ = writeln!(table, "  node {}", node.name.as_str());
            }
            for diagnostic in &shown {
                let text = relative(root, &diagnostic.to_string());
                let _ = writeln!(table, "  {}", text.replace('\n', "\n  "));
            }
        }
    }
    table
}

fn counted(nodes: usize, diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|one| one.severity == severity).count();
    let unused = diagnostics.iter().filter(|one| one.code == Code::NotUsed).count();
    format!(
        "{nodes} nodes, {} errors, {} warnings, {unused} fields not used",
        count(Severity::Error),
        count(Severity::Warning) - unused,
    )
}

/// The text without the directory that the files are in, which differs between machines.
fn relative(root: &Path, text: &str) -> String {
    let above = root.parent().unwrap_or(root);
    text.replace(&format!("{}/", root.display()), "").replace(&format!("{}/", above.display()), "../")
}

#[test]
fn every_example_yields_nodes_or_the_exact_complaint() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/ztp-examples");
    let Ok(root) = root.canonicalize() else {
        println!("skipped: ../shared/ztp-examples is not there");
        return;
    };
    let examples = table(&root, |name| !name.starts_with("LICENSES/") && name != "MANIFEST.md");
    insta::assert_snapshot!("ztp_examples", examples);
}

#[test]
fn our_own_files_yield_nodes_or_the_exact_complaint() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
    let ours = table(&here.join("testdata/specs"), |_| true);
    let of_spec = table(&here.join("../crates/spec/testdata").canonicalize().unwrap(), |_| true);
    insta::assert_snapshot!("own_specs", format!("{ours}\n{of_spec}"));
}
