//! Arguments of `profile`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{AccessArgs, Format, Plain};

/// Arguments of `profile`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A profile is named by its file, by a directory, or as one that ships with rackhand: ran-low-latency,
or dell/ran-low-latency. Whatever contacts a BMC only reads.

Examples:
  rackhand profile verify profiles/                       # the files alone
  rackhand profile verify dell/storage --registry registry.json
  rackhand profile diff ran-low-latency --bmc 192.0.2.7 --user root --password-file pw
  rackhand profile capture --bmc 192.0.2.7 --user root --password-file pw --changed >golden.yaml")]
pub struct ProfileArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ProfileCommand,
}

/// What `profile` does.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// List the profiles there are, and for which machines.
    List {
        /// Directory of firmware profiles; they win over the built-in ones.
        #[arg(long, value_name = "DIR")]
        profiles: Option<PathBuf>,
        /// How they are printed: table, wide, json, yaml, name.
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
        output: Format,
    },
    /// Check profiles: their form, and their attributes against a registry or a machine.
    Verify(VerifyArgs),
    /// Show where a machine, or another profile, differs from a profile. Only reads.
    Diff(DiffArgs),
    /// Write a profile of a machine that is as it should be. Only reads.
    Capture(CaptureArgs),
}

/// Arguments of `profile verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Complaints go to stderr as FILE:LINE:COLUMN: error: ATTRIBUTE: what. Exits 1 when there are any. Of
several profiles those that are for other machines than the registry's are left out, and named.")]
pub struct VerifyArgs {
    /// Files, directories, or names of profiles that ship with rackhand.
    #[arg(required = true, value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Check against this attribute registry, a Redfish AttributeRegistry in JSON.
    #[arg(long, value_name = "FILE", conflicts_with = "bmc")]
    pub registry: Option<PathBuf>,
    /// Check against this machine: its registry, and what its present settings lock.
    #[arg(long, value_name = "ADDRESS")]
    pub bmc: Option<String>,
    /// How the BMC is reached.
    #[command(flatten)]
    pub access: AccessArgs,
    /// How the verdicts are printed: table, json, yaml.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Plain,
}

/// Arguments of `profile diff`.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// A file, a directory, or the name of a profile that ships with rackhand; of several the one that fits the machine.
    pub profile: String,
    /// Another profile to compare with.
    #[arg(value_name = "OTHER_PROFILE", required_unless_present = "bmc", conflicts_with = "bmc")]
    pub other: Option<String>,
    /// The machine to compare with.
    #[arg(long, value_name = "ADDRESS")]
    pub bmc: Option<String>,
    /// How the BMC is reached.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Exit with 6 when anything differs.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// How the differences are printed: table, json, yaml.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Plain,
}

/// Arguments of `profile capture`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The profile goes to stdout, and what is not in it to stderr: passwords, texts about this one machine,
requests that are carried out once, and what is read-only.")]
pub struct CaptureArgs {
    /// The machine.
    #[arg(long, value_name = "ADDRESS")]
    pub bmc: String,
    /// How the BMC is reached.
    #[command(flatten)]
    pub access: AccessArgs,
    /// The profile's name.
    #[arg(long, value_name = "NAME", default_value = "captured")]
    pub name: String,
    /// Only attributes that are not at their factory value.
    #[arg(long)]
    pub changed: bool,
}
