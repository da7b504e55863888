//! Extra manifests: what the installer is handed beside the cluster, in a ConfigMap.
//!
//! Where `extraManifests.searchPaths` names directories, these are taken, a later one before an earlier one. Otherwise it is the
//! directory that upstream ships in its image, which a caller has to name, and what `extraManifestPath` adds. Without that directory
//! only what the site's own fields ask for is made: partitions and workload partitioning.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Map, Value, json};

use rackhand_spec::{Code, Located};

use super::model::key_of;
use super::{builtin, machineconfig};
use crate::render::read::{At, Beside, go_json};
use crate::render::{template, yaml};

/// What marks everything that is generated.
pub(super) const GENERATED: (&str, &str) = ("ran.openshift.io/ztp-gitops-generated", "{}");
const WORKLOAD: &str = "workload";

/// One manifest.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) value: Value,
    /// Whether `mergeDefaultMachineConfigs` may put it together with others.
    pub(super) mergeable: bool,
}

/// By file name.
pub(super) type Manifests = BTreeMap<String, Manifest>;

/// What a cluster says about its manifests.
pub(super) struct Wanted<'a, 'f> {
    /// The cluster.
    pub(super) at: &'a At<'f>,
    pub(super) fields: &'a Map<String, Value>,
    /// Its nodes' fields.
    pub(super) nodes: &'a [Map<String, Value>],
    pub(super) single_node: bool,
    /// The directory that upstream ships in its image.
    pub(super) shipped: Option<&'a Path>,
    pub(super) beside: &'a Beside,
}

impl Wanted<'_, '_> {
    /// Every manifest as a text, by file name.
    pub(super) fn texts(&self) -> Option<BTreeMap<String, String>> {
        let mut manifests = self.collect()?;
        self.filter(&mut manifests)?;
        if self.fields.get("mergeDefaultMachineConfigs") == Some(&Value::Bool(true))
            && let Err(message) = machineconfig::merge(&mut manifests)
        {
            let at = self.at.child("mergeDefaultMachineConfigs").unwrap_or_else(|| self.at.clone());
            at.error(Code::InvalidValue, message);
            return None;
        }
        let text = |one: Manifest| yaml::document(&one.value, yaml::Keys::Sorted);
        Some(manifests.into_iter().map(|(name, one)| (name, text(one))).collect())
    }

    fn collect(&self) -> Option<Manifests> {
        let mut manifests = Manifests::new();
        let search = self.at.given("extraManifests").and_then(|at| at.given("searchPaths"));
        let mut directories = Vec::new();
        match (&search, self.shipped) {
            (Some(paths), _) => {
                for path in paths.items() {
                    directories.push((self.directory(&path)?, path));
                }
            }
            (None, Some(shipped)) => directories.push((shipped.to_owned(), self.at.clone())),
            (None, None) => self.of_fields(&mut manifests),
        }
        for (directory, named) in &directories {
            self.read_directory(directory, named, &mut manifests)?;
        }
        for (directory, named) in &directories {
            self.workload(directory, named, &mut manifests)?;
        }
        if search.is_none() {
            self.of_user(&mut manifests)?;
        }
        Some(manifests)
    }

    fn directory(&self, at: &At<'_>) -> Option<PathBuf> {
        let name = at.node.text().unwrap_or_default();
        match self.beside.find(at.file, name) {
            Ok(path) if path.is_dir() => Some(path),
            Ok(path) => {
                at.error(Code::InvalidValue, format!("{} is no directory", path.display()));
                None
            }
            Err(message) => {
                at.error_help(Code::Unreadable, message, "the path is relative to this file");
                None
            }
        }
    }

    fn roles(&self) -> BTreeSet<String> {
        let role = |node: &Map<String, Value>| text_of(node, "role");
        self.nodes.iter().map(role).collect()
    }

    /// Every file in a directory; a template once for each role.
    fn read_directory(&self, directory: &Path, at: &At<'_>, manifests: &mut Manifests) -> Option<()> {
        for (name, path) in files(directory, at)? {
            let text = read(&path, at)?;
            match name.strip_suffix(".tmpl") {
                Some(base) => self.fill(base, &path, &text, at, manifests)?,
                None => {
                    let value = manifest(&path, &text, at)?;
                    manifests.insert(name, Manifest { value, mergeable: true });
                }
            }
        }
        Some(())
    }

