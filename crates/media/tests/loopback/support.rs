//! A store over a temporary directory, clients, and a web server that says what a test wants.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use rackhand_media::{
    Advertise, EventKind, Events, FetchSettings, Image, ImageStore, Listen, MediaEvent, MediaServer,
    Publication, Source, Token,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};

/// A TLS configuration that trusts one PEM certificate, or none.
pub(crate) fn trusting(pem: Option<&str>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = pem {
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    }
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

pub(crate) fn client(pem: Option<&str>) -> reqwest::Client {
    reqwest::Client::builder().tls_backend_preconfigured(trusting(pem)).no_proxy().build().unwrap()
}

/// Bytes of which each position is recognisable.
pub(crate) fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8 ^ (at / 251 % 256) as u8).collect()
}

pub(crate) fn loopback() -> Listen {
    Listen::http("127.0.0.1:0".parse().unwrap())
}

pub(crate) const TOKEN: &str = "abcdefghijklmnopqrstuvwxyz";

pub(crate) fn token() -> Token {
    TOKEN.parse().unwrap()
}

pub(crate) struct Store {
    pub(crate) store: ImageStore,
    pub(crate) directory: TempDir,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut FetchSettings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Self::at(directory.path().join("cache"), change);
        Self { store, directory }
    }

    pub(crate) fn at(cache: PathBuf, change: impl FnOnce(&mut FetchSettings)) -> ImageStore {
        let mut settings = FetchSettings::new(trusting(None));
        change(&mut settings);
        ImageStore::new(cache, settings).unwrap()
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) async fn image(&self, name: &str, content: &[u8]) -> Image {
        self.store.get(&Source::Path(self.file(name, content)), None).await.unwrap()
    }

    /// Everything in the cache directory.
    pub(crate) fn cached(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.directory.path().join("cache")) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// A server with one image published for `node-1`.
pub(crate) struct Rig {
    pub(crate) server: MediaServer,
    pub(crate) events: Events,
    pub(crate) publication: Publication,
    pub(crate) url: String,
    pub(crate) content: Vec<u8>,
    pub(crate) image: Image,
    pub(crate) store: Store,
    pub(crate) client: reqwest::Client,
    /// What was told while a script was asked for.
    told: Vec<MediaEvent>,
}

impl Rig {
    pub(crate) async fn new(size: usize) -> Self {
        Self::listening(loopback(), None, size).await
    }

    pub(crate) async fn listening(listen: Listen, pem: Option<&str>, size: usize) -> Self {
        let (store, content) = (Store::new(), content(size));
        let image = store.image("disc.iso", &content).await;
        let (server, events) = MediaServer::start(vec![listen], Advertise::by_route()).unwrap();
        let publication = server.publish("node-1", &image, &token()).unwrap();
        let host = server.bound()[0].address.ip().to_string();
        let url = server.url(&publication, &host, None).await.unwrap();
        Self {
            server,
            events,
            publication,
            url,
            content,
            image,
            store,
            client: client(pem),
            told: Vec::new(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.bound()[0].address
    }

    pub(crate) async fn get(&self, headers: &[(&str, &str)]) -> reqwest::Response {
        self.ask(reqwest::Method::GET, &self.url, headers).await
    }

    pub(crate) async fn ask(
        &self,
        method: reqwest::Method,
        url: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::Response {
        let request = self.client.request(method, url);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .send()
            .await
            .unwrap()
    }

    /// Asks, and says meanwhile that it is written down who is told to install.
    pub(crate) async fn heeded<T>(&mut self, asking: impl Future<Output = T>) -> T {
        let mut asking = std::pin::pin!(asking);
        loop {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => {
                    if let EventKind::ScriptGiven { heard, installs: true, .. } = &event.kind {
                        heard.take().unwrap().send(()).unwrap();
                    }
                    self.told.push(event);
                }
                answer = &mut asking => return answer,
            }
        }
    }

    /// What was told and not looked at yet.
    pub(crate) fn told(&mut self) -> Vec<MediaEvent> {
        let mut told = std::mem::take(&mut self.told);
        told.extend(std::iter::from_fn(|| self.events.try_recv().ok()));
        told
    }

    /// A URL on this server.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }
}

/// A web server that answers each request with what `answer` makes of its head, then closes.
pub(crate) struct Origin {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    /// The second half of each answer is held back until this is true.
    pub(crate) open: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Origin {
    pub(crate) async fn new(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/isos/disc.iso?api_key=s3cret", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (open, gate) = watch::channel(true);
        let (answer, heads) = (Arc::new(answer), requests.clone());
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answer, heads, mut gate) = (answer.clone(), heads.clone(), gate.clone());
                tokio::spawn(async move {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(char::from(byte));
                    }
                    let answer = answer(&head);
                    heads.lock().unwrap().push(head);
                    let (first, second) = answer.split_at(answer.len() / 2);
                    let _ = stream.write_all(first).await;
                    let _ = gate.wait_for(|open| *open).await;
                    let _ = stream.write_all(second).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { url, requests, open, task }
    }

    pub(crate) fn source(&self) -> Source {
        self.url.parse().unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) const SHORT: Duration = Duration::from_millis(200);
