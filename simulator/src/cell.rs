//! A machine with what surrounds it: the lock, the clock, the log, and the tasks that work for it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Method, StatusCode, header};

use crate::clock::{SimClock, SimTime};
use crate::faults::{Faults, Rejection, glob};
use crate::fetch::{self, FetchError, MediaFetch};
use crate::guest;
use crate::log::{Class, Entry, Log, RequestEntry, StateEntry, millis};
use crate::machine::{Deed, LoginProblem, Machine};
use crate::personality::{Features, Personality, Quirks, Traits};
use crate::tasks::Tasks;
use crate::update;
use crate::web::{Call, Found, Handler, Problem, Reply, Table, expand, reply};

/// What all machines of a simulation share.
pub struct World {
    /// The clock.
    pub clock: SimClock,
    /// The log.
    pub log: Log,
    /// The faults.
    pub faults: Faults,
    /// The way to image servers and call-backs.
    pub net: Arc<dyn MediaFetch>,
    /// The tasks of the simulation.
    pub tasks: Tasks,
    /// Seed of everything random.
    pub seed: u64,
}

/// A simulated machine and its BMC.
pub struct Cell {
    /// Its name.
    pub name: String,
    /// What all machines share.
    pub world: Arc<World>,
    /// The vendor and generation it plays.
    pub personality: Arc<dyn Personality>,
    /// The quirks in force.
    pub quirks: Quirks,
    /// What the web side needs to know of the personality.
    pub traits: Traits,
    /// What its service does beyond the least.
    pub features: Features,
    table: Arc<Table>,
    machine: Mutex<Machine>,
    down_until: Mutex<SimTime>,
    tls_connections: AtomicU64,
    me: Weak<Self>,
    number: usize,
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cell").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Cell {
    /// Puts a machine into its surroundings; `number` is its place in the simulation, `table` the personality's resources.
    pub fn new(
        number: usize,
        machine: Machine,
        personality: Arc<dyn Personality>,
        quirks: Quirks,
        table: Arc<Table>,
        world: Arc<World>,
    ) -> Arc<Self> {
        let traits = personality.traits(&quirks, &machine.identity);
        let features = personality.features(&quirks);
        Arc::new_cyclic(|me| Self {
            name: machine.name.clone(),
            world,
            personality,
            quirks,
            traits,
            features,
            table,
            machine: Mutex::new(machine),
            down_until: Mutex::new(SimTime::ZERO),
            tls_connections: AtomicU64::new(0),
            me: me.clone(),
            number,
        })
    }

    /// Advances the machine to now and lets `f` work on it; then logs what changed and sends off what is to be done.
    pub fn with<T>(&self, f: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        self.apply_standing_faults(&mut machine);
        machine.advance(self.world.clock.now());
        let result = f(&mut machine);
        let now = machine.now();
        machine.advance(now);
        for change in machine.take_changes() {
            self.world.log.add(Entry::State(StateEntry {
                seq: 0,
                ms: millis(change.at),
                machine: self.name.clone(),
                what: change.what,
                from: change.from,
                to: change.to,
            }));
        }
        let deeds = machine.take_deeds();
        let due = machine.next_due();
        drop(machine);
        self.world.tasks.schedule(self.number, due);
        for deed in deeds {
            self.carry_out(deed);
        }
        result
    }

    /// Faults that are states of the machine come and go with their rules.
    fn apply_standing_faults(&self, machine: &mut Machine) {
        machine.jobs_stick = self.world.faults.jobs_stick(&self.name);
        for (moment, at_patch) in [(Rejection::Post, false), (Rejection::Patch, true)] {
            let patterns = self.world.faults.bios_rejected(&self.name, moment);
            let matches = |name: &&String| patterns.iter().any(|pattern| glob(pattern, name));
            let rejects = if patterns.is_empty() {
                BTreeSet::new()
            } else {
                machine.bios.current.keys().filter(matches).cloned().collect()
            };
            if at_patch {
                machine.bios.refuses = rejects;
            } else {
                machine.bios_rejects = rejects;
            }
        }
    }

    /// The way to image servers, as this BMC has it.
    pub fn net(&self) -> Arc<dyn MediaFetch> {
        if self.world.faults.image_unreachable(&self.name) {
            Arc::new(fetch::NoRoute)
        } else {
            Arc::clone(&self.world.net)
        }
    }

    /// What kind of request that would be, unless its handler knows better.
    pub fn class_of(&self, method: &Method, path: &str) -> Class {
        if *method == Method::GET || *method == Method::HEAD || *method == Method::OPTIONS {
            return Class::Read;
        }
        let path = path.trim_end_matches('/').to_ascii_lowercase();
        let session = |login: &&'static str| {
            path.strip_prefix(*login).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.traits.login_paths.iter().any(session) { Class::Session } else { Class::Change }
    }

