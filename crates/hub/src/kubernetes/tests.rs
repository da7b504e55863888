//! The pure parts: what objects mean to an agent, and what a journal means to an object.

use jiff::Timestamp;
use rackhand_agent::{
    cause::Cause,
    event::{Act, ActResult, Event, Evidence, JobId, JobResult, PowerPurpose, StepId, StepResult, Trigger},
    journal::Record,
};
use rackhand_bmc::{Error, ErrorKind};
use serde_json::{Value, json};

use super::{
    conditions::reason,
    objects::{Kind, Objects},
    status::{About, Book, Verdict},
    view::{View, Who, view},
};

const NOW: &str = "2026-03-01T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn looked(objects: Vec<(Kind, Value)>) -> View {
    let mut all = Objects::default();
    objects.into_iter().for_each(|(kind, object)| all.put(kind, object));
    view(&all, &Who { agent: "rack7".into(), pool: None }, at(NOW))
}

fn host(annotations: &Value) -> (Kind, Value) {
    let object = json!({
        "apiVersion": "metal3.io/v1alpha1", "kind": "BareMetalHost",
        "metadata": {
            "namespace": "s", "name": "n", "uid": "bmh", "annotations": annotations,
            "labels": { "infraenvs.agent-install.openshift.io": "env" },
        },
        "spec": { "bmc": { "address": "idrac-virtualmedia://192.0.2.1/x", "credentialsName": "bmc" } },
    });
    (Kind::BareMetalHost, object)
}

