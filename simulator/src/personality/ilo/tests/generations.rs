//! What distinguishes the generations: each difference on and off.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::{BIOS, MANAGER, SETTINGS, SYSTEM, apply, booted, registry};
use crate::personality::bench::{Answer, Bench, ISO, PASSWORD, authorization};
use crate::personality::ilo::Generation::{self, Five, Four, Seven, Six};
use crate::personality::ilo::{Ilo, quirks};

fn of(generation: Generation, without: &[&str]) -> Bench {
    Bench::new(Ilo(generation), without)
}

/// GET as a client that asks for Redfish alone.
async fn redfish(bench: &Bench, path: &str) -> Answer {
    let request = Request::get(path)
        .header("authorization", authorization())
        .header("odata-version", "4.0")
        .body(Bytes::new());
    bench.send(request.unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn every_link_of_every_generation_leads_somewhere() {
    for generation in Generation::ALL {
        // Nor does one that has no quirk at all break.
        let all: Vec<_> = quirks::of(generation).iter().map(|quirk| quirk.name).collect();
        for without in [&[][..], &all] {
            let bench = of(generation, without);
            booted(&bench).await;
            assert!(bench.crawl().await > 35, "{generation:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_generation_says_which_it_is() {
    for (generation, kind, oem) in
        [(Four, "iLO 4", "Hp"), (Five, "iLO 5", "Hpe"), (Six, "iLO 6", "Hpe"), (Seven, "iLO 7", "Hpe")]
    {
        let bench = of(generation, &[]);
        let root = bench.get("/redfish/v1/").await;
        assert_eq!(root["Oem"][oem]["Manager"][0]["ManagerType"], kind);
        let vendor = if generation == Four { Value::Null } else { "HPE".into() };
        assert_eq!(root["Vendor"], vendor, "{generation:?}");
        let manager = bench.get("/redfish/v1/managers/1/").await;
        assert_eq!(manager["Model"], kind);
        let said = manager["FirmwareVersion"].as_str().unwrap();
        assert_eq!(said.starts_with(&format!("{kind} v")), generation != Seven, "{said}");
        assert_eq!(manager["Oem"][oem]["License"]["LicenseString"], "iLO Advanced");
    }
    let named = of(Seven, &["firmware-version-plain"]).get(MANAGER).await;
    assert_eq!(named["FirmwareVersion"], "iLO 7 v1.14.00");
}

#[tokio::test(start_paused = true)]
async fn an_ilo7_keeps_connections_and_says_nothing_of_basic() {
    let nobody = || Request::get(SYSTEM).body(Bytes::new()).unwrap();
    let seven = of(Seven, &[]);
    let answer = seven.send(nobody()).await;
    assert_eq!((answer.status, answer.headers.get("www-authenticate")), (401, None));
    assert!(!answer.headers.contains_key("connection"));
    assert_eq!(seven.get("/redfish/v1/AccountService").await["HTTPBasicAuth"], "Unadvertised");
    let policy = &seven.get("/redfish/v1/TaskService").await["CompletedTaskOverWritePolicy"];
    assert_eq!(*policy, "Manual");
    let security = seven.get(&format!("{MANAGER}/SecurityService")).await;
    assert_eq!(security["SecurityState"], "SecureStandard");

    let open = of(Seven, &["basic-unadvertised"]);
    assert_eq!(open.send(nobody()).await.headers["www-authenticate"], "Basic realm=\"iLO\"");
    assert!(of(Five, &[]).send(nobody()).await.headers.contains_key("www-authenticate"));
}

#[tokio::test(start_paused = true)]
async fn an_ilo7_tells_of_post_by_its_state_alone() {
    for (without, state) in [(&[][..], "None"), (&["boot-progress-none"][..], "OSBootStarted")] {
        let bench = of(Seven, without);
        booted(&bench).await;
        let system = bench.get(SYSTEM).await;
        assert_eq!(system["BootProgress"]["LastState"], state);
        assert_eq!(system["Oem"]["Hpe"]["PostState"], "FinishedPost");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_from_the_bios_of_gen12_is_judged_unknown_after_success() {
    let bench = of(Seven, &[]);
    let known = bench.get(BIOS).await["Attributes"].clone();
    for gone in ["IntelProcVtd", "BootMode", "UncoreFreqScaling"] {
        assert_eq!(known[gone], Value::Null, "{gone}");
    }
    assert_eq!(known["MinProcIdlePower"], "C6AsAcpiC2");
    let bios = apply(&bench, json!({"IntelProcVtd": "Enabled", "ServerName": "node1"})).await;
    let messages = &bios["@Redfish.Settings"]["Messages"];
    assert_eq!(messages[0]["MessageId"], "Base.1.0.Success");
    assert_eq!(messages[1]["MessageId"], "Base.1.0.PropertyUnknown");
    assert_eq!(messages[1]["MessageArgs"], json!(["IntelProcVtd"]));
    assert_eq!(bios["Attributes"]["ServerName"], "node1");
}

#[tokio::test(start_paused = true)]
async fn low_latency_turns_virtualization_off_and_custom_unlocks_it() {
    for (generation, others) in [
        (Five, json!({"IntelProcVtd": "Disabled", "UncoreFreqScaling": "Maximum"})),
        (Six, json!({"IntelProcVtd": "Disabled", "ProcX2Apic": "Auto"})),
        (Seven, json!({"EfficiencyLatencyControl": "LatencyOptimizedMode", "PcieGlobalAspm": "PerPort"})),
    ] {
        let bench = of(generation, &[]);
        let set = apply(&bench, json!({"WorkloadProfile": "LowLatency"})).await["Attributes"].clone();
        for (name, value) in others.as_object().unwrap() {
            assert_eq!(set[name], *value, "{generation:?} {name}");
        }
        for name in ["Sriov", "ProcVirtualization", "ProcTurbo"] {
            assert_eq!(set[name], "Disabled", "{generation:?} {name}");
        }
        let locked = apply(&bench, json!({"Sriov": "Enabled"})).await;
        assert_eq!(locked["Attributes"]["Sriov"], "Disabled");
        let messages = &locked["@Redfish.Settings"]["Messages"];
        assert_eq!(messages[1]["MessageId"], "Base.1.0.PropertyNotWritable");
        let custom =
            json!({"WorkloadProfile": "Custom", "Sriov": "Enabled", "ProcVirtualization": "Enabled"});
        let custom = apply(&bench, custom).await;
        assert_eq!(custom["Attributes"]["Sriov"], "Enabled");
        assert_eq!(custom["Attributes"]["MinProcIdlePower"], "NoCStates");
        assert_eq!(custom["@Redfish.Settings"]["Messages"].as_array().unwrap().len(), 1);
    }
    let free = of(Five, &["workload-profile-locks"]);
    let bios = apply(&free, json!({"WorkloadProfile": "LowLatency"})).await;
    assert_eq!(bios["Attributes"]["Sriov"], "Enabled");
}

#[tokio::test(start_paused = true)]
async fn settings_that_stick_go_by_clear_rest_api_state_only() {
    use crate::faults::{Rule, What};

    for (without, stays) in [(&[][..], true), (&["settings-stick-until-cleared"][..], false)] {
        let bench = of(Six, without);
        bench.simulator.faults().add(Rule::new("stuck", What::JobsStick));
        bench.patch(SETTINGS, json!({"Attributes": {"ServerName": "node1"}})).await;
        bench.simulator.faults().remove("stuck");
        booted(&bench).await;
        let taken = bench.get(BIOS).await["Attributes"]["ServerName"] == "node1";
        assert_eq!(taken, !stays);
        let section = bench.get(MANAGER).await["Oem"]["Hpe"].clone();
        assert_eq!(section["ClearRestApiStatus"], "DataPresent");
        let clear = section["Actions"]["#HpeiLO.ClearRestApiState"]["target"].as_str().unwrap();
        assert_eq!(bench.post(clear, json!({})).await.ids(), ["SystemResetRequired"]);
        assert_eq!(bench.get(MANAGER).await["Oem"]["Hpe"]["ClearRestApiStatus"], "DataCleared");
        let bios = apply(&bench, json!({"ServerName": "node2"})).await;
        assert_eq!(bios["Attributes"]["ServerName"], "node2");
    }
}

#[tokio::test(start_paused = true)]
async fn an_ilo4_answers_in_both_forms_unless_asked_for_redfish_alone() {
    let bench = of(Four, &[]);
    let system = bench.get(SYSTEM).await;
    assert_eq!(system["links"]["self"]["href"], SYSTEM);
    let systems = bench.get("/redfish/v1/Systems").await;
    assert_eq!(systems["links"]["Member"][0]["href"], SYSTEM);
    let missing = bench.call(Method::GET, "/redfish/v1/Nowhere", None).await;
    assert_eq!(missing.body["Messages"][0]["MessageID"], "Base.0.10.ResourceMissingAtURI");

    assert_eq!(redfish(&bench, SYSTEM).await.body["links"], Value::Null);
    let missing = redfish(&bench, "/redfish/v1/Nowhere").await;
    assert_eq!((missing.ids(), &missing.body["Messages"]), (vec!["ResourceMissingAtURI"], &Value::Null));
    let plain = of(Four, &["legacy-without-odata-version"]);
    assert_eq!(plain.get(SYSTEM).await["links"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn an_ilo4_has_bios_attributes_at_the_top_level() {
    let bench = of(Four, &[]);
    let system = bench.get(SYSTEM).await;
    assert_eq!(system["Bios"], Value::Null);
    let bios = system["Oem"]["Hp"]["Links"]["BIOS"]["@odata.id"].as_str().unwrap();
    let current = bench.get(bios).await;
    assert_eq!((&current["ProcHyperthreading"], &current["Attributes"]), (&json!("Enabled"), &Value::Null));
    let settings = current["links"]["Settings"]["href"].as_str().unwrap();
    let answer = bench.patch(settings, json!({"ProcHyperthreading": "Disabled", "Dhcpv8": "Enabled"})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(bench.get(settings).await["ProcHyperthreading"], "Disabled");
    booted(&bench).await;
    let after = bench.get(bios).await;
    assert_eq!(after["ProcHyperthreading"], "Disabled");
    let messages = &after["SettingsResult"]["Messages"];
    assert_eq!(messages[0], json!({"MessageArgs": ["Dhcpv8"], "MessageID": "Base.1.0:PropertyUnknown"}));
    assert_eq!(messages[1]["MessageID"], "Base.1.0:Success");
    assert_eq!(bench.patch(settings, json!({"BaseConfig": "default"})).await.status, 200);
    assert_eq!(bench.get(settings).await["ProcHyperthreading"], "Enabled");

    let standard = of(Four, &["bios-at-top-level"]);
    assert_eq!(standard.get(SYSTEM).await["Bios"]["@odata.id"], "/redfish/v1/systems/1/bios");
    let bios = apply(&standard, json!({"ProcHyperthreading": "Disabled"})).await;
    assert_eq!(bios["Attributes"]["ProcHyperthreading"], "Disabled");
}

#[tokio::test(start_paused = true)]
async fn an_ilo4_has_its_registry_by_extref() {
    let file = format!("/redfish/v1/Registries/{}", Four.facts().registry);
    let bench = of(Four, &[]);
    let uri = bench.get(&file).await["Location"][0]["Uri"]["extref"].as_str().unwrap().to_owned();
    let request = Request::get(&uri).header("authorization", authorization()).body(Bytes::new()).unwrap();
    assert_eq!(bench.send(request).await.status, 200);
    assert_eq!(registry(&of(Four, &["registry-extref"]), None).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_ilo4_has_no_services_that_came_later() {
    let bench = of(Four, &[]);
    let root = bench.get("/redfish/v1").await;
    for later in ["UpdateService", "Tasks"] {
        assert_eq!(root[later], Value::Null);
    }
    assert_eq!(bench.get(SYSTEM).await["Storage"], Value::Null);
    let reset = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    assert_eq!(bench.post(&reset, json!({"ResetType": "GracefulShutdown"})).await.status, 400);
    let arrays = bench.get(&format!("{SYSTEM}/SmartStorage/ArrayControllers/0/LogicalDrives")).await;
    assert_eq!(arrays["Members@odata.count"], 1);
    let path = format!("{SYSTEM}/smartstorageconfig");
    assert_eq!(bench.call(Method::GET, &path, None).await.status, 404);
    let secure = bench.get(&format!("{SYSTEM}/SecureBoot")).await;
    assert_eq!(secure["SecureBootCurrentState"], false);
    let login = bench.log_in(PASSWORD).await;
    assert_eq!(login.status, 201);
}

#[tokio::test(start_paused = true)]
async fn an_ilo4_updates_its_firmware_by_uri() {
    let bench = of(Four, &[]);
    let inventory = bench.get(&format!("{SYSTEM}/FirmwareInventory")).await;
    assert_eq!(inventory["Current"]["SystemBMC"][0]["VersionString"], "iLO 4 v2.78");
    let service = format!("{MANAGER}/UpdateService");
    assert_eq!(bench.get(&service).await["State"], "IDLE");
    bench.net.put("http://images.example/rom.bin", crate::package::Package::new("BIOS", "P89 v3.00").build());
    let install = format!("{service}/Actions/Oem/Hp/HpiLOFirmwareUpdate.InstallFromURI");
    let nfs = bench.post(&install, json!({"FirmwareURI": "nfs://images.example/rom.bin"})).await;
    assert_eq!(nfs.status, 400);
    let taken = bench.post(&install, json!({"FirmwareURI": "http://images.example/rom.bin"})).await;
    assert_eq!(taken.status, 200);
    bench.wait(10).await;
    assert_eq!(bench.get(&service).await["State"], "COMPLETED");
    booted(&bench).await;
    assert_eq!(bench.get(SYSTEM).await["BiosVersion"], "P89 v3.00");
}

#[tokio::test(start_paused = true)]
async fn old_and_new_are_installed_from_their_virtual_cds() {
    let slot = format!("{MANAGER}/VirtualMedia/2");
    for (generation, oem) in [(Four, "Hp"), (Seven, "Hpe")] {
        let bench = of(generation, &[]);
        let section = bench.get(&slot).await["Oem"][oem].clone();
        let insert =
            section["Actions"][format!("#{oem}iLOVirtualMedia.InsertVirtualMedia")]["target"].clone();
        assert_eq!(bench.post(insert.as_str().unwrap(), json!({"Image": ISO})).await.status, 200);
        bench.wait(6).await;
        assert_eq!(bench.get(&slot).await["Inserted"], true);
        let boot = json!({"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once"}});
        assert_eq!(bench.patch(SYSTEM, boot).await.status, 200);
        bench.reset("On").await;
        bench.state("callback", "Rebooting").await;
        let eject = section["Actions"][format!("#{oem}iLOVirtualMedia.EjectVirtualMedia")]["target"].clone();
        assert_eq!(bench.post(eject.as_str().unwrap(), json!({})).await.status, 200);
        bench.state("callback", "Done").await;
        assert_eq!(bench.boots(), ["Cd", "Hdd"]);
        assert_eq!(bench.get(SYSTEM).await["Oem"][oem]["PostState"], "FinishedPost");
        bench.wait(4).await;
        bench.reset("ForceOff").await;
        bench.state("power", "Off").await;
        assert_eq!(bench.get(SYSTEM).await["PowerState"], "Off");
    }
}

/// Seen on some firmware (OpenStack sushy): no quirk of this one, but a fault shows what a client does about it.
#[tokio::test(start_paused = true)]
async fn an_ilo4_that_makes_no_sessions_takes_basic() {
    use crate::faults::{Rule, What};

    let bench = of(Four, &[]);
    let refused = What::Status { code: 400, body: String::new(), content_type: None, retry_after: None };
    let rule = Rule::new("no-sessions", refused).request("POST", "/redfish/v1/SessionService/Sessions");
    bench.simulator.faults().add(rule);
    assert_eq!(bench.log_in(PASSWORD).await.status, 400);
    assert_eq!(bench.get(SYSTEM).await["PowerState"], "Off");
}
