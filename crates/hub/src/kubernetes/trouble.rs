//! What an error of the hub means for the one who writes.

use kube::Error;

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
