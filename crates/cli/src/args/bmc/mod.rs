//! Arguments of `bmc`.

mod storage;
mod upkeep;

use clap::{Subcommand, ValueEnum};
use rackhand_bmc::AttributeValue;

use super::{AccessArgs, Plain};

pub use storage::{DriveTarget, StorageCommand};
pub use upkeep::{
    ConfigurationCommand, ConfigurationWriting, FirmwareCommand, JobsCommand, LogsCommand, Shutdown,
};

/// Arguments of `bmc`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The password comes from --password-file or RACKHAND_BMC_PASSWORD, never from an argument. At most
two logins are tried. The certificate must be trusted: by the system's CAs, --ca, --fingerprint,
--trust-on-first-use, or --insecure.

What loses data or settings wants the name of the thing, or the machine's serial number, twice. What
this BMC is known not to do is refused before anything is sent; see: rackhand bmc ADDRESS capabilities

Examples:
  rackhand bmc 192.0.2.7 --user root --password-file pw inventory
  rackhand bmc 192.0.2.7 --user root --password-file pw power off
  rackhand bmc 192.0.2.7 --user root --password-file pw media insert http://192.0.2.1/x.iso
  rackhand bmc 192.0.2.7 --user root --password-file pw bios plan LogicalProc=Disabled
  rackhand bmc 192.0.2.7 --user root --password-file pw storage delete os --yes-delete os")]
pub struct BmcArgs {
    /// The BMC: host, host:port, an http(s) URL, or an address as site files have it.
    pub address: String,
    /// How the BMC is reached.
    #[command(flatten)]
    pub access: AccessArgs,
    /// Do what nobody has seen work on this kind of BMC.
    #[arg(long, global = true)]
    pub allow_unverified: bool,
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
    /// How well the machine and its BMC are.
    Health,
    /// Temperatures, fans, power supplies.
    Sensors,
    /// Show or change power.
    Power {
        /// What to do; shows the state by default.
        #[command(subcommand)]
        command: Option<PowerCommand>,
    },
    /// Show or change what boots: once, in which order, in which mode.
    Boot {
        /// What to do; shows the settings by default.
        #[command(subcommand)]
        command: Option<BootCommand>,
    },
    /// Show or set secure boot.
    SecureBoot {
        /// Shows it by default.
        #[arg(value_enum)]
        wanted: Option<OnOff>,
    },
    /// Show, insert or eject virtual media.
    Media {
        /// What to do; lists the slots by default.
        #[command(subcommand)]
        command: Option<MediaCommand>,
    },
    /// Show, plan, set, drop or reset BIOS attributes.
    Bios {
        /// What to do; shows every attribute by default.
        #[command(subcommand)]
        command: Option<BiosCommand>,
    },
    /// Show controllers, drives and volumes; make and delete volumes; convert and erase drives.
    Storage {
        /// What to do; lists by default.
        #[command(subcommand)]
        command: Option<StorageCommand>,
    },
    /// Show or update firmware.
    Firmware {
        /// What to do; lists by default.
        #[command(subcommand)]
        command: Option<FirmwareCommand>,
    },
    /// Show, follow or clear jobs.
    Jobs {
        /// What to do; lists by default.
        #[command(subcommand)]
        command: Option<JobsCommand>,
    },
    /// Show or clear the BMC's logs.
    Logs {
        /// What to do; lists the logs by default.
        #[command(subcommand)]
        command: Option<LogsCommand>,
    },
    /// Export or import the server's whole configuration (Dell's SCP).
    Configuration {
        /// What to do.
        #[command(subcommand)]
        command: ConfigurationCommand,
    },
    /// Restart the BMC, and wait until it is ready. The host is not touched.
    Restart,
    /// What this BMC can do, and from where that is known.
    Capabilities,
    /// What is otherwise with this BMC than with others, and who says so.
    Quirks,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    /// On.
    On,
    /// Off.
    Off,
}

/// How firmware boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// UEFI.
    Uefi,
    /// BIOS compatibility.
    Legacy,
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
    /// Show the boot order, or set what comes first.
    Order {
        /// What comes first, by the references that are shown; what is left out stays behind.
        first: Vec<String>,
    },
    /// Set how the firmware boots from the next reset on.
    Mode {
        /// uefi or legacy.
        #[arg(value_enum, hide_possible_values = true)]
        mode: Mode,
    },
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
    /// Drop what waits for a reset, where the BMC can.
    Discard,
    /// Ask for the factory's value of every attribute, at the next reset.
    ///
    /// That can switch off what the machine boots from.
    Reset {
        /// The machine's serial number, to say that this machine is meant.
        #[arg(long, value_name = "SERIAL")]
        yes_reset: Option<String>,
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
