//! Arguments of `netboot`.

use clap::{Subcommand, ValueEnum};

use super::{NetbootArgs, SiteArgs};

/// What network boot needs of a site.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct NetbootCommandArgs {
    /// What about it.
    #[command(subcommand)]
    pub command: NetbootCommand,
}

/// What about network boot.
#[derive(Debug, Subcommand)]
pub enum NetbootCommand {
    /// Print what the site's DHCP server has to answer, as its own configuration.
    Hints(HintsArgs),
}

/// Arguments of `netboot hints`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Sends nothing. The configuration names the hosts of the site that may boot from the network, by their
boot MAC addresses, and leads no other host here. What they are told is decided when they ask: a host
that is not being installed boots its own disk.

--netboot-url is where hosts reach this machine's images, so it has the port of --media-listen:

  rackhand netboot hints -f site.yaml --for kea \\
      --netboot-url http://192.0.2.1:8080 --tftp-listen 192.0.2.1:69
  rackhand apply -f site.yaml --iso installer.iso --media-listen 0.0.0.0:8080 \\
      --netboot-url http://192.0.2.1:8080 --tftp-listen 192.0.2.1:69 --netboot-loaders /usr/lib/ipxe")]
pub struct HintsArgs {
    /// The site.
    #[command(flatten)]
    pub site: SiteArgs,
    /// Only this node; can be given more than once.
    #[arg(long, value_name = "NODE")]
    pub node: Vec<String>,
    /// The DHCP server: dnsmasq, isc, kea, infoblox.
    #[arg(long = "for", value_enum, default_value_t, value_name = "SERVER", hide_possible_values = true)]
    pub server: DhcpServer,
    /// Network boot.
    #[command(flatten)]
    pub netboot: NetbootArgs,
}

/// A kind of DHCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DhcpServer {
    /// dnsmasq.
    #[default]
    Dnsmasq,
    /// ISC dhcpd.
    Isc,
    /// ISC Kea.
    Kea,
    /// Infoblox NIOS.
    Infoblox,
}
