//! A machine of a personality with an image server in memory, for the personalities' tests.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};

use super::Personality;
use crate::fetch::MemoryFetch;
use crate::iso::{CONFIG_FILE, IsoBuilder};
use crate::{MachineSpec, Service, Simulator};

/// Where the bench's medium is.
pub(super) const ISO: &str = "http://images.example/t0ken/node1.iso";
/// The administrator's password.
pub(super) const PASSWORD: &str = "bench-password";

/// The administrator's Basic credentials.
pub(super) fn authorization() -> String {
    let login = base64::engine::general_purpose::STANDARD.encode(format!("admin:{PASSWORD}"));
    format!("Basic {login}")
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    pub(super) raw: Bytes,
}

impl Answer {
    /// Message ids of the extended error, without registry and version.
    pub(super) fn ids(&self) -> Vec<&str> {
        let infos = self.body["error"]["@Message.ExtendedInfo"]
            .as_array()
            .or_else(|| self.body["@Message.ExtendedInfo"].as_array());
        let ids = infos.into_iter().flatten().filter_map(|info| info["MessageId"].as_str());
        ids.filter_map(|id| id.rsplit('.').next()).collect()
    }
}

/// One machine.
pub(super) struct Bench {
    pub(super) simulator: Simulator,
    pub(super) net: MemoryFetch,
    bmc: Service,
}

impl Bench {
    /// A machine of that personality without the named quirks; off, its disk blank.
    pub(super) fn new(personality: impl Personality, without: &[&str]) -> Self {
        Self::of(MachineSpec::new("node1", Arc::new(personality)), without)
    }

    /// As [`Bench::new`], with an old system on its disk.
    pub(super) fn with_old_os(personality: impl Personality, without: &[&str]) -> Self {
        Self::of(MachineSpec::new("node1", Arc::new(personality)).old_os(), without)
    }

    fn of(machine: MachineSpec, without: &[&str]) -> Self {
        let net = MemoryFetch::new();
        let medium =
            IsoBuilder::new("INSTALL").file(CONFIG_FILE, "callback={base}/callback\n").size(2_000_000);
        net.put(ISO, medium.build().unwrap());
        let machine = machine.login("admin", PASSWORD);
        let mut builder = Simulator::builder().seed(7).machine(machine).net(Arc::new(net.clone()));
        for quirk in without {
            builder = builder.without_quirk(quirk);
        }
        let simulator = builder.build().unwrap();
        let bmc = simulator.service("node1").unwrap();
        Self { simulator, net, bmc }
    }

    /// Sends a request as it is.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Answer {
        let response = self.bmc.call(request).await.unwrap();
        let raw = response.body().clone();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_slice(&raw).unwrap_or(Value::Null),
            raw,
        }
    }

    /// Sends a request as the administrator.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", authorization());
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// GET: the body of a 200.
    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// POST.
    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// PATCH.
    pub(super) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// PATCH of the version that `tag` names.
    pub(super) async fn patch_if(&self, path: &str, tag: &str, body: Value) -> Answer {
        let request = Request::patch(path)
            .header("authorization", authorization())
            .header("content-type", "application/json")
            .header("if-match", tag);
        self.send(request.body(Bytes::from(body.to_string())).unwrap()).await
    }

    /// PATCH of the version that a GET has just read.
    pub(super) async fn patch_fresh(&self, path: &str, body: Value) -> Answer {
        let tag = self.call(Method::GET, path, None).await.headers["etag"].to_str().unwrap().to_owned();
        self.patch_if(path, &tag, body).await
    }

    /// POST of a firmware package by a form, as a client pushes it.
    pub(super) async fn push(&self, path: &str, package: &[u8], parameters: &Value) -> Answer {
        let mut body = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"UpdateParameters\"\r\n\r\n{parameters}\r\n\
             --cut\r\nContent-Disposition: form-data; name=\"UpdateFile\"; filename=\"image.bin\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(package);
        body.extend_from_slice(b"\r\n--cut--\r\n");
        let request = Request::post(path)
            .header("authorization", authorization())
            .header("content-type", "multipart/form-data; boundary=cut");
        self.send(request.body(Bytes::from(body)).unwrap()).await
    }

    /// POST of a firmware package as it is.
    pub(super) async fn push_raw(&self, path: &str, package: &[u8]) -> Answer {
        let request = Request::post(path)
            .header("authorization", authorization())
            .header("content-type", "application/octet-stream");
        self.send(request.body(Bytes::copy_from_slice(package)).unwrap()).await
    }

    /// A login by POST with that password.
    pub(super) async fn log_in(&self, password: &str) -> Answer {
        let body = json!({"UserName": "admin", "Password": password}).to_string();
        let request =
            Request::post("/redfish/v1/SessionService/Sessions").header("content-type", "application/json");
        self.send(request.body(Bytes::from(body)).unwrap()).await
    }

    /// Sends a reset that has to be accepted.
    pub(super) async fn reset(&self, kind: &str) {
        let system = self.system().await;
        let path = format!("{system}/Actions/ComputerSystem.Reset");
        let answer = self.post(&path, json!({"ResetType": kind})).await;
        assert!(StatusCode::from_u16(answer.status).unwrap().is_success(), "{kind}: {}", answer.body);
    }

    /// Path of the System.
    pub(super) async fn system(&self) -> String {
        let systems = self.get("/redfish/v1/Systems").await;
        systems["Members"][0]["@odata.id"].as_str().unwrap().to_owned()
    }

    /// Lets simulated time pass.
    pub(super) async fn wait(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Waits for a state of the log.
    pub(super) async fn state(&self, what: &str, to: &str) {
        self.simulator.log().wait_state("node1", what, to).await;
    }

    /// Where the host booted from, boot by boot.
    pub(super) fn boots(&self) -> Vec<String> {
        let changes = self.simulator.log().changes("node1", "boot-source");
        changes.into_iter().map(|(_, to)| to.split('#').next().unwrap_or("").to_owned()).collect()
    }

    /// Follows every link of the tree that leads below the service root; each has to answer 200. Returns how many.
    pub(super) async fn crawl(&self) -> usize {
        let mut queue = vec!["/redfish/v1".to_owned()];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(path) = queue.pop() {
            if !seen.insert(path.trim_end_matches('/').to_ascii_lowercase()) {
                continue;
            }
            let request = Request::get(&path)
                .header("authorization", authorization())
                .header("accept-encoding", "gzip");
            let answer = self.send(request.body(Bytes::new()).unwrap()).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            links(&answer.body, &mut queue);
        }
        seen.len()
    }
}

fn links(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value.as_str() {
                    Some(path) if name == "@odata.id" || name == "Uri" => {
                        found.push(path.split('#').next().unwrap_or("").to_owned());
                    }
                    _ => links(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| links(value, found)),
        _ => {}
    }
}
