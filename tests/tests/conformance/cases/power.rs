//! Power, boot and virtual media.

use rackhand_bmc::{
    BootOverride, BootTarget, MediaImage, Outcome, OverrideEnabled, PowerOffPolicy, PowerState, ResetType,
};

use super::{Case, expect};
use crate::rack::{Rack, seen};

pub(super) async fn read(rack: &Rack) -> Case {
    let state = rack.bmc.power()?.state().await?;
    expect(state == PowerState::Off, || format!("a host that is off reads {state:?}"))
}

pub(super) async fn on(rack: &Rack) -> Case {
    let _ = rack.bmc.power_on().await?;
    let word = rack.machine(|machine| machine.power().word().to_owned());
    expect(word.eq_ignore_ascii_case("on"), || format!("the machine is {word}"))?;
    let again = rack.bmc.power_on().await?;
    expect(again == Outcome::Unchanged, || format!("switching on again is {again:?}"))
}

pub(super) async fn off_gracefully(rack: &Rack) -> Case {
    let _ = rack.bmc.power_off(PowerOffPolicy::GracefulOnly).await?;
    Ok(rack.power_is(PowerState::Off).await?)
}

pub(super) async fn off_by_force(rack: &Rack) -> Case {
    let _ = rack.bmc.power_off(PowerOffPolicy::Force).await?;
    rack.power_is(PowerState::Off).await?;
    let again = rack.bmc.power_off(PowerOffPolicy::Force).await?;
    expect(again == Outcome::Unchanged, || format!("switching off again is {again:?}"))
}

pub(super) async fn restart(rack: &Rack) -> Case {
    let boots = rack.machine(|machine| machine.boots());
    let _ = rack.bmc.power()?.reset(ResetType::ForceRestart).await?;
    Ok(rack.until("another boot", async || Ok(rack.machine(|machine| machine.boots()) > boots)).await?)
}

pub(super) async fn interrupt(rack: &Rack) -> Case {
    let outcome = rack.bmc.power()?.reset(ResetType::Nmi).await?;
    expect(!matches!(outcome, Outcome::Unknown { .. }), || format!("{outcome:?}"))?;
    Ok(rack.power_is(PowerState::On).await?)
}

fn image(scheme: &str) -> MediaImage {
    MediaImage { url: Rack::file(scheme, "image.iso"), credentials: None }
}

/// The scheme that this BMC takes: OpenBMC refuses plain HTTP.
fn scheme(rack: &Rack) -> &'static str {
    let http = rack.bmc.capabilities.refusal(rackhand_bmc::Operation::MediaInsertHttp).is_none();
    if http { "http" } else { "https" }
}

pub(super) async fn boot_image_once(rack: &Rack) -> Case {
    let slot = rack.bmc.boot_image_once(&image(scheme(rack))).await?;
    rack.until("booting the image", async || {
        Ok(rack.machine(|machine| machine.boot_source().to_owned()).eq_ignore_ascii_case("Cd"))
    })
    .await?;
    let _ = rack.bmc.power_off(PowerOffPolicy::Force).await?;
    let _ = rack.bmc.clear_slot(&slot.id).await?;
    // Once: the next boot goes elsewhere.
    rack.start().await?;
    let source = rack.machine(|machine| machine.boot_source().to_owned());
    expect(!source.eq_ignore_ascii_case("Cd"), || "the boot after it went to the image again".to_owned())
}

pub(super) async fn boot_setup_once(rack: &Rack) -> Case {
    let _ = rack.bmc.boot_once(&BootTarget::BiosSetup).await?;
    rack.start().await?;
    let phase = rack.machine(rackhand_simulator::machine::Machine::phase);
    expect(phase == "Setup", || format!("the host is in {phase}"))
}

pub(super) async fn boot_continuously(rack: &Rack) -> Case {
    // Supermicro shows Pxe as UefiBootNext; Hdd is everywhere what it is.
    let wanted = BootOverride {
        target: BootTarget::Hdd,
        enabled: OverrideEnabled::Continuous,
        mode: None,
        http_uri: None,
    };
    let _ = rack.bmc.boot()?.set_override(wanted).await?;
    rack.start().await?;
    let settings = rack.bmc.boot()?.settings().await?;
    let lasts =
        settings.target == Some(BootTarget::Hdd) && settings.enabled == Some(OverrideEnabled::Continuous);
    expect(lasts, || format!("after a boot the BMC shows {settings:?}"))
}

pub(super) async fn reverse_order(rack: &Rack) -> Case {
    let boot = rack.bmc.boot()?;
    if boot.order().await?.is_empty() {
        // A new CIMC has no precise order: somebody makes one, of which the rest can be seen.
        rack.somebody_orders().await?;
    }
    let before = boot.order().await?;
    expect(before.len() > 1, || format!("the BMC shows the order {before:?}"))?;
    let wanted: Vec<String> = before.iter().rev().map(|option| option.reference.clone()).collect();
    let outcome = boot.set_order(&wanted).await?;
    rack.settle(outcome).await?;
    let after: Vec<String> = boot.order().await?.into_iter().map(|option| option.reference).collect();
    expect(after == wanted, || format!("wanted {wanted:?}, got {after:?}"))?;
    let again = boot.set_order(&wanted).await?;
    expect(again == Outcome::Unchanged, || format!("setting it again is {again:?}"))
}

pub(super) async fn insert(rack: &Rack, scheme: &str) -> Case {
    let image = image(scheme);
    if matches!(scheme, "nfs" | "cifs") {
        // The simulator has no such shares: what can be seen is that the BMC is asked in the form that it takes.
        let slot = rack.bmc.choose_slot().await?;
        return match rack.bmc.media()?.insert(&slot.id, &image).await {
            Err(error) if !error.to_string().contains("is not an http or https URL") => Err(error.into()),
            // Taken, or taken and not to be fetched: some BMCs look at once.
            _ => Ok(()),
        };
    }
    let (slot, _) = rack.bmc.mount(&image).await?;
    let held = rack.machine(|machine| {
        machine.slots.iter().filter_map(|slot| slot.image.as_ref()).any(|source| source.url == image.url)
    });
    expect(held, || format!("the machine holds nothing, though slot {} shows it", slot.id))?;
    let (_, again) = rack.bmc.mount(&image).await?;
    expect(again == Outcome::Unchanged, || format!("mounting it again is {again:?}"))
}

pub(super) async fn eject(rack: &Rack) -> Case {
    let (slot, _) = rack.bmc.mount(&image(scheme(rack))).await?;
    let _ = rack.bmc.clear_slot(&slot.id).await?;
    let empty = rack.machine(|machine| machine.slots.iter().all(|slot| slot.image.is_none()));
    expect(empty, || "the machine still holds the image".to_owned())?;
    // Several accept it again, others refuse it: neither may be an error.
    let _ = rack.bmc.media()?.eject(&slot.id).await.map_err(seen)?;
    Ok(())
}
