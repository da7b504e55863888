//! Images and call-backs in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};

use super::{FetchError, Fut, MediaFetch, no_web_url};

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

    /// Serves `content` at `url`; one that begins with `tftp://HOST:PORT/` is served by TFTP.
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
            let whole = if request.method() == Method::GET { content } else { Bytes::new() };
            memory.bytes_read += u64::try_from(whole.len()).unwrap_or(0);
            return respond(StatusCode::OK, &[(header::CONTENT_LENGTH, total.to_string())], whole);
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

    fn tftp<'a>(
        &'a self,
        server: &'a str,
        file: &'a str,
        limit: usize,
    ) -> Fut<'a, Result<Bytes, FetchError>> {
        let mut memory = self.lock();
        let found = memory.media.get(&format!("tftp://{server}/{file}")).cloned();
        let answer = match found {
            None => Err(FetchError::Tftp(1, "File not found".into())),
            Some(content) if content.len() > limit => Err(FetchError::TooLarge(limit)),
            Some(content) => {
                memory.bytes_read += u64::try_from(content.len()).unwrap_or(0);
                Ok(content)
            }
        };
        Box::pin(async move { answer })
    }
}
