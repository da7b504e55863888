//! What SiteConfig, ClusterInstance and BareMetalHost have in common.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::cursor::{At, Fields, NotUsed, Place};
use crate::diagnostic::Code;
use crate::node::{
    BootMode, CleaningMode, ClusterNetwork, Interface, NodeName, NodeNetwork, NodeSpec, PodNetwork, Role,
    RootDeviceHints, SourceRef,
};
use crate::{BmcAddress, MacAddress, nmstate};

/// A node that was read, with the places that later checks name.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) spec: NodeSpec,
    pub(crate) places: Places,
    /// Set by a check that finds it at odds with another node.
    pub(crate) refused: bool,
}

/// Where a node's fields stand.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) host: Place,
    pub(crate) bmc: Place,
    pub(crate) mac: Place,
    pub(crate) interfaces: Vec<Place>,
}

/// An object's name and namespace.
pub(crate) struct Meta {
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
}

/// Fields of every object that say nothing about a server.
const OBJECT: &[NotUsed] = &[("status", "a controller writes it")];

/// The fields of an object whose apiVersion and kind have been looked at.
pub(crate) fn object<'a>(root: &At<'a>) -> Option<Fields<'a>> {
    let fields = root.fields(OBJECT)?;
    let _ = (fields.peek("apiVersion"), fields.peek("kind"));
    Some(fields)
}

/// What no node can be without.
pub(crate) struct Required {
    pub(crate) cluster: String,
    pub(crate) host_name: String,
    pub(crate) namespace: String,
    pub(crate) bmh_name: String,
    pub(crate) source: SourceRef,
    pub(crate) bmc: BmcAddress,
    pub(crate) credentials_name: String,
    pub(crate) boot_mac: MacAddress,
}

impl Required {
    /// A spec that says nothing more.
    pub(crate) fn spec(self, name: NodeName) -> NodeSpec {
        NodeSpec {
            name,
            cluster: self.cluster,
            host_name: self.host_name,
            namespace: self.namespace,
            bmh_name: self.bmh_name,
            role: Role::default(),
            source: self.source,
            bmc: self.bmc,
            credentials_name: self.credentials_name,
            disable_certificate_verification: None,
            bmc_fingerprint: None,
            boot_mac: self.boot_mac,
            boot_mode: BootMode::default(),
            root_device_hints: None,
            bios_settings: None,
            raid: None,
            firmware: Vec::new(),
            profile: None,
            iso: None,
            iso_sha256: None,
            ipxe_script: None,
            boot: None,
            follow: None,
            request_id: None,
            install: None,
            hold: false,
            online: None,
            automated_cleaning: None,
            network: NodeNetwork::default(),
            cluster_network: ClusterNetwork::default(),
            labels: BTreeMap::new(),
            cluster_labels: BTreeMap::new(),
            suppressed_manifests: Vec::new(),
        }
    }
}

/// The fields that have one name in all formats.
pub(crate) struct Boot {
    mode: BootMode,
    cleaning: Option<CleaningMode>,
    hints: Option<RootDeviceHints>,
}

impl Boot {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        Self {
            mode: fields.get("bootMode").and_then(|at| at.choice(BOOT_MODES)).unwrap_or_default(),
            cleaning: fields.get("automatedCleaningMode").and_then(|at| at.choice(CLEANING)),
            hints: fields.get("rootDeviceHints").and_then(|at| root_device_hints(&at)),
        }
    }

    pub(crate) fn apply(self, spec: &mut NodeSpec) {
        spec.boot_mode = self.mode;
        spec.automated_cleaning = self.cleaning;
        spec.root_device_hints = self.hints;
    }
}

/// Fields of `metadata` that say nothing about a server.
pub(crate) const METADATA: &[NotUsed] = &[
    ("annotations", "an annotation of the object itself"),
    ("creationTimestamp", "the API server writes it"),
    ("finalizers", "the API server keeps it"),
    ("generation", "the API server writes it"),
    ("labels", "a label of the object itself"),
    ("managedFields", "the API server writes it"),
    ("ownerReferences", "the API server keeps it"),
    ("resourceVersion", "the API server writes it"),
    ("uid", "the API server writes it"),
];

pub(crate) const BOOT_MODES: &[(&str, BootMode)] =
    &[("UEFI", BootMode::Uefi), ("UEFISecureBoot", BootMode::UefiSecureBoot), ("legacy", BootMode::Legacy)];

pub(crate) const ROLES: &[(&str, Role)] =
    &[("master", Role::Master), ("worker", Role::Worker), ("arbiter", Role::Arbiter)];