fn apart(more: &Value) -> Value {
    let mut all = json!({ "baremetalhost.metal3.io/paused": "", "baremetalhost.metal3.io/detached": "" });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn provision(spec: &Value) -> (Kind, Value) {
    let object = json!({
        "apiVersion": "rackhand.dev/v1alpha1", "kind": "HostProvision",
        "metadata": { "namespace": "s", "name": "n", "uid": "hp", "generation": 3 }, "spec": spec,
    });
    (Kind::HostProvision, object)
}

fn env(created: &str, token: &str) -> (Kind, Value) {
    let object = json!({
        "metadata": { "namespace": "s", "name": "env", "uid": "e1" },
        "status": {
            "isoDownloadURL": format!("https://hub/iso?image_token={token}"), "createdTime": created,
            "bootArtifacts": { "ipxeScript": format!("https://hub/files?file_name=ipxe-script&token={token}") },
        },
    });
    (Kind::InfraEnv, object)
}

fn verdict(view: &View) -> String {
    view.targets.get("s/n").map_or_else(|| "not ours".to_owned(), |target| format!("{:?}", target.verdict))
}

#[test]
fn a_host_is_ours_by_its_provision_or_by_its_annotation_and_another_agents_provision_wins() {
    let ours =
        || host(&apart(&json!({ "rackhand.dev/agent": "rack7", "rackhand.dev/iso": "https://x/y.iso" })));
    let by_annotation = looked(vec![ours()]);
    assert_eq!(verdict(&by_annotation), "Valid");
    assert!(by_annotation.targets["s/n"].create.is_some(), "it gets a HostProvision");
    let of_other = provision(&json!({ "agentRef": { "name": "rack8" } }));
    assert_eq!(verdict(&looked(vec![ours(), of_other])), "not ours");
    let by_provision = looked(vec![
        host(&apart(&json!({ "rackhand.dev/iso": "https://x/y.iso" }))),
        provision(&json!({ "agentRef": { "name": "rack7" } })),
    ]);
    let target = &by_provision.targets["s/n"];
    assert_eq!(
        (target.uid.as_deref(), target.generation, target.create.is_some()),
        (Some("hp"), Some(3), false)
    );
    let kinds: Vec<String> =
        by_provision.source.files.iter().map(|(file, _)| file.display().to_string()).collect();
    assert_eq!(kinds, ["hub/HostProvision/s/n", "hub/BareMetalHost/s/n"]);
    assert_eq!(by_provision.secrets, [("s".to_owned(), "bmc".to_owned())]);
}

#[test]
fn a_host_that_the_operator_may_drive_is_not_acted_on() {
    for annotations in [
        json!({}),
        json!({ "baremetalhost.metal3.io/paused": "" }),
        json!({ "baremetalhost.metal3.io/detached": "" }),
    ] {
        let mut annotations = annotations;
        annotations["rackhand.dev/agent"] = json!("rack7");
        let view = looked(vec![host(&annotations)]);
        assert!(verdict(&view).contains("the baremetal-operator may drive the same BMC"), "{annotations}");
        assert!(view.source.files.is_empty() && view.secrets.is_empty());
    }
}

#[test]
fn an_image_counts_a_minute_after_it_was_made_and_is_known_by_that_and_not_by_its_token() {
    let read = |created: &str, token: &str| {
        looked(vec![host(&apart(&json!({ "rackhand.dev/agent": "rack7" }))), env(created, token)])
    };
    let fresh = read("2026-03-01T11:59:30Z", "t");
    assert!(verdict(&fresh).contains("made less than a minute ago"));
    assert_eq!(fresh.until, Some(at("2026-03-01T12:00:30Z")), "looked at again by itself");
    let iso = |view: &View| {
        let text = &view.source.files[0].1;
        let object: Value = serde_json::from_str(text).unwrap();
        object["metadata"]["annotations"]["rackhand.dev/iso"].as_str().unwrap().to_owned()
    };
    let (a, b) = (iso(&read("2026-03-01T11:00:00Z", "t1")), iso(&read("2026-03-01T11:00:00Z", "t2")));
    assert_ne!(a, b);
    let identity = |iso: &str| iso.split_once('#').unwrap().1.to_owned();
    assert_eq!(identity(&a), identity(&b), "another token is the same image");
    assert_ne!(identity(&a), identity(&iso(&read("2026-03-01T11:30:00Z", "t1"))), "made anew");
    let annotations = |own: Value| {
        let view = looked(vec![host(&apart(&own)), env("2026-03-01T11:00:00Z", "t")]);
        let object: Value = serde_json::from_str(&view.source.files[0].1).unwrap();
        object["metadata"]["annotations"]["rackhand.dev/ipxe-script"].clone()
    };
    let script = "https://hub/files?file_name=ipxe-script&token=t#infraenv=e1@2026-03-01T11:00:00Z";
    assert_eq!(annotations(json!({ "rackhand.dev/agent": "rack7" })), script);
    let own = json!({ "rackhand.dev/agent": "rack7", "rackhand.dev/ipxe-script": "https://x/y" });
    assert_eq!(annotations(own), "https://x/y", "what somebody wrote counts");
    let checked = json!({ "rackhand.dev/agent": "rack7", "rackhand.dev/iso-sha256": "ab" });
    assert_eq!(annotations(checked), Value::Null, "the digest is that of the ISO");
    let by_provision = looked(vec![
        host(&apart(&json!({}))),
        provision(&json!({ "agentRef": { "name": "rack7" } })),
        env("2026-03-01T11:00:00Z", "t"),
    ]);
    let object: Value = serde_json::from_str(&by_provision.source.files[0].1).unwrap();
    assert_eq!(object["spec"]["image"]["ipxeScript"], script);
    let none = looked(vec![host(&apart(&json!({ "rackhand.dev/agent": "rack7" })))]);
    assert!(verdict(&none).contains("there is no InfraEnv s/env yet"));
}

#[test]
fn a_cluster_instance_speaks_for_nodes_of_which_nothing_else_does() {
    let cluster = json!({
        "metadata": { "namespace": "s", "name": "c" },
        "spec": {
            "clusterName": "s",
            "extraAnnotations": { "BareMetalHost": { "rackhand.dev/agent": "rack7" } },
            "nodes": [
                { "hostName": "n" },
                { "hostName": "m" },
                { "hostName": "o", "extraAnnotations": { "BareMetalHost": { "rackhand.dev/agent": "rack8" } } },
            ],
        },
    });
    let view = looked(vec![
        host(&apart(&json!({ "rackhand.dev/agent": "rack7", "rackhand.dev/iso": "https://x/y.iso" }))),
        (Kind::ClusterInstance, cluster),
    ]);
    let names: Vec<&str> = view.targets.keys().map(String::as_str).collect();
    assert_eq!(names, ["s/m", "s/n"]);
    assert!(matches!(view.targets["s/m"].verdict, Verdict::Waiting(_)));
}

/// A journal of one node.
struct Journal {
    book: Book,
    seq: u64,
}

impl Journal {
    fn write(&mut self, minute: u8, event: Event) {
        self.seq += 1;
        let at = at(&format!("2026-03-01T10:{minute:02}:00Z"));
        self.book.apply(&Record { seq: self.seq, at, node: Some("s/n".to_owned()), event });
    }

    fn step(&mut self, minute: u8, step: StepId, result: StepResult) {
        let job = JobId("s/n-1".to_owned());
        let detail = format!("{step} is looked at");
        self.write(minute, Event::StepStarted { job: job.clone(), step, detail });
        self.write(minute, Event::StepFinished { job, step, result, detail: format!("{step}: proven") });
    }

    fn status(&self) -> String {
        let about = About {
            agent: "rack7".to_owned(),
            generation: Some(3),
            spec: Verdict::Valid,
            since: at("2026-03-01T09:00:00Z"),
        };
        let status = self.book.status("s/n", &about);
        let conditions = status.conditions.iter().map(|one| {
            format!(
                "{:<24}{:<8}{:<22}{:.0}  {}",
                one.type_, one.status, one.reason, one.last_transition_time.0, one.message
            )
        });
        let head = format!(
            "step {:?}, {:?} %, attempt {:?}, request {:?}",
            status.step, status.percent, status.attempts, status.observed_request_id
        );
        std::iter::once(head).chain(conditions).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn a_journal_becomes_conditions_with_the_times_at_which_things_happened() {
    let mut journal = Journal { book: Book::default(), seq: 0 };
    insta::assert_snapshot!("nothing_yet", journal.status());
    journal.write(
        1,
        Event::NotConnected { error: "no route to 192.0.2.1".to_owned(), cause: Cause::Unreachable },
    );
    insta::assert_snapshot!("not_connected", journal.status());
    let job = JobId("s/n-1".to_owned());
    journal.write(
        5,
        Event::JobStarted {
            job: job.clone(),
            request: "first".to_owned(),
            trigger: Trigger::NewHost,
            source: "hub".to_owned(),
        },
    );
    journal.step(6, StepId::Check, StepResult::Done);
    journal.step(7, StepId::Bios, StepResult::NotRequired);
    journal.step(8, StepId::Media, StepResult::Done);
    let act = Act::PowerOn { purpose: PowerPurpose::Install };
    journal.write(9, Event::Intent { job: job.clone(), act: act.clone(), in_flight_ms: 1 });
    journal.write(9, Event::Outcome { job: job.clone(), act, result: ActResult::Done { mark: None } });
    journal.step(9, StepId::PowerOn, StepResult::Done);
    let detail = "waiting for the installer".to_owned();
    journal.write(10, Event::StepStarted { job: job.clone(), step: StepId::Follow, detail });
    let evidence = Evidence::CalledBack { stage: "Installing".to_owned() };
    journal.write(20, Event::Sighted { job: job.clone(), evidence });
    insta::assert_snapshot!("installing", journal.status());
    let mut well = Journal { book: journal.book.clone(), seq: journal.seq };
    well.write(40, Event::JobFinished { job: job.clone(), result: JobResult::Installed });
    insta::assert_snapshot!("installed", well.status());
    let result = JobResult::Failed {
        step: StepId::Follow,
        error: "0 bytes were read by BMC 192.0.2.1 from the image's URL".to_owned(),
        advice: "Look at the route".to_owned(),
        installing: true,
        refused: false,
        cause: None,
    };
    journal.write(40, Event::JobFinished { job, result });
    insta::assert_snapshot!("failed", journal.status());
}

#[test]
fn every_kind_of_error_has_its_reason() {
    let of = |kind: ErrorKind, step| {
        let error = Error::new(kind, "192.0.2.1", "seen");
        reason(Some(Cause::of(error.kind())), step, &error.to_string())
    };
    let untrusted = ErrorKind::Untrusted { fingerprint: "ab".to_owned() };
    assert_eq!(of(ErrorKind::Unreachable, StepId::Connect), "ConnectionRefused");
    assert_eq!(of(untrusted, StepId::Connect), "TLSUntrusted");
    assert_eq!(of(ErrorKind::RefusedCredentials, StepId::Connect), "AuthFailed");
    assert_eq!(of(ErrorKind::Locked { retry_after: None }, StepId::Connect), "AccountLocked");
    assert_eq!(of(ErrorKind::Busy { retry_after: None }, StepId::Media), "BMCBusy");
    assert_eq!(of(ErrorKind::Conflict, StepId::Bios), "JobQueueStuck");
    assert_eq!(of(ErrorKind::InPost, StepId::BootOnce), "PostInProgress");
    assert_eq!(of(ErrorKind::NeedsLicence { licence: "x".to_owned() }, StepId::Media), "LicenseMissing");
    assert_eq!(of(ErrorKind::RejectedValue { properties: vec![] }, StepId::Bios), "AttributeRejected");
    assert_eq!(of(ErrorKind::Unsupported, StepId::Media), "NoUsableMediaSlot");
    assert_eq!(of(ErrorKind::NotObserved, StepId::BootOnce), "BootOverrideIgnored");
    assert_eq!(of(ErrorKind::NotObserved, StepId::PowerOff), "TimedOut");
    assert_eq!(reason(None, StepId::Follow, "0 bytes were read by BMC x"), "ISOUnreachableFromBMC");
    assert_eq!(reason(None, StepId::Check, "the MAC is another"), "InvalidInput");
}
