//! What a host that boots over the network is given after an earlier process has switched it on: its own installer, once, or
//! nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

use rackhand_agent::{
    engine::{NodeReport, NodeResult},
    event::StepId,
    history::{History, JobHistory},
    plan::is_offered_again,
    ports::{ImageHost as _, Offer},
    wanted::{BootWay, Follow},
};
use rackhand_tests::{
    fuse::Fuse,
    lab::{Lab, Node},
};

fn by_pxe() -> Node {
    Node::new("lenovo-pxe", "lenovo").boots(BootWay::Pxe)
}

fn by_http() -> Node {
    Node::new("hpe7-http", "ilo7").boots(BootWay::UefiHttp)
}

fn story(lab: &Lab) -> String {
    lab.records().iter().map(|record| format!("{} {:?}\n", record.seq, record.event)).collect()
}

fn job(lab: &Lab, node: &str) -> Option<JobHistory> {
    History::of(&lab.records()).node(node)?.running_job().cloned()
}

/// A lab whose agent was killed once it had switched the host on, and before the host came for anything.
async fn left_on(node: &Node) -> Lab {
    for n in 1..1000 {
        let mut lab = Lab::new(std::slice::from_ref(node), Vec::new());
        allow(&mut lab);
        assert!(lab.apply_fused(&Fuse::at(n)).await.is_none(), "{}", story(&lab));
        let open = job(&lab, &node.name);
        // Its answer has come: the host is on, and not only meant to be.
        if open.is_some_and(|job| is_offered_again(&job) && job.open_act().is_none()) {
            return lab;
        }
    }
    panic!("no such point");
}

/// Live hosts are asked for by name.
fn allow(lab: &mut Lab) {
    for job in &mut lab.jobs {
        job.wanted.permission = Some("--install".to_owned());
    }
}

/// What became of the only node.
fn only(reports: Vec<NodeReport>) -> NodeResult {
    let [report] = <[NodeReport; 1]>::try_from(reports).unwrap();
    report.result
}

/// Runs a new process, whose image server was told before by the journal that the host is to have its installer.
async fn taken_up(lab: &Lab, node: &Node) -> NodeResult {
    only(lab.apply_beside(|_| async { lab.images.offer(&node.name, Offer::Again) }).await)
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_left_on_gets_its_installer_from_the_next_process() {
    for node in [by_pxe(), by_http()] {
        let lab = left_on(&node).await;
        assert_eq!(only(lab.apply().await), NodeResult::Installed, "{}", story(&lab));
        assert!(!lab.images.is_offered(&node.name));
    }
}

#[tokio::test(start_paused = true)]
async fn an_offer_ends_with_the_task_of_its_node_even_where_the_bmc_was_never_dealt_with() {
    for node in [by_pxe(), by_http()] {
        let lab = left_on(&node).await;
        // Another machine answers at the address, and the job does not go on.
        let mut exchanged = Lab::seeded(std::slice::from_ref(&node), Vec::new(), 8);
        exchanged.journal = lab.journal.clone();
        let result = taken_up(&exchanged, &node).await;
        assert!(matches!(result, NodeResult::Failed { .. }), "{result:?}");
        assert!(!exchanged.images.is_offered(&node.name), "{}", node.name);

        // The process is told to stop before it has dealt with the node.
        let images = &lab.images;
        let name = &node.name;
        let stopped = lab.apply_beside(|handle| async move {
            images.offer(name, Offer::Again);
            handle.stop();
        });
        assert_eq!(only(stopped.await), NodeResult::Interrupted);
        assert!(!images.is_offered(name), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_another_by_now_is_not_what_the_host_was_switched_on_for() {
    for mut node in [by_pxe(), by_http()] {
        // The old system that boots instead is no sign of an installation.
        node = node.live();
        node.follow = Follow::NotObservable;
        let lab = left_on(&node).await;
        lab.images.replace("OTHER");
        let result = only(lab.apply().await);
        let NodeResult::Failed { error, .. } = &result else { panic!("{result:?}: {}", story(&lab)) };
        assert!(error.contains("fetched nothing") || error.contains("fetched 0 bytes"), "{error}");
        assert_eq!(lab.images.told_to_install(), 0, "{}", story(&lab));
        assert_eq!(lab.images.bytes_read(&node.name), 0, "{}", story(&lab));
    }
}

#[tokio::test(start_paused = true)]
async fn every_personality_boots_by_http_or_says_before_anything_is_changed_why_not() {
    let (mut installed, mut refused) = (Vec::new(), Vec::new());
    for personality in rackhand_simulator::personality::all() {
        let node = Node::new("node", personality.name()).boots(BootWay::UefiHttp);
        let lab = Lab::new(&[node], Vec::new());
        match only(lab.apply().await) {
            NodeResult::Installed => installed.push(personality.name()),
            NodeResult::Failed { step, error, .. } => {
                assert_eq!(step, StepId::Check, "{}: {error}", personality.name());
                assert!(lab.changes().is_empty(), "{}: {:?}", personality.name(), lab.changes());
                refused.push(format!("{}: {error}", personality.name()));
            }
            other => panic!("{}: {other:?}", personality.name()),
        }
    }
    insta::assert_snapshot!(format!("installed: {}\n{}", installed.join(", "), refused.join("\n")));
}
