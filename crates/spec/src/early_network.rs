//! A node's static network, as the initramfs of an installer that came over the network is told it.
//!
//! Such an installer has no file system with its settings yet when it fetches the rest of itself, so what nmstate says has to
//! stand in the kernel's command line, in the words of dracut.cmdline(7): `ip=`, `nameserver=`, `vlan=`, `bond=`, `ifname=`.

use std::net::IpAddr;

use serde_json::Value;

use crate::{IpNet, NodeNetwork};

/// What the initramfs is told of a node's network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EarlyNetwork {
    /// The node's static addresses, in the order in which they are written.
    pub addresses: Vec<IpAddr>,
    /// Arguments for the kernel; none where every address comes from DHCP.
    pub arguments: Vec<String>,
}

impl EarlyNetwork {
    /// Reads a node's nmstate configuration. What is not understood of it is left out: the installed system has it all.
    #[must_use]
    pub fn of(network: &NodeNetwork, host_name: &str) -> Self {
        let host_name = if is_word(host_name) { host_name } else { "" };
        let Some(config) = &network.config else { return Self::default() };
        let interfaces: Vec<&Value> = list(config, &["interfaces"]).filter(|one| is_up(one)).collect();
        let mut early = Self::default();
        for interface in &interfaces {
            early.interface(interface, config, host_name);
        }
        if early.addresses.is_empty() {
            return Self::default();
        }
        for interface in &interfaces {
            early.made_of(interface);
        }
        early.names(network);
        let servers = list(config, &["dns-resolver", "config", "server"]).filter_map(ip);
        early.arguments.extend(servers.map(|server| format!("nameserver={}", bracketed(server))));
        early
    }

    /// Its static addresses; and DHCP where it is asked for beside them, since one `ip=` turns off what is not named.
    fn interface(&mut self, interface: &Value, config: &Value, host_name: &str) {
        let Some(name) = word(interface, "name") else { return };
        for (family, is_v6, dynamic) in [("ipv4", false, "dhcp"), ("ipv6", true, "dhcp6")] {
            let Some(settings) = interface.get(family).filter(|settings| is_set(settings, "enabled")) else {
                continue;
            };
            if is_set(settings, "dhcp") || is_set(settings, "autoconf") {
                self.arguments.push(format!("ip={name}:{dynamic}"));
                continue;
            }
            for address in list(settings, &["address"]) {
                let Some(net) = address_of(address).filter(|net| net.addr().is_ipv6() == is_v6) else {
                    continue;
                };
                let gateway = gateway(config, name, is_v6).map(bracketed).unwrap_or_default();
                let mask = match net {
                    IpNet::V4(net) => net.netmask().to_string(),
                    IpNet::V6(net) => net.prefix_len().to_string(),
                };
                let own = bracketed(net.addr());
                self.arguments.push(format!("ip={own}::{gateway}:{mask}:{host_name}:{name}:none"));
                self.addresses.push(net.addr());
            }
        }
    }

    /// What a VLAN or a bond is made of.
    fn made_of(&mut self, interface: &Value) {
        let Some(name) = word(interface, "name") else { return };
        if let Some(base) = interface.get("vlan").and_then(|vlan| word(vlan, "base-iface")) {
            self.arguments.push(format!("vlan={name}:{base}"));
        }
        let Some(bond) = interface.get("link-aggregation") else { return };
        let ports: Vec<&str> = ["port", "ports", "slaves"]
            .iter()
            .flat_map(|key| list(bond, &[key]))
            .filter_map(Value::as_str)
            .filter(|name| is_word(name))
            .collect();
        let mut options: Vec<String> =
            word(bond, "mode").map(|mode| format!("mode={mode}")).into_iter().collect();
        if let Some(Value::Object(more)) = bond.get("options") {
            options.extend(
                more.iter()
                    .filter(|(key, _)| is_word(key))
                    .filter_map(|(key, value)| Some(format!("{key}={}", plain(value)?))),
            );
        }
        if !ports.is_empty() {
            self.arguments.push(format!("bond={name}:{}:{}", ports.join(","), options.join(",")));
        }
    }

    /// Interfaces are known by their MAC addresses; the kernel may call them otherwise. Its own names (`eth0`) cannot be
    /// given away (dracut.cmdline(7)).
    fn names(&mut self, network: &NodeNetwork) {
        let own = |name: &str| name.strip_prefix("eth").is_some_and(|rest| rest.parse::<u32>().is_ok());
        let named = network.interfaces.iter().filter(|one| is_word(&one.name) && !own(&one.name));
        self.arguments.extend(named.map(|one| format!("ifname={}:{}", one.name, one.mac)));
    }
}

/// The next hop of the default route over an interface, or over none that is named.
fn gateway(config: &Value, interface: &str, is_v6: bool) -> Option<IpAddr> {
    let all = if is_v6 { "::/0" } else { "0.0.0.0/0" };
    list(config, &["routes", "config"])
        .filter(|route| text(route, "destination") == Some(all))
        .filter(|route| text(route, "next-hop-interface").is_none_or(|over| over == interface))
        .find_map(|route| ip(route.get("next-hop-address")?))
}

fn address_of(address: &Value) -> Option<IpNet> {
    let prefix =
        address.get("prefix-length").and_then(Value::as_u64).and_then(|bits| u8::try_from(bits).ok())?;
    IpNet::new(ip(address.get("ip")?)?, prefix).ok()
}

