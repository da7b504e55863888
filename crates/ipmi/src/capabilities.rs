//! What can be done over IPMI: the same on every BMC, but for what it says of itself.

use rackhand_bmc::{Capabilities, Learned, Operation, Support};

use crate::{device::DeviceId, options::Privilege};

/// Everything there is a word for. Each operation of [`Operation::ALL`] gets an entry, so that nothing stays
/// unknown.
pub(crate) fn of(device: &DeviceId, privilege: Privilege) -> Capabilities {
    let mut known = Capabilities::default();
    for operation in Operation::ALL {
        let (support, learned) = one(operation, device, privilege);
        known.set(operation, support, learned);
    }
    known
}

fn one(operation: Operation, device: &DeviceId, privilege: Privilege) -> (Support, Learned) {
    use Operation as O;
    let has = device.support;
    match operation {
        O::PowerRead | O::PowerOn | O::PowerOffForce | O::PowerRestart => advertised(has.chassis, "chassis"),
        O::PowerOffGraceful => documented(
            Support::Supported,
            "IPMI 2.0, Chassis Control: soft shutdown by an emulated ACPI event, which a BMC may leave out",
        ),
        O::PowerNmi => documented(
            Support::Unknown,
            "IPMI 2.0, Chassis Control: the diagnostic interrupt is optional, and nothing says whether a BMC has it",
        ),
        O::BootCdOnce | O::BootSetupOnce | O::BootContinuous | O::BootPxeOnce => {
            documented(Support::Supported, "IPMI 2.0, System Boot Options: boot flags")
        }
        O::LogsRead | O::LogsClear => advertised(has.event_log, "system event log"),
        O::SensorsRead => advertised(has.sensor_records, "sensor data repository"),
        O::ManagerReset if privilege == Privilege::Operator => documented(
            Support::Unsupported(
                "the session is an operator's, and restarting the BMC takes an administrator".to_owned(),
            ),
            "IPMI 2.0, command privileges",
        ),
        O::ManagerReset => documented(Support::Supported, "IPMI 2.0, Cold Reset"),
        O::BootModeSet => {
            lacks("no boot mode: the UEFI flag is the boot override's, and holds as long as it does")
        }
        O::SecureBootRead | O::SecureBootSet => lacks("no secure boot"),
        O::BootOrderSet => lacks("no boot order"),
        O::BootUefiHttpOnce => lacks("no boot device that fetches by HTTP"),
        O::MediaInsertHttp | O::MediaInsertHttps | O::MediaEject | O::MediaInsertNfs | O::MediaInsertCifs => {
            lacks("no virtual media")
        }
        O::BiosRead | O::BiosPendingRead | O::BiosStage | O::BiosDiscard | O::BiosReset => {
            lacks("no BIOS settings")
        }
        O::InventoryRead => lacks("no processors, memory, drives or network ports"),
        O::StorageRead
        | O::StorageWrite
        | O::VolumeDelete
        | O::VolumeInitialize
        | O::DriveConvert
        | O::DriveSpare
        | O::DriveErase => lacks("no storage"),
        O::FirmwareRead | O::FirmwareUpdate | O::FirmwarePush => lacks("no firmware updates"),
        O::JobsRead | O::JobsClear => lacks("no jobs"),
        O::ConfigurationExport | O::ConfigurationImport => lacks("no configuration export"),
        _ => lacks("no such operation"),
    }
}

fn documented(support: Support, source: &str) -> (Support, Learned) {
    (support, Learned::Documented(source.to_owned()))
}

fn lacks(what: &str) -> (Support, Learned) {
    documented(Support::Unsupported(format!("IPMI has {what}")), "IPMI 2.0")
}

/// What the BMC says of itself in Get Device ID.
fn advertised(has: bool, what: &str) -> (Support, Learned) {
    let support = if has {
        Support::Supported
    } else {
        Support::Unsupported(format!("the BMC says that it is no {what} device"))
    };
    (support, Learned::Advertised)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::Command as _, device::GetDeviceId};

    fn device(support: u8) -> DeviceId {
        GetDeviceId.parse(&[0x20, 1, 2, 0, 2, support, 0, 0, 0, 0, 0]).unwrap()
    }

    fn known(support: u8) -> Capabilities {
        of(&device(support), Privilege::Administrator)
    }

    #[test]
    fn every_operation_has_an_entry() {
        let all = known(0xBF);
        for operation in Operation::ALL {
            assert!(all.get(operation).is_some(), "{operation:?}");
        }
        let refusal = all.refusal(Operation::MediaInsertHttp);
        assert_eq!(refusal.as_deref(), Some("IPMI has no virtual media (IPMI 2.0)"));
        for operation in [
            Operation::PowerRead,
            Operation::PowerOn,
            Operation::PowerOffGraceful,
            Operation::PowerOffForce,
            Operation::PowerRestart,
            Operation::BootSetupOnce,
            Operation::BootContinuous,
            Operation::LogsRead,
        ] {
            assert_eq!(all.get(operation).unwrap().support, Support::Supported, "{operation:?}");
        }
        assert!(all.unverified(Operation::PowerNmi).is_some());
        assert_eq!(all.refusal(Operation::ManagerReset), None);
        let operators = of(&device(0xBF), Privilege::Operator);
        assert!(
            operators
                .refusal(Operation::ManagerReset)
                .is_some_and(|why| why.contains("takes an administrator"))
        );
        assert_eq!(operators.refusal(Operation::PowerOn), None);
    }

    #[test]
    fn what_the_bmc_is_not_is_refused() {
        let none = known(0);
        let refusal = none.refusal(Operation::PowerOn);
        assert_eq!(refusal.as_deref(), Some("the BMC says that it is no chassis device"));
        assert!(none.refusal(Operation::LogsRead).is_some());
        assert!(none.refusal(Operation::SensorsRead).is_some());
    }
}
