//! Infoblox NIOS.

use std::fmt::Write as _;

use super::Hints;

/// What to set in Grid Manager of Infoblox NIOS, which has no file to paste.
///
/// Firmware is told apart by option 60, which names the architecture of option 93 in its first characters
/// (`PXEClient:Arch:00007`): an option filter matches a part of a text in every version of NIOS, and option 93 only in some.
#[must_use]
pub fn infoblox(hints: &Hints) -> String {
    let mut text = hints.heading(
        "#",
        "Infoblox NIOS",
        &["There is no file to load: these are the steps in Grid Manager."],
    );
    let filters = filters(hints);
    let _ = writeln!(
        text,
        "\n# 1. Data Management > DHCP > IPv4 Filters > Add > IPv4 Option Filter, for each of these."
    );
    let _ = writeln!(
        text,
        "#    Switch off `Apply this filter as a global DHCP class`: only the machines below may match."
    );
    let _ =
        writeln!(text, "#    `substring` is the operator with offset 0; of several rules any one may match.");
    for filter in &filters {
        let _ = writeln!(text, "\nset in Grid Manager: IPv4 Option Filter");
        let _ = writeln!(text, "  Name:        {}", filter.name);
        for rule in &filter.rules {
            let _ = writeln!(text, "  Match rule:  {rule}");
        }
        if filter.http {
            let _ = writeln!(text, "  Option:      vendor-class-identifier (60) = HTTPClient");
        }
        let _ = writeln!(text, "  Next Server: {}", hints.boot.tftp);
        let _ = writeln!(text, "  Boot File:   {}", filter.file);
    }
    let _ = writeln!(
        text,
        "\n# 2. Data Management > IPAM or DHCP > Networks: for each machine below, its Fixed Address (or the IPv4"
    );
    let _ = writeln!(
        text,
        "#    address of its Host record) with this MAC address. There, IPv4 Logic Filter List > Override, and add"
    );
    let _ = writeln!(
        text,
        "#    the filters in this order; iPXE's must be the first, or iPXE loads itself for ever."
    );
    let order: Vec<&str> = filters.iter().map(|filter| filter.name).collect();
    for host in &hints.hosts {
        let _ = writeln!(text, "\nset in Grid Manager: Fixed Address");
        let _ = writeln!(text, "  Name:        {}", host.name);
        let _ = writeln!(text, "  MAC Address: {}", host.mac);
        let address =
            host.address.map_or_else(|| "the site's choice".to_owned(), |address| address.to_string());
        let _ = writeln!(text, "  IP Address:  {address}");
        let _ = writeln!(text, "  Logic Filters: {}", order.join(", "));
    }
    let _ = writeln!(text, "\n# 3. Restart the DHCP service when Grid Manager asks for it.");
    text
}

struct Filter<'a> {
    name: &'static str,
    rules: Vec<String>,
    http: bool,
    file: &'a str,
}

fn filters(hints: &Hints) -> Vec<Filter<'_>> {
    let ipxe = Filter {
        name: "rackhand-ipxe",
        rules: vec!["user-class (77) equals iPXE".to_owned()],
        http: false,
        file: &hints.boot.script_url,
    };
    let firmware = hints.loaders().map(|(arch, file)| Filter {
        name: arch.tag(),
        rules: arch
            .codes()
            .iter()
            .map(|code| {
                let value = format!("{}:Arch:{code:05}", arch.class());
                format!(
                    "vendor-class-identifier (60) substring, offset 0, length {}, equals {value}",
                    value.len()
                )
            })
            .collect(),
        http: arch.is_http(),
        file,
    });
    std::iter::once(ipxe).chain(firmware).collect()
}
