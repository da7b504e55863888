//! Sensor data records, and the readings that they explain.

use rackhand_bmc::{Health, Sensor, SensorKind};

use crate::{
    command::{Command, netfn, u16_at},
    fru,
};

/// Reserve SDR Repository: what reading a record in parts takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReserveSdr;

impl Command for ReserveSdr {
    type Output = u16;
    const NETFN: u8 = netfn::STORAGE;
    const NUMBER: u8 = 0x22;

    fn name(&self) -> String {
        "IPMI Reserve SDR Repository".to_owned()
    }

    fn data(&self) -> Vec<u8> {
        Vec::new()
    }

    fn parse(&self, data: &[u8]) -> Option<u16> {
        u16_at(data, 0)
    }
}

/// Get SDR: a record, or a part of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetSdr {
    pub(crate) reservation: u16,
    pub(crate) record: u16,
    pub(crate) offset: u8,
    pub(crate) count: u8,
}

impl GetSdr {
    /// All of a record at once.
    pub(crate) fn whole(record: u16) -> Self {
        Self { reservation: 0, record, offset: 0, count: 0xFF }
    }
}

/// What was read, and which record follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) next: u16,
    pub(crate) bytes: Vec<u8>,
}

impl Command for GetSdr {
    type Output = Part;
    const NETFN: u8 = netfn::STORAGE;
    const NUMBER: u8 = 0x23;

    fn name(&self) -> String {
        format!("IPMI Get SDR (record 0x{:04X})", self.record)
    }

    fn data(&self) -> Vec<u8> {
        let (reservation, record) = (self.reservation.to_le_bytes(), self.record.to_le_bytes());
        [&reservation[..], &record, &[self.offset, self.count]].concat()
    }

    fn parse(&self, data: &[u8]) -> Option<Part> {
        Some(Part { next: u16_at(data, 0)?, bytes: data.get(2..)?.to_vec() })
    }
}

/// Get Sensor Reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetSensorReading(pub(crate) u8);

/// What a sensor shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The raw value, while there is one.
    value: Option<u8>,
    /// States, or thresholds that were crossed.
    states: u8,
}

impl Command for GetSensorReading {
    type Output = Reading;
    const NETFN: u8 = netfn::SENSOR;
    const NUMBER: u8 = 0x2D;

    fn name(&self) -> String {
        format!("IPMI Get Sensor Reading (sensor 0x{:02X})", self.0)
    }

    fn data(&self) -> Vec<u8> {
        vec![self.0]
    }

    fn parse(&self, data: &[u8]) -> Option<Reading> {
        let (value, flags) = (*data.first()?, *data.get(1)?);
        // Scanned, and not in the middle of becoming available.
        let there = flags & 0x40 != 0 && flags & 0x20 == 0;
        let states = if there { data.get(2).copied().unwrap_or(0) } else { 0 };
        Some(Reading { value: there.then_some(value), states })
    }
}

/// A sensor's record: what it is called, what it measures, how its readings are computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SensorRecord {
    pub(crate) number: u8,
    pub(crate) name: String,
    kind: u8,
    thresholds: bool,
    unit: Option<&'static str>,
    formula: Option<Formula>,
}

/// How a raw value becomes a reading: (m·x + b) · 10^exponent.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Formula {
    format: u8,
    m: f64,
    b: f64,
    exponent: i32,
}

const FULL: u8 = 0x01;
const COMPACT: u8 = 0x02;
const POWER_SUPPLY: u8 = 0x08;

impl SensorRecord {
    /// Reads a record. None for one that is no sensor of the controller's own first unit, the only one that
    /// is asked, and for sensors that neither measure anything nor are a power supply.
    pub(crate) fn parse(record: &[u8]) -> Option<Self> {
        let at = |index: usize| record.get(index).copied();
        let kind = at(3)?;
        let string = match kind {
            FULL => 47,
            COMPACT => 31,
            _ => return None,
        };
        let ours = at(5)? == 0x20 && at(6)? == 0;
        let (number, sensor, thresholds) = (at(7)?, at(12)?, at(13)? == 0x01);
        let (units, base) = (at(20)?, at(21)?);
        let formula = if kind == FULL && units >> 6 != 3 { Formula::parse(record, units >> 6) } else { None };
        let measures = formula.is_some();
        let wanted = ours && (measures || (sensor == POWER_SUPPLY && !thresholds));
        let name = name(record.get(string..)?).unwrap_or_else(|| format!("sensor 0x{number:02X}"));
        let unit = if units & 1 != 0 { Some("%") } else { unit(base) };
        wanted.then_some(Self { number, name, kind: sensor, thresholds, unit, formula })
    }

