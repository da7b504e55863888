//! The plan against a small model of a machine: whatever is killed in between, every purpose is served once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use rackhand_bmc::{
    Attributes, BiosPlan, BiosStage, BootMode, BootSettings, BootTarget, Capabilities, ComponentId,
    ComponentKind, FirmwareComponent, FirmwareInventory, HostProgress, HostView, Identity, MediaSlot,
    MediaType, OverrideEnabled, PendingSettings, PowerState, SecureBootState, SlotId, Vendor,
};

use super::*;
use crate::{
    event::{ActResult, Decision, Event, Evidence, FirmwareUpdate, JobResult, Trigger},
    history::{History, InstalledHow, NodeHistory},
    journal::Record,
    ports::PreparedImage,
    wanted::{BootWay, Follow, Wanted, WantedBoot, WantedFirmware, WantedStorage},
};

pub(super) const NODE: &str = "site/node";
const URL: &str = "http://192.0.2.1/t/a.iso";

pub(super) fn wanted() -> Wanted {
    Wanted {
        node: NODE.to_owned(),
        source: "site.yaml:1".to_owned(),
        request: "first".to_owned(),
        boot_mac: None,
        bios: Attributes::from([("SriovGlobalEnable".to_owned(), "Enabled".into())]),
        bios_source: None,
        firmware: Vec::new(),
        boot_mode: None,
        secure_boot: None,
        boot: WantedBoot::only(BootWay::VirtualMedia, "the test"),
        follow: Follow::CallBack,
        storage: WantedStorage::default(),
        allow_unverified: false,
        cannot: Vec::new(),
        hold: false,
        permission: None,
    }
}

fn firmware(component: &str, version: Option<&str>) -> WantedFirmware {
    WantedFirmware {
        component: component.to_owned(),
        version: version.map(str::to_owned),
        url: format!("/srv/{component}.bin"),
        sha256: None,
        source: "the site".to_owned(),
    }
}

/// A host that is off, with an empty drive.
pub(super) fn observed() -> Observed {
    World::new(PowerState::Off, true).observed()
}

/// Everything that takes a boot of its own.
fn wanted_of_everything() -> Wanted {
    Wanted {
        firmware: vec![firmware("bmc", Some("2.0")), firmware("bios", Some("2.0")), firmware("NIC", None)],
        boot_mode: Some(BootMode::Uefi),
        secure_boot: Some(true),
        ..wanted()
    }
}

fn served(wanted: &Wanted) -> Served {
    let file = |one: &WantedFirmware| ServedFirmware {
        wanted: one.clone(),
        image: PreparedImage {
            url: format!("http://192.0.2.1/{}", one.component),
            sha256: one.component.clone(),
            bytes: 1,
            verified: false,
        },
    };
    Served {
        image: URL.to_owned(),
        way: wanted.boot.ways[0],
        firmware: wanted.firmware.iter().map(file).collect(),
    }
}

/// A machine with just the state that the plan looks at.
#[derive(Debug, Clone)]
struct World {
    power: PowerState,
    armed: Option<BootTarget>,
    /// What a boot over HTTP fetches.
    http_uri: String,
    image: Option<String>,
    current: Attributes,
    pending: Attributes,
    pending_visible: bool,
    /// Versions by component, and those that wait for a boot.
    firmware: BTreeMap<String, String>,
    pending_firmware: BTreeMap<String, String>,
    mode: BootMode,
    pending_mode: Option<BootMode>,
    secure_boot: SecureBootState,
    wanted: Wanted,
    effects: BTreeMap<String, u32>,
    wrote: bool,
}

impl World {
    fn new(power: PowerState, pending_visible: bool) -> Self {
        Self {
            power,
            armed: None,
            http_uri: String::new(),
            image: None,
            current: Attributes::from([("SriovGlobalEnable".to_owned(), "Disabled".into())]),
            pending: Attributes::new(),
            pending_visible,
            firmware: ["bmc", "bios", "NIC"].map(|name| (name.to_owned(), "1.0".to_owned())).into(),
            pending_firmware: BTreeMap::new(),
            mode: BootMode::Legacy,
            pending_mode: None,
            secure_boot: SecureBootState { enabled: Some(false), current_boot: Some(false) },
            wanted: wanted(),
            effects: BTreeMap::new(),
            wrote: false,
        }
    }

