//! Sensors and health.

use rackhand_bmc::{Error, ErrorKind, Fut, Health, HealthReport, Result, SensorReport, Sensors, Skipped};

use crate::{
    chassis::GetChassisStatus,
    device::GetDeviceId,
    link::Link,
    sdr::{GetSdr, GetSensorReading, Part, ReserveSdr, SensorRecord},
};

/// No repository has more records: one that says so goes in circles.
const MOST: usize = 4096;
/// How much of a record is read at once where the whole is too much for a BMC.
const PART: u8 = 16;
/// What a record begins with: its number, version, type, and how much follows.
const HEADER: u8 = 5;
/// Says that no record follows.
const LAST: u16 = 0xFFFF;

/// The facet.
pub(crate) struct Records {
    pub(crate) link: Link,
}

impl Records {
    /// The record, whole or in parts, and which one follows.
    async fn record(&self, record: u16) -> Result<Part> {
        match self.link.read(GetSdr::whole(record)).await {
            Err(error) if too_much(&error) => self.in_parts(record).await,
            answer => answer,
        }
    }

    async fn in_parts(&self, record: u16) -> Result<Part> {
        let reservation = self.link.read(ReserveSdr).await?;
        let part = |offset, count| GetSdr { reservation, record, offset, count };
        let mut whole = self.link.read(part(0, HEADER)).await?;
        let follows = whole.bytes.get(4).copied().unwrap_or(0);
        let length = HEADER.saturating_add(follows);
        while let Ok(offset) = u8::try_from(whole.bytes.len())
            && offset < length
        {
            let more = self.link.read(part(offset, PART.min(length - offset))).await?;
            if more.bytes.is_empty() {
                break;
            }
            whole.bytes.extend(more.bytes);
        }
        Ok(whole)
    }

    async fn all(&self) -> Result<SensorReport> {
        let mut report = SensorReport::default();
        let mut next = 0;
        for _ in 0..MOST {
            let record = match self.record(next).await {
                Ok(record) => record,
                // A repository without records has no first one.
                Err(error) if *error.kind() == ErrorKind::NotFound && next == 0 => break,
                Err(error) if error.messages().is_empty() => return Err(error),
                Err(error) => {
                    let what = format!("sensor records from 0x{next:04X} on");
                    report.skipped.push(Skipped { what, why: error.to_string() });
                    break;
                }
            };
            if let Some(sensor) = SensorRecord::parse(&record.bytes) {
                self.one(&sensor, &mut report).await?;
            }
            if record.next == LAST || record.next == next {
                break;
            }
            next = record.next;
        }
        Ok(report)
    }

    async fn one(&self, record: &SensorRecord, report: &mut SensorReport) -> Result<()> {
        match self.link.read(GetSensorReading(record.number)).await {
            Ok(seen) => report.sensors.push(record.sensor(seen)),
            Err(error) if error.messages().is_empty() && *error.kind() != ErrorKind::Protocol => {
                return Err(error);
            }
            Err(error) => report.skipped.push(Skipped { what: record.name.clone(), why: error.to_string() }),
        }
        Ok(())
    }
}

/// Whether a BMC says that it cannot answer with a whole record.
fn too_much(error: &Error) -> bool {
    error.messages().iter().any(|message| ["0xCA", "0xC8", "0xC7", "0xFF"].contains(&message.id.as_str()))
}

impl Sensors for Records {
    fn health(&self) -> Fut<'_, HealthReport> {
        Box::pin(async move {
            let chassis = self.link.read(GetChassisStatus).await?;
            let device = self.link.read(GetDeviceId).await?;
            let faults = [chassis.overload, chassis.power_fault, chassis.drive_fault, chassis.cooling_fault];
            let system = if faults.contains(&true) { Health::Critical } else { Health::Ok };
            let manager = if device.available { Health::Ok } else { Health::Warning };
            Ok(HealthReport { system, manager })
        })
    }

    fn sensors(&self) -> Fut<'_, SensorReport> {
        Box::pin(self.all())
    }
}
