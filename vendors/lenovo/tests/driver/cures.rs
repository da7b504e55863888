//! Every row of the quirk table, twice: with its cure the driver does right, without it (switched off by name) it does not.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use http::Method;
use rackhand_bmc::{
    Bmc, BootOverride, BootTarget, ControllerId, DriveId, ErrorKind, MediaImage, NewVolume, Operation,
    Outcome, OverrideEnabled, PendingSettings, RaidLevel, ResetType, SlotId,
};
use rackhand_lenovo::quirks;
use rackhand_testing::{Reply, Service};
use serde_json::json;

use crate::support::{KEYS, MEDIA, PENDING, RAID, SYSTEM, connect, server, v2};

/// A way to connect: with every cure, or without one.
struct Cure(Vec<&'static str>);

impl Cure {
    async fn connect(&self, service: &Service) -> Bmc {
        connect(service, &self.0).await
    }
}

/// Whether the driver did right.
type Right<'a> = Pin<Box<dyn Future<Output = bool> + 'a>>;
type Case = for<'a> fn(&'a Cure) -> Right<'a>;

macro_rules! cases {
    ($($name:literal => $case:ident,)*) => {
        fn cases() -> Vec<(&'static str, Case)> {
            vec![$(($name, |cure| Box::pin($case(cure)))),*]
        }
    };
}

cases! {
    "restart-hangs" => restart_hangs,
    "no-continuous-override" => no_continuous,
    "boot-order-at-pending" => order_pending,
    "only-ext-slots" => ext_alone,
    "media-by-patch" => media_patch,
    "media-needs-a-licence" => media_licence,
    "pending-is-the-full-set" => pending_full,
    "volume-name-and-size" => volume_form,
    "volume-takes-all-free-drives" => volume_all,
    "volume-errors-are-internal" => volume_error,
}

