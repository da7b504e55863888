//! A client with which a case says what it sends and sees what comes back, and nothing more.

use std::{fs, sync::Arc, time::Duration};

use rackhand_apiserver::{ApiServer, Identity, Listening, Options};
use reqwest::Method;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde_json::{Value, json};

pub(crate) const GROUP: &str = "contract.rackhand.test";
pub(crate) const VERSION: &str = "contract.rackhand.test/v1alpha1";

/// A server, and a namespace of the case's own on it.
pub(crate) struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
    pub(crate) user_token: Option<String>,
    pub(crate) namespace: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.code), "{}: {}", self.code, self.body);
        self.body
    }

    /// The code and reason of a failure, and its whole body.
    #[track_caller]
    pub(crate) fn fails(self, code: u16, reason: &str) -> Value {
        assert_eq!((self.code, self.body["reason"].as_str().unwrap_or("")), (code, reason), "{}", self.body);
        assert_eq!(self.body["kind"], "Status");
        assert_eq!(self.body["status"], "Failure");
        assert_eq!(self.body["code"], code);
        self.body
    }
}

/// An environment variable that names a real server or a part of it.
#[allow(clippy::disallowed_methods, reason = "the peer suite names its server so")]
fn variable(rest: &str) -> Option<String> {
    std::env::var(format!("RACKHAND_TEST_APISERVER{rest}")).ok().filter(|value| !value.is_empty())
}

fn client(ca: Option<&[u8]>) -> reqwest::Client {
    let mut roots = RootCertStore::empty();
    for certificate in ca.into_iter().flat_map(CertificateDer::pem_slice_iter) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .user_agent("rackhand-contract/1")
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}

impl Api {
    /// A double of the case's own.
    pub(crate) async fn double() -> (Self, Listening) {
        let tokens = [
            ("admin-token".to_owned(), Identity::admin()),
            ("user-token".to_owned(), Identity::user("rackhand-user")),
        ];
        let server = ApiServer::new(Options { tokens: tokens.into(), ..Options::default() });
        let listening = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let api = Self::at(client(None), listening.url(), "admin-token".into(), Some("user-token".into()));
        (api.await, listening)
    }

    /// The server that the environment names.
    pub(crate) async fn real() -> Option<Self> {
        let base = variable("")?;
        let ca = variable("_CA").map(|path| fs::read(path).unwrap());
        let token = variable("_TOKEN").unwrap_or_default();
        Some(Self::at(client(ca.as_deref()), base, token, variable("_USER_TOKEN")).await)
    }

