//! Boot mode, order, precise one-time devices and secure boot by the XML API.

use http::Method;
use rackhand_bmc::{
    Bmc, BootMode, BootOverride, BootTarget, ErrorKind, Operation, Outcome, OverrideEnabled, Support,
};
use rackhand_cimc::xml::Element;
use rackhand_testing::{Reply as Answer, Service, target};
use serde_json::json;

use crate::{
    deviations::{SYSTEM, link, rack},
    nuova::{Nuova, Reply, fault, object, without},
};

const PRECISE: &str = "sys/rack-unit-1/boot-precision";
const ONE_TIME: &str = "sys/rack-unit-1/one-time-precision-boot";
const SECURITY: &str = "sys/rack-unit-1/boot-policy/boot-security";

fn device(class: &str, rn: &str, name: &str, order: &str, more: &[(&str, &str)]) -> Element {
    let device = object(class, &format!("{PRECISE}/{rn}-{name}"), &[("name", name), ("order", order)]);
    more.iter().fold(device, |device, (name, value)| device.with(*name, *value))
}

pub(crate) fn objects() -> Vec<Element> {
    vec![
        object("lsbootDevPrecision", PRECISE, &[("configuredBootMode", "Legacy"), ("rebootOnUpdate", "no")]),
        device("lsbootPxe", "pxe", "net", "2", &[("type", "PXE")]),
        device("lsbootHdd", "hdd", "disk", "1", &[("type", "LOCALHDD")]),
        device("lsbootVMedia", "vm", "kvm", "3", &[("subtype", "kvm-mapped-dvd")]),
        object("oneTimePrecisionBootDevice", ONE_TIME, &[("device", ""), ("rebootOnUpdate", "no")]),
        object("lsbootBootSecurity", SECURITY, &[("secureBoot", "disabled")]),
    ]
}

fn nuova(service: &Service) -> Nuova {
    Nuova::beside(service, &objects())
}

fn pending(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Pending(pending) if pending.needs_reset)
}

fn once(target: BootTarget) -> BootOverride {
    BootOverride { target, enabled: OverrideEnabled::Once, mode: None, http_uri: None }
}

/// A CIMC whose Redfish has no boot override that can be written.
fn refusing() -> Service {
    rack().rule(|asked, _| {
        let boot = asked.body.get("Boot").is_some();
        (asked.is(&Method::PATCH, SYSTEM) && boot)
            .then(|| Answer::error(405, "Base.1.4.OperationNotAllowed", "Boot cannot be written"))
    })
}

async fn order(bmc: &Bmc) -> Vec<String> {
    bmc.boot().unwrap().order().await.unwrap().into_iter().map(|option| option.reference).collect()
}

