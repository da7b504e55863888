//! Arguments of `bmc … firmware`, `jobs`, `logs` and `configuration`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use rackhand_media::Sha256Digest;

/// What `bmc … firmware` does.
#[derive(Debug, Clone, Subcommand)]
pub enum FirmwareCommand {
    /// List what is installed.
    List,
    /// Make the BMC fetch an image and install it; follow that to its end.
    Update {
        /// The image's URL as the BMC must see it.
        url: String,
        /// What it is for: bios, bmc, or a name that is listed; the image says so by default.
        #[arg(long, value_name = "NAME")]
        component: Option<String>,
        /// Install at the host's next reset, not at once.
        #[arg(long)]
        on_reset: bool,
        /// Fetch the image here first, and refuse one with another digest.
        #[arg(long, value_name = "HEX")]
        sha256: Option<Sha256Digest>,
    },
    /// Send an image to the BMC, which installs it; follow that to its end.
    Push {
        /// The image. Several BMCs judge by the ending of its name.
        file: PathBuf,
        /// What it is for: bios, bmc, or a name that is listed; the image says so by default.
        #[arg(long, value_name = "NAME")]
        component: Option<String>,
        /// Install at the host's next reset, not at once.
        #[arg(long)]
        on_reset: bool,
        /// Refuse a file with another digest.
        #[arg(long, value_name = "HEX")]
        sha256: Option<Sha256Digest>,
    },
}

/// What `bmc … jobs` does.
#[derive(Debug, Clone, Subcommand)]
pub enum JobsCommand {
    /// List jobs that are not over.
    List,
    /// Show a job's progress until it is over, or Ctrl-C. Fails when the job does.
    Follow {
        /// Its id, or its URI once it is no longer listed.
        job: String,
    },
    /// Drop jobs that have not begun.
    Clear {
        /// Their ids.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        jobs: Vec<String>,
        /// Drop every job at once, also what others have queued: the cure for a queue that is stuck.
        #[arg(long)]
        all: bool,
    },
}

/// What `bmc … logs` does.
#[derive(Debug, Clone, Subcommand)]
pub enum LogsCommand {
    /// List the logs there are.
    List,
    /// Show a log's newest entries, newest first.
    Show {
        /// Its name; not needed where there is only one.
        log: Option<String>,
        /// How many.
        #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Clear a log; its entries are lost.
    Clear {
        /// Its name.
        log: String,
        /// Its name again, to say that this one is meant.
        #[arg(long, value_name = "LOG")]
        yes_clear: Option<String>,
    },
}

/// What `bmc … configuration` does.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigurationCommand {
    /// Write the configuration to a new file. It can hold password hashes; only its owner may read it.
    Export {
        /// The file, which must not be there yet.
        file: PathBuf,
        /// A part, as in BIOS, RAID, NIC, iDRAC; can be given more than once; all by default.
        #[arg(long = "part", value_name = "PART")]
        parts: Vec<String>,
        /// xml or json.
        #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
        format: ConfigurationWriting,
    },
    /// Apply a configuration. It can restart the host, delete volumes, and change the BMC's own address.
    Import {
        /// The file.
        file: PathBuf,
        /// How a running host is switched off for it: graceful, forced, or none, which leaves what needs it to the next
        /// restart.
        #[arg(long, value_enum, hide_possible_values = true)]
        shutdown: Shutdown,
        /// The machine's serial number, to say that this machine is meant.
        #[arg(long, value_name = "SERIAL")]
        yes_import: Option<String>,
    },
}

/// How a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ConfigurationWriting {
    /// XML.
    #[default]
    Xml,
    /// JSON.
    Json,
}

/// What becomes of a running host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shutdown {
    /// Ask the operating system.
    Graceful,
    /// Force.
    Forced,
    /// Leave it.
    None,
}
