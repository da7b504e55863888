//! Credentials and sessions: who is logged in, what the ledger knows of it, how it ends.

use std::sync::Arc;

use base64::Engine;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use rackhand_bmc::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::time::sleep;

use super::core::{Ask, Core};
use crate::{
    document::{Document, View},
    messages::{Meaning, meaning, messages_of},
    uri::{on_origin, path_of, same_resource},
    wire::{Answer, transport_error},
};

/// The state of being logged in.
#[derive(Default)]
pub(crate) struct Auth {
    state: State,
    /// Counts logins, so that several requests that meet the end of one session cause one new login.
    generation: u64,
    /// Sessions that the BMC stopped honouring; deleted after the next login in case they still stand in its table.
    ended: Vec<String>,
}

#[derive(Default)]
enum State {
    #[default]
    LoggedOut,
    Ready {
        credential: Credential,
        session: Option<String>,
        /// Whether a request was answered with it.
        proven: bool,
    },
    /// Refused: nothing is sent with these credentials any more.
    Refused(Error),
}

/// What a request carries to be let in.
#[derive(Clone)]
pub(crate) enum Credential {
    /// A session's token.
    Token(Arc<SecretString>),
    /// Name and password, where there is no SessionService.
    Basic(Arc<SecretString>),
}

impl Credential {
    /// The header, marked so that nothing prints it.
    pub(crate) fn header(&self) -> Result<(HeaderName, HeaderValue), String> {
        let (name, text) = match self {
            Self::Token(token) => (HeaderName::from_static("x-auth-token"), token),
            Self::Basic(text) => (header::AUTHORIZATION, text),
        };
        let mut value = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| "the credentials hold characters that cannot stand in a header".to_owned())?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

/// What came of asking for a session.
enum Opened {
    Session {
        token: SecretString,
        uri: Option<String>,
    },
    /// There is no SessionService that works; Basic is used.
    NoService,
}

impl Core {
    /// Logs in unless that is so already.
    pub(crate) async fn login(&self) -> Result<()> {
        self.credential().await.map(|_| ())
    }

    /// What to send now, logging in when needed.
    pub(crate) async fn credential(&self) -> Result<(Credential, u64)> {
        let mut auth = self.auth.lock().await;
        match &auth.state {
            State::Ready { credential, .. } => return Ok((credential.clone(), auth.generation)),
            State::Refused(error) => return Err(error.clone()),
            State::LoggedOut => {}
        }
        self.ledger.permit_login(&self.bmc, &self.credentials.username)?;
        let leftovers = self.ledger.leftover_sessions(&self.bmc);
        let opened = match self.open_session().await {
            Err(error) if *error.kind() == ErrorKind::RefusedCredentials => {
                auth.state = State::Refused(error.clone());
                self.ledger.login_refused(&self.bmc, &self.credentials.username)?;
                return Err(error);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Locked { .. }) => {
                // The BMC refused it too, and each further one may prolong the lock.
                self.ledger.login_refused(&self.bmc, &self.credentials.username)?;
                return Err(error);
            }
            opened => opened?,
        };
        let (credential, session) = match opened {
            Opened::NoService => (self.basic(), None),
            Opened::Session { token, uri } => (Credential::Token(Arc::new(token)), uri),
        };
        if let Some(uri) = &session {
            self.note_session(&credential, uri).await?;
        }
        auth.generation += 1;
        auth.state = State::Ready {
            credential: credential.clone(),
            session: session.clone(),
            proven: session.is_some(),
        };
        let mut stale = std::mem::take(&mut auth.ended);
        stale.extend(leftovers);
        let own = |uri: &String| session.as_ref().is_some_and(|own| same_resource(own, uri));
        for uri in stale.iter().filter(|uri| !own(uri)) {
            self.delete_stale(&credential, uri).await;
        }
        Ok((credential, auth.generation))
    }

