//! What the specs say of clusters and nodes, with the place of each word.
//!
//! rackhand-spec has checked every field by itself before; what it complained of is passed over here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use rackhand_spec::{BmcAddress, IpNet, MacAddress, located::Field};

use super::nmstate::Nmstate;
use super::repository::{Object, Repository};

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Placed<'a, T> {
    pub(crate) value: T,
    pub(crate) at: Field<'a>,
}

/// A field's value, where it has one that can be read.
pub(crate) fn parsed<T: FromStr>(at: Field<'_>) -> Option<Placed<'_, T>> {
    let value = at.text()?.trim().parse().ok()?;
    Some(Placed { value, at })
}

/// A cluster of a SiteConfig, or a ClusterInstance.
#[derive(Debug)]
pub(crate) struct Cluster<'a> {
    pub(crate) name: &'a str,
    /// Where its name stands.
    pub(crate) at: Field<'a>,
    /// Which document it is in: the clusters of a SiteConfig are one site.
    pub(crate) site: usize,
    pub(crate) base_domain: Option<&'a str>,
    /// Whether its API is served at an address that its own nodes hold.
    pub(crate) holds_vips: bool,
    pub(crate) labels: BTreeMap<&'a str, &'a str>,
    pub(crate) pull_secret: Option<Field<'a>>,
    pub(crate) machine: Vec<Placed<'a, IpNet>>,
    pub(crate) pods: Vec<Placed<'a, IpNet>>,
    pub(crate) services: Vec<Placed<'a, IpNet>>,
    pub(crate) api: Vec<Placed<'a, IpAddr>>,
    pub(crate) ingress: Vec<Placed<'a, IpAddr>>,
    pub(crate) nodes: Vec<Node<'a>>,
}

impl<'a> Cluster<'a> {
    /// One node is the whole control plane: it answers for the cluster, and there are no virtual addresses. Workers may
    /// have been added to it.
    pub(crate) fn is_single_node(&self) -> bool {
        self.control_plane().count() == 1
    }

    /// The nodes of the control plane.
    pub(crate) fn control_plane(&self) -> impl Iterator<Item = &Node<'a>> {
        self.nodes.iter().filter(|node| node.role == "master")
    }

    /// Whether an address is in a machine network; always, where the cluster names none.
    pub(crate) fn counts(&self, ip: &IpAddr) -> bool {
        self.machine.is_empty() || self.machine.iter().any(|net| net.value.contains(ip))
    }
}

/// A node of a cluster.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) host_name: &'a str,
    pub(crate) role: &'a str,
    /// Where its BareMetalHost and Secret stand.
    pub(crate) namespace: &'a str,
    pub(crate) credentials: Option<Field<'a>>,
    pub(crate) bmc: Option<Bmc<'a>>,
    pub(crate) boot_mac: Option<Placed<'a, MacAddress>>,
    /// Names and MAC addresses of `nodeNetwork.interfaces`.
    pub(crate) interfaces: Vec<(&'a str, Option<Placed<'a, MacAddress>>)>,
    pub(crate) network: Nmstate<'a>,
}

/// A BareMetalHost that stands alone.
#[derive(Debug)]
pub(crate) struct Host<'a> {
    pub(crate) namespace: Option<&'a str>,
    pub(crate) bmc: Option<Bmc<'a>>,
    pub(crate) credentials: Option<Field<'a>>,
}

/// A BMC's address, in whatever format.
pub(crate) type Bmc<'a> = Placed<'a, BmcAddress>;

