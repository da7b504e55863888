//! The fifteen troubles that people report most, each twice: with its cure all is well, and with the cure switched off by
//! name, or the careful way left, the harm shows.
//!
//! Two stand where they belong: the thirteenth, an IPv6 BMC that is handed an IPv4 address, with the image server
//! (`crates/media`); the fifteenth, ETags that are weak, stale or refused, with the client (`crates/redfish/tests`).

use std::time::Duration;

use http::{Method, StatusCode};
use rackhand_agent::engine::NodeResult;
use rackhand_bmc::{
    ApplyTime, AttributeVerdict, Attributes, BiosStage, BootTarget, ComponentKind, ErrorKind, FirmwareImage,
    JobState, MediaImage, Outcome, PowerOffPolicy, ResetType,
};
use rackhand_simulator::{
    faults::{Rejection, Rule, What},
    log::Entry,
    machine::{Disk, Machine},
};
use rackhand_tests::lab::{Lab, Node};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    cases::{Case, Stop, expect},
    rack::{NAME, Rack, Setup, firmware_name, seen},
};

/// Runs a case with every cure, and again without those named.
async fn both(setup: &Setup, cures: &[&str], case: impl AsyncFn(&Rack) -> Case) {
    let rack = Rack::new(setup).await.unwrap();
    if let Err(stop) = case(&rack).await {
        panic!("with its cure: {stop}; last sent: {}", rack.last_changes());
    }
    rack.bmc.close().await.unwrap();
    let uncured = cures.iter().map(|cure| (*cure).to_owned()).collect();
    // A connection that does not even come to be fails the case as well.
    if let Ok(rack) = Rack::new(&Setup { uncured, ..setup.clone() }).await {
        let found = case(&rack).await;
        assert!(found.is_err(), "without {cures:?} all is well");
    }
}

fn image(name: &str) -> MediaImage {
    MediaImage { url: Rack::file("http", name), credentials: None }
}

fn holds(rack: &Rack, name: &str) -> bool {
    let url = Rack::file("http", name);
    rack.machine(|machine| machine.slots.iter().any(|slot| slot.url() == Some(url.as_str())))
}

fn settings(pairs: &[(&str, &str)]) -> BiosStage {
    let attributes: Attributes =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    BiosStage { attributes, reason: "a test".to_owned() }
}

fn value(rack: &Rack, name: &str) -> Option<String> {
    rack.machine(|machine| machine.bios.current.get(name).and_then(|value| value.as_str().map(str::to_owned)))
}

async fn someone_elses_medium(rack: &Rack) -> Case {
    let slot = rack.bmc.choose_slot().await?;
    let _ = rack.bmc.media()?.insert(&slot.id, &image("other.iso")).await?;
    Ok(rack.until("the leftover", async || Ok(holds(rack, "other.iso"))).await?)
}

