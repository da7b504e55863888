//! What a machine advertises in the documents that were read while connecting.

use rackhand_bmc::{Capabilities, Learned, Operation, ResetType, Support};

use super::{dialect::Dialect, host::Machine};
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
