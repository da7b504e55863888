//! One simulated machine and what stands beside it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use rackhand::{BmcAddress, Options, SimClock, connect_over};
use rackhand_bmc::{
    Bmc, Credentials, HostProgress, JobRef, JobState, Memory, Outcome, PowerOffPolicy, PowerState,
};
use rackhand_simulator::{
    MachineSpec, Simulator,
    faults::Rule,
    fetch::{self, FetchError, MediaFetch},
    iso::IsoBuilder,
    log::{Class, Entry},
    machine::NetworkBoot,
    package::Package,
    personality,
};
use rackhand_tests::lab::transport;
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// The machine's name in its simulation.
pub(crate) const NAME: &str = "node";
/// The administrator's password.
pub(crate) const PASSWORD: &str = "conformance";
/// Where the shelf stands.
const SHELF: &str = "192.0.2.1";

/// What a case finds out: nothing, or what was seen instead.
pub(crate) type Found = Result<(), String>;

/// Turns anything that went wrong into what was seen.
pub(crate) fn seen(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A machine, its BMC connected, and a shelf of files that it can fetch.
pub(crate) struct Rack {
    pub(crate) sim: Simulator,
    pub(crate) bmc: Bmc,
    pub(crate) setup: Setup,
}

/// What a machine is to be like.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    pub(crate) personality: String,
    /// On, with an old system running.
    pub(crate) live: bool,
    /// Quirks that the simulator leaves away.
    pub(crate) without: Vec<String>,
    /// Cures that the driver leaves away.
    pub(crate) uncured: Vec<String>,
    /// What earlier connections learned.
    pub(crate) memory: Option<Arc<Memory>>,
    /// Of whom another machine is: its serial numbers.
    pub(crate) seed: u64,
    /// What goes wrong.
    pub(crate) faults: Vec<Rule>,
}

impl Setup {
    /// A machine that is off and of which nothing is known.
    pub(crate) fn of(personality: &str) -> Self {
        Self { personality: personality.to_owned(), ..Self::default() }
    }
}

impl Rack {
    pub(crate) async fn new(setup: &Setup) -> Result<Self, String> {
        let known = personality::all().into_iter().find(|one| one.name() == setup.personality);
        let known = known.ok_or_else(|| format!("there is no personality {}", setup.personality))?;
        let mut machine = MachineSpec::new(NAME, known).login("lab", PASSWORD);
        if setup.live {
            machine = machine.old_os().on();
        }
        let mut builder = Simulator::builder().seed(setup.seed).net(Arc::new(Shelf::new())).machine(machine);
        for quirk in &setup.without {
            builder = builder.without_quirk(quirk);
        }
        for fault in &setup.faults {
            builder = builder.fault(fault.clone());
        }
        let sim = builder.build().map_err(seen)?;
        let bmc = connect(&sim, setup).await.map_err(seen)?;
        Ok(Self { sim, bmc, setup: setup.clone() })
    }

    /// The same machine over another connection.
    pub(crate) async fn again(self, setup: &Setup) -> Result<Self, String> {
        self.bmc.close().await.map_err(seen)?;
        let bmc = connect(&self.sim, setup).await.map_err(seen)?;
        Ok(Self { sim: self.sim, bmc, setup: setup.clone() })
    }

