//! What a machine is made of and how it behaves: plain data that a personality fills in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bios::Registry;
use super::firmware::FirmwareRules;
use super::inventory::Inventory;
use super::jobs::Work;
use super::storage::StorageRules;
use crate::clock::SimTime;

/// Power of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Off.
    Off,
    /// On its way on.
    PoweringOn,
    /// On.
    On,
    /// On its way off.
    PoweringOff,
}

impl Power {
    /// Redfish's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::PoweringOn => "PoweringOn",
            Self::On => "On",
            Self::PoweringOff => "PoweringOff",
        }
    }
}

/// Where the host's firmware is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// The host is off.
    Off,
    /// In the phase of that number.
    Phase(usize),
    /// Held in setup.
    Setup,
    /// Finished: a boot source was chosen.
    Done,
}

/// A phase of POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPhase {
    /// The vendor's name of it.
    pub name: &'static str,
    /// How long it takes.
    pub lasts: Duration,
    /// Whether pending BIOS settings are applied when it begins.
    pub applies_bios: bool,
}

/// What runs on the host after POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guest {
    /// Nothing: off, in POST or in setup.
    None,
    /// Firmware loads the virtual CD.
    LoadingCd,
    /// Firmware or iPXE loads from the network.
    LoadingNetwork,
    /// The installer of the medium runs, in that stage.
    Installer(&'static str),
    /// An operating system boots from disk.
    BootingDisk,
    /// The operating system that was there before.
    OldOs,
    /// The operating system installed from the image of that SHA-256.
    Installed(String),
    /// Firmware found nothing to boot.
    NoBootableDevice,
    /// The installer gave up.
    Failed(String),
}

impl Guest {
    /// A word for the log.
    pub fn word(&self) -> String {
        match self {
            Self::None => "none".into(),
            Self::LoadingCd => "loading cd".into(),
            Self::LoadingNetwork => "loading from network".into(),
            Self::Installer(stage) => format!("installer: {stage}"),
            Self::BootingDisk => "booting disk".into(),
            Self::OldOs => "old os running".into(),
            Self::Installed(digest) => format!("installed os running: {digest}"),
            Self::NoBootableDevice => "no bootable device".into(),
            Self::Failed(why) => format!("install failed: {why}"),
        }
    }

    /// Whether an operating system or installer runs that heeds the power button.
    pub fn heeds_power_button(&self) -> bool {
        matches!(self, Self::Installer(_) | Self::OldOs | Self::Installed(_) | Self::Failed(_))
    }
}

/// What is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disk {
    /// Nothing.
    Blank,
    /// An operating system from before the simulation.
    OldOs,
    /// An installer began to write and did not finish.
    HalfWritten,
    /// What an installer wrote.
    Installed(Image),
}

impl Disk {
    /// A word for the log.
    pub fn word(&self) -> String {
        match self {
            Self::Blank => "blank".into(),
            Self::OldOs => "old os".into(),
            Self::HalfWritten => "half written".into(),
            Self::Installed(image) => format!("installed {}", image.digest),
        }
    }
}

/// An installed image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// SHA-256 of the whole medium, or of kernel, initial file systems and root file system one after the other, in
    /// hexadecimal.
    pub digest: String,
    /// Where the installed system calls back when it first runs.
    pub callback: Option<String>,
    /// Whether the installed system has called back "Done".
    pub announced: bool,
}

/// How long an override lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lasts {
    /// Not in force.
    Disabled,
    /// For the next boot.
    Once,
    /// Until changed.
    Continuous,
}

impl Lasts {
    /// Redfish's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::Once => "Once",
            Self::Continuous => "Continuous",
        }
    }

    /// Reads Redfish's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Disabled, Self::Once, Self::Continuous].into_iter().find(|lasts| lasts.word() == word)
    }
}

/// What the host boots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Sources in the order firmware tries them: `Hdd`, `Cd`, `Pxe`, `UefiHttp`.
    pub order: Vec<String>,
    /// Override target; `None` when there is none.
    pub target: String,
    /// How long the override lasts.
    pub lasts: Lasts,
    /// `UEFI` or `Legacy`.
    pub mode: String,
    /// Device path for the target `UefiTarget`.
    pub uefi_target: Option<String>,
    /// URI for the target `UefiHttp`.
    pub http_uri: Option<String>,
    /// The BMC's own first device, before the override and the order.
    pub first: Option<FirstDevice>,
}

/// A first boot device that is a setting of the BMC, not of the System.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstDevice {
    /// `Hdd`, `Cd`, `Pxe` or `UefiHttp`.
    pub source: String,
    /// For the next boot only.
    pub once: bool,
}

/// UEFI Secure Boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecureBoot {
    /// Wanted from the next POST on.
    pub enable: bool,
    /// In force since the last POST.
    pub current: bool,
}

