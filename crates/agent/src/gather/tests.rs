use std::{path::Path, path::PathBuf};

use jiff::Timestamp;
use rackhand_profiles::Profiles;
use rackhand_spec::{BiosSettings, FirmwareUpdate, HardwareVolume, Raid, RaidLevel, Source};

use super::*;
use crate::{
    event::{Decision, Event, JobId, JobResult, StepId, Trigger},
    history::History,
    journal::Record,
    plan::{Gate, gate_by_record},
};

/// As a BareMetalHost says it, so that fields which are added to the spec need no change here.
fn spec() -> NodeSpec {
    let text = "apiVersion: metal3.io/v1alpha1
kind: BareMetalHost
metadata:
  name: node
  namespace: site
spec:
  online: true
  bootMACAddress: 0c:42:a1:55:aa:01
  bmc:
    address: idrac-virtualmedia+https://192.0.2.1/redfish/v1/Systems/System.Embedded.1
    credentialsName: bmc
";
    let files = vec![(PathBuf::from("site.yaml"), text.to_owned())];
    let loaded = rackhand_spec::read(&Source { files, ..Source::default() });
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    NodeSpec { online: None, ..loaded.nodes.into_iter().next().unwrap() }
}

fn profile(spec: &str) -> Profile {
    let text = format!(
        "apiVersion: rackhand.dev/v1alpha1\nkind: FirmwareProfile\nmetadata:\n  name: low\nspec:\n  match:\n    vendor: Dell\n{spec}"
    );
    Profiles::parse(Path::new("low.yaml"), &text).unwrap().iter().next().unwrap().clone()
}

fn gathered(spec: &NodeSpec, profile: Option<&Profile>) -> Wanted {
    gather(spec, profile, GatherOptions::default())
}

#[test]
fn a_plain_spec_asks_for_nothing_beside_an_installation() {
    let wanted = gathered(&spec(), None);
    assert_eq!(wanted.node, "site/node");
    assert!(wanted.source.starts_with("site.yaml:"), "{}", wanted.source);
    assert_eq!(wanted.request, "first");
    assert_eq!(wanted.boot_mac.as_deref(), Some("0c:42:a1:55:aa:01"));
    assert_eq!(wanted.follow, Follow::NotObservable);
    assert_eq!((wanted.secure_boot, wanted.hold, wanted.permission), (None, false, None));
    assert!(wanted.bios.is_empty() && wanted.cannot.is_empty());
}

#[test]
fn the_request_is_the_request_id_or_else_the_install_annotation() {
    let mut spec = spec();
    spec.install = Some("april".into());
    assert_eq!(gathered(&spec, None).request, "april");
    spec.request_id = Some("7".into());
    assert_eq!(gathered(&spec, None).request, "7");
}

#[test]
fn the_sites_settings_override_the_profiles() {
    let profile = profile("  bios:\n    attributes:\n      A: Enabled\n      B: 3\n");
    let mut spec = spec();
    let settings =
        BiosSettings { source: "site.profile".into(), values: [("B".to_owned(), "4".into())].into() };
    spec.bios_settings = Some(settings);
    let wanted = gathered(&spec, Some(&profile));
    let values: Vec<String> = wanted.bios.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(values, ["A=Enabled", "B=4"]);
    assert_eq!(wanted.bios_source.as_deref(), Some("profile low (low.yaml:4), overridden by site.profile"));
}

#[test]
fn secure_boot_follows_the_boot_mode_and_then_the_profile() {
    let on = profile("  secureBoot: true\n");
    let off = profile("  secureBoot: false\n");
    let legacy = profile("  bootMode: legacy\n");
    let mut spec = spec();
    let mut check = |mode, profile: Option<&Profile>| {
        spec.boot_mode = mode;
        let wanted = gathered(&spec, profile);
        (wanted.secure_boot, wanted.cannot.is_empty())
    };
    assert_eq!(check(BootMode::Uefi, Some(&on)), (Some(true), true));
    assert_eq!(check(BootMode::Uefi, Some(&off)), (Some(false), true));
    assert_eq!(check(BootMode::Uefi, Some(&legacy)), (None, false));
    assert_eq!(check(BootMode::UefiSecureBoot, None), (Some(true), true));
    assert_eq!(check(BootMode::UefiSecureBoot, Some(&off)), (Some(true), false));
    assert_eq!(check(BootMode::Legacy, None), (None, true));
    assert_eq!(check(BootMode::Legacy, Some(&on)), (None, false));
}

