//! The job queue, its aliases, and the services that watch and clear it.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::facts::Generation;
use super::{MANAGER, bios, messages};
use crate::clock::SimTime;
use crate::log::{Class, millis};
use crate::machine::{Job, JobState, Machine, Post, Power, Work};
use crate::personality::Quirks;
use crate::personality::standard::service::task_path;
use crate::personality::standard::{self, asked, collection, manager_path};
use crate::web::{Call, Problem, Reply, Table, call};

/// Adds the queue below the Manager, its aliases, and the services.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    let mut queues = vec!["/redfish/v1/JobService/Jobs".to_owned()];
    if quirks.has("jobs-below-manager") {
        queues.extend([format!("{MANAGER}/Oem/Dell/Jobs"), format!("{MANAGER}/Jobs")]);
        table.amend("/redfish/v1/TaskService/Tasks", tasks);
    }
    for queue in &queues {
        table.get(queue, jobs).post(queue, create);
        let job = format!("{queue}/{{job}}");
        table.get(&job, job_resource).delete(&job, delete);
    }
    let task = "/redfish/v1/TaskService/Tasks/{task}";
    table.get(task, task_resource);
    table.get("/redfish/v1/JobService", job_service);
    if quirks.has("readiness-by-lc-service") {
        let lc = format!("{MANAGER}/Oem/Dell/DellLCService");
        table.get(&lc, lc_service);
        table.post(&format!("{lc}/Actions/DellLCService.GetRemoteServicesAPIStatus"), readiness);
    }
    if quirks.has("delete-job-queue") {
        let queue_service = format!("{MANAGER}/Oem/Dell/DellJobService");
        table.get(&queue_service, queue_service_resource);
        table.post(&format!("{queue_service}/Actions/DellJobService.DeleteJobQueue"), clear_queue);
    }
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
    let shown = machine.jobs.iter().filter(|job| job.shown);
    let members = shown.map(|job| format!("{path}/{}", job.id)).collect();
    Ok(collection("DellJobCollection", &path, "JobQueue", members))
}

/// The TaskService lists what runs.
fn tasks(_: &Call, machine: &Machine, body: &mut Value) {
    let running = machine.jobs.iter().filter(|job| job.shown && job.state == JobState::Running);
    let members: Vec<_> = running.map(|job| standard::link(task_path(&job.id))).collect();
    body["Members@odata.count"] = members.len().into();
    body["Members"] = members.into();
}

/// Dates of jobs are local time without an offset.
fn local(call: &Call, time: SimTime) -> String {
    standard::date(call, time).trim_end_matches('Z').to_owned()
}

fn find<'a>(call: &Call, machine: &'a Machine, param: &str) -> Result<&'a Job, Problem> {
    let id = call.param(param);
    machine.jobs.iter().find(|job| job.id == id && job.shown).ok_or(Problem::NotFound)
}

/// The words of a job: its state, and what it says.
struct Words {
    state: &'static str,
    message_id: &'static str,
    message: String,
}

fn words(call: &Call, machine: &Machine, job: &Job) -> Words {
    let quirks = &call.cell.quirks;
    let said = |message_id, message: &str| (message_id, message.to_owned());
    let (message_id, message) = match job.state {
        _ if job.stuck => said("PR30", "Job processing initialization failure."),
        JobState::New | JobState::Scheduled => said("JCP001", "The task is scheduled."),
        JobState::Running => said("PR20", "The job is in progress."),
        JobState::Completed if job.kind == "ImportConfiguration" => {
            said("SYS053", "The configuration was imported.")
        }
        JobState::Completed => said("PR19", "The job is completed."),
        JobState::CompletedWithErrors if !job.message.is_empty() => {
            ("PR31", format!("The job ended with errors: {}.", job.message))
        }
        JobState::CompletedWithErrors => {
            let names = bios::refusals(machine).join(", ");
            ("PR31", format!("The job ended with errors: not applied: {names}."))
        }
        JobState::Failed if job.message.is_empty() => said("PR21", "The job failed."),
        JobState::Failed => ("PR21", format!("The job failed: {}.", job.message)),
    };
    let state = match job.state {
        JobState::New | JobState::Scheduled if job.stuck && !quirks.has("job-stuck-pr30") => JobState::Failed,
        JobState::New if job.stuck => JobState::Scheduled,
        state => state,
    };
    let state = match state {
        state if quirks.has("dell-job-states") => state.word(),
        JobState::New => "New",
        JobState::Scheduled => "Pending",
        JobState::Running => "Running",
        JobState::Completed | JobState::CompletedWithErrors => "Completed",
        JobState::Failed => "Exception",
    };
    Words { state, message_id, message }
}

