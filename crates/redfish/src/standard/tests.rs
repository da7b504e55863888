use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use rackhand_bmc::{
    ErrorKind, MediaImage, MemoryLedger, Operation, Outcome, Pacing, PowerState, ResetType, SimClock, SlotId,
    Support,
};
use rackhand_http::ServiceTransport;
use serde_json::{Value, json};

use super::*;
use crate::testing::{SYSTEM, Service, answer, lost, refusal, target};

const SLOT: &str = "/redfish/v1/Systems/1/VirtualMedia/Cd";

fn image() -> MediaImage {
    MediaImage { url: "https://192.0.2.1/a.iso".to_owned(), credentials: None }
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_booted_from_an_image_with_few_requests() {
    let service = Service::new();
    let bmc = service.bmc(Plain).await;
    assert_eq!(
        (bmc.identity.model.as_deref(), bmc.identity.bmc_version.as_deref()),
        (Some("Test"), Some("2.0"))
    );
    let slot = bmc.boot_image_once(&image()).await.unwrap();
    assert_eq!(slot.id.0, SLOT);
    bmc.close().await.unwrap();
    // Besides these: the session's opening and its end. Expansion, where advertised, saves the second and the sixth.
    let expected = [
        "GET /redfish/v1/",
        "GET /redfish/v1/Systems",
        "GET /redfish/v1/Systems/1",
        "GET /redfish/v1/Managers/1",
        "GET /redfish/v1/Systems/1/VirtualMedia",
        "GET /redfish/v1/Systems/1/VirtualMedia/Cd",
        "POST /redfish/v1/Systems/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia",
        "GET /redfish/v1/Systems/1/VirtualMedia/Cd",
        "PATCH /redfish/v1/Systems/1",
        "GET /redfish/v1/Systems/1",
        "POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
        "GET /redfish/v1/Systems/1",
    ];
    assert_eq!(service.log(), expected);
    assert!(service.state().sessions.is_empty());
    assert_eq!(service.state().documents[SYSTEM]["Boot"]["BootSourceOverrideTarget"], "Cd");
}

#[tokio::test(start_paused = true)]
async fn every_failed_connect_gives_the_session_back() {
    for broken in ["/redfish/v1/Systems", SYSTEM, "/redfish/v1/Managers/1"] {
        let service = Service::with(move |request, state| {
            (!state.sessions.is_empty() && request.uri().path() == broken)
                .then(|| refusal(403, "Base.1.8.InsufficientPrivilege"))
        });
        let error = service.connect(Plain).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Forbidden, "{broken}: {error}");
        assert!(error.to_string().contains("InsufficientPrivilege"), "{error}");
        assert_eq!(service.state().opened, 1);
        assert!(service.state().sessions.is_empty(), "{broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_is_given_up_leaves_no_session() {
    let service = Service::new().slow(Duration::from_secs(1));
    let link = service.link().await;
    let target = target(Arc::new(MemoryLedger::default()));
    let connect = Standard::new(link, target, Plain).connect();
    assert!(tokio::time::timeout(Duration::from_millis(2500), connect).await.is_err());
    assert_eq!(service.state().opened, 1);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(service.state().sessions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_several_systems_one_must_be_named() {
    let service = Service::new();
    let other = "/redfish/v1/Systems/2";
    service.put(other, json!({"Id": "2", "PowerState": "On"}));
    service.put("/redfish/v1/Systems/Capabilities", json!({"Id": "Capabilities"}));
    let member = |uri: &str| json!({"@odata.id": uri});
    service.set(
        "/redfish/v1/Systems",
        "/Members",
        json!([member(SYSTEM), member(other), member("/redfish/v1/Systems/Capabilities")]),
    );
    let error = service.connect(Plain).await.unwrap_err();
    assert!(error.to_string().contains("has 2 Systems") && error.to_string().contains(other), "{error}");
    // The BMC's own Manager settles it where it can.
    let mut root = service.state().documents["/redfish/v1"].clone();
    root["Links"]["ManagerProvidingService"] = member("/redfish/v1/Managers/1");
    service.put("/redfish/v1", root);
    assert_eq!(service.bmc(Plain).await.identity.system, SYSTEM);
    let named = |system: &str| Target {
        system: Some(system.to_owned()),
        ..target(Arc::new(MemoryLedger::default()))
    };
    let bmc = Standard::new(service.link().await, named(other), Plain).connect().await.unwrap();
    assert_eq!(bmc.identity.system, other);
    let error = Standard::new(service.link().await, named("/redfish/v1/Systems/9"), Plain)
        .connect()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("there is no System /redfish/v1/Systems/9")
            && error.to_string().contains(SYSTEM),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_power_action_is_unchanged_only_when_the_state_is_there() {
    let service = Service::with(|request, state| {
        (!state.sessions.is_empty() && request.uri().path().ends_with("Reset"))
            .then(|| refusal(409, "IDRAC.2.8.PSU501"))
    });
    let bmc = service.bmc(Plain).await;
    let power = bmc.power().unwrap();
    assert_eq!(power.reset(ResetType::ForceOff).await.unwrap(), Outcome::Unchanged);
    let error = power.reset(ResetType::On).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Conflict);
    let error = power.reset(ResetType::Nmi).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("it allows On, ForceOff"), "{error}");
    assert_eq!(power.state().await.unwrap(), PowerState::Off);
    assert_eq!(bmc.capabilities.get(Operation::PowerOn).unwrap().support, Support::Supported);
}

#[tokio::test(start_paused = true)]
async fn reset_types_are_learned_from_action_info() {
    let service = Service::new();
    let info = json!({"Parameters": [{"Name": "ResetType", "AllowableValues": ["ForceOn", "ForceOff"]}]});
    service.put("/redfish/v1/Systems/1/ResetActionInfo", info);
    let target = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
    let action = json!({"target": target, "@Redfish.ActionInfo": "/redfish/v1/Systems/1/ResetActionInfo"});
    service.set(SYSTEM, "/Actions/#ComputerSystem.Reset", action);
    let bmc = service.bmc(Plain).await;
    let error = bmc.power().unwrap().reset(ResetType::PowerCycle).await.unwrap_err();
    assert!(error.to_string().contains("it allows ForceOn, ForceOff"), "{error}");
    assert_eq!(bmc.power().unwrap().reset(ResetType::On).await.unwrap(), Outcome::Done);
}

#[tokio::test(start_paused = true)]
async fn a_boot_override_is_tried_with_its_mode_and_then_at_the_settings() {
    let patch = |request: &http::Request<Bytes>| *request.method() == http::Method::PATCH;
    let body = |request: &http::Request<Bytes>| serde_json::from_slice::<Value>(request.body()).unwrap();
    let service = Service::with(move |request, _| {
        (patch(request) && body(request)["Boot"]["BootSourceOverrideMode"].is_null())
            .then(|| refusal(400, "Base.1.8.PropertyMissing"))
    });
    let bmc = service.bmc(Plain).await;
    assert_eq!(bmc.boot_once(&rackhand_bmc::BootTarget::Cd).await.unwrap(), Outcome::Done);
    assert_eq!(service.state().documents[SYSTEM]["Boot"]["BootSourceOverrideMode"], "UEFI");

    let service = Service::with(move |request, _| {
        (patch(request) && request.uri().path() == SYSTEM)
            .then(|| refusal(400, "Base.1.8.PropertyNotWritable"))
    });
    let mut system = service.state().documents[SYSTEM].clone();
    system["@Redfish.Settings"] = json!({"SettingsObject": {"@odata.id": "/redfish/v1/Systems/1/Settings"}});
    service.put(SYSTEM, system);
    service.put("/redfish/v1/Systems/1/Settings", json!({"Boot": {}}));
    let wanted = rackhand_bmc::BootOverride {
        target: rackhand_bmc::BootTarget::Cd,
        enabled: rackhand_bmc::OverrideEnabled::Once,
        mode: None,
        http_uri: None,
    };
    assert_eq!(service.bmc(Plain).await.boot().unwrap().set_override(wanted).await.unwrap(), Outcome::Done);
    assert_eq!(
        service.state().documents["/redfish/v1/Systems/1/Settings"]["Boot"]["BootSourceOverrideTarget"],
        "Cd"
    );
}

#[tokio::test(start_paused = true)]
async fn an_insert_climbs_only_while_it_is_refused_as_incomplete() {
    let service = Service::with(|request, _| {
        let incomplete = || {
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            body["TransferProtocolType"].is_null().then(|| refusal(400, "Base.1.5.ActionParameterMissing"))
        };
        if request.uri().path().ends_with("InsertMedia") { incomplete() } else { None }
    });
    let bmc = service.bmc(Plain).await;
    let (_, outcome) = bmc.mount(&image()).await.unwrap();
    assert_eq!((outcome, service.count("POST")), (Outcome::Done, 3));

    let service = Service::with(|request, _| {
        request.uri().path().ends_with("InsertMedia").then(|| refusal(403, "iLO.2.1.LicenseRequired"))
    });
    let bmc = service.bmc(Plain).await;
    let error = bmc.media().unwrap().insert(&SlotId(SLOT.to_owned()), &image()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NeedsLicence { .. }));
    assert_eq!(service.count("POST"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_insert_is_decided_by_reading_back() {
    let cut = AtomicBool::new(false);
    let service = Service::with(move |request, state| {
        if !request.uri().path().ends_with("InsertMedia") || cut.swap(true, Ordering::SeqCst) {
            return None;
        }
        let slot = state.documents.get_mut(SLOT).unwrap();
        slot["Image"] = image().url.into();
        slot["Inserted"] = true.into();
        Some(lost(request))
    });
    let bmc = service.bmc(Plain).await;
    let (_, outcome) = bmc.mount(&image()).await.unwrap();
    assert_eq!((outcome, service.count("POST")), (Outcome::Done, 1));
}

#[tokio::test(start_paused = true)]
async fn ejecting_an_empty_slot_changes_nothing_whatever_the_bmc_says() {
    let service = Service::with(|request, _| {
        request.uri().path().ends_with("EjectMedia").then(|| answer(500, Value::Null))
    });
    let bmc = service.bmc(Plain).await;
    let slot = SlotId(SLOT.to_owned());
    assert_eq!(bmc.media().unwrap().eject(&slot).await.unwrap(), Outcome::Unchanged);
    service.set(SLOT, "/Image", "https://192.0.2.1/other.iso".into());
    assert!(bmc.media().unwrap().eject(&slot).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_replaced_facet_can_call_the_standard_one() {
    struct Upside(Arc<dyn VirtualMedia>);
    impl VirtualMedia for Upside {
        fn slots(&self) -> Fut<'_, Vec<rackhand_bmc::MediaSlot>> {
            Box::pin(async move {
                let mut slots = self.0.slots().await?;
                slots.iter_mut().for_each(|slot| slot.name = "replaced".to_owned());
                Ok(slots)
            })
        }
        fn slot<'a>(&'a self, id: &'a SlotId) -> Fut<'a, rackhand_bmc::MediaSlot> {
            self.0.slot(id)
        }
        fn insert<'a>(&'a self, id: &'a SlotId, image: &'a MediaImage) -> Fut<'a, Outcome> {
            self.0.insert(id, image)
        }
        fn eject<'a>(&'a self, id: &'a SlotId) -> Fut<'a, Outcome> {
            self.0.eject(id)
        }
    }
    let service = Service::new();
    let standard = Standard::new(service.link().await, target(Arc::new(MemoryLedger::default())), Plain);
    let bmc = standard.with_media(|_, standard| Arc::new(Upside(standard))).connect().await.unwrap();
    assert_eq!(bmc.choose_slot().await.unwrap().name, "replaced");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_gone_says_nothing_about_success() {
    let service = Service::new();
    let bmc = service.bmc(Plain).await;
    let job = |uri: &str| rackhand_bmc::JobRef { uri: uri.to_owned(), id: "1".to_owned() };
    let jobs = bmc.jobs.clone().unwrap();
    assert_eq!(
        jobs.job(&job("/redfish/v1/TaskService/Tasks/1")).await.unwrap().state,
        rackhand_bmc::JobState::Gone
    );
    service.put("/t/1", json!({"TaskState": "Completed", "TaskStatus": "Critical", "PercentComplete": "100", "Messages": [{"MessageId": "X.1"}]}));
    let seen = jobs.job(&job("/t/1")).await.unwrap();
    assert_eq!(
        (seen.state, seen.percent, seen.message.as_deref()),
        (rackhand_bmc::JobState::Failed, Some(100), Some("X.1"))
    );
    service.put("/t/1", json!({"TaskState": "Weird", "PercentComplete": 900}));
    assert_eq!(jobs.job(&job("/t/1")).await.unwrap().percent, Some(100));
}

#[tokio::test(start_paused = true)]
async fn inventory_reads_what_it_can_and_says_what_it_could_not() {
    let service = Service::new();
    let mut system = service.state().documents[SYSTEM].clone();
    for part in ["Processors", "Memory", "Storage", "EthernetInterfaces"] {
        system[part] = json!({"@odata.id": format!("{SYSTEM}/{part}")});
    }
    service.put(SYSTEM, system);
    let members = |uris: &[&str]| json!({"Members": uris.iter().map(|uri| json!({"@odata.id": uri})).collect::<Vec<_>>()});
    service.put("/redfish/v1/Systems/1/Processors", members(&["/p/1", "/p/2", "/p/gone"]));
    service.put("/p/1", json!({"Id": "CPU1", "TotalCores": "32", "TotalThreads": "N/A"}));
    service.put("/p/2", json!({"Id": "GPU1", "ProcessorType": "GPU"}));
    service.put("/redfish/v1/Systems/1/EthernetInterfaces", members(&["/e/1"]));
    service.put("/e/1", json!({"Id": "NIC1", "MACAddress": "AA-BB-CC-00-11-22", "LinkStatus": "LinkUp"}));
    service.put("/redfish/v1/Systems/1/Storage", members(&["/s/1"]));
    service.put("/s/1", json!({"Drives": [{"@odata.id": "/d/1"}], "Volumes": {"@odata.id": "/s/1/Volumes"}}));
    service.put("/d/1", json!({"Id": "Disk1", "CapacityBytes": 1000, "MediaType": "SSD"}));
    service.put("/s/1/Volumes", members(&["/v/1"]));
    service.put("/v/1", json!({"Id": "V1", "RAIDType": "RAID1"}));
    let bmc = service.bmc(Plain).await;
    let found = bmc.inventory.as_ref().unwrap().inventory().await.unwrap();
    assert_eq!(found.processors.len(), 1);
    assert_eq!((found.processors[0].cores, found.processors[0].threads), (Some(32), None));
    assert_eq!(found.ports[0].mac.as_deref(), Some("aa:bb:cc:00:11:22"));
    assert_eq!((found.drives[0].bytes, found.volumes[0].raid.as_deref()), (Some(1000), Some("RAID1")));
    let skipped: Vec<&str> = found.skipped.iter().map(|skipped| skipped.what.as_str()).collect();
    assert_eq!(skipped, ["/p/gone", "/redfish/v1/Systems/1/Memory"]);
    assert_eq!(bmc.inventory.as_ref().unwrap().ports().await.unwrap(), found.ports);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_redfish_service_is_named() {
    let open = async |status: u16, kind: &'static str, body: &'static [u8]| {
        let service = Service::with(move |_, _| {
            Some(Ok(http::Response::builder()
                .status(status)
                .header("Content-Type", kind)
                .body(Bytes::from_static(body))
                .unwrap()))
        });
        let clock = SimClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        crate::open(service.transport(), "bmc.test", &Pacing::default(), &clock)
            .await
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        open(200, "text/html", b"<!doctype html>").await,
        "BMC bmc.test: no Redfish service answers here: the answer is HTML or XML, not JSON (text/html) (GET /redfish/v1/)"
    );
    assert!(open(200, "application/json", b"{\"Redf").await.contains("ends early, after 6 bytes"));
    assert!(open(200, "application/json", b"{}").await.contains("no Redfish service root"));
    assert!(open(404, "text/plain", b"").await.contains("is this the BMC's address"));
    assert!(open(503, "text/plain", b"").await.contains("503"));
}

/// Connects to recorded trees through an in-process transport, where the recordings are at hand.
#[tokio::test(start_paused = true)]
async fn recorded_machines_are_identified() {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recordings");
    if !recordings.is_dir() {
        println!("skipped: no recordings at {}", recordings.display());
        return;
    }
    let mut machines: Vec<_> =
        std::fs::read_dir(&recordings).unwrap().map(|entry| entry.unwrap().path()).collect();
    machines.retain(|path| path.join("redfish/v1/index.json").is_file());
    machines.sort();
    let mut connected = 0;
    for machine in machines {
        let name = machine.file_name().unwrap().to_string_lossy().into_owned();
        let seen = match identify(&machine).await {
            Ok(bmc) => {
                connected += 1;
                let slots = match &bmc.media {
                    Some(media) => {
                        media.slots().await.map(|slots| slots.len()).map_err(|error| error.to_string())
                    }
                    None => Ok(0),
                };
                let ports = bmc
                    .inventory
                    .as_ref()
                    .unwrap()
                    .ports()
                    .await
                    .map(|ports| ports.len())
                    .map_err(|error| error.to_string());
                let identity = &bmc.identity;
                assert!(identity.system.starts_with("/redfish/v1/Systems/"), "{name}");
                format!("{:?} {:?} slots {slots:?} ports {ports:?}", identity.model, identity.bmc_version)
            }
            Err(error) => error.to_string(),
        };
        println!("{name}: {seen}");
    }
    assert!(connected >= 10, "{connected} recorded machines could be connected to");
}

/// Plans against recorded registries: what belongs together is planned together, alone it says why not.
#[tokio::test(start_paused = true)]
async fn recorded_registries_plan_what_depends_on_each_other() {
    let machine = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/recordings/dell-poweredge-r750-idrac9-6.00");
    if !machine.is_dir() {
        println!("skipped: no recording at {}", machine.display());
        return;
    }
    let bmc = identify(&machine).await.unwrap();
    let bios = bmc.bios().unwrap();
    let registry = bios.registry().await.unwrap().unwrap();
    assert_eq!(registry.attributes.len(), 682);
    let wanted = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
    };
    let plan = bios
        .plan(&wanted(&[
            ("SysProfile", "Custom"),
            ("ProcCStates", "Autonomous"),
            ("AcPwrRcvryUserDelay", "120"),
        ]))
        .await
        .unwrap();
    println!("{plan:?}");
    assert!(!plan.problems.iter().any(|problem| problem.attribute == "ProcCStates"), "{:?}", plan.problems);
    let plan = bios
        .plan(&wanted(&[
            ("SysProfile", "PerfOptimized"),
            ("ProcCStates", "Autonomous"),
            ("SysProfil", "Custom"),
        ]))
        .await
        .unwrap();
    let problems: Vec<String> =
        plan.problems.iter().map(|problem| format!("{}: {}", problem.attribute, problem.problem)).collect();
    assert_eq!(problems, ["SysProfil: this firmware has no such attribute; did you mean \"SysProfile\"?"]);
    let plan =
        bios.plan(&wanted(&[("SysProfile", "PerfOptimized"), ("ProcCStates", "Autonomous")])).await.unwrap();
    assert_eq!(plan.problems.len(), 1, "{:?}", plan.problems);
    assert_eq!(plan.problems[0].problem, "it is read-only while SysProfile is not Custom");
}

async fn identify(machine: &Path) -> rackhand_bmc::Result<Bmc> {
    let tree = machine.to_owned();
    let transport = ServiceTransport::new(
        "https://recorded.test".parse().unwrap(),
        move |request: http::Request<Bytes>| {
            let path = request.uri().path().trim_matches('/').to_owned();
            let file = tree.join(path).join("index.json");
            async move {
                match (request.method(), std::fs::read(file)) {
                    (&http::Method::GET, Ok(body)) => {
                        Ok(http::Response::builder().body(Bytes::from(body)).unwrap())
                    }
                    _ => refusal(404, "Base.1.8.ResourceMissingAtURI"),
                }
            }
        },
    );
    let clock = SimClock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let link = crate::open(Arc::new(transport), "recorded.test", &Pacing::default(), &clock).await?;
    Standard::new(link, target(Arc::new(MemoryLedger::default())), Plain).connect().await
}
