//! Writing an image.

use rand::RngCore as _;

use super::tree::Tree;
use super::{EL_TORITO, INITRD_FILE, IsoError, KERNEL_FILE, MENU_FILE, SECTOR, put};
use crate::chance;

const PRIMARY: usize = 16;
const BOOT_RECORD: usize = 17;
const TERMINATOR: usize = 18;
const PATHS_LITTLE: usize = 19;
const PATHS_BIG: usize = 20;
const ROOT: usize = 21;
const CATALOG: usize = 22;
const BOOT_IMAGE: usize = 23;
/// Other directories than the root, and behind them the files.
const FIRST_FILE: usize = 24;
/// Size of a kernel of no use: of more than a few blocks of any protocol.
const KERNEL_SIZE: usize = 200_000;
/// Size of an initial file system of no use.
const INITRD_SIZE: usize = 400_000;

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

    /// Adds a file; the path is of the form `NAME.EXT` or `DIR/NAME.EXT`, a slash before it makes no difference.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        self.files.push((path.to_ascii_uppercase(), content.into()));
        self
    }

    /// Adds a boot menu with the kernel and the initial file system that it names, for those who take the image apart to
    /// boot it over the network. Both follow from the seed; the initial file system begins with `config`, lines of
    /// `key=value`.
    #[must_use]
    pub fn boot_menu(self, config: &str) -> Self {
        let menu = "set timeout=5\nmenuentry 'Simulated installer' {\n  linux /boot/vmlinuz console=tty0\n  \
                    initrd /boot/initrd.img\n}\n";
        let (kernel, initrd) = (kernel(self.seed), initrd(self.seed, config));
        self.file(MENU_FILE, menu).file(KERNEL_FILE, kernel).file(INITRD_FILE, initrd)
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
    /// When a name is none of 8.3 or there twice, or the files of a directory do not fit one sector.
    pub fn build(mut self) -> Result<Vec<u8>, IsoError> {
        let used = Tree::new(&self.files, ROOT, FIRST_FILE)?.end;
        let padding = self.size.div_ceil(SECTOR).saturating_sub(used) * SECTOR;
        if padding > 0 {
            let mut payload = vec![0; padding];
            chance::rng(self.seed, "iso payload").fill_bytes(&mut payload);
            self.files.push(("PAYLOAD.BIN".into(), payload));
        }
        let tree = Tree::new(&self.files, ROOT, FIRST_FILE)?;
        let mut image = vec![0; tree.end * SECTOR];
        tree.write(&mut image)?;
        let paths = tree.path_table(u32::to_le_bytes, u16::to_le_bytes)?;
        put(&mut image, PRIMARY * SECTOR, &self.primary(tree.end, paths.len())?);
        put(&mut image, TERMINATOR * SECTOR, b"\xffCD001\x01");
        put(&mut image, PATHS_LITTLE * SECTOR, &paths);
        put(&mut image, PATHS_BIG * SECTOR, &tree.path_table(u32::to_be_bytes, u16::to_be_bytes)?);
        if self.bootable {
            put(&mut image, BOOT_RECORD * SECTOR, &boot_record());
            put(&mut image, CATALOG * SECTOR, &catalog());
            put(&mut image, BOOT_IMAGE * SECTOR, b"simulated boot image");
        } else {
            put(&mut image, BOOT_RECORD * SECTOR, b"\xffCD001\x01");
        }
        Ok(image)
    }

    fn primary(&self, total: usize, paths: usize) -> Result<Vec<u8>, IsoError> {
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
        put(&mut sector, 132, &both32(number(paths)?));
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

pub(super) fn sectors(bytes: usize) -> usize {
    bytes.div_ceil(SECTOR).max(1)
}

fn number(value: usize) -> Result<u32, IsoError> {
    u32::try_from(value).map_err(|_| IsoError::Write("an image of more than 4 GiB".into()))
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

pub(super) fn record(name: &[u8], sector: usize, size: usize, directory: bool) -> Result<Vec<u8>, IsoError> {
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

/// What boot loaders take for a kernel of Linux: the marks of its header, and else noise.
fn kernel(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; KERNEL_SIZE];
    chance::rng(seed, "kernel").fill_bytes(&mut bytes);
    put(&mut bytes, 0, b"MZ");
    put(&mut bytes, 0x1fe, &[0x55, 0xaa]);
    put(&mut bytes, 0x202, b"HdrS");
    bytes
}

/// The configuration, a zero, and noise.
fn initrd(seed: u64, config: &str) -> Vec<u8> {
    let mut bytes = vec![0; INITRD_SIZE];
    chance::rng(seed, "initrd").fill_bytes(&mut bytes);
    put(&mut bytes, 0, config.as_bytes());
    put(&mut bytes, config.len(), &[0]);
    bytes
}
