//! The driver over recorded machines, when they are beside the project.

use rackhand_bmc::{Claim, Driver, SlotId};
use rackhand_idrac::Idrac;
use rackhand_testing::{recording, target};

#[tokio::test(start_paused = true)]
async fn recorded_machines_are_read() {
    let machines = [
        ("dell-poweredge-r750-idrac9-6.00", "6.00.30.00", "F54P1G3", 453),
        ("dell-poweredge-r750-multidpu-idrac9-7.10", "7.10.30.00", "CLLV0R3", 452),
    ];
    for (name, firmware, serial, attributes) in machines {
        let Some(service) = recording(name) else {
            println!("skipped: no recording {name} beside the project");
            continue;
        };
        let link = service.link().await;
        assert_eq!(Idrac.probe(&link), Claim::Certain);
        let bmc = Idrac.connect(link, target()).await.unwrap();
        assert_eq!(bmc.identity.generation, "iDRAC9");
        assert_eq!(bmc.identity.model.as_deref(), Some("PowerEdge R750"));
        assert_eq!(bmc.identity.bmc_version.as_deref(), Some(firmware));
        assert_eq!(bmc.identity.serial.as_deref(), Some(serial));
        let slot = bmc.choose_slot().await.unwrap();
        assert_eq!(slot.id, SlotId("/redfish/v1/Systems/System.Embedded.1/VirtualMedia/1".to_owned()));
        let bios = bmc.bios().unwrap();
        assert_eq!(bios.state().await.unwrap().current.len(), attributes);
        let registry = bios.registry().await.unwrap().unwrap();
        assert!(registry.attributes.len() > 680, "{}", registry.attributes.len());
        bmc.close().await.unwrap();
        assert!(service.writes().is_empty(), "reading changes nothing");
    }
}
