//! The texts of a site's files.

use std::fmt::Write as _;

use serde_json::Value;

use crate::cell::Cell;
use crate::machine::Machine;
use crate::serve::Endpoint;
use crate::web::expand;

use super::SiteOptions;

/// The image's name, relative to the SiteConfigs.
pub(super) const ISO: &str = "installer.iso";

/// The first line of every text: what begins so may be removed by a later run.
pub(super) const MARK: &str = "# Written by rackhand-simulator for simulated machines.\n";

/// A node as its SiteConfig and Secret show it.
pub(super) struct Node {
    host: String,
    bmc: String,
    fingerprint: Option<String>,
    profile: Option<String>,
    macs: Vec<String>,
    disk: Option<String>,
    login: (String, String),
}

impl Node {
    pub(super) fn new(cell: &Cell, endpoint: &Endpoint, profile: Option<String>) -> Self {
        let (macs, disk, login) = cell.with(|machine| {
            let account = machine.accounts.first();
            // A BMC that asks for no credentials takes any; a Secret needs some.
            let login = account.map_or(("admin".into(), "admin".into()), |account| {
                (account.user.clone(), account.password.clone())
            });
            (machine.identity.macs.clone(), first_drive(cell, machine), login)
        });
        Self {
            host: cell.name.clone(),
            bmc: address(cell, endpoint),
            fingerprint: endpoint.fingerprint.clone(),
            profile,
            macs,
            disk,
            login,
        }
    }

    fn secret(&self) -> String {
        format!("bmc-{}", self.host)
    }
}

/// Serial number of the first drive that the BMC shows, if it shows one: some firmware does not.
fn first_drive(cell: &Cell, machine: &Machine) -> Option<String> {
    let linked = |list: &Value| -> Vec<String> {
        let links = list.as_array().into_iter().flatten();
        links.filter_map(|link| link["@odata.id"].as_str().map(str::to_owned)).collect()
    };
    let storage =
        expand::read(cell, machine, &format!("/redfish/v1/Systems/{}/Storage", cell.traits.ids.system))?;
    let controllers = linked(&storage["Members"]);
    let mut drives = controllers
        .iter()
        .filter_map(|path| expand::read(cell, machine, path))
        .flat_map(|one| linked(&one["Drives"]));
    let drive = drives.find_map(|path| expand::read(cell, machine, &path))?;
    drive["SerialNumber"].as_str().map(str::to_owned)
}

/// The BMC's address in metal3's schemes.
fn address(cell: &Cell, endpoint: &Endpoint) -> String {
    let dell = cell.personality.name().starts_with("idrac");
    let scheme = if dell { "idrac-virtualmedia" } else { "redfish-virtualmedia" };
    let transport = if endpoint.fingerprint.is_some() { "" } else { "+http" };
    let system = &cell.traits.ids.system;
    format!("{scheme}{transport}://{}/redfish/v1/Systems/{system}", endpoint.address)
}

/// A cluster: its name and its machine network.
pub(super) struct Cluster<'a> {
    pub(super) name: String,
    number: usize,
    options: &'a SiteOptions,
}

impl<'a> Cluster<'a> {
    pub(super) fn new(number: usize, options: &'a SiteOptions) -> Self {
        Self { name: format!("{}-{number}", options.name), number, options }
    }

    /// An address of the cluster's own network, 10.x.y.0/24: a site's clusters do not overlap.
    fn ip(&self, host: usize) -> String {
        format!("10.{}.{}.{host}", 16 + self.number / 256 % 200, self.number % 256)
    }

