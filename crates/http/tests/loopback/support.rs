//! A web server that does what a test says, byte by byte.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rackhand_http::{Connections, HttpTransport, Origin, Request, Tls, Trust};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

/// What the server does with a request.
pub(crate) enum Act {
    /// Writes these bytes and reads on.
    Answer(Vec<u8>),
    /// Writes these bytes and closes.
    AnswerAndClose(Vec<u8>),
    /// Writes these bytes, then more of them until the peer goes away.
    Flood(Vec<u8>),
    /// Reads on and never answers.
    Hang,
}

/// A complete answer.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Act {
    Act::Answer(message(status, headers, body))
}

pub(crate) fn message(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A server on a loopback address of its own choice of port.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    closed: tokio::sync::Mutex<mpsc::UnboundedReceiver<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn http(act: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
        Self::start("127.0.0.1:0", None, act).await
    }

    pub(crate) async fn https(tls: ServerConfig, act: impl Fn(&str) -> Act + Send + Sync + 'static) -> Self {
        Self::start("127.0.0.1:0", Some(tls), act).await
    }

    pub(crate) async fn start(
        at: &str,
        tls: Option<ServerConfig>,
        act: impl Fn(&str) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (tx, closed) = mpsc::unbounded_channel();
        let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
        let (act, count, heads) = (Arc::new(act), connections.clone(), requests.clone());
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (acceptor, act, heads, tx) = (acceptor.clone(), act.clone(), heads.clone(), tx.clone());
                tokio::spawn(async move {
                    speak_either(tcp, acceptor, &*act, &heads).await;
                    let _ = tx.send(());
                });
            }
        });
        Self { address, connections, requests, closed: closed.into(), task }
    }

    /// TCP connections accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Head and body of every request received.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until the server's end of a connection is gone.
    pub(crate) async fn closed(&self) {
        self.closed.lock().await.recv().await.unwrap();
    }

    pub(crate) fn origin(&self, scheme: &str) -> Origin {
        format!("{scheme}://{}", self.address).parse().unwrap()
    }

    /// A clear-text transport to this server.
    pub(crate) fn plain(&self) -> HttpTransport {
        self.plain_with(Connections::default())
    }

    pub(crate) fn plain_with(&self, settings: Connections) -> HttpTransport {
        HttpTransport::new(self.origin("http"), Trust::System, &Tls::new(), settings).unwrap()
    }

    pub(crate) fn trusting(&self, trust: Trust) -> HttpTransport {
        HttpTransport::new(self.origin("https"), trust, &Tls::new(), Connections::default()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn speak_either(
    tcp: TcpStream,
    acceptor: Option<TlsAcceptor>,
    act: &(dyn Fn(&str) -> Act + Send + Sync),
    heads: &Mutex<Vec<String>>,
) {
    match acceptor {
        None => speak(tcp, act, heads).await,
        Some(acceptor) => {
            if let Ok(tls) = acceptor.accept(tcp).await {
                speak(tls, act, heads).await;
            }
        }
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    act: &(dyn Fn(&str) -> Act + Send + Sync),
    requests: &Mutex<Vec<String>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        let what = act(&request);
        requests.lock().unwrap().push(request);
        match what {
            Act::Answer(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Act::AnswerAndClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Act::Flood(bytes) => while stream.write_all(&bytes).await.is_ok() {},
            Act::Hang => {}
        }
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut text = String::new();
    loop {
        let byte = stream.read_u8().await.ok()?;
        text.push(char::from(byte));
        if text.ends_with("\r\n\r\n") {
            break;
        }
    }
    let length =
        text.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    text.push_str(&String::from_utf8(body).unwrap());
    Some(text)
}

pub(crate) fn get(target: &str) -> Request {
    Request::get(target.parse().unwrap())
}

pub(crate) fn post(target: &str) -> Request {
    Request::new(http::Method::POST, target.parse().unwrap()).with_json("{\"Password\":\"calvin\"}")
}

/// A key and its certificate.
pub(crate) struct Identity {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) pem: String,
    key: KeyPair,
}

impl Identity {
    /// Self-signed for the given names, changed as `change` says.
    pub(crate) fn new(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { der: certificate.der().clone(), pem: certificate.pem(), key }
    }

    pub(crate) fn loopback() -> Self {
        Self::new(&["127.0.0.1"], |_| {})
    }

    pub(crate) fn fingerprint(&self) -> rackhand_http::Fingerprint {
        rackhand_http::Fingerprint::of(&self.der)
    }

    pub(crate) fn server(&self) -> ServerConfig {
        presenting(self, self)
    }
}

/// A server that presents one identity's certificate and signs with another's key.
pub(crate) fn presenting(certificate: &Identity, signing: &Identity) -> ServerConfig {
    let key = PrivateKeyDer::try_from(signing.key.serialize_der()).unwrap();
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let resolver = Always(Arc::new(CertifiedKey::new(vec![certificate.der.clone()], key)));
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver))
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}
