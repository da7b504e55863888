//! Where files lie on an ISO: ECMA-119 with Rock Ridge names (SUSP `NM`) and Joliet, read only as far as a path needs it.
//!
//! The crates there are extract files, or panic on damaged ones; what is wanted here are positions, and an answer for any bytes.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt};

/// The unit that positions on the disc are counted in. ECMA-119 knows others; no tool writes them.
const SECTOR: u64 = 2048;

/// Where the volume descriptors begin.
const FIRST_DESCRIPTOR: u64 = 16;

/// How many volume descriptors are looked at; discs have three or four.
const MOST_DESCRIPTORS: u64 = 32;

/// The largest directory that is read: some 40 000 files.
const LARGEST_DIRECTORY: u64 = 8 << 20;

/// How many continuation areas of one file's names are followed.
const MOST_CONTINUATIONS: usize = 4;

/// How many parts a path has at most; more are not looked at.
const MOST_PARTS: usize = 16;

/// What files are read from.
pub(crate) trait ReadAt {
    /// Fills `buffer` from position `at`, or fails.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(buffer, at)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let start = usize::try_from(at).map_err(io::Error::other)?;
        let there = self.get(start..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Why a disc cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IsoError {
    #[error("it has no volume descriptor of an ISO 9660 file system")]
    NoVolume,
    #[error("{what} lies behind its end; it is cut off or damaged")]
    Outside { what: String },
    #[error("the directory {path} has {bytes} bytes, more than is believed")]
    Directory { path: String, bytes: u64 },
    #[error("{path} lies in several places on it, which is not served")]
    Scattered { path: String },
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
}

/// An open disc.
pub(crate) struct Iso<'a, R: ?Sized> {
    reader: &'a R,
    size: u64,
    trees: Vec<Tree>,
}

/// One of the directory trees that a disc has of the same files.
#[derive(Debug, Clone)]
struct Tree {
    root: Range<u64>,
    joliet: bool,
}

/// A directory record, as far as it matters.
#[derive(Debug)]
struct Record {
    extent: Range<u64>,
    directory: bool,
    /// More of the same file follows in the next record.
    continues: bool,
    names: Vec<String>,
}

impl<'a, R: ReadAt + ?Sized> Iso<'a, R> {
    /// Reads the volume descriptors of a disc of `size` bytes.
    pub(crate) fn open(reader: &'a R, size: u64) -> Result<Self, IsoError> {
        let mut trees = Vec::new();
        for at in FIRST_DESCRIPTOR..FIRST_DESCRIPTOR + MOST_DESCRIPTORS {
            let place = at * SECTOR..(at + 1) * SECTOR;
            if place.end > size {
                break;
            }
            let sector = read(reader, size, place, || "a volume descriptor".to_owned())?;
            if sector.get(1..6) != Some(b"CD001") {
                break;
            }
            let joliet = matches!(sector.get(88..91), Some(b"%/@" | b"%/C" | b"%/E"));
            match sector.first() {
                Some(1) => trees.extend(root(&sector, false)),
                Some(2) if joliet => trees.extend(root(&sector, true)),
                Some(255) => break,
                _ => {}
            }
        }
        // Names of Rock Ridge are whole; those of Joliet are cut at 64 characters, so they come second.
        trees.sort_by_key(|tree| tree.joliet);
        if trees.is_empty() { Err(IsoError::NoVolume) } else { Ok(Self { reader, size, trees }) }
    }

    /// Where the file of that path lies; None when there is none. Upper and lower case are the same.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Range<u64>>, IsoError> {
        for tree in &self.trees {
            if let Some(extent) = self.find_in(tree, path)? {
                return Ok(Some(extent));
            }
        }
        Ok(None)
    }

    /// The content of a file of at most `most` bytes, for short ones; a longer one is given as far as that.
    pub(crate) fn content(&self, extent: Range<u64>, most: u64) -> Result<Vec<u8>, IsoError> {
        let end = extent.end.min(extent.start.saturating_add(most));
        read(self.reader, self.size, extent.start..end, || "a file".to_owned())
    }

