//! A driver against a simulated machine, in process and in virtual time.
//!
//! What every driver has to bring about on a machine of its vendor is written once here; what only one vendor shows is
//! in that vendor's own tests.

use std::sync::Arc;

use rackhand_bmc::{
    Attributes, Bmc, Claim, Credentials, Driver, MediaImage, Outcome, PowerOffPolicy, PowerState, Target,
};
use rackhand_http::{ServiceTransport, TransportError};
use rackhand_redfish::Link;
use rackhand_simulator::{
    CallFailure, MachineSpec, Simulator,
    faults::{Rejection, Rule, What},
    fetch::MemoryFetch,
    iso::IsoBuilder,
    personality,
};
use tokio::time::{Instant, sleep};

/// Where the medium is that every simulated BMC can reach.
pub const ISO: &str = "https://images.test/token/node1.iso";
/// A place that no simulated BMC can reach.
pub const NO_ISO: &str = "https://images.test/token/missing.iso";
const MACHINE: &str = "node1";

/// One simulated machine: off, with a blank disk.
pub struct Simulated {
    /// The simulation, for its log and faults.
    pub simulator: Simulator,
    net: MemoryFetch,
}

impl Simulated {
    /// A machine of a personality, or `None` when the simulator has none of that name.
    ///
    /// # Panics
    /// When the simulation cannot be put together.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let personality = personality::all().into_iter().find(|personality| personality.name() == name)?;
        let net = MemoryFetch::new();
        net.put(ISO, IsoBuilder::new("INSTALL").size(2_000_000).build().unwrap());
        let machine = MachineSpec::new(MACHINE, personality).login("admin", "calvin-1");
        let simulator =
            Simulator::builder().seed(7).machine(machine).net(Arc::new(net.clone())).build().unwrap();
        Some(Self { simulator, net })
    }

    /// A target with this machine's credentials.
    #[must_use]
    pub fn target(&self) -> Target {
        Target { credentials: Credentials::new("admin", "calvin-1".to_owned()), ..crate::target() }
    }

    /// The beginning of a connection.
    ///
    /// # Panics
    /// When the service root cannot be read.
    pub async fn link(&self) -> Link {
        let service = self.simulator.service(MACHINE).unwrap();
        let transport = ServiceTransport::new("https://bmc.test".parse().unwrap(), move |request| {
            let service = service.clone();
            async move {
                let (method, target) = (request.method().clone(), request.uri().to_string());
                service.call(request).await.map_err(|failure| failed(failure, &method, target))
            }
        });
        let target = self.target();
        rackhand_redfish::open(Arc::new(transport), &target.bmc, &target.pacing, target.clock.as_ref())
            .await
            .unwrap()
    }

    /// The machine, connected.
    ///
    /// # Panics
    /// When the driver does not know it, or cannot connect.
    pub async fn connect(&self, driver: &dyn Driver<Link = Link>) -> Bmc {
        let link = self.link().await;
        assert!(driver.probe(&link) > Claim::Fallback, "{} does not know this machine", driver.name());
        driver.connect(link, self.target()).await.unwrap()
    }

    /// Serves `content` at `url` to the simulated BMC, such as a firmware package.
    pub fn serve(&self, url: &str, content: Vec<u8>) {
        self.net.put(url, content);
    }

    /// How many bytes of media were read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.net.bytes_read()
    }

    /// Request lines so far.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let log = self.simulator.log().requests(MACHINE);
        log.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

fn failed(failure: CallFailure, method: &http::Method, target: String) -> TransportError {
    let (peer, reason) = ("https://bmc.test".to_owned(), failure.to_string());
    let (maybe_applied, method) = (!method.is_safe(), method.to_string());
    match failure {
        CallFailure::Refused => TransportError::Unreachable { peer, method, target, reason },
        CallFailure::Cut => TransportError::Lost { peer, method, target, reason, maybe_applied },
    }
}

/// The image at `url`, [`ISO`] or [`NO_ISO`].
#[must_use]
pub fn image(url: &str) -> MediaImage {
    MediaImage { url: url.to_owned(), credentials: None }
}

/// Wanted BIOS settings.
#[must_use]
pub fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

/// Power on and off, each proven, and nothing sent for what is so already.
///
/// # Panics
/// When the driver does not bring it about.
pub async fn switches_power(bmc: &Bmc) {
    assert_eq!(bmc.power_off(PowerOffPolicy::Force).await.unwrap(), Outcome::Unchanged);
    assert_eq!(bmc.power_on().await.unwrap(), Outcome::Done);
    assert_eq!(bmc.power_on().await.unwrap(), Outcome::Unchanged);
    assert_eq!(bmc.power_off(PowerOffPolicy::Force).await.unwrap(), Outcome::Done);
    assert_eq!(bmc.power().unwrap().state().await.unwrap(), PowerState::Off);
}