#[test]
fn the_spec_says_how_it_boots_then_the_profile_then_the_address() {
    let mut spec = spec();
    let mut ways = |address: &str, boot, profile: Option<&Profile>| {
        spec.bmc = address.parse().unwrap();
        spec.boot = boot;
        let boot = gathered(&spec, profile).boot;
        (boot.ways, boot.source)
    };
    use BootWay::{Pxe, UefiHttp, VirtualMedia};
    let by_address = |scheme: &str| format!("{scheme}:// in the BMC's address");
    let media = "redfish-virtualmedia://192.0.2.1/redfish/v1/Systems/1";
    assert_eq!(ways(media, None, None), (vec![VirtualMedia], by_address("redfish-virtualmedia")));
    assert_eq!(ways("ipmi://192.0.2.1", None, None), (vec![Pxe], by_address("ipmi")));
    assert_eq!(ways("idrac-redfish://192.0.2.1", None, None), (vec![Pxe], by_address("idrac-redfish")));
    let http = "redfish-uefihttp://192.0.2.1/redfish/v1/Systems/1";
    assert_eq!(ways(http, None, None), (vec![UefiHttp], by_address("redfish-uefihttp")));
    let network = profile("  boot: network\n");
    assert_eq!(ways(media, None, Some(&network)), (vec![UefiHttp, Pxe], "profile low".to_owned()));
    assert_eq!(ways(media, Some(BootBy::Pxe), Some(&network)), (vec![Pxe], "the spec's boot".to_owned()));
    assert_eq!(ways(http, Some(BootBy::Any), None).0, BootWay::ALL);
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut spec = spec();

    spec.bmc = "redfish-virtualmedia://192.0.2.1/redfish/v1/Systems/1".parse().unwrap();
    spec.raid = Some(Raid { hardware: Some(Vec::new()), software: Some(Vec::new()) });
    spec.online = Some(false);
    let cannot = gathered(&spec, None).cannot;
    assert_eq!(cannot.len(), 3, "{cannot:?}");
    assert!(cannot[0].contains("volumes go by name alone: rackhand apply --delete-volume site/node=NAME"));
    assert!(cannot[1].contains("leave it to the installer"));
    assert!(cannot[2].contains("online: false"));
}

#[test]
fn the_bmc_is_updated_first_and_the_site_counts_before_the_profile() {
    let digest = "ab".repeat(32);
    let of = |component: &str| {
        format!(
            "  - component: {component}\n    version: '2.0'\n    url: https://h/{component}.exe\n    sha256: {digest}\n"
        )
    };
    let profile = profile(&format!("  firmware:\n{}{}{}", of("NIC.Slot.3-1-1"), of("bios"), of("bmc")));
    let mut spec = spec();
    spec.firmware = vec![
        FirmwareUpdate { component: "nic:NIC1".into(), url: "https://x/nic".into() },
        FirmwareUpdate { component: "bios".into(), url: "https://x/bios".into() },
    ];
    let wanted = gathered(&spec, Some(&profile));
    assert!(wanted.cannot.is_empty(), "{:?}", wanted.cannot);
    let names: Vec<&str> = wanted.firmware.iter().map(|update| update.component.as_str()).collect();
    assert_eq!(names, ["bmc", "bios", "NIC1", "NIC.Slot.3-1-1"]);
    let (bmc, bios) = (&wanted.firmware[0], &wanted.firmware[1]);
    assert_eq!((bmc.version.as_deref(), bmc.sha256.as_deref()), (Some("2.0"), Some(digest.as_str())));
    assert_eq!((bios.url.as_str(), &bios.version, &bios.sha256), ("https://x/bios", &None, &None));
}