    fn fill(
        &self,
        base: &str,
        path: &Path,
        text: &str,
        at: &At<'_>,
        manifests: &mut Manifests,
    ) -> Option<()> {
        let mut cluster = self.fields.clone();
        cluster.insert("nodes".to_owned(), self.nodes.iter().cloned().map(Value::Object).collect());
        for role in self.roles() {
            let data = json!({ "role": role, "data": cluster });
            let filled = match template::fill(text, &data, key_of) {
                Ok(filled) => filled,
                Err(message) => {
                    let message = format!("{} cannot be filled in: {message}", path.display());
                    at.error(Code::InvalidValue, message);
                    return None;
                }
            };
            if !filled.trim().is_empty() {
                let value = manifest(path, &filled, at)?;
                manifests.insert(format!("{role}-{base}"), Manifest { value, mergeable: false });
            }
        }
        Some(())
    }

    /// The nodes whose work is kept to a set of CPUs, on a cluster of one master.
    fn partitioned(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let nodes = self.nodes.iter().filter(|_| self.single_node);
        nodes.map(|node| (text_of(node, "role"), text_of(node, "cpuset"))).filter(|(_, set)| !set.is_empty())
    }

    fn workload(&self, directory: &Path, at: &At<'_>, manifests: &mut Manifests) -> Option<()> {
        let directory = directory.join(WORKLOAD);
        for (role, cpus) in self.partitioned().filter(|_| directory.exists()) {
            let part =
                |name| read(&directory.join(name), at).map(|text| base64(&text.replace("$cpuset", &cpus)));
            let path = directory.join("03-workload-partitioning.yaml");
            let text = read(&path, at)?
                .replace("$crio", &part("crio.conf")?)
                .replace("$k8s", &part("kubelet.conf")?)
                .replace("$mcp", &role);
            let value = manifest(&path, &text, at)?;
            manifests.insert(workload_name(&role), Manifest { value, mergeable: false });
        }
        Some(())
    }

    /// What is made without upstream's directory.
    fn of_fields(&self, manifests: &mut Manifests) {
        for (role, cpus) in self.partitioned() {
            let manifest = Manifest { value: builtin::partitioning(&role, &cpus), mergeable: false };
            manifests.insert(workload_name(&role), manifest);
        }
        let disks = self.nodes.iter().find_map(|node| node.get("diskPartition")?.as_array());
        for role in self.roles() {
            if let Some(value) =
                disks.filter(|disks| !disks.is_empty()).map(|disks| builtin::partitions(&role, disks))
            {
                let name = format!("{role}-image-registry-partition-mc.yaml");
                manifests.insert(name, Manifest { value, mergeable: false });
            }
        }
        let message = "the manifests that upstream ships in its image are not in the ConfigMap";
        self.at.warn(
            Code::NotUsed,
            message,
            Some("name their directory to rackhand, or in extraManifests.searchPaths"),
        );
        if let Some(at) = self.at.given("diskEncryption")
            && at.text_at(&["type"]).is_some_and(|kind| kind != "none")
        {
            at.error_help(
                Code::NotUsed,
                "the MachineConfig that encrypts the disk comes from upstream's manifests, which are not at hand",
                "name their directory to rackhand, or in extraManifests.searchPaths",
            );
        }
    }

    /// `extraManifestPath`: the user's own, which must not take the place of another.
    fn of_user(&self, manifests: &mut Manifests) -> Option<()> {
        let Some(at) = self.at.given("extraManifestPath").filter(|at| at.node.text() != Some("")) else {
            return Some(());
        };
        let directory = self.directory(&at)?;
        for (name, path) in files(&directory, &at)? {
            if manifests.contains_key(&name) {
                at.error(Code::Conflict, format!("{name} is also the name of a predefined manifest"));
                return None;
            }
            let value = manifest(&path, &read(&path, &at)?, &at)?;
            manifests.insert(name, Manifest { value, mergeable: false });
        }
        Some(())
    }

