//! kubectl against the double, and against a real server where one is named: discovery, tables, apply and wait as an
//! administrator uses them. `RACKHAND_TEST_KUBECTL` names the program, `RACKHAND_TEST_KUBECONFIG` the real server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use rackhand_apiserver::{ApiServer, Listening};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
};

/// kubectl, and the server that it talks to.
struct Kubectl {
    program: PathBuf,
    configuration: PathBuf,
    home: TempDir,
    namespace: String,
    _double: Option<Listening>,
}

#[allow(clippy::disallowed_methods, reason = "the peer suite names its parts so")]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(format!("RACKHAND_TEST_{name}")).filter(|value| !value.is_empty()).map(PathBuf::from)
}

impl Kubectl {
    async fn double() -> Option<Self> {
        let program = program()?;
        let listening = ApiServer::default().listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let configuration = home.path().join("config");
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "double",
            "clusters": [{ "name": "double", "cluster": { "server": listening.url() } }],
            "users": [{ "name": "nobody", "user": {} }],
            "contexts": [{ "name": "double", "context": { "cluster": "double", "user": "nobody" } }],
        });
        fs::write(&configuration, text.to_string()).unwrap();
        Self::with(program, configuration, home, Some(listening)).await
    }

    async fn real() -> Option<Self> {
        let Some(configuration) = variable("KUBECONFIG") else {
            println!("skipped: no real API server is named");
            return None;
        };
        Self::with(program()?, configuration, tempfile::tempdir().unwrap(), None).await
    }

    async fn with(
        program: PathBuf,
        configuration: PathBuf,
        home: TempDir,
        double: Option<Listening>,
    ) -> Option<Self> {
        let mut kubectl = Self { program, configuration, home, namespace: "default".into(), _double: double };
        let space =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "generateName": "kubectl-" } });
        let name = kubectl.fed(&["create", "--validate=false", "-o", "name", "-f", "-"], &space).await;
        kubectl.namespace = name.trim().trim_start_matches("namespace/").to_owned();
        kubectl.fed(&["apply", "--server-side", "--validate=false", "-f", "-"], &definition()).await;
        kubectl
            .run(&["wait", "--for=condition=Established", "--timeout=30s", "crd/boxes.kubectl.rackhand.test"])
            .await;
        Some(kubectl)
    }

    fn start(&self, arguments: &[&str]) -> Child {
        Command::new(&self.program)
            .args(arguments)
            .args(["--namespace", &self.namespace])
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.configuration)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn end(&self, child: Child, arguments: &[&str]) -> String {
        let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output());
        let output = output.await.expect("kubectl ends within a minute").unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (said, complained) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success(), "kubectl {arguments:?}: {said}{complained}");
        said
    }

    async fn run(&self, arguments: &[&str]) -> String {
        self.end(self.start(arguments), arguments).await
    }

    /// Runs with an object on standard input.
    async fn fed(&self, arguments: &[&str], object: &Value) -> String {
        let mut child = self.start(arguments);
        let mut input = child.stdin.take().unwrap();
        input.write_all(object.to_string().as_bytes()).await.unwrap();
        drop(input);
        self.end(child, arguments).await
    }
}

fn program() -> Option<PathBuf> {
    let program = variable("KUBECTL");
    if program.is_none() {
        println!("skipped: no kubectl is named");
    }
    program
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "boxes.kubectl.rackhand.test" },
        "spec": {
            "group": "kubectl.rackhand.test", "scope": "Namespaced",
            "names": { "kind": "Box", "plural": "boxes", "shortNames": ["bx"], "categories": ["rackhand"] },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "properties": { "size": { "type": "integer" } } },
                    "status": { "type": "object", "properties": { "conditions": {
                        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
                        "items": { "type": "object", "required": ["type"], "properties": {
                            "type": { "type": "string" }, "status": { "type": "string" },
                        } },
                    } } },
                } } },
                "additionalPrinterColumns": [
                    { "name": "Size", "type": "integer", "jsonPath": ".spec.size" },
                    { "name": "Ready", "type": "string",
                      "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" },
                ],
            }],
        },
    })
}

