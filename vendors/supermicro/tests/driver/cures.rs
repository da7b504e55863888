//! Every row of the quirk table, twice: with its cure the driver does right, without it (switched off by name) it does not.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use bytes::Bytes;
use http::Method;
use rackhand_bmc::{
    ApplyTime, Attributes, Bmc, BootMode, BootOverride, BootTarget, ComponentId, ErrorKind, FirmwareFile,
    MediaImage, Operation, Outcome, OverrideEnabled, PendingSettings, ResetType, SlotId,
};
use rackhand_supermicro::quirks;
use rackhand_testing::{Reply, Service};
use serde_json::json;

use crate::support::{BIOS, SETTINGS, SLOT, SYSTEM, UPDATE, connect, server, sys};

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
    "licence-not-passed" => licence,
    "virtual-cd-is-usb-cd" => usb_cd,
    "virtual-cd-is-cd" => plain_cd,
    "pxe-reads-uefi-boot-next" => pxe_is_next,
    "enabled-in-every-boot-write" => enabled_always,
    "boot-order-may-be-refused" => boot_order,
    "eject-shown-while-inserted" => eject_shown,
    "insert-image-alone" => image_alone,
    "image-stays-after-eject" => stale_image,
    "names-end-in-numbers" => name_numbers,
    "registry-values-are-numbers" => value_numbers,
    "nothing-pending-without-attributes" => no_attributes,
    "pending-stays" => pending_stays,
    "push-then-start" => push,
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

fn slot() -> SlotId {
    SlotId(SLOT.to_owned())
}

fn image() -> MediaImage {
    MediaImage { url: "http://192.0.2.1/t/a.iso".to_owned(), credentials: None }
}

