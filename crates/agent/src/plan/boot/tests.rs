use rackhand_bmc::{HostProgress, Learned, Support};

use super::*;
use crate::{
    event::{Event, Evidence, JobResult, PowerPurpose, StepResult, Trigger},
    plan::{
        install_power_on, is_offered_again, job_id, next, offer_before, offer_seen, problems, resolve, steps,
        tests::{Book, NODE, observed, wanted},
    },
    ports::Offer,
    wanted::{Follow, WantedBoot},
};

fn wanting(ways: &[BootWay]) -> Wanted {
    let boot = WantedBoot { ways: ways.to_vec(), source: "profile edge".to_owned() };
    Wanted { boot, boot_mac: Some("0c:42:a1:55:aa:01".to_owned()), ..wanted() }
}

/// A machine whose BMC cannot do these.
fn machine(cannot: &[Operation]) -> Observed {
    let mut seen = observed();
    for operation in cannot {
        let why = Support::NeedsLicence("iLO Advanced".to_owned());
        seen.capabilities.set(*operation, why, Learned::Advertised);
    }
    seen
}

#[test]
fn the_first_way_that_can_be_gone_is_gone_and_says_why_not_the_one_before() {
    let choice = boot_way(&wanting(&BootWay::ALL), &machine(&[Operation::MediaEject])).unwrap();
    assert_eq!(choice.way, BootWay::UefiHttp);
    assert_eq!(choice.reason, "profile edge; not virtual media: the licence iLO Advanced is missing");
    let both = machine(&[Operation::MediaEject, Operation::BootUefiHttpOnce]);
    assert_eq!(boot_way(&wanting(&BootWay::ALL), &both).unwrap().way, BootWay::Pxe);
    assert_eq!(boot_way(&wanting(&BootWay::ALL), &machine(&[])).unwrap().reason, "profile edge");
}

#[test]
fn a_way_that_was_asked_for_is_not_changed_and_the_refusal_names_another() {
    let media = wanting(&[BootWay::VirtualMedia]);
    let refused = problems(&media, &machine(&[Operation::MediaEject]), &Trigger::NewHost);
    assert_eq!(
        refused,
        [
            "the licence iLO Advanced is missing",
            "this machine can boot by UEFI HTTP; to have it so, annotate the node with rackhand.dev/boot, or say `boot` in its profile"
        ]
    );
}

#[test]
fn what_nobody_has_seen_takes_leave_and_legacy_boots_no_http() {
    let mut seen = machine(&[]);
    let source = Learned::Documented("no record".to_owned());
    seen.capabilities.set(Operation::BootUefiHttpOnce, Support::Unknown, source);
    let network = wanting(&[BootWay::UefiHttp, BootWay::Pxe]);
    let choice = boot_way(&network, &seen).unwrap();
    assert_eq!(choice.way, BootWay::Pxe);
    assert!(choice.reason.contains("nobody has seen BootUefiHttpOnce work"), "{}", choice.reason);
    let leave = Wanted { allow_unverified: true, ..network.clone() };
    assert_eq!(boot_way(&leave, &seen).unwrap().way, BootWay::UefiHttp);
    let legacy = Wanted { boot_mode: Some(BootMode::Legacy), ..leave };
    assert_eq!(boot_way(&legacy, &seen).unwrap().way, BootWay::Pxe);
}

#[test]
fn what_bios_does_not_take_is_no_way() {
    let mut seen = machine(&[]);
    seen.http_settings = vec!["UrlBootFile".to_owned()];
    seen.http_problems =
        vec!["BIOS attribute UrlBootFile, for HTTP boot: it has no such attribute".to_owned()];
    let choice = boot_way(&wanting(&[BootWay::UefiHttp, BootWay::Pxe]), &seen).unwrap();
    assert_eq!(choice.way, BootWay::Pxe);
    assert!(choice.reason.contains("not UEFI HTTP: BIOS attribute UrlBootFile"), "{}", choice.reason);
    let refused = problems(&wanting(&[BootWay::UefiHttp]), &seen, &Trigger::NewHost);
    assert_eq!(refused[0], seen.http_problems[0]);
}

/// A job that boots that way and has switched its host on to install.
fn installing(way: BootWay, then: &[Event]) -> JobHistory {
    installing_after(way, &[], then)
}

