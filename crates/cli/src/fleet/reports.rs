//! The journal told to others while a run goes on.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use rackhand_agent::journal::{Journal, JournalError};
use rackhand_hub::{
    Finish, JsonLines, Reporter, Reporting, Retries, Status, Token, Webhook, WebhookOptions, tls_config,
};
use rackhand_media::Sha256Digest;
use tokio::task::JoinHandle;

use crate::{World, exit::usage};

/// How long reporters may take to finish after the last node.
const FINISH: Duration = Duration::from_secs(10);

/// Who is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReportOptions {
    /// A file of JSON lines.
    pub(crate) events: Option<PathBuf>,
    /// A URL that takes CloudEvents.
    pub(crate) webhook: Option<String>,
    /// The file of its bearer token.
    pub(crate) webhook_token: Option<PathBuf>,
}

/// The reporters of a run.
#[derive(Default)]
pub(super) struct Reports {
    running: Vec<Running>,
}

struct Running {
    name: String,
    finish: Finish,
    task: JoinHandle<Result<Status, JournalError>>,
}

impl Reports {
    /// Starts them. Each goes on where it was in an earlier run.
    pub(super) fn start(options: &ReportOptions, journal: &Arc<dyn Journal>) -> anyhow::Result<Self> {
        let mut reports = Self::default();
        if let Some(path) = &options.events {
            let path = std::path::absolute(path).with_context(|| format!("--events {}", path.display()))?;
            let reader = format!("events {}", path.display());
            let lines = JsonLines::file(&path).map_err(|error| usage(format!("--events: {error}")))?;
            reports.begin(Arc::new(lines), reader, journal);
        }
        if let Some(url) = &options.webhook {
            let webhook = webhook(url, options.webhook_token.as_ref())?;
            // Another URL is another place, which gets everything; the URL itself may hold a secret.
            let reader = format!("webhook {}", Sha256Digest::of(url.as_bytes()));
            reports.begin(Arc::new(webhook), reader, journal);
        }
        Ok(reports)
    }

    fn begin(&mut self, reporter: Arc<dyn Reporter>, reader: String, journal: &Arc<dyn Journal>) {
        let name = reporter.name().to_owned();
        let (reporting, finish) = Reporting::new(Arc::clone(journal), reporter, reader, Retries::default());
        let task = tokio::spawn(reporting.run());
        self.running.push(Running { name, finish, task });
    }

    /// Lets them deliver what is left, and says what they could not.
    pub(super) async fn finish(self, world: &World) -> anyhow::Result<()> {
        self.running.iter().for_each(|one| one.finish.within(FINISH));
        for Running { name, task, .. } in self.running {
            let said = match task.await {
                Ok(Ok(status)) => left(&status),
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(format!("it ended unexpectedly: {error}")),
            };
            if let Some(said) = said {
                world.stderr.line(format_args!("warning: reporting to {name}: {said}"))?;
            }
        }
        Ok(())
    }
}

fn left(status: &Status) -> Option<String> {
    if status.gone {
        return Some("it wants nothing more".to_owned());
    }
    if let Some(trouble) = &status.trouble {
        return Some(format!("not everything was delivered: {trouble}; the next run goes on"));
    }
    match status.parked.len() {
        0 => None,
        count => Some(format!("{count} records were refused and left out; they stay in the journal")),
    }
}

fn webhook(url: &str, token: Option<&PathBuf>) -> anyhow::Result<Webhook> {
    let wrong = |what: String| usage(format!("--webhook: {what}"));
    let url = url.parse().map_err(|_| wrong("it is no URL".to_owned()))?;
    let mut options = WebhookOptions::new(url, "/rackhand", tls_config(None)?);
    options.token = token.cloned().map(Token::File);
    Webhook::new(options).map_err(|error| wrong(error.to_string()))
}
