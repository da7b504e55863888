//! Kea.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Hints;
use crate::Arch;

/// The configuration for Kea's `kea-dhcp4`, 1.6 or later: a whole file that Kea's check accepts, of which a site takes the classes.
#[must_use]
pub fn kea(hints: &Hints) -> String {
    let mut text = hints.heading(
        "//",
        "Kea",
        &[
            "Add the entries of `client-classes`, in this order, to that list of Dhcp4 in kea-dhcp4.conf, check it with",
            "`kea-dhcp4 -t kea-dhcp4.conf`, and reload.",
        ],
    );
    if hints.addressed().next().is_some() {
        let _ = writeln!(
            text,
            "//\n// Their addresses, for `reservations` of their subnet unless they are there already:"
        );
    }
    for (host, address) in hints.addressed() {
        let reservation = json!({
            "hw-address": host.mac.to_string(),
            "ip-address": address.to_string(),
            "hostname": host.name,
        });
        let _ = writeln!(text, "//   {reservation}");
    }
    let file = json!({ "Dhcp4": { "client-classes": classes(hints) } });
    let _ = writeln!(text, "{file:#}");
    text
}

fn classes(hints: &Hints) -> Vec<Value> {
    let machines: Vec<String> =
        hints.hosts.iter().map(|host| format!("hexstring(pkt4.mac, ':') == '{}'", host.mac)).collect();
    let next_server = hints.boot.tftp.to_string();
    let mut classes = vec![
        json!({ "name": "rackhand", "test": machines.join(" or ") }),
        json!({
            "name": "rackhand-ipxe",
            "test": "member('rackhand') and option[77].hex == 'iPXE'",
            "next-server": next_server,
            "boot-file-name": hints.boot.script_url,
        }),
    ];
    for (arch, file) in hints.loaders() {
        let mut class = json!({
            "name": arch.tag(),
            "test": format!("member('rackhand') and not member('rackhand-ipxe') and ({})", condition(arch)),
            "next-server": next_server,
            "boot-file-name": file,
        });
        if let (true, Some(class)) = (arch.is_http(), class.as_object_mut()) {
            let option =
                json!({ "name": "vendor-class-identifier", "data": arch.class(), "always-send": true });
            class.insert("option-data".to_owned(), json!([option]));
        }
        classes.push(class);
    }
    classes
}

fn condition(arch: Arch) -> String {
    let any: Vec<String> =
        arch.codes().iter().map(|code| format!("substring(option[93].hex, 0, 2) == 0x{code:04X}")).collect();
    any.join(" or ")
}
