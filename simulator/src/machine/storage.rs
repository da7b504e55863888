//! Storage: what can be done with controllers, drives and volumes, what is refused, and where the host's disk is.
//!
//! An act is checked and then carried out at once, or given to a job as its work ([`super::Work`]). What is lost with a
//! volume or drive shows in the log as a change of `data:{id}` to `lost`.

use std::time::Duration;

use super::inventory::{Controller, Volume};
use super::{Disk, Guest, Machine, raid};

/// What a drive is used for, besides the volumes that name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriveState {
    /// At the controller's disposal: free, or part of the volumes that name it.
    Ready,
    /// Takes over when a drive of any volume fails.
    GlobalSpare,
    /// Takes over when a drive of the volumes that it was given to fails.
    DedicatedSpare,
    /// Handed to the host as it is.
    NonRaid,
    /// Has another controller's configuration on it.
    Foreign,
    /// Failed.
    Failed,
}

impl DriveState {
    /// A word for the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::GlobalSpare => "global spare",
            Self::DedicatedSpare => "dedicated spare",
            Self::NonRaid => "non-raid",
            Self::Foreign => "foreign",
            Self::Failed => "failed",
        }
    }
}

/// How a personality's storage behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageRules {
    /// `Id` of a new volume: `{n}` stands for its number, `{c}` for its controller's `Id`.
    pub volume_id: &'static str,
    /// The first number.
    pub first_volume: usize,
    /// Name of a new volume that was given none; `{n}` stands for its number.
    pub volume_name: &'static str,
    /// The longest name in characters.
    pub name_max: usize,
    /// Whether a controller takes one job at a time.
    pub one_job: bool,
    /// How long it takes to make, delete or quickly initialise a volume, to convert drives or to assign a spare.
    pub takes: Duration,
    /// How long a full initialisation or an erase takes.
    pub long: Duration,
}

impl Default for StorageRules {
    fn default() -> Self {
        Self {
            volume_id: "{n}",
            first_volume: 1,
            volume_name: "Volume {n}",
            name_max: 15,
            one_job: false,
            takes: Duration::from_secs(20),
            long: Duration::from_secs(600),
        }
    }
}

/// A volume to make.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewVolume {
    /// Its name; the controller names it when there is none.
    pub name: Option<String>,
    /// Its `RAIDType`.
    pub raid: String,
    /// `Id`s of its drives.
    pub drives: Vec<String>,
    /// Its size in bytes; all that there is when absent.
    pub bytes: Option<u64>,
}

/// Something to be done with storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageAct {
    /// Makes a volume.
    Create(NewVolume),
    /// Deletes the volume of that `Id`.
    Delete(String),
    /// Initialises the volume of that `Id`: what is on it is lost.
    Initialize {
        /// `Id` of the volume.
        volume: String,
        /// All of it, and not only its first and last blocks.
        full: bool,
    },
    /// Gives a volume another name.
    Rename {
        /// `Id` of the volume.
        volume: String,
        /// The name.
        name: String,
    },
    /// Hands drives to the host as they are.
    ToHost(Vec<String>),
    /// Puts drives at the controller's disposal.
    ToRaid(Vec<String>),
    /// Makes a drive the spare of volumes, or of all when none is named.
    Spare {
        /// `Id` of the drive.
        drive: String,
        /// `Id`s of the volumes.
        volumes: Vec<String>,
    },
    /// A drive is no longer a spare.
    Unspare(String),
    /// Erases a drive beyond recovery.
    Erase(String),
    /// Drops other controllers' configurations from the drives.
    ClearForeign,
    /// Deletes all volumes and spares.
    ResetAll,
}

/// Why something cannot be done with storage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageProblem {
    /// No controller of that `Id`.
    #[error("there is no controller {0}")]
    NoController(String),
    /// No volume of that `Id`.
    #[error("there is no volume {0}")]
    NoVolume(String),
    /// No drive of that `Id`.
    #[error("there is no drive {0}")]
    NoDrive(String),
    /// The controller makes no such volumes.
    #[error("the controller does not make volumes of {0}")]
    NoLevel(String),
    /// That many drives make no such volume.
    #[error("{raid} cannot be made of {drives} drives")]
    DriveCount {
        /// The `RAIDType`.
        raid: String,
        /// How many drives were named.
        drives: usize,
    },
    /// A drive that is in use or cannot be used.
    #[error("the drive {drive} is not free: {state}")]
    DriveInUse {
        /// Its `Id`.
        drive: String,
        /// What it is.
        state: String,
    },
    /// Drives of different kinds in one volume.
    #[error("the drives are not of one kind")]
    Mixed,
    /// A name that is too long or empty.
    #[error("the name {name:?} is not between 1 and {max} characters long")]
    Name {
        /// The name.
        name: String,
        /// The longest one.
        max: usize,
    },
    /// A size that the drives do not have.
    #[error("a volume of these drives has between 1 and {most} bytes, not {bytes}")]
    Size {
        /// Bytes asked for.
        bytes: u64,
        /// The most there is.
        most: u64,
    },
    /// The drive cannot be erased.
    #[error("the drive {0} cannot be erased cryptographically")]
    NotErasable(String),
    /// A job of that `Id` for this controller has not ended.
    #[error("the job {0} for this controller has not ended")]
    JobPending(String),
}

