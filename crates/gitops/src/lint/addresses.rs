//! Names, MAC addresses, IP addresses and networks, across all sites.
//!
//! Two nodes with one host name, boot MAC or BMC are found by rackhand-spec already. Here is what a node's spec does not
//! show: clusters, virtual addresses, and what stands in nmstate.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rackhand_spec::{IpNet, located::Field};

use super::Rule;
use super::facts::{Cluster, Facts, Node};
use super::finding::{Finding, place};
use super::nmstate::{Interface, Nmstate, Route, is_link_local};

pub(crate) fn check(facts: &Facts<'_>, out: &mut Vec<Finding>) {
    names(facts, out);
    let clusters = facts.networks();
    macs(&clusters, out);
    claims(&clusters, out);
    for cluster in clusters {
        without_vip(cluster, out);
        overlaps(cluster, out);
        for node in &cluster.nodes {
            outside(cluster, node, out);
            gateways(&node.network, out);
            servers(&node.network, out);
        }
    }
}

fn names(facts: &Facts<'_>, out: &mut Vec<Finding>) {
    let mut first: BTreeMap<&str, &Field<'_>> = BTreeMap::new();
    for cluster in &facts.clusters {
        match first.get(cluster.name) {
            None => {
                first.insert(cluster.name, &cluster.at);
            }
            Some(other) => {
                let message = format!("cluster `{}` is also defined at {}", cluster.name, place(other));
                out.push(Finding::error(&cluster.at, Rule::DuplicateCluster, message));
            }
        }
    }
}