/// BIOS settings from plan to force, stage by stage; a second plan is empty.
///
/// # Panics
/// When the driver does not bring it about.
pub async fn applies_bios(bmc: &Bmc, wanted: &Attributes, stages: usize) {
    let bios = bmc.bios().unwrap();
    let plan = bios.plan(wanted).await.unwrap();
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    assert_eq!(plan.stages.len(), stages, "{:?}", plan.stages);
    for stage in &plan.stages {
        let outcome = bios.stage(stage).await.unwrap();
        let Outcome::Pending(pending) = outcome else { panic!("staged, but {outcome:?}") };
        let _ = bmc.power_on().await.unwrap();
        let end = Instant::now() + bmc.pacing.bios_apply;
        loop {
            let verdict = bios.verify(stage, Some(&pending.mark)).await.unwrap();
            assert_eq!(verdict.rejected().count(), 0, "{verdict:?}");
            if verdict.all_applied() {
                break;
            }
            assert!(Instant::now() < end, "{verdict:?}");
            sleep(bmc.pacing.poll).await;
        }
        let _ = bmc.power_off(PowerOffPolicy::Force).await.unwrap();
    }
    let again = bios.plan(wanted).await.unwrap();
    assert!(again.stages.is_empty() && again.problems.is_empty(), "{again:?}");
}

/// What the driver says of a setting that the firmware refuses in POST, or `None` when it can only say "not yet".
///
/// # Panics
/// When the setting cannot even be staged.
pub async fn rejection(bmc: &Bmc, machine: &Simulated, name: &str, value: &str) -> Option<String> {
    let refused = What::BiosRejected { attribute: name.to_owned(), when: Rejection::default() };
    machine.simulator.faults().add(Rule::new("refused", refused));
    let bios = bmc.bios().unwrap();
    let plan = bios.plan(&attributes(&[(name, value)])).await.unwrap();
    let stage = plan.stages.first().unwrap_or_else(|| panic!("nothing to stage: {:?}", plan.problems));
    let Outcome::Pending(pending) = bios.stage(stage).await.unwrap() else { panic!("not staged") };
    let _ = bmc.power_on().await.unwrap();
    let end = Instant::now() + bmc.pacing.bios_apply;
    while Instant::now() < end {
        let verdict = bios.verify(stage, Some(&pending.mark)).await.unwrap();
        assert!(!verdict.all_applied(), "{verdict:?}");
        if let Some((_, reason)) = verdict.rejected().next() {
            return Some(reason.to_owned());
        }
        sleep(bmc.pacing.poll).await;
    }
    None
}

/// Mounts, boots once, switches on; the host reads the medium; the slot is empty after the eject.
///
/// # Panics
/// When the driver does not bring it about.
pub async fn boots_an_image(bmc: &Bmc, machine: &Simulated) {
    let slot = bmc.boot_image_once(&image(ISO)).await.unwrap();
    let before = machine.bytes_read();
    let end = Instant::now() + bmc.pacing.boot_evidence;
    while machine.bytes_read() == before {
        assert!(Instant::now() < end, "the host reads nothing from its virtual CD");
        sleep(bmc.pacing.poll).await;
    }
    let _ = bmc.power_off(PowerOffPolicy::Force).await.unwrap();
    assert_eq!(bmc.clear_slot(&slot.id).await.unwrap(), Outcome::Done);
    assert!(bmc.media().unwrap().slot(&slot.id).await.unwrap().is_empty());
    assert_eq!(bmc.clear_slot(&slot.id).await.unwrap(), Outcome::Unchanged);
    // Bare, of an empty slot: whether the BMC refuses it or accepts it, it is no error.
    let _ = bmc.media().unwrap().eject(&slot.id).await.unwrap();
}

/// The whole way of installing, on a machine that is off and nothing cached, takes so many requests, polls apart.
///
/// # Panics
/// When it takes another number.
pub async fn installs_in(requests: usize, driver: &dyn Driver<Link = Link>, machine: &Simulated) {
    let bmc = machine.connect(driver).await;
    let _ = bmc.boot_image_once(&image(ISO)).await.unwrap();
    bmc.close().await.unwrap();
    let mut sent = machine.requests();
    // A poll is a read that repeats the one before.
    sent.dedup_by(|a, b| a == b && a.starts_with("GET "));
    assert_eq!(sent.len(), requests, "{sent:#?}");
}