#[tokio::test(start_paused = true)]
async fn trouble_01_a_slot_reads_inserted_after_an_eject_and_the_insert_is_skipped() {
    let cures = ["eject-shows-late", "insert-fails-after-eject"];
    both(&Setup::of("idrac9"), &cures, async |rack| {
        someone_elses_medium(rack).await?;
        let _ = rack.bmc.mount(&image("image.iso")).await?;
        expect(holds(rack, "image.iso"), || "the machine does not hold the image".to_owned())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn trouble_02_an_insert_right_after_an_eject_answers_5xx() {
    let refusal = What::Status {
        code: 500,
        body: "{\"error\": {\"code\": \"Base.1.8.InternalError\", \"message\": \"busy\"}}".to_owned(),
        content_type: Some("application/json".to_owned()),
        retry_after: None,
    };
    let rule = Rule::new("after an eject", refusal).request("POST", "*InsertMedia").window(1, 1);
    let setup = Setup { faults: vec![rule], ..Setup::of("sushy") };
    both(&setup, &["insert-fails-after-eject"], async |rack| {
        someone_elses_medium(rack).await?;
        let _ = rack.bmc.mount(&image("image.iso")).await?;
        expect(holds(rack, "image.iso"), || "the machine does not hold the image".to_owned())
    })
    .await;
}

/// Boots the installer by hand, waits for it to be where `when` says, ejects, and tells what is on the disk in the end.
async fn ejected(when: impl Fn(&Machine) -> bool) -> bool {
    let rack = Rack::new(&Setup::of("ilo6")).await.unwrap();
    let slot = rack.bmc.boot_image_once(&image("image.iso")).await.unwrap();
    rack.until("the installer", async || Ok(rack.machine(&when))).await.unwrap();
    let _ = rack.bmc.clear_slot(&slot.id).await.unwrap();
    sleep(Duration::from_secs(3 * 60 * 60)).await;
    rack.bmc.close().await.unwrap();
    rack.machine(|machine| matches!(machine.disk(), Disk::Installed(_)))
}

#[tokio::test(start_paused = true)]
async fn trouble_03_an_eject_too_early_breaks_the_installation() {
    assert!(!ejected(|machine| machine.phase() == "Install").await, "ejected while the installer runs");
    assert!(ejected(|machine| machine.phase() == "Running").await, "ejected after the reset");
    // What the agent does, per personality: it ejects after the reset that follows the disk write.
    for personality in ["idrac9", "ilo5", "cimc", "sushy"] {
        let lab = Lab::new(&[Node::new(NAME, personality)], Vec::new());
        let reports = lab.apply().await;
        assert_eq!(reports[0].result, NodeResult::Installed, "{personality}");
        let entries = lab.sim.log().entries();
        let state = |entry: &Entry, wanted| matches!(entry, Entry::State(state) if state.what == wanted);
        let eject = entries.iter().rposition(|entry| matches!(entry, Entry::Request(one) if is_eject(one)));
        let written = entries.iter().rposition(|entry| state(entry, "disk")).unwrap();
        let reset = written + entries[written..].iter().position(|entry| state(entry, "post")).unwrap();
        assert!(eject.unwrap() > reset, "{personality}: ejected before the reset after the disk write");
    }
}

fn is_eject(request: &rackhand_simulator::log::RequestEntry) -> bool {
    let path = request.path.to_ascii_lowercase();
    path.contains("ejectmedia") || path.contains("ejectvirtualmedia")
}

#[tokio::test(start_paused = true)]
async fn trouble_04_virtual_media_is_detached_or_held_by_a_session_that_is_gone() {
    both(&Setup::of("idrac9"), &["media-detached"], async |rack| {
        let path = "/redfish/v1/Managers/iDRAC.Embedded.1/Oem/Dell/DellAttributes/iDRAC.Embedded.1";
        let detach = json!({"Attributes": {"VirtualMedia.1.Attached": "Detached"}});
        let answer = rack.somebody(Method::PATCH, path, detach).await;
        expect(answer.is_success(), || format!("detaching answers {answer}"))?;
        let _ = rack.bmc.mount(&image("image.iso")).await?;
        expect(holds(rack, "image.iso"), || "the machine does not hold the image".to_owned())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn trouble_05_a_jammed_job_queue_keeps_ours_from_running() {
    both(&Setup::of("idrac9"), &["bios-job-queued"], async |rack| {
        // Somebody's job that never begins.
        rack.sim.faults().add(Rule::new("stuck", What::JobsStick));
        let bios = rack.bmc.bios()?;
        let _ = bios.stage(&settings(&[("LogicalProc", "Disabled")])).await?;
        sleep(Duration::from_secs(60)).await;
        rack.sim.faults().remove("stuck");
        let outcome = bios.stage(&settings(&[("SriovGlobalEnable", "Enabled")])).await?;
        rack.settle(outcome).await?;
        // Theirs travels with ours.
        for (name, wanted) in [("SriovGlobalEnable", "Enabled"), ("LogicalProc", "Disabled")] {
            let is = value(rack, name);
            expect(is.as_deref() == Some(wanted), || format!("{name} is {is:?}"))?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn trouble_06_a_task_is_purged_after_its_end_and_says_nothing_about_it() {
    both(&Setup::of("idrac9-4"), &["task-gone-job-left"], async |rack| {
        let firmware = rack.bmc.firmware()?;
        let found = firmware.inventory().await?;
        let bios = found.components.iter().find(|component| component.kind == ComponentKind::Bios);
        let target = bios.ok_or_else(|| "there is no BIOS among the components".to_owned())?.id.clone();
        let url = Rack::file("http", firmware_name(rack));
        let image =
            FirmwareImage { url, targets: vec![target], when: ApplyTime::Immediate, credentials: None };
        let job = match firmware.update(&image).await? {
            Outcome::Running(job) => job,
            other => return Err(Stop::Wrong(format!("the update is {other:?}"))),
        };
        rack.cycle().await?;
        // Long after its end, and after its task was deleted.
        sleep(Duration::from_secs(2 * 60 * 60)).await;
        let state = rack.bmc.jobs()?.job(&job).await?.state;
        expect(state == JobState::Completed, || format!("the job is {state:?}"))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn trouble_07_an_idrac10_lists_no_boot_targets_and_takes_none_at_its_system() {
    let cures = ["override-at-settings", "override-at-settings-object"];
    both(&Setup::of("idrac10"), &cures, async |rack| {
        let _ = rack.bmc.boot_image_once(&image("image.iso")).await?;
        let source = async || Ok(rack.machine(|machine| machine.boot_source() == "Cd"));
        Ok(rack.until("a boot from the image", source).await?)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn trouble_08_an_ilo_refuses_boot_changes_in_post() {
    let setup = Setup { live: true, ..Setup::of("ilo5") };
    both(&setup, &["ilo-messages"], async |rack| {
        let _ = rack.bmc.power()?.reset(ResetType::ForceRestart).await?;
        rack.until("POST", async || Ok(rack.machine(|machine| machine.phase() == "Post"))).await?;
        let error = rack.bmc.boot_once(&BootTarget::Cd).await.err();
        let kind = error.as_ref().map(|error| error.kind().clone());
        expect(kind == Some(ErrorKind::InPost), || format!("in POST it answers {error:?}"))?;
        // Which is waited through, by looking.
        let armed = async || rack.bmc.boot_once(&BootTarget::Cd).await.map(|_| true).map_err(seen);
        Ok(rack.until("the override", armed).await?)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn trouble_08_an_ilo_refuses_the_target_none_and_an_eject_without_a_body() {
    both(&Setup::of("ilo5"), &["override-none-refused"], async |rack| {
        let (slot, _) = rack.bmc.mount(&image("image.iso")).await?;
        let _ = rack.bmc.boot_once(&BootTarget::Cd).await?;
        let _ = rack.bmc.clear_boot_override().await?;
        let _ = rack.bmc.clear_slot(&slot.id).await?;
        expect(!holds(rack, "image.iso"), || "the image is still in".to_owned())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn trouble_09_settings_of_an_ilo_wait_for_a_reset_it_does_not_ask_for() {
    let rejected = What::BiosRejected { attribute: "ProcTurbo".to_owned(), when: Rejection::Post };
    let faults = vec![Rule::new("refused", rejected)];
    let rack = Rack::new(&Setup { faults, ..Setup::of("ilo6") }).await.unwrap();
    let bios = rack.bmc.bios().unwrap();
    let stage = settings(&[("ProcTurbo", "Disabled"), ("ProcHyperthreading", "Disabled")]);
    let Outcome::Pending(pending) = bios.stage(&stage).await.unwrap() else { panic!("it is not pending") };
    assert!(pending.needs_reset, "nothing says that it takes a reset");
    rack.cycle().await.unwrap();
    // The messages begin with Success whatever follows; each setting is judged by itself.
    let verdict = bios.verify(&stage, Some(&pending.mark)).await.unwrap();
    let refused = matches!(verdict.attributes.get("ProcTurbo"), Some(AttributeVerdict::Rejected { .. }));
    assert!(refused, "{verdict:?}");
    assert_eq!(verdict.attributes.get("ProcHyperthreading"), Some(&AttributeVerdict::Applied));
    // And what is in force is not written, nor the host reset for it, once more.
    let plan = bios.plan(&settings(&[("ProcHyperthreading", "Disabled")]).attributes).await.unwrap();
    assert_eq!(plan.stages, []);
    rack.bmc.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn trouble_09_settings_of_an_ilo_that_are_stuck_are_cleared() {
    both(&Setup::of("ilo6"), &["rest-state-stuck"], async |rack| {
        rack.sim.faults().add(Rule::new("stuck", What::JobsStick));
        let bios = rack.bmc.bios()?;
        let outcome = bios.stage(&settings(&[("ProcHyperthreading", "Disabled")])).await?;
        rack.settle(outcome).await?;
        let stuck = value(rack, "ProcHyperthreading");
        expect(stuck.as_deref() != Some("Disabled"), || "it is not stuck".to_owned())?;
        rack.sim.faults().remove("stuck");
        let _ = rack.bmc.jobs()?.clear_queue().await?;
        let outcome = bios.stage(&settings(&[("ProcHyperthreading", "Disabled")])).await?;
        rack.settle(outcome).await?;
        let is = value(rack, "ProcHyperthreading");
        expect(is.as_deref() == Some("Disabled"), || format!("it is {is:?}"))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn trouble_10_slots_of_a_cisco_take_no_images_or_only_as_a_dvd() {
    let mounts = async |rack: &Rack| {
        let _ = rack.bmc.mount(&image("image.iso")).await?;
        expect(holds(rack, "image.iso"), || "the machine does not hold the image".to_owned())
    };
    // That a System has no EthernetInterfaces is shown in `vendors/cimc`, against documents.
    // No InsertMedia: the XML API maps it. Slots of the KVM that refuse: the one mapped DVD.
    both(&Setup::of("cimc-m4"), &["media-by-xml"], mounts).await;
    both(&Setup::of("cimc-x"), &["kvm-slots-refuse-images", "mapped-dvd-is-last"], mounts).await;
}

#[tokio::test(start_paused = true)]
async fn trouble_11_an_image_url_with_a_token_is_refused_by_bmcs() {
    let token = format!("http://192.0.2.1/images/abc?arch=x86_64&api_key={}", "t".repeat(300));
    for personality in ["idrac9", "ilo5", "ilo6"] {
        both(&Setup::of(personality), &["image-suffix"], async |rack| {
            // Said before anything is sent, with what is wrong; our own server's short address is taken.
            let refused = rack.bmc.mount(&MediaImage { url: token.clone(), credentials: None }).await;
            let error = refused.err().ok_or_else(|| "it was taken".to_owned())?;
            expect(rack.attempts() == 0, || format!("it was sent, and refused: {error}"))?;
            expect(error.to_string().contains("end"), || error.to_string())?;
            let _ = rack.bmc.mount(&image("image.iso")).await?;
            Ok(())
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_12_an_image_that_the_bmc_cannot_reach_is_accepted_and_never_attached() {
    both(&Setup::of("ilo5"), &["attaches-later-or-never"], async |rack| {
        let mounted = rack.bmc.mount(&image("missing.iso")).await;
        let error = mounted.err().ok_or_else(|| "it counts as mounted".to_owned())?;
        expect(*error.kind() == ErrorKind::NotObserved, || error.to_string())?;
        expect(error.to_string().contains("missing.iso"), || error.to_string())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn trouble_14_a_full_session_table_is_told_from_a_wrong_password_and_gives_way() {
    let rack = Rack::new(&Setup::of("idrac9")).await.unwrap();
    rack.bmc.close().await.unwrap();
    let login = json!({"UserName": "lab", "Password": crate::rack::PASSWORD});
    for _ in 0..8 {
        let path = "/redfish/v1/SessionService/Sessions";
        assert_eq!(rack.somebody(Method::POST, path, login.clone()).await, StatusCode::CREATED);
    }
    let setup = Setup::of("idrac9");
    for (uncured, told) in [(Vec::new(), true), (vec!["eemi-messages".to_owned()], false)] {
        let setup = Setup { uncured, ..setup.clone() };
        let error = rack.connect(&setup).await.err().unwrap();
        let busy = matches!(error.kind(), ErrorKind::Busy { .. });
        assert_eq!(busy, told, "{error}");
    }
    // The sessions run out, and no address was blocked meanwhile.
    sleep(Duration::from_secs(31 * 60)).await;
    let bmc = rack.connect(&setup).await.unwrap();
    bmc.close().await.unwrap();
    assert_eq!(rack.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn trouble_14_an_operating_system_that_does_not_shut_down_is_switched_off() {
    let setup = Setup { live: true, ..Setup::of("sushy") };
    let hung = What::Status { code: 204, body: String::new(), content_type: None, retry_after: None };
    // The first request, the graceful one, is answered and does nothing.
    let rule = Rule::new("hung", hung).request("POST", "*ComputerSystem.Reset").window(0, 1);
    let setup = Setup { faults: vec![rule], ..setup };
    both(&setup, &["shutdown-ignored"], async |rack| {
        let _ = rack.bmc.power_off(PowerOffPolicy::GracefulThenForce).await?;
        Ok(())
    })
    .await;
}
