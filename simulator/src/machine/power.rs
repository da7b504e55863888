//! Power, POST and the choice of what to boot; and what the guest tells the machine.

use std::time::Duration;

use super::bios::plain;
use super::{BiosRule, Deed, Disk, Due, Guest, Image, JobState, Lasts, Machine, Post, Power};

/// Why a reset is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PowerProblem {
    /// This BMC does not know the `ResetType`.
    UnknownType,
    /// The host is in that state already.
    Already(Power),
    /// A power action is under way.
    Busy,
}

impl Machine {
    /// Carries out a `ResetType`.
    ///
    /// # Errors
    /// When the personality's rules refuse it.
    pub fn reset(&mut self, reset: &str) -> Result<(), PowerProblem> {
        if !self.rules.power.reset_types.contains(&reset) {
            return Err(PowerProblem::UnknownType);
        }
        self.event("OK", format!("Server power command: {reset}"));
        match reset {
            "On" | "ForceOn" => self.command_on(),
            "ForceOff" => self.command_off(),
            "GracefulShutdown" => self.command_shutdown(false),
            "GracefulRestart" => self.command_shutdown(true),
            "ForceRestart" => self.command_restart(),
            "PowerCycle" => self.command_cycle(),
            "PushPowerButton" if self.power == Power::Off => self.command_on(),
            "PushPowerButton" => self.command_shutdown(false),
            _ => Ok(()),
        }
    }

    fn already(&self) -> Result<(), PowerProblem> {
        match self.rules.power.already {
            super::Already::Accepted => Ok(()),
            super::Already::Refused => Err(PowerProblem::Already(self.power)),
        }
    }

    fn command_on(&mut self) -> Result<(), PowerProblem> {
        match self.power {
            Power::On | Power::PoweringOn => self.already(),
            Power::PoweringOff => Err(PowerProblem::Busy),
            Power::Off => {
                self.start_power_on();
                Ok(())
            }
        }
    }

    fn start_power_on(&mut self) {
        self.boots += 1;
        self.set_power(Power::PoweringOn);
        self.plan(self.rules.power.on_takes, Due::PoweredOn);
    }

    fn command_off(&mut self) -> Result<(), PowerProblem> {
        match self.power {
            Power::Off => self.already(),
            Power::PoweringOff => Ok(()),
            Power::On | Power::PoweringOn => {
                self.start_power_off(false);
                Ok(())
            }
        }
    }

    fn start_power_off(&mut self, again: bool) {
        // Whatever this boot had planned dies with it.
        self.boots += 1;
        self.set_guest(Guest::None);
        self.set_power(Power::PoweringOff);
        self.plan(self.rules.power.off_takes, Due::PoweredOff { again });
    }

    fn command_shutdown(&mut self, again: bool) -> Result<(), PowerProblem> {
        match self.power {
            Power::Off => return self.already(),
            Power::PoweringOff => return Ok(()),
            Power::PoweringOn => return Err(PowerProblem::Busy),
            Power::On => {}
        }
        if self.guest.heeds_power_button() {
            self.plan(self.rules.power.shutdown_takes, Due::ShutDown { again });
        } else if !self.rules.power.graceful_needs_os {
            self.plan(Duration::ZERO, Due::ShutDown { again });
        }
        // Firmware and setup do not heed the button: the command was accepted and nothing follows.
        Ok(())
    }

    fn command_restart(&mut self) -> Result<(), PowerProblem> {
        match self.power {
            Power::Off => match self.rules.power.already {
                super::Already::Accepted => {
                    self.start_power_on();
                    Ok(())
                }
                super::Already::Refused => Err(PowerProblem::Already(self.power)),
            },
            Power::PoweringOn | Power::PoweringOff => Err(PowerProblem::Busy),
            Power::On => {
                self.warm_reset();
                Ok(())
            }
        }
    }

    fn command_cycle(&mut self) -> Result<(), PowerProblem> {
        match self.power {
            Power::On => {
                self.start_power_off(true);
                Ok(())
            }
            _ => self.command_restart(),
        }
    }

    /// The host resets with its power on.
    fn warm_reset(&mut self) {
        self.boots += 1;
        self.last_reset = self.now;
        self.set_guest(Guest::None);
        // A reset within POST begins POST anew, which must show in the log.
        let from = self.post_word(self.post);
        self.note("post", from, "reset");
        self.post = Post::Off;
        self.enter_phase(0);
    }

    pub(super) fn powered_on(&mut self) {
        self.set_power(Power::On);
        self.last_reset = self.now;
        self.event("OK", "Server power restored");
        self.enter_phase(0);
    }

