//! What a CIMC can do, and which way: every operation that the standard driver does not know of by itself, each with its
//! source.

use rackhand_bmc::{Bmc, Capabilities, Learned, Operation, Quirks, Support};
use rackhand_redfish::Machine;

use crate::quirks::{RACK, generation, on};

/// What is known, and the machine that it is known of.
struct Known<'a> {
    machine: &'a Machine,
    quirks: &'a Quirks,
    known: &'a mut Capabilities,
}

impl Known<'_> {
    fn on(&self, name: &str) -> bool {
        on(self.quirks, self.machine, name)
    }

    /// Whether a quirk is cured by the XML API here.
    fn by_xml(&self, name: &str) -> bool {
        generation(self.machine) == RACK && self.on(name)
    }

    fn links(&self, name: &str) -> bool {
        self.machine.system.link(name).is_some()
    }

    fn says(&mut self, operations: &[Operation], support: &Support, source: &str) {
        for operation in operations {
            self.known.set(*operation, support.clone(), Learned::Documented(source.to_owned()));
        }
    }

    fn cannot(&mut self, operations: &[Operation], why: &str, source: &str) {
        self.says(operations, &Support::Unsupported(why.to_owned()), source);
    }

    /// Nobody has seen it work: tried with leave alone.
    fn unverified(&mut self, operations: &[Operation], source: &str) {
        self.says(operations, &Support::Unknown, source);
    }
}

/// Corrects what the standard driver knows.
pub(crate) fn of(quirks: &Quirks, machine: &Machine, known: &mut Capabilities) {
    let mut known = Known { machine, quirks, known };
    power(&mut known);
    boot(&mut known);
    media(&mut known);
    bios(&mut known);
    storage(&mut known);
    firmware(&mut known);
    services(&mut known);
}

fn power(known: &mut Known<'_>) {
    let action = known.machine.system.action("ComputerSystem.Reset");
    let allowed =
        action.map(|action| action.strings("ResetType@Redfish.AllowableValues")).unwrap_or_default();
    if allowed.iter().any(|kind| kind.eq_ignore_ascii_case("Nmi")) {
        known.known.set(Operation::PowerNmi, Support::Supported, Learned::Advertised);
    } else {
        known.cannot(&[Operation::PowerNmi], "the System's Reset lists no Nmi", "ISV: 4.1(2g) lists it");
    }
}

fn boot(known: &mut Known<'_>) {
    let shows = |path: &str| known.machine.system.at(path).is_some();
    let (mode, order, boot) = (shows("Boot/BootSourceOverrideMode"), shows("Boot/BootOrder"), shows("Boot"));
    let precise = known.by_xml("boot-by-xml");
    if boot {
        known.says(&[Operation::BootContinuous], &Support::Supported, "ISV: Once, Continuous, Disabled");
    } else if precise {
        let source =
            "by the XML API: oneTimePrecisionBootDevice (SDK: since 3.0(1c)); the System has no Boot";
        known.says(&[Operation::BootCdOnce], &Support::Supported, source);
        let why = "the XML API has one-time devices alone";
        known.cannot(&[Operation::BootContinuous, Operation::BootSetupOnce], why, "SDK: lsboot classes");
    }
    match (mode, precise) {
        (true, _) => {}
        (false, true) => {
            let source = "by the XML API: lsbootDevPrecision (SDK: since 2.0); Redfish up to 4.2 shows no BootSourceOverrideMode (ISV)";
            known.says(&[Operation::BootModeSet], &Support::NeedsReset, source);
        }
        (false, false) => {
            let why = "CIMC sets the boot mode by its XML API alone, which is not used here";
            known.cannot(&[Operation::BootModeSet], why, "ISV: 4.1 and 4.2; SDK: lsbootDevPrecision");
        }
    }
    match (order, precise) {
        (true, _) => known.known.set(Operation::BootOrderSet, Support::NeedsReset, Learned::Advertised),
        (false, true) => {
            let source = "by the XML API: lsbootDevPrecision (SDK: since 2.0); Redfish up to 4.2 shows no BootOrder (ISV)";
            known.says(&[Operation::BootOrderSet], &Support::NeedsReset, source);
        }
        (false, false) => {
            let why = "CIMC sets the boot order by its XML API alone, which is not used here";
            known.cannot(&[Operation::BootOrderSet], why, "ISV: 4.1 and 4.2; SDK: lsbootDevPrecision");
        }
    }
    if !known.links("SecureBoot") && known.by_xml("secure-boot-by-xml") {
        let source = "by the XML API: lsbootBootSecurity (SDK: since 2.0); the System links no SecureBoot";
        known.says(&[Operation::SecureBootRead], &Support::Supported, source);
        known.says(&[Operation::SecureBootSet], &Support::NeedsReset, source);
    }
}