    /// The sensor with what it shows.
    pub(crate) fn sensor(&self, seen: Reading) -> Sensor {
        let reading = self.formula.zip(seen.value).map(|(formula, value)| formula.apply(value));
        let kind = match (self.kind, self.unit) {
            (0x01, _) => SensorKind::Temperature,
            (0x04, _) => SensorKind::Fan,
            (_, Some("W")) => SensorKind::Power,
            (0x02, _) => SensorKind::Voltage,
            (POWER_SUPPLY, _) => SensorKind::PowerSupply,
            _ => SensorKind::Other,
        };
        let unit = self.formula.and(self.unit).map(str::to_owned);
        Sensor { name: self.name.clone(), kind, reading, unit, health: self.health(seen) }
    }

    fn health(&self, seen: Reading) -> Health {
        let has = |bits: u8| seen.states & bits != 0;
        match seen.value {
            None => Health::Unknown,
            // Above or below critical or worse; above or below what is normal.
            Some(_) if self.thresholds && has(0b0011_0110) => Health::Critical,
            Some(_) if self.thresholds && has(0b0000_1001) => Health::Warning,
            Some(_) if self.thresholds => Health::Ok,
            // Failed, or without input; about to fail; there.
            Some(_) if self.kind == POWER_SUPPLY && has(0b1010) => Health::Critical,
            Some(_) if self.kind == POWER_SUPPLY && has(0b0100) => Health::Warning,
            Some(_) if self.kind == POWER_SUPPLY && has(0b0001) => Health::Ok,
            Some(_) => Health::Unknown,
        }
    }
}

impl Formula {
    fn parse(record: &[u8], format: u8) -> Option<Self> {
        let at = |index: usize| record.get(index).copied();
        // Readings that are no straight line are not computed: a wrong figure is worse than none.
        if at(23)? & 0x7F != 0 {
            return None;
        }
        let m = ten_bits(at(24)?, at(25)?);
        let b = ten_bits(at(26)?, at(27)?);
        let exponents = at(29)?;
        let b = f64::from(b) * 10f64.powi(four_bits(exponents & 0x0F));
        Some(Self { format, m: f64::from(m), b, exponent: four_bits(exponents >> 4) })
    }

    fn apply(self, raw: u8) -> f64 {
        let value = match self.format {
            // Signed in ones' complement, where 0xFF is a zero too, and in two's.
            1 if raw & 0x80 != 0 => -f64::from(!raw),
            2 => f64::from(raw.cast_signed()),
            _ => f64::from(raw),
        };
        let exact = (self.m * value + self.b) * 10f64.powi(self.exponent);
        // As many digits as the formula has; the rest is binary arithmetic.
        (exact * 1e6).round() / 1e6
    }
}

fn ten_bits(low: u8, high: u8) -> i16 {
    let bits = i16::from(low) | (i16::from(high >> 6) << 8);
    if bits >= 0x200 { bits - 0x400 } else { bits }
}

fn four_bits(bits: u8) -> i32 {
    let bits = i32::from(bits);
    if bits >= 8 { bits - 16 } else { bits }
}

/// A record's name. What is of no kind that has letters is meant as Unicode.
fn name(string: &[u8]) -> Option<String> {
    let (kind, bytes) = string.split_first()?;
    let bytes = bytes.get(..bytes.len().min(usize::from(kind & 0x1F)))?;
    let unicode = || std::str::from_utf8(bytes).ok().map(|name| name.trim().to_owned());
    let name = if kind >> 6 == 0 { unicode() } else { fru::text(kind >> 6, bytes) };
    name.filter(|name| !name.is_empty())
}