    fn observed(&self) -> Observed {
        let differs: Attributes = self
            .wanted
            .bios
            .iter()
            .filter(|(name, value)| self.current.get(*name) != Some(*value))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        let stages = if differs.is_empty() {
            Vec::new()
        } else {
            vec![BiosStage { attributes: differs, reason: String::new() }]
        };
        let pending = match (self.pending_visible, self.pending.is_empty()) {
            (false, _) => PendingSettings::NotVisible,
            (true, true) => PendingSettings::None,
            (true, false) => PendingSettings::Values(self.pending.clone()),
        };
        Observed {
            identity: Identity {
                vendor: Vendor::Generic,
                generation: "model".to_owned(),
                system: "/redfish/v1/Systems/1".to_owned(),
                manufacturer: None,
                model: None,
                serial: None,
                uuid: None,
                bios_version: None,
                bmc_version: None,
            },
            capabilities: Capabilities::default(),
            view: HostView {
                power: self.power,
                progress: if self.power == PowerState::On {
                    HostProgress::PostFinished
                } else {
                    HostProgress::Off
                },
                boot: BootSettings {
                    target: self.armed.clone(),
                    enabled: self.armed.as_ref().map(|_| OverrideEnabled::Once),
                    mode: Some(self.mode),
                    http_uri: Some(self.http_uri.clone()),
                    ..BootSettings::default()
                },
                last_reset: None,
            },
            slots: vec![MediaSlot {
                id: SlotId("/slot/1".to_owned()),
                name: "CD".to_owned(),
                media_types: vec![MediaType::Cd],
                inserted: Some(self.image.is_some()),
                image: self.image.clone(),
                connected: Some(self.image.is_some()),
                can_insert: true,
                problem: None,
            }],
            bios: Some(BiosObserved {
                plan: BiosPlan { stages, satisfied: Vec::new(), problems: Vec::new() },
                pending,
            }),
            firmware: Some(self.inventory()),
            secure_boot: Some(self.secure_boot),
            http_settings: Vec::new(),
            http_problems: Vec::new(),
            macs: None,
            storage: None,
            storage_busy: None,
        }
    }

    fn inventory(&self) -> FirmwareInventory {
        let component = |(name, version): (&String, &String)| FirmwareComponent {
            id: ComponentId(format!("/firmware/{name}")),
            name: name.clone(),
            kind: match name.as_str() {
                "bmc" => ComponentKind::Bmc,
                "bios" => ComponentKind::Bios,
                _ => ComponentKind::Other,
            },
            version: Some(version.clone()),
            updateable: Some(true),
        };
        FirmwareInventory { components: self.firmware.iter().map(component).collect(), skipped: Vec::new() }
    }

    fn update(&mut self, update: &FirmwareUpdate) {
        assert!(self.power == PowerState::Off, "{update} is sent to a host that is on");
        // A BMC takes its own at once, and forgets what was armed.
        let at_once = update.component == "bmc";
        let place = if at_once { &mut self.firmware } else { &mut self.pending_firmware };
        place.insert(update.component.clone(), "2.0".to_owned());
    }

    fn apply(&mut self, act: &Act) {
        *self.effects.entry(serde_json::to_string(act).unwrap()).or_insert(0) += 1;
        match act {
            Act::PowerOff { .. } => self.power = PowerState::Off,
            Act::PowerOn { .. } => {
                self.power = PowerState::On;
                self.current.append(&mut self.pending);
                self.firmware.append(&mut self.pending_firmware);
                self.mode = self.pending_mode.take().unwrap_or(self.mode);
                self.secure_boot.current_boot = self.secure_boot.enabled;
                let held = self.armed.take() == Some(BootTarget::BiosSetup);
                assert!(held || *act == install_power_on(), "{act}: an old system would have started");
            }
            Act::StageBios { attributes, .. } => self.pending.clone_from(attributes),
            Act::SetSecureBoot { enabled } => {
                assert!(self.mode == BootMode::Uefi, "secure boot takes UEFI");
                self.secure_boot.enabled = Some(*enabled);
            }
            Act::SetBootMode { mode } => self.pending_mode = Some(*mode),
            Act::UpdateFirmware { update } => self.update(update),
            Act::HoldInSetup { .. } => self.armed = Some(BootTarget::BiosSetup),
            Act::Insert { url, .. } => self.image = Some(url.clone()),
            Act::EjectLeftover { .. } | Act::Eject { .. } => self.image = None,
            Act::BootCdOnce => self.armed = Some(BootTarget::Cd),
            Act::BootHttpOnce { url } => {
                self.armed = Some(BootTarget::UefiHttp);
                self.http_uri.clone_from(url);
            }
            Act::BootPxeOnce { .. } => self.armed = Some(BootTarget::Pxe),
            Act::ClearBootOverride => self.armed = None,
            Act::DeleteVolume { .. } | Act::CreateVolume { .. } => panic!("the model wants no volumes"),
        }
    }
}