fn media(known: &mut Known<'_>) {
    let shares = [
        Operation::MediaInsertHttp,
        Operation::MediaInsertHttps,
        Operation::MediaInsertNfs,
        Operation::MediaInsertCifs,
        Operation::MediaEject,
    ];
    let manager = known.machine.manager().is_none_or(|manager| manager.link("VirtualMedia").is_some());
    if manager || known.links("VirtualMedia") {
        let source = "by Redfish, or by the XML API where a slot refuses (ISV: TransferProtocolType CIFS, HTTP, HTTPS, NFS; SDK: commVMediaMap)";
        known.says(&shares, &Support::Supported, source);
    } else if known.by_xml("media-by-xml") {
        let source = "by the XML API: commVMediaMap (SDK: since 1.5); Redfish has no virtual media here";
        known.says(&shares, &Support::Supported, source);
    } else {
        known.cannot(&shares, "neither System nor Manager links VirtualMedia", "ISV: Managers link it");
    }
}

fn bios(known: &mut Known<'_>) {
    let hidden = "CIMC does not show BIOS settings that wait for a reset";
    if known.links("Bios") {
        if known.on("bios-pending-hidden") {
            known.cannot(&[Operation::BiosPendingRead, Operation::BiosDiscard], hidden, "ISV: 4.1 and 4.2");
        }
        let source = "by Redfish: PATCH of Bios, in force after a reset (G41)";
        known.says(&[Operation::BiosStage], &Support::NeedsReset, source);
        known.says(&[Operation::BiosReset], &Support::NeedsReset, "by Redfish: Bios.ResetBios (ISV)");
    } else if known.by_xml("bios-by-xml") {
        known.says(&[Operation::BiosRead], &Support::Supported, "by the XML API: biosSettings (SDK)");
        let source = "by the XML API: biosSettings (SDK); whether it shows a value before it is in force is not known (?)";
        known.unverified(&[Operation::BiosStage], source);
        known.cannot(&[Operation::BiosPendingRead, Operation::BiosDiscard], hidden, "ISV: 4.1 and 4.2");
        let why = "the XML API has no action that resets BIOS settings to their defaults";
        known.cannot(&[Operation::BiosReset], why, "SDK: biosUnit");
    } else {
        known.cannot(&[Operation::BiosReset], "the System links no Bios", "ISV: rack servers link it");
    }
}

