//! BIOS: a resource without settings; or, on a board whose host firmware speaks with the BMC of them, a few.

use super::SYSTEM;
use crate::machine::bios::Registry;
use crate::personality::Quirks;
use crate::personality::pieces::{Row, choices};
use crate::personality::standard::{collection, drop_property};
use crate::web::{Problem, Table};

const REGISTRIES: &str = "/redfish/v1/Registries";

/// What a board with remote BIOS configuration shows.
const ROWS: &[Row] = &[
    ("HyperThreading", "Hyper-Threading", "Enabled,Disabled", "Enabled"),
    ("TurboMode", "Turbo Mode", "Enabled,Disabled", "Enabled"),
    ("PackageCState", "Package C State", "Auto,C0C1,C6", "Auto"),
    ("SRIOVSupport", "SR-IOV Support", "Enabled,Disabled", "Disabled"),
    ("VTd", "Intel VT for Directed I/O", "Enabled,Disabled", "Enabled"),
    ("QuietBoot", "Quiet Boot", "Enabled,Disabled", "Enabled"),
];

/// The registry: empty on a stock board.
pub(super) fn registry(quirks: &Quirks) -> Registry {
    let attributes = if quirks.has("bios-without-attributes") { Vec::new() } else { choices(ROWS) };
    Registry { id: "BiosAttributeRegistry".into(), attributes, ..Registry::default() }
}

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    let path = format!("{SYSTEM}/Bios");
    table.amend(&path, |_, _, body| {
        body["Id"] = "BIOS".into();
        body["Name"] = "BIOS Configuration".into();
        body["Description"] = "BIOS Configuration Service".into();
    });
    if quirks.has("bios-without-attributes") {
        table.amend(&path, |_, _, body| {
            drop_property(body, "Attributes");
            drop_property(body, "AttributeRegistry");
        });
        table.patch(&path, |_, _| Err(Problem::MethodNotAllowed));
        table.remove(&format!("{REGISTRIES}/{{registry}}"));
        table.get(REGISTRIES, |_, _| {
            let kind = "MessageRegistryFileCollection";
            Ok(collection(kind, REGISTRIES, "MessageRegistryFile Collection", Vec::new()))
        });
    }
}
