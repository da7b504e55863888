//! Serving images: the media server behind the agent's port, and its events as signs of installations.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use rackhand_agent::{
    event::Evidence,
    ports::{BoxFuture, ImageError, ImageHost, PreparedImage, Sighting},
    wanted::{BootWay, WantedFirmware},
};
use rackhand_media::{
    Advertise, EventKind, Events, FetchSettings, ImageStore, Listen, MediaEvent, MediaServer, Sha256Digest,
    Source, Token,
};
use rackhand_spec::IpNet;
use tokio::sync::mpsc;

use crate::{exit::usage, state::StateDir};

/// The image of one node.
#[derive(Debug, Clone)]
pub(crate) struct NodeImage {
    /// Where it comes from, as written; `None` when nobody named one.
    pub(crate) source: Option<String>,
    /// The digest that it must have.
    pub(crate) sha256: Option<rackhand_spec::Sha256>,
    /// The BMC that reads it.
    pub(crate) bmc_host: String,
}

/// Where images are served.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServeOptions {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) base_url: Option<String>,
    /// Base URLs for the BMCs of some networks.
    pub(crate) networks: Vec<(IpNet, String)>,
}

/// Serves each node its image.
pub(crate) struct Images {
    store: ImageStore,
    server: MediaServer,
    secret: [u8; 32],
    of: Mutex<BTreeMap<String, NodeImage>>,
}

/// Signs that are waiting to be taken in, at most.
const WAITING: usize = 1024;

/// How long readers may finish when the program ends.
const GRACE: Duration = Duration::from_secs(2);

impl Images {
    /// Begins to serve. The secret and the port of the state directory make an image's URL the same in the next process.
    pub(crate) fn start(
        options: &ServeOptions,
        of: BTreeMap<String, NodeImage>,
        state: &StateDir,
    ) -> anyhow::Result<(Self, mpsc::Receiver<Sighting>)> {
        let mut advertise = Advertise::by_route();
        if let Some(base) = &options.base_url {
            advertise = advertise.with_base(base).map_err(|error| usage(error.to_string()))?;
        }
        for (network, base) in &options.networks {
            advertise = advertise.with_network(*network, base).map_err(|error| usage(error.to_string()))?;
        }
        let cache: PathBuf = state.create()?.join("images");
        let store = ImageStore::new(cache, FetchSettings::new(client_tls()?)).context("the image store")?;
        let secret = state.media_secret()?;
        let (server, events) = listen(options.listen, advertise, &of, state)?;
        let (sender, sightings) = mpsc::channel(WAITING);
        tokio::spawn(tell(events, sender));
        Ok((Self { store, server, secret, of: Mutex::new(of) }, sightings))
    }

    /// Publishes again what the nodes of running jobs were reading when an earlier process ended, and only then answers:
    /// a BMC that is told "no such image" gives its medium up.
    pub(crate) async fn open(&self, running: impl IntoIterator<Item = String>) {
        for node in running {
            if let Err(error) = self.prepared(&node, BootWay::VirtualMedia).await {
                tracing::warn!(node, error, "the image of a running job cannot be served again");
            }
        }
        self.server.open();
    }

    /// Whether the node is part of this run.
    pub(crate) fn serves(&self, node: &str) -> bool {
        self.image(node).is_some()
    }

    fn image(&self, node: &str) -> Option<NodeImage> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).get(node).cloned()
    }

    /// From now on nodes boot these. What is published already stays.
    pub(crate) fn set(&self, of: BTreeMap<String, NodeImage>) {
        *self.of.lock().unwrap_or_else(PoisonError::into_inner) = of;
    }

    /// Where it listens, for people.
    pub(crate) fn listening(&self) -> String {
        let each: Vec<String> =
            self.server.bound().iter().map(|bound| format!("{}://{}", bound.scheme, bound.address)).collect();
        each.join(", ")
    }

    /// Ends the server; readers may finish.
    pub(crate) async fn shut_down(self: Arc<Self>) {
        // Whoever still holds it is being dropped, and ends the server with it.
        if let Some(images) = Arc::into_inner(self) {
            images.server.shutdown(GRACE).await;
        }
    }

    async fn prepared(&self, node: &str, _way: BootWay) -> Result<PreparedImage, String> {
        let wanted = self.image(node).ok_or("no such node in this run")?;
        let source = wanted.source.as_deref().ok_or(
            "no ISO is named for this node; annotate it with rackhand.dev/iso: PATH or URL, or give --iso",
        )?;
        let source: Source = source.parse().map_err(text)?;
        let expected = wanted
            .sha256
            .map(|digest| digest.to_string().parse::<Sha256Digest>())
            .transpose()
            .map_err(text)?;
        let image = self.store.get(&source, expected).await.map_err(text)?;
        if !image.is_iso9660() {
            return Err(format!(
                "{source} is no ISO 9660 image (no CD001 mark in sector 16); give a bootable ISO"
            ));
        }
        // The digest is part of it: another image is another URL, and a BMC goes on with the one it has.
        let token = Token::derived(&self.secret, &format!("{node}\n{}", image.sha256)).map_err(text)?;
        let publication = self.server.publish(node, &image, &token).map_err(text)?;
        let url = self.server.url(&publication, &wanted.bmc_host, None).await.map_err(text)?;
        Ok(PreparedImage {
            url,
            sha256: image.sha256.to_string(),
            bytes: image.size,
            verified: image.verified,
        })
    }

    async fn firmware(&self, node: &str, wanted: &WantedFirmware) -> Result<PreparedImage, String> {
        let bmc_host = self.image(node).ok_or("no such node in this run")?.bmc_host;
        let source: Source = wanted.url.parse().map_err(text)?;
        let expected = wanted.sha256.as_deref().map(str::parse::<Sha256Digest>).transpose().map_err(text)?;
        let file = self.store.get(&source, expected).await.map_err(text)?;
        let reader = format!("{node}{FIRMWARE}{}", wanted.component);
        let token = Token::derived(&self.secret, &format!("{reader}\n{}", file.sha256)).map_err(text)?;
        let publication = self.server.publish_file(&reader, &file, &token).map_err(text)?;
        let url = self.server.url(&publication, &bmc_host, None).await.map_err(text)?;
        Ok(PreparedImage { url, sha256: file.sha256.to_string(), bytes: file.size, verified: file.verified })
    }
}

