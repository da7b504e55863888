//! `netboot`: what network boot needs of a site.

use std::net::{IpAddr, Ipv4Addr};

use rackhand_agent::{
    gather::{GatherOptions, gather},
    wanted::BootWay,
};
use rackhand_dhcp::{BootFiles, HintedHost, Hints, hints};
use rackhand_spec::{EarlyNetwork, NodeSpec};

use crate::{
    Exit, World,
    adapters::netboot::boot_files,
    args::{DhcpServer, HintsArgs},
    exit::usage,
    options::{Common, HintsOptions},
    site::{Site, Tell},
};

pub(crate) fn hints(args: HintsArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let server = args.server;
    let options = HintsOptions::resolve(args, common, world)?;
    let site = Site::load(&options.site, world)?;
    let errors = site.complain(world, Tell::Serious)?;
    let nodes = site.choose(&options.only)?;
    let (may, not): (Vec<&NodeSpec>, Vec<&NodeSpec>) = nodes.into_iter().partition(|node| may_ask(node));
    if !not.is_empty() {
        world.stderr.line(format_args!(
            "left out, since their specs have them boot by virtual media alone: {}",
            not.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", ")
        ))?;
    }
    let boot: BootFiles = boot_files(&options.netboot)?;
    let hosts = may.into_iter().map(hinted).collect();
    let all = Hints::new(boot, hosts).map_err(|error| usage(error.to_string()))?;
    world.stdout.text(&match server {
        DhcpServer::Dnsmasq => hints::dnsmasq(&all),
        DhcpServer::Isc => hints::isc(&all),
        DhcpServer::Kea => hints::kea(&all),
        DhcpServer::Infoblox => hints::infoblox(&all),
    })?;
    Ok(if errors == 0 { Exit::Done } else { Exit::Failed })
}

/// Whether the host may come to ask the network. A profile may say so too, and which one holds shows only once the machine
/// has been asked who it is.
fn may_ask(node: &NodeSpec) -> bool {
    let wanted = gather(node, None, GatherOptions::default());
    node.profile.is_some() || wanted.boot.ways.iter().any(|way| *way != BootWay::VirtualMedia)
}

fn hinted(node: &NodeSpec) -> HintedHost {
    let own =
        EarlyNetwork::of(&node.network, &node.host_name).addresses.into_iter().find_map(|one| match one {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None::<Ipv4Addr>,
        });
    HintedHost { name: node.host_name.clone(), mac: node.boot_mac, address: own }
}
