//! `bmc … sensors` and `bmc … health`.

use rackhand_bmc::{Health, Operation, Sensor};

use super::{Here, or_dash};
use crate::render::{Paint, Table};

pub(super) async fn health(here: &Here<'_>) -> anyhow::Result<()> {
    here.bmc.require(Operation::SensorsRead)?;
    let report = here.bmc.sensors()?.health().await?;
    here.print(&report, || {
        let mut table = Table::new(&[]);
        for (what, health) in [("machine", report.system), ("BMC", report.manager)] {
            table.painted([(what.to_owned(), Paint::None), painted(health)]);
        }
        table
    })
}

pub(super) async fn run(here: &Here<'_>) -> anyhow::Result<()> {
    here.bmc.require(Operation::SensorsRead)?;
    let report = here.bmc.sensors()?.sensors().await?;
    here.print(&report.sensors, || table(&report.sensors))?;
    here.tell_skipped(&report.skipped)
}

fn table(sensors: &[Sensor]) -> Table {
    let mut table = Table::new(&["SENSOR", "KIND", "READING", "HEALTH"]);
    for sensor in sensors {
        let reading = match (sensor.reading, &sensor.unit) {
            (Some(reading), Some(unit)) => format!("{reading} {unit}"),
            (reading, _) => or_dash(reading),
        };
        table.painted([
            (sensor.name.clone(), Paint::None),
            (format!("{:?}", sensor.kind), Paint::None),
            (reading, Paint::None),
            painted(sensor.health),
        ]);
    }
    table
}

/// A health in its colour.
pub(super) fn painted(health: Health) -> (String, Paint) {
    match health {
        Health::Unknown => ("-".to_owned(), Paint::Dim),
        Health::Ok => ("OK".to_owned(), Paint::Good),
        Health::Warning => ("Warning".to_owned(), Paint::Warn),
        Health::Critical => ("Critical".to_owned(), Paint::Bad),
    }
}
