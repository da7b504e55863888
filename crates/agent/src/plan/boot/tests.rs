use rackhand_bmc::{Learned, Support};

use super::*;
use crate::{
    event::Trigger,
    plan::{
        problems, steps,
        tests::{observed, wanted},
    },
    wanted::WantedBoot,
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
            }
            _ => {
                assert_eq!(act, Act::BootHttpOnce { url: url.clone() });
                seen.view.boot.target = Some(BootTarget::UefiHttp);
                seen.view.boot.http_uri = Some("http://192.0.2.1/other".to_owned());
                assert!(arm(&wanted, &seen, None, &served).is_some(), "another address is not ours");
                seen.view.boot.http_uri = Some(url.clone());
            }
        }
        assert_eq!(arm(&wanted, &seen, None, &served), None, "{way}");
    }
}
