//! Sensors.

use std::fmt::Write as _;

use rackhand_bmc::{Health, SensorKind};

use crate::sim::{Sim, there};

/// Commands that give a controller a thermometer at 23 degrees and a fan at 4200 turns, with their records.
pub(crate) fn emulation() -> String {
    let mut commands = String::new();
    for (number, kind, unit, m, value, name) in
        [(0x30u8, 1u8, 1u8, 1u8, 23u8, "Inlet"), (0x41, 4, 18, 100, 42, "Fan 1")]
    {
        let mut record = vec![0u8; 47];
        record[2..8].copy_from_slice(&[0x51, 0x01, 0, 0x20, 0, number]);
        record[8..14].copy_from_slice(&[7, 1, 0x7F, 0x68, kind, 0x01]);
        record[21] = unit;
        record[24] = m;
        record.push(0xC0 | u8::try_from(name.len()).unwrap());
        record.extend(name.bytes());
        record[4] = u8::try_from(record.len() - 5).unwrap();
        let record: Vec<String> = record.iter().map(|byte| format!("0x{byte:02x}")).collect();
        let _ = writeln!(commands, "sensor_add 0x20 0 {number} {kind} 1");
        let _ = writeln!(commands, "sensor_set_value 0x20 0 {number} {value} 0");
        let _ = writeln!(
            commands,
            "sensor_set_event_support 0x20 0 {number} enable scanning per-state \
             000000000000000 000000000000000 000000000000000 000000000000000"
        );
        let _ = writeln!(commands, "main_sdr_add 0x20 {}", record.join(" "));
    }
    commands
}

#[tokio::test]
async fn it_reads_sensors_and_health() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let bmc = sim.connect().await;
    let report = bmc.sensors().unwrap().sensors().await.unwrap();
    assert_eq!(report.skipped, []);
    let seen: Vec<_> = report
        .sensors
        .iter()
        .map(|one| (one.name.as_str(), one.kind, one.reading, one.unit.as_deref(), one.health))
        .collect();
    assert_eq!(
        seen,
        [
            ("Inlet", SensorKind::Temperature, Some(23.0), Some("Cel"), Health::Ok),
            ("Fan 1", SensorKind::Fan, Some(4200.0), Some("RPM"), Health::Ok)
        ]
    );
    let second_opinion = sim.ipmitool(&["sdr", "list"]).await;
    assert!(
        second_opinion.contains("23 degrees C") && second_opinion.contains("4200 RPM"),
        "{second_opinion}"
    );
    let health = bmc.sensors().unwrap().health().await.unwrap();
    assert_eq!((health.system, health.manager), (Health::Ok, Health::Ok));
    bmc.close().await.unwrap();
}
