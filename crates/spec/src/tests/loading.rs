use std::path::{Path, PathBuf};

use super::{names, node, site};
use crate::{Diagnostic, Kustomize, LoadOptions, Loaded, load};

struct Dir(tempfile::TempDir);

impl Dir {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = dir.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, name: &str, kustomize: Kustomize) -> Loaded {
        let path = if name.is_empty() { self.0.path().to_owned() } else { self.path(name) };
        load(&path, &LoadOptions { kustomize })
    }

    /// The errors, the directory's own name left out.
    fn errors(&self, loaded: &Loaded) -> String {
        let errors = loaded.diagnostics.iter().filter(|one| one.is_error()).map(Diagnostic::to_string);
        errors.collect::<Vec<_>>().join("\n").replace(&self.0.path().display().to_string(), "DIR")
    }
}

fn one(n: u8) -> String {
    site("", &[&node(n)])
}

#[test]
fn a_directory_is_read_in_order_with_all_below() {
    let dir = Dir::new(&[
        ("b/two.yml", &one(2)),
        ("a/one.yaml", &one(1)),
        ("notes.txt", "not: yaml: at: all"),
        (".git/config.yaml", &one(3)),
    ]);
    let loaded = dir.load("", Kustomize::Never);
    assert_eq!(names(&loaded), ["c/n1", "c/n2"]);
}

