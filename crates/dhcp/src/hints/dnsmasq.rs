//! dnsmasq.

use std::fmt::Write as _;

use super::Hints;

/// The configuration for dnsmasq 2.76 or later, as a file for `/etc/dnsmasq.d`.
///
/// Machines are tagged by `dhcp-mac`, not by `dhcp-host`: of two `dhcp-host` lines for one MAC dnsmasq uses one, and the site may
/// have one already. Each `dhcp-boot` excludes what the others want, so that their order does not matter.
#[must_use]
pub fn dnsmasq(hints: &Hints) -> String {
    let mut text = hints.heading(
        "#",
        "dnsmasq",
        &["Save it as /etc/dnsmasq.d/rackhand.conf, check it with `dnsmasq --test`, and restart dnsmasq."],
    );
    // Writing to a String does not fail.
    let _ = writeln!(text, "\n# Which machines.");
    for host in &hints.hosts {
        let _ = writeln!(text, "# {}\ndhcp-mac=set:rackhand,{}", host.name, host.mac);
    }
    if hints.addressed().next().is_some() {
        let _ = writeln!(text, "\n# Their addresses; leave out those that have a dhcp-host line already.");
    }
    for (host, address) in hints.addressed() {
        let _ = writeln!(text, "dhcp-host={},{address},{}", host.mac, host.name);
    }
    let _ =
        writeln!(text, "\n# What asks: iPXE by its user class, firmware by its architecture (option 93).");
    let _ = writeln!(text, "dhcp-userclass=set:rackhand-ipxe,iPXE");
    for (arch, _) in hints.loaders() {
        for code in arch.codes() {
            let _ = writeln!(text, "dhcp-match=set:{},option:client-arch,{code}", arch.tag());
        }
    }
    let tftp = hints.boot.tftp;
    let _ = writeln!(text, "\n# What it loads: iPXE its script, anything else the loader for its firmware.");
    let _ = writeln!(text, "dhcp-boot=tag:rackhand,tag:rackhand-ipxe,\"{}\",,{tftp}", hints.boot.script_url);
    for (arch, file) in hints.loaders() {
        let tags = format!("tag:rackhand,tag:!rackhand-ipxe,tag:{}", arch.tag());
        if arch.is_http() {
            let _ = writeln!(text, "dhcp-option-force={tags},60,{}", arch.class());
        }
        let _ = writeln!(text, "dhcp-boot={tags},\"{file}\",,{tftp}");
    }
    text
}
