//! The transport over sockets.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue,
    header::{CONNECTION, HOST, USER_AGENT},
};
use http_body_util::Full;
use ipnet::IpNet;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use crate::{
    BoxFuture, ConnectionStats, Origin, Request, ServerCertificate, Tls, Transport, TransportError,
    TransportResult, Trust, TrustError,
    bounds::Asked,
    connect::{Connector, TlsParts},
    connection::{Connection, Failure, describe, settled},
    redirect,
};

/// How connections to one BMC are made and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// For each of: resolving the name, connecting, and the TLS handshake.
    pub connect_timeout: Duration,
    /// How many at once, busy and idle together; further requests wait. At least 1.
    pub max: usize,
    /// Whether a connection is used again. False sends `Connection: close`, for BMCs that choke on kept ones.
    pub keep_alive: bool,
    /// A connection idle for longer than this is not used again, because BMCs close theirs without a word.
    pub idle_timeout: Duration,
    /// The only networks that are connected to; any when absent. It holds for what a name leads to as well.
    pub networks: Option<Arc<[IpNet]>>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            max: 1,
            keep_alive: true,
            idle_timeout: Duration::from_secs(30),
            networks: None,
        }
    }
}

/// HTTP/1.1 to one BMC over TCP or TLS: no proxy, no repeats, no redirect to another host.
///
/// A request that finds its kept connection closed before anything was written goes over a new one: it was not sent.
pub struct HttpTransport {
    connector: Connector,
    settings: Connections,
    host: HeaderValue,
    slots: Semaphore,
    idle: Mutex<Vec<Connection>>,
    requests: AtomicU64,
    connections: AtomicU64,
}

impl HttpTransport {
    /// A transport to `origin`. No connection is made yet.
    ///
    /// # Errors
    /// When `trust` cannot be turned into a TLS configuration. For an `http://` origin it is not looked at.
    pub fn new(origin: Origin, trust: Trust, tls: &Tls, settings: Connections) -> Result<Self, TrustError> {
        let tls = if origin.is_tls() {
            let (config, verifier) = tls.client(trust)?;
            Some(TlsParts { config, verifier })
        } else {
            None
        };
        let host = HeaderValue::from_str(&origin.authority())
            .map_err(|error| TrustError::Setup(error.to_string()))?;
        let most = settings.max.max(1);
        Ok(Self {
            connector: Connector {
                origin,
                tls,
                within: settings.connect_timeout,
                networks: settings.networks.clone(),
            },
            settings,
            host,
            slots: Semaphore::new(most),
            idle: Mutex::new(Vec::new()),
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request as it goes over the wire.
    fn dress(&self, message: http::Request<Bytes>) -> http::Request<Full<Bytes>> {
        let mut message = message.map(Full::new);
        *message.version_mut() = http::Version::HTTP_11;
        let headers = message.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(concat!("rackhand/", env!("CARGO_PKG_VERSION"))));
        if !self.settings.keep_alive {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        message
    }

    /// A kept connection that still seems alive, the most recently used one first.
    async fn kept(&self) -> Option<Connection> {
        if self.idle().is_empty() {
            return None;
        }
        // Lets the runtime hear of a close that has already arrived, so that nothing is sent into it.
        tokio::task::yield_now().await;
        loop {
            let mut connection = self.idle().pop()?;
            if connection.idle_since.elapsed() < self.settings.idle_timeout && connection.is_usable().await {
                return Some(connection);
            }
        }
    }

    async fn open(&self, asked: &Asked) -> Result<Connection, TransportError> {
        let (stream, address) = self.connector.connect(asked).await?;
        let connection =
            Connection::open(stream, address).await.map_err(|error| asked.unreachable(describe(&error)))?;
        self.connections.fetch_add(1, Ordering::Relaxed);
        Ok(connection)
    }

    /// One request, one answer, no redirects. `progress` outlives this future when the time runs out.
    async fn exchange(&self, request: &Request, asked: &Asked, progress: &Progress) -> TransportResult {
        // The semaphore is never closed.
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(asked.unreachable("the transport is shut".to_owned()));
        };
        progress.queued.store(false, Ordering::Relaxed);
        let limit = request.bounds.max_body;
        let mut message = self.dress(request.message.clone());
        if let Some(mut kept) = self.kept().await {
            progress.sent.store(true, Ordering::Relaxed);
            let asked = asked.clone().at(kept.address, self.origin());
            match kept.exchange(message, &asked, limit).await {
                Err(Failure::NotSent(back)) => message = *back,
                result => return self.finish(kept, result, &asked).await,
            }
            progress.sent.store(false, Ordering::Relaxed);
        }
        let mut fresh = self.open(asked).await?;
        progress.sent.store(true, Ordering::Relaxed);
        let asked = asked.clone().at(fresh.address, self.origin());
        let result = fresh.exchange(message, &asked, limit).await;
        self.finish(fresh, result, &asked).await
    }

    /// Keeps the connection if it can be used again.
    async fn finish(
        &self,
        mut connection: Connection,
        result: Result<http::Response<Bytes>, Failure>,
        asked: &Asked,
    ) -> TransportResult {
        if result.is_ok() && self.settings.keep_alive && connection.is_usable().await {
            connection.idle_since = Instant::now();
            self.idle().push(connection);
        }
        settled(result, asked)
    }

    async fn follow(&self, mut request: Request, progress: &Progress) -> TransportResult {
        let mut hops = redirect::Hops::default();
        loop {
            let asked = Asked::of(self.origin(), &request)?;
            let answer = self.exchange(&request, &asked, progress).await?;
            match hops.next(self.origin(), &asked, request.method(), &answer)? {
                Some(next) => *request.message.uri_mut() = next,
                None => return Ok(answer),
            }
        }
    }
}

/// How far a request got, for the message when its time is over.
struct Progress {
    queued: AtomicBool,
    sent: AtomicBool,
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> BoxFuture<'_, TransportResult> {
        Box::pin(async move {
            let asked = Asked::of(self.origin(), &request)?;
            self.requests.fetch_add(1, Ordering::Relaxed);
            let progress = Progress { queued: AtomicBool::new(true), sent: AtomicBool::new(false) };
            let limit = request.bounds.timeout;
            if let Ok(result) = timeout(limit, self.follow(request, &progress)).await {
                return result;
            }
            Err(if progress.sent.load(Ordering::Relaxed) {
                asked.lost(format!("no complete answer within {limit:?}"))
            } else if progress.queued.load(Ordering::Relaxed) {
                asked.unreachable(format!("waited {limit:?} for earlier requests to this BMC to end"))
            } else {
                asked.unreachable(format!("no connection within {limit:?}"))
            })
        })
    }

    fn origin(&self) -> &Origin {
        &self.connector.origin
    }

    fn stats(&self) -> ConnectionStats {
        ConnectionStats {
            requests: self.requests.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
        }
    }

    fn certificate(&self) -> Option<ServerCertificate> {
        Some(self.connector.tls.as_ref()?.verifier.seen()?.certificate)
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("origin", self.origin())
            .field("settings", &self.settings)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
