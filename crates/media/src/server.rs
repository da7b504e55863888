//! The server: listeners, connections, and what their owner holds.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use rackhand_spec::MacAddress;

use crate::{
    AddressError, Advertise, Bound, Image, Listen, MediaEvent, NetbootFiles, NetbootPublication,
    NetbootSettings, Offering, Publication, PublishError, Scheme, Served, TftpError, TftpOptions, Token,
    listener::bind, registry::Registry, service, tftp,
};

/// What the server sees, in order.
pub type Events = mpsc::UnboundedReceiver<MediaEvent>;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Nothing to listen on.
    #[error("the ISO server has no address to listen on")]
    Nowhere,
    /// An address that cannot be listened on.
    #[error("the ISO server cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What was seen.
        error: io::Error,
    },
}

/// Connections at once. Further ones wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 4096;

/// For a TLS handshake, and for the head of a request on a new connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// The ISO server. Dropping it ends it at once, [`shutdown`](Self::shutdown) lets readers finish.
#[derive(Debug)]
pub struct MediaServer {
    registry: Arc<Registry>,
    bound: Vec<Bound>,
    advertise: Advertise,
    tasks: TaskTracker,
    opened: CancellationToken,
    closing: CancellationToken,
    kill: CancellationToken,
    /// Ends what is still open when the server is dropped.
    _kill_on_drop: DropGuard,
}

impl MediaServer {
    /// Listens on all of `listen` and serves from then on. Needs a tokio runtime.
    ///
    /// Where several listeners would do for a BMC, the first one in `listen` is advertised.
    ///
    /// # Errors
    /// When one of the addresses cannot be listened on; then none is.
    pub fn start(listen: Vec<Listen>, advertise: Advertise) -> Result<(Self, Events), StartError> {
        let (server, events) = Self::bind(listen, advertise)?;
        server.open();
        Ok((server, events))
    }