fn name(job: &Job) -> &'static str {
    match job.kind.as_str() {
        "BIOSConfiguration" => "Configure: BIOS.Setup.1-1",
        "FirmwareUpdate" => "Firmware Update",
        "ExportConfiguration" => "Export: Server Configuration Profile",
        "ImportConfiguration" => "Import Configuration",
        _ => "Configure: RAID",
    }
}

fn job_resource(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let job = find(call, machine, "job")?;
    let Words { state, message_id, message } = words(call, machine, job);
    let ended = job.ended.map(|time| local(call, time));
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#DellJob.v1_2_0.DellJob",
        "Id": job.id,
        "Name": name(job),
        "JobType": job.kind,
        "JobState": state,
        "PercentComplete": machine.progress(job),
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

/// A job as a Task: gone some time after its end, when the job is still there.
fn task_resource(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let job = find(call, machine, "task")?;
    let stays = Duration::from_secs(Generation::of(call).facts().task_stays);
    let over = job.ended.is_some_and(|ended| machine.now().since(ended) > stays);
    if over && call.cell.quirks.has("task-gone-job-left") {
        return Err(Problem::NotFound);
    }
    let Words { state, message_id, message } = words(call, machine, job);
    let mut task = standard::service::render_task(call, machine, job);
    task["Messages"] = json!([{"MessageId": message_id, "Message": message}]);
    task["Oem"] = json!({"Dell": {
        "@odata.type": "#DellJob.v1_2_0.DellJob",
        "Id": job.id,
        "Name": name(job),
        "JobType": job.kind,
        "JobState": state,
        "Message": message,
        "MessageId": message_id,
        "PercentComplete": machine.progress(job),
    }});
    Ok(task)
}

/// A fresh `JID_` with twelve digits.
pub(super) fn next_id(machine: &mut Machine) -> String {
    format!("JID_{:012}", 700_000_000_000 + machine.next_number() * 7_919)
}

/// Where a job is told to be.
pub(super) fn path(call: &Call, id: &str) -> String {
    let manager = manager_path(call);
    match Generation::of(call) {
        _ if !call.cell.quirks.has("jobs-below-manager") => task_path(id),
        Generation::Eight => format!("{manager}/Jobs/{id}"),
        _ => format!("{manager}/Oem/Dell/Jobs/{id}"),
    }
}

/// Commits the staged BIOS settings, and what else there is, by a job: 202 with its `Location`. Where one waits that takes
/// more, it is that one.
pub(super) fn commit(call: &Call, machine: &mut Machine, work: Work) -> Reply {
    let waiting = machine.bios_job().filter(|_| work == Work::Nothing).map(|job| job.id.clone());
    let id = match waiting {
        Some(id) => id,
        None => {
            let id = next_id(machine);
            machine.add_job(id, "BIOSConfiguration", JobState::Scheduled, &super::bios::settings(call))
        }
    };
    if work != Work::Nothing {
        machine.give_work(&id, work);
    }
    Reply::accepted(&path(call, &id), messages::success())
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
    let made = commit(call, machine, Work::Nothing);
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
    let id = find(call, machine, "job")?.id.clone();
    call.summary(format!("Delete job {id}"));
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

/// `DeleteJobQueue` of one job, of all that are neither stuck nor at work, or of all.
fn clear_queue(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let wanted = call::text(&body, "JobID")?.ok_or_else(|| Problem::Missing("JobID".into()))?;
    call.summary(format!("DeleteJobQueue {wanted}"));
    match wanted.as_str() {
        "JID_CLEARALL" => {
            let free = machine.jobs.iter().filter(|job| !job.stuck).map(|job| job.id.clone());
            for id in free.collect::<Vec<_>>() {
                drop_job(machine, &id);
            }
        }
        "JID_CLEARALL_FORCE" => clear_by_force(machine),
        one if machine.jobs.iter().all(|job| job.id != one) => return Err(Problem::NotFound),
        one if !drop_job(machine, one) => return Err(running(one)),
        _ => {}
    }
    Ok(Reply::json(messages::success()))
}

/// The moment of the last clearing by force, in milliseconds.
const FORCED: &str = "lifecycle-controller-forced";

fn clear_by_force(machine: &mut Machine) {
    let ids: Vec<_> = machine.jobs.iter().map(|job| job.id.clone()).collect();
    for id in ids {
        if !drop_job(machine, &id) {
            machine.fail_job(&id, "the job queue was cleared by force");
            drop_job(machine, &id);
        }
    }
    let now = millis(machine.now());
    machine.oem.insert(FORCED.into(), now.into());
    machine.note("lifecycle-controller", "up", "restarting");
}

fn since_forced(machine: &Machine) -> Option<Duration> {
    let at = machine.oem.get(FORCED)?.as_u64()?;
    Some(Duration::from_millis(millis(machine.now()).saturating_sub(at)))
}

/// Whether the queue was cleared by force within the last two minutes.
pub(super) fn was_forced(machine: &Machine) -> bool {
    since_forced(machine).is_some_and(|since| since < Duration::from_secs(120))
}

/// Since when the iDRAC is up again, after a restart.
pub(super) fn since_restart(machine: &Machine) -> Option<Duration> {
    let started = machine.bmc_started();
    (started > SimTime::ZERO).then(|| machine.now().since(started))
}

/// Whether the lifecycle controller is there: a minute after the queue was cleared by force, two after the iDRAC restarted.
pub(super) fn lc_ready(call: &Call, machine: &Machine) -> bool {
    let slow = call.cell.quirks.has("not-ready-after-restart");
    let restarting = since_restart(machine).is_some_and(|since| since < Duration::from_secs(120) && slow);
    !restarting && since_forced(machine).is_none_or(|since| since >= Duration::from_secs(60))
}

/// Refuses what needs the lifecycle controller while it is not there.
///
/// # Errors
/// LC060.
pub(super) fn needs_lc(call: &Call, machine: &Machine) -> Result<(), Problem> {
    if lc_ready(call, machine) {
        return Ok(());
    }
    let text = "The lifecycle controller is not ready.";
    Err(Problem::Other(StatusCode::SERVICE_UNAVAILABLE, "LC060".into(), text.into()))
}

/// Whether storage takes jobs that run at once.
pub(super) fn storage_ready(call: &Call, machine: &Machine) -> bool {
    !machine.in_post() && lc_ready(call, machine)
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
    let at_work = machine.jobs.iter().any(|job| job.state == JobState::Running && machine.in_post());
    let host = match (machine.power(), machine.post()) {
        (Power::Off | Power::PoweringOn, _) => "PoweredOff",
        (_, Post::Phase(_)) if at_work => "AutomatedTaskExecution",
        (_, Post::Phase(_)) => "InPOST",
        (_, Post::Setup) => "InSetup",
        _ => "OutOfPOST",
    };
    let controller = match (lc_ready(call, machine), at_work) {
        (false, _) => "NotReady",
        (true, true) => "InUse",
        (true, false) => "Ready",
    };
    let storage = if storage_ready(call, machine) { "Ready" } else { "NotReady" };
    let mut body = messages::success();
    body["LCStatus"] = controller.into();
    body["RTStatus"] = storage.into();
    body["ServerStatus"] = host.into();
    body["Status"] = if controller == "Ready" { "Ready" } else { "NotReady" }.into();
    body["TelemetryStatus"] = "Ready".into();
    Ok(Reply::json(body))
}
