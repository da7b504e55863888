//! HPE's messages, as they stand behind `iLO.2.x.` whatever the version (HD: errorresponses).

use rackhand_redfish::{Meaning, MessageRule};

const fn busy(key: &'static str, source: &'static str) -> MessageRule {
    MessageRule::new(key, Meaning::Busy, source)
}

const fn conflict(key: &'static str, source: &'static str) -> MessageRule {
    MessageRule::new(key, Meaning::Conflict, source)
}

/// What HPE's messages mean.
pub const MESSAGES: &[MessageRule] = &[
    // For a moment after another operation; also for a state that is reached already, which a read-back decides: see
    // `IloDialect::is_already`.
    busy("InvalidOperationForSystemState", "sushy: 400 shortly after an operation before"),
    busy("ResourceTemporarilyUnavailable", "R7"),
    busy("ResourceNotReadyRetry", "ilorest"),
    busy("ResetInProgress", "ilorest"),
    busy("UpdateTaskQueueFull", "ilorest"),
    MessageRule::new("UnableToModifyDuringSystemPOST", Meaning::InPost, "ironic bug 2136275"),
    MessageRule::new("UpdateInPOST", Meaning::InPost, "ilorest"),
    MessageRule::new("SessionLimitExceeded", Meaning::SessionsFull, "HD: redfishAuthentication"),
    conflict("MaxVirtualMediaConnectionEstablished", "HD: an image is in the slot"),
    conflict("UnableToModifyAfterVirtualMediaInsert", "HD: set before the insert, or not at all"),
    conflict("FirmwareFlashAlreadyInProgress", "ilorest"),
    conflict("ComponentUploadAlreadyInProgress", "ilorest"),
    MessageRule::new("NoVirtualMediaConnectionAvailable", Meaning::Already, "HD: an eject of an empty slot"),
    MessageRule::new(
        "NoScriptedVirtualMediaConnectionAvailable",
        Meaning::Already,
        "HD: an eject of an empty slot",
    ),
    MessageRule::new("LicenseKeyRequired", Meaning::NeedsLicence, "HD: images by URL need iLO Advanced"),
    MessageRule::new("VirtualMediaIsDisabled", Meaning::Unsupported, "HD: switched off in the iLO"),
    MessageRule::new("UnsupportedOperation", Meaning::Unsupported, "R5"),
];
