//! Volumes through the whole agent: made once, deleted only by name, and never twice however often the agent is killed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

use rackhand_agent::engine::{NodeReport, NodeResult};
use rackhand_tests::{
    fuse::Fuse,
    lab::{Lab, Node},
};

fn results(reports: Vec<NodeReport>) -> Vec<NodeResult> {
    reports.into_iter().map(|report| report.result).collect()
}

fn story(lab: &Lab) -> String {
    lab.records().iter().map(|record| format!("{} {} {:?}\n", record.seq, record.at, record.event)).collect()
}

/// The volumes of a machine: name, level, number of drives.
fn volumes(lab: &Lab, node: &str) -> Vec<(String, String, usize)> {
    let found = |machine: &rackhand_simulator::machine::Machine| {
        let all = machine.storage.iter().flat_map(|controller| &controller.volumes);
        all.map(|one| (one.name.clone(), one.raid.to_string(), one.drives.len())).collect()
    };
    lab.sim.machine(node).unwrap().with(|machine| found(machine))
}

/// Requests that made or deleted a volume: accepted, for older iDRACs are asked in two forms.
fn volume_requests(lab: &Lab) -> usize {
    let made = |request: &&rackhand_simulator::log::RequestEntry| {
        // Cisco's XML API has one path for everything.
        let by_xml = |summary: &String| summary.contains("virtual-drive-create");
        let of_volumes = request.path.contains("/Volumes") || request.summary.as_ref().is_some_and(by_xml);
        of_volumes && request.status.is_some_and(|status| status < 300)
    };
    lab.changes().iter().filter(made).count()
}

/// Everything that makes volumes.
const MAKERS: [&str; 8] = ["idrac9-4", "idrac9", "idrac9-7", "idrac10", "ilo6", "ilo7", "cimc", "cimc-m4"];

#[tokio::test(start_paused = true)]
async fn a_mirror_is_made_on_each_that_can_and_a_second_apply_does_nothing() {
    for personality in MAKERS {
        let mut lab = Lab::new(&[Node::new("node", personality).mirror("boot")], Vec::new());
        let before = volumes(&lab, "node");
        assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
        let after = volumes(&lab, "node");
        assert_eq!(after.len(), before.len() + 1, "{personality}: {after:?}");
        assert!(after.contains(&("boot".to_owned(), "RAID1".to_owned(), 2)), "{personality}: {after:?}");
        assert!(before.iter().all(|one| after.contains(one)), "{personality}: the others are left alone");
        assert_eq!(volume_requests(&lab), 1, "{personality}");

        let changes = lab.changes().len();
        assert!(matches!(results(lab.apply().await).as_slice(), [NodeResult::Nothing(_)]));
        assert_eq!(lab.changes().len(), changes, "{personality}: a second apply changes nothing");

        // Installed anew because somebody asked: the volume is as wanted and stays.
        lab.jobs[0].wanted.permission = Some("--install".to_owned());
        assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
        assert_eq!(volume_requests(&lab), 1, "{personality}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_in_the_way_is_named_and_goes_only_by_its_name() {
    for personality in ["idrac9", "ilo6"] {
        let node = Node::new("node", personality).mirror("boot");
        let mut lab = Lab::new(&[node], Vec::new());
        // More than are free.
        lab.jobs[0].wanted.storage.volumes[0].drives.count = 4;
        lab.jobs[0].wanted.storage.volumes[0].raid = rackhand_bmc::RaidLevel::Raid10;
        let there = volumes(&lab, "node");
        let name = "OS".to_owned();
        if personality == "ilo6" {
            let refused = results(lab.apply().await);
            let [NodeResult::Failed { error, .. }] = refused.as_slice() else { panic!("{refused:?}") };
            assert!(error.contains(&format!("in volume {name}")), "{error}");
            assert!(error.contains("--delete-volume node=NAME"), "{error}");
            assert_eq!(volumes(&lab, "node"), there, "nothing is touched");
            lab.jobs[0].wanted.storage.delete = vec![name.clone()];
            assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{}", story(&lab));
            let after = volumes(&lab, "node");
            assert!(after.contains(&("boot".to_owned(), "RAID10".to_owned(), 4)), "{after:?}");
            assert!(!after.iter().any(|(seen, ..)| *seen == name), "{after:?}");
            assert_eq!(volume_requests(&lab), 2, "one deleted, one made");
        } else {
            assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{}", story(&lab));
            assert!(there.iter().all(|one| volumes(&lab, "node").contains(one)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_has_seen_work_takes_leave() {
    let mut lab = Lab::new(&[Node::new("node", "ilo5").mirror("boot")], Vec::new());
    let refused = results(lab.apply().await);
    let [NodeResult::Failed { error, .. }] = refused.as_slice() else { panic!("{refused:?}") };
    assert!(error.contains("rackhand apply --allow-unverified node"), "{error}");
    assert!(lab.changes().is_empty(), "{:?}", lab.changes());
    lab.jobs[0].wanted.allow_unverified = true;
    let tried = results(lab.apply().await);
    assert!(!format!("{tried:?}").contains("--allow-unverified"), "{tried:?}");
}

#[tokio::test(start_paused = true)]
async fn killed_anywhere_a_volume_is_made_once() {
    for personality in ["idrac9", "ilo6"] {
        let node = Node::new("node", personality).mirror("boot");
        let counting = Fuse::counting();
        let lab = Lab::new(std::slice::from_ref(&node), Vec::new());
        let undisturbed = lab.apply_fused(&counting).await.unwrap();
        assert_eq!(results(undisturbed), [NodeResult::Installed], "{}", story(&lab));
        let points = counting.passed();
        println!("{personality}: {points} kill points");
        for n in 1..=points {
            let lab = Lab::new(std::slice::from_ref(&node), Vec::new());
            let fuse = Fuse::at(n);
            let killed = lab.apply_fused(&fuse).await.is_none();
            let place = fuse.place().unwrap_or_else(|| "nowhere".to_owned());
            if killed {
                let after = results(lab.apply().await);
                let ended = matches!(after.as_slice(), [NodeResult::Installed | NodeResult::Nothing(_)]);
                assert!(ended, "{personality} killed {place}: {after:?}: {}", story(&lab));
            }
            let made = volumes(&lab, "node").into_iter().filter(|(name, ..)| name == "boot").count();
            assert_eq!(made, 1, "{personality} killed {place}");
        }
    }
}
