//! What a node's nmstate configuration says of addresses, VLANs, routes and name servers.

use std::net::IpAddr;

use rackhand_spec::{IpNet, MacAddress, located::Field};

use super::facts::{Placed, parsed};

/// A node's network, as far as it is checked.
#[derive(Debug, Default)]
pub(crate) struct Nmstate<'a> {
    pub(crate) interfaces: Vec<Interface<'a>>,
    pub(crate) routes: Vec<Route<'a>>,
    pub(crate) servers: Vec<Placed<'a, IpAddr>>,
}

/// An interface that is to be there and up.
#[derive(Debug)]
pub(crate) struct Interface<'a> {
    pub(crate) name: &'a str,
    pub(crate) mac: Option<Placed<'a, MacAddress>>,
    pub(crate) addresses: Vec<Address<'a>>,
    /// Whether it has addresses that are not known: from the network, with routes and name servers, or unreadable ones.
    pub(crate) dynamic: bool,
    pub(crate) vlan: Option<Vlan<'a>>,
}

/// A static address.
#[derive(Debug)]
pub(crate) struct Address<'a> {
    pub(crate) ip: IpAddr,
    /// The network it is in, where a prefix is written.
    pub(crate) net: Option<IpNet>,
    pub(crate) at: Field<'a>,
}

/// What makes an interface a VLAN.
#[derive(Debug)]
pub(crate) struct Vlan<'a> {
    pub(crate) at: Field<'a>,
    pub(crate) id: Option<Field<'a>>,
    pub(crate) base: Option<Field<'a>>,
}

impl Vlan<'_> {
    /// Its number, where it is one that a VLAN can have.
    pub(crate) fn number(&self) -> Option<u16> {
        let number = self.id.as_ref()?.text()?.trim().parse().ok()?;
        (1..=4094).contains(&number).then_some(number)
    }
}

/// A static route.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    pub(crate) destination: Option<IpNet>,
    pub(crate) gateway: Option<Placed<'a, IpAddr>>,
    pub(crate) interface: Option<Field<'a>>,
}

impl<'a> Nmstate<'a> {
    pub(crate) fn of(config: &Field<'a>) -> Self {
        let list = |names: &[&str]| config.dig(names).map(|at| at.items()).unwrap_or_default();
        let servers = list(&["dns-resolver", "config", "server"]);
        Self {
            interfaces: list(&["interfaces"]).iter().filter_map(interface).collect(),
            routes: list(&["routes", "config"]).iter().filter_map(route).collect(),
            servers: servers.into_iter().filter_map(address).collect(),
        }
    }

    /// Every static address.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address<'a>> {
        self.interfaces.iter().flat_map(|interface| &interface.addresses)
    }

    /// Whether any interface gets addresses from the network.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.interfaces.iter().any(|interface| interface.dynamic)
    }
}

fn is(at: Option<Field<'_>>, word: &str) -> bool {
    at.and_then(|at| at.text()).is_some_and(|text| text.trim().eq_ignore_ascii_case(word))
}

fn interface<'a>(at: &Field<'a>) -> Option<Interface<'a>> {
    if is(at.get("state"), "absent") || is(at.get("state"), "down") {
        return None;
    }
    let families = || ["ipv4", "ipv6"].into_iter().filter_map(|family| at.get(family));
    let enabled = || families().filter(|family| !is(family.get("enabled"), "false"));
    let listed: Vec<_> =
        enabled().filter_map(|family| family.get("address")).flat_map(|list| list.items()).collect();
    let addresses: Vec<_> = listed.iter().filter_map(static_address).collect();
    let asks = enabled().any(|family| is(family.get("dhcp"), "true") || is(family.get("autoconf"), "true"));
    Some(Interface {
        name: at.get("name")?.text()?,
        mac: at.get("mac-address").and_then(parsed),
        dynamic: asks || addresses.len() < listed.len(),
        addresses,
        vlan: at.get("vlan").map(|at| Vlan { id: at.get("id"), base: at.get("base-iface"), at }),
    })
}

/// A mapping of `ip` and `prefix-length`; nmstate does not read `IP/PREFIX`, and what is meant is plain.
fn static_address<'a>(item: &Field<'a>) -> Option<Address<'a>> {
    if let Some(net) = parsed::<IpNet>(item.clone()) {
        return Some(Address { ip: net.value.addr(), net: Some(net.value.trunc()), at: net.at });
    }
    let Placed { value: ip, at } = address(item.get("ip")?)?;
    let prefix = item.get("prefix-length").and_then(|at| at.text()?.trim().parse().ok());
    let net = prefix.and_then(|prefix| IpNet::new(ip, prefix).ok()).map(|net| net.trunc());
    Some(Address { ip, net, at })
}

fn route<'a>(at: &Field<'a>) -> Option<Route<'a>> {
    if is(at.get("state"), "absent") {
        return None;
    }
    Some(Route {
        destination: at.get("destination").and_then(parsed).map(|net| net.value),
        gateway: at.get("next-hop-address").and_then(address),
        interface: at.get("next-hop-interface"),
    })
}

/// An address, which may name its interface when it is link-local: fe80::1%eno1.
fn address(at: Field<'_>) -> Option<Placed<'_, IpAddr>> {
    let value = at.text()?.trim().split('%').next()?.parse().ok()?;
    Some(Placed { value, at })
}

/// An address that means something within one link only.
pub(crate) fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.is_loopback(),
    }
}
