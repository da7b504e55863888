//! A whole GitOps repository, held against itself before it reaches the hub.
//!
//! ```text
//! paths ──Repository::open──> texts ── rackhand-spec ──> nodes, and what is wrong with each file by itself
//!                               │
//!                               └─ documents with places ──> clusters, policies
//!                                                               │ addresses, VLANs, bindings, Secrets, profiles, files
//!                       LintReport <── allowed: flag, comment ──┘ and with `lint_live` what the network says
//! ```
//!
//! - What rackhand-spec finds by itself is found once, by it, and shown under the same names. Fields that are the hub's
//!   business are none of a repository's faults and are not reported.
//! - A finding is an error where the site cannot come up so, a warning where it is probably not meant, and a note where
//!   nothing is to be mended. Each has a [`Rule`], which says what to do.
//! - What a repository cannot show (labels that the hub sets, Secrets kept elsewhere, the generators' own manifests) is
//!   never taken for wrong.

mod addresses;
mod allow;
mod bindings;
mod facts;
mod fields;
mod finding;
mod live;
mod nmstate;
mod policies;
mod probe;
mod profiles;
mod repository;
mod rule;
mod secrets;
mod selector;
mod sources;
mod vlans;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use rackhand_profiles::Profiles;
use rackhand_spec::{Code, Severity};
use serde::Serialize;

pub use finding::Finding;
pub use live::lint_live;
pub use probe::{Head, NetworkProbe, Probe};
pub use repository::Repository;
pub use rule::{Rule, UnknownRule};

use allow::Allowed;
use facts::Facts;
use policies::Policies;

/// How a repository is held against its rules.
#[derive(Debug, Clone, Default)]
pub struct LintOptions {
    /// The firmware profiles that there are beside those of the repository.
    pub profiles: Profiles,
    /// Rules whose findings are counted and not shown.
    pub allow: BTreeSet<Rule>,
}

/// What is to be said about a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LintReport {
    /// What was looked at.
    pub summary: Summary,
    /// By file, line and column.
    pub findings: Vec<Finding>,
}

/// What was looked at, and how much was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Files read.
    pub files: usize,
    /// Clusters of SiteConfigs and ClusterInstances.
    pub clusters: usize,
    /// Nodes of those, and BareMetalHosts.
    pub nodes: usize,
    /// PolicyGenTemplates, PolicyGenerators and Policies.
    pub policies: usize,
    /// Errors found.
    pub errors: usize,
    /// Warnings found.
    pub warnings: usize,
    /// Notes made.
    pub notes: usize,
    /// Findings that are allowed, and not shown.
    pub allowed: usize,
}

impl LintReport {
    /// Whether the repository is better not deployed.
    pub fn has_errors(&self) -> bool {
        self.summary.errors > 0
    }
}

/// Each finding, then the summary.
impl fmt::Display for LintReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        writeln!(f, "{}", self.summary)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number: usize, one: &str, many: &str| match number {
            1 => format!("1 {one}"),
            _ => format!("{number} {many}"),
        };
        write!(
            f,
            "{}, {}, {}, {}: {}, {}",
            count(self.files, "file", "files"),
            count(self.clusters, "cluster", "clusters"),
            count(self.nodes, "node", "nodes"),
            count(self.policies, "policy", "policies"),
            count(self.errors, "error", "errors"),
            count(self.warnings, "warning", "warnings"),
        )?;
        if self.notes > 0 {
            write!(f, ", {}", count(self.notes, "note", "notes"))?;
        }
        if self.allowed > 0 {
            write!(f, ", {} allowed", self.allowed)?;
        }
        Ok(())
    }
}

/// Everything that the files themselves show.
pub fn lint(repository: &Repository, options: &LintOptions) -> LintReport {
    let facts = Facts::of(repository);
    report(repository, &facts, options, Vec::new())
}

/// The findings of the files and these, as far as they are not allowed.
fn report(
    repository: &Repository,
    facts: &Facts<'_>,
    options: &LintOptions,
    mut findings: Vec<Finding>,
) -> LintReport {
    let policies = Policies::of(repository);
    let of_specs = repository.loaded.diagnostics.iter().filter(|one| one.code != Code::NotUsed);
    findings.extend(of_specs.cloned().map(Finding::from));
    unlisted(repository, &mut findings);
    addresses::check(facts, &mut findings);
    vlans::check(facts, &mut findings);
    bindings::check(repository, facts, &policies, &mut findings);
    fields::check(&policies, &mut findings);
    sources::check(repository, &policies, &mut findings);
    secrets::check(repository, facts, &mut findings);
    profiles::check(repository, &options.profiles, &mut findings);
    let allowed = Allowed::of(repository, &options.allow, &mut findings);
    let before = findings.len();
    findings.retain(|finding| !allowed.covers(finding));
    let dropped = before - findings.len();
    findings.sort_by(|a, b| {
        let order = (&a.file, a.line, a.column, a.severity, a.rule, &a.message);
        order.cmp(&(&b.file, b.line, b.column, b.severity, b.rule, &b.message))
    });
    findings.dedup();
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let summary = Summary {
        files: repository.source.files.len(),
        clusters: facts.clusters.len(),
        nodes: facts.clusters.iter().map(|cluster| cluster.nodes.len()).sum::<usize>() + facts.hosts.len(),
        policies: policies.count,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        notes: count(Severity::Note),
        allowed: dropped,
    };
    LintReport { summary, findings }
}

/// A policy that a kustomization beside it does not list is deployed by nobody. Of specs rackhand-spec says so.
fn unlisted(repository: &Repository, out: &mut Vec<Finding>) {
    let policies = ["PolicyGenTemplate", "PolicyGenerator", "Policy"];
    for object in repository.objects().filter(|one| one.unlisted && policies.contains(&one.kind)) {
        let message =
            format!("kustomization.yaml does not list this file, so the {} in it is left out", object.kind);
        out.push(Finding::warning(&object.place(), Rule::Skipped, message));
    }
}
