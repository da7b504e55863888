//! Bootable-looking ISO 9660 images: a small writer, and the reading that a booting guest does.
//!
//! The layout is that of ECMA-119 with the boot record of the El Torito specification (1995): primary volume
//! descriptor in sector 16, boot record in sector 17, one flat root directory, names of level 1 with a version.

use rand::RngCore as _;

use crate::chance;

/// Bytes in a sector.
pub const SECTOR: usize = 2048;
const PRIMARY: usize = 16;
const BOOT_RECORD: usize = 17;
const TERMINATOR: usize = 18;
const PATHS_LITTLE: usize = 19;
const PATHS_BIG: usize = 20;
const ROOT: usize = 21;
const CATALOG: usize = 22;
const BOOT_IMAGE: usize = 23;
const FIRST_FILE: usize = 24;
const EL_TORITO: &[u8] = b"EL TORITO SPECIFICATION";

/// The file that tells the simulated installer what to do.
pub const CONFIG_FILE: &str = "RACKHAND.CFG";

/// Why a medium does not boot, or a file on it cannot be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IsoError {
    /// Sector 16 holds no ISO 9660 descriptor.
    #[error("no ISO 9660 descriptor (CD001) in sector 16")]
    NotIso,
    /// There is no El Torito boot record or its catalogue has no bootable entry.
    #[error("the medium has no El Torito boot record with a bootable entry")]
    NotBootable,
    /// An image cannot be written as asked.
    #[error("the image cannot be written: {0}")]
    Write(String),
}

/// Builds an image.
#[derive(Debug, Clone)]
pub struct IsoBuilder {
    volume: String,
    files: Vec<(String, Vec<u8>)>,
    size: usize,
    seed: u64,
    bootable: bool,
}

impl IsoBuilder {
    /// An empty bootable image with the given volume name (letters, digits and `_`).
    pub fn new(volume: &str) -> Self {
        Self { volume: volume.to_ascii_uppercase(), files: Vec::new(), size: 0, seed: 0, bootable: true }
    }

    /// Adds a file to the root directory; the name is of the form `NAME.EXT`.
    #[must_use]
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_ascii_uppercase(), content.into()));
        self
    }

    /// Pads the image with a file of content that follows from the seed until it is `bytes` long.
    #[must_use]
    pub fn size(mut self, bytes: usize) -> Self {
        self.size = bytes;
        self
    }

    /// Chooses the content of the padding.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Leaves out the boot record, for a data disc.
    #[must_use]
    pub fn not_bootable(mut self) -> Self {
        self.bootable = false;
        self
    }

    /// Writes the image.
    ///
    /// # Errors
    /// When a name is too long, or the files do not fit one directory sector.
    pub fn build(mut self) -> Result<Vec<u8>, IsoError> {
        let used = FIRST_FILE + self.files.iter().map(|(_, data)| sectors(data.len())).sum::<usize>();
        let padding = self.size.div_ceil(SECTOR).saturating_sub(used) * SECTOR;
        if padding > 0 {
            let mut payload = vec![0; padding];
            chance::rng(self.seed, "iso payload").fill_bytes(&mut payload);
            self.files.push(("PAYLOAD.BIN".into(), payload));
        }
        let total = FIRST_FILE + self.files.iter().map(|(_, data)| sectors(data.len())).sum::<usize>();
        let mut image = vec![0; total * SECTOR];
        let root = self.directory(&mut image)?;
        put(&mut image, ROOT * SECTOR, &root);
        put(&mut image, PRIMARY * SECTOR, &self.primary(total)?);
        put(&mut image, TERMINATOR * SECTOR, b"\xffCD001\x01");
        put(&mut image, PATHS_LITTLE * SECTOR, &path_table(u32::to_le_bytes, u16::to_le_bytes));
        put(&mut image, PATHS_BIG * SECTOR, &path_table(u32::to_be_bytes, u16::to_be_bytes));
        if self.bootable {
            put(&mut image, BOOT_RECORD * SECTOR, &boot_record());
            put(&mut image, CATALOG * SECTOR, &catalog());
            put(&mut image, BOOT_IMAGE * SECTOR, b"simulated boot image");
        } else {
            put(&mut image, BOOT_RECORD * SECTOR, b"\xffCD001\x01");
        }
        Ok(image)
    }

    fn directory(&self, image: &mut [u8]) -> Result<Vec<u8>, IsoError> {
        let mut root = record(&[0], ROOT, SECTOR, true)?;
        root.extend(record(&[1], ROOT, SECTOR, true)?);
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort();
        let mut sector = FIRST_FILE;
        for (name, data) in files {
            root.extend(record(format!("{name};1").as_bytes(), sector, data.len(), false)?);
            put(image, sector * SECTOR, data);
            sector += sectors(data.len());
        }
        if root.len() > SECTOR {
            return Err(IsoError::Write("the root directory is longer than a sector".into()));
        }
        Ok(root)
    }

    fn primary(&self, total: usize) -> Result<Vec<u8>, IsoError> {
        if self.volume.len() > 32 {
            return Err(IsoError::Write(format!("volume name {:?} is longer than 32", self.volume)));
        }
        let mut sector = vec![0; SECTOR];
        put(&mut sector, 0, b"\x01CD001\x01");
        put(&mut sector, 8, &[b' '; 64]);
        put(&mut sector, 40, self.volume.as_bytes());
        put(&mut sector, 80, &both32(number(total)?));
        put(&mut sector, 120, &both16(1));
        put(&mut sector, 124, &both16(1));
        put(&mut sector, 128, &both16(2048));
        put(&mut sector, 132, &both32(10));
        put(&mut sector, 140, &number(PATHS_LITTLE)?.to_le_bytes());
        put(&mut sector, 148, &number(PATHS_BIG)?.to_be_bytes());
        put(&mut sector, 156, &record(&[0], ROOT, SECTOR, true)?);
        put(&mut sector, 190, &[b' '; 623]);
        for date in [813, 830, 847, 864] {
            put(&mut sector, date, b"0000000000000000\0");
        }
        put(&mut sector, 881, &[1]);
        Ok(sector)
    }
}

