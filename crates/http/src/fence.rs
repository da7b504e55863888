//! A transport that asks before it lets a request through which may change something.

use std::fmt;

use crate::{
    BoxFuture, ConnectionStats, Origin, Request, ServerCertificate, Transport, TransportError,
    TransportResult,
};

/// Asked before each such request; a sentence says why not.
type Ask = dyn Fn() -> Result<(), String> + Send + Sync;

/// Lets reads through, and the end of a session (a `DELETE` below `Sessions`), which changes no machine. Any other request is
/// let through only if that is allowed at the moment it is sent; otherwise nothing of it is.
///
/// What this cannot do: a request that has left is not called back, and a BMC does not know who may still speak to it. So
/// whoever takes a machine over has to wait for as long as a request can be under way.
pub struct Fenced<T> {
    inner: T,
    ask: Box<Ask>,
}

impl<T: fmt::Debug> fmt::Debug for Fenced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fenced").field(&self.inner).finish()
    }
}

impl<T: Transport> Fenced<T> {
    /// A fence around a transport.
    pub fn new(inner: T, ask: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { inner, ask: Box::new(ask) }
    }

    fn refused(&self, request: &Request) -> Option<TransportError> {
        let message = &request.message;
        let (method, path) = (message.method(), message.uri().path());
        let harmless = method.is_safe() || (method == http::Method::DELETE && path.contains("/Sessions/"));
        let reason = if harmless { None } else { (self.ask)().err() };
        reason.map(|reason| TransportError::Unreachable {
            peer: self.origin().to_string(),
            method: method.to_string(),
            target: message.uri().to_string(),
            reason: format!("not sent: {reason}"),
        })
    }
}

impl<T: Transport> Transport for Fenced<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, TransportResult> {
        Box::pin(async move {
            match self.refused(&request) {
                Some(error) => Err(error),
                None => self.inner.send(request).await,
            }
        })
    }

    fn origin(&self) -> &Origin {
        self.inner.origin()
    }

    fn stats(&self) -> ConnectionStats {
        self.inner.stats()
    }

    fn certificate(&self) -> Option<ServerCertificate> {
        self.inner.certificate()
    }
}