#[tokio::test(start_paused = true)]
async fn each_cure_is_needed_and_cures() {
    let rows: BTreeSet<&str> = quirks().iter().map(|row| row.name).collect();
    let tried: BTreeSet<&str> = cases().iter().map(|(name, _)| *name).collect();
    assert_eq!(rows, tried, "rows and cases");
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        if !case(&Cure(Vec::new())).await {
            wrong.push(format!("{name}: not cured"));
        }
        if case(&Cure(vec![name])).await {
            wrong.push(format!("{name}: all is well without the cure"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// ---- power and boot

/// A host that hangs when it is restarted.
async fn restart_hangs(cure: &Cure) -> bool {
    let service = server("ThinkSystem SR675 V3").rule(|asked, documents| {
        asked.is(&Method::POST, "ComputerSystem.Reset").then(|| {
            let state = match asked.body["ResetType"].as_str() {
                Some("ForceOff") => "Off",
                Some("On") => "On",
                _ => "PoweringOn",
            };
            documents.merge(SYSTEM, &json!({"PowerState": state}));
            Reply::empty(204)
        })
    });
    let bmc = cure.connect(&service).await;
    let _ = bmc.power().unwrap().reset(ResetType::ForceRestart).await.unwrap();
    let sent: Vec<_> = service.writes().into_iter().map(|asked| asked.body["ResetType"].clone()).collect();
    sent == ["ForceOff", "On"]
}

async fn no_continuous(cure: &Cure) -> bool {
    let service = v2();
    let bmc = cure.connect(&service).await;
    let always = BootOverride {
        target: BootTarget::Hdd,
        enabled: OverrideEnabled::Continuous,
        mode: None,
        http_uri: None,
    };
    let refused = bmc.boot().unwrap().set_override(always).await.is_err();
    let refusal = bmc.capabilities.refusal(Operation::BootContinuous);
    refused
        && service.writes().is_empty()
        && refusal.is_some_and(|why| why.contains("no-continuous-override"))
}

async fn order_pending(cure: &Cure) -> bool {
    let service = v2().rule(|asked, _| {
        let order = asked.body.pointer("/Boot/BootOrder").is_some();
        (asked.is(&Method::PATCH, SYSTEM) && order)
            .then(|| Reply::error(400, "Base.1.15.PropertyNotWritable", "BootOrder"))
    });
    let bmc = cure.connect(&service).await;
    let order = ["Boot0002".to_owned()];
    let accepted = bmc.boot().unwrap().set_order(&order).await.is_ok();
    accepted && service.writes().iter().any(|asked| asked.path == PENDING)
}

// ---- virtual media

fn ext(number: u32) -> SlotId {
    SlotId(format!("{MEDIA}/EXT{number}"))
}

pub(crate) fn image() -> MediaImage {
    MediaImage { url: "http://192.0.2.1/t/a.iso".to_owned(), credentials: None }
}

async fn ext_alone(cure: &Cure) -> bool {
    let slots = cure.connect(&v2()).await.media().unwrap().slots().await.unwrap();
    let fit: Vec<&str> =
        slots.iter().filter(|slot| slot.can_insert).filter_map(|slot| slot.id.0.rsplit('/').next()).collect();
    fit == ["EXT1", "EXT2"]
}

/// A slot that shows as attached what it was given, and wants its ETag.
pub(crate) fn patched() -> Service {
    v2().rule(|asked, documents| {
        if !asked.is(&Method::PATCH, "/EXT1") {
            return None;
        }
        if asked.if_match.as_deref() != Some("\"550d1002\"") {
            return Some(Reply::error(412, "Base.1.15.PreconditionFailed", "If-Match"));
        }
        documents.merge(&asked.path, &asked.body);
        let attached = asked.body["Inserted"] == true;
        let shown = if attached {
            json!({"ConnectedVia": "URI"})
        } else {
            json!({"ConnectedVia": "NotConnected", "Image": null})
        };
        documents.merge(&asked.path, &shown);
        Some(Reply::empty(200))
    })
}

async fn media_patch(cure: &Cure) -> bool {
    let service = patched();
    let bmc = cure.connect(&service).await;
    if bmc.mount(&image()).await.is_err() {
        return false;
    }
    let cleared = bmc.clear_slot(&ext(1)).await.is_ok_and(|outcome| outcome == Outcome::Done);
    let bodies: Vec<_> = service.writes().into_iter().map(|asked| asked.body).collect();
    let insert = json!({"Image": image().url, "Inserted": true, "WriteProtected": true});
    cleared && bodies == [insert, json!({"Inserted": false})]
}

async fn media_licence(cure: &Cure) -> bool {
    let service = v2().rule(|asked, _| {
        asked.is(&Method::PATCH, "/EXT1").then(|| Reply::error(403, "Base.1.15.InsufficientPrivilege", "no"))
    });
    let standard = json!({"Description": "Lenovo XClarity Controller Advanced Upgrade"});
    service.change(|documents| documents.merge(&format!("{KEYS}/53"), &standard));
    let refused = cure.connect(&service).await.media().unwrap().insert(&ext(1), &image()).await.unwrap_err();
    matches!(refused.kind(), ErrorKind::NeedsLicence { .. })
        && refused.to_string().contains("Advanced Upgrade")
}

// ---- BIOS and storage

async fn pending_full(cure: &Cure) -> bool {
    let bmc = cure.connect(&v2()).await;
    bmc.bios().unwrap().state().await.unwrap().pending == PendingSettings::None
}

pub(crate) fn mirror(name: &str, drives: &[u32]) -> NewVolume {
    NewVolume {
        controller: ControllerId(RAID.to_owned()),
        name: name.to_owned(),
        raid: RaidLevel::Raid1,
        drives: drives.iter().map(|number| DriveId(format!("{RAID}/Drives/{number}"))).collect(),
        bytes: None,
    }
}

/// A controller that makes what it is asked for at once.
pub(crate) fn making(model: &str) -> Service {
    server(model).rule(|asked, _| {
        asked
            .is(&Method::POST, "/Volumes")
            .then(|| Reply::json(201, json!({"@odata.id": format!("{RAID}/Volumes/0")})))
    })
}

async fn volume_form(cure: &Cure) -> bool {
    let service = making("ThinkSystem SR650 V3");
    let bmc = cure.connect(&service).await;
    let storage = bmc.storage().unwrap();
    let too_long = storage.create_volume(&mirror("a-name-of-16-cha", &[0, 1])).await.is_err();
    let odd = NewVolume { bytes: Some((10 << 20) + 7), ..mirror("boot", &[0, 1]) };
    let made = storage.create_volume(&odd).await.unwrap() == Outcome::Done;
    let writes = service.writes();
    too_long && made && writes.len() == 1 && writes[0].body["CapacityBytes"] == 10 << 20
}

/// One drive is wanted, and the volume would take both.
async fn volume_all(cure: &Cure) -> bool {
    let service = making("ThinkSystem SR670 V2");
    let bmc = cure.connect(&service).await;
    let one = NewVolume { raid: RaidLevel::Raid0, ..mirror("data", &[0]) };
    let refused = bmc.storage().unwrap().create_volume(&one).await.is_err();
    refused && service.writes().is_empty()
}

async fn volume_error(cure: &Cure) -> bool {
    let service = server("ThinkSystem SR650 V3").rule(|asked, _| {
        asked.is(&Method::POST, "/Volumes").then(|| Reply::error(500, "Base.1.15.InternalError", "no"))
    });
    let bmc = cure.connect(&service).await;
    let refused = bmc.storage().unwrap().create_volume(&mirror("boot", &[0, 1])).await.unwrap_err();
    matches!(refused.kind(), ErrorKind::RejectedValue { .. })
}
