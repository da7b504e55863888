//! The way to a BMC: one [`Transport`] per BMC, TLS trust, bounds on time and size, connection counts.
//!
//! A driver holds an `Arc<dyn Transport>` and knows nothing of sockets. [`HttpTransport`] speaks HTTP/1.1 to one BMC;
//! [`ServiceTransport`] calls an in-process service, so that simulations need no socket and run on a paused clock.
//!
//! The connection is hyper's, without a pooling client above it. Two things decide that: a mutation whose connection
//! failed must know for certain whether any of it was written, and a BMC gets one connection. (reqwest's pool, given 100
//! requests in a row on a multi-threaded runtime, opened up to 14.)
//!
//! Wrappers (counting, recording, a fuse for crash tests) implement [`Transport`] around another one.

#![deny(clippy::indexing_slicing)]

mod bounds;
mod certificate;
mod client;
mod connect;
mod connection;
mod error;
mod fence;
mod fingerprint;
mod origin;
mod redirect;
mod request;
mod service;
mod trust;
mod verify;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;

pub use crate::{
    certificate::ServerCertificate,
    client::{Connections, HttpTransport},
    error::TransportError,
    fence::Fenced,
    fingerprint::{Fingerprint, FingerprintError},
    origin::{Origin, OriginError},
    request::{Bounds, Request},
    service::ServiceTransport,
    trust::{FirstUse, Tls, Trust, TrustError},
};

/// A boxed future: a trait method that returns one can be called through `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a request ends in: a complete answer of any status, or no answer.
pub type TransportResult = Result<http::Response<Bytes>, TransportError>;

/// A service from requests to complete answers, for one BMC.
///
/// Nothing is repeated here, and no credentials are added: both are the driver's to decide.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends a request and reads the whole answer within the request's bounds.
    ///
    /// Dropping the future drops the connection it used; whether the BMC has acted on the request is then unknown.
    fn send(&self, request: Request) -> BoxFuture<'_, TransportResult>;

    /// The BMC this transport leads to.
    fn origin(&self) -> &Origin;

    /// What went over this transport so far.
    fn stats(&self) -> ConnectionStats;

    /// The server's certificate as of the last TLS handshake, whether it was trusted or not.
    /// None before the first, and where no TLS is spoken.
    fn certificate(&self) -> Option<ServerCertificate> {
        None
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, TransportResult> {
        (**self).send(request)
    }

    fn origin(&self) -> &Origin {
        (**self).origin()
    }

    fn stats(&self) -> ConnectionStats {
        (**self).stats()
    }

    fn certificate(&self) -> Option<ServerCertificate> {
        (**self).certificate()
    }
}

/// What a transport did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// Requests handed to `send` that were not refused outright.
    pub requests: u64,
    /// Connections established, TLS handshake included. Zero in process.
    pub connections: u64,
}
