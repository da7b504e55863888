//! Serving images: the media server behind the agent's port.

mod tell;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use rackhand_agent::{
    history::ImageRecord,
    ports::{BoxFuture, ImageError, ImageHost, Offer, PreparedImage, Sighting},
    wanted::{BootWay, WantedFirmware},
};
use rackhand_media::{
    Advertise, Events, FetchSettings, Image, ImageStore, Listen, MediaServer, NetbootFiles, NetbootSettings,
    Offering, Sha256Digest, Source, Token,
};
use rackhand_spec::{EarlyNetwork, IpNet, MacAddress};
use tokio::sync::mpsc;

use super::netboot::start_tftp;
use crate::{exit::usage, options::NetbootOptions, state::StateDir};

/// The image of one node.
#[derive(Debug, Clone)]
pub(crate) struct NodeImage {
    /// Where it comes from, as written; `None` when nobody named one.
    pub(crate) source: Option<String>,
    /// The digest that it must have.
    pub(crate) sha256: Option<rackhand_spec::Sha256>,
    /// An iPXE script whose files a host that boots by PXE is given in its place.
    pub(crate) script: Option<String>,
    /// The BMC that reads it.
    pub(crate) bmc_host: String,
    /// The host itself, which reads it when it boots from the network.
    pub(crate) host: NetworkHost,
}

/// A host that may boot from the network.
#[derive(Debug, Clone)]
pub(crate) struct NetworkHost {
    /// The MAC address that it asks by.
    pub(crate) mac: MacAddress,
    /// Its static addresses and what its installer is told of its network.
    pub(crate) network: EarlyNetwork,
    /// Whether its installation calls back.
    pub(crate) calls_back: bool,
}

/// Where images are served.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServeOptions {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) base_url: Option<String>,
    /// Base URLs for the BMCs of some networks.
    pub(crate) networks: Vec<(IpNet, String)>,
    /// For hosts that boot from the network.
    pub(crate) netboot: NetbootOptions,
}

/// Serves each node its image.
pub(crate) struct Images {
    store: ImageStore,
    server: MediaServer,
    secret: [u8; 32],
    /// Where TFTP is served, if it is.
    tftp: Option<SocketAddr>,
    /// The base URL as hosts see it, where somebody said it.
    netboot_url: Option<String>,
    of: Mutex<BTreeMap<String, NodeImage>>,
}

/// A node whose job an earlier process left.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) node: String,
    /// What it boots.
    pub(crate) image: ImageRecord,
    /// Whether it is still to be told to install when it boots over the network.
    pub(crate) is_offered: bool,
}

/// Signs that are waiting to be taken in, at most.
const WAITING: usize = 1024;

/// How long readers may finish when the program ends.
const GRACE: Duration = Duration::from_secs(2);

impl Images {
    /// Begins to serve. The secret and the port of the state directory make an image's URL the same in the next process.
    pub(crate) async fn start(
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
        let tftp = start_tftp(&server, &options.netboot).await?;
        let (sender, sightings) = mpsc::channel(WAITING);
        tokio::spawn(tell::tell(events, sender));
        let netboot_url = options.netboot.url.clone();
        Ok((Self { store, server, secret, tftp, netboot_url, of: Mutex::new(of) }, sightings))
    }

    /// Publishes again what the nodes of running jobs were reading when an earlier process ended, and only then answers:
    /// a BMC that is told "no such image" gives its medium up, and a host that is told to boot its disk does so.
    pub(crate) async fn open(&self, running: impl IntoIterator<Item = Running>) {
        for Running { node, image, is_offered } in running {
            match self.prepared(&node, image.way).await {
                Err(error) => {
                    tracing::warn!(node, error, "the image of a running job cannot be served again")
                }
                // Another image than the job began with is not what its host was switched on for.
                Ok(now) if is_offered && image.is(&now) => self.offer(&node, Offer::Again),
                Ok(_) => {}
            }
        }
        self.server.open();
    }

    /// Whether the node is part of this run.
    pub(crate) fn serves(&self, node: &str) -> bool {
        self.image(node).is_some()
    }

    /// Whether the host with this address is to be told to install at this moment.
    pub(crate) fn offers(&self, mac: &MacAddress) -> bool {
        self.server.is_offered_to(*mac)
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
        let tftp = self.tftp.map(|address| format!("tftp://{address}"));
        each.into_iter().chain(tftp).collect::<Vec<_>>().join(", ")
    }

