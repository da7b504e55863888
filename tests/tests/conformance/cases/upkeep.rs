//! Inventory, firmware, the Manager, jobs, logs, sensors, whole configurations.

use std::time::Duration;

use rackhand_bmc::{
    ApplyTime, ComponentKind, ConfigurationFormat, FirmwareFile, FirmwareImage, ImportShutdown, Outcome,
    PowerState, Readiness,
};
use tokio::time::sleep;

use super::{Case, Stop, expect};
use crate::rack::{NEW_VERSION, Rack, firmware_name, firmware_text, seen};

pub(super) async fn inventory(rack: &Rack) -> Case {
    let found = rack.bmc.inventory()?.inventory().await?;
    // sushy-tools shows ports alone.
    let some = !found.processors.is_empty() || !found.ports.is_empty();
    expect(some && found.skipped.is_empty(), || format!("{found:?}"))
}

pub(super) async fn firmware_read(rack: &Rack) -> Case {
    let found = rack.bmc.firmware()?.inventory().await?;
    let bios = found.find("bios").and_then(|component| component.version.clone());
    expect(bios.is_some(), || format!("the BIOS is not among {:?}", found.components))?;
    expect(found.skipped.is_empty(), || format!("{:?}", found.skipped))
}

async fn bios_version(rack: &Rack) -> Result<Option<String>, Stop> {
    let found = rack.bmc.firmware()?.inventory().await?;
    Ok(found.find("bios").and_then(|component| component.version.clone()))
}

async fn is_updated(rack: &Rack, outcome: Outcome) -> Case {
    rack.settle(outcome).await?;
    if bios_version(rack).await?.is_none_or(|version| !version.contains(NEW_VERSION)) {
        // A BIOS is taken up by the next POST.
        rack.cycle().await?;
    }
    rack.until("the new version", async || {
        let version = bios_version(rack).await.map_err(|stop| stop.to_string())?;
        Ok(version.is_some_and(|version| version.contains(NEW_VERSION)))
    })
    .await?;
    Ok(())
}

pub(super) async fn firmware_update(rack: &Rack) -> Case {
    let firmware = rack.bmc.firmware()?;
    let found = firmware.inventory().await?;
    let target = found.components.iter().find(|component| component.kind == ComponentKind::Bios);
    let target = target.ok_or_else(|| "there is no BIOS among the components".to_owned())?;
    let image = FirmwareImage {
        url: Rack::file("http", firmware_name(rack)),
        targets: vec![target.id.clone()],
        when: ApplyTime::Immediate,
        credentials: None,
    };
    let outcome = firmware.update(&image).await?;
    is_updated(rack, outcome).await
}

pub(super) async fn firmware_push(rack: &Rack) -> Case {
    let firmware = rack.bmc.firmware()?;
    let found = firmware.inventory().await?;
    let target = found.components.iter().find(|component| component.kind == ComponentKind::Bios);
    let target = target.ok_or_else(|| "there is no BIOS among the components".to_owned())?;
    let file = FirmwareFile {
        name: firmware_name(rack).to_owned(),
        content: firmware_text(),
        targets: vec![target.id.clone()],
        when: ApplyTime::Immediate,
    };
    let outcome = firmware.push(&file).await?;
    is_updated(rack, outcome).await
}

pub(super) async fn manager_reset(rack: &Rack) -> Case {
    let outcome = rack.bmc.manager()?.reset().await?;
    expect(outcome != Outcome::Unchanged, || "nothing was sent".to_owned())?;
    sleep(Duration::from_secs(20)).await;
    rack.bmc.wait_ready(Readiness::Bmc, Duration::from_secs(30 * 60)).await?;
    Ok(rack.power_is(PowerState::Off).await?)
}

pub(super) async fn jobs_read(rack: &Rack) -> Case {
    let jobs = rack.bmc.jobs()?.unfinished().await?;
    expect(jobs.is_empty(), || format!("a new machine has {jobs:?}"))
}

pub(super) async fn jobs_clear(rack: &Rack) -> Case {
    let _ = rack.bmc.jobs()?.clear_queue().await?;
    let jobs = rack.bmc.jobs()?.unfinished().await?;
    expect(jobs.is_empty(), || format!("{jobs:?} are left"))
}

pub(super) async fn logs_read(rack: &Rack) -> Case {
    let logs = rack.bmc.logs()?;
    rack.cycle().await?;
    let found = logs.logs().await?;
    let mut entries = 0;
    for log in &found {
        let read = logs.entries(&log.id, 20).await?;
        expect(read.skipped.is_empty() && read.entries.len() <= 20, || format!("{read:?}"))?;
        entries += read.entries.len();
    }
    expect(entries > 0, || format!("no entry in {found:?}"))
}

pub(super) async fn logs_clear(rack: &Rack) -> Case {
    let logs = rack.bmc.logs()?;
    rack.cycle().await?;
    let clearable = logs.logs().await?.into_iter().find(|log| log.clearable);
    let log = clearable.ok_or_else(|| Stop::Refused("no log says that it can be cleared".to_owned()))?;
    let before = logs.entries(&log.id, 1000).await?.entries.len();
    let outcome = logs.clear(&log.id).await?;
    rack.settle(outcome).await?;
    let after = logs.entries(&log.id, 1000).await?.entries.len();
    // Clearing is itself written down in some logs.
    expect(after < before.max(2), || format!("{before} entries became {after}"))
}

pub(super) async fn sensors(rack: &Rack) -> Case {
    let found = rack.bmc.sensors()?.sensors().await?;
    let reading = found.sensors.iter().filter(|sensor| sensor.reading.is_some()).count();
    // sushy-tools has chassis without any.
    let none = rack.setup.personality == "sushy" && found.sensors.is_empty();
    expect((reading > 0 || none) && found.skipped.is_empty(), || format!("{found:?}"))?;
    let health = rack.bmc.sensors()?.health().await?;
    expect(health.system == rackhand_bmc::Health::Ok, || format!("{health:?}"))
}

async fn exported(rack: &Rack, format: ConfigurationFormat) -> Result<String, Stop> {
    let configuration = rack.bmc.configuration()?;
    let job = configuration.export(format, &[]).await?;
    for _ in 0..120 {
        if let Some(document) = configuration.exported(&job).await.map_err(seen)? {
            return Ok(document);
        }
        sleep(Duration::from_secs(15)).await;
    }
    Err(Stop::Wrong("the export did not end".to_owned()))
}

pub(super) async fn configuration_export(rack: &Rack) -> Case {
    let json = exported(rack, ConfigurationFormat::Json).await?;
    expect(json.contains("BIOS.Setup"), || format!("{} characters without the BIOS", json.len()))?;
    let xml = exported(rack, ConfigurationFormat::Xml).await?;
    expect(xml.contains("<Component"), || format!("{} characters without a component", xml.len()))
}

pub(super) async fn configuration_import(rack: &Rack) -> Case {
    let document = "<SystemConfiguration><Component FQDD=\"BIOS.Setup.1-1\">\
        <Attribute Name=\"SriovGlobalEnable\">Enabled</Attribute></Component></SystemConfiguration>";
    let outcome = rack.bmc.configuration()?.import(document, ImportShutdown::Forced).await?;
    rack.settle(outcome).await?;
    let state = rack.bmc.bios()?.state().await?;
    let value = state.current.get("SriovGlobalEnable").map(ToString::to_string);
    expect(value.as_deref() == Some("Enabled"), || format!("the setting is {value:?}"))
}
