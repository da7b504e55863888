//! The loop between the journal and a reporter.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use rackhand_agent::journal::{Journal, JournalError, Record};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{DeliveryError, Reporter};

/// Records that are read ahead of the cursor. Bounds memory, and what a crash repeats.
const WINDOW: usize = 256;

/// How failed deliveries are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Pause after the first failure. It doubles with each further one.
    pub min: Duration,
    /// The longest pause of our own.
    pub max: Duration,
    /// The longest pause that a place may ask for.
    pub max_asked: Duration,
    /// Tries of a record that the place refuses, before it is parked.
    pub refused: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            min: Duration::from_secs(1),
            max: Duration::from_secs(60),
            max_asked: Duration::from_secs(10 * 60),
            refused: 5,
        }
    }
}

impl Retries {
    /// The pause after this many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.min.saturating_mul(doubled).min(self.max)
    }
}

/// How far reporting has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Every record up to this sequence is delivered or parked.
    pub cursor: u64,
    /// Records delivered by this process.
    pub delivered: u64,
    /// Sequences of records that were refused for good, in this process. They stay in the journal.
    pub parked: Vec<u64>,
    /// What keeps the next record from being delivered, while something does.
    pub trouble: Option<String>,
    /// Whether the place wants nothing more.
    pub gone: bool,
}

/// Tells a [`Reporting`] to finish. Dropping it tells nothing: reporting then goes on.
#[derive(Debug)]
pub struct Finish(watch::Sender<Option<Instant>>);

impl Finish {
    /// Delivers what the journal holds and ends, within `bound`. What is left then is delivered by the next process.
    /// Pauses that are under way end at once.
    pub fn within(&self, bound: Duration) {
        self.0.send_replace(Some(Instant::now() + bound));
    }
}

/// Reads the journal for one reporter.
#[derive(Debug)]
pub struct Reporting {
    journal: Arc<dyn Journal>,
    reporter: Arc<dyn Reporter>,
    reader: String,
    retries: Retries,
    status: watch::Sender<Status>,
    finish: watch::Receiver<Option<Instant>>,
}

impl Reporting {
    /// Reporting under the name `reader`, whose durable cursor stands in the journal. A name that is new to the journal
    /// gets all of it.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        reporter: Arc<dyn Reporter>,
        reader: impl Into<String>,
        retries: Retries,
    ) -> (Self, Finish) {
        let (finish, told) = watch::channel(None);
        let status = watch::Sender::new(Status::default());
        (Self { journal, reporter, reader: reader.into(), retries, status, finish: told }, Finish(finish))
    }

    /// How far it has come, as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Delivers until told to finish, or until the place wants nothing more. Trouble of the place never ends it.
    ///
    /// # Errors
    /// When the journal cannot be read any further: it is damaged, or closed. Nothing is skipped.
    pub async fn run(self) -> Result<Status, JournalError> {
        let cursor = self.journal.cursor(&self.reader).await?;
        self.status.send_modify(|status| status.cursor = cursor);
        let mut last = self.journal.watch();
        let mut told = self.finish.clone();
        let mut run = Run::new(&self, cursor);
        loop {
            let newest = *last.borrow_and_update();
            run.fill(newest).await?;
            run.start();
            let deadline = *told.borrow_and_update();
            if deadline.is_some() && !run.hurried {
                run.hurry();
                continue;
            }
            let over = run.gone || (deadline.is_some() && run.is_drained(*last.borrow()));
            if over || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                break;
            }
            let wake = run.wake();
            tokio::select! {
                biased;
                Some(attempt) = run.under_way.next(), if !run.under_way.is_empty() => run.settle(attempt).await,
                Ok(()) = told.changed() => {}
                Ok(()) = last.changed(), if run.has_room() => {}
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {}
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
                // Nothing is under way and nothing can come any more: the journal's writer has ended.
                else => return Err(JournalError::Closed),
            }
        }
        run.place().await;
        drop(run);
        Ok(self.status.borrow().clone())
    }
}

