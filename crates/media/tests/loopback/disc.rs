//! Writes small ISO 9660 discs, with the names that a test wants.

use std::collections::BTreeMap;

/// Which names a disc has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Those of ECMA-119 alone: upper case, with a version.
    Plain,
    /// Rock Ridge beside shortened ones.
    RockRidge,
    /// The same, with the second half of each name in a continuation area.
    Continued,
    /// A Joliet tree beside shortened names.
    Joliet,
}

const SECTOR: usize = 2048;

/// A directory while its place is looked for: its files and directories by name.
#[derive(Default)]
struct Node {
    directories: BTreeMap<String, Node>,
    files: BTreeMap<String, Vec<u8>>,
}

/// A disc of these files, and where each of them lies.
pub(crate) fn disc(names: Names, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut root = Node::default();
    for (path, content) in files {
        let mut node = &mut root;
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let name = parts.pop().unwrap();
        for part in parts {
            node = node.directories.entry(part.to_owned()).or_default();
        }
        node.files.insert(name.to_owned(), content.to_vec());
    }
    let mut bytes = vec![0; 19 * SECTOR];
    // Contents first, once, for both trees.
    let mut places = BTreeMap::new();
    contents(&root, "", &mut bytes, &mut places);
    let plain = tree(&root, "", names, false, &mut bytes, &places);
    descriptor(&mut bytes, 16, 1, b"", &plain);
    if names == Names::Joliet {
        let joliet = tree(&root, "", names, true, &mut bytes, &places);
        descriptor(&mut bytes, 17, 2, b"%/E", &joliet);
    } else {
        // A boot record, which every bootable disc has there.
        descriptor(&mut bytes, 17, 0, b"", &plain);
    }
    descriptor(&mut bytes, 18, 255, b"", &plain);
    bytes
}

fn descriptor(bytes: &mut [u8], sector: usize, kind: u8, escape: &[u8], root: &[u8]) {
    let at = sector * SECTOR;
    bytes[at] = kind;
    bytes[at + 1..at + 7].copy_from_slice(b"CD001\x01");
    bytes[at + 88..at + 88 + escape.len()].copy_from_slice(escape);
    bytes[at + 156..at + 156 + root.len()].copy_from_slice(root);
}

type Places = BTreeMap<String, (usize, usize)>;

fn contents(node: &Node, path: &str, bytes: &mut Vec<u8>, places: &mut Places) {
    for (name, content) in &node.files {
        places.insert(format!("{path}/{name}"), (bytes.len() / SECTOR, content.len()));
        bytes.extend(content);
        pad(bytes);
    }
    for (name, directory) in &node.directories {
        contents(directory, &format!("{path}/{name}"), bytes, places);
    }
}

/// Writes a directory behind those below it, and gives the record that stands for it in its parent.
fn tree(
    node: &Node,
    path: &str,
    names: Names,
    joliet: bool,
    bytes: &mut Vec<u8>,
    places: &Places,
) -> Vec<u8> {
    let mut entries = vec![record(&[0], 0, SECTOR, true, &[]), record(&[1], 0, SECTOR, true, &[])];
    let mut used = Vec::new();
    for (name, directory) in &node.directories {
        let below = tree(directory, &format!("{path}/{name}"), names, joliet, bytes, places);
        let (sector, size) = (number(&below, 2), number(&below, 10));
        entries.push(named(name, sector, size, true, names, joliet, &mut used, bytes));
    }
    for name in node.files.keys() {
        let (sector, size) = places[&format!("{path}/{name}")];
        entries.push(named(name, sector, size, false, names, joliet, &mut used, bytes));
    }
    let sector = bytes.len() / SECTOR;
    for entry in entries {
        if bytes.len() % SECTOR + entry.len() > SECTOR {
            pad(bytes);
        }
        bytes.extend(entry);
    }
    pad(bytes);
    record(&[0], sector, bytes.len() - sector * SECTOR, true, &[])
}

#[allow(clippy::too_many_arguments, reason = "a record has as many fields")]
fn named(
    name: &str,
    sector: usize,
    size: usize,
    directory: bool,
    names: Names,
    joliet: bool,
    used: &mut Vec<String>,
    bytes: &mut Vec<u8>,
) -> Vec<u8> {
    if joliet {
        let mut wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        if !directory {
            wide.extend(";1".encode_utf16().flat_map(u16::to_be_bytes));
        }
        return record(&wide, sector, size, directory, &[]);
    }
    let mut plain = name.to_uppercase();
    if names != Names::Plain {
        // As discs shorten names: something else altogether.
        plain = format!("N{:07}", used.len());
    }
    used.push(plain.clone());
    if !directory {
        plain = if plain.contains('.') { format!("{plain};1") } else { format!("{plain}.;1") };
    }
    record(plain.as_bytes(), sector, size, directory, &system_use(name, names, bytes))
}

fn system_use(name: &str, names: Names, bytes: &mut Vec<u8>) -> Vec<u8> {
    let mode = [b"PX".as_slice(), &[8, 1, 0, 0, 0, 0]].concat();
    let part = |part: &str, goes_on: u8| {
        [b"NM".as_slice(), &[part.len() as u8 + 5, 1, goes_on], part.as_bytes()].concat()
    };
    match names {
        Names::Plain | Names::Joliet => Vec::new(),
        Names::RockRidge => [mode, part(name, 0)].concat(),
        Names::Continued => {
            let (first, second) = name.split_at(name.len() / 2);
            let area = part(second, 0);
            let sector = bytes.len() / SECTOR;
            let mut continuation = [b"CE".as_slice(), &[28, 1]].concat();
            for value in [sector, 0, area.len()] {
                continuation.extend(both(value));
            }
            bytes.extend(area);
            pad(bytes);
            [mode, part(first, 1), continuation].concat()
        }
    }
}

fn record(identifier: &[u8], sector: usize, size: usize, directory: bool, system_use: &[u8]) -> Vec<u8> {
    let mut record = vec![0, 0];
    record.extend(both(sector));
    record.extend(both(size));
    record.extend([0; 7]);
    record.extend([if directory { 2 } else { 0 }, 0, 0, 1, 0, 0, 1, identifier.len() as u8]);
    record.extend(identifier);
    if identifier.len().is_multiple_of(2) {
        record.push(0);
    }
    record.extend(system_use);
    if record.len() % 2 == 1 {
        record.push(0);
    }
    record[0] = record.len() as u8;
    record
}

fn both(value: usize) -> [u8; 8] {
    let value = value as u32;
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&value.to_le_bytes());
    bytes[4..].copy_from_slice(&value.to_be_bytes());
    bytes
}

fn number(record: &[u8], at: usize) -> usize {
    u32::from_le_bytes(record[at..at + 4].try_into().unwrap()) as usize
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
}
