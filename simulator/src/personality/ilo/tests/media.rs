//! Virtual media: license, what is occupied, and what is older.

use serde_json::{Value, json};

use super::{MANAGER, SLOT, media};
use crate::personality::bench::{Bench, ISO};
use crate::personality::ilo::Generation::{self, Five, Four};
use crate::personality::ilo::Ilo;

fn of(generation: Generation, without: &[&str]) -> Bench {
    Bench::new(Ilo(generation), without)
}

fn hp(action: &str) -> String {
    format!("{SLOT}/Actions/Oem/Hp/HpiLOVirtualMedia.{action}")
}

#[tokio::test(start_paused = true)]
async fn media_by_url_needs_a_license() {
    let image = json!({"Image": ISO});
    for (without, status) in [(&[][..], 400), (&["media-needs-license"][..], 200)] {
        let bench = of(Five, without);
        let license = format!("{MANAGER}/LicenseService/1");
        assert_eq!(bench.call(http::Method::DELETE, &license, None).await.status, 200);
        let shown = bench.get(MANAGER).await["Oem"]["Hpe"]["License"]["LicenseString"].clone();
        assert_eq!(shown, "iLO Standard");
        assert_eq!(bench.post(&media("InsertMedia"), image.clone()).await.status, status);
    }
    let bench = of(Five, &[]);
    bench.call(http::Method::DELETE, &format!("{MANAGER}/LicenseService/1"), None).await;
    assert_eq!(bench.post(&media("InsertMedia"), image.clone()).await.ids(), ["LicenseKeyRequired"]);
    assert_eq!(bench.patch(SLOT, image.clone()).await.ids(), ["LicenseKeyRequired"]);
    let licenses = format!("{MANAGER}/LicenseService");
    assert_eq!(bench.post(&licenses, json!({"LicenseKey": "too short"})).await.status, 400);
    let key = json!({"LicenseKey": "ABCDE-FGHIJ-KLMNO-PQRST-UVWXY"});
    assert_eq!(bench.post(&licenses, key).await.status, 200);
    assert_eq!(bench.post(&media("InsertMedia"), image).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_image_is_not_swapped_for_another() {
    let image = json!({"Image": ISO});
    for (without, status) in [(&[][..], 400), (&["media-occupied-400"][..], 200)] {
        let bench = of(Five, without);
        bench.post(&media("InsertMedia"), image.clone()).await;
        bench.wait(6).await;
        assert_eq!(bench.post(&media("InsertMedia"), image.clone()).await.status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn an_ilo4_takes_the_image_alone_and_by_actions_of_its_own() {
    let bench = of(Four, &[]);
    assert_eq!(bench.get(SLOT).await["Actions"], Value::Null);
    assert_eq!(bench.post(&media("InsertMedia"), json!({"Image": ISO})).await.status, 404);
    for flag in ["Inserted", "WriteProtected"] {
        assert_eq!(
            bench.post(&hp("InsertVirtualMedia"), json!({"Image": ISO, flag: true})).await.status,
            400
        );
    }
    assert_eq!(bench.post(&hp("InsertVirtualMedia"), json!({"Image": ISO})).await.status, 200);

    let newer = of(Four, &["media-by-hp-actions", "insert-takes-image-only"]);
    let both = json!({"Image": ISO, "Inserted": true, "WriteProtected": true});
    assert_eq!(newer.post(&media("InsertMedia"), both).await.status, 200);
    assert_eq!(newer.post(&media("EjectMedia"), json!({})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_ilo4_takes_the_boot_flag_before_the_image() {
    let flag = json!({"Oem": {"Hp": {"BootOnNextServerReset": true}}});
    let insert = json!({"Image": ISO});
    let late = of(Four, &[]);
    late.post(&hp("InsertVirtualMedia"), insert.clone()).await;
    assert_eq!(late.patch(SLOT, flag.clone()).await.status, 400);
    let lenient = of(Four, &["boot-flag-before-insert"]);
    lenient.post(&hp("InsertVirtualMedia"), insert.clone()).await;
    assert_eq!(lenient.patch(SLOT, flag.clone()).await.status, 200);

    let bench = of(Four, &[]);
    assert_eq!(bench.patch(SLOT, flag).await.status, 200);
    bench.post(&hp("InsertVirtualMedia"), insert).await;
    bench.wait(6).await;
    bench.reset("On").await;
    bench.state("callback", "Done").await;
    assert_eq!(bench.boots(), ["Cd", "Hdd"]);
}
