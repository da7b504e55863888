//! How a simulated BMC or guest reaches the world: the seam, the real one over HTTP(S), and one in memory.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode, header};

use crate::machine::{Medium, Source};

/// A boxed future that a task can own.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why something could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL is none, or of a scheme that cannot be fetched.
    #[error("{0:?} is not an http or https URL")]
    BadUrl(String),
    /// No connection.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server's certificate is not trusted.
    #[error("the server's certificate is not trusted: {0}")]
    Certificate(String),
    /// An answer that is no success.
    #[error("the server answered {0}")]
    Status(u16),
    /// The connection ended before the answer did.
    #[error("the connection was cut: {0}")]
    Cut(String),
    /// The server does not answer ranges as asked.
    #[error("the server does not serve byte ranges")]
    NoRanges,
}

/// The seam: one HTTP request to a server outside the simulation.
pub trait MediaFetch: Send + Sync + 'static {
    /// Sends a request; a body of more than `limit` bytes is an error. `verify`: check the server's certificate.
    fn send(
        &self,
        request: Request<Bytes>,
        verify: bool,
        limit: usize,
    ) -> Fut<'_, Result<Response<Bytes>, FetchError>>;
}

/// Answers and call-backs are small: no more is read.
const SMALL: usize = 64 * 1024;

fn request(method: Method, source: &Source) -> Result<http::request::Builder, FetchError> {
    let bad = || FetchError::BadUrl(source.url.clone());
    let url = share(&source.url).unwrap_or_else(|| source.url.clone());
    let url = url::Url::parse(&url).map_err(|_| bad())?;
    if !matches!(url.scheme(), "http" | "https" | "nfs" | "cifs") {
        return Err(bad());
    }
    let mut request = Request::builder().method(method).uri(url.as_str());
    if let Some((user, password)) = &source.login {
        let login = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        request = request.header(header::AUTHORIZATION, format!("Basic {login}"));
    }
    Ok(request)
}

/// A file on a share, written `host:/path/file` (NFS) or `//host/share/file` (CIFS), as a URL.
fn share(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("//") {
        return Some(format!("cifs://{rest}"));
    }
    let (host, path) = text.split_once(":/")?;
    (!path.starts_with('/')).then(|| format!("nfs://{host}/{path}"))
}

/// A URL that is none of a web server's, for those who speak nothing else.
fn no_web_url(request: &Request<Bytes>) -> Option<FetchError> {
    let web = matches!(request.uri().scheme_str(), Some("http" | "https"));
    (!web).then(|| FetchError::BadUrl(request.uri().to_string()))
}

fn finish(request: http::request::Builder, body: Bytes) -> Result<Request<Bytes>, FetchError> {
    request.body(body).map_err(|error| FetchError::BadUrl(error.to_string()))
}

/// The size of a medium, by HEAD, or by the first range where HEAD does not tell.
///
/// # Errors
/// When the source cannot be reached or says no.
pub async fn size(net: &dyn MediaFetch, medium: &Medium) -> Result<u64, FetchError> {
    let head = finish(request(Method::HEAD, &medium.source)?, Bytes::new())?;
    let answer = net.send(head, medium.verify, SMALL).await?;
    let status = answer.status();
    let length = number(&answer, header::CONTENT_LENGTH);
    match length {
        Some(length) if status.is_success() && length > 0 => return Ok(length),
        _ if status.is_success() || status == StatusCode::METHOD_NOT_ALLOWED => {}
        _ => return Err(FetchError::Status(status.as_u16())),
    }
    let first = request(Method::GET, &medium.source)?.header(header::RANGE, "bytes=0-0");
    let answer = net.send(finish(first, Bytes::new())?, medium.verify, SMALL).await?;
    if answer.status() != StatusCode::PARTIAL_CONTENT {
        return Err(no_range(answer.status()));
    }
    let range = answer.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.and_then(|range| range.rsplit('/').next()?.parse().ok()).ok_or(FetchError::NoRanges)
}

/// Reads `length` bytes of a medium from `offset`.
///
/// # Errors
/// When the source cannot be reached or answers something else.
pub async fn read(
    net: &dyn MediaFetch,
    medium: &Medium,
    offset: u64,
    length: u64,
) -> Result<Bytes, FetchError> {
    let last = offset + length.saturating_sub(1);
    let get = request(Method::GET, &medium.source)?.header(header::RANGE, format!("bytes={offset}-{last}"));
    let limit = usize::try_from(length).unwrap_or(usize::MAX);
    let answer = net.send(finish(get, Bytes::new())?, medium.verify, limit).await?;
    if answer.status() != StatusCode::PARTIAL_CONTENT {
        return Err(no_range(answer.status()));
    }
    let body = answer.into_body();
    if u64::try_from(body.len()) != Ok(length) {
        return Err(FetchError::Cut(format!("{} of {length} bytes", body.len())));
    }
    Ok(body)
}

fn no_range(status: StatusCode) -> FetchError {
    if status.is_success() { FetchError::NoRanges } else { FetchError::Status(status.as_u16()) }
}

fn number(answer: &Response<Bytes>, name: header::HeaderName) -> Option<u64> {
    answer.headers().get(name)?.to_str().ok()?.parse().ok()
}

/// Posts JSON to `url`.
///
/// # Errors
/// When the server cannot be reached or answers no success.
pub async fn post(
    net: &dyn MediaFetch,
    url: &str,
    body: &serde_json::Value,
    verify: bool,
) -> Result<(), FetchError> {
    let source = Source { url: url.to_owned(), login: None };
    let request = request(Method::POST, &source)?.header(header::CONTENT_TYPE, "application/json");
    let answer = net.send(finish(request, Bytes::from(body.to_string()))?, verify, SMALL).await?;
    if answer.status().is_success() { Ok(()) } else { Err(FetchError::Status(answer.status().as_u16())) }
}

