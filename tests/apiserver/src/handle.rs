//! From a request to its answer.

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited, StreamBody, combinators::UnsyncBoxBody};
use serde_json::{Value, json};
use tower::{BoxError, Service};

use crate::{
    ApiServer, Shared, delete,
    discovery::{self, Found},
    faults::{Answer, Logged, strike},
    kinds::{Kind, Version},
    locked, rbac,
    read::{self, Form, told},
    request::{Path, Query, Target, kind_of, verb},
    state::State,
    status::{Failure, Named},
    watch::Watch,
    write::{Change, Write},
};

/// The body of an answer; a watch's is a stream.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The largest body that is read.
const LARGEST: usize = 3 * 1024 * 1024;

const PATCHES: &str =
    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

impl<B> Service<Request<B>> for ApiServer
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let mut outage = shared.outage.subscribe();
            if *outage.borrow_and_update() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            tokio::select! {
                biased;
                _ = outage.wait_for(|on| *on) => Err(io::ErrorKind::ConnectionReset.into()),
                answer = answer(&shared, request) => answer,
            }
        })
    }
}

/// A request with its body read.
struct Asked {
    method: Method,
    path: Path,
    query: Query,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn verb(&self) -> &'static str {
        match &self.path {
            Path::Objects(target) => verb(&self.method, target, &self.query),
            Path::Other(_) => "",
        }
    }

    fn target(&self) -> Target {
        match &self.path {
            Path::Objects(target) => target.clone(),
            Path::Other(_) => Target::default(),
        }
    }

    /// The body as an object; YAML where the client says so.
    fn document(&self) -> Result<Value, Failure> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        let media = self.header(header::CONTENT_TYPE);
        if media.contains("protobuf") {
            return Err(Failure::unsupported_media_type("application/json, application/yaml"));
        }
        let parsed = if media.contains("yaml") {
            std::str::from_utf8(&self.body)
                .map_err(|error| error.to_string())
                .and_then(|text| serde_saphyr::from_str(text).map_err(|error| error.to_string()))
        } else {
            serde_json::from_slice(&self.body).map_err(|error| error.to_string())
        };
        parsed.map_err(|error| Failure::bad_request(format!("couldn't parse the request's body: {error}")))
    }

    /// Who the fields that this writes belong to.
    fn manager(&self) -> String {
        match self.query.get("fieldManager") {
            "" => {
                let agent = self.header(header::USER_AGENT);
                let name = agent.split('/').next().unwrap_or_default();
                if name.is_empty() { "unknown".into() } else { name.into() }
            }
            given => given.into(),
        }
    }
}

async fn answer<B>(shared: &Arc<Shared>, request: Request<B>) -> io::Result<Response<Body>>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let at = shared.began.elapsed();
    let (parts, body) = request.into_parts();
    let (bytes, too_large) = match Limited::new(body, LARGEST).collect().await {
        Ok(collected) => (collected.to_bytes(), false),
        Err(error) if error.is::<LengthLimitError>() => (Bytes::new(), true),
        Err(error) => return Err(io::Error::new(io::ErrorKind::ConnectionAborted, error)),
    };
    let asked = Asked {
        method: parts.method,
        path: Path::read(parts.uri.path()),
        query: Query::read(parts.uri.query().unwrap_or_default()),
        headers: parts.headers,
        body: bytes,
    };
    let target = asked.target();
    let strike = strike(&mut locked(&shared.faults), asked.verb(), &target.resource, &target.subresource);
    let carried_out = match strike {
        None | Some(Answer::LostAfterwards) if too_large => Err(Failure::too_large()),
        None | Some(Answer::LostAfterwards) => respond(shared, &asked),
        Some(Answer::TooManyRequests(seconds)) => Err(Failure::too_many_requests(seconds)),
        Some(Answer::InternalError) => {
            Err(Failure::internal("an error on the server has prevented the request"))
        }
        Some(Answer::Unavailable) => Err(Failure::unavailable()),
        Some(Answer::Silence | Answer::Dropped) => Ok(written(200, &Value::Null)),
    };
    let response = carried_out.unwrap_or_else(|failure| refused(&failure));
    let answered = !matches!(strike, Some(Answer::Silence | Answer::Dropped | Answer::LostAfterwards));
    let code = if answered { response.status().as_u16() } else { 0 };
    note(shared, &asked, at, code);
    match strike {
        Some(Answer::Silence) => std::future::pending().await,
        Some(Answer::Dropped | Answer::LostAfterwards) => Err(io::ErrorKind::ConnectionReset.into()),
        _ => Ok(response),
    }
}