/// The same, where something was seen before.
fn installing_after(way: BootWay, before: &[Event], then: &[Event]) -> JobHistory {
    let mut book = Book::default();
    let job = book.start(Trigger::NewHost);
    let (url, sha256) = ("http://192.0.2.1/x".to_owned(), "ab".to_owned());
    book.write(Event::ImagePrepared { job: job.clone(), url, sha256, bytes: 1, verified: false, way });
    before.iter().for_each(|event| book.write(event.clone()));
    book.write(Event::Intent { job: job.clone(), act: install_power_on(), in_flight_ms: 0 });
    let result = ActResult::Done { mark: None };
    book.write(Event::Outcome { job, act: install_power_on(), result });
    then.iter().for_each(|event| book.write(event.clone()));
    book.node().and_then(|node| node.job).unwrap()
}

fn sighted(evidence: Evidence) -> Event {
    Event::Sighted { job: job_id(NODE, 0), evidence }
}

#[test]
fn a_host_is_offered_its_installer_again_only_if_nothing_of_it_was_seen() {
    let signs = [
        Evidence::ToldToInstall { peer: peer() },
        Evidence::ImageRead { peer: peer() },
        Evidence::ImageComplete { bytes: 1 },
        Evidence::CalledBack { stage: "Starting".to_owned() },
    ];
    for way in [BootWay::Pxe, BootWay::UefiHttp] {
        assert!(is_offered_again(&installing(way, &[])), "{way}");
        for sign in &signs {
            assert!(!is_offered_again(&installing(way, &[sighted(sign.clone())])), "{way}: {sign}");
        }
        let failed = Event::StepFinished {
            job: job_id(NODE, 0),
            step: StepId::Follow,
            result: StepResult::Failed,
            detail: "fetched nothing".to_owned(),
        };
        let mut set_back = installing(way, &[sighted(signs[0].clone())]);
        set_back.evidence[0].1 = jiff::Timestamp::UNIX_EPOCH;
        assert!(
            !is_offered_again(&set_back),
            "{way}: a clock that was set back is no reason to install twice"
        );
        let began = Event::StepStarted { job: job_id(NODE, 0), step: StepId::Follow, detail: String::new() };
        assert!(!is_offered_again(&installing(way, &[began, failed])), "{way}: it failed");
    }
    assert!(!is_offered_again(&installing(BootWay::VirtualMedia, &[])));
    let seen = machine(&[]);
    for way in [BootWay::Pxe, BootWay::UefiHttp] {
        assert_eq!(offer_seen(&installing(way, &[]), &seen), None, "{way}");
        for sign in
            [Evidence::CalledBack { stage: "Starting".to_owned() }, Evidence::ImageComplete { bytes: 1 }]
        {
            let job = installing(way, &[sighted(sign.clone())]);
            assert_eq!(offer_seen(&job, &seen), Some(Offer::Ended), "{way}: {sign}");
        }
    }
}

#[test]
fn what_a_service_reads_for_the_host_is_read_as_any_medium() {
    let read = sighted(Evidence::ImageRead { peer: peer() });
    let complete = sighted(Evidence::ImageComplete { bytes: 1 });
    let job = installing(BootWay::UefiHttp, &[read.clone(), complete.clone()]);
    assert!(!is_offered_again(&job), "it was the host that read it");
    let job = installing_after(BootWay::UefiHttp, &[read], &[complete]);
    assert!(is_offered_again(&job), "it was read before the host was on");
    let mut mounted = machine(&[]);
    assert_eq!(offer_seen(&job, &mounted), Some(Offer::Ended));
    mounted.slots[0].image = Some("http://192.0.2.1/x".to_owned());
    assert_eq!(offer_seen(&job, &mounted), Some(Offer::Again), "for as long as it is there");
}

fn peer() -> String {
    "192.0.2.5".to_owned()
}

#[test]
fn an_installer_is_offered_before_somebody_can_come_for_it() {
    let url = "http://192.0.2.1/x".to_owned();
    let http = Act::BootHttpOnce { url };
    assert_eq!(offer_before(&http, BootWay::UefiHttp), Some(Offer::Anew));
    assert_eq!(offer_before(&install_power_on(), BootWay::UefiHttp), Some(Offer::Anew));
    assert_eq!(offer_before(&install_power_on(), BootWay::Pxe), Some(Offer::Anew));
    assert_eq!(offer_before(&Act::BootPxeOnce { mode: None }, BootWay::Pxe), None, "it is off, or goes off");
    let held = Act::PowerOn { purpose: PowerPurpose::Storage { boot: 1 } };
    for way in BootWay::ALL {
        assert_eq!(offer_before(&held, way), None, "no boot for settings is one of the installer's");
    }
}

