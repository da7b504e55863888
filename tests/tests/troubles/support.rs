//! What the cases share.

use std::collections::BTreeMap;

use rackhand_agent::engine::{NodeReport, NodeResult};
use rackhand_simulator::{
    faults::Rule,
    log::{Class, Entry, RequestEntry},
    machine::{Disk, Lasts, Power},
};
use rackhand_tests::lab::{Lab, Node};

/// The node in trouble: an iDRAC with BIOS wishes, so that every step has something to do.
pub(crate) fn bad() -> Node {
    Node::new("bad", "idrac9").bios(&[("SriovGlobalEnable", "Enabled"), ("LogicalProc", "Disabled")])
}

/// Its neighbour, which must not notice.
pub(crate) fn good() -> Node {
    Node::new("good", "ilo6").bios(&[("Sriov", "Enabled")])
}

/// Both, with these faults on `bad`.
pub(crate) fn lab(faults: Vec<Rule>) -> Lab {
    Lab::new(&[bad(), good()], faults.into_iter().map(|rule| rule.machine("bad")).collect())
}

/// Runs an apply and answers what became of `bad`, once it is sure that `good` is none the worse and that no BMC holds a
/// session.
pub(crate) async fn bad_after(lab: &Lab) -> NodeResult {
    let reports = lab.apply().await;
    judged(lab, reports)
}

/// As [`bad_after`], of reports that are there already.
pub(crate) fn judged(lab: &Lab, reports: Vec<NodeReport>) -> NodeResult {
    let mut results: BTreeMap<String, NodeResult> =
        reports.into_iter().map(|report| (report.node, report.result)).collect();
    if let Some(good) = results.remove("good") {
        let fine = matches!(good, NodeResult::Installed | NodeResult::Nothing(_));
        assert!(fine, "the neighbour: {good:?}");
    }
    assert_no_session(lab);
    results.remove("bad").unwrap()
}

/// No BMC holds a session.
pub(crate) fn assert_no_session(lab: &Lab) {
    for cell in lab.sim.machines() {
        let left: Vec<String> =
            cell.with(|machine| machine.sessions.iter().map(|session| format!("{session:?}")).collect());
        assert!(left.is_empty(), "{} holds {left:?}\n{}", cell.name, story(lab));
    }
}

/// Nothing of a failed start is left on `bad`: host off, disk untouched, no medium, no override.
pub(crate) fn assert_taken_back(lab: &Lab) {
    lab.sim.machine("bad").unwrap().with(|machine| {
        assert_eq!(machine.power(), Power::Off, "{}", story(lab));
        assert_eq!(*machine.disk(), Disk::Blank);
        assert_no_medium(machine, lab);
    });
}

/// No medium and no override on a machine.
pub(crate) fn assert_no_medium(machine: &rackhand_simulator::machine::Machine, lab: &Lab) {
    let mounted: Vec<&str> = machine.slots.iter().filter_map(|slot| slot.url()).collect();
    assert!(mounted.is_empty(), "{mounted:?}\n{}", story(lab));
    let armed =
        machine.boot.lasts != Lasts::Disabled && ["Cd", "BiosSetup"].contains(&machine.boot.target.as_str());
    assert!(!armed, "{:?}\n{}", machine.boot, story(lab));
}

/// What the operator reads of a failed node.
pub(crate) fn told(result: &NodeResult) -> String {
    match result {
        NodeResult::Failed { step, error, advice, .. } => format!("{step}: {error}\n{advice}"),
        other => panic!("it did not fail: {other:?}"),
    }
}

/// The requests that `bad` has seen.
pub(crate) fn requests(lab: &Lab) -> Vec<RequestEntry> {
    lab.sim.log().requests("bad")
}

/// How many logins `bad` has seen.
pub(crate) fn logins(lab: &Lab) -> usize {
    requests(lab).iter().filter(|one| one.class == Class::Session && one.method == "POST").count()
}

/// What a machine was made to do, and how often.
pub(crate) fn effects(lab: &Lab, machine: &str) -> BTreeMap<String, usize> {
    let mut effects = BTreeMap::new();
    for one in lab.sim.log().requests(machine) {
        if one.class == Class::Change && one.applied {
            let what = format!("{} {} {}", one.method, one.path, one.summary.unwrap_or_default());
            *effects.entry(what).or_insert(0) += 1;
        }
    }
    effects
}

/// The journal and the simulator's log, for the message of a failed assertion.
pub(crate) fn story(lab: &Lab) -> String {
    let records = lab.records();
    let journal = records.iter().filter(|record| record.node.as_deref() != Some("good"));
    let journal: String = journal.map(|record| format!("{} {:?}\n", record.seq, record.event)).collect();
    let log = lab.sim.log().entries();
    let log = log.iter().filter(|entry| entry.machine() != "good").map(|entry| match entry {
        Entry::Request(r) => format!(
            "{:>9} {} {} {:?} {} {}\n",
            r.ms,
            r.method,
            r.path,
            r.status,
            r.summary.as_deref().unwrap_or(""),
            r.fault.as_deref().unwrap_or("")
        ),
        Entry::State(s) => format!("{:>9}   {}: {} -> {}\n", s.ms, s.what, s.from, s.to),
    });
    format!("{journal}{}", log.collect::<String>())
}
