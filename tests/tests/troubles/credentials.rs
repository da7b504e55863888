//! Passwords that are refused: BMCs block addresses and lock accounts, so at most two logins are ever sent.

use std::{collections::BTreeMap, sync::Arc};

use rackhand::Pacing;
use rackhand_agent::{
    engine::{Limits, NodeResult},
    event::Event,
    ledger::FileLedger,
};
use rackhand_simulator::faults::{Rule, What};
use rackhand_tests::lab::{Lab, Node};
use tokio::time::sleep;

use crate::support::{assert_taken_back, bad_after, effects, lab, logins, story, told};

fn wrong() -> Rule {
    Rule::new("wrong", What::WrongPassword).machine("bad")
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_sent_twice_at_most_and_not_again_within_the_window() {
    let state = tempfile::tempdir().unwrap();
    let mut lab = lab(vec![wrong()]);
    let window = Pacing::default().login_window;
    lab.ledger = Arc::new(FileLedger::open(state.path(), lab.clock.clone(), window).unwrap());
    insta::assert_snapshot!(told(&bad_after(&lab).await), @r#"
    connect: BMC bad: the BMC refuses user "lab" or the password (POST /redfish/v1/SessionService/Sessions); IDRAC.2.8.RAC0212: The login failed: wrong user name or password.
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    "#);
    assert!((1..=2).contains(&logins(&lab)), "{}", logins(&lab));
    assert_taken_back(&lab);

    let sent = logins(&lab);
    insta::assert_snapshot!(told(&bad_after(&lab).await), @r"
    connect: BMC bad: it refused 2 logins within the last 30 min (now asked for user lab); no further login is tried, so that it does not lock the account or block this address. Correct the user name or password, then permit a login: rackhand retry-login bad; after 21 min one is permitted without
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    ");
    assert_eq!(logins(&lab), sent, "no login within the window");

    // Once the password is right and the window over, nothing stands in the way.
    sleep(window).await;
    lab.sim.faults().remove("wrong");
    assert_eq!(bad_after(&lab).await, NodeResult::Installed);
}

#[tokio::test(start_paused = true)]
async fn every_personality_sees_two_logins_at_most() {
    for personality in ["idrac9", "ilo5", "ilo6", "cimc"] {
        let lab = Lab::new(&[Node::new("bad", personality)], vec![wrong()]);
        let result = bad_after(&lab).await;
        assert!(matches!(result, NodeResult::Failed { refused: true, .. }), "{personality}: {result:?}");
        assert!((1..=2).contains(&logins(&lab)), "{personality}: {}", logins(&lab));
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_that_several_bmcs_refuse_is_stopped_for_all() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let nodes: Vec<Node> = names.iter().map(|name| Node::new(name, "idrac9")).collect();
    let mut lab = Lab::new(&nodes, vec![Rule::new("wrong", What::WrongPassword)]);
    lab.limits = Limits { nodes: 1, ..Limits::default() };
    let state = tempfile::tempdir().unwrap();
    let window = Pacing::default().login_window;
    lab.ledger = Arc::new(FileLedger::open(state.path(), lab.clock.clone(), window).unwrap());
    let reports = lab.apply().await;
    let asked = |name: &&str| lab.sim.log().requests(name).iter().any(|one| one.method == "POST");
    let asked: Vec<&str> = names.into_iter().filter(asked).collect();
    assert_eq!(asked, ["a", "b", "c"], "the others' BMCs see no login at all");
    insta::assert_snapshot!(told(&reports[5].result), @r"
    connect: BMC f: user lab was refused by 3 BMCs and accepted by none since, so the credential is most likely wrong and is tried on no BMC any more. Correct the password, then permit it: rackhand retry-login --user lab; after 30 min it is permitted without
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    ");
}

/// A password that is changed under an installation, and a session that ends: the job waits for the right one.
#[tokio::test(start_paused = true)]
async fn credentials_refused_while_the_host_installs_end_no_job() {
    let expired = What::Status { code: 401, body: String::new(), content_type: None, retry_after: None };
    for personality in ["idrac9", "ilo6", "sushy"] {
        let faults = vec![
            Rule::new("expired", expired.clone()).request("GET", "*").phase("Install"),
            Rule::new("changed", What::WrongPassword).phase("Install"),
        ];
        let state = tempfile::tempdir().unwrap();
        let window = Pacing::default().login_window;
        let mut lab = Lab::new(&[Node::new("bad", personality)], faults);
        lab.ledger = Arc::new(FileLedger::open(state.path(), lab.clock.clone(), window).unwrap());
        let reports = lab.apply().await;
        let NodeResult::Failed { advice, refused, .. } = &reports[0].result else {
            panic!("{personality}: {}", story(&lab))
        };
        assert!(*refused && advice.contains("its job stays open"), "{advice}");
        let over = lab.records().iter().any(|record| matches!(record.event, Event::JobFinished { .. }));
        assert!(!over, "{personality}: {}", story(&lab));
        for name in ["expired", "changed"] {
            lab.sim.faults().remove(name);
        }
        sleep(window).await;
        let before = effects(&lab, "bad");
        let again = lab.apply().await;
        assert_eq!(again[0].result, NodeResult::Installed, "{personality}: {}", story(&lab));
        let on = |effects: &BTreeMap<String, usize>| -> usize {
            effects.iter().filter(|(what, _)| what.contains("ComputerSystem.Reset")).map(|(_, n)| n).sum()
        };
        assert_eq!(on(&before), on(&effects(&lab, "bad")), "nothing is switched again");
    }
}
