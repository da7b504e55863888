//! From texts to nodes: which documents are read, and by whom.

use std::path::PathBuf;

use crate::checks::cross_checks;
use crate::common::{Candidate, object};
use crate::cursor::{At, Cx, Place, Sink, nearest};
use crate::diagnostic::{Code, Severity};
use crate::firmware::{Files, HostFirmwares, attach, host_firmware_components, host_firmware_settings};
use crate::load::{Loaded, Skipped, Source, UNREAD_KIND};
use crate::provision::{Provision, govern, host_provision};
use crate::secrets::SecretDocument;
use crate::tree::{Mark, Node, Value, parse};
use crate::{metal3, site};

/// The kinds that are read, with their groups.
const KINDS: [(&str, &str); 7] = [
    ("ran.openshift.io", "SiteConfig"),
    ("siteconfig.open-cluster-management.io", "ClusterInstance"),
    ("metal3.io", "BareMetalHost"),
    ("metal3.io", "HostFirmwareSettings"),
    ("metal3.io", "HostFirmwareComponents"),
    ("rackhand.dev", "HostProvision"),
    ("", "Secret"),
];

/// What has been found so far.
#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    firmware: HostFirmwares,
    provisions: Vec<Provision>,
    secrets: Vec<SecretDocument>,
    skipped: Vec<Skipped>,
}

/// Reads every document of the texts. Never fails as a whole: what is wrong is among the findings.
pub fn read(source: &Source) -> Loaded {
    let sink = Sink::default();
    let mut found = Found::default();
    let files = Files { texts: &source.files, root: source.root.as_deref() };
    for (file, text) in &source.files {
        // A BIOS file is read where a site file names it.
        if file.extension().is_some_and(|extension| extension == "profile") {
            continue;
        }
        let cx = Cx { file, sink: &sink };
        let (documents, faults) = parse(text);
        for fault in faults {
            let place = Place { file: file.clone(), mark: fault.mark, path: fault.path };
            let mut diagnostic = place.say(Severity::Error, Code::Unreadable, fault.message);
            diagnostic.help = fault.help.map(ToOwned::to_owned);
            sink.push(diagnostic);
        }
        let secrets_only = source.secrets_only.contains(file);
        for document in &documents {
            found.document(&At::root(cx, document), files, secrets_only);
        }
    }
    let Found { mut candidates, firmware, provisions, secrets, skipped } = found;
    attach(firmware, &mut candidates, &sink);
    govern(provisions, &mut candidates, &sink);
    cross_checks(&mut candidates, &sink);
    let nodes = candidates.into_iter().filter(|one| !one.refused).map(|one| one.spec).collect();
    let mut diagnostics = sink.into_inner();
    diagnostics.sort_by(|a, b| {
        (&a.file, a.line, a.column, a.severity).cmp(&(&b.file, b.line, b.column, b.severity))
    });
    Loaded {
        nodes,
        secrets,
        skipped,
        diagnostics,
        files: source.files.iter().map(|(file, _)| file.clone()).collect(),
    }
}

impl Found {
    fn document(&mut self, root: &At<'_>, files: Files<'_>, secrets_only: bool) {
        let word = |name| root.child(name).and_then(|at| at.scalar().map(|scalar| scalar.text.clone()));
        if root.is_null() {
            return;
        }
        let (Some(api_version), Some(kind)) = (word("apiVersion"), word("kind")) else {
            self.skip(root, "", "it has no apiVersion and kind, so it is no Kubernetes object");
            root.warning(Code::Skipped, "no Kubernetes object: apiVersion or kind is missing; left out");
            return;
        };
        if kind.ends_with("List") && root.child("items").is_some() {
            for item in root.child("items").map(|at| at.items()).unwrap_or_default() {
                self.document(&item, files, secrets_only);
            }
            return;
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        if !KINDS.contains(&(group, kind.as_str())) {
            misspelt(root, group, &kind);
            self.skip(root, &kind, UNREAD_KIND);
            return;
        }
        let read = match kind.as_str() {
            "SiteConfig" => matches!(version, "v1" | "v2"),
            "Secret" => version == "v1",
            _ => version == "v1alpha1",
        };
        if !read {
            let at = root.child("apiVersion").unwrap_or_else(|| root.clone());
            at.error(Code::InvalidValue, format!("rackhand does not read {kind} of `{api_version}`"));
            return;
        }
        if secrets_only && kind != "Secret" {
            root.warning(
                Code::Skipped,
                format!("kustomization.yaml does not list this file, so the {kind} in it is left out"),
            );
            self.skip(root, &kind, "kustomization.yaml does not list its file");
            return;
        }
        if kind != "Secret" && is_template(root.node) {
            self.skip(root, &kind, "a template, which the hub fills in");
            return;
        }
        self.object(root, &kind, files);
    }

    fn object(&mut self, root: &At<'_>, kind: &str, files: Files<'_>) {
        match kind {
            "SiteConfig" => site::site_config(root, files, &mut self.candidates),
            "ClusterInstance" => site::cluster_instance(root, &mut self.candidates),
            "BareMetalHost" => metal3::bare_metal_host(root, &mut self.candidates),
            "HostProvision" => host_provision(root, &mut self.provisions),
            "Secret" => self.secrets.extend(SecretDocument::read(root)),
            _ => {
                let Some(fields) = object(root) else { return };
                let Some(key) = metal3::key(&fields) else { return };
                let entry = self.firmware.entry(key).or_default();
                if kind == "HostFirmwareSettings" {
                    host_firmware_settings(&fields, entry);
                } else {
                    host_firmware_components(&fields, entry);
                }
            }
        }
    }

    fn skip(&mut self, root: &At<'_>, kind: &str, reason: &str) {
        let name = root.child("metadata").and_then(|at| at.child("name"));
        self.skipped.push(Skipped {
            file: root.cx.file.to_owned(),
            line: root.node.mark.line,
            kind: kind.to_owned(),
            name: name.and_then(|at| at.scalar().map(|scalar| scalar.text.clone())),
            reason: reason.to_owned(),
        });
    }
}

/// A kind or group that is nearly one of ours was meant to be read.
fn misspelt(root: &At<'_>, group: &str, kind: &str) {
    let kinds = || KINDS.iter().filter(|(_, kind)| *kind != "Secret");
    if let Some((right, _)) = kinds().find(|(_, known)| *known == kind) {
        let at = root.child("apiVersion").unwrap_or_else(|| root.clone());
        at.error_help(
            Code::InvalidValue,
            format!("a {kind} of group `{group}` is not read"),
            format!("the group of {kind} is {right}"),
        );
        return;
    }
    let of_group = kinds().filter(|(known, _)| *known == group).map(|(_, kind)| *kind);
    if let Some(near) = nearest(kind, of_group) {
        let at = root.child("kind").unwrap_or_else(|| root.clone());
        at.error_help(
            Code::InvalidValue,
            format!("there is no kind `{kind}` in {group}"),
            format!("did you mean `{near}`?"),
        );
    }
}

/// Whether a scalar anywhere in it holds a Go template.
fn is_template(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.starts_with("{{") && scalar.text.ends_with("}}"),
        Value::Sequence(items) => items.iter().any(is_template),
        Value::Mapping(pairs) => pairs.iter().any(|(_, node)| is_template(node)),
    }
}

/// A finding about a file as a whole.
pub(crate) fn about_file(file: PathBuf, code: Code, message: String) -> crate::Diagnostic {
    Place { file, mark: Mark::START, path: String::new() }.say(Severity::Error, code, message)
}