fn sectors(bytes: usize) -> usize {
    bytes.div_ceil(SECTOR).max(1)
}

fn number(value: usize) -> Result<u32, IsoError> {
    u32::try_from(value).map_err(|_| IsoError::Write("an image of more than 4 GiB".into()))
}

fn put(to: &mut [u8], at: usize, bytes: &[u8]) {
    for (slot, byte) in to.iter_mut().skip(at).zip(bytes) {
        *slot = *byte;
    }
}

fn both32(value: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    put(&mut bytes, 0, &value.to_le_bytes());
    put(&mut bytes, 4, &value.to_be_bytes());
    bytes
}

fn both16(value: u16) -> [u8; 4] {
    let mut bytes = [0; 4];
    put(&mut bytes, 0, &value.to_le_bytes());
    put(&mut bytes, 2, &value.to_be_bytes());
    bytes
}

fn record(name: &[u8], sector: usize, size: usize, directory: bool) -> Result<Vec<u8>, IsoError> {
    let padding = usize::from(name.len().is_multiple_of(2));
    let length = u8::try_from(33 + name.len() + padding)
        .map_err(|_| IsoError::Write(format!("file name {:?} is too long", String::from_utf8_lossy(name))))?;
    let mut bytes = vec![0; usize::from(length)];
    put(&mut bytes, 0, &[length]);
    put(&mut bytes, 2, &both32(number(sector)?));
    put(&mut bytes, 10, &both32(number(size)?));
    put(&mut bytes, 25, &[if directory { 2 } else { 0 }]);
    put(&mut bytes, 28, &both16(1));
    put(&mut bytes, 32, &[u8::try_from(name.len()).unwrap_or(u8::MAX)]);
    put(&mut bytes, 33, name);
    Ok(bytes)
}

fn path_table(long: fn(u32) -> [u8; 4], short: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mut table = vec![1, 0];
    table.extend(long(21));
    table.extend(short(1));
    table.extend([0, 0]);
    table
}

fn boot_record() -> Vec<u8> {
    let mut sector = vec![0; SECTOR];
    put(&mut sector, 0, b"\x00CD001\x01");
    put(&mut sector, 7, EL_TORITO);
    put(&mut sector, 71, &22_u32.to_le_bytes());
    sector
}

/// The validation entry (its 16-bit words add up to zero) and a default entry: bootable, no emulation.
fn catalog() -> Vec<u8> {
    let mut sector = vec![0; SECTOR];
    put(&mut sector, 0, &[1, 0xef]);
    put(&mut sector, 30, &[0x55, 0xaa]);
    let sum = sector.chunks_exact(2).take(16).fold(0_u16, |sum, word| {
        sum.wrapping_add(u16::from_le_bytes([
            word.first().copied().unwrap_or(0),
            word.last().copied().unwrap_or(0),
        ]))
    });
    put(&mut sector, 28, &sum.wrapping_neg().to_le_bytes());
    put(&mut sector, 32, &[0x88]);
    put(&mut sector, 38, &4_u16.to_le_bytes());
    put(&mut sector, 40, &23_u32.to_le_bytes());
    sector
}

