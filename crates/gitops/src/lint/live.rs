//! What only the network knows: names, load balancers, ISOs, BMCs. Reads only, and never logs in anywhere.

use std::net::IpAddr;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use rackhand_spec::BmcProtocol;
use rackhand_spec::located::Field;

use super::facts::{Bmc, Cluster, Facts, Placed};
use super::finding::Finding;
use super::nmstate::is_link_local;
use super::probe::Probe;
use super::profiles::annotations;
use super::repository::Repository;
use super::{LintOptions, LintReport, Rule, report};

/// Questions that are open at once.
const AT_ONCE: usize = 32;

/// Everything that the files show and the network says.
pub async fn lint_live<P: Probe>(repository: &Repository, options: &LintOptions, probe: &P) -> LintReport {
    let facts = Facts::of(repository);
    let clusters = facts.distinct();
    let mut asked: Vec<BoxFuture<'_, Vec<Finding>>> = Vec::new();
    for cluster in clusters {
        questions(cluster, probe, &mut asked);
    }
    for bmc in facts.bmcs() {
        asked.push(bmc_answers(bmc, probe).boxed());
    }
    for at in isos(repository) {
        asked.push(iso(at, probe).boxed());
    }
    let found: Vec<Vec<Finding>> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    report(repository, &facts, options, found.into_iter().flatten().collect())
}

/// What is asked about a cluster.
fn questions<'q, P: Probe>(
    cluster: &'q Cluster<'q>,
    probe: &'q P,
    asked: &mut Vec<BoxFuture<'q, Vec<Finding>>>,
) {
    let (api, ingress) = (expected(cluster, &cluster.api), expected(cluster, &cluster.ingress));
    if let Some(domain) = cluster.base_domain {
        let whole = |name: &str| format!("{name}.{}.{domain}", cluster.name);
        for (name, addresses, inner) in [
            ("api", &api, false),
            ("api-int", &api, true),
            ("console-openshift-console.apps", &ingress, false),
        ] {
            asked.push(name_resolves(cluster, whole(name), addresses.clone(), inner, probe).boxed());
        }
    }
    // 22623 serves the machines' own configuration while they are installed.
    for (addresses, ports) in [(&api, [6443, 22623]), (&ingress, [443, 80])] {
        for (ip, port) in addresses.iter().flat_map(|ip| ports.map(|port| (*ip, port))) {
            asked.push(load_balancer(cluster, ip, port, probe).boxed());
        }
    }
}

/// Where a cluster is reached: by its virtual addresses, or where it is one node by that.
fn expected(cluster: &Cluster<'_>, vips: &[Placed<'_, IpAddr>]) -> Vec<IpAddr> {
    if !cluster.is_single_node() {
        return vips.iter().map(|vip| vip.value).collect();
    }
    let addresses = cluster.control_plane().flat_map(|node| node.network.addresses());
    addresses.map(|address| address.ip).filter(|ip| !is_link_local(ip) && cluster.counts(ip)).collect()
}

async fn name_resolves<P: Probe>(
    cluster: &Cluster<'_>,
    name: String,
    expected: Vec<IpAddr>,
    inner: bool,
    probe: &P,
) -> Vec<Finding> {
    let found = match probe.resolve(&name).await {
        Ok(found) if !found.is_empty() => found,
        other => {
            let why = other.err().map(|error| format!(": {error}")).unwrap_or_default();
            let message = format!("{name} has no address{why}");
            // A cluster of several nodes answers for its inner name itself; a single node needs the record.
            return vec![if inner && !cluster.is_single_node() {
                Finding::note(&cluster.at, Rule::NameUnresolved, message)
            } else {
                Finding::error(&cluster.at, Rule::NameUnresolved, message)
            }];
        }
    };
    let strange: Vec<String> =
        found.iter().filter(|ip| !expected.contains(ip)).map(ToString::to_string).collect();
    if expected.is_empty() || strange.is_empty() {
        return Vec::new();
    }
    let wanted: Vec<String> = expected.iter().map(ToString::to_string).collect();
    let message = format!("{name} is {}, and the specs say {}", strange.join(", "), wanted.join(" or "));
    vec![Finding::error(&cluster.at, Rule::NameElsewhere, message)]
}

async fn load_balancer<P: Probe>(cluster: &Cluster<'_>, ip: IpAddr, port: u16, probe: &P) -> Vec<Finding> {
    let Err(error) = probe.tcp(&ip.to_string(), port).await else { return Vec::new() };
    let message = format!("{ip} port {port} {error}");
    vec![Finding::note(&cluster.at, Rule::LoadBalancer, message)]
}

async fn bmc_answers<P: Probe>(bmc: &Bmc<'_>, probe: &P) -> Vec<Finding> {
    let address = &bmc.value;
    if address.protocol == BmcProtocol::Ipmi {
        let message = "IPMI answers over UDP, so whether this BMC does was not tried";
        return vec![Finding::note(&bmc.at, Rule::NotProbed, message)];
    }
    let Err(error) = probe.tcp(&address.host, address.port).await else { return Vec::new() };
    let message = format!("{} port {} {error}", address.host, address.port);
    vec![Finding::warning(&bmc.at, Rule::BmcUnreachable, message)]
}

/// Where the specs name an ISO, each once.
fn isos(repository: &Repository) -> Vec<Field<'_>> {
    let mut found: Vec<Field<'_>> = Vec::new();
    for object in repository.objects().filter(|object| !object.unlisted) {
        let mut named = annotations(&object.root, "rackhand.dev/iso");
        if object.is("metal3.io", "BareMetalHost") {
            named.extend(object.root.dig(&["spec", "image", "url"]));
        }
        found.extend(named);
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|at| at.text().is_some_and(|text| seen.insert(text)));
    found
}

async fn iso<P: Probe>(at: Field<'_>, probe: &P) -> Vec<Finding> {
    let Some(source) = at.text() else { return Vec::new() };
    let size = if source.starts_with("http://") || source.starts_with("https://") {
        probe.http_head(source).await.map(|head| head.size)
    } else {
        // A path is relative to the file that names it, as everywhere.
        let path = at.file().parent().unwrap_or(std::path::Path::new("")).join(source);
        std::fs::metadata(path)
            .map(|found| Some(found.len()))
            .map_err(|error| format!("cannot be read: {error}"))
    };
    vec![match size {
        Ok(Some(size)) => Finding::note(&at, Rule::IsoSize, format!("the ISO has {size} bytes")),
        Ok(None) => Finding::note(&at, Rule::IsoSize, "the ISO is there; its server does not say its size"),
        Err(error) => Finding::error(&at, Rule::IsoUnreachable, format!("the ISO {error}")),
    }]
}
