//! The whole agent against simulated machines under a paused clock: installs, resumes after every kill, and leaves
//! alone what it must not touch.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

use rackhand_agent::{
    engine::{NodeReport, NodeResult},
    event::Event,
    wanted::BootWay,
};
use rackhand_tests::{
    effects::{Effects, same_work},
    fuse::Fuse,
    lab::{Lab, Node},
};

/// A machine per personality, each with BIOS wishes in its own words.
fn nodes() -> Vec<Node> {
    vec![
        Node::new("dell", "idrac9").bios(&[("SriovGlobalEnable", "Enabled"), ("LogicalProc", "Disabled")]),
        Node::new("hpe5", "ilo5").bios(&[("Sriov", "Enabled"), ("WorkloadProfile", "Custom")]),
        Node::new("hpe6", "ilo6").bios(&[("Sriov", "Enabled"), ("WorkloadProfile", "Custom")]),
        Node::new("cisco", "cimc").bios(&[("IntelVTD", "Enabled"), ("SrIov", "Enabled")]),
        Node::new("sushy", "sushy").bios(&[("ProcTurboMode", "Disabled")]),
        Node::new("hpe7-http", "ilo7").boots(BootWay::UefiHttp),
        Node::new("dell-http", "idrac9-7").boots(BootWay::UefiHttp),
        Node::new("lenovo-pxe", "lenovo").boots(BootWay::Pxe),
        Node::new("sushy-pxe", "sushy").boots(BootWay::Pxe),
        Node::new("sushy-http", "sushy").boots(BootWay::UefiHttp),
        Node::new("supermicro-pxe", "supermicro").boots(BootWay::Pxe),
    ]
}

fn results(reports: Vec<NodeReport>) -> Vec<NodeResult> {
    reports.into_iter().map(|report| report.result).collect()
}

fn story(lab: &Lab) -> String {
    lab.records().iter().map(|record| format!("{} {:?}\n", record.seq, record.event)).collect()
}

