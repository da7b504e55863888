//! What a program has around it, so that a test can replace it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::MultiProgress;
use rackhand_agent::journal::Journal;
use rackhand_bmc::{Clock, SystemClock};
use rackhand_http::Transport;

/// Puts something around the transport to a BMC, named by its address: counting, recording, a fuse.
pub type WrapTransport = Arc<dyn Fn(&str, Arc<dyn Transport>) -> Arc<dyn Transport> + Send + Sync>;

/// Puts something around the journal that a command owns.
pub type WrapJournal = Arc<dyn Fn(Arc<dyn Journal>) -> Arc<dyn Journal> + Send + Sync>;

/// Where tests reach into a run.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Around every transport.
    pub wrap_transport: Option<WrapTransport>,
    /// Around the journal of `apply` and `demo`.
    pub wrap_journal: Option<WrapJournal>,
}

impl Hooks {
    pub(crate) fn transport(&self, bmc: &str, transport: Arc<dyn Transport>) -> Arc<dyn Transport> {
        match &self.wrap_transport {
            Some(wrap) => wrap(bmc, transport),
            None => transport,
        }
    }

    pub(crate) fn journal(&self, journal: Arc<dyn Journal>) -> Arc<dyn Journal> {
        match &self.wrap_journal {
            Some(wrap) => wrap(journal),
            None => journal,
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("wrap_transport", &self.wrap_transport.is_some())
            .field("wrap_journal", &self.wrap_journal.is_some())
            .finish()
    }
}

/// Everything around the program. Cheap to clone.
#[derive(Clone)]
pub struct World {
    /// Data.
    pub stdout: Stream,
    /// Messages.
    pub stderr: Stream,
    /// The environment.
    pub env: Arc<BTreeMap<String, OsString>>,
    /// Dates.
    pub clock: Arc<dyn Clock>,
    /// Where tests reach in.
    pub hooks: Hooks,
}

impl World {
    /// The world of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        // Names that are no text name nothing of ours.
        let env =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        Self {
            stdout: Stream::new(io::stdout(), io::stdout().is_terminal()),
            stderr: Stream::new(io::stderr(), io::stderr().is_terminal()),
            env: Arc::new(env),
            clock: Arc::new(SystemClock),
            hooks: Hooks::default(),
        }
    }

    /// A variable of the environment; an empty one counts as absent.
    pub(crate) fn env(&self, name: &str) -> Option<&OsString> {
        self.env.get(name).filter(|value| !value.is_empty())
    }
}

/// An output stream, shared by everything that writes to it.
#[derive(Clone)]
pub struct Stream {
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    bars: Arc<Mutex<Option<MultiProgress>>>,
    /// Whether a person looks at it.
    pub is_terminal: bool,
}

impl Stream {
    /// A stream over a writer.
    pub fn new(writer: impl Write + Send + 'static, is_terminal: bool) -> Self {
        Self { writer: Arc::new(Mutex::new(Box::new(writer))), bars: Arc::default(), is_terminal }
    }

    /// From now on, or until `None` is given, whatever is written steps around these bars.
    pub(crate) fn draw_around(&self, bars: Option<MultiProgress>) {
        *self.bars.lock().unwrap_or_else(PoisonError::into_inner) = bars;
    }

    /// Writes, with the bars out of the way.
    fn write_around(&self, bytes: &[u8]) -> io::Result<()> {
        let write = || {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.write_all(bytes).and_then(|()| writer.flush())
        };
        let bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    /// Writes a text as it is.
    ///
    /// # Errors
    /// When it cannot be written. A reader that has gone (`rackhand get nodes | head -1`) is no error.
    pub fn text(&self, text: &str) -> io::Result<()> {
        match self.write_around(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes a line.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn line(&self, line: impl fmt::Display) -> io::Result<()> {
        self.text(&format!("{line}\n"))
    }
}

/// For the log, which has its own way of writing.
impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_around(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
