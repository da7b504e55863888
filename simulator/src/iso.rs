//! Bootable-looking ISO 9660 images: a small writer, and the reading that a booting guest does.
//!
//! The layout is that of ECMA-119 with the boot record of the El Torito specification (1995): primary volume
//! descriptor in sector 16, boot record in sector 17, directories of one sector each, names of level 1 with a version.

mod tree;
mod write;

pub use write::IsoBuilder;

/// Bytes in a sector.
pub const SECTOR: usize = 2048;
const EL_TORITO: &[u8] = b"EL TORITO SPECIFICATION";

/// The file that tells the simulated installer what to do.
pub const CONFIG_FILE: &str = "RACKHAND.CFG";
/// The boot menu of [`IsoBuilder::boot_menu`].
pub const MENU_FILE: &str = "BOOT/GRUB/GRUB.CFG";
/// The kernel that the menu names.
pub const KERNEL_FILE: &str = "BOOT/VMLINUZ";
/// The initial file system that the menu names.
pub const INITRD_FILE: &str = "BOOT/INITRD.IMG";

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

fn put(to: &mut [u8], at: usize, bytes: &[u8]) {
    for (slot, byte) in to.iter_mut().skip(at).zip(bytes) {
        *slot = *byte;
    }
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

/// Finds a file or directory in a directory, here called the root: its byte offset and length.
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
        // A name without extension ends in a dot.
        let plain = found.split(';').next().map(|plain| plain.trim_end_matches('.'));
        if plain.is_some_and(|plain| plain.eq_ignore_ascii_case(name)) {
            return Some((u64::from(word(entry, 2)) * 2048, u64::from(word(entry, 10))));
        }
        at += length;
    }
    None
}

#[cfg(test)]
mod tests;