    /// What somebody else asks of the BMC: any request, as the administrator.
    pub(crate) async fn somebody(&self, method: Method, path: &str, body: Value) -> StatusCode {
        let login = STANDARD.encode(format!("lab:{PASSWORD}"));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Basic {login}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()));
        let service = self.sim.service(NAME).unwrap();
        service.call(request.unwrap()).await.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status())
    }

    /// What an administrator does to a Cisco in its own tools: a precise boot order of disk and mapped DVD.
    pub(crate) async fn somebody_orders(&self) -> Found {
        let login = self.xml(format!("<aaaLogin inName=\"lab\" inPassword=\"{PASSWORD}\"/>")).await?;
        let cookie = login.split("outCookie=\"").nth(1).and_then(|rest| rest.split('"').next());
        let cookie = cookie.ok_or_else(|| format!("no cookie in {login}"))?;
        let at = "sys/rack-unit-1/boot-precision";
        let order = format!(
            "<configConfMo cookie=\"{cookie}\" dn=\"{at}\" inHierarchical=\"true\"><inConfig><lsbootDevPrecision dn=\"{at}\">\
             <lsbootHdd rn=\"hdd-disk\" name=\"disk\" order=\"1\" state=\"Enabled\"/>\
             <lsbootVMedia rn=\"vm-dvd\" name=\"dvd\" order=\"2\" state=\"Enabled\" subtype=\"cimc-mapped-dvd\"/>\
             </lsbootDevPrecision></inConfig></configConfMo>"
        );
        let answer = self.xml(order).await?;
        let _ = self.xml(format!("<aaaLogout inCookie=\"{cookie}\"/>")).await?;
        if answer.contains("errorCode") { Err(answer) } else { Ok(()) }
    }

    async fn xml(&self, body: String) -> Result<String, String> {
        let request =
            Request::post("/nuova").header(header::CONTENT_TYPE, "text/xml").body(Bytes::from(body));
        let service = self.sim.service(NAME).unwrap();
        let answer = service.call(request.unwrap()).await.map_err(seen)?;
        Ok(String::from_utf8_lossy(answer.body()).into_owned())
    }

    /// Another connection to the same machine.
    pub(crate) async fn connect(&self, setup: &Setup) -> rackhand::Result<Bmc> {
        connect(&self.sim, setup).await
    }

    /// State-changing requests that were sent so far, accepted or not.
    pub(crate) fn attempts(&self) -> usize {
        let sent =
            |entry: &&Entry| matches!(entry, Entry::Request(request) if request.class == Class::Change);
        self.sim.log().entries().iter().filter(sent).count()
    }

    /// State-changing requests that were accepted so far.
    pub(crate) fn changes(&self) -> usize {
        let accepted = |entry: &&Entry| match entry {
            Entry::Request(request) => {
                request.class == Class::Change && request.status.is_some_and(|status| status < 300)
            }
            _ => false,
        };
        self.sim.log().entries().iter().filter(accepted).count()
    }

    /// The last of them, for a case that failed.
    pub(crate) fn last_changes(&self) -> String {
        let entries = self.sim.log().entries();
        let requests = entries.iter().filter_map(|entry| match entry {
            Entry::Request(request) if request.class == Class::Change => {
                Some(format!("{} {} {:?}", request.method, request.path, request.status))
            }
            _ => None,
        });
        let all: Vec<String> = requests.collect();
        all.iter().rev().take(8).rev().cloned().collect::<Vec<_>>().join("; ")
    }

    /// What the machine itself is, whatever its BMC says.
    pub(crate) fn machine<T>(&self, look: impl FnOnce(&rackhand_simulator::machine::Machine) -> T) -> T {
        self.sim.machine(NAME).unwrap().with(|machine| look(machine))
    }

    /// The machine's network gets a DHCP server that leads to the shelf.
    pub(crate) fn somebody_answers_dhcp(&self) {
        let offer = NetworkBoot::new(&format!("{SHELF}:69"), "boot.ipxe");
        self.sim.machine(NAME).unwrap().with(|machine| machine.network = Some(offer.clone()));
    }

    /// How many sessions the BMC still holds.
    pub(crate) fn sessions(&self) -> usize {
        self.machine(|machine| machine.sessions.len())
    }

    /// An address on the shelf.
    pub(crate) fn file(scheme: &str, name: &str) -> String {
        format!("{scheme}://{SHELF}/{name}")
    }

    /// Off, if it is not, then on, then through POST.
    pub(crate) async fn cycle(&self) -> Found {
        let _ = self.bmc.power_off(PowerOffPolicy::Force).await.map_err(seen)?;
        self.start().await
    }

    /// On and through POST.
    pub(crate) async fn start(&self) -> Found {
        let _ = self.bmc.power_on().await.map_err(seen)?;
        // Not every BMC shows POST; none takes longer than this.
        let end = Instant::now() + Duration::from_secs(15 * 60);
        while Instant::now() < end {
            sleep(Duration::from_secs(10)).await;
            let view = self.bmc.power().map_err(seen)?.observe().await;
            if view.is_ok_and(|view| view.progress.post_is_over() && view.progress != HostProgress::Unknown) {
                break;
            }
        }
        Ok(())
    }

    /// Waits until a mutation has come to its end: follows its job, or resets the host where it waits for that.
    pub(crate) async fn settle(&self, outcome: Outcome) -> Found {
        match outcome {
            Outcome::Unchanged | Outcome::Done => Ok(()),
            Outcome::Pending(pending) => match pending.job {
                Some(job) => self.follow(&job).await,
                None if pending.needs_reset => self.cycle().await,
                None => Ok(()),
            },
            Outcome::Running(job) => self.follow(&job).await,
            other => Err(format!("{other:?}")),
        }
    }

    async fn follow(&self, job: &JobRef) -> Found {
        let jobs = self.bmc.jobs().map_err(seen)?;
        let end = Instant::now() + Duration::from_secs(2 * 60 * 60);
        let (mut waited, mut cycled) = (0, false);
        while Instant::now() < end {
            match jobs.job(job).await {
                Ok(job) if matches!(job.state, JobState::Completed | JobState::Gone) => return Ok(()),
                Ok(job) if job.state == JobState::Failed => {
                    return Err(format!("the job failed: {:?}", job.message));
                }
                Ok(job) if job.state == JobState::Scheduled => {
                    waited += 1;
                    if waited > 6 && !cycled {
                        cycled = true;
                        self.cycle().await?;
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind().is_transient() => {}
                Err(error) => return Err(seen(error)),
            }
            sleep(Duration::from_secs(10)).await;
        }
        Err(format!("the job {job} did not end in two hours"))
    }

    /// Reads until it is so, or says what is not.
    pub(crate) async fn until(&self, what: &str, look: impl AsyncFn() -> Result<bool, String>) -> Found {
        let end = Instant::now() + Duration::from_secs(30 * 60);
        loop {
            let so = look().await;
            if so == Ok(true) {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(format!("{what} did not come to be: {so:?}"));
            }
            sleep(Duration::from_secs(15)).await;
        }
    }

    pub(crate) async fn power_is(&self, wanted: PowerState) -> Found {
        let is = self.bmc.power().map_err(seen)?.state().await.map_err(seen)?;
        if is == wanted { Ok(()) } else { Err(format!("the power is {is:?}")) }
    }
}

async fn connect(sim: &Simulator, setup: &Setup) -> rackhand::Result<Bmc> {
    let transport = transport(sim, NAME);
    let address = BmcAddress::redfish(transport.origin().clone());
    let mut options = Options::new(Credentials::new("lab", PASSWORD.to_owned()));
    options.clock = Arc::new(SimClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap()));
    options.quirks_off = setup.uncured.iter().cloned().collect();
    options.memory.clone_from(&setup.memory);
    connect_over(transport, &address, options).await
}

