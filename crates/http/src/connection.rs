//! One HTTP/1.1 connection, driven by whoever waits for an answer on it.
//!
//! No task of its own: a request's future drives the connection, so dropping that future closes it, and a connection
//! is back in the pool before the answer is handed out. (A pool that takes connections back on another task opens a
//! second one whenever the next request is faster: up to 14 for 100 requests in a row were counted.)

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::{TransportError, TransportResult, bounds::Asked, connect::Stream};

/// An established connection.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Driver,
    /// The address it leads to.
    pub(crate) address: SocketAddr,
    /// Since when it is idle.
    pub(crate) idle_since: Instant,
}

/// Why an exchange brought no answer.
pub(crate) enum Failure {
    /// The connection was closed before anything of this request was written; here it is back.
    NotSent(Box<Request<Full<Bytes>>>),
    /// It was sent, at least in part.
    Sent(TransportError),
}

impl Connection {
    pub(crate) async fn open(stream: Box<dyn Stream>, address: SocketAddr) -> Result<Self, hyper::Error> {
        let (sender, connection) = http1::Builder::new()
            // Some BMC web servers compare header names by case, in the spelling of the standards.
            .title_case_headers(true)
            // And some write headers that the standards forbid; the answer behind them is still wanted.
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(TokioIo::new(stream))
            .await?;
        let driver = Driver { connection: Box::pin(connection), over: false };
        Ok(Self { sender, driver, address, idle_since: Instant::now() })
    }

    /// Whether another request can go over it, as far as this side has heard.
    pub(crate) async fn is_usable(&mut self) -> bool {
        let Self { sender, driver, .. } = self;
        poll_fn(|cx| {
            driver.advance(cx);
            Poll::Ready(!driver.over && sender.is_ready())
        })
        .await
    }

    /// Sends a request and reads the whole answer, `limit` bytes of body at most.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        asked: &Asked,
        limit: u64,
    ) -> Result<Response<Bytes>, Failure> {
        let Self { sender, driver, .. } = self;
        let response = match driver.during(sender.try_send_request(request)).await {
            Ok(response) => response,
            Err(mut error) => {
                return Err(match error.take_message() {
                    Some(request) => Failure::NotSent(Box::new(request)),
                    None => Failure::Sent(asked.lost(describe(error.error()))),
                });
            }
        };
        let (parts, body) = response.into_parts();
        let body = driver.during(collect(body, asked, limit)).await.map_err(Failure::Sent)?;
        Ok(Response::from_parts(parts, body))
    }
}

async fn collect(mut body: Incoming, asked: &Asked, limit: u64) -> Result<Bytes, TransportError> {
    let announced = body.size_hint().exact();
    if announced.is_some_and(|size| size > limit) {
        return Err(asked.too_large(limit));
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let of = announced.map(|size| format!(" of {size}")).unwrap_or_default();
            asked.lost(format!("the body broke off after {}{of} bytes: {}", whole.len(), describe(&error)))
        })?;
        if let Some(data) = frame.data_ref() {
            let size = u64::try_from(whole.len().saturating_add(data.len())).unwrap_or(u64::MAX);
            if size > limit {
                return Err(asked.too_large(limit));
            }
            whole.extend_from_slice(data);
        }
    }
    Ok(whole.freeze())
}

type Http1 = http1::Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>;

/// hyper's half that reads and writes the socket.
struct Driver {
    connection: Pin<Box<Http1>>,
    over: bool,
}

impl Driver {
    /// Reads and writes what can be at once. An error reaches the request that waits, through hyper's own channel.
    fn advance(&mut self, cx: &mut Context<'_>) {
        if !self.over && self.connection.as_mut().poll(cx).is_ready() {
            self.over = true;
        }
    }

    /// Waits for `work`, keeping the connection going.
    async fn during<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.advance(cx);
            work.as_mut().poll(cx)
        })
        .await
    }
}

/// An error with its causes, each said once.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// The answer of an exchange, or what the caller of the transport is told.
pub(crate) fn settled(result: Result<Response<Bytes>, Failure>, asked: &Asked) -> TransportResult {
    result.map_err(|failure| match failure {
        Failure::NotSent(_) => {
            asked.unreachable("the new connection was closed before the request was written".to_owned())
        }
        Failure::Sent(error) => error,
    })
}
