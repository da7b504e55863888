//! What is asked of a transport: an HTTP request and the bounds it must be answered within.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Uri, header::CONTENT_TYPE};

/// How long an answer may take and how large it may be.
///
/// Both are per request, because a BMC answers a power state in milliseconds and a BIOS write in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// From the call of `send` to the last byte of the answer's body.
    pub timeout: Duration,
    /// The most bytes of body that are read. A larger answer is an error that names this number.
    pub max_body: u64,
}

impl Bounds {
    /// The default time for one request. Some BMCs take more than 60 s to answer a BIOS or RAID write.
    pub const TIMEOUT: Duration = Duration::from_secs(90);
    /// The default size bound: the largest known registries are a few MiB.
    pub const MAX_BODY: u64 = 16 << 20;
}

impl Default for Bounds {
    fn default() -> Self {
        Self { timeout: Self::TIMEOUT, max_body: Self::MAX_BODY }
    }
}

/// One request to one BMC: origin-relative (`/redfish/v1/…`), the transport adds the origin.
///
/// Its `Debug` form shows method, path and sizes only, because headers and bodies carry credentials.
#[derive(Clone)]
pub struct Request {
    /// The request as it goes out, but for the origin and the `Host` header.
    pub message: http::Request<Bytes>,
    /// What the answer must keep to.
    pub bounds: Bounds,
}

impl Request {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: Method, target: Uri) -> Self {
        let mut message = http::Request::new(Bytes::new());
        *message.method_mut() = method;
        *message.uri_mut() = target;
        Self { message, bounds: Bounds::default() }
    }

    /// A `GET` of `target`.
    #[must_use]
    pub fn get(target: Uri) -> Self {
        Self::new(Method::GET, target)
    }

    /// Puts a JSON body, and says so in `Content-Type`.
    #[must_use]
    pub fn with_json(mut self, body: impl Into<Bytes>) -> Self {
        *self.message.body_mut() = body.into();
        self.message.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// The same request with another time bound.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.bounds.timeout = timeout;
        self
    }

    /// The same request with another size bound, in bytes.
    #[must_use]
    pub fn with_max_body(mut self, max_body: u64) -> Self {
        self.bounds.max_body = max_body;
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.message.method()
    }

    /// Path and query, as they stand in the request line.
    #[must_use]
    pub fn target(&self) -> &str {
        self.message.uri().path_and_query().map_or("", |target| target.as_str())
    }

    /// Whether the request changes nothing by HTTP's own rules (GET, HEAD, OPTIONS, TRACE).
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.message.method().is_safe()
    }
}

impl From<http::Request<Bytes>> for Request {
    fn from(message: http::Request<Bytes>) -> Self {
        Self { message, bounds: Bounds::default() }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", self.method())
            .field("target", &self.target())
            .field("body_len", &self.message.body().len())
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}
