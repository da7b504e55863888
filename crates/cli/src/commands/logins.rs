//! `retry-login`: somebody's word that refused credentials are corrected.

use std::sync::Arc;

use rackhand_agent::{
    journal::{FileJournal, Wish},
    ledger::FileLedger,
};
use rackhand_bmc::Pacing;

use super::decide::post;
use crate::{Exit, World, args::RetryLoginArgs, exit::usage, options::Common, service::socket};

pub(crate) fn retry(args: &RetryLoginArgs, common: &Common, world: &World) -> anyhow::Result<Exit> {
    let mut bmcs = Vec::new();
    for address in &args.addresses {
        let address: rackhand::BmcAddress =
            address.parse().map_err(|error: rackhand::AddressError| usage(error.to_string()))?;
        bmcs.push(address.name());
    }
    let window = Pacing::default().login_window;
    let ledger = FileLedger::open(common.state.create()?, Arc::clone(&world.clock), window)?;
    let (mut permitted, mut none) = (Vec::new(), false);
    if let Some(user) = &args.user {
        let refusing = ledger.permit_user_again(user)?;
        none |= refusing.is_empty();
        world.stderr.line(format_args!("{}", user_said(user, &refusing)))?;
        permitted.extend(refusing);
    }
    for bmc in bmcs {
        let refused = ledger.permit_again(&bmc)?;
        world.stderr.line(format_args!("{}", bmc_said(&bmc, refused)))?;
        if refused == 0 { none = true } else { permitted.push(bmc) }
    }
    if !permitted.is_empty() {
        tell_owner(&permitted, common, world)?;
    }
    Ok(if none { Exit::Failed } else { Exit::Done })
}

/// A service waits for this word; an apply has given those nodes up.
fn tell_owner(bmcs: &[String], common: &Common, world: &World) -> anyhow::Result<()> {
    let Some(owner) = FileJournal::owner(common.state.path())? else { return Ok(()) };
    if !socket(common.state.path()).exists() {
        return Ok(world.stderr.line(format_args!(
            "an apply runs ({owner}), with the credentials that it has read: once it has ended, apply again"
        ))?);
    }
    for bmc in bmcs {
        post(bmc, Wish::Login, "retry-login", common, world)?;
    }
    Ok(world.stderr.line(format_args!("the service ({owner}) was told"))?)
}

fn user_said(user: &str, refusing: &[String]) -> String {
    match refusing {
        [] => format!("user {user}: no BMC is known to have refused it lately; nothing was changed"),
        [one] => format!("user {user}: BMC {one} refused it; one more login is permitted there"),
        many => format!("user {user}: {} BMCs refused it; one more login is permitted to each", many.len()),
    }
}

fn bmc_said(bmc: &str, refused: u32) -> String {
    match refused {
        0 => format!("BMC {bmc}: no refused login is known of it; nothing was changed"),
        1 => format!("BMC {bmc}: it refused one login; one more is permitted"),
        n => format!("BMC {bmc}: it refused {n} logins; one more is permitted"),
    }
}
