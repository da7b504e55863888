//! Arguments of the daemon and of those who speak to it.

use std::{net::SocketAddr, path::PathBuf};

use rackhand_spec::IpNet;

use super::{ConsentArgs, NetbootArgs, Plain, RolloutArgs, ServingArgs, TrustArgs};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nodes come from files (-f), from Git (--git), or from the objects of a hub (--hub alone). With -f or
--git a hub is told and not asked. SIGHUP or `rackhand reload` reads everything again; SIGTERM and
Ctrl-C stop: acts under way are finished, sessions given back, and the next start goes on.

Examples:
  rackhand serve -f clusters/ --iso installer.iso --ca bmc-ca.pem
  rackhand serve --git https://git.example/ztp.git --git-path siteconfigs --iso installer.iso
  rackhand serve --hub /etc/rackhand/hub.kubeconfig --agent rack7 --bmc-network 10.7.0.0/16")]
pub struct ServeArgs {
    /// File or directory with SiteConfig, ClusterInstance, BareMetalHost or HostProvision documents.
    #[arg(short, long, value_name = "PATH", conflicts_with = "git")]
    pub file: Option<PathBuf>,
    /// Address of a Git repository with them; it is fetched by the machine's own git, with its credentials.
    #[arg(long, value_name = "URL")]
    pub git: Option<String>,
    /// The branch, tag or commit that counts [default: HEAD].
    #[arg(long, value_name = "REF", requires = "git")]
    pub git_ref: Option<String>,
    /// The directory within the repository [default: all of it].
    #[arg(long, value_name = "DIR", requires = "git")]
    pub git_path: Option<PathBuf>,
    /// Seconds between two looks at the repository [default: 60].
    #[arg(long, value_name = "SECONDS", requires = "git")]
    pub git_interval: Option<u64>,
    /// Directory of firmware profiles; they win over the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
    /// Directory of Secrets, beside those found with the site. Not for nodes of a hub.
    #[arg(long, value_name = "DIR")]
    pub secrets: Option<PathBuf>,
    /// The ISO to boot where nothing names one: a path or a URL.
    #[arg(long, value_name = "PATH|URL")]
    pub iso: Option<String>,
    /// Its SHA-256; an image with another digest is refused.
    #[arg(long, value_name = "HEX")]
    pub iso_sha256: Option<String>,
    /// The hub.
    #[command(flatten)]
    pub hub: HubArgs,
    /// Answer /healthz, /readyz and /metrics on this address.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Trust.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Reporting and images.
    #[command(flatten)]
    pub serving: ServingArgs,
    /// Network boot.
    #[command(flatten)]
    pub netboot: NetbootArgs,
    /// How much at once.
    #[command(flatten)]
    pub rollout: RolloutArgs,
}

/// The hub.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Hub")]
pub struct HubArgs {
    /// The hub's kubeconfig, or `in-cluster`.
    #[arg(long, value_name = "FILE")]
    pub hub: Option<PathBuf>,
    /// The name of this agent on the hub [default: the host's name].
    #[arg(long, value_name = "NAME", requires = "hub")]
    pub agent: Option<String>,
    /// Take nodes of this pool too, beside those that name this agent.
    #[arg(long, value_name = "NAME", requires = "hub")]
    pub pool: Option<String>,
    /// The namespace of the agents' Leases [default: rackhand].
    #[arg(long, value_name = "NAME", requires = "hub")]
    pub hub_namespace: Option<String>,
    /// A network that BMCs of the hub's nodes may be in; can be given more than once. Others are never connected to.
    #[arg(long, value_name = "CIDR", requires = "hub")]
    pub bmc_network: Vec<IpNet>,
    /// Directory of images and firmware that objects of the hub may name by a path, from there.
    #[arg(long, value_name = "DIR", requires = "hub")]
    pub image_dir: Option<PathBuf>,
    /// Statuses and Events written to the hub per minute at most [default: 1200].
    #[arg(long, value_name = "N", requires = "hub")]
    pub hub_writes: Option<u32>,
}

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exits 1 when no daemon runs on this state directory, 3 when something is wrong with its source."
)]
pub struct StatusArgs {
    /// How it is printed: table, json, yaml.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Plain,
}

/// Arguments of `reload`.
#[derive(Debug, clap::Args)]
pub struct ReloadArgs {}

/// Arguments of `crd`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rackhand crd | kubectl apply --server-side -f -")]
pub struct CrdArgs {}
