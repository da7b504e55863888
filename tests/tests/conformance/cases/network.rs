//! Booting from the network.

use rackhand_bmc::{BootTarget, OverrideEnabled, PowerOffPolicy};

use super::{Case, expect, settings};
use crate::rack::Rack;

/// Waits until the host boots that, and looks that the override is used up by it. A host without a system goes to the network
/// again by its boot order, so where the boot after it goes to says nothing.
async fn boots_once(rack: &Rack, expected: &[&str], target: &BootTarget) -> Case {
    let _ = rack.bmc.power_on().await?;
    rack.until("booting from the network", async || {
        let source = rack.machine(|machine| machine.boot_source().to_owned());
        Ok(expected.iter().any(|one| source.eq_ignore_ascii_case(one)))
    })
    .await?;
    let seen = rack.bmc.boot()?.settings().await?;
    // sushy-tools knows no other override.
    let lasts = seen.enabled == Some(OverrideEnabled::Continuous);
    expect(lasts || !seen.armed_for(target), || format!("after the boot the BMC shows {seen:?}"))?;
    let _ = rack.bmc.clear_boot_override().await?;
    let seen = rack.bmc.boot()?.settings().await?;
    expect(!seen.armed_for(target), || format!("taken back, and shown as {seen:?}"))
}

pub(super) async fn pxe_once(rack: &Rack) -> Case {
    rack.somebody_answers_dhcp();
    let _ = rack.bmc.boot_once(&BootTarget::Pxe).await?;
    let again = rack.bmc.boot_once(&BootTarget::Pxe).await?;
    expect(again == rackhand_bmc::Outcome::Unchanged, || format!("arming it again is {again:?}"))?;
    boots_once(rack, &["Pxe"], &BootTarget::Pxe).await
}

/// As the engine does it: the address goes into the BIOS settings where that is its place, and is in force before the boot.
pub(super) async fn http_once(rack: &Rack) -> Case {
    let url = Rack::file("http", "image.iso");
    let by_bios = rack.bmc.boot()?.http_boot_settings(&url);
    if !by_bios.is_empty() {
        settings::apply(rack, &by_bios).await?;
        let _ = rack.bmc.power_off(PowerOffPolicy::Force).await?;
    }
    let _ = rack.bmc.boot_http_once(&url).await?;
    let seen = rack.bmc.boot()?.settings().await?;
    expect(seen.armed_for_http(&url, by_bios.is_empty()), || format!("armed, and shown as {seen:?}"))?;
    // The emulator puts what is fetched into the drive, and boots that.
    boots_once(rack, &["UefiHttp", "Cd"], &BootTarget::UefiHttp).await
}
