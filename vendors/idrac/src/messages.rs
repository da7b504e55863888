//! Dell's messages: EEMI ids, as they stand behind `IDRAC.2.x.`.

use rackhand_redfish::{Meaning, MessageRule};

const fn busy(key: &'static str, source: &'static str) -> MessageRule {
    MessageRule::new(key, Meaning::Busy, source)
}

const fn conflict(key: &'static str, source: &'static str) -> MessageRule {
    MessageRule::new(key, Meaning::Conflict, source)
}

const fn rejected(key: &'static str, source: &'static str) -> MessageRule {
    MessageRule::new(key, Meaning::Rejected, source)
}

/// What Dell's messages mean.
pub const MESSAGES: &[MessageRule] = &[
    // The iDRAC or a part of it is not ready. Some of these come with 400.
    busy("SWC0700", "BF#129: the iDRAC is not ready, with 400"),
    busy("SYS518", "sushy: data source not available"),
    busy("SYS519", "sushy: data source not available"),
    busy("SYS446", "DS: internal error; also an insert right after an eject"),
    busy("SYS435", "DS: the inventory is not there yet"),
    busy("SYS431", "DS: an import or export runs"),
    busy("LC060", "DS: the lifecycle controller is not ready"),
    busy("RAC0508", "DS: a provider is not ready"),
    busy("RAC0718", "DS: remote share busy"),
    busy("RAC0719", "DS: remote share busy"),
    busy("RAC0730", "DS: remote share busy"),
    busy("RAC0524", "DS: the job queue is full"),
    busy("RAC034", "DS: the job queue is full"),
    MessageRule::new("RAC0218", Meaning::SessionsFull, "DS: eight web sessions are open"),
    // A job or settings of the same kind wait or run.
    conflict("RAC0773", "LRF: a BIOS job is scheduled"),
    conflict("RAC011", "BF: a BIOS job is scheduled"),
    conflict("RAC052", "BF: a BIOS job is scheduled"),
    conflict("RAC0679", "OMAM#113: a job runs, with 400 or 503"),
    conflict("RAC0659", "DS: a job for this controller exists"),
    conflict("LC068", "sushy: a job runs or settings are pending"),
    conflict("VRM0012", "DS: an image is connected already"),
    conflict("VRM0021", "lisa#4168: virtual media is detached or in use"),
    conflict("SYS404", "DS: If-Match is missing"),
    // Values.
    rejected("SYS405", "DS: bad JSON"),
    rejected("SYS409", "DS: bad value"),
    rejected("SYS410", "DS: read-only, or a dependency forbids it"),
    rejected("SYS424", "DS: bad value"),
    rejected("SYS425", "DS: bad value"),
    rejected("SYS426", "DS: bad value"),
    rejected("SYS427", "DS: bad value"),
    rejected("SYS428", "DS: bad value"),
    rejected("SYS429", "DS: bad value"),
    rejected("SYS453", "DS: wrong type"),
    rejected("RAC0720", "DS#265: the image's share cannot be reached"),
    rejected("RAC0904", "DS#265: the image's share cannot be reached"),
    // Who asks, and what this iDRAC may do.
    MessageRule::new("RAC0212", Meaning::RefusedCredentials, "DS: login refused"),
    MessageRule::new("SYS415", Meaning::RefusedCredentials, "DS: login refused"),
    MessageRule::new("SYS416", Meaning::RefusedCredentials, "DS: login refused"),
    MessageRule::new("SYS479", Meaning::Forbidden, "DS: the privilege is missing"),
    MessageRule::new("SYS406", Meaning::Forbidden, "DS: system lockdown"),
    MessageRule::new("LC087", Meaning::Forbidden, "DS: system lockdown"),
    MessageRule::new("RAC095", Meaning::Forbidden, "DS: system lockdown"),
    MessageRule::new("LIC501", Meaning::NeedsLicence, "R750 6.00: a licence is missing"),
    MessageRule::new(
        "RAC0772",
        Meaning::Unsupported,
        "DS: the lifecycle controller or CSIOR is switched off",
    ),
    MessageRule::new("SYS402", Meaning::Unsupported, "DS: no such method here"),
    MessageRule::new("SYS403", Meaning::NotFound, "R750 6.00: no such resource"),
];