fn storage(known: &mut Known<'_>) {
    let arrays = known.by_xml("volumes-by-xml");
    let linked = known.links("Storage");
    match (linked, arrays) {
        (true, _) => known.known.set(Operation::StorageRead, Support::Supported, Learned::Advertised),
        (false, true) => {
            let source = "by the XML API: storageController (SDK); the System links no Storage";
            known.says(&[Operation::StorageRead], &Support::Supported, source);
        }
        (false, false) => {
            known.cannot(
                &[Operation::StorageRead],
                "the System links no Storage",
                "ISV: rack servers link it",
            );
        }
    }
    let initialize = if linked {
        "by Redfish: Volume.Initialize (ISV)"
    } else {
        "by the XML API: storageVirtualDrive (SDK)"
    };
    if linked || arrays {
        known.says(&[Operation::VolumeInitialize], &Support::Supported, initialize);
    } else {
        known.cannot(
            &[Operation::VolumeInitialize],
            "the System links no Storage",
            "ISV: rack servers link it",
        );
    }
    let writes = [Operation::StorageWrite, Operation::VolumeDelete];
    let drives = [Operation::DriveConvert, Operation::DriveSpare];
    if arrays {
        let source = "by the XML API: storageVirtualDriveCreatorUsingUnusedPhysicalDrive, storageVirtualDrive (SDK: since 2.0); what Redfish's Volumes want is not known (?)";
        known.says(&writes, &Support::Supported, source);
        known.says(&drives, &Support::Supported, "by the XML API: storageLocalDisk (SDK: since 2.0)");
    } else {
        known.unverified(&writes, "by Redfish: what a POST of a Volume must hold is not known (?)");
        let why =
            "Redfish has no conversion of drives here, and AddHotspare takes parameters that are not known";
        known.cannot(&drives, why, "ISV: actions of drives");
    }
    let why = "no drive offers SecureErase, and the XML API erases foreign self-encrypting drives alone";
    known.cannot(&[Operation::DriveErase], why, "ISV: actions of drives; SDK: storageLocalDisk");
}

fn firmware(known: &mut Known<'_>) {
    let service = known.machine.root.link("UpdateService").is_some();
    let learned = Learned::Advertised;
    if service {
        known.known.set(Operation::FirmwareRead, Support::Supported, learned);
        let source = "by Redfish: SimpleUpdate of CIMC and BIOS alone, then an activation of Cisco's own whose body is not known (ISV; ?)";
        known.unverified(&[Operation::FirmwareUpdate], source);
    } else {
        let why = "the service root links no UpdateService";
        let both = [Operation::FirmwareRead, Operation::FirmwareUpdate];
        known.cannot(&both, why, "ISV: C220 M5 4.1(3d) links it");
    }
    let why = "the UpdateService takes images by SimpleUpdate alone";
    known.cannot(&[Operation::FirmwarePush], why, "ISV: C220 M5 4.1(3d)");
}

fn services(known: &mut Known<'_>) {
    let root = |name: &str| known.machine.root.link(name).is_some();
    let (tasks, chassis) = (root("Tasks") || root("TaskService"), root("Chassis"));
    if tasks {
        known.known.set(Operation::JobsRead, Support::Supported, Learned::Advertised);
        let source = "tasks are overwritten, the oldest first (ISV: TaskService); whether they can be deleted is not known (?)";
        known.unverified(&[Operation::JobsClear], source);
    } else {
        let both = [Operation::JobsRead, Operation::JobsClear];
        known.cannot(&both, "the service root links no TaskService", "ISV: C220 M5 links it");
    }
    known.says(&[Operation::LogsRead], &Support::Supported, "by Redfish: LogServices (ISV2)");
    known.unverified(&[Operation::LogsClear], "logs of rack servers were not seen (?)");
    let sensors = if chassis { Support::Supported } else { Support::Unknown };
    known.known.set(Operation::SensorsRead, sensors, Learned::Advertised);
    let why = "Cisco's own actions for it take parameters that are not known";
    let both = [Operation::ConfigurationExport, Operation::ConfigurationImport];
    known.cannot(&both, why, "ISV: ExportBmcConfig, ImportBmcConfig");
}

/// What is said of a facet that is not there, whatever the machine could do.
pub(crate) fn without(bmc: &mut Bmc) {
    let lacking = [
        (bmc.logs.is_none(), &[Operation::LogsRead, Operation::LogsClear][..], "logs"),
        (bmc.sensors.is_none(), &[Operation::SensorsRead][..], "sensors"),
    ];
    for (_, operations, what) in lacking.into_iter().filter(|(lacks, ..)| *lacks) {
        for operation in operations {
            let why = format!("this driver reads no {what}");
            bmc.capabilities.set(*operation, Support::Unsupported(why), Learned::Assumed);
        }
    }
}
