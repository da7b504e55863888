//! Arguments of the commands that read the journal, or decide something.

use std::path::PathBuf;

use clap::ValueEnum;

use super::{Format, Plain};

/// Arguments of `get`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the journal, beside a running apply too; contacts no BMC.

Examples:
  rackhand get nodes
  rackhand get jobs -o json")]
pub struct GetArgs {
    /// What to list.
    #[arg(value_enum)]
    pub what: What,
    /// How it is printed: table, wide, json, yaml, name.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Format,
}

/// What `get` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Every node that the journal knows.
    #[value(alias = "node")]
    Nodes,
    /// The newest job of every node.
    #[value(alias = "job")]
    Jobs,
}

/// Arguments of `describe`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rackhand describe node cluster1/node1")]
pub struct DescribeArgs {
    /// What to describe.
    #[arg(value_enum, hide_possible_values = true)]
    pub what: Describable,
    /// The node, `cluster/host`, or the host alone where that is enough.
    pub node: String,
    /// How it is printed: table, json, yaml.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Plain,
}

/// What `describe` describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Describable {
    /// A node.
    Node,
}

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rackhand logs cluster1/node1
  rackhand logs cluster1/node1 -f -o json   # follow; one line of JSON per record")]
pub struct LogsArgs {
    /// The node, `cluster/host`, or the host alone where that is enough.
    pub node: String,
    /// Go on as records come, until Ctrl-C.
    #[arg(short, long)]
    pub follow: bool,
    /// How they are printed: table, or json with one record a line.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: LogFormat,
}

/// How records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Table,
    /// One record of JSON a line: the public stream format.
    Json,
}

/// Arguments of `cancel`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Before the host was switched on to install, whatever the job prepared is taken back; after that
the host is left as it is. Goes to the running apply, or waits for the next one.

Example:
  rackhand cancel cluster1/node1")]
pub struct CancelArgs {
    /// The node, `cluster/host`, or the host alone where that is enough.
    pub node: String,
}

/// Arguments of `retry`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The running apply, if its site has the node, or else the next one installs the node from the
start, whatever runs on it.

Example:
  rackhand retry cluster1/node1")]
pub struct RetryArgs {
    /// The node, `cluster/host`, or the host alone where that is enough.
    pub node: String,
}

/// Arguments of `adopt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is sent to its BMC. With -f the spec's present request counts as carried out, so that a
later change of it asks for an installation.

Example:
  rackhand adopt cluster1/node1 -f site.yaml")]
pub struct AdoptArgs {
    /// The node, `cluster/host`.
    pub node: String,
    /// The site that the node is in.
    #[arg(short, long, value_name = "PATH")]
    pub file: Option<PathBuf>,
}

/// Arguments of `retry-login`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
BMCs lock accounts and block addresses over refused logins, so after two of them rackhand tries no
further one for half an hour, and a user name that three BMCs refused is tried on none. This is the
word that the credentials are corrected: one more login is permitted to each BMC. A service that
runs is told: it reads everything again, then begins the nodes that were refused.

Examples:
  rackhand retry-login 192.0.2.7 192.0.2.8
  rackhand retry-login --user root   # every BMC that refused this user")]
pub struct RetryLoginArgs {
    /// The BMCs, as messages name them or as site files have them.
    #[arg(value_name = "ADDRESS", required_unless_present = "user")]
    pub addresses: Vec<String>,
    /// A user name that was refused.
    #[arg(short, long, value_name = "NAME")]
    pub user: Option<String>,
}
