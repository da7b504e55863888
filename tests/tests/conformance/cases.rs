//! What each operation is to bring about, tried through a [`Bmc`](rackhand_bmc::Bmc) and looked for on the machine.

mod network;
mod power;
mod settings;
mod storage;
mod upkeep;

use std::fmt;

use rackhand_bmc::{Error, ErrorKind, Operation};

use crate::rack::Rack;

/// Why a case ended before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The driver said that it cannot, before anything was sent.
    Refused(String),
    /// It went otherwise than it should.
    Wrong(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Wrong(why) => f.write_str(why),
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Unsupported | ErrorKind::NeedsLicence { .. } => {
                Self::Refused(error.detail().to_owned())
            }
            _ => Self::Wrong(error.to_string()),
        }
    }
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

pub(crate) type Case = Result<(), Stop>;

/// Fails with what was seen unless it is so.
pub(crate) fn expect(is_so: bool, otherwise: impl FnOnce() -> String) -> Case {
    if is_so { Ok(()) } else { Err(Stop::Wrong(otherwise())) }
}

/// Whether the operation is one upon a host that runs.
pub(crate) fn needs_a_live_host(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::PowerOffGraceful
            | Operation::PowerOffForce
            | Operation::PowerRestart
            | Operation::PowerNmi
            | Operation::InventoryRead
            | Operation::StorageRead
            | Operation::SensorsRead
    )
}

/// Does the operation and looks for what it should bring about.
pub(crate) async fn run(operation: Operation, rack: &Rack) -> Case {
    match operation {
        Operation::PowerRead => power::read(rack).await,
        Operation::PowerOn => power::on(rack).await,
        Operation::PowerOffGraceful => power::off_gracefully(rack).await,
        Operation::PowerOffForce => power::off_by_force(rack).await,
        Operation::PowerRestart => power::restart(rack).await,
        Operation::PowerNmi => power::interrupt(rack).await,
        Operation::BootCdOnce => power::boot_image_once(rack).await,
        Operation::BootPxeOnce => network::pxe_once(rack).await,
        Operation::BootUefiHttpOnce => network::http_once(rack).await,
        Operation::BootSetupOnce => power::boot_setup_once(rack).await,
        Operation::BootContinuous => power::boot_continuously(rack).await,
        Operation::BootOrderSet => power::reverse_order(rack).await,
        Operation::MediaInsertHttp => power::insert(rack, "http").await,
        Operation::MediaInsertHttps => power::insert(rack, "https").await,
        Operation::MediaInsertNfs => power::insert(rack, "nfs").await,
        Operation::MediaInsertCifs => power::insert(rack, "cifs").await,
        Operation::MediaEject => power::eject(rack).await,
        Operation::BootModeSet => settings::boot_mode(rack).await,
        Operation::SecureBootRead => settings::secure_boot_read(rack).await,
        Operation::SecureBootSet => settings::secure_boot_set(rack).await,
        Operation::BiosRead => settings::bios_read(rack).await,
        Operation::BiosPendingRead => settings::bios_pending(rack).await,
        Operation::BiosStage => settings::bios_stage(rack).await,
        Operation::BiosDiscard => settings::bios_discard(rack).await,
        Operation::BiosReset => settings::bios_reset(rack).await,
        Operation::InventoryRead => upkeep::inventory(rack).await,
        Operation::StorageRead => storage::read(rack).await,
        Operation::StorageWrite => storage::create(rack).await,
        Operation::VolumeDelete => storage::delete(rack).await,
        Operation::VolumeInitialize => storage::initialize(rack).await,
        Operation::DriveConvert => storage::convert(rack).await,
        Operation::DriveSpare => storage::spare(rack).await,
        Operation::DriveErase => storage::erase(rack).await,
        Operation::FirmwareRead => upkeep::firmware_read(rack).await,
        Operation::FirmwareUpdate => upkeep::firmware_update(rack).await,
        Operation::FirmwarePush => upkeep::firmware_push(rack).await,
        Operation::ManagerReset => upkeep::manager_reset(rack).await,
        Operation::JobsRead => upkeep::jobs_read(rack).await,
        Operation::JobsClear => upkeep::jobs_clear(rack).await,
        Operation::LogsRead => upkeep::logs_read(rack).await,
        Operation::LogsClear => upkeep::logs_clear(rack).await,
        Operation::SensorsRead => upkeep::sensors(rack).await,
        Operation::ConfigurationExport => upkeep::configuration_export(rack).await,
        Operation::ConfigurationImport => upkeep::configuration_import(rack).await,
        other => Err(Stop::Wrong(format!("the suite has no case for {other:?}"))),
    }
}
