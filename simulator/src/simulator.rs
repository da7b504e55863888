//! The simulator: machines by name, in-process or on sockets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};

use crate::cell::{Arrival, Cell, World};
use crate::clock::SimClock;
use crate::faults::{Faults, Rule, Scene, What};
use crate::fetch::{HttpFetch, MediaFetch};
use crate::log::{Class, Entry, Log, RequestEntry, millis};
use crate::machine::{Account, GuestTimes, Identity, Machine};
use crate::personality::{Personality, Quirks};
use crate::tasks::Tasks;
use crate::tls::Authority;

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
    image_roots: Option<rustls::RootCertStore>,
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
        for name in &self.without {
            let known = self.machines.iter().flat_map(|machine| machine.personality.quirks());
            anyhow::ensure!(
                known.into_iter().any(|quirk| quirk.name == name),
                "no personality of this simulation has a quirk {name:?}"
            );
        }
        let net = match self.net {
            Some(net) => net,
            None => {
                let roots = self.image_roots.unwrap_or_else(rustls::RootCertStore::empty);
                Arc::new(HttpFetch::new(roots)?)
            }
        };
        let file = self.log_file.as_deref();
        let shown = file.map(|path| path.display().to_string()).unwrap_or_else(|| "none".into());
        let world = Arc::new(World {
            clock: SimClock::new(self.seed, self.scale.unwrap_or(1.0)),
            log: Log::new(!self.forget, file)
                .with_context(|| format!("cannot create the log file {shown}"))?,
            faults: Faults::new(self.seed, self.rules),
            net,
            tasks: Tasks::default(),
            seed: self.seed,
        });
        let mut cells = Vec::new();
        let mut names = BTreeMap::new();
        for (number, spec) in self.machines.into_iter().enumerate() {
            let before = names.insert(spec.name.clone(), number);
            anyhow::ensure!(before.is_none(), "two machines have the name {:?}", spec.name);
            cells.push(cell(number, spec, &self.without, self.guest_times.as_ref(), &world));
        }
        let inner = Arc::new(Inner {
            world,
            cells,
            names,
            connections: AtomicU64::new(0),
            authority: Authority::new()?,
        });
        inner
            .world
            .tasks
            .spawn(wake(Arc::clone(&inner.world), inner.cells.iter().map(Arc::downgrade).collect()));
        Ok(Simulator { inner })
    }
}

fn cell(
    number: usize,
    spec: MachineSpec,
    without: &[String],
    times: Option<&GuestTimes>,
    world: &Arc<World>,
) -> Arc<Cell> {
    let quirks = Quirks::of(spec.personality.as_ref(), without);
    let model = spec.personality.model(&quirks);
    let identity = Identity::new(world.seed, &spec.name, model.hardware.nics);
    let mut machine = Machine::new(&spec.name, identity, model.hardware, model.rules);
    if spec.old_os {
        machine = machine.with_old_os();
    }
    if spec.on {
        machine = machine.already_on();
    }
    if let Some(times) = times {
        machine.guest_times = times.clone();
    }
    if let Some((user, password)) = spec.login {
        let id = spec.personality.administrator_id().to_owned();
        machine.accounts.push(Account { id, user, password, role: "Administrator".into(), enabled: true });
    }
    Cell::new(number, machine, spec.personality, quirks, Arc::clone(world))
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
        Service { cell, connection: self.inner.connections.fetch_add(1, Ordering::Relaxed) + 1 }
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

/// Why a call has no answer: what a client sees as a failed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// No connection: the BMC is down. The request had no effect.
    #[error("the connection is refused: the BMC is down")]
    Refused,
    /// The connection was cut after the request was sent: whether it had an effect is not known to the client.
    #[error("the connection was cut before the answer")]
    Cut,
}

/// A client's connection to one BMC.
#[derive(Clone)]
pub struct Service {
    cell: Arc<Cell>,
    connection: u64,
}

/// Never answered: the client has to give up by itself.
async fn never<T>() -> T {
    std::future::pending().await
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}

impl Service {
    /// The machine it leads to.
    pub fn cell(&self) -> &Arc<Cell> {
        &self.cell
    }

