//! Machines on sockets: each BMC on an address of its own, HTTP or HTTPS, HTTP/1.1 with keep-alive.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::cell::Cell;
use crate::service::{Body, CallFailure, Service};
use crate::simulator::Simulator;

/// Where a machine's BMC listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Name of the machine.
    pub machine: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// URL of the service, without a path.
    pub url: String,
    /// SHA-256 of its certificate in lower-case hexadecimal; `None` over HTTP.
    pub fingerprint: Option<String>,
}

/// Requests to a BMC are small; firmware images are not taken yet.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

impl Simulator {
    /// Listens for all machines: the first at `first`, each further one at the next address, all on the same port.
    /// Port 0 lets the system choose one for each.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn serve(&self, first: SocketAddr, tls: bool) -> anyhow::Result<Vec<Endpoint>> {
        let mut endpoints = Vec::new();
        for (number, cell) in self.machines().iter().enumerate() {
            let address = SocketAddr::new(nth(first.ip(), number)?, first.port());
            endpoints.push(self.serve_machine(Arc::clone(cell), address, tls).await?);
        }
        Ok(endpoints)
    }

    /// Listens for one machine.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve_machine(
        &self,
        cell: Arc<Cell>,
        address: SocketAddr,
        tls: bool,
    ) -> anyhow::Result<Endpoint> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address} for {}", cell.name))?;
        let address = listener.local_addr().context("a listener has no address")?;
        cell.with(|machine| machine.identity.address = address.ip().to_string());
        let identity = if tls { Some(self.authority().identity(&cell.name, address.ip())?) } else { None };
        let scheme = if tls { "https" } else { "http" };
        let endpoint = Endpoint {
            machine: cell.name.clone(),
            address,
            url: format!("{scheme}://{address}"),
            fingerprint: identity.as_ref().map(|identity| identity.fingerprint.clone()),
        };
        let acceptor = identity.map(|identity| TlsAcceptor::from(identity.config));
        let connect = self.connector();
        self.tasks().spawn(listen(listener, connect, cell, acceptor));
        Ok(endpoint)
    }
}

/// The address `number` after `first`.
fn nth(first: IpAddr, number: usize) -> anyhow::Result<IpAddr> {
    let beyond = || format!("there is no address {number} after {first}");
    match first {
        IpAddr::V4(first) => {
            let step = u32::try_from(number).with_context(beyond)?;
            Ok(IpAddr::V4(u32::from(first).checked_add(step).with_context(beyond)?.into()))
        }
        IpAddr::V6(first) => {
            let step = u128::try_from(number).with_context(beyond)?;
            Ok(IpAddr::V6(u128::from(first).checked_add(step).with_context(beyond)?.into()))
        }
    }
}

type Connect = Arc<dyn Fn(Arc<Cell>) -> Option<Service> + Send + Sync>;

async fn listen(listener: TcpListener, connect: Connect, cell: Arc<Cell>, acceptor: Option<TlsAcceptor>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(machine = cell.name, %error, "a connection was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        // A BMC that is down does not answer: the connection is closed before a byte of it is read.
        if cell.is_down() {
            continue;
        }
        let Some(service) = connect(Arc::clone(&cell)) else { return };
        cell.world.tasks.spawn(connection(stream, service, acceptor.clone()));
    }
}

async fn connection(stream: TcpStream, service: Service, acceptor: Option<TlsAcceptor>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let Some(acceptor) = acceptor else { return speak(stream, service).await };
    match acceptor.accept(stream).await {
        Ok(stream) => {
            service.cell().count_tls();
            speak(stream, service).await;
        }
        Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(stream: S, service: Service) {
    let answer = service_fn(|request: Request<Incoming>| answer(service.clone(), request));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(service: Service, request: Request<Incoming>) -> Result<Response<Body>, CallFailure> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Err(CallFailure::Cut),
    };
    service.send(Request::from_parts(parts, body)).await
}
