//! Firmware, boot mode and secure boot through the whole agent: done once however often it is killed, proven by reading,
//! and refused before anything is changed where it cannot be.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

use std::time::Duration;

use rackhand_agent::{
    engine::{NodeReport, NodeResult},
    event::{Act, ActResult, Event, StepId},
};
use rackhand_bmc::BootMode;
use rackhand_simulator::{log::Entry, machine::Machine, package::Package};
use rackhand_tests::{
    fuse::Fuse,
    lab::{Lab, Node, hex_digest},
};

const NEW: &str = "99.9.9";

fn results(reports: Vec<NodeReport>) -> Vec<NodeResult> {
    reports.into_iter().map(|report| report.result).collect()
}

fn story(lab: &Lab) -> String {
    lab.records().iter().map(|record| format!("{} {} {:?}\n", record.seq, record.at, record.event)).collect()
}

fn machine<T>(lab: &Lab, look: impl FnOnce(&mut Machine) -> T) -> T {
    lab.sim.machine("node").unwrap().with(look)
}

/// The versions of the BMC and the BIOS.
fn versions(lab: &Lab) -> (String, String) {
    machine(lab, |machine| (machine.hardware.bmc_version.clone(), machine.hardware.bios_version.clone()))
}

/// Updates that were accepted.
fn updates(lab: &Lab) -> usize {
    let update = |request: &&rackhand_simulator::log::RequestEntry| {
        request.path.ends_with("SimpleUpdate") && request.status.is_some_and(|status| status < 300)
    };
    lab.changes().iter().filter(update).count()
}

/// How often the host has started its old system.
fn old_system_started(lab: &Lab) -> bool {
    let started = |entry: &Entry| matches!(entry, Entry::State(change) if change.what == "guest" && change.to.contains("old"));
    lab.sim.log().entries().iter().any(started)
}

/// The end that the vendor's files have.
fn end(personality: &str) -> &'static str {
    if personality.starts_with("idrac") { "exe" } else { "bin" }
}

fn shelve(lab: &Lab, end: &str, version: &str) {
    for component in ["BMC", "BIOS"] {
        let name = format!("{}.{end}", component.to_ascii_lowercase());
        lab.images.shelve(&name, Package::new(component, version).size(4096).build());
    }
}

/// A node that wants its BMC and its BIOS updated, and a lab of it.
fn lab(personality: &str, version: Option<&str>) -> Lab {
    let end = end(personality);
    let node = Node::new("node", personality).firmware("bmc", version, &format!("bmc.{end}")).firmware(
        "bios",
        version,
        &format!("bios.{end}"),
    );
    let lab = Lab::new(&[node], Vec::new());
    shelve(&lab, end, NEW);
    lab
}

/// Everything that updates its BMC and BIOS.
const UPDATERS: [&str; 5] = ["idrac9", "idrac9-7", "idrac10", "ilo5", "ilo6"];

