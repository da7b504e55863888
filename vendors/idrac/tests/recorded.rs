//! The driver over recorded machines, when they are beside the project.

use rackhand_bmc::{Claim, DriveState, Driver, Operation, SlotId};
use rackhand_idrac::{Idrac, scp::Profile};
use rackhand_testing::{recording, recordings, target};

#[tokio::test(start_paused = true)]
async fn recorded_machines_are_read() {
    let machines = [
        ("dell-poweredge-r750-idrac9-6.00", "6.00.30.00", "F54P1G3", 453, ("1.8.2", 3)),
        ("dell-poweredge-r750-multidpu-idrac9-7.10", "7.10.30.00", "CLLV0R3", 452, ("1.13.2", 2)),
    ];
    for (name, firmware, serial, attributes, (bios_version, drives)) in machines {
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
        let storage = bmc.storage().unwrap().view().await.unwrap();
        assert_eq!(storage.controllers.len(), 3);
        assert_eq!((storage.partial, storage.skipped), (None, Vec::new()));
        let direct = storage.controllers.iter().find(|one| one.name == "CPU.1").unwrap();
        assert!(!direct.can_create && direct.volumes.is_empty(), "raw devices are no volumes");
        assert_eq!(direct.drives.len(), drives);
        for drive in &direct.drives {
            assert_eq!(drive.state, DriveState::NonRaid, "{}", drive.name);
            assert!(
                drive.name.starts_with("Disk.Bay.") && drive.serial.is_some() && drive.bytes > Some(1 << 40)
            );
        }
        let inventory = bmc.firmware().unwrap().inventory().await.unwrap();
        let version = |name: &str| inventory.find(name).and_then(|one| one.version.as_deref());
        assert_eq!((version("bios"), version("bmc")), (Some(bios_version), Some(firmware)));
        let backups = inventory.components.iter().filter(|one| !one.id.0.contains("/Installed-")).count();
        assert_eq!(backups, 0, "each Current- stands beside its Installed-");
        assert!(inventory.components.len() > 15, "{}", inventory.components.len());
        assert!(bmc.jobs().unwrap().unfinished().await.unwrap().is_empty());
        assert_eq!(bmc.capabilities.refusal(Operation::ConfigurationExport), None);
        bmc.close().await.unwrap();
        assert!(service.writes().is_empty(), "reading changes nothing");
    }
}

#[test]
fn recorded_profiles_survive_both_forms() {
    let Some(folder) = recordings() else {
        println!("skipped: no recordings beside the project");
        return;
    };
    for (file, fqdd, attribute) in [
        ("dell-sushy-oem-idrac/export_configuration_idrac.json", "iDRAC.Embedded.1", "Info.1#Type"),
        ("dell-sushy-oem-idrac/export_configuration_nic_bios.json", "NIC.Embedded.1-1-1", "EEEControl"),
        (
            "dell-poweredge-r640-idrac9-7.00.00.172/system_configuration_profile_idrac.json",
            "iDRAC.Embedded.1",
            "IPMILan.1#Enable",
        ),
    ] {
        let path = folder.join("fragments").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let profile = Profile::parse(&text).unwrap();
        assert!(profile.component(fqdd).unwrap().value(attribute).is_some(), "{file}: {attribute}");
        assert_eq!(Profile::parse(&profile.to_json()).unwrap(), profile, "{file}");
        let through_xml = Profile::parse(&profile.to_xml()).unwrap();
        for component in &profile.components {
            let same = through_xml.component(&component.fqdd).unwrap();
            let written = |one: &rackhand_idrac::scp::Component| {
                one.attributes.iter().filter(|one| one.set_on_import).cloned().collect::<Vec<_>>()
            };
            assert!(written(same) == written(component), "{file}: {}", component.fqdd);
        }
    }
}
