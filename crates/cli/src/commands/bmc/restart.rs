//! `bmc … restart`: the BMC restarts, and is waited for.

use rackhand_bmc::{ManagerInfo, Operation, Outcome, Readiness};
use tokio::time::{Instant, sleep};

use super::{Here, or_dash, pairs};

pub(super) async fn run(here: &Here<'_>) -> anyhow::Result<()> {
    here.may(Operation::ManagerReset).await?;
    let (bmc, manager) = (here.bmc, here.bmc.manager()?);
    let before = manager.info().await?;
    here.tell(format_args!(
        "firmware {} restarts; the host is not touched",
        or_dash(before.firmware.as_ref())
    ))?;
    let began = Instant::now();
    match manager.reset().await? {
        // It may be gone before it has answered: what follows shows whether it went.
        Outcome::Unknown { seen } => here.tell(format_args!("no answer came to the request ({seen})"))?,
        outcome => tracing::debug!(?outcome, "the restart is accepted"),
    }
    let went = goes_away(here).await;
    bmc.wait_ready(Readiness::Bmc, bmc.pacing.bmc_reset).await?;
    bmc.wait_ready(Readiness::LifecycleController, bmc.pacing.bmc_reset).await?;
    let took = crate::render::words::time(began.elapsed());
    if !went {
        anyhow::bail!(
            "BMC {}: it was asked to restart, and was not seen to go away within {:?}; it answers now",
            bmc.address,
            bmc.pacing.power_change
        );
    }
    here.tell(format_args!("it went away, and is ready again after {took}"))?;
    let after = manager.info().await?;
    here.print(&after, || table(&after))
}

/// Looks until the BMC no longer answers: one that is asked right after the request still does, and is not yet ready again.
async fn goes_away(here: &Here<'_>) -> bool {
    let bmc = here.bmc;
    let end = Instant::now() + bmc.pacing.power_change;
    while Instant::now() < end {
        match bmc.manager() {
            Ok(manager) if manager.info().await.is_ok() => sleep(bmc.pacing.poll / 5).await,
            _ => return true,
        }
    }
    false
}

fn table(info: &ManagerInfo) -> crate::render::Table {
    pairs([
        ("BMC", info.id.clone()),
        ("model", or_dash(info.model.as_ref())),
        ("firmware", or_dash(info.firmware.as_ref())),
        ("date", or_dash(info.date)),
    ])
}
