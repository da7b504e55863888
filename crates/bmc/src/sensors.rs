//! Sensors and health.

use serde::{Deserialize, Serialize};

use crate::{Fut, Health, Skipped};

/// Sensors and health of a machine.
///
/// ```
/// # use rackhand_bmc::{Bmc, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// println!("{:?}", bmc.sensors()?.health().await?.system);
/// for sensor in bmc.sensors()?.sensors().await?.sensors {
///     println!("{}: {:?}", sensor.name, sensor.reading);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Sensors: Send + Sync {
    /// Reads the health that the System and its Manager roll up. One or two requests.
    fn health(&self) -> Fut<'_, HealthReport>;

    /// Reads temperatures, fans, power supplies and consumption.
    fn sensors(&self) -> Fut<'_, SensorReport>;
}

/// The rolled-up health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthReport {
    /// The System with all in it.
    pub system: Health,
    /// The Manager.
    pub manager: Health,
}

/// Sensors as observed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SensorReport {
    /// Sensors, in the BMC's order.
    pub sensors: Vec<Sensor>,
    /// What could not be read, and why.
    pub skipped: Vec<Skipped>,
}

/// One sensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sensor {
    /// The name people see.
    pub name: String,
    /// What it measures.
    pub kind: SensorKind,
    /// Its reading in [`unit`](Sensor::unit); `None` while there is none.
    pub reading: Option<f64>,
    /// The unit: `Cel`, `RPM`, `%`, `V`, `W`.
    pub unit: Option<String>,
    /// How well it is.
    pub health: Health,
}

/// What a sensor measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SensorKind {
    /// Temperature.
    Temperature,
    /// A fan.
    Fan,
    /// Voltage.
    Voltage,
    /// Power.
    Power,
    /// A power supply as a whole.
    PowerSupply,
    /// Anything else.
    Other,
}
