//! `bmc … logs`.

use anyhow::bail;
use rackhand_bmc::{LogEntry, LogInfo, Operation};

use super::{Here, or_dash, sensors::painted};
use crate::{
    args::LogsCommand,
    render::{Paint, Table},
};

/// Entries that are counted before a log is cleared, at most.
const COUNTED: usize = 1000;

pub(super) async fn run(here: &Here<'_>, command: Option<LogsCommand>) -> anyhow::Result<()> {
    here.bmc.require(Operation::LogsRead)?;
    let logs = here.bmc.logs()?.logs().await?;
    match command.unwrap_or(LogsCommand::List) {
        LogsCommand::List => here.print(&logs, || list(&logs)),
        LogsCommand::Show { log, limit } => {
            let log = match (log, logs.as_slice()) {
                (Some(name), _) => named(here, &logs, &name)?,
                (None, [only]) => only,
                (None, _) => bail!(
                    "BMC {} has several logs; name one: {}",
                    here.bmc.address,
                    logs.iter().map(|log| log.name.as_str()).collect::<Vec<_>>().join(", ")
                ),
            };
            let found = here.bmc.logs()?.entries(&log.id, limit).await?;
            here.print(&found.entries, || entries(&found.entries))?;
            here.tell_skipped(&found.skipped)
        }
        LogsCommand::Clear { log, yes_clear } => {
            clear(here, named(here, &logs, &log)?, yes_clear.as_deref()).await
        }
    }
}

async fn clear(here: &Here<'_>, log: &LogInfo, given: Option<&str>) -> anyhow::Result<()> {
    here.may(Operation::LogsClear).await?;
    if !log.clearable {
        bail!("BMC {}: the log {} cannot be cleared; nothing was sent", here.bmc.address, log.name);
    }
    let logs = here.bmc.logs()?;
    let before = logs.entries(&log.id, COUNTED).await?.entries;
    if before.is_empty() {
        return here.tell(format_args!("the log {} is empty already; nothing was sent", log.name));
    }
    let many = if before.len() < COUNTED { before.len().to_string() } else { format!("{COUNTED} or more") };
    let what = format!("clear the log {}, which has {many} entries", log.name);
    here.meant(&what, &log.name, "--yes-clear", given)?;
    let outcome = logs.clear(&log.id).await?;
    // That it was cleared is itself written down in some logs: what was there before is what must be gone.
    let look = async || {
        let now = logs.entries(&log.id, COUNTED).await?.entries;
        Ok(Some(!now.iter().any(|entry| before.contains(entry))))
    };
    here.prove(&what, outcome, look).await?;
    let after = logs.entries(&log.id, COUNTED).await?.entries;
    here.print(&after, || entries(&after))
}

fn named<'a>(here: &Here<'_>, logs: &'a [LogInfo], name: &str) -> anyhow::Result<&'a LogInfo> {
    let fits = |log: &&LogInfo| log.name.eq_ignore_ascii_case(name) || log.id.0 == name;
    logs.iter().find(fits).ok_or_else(|| {
        let names: Vec<&str> = logs.iter().map(|log| log.name.as_str()).collect();
        here.no_such("log", name, &names)
    })
}

fn list(logs: &[LogInfo]) -> Table {
    let mut table = Table::new(&["LOG", "KEEPS", "CLEARABLE"]);
    for log in logs {
        let clearable = if log.clearable { "yes" } else { "no" };
        table.row([log.name.clone(), format!("{:?}", log.kind), clearable.to_owned()]);
    }
    table
}

fn entries(entries: &[LogEntry]) -> Table {
    let mut table = Table::new(&["WHEN", "SEVERITY", "MESSAGE"]);
    for entry in entries {
        let id = entry.message_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        table.painted([
            (or_dash(entry.created), Paint::None),
            painted(entry.severity),
            (format!("{}{id}", entry.message.trim()), Paint::None),
        ]);
    }
    table
}
