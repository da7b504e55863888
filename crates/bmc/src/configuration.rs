//! Whole-server configuration: capturing and applying all of a server's settings at once, where a vendor has a way
//! (Dell's Server Configuration Profile).

use serde::{Deserialize, Serialize};

use crate::{Fut, JobRef, Outcome};

/// A server's whole configuration as one document.
///
/// ```
/// # use rackhand_bmc::{Bmc, ConfigurationFormat, Result};
/// # async fn example(bmc: &Bmc) -> Result<()> {
/// let configuration = bmc.configuration()?;
/// let job = configuration.export(ConfigurationFormat::Xml, &["BIOS".to_owned()]).await?;
/// bmc.wait_job(&job, bmc.pacing.bios_apply).await?;
/// println!("{:?}", configuration.exported(&job).await?);
/// # Ok(())
/// # }
/// ```
pub trait Configuration: Send + Sync {
    /// Begins an export of these parts (the vendor's names, `BIOS`, `RAID`; empty exports all).
    fn export<'a>(&'a self, format: ConfigurationFormat, parts: &'a [String]) -> Fut<'a, JobRef>;

    /// The document that an export made; `None` while it is at work.
    fn exported<'a>(&'a self, job: &'a JobRef) -> Fut<'a, Option<String>>;

    /// Applies a document, which may restart the host: `shutdown` says how. Answers the job that does it.
    fn import<'a>(&'a self, document: &'a str, shutdown: ImportShutdown) -> Fut<'a, Outcome>;
}

/// How a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigurationFormat {
    /// XML.
    Xml,
    /// JSON.
    Json,
}

/// What becomes of a running host when a configuration is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportShutdown {
    /// Ask the operating system.
    Graceful,
    /// Force.
    Forced,
    /// Leave it; what needs a restart waits for the next.
    NoReboot,
}
