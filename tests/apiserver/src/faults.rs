//! What the server does wrong on request, and what it was asked.

use std::time::Duration;

/// A rule by which requests are not answered as they should be. The first rule that fits a request decides.
#[derive(Clone, Debug)]
pub struct Fault {
    answer: Answer,
    verb: Option<String>,
    resource: Option<String>,
    every: u32,
    times: Option<u32>,
    seen: u32,
}

/// How a faulty request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 429, to be tried again after so many seconds.
    TooManyRequests(u32),
    /// 500; nothing was done.
    InternalError,
    /// 503; nothing was done.
    Unavailable,
    /// No answer, ever; nothing was done.
    Silence,
    /// The connection ends without an answer; nothing was done.
    Dropped,
    /// The request is carried out, and then the connection ends without an answer.
    LostAfterwards,
}

impl Fault {
    /// A fault of every request, until [`verb`](Self::verb) and its sisters say which.
    pub fn new(answer: Answer) -> Self {
        Self { answer, verb: None, resource: None, every: 1, times: None, seen: 0 }
    }

    /// Only requests of this verb, as RBAC calls it: `patch`, `list`, `watch` …
    #[must_use]
    pub fn verb(mut self, verb: &str) -> Self {
        self.verb = Some(verb.into());
        self
    }

    /// Only requests for this resource, by its plural; with `/status` only for that subresource.
    #[must_use]
    pub fn resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Only each n-th of the requests that fit.
    #[must_use]
    pub fn every(mut self, n: u32) -> Self {
        self.every = n.max(1);
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn fits(&self, verb: &str, resource: &str, subresource: &str) -> bool {
        let full =
            if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
        self.verb.as_deref().is_none_or(|wanted| wanted == verb)
            && self.resource.as_deref().is_none_or(|wanted| wanted == full || wanted == resource)
    }
}

/// Finds what goes wrong with a request, and counts it.
pub(crate) fn strike(
    faults: &mut Vec<Fault>,
    verb: &str,
    resource: &str,
    subresource: &str,
) -> Option<Answer> {
    let fault = faults.iter_mut().find(|fault| fault.fits(verb, resource, subresource))?;
    fault.seen += 1;
    if fault.seen % fault.every != 0 {
        return None;
    }
    let answer = fault.answer;
    if let Some(times) = &mut fault.times {
        *times = times.saturating_sub(1);
    }
    faults.retain(|fault| fault.times != Some(0));
    Some(answer)
}

/// One request that was answered, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// When it arrived, counted from the server's start.
    pub at: Duration,
    /// The verb, as RBAC calls it; empty for discovery and the like.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural.
    pub resource: String,
    /// `status`, or empty.
    pub subresource: String,
    /// The namespace; empty at the cluster scope.
    pub namespace: String,
    /// The name in the path; empty where there is none.
    pub name: String,
    /// Who the client says it is.
    pub user_agent: String,
    /// The `fieldManager` parameter.
    pub field_manager: String,
    /// The length of the request's body.
    pub request_bytes: usize,
    /// The code of the answer; 0 when there was none.
    pub code: u16,
}

impl Logged {
    /// Whether the request was to change something.
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_each_nth_fitting_request_so_many_times() {
        let mut faults =
            vec![Fault::new(Answer::InternalError).verb("patch").resource("things/status").every(2).times(2)];
        let mut strikes = Vec::new();
        for _ in 0..6 {
            assert_eq!(strike(&mut faults, "patch", "things", ""), None);
            assert_eq!(strike(&mut faults, "get", "things", "status"), None);
            strikes.push(strike(&mut faults, "patch", "things", "status").is_some());
        }
        assert_eq!(strikes, [false, true, false, true, false, false]);
        assert!(faults.is_empty());
    }
}
