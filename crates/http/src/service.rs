//! A transport without sockets.

use std::{
    fmt,
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

use crate::{
    BoxFuture, ConnectionStats, Origin, Request, Transport, TransportResult, bounds::Asked, redirect,
};

/// A [`Transport`] made of an async function, for tests and simulations.
///
/// It keeps the same bounds and refuses the same requests as the one over sockets. Time is tokio's, so a paused clock works.
/// When the time is over the function's future is dropped; a service whose work outlives its caller runs it on a task of its own.
pub struct ServiceTransport<F> {
    origin: Origin,
    service: F,
    requests: AtomicU64,
}

impl<F, R> ServiceTransport<F>
where
    F: Fn(http::Request<Bytes>) -> R + Send + Sync,
    R: Future<Output = TransportResult> + Send,
{
    /// A transport that answers as `service` does. `origin` is what it is called in messages.
    pub fn new(origin: Origin, service: F) -> Self {
        Self { origin, service, requests: AtomicU64::new(0) }
    }

    async fn follow(&self, mut request: Request) -> TransportResult {
        let limit = request.bounds.max_body;
        let mut hops = redirect::Hops::default();
        loop {
            let asked = Asked::of(&self.origin, &request)?;
            let answer = (self.service)(request.message.clone()).await?;
            if u64::try_from(answer.body().len()).is_ok_and(|len| len > limit) {
                return Err(asked.too_large(limit));
            }
            match hops.next(&self.origin, &asked, request.method(), &answer)? {
                Some(next) => *request.message.uri_mut() = next,
                None => return Ok(answer),
            }
        }
    }
}

impl<F, R> Transport for ServiceTransport<F>
where
    F: Fn(http::Request<Bytes>) -> R + Send + Sync,
    R: Future<Output = TransportResult> + Send,
{
    fn send(&self, request: Request) -> BoxFuture<'_, TransportResult> {
        Box::pin(async move {
            let asked = Asked::of(&self.origin, &request)?;
            self.requests.fetch_add(1, Ordering::Relaxed);
            let limit = request.bounds.timeout;
            match tokio::time::timeout(limit, self.follow(request)).await {
                Ok(result) => result,
                Err(_) => Err(asked.lost(format!("no complete answer within {limit:?}"))),
            }
        })
    }

    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn stats(&self) -> ConnectionStats {
        ConnectionStats { requests: self.requests.load(Ordering::Relaxed), connections: 0 }
    }
}

impl<F> fmt::Debug for ServiceTransport<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceTransport").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use http::{Method, Response};

    use super::*;
    use crate::TransportError;

    fn origin() -> Origin {
        Origin::https("bmc.test", 443).unwrap()
    }

    fn post() -> Request {
        Request::new(Method::POST, "/redfish/v1/x?secret=no".parse().unwrap()).with_json("{}")
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_service_is_a_lost_answer() {
        let transport = ServiceTransport::new(origin(), |_| async {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok(Response::new(Bytes::new()))
        });
        let error = transport.send(post().with_timeout(Duration::from_secs(5))).await.unwrap_err();
        assert!(error.maybe_applied());
        let error = transport.send(Request::get("/a".parse().unwrap())).await.unwrap_err();
        assert!(!error.maybe_applied(), "a read changes nothing");
        assert_eq!(error.to_string(), "https://bmc.test: GET /a: answer lost: no complete answer within 90s");
        assert_eq!(transport.stats().requests, 2);
    }

    #[tokio::test]
    async fn a_large_answer_names_the_bound() {
        let transport: Arc<dyn Transport> = Arc::new(ServiceTransport::new(origin(), |_| async {
            Ok(Response::new(Bytes::from(vec![b' '; 101])))
        }));
        let get = || Request::get("/a".parse().unwrap());
        assert!(transport.send(get().with_max_body(101)).await.is_ok());
        let error = transport.send(get().with_max_body(100)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "https://bmc.test: GET /a: answer is larger than the bound of 100 bytes"
        );
    }

    #[tokio::test]
    async fn a_foreign_or_absolute_uri_is_refused_before_anything_is_called() {
        let transport = ServiceTransport::new(origin(), |_| async { Ok(Response::new(Bytes::new())) });
        let error =
            transport.send(Request::get("https://evil.test/redfish".parse().unwrap())).await.unwrap_err();
        assert!(matches!(error, TransportError::Refused { .. }));
        assert!(error.to_string().contains("evil.test") && error.to_string().contains("bmc.test"), "{error}");
        assert!(transport.send(Request::get("*".parse().unwrap())).await.is_err());
        assert_eq!(transport.stats().requests, 0);
    }

    #[test]
    fn debug_shows_no_header_and_no_body() {
        let mut request = post().with_json("{\"Password\":\"calvin\"}");
        request.message.headers_mut().insert("x-auth-token", "t0k3n".parse().unwrap());
        let debug = format!("{request:?}");
        assert!(!debug.contains("calvin") && !debug.contains("t0k3n"), "{debug}");
    }
}
