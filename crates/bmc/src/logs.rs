//! Event and lifecycle logs.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Fut, Outcome, Skipped};

/// The logs of a machine.
///
/// ```
/// # use rackhand_bmc::{Bmc, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// for log in bmc.logs()?.logs().await? {
///     for entry in bmc.logs()?.entries(&log.id, 10).await?.entries {
///         println!("{}: {}", log.name, entry.message);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub trait Logs: Send + Sync {
    /// Lists the logs there are.
    fn logs(&self) -> Fut<'_, Vec<LogInfo>>;

    /// Reads the newest entries of a log, newest first, at most `limit` of them.
    fn entries<'a>(&'a self, log: &'a LogId, limit: usize) -> Fut<'a, LogEntries>;

    /// Clears a log: its entries are lost.
    fn clear<'a>(&'a self, log: &'a LogId) -> Fut<'a, Outcome>;
}

/// A log's URI, or its counterpart in another protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogId(pub String);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogInfo {
    /// Its name within the BMC.
    pub id: LogId,
    /// The name people see (`Sel`, `Lclog`, `IML`).
    pub name: String,
    /// What it keeps.
    pub kind: LogKind,
    /// Whether it can be cleared.
    pub clearable: bool,
}

/// What a log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum LogKind {
    /// Hardware events: the SEL, HPE's IML.
    Events,
    /// What was done to the machine: Dell's lifecycle log, HPE's iLO event log, audit logs.
    Lifecycle,
    /// Anything else.
    Other,
}

/// Entries of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntries {
    /// Newest first.
    pub entries: Vec<LogEntry>,
    /// What could not be read, and why.
    pub skipped: Vec<Skipped>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Its id within the log.
    pub id: String,
    /// When the BMC says it was made; `None` for the impossible dates that several write.
    pub created: Option<Timestamp>,
    /// How grave it is.
    pub severity: Health,
    /// The message.
    pub message: String,
    /// The message's id, where shown.
    pub message_id: Option<String>,
}

/// How well something is, as Redfish says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Health {
    /// The BMC does not say.
    Unknown,
    /// Well.
    Ok,
    /// Needs attention.
    Warning,
    /// Needs it now.
    Critical,
}

impl Health {
    /// The health that Redfish, or an older service (`Informational`, `Caution`, `Fatal`), spells so.
    #[must_use]
    pub fn parse(name: Option<&str>) -> Self {
        match name.map(str::to_ascii_lowercase).as_deref() {
            Some("ok" | "informational" | "info" | "normal" | "repaired") => Self::Ok,
            Some("warning" | "caution" | "minor") => Self::Warning,
            Some("critical" | "fatal" | "major") => Self::Critical,
            _ => Self::Unknown,
        }
    }
}
