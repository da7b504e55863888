//! Sending one request: headers, retries, what an answer means.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::{HeaderValue, Method, StatusCode, header};
use rackhand_bmc::{Clock, Credentials, Error, ErrorKind, Ledger, Pacing, Quirks, Result, Target};
use rackhand_http::{Request, Transport, TransportError};
use serde_json::Value;
use tokio::{sync::Semaphore, time::sleep};

use super::auth::{Auth, Credential};
use crate::{
    document::Document,
    form::Form,
    link::Link,
    messages::{
        Meaning, MessageRule, capped, kind_of, meaning, messages_of, messages_of_the_standard, secrets_in,
    },
    standard::{quirks, standard_quirks},
    wire::{Answer, transport_error},
};

/// How a BMC wants to be spoken to.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Conduct {
    /// The vendor's messages.
    pub rules: &'static [MessageRule],
    /// Reads in flight at once.
    pub reads_at_once: usize,
    /// Whether connections are kept. False sends `Connection: close`, for BMCs seen to choke on kept ones.
    pub keep_alive: bool,
    /// Whether `$expand` may be used where it is advertised. False for services that answer it incompletely.
    pub expand: bool,
    /// Whether sessions are used where there are any. False for services whose sessions do not work.
    pub sessions: bool,
}

impl Default for Conduct {
    fn default() -> Self {
        Self { rules: &[], reads_at_once: 2, keep_alive: true, expand: true, sessions: true }
    }
}

/// Tries of one read.
const READ_TRIES: u32 = 3;
/// Same-host redirects that one mutation may take.
const MOST_REDIRECTS: u32 = 3;

/// One request as the caller means it.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) uri: String,
    pub(crate) body: Option<Value>,
    /// A form that is sent instead of a JSON body.
    pub(crate) form: Option<Form>,
    /// For PATCH: the ETag that the caller read.
    pub(crate) etag: Option<String>,
}

impl Ask {
    pub(crate) fn read(uri: String) -> Self {
        Self { method: Method::GET, uri, body: None, form: None, etag: None }
    }

    pub(crate) fn write(method: Method, uri: String, body: Option<Value>) -> Self {
        Self { method, uri, body, form: None, etag: None }
    }

    /// The request line, for messages.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }

    /// Whether BMCs think long about it: writes of BIOS and storage settings take more than 60 s (ironic), and so does a
    /// firmware image.
    fn is_slow(&self) -> bool {
        let settings = self.body.as_ref().is_some_and(|body| body.get("Attributes").is_some());
        self.method != Method::GET && (settings || self.form.is_some())
    }
}

/// Why a request has no answer.
pub(crate) enum Failure {
    /// Nothing of it was sent, or it was refused while logging in.
    Error(Error),
    /// The transport met it.
    Transport(TransportError),
}

/// What the task and its handles share.
pub(crate) struct Core {
    pub(crate) bmc: String,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) root: Document,
    pub(crate) conduct: Conduct,
    pub(crate) credentials: Credentials,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) pacing: Pacing,
    /// What of the standard table is cured.
    pub(crate) cures: Quirks,
    pub(crate) auth: tokio::sync::Mutex<Auth>,
    clock: Arc<dyn Clock>,
    reads: Semaphore,
    writes: Semaphore,
    expand: AtomicBool,
}

impl Core {
    pub(crate) fn new(link: &Link, target: &Target, conduct: Conduct) -> Self {
        Self {
            bmc: target.bmc.clone(),
            transport: Arc::clone(&link.transport),
            root: link.root.clone(),
            conduct,
            credentials: target.credentials.clone(),
            ledger: Arc::clone(&target.ledger),
            pacing: target.pacing.clone(),
            cures: Quirks::new(standard_quirks(), &target.quirks_off),
            auth: tokio::sync::Mutex::new(Auth::default()),
            clock: Arc::clone(&target.clock),
            reads: Semaphore::new(conduct.reads_at_once.max(1)),
            writes: Semaphore::new(1),
            expand: AtomicBool::new(conduct.expand),
        }
    }