    /// Sends a request. Once sent it belongs to the simulator: it completes though the returned future is dropped.
    ///
    /// # Errors
    /// When a fault cuts the connection, or the BMC is down.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFailure> {
        if self.cell.is_down() {
            return Err(CallFailure::Refused);
        }
        let phase = self.cell.with(|machine| machine.phase());
        let scene = Scene {
            machine: &self.cell.name,
            method: request.method().as_str(),
            path: request.uri().path(),
            phase,
        };
        match self.cell.world.faults.strike(scene) {
            None => self.run(request, Duration::ZERO, Arrival::default()).await,
            Some(rule) => self.spoilt(request, rule).await,
        }
    }

    async fn run(
        &self,
        request: Request<Bytes>,
        delay: Duration,
        arrival: Arrival,
    ) -> Result<Response<Bytes>, CallFailure> {
        let (cell, world) = (Arc::clone(&self.cell), Arc::clone(&self.cell.world));
        let arrival = Arrival { connection: self.connection, ..arrival };
        let (send, receive) = tokio::sync::oneshot::channel();
        self.cell.world.tasks.spawn(async move {
            if !delay.is_zero() {
                world.clock.sleep(delay).await;
            }
            // A client that is gone does not keep the request from taking effect.
            let _ = send.send(cell.answer(request, arrival).await);
        });
        receive.await.map_err(|_| CallFailure::Cut)
    }

    async fn spoilt(&self, request: Request<Bytes>, rule: Rule) -> Result<Response<Bytes>, CallFailure> {
        let fault = Some(rule.name.clone());
        let arrival = Arrival { fault, ..Arrival::default() };
        match rule.what {
            What::Delay { seconds: delay } => self.run(request, seconds(delay), arrival).await,
            What::Late { seconds: delay } => {
                let late = Arrival { unanswered: true, ..arrival };
                let _ = self.run(request, seconds(delay), late).await;
                never().await
            }
            What::Hang => {
                self.log_lost(&request, &rule.name, None);
                never().await
            }
            What::Cut => {
                self.log_lost(&request, &rule.name, None);
                Err(CallFailure::Cut)
            }
            What::CutAfter => {
                let cut = Arrival { unanswered: true, ..arrival };
                let _ = self.run(request, Duration::ZERO, cut).await;
                Err(CallFailure::Cut)
            }
            What::Down { seconds: lasts } => {
                self.log_lost(&request, &rule.name, None);
                self.cell.go_down(seconds(lasts));
                Err(CallFailure::Refused)
            }
            What::WrongPassword => {
                let refused = Arrival { refuse_login: true, ..arrival };
                self.run(request, Duration::ZERO, refused).await
            }
            What::Truncate => {
                let mut response = self.run(request, Duration::ZERO, arrival).await?;
                let half = response.body().len() / 2;
                *response.body_mut() = response.body().slice(..half);
                Ok(response)
            }
            What::Status { code, body, content_type, retry_after } => {
                self.log_lost(&request, &rule.name, Some(code));
                Ok(fixed(code, body, content_type.as_deref(), retry_after))
            }
            What::HugeJson { bytes } => {
                self.log_lost(&request, &rule.name, Some(200));
                let body = format!("{{\"Filler\":\"{}\"}}", "x".repeat(bytes));
                Ok(fixed(200, body, Some("application/json"), None))
            }
            // These are states of the machine, not of a request: no rule of theirs strikes one.
            What::MediaNeverAttaches | What::BiosRejected { .. } => {
                self.run(request, Duration::ZERO, arrival).await
            }
        }
    }

    /// Logs a request that had no effect.
    fn log_lost(&self, request: &Request<Bytes>, fault: &str, status: Option<u16>) {
        let world = &self.cell.world;
        world.log.add(Entry::Request(RequestEntry {
            seq: 0,
            ms: millis(world.clock.now()),
            machine: self.cell.name.clone(),
            connection: self.connection,
            method: request.method().to_string(),
            path: request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned(),
            status,
            class: Class::Read,
            summary: Some("lost: no effect".into()),
            fault: Some(fault.to_owned()),
        }));
    }
}

fn fixed(code: u16, body: String, kind: Option<&str>, retry_after: Option<u64>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_str(kind.unwrap_or("text/html"));
    response.headers_mut().insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("text/html")));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