#[test]
fn a_bios_file_is_found_beside_the_site_and_nowhere_outside() {
    let with = |reference: &str| site(&format!("biosConfigRef: {{filePath: {reference}}}\n"), &[&node(1)]);
    let dir = Dir::new(&[
        ("repo/.git/HEAD", ""),
        ("repo/sites/good.yaml", &with("hw/a.profile")),
        ("repo/sites/up.yaml", &with("../common.profile")),
        ("repo/sites/out.yaml", &with("../../secret.profile")),
        ("repo/sites/absolute.yaml", &with("/etc/passwd")),
        ("repo/sites/missing.yaml", &with("none.profile")),
        ("repo/sites/nested.yaml", &with("nested.profile")),
        ("repo/sites/hw/a.profile", "A: On\nB: 2\n"),
        ("repo/sites/nested.profile", "A: {b: c}\nD:\n"),
        ("repo/common.profile", "A: true\n"),
        ("secret.profile", "A: b\n"),
    ]);
    let load = |name: &str| dir.load(&format!("repo/sites/{name}"), Kustomize::Never);
    assert_eq!(load("good.yaml").nodes[0].bios_settings.as_ref().unwrap().values.len(), 2);
    assert_eq!(load("up.yaml").nodes.len(), 1);
    let refused = |name: &str| {
        let loaded = load(name);
        assert!(loaded.nodes.is_empty());
        dir.errors(&loaded)
    };
    insta::assert_snapshot!(refused("out.yaml"), @r"
    DIR/repo/sites/out.yaml:7:31: error: spec.clusters[0].biosConfigRef.filePath: `../../secret.profile` leads out of the directory that was loaded
        help: keep it below DIR/repo
    ");
    insta::assert_snapshot!(refused("absolute.yaml"), @r"
    DIR/repo/sites/absolute.yaml:7:31: error: spec.clusters[0].biosConfigRef.filePath: `/etc/passwd` is an absolute path, which means another file on each machine
        help: write the path relative to this file; the settings belong into the same repository
    ");
    insta::assert_snapshot!(refused("missing.yaml"), @r"
    DIR/repo/sites/missing.yaml:7:31: error: spec.clusters[0].biosConfigRef.filePath: DIR/repo/sites/none.profile cannot be read: No such file or directory (os error 2)
        help: the path is relative to the file that names it
    ");
    insta::assert_snapshot!(refused("nested.yaml"), @r"
    DIR/repo/sites/nested.profile:1:4: error: A: a BIOS attribute's value is a text, a whole number, true or false
    DIR/repo/sites/nested.profile:2:2: error: D: this attribute has no value
        help: write a value, or remove the line
    ");
}

#[test]
fn what_kustomization_lists_counts_and_secrets_beside_it() {
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: n1}\nstringData: {username: u, password: p}\n";
    let dir = Dir::new(&[
        ("kustomization.yaml", "kind: Kustomization\ngenerators: [one.yaml]\nresources: [sub]\n"),
        ("one.yaml", &one(1)),
        ("off.yaml", &one(2)),
        ("secret.yaml", secret),
        ("sub/three.yaml", &one(3)),
        ("unlisted/four.yaml", &one(4)),
    ]);
    let loaded = dir.load("", Kustomize::Never);
    assert_eq!(names(&loaded), ["c/n1", "c/n3"]);
    assert_eq!(loaded.secrets.len(), 1);
    let skipped: Vec<&str> = loaded.skipped.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(skipped, ["kustomization.yaml does not list its file"]);
}

#[test]
fn a_missing_entry_of_a_kustomization_is_an_error() {
    let dir = Dir::new(&[("kustomization.yaml", "resources: [gone.yaml]\n")]);
    insta::assert_snapshot!(dir.errors(&dir.load("", Kustomize::Never)), @"DIR/kustomization.yaml:1:1: error: it lists `gone.yaml`, which cannot be read: No such file or directory (os error 2)");
}

#[test]
fn what_kustomize_would_change_is_never_read_unchanged() {
    let dir = Dir::new(&[
        ("base/kustomization.yaml", "resources: [one.yaml]\n"),
        ("base/one.yaml", &one(1)),
        ("overlay/kustomization.yaml", "resources: [../base]\npatches: [{path: p.yaml}]\n"),
        ("overlay/p.yaml", "x: y\n"),
        ("plain/two.yaml", &one(2)),
    ]);
    let loaded = dir.load("", Kustomize::Never);
    assert_eq!(names(&loaded), ["c/n2"], "base belongs to the overlay");
    insta::assert_snapshot!(dir.errors(&loaded), @r"
    DIR/overlay/kustomization.yaml:1:1: error: it changes what it lists (patches), and running kustomize is switched off
        help: run `kustomize build DIR/overlay` and pass its output
    ");
    let missing = dir.load("overlay", Kustomize::Program(PathBuf::from("/nonexistent/kustomize")));
    assert!(missing.nodes.is_empty());
    insta::assert_snapshot!(dir.errors(&missing), @r"
    DIR/overlay/kustomization.yaml:1:1: error: it changes what it lists (patches), and /nonexistent/kustomize cannot be run: No such file or directory (os error 2)
        help: install kustomize, or pass the output of `kustomize build DIR/overlay`
    ");
}

#[test]
fn a_single_file_that_its_kustomization_changes_is_refused() {
    let dir = Dir::new(&[
        ("kustomization.yaml", "resources: [one.yaml]\nnamePrefix: x-\n"),
        ("one.yaml", &one(1)),
        ("two.yaml", &one(2)),
    ]);
    let loaded = dir.load("one.yaml", Kustomize::Never);
    assert!(loaded.nodes.is_empty());
    insta::assert_snapshot!(dir.errors(&loaded), @r"
    DIR/one.yaml:1:1: error: DIR/kustomization.yaml changes this file (namePrefix), so it is not deployed as it stands
        help: pass the directory DIR, or the output of `kustomize build` for it
    ");
    assert_eq!(names(&dir.load("two.yaml", Kustomize::Never)), ["c/n2"]);
}

/// A program that stands in for kustomize.
#[cfg(unix)]
fn program(dir: &Dir, script: &str) -> Kustomize {
    use std::os::unix::fs::PermissionsExt as _;
    let path = dir.path("kustomize.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Kustomize::Program(path)
}

#[cfg(unix)]
#[test]
fn kustomizes_output_is_what_counts() {
    let dir = Dir::new(&[
        ("d/kustomization.yaml", "resources: [one.yaml]\nnamePrefix: x-\n"),
        ("d/one.yaml", &one(1)),
        ("built", &one(7)),
    ]);
    let good = program(&dir, "test \"$1\" = build && test -f \"$2/one.yaml\" && cat \"$2/../built\"");
    let loaded = dir.load("d", good);
    assert_eq!(names(&loaded), ["c/n7"]);
    assert_eq!(loaded.nodes[0].source.file, dir.path("d/kustomization.yaml"));
    let failing = program(&dir, "echo 'Error: no such plugin' >&2; exit 3");
    insta::assert_snapshot!(dir.errors(&dir.load("d", failing)), @r"
    DIR/d/kustomization.yaml:1:1: error: it changes what it lists (namePrefix), and kustomize failed (exit status: 3): Error: no such plugin
        help: try `kustomize build DIR/d`
    ");
}

#[test]
fn a_path_without_a_node_says_what_it_holds() {
    let dir = Dir::new(&[
        ("ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"),
        ("empty.yaml", ""),
        ("bmh.yaml", "apiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata: {name: x}\n"),
    ]);
    let errors = |name: &str| dir.errors(&dir.load(name, Kustomize::Never));
    insta::assert_snapshot!(errors("ns.yaml"), @r"
    DIR/ns.yaml:1:1: error: there is no node here that can be provisioned
        help: SiteConfig, ClusterInstance and BareMetalHost are read; found: Namespace
    ");
    insta::assert_snapshot!(errors("empty.yaml"), @r"
    DIR/empty.yaml:1:1: error: there is no node here that can be provisioned
        help: SiteConfig, ClusterInstance and BareMetalHost are read; found: no document
    ");
    insta::assert_snapshot!(errors("bmh.yaml"), @r"
    DIR/bmh.yaml:1:1: error: every host here is left out, so there is nothing to provision
        help: see the warnings
    ");
    insta::assert_snapshot!(errors("gone.yaml"), @"DIR/gone.yaml:1:1: error: cannot be read: No such file or directory (os error 2)");
    std::fs::write(dir.path("binary.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    insta::assert_snapshot!(errors("binary.yaml"), @"DIR/binary.yaml:1:1: error: cannot be read: it is not UTF-8 text (at byte 0)");
}

#[test]
fn a_digest_does_not_depend_on_where_the_checkout_is() {
    let (a, b) =
        (Dir::new(&[("one.yaml", &one(1))]), Dir::new(&[("x/one.yaml", &format!("# moved\n{}", one(1)))]));
    let json = |loaded: &Loaded| serde_json::to_string(&loaded.nodes).unwrap();
    assert_eq!(json(&a.load("", Kustomize::Never)), json(&b.load("", Kustomize::Never)));
}

#[test]
fn upstreams_samples_are_all_read_without_a_panic() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ztp-examples");
    if !samples.is_dir() {
        println!("skipped: no upstream samples");
        return;
    }
    let loaded = load(&samples, &LoadOptions { kustomize: Kustomize::Never });
    assert!(loaded.files.len() > 50, "{}", loaded.files.len());
    assert!(loaded.has_errors(), "the same hosts stand in several samples");
}
