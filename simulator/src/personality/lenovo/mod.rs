//! `lenovo`: a Lenovo ThinkSystem SR670 V2 with XClarity Controller (XCC) 2.83.
//!
//! A PATCH has to name the version that it changes; images are mounted by a PATCH of one of four slots among ten; what waits
//! for POST, of the BIOS and of the boot order, is in resources called Pending.

mod bios;
mod boot;
mod hardware;
mod media;
mod quirks;
mod registry;
mod storage;
mod tree;

use http::{Method, StatusCode};

use super::{Expand, Features, Ids, MediaHome, Model, Personality, Quirk, Quirks, Traits, pieces, standard};
use crate::machine::{Identity, Machine};
use crate::web::{Call, Problem, Reply, Style, Table, problem};

const SYSTEM: &str = "/redfish/v1/Systems/{system}";
const MANAGER: &str = "/redfish/v1/Managers/{manager}";

/// The personality.
#[derive(Debug, Clone, Copy)]
pub struct Lenovo;

/// Serial numbers have eight characters.
fn serial(identity: &Identity) -> String {
    format!("J{}", identity.serial)
}

fn media_home(quirks: &Quirks) -> MediaHome {
    if quirks.has("media-in-both-homes") { MediaHome::Both } else { MediaHome::Manager }
}

impl Personality for Lenovo {
    fn name(&self) -> &'static str {
        "lenovo"
    }

    fn summary(&self) -> &'static str {
        "a Lenovo ThinkSystem SR670 V2 with XCC firmware 2.83"
    }

    fn quirks(&self) -> &'static [Quirk] {
        quirks::QUIRKS
    }

    fn model(&self, quirks: &Quirks) -> Model {
        Model { hardware: hardware::hardware(quirks), rules: hardware::rules(quirks) }
    }

    fn traits(&self, quirks: &Quirks, _: &Identity) -> Traits {
        Traits {
            ids: Ids { system: "1".into(), manager: "1".into(), chassis: "1".into() },
            vendor: Some("Lenovo"),
            product: None,
            redfish_version: "1.15.0",
            media_home: media_home(quirks),
            bios_name: "Bios",
            bios_settings: true,
            ignore_case: false,
            etag: Some(Style::Strong),
            json_type: "application/json",
            base: "Base.1.12",
            require_json: true,
            open_paths: vec!["", "/redfish", "/redfish/v1"],
            login_paths: vec!["/redfish/v1/sessionservice/sessions"],
        }
    }

    fn features(&self, _: &Quirks) -> Features {
        let expand = Expand { all: true, links: true, no_links: true, max_levels: 2 };
        Features { expand: Some(expand), ..Features::default() }
    }

    fn table(&self, quirks: &Quirks) -> Table {
        let home = media_home(quirks);
        let mut table = standard::table(home, "Bios", true);
        pieces::add(&mut table);
        pieces::add_ports(&mut table);
        if quirks.has("host-interface-among-ports") {
            pieces::add_host_interface(&mut table);
        }
        tree::add(&mut table, quirks);
        boot::add(&mut table, quirks);
        media::add(&mut table, home, quirks);
        bios::add(&mut table, quirks);
        storage::add(&mut table, quirks);
        table
    }

    /// Whoever changes something says which version of it was read.
    fn gate(&self, call: &Call, _: &mut Machine) -> Result<(), Problem> {
        let blind = call.method == Method::PATCH && call.header("if-match").is_none();
        if blind && call.cell.quirks.has("patch-needs-if-match") {
            let text = "A PATCH has to carry If-Match with the ETag of the resource.".into();
            let (status, id) = (StatusCode::PRECONDITION_REQUIRED, "PreconditionRequired");
            return Err(Problem::Other(status, id.into(), text));
        }
        Ok(())
    }

    fn problem(&self, call: &Call, problem: &Problem) -> Reply {
        let base = call.cell.traits.base;
        if matches!(problem, Problem::Storage(_)) && call.cell.quirks.has("storage-errors-500") {
            let text = "The request failed due to an internal service error.".into();
            let internal = Problem::Other(StatusCode::INTERNAL_SERVER_ERROR, "InternalError".into(), text);
            return problem::standard_reply(&internal, base);
        }
        problem::standard_reply(problem, base)
    }

    fn apply_times(&self, quirks: &Quirks) -> &'static [&'static str] {
        if quirks.has("volumes-at-once") { &[] } else { &["Immediate", "OnReset"] }
    }
}

#[cfg(test)]
mod tests;
