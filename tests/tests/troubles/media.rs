//! Images that the BMC cannot reach or does not attach, and images that change.

use rackhand_agent::{
    engine::{Handle, NodeResult},
    event::{Event, StepId},
    journal::Journal as _,
};
use rackhand_simulator::{
    faults::{Rule, What},
    machine::Source,
};
use rackhand_tests::lab::{Lab, Node};

use crate::support::{assert_taken_back, bad, bad_after, effects, judged, lab, story, told};

#[tokio::test(start_paused = true)]
async fn an_image_that_the_bmc_cannot_reach_is_named_with_both_ends() {
    let lab = lab(vec![Rule::new("unreachable", What::ImageUnreachable)]);
    insta::assert_snapshot!(told(&bad_after(&lab).await), @r"
    media: BMC bad: the BMC answers 500 Internal Server Error (POST /redfish/v1/Systems/System.Embedded.1/VirtualMedia/1/Actions/VirtualMedia.InsertMedia); IDRAC.2.8.RAC0904: The remote file location cannot be reached: http://192.0.2.1/bad/lab.iso; 0 bytes were read by BMC bad from http://192.0.2.1/bad/lab.iso
    See whether the BMC answers and reaches the image's address: route, firewall, which of this host's addresses it is served at (--media-url), then run the same apply again; it goes on where it can
    ");
    assert_taken_back(&lab);
}

#[tokio::test(start_paused = true)]
async fn a_medium_that_never_attaches_is_named() {
    let lab = lab(vec![Rule::new("stuck", What::MediaNeverAttaches)]);
    insta::assert_snapshot!(told(&bad_after(&lab).await), @r"
    media: BMC bad: waited 90s for http://192.0.2.1/bad/lab.iso to be attached in slot /redfish/v1/Systems/System.Embedded.1/VirtualMedia/1, but the slot names the image but shows it as not attached; 0 bytes were read by BMC bad from http://192.0.2.1/bad/lab.iso
    See whether the BMC answers and reaches the image's address: route, firewall, which of this host's addresses it is served at (--media-url), then run the same apply again; it goes on where it can
    ");
    assert_taken_back(&lab);
}

#[tokio::test(start_paused = true)]
async fn no_personality_keeps_a_medium_of_a_failed_start() {
    for personality in ["idrac9", "ilo5", "ilo6", "cimc", "sushy"] {
        for what in [What::ImageUnreachable, What::MediaNeverAttaches] {
            let lab = Lab::new(&[Node::new("bad", personality)], vec![Rule::new("no", what.clone())]);
            let result = bad_after(&lab).await;
            let NodeResult::Failed { step, error, .. } = &result else {
                panic!("{personality} {what:?}: {result:?}\n{}", story(&lab));
            };
            println!("{personality} {what:?}: {step}: {error}");
            let says = ["0 bytes were read by BMC bad from http://192.0.2.1/bad/lab.iso", "attached"];
            assert!(says.iter().any(|words| error.contains(words)), "{personality} {what:?}: {error}");
            if *step != StepId::Follow {
                assert_taken_back(&lab);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_leftover_of_somebody_else_is_cleared_first() {
    let lab = lab(Vec::new());
    lab.sim.machine("bad").unwrap().with(|machine| {
        let source = Source { url: "http://192.0.2.9/old.iso".to_owned(), login: None };
        machine.insert(0, source, true).unwrap();
    });
    assert_eq!(bad_after(&lab).await, NodeResult::Installed, "{}", story(&lab));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_changes_under_a_running_job_stops_it() {
    // Stopped once the image is prepared and before anything of it is inserted; then somebody puts another in its place.
    let lab = Lab::new(&[bad()], Vec::new());
    let prepared = |handle: Handle| {
        let lab = &lab;
        async move {
            let mut written = lab.journal.watch();
            while !lab.records().iter().any(|record| matches!(record.event, Event::ImagePrepared { .. })) {
                written.changed().await.unwrap();
            }
            handle.stop();
        }
    };
    let reports = lab.apply_beside(prepared).await;
    assert_eq!(judged(&lab, reports), NodeResult::Interrupted);
    lab.images.replace("ANOTHER");
    let before = effects(&lab, "bad");
    insta::assert_snapshot!(told(&bad_after(&lab).await), @r"
    check: the image changed under a running job: it began with SHA-256 afbf8b6b30d081fa65b12a71cff2c4a57c7291a03749d946281df242b8e49d0c, and 9c990d08984fa1efbc44fe13acc17f8723fdfa4adcdcaa2fd05438b9bc6f9941 is there now. Put the image back, or cancel the job
    Correct the spec or the profile, then run the same apply again; it goes on where it can
    ");
    assert_eq!(effects(&lab, "bad"), before);
    assert_taken_back(&lab);
}