/// A virtual media slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its `Id`.
    pub id: String,
    /// Its `Name`.
    pub name: String,
    /// Its `MediaTypes`.
    pub media_types: Vec<String>,
    /// The image's URL while one is asked for.
    pub image: Option<Source>,
    /// Whether the medium is there.
    pub inserted: bool,
    /// Whether the medium is write protected.
    pub write_protected: bool,
    /// Whether the image server's certificate is checked.
    pub verify_certificate: bool,
    /// What went wrong with the image, in this BMC's words.
    pub error: Option<String>,
    /// Another `Id` it answers to, where a second collection shows the same slots.
    pub alias: Option<String>,
    /// Ejected, but still shown as inserted: see [`MediaRules::eject_lag`].
    pub ejecting: bool,
    /// Whether the next boot is from it whatever the order says, and once only.
    pub boot_next: bool,
    /// Whether that boot has begun: the reset after it ejects the medium.
    pub spent: bool,
    /// Whether firmware boots from it.
    pub bootable: bool,
    /// Counts inserts and ejects, so that a late answer about an earlier image is noticed.
    pub generation: u64,
}

impl Slot {
    /// An empty slot.
    pub fn new(id: &str, name: &str, media_types: &[&str]) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            media_types: media_types.iter().map(|word| (*word).to_owned()).collect(),
            image: None,
            inserted: false,
            write_protected: true,
            verify_certificate: false,
            error: None,
            alias: None,
            ejecting: false,
            boot_next: false,
            spent: false,
            bootable: true,
            generation: 0,
        }
    }

    /// The host sees it, and its firmware does not boot from it.
    #[must_use]
    pub fn unbootable(mut self) -> Self {
        self.bootable = false;
        self
    }

    /// Also answers to this `Id`.
    #[must_use]
    pub fn also(mut self, alias: &str) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// Whether firmware boots a CD from it.
    pub fn is_cd(&self) -> bool {
        self.bootable && self.media_types.iter().any(|kind| kind == "CD" || kind == "DVD")
    }

    /// The image's URL.
    pub fn url(&self) -> Option<&str> {
        self.image.as_ref().map(|source| source.url.as_str())
    }
}

/// Where an image is read from.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// Its URL.
    pub url: String,
    /// User and password for the image server.
    pub login: Option<(String, String)>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("url", &self.url).field("login", &self.login.is_some()).finish()
    }
}

/// An account of the BMC.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its `Id` in the account table.
    pub id: String,
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
    /// Its `RoleId`.
    pub role: String,
    /// Whether it may log in.
    pub enabled: bool,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

/// A session.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Its `Id`.
    pub id: String,
    /// Its token.
    pub token: String,
    /// Who logged in.
    pub user: String,
    /// When.
    pub created: SimTime,
    /// When it was last used.
    pub used: SimTime,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Made, not yet taken up.
    New,
    /// Waits for a reset.
    Scheduled,
    /// At work.
    Running,
    /// Ended well.
    Completed,
    /// Ended, some of it refused.
    CompletedWithErrors,
    /// Ended badly.
    Failed,
}

impl JobState {
    /// A word for the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Scheduled => "Scheduled",
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::CompletedWithErrors => "CompletedWithErrors",
            Self::Failed => "Failed",
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::CompletedWithErrors | Self::Failed)
    }
}

/// A job or task of the BMC.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its `Id`.
    pub id: String,
    /// What it does: `BIOSConfiguration`.
    pub kind: String,
    /// Its state.
    pub state: JobState,
    /// Progress.
    pub percent: u8,
    /// What it says.
    pub message: String,
    /// Path of what it changes.
    pub target: String,
    /// When it was made.
    pub created: SimTime,
    /// When it ended.
    pub ended: Option<SimTime>,
    /// What it does when it runs.
    pub work: Work,
    /// Since when it runs outside of POST, and how long that takes.
    pub runs: Option<(SimTime, Duration)>,
    /// Whether it shows among the jobs and tasks; a change that merely waits for POST does not on every BMC.
    pub shown: bool,
    /// Whether it never begins.
    pub stuck: bool,
}

impl Job {
    /// Whether it is done in POST, once POST takes it up. An update whose image is on its way is not.
    pub fn is_in_post(&self) -> bool {
        match &self.work {
            Work::Nothing | Work::Stage(_) => false,
            Work::Firmware(update) => update.package.is_some(),
            Work::Storage(..) | Work::Keep(_) | Work::Boot(_) | Work::Bios(_) | Work::All(_) => true,
        }
    }
}

/// An entry of one of the BMC's logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 1.
    pub id: u64,
    /// When.
    pub at: SimTime,
    /// `OK`, `Warning` or `Critical`.
    pub severity: &'static str,
    /// What happened.
    pub message: String,
}

/// How a BMC takes an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    /// Looks at the source before it answers; a bad source is refused.
    Checked,
    /// Reads the whole source before it answers.
    Downloaded,
    /// Answers at once and maps after the given time; a bad source shows in the slot.
    Mapped(Duration),
    /// Answers at once and looks at the source when the host reads.
    WhenRead,
}