fn unit(base: u8) -> Option<&'static str> {
    Some(match base {
        1 => "Cel",
        2 => "[degF]",
        3 => "K",
        4 => "V",
        5 => "A",
        6 => "W",
        7 => "J",
        18 => "RPM",
        19 => "Hz",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A full record of a sensor with thresholds.
    fn record(kind: u8, unit: u8, m: u8, exponent: u8, name: &str) -> Vec<u8> {
        let mut record = vec![0u8; 47];
        record[2..8].copy_from_slice(&[0x51, FULL, 0, 0x20, 0, 0x30]);
        record[12..14].copy_from_slice(&[kind, 0x01]);
        record[21] = unit;
        record[24] = m;
        record[29] = exponent << 4;
        record.push(0xC0 | u8::try_from(name.len()).unwrap());
        record.extend(name.bytes());
        record[4] = u8::try_from(record.len() - 5).unwrap();
        record
    }

    fn shown(record: &[u8], answer: &[u8]) -> Sensor {
        let seen = GetSensorReading(0x30).parse(answer).unwrap();
        SensorRecord::parse(record).unwrap().sensor(seen)
    }

    #[test]
    fn readings_are_computed_as_the_record_says() {
        let inlet = shown(&record(1, 1, 1, 0, "Inlet"), &[23, 0xC0, 0xC0]);
        assert_eq!(
            (inlet.name.as_str(), inlet.kind, inlet.reading),
            ("Inlet", SensorKind::Temperature, Some(23.0))
        );
        assert_eq!((inlet.unit.as_deref(), inlet.health), (Some("Cel"), Health::Ok));
        let fan = shown(&record(4, 18, 100, 0, "Fan 1"), &[42, 0xC0, 0xC2]);
        assert_eq!((fan.reading, fan.health), (Some(4200.0), Health::Critical));
        let rail = shown(&record(2, 4, 6, 0x0E, "12V"), &[201, 0xC0, 0xC8]);
        assert_eq!((rail.reading, rail.health), (Some(12.06), Health::Warning));
        let off = shown(&record(4, 18, 100, 0, "Fan 2"), &[0, 0xE0, 0xC0]);
        assert_eq!((off.reading, off.health), (None, Health::Unknown));
    }

    #[test]
    fn signs_and_exponents_are_of_few_bits() {
        assert_eq!((ten_bits(0xFF, 0xC0), ten_bits(0xFF, 0x40), ten_bits(0, 0x80)), (-1, 511, -512));
        assert_eq!((four_bits(0x0E), four_bits(7)), (-2, 7));
        let formula = |format| Formula { format, m: 1.0, b: 0.0, exponent: 0 };
        assert_eq!(
            (formula(2).apply(0xFF), formula(1).apply(0xFE), formula(0).apply(0xFF)),
            (-1.0, -1.0, 255.0)
        );
    }

    #[test]
    fn what_is_no_straight_line_or_another_controllers_is_left_out() {
        let mut curve = record(1, 1, 1, 0, "Curve");
        curve[23] = 1;
        assert_eq!(SensorRecord::parse(&curve), None);
        let mut other = record(1, 1, 1, 0, "Other");
        other[5] = 0x2C;
        assert_eq!(SensorRecord::parse(&other), None);
    }

    #[test]
    fn a_power_supply_shows_its_state() {
        let mut supply = vec![0u8; 31];
        supply[3..8].copy_from_slice(&[COMPACT, 0, 0x20, 0, 0x51]);
        supply[12..14].copy_from_slice(&[POWER_SUPPLY, 0x6F]);
        supply[20] = 0xC0;
        supply.extend(b"\xC3PS1");
        for (states, health) in
            [(1, Health::Ok), (3, Health::Critical), (5, Health::Warning), (9, Health::Critical)]
        {
            let seen = shown(&supply, &[0, 0xC0, states, 0x80]);
            assert_eq!((seen.kind, seen.reading, seen.health), (SensorKind::PowerSupply, None, health));
        }
    }

    proptest! {
        #[test]
        fn any_record_and_any_reading_are_read_without_panic(
            record in proptest::collection::vec(any::<u8>(), 0..80),
            answer in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            let _ = GetSdr::whole(0).parse(&record);
            let _ = ReserveSdr.parse(&answer);
            let seen = GetSensorReading(1).parse(&answer);
            if let (Some(record), Some(seen)) = (SensorRecord::parse(&record), seen) {
                prop_assert!(record.sensor(seen).reading.is_none_or(f64::is_finite));
            }
        }
    }
}
