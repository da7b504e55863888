//! Firmware: what is in force, and updates: fetched or pushed, checked, applied at once or in the next POST.

use std::time::Duration;

use super::jobs::Work;
use super::{Deed, JobState, Machine, Source};
use crate::package::{Package, PackageError};

/// What a component's firmware is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComponentKind {
    /// The host's firmware: applied in POST.
    Bios,
    /// The BMC itself, which restarts for it.
    Bmc,
    /// A device that takes it at once.
    Device,
    /// A device that takes it in POST.
    DeviceInPost,
}

/// A component with firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its `Id` in the inventory.
    pub id: String,
    /// The name a person sees.
    pub name: String,
    /// What it is for.
    pub kind: ComponentKind,
    /// The device, as the vendor names it.
    pub device: String,
    /// The version in force.
    pub version: String,
    /// The version before the last update.
    pub previous: Option<String>,
    /// Whether it can be updated.
    pub updateable: bool,
}

impl Component {
    /// A component that can be updated.
    pub fn new(id: &str, name: &str, kind: ComponentKind, device: &str, version: &str) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind,
            device: device.into(),
            version: version.into(),
            previous: None,
            updateable: true,
        }
    }

    /// One that cannot be updated by itself.
    #[must_use]
    pub fn fixed(mut self) -> Self {
        self.updateable = false;
        self
    }

    fn is_named(&self, name: &str) -> bool {
        let word = match self.kind {
            ComponentKind::Bios => "BIOS",
            ComponentKind::Bmc => "BMC",
            ComponentKind::Device | ComponentKind::DeviceInPost => "",
        };
        [self.id.as_str(), &self.name, &self.device, word]
            .iter()
            .any(|own| !own.is_empty() && own.eq_ignore_ascii_case(name))
    }
}

/// How a personality's updates behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirmwareRules {
    /// How long it takes to apply an update.
    pub takes: Duration,
    /// How long the BMC is gone after an update of its own.
    pub bmc_gone: Duration,
    /// The job is over when the image is taken, and says nothing of its application.
    pub tells_only_of_upload: bool,
    /// An image that was taken waits for [`Machine::activate_firmware`].
    pub staged_first: bool,
}

impl Default for FirmwareRules {
    fn default() -> Self {
        Self {
            takes: Duration::from_secs(120),
            bmc_gone: Duration::from_secs(180),
            tells_only_of_upload: false,
            staged_first: false,
        }
    }
}

/// An update that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Where the image is fetched from; `None` when it was pushed.
    pub source: Option<Source>,
    /// Names of the components it is for; whatever the image is for when empty.
    pub targets: Vec<String>,
    /// Whether it waits for the next POST, though the component would take it at once.
    pub at_reset: bool,
    /// The image, once it is there.
    pub package: Option<Package>,
}

/// Why an image is not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateProblem {
    /// It could not be fetched.
    #[error("the image could not be fetched: {0}")]
    Fetch(String),
    /// It is damaged, or no image.
    #[error("the image is not valid: {0}")]
    Package(#[from] PackageError),
    /// It is for no component of this machine.
    #[error("the image is for {0}, which this machine does not have")]
    NotHere(String),
    /// It is for another component than the ones named.
    #[error("the image is for {0}, which is not among the targets")]
    NotTargeted(String),
    /// The component cannot be updated.
    #[error("{0} cannot be updated")]
    Fixed(String),
}

impl Machine {
    /// Begins an update by a job of that `Id`. What is to be fetched is left as a deed; a pushed image follows by
    /// [`Machine::image_arrived`].
    pub fn begin_update(&mut self, id: String, kind: &str, target: &str, update: Update) {
        let fetches = update.source.is_some();
        self.add_job(id.clone(), kind, JobState::Running, target);
        self.give_work(&id, Work::Firmware(update));
        if fetches {
            self.deeds.push(Deed::FetchFirmware { job: id });
        }
    }

    /// Where the image of an update is fetched from, while its job still waits for it.
    pub fn update_source(&self, job: &str) -> Option<Source> {
        let job = self.jobs.iter().find(|one| one.id == job && !one.state.is_over())?;
        match &job.work {
            Work::Firmware(update) => update.source.clone(),
            _ => None,
        }
    }