/// Files that BMCs fetch.
struct Shelf(BTreeMap<&'static str, Bytes>);

impl Shelf {
    fn new() -> Self {
        let iso = Bytes::from(IsoBuilder::new("CONFORMANCE").build().unwrap());
        let firmware = firmware_text();
        let url = |name: &str| Rack::file("http", name);
        let script =
            format!("#!ipxe\nkernel {} console=ttyS0\ninitrd {}\nboot\n", url("vmlinuz"), url("initrd.img"));
        Self(BTreeMap::from([
            ("image.iso", iso.clone()),
            ("other.iso", iso),
            ("vmlinuz", Bytes::from_static(b"a kernel")),
            ("initrd.img", Bytes::from_static(b"an initial file system")),
            ("boot.ipxe", Bytes::from(script)),
            ("bios.exe", firmware.clone()),
            ("bios.flash", firmware.clone()),
            ("bios.bin", firmware),
        ]))
    }

    fn answer(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let name = request.uri().path().trim_start_matches('/');
        let cut = |error: http::Error| FetchError::Cut(error.to_string());
        let Some(file) = self.0.get(name) else {
            return Response::builder().status(StatusCode::NOT_FOUND).body(Bytes::new()).map_err(cut);
        };
        let total = file.len();
        let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
        let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        let range = range.and_then(|(first, last)| {
            Some((first.parse::<usize>().ok()?, last.parse().unwrap_or(total - 1).min(total - 1)))
        });
        match range {
            Some((first, last)) => Response::builder()
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, format!("bytes {first}-{last}/{total}"))
                .body(file.slice(first..=last)),
            None => {
                let body = if *request.method() == Method::HEAD { Bytes::new() } else { file.clone() };
                Response::builder().header(header::CONTENT_LENGTH, total).body(body)
            }
        }
        .map_err(cut)
    }
}

impl MediaFetch for Shelf {
    fn send(
        &self,
        request: Request<Bytes>,
        _verify: bool,
        _limit: usize,
    ) -> fetch::Fut<'_, Result<Response<Bytes>, FetchError>> {
        let answer = self.answer(&request);
        Box::pin(async move { answer })
    }

    fn tftp<'a>(
        &'a self,
        _server: &'a str,
        file: &'a str,
        _limit: usize,
    ) -> fetch::Fut<'a, Result<Bytes, FetchError>> {
        let found = self.0.get(file).cloned();
        Box::pin(async move { found.ok_or_else(|| FetchError::Tftp(1, "file not found".to_owned())) })
    }
}

/// The BIOS version that the firmware on the shelf brings.
pub(crate) const NEW_VERSION: &str = "99.9.9";

/// The firmware's file, by the suffix that this vendor takes.
pub(crate) fn firmware_name(rack: &Rack) -> &'static str {
    match rack.bmc.identity.vendor {
        rackhand_bmc::Vendor::Dell => "bios.exe",
        rackhand_bmc::Vendor::Hpe => "bios.flash",
        _ => "bios.bin",
    }
}

/// A firmware for the BIOS, as simulated BMCs take it.
pub(crate) fn firmware_text() -> Bytes {
    Bytes::from(Package::new("BIOS", NEW_VERSION).size(4096).build())
}
