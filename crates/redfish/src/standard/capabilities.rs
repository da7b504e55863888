//! What a machine advertises in the documents that were read while connecting.

use rackhand_bmc::{Capabilities, Learned, Operation, ResetType, Support};

use super::{boot::HTTP_URI, dialect::Dialect, host::Machine};
use crate::document::View;

/// The reset types that an action advertises beside itself; empty when it does not.
pub(crate) fn allowed_resets(action: View<'_>) -> Vec<String> {
    action.strings("ResetType@Redfish.AllowableValues").into_iter().map(str::to_owned).collect()
}

/// What the System and its Manager advertise. What they do not speak of has no entry, which means unknown.
pub(crate) fn of(machine: &Machine, dialect: &dyn Dialect) -> Capabilities {
    let mut known = Capabilities::default();
    power(machine, &mut known);
    boot(machine, &mut known);
    network_boot(machine, dialect, &mut known);
    let system = &machine.system;
    let mut linked = |operations: &[Operation], there: bool, what: &str| {
        for operation in operations {
            let support = if there {
                Support::Supported
            } else {
                Support::Unsupported(format!("the System links no {what}"))
            };
            known.set(*operation, support, Learned::Advertised);
        }
    };
    linked(
        &[Operation::SecureBootRead, Operation::SecureBootSet],
        system.link("SecureBoot").is_some(),
        "SecureBoot",
    );
    let bios =
        [Operation::BiosRead, Operation::BiosPendingRead, Operation::BiosStage, Operation::BiosDiscard];
    linked(&bios, system.link("Bios").is_some(), "Bios");
    if !dialect.bios_can_restage() && system.link("Bios").is_some() {
        let why = "what is pending cannot be overwritten on this BMC".to_owned();
        known.set(Operation::BiosDiscard, Support::Unsupported(why), Learned::Assumed);
    }
    known.set(Operation::InventoryRead, Support::Supported, Learned::Assumed);
    upkeep(machine, &mut known);
    // Which protocols a BMC fetches images by stands in its slots at best.
    let shares = "DSP0268: of TransferProtocolType nothing is required".to_owned();
    for operation in [Operation::MediaInsertNfs, Operation::MediaInsertCifs] {
        known.set(operation, Support::Unknown, Learned::Documented(shares.clone()));
    }
    if let Some(manager) = machine.manager() {
        let media = system.link("VirtualMedia").is_some() || manager.link("VirtualMedia").is_some();
        if !media {
            let why = Support::Unsupported("neither System nor Manager links VirtualMedia".to_owned());
            for operation in [Operation::MediaInsertHttp, Operation::MediaInsertHttps, Operation::MediaEject]
            {
                known.set(operation, why.clone(), Learned::Advertised);
            }
        }
        let reset = manager.action("Manager.Reset").is_some();
        let support = if reset {
            Support::Supported
        } else {
            Support::Unsupported("the Manager has no Reset".to_owned())
        };
        known.set(Operation::ManagerReset, support, Learned::Advertised);
    }
    known
}

/// What is read where it is linked; what changes something is optional in the standard, and no service that was not
/// tried is known to do it.
fn upkeep(machine: &Machine, known: &mut Capabilities) {
    let mut read = |operation, there: bool, what: &str| {
        let support =
            if there { Support::Supported } else { Support::Unsupported(format!("there is no {what}")) };
        known.set(operation, support, Learned::Advertised);
    };
    let (system, root) = (&machine.system, &machine.root);
    let storage = system.link("Storage").is_some();
    let update = root.link("UpdateService").is_some();
    let manager = |name: &str| machine.manager().is_none_or(|manager| manager.link(name).is_some());
    read(Operation::StorageRead, storage, "Storage linked by the System");
    read(Operation::FirmwareRead, update, "UpdateService linked by the service root");
    read(Operation::LogsRead, system.link("LogServices").is_some() || manager("LogServices"), "LogServices");
    let chassis = !system.links("Links/Chassis").is_empty() || root.link("Chassis").is_some();
    read(Operation::SensorsRead, chassis, "Chassis");
    let tried = "DSP0268: optional, and nobody was seen to do it on this service".to_owned();
    let writes = [
        (Operation::StorageWrite, storage),
        (Operation::VolumeDelete, storage),
        (Operation::VolumeInitialize, storage),
        (Operation::DriveSpare, storage),
        (Operation::DriveErase, storage),
        (Operation::FirmwareUpdate, update),
        (Operation::FirmwarePush, update),
        (Operation::LogsClear, true),
        (Operation::JobsClear, true),
    ];
    for (operation, there) in writes {
        if there {
            known.set(operation, Support::Unknown, Learned::Documented(tried.clone()));
        } else {
            known.set(
                operation,
                Support::Unsupported("there is nothing to do it with".to_owned()),
                Learned::Advertised,
            );
        }
    }
    let no = |why: &str| Support::Unsupported(why.to_owned());
    let convert = no("the standard has no request for it");
    known.set(Operation::DriveConvert, convert.clone(), Learned::Assumed);
    known.set(Operation::ConfigurationExport, convert.clone(), Learned::Assumed);
    known.set(Operation::ConfigurationImport, convert, Learned::Assumed);
}

