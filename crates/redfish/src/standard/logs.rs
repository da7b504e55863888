//! Logs as the LogServices of System, Manager and Chassis keep them.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use rackhand_bmc::{
    ErrorKind, Fut, Health, LogEntries, LogEntry, LogId, LogInfo, LogKind, Logs, Outcome, Result,
};
use serde_json::json;

use super::host::Host;
use crate::{
    document::Document,
    uri::{bare, last_segment},
};

/// The logs of the machine.
#[derive(Debug)]
pub struct StandardLogs {
    host: Arc<Host>,
}

impl StandardLogs {
    /// Logs of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host) }
    }

    /// Every LogServices collection that is linked. iDRAC and CIMC keep theirs below the Manager, HPE both below the
    /// System (IML) and the Manager (IEL).
    async fn places(&self) -> Result<Vec<String>> {
        let system = self.host.machine.system.link("LogServices").map(str::to_owned);
        let manager = self.host.manager().await?;
        let manager = manager.and_then(|manager| manager.link("LogServices")).map(str::to_owned);
        Ok(system.into_iter().chain(manager).collect())
    }

    async fn all(&self) -> Result<Vec<LogInfo>> {
        let (mut logs, mut seen) = (Vec::new(), BTreeSet::new());
        for place in self.places().await? {
            let found = self.host.client.collection(&place).await?;
            for one in &found.skipped {
                tracing::warn!(bmc = self.host.client.bmc(), log = %one.what, why = %one.why, "a log cannot be read");
            }
            for service in &found.documents {
                if seen.insert(bare(service.uri()).to_ascii_lowercase()) && service.link("Entries").is_some()
                {
                    logs.push(info(service));
                }
            }
        }
        Ok(logs)
    }

    async fn newest(&self, log: &LogId, limit: usize) -> Result<LogEntries> {
        let service = self.host.client.get(&log.0).await?;
        let entries = service.link("Entries").ok_or_else(|| self.host.lacks("Entries of this log"))?;
        let found = self.host.client.newest_members(entries, limit).await?;
        Ok(LogEntries { entries: found.documents.iter().map(entry).collect(), skipped: found.skipped })
    }

    async fn clear_one(&self, log: &LogId) -> Result<Outcome> {
        let service = self.host.client.get(&log.0).await?;
        let lacks = || {
            let why = format!("the log {} cannot be cleared: it offers no ClearLog", service.id());
            self.host.client.error(ErrorKind::Unsupported, why)
        };
        let action = service.action("LogService.ClearLog").ok_or_else(lacks)?;
        let target = action.str("target").ok_or_else(lacks)?;
        Ok(self.host.client.post(target, json!({})).await?.outcome())
    }
}

fn info(service: &Document) -> LogInfo {
    let clearable =
        service.action("LogService.ClearLog").is_some_and(|action| action.str("target").is_some());
    let name = service.str("Id").unwrap_or_else(|| last_segment(service.uri()));
    LogInfo { id: LogId(service.uri().to_owned()), name: name.to_owned(), kind: kind(service), clearable }
}

/// What a log keeps: as the service says, else by the names that vendors give their logs.
fn kind(service: &Document) -> LogKind {
    if service.str("LogEntryType") == Some("SEL") {
        return LogKind::Events;
    }
    let name = last_segment(service.uri()).to_ascii_lowercase();
    let is = |names: &[&str]| names.iter().any(|known| name.contains(known));
    if is(&["lclog", "lifecycle", "iel", "audit", "maintenance", "cimc", "standardlog"]) {
        LogKind::Lifecycle
    } else if is(&["sel", "iml", "eventlog", "event", "activelog"]) {
        LogKind::Events
    } else {
        LogKind::Other
    }
}

fn entry(document: &Document) -> LogEntry {
    LogEntry {
        id: document.id().to_owned(),
        created: document.str("Created").and_then(|date| date.parse::<Timestamp>().ok()),
        severity: Health::parse(document.str("Severity").or_else(|| document.str("MessageSeverity"))),
        message: document.str("Message").or_else(|| document.str("Name")).unwrap_or("-").to_owned(),
        message_id: document.str("MessageId").map(str::to_owned),
    }
}

impl Logs for StandardLogs {
    fn logs(&self) -> Fut<'_, Vec<LogInfo>> {
        Box::pin(self.all())
    }

    fn entries<'a>(&'a self, log: &'a LogId, limit: usize) -> Fut<'a, LogEntries> {
        Box::pin(self.newest(log, limit))
    }

    fn clear<'a>(&'a self, log: &'a LogId) -> Fut<'a, Outcome> {
        Box::pin(self.clear_one(log))
    }
}
