//! Mutations: one at a time, never repeated blind, with the steps that `If-Match` takes.

use std::time::Duration;

use http::{Method, StatusCode};
use rackhand_bmc::{ErrorKind, Result};
use tokio::time::sleep;

use super::{
    core::{Ask, Core, Failure},
    outcome::Sent,
};
use crate::{
    document::Document,
    standard::quirks,
    wire::{Answer, transport_error},
};

impl Core {
    /// Sends a mutation once somebody still waits for it and no other is at work.
    pub(crate) async fn write(&self, ask: &Ask, gone: impl Fn() -> bool) -> Result<Sent> {
        let _permit = self.writes_done().await?;
        if gone() {
            return Err(
                self.error(ErrorKind::Lost, "nobody waits for this request any more; it was not sent")
            );
        }
        let mut answer = self.matched(ask).await;
        // The one repetition that HTTP itself asks for: 503 with Retry-After says that nothing was done.
        if let Some(wait) = self.come_back(&answer) {
            sleep(wait).await;
            answer = self.matched(ask).await;
        }
        match answer {
            Ok(answer) => self.judged(ask, answer),
            Err(Failure::Error(error)) => Err(error),
            Err(Failure::Transport(error)) if error.maybe_applied() => {
                tracing::warn!(bmc = %self.bmc, request = %ask.line(), %error, "the outcome is unknown until it is read back");
                Ok(Sent::Lost { seen: error.to_string() })
            }
            Err(Failure::Transport(error)) => Err(transport_error(&self.bmc, &ask.line(), &error)),
        }
    }

    fn judged(&self, ask: &Ask, answer: Answer) -> Result<Sent> {
        // A gateway that gave up says nothing about what the BMC behind it did.
        if matches!(answer.status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) {
            let seen = format!("{}: a gateway before the BMC answers {}", ask.line(), answer.status);
            return Ok(Sent::Lost { seen });
        }
        // A page for people (a portal, a BMC that starts) is no Redfish answer, whatever its status says.
        if answer.page && answer.status.is_success() {
            let seen = format!("{}: answered {} with a page instead of JSON", ask.line(), answer.status);
            return Ok(Sent::Lost { seen });
        }
        Ok(Sent::Accepted(Box::new(self.understood(ask, answer)?)))
    }

    fn come_back(&self, answer: &Result<Answer, Failure>) -> Option<Duration> {
        let answer =
            answer.as_ref().ok().filter(|answer| answer.status == StatusCode::SERVICE_UNAVAILABLE)?;
        answer.retry_after.filter(|wait| *wait <= self.pacing.retry_max)
    }

    /// The ladder of a PATCH: the ETag as given, without its weak mark, a fresh one, none; each step on 412 alone. Where
    /// the service wants one that was not given (428), a fresh one. Never for POST: iDRAC10 answers that with 412.
    async fn matched(&self, ask: &Ask) -> Result<Answer, Failure> {
        let given = ask.etag.as_deref().filter(|_| ask.method == Method::PATCH);
        let mut answer = self.authorised(ask, given).await?;
        if ask.method != Method::PATCH || !wants_etag(&answer) {
            return Ok(answer);
        }
        let strengthened = |etag: &str| {
            etag.strip_prefix("W/").filter(|_| self.cures.cures(quirks::WEAK_ETAG)).map(str::to_owned)
        };
        let strong = given.and_then(strengthened);
        if let Some(strong) = &strong {
            answer = self.authorised(ask, Some(strong)).await?;
            if !wants_etag(&answer) {
                return Ok(answer);
            }
        }
        let fresh =
            if self.cures.cures(quirks::FRESH_ETAG) { self.fresh_etag(&ask.uri).await? } else { None };
        if let Some(fresh) = fresh.filter(|fresh| Some(fresh.as_str()) != given) {
            answer = self.authorised(ask, Some(&fresh)).await?;
            if !wants_etag(&answer) {
                return Ok(answer);
            }
            if let Some(strong) = strengthened(&fresh).filter(|fresh| Some(fresh) != strong.as_ref()) {
                answer = self.authorised(ask, Some(&strong)).await?;
                if !wants_etag(&answer) {
                    return Ok(answer);
                }
            }
        }
        // Without any: pointless where the first try was without one already.
        if given.is_none() || !self.cures.cures(quirks::NO_IF_MATCH) {
            return Ok(answer);
        }
        self.authorised(ask, None).await
    }

    async fn fresh_etag(&self, uri: &str) -> Result<Option<String>, Failure> {
        let answer = self.authorised(&Ask::read(uri.to_owned()), None).await?;
        if !answer.status.is_success() {
            return Ok(None);
        }
        let document = Document::new(uri, answer.etag.clone(), answer.json().clone());
        Ok(document.etag().map(str::to_owned))
    }
}

fn wants_etag(answer: &Answer) -> bool {
    matches!(answer.status, StatusCode::PRECONDITION_FAILED | StatusCode::PRECONDITION_REQUIRED)
}
