//! How hosts are booted over the network.

use std::{net::SocketAddr, path::PathBuf};

use super::{Common, Config, Picker, SiteOptions};
use crate::{
    World,
    args::{HintsArgs, NetbootArgs},
    exit::usage,
};

/// How hosts without virtual media get their installer.
#[derive(Debug, Clone, Default)]
pub(crate) struct NetbootOptions {
    /// Base URL as hosts reach it.
    pub(crate) url: Option<String>,
    pub(crate) tftp: Option<SocketAddr>,
    /// The directory of iPXE's loaders.
    pub(crate) loaders: Option<PathBuf>,
    /// The interface on which boot options are added to DHCP's answers.
    pub(crate) proxy_dhcp: Option<String>,
}

impl NetbootOptions {
    pub(super) fn resolve(args: NetbootArgs, config: &Config, pick: &Picker<'_>) -> anyhow::Result<Self> {
        let loaders =
            pick.pick(args.netboot_loaders, "RACKHAND_NETBOOT_LOADERS", config.netboot_loaders.clone())?;
        let options = Self {
            url: pick.pick(args.netboot_url, "RACKHAND_NETBOOT_URL", config.netboot_url.clone())?,
            tftp: pick.pick(args.tftp_listen, "RACKHAND_TFTP_LISTEN", config.tftp_listen)?,
            loaders,
            proxy_dhcp: pick.pick(args.proxy_dhcp, "RACKHAND_PROXY_DHCP", config.proxy_dhcp.clone())?,
        };
        if options.loaders.is_some() && options.tftp.is_none() {
            return Err(usage(
                "--netboot-loaders names files that TFTP serves; give --tftp-listen ADDRESS:PORT",
            ));
        }
        if options.proxy_dhcp.is_some() && options.tftp.is_none() {
            return Err(usage(
                "--proxy-dhcp leads hosts to loaders that TFTP serves; give --tftp-listen ADDRESS:PORT",
            ));
        }
        Ok(options)
    }
}

/// `netboot hints`, resolved.
#[derive(Debug, Clone)]
pub(crate) struct HintsOptions {
    pub(crate) site: SiteOptions,
    pub(crate) only: Vec<String>,
    pub(crate) netboot: NetbootOptions,
}

impl HintsOptions {
    pub(crate) fn resolve(args: HintsArgs, common: &Common, world: &World) -> anyhow::Result<Self> {
        let (config, pick) = (&common.config, Picker { world });
        Ok(Self {
            site: SiteOptions::resolve(args.site, config, &pick)?,
            only: args.node,
            netboot: NetbootOptions::resolve(args.netboot, config, &pick)?,
        })
    }
}