    pub(super) fn powered_off(&mut self, again: bool) {
        self.set_post(Post::Off);
        self.set_power(Power::Off);
        self.off_since = Some(self.now);
        self.event("OK", "Server power removed");
        if again {
            self.start_power_on();
        }
    }

    pub(super) fn shut_down(&mut self, again: bool) {
        if again {
            self.warm_reset();
        } else {
            self.start_power_off(false);
        }
    }

    pub(super) fn enter_phase(&mut self, number: usize) {
        if number == 0 {
            self.eject_spent();
        } else if self.rules.power.post.get(number - 1).is_some_and(|phase| phase.applies_bios) {
            if self.rules.bios == BiosRule::ByJob {
                self.apply_settings();
            }
            self.end_waiting_work();
        }
        let Some(phase) = self.rules.power.post.get(number).cloned() else {
            self.finish_post();
            return;
        };
        self.set_post(Post::Phase(number));
        let mut lasts = phase.lasts;
        let applies = phase.applies_bios
            && match self.rules.bios {
                BiosRule::ByJob => self.start_bios_job(),
                _ => self.apply_settings(),
            };
        if applies {
            lasts += self.rules.power.bios_apply_takes;
        }
        if phase.applies_bios {
            lasts += self.begin_waiting_work();
        }
        self.plan(lasts, Due::Phase(number + 1));
    }

    /// The BIOS job that waits begins to run; it ends with its phase of POST.
    fn start_bios_job(&mut self) -> bool {
        self.apply_secure_boot();
        let id =
            self.bios_job().filter(|job| job.state != JobState::New && !job.stuck).map(|job| job.id.clone());
        if let Some(id) = &id {
            self.set_job(id, JobState::Running, 1);
        }
        id.is_some()
    }

    fn apply_secure_boot(&mut self) {
        if self.secure_boot.current != self.secure_boot.enable {
            let word = |on| if on { "Enabled" } else { "Disabled" };
            self.note("secure-boot", word(self.secure_boot.current), word(self.secure_boot.enable));
            self.secure_boot.current = self.secure_boot.enable;
        }
    }

    /// POST applies what waits for it; true when BIOS settings were among it.
    fn apply_settings(&mut self) -> bool {
        self.apply_secure_boot();
        let job = self
            .bios_job()
            .filter(|job| matches!(job.state, JobState::Scheduled | JobState::Running) && !job.stuck)
            .map(|job| job.id.clone());
        if self.bios.pending.is_empty()
            || self.bios.stuck
            || (self.rules.bios == BiosRule::ByJob && job.is_none())
        {
            return false;
        }
        let waiting = self.bios.pending.len();
        let rejects = self.bios_rejects.clone();
        let rejected = |name: &str| rejects.contains(name);
        let changed = match self.rules.bios {
            BiosRule::JudgedAtPost => self.bios.judge_and_consume(rejected),
            _ => self.bios.consume(rejected),
        };
        self.bios.consumed_at = self.now;
        self.note("bios-pending", format!("{waiting} staged"), "none");
        for change in changed {
            self.note("bios", "", change);
        }
        let refused: Vec<_> =
            self.bios.refused.iter().map(|one| format!("{}={}", one.attribute, plain(&one.value))).collect();
        for one in &refused {
            self.note("bios", "", format!("rejected {one}"));
            self.event("Warning", format!("BIOS setting rejected: {one}"));
        }
        if let Some(id) = job {
            let state = if refused.is_empty() { JobState::Completed } else { JobState::CompletedWithErrors };
            // One that carries more than settings is not over with them.
            let more = self.jobs.iter().any(|job| job.id == id && job.is_in_post());
            if !more || !refused.is_empty() {
                self.set_job(&id, state, 100);
            }
        }
        true
    }

    fn finish_post(&mut self) {
        let target = match self.boot.lasts {
            Lasts::Disabled => None,
            Lasts::Once | Lasts::Continuous => {
                let unbootable =
                    |target: &str| target == "None" || (target == "Cd" && self.rules.media.cd_is_physical);
                Some(self.boot.target.clone()).filter(|target| !unbootable(target))
            }
        };
        if self.boot.lasts == Lasts::Once {
            let from = format!("Once {}", self.boot.target);
            self.boot.lasts = Lasts::Disabled;
            self.boot.target = "None".into();
            self.note("boot-override", from, "Disabled None");
        }
        if target.as_deref() == Some("BiosSetup") {
            self.set_post(Post::Setup);
            return;
        }
        self.set_post(Post::Done);
        let medium = self.slots.iter_mut().find(|slot| slot.boot_next && slot.inserted).map(|slot| {
            slot.boot_next = false;
            slot.spent = true;
            "Cd".to_owned()
        });
        let own = self.boot.first.as_ref().map(|device| device.source.clone());
        if self.boot.first.as_ref().is_some_and(|device| device.once) {
            self.boot.first = None;
            self.note("first-device", own.clone().unwrap_or_default(), "none");
        }
        let first = medium.into_iter().chain(own).chain(target);
        self.candidates = first.chain(self.boot.order.iter().cloned()).collect();
        self.candidates.reverse();
        self.boot_next();
    }

