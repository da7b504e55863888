//! How a simulated BMC or guest reaches the world: the seam, the real one over HTTP(S) and TFTP, and one in memory.

mod memory;
mod tftp;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode, header};

use crate::machine::{Medium, Source};
pub use memory::MemoryFetch;

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
    /// A TFTP server's error, with its code.
    #[error("the TFTP server answered error {0}: {1}")]
    Tftp(u16, String),
    /// More than there is room for.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
}

/// The seam: a request to a server outside the simulation.
pub trait MediaFetch: Send + Sync + 'static {
    /// Sends a request; a body of more than `limit` bytes is an error. `verify`: check the server's certificate.
    fn send(
        &self,
        request: Request<Bytes>,
        verify: bool,
        limit: usize,
    ) -> Fut<'_, Result<Response<Bytes>, FetchError>>;

    /// Reads `file` by TFTP from `server`, written `HOST:PORT`; more than `limit` bytes are an error. A world without TFTP
    /// answers that the server cannot be reached.
    fn tftp<'a>(
        &'a self,
        server: &'a str,
        file: &'a str,
        _limit: usize,
    ) -> Fut<'a, Result<Bytes, FetchError>> {
        Box::pin(async move { Err(FetchError::Unreachable(format!("no way to {file} at {server} by TFTP"))) })
    }
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

/// Reads the whole of `url`, by `http`, `https` or `tftp`, as boot loaders do: in one request.
///
/// # Errors
/// When the server cannot be reached or says no; when there are more than `limit` bytes.
pub async fn whole(net: &dyn MediaFetch, url: &str, limit: usize) -> Result<Bytes, FetchError> {
    match tftp_parts(url) {
        Some((server, file)) => net.tftp(&server, &file, limit).await,
        None => page(net, url, limit).await.map(|(content, _)| content),
    }
}

/// Reads the whole of `url` from a web server in one request, with the `Content-Type` of the answer.
///
/// # Errors
/// As [`whole`].
pub async fn page(
    net: &dyn MediaFetch,
    url: &str,
    limit: usize,
) -> Result<(Bytes, Option<String>), FetchError> {
    let source = Source { url: url.to_owned(), login: None };
    let get = finish(request(Method::GET, &source)?, Bytes::new())?;
    let answer = net.send(get, false, limit).await.map_err(|why| match why {
        FetchError::NoRanges => FetchError::TooLarge(limit),
        other => other,
    })?;
    let status = answer.status();
    if !status.is_success() {
        return Err(FetchError::Status(status.as_u16()));
    }
    let promised = number(&answer, header::CONTENT_LENGTH);
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.map(str::to_owned);
    let body = answer.into_body();
    let came = u64::try_from(body.len()).unwrap_or(u64::MAX);
    match promised {
        Some(promised) if promised != came => Err(FetchError::Cut(format!("{came} of {promised} bytes"))),
        _ if body.len() > limit => Err(FetchError::TooLarge(limit)),
        _ => Ok((body, kind)),
    }
}

/// Server and file of a `tftp://` URL; one leading slash belongs to the URL and not to the file's name.
fn tftp_parts(url: &str) -> Option<(String, String)> {
    let url = url::Url::parse(url).ok().filter(|url| url.scheme() == "tftp")?;
    let host = url.host_str()?;
    let file = url.path().strip_prefix('/').unwrap_or(url.path());
    Some((format!("{host}:{}", url.port().unwrap_or(tftp::PORT)), file.to_owned()))
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

/// The real one: HTTP/1.1 over TCP and TLS, TFTP over UDP.
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

    fn tftp<'a>(
        &'a self,
        server: &'a str,
        file: &'a str,
        limit: usize,
    ) -> Fut<'a, Result<Bytes, FetchError>> {
        Box::pin(tftp::get(server, file, limit, tftp::Patience::default()))
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
