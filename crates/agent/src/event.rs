//! The vocabulary of the journal: everything that rackhand decides, does and sees, as one serialisable enum.
//!
//! Two rules keep it a spine rather than a log. A mutating [`Act`] is written as [`Event::Intent`] *before* its first
//! request and as [`Event::Outcome`] after its proof, so that a crash leaves an intent without an outcome and nothing
//! else. And an event says what was observed or decided, never what is hoped for. Nothing here may hold a secret.

use std::{fmt, time::Duration};

use rackhand_bmc::{
    Attributes, BootMode, ComponentId, HostProgress, Identity, Mark, NewVolume, PowerOffPolicy, SlotId,
    VolumeId,
};
use serde::{Deserialize, Serialize};

use crate::{cause::Cause, wanted::BootWay};

/// One thing that happened. The JSON of these is the public stream format: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The agent's process began to own this journal.
    AgentStarted {
        /// Version of rackhand.
        version: String,
    },
    /// An operator decided something by name.
    Decided {
        /// What.
        decision: Decision,
        /// Who or what said so: a flag, an annotation, a command.
        by: String,
        /// The request of the spec at that moment, where one is known: an adopted node stands for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
    },
    /// A job began for a node.
    JobStarted {
        /// The job.
        job: JobId,
        /// What makes this request for an installation differ from the one before.
        request: String,
        /// Why installing is allowed.
        trigger: Trigger,
        /// Where the spec stands.
        source: String,
    },
    /// The engine of a new process took up a job that an earlier one left.
    JobResumed {
        /// The job.
        job: JobId,
    },
    /// The BMC was reached and the machine named itself.
    Identified {
        /// Who it is.
        identity: Box<Identity>,
    },
    /// The BMC was not reached, or did not let us in, and no job was open; or it does not answer while its host installs,
    /// which ends nothing: `AnswersAgain` follows. Written when it is news.
    NotConnected {
        /// What was seen.
        error: String,
        /// Why, in a word.
        cause: Cause,
    },
    /// The BMC that did not answer while its host installs answers again.
    AnswersAgain,
    /// The image that this job boots.
    ImagePrepared {
        /// The job.
        job: JobId,
        /// Its address as the BMC must see it.
        url: String,
        /// Its SHA-256, lower-case hex.
        sha256: String,
        /// Its size in bytes.
        bytes: u64,
        /// Whether the digest was given and matched; otherwise it is only recorded.
        verified: bool,
        /// How it is booted.
        #[serde(default, skip_serializing_if = "BootWay::is_virtual_media")]
        way: BootWay,
    },
    /// A step began.
    StepStarted {
        /// The job.
        job: JobId,
        /// The step.
        step: StepId,
        /// What it will do, in a sentence.
        detail: String,
    },
    /// A step is over.
    StepFinished {
        /// The job.
        job: JobId,
        /// The step.
        step: StepId,
        /// How it ended.
        result: StepResult,
        /// What was seen.
        detail: String,
    },
    /// A try of a step met a transient error and will be made again.
    StepRetried {
        /// The job.
        job: JobId,
        /// The step.
        step: StepId,
        /// Which try it was, from 1.
        attempt: u32,
        /// What was seen.
        error: String,
        /// When the next try comes, in milliseconds from now.
        wait_ms: u64,
    },
    /// A mutating act is about to be sent.
    Intent {
        /// The job.
        job: JobId,
        /// The act.
        act: Act,
        /// How long a request of it can still be under way after this moment, in milliseconds.
        in_flight_ms: u64,
    },
    /// What became of an act.
    Outcome {
        /// The job.
        job: JobId,
        /// The act.
        act: Act,
        /// What became of it.
        result: ActResult,
    },
    /// Something was seen of the installation.
    Sighted {
        /// The job.
        job: JobId,
        /// What.
        evidence: Evidence,
    },
    /// Nothing is done to this node until somebody decides.
    NeedsDecision {
        /// Why.
        reason: String,
        /// The request of the spec at that moment, where the host was met without a record: another one later asks for
        /// an installation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
    },
    /// A job is over.
    JobFinished {
        /// The job.
        job: JobId,
        /// How it ended.
        result: JobResult,
    },
    /// An event of a newer version of rackhand, kept but not understood.
    #[serde(other)]
    Unknown,
}

/// The name of a job: one run of one node's installation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub String);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an operator can decide about a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    /// Install it, whatever runs on it.
    Install,
    /// It is installed already; record it so.
    Adopt,
    /// Stop what is under way.
    Cancel,
}