fn is_up(interface: &Value) -> bool {
    !matches!(text(interface, "state"), Some("down" | "absent" | "ignore"))
}

fn is_set(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool) == Some(true)
}

fn list<'a>(value: &'a Value, path: &[&str]) -> impl Iterator<Item = &'a Value> + use<'a> {
    let found = path.iter().try_fold(value, |value, key| value.get(key));
    found.and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn ip(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

/// A text that is one word.
fn word<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    text(value, key).filter(|text| is_word(text))
}

/// Whether a text can stand in an argument: nothing in it parts arguments or their fields, or means something to the loader
/// that passes them on.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+'))
}

/// A value as it stands in an argument, if it is one word.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if is_word(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(set) => Some(u8::from(*set).to_string()),
        _ => None,
    }
}

/// Colons part the fields, so an IPv6 address stands in brackets.
fn bracketed(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Interface;

    fn network(config: Value) -> NodeNetwork {
        let interface =
            |name: &str, mac: &str| Interface { name: name.to_owned(), mac: mac.parse().unwrap() };
        NodeNetwork {
            interfaces: vec![interface("eno1", "0c:42:a1:55:aa:01"), interface("eth1", "0c:42:a1:55:aa:02")],
            config: Some(config),
        }
    }

    #[test]
    fn dhcp_takes_no_arguments() {
        let dhcp = json!({"interfaces": [{"name": "eno1", "ipv4": {"enabled": true, "dhcp": true}}]});
        assert_eq!(EarlyNetwork::of(&network(dhcp), "node"), EarlyNetwork::default());
        assert_eq!(EarlyNetwork::of(&NodeNetwork::default(), "node"), EarlyNetwork::default());
    }

    #[test]
    fn static_addresses_of_both_families_go_with_their_gateways_and_servers() {
        let config = json!({
            "interfaces": [{"name": "eno1", "state": "up",
                "ipv4": {"enabled": true, "dhcp": false, "address": [{"ip": "192.0.2.11", "prefix-length": 24}]},
                "ipv6": {"enabled": true, "address": [{"ip": "2001:db8::11", "prefix-length": 64}]}}],
            "routes": {"config": [
                {"destination": "0.0.0.0/0", "next-hop-address": "192.0.2.1", "next-hop-interface": "eno1"},
                {"destination": "::/0", "next-hop-address": "2001:db8::1"},
                {"destination": "10.0.0.0/8", "next-hop-address": "192.0.2.254"}]},
            "dns-resolver": {"config": {"server": ["192.0.2.53", "2001:db8::53"]}}});
        let early = EarlyNetwork::of(&network(config), "node1.example");
        assert_eq!(
            early.addresses,
            ["192.0.2.11".parse::<IpAddr>().unwrap(), "2001:db8::11".parse().unwrap()]
        );
        assert_eq!(
            early.arguments,
            [
                "ip=192.0.2.11::192.0.2.1:255.255.255.0:node1.example:eno1:none",
                "ip=[2001:db8::11]::[2001:db8::1]:64:node1.example:eno1:none",
                "ifname=eno1:0c:42:a1:55:aa:01",
                "nameserver=192.0.2.53",
                "nameserver=[2001:db8::53]"
            ]
        );
    }

    #[test]
    fn a_vlan_over_a_bond_says_what_it_is_made_of() {
        let config = json!({"interfaces": [
            {"name": "eno1", "state": "up"}, {"name": "eth1", "state": "up"},
            {"name": "bond0", "type": "bond", "link-aggregation":
                {"mode": "active-backup", "port": ["eno1", "eth1"], "options": {"miimon": "140"}}},
            {"name": "bond0.7", "type": "vlan", "vlan": {"base-iface": "bond0", "id": 7},
                "ipv4": {"enabled": true, "address": [{"ip": "192.0.2.11", "prefix-length": 28}]}}]});
        let early = EarlyNetwork::of(&network(config), "node");
        assert_eq!(
            early.arguments,
            [
                "ip=192.0.2.11:::255.255.255.240:node:bond0.7:none",
                "bond=bond0:eno1,eth1:mode=active-backup,miimon=140",
                "vlan=bond0.7:bond0",
                "ifname=eno1:0c:42:a1:55:aa:01"
            ]
        );
    }

    #[test]
    fn dhcp_beside_a_static_address_is_named_too() {
        let config = json!({"interfaces": [
            {"name": "eno1", "ipv4": {"enabled": true, "address": [{"ip": "192.0.2.11", "prefix-length": 24}]}},
            {"name": "eth1", "ipv4": {"enabled": true, "dhcp": true}}]});
        assert!(EarlyNetwork::of(&network(config), "node").arguments.contains(&"ip=eth1:dhcp".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_makes_one_word_an_argument(
            name in "\\PC{0,6}", ip in "\\PC{0,6}", bits in 0u64..300, server in "\\PC{0,6}"
        ) {
            let config = json!({
                "interfaces": [
                    {"name": name, "ipv4": {"enabled": true, "address": [{"ip": "192.0.2.11", "prefix-length": bits}]}},
                    {"name": name, "ipv6": {"enabled": true, "address": [{"ip": ip, "prefix-length": bits}]}}],
                "dns-resolver": {"config": {"server": [server]}}});
            for argument in EarlyNetwork::of(&network(config), "node").arguments {
                proptest::prop_assert!(!argument.contains(char::is_whitespace) && !argument.contains('$'), "{argument:?}");
            }
        }
    }
}