    /// Listens on all of `listen` and answers nobody before [`open`](Self::open): whoever connects meanwhile waits. So a
    /// server that is started anew publishes what its readers were reading before it could tell them that there is no
    /// such image, which a BMC takes for its end.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn bind(listen: Vec<Listen>, advertise: Advertise) -> Result<(Self, Events), StartError> {
        if listen.is_empty() {
            return Err(StartError::Nowhere);
        }
        let mut listeners = Vec::new();
        for Listen { address, tls } in listen {
            let failed = |error| StartError::Listen { address, error };
            let listener = bind(address).map_err(failed)?;
            let scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
            let bound = Bound::new(listener.local_addr().map_err(failed)?, scheme);
            listeners.push((listener, tls.map(TlsAcceptor::from), bound));
        }
        let (sender, events) = mpsc::unbounded_channel();
        let (closing, kill) = (CancellationToken::new(), CancellationToken::new());
        let opened = CancellationToken::new();
        let shared = Shared {
            registry: Arc::new(Registry::new(sender)),
            slots: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
            tasks: TaskTracker::new(),
            opened: opened.clone(),
            closing: closing.clone(),
            kill: kill.clone(),
        };
        let bound = listeners.iter().map(|(_, _, bound)| *bound).collect();
        let (registry, tasks) = (shared.registry.clone(), shared.tasks.clone());
        for (listener, acceptor, _) in listeners {
            tasks.spawn(shared.clone().accept(listener, acceptor));
        }
        let _kill_on_drop = kill.clone().drop_guard();
        Ok((Self { registry, bound, advertise, tasks, opened, closing, kill, _kill_on_drop }, events))
    }

    /// Serves TFTP besides, for as long as this server runs, and says where. It answers once the server is [open](Self::open).
    ///
    /// `boot.ipxe` and `ipxe/{mac}` are the scripts, `{mac}/vmlinuz` and the like the files of a machine that is offered, and any other
    /// name is a file in the directory of loaders.
    ///
    /// # Errors
    /// When the address cannot be listened on, or the options name no base URL or no directory.
    pub async fn start_tftp(&self, options: TftpOptions) -> Result<SocketAddr, TftpError> {
        let around = tftp::Surroundings {
            registry: self.registry.clone(),
            tasks: self.tasks.clone(),
            opened: self.opened.clone(),
            closing: self.closing.clone(),
            kill: self.kill.clone(),
        };
        tftp::start(options, around).await
    }

    /// Answers from now on.
    pub fn open(&self) {
        self.opened.cancel();
    }

    /// Where the server listens, in the order that was asked for.
    #[must_use]
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// Serves `image` to `node` from now on, in place of what the node had before. Publishing the same image under the
    /// same token again changes nothing and keeps the counts; a server started anew serves the same URL for the same token.
    ///
    /// # Errors
    /// When another node has that token.
    pub fn publish(&self, node: &str, image: &Image, token: &Token) -> Result<Publication, PublishError> {
        self.registry.publish(node, image, token)
    }

    /// Serves a file that is no ISO, for example firmware, under a name that ends as its own. `reader` is to be another name
    /// than the node's, whose image it would replace; what is read of it is told under that name.
    ///
    /// # Errors
    /// When another reader has that token.
    pub fn publish_file(
        &self,
        reader: &str,
        file: &Image,
        token: &Token,
    ) -> Result<Publication, PublishError> {
        self.registry.publish_file(reader, file, token)
    }

    /// Has `node` boot `files` over the network from now on, in place of what it had before. It is told to only while it is
    /// [offered](Self::offer), and that it is not yet. Publishing the same again changes nothing: counts and offer stay.
    ///
    /// What it reads of all files together is told and counted under the node's name as an image is.
    ///
    /// # Errors
    /// When another node has that token or network address, or something does not go into an iPXE script.
    pub fn publish_netboot(
        &self,
        node: &str,
        mac: MacAddress,
        files: &NetbootFiles,
        token: &Token,
        settings: &NetbootSettings,
    ) -> Result<NetbootPublication, PublishError> {
        self.registry.publish_netboot(node, mac, files, token, settings)
    }

    /// Serves `image` to a host whose firmware fetches and boots it over HTTP, in place of what the node had before. It is served
    /// only while it is [offered](Self::offer), which it is not yet: a host whose boot order begins with this address would
    /// install itself at every boot. This offer does not end by itself. Publishing the same again changes nothing: counts and offer stay.
    ///
    /// # Errors
    /// When another node has that token.
    pub fn publish_http_boot(
        &self,
        node: &str,
        image: &Image,
        token: &Token,
    ) -> Result<Publication, PublishError> {
        self.registry.publish_http_boot(node, image, token)
    }

    /// Says whether the node installs when it boots over the network the next time; otherwise it boots its disk. An offer by script
    /// ends by itself once every byte was sent. Files that a script leads to stay served under the token, since a system that was just
    /// booted may fetch once more what it lost. Of an image that a BMC reads, [`Offering::Anew`] begins its counts anew, and
    /// nothing else is changed. False if nothing is published for the node.
    pub fn offer(&self, node: &str, offering: Offering) -> bool {
        self.registry.offer(node, offering)
    }

    /// Whether the machine that asks by this address installs when it boots over the network the next time.
    #[must_use]
    pub fn is_offered_to(&self, mac: MacAddress) -> bool {
        self.registry.is_offered_to(mac)
    }

    /// Whether the node installs when it boots over the network the next time.
    #[must_use]
    pub fn is_offered(&self, node: &str) -> bool {
        self.registry.is_offered(node)
    }

    /// Ends the serving of a node's image, after it was ejected; its call-backs are still taken and its counts kept.
    /// False if there was none.
    pub fn withdraw(&self, node: &str) -> bool {
        self.registry.withdraw(node)
    }

    /// Ends everything of a node. False if there was nothing.
    pub fn unpublish(&self, node: &str) -> bool {
        self.registry.unpublish(node)
    }

    /// What the node has read so far; None if nothing is published for it.
    #[must_use]
    pub fn served(&self, node: &str) -> Option<Served> {
        self.registry.served(node)
    }

    /// The base URL, without a slash at its end, by which the BMC at `host` (name or address) reaches this server;
    /// with `scheme` given, over that. Nothing is sent to the BMC.
    ///
    /// # Errors
    /// When the server does not listen where that BMC could come, or there is no route to it.
    pub async fn advertise(&self, host: &str, scheme: Option<Scheme>) -> Result<String, AddressError> {
        self.advertise.base_for(host, scheme, &self.bound).await
    }

    /// The base URL that was given for the network of this address, if one was.
    #[must_use]
    pub fn advertised_in(&self, address: IpAddr) -> Option<&str> {
        self.advertise.of_network(address)
    }

    /// The URL of a publication's image as the BMC at `host` must see it.
    ///
    /// # Errors
    /// As [`advertise`](Self::advertise).
    pub async fn url(
        &self,
        publication: &Publication,
        host: &str,
        scheme: Option<Scheme>,
    ) -> Result<String, AddressError> {
        Ok(self.advertise(host, scheme).await? + &publication.path)
    }

    /// Ends the server: no new connection, no new request; answers under way have `grace` to finish.
    pub async fn shutdown(&self, grace: Duration) {
        self.closing.cancel();
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.tasks.len(), "the ISO server cuts off its last readers");
        }
        self.kill.cancel();
        self.tasks.wait().await;
    }
}

