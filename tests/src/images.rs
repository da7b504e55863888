//! An image server in memory: what the media crate is over sockets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use rackhand_agent::{
    event::Evidence,
    ports::{BoxFuture, ImageError, ImageHost, Offer, PreparedImage, Sighting},
    wanted::{BootWay, WantedFirmware},
};
use rackhand_simulator::{
    fetch::{FetchError, MediaFetch},
    iso::IsoBuilder,
};
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::lab::fault;

/// What a host that boots over the network fetches.
const NETWORK_FILES: [(&str, &[u8]); 2] =
    [("vmlinuz", b"a kernel of a laboratory"), ("initrd.img", b"the initial file system of a laboratory")];

fn network_size() -> u64 {
    NETWORK_FILES.iter().map(|(_, content)| u64::try_from(content.len()).unwrap_or(0)).sum()
}

/// Hosts that ask the network what to boot.
#[derive(Debug, Default)]
struct Network {
    /// Nodes by the MAC address that they ask by, with hyphens.
    names: BTreeMap<String, String>,
    /// Nodes that are told to install.
    offered: BTreeSet<String>,
    /// Nodes whose firmware fetches the image itself: served while it is offered.
    by_http: BTreeSet<String>,
    /// How often that was.
    told: usize,
}

impl Network {
    /// A host that was given a script has all that it needs.
    fn is_complete(&mut self, node: &str) {
        if !self.by_http.contains(node) {
            self.offered.remove(node);
        }
    }
}

/// An image server in memory: what the media crate is over sockets.
#[derive(Debug)]
pub struct Images {
    image: Mutex<Image>,
    network: Mutex<Network>,
    files: Mutex<BTreeMap<String, Bytes>>,
    served: Mutex<BTreeMap<String, Served>>,
    sightings: Mutex<Option<mpsc::Sender<Sighting>>>,
}

/// The image, the same for every node.
#[derive(Debug, Clone)]
struct Image {
    iso: Bytes,
    sha256: String,
}

impl Image {
    fn labelled(label: &str) -> Self {
        let config = Bytes::from_static(b"callback={base}/callback\n");
        let iso = IsoBuilder::new(label).file(rackhand_simulator::iso::CONFIG_FILE, config).build();
        let iso = Bytes::from(iso.unwrap_or_else(|error| fault(&error)));
        let sha256 = hex_digest(&iso);
        Self { iso, sha256 }
    }

    fn len(&self) -> u64 {
        u64::try_from(self.iso.len()).unwrap_or(u64::MAX)
    }
}

/// SHA-256 in hex.
#[must_use]
pub fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Debug, Default, Clone)]
struct Served {
    bytes: u64,
    began: bool,
    complete: bool,
}

const HOST: &str = "http://192.0.2.1";

impl Images {
    pub(crate) fn new() -> Self {
        Self {
            image: Mutex::new(Image::labelled("LAB")),
            network: Mutex::default(),
            files: Mutex::default(),
            served: Mutex::default(),
            sightings: Mutex::default(),
        }
    }

    /// Puts another image in the place of the one that is served.
    pub fn replace(&self, label: &str) {
        *self.image.lock().unwrap_or_else(PoisonError::into_inner) = Image::labelled(label);
    }