/// Where the process dies around an act.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kill {
    No,
    BeforeSend,
    AfterSend,
}

/// A journal in a list, folded anew at every look: what a new process would know.
#[derive(Default)]
pub(super) struct Book(Vec<Record>);

impl Book {
    pub(super) fn write(&mut self, event: Event) {
        let seq = self.0.len() as u64 + 1;
        let at = Timestamp::from_second(1_700_000_000 + i64::try_from(seq).unwrap()).unwrap();
        self.0.push(Record { seq, at, node: Some(NODE.to_owned()), event });
    }

    pub(super) fn node(&self) -> Option<NodeHistory> {
        History::of(&self.0).node(NODE).cloned()
    }

    pub(super) fn start(&mut self, trigger: Trigger) -> JobId {
        let job = job_id(NODE, self.node().map_or(0, |n| n.jobs_begun));
        self.write(Event::JobStarted {
            job: job.clone(),
            request: "first".to_owned(),
            trigger,
            source: String::new(),
        });
        job
    }
}

/// Runs a job against the model with the given deaths, as the engine would.
fn drive(world: &mut World, book: &mut Book, kills: &[Kill]) -> Next {
    let job = book.start(Trigger::NewHost);
    let mut kills = kills.iter().copied().chain(std::iter::repeat(Kill::No));
    for _ in 0..400 {
        let known = book.node().and_then(|n| n.job).unwrap();
        if let Some(open) = known.open_act() {
            let result = resolve(&open.act, &world.observed());
            book.write(Event::Outcome { job: job.clone(), act: open.act.clone(), result });
            continue;
        }
        match next(&world.wanted, &world.observed(), Some(&known), &served(&world.wanted)) {
            Next::Act(act) => {
                book.write(Event::Intent { job: job.clone(), act: act.clone(), in_flight_ms: 0 });
                let kill = kills.next().unwrap();
                if kill != Kill::BeforeSend {
                    world.apply(&act);
                }
                if kill == Kill::No {
                    let accepted =
                        matches!(act, Act::UpdateFirmware { .. }).then(|| Accepted::default().mark());
                    let result = ActResult::Done { mark: accepted };
                    book.write(Event::Outcome { job: job.clone(), act, result });
                }
            }
            Next::VerifyFirmware { act, mark, kind, booted } => {
                let Act::UpdateFirmware { update } = &act else { panic!("{act} is no update") };
                let result = match () {
                    () if proves(update, world.firmware.get(&update.component).map(String::as_str)) => {
                        ActResult::Done { mark: None }
                    }
                    () if kind != ComponentKind::Bmc && !booted => ActResult::Undecidable,
                    () => {
                        assert_eq!(mark, None, "only an update of which nothing is known can have been lost");
                        ActResult::FoundNotDone
                    }
                };
                book.write(Event::Outcome { job: job.clone(), act, result });
            }
            Next::VerifyBoot { act, undecided } => {
                let world = world.observed();
                assert!(!in_force(&act, &world.view, world.secure_boot), "{act} is not verified again");
                assert!(undecided, "only an undecidable write can have been lost");
                book.write(Event::Outcome { job: job.clone(), act, result: ActResult::FoundNotDone });
            }
            Next::VerifyBios { key, stage, undecided, .. } => {
                let applied = stage.attributes.iter().all(|(n, v)| world.current.get(n) == Some(v));
                assert!(!applied, "an applied stage is not verified again");
                assert!(undecided, "only an undecidable write can have been lost");
                let act = Act::StageBios { stage: key, attributes: stage.attributes };
                book.write(Event::Outcome { job: job.clone(), act, result: ActResult::FoundNotDone });
            }
            Next::Await(sign) => {
                let evidence = match sign {
                    Await::DiskWritten => {
                        world.wrote = true;
                        Evidence::CalledBack { stage: "Rebooting".to_owned() }
                    }
                    Await::Reset => Evidence::HostReset,
                    Await::Installed => Evidence::CalledBack { stage: "Done".to_owned() },
                    Await::Attached | Await::Boot | Await::Storage => panic!("the model needs no {sign:?}"),
                };
                book.write(Event::Sighted { job: job.clone(), evidence });
            }
            ended => return ended,
        }
    }
    panic!("no end in sight: {:?}", book.0);
}

