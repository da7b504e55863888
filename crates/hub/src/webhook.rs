//! Records as CloudEvents, posted to a URL.
//!
//! What an answer means (CloudEvents' HTTP webhook specification, and beyond it what can be mended):
//!
//! | answer | meaning |
//! |---|---|
//! | 2xx | delivered |
//! | 400, 406, 409, 413, 415, 422 | this record is not taken: tried a few times, then parked |
//! | 410 | the receiver is retired: reporting ends until the next start |
//! | 408, 425, 429, 5xx, no answer | not now: tried again, after Retry-After if given |
//! | everything else (401, 403, 404, redirects, …) | the address or the token is wrong: tried again until somebody corrects it; nothing is lost meanwhile |

use std::{fmt, path::PathBuf, time::Duration};

use futures_util::future::BoxFuture;
use jiff::fmt::rfc2822;
use rackhand_agent::journal::Record;
use reqwest::{
    Client, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect,
};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{CloudEvent, DeliveryError, HubError, Reporter};

/// What is read of an answer that says no.
const EXCERPT: usize = 200;

/// The bearer token that lets us in.
#[derive(Debug, Clone)]
pub enum Token {
    /// This one.
    Fixed(SecretString),
    /// What stands in this file, read for each delivery: tokens are rotated.
    File(PathBuf),
}

/// What a webhook needs to know.
#[derive(Clone)]
pub struct WebhookOptions {
    /// Where to post to. It may hold a secret, so messages name only its origin.
    pub url: Url,
    /// What goes into the events' `source`: a URI reference that names this agent.
    pub source: String,
    /// The token, if one is needed.
    pub token: Option<Token>,
    /// Whom to trust; see [`tls_config`](crate::tls_config).
    pub tls: ClientConfig,
    /// The proxy to go through, if any. The environment is not asked.
    pub proxy: Option<Url>,
    /// Bound of one delivery.
    pub timeout: Duration,
    /// Deliveries under way at once, each for another node.
    pub concurrency: usize,
}

impl WebhookOptions {
    /// The usual: no token, no proxy, 30 s for a delivery, eight at once.
    #[must_use]
    pub fn new(url: Url, source: impl Into<String>, tls: ClientConfig) -> Self {
        let timeout = Duration::from_secs(30);
        Self { url, source: source.into(), token: None, tls, proxy: None, timeout, concurrency: 8 }
    }
}

impl fmt::Debug for WebhookOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookOptions").field("url", &origin(&self.url)).finish_non_exhaustive()
    }
}

/// Posts each record as a CloudEvent in structured mode.
pub struct Webhook {
    name: String,
    url: Url,
    source: String,
    token: Option<Token>,
    concurrency: usize,
    client: Client,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Webhook {
    /// A webhook as the options say.
    ///
    /// # Errors
    /// [`HubError::Address`] unless the URL is one of http or https with a host; [`HubError::Client`] when the client
    /// cannot be made from the options.
    pub fn new(options: WebhookOptions) -> Result<Self, HubError> {
        let address = |what: &str| HubError::Address { what: what.to_owned() };
        if !matches!(options.url.scheme(), "http" | "https") {
            return Err(address("it must begin with https:// or http://"));
        }
        if !options.url.username().is_empty() || options.url.password().is_some() {
            return Err(address("it holds a user name or password; give a bearer token in a file instead"));
        }
        if options.source.is_empty() {
            return Err(address("the events' source is empty"));
        }
        let client =
            client(&options).map_err(|error| HubError::Client { what: error.without_url().to_string() })?;
        Ok(Self {
            name: origin(&options.url),
            url: options.url,
            source: options.source,
            token: options.token,
            concurrency: options.concurrency,
            client,
        })
    }

    async fn post(&self, journal: &str, record: &Record) -> Result<(), DeliveryError> {
        let body = CloudEvent::new(&self.source, journal, record)
            .and_then(|event| serde_json::to_vec(&event))
            .map_err(|error| DeliveryError::Refused { reason: error.to_string() })?;
        let token = self.token().await?;
        let mut request =
            self.client.post(self.url.clone()).header(CONTENT_TYPE, CloudEvent::CONTENT_TYPE).body(body);
        if let Some(token) = &token {
            request = request.header(AUTHORIZATION, bearer(token)?);
        }
        let response = request
            .send()
            .await
            .map_err(|error| DeliveryError::unavailable(format!("{}: {}", self.name, causes(error))))?;
        self.judge(response, token.as_ref()).await
    }

    async fn token(&self) -> Result<Option<SecretString>, DeliveryError> {
        match &self.token {
            None => Ok(None),
            Some(Token::Fixed(token)) => Ok(Some(token.clone())),
            Some(Token::File(path)) => match tokio::fs::read_to_string(path).await {
                Ok(text) => Ok(Some(SecretString::from(text.trim()))),
                Err(error) => {
                    let reason = format!("the token for {} in {}: {error}", self.name, path.display());
                    Err(DeliveryError::unavailable(reason))
                }
            },
        }
    }

    async fn judge(&self, response: Response, token: Option<&SecretString>) -> Result<(), DeliveryError> {
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after = retry_after(response.headers());
        let hint = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => " (correct the token)",
            StatusCode::NOT_FOUND => " (correct the address)",
            _ if status.is_redirection() => " (it redirects; give the address that it redirects to)",
            _ => "",
        };
        let said = excerpt(response, token).await;
        let reason = format!("{} answers {status}{hint}{said}", self.name);
        Err(match status {
            StatusCode::GONE => DeliveryError::Gone { reason },
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_ACCEPTABLE
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY => DeliveryError::Refused { reason },
            _ => DeliveryError::Unavailable { reason, retry_after },
        })
    }
}

