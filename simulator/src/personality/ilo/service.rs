//! Sessions, the registry store, and what holds for every answer.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, CONNECTION};
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::facts::Generation;
use super::{gen9, messages};
use crate::fetch::Fut;
use crate::log::Class;
use crate::machine::{LoginProblem, Machine};
use crate::personality::Quirks;
use crate::personality::standard::service;
use crate::web::{Call, Problem, Reply, Table};

/// How late a refused login is answered.
const DELAY: Duration = Duration::from_secs(10);
/// How many refused logins are answered at once.
const PROMPT: u64 = 1;
/// Where the machine keeps the number of logins refused in a row.
const FAILURES: &str = "login-failures";
const STORE: &str = "/redfish/v1/registrystore/registries/en";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    for sessions in ["/redfish/v1/SessionService/Sessions", "/redfish/v1/Sessions"] {
        table.post_slow(sessions, log_in);
    }
    table.delete("/redfish/v1/SessionService/Sessions/{session}", |call, machine| {
        service::log_out(call, machine)?;
        Ok(messages::success(call))
    });
    if quirks.has("session-timeout-30") {
        table.amend("/redfish/v1/SessionService", |_, _, body| body["SessionTimeout"] = 30.into());
    }
    table.amend("/redfish/v1/AccountService", |call, _, body| {
        body["Oem"] = Generation::of(call).facts().section(json!({
            "AuthFailureDelayTimeSeconds": DELAY.as_secs(),
            "AuthFailuresBeforeDelay": PROMPT,
            "MinPasswordLength": 8,
        }));
        if call.cell.quirks.has("basic-unadvertised") {
            body["HTTPBasicAuth"] = "Unadvertised".into();
        }
    });
    // Finished tasks stay until they are deleted.
    table.amend("/redfish/v1/TaskService", |_, _, body| {
        body["CompletedTaskOverWritePolicy"] = "Manual".into()
    });
    table.relocate("/redfish/v1/Registries/{registry}/Document", &format!("{STORE}/{{registry}}"));
    table.amend("/redfish/v1/Registries/{registry}", |call, machine, body| {
        let path = format!("{STORE}/{}", machine.bios.registry.id.to_ascii_lowercase());
        let uri = if call.cell.quirks.has("registry-extref") { json!({"extref": path}) } else { path.into() };
        body["Location"] = json!([{"Language": "en", "Uri": uri}]);
    });
    table.amend(&format!("{STORE}/{{registry}}"), name_registry);
}

fn name_registry(_: &Call, machine: &Machine, body: &mut Value) {
    let name = machine.bios.registry.id.to_ascii_lowercase();
    body["@odata.id"] = format!("{STORE}/{name}").into();
    // The values in force are the Bios's to tell.
    for entry in body["RegistryEntries"]["Attributes"].as_array_mut().into_iter().flatten() {
        entry["CurrentValue"] = Value::Null;
    }
}

/// A login; a refusal comes late from the second on.
fn log_in(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        call.class(Class::Session);
        let (outcome, failures) = call.cell.with(|machine| {
            let outcome = service::log_in(&call, machine);
            let before = machine.oem.get(FAILURES).and_then(Value::as_u64).unwrap_or(0);
            let failures = match outcome {
                Err(Problem::Login(LoginProblem::Wrong)) => before + 1,
                _ => 0,
            };
            machine.oem.insert(FAILURES.into(), failures.into());
            (outcome, failures)
        });
        if failures > PROMPT && call.cell.quirks.has("login-failure-delay") {
            call.cell.world.clock.sleep(DELAY).await;
        }
        outcome
    })
}

/// The last word on every answer.
pub(super) fn finish(call: &Call, reply: Reply) -> Reply {
    let quirks = &call.cell.quirks;
    let reply = if quirks.has("closes-connections") { reply.header(CONNECTION, "close") } else { reply };
    let reply = if messages::is_legacy(call) { gen9::with_links(call, reply) } else { reply };
    if reply.status == StatusCode::UNAUTHORIZED && !quirks.has("basic-unadvertised") {
        return reply.header(header::WWW_AUTHENTICATE, "Basic realm=\"iLO\"");
    }
    let stored = call.path.to_ascii_lowercase().starts_with(STORE);
    if !stored || reply.status != StatusCode::OK || !quirks.has("registry-gzip-only") {
        return reply;
    }
    if takes_gzip(call) {
        return reply.gzipped();
    }
    let message = messages::own(call, "UnsupportedOperation", &[]);
    messages::done(call, message)
        .with_status(StatusCode::NOT_ACCEPTABLE)
        .header(header::VARY, "Accept-Encoding")
}

/// Whoever names no coding takes any.
fn takes_gzip(call: &Call) -> bool {
    let Some(codings) = call.header(ACCEPT_ENCODING.as_str()) else { return true };
    codings.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let refused = parts.any(|weight| matches!(weight, "q=0" | "q=0.0"));
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
    })
}
