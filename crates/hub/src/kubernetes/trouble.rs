//! What an error of the hub means for the one who writes.

use std::time::Duration;

use kube::Error;
use tokio::time::timeout;

/// How long one answer of the hub is waited for. A connection that leads nowhere any more would else be waited on for a
/// quarter of an hour.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// The answer of the hub, if one comes in time.
pub(crate) async fn answered<T>(request: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    match timeout(ANSWER, request).await {
        Ok(answer) => answer.map_err(|error| Trouble::of(&error)),
        Err(_) => Err(Trouble::Away(format!("no answer within {ANSWER:?}"))),
    }
}

/// What can be done about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The hub is not reachable or not ready: the same again later.
    Away(String),
    /// There is no such object, or no such namespace.
    Missing(String),
    /// It is there already.
    Exists,
    /// Somebody wrote in between.
    Stale(String),
    /// The hub does not take it.
    Refused(String),
}

impl Trouble {
    pub(crate) fn of(error: &Error) -> Self {
        let Error::Api(status) = error else { return Self::Away(said(error)) };
        let text = format!("{} {}: {}", status.code, status.reason, status.message);
        match (status.code, status.reason.as_str()) {
            (404, _) => Self::Missing(text),
            (409, "AlreadyExists") => Self::Exists,
            (409, _) => Self::Stale(text),
            (401 | 408 | 429, _) | (500.., _) => Self::Away(text),
            _ => Self::Refused(text),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Away(text) | Self::Missing(text) | Self::Stale(text) | Self::Refused(text) => text.clone(),
            Self::Exists => "it exists already".to_owned(),
        }
    }
}

/// An error with its sources, which hold what was seen.
fn said(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    text
}
