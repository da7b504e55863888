//! Service root, sessions, accounts, tasks, registries.

use rand::RngCore as _;
use serde_json::{Value, json};

use super::{collection, date, link};
use crate::chance;
use crate::log::Class;
use crate::machine::bios::{Attribute, Dependency, Effect, Kind};
use crate::machine::{Job, JobState, Machine, Session};
use crate::web::{Call, Problem, Reply, Table, call, expand};

/// Adds the service's own resources.
pub fn add(table: &mut Table) {
    table.get("/redfish", versions);
    table.get("/redfish/v1", root);
    table.get("/redfish/v1/SessionService", session_service);
    table.get("/redfish/v1/SessionService/Sessions", sessions);
    table.post("/redfish/v1/SessionService/Sessions", log_in);
    table.get("/redfish/v1/SessionService/Sessions/{session}", session);
    table.delete("/redfish/v1/SessionService/Sessions/{session}", log_out);
    table.get("/redfish/v1/AccountService", account_service);
    table.get("/redfish/v1/AccountService/Accounts", accounts);
    table.get("/redfish/v1/AccountService/Accounts/{account}", account);
    table.get("/redfish/v1/AccountService/Roles", roles);
    table.get("/redfish/v1/TaskService", task_service);
    table.get("/redfish/v1/TaskService/Tasks", tasks);
    table.get("/redfish/v1/TaskService/Tasks/{task}", task);
    table.get("/redfish/v1/Registries", registries);
    table.get("/redfish/v1/Registries/{registry}", registry_file);
    table.get("/redfish/v1/Registries/{registry}/Document", registry);
}

fn versions(_: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(json!({"v1": "/redfish/v1/"}))
}

/// The service root.
///
/// # Errors
/// None.
pub fn root(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let traits = &call.cell.traits;
    let mut root = json!({
        "@odata.id": "/redfish/v1",
        "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot",
        "Id": "RootService",
        "Name": "Root Service",
        "RedfishVersion": traits.redfish_version,
        "UUID": machine.identity.uuid,
        "Systems": link("/redfish/v1/Systems"),
        "Managers": link("/redfish/v1/Managers"),
        "Chassis": link("/redfish/v1/Chassis"),
        "Registries": link("/redfish/v1/Registries"),
        "Tasks": link("/redfish/v1/TaskService"),
        "SessionService": link("/redfish/v1/SessionService"),
        "AccountService": link("/redfish/v1/AccountService"),
        "Links": {"Sessions": link("/redfish/v1/SessionService/Sessions")},
    });
    if call.cell.features.expand.is_some() {
        root["ProtocolFeaturesSupported"] = expand::features(call.cell.features.expand);
    }
    if let Some(vendor) = traits.vendor {
        root["Vendor"] = vendor.into();
    }
    if let Some(product) = &traits.product {
        root["Product"] = product.clone().into();
    }
    Ok(root)
}

fn session_service(_: &Call, machine: &Machine) -> Result<Value, Problem> {
    let rules = machine.rules.sessions.as_ref().ok_or(Problem::NotFound)?;
    Ok(json!({
        "@odata.id": "/redfish/v1/SessionService",
        "@odata.type": "#SessionService.v1_1_6.SessionService",
        "Id": "SessionService",
        "Name": "Session Service",
        "ServiceEnabled": true,
        "SessionTimeout": rules.idle.as_secs(),
        "Sessions": link("/redfish/v1/SessionService/Sessions"),
    }))
}

fn session_path(id: &str) -> String {
    format!("/redfish/v1/SessionService/Sessions/{id}")
}

fn sessions(_: &Call, machine: &Machine) -> Result<Value, Problem> {
    let members = machine.sessions.iter().map(|session| session_path(&session.id)).collect();
    Ok(collection("SessionCollection", "/redfish/v1/SessionService/Sessions", "Sessions", members))
}

fn render_session(call: &Call, session: &Session) -> Value {
    json!({
        "@odata.id": session_path(&session.id),
        "@odata.type": "#Session.v1_2_1.Session",
        "Id": session.id,
        "Name": "User Session",
        "UserName": session.user,
        "CreatedTime": date(call, session.created),
    })
}

/// A session.
///
/// # Errors
/// `NotFound`.
pub fn session(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = call.param("session");
    let session = machine.sessions.iter().find(|session| session.id == id).ok_or(Problem::NotFound)?;
    Ok(render_session(call, session))
}

