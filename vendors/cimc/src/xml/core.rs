//! One XML session: who is logged in, what the ledger knows of it, one exchange.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, StatusCode, Uri, header};
use jiff::SignedDuration;
use rackhand_bmc::{Clock, Credentials, Error, ErrorKind, Ledger, Pacing, Result, Target};
use rackhand_http::{Request, Transport, TransportError};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::{element::Element, fault::Fault};

/// Where the API is (SDK).
pub(crate) const PATH: &str = "/nuova";
/// The period of a session where the answer names none: the usual one (SDK).
const PERIOD: Duration = Duration::from_secs(600);
/// How long before the end of its period a session is refreshed (SDK).
const MARGIN: Duration = Duration::from_secs(60);
/// What the names of XML sessions in the ledger begin with.
const LEDGER: &str = "xml:";

/// What the task that owns the session works with.
pub(crate) struct Core {
    pub(crate) bmc: String,
    transport: Arc<dyn Transport>,
    credentials: Credentials,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    pub(crate) pacing: Pacing,
    session: Option<Session>,
    /// Why no login is tried any more.
    shut: Option<Error>,
}

/// A session. The cookie is never shown and never written down.
struct Session {
    cookie: SecretString,
    /// What the BMC calls it.
    id: String,
    /// What the ledger calls it: the id, and when the session ends by itself.
    name: String,
    /// When it is refreshed or given back.
    due: Instant,
    /// When it ends by itself.
    ends: Instant,
    /// Whether a request was sent with it since its period began.
    used: bool,
}

/// Why an exchange has no usable answer.
pub(crate) enum Failure {
    /// The request was refused, or never left.
    Error(Error),
    /// It may have left; what was seen instead of an answer.
    Lost(String),
}

impl Core {
    pub(crate) fn new(transport: Arc<dyn Transport>, target: &Target) -> Self {
        Self {
            bmc: target.bmc.clone(),
            transport,
            credentials: target.credentials.clone(),
            ledger: Arc::clone(&target.ledger),
            clock: Arc::clone(&target.clock),
            pacing: target.pacing.clone(),
            session: None,
            shut: None,
        }
    }

