//! The job queue, its aliases, and the services that watch and clear it.

use http::StatusCode;
use serde_json::{Value, json};

use super::{MANAGER, bios, messages};
use crate::clock::SimTime;
use crate::log::Class;
use crate::machine::{Job, JobState, Machine, Post, Power};
use crate::personality::standard::{self, asked, collection, manager_path};
use crate::web::{Call, Problem, Reply, Table, call};

/// Adds the queue below the Manager, its two aliases, and the services.
pub(super) fn add(table: &mut Table) {
    let queues = [
        format!("{MANAGER}/Oem/Dell/Jobs"),
        format!("{MANAGER}/Jobs"),
        "/redfish/v1/JobService/Jobs".to_owned(),
    ];
    for queue in &queues {
        table.get(queue, jobs).post(queue, create);
        let job = format!("{queue}/{{job}}");
        table.get(&job, job_resource).delete(&job, delete);
    }
    table.get("/redfish/v1/JobService", job_service);
    let lc = format!("{MANAGER}/Oem/Dell/DellLCService");
    table.get(&lc, lc_service);
    table.post(&format!("{lc}/Actions/DellLCService.GetRemoteServicesAPIStatus"), readiness);
    let queue_service = format!("{MANAGER}/Oem/Dell/DellJobService");
    table.get(&queue_service, queue_service_resource);
    table.post(&format!("{queue_service}/Actions/DellJobService.DeleteJobQueue"), clear_queue);
}

fn job_service(_: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": "/redfish/v1/JobService",
        "@odata.type": "#JobService.v1_0_3.JobService",
        "Id": "JobService",
        "Name": "Job Service",
        "ServiceEnabled": true,
        "ServiceCapabilities": {"MaxJobs": 256, "MaxSteps": 1, "Scheduling": true},
        "Jobs": {"@odata.id": "/redfish/v1/JobService/Jobs"},
    }))
}

fn jobs(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = machine.jobs.iter().map(|job| format!("{path}/{}", job.id)).collect();
    Ok(collection("DellJobCollection", &path, "JobQueue", members))
}

/// Dates of jobs are local time without an offset.
fn local(call: &Call, time: SimTime) -> String {
    standard::date(call, time).trim_end_matches('Z').to_owned()
}

fn job_resource(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = call.param("job");
    let job = machine.jobs.iter().find(|job| job.id == id).ok_or(Problem::NotFound)?;
    let (message_id, message) = words(job, machine);
    let ended = job.ended.map(|time| local(call, time));
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#DellJob.v1_2_0.DellJob",
        "Id": id,
        "Name": "Configure: BIOS.Setup.1-1",
        "JobType": job.kind,
        "JobState": job.state.word(),
        "PercentComplete": job.percent,
        "Message": message,
        "MessageId": message_id,
        "MessageArgs": [],
        "MessageArgs@odata.count": 0,
        "StartTime": local(call, job.created),
        "EndTime": "TIME_NA",
        "CompletionTime": ended,
        "TargetSettingsURI": null,
    }))
}

fn words(job: &Job, machine: &Machine) -> (&'static str, String) {
    match job.state {
        JobState::New | JobState::Scheduled => ("JCP001", "The task is scheduled.".into()),
        JobState::Running => ("PR20", "The job is in progress.".into()),
        JobState::Completed => ("PR19", "The job is completed.".into()),
        JobState::CompletedWithErrors => {
            let names = bios::refusals(machine).join(", ");
            ("PR31", format!("The job ended with errors: not applied: {names}."))
        }
        JobState::Failed => ("PR21", "The job failed.".into()),
    }
}

/// A fresh `JID_` with twelve digits.
pub(super) fn next_id(machine: &mut Machine) -> String {
    format!("JID_{:012}", 700_000_000_000 + machine.next_number() * 7_919)
}

/// Commits the staged BIOS settings by a job: 202 with its `Location`.
pub(super) fn commit(call: &Call, machine: &mut Machine) -> Reply {
    let id = next_id(machine);
    machine.add_job(id.clone(), "BIOSConfiguration", JobState::Scheduled, &super::bios::settings(call));
    let location = format!("{}/Oem/Dell/Jobs/{id}", manager_path(call));
    Reply::accepted(&location, messages::success())
}

