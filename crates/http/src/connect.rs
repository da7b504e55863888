//! From an origin to a connection over which HTTP can be spoken. Until it stands, nothing of a request was sent.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use ipnet::IpNet;
use rustls::{AlertDescription, ClientConfig};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{Fingerprint, Origin, TransportError, bounds::Asked, verify::Verifier};

/// Clear text or TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How to reach one BMC.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) origin: Origin,
    pub(crate) tls: Option<TlsParts>,
    pub(crate) within: Duration,
    pub(crate) networks: Option<Arc<[IpNet]>>,
}

#[derive(Debug)]
pub(crate) struct TlsParts {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) verifier: Arc<Verifier>,
}

impl Connector {
    /// A connection, its address, and how the request is called from now on.
    pub(crate) async fn connect(
        &self,
        asked: &Asked,
    ) -> Result<(Box<dyn Stream>, SocketAddr), TransportError> {
        let (tcp, address) = self.tcp(asked).await?;
        let Some(tls) = &self.tls else { return Ok((Box::new(tcp), address)) };
        let asked = asked.clone().at(address, &self.origin);
        let name = ServerName::try_from(self.origin.host().to_owned())
            .map_err(|error| asked.unreachable(format!("no TLS server name: {error}")))?;
        let connector = TlsConnector::from(tls.config.clone());
        let stream = match timeout(self.within, connector.connect(name, tcp)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(handshake_error(&error, &asked, &tls.verifier)),
            Err(_) => return Err(asked.unreachable(format!("no TLS handshake within {:?}", self.within))),
        };
        let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let presented = presented.map(|certificate| Fingerprint::of(certificate));
        presented.map_or(Ok(()), |presented| tls.verifier.note_first_use(presented)).map_err(|error| {
            asked.unreachable(format!("its certificate could not be written down at first use: {error}"))
        })?;
        Ok((Box::new(stream), address))
    }

    /// Those of the addresses that may be connected to.
    fn allowed(&self, found: Vec<SocketAddr>, asked: &Asked) -> Result<Vec<SocketAddr>, TransportError> {
        let Some(networks) = &self.networks else { return Ok(found) };
        let inside = |address: &SocketAddr| networks.iter().any(|network| network.contains(&address.ip()));
        let (allowed, refused): (Vec<_>, Vec<_>) = found.into_iter().partition(inside);
        match refused.first() {
            Some(address) if allowed.is_empty() => Err(asked.unreachable(format!(
                "{} is outside the networks that may be connected to; nothing was sent there",
                address.ip()
            ))),
            _ => Ok(allowed),
        }
    }

    async fn tcp(&self, asked: &Asked) -> Result<(TcpStream, SocketAddr), TransportError> {
        let (host, port) = (self.origin.host(), self.origin.port());
        let addresses: Vec<SocketAddr> = match self.origin.ip() {
            Some(ip) => vec![SocketAddr::new(ip, port)],
            None => match timeout(self.within, tokio::net::lookup_host((host, port))).await {
                Ok(Ok(found)) => found.collect(),
                Ok(Err(error)) => {
                    return Err(asked.unreachable(format!("the name {host} was not resolved: {error}")));
                }
                Err(_) => {
                    return Err(asked
                        .unreachable(format!("the name {host} was not resolved within {:?}", self.within)));
                }
            },
        };
        let addresses = self.allowed(addresses, asked)?;
        // A share each, so that a dead IPv6 address does not use up the time of a living IPv4 one.
        let share = self.within / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut seen = Vec::new();
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Requests are small and each is waited for; a failure here costs time only.
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, address));
                }
                Ok(Err(error)) => seen.push(format!("{address}: {error}")),
                Err(_) => seen.push(format!("{address}: no connection within {share:?}")),
            }
        }
        let reason =
            if seen.is_empty() { format!("the name {host} has no address") } else { seen.join("; ") };
        Err(asked.unreachable(reason))
    }
}

/// Certificate errors first: they reach us wrapped as I/O errors and would pass for connection errors.
fn handshake_error(error: &io::Error, asked: &Asked, verifier: &Verifier) -> TransportError {
    let unsupported = |what: String| TransportError::TlsUnsupported { peer: asked.peer(), what };
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return asked.unreachable(format!("the connection ended in the TLS handshake: {error}"));
    };
    match (tls, verifier.seen()) {
        (rustls::Error::InvalidCertificate(wrong), Some(seen)) => match &seen.unsupported {
            Some(what) => unsupported(what.clone()),
            None => TransportError::Untrusted {
                peer: asked.peer(),
                fingerprint: seen.certificate.fingerprint,
                subject: seen.certificate.subject.clone(),
                reason: seen.reason(wrong),
            },
        },
        (rustls::Error::AlertReceived(AlertDescription::HandshakeFailure), _)
        | (rustls::Error::AlertReceived(AlertDescription::InsufficientSecurity), _)
        | (rustls::Error::PeerIncompatible(_), _) => unsupported(format!(
            "{tls}; TLS 1.2 or 1.3 with an (EC)DHE key exchange is needed: a server that offers static RSA key exchange \
             or CBC ciphers only cannot be spoken to, so update the BMC's firmware or its TLS settings"
        )),
        (rustls::Error::AlertReceived(AlertDescription::ProtocolVersion), _) => unsupported(format!(
            "{tls}; TLS 1.2 or 1.3 is needed: update the BMC's firmware or allow TLS 1.2 in its settings"
        )),
        (rustls::Error::InvalidMessage(_), _) => unsupported(format!(
            "it answers with something other than TLS ({tls}); for a server that speaks clear text write http:// in the address"
        )),
        _ => unsupported(tls.to_string()),
    }
}