/// What stands between a node's name and a component's in the name under which firmware is served. No node's name has it.
const FIRMWARE: &str = "#firmware ";

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl ImageHost for Images {
    fn prepare<'a>(
        &'a self,
        node: &'a str,
        way: BootWay,
    ) -> BoxFuture<'a, Result<PreparedImage, ImageError>> {
        Box::pin(async move { self.prepared(node, way).await.map_err(ImageError) })
    }

    fn offer(&self, _node: &str, _installs: bool) {}

    fn prepare_firmware<'a>(
        &'a self,
        node: &'a str,
        file: &'a WantedFirmware,
    ) -> BoxFuture<'a, Result<PreparedImage, ImageError>> {
        Box::pin(async move { self.firmware(node, file).await.map_err(ImageError) })
    }

    fn bytes_read(&self, node: &str) -> u64 {
        self.server.served(node).map_or(0, |served| served.distinct_bytes)
    }
}

/// Listens where it was said, and on the port of before where none was said. It answers nobody yet.
fn listen(
    wanted: Option<SocketAddr>,
    advertise: Advertise,
    of: &BTreeMap<String, NodeImage>,
    state: &StateDir,
) -> anyhow::Result<(MediaServer, Events)> {
    let everywhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let mut addresses = vec![wanted.unwrap_or(everywhere)];
    if wanted.is_none() && needs_v6(of) {
        addresses.push(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0));
    }
    let chosen = wanted.is_some_and(|address| address.port() != 0);
    let known = if chosen { None } else { state.media_port()? };
    let port = match known {
        Some(port) => Some(port),
        // Both families on one port, which has to be found before.
        None if addresses.len() > 1 => Some(free_port()?),
        None => None,
    };
    if let Some(port) = port {
        addresses.iter_mut().for_each(|address| address.set_port(port));
    }
    let listen = addresses.into_iter().map(Listen::http).collect();
    let (server, events) = MediaServer::bind(listen, advertise).with_context(|| match known {
        Some(port) => format!(
            "images were served on port {port} before, and BMCs may still read from there; free it, or give --media-listen with another"
        ),
        None => "give another address with --media-listen".to_owned(),
    })?;
    if let (false, Some(bound)) = (chosen, server.bound().first()) {
        state.keep_media_port(bound.address.port())?;
    }
    Ok((server, events))
}

/// A port that is free at this moment.
fn free_port() -> anyhow::Result<u16> {
    let found = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|listener| listener.local_addr());
    Ok(found.context("no free port for images; give --media-listen")?.port())
}

fn needs_v6(of: &BTreeMap<String, NodeImage>) -> bool {
    of.values().any(|image| image.bmc_host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()))
}

/// What the server sees becomes signs of installations, in order.
async fn tell(mut events: Events, sightings: mpsc::Sender<Sighting>) {
    while let Some(MediaEvent { node, kind, .. }) = events.recv().await {
        let node = node.unwrap_or_default();
        let mut ack = None;
        if node.contains(FIRMWARE)
            && !matches!(kind, EventKind::Refused { .. } | EventKind::Unreadable { .. })
        {
            // That firmware is read says nothing of the installation.
            continue;
        }
        let evidence = match kind {
            EventKind::FirstByte { peer } => Evidence::ImageRead { peer: peer.to_string() },
            EventKind::Complete { size } => Evidence::ImageComplete { bytes: size },
            EventKind::CallBack { stage, heard, .. } => {
                // The installer is answered once this is durable in the journal.
                ack = heard.take();
                Evidence::CalledBack { stage }
            }
            EventKind::Refused { peer, reason } => {
                tracing::warn!(node, %peer, reason, "the ISO server refused a request");
                continue;
            }
            EventKind::Unreadable { reason } => {
                tracing::error!(node, reason, "the image cannot be served any more");
                continue;
            }
            _ => continue,
        };
        if sightings.send(Sighting { node, evidence, ack }).await.is_err() {
            return;
        }
    }
}

/// Fetches a file to look at it once, and keeps nothing of it.
///
/// # Errors
/// When it cannot be had, or its digest is another one than `expected`.
pub(crate) async fn fetched_once(url: &str, expected: Sha256Digest) -> anyhow::Result<()> {
    let source: Source = url.parse()?;
    let dir = tempfile::tempdir().context("a directory for what is fetched")?;
    let store = ImageStore::new(dir.path().to_owned(), FetchSettings::new(client_tls()?))?;
    store.get(&source, Some(expected)).await?;
    Ok(())
}

/// For fetching over HTTPS: the operating system's CAs.
pub(crate) fn client_tls() -> anyhow::Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    // Without any, fetching over HTTPS says that the certificate is not trusted; paths and HTTP need none.
    let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS for fetching images")?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
