//! Transitions as core Events on the HostProvision, and the ends of jobs on the BareMetalHost too.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use k8s_openapi::{
    api::core::v1::{Event as CoreEvent, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use rackhand_agent::{
    event::{Event, Evidence, JobResult, StepResult},
    journal::Record,
};
use tokio::sync::watch;

use super::{
    budget::Budget,
    host_provision, status,
    target::Targets,
    trouble::{Trouble, answered},
};
use crate::{DeliveryError, Reporter};

/// The component that the Events are from.
const COMPONENT: &str = "rackhand.dev/agent";
/// Events on their way at once, each of another node.
const AT_ONCE: usize = 8;
/// Longest message that the API takes.
const LONGEST: usize = 1024;

/// Makes an Event of every transition. Its name is made of the journal's name and the record's sequence: when it is sent
/// again, it exists already.
pub struct KubeEvents {
    client: Client,
    agent: String,
    targets: watch::Receiver<Option<Arc<Targets>>>,
    budget: Arc<Budget>,
}

impl fmt::Debug for KubeEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeEvents").field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl KubeEvents {
    /// Events of the agent named `agent`, about the objects in `targets`. Until those are known, records wait.
    #[must_use]
    pub fn new(
        client: Client,
        agent: String,
        targets: watch::Receiver<Option<Arc<Targets>>>,
        budget: Arc<Budget>,
    ) -> Self {
        Self { client, agent, targets, budget }
    }

    async fn send(
        &self,
        about: ObjectReference,
        name: String,
        told: &Told,
        record: &Record,
    ) -> Result<(), DeliveryError> {
        let namespace = about.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let event = CoreEvent {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            involved_object: about,
            reason: Some(told.reason.clone()),
            message: Some(told.message.chars().take(LONGEST).collect()),
            type_: Some(if told.warning { "Warning" } else { "Normal" }.to_owned()),
            count: Some(1),
            first_timestamp: Some(Time(record.at)),
            last_timestamp: Some(Time(record.at)),
            source: Some(EventSource {
                component: Some("rackhand".to_owned()),
                host: Some(self.agent.clone()),
            }),
            reporting_component: Some(COMPONENT.to_owned()),
            reporting_instance: Some(self.agent.clone()),
            ..CoreEvent::default()
        };
        self.budget.take().await;
        let api: Api<CoreEvent> = Api::namespaced(self.client.clone(), &namespace);
        match answered(api.create(&PostParams::default(), &event)).await {
            Ok(_) | Err(Trouble::Exists) => Ok(()),
            Err(Trouble::Missing(what)) => {
                // Its namespace goes or is gone, and with it whoever would read this.
                tracing::info!(namespace, what, "an Event has no place any more");
                Ok(())
            }
            Err(Trouble::Away(what) | Trouble::Stale(what)) => Err(DeliveryError::unavailable(what)),
            Err(Trouble::Refused(reason)) => Err(DeliveryError::Refused { reason }),
        }
    }
}

impl Reporter for KubeEvents {
    fn name(&self) -> &str {
        "Events on the hub"
    }

    fn concurrency(&self) -> usize {
        AT_ONCE
    }

    fn deliver<'a>(
        &'a self,
        journal: &'a str,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async move {
            let (Some(node), Some(told)) = (&record.node, told(&record.event)) else { return Ok(()) };
            let targets = self.targets.borrow().clone();
            let Some(targets) = targets else {
                return Err(DeliveryError::unavailable("the hub's objects are not known yet"));
            };
            let Some(target) = targets.get(node) else { return Ok(()) };
            if target.uid.is_none() {
                return Err(DeliveryError::unavailable(format!("{node} has no HostProvision yet")));
            }
            let name = event_name(&target.name, journal, record.seq);
            let about = ObjectReference {
                api_version: Some(format!("{}/{}", host_provision::GROUP, host_provision::VERSION)),
                kind: Some("HostProvision".to_owned()),
                name: Some(target.name.clone()),
                namespace: Some(target.namespace.clone()),
                uid: target.uid.clone(),
                ..ObjectReference::default()
            };
            self.send(about, name.clone(), &told, record).await?;
            if let (true, Some(uid)) = (told.end, &target.bmh_uid) {
                let host = ObjectReference {
                    api_version: Some("metal3.io/v1alpha1".to_owned()),
                    kind: Some("BareMetalHost".to_owned()),
                    name: Some(target.name.clone()),
                    namespace: Some(target.namespace.clone()),
                    uid: Some(uid.clone()),
                    ..ObjectReference::default()
                };
                self.send(host, format!("{name}.bmh"), &told, record).await?;
            }
            Ok(())
        })
    }
}