    /// Ends the server; readers may finish.
    pub(crate) async fn shut_down(self: Arc<Self>) {
        // Whoever still holds it is being dropped, and ends the server with it.
        if let Some(images) = Arc::into_inner(self) {
            images.server.shutdown(GRACE).await;
        }
    }

    async fn prepared(&self, node: &str, way: BootWay) -> Result<PreparedImage, String> {
        let wanted = self.image(node).ok_or("no such node in this run")?;
        if way == BootWay::Pxe {
            return self.taken_apart(node, &wanted).await;
        }
        let image = self.fetched(&wanted).await?;
        let token = self.token(node, "", image.sha256)?;
        let url = if way == BootWay::UefiHttp {
            let publication = self.server.publish_http_boot(node, &image, &token).map_err(text)?;
            self.host_base(&wanted).await? + &publication.path
        } else {
            let publication = self.server.publish(node, &image, &token).map_err(text)?;
            self.server.url(&publication, &wanted.bmc_host, None).await.map_err(text)?
        };
        let sha256 = image.sha256.to_string();
        Ok(PreparedImage { url, sha256, bytes: image.size, verified: image.verified })
    }

    /// The digest is part of it: another image is another URL, and a BMC goes on with the one it has.
    fn token(&self, node: &str, what: &str, sha256: Sha256Digest) -> Result<Token, String> {
        Token::derived(&self.secret, &format!("{node}\n{what}{sha256}")).map_err(text)
    }

    /// The node's ISO, on this machine.
    async fn fetched(&self, wanted: &NodeImage) -> Result<Image, String> {
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
        Ok(image)
    }

    /// The files of a host that boots by PXE, a digest that stands for them, and whether that is the one that was given.
    async fn netboot_files(&self, wanted: &NodeImage) -> Result<(NetbootFiles, Sha256Digest, bool), String> {
        if let Some(script) = &wanted.script {
            let script: Source = script.parse().map_err(text)?;
            let files = NetbootFiles::from_script(&self.store, &script).await.map_err(text)?;
            let sha256 = files.sha256();
            return Ok((files, sha256, false));
        }
        let iso = self.fetched(wanted).await?;
        let (sha256, verified) = (iso.sha256, iso.verified);
        let files = tokio::task::spawn_blocking(move || NetbootFiles::from_iso(&iso));
        Ok((files.await.map_err(text)?.map_err(text)?, sha256, verified))
    }

    /// Publishes what is on the ISO, or what its iPXE script names, to a host that boots by PXE.
    async fn taken_apart(&self, node: &str, wanted: &NodeImage) -> Result<PreparedImage, String> {
        let (files, sha256, verified) = self.netboot_files(wanted).await?;
        let token = self.token(node, "pxe\n", sha256)?;
        let mac = wanted.host.mac;
        let base = self.host_base(wanted).await?;
        let settings = NetbootSettings {
            base: base.clone(),
            arguments: wanted.host.network.arguments.clone(),
            callback: wanted.host.calls_back,
        };
        let publication = self.server.publish_netboot(node, mac, &files, &token, &settings).map_err(text)?;
        let url = base + &publication.script_path;
        Ok(PreparedImage { url, sha256: sha256.to_string(), bytes: publication.size, verified })
    }

    /// The base URL that a host sees: as it was said for its network, as it was said for all, else by the route to its own
    /// address, else as its BMC sees it.
    async fn host_base(&self, wanted: &NodeImage) -> Result<String, String> {
        let own = wanted.host.network.addresses.first();
        let said = own.and_then(|own| self.server.advertised_in(*own)).or(self.netboot_url.as_deref());
        if let Some(url) = said {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let from = own.map_or_else(|| wanted.bmc_host.clone(), ToString::to_string);
        self.server.advertise(&from, None).await.map_err(text)
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

    fn offer(&self, node: &str, offer: Offer) {
        let offering = match offer {
            Offer::Anew => Offering::Anew,
            Offer::Again => Offering::Again,
            Offer::Ended => Offering::Ended,
        };
        // Of a node that nothing is published for there is nothing to say.
        let _ = self.server.offer(node, offering);
    }

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
