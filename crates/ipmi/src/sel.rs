//! The system event log.

use std::fmt;

use ipmi_rs::storage::{
    sdr::SensorType,
    sel::{Entry, EventDirection},
};
use jiff::Timestamp;
use rackhand_bmc::{ErrorKind, Health, LogEntry};

use crate::command::{Command, netfn, u16_at, u32_at};

/// Names the first record.
pub(crate) const FIRST: u16 = 0x0000;
/// Names the last record, and says that none follows.
pub(crate) const LAST: u16 = 0xFFFF;

/// Get SEL Info.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetSelInfo;

impl Command for GetSelInfo {
    /// How many entries there are.
    type Output = u16;
    const NETFN: u8 = netfn::STORAGE;
    const NUMBER: u8 = 0x40;

    fn name(&self) -> String {
        "IPMI Get SEL Info".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn parse(&self, data: &[u8]) -> Option<u16> {
        u16_at(data, 1)
    }

    fn own_code(code: u8) -> Option<(ErrorKind, &'static str)> {
        erasing(code)
    }
}

/// Get SEL Entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetSelEntry(pub(crate) u16);

/// One record, and which one follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) next: u16,
    pub(crate) bytes: [u8; 16],
}

impl Command for GetSelEntry {
    type Output = Record;
    const NETFN: u8 = netfn::STORAGE;
    const NUMBER: u8 = 0x43;

    fn name(&self) -> String {
        format!("IPMI Get SEL Entry (record 0x{:04X})", self.0)
    }

    fn data(&self) -> Vec<u8> {
        let [low, high] = self.0.to_le_bytes();
        // No reservation: it is only for reading a record in parts.
        vec![0, 0, low, high, 0, 0xFF]
    }

    fn parse(&self, data: &[u8]) -> Option<Record> {
        let bytes: [u8; 16] = data.get(2..18)?.try_into().ok()?;
        Some(Record { next: u16_at(data, 0)?, bytes })
    }

    fn own_code(code: u8) -> Option<(ErrorKind, &'static str)> {
        erasing(code)
    }
}

/// Reserve SEL: what clearing it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReserveSel;

impl Command for ReserveSel {
    type Output = u16;
    const NETFN: u8 = netfn::STORAGE;
    const NUMBER: u8 = 0x42;

    fn name(&self) -> String {
        "IPMI Reserve SEL".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn parse(&self, data: &[u8]) -> Option<u16> {
        u16_at(data, 0)
    }

    fn own_code(code: u8) -> Option<(ErrorKind, &'static str)> {
        erasing(code)
    }
}

/// Clear SEL, under a reservation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClearSel(pub(crate) u16);

impl Command for ClearSel {
    type Output = ();
    const NETFN: u8 = netfn::STORAGE;
    const NUMBER: u8 = 0x47;

    fn name(&self) -> String {
        "IPMI Clear SEL".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        let [low, high] = self.0.to_le_bytes();
        vec![low, high, b'C', b'L', b'R', 0xAA]
    }

    fn parse(&self, _data: &[u8]) -> Option<()> {
        Some(())
    }

    fn own_code(code: u8) -> Option<(ErrorKind, &'static str)> {
        erasing(code)
    }
}

fn erasing(code: u8) -> Option<(ErrorKind, &'static str)> {
    (code == 0x81).then_some((ErrorKind::Busy { retry_after: None }, "the log is being erased"))
}

impl Record {
    pub(crate) fn id(&self) -> u16 {
        u16_at(&self.bytes, 0).unwrap_or(LAST)
    }

    /// The entry that it is. A record of a kind that nobody knows is shown by its bytes.
    pub(crate) fn entry(&self) -> LogEntry {
        let entry = Entry::parse(&self.bytes).ok();
        let (message, severity) = match &entry {
            Some(entry @ Entry::System { .. }) => (Said(entry).to_string(), severity(entry)),
            _ => (format!("record of the manufacturer's own: {}", self.hex()), Health::Unknown),
        };
        let stamped = !matches!(entry, Some(Entry::OemNotTimestamped { .. }) | None);
        let created = if stamped { self.created() } else { None };
        LogEntry { id: self.id().to_string(), created, severity, message, message_id: None }
    }