proptest! {
    #[test]
    fn every_purpose_is_served_once_whatever_is_killed(
        kills in proptest::collection::vec(prop_oneof![Just(Kill::No), Just(Kill::BeforeSend), Just(Kill::AfterSend)], 0..24),
        visible in any::<bool>(),
        leftover in any::<bool>(),
        way in proptest::sample::select(BootWay::ALL.to_vec()),
    ) {
        let mut world = World::new(PowerState::Off, visible);
        world.wanted.boot = WantedBoot::only(way, "the test");
        let old = leftover.then(|| "http://192.0.2.9/old.iso".to_owned());
        world.image.clone_from(&old);
        let mut book = Book::default();
        let end = drive(&mut world, &mut book, &kills);
        prop_assert_eq!(end, Next::Finish(JobResult::Installed));
        for (act, times) in &world.effects {
            prop_assert_eq!(*times, 1, "{} happened {} times", act, times);
        }
        prop_assert_eq!(&world.current, &wanted().bios);
        // What is in a drive that the host does not boot from is somebody else's.
        prop_assert_eq!(&world.image, &old.filter(|_| way != BootWay::VirtualMedia));
        prop_assert!(world.wrote);
    }
}

proptest! {
    #[test]
    fn firmware_and_boot_settings_are_served_once_whatever_is_killed(
        kills in proptest::collection::vec(prop_oneof![Just(Kill::No), Just(Kill::BeforeSend), Just(Kill::AfterSend)], 0..48),
        visible in any::<bool>(),
    ) {
        let mut world = World::new(PowerState::Off, visible);
        world.wanted = wanted_of_everything();
        let mut book = Book::default();
        let end = drive(&mut world, &mut book, &kills);
        prop_assert_eq!(end, Next::Finish(JobResult::Installed));
        for (act, times) in &world.effects {
            prop_assert_eq!(*times, 1, "{} happened {} times", act, times);
        }
        prop_assert!(world.firmware.values().all(|version| version == "2.0"), "{:?}", world.firmware);
        prop_assert_eq!(world.mode, BootMode::Uefi);
        prop_assert_eq!(world.secure_boot.current_boot, Some(true));
        prop_assert_eq!(&world.current, &wanted().bios);
        prop_assert!(world.wrote);
    }
}

/// The acts of an undisturbed job, by what they are.
fn acts_of(book: &Book) -> Vec<String> {
    book.node().unwrap().job.unwrap().acts.iter().map(|known| known.act.to_string()).collect()
}

#[test]
fn firmware_goes_before_the_boot_mode_and_that_before_settings_and_secure_boot() {
    let mut world = World::new(PowerState::Off, true);
    world.wanted = wanted_of_everything();
    let mut book = Book::default();
    let _ = drive(&mut world, &mut book, &[]);
    let acts = acts_of(&book);
    let place = |what: &str| {
        acts.iter().position(|act| act.starts_with(what)).unwrap_or_else(|| panic!("no {what} in {acts:?}"))
    };
    let order = [
        "update the firmware of bmc",
        "update the firmware of bios",
        "update the firmware of NIC",
        "set the boot mode",
        "write 1 BIOS",
        "enable secure boot",
        "insert",
    ];
    assert!(order.map(place).is_sorted(), "{acts:?}");
    let boots = acts.iter().filter(|act| act.starts_with("switch the host on")).count();
    assert_eq!(
        boots, 6,
        "one for each of BIOS, NIC, mode, settings, secure boot, and the installation: {acts:?}"
    );
}

