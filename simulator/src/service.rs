//! A client's connection to one BMC, in-process or behind a socket, and what faults make of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

use crate::cell::{Arrival, Cell};
use crate::faults::{Rule, Scene, What};
use crate::log::{Class, Entry, RequestEntry, millis};

/// Why a call has no answer: what a client sees as a failed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// No connection: the BMC is down. The request had no effect.
    #[error("the connection is refused: the BMC is down")]
    Refused,
    /// The connection was cut after the request was sent: whether it had an effect is not known to the client.
    #[error("the connection was cut before the answer")]
    Cut,
}

/// The body of an answer: whole, or JSON of a given length that is made while it is sent.
#[derive(Debug)]
pub struct Body(Content);

#[derive(Debug)]
enum Content {
    Whole(Bytes),
    Filler { sent: usize, length: usize },
}

const FILLER_HEAD: &[u8] = b"{\"Filler\":\"";
const FILLER_TAIL: &[u8] = b"\"}";
static FILLER: [u8; 64 * 1024] = [b'x'; 64 * 1024];

impl Body {
    fn filler(length: usize) -> Self {
        Self(Content::Filler { sent: 0, length: length.max(FILLER_HEAD.len() + FILLER_TAIL.len()) })
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Content::Whole(bytes))
    }
}

impl Content {
    fn left(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Filler { sent, length } => length - sent,
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Whole(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
            Self::Filler { sent, length } => {
                let tail = *length - FILLER_TAIL.len();
                let piece = if *sent == 0 {
                    Bytes::from_static(FILLER_HEAD)
                } else if *sent < tail {
                    Bytes::from_static(FILLER.get(..tail - *sent).unwrap_or(&FILLER))
                } else {
                    Bytes::from_static(FILLER_TAIL)
                };
                (*sent < *length).then(|| {
                    *sent += piece.len();
                    piece
                })
            }
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.0.left()).unwrap_or(u64::MAX))
    }
}

/// A client's connection to one BMC.
#[derive(Clone)]
pub struct Service {
    cell: Arc<Cell>,
    connection: u64,
}

/// Never answered: the client has to give up by itself.
async fn never<T>() -> T {
    std::future::pending().await
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}

impl Service {
    /// A connection to `cell` of that number.
    pub(crate) fn new(cell: Arc<Cell>, connection: u64) -> Self {
        Self { cell, connection }
    }

    /// The machine it leads to.
    pub fn cell(&self) -> &Arc<Cell> {
        &self.cell
    }

    /// Sends a request and takes the whole answer into memory. Once sent, the request belongs to the simulator: it
    /// completes though the returned future is dropped.
    ///
    /// # Errors
    /// When a fault cuts the connection, or the BMC is down.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallFailure> {
        let (parts, body) = self.send(request).await?.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(never) => match never {},
        };
        Ok(Response::from_parts(parts, body))
    }

    /// As [`Service::call`], with a body that is read piece by piece.
    ///
    /// # Errors
    /// As [`Service::call`].
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, CallFailure> {
        if self.cell.is_down() {
            return Err(CallFailure::Refused);
        }
        let phase = self.cell.with(|machine| machine.phase());
        let scene = Scene {
            machine: &self.cell.name,
            method: request.method().as_str(),
            path: request.uri().path(),
            phase,
        };
        match self.cell.world.faults.strike(scene) {
            None => Ok(self.run(request, Duration::ZERO, Arrival::default()).await?.map(Body::from)),
            Some(rule) => self.spoilt(request, rule).await,
        }
    }

    async fn run(
        &self,
        request: Request<Bytes>,
        delay: Duration,
        arrival: Arrival,
    ) -> Result<Response<Bytes>, CallFailure> {
        let (cell, world) = (Arc::clone(&self.cell), Arc::clone(&self.cell.world));
        let arrival = Arrival { connection: self.connection, ..arrival };
        let (send, receive) = tokio::sync::oneshot::channel();
        self.cell.world.tasks.spawn(async move {
            if !delay.is_zero() {
                world.clock.sleep(delay).await;
            }
            // A client that is gone does not keep the request from taking effect.
            let _ = send.send(cell.answer(request, arrival).await);
        });
        receive.await.map_err(|_| CallFailure::Cut)
    }

    async fn spoilt(&self, request: Request<Bytes>, rule: Rule) -> Result<Response<Body>, CallFailure> {
        let arrival = Arrival { fault: Some(rule.name.clone()), ..Arrival::default() };
        let (delay, arrival) = match rule.what {
            What::Hang | What::Cut | What::Down { .. } | What::Status { .. } | What::HugeJson { .. } => {
                return self.swallowed(&request, rule).await;
            }
            What::CutAfter => {
                let cut = Arrival { unanswered: true, ..arrival };
                let _ = self.run(request, Duration::ZERO, cut).await;
                return Err(CallFailure::Cut);
            }
            What::Late { seconds: delay } => {
                let late = Arrival { unanswered: true, ..arrival };
                let _ = self.run(request, seconds(delay), late).await;
                return never().await;
            }
            What::Truncate => {
                let response = self.run(request, Duration::ZERO, arrival).await?;
                return Ok(response.map(|body| body.slice(..body.len() / 2).into()));
            }
            What::Delay { seconds: delay } => (seconds(delay), arrival),
            What::DownAfter { seconds: lasts } => {
                (Duration::ZERO, Arrival { then_down: Some(seconds(lasts)), ..arrival })
            }
            What::WrongPassword => (Duration::ZERO, Arrival { refuse_login: true, ..arrival }),
            // These are states of the machine, not of a request: no rule of theirs strikes one.
            What::MediaNeverAttaches
            | What::ImageUnreachable
            | What::JobsStick
            | What::BiosRejected { .. } => (Duration::ZERO, arrival),
        };
        Ok(self.run(request, delay, arrival).await?.map(Body::from))
    }

    /// A request that never reaches what it asks for.
    async fn swallowed(&self, request: &Request<Bytes>, rule: Rule) -> Result<Response<Body>, CallFailure> {
        let status = match rule.what {
            What::Status { code, .. } => Some(code),
            What::HugeJson { .. } => Some(200),
            _ => None,
        };
        self.log_lost(request, &rule.name, status);
        match rule.what {
            What::Hang => never().await,
            What::Down { seconds: lasts } => {
                self.cell.go_down(seconds(lasts));
                Err(CallFailure::Refused)
            }
            What::Status { code, body, content_type, retry_after } => {
                Ok(fixed(code, Bytes::from(body).into(), content_type.as_deref(), retry_after))
            }
            What::HugeJson { bytes } => Ok(fixed(200, Body::filler(bytes), Some("application/json"), None)),
            _ => Err(CallFailure::Cut),
        }
    }

    /// Logs a request that had no effect, as what it would have been.
    fn log_lost(&self, request: &Request<Bytes>, fault: &str, status: Option<u16>) {
        let world = &self.cell.world;
        let class = self.cell.class_of(request.method(), request.uri().path());
        let summary =
            (class != Class::Read).then(|| format!("{} {}", request.method(), request.uri().path()));
        world.log.add(Entry::Request(RequestEntry {
            seq: 0,
            ms: millis(world.clock.now()),
            machine: self.cell.name.clone(),
            connection: self.connection,
            method: request.method().to_string(),
            path: request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned(),
            status,
            class,
            applied: false,
            summary,
            fault: Some(fault.to_owned()),
        }));
    }
}

fn fixed(code: u16, body: Body, kind: Option<&str>, retry_after: Option<u64>) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_str(kind.unwrap_or("text/html"));
    response.headers_mut().insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("text/html")));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
