//! Booting an ISO image: from the virtual CD, piece by piece, or from memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{AGAIN, Installer, LOOKS, Stopped, callback};
use crate::cell::Cell;
use crate::fetch::{self, FetchError};
use crate::iso::{self, SECTOR};
use crate::machine::Medium;

/// How much is read at once.
const CHUNK: u64 = 1024 * 1024;
/// Configuration files are small.
const CONFIG_LIMIT: u64 = 64 * 1024;

/// A boot from the virtual CD.
pub(super) struct Run {
    cell: Arc<Cell>,
    boot: u64,
    slot: usize,
    medium: Medium,
    size: u64,
}

/// Boots the medium in slot number `slot`, as boot number `boot` of the machine.
pub async fn boot_cd(cell: Arc<Cell>, boot: u64, slot: usize) {
    let Some(medium) = cell.with(|machine| machine.medium(slot)) else {
        cell.with(|machine| machine.cd_does_not_boot(boot, "the medium was ejected"));
        return;
    };
    let mut run = Run { cell: Arc::clone(&cell), boot, slot, medium, size: 0 };
    match run.firmware().await {
        Ok(callback) => match run.install(callback).await {
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

/// What an image is read from.
pub(super) trait Sectors: Sync {
    /// Reads `length` bytes from `offset`, which are there.
    fn read(&self, offset: u64, length: u64) -> impl Future<Output = Result<Bytes, Stopped>> + Send;
}

impl Sectors for Run {
    fn read(&self, offset: u64, length: u64) -> impl Future<Output = Result<Bytes, Stopped>> + Send {
        Self::read(self, offset, length)
    }
}

impl Sectors for Bytes {
    async fn read(&self, offset: u64, length: u64) -> Result<Bytes, Stopped> {
        let range = usize::try_from(offset).ok().zip(usize::try_from(offset.saturating_add(length)).ok());
        let within = range.filter(|(from, to)| from <= to && *to <= self.len());
        within
            .map(|(from, to)| self.slice(from..to))
            .ok_or_else(|| Stopped::NotBootable("it points beyond its end".into()))
    }
}

/// Finds the boot record of an image of `size` bytes that came from `url`, and the installer's call-back.
pub(super) async fn look_for_boot_record(
    image: &impl Sectors,
    size: u64,
    url: &str,
) -> Result<Option<String>, Stopped> {
    let sector = u64::try_from(SECTOR).unwrap_or(2048);
    if size < 24 * sector {
        return Err(Stopped::NotBootable(iso::IsoError::NotIso.to_string()));
    }
    let descriptors = image.read(16 * sector, 2 * sector).await?;
    let volume =
        iso::read_descriptors(&descriptors).map_err(|error| Stopped::NotBootable(error.to_string()))?;
    if volume.catalog_offset + sector > size || volume.root_offset + volume.root_length > size {
        return Err(Stopped::NotBootable("its descriptors point beyond its end".into()));
    }
    let catalog = image.read(volume.catalog_offset, sector).await?;
    if !iso::is_bootable(&catalog) {
        return Err(Stopped::NotBootable(iso::IsoError::NotBootable.to_string()));
    }
    let root = image.read(volume.root_offset, volume.root_length.min(CONFIG_LIMIT)).await?;
    match iso::find(&root, iso::CONFIG_FILE) {
        Some((offset, length)) if length > 0 && offset + length <= size => {
            let text = image.read(offset, length.min(CONFIG_LIMIT)).await?;
            Ok(callback(&String::from_utf8_lossy(&text), url))
        }
        _ => Ok(None),
    }
}

impl Run {
    /// Finds the boot record and the installer's configuration.
    async fn firmware(&mut self) -> Result<Option<String>, Stopped> {
        self.size = self.find_size().await?;
        look_for_boot_record(self, self.size, &self.medium.source.url).await
    }

    async fn install(&self, callback: Option<String>) -> Result<(), Stopped> {
        let mut digest = Sha256::new();
        let mut offset = 0;
        while offset < self.size {
            let length = CHUNK.min(self.size - offset);
            digest.update(self.read(offset, length).await?);
            offset += length;
        }
        let digest = crate::tls::hex(&digest.finalize());
        let installer = Installer { cell: Arc::clone(&self.cell), boot: self.boot, digest, callback };
        installer.install(Some(self)).await
    }

    /// Looks at the medium for the time of that number, as an installer does that reads it piece by piece.
    pub(super) async fn look(&self, number: u32) -> Result<(), Stopped> {
        let at = self.size / u64::from(LOOKS) * u64::from(number);
        self.read(at, 2048.min(self.size - at)).await.map(drop)
    }

    async fn find_size(&self) -> Result<u64, Stopped> {
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