/// Why installing a node is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[non_exhaustive]
pub enum Trigger {
    /// No record of it, and its host was off when first seen.
    NewHost,
    /// Somebody asked for it by name.
    Asked {
        /// Who or what.
        by: String,
    },
    /// The request in the spec changed after the last installation.
    RequestChanged {
        /// The request that was carried out before.
        from: String,
    },
    /// An earlier job ended before it had switched the host on to install.
    Continued {
        /// That job.
        job: JobId,
        /// Whether it had been asked for by name, so that a host that is on may be switched off.
        asked: bool,
    },
}

impl Trigger {
    /// Whether somebody asked for the installation, so that a host that is on may be switched off for it.
    #[must_use]
    pub fn asked(&self) -> bool {
        match self {
            Self::NewHost => false,
            Self::Asked { .. } | Self::RequestChanged { .. } => true,
            Self::Continued { asked, .. } => *asked,
        }
    }
}

/// The steps of a job, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepId {
    /// Reach the BMC and learn who the machine is.
    Connect,
    /// Compare it with the spec; prepare the image; validate what will be set.
    Check,
    /// Switch the host off.
    PowerOff,
    /// Firmware updates.
    Firmware,
    /// BIOS settings.
    Bios,
    /// Storage volumes.
    Storage,
    /// Virtual media: clear leftovers, insert, prove.
    Media,
    /// Arm the virtual CD, or the network, for one boot.
    BootOnce,
    /// Switch the host on.
    PowerOn,
    /// Follow the installation.
    Follow,
    /// Eject the medium.
    Eject,
    /// Leave everything as it should stay.
    Settle,
}

impl StepId {
    /// All steps in order.
    pub const ALL: [Self; 12] = [
        Self::Connect,
        Self::Check,
        Self::PowerOff,
        Self::Firmware,
        Self::Bios,
        Self::Storage,
        Self::Media,
        Self::BootOnce,
        Self::PowerOn,
        Self::Follow,
        Self::Eject,
        Self::Settle,
    ];

    /// A short name for tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Check => "check",
            Self::PowerOff => "power off",
            Self::Firmware => "firmware",
            Self::Bios => "BIOS",
            Self::Storage => "storage",
            Self::Media => "media",
            Self::BootOnce => "boot once",
            Self::PowerOn => "power on",
            Self::Follow => "follow",
            Self::Eject => "eject",
            Self::Settle => "settle",
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StepResult {
    /// It was done and proven.
    Done,
    /// It was so already.
    AlreadySo,
    /// The spec asks for nothing here.
    NotRequired,
    /// It failed.
    Failed,
}

/// A mutating act, with everything that makes it *this* act: two acts that are equal serve one purpose, and one purpose
/// is served once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Act {
    /// Switch off, for the purpose.
    PowerOff {
        /// Why.
        purpose: PowerPurpose,
        /// How.
        policy: PowerOffPolicy,
    },
    /// Have the BMC take a firmware file and install it. Its outcome is `done` with a mark once the BMC has accepted it: the
    /// job that carries it; and `done` without one once it is proven.
    UpdateFirmware {
        /// The update.
        update: FirmwareUpdate,
    },
    /// Set how firmware boots from the next boot on.
    SetBootMode {
        /// The mode.
        mode: BootMode,
    },
    /// Write one stage of BIOS settings.
    StageBios {
        /// The stage's key: a digest of its values.
        stage: String,
        /// The values.
        attributes: Attributes,
    },
    /// Enable or disable secure boot for the next boot.
    SetSecureBoot {
        /// Which.
        enabled: bool,
    },
    /// Arm the setup screen for the next boot, so that a boot which applies settings starts no operating system.
    HoldInSetup {
        /// The stage it is for.
        stage: String,
    },
    /// Delete a volume and all that is on it.
    DeleteVolume {
        /// The volume.
        volume: VolumeId,
        /// Its name, by which somebody asked for it.
        name: String,
        /// What was known of it.
        what: String,
    },
    /// Make a volume.
    CreateVolume {
        /// The volume.
        volume: NewVolume,
    },
    /// Switch on.
    PowerOn {
        /// Why.
        purpose: PowerPurpose,
    },
    /// Eject what an earlier user left.
    EjectLeftover {
        /// The slot.
        slot: SlotId,
        /// What is in it.
        image: String,
    },
    /// Insert the image.
    Insert {
        /// The slot.
        slot: SlotId,
        /// The image's URL.
        url: String,
    },
    /// Arm the virtual CD for the next boot.
    BootCdOnce,
    /// Have firmware fetch the image over HTTP at the next boot.
    BootHttpOnce {
        /// The image's URL.
        url: String,
    },
    /// Arm the network for the next boot.
    BootPxeOnce {
        /// The mode to boot in, for BMCs that have to be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<BootMode>,
    },
    /// Eject the image again.
    Eject {
        /// The slot.
        slot: SlotId,
        /// The image's URL.
        url: String,
    },
    /// Take the boot override back.
    ClearBootOverride,
}

