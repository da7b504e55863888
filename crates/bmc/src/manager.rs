//! The Manager itself, its readiness, its jobs.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Fut, Outcome};

/// The BMC itself.
///
/// ```
/// # use rackhand_bmc::{Bmc, Readiness, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// println!("{:?}", bmc.manager()?.info().await?.firmware);
/// bmc.manager()?.reset().await?;
/// bmc.wait_ready(Readiness::Bmc, bmc.pacing.bios_apply).await?;
/// # Ok(())
/// # }
/// ```
pub trait Manager: Send + Sync {
    /// Reads what it says of itself.
    fn info(&self) -> Fut<'_, ManagerInfo>;

    /// Whether the given part is ready. One request where the vendor has one for it.
    fn ready(&self, what: Readiness) -> Fut<'_, ReadyState>;

    /// Restarts the BMC. It is gone for minutes; sessions do not survive.
    fn reset(&self) -> Fut<'_, Outcome>;
}

/// What a Manager says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagerInfo {
    /// Its id.
    pub id: String,
    /// Firmware version as it writes it.
    pub firmware: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its own date.
    pub date: Option<Timestamp>,
}

/// What one can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Readiness {
    /// The BMC answers requests.
    Bmc,
    /// Dell's lifecycle controller takes jobs.
    LifecycleController,
    /// The host's POST is over.
    HostPost,
    /// The storage inventory is complete.
    StorageInventory,
}

/// Whether something is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadyState {
    /// Ready, or nothing on this BMC says that it is not.
    Ready,
    /// Not yet; the text says what was seen.
    NotYet(String),
}

/// Jobs and tasks.
///
/// ```
/// # use rackhand_bmc::{Bmc, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// for job in bmc.jobs()?.unfinished().await? {
///     println!("{}: {:?} {:?}", job.job, job.state, job.message);
/// }
/// # Ok(())
/// # }
/// ```
pub trait Jobs: Send + Sync {
    /// Lists jobs that are not over.
    fn unfinished(&self) -> Fut<'_, Vec<Job>>;

    /// Reads one job or task. A job that is gone is [`JobState::Gone`], never an error.
    fn job<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Job>;

    /// Drops one job that has not begun, or the record of one that is over. One that is gone already answers
    /// [`Outcome::Unchanged`].
    fn delete<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Outcome>;

    /// Drops every job at once: the cure for a queue that is stuck. What others have queued is lost with it.
    fn clear_queue(&self) -> Fut<'_, Outcome>;
}

/// A job's or task's name within its BMC; can be stored and picked up by another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRef {
    /// The URI to read.
    pub uri: String,
    /// The id people see, for example `JID_123456789012`.
    pub id: String,
}

impl fmt::Display for JobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// A job or task as observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its name.
    pub job: JobRef,
    /// What it is for, as the vendor says (`BIOSConfiguration`).
    pub kind: String,
    /// Where it is.
    pub state: JobState,
    /// 0 to 100, where shown.
    pub percent: Option<u8>,
    /// The last message.
    pub message: Option<String>,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum JobState {
    /// Accepted, or waiting for a reset.
    Scheduled,
    /// At work.
    Running,
    /// Over, and well.
    Completed,
    /// Over, and not well.
    Failed,
    /// No longer known. Says nothing about success: read back what it should have changed.
    Gone,
}

impl JobState {
    /// Whether nothing more will come of it.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Gone)
    }
}
