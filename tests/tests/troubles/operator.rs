//! What operators do: cancel, decide, try again; and what keeps a rollout that goes wrong small.

use rackhand_agent::{
    engine::{Handle, Limits, NodeResult},
    event::{Decision, Event, StepId},
    journal::{Entry, Journal as _},
};
use rackhand_simulator::{
    faults::{Rule, What},
    machine::{Disk, Power},
};
use rackhand_tests::lab::{Lab, Node};

use crate::support::{
    assert_no_medium, assert_no_session, assert_taken_back, bad, bad_after, effects, good, judged, lab,
    story, told,
};

/// Cancels `bad` as soon as a step of its has begun.
async fn cancel_at(lab: &Lab, step: StepId, handle: Handle) {
    let mut written = lab.journal.clone().watch();
    let begun = |lab: &Lab| {
        lab.records().iter().any(|record| {
            record.node.as_deref() == Some("bad")
                && matches!(&record.event, Event::StepStarted { step: seen, .. } if *seen == step)
        })
    };
    while !begun(lab) {
        written.changed().await.unwrap();
    }
    assert!(handle.cancel("bad"));
}

async fn cancelled_at(step: StepId) -> (Lab, String) {
    let lab = lab(Vec::new());
    let reports = lab.apply_beside(|handle| cancel_at(&lab, step, handle)).await;
    let NodeResult::Cancelled(state) = judged(&lab, reports) else {
        panic!("cancelled at {step}: {}", story(&lab));
    };
    (lab, state)
}