/// What every task of the server has.
#[derive(Clone)]
struct Shared {
    registry: Arc<Registry>,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    opened: CancellationToken,
    closing: CancellationToken,
    kill: CancellationToken,
}

impl Shared {
    async fn accept(self, listener: TcpListener, acceptor: Option<TlsAcceptor>) {
        tokio::select! {
            biased;
            () = self.closing.cancelled() => return,
            () = self.kill.cancelled() => return,
            () = self.opened.cancelled() => {}
        }
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.closing.cancelled() => return,
                () = self.kill.cancelled() => return,
                accepted = self.next(&listener) => accepted,
            };
            match accepted {
                Ok((stream, peer, slot)) => {
                    let (shared, acceptor) = (self.clone(), acceptor.clone());
                    self.tasks.spawn(async move {
                        shared.connection(stream, peer.ip().to_canonical(), acceptor).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    // Out of descriptors, or a connection gone before it was taken. The former passes only with time.
                    tracing::warn!(%error, "the ISO server cannot take a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn next(
        &self,
        listener: &TcpListener,
    ) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let slot = self.slots.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = listener.accept().await?;
        Ok((stream, peer, slot))
    }

    async fn connection(&self, stream: TcpStream, peer: IpAddr, acceptor: Option<TlsAcceptor>) {
        // It costs time only.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = acceptor else { return self.serve(stream, peer).await };
        let handshake = tokio::select! {
            biased;
            () = self.closing.cancelled() => return,
            () = self.kill.cancelled() => return,
            handshake = timeout(PATIENCE, acceptor.accept(stream)) => handshake,
        };
        match handshake {
            Ok(Ok(stream)) => self.serve(stream, peer).await,
            Ok(Err(error)) => self.registry.refuse(None, peer, &handshake_failure(&error)),
            Err(_) => self.registry.refuse(None, peer, &format!("no TLS handshake within {PATIENCE:?}")),
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, peer: IpAddr) {
        let registry = self.registry.clone();
        let service = service_fn(move |request| service::answer(registry.clone(), peer, request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut asked_to_close = false;
        loop {
            let ended = tokio::select! {
                biased;
                () = self.kill.cancelled() => return,
                () = self.closing.cancelled(), if !asked_to_close => None,
                ended = &mut connection => Some(ended),
            };
            match ended {
                None => {
                    asked_to_close = true;
                    connection.as_mut().graceful_shutdown();
                }
                // BMCs drop connections in the middle of a read as a matter of course.
                Some(Err(error)) => {
                    return tracing::debug!(%peer, %error, "a connection to the ISO server ended");
                }
                Some(Ok(())) => return,
            }
        }
    }
}

/// The usual reasons why a BMC gets no TLS connection, in words that say what to change.
fn handshake_failure(error: &io::Error) -> String {
    use rustls::AlertDescription as Alert;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::UnsupportedCertificate,
        )) => format!("TLS handshake failed: the peer does not trust this server's certificate ({error})"),
        Some(rustls::Error::InvalidMessage(_)) => {
            "the peer spoke something other than TLS to the HTTPS address".to_owned()
        }
        _ => format!("TLS handshake failed: {error}"),
    }
}