    fn filter(&self, manifests: &mut Manifests) -> Option<()> {
        let Some(at) = self.at.given("extraManifests").and_then(|at| at.given("filter")) else {
            return Some(());
        };
        let names = |field: &str| -> Vec<(String, At<'_>)> {
            let items = at.given(field).map(|at| at.items()).unwrap_or_default();
            items.into_iter().map(|at| (at.node.text().unwrap_or_default().to_owned(), at)).collect()
        };
        let (include, exclude) = (names("include"), names("exclude"));
        let default = at.given("inclusionDefault");
        let (listed, forbidden, keeps) = match default.as_ref().and_then(|at| at.node.text()) {
            None => (exclude, include, false),
            Some(word) if word.eq_ignore_ascii_case("include") => (exclude, include, false),
            Some(word) if word.eq_ignore_ascii_case("exclude") => (include, exclude, true),
            Some(word) => {
                at.error(Code::InvalidValue, format!("inclusionDefault is include or exclude, not `{word}`"));
                return None;
            }
        };
        if let Some((_, first)) = forbidden.first() {
            first.error(Code::Conflict, "inclusionDefault says the opposite, so this list must be empty");
            return None;
        }
        for (name, at) in &listed {
            if !manifests.contains_key(name) {
                let known: Vec<&str> = manifests.keys().map(String::as_str).collect();
                at.error(
                    Code::InvalidValue,
                    format!("there is no manifest {name}; there are {}", known.join(", ")),
                );
                return None;
            }
        }
        manifests.retain(|name, _| listed.iter().any(|(listed, _)| listed == name) == keeps);
        Some(())
    }
}

fn text_of(fields: &Map<String, Value>, name: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn workload_name(role: &str) -> String {
    format!("03-{role}-workload-partitioning.yaml")
}

/// The files of a directory by name; what is hidden or a directory is left out.
fn files(directory: &Path, at: &At<'_>) -> Option<Vec<(String, PathBuf)>> {
    let listed = fs::read_dir(directory).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = match listed {
        Ok(entries) => entries,
        Err(error) => {
            at.error(Code::Unreadable, format!("{} cannot be read: {error}", directory.display()));
            return None;
        }
    };
    let named =
        entries.into_iter().map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    let mut files: Vec<(String, PathBuf)> =
        named.filter(|(name, path)| !name.starts_with('.') && !path.is_dir()).collect();
    files.sort();
    Some(files)
}

fn read(path: &Path, at: &At<'_>) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            at.error(Code::Unreadable, format!("{} cannot be read: {error}", path.display()));
            None
        }
    }
}

/// The first document of a text, marked as generated. Upstream reads no further, so a second one is refused rather than lost.
fn manifest(path: &Path, text: &str, at: &At<'_>) -> Option<Value> {
    let (documents, faults) = Located::documents(path, text);
    let sound = faults.is_empty();
    faults.into_iter().for_each(|fault| at.findings.push(fault));
    let filled: Vec<&Located> = documents.iter().filter(|document| !document.is_null()).collect();
    let first = match filled.as_slice() {
        [one] if sound => one,
        _ if !sound => return None,
        several => {
            let message = format!(
                "one document is expected in an extra manifest, not {}: the generator takes the first alone",
                several.len()
            );
            at.findings.about_file(path, message, Some("put each manifest into a file of its own"));
            return None;
        }
    };
    let mut value = go_json(first);
    if mark(&mut value).is_none() {
        at.findings.about_file(path, "a Kubernetes object is expected in an extra manifest", None);
        return None;
    }
    Some(value)
}

/// Notes on an object that it is generated; `None` where it is no object.
pub(super) fn mark(value: &mut Value) -> Option<()> {
    annotate(value, GENERATED.0, GENERATED.1)
}

/// Sets an annotation; `None` where there is no object to set it on.
pub(crate) fn annotate(value: &mut Value, name: &str, text: &str) -> Option<()> {
    let mut here = value.as_object_mut()?;
    for field in ["metadata", "annotations"] {
        let next = here.entry(field).or_insert_with(|| json!({}));
        if next.is_null() {
            *next = json!({});
        }
        here = next.as_object_mut()?;
    }
    here.insert(name.to_owned(), text.into());
    Some(())
}

pub(super) fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}
