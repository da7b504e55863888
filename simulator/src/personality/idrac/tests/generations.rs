//! What distinguishes the generations: each difference on and off.

use http::Method;
use serde_json::json;

use super::{MANAGER, SYSTEM};
use crate::personality::bench::{Bench, ISO};
use crate::personality::idrac::{Generation, Idrac};

fn of(generation: Generation, without: &[&str]) -> Bench {
    Bench::new(Idrac(generation), without)
}

#[tokio::test(start_paused = true)]
async fn every_link_of_every_generation_leads_somewhere() {
    for generation in Generation::ALL {
        assert!(of(generation, &[]).crawl().await > 60, "{generation:?}");
        // Nor does one that has no quirk at all break.
        let all: Vec<_> = super::super::quirks::of(generation).iter().map(|quirk| quirk.name).collect();
        assert!(of(generation, &all).crawl().await > 60, "{generation:?} without quirks");
    }
}

#[tokio::test(start_paused = true)]
async fn each_generation_says_which_it_is() {
    for (generation, model) in
        [(Generation::Eight, "13G"), (Generation::NineOld, "14G"), (Generation::Ten, "17G")]
    {
        let bench = of(generation, &[]);
        let said = bench.get(MANAGER).await["Model"].as_str().unwrap().to_owned();
        assert!(said.starts_with(model), "{said}");
        assert_eq!(bench.get(SYSTEM).await["Oem"]["Dell"]["DellSystem"]["SystemGeneration"], said.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn an_idrac8_only_shows_its_media_and_makes_bios_jobs_apart() {
    let bench = of(Generation::Eight, &[]);
    let slot = format!("{MANAGER}/VirtualMedia/CD");
    assert_eq!(bench.get(&slot).await["Actions"], json!(null));
    let insert = format!("{slot}/Actions/VirtualMedia.InsertMedia");
    assert_eq!(bench.post(&insert, json!({"Image": ISO})).await.status, 404);

    let pending = format!("{SYSTEM}/Bios/Settings");
    let timed = json!({"Attributes": {"LogicalProc": "Disabled"}, "@Redfish.SettingsApplyTime": {"ApplyTime": "OnReset"}});
    assert_eq!(bench.patch(&pending, timed).await.status, 400);
    assert_eq!(bench.patch(&pending, json!({"Attributes": {"LogicalProc": "Disabled"}})).await.status, 200);
    let made = bench.post(&format!("{MANAGER}/Jobs"), json!({"TargetSettingsURI": pending})).await;
    let job = made.headers["location"].to_str().unwrap().to_owned();
    assert!(job.contains("/Jobs/JID_"), "{job}");
    bench.reset("On").await;
    bench.state("post", "done").await;
    assert_eq!(bench.get(&format!("{SYSTEM}/Bios")).await["Attributes"]["LogicalProc"], "Disabled");
    // One message of an error stands alone.
    let refused = bench.post(&format!("{MANAGER}/Jobs"), json!({"TargetSettingsURI": pending})).await;
    assert!(refused.body["error"]["@Message.ExtendedInfo"].is_object(), "{}", refused.body);
}

async fn boots_from_cd(bench: &Bench, boot: serde_json::Value, attributes: bool) -> Vec<String> {
    let slot = if bench.call(Method::GET, &format!("{MANAGER}/VirtualMedia/CD"), None).await.status == 200 {
        format!("{MANAGER}/VirtualMedia/CD")
    } else {
        format!("{SYSTEM}/VirtualMedia/1")
    };
    let insert = format!("{slot}/Actions/VirtualMedia.InsertMedia");
    assert_eq!(bench.post(&insert, json!({"Image": ISO})).await.status, 204);
    let path = if attributes {
        format!("{MANAGER}/Oem/Dell/DellAttributes/iDRAC.Embedded.1")
    } else {
        SYSTEM.to_owned()
    };
    assert_eq!(bench.patch(&path, boot).await.status, 200);
    bench.reset("On").await;
    bench.state("post", "done").await;
    bench.wait(1).await;
    bench.boots()
}

#[tokio::test(start_paused = true)]
async fn on_old_firmware_cd_is_the_physical_drive() {
    let target = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
    let device = json!({"Attributes": {"ServerBoot.1.FirstBootDevice": "VCD-DVD", "ServerBoot.1.BootOnce": "Enabled"}});
    let host = |without: &[&str]| of(Generation::NineOld, without);
    // With a blank disk the order ends at the virtual CD anyway, so the order tells: it is not tried first.
    let old = host(&[]);
    old.simulator.machine("node1").unwrap().with(|machine| machine.boot.order = vec!["Hdd".into()]);
    assert_eq!(boots_from_cd(&old, target.clone(), false).await, ["none"]);
    let new = host(&["cd-is-physical"]);
    new.simulator.machine("node1").unwrap().with(|machine| machine.boot.order = vec!["Hdd".into()]);
    assert_eq!(boots_from_cd(&new, target, false).await, ["Cd"]);
    let by_attribute = host(&[]);
    by_attribute.simulator.machine("node1").unwrap().with(|machine| machine.boot.order = vec!["Hdd".into()]);
    assert_eq!(boots_from_cd(&by_attribute, device, true).await, ["Cd"]);
    let left = by_attribute.get(&format!("{MANAGER}/Attributes")).await["Attributes"].clone();
    assert_eq!(left["ServerBoot.1.FirstBootDevice"], "Normal");
}

#[tokio::test(start_paused = true)]
async fn an_idrac10_takes_its_override_at_the_settings() {
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
    let bench = of(Generation::Ten, &[]);
    assert_eq!(bench.patch(SYSTEM, boot.clone()).await.status, 400);
    let shown = bench.get(SYSTEM).await;
    assert_eq!(shown["Boot"]["BootSourceOverrideMode"], json!(null));
    let settings = shown["@Redfish.Settings"]["SettingsObject"]["@odata.id"].as_str().unwrap().to_owned();
    assert_eq!(bench.patch(&settings, boot.clone()).await.status, 200);
    assert_eq!(bench.get(&settings).await["Boot"]["BootSourceOverrideTarget"], "Cd");
    let mode = json!({"Boot": {"BootSourceOverrideMode": "UEFI"}});
    assert_eq!(bench.patch(&settings, mode).await.status, 400);
    assert_eq!(of(Generation::Ten, &["override-at-settings"]).patch(SYSTEM, boot).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn on_an_idrac10_only_slot_1_boots_and_on_comes_a_moment_after_off() {
    for (without, booted) in [(vec![], "none"), (vec!["only-slot-1-boots"], "Cd")] {
        let bench = of(Generation::Ten, &without);
        let insert = format!("{SYSTEM}/VirtualMedia/2/Actions/VirtualMedia.InsertMedia");
        assert_eq!(bench.post(&insert, json!({"Image": ISO})).await.status, 204);
        bench.reset("On").await;
        bench.state("post", "done").await;
        bench.wait(1).await;
        assert_eq!(bench.boots(), [booted]);
    }
    let reset = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    for (without, status) in [(vec![], 409), (vec!["on-refused-after-off"], 204)] {
        let bench = of(Generation::Ten, &without);
        bench.reset("On").await;
        bench.state("power", "On").await;
        bench.reset("ForceOff").await;
        bench.state("power", "Off").await;
        let early = bench.post(&reset, json!({"ResetType": "On"})).await;
        assert_eq!(early.status, status);
        if status == 409 {
            assert!(early.ids().contains(&"ActionParameterValueConflict"), "{}", early.body);
            bench.wait(10).await;
            assert_eq!(bench.post(&reset, json!({"ResetType": "On"})).await.status, 204);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_mode_or_an_order_makes_a_job_of_what_is_immediate() {
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once", "BootSourceOverrideMode": "UEFI"}});
    let bench = of(Generation::Nine, &[]);
    assert_eq!(bench.patch(SYSTEM, boot.clone()).await.status, 202);
    assert_eq!(bench.get(SYSTEM).await["Boot"]["BootSourceOverrideTarget"], "None");
    let refused =
        bench.patch(SYSTEM, json!({"Boot": {"BootOrder": ["Boot0001", "Boot0000", "Boot0002"]}})).await;
    assert_eq!(refused.ids(), ["RAC0773"]);
    bench.reset("On").await;
    bench.state("boot-override", "Once Cd").await;
    let plain = of(Generation::Nine, &["override-mode-makes-job", "boot-order-by-job"]);
    assert_eq!(plain.patch(SYSTEM, boot).await.status, 200);
    assert_eq!(plain.get(SYSTEM).await["Boot"]["BootSourceOverrideTarget"], "Cd");
    let order = json!({"Boot": {"BootOrder": ["Boot0001", "Boot0000", "Boot0002"]}});
    assert_eq!(plain.patch(SYSTEM, order.clone()).await.status, 200);
    let by_job = of(Generation::Ten, &[]);
    let answer = by_job.patch(&format!("{SYSTEM}/Settings"), order).await;
    assert_eq!(answer.status, 202);
    by_job.reset("On").await;
    by_job.state("boot-order", "Cd Hdd Pxe").await;
    let job = answer.headers["location"].to_str().unwrap();
    by_job.state("post", "done").await;
    assert_eq!(by_job.get(job).await["JobState"], "Completed");
}
