//! The simulator: machines by name, in-process or on sockets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;

use crate::cell::{Cell, World};
use crate::clock::SimClock;
use crate::faults::{Faults, Rule};
use crate::fetch::{HttpFetch, MediaFetch};
use crate::log::Log;
use crate::machine::{Account, GuestTimes, Identity, Machine, NetworkBoot};
use crate::personality::{Personality, Quirks};
use crate::service::Service;
use crate::tasks::Tasks;
use crate::tls::Authority;
use crate::web::Table;

/// A machine to be simulated.
#[derive(Clone)]
pub struct MachineSpec {
    name: String,
    personality: Arc<dyn Personality>,
    old_os: bool,
    on: bool,
    login: Option<(String, String)>,
}

impl MachineSpec {
    /// A machine that is off, with a blank disk, at factory settings.
    pub fn new(name: &str, personality: Arc<dyn Personality>) -> Self {
        Self { name: name.into(), personality, old_os: false, on: false, login: None }
    }

    /// With an operating system on its disk.
    #[must_use]
    pub fn old_os(mut self) -> Self {
        self.old_os = true;
        self
    }

    /// Already on when the simulation starts.
    #[must_use]
    pub fn on(mut self) -> Self {
        self.on = true;
        self
    }

    /// Its BMC's administrator; without one no credentials are asked for.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.into(), password.into()));
        self
    }
}

/// Puts a simulation together.
#[derive(Default)]
pub struct Builder {
    seed: u64,
    scale: Option<f64>,
    machines: Vec<MachineSpec>,
    rules: Vec<Rule>,
    without: Vec<String>,
    log_file: Option<PathBuf>,
    forget: bool,
    net: Option<Arc<dyn MediaFetch>>,
    guest_times: Option<GuestTimes>,
    media_patience: Option<Duration>,
    image_roots: Option<rustls::RootCertStore>,
    state: Option<PathBuf>,
    network: Option<NetworkBoot>,
}

impl Builder {
    /// Seed of identities, dates and chance.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Simulated seconds per real second.
    #[must_use]
    pub fn time_scale(mut self, scale: f64) -> Self {
        self.scale = Some(scale);
        self
    }

    /// Adds a machine.
    #[must_use]
    pub fn machine(mut self, machine: MachineSpec) -> Self {
        self.machines.push(machine);
        self
    }

    /// Adds a fault rule.
    #[must_use]
    pub fn fault(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Switches a personality's quirk off by its name.
    #[must_use]
    pub fn without_quirk(mut self, name: &str) -> Self {
        self.without.push(name.into());
        self
    }

    /// Also writes the log to a file, one line of JSON per entry.
    #[must_use]
    pub fn log_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.log_file = Some(path.into());
        self
    }

    /// Does not keep the log in memory, for a long run.
    #[must_use]
    pub fn forget_log(mut self) -> Self {
        self.forget = true;
        self
    }

    /// How images and call-backs are reached; over HTTP(S) by default.
    #[must_use]
    pub fn net(mut self, net: Arc<dyn MediaFetch>) -> Self {
        self.net = Some(net);
        self
    }

    /// Certificates that image servers are checked against, where a BMC checks them.
    #[must_use]
    pub fn image_roots(mut self, roots: rustls::RootCertStore) -> Self {
        self.image_roots = Some(roots);
        self
    }

    /// Keeps the certificates in this directory, so that the next simulation there shows the same ones.
    #[must_use]
    pub fn state(mut self, directory: impl Into<PathBuf>) -> Self {
        self.state = Some(directory.into());
        self
    }

    /// How long BMCs go on asking for an image whose server went away, in simulated time, instead of what their
    /// personality says. At a large time scale a server's restart takes many simulated minutes.
    #[must_use]
    pub fn media_patience(mut self, patience: Duration) -> Self {
        self.media_patience = Some(patience);
        self
    }

    /// What DHCP tells the machines when they boot over the network; nobody answers them otherwise.
    #[must_use]
    pub fn network_boot(mut self, offer: NetworkBoot) -> Self {
        self.network = Some(offer);
        self
    }

    /// How long guests take.
    #[must_use]
    pub fn guest_times(mut self, times: GuestTimes) -> Self {
        self.guest_times = Some(times);
        self
    }

    /// Starts the simulation on the current tokio runtime.
    ///
    /// # Errors
    /// For two machines of one name, an unknown quirk, a log file that cannot be made.
    pub fn build(self) -> anyhow::Result<Simulator> {
        self.check_quirks()?;
        let authority = match &self.state {
            Some(directory) => Authority::kept_in(directory)?,
            None => Authority::new()?,
        };
        let net = match self.net {
            Some(net) => net,
            None => {
                let roots = self.image_roots.unwrap_or_else(rustls::RootCertStore::empty);
                Arc::new(HttpFetch::new(roots)?)
            }
        };
        let file = self.log_file.as_deref();
        let world = Arc::new(World {
            clock: SimClock::new(self.seed, self.scale.unwrap_or(1.0)),
            log: Log::new(!self.forget, file).with_context(|| {
                format!("cannot create the log file {}", file.unwrap_or(Path::new("")).display())
            })?,
            faults: Faults::new(self.seed, self.rules),
            net,
            tasks: Tasks::default(),
            seed: self.seed,
        });
        let mut cells = Vec::new();
        let mut names = BTreeMap::new();
        let mut tables = BTreeMap::new();
        for (number, spec) in self.machines.into_iter().enumerate() {
            let before = names.insert(spec.name.clone(), number);
            anyhow::ensure!(before.is_none(), "two machines have the name {:?}", spec.name);
            let quirks = Quirks::of(spec.personality.as_ref(), &self.without);
            // A fleet's machines share one table per personality.
            let table = tables
                .entry(spec.personality.name())
                .or_insert_with(|| Arc::new(spec.personality.table(&quirks)));
            let table = Arc::clone(table);
            let times = (self.guest_times.as_ref(), self.media_patience);
            let cell = cell(number, spec, quirks, table, times, &world);
            cell.with(|machine| machine.network.clone_from(&self.network));
            cells.push(cell);
        }
        world.tasks.spawn(wake(Arc::clone(&world), cells.iter().map(Arc::downgrade).collect()));
        let inner = Inner { world, cells, names, connections: AtomicU64::new(0), authority };
        Ok(Simulator { inner: Arc::new(inner) })
    }