#[test]
fn an_update_without_a_version_is_made_once_for_a_request() {
    let mut world = World::new(PowerState::Off, true);
    world.wanted.firmware = vec![firmware("NIC", None)];
    let mut book = Book::default();
    let _ = drive(&mut world, &mut book, &[]);
    let updates = |book: &Book| acts_of(book).iter().filter(|act| act.starts_with("update")).count();
    assert_eq!(updates(&book), 1);
    // Installed anew for the same request: the journal knows of it.
    let _ = drive(&mut world, &mut book, &[]);
    assert_eq!(book.node().unwrap().job.unwrap().updated.len(), 1);
    assert_eq!(updates(&book), 0);
    assert_eq!(world.effects.keys().filter(|act| act.contains("updateFirmware")).count(), 1);
}

#[test]
fn an_update_that_was_cancelled_under_way_is_followed_and_not_sent_again() {
    let mut world = World::new(PowerState::Off, true);
    world.wanted.firmware = vec![firmware("bios", Some("2.0"))];
    let mut book = Book::default();
    let job = book.start(Trigger::NewHost);
    let served = served(&world.wanted);
    for _ in 0..2 {
        let known = book.node().unwrap().job.unwrap();
        let Next::Act(act) = next(&world.wanted, &world.observed(), Some(&known), &served) else { panic!() };
        book.write(Event::Intent { job: job.clone(), act: act.clone(), in_flight_ms: 0 });
        world.apply(&act);
        let mark = Some(Accepted::default().mark());
        book.write(Event::Outcome { job: job.clone(), act, result: ActResult::Done { mark } });
    }
    let ended = JobResult::Cancelled { state: String::new(), installing: false };
    book.write(Event::JobFinished { job, result: ended });
    assert_eq!(drive(&mut world, &mut book, &[]), Next::Finish(JobResult::Installed));
    let sent: Vec<u32> =
        world.effects.iter().filter(|(act, _)| act.contains("updateFirmware")).map(|(_, n)| *n).collect();
    assert_eq!(sent, [1], "{:?}", world.effects);
    assert_eq!(world.firmware["bios"], "2.0");
}

#[test]
fn what_cannot_be_updated_or_set_is_said_before_anything_is_done() {
    let mut world = World::new(PowerState::Off, true);
    world.wanted = wanted_of_everything();
    world.wanted.firmware.push(firmware("GPU", Some("1")));
    let mut observed = world.observed();
    let said =
        |wanted: &Wanted, observed: &Observed| problems(wanted, observed, &Trigger::NewHost).join("\n");
    let text = said(&world.wanted, &observed);
    assert!(
        text.contains("the site asks to update GPU, and the BMC's inventory has none or several"),
        "{text}"
    );
    assert!(!text.contains("boot mode"), "{text}");

    let cannot = |why: &str| rackhand_bmc::Support::Unsupported(why.to_owned());
    let learned = rackhand_bmc::Learned::Advertised;
    observed.capabilities.set(Operation::FirmwareUpdate, cannot("no UpdateService"), learned.clone());
    observed.capabilities.set(Operation::BootModeSet, cannot("no way"), learned);
    let doubt = rackhand_bmc::Learned::Documented("a row".to_owned());
    observed.capabilities.set(Operation::SecureBootSet, rackhand_bmc::Support::Unknown, doubt);
    let text = said(&world.wanted, &observed);
    assert!(text.contains("no UpdateService"), "{text}");
    assert!(text.contains(
        "bootMode is UEFI, this host boots in legacy mode, and its BMC cannot change that: no way"
    ));
    assert!(text.contains("SecureBootSet") && text.contains("--allow-unverified site/node"), "{text}");
    world.wanted.allow_unverified = true;
    assert!(!said(&world.wanted, &observed).contains("SecureBootSet"));
}

