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

    /// The newest records, newest first. Records say which one follows, not which one precedes: those before
    /// the last are found by their numbers while these are consecutive, which a record proves by naming the
    /// one after it; else the log is read from its beginning.
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
                Ok(_) | Err(_) => return self.read_forwards(entries, wanted).await,
            }
        }
        if found.len() < wanted { self.read_forwards(entries, wanted).await } else { Ok(found) }
    }

    async fn read_forwards(&self, entries: u16, wanted: usize) -> Result<Vec<Record>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        command::netfn,
        double::{Does, Double, link},
    };

    /// A log whose records have these numbers, in their order.
    fn log(numbers: &'static [u16]) -> (EventLog, Double) {
        let double = Double::deciding(move |function, command, data| {
            if function != netfn::STORAGE {
                return None;
            }
            let count = u16::try_from(numbers.len()).unwrap().to_le_bytes();
            if command == 0x40 {
                return Some(Does::Answer(0, [&[0x51][..], &count, &[0; 11]].concat()));
            }
            let wanted = u16::from_le_bytes([data[2], data[3]]);
            let at = match wanted {
                FIRST => Some(0),
                LAST => numbers.len().checked_sub(1),
                number => numbers.iter().position(|known| *known == number),
            };
            Some(match at {
                None => Does::Answer(0xCB, Vec::new()),
                Some(at) => {
                    let next = numbers.get(at + 1).copied().unwrap_or(LAST).to_le_bytes();
                    let rest = [2, 0, 0, 0, 0, 0x20, 0, 4, 8, 0x51, 0x6F, 0, 0xFF, 0xFF];
                    Does::Answer(0, [&next[..], &numbers[at].to_le_bytes(), &rest].concat())
                }
            })
        });
        (EventLog { link: link(&double) }, double)
    }

    async fn newest(numbers: &'static [u16], limit: usize) -> (Vec<String>, usize) {
        let (log, double) = log(numbers);
        let entries = log.entries(&LogId("sel".to_owned()), limit).await.unwrap();
        let reads = double.heard().matches("0a/43").count();
        (entries.entries.into_iter().map(|entry| entry.id).collect(), reads)
    }

    #[tokio::test]
    async fn the_newest_are_read_from_the_end() {
        assert_eq!(newest(&[1, 2, 3, 4, 5, 6, 7, 8], 3).await, (vec!["8".into(), "7".into(), "6".into()], 3));
        assert_eq!(newest(&[1, 2], 10).await.0, ["2", "1"]);
        assert_eq!(newest(&[], 10).await, (vec![], 0));
        assert_eq!(newest(&[1, 2], 0).await, (vec![], 0));
    }

    #[tokio::test]
    async fn numbers_with_gaps_are_read_read_forwards() {
        assert_eq!(newest(&[20, 40, 60], 2).await.0, ["60", "40"]);
        assert_eq!(newest(&[7, 8, 1, 2], 3).await.0, ["2", "1", "8"], "a log that went round");
    }
}