fn note(shared: &Shared, asked: &Asked, at: std::time::Duration, code: u16) {
    let target = asked.target();
    locked(&shared.log).push(Logged {
        at,
        verb: asked.verb().into(),
        group: target.group,
        resource: target.resource,
        subresource: target.subresource,
        namespace: target.namespace,
        name: target.name,
        user_agent: asked.header(header::USER_AGENT).into(),
        field_manager: asked.query.get("fieldManager").into(),
        request_bytes: asked.body.len(),
        code,
    });
}

/// An answer with a JSON body.
fn written(code: u16, body: &Value) -> Response<Body> {
    plain(code, "application/json", body.to_string())
}

fn plain(code: u16, media: &'static str, text: String) -> Response<Body> {
    let body = Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() =
        http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    response
}

fn refused(failure: &Failure) -> Response<Body> {
    let mut response = written(failure.code(), &failure.body());
    if let Some(seconds) = failure.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn respond(shared: &Arc<Shared>, asked: &Asked) -> Result<Response<Body>, Failure> {
    let bearer = asked.header(header::AUTHORIZATION).strip_prefix("Bearer ");
    let who = shared.identify(bearer)?;
    let mut state = shared.lock();
    let target = match &asked.path {
        Path::Other(segments) => {
            return Ok(match discovery::find(&state, segments, shared.options.modern)? {
                Found::Json(document) => written(200, &document),
                Found::Text(text) => plain(200, "text/plain; charset=utf-8", text),
            });
        }
        Path::Objects(target) => target,
    };
    let verb = asked.verb();
    if !rbac::allows(&state, &who, verb, target) {
        let named = Named { group: &target.group, resource: &target.resource, name: &target.name };
        return Err(Failure::forbidden(named, &rbac::refusal(&who, verb, target)));
    }
    let (kind, version) = kind_of(&state, target)?;
    let form = Form::read(asked.header(header::ACCEPT))?;
    let before = state.version();
    let on = On { shared, asked, kind, version, target, form };
    let response = on.carry_out(&mut state, verb);
    let after = state.version();
    drop(state);
    if after != before {
        shared.changes.send_replace(after);
    }
    response
}

/// A request for objects, with all that is known of it.
struct On<'a> {
    shared: &'a Arc<Shared>,
    asked: &'a Asked,
    kind: Arc<Kind>,
    version: Version,
    target: &'a Target,
    form: Form,
}

