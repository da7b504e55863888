//! Tasks and their monitors; firmware images, which are pushed.

use http::header::RETRY_AFTER;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::machine::{Job, Machine};
use crate::personality::Quirks;
use crate::personality::standard::drop_property;
use crate::personality::standard::service::{self, task_path};
use crate::personality::standard::update::{self, SERVICE};
use crate::web::{Call, Problem, Reply, Table};

const TASK: &str = "/redfish/v1/TaskService/Tasks/{task}";
const UPLOAD: &str = "/redfish/v1/UpdateService/update";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend("/redfish/v1/TaskService", |_, _, body| {
        body["CompletedTaskOverWritePolicy"] = "Oldest".into();
    });
    if quirks.has("task-monitor") {
        table.get(&format!("{TASK}/Monitor"), monitor);
        table.amend(TASK, |call, machine, body| {
            if find(call, machine).is_some_and(|job| !job.state.is_over()) {
                body["TaskMonitor"] = format!("{}/Monitor", task_path(call.param("task"))).into();
            }
        });
    }
    if quirks.has("push-only") {
        table.remove(&format!("{SERVICE}/Actions"));
        table.amend(SERVICE, |_, _, body| drop_property(body, "Actions"));
    }
    table.remove(&format!("{SERVICE}/MultipartUpload"));
    table.upload(UPLOAD, update::push_any);
    table.amend(SERVICE, |_, _, body| {
        body["HttpPushUri"] = UPLOAD.into();
        body["MultipartHttpPushUri"] = UPLOAD.into();
        body["HttpPushUriOptions"] = serde_json::json!({"HttpPushUriApplyTime": {"ApplyTime": "Immediate"}});
        body["MaxImageSizeBytes"] = 419_430_400.into();
    });
}

fn find<'a>(call: &Call, machine: &'a Machine) -> Option<&'a Job> {
    let id = call.param("task");
    machine.jobs.iter().find(|job| job.id == id && job.shown)
}

/// Where the machine keeps that the monitor of a task has told of its end.
fn told(id: &str) -> String {
    format!("monitor-told:{id}")
}

/// The monitor of a task: the task while it lasts, then nothing; [`finish`] gives either its status.
fn monitor(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let job = find(call, machine).filter(|job| !machine.oem.contains_key(&told(&job.id)));
    let job = job.ok_or(Problem::NotFound)?;
    Ok(if job.state.is_over() { Value::Null } else { service::render_task(call, machine, job) })
}

/// A monitor answers 202 while its task lasts and 204 once it is over, which is the last that it is there.
pub(super) fn finish(call: &Call, reply: Reply) -> Reply {
    let path = call.path.trim_end_matches('/');
    let Some(task) = path.strip_suffix("/Monitor").filter(|_| call.cell.quirks.has("task-monitor")) else {
        return reply;
    };
    if call.method != Method::GET || reply.status != StatusCode::OK {
        return reply;
    }
    if reply.json.as_ref().is_some_and(|body| !body.is_null()) {
        return reply.with_status(StatusCode::ACCEPTED).located(path).header(RETRY_AFTER, "30");
    }
    let id = task.rsplit('/').next().unwrap_or_default();
    call.cell.with(|machine| machine.oem.insert(told(id), true.into()));
    Reply::no_content()
}
