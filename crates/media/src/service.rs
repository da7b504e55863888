//! What a request gets.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE},
};
use http_body::Body;
use http_body_util::{BodyExt, Either, Empty, Full, LengthLimitError, Limited};
use serde_json::Value;

use rackhand_spec::MacAddress;

use crate::{
    EventKind,
    body::{Account, ImageBody},
    conditional::{self, Verdict},
    events::Heard,
    ipxe,
    offers::Offer,
    range::{self, Selection},
    registry::{Entry, PublishedFile, Registry},
};

/// An image's part, or a short text.
pub(crate) type Answer = Response<Either<ImageBody, Either<Full<Bytes>, Empty<Bytes>>>>;

/// The largest call-back.
const LARGEST_CALLBACK: usize = 64 << 10;

/// The longest name of a stage.
const LONGEST_STAGE: usize = 200;

/// Answers one request of one peer.
pub(crate) async fn answer<B>(
    registry: Arc<Registry>,
    peer: IpAddr,
    request: Request<B>,
) -> Result<Answer, Infallible>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = request.uri().path().to_owned();
    // Tokens are longer, so these names are nobody's.
    if let Some(script) = path.strip_prefix('/').and_then(Script::of) {
        return Ok(match *request.method() {
            Method::GET => script_answer(script.given(&registry, peer).await, true),
            Method::HEAD => script_answer(script.text(&registry), false),
            _ => not_allowed("GET, HEAD"),
        });
    }
    // Exactly /{token}/{name}: no escapes, no dots, no directories.
    let found = path
        .strip_prefix('/')
        .and_then(|path| path.split_once('/'))
        .and_then(|(token, name)| Some((registry.find(token)?, name)));
    let Some((entry, name)) = found else {
        registry.refuse(None, peer, &format!("{} of a URL that is not published", request.method()));
        return Ok(empty(StatusCode::NOT_FOUND));
    };
    if name == "callback" {
        return Ok(callback(&registry, &entry, request).await);
    }
    let Some(file) = entry.file(name) else {
        registry.refuse(
            Some(&entry.node),
            peer,
            &format!("{} of a file that is not published", request.method()),
        );
        return Ok(empty(StatusCode::NOT_FOUND));
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        registry.refuse(Some(&entry.node), peer, &format!("{} of the image", request.method()));
        return Ok(not_allowed("GET, HEAD"));
    }
    if entry.offer.as_ref().is_some_and(Offer::withholds) {
        registry.refuse(
            Some(&entry.node),
            peer,
            "it boots over HTTP, and is not to be installed now; it goes on with the rest of its boot order",
        );
        return Ok(empty(StatusCode::NOT_FOUND));
    }
    let Some(account) = Account::open(&registry, &entry, file, peer) else {
        return Ok(empty(StatusCode::SERVICE_UNAVAILABLE));
    };
    Ok(serve(file, request.method(), request.headers(), account))
}

fn serve(file: &PublishedFile, method: &Method, headers: &HeaderMap, account: Account) -> Answer {
    let etag = file.part.etag();
    let mut answer = match conditional::verdict(headers, &etag) {
        Verdict::NotModified => empty(StatusCode::NOT_MODIFIED),
        Verdict::Failed => empty(StatusCode::PRECONDITION_FAILED),
        Verdict::Proceed => content(file, method, headers, &etag, account),
    };
    let headers = answer.headers_mut();
    insert(headers, ETAG, &etag);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // It holds credentials, so nothing between the BMC and here keeps it.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn content(
    file: &PublishedFile,
    method: &Method,
    headers: &HeaderMap,
    etag: &str,
    account: Account,
) -> Answer {
    let size = file.part.size();
    // Ranges are for GET alone, and only if the client's part is of this image (RFC 9110, 13.1.5 and 14.2).
    let value = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let value = value.filter(|_| method == Method::GET && conditional::range_counts(headers, etag));
    let (status, part) = match value.map_or(Selection::Whole, |value| range::select(value, size)) {
        Selection::Whole => (StatusCode::OK, 0..size),
        Selection::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Selection::Unsatisfiable => {
            let Account { registry, entry, peer, .. } = account;
            registry.refuse(Some(&entry.node), peer, "a range behind the end of the image");
            let mut answer = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            insert(answer.headers_mut(), CONTENT_RANGE, &format!("bytes */{size}"));
            return answer;
        }
    };
    let (start, end) = (part.start, part.end);
    let mut answer = if method == Method::HEAD {
        let mut answer = empty(status);
        insert(answer.headers_mut(), CONTENT_LENGTH, &size.to_string());
        answer
    } else {
        let base = file.part.range().start;
        Response::new(Either::Left(ImageBody::new(file.part.file(), base + start..base + end, account)))
    };
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if status == StatusCode::PARTIAL_CONTENT {
        insert(headers, CONTENT_RANGE, &format!("bytes {start}-{}/{size}", end - 1));
    }
    answer
}

