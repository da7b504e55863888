//! The system event log as the one log there is.

use rackhand_bmc::{ErrorKind, Fut, LogEntries, LogId, LogInfo, LogKind, Logs, Outcome, Result};

use crate::{
    link::Link,
    sel::{ClearSel, FIRST, GetSelEntry, GetSelInfo, LAST, Record, ReserveSel},
};

const NAME: &str = "SEL";

/// The facet.
pub(crate) struct EventLog {
    pub(crate) link: Link,
}

impl EventLog {
    fn known(&self, log: &LogId) -> Result<()> {
        if log.0.eq_ignore_ascii_case(NAME) {
            return Ok(());
        }
        Err(self.link.error(ErrorKind::NotFound, format!("IPMI has no log {log}; the one it has is {NAME}")))
    }

    /// The newest records, newest first. Records say which one follows, not which one precedes: those before the last are found by
    /// their numbers while these are consecutive, which a record proves by naming the one after it; else the log is read from its
    /// beginning.
    async fn newest(&self, entries: u16, limit: usize) -> Result<Vec<Record>> {
        let wanted = usize::from(entries).min(limit);
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let mut found = vec![self.link.read(GetSelEntry(LAST)).await?];
        while found.len() < wanted {
            let Some(after) = found.last().map(Record::id) else { break };
            let before = after.saturating_sub(1);
            if before == FIRST {
                break;
            }
            match self.link.read(GetSelEntry(before)).await {
                Ok(record) if record.id() == before && record.next == after => found.push(record),
                Err(error) if error.messages().is_empty() => return Err(error),
                Ok(_) | Err(_) => return self.from_the_beginning(entries, wanted).await,
            }
        }
        if found.len() < wanted { self.from_the_beginning(entries, wanted).await } else { Ok(found) }
    }

    async fn from_the_beginning(&self, entries: u16, wanted: usize) -> Result<Vec<Record>> {
        let mut found = Vec::new();
        let mut next = FIRST;
        // No more than there were: a log that grows meanwhile, or goes in circles, has an end all the same.
        for _ in 0..entries {
            let record = self.link.read(GetSelEntry(next)).await?;
            next = record.next;
            found.push(record);
            if next == LAST {
                break;
            }
        }
        found.reverse();
        found.truncate(wanted);
        Ok(found)
    }
}

impl Logs for EventLog {
    fn logs(&self) -> Fut<'_, Vec<LogInfo>> {
        Box::pin(async move {
            self.link.read(GetSelInfo).await?;
            let id = LogId(NAME.to_owned());
            Ok(vec![LogInfo { id, name: NAME.to_owned(), kind: LogKind::Events, clearable: true }])
        })
    }

    fn entries<'a>(&'a self, log: &'a LogId, limit: usize) -> Fut<'a, LogEntries> {
        Box::pin(async move {
            self.known(log)?;
            let entries = self.link.read(GetSelInfo).await?;
            let records = self.newest(entries, limit).await?;
            let entries = records.iter().map(Record::entry).collect();
            Ok(LogEntries { entries, skipped: Vec::new() })
        })
    }

    fn clear<'a>(&'a self, log: &'a LogId) -> Fut<'a, Outcome> {
        Box::pin(async move {
            self.known(log)?;
            self.link
                .owned(|link| async move {
                    let reservation = match link.read(ReserveSel).await {
                        Ok(reservation) => reservation,
                        // A BMC without reservations takes none.
                        Err(error) if *error.kind() == ErrorKind::Unsupported => 0,
                        Err(error) => return Err(error),
                    };
                    link.outcome(ClearSel(reservation)).await
                })
                .await
        })
    }
}