/// The real one: HTTP/1.1 over TCP and TLS.
#[derive(Debug, Clone)]
pub struct HttpFetch {
    verifying: reqwest::Client,
    trusting: reqwest::Client,
}

impl HttpFetch {
    /// A fetcher; where a certificate is to be checked, `roots` are the ones trusted.
    ///
    /// # Errors
    /// When the TLS configuration is refused.
    pub fn new(roots: rustls::RootCertStore) -> anyhow::Result<Self> {
        let client = |tls: rustls::ClientConfig| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls)
                .http1_only()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::limited(3))
                .connect_timeout(Duration::from_secs(10))
                .read_timeout(Duration::from_secs(30))
                .build()
        };
        Ok(Self {
            verifying: client(crate::tls::verifying(roots)?)?,
            trusting: client(crate::tls::trusting()?)?,
        })
    }
}

fn told(error: &reqwest::Error) -> FetchError {
    let mut text = error.to_string();
    let mut certificate = false;
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = inner.to_string();
        certificate |= text.contains("certificate");
        source = inner.source();
    }
    if certificate {
        FetchError::Certificate(text)
    } else if error.is_connect() || error.is_timeout() {
        FetchError::Unreachable(text)
    } else {
        FetchError::Cut(text)
    }
}

impl MediaFetch for HttpFetch {
    fn send(
        &self,
        request: Request<Bytes>,
        verify: bool,
        limit: usize,
    ) -> Fut<'_, Result<Response<Bytes>, FetchError>> {
        let client = if verify { &self.verifying } else { &self.trusting };
        Box::pin(async move {
            if let Some(error) = no_web_url(&request) {
                return Err(error);
            }
            let request =
                reqwest::Request::try_from(request).map_err(|error| FetchError::BadUrl(error.to_string()))?;
            let mut answer = client.execute(request).await.map_err(|error| told(&error))?;
            let mut response = Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                headers.clone_from(answer.headers());
            }
            let mut body = BytesMut::new();
            while let Some(chunk) = answer.chunk().await.map_err(|error| told(&error))? {
                if body.len() + chunk.len() > limit {
                    return Err(FetchError::NoRanges);
                }
                body.extend_from_slice(&chunk);
            }
            response.body(body.freeze()).map_err(|error| FetchError::Cut(error.to_string()))
        })
    }
}

/// No way to any server, as behind a missing route.
#[derive(Debug, Clone, Copy)]
pub struct NoRoute;

impl MediaFetch for NoRoute {
    fn send(&self, _: Request<Bytes>, _: bool, _: usize) -> Fut<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(async { Err(FetchError::Unreachable("no route to host".into())) })
    }
}

/// Media and call-backs in memory, for tests without sockets.
#[derive(Debug, Clone, Default)]
pub struct MemoryFetch {
    inner: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    media: BTreeMap<String, Bytes>,
    posts: Vec<(String, serde_json::Value)>,
    bytes_read: u64,
}

impl MemoryFetch {
    /// Serves nothing yet; every POST is answered 204 and kept.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves `content` at `url`.
    pub fn put(&self, url: &str, content: impl Into<Bytes>) {
        self.lock().media.insert(url.into(), content.into());
    }

    /// Serves nothing at `url` any more.
    pub fn remove(&self, url: &str) {
        self.lock().media.remove(url);
    }

    /// What was posted so far, with its URL, in order.
    pub fn posts(&self) -> Vec<(String, serde_json::Value)> {
        self.lock().posts.clone()
    }

    /// How many bytes were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.lock().bytes_read
    }

    fn answer(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let url = request.uri().to_string();
        let mut memory = self.lock();
        if request.method() == Method::POST {
            let body =
                serde_json::from_slice(request.body()).map_err(|error| FetchError::Cut(error.to_string()))?;
            memory.posts.push((url, body));
            return respond(StatusCode::NO_CONTENT, &[], Bytes::new());
        }
        let Some(content) = memory.media.get(&url).cloned() else {
            if let Some(error) = no_web_url(request) {
                return Err(error);
            }
            return respond(StatusCode::NOT_FOUND, &[], Bytes::new());
        };
        let total = content.len();
        let range = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
        let Some((first, last)) = range.and_then(parse_range) else {
            return respond(StatusCode::OK, &[(header::CONTENT_LENGTH, total.to_string())], Bytes::new());
        };
        let last = last.min(total.saturating_sub(1));
        if first > last {
            return respond(StatusCode::RANGE_NOT_SATISFIABLE, &[], Bytes::new());
        }
        let part = content.slice(first..=last);
        memory.bytes_read += u64::try_from(part.len()).unwrap_or(0);
        let shown = format!("bytes {first}-{last}/{total}");
        respond(StatusCode::PARTIAL_CONTENT, &[(header::CONTENT_RANGE, shown)], part)
    }
}

fn parse_range(range: &str) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn respond(
    status: StatusCode,
    headers: &[(header::HeaderName, String)],
    body: Bytes,
) -> Result<Response<Bytes>, FetchError> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).map_err(|error| FetchError::Cut(error.to_string()))
}

impl MediaFetch for MemoryFetch {
    fn send(
        &self,
        request: Request<Bytes>,
        _: bool,
        _: usize,
    ) -> Fut<'_, Result<Response<Bytes>, FetchError>> {
        let answer = self.answer(&request);
        Box::pin(async move { answer })
    }
}
