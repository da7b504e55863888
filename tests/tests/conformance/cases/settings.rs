//! BIOS settings, boot mode, secure boot.

use rackhand_bmc::{
    AttributeKind, AttributeValue, Attributes, BootMode, BootTarget, Operation, Outcome, PendingSettings,
    PowerOffPolicy,
};

use super::{Case, Stop, expect};
use crate::rack::{Rack, seen};

pub(super) async fn boot_mode(rack: &Rack) -> Case {
    let boot = rack.bmc.boot()?;
    let outcome = boot.set_mode(BootMode::Legacy).await?;
    rack.settle(outcome).await?;
    let seen = boot.settings().await?.mode;
    expect(seen == Some(BootMode::Legacy), || format!("the BMC shows {seen:?}"))
}

pub(super) async fn secure_boot_read(rack: &Rack) -> Case {
    let state = rack.bmc.boot()?.secure_boot().await?;
    expect(state.enabled.is_some(), || format!("{state:?}"))
}

pub(super) async fn secure_boot_set(rack: &Rack) -> Case {
    let boot = rack.bmc.boot()?;
    let outcome = boot.set_secure_boot(true).await?;
    rack.settle(outcome).await?;
    let state = boot.secure_boot().await?;
    expect(state.enabled == Some(true), || format!("the BMC shows {state:?}"))
}

pub(super) async fn bios_read(rack: &Rack) -> Case {
    let state = rack.bmc.bios()?.state().await?;
    if state.current.is_empty() && rack.machine(|machine| machine.bios.registry.attributes.is_empty()) {
        return Err(Stop::Refused("this BMC shows no BIOS attributes".to_owned()));
    }
    expect(!state.current.is_empty(), || "there are no attributes".to_owned())
}

/// An attribute that can be changed by itself, and a value that it does not have: what the driver's own plan accepts.
async fn change(rack: &Rack) -> Result<Attributes, Stop> {
    let bios = rack.bmc.bios()?;
    let state = bios.state().await?;
    let registry = bios.registry().await?;
    // Well-known switches first; they are what profiles set.
    let known = [
        "SriovGlobalEnable",
        "Sriov",
        "IntelVTD",
        "DevicesandIOPorts_SRIOV",
        "SR_IOVSupport_0047",
        "ProcTurboMode",
    ];
    for name in known.into_iter().chain(state.current.keys().map(String::as_str)) {
        let Some(current) = state.current.get(name) else { continue };
        let values = match registry.as_ref().and_then(|registry| registry.attributes.get(name)) {
            Some(attribute) => match &attribute.kind {
                AttributeKind::Enumeration(values) => values.clone(),
                _ => continue,
            },
            None => vec!["Enabled".to_owned(), "Disabled".to_owned()],
        };
        for value in values {
            let value = AttributeValue::String(value);
            if current.same_as(&value) {
                continue;
            }
            let wanted = Attributes::from([(name.to_owned(), value)]);
            let plan = bios.plan(&wanted).await?;
            if plan.problems.is_empty() && !plan.stages.is_empty() {
                return Ok(wanted);
            }
        }
    }
    Err(Stop::Refused("no BIOS attribute can be changed on this machine".to_owned()))
}

/// Some show nothing of what waits, whatever does.
async fn shows_pending(rack: &Rack) -> Case {
    match rack.bmc.bios()?.state().await?.pending {
        PendingSettings::NotVisible => {
            Err(Stop::Refused("this BMC does not show BIOS settings that wait for a reset".to_owned()))
        }
        _ => Ok(()),
    }
}

pub(super) async fn bios_pending(rack: &Rack) -> Case {
    shows_pending(rack).await?;
    let wanted = change(rack).await?;
    stage_first(rack, &wanted).await?;
    let state = rack.bmc.bios()?.state().await?;
    // sushy-tools takes settings up at once.
    let taken =
        wanted.iter().all(|(name, value)| state.current.get(name).is_some_and(|now| now.same_as(value)));
    expect(taken || state.pending == PendingSettings::Values(wanted.clone()), || {
        format!("{:?} waits, not {wanted:?}", state.pending)
    })
}

async fn stage_first(rack: &Rack, wanted: &Attributes) -> Case {
    let bios = rack.bmc.bios()?;
    let plan = bios.plan(wanted).await?;
    let stage = plan.stages.first().ok_or_else(|| "there is nothing to stage".to_owned())?;
    let outcome = bios.stage(stage).await?;
    expect(matches!(outcome, Outcome::Pending(_)), || format!("staging is {outcome:?}"))
}

pub(super) async fn bios_stage(rack: &Rack) -> Case {
    let wanted = change(rack).await?;
    apply(rack, &wanted).await?;
    let again = rack.bmc.bios()?.plan(&wanted).await?;
    expect(again.stages.is_empty(), || format!("there is more to do: {again:?}"))
}

/// As the engine does it: off, stage, hold in setup, on, verify, for each stage.
pub(super) async fn apply(rack: &Rack, wanted: &Attributes) -> Case {
    let bios = rack.bmc.bios()?;
    for _ in 0..4 {
        let plan = bios.plan(wanted).await?;
        let Some(stage) = plan.stages.first() else { return Ok(()) };
        let _ = rack.bmc.power_off(PowerOffPolicy::Force).await?;
        let outcome = bios.stage(stage).await?;
        let Outcome::Pending(pending) = outcome else {
            return Err(Stop::Wrong(format!("staging is {outcome:?}")));
        };
        if rack.bmc.require(Operation::BootSetupOnce).is_ok() {
            let _ = rack.bmc.boot_once(&BootTarget::BiosSetup).await?;
        }
        rack.start().await?;
        rack.until("the values", async || {
            let verdict = bios.verify(stage, Some(&pending.mark)).await.map_err(seen)?;
            if verdict.rejected().next().is_some() {
                return Err(format!("{verdict:?}"));
            }
            Ok(verdict.all_applied())
        })
        .await?;
    }
    Err(Stop::Wrong("four boots were not enough".to_owned()))
}

pub(super) async fn bios_discard(rack: &Rack) -> Case {
    shows_pending(rack).await?;
    let wanted = change(rack).await?;
    stage_first(rack, &wanted).await?;
    let _ = rack.bmc.bios()?.discard().await?;
    let pending = rack.bmc.bios()?.state().await?.pending;
    expect(pending == PendingSettings::None, || format!("{pending:?} still waits"))
}

pub(super) async fn bios_reset(rack: &Rack) -> Case {
    let before = rack.bmc.bios()?.state().await?.current;
    let wanted = change(rack).await?;
    apply(rack, &wanted).await?;
    let _ = rack.bmc.power_off(PowerOffPolicy::Force).await?;
    let outcome = rack.bmc.bios()?.reset_defaults().await?;
    rack.settle(outcome).await?;
    let (name, _) = wanted.first_key_value().unwrap();
    rack.until("the default", async || {
        let now = rack.bmc.bios().map_err(seen)?.state().await.map_err(seen)?.current;
        Ok(now.get(name) == before.get(name))
    })
    .await?;
    Ok(())
}