/// A record that waits for its turn.
struct Waiting {
    record: Arc<Record>,
    /// Times it was refused.
    refused: u32,
    /// Not before this, once it was refused.
    not_before: Option<Instant>,
}

/// One try of a record.
struct Attempt {
    waiting: Waiting,
    result: Result<(), DeliveryError>,
}

/// The state of a run. A record is read, waits, is under way (again and again), and is done once delivered or parked.
struct Run<'a> {
    of: &'a Reporting,
    waiting: BTreeMap<u64, Waiting>,
    under_way: FuturesUnordered<BoxFuture<'a, Attempt>>,
    /// Nodes with a record under way; none stands for records about no node.
    busy: BTreeSet<Option<String>>,
    /// Done, with something before them that is not.
    done: BTreeSet<u64>,
    cursor: u64,
    /// The cursor as it stands in the journal.
    placed: u64,
    /// Everything up to here was read.
    read: u64,
    /// Failures of the place in a row. While there are any, one delivery at a time probes it.
    failures: u32,
    not_before: Option<Instant>,
    gone: bool,
    hurried: bool,
}

impl<'a> Run<'a> {
    fn new(of: &'a Reporting, cursor: u64) -> Self {
        Self {
            of,
            waiting: BTreeMap::new(),
            under_way: FuturesUnordered::new(),
            busy: BTreeSet::new(),
            done: BTreeSet::new(),
            cursor,
            placed: cursor,
            read: cursor,
            failures: 0,
            not_before: None,
            gone: false,
            hurried: false,
        }
    }

    fn room(&self) -> usize {
        let ahead = usize::try_from(self.read - self.cursor).unwrap_or(usize::MAX);
        WINDOW.saturating_sub(ahead)
    }

    fn has_room(&self) -> bool {
        self.room() > 0
    }

    fn is_drained(&self, last: u64) -> bool {
        self.cursor >= last
    }

    /// Reads ahead as far as the window allows.
    async fn fill(&mut self, last: u64) -> Result<(), JournalError> {
        if last <= self.read || !self.has_room() {
            return Ok(());
        }
        for record in self.of.journal.read(self.read, self.room()).await? {
            self.read = record.seq;
            let waiting = Waiting { record: Arc::new(record), refused: 0, not_before: None };
            self.waiting.insert(self.read, waiting);
        }
        Ok(())
    }

    /// Starts what may go out now.
    fn start(&mut self) {
        let limit = if self.failures > 0 { 1 } else { self.of.reporter.concurrency().max(1) };
        while self.under_way.len() < limit
            && !self.gone
            && let Some(seq) = self.next()
            && let Some(waiting) = self.waiting.remove(&seq)
        {
            self.busy.insert(waiting.record.node.clone());
            let of = self.of;
            self.under_way.push(Box::pin(async move {
                let result = of.reporter.deliver(of.journal.id(), &waiting.record).await;
                Attempt { waiting, result }
            }));
        }
    }

    /// The first record whose turn it is: its node has nothing under way and nothing earlier that waits.
    fn next(&self) -> Option<u64> {
        let now = Instant::now();
        let due = |at: Option<Instant>| at.is_none_or(|at| at <= now);
        if !due(self.not_before) {
            return None;
        }
        let in_order = self.of.reporter.concurrency() <= 1;
        let mut held: BTreeSet<&Option<String>> = self.busy.iter().collect();
        for (seq, waiting) in &self.waiting {
            if held.contains(&waiting.record.node) {
                continue;
            }
            if due(waiting.not_before) {
                return Some(*seq);
            }
            if in_order {
                return None;
            }
            held.insert(&waiting.record.node);
        }
        None
    }

