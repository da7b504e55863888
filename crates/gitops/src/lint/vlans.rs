//! VLANs: their numbers, what they stand on, and whether a site uses each for one sub-network.

use std::collections::BTreeMap;

use rackhand_spec::IpNet;

use super::Rule;
use super::facts::{Facts, Node};
use super::finding::{Finding, place};
use super::nmstate::{Address, Interface, Vlan};

pub(crate) fn check(facts: &Facts<'_>, out: &mut Vec<Finding>) {
    let mut sites: BTreeMap<usize, Vec<Use<'_, '_>>> = BTreeMap::new();
    let mut number = 0;
    for cluster in facts.networks() {
        for node in &cluster.nodes {
            number += 1;
            for (interface, vlan) in vlans(node) {
                own(node, vlan, out);
                let uses = interface
                    .addresses
                    .iter()
                    .filter_map(|address| Use::of(number, interface, vlan, address));
                sites.entry(cluster.site).or_default().extend(uses);
            }
        }
    }
    for uses in sites.values() {
        compare(uses, out);
    }
}

fn vlans<'c, 'a>(node: &'c Node<'a>) -> impl Iterator<Item = (&'c Interface<'a>, &'c Vlan<'a>)> {
    node.network.interfaces.iter().filter_map(|interface| Some((interface, interface.vlan.as_ref()?)))
}

/// What a VLAN says by itself.
fn own(node: &Node<'_>, vlan: &Vlan<'_>, out: &mut Vec<Finding>) {
    match &vlan.id {
        Some(id) if vlan.number().is_none() => {
            let text = id.text().unwrap_or("nothing");
            out.push(Finding::error(id, Rule::VlanId, format!("`{text}` is no VLAN; it is from 1 to 4094")));
        }
        Some(_) => {}
        None => out.push(Finding::error(&vlan.at, Rule::VlanId, "the VLAN has no id")),
    }
    let Some(base) = &vlan.base else {
        out.push(Finding::error(&vlan.at, Rule::VlanBase, "the VLAN has no base-iface"));
        return;
    };
    let Some(name) = base.text() else { return };
    let configured = node.network.interfaces.iter().map(|interface| interface.name);
    let names: Vec<&str> = configured.chain(node.interfaces.iter().map(|(name, _)| *name)).collect();
    if !names.contains(&name) {
        let message =
            format!("no interface `{name}` is among nodeNetwork's interfaces or their configuration");
        let finding = Finding::warning(base, Rule::VlanBase, message);
        out.push(match rackhand_spec::nearest(name, names.into_iter()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("right only where the machine itself calls an interface so"),
        });
    }
}

/// A sub-network on a VLAN.
struct Use<'c, 'a> {
    node: usize,
    interface: &'c str,
    base: &'c str,
    vlan: u16,
    net: IpNet,
    address: &'c Address<'a>,
}

impl<'c, 'a> Use<'c, 'a> {
    fn of(
        node: usize,
        interface: &'c Interface<'a>,
        vlan: &'c Vlan<'a>,
        address: &'c Address<'a>,
    ) -> Option<Self> {
        Some(Self {
            node,
            interface: interface.name,
            base: vlan.base.as_ref().and_then(|base| base.text()).unwrap_or_default(),
            vlan: vlan.number()?,
            net: address.net?,
            address,
        })
    }

    /// Whether they need not agree: two addresses of one interface, or two fabrics that one node is in.
    fn apart(&self, other: &Self) -> bool {
        self.node == other.node && (self.interface == other.interface || self.base != other.base)
    }
}

/// Each use against the first of its VLAN, and the first of its sub-network.
fn compare(uses: &[Use<'_, '_>], out: &mut Vec<Finding>) {
    let mut by_vlan: BTreeMap<(u16, bool), &Use<'_, '_>> = BTreeMap::new();
    let mut by_net: BTreeMap<IpNet, &Use<'_, '_>> = BTreeMap::new();
    for one in uses {
        let (vlan, net) = (one.vlan, one.net);
        let first = *by_vlan.entry((vlan, net.addr().is_ipv4())).or_insert(one);
        if first.net != net && !one.apart(first) {
            let message =
                format!("VLAN {vlan} is {net} here and {} at {}", first.net, place(&first.address.at));
            out.push(Finding::warning(&one.address.at, Rule::VlanTwoSubnets, message));
        }
        let first = *by_net.entry(net).or_insert(one);
        if first.vlan != vlan && !one.apart(first) {
            let there = place(&first.address.at);
            let message = format!("{net} is on VLAN {vlan} here and on VLAN {} at {there}", first.vlan);
            out.push(Finding::warning(&one.address.at, Rule::SubnetTwoVlans, message));
        }
    }
}