fn settings(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

async fn licence(cure: &Cure) -> bool {
    let service = sys().rule(|asked, _| {
        asked
            .is(&Method::PATCH, SETTINGS)
            .then(|| Reply::error(403, "SMC.1.0.OemLicenseNotPassed", "Not licensed"))
    });
    let bmc = cure.connect(&service).await;
    let plan = bmc.bios().unwrap().plan(&settings(&[("TurboMode_3D06", "Disable")])).await.unwrap();
    let refused = bmc.bios().unwrap().stage(&plan.stages[0]).await.unwrap_err();
    matches!(refused.kind(), ErrorKind::NeedsLicence { .. })
}

// ---- boot

/// The target that is written to boot the virtual CD once.
async fn cd_is_written_as(cure: &Cure, model: &str) -> String {
    let service = server(model);
    let wanted =
        BootOverride { target: BootTarget::Cd, enabled: OverrideEnabled::Once, mode: None, http_uri: None };
    let bmc = cure.connect(&service).await;
    let _ = bmc.boot().unwrap().set_override(wanted).await.unwrap();
    assert!(bmc.boot().unwrap().settings().await.unwrap().armed_for(&BootTarget::Cd), "{model}");
    service.writes()[0].body["Boot"]["BootSourceOverrideTarget"].as_str().unwrap().to_owned()
}

async fn usb_cd(cure: &Cure) -> bool {
    cd_is_written_as(cure, "SYS-821GE-TNHR").await == "UsbCd"
}

async fn plain_cd(cure: &Cure) -> bool {
    cd_is_written_as(cure, "ARS-111GL-NHR").await == "Cd"
}

async fn pxe_is_next(cure: &Cure) -> bool {
    let service = sys();
    let bmc = cure.connect(&service).await;
    let armed =
        json!({"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "UefiBootNext"}});
    service.change(|documents| documents.merge(SYSTEM, &armed));
    bmc.boot().unwrap().settings().await.unwrap().armed_for(&BootTarget::Pxe)
}

async fn enabled_always(cure: &Cure) -> bool {
    let service = sys().rule(|asked, _| {
        let whole = asked.body["Boot"].get("BootSourceOverrideEnabled").is_some_and(|now| now == "Once");
        (asked.is(&Method::PATCH, SYSTEM) && !whole)
            .then(|| Reply::error(400, "Base.1.10.PropertyMissing", "BootSourceOverrideEnabled"))
    });
    let bmc = cure.connect(&service).await;
    // Armed since: it must stay so.
    let armed = json!({"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "UsbCd"}});
    service.change(|documents| documents.merge(SYSTEM, &armed));
    bmc.boot().unwrap().set_mode(BootMode::Legacy).await.is_ok()
}

async fn boot_order(cure: &Cure) -> bool {
    cure.connect(&sys()).await.capabilities.unverified(Operation::BootOrderSet).is_some()
}

// ---- virtual media

/// The slot as it shows itself with an image in it.
fn insert_into(service: &Service) {
    let eject =
        json!({"#VirtualMedia.EjectMedia": {"target": format!("{SLOT}/Actions/VirtualMedia.EjectMedia")}});
    let shown = json!({"Image": image().url, "Inserted": true, "ConnectedVia": "URI", "Actions": eject});
    service.change(|documents| documents.merge(SLOT, &shown));
}

async fn eject_shown(cure: &Cure) -> bool {
    let service = sys().rule(|asked, documents| {
        asked.is(&Method::POST, "EjectMedia").then(|| {
            documents.merge(SLOT, &json!({"Image": null, "Inserted": false, "ConnectedVia": "NotConnected"}));
            Reply::empty(204)
        })
    });
    let bmc = cure.connect(&service).await;
    // Seen empty, so without the action; then another puts something in.
    assert_eq!(bmc.media().unwrap().slots().await.unwrap().len(), 1);
    insert_into(&service);
    bmc.media().unwrap().eject(&slot()).await.is_ok_and(|outcome| outcome == Outcome::Done)
}

/// What is wrong with an image is said of the least form, and hidden by what is said of further properties.
async fn image_alone(cure: &Cure) -> bool {
    let service = sys().rule(|asked, _| {
        let more = asked.body.get("Inserted").is_some();
        let id = if more { "Base.1.10.PropertyUnknown" } else { "Base.1.10.PropertyValueFormatError" };
        asked.is(&Method::POST, "InsertMedia").then(|| Reply::error(400, id, "no"))
    });
    let refused = cure.connect(&service).await.media().unwrap().insert(&slot(), &image()).await.unwrap_err();
    refused.has_message("PropertyValueFormatError")
}

async fn stale_image(cure: &Cure) -> bool {
    let service = sys();
    let stale = json!({"Image": image().url, "Inserted": true, "ConnectedVia": "NotConnected"});
    service.change(|documents| documents.merge(SLOT, &stale));
    cure.connect(&service).await.media().unwrap().slot(&slot()).await.unwrap().is_empty()
}

// ---- BIOS

async fn name_numbers(cure: &Cure) -> bool {
    let wanted = settings(&[("SR_IOVSupport_00AB", "Disabled"), ("TXTSupport", "Enable")]);
    let bmc = cure.connect(&sys()).await;
    let plan = bmc.bios().unwrap().plan(&wanted).await.unwrap();
    let written = settings(&[
        ("SR_IOVSupport_0047", "Disabled"),
        ("TXTSupport#0062", "Enable"),
        ("TXTSupport#0072", "Enable"),
    ]);
    plan.problems.is_empty() && plan.stages[0].attributes == written
}

async fn value_numbers(cure: &Cure) -> bool {
    let bmc = cure.connect(&sys()).await;
    let plan = bmc.bios().unwrap().plan(&settings(&[("SR_IOVSupport_0047", "Disabled")])).await.unwrap();
    plan.problems.is_empty() && plan.stages[0].attributes == settings(&[("SR_IOVSupport_0047", "Disabled")])
}

async fn no_attributes(cure: &Cure) -> bool {
    let bmc = cure.connect(&sys()).await;
    bmc.bios().unwrap().state().await.unwrap().pending == PendingSettings::None
}

/// The BMC accepts current values over what is pending, and keeps it.
async fn pending_stays(cure: &Cure) -> bool {
    let service = sys().rule(|asked, _| asked.is(&Method::PATCH, SETTINGS).then(|| Reply::empty(200)));
    let pending = json!({"Attributes": {"TurboMode_3D06": "Disable"}});
    service.change(|documents| documents.merge(SETTINGS, &pending));
    let bmc = cure.connect(&service).await;
    let refused =
        bmc.require(Operation::BiosDiscard).is_err() && bmc.bios().unwrap().discard().await.is_err();
    refused && service.writes().is_empty()
}

// ---- firmware

const TASK: &str = "/redfish/v1/TaskService/Tasks/1";

/// A BMC that verifies what it is sent for a few looks, and starts nothing before.
fn verifying() -> Service {
    let looks = std::sync::atomic::AtomicU32::new(0);
    sys().rule(move |asked, documents| {
        use std::sync::atomic::Ordering::SeqCst;
        if asked.is(&Method::POST, "/upload") {
            documents.put(TASK, json!({"@odata.id": TASK, "Id": "1", "TaskState": "Running"}));
            return Some(Reply::json(202, json!({"@odata.id": TASK, "Id": "1"})).header("Location", TASK));
        }
        if asked.is(&Method::GET, TASK) && looks.fetch_add(1, SeqCst) == 2 {
            documents.merge(TASK, &json!({"TaskState": "Completed"}));
        }
        asked.is(&Method::POST, "UpdateService.StartUpdate").then(|| {
            let verified = documents.get(TASK).is_some_and(|task| task["TaskState"] == "Completed");
            let two = "/redfish/v1/TaskService/Tasks/2";
            if verified {
                Reply::json(202, json!({"@odata.id": two, "Id": "2"}))
            } else {
                Reply::error(400, "SMC.1.0.OemFirmwareNotReady", "nothing to start")
            }
        })
    })
}

pub(crate) fn file(component: &str) -> FirmwareFile {
    FirmwareFile {
        name: "bios.bin".to_owned(),
        content: Bytes::from_static(b"image"),
        targets: vec![ComponentId(format!("{UPDATE}/FirmwareInventory/{component}"))],
        when: ApplyTime::Immediate,
    }
}

async fn push(cure: &Cure) -> bool {
    let service = verifying();
    let bmc = cure.connect(&service).await;
    if bmc.require(Operation::FirmwarePush).is_err() {
        return false;
    }
    let outcome = bmc.firmware().unwrap().push(&file("BIOS")).await.unwrap();
    if !matches!(outcome, Outcome::Running(job) if job.id == "2") {
        return false;
    }
    let form = String::from_utf8(service.writes()[0].raw.to_vec()).unwrap();
    assert!(
        form.contains(&format!("\"Targets\":[\"{BIOS}\"]")) && form.contains("\"PreserveSETUPCONF\":true"),
        "{form}"
    );
    form.contains("name=\"UpdateFile\"; filename=\"bios.bin\"")
}

/// The reset types stand in ActionInfo, which is no row of this table but of every Redfish driver's.
#[tokio::test(start_paused = true)]
async fn reset_types_are_read_from_action_info() {
    let service = sys();
    let bmc = connect(&service, &[]).await;
    let refused = bmc.power().unwrap().reset(ResetType::Nmi).await.unwrap_err();
    assert!(refused.to_string().contains("it allows On, ForceOff"), "{refused}");
    assert_eq!(service.writes(), []);
}