    /// When it was made. Seconds since the BMC was started, and the mark of no time, are no date.
    fn created(&self) -> Option<Timestamp> {
        let seconds = u32_at(&self.bytes, 3)?;
        let dated = (0x2000_0001..u32::MAX).contains(&seconds);
        dated.then(|| Timestamp::from_second(i64::from(seconds)).ok()).flatten()
    }

    fn hex(&self) -> String {
        let bytes: Vec<String> = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(" ")
    }
}

/// An event in words.
struct Said<'a>(&'a Entry);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry::System { sensor_type, sensor_number, event_direction, event_data, .. } = self.0 else {
            return Ok(());
        };
        let described = Described(self.0).to_string();
        write!(f, "{} sensor 0x{sensor_number:02X}: ", SensorType::from(*sensor_type))?;
        if described.is_empty() {
            write!(f, "event {}", event_data.offset)?;
        } else {
            f.write_str(&described)?;
        }
        f.write_str(match event_direction {
            EventDirection::Assert => "",
            EventDirection::Deassert => " (no longer)",
        })
    }
}

/// What ipmi-rs calls the event, if it has a name for it.
struct Described<'a>(&'a Entry);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.event_description(f)
    }
}

/// How grave an event is, where its type says so: crossing a threshold, and changes of a severity.
fn severity(entry: &Entry) -> Health {
    let Entry::System { event_type, event_direction, event_data, .. } = entry else {
        return Health::Unknown;
    };
    let grave = match (event_type, event_data.offset) {
        (0x01, 0 | 1 | 6 | 7) => Health::Warning,
        (0x01, 2..=5 | 8..=11) => Health::Critical,
        (0x07, 0) => Health::Ok,
        (0x07, 1) => Health::Warning,
        (0x07, 2 | 3) => Health::Critical,
        _ => return Health::Unknown,
    };
    match event_direction {
        EventDirection::Assert => grave,
        EventDirection::Deassert => Health::Ok,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(bytes: [u8; 16]) -> Record {
        Record { next: LAST, bytes }
    }

    #[test]
    fn an_event_is_told_in_words() {
        // A power supply was put in, on 1 January 2026.
        let bytes = [7, 0, 2, 0x00, 0xB9, 0x55, 0x69, 0x20, 0, 4, 8, 0x51, 0x6F, 0, 0xFF, 0xFF];
        let entry = record(bytes).entry();
        assert_eq!(entry.id, "7");
        assert_eq!(entry.message, "Power Supply sensor 0x51: Presence detected");
        assert_eq!(entry.created.unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(entry.severity, Health::Unknown);
    }

    #[test]
    fn a_threshold_says_how_grave_it_is() {
        let hot = [1, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 1, 0x30, 0x01, 0x09, 0, 0];
        let mut over = hot;
        over[12] |= 0x80;
        assert_eq!(record(hot).entry().severity, Health::Critical);
        assert_eq!(record(hot).entry().created, None);
        assert_eq!(record(over).entry().severity, Health::Ok);
        assert!(record(over).entry().message.ends_with(" (no longer)"));
    }

    #[test]
    fn a_record_of_a_manufacturer_keeps_its_bytes() {
        let entry = record([1, 0, 0xE0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]).entry();
        assert!(
            entry.message.ends_with("01 00 e0 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d"),
            "{}",
            entry.message
        );
        assert_eq!(entry.created, None);
    }

    #[test]
    fn requests_have_the_bytes_of_the_specification() {
        assert_eq!(GetSelEntry(0x1234).data(), [0, 0, 0x34, 0x12, 0, 0xFF]);
        assert_eq!(ClearSel(0x0102).data(), [2, 1, b'C', b'L', b'R', 0xAA]);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(data in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = GetSelInfo.parse(&data);
            let _ = ReserveSel.parse(&data);
            if let Some(record) = GetSelEntry(0).parse(&data) {
                prop_assert!(!record.entry().message.is_empty());
            }
        }
    }
}
