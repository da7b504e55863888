//! A BMC that is away for long while its host installs: the host goes on without it.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rackhand_agent::{engine::NodeResult, event::Event, journal::Record, wanted::BootWay};
use rackhand_simulator::{
    faults::{Rule, What},
    fetch::MediaFetch as _,
};
use rackhand_tests::lab::{Lab, Node};
use tokio::time::{Instant, sleep};

use crate::support::{assert_no_medium, assert_no_session, story};

fn busy() -> What {
    What::Status { code: 503, body: String::new(), content_type: None, retry_after: Some(30) }
}

/// Longer than any step is tried.
const AWAY: f64 = 40.0 * 60.0;

#[tokio::test(start_paused = true)]
async fn a_bmc_that_is_away_while_its_host_installs_is_waited_for_and_said_so() {
    for (personality, way) in [
        ("idrac9", BootWay::VirtualMedia),
        ("cimc", BootWay::VirtualMedia),
        ("ilo6", BootWay::UefiHttp),
        ("sushy", BootWay::Pxe),
    ] {
        let down = Rule::new("down", What::Down { seconds: AWAY }).phase("Install").window(0, 1);
        let lab = Lab::new(&[Node::new("bad", personality).boots(way)], vec![down]);
        let reports = lab.apply().await;
        assert_eq!(reports[0].result, NodeResult::Installed, "{personality}: {}", story(&lab));
        let said: Vec<&str> = lab
            .records()
            .iter()
            .skip_while(|record| !matches!(record.event, Event::NotConnected { .. }))
            .filter_map(|record| match &record.event {
                Event::NotConnected { error, .. } => {
                    assert!(error.contains("BMC bad: not reachable"), "{error}");
                    Some("away")
                }
                Event::AnswersAgain => Some("back"),
                _ => None,
            })
            .collect();
        assert_eq!(said, ["away", "back"], "{personality}: {}", story(&lab));
        assert_no_session(&lab);
        lab.sim.machine("bad").unwrap().with(|machine| assert_no_medium(machine, &lab));
    }
}

/// What an act may meet is counted from the act's own first failure, however long the installation before it took.
#[tokio::test(start_paused = true)]
async fn a_busy_answer_to_the_eject_after_a_long_installation_is_got_over() {
    let rules = vec![
        Rule::new("down", What::Down { seconds: AWAY }).phase("Install").window(0, 1),
        Rule::new("busy", busy()).request("POST", "*EjectMedia*").window(0, 1),
    ];
    let lab = Lab::new(&[Node::new("bad", "idrac9")], rules);
    let reports = lab.apply().await;
    assert_eq!(reports[0].result, NodeResult::Installed, "{}", story(&lab));
    let busy =
        lab.sim.log().requests("bad").iter().filter(|one| one.fault.as_deref() == Some("busy")).count();
    assert_eq!(busy, 1, "{}", story(&lab));
}

/// The same where the BMC goes away over the eject itself.
#[tokio::test(start_paused = true)]
async fn a_bmc_that_is_away_over_the_eject_and_busy_after_it_is_waited_for() {
    let rules = vec![
        Rule::new("first", busy()).request("POST", "*EjectMedia*").window(0, 1),
        Rule::new("down", What::Down { seconds: AWAY }).request("POST", "*EjectMedia*").window(0, 1),
        Rule::new("busy", busy()).request("POST", "*EjectMedia*").window(0, 1),
    ];
    for personality in ["idrac9", "ilo6"] {
        let lab = Lab::new(&[Node::new("bad", personality)], rules.clone());
        let reports = lab.apply().await;
        assert_eq!(reports[0].result, NodeResult::Installed, "{personality}: {}", story(&lab));
        lab.sim.machine("bad").unwrap().with(|machine| assert_no_medium(machine, &lab));
    }
}

/// What an installer says of its own end is heard without its BMC.
#[tokio::test(start_paused = true)]
async fn an_installer_that_fails_while_its_bmc_is_away_fails_its_job_at_once() {
    let down = Rule::new("down", What::Down { seconds: AWAY }).phase("Install").window(0, 1);
    let lab = Lab::new(&[Node::new("bad", "sushy").boots(BootWay::Pxe)], vec![down]);
    let began = Instant::now();
    let (images, journal) = (lab.images.clone(), lab.journal.clone());
    let reports = lab
        .apply_beside(async move |_| {
            let away = |record: &Record| matches!(record.event, Event::NotConnected { .. });
            let end = Instant::now() + Duration::from_secs(3600);
            while Instant::now() < end && !journal.records().iter().any(away) {
                sleep(Duration::from_secs(1)).await;
            }
            let failed = Request::post("http://192.0.2.1/bad/callback")
                .body(Bytes::from_static(br#"{"stage": "Failed"}"#))
                .unwrap();
            images.send(failed, false, 0).await.unwrap();
        })
        .await;
    let NodeResult::Failed { error, .. } = &reports[0].result else { panic!("{}", story(&lab)) };
    assert_eq!(error, "the installer called back: Failed");
    assert!(began.elapsed().as_secs_f64() < AWAY, "{:?}", began.elapsed());
}
