//! The whole agent against simulated machines, in one process under a paused clock.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use rackhand::{
    BmcAddress, Clock, Credentials, Fut, Ledger, MemoryLedger, Options, Origin, Pacing, SimClock, Transport,
    connect_over,
};
use rackhand_agent::{
    engine::{Engine, Handle, Limits, NodeJob, NodeReport, Parts},
    journal::{Journal, MemoryJournal, Record},
    ports::{Connector, Sighting},
    wanted::{BootWay, DriveChoice, Follow, Wanted, WantedBoot, WantedFirmware, WantedStorage, WantedVolume},
};
use rackhand_bmc::{Attributes, Bmc, BootMode, RaidLevel};
use rackhand_http::{ServiceTransport, TransportError};
use rackhand_simulator::{
    CallFailure, MachineSpec, Simulator,
    faults::Rule,
    fetch::MediaFetch,
    log::{Class, Entry as LogEntry, RequestEntry},
    machine::NetworkBoot,
    personality,
};
use tokio::sync::mpsc;

use crate::fuse::{Fuse, FusedJournal, FusedTransport};
pub use crate::images::{Images, hex_digest};

/// One machine of a lab and what is wanted of it.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name, of the machine and the node alike.
    pub name: String,
    /// The personality of its BMC.
    pub personality: String,
    /// The machine of another node that this one's spec names by mistake; its own otherwise.
    pub machine: Option<String>,
    /// BIOS attributes wanted.
    pub bios: Attributes,
    /// Volumes wanted.
    pub storage: WantedStorage,
    /// Firmware wanted.
    pub firmware: Vec<WantedFirmware>,
    /// Boot mode wanted.
    pub boot_mode: Option<BootMode>,
    /// Secure boot wanted.
    pub secure_boot: Option<bool>,
    /// Whether its host is on, with an old system installed, to begin with.
    pub live: bool,
    /// Whether its installation calls back.
    pub follow: Follow,
    /// How it boots.
    pub way: BootWay,
}

impl Node {
    /// A machine that is off, without BIOS wishes, whose installation calls back.
    #[must_use]
    pub fn new(name: &str, personality: &str) -> Self {
        Self {
            name: name.to_owned(),
            personality: personality.to_owned(),
            machine: None,
            bios: Attributes::new(),
            storage: WantedStorage::default(),
            firmware: Vec::new(),
            boot_mode: None,
            secure_boot: None,
            live: false,
            follow: Follow::CallBack,
            way: BootWay::VirtualMedia,
        }
    }

    /// Boots that way.
    #[must_use]
    pub fn boots(mut self, way: BootWay) -> Self {
        self.way = way;
        self
    }

    /// Wants BIOS attributes.
    #[must_use]
    pub fn bios(mut self, attributes: &[(&str, &str)]) -> Self {
        self.bios = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        self
    }

    /// Wants a mirror of two free drives, by that name.
    #[must_use]
    pub fn mirror(mut self, name: &str) -> Self {
        self.storage.volumes.push(WantedVolume {
            name: name.to_owned(),
            raid: RaidLevel::Raid1,
            drives: DriveChoice { count: 2, ..DriveChoice::default() },
            bytes: None,
            controller: None,
        });
        self
    }

    /// Wants firmware from a file of the image server, see [`Images::shelve`].
    #[must_use]
    pub fn firmware(mut self, component: &str, version: Option<&str>, file: &str) -> Self {
        self.firmware.push(WantedFirmware {
            component: component.to_owned(),
            version: version.map(str::to_owned),
            url: file.to_owned(),
            sha256: None,
            source: "the lab".to_owned(),
        });
        self
    }

    /// Stands on the BMC of another node.
    #[must_use]
    pub fn on_machine(mut self, node: &str) -> Self {
        self.machine = Some(node.to_owned());
        self
    }

    /// Makes it a live host.
    #[must_use]
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }
}

/// The password of every machine in a lab.
pub const PASSWORD: &str = "lab-password";

/// Machines, an image server, a journal: a rack and its jump host.
pub struct Lab {
    /// The simulator.
    pub sim: Simulator,
    /// The image server.
    pub images: Arc<Images>,
    /// The journal. Replace it to lose it.
    pub journal: Arc<MemoryJournal>,
    /// What is wanted of each node.
    pub jobs: Vec<NodeJob>,
    /// How much happens at once.
    pub limits: Limits,
    /// What is known of logins and sessions.
    pub ledger: Arc<dyn Ledger>,
    /// Dates.
    pub clock: Arc<dyn Clock>,
    machines: BTreeMap<String, String>,
}

