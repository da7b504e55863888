//! A run over the nodes of a site: everything that `apply` and `demo` put together around the engine.
//!
//! Each node has a task of its own: what the journal alone decides is decided without a connection; where a firmware
//! profile has to be chosen, the machine is asked first who it is, and that connection is handed to the engine; then the
//! engine does the rest. Beside the tasks one loop takes signals, the time limit and the requests of other processes.

mod news;
mod node;
mod reports;
mod requests;
mod run;
mod serve;
mod sightings;
mod supervise;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use anyhow::Context as _;
use rackhand::IpmiAddress;
use rackhand_agent::{
    engine::{Engine, Limits, Parts},
    event::Event,
    journal::{FileJournal, Inbox, Journal, OnLoss, Record},
    ledger::FileLedger,
    plan,
};
use rackhand_bmc::{Credentials, Pacing};
use rackhand_dhcp::ProxyDhcp;
use rackhand_http::{Origin, Tls};
use rackhand_spec::{BmcProtocol, EarlyNetwork, Follow, IpNet, NodeSpec};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub(crate) use news::{News, Wanting};
pub(crate) use reports::ReportOptions;
pub(crate) use run::{Ended, Finished};
pub(crate) use serve::{Daemon, Snapshot};

use crate::{
    World,
    adapters::{
        connector::{Access, Fence, Line, SiteConnector},
        images::{Images, NetworkHost, NodeImage, Running, ServeOptions},
        netboot::start_proxy,
        trust::{TrustChoice, Where},
    },
    options::{ApplyOptions, TrustOptions},
    site::{Consent, Site},
    state::StateDir,
};

/// A run, ready to begin.
pub(crate) struct Fleet {
    shared: Arc<Shared>,
    inbox: Inbox,
    images: Arc<Images>,
    reports: reports::Reports,
    /// What BMCs refused, for somebody's word that it is corrected.
    ledger: FileLedger,
    /// Answers beside the site's DHCP server for as long as the run goes on.
    _proxy: Option<ProxyDhcp>,
}

/// What every node's task shares.
struct Shared {
    now: RwLock<Arc<Now>>,
    connector: Arc<SiteConnector>,
    engine: Engine,
    journal: Arc<dyn Journal>,
    /// The journal's last record before this run.
    before: u64,
    /// Machines that are connected only to learn who they are, at once.
    places: Arc<Semaphore>,
    pacing: Pacing,
    sightings: sightings::Router,
    cancels: Mutex<BTreeMap<String, CancellationToken>>,
    stop: CancellationToken,
}

/// What is wanted now. A daemon gets another one when its source changes; a task keeps the one that it began with.
struct Now {
    site: Site,
    specs: BTreeMap<String, NodeSpec>,
    /// Who asked by name for a node to be installed.
    asked: BTreeMap<String, String>,
    consent: Consent,
}

impl Shared {
    /// What is wanted now.
    fn now(&self) -> Arc<Now> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The token that cancels a node's task.
    fn cancel_of(&self, node: &str) -> CancellationToken {
        let mut cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        cancels.entry(node.to_owned()).or_default().clone()
    }

    /// Gives a node a new token, for another task of it.
    fn renew_cancel(&self, node: &str, token: CancellationToken) {
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner).insert(node.to_owned(), token);
    }
}

impl Shared {
    /// Waits until the engine has taken up the job that an earlier process left open for a node.
    async fn taken_up(&self, node: &str) {
        let mut grown = self.journal.watch();
        let mut after = self.before;
        loop {
            // A journal that cannot be read ends the run by itself.
            let Ok(records) = self.journal.read(after, 1000).await else { return };
            let of_node = |record: &&Record| record.node.as_deref() == Some(node);
            if records.iter().filter(of_node).any(|record| matches!(record.event, Event::JobResumed { .. })) {
                return;
            }
            after = records.last().map_or(after, |record| record.seq);
            if grown.wait_for(|last| *last > after).await.is_err() {
                return;
            }
        }
    }
}

