//! The custom resources that a SiteConfig or ClusterInstance stands for.
//!
//! A hub renders them by itself: Argo CD with upstream's generator for a SiteConfig, the siteconfig operator with its default
//! templates for a ClusterInstance. [`render`] makes the same objects without a hub, so that a repository can be looked at, compared and
//! changed before it gets there; with [`AgentRef`] it also makes what hands the BMC side over to rackhand.
//!
//! Upstream is followed in what it does, not in what its documentation says: a field it passes over is passed over, with a finding.

use std::path::{Path, PathBuf};

use serde_json::Value;

use rackhand_spec::{Code, Diagnostic, Kustomize, Severity};

mod agent;
mod gojson;
mod hostprovision;
mod instance;
pub(crate) mod read;
pub(crate) mod siteconfig;
mod template;
pub(crate) mod yaml;

use read::{At, Findings, each_object};

/// The agent that gets the BMC side of the hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRef {
    /// Its name on the hub.
    pub name: String,
}

/// How things are rendered.
#[derive(Debug, Clone, Default)]
pub struct RenderOptions {
    /// Hands each host's BMC to this agent: its BareMetalHost is paused and detached, and gets a HostProvision.
    pub with_agent: Option<AgentRef>,
    /// The directory with the extra manifests that upstream's generator has in its image. They go into the ConfigMap of each
    /// SiteConfig's cluster that has no `extraManifests.searchPaths`.
    pub predefined_manifests: Option<PathBuf>,
    /// Files that a document names are read only below this directory; `None`: wherever they are.
    pub root: Option<PathBuf>,
    /// What to do where kustomize is needed to know the documents.
    pub kustomize: Kustomize,
}

/// What was rendered.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// The objects, in upstream's order. Of a document with an error there are none.
    pub resources: Vec<Value>,
    /// All findings, by file and line.
    pub findings: Vec<Diagnostic>,
}

impl Rendered {
    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(Diagnostic::is_error)
    }

    /// The objects as YAML documents, in the form in which upstream's generator writes them.
    pub fn to_yaml(&self) -> String {
        yaml::documents(&self.resources, yaml::Keys::Sorted)
    }
}

/// Renders the SiteConfigs and ClusterInstances in a file, or in a directory with everything below it.
pub fn render(path: &Path, options: &RenderOptions) -> Rendered {
    let findings = Findings::default();
    let files = read::texts(path, &options.kustomize, &findings);
    let mut rendered = Rendered::default();
    let count = each_object(&files, &findings, |root| one(root, options, &mut rendered.resources));
    if count == 0 && findings.errors() == 0 {
        findings.about_file(path, "there is no SiteConfig and no ClusterInstance here", None);
    }
    rendered.findings = findings.into_sorted();
    rendered
}

/// Renders texts, each with the name of its file: files that a document names are found from there.
pub fn render_texts(files: &[(PathBuf, String)], options: &RenderOptions) -> Rendered {
    let findings = Findings::default();
    let mut rendered = Rendered::default();
    each_object(files, &findings, |root| one(root, options, &mut rendered.resources));
    rendered.findings = findings.into_sorted();
    rendered
}

/// Whether it is a document that can be rendered.
fn one(root: &At<'_>, options: &RenderOptions, made: &mut Vec<Value>) -> bool {
    let api_version = root.text_at(&["apiVersion"]).unwrap_or_default();
    let kind = root.text_at(&["kind"]).unwrap_or_default();
    let group = api_version.split('/').next().unwrap_or_default();
    let before = root.findings.errors();
    let mut objects = match (group, kind.as_str()) {
        ("ran.openshift.io", "SiteConfig") => siteconfig::render(root, options),
        ("siteconfig.open-cluster-management.io", "ClusterInstance") => instance::render(root),
        _ => {
            let what = if kind.is_empty() { "something that is no Kubernetes object" } else { &kind };
            root.say(
                Severity::Note,
                Code::Skipped,
                format!("{what} is not rendered, but deployed as it is"),
                None,
            );
            return false;
        }
    };
    if let Some(agent) = &options.with_agent {
        agent::hand_over(root, agent, &mut objects);
    }
    if root.findings.errors() == before {
        made.append(&mut objects);
    }
    true
}