/// Where the root directory and the boot catalogue of an image are, read from sectors 16 and 17.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// Byte offset of the root directory.
    pub root_offset: u64,
    /// Length of the root directory in bytes.
    pub root_length: u64,
    /// Byte offset of the boot catalogue.
    pub catalog_offset: u64,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    put(&mut word, 0, bytes.get(at..at + 4).unwrap_or(&[]));
    u32::from_le_bytes(word)
}

/// Reads the two descriptors that firmware looks at: `descriptors` is sectors 16 and 17.
///
/// # Errors
/// `NotIso` without a primary descriptor, `NotBootable` without a boot record.
pub fn read_descriptors(descriptors: &[u8]) -> Result<Volume, IsoError> {
    if descriptors.get(..6) != Some(b"\x01CD001".as_slice()) {
        return Err(IsoError::NotIso);
    }
    let boot = descriptors.get(SECTOR..).unwrap_or(&[]);
    let marked = boot.get(..6) == Some(b"\x00CD001".as_slice());
    if !marked || boot.get(7..7 + EL_TORITO.len()) != Some(EL_TORITO) {
        return Err(IsoError::NotBootable);
    }
    Ok(Volume {
        root_offset: u64::from(word(descriptors, 158)) * 2048,
        root_length: u64::from(word(descriptors, 166)),
        catalog_offset: u64::from(word(boot, 71)) * 2048,
    })
}

/// Whether the boot catalogue (its first sector) holds a valid header and a bootable entry.
pub fn is_bootable(catalog: &[u8]) -> bool {
    catalog.first() == Some(&1)
        && catalog.get(30..32) == Some(&[0x55, 0xaa])
        && catalog.get(32) == Some(&0x88)
}

/// Finds a file in the root directory: its byte offset and length.
pub fn find(root: &[u8], name: &str) -> Option<(u64, u64)> {
    let mut at = 0;
    while let Some(length) = root.get(at).map(|byte| usize::from(*byte)) {
        if length == 0 {
            // Records do not cross sectors: the rest of this one is empty.
            at = (at / SECTOR + 1) * SECTOR;
            continue;
        }
        let entry = root.get(at..at + length)?;
        let name_length = usize::from(entry.get(32).copied()?);
        let found = String::from_utf8_lossy(entry.get(33..33 + name_length)?).into_owned();
        if found.split(';').next().is_some_and(|plain| plain.eq_ignore_ascii_case(name)) {
            return Some((u64::from(word(entry, 2)) * 2048, u64::from(word(entry, 10))));
        }
        at += length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        IsoBuilder::new("TEST").file(CONFIG_FILE, "callback={base}/callback\n").size(100_000).build().unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let image = sample();
        assert_eq!(image.len(), 49 * SECTOR);
        let volume = read_descriptors(&image[16 * SECTOR..18 * SECTOR]).unwrap();
        let catalog = usize::try_from(volume.catalog_offset).unwrap();
        assert!(is_bootable(&image[catalog..catalog + SECTOR]));
        let root = usize::try_from(volume.root_offset).unwrap();
        let (offset, length) = find(&image[root..root + SECTOR], "rackhand.cfg").unwrap();
        let offset = usize::try_from(offset).unwrap();
        let text = &image[offset..offset + usize::try_from(length).unwrap()];
        assert_eq!(text, b"callback={base}/callback\n");
        assert!(find(&image[root..root + SECTOR], "OTHER.CFG").is_none());
    }

    #[test]
    fn same_seed_same_image() {
        assert_eq!(sample(), sample());
        let other = IsoBuilder::new("TEST").size(100_000).seed(1).build().unwrap();
        assert_ne!(sample(), other);
    }

    #[test]
    fn a_data_disc_and_an_html_page_do_not_boot() {
        let image = IsoBuilder::new("DATA").not_bootable().build().unwrap();
        assert_eq!(read_descriptors(&image[16 * SECTOR..18 * SECTOR]), Err(IsoError::NotBootable));
        assert_eq!(read_descriptors(b"<html>"), Err(IsoError::NotIso));
        assert!(!is_bootable(&[0; SECTOR]));
    }
}