    fn check_quirks(&self) -> anyhow::Result<()> {
        for name in &self.without {
            let mut known = self.machines.iter().flat_map(|machine| machine.personality.quirks());
            anyhow::ensure!(
                known.any(|quirk| quirk.name == name),
                "no personality of this simulation has a quirk {name:?}"
            );
        }
        Ok(())
    }
}

fn cell(
    number: usize,
    spec: MachineSpec,
    quirks: Quirks,
    table: Arc<Table>,
    times: (Option<&GuestTimes>, Option<Duration>),
    world: &Arc<World>,
) -> Arc<Cell> {
    let model = spec.personality.model(&quirks);
    let identity = Identity::new(world.seed, &spec.name, model.hardware.nics);
    let mut machine = Machine::new(&spec.name, identity, model.hardware, model.rules);
    if spec.old_os {
        machine = machine.with_old_os();
    }
    if spec.on {
        machine = machine.already_on();
    }
    let (guest, patience) = times;
    if let Some(guest) = guest {
        machine.guest_times = guest.clone();
    }
    if let Some(patience) = patience {
        machine.rules.media.patience = patience;
    }
    if let Some((user, password)) = spec.login {
        let id = spec.personality.administrator_id().to_owned();
        machine.accounts.push(Account { id, user, password, role: "Administrator".into(), enabled: true });
    }
    Cell::new(number, machine, spec.personality, quirks, table, Arc::clone(world))
}

/// Wakes machines when something is due, so that a host boots though nobody asks its BMC.
async fn wake(world: Arc<World>, cells: Vec<Weak<Cell>>) {
    loop {
        match world.tasks.first() {
            None => world.tasks.agenda_changed().await,
            Some((due, number)) => {
                tokio::select! {
                    biased;
                    () = world.clock.sleep_until(due) => {
                        if let Some(cell) = cells.get(number).and_then(Weak::upgrade) {
                            cell.with(|_| ());
                        }
                    }
                    () = world.tasks.agenda_changed() => {}
                }
            }
        }
    }
}

/// A running simulation. Its tasks end when the last handle is dropped.
#[derive(Clone)]
pub struct Simulator {
    inner: Arc<Inner>,
}

struct Inner {
    world: Arc<World>,
    cells: Vec<Arc<Cell>>,
    names: BTreeMap<String, usize>,
    connections: AtomicU64,
    authority: Authority,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.world.tasks.stop();
    }
}

impl Simulator {
    /// Begins to put a simulation together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The machine of that name.
    pub fn machine(&self, name: &str) -> Option<Arc<Cell>> {
        self.inner.names.get(name).and_then(|number| self.inner.cells.get(*number)).cloned()
    }

    /// All machines, in the order they were added.
    pub fn machines(&self) -> &[Arc<Cell>] {
        &self.inner.cells
    }

    /// A connection to the BMC of a machine, in-process.
    pub fn service(&self, name: &str) -> Option<Service> {
        self.machine(name).map(|cell| self.connect(cell))
    }

    /// A connection to a BMC, in-process.
    pub fn connect(&self, cell: Arc<Cell>) -> Service {
        Service::new(cell, self.inner.connections.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Makes connections without keeping the simulation alive.
    pub(crate) fn connector(&self) -> Arc<dyn Fn(Arc<Cell>) -> Option<Service> + Send + Sync> {
        let inner = Arc::downgrade(&self.inner);
        Arc::new(move |cell| inner.upgrade().map(|inner| Simulator { inner }.connect(cell)))
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.inner.world.log
    }

    /// The faults: rules can be added and dropped while the simulation runs.
    pub fn faults(&self) -> &Faults {
        &self.inner.world.faults
    }

    /// Seed of identities, dates and chance.
    pub fn seed(&self) -> u64 {
        self.inner.world.seed
    }

    /// The clock.
    pub fn clock(&self) -> &SimClock {
        &self.inner.world.clock
    }

    /// The authority that signs the BMCs' certificates.
    pub fn authority(&self) -> &Authority {
        &self.inner.authority
    }

    /// The simulation's tasks.
    pub fn tasks(&self) -> &Tasks {
        &self.inner.world.tasks
    }

    /// Ends the simulation and waits for its tasks.
    pub async fn shut_down(&self) {
        self.inner.world.tasks.shut_down().await;
    }
}
