//! Jobs and their queue.

use http::Method;
use rackhand_bmc::{JobRef, JobState};
use rackhand_testing::{Reply, Service};
use serde_json::{Value, json};

use super::Cure;
use crate::{
    support::{MANAGER, link},
    whole::whole,
};

/// An iDRAC with this job in its queue.
pub(crate) fn with_one(job: &Value) -> (Service, JobRef) {
    let service = whole("15G Monolithic", "6.10.30.00");
    let queue = format!("{MANAGER}/Oem/Dell/Jobs");
    let reference = JobRef { uri: format!("{queue}/JID_123456789012"), id: "JID_123456789012".to_owned() };
    service.change(|documents| {
        documents.put(&queue, json!({"Members": [link(&reference.uri)]}));
        documents.put(
            &reference.uri,
            json!({"@odata.id": reference.uri, "Id": reference.id, "JobType": "RAIDConfiguration"}),
        );
        documents.merge(&reference.uri, job);
    });
    (service, reference)
}

async fn state(cure: &Cure, job: &Value) -> JobState {
    let (service, reference) = with_one(job);
    cure.connect(&service).await.jobs().unwrap().job(&reference).await.unwrap().state
}

pub(crate) async fn place(cure: &Cure) -> bool {
    let (service, _) = with_one(&json!({"JobState": "Scheduled"}));
    cure.connect(&service).await.jobs().unwrap().unfinished().await.unwrap().len() == 1
}

pub(crate) async fn states(cure: &Cure) -> bool {
    state(cure, &json!({"JobState": "RebootPending"})).await == JobState::Scheduled
}

pub(crate) async fn stuck(cure: &Cure) -> bool {
    state(cure, &json!({"JobState": "Scheduled", "MessageId": "IDRAC.2.8.PR30"})).await == JobState::Failed
}

pub(crate) async fn task_gone(cure: &Cure) -> bool {
    let (service, job) = with_one(&json!({"JobState": "Completed"}));
    let task = JobRef { uri: format!("/redfish/v1/TaskService/Tasks/{}", job.id), ..job };
    let seen = cure.connect(&service).await.jobs().unwrap().job(&task).await.unwrap();
    assert_eq!(seen.job, task);
    seen.state == JobState::Completed
}

pub(crate) async fn queue(cure: &Cure) -> bool {
    let (service, _) = with_one(&json!({"JobState": "Scheduled"}));
    let service = service.rule(|asked, documents| {
        let cleared =
            asked.path == "/clear-queue" || asked.method == Method::DELETE && asked.path.contains("JID_");
        cleared.then(|| {
            documents.put(&format!("{MANAGER}/Oem/Dell/Jobs"), json!({"Members": []}));
            Reply::empty(200)
        })
    });
    let _ = cure.connect(&service).await.jobs().unwrap().clear_queue().await.unwrap();
    let sent: Vec<Value> = service.writes().into_iter().map(|asked| asked.body).collect();
    sent == [json!({"JobID": "JID_CLEARALL"})]
}
