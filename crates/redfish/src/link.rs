//! The beginning of a connection: the service root, read before anybody logs in.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use rackhand_bmc::{Clock, Error, ErrorKind, Pacing, Result, Target};
use rackhand_http::{Request, Transport};
use serde_json::Value;

use crate::{
    document::Document,
    memory::{self, Recollection},
    messages::{kind_of, meaning, messages_of},
    wire::{Answer, transport_error},
};

/// What every Redfish driver starts from: the way to the BMC and its service root.
#[derive(Debug, Clone)]
pub struct Link {
    /// The way to the BMC.
    pub transport: Arc<dyn Transport>,
    /// The service root, read without credentials.
    pub root: Document,
}

/// The one path that Redfish fixes. Everything else is reached by following links.
const ROOT: &str = "/redfish/v1/";
/// The same without the slash, which some services insist on.
const ROOT_BARE: &str = "/redfish/v1";

/// Reads the service root of the BMC that `transport` leads to. `bmc` names it in messages.
///
/// # Errors
/// Whatever the connection met, or [`ErrorKind::Protocol`] when what answers is no Redfish service, saying what it
/// answered instead.
pub async fn open(
    transport: Arc<dyn Transport>,
    bmc: &str,
    pacing: &Pacing,
    clock: &dyn Clock,
) -> Result<Link> {
    let mut answer = ask(&transport, bmc, ROOT, pacing, clock).await?;
    let mut path = ROOT;
    if answer.status == StatusCode::NOT_FOUND {
        path = ROOT_BARE;
        answer = ask(&transport, bmc, path, pacing, clock).await?;
    }
    let root = service_root(bmc, path, answer)?;
    Ok(Link { transport, root })
}

/// The beginning of a connection to `target`: as an earlier connection left it in the target's memory, else as [`open`]
/// reads it.
///
/// # Errors
/// As [`open`].
pub async fn link(transport: Arc<dyn Transport>, target: &Target) -> Result<Link> {
    let known = Recollection::new(target);
    if let Some(root) = known.document(memory::ROOT) {
        return Ok(Link { transport, root });
    }
    open(transport, &target.bmc, &target.pacing, target.clock.as_ref()).await
}

async fn ask(
    transport: &Arc<dyn Transport>,
    bmc: &str,
    path: &'static str,
    pacing: &Pacing,
    clock: &dyn Clock,
) -> Result<Answer> {
    let mut request = Request::get(http::Uri::from_static(path)).with_timeout(pacing.request_timeout);
    let headers = request.message.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    match transport.send(request).await {
        Ok(response) => Ok(Answer::of(response, clock)),
        Err(error) => Err(transport_error(bmc, &format!("GET {path}"), &error)),
    }
}

fn service_root(bmc: &str, path: &str, answer: Answer) -> Result<Document> {
    let request = format!("GET {path}");
    let fail =
        |kind: ErrorKind, detail: String| Err(Error::new(kind, bmc, detail).with_request(request.clone()));
    let status = answer.status;
    if status == StatusCode::NOT_FOUND {
        let detail = "nothing answers as a Redfish service here (404); is this the BMC's address, and is Redfish enabled on it?";
        return fail(ErrorKind::Protocol, detail.to_owned());
    }
    if !status.is_success() {
        let messages = messages_of(answer.json(), &[]);
        let kind = kind_of(status, meaning(&messages, &[]), &messages, answer.retry_after);
        let error = Error::new(kind, bmc, format!("the service root answers {status}")).with_request(request);
        return Err(error.with_messages(messages.into_iter().map(|message| message.message).collect()));
    }
    let value = match answer.body {
        Ok(value) => value,
        Err(why) => return fail(ErrorKind::Protocol, format!("no Redfish service answers here: {why}")),
    };
    let root = Document::new(path, answer.etag, value);
    if !matches!(root.view().value(), Value::Object(_))
        || (root.str("RedfishVersion").is_none() && root.link("Systems").is_none())
    {
        let detail =
            "the answer is JSON but no Redfish service root: neither RedfishVersion nor Systems is in it";
        return fail(ErrorKind::Protocol, detail.to_owned());
    }
    Ok(root)
}
