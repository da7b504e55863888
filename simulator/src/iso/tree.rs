//! The files and directories of an image that is to be written.

use super::write::{record, sectors};
use super::{IsoError, SECTOR, put};

/// A directory with its place in the image.
#[derive(Debug)]
struct Directory {
    /// Its path without a slash at either end; empty for the root.
    path: String,
    /// The number of the directory that it is in, from 0; the root is in itself.
    parent: usize,
    sector: usize,
}

/// Everything below the root, with a place in the image for each.
pub(super) struct Tree<'f> {
    directories: Vec<Directory>,
    files: Vec<(&'f str, &'f [u8], usize)>,
    /// The first sector behind all of it.
    pub(super) end: usize,
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Level 1 of ECMA-119: eight letters, digits and `_`, for a file a dot and three of them more.
fn check(path: &str) -> Result<(), IsoError> {
    let word = |word: &str, longest| {
        let plain = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
        word.len() <= longest && word.chars().all(plain)
    };
    let (directory, file) = split(path);
    let (name, extension) = file.split_once('.').unwrap_or((file, ""));
    let well = word(name, 8)
        && word(extension, 3)
        && !name.is_empty()
        && (directory.is_empty() || directory.split('/').all(|one| !one.is_empty() && word(one, 8)));
    // The root is a level of its own.
    if well && path.split('/').count() <= 8 {
        Ok(())
    } else {
        Err(IsoError::Write(format!("{path:?} is no path of 8.3 names, at most eight deep")))
    }
}

impl<'f> Tree<'f> {
    /// Places directories, the root in sector `root` and the others from `first` on, and behind them the files.
    pub(super) fn new(files: &'f [(String, Vec<u8>)], root: usize, first: usize) -> Result<Self, IsoError> {
        for (path, _) in files {
            check(path)?;
        }
        let mut tree = Self { directories: Vec::new(), files: Vec::new(), end: first };
        tree.directories.push(Directory { path: String::new(), parent: 0, sector: root });
        tree.add_directories(files);
        let mut sorted: Vec<_> = files.iter().collect();
        sorted.sort();
        for (path, content) in sorted {
            let taken = tree.files.iter().any(|(other, ..)| other == path)
                || tree.directories.iter().any(|directory| directory.path == *path);
            if taken {
                return Err(IsoError::Write(format!("{path:?} is there twice")));
            }
            tree.files.push((path, content, tree.end));
            tree.end += sectors(content.len());
        }
        Ok(tree)
    }

    /// Level by level, and within a level by the number of what they are in and by name, as the path table has them.
    fn add_directories(&mut self, files: &[(String, Vec<u8>)]) {
        let mut paths: Vec<&str> = Vec::new();
        for (path, _) in files {
            let ends = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
            paths.extend(ends);
        }
        paths.sort_unstable();
        paths.dedup();
        let mut level: Vec<_> =
            paths.iter().filter(|path| !path.contains('/')).map(|path| (0, *path)).collect();
        while !level.is_empty() {
            let mut next = Vec::new();
            for (parent, path) in level {
                let own = self.directories.len();
                self.directories.push(Directory { path: path.to_owned(), parent, sector: self.end });
                self.end += 1;
                next.extend(paths.iter().filter(|below| split(below).0 == path).map(|below| (own, *below)));
            }
            level = next;
        }
    }

    /// Writes all of it into the image.
    pub(super) fn write(&self, image: &mut [u8]) -> Result<(), IsoError> {
        for (number, directory) in self.directories.iter().enumerate() {
            let sector = self.records(number, directory)?;
            put(image, directory.sector * SECTOR, &sector);
        }
        for (_, content, sector) in &self.files {
            put(image, sector * SECTOR, content);
        }
        Ok(())
    }

    fn records(&self, number: usize, own: &Directory) -> Result<Vec<u8>, IsoError> {
        let parent = self.directories.get(own.parent).map_or(own.sector, |parent| parent.sector);
        let mut bytes = record(&[0], own.sector, SECTOR, true)?;
        bytes.extend(record(&[1], parent, SECTOR, true)?);
        let mut entries = Vec::new();
        for below in self.directories.iter().skip(1).filter(|below| below.parent == number) {
            let name = split(&below.path).1;
            entries.push((name.to_owned(), record(name.as_bytes(), below.sector, SECTOR, true)?));
        }
        for (path, content, sector) in self.files.iter().filter(|(path, ..)| split(path).0 == own.path) {
            let name = split(path).1;
            let dot = if name.contains('.') { "" } else { "." };
            let name = format!("{name}{dot};1");
            entries.push((name.clone(), record(name.as_bytes(), *sector, content.len(), false)?));
        }
        entries.sort();
        bytes.extend(entries.into_iter().flat_map(|(_, record)| record));
        if bytes.len() > SECTOR {
            return Err(IsoError::Write(format!("the directory \"/{}\" is longer than a sector", own.path)));
        }
        Ok(bytes)
    }

    /// The path table, in one byte order.
    pub(super) fn path_table(
        &self,
        long: fn(u32) -> [u8; 4],
        short: fn(u16) -> [u8; 2],
    ) -> Result<Vec<u8>, IsoError> {
        let too_many = || IsoError::Write("the path table is longer than a sector".into());
        let mut table = Vec::new();
        for directory in &self.directories {
            let name = split(&directory.path).1.as_bytes();
            let name = if name.is_empty() { &[0] } else { name };
            table.extend([u8::try_from(name.len()).map_err(|_| too_many())?, 0]);
            table.extend(long(u32::try_from(directory.sector).map_err(|_| too_many())?));
            table.extend(short(u16::try_from(directory.parent + 1).map_err(|_| too_many())?));
            table.extend(name);
            if name.len() % 2 == 1 {
                table.push(0);
            }
        }
        if table.len() > SECTOR { Err(too_many()) } else { Ok(table) }
    }
}
