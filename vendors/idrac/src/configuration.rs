//! Whole configurations: Server Configuration Profiles, exported and imported by the Manager's OEM actions.
//!
//! Documents can hold password hashes and community strings, so none of one is ever logged or quoted.

use std::sync::Arc;

use rackhand_bmc::{
    Configuration, ConfigurationFormat, Error, ErrorKind, Fut, ImportShutdown, JobRef, JobState, Message,
    Outcome, Result,
};
use rackhand_redfish::{Document, View, last_segment, standard::StandardJobs};
use serde_json::{Value, json};

use crate::{
    quirks::{self, Dell},
    scp::{Component, Profile, ProfileError},
};

const EXPORT: &str = "OemManager.ExportSystemConfiguration";
const IMPORT: &str = "OemManager.ImportSystemConfiguration";
/// All of a server.
const ALL: &str = "ALL";
/// Behind the URI of an export that is wanted in XML; never sent.
const AS_XML: &str = "#XML";

/// The facet, where the Manager has the actions.
pub(crate) fn configuration(dell: &Dell) -> Option<Arc<dyn Configuration>> {
    dell.machine.manager()?.action(EXPORT)?;
    Some(Arc::new(Profiles { dell: dell.clone(), jobs: StandardJobs::new(dell.host()) }))
}

struct Profiles {
    dell: Dell,
    jobs: StandardJobs,
}

impl Profiles {
    /// The action, found by its ending: what stands before it differs between firmware (R750 6.00 and 7.10).
    fn action(&self, name: &str) -> Result<(View<'_>, &str)> {
        let found = self.dell.machine.manager().and_then(|manager| manager.action(name));
        let target = found.and_then(|action| Some((action, action.str("target")?)));
        target.ok_or_else(|| self.dell.lacks(name))
    }

    fn refused(&self, property: &str, why: String) -> Error {
        self.dell.client.error(ErrorKind::RejectedValue { properties: vec![property.to_owned()] }, why)
    }

    fn targets(&self, parts: &[String]) -> Value {
        let parts: Vec<&str> =
            if parts.is_empty() { vec![ALL] } else { parts.iter().map(String::as_str).collect() };
        if self.dell.on(quirks::SCP_TARGETS) { json!(parts) } else { json!(parts.join(",")) }
    }

    /// The task's own answer is the document once it is over. It is asked for in JSON, which says the same as XML and can
    /// be told from the task.
    async fn begin(&self, format: ConfigurationFormat, parts: &[String]) -> Result<JobRef> {
        let (action, target) = self.action(EXPORT)?;
        let known = action.strings("ShareParameters/Target@Redfish.AllowableValues");
        if let Some(part) = parts.iter().find(|part| !known.is_empty() && !known.contains(&part.as_str())) {
            let why = format!("the configuration has no part {part}; it has {}", known.join(", "));
            return Err(self.refused("Target", why));
        }
        let body = json!({"ExportFormat": "JSON", "ShareParameters": {"Target": self.targets(parts)}});
        let sent = self.dell.client.post(target, body).await?;
        let job = sent.job();
        match (sent.outcome(), job) {
            (_, Some(job)) if format == ConfigurationFormat::Xml => {
                Ok(JobRef { uri: format!("{}{AS_XML}", job.uri), ..job })
            }
            (_, Some(job)) => Ok(job),
            // It changed nothing, so it can simply be asked for again.
            (Outcome::Unknown { seen }, None) => Err(self.dell.client.error(ErrorKind::Lost, seen)),
            (_, None) => {
                let why = "the export was accepted, but the answer names no task to fetch it from";
                Err(self.dell.client.error(ErrorKind::Protocol, why))
            }
        }
    }

