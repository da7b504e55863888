//! `retry-login`: somebody's word that refused credentials are corrected.

use std::{os::unix::net::UnixStream, sync::Arc};

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
    let (mut words, mut any) = (Vec::new(), false);
    if let Some(user) = &args.user {
        let refusing = ledger.permit_user_again(user)?;
        any |= !refusing.is_empty();
        world.stderr.line(format_args!("{}", user_said(user, &refusing)))?;
        words.push((Wish::LoginAs, user.clone()));
    }
    for bmc in bmcs {
        let refused = ledger.permit_again(&bmc)?;
        any |= refused > 0;
        world.stderr.line(format_args!("{}", bmc_said(&bmc, refused)))?;
        words.push((Wish::Login, bmc));
    }
    let told = tell_owner(&words, common, world)?;
    Ok(if any || told { Exit::Done } else { Exit::Failed })
}

/// A service waits for this word, however long ago the refusal was; an apply has given those nodes up. Answers whether a
/// service was told.
fn tell_owner(words: &[(Wish, String)], common: &Common, world: &World) -> anyhow::Result<bool> {
    let Some(owner) = FileJournal::owner(common.state.path())? else { return Ok(false) };
    for (wish, whose) in words {
        post(whose, *wish, "retry-login", common, world)?;
    }
    // A socket that a killed service left answers nobody.
    let service = UnixStream::connect(socket(common.state.path())).is_ok();
    world.stderr.line(if service {
        format!("the service ({owner}) was told: it reads everything again, then logs in")
    } else {
        format!(
            "an apply runs ({owner}) with the credentials that it has read: once it has ended, apply again"
        )
    })?;
    Ok(service)
}

fn user_said(user: &str, refusing: &[String]) -> String {
    match refusing {
        [] => format!("user {user}: no BMC is known to have refused it lately"),
        [one] => format!("user {user}: BMC {one} refused it; one more login is permitted there"),
        many => format!("user {user}: {} BMCs refused it; one more login is permitted to each", many.len()),
    }
}

fn bmc_said(bmc: &str, refused: u32) -> String {
    match refused {
        0 => format!("BMC {bmc}: no refused login is known of it"),
        1 => format!("BMC {bmc}: it refused one login; one more is permitted"),
        n => format!("BMC {bmc}: it refused {n} logins; one more is permitted"),
    }
}