/// POST to the sessions: 201 with `X-Auth-Token` and `Location`.
///
/// # Errors
/// A refused login, a full table, a missing property.
pub fn log_in(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.class(Class::Session);
    let body = call.object()?;
    let user = call::text(&body, "UserName")?.ok_or_else(|| Problem::Missing("UserName".into()))?;
    let password = call::text(&body, "Password")?.ok_or_else(|| Problem::Missing("Password".into()))?;
    let purpose = format!("token {} of {}", machine.next_number(), machine.name);
    let mut token = [0; 16];
    chance::rng(call.cell.world.seed, &purpose).fill_bytes(&mut token);
    let session = machine.open_session(&user, &password, crate::tls::hex(&token)).map_err(Problem::Login)?;
    let header = http::HeaderName::from_static("x-auth-token");
    Ok(Reply::created(&session_path(&session.id), render_session(call, &session))
        .header(header, &session.token))
}

/// DELETE of a session.
///
/// # Errors
/// `NotFound`.
pub fn log_out(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.class(Class::Session);
    if machine.close_session(call.param("session")) {
        Ok(Reply::no_content())
    } else {
        Err(Problem::NotFound)
    }
}

fn account_service(_: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": "/redfish/v1/AccountService",
        "@odata.type": "#AccountService.v1_5_0.AccountService",
        "Id": "AccountService",
        "Name": "Account Service",
        "ServiceEnabled": true,
        "Accounts": link("/redfish/v1/AccountService/Accounts"),
        "Roles": link("/redfish/v1/AccountService/Roles"),
    }))
}

fn accounts(_: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = "/redfish/v1/AccountService/Accounts";
    let members = machine.accounts.iter().map(|account| format!("{path}/{}", account.id)).collect();
    Ok(collection("ManagerAccountCollection", path, "Accounts", members))
}

fn account(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = call.param("account");
    let account = machine.accounts.iter().find(|account| account.id == id).ok_or(Problem::NotFound)?;
    Ok(json!({
        "@odata.id": format!("/redfish/v1/AccountService/Accounts/{id}"),
        "@odata.type": "#ManagerAccount.v1_3_0.ManagerAccount",
        "Id": id,
        "Name": "User Account",
        "UserName": account.user,
        "Password": null,
        "RoleId": account.role,
        "Enabled": account.enabled,
        "Locked": false,
    }))
}

fn roles(_: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(collection("RoleCollection", "/redfish/v1/AccountService/Roles", "Roles", Vec::new()))
}

fn task_service(_: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": "/redfish/v1/TaskService",
        "@odata.type": "#TaskService.v1_1_4.TaskService",
        "Id": "TaskService",
        "Name": "Task Service",
        "ServiceEnabled": true,
        "Tasks": link("/redfish/v1/TaskService/Tasks"),
    }))
}

/// Path of a task.
pub fn task_path(id: &str) -> String {
    format!("/redfish/v1/TaskService/Tasks/{id}")
}

fn tasks(_: &Call, machine: &Machine) -> Result<Value, Problem> {
    let shown = machine.jobs.iter().filter(|job| job.shown);
    let members = shown.map(|job| task_path(&job.id)).collect();
    Ok(collection("TaskCollection", "/redfish/v1/TaskService/Tasks", "Tasks", members))
}

/// A job as a Task.
pub fn render_task(call: &Call, machine: &Machine, job: &Job) -> Value {
    let (state, status) = match job.state {
        JobState::New => ("New", "OK"),
        JobState::Scheduled => ("Pending", "OK"),
        JobState::Running => ("Running", "OK"),
        JobState::Completed => ("Completed", "OK"),
        JobState::CompletedWithErrors => ("Completed", "Warning"),
        JobState::Failed => ("Exception", "Critical"),
    };
    let messages = if job.message.is_empty() { json!([]) } else { json!([{"Message": job.message}]) };
    let mut task = json!({
        "@odata.id": task_path(&job.id),
        "@odata.type": "#Task.v1_4_3.Task",
        "Id": job.id,
        "Name": job.kind,
        "TaskState": state,
        "TaskStatus": status,
        "PercentComplete": machine.progress(job),
        "StartTime": date(call, job.created),
        "Messages": messages,
    });
    if let Some(ended) = job.ended {
        task["EndTime"] = date(call, ended).into();
    }
    task
}