const CLEANING: &[(&str, CleaningMode)] =
    &[("metadata", CleaningMode::Metadata), ("disabled", CleaningMode::Disabled)];

/// `metadata` of a SiteConfig or ClusterInstance.
pub(crate) fn meta(root: &Fields<'_>, instead: &str) -> Option<Meta> {
    let fields = root.required("metadata")?.fields(METADATA)?;
    if let Some(map) = fields.get("annotations") {
        crate::annotations::elsewhere(&map, instead);
    }
    let namespace = fields.get("namespace").and_then(|at| at.word());
    Some(Meta { name: fields.required("name")?.word()?, namespace })
}

/// A reference `{name: …}`.
pub(crate) fn reference(at: &At<'_>) -> Option<String> {
    if let Some(scalar) = at.scalar() {
        let help = format!("write {{name: {}}}", scalar.text);
        at.error_help(Code::WrongType, "a mapping with `name` is expected here", help);
        return None;
    }
    let fields = at.fields(&[])?;
    fields.required("name")?.word()
}

/// `rootDeviceHints`.
pub(crate) fn root_device_hints(at: &At<'_>) -> Option<RootDeviceHints> {
    let fields = at.fields(&[])?;
    let word = |name| fields.get(name).and_then(|at| at.word());
    let hints = RootDeviceHints {
        device_name: word("deviceName"),
        hctl: word("hctl"),
        model: word("model"),
        vendor: word("vendor"),
        serial_number: word("serialNumber"),
        min_size_gigabytes: fields.get("minSizeGigabytes").and_then(|at| at.unsigned()),
        wwn: word("wwn"),
        wwn_with_extension: word("wwnWithExtension"),
        wwn_vendor_extension: word("wwnVendorExtension"),
        rotational: fields.get("rotational").and_then(|at| at.boolean()),
    };
    (hints != RootDeviceHints::default()).then_some(hints)
}

/// `nodeNetwork`, and where its interfaces stand.
pub(crate) fn node_network(at: &At<'_>) -> (NodeNetwork, Vec<Place>) {
    let mut network = NodeNetwork::default();
    let mut places: Vec<Place> = Vec::new();
    let Some(fields) = at.fields(&[]) else { return (network, places) };
    for item in fields.get("interfaces").map(|at| at.items()).unwrap_or_default() {
        let Some(interface) = item.fields(&[]) else { continue };
        let name = interface.required("name").and_then(|at| at.word());
        let mac = interface.required("macAddress");
        let address = mac.as_ref().and_then(|at| at.parse());
        if let (Some(name), Some(at), Some(mac)) = (name, mac, address) {
            let twice = network
                .interfaces
                .iter()
                .zip(&places)
                .find(|(known, _)| known.mac == mac || known.name == name);
            if let Some((known, place)) = twice {
                let what =
                    if known.mac == mac { format!("MAC address {mac}") } else { format!("name `{name}`") };
                at.error(
                    Code::Conflict,
                    format!("the {what} is also that of the interface in line {}", place.mark.line),
                );
            }
            network.interfaces.push(Interface { name, mac });
            places.push(at.place());
        }
    }
    if let Some(config) = fields.get("config") {
        nmstate::check(&config);
        network.config = Some(config.json());
    }
    (network, places)
}

/// Which form a cluster's networks are written in.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Dialect {
    SiteConfig,
    ClusterInstance,
}

/// The cluster's networks, checked against each other.
pub(crate) fn cluster_network(fields: &Fields<'_>, dialect: Dialect) -> ClusterNetwork {
    let mut network = ClusterNetwork::default();
    let machine = fields.get("machineNetwork");
    for item in machine.as_ref().map(|at| at.items()).unwrap_or_default() {
        network.machine.extend(cidr_field(&item));
    }
    let pods = fields.get("clusterNetwork");
    for item in pods.as_ref().map(|at| at.items()).unwrap_or_default() {
        let Some(entry) = item.fields(&[]) else { continue };
        let host_prefix = entry.get("hostPrefix").and_then(|at| prefix(&at));
        let cidr = entry.required("cidr").and_then(|at| cidr(&at));
        network.pods.extend(cidr.map(|cidr| PodNetwork { cidr, host_prefix }));
    }
    let services = fields.get("serviceNetwork");
    for item in services.as_ref().map(|at| at.items()).unwrap_or_default() {
        network.services.extend(service_network(&item, dialect));
    }
    let pods_families = families(network.pods.iter().map(|pod| pod.cidr.addr()));
    let compare = |at: &Option<At<'_>>, nets: &[IpNet], name: &str| {
        let own = families(nets.iter().map(IpNet::addr));
        if let (Some(at), false, false) = (at, nets.is_empty(), network.pods.is_empty())
            && own != pods_families
        {
            let message =
                format!("{name} is {} and clusterNetwork is {}", spoken(own), spoken(pods_families));
            at.error_help(Code::Conflict, message, "give each network the same address families");
        }
    };
    compare(&machine, &network.machine, "machineNetwork");
    compare(&services, &network.services, "serviceNetwork");
    network.api_vips = vips(fields, "apiVIP", "apiVIPs", dialect, &network.machine);
    network.ingress_vips = vips(fields, "ingressVIP", "ingressVIPs", dialect, &network.machine);
    network
}

