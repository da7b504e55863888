//! The FRU inventory of the machine: who made it, what it is called, its serial number.

use crate::command::{Command, netfn, u16_at};

/// The FRU device that every management controller keeps for the machine itself.
const MACHINE: u8 = 0;
/// How much is read at once: every BMC takes so much.
pub(crate) const PART: u16 = 16;

/// Get FRU Inventory Area Info.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetFruInfo;

/// How large the inventory is, and how it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FruInfo {
    pub(crate) size: u16,
    /// Offsets and counts are in words of two bytes.
    pub(crate) words: bool,
}

impl Command for GetFruInfo {
    type Output = FruInfo;
    const NETFN: u8 = netfn::STORAGE;
    const NUMBER: u8 = 0x10;

    fn name(&self) -> String {
        "IPMI Get FRU Inventory Area Info".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        vec![MACHINE]
    }

    fn parse(&self, data: &[u8]) -> Option<FruInfo> {
        Some(FruInfo { size: u16_at(data, 0)?, words: data.get(2)? & 1 != 0 })
    }
}

/// Read FRU Data: a part of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadFru {
    pub(crate) offset: u16,
    pub(crate) count: u8,
    pub(crate) words: bool,
}

impl Command for ReadFru {
    type Output = Vec<u8>;
    const NETFN: u8 = netfn::STORAGE;
    const NUMBER: u8 = 0x11;

    fn name(&self) -> String {
        format!("IPMI Read FRU Data (from byte {})", self.offset)
    }

    fn data(&self) -> Vec<u8> {
        let unit = if self.words { 2 } else { 1 };
        let [low, high] = (self.offset / unit).to_le_bytes();
        vec![MACHINE, low, high, self.count / if self.words { 2 } else { 1 }]
    }

    fn parse(&self, data: &[u8]) -> Option<Vec<u8>> {
        let (_count, bytes) = data.split_first()?;
        (!bytes.is_empty() && bytes.len() <= usize::from(self.count)).then(|| bytes.to_vec())
    }
}

/// What the inventory says of the machine. A part that is missing, or does not add up, is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fru {
    pub(crate) manufacturer: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) serial: Option<String>,
}

impl Fru {
    /// Reads an inventory. The product's area says who the machine is; the board's stands in where it is
    /// silent.
    pub(crate) fn parse(data: &[u8]) -> Self {
        let Some(header) = data.get(..8) else { return Self::default() };
        let adds_up = header.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0;
        if !adds_up || header.first().is_none_or(|version| version & 0x0F != 1) {
            return Self::default();
        }
        let area = |at: usize| {
            let start = usize::from(*header.get(at)?) * 8;
            if start == 0 { None } else { data.get(start..) }
        };
        // Behind version, length and language; the board's has its date first.
        let board = area(3).map(|area| fields(area, 6)).unwrap_or_default();
        let product = area(4).map(|area| fields(area, 3)).unwrap_or_default();
        let text = |of: &[Option<String>], at: usize| of.get(at).cloned().flatten();
        Self {
            manufacturer: text(&product, 0).or_else(|| text(&board, 0)),
            model: text(&product, 1).or_else(|| text(&board, 1)),
            serial: text(&product, 4).or_else(|| text(&board, 2)),
        }
    }
}

/// The fields of an area, which begin at `at`, up to its end or the mark of it.
fn fields(area: &[u8], at: usize) -> Vec<Option<String>> {
    let length = area.get(1).map_or(0, |eights| usize::from(*eights) * 8);
    let mut rest = area.get(..length.min(area.len())).and_then(|area| area.get(at..)).unwrap_or_default();
    let mut found = Vec::new();
    while let Some((&kind, after)) = rest.split_first() {
        if kind == 0xC1 {
            break;
        }
        let Some((bytes, after)) = after.split_at_checked(usize::from(kind & 0x3F)) else { break };
        found.push(text(kind >> 6, bytes));
        rest = after;
    }
    found
}

