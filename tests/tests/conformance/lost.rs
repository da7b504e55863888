//! Every change whose answer is lost is made once: what was sent is looked for and never sent again.

use std::{collections::BTreeMap, time::Duration};

use rackhand_bmc::Operation;
use rackhand_simulator::{
    faults::{Rule, What},
    log::{Class, Entry},
    personality,
};
use tokio::time::timeout;

use crate::{
    cases,
    rack::{Rack, Setup},
};

/// What the BMC was made to do, and how often.
type Effects = BTreeMap<String, usize>;

fn effects(rack: &Rack) -> Effects {
    let mut effects = Effects::new();
    for entry in rack.sim.log().entries() {
        if let Entry::Request(one) = entry
            && one.class == Class::Change
            && one.applied
        {
            let what = format!("{} {} {}", one.method, one.path, one.summary.unwrap_or_default());
            *effects.entry(what).or_insert(0) += 1;
        }
    }
    effects
}

/// Logins whose own answer was lost (the XML API has its own): nobody knows their sessions, which run out by themselves.
fn lost_logins(rack: &Rack) -> usize {
    let lost = |entry: &&Entry| match entry {
        Entry::Request(one) => one.fault.is_some() && (one.class == Class::Session || one.path == "/nuova"),
        Entry::State(_) => false,
    };
    rack.sim.log().entries().iter().filter(lost).count()
}

/// Does the operation; answers what it did, whether it came to its end, and how many sessions it left.
async fn done(operation: Operation, setup: &Setup) -> Option<(Effects, bool, usize)> {
    let rack = Rack::new(setup).await.ok()?;
    let can = rack.bmc.capabilities.refusal(operation).is_none()
        && rack.bmc.capabilities.unverified(operation).is_none();
    if !can {
        return None;
    }
    let found = timeout(Duration::from_secs(6 * 60 * 60), cases::run(operation, &rack)).await;
    let _ = rack.bmc.close().await;
    let left = rack.sessions().saturating_sub(lost_logins(&rack));
    Some((effects(&rack), matches!(found, Ok(Ok(()))), left))
}

/// The answer to the first change of each kind is lost, after it took effect. The first POST is the login.
fn lost() -> Vec<Rule> {
    let rule = |method: &str, after| Rule::new("lost", What::CutAfter).request(method, "*").window(after, 1);
    vec![rule("PATCH", 0), rule("PUT", 0), rule("POST", 1)]
}

#[tokio::test(start_paused = true)]
async fn every_change_whose_answer_is_lost_is_made_once() {
    let (mut tried, mut ended, mut wrong) = (0, 0, Vec::new());
    for personality in personality::all() {
        for operation in Operation::ALL {
            let live = cases::needs_a_live_host(operation);
            let setup = Setup { live, ..Setup::of(personality.name()) };
            let Some((before, true, _)) = done(operation, &setup).await else { continue };
            let spoilt = Setup { faults: lost(), ..setup };
            let Some((after, ends, sessions)) = done(operation, &spoilt).await else { continue };
            (tried, ended) = (tried + 1, ended + usize::from(ends));
            let twice = after.iter().find(|(what, times)| **times > before.get(*what).copied().unwrap_or(1));
            if let Some((what, times)) = twice {
                wrong.push(format!("{operation:?} on {}: {times} times {what}", personality.name()));
            }
            if sessions != 0 {
                wrong.push(format!("{operation:?} on {}: {sessions} sessions are left", personality.name()));
            }
        }
    }
    println!("{tried} operations whose answers were lost; {ended} came to their end all the same");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 300, "{tried} operations were tried");
}
