//! Log services: of the CIMC itself, and the system event log, which System and Chassis show too.

use serde_json::Value;

use super::{MANAGER, SYSTEM};
use crate::machine::Machine;
use crate::personality::standard::{asked, collection, link, logs};
use crate::web::{Call, Problem, Table};

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table) {
    let own = format!("{MANAGER}/LogServices");
    table.get(&own, |call, _| Ok(services(call, &["CIMC", "SEL"])));
    for (before, after) in [("Log", "CIMC"), ("Sel", "SEL")] {
        table.relocate(&format!("{own}/{before}"), &format!("{own}/{after}"));
    }
    table.amend(&format!("{own}/CIMC"), |_, _, body| body["Id"] = "CIMC".into());
    table.amend(&format!("{own}/SEL"), |_, _, body| body["Id"] = "SEL".into());
    for home in [SYSTEM, "/redfish/v1/Chassis/{chassis}"] {
        table.amend(home, |call, _, body| {
            body["LogServices"] = link(format!("{}/LogServices", asked(call)));
        });
        let home = format!("{home}/LogServices");
        table.get(&home, |call, _| Ok(services(call, &["SEL"])));
        table.get(&format!("{home}/SEL"), sel);
        table.get(&format!("{home}/SEL/Entries"), logs::sel_entries);
        table.get(&format!("{home}/SEL/Entries/{{entry}}"), logs::sel_entry);
        table.post(&format!("{home}/SEL/Actions/LogService.ClearLog"), logs::clear_sel);
    }
}

fn services(call: &Call, ids: &[&str]) -> Value {
    let path = asked(call);
    let members = ids.iter().map(|id| format!("{path}/{id}")).collect();
    collection("LogServiceCollection", &path, "Log Service Collection", members)
}

fn sel(call: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(logs::service(call, "SEL", "System Event Log"))
}
