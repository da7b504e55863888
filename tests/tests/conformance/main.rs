//! One suite for every driver: every operation on every personality, written against [`Bmc`](rackhand_bmc::Bmc) alone.
//!
//! A cell of the matrix says what is known of an operation on a vendor and generation, and on what ground:
//!
//! - `yes`: it was done to the simulated machine and seen there, not only in its BMC's answers. The letter is the best
//!   ground it stands on: `r`, recorded machines answer the same reads (`tests/tests/recorded`); `p`, a third party's service
//!   takes it (`tests/peers`); `s`, this project's own simulator alone, written from the same facts by other hands;
//! - `-`: the capability says that it cannot, with the reason, before anything was sent (reasons stand below the matrix);
//! - `?`: nobody has seen it work on real hardware; it needs leave (`--allow-unverified`), and its source is below.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up must fail"
)]

mod cases;
mod lost;
mod memory;
mod rack;
mod table;
mod troubles;

use std::{collections::BTreeMap, time::Duration};

use rack::{Rack, Setup};
use rackhand_bmc::Operation;
use rackhand_simulator::personality;
use tokio::time::timeout;

/// What became of one operation on one personality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done, and seen on the machine.
    Works,
    /// The capability says no, and nothing was sent.
    No(String),
    /// The capability says that nobody has seen it.
    Unverified(String),
    /// It went wrong.
    Fails(String),
}

/// The longest that an operation may take, in simulated time: a firmware update with its restarts.
const LONGEST: Duration = Duration::from_secs(6 * 60 * 60);

/// Tries one operation on a machine of its own.
pub(crate) async fn verdict(operation: Operation, mut setup: Setup) -> Verdict {
    setup.live = cases::needs_a_live_host(operation);
    let rack = match Rack::new(&setup).await {
        Ok(rack) => rack,
        Err(why) => return Verdict::Fails(format!("connecting: {why}")),
    };
    if let Some(why) = rack.bmc.capabilities.refusal(operation) {
        return Verdict::No(why);
    }
    if let Some(source) = rack.bmc.capabilities.unverified(operation) {
        return Verdict::Unverified(source.to_owned());
    }
    let found = match timeout(LONGEST, cases::run(operation, &rack)).await {
        Ok(found) => found,
        Err(_) => Err(cases::Stop::Wrong("it did not end in six hours".to_owned())),
    };
    let closed = rack.bmc.close().await;
    match (found, closed) {
        (Ok(()), Ok(())) if rack.sessions() == 0 => Verdict::Works,
        (Ok(()), Ok(())) => Verdict::Fails(format!("{} sessions are left", rack.sessions())),
        (Ok(()), Err(error)) => Verdict::Fails(format!("closing: {error}")),
        // What the driver finds out only by asking counts as said beforehand when nothing was changed.
        (Err(cases::Stop::Refused(why)), _) if rack.changes() == 0 => Verdict::No(why),
        (Err(stop), _) => Verdict::Fails(format!("{stop}; last sent: {}", rack.last_changes())),
    }
}

#[tokio::test(start_paused = true)]
async fn every_operation_on_every_personality() {
    let mut matrix = BTreeMap::new();
    let names: Vec<&'static str> = personality::all().iter().map(|one| one.name()).collect();
    for name in &names {
        for operation in Operation::ALL {
            let setup = Setup { personality: (*name).to_owned(), ..Setup::default() };
            matrix.insert((operation, *name), verdict(operation, setup).await);
        }
    }
    println!("{}", table::matrix(&names, &matrix));
    insta::assert_snapshot!("matrix", table::matrix(&names, &matrix));
    let failed: Vec<String> = matrix
        .iter()
        .filter_map(|((operation, name), verdict)| match verdict {
            Verdict::Fails(why) => Some(format!("{operation:?} on {name}: {why}")),
            _ => None,
        })
        .collect();
    assert!(failed.is_empty(), "{} cells fail:\n{}", failed.len(), failed.join("\n"));
}
