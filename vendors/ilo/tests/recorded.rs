//! The driver over recorded machines, when they are beside the project.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use rackhand_bmc::{Claim, Driver, ErrorKind, SlotId};
use rackhand_ilo::Ilo;
use rackhand_testing::{recording, target};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn recorded_machines_are_read() {
    let machines = [
        ("hpe-proliant-dl325gen10plus-ilo5-2.46", "iLO 5", "iLO 5 v2.46", 236),
        ("hpe-proliant-dl385gen10plusv2-ilo5-2.72", "iLO 5", "iLO 5 v2.72", 277),
        ("hpe-proliant-dl360gen10-ilo5-2.96", "iLO 5", "iLO 5 v2.96", 213),
        ("hpe-proliant-dl380agen11-ilo6-1.66", "iLO 6", "iLO 6 v1.66", 300),
        ("hpe-proliant-dl360gen12-ilo7-1.14", "iLO 7", "1.14.00 May 28 2025", 256),
    ];
    for (name, generation, firmware, attributes) in machines {
        let Some(service) = recording(name) else {
            println!("skipped: no recording {name} beside the project");
            continue;
        };
        let link = service.link().await;
        assert!(Ilo.probe(&link) >= Claim::Likely, "{name}");
        let bmc = Ilo.connect(link, target()).await.unwrap();
        assert_eq!(bmc.identity.generation, generation, "{name}");
        assert_eq!(bmc.identity.bmc_version.as_deref(), Some(firmware));
        assert!(bmc.identity.serial.is_some() && bmc.identity.model.is_some(), "{name}");
        let bios = bmc.bios().unwrap();
        let state = bios.state().await.unwrap();
        assert_eq!(state.current.len(), attributes, "{name}");
        assert_ne!(state.mark.0, "", "{name}: settings never taken up are a state too");
        match bmc.choose_slot().await {
            Ok(slot) => assert_eq!(slot.id, SlotId("/redfish/v1/Managers/1/VirtualMedia/2".to_owned())),
            // The partial crawl of the 2.96 lacks its virtual media.
            Err(error) => assert_eq!(*error.kind(), ErrorKind::NotFound, "{name}: {error}"),
        }
        bmc.close().await.unwrap();
        assert!(service.writes().is_empty(), "reading changes nothing");
    }
}

/// A real registry: the profile of a low-latency node on Gen11, from the firmware's default.
#[tokio::test(start_paused = true)]
async fn a_real_registry_orders_the_workload_profile() {
    let Some(service) = recording("hpe-proliant-dl380agen11-ilo6-1.66") else {
        println!("skipped: no recording of a Gen11 beside the project");
        return;
    };
    let bios = "/redfish/v1/systems/1/bios";
    service.change(|documents| {
        documents.merge(bios, &json!({"Attributes": {"WorkloadProfile": "LowLatency", "Sriov": "Disabled"}}))
    });
    let bmc = Ilo.connect(service.link().await, target()).await.unwrap();
    let wanted = [("WorkloadProfile", "Custom"), ("Sriov", "Enabled")]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .into();
    let plan = bmc.bios().unwrap().plan(&wanted).await.unwrap();
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let stages: Vec<Vec<&str>> =
        plan.stages.iter().map(|stage| stage.attributes.keys().map(String::as_str).collect()).collect();
    assert_eq!(stages, [["WorkloadProfile"], ["Sriov"]]);
}

/// A real registry: what a C-state setting of Gen12 sets and locks is left out of what is written.
#[tokio::test(start_paused = true)]
async fn what_comes_along_by_itself_is_not_written() {
    let Some(service) = recording("hpe-proliant-dl360gen12-ilo7-1.14") else {
        println!("skipped: no recording of a Gen12 beside the project");
        return;
    };
    let bmc = Ilo.connect(service.link().await, target()).await.unwrap();
    let wanted = [
        ("WorkloadProfile", "Custom"),
        ("MinProcIdlePower", "NoCStates"),
        ("MinProcIdlePkgState", "NoState"),
        ("EnhancedCStates", "Disabled"),
    ]
    .map(|(name, value)| (name.to_owned(), value.into()))
    .into();
    let plan = bmc.bios().unwrap().plan(&wanted).await.unwrap();
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let stages: Vec<Vec<&str>> =
        plan.stages.iter().map(|stage| stage.attributes.keys().map(String::as_str).collect()).collect();
    assert_eq!(stages, [["WorkloadProfile"], ["MinProcIdlePower"]]);
}