impl Fleet {
    /// Opens the journal as its owner and reads what is known of every node. BMCs that ask for images wait until
    /// [`publish_running`](Self::publish_running).
    pub(crate) async fn found(
        site: Site,
        nodes: Vec<NodeSpec>,
        options: &ApplyOptions,
        state: &StateDir,
        world: &World,
        bounds: Bounds,
    ) -> anyhow::Result<Self> {
        let dir = state.create()?.to_owned();
        let on_loss = if options.accept_lost_journal { OnLoss::Accept } else { OnLoss::Refuse };
        let journal = FileJournal::open(&dir, Arc::clone(&world.clock), on_loss)?;
        let journal = world.hooks.journal(Arc::new(journal));
        let inbox = Inbox::open(&dir)?;
        let asked = site.resolve(&options.install, "--install")?;
        let consent = site.consent(&options.consent)?;
        let connector = Arc::new(connector(&site, &nodes, options, state, world, &dir, bounds)?);
        let (images, signs) = Images::start(&serving(options), images_of(&nodes, options), state).await?;
        let images = Arc::new(images);
        // Not another owner: who holds the images last ends their server.
        let weak = Arc::downgrade(&images);
        let offers = move |mac: &_| weak.upgrade().is_some_and(|images: Arc<Images>| images.offers(mac));
        let proxy = start_proxy(&options.netboot, offers).await?;
        let limits = limits(options);
        let engine = Engine::new(Parts {
            journal: Arc::clone(&journal),
            connector: connector.clone(),
            images: images.clone(),
            clock: Arc::clone(&world.clock),
            pacing: options.pacing.clone(),
            limits,
        })
        .await?;
        let before = *journal.watch().borrow();
        let now = Now {
            site,
            specs: nodes.into_iter().map(|node| (node.name.to_string(), node)).collect(),
            asked: asked.into_iter().map(|node| (node, "--install".to_owned())).collect(),
            consent,
        };
        let shared = Shared {
            now: RwLock::new(Arc::new(now)),
            connector,
            engine,
            journal: Arc::clone(&journal),
            before,
            places: Arc::new(Semaphore::new(limits.nodes.max(1))),
            pacing: options.pacing.clone(),
            sightings: sightings::Router::new(signs),
            cancels: Mutex::default(),
            stop: CancellationToken::new(),
        };
        let reports = reports::Reports::start(&options.reports, &journal)?;
        let ledger = FileLedger::open(&dir, Arc::clone(&world.clock), options.pacing.login_window)?;
        Ok(Self { shared: Arc::new(shared), inbox, images, reports, ledger, _proxy: proxy })
    }

    /// As [`open`](Self::open), and answers BMCs at once: what there is to do is known.
    pub(crate) async fn open(
        site: Site,
        nodes: Vec<NodeSpec>,
        options: &ApplyOptions,
        state: &StateDir,
        world: &World,
    ) -> anyhow::Result<Self> {
        let fleet = Self::found(site, nodes, options, state, world, Bounds::default()).await?;
        fleet.publish_running().await;
        Ok(fleet)
    }

    /// Publishes again what the nodes of running jobs read, and answers BMCs from then on.
    async fn publish_running(&self) {
        let history = self.shared.engine.history();
        let running = history.nodes().filter_map(|(node, known)| {
            let job = known.running_job()?;
            let image = job.image.clone()?;
            Some(Running { node: node.to_owned(), image, is_offered: plan::is_offered_again(job) })
        });
        self.images.open(running.filter(|one| self.images.serves(&one.node))).await;
    }

    /// The journal, which this process owns.
    pub(crate) fn journal(&self) -> Arc<dyn Journal> {
        Arc::clone(&self.shared.journal)
    }

    /// The nodes of the run, in order of name.
    pub(crate) fn nodes(&self) -> Vec<String> {
        self.shared.now().specs.keys().cloned().collect()
    }

    /// Where images are served, for people.
    pub(crate) fn listening(&self) -> String {
        self.images.listening()
    }

    /// A sentence for each BMC whose certificate is not checked.
    pub(crate) fn insecure(&self) -> Vec<String> {
        let said = |node: &String| {
            let access = self.shared.connector.access(node)?;
            let origin = access.address.origin()?;
            match &access.trust {
                TrustChoice::Insecure(why) if origin.is_tls() => Some(format!(
                    "warning: {node}: the certificate of BMC {} is not checked ({why}); its password goes to whoever answers",
                    access.address.name()
                )),
                _ if !origin.is_tls() => Some(format!(
                    "warning: {node}: BMC {} is spoken to without TLS; its password goes over the network in clear text",
                    access.address.name()
                )),
                _ => None,
            }
        };
        self.nodes().iter().filter_map(said).collect()
    }
}

fn serving(options: &ApplyOptions) -> ServeOptions {
    ServeOptions {
        listen: options.media_listen,
        base_url: options.media_url.clone(),
        networks: options.media_urls.clone(),
        netboot: options.netboot.clone(),
    }
}

fn limits(options: &ApplyOptions) -> Limits {
    let mut limits = Limits { failure_budget: options.failure_budget, ..Limits::default() };
    if let Some(nodes) = options.concurrency {
        limits.nodes = nodes;
        limits.nodes_per_site = nodes;
    }
    limits
}

