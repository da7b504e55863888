//! Arguments of `bmc`.

use std::path::PathBuf;

use clap::Subcommand;
use rackhand_bmc::AttributeValue;

use super::Plain;

/// Arguments of `bmc`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The password comes from --password-file or RACKHAND_BMC_PASSWORD, never from an argument. At most
two logins are tried. The certificate must be trusted: by the system's CAs, --ca, --fingerprint,
--trust-on-first-use, or --insecure.

Examples:
  rackhand bmc 192.0.2.7 --user root --password-file pw inventory
  rackhand bmc 192.0.2.7 --user root --password-file pw power off
  rackhand bmc 192.0.2.7 --user root --password-file pw media insert http://192.0.2.1/x.iso
  rackhand bmc 192.0.2.7 --user root --password-file pw bios plan LogicalProc=Disabled")]
pub struct BmcArgs {
    /// The BMC: host, host:port, an http(s) URL, or an address as site files have it.
    pub address: String,
    /// User name [environment: RACKHAND_BMC_USER].
    #[arg(short, long, value_name = "NAME")]
    pub user: Option<String>,
    /// File that holds the password; `-` reads it from stdin.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Trust the CAs of this PEM file.
    #[arg(long, value_name = "FILE", help_heading = "Trust in the BMC's certificate", group = "trust")]
    pub ca: Option<PathBuf>,
    /// Trust the certificate with this SHA-256 fingerprint, and no other.
    #[arg(long, value_name = "SHA256", help_heading = "Trust in the BMC's certificate", group = "trust")]
    pub fingerprint: Option<String>,
    /// Trust whoever answers. The password then goes to whoever answers.
    #[arg(long, help_heading = "Trust in the BMC's certificate", group = "trust")]
    pub insecure: bool,
    /// Trust the certificate seen first, write it down, and refuse another one later.
    #[arg(long, help_heading = "Trust in the BMC's certificate", group = "trust")]
    pub trust_on_first_use: bool,
    /// How it is printed: table, json, yaml.
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_possible_values = true,
        global = true
    )]
    pub output: Plain,
    /// What to do.
    #[command(subcommand)]
    pub command: BmcCommand,
}

/// What `bmc` does.
#[derive(Debug, Subcommand)]
pub enum BmcCommand {
    /// Who the machine is, what it can do, what is in it.
    Inventory,
    /// Show or change power.
    Power {
        /// What to do; shows the state by default.
        #[command(subcommand)]
        command: Option<PowerCommand>,
    },
    /// Show or change what boots next.
    Boot {
        /// What to do; shows the settings by default.
        #[command(subcommand)]
        command: Option<BootCommand>,
    },
    /// Show, insert or eject virtual media.
    Media {
        /// What to do; lists the slots by default.
        #[command(subcommand)]
        command: Option<MediaCommand>,
    },
    /// Show, plan or set BIOS attributes.
    Bios {
        /// What to do; shows every attribute by default.
        #[command(subcommand)]
        command: Option<BiosCommand>,
    },
}

/// What `bmc … power` does.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum PowerCommand {
    /// Show the power state and how far the host is.
    State,
    /// Switch on, and prove it.
    On,
    /// Shut down, by force if the operating system does not, and prove it.
    Off {
        /// Do not ask the operating system.
        #[arg(long)]
        force: bool,
    },
    /// Switch off, prove it, switch on, prove it.
    Restart {
        /// Do not ask the operating system.
        #[arg(long)]
        force: bool,
    },
    /// Send a non-maskable interrupt.
    Nmi,
}

/// What `bmc … boot` does.
#[derive(Debug, Clone, Subcommand)]
pub enum BootCommand {
    /// Show the boot settings.
    Show,
    /// Boot a target once at the next start, and prove that it is armed.
    Once {
        /// Cd, Pxe, Hdd, Usb, BiosSetup, UefiHttp, or another that the BMC names.
        target: String,
    },
    /// Take the override back, and prove it.
    Clear,
}

/// What `bmc … media` does.
#[derive(Debug, Clone, Subcommand)]
pub enum MediaCommand {
    /// List the slots.
    List,
    /// Insert an image into the best slot, and prove that it is attached.
    Insert {
        /// The image's URL as the BMC must see it.
        url: String,
        /// Eject what is in the slot first.
        #[arg(long)]
        replace: bool,
    },
    /// Eject, and prove it.
    Eject {
        /// The slot's name or id; every occupied slot by default.
        slot: Option<String>,
    },
}

/// What `bmc … bios` does.
#[derive(Debug, Clone, Subcommand)]
pub enum BiosCommand {
    /// Show attributes that are in force.
    Get {
        /// Their names; all by default.
        names: Vec<String>,
    },
    /// Show attributes that wait for a reset.
    Pending,
    /// Show what setting these would do. Only reads.
    Plan {
        /// NAME=VALUE.
        #[arg(required = true, value_parser = setting)]
        settings: Vec<(String, AttributeValue)>,
    },
    /// Stage these for the next reset. The host is not reset.
    Set {
        /// NAME=VALUE.
        #[arg(required = true, value_parser = setting)]
        settings: Vec<(String, AttributeValue)>,
    },
    /// Show what the firmware says of an attribute: type, bounds, allowed values.
    Registry {
        /// Its name, or a part of it.
        name: String,
    },
}

/// Reads `NAME=VALUE`. The value stays a text; the driver's registry has the last word on its type.
fn setting(text: &str) -> Result<(String, AttributeValue), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().into())),
        _ => Err(format!("`{text}` is not of the form NAME=VALUE")),
    }
}
