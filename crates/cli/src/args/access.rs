//! How a BMC that is named on the command line is reached.

use std::path::PathBuf;

/// How a BMC that is named on the command line is reached.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct AccessArgs {
    /// User name [environment: RACKHAND_BMC_USER].
    #[arg(short, long, value_name = "NAME")]
    pub user: Option<String>,
    /// File that holds the password; `-` reads it from stdin.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Multiply every interval and deadline.
    #[arg(long, value_name = "FACTOR")]
    pub pace: Option<f64>,
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
}