    /// Puts a file beside the image: firmware that nodes may want by this name.
    pub fn shelve(&self, name: &str, content: impl Into<Bytes>) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), content.into());
    }

    fn file(&self, name: &str) -> Option<Bytes> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn image(&self) -> Image {
        self.image.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn report_to(&self, sightings: mpsc::Sender<Sighting>) {
        *self.sightings.lock().unwrap_or_else(PoisonError::into_inner) = Some(sightings);
    }

    fn network(&self) -> std::sync::MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which node asks by which MAC address, with hyphens.
    pub(crate) fn know(&self, names: BTreeMap<String, String>) {
        self.network().names = names;
    }

    /// What a server of a new process knows: nobody is told to install, and nothing was read.
    pub(crate) fn restart(&self) {
        self.network().offered.clear();
        self.served().clear();
    }

    fn served(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Served>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a host that boots over HTTP is to get nothing now.
    fn withholds(&self, node: &str) -> bool {
        let network = self.network();
        network.by_http.contains(node) && !network.offered.contains(node)
    }

    /// Whether the node's host is to install when it boots over the network the next time.
    #[must_use]
    pub fn is_offered(&self, node: &str) -> bool {
        self.network().offered.contains(node)
    }

    /// How often hosts were told to install so far.
    #[must_use]
    pub fn told_to_install(&self) -> usize {
        self.network().told
    }

    /// What a host that asks the network is told; nothing when the process that would tell it is gone.
    async fn script(&self, mac: &str) -> Option<String> {
        let offered = {
            let network = self.network();
            network.names.get(mac).cloned().filter(|node| network.offered.contains(node))
        };
        let local = "#!ipxe\nexit\n".to_owned();
        let Some(node) = offered else { return Some(local) };
        // Nobody is told to install before that is durable.
        if !self.sighted(&node, Evidence::ToldToInstall { peer: mac.to_owned() }).await {
            return None;
        }
        self.network().told += 1;
        Some(format!(
            "#!ipxe\nkernel {HOST}/{node}/vmlinuz rackhand.callback={HOST}/{node}/callback\ninitrd {HOST}/{node}/initrd.img\nboot\n"
        ))
    }

    /// Tells the engine of the present process; `false` when it is gone.
    async fn sighted(&self, node: &str, evidence: Evidence) -> bool {
        let sender = self.sightings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(sender) = sender else { return false };
        let (ack, durable) = oneshot::channel();
        let sighting = Sighting { node: node.to_owned(), evidence, ack: Some(ack) };
        sender.send(sighting).await.is_ok() && durable.await.is_ok()
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let url = request.uri().to_string();
        let path = url.strip_prefix(HOST).unwrap_or_default().trim_start_matches('/').to_owned();
        let (node, file) = path.split_once('/').unwrap_or((&path, ""));
        if *request.method() == Method::POST && file == "callback" {
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
            let stage = body.get("stage").and_then(|stage| stage.as_str()).unwrap_or("?").to_owned();
            let heard = self.sighted(node, Evidence::CalledBack { stage }).await;
            return reply(
                if heard { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE },
                None,
                Bytes::new(),
            );
        }
        if let ("ipxe", mac) = (node, file) {
            let script = self.script(mac).await.ok_or_else(|| FetchError::Cut("it is gone".to_owned()))?;
            let mut answer = reply(StatusCode::OK, None, Bytes::from(script.clone()))?;
            answer.headers_mut().insert(header::CONTENT_LENGTH, script.len().into());
            return Ok(answer);
        }
        if let Some(content) =
            NETWORK_FILES.iter().find(|(name, _)| *name == file).map(|(_, content)| *content)
        {
            self.read_of(node, u64::try_from(content.len()).unwrap_or(0), network_size()).await;
            let mut answer = reply(StatusCode::OK, None, Bytes::from_static(content))?;
            answer.headers_mut().insert(header::CONTENT_LENGTH, content.len().into());
            return Ok(answer);
        }
        let is_image = file == "lab.iso";
        let Some(iso) = (if is_image { Some(self.image().iso) } else { self.file(file) }) else {
            return reply(StatusCode::NOT_FOUND, None, Bytes::new());
        };
        if is_image && self.withholds(node) {
            return reply(StatusCode::NOT_FOUND, None, Bytes::new());
        }
        let total = iso.len();
        let Some((first, last)) = range(&request) else {
            let whole = *request.method() != Method::HEAD;
            if whole && is_image {
                // A host that boots it over HTTP reads it in one go.
                self.read(node, u64::try_from(total).unwrap_or(0)).await;
            }
            let body = if whole { iso } else { Bytes::new() };
            let mut answer = reply(StatusCode::OK, None, body)?;
            answer.headers_mut().insert(header::CONTENT_LENGTH, total.into());
            return Ok(answer);
        };
        let last = last.min(total.saturating_sub(1));
        if first > last {
            return reply(StatusCode::RANGE_NOT_SATISFIABLE, None, Bytes::new());
        }
        if is_image {
            self.read(node, u64::try_from(last - first + 1).unwrap_or(0)).await;
        }
        reply(
            StatusCode::PARTIAL_CONTENT,
            Some(format!("bytes {first}-{last}/{total}")),
            iso.slice(first..=last),
        )
    }

    async fn read(&self, node: &str, bytes: u64) {
        self.read_of(node, bytes, self.image().len()).await;
    }

    async fn read_of(&self, node: &str, bytes: u64, total: u64) {
        let (began, complete) = {
            let mut served = self.served();
            let served = served.entry(node.to_owned()).or_default();
            served.bytes += bytes;
            let complete = !served.complete && served.bytes >= total;
            served.complete |= complete;
            (!std::mem::replace(&mut served.began, true), complete)
        };
        if began {
            self.sighted(node, Evidence::ImageRead { peer: node.to_owned() }).await;
        }
        if complete {
            self.network().is_complete(node);
            self.sighted(node, Evidence::ImageComplete { bytes: total }).await;
        }
    }
}

fn range(request: &Request<Bytes>) -> Option<(usize, usize)> {
    let range = request.headers().get(header::RANGE)?.to_str().ok()?;
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn reply(
    status: StatusCode,
    content_range: Option<String>,
    body: Bytes,
) -> Result<Response<Bytes>, FetchError> {
    let mut answer = Response::builder().status(status);
    if let Some(range) = content_range {
        answer = answer.header(header::CONTENT_RANGE, range);
    }
    answer.body(body).map_err(|error| FetchError::Cut(error.to_string()))
}

impl MediaFetch for Images {
    fn send(
        &self,
        request: Request<Bytes>,
        _verify: bool,
        _limit: usize,
    ) -> rackhand_simulator::fetch::Fut<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(self.answer(request))
    }

    fn tftp<'a>(
        &'a self,
        _server: &'a str,
        _file: &'a str,
        _limit: usize,
    ) -> rackhand_simulator::fetch::Fut<'a, Result<Bytes, FetchError>> {
        // The same for all; each is led on to its own.
        let chain = format!("chain --replace {HOST}/ipxe/${{mac:hexhyp}}");
        let script = format!("#!ipxe\n{chain} ||\nsleep 10\n{chain}\n");
        Box::pin(async { Ok(Bytes::from(script)) })
    }
}