impl Act {
    /// The step it belongs to.
    #[must_use]
    pub fn step(&self) -> StepId {
        match self {
            Self::PowerOff { purpose, .. } => purpose.held_step().unwrap_or(StepId::PowerOff),
            Self::PowerOn { purpose } => purpose.held_step().unwrap_or(StepId::PowerOn),
            Self::HoldInSetup { stage } if stage.starts_with(STORAGE) => StepId::Storage,
            Self::HoldInSetup { stage } if stage.starts_with(FIRMWARE) => StepId::Firmware,
            Self::UpdateFirmware { .. } => StepId::Firmware,
            Self::HoldInSetup { .. }
            | Self::StageBios { .. }
            | Self::SetBootMode { .. }
            | Self::SetSecureBoot { .. } => StepId::Bios,
            Self::DeleteVolume { .. } | Self::CreateVolume { .. } => StepId::Storage,
            Self::EjectLeftover { .. } | Self::Insert { .. } => StepId::Media,
            Self::BootCdOnce | Self::BootHttpOnce { .. } | Self::BootPxeOnce { .. } => StepId::BootOnce,
            Self::Eject { .. } => StepId::Eject,
            Self::ClearBootOverride => StepId::Follow,
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOff { purpose, policy: PowerOffPolicy::Force } => {
                write!(f, "force the host off {purpose}")
            }
            Self::PowerOff { purpose, .. } => {
                write!(f, "shut the host down, by force if it does not, {purpose}")
            }
            Self::UpdateFirmware { update } => write!(f, "update the firmware of {update}"),
            Self::SetBootMode { mode: BootMode::Uefi } => f.write_str("set the boot mode to UEFI"),
            Self::SetBootMode { mode: BootMode::Legacy } => f.write_str("set the boot mode to legacy"),
            Self::StageBios { attributes, .. } => {
                let names: Vec<String> =
                    attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "write {} BIOS attributes: {}", attributes.len(), names.join(", "))
            }
            Self::SetSecureBoot { enabled: true } => f.write_str("enable secure boot"),
            Self::SetSecureBoot { enabled: false } => f.write_str("disable secure boot"),
            Self::HoldInSetup { .. } => {
                f.write_str("hold the next boot in setup, so that no operating system starts")
            }
            Self::DeleteVolume { name, what, .. } => {
                write!(f, "delete volume {name} and all that is on it ({what})")
            }
            Self::CreateVolume { volume } => {
                write!(f, "make volume {} ({} of {} drives)", volume.name, volume.raid, volume.drives.len())
            }
            Self::PowerOn { purpose } => write!(f, "switch the host on {purpose}"),
            Self::EjectLeftover { slot, image } => write!(f, "eject the leftover {image} from {slot}"),
            Self::Insert { slot, url } => write!(f, "insert {url} into {slot}"),
            Self::BootCdOnce => f.write_str("boot the virtual CD once"),
            Self::BootHttpOnce { url } => write!(f, "boot {url} over HTTP once"),
            Self::BootPxeOnce { .. } => f.write_str("boot from the network once"),
            Self::Eject { slot, .. } => write!(f, "eject the installer from {slot}"),
            Self::ClearBootOverride => f.write_str("clear the boot override"),
        }
    }
}

/// A firmware update as it is sent. It is told from another by its component and its file's digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirmwareUpdate {
    /// The component, as the spec or the profile names it.
    pub component: String,
    /// Its name within the BMC.
    pub target: ComponentId,
    /// The version that was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version that is to be there; whatever the file brings when nobody named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The file's address as the BMC must see it.
    pub url: String,
    /// The SHA-256 of the file that is served there, lower-case hex.
    pub sha256: String,
    /// Whether that digest was given and matched; otherwise it is only recorded.
    pub verified: bool,
}

impl fmt::Display for FirmwareUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.from.as_deref().unwrap_or("an unknown version");
        write!(f, "{} from {from}", self.component)?;
        if let Some(to) = &self.to {
            write!(f, " to {to}")?;
        }
        let digest = if self.verified { "verified" } else { "recorded" };
        write!(f, " with {} (SHA-256 {} {digest})", self.url, self.sha256)
    }
}

/// Why power is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "camelCase")]
pub enum PowerPurpose {
    /// To begin, or to boot the installer.
    Install,
    /// To have a BIOS stage applied, or because it is.
    BiosStage {
        /// The stage's key.
        stage: String,
    },
    /// To have storage worked on: several controllers show and change it only while the host is on.
    Storage {
        /// Which boot for it, from 1.
        boot: u32,
    },
    /// To have firmware installed that is written in POST.
    Firmware {
        /// Which boot for it, from 1.
        boot: u32,
    },
    /// To have the boot mode or secure boot taken up.
    BootSettings {
        /// Which boot for it, from 1.
        boot: u32,
    },
}

