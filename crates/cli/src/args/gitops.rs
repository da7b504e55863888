//! Arguments of the commands that work on a repository and contact neither hub nor BMC.

use std::path::PathBuf;

use super::Plain;

/// Arguments of `render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Upstream's generator and default templates are followed in what they do. What is passed over is said
on stderr. With --with-agent the hosts' BMCs are handed over: each BareMetalHost is paused and
detached, and gets a HostProvision.

Examples:
  rackhand render -f site.yaml
  rackhand render -f site.yaml --with-agent rack7 | kubectl diff -f -")]
pub struct RenderArgs {
    /// File or directory with SiteConfig or ClusterInstance documents.
    #[arg(short, long, value_name = "PATH")]
    pub file: PathBuf,
    /// Hand the hosts' BMCs to this agent.
    #[arg(long, value_name = "NAME")]
    pub with_agent: Option<String>,
    /// Directory with the extra manifests that upstream's generator has in its image.
    #[arg(long, value_name = "DIR")]
    pub predefined_manifests: Option<PathBuf>,
}

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every field that a ClusterInstance has no home for is named on stderr.

Example:
  rackhand convert -f siteconfig.yaml > clusterinstance.yaml")]
pub struct ConvertArgs {
    /// File or directory with SiteConfig documents.
    #[arg(short, long, value_name = "PATH")]
    pub file: PathBuf,
}

/// Arguments of `lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Specs, policies and what binds them, Secrets, profiles, and conflicts of addresses across all sites. A
line `# rackhand-lint: allow RULE` allows a finding on the line after it. Exits 1 when there are
errors.

Examples:
  rackhand lint ztp-repository/
  rackhand lint ztp-repository/ --live        # names, load balancers, ISOs and BMCs too
  rackhand lint --rules                       # every rule, and what to do about it")]
pub struct LintArgs {
    /// Files or directories; several are one repository.
    #[arg(value_name = "PATH", required_unless_present = "rules")]
    pub paths: Vec<PathBuf>,
    /// Ask the network as well: resolve the names of API and ingress, reach load balancers, ISOs and BMCs.
    #[arg(long)]
    pub live: bool,
    /// Do not show findings of this rule; can be given more than once.
    #[arg(long, value_name = "RULE")]
    pub allow: Vec<String>,
    /// Directory of firmware profiles, beside the built-in ones and those of the repository.
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
    /// List every rule instead.
    #[arg(long)]
    pub rules: bool,
    /// How it is printed: table, json, yaml.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Plain,
}
