//! `bmc … configuration`.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use anyhow::{Context as _, bail};
use rackhand_bmc::{ConfigurationFormat, ImportShutdown, Operation};
use rackhand_media::Sha256Digest;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{Here, pairs};
use crate::args::{ConfigurationCommand, ConfigurationWriting, Shutdown};

pub(super) async fn run(here: &Here<'_>, command: ConfigurationCommand) -> anyhow::Result<()> {
    match command {
        ConfigurationCommand::Export { file, parts, format } => export(here, &file, &parts, format).await,
        ConfigurationCommand::Import { file, shutdown, yes_import } => {
            import(here, &file, shutdown, yes_import.as_deref()).await
        }
    }
}

#[derive(Debug, Serialize)]
struct Written {
    file: String,
    bytes: usize,
    sha256: String,
}

async fn export(
    here: &Here<'_>,
    file: &Path,
    parts: &[String],
    format: ConfigurationWriting,
) -> anyhow::Result<()> {
    here.may(Operation::ConfigurationExport).await?;
    // The file is made first: what cannot be kept is not asked for. It can hold hashes of passwords.
    let mut to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("{} cannot be made; nothing was sent", file.display()))?;
    let document = match exported(here, parts, format).await {
        Ok(document) => document,
        Err(error) => {
            // An empty file would only be in the way of the next try.
            let _ = std::fs::remove_file(file);
            return Err(error);
        }
    };
    to.write_all(document.as_bytes())
        .and_then(|()| to.sync_all())
        .with_context(|| format!("{} cannot be written", file.display()))?;
    let sha256 = Sha256Digest::of(document.as_bytes()).to_string();
    let written = Written { file: file.display().to_string(), bytes: document.len(), sha256 };
    here.print(&written, || {
        pairs([
            ("file", written.file.clone()),
            ("bytes", written.bytes.to_string()),
            ("SHA-256", written.sha256.clone()),
        ])
    })
}

async fn exported(here: &Here<'_>, parts: &[String], format: ConfigurationWriting) -> anyhow::Result<String> {
    let configuration = here.bmc.configuration()?;
    let format = match format {
        ConfigurationWriting::Xml => ConfigurationFormat::Xml,
        ConfigurationWriting::Json => ConfigurationFormat::Json,
    };
    let job = configuration.export(format, parts).await?;
    here.tell(format_args!("export the configuration: accepted as job {job}"))?;
    let end = Instant::now() + here.bmc.pacing.bios_apply;
    loop {
        match configuration.exported(&job).await {
            Ok(Some(document)) => return Ok(document),
            Ok(None) => {}
            Err(error) if error.kind().is_transient() => {
                tracing::info!(%error, "the export is asked for again")
            }
            Err(error) => return Err(error.into()),
        }
        if Instant::now() >= end {
            bail!(
                "BMC {}: the export {job} did not end within {:?}",
                here.bmc.address,
                here.bmc.pacing.bios_apply
            );
        }
        sleep(here.bmc.pacing.poll).await;
    }
}

async fn import(here: &Here<'_>, file: &Path, shutdown: Shutdown, given: Option<&str>) -> anyhow::Result<()> {
    here.may(Operation::ConfigurationImport).await?;
    let document =
        std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let (shutdown, host) = match shutdown {
        Shutdown::Graceful => (ImportShutdown::Graceful, "a running host is asked to shut down"),
        Shutdown::Forced => (ImportShutdown::Forced, "a running host is switched off"),
        Shutdown::None => (ImportShutdown::NoReboot, "the host is not restarted"),
    };
    let what = format!("import {} into the machine {}", file.display(), here.machine());
    here.meant(
        &format!("{what}: its settings are replaced, and {host}"),
        here.machine(),
        "--yes-import",
        given,
    )?;
    let outcome = here.bmc.configuration()?.import(&document, shutdown).await?;
    // The job's end says what was taken over; no single read shows a whole configuration.
    here.prove(&what, outcome, async || Ok(None)).await
}
