//! The server on a socket.

use std::{io, net::SocketAddr, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower::ServiceExt as _;

use crate::ApiServer;

/// A server that listens until this is dropped.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Listening {
    /// Where it listens, as a base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins to listen.
pub(crate) async fn listen(server: ApiServer, address: SocketAddr) -> io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(accept(server, listener, address));
    Ok(Listening { address, task })
}

/// Takes connections while there is no outage. In one, nobody listens, and what was open breaks.
async fn accept(server: ApiServer, listener: TcpListener, address: SocketAddr) {
    let mut outage = server.outage_signal();
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        if *outage.borrow_and_update() {
            listener = None;
            connections.shutdown().await;
            if outage.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(open) = &listener else {
            // The port was ours a moment ago; whoever has it gives it back, or the test fails by its own time.
            match TcpListener::bind(address).await {
                Ok(open) => listener = Some(open),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            continue;
        };
        tokio::select! {
            biased;
            _ = outage.changed() => {}
            Some(_) = connections.join_next() => {}
            accepted = open.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(server.clone(), stream));
                }
            }
        }
    }
}

async fn converse(server: ApiServer, stream: TcpStream) {
    let service = service_fn(move |request| server.clone().oneshot(request));
    // What a client does to its connection is its own affair.
    let _ =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}
