//! Booting from the network.

use rackhand_bmc::{BootTarget, PowerOffPolicy};

use super::{Case, expect, settings};
use crate::rack::Rack;

/// Waits until the host boots that, and looks that the boot after it goes elsewhere.
async fn boots_once(rack: &Rack, expected: &[&str]) -> Case {
    let is_there = || {
        let source = rack.machine(|machine| machine.boot_source().to_owned());
        expected.iter().any(|one| source.eq_ignore_ascii_case(one))
    };
    let _ = rack.bmc.power_on().await?;
    rack.until("booting from the network", async || Ok(is_there())).await?;
    let _ = rack.bmc.power_off(PowerOffPolicy::Force).await?;
    let _ = rack.bmc.clear_boot_override().await?;
    rack.start().await?;
    expect(!is_there(), || "the boot after it went to the network again".to_owned())
}

pub(super) async fn pxe_once(rack: &Rack) -> Case {
    rack.somebody_answers_dhcp();
    let _ = rack.bmc.boot_once(&BootTarget::Pxe).await?;
    let again = rack.bmc.boot_once(&BootTarget::Pxe).await?;
    expect(again == rackhand_bmc::Outcome::Unchanged, || format!("arming it again is {again:?}"))?;
    boots_once(rack, &["Pxe"]).await
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
    expect(seen.armed_for_http(&url), || format!("armed, and shown as {seen:?}"))?;
    // The emulator puts what is fetched into the drive, and boots that.
    boots_once(rack, &["UefiHttp", "Cd"]).await
}
