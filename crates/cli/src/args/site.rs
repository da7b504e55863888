//! Arguments of the commands that read a site.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::ValueEnum;

use super::Plain;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything runs inside this one process and on loopback addresses; nothing else is contacted.

Examples:
  rackhand demo
  rackhand demo --fault unreachable-iso     # what trouble looks like; exits 3
  rackhand demo --keep                      # keeps the site, the journal, the simulator's log")]
pub struct DemoArgs {
    /// Let one thing go wrong on one of the three nodes.
    #[arg(long, value_name = "NAME")]
    pub fault: Option<FaultName>,
    /// Keep the example site, the journal and the simulator's log, and say where.
    #[arg(long)]
    pub keep: bool,
    /// Write the simulator's log to this file: one line of JSON per request and state change.
    #[arg(long, value_name = "FILE")]
    pub simulator_log: Option<PathBuf>,
}

/// What can go wrong in the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FaultName {
    /// The BMC of dell refuses the password.
    BadPassword,
    /// The BMC of hpe cannot reach the image server.
    UnreachableIso,
    /// The firmware of dell refuses its BIOS settings.
    RejectedBios,
    /// The BMC of hpe goes down in the middle, and stays down.
    BmcDown,
    /// The BMC of cisco takes the ISO and never attaches it.
    MediaStuck,
}

/// The site and what belongs to it.
#[derive(Debug, Clone, clap::Args)]
pub struct SiteArgs {
    /// File or directory with SiteConfig, ClusterInstance or BareMetalHost documents.
    #[arg(short, long, value_name = "PATH")]
    pub file: PathBuf,
    /// Directory of firmware profiles; they win over the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub profiles: Option<PathBuf>,
    /// Directory of Secrets, beside those found with the site.
    #[arg(long, value_name = "DIR")]
    pub secrets: Option<PathBuf>,
}

/// How BMC certificates are trusted. A fingerprint in the site file always counts first.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Trust in BMC certificates")]
pub struct TrustArgs {
    /// Trust the CAs of this PEM file.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Trust whoever answers. Credentials then go to whoever answers.
    #[arg(long)]
    pub bmc_insecure: bool,
    /// Trust the certificate seen first, write it down, and refuse another one later.
    #[arg(long)]
    pub trust_on_first_use: bool,
}

/// Arguments of `validate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Complaints go to stderr as FILE:LINE:COL: error: FIELD: what. Exits 1 when there are errors.

Examples:
  rackhand validate -f site.yaml
  rackhand validate -f clusters/ -o yaml    # the effective node specs, without secrets")]
pub struct ValidateArgs {
    /// File or directory with SiteConfig, ClusterInstance or BareMetalHost documents.
    #[arg(short, long, value_name = "PATH")]
    pub file: PathBuf,
    /// How the nodes are printed: table, json, yaml.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Plain,
    /// Show every field that rackhand does not use, one a line.
    #[arg(long)]
    pub all: bool,
}

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Logs in, reads, logs out. A node that the journal knows as installed is not even connected to.

Examples:
  rackhand plan -f site.yaml
  rackhand plan -f clusters/ --node cluster1/node1 --detailed-exitcode")]
