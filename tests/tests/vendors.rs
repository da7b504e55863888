//! What each vendor's BMC makes hard, through the whole agent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where it fails")]

use rackhand::{BmcAddress, Credentials, Options, connect_over};
use rackhand_agent::{
    engine::{NodeReport, NodeResult},
    event::{Act, Event, StepId},
};
use rackhand_bmc::{Attributes, BiosStage};
use rackhand_simulator::{
    faults::{Rule, What},
    log::Entry,
};
use rackhand_tests::lab::{Lab, Node, PASSWORD, transport};

fn results(reports: Vec<NodeReport>) -> Vec<NodeResult> {
    reports.into_iter().map(|report| report.result).collect()
}

fn story(lab: &Lab) -> String {
    let journal = lab.records().into_iter().map(|record| format!("{} {:?}\n", record.seq, record.event));
    let log = lab.sim.log().entries().into_iter().map(|entry| match entry {
        Entry::Request(one) => format!("{:>9} {} {} {:?}\n", one.ms, one.method, one.path, one.status),
        Entry::State(one) => format!("{:>9}   {}: {} -> {}\n", one.ms, one.what, one.from, one.to),
    });
    journal.chain(log).collect()
}

/// A BIOS setting that is in force on the machine, whatever its BMC says.
fn in_force(lab: &Lab, name: &str) -> Option<String> {
    let machine = lab.sim.machine("node").unwrap();
    machine.with(|machine| machine.bios.current.get(name).and_then(|value| value.as_str().map(str::to_owned)))
}

/// How often BIOS settings were written.
fn stagings(lab: &Lab) -> usize {
    let staged = |event: &Event| matches!(event, Event::Intent { act: Act::StageBios { .. }, .. });
    lab.records().iter().filter(|record| staged(&record.event)).count()
}

#[tokio::test(start_paused = true)]
async fn a_proliant_gets_the_low_latency_workload_and_sriov_both_verified() {
    for personality in ["ilo5", "ilo6"] {
        let wishes = [("WorkloadProfile", "LowLatency"), ("Sriov", "Enabled")];
        let mut lab = Lab::new(&[Node::new("node", personality).bios(&wishes)], Vec::new());
        assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
        for (name, value) in [("Sriov", "Enabled"), ("MinProcIdlePower", "NoCStates")] {
            assert_eq!(in_force(&lab, name).as_deref(), Some(value), "{personality}: {name}");
        }
        // Installed anew because somebody asked: everything is verified as wanted, and nothing is written.
        let written = stagings(&lab);
        lab.jobs[0].wanted.permission = Some("--install".to_owned());
        assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
        assert_eq!(stagings(&lab), written, "{personality}: {}", story(&lab));
    }
}

#[tokio::test(start_paused = true)]
async fn a_poweredge_whose_bios_job_is_queued_already_gets_ours_too() {
    for personality in ["idrac9-4", "idrac9", "idrac9-7", "idrac10"] {
        let node = Node::new("node", personality).bios(&[("SriovGlobalEnable", "Enabled")]);
        let lab = Lab::new(&[node], Vec::new());
        somebody_stages(&lab, "LogicalProc", "Disabled").await;
        assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
        for (name, value) in [("SriovGlobalEnable", "Enabled"), ("LogicalProc", "Disabled")] {
            assert_eq!(in_force(&lab, name).as_deref(), Some(value), "{personality}: {name}");
        }
    }
}

/// An administrator with another tool leaves a setting waiting for the next reset.
async fn somebody_stages(lab: &Lab, name: &str, value: &str) {
    let transport = transport(&lab.sim, "node");
    let address = BmcAddress::redfish(transport.origin().clone());
    let options = Options::new(Credentials::new("lab", PASSWORD.to_owned()));
    let bmc = connect_over(transport, &address, options).await.unwrap();
    let attributes = Attributes::from([(name.to_owned(), value.into())]);
    let stage = BiosStage { attributes, reason: "somebody's".to_owned() };
    let _ = bmc.bios().unwrap().stage(&stage).await.unwrap();
    bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_a_cimc_accepts_and_then_fails_is_reported_as_failed() {
    let lab = Lab::new(&[Node::new("node", "cimc")], vec![Rule::new("away", What::ImageUnreachable)]);
    let told = results(lab.apply().await);
    let [NodeResult::Failed { step, error, .. }] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(*step, StepId::Media, "{error}");
    println!("{error}");
    let accepted = lab
        .changes()
        .iter()
        .any(|one| one.path.ends_with("InsertMedia") && one.status.is_some_and(|status| status < 300));
    assert!(accepted, "the CIMC had accepted it: {}", story(&lab));
    assert!(error.contains("0 bytes were read by BMC node from http://192.0.2.1/node/lab.iso"), "{error}");
}