#[test]
fn volumes_are_those_of_the_spec_and_else_those_of_the_profile() {
    let profile = profile(
        "  storage:\n    volumes:\n    - name: data\n      raid: RAID1\n      drives:\n        count: 2\n        media: SSD\n        minSizeGiB: 400\n",
    );
    let mut spec = spec();
    let of_profile = gathered(&spec, Some(&profile)).storage.volumes;
    assert_eq!(of_profile.len(), 1);
    assert_eq!(of_profile[0].drives.to_string(), "2 free SSD drives of one size of at least 400 GiB");

    let volume = HardwareVolume {
        level: RaidLevel::Raid10,
        name: None,
        size_gibibytes: Some(100),
        rotational: Some(false),
        number_of_physical_disks: None,
        controller: Some("RAID.SL.3-1".to_owned()),
        physical_disks: Vec::new(),
    };
    spec.raid = Some(Raid { hardware: Some(vec![volume]), software: None });
    let of_spec = gathered(&spec, Some(&profile)).storage.volumes;
    assert_eq!(of_spec.len(), 1);
    assert_eq!((of_spec[0].name.as_str(), of_spec[0].raid.as_str()), ("volume-1", "RAID10"));
    assert_eq!((of_spec[0].drives.count, of_spec[0].bytes), (4, Some(100 << 30)));
    assert_eq!(of_spec[0].drives.media.as_deref(), Some("SSD"));
}

fn records(events: Vec<Event>) -> History {
    let at = Timestamp::UNIX_EPOCH;
    let records: Vec<Record> = (1..)
        .zip(events)
        .map(|(seq, event)| Record { seq, at, node: Some("site/node".into()), event })
        .collect();
    History::of(&records)
}

fn job(request: &str, result: Option<JobResult>) -> Vec<Event> {
    let job = JobId("site/node#1".into());
    let began = Event::JobStarted {
        job: job.clone(),
        request: request.into(),
        trigger: Trigger::NewHost,
        source: "site.yaml:7".into(),
    };
    std::iter::once(began).chain(result.map(|result| Event::JobFinished { job, result })).collect()
}

fn failed() -> JobResult {
    JobResult::Failed {
        step: StepId::Follow,
        error: "no sign".into(),
        advice: "look".into(),
        installing: true,
        refused: false,
        cause: None,
    }
}

#[test]
fn the_install_annotation_permits_once() {
    let mut spec = spec();
    spec.install = Some("april".into());
    let permitted = |history: &History| {
        let history = history.node("site/node");
        let wanted = gather(&spec, None, GatherOptions { history, ..GatherOptions::default() });
        (wanted.permission.is_some(), gate_by_record(&wanted, history))
    };
    assert!(permitted(&records(vec![])).0);
    assert!(permitted(&records(vec![Event::NeedsDecision { reason: "on".into(), request: None }])).0);
    let (again, gate) = permitted(&records(job("april", Some(JobResult::Installed))));
    assert!(!again && matches!(gate, Some(Gate::Nothing { .. })), "{gate:?}");
    let (again, gate) = permitted(&records(job("april", Some(failed()))));
    assert!(!again && matches!(gate, Some(Gate::NeedsDecision { .. })), "{gate:?}");
    let (again, gate) = permitted(&records(job("march", Some(failed()))));
    assert!(again && matches!(gate, Some(Gate::Start { .. })), "{gate:?}");
    assert!(!permitted(&records(job("april", None))).0);
    let adopted = Event::Decided { decision: Decision::Adopt, by: "adopt".into(), request: None };
    assert!(!permitted(&records(vec![adopted])).0);
}

#[test]
fn the_operators_word_permits_whatever_the_record_says() {
    let history = records(job("first", Some(JobResult::Installed)));
    let options = GatherOptions {
        asked: Some("--install"),
        history: history.node("site/node"),
        ..GatherOptions::default()
    };
    assert_eq!(gather(&spec(), None, options).permission.as_deref(), Some("--install"));
}