/// MAC addresses in nmstate, and in configurations that stand alone. Those of nodes' boot and `interfaces` are compared by
/// rackhand-spec; a BareMetalHost may have what its NMStateConfig has.
fn macs(clusters: &[&Cluster<'_>], out: &mut Vec<Finding>) {
    let nodes =
        || clusters.iter().flat_map(|cluster| cluster.nodes.iter().map(move |node| (cluster.name, node)));
    let mut known = BTreeMap::new();
    for (number, (cluster, node)) in nodes().enumerate() {
        let own = node.interfaces.iter().filter_map(|(_, mac)| mac.as_ref()).chain(&node.boot_mac);
        for mac in own {
            known.entry(mac.value).or_insert((number, cluster, node.host_name, &mac.at));
        }
    }
    for (number, (cluster, node)) in nodes().enumerate() {
        let named =
            node.interfaces.iter().filter(|_| node.boot_mac.is_none()).filter_map(|(_, mac)| mac.as_ref());
        let configured = node.network.interfaces.iter().filter_map(|interface| interface.mac.as_ref());
        for mac in named.chain(configured) {
            let entry = known.entry(mac.value).or_insert((number, cluster, node.host_name, &mac.at));
            let (owner, of, host, at) = *entry;
            if owner != number {
                let message =
                    format!("MAC address {} is also that of {of}/{host}, at {}", mac.value, place(at));
                out.push(Finding::error(&mac.at, Rule::DuplicateMac, message));
            }
        }
    }
}

/// Who has an address.
struct Claim<'c, 'a> {
    ip: IpAddr,
    at: &'c Field<'a>,
    cluster: &'c Cluster<'a>,
    by: By<'c>,
}

enum By<'c> {
    /// The node of this host name, by one of its interfaces.
    Node(&'c str),
    /// Its BMC.
    Bmc(&'c str),
    /// The virtual address of this.
    Virtual(&'static str),
}

impl Claim<'_, '_> {
    fn who(&self) -> String {
        let cluster = self.cluster.name;
        match &self.by {
            By::Node(host) => format!("that of {cluster}/{host}"),
            By::Bmc(host) => format!("that of the BMC of {cluster}/{host}"),
            By::Virtual(what) => format!("the {what} address of {cluster}"),
        }
    }
}

/// Each address has one owner.
fn claims(clusters: &[&Cluster<'_>], out: &mut Vec<Finding>) {
    let mut first: BTreeMap<IpAddr, Claim<'_, '_>> = BTreeMap::new();
    for cluster in clusters {
        let mut claims = Vec::new();
        for node in &cluster.nodes {
            claims.extend(node.network.addresses().map(|address| Claim {
                ip: address.ip,
                at: &address.at,
                cluster,
                by: By::Node(node.host_name),
            }));
            let bmc = node.bmc.as_ref().and_then(|bmc| Some((bmc.value.host.parse().ok()?, &bmc.at)));
            claims.extend(bmc.map(|(ip, at)| Claim { ip, at, cluster, by: By::Bmc(node.host_name) }));
        }
        // A single node answers for its cluster; what stands in these fields then is not used.
        if !cluster.is_single_node() {
            let vips = |list, what| virtual_claims(cluster, list, what);
            claims.extend(vips(&cluster.api, "API"));
            claims.extend(vips(&cluster.ingress, "ingress"));
        }
        for claim in claims.into_iter().filter(|claim| !is_link_local(&claim.ip)) {
            match first.get(&claim.ip) {
                None => {
                    first.insert(claim.ip, claim);
                }
                Some(other) => out.extend(clash(&claim, other)),
            }
        }
    }
}

fn virtual_claims<'c, 'a>(
    cluster: &'c Cluster<'a>,
    list: &'c [super::facts::Placed<'a, IpAddr>],
    what: &'static str,
) -> impl Iterator<Item = Claim<'c, 'a>> {
    list.iter().map(move |vip| Claim { ip: vip.value, at: &vip.at, cluster, by: By::Virtual(what) })
}

fn clash(claim: &Claim<'_, '_>, other: &Claim<'_, '_>) -> Option<Finding> {
    let same = std::ptr::eq(claim.cluster, other.cluster);
    let message = format!("{} is also {}, at {}", claim.ip, other.who(), place(other.at));
    let counts = same || claim.cluster.counts(&claim.ip) || other.cluster.counts(&claim.ip);
    Some(match (&claim.by, &other.by) {
        // Several nodes may have their Systems on one BMC; rackhand-spec knows which may not.
        (By::Bmc(_), By::Bmc(_)) => return None,
        (By::Virtual(_), By::Virtual(_)) if same => Finding::error(claim.at, Rule::VipsEqual, message),
        (By::Virtual(_), By::Virtual(_)) => Finding::error(claim.at, Rule::DuplicateVip, message),
        (By::Virtual(_), _) | (_, By::Virtual(_)) => {
            Finding::error(claim.at, Rule::VipIsNodeAddress, message)
        }
        _ if counts => Finding::error(claim.at, Rule::DuplicateIp, message),
        _ => Finding::warning(claim.at, Rule::DuplicateIp, message)
            .help("right where the two networks are apart, as a storage network of each site is"),
    })
}

fn without_vip(cluster: &Cluster<'_>, out: &mut Vec<Finding>) {
    let masters = cluster.control_plane().count();
    for (what, vips) in [("apiVIPs", &cluster.api), ("ingressVIPs", &cluster.ingress)] {
        if masters > 1 && cluster.holds_vips && vips.is_empty() {
            let message = format!("{} has {masters} control-plane nodes and no {what}", cluster.name);
            out.push(Finding::warning(&cluster.at, Rule::VipMissing, message));
        }
    }
}

fn overlaps(cluster: &Cluster<'_>, out: &mut Vec<Finding>) {
    let kinds = [
        ("machineNetwork", &cluster.machine),
        ("clusterNetwork", &cluster.pods),
        ("serviceNetwork", &cluster.services),
    ];
    let all: Vec<_> = kinds.iter().flat_map(|(kind, nets)| nets.iter().map(move |net| (kind, net))).collect();
    for (index, (_, net)) in all.iter().enumerate() {
        let before = all.iter().take(index);
        let overlap = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        for (kind, other) in before.filter(|(_, other)| overlap(&other.value, &net.value)) {
            let message =
                format!("{} overlaps {kind} {}, in line {}", net.value, other.value, other.at.line());
            out.push(Finding::error(&net.at, Rule::NetworkOverlap, message));
        }
    }
}

fn outside(cluster: &Cluster<'_>, node: &Node<'_>, out: &mut Vec<Finding>) {
    let network = &node.network;
    let mut addresses = network.addresses().filter(|address| !is_link_local(&address.ip)).peekable();
    let Some(first) = addresses.peek().map(|address| &address.at) else { return };
    if network.is_dynamic() || addresses.any(|address| cluster.counts(&address.ip)) {
        return;
    }
    let nets: Vec<String> = cluster.machine.iter().map(|net| net.value.to_string()).collect();
    let message = format!("no address of the node is inside the machine network ({})", nets.join(", "));
    out.push(Finding::error(first, Rule::NodeOutside, message));
}

/// Each gateway is a neighbour.
fn gateways(network: &Nmstate<'_>, out: &mut Vec<Finding>) {
    for route in &network.routes {
        let through: Vec<&Interface<'_>> = match &route.interface {
            None => network.interfaces.iter().collect(),
            Some(at) => {
                let named = |interface: &&Interface<'_>| at.text() == Some(interface.name);
                let found: Vec<_> = network.interfaces.iter().filter(named).collect();
                if found.is_empty() {
                    let message =
                        format!("no interface `{}` is configured here", at.text().unwrap_or_default());
                    out.push(Finding::error(at, Rule::Gateway, message));
                    continue;
                }
                found
            }
        };
        gateway(route, &through, out);
    }
}

fn gateway(route: &Route<'_>, through: &[&Interface<'_>], out: &mut Vec<Finding>) {
    let Some(gateway) = &route.gateway else { return };
    if is_link_local(&gateway.value) || through.iter().any(|interface| interface.dynamic) {
        return;
    }
    let mut nets = through.iter().flat_map(|interface| &interface.addresses).map(|address| address.net);
    // Without a prefix nobody knows the network, and rackhand-spec has said so.
    if nets.clone().any(|net| net.is_none())
        || nets.any(|net| net.is_some_and(|net| net.contains(&gateway.value)))
    {
        return;
    }
    let names: Vec<&str> = through.iter().map(|interface| interface.name).collect();
    let message = format!("gateway {} is in no network of {}", gateway.value, names.join(", "));
    out.push(Finding::error(&gateway.at, Rule::Gateway, message));
}

fn servers(network: &Nmstate<'_>, out: &mut Vec<Finding>) {
    if network.is_dynamic() || network.addresses().next().is_none() {
        return;
    }
    for server in &network.servers {
        let ip = &server.value;
        let near = network.addresses().filter_map(|address| address.net);
        let routed = network.routes.iter().filter_map(|route| route.destination);
        if !is_link_local(ip) && !near.chain(routed).any(|net| net.contains(ip)) {
            let message = format!("name server {ip} is in no network of the node, and no route leads to it");
            out.push(Finding::warning(&server.at, Rule::DnsServer, message));
        }
    }
}