#[tokio::test(start_paused = true)]
async fn every_personality_is_installed_and_a_second_apply_changes_nothing() {
    let lab = Lab::new(&nodes(), Vec::new());
    assert_eq!(results(lab.apply().await), vec![NodeResult::Installed; nodes().len()], "{}", story(&lab));
    let before = lab.changes().len();
    assert!(before > 0);
    let again = results(lab.apply().await);
    assert!(again.iter().all(|result| matches!(result, NodeResult::Nothing(_))), "{again:?}");
    assert_eq!(lab.changes().len(), before, "a second apply changes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_lost_journal_never_reinstalls_what_runs() {
    let mut lab = Lab::new(&nodes(), Vec::new());
    assert_eq!(results(lab.apply().await), vec![NodeResult::Installed; nodes().len()], "{}", story(&lab));
    let before = lab.changes().len();
    lab.lose_journal();
    let again = results(lab.apply().await);
    assert!(again.iter().all(|result| matches!(result, NodeResult::NeedsDecision(_))), "{again:?}");
    assert_eq!(lab.changes().len(), before, "nothing is changed without somebody's word");
}

#[tokio::test(start_paused = true)]
async fn a_live_host_is_left_alone_until_somebody_asks_for_it_by_name() {
    let mut lab = Lab::new(&[Node::new("live", "idrac9").live()], Vec::new());
    let first = results(lab.apply().await);
    assert!(matches!(first.as_slice(), [NodeResult::NeedsDecision(_)]), "{first:?}");
    assert!(lab.changes().is_empty(), "{:?}", lab.changes());
    for job in &mut lab.jobs {
        job.wanted.permission = Some("--install".to_owned());
    }
    assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{}", story(&lab));
}

#[tokio::test(start_paused = true)]
async fn a_job_does_not_go_on_with_another_machine() {
    let node = [Node::new("dell", "idrac9").bios(&[("SriovGlobalEnable", "Enabled")])];
    let lab = Lab::new(&node, Vec::new());
    assert!(lab.apply_fused(&Fuse::at(100)).await.is_none(), "killed in the middle");
    let mut exchanged = Lab::seeded(&node, Vec::new(), 8);
    exchanged.journal = lab.journal.clone();
    let after = results(exchanged.apply().await);
    let [NodeResult::Failed { error, .. }] = after.as_slice() else {
        panic!("{after:?}: {}", story(&exchanged))
    };
    assert!(error.starts_with("another machine answers than the one the journal knows"), "{error}");
    assert!(exchanged.changes().is_empty(), "{:?}", exchanged.changes());
    let back = results(lab.apply().await);
    assert_eq!(back, [NodeResult::Installed], "{}", story(&lab));
}

/// Kills the agent at its n-th point, for every n, and runs it again: it ends installed, and what the simulator was made
/// to do it was made to do once.
async fn kill_everywhere(node: Node) -> i64 {
    let counting = Fuse::counting();
    let lab = Lab::new(std::slice::from_ref(&node), Vec::new());
    let undisturbed = lab.apply_fused(&counting).await.unwrap();
    assert_eq!(results(undisturbed), [NodeResult::Installed], "{}: {}", node.name, story(&lab));
    let expected = purposes(&lab);
    let points = counting.passed();
    for n in 1..=points {
        let lab = Lab::new(std::slice::from_ref(&node), Vec::new());
        let fuse = Fuse::at(n);
        let killed = lab.apply_fused(&fuse).await.is_none();
        let place = fuse.place().unwrap_or_else(|| "nowhere".to_owned());
        if killed {
            let after = results(lab.apply().await);
            assert!(lab.images.told_to_install() <= 1, "{} killed {place}: {}", node.name, story(&lab));
            if place.starts_with("after writing") && place.contains("toldToInstall") {
                // It is written down that the host was told, and it was not. Nobody tells it a second time.
                let [NodeResult::Failed { error, .. }] = after.as_slice() else { panic!("{after:?}") };
                assert!(error.contains("was told to install and fetched nothing"), "{error}");
                continue;
            }
            // Killed after its last word, there is nothing left to do.
            let ended = matches!(after.as_slice(), [NodeResult::Installed | NodeResult::Nothing(_)]);
            assert!(ended, "{} killed {place}: {after:?}: {}", node.name, story(&lab));
        }
        let done = purposes(&lab);
        let same = same_work(&expected, &done, node.personality == "cimc");
        assert!(same, "{} killed {place}: {expected:#?} became {done:#?}: {}", node.name, story(&lab));
        let closed = lab.records().iter().filter(|r| matches!(r.event, Event::JobFinished { .. })).count();
        assert_eq!(closed, 1, "{} killed {place}", node.name);
    }
    points
}

/// How often the simulator saw each power action, BIOS write, insert and eject take effect.
fn purposes(lab: &Lab) -> Effects {
    let mut counts = Effects::new();
    for request in lab.changes() {
        *counts.entry(format!("{} {}", request.path, request.summary.unwrap_or_default())).or_insert(0) += 1;
    }
    counts
}

macro_rules! killed_everywhere {
    ($($test:ident: $name:literal),*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $test() {
            let node = nodes().into_iter().find(|node| node.name == $name).unwrap();
            let points = kill_everywhere(node).await;
            println!("{}: {points} kill points", $name);
            assert!(points > 50, "{points}");
        }
    )*};
}

killed_everywhere! {
    idrac9_killed_at_every_point_is_installed_once: "dell",
    ilo5_killed_at_every_point_is_installed_once: "hpe5",
    ilo6_killed_at_every_point_is_installed_once: "hpe6",
    cimc_killed_at_every_point_is_installed_once: "cisco",
    sushy_killed_at_every_point_is_installed_once: "sushy",
    ilo7_that_boots_by_http_and_is_killed_at_every_point_is_installed_once: "hpe7-http",
    sushy_that_boots_by_http_and_is_killed_at_every_point_is_installed_once: "sushy-http",
    lenovo_that_boots_by_pxe_and_is_killed_at_every_point_is_installed_once: "lenovo-pxe",
    sushy_that_boots_by_pxe_and_is_killed_at_every_point_is_installed_once: "sushy-pxe"
}

#[tokio::test(start_paused = true)]
async fn a_host_is_told_to_install_once_and_by_nobody_s_mistake() {
    // sushy-tools' override stays armed, so its host asks again after the disk is written.
    let lab = Lab::new(&[Node::new("sushy-pxe", "sushy").boots(BootWay::Pxe)], Vec::new());
    assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{}", story(&lab));
    assert_eq!(lab.images.told_to_install(), 1, "{}", story(&lab));
}