    async fn fetch(&self, job: &JobRef) -> Result<Option<String>> {
        let answer = match self.dell.client.read(&self.task_of(job)).await {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Vanished) => {
                let why = format!("the iDRAC no longer knows the task {job} of the export; export anew");
                return Err(self.dell.client.error(ErrorKind::Vanished, why));
            }
            answer => answer?,
        };
        if answer.json().get("SystemConfiguration").is_some() {
            let text = answer.json().to_string();
            let xml = job.uri.ends_with(AS_XML);
            return match xml {
                true => {
                    Profile::parse(&text).map(|profile| Some(profile.to_xml())).map_err(|why| self.odd(&why))
                }
                false => Ok(Some(text)),
            };
        }
        let task = Document::new(&job.uri, None, answer.json().clone());
        let seen = self.jobs.view(job.clone(), answer.status, &task);
        let said = seen.message.as_deref().unwrap_or("it does not say why");
        match seen.state {
            JobState::Scheduled | JobState::Running => Ok(None),
            JobState::Failed => Err(self
                .dell
                .client
                .error(ErrorKind::NotObserved, format!("the export {job} failed: {said}"))),
            _ => {
                let why = format!("the export {job} is over, but its task holds no document; export anew");
                Err(self.dell.client.error(ErrorKind::Protocol, why))
            }
        }
    }

    /// The document is with the task, not with the job of the same name.
    fn task_of(&self, job: &JobRef) -> String {
        let service =
            self.dell.machine.root.link("Tasks").or_else(|| self.dell.machine.root.link("TaskService"));
        match service {
            Some(service) if !job.uri.contains("/Tasks/") => {
                format!("{}/Tasks/{}", service.trim_end_matches('/'), last_segment(&job.uri))
            }
            _ => job.uri.clone(),
        }
    }

    fn odd(&self, why: &ProfileError) -> Error {
        self.dell
            .client
            .error(ErrorKind::Protocol, format!("the exported configuration cannot be read: {why}"))
    }

    async fn apply(&self, document: &str, shutdown: ImportShutdown) -> Result<Outcome> {
        let (_, target) = self.action(IMPORT)?;
        let profile = Profile::parse(document)
            .map_err(|why| self.refused("ImportBuffer", format!("the configuration to import: {why}")))?;
        let buffer = match (self.dell.on(quirks::SCP_COMPACT), document.trim_start().starts_with('<')) {
            (false, _) => document.to_owned(),
            (true, true) => profile.to_xml(),
            (true, false) => profile.to_json(),
        };
        let shutdown = match shutdown {
            ImportShutdown::Graceful => "Graceful",
            ImportShutdown::Forced => "Forced",
            ImportShutdown::NoReboot => "NoReboot",
        };
        let body = json!({
            "ImportBuffer": buffer,
            "ShutdownType": shutdown,
            "ShareParameters": {"Target": self.targets(&[])},
        });
        let sent = self.dell.client.post(target, body).await;
        Ok(sent.map_err(|error| silenced(&error, &profile))?.outcome())
    }
}

/// What the names of attributes that hold a secret contain, in lower case.
const SECRET_NAMES: [&str; 6] = ["password", "passphrase", "secret", "key", "salt", "community"];

/// The same error without the values that its messages quote from the document.
fn silenced(error: &Error, profile: &Profile) -> Error {
    let mut values = Vec::new();
    gather(&profile.components, &mut values);
    let message = |message: &Message| {
        let quotes = values.iter().any(|value| message.text.contains(*value));
        let text =
            if quotes { "(quotes a secret of the document, which is not repeated)" } else { &message.text };
        Message { id: message.id.clone(), text: text.to_owned() }
    };
    let made = Error::new(error.kind().clone(), error.bmc(), error.detail())
        .with_messages(error.messages().iter().map(message).collect());
    match error.request() {
        Some(request) => made.with_request(request),
        None => made,
    }
}

/// Every value that is a secret by its name.
fn gather<'a>(components: &'a [Component], values: &mut Vec<&'a str>) {
    for component in components {
        let secret = |name: &str| {
            let name = name.to_ascii_lowercase();
            SECRET_NAMES.iter().any(|part| name.contains(part))
        };
        let held = component.attributes.iter().filter(|one| secret(&one.name) && !one.value.is_empty());
        values.extend(held.map(|one| one.value.as_str()));
        gather(&component.components, values);
    }
}

impl Configuration for Profiles {
    fn export<'a>(&'a self, format: ConfigurationFormat, parts: &'a [String]) -> Fut<'a, JobRef> {
        Box::pin(self.begin(format, parts))
    }

    fn exported<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Option<String>> {
        Box::pin(self.fetch(job))
    }

    fn import<'a>(&'a self, document: &'a str, shutdown: ImportShutdown) -> Fut<'a, Outcome> {
        Box::pin(self.apply(document, shutdown))
    }
}
