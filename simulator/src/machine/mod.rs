//! The machine: a pure, vendor-neutral state machine. It reads no clock, does no I/O and draws no chance.
//!
//! Every access first calls [`Machine::advance`], which plays what has come due, in order. What the world outside has to
//! do for it (read a medium, call back) it leaves in [`Machine::take_deeds`]; what changed, in
//! [`Machine::take_changes`].

pub mod bios;
pub mod firmware;
mod identity;
pub mod inventory;
mod jobs;
mod logs;
mod media;
mod network;
mod parts;
mod power;
mod raid;
mod sensors;
mod sessions;
pub mod storage;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use identity::Identity;
pub use jobs::{BootChange, When, Work};
pub use logs::{LOG_SIZE, LogKind};
pub use media::{MediaProblem, Medium};
pub use network::{NetworkBoot, NetworkWay};
pub use parts::*;
pub use power::PowerProblem;
pub use sensors::{Sensor, SensorKind};
pub use sessions::LoginProblem;

use crate::clock::SimTime;
use crate::package::Package;
use bios::Bios;
use firmware::Component;
use inventory::Controller;
use storage::Home;

/// A state change, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When it was due.
    pub at: SimTime,
    /// What changed.
    pub what: String,
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
}

/// Something that the world outside has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Boot the medium in slot number `slot`; answered by the guest's methods.
    BootCd {
        /// The boot it belongs to.
        boot: u64,
        /// Index of the slot.
        slot: usize,
    },
    /// Boot by PXE what DHCP offers; answered by the guest's methods.
    BootPxe {
        /// The boot it belongs to.
        boot: u64,
        /// What DHCP told.
        offer: NetworkBoot,
    },
    /// Boot a URL by HTTP; answered by the guest's methods.
    BootHttp {
        /// The boot it belongs to.
        boot: u64,
        /// The URL.
        url: String,
    },
    /// Look whether the image of slot number `slot` can be read; answered by [`Machine::mapped`].
    Map {
        /// Index of the slot.
        slot: usize,
        /// The insert it belongs to.
        generation: u64,
    },
    /// The installed system runs for the first time and calls back.
    Announce {
        /// The boot it belongs to.
        boot: u64,
        /// Where to.
        callback: String,
    },
    /// Fetch the image of an update; answered by [`Machine::image_arrived`].
    FetchFirmware {
        /// `Id` of the job.
        job: String,
    },
    /// The BMC does not answer for a while.
    BmcGone {
        /// How long.
        lasts: Duration,
    },
}

/// What comes due.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Due {
    PoweredOn,
    Phase(usize),
    PoweredOff { again: bool },
    ShutDown { again: bool },
    DiskBooted,
    MapMedia { slot: usize, generation: u64 },
    Vacate { slot: usize, generation: u64 },
    JobBegins { id: String },
    JobEnds { id: String },
    BmcGoes { gone: Duration },
}

/// A due event belongs to a boot (and dies with it) or to the BMC.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Planned {
    boot: Option<u64>,
    due: Due,
}

/// A server and its BMC.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its name in the simulation.
    pub name: String,
    /// Serial number, UUID, MAC addresses.
    pub identity: Identity,
    /// What it is made of.
    pub hardware: Hardware,
    /// How it behaves.
    pub rules: Rules,
    /// How long its guest takes.
    pub guest_times: GuestTimes,
    /// Boot order and override.
    pub boot: Boot,
    /// Secure Boot.
    pub secure_boot: SecureBoot,
    /// What DHCP tells it; nobody answers when there is none.
    pub network: Option<NetworkBoot>,
    /// Virtual media slots.
    pub slots: Vec<Slot>,
    /// BIOS settings.
    pub bios: Bios,
    /// Attributes that POST refuses, as a fault asks for.
    pub bios_rejects: BTreeSet<String>,
    /// Accounts; without any the BMC asks for no credentials.
    pub accounts: Vec<Account>,
    /// Sessions.
    pub sessions: Vec<Session>,
    /// Jobs and tasks.
    pub jobs: Vec<Job>,
    /// Whether new jobs never begin, as a fault asks for.
    pub jobs_stick: bool,
    /// Storage controllers with what they hold.
    pub storage: Vec<Controller>,
    /// Firmware in force.
    pub firmware: Vec<Component>,
    /// Firmware images that wait to be activated.
    pub staged_firmware: Vec<Package>,
    /// When the host was last reset or powered on.
    pub last_reset: SimTime,
    /// Values that a personality keeps for its own resources, by a name of its own.
    pub oem: BTreeMap<String, serde_json::Value>,
    power: Power,
    post: Post,
    guest: Guest,
    disk: Disk,
    boot_source: String,
    boots: u64,
    failures: Vec<SimTime>,
    locked_until: SimTime,
    candidates: Vec<String>,
    plans: BTreeMap<(SimTime, u64), Planned>,
    planned: u64,
    counter: u64,
    now: SimTime,
    changes: Vec<Change>,
    deeds: Vec<Deed>,
    events: Vec<Event>,
    sel: Vec<Event>,
    ailing: BTreeMap<String, &'static str>,
    disk_home: Option<Home>,
    bmc_started: SimTime,
    bmc_leaving: bool,
    off_since: Option<SimTime>,
}

