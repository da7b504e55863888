//! The handle that facets hold, and the task that owns the session.

use std::sync::Arc;

use rackhand_bmc::{Error, ErrorKind, Outcome, Result, Target};
use rackhand_http::Transport;
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, sleep_until},
};

use super::{
    core::{Core, Failure, line},
    element::Element,
};

/// Tries of one query.
const QUERY_TRIES: u32 = 3;

/// Speaks the XML API with one BMC. Clones share the session.
///
/// Nothing is sent before the first query or change, which logs in. Requests run one at a time on a task of their own:
/// a caller that stops waiting changes nothing about a change that was sent, and the session is given back when
/// [`close`](Self::close) asks for it, when it has not been used for its period, and when every handle is dropped.
#[derive(Clone)]
pub struct XmlClient {
    bmc: Arc<str>,
    commands: mpsc::UnboundedSender<Command>,
}

/// A change that left.
#[derive(Debug, Clone)]
#[must_use = "a change that was sent must be proven by a read"]
pub enum Changed {
    /// The API accepted it.
    Accepted,
    /// No usable answer came. Only a read decides what became of it.
    Lost {
        /// What was seen instead.
        seen: String,
    },
}

impl Changed {
    /// As an outcome: `done` where it was accepted.
    pub fn outcome(self, done: Outcome) -> Outcome {
        match self {
            Self::Accepted => done,
            Self::Lost { seen } => Outcome::Unknown { seen },
        }
    }
}

impl std::fmt::Debug for XmlClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XmlClient").field("bmc", &self.bmc).finish_non_exhaustive()
    }
}

enum Command {
    Query(Element, oneshot::Sender<Result<Element>>),
    Change(Element, oneshot::Sender<Result<Changed>>),
    Close(oneshot::Sender<Result<()>>),
}