    fn carry_out(&self, deed: Deed) {
        let Some(me) = self.me() else { return };
        match deed {
            Deed::BootCd { boot, slot } => self.world.tasks.spawn(guest::boot_cd(me, boot, slot)),
            Deed::BootPxe { boot, offer } => self.world.tasks.spawn(guest::boot_pxe(me, boot, offer)),
            Deed::BootHttp { boot, url } => self.world.tasks.spawn(guest::boot_http(me, boot, url)),
            Deed::Announce { boot, callback } => self.world.tasks.spawn(guest::announce(me, boot, callback)),
            Deed::Map { slot, generation } => self.world.tasks.spawn(map(me, slot, generation)),
            Deed::FetchFirmware { job } => self.world.tasks.spawn(update::fetch_image(me, job)),
            Deed::BmcGone { lasts } => self.go_down(lasts),
        }
    }

    /// Itself, while the simulation lasts.
    pub fn me(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// The machine is not reachable for `seconds` of simulated time from now on.
    pub fn go_down(&self, lasts: std::time::Duration) {
        let until = self.world.clock.now().after(lasts);
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Whether the BMC does not answer at present.
    pub fn is_down(&self) -> bool {
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) > self.world.clock.now()
    }

    /// Counts a TLS connection.
    pub fn count_tls(&self) {
        self.tls_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// How many TLS connections were made to its BMC.
    pub fn tls_connections(&self) -> u64 {
        self.tls_connections.load(Ordering::Relaxed)
    }

    /// Answers a call on the personality's terms, and logs it.
    pub async fn answer(
        self: Arc<Self>,
        request: http::Request<Bytes>,
        arrival: Arrival,
    ) -> http::Response<Bytes> {
        let path = request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned();
        let mut call = Call::new(Arc::clone(&self), request);
        let found = self.admit(&mut call, arrival.refuse_login);
        let call = Arc::new(call);
        let outcome = match found {
            Ok(found) => self.dispatch(&found, &call).await,
            Err(problem) => Err(problem),
        };
        let carried_out = outcome.is_ok();
        let (reply, tag) = match outcome {
            Ok(answer) => answer,
            Err(problem) => (self.personality.problem(&call, &problem), None),
        };
        let reply = self.personality.finish(&call, reply);
        let (class, summary) = call.noted();
        self.world.log.add(Entry::Request(RequestEntry {
            seq: 0,
            ms: millis(self.world.clock.now()),
            machine: self.name.clone(),
            connection: arrival.connection,
            method: call.method.to_string(),
            path,
            status: (!arrival.unanswered).then_some(reply.status.as_u16()),
            class,
            applied: carried_out && reply.status.is_success(),
            summary,
            fault: arrival.fault,
        }));
        if let Some(lasts) = arrival.then_down {
            self.go_down(lasts);
        }
        let head = call.method == Method::HEAD;
        let mut response = reply.into_response(tag.as_deref(), self.traits.json_type, head);
        if !self.features.odata_version {
            response.headers_mut().remove("odata-version");
        }
        response
    }

    /// The resource at a path.
    pub fn find(&self, path: &str) -> Option<Found<'_>> {
        let ids = &self.traits.ids;
        let own = |name: &str| match name {
            "system" => Some(ids.system.as_str()),
            "manager" => Some(ids.manager.as_str()),
            "chassis" => Some(ids.chassis.as_str()),
            _ => None,
        };
        self.table.find(path, self.traits.ignore_case, &own)
    }

    /// Who asks, and for what: authentication and the table.
    fn admit<'a>(&'a self, call: &mut Call, refuse_login: bool) -> Result<Found<'a>, Problem> {
        self.authenticate(call, refuse_login)?;
        let mut found = self.find(&call.path).ok_or(Problem::NotFound)?;
        call.params = std::mem::take(&mut found.params);
        self.with(|machine| self.personality.gate(call, machine))?;
        Ok(found)
    }

    fn authenticate(&self, call: &mut Call, refuse: bool) -> Result<(), Problem> {
        let path = call.path.trim_end_matches('/').to_ascii_lowercase();
        let login = call.method == Method::POST && self.traits.login_paths.iter().any(|open| *open == path);
        if login && !refuse || self.traits.open_paths.iter().any(|open| *open == path) {
            return Ok(());
        }
        self.with(|machine| {
            if refuse {
                machine.fail_login();
                return Err(Problem::Login(LoginProblem::Wrong));
            }
            if machine.accounts.is_empty() {
                return Ok(());
            }
            if let Some(token) = call.header("x-auth-token") {
                call.user = Some(machine.use_session(token).ok_or(Problem::NoSession)?);
                return Ok(());
            }
            let value = call.header("authorization").ok_or(Problem::NoCredentials)?;
            let (user, password) = basic(value).ok_or(Problem::NoCredentials)?;
            machine.check_login(&user, &password).map_err(Problem::Login)?;
            call.user = Some(user);
            Ok(())
        })
    }

    async fn dispatch(
        &self,
        found: &Found<'_>,
        call: &Arc<Call>,
    ) -> Result<(Reply, Option<String>), Problem> {
        if call.method == Method::GET || call.method == Method::HEAD {
            let depth = expand::asked(self.features.expand, &call.query)?;
            let (body, tag) = self.with(|machine| {
                let mut body = found.read(call, machine)?;
                let tag = self.traits.etag.map(|style| reply::etag(style, &body));
                if let Some(depth) = depth {
                    expand::expand(self, machine, &mut body, depth);
                }
                Ok((body, tag))
            })?;
            return Ok((Reply::json(body), tag));
        }
        if call.method == Method::OPTIONS {
            return Ok((Reply::status(StatusCode::OK).header(header::ALLOW, &found.allow()), None));
        }
        let handler = found.handler(&call.method).ok_or(Problem::MethodNotAllowed)?;
        let kind = call.header("content-type").map(str::to_ascii_lowercase);
        if self.traits.require_json
            && !matches!(handler, Handler::Upload(_))
            && !call.body.is_empty()
            && !kind.is_some_and(|kind| kind.contains("json"))
        {
            return Err(Problem::NotJson);
        }
        let reply = match handler {
            Handler::Slow(slow) => {
                self.with(|machine| self.check_version(found, call, machine))?;
                slow(Arc::clone(call)).await?
            }
            Handler::Write(write) | Handler::Upload(write) => self.with(|machine| {
                self.check_version(found, call, machine)?;
                write(call, machine)
            })?,
        };
        Ok((reply, None))
    }

    /// `If-Match` on a write to a resource that can be read must name its current version.
    fn check_version(&self, found: &Found<'_>, call: &Call, machine: &Machine) -> Result<(), Problem> {
        let (Some(style), Some(wanted)) = (self.traits.etag, call.header("if-match")) else { return Ok(()) };
        if wanted.trim() == "*" || !found.is_readable() {
            return Ok(());
        }
        let tag = reply::etag(style, &found.read(call, machine)?);
        if wanted.split(',').any(|one| one.trim() == tag) { Ok(()) } else { Err(Problem::PreconditionFailed) }
    }
}