impl ImageHost for Images {
    fn prepare<'a>(
        &'a self,
        node: &'a str,
        way: BootWay,
    ) -> BoxFuture<'a, Result<PreparedImage, ImageError>> {
        Box::pin(async move {
            let image = self.image();
            if way == BootWay::UefiHttp {
                self.network().by_http.insert(node.to_owned());
            }
            let (url, bytes) = match way {
                BootWay::Pxe => (format!("{HOST}/ipxe/{node}"), network_size()),
                BootWay::VirtualMedia | BootWay::UefiHttp => (format!("{HOST}/{node}/lab.iso"), image.len()),
            };
            Ok(PreparedImage { url, bytes, sha256: image.sha256, verified: false })
        })
    }

    fn offer(&self, node: &str, offer: Offer) {
        let is_complete = self.served().get(node).is_some_and(|served| served.complete);
        if offer == Offer::Anew {
            self.served().remove(node);
        }
        let mut network = self.network();
        let again = network.by_http.contains(node) || !is_complete;
        if offer == Offer::Anew || (offer == Offer::Again && again) {
            network.offered.insert(node.to_owned());
        } else {
            network.offered.remove(node);
        }
    }

    fn prepare_firmware<'a>(
        &'a self,
        node: &'a str,
        file: &'a WantedFirmware,
    ) -> BoxFuture<'a, Result<PreparedImage, ImageError>> {
        Box::pin(async move {
            let missing = || ImageError(format!("{} is not there", file.url));
            let content = self.file(&file.url).ok_or_else(missing)?;
            let sha256 = hex_digest(&content);
            if let Some(expected) = file.sha256.as_ref().filter(|expected| **expected != sha256) {
                return Err(ImageError(format!("its SHA-256 is {sha256}, but {expected} was given")));
            }
            Ok(PreparedImage {
                url: format!("{HOST}/{node}/{}", file.url),
                bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
                sha256,
                verified: file.sha256.is_some(),
            })
        })
    }

    fn bytes_read(&self, node: &str) -> u64 {
        self.served().get(node).map_or(0, |served| served.bytes)
    }
}
