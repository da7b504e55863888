//! The command line as parsed: what was typed, and nothing of what follows from it.

mod access;
mod bmc;
mod gitops;
mod netboot;
mod profile;
mod record;
mod serve;
mod site;

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

pub use access::AccessArgs;
pub use bmc::{
    BiosCommand, BmcArgs, BmcCommand, BootCommand, ConfigurationCommand, ConfigurationWriting, DriveTarget,
    FirmwareCommand, JobsCommand, LogsCommand, MediaCommand, Mode, OnOff, PowerCommand, Shutdown,
    StorageCommand,
};
pub use gitops::{ConvertArgs, LintArgs, RenderArgs};
pub use netboot::{DhcpServer, HintsArgs, NetbootCommand, NetbootCommandArgs};
pub use profile::{CaptureArgs, DiffArgs, ProfileArgs, ProfileCommand, VerifyArgs};
pub use record::{
    AdoptArgs, CancelArgs, Describable, DescribeArgs, GetArgs, LogFormat, LogsArgs, RetryArgs,
    RetryLoginArgs, What,
};
pub use serve::{CrdArgs, HubArgs, ReloadArgs, ServeArgs, StatusArgs};
pub use site::{
    ApplyArgs, ConsentArgs, DemoArgs, FaultName, NetbootArgs, PlanArgs, RolloutArgs, ServingArgs, SiteArgs,
    TrustArgs, ValidateArgs,
};

/// Turns SiteConfig, ClusterInstance and BareMetalHost files into booted, configured, reported servers.
#[derive(Debug, Parser)]
#[command(
    name = "rackhand",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "\
Exit codes:
  0 done · 1 failed · 2 wrong arguments · 3 some nodes failed or need a decision · 4 timed out
  5 credentials or certificate refused · 6 changes to be made (--detailed-exitcode of plan and profile diff)

These flags can also stand in the environment (--iso-sha256: RACKHAND_ISO_SHA256) and in the
configuration file (isoSha256); a flag wins over the environment, the environment over the file:
  state-dir, profiles, secrets, iso, iso-sha256, ca, bmc-insecure, trust-on-first-use,
  media-listen, media-url, netboot-url, tftp-listen, netboot-loaders, proxy-dhcp, webhook,
  webhook-token-file, events, concurrency, failure-budget, pace, listen, git, git-ref, git-path, hub, agent, pool, hub-namespace, image-dir, hub-writes
In the file alone, mediaUrls maps networks of BMCs, and of hosts that boot from the network, to base
URLs (10.1.0.0/16: http://10.1.0.1:80), and bmcNetworks lists what --bmc-network gives.

Begin with: rackhand demo")]
pub struct Args {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// Where the journal is kept [default: /var/lib/rackhand for root, else the XDG state directory].
    #[arg(long, global = true, value_name = "DIR", help_heading = "General")]
    pub state_dir: Option<PathBuf>,
    /// Configuration file [default: /etc/rackhand/config.yaml, if it is there].
    #[arg(long, global = true, value_name = "FILE", help_heading = "General")]
    pub config: Option<PathBuf>,
    /// Log more to stderr; -v what is done, -vv every request.
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "General")]
    pub verbose: u8,
    /// Log by target and level instead, as in warn,rackhand_agent=debug.
    #[arg(long, global = true, value_name = "FILTER", help_heading = "General")]
    pub log: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Provision three simulated servers from an example site, with nothing else needed.
    Demo(DemoArgs),
    /// Check site files; print what is wanted of each node.
    Validate(ValidateArgs),
    /// Show what apply would do to each node. Only reads.
    Plan(PlanArgs),
    /// Bring every node of a site to where its spec says.
    Apply(Box<ApplyArgs>),
    /// Run as a daemon: watch files, Git or a hub, bring nodes where they should be, report.
    Serve(Box<ServeArgs>),
    /// Show how the daemon stands.
    Status(StatusArgs),
    /// Have the daemon read everything again.
    Reload(ReloadArgs),
    /// Print the definition of HostProvision for a hub.
    Crd(CrdArgs),
    /// Print what a hub makes of site files.
    Render(RenderArgs),
    /// Turn SiteConfigs into ClusterInstances.
    Convert(ConvertArgs),
    /// Check a whole GitOps repository before it reaches production.
    Lint(LintArgs),
    /// List nodes or jobs from the journal.
    Get(GetArgs),
    /// Show everything known of a node.
    Describe(DescribeArgs),
    /// Show the journal's records of a node.
    Logs(LogsArgs),
    /// Stop a node's job in a safe state.
    Cancel(CancelArgs),
    /// Permit installing a node again.
    Retry(RetryArgs),
    /// Permit a login again to BMCs that refused credentials.
    RetryLogin(RetryLoginArgs),
    /// Record a node as installed, without touching it.
    Adopt(AdoptArgs),
    /// Say what network boot needs of a site.
    Netboot(NetbootCommandArgs),
    /// Look at or change one BMC directly.
    Bmc(Box<BmcArgs>),
    /// List, check, compare or capture firmware profiles.
    Profile(Box<ProfileArgs>),
}

/// How output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For people with wide screens.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Names alone, one a line.
    Name,
}

/// How output without rows is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Plain {
    /// For people.
    #[default]
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl From<Plain> for Format {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::Table => Self::Table,
            Plain::Json => Self::Json,
            Plain::Yaml => Self::Yaml,
        }
    }
}
