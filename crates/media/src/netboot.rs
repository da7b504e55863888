//! What a machine boots over the network: kernel, initial file systems, root file system and arguments, found on an ISO or
//! given one by one.

use std::{fs::File, ops::Range};

use crate::{
    Image, Part, Sha256Digest,
    bootmenu::{self, BootEntry},
    iso::{Iso, IsoError},
};

/// The files of a network boot, and what the kernel is told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NetbootFiles {
    /// The kernel.
    pub kernel: Part,
    /// The initial file systems, in the order in which the kernel unpacks them.
    pub initrds: Vec<Part>,
    /// The root file system of a CoreOS live system, which it fetches by itself.
    pub rootfs: Option<Part>,
    /// The kernel's arguments, without those that name files of this machine.
    pub arguments: Vec<String>,
}

/// Why an image cannot be booted over the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetbootError {
    /// The image is no disc that can be read.
    #[error("{iso} cannot be read as an ISO: {reason}")]
    Iso {
        /// The image's name.
        iso: String,
        /// What was seen.
        reason: String,
    },
    /// There is no boot menu, or none that starts a kernel.
    #[error("{iso} has no boot menu that starts a kernel; looked at {looked_at}")]
    NoMenu {
        /// The image's name.
        iso: String,
        /// The menus that were looked for, and what was found.
        looked_at: String,
    },
    /// A file that the boot menu names is not on the disc.
    #[error("{iso}: its boot menu {menu} names {path}, which is not on it")]
    NoFile {
        /// The image's name.
        iso: String,
        /// The menu.
        menu: String,
        /// The file.
        path: String,
    },
    /// What is on the disc looks for the disc, which is not there when it is booted over the network.
    #[error(
        "{iso} cannot be booted over the network: its kernel argument {argument} makes it look for the disc; boot it by virtual media or UEFI HTTP"
    )]
    NeedsDisc {
        /// The image's name.
        iso: String,
        /// The argument.
        argument: String,
    },
    /// A menu that names more files than a boot needs.
    #[error(
        "{iso}: its boot menu {menu} names {count} initial file systems; at most {MOST_INITRDS} are served"
    )]
    TooMany {
        /// The image's name.
        iso: String,
        /// The menu.
        menu: String,
        /// How many.
        count: usize,
    },
    /// An iPXE script that cannot be taken apart, or names what cannot be had.
    #[error("the iPXE script {script}: {reason}")]
    Script {
        /// Where it is.
        script: String,
        /// What was seen.
        reason: String,
    },
}

/// Where discs have their menus. The first one that starts a kernel counts.
const GRUB_MENUS: [&str; 6] = [
    "/EFI/redhat/grub.cfg",
    "/EFI/fedora/grub.cfg",
    "/EFI/centos/grub.cfg",
    "/EFI/BOOT/grub.cfg",
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
];
const ISOLINUX_MENUS: [&str; 3] =
    ["/isolinux/isolinux.cfg", "/syslinux/syslinux.cfg", "/boot/isolinux/isolinux.cfg"];

/// Where CoreOS live discs have the root file system.
const ROOTFS: &str = "/images/pxeboot/rootfs.img";

/// The argument by which a CoreOS live system finds its disc.
const LIVE_ISO: &str = "coreos.liveiso";

/// The argument by which it is told where to fetch its root file system instead.
pub(crate) const ROOTFS_URL: &str = "coreos.live.rootfs_url";

/// How much of a menu is read.
const LARGEST_MENU: u64 = 256 << 10;

/// CoreOS needs three: its own, Ignition's, and one that the assisted installer adds.
pub(crate) const MOST_INITRDS: usize = 16;

impl NetbootFiles {
    /// Finds on an ISO what its boot menu starts by default. Nothing is copied: the files are served out of the ISO. Blocks while it
    /// reads a few sectors.
    ///
    /// A CoreOS live ISO (RHCOS, and those of the assisted and the agent-based installer) is told to fetch its root file
    /// system in place of looking for its disc.
    ///
    /// # Errors
    /// When the image is no ISO, nothing on it can be booted over the network, or files are missing.
    pub fn from_iso(image: &Image) -> Result<Self, NetbootError> {
        let name = image.path.display().to_string();
        let unread = |error: IsoError| NetbootError::Iso { iso: name.clone(), reason: error.to_string() };
        let disc = Disc { iso: Iso::open(&*image.file, image.size).map_err(unread)?, image, name: &name };
        let (menu, entry) = disc.menu()?;
        if entry.initrds.len() > MOST_INITRDS {
            let count = entry.initrds.len();
            return Err(NetbootError::TooMany { iso: name.clone(), menu: menu.to_owned(), count });
        }
        let kernel = disc.named(menu, &entry.kernel)?;
        let initrds = entry.initrds.iter().map(|path| disc.named(menu, path)).collect::<Result<_, _>>()?;
        let rootfs = disc.part(disc.find(ROOTFS)?);
        if let Some(argument) = needs_disc(&entry.arguments, rootfs.is_some()) {
            let argument = argument.to_owned();
            return Err(NetbootError::NeedsDisc { iso: name.clone(), argument });
        }
        Ok(Self { kernel, initrds, arguments: without_files(&entry.arguments, rootfs.is_some()), rootfs })
    }