#[tokio::test(start_paused = true)]
async fn the_mode_is_set_once_and_shown_afterwards() {
    let service = rack();
    let nuova = nuova(&service);
    let bmc = nuova.connect(target()).await;
    let boot = bmc.boot().unwrap();
    assert!(pending(&boot.set_mode(BootMode::Uefi).await.unwrap()));
    assert_eq!(boot.settings().await.unwrap().mode, Some(BootMode::Uefi));
    let changes = nuova.changes();
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].raw("configuredBootMode"), changes[0].raw("rebootOnUpdate")),
        (Some("Uefi"), Some("no"))
    );
    assert_eq!(boot.set_mode(BootMode::Uefi).await.unwrap(), Outcome::Unchanged);
    assert_eq!(nuova.changes().len(), 1, "nothing is sent for what is so already");
    assert!(service.writes().is_empty());
    bmc.close().await.unwrap();
    assert_eq!(nuova.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn legacy_is_not_tried_under_secure_boot() {
    let nuova = nuova(&rack());
    nuova.change(|tree| {
        tree.merge(&object("lsbootDevPrecision", PRECISE, &[("configuredBootMode", "Uefi")]));
        tree.merge(&object("lsbootBootSecurity", SECURITY, &[("secureBoot", "enabled")]));
    });
    let bmc = nuova.connect(target()).await;
    let error = bmc.boot().unwrap().set_mode(BootMode::Legacy).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
    assert!(nuova.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_the_cure_mode_and_order_go_to_redfish_which_ignores_them() {
    let service = rack();
    let nuova = nuova(&service);
    let bmc = nuova.connect(without("boot-by-xml")).await;
    for operation in [Operation::BootModeSet, Operation::BootOrderSet] {
        let support = &bmc.capabilities.get(operation).unwrap().support;
        assert!(matches!(support, Support::Unsupported(_)), "{operation:?}: {support:?}");
    }
    let _ = bmc.boot().unwrap().set_mode(BootMode::Uefi).await.unwrap();
    assert_eq!(service.writes().len(), 1);
    assert_eq!(order(&bmc).await, Vec::<String>::new());
    assert!(nuova.methods().is_empty());
    assert_eq!(nuova.change(|tree| tree.value(PRECISE, "configuredBootMode")).as_deref(), Some("Legacy"));
}

#[tokio::test(start_paused = true)]
async fn the_order_is_written_whole_and_sorted() {
    let nuova = nuova(&rack());
    let bmc = nuova.connect(target()).await;
    assert_eq!(order(&bmc).await, ["disk", "net", "kvm"]);
    let boot = bmc.boot().unwrap();
    assert!(pending(&boot.set_order(&["kvm".to_owned()]).await.unwrap()));
    assert_eq!(order(&bmc).await, ["kvm", "disk", "net"]);
    let written: Vec<(String, String)> = nuova.changes()[0]
        .children
        .iter()
        .map(|child| (child.name.clone(), child.raw("order").unwrap().to_owned()))
        .collect();
    let expected = [("lsbootVMedia", "1"), ("lsbootHdd", "2"), ("lsbootPxe", "3")];
    assert_eq!(written, expected.map(|(class, order)| (class.to_owned(), order.to_owned())));
    let again = boot.set_order(&["kvm".to_owned(), "disk".to_owned()]).await.unwrap();
    assert_eq!((again, nuova.changes().len()), (Outcome::Unchanged, 1));
    let error = boot.set_order(&["cd".to_owned()]).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::RejectedValue { properties: vec!["cd".to_owned()] });
}

#[tokio::test(start_paused = true)]
async fn where_redfish_takes_the_override_the_xml_api_is_not_asked() {
    let service = rack();
    let nuova = nuova(&service);
    let bmc = nuova.connect(target()).await;
    assert_eq!(bmc.boot_once(&BootTarget::Cd).await.unwrap(), Outcome::Done);
    assert_eq!((service.writes().len(), nuova.methods().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn where_redfish_refuses_the_mapped_dvd_is_booted_once() {
    let nuova = nuova(&refusing());
    let bmc = nuova.connect(target()).await;
    assert_eq!(bmc.boot_once(&BootTarget::Cd).await.unwrap(), Outcome::Done);
    // It is named by its place in the configured order, which it was not in.
    assert_eq!(nuova.change(|tree| tree.value(ONE_TIME, "device")).as_deref(), Some("rackhand-dvd"));
    let added = nuova.changes().remove(0);
    assert_eq!((added.get("subtype"), added.get("order")), (Some("cimc-mapped-dvd"), Some("4")));
    assert_eq!(order(&bmc).await, ["disk", "net", "kvm", "rackhand-dvd"]);
    let armed = bmc.power().unwrap().observe().await.unwrap().boot;
    assert!(armed.armed_for(&BootTarget::Cd), "{armed:?}");
    assert_eq!(bmc.boot_once(&BootTarget::Cd).await.unwrap(), Outcome::Unchanged);
    assert_eq!(nuova.changes().len(), 2);
    // The host took it: nothing is armed any more.
    nuova.change(|tree| tree.merge(&object("oneTimePrecisionBootDevice", ONE_TIME, &[("device", "")])));
    assert!(!bmc.boot().unwrap().settings().await.unwrap().armed_for(&BootTarget::Cd));
}

#[tokio::test(start_paused = true)]
async fn another_process_finds_the_device_armed_and_sends_nothing() {
    let nuova = nuova(&refusing());
    let first = nuova.connect(target()).await;
    let _ = first.boot().unwrap().set_override(once(BootTarget::Cd)).await.unwrap();
    drop(first);
    let sent = nuova.changes().len();
    let second = nuova.connect(target()).await;
    let outcome = second.boot().unwrap().set_override(once(BootTarget::Cd)).await.unwrap();
    assert_eq!((outcome, nuova.changes().len()), (Outcome::Unchanged, sent));
}

#[tokio::test(start_paused = true)]
async fn without_the_cure_a_refused_override_stays_refused() {
    let nuova = nuova(&refusing());
    let bmc = nuova.connect(without("boot-by-xml")).await;
    let error = bmc.boot_once(&BootTarget::Cd).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    assert!(nuova.methods().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_device_is_meant_by_its_name_and_an_unknown_one_is_said() {
    let service = rack();
    let nuova = nuova(&service);
    let bmc = nuova.connect(target()).await;
    let boot = bmc.boot().unwrap();
    let named = boot.set_override(once(BootTarget::Other("net".to_owned()))).await.unwrap();
    assert_eq!(named, Outcome::Done);
    assert_eq!(nuova.change(|tree| tree.value(ONE_TIME, "device")).as_deref(), Some("net"));
    // Redfish lists no UefiHttp, and the order has none.
    let error = boot.set_override(once(BootTarget::UefiHttp)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("(devices: disk, net, kvm)"), "{error}");
    assert!(service.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_precise_device_is_taken_back() {
    let nuova = nuova(&refusing());
    let bmc = nuova.connect(target()).await;
    let boot = bmc.boot().unwrap();
    let _ = boot.set_override(once(BootTarget::Cd)).await.unwrap();
    let off = BootOverride {
        target: BootTarget::None,
        enabled: OverrideEnabled::Disabled,
        mode: None,
        http_uri: None,
    };
    // Redfish refuses its part, as before.
    assert!(boot.set_override(off).await.is_err());
    let last = nuova.changes().pop().unwrap();
    assert_eq!(last.get("adminAction"), Some("clear-one-time-boot-device"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_decided_by_looking() {
    let nuova = nuova(&refusing()).rule(|method, _| {
        let arming = method.dn() == ONE_TIME && method.name == "configConfMo";
        arming.then_some(Reply::DoneButLost)
    });
    let bmc = nuova.connect(target()).await;
    assert_eq!(
        bmc.boot_once(&BootTarget::Cd).await.unwrap(),
        Outcome::Done,
        "it shows, so it was carried out"
    );
}

#[tokio::test(start_paused = true)]
async fn secure_boot_is_the_xml_apis_where_redfish_has_none() {
    let nuova = nuova(&rack());
    let bmc = nuova.connect(target()).await;
    let boot = bmc.boot().unwrap();
    assert_eq!(boot.secure_boot().await.unwrap().enabled, Some(false));
    assert!(pending(&boot.set_secure_boot(true).await.unwrap()));
    assert_eq!(boot.secure_boot().await.unwrap().enabled, Some(true));
    assert_eq!(boot.set_secure_boot(true).await.unwrap(), Outcome::Unchanged);
    let bmc = nuova.connect(without("secure-boot-by-xml")).await;
    assert_eq!(*bmc.boot().unwrap().secure_boot().await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(bmc.require(Operation::SecureBootSet).is_err());
}

#[tokio::test(start_paused = true)]
async fn secure_boot_is_redfishs_where_it_is_linked() {
    let service = rack();
    let uri = format!("{SYSTEM}/SecureBoot");
    service.change(|documents| {
        documents.merge(SYSTEM, &json!({"SecureBoot": link(&uri)}));
        documents.put(&uri, json!({"@odata.id": uri, "SecureBootEnable": false}));
    });
    let nuova = nuova(&service);
    let bmc = nuova.connect(target()).await;
    assert_eq!(bmc.boot().unwrap().secure_boot().await.unwrap().enabled, Some(false));
    assert!(nuova.methods().is_empty());
}

#[tokio::test(start_paused = true)]
async fn firmware_without_precise_devices_is_said_so() {
    let nuova = Nuova::beside(&rack(), &[]).rule(|method, _| {
        let text = "XML PARSING ERROR: no class named lsbootDevPrecision";
        (method.name == "configConfMo").then(|| fault(method, "ERR-xml-parse-error", text))
    });
    let bmc = nuova.connect(target()).await;
    let boot = bmc.boot().unwrap();
    let error = boot.set_mode(BootMode::Uefi).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    // Devices, and no way to boot one of them once.
    nuova.change(|tree| tree.put(device("lsbootPxe", "pxe", "net", "1", &[])));
    let error = boot.set_override(once(BootTarget::Other("net".to_owned()))).await.unwrap_err();
    assert!(error.to_string().contains("since 3.0(1c)"), "{error}");
}