impl Lab {
    /// A lab of these machines. Must be called under a paused clock.
    ///
    /// # Panics
    /// When a personality does not exist.
    #[must_use]
    pub fn new(nodes: &[Node], faults: Vec<Rule>) -> Self {
        Self::seeded(nodes, faults, 7)
    }

    /// The same with a seed of one's own: other machines, of the same names and at the same addresses.
    ///
    /// # Panics
    /// When a personality does not exist.
    #[must_use]
    pub fn seeded(nodes: &[Node], faults: Vec<Rule>, seed: u64) -> Self {
        let images = Arc::new(Images::new());
        let mut builder = Simulator::builder().seed(seed).net(Arc::clone(&images) as Arc<dyn MediaFetch>);
        builder = builder.network_boot(NetworkBoot::new("192.0.2.1:69", "boot.ipxe"));
        for node in nodes.iter().filter(|node| node.machine.is_none()) {
            let found = personality::all().into_iter().find(|p| p.name() == node.personality);
            let found = found.unwrap_or_else(|| missing(&node.personality));
            let mut spec = MachineSpec::new(&node.name, found).login("lab", PASSWORD);
            if node.live {
                spec = spec.old_os().on();
            }
            builder = builder.machine(spec);
        }
        for fault in faults {
            builder = builder.fault(fault);
        }
        let sim = builder.build().unwrap_or_else(|error| fault(&error));
        let clock: Arc<dyn Clock> =
            Arc::new(SimClock::starting_at(Timestamp::from_second(1_800_000_000).unwrap_or_default()));
        let journal = Arc::new(MemoryJournal::new("lab", Arc::clone(&clock)));
        let machine = |node: &Node| node.machine.clone().unwrap_or_else(|| node.name.clone());
        let mac = |node: &Node| {
            let cell = sim.machine(&machine(node));
            cell.and_then(|cell| cell.with(|machine| machine.identity.macs.first().cloned()))
                .unwrap_or_default()
        };
        let jobs = nodes.iter().map(|node| job(node, &mac(node))).collect();
        let names = nodes.iter().map(|node| (mac(node).replace(':', "-").to_lowercase(), node.name.clone()));
        images.know(names.collect());
        let machines = nodes.iter().map(|node| (node.name.clone(), machine(node))).collect();
        let ledger = Arc::new(MemoryLedger::default());
        Self { sim, images, journal, jobs, limits: Limits::default(), ledger, clock, machines }
    }

    /// Runs a new engine on the lab's journal, as a new process would.
    ///
    /// # Panics
    /// When the journal cannot be read.
    pub async fn apply(&self) -> Vec<NodeReport> {
        self.apply_fused(&Fuse::counting()).await.unwrap_or_default()
    }

    /// The same with a fuse; `None` when it blew.
    ///
    /// # Panics
    /// When the journal cannot be read.
    pub async fn apply_fused(&self, fuse: &Fuse) -> Option<Vec<NodeReport>> {
        let run = self.engine(self.journal.clone(), fuse).await;
        tokio::select! {
            biased;
            reports = run.reports() => Some(reports),
            () = fuse.blown() => None,
        }
    }

    /// Runs an engine on another journal than the lab's own, for example one that fails.
    ///
    /// # Panics
    /// When the journal cannot be read.
    pub async fn apply_on(&self, journal: Arc<dyn Journal>) -> Vec<NodeReport> {
        self.engine(journal, &Fuse::counting()).await.reports().await
    }

    /// Runs an engine, and beside it somebody who asks it for something.
    ///
    /// # Panics
    /// When the journal cannot be read.
    pub async fn apply_beside<F>(&self, somebody: impl FnOnce(Handle) -> F) -> Vec<NodeReport>
    where
        F: Future<Output = ()>,
    {
        let run = self.engine(self.journal.clone(), &Fuse::counting()).await;
        let somebody = somebody(run.engine.handle());
        tokio::join!(run.reports(), somebody).0
    }

    /// An engine as a new process would make one.
    async fn engine(&self, journal: Arc<dyn Journal>, fuse: &Fuse) -> Run {
        let (send, sightings) = mpsc::channel(64);
        // What an earlier process offered ended with it.
        self.images.restart();
        self.images.report_to(send);
        let connector = LabConnector {
            sim: self.sim.clone(),
            fuse: fuse.clone(),
            ledger: self.ledger.clone(),
            clock: self.clock.clone(),
            machines: self.machines.clone(),
        };
        let parts = Parts {
            journal: Arc::new(FusedJournal { inner: journal, fuse: fuse.clone() }),
            connector: Arc::new(connector),
            images: self.images.clone(),
            clock: self.clock.clone(),
            pacing: Pacing::default(),
            limits: self.limits,
        };
        let engine = Engine::new(parts).await.unwrap_or_else(|error| fault(&error));
        Run { engine, jobs: self.jobs.clone(), sightings }
    }

