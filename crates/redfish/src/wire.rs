//! One answer as it came, read as far as it can be: status, the few headers that matter, JSON.

use std::{fmt, io::Read, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use rackhand_bmc::{Clock, Error, ErrorKind};
use rackhand_http::TransportError;
use serde_json::Value;

/// Largest body after decompression: registries of several megabytes come compressed.
const LARGEST_BODY: u64 = 64 << 20;

/// A complete answer of any status.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `Retry-After` header, as a duration from now.
    pub retry_after: Option<Duration>,
    /// The `X-Auth-Token` header.
    pub(crate) token: Option<String>,
    /// The body, or why it is not JSON. An empty body is null.
    pub(crate) body: Result<Value, String>,
    /// Whether the body is a page for people: of a portal, a proxy, a BMC whose service still starts.
    pub(crate) page: bool,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

impl Answer {
    pub(crate) fn of(response: Response<Bytes>, clock: &dyn Clock) -> Self {
        let (parts, body) = response.into_parts();
        let text = |name: header::HeaderName| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).map(|text| text.trim().to_owned())
        };
        Self {
            status: parts.status,
            etag: text(header::ETAG),
            location: text(header::LOCATION).filter(|text| !text.is_empty()),
            retry_after: text(header::RETRY_AFTER).and_then(|text| retry_after(&text, clock)),
            token: text(header::HeaderName::from_static("x-auth-token")).filter(|text| !text.is_empty()),
            page: is_page(&body),
            body: json_of(&parts.headers, &body),
        }
    }

    /// The body as JSON; null when there is none or it is something else.
    #[must_use]
    pub fn json(&self) -> &Value {
        self.body.as_ref().unwrap_or(&Value::Null)
    }
}

fn retry_after(text: &str, clock: &dyn Clock) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date: Timestamp = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = date.duration_since(clock.now()).max(SignedDuration::ZERO);
    wait.try_into().ok()
}

fn is_page(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

fn json_of(headers: &HeaderMap, body: &Bytes) -> Result<Value, String> {
    // Some services compress although they were asked not to, and some without saying so.
    let unpacked = if body.starts_with(&[0x1f, 0x8b]) { Some(unpacked(body)?) } else { None };
    let body: &[u8] = unpacked.as_deref().unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| {
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("no Content-Type");
        if is_page(body) {
            format!("the answer is HTML or XML, not JSON ({kind})")
        } else if error.is_eof() {
            format!("the answer's JSON ends early, after {} bytes", body.len())
        } else {
            format!("the answer is no JSON ({kind}; line {}, column {})", error.line(), error.column())
        }
    })
}

fn unpacked(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(body).take(LARGEST_BODY + 1);
    reader.read_to_end(&mut plain).map_err(|error| format!("the answer's gzip is damaged: {error}"))?;
    if u64::try_from(plain.len()).is_ok_and(|len| len <= LARGEST_BODY) {
        Ok(plain)
    } else {
        Err(format!("the answer is larger than {LARGEST_BODY} bytes once unpacked"))
    }
}

/// The error that a failed exchange makes when its effect does not matter: a read, or a request that never left.
pub(crate) fn transport_error(bmc: &str, request: &str, error: &TransportError) -> Error {
    let kind = match error {
        TransportError::Untrusted { fingerprint, .. } => {
            ErrorKind::Untrusted { fingerprint: fingerprint.to_string() }
        }
        TransportError::TlsUnsupported { .. } => ErrorKind::TlsUnsupported,
        TransportError::Unreachable { .. } => ErrorKind::Unreachable,
        TransportError::Lost { .. } => ErrorKind::Lost,
        _ => ErrorKind::Protocol,
    };
    let detail = match error {
        TransportError::Unreachable { reason, .. } => format!("not reachable: {reason}"),
        TransportError::Lost { reason, .. } => format!("the answer was lost: {reason}"),
        TransportError::TooLarge { limit, .. } => {
            format!("the answer is larger than the bound of {limit} bytes")
        }
        TransportError::Refused { reason, .. } => reason.clone(),
        other => other.to_string(),
    };
    Error::new(kind, bmc, detail).with_request(request)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[derive(Debug)]
    struct At(&'static str);
    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0.parse().unwrap()
        }
    }

    fn answer(kind: &str, body: &[u8]) -> Answer {
        let response =
            Response::builder().header("Content-Type", kind).body(Bytes::copy_from_slice(body)).unwrap();
        Answer::of(response, &At("2026-01-01T00:00:00Z"))
    }

    #[test]
    fn what_is_not_json_is_named() {
        let said = |kind, body: &str| answer(kind, body.as_bytes()).body.unwrap_err();
        assert_eq!(said("text/html", " <html>"), "the answer is HTML or XML, not JSON (text/html)");
        assert_eq!(said("application/json", "{\"a\": [1, 2"), "the answer's JSON ends early, after 11 bytes");
        assert_eq!(said("text/plain", "sorry"), "the answer is no JSON (text/plain; line 1, column 1)");
        assert_eq!(answer("text/plain", b" \r\n").body, Ok(Value::Null));
    }

    #[test]
    fn gzip_is_unpacked_and_damage_is_named() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(b"{\"a\":1}").unwrap();
        let mut packed = packer.finish().unwrap();
        assert_eq!(answer("application/json", &packed).body, Ok(serde_json::json!({"a": 1})));
        packed.truncate(packed.len() - 9);
        assert!(answer("application/json", &packed).body.unwrap_err().contains("damaged"));
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let clock = At("2026-01-01T00:00:00Z");
        assert_eq!(retry_after("7", &clock), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Thu, 01 Jan 2026 00:01:00 GMT", &clock), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Wed, 31 Dec 2025 00:00:00 GMT", &clock), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", &clock), None);
    }
}