    pub(crate) fn may_expand(&self) -> bool {
        self.expand.load(Ordering::Relaxed)
    }

    /// The service refused a query that it advertises: it is not asked again.
    pub(crate) fn forget_expand(&self) {
        self.expand.store(false, Ordering::Relaxed);
    }

    pub(crate) fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        Error::new(kind, &self.bmc, detail)
    }

    /// Waits until no mutation is at work.
    pub(crate) async fn writes_done(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        self.writes
            .acquire()
            .await
            .map_err(|_| self.error(ErrorKind::Lost, "the requests of this BMC have ended"))
    }

    /// A read, retried with back-off while its failure is a passing one and somebody still waits for it.
    pub(crate) async fn read(&self, ask: &Ask, gone: impl Fn() -> bool) -> Result<Answer> {
        let permit = self.reads.acquire().await;
        let _permit =
            permit.map_err(|_| self.error(ErrorKind::Lost, "the requests of this BMC have ended"))?;
        let mut back_off = self.pacing.retry_min;
        for tried in 1.. {
            if gone() {
                break;
            }
            let error = match self.authorised(ask, None).await {
                Ok(answer) => match self.understood(ask, answer) {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                },
                Err(Failure::Error(error)) => return Err(error),
                Err(Failure::Transport(error)) => transport_error(&self.bmc, &ask.line(), &error),
            };
            let wait = match error.kind() {
                ErrorKind::Busy { retry_after: Some(wait) } if *wait <= self.pacing.retry_max => *wait,
                ErrorKind::Busy { retry_after: None } | ErrorKind::Lost | ErrorKind::Unreachable => back_off,
                _ => return Err(error),
            };
            if tried >= READ_TRIES {
                return Err(error);
            }
            tracing::debug!(bmc = %self.bmc, request = %ask.line(), %error, "reads again");
            sleep(wait).await;
            back_off = back_off.saturating_mul(2).min(self.pacing.retry_max);
        }
        Err(self.error(ErrorKind::Lost, "nobody waits for this read any more").with_request(ask.line()))
    }

    /// Sends with credentials; a 401 costs one new login, because it says that nothing was done.
    pub(crate) async fn authorised(&self, ask: &Ask, if_match: Option<&str>) -> Result<Answer, Failure> {
        let (credential, generation) = self.credential().await.map_err(Failure::Error)?;
        let answer = self.send(ask, Some(&credential), if_match).await.map_err(Failure::Transport)?;
        if answer.status != StatusCode::UNAUTHORIZED {
            self.accepted(generation, answer.status).await;
            return Ok(answer);
        }
        self.refused(ask, generation, &answer).await.map_err(Failure::Error)?;
        let (credential, generation) = self.credential().await.map_err(Failure::Error)?;
        let answer = self.send(ask, Some(&credential), if_match).await.map_err(Failure::Transport)?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(Failure::Error(self.refused_again(ask, generation, &answer).await));
        }
        self.accepted(generation, answer.status).await;
        Ok(answer)
    }

    /// One exchange, following a mutation's redirects on the same host and falling back to gzip where that is insisted on.
    pub(crate) async fn send(
        &self,
        ask: &Ask,
        credential: Option<&Credential>,
        if_match: Option<&str>,
    ) -> Result<Answer, TransportError> {
        let mut ask = ask.clone();
        let mut encoding = "identity";
        for _ in 0..=MOST_REDIRECTS {
            let request = self.request(&ask, credential, if_match, encoding)?;
            let answer = Answer::of(self.transport.send(request).await?, self.clock.as_ref());
            tracing::trace!(bmc = %self.bmc, request = %ask.line(), status = answer.status.as_u16(), "answered");
            // HPE serves registries compressed or not at all.
            if answer.status == StatusCode::NOT_ACCEPTABLE
                && ask.method == Method::GET
                && encoding == "identity"
            {
                encoding = "gzip";
                continue;
            }
            match self.moved(&ask, &answer)? {
                Some(uri) => ask.uri = uri,
                None => return Ok(answer),
            }
        }
        Err(self.refusal(&ask, "the BMC redirects in a circle".to_owned()))
    }

    /// Where a redirected mutation leads: 307 and 308 say that it was not carried out and may be sent again there.
    /// Redirects of reads are the transport's affair.
    fn moved(&self, ask: &Ask, answer: &Answer) -> Result<Option<String>, TransportError> {
        let follow = ask.method != Method::GET && matches!(answer.status.as_u16(), 307 | 308);
        match answer.location.as_deref().filter(|_| follow) {
            Some(link) => crate::uri::on_origin(self.transport.origin(), link)
                .map(Some)
                .map_err(|why| self.refusal(ask, why)),
            None => Ok(None),
        }
    }

    fn refusal(&self, ask: &Ask, reason: String) -> TransportError {
        let peer = self.transport.origin().to_string();
        TransportError::Refused { peer, method: ask.method.to_string(), target: ask.uri.clone(), reason }
    }

    fn request(
        &self,
        ask: &Ask,
        credential: Option<&Credential>,
        if_match: Option<&str>,
        encoding: &'static str,
    ) -> Result<Request, TransportError> {
        let uri = ask.uri.parse().map_err(|_| self.refusal(ask, format!("{:?} is no URI", ask.uri)))?;
        let timeout =
            if ask.is_slow() { self.pacing.slow_request_timeout } else { self.pacing.request_timeout };
        let mut request = Request::new(ask.method.clone(), uri).with_timeout(timeout);
        if let Some(body) = &ask.body {
            request = request.with_json(body.to_string());
        }
        if let Some(form) = &ask.form {
            let kind = HeaderValue::from_str(&form.content_type())
                .map_err(|_| self.refusal(ask, "the form has no valid type".to_owned()))?;
            *request.message.body_mut() = form.bytes();
            request.message.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        let headers = request.message.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert("OData-Version", HeaderValue::from_static("4.0"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        if !self.conduct.keep_alive {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(etag) = if_match.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            headers.insert(header::IF_MATCH, etag);
        }
        if let Some(credential) = credential {
            let (name, value) = credential.header().map_err(|why| self.refusal(ask, why))?;
            headers.insert(name, value);
        }
        Ok(request)
    }

    /// An answer as a success, or the error that it is.
    pub(crate) fn understood(&self, ask: &Ask, answer: Answer) -> Result<Answer> {
        if !answer.status.is_success() {
            return Err(self.failed(ask, &answer));
        }
        match &answer.body {
            Err(why) if ask.method == Method::GET => {
                Err(self.error(ErrorKind::Protocol, why.clone()).with_request(ask.line()))
            }
            _ => Ok(answer),
        }
    }

    /// The error that an answer with an error status is.
    pub(crate) fn failed(&self, ask: &Ask, answer: &Answer) -> Error {
        let secrets = ask.body.as_ref().map(secrets_in).unwrap_or_default();
        let messages = if self.cures.cures(quirks::MESSAGES) {
            messages_of(answer.json(), &secrets)
        } else {
            messages_of_the_standard(answer.json(), &secrets)
        };
        let meaning = meaning(&messages, self.conduct.rules);
        let kind = kind_of(answer.status, meaning, &messages, answer.retry_after);
        let mut detail = format!("the BMC answers {}", answer.status);
        if meaning == Some(Meaning::SessionsFull) {
            detail = "the BMC's session table is full; it frees sessions when they run out, or delete some on the BMC".to_owned();
        } else if let Err(why) = &answer.body {
            detail = format!("{detail}; {}", capped(why));
        }
        let messages =
            messages.into_iter().filter(|message| !message.is_success()).map(|message| message.message);
        self.error(kind, detail).with_request(ask.line()).with_messages(messages.collect())
    }
}
