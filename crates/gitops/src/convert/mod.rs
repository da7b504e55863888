//! A SiteConfig becomes ClusterInstances, one for each cluster.
//!
//! Most fields have a home there, and some are merely written differently. What has none is named, each field with its file and line:
//! nothing is lost in silence. BIOS settings, which rackhand needs and a ClusterInstance cannot carry, become
//! HostFirmwareSettings beside it; rackhand's annotations go along as `extraAnnotations`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use rackhand_spec::{Code, Diagnostic, Kustomize, Severity};

use crate::render::read::{At, Beside, Findings, each_object, texts};
use crate::render::yaml;

mod cluster;
mod fields;
mod node;

use fields::{Fields, Homeless};

/// How things are converted.
#[derive(Debug, Clone)]
pub struct ConvertOptions {
    /// The namespace on the hub in which the default templates stand.
    pub template_namespace: String,
    /// Files that a SiteConfig names are read only below this directory; `None`: wherever they are.
    pub root: Option<PathBuf>,
    /// What to do where kustomize is needed to know the documents.
    pub kustomize: Kustomize,
}

impl Default for ConvertOptions {
    fn default() -> Self {
        Self {
            template_namespace: "open-cluster-management".to_owned(),
            root: None,
            kustomize: Kustomize::default(),
        }
    }
}

/// What a SiteConfig became.
#[derive(Debug, Clone, Default)]
pub struct Converted {
    /// Each ClusterInstance, and behind it the HostFirmwareSettings of its nodes. Of a SiteConfig with an error there are none.
    pub resources: Vec<Value>,
    /// All findings, by file and line: each field without a home is one.
    pub findings: Vec<Diagnostic>,
}

impl Converted {
    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(Diagnostic::is_error)
    }

    /// The objects as YAML documents, to be put into the repository.
    pub fn to_yaml(&self) -> String {
        yaml::documents(&self.resources, yaml::Keys::AsGiven)
    }
}

/// Converts the SiteConfigs in a file, or in a directory with everything below it.
pub fn convert(path: &Path, options: &ConvertOptions) -> Converted {
    let findings = Findings::default();
    let files = texts(path, &options.kustomize, &findings);
    let mut converted = Converted::default();
    let count = each_object(&files, &findings, |root| one(root, options, &mut converted.resources));
    if count == 0 && findings.errors() == 0 {
        findings.about_file(path, "there is no SiteConfig here", None);
    }
    converted.findings = findings.into_sorted();
    converted
}

/// Converts texts, each with the name of its file: files that a SiteConfig names are found from there.
pub fn convert_texts(files: &[(PathBuf, String)], options: &ConvertOptions) -> Converted {
    let findings = Findings::default();
    let mut converted = Converted::default();
    each_object(files, &findings, |root| one(root, options, &mut converted.resources));
    converted.findings = findings.into_sorted();
    converted
}

/// Whether it is a SiteConfig.
fn one(root: &At<'_>, options: &ConvertOptions, made: &mut Vec<Value>) -> bool {
    let group = root.text_at(&["apiVersion"]).unwrap_or_default();
    let kind = root.text_at(&["kind"]).unwrap_or_default();
    if kind != "SiteConfig" || !group.starts_with("ran.openshift.io/") {
        let what = if kind.is_empty() { "something that is no Kubernetes object" } else { &kind };
        root.say(Severity::Note, Code::Skipped, format!("{what} stays as it is"), None);
        return false;
    }
    let before = root.findings.errors();
    let objects = site(root, options);
    if root.findings.errors() == before {
        made.extend(objects);
    }
    true
}

const SITE: &[Homeless] =
    &[("sshPrivateKeySecretRef", "nothing reads it: leave it out"), ("crTemplates", TEMPLATES)];

const TEMPLATES: &str = "put your own templates into a ConfigMap on the hub, and name it in templateRefs";

/// What a site says for its clusters.
struct Site<'s, 'a> {
    fields: &'s Fields<'a>,
    options: &'s ConvertOptions,
    beside: Beside,
    image: Option<At<'a>>,
    annotations: Option<At<'a>>,
    bios: Option<At<'a>>,
}

fn site(root: &At<'_>, options: &ConvertOptions) -> Vec<Value> {
    let version = root.text_at(&["apiVersion"]).unwrap_or_default();
    if !matches!(version.as_str(), "ran.openshift.io/v1" | "ran.openshift.io/v2") {
        let at = root.child("apiVersion").unwrap_or_else(|| root.clone());
        at.error(Code::InvalidValue, format!("a SiteConfig of `{version}` is not converted"));
        return Vec::new();
    }
    let Some(object) = Fields::of(root, &[("status", "a controller writes it")]) else { return Vec::new() };
    let _ = (object.get("apiVersion"), object.get("kind"));
    if let Some(at) = object.get("metadata") {
        let message =
            "not kept: a ClusterInstance is named after its cluster, and stands in a namespace of that name";
        at.say(Severity::Note, Code::NotUsed, message, None);
    }
    let Some(fields) = object.required("spec").and_then(|at| Fields::of(&at, SITE)) else {
        return Vec::new();
    };
    let site = Site {
        fields: &fields,
        options,
        beside: Beside { root: options.root.clone() },
        image: fields.get("clusterImageSetNameRef"),
        annotations: added(&fields),
        bios: fields.get("biosConfigRef"),
    };
    let clusters = fields.required("clusters").and_then(|at| fields::list(&at)).unwrap_or_default();
    let made = clusters.iter().flat_map(|at| cluster::convert(at, &site)).collect();
    site.shadowed(&clusters);
    made
}

impl Site<'_, '_> {
    /// What the site says and each of its clusters says otherwise.
    fn shadowed(&self, clusters: &[At<'_>]) {
        let all = |says: &dyn Fn(&At<'_>) -> bool| !clusters.is_empty() && clusters.iter().all(says);
        let message = "it counts for no cluster: each has its own";
        if let Some(at) =
            self.image.as_ref().filter(|_| all(&|at| at.given("clusterImageSetNameRef").is_some()))
        {
            at.warn(Code::Shadowed, message, None);
        }
        for (entry, at) in self.annotations.iter().flat_map(At::entries) {
            let own = |cluster: &At<'_>| {
                let add = cluster.given("crAnnotations").and_then(|at| at.given("add"));
                add.is_some_and(|add| add.given(&entry.key).is_some())
            };
            if all(&own) {
                at.warn(Code::Shadowed, message, None);
            }
        }
        let nearer = |cluster: &At<'_>| {
            cluster.given("biosConfigRef").is_some()
                || cluster
                    .given("nodes")
                    .is_some_and(|at| at.items().iter().all(|node| node.given("biosConfigRef").is_some()))
        };
        if let Some(at) = self.bios.as_ref().filter(|_| all(&nearer)) {
            at.warn(Code::Shadowed, "it counts for no node: each has a nearer one", None);
        }
    }
}

/// `crAnnotations.add`.
fn added<'a>(fields: &Fields<'a>) -> Option<At<'a>> {
    Fields::of(&fields.get("crAnnotations")?, &[])?.get("add").filter(|at| {
        if !at.is_map() {
            at.wrong_type("a mapping");
        }
        at.is_map()
    })
}
