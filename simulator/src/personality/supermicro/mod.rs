//! `supermicro`: a Supermicro SYS-821GE-TNHR (X13) with BMC firmware 11.01.
//!
//! The virtual CD boots by the target UsbCd; BIOS attributes have names with a number of the board, and values that the
//! registry calls otherwise; parameters of actions are told by resources of their own.

mod bios;
mod boot;
mod hardware;
mod media;
mod quirks;
mod registry;
mod tree;
mod update;

use super::{Expand, Features, Ids, MediaHome, Model, Personality, Quirk, Quirks, Traits, pieces, standard};
use crate::machine::Identity;
use crate::web::{Style, Table};

const SYSTEM: &str = "/redfish/v1/Systems/{system}";
const MANAGER: &str = "/redfish/v1/Managers/{manager}";
/// Model of the server.
const MODEL: &str = "SYS-821GE-TNHR";

/// The personality.
#[derive(Debug, Clone, Copy)]
pub struct Supermicro;

/// Serial numbers of the server have a prefix of the product.
fn serial(identity: &Identity) -> String {
    format!("S889914X{}", identity.serial)
}

/// The UUID is the BMC's MAC address behind zeros.
fn uuid(identity: &Identity) -> String {
    let mac = identity.bmc_mac.replace(':', "").to_ascii_uppercase();
    format!("00000000-0000-0000-0000-{mac}")
}

impl Personality for Supermicro {
    fn name(&self) -> &'static str {
        "supermicro"
    }

    fn summary(&self) -> &'static str {
        "a Supermicro SYS-821GE-TNHR (X13) with BMC firmware 11.01"
    }

    fn quirks(&self) -> &'static [Quirk] {
        quirks::QUIRKS
    }

    fn model(&self, quirks: &Quirks) -> Model {
        Model { hardware: hardware::hardware(quirks), rules: hardware::rules(quirks) }
    }

    fn traits(&self, quirks: &Quirks, _: &Identity) -> Traits {
        let named = !quirks.has("root-without-vendor");
        Traits {
            ids: Ids { system: "1".into(), manager: "1".into(), chassis: "1".into() },
            vendor: named.then_some("Supermicro"),
            product: named.then(|| MODEL.into()),
            redfish_version: "1.11.0",
            media_home: MediaHome::Manager,
            bios_name: "Bios",
            bios_settings: true,
            ignore_case: false,
            etag: Some(Style::Strong),
            json_type: "application/json",
            base: "Base.1.10",
            require_json: true,
            open_paths: vec!["", "/redfish", "/redfish/v1"],
            login_paths: vec!["/redfish/v1/sessionservice/sessions"],
        }
    }

    fn features(&self, _: &Quirks) -> Features {
        let expand = Expand { all: true, links: true, no_links: true, max_levels: 2 };
        Features { expand: Some(expand), ..Features::default() }
    }

    /// The last is of files that are pushed: they are checked, and installed when told to start.
    fn apply_times(&self, quirks: &Quirks) -> &'static [&'static str] {
        if quirks.has("start-after-push") {
            &["Immediate", "OnReset", "OnStartUpdateRequest"]
        } else {
            &["Immediate", "OnReset"]
        }
    }

    fn table(&self, quirks: &Quirks) -> Table {
        let mut table = standard::table(MediaHome::Manager, "Bios", true);
        pieces::add(&mut table);
        pieces::add_ports(&mut table);
        if quirks.has("host-interface-among-ports") {
            pieces::add_host_interface(&mut table);
        }
        tree::add(&mut table, quirks);
        boot::add(&mut table);
        media::add(&mut table, quirks);
        bios::add(&mut table, quirks);
        update::add(&mut table, quirks);
        table
    }
}

#[cfg(test)]
mod tests;