/// A field's text by its type, or the name of a sensor: numbers, packed letters, or plain ones. Bytes that
/// mean something else are none.
pub(crate) fn text(kind: u8, bytes: &[u8]) -> Option<String> {
    let text: String = match kind {
        1 => bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).filter_map(bcd).collect(),
        2 => packed(bytes),
        3 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => return None,
    };
    let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn bcd(digit: u8) -> Option<char> {
    match digit {
        0..=9 => Some(char::from(b'0' + digit)),
        10 => Some(' '),
        11 => Some('-'),
        12 => Some('.'),
        _ => None,
    }
}

/// Letters of six bits, the lowest first.
fn packed(bytes: &[u8]) -> String {
    let mut letters = String::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in bytes {
        bits |= u32::from(*byte) << held;
        held += 8;
        while held >= 6 {
            letters.push(char::from(b' ' + (bits & 0x3F) as u8));
            bits >>= 6;
            held -= 6;
        }
    }
    letters
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An inventory with a board and a product, as a BMC would hold it.
    pub(crate) fn inventory() -> Vec<u8> {
        fn area(mut head: Vec<u8>, fields: &[&str]) -> Vec<u8> {
            for field in fields {
                head.push(0xC0 | u8::try_from(field.len()).unwrap());
                head.extend(field.bytes());
            }
            head.push(0xC1);
            while head.len() % 8 != 7 {
                head.push(0);
            }
            head[1] = u8::try_from(head.len().div_ceil(8)).unwrap();
            let sum = head.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
            head.push(0u8.wrapping_sub(sum));
            head
        }
        let board = area(vec![1, 0, 25, 0, 0, 0], &["Board maker", "Board X", "B-1", "P-1"]);
        let product = area(vec![1, 0, 25], &["Rack maker", "Model 7", "", "10", "SN-0007"]);
        let mut header = vec![1, 0, 0, 1, u8::try_from(1 + board.len() / 8).unwrap(), 0, 0];
        let sum = header.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        header.push(0u8.wrapping_sub(sum));
        [header, board, product].concat()
    }

    #[test]
    fn the_product_says_who_the_machine_is() {
        let fru = Fru::parse(&inventory());
        assert_eq!(fru.manufacturer.as_deref(), Some("Rack maker"));
        assert_eq!(fru.model.as_deref(), Some("Model 7"));
        assert_eq!(fru.serial.as_deref(), Some("SN-0007"));
    }

    #[test]
    fn the_board_stands_in_for_a_product_that_is_not_there() {
        let mut data = inventory();
        data[7] = data[7].wrapping_add(data[4]);
        data[4] = 0;
        let fru = Fru::parse(&data);
        assert_eq!((fru.model.as_deref(), fru.serial.as_deref()), (Some("Board X"), Some("B-1")));
        data[7] ^= 1;
        assert_eq!(Fru::parse(&data), Fru::default(), "a header that does not add up");
    }

    #[test]
    fn every_kind_of_text_is_read() {
        assert_eq!(text(1, &[0x12, 0xB3, 0xC4]).as_deref(), Some("12-3.4"));
        assert_eq!(text(2, &[0x29, 0xDC, 0xA6]).as_deref(), Some("IPMI"));
        assert_eq!(text(3, b" plain \0").as_deref(), Some("plain"));
        assert_eq!(text(0, b"binary"), None);
    }

    #[test]
    fn parts_are_asked_for_in_the_units_of_the_device() {
        assert_eq!(ReadFru { offset: 0x120, count: 16, words: false }.data(), [0, 0x20, 0x01, 16]);
        assert_eq!(ReadFru { offset: 0x120, count: 16, words: true }.data(), [0, 0x90, 0x00, 8]);
    }

    proptest! {
        #[test]
        fn any_inventory_is_read_without_panic(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Fru::parse(&data);
            let _ = GetFruInfo.parse(&data);
            let _ = ReadFru { offset: 0, count: 16, words: false }.parse(&data);
        }

        #[test]
        fn an_inventory_with_one_byte_changed_is_read_without_panic(at in 0usize..100, to: u8) {
            let mut data = inventory();
            let length = data.len();
            data[at % length] = to;
            let _ = Fru::parse(&data);
        }
    }
}
