//! What both transports hold a request to, and the errors they name it in.

use std::net::SocketAddr;

use crate::{Origin, Request, TransportError};

/// A request's name for messages: peer, method, path. Never a header or a body.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    peer: String,
    method: String,
    target: String,
    mutation: bool,
}

impl Asked {
    /// Names a request and refuses one that leads anywhere but to `origin`.
    pub(crate) fn of(origin: &Origin, request: &Request) -> Result<Self, TransportError> {
        let uri = request.message.uri();
        let asked = Self {
            peer: origin.to_string(),
            method: request.method().to_string(),
            target: request.target().to_owned(),
            mutation: !request.is_safe(),
        };
        if let Some(authority) = uri.authority() {
            // Without a user or password that an authority may hold.
            let host = authority.as_str().rsplit('@').next().unwrap_or_default();
            return Err(asked.refused(format!("the URI leads to {host}, this connection to {origin}")));
        }
        if !asked.target.starts_with('/') {
            return Err(asked.refused(format!("\"{uri}\" is no path that begins with \"/\"")));
        }
        Ok(asked)
    }

    /// Adds the address that the name stood for.
    pub(crate) fn at(mut self, address: SocketAddr, origin: &Origin) -> Self {
        if origin.ip().is_none() {
            self.peer = format!("{origin} ({address})");
        }
        self
    }

    pub(crate) fn peer(&self) -> String {
        self.peer.clone()
    }

    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    pub(crate) fn unreachable(&self, reason: String) -> TransportError {
        let Self { peer, method, target, .. } = self.clone();
        TransportError::Unreachable { peer, method, target, reason }
    }

    pub(crate) fn lost(&self, reason: String) -> TransportError {
        let Self { peer, method, target, mutation } = self.clone();
        TransportError::Lost { peer, method, target, reason, maybe_applied: mutation }
    }

    pub(crate) fn too_large(&self, limit: u64) -> TransportError {
        let Self { peer, method, target, mutation } = self.clone();
        TransportError::TooLarge { peer, method, target, limit, maybe_applied: mutation }
    }

    pub(crate) fn refused(&self, reason: String) -> TransportError {
        let Self { peer, method, target, .. } = self.clone();
        TransportError::Refused { peer, method, target, reason }
    }
}