/// All there is.
#[derive(Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) clusters: Vec<Cluster<'a>>,
    /// The NMStateConfigs of a namespace, as the nodes of a cluster of which nothing else is known.
    pools: Vec<Cluster<'a>>,
    pub(crate) hosts: Vec<Host<'a>>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(repository: &'a Repository) -> Self {
        let mut facts = Self::default();
        for (site, object) in repository.objects().enumerate().filter(|(_, object)| !object.unlisted) {
            facts.object(site, &object);
        }
        facts
    }

    fn object(&mut self, site: usize, object: &Object<'a>) {
        let Some(spec) = object.root.get("spec") else { return };
        match (object.group, object.kind) {
            ("ran.openshift.io", "SiteConfig") => {
                for cluster in spec.get("clusters").map(|at| at.items()).unwrap_or_default() {
                    let labels = cluster.get("clusterLabels");
                    self.cluster(site, &cluster, labels.as_ref(), Some(&spec));
                }
            }
            ("siteconfig.open-cluster-management.io", "ClusterInstance") => {
                let labels = spec.dig(&["extraLabels", "ManagedCluster"]);
                self.cluster(site, &spec, labels.as_ref(), None);
            }
            ("metal3.io", "BareMetalHost") => {
                let bmc = spec.dig(&["bmc", "address"]).and_then(parsed);
                let credentials = spec.dig(&["bmc", "credentialsName"]);
                self.hosts.push(Host { namespace: object.namespace, bmc, credentials });
            }
            ("agent-install.openshift.io", "NMStateConfig") => self.network(site, object, &spec),
            _ => {}
        }
    }

    fn network(&mut self, site: usize, object: &Object<'a>, spec: &Field<'a>) {
        let name = object.namespace.unwrap_or_default();
        if name.contains("{{") || object.name.contains("{{") {
            return;
        }
        let node = Node {
            host_name: object.name,
            role: "",
            namespace: name,
            credentials: None,
            bmc: None,
            boot_mac: None,
            interfaces: interfaces(spec.get("interfaces")),
            network: spec.get("config").map(|at| Nmstate::of(&at)).unwrap_or_default(),
        };
        match self.pools.iter_mut().find(|pool| pool.name == name) {
            Some(pool) => pool.nodes.push(node),
            None => self.pools.push(Cluster {
                name,
                at: object.place(),
                site,
                base_domain: None,
                holds_vips: false,
                labels: BTreeMap::new(),
                pull_secret: None,
                machine: Vec::new(),
                pods: Vec::new(),
                services: Vec::new(),
                api: Vec::new(),
                ingress: Vec::new(),
                nodes: vec![node],
            }),
        }
    }

    fn cluster(
        &mut self,
        site: usize,
        cluster: &Field<'a>,
        labels: Option<&Field<'a>>,
        above: Option<&Field<'a>>,
    ) {
        let Some(at) = cluster.get("clusterName") else { return };
        // A template is filled in by the hub: nobody knows what it will say.
        let Some(name) = at.text().filter(|name| !name.contains("{{")) else { return };
        let inherited = |name| cluster.get(name).or_else(|| above.and_then(|site| site.get(name)));
        let nodes = cluster.get("nodes").map(|at| at.items()).unwrap_or_default();
        self.clusters.push(Cluster {
            name,
            site,
            base_domain: inherited("baseDomain").and_then(|at| at.text()),
            holds_vips: holds_vips(cluster),
            labels: labels.map(words).unwrap_or_default(),
            pull_secret: inherited("pullSecretRef").and_then(|at| at.get("name")),
            machine: networks(cluster, "machineNetwork"),
            pods: networks(cluster, "clusterNetwork"),
            services: networks(cluster, "serviceNetwork"),
            api: addresses(cluster, "apiVIPs", "apiVIP"),
            ingress: addresses(cluster, "ingressVIPs", "ingressVIP"),
            nodes: nodes.iter().map(|at| node(at, name)).collect(),
            at,
        });
    }

    /// Every BMC.
    pub(crate) fn bmcs(&self) -> impl Iterator<Item = &Bmc<'a>> {
        let nodes = self.clusters.iter().flat_map(|cluster| &cluster.nodes);
        nodes
            .filter_map(|node| node.bmc.as_ref())
            .chain(self.hosts.iter().filter_map(|host| host.bmc.as_ref()))
    }

    /// The clusters, each name once.
    pub(crate) fn distinct(&self) -> Vec<&Cluster<'a>> {
        let mut seen = std::collections::BTreeSet::new();
        self.clusters.iter().filter(|cluster| seen.insert(cluster.name)).collect()
    }

    /// Whatever has nodes with a network: the clusters, each name once, and the hosts' own configurations.
    pub(crate) fn networks(&self) -> Vec<&Cluster<'a>> {
        self.distinct().into_iter().chain(&self.pools).collect()
    }
}

/// Not where somebody else balances the load, nor where the control plane is hosted elsewhere.
fn holds_vips(cluster: &Field<'_>) -> bool {
    let says = |name, words: &[&str]| {
        cluster.get(name).and_then(|at| at.text()).is_some_and(|text| words.contains(&text))
    };
    !says("platformType", &["None", "External"]) && !says("clusterType", &["HostedControlPlane"])
}

fn node<'a>(at: &Field<'a>, cluster: &'a str) -> Node<'a> {
    let text = |name| at.get(name).and_then(|field| field.text());
    Node {
        host_name: text("hostName").unwrap_or_default(),
        role: text("role").unwrap_or("master"),
        namespace: at.dig(&["hostRef", "namespace"]).and_then(|at| at.text()).unwrap_or(cluster),
        credentials: at.dig(&["bmcCredentialsName", "name"]),
        bmc: at.get("bmcAddress").and_then(parsed),
        boot_mac: at.get("bootMACAddress").and_then(parsed),
        interfaces: interfaces(at.dig(&["nodeNetwork", "interfaces"])),
        network: at.dig(&["nodeNetwork", "config"]).map(|at| Nmstate::of(&at)).unwrap_or_default(),
    }
}

/// Names and MAC addresses, as they stand beside an nmstate configuration.
fn interfaces(list: Option<Field<'_>>) -> Vec<(&str, Option<Placed<'_, MacAddress>>)> {
    let items = list.map(|at| at.items()).unwrap_or_default();
    items
        .iter()
        .filter_map(|at| Some((at.get("name")?.text()?, at.get("macAddress").and_then(parsed))))
        .collect()
}

/// A mapping of texts; a value that is nothing is the empty text.
pub(crate) fn words<'a>(at: &Field<'a>) -> BTreeMap<&'a str, &'a str> {
    at.entries().into_iter().map(|(key, at)| (key, at.text().unwrap_or_default())).collect()
}

/// A list of networks, written plainly or as mappings with `cidr`.
fn networks<'a>(cluster: &Field<'a>, name: &str) -> Vec<Placed<'a, IpNet>> {
    let items = cluster.get(name).map(|at| at.items()).unwrap_or_default();
    let network = |at: Field<'a>| {
        let net: Placed<'a, IpNet> = parsed(at.get("cidr").unwrap_or(at))?;
        Some(Placed { value: net.value.trunc(), ..net })
    };
    items.into_iter().filter_map(network).collect()
}

/// The addresses of the plural field, or of the singular one.
fn addresses<'a>(cluster: &Field<'a>, many: &str, one: &str) -> Vec<Placed<'a, IpAddr>> {
    let plural = cluster.get(many).map(|at| at.items()).unwrap_or_default();
    let found: Vec<_> = plural.into_iter().filter_map(parsed).collect();
    if found.is_empty() { cluster.get(one).and_then(parsed).into_iter().collect() } else { found }
}
