//! `openbmc`: a server with stock OpenBMC firmware (bmcweb 2.15), virtual media built in.
//!
//! Ids are words; parameters of actions are told by resources of their own; images come by https and smb only, and only into
//! two of four slots; the BIOS shows no settings; a task is followed by its monitor.

mod bios;
mod hardware;
mod media;
mod tasks;
mod tree;

use super::{Ids, MediaHome, Model, Personality, Quirk, Quirks, Traits, pieces, standard};
use crate::machine::{Identity, Machine};
use crate::web::{Call, Problem, Reply, Style, Table};

/// A whole tree read from a BMC.
const CAPTURED: &str = "stock OpenBMC 2.15.0-dev, as captured";
/// The service's own text.
const BMCWEB: &str = "openbmc/bmcweb, virtual media";

const QUIRKS: &[Quirk] = &[
    Quirk {
        name: "root-without-vendor",
        seen: "the service root has neither Vendor nor Product",
        source: CAPTURED,
    },
    Quirk {
        name: "parameters-by-action-info",
        seen: "actions have no AllowableValues; a resource that @Redfish.ActionInfo names tells their parameters",
        source: CAPTURED,
    },
    Quirk {
        name: "expand-refused",
        seen: "the root says that $expand is not supported, and a request with it answers 400",
        source: CAPTURED,
    },
    Quirk {
        name: "https-or-smb-only",
        seen: "InsertMedia takes images by https and smb; http is refused with 400",
        source: BMCWEB,
    },
    Quirk {
        name: "proxy-slots",
        seen: "Slot_0 and Slot_1 are for a browser: they have no InsertMedia, and a POST to it answers 404",
        source: BMCWEB,
    },
    Quirk {
        name: "bios-without-attributes",
        seen: "the Bios has neither Attributes nor settings object, and there is no attribute registry",
        source: CAPTURED,
    },
    Quirk {
        name: "task-monitor",
        seen: "an accepted request names Tasks/ID/Monitor, which answers 202, once 204, and then 404",
        source: "openbmc/bmcweb, task service, before its monitors moved to TaskMonitors",
    },
    Quirk {
        name: "push-only",
        seen: "there is no SimpleUpdate; images are pushed, as multipart or as they are",
        source: CAPTURED,
    },
    Quirk { name: "no-secure-boot", seen: "the System has no SecureBoot resource", source: CAPTURED },
];

const SYSTEM: &str = "/redfish/v1/Systems/{system}";
const MANAGER: &str = "/redfish/v1/Managers/{manager}";

/// The personality.
#[derive(Debug, Clone, Copy)]
pub struct OpenBmc;

impl Personality for OpenBmc {
    fn name(&self) -> &'static str {
        "openbmc"
    }

    fn summary(&self) -> &'static str {
        "a server with stock OpenBMC firmware (bmcweb 2.15)"
    }

    fn quirks(&self) -> &'static [Quirk] {
        QUIRKS
    }

    fn model(&self, quirks: &Quirks) -> Model {
        Model { hardware: hardware::hardware(quirks), rules: hardware::rules() }
    }

    fn traits(&self, quirks: &Quirks, _: &Identity) -> Traits {
        let named = !quirks.has("root-without-vendor");
        Traits {
            ids: Ids { system: "system".into(), manager: "bmc".into(), chassis: "chassis".into() },
            vendor: named.then_some("OpenBMC"),
            product: named.then(|| "OpenBmc".into()),
            redfish_version: "1.17.0",
            media_home: MediaHome::Manager,
            bios_name: "Bios",
            bios_settings: !quirks.has("bios-without-attributes"),
            ignore_case: false,
            etag: Some(Style::Strong),
            json_type: "application/json",
            base: "Base.1.16.0",
            require_json: true,
            open_paths: vec!["", "/redfish", "/redfish/v1"],
            login_paths: vec!["/redfish/v1/sessionservice/sessions"],
        }
    }

    fn table(&self, quirks: &Quirks) -> Table {
        let mut table = standard::table(MediaHome::Manager, "Bios", !quirks.has("bios-without-attributes"));
        pieces::add(&mut table);
        pieces::add_ports(&mut table);
        tree::add(&mut table, quirks);
        media::add(&mut table);
        bios::add(&mut table, quirks);
        tasks::add(&mut table, quirks);
        table
    }

    fn gate(&self, call: &Call, _: &mut Machine) -> Result<(), Problem> {
        tree::refuse_expand(call)
    }

    fn finish(&self, call: &Call, reply: Reply) -> Reply {
        tasks::finish(call, reply)
    }

    fn job_path(&self, call: &Call, id: &str) -> String {
        let task = standard::service::task_path(id);
        if call.cell.quirks.has("task-monitor") { format!("{task}/Monitor") } else { task }
    }

    fn administrator_id(&self) -> &'static str {
        "root"
    }
}

#[cfg(test)]
mod tests;
