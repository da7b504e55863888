//! Who is not let in, and what is not spoken.

use std::{net::Ipv4Addr, sync::Arc};

use rackhand_bmc::{Bmc, ErrorKind, MemoryLedger, Outcome, Result};
use rackhand_ipmi::{Address, Options, Privilege, connect};
use tokio::net::UdpSocket;

use crate::{
    relay::Relay,
    sim::{PASSWORD, Sim, connect_to, free_port, hasty, target, target_with, there},
};

#[tokio::test]
async fn a_wrong_password_is_sent_twice_and_never_again() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let relay = Relay::to(sim.socket()).await;
    let ledger = Arc::new(MemoryLedger::default());
    let log_in =
        async || connect_to(relay.port, target_with("mellon", ledger.clone()), Options::default()).await;
    for logins in 1..=2 {
        let error = log_in().await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::RefusedCredentials, "{error}");
        assert_eq!(
            error.to_string(),
            "BMC rack-1: user name or password refused: the BMC does not know this password for the user, or not as an \
             administrator, whose session the login always asks for (IPMI login (RAKP))"
        );
        assert_eq!(relay.valve.logins(), logins);
    }
    let error = log_in().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Locked { retry_after: None });
    // What it speaks is asked without a name; nothing is sent that could lock the account.
    assert_eq!(relay.valve.logins(), 2, "no login was sent");
    let right = connect_to(relay.port, target(PASSWORD), Options::default()).await.unwrap();
    right.close().await.unwrap();
}

#[tokio::test]
async fn an_unknown_user_is_refused_credentials() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let mut target = target(PASSWORD);
    target.credentials.username = "nobody".to_owned();
    let error = connect_to(sim.port, target, Options::default()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::RefusedCredentials, "{error}");
}

#[tokio::test]
async fn an_operator_is_told_from_an_administrator() {
    if !there() {
        return;
    }
    let sim = Sim::start().await;
    let log_in = async |privilege| {
        let mut target = target(PASSWORD);
        target.credentials.username = "oper".to_owned();
        connect_to(sim.port, target, Options { privilege, ..Options::default() }).await
    };
    // ipmi-rs asks for an administrator's session whoever logs in. This BMC then signs with something else
    // than the operator's password, so that a right one passes for a wrong one; the error has to say both.
    for privilege in [Privilege::Administrator, Privilege::Operator] {
        let error = log_in(privilege).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::RefusedCredentials, "{error}");
        assert!(error.to_string().contains("or not as an administrator"), "{error}");
    }
    let options = Options { privilege: Privilege::Operator, ..Options::default() };
    let bmc = connect_to(sim.port, target(PASSWORD), options).await.unwrap();
    assert_eq!(bmc.power_on().await.unwrap(), Outcome::Done);
    bmc.close().await.unwrap();
}

#[tokio::test]
async fn credentials_that_ipmi_has_no_room_for_are_not_sent() {
    let refused = async |name: &str, password: &str| {
        let mut target = target(password);
        target.credentials.username = name.to_owned();
        connect_to(free_port(), target, Options::default()).await.unwrap_err().to_string()
    };
    assert_eq!(
        refused("administrator-of-all", "x").await,
        "BMC rack-1: the user name cannot be used over IPMI: it has more than 16 characters; nothing was sent"
    );
    assert!(refused("jürgen", "x").await.contains("other characters than ASCII"));
    assert!(refused("admin", "a password that is too long").await.contains("more than 20 bytes"));
}

#[tokio::test]
async fn nothing_is_sent_outside_the_networks() {
    let bmc = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let options = Options { networks: Some(Arc::new(|ip| !ip.is_loopback())), ..Options::default() };
    let error = connect_to(bmc.local_addr().unwrap().port(), target(PASSWORD), options).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1 is outside the networks"), "{error}");
    assert!(bmc.try_recv(&mut [0u8; 8]).is_err());
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_unreachable() {
    let error = connect_to(free_port(), hasty(target(PASSWORD)), Options::default()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("nothing listens on this port"), "{error}");
}

/// Whoever reads the address sees the same name in every message.
#[tokio::test]
async fn a_name_that_is_not_known_is_said() {
    let address = Address::new("no-such-bmc.invalid", None);
    let seen: Result<Bmc> = connect(&address, target(PASSWORD), Options::default()).await;
    let text = seen.unwrap_err().to_string();
    assert!(text.starts_with("BMC rack-1: the name no-such-bmc.invalid was not resolved"), "{text}");
}
