//! The guest: what boots from a virtual CD or over the network, as an installer behaves, and the system that it leaves on
//! disk.
//!
//! The medium's file `/RACKHAND.CFG` holds `key=value` lines. `callback={base}/callback` names where to report to;
//! `{base}` is the medium's URL without its last segment. A kernel that is started over the network has the call-back in
//! its argument `rackhand.callback=URL`, or in an initial file system that begins with such lines. Reports are JSON:
//! `{"stage", "mac", "serial"}` with the stages `Writing image to disk`, `Rebooting` and, from the installed system, `Done`.

mod cd;
mod network;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::cell::Cell;
use crate::fetch;
use crate::machine::Image;
pub use cd::boot_cd;
pub use network::{boot_http, boot_pxe};

/// How long is waited before a source that went away is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often an installer looks at its medium while it writes the disk.
const LOOKS: u32 = 10;
/// How often a report is tried.
const REPORTS: u32 = 720;

/// Why the guest cannot go on.
enum Stopped {
    /// That boot is over: somebody cut the power or reset the host.
    BootOver,
    /// The medium is no longer there.
    MediumLost(String),
    /// Firmware finds nothing bootable.
    NotBootable(String),
}

/// An installer that was loaded.
struct Installer {
    cell: Arc<Cell>,
    boot: u64,
    /// Of all that was loaded, SHA-256.
    digest: String,
    callback: Option<String>,
}

impl Installer {
    /// Installs, looking at `medium` now and then; one that is in memory as a whole needs no looking at.
    async fn install(&self, medium: Option<&cd::Run>) -> Result<(), Stopped> {
        let times = self.cell.with(|machine| machine.guest_times.clone());
        let clock = &self.cell.world.clock;
        clock.sleep(times.load).await;
        self.stage("started")?;
        clock.sleep(times.prepare).await;
        self.stage("writing")?;
        self.report("Writing image to disk").await;
        alive(self.cell.with(|machine| machine.installer_writes(self.boot)))?;
        for look in 0..LOOKS {
            clock.sleep(times.write / LOOKS).await;
            if let Some(medium) = medium {
                medium.look(look).await?;
            }
        }
        let image = Image { digest: self.digest.clone(), callback: self.callback.clone(), announced: false };
        alive(self.cell.with(|machine| machine.installer_wrote(self.boot, image)))?;
        self.stage("rebooting")?;
        self.report("Rebooting").await;
        self.cell.with(|machine| machine.guest_resets(self.boot));
        Ok(())
    }

    fn stage(&self, stage: &'static str) -> Result<(), Stopped> {
        alive(self.cell.with(|machine| machine.installer_stage(self.boot, stage)))
    }

    async fn report(&self, stage: &str) {
        if let Some(callback) = &self.callback {
            report(&self.cell, self.boot, callback, stage).await;
        }
    }
}

fn alive(alive: bool) -> Result<(), Stopped> {
    if alive { Ok(()) } else { Err(Stopped::BootOver) }
}

/// The call-back of a configuration file, for a medium at `url`.
fn callback(config: &str, url: &str) -> Option<String> {
    let line = config.lines().find_map(|line| line.trim().strip_prefix("callback="))?;
    let base = url.rsplit_once('/').map_or(url, |(base, _)| base);
    Some(line.trim().replace("{base}", base))
}

/// The installed system runs for the first time: it reports "Done".
pub async fn announce(cell: Arc<Cell>, boot: u64, callback: String) {
    report(&cell, boot, &callback, "Done").await;
}

/// Reports a stage, trying again as installers do while the boot goes on.
async fn report(cell: &Arc<Cell>, boot: u64, callback: &str, stage: &str) {
    let body = cell.with(|machine| {
        let mac = machine.identity.macs.first().cloned();
        json!({"stage": stage, "mac": mac, "serial": machine.identity.serial})
    });
    for _ in 0..REPORTS {
        if !cell.with(|machine| machine.is_boot(boot)) {
            return;
        }
        match fetch::post(cell.world.net.as_ref(), callback, &body, false).await {
            Ok(()) => {
                cell.with(|machine| machine.note("callback", "", stage));
                return;
            }
            Err(error) => tracing::debug!(machine = cell.name, %error, stage, "a call-back failed"),
        }
        cell.world.clock.sleep(AGAIN).await;
    }
    cell.with(|machine| machine.note("callback", stage, format!("{stage}: given up")));
}

#[cfg(test)]
mod tests {
    use super::callback;

    #[test]
    fn the_callback_is_beside_the_medium() {
        let config = "# a comment\ncallback={base}/callback\n";
        let url = "https://127.0.0.1:8443/t0ken/node.iso";
        assert_eq!(callback(config, url).as_deref(), Some("https://127.0.0.1:8443/t0ken/callback"));
        assert_eq!(callback("", url), None);
    }
}
