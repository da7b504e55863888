//! Images: mapped by the XML API where Redfish has no way, and what becomes of a mapping that Redfish accepted.

use http::Method;
use rackhand_bmc::{Credentials, ErrorKind, MediaImage, Operation, Outcome, SlotId};
use rackhand_cimc::xml::Element;
use rackhand_testing::{Reply as Answer, Service, target};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    deviations::{MANAGER, MEDIA, rack},
    nuova::{Nuova, Reply, object, without},
};

const SERVICE: &str = "sys/svc-ext/vmedia-svc";
const URL: &str = "https://192.0.2.1/t/a.iso";

fn image(url: &str) -> MediaImage {
    MediaImage { url: url.to_owned(), credentials: None }
}

pub(crate) fn service_object(state: &str) -> Element {
    object("commVMedia", SERVICE, &[("adminState", state), ("lowPowerUsbState", "enabled")])
}

pub(crate) fn mapping(name: &str, kind: &str, file: &str, status: &str) -> Element {
    object(
        "commVMediaMap",
        &format!("{SERVICE}/vmmap-{name}"),
        &[
            ("map", "www"),
            ("remoteShare", "https://192.0.2.1/t"),
            ("remoteFile", file),
            ("driveType", kind),
            ("mappingStatus", status),
        ],
    )
}

/// A mapping is at work, and shows `status` at the second look.
fn mapping_slowly(nuova: Nuova, status: &'static str) -> Nuova {
    nuova.rule(move |method, tree| {
        if method.name == "configResolveChildren" {
            let ours = tree.0.values_mut().filter(|object| object.name == "commVMediaMap");
            for map in ours {
                let next = match map.get("mappingStatus") {
                    None => "In Progress",
                    Some("In Progress") => status,
                    Some(_) => continue,
                };
                *map = map.clone().with("mappingStatus", next).with("driveType", "cd");
            }
        }
        None
    })
}

/// A CIMC without virtual media in Redfish.
fn without_slots() -> Service {
    let service = rack();
    service.change(|documents| documents.merge(MANAGER, &json!({"VirtualMedia": Value::Null})));
    service
}

/// A CIMC whose slots answer 405.
fn refusing() -> Service {
    rack().rule(|asked, _| {
        let media = asked.method == Method::POST && asked.path.contains("VirtualMedia");
        media.then(|| Answer::error(405, "Base.1.8.OperationNotAllowed", "not here"))
    })
}

