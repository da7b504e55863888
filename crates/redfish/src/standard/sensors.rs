//! Sensors as the Chassis have them: the older `Thermal` and `Power`, or the newer collection of `Sensors`.

use std::sync::Arc;

use rackhand_bmc::{
    ErrorKind, Fut, Health, HealthReport, Result, Sensor, SensorKind, SensorReport, Sensors, Skipped,
};

use super::host::Host;
use crate::{
    document::{Document, View, names},
    uri::same_resource,
};

/// Sensors and health of the machine.
#[derive(Debug)]
pub struct StandardSensors {
    host: Arc<Host>,
}

/// The health of a resource: rolled up where it is, else its own.
fn health_of(document: &Document) -> Health {
    let says = |name: &str| document.str(&format!("Status/{name}"));
    Health::parse(says("HealthRollup").or_else(|| says("Health")))
}

impl StandardSensors {
    /// Sensors of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host) }
    }

    async fn rolled_up(&self) -> Result<HealthReport> {
        let system = health_of(&self.host.system().await?);
        let manager = match self.host.manager().await? {
            Some(manager) => health_of(&self.host.client.get(manager.uri()).await?),
            None => Health::Unknown,
        };
        Ok(HealthReport { system, manager })
    }

    /// The chassis that are the System's or nobody's. The System itself often names one of several (BlueField, GH200).
    async fn chassis(&self, report: &mut SensorReport) -> Result<Vec<Document>> {
        let machine = &self.host.machine;
        let mut links: Vec<String> =
            machine.system.links("Links/Chassis").into_iter().map(str::to_owned).collect();
        if let Some(all) = machine.root.link("Chassis") {
            match self.host.client.member_uris(all).await {
                Ok(all) => {
                    let known = links.clone();
                    let new = |uri: &String| !known.iter().any(|known| same_resource(known, uri));
                    links.extend(all.into_iter().filter(new));
                }
                Err(error) if error.kind().is_transient() => return Err(error),
                Err(error) => report.skipped.push(Skipped { what: all.to_owned(), why: error.to_string() }),
            }
        }
        let found = self.host.client.each(&links).await;
        report.skipped.extend(found.skipped);
        let own = |chassis: &Document| {
            let systems = chassis.links("Links/ComputerSystems");
            systems.is_empty() || names(&systems, machine.system.uri())
        };
        Ok(found.documents.into_iter().filter(own).collect())
    }

    async fn all(&self) -> Result<SensorReport> {
        let mut report = SensorReport::default();
        for chassis in self.chassis(&mut report).await? {
            self.of(&chassis, &mut report).await?;
        }
        Ok(report)
    }

    async fn of(&self, chassis: &Document, report: &mut SensorReport) -> Result<()> {
        let (thermal, power) = (chassis.link("Thermal"), chassis.link("Power"));
        if let Some(document) = self.part(thermal, report).await? {
            let view = document.view();
            report.sensors.extend(view.list("Temperatures").into_iter().filter_map(temperature));
            report.sensors.extend(view.list("Fans").into_iter().filter_map(fan));
        }
        if let Some(document) = self.part(power, report).await? {
            let view = document.view();
            report.sensors.extend(view.list("PowerSupplies").into_iter().filter_map(supply));
            report.sensors.extend(view.list("Voltages").into_iter().filter_map(voltage));
            report.sensors.extend(view.list("PowerControl").into_iter().filter_map(consumption));
        }
        // Services that have both say the same twice.
        if thermal.is_none()
            && power.is_none()
            && let Some(uri) = chassis.link("Sensors")
        {
            let found = self.host.client.collection(uri).await?;
            report.skipped.extend(found.skipped);
            report.sensors.extend(found.documents.iter().filter_map(newer));
        }
        Ok(())
    }

    async fn part(&self, uri: Option<&str>, report: &mut SensorReport) -> Result<Option<Document>> {
        let Some(uri) = uri else { return Ok(None) };
        match self.host.client.get(uri).await {
            Ok(document) => Ok(Some(document)),
            Err(error) if error.kind().is_transient() || *error.kind() == ErrorKind::RefusedCredentials => {
                Err(error)
            }
            Err(error) => {
                report.skipped.push(Skipped { what: uri.to_owned(), why: error.to_string() });
                Ok(None)
            }
        }
    }
}

/// One sensor of an array; `None` for a place where nothing is.
fn sensor(view: View<'_>, kind: SensorKind, reading: &[&str], unit: &str) -> Option<Sensor> {
    if view.str("Status/State") == Some("Absent") {
        return None;
    }
    let name = ["Name", "FanName", "MemberId"].into_iter().find_map(|at| view.str(at))?;
    Some(Sensor {
        name: name.to_owned(),
        kind,
        reading: reading.iter().find_map(|at| view.f64(at)),
        unit: Some(unit.to_owned()),
        health: Health::parse(view.str("Status/Health")),
    })
}

fn temperature(view: View<'_>) -> Option<Sensor> {
    sensor(view, SensorKind::Temperature, &["ReadingCelsius"], "Cel")
}

fn fan(view: View<'_>) -> Option<Sensor> {
    // HPE and Supermicro count in percent.
    let unit = if view.str("ReadingUnits") == Some("Percent") { "%" } else { "RPM" };
    sensor(view, SensorKind::Fan, &["Reading", "ReadingRPM"], unit)
}

fn voltage(view: View<'_>) -> Option<Sensor> {
    sensor(view, SensorKind::Voltage, &["ReadingVolts"], "V")
}

fn supply(view: View<'_>) -> Option<Sensor> {
    let watts = ["PowerOutputWatts", "LastPowerOutputWatts", "PowerInputWatts"];
    sensor(view, SensorKind::PowerSupply, &watts, "W")
}

fn consumption(view: View<'_>) -> Option<Sensor> {
    sensor(view, SensorKind::Power, &["PowerConsumedWatts"], "W")
}

/// A sensor of the newer kind, with its unit as it says it.
fn newer(document: &Document) -> Option<Sensor> {
    let kind = match document.str("ReadingType") {
        Some("Temperature") => SensorKind::Temperature,
        Some("Rotational") => SensorKind::Fan,
        Some("Voltage") => SensorKind::Voltage,
        Some("Power") => SensorKind::Power,
        _ => SensorKind::Other,
    };
    let mut sensor = sensor(document.view(), kind, &["Reading"], "")?;
    sensor.unit = document.str("ReadingUnits").map(str::to_owned);
    Some(sensor)
}

impl Sensors for StandardSensors {
    fn health(&self) -> Fut<'_, HealthReport> {
        Box::pin(self.rolled_up())
    }

    fn sensors(&self) -> Fut<'_, SensorReport> {
        Box::pin(self.all())
    }
}