    /// The image of an update is there, or why not: it is checked and applied when its time has come. A job that was
    /// deleted meanwhile is left alone.
    pub fn image_arrived(&mut self, job: &str, image: Result<&[u8], UpdateProblem>) {
        let Some(found) = self.jobs.iter().find(|one| one.id == job && !one.state.is_over()) else { return };
        let Work::Firmware(mut update) = found.work.clone() else { return };
        let judged = image.and_then(|bytes| Ok(Package::parse(bytes)?)).and_then(|package| {
            let at = self.component_for(&package, &update.targets)?;
            Ok((package, at))
        });
        let (package, at) = match judged {
            Ok(judged) => judged,
            Err(problem) => {
                self.event("Critical", format!("Firmware update failed: {problem}."));
                self.fail_job(job, &problem.to_string());
                return;
            }
        };
        let kind = self.firmware.get(at).map(|component| component.kind);
        let waits =
            update.at_reset || matches!(kind, Some(ComponentKind::Bios | ComponentKind::DeviceInPost));
        self.note("firmware", "", format!("{} {} taken", package.component, package.version));
        if self.rules.firmware.staged_first {
            self.give_work(job, Work::Stage(package));
            self.run_job(job, Duration::ZERO);
            return;
        }
        update.package = Some(package);
        self.give_work(job, Work::Firmware(update));
        if waits {
            self.set_job(job, JobState::Scheduled, 0);
        } else {
            self.run_job(job, Duration::ZERO);
        }
    }

    /// Keeps an image until it is activated, in the place of an earlier one for the same component.
    pub(super) fn stage_package(&mut self, package: &Package) {
        self.note("firmware", "", format!("{} {} staged", package.component, package.version));
        self.staged_firmware.retain(|other| other.component != package.component);
        self.staged_firmware.push(package.clone());
    }

    /// Puts the image into force that was staged for a component of that kind, by a job of that `Id`: at once, or, for the
    /// BIOS, in the next POST. False when none is staged.
    pub fn activate_firmware(&mut self, id: &str, kind: ComponentKind) -> bool {
        let is_for = |package: &Package| {
            let mut named = self.firmware.iter().filter(|component| component.is_named(&package.component));
            named.any(|component| component.kind == kind)
        };
        let Some(at) = self.staged_firmware.iter().position(is_for) else { return false };
        let package = self.staged_firmware.remove(at);
        let waits = kind == ComponentKind::Bios;
        let state = if waits { JobState::Scheduled } else { JobState::New };
        self.add_job(id.into(), "FirmwareActivation", state, &package.component);
        let update = Update { source: None, targets: Vec::new(), at_reset: waits, package: Some(package) };
        self.give_work(id, Work::Firmware(update));
        if !waits {
            self.run_job(id, Duration::ZERO);
        }
        true
    }

    fn component_for(&self, package: &Package, targets: &[String]) -> Result<usize, UpdateProblem> {
        let name = &package.component;
        let at = self.firmware.iter().position(|component| component.is_named(name));
        let at = at.ok_or_else(|| UpdateProblem::NotHere(name.clone()))?;
        let component = self.firmware.get(at).ok_or_else(|| UpdateProblem::NotHere(name.clone()))?;
        let last = |target: &str| target.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_owned();
        let named = targets.is_empty() || targets.iter().any(|target| component.is_named(&last(target)));
        match (named, component.updateable) {
            (false, _) => Err(UpdateProblem::NotTargeted(name.clone())),
            (true, false) => Err(UpdateProblem::Fixed(component.name.clone())),
            (true, true) => Ok(at),
        }
    }

    /// Puts a package into force.
    pub(super) fn apply_package(&mut self, package: &Package) {
        let named = |component: &&mut Component| component.is_named(&package.component);
        let Some(component) = self.firmware.iter_mut().find(named) else { return };
        let before = std::mem::replace(&mut component.version, package.version.clone());
        component.previous = Some(before.clone());
        let (name, kind, device) = (component.name.clone(), component.kind, component.device.clone());
        match kind {
            ComponentKind::Bios => self.hardware.bios_version.clone_from(&package.version),
            ComponentKind::Bmc => self.hardware.bmc_version.clone_from(&package.version),
            ComponentKind::Device | ComponentKind::DeviceInPost => {}
        }
        self.event(
            "OK",
            format!("Firmware of {name} ({device}) changed from {before} to {}.", package.version),
        );
        self.note(&format!("firmware:{device}"), before, package.version.clone());
        if kind == ComponentKind::Bmc {
            self.restart_bmc(self.rules.firmware.bmc_gone);
        }
    }

    /// The BMC restarts: it does not answer for a while, and its sessions are gone. The host goes on.
    pub fn restart_bmc(&mut self, gone: Duration) {
        for id in self.sessions.iter().map(|session| session.id.clone()).collect::<Vec<_>>() {
            self.close_session(&id);
        }
        self.bmc_leaving = false;
        self.note("bmc", "up", "resetting");
        self.bmc_started = self.now.after(gone);
        self.deeds.push(Deed::BmcGone { lasts: gone });
    }

    /// The BMC restarts after a while, in which it goes on answering.
    pub fn restart_bmc_after(&mut self, after: Duration, gone: Duration) {
        self.bmc_leaving = true;
        self.plan(after, super::Due::BmcGoes { gone });
    }

    /// Whether the BMC is about to restart.
    pub fn bmc_leaving(&self) -> bool {
        self.bmc_leaving
    }

    /// Since when the BMC has been up; ahead while it restarts.
    pub fn bmc_started(&self) -> crate::clock::SimTime {
        self.bmc_started
    }
}
