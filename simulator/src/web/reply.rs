//! Replies.

use std::io::Read as _;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::Value;
use sha2::Digest as _;

/// The form of a BMC's ETags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `"abc"`.
    Strong,
    /// `W/"abc"`.
    Weak,
}

/// The ETag of a representation.
pub fn etag(style: Style, body: &Value) -> String {
    let digest = sha2::Sha256::digest(body.to_string());
    let word = crate::tls::hex(digest.get(..4).unwrap_or(&[]));
    match style {
        Style::Strong => format!("\"{word}\""),
        Style::Weak => format!("W/\"{word}\""),
    }
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers besides Content-Type and ETag.
    pub headers: HeaderMap,
    /// JSON body.
    pub json: Option<Value>,
    /// A body that is no JSON, with its type.
    pub text: Option<(&'static str, String)>,
    /// Whether the body is sent gzip-compressed.
    pub gzip: bool,
}

impl Reply {
    /// Without a body.
    pub fn status(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), json: None, text: None, gzip: false }
    }

    /// 200 with JSON.
    pub fn json(body: Value) -> Self {
        Self { json: Some(body), ..Self::status(StatusCode::OK) }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self::status(StatusCode::NO_CONTENT)
    }

    /// 201 with JSON and where the new resource is.
    pub fn created(location: &str, body: Value) -> Self {
        Self { json: Some(body), ..Self::status(StatusCode::CREATED).located(location) }
    }

    /// 202 with JSON and where the task is.
    pub fn accepted(location: &str, body: Value) -> Self {
        Self { json: Some(body), ..Self::status(StatusCode::ACCEPTED).located(location) }
    }

    /// A body that is no JSON.
    pub fn text(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Self {
        Self { text: Some((kind, text.into())), ..Self::status(status) }
    }

    /// Another status with the same content.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With its body gzip-compressed.
    #[must_use]
    pub fn gzipped(mut self) -> Self {
        self.gzip = true;
        self.header(CONTENT_ENCODING, "gzip")
    }

    /// With a `Location`.
    #[must_use]
    pub fn located(self, location: &str) -> Self {
        self.header(LOCATION, location)
    }

    /// With a header; a value that is no header value is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// As an HTTP response. `tag` is the ETag to send along; `head`: without its body.
    pub fn into_response(self, tag: Option<&str>, json_type: &'static str, head: bool) -> Response<Bytes> {
        let (kind, body) = match (self.json, self.text) {
            (Some(json), _) => (json_type, Bytes::from(json.to_string())),
            (None, Some((kind, text))) => (kind, Bytes::from(text)),
            (None, None) => (json_type, Bytes::new()),
        };
        let body = if self.gzip { gzip(&body) } else { body };
        let mut response = Response::new(if head { Bytes::new() } else { body });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
            .headers_mut()
            .insert(HeaderName::from_static("odata-version"), HeaderValue::from_static("4.0"));
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

fn gzip(body: &Bytes) -> Bytes {
    let mut coded = Vec::new();
    // Reading from memory does not fail.
    drop(flate2::read::GzEncoder::new(body.as_ref(), flate2::Compression::default()).read_to_end(&mut coded));
    coded.into()
}
