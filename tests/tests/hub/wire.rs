//! The hub at the other end of a wire with which a test does what it likes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rackhand_apiserver::{ApiServer, Body};
use rackhand_hub::kubernetes::Client;
use tower::Service;

/// An answer on its way. The request is carried out once it is polled, and not at all when it never is.
pub(crate) type Answer = Pin<Box<dyn Future<Output = io::Result<http::Response<Body>>> + Send>>;

/// A client whose every answer `around` may keep back, or replace; it is told the path.
pub(crate) fn wired(server: &ApiServer, around: impl Fn(&str, Answer) -> Answer + Send + 'static) -> Client {
    Client::new(Wire { server: server.clone(), around }, "default")
}

struct Wire<F> {
    server: ApiServer,
    around: F,
}

impl<B, F> Service<http::Request<B>> for Wire<F>
where
    ApiServer: Service<http::Request<B>, Response = http::Response<Body>, Error = io::Error>,
    <ApiServer as Service<http::Request<B>>>::Future: Send + 'static,
    B: Send + 'static,
    F: Fn(&str, Answer) -> Answer,
{
    type Response = http::Response<Body>;
    type Error = io::Error;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Answer {
        let path = request.uri().path().to_owned();
        let mut server = self.server.clone();
        (self.around)(&path, Box::pin(async move { server.call(request).await }))
    }
}