    pub(crate) fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        Error::new(kind, &self.bmc, detail)
    }

    /// When the session must be refreshed or given back; `None` without one.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.session.as_ref().map(|session| session.due)
    }

    /// The session's period is about to end: it is refreshed if it was used, and given back if it was not. Where neither
    /// can be done now, it is tried again until the session has ended by itself.
    pub(crate) async fn renew(&mut self) -> Result<()> {
        let done = match &self.session {
            Some(session) if session.ends <= Instant::now() => self.forget(),
            Some(session) if session.used => self.refresh().await,
            Some(_) => self.logout().await,
            None => Ok(()),
        };
        if done.is_err()
            && let Some(session) = &mut self.session
        {
            session.due = (Instant::now() + self.pacing.retry_max).min(session.ends);
        }
        done
    }

    /// Sends a method with the session's cookie, logging in first when needed. A cookie that is no longer known costs one
    /// new login, because it says that nothing was done.
    pub(crate) async fn call(&mut self, method: &Element, slow: bool) -> Result<Element, Failure> {
        for last in [false, true] {
            let cookie = self.cookie().await.map_err(Failure::Error)?;
            let request = method.clone().with("cookie", cookie.expose_secret());
            let answer = self.exchange(&request, slow).await?;
            match Fault::in_answer(&answer, &request) {
                None => return Ok(answer),
                Some(fault) if fault.is_session_over() && !last => self.forget().map_err(Failure::Error)?,
                Some(fault) => return Err(Failure::Error(fault.error(&self.bmc, &line(method)))),
            }
        }
        Err(Failure::Error(self.error(ErrorKind::Protocol, "the XML API ends every session at once")))
    }

    async fn cookie(&mut self) -> Result<SecretString> {
        match &self.session {
            Some(session) if session.ends <= Instant::now() => self.forget()?,
            Some(session) if session.due <= Instant::now() => self.refresh().await?,
            _ => {}
        }
        if self.session.is_none() {
            self.login().await?;
        }
        match &mut self.session {
            Some(session) => {
                session.used = true;
                Ok(session.cookie.clone())
            }
            None => Err(self.error(ErrorKind::Protocol, "the XML API opens no session")),
        }
    }

    async fn login(&mut self) -> Result<()> {
        if let Some(error) = &self.shut {
            return Err(error.clone());
        }
        let username = self.credentials.username.clone();
        self.ledger.permit_login(&self.bmc, &username)?;
        let request = Element::new("aaaLogin")
            .with("inName", username.as_str())
            .with("inPassword", self.credentials.password.expose_secret());
        let answer = match self.asked(&request).await {
            // No API here: it is not asked again over this connection.
            Err(error) if *error.kind() == ErrorKind::Unsupported => {
                self.shut = Some(error.clone());
                return Err(error);
            }
            answer => answer?,
        };
        if let Some(fault) = Fault::in_answer(&answer, &request) {
            let error = fault.error(&self.bmc, &line(&request));
            if fault.is_refused_login() {
                let detail = format!("the XML API refuses user {username:?} or the password");
                let error = self
                    .error(ErrorKind::RefusedCredentials, detail)
                    .with_request(line(&request))
                    .with_messages(error.messages().to_vec());
                self.shut = Some(error.clone());
                self.ledger.login_refused(&self.bmc, &username)?;
                return Err(error);
            }
            return Err(error);
        }
        self.opened(&answer, "").await
    }

    /// Takes the session of an answer, and writes it down before it is used.
    async fn opened(&mut self, answer: &Element, id: &str) -> Result<()> {
        let cookie = answer.get("outCookie").ok_or_else(|| {
            self.error(ErrorKind::Protocol, "the XML API opened a session without outCookie")
        })?;
        let seconds = answer.get("outRefreshPeriod").and_then(|text| text.parse().ok());
        let period: Duration = seconds.filter(|seconds| *seconds > 0).map_or(PERIOD, Duration::from_secs);
        let lead = if period > 2 * MARGIN { period.saturating_sub(MARGIN) } else { period / 2 };
        let now = Instant::now();
        let id = answer.get("outSessionId").unwrap_or(id).to_owned();
        let ends =
            SignedDuration::try_from(period).ok().and_then(|lasts| self.clock.now().checked_add(lasts).ok());
        let ends = ends.map(|ends| ends.to_string()).unwrap_or_default();
        let session = Session {
            cookie: SecretString::from(cookie.to_owned()),
            name: format!("{LEDGER}{id}@{ends}"),
            id,
            due: now + lead,
            ends: now + period,
            used: false,
        };
        let written = self.ledger.session_opened(&self.bmc, &session.name);
        let before = self.session.replace(session);
        if let Err(error) = written {
            if let Err(kept) = self.logout().await {
                tracing::warn!(bmc = %self.bmc, error = %kept, "an XML session that could not be written down stays until it runs out");
            }
            return Err(error);
        }
        match before {
            Some(before) => self.ledger.session_closed(&self.bmc, &before.name),
            None => Ok(()),
        }
    }

    async fn refresh(&mut self) -> Result<()> {
        let Some(session) = &self.session else { return Ok(()) };
        let id = session.id.clone();
        let request = Element::new("aaaRefresh")
            .with("inName", self.credentials.username.as_str())
            .with("inPassword", self.credentials.password.expose_secret())
            .with("inCookie", session.cookie.expose_secret());
        let answer = self.asked(&request).await?;
        match Fault::in_answer(&answer, &request) {
            // What comes next logs in anew.
            Some(fault) if fault.is_session_over() => self.forget(),
            Some(fault) => Err(fault.error(&self.bmc, &line(&request))),
            None => self.opened(&answer, &id).await,
        }
    }

    /// Gives the session back. One that the BMC no longer knows counts as given back.
    pub(crate) async fn logout(&mut self) -> Result<()> {
        let Some(session) = &self.session else { return Ok(()) };
        let request = Element::new("aaaLogout").with("inCookie", session.cookie.expose_secret());
        let answer = self.asked(&request).await?;
        match Fault::in_answer(&answer, &request) {
            Some(fault) if !fault.is_session_over() => Err(fault.error(&self.bmc, &line(&request))),
            _ => self.forget(),
        }
    }

    /// The session is over.
    fn forget(&mut self) -> Result<()> {
        match self.session.take() {
            Some(session) => self.ledger.session_closed(&self.bmc, &session.name),
            None => Ok(()),
        }
    }

    /// An exchange that changes nothing but the session.
    async fn asked(&self, request: &Element) -> Result<Element> {
        match self.exchange(request, false).await {
            Ok(answer) => Ok(answer),
            Err(Failure::Error(error)) => Err(error),
            Err(Failure::Lost(seen)) => Err(self.error(ErrorKind::Lost, seen).with_request(line(request))),
        }
    }

    async fn exchange(&self, method: &Element, slow: bool) -> Result<Element, Failure> {
        let within = if slow { self.pacing.slow_request_timeout } else { self.pacing.request_timeout };
        let mut request = Request::new(Method::POST, Uri::from_static(PATH)).with_timeout(within);
        *request.message.body_mut() = method.to_xml().into();
        let headers = request.message.headers_mut();
        // Not XML's own type: this is what Cisco's guide and SDK send.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let line = line(method);
        let answer = match self.transport.send(request).await {
            Ok(answer) => answer,
            Err(error) if error.maybe_applied() => return Err(Failure::Lost(error.to_string())),
            Err(error) => return Err(Failure::Error(self.not_sent(&error).with_request(line))),
        };
        tracing::trace!(bmc = %self.bmc, request = %line, status = answer.status().as_u16(), "answered");
        let status = answer.status();
        if status == StatusCode::OK {
            return Element::parse(answer.body())
                .map_err(|why| Failure::Lost(format!("{line}: the answer cannot be read: {why}")));
        }
        let (kind, detail) = match status.as_u16() {
            404 | 405 | 501 => (
                ErrorKind::Unsupported,
                format!("nothing answers as an XML API here ({status}); is it switched off?"),
            ),
            401 | 403 => (ErrorKind::Forbidden, format!("the XML API answers {status}")),
            502 | 504 => {
                return Err(Failure::Lost(format!("{line}: a gateway before the BMC answers {status}")));
            }
            429 | 503 => (ErrorKind::Busy { retry_after: None }, format!("the XML API answers {status}")),
            _ => (ErrorKind::Protocol, format!("the XML API answers {status}")),
        };
        Err(Failure::Error(self.error(kind, detail).with_request(line)))
    }

    fn not_sent(&self, error: &TransportError) -> Error {
        let kind = match error {
            TransportError::Untrusted { fingerprint, .. } => {
                ErrorKind::Untrusted { fingerprint: fingerprint.to_string() }
            }
            TransportError::TlsUnsupported { .. } => ErrorKind::TlsUnsupported,
            TransportError::Unreachable { .. } => ErrorKind::Unreachable,
            _ => ErrorKind::Protocol,
        };
        self.error(kind, error.to_string())
    }
}

/// The request line for messages: the method, and what it is about.
pub(crate) fn line(method: &Element) -> String {
    let about = ["dn", "inDn", "classId"].iter().find_map(|name| method.get(name));
    match about {
        Some(about) => format!("POST {PATH} {} {about}", method.name),
        None => format!("POST {PATH} {}", method.name),
    }
}

/// A leftover session of an earlier process, by its name in the ledger: whether it is an XML session, and if so whether
/// it has ended by itself by `now`. Only the process that opened it could log it out, because cookies are never kept.
pub(crate) fn leftover(name: &str, now: jiff::Timestamp) -> Option<bool> {
    let name = name.strip_prefix(LEDGER)?;
    let ends: Option<jiff::Timestamp> = name.rsplit_once('@').and_then(|(_, ends)| ends.parse().ok());
    Some(ends.is_none_or(|ends| ends <= now))
}