/// Where the host's disk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home {
    controller: String,
    /// `Id` of a volume, or of a drive that the host sees as it is.
    piece: String,
}

impl Machine {
    /// The controller of that `Id`, with what it holds at present.
    pub fn controller(&self, id: &str) -> Option<&Controller> {
        self.storage.iter().find(|controller| controller.id.eq_ignore_ascii_case(id))
    }

    fn known(&self, id: &str) -> Result<&Controller, StorageProblem> {
        self.controller(id).ok_or_else(|| StorageProblem::NoController(id.into()))
    }

    fn controller_mut(&mut self, id: &str) -> Option<&mut Controller> {
        self.storage.iter_mut().find(|controller| controller.id.eq_ignore_ascii_case(id))
    }

    /// Whether that can be done on the controller now; nothing is changed.
    ///
    /// # Errors
    /// When it would be refused.
    pub fn check_storage(&self, controller: &str, act: &StorageAct) -> Result<(), StorageProblem> {
        let owner = self.known(controller)?;
        if self.rules.storage.one_job
            && let Some(job) = self.storage_job(&owner.id)
        {
            return Err(StorageProblem::JobPending(job.id.clone()));
        }
        raid::check(owner, act, &self.rules.storage)
    }

    /// The job for that controller that has not ended, if there is one.
    pub fn storage_job(&self, controller: &str) -> Option<&super::Job> {
        self.jobs.iter().find(|job| !job.state.is_over() && job.work.is_for(controller))
    }

    /// Does it at once; returns the `Id` of the volume that was made, if one was.
    ///
    /// # Errors
    /// When it is refused; then nothing is changed.
    pub fn do_storage(
        &mut self,
        controller: &str,
        act: &StorageAct,
    ) -> Result<Option<String>, StorageProblem> {
        raid::check(self.known(controller)?, act, &self.rules.storage)?;
        match act {
            StorageAct::Create(wanted) => return Ok(Some(self.make_volume(controller, wanted)?)),
            StorageAct::Delete(volume) => self.drop_volumes(controller, |one| one.id == *volume),
            StorageAct::ResetAll => {
                self.drop_volumes(controller, |_| true);
                self.set_drives(controller, |_, state| match state {
                    DriveState::GlobalSpare | DriveState::DedicatedSpare => DriveState::Ready,
                    other => other,
                });
            }
            StorageAct::Initialize { volume, .. } => {
                self.lose(controller, volume);
                self.event("OK", format!("The virtual disk {volume} is initialized."));
            }
            StorageAct::Rename { volume, name } => self.rename(controller, volume, name),
            StorageAct::ToHost(drives) => self.convert(controller, drives, DriveState::NonRaid),
            StorageAct::ToRaid(drives) => self.convert(controller, drives, DriveState::Ready),
            StorageAct::Spare { drive, volumes } => {
                let dedicated = !volumes.is_empty();
                let state = if dedicated { DriveState::DedicatedSpare } else { DriveState::GlobalSpare };
                self.set_drives(controller, |id, before| if id == drive { state } else { before });
            }
            StorageAct::Unspare(drive) => {
                self.set_drives(
                    controller,
                    |id, before| if id == drive { DriveState::Ready } else { before },
                );
            }
            StorageAct::Erase(drive) => {
                self.lose(controller, drive);
                self.event("OK", format!("The drive {drive} is erased."));
                self.note(&format!("drive:{drive}"), "", "erased");
            }
            StorageAct::ClearForeign => self.set_drives(controller, |_, before| match before {
                DriveState::Foreign => DriveState::Ready,
                other => other,
            }),
        }
        Ok(None)
    }

    fn make_volume(&mut self, controller: &str, wanted: &NewVolume) -> Result<String, StorageProblem> {
        let rules = self.rules.storage.clone();
        let owner = self.known(controller)?;
        let (raid, most) = raid::layout(owner, wanted)?;
        let used = |number: &usize| owner.volume(&numbered(rules.volume_id, *number, &owner.id)).is_some();
        let mut number = rules.first_volume;
        while used(&number) {
            number += 1;
        }
        let id = numbered(rules.volume_id, number, &owner.id);
        let name = wanted.name.clone().unwrap_or_else(|| numbered(rules.volume_name, number, &owner.id));
        let volume = Volume {
            id: id.clone(),
            name: name.clone(),
            raid,
            bytes: wanted.bytes.unwrap_or(most),
            drives: wanted.drives.clone(),
            data: None,
        };
        if let Some(owner) = self.controller_mut(controller) {
            owner.volumes.push(volume);
        }
        self.convert_idle(controller, &wanted.drives, DriveState::Ready);
        self.event("OK", format!("The virtual disk {id} ({name}) is created."));
        self.note(&format!("volume:{id}"), "none", format!("{raid} {name}"));
        Ok(id)
    }