#[test]
fn an_old_system_that_boots_is_no_sign_where_the_installer_has_to_be_fetched() {
    let mut seen = machine(&[]);
    seen.view.progress = HostProgress::OsRunning;
    let follow = |way, then: &[Event]| {
        let wanted = Wanted { follow: Follow::NotObservable, ..wanting(&[way]) };
        let served = Served { image: "http://192.0.2.1/x".to_owned(), way, ..Served::default() };
        next(&wanted, &seen, Some(&installing(way, then)), &served)
    };
    assert!(matches!(follow(BootWay::VirtualMedia, &[]), Next::Finish(_)));
    for way in [BootWay::Pxe, BootWay::UefiHttp] {
        assert_eq!(follow(way, &[]), Next::Await(Await::Boot), "{way}");
        let told = sighted(Evidence::ToldToInstall { peer: "192.0.2.5".to_owned() });
        assert_eq!(follow(way, &[told]), Next::Await(Await::Boot), "{way}");
        let complete = sighted(Evidence::ImageComplete { bytes: 1 });
        let Next::Finish(JobResult::BootedNotObservable { seen }) = follow(way, &[complete]) else {
            panic!()
        };
        assert_eq!(seen, "the host is on, and the image was read completely (1 bytes)");
    }
}

#[test]
fn the_plan_prints_the_way_and_its_reason() {
    let told = |ways: &[BootWay], seen: &Observed| {
        let planned = steps(&wanting(ways), seen, None);
        let of = |step: StepId| planned.iter().find(|one| one.step == step).unwrap().detail.clone();
        [of(StepId::Media), of(StepId::BootOnce), of(StepId::Eject)]
    };
    assert_eq!(
        told(&[BootWay::Pxe], &machine(&[])),
        ["it boots by PXE", "boot from the network once (profile edge)", "no medium"]
    );
    let mut by_bios = machine(&[]);
    by_bios.http_settings = vec!["UrlBootFile".to_owned()];
    let planned = steps(&wanting(&[BootWay::UefiHttp]), &by_bios, None);
    let bios = planned.iter().find(|one| one.step == StepId::Bios).unwrap();
    assert!(bios.detail.starts_with("set UrlBootFile for HTTP boot"), "{}", bios.detail);
}

#[test]
fn each_way_is_armed_by_its_own_act_and_once() {
    let url = "http://192.0.2.1/x".to_owned();
    for way in [BootWay::UefiHttp, BootWay::Pxe] {
        let served = Served { image: url.clone(), way, ..Served::default() };
        let mut seen = machine(&[]);
        let wanted = wanting(&[way]);
        let Some(Next::Act(act)) = arm(&wanted, &seen, None, &served) else { panic!("{way}") };
        match way {
            BootWay::Pxe => {
                assert_eq!(act, Act::BootPxeOnce { mode: wanted.boot_mode });
                seen.view.boot.target = Some(BootTarget::Pxe);
                // A boot flag of somebody else's, for the other mode.
                let uefi = Wanted { boot_mode: Some(BootMode::Uefi), ..wanted.clone() };
                seen.view.boot.override_mode = Some(BootMode::Legacy);
                let again = Act::BootPxeOnce { mode: Some(BootMode::Uefi) };
                assert_eq!(arm(&uefi, &seen, None, &served), Some(Next::Act(again.clone())));
                assert_eq!(resolve(&again, &seen), ActResult::FoundNotDone);
                seen.view.boot.override_mode = Some(BootMode::Uefi);
                assert_eq!(arm(&uefi, &seen, None, &served), None);
                assert_eq!(resolve(&again, &seen), ActResult::FoundDone);
            }
            _ => {
                assert_eq!(act, Act::BootHttpOnce { url: url.clone() });
                seen.view.boot.target = Some(BootTarget::UefiHttp);
                for not_ours in [None, Some(String::new()), Some("http://192.0.2.1/other".to_owned())] {
                    seen.view.boot.http_uri = not_ours;
                    assert!(arm(&wanted, &seen, None, &served).is_some(), "{:?}", seen.view.boot);
                    assert_eq!(resolve(&act, &seen), ActResult::FoundNotDone, "{:?}", seen.view.boot);
                }
                // Where firmware is told the address by BIOS, that is verified as a setting.
                let by_bios = Observed { http_settings: vec!["UrlBootFile".to_owned()], ..seen.clone() };
                assert_eq!(arm(&wanted, &by_bios, None, &served), None);
                seen.view.boot.http_uri = Some(url.clone());
            }
        }
        assert_eq!(arm(&wanted, &seen, None, &served), None, "{way}");
    }
}