fn task(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = call.param("task");
    let found = machine.jobs.iter().find(|job| job.id == id && job.shown);
    found.map(|job| render_task(call, machine, job)).ok_or(Problem::NotFound)
}

fn registries(_: &Call, machine: &Machine) -> Result<Value, Problem> {
    let members = vec![format!("/redfish/v1/Registries/{}", machine.bios.registry.id)];
    Ok(collection("MessageRegistryFileCollection", "/redfish/v1/Registries", "Registries", members))
}

fn registry_file(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = &machine.bios.registry.id;
    if !call.param("registry").eq_ignore_ascii_case(id) {
        return Err(Problem::NotFound);
    }
    let path = format!("/redfish/v1/Registries/{id}");
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#MessageRegistryFile.v1_1_3.MessageRegistryFile",
        "Id": id,
        "Name": "BIOS Attribute Registry File",
        "Registry": id,
        "Languages": ["en"],
        "Location": [{"Language": "en", "Uri": format!("{path}/Document")}],
    }))
}

fn registry(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    if !call.param("registry").eq_ignore_ascii_case(&machine.bios.registry.id) {
        return Err(Problem::NotFound);
    }
    Ok(render_registry(machine))
}

/// The BIOS attribute registry.
pub fn render_registry(machine: &Machine) -> Value {
    let registry = &machine.bios.registry;
    let attributes: Vec<_> = registry.attributes.iter().map(|one| render_attribute(one, machine)).collect();
    let dependencies: Vec<_> = registry.dependencies.iter().map(render_dependency).collect();
    json!({
        "@odata.type": "#AttributeRegistry.v1_3_3.AttributeRegistry",
        "Id": registry.id,
        "Name": "BIOS Attribute Registry",
        "Language": "en",
        "OwningEntity": machine.hardware.manufacturer,
        "RegistryVersion": "1.0.0",
        "SupportedSystems": [{
            "ProductName": machine.hardware.model,
            "FirmwareVersion": machine.hardware.bios_version,
        }],
        "RegistryEntries": {"Attributes": attributes, "Dependencies": dependencies},
    })
}

fn render_attribute(attribute: &Attribute, machine: &Machine) -> Value {
    let mut entry = json!({
        "AttributeName": attribute.name,
        "DisplayName": attribute.display,
        "Type": attribute.kind.name(),
        "ReadOnly": attribute.read_only,
        "ResetRequired": true,
        "Hidden": false,
        "DefaultValue": attribute.default,
        "CurrentValue": machine.bios.current.get(&attribute.name),
    });
    match &attribute.kind {
        Kind::Enumeration(values) => {
            let values: Vec<_> =
                values.iter().map(|value| json!({"ValueName": value, "ValueDisplayName": value})).collect();
            entry["Value"] = values.into();
        }
        Kind::Integer { low, high } => {
            entry["LowerBound"] = (*low).into();
            entry["UpperBound"] = (*high).into();
        }
        Kind::Text { max } => {
            entry["MinLength"] = 0.into();
            entry["MaxLength"] = (*max).into();
        }
        Kind::Url { max, endings } => {
            entry["MinLength"] = 0.into();
            entry["MaxLength"] = (*max).into();
            let endings = endings.join("|").replace('.', "\\.");
            let end = if endings.is_empty() { String::new() } else { format!("({endings})") };
            entry["ValueExpression"] = format!("^$|^https?://\\S+{end}$").into();
        }
        Kind::Boolean => {}
    }
    entry
}

fn render_dependency(rule: &Dependency) -> Value {
    let condition = if rule.negated { "NEQ" } else { "EQU" };
    let from: Vec<_> = rule
        .values
        .iter()
        .enumerate()
        .map(|(number, value)| {
            let mut term = json!({
                "MapFromAttribute": rule.attribute,
                "MapFromProperty": "CurrentValue",
                "MapFromCondition": condition,
                "MapFromValue": value,
            });
            if number > 0 {
                term["MapTerms"] = if rule.negated { "AND" } else { "OR" }.into();
            }
            term
        })
        .collect();
    let (property, value) = match &rule.effect {
        Effect::ReadOnly => ("ReadOnly", Value::Bool(true)),
        Effect::Value(value) => ("CurrentValue", value.clone()),
    };
    json!({
        "Type": "Map",
        "DependencyFor": rule.target,
        "Dependency": {
            "MapFrom": from,
            "MapToAttribute": rule.target,
            "MapToProperty": property,
            "MapToValue": value,
        },
    })
}