impl Machine {
    /// A machine that is off, at factory settings.
    pub fn new(name: &str, identity: Identity, hardware: Hardware, rules: Rules) -> Self {
        let (target, lasts) = rules.first_override;
        let boot = Boot {
            order: vec!["Hdd".into(), "Cd".into(), "Pxe".into()],
            target: target.into(),
            lasts,
            mode: "UEFI".into(),
            uefi_target: None,
            http_uri: None,
            first: None,
        };
        Self {
            name: name.into(),
            identity,
            boot,
            secure_boot: SecureBoot { enable: false, current: false },
            network: None,
            slots: hardware.slots.clone(),
            bios: Bios::new(hardware.registry.clone()),
            bios_rejects: BTreeSet::new(),
            accounts: Vec::new(),
            sessions: Vec::new(),
            jobs: Vec::new(),
            jobs_stick: false,
            storage: hardware.inventory.controllers.clone(),
            firmware: hardware.inventory.firmware.clone(),
            staged_firmware: Vec::new(),
            last_reset: SimTime::ZERO,
            oem: BTreeMap::new(),
            power: Power::Off,
            post: Post::Off,
            guest: Guest::None,
            disk: Disk::Blank,
            boot_source: "none".into(),
            boots: 0,
            failures: Vec::new(),
            locked_until: SimTime::ZERO,
            candidates: Vec::new(),
            plans: BTreeMap::new(),
            planned: 0,
            counter: 0,
            now: SimTime::ZERO,
            changes: Vec::new(),
            deeds: Vec::new(),
            events: Vec::new(),
            sel: Vec::new(),
            ailing: BTreeMap::new(),
            disk_home: None,
            bmc_started: SimTime::ZERO,
            bmc_leaving: false,
            off_since: None,
            guest_times: GuestTimes::default(),
            hardware,
            rules,
        }
    }

    /// Puts an operating system on the disk, as found in the field.
    #[must_use]
    pub fn with_old_os(mut self) -> Self {
        self.disk = Disk::OldOs;
        self.disk_home = self.first_disk();
        self.show_disk();
        self
    }

    /// Starts with the host on and what its disk holds running (nothing bootable: held there).
    #[must_use]
    pub fn already_on(mut self) -> Self {
        self.power = Power::On;
        self.post = Post::Done;
        self.boots = 1;
        match self.disk {
            Disk::OldOs => {
                self.guest = Guest::OldOs;
                self.boot_source = "Hdd".into();
            }
            _ => self.guest = Guest::NoBootableDevice,
        }
        self
    }

    /// The host's power.
    pub fn power(&self) -> Power {
        self.power
    }

    /// Where its firmware is.
    pub fn post(&self) -> Post {
        self.post
    }

