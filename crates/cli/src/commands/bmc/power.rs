//! `bmc … power`.

use rackhand_bmc::{HostView, Operation, PowerOffPolicy, ResetType};

use super::{Here, or_dash, pairs};
use crate::args::PowerCommand;

pub(super) async fn run(here: &Here<'_>, command: Option<PowerCommand>) -> anyhow::Result<()> {
    let bmc = here.bmc;
    match command.unwrap_or(PowerCommand::State) {
        PowerCommand::State => {}
        PowerCommand::On => {
            here.may(Operation::PowerOn).await?;
            here.said("power on", &bmc.power_on().await?)?;
        }
        PowerCommand::Off { force } => here.said("power off", &bmc.power_off(policy(force)).await?)?,
        PowerCommand::Restart { force } => {
            // Two acts with a proof each: a restart leaves no trace by which a lost answer could be decided.
            here.said("power off", &bmc.power_off(policy(force)).await?)?;
            here.said("power on", &bmc.power_on().await?)?;
        }
        PowerCommand::Nmi => {
            here.may(Operation::PowerNmi).await?;
            here.said("non-maskable interrupt", &bmc.power()?.reset(ResetType::Nmi).await?)?;
        }
    }
    let view = bmc.power()?.observe().await?;
    here.print(&view, || table(&view))
}

fn policy(force: bool) -> PowerOffPolicy {
    if force { PowerOffPolicy::Force } else { PowerOffPolicy::GracefulThenForce }
}

fn table(view: &HostView) -> crate::render::Table {
    pairs([
        ("power", format!("{:?}", view.power)),
        ("host", format!("{:?}", view.progress)),
        ("boot override", or_dash(view.boot.target.as_ref())),
        ("last reset", or_dash(view.last_reset.as_ref())),
    ])
}