fn power(machine: &Machine, known: &mut Capabilities) {
    let action = machine.system.action("ComputerSystem.Reset");
    let read = if machine.system.at("PowerState").is_some() { Support::Supported } else { Support::Unknown };
    known.set(Operation::PowerRead, read, Learned::Advertised);
    let allowed = action.map(allowed_resets).unwrap_or_default();
    let kinds = [
        (Operation::PowerOn, [ResetType::On, ResetType::ForceOn]),
        (Operation::PowerOffGraceful, [ResetType::GracefulShutdown; 2]),
        (Operation::PowerOffForce, [ResetType::ForceOff; 2]),
        (Operation::PowerRestart, [ResetType::ForceRestart; 2]),
        (Operation::PowerNmi, [ResetType::Nmi; 2]),
    ];
    for (operation, kinds) in kinds {
        let listed =
            kinds.iter().any(|kind| allowed.iter().any(|name| name.eq_ignore_ascii_case(kind.as_str())));
        let (support, learned) = match action {
            None => (Support::Unsupported("the System has no Reset action".to_owned()), Learned::Advertised),
            // Without a list beside it (OpenBMC keeps it in ActionInfo) the schema's own values are taken.
            Some(_) if allowed.is_empty() => (Support::Supported, Learned::Assumed),
            Some(_) if listed => (Support::Supported, Learned::Advertised),
            Some(_) => (
                Support::Unsupported(format!("the System allows only {}", allowed.join(", "))),
                Learned::Advertised,
            ),
        };
        known.set(operation, support, learned);
    }
}

/// Booting from the network, and by HTTP: a target that is listed, and for HTTP somewhere to write the address.
fn network_boot(machine: &Machine, dialect: &dyn Dialect, known: &mut Capabilities) {
    let system = &machine.system;
    let allowed = system.strings("Boot/BootSourceOverrideTarget@Redfish.AllowableValues");
    let listed = |name: &str| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
    let no_boot = || Support::Unsupported("the System has no Boot object".to_owned());
    let pxe = match () {
        () if system.at("Boot").is_none() => no_boot(),
        () if listed("Pxe") => Support::Supported,
        () if allowed.is_empty() => Support::Unknown,
        () => Support::Unsupported(format!("the System boots only from {}", allowed.join(", "))),
    };
    known.set(Operation::BootPxeOnce, pxe, Learned::Advertised);
    let tells =
        system.at(HTTP_URI).is_some() || !dialect.http_boot_settings(machine, "http://image").is_empty();
    let (http, learned) = match () {
        () if system.at("Boot").is_none() => (no_boot(), Learned::Advertised),
        () if listed("UefiHttp") && tells => (Support::Supported, Learned::Advertised),
        () if listed("UefiHttp") => {
            let source =
                "the System lists UefiHttp and shows no HttpBootUri, so where the address goes is not known";
            (Support::Unknown, Learned::Documented(source.to_owned()))
        }
        () if allowed.is_empty() => (Support::Unknown, Learned::Advertised),
        () => {
            let why = "the System does not list UefiHttp among the targets it boots from";
            (Support::Unsupported(why.to_owned()), Learned::Advertised)
        }
    };
    known.set(Operation::BootUefiHttpOnce, http, learned);
}

fn boot(machine: &Machine, known: &mut Capabilities) {
    let allowed = machine.system.strings("Boot/BootSourceOverrideTarget@Redfish.AllowableValues");
    for (operation, names) in
        [(Operation::BootCdOnce, ["Cd", "UsbCd"]), (Operation::BootSetupOnce, ["BiosSetup"; 2])]
    {
        let listed =
            names.iter().any(|name| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name)));
        let support = match () {
            () if machine.system.at("Boot").is_none() => {
                Support::Unsupported("the System has no Boot object".to_owned())
            }
            () if allowed.is_empty() => Support::Unknown,
            () if listed => Support::Supported,
            // sushy-tools over libvirt lists Cd only while a medium is in, so a list proves presence, not absence.
            () => Support::Unknown,
        };
        known.set(operation, support, Learned::Advertised);
    }
    let there = |path: &str, what: &str| match machine.system.at(path) {
        Some(_) => Support::Supported,
        None => Support::Unsupported(format!("the System shows no {what}")),
    };
    known.set(Operation::BootContinuous, there("Boot", "Boot"), Learned::Advertised);
    known.set(Operation::BootOrderSet, there("Boot/BootOrder", "BootOrder"), Learned::Advertised);
    let mode = machine.system.at("Boot/BootSourceOverrideMode").is_some();
    known.set(
        Operation::BootModeSet,
        if mode { Support::NeedsReset } else { Support::Unknown },
        Learned::Advertised,
    );
}
