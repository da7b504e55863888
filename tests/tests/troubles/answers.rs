//! Requests that get no answer, or none that makes sense.

use std::collections::{BTreeMap, BTreeSet};

use rackhand_agent::engine::NodeResult;
use rackhand_simulator::{
    faults::{Rule, What},
    log::RequestEntry,
};
use rackhand_tests::{
    lab::{Lab, Node},
    traffic::{Kind, kinds},
};

use crate::support::{assert_no_session, assert_taken_back, bad_after, effects, lab, story, told};

type Effects = BTreeMap<String, usize>;

/// Every personality, with BIOS wishes where its registry has attributes to wish for.
fn vendors() -> Vec<Node> {
    vec![
        Node::new("bad", "idrac9").bios(&[("SriovGlobalEnable", "Enabled"), ("LogicalProc", "Disabled")]),
        Node::new("bad", "ilo5").bios(&[("Sriov", "Enabled"), ("WorkloadProfile", "Custom")]),
        Node::new("bad", "cimc").bios(&[("IntelVTD", "Enabled"), ("SrIov", "Enabled")]),
        Node::new("bad", "sushy").bios(&[("ProcTurboMode", "Disabled")]),
    ]
}

fn html(code: u16) -> What {
    What::Status {
        code,
        body: "<html><body><h1>Please wait</h1></body></html>".to_owned(),
        content_type: None,
        retry_after: None,
    }
}

fn busy() -> What {
    What::Status { code: 503, body: String::new(), content_type: None, retry_after: Some(30) }
}

