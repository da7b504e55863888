//! The client of one BMC: requests, the session, and who owns them.
//!
//! A [`Client`] is a handle. The requests themselves run on one task of their own per BMC, which owns the session too.
//! So a caller that stops waiting (a deadline, a cancel) changes nothing about a mutation that was sent, and a session
//! is given back even when every handle is dropped.

mod auth;
mod core;
mod ladder;
mod outcome;
mod task;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;
use rackhand_bmc::{ErrorKind, Message, RequestStats, Result, Skipped, Target};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

pub use self::{core::Conduct, outcome::Sent};
use self::{
    core::{Ask, Core},
    task::Command,
};
use crate::{
    collection::{Collection, Member, Page, expand_query},
    document::Document,
    form::Form,
    link::Link,
    messages::Meaning,
    standard::quirks,
    uri::{bare, on_origin, same_resource},
    wire::Answer,
};

/// The most pages of one collection that are read.
const MOST_PAGES: usize = 100;

/// Speaks Redfish with one BMC. Clones share the session.
///
/// Reads are retried while that makes sense and at most two run at once; mutations run one at a time and are never
/// repeated blind. Log-in happens with the first request.
#[derive(Clone)]
pub struct Client {
    core: Arc<Core>,
    commands: mpsc::UnboundedSender<Command>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("bmc", &self.core.bmc).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for the BMC at the end of `link`. Sends nothing yet. Must be called inside a tokio runtime, because the
    /// task that owns the requests starts here.
    #[must_use]
    pub fn new(link: &Link, target: &Target, conduct: Conduct) -> Self {
        let core = Arc::new(Core::new(link, target, conduct));
        let (commands, inbox) = mpsc::unbounded_channel();
        tokio::spawn(task::run(Arc::clone(&core), inbox));
        Self { core, commands }
    }

    /// The BMC's name in messages.
    #[must_use]
    pub fn bmc(&self) -> &str {
        &self.core.bmc
    }

    /// What was sent so far.
    #[must_use]
    pub fn stats(&self) -> RequestStats {
        let stats = self.core.transport.stats();
        RequestStats { requests: stats.requests, connections: stats.connections }
    }

    /// An error of this BMC.
    #[must_use]
    pub fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> rackhand_bmc::Error {
        rackhand_bmc::Error::new(kind, &self.core.bmc, detail)
    }

    /// What an error's messages mean, by the vendor's table and the standard one.
    #[must_use]
    pub fn meaning(&self, error: &rackhand_bmc::Error) -> Option<Meaning> {
        let plain = |message: &Message| crate::messages::Extended {
            message: message.clone(),
            args: Vec::new(),
            properties: Vec::new(),
        };
        let messages: Vec<_> = error.messages().iter().map(plain).collect();
        crate::messages::meaning(&messages, self.core.conduct.rules)
    }

    /// Logs in now, so that refused credentials show before anything else does.
    ///
    /// # Errors
    /// [`ErrorKind::RefusedCredentials`], [`ErrorKind::Locked`], [`ErrorKind::Ledger`], or whatever the request met.
    pub async fn login(&self) -> Result<()> {
        self.command(Command::Login).await
    }

    /// Gives the session back. Waits for the mutation at work. Safe to call twice; a later request logs in anew.
    ///
    /// # Errors
    /// When the BMC did not confirm it; the ledger then keeps the session.
    pub async fn close(&self) -> Result<()> {
        self.command(Command::Close).await
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// By [`ErrorKind`]; a link to another host is refused.
    pub async fn get(&self, uri: &str) -> Result<Document> {
        let answer = self.read(uri).await?;
        Ok(Document::new(bare(uri), answer.etag, answer.body.unwrap_or(Value::Null)))
    }

    /// Reads a resource, with its status and headers: tasks answer 202 until they are over.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn read(&self, uri: &str) -> Result<Answer> {
        let ask = Ask::read(self.local(uri)?);
        self.command(|reply| Command::Read(ask, reply)).await
    }