#[tokio::test(start_paused = true)]
async fn without_slots_an_image_is_mapped_proven_and_removed() {
    let old = [mapping("old", "cd", "b.iso", "OK"), mapping("hdd", "floppy", "c.img", "OK")];
    let objects = [vec![service_object("disabled")], old.to_vec()].concat();
    let nuova = mapping_slowly(Nuova::beside(&without_slots(), &objects), "OK");
    let bmc = nuova.connect(target()).await;
    assert!(bmc.require(Operation::MediaInsertHttps).is_ok());
    let (slot, outcome) = bmc.mount(&image(URL)).await.unwrap();
    assert_eq!((slot.id.0.as_str(), outcome), ("xml:cd", Outcome::Done));
    let changes = nuova.changes();
    // One mapping per kind of drive: the old one goes first, the other kind stays.
    assert_eq!(
        (changes[0].dn(), changes[0].get("status")),
        ("sys/svc-ext/vmedia-svc/vmmap-old", Some("deleted"))
    );
    assert_eq!(
        (changes[1].get("adminState"), changes[1].get("lowPowerUsbState")),
        (Some("enabled"), Some("disabled"))
    );
    let sent = &changes[2];
    let says = |name: &str| sent.raw(name).unwrap_or_default().to_owned();
    assert_eq!(
        (says("map"), says("remoteShare"), says("remoteFile"), says("mountOptions")),
        ("www".to_owned(), "https://192.0.2.1/t/".to_owned(), "a.iso".to_owned(), "noauto".to_owned())
    );
    assert_eq!(changes.len(), 3);
    assert_eq!(bmc.mount(&image(URL)).await.unwrap().1, Outcome::Unchanged);
    assert_eq!(bmc.clear_slot(&slot.id).await.unwrap(), Outcome::Done);
    assert_eq!(bmc.clear_slot(&slot.id).await.unwrap(), Outcome::Unchanged);
    assert!(nuova.change(|tree| tree.value("sys/svc-ext/vmedia-svc/vmmap-hdd", "remoteFile")).is_some());
    bmc.close().await.unwrap();
    assert_eq!(nuova.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_the_cure_there_is_no_slot() {
    let nuova = Nuova::beside(&without_slots(), &[service_object("enabled")]);
    let bmc = nuova.connect(without("media-by-xml")).await;
    assert!(bmc.require(Operation::MediaInsertHttps).is_err());
    assert_eq!(*bmc.mount(&image(URL)).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(nuova.methods().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_answers_405_is_mapped_under_its_own_name() {
    let nuova = mapping_slowly(Nuova::beside(&refusing(), &[service_object("enabled")]), "OK");
    let bmc = nuova.connect(target()).await;
    let (slot, outcome) = bmc.mount(&image(URL)).await.unwrap();
    assert_eq!((&slot.id, outcome), (&SlotId(format!("{MEDIA}/0")), Outcome::Done));
    // Another process meets the same refusal, and sends no second mapping.
    let sent = nuova.changes().len();
    let second = nuova.connect(target()).await;
    assert_eq!(second.media().unwrap().insert(&slot.id, &image(URL)).await.unwrap(), Outcome::Unchanged);
    assert!(second.media().unwrap().slot(&slot.id).await.unwrap().holds(URL));
    assert_eq!(nuova.changes().len(), sent);
    assert_eq!(bmc.eject_proven(&slot.id).await.unwrap(), Outcome::Done);
    let bmc = nuova.connect(without("media-by-xml")).await;
    assert_eq!(*bmc.mount(&image(URL)).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_fails_is_reported_as_failed() {
    let nuova = Nuova::beside(&without_slots(), &[service_object("enabled")]);
    let nuova = mapping_slowly(nuova, "ERROR: ISO Mapping Error");
    let bmc = nuova.connect(target()).await;
    let error = bmc.mount(&image(URL)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotObserved);
    assert!(
        error.to_string().contains("could not attach https://192.0.2.1/t/a.iso: ERROR: ISO Mapping Error"),
        "{error}"
    );
    // Trying again removes it first: a failed mapping is no mapping.
    assert!(bmc.mount(&image(URL)).await.is_err());
    let removed = nuova.changes().iter().filter(|change| change.get("status") == Some("deleted")).count();
    assert_eq!(removed, 1);
}

/// Redfish accepts an image and never shows it; the XML API says why.
fn accepting() -> Nuova {
    let service = rack().rule(|asked, _| asked.is(&Method::POST, "InsertMedia").then(|| Answer::empty(204)));
    let failed = mapping("x", "cd", "a.iso", "ERROR: Connection refused");
    Nuova::beside(&service, &[service_object("enabled"), failed])
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_redfish_accepted_and_that_fails_later_is_reported_with_its_reason() {
    let nuova = accepting();
    let bmc = nuova.connect(target()).await;
    let before = Instant::now();
    let error = bmc.mount(&image(URL)).await.unwrap_err();
    assert!(
        error.to_string().contains("could not attach https://192.0.2.1/t/a.iso: ERROR: Connection refused"),
        "{error}"
    );
    assert!(before.elapsed() < bmc.pacing.media_attach, "before the deadline");
    bmc.close().await.unwrap();
    assert_eq!(nuova.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_was_attached_once_or_ejected_is_not_asked_about() {
    let service = rack().rule(|asked, documents| {
        let slot = format!("{MEDIA}/0");
        let (insert, eject) = (asked.is(&Method::POST, "InsertMedia"), asked.is(&Method::POST, "EjectMedia"));
        if insert || eject {
            let image = if insert { asked.body["Image"].clone() } else { Value::Null };
            documents.merge(&slot, &json!({"Image": image, "Inserted": insert}));
            let via = if insert { "URI" } else { "NotConnected" };
            documents.merge(&slot, &json!({"ConnectedVia": via}));
        }
        (insert || eject).then(|| Answer::empty(204))
    });
    let nuova = Nuova::beside(&service, &[service_object("enabled")]);
    let bmc = nuova.connect(target()).await;
    let (slot, _) = bmc.mount(&image(URL)).await.unwrap();
    tokio::time::sleep(bmc.pacing.media_attach).await;
    assert_eq!(bmc.clear_slot(&slot.id).await.unwrap(), Outcome::Done);
    tokio::time::sleep(bmc.pacing.media_attach).await;
    assert!(bmc.media().unwrap().slot(&slot.id).await.unwrap().is_empty());
    assert!(nuova.methods().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_the_cure_a_failed_mapping_is_waited_for_in_vain() {
    let nuova = accepting();
    let bmc = nuova.connect(without("mapping-fails-later")).await;
    let error = bmc.mount(&image(URL)).await.unwrap_err();
    assert!(error.to_string().contains("waited 90s") && !error.to_string().contains("refused"), "{error}");
    assert!(nuova.methods().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_off_leaves_redfishs_own_words() {
    let nuova = Nuova::beside(&refusing(), &[]).rule(|_, _| Some(Reply::Status(404)));
    let bmc = nuova.connect(target()).await;
    let error = bmc.mount(&image(URL)).await.unwrap_err();
    assert!(error.has_message("OperationNotAllowed"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn shares_and_their_credentials_are_passed_on() {
    let nuova = mapping_slowly(Nuova::beside(&without_slots(), &[service_object("enabled")]), "OK");
    let bmc = nuova.connect(target()).await;
    let credentials = Some(Credentials::new("reader", "pa<ss".to_owned()));
    let share = MediaImage { url: "cifs://192.0.2.1/isos/a.iso".to_owned(), credentials };
    let (slot, _) = bmc.mount(&share).await.unwrap();
    assert!(bmc.media().unwrap().slot(&slot.id).await.unwrap().holds(&share.url));
    let sent = nuova.changes().pop().unwrap();
    assert_eq!(
        (sent.raw("username"), sent.raw("password"), sent.raw("map")),
        (Some("reader"), Some("pa<ss"), Some("cifs"))
    );
    assert_eq!(sent.raw("remoteShare"), Some("//192.0.2.1/isos/"));
    let error = bmc.media().unwrap().insert(&slot.id, &image("ftp://h/a.iso")).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::RejectedValue { properties: vec!["Image".to_owned()] });
}

#[tokio::test(start_paused = true)]
async fn a_node_of_an_s3260_has_its_own_services() {
    let service = without_slots();
    service.change(|documents| documents.merge(MANAGER, &json!({"Id": "BMC2"})));
    let dn = "sys/chassis-1/server-2/svc-ext/vmedia-svc";
    let node = object("commVMedia", dn, &[("adminState", "Disabled"), ("lowPowerUsb", "Enabled")]);
    let nuova = Nuova::beside(&service, &[node, service_object("enabled")]);
    let bmc = nuova.connect(target()).await;
    let slot = bmc.choose_slot().await.unwrap();
    assert_eq!(bmc.media().unwrap().insert(&slot.id, &image(URL)).await.unwrap(), Outcome::Done);
    let changes = nuova.changes();
    assert_eq!(
        (changes[0].get("adminState"), changes[0].get("lowPowerUsb")),
        (Some("enabled"), Some("disabled"))
    );
    assert_eq!(changes[1].dn(), format!("{dn}/vmmap-rackhand"));
}