/// Spoils each request of a node in turn, once: it ends installed all the same, and nothing is done twice.
async fn each_request_spoilt(what: &What, wanted: impl Fn(Kind) -> bool) {
    for node in vendors() {
        let undisturbed = Lab::new(std::slice::from_ref(&node), Vec::new());
        undisturbed.apply().await;
        let expected = effects(&undisturbed, "bad");
        let requests = undisturbed.sim.log().requests("bad");
        let mut wrong = Vec::new();
        let mut tried = 0;
        for (nth, (request, kind)) in requests.iter().zip(kinds(&requests)).enumerate() {
            // Reads go one way through the client for every vendor: two with and without `$expand` are enough.
            let known = kind == Kind::Read && !matches!(node.personality.as_str(), "idrac9" | "cimc");
            if kind == Kind::Poll || known || !wanted(kind) {
                continue;
            }
            let rule = Rule::new("once", what.clone()).window(u64::try_from(nth).unwrap(), 1);
            let lab = Lab::new(std::slice::from_ref(&node), vec![rule]);
            let reports = lab.apply().await;
            let line = format!("{} {} {}", nth + 1, request.method, request.path);
            tried += 1;
            if reports[0].result != NodeResult::Installed {
                wrong.push(format!("{line}: {:?}", reports[0].result));
            } else if let Some(more) = unlike(&expected, &effects(&lab, "bad"), request) {
                wrong.push(format!("{line}: {more}"));
            }
            let sessions = lab.sim.machine("bad").unwrap().with(|machine| machine.sessions.len());
            if sessions > 0 {
                wrong.push(format!("{line}: {sessions} sessions left"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} {what:?}: expected {expected:#?}, but\n{}",
            node.personality,
            wrong.join("\n")
        );
        println!("{}: {tried} requests, each met {what:?} once", node.personality);
    }
}

/// How the effects differ from those of an undisturbed run, if they do.
///
/// A BIOS write that is lost on a BMC which shows no pending settings can only be found missing by a boot: there, one more
/// boot into setup is what finding out costs. Nothing else happens twice.
fn unlike(expected: &Effects, seen: &Effects, spoilt: &RequestEntry) -> Option<String> {
    let lost_settings = spoilt.method == "PATCH" && spoilt.path.contains("/Bios");
    let finding_out = |what: &str| what.contains("/ComputerSystem.Reset") || what.contains("BiosSetup");
    let names: BTreeSet<&String> = expected.keys().chain(seen.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        let count = |effects: &Effects| effects.get(name).copied().unwrap_or(0);
        let (once, now) = (count(expected), count(seen));
        if now != once && !(lost_settings && finding_out(name) && now == once + 1) {
            differences.push(format!("{name}: {now} instead of {once}"));
        }
    }
    (!differences.is_empty()).then(|| differences.join("; "))
}

#[tokio::test(start_paused = true)]
async fn a_connection_cut_before_any_request_takes_effect_is_got_over() {
    each_request_spoilt(&What::Cut, |_| true).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_cut_after_any_change_took_effect_does_not_repeat_it() {
    each_request_spoilt(&What::CutAfter, |kind| kind != Kind::Session).await;
}

#[tokio::test(start_paused = true)]
async fn any_change_that_hangs_is_got_over() {
    each_request_spoilt(&What::Hang, |kind| kind != Kind::Read).await;
}

#[tokio::test(start_paused = true)]
async fn any_change_that_arrives_after_its_timeout_is_not_sent_twice() {
    each_request_spoilt(&What::Late { seconds: 65.0 }, |kind| kind == Kind::Write).await;
}

#[tokio::test(start_paused = true)]
async fn a_503_with_retry_after_to_any_change_is_got_over() {
    each_request_spoilt(&busy(), |kind| kind != Kind::Read).await;
}

#[tokio::test(start_paused = true)]
async fn an_html_page_instead_of_any_answer_is_got_over() {
    each_request_spoilt(&html(200), |kind| kind != Kind::Session).await;
}

#[tokio::test(start_paused = true)]
async fn json_that_ends_in_the_middle_of_any_answer_is_got_over() {
    each_request_spoilt(&What::Truncate, |kind| kind == Kind::Read).await;
}

#[tokio::test(start_paused = true)]
async fn json_of_a_hundred_megabytes_to_any_read_is_not_taken_in() {
    // One of each kind of document is enough: every answer goes through the same bound.
    for path in ["/redfish/v1/", "*/Bios", "*/VirtualMedia*"] {
        let huge = Rule::new("huge", What::HugeJson { bytes: 100 << 20 }).request("GET", path).window(0, 1);
        let lab = lab(vec![huge]);
        assert_eq!(bad_after(&lab).await, NodeResult::Installed, "{path}: {}", story(&lab));
    }
}

/// A BMC of whose answers none makes sense, from the beginning.
async fn told_of_lasting(what: What) -> String {
    let lab = lab(vec![Rule::new("lasting", what)]);
    let told = told(&bad_after(&lab).await);
    assert_taken_back(&lab);
    told
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_never_answers_is_named() {
    insta::assert_snapshot!(told_of_lasting(What::Hang).await, @r"
    connect: BMC bad: the answer was lost: no complete answer within 60s (GET /redfish/v1/); seen in 10 tries within 15m
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    ");
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_cuts_every_connection_is_named() {
    insta::assert_snapshot!(told_of_lasting(What::Cut).await, @r"
    connect: BMC bad: the answer was lost: the connection was cut before the answer (GET /redfish/v1/); seen in 20 tries within 15m
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    ");
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_is_down_is_named() {
    insta::assert_snapshot!(told_of_lasting(What::Down { seconds: 1e6 }).await, @r"
    connect: BMC bad: not reachable: the connection is refused: the BMC is down (GET /redfish/v1/); seen in 20 tries within 15m
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    ");
}

#[tokio::test(start_paused = true)]
async fn a_web_server_that_is_no_bmc_is_named() {
    insta::assert_snapshot!(told_of_lasting(html(200)).await, @r"
    connect: BMC bad: no Redfish service answers here: the answer is HTML or XML, not JSON (text/html) (GET /redfish/v1/); seen in 20 tries within 15m
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    ");
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_is_busy_for_ever_is_named() {
    insta::assert_snapshot!(told_of_lasting(busy()).await, @r"
    connect: BMC bad: the service root answers 503 Service Unavailable (GET /redfish/v1/); seen in 19 tries within 15m
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    ");
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_answers_half_documents_is_named() {
    insta::assert_snapshot!(told_of_lasting(What::Truncate).await, @r"
    connect: BMC bad: no Redfish service answers here: the answer's JSON ends early, after 567 bytes (GET /redfish/v1/); seen in 20 tries within 15m
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    ");
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_answers_a_hundred_megabytes_is_named() {
    insta::assert_snapshot!(told_of_lasting(What::HugeJson { bytes: 100 << 20 }).await, @r"
    connect: BMC bad: the answer is larger than the bound of 16777216 bytes (GET /redfish/v1/); seen in 20 tries within 15m
    Check the BMC's address, that it answers from this host, and the credentials in the Secret, then run the same apply again; it goes on where it can
    ");
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_is_down_for_five_minutes_in_the_middle_is_waited_for() {
    for after in [5, 15, 25, 35] {
        let rule = Rule::new("down", What::Down { seconds: 300.0 }).window(after, 1);
        let lab = lab(vec![rule]);
        assert_eq!(bad_after(&lab).await, NodeResult::Installed, "after {after}: {}", story(&lab));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_goes_down_for_good_fails_its_node_and_the_next_apply_goes_on() {
    let lab = lab(vec![
        Rule::new("down", What::Down { seconds: 7200.0 }).request("POST", "*InsertMedia").window(0, 1),
    ]);
    let reports = lab.apply().await;
    let result = reports.into_iter().find(|report| report.node == "bad").unwrap().result;
    insta::assert_snapshot!(told(&result), @r"
    media: BMC bad: not reachable: the connection is refused: the BMC is down (GET /redfish/v1/Systems/System.Embedded.1)
    See whether the BMC answers and reaches the image's address: route, firewall, which of this host's addresses it is served at (--media-url), then run the same apply again; it goes on where it can. What it had prepared could not be taken back, for the same reason
    ");
    tokio::time::sleep(std::time::Duration::from_secs(7200)).await;
    assert_eq!(bad_after(&lab).await, NodeResult::Installed, "{}", story(&lab));
    assert_no_session(&lab);
}
