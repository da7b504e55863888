//! The guest: what boots from a virtual CD, as an installer behaves, and the system that it leaves on disk.
//!
//! The medium's file `/RACKHAND.CFG` holds `key=value` lines. `callback={base}/callback` names where to report to;
//! `{base}` is the medium's URL without its last segment. Reports are JSON: `{"stage", "mac", "serial"}` with the stages
//! `Writing image to disk`, `Rebooting` and, from the installed system, `Done`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cell::Cell;
use crate::fetch::{self, FetchError};
use crate::iso::{self, SECTOR};
use crate::machine::{Image, Medium};

/// How much is read at once.
const CHUNK: u64 = 1024 * 1024;
/// How long is waited before a source that went away is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often an installer looks at its medium while it writes the disk.
const LOOKS: u32 = 10;
/// How often a report is tried.
const REPORTS: u32 = 720;
/// Configuration files are small.
const CONFIG_LIMIT: u64 = 64 * 1024;

/// Why the guest cannot go on.
enum Stopped {
    /// That boot is over: somebody cut the power or reset the host.
    BootOver,
    /// The medium is no longer there.
    MediumLost(String),
    /// Firmware finds nothing bootable on it.
    NotBootable(String),
}

/// A boot from the virtual CD.
struct Run {
    cell: Arc<Cell>,
    boot: u64,
    slot: usize,
    medium: Medium,
}

/// Boots the medium in slot number `slot`, as boot number `boot` of the machine.
pub async fn boot_cd(cell: Arc<Cell>, boot: u64, slot: usize) {
    let Some(medium) = cell.with(|machine| machine.medium(slot)) else {
        cell.with(|machine| machine.cd_does_not_boot(boot, "the medium was ejected"));
        return;
    };
    let run = Run { cell: Arc::clone(&cell), boot, slot, medium };
    match run.firmware().await {
        Ok(start) => match run.install(start).await {
            Ok(()) | Err(Stopped::BootOver) => {}
            Err(Stopped::MediumLost(why) | Stopped::NotBootable(why)) => {
                cell.with(|machine| machine.installer_failed(boot, &format!("medium lost: {why}")));
            }
        },
        Err(Stopped::BootOver) => {}
        Err(Stopped::MediumLost(why) | Stopped::NotBootable(why)) => {
            cell.with(|machine| machine.cd_does_not_boot(boot, &why));
        }
    }
}

/// What firmware found on the medium.
struct Start {
    size: u64,
    callback: Option<String>,
}

impl Run {
    /// Finds the boot record and the installer's configuration.
    async fn firmware(&self) -> Result<Start, Stopped> {
        let sector = u64::try_from(SECTOR).unwrap_or(2048);
        let size = self.size().await?;
        let too_short = || Stopped::NotBootable(iso::IsoError::NotIso.to_string());
        if size < 24 * sector {
            return Err(too_short());
        }
        let descriptors = self.read(16 * sector, 2 * sector).await?;
        let volume =
            iso::read_descriptors(&descriptors).map_err(|error| Stopped::NotBootable(error.to_string()))?;
        if volume.catalog_offset + sector > size || volume.root_offset + volume.root_length > size {
            return Err(Stopped::NotBootable("its descriptors point beyond its end".into()));
        }
        let catalog = self.read(volume.catalog_offset, sector).await?;
        if !iso::is_bootable(&catalog) {
            return Err(Stopped::NotBootable(iso::IsoError::NotBootable.to_string()));
        }
        let root = self.read(volume.root_offset, volume.root_length.min(CONFIG_LIMIT)).await?;
        let callback = match iso::find(&root, iso::CONFIG_FILE) {
            Some((offset, length)) if length > 0 && offset + length <= size => {
                let text = self.read(offset, length.min(CONFIG_LIMIT)).await?;
                callback(&String::from_utf8_lossy(&text), &self.medium.source.url)
            }
            _ => None,
        };
        Ok(Start { size, callback })
    }

    async fn install(&self, start: Start) -> Result<(), Stopped> {
        let times = self.cell.with(|machine| machine.guest_times.clone());
        let clock = &self.cell.world.clock;
        let mut digest = Sha256::new();
        let mut offset = 0;
        while offset < start.size {
            let length = CHUNK.min(start.size - offset);
            digest.update(self.read(offset, length).await?);
            offset += length;
        }
        let digest = crate::tls::hex(&digest.finalize());
        clock.sleep(times.load).await;
        self.stage("started")?;
        clock.sleep(times.prepare).await;
        self.stage("writing")?;
        self.report(&start, "Writing image to disk").await;
        self.alive(self.cell.with(|machine| machine.installer_writes(self.boot)))?;
        for look in 0..LOOKS {
            clock.sleep(times.write / LOOKS).await;
            let at = start.size / u64::from(LOOKS) * u64::from(look);
            self.read(at, 2048.min(start.size - at)).await?;
        }
        let image = Image { digest, callback: start.callback.clone(), announced: false };
        self.alive(self.cell.with(|machine| machine.installer_wrote(self.boot, image)))?;
        self.stage("rebooting")?;
        self.report(&start, "Rebooting").await;
        self.cell.with(|machine| machine.guest_resets(self.boot));
        Ok(())
    }

