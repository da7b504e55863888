//! A good repository has no finding; each way of spoiling it has its own.

mod examples;
mod good;
mod live;
mod mutations;
mod placements;
mod report;

use std::path::Path;
use std::sync::LazyLock;

use rackhand_profiles::Profiles;
use rackhand_spec::{Kustomize, LoadOptions};

use super::{LintOptions, Repository};

/// Never with kustomize, so that the result is the same whether or not it is installed.
fn open(path: &Path) -> Repository {
    Repository::open(&[path], &LoadOptions { kustomize: Kustomize::Never })
}

/// The profiles that ship with rackhand, read once.
static PROFILES: LazyLock<Profiles> = LazyLock::new(|| Profiles::builtin().unwrap());

fn options() -> LintOptions {
    LintOptions { profiles: PROFILES.clone(), ..LintOptions::default() }
}

/// A directory with these files in it.
fn written<'t>(files: impl IntoIterator<Item = (&'t str, &'t str)>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

/// What is said, with the files' names as they stand in the repository.
fn said(root: &Path, what: impl std::fmt::Display) -> String {
    what.to_string().replace(&format!("{}/", root.display()), "")
}
