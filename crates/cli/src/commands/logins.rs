//! `retry-login`: somebody's word that refused credentials are corrected.

use std::{os::unix::net::UnixStream, sync::Arc};

use rackhand_agent::{
    journal::{FileJournal, Holder, Wish},
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
    let owner = owner(common)?;
    let mut any = false;
    if let Some(user) = &args.user {
        let refusing = ledger.refused_to(user)?;
        any |= !refusing.is_empty();
        world.stderr.line(format_args!("user {user}: {}", refusing_said(&refusing)))?;
        match owner {
            Owner::Service(_) => post(user, Wish::LoginAs, "retry-login", common, world)?,
            _ => ledger.permit_user_again(user)?,
        }
    }
    for bmc in &bmcs {
        let refused = ledger.refused(bmc)?;
        any |= refused > 0;
        world.stderr.line(format_args!("BMC {bmc}: {}", refused_said(refused)))?;
        match owner {
            Owner::Service(_) => post(bmc, Wish::Login, "retry-login", common, world)?,
            _ => ledger.permit_again(bmc)?,
        }
    }
    match &owner {
        Owner::Service(holder) => world.stderr.line(format_args!(
            "the service ({holder}) was told: it reads everything again, then logs in once more"
        ))?,
        Owner::Other(holder) => world.stderr.line(format_args!(
            "one more login is permitted. An apply runs ({holder}) with the credentials that it has read: once it has ended, apply again"
        ))?,
        Owner::None if any => world.stderr.line("one more login is permitted")?,
        Owner::None => {}
    }
    Ok(if any || matches!(owner, Owner::Service(_)) { Exit::Done } else { Exit::Failed })
}

/// Whose the state directory is at this moment.
enum Owner {
    None,
    /// A service, which itself permits the login, after it has read what was corrected.
    Service(Holder),
    /// An apply, or a service that is not up yet.
    Other(Holder),
}

fn owner(common: &Common) -> anyhow::Result<Owner> {
    let Some(holder) = FileJournal::owner(common.state.path())? else { return Ok(Owner::None) };
    // A socket that a killed service left answers nobody.
    let answers = UnixStream::connect(socket(common.state.path())).is_ok();
    Ok(if answers { Owner::Service(holder) } else { Owner::Other(holder) })
}

fn refusing_said(bmcs: &[String]) -> String {
    match bmcs {
        [] => "no BMC is known to have refused it lately".to_owned(),
        [one] => format!("BMC {one} refused it"),
        many => format!("{} BMCs refused it", many.len()),
    }
}

fn refused_said(logins: u32) -> String {
    match logins {
        0 => "no refused login is known of it".to_owned(),
        1 => "it refused one login".to_owned(),
        n => format!("it refused {n} logins"),
    }
}
