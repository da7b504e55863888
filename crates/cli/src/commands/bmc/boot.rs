//! `bmc … boot`.

use anyhow::bail;
use rackhand_bmc::{BootSettings, BootTarget};
use serde::Serialize;

use super::{Here, or_dash, pairs};
use crate::args::BootCommand;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(flatten)]
    settings: BootSettings,
    secure_boot: Option<bool>,
}

pub(super) async fn run(here: &Here<'_>, command: Option<BootCommand>) -> anyhow::Result<()> {
    let bmc = here.bmc;
    match command.unwrap_or(BootCommand::Show) {
        BootCommand::Show => {}
        BootCommand::Once { target } => {
            let target = BootTarget::parse(&target);
            let allowed = bmc.boot()?.settings().await?.allowed_targets;
            if !allowed.is_empty() && !allowed.contains(&target) {
                let names: Vec<&str> = allowed.iter().map(BootTarget::as_str).collect();
                bail!("BMC {} does not boot {target}; it names: {}", bmc.address, names.join(", "));
            }
            here.said(&format!("boot {target} once"), &bmc.boot_once(&target).await?)?;
        }
        BootCommand::Clear => here.said("clear the boot override", &bmc.clear_boot_override().await?)?,
    }
    let settings = bmc.boot()?.settings().await?;
    // Not every BMC has it, and what boots next is worth showing all the same.
    let secure_boot = bmc.boot()?.secure_boot().await.ok().and_then(|seen| seen.enabled);
    let shown = Shown { settings, secure_boot };
    here.print(&shown, || {
        let allowed: Vec<&str> = shown.settings.allowed_targets.iter().map(BootTarget::as_str).collect();
        pairs([
            ("override", or_dash(shown.settings.target.as_ref())),
            ("in force", or_dash(shown.settings.enabled.map(|enabled| format!("{enabled:?}")))),
            ("mode", or_dash(shown.settings.mode.map(|mode| format!("{mode:?}")))),
            ("secure boot", or_dash(shown.secure_boot.map(|on| if on { "on" } else { "off" }))),
            ("can boot", if allowed.is_empty() { "-".to_owned() } else { allowed.join(", ") }),
        ])
    })
}
