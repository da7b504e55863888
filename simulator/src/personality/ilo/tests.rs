//! The way a server is installed, and each difference on and off.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::{Generation, Ilo};
use crate::personality::Personality as _;
use crate::personality::bench::{Answer, Bench, ISO, PASSWORD, authorization};

mod boot;
mod generations;
mod media;
mod smart;
mod storage;
mod upkeep;

const SYSTEM: &str = "/redfish/v1/Systems/1";
const MANAGER: &str = "/redfish/v1/Managers/1";
const SETTINGS: &str = "/redfish/v1/systems/1/bios/settings/";
const BIOS: &str = "/redfish/v1/systems/1/bios/";
const SLOT: &str = "/redfish/v1/Managers/1/VirtualMedia/2";
const BOTH: [Generation; 2] = [Generation::Five, Generation::Six];

fn bench(without: &[&str]) -> Bench {
    Bench::new(Ilo(Generation::Five), without)
}

fn media(action: &str) -> String {
    format!("{SLOT}/Actions/VirtualMedia.{action}")
}

/// On, and POST is over.
async fn booted(bench: &Bench) {
    bench.reset("On").await;
    bench.state("post", "done").await;
}

#[tokio::test(start_paused = true)]
async fn a_server_is_installed_from_its_virtual_cd() {
    for generation in BOTH {
        let bench = Bench::new(Ilo(generation), &[]);
        assert_eq!(bench.get(SYSTEM).await["Oem"]["Hpe"]["PostState"], "PowerOff");
        assert_eq!(bench.post(&media("InsertMedia"), json!({"Image": ISO})).await.status, 200);
        assert_eq!(bench.get(SLOT).await["Inserted"], false);
        bench.wait(6).await;
        let shown = bench.get(SLOT).await;
        assert_eq!((&shown["Inserted"], &shown["ConnectedVia"]), (&json!(true), &json!("URI")));
        let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
        assert_eq!(bench.patch(SYSTEM, boot).await.ids(), ["Success"]);
        bench.reset("On").await;
        bench.wait(10).await;
        assert_eq!(bench.get(SYSTEM).await["Oem"]["Hpe"]["PostState"], "InPost");
        bench.state("callback", "Rebooting").await;
        assert_eq!(bench.post(&media("EjectMedia"), json!({})).await.status, 200);
        bench.state("callback", "Done").await;
        assert_eq!(bench.boots(), ["Cd", "Hdd"]);
        assert_eq!(bench.get(SYSTEM).await["Oem"]["Hpe"]["PostState"], "FinishedPost");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_accepted_and_never_attaches() {
    let nowhere = json!({"Image": "http://images.example/none.iso"});
    let bench = bench(&[]);
    assert_eq!(bench.post(&media("InsertMedia"), nowhere.clone()).await.status, 200);
    bench.wait(60).await;
    let shown = bench.get(SLOT).await;
    assert_eq!((&shown["Inserted"], &shown["ConnectedVia"]), (&json!(false), &json!("NotConnected")));
    let local = bench.post(&media("InsertMedia"), json!({"Image": "nfs://images.example/x.iso"})).await;
    assert_eq!(local.status, 400);

    let prompt = Bench::new(Ilo(Generation::Five), &["media-attaches-later", "image-suffix"]);
    assert_eq!(prompt.post(&media("InsertMedia"), nowhere).await.status, 400);
    prompt.net.put("http://images.example/x", vec![0; 64]);
    let taken = prompt.post(&media("InsertMedia"), json!({"Image": "http://images.example/x"})).await;
    assert_eq!(taken.status, 200);
}

#[tokio::test(start_paused = true)]
async fn eject_wants_a_body_and_a_medium() {
    let bench = bench(&[]);
    let empty = bench.post(&media("EjectMedia"), json!({})).await;
    assert_eq!((empty.status, empty.ids()), (400, vec!["NoScriptedVirtualMediaConnectionAvailable"]));
    assert_eq!(bench.get(SLOT).await["Image"], "");
    assert_eq!(bench.call(Method::POST, &media("EjectMedia"), None).await.status, 400);
    bench.post(&media("InsertMedia"), json!({"Image": ISO})).await;
    let twice = bench.post(&media("InsertMedia"), json!({"Image": ISO})).await;
    assert_eq!(twice.ids(), ["MaxVirtualMediaConnectionEstablished"]);

    let lenient = Bench::new(
        Ilo(Generation::Five),
        &["eject-needs-body", "eject-empty-400", "empty-image-text", "messages-without-text"],
    );
    let answer = lenient.call(Method::POST, &media("EjectMedia"), None).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body["error"]["@Message.ExtendedInfo"][0]["Message"].is_string());
    assert_eq!(lenient.get(SLOT).await["Image"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_patch_of_the_slot_inserts_and_ejects() {
    let bench = bench(&[]);
    assert_eq!(bench.patch(SLOT, json!({"Image": ISO})).await.status, 200);
    bench.wait(6).await;
    assert_eq!(bench.get(SLOT).await["Inserted"], true);
    assert_eq!(bench.patch(SLOT, json!({"Image": ""})).await.status, 200);
    assert_eq!(bench.get(SLOT).await["Inserted"], false);
}

#[tokio::test(start_paused = true)]
async fn a_flag_boots_the_medium_once_and_the_next_reset_ejects_it() {
    let bench = bench(&[]);
    bench.post(&media("InsertMedia"), json!({"Image": ISO})).await;
    bench.wait(6).await;
    let flag = json!({"Oem": {"Hpe": {"BootOnNextServerReset": true}}});
    assert_eq!(bench.patch(SLOT, flag.clone()).await.status, 200);
    assert_eq!(bench.get(SLOT).await["Oem"]["Hpe"]["BootOnNextServerReset"], true);
    bench.reset("On").await;
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["Cd", "Hdd"]);
    assert_eq!(bench.get(SLOT).await["Inserted"], false);
    let floppy = SLOT.replace("VirtualMedia/2", "VirtualMedia/1");
    assert_eq!(bench.patch(&floppy, flag.clone()).await.status, 400);
    assert_eq!(Bench::new(Ilo(Generation::Six), &["boot-on-next-reset"]).patch(SLOT, flag).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn boot_cannot_be_changed_in_post() {
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
    for (without, status) in [(&[][..], 400), (&["no-boot-change-in-post"][..], 200)] {
        let bench = bench(without);
        bench.reset("On").await;
        bench.wait(10).await;
        assert_eq!(bench.patch(SYSTEM, boot.clone()).await.status, status);
    }
    let bench = bench(&[]);
    bench.reset("On").await;
    bench.wait(10).await;
    assert_eq!(bench.patch(SYSTEM, boot.clone()).await.ids(), ["UnableToModifyDuringSystemPOST"]);
    bench.state("post", "done").await;
    assert_eq!(bench.patch(SYSTEM, boot).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_power_action_soon_after_another_is_refused() {
    let path = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    let off = json!({"ResetType": "ForceOff"});
    let bench = bench(&[]);
    bench.reset("PushPowerButton").await;
    let busy = bench.post(&path, off.clone()).await;
    assert_eq!((busy.status, busy.ids()), (400, vec!["InvalidOperationForSystemState"]));
    bench.wait(4).await;
    assert_eq!(bench.post(&path, off.clone()).await.status, 200);
    let quick = Bench::new(Ilo(Generation::Five), &["busy-after-power"]);
    quick.reset("On").await;
    assert_eq!(quick.post(&path, off).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn bios_settings_are_judged_in_post_and_the_outcome_is_told() {
    let bench = bench(&[]);
    let before = bench.get(BIOS).await["@Redfish.Settings"].clone();
    assert_eq!(before["Messages"], json!([{"MessageId": "Base.1.0.Success"}]));
    let wanted = json!({"WorkloadProfile": "Custom", "ProcTurbo": "Disabled", "Dhcpv8": "Enabled"});
    let answer = bench.patch(SETTINGS, json!({"Attributes": wanted})).await;
    assert_eq!((answer.status, answer.ids()), (200, vec!["SystemResetRequired"]));
    let pending = bench.get(SETTINGS).await;
    assert_eq!(pending["Attributes"]["ProcTurbo"], "Disabled");
    assert_eq!(pending["Attributes"]["Sriov"], "Enabled");
    assert_eq!(bench.get(BIOS).await["@Redfish.Settings"], before);
    assert_eq!(bench.patch(BIOS, json!({"Attributes": {}})).await.status, 405);
    booted(&bench).await;
    let after = bench.get(BIOS).await;
    assert_eq!(after["Attributes"]["ProcTurbo"], "Disabled");
    let settings = &after["@Redfish.Settings"];
    assert_ne!((&settings["ETag"], &settings["Time"]), (&before["ETag"], &before["Time"]));
    assert_eq!(settings["Messages"][0]["MessageId"], "Base.1.0.Success");
    assert_eq!(settings["Messages"][1]["MessageId"], "Base.1.0.PropertyUnknown");
    assert_eq!(settings["Messages"][1]["RelatedProperties"][0], "#/Dhcpv8");

    let strict = Bench::new(Ilo(Generation::Five), &["bios-judged-in-post", "pending-is-full"]);
    assert_eq!(strict.patch(SETTINGS, json!({"Attributes": {"Dhcpv8": "Enabled"}})).await.status, 400);
    assert_eq!(strict.get(SETTINGS).await["Attributes"], json!({}));
}

async fn apply(bench: &Bench, attributes: Value) -> Value {
    bench.patch(SETTINGS, json!({"Attributes": attributes})).await;
    bench.reset(if bench.get(SYSTEM).await["PowerState"] == "On" { "ForceRestart" } else { "On" }).await;
    bench.wait(300).await;
    bench.get(BIOS).await
}

#[tokio::test(start_paused = true)]
async fn the_unmodified_etag_tells_whether_settings_wait() {
    let bench = bench(&[]);
    let tags = async || {
        let bios = bench.get(BIOS).await;
        let pending = bench.call(Method::GET, SETTINGS, None).await;
        let tag = pending.headers["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""));
        bios["Oem"]["Hpe"]["SettingsObject"]["UnmodifiedETag"] == tag
    };
    assert!(tags().await);
    bench.patch(SETTINGS, json!({"Attributes": {"ServerName": "node1"}})).await;
    assert!(!tags().await);
}

#[tokio::test(start_paused = true)]
async fn restoring_the_bios_is_below_its_settings_on_five() {
    for (generation, path) in BOTH.into_iter().zip([SETTINGS, BIOS]) {
        let bench = Bench::new(Ilo(generation), &[]);
        apply(&bench, json!({"ServerName": "node1"})).await;
        let bios = bench.get(BIOS).await;
        let target = bios["Actions"]["#Bios.ResetBios"]["target"].as_str().unwrap();
        assert_eq!(target, format!("{path}Actions/Bios.ResetBios/"));
        assert_eq!(bench.post(target, json!({})).await.status, 200);
        assert_eq!(bench.get(SETTINGS).await["Attributes"]["ServerName"], "");
    }
}

async fn registry(bench: &Bench, coding: Option<&str>) -> Answer {
    let bios = bench.get(BIOS).await;
    let file = format!("/redfish/v1/Registries/{}", bios["AttributeRegistry"].as_str().unwrap());
    let file = bench.get(&file).await;
    let uri = file["Location"][0]["Uri"].as_str().unwrap();
    let mut request = Request::get(uri).header("authorization", authorization());
    if let Some(coding) = coding {
        request = request.header("accept-encoding", coding);
    }
    bench.send(request.body(Bytes::new()).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn the_registry_is_served_compressed_only() {
    use std::io::Read as _;

    let bench = bench(&[]);
    assert_eq!(registry(&bench, Some("identity")).await.status, 406);
    assert_eq!(registry(&bench, Some("gzip;q=0")).await.status, 406);
    for coding in [None, Some("gzip, br"), Some("*")] {
        let answer = registry(&bench, coding).await;
        assert_eq!((answer.status, &answer.headers["content-encoding"]), (200, &"gzip".parse().unwrap()));
        let mut text = String::new();
        flate2::read::GzDecoder::new(answer.raw.as_ref()).read_to_string(&mut text).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert!(document["RegistryEntries"]["Attributes"].as_array().unwrap().len() > 40);
    }
    let plain = Bench::new(Ilo(Generation::Five), &["registry-gzip-only"]);
    assert_eq!(registry(&plain, Some("identity")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn few_sessions_fit() {
    let bench = bench(&[]);
    for _ in 0..6 {
        assert_eq!(bench.log_in(PASSWORD).await.status, 201);
    }
    let full = bench.log_in(PASSWORD).await;
    assert_eq!((full.status, full.ids()), (400, vec!["SessionLimitExceeded"]));
    assert_eq!(bench.get("/redfish/v1/SessionService").await["SessionTimeout"], 30);
    bench.wait(1801).await;
    assert_eq!(bench.log_in(PASSWORD).await.status, 201);
    let roomy = Bench::new(Ilo(Generation::Five), &["small-session-table", "session-timeout-30"]);
    for _ in 0..7 {
        assert_eq!(roomy.log_in(PASSWORD).await.status, 201);
    }
    assert_eq!(roomy.get("/redfish/v1/SessionService").await["SessionTimeout"], 1800);
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_are_answered_late_and_lock_nobody_out() {
    for (without, late) in [(&[][..], true), (&["login-failure-delay"][..], false)] {
        let bench = bench(without);
        let begin = tokio::time::Instant::now();
        assert_eq!(bench.log_in("wrong").await.ids(), ["UnauthorizedLoginAttempt"]);
        assert!(begin.elapsed() < std::time::Duration::from_secs(1));
        bench.log_in("wrong").await;
        assert_eq!(begin.elapsed() >= std::time::Duration::from_secs(10), late);
        assert_eq!(bench.log_in(PASSWORD).await.status, 201);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_are_closed_after_each_answer() {
    let path = "/redfish/v1";
    let answer = bench(&[]).call(Method::GET, path, None).await;
    assert_eq!(answer.headers["connection"], "close");
    let answer = bench(&["closes-connections"]).call(Method::GET, path, None).await;
    assert!(!answer.headers.contains_key("connection"));
}

#[tokio::test(start_paused = true)]
async fn paths_mix_case() {
    assert_eq!(bench(&[]).get(SYSTEM).await["Bios"]["@odata.id"], "/redfish/v1/systems/1/bios");
    let tidy = bench(&["bios-paths-lower-case"]);
    assert_eq!(tidy.get(SYSTEM).await["Bios"]["@odata.id"], "/redfish/v1/Systems/1/bios");
    assert_eq!(tidy.get("/REDFISH/V1/SYSTEMS/1/").await["Id"], "1");
}

#[tokio::test(start_paused = true)]
async fn storage_is_where_the_generation_has_it() {
    let five = bench(&[]);
    let array = five.get("/redfish/v1/Systems/1/SmartStorage/ArrayControllers/0").await;
    assert_eq!(array["AdapterType"], "SmartArray");
    assert!(Ilo(Generation::Five).quirks().iter().all(|quirk| quirk.name != "storage-after-discovery"));

    let storage = "/redfish/v1/Systems/1/Storage/DE00A000";
    let six = Bench::new(Ilo(Generation::Six), &[]);
    assert_eq!(six.get(storage).await["Drives"], json!([]));
    booted(&six).await;
    let shown = six.get(storage).await;
    let drive = six.get(shown["Drives"][0]["@odata.id"].as_str().unwrap()).await;
    assert_eq!(drive["@odata.id"], "/redfish/v1/Chassis/DE00A000/Drives/2");
    assert_eq!(drive["Status"]["State"], "Enabled", "it is part of the mirror");
    let free = six.get(shown["Drives"][2]["@odata.id"].as_str().unwrap()).await;
    assert_eq!(free["Status"]["State"], "StandbyOffline");
    let early = Bench::new(Ilo(Generation::Six), &["storage-after-discovery"]);
    assert_eq!(early.get(storage).await["Drives"].as_array().unwrap().len(), 5, "four drives and a bay");
}

#[tokio::test(start_paused = true)]
async fn the_power_button_can_be_pushed_and_held() {
    let bench = bench(&[]);
    let button = format!("{SYSTEM}/Actions/Oem/Hpe/HpeComputerSystemExt.PowerButton");
    assert_eq!(bench.post(&button, json!({"PushType": "Press"})).await.status, 200);
    bench.state("power", "On").await;
    assert_eq!(bench.post(&button, json!({"PushType": "PressAndHold"})).await.status, 200);
    bench.state("power", "Off").await;
    let system_reset = format!("{SYSTEM}/Actions/Oem/Hpe/HpeComputerSystemExt.SystemReset");
    bench.wait(5).await;
    bench.reset("On").await;
    bench.wait(10).await;
    let aux = bench.post(&system_reset, json!({"ResetType": "AuxCycle"})).await;
    assert_eq!(aux.ids(), ["SystemPowerOffRequired"]);
}