impl On<'_> {
    fn carry_out(&self, state: &mut State, verb: &str) -> Result<Response<Body>, Failure> {
        let (query, target) = (&self.asked.query, self.target);
        let on_status = !target.subresource.is_empty();
        match verb {
            "get" => {
                let object = read::get(state, &self.kind, target)?;
                Ok(written(200, &self.form.one(&self.version, &told(&self.kind, &target.version, &object))))
            }
            "list" => {
                let list = read::list(state, &self.kind, &self.version, target, query, self.form)?;
                Ok(written(200, &list))
            }
            "watch" => self.watch(state),
            "create" if target.name.is_empty() && self.is_placed() => {
                let created = self.write()?.create(state, self.asked.document()?)?;
                Ok(self.object(201, &created))
            }
            "update" | "patch" if !target.name.is_empty() => self.change(state, verb),
            "delete" if !on_status => {
                let options = self.asked.document()?;
                let dry_run = query.get("dryRun") == "All" || !options["dryRun"].is_null();
                let deleted = delete::one(state, &self.kind, target, &options, dry_run)?;
                Ok(written(200, &deleted.answer(&self.kind, &target.version)))
            }
            "deletecollection" if self.is_placed() => {
                let options = self.asked.document()?;
                Ok(written(200, &delete::many(state, &self.kind, target, query, &options)?))
            }
            "create" | "deletecollection" if self.kind.custom && !self.is_placed() => {
                Err(Failure::no_such_resource())
            }
            _ => Err(Failure::method_not_allowed()),
        }
    }

    /// Whether the path says in which namespace, where there must be one.
    fn is_placed(&self) -> bool {
        !self.kind.namespaced || !self.target.namespace.is_empty()
    }

    fn object(&self, code: u16, object: &Value) -> Response<Body> {
        written(code, &self.form.one(&self.version, &told(&self.kind, &self.target.version, object)))
    }

    fn watch(&self, state: &State) -> Result<Response<Body>, Failure> {
        let watch = Watch::open(
            self.shared,
            state,
            &self.kind,
            &self.version,
            self.target,
            &self.asked.query,
            self.form,
        )?;
        let frames = watch.lines().map(|line| line.map(Frame::data));
        let mut response = written(200, &Value::Null);
        *response.body_mut() = StreamBody::new(frames).boxed_unsync();
        Ok(response)
    }

    fn write(&self) -> Result<Write, Failure> {
        let query = &self.asked.query;
        let dry_run = match query.get("dryRun") {
            "" => false,
            "All" => true,
            other => return Err(Failure::bad_request(format!("dryRun: Unsupported value: \"{other}\""))),
        };
        let modern = self.shared.options.modern;
        Ok(Write {
            kind: Arc::clone(&self.kind),
            version: self.version.clone(),
            target: self.target.clone(),
            manager: self.asked.manager(),
            dry_run,
            strict: modern && query.get("fieldValidation") == "Strict",
            modern,
        })
    }

    fn change(&self, state: &mut State, verb: &str) -> Result<Response<Body>, Failure> {
        let document = self.asked.document()?;
        let change = if verb == "update" { Change::Replace(document) } else { self.patch(document)? };
        let (object, new) = self.write()?.change(state, change)?;
        Ok(self.object(if new { 201 } else { 200 }, &object))
    }

    fn patch(&self, document: Value) -> Result<Change, Failure> {
        let media = self.asked.header(header::CONTENT_TYPE);
        let force = self.asked.query.is_true("force");
        match media.split(';').next().unwrap_or_default().trim() {
            "application/apply-patch+yaml" => {
                if self.asked.query.get("fieldManager").is_empty() {
                    let cause =
                        crate::status::Cause::required_because("fieldManager", "is required for apply patch");
                    let options = Named { group: "meta.k8s.io", resource: "PatchOptions", name: "" };
                    return Err(Failure::invalid(options, &[cause]));
                }
                Ok(Change::Apply { wanted: document, force })
            }
            _ if force => {
                let cause =
                    crate::status::Cause::forbidden("force", "may not be specified for non-apply patch");
                let options = Named { group: "meta.k8s.io", resource: "PatchOptions", name: "" };
                Err(Failure::invalid(options, &[cause]))
            }
            "application/merge-patch+json" => Ok(Change::Merge(document)),
            "application/strategic-merge-patch+json" if !self.kind.custom => Ok(Change::Merge(document)),
            "application/json-patch+json" => Ok(Change::Json(document)),
            _ => Err(Failure::unsupported_media_type(PATCHES)),
        }
    }
}

/// Creates an object on a test's behalf.
pub(crate) fn create(shared: &Arc<Shared>, object: Value) -> Result<Value, Failure> {
    let mut state = shared.lock();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind_name) = (text(&object["apiVersion"]), text(&object["kind"]));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let found = state.kinds.values().find(|kind| kind.group == group && kind.kind == kind_name).cloned();
    let kind = found.ok_or_else(|| {
        Failure::bad_request(format!("no matches for kind \"{kind_name}\" in version \"{api_version}\""))
    })?;
    let served = kind.versions.get(version).ok_or_else(Failure::no_such_resource)?.clone();
    let namespace = if kind.namespaced {
        object["metadata"]["namespace"].as_str().unwrap_or("default").to_owned()
    } else {
        String::new()
    };
    let target = Target {
        group: group.to_owned(),
        version: version.to_owned(),
        namespace,
        resource: kind.plural.clone(),
        ..Target::default()
    };
    let write = Write {
        kind,
        version: served,
        target,
        manager: "test".into(),
        dry_run: false,
        strict: true,
        modern: shared.options.modern,
    };
    let status = object.get("status").cloned();
    let mut stored = write.create(&mut state, object)?;
    if let Some(status) = status.filter(|_| write.version.status && write.kind.custom) {
        let mut target = write.target.clone();
        target.name = text(&stored["metadata"]["name"]);
        target.subresource = "status".into();
        let write = Write { target, ..write };
        stored = write.change(&mut state, Change::Merge(json!({ "status": status })))?.0;
    }
    drop(state);
    shared.changed();
    Ok(Value::clone(&stored))
}
