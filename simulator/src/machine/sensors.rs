//! Sensors: what they read follows from the host's power and from what is said to be ill.

use super::{Machine, Power};

/// What a sensor measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensorKind {
    /// Degrees Celsius.
    Temperature,
    /// Revolutions per minute.
    Fan,
    /// Watts that a power supply delivers.
    PowerSupply,
    /// Volts.
    Voltage,
}

/// A sensor's reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    /// Its name.
    pub name: String,
    /// What it measures.
    pub kind: SensorKind,
    /// What it reads; nothing on a part that is not powered.
    pub reading: Option<f64>,
    /// From here on it is critical.
    pub critical: Option<f64>,
    /// `OK`, `Warning` or `Critical`.
    pub health: &'static str,
}

impl Machine {
    /// A part is ill, or `OK` again; the event log tells.
    pub fn set_health(&mut self, part: &str, health: &'static str) {
        let before = self.ailing.get(part).copied().unwrap_or("OK");
        if health == "OK" {
            self.ailing.remove(part);
        } else {
            self.ailing.insert(part.into(), health);
        }
        if before != health {
            self.note(&format!("health:{part}"), before, health);
            self.hardware_event(health, format!("The health of {part} changed from {before} to {health}."));
        }
    }

    /// Health of a part: `OK`, `Warning` or `Critical`.
    pub fn health(&self, part: &str) -> &'static str {
        self.ailing.get(part).copied().unwrap_or("OK")
    }

    /// The worst health of any part.
    pub fn health_rollup(&self) -> &'static str {
        let worst = |word| self.ailing.values().any(|health| *health == word);
        if worst("Critical") {
            "Critical"
        } else if worst("Warning") {
            "Warning"
        } else {
            "OK"
        }
    }

    /// What the sensors read.
    pub fn sensors(&self) -> Vec<Sensor> {
        let on = matches!(self.power(), Power::On | Power::PoweringOff);
        let sensor = |name: String, kind, reading: Option<f64>, critical| {
            let health = self.health(&name);
            Sensor { name, kind, reading, critical, health }
        };
        let mut all = vec![sensor("Inlet Temp".into(), SensorKind::Temperature, Some(22.0), Some(47.0))];
        for number in 1..=self.hardware.processors.max(1) {
            let reading = on.then_some(44.0 + f64::from(number));
            all.push(sensor(format!("CPU{number} Temp"), SensorKind::Temperature, reading, Some(100.0)));
        }
        for number in 1..=6_u32 {
            let reading = on.then_some(f64::from(5_880 + 120 * number));
            all.push(sensor(format!("Fan {number}"), SensorKind::Fan, reading, None));
        }
        for number in 1..=2_u32 {
            let watts = if on { 180.0 } else { 8.0 };
            all.push(sensor(format!("PSU {number}"), SensorKind::PowerSupply, Some(watts), None));
            all.push(sensor(format!("PSU {number} Voltage"), SensorKind::Voltage, Some(230.0), None));
        }
        all
    }
}