    /// Tries the next source that firmware knows.
    pub(super) fn boot_next(&mut self) {
        while let Some(source) = self.candidates.pop() {
            let begun = match source.as_str() {
                "Cd" | "UsbCd" => self.begin_cd(),
                "Hdd" => self.begin_disk(),
                "Pxe" => self.begin_pxe(),
                "UefiHttp" => self.begin_http(),
                _ => false,
            };
            if begun {
                return;
            }
        }
        self.set_source("none");
        self.set_guest(Guest::NoBootableDevice);
    }

    /// Boots the virtual CD; false without one.
    fn begin_cd(&mut self) -> bool {
        let there = self.slots.iter().position(|slot| slot.inserted && !slot.ejecting && slot.is_cd());
        let Some(slot) = there else { return false };
        self.set_source("Cd");
        self.set_guest(Guest::LoadingCd);
        self.deeds.push(Deed::BootCd { boot: self.boots, slot });
        true
    }

    /// Boots the disk; false when nothing on it boots.
    fn begin_disk(&mut self) -> bool {
        let boots = matches!(self.disk, Disk::OldOs | Disk::Installed(_));
        if boots {
            self.set_source("Hdd");
            self.set_guest(Guest::BootingDisk);
            self.plan(self.guest_times.boot_disk, Due::DiskBooted);
        }
        boots
    }

    /// Every boot shows in the log, also one from the same source as before: a boot loop must be visible.
    pub(super) fn set_source(&mut self, source: &str) {
        let from = format!("{}#{}", self.boot_source, self.boots.saturating_sub(1));
        self.note("boot-source", from, format!("{source}#{}", self.boots));
        self.boot_source = source.into();
    }

    pub(super) fn disk_booted(&mut self) {
        match &mut self.disk {
            Disk::Installed(image) => {
                let digest = image.digest.clone();
                let callback = image.callback.clone().filter(|_| !image.announced);
                image.announced = true;
                self.set_guest(Guest::Installed(digest));
                if let Some(callback) = callback {
                    self.deeds.push(Deed::Announce { boot: self.boots, callback });
                }
            }
            Disk::OldOs => self.set_guest(Guest::OldOs),
            Disk::Blank | Disk::HalfWritten => self.set_guest(Guest::NoBootableDevice),
        }
    }

    /// Whether boot number `boot` still goes on.
    pub fn is_boot(&self, boot: u64) -> bool {
        self.boots == boot && self.power == Power::On
    }

    /// The medium of boot `boot` does not boot, for the reason given: firmware tries the next source.
    pub fn cd_does_not_boot(&mut self, boot: u64, why: &str) {
        if self.is_boot(boot) && self.guest == Guest::LoadingCd {
            self.event("Warning", format!("The virtual CD does not boot: {why}"));
            self.note("guest", "loading cd", format!("cd does not boot: {why}"));
            self.guest = Guest::None;
            self.boot_next();
        }
    }

    /// The installer of boot `boot` has reached `stage`; false when that boot is over.
    pub fn installer_stage(&mut self, boot: u64, stage: &'static str) -> bool {
        let alive = self.is_boot(boot);
        if alive {
            self.set_guest(Guest::Installer(stage));
        }
        alive
    }

    /// The installer of boot `boot` begins to write the disk, which no longer boots until it is done. Without a disk it
    /// gives up.
    pub fn installer_writes(&mut self, boot: u64) -> bool {
        let alive = self.is_boot(boot);
        if alive && !self.find_disk() {
            self.set_guest(Guest::Failed("there is no disk to install to".into()));
            return false;
        }
        if alive {
            self.set_disk(Disk::HalfWritten);
        }
        alive
    }

    /// The installer of boot `boot` gives up.
    pub fn installer_failed(&mut self, boot: u64, why: &str) {
        if self.is_boot(boot) {
            self.set_guest(Guest::Failed(why.into()));
        }
    }

    /// The installer of boot `boot` has written the disk.
    pub fn installer_wrote(&mut self, boot: u64, image: Image) -> bool {
        let alive = self.is_boot(boot);
        if alive {
            self.set_disk(Disk::Installed(image));
        }
        alive
    }

    /// The guest of boot `boot` resets the host.
    pub fn guest_resets(&mut self, boot: u64) {
        if self.is_boot(boot) {
            self.warm_reset();
        }
    }
}
