//! A BMC that stops answering in the middle, and a caller that goes away.

use std::{sync::Arc, time::Duration};

use rackhand_bmc::{BootOverride, BootTarget, ErrorKind, Outcome, PowerState, ResetType};
use rackhand_ipmi::Options;
use tokio::time::{Instant, timeout};

use crate::{
    relay::{Relay, Valve},
    sim::{PASSWORD, Sim, connect_to, hasty, target, there, until},
};

/// The fence is asked right before a command leaves: the moment to close the valve.
fn closes(valve: &Valve, close: impl Fn(&Valve) + Send + Sync + 'static) -> Options {
    let valve = valve.clone();
    let fence = move || {
        close(&valve);
        Ok(())
    };
    Options { fence: Some(Arc::new(fence)), ..Options::default() }
}

#[tokio::test]
async fn a_read_ends_within_its_deadline_and_all_goes_on() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let relay = Relay::to(sim.socket()).await;
    let target = hasty(target(PASSWORD));
    let within = target.pacing.request_timeout;
    let bmc = connect_to(relay.port, target, Options::default()).await.unwrap();
    relay.valve.deaf();
    let began = Instant::now();
    let error = bmc.power().unwrap().state().await.unwrap_err();
    assert!(error.kind().is_transient(), "{error}");
    assert!(began.elapsed() <= within, "{:?}", began.elapsed());
    relay.valve.open();
    assert_eq!(bmc.power().unwrap().state().await.unwrap(), PowerState::Off);
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_unknown_and_sent_once() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let relay = Relay::to(sim.socket()).await;
    let options = closes(&relay.valve, Valve::mute);
    let bmc = connect_to(relay.port, hasty(target(PASSWORD)), options).await.unwrap();
    let outcome = bmc.power().unwrap().reset(ResetType::On).await.unwrap();
    assert_eq!(outcome, Outcome::Unknown { seen: "no answer came".to_owned() });
    until("the change arriving", async || sim.told().contains("set power 1")).await;
    relay.valve.open();
    assert_eq!(bmc.power().unwrap().state().await.unwrap(), PowerState::On, "the read decides");
    assert_eq!(sim.told().matches("set power 1").count(), 1, "sent once");
    assert_eq!(bmc.session.stats().connections, 2, "on a session of its own");
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn a_change_that_never_arrived_is_unknown_too() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let relay = Relay::to(sim.socket()).await;
    let options = closes(&relay.valve, Valve::deaf);
    let bmc = connect_to(relay.port, hasty(target(PASSWORD)), options).await.unwrap();
    let wanted = BootOverride::once(BootTarget::Pxe);
    let outcome = bmc.boot().unwrap().set_override(wanted).await.unwrap();
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(sim.setting("boot"), None);
    relay.valve.open();
    assert!(!bmc.boot().unwrap().settings().await.unwrap().armed_for(&BootTarget::Pxe));
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn a_change_is_carried_out_although_its_caller_went_away() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let bmc = sim.connect().await;
    let power = bmc.power().unwrap();
    assert!(timeout(Duration::ZERO, power.reset(ResetType::On)).await.is_err(), "polled once, then dropped");
    until("the machine is on", || async { sim.setting("power").as_deref() == Some("1") }).await;
    assert_eq!(power.state().await.unwrap(), PowerState::On);
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn an_agent_that_lost_its_lease_changes_nothing() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let fence = || Err("another agent holds the lease".to_owned());
    let options = Options { fence: Some(Arc::new(fence)), ..Options::default() };
    let bmc = connect_to(sim.port, target(PASSWORD), options).await.unwrap();
    let error = bmc.power().unwrap().reset(ResetType::On).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("not sent: another agent holds the lease"), "{error}");
    let error = bmc.boot_once(&BootTarget::Pxe).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
    assert_eq!((sim.setting("power"), sim.setting("boot")), (None, None));
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn a_bmc_that_forgot_the_session_is_told_once_all_the_same() {
    if !there() {
        return;
    }
    let mut sim = Sim::start().await;
    let bmc = sim.connect().await;
    sim.forgets().await;
    assert_eq!(bmc.power().unwrap().reset(ResetType::On).await.unwrap(), Outcome::Done);
    assert_eq!(sim.told().matches("set power 1").count(), 1);
    assert_eq!(bmc.session.stats().connections, 2);
    bmc.close().await.unwrap();
}
