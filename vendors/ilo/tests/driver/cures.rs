//! Every row of the quirk table, twice: with its cure the driver does right, without it (switched off by name) it does not.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use http::Method;
use rackhand_bmc::{
    ApplyTime, AttributeVerdict, Attributes, Bmc, BootMode, BootOverride, BootTarget, ComponentKind,
    ControllerId, DriveId, DriveState, Driver, ErrorKind, FirmwareImage, HostProgress, MediaImage, NewVolume,
    Operation, Outcome, OverrideEnabled, RaidLevel, ResetType, SlotId, Target, VolumeId,
};
use rackhand_ilo::{Ilo, quirks};
use rackhand_testing::{Reply, Service, target};
use serde_json::{Value, json};

use crate::support::{BIOS, MANAGER, SYSTEM, ilo, ilo5, link};

/// A way to connect: with every cure, or without one.
struct Cure {
    off: BTreeSet<String>,
}

impl Cure {
    async fn connect(&self, service: &Service) -> Bmc {
        let target = Target { quirks_off: self.off.clone(), ..target() };
        Ilo.connect(service.link().await, target).await.unwrap()
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
    "ilo-messages" => messages,
    "post-state" => post_state,
    "state-refused-or-reached" => state_reached,
    "override-without-mode" => without_mode,
    "override-none-refused" => without_none,
    "boot-mode-is-bios-setting" => boot_mode,
    "boot-order-by-names" => boot_order,
    "insert-least-form" => least_form,
    "media-by-oem-action" => oem_insert,
    "image-suffix" => suffix,
    "media-needs-licence" => licence,
    "workload-profile-first" => profile_first,
    "workload-profile-locks" => profile_locks,
    "settings-begin-with-success" => settings_messages,
    "storage-after-discovery" => discovery,
    "smart-storage" => smart_storage,
    "volume-display-name" => display_name,
    "empty-bays-are-drives" => empty_bays,
    "ns204i-keeps-its-volume" => ns204i,
    "firmware-kind-in-description" => firmware_kind,
    "no-smart-component" => smart_component,
    "update-without-task" => no_task,
    "reset-required-is-success" => reset_required,
    "rest-state-stuck" => rest_state,
}

#[tokio::test(start_paused = true)]
async fn each_cure_is_needed_and_cures() {
    let rows: BTreeSet<&str> = quirks().iter().map(|row| row.name).collect();
    let tried: BTreeSet<&str> = cases().iter().map(|(name, _)| *name).collect();
    assert_eq!(rows, tried, "rows and cases");
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        let (cured, uncured) =
            (Cure { off: BTreeSet::new() }, Cure { off: BTreeSet::from([name.to_owned()]) });
        if !case(&cured).await {
            wrong.push(format!("{name}: not cured"));
        }
        if case(&uncured).await {
            wrong.push(format!("{name}: all is well without the cure"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn refuses(service: Service, method: Method, ending: &'static str, id: &'static str) -> Service {
    service.rule(move |asked, _| asked.is(&method, ending).then(|| Reply::error(400, id, "no")))
}

fn cd() -> SlotId {
    SlotId(format!("{MANAGER}/VirtualMedia/2"))
}

fn image(url: &str) -> MediaImage {
    MediaImage { url: url.to_owned(), credentials: None }
}

// ---- answers and power

async fn messages(cure: &Cure) -> bool {
    let service = refuses(ilo5(), Method::PATCH, SYSTEM, "iLO.2.14.UnableToModifyDuringSystemPOST");
    let wanted =
        BootOverride { target: BootTarget::Cd, enabled: OverrideEnabled::Once, mode: None, http_uri: None };
    let refused = cure.connect(&service).await.boot().unwrap().set_override(wanted).await.unwrap_err();
    *refused.kind() == ErrorKind::InPost
}

async fn post_state(cure: &Cure) -> bool {
    let service = ilo5();
    service.change(|documents| documents.merge(SYSTEM, &json!({"Oem": {"Hpe": {"PostState": "InPost"}}})));
    cure.connect(&service).await.power().unwrap().observe().await.unwrap().progress == HostProgress::InPost
}

async fn state_reached(cure: &Cure) -> bool {
    let service =
        refuses(ilo5(), Method::POST, "ComputerSystem.Reset", "iLO.2.14.InvalidOperationForSystemState");
    let answer = cure.connect(&service).await.power().unwrap().reset(ResetType::On).await;
    answer.is_ok_and(|outcome| outcome == Outcome::Unchanged)
}

// ---- boot

/// The body that the iLO is sent for an override that it refuses.
async fn without_mode(cure: &Cure) -> bool {
    let service = refuses(ilo5(), Method::PATCH, SYSTEM, "Base.1.4.PropertyNotWritable");
    let wanted =
        BootOverride { target: BootTarget::Cd, enabled: OverrideEnabled::Once, mode: None, http_uri: None };
    assert!(cure.connect(&service).await.boot().unwrap().set_override(wanted).await.is_err());
    service.writes().iter().all(|asked| asked.body["Boot"].get("BootSourceOverrideMode").is_none())
}

async fn without_none(cure: &Cure) -> bool {
    let service = ilo5();
    service.change(|documents| {
        let armed = json!({"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Cd"}});
        documents.merge(SYSTEM, &armed);
    });
    let _ = cure.connect(&service).await.clear_boot_override().await;
    service.writes().iter().all(|asked| asked.body["Boot"].get("BootSourceOverrideTarget").is_none())
}

async fn boot_mode(cure: &Cure) -> bool {
    let service = ilo5();
    service.change(|documents| {
        for uri in [BIOS.to_owned(), format!("{BIOS}/settings")] {
            documents.merge(&uri, &json!({"Attributes": {"BootMode": "Uefi"}}));
        }
    });
    let _ = cure.connect(&service).await.boot().unwrap().set_mode(BootMode::Legacy).await;
    service.writes().iter().any(|asked| asked.body["Attributes"]["BootMode"] == "LegacyBios")
}

async fn boot_order(cure: &Cure) -> bool {
    let service = ilo5();
    service.change(|documents| {
        let boot = format!("{BIOS}/boot");
        documents.merge(BIOS, &json!({"Oem": {"Hpe": {"Links": {"Boot": link(&boot)}}}}));
        let order = json!({"PersistentBootConfigOrder": ["HD.EmbRAID.1.2", "NIC.LOM.1.1.IPv4"],
            "@Redfish.Settings": {"SettingsObject": link(&format!("{boot}/settings"))}});
        documents.put(&boot, order.clone());
        documents.put(&format!("{boot}/settings"), order);
    });
    let bmc = cure.connect(&service).await;
    let _ = bmc.boot().unwrap().set_order(&["NIC.LOM.1.1.IPv4".to_owned()]).await;
    let wanted = json!(["NIC.LOM.1.1.IPv4", "HD.EmbRAID.1.2"]);
    service.writes().iter().any(|asked| asked.body["PersistentBootConfigOrder"] == wanted)
}

// ---- virtual media

async fn least_form(cure: &Cure) -> bool {
    let service = refuses(ilo5(), Method::POST, "InsertMedia", "Base.1.4.PropertyUnknown");
    let bmc = cure.connect(&service).await;
    assert!(bmc.media().unwrap().insert(&cd(), &image("http://192.0.2.1/a.iso")).await.is_err());
    service.writes().len() == 1
}

/// An iLO 4 whose slots have nothing but HPE's own actions.
async fn oem_insert(cure: &Cure) -> bool {
    let service = ilo(Some("iLO 4"), "iLO 4", "iLO 4 v2.78");
    service.change(|documents| {
        let mut slot = documents.get(&cd().0).unwrap().clone();
        slot["Actions"] = Value::Null;
        let target =
            |name: &str| json!({"target": format!("{}/Actions/Oem/Hp/HpiLOVirtualMedia.{name}/", cd())});
        slot["Oem"] = json!({"Hp": {"Actions": {
            "#HpiLOVirtualMedia.InsertVirtualMedia": target("InsertVirtualMedia"),
            "#HpiLOVirtualMedia.EjectVirtualMedia": target("EjectVirtualMedia")}}});
        documents.put(&cd().0, slot);
    });
    let service = service.rule(|asked, _| {
        asked.is(&Method::POST, "HpiLOVirtualMedia.InsertVirtualMedia").then(|| Reply::empty(200))
    });
    let bmc = cure.connect(&service).await;
    let _ = bmc.media().unwrap().insert(&cd(), &image("http://192.0.2.1/a.iso")).await;
    service.writes().iter().any(|asked| asked.body == json!({"Image": "http://192.0.2.1/a.iso"}))
}

async fn suffix(cure: &Cure) -> bool {
    let service = refuses(ilo5(), Method::POST, "InsertMedia", "iLO.2.14.InvalidVirtualMediaURL");
    let bmc = cure.connect(&service).await;
    assert!(bmc.media().unwrap().insert(&cd(), &image("http://192.0.2.1/a?b=c")).await.is_err());
    service.writes().is_empty()
}

async fn licence(cure: &Cure) -> bool {
    let service = ilo5();
    service.change(|documents| {
        let standard = json!({"Oem": {"Hpe": {"License": {"LicenseString": "iLO Standard"}}}});
        documents.merge(MANAGER, &standard);
    });
    cure.connect(&service).await.require(Operation::MediaInsertHttp).is_err()
}

// ---- BIOS

fn settings(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

async fn profile_first(cure: &Cure) -> bool {
    let bmc = cure.connect(&ilo5()).await;
    let wanted = settings(&[("WorkloadProfile", "LowLatency"), ("ProcTurbo", "Disabled")]);
    bmc.bios().unwrap().plan(&wanted).await.unwrap().stages.len() == 2
}

/// A low-latency workload that keeps SR-IOV, from the profile that turns it off.
async fn profile_locks(cure: &Cure) -> bool {
    let bmc = cure.connect(&ilo5()).await;
    let wanted = settings(&[("WorkloadProfile", "LowLatency"), ("Sriov", "Enabled")]);
    let plan = bmc.bios().unwrap().plan(&wanted).await.unwrap();
    plan.problems.is_empty() && !plan.stages.is_empty()
}

/// What was taken up asks for one more reset and says of no setting that it was refused.
async fn settings_messages(cure: &Cure) -> bool {
    let service = ilo5();
    let bmc = cure.connect(&service).await;
    let bios = bmc.bios().unwrap();
    let wanted = settings(&[("ProcTurbo", "Disabled"), ("Sriov", "Disabled")]);
    let stage = bios.plan(&wanted).await.unwrap().stages.remove(0);
    let Outcome::Pending(pending) = bios.stage(&stage).await.unwrap() else { panic!("it is staged") };
    service.change(|documents| {
        let messages = json!([
            {"MessageId": "Base.1.0.Success"},
            {"MessageId": "iLO.2.14.SystemResetRequired"}]);
        let taken = json!({"Attributes": {"ProcTurbo": "Disabled"},
            "@Redfish.Settings": {"Messages": messages, "Time": "2026-01-01T00:10:00Z", "ETag": "taken"}});
        documents.merge(BIOS, &taken);
        documents.put(
            &format!("{BIOS}/settings"),
            json!({"Attributes": {"ProcTurbo": "Disabled", "Sriov": "Enabled"}}),
        );
    });
    let verdict = bios.verify(&stage, Some(&pending.mark)).await.unwrap();
    verdict.attributes.get("ProcTurbo") == Some(&AttributeVerdict::Applied)
        && verdict.attributes.get("Sriov") == Some(&AttributeVerdict::NotYet)
}

// ---- storage

const ARRAY: &str = "/redfish/v1/Systems/1/Storage/DE00A000";

/// An iLO 6 with one controller: a volume on two drives, one drive free, one bay empty.
fn ilo6() -> Service {
    let service = ilo(Some("iLO 6"), "iLO 6", "iLO 6 v1.66");
    service.change(|documents| {
        let drive = |id: &str, state: &str| {
            let uri = format!("{ARRAY}/Drives/{id}");
            (uri.clone(), json!({"@odata.id": uri, "Id": id, "Status": {"State": state, "Health": "OK"}}))
        };
        let drives = [
            drive("0", "Enabled"),
            drive("1", "Enabled"),
            drive("2", "StandbyOffline"),
            drive("3", "Absent"),
        ];
        let volumes = format!("{ARRAY}/Volumes");
        documents.merge(SYSTEM, &json!({"Storage": link("/redfish/v1/Systems/1/Storage")}));
        documents.put("/redfish/v1/Systems/1/Storage", json!({"Members": [link(ARRAY)]}));
        let links: Vec<Value> = drives.iter().map(|(uri, _)| link(uri)).collect();
        documents.put(
            ARRAY,
            json!({"@odata.id": ARRAY, "Id": "DE00A000", "Name": "HPE MR416i-o Gen11", "Drives": links,
            "Volumes": link(&volumes)}),
        );
        documents.put(
            &volumes,
            json!({"Members": [link(&format!("{volumes}/239"))],
            "@Redfish.CollectionCapabilities": {"Capabilities": [{"UseCase": "VolumeCreation"}]}}),
        );
        documents.put(
            &format!("{volumes}/239"),
            json!({"@odata.id": format!("{volumes}/239"), "Id": "239",
            "Name": "MR Volume 239", "DisplayName": "OS", "RAIDType": "RAID1",
            "Links": {"Drives": [link(&drives[0].0), link(&drives[1].0)]}}),
        );
        for (uri, drive) in drives {
            documents.put(&uri, drive);
        }
    });
    service
}

async fn discovery(cure: &Cure) -> bool {
    let service = ilo6();
    service.change(|documents| {
        let busy = json!({"Oem": {"Hpe": {"DeviceDiscoveryComplete": {"DeviceDiscovery": "DeviceDiscoveryInProgress"}}}});
        documents.merge(SYSTEM, &busy);
    });
    cure.connect(&service).await.storage().unwrap().view().await.unwrap().partial.is_some()
}

async fn smart_storage(cure: &Cure) -> bool {
    let service = ilo5();
    service.change(|documents| {
        let root = format!("{SYSTEM}/SmartStorage");
        let arrays = format!("{root}/ArrayControllers");
        documents.merge(SYSTEM, &json!({"Oem": {"Hpe": {"Links": {"SmartStorage": link(&root)}}}}));
        documents.put(&root, json!({"Links": {"ArrayControllers": link(&arrays)}}));
        documents.put(&arrays, json!({"Members": [link(&format!("{arrays}/0"))]}));
        documents.put(
            &format!("{arrays}/0"),
            json!({"@odata.id": format!("{arrays}/0"), "Id": "0", "Model": "P408i-a"}),
        );
    });
    let bmc = cure.connect(&service).await;
    match bmc.storage() {
        Ok(storage) => storage.view().await.unwrap().controllers.len() == 1,
        Err(_) => false,
    }
}

async fn display_name(cure: &Cure) -> bool {
    let service = ilo6();
    let bmc = cure.connect(&service).await;
    let wanted = NewVolume {
        controller: ControllerId(ARRAY.to_owned()),
        name: "sixteen-letters!".to_owned(),
        raid: RaidLevel::Raid0,
        drives: vec![DriveId(format!("{ARRAY}/Drives/2"))],
        bytes: None,
    };
    let view = bmc.storage().unwrap().view().await.unwrap();
    let refused = bmc.storage().unwrap().create_volume(&wanted).await.unwrap_err();
    view.volume_named("OS").is_some()
        && matches!(refused.kind(), ErrorKind::RejectedValue { .. })
        && service.writes().is_empty()
}

async fn empty_bays(cure: &Cure) -> bool {
    let view = cure.connect(&ilo6()).await.storage().unwrap().view().await.unwrap();
    let drives = &view.controllers[0].drives;
    drives.len() == 3 && drives[2].state == DriveState::Ready
}

async fn ns204i(cure: &Cure) -> bool {
    let service = ilo6();
    service
        .change(|documents| documents.merge(ARRAY, &json!({"Name": "HPE NS204i-u Gen11 Boot Controller"})));
    let bmc = cure.connect(&service).await;
    let volume = VolumeId(format!("{ARRAY}/Volumes/239"));
    let refused = bmc.storage().unwrap().delete_volume(&volume).await.unwrap_err();
    refused.to_string().contains("NS204i") && service.writes().is_empty()
}

// ---- firmware and jobs

const UPDATE: &str = "/redfish/v1/UpdateService";

/// An iLO 5 with an UpdateService that answers an update with this message.
fn updates(answer: &'static str) -> Service {
    let service = ilo5();
    service.change(|documents| {
        let inventory = format!("{UPDATE}/FirmwareInventory");
        let entry = |id: &str, kind: &str, version: &str| {
            let uri = format!("{inventory}/{id}");
            (uri.clone(), json!({"@odata.id": uri, "Id": id, "Name": "System ROM", "Description": kind, "Version": version}))
        };
        let entries = [entry("2", "SystemRomActive", "U32 v2.90"), entry("3", "SystemRomBackup", "U32 v2.80")];
        documents.merge("/redfish/v1", &json!({"UpdateService": link(UPDATE)}));
        documents.put(UPDATE, json!({"@odata.id": UPDATE, "@odata.type": "#UpdateService.v1_2_1.UpdateService",
            "Id": "UpdateService", "FirmwareInventory": link(&inventory),
            "Oem": {"Hpe": {"State": "Updating", "FlashProgressPercent": 40}},
            "Actions": {"#UpdateService.SimpleUpdate": {"target": format!("{UPDATE}/Actions/UpdateService.SimpleUpdate")}}}));
        documents.put(&inventory, json!({"Members": [link(&entries[0].0), link(&entries[1].0)]}));
        for (uri, entry) in entries {
            documents.put(&uri, entry);
        }
    });
    service.rule(move |asked, _| {
        asked.is(&Method::POST, "UpdateService.SimpleUpdate").then(|| Reply::error(200, answer, "accepted"))
    })
}

fn flash(url: &str) -> FirmwareImage {
    FirmwareImage { url: url.to_owned(), targets: Vec::new(), when: ApplyTime::Immediate, credentials: None }
}

async fn firmware_kind(cure: &Cure) -> bool {
    let found = cure.connect(&updates("")).await.firmware().unwrap().inventory().await.unwrap();
    found.components.len() == 1 && found.components[0].kind == ComponentKind::Bios
}

async fn smart_component(cure: &Cure) -> bool {
    let service = updates("iLO.2.14.Success");
    let bmc = cure.connect(&service).await;
    let answer = bmc.firmware().unwrap().update(&flash("https://192.0.2.1/cp012345.exe")).await;
    answer.is_err() && service.writes().is_empty()
}

async fn no_task(cure: &Cure) -> bool {
    let service = updates("iLO.2.14.Success");
    let bmc = cure.connect(&service).await;
    let answer = bmc.firmware().unwrap().update(&flash("https://192.0.2.1/ilo5.bin")).await.unwrap();
    let Outcome::Running(job) = answer else { return false };
    bmc.jobs().unwrap().job(&job).await.unwrap().percent == Some(40)
}

async fn reset_required(cure: &Cure) -> bool {
    let service = updates("iLO.2.14.SystemResetRequired");
    let bmc = cure.connect(&service).await;
    let answer = bmc.firmware().unwrap().update(&flash("https://192.0.2.1/u32.flash")).await.unwrap();
    matches!(answer, Outcome::Pending(pending) if pending.needs_reset)
}

async fn rest_state(cure: &Cure) -> bool {
    let service = ilo5();
    service.change(|documents| {
        let target = format!("{MANAGER}/Actions/Oem/Hpe/HpeiLO.ClearRestApiState/");
        let actions = json!({"Oem": {"Hpe": {"Actions": {"#HpeiLO.ClearRestApiState": {"target": target}}}}});
        documents.merge(MANAGER, &actions);
        documents.merge("/redfish/v1", &json!({"Tasks": link("/redfish/v1/TaskService")}));
        documents.put("/redfish/v1/TaskService", json!({"Tasks": link("/redfish/v1/TaskService/Tasks")}));
        documents.put("/redfish/v1/TaskService/Tasks", json!({"Members": []}));
    });
    let service =
        service.rule(|asked, _| asked.is(&Method::POST, "ClearRestApiState").then(|| Reply::empty(200)));
    let _ = cure.connect(&service).await.jobs().unwrap().clear_queue().await.unwrap();
    service.writes().iter().any(|asked| asked.is(&Method::POST, "ClearRestApiState"))
}