    fn drop_volumes(&mut self, controller: &str, which: impl Fn(&Volume) -> bool) {
        let Some(owner) = self.controller(controller) else { return };
        let gone: Vec<_> = owner.volumes.iter().filter(|one| which(one)).cloned().collect();
        for volume in gone {
            self.lose(controller, &volume.id);
            if let Some(owner) = self.controller_mut(controller) {
                owner.volumes.retain(|one| one.id != volume.id);
            }
            if let Some(rest) = self.controller(controller).map(|owner| owner.rest) {
                self.convert_idle(controller, &volume.drives, rest);
            }
            self.event("Warning", format!("The virtual disk {} ({}) is deleted.", volume.id, volume.name));
            self.note(&format!("volume:{}", volume.id), format!("{} {}", volume.raid, volume.name), "none");
        }
    }

    fn rename(&mut self, controller: &str, volume: &str, name: &str) {
        let owner = self.controller_mut(controller);
        let found = owner.and_then(|owner| owner.volumes.iter_mut().find(|one| one.id == volume));
        let Some(found) = found else { return };
        let (raid, before) = (found.raid, std::mem::replace(&mut found.name, name.into()));
        self.note(&format!("volume:{volume}"), format!("{raid} {before}"), format!("{raid} {name}"));
    }

    fn convert(&mut self, controller: &str, drives: &[String], to: DriveState) {
        for drive in drives {
            self.lose(controller, drive);
        }
        self.convert_idle(controller, drives, to);
    }

    /// As [`Machine::convert`], of drives whose content is no longer their own.
    fn convert_idle(&mut self, controller: &str, drives: &[String], to: DriveState) {
        self.set_drives(
            controller,
            |id, before| if drives.iter().any(|one| one == id) { to } else { before },
        );
    }

    fn set_drives(&mut self, controller: &str, state: impl Fn(&str, DriveState) -> DriveState) {
        let Some(owner) = self.controller_mut(controller) else { return };
        let mut changed = Vec::new();
        for drive in &mut owner.drives {
            let before = drive.state;
            drive.state = state(&drive.id, before);
            changed.push((format!("drive:{}", drive.id), before, drive.state));
        }
        for (what, before, after) in changed {
            self.note(&what, before.word(), after.word());
        }
    }

    /// What is on a volume, or on a drive that the host sees, is lost; the host's disk with it when it is there.
    fn lose(&mut self, controller: &str, piece: &str) {
        let volume = self
            .controller_mut(controller)
            .and_then(|owner| owner.volumes.iter_mut().find(|one| one.id == piece));
        let mut data = volume.and_then(|volume| volume.data.take());
        let home = Home { controller: controller.into(), piece: piece.into() };
        if self.disk_home.as_ref().is_some_and(|own| own.is(&home)) {
            if self.disk != Disk::Blank {
                data = data.or_else(|| Some(self.disk.word()));
            }
            self.disk_home = None;
            self.set_disk(Disk::Blank);
            if matches!(self.guest, Guest::OldOs | Guest::Installed(_)) {
                self.set_guest(Guest::Failed("its disk is gone".into()));
            }
        }
        if let Some(data) = data {
            self.note(&format!("data:{piece}"), data, "lost");
        }
    }

    /// Whether the host finds a disk to boot from or install to. A machine that shows no controllers has one that nobody
    /// sees.
    pub(super) fn find_disk(&mut self) -> bool {
        if self.disk_home.is_none() {
            self.disk_home = self.first_disk();
        }
        self.disk_home.is_some() || self.storage.is_empty()
    }

    /// The first volume, else the first drive that the host sees as it is.
    pub(super) fn first_disk(&self) -> Option<Home> {
        let home = |controller: &Controller, piece: &str| Home {
            controller: controller.id.clone(),
            piece: piece.into(),
        };
        let volume =
            self.storage.iter().find_map(|owner| owner.volumes.first().map(|one| home(owner, &one.id)));
        volume.or_else(|| {
            self.storage.iter().find_map(|owner| {
                let seen = |state| state == DriveState::NonRaid || owner.raid.is_empty();
                let drive = owner.drives.iter().find(|drive| seen(drive.state))?;
                Some(home(owner, &drive.id))
            })
        })
    }

    /// The volume that the host's disk is on holds what the disk holds.
    pub(super) fn show_disk(&mut self) {
        let word = (self.disk != Disk::Blank).then(|| self.disk.word());
        let Some(home) = self.disk_home.clone() else { return };
        let owner = self.controller_mut(&home.controller);
        if let Some(volume) =
            owner.and_then(|owner| owner.volumes.iter_mut().find(|one| one.id == home.piece))
        {
            volume.data = word;
        }
    }
}

impl Home {
    fn is(&self, other: &Self) -> bool {
        self.controller.eq_ignore_ascii_case(&other.controller) && self.piece == other.piece
    }
}

fn numbered(pattern: &str, number: usize, controller: &str) -> String {
    pattern.replace("{n}", &number.to_string()).replace("{c}", controller)
}
