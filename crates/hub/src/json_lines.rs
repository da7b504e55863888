//! Records as JSON, one per line.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use futures_util::future::BoxFuture;
use rackhand_agent::journal::Record;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Mutex,
};

use crate::{DeliveryError, HubError, Reporter};

/// Writes each record as a line of JSON: the public stream format.
pub struct JsonLines {
    name: String,
    to: To,
}

enum To {
    /// Opened anew for each line, so that it can be rotated away at any time.
    File(PathBuf),
    Writer(Mutex<Box<dyn AsyncWrite + Send + Unpin>>),
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").field("name", &self.name).finish_non_exhaustive()
    }
}

impl JsonLines {
    /// Appends to a file. A line is on the disk before it counts as delivered, and is there as a whole or not at all:
    /// half a line that a crash left is removed before the next one is written.
    ///
    /// # Errors
    /// [`HubError::File`] when it cannot be opened for appending.
    pub fn file(path: impl Into<PathBuf>) -> Result<Self, HubError> {
        let path = path.into();
        open(&path).map_err(|error| HubError::File { path: path.clone(), what: error.to_string() })?;
        Ok(Self { name: path.display().to_string(), to: To::File(path) })
    }

    /// Writes to a pipe, a terminal, a socket. A closed pipe ends the reporting.
    pub fn writer(name: impl Into<String>, writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { name: name.into(), to: To::Writer(Mutex::new(Box::new(writer))) }
    }
}

impl Reporter for JsonLines {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver<'a>(
        &'a self,
        _journal: &'a str,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async move {
            let mut line = serde_json::to_vec(record)
                .map_err(|error| DeliveryError::Refused { reason: error.to_string() })?;
            line.push(b'\n');
            let written = match &self.to {
                To::File(path) => {
                    let path = path.clone();
                    tokio::task::spawn_blocking(move || append(&path, &line))
                        .await
                        .unwrap_or_else(|error| Err(io::Error::other(error)))
                }
                To::Writer(writer) => {
                    let mut writer = writer.lock().await;
                    match writer.write_all(&line).await {
                        Ok(()) => writer.flush().await,
                        Err(error) => Err(error),
                    }
                }
            };
            written.map_err(|error| match (&self.to, error.kind()) {
                (To::Writer(_), io::ErrorKind::BrokenPipe) => {
                    DeliveryError::Gone { reason: format!("{}: {error}", self.name) }
                }
                _ => DeliveryError::unavailable(format!("{}: {error}", self.name)),
            })
        })
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = open(path)?;
    let end = end_of_lines(&mut file)?;
    file.set_len(end)?;
    if let Err(error) = file.write_all(line).and_then(|()| file.sync_data()) {
        // Best effort: the next try removes what this leaves.
        let _ = file.set_len(end);
        return Err(error);
    }
    Ok(())
}

/// Where the last whole line ends.
fn end_of_lines(file: &mut File) -> io::Result<u64> {
    const BLOCK: u64 = 4096;
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        Read::by_ref(file).take(end - start).read_to_end(&mut block)?;
        if let Some(newline) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