    /// When something that waits may go out; none when nothing waits for a moment in time.
    fn wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let own = self.waiting.values().filter_map(|waiting| waiting.not_before).min();
        [self.not_before, own].into_iter().flatten().filter(|at| *at > now).min()
    }

    /// What finished goes into the books, along with whatever else has finished by now, and the cursor moves once.
    async fn settle(&mut self, attempt: Attempt) {
        self.note(attempt);
        while let Some(Some(attempt)) = self.under_way.next().now_or_never() {
            self.note(attempt);
        }
        while self.done.remove(&(self.cursor + 1)) {
            self.cursor += 1;
        }
        self.place().await;
    }

    fn note(&mut self, attempt: Attempt) {
        let Attempt { mut waiting, result } = attempt;
        let seq = waiting.record.seq;
        self.busy.remove(&waiting.record.node);
        match result {
            Ok(()) => {
                self.recovered();
                self.done.insert(seq);
                self.of.status.send_modify(|status| status.delivered += 1);
            }
            Err(DeliveryError::Unavailable { reason, retry_after }) => {
                self.failed(seq, reason, retry_after);
                self.waiting.insert(seq, waiting);
            }
            Err(DeliveryError::Refused { reason }) => {
                self.recovered();
                waiting.refused += 1;
                if waiting.refused >= self.of.retries.refused {
                    self.park(seq, &reason);
                } else {
                    waiting.not_before = Some(Instant::now() + self.of.retries.pause(waiting.refused));
                    self.trouble(seq, &reason);
                    self.waiting.insert(seq, waiting);
                }
            }
            Err(DeliveryError::Gone { reason }) => {
                tracing::warn!(
                    place = self.of.reporter.name(),
                    seq,
                    reason,
                    "wants no more records; reporting to it ends"
                );
                self.gone = true;
                self.waiting.insert(seq, waiting);
                self.of.status.send_modify(|status| {
                    status.gone = true;
                    status.trouble = Some(reason);
                });
            }
        }
    }

    /// The place is there.
    fn recovered(&mut self) {
        if self.failures > 0 {
            tracing::info!(place = self.of.reporter.name(), tries = self.failures, "takes records again");
        }
        self.failures = 0;
        self.not_before = None;
        self.of.status.send_if_modified(|status| status.trouble.take().is_some());
    }

    /// The place is in trouble: everything waits, and the trouble is said once for each of its forms.
    fn failed(&mut self, seq: u64, reason: String, retry_after: Option<Duration>) {
        let now = Instant::now();
        let paused = self.not_before.filter(|until| *until > now);
        if paused.is_none() {
            // Others that were under way when the place failed fail too: together they are one failure.
            self.failures = self.failures.saturating_add(1);
        }
        let retries = &self.of.retries;
        let pause = match retry_after {
            Some(asked) => asked.min(retries.max_asked).max(retries.min),
            None => retries.pause(self.failures),
        };
        self.not_before = paused.max(Some(now + pause));
        self.trouble(seq, &reason);
    }

    fn trouble(&self, seq: u64, reason: &str) {
        let new = self.of.status.send_if_modified(|status| {
            let new = status.trouble.as_deref() != Some(reason);
            status.trouble = Some(reason.to_owned());
            new
        });
        if new {
            tracing::warn!(
                place = self.of.reporter.name(),
                seq,
                reason,
                "a record is not delivered; it is kept in the journal and tried again"
            );
        }
    }

    fn park(&mut self, seq: u64, reason: &str) {
        tracing::error!(
            place = self.of.reporter.name(),
            seq,
            reason,
            "a record was refused for good and is passed over; it stays in the journal (`rackhand logs`)"
        );
        self.done.insert(seq);
        self.of.status.send_modify(|status| status.parked.push(seq));
    }

    /// Writes the cursor down if it moved. A failure costs repetitions after a crash, nothing else, and is mended by
    /// the next success.
    async fn place(&mut self) {
        if self.placed == self.cursor {
            return;
        }
        match self.of.journal.set_cursor(&self.of.reader, self.cursor).await {
            Ok(()) => self.placed = self.cursor,
            Err(error) => tracing::warn!(reader = self.of.reader, %error, "the reader's cursor lags behind"),
        }
        let cursor = self.cursor;
        self.of.status.send_modify(|status| status.cursor = cursor);
    }

    /// Told to finish: what waits for a moment in time goes out now.
    fn hurry(&mut self) {
        self.hurried = true;
        self.not_before = None;
        for waiting in self.waiting.values_mut() {
            waiting.not_before = None;
        }
    }
}