#[tokio::test(start_paused = true)]
async fn bmc_and_bios_are_updated_once_and_a_second_apply_does_nothing() {
    for personality in UPDATERS {
        for version in [Some(NEW), None] {
            let mut lab = lab(personality, version);
            assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
            let new = (NEW.to_owned(), NEW.to_owned());
            assert_eq!(versions(&lab), new, "{personality}: {}", story(&lab));
            assert_eq!(updates(&lab), 2, "{personality}");

            let changes = lab.changes().len();
            assert!(matches!(results(lab.apply().await).as_slice(), [NodeResult::Nothing(_)]));
            assert_eq!(lab.changes().len(), changes, "{personality}: a second apply changes nothing");

            // Installed anew because somebody asked: the versions are there, or the journal knows of the files.
            lab.jobs[0].wanted.permission = Some("--install".to_owned());
            assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
            assert_eq!(updates(&lab), 2, "{personality}: {}", story(&lab));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_journal_says_what_was_sent_with_its_digest_and_what_it_brought() {
    let lab = lab("idrac9", Some(NEW));
    let before = versions(&lab);
    assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{}", story(&lab));
    let sent: Vec<_> = lab
        .records()
        .into_iter()
        .filter_map(|record| match record.event {
            Event::Intent { act: Act::UpdateFirmware { update }, .. } => Some(update),
            _ => None,
        })
        .collect();
    let names: Vec<&str> = sent.iter().map(|update| update.component.as_str()).collect();
    assert_eq!(names, ["bmc", "bios"], "the BMC goes first");
    assert_eq!(sent[0].from.as_deref(), Some(before.0.as_str()));
    assert_eq!(sent[0].sha256, hex_digest(&Package::new("BMC", NEW).size(4096).build()));
    assert!(!sent[0].verified, "nobody gave a digest");
    let identified =
        lab.records().iter().filter(|record| matches!(record.event, Event::Identified { .. })).count();
    assert_eq!(identified, 2, "a BMC with other firmware is connected to anew");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_digest_is_refused_before_anything_is_changed() {
    let mut lab = lab("idrac9", Some(NEW));
    lab.jobs[0].wanted.firmware[1].sha256 = Some("ab".repeat(32));
    let refused = results(lab.apply().await);
    let [NodeResult::Failed { step: StepId::Check, error, .. }] = refused.as_slice() else {
        panic!("{refused:?}")
    };
    assert!(error.contains("the file of the lab for bios: its SHA-256 is"), "{error}");
    assert!(lab.changes().is_empty(), "{:?}", lab.changes());

    let right = hex_digest(&Package::new("BIOS", NEW).size(4096).build());
    lab.jobs[0].wanted.firmware[1].sha256 = Some(right);
    assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{}", story(&lab));
}

#[tokio::test(start_paused = true)]
async fn what_the_machine_does_not_have_or_cannot_is_refused_before_anything_is_changed() {
    let absent = Node::new("node", "idrac9").firmware("GPU.Slot.9", Some(NEW), "gpu.exe");
    let lab = Lab::new(&[absent], Vec::new());
    let refused = results(lab.apply().await);
    let [NodeResult::Failed { error, .. }] = refused.as_slice() else { panic!("{refused:?}") };
    assert!(error.contains("asks to update GPU.Slot.9, and the BMC's inventory has none"), "{error}");
    assert!(lab.changes().is_empty(), "{:?}", lab.changes());

    let node = Node::new("node", "idrac8").firmware("bios", Some(NEW), "bios.exe");
    let lab = Lab::new(&[node], Vec::new());
    let refused = results(lab.apply().await);
    let [NodeResult::Failed { error, .. }] = refused.as_slice() else { panic!("{refused:?}") };
    assert!(error.contains("rackhand apply --allow-unverified node"), "{error}");
    assert!(lab.changes().is_empty(), "{:?}", lab.changes());
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_job_fails_is_reported_in_the_bmcs_words() {
    for personality in ["idrac9", "ilo6"] {
        let lab = lab(personality, Some(NEW));
        // Cut off, so that the BMC finds it damaged; nobody gave a digest that would have told before.
        let mut cut = Package::new("BIOS", NEW).size(4096).build();
        cut.pop();
        lab.images.shelve(&format!("bios.{}", end(personality)), cut);
        let failed = results(lab.apply().await);
        let [NodeResult::Failed { step: StepId::Firmware, error, .. }] = failed.as_slice() else {
            panic!("{personality}: {failed:?}")
        };
        assert!(error.contains("the update of bios failed: "), "{personality}: {error}");
        assert!(error.contains("it holds 4095 of 4096 bytes"), "{personality}: {error}");
        let (bmc, bios) = versions(&lab);
        assert_eq!((bmc.as_str(), bios == NEW), (NEW, false), "{personality}: the BMC's own came before");
        assert!(machine(&lab, |machine| machine.sessions.is_empty()), "{personality}: a session is left");

        // Mended, the next apply goes on: the BMC is as wanted.
        shelve(&lab, end(personality), NEW);
        assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
        assert_eq!(versions(&lab).1, NEW);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_brings_another_version_is_told() {
    let lab = lab("idrac9", Some("100.0"));
    let failed = results(lab.apply().await);
    let [NodeResult::Failed { step: StepId::Firmware, error, .. }] = failed.as_slice() else {
        panic!("{failed:?}")
    };
    assert!(error.contains("bmc has 99.9.9, not 100.0"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_is_away_for_minutes_is_waited_for() {
    let lab = lab("idrac9", Some(NEW));
    machine(&lab, |machine| machine.rules.firmware.bmc_gone = Duration::from_secs(9 * 60));
    assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{}", story(&lab));
    assert_eq!((versions(&lab).0.as_str(), updates(&lab)), (NEW, 2));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_takes_its_firmware_in_post_is_updated_without_starting_the_old_system() {
    let node = Node::new("node", "idrac9").live().firmware("NIC.Slot.3-1-1", Some(NEW), "nic.exe");
    let mut lab = Lab::new(&[node], Vec::new());
    lab.images.shelve("nic.exe", Package::new("NIC.Slot.3-1-1", NEW).size(4096).build());
    lab.jobs[0].wanted.permission = Some("--install".to_owned());
    let disturbed = machine(&lab, |machine| machine.boots());
    assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{}", story(&lab));
    let found = |machine: &mut Machine| machine.firmware.iter().any(|one| one.version == NEW);
    assert!(machine(&lab, found), "{}", story(&lab));
    assert!(machine(&lab, |machine| machine.boots()) > disturbed);
    assert!(!old_system_started(&lab), "{}", story(&lab));
}

#[tokio::test(start_paused = true)]
async fn killed_anywhere_firmware_is_sent_once() {
    for personality in ["idrac9", "ilo6"] {
        let counting = Fuse::counting();
        let undisturbed = lab(personality, Some(NEW));
        let reports = undisturbed.apply_fused(&counting).await.unwrap();
        assert_eq!(results(reports), [NodeResult::Installed], "{}", story(&undisturbed));
        let points = counting.passed();
        println!("{personality}: {points} kill points");
        for n in 1..=points {
            let lab = lab(personality, Some(NEW));
            let fuse = Fuse::at(n);
            let killed = lab.apply_fused(&fuse).await.is_none();
            let place = fuse.place().unwrap_or_else(|| "nowhere".to_owned());
            if killed {
                let after = results(lab.apply().await);
                let ended = matches!(after.as_slice(), [NodeResult::Installed | NodeResult::Nothing(_)]);
                assert!(ended, "{personality} killed {place}: {after:?}: {}", story(&lab));
            }
            assert_eq!(updates(&lab), 2, "{personality} killed {place}: {}", story(&lab));
            let (bmc, bios) = versions(&lab);
            assert_eq!((bmc.as_str(), bios.as_str()), (NEW, NEW), "{personality} killed {place}");
        }
    }
}

/// The BIOS setting that is the boot mode, in legacy mode.
fn legacy(personality: &str) -> &'static str {
    if personality.starts_with("idrac") { "Bios" } else { "LegacyBios" }
}

fn in_legacy_mode(personality: &str, node: Node) -> Lab {
    let lab = Lab::new(&[node], Vec::new());
    let value = legacy(personality);
    machine(&lab, |machine| machine.bios.current.insert("BootMode".to_owned(), value.into()));
    lab
}

fn boot_mode(lab: &Lab) -> String {
    machine(lab, |machine| machine.bios.current["BootMode"].as_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_boot_mode_is_changed_once_and_proven_by_a_boot() {
    for personality in ["idrac9", "ilo5"] {
        let node = Node { boot_mode: Some(BootMode::Uefi), ..Node::new("node", personality) };
        let mut lab = in_legacy_mode(personality, node);
        assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
        assert_eq!(boot_mode(&lab), "Uefi", "{personality}");
        let set = |lab: &Lab| {
            let set = |event: &Event| matches!(event, Event::Intent { act: Act::SetBootMode { .. }, .. });
            lab.records().iter().filter(|record| set(&record.event)).count()
        };
        assert_eq!(set(&lab), 1, "{personality}: {}", story(&lab));
        lab.jobs[0].wanted.permission = Some("--install".to_owned());
        assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
        assert_eq!(set(&lab), 1, "{personality}: it is so already");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mode_that_the_bmc_cannot_set_is_refused_before_anything_is_changed() {
    let node = Node { boot_mode: Some(BootMode::Legacy), ..Node::new("node", "ilo6") };
    let lab = Lab::new(&[node], Vec::new());
    let refused = results(lab.apply().await);
    let [NodeResult::Failed { step: StepId::Check, error, .. }] = refused.as_slice() else {
        panic!("{refused:?}")
    };
    assert!(error.contains("the spec's bootMode is legacy, this host boots in UEFI mode"), "{error}");
    assert!(error.contains("write the bootMode that it has into the spec"), "{error}");
    assert!(lab.changes().is_empty(), "{:?}", lab.changes());
}

#[tokio::test(start_paused = true)]
async fn secure_boot_is_proven_by_a_boot_before_the_installation() {
    for personality in ["idrac9", "idrac10", "ilo5", "ilo6"] {
        let node = Node {
            boot_mode: Some(BootMode::Uefi),
            secure_boot: Some(true),
            ..Node::new("node", personality)
        };
        let lab = if ["idrac9", "ilo5"].contains(&personality) {
            in_legacy_mode(personality, node)
        } else {
            Lab::new(&[node], Vec::new())
        };
        assert_eq!(results(lab.apply().await), [NodeResult::Installed], "{personality}: {}", story(&lab));
        assert!(machine(&lab, |machine| machine.secure_boot.current), "{personality}");
        let records = lab.records();
        let place = |is: &dyn Fn(&Event) -> bool| records.iter().position(|record| is(&record.event));
        let set = place(&|event| {
            matches!(
                event,
                Event::Outcome { act: Act::SetSecureBoot { .. }, result: ActResult::Done { .. }, .. }
            )
        });
        let booted = records.iter().rposition(|record| {
            let boot = |act: &Act| act.to_string() == "switch the host on for its boot settings";
            matches!(&record.event, Event::Outcome { act, result: ActResult::Done { .. }, .. } if boot(act))
        });
        let inserted = place(&|event| matches!(event, Event::Intent { act: Act::Insert { .. }, .. }));
        assert!(set.is_some() && set < booted && booted < inserted, "{personality}: {}", story(&lab));
    }
}

#[tokio::test(start_paused = true)]
async fn killed_anywhere_boot_mode_and_secure_boot_are_set_and_taken_up() {
    for personality in ["idrac9", "ilo5"] {
        let node = Node {
            boot_mode: Some(BootMode::Uefi),
            secure_boot: Some(true),
            ..Node::new("node", personality)
        };
        let counting = Fuse::counting();
        let lab = in_legacy_mode(personality, node.clone());
        let reports = lab.apply_fused(&counting).await.unwrap();
        assert_eq!(results(reports), [NodeResult::Installed], "{}", story(&lab));
        let points = counting.passed();
        println!("{personality}: {points} kill points");
        for n in 1..=points {
            let lab = in_legacy_mode(personality, node.clone());
            let fuse = Fuse::at(n);
            let killed = lab.apply_fused(&fuse).await.is_none();
            let place = fuse.place().unwrap_or_else(|| "nowhere".to_owned());
            if killed {
                let after = results(lab.apply().await);
                let ended = matches!(after.as_slice(), [NodeResult::Installed | NodeResult::Nothing(_)]);
                assert!(ended, "{personality} killed {place}: {after:?}: {}", story(&lab));
            }
            assert_eq!(boot_mode(&lab), "Uefi", "{personality} killed {place}");
            assert!(machine(&lab, |machine| machine.secure_boot.current), "{personality} killed {place}");
        }
    }
}
