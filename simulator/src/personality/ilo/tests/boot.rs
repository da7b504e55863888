//! The override with what is refused of it, and the order in the BIOS.

use serde_json::{Value, json};

use super::{SYSTEM, booted};
use crate::personality::bench::{Answer, Bench};
use crate::personality::ilo::Generation::{self, Five, Four, Six};
use crate::personality::ilo::Ilo;

fn of(generation: Generation, without: &[&str]) -> Bench {
    Bench::new(Ilo(generation), without)
}

async fn set(bench: &Bench, boot: Value) -> Answer {
    bench.patch(SYSTEM, json!({"Boot": boot})).await
}

#[tokio::test(start_paused = true)]
async fn an_override_needs_a_target_and_none_is_no_target() {
    let once = json!({"BootSourceOverrideEnabled": "Once"});
    let none = json!({"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None"});
    let bench = of(Five, &[]);
    assert_eq!(set(&bench, once.clone()).await.ids(), ["UnsupportedOperation"]);
    assert_eq!(set(&bench, none.clone()).await.ids(), ["PropertyValueNotInList"]);
    assert_eq!(set(&bench, json!({"BootSourceOverrideTarget": "Pxe"})).await.status, 200);
    assert_eq!(set(&bench, once.clone()).await.status, 400, "a target without an override is none");
    let both = json!({"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe"});
    assert_eq!(set(&bench, both).await.status, 200);
    assert_eq!(set(&bench, json!({"BootSourceOverrideEnabled": "Disabled"})).await.status, 200);
    let shown = bench.get(SYSTEM).await["Boot"].clone();
    assert_eq!(
        (&shown["BootSourceOverrideEnabled"], &shown["BootSourceOverrideTarget"]),
        (&json!("Disabled"), &json!("None"))
    );
    let lenient = of(Five, &["override-target-none"]);
    assert_eq!(set(&lenient, once).await.status, 200);
    assert_eq!(set(&lenient, none).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn mode_and_uri_are_refused() {
    let mut mode = json!({"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"});
    mode["BootSourceOverrideMode"] = "UEFI".into();
    let uri = json!({"HttpBootUri": "http://images.example/boot.efi"});
    for (quirk, boot) in [("override-mode-read-only", mode), ("no-http-boot-uri", uri)] {
        assert_eq!(set(&of(Six, &[]), boot.clone()).await.ids(), ["PropertyNotWritableOrUnknown"], "{quirk}");
        assert_eq!(set(&of(Six, &[quirk]), boot).await.status, 200, "{quirk}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_ilo4_has_neither_mode_nor_order_in_boot() {
    let bench = of(Four, &[]);
    let boot = bench.get(SYSTEM).await["Boot"].clone();
    assert_eq!((&boot["BootSourceOverrideMode"], &boot["BootOrder"]), (&Value::Null, &Value::Null));
    assert_eq!(set(&bench, json!({"BootOrder": ["Boot0002", "Boot0001", "Boot0000"]})).await.status, 400);
    assert_eq!(set(&bench, json!({"BootSourceOverrideMode": "UEFI"})).await.status, 400);
    let newer = of(Four, &["no-override-mode", "boot-order-in-bios"]);
    let boot = newer.get(SYSTEM).await["Boot"].clone();
    assert_eq!((&boot["BootSourceOverrideMode"], boot["BootOrder"].is_array()), (&json!("UEFI"), true));
    assert_eq!(set(&newer, json!({"BootOrder": ["Boot0002", "Boot0001", "Boot0000"]})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_order_in_the_bios_comes_into_force_in_post() {
    for (generation, path) in [(Four, "bios/boot"), (Six, "bios/oem/hpe/boot")] {
        let bench = of(generation, &[]);
        let path = format!("{SYSTEM}/{path}");
        let settings = format!("{path}/settings/");
        let before = bench.get(&path).await["PersistentBootConfigOrder"].clone();
        assert_eq!(before[0], "HD.EmbRAID.1.1");
        let name = "PersistentBootConfigOrder";
        assert_eq!(bench.patch(&settings, json!({name: ["CD.Virtual.9.9"]})).await.status, 400);
        let answer = bench.patch(&settings, json!({name: ["CD.Virtual.2.1"]})).await;
        assert_eq!(answer.status, 200);
        let wanted = json!(["CD.Virtual.2.1", "HD.EmbRAID.1.1", "NIC.LOM.1.1.IPv4"]);
        assert_eq!(bench.get(&settings).await[name], wanted);
        assert_eq!(bench.get(&path).await[name], before);
        booted(&bench).await;
        assert_eq!(bench.get(&path).await[name], wanted);
    }
}