impl Reporter for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver<'a>(
        &'a self,
        journal: &'a str,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(self.post(journal, record))
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }
}

fn client(options: &WebhookOptions) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .tls_backend_preconfigured(options.tls.clone())
        .http1_only()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(options.timeout)
        .user_agent(concat!("rackhand/", env!("CARGO_PKG_VERSION")))
        .no_proxy();
    match &options.proxy {
        Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.clone())?).build(),
        None => builder.build(),
    }
}

/// Scheme, host and port.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn bearer(token: &SecretString) -> Result<HeaderValue, DeliveryError> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| {
        DeliveryError::unavailable("the token holds characters that no header can carry; correct it")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// An error and what caused it, without the URL.
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// The beginning of what the receiver said, on one line; what happens to be the token is left out.
async fn excerpt(mut response: Response, token: Option<&SecretString>) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < 4 * EXCERPT
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
    let mut said = String::from_utf8_lossy(&bytes).into_owned();
    if let Some(token) = token.filter(|token| !token.expose_secret().is_empty()) {
        said = said.replace(token.expose_secret(), "…");
    }
    let words: Vec<&str> =
        said.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line: String = words.join(" ").chars().take(EXCERPT).collect();
    if line.is_empty() { line } else { format!(": {line}") }
}

/// Retry-After as seconds, or as a date, which is compared with the receiver's own.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(&RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text| rfc2822::parse(text).ok().map(|date| date.timestamp());
    let left = date(asked)?.duration_since(date(text(&DATE)?)?);
    Duration::try_from(left).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::try_from(*value).unwrap())).collect()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_receivers_own() {
        assert_eq!(retry_after(&headers(&[])), None);
        assert_eq!(retry_after(&headers(&[(RETRY_AFTER, "120")])), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(&headers(&[(RETRY_AFTER, "soon")])), None);
        let later = (RETRY_AFTER, "Wed, 21 Oct 2026 07:28:30 GMT");
        let now = (DATE, "Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(retry_after(&headers(&[later.clone(), now])), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers(std::slice::from_ref(&later))), None);
        let past = (DATE, "Wed, 21 Oct 2026 08:00:00 GMT");
        assert_eq!(retry_after(&headers(&[later, past])), None);
    }

    #[test]
    fn an_address_that_cannot_be_posted_to_is_refused() {
        let webhook = |url: &str, source: &str| {
            let tls = crate::tests::no_roots();
            Webhook::new(WebhookOptions::new(Url::parse(url).unwrap(), source, tls))
        };
        webhook("https://receiver.example/hooks/secret", "rackhand").unwrap();
        for (url, source) in [
            ("ftp://receiver.example", "rackhand"),
            ("https://user:secret@receiver.example", "rackhand"),
            ("https://receiver.example", ""),
        ] {
            let error = webhook(url, source).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let debug = format!("{:?}", webhook("https://receiver.example/hooks/secret", "rackhand").unwrap());
        assert_eq!(debug, r#"Webhook { name: "https://receiver.example", .. }"#);
    }
}