pub struct PlanArgs {
    /// The site.
    #[command(flatten)]
    pub site: SiteArgs,
    /// Only this node; can be given more than once.
    #[arg(long, value_name = "NODE")]
    pub node: Vec<String>,
    /// Plan as if this node were to be installed, whatever runs on it; can be given more than once.
    #[arg(long, value_name = "NODE")]
    pub install: Vec<String>,
    /// Exit with 6 when there is something to do.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// How the plan is printed: table, json, yaml.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Plain,
    /// Multiply every interval and deadline.
    #[arg(long, value_name = "FACTOR")]
    pub pace: Option<f64>,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Trust.
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A host that is on and of which the journal has no record is left alone until somebody says
--install or adopt. Ctrl-C stops: acts under way are finished, sessions given back, and the next
apply goes on. A second Ctrl-C ends at once.

Examples:
  rackhand apply -f site.yaml --iso installer.iso --ca bmc-ca.pem
  rackhand apply -f clusters/ --node cluster1/node1 --install cluster1/node1")]
pub struct ApplyArgs {
    /// The site.
    #[command(flatten)]
    pub site: SiteArgs,
    /// Only this node; can be given more than once.
    #[arg(long, value_name = "NODE")]
    pub node: Vec<String>,
    /// Install this node, whatever runs on it; can be given more than once.
    #[arg(long, value_name = "NODE")]
    pub install: Vec<String>,
    /// Do nothing at all when any node or file has errors.
    #[arg(long)]
    pub strict: bool,
    /// The ISO to boot where the site names none: a path or a URL.
    #[arg(long, value_name = "PATH|URL")]
    pub iso: Option<String>,
    /// Its SHA-256; an image with another digest is refused.
    #[arg(long, value_name = "HEX")]
    pub iso_sha256: Option<String>,
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

/// What is done only when asked for by name.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Only when asked for by name")]
pub struct ConsentArgs {
    /// Delete this volume of this node, with all that is on it; can be given more than once.
    #[arg(long, value_name = "NODE=VOLUME")]
    pub delete_volume: Vec<String>,
    /// Try on this node what nobody has seen work on its kind of BMC; can be given more than once.
    #[arg(long, value_name = "NODE")]
    pub allow_unverified: Vec<String>,
}

/// What is served and told.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Images and reports")]
pub struct ServingArgs {
    /// Serve images on this address [default: a port of the system's choice, kept for the next run].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub media_listen: Option<SocketAddr>,
    /// The base URL that BMCs reach the images under, where it cannot be found out from the route to each BMC.
    #[arg(long, value_name = "URL")]
    pub media_url: Option<String>,
    /// Post every event as a CloudEvent to this URL.
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// File with the bearer token for --webhook; read again for each event.
    #[arg(long, value_name = "FILE")]
    pub webhook_token_file: Option<PathBuf>,
    /// Append every event to this file, one line of JSON each.
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
}

/// How hosts without virtual media get their installer.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Network boot")]
pub struct NetbootArgs {
    /// The base URL that hosts reach the images under when they boot from the network. Needed with --tftp-listen; else found
    /// out from the route to the host, or to its BMC.
    #[arg(long, value_name = "URL")]
    pub netboot_url: Option<String>,
    /// Serve loaders, scripts, kernels and initrds by TFTP on this address [default: not at all; port 69 is the usual one].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub tftp_listen: Option<SocketAddr>,
    /// Directory with iPXE's loaders for --tftp-listen: ipxe.efi and undionly.kpxe.
    #[arg(long, value_name = "DIR")]
    pub netboot_loaders: Option<PathBuf>,
    /// Add boot options to the answers of the site's DHCP server on this interface, for hosts that are being installed.
    #[arg(long, value_name = "INTERFACE")]
    pub proxy_dhcp: Option<String>,
}

/// How much at once, and how long.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Rollout")]
pub struct RolloutArgs {
    /// Nodes between first contact and switched on to install, at once [default: 64].
    #[arg(long, value_name = "N")]
    pub concurrency: Option<usize>,
    /// Begin no further node after so many have failed.
    #[arg(long, value_name = "N")]
    pub failure_budget: Option<usize>,
    /// Multiply every interval and deadline.
    #[arg(long, value_name = "FACTOR")]
    pub pace: Option<f64>,
    /// Stop after this time, as Ctrl-C does, and exit 4: 90s, 45m, 6h.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Go on although the journal was lost or damaged; it is set aside, and every host that is on waits for a decision.
    #[arg(long)]
    pub accept_lost_journal: bool,
}

/// `90s`, `45m`, `6h`, or plain seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(['s', 'm', 'h']);
    let unit = match text.strip_prefix(digits) {
        Some("" | "s") => 1,
        Some("m") => 60,
        Some("h") => 3600,
        _ => return Err("write a number and s, m or h".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "write a number and s, m or h, as in 45m".to_owned())?;
    number
        .checked_mul(unit)
        .map(Duration::from_secs)
        .ok_or_else(|| "that is longer than can be waited".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("45m"), Ok(Duration::from_secs(2700)));
        assert_eq!(duration("6h"), Ok(Duration::from_secs(21600)));
        assert!(duration("6d").is_err() && duration("h").is_err() && duration("1hm").is_err());
        assert!(duration("99999999999999999999h").is_err() && duration("9999999999999999h").is_err());
    }
}
