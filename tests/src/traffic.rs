//! Reading the simulator's log of requests.

use std::collections::BTreeSet;

use rackhand_simulator::log::{Class, RequestEntry};

/// What a request is to somebody who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A read of something not read since the last write.
    Read,
    /// A read that repeats one sent since the last write: how many there are depends on how long the machine takes.
    Poll,
    /// Something that changes, or tries to.
    Write,
    /// Making and deleting sessions.
    Session,
}

/// The kind of each of these requests of one machine, in order.
#[must_use]
pub fn kinds(requests: &[RequestEntry]) -> Vec<Kind> {
    let mut since_write = BTreeSet::new();
    let kind = |request: &RequestEntry| match (request.class, request.method.as_str()) {
        (Class::Session, _) => Kind::Session,
        (_, "GET" | "HEAD") if since_write.insert(request.path.clone()) => Kind::Read,
        (_, "GET" | "HEAD") => Kind::Poll,
        _ => {
            since_write.clear();
            Kind::Write
        }
    };
    requests.iter().map(kind).collect()
}