/// What bounds every connection to a BMC.
#[derive(Clone, Default)]
pub(crate) struct Bounds {
    /// Asked before a request that changes something.
    pub(crate) fence: Option<Fence>,
    /// The only networks that BMCs may be in.
    pub(crate) networks: Option<Arc<[IpNet]>>,
}

/// The connector for nodes of a site.
pub(crate) fn connector(
    site: &Site,
    nodes: &[NodeSpec],
    options: &impl Reach,
    state: &StateDir,
    world: &World,
    dir: &Path,
    bounds: Bounds,
) -> anyhow::Result<SiteConnector> {
    let ledger = FileLedger::open(dir, Arc::clone(&world.clock), options.pacing().login_window)?;
    let line = Line {
        tls: Tls::new(),
        ledger: Arc::new(ledger),
        clock: Arc::clone(&world.clock),
        pacing: options.pacing().clone(),
        state: state.clone(),
        hooks: world.hooks.clone(),
        place: Where::Site,
        fence: bounds.fence,
        networks: bounds.networks,
    };
    let access = nodes.iter().map(|node| Ok((node.name.to_string(), access(site, node, options.trust())?)));
    Ok(SiteConnector::new(line, access.collect::<anyhow::Result<_>>()?))
}

/// What a connector needs of the options of `plan` and `apply`.
pub(crate) trait Reach {
    fn trust(&self) -> &TrustOptions;
    fn pacing(&self) -> &Pacing;
}

impl Reach for ApplyOptions {
    fn trust(&self) -> &TrustOptions {
        &self.trust
    }
    fn pacing(&self) -> &Pacing {
        &self.pacing
    }
}

impl Reach for crate::options::PlanOptions {
    fn trust(&self) -> &TrustOptions {
        &self.trust
    }
    fn pacing(&self) -> &Pacing {
        &self.pacing
    }
}

fn access(site: &Site, node: &NodeSpec, trust: &TrustOptions) -> anyhow::Result<Access> {
    let address =
        address(&node.bmc).with_context(|| format!("{}: the BMC address {}", node.name, node.bmc))?;
    let credentials = site
        .credentials(node)
        .map(|found| Credentials { username: found.username, password: found.password })
        .map_err(|error| error.to_string());
    Ok(Access { address, trust: TrustChoice::for_node(node, trust), credentials })
}

/// The address of a spec as it is connected to.
fn address(bmc: &rackhand_spec::BmcAddress) -> anyhow::Result<rackhand::BmcAddress> {
    if bmc.protocol == BmcProtocol::Ipmi {
        let privilege = bmc.privilege_level.as_deref().map(str::parse).transpose()?.unwrap_or_default();
        let address = IpmiAddress { host: bmc.host.clone(), port: bmc.port, privilege };
        return Ok(rackhand::BmcAddress::Ipmi(address));
    }
    let origin = if bmc.tls { Origin::https(&bmc.host, bmc.port) } else { Origin::http(&bmc.host, bmc.port) };
    Ok(rackhand::BmcAddress::Redfish { origin: origin?, system: bmc.system_path.clone() })
}

fn images_of(nodes: &[NodeSpec], options: &ApplyOptions) -> BTreeMap<String, NodeImage> {
    let of = |node: &NodeSpec| {
        let (source, sha256) = match &node.iso {
            Some(iso) => (Some(beside(&node.source.file, iso)), node.iso_sha256),
            None => (options.iso.clone(), node.iso_sha256.or(options.iso_sha256)),
        };
        let host = NetworkHost {
            mac: node.boot_mac,
            network: EarlyNetwork::of(&node.network, &node.host_name),
            calls_back: node.follow == Some(Follow::Callback),
        };
        let script = node.ipxe_script.as_deref().map(|script| beside(&node.source.file, script));
        NodeImage { source, sha256, script, bmc_host: node.bmc.host.clone(), host }
    };
    nodes.iter().map(|node| (node.name.to_string(), of(node))).collect()
}

/// A relative path in a site file is meant from where that file is, wherever the command is run.
fn beside(file: &Path, iso: &str) -> String {
    match file.parent() {
        Some(dir) if !iso.contains("://") && Path::new(iso).is_relative() => {
            dir.join(iso).display().to_string()
        }
        _ => iso.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_image_stands_beside_its_site() {
        assert_eq!(beside(Path::new("/sites/a/site.yaml"), "iso/x.iso"), "/sites/a/iso/x.iso");
        assert_eq!(beside(Path::new("site.yaml"), "x.iso"), "x.iso");
        assert_eq!(beside(Path::new("/sites/a/site.yaml"), "/srv/x.iso"), "/srv/x.iso");
        assert_eq!(beside(Path::new("/sites/a/site.yaml"), "https://x/y.iso"), "https://x/y.iso");
    }
}
