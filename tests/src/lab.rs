//! The whole agent against simulated machines, in one process under a paused clock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use rackhand::{
    BmcAddress, Clock, Credentials, Fut, Ledger, MemoryLedger, Options, Origin, Pacing, SimClock, Transport,
    connect_over,
};
use rackhand_agent::{
    engine::{Engine, Handle, Limits, NodeJob, NodeReport, Parts},
    event::Evidence,
    journal::{Journal, MemoryJournal, Record},
    ports::{BoxFuture, Connector, ImageError, ImageHost, PreparedImage, Sighting},
    wanted::{BootWay, DriveChoice, Follow, Wanted, WantedBoot, WantedFirmware, WantedStorage, WantedVolume},
};
use rackhand_bmc::{Attributes, Bmc, BootMode, RaidLevel};
use rackhand_http::{ServiceTransport, TransportError};
use rackhand_simulator::{
    CallFailure, MachineSpec, Simulator,
    faults::Rule,
    fetch::{FetchError, MediaFetch},
    iso::IsoBuilder,
    log::{Class, Entry as LogEntry, RequestEntry},
    personality,
};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::fuse::{Fuse, FusedJournal, FusedTransport};

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
        }
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
        let jobs = nodes.iter().map(job).collect();
        let machine = |node: &Node| node.machine.clone().unwrap_or_else(|| node.name.clone());
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

fn job(node: &Node) -> NodeJob {
    let wanted = Wanted {
        node: node.name.clone(),
        source: "lab.yaml:1".to_owned(),
        request: "first".to_owned(),
        boot_mac: None,
        bios: node.bios.clone(),
        bios_source: None,
        firmware: node.firmware.clone(),
        boot_mode: node.boot_mode,
        secure_boot: node.secure_boot,
        boot: WantedBoot::only(BootWay::VirtualMedia, "the lab"),
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
fn fault(error: &dyn std::fmt::Display) -> ! {
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

/// An image server in memory: what the media crate is over sockets.
#[derive(Debug)]
pub struct Images {
    image: Mutex<Image>,
    files: Mutex<BTreeMap<String, Bytes>>,
    served: Mutex<BTreeMap<String, Served>>,
    sightings: Mutex<Option<mpsc::Sender<Sighting>>>,
}

/// The image, the same for every node.
#[derive(Debug, Clone)]
struct Image {
    iso: Bytes,
    sha256: String,
}

impl Image {
    fn labelled(label: &str) -> Self {
        let config = Bytes::from_static(b"callback={base}/callback\n");
        let iso = IsoBuilder::new(label).file(rackhand_simulator::iso::CONFIG_FILE, config).build();
        let iso = Bytes::from(iso.unwrap_or_else(|error| fault(&error)));
        let sha256 = hex_digest(&iso);
        Self { iso, sha256 }
    }

    fn len(&self) -> u64 {
        u64::try_from(self.iso.len()).unwrap_or(u64::MAX)
    }
}

/// SHA-256 in hex.
#[must_use]
pub fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Debug, Default, Clone)]
struct Served {
    bytes: u64,
    began: bool,
    complete: bool,
}

const HOST: &str = "http://192.0.2.1";

impl Images {
    fn new() -> Self {
        Self {
            image: Mutex::new(Image::labelled("LAB")),
            files: Mutex::default(),
            served: Mutex::default(),
            sightings: Mutex::default(),
        }
    }

    /// Puts another image in the place of the one that is served.
    pub fn replace(&self, label: &str) {
        *self.image.lock().unwrap_or_else(PoisonError::into_inner) = Image::labelled(label);
    }

    /// Puts a file beside the image: firmware that nodes may want by this name.
    pub fn shelve(&self, name: &str, content: impl Into<Bytes>) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), content.into());
    }

    fn file(&self, name: &str) -> Option<Bytes> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn image(&self) -> Image {
        self.image.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn report_to(&self, sightings: mpsc::Sender<Sighting>) {
        *self.sightings.lock().unwrap_or_else(PoisonError::into_inner) = Some(sightings);
    }

    /// Tells the engine of the present process; `false` when it is gone.
    async fn sighted(&self, node: &str, evidence: Evidence) -> bool {
        let sender = self.sightings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(sender) = sender else { return false };
        let (ack, durable) = oneshot::channel();
        let sighting = Sighting { node: node.to_owned(), evidence, ack: Some(ack) };
        sender.send(sighting).await.is_ok() && durable.await.is_ok()
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let url = request.uri().to_string();
        let path = url.strip_prefix(HOST).unwrap_or_default().trim_start_matches('/').to_owned();
        let (node, file) = path.split_once('/').unwrap_or((&path, ""));
        if *request.method() == Method::POST && file == "callback" {
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
            let stage = body.get("stage").and_then(|stage| stage.as_str()).unwrap_or("?").to_owned();
            let heard = self.sighted(node, Evidence::CalledBack { stage }).await;
            return reply(
                if heard { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE },
                None,
                Bytes::new(),
            );
        }
        let is_image = file == "lab.iso";
        let Some(iso) = (if is_image { Some(self.image().iso) } else { self.file(file) }) else {
            return reply(StatusCode::NOT_FOUND, None, Bytes::new());
        };
        let total = iso.len();
        let Some((first, last)) = range(&request) else {
            let body = if *request.method() == Method::HEAD { Bytes::new() } else { iso };
            let mut answer = reply(StatusCode::OK, None, body)?;
            answer.headers_mut().insert(header::CONTENT_LENGTH, total.into());
            return Ok(answer);
        };
        let last = last.min(total.saturating_sub(1));
        if first > last {
            return reply(StatusCode::RANGE_NOT_SATISFIABLE, None, Bytes::new());
        }
        if is_image {
            self.read(node, u64::try_from(last - first + 1).unwrap_or(0)).await;
        }
        reply(
            StatusCode::PARTIAL_CONTENT,
            Some(format!("bytes {first}-{last}/{total}")),
            iso.slice(first..=last),
        )
    }

    async fn read(&self, node: &str, bytes: u64) {
        let total = self.image().len();
        let (began, complete) = {
            let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
            let served = served.entry(node.to_owned()).or_default();
            served.bytes += bytes;
            let complete = !served.complete && served.bytes >= total;
            served.complete |= complete;
            (!std::mem::replace(&mut served.began, true), complete)
        };
        if began {
            self.sighted(node, Evidence::ImageRead { peer: node.to_owned() }).await;
        }
        if complete {
            self.sighted(node, Evidence::ImageComplete { bytes: total }).await;
        }
    }
}