/// How a request arrives.
#[derive(Debug, Clone, Default)]
pub struct Arrival {
    /// Number of the client's connection.
    pub connection: u64,
    /// Name of the fault rule that has a part in it.
    pub fault: Option<String>,
    /// Whether its credentials are refused whatever they are.
    pub refuse_login: bool,
    /// Whether the client will not see the answer.
    pub unanswered: bool,
    /// For how long the BMC does not answer once it has carried this out.
    pub then_down: Option<std::time::Duration>,
}

fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, coded) = value.split_once(' ')?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(coded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// How long is waited before a source that is not there is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Looks at the source of an image that was asked for, as a BMC does that maps after it has answered.
async fn map(cell: Arc<Cell>, slot: usize, generation: u64) {
    let medium = cell.with(|machine| {
        let entry = machine.slots.get(slot).filter(|entry| entry.generation == generation)?;
        let source = entry.image.clone()?;
        Some(crate::machine::Medium { source, verify: entry.verify_certificate, generation })
    });
    let Some(medium) = medium else { return };
    if cell.world.faults.media_never_attaches(&cell.name) {
        return;
    }
    let patience = cell.with(|machine| machine.rules.media.patience);
    let mut waited = Duration::ZERO;
    let outcome = loop {
        let outcome = fetch::size(cell.net().as_ref(), &medium).await;
        // A server that is not there may be on its way back; one that says no has said it.
        if !matches!(outcome, Err(FetchError::Unreachable(_) | FetchError::Cut(_))) || waited >= patience {
            break outcome;
        }
        waited += AGAIN;
        cell.world.clock.sleep(AGAIN).await;
    };
    let outcome = outcome.map(|_| ()).map_err(|why| cell.personality.media_error(&why));
    cell.with(|machine| machine.mapped(slot, generation, outcome));
}