    fn alive(&self, alive: bool) -> Result<(), Stopped> {
        if alive { Ok(()) } else { Err(Stopped::BootOver) }
    }

    fn stage(&self, stage: &'static str) -> Result<(), Stopped> {
        self.alive(self.cell.with(|machine| machine.installer_stage(self.boot, stage)))
    }

    async fn report(&self, start: &Start, stage: &str) {
        if let Some(callback) = &start.callback {
            report(&self.cell, self.boot, callback, stage).await;
        }
    }

    async fn size(&self) -> Result<u64, Stopped> {
        let mut waited = Duration::ZERO;
        loop {
            self.still_there()?;
            match fetch::size(self.cell.net().as_ref(), &self.medium).await {
                Ok(size) => return Ok(size),
                Err(why) => self.patience(&mut waited, &why).await?,
            }
        }
    }

    /// Reads from the medium, trying again as long as this BMC has patience.
    async fn read(&self, offset: u64, length: u64) -> Result<Bytes, Stopped> {
        let mut waited = Duration::ZERO;
        loop {
            self.still_there()?;
            match fetch::read(self.cell.net().as_ref(), &self.medium, offset, length).await {
                Ok(bytes) => return Ok(bytes),
                Err(why) => self.patience(&mut waited, &why).await?,
            }
        }
    }

    async fn patience(&self, waited: &mut Duration, why: &FetchError) -> Result<(), Stopped> {
        let patience = self.cell.with(|machine| machine.rules.media.patience);
        if *waited >= patience {
            let text = self.cell.personality.media_error(why);
            let generation = self.medium.generation;
            self.cell.with(|machine| machine.media_lost(self.slot, generation, &text));
            return Err(Stopped::MediumLost(text));
        }
        *waited += AGAIN;
        self.cell.world.clock.sleep(AGAIN).await;
        Ok(())
    }

    fn still_there(&self) -> Result<(), Stopped> {
        self.cell.with(|machine| {
            if !machine.is_boot(self.boot) {
                return Err(Stopped::BootOver);
            }
            match machine.medium(self.slot) {
                Some(medium) if medium.generation == self.medium.generation => Ok(()),
                _ => Err(Stopped::MediumLost("it was ejected".into())),
            }
        })
    }
}

/// The call-back of a configuration file, for a medium at `url`.
fn callback(config: &str, url: &str) -> Option<String> {
    let line = config.lines().find_map(|line| line.trim().strip_prefix("callback="))?;
    let base = url.rsplit_once('/').map_or(url, |(base, _)| base);
    Some(line.trim().replace("{base}", base))
}

/// The installed system runs for the first time: it reports "Done".
pub async fn announce(cell: Arc<Cell>, boot: u64, callback: String) {
    report(&cell, boot, &callback, "Done").await;
}

/// Reports a stage, trying again as installers do while the boot goes on.
async fn report(cell: &Arc<Cell>, boot: u64, callback: &str, stage: &str) {
    let body = cell.with(|machine| {
        let mac = machine.identity.macs.first().cloned();
        json!({"stage": stage, "mac": mac, "serial": machine.identity.serial})
    });
    for _ in 0..REPORTS {
        if !cell.with(|machine| machine.is_boot(boot)) {
            return;
        }
        match fetch::post(cell.world.net.as_ref(), callback, &body, false).await {
            Ok(()) => {
                cell.with(|machine| machine.note("callback", "", stage));
                return;
            }
            Err(error) => tracing::debug!(machine = cell.name, %error, stage, "a call-back failed"),
        }
        cell.world.clock.sleep(AGAIN).await;
    }
    cell.with(|machine| machine.note("callback", stage, format!("{stage}: given up")));
}

#[cfg(test)]
mod tests {
    use super::callback;

    #[test]
    fn the_callback_is_beside_the_medium() {
        let config = "# a comment\ncallback={base}/callback\n";
        let url = "https://127.0.0.1:8443/t0ken/node.iso";
        assert_eq!(callback(config, url).as_deref(), Some("https://127.0.0.1:8443/t0ken/callback"));
        assert_eq!(callback("", url), None);
    }
}