/// How virtual media behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRules {
    /// How an image is taken.
    pub insert: Insert,
    /// How long a source that went away is tried again before the medium counts as lost.
    pub patience: Duration,
    /// Whether an insert over an inserted image replaces it instead of being refused.
    pub replaces: bool,
    /// How long a slot still shows an ejected image.
    pub eject_lag: Duration,
    /// Whether the override target `Cd` means the physical drive, in which there is never anything.
    pub cd_is_physical: bool,
}

/// Where firmware that boots by HTTP has the URL from; without one there, from DHCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpBoot {
    /// It does not boot by HTTP.
    None,
    /// From DHCP alone.
    Dhcp,
    /// `HttpBootUri` of the System's `Boot`.
    Property,
    /// A BIOS setting.
    Attribute {
        /// Its name.
        uri: &'static str,
        /// The setting, with its value, that switches the boot by HTTP off.
        off: (&'static str, &'static str),
    },
}

/// What a reset to a state already reached does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Already {
    /// Answered as if done.
    Accepted,
    /// Refused.
    Refused,
}

/// How power behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerRules {
    /// From the command to power on.
    pub on_takes: Duration,
    /// From the command, or the shutdown's end, to power off.
    pub off_takes: Duration,
    /// How long an operating system takes to shut down.
    pub shutdown_takes: Duration,
    /// Phases of POST.
    pub post: Vec<PostPhase>,
    /// How much longer POST takes when it applies BIOS settings.
    pub bios_apply_takes: Duration,
    /// `ResetType`s that are accepted.
    pub reset_types: Vec<&'static str>,
    /// What a reset to a state already reached does.
    pub already: Already,
    /// Whether `GracefulShutdown` needs a running operating system.
    pub graceful_needs_os: bool,
    /// Whether `PowerState` shows `PoweringOn` and `PoweringOff`.
    pub shows_transitions: bool,
}

/// How sessions behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRules {
    /// Size of the session table.
    pub max: usize,
    /// An unused session ends after this time.
    pub idle: Duration,
}

/// What wrong passwords lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockout {
    /// That many failures …
    pub failures: usize,
    /// … within this time …
    pub within: Duration,
    /// … close the door for this time, also to the right password.
    pub penalty: Duration,
}

/// How BIOS settings behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BiosRule {
    /// A write is in force at once.
    AtOnce,
    /// A write waits for the next POST.
    NextPost,
    /// A write waits for the next POST, which is also the first to judge it.
    JudgedAtPost,
    /// A write only stages; it takes a scheduled job to apply it in the next POST.
    ByJob,
}

/// The parts a machine is delivered with.
#[derive(Debug, Clone, PartialEq)]
pub struct Hardware {
    /// Manufacturer of the server.
    pub manufacturer: String,
    /// Model of the server.
    pub model: String,
    /// Version of the BIOS.
    pub bios_version: String,
    /// Version of the BMC's firmware.
    pub bmc_version: String,
    /// Model of the BMC.
    pub bmc_model: String,
    /// Processors.
    pub processors: u32,
    /// Memory in GiB.
    pub memory_gib: u32,
    /// Number of host network ports.
    pub nics: usize,
    /// Virtual media slots.
    pub slots: Vec<Slot>,
    /// BIOS attribute registry.
    pub registry: Registry,
    /// Processors, memory, storage and network ports, one by one.
    pub inventory: Inventory,
}

/// Rules of the host and BMC of one personality: everything the machine's core needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Power and POST.
    pub power: PowerRules,
    /// Virtual media.
    pub media: MediaRules,
    /// BIOS.
    pub bios: BiosRule,
    /// Sessions; `None` without a session service.
    pub sessions: Option<SessionRules>,
    /// Wrong passwords.
    pub lockout: Option<Lockout>,
    /// Override targets that can be set.
    pub boot_targets: Vec<&'static str>,
    /// Where the URL for the target `UefiHttp` is from.
    pub http_boot: HttpBoot,
    /// Boot override that a new machine has: target and how long it lasts.
    pub first_override: (&'static str, Lasts),
    /// Storage.
    pub storage: StorageRules,
    /// Firmware updates.
    pub firmware: FirmwareRules,
    /// From a job's making to its beginning, where it waits for nothing else.
    pub job_starts_after: Duration,
}

/// How long a guest takes, in simulated time. The same for all personalities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestTimes {
    /// From the first read of the CD to the running installer.
    pub load: Duration,
    /// From the running installer to the first write.
    pub prepare: Duration,
    /// Writing the disk.
    pub write: Duration,
    /// From POST's end to a running operating system on disk.
    pub boot_disk: Duration,
}

impl Default for GuestTimes {
    fn default() -> Self {
        Self {
            load: Duration::from_secs(40),
            prepare: Duration::from_secs(30),
            write: Duration::from_secs(180),
            boot_disk: Duration::from_secs(60),
        }
    }
}