fn cidr_field(item: &At<'_>) -> Option<IpNet> {
    let fields = item.fields(&[])?;
    fields.required("cidr").and_then(|at| cidr(&at))
}

fn prefix(at: &At<'_>) -> Option<u8> {
    let length = at.unsigned()?;
    match u8::try_from(length) {
        Ok(length) if length <= 128 => Some(length),
        _ => {
            at.error(Code::InvalidValue, format!("{length} is no prefix length; it is at most 128"));
            None
        }
    }
}

/// A list of texts in a SiteConfig, of mappings in a ClusterInstance; either form is read in both.
fn service_network(item: &At<'_>, dialect: Dialect) -> Option<IpNet> {
    match (item.scalar().is_some(), dialect) {
        (true, Dialect::SiteConfig) => cidr(item),
        (true, Dialect::ClusterInstance) => {
            item.sloppy("a ClusterInstance writes a mapping here", "write `- cidr: …`");
            cidr(item)
        }
        (false, Dialect::ClusterInstance) => cidr_field(item),
        (false, Dialect::SiteConfig) => {
            item.sloppy(
                "a SiteConfig writes a plain network here",
                "write `- 172.30.0.0/16` without `cidr:`",
            );
            cidr_field(item)
        }
    }
}

/// A network. Host bits that are set are a mistake in the address or in the prefix, so they are named.
pub(crate) fn cidr(at: &At<'_>) -> Option<IpNet> {
    let text = at.text()?;
    let Ok(net) = text.trim().parse::<IpNet>() else {
        at.error_help(
            Code::InvalidValue,
            format!("`{text}` is not a network"),
            "write ADDRESS/PREFIX, as in 10.16.231.0/24",
        );
        return None;
    };
    if net.addr() != net.network() {
        let message = format!("`{text}` has bits set beyond its prefix; taken as {}", net.trunc());
        at.sloppy(message, format!("write {}", net.trunc()));
    }
    Some(net.trunc())
}

/// The virtual addresses in the singular and the plural field. Both may be given, and must agree.
fn vips(
    fields: &Fields<'_>,
    one: &'static str,
    many: &'static str,
    dialect: Dialect,
    machine: &[IpNet],
) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let plural = fields.get(many);
    for item in plural.as_ref().map(|at| at.items()).unwrap_or_default() {
        let Some(address) = item.parse() else { continue };
        inside(&item, address, machine);
        found.push(address);
    }
    if let [first, second, ..] = found.as_slice()
        && first.is_ipv4() == second.is_ipv4()
        && let Some(at) = &plural
    {
        at.error(
            Code::Conflict,
            format!("{many} has two addresses of one family; the second is for the other family"),
        );
    }
    if dialect == Dialect::ClusterInstance {
        return found;
    }
    let Some(at) = fields.get(one) else { return found };
    let Some(address) = at.parse::<IpAddr>() else { return found };
    match found.first() {
        None => {
            inside(&at, address, machine);
            found.push(address);
        }
        Some(first) if *first != address => {
            at.error(Code::Conflict, format!("{one} is {address} and the first of {many} is {first}"));
        }
        Some(_) => {}
    }
    found
}

fn inside(at: &At<'_>, address: IpAddr, machine: &[IpNet]) {
    if machine.is_empty() || machine.iter().any(|net| net.contains(&address)) {
        return;
    }
    let nets: Vec<String> = machine.iter().map(ToString::to_string).collect();
    at.error(Code::Conflict, format!("{address} is not inside the machine network ({})", nets.join(", ")));
}

fn families(addresses: impl Iterator<Item = IpAddr>) -> (bool, bool) {
    addresses.fold((false, false), |(v4, v6), address| (v4 || address.is_ipv4(), v6 || address.is_ipv6()))
}

fn spoken((v4, v6): (bool, bool)) -> &'static str {
    match (v4, v6) {
        (true, true) => "dual stack",
        (true, false) => "IPv4",
        (false, true) => "IPv6",
        (false, false) => "empty",
    }
}