impl XmlClient {
    /// A client for the BMC at the end of `transport`. Sends nothing. Must be called inside a tokio runtime, because the
    /// task that owns the requests starts here.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, target: &Target) -> Self {
        let (commands, inbox) = mpsc::unbounded_channel();
        tokio::spawn(run(Core::new(transport, target), inbox));
        Self { bmc: target.bmc.as_str().into(), commands }
    }

    /// An error of this BMC.
    #[must_use]
    pub fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        Error::new(kind, &*self.bmc, detail)
    }

    /// The managed object of a distinguished name, with all below it when `deep`. `None` when there is none: the API
    /// answers that as an empty success.
    ///
    /// # Errors
    /// By [`ErrorKind`], with the API's code and text.
    pub async fn resolve(&self, dn: &str, deep: bool) -> Result<Option<Element>> {
        let method = Element::new("configResolveDn").with("inHierarchical", flag(deep)).with("dn", dn);
        match self.query(method).await {
            Ok(answer) => Ok(objects(answer).into_iter().next()),
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The managed objects right below a distinguished name, of one class or of all.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn children(&self, dn: &str, class: Option<&str>) -> Result<Vec<Element>> {
        let mut method =
            Element::new("configResolveChildren").with("inHierarchical", "false").with("inDn", dn);
        if let Some(class) = class {
            method = method.with("classId", class);
        }
        self.query(method).await.map(objects)
    }

    /// Every managed object of a class.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn class(&self, class: &str) -> Result<Vec<Element>> {
        let method =
            Element::new("configResolveClass").with("inHierarchical", "false").with("classId", class);
        self.query(method).await.map(objects)
    }

    /// Changes a managed object. Not compared with what is there: the API reports a change whatever it was (CG), so the
    /// caller looks first.
    ///
    /// # Errors
    /// When the API refused it, or it never left. A lost answer is [`Changed::Lost`], never an error.
    pub async fn change(&self, object: Element) -> Result<Changed> {
        let deep = !object.children.is_empty();
        let method = Element::new("configConfMo")
            .with("inHierarchical", flag(deep))
            .with("dn", object.dn())
            .with_child(Element::new("inConfig").with_child(object));
        self.command(|reply| Command::Change(method, reply)).await
    }

    /// Changes a managed object unless every attribute of `wanted` says so already; `done` is the outcome of a change.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when there is no such object on this firmware, and as [`change`](Self::change).
    pub async fn ensure(&self, wanted: Element, done: Outcome) -> Result<Outcome> {
        let Some(present) = self.resolve(wanted.dn(), false).await? else {
            let detail = format!("the XML API has no {} {} on this firmware", wanted.name, wanted.dn());
            return Err(self.error(ErrorKind::Unsupported, detail));
        };
        let says = |(name, value): (&str, &str)| name == "dn" || present.says(name, value);
        if wanted.attributes().all(says) {
            return Ok(Outcome::Unchanged);
        }
        Ok(self.change(wanted).await?.outcome(done))
    }

    /// Deletes a managed object.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub async fn remove(&self, class: &str, dn: &str) -> Result<Changed> {
        self.change(Element::new(class).with("dn", dn).with("status", "deleted")).await
    }

    /// Gives the session back, if there is one. Safe to call twice; a later request logs in anew.
    ///
    /// # Errors
    /// When the BMC did not confirm it.
    pub async fn close(&self) -> Result<()> {
        self.command(Command::Close).await
    }

    async fn query(&self, method: Element) -> Result<Element> {
        self.command(|reply| Command::Query(method, reply)).await
    }

    async fn command<T>(&self, make: impl FnOnce(oneshot::Sender<Result<T>>) -> Command) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let gone = || self.error(ErrorKind::Lost, "the task that owns this BMC's XML requests has ended");
        self.commands.send(make(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn flag(deep: bool) -> &'static str {
    if deep { "true" } else { "false" }
}

/// The managed objects of an answer: what stands in `outConfig` or `outConfigs`.
fn objects(answer: Element) -> Vec<Element> {
    let out = |element: &Element| element.name == "outConfig" || element.name == "outConfigs";
    answer.children.into_iter().filter(out).flat_map(|out| out.children).collect()
}

/// Serves commands until every handle is dropped, then gives the session back.
async fn run(mut core: Core, mut inbox: mpsc::UnboundedReceiver<Command>) {
    loop {
        let due = core.due();
        tokio::select! {
            biased;
            command = inbox.recv() => match command {
                Some(command) => serve(&mut core, command).await,
                None => break,
            },
            () = async { if let Some(due) = due { sleep_until(due).await } }, if due.is_some() => {
                if let Err(error) = core.renew().await {
                    tracing::debug!(bmc = %core.bmc, %error, "the XML session is not renewed");
                }
            }
        }
    }
    if let Err(error) = core.logout().await {
        tracing::warn!(bmc = %core.bmc, %error, "the XML session stays until it runs out");
    }
}

/// A caller that has gone away is not an error: its answer is dropped. What it wanted and was not sent yet, is not sent.
async fn serve(core: &mut Core, command: Command) {
    match command {
        Command::Query(method, reply) => {
            let answer = query(core, &method, || reply.is_closed()).await;
            drop(reply.send(answer));
        }
        Command::Change(method, reply) if reply.is_closed() => {
            tracing::debug!(bmc = %core.bmc, request = %line(&method), "nobody waits for it any more; it is not sent");
        }
        Command::Change(method, reply) => {
            let answer = match core.call(&method, true).await {
                Ok(_) => Ok(Changed::Accepted),
                Err(Failure::Lost(seen)) => {
                    tracing::warn!(bmc = %core.bmc, request = %line(&method), seen, "the outcome is unknown until it is read back");
                    Ok(Changed::Lost { seen })
                }
                Err(Failure::Error(error)) => Err(error),
            };
            drop(reply.send(answer));
        }
        Command::Close(reply) => drop(reply.send(core.logout().await)),
    }
}

/// A query, repeated with back-off while its failure is a passing one and somebody still waits for it.
async fn query(core: &mut Core, method: &Element, gone: impl Fn() -> bool) -> Result<Element> {
    // Whole subtrees take long.
    let slow = method.says("inHierarchical", "true");
    let mut back_off = core.pacing.retry_min;
    let mut tried = 0;
    loop {
        tried += 1;
        let error = match core.call(method, slow).await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Error(error)) => error,
            Err(Failure::Lost(seen)) => core.error(ErrorKind::Lost, seen).with_request(line(method)),
        };
        let again = matches!(error.kind(), ErrorKind::Busy { .. } | ErrorKind::Lost | ErrorKind::Unreachable);
        if !again || tried >= QUERY_TRIES || gone() {
            return Err(error);
        }
        sleep(back_off).await;
        back_off = back_off.saturating_mul(2).min(core.pacing.retry_max);
    }
}
