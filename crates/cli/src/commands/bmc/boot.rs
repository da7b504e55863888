//! `bmc … boot`.

use anyhow::bail;
use rackhand_bmc::{BootMode, BootOption, BootSettings, BootTarget, Operation, OverrideEnabled};
use serde::Serialize;

use super::{Here, or_dash, pairs};
use crate::{
    args::{BootCommand, Mode, OnOff},
    render::Table,
};

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
            match target {
                BootTarget::Cd => here.may(Operation::BootCdOnce).await?,
                BootTarget::BiosSetup => here.may(Operation::BootSetupOnce).await?,
                _ => {}
            }
            here.said(&format!("boot {target} once"), &bmc.boot_once(&target).await?)?;
        }
        BootCommand::Clear => here.said("clear the boot override", &bmc.clear_boot_override().await?)?,
        BootCommand::Order { first } => return order(here, &first).await,
        BootCommand::Mode { mode } => set_mode(here, mode).await?,
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

async fn order(here: &Here<'_>, first: &[String]) -> anyhow::Result<()> {
    let boot = here.bmc.boot()?;
    let before = boot.order().await?;
    if first.is_empty() {
        return here.print(&before, || options(&before));
    }
    here.may(Operation::BootOrderSet).await?;
    let mut wanted: Vec<String> = Vec::new();
    for name in first {
        let found = before.iter().find(|option| option.reference.eq_ignore_ascii_case(name));
        let found = found.ok_or_else(|| {
            let there: Vec<&str> = before.iter().map(|option| option.reference.as_str()).collect();
            here.no_such("boot option", name, &there)
        })?;
        if wanted.contains(&found.reference) {
            bail!("{name} is given twice");
        }
        wanted.push(found.reference.clone());
    }
    let named = wanted.clone();
    wanted.extend(before.iter().map(|option| option.reference.clone()).filter(|one| !named.contains(one)));
    if before.iter().map(|option| &option.reference).eq(&wanted) {
        here.tell("the boot order is so already; nothing was sent")?;
        return here.print(&before, || options(&before));
    }
    let list = |order: &[BootOption]| -> String {
        order.iter().map(|option| option.reference.as_str()).collect::<Vec<_>>().join(", ")
    };
    here.tell(format_args!("before: {}", list(&before)))?;
    let outcome = boot.set_order(&wanted).await?;
    let look = async || {
        let now = boot.order().await?;
        Ok(Some(now.iter().map(|option| &option.reference).zip(&named).all(|(seen, wanted)| seen == wanted)))
    };
    here.prove(&format!("boot {} first", named.join(", ")), outcome, look).await?;
    let now = boot.order().await?;
    here.print(&now, || options(&now))
}

fn options(order: &[BootOption]) -> Table {
    let mut table = Table::new(&["#", "REFERENCE", "NAME"]);
    for (number, option) in (1..).zip(order) {
        table.row([number.to_string(), option.reference.clone(), or_dash(option.name.as_ref())]);
    }
    table
}

async fn set_mode(here: &Here<'_>, mode: Mode) -> anyhow::Result<()> {
    let boot = here.bmc.boot()?;
    here.may(Operation::BootModeSet).await?;
    let mode = match mode {
        Mode::Uefi => BootMode::Uefi,
        Mode::Legacy => BootMode::Legacy,
    };
    let before = boot.settings().await?.mode;
    if before == Some(mode) {
        return here.tell(format_args!("it boots in mode {mode:?} already; nothing was sent"));
    }
    here.tell(format_args!("before: {}", or_dash(before.map(|mode| format!("{mode:?}")))))?;
    let outcome = boot.set_mode(mode).await?;
    let look = async || Ok(boot.settings().await?.mode.map(|seen| seen == mode));
    here.prove(&format!("boot in mode {mode:?}"), outcome, look).await
}

pub(super) async fn secure_boot(here: &Here<'_>, wanted: Option<OnOff>) -> anyhow::Result<()> {
    here.bmc.require(Operation::SecureBootRead)?;
    let boot = here.bmc.boot()?;
    let before = boot.secure_boot().await?;
    if let Some(wanted) = wanted {
        here.may(Operation::SecureBootSet).await?;
        let enabled = wanted == OnOff::On;
        let word = on_off(Some(enabled));
        if before.enabled == Some(enabled) {
            here.tell(format_args!("secure boot is {word} already; nothing was sent"))?;
        } else {
            here.tell(format_args!("before: secure boot {}", on_off(before.enabled)))?;
            let outcome = boot.set_secure_boot(enabled).await?;
            let look = async || Ok(boot.secure_boot().await?.enabled.map(|seen| seen == enabled));
            here.prove(&format!("secure boot {word}"), outcome, look).await?;
        }
    }
    let now = boot.secure_boot().await?;
    here.print(&now, || {
        pairs([
            ("next boot", on_off(now.enabled).to_owned()),
            ("present boot", on_off(now.current_boot).to_owned()),
        ])
    })
}

fn on_off(state: Option<bool>) -> &'static str {
    match state {
        Some(true) => "on",
        Some(false) => "off",
        None => "-",
    }
}