    async fn at(client: reqwest::Client, base: String, token: String, user_token: Option<String>) -> Self {
        let mut api = Self { client, base, token, user_token, namespace: String::new() };
        for (plural, kind, schema) in
            [("things", "Thing", thing_schema()), ("looses", "Loose", loose_schema())]
        {
            let definition = definition(plural, kind, &schema);
            let made = api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await;
            assert!(matches!(made.code, 201 | 409), "{}: {}", made.code, made.body);
            api.eventually("the definition is served", async || {
                api.get(&format!("/apis/{VERSION}/{plural}")).await.code == 200
            })
            .await;
            // A real server's discovery comes a moment after.
            api.eventually("the definition is discovered", async || {
                let list = api.get(&format!("/apis/{VERSION}")).await.body;
                list["resources"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == plural))
                    && api.get(&format!("/apis/{GROUP}")).await.code == 200
            })
            .await;
        }
        let space =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "generateName": "contract-" } });
        let space = api.post("/api/v1/namespaces", &space).await.ok();
        api.namespace = space["metadata"]["name"].as_str().unwrap().to_owned();
        api
    }

    /// Asks until something holds.
    pub(crate) async fn eventually(&self, what: &str, holds: impl AsyncFn() -> bool) {
        for _ in 0..600 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}: not within 30 s");
    }

    /// The same server for somebody else.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            client: self.client.clone(),
            base: self.base.clone(),
            token: token.into(),
            user_token: None,
            namespace: self.namespace.clone(),
        }
    }

    pub(crate) fn things(&self) -> String {
        format!("/apis/{VERSION}/namespaces/{}/things", self.namespace)
    }

    pub(crate) fn thing(&self, name: &str) -> String {
        format!("{}/{name}", self.things())
    }

    /// A namespaced path of a core kind.
    pub(crate) fn core(&self, plural: &str) -> String {
        format!("/api/v1/namespaces/{}/{plural}", self.namespace)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let code = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { code, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Answer {
        self.send(self.request(Method::GET, path).header("accept", accept)).await
    }

    async fn with_body(&self, method: Method, path: &str, media: &str, body: String) -> Answer {
        self.send(self.request(method, path).header("content-type", media).body(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.with_body(Method::POST, path, "application/json", body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.with_body(Method::PUT, path, "application/json", body.to_string()).await
    }

    pub(crate) async fn patch(&self, kind: &str, path: &str, body: &Value) -> Answer {
        self.patch_text(&format!("application/{kind}"), path, body.to_string()).await
    }

    pub(crate) async fn patch_text(&self, media: &str, path: &str, body: String) -> Answer {
        self.with_body(Method::PATCH, path, media, body).await
    }

    pub(crate) async fn merge(&self, path: &str, body: &Value) -> Answer {
        self.patch("merge-patch+json", path, body).await
    }

    /// Server-side apply by a manager; `rest` is more of the query.
    pub(crate) async fn apply(&self, path: &str, manager: &str, rest: &str, body: &Value) -> Answer {
        self.patch("apply-patch+yaml", &format!("{path}?fieldManager={manager}{rest}"), body).await
    }

    pub(crate) async fn delete(&self, path: &str, options: &Value) -> Answer {
        self.with_body(Method::DELETE, path, "application/json", options.to_string()).await
    }

    /// Creates a thing with this spec.
    pub(crate) async fn make(&self, name: &str, spec: &Value) -> Value {
        self.post(&self.things(), &thing(name, spec)).await.ok()
    }
}

pub(crate) fn thing(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": VERSION, "kind": "Thing", "metadata": { "name": name }, "spec": spec })
}

pub(crate) fn definition(plural: &str, kind: &str, schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{GROUP}") },
        "spec": {
            "group": GROUP,
            "names": { "kind": kind, "plural": plural, "shortNames": [format!("x{plural}")] },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": schema },
                "subresources": { "status": {} },
                "additionalPrinterColumns": [
                    { "name": "Mode", "type": "string", "jsonPath": ".spec.mode" },
                    { "name": "Ready", "type": "string",
                      "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" },
                    { "name": "Size", "type": "integer", "priority": 1, "jsonPath": ".spec.size" },
                ],
            }],
        },
    })
}

/// A kind that has a value of either type.
fn loose_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({ "type": "object", "properties": {
        "limit": { "x-kubernetes-int-or-string": true },
        "entries": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": { "type": "object", "required": ["name"], "properties": { "name": text, "value": text } },
        },
    } })
}

/// The kind that the cases work with.
fn thing_schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": { "type": "object", "required": ["mode"], "properties": {
                "mode": { "type": "string", "enum": ["fast", "slow"] },
                "size": { "type": "integer", "minimum": 1, "maximum": 10, "default": 3 },
                "word": { "type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 8 },
                "tags": { "type": "array", "items": text, "maxItems": 3, "x-kubernetes-list-type": "set" },
                "steps": { "type": "array", "items": text, "minItems": 1 },
                "ports": {
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": { "type": "object", "required": ["name"], "properties": {
                        "name": text, "port": { "type": "integer" },
                        "protocol": { "type": "string", "default": "TCP" },
                    } },
                },
                "options": { "type": "object", "additionalProperties": text, "minProperties": 1 },
                "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                "note": { "type": "string", "nullable": true },
                "when": { "type": "string", "format": "date-time" },
                "ratio": { "type": "number" },
                "on": { "type": "boolean" },
                "inner": { "type": "object", "properties": { "a": text, "b": text } },
            } },
            "status": { "type": "object", "properties": {
                "phase": { "type": "string", "enum": ["New", "Done"] },
                "observedGeneration": { "type": "integer" },
                "conditions": {
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
                    "items": { "type": "object", "required": ["type", "status"], "properties": {
                        "type": text, "status": text, "reason": text, "message": text,
                    } },
                },
            } },
        },
    })
}

/// The causes of a refusal as field and reason, in order.
pub(crate) fn causes(body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let causes = body["details"]["causes"].as_array().cloned().unwrap_or_default();
    let mut causes: Vec<(String, String)> =
        causes.iter().map(|cause| (text(&cause["field"]), text(&cause["reason"]))).collect();
    causes.sort();
    causes.dedup();
    causes
}

/// Who manages what: manager, operation and fields, in order.
pub(crate) fn managers(object: &Value) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let mut entries: Vec<(String, String, Value)> = entries
        .iter()
        .map(|entry| (text(&entry["manager"]), text(&entry["operation"]), entry["fieldsV1"].clone()))
        .collect();
    entries.sort_by(|one, other| (&one.1, &one.0).cmp(&(&other.1, &other.0)));
    entries
}

pub(crate) fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}