fn range(request: &Request<Bytes>) -> Option<(usize, usize)> {
    let range = request.headers().get(header::RANGE)?.to_str().ok()?;
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn reply(
    status: StatusCode,
    content_range: Option<String>,
    body: Bytes,
) -> Result<Response<Bytes>, FetchError> {
    let mut answer = Response::builder().status(status);
    if let Some(range) = content_range {
        answer = answer.header(header::CONTENT_RANGE, range);
    }
    answer.body(body).map_err(|error| FetchError::Cut(error.to_string()))
}

impl MediaFetch for Images {
    fn send(
        &self,
        request: Request<Bytes>,
        _verify: bool,
        _limit: usize,
    ) -> rackhand_simulator::fetch::Fut<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(self.answer(request))
    }
}

impl ImageHost for Images {
    fn prepare<'a>(
        &'a self,
        node: &'a str,
        _way: BootWay,
    ) -> BoxFuture<'a, Result<PreparedImage, ImageError>> {
        Box::pin(async move {
            let image = self.image();
            Ok(PreparedImage {
                url: format!("{HOST}/{node}/lab.iso"),
                bytes: image.len(),
                sha256: image.sha256,
                verified: false,
            })
        })
    }

    fn offer(&self, _node: &str, _installs: bool) {}

    fn prepare_firmware<'a>(
        &'a self,
        node: &'a str,
        file: &'a WantedFirmware,
    ) -> BoxFuture<'a, Result<PreparedImage, ImageError>> {
        Box::pin(async move {
            let missing = || ImageError(format!("{} is not there", file.url));
            let content = self.file(&file.url).ok_or_else(missing)?;
            let sha256 = hex_digest(&content);
            if let Some(expected) = file.sha256.as_ref().filter(|expected| **expected != sha256) {
                return Err(ImageError(format!("its SHA-256 is {sha256}, but {expected} was given")));
            }
            Ok(PreparedImage {
                url: format!("{HOST}/{node}/{}", file.url),
                bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
                sha256,
                verified: file.sha256.is_some(),
            })
        })
    }

    fn bytes_read(&self, node: &str) -> u64 {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).get(node).map_or(0, |served| served.bytes)
    }
}