    fn find_in(&self, tree: &Tree, path: &str) -> Result<Option<Range<u64>>, IsoError> {
        let mut directory = tree.root.clone();
        // A damaged directory may hold itself, so a path's length is the only end there is.
        let mut parts = path.split('/').filter(|part| !part.is_empty()).take(MOST_PARTS).peekable();
        while let Some(part) = parts.next() {
            let Some(found) = self.entry(&directory, tree.joliet, part, path)? else { return Ok(None) };
            match (found.directory, parts.peek()) {
                (true, Some(_)) => directory = found.extent,
                (false, None) => return Ok(Some(found.extent)),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The entry of a directory that has that name, with the extents of a file in several sections made one.
    fn entry(
        &self,
        directory: &Range<u64>,
        joliet: bool,
        name: &str,
        path: &str,
    ) -> Result<Option<Record>, IsoError> {
        let bytes = directory.end.saturating_sub(directory.start);
        if bytes > LARGEST_DIRECTORY {
            return Err(IsoError::Directory { path: path.to_owned(), bytes });
        }
        let content = read(self.reader, self.size, directory.clone(), || format!("the directory of {path}"))?;
        let mut found: Option<Record> = None;
        for raw in records(&content) {
            let Some(record) = self.record(raw, joliet) else { continue };
            match &mut found {
                None if record.names.iter().any(|own| own.eq_ignore_ascii_case(name)) => found = Some(record),
                None => {}
                Some(file) if file.continues => {
                    if record.extent.start != file.extent.end {
                        return Err(IsoError::Scattered { path: path.to_owned() });
                    }
                    file.extent.end = record.extent.end;
                    file.continues = record.continues;
                }
                Some(_) => break,
            }
        }
        match &found {
            Some(file) if file.extent.end > self.size => Err(IsoError::Outside { what: path.to_owned() }),
            _ => Ok(found),
        }
    }

    fn record(&self, raw: &[u8], joliet: bool) -> Option<Record> {
        let flags = raw.get(25)?;
        let length = usize::from(*raw.get(32)?);
        let identifier = raw.get(33..33 + length)?;
        if matches!(identifier, [0] | [1]) {
            // The directory itself and its parent.
            return None;
        }
        let mut names = Vec::new();
        if joliet {
            let units =
                identifier.chunks_exact(2).filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
            names.push(plain(&String::from_utf16_lossy(&units.collect::<Vec<_>>())));
        } else {
            // An identifier of even length is followed by a byte that makes the record's length even.
            let system_use =
                raw.get(33 + length + usize::from(length.is_multiple_of(2))..).unwrap_or_default();
            names.extend(self.rock_ridge(system_use));
            names.push(plain(&String::from_utf8_lossy(identifier)));
        }
        Some(Record { extent: extent(raw)?, directory: flags & 2 != 0, continues: flags & 0x80 != 0, names })
    }

    /// The name in the `NM` fields of a system use area and of the areas that continue it.
    fn rock_ridge(&self, area: &[u8]) -> Option<String> {
        let (mut name, mut there) = (Vec::new(), false);
        let mut area = area.to_vec();
        for _ in 0..=MOST_CONTINUATIONS {
            let mut rest: &[u8] = &area;
            let mut next = None;
            while let [kind, of, length, _, ..] = rest {
                let Some((field, after)) = rest.split_at_checked(usize::from(*length).max(4)) else { break };
                match [*kind, *of] {
                    [b'N', b'M'] => {
                        there = true;
                        name.extend_from_slice(field.get(5..).unwrap_or_default());
                    }
                    [b'C', b'E'] => next = continuation(field),
                    [b'S', b'T'] => break,
                    _ => {}
                }
                rest = after;
            }
            let Some(next) = next else { break };
            area = read(self.reader, self.size, next, String::new).ok()?;
        }
        there.then(|| String::from_utf8_lossy(&name).into_owned())
    }
}

/// The name without its version, and without the dot that a name without an end has.
fn plain(identifier: &str) -> String {
    let name = identifier.split_once(';').map_or(identifier, |(name, _)| name);
    name.strip_suffix('.').unwrap_or(name).to_owned()
}

/// The records of a directory. None goes over a sector's end; the rest of a sector is zeros.
fn records(directory: &[u8]) -> impl Iterator<Item = &[u8]> {
    directory.chunks(SECTOR as usize).flat_map(|sector| {
        let mut rest = sector;
        std::iter::from_fn(move || {
            let length = usize::from(*rest.first()?);
            let (record, after) = rest.split_at_checked(length).filter(|_| length > 33)?;
            rest = after;
            Some(record)
        })
    })
}

fn root(descriptor: &[u8], joliet: bool) -> Option<Tree> {
    Some(Tree { root: extent(descriptor.get(156..190)?)?, joliet })
}

/// Where a record's content lies. Numbers stand there in both byte orders; the first is read.
fn extent(record: &[u8]) -> Option<Range<u64>> {
    let start = number(record, 2)? * SECTOR;
    Some(start..start + number(record, 10)?)
}

fn continuation(field: &[u8]) -> Option<Range<u64>> {
    let start = number(field, 4)? * SECTOR + number(field, 12)?;
    // An area lies within one sector.
    Some(start..start + number(field, 20)?.min(SECTOR))
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u64::from(u32::from_le_bytes(four)))
}

fn read<R: ReadAt + ?Sized>(
    reader: &R,
    size: u64,
    place: Range<u64>,
    what: impl FnOnce() -> String,
) -> Result<Vec<u8>, IsoError> {
    if place.end > size {
        return Err(IsoError::Outside { what: what() });
    }
    let length = usize::try_from(place.end.saturating_sub(place.start)).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    reader.read_at(&mut bytes, place.start)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(identifier: &[u8], sector: u32, size: u32, flags: u8) -> Vec<u8> {
        let mut record = vec![0; 33 + identifier.len() + usize::from(identifier.len().is_multiple_of(2))];
        record[0] = record.len() as u8;
        record[2..6].copy_from_slice(&sector.to_le_bytes());
        record[10..14].copy_from_slice(&size.to_le_bytes());
        record[25] = flags;
        record[32] = identifier.len() as u8;
        record[33..33 + identifier.len()].copy_from_slice(identifier);
        record
    }

    /// A disc of 32 sectors whose only directory, in sector 20, has these records.
    fn disc(records: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0; 32 * SECTOR as usize];
        let mut put = |at: usize, content: &[u8]| bytes[at..at + content.len()].copy_from_slice(content);
        put(16 * 2048, b"\x01CD001\x01");
        put(16 * 2048 + 156, &record(&[0], 20, 2048, 2));
        put(17 * 2048, b"\xffCD001\x01");
        put(20 * 2048, &records.concat());
        bytes
    }

    fn find(bytes: &[u8], path: &str) -> Result<Option<Range<u64>>, String> {
        let iso = Iso::open(bytes, bytes.len() as u64).map_err(|error| error.to_string())?;
        iso.find(path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_in_several_sections_is_one_if_they_follow_each_other() {
        let big = |second| {
            disc(&[
                record(b"BIG.IMG;1", 22, 4096, 0x80),
                record(b"BIG.IMG;1", second, 100, 0),
                record(b"X.;1", 30, 1, 0),
            ])
        };
        assert_eq!(find(&big(24), "/big.img"), Ok(Some(22 * 2048..24 * 2048 + 100)));
        assert_eq!(find(&big(24), "x"), Ok(Some(30 * 2048..30 * 2048 + 1)));
        assert_eq!(
            find(&big(26), "big.img"),
            Err("big.img lies in several places on it, which is not served".to_owned())
        );
    }

    #[test]
    fn directories_that_hold_themselves_or_lie_outside_end() {
        let loops = disc(&[record(b"A", 20, 2048, 2), record(b"F.;1", 21, 5, 0)]);
        assert_eq!(find(&loops, "/a/a/a/f"), Ok(Some(21 * 2048..21 * 2048 + 5)));
        assert_eq!(find(&loops, &"a/".repeat(100_000)), Ok(None));
        assert_eq!(find(&loops, "/f/f"), Ok(None));
        assert_eq!(find(&loops, "/a"), Ok(None), "a directory is no file");
        let outside =
            disc(&[record(b"A", 31, 4096, 2), record(b"F.;1", 31, 2049, 0), record(b"H", 20, u32::MAX, 2)]);
        for path in ["/a/f", "/f", "/h/x"] {
            assert!(find(&outside, path).unwrap_err().contains("lies behind its end"), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_directory_is_read_or_refused(content in prop::collection::vec(any::<u8>(), 0..2048), sizes in prop::collection::vec(30_u8..60, 0..40)) {
            let mut bytes = disc(&[content]);
            // Lengths that fit, so that more than the first record is looked at.
            let mut at = 20 * 2048;
            for size in sizes {
                bytes[at] = size;
                at += usize::from(size);
            }
            for path in ["a", "a/b", ""] {
                if let Ok(Some(extent)) = find(&bytes, path) {
                    prop_assert!(extent.start <= extent.end && extent.end <= bytes.len() as u64);
                }
            }
        }

        #[test]
        fn any_bytes_are_no_disc_or_one(bytes in prop::collection::vec(any::<u8>(), 0..6000), at in 0..3000_usize) {
            let mut disc = vec![0; 16 * 2048];
            disc.extend(&bytes);
            if let Some(mark) = disc.get_mut(16 * 2048 + at..16 * 2048 + at + 6) {
                mark.copy_from_slice(b"\x01CD001");
            }
            let _ = find(&disc, "a/b");
        }
    }
}
