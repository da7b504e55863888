//! ISC DHCP.

use std::fmt::Write as _;

use super::Hints;
use crate::Arch;

/// The configuration for ISC dhcpd 4, as a file that `dhcpd.conf` includes.
#[must_use]
pub fn isc(hints: &Hints) -> String {
    let mut text = hints.heading(
        "#",
        "ISC dhcpd",
        &[
            "Save it as /etc/dhcp/rackhand.conf, put `include \"/etc/dhcp/rackhand.conf\";` at the top level of",
            "dhcpd.conf, check it with `dhcpd -t`, and restart dhcpd.",
        ],
    );
    let _ = writeln!(text, "\noption rackhand-arch code 93 = array of unsigned integer 16;");
    let _ = writeln!(text, "\nclass \"rackhand\" {{");
    write_match(&mut text, hints);
    let _ = writeln!(text, "  next-server {};", hints.boot.tftp);
    let _ = writeln!(text, "  # iPXE says so itself, and gets its script instead of itself again.");
    let _ = writeln!(text, "  if exists user-class and option user-class = \"iPXE\" {{");
    let _ = writeln!(text, "    filename \"{}\";", hints.boot.script_url);
    for (arch, file) in hints.loaders() {
        let _ = writeln!(text, "  }} elsif {} {{", condition(arch));
        if arch.is_http() {
            let _ = writeln!(text, "    option vendor-class-identifier \"{}\";", arch.class());
        }
        let _ = writeln!(text, "    filename \"{file}\";");
    }
    let _ = writeln!(text, "  }}\n}}");
    if hints.addressed().next().is_some() {
        let _ = writeln!(text, "\n# Their addresses; leave out those that have a host declaration already.");
    }
    for (host, address) in hints.addressed() {
        let name = &host.name;
        let _ = writeln!(
            text,
            "host rackhand-{name} {{ hardware ethernet {}; fixed-address {address}; }}",
            host.mac
        );
    }
    text
}

/// `hardware` begins with the hardware type, which is 1 for Ethernet.
fn write_match(text: &mut String, hints: &Hints) {
    let last = hints.hosts.len().saturating_sub(1);
    for (n, host) in hints.hosts.iter().enumerate() {
        let begin = if n == 0 { "match if" } else { "      or" };
        let end = if n == last { ";" } else { "" };
        let _ = writeln!(text, "  {begin} hardware = 1:{}{end} # {}", host.mac, host.name);
    }
}

/// The first architecture of the list that the client sends.
fn condition(arch: Arch) -> String {
    let any: Vec<String> = arch
        .codes()
        .iter()
        .map(|code| {
            let [high, low] = code.to_be_bytes();
            format!("substring(option rackhand-arch, 0, 2) = {high:02x}:{low:02x}")
        })
        .collect();
    any.join(" or ")
}
