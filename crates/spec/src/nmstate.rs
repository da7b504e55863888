//! A look over an nmstate configuration.
//!
//! rackhand hands it on and does not apply it, so only what is certainly wrong is an error: an address that is none. Shapes
//! that nmstate would not understand are warnings; upstream's own samples have some.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::cursor::At;
use crate::diagnostic::Code;
use crate::tree::Value;

/// Checks addresses, name servers and routes.
pub(crate) fn check(config: &At<'_>) {
    for interface in list(config, &["interfaces"]) {
        for family in ["ipv4", "ipv6"] {
            for address in list(&interface, &[family, "address"]) {
                interface_address(&address, family == "ipv4");
            }
        }
    }
    for server in list(config, &["dns-resolver", "config", "server"]) {
        address(&server);
    }
    for route in list(config, &["routes", "config"]) {
        self::route(&route);
    }
}

fn interface_address(at: &At<'_>, v4: bool) {
    let Some(ip) = at.child("ip") else {
        at.warning(Code::Sloppy, "nmstate expects a mapping with `ip` and `prefix-length` here");
        return;
    };
    let Some(parsed) = address(&ip) else { return };
    if parsed.is_ipv4() != v4 {
        let family = if v4 { "ipv4" } else { "ipv6" };
        ip.error(Code::Conflict, format!("{parsed} stands below {family}"));
    }
    if let Some(length) = at.child("prefix-length") {
        let most = if v4 { 32 } else { 128 };
        match length.unsigned() {
            Some(length_value) if length_value > most => {
                length.error(
                    Code::InvalidValue,
                    format!("{length_value} is no prefix length here; it is at most {most}"),
                );
            }
            _ => {}
        }
    }
}

fn route(at: &At<'_>) {
    let destination = at.child("destination").and_then(|at| {
        let text = at.scalar()?.text.trim().to_owned();
        let net = text.parse::<IpNet>().ok();
        if net.is_none() {
            at.error(Code::InvalidValue, format!("`{text}` is not a network"));
        }
        net
    });
    let Some(hop) = at.child("next-hop-address") else { return };
    if let (Some(destination), Some(next)) = (destination, address(&hop))
        && destination.addr().is_ipv4() != next.is_ipv4()
    {
        hop.warning(
            Code::Conflict,
            format!("the next hop {next} is of another address family than {destination}"),
        );
    }
}

fn address(at: &At<'_>) -> Option<IpAddr> {
    let text = at.scalar()?.text.trim();
    // A link-local address may name its interface: fe80::1%eno1.
    let bare = text.split('%').next().unwrap_or(text);
    let parsed = bare.parse().ok();
    if parsed.is_none() {
        at.error(Code::InvalidValue, format!("`{text}` is not an IP address"));
    }
    parsed
}

/// The items of a list some levels down; nothing when a level is missing or of another shape.
fn list<'a>(at: &At<'a>, path: &[&str]) -> Vec<At<'a>> {
    let mut here = at.clone();
    for name in path {
        match here.child(name) {
            Some(next) => here = next,
            None => return Vec::new(),
        }
    }
    if matches!(here.node.value, Value::Sequence(_)) { here.items() } else { Vec::new() }
}
