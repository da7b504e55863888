//! Sensors: `Thermal` and `Power` below the Chassis, and the same readings as `Sensors`.

use serde_json::{Value, json};

use super::{asked, chassis_path, collection, link};
use crate::machine::{Machine, Sensor, SensorKind};
use crate::web::{Call, Problem, Table};

const CHASSIS: &str = "/redfish/v1/Chassis/{chassis}";

/// Adds them.
pub fn add(table: &mut Table) {
    table.amend(CHASSIS, |call, machine, body| {
        let path = chassis_path(call);
        for name in ["Thermal", "Power", "Sensors"] {
            body[name] = link(format!("{path}/{name}"));
        }
        body["Status"]["HealthRollup"] = machine.health_rollup().into();
    });
    table.get(&format!("{CHASSIS}/Thermal"), thermal);
    table.get(&format!("{CHASSIS}/Power"), power);
    table.get(&format!("{CHASSIS}/Sensors"), sensors);
    table.get(&format!("{CHASSIS}/Sensors/{{sensor}}"), sensor);
}

fn status(sensor: &Sensor) -> Value {
    let state = if sensor.reading.is_some() { "Enabled" } else { "Disabled" };
    json!({"Health": sensor.health, "State": state})
}

fn of_kind(machine: &Machine, kind: SensorKind) -> impl Iterator<Item = (usize, Sensor)> {
    machine.sensors().into_iter().filter(move |sensor| sensor.kind == kind).enumerate()
}

fn thermal(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let temperatures: Vec<_> = of_kind(machine, SensorKind::Temperature)
        .map(|(number, sensor)| {
            json!({
                "@odata.id": format!("{path}#/Temperatures/{number}"),
                "MemberId": number.to_string(),
                "Name": sensor.name,
                "ReadingCelsius": sensor.reading,
                "UpperThresholdCritical": sensor.critical,
                "Status": status(&sensor),
            })
        })
        .collect();
    let fans: Vec<_> = of_kind(machine, SensorKind::Fan)
        .map(|(number, sensor)| {
            json!({
                "@odata.id": format!("{path}#/Fans/{number}"),
                "MemberId": number.to_string(),
                "Name": sensor.name,
                "Reading": sensor.reading,
                "ReadingUnits": "RPM",
                "Status": status(&sensor),
            })
        })
        .collect();
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#Thermal.v1_6_0.Thermal",
        "Id": "Thermal",
        "Name": "Thermal",
        "Temperatures": temperatures,
        "Fans": fans,
    }))
}

fn power(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let supplies: Vec<_> = of_kind(machine, SensorKind::PowerSupply)
        .map(|(number, sensor)| {
            json!({
                "@odata.id": format!("{path}#/PowerSupplies/{number}"),
                "MemberId": number.to_string(),
                "Name": sensor.name,
                "LastPowerOutputWatts": sensor.reading,
                "PowerCapacityWatts": 1400,
                "Status": status(&sensor),
            })
        })
        .collect();
    let voltages: Vec<_> = of_kind(machine, SensorKind::Voltage)
        .map(|(number, sensor)| {
            json!({
                "@odata.id": format!("{path}#/Voltages/{number}"),
                "MemberId": number.to_string(),
                "Name": sensor.name,
                "ReadingVolts": sensor.reading,
                "Status": status(&sensor),
            })
        })
        .collect();
    let watts: f64 = of_kind(machine, SensorKind::PowerSupply).filter_map(|(_, one)| one.reading).sum();
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#Power.v1_6_0.Power",
        "Id": "Power",
        "Name": "Power",
        "PowerControl": [{
            "@odata.id": format!("{path}#/PowerControl/0"),
            "MemberId": "0",
            "Name": "System Power Control",
            "PowerConsumedWatts": watts,
        }],
        "PowerSupplies": supplies,
        "Voltages": voltages,
    }))
}

/// A sensor's name as its `Id`.
fn id(sensor: &Sensor) -> String {
    sensor.name.replace(' ', "")
}

fn sensors(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = machine.sensors().iter().map(|sensor| format!("{path}/{}", id(sensor))).collect();
    Ok(collection("SensorCollection", &path, "Sensors", members))
}

fn sensor(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let wanted = call.param("sensor");
    let sensors = machine.sensors();
    let one = sensors.iter().find(|sensor| id(sensor) == wanted).ok_or(Problem::NotFound)?;
    let (kind, units) = match one.kind {
        SensorKind::Temperature => ("Temperature", "Cel"),
        SensorKind::Fan => ("Rotational", "RPM"),
        SensorKind::PowerSupply => ("Power", "W"),
        SensorKind::Voltage => ("Voltage", "V"),
    };
    let mut body = json!({
        "@odata.id": asked(call),
        "@odata.type": "#Sensor.v1_5_0.Sensor",
        "Id": wanted,
        "Name": one.name,
        "Reading": one.reading,
        "ReadingType": kind,
        "ReadingUnits": units,
        "Status": status(one),
    });
    if let Some(critical) = one.critical {
        body["Thresholds"] = json!({"UpperCritical": {"Reading": critical}});
    }
    Ok(body)
}