    /// Forgets the journal, as a lost state directory does.
    pub fn lose_journal(&mut self) {
        self.journal = Arc::new(MemoryJournal::new("another", Arc::clone(&self.clock)));
    }

    /// Everything written so far.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.journal.records()
    }

    /// The state-changing requests that a machine has seen so far, sessions and queries apart.
    #[must_use]
    pub fn changes(&self) -> Vec<RequestEntry> {
        let entries = self.sim.log().entries();
        let requests = entries.into_iter().filter_map(|entry| match entry {
            LogEntry::Request(request) => Some(request),
            LogEntry::State(_) => None,
        });
        requests.filter(|request| request.class == Class::Change).collect()
    }
}

fn job(node: &Node, mac: &str) -> NodeJob {
    let wanted = Wanted {
        node: node.name.clone(),
        source: "lab.yaml:1".to_owned(),
        request: "first".to_owned(),
        // Checked against the machine only where it is known by it.
        boot_mac: (node.way == BootWay::Pxe).then(|| mac.to_owned()),
        bios: node.bios.clone(),
        bios_source: None,
        firmware: node.firmware.clone(),
        boot_mode: node.boot_mode,
        secure_boot: node.secure_boot,
        boot: WantedBoot::only(node.way, "the lab"),
        follow: node.follow,
        storage: node.storage.clone(),
        allow_unverified: false,
        cannot: Vec::new(),
        hold: false,
        permission: None,
    };
    let bmc = node.machine.clone().unwrap_or_else(|| node.name.clone());
    NodeJob { wanted, bmc, site: "lab".to_owned() }
}

/// An engine and what it is to do.
struct Run {
    engine: Engine,
    jobs: Vec<NodeJob>,
    sightings: mpsc::Receiver<Sighting>,
}

impl Run {
    async fn reports(self) -> Vec<NodeReport> {
        self.engine.run(self.jobs, self.sightings).await
    }
}

#[allow(clippy::panic, reason = "a lab that cannot be built ends its test")]
pub(crate) fn fault(error: &dyn std::fmt::Display) -> ! {
    panic!("the lab cannot be built: {error}")
}

fn missing(name: &str) -> Arc<dyn personality::Personality> {
    fault(&format!("there is no personality {name}"))
}

/// Connects to the lab's machines in process.
struct LabConnector {
    sim: Simulator,
    fuse: Fuse,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    machines: BTreeMap<String, String>,
}

impl Connector for LabConnector {
    fn connect<'a>(&'a self, node: &'a str) -> Fut<'a, Bmc> {
        Box::pin(async move {
            let machine = self.machines.get(node).map_or(node, String::as_str);
            let transport =
                Arc::new(FusedTransport { inner: transport(&self.sim, machine), fuse: self.fuse.clone() });
            let address = BmcAddress::redfish(transport.origin().clone());
            let mut options = Options::new(Credentials::new("lab", PASSWORD.to_owned()));
            options.ledger = self.ledger.clone();
            options.clock = self.clock.clone();
            connect_over(transport, &address, options).await
        })
    }
}

/// A transport that calls a simulated machine in process.
///
/// # Panics
/// When there is no such machine.
#[must_use]
pub fn transport(sim: &Simulator, machine: &str) -> Arc<dyn Transport> {
    let service = sim.service(machine).unwrap_or_else(|| fault(&format!("there is no machine {machine}")));
    let origin = Origin::https(machine, 443).unwrap_or_else(|error| fault(&error));
    Arc::new(ServiceTransport::new(origin, move |request: Request<Bytes>| {
        let service = service.clone();
        async move {
            let (method, target) = (request.method().to_string(), request.uri().to_string());
            let safe = request.method().is_safe();
            service.call(request).await.map_err(|failure| {
                let (peer, reason) = (service.cell().name.clone(), failure.to_string());
                match failure {
                    CallFailure::Refused => TransportError::Unreachable { peer, method, target, reason },
                    CallFailure::Cut => {
                        TransportError::Lost { peer, method, target, reason, maybe_applied: !safe }
                    }
                }
            })
        }
    }))
}