/// What all machines are given, or what one of them is.
enum Script {
    Common,
    Of(MacAddress),
}

impl Script {
    fn of(name: &str) -> Option<Self> {
        match name.strip_prefix("ipxe/") {
            Some(mac) => ipxe::mac_of(mac).map(Self::Of),
            None => (name == "boot.ipxe").then_some(Self::Common),
        }
    }

    /// What it is now.
    fn text(&self, registry: &Registry) -> String {
        match self {
            Self::Common => ipxe::common(None),
            Self::Of(mac) => registry.script(*mac),
        }
    }

    /// The same, for a machine that does what it says.
    async fn given(&self, registry: &Registry, peer: IpAddr) -> String {
        match self {
            Self::Common => self.text(registry),
            Self::Of(mac) => registry.give_script(*mac, peer).await,
        }
    }
}

fn script_answer(script: String, with_body: bool) -> Answer {
    let size = script.len();
    let mut answer = if with_body {
        Response::new(Either::Right(Either::Left(Full::new(script.into()))))
    } else {
        empty(StatusCode::OK)
    };
    let headers = answer.headers_mut();
    insert(headers, CONTENT_LENGTH, &size.to_string());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // What a machine is to do now is not what it is to do at its next boot.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

async fn callback<B>(registry: &Registry, entry: &Entry, request: Request<B>) -> Answer
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if request.method() != Method::POST {
        return not_allowed("POST");
    }
    let body = match Limited::new(request.into_body(), LARGEST_CALLBACK).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "a call-back has at most 65536 bytes\n");
        }
        // The peer went away in the middle of it, so this answer goes nowhere.
        Err(_) => return empty(StatusCode::BAD_REQUEST),
    };
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return text(StatusCode::BAD_REQUEST, "a call-back is a JSON object with a \"stage\"\n");
    };
    let stage = body.get("stage").and_then(Value::as_str).map(str::trim).unwrap_or_default().to_owned();
    if stage.is_empty() || stage.chars().count() > LONGEST_STAGE {
        return text(StatusCode::BAD_REQUEST, "\"stage\" is a text of 1 to 200 characters\n");
    }
    if !entry.takes_callback() {
        return text(StatusCode::TOO_MANY_REQUESTS, "too many call-backs for one installation\n");
    }
    let (heard, said) = Heard::new();
    registry.tell(Some(&entry.node), EventKind::CallBack { stage, body, heard });
    if Heard::said(said).await {
        empty(StatusCode::NO_CONTENT)
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "nobody could write this down; call again\n")
    }
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Right(Either::Right(Empty::new())));
    *answer.status_mut() = status;
    answer
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer =
        Response::new(Either::Right(Either::Left(Full::new(Bytes::from_static(text.as_bytes())))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

fn not_allowed(allow: &'static str) -> Answer {
    let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// For values made of digits, hyphens and quotes only, which are always header values.
fn insert(headers: &mut HeaderMap, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
