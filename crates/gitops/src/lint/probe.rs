//! What the network is asked, and the network itself.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// The answer to a HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// `Content-Length`, where the server says it.
    pub size: Option<u64>,
}

/// Whom the network is asked through. Each question ends by itself, and its error is a sentence's end: "does not answer".
pub trait Probe: Sync {
    /// The addresses of a name; none where it has none.
    fn resolve(&self, name: &str) -> impl Future<Output = Result<Vec<IpAddr>, String>> + Send;

    /// Whether something accepts a connection.
    fn tcp(&self, host: &str, port: u16) -> impl Future<Output = Result<(), String>> + Send;

    /// Whether a server would send what the URL names.
    fn http_head(&self, url: &str) -> impl Future<Output = Result<Head, String>> + Send;
}

/// The network that this machine is in.
#[derive(Debug, Clone)]
pub struct NetworkProbe {
    client: reqwest::Client,
    limit: Duration,
}

impl NetworkProbe {
    /// Asks for so long at most. The client brings its own trust and proxy.
    pub fn new(client: reqwest::Client, limit: Duration) -> Self {
        Self { client, limit }
    }

    async fn limited<T>(&self, asked: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        match timeout(self.limit, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("does not answer within {} s", self.limit.as_secs_f32())),
        }
    }
}

impl Probe for NetworkProbe {
    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let asked = async {
            let found = lookup_host((name, 0)).await.map_err(|error| error.to_string())?;
            let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            addresses.sort();
            addresses.dedup();
            Ok(addresses)
        };
        self.limited(asked).await
    }

    async fn tcp(&self, host: &str, port: u16) -> Result<(), String> {
        let asked = async {
            TcpStream::connect((host, port)).await.map_err(|error| format!("does not answer: {error}"))?;
            Ok(())
        };
        self.limited(asked).await
    }

    async fn http_head(&self, url: &str) -> Result<Head, String> {
        let asked = async {
            let answer = self.client.head(url).send().await.map_err(|error| causes(&error))?;
            if !answer.status().is_success() {
                return Err(format!("answers {}", answer.status()));
            }
            let length = answer.headers().get(reqwest::header::CONTENT_LENGTH);
            Ok(Head { size: length.and_then(|value| value.to_str().ok()?.parse().ok()) })
        };
        self.limited(asked).await
    }
}

/// An error with what lies behind it: reqwest's own words do not say whether it was DNS, the port or the certificate. The
/// URL is left out, because it may hold a token.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::from("cannot be asked");
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