/// The same for the same record, whoever sends it.
fn event_name(object: &str, journal: &str, seq: u64) -> String {
    let journal: String =
        journal.chars().filter(char::is_ascii_alphanumeric).take(12).collect::<String>().to_ascii_lowercase();
    // A name has at most 253 characters.
    let object: String = object.chars().take(200).collect();
    format!("{object}.{journal}-{seq}")
}

/// A record in the words of an Event.
struct Told {
    reason: String,
    message: String,
    warning: bool,
    /// Whether it is the beginning or the end of something, which who watches the BareMetalHost wants to know.
    end: bool,
}

fn told(event: &Event) -> Option<Told> {
    let say = |reason: &str, message: String, warning: bool, end: bool| {
        Some(Told { reason: reason.to_owned(), message, warning, end })
    };
    match event {
        Event::JobStarted { job, request, .. } => say(
            "InstallationStarted",
            format!("installation {job} begins for request {request}"),
            false,
            true,
        ),
        Event::JobResumed { job } => {
            say("InstallationResumed", format!("installation {job} goes on"), false, false)
        }
        Event::Decided { decision, by, .. } => say("Decided", format!("{decision:?}, by {by}"), false, true),
        Event::AnswersAgain => say("BMCAnswersAgain", "the BMC answers again".to_owned(), false, true),
        Event::NotConnected { error, .. } => say("BMCNotConnected", error.clone(), true, true),
        Event::NeedsDecision { reason, .. } => say("NeedsDecision", reason.clone(), true, true),
        Event::StepFinished { step, result, detail, .. } => {
            let step = status::name(*step);
            match result {
                StepResult::Done => say(&format!("{step}Done"), detail.clone(), false, false),
                StepResult::AlreadySo => say(&format!("{step}AlreadySo"), detail.clone(), false, false),
                StepResult::Failed => say(&format!("{step}Failed"), detail.clone(), true, false),
                StepResult::NotRequired => None,
            }
        }
        Event::Sighted { evidence, .. } => match evidence {
            Evidence::CalledBack { stage } => {
                say("InstallationStage", format!("stage {stage}"), false, false)
            }
            Evidence::ImageRead { .. } => say("ImageRead", evidence.to_string(), false, false),
            Evidence::HostReset => say("HostReset", evidence.to_string(), false, false),
            _ => None,
        },
        Event::JobFinished { job, result } => match result {
            JobResult::Installed => say("Installed", format!("installation {job} is complete"), false, true),
            JobResult::BootedNotObservable { seen } => say(
                "BootedNotObservable",
                format!("installation {job} was booted and cannot be observed further: {seen}"),
                false,
                true,
            ),
            JobResult::Failed { step, error, advice, .. } => say(
                "InstallationFailed",
                format!("installation {job} failed in step {step}: {error}. {advice}"),
                true,
                true,
            ),
            JobResult::Cancelled { state, .. } => {
                say("InstallationCancelled", format!("installation {job} was cancelled: {state}"), true, true)
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_event_is_of_its_record_and_fits() {
        assert_eq!(event_name("node1", "01ABC-def", 7), "node1.01abcdef-7");
        assert_eq!(event_name("node1", "01ABC-def", 7), event_name("node1", "01ABC-def", 7));
        assert!(event_name(&"n".repeat(253), &"j".repeat(64), u64::MAX).len() + ".bmh".len() <= 253);
    }
}