    /// Writes a new session down, before it is used. One that cannot be written down is given back at once.
    async fn note_session(&self, credential: &Credential, uri: &str) -> Result<()> {
        let Err(error) = self.ledger.session_opened(&self.bmc, uri) else { return Ok(()) };
        if let Err(kept) = self.delete_session(credential, uri, 1).await {
            tracing::warn!(bmc = %self.bmc, session = uri, error = %kept, "a session that could not be written down stays until it runs out");
        }
        Err(error)
    }

    /// A request was answered with this status, and not 401, to the credentials of this generation: it was let in, unless a 403
    /// says of a locked account what it also says of a missing right.
    pub(crate) async fn accepted(&self, generation: u64, status: StatusCode) {
        if status == StatusCode::FORBIDDEN {
            return;
        }
        let mut auth = self.auth.lock().await;
        if auth.generation == generation
            && let State::Ready { proven, .. } = &mut auth.state
            && !std::mem::replace(proven, true)
            && let Err(error) = self.ledger.login_accepted(&self.bmc, &self.credentials.username)
        {
            // The login counts as under way for a while longer, and that is all.
            tracing::warn!(bmc = %self.bmc, %error, "that the BMC let us in could not be written down");
        }
    }

    /// A 401. For a session it means that it is over; for a password that was let in before, perhaps a slip of the BMC
    /// (iLO is seen to do so), which costs a login of the budget; for one that never was, the end.
    pub(crate) async fn refused(&self, ask: &Ask, generation: u64, answer: &Answer) -> Result<()> {
        let mut auth = self.auth.lock().await;
        if auth.generation != generation {
            return Ok(());
        }
        let State::Ready { credential, session, proven } = std::mem::take(&mut auth.state) else {
            return Ok(());
        };
        auth.ended.extend(session);
        if matches!(credential, Credential::Basic(_)) {
            if !proven {
                auth.state = State::Refused(self.refused_error(ask, answer));
            }
            self.ledger.login_refused(&self.bmc, &self.credentials.username)?;
        }
        match &auth.state {
            State::Refused(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// A second 401, right after a login.
    pub(crate) async fn refused_again(&self, ask: &Ask, generation: u64, answer: &Answer) -> Error {
        let mut auth = self.auth.lock().await;
        let error = self.refused_error(ask, answer);
        let basic = matches!(&auth.state, State::Ready { credential: Credential::Basic(_), .. });
        if auth.generation == generation && basic {
            auth.state = State::Refused(error.clone());
            if let Err(unwritten) = self.ledger.login_refused(&self.bmc, &self.credentials.username) {
                return unwritten;
            }
        }
        error
    }

    fn refused_error(&self, ask: &Ask, answer: &Answer) -> Error {
        let seen = self.failed(ask, answer);
        let detail = format!("the BMC refuses user {:?} or the password", self.credentials.username);
        self.error(ErrorKind::RefusedCredentials, detail)
            .with_request(ask.line())
            .with_messages(seen.messages().to_vec())
    }

    fn basic(&self) -> Credential {
        let pair = format!("{}:{}", self.credentials.username, self.credentials.password.expose_secret());
        let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        Credential::Basic(Arc::new(SecretString::from(text)))
    }

    async fn open_session(&self) -> Result<Opened> {
        let Some(uri) = self.sessions_uri().await else { return Ok(Opened::NoService) };
        let body = json!({"UserName": self.credentials.username, "Password": self.credentials.password.expose_secret()});
        let ask = Ask::write(Method::POST, uri, Some(body));
        let answer = self
            .send(&ask, None, None)
            .await
            .map_err(|error| transport_error(&self.bmc, &ask.line(), &error))?;
        if answer.status.is_success() {
            return self.opened(&ask, answer);
        }
        match answer.status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                Ok(Opened::NoService)
            }
            _ => Err(self.login_error(&ask, &answer)),
        }
    }

    /// While logging in, "no valid session" and a bare 401 both mean that the credentials were refused.
    fn login_error(&self, ask: &Ask, answer: &Answer) -> Error {
        let error = self.failed(ask, answer);
        if *error.kind() == ErrorKind::RefusedCredentials { self.refused_error(ask, answer) } else { error }
    }

    fn opened(&self, ask: &Ask, answer: Answer) -> Result<Opened> {
        let body = View(answer.json());
        let uri =
            answer.location.as_deref().and_then(path_of).or_else(|| body.str("@odata.id").and_then(path_of));
        if uri.is_none() {
            tracing::warn!(bmc = %self.bmc, "the BMC does not name the session it opened; it cannot be given back");
        }
        match answer.token {
            Some(token) => Ok(Opened::Session { token: SecretString::from(token), uri }),
            None => {
                let messages = messages_of(answer.json(), &[]);
                let full = meaning(&messages, self.conduct.rules) == Some(Meaning::SessionsFull);
                let kind = if full {
                    ErrorKind::Busy { retry_after: answer.retry_after }
                } else {
                    ErrorKind::Protocol
                };
                Err(self
                    .error(kind, "the BMC opened a session without an X-Auth-Token")
                    .with_request(ask.line()))
            }
        }
    }

    /// The collection of sessions: the root's own link, else through its SessionService. None means Basic.
    async fn sessions_uri(&self) -> Option<String> {
        if !self.conduct.sessions {
            return None;
        }
        let origin = self.transport.origin();
        if let Some(link) = self.root.link("Links/Sessions") {
            return on_origin(origin, link).ok();
        }
        let service = on_origin(origin, self.root.link("SessionService")?).ok()?;
        let answer = self.send(&Ask::read(service.clone()), None, None).await.ok()?;
        let service = Document::new(service, None, answer.json().clone());
        on_origin(origin, service.link("Sessions")?).ok()
    }

    async fn delete_stale(&self, credential: &Credential, uri: &str) {
        match self.delete_session(credential, uri, 1).await {
            Ok(()) => tracing::info!(bmc = %self.bmc, session = uri, "deleted a session that was left over"),
            Err(error) => {
                tracing::warn!(bmc = %self.bmc, session = uri, %error, "a left-over session stays until it runs out")
            }
        }
    }

    /// Deletes a session and writes it down. One that is gone counts as deleted, so repeating it is safe.
    async fn delete_session(&self, credential: &Credential, uri: &str, tries: u32) -> Result<()> {
        let ask = Ask::write(Method::DELETE, uri.to_owned(), None);
        let mut back_off = self.pacing.retry_min;
        let mut tried = 0;
        let error = loop {
            tried += 1;
            let error = match self.send(&ask, Some(credential), None).await {
                Ok(answer) if answer.status.is_success() => {
                    return self.ledger.session_closed(&self.bmc, uri);
                }
                // 401: the token's own session is over.
                Ok(answer) if matches!(answer.status.as_u16(), 401 | 404 | 410) => {
                    return self.ledger.session_closed(&self.bmc, uri);
                }
                Ok(answer) => self.failed(&ask, &answer),
                Err(error) => transport_error(&self.bmc, &ask.line(), &error),
            };
            if tried >= tries || !error.kind().is_transient() {
                break error;
            }
            sleep(back_off).await;
            back_off = back_off.saturating_mul(2).min(self.pacing.retry_max);
        };
        Err(error)
    }

    /// Gives the session back once no mutation is at work.
    pub(crate) async fn close(&self) -> Result<()> {
        let _permit = self.writes_done().await?;
        self.give_back(3).await
    }

    async fn give_back(&self, tries: u32) -> Result<()> {
        let mut auth = self.auth.lock().await;
        if let State::Ready { .. } = &auth.state
            && let State::Ready { credential, session: Some(uri), .. } = std::mem::take(&mut auth.state)
        {
            self.delete_session(&credential, &uri, tries).await?;
        }
        Ok(())
    }

    /// Every handle was dropped. A session that was not given back is now, as well as one try can.
    pub(crate) async fn abandon(&self) {
        let held = matches!(&self.auth.lock().await.state, State::Ready { session: Some(_), .. });
        if !held {
            return;
        }
        tracing::warn!(bmc = %self.bmc, "the connection was dropped without being closed; gives its session back");
        if let Err(error) = self.give_back(1).await {
            tracing::warn!(bmc = %self.bmc, %error, "the session stays until it runs out or a later process deletes it");
        }
    }
}