    /// The SiteConfig.
    pub(super) fn site_config(&self, nodes: &[Node]) -> String {
        let (name, domain) = (&self.name, &self.options.domain);
        let mut text = format!(
            "{MARK}\
             apiVersion: ran.openshift.io/v1\n\
             kind: SiteConfig\n\
             metadata:\n\
             \x20 name: {name}\n\
             \x20 namespace: {name}\n\
             spec:\n\
             \x20 baseDomain: {domain}\n\
             \x20 pullSecretRef:\n\
             \x20   name: pull-secret\n\
             \x20 clusterImageSetNameRef: openshift-4.18\n\
             \x20 clusters:\n\
             \x20 - clusterName: {name}\n\
             \x20   networkType: OVNKubernetes\n\
             \x20   clusterLabels:\n\
             \x20     site: {site}\n\
             \x20     group-du-{kind}: \"\"\n",
            site = self.options.name,
            kind = if nodes.len() == 1 { "sno" } else { "3node" },
        );
        if nodes.len() > 1 {
            let (api, ingress) = (self.ip(5), self.ip(6));
            let _ = write!(text, "    apiVIP: {api}\n    ingressVIP: {ingress}\n");
        }
        let _ = write!(
            text,
            "    clusterNetwork:\n    - cidr: 10.128.0.0/14\n      hostPrefix: 23\n\
             \x20   machineNetwork:\n    - cidr: {}/24\n\
             \x20   serviceNetwork:\n    - 172.30.0.0/16\n\
             \x20   additionalNTPSources:\n    - {}\n\
             \x20   nodes:\n",
            self.ip(0),
            self.ip(1),
        );
        for (number, node) in nodes.iter().enumerate() {
            self.node(&mut text, node, 10 + number);
        }
        text
    }

    fn node(&self, text: &mut String, node: &Node, host: usize) {
        let Node { host: name, bmc, profile, .. } = node;
        // Where the BMC shows no drive, no serial number is known.
        let disk = match &node.disk {
            Some(serial) => format!("serialNumber: \"{serial}\""),
            None => "deviceName: /dev/sda".into(),
        };
        let mac = node.macs.first().map_or("", String::as_str);
        let settings = profile.as_ref().map_or_else(String::new, |profile| {
            format!("      biosConfigRef:\n        filePath: {profile}\n")
        });
        let _ = write!(
            text,
            "    - hostName: {name}\n      role: master\n\
             \x20     bmcAddress: {bmc}\n\
             \x20     bmcCredentialsName:\n        name: {secret}\n\
             \x20     bootMACAddress: \"{mac}\"\n\
             \x20     bootMode: UEFI\n\
             \x20     rootDeviceHints:\n        {disk}\n\
             {settings}\
             \x20     crAnnotations:\n        add:\n          BareMetalHost:\n\
             \x20           rackhand.dev/iso: {ISO}\n\
             \x20           rackhand.dev/follow: callback\n",
            secret = node.secret(),
        );
        if let Some(fingerprint) = &node.fingerprint {
            let _ = writeln!(text, "            rackhand.dev/bmc-fingerprint: \"{fingerprint}\"");
        }
        let _ = writeln!(text, "      nodeNetwork:\n        interfaces:");
        for (number, mac) in (1..).zip(&node.macs) {
            let _ = write!(text, "        - name: eno{number}\n          macAddress: \"{mac}\"\n");
        }
        let (ip, gateway) = (self.ip(host), self.ip(1));
        let _ = write!(
            text,
            "        config:\n          interfaces:\n\
             \x20         - name: eno1\n            type: ethernet\n            state: up\n\
             \x20           ipv4:\n              enabled: true\n              dhcp: false\n\
             \x20             address:\n              - ip: {ip}\n                prefix-length: 24\n\
             \x20           ipv6:\n              enabled: false\n\
             \x20         dns-resolver:\n            config:\n              server:\n              - {gateway}\n\
             \x20         routes:\n            config:\n            - destination: 0.0.0.0/0\n\
             \x20             next-hop-address: {gateway}\n              next-hop-interface: eno1\n"
        );
    }

    /// The Secrets of its BMCs.
    pub(super) fn secrets(&self, nodes: &[Node]) -> String {
        let documents: Vec<_> = nodes.iter().map(|node| self.secret(node)).collect();
        format!("{MARK}{}", documents.join("---\n"))
    }

    fn secret(&self, node: &Node) -> String {
        // JSON's strings are YAML's: whatever a password holds is written as it is.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {}\n  namespace: {}\ntype: Opaque\n\
             stringData:\n  username: {}\n  password: {}\n",
            node.secret(),
            self.name,
            quoted(&node.login.0),
            quoted(&node.login.1),
        )
    }
}