    /// Sends an action that only asks (Dell's `GetRemoteServicesAPIStatus`): handled as a read, so it may be repeated.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn query(&self, uri: &str, body: Value) -> Result<Answer> {
        let ask = Ask { method: Method::POST, body: Some(body), ..Ask::read(self.local(uri)?) };
        self.command(|reply| Command::Read(ask, reply)).await
    }

    /// Changes a resource. `etag` is what the caller read it with, if it did; the service's own rules about `If-Match`
    /// are found out step by step.
    ///
    /// # Errors
    /// When the BMC refused it, or it never left. A lost answer is [`Sent::Lost`], never an error.
    pub async fn patch(&self, uri: &str, etag: Option<&str>, body: Value) -> Result<Sent> {
        let ask =
            Ask { etag: etag.map(str::to_owned), ..Ask::write(Method::PATCH, self.local(uri)?, Some(body)) };
        self.command(|reply| Command::Write(ask, reply)).await
    }

    /// Calls an action or creates a resource. An empty object is sent as it is.
    ///
    /// # Errors
    /// As [`patch`](Self::patch).
    pub async fn post(&self, uri: &str, body: Value) -> Result<Sent> {
        let says_nothing = body.as_object().is_some_and(Map::is_empty);
        let body = Some(body).filter(|_| !says_nothing || self.core.cures.cures(quirks::EMPTY_POST));
        let ask = Ask::write(Method::POST, self.local(uri)?, body);
        self.command(|reply| Command::Write(ask, reply)).await
    }

    /// Sends a file to `MultipartHttpPushUri` with what is to be done with it.
    ///
    /// # Errors
    /// As [`patch`](Self::patch).
    pub async fn upload(&self, uri: &str, parameters: &Value, name: &str, content: &Bytes) -> Result<Sent> {
        let form = Some(Form::update(parameters, name, content));
        let ask = Ask { form, ..Ask::write(Method::POST, self.local(uri)?, None) };
        self.command(|reply| Command::Write(ask, reply)).await
    }

    /// Deletes a resource.
    ///
    /// # Errors
    /// As [`patch`](Self::patch).
    pub async fn delete(&self, uri: &str) -> Result<Sent> {
        let ask = Ask::write(Method::DELETE, self.local(uri)?, None);
        self.command(|reply| Command::Write(ask, reply)).await
    }

    /// Reads a collection with its members: expanded where the service advertises it, one by one where not. A member
    /// that cannot be read costs that member alone.
    ///
    /// # Errors
    /// When the collection itself cannot be read.
    pub async fn collection(&self, uri: &str) -> Result<Collection> {
        self.gather(uri, true).await
    }

    /// Reads the members of a log's collection that were made last, newest first, at most `limit` of them. Services list
    /// the newest first (iDRAC) or last (HPE, OpenBMC), which the dates of the first page tell; of the former no more
    /// pages are read than it takes.
    ///
    /// # Errors
    /// When the collection itself cannot be read.
    pub async fn newest_members(&self, uri: &str, limit: usize) -> Result<Collection> {
        let mut pages = Pages::new(uri);
        let mut slots: Vec<Result<Document, String>> = Vec::new();
        let mut skipped = Vec::new();
        let mut newest_first = None;
        while let Some(uri) = pages.next() {
            let page = self.page(&uri).await?;
            let page = Page::of(&page);
            slots_of(&page, &uri, &mut slots, &mut skipped);
            let order = *newest_first.get_or_insert_with(|| is_newest_first(&slots));
            if order && slots.len() >= limit {
                break;
            }
            pages.follow(page.next);
        }
        if newest_first != Some(true) {
            slots.reverse();
        }
        slots.truncate(limit);
        Ok(self.filled(slots, skipped).await)
    }

    /// The URIs of a collection's members, unread.
    ///
    /// # Errors
    /// When the collection itself cannot be read.
    pub async fn member_uris(&self, uri: &str) -> Result<Vec<String>> {
        let mut uris = Vec::new();
        let mut pages = Pages::new(uri);
        while let Some(uri) = pages.next() {
            let page = self.page(&uri).await?;
            let page = Page::of(&page);
            uris.extend(page.members.iter().filter_map(|member| match member {
                Member::Reference(uri) | Member::Expanded { uri, .. } => Some((*uri).to_owned()),
                Member::Broken(_) => None,
            }));
            pages.follow(page.next);
        }
        Ok(uris)
    }

    /// Reads several resources, in order. One that cannot be read is skipped and said so.
    ///
    /// # Errors
    /// None of its own; a failed login shows in every `skipped`.
    pub async fn each(&self, uris: &[String]) -> Collection {
        let read = join_all(uris.iter().map(|uri| self.get(uri))).await;
        let mut collection = Collection::default();
        for (uri, read) in uris.iter().zip(read) {
            match read {
                Ok(document) => collection.documents.push(document),
                Err(error) => collection.skipped.push(Skipped { what: uri.clone(), why: error.to_string() }),
            }
        }
        collection
    }

    async fn gather(&self, uri: &str, expand: bool) -> Result<Collection> {
        let query = expand_query(&self.core.root).filter(|_| expand && self.core.may_expand());
        let first = query.map_or_else(|| uri.to_owned(), |query| format!("{}?{query}", bare(uri)));
        let mut pages = Pages::new(&first);
        let mut slots: Vec<Result<Document, String>> = Vec::new();
        let mut skipped = Vec::new();
        while let Some(uri) = pages.next() {
            let may_retry = query.is_some() && self.core.cures.cures(quirks::EXPAND_REFUSED);
            let page = match self.page(&uri).await {
                Ok(page) => page,
                Err(error) if may_retry && pages.is_first() && refuses_query(&error) => {
                    self.core.forget_expand();
                    return Box::pin(self.gather(bare(&first), false)).await;
                }
                Err(error) => return Err(error),
            };
            let page = Page::of(&page);
            slots_of(&page, &uri, &mut slots, &mut skipped);
            pages.follow(page.next);
        }
        Ok(self.filled(slots, skipped).await)
    }

    /// Reads one page of a collection.
    async fn page(&self, uri: &str) -> Result<Document> {
        let page = self.get(uri).await?;
        if page.at("Members").is_none() && !self.core.cures.cures(quirks::NULL_MEMBERS) {
            return Err(self.error(ErrorKind::Protocol, format!("{uri} is no collection: it has no Members")));
        }
        Ok(page)
    }

    /// Reads the members that came as links, and keeps the order.
    async fn filled(&self, slots: Vec<Result<Document, String>>, mut skipped: Vec<Skipped>) -> Collection {
        let read = join_all(slots.into_iter().map(async |slot| match slot {
            Ok(document) => Ok(document),
            Err(uri) => self.get(&uri).await.map_err(|error| Skipped { what: uri, why: error.to_string() }),
        }))
        .await;
        let mut documents = Vec::new();
        for member in read {
            match member {
                Ok(document) => documents.push(document),
                Err(why) => skipped.push(why),
            }
        }
        Collection { documents, skipped }
    }

    fn local(&self, uri: &str) -> Result<String> {
        on_origin(self.core.transport.origin(), uri).map_err(|why| self.error(ErrorKind::Protocol, why))
    }

    async fn command<T>(&self, make: impl FnOnce(oneshot::Sender<Result<T>>) -> Command) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let gone = || self.error(ErrorKind::Lost, "the task that owns this BMC's requests has ended");
        self.commands.send(make(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Adds the members of a page: whole, or as the link to be read.
fn slots_of(
    page: &Page<'_>,
    uri: &str,
    slots: &mut Vec<Result<Document, String>>,
    skipped: &mut Vec<Skipped>,
) {
    for member in &page.members {
        match member {
            Member::Reference(uri) => slots.push(Err((*uri).to_owned())),
            Member::Expanded { uri, view } => {
                slots.push(Ok(Document::new(bare(uri), None, view.value().clone())));
            }
            Member::Broken(why) => skipped.push(Skipped { what: uri.to_owned(), why: (*why).to_owned() }),
        }
    }
}

/// Whether the first member that has a date was made after the last.
fn is_newest_first(slots: &[Result<Document, String>]) -> bool {
    let date =
        |slot: &Result<Document, String>| slot.as_ref().ok()?.str("Created")?.parse::<jiff::Timestamp>().ok();
    let dates: Vec<jiff::Timestamp> = slots.iter().filter_map(date).collect();
    matches!((dates.first(), dates.last()), (Some(first), Some(last)) if first > last)
}

/// Whether an error to a request with `$expand` may be about the query.
fn refuses_query(error: &rackhand_bmc::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::RejectedValue { .. } | ErrorKind::Unsupported | ErrorKind::NotFound | ErrorKind::Protocol
    ) || error.has_message("QueryNotSupported")
        || error.has_message("QueryNotSupportedOnResource")
        || error.has_message("QueryParameterOutOfRange")
        || error.has_message("QueryParameterValueTypeError")
}

/// The pages of a collection still to read: bounded, and never one twice.
struct Pages {
    seen: Vec<String>,
    next: Option<String>,
}

impl Pages {
    fn new(first: &str) -> Self {
        Self { seen: Vec::new(), next: Some(first.to_owned()) }
    }

    fn next(&mut self) -> Option<String> {
        let uri = self.next.take().filter(|_| self.seen.len() < MOST_PAGES)?;
        self.seen.push(uri.clone());
        Some(uri)
    }

    fn is_first(&self) -> bool {
        self.seen.len() == 1
    }

    fn follow(&mut self, link: Option<&str>) {
        let known = |link: &&str| {
            !self.seen.iter().any(|seen| {
                seen == link || (seen == bare(seen) && *link == bare(link) && same_resource(seen, link))
            })
        };
        self.next = link.filter(known).map(str::to_owned);
    }
}

#[cfg(test)]
mod tests;
