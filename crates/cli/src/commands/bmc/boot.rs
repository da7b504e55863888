//! `bmc … boot`.

use anyhow::bail;
use rackhand_bmc::{BootMode, BootSettings, BootTarget, OverrideEnabled};
use serde::Serialize;

use super::{Here, or_dash, pairs};
use crate::args::BootCommand;

/// The boot settings as they are printed, in the names that Redfish has for them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    target: Option<String>,
    enabled: Option<OverrideEnabled>,
    mode: Option<BootMode>,
    secure_boot: Option<bool>,
    allowed_targets: Vec<String>,
}

impl Shown {
    fn of(settings: &BootSettings, secure_boot: Option<bool>) -> Self {
        Self {
            target: settings.target.as_ref().map(ToString::to_string),
            enabled: settings.enabled,
            mode: settings.mode,
            secure_boot,
            allowed_targets: settings.allowed_targets.iter().map(ToString::to_string).collect(),
        }
    }
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
    let shown = Shown::of(&settings, secure_boot);
    here.print(&shown, || {
        let allowed = &shown.allowed_targets;
        pairs([
            ("override", or_dash(shown.target.as_ref())),
            ("in force", or_dash(shown.enabled.map(|enabled| format!("{enabled:?}")))),
            ("mode", or_dash(shown.mode.map(|mode| format!("{mode:?}")))),
            ("secure boot", or_dash(shown.secure_boot.map(|on| if on { "on" } else { "off" }))),
            ("can boot", if allowed.is_empty() { "-".to_owned() } else { allowed.join(", ") }),
        ])
    })
}