/// What a boot for storage is held in setup for, before its number.
pub(crate) const STORAGE: &str = "storage ";
/// The same for firmware.
pub(crate) const FIRMWARE: &str = "firmware ";
/// The same for boot settings.
pub(crate) const BOOT_SETTINGS: &str = "boot settings ";

impl PowerPurpose {
    /// The step of a boot that is held in setup; `None` for the one that installs.
    #[must_use]
    pub(crate) fn held_step(&self) -> Option<StepId> {
        match self {
            Self::Install => None,
            Self::BiosStage { .. } | Self::BootSettings { .. } => Some(StepId::Bios),
            Self::Storage { .. } => Some(StepId::Storage),
            Self::Firmware { .. } => Some(StepId::Firmware),
        }
    }

    /// What such a boot is held in setup for.
    pub(crate) fn hold(&self) -> String {
        match self {
            Self::Install => String::new(),
            Self::BiosStage { stage } => stage.clone(),
            Self::Storage { boot } => format!("{STORAGE}{boot}"),
            Self::Firmware { boot } => format!("{FIRMWARE}{boot}"),
            Self::BootSettings { boot } => format!("{BOOT_SETTINGS}{boot}"),
        }
    }
}

impl fmt::Display for PowerPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Install => "for the installation",
            Self::BiosStage { .. } => "for the BIOS settings",
            Self::Storage { .. } => "for its storage",
            Self::Firmware { .. } => "for its firmware",
            Self::BootSettings { .. } => "for its boot settings",
        })
    }
}

/// What became of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum ActResult {
    /// Done, and proven by a read.
    Done {
        /// The mark that verification needs, for staged settings.
        #[serde(skip_serializing_if = "Option::is_none")]
        mark: Option<Mark>,
    },
    /// It was so already; nothing was sent.
    AlreadySo,
    /// Found done by a read after the process that sent it was gone.
    FoundDone,
    /// Found not done by a read after everything in flight must have arrived.
    FoundNotDone,
    /// Sent, and nothing on this BMC shows whether it arrived; what follows will show it.
    Undecidable,
    /// The BMC refused it, or it was not observed in time.
    Failed {
        /// What was seen.
        error: String,
    },
}

/// Signs of an installation, from weak to strong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Evidence {
    /// The host asked the network what to boot, and was told to install.
    ToldToInstall {
        /// Who asked.
        peer: String,
    },
    /// The BMC, or the host itself, read from our image server for the first time.
    ImageRead {
        /// Who read.
        peer: String,
    },
    /// The whole image was read.
    ImageComplete {
        /// Bytes read.
        bytes: u64,
    },
    /// The BMC shows how far the host is.
    Host {
        /// How far.
        progress: HostProgress,
    },
    /// The host was reset since it was switched on for the installation.
    HostReset,
    /// No reset was seen for long after the installer said that it reboots; not every BMC shows resets.
    NoResetSeen,
    /// The installer, or what it installed, called back.
    CalledBack {
        /// The stage it named, in the words of the assisted-service.
        stage: String,
    },
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ToldToInstall { peer } => {
                write!(f, "{peer} asks the network what to boot, and is told to install")
            }
            Self::ImageRead { peer } => write!(f, "{peer} reads the image"),
            Self::ImageComplete { bytes } => write!(f, "the image was read completely ({bytes} bytes)"),
            Self::Host { progress } => write!(f, "the BMC shows the host as {progress:?}"),
            Self::HostReset => f.write_str("the host was reset"),
            Self::NoResetSeen => f.write_str("no reset was seen after the installer said that it reboots"),
            Self::CalledBack { stage } => write!(f, "the host called back: {stage}"),
        }
    }
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum JobResult {
    /// The installed system said so.
    Installed,
    /// The host booted the image; nothing here can see more. Never called installed.
    BootedNotObservable {
        /// What was seen at most.
        seen: String,
    },
    /// It failed.
    Failed {
        /// In which step.
        step: StepId,
        /// What failed and what was seen.
        error: String,
        /// What to do about it.
        advice: String,
        /// Whether the host had been switched on to install: from then on a further try needs somebody's word.
        installing: bool,
        /// Whether credentials or a certificate were refused.
        refused: bool,
        /// Why, in a word, where a BMC's answer was the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
    },
    /// It was cancelled.
    Cancelled {
        /// What was left behind, in a sentence.
        state: String,
        /// Whether the host had been switched on to install.
        installing: bool,
    },
}

/// How long in milliseconds, for events.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
