//! Watches: changes from a version on, with bookmarks, until the version is no longer kept or the time is over.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use crate::{
    Shared, columns,
    kinds::{Kind, Version},
    read::{Form, told},
    request::{Query, Target},
    selector::Selector,
    state::{Change, State},
    status::Failure,
};

/// How long a watch lasts that names no time.
const LASTS: Duration = Duration::from_secs(45 * 60);
/// How often a client is told the version though nothing changed.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long before its end a watch tells the version once more.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// One open watch.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    kind: Arc<Kind>,
    version: Version,
    target: Target,
    selector: Selector,
    form: Form,
    /// Everything up to this version has been told.
    told: u64,
    pending: VecDeque<Bytes>,
    bookmarks: bool,
    next_bookmark: Instant,
    ends: Instant,
    over: bool,
    changes: watch::Receiver<u64>,
    outage: watch::Receiver<bool>,
}

impl Watch {
    /// Opens a watch; the state is the one that the request was admitted under.
    pub(crate) fn open(
        shared: &Arc<Shared>,
        state: &State,
        kind: &Arc<Kind>,
        version: &Version,
        target: &Target,
        query: &Query,
        form: Form,
    ) -> Result<Self, Failure> {
        let selector = Selector::read(
            kind,
            &target.namespace,
            &target.name,
            query.get("labelSelector"),
            query.get("fieldSelector"),
        )?;
        let now = Instant::now();
        let lasts = query.number("timeoutSeconds").filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let ends = now + lasts.unwrap_or(LASTS);
        let mut watch = Self {
            shared: Arc::clone(shared),
            kind: Arc::clone(kind),
            version: version.clone(),
            target: target.clone(),
            selector,
            form,
            told: state.version(),
            pending: VecDeque::new(),
            bookmarks: query.is_true("allowWatchBookmarks"),
            next_bookmark: (now + BOOKMARKS).min((ends - LAST_BOOKMARK).max(now)),
            ends,
            over: false,
            changes: shared.changes.subscribe(),
            outage: shared.outage.subscribe(),
        };
        match query.get("resourceVersion") {
            "" | "0" => {
                for (_, object) in state.objects(&kind.key()) {
                    if watch.selector.matches(object) {
                        watch.tell("ADDED", object);
                    }
                }
            }
            text => {
                watch.told = text.parse().map_err(|_| {
                    Failure::bad_request(format!(
                        "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint"
                    ))
                })?;
            }
        }
        Ok(watch)
    }

    fn send(&mut self, event: &str, object: &Value) {
        let mut line = json!({ "type": event, "object": object }).to_string().into_bytes();
        line.push(b'\n');
        self.pending.push_back(line.into());
    }

    fn tell(&mut self, event: &str, object: &Value) {
        let object = told(&self.kind, &self.target.version, object);
        let object = match self.form {
            Form::Table => columns::table(&self.version.columns, &[&object], &json!({})),
            form => form.one(&self.version, &object),
        };
        self.send(event, &object);
    }

    /// Queues what has happened since.
    fn catch_up(&mut self) {
        let shared = Arc::clone(&self.shared);
        let state = shared.lock();
        if self.told < state.compacted() {
            let message = format!("too old resource version: {} ({})", self.told, state.compacted());
            self.send("ERROR", &Failure::expired(message).body());
            self.over = true;
            return;
        }
        let first = state.history.partition_point(|change| change.version <= self.told);
        let key = self.kind.key();
        for change in state.history.range(first..).filter(|change| change.key == key) {
            self.tell_change(change);
        }
        self.told = self.told.max(state.version());
        self.over = !state.kinds.contains_key(&self.kind.key());
    }

    /// An object that begins to fit appears, and one that ceases to is gone.
    fn tell_change(&mut self, change: &Change) {
        if !self.target.namespace.is_empty() && self.target.namespace != change.namespace {
            return;
        }
        let fits = |object: &Option<Arc<Value>>, selector: &Selector| {
            object.as_ref().is_some_and(|object| selector.matches(object))
        };
        let (was, is) = (fits(&change.before, &self.selector), fits(&change.after, &self.selector));
        match (&change.before, &change.after) {
            (_, Some(after)) if is => self.tell(if was { "MODIFIED" } else { "ADDED" }, after),
            (Some(before), _) if was => {
                let mut last = Value::clone(before);
                last["metadata"]["resourceVersion"] = change.version.to_string().into();
                self.tell("DELETED", &last);
            }
            _ => {}
        }
    }

    fn bookmark(&mut self, now: Instant) {
        let mark = json!({
            "kind": self.kind.kind,
            "apiVersion": self.kind.api_version(&self.target.version),
            "metadata": { "resourceVersion": self.told.to_string(), "creationTimestamp": null },
        });
        self.send("BOOKMARK", &mark);
        let last = self.ends - LAST_BOOKMARK;
        self.next_bookmark = if now < last { (now + BOOKMARKS).min(last) } else { self.ends + BOOKMARKS };
    }

    /// The next line, or `None` when the watch is over.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if *self.outage.borrow_and_update() {
                return Some(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
            }
            if let Some(line) = self.pending.pop_front() {
                return Some(Ok(line));
            }
            let now = Instant::now();
            if self.over || now >= self.ends {
                return None;
            }
            self.changes.mark_unchanged();
            self.catch_up();
            if !self.pending.is_empty() || self.over {
                continue;
            }
            if self.bookmarks && now >= self.next_bookmark {
                self.bookmark(now);
                continue;
            }
            let wakes = if self.bookmarks { self.next_bookmark.min(self.ends) } else { self.ends };
            tokio::select! {
                biased;
                _ = self.outage.changed() => {}
                _ = self.changes.changed() => {}
                () = tokio::time::sleep_until(wakes) => {}
            }
        }
    }

    /// The watch as lines of an answer; a broken connection is its last item.
    pub(crate) fn lines(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        stream::unfold(Some(self), |watch| async {
            let mut watch = watch?;
            let line = watch.next().await?;
            let rest = line.is_ok().then_some(watch);
            Some((line, rest))
        })
    }
}