#[test]
fn the_plan_says_which_versions_change() {
    let mut world = World::new(PowerState::Off, true);
    world.wanted = wanted_of_everything();
    world.firmware.insert("bmc".to_owned(), "2.0".to_owned());
    let detail = |world: &World, step: StepId| {
        let all = steps(&world.wanted, &world.observed(), None);
        let found = all.into_iter().find(|planned| planned.step == step).unwrap();
        (found.state, found.detail)
    };
    let (state, text) = detail(&world, StepId::Firmware);
    assert_eq!(state, StepState::Todo);
    assert_eq!(
        text,
        "bmc has 2.0; update bios from 1.0 to 2.0; update NIC from 1.0 with the file of the site"
    );
    let (_, text) = detail(&world, StepId::Bios);
    assert!(text.starts_with("set the boot mode from legacy to UEFI; "), "{text}");
}

#[test]
fn an_undecidable_bios_write_that_never_arrived_is_written_again_after_a_boot_has_shown_it() {
    let mut world = World::new(PowerState::Off, false);
    let mut book = Book::default();
    let end = drive(&mut world, &mut book, &[Kill::BeforeSend]);
    assert_eq!(end, Next::Finish(JobResult::Installed));
    let staged = world.effects.keys().filter(|act| act.contains("stageBios")).count();
    assert_eq!(staged, 1, "{:?}", world.effects);
    let boots = world.effects.keys().filter(|act| act.contains("powerOn")).count();
    assert_eq!(
        boots, 3,
        "one boot that showed the loss, one that applied, one that installed: {:?}",
        world.effects
    );
}

#[test]
fn a_host_that_is_on_without_a_record_needs_a_decision_and_off_is_new() {
    assert!(matches!(gate(&wanted(), None, PowerState::On), Gate::NeedsDecision { .. }));
    assert!(matches!(gate(&wanted(), None, PowerState::Unknown), Gate::NeedsDecision { .. }));
    assert_eq!(gate(&wanted(), None, PowerState::Off), Gate::Start { trigger: Trigger::NewHost });
}

#[test]
fn a_host_that_was_met_on_stays_a_live_one_when_it_is_off_later() {
    let mut book = Book::default();
    let request = Some(wanted().request);
    book.write(Event::NeedsDecision { reason: "the host is on".to_owned(), request });
    for power in [PowerState::Off, PowerState::On] {
        assert!(
            matches!(gate(&wanted(), book.node().as_ref(), power), Gate::NeedsDecision { .. }),
            "{power:?}"
        );
        let changed = Wanted { request: "2".to_owned(), ..wanted() };
        let trigger = Trigger::RequestChanged { from: wanted().request };
        assert_eq!(gate(&changed, book.node().as_ref(), power), Gate::Start { trigger });
    }
    let by = "somebody".to_owned();
    book.write(Event::Decided { decision: Decision::Adopt, by, request: Some(wanted().request) });
    assert!(matches!(gate(&wanted(), book.node().as_ref(), PowerState::Off), Gate::Nothing { .. }));
}

#[test]
fn an_installed_node_is_left_alone_until_the_request_changes() {
    let mut book = Book::default();
    let mut world = World::new(PowerState::Off, true);
    let job = {
        let _ = drive(&mut world, &mut book, &[]);
        book.node().unwrap().job.unwrap().id
    };
    book.write(Event::JobFinished { job, result: JobResult::Installed });
    let history = book.node();
    assert_eq!(history.as_ref().unwrap().installed.as_ref().unwrap().how, InstalledHow::Observed);
    assert!(matches!(gate_by_record(&wanted(), history.as_ref()), Some(Gate::Nothing { .. })));
    let changed = Wanted { request: "2".to_owned(), ..wanted() };
    assert_eq!(
        gate_by_record(&changed, history.as_ref()),
        Some(Gate::Start { trigger: Trigger::RequestChanged { from: "first".to_owned() } })
    );
}