#[tokio::test(start_paused = true)]
async fn a_cancel_before_the_host_installs_takes_everything_back() {
    for step in [StepId::Check, StepId::Bios, StepId::Media, StepId::BootOnce] {
        let (lab, state) = cancelled_at(step).await;
        assert_eq!(
            state, "the host was not switched on to install, and no medium or boot override of ours is left",
            "at {step}"
        );
        assert_taken_back(&lab);
        // It is not begun again by itself, but by somebody's word.
        let NodeResult::NeedsDecision(reason) = bad_after(&lab).await else { panic!("at {step}") };
        assert_eq!(reason, "its last job was cancelled. To go on: rackhand retry bad");
        decide(&lab, Decision::Install, None).await;
        assert_eq!(bad_after(&lab).await, NodeResult::Installed, "at {step}: {}", story(&lab));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_once_the_host_installs_leaves_it_running() {
    for step in [StepId::PowerOn, StepId::Follow] {
        let (lab, state) = cancelled_at(step).await;
        assert_eq!(
            state, "the host had been switched on to install and was left running, with the medium in",
            "at {step}"
        );
        lab.sim.machine("bad").unwrap().with(|machine| {
            assert_eq!(machine.power(), Power::On, "at {step}");
            assert!(machine.slots.iter().any(|slot| slot.image.is_some()), "at {step}");
        });
        let NodeResult::NeedsDecision(reason) = bad_after(&lab).await else { panic!("at {step}") };
        insta::allow_duplicates! { insta::assert_snapshot!(reason, @"its installation was cancelled under way. To install it again: rackhand retry bad; if it is fine: rackhand adopt bad"); }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_the_bmc_does_not_answer_ends_at_once() {
    let lab = lab(vec![Rule::new("down", What::Down { seconds: 1e6 })]);
    let beside = |handle: Handle| async move {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        assert!(handle.cancel("bad"));
    };
    let reports = lab.apply_beside(beside).await;
    assert_eq!(judged(&lab, reports), NodeResult::Cancelled("nothing had begun".to_owned()));
}

/// Writes an operator's word into the journal, as the commands do.
async fn decide(lab: &Lab, decision: Decision, request: Option<&str>) {
    let event =
        Event::Decided { decision, by: "an operator".to_owned(), request: request.map(str::to_owned) };
    lab.journal.append(Entry { node: Some("bad".to_owned()), event }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_live_host_is_adopted_and_left_alone() {
    let lab = Lab::new(&[bad().live(), good()], Vec::new());
    let NodeResult::NeedsDecision(reason) = bad_after(&lab).await else { panic!("{}", story(&lab)) };
    insta::assert_snapshot!(reason, @"the host is on and the journal has no record of it: it may be a live system. To install it all the same: rackhand apply --install bad; to record it as installed: rackhand adopt bad");
    decide(&lab, Decision::Adopt, Some("first")).await;
    let NodeResult::Nothing(reason) = bad_after(&lab).await else { panic!("{}", story(&lab)) };
    assert!(reason.starts_with("adopted as installed since "), "{reason}");
    assert!(effects(&lab, "bad").is_empty(), "{:?}", effects(&lab, "bad"));
    lab.sim.machine("bad").unwrap().with(|machine| assert_eq!(*machine.disk(), Disk::OldOs));
}

#[tokio::test(start_paused = true)]
async fn a_failed_installation_is_begun_again_only_by_somebodys_word() {
    // The host boots, and the installer's call-back never comes: the medium is taken away as it reads.
    let lab = lab(vec![Rule::new("unreachable", What::ImageUnreachable).machine("bad")]);
    let mut first = bad_after(&lab).await;
    if matches!(&first, NodeResult::Failed { step: StepId::Media, .. }) {
        // An iDRAC notices before the host boots. Let it attach, and take the route away once the host is on.
        lab.sim.faults().remove("unreachable");
        let beside = |_: Handle| async {
            lab.sim.log().wait_state("bad", "guest", "loading cd").await;
            lab.sim.faults().add(Rule::new("unreachable", What::ImageUnreachable).machine("bad"));
        };
        let reports = lab.apply_beside(beside).await;
        first = judged(&lab, reports);
    }
    insta::assert_snapshot!(told(&first), @r"
    follow: the installer did not report a written disk within 2h; last sign: bad reads the image, at 2027-01-15T08:11:28Z
    Look at the host's console. To install it again from the start: rackhand retry bad
    ");
    lab.sim.faults().remove("unreachable");
    let before = effects(&lab, "bad");
    let NodeResult::NeedsDecision(reason) = bad_after(&lab).await else { panic!("{}", story(&lab)) };
    insta::assert_snapshot!(reason, @"its installation was begun and failed in step follow: the installer did not report a written disk within 2h; last sign: bad reads the image, at 2027-01-15T08:11:28Z. To install it again: rackhand retry bad");
    assert_eq!(effects(&lab, "bad"), before, "nothing without a word");
    decide(&lab, Decision::Install, None).await;
    assert_eq!(bad_after(&lab).await, NodeResult::Installed, "{}", story(&lab));
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_goes_wrong_is_stopped_by_its_failure_budget() {
    let nodes: Vec<Node> = ["a", "b", "c", "d"].iter().map(|name| Node::new(name, "ilo5")).collect();
    let mut lab = Lab::new(&nodes, vec![Rule::new("stuck", What::MediaNeverAttaches)]);
    lab.limits = Limits { nodes: 1, failure_budget: Some(2), ..Limits::default() };
    let reports = lab.apply().await;
    let failed = reports.iter().filter(|one| matches!(one.result, NodeResult::Failed { .. })).count();
    assert_eq!(failed, 2);
    let NodeResult::NotStarted(why) = &reports[3].result else { panic!("{reports:?}") };
    insta::assert_snapshot!(why, @"2 nodes failed, and the failure budget is 2: no further node is begun");
    assert!(lab.sim.log().requests("d").is_empty(), "its BMC is not even connected to");
    assert_no_session(&lab);
}

#[tokio::test(start_paused = true)]
async fn two_nodes_on_one_bmc_take_turns_and_only_the_first_installs() {
    let lab = Lab::new(&[bad(), Node::new("twin", "idrac9").on_machine("bad")], Vec::new());
    let reports = lab.apply().await;
    assert_eq!(reports[0].result, NodeResult::Installed, "{}", story(&lab));
    let NodeResult::NeedsDecision(reason) = &reports[1].result else { panic!("{reports:?}") };
    insta::assert_snapshot!(reason, @"the host is on and the journal has no record of it: it may be a live system. To install it all the same: rackhand apply --install twin; to record it as installed: rackhand adopt twin");
    let inserts = effects(&lab, "bad").into_iter().filter(|(what, _)| what.contains("InsertMedia "));
    assert_eq!(inserts.map(|(_, times)| times).sum::<usize>(), 1);
    lab.sim.machine("bad").unwrap().with(|machine| assert_no_medium(machine, &lab));
    assert_no_session(&lab);
}
