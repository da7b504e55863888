//! What each generation can do, where its documents do not say so themselves.

use rackhand_bmc::{Capabilities, Learned, Operation, Quirks, Support};
use rackhand_redfish::Machine;

use crate::{
    boot::only_once,
    dialect::generation,
    quirks::{self, cited, on},
};

/// Adds to what the documents advertise.
pub(crate) fn add(quirks: &Quirks, machine: &Machine, known: &mut Capabilities) {
    continuous(quirks, machine, known);
    media(quirks, machine, known);
    volumes(machine, known);
}

fn continuous(quirks: &Quirks, machine: &Machine, known: &mut Capabilities) {
    if only_once(quirks, machine) {
        let why = "an XCC's override holds for one boot; arm it before each".to_owned();
        let learned = Learned::Documented(cited(quirks::NO_CONTINUOUS));
        known.set(Operation::BootContinuous, Support::Unsupported(why), learned);
    }
}

/// The protocols by which an EXT slot fetches images. XCC1 is written to take HTTP and NFS, while a late one has slots with
/// certificates (RL), so of HTTPS nobody knows there.
fn media(quirks: &Quirks, machine: &Machine, known: &mut Capabilities) {
    use Operation::{MediaEject, MediaInsertCifs, MediaInsertHttp, MediaInsertHttps, MediaInsertNfs};
    let has_media = machine.system.link("VirtualMedia").is_some()
        || machine.manager().is_none_or(|manager| manager.link("VirtualMedia").is_some());
    if !has_media || !on(quirks, machine, quirks::MEDIA_PATCH) {
        return;
    }
    let yes = || Support::Supported;
    let no_cifs = || Support::Unsupported("XCC1 takes images by HTTP and NFS".to_owned());
    let (https, cifs, source) = match generation(machine) {
        "XCC1" => (Support::Unknown, no_cifs(), "LD1; RL: slots have certificates"),
        "XCC2" | "XCC3" => (yes(), yes(), "LD2, LD3"),
        _ => (Support::Unknown, Support::Unknown, "LD1 to LD3: it differs between generations"),
    };
    let supports = [
        (MediaInsertHttp, yes()),
        (MediaInsertHttps, https),
        (MediaInsertNfs, yes()),
        (MediaInsertCifs, cifs),
        (MediaEject, yes()),
    ];
    for (operation, support) in supports {
        known.set(operation, support, Learned::Documented(source.to_owned()));
    }
}

/// Of XCC3 nobody wrote about volumes, so there it stays unverified.
fn volumes(machine: &Machine, known: &mut Capabilities) {
    if machine.system.link("Storage").is_none() || !matches!(generation(machine), "XCC1" | "XCC2") {
        return;
    }
    for operation in [Operation::StorageWrite, Operation::VolumeDelete, Operation::VolumeInitialize] {
        let learned = Learned::Documented("LD1, LD2: volumes".to_owned());
        known.set(operation, Support::Supported, learned);
    }
}
