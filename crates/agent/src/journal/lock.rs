//! Who owns the journal: a lock that the kernel takes back when its process dies, however it dies.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::Path,
    thread,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use super::{Holder, JournalError};

const NAME: &str = "journal.lock";

/// A process that only looks whether there is an owner holds the lock for an instant. So an owner-to-be that meets it
/// tries this often, with this pause, before it believes in another owner.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Held for as long as this process owns the journal.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Becomes the owner, and says so in the file.
    pub(super) fn acquire(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(NAME);
        let mut file = open(&path).map_err(|error| JournalError::io("open", &path, error))?;
        let mut tries = 1;
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(JournalError::io("lock", &path, error.into()));
            }
            if tries == TRIES {
                return Err(JournalError::InUse { dir: dir.to_owned(), holder: holder(&mut file) });
            }
            tries += 1;
            thread::sleep(PAUSE);
        }
        // Not synced: the process id means nothing after the machine went down.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| JournalError::io("write", &path, error))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is what releases it; the empty file is a courtesy to who looks at it.
        let _ = self.file.set_len(0);
    }
}

/// The process that owns the journal in `dir` at this moment, if one does.
pub(super) fn owner(dir: &Path) -> Result<Option<Holder>, JournalError> {
    let path = dir.join(NAME);
    let mut file = match OpenOptions::new().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io("open", &path, error)),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(Some(holder(&mut file))),
        Err(error) => Err(JournalError::io("lock", &path, error.into())),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    Holder { pid: read.ok().and_then(|_| text.trim().parse().ok()) }
}
