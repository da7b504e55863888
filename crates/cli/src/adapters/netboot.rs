//! What hosts that boot from the network find: loaders by TFTP, and boot options beside the site's DHCP server.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context as _;
use rackhand_dhcp::{Allowed, BootFiles, Loaders, ProxyDhcp, Settings};
use rackhand_http::Origin;
use rackhand_media::{MediaServer, NetbootPublication, TftpOptions, missing_loader};
use rackhand_spec::MacAddress;

use crate::{exit::usage, options::NetbootOptions};

/// Begins to serve by TFTP, where that was asked for. Answers where.
pub(crate) async fn start_tftp(
    server: &MediaServer,
    options: &NetbootOptions,
) -> anyhow::Result<Option<SocketAddr>> {
    let Some(listen) = options.tftp else { return Ok(None) };
    let base = options.url.clone().ok_or_else(no_url)?;
    let tftp = TftpOptions { listen, base, loaders: options.loaders.clone() };
    Ok(Some(server.start_tftp(tftp).await?))
}

fn no_url() -> anyhow::Error {
    usage(
        "hosts that boot from the network have to be told where: give --netboot-url http://ADDRESS:PORT, with the port of --media-listen",
    )
}

/// What hosts are told to load, from where.
pub(crate) fn boot_files(options: &NetbootOptions) -> anyhow::Result<BootFiles> {
    let base = options.url.as_deref().ok_or_else(no_url)?;
    let tftp = options.tftp.ok_or_else(|| {
        usage("where do hosts get their loaders? Give --tftp-listen ADDRESS:PORT, as to apply or serve")
    })?;
    Ok(BootFiles {
        tftp: tftp_address(tftp, base)?,
        tftp_port: tftp.port(),
        script_url: format!("{}{}", base.trim_end_matches('/'), NetbootPublication::COMMON_SCRIPT),
        loaders: Loaders::default(),
    })
}

/// Where hosts send to: the address that is listened on, else the one that they fetch from.
fn tftp_address(listen: SocketAddr, base: &str) -> anyhow::Result<Ipv4Addr> {
    let host = base.parse::<Origin>().ok().and_then(|origin| origin.ip());
    let named = host.and_then(|ip| match ip {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    let own = match listen.ip() {
        IpAddr::V4(address) if !address.is_unspecified() => Some(address),
        _ => named,
    };
    own.ok_or_else(|| {
        usage("DHCP names the TFTP server by its IPv4 address: give --tftp-listen 192.0.2.1:69, say, or write --netboot-url with an address")
    })
}

/// Adds boot options to what the site's DHCP server answers, for hosts that are offered their installer at that moment.
pub(crate) async fn start_proxy(
    options: &NetbootOptions,
    is_offered: impl Fn(&MacAddress) -> bool + Send + Sync + 'static,
) -> anyhow::Result<Option<ProxyDhcp>> {
    let Some(interface) = &options.proxy_dhcp else { return Ok(None) };
    let boot = boot_files(options)?;
    warn_of_missing_loaders(options, &boot.loaders).await;
    let address = boot.tftp;
    let allowed: Allowed = Arc::new(is_offered);
    let settings = Settings::new(interface.clone(), address, boot, allowed);
    let (proxy, mut events) =
        ProxyDhcp::start(settings).with_context(|| format!("--proxy-dhcp {interface}"))?;
    tokio::spawn(async move {
        // It says in the log what it does; nobody else is told.
        while events.recv().await.is_some() {}
    });
    Ok(Some(proxy))
}

/// Firmware that is led to a loader which is not there says "TFTP error" on its own console, and nothing anywhere else. No reason
/// to end: a site may have one kind of firmware alone, or iPXE in its network cards.
async fn warn_of_missing_loaders(options: &NetbootOptions, loaders: &Loaders) {
    let directory = options.loaders.as_deref();
    for (firmware, name) in [("UEFI", &loaders.uefi_x64), ("BIOS", &loaders.bios)] {
        if let Some(why) = missing_loader(directory, name).await {
            let place =
                directory.map_or_else(|| "no --netboot-loaders".to_owned(), |d| d.display().to_string());
            tracing::warn!(%place, "hosts with {firmware} firmware will not get {name}: {why}");
        }
    }
}
