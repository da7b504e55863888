//! What is said of every operation.

use rackhand_bmc::{Bmc, Learned, Operation, Support};
use rackhand_testing::{Service, target};
use serde_json::{Value, json};

use crate::{
    deviations::{MANAGER, SYSTEM, cimc, rack},
    nuova::Nuova,
};

async fn connect(service: &Service) -> Bmc {
    Nuova::beside(service, &[]).connect(target()).await
}

/// A CIMC whose Redfish has next to nothing.
fn bare() -> Service {
    let service = rack();
    service.change(|documents| {
        documents.merge(SYSTEM, &json!({"Bios": Value::Null, "Boot": Value::Null}));
        documents.merge(MANAGER, &json!({"VirtualMedia": Value::Null}));
    });
    service
}

fn blade() -> Service {
    cimc("UCSX-210C-M6", "5.0(1b)", &[("3", "CIMC-Mapped vDVD", &["DVD"])])
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_unsaid_and_what_cannot_be_done_cites_its_source() {
    for (name, service) in [("rack", rack()), ("bare", bare()), ("blade", blade())] {
        let bmc = connect(&service).await;
        for operation in Operation::ALL {
            let known = bmc.capabilities.get(operation).unwrap_or_else(|| panic!("{name}: {operation:?}"));
            let source = match &known.learned {
                Learned::Documented(source) => source.as_str(),
                _ => "",
            };
            match &known.support {
                Support::Unsupported(why) => assert!(!why.is_empty(), "{name}: {operation:?}"),
                // Nobody knows: it needs leave, and says why.
                Support::Unknown if !source.is_empty() => {
                    assert!(source.contains("(?)"), "{name}: {operation:?}: {source}")
                }
                _ => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_facet_that_is_there_is_said_to_be_and_the_other_way_round() {
    for service in [rack(), bare(), blade()] {
        let bmc = connect(&service).await;
        for (operation, there) in [
            (Operation::BiosRead, bmc.bios.is_some()),
            (Operation::StorageRead, bmc.storage.is_some()),
            (Operation::FirmwareRead, bmc.firmware.is_some()),
            (Operation::LogsRead, bmc.logs.is_some()),
            (Operation::SensorsRead, bmc.sensors.is_some()),
            (Operation::ConfigurationExport, bmc.configuration.is_some()),
        ] {
            let refused = bmc.require(operation).is_err();
            assert_eq!(
                refused,
                !there,
                "{}: {operation:?}",
                bmc.identity.model.as_deref().unwrap_or_default()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_way_is_part_of_what_is_said() {
    let way = async |service: Service, operation: Operation| {
        let bmc = connect(&service).await;
        format!("{:?}", bmc.capabilities.get(operation).unwrap())
    };
    for operation in
        [Operation::MediaInsertHttp, Operation::BootCdOnce, Operation::BootModeSet, Operation::BiosRead]
    {
        let said = way(bare(), operation).await;
        assert!(said.contains("by the XML API"), "{operation:?}: {said}");
    }
    assert!(way(rack(), Operation::BiosStage).await.contains("by Redfish"));
    // A blade has no XML API of its own.
    for operation in [Operation::BootModeSet, Operation::BootOrderSet, Operation::DriveConvert] {
        let said = way(blade(), operation).await;
        assert!(said.contains("Unsupported"), "{operation:?}: {said}");
    }
}
