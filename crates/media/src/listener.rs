//! Where the server listens.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::Scheme;

/// An address to listen on, with TLS if a configuration is given. Port 0 takes any free one.
///
/// `[::]` means all IPv6 addresses and no IPv4 ones: for both, listen on `0.0.0.0` too.
#[derive(Clone)]
pub struct Listen {
    /// Address and port.
    pub address: SocketAddr,
    /// Serve HTTPS with this; None serves HTTP.
    pub tls: Option<Arc<ServerConfig>>,
}

impl Listen {
    /// HTTP on `address`.
    #[must_use]
    pub fn http(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// HTTPS on `address`.
    #[must_use]
    pub fn https(address: SocketAddr, tls: Arc<ServerConfig>) -> Self {
        Self { address, tls: Some(tls) }
    }
}

impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listen").field("address", &self.address).field("tls", &self.tls.is_some()).finish()
    }
}

/// An address the server listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bound {
    /// Address and port, the latter never 0.
    pub address: SocketAddr,
    /// What is spoken there.
    pub scheme: Scheme,
}

impl Bound {
    pub(crate) fn new(address: SocketAddr, scheme: Scheme) -> Self {
        Self { address, scheme }
    }

    /// The address by which a peer reaches this listener, given the local address on the way to that peer.
    pub(crate) fn reached_by(&self, local: IpAddr) -> Option<SocketAddr> {
        let own = self.address.ip();
        if own.is_ipv4() != local.is_ipv4() {
            return None;
        }
        let ip = if own.is_unspecified() { local } else { own };
        Some(SocketAddr::new(ip, self.address.port()))
    }
}

pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Otherwise it depends on the system whether [::] takes IPv4 as well and collides with 0.0.0.0.
        socket.set_only_v6(true)?;
    }
    // A server started again gets its port back while old connections linger.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}