fn sized(size: u32) -> Value {
    json!({ "apiVersion": "kubectl.rackhand.test/v1", "kind": "Box", "metadata": { "name": "one" },
        "spec": { "size": size } })
}

const APPLY: [&str; 4] = ["apply", "--validate=false", "-f", "-"];

async fn get_shows_the_columns(kubectl: &Kubectl) {
    kubectl.fed(&APPLY, &sized(1)).await;
    let words = |table: &str| -> Vec<Vec<String>> {
        table.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    };
    for name in ["boxes", "box", "bx", "rackhand", "box/one", "boxes.kubectl.rackhand.test"] {
        let table = kubectl.run(&["get", name]).await;
        assert_eq!(words(&table), [vec!["NAME", "SIZE", "READY"], vec!["one", "1"]], "{name}");
    }
    assert_eq!(kubectl.run(&["get", "bx", "one", "-o", "jsonpath={.spec.size}"]).await, "1");
}

async fn apply_changes_and_delete_removes(kubectl: &Kubectl) {
    assert_eq!(kubectl.fed(&APPLY, &sized(1)).await, "box.kubectl.rackhand.test/one created\n");
    assert_eq!(kubectl.fed(&APPLY, &sized(1)).await, "box.kubectl.rackhand.test/one unchanged\n");
    assert_eq!(kubectl.fed(&APPLY, &sized(2)).await, "box.kubectl.rackhand.test/one configured\n");
    kubectl.run(&["label", "bx", "one", "site=north"]).await;
    assert_eq!(
        kubectl.run(&["get", "bx", "-l", "site=north", "-o", "name"]).await,
        "box.kubectl.rackhand.test/one\n"
    );
    kubectl
        .run(&["create", "secret", "generic", "bmc", "--from-literal=password=x", "--validate=false"])
        .await;
    assert_eq!(kubectl.run(&["get", "secret", "bmc", "-o", "jsonpath={.data.password}"]).await, "eA==");
    kubectl.run(&["delete", "bx", "one", "--wait", "--timeout=30s"]).await;
    assert_eq!(kubectl.run(&["get", "bx", "-o", "name"]).await, "");
}

async fn wait_sees_a_condition(kubectl: &Kubectl) {
    kubectl.fed(&APPLY, &sized(1)).await;
    let arguments = ["wait", "--for=condition=Ready", "--timeout=50s", "box/one"];
    let waiting = kubectl.start(&arguments);
    // kubectl 1.20 writes no subresource: the status goes in as any client would send it.
    let path = format!("/apis/kubectl.rackhand.test/v1/namespaces/{}/boxes/one/status", kubectl.namespace);
    let mut object: Value = serde_json::from_str(&kubectl.run(&["get", "--raw", &path]).await).unwrap();
    object["status"] = json!({ "conditions": [{ "type": "Ready", "status": "True" }] });
    kubectl.fed(&["replace", "--validate=false", "--raw", &path, "-f", "-"], &object).await;
    assert_eq!(kubectl.end(waiting, &arguments).await, "box.kubectl.rackhand.test/one condition met\n");
}

macro_rules! cases {
    ($($case:ident)*) => {
        mod double {
            $(#[tokio::test]
            async fn $case() {
                if let Some(kubectl) = super::Kubectl::double().await {
                    super::$case(&kubectl).await;
                }
            })*
        }
        mod real {
            $(#[tokio::test]
            async fn $case() {
                if let Some(kubectl) = super::Kubectl::real().await {
                    super::$case(&kubectl).await;
                }
            })*
        }
    };
}

cases! {
    get_shows_the_columns
    apply_changes_and_delete_removes
    wait_sees_a_condition
}