    /// Takes files that were fetched one by one, and what the kernel is told beside them.
    pub(crate) fn of_artifacts(
        kernel: Image,
        initrds: Vec<Image>,
        rootfs: Option<Image>,
        arguments: &[String],
    ) -> Self {
        Self {
            kernel: Part::whole(kernel),
            initrds: initrds.into_iter().map(Part::whole).collect(),
            arguments: without_files(arguments, rootfs.is_some()),
            rootfs: rootfs.map(Part::whole),
        }
    }

    /// What tells these files and arguments from all others: a digest of theirs.
    #[must_use]
    pub fn sha256(&self) -> Sha256Digest {
        let parts = std::iter::once(&self.kernel).chain(&self.initrds).chain(&self.rootfs);
        let mut all: String =
            parts.map(|part| format!("{} {:?}\n", part.image().sha256, part.range())).collect();
        all.push_str(&self.arguments.join(" "));
        Sha256Digest::of(all.as_bytes())
    }
}

/// The first argument that makes what is booted look for a disc.
fn needs_disc(arguments: &[String], has_rootfs: bool) -> Option<&str> {
    let fetches = has_rootfs || value(arguments, ROOTFS_URL).is_some();
    let looks = |argument: &&String| {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        match name {
            LIVE_ISO => !fetches,
            "inst.stage2" | "inst.repo" => value.starts_with("hd:") || value.starts_with("cdrom"),
            "root" => value.starts_with("live:") && !value.starts_with("live:http"),
            "boot" => value == "casper" || value == "live",
            _ => false,
        }
    };
    arguments.iter().find(looks).map(String::as_str)
}

fn value<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
}

/// The arguments without those that name a file of the menu or the disc, and that are set anew where a root file system is served.
fn without_files(arguments: &[String], has_rootfs: bool) -> Vec<String> {
    let named = |argument: &&String| {
        let name = argument.split_once('=').map_or(argument.as_str(), |(name, _)| name);
        matches!(name, "initrd" | "BOOT_IMAGE" | LIVE_ISO) || (has_rootfs && name == ROOTFS_URL)
    };
    arguments.iter().filter(|argument| !named(argument)).cloned().collect()
}

/// An ISO while it is looked through.
struct Disc<'a> {
    iso: Iso<'a, File>,
    image: &'a Image,
    name: &'a str,
}

impl Disc<'_> {
    /// The first menu that starts a kernel, and its default entry.
    fn menu(&self) -> Result<(&'static str, BootEntry), NetbootError> {
        let menus = GRUB_MENUS.iter().map(|path| (*path, bootmenu::grub as fn(&str) -> _));
        let menus =
            menus.chain(ISOLINUX_MENUS.iter().map(|path| (*path, bootmenu::isolinux as fn(&str) -> _)));
        let mut looked_at = Vec::new();
        for (path, read) in menus {
            let Some(extent) = self.find(path)? else {
                looked_at.push(format!("{path} (not there)"));
                continue;
            };
            let text = self.iso.content(extent, LARGEST_MENU).map_err(|error| self.unread(&error))?;
            match read(&String::from_utf8_lossy(&text)) {
                Some(entry) => return Ok((path, entry)),
                None => looked_at.push(format!("{path} (no kernel)")),
            }
        }
        Err(NetbootError::NoMenu { iso: self.name.to_owned(), looked_at: looked_at.join(", ") })
    }

    fn unread(&self, error: &IsoError) -> NetbootError {
        NetbootError::Iso { iso: self.name.to_owned(), reason: error.to_string() }
    }

    fn find(&self, path: &str) -> Result<Option<Range<u64>>, NetbootError> {
        self.iso.find(path).map_err(|error| self.unread(&error))
    }

    fn part(&self, extent: Option<Range<u64>>) -> Option<Part> {
        Part::of(self.image, extent?)
    }

    /// A file that a menu names: from the disc's root, or from the directory that the menu lies in.
    fn named(&self, menu: &str, path: &str) -> Result<Part, NetbootError> {
        // GRUB's way to say which device: (cd0)/images/vmlinuz.
        let bare =
            path.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(path, |(_, path)| path);
        let beside = menu.rsplit_once('/').map_or("", |(directory, _)| directory);
        let mut found = None;
        if !bare.starts_with('/') {
            found = self.find(&format!("{beside}/{bare}"))?;
        }
        if found.is_none() {
            found = self.find(bare)?;
        }
        self.part(found).ok_or_else(|| NetbootError::NoFile {
            iso: self.name.to_owned(),
            menu: menu.to_owned(),
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(arguments: &str) -> Vec<String> {
        arguments.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments_that_look_for_a_disc_are_found_and_those_that_name_files_left_out() {
        let live =
            owned("a coreos.liveiso=x b initrd=i coreos.live.rootfs_url=http://elsewhere BOOT_IMAGE=k c");
        assert_eq!(without_files(&live, true), owned("a b c"));
        assert_eq!(without_files(&live, false), owned("a b coreos.live.rootfs_url=http://elsewhere c"));
        assert_eq!(needs_disc(&live, false), None);
        assert_eq!(needs_disc(&owned("a coreos.liveiso=x"), true), None);
        for argument in ["coreos.liveiso=x", "inst.stage2=hd:LABEL=x", "root=live:CDLABEL=x", "boot=casper"] {
            assert_eq!(needs_disc(&owned(&format!("a {argument}")), false), Some(argument));
        }
    }
}