    /// The vendor's name of the POST phase it is in.
    pub fn post_phase(&self) -> Option<&'static str> {
        match self.post {
            Post::Phase(number) => self.rules.power.post.get(number).map(|phase| phase.name),
            _ => None,
        }
    }

    /// Whether the host is on and POST is not over.
    pub fn in_post(&self) -> bool {
        matches!(self.post, Post::Phase(_))
    }

    /// What runs on it.
    pub fn guest(&self) -> &Guest {
        &self.guest
    }

    /// What is on its disk.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// How often the host began to boot.
    pub fn boots(&self) -> u64 {
        self.boots
    }

    /// The source of the last boot: `Hdd`, `Cd`, `none` …
    pub fn boot_source(&self) -> &str {
        &self.boot_source
    }

    /// The moment it was last advanced to.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// When the host last went off; `None` if it has not yet.
    pub fn off_since(&self) -> Option<SimTime> {
        self.off_since
    }

    /// A word for where the host is, for fault rules and the log: `Off`, `Post`, `Setup`, `Boot`, `Install`, `Running`.
    pub fn phase(&self) -> &'static str {
        match (self.power, self.post, &self.guest) {
            (Power::Off | Power::PoweringOn, _, _) => "Off",
            (_, Post::Phase(_), _) => "Post",
            (_, Post::Setup, _) => "Setup",
            (_, _, Guest::Installer(_)) => "Install",
            (_, _, Guest::OldOs | Guest::Installed(_)) => "Running",
            _ => "Boot",
        }
    }

    /// Plays everything that is due by `now`.
    pub fn advance(&mut self, now: SimTime) {
        while let Some((&key, _)) = self.plans.first_key_value() {
            if key.0 > now {
                break;
            }
            let Some(planned) = self.plans.remove(&key) else { break };
            self.now = key.0;
            if planned.boot.is_none_or(|boot| boot == self.boots) {
                self.play(planned.due);
            }
        }
        self.now = self.now.max(now);
        self.expire_sessions();
    }

    /// When the next event is due, if one is planned.
    pub fn next_due(&self) -> Option<SimTime> {
        self.plans.first_key_value().map(|(key, _)| key.0)
    }

    /// Takes the changes since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Takes what the world outside has to do.
    pub fn take_deeds(&mut self) -> Vec<Deed> {
        std::mem::take(&mut self.deeds)
    }

    /// A number that this machine has not given out before, from 1.
    pub fn next_number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Notes a change for the log; the same state again is none.
    pub fn note(&mut self, what: &str, from: impl Into<String>, to: impl Into<String>) {
        let (from, to) = (from.into(), to.into());
        if from != to {
            self.changes.push(Change { at: self.now, what: what.into(), from, to });
        }
    }

    fn plan(&mut self, after: Duration, due: Due) {
        let boot = match due {
            Due::MapMedia { .. }
            | Due::Vacate { .. }
            | Due::JobBegins { .. }
            | Due::JobEnds { .. }
            | Due::BmcGoes { .. } => None,
            _ => Some(self.boots),
        };
        self.planned += 1;
        self.plans.insert((self.now.after(after), self.planned), Planned { boot, due });
    }

    fn play(&mut self, due: Due) {
        match due {
            Due::PoweredOn => self.powered_on(),
            Due::Phase(number) => self.enter_phase(number),
            Due::PoweredOff { again } => self.powered_off(again),
            Due::ShutDown { again } => self.shut_down(again),
            Due::DiskBooted => self.disk_booted(),
            Due::MapMedia { slot, generation } => self.deeds.push(Deed::Map { slot, generation }),
            Due::Vacate { slot, generation } => self.vacate(slot, generation),
            Due::JobBegins { id } => self.job_begins(&id),
            Due::JobEnds { id } => self.job_ends(&id),
            Due::BmcGoes { gone } => self.restart_bmc(gone),
        }
    }

    fn set_power(&mut self, power: Power) {
        self.note("power", self.power.word(), power.word());
        self.power = power;
    }

    fn post_word(&self, post: Post) -> String {
        match post {
            Post::Off => "off".into(),
            Post::Phase(number) => {
                self.rules.power.post.get(number).map_or_else(|| "done".into(), |phase| phase.name.into())
            }
            Post::Setup => "setup".into(),
            Post::Done => "done".into(),
        }
    }

    fn set_post(&mut self, post: Post) {
        let (from, to) = (self.post_word(self.post), self.post_word(post));
        self.note("post", from, to);
        self.post = post;
    }

    fn set_guest(&mut self, guest: Guest) {
        self.note("guest", self.guest.word(), guest.word());
        self.guest = guest;
    }

    fn set_disk(&mut self, disk: Disk) {
        self.note("disk", self.disk.word(), disk.word());
        self.disk = disk;
        self.show_disk();
    }
}