/// POST to the queue: a job for the settings that `TargetSettingsURI` names.
fn create(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let name = "TargetSettingsURI";
    let target = call::text(&body, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    call.summary(format!("Job for {target}"));
    if target.trim_end_matches('/') != super::bios::settings(call) {
        return Err(Problem::PropertyValue(name.into(), target.into()));
    }
    if machine.bios_job().is_some() {
        let text = "A configuration job is in progress already.";
        return Err(Problem::Other(StatusCode::BAD_REQUEST, "RAC052".into(), text.into()));
    }
    if machine.bios.pending.is_empty() {
        let text = "There are no pending values to apply.";
        return Err(Problem::Other(StatusCode::BAD_REQUEST, "BIOS008".into(), text.into()));
    }
    let made = commit(call, machine);
    Ok(made.with_status(StatusCode::OK))
}

/// Takes a job out of the queue; what a BIOS job would have applied goes with it.
fn drop_job(machine: &mut Machine, id: &str) -> bool {
    let pending = machine
        .jobs
        .iter()
        .any(|job| job.id == id && !job.state.is_over() && job.kind == "BIOSConfiguration");
    let gone = machine.delete_job(id);
    if gone && pending {
        machine.discard_bios();
    }
    gone
}

fn delete(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let id = call.param("job").to_owned();
    call.summary(format!("Delete job {id}"));
    if !machine.jobs.iter().any(|job| job.id == id) {
        return Err(Problem::NotFound);
    }
    if drop_job(machine, &id) { Ok(Reply::json(messages::success())) } else { Err(running(&id)) }
}

fn running(id: &str) -> Problem {
    Problem::Other(StatusCode::BAD_REQUEST, "RAC0679".into(), format!("The job {id} is running."))
}

fn queue_service_resource(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#DellJobService.v1_1_0.DellJobService",
        "Id": "DellJobService",
        "Name": "DellJobService",
        "Actions": {"#DellJobService.DeleteJobQueue": {
            "target": format!("{path}/Actions/DellJobService.DeleteJobQueue"),
        }},
    }))
}

fn clear_queue(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let wanted = call::text(&body, "JobID")?.ok_or_else(|| Problem::Missing("JobID".into()))?;
    call.summary(format!("DeleteJobQueue {wanted}"));
    let ids: Vec<_> = match wanted.as_str() {
        "JID_CLEARALL" | "JID_CLEARALL_FORCE" => machine.jobs.iter().map(|job| job.id.clone()).collect(),
        one => vec![one.to_owned()],
    };
    for id in ids {
        if !drop_job(machine, &id) && !wanted.starts_with("JID_CLEARALL") {
            return Err(running(&id));
        }
    }
    Ok(Reply::json(messages::success()))
}

fn lc_service(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#DellLCService.v1_3_0.DellLCService",
        "Id": "DellLCService",
        "Name": "DellLCService",
        "Actions": {"#DellLCService.GetRemoteServicesAPIStatus": {
            "target": format!("{path}/Actions/DellLCService.GetRemoteServicesAPIStatus"),
        }},
    }))
}

/// Readiness: a query by POST.
fn readiness(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.class(Class::Query);
    call.object()?;
    let at_work = machine.jobs.iter().any(|job| job.state == JobState::Running);
    let host = match (machine.power(), machine.post()) {
        (Power::Off | Power::PoweringOn, _) => "PoweredOff",
        (_, Post::Phase(_)) if at_work => "AutomatedTaskExecution",
        (_, Post::Phase(_)) => "InPOST",
        (_, Post::Setup) => "InSetup",
        _ => "OutOfPOST",
    };
    let mut body = messages::success();
    body["LCStatus"] = if at_work { "InUse" } else { "Ready" }.into();
    body["RTStatus"] = if machine.in_post() { "NotReady" } else { "Ready" }.into();
    body["ServerStatus"] = host.into();
    body["Status"] = if at_work { "NotReady" } else { "Ready" }.into();
    body["TelemetryStatus"] = "Ready".into();
    Ok(Reply::json(body))
}