#[test]
fn a_failed_installation_is_not_begun_again_without_a_word() {
    let mut book = Book::default();
    let job = book.start(Trigger::NewHost);
    let failed = |installing| JobResult::Failed {
        step: StepId::Follow,
        error: "nothing came".to_owned(),
        advice: String::new(),
        installing,
        refused: false,
        cause: None,
    };
    book.write(Event::JobFinished { job: job.clone(), result: failed(true) });
    assert!(matches!(gate(&wanted(), book.node().as_ref(), PowerState::Off), Gate::NeedsDecision { .. }));
    let changed = Wanted { request: "again".to_owned(), ..wanted() };
    let trigger = Trigger::RequestChanged { from: wanted().request };
    assert_eq!(gate_by_record(&changed, book.node().as_ref()), Some(Gate::Start { trigger }));
    book.write(Event::Decided { decision: Decision::Install, by: "retry".to_owned(), request: None });
    assert!(matches!(
        gate(&wanted(), book.node().as_ref(), PowerState::On),
        Gate::Start { trigger: Trigger::Asked { .. } }
    ));

    // Before the host was switched on to install, the next apply goes on, but never under a host that somebody
    // switched on since.
    let mut book = Book::default();
    let job = book.start(Trigger::NewHost);
    book.write(Event::JobFinished { job, result: failed(false) });
    let history = book.node();
    assert!(matches!(
        gate(&wanted(), history.as_ref(), PowerState::Off),
        Gate::Start { trigger: Trigger::Continued { .. } }
    ));
    assert!(matches!(gate(&wanted(), history.as_ref(), PowerState::On), Gate::NeedsDecision { .. }));
}

#[test]
fn adopting_records_a_node_as_installed() {
    let mut book = Book::default();
    book.write(Event::NeedsDecision { reason: "on".to_owned(), request: None });
    book.write(Event::Decided {
        decision: Decision::Adopt,
        by: "adopt".to_owned(),
        request: Some("first".to_owned()),
    });
    let history = book.node();
    assert_eq!(history.as_ref().unwrap().needs_decision, None);
    assert!(matches!(gate(&wanted(), history.as_ref(), PowerState::On), Gate::Nothing { .. }));
}

#[test]
fn the_medium_stays_in_until_the_host_was_reset_after_writing() {
    let mut world = World::new(PowerState::On, true);
    world.current = wanted().bios;
    world.image = Some(URL.to_owned());
    let mut book = Book::default();
    let job = book.start(Trigger::NewHost);
    book.write(Event::Intent { job: job.clone(), act: install_power_on(), in_flight_ms: 0 });
    book.write(Event::Outcome {
        job: job.clone(),
        act: install_power_on(),
        result: ActResult::Done { mark: None },
    });
    let step = |book: &Book| {
        next(&wanted(), &world.observed(), book.node().unwrap().job.as_ref(), &served(&wanted()))
    };
    assert_eq!(step(&book), Next::Await(Await::DiskWritten));
    book.write(Event::Sighted {
        job: job.clone(),
        evidence: Evidence::CalledBack { stage: "Rebooting".to_owned() },
    });
    assert_eq!(step(&book), Next::Await(Await::Reset));
    book.write(Event::Sighted { job, evidence: Evidence::HostReset });
    assert!(matches!(step(&book), Next::Act(Act::Eject { .. })));
}

#[test]
fn what_a_failed_job_prepared_is_taken_back() {
    let mut world = World::new(PowerState::Off, true);
    let mut book = Book::default();
    let job = book.start(Trigger::NewHost);
    let mut act = |world: &mut World, act: Act| {
        book.write(Event::Intent { job: job.clone(), act: act.clone(), in_flight_ms: 0 });
        world.apply(&act);
        book.write(Event::Outcome { job: job.clone(), act, result: ActResult::Done { mark: None } });
    };
    let slot = SlotId("/slot/1".to_owned());
    act(&mut world, Act::HoldInSetup { stage: "a".to_owned() });
    act(&mut world, Act::PowerOn { purpose: PowerPurpose::BiosStage { stage: "a".to_owned() } });
    act(&mut world, Act::Insert { slot: slot.clone(), url: URL.to_owned() });
    act(&mut world, Act::BootCdOnce);
    let known = book.node().unwrap().job.unwrap();
    let acts = undo(&world.observed(), &known);
    acts.iter().for_each(|act| world.apply(act));
    assert_eq!(world.power, PowerState::Off);
    assert_eq!((world.image, world.armed), (None, None));
    assert_eq!(acts.len(), 3);
}
