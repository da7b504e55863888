//! What the hub's objects mean to one agent: the texts to read nodes from, and who is told of each.
//!
//! Pure, so that precedence and refusals can be seen in tests:
//!
//! - A host is this agent's when its HostProvision names the agent, or when its BareMetalHost (or the `extraAnnotations` for it
//!   in a ClusterInstance) has `rackhand.dev/agent` with the agent's name and no HostProvision names another one.
//! - HostProvision goes before BareMetalHost, and BareMetalHost before ClusterInstance: field by field in the first case (that
//!   is done where they are read), and as a whole in the second.
//! - A BareMetalHost that the baremetal-operator may drive is not acted on: it has to be paused and detached.
//! - An ISO of an InfraEnv counts a minute after it was made, and is known by when it was made and not by its URL, whose token
//!   changes.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::Timestamp;
use rackhand_spec::Source;
use serde_json::{Value, json};

use super::{
    host_provision::{AgentRef, HostProvisionSpec, SourceRef},
    objects::{Key, Kind, Objects, of_map, text},
    status::Verdict,
    target::{Target, Targets},
};

/// The annotation that gives a BareMetalHost to an agent.
pub const AGENT: &str = "rackhand.dev/agent";
const INFRA_ENV: &str = "infraenvs.agent-install.openshift.io";
const PAUSED: &str = "baremetalhost.metal3.io/paused";
const DETACHED: &str = "baremetalhost.metal3.io/detached";
/// The assisted-service makes an image again when something changes just after the InfraEnv was made.
const RIPE: Duration = Duration::from_secs(60);

/// What is this agent's.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The texts to read nodes from; Secrets are added by who may read them.
    pub source: Source,
    /// The objects that are told, by node.
    pub targets: Targets,
    /// Nodes that may be acted on by whichever agent of the pool has taken them; they are in `targets` too.
    pub pool: BTreeMap<String, Claim>,
    /// When something will be different though no object changes.
    pub until: Option<Timestamp>,
    /// The Secrets that the nodes name: namespace and name.
    pub secrets: Vec<Key>,
    /// Stages that Agents show, by node, with when each was reached where that is known.
    pub stages: BTreeMap<String, (String, Option<Timestamp>)>,
}

/// Who has taken a pool node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The agent, if one has.
    pub agent: Option<String>,
    /// The version of the object that says so.
    pub version: Option<String>,
}

/// Who looks.
#[derive(Debug, Clone)]
pub struct Who {
    /// The agent's name.
    pub agent: String,
    /// Its pool, if it is in one.
    pub pool: Option<String>,
}

/// Makes the view of an agent at a moment.
#[must_use]
pub fn view(objects: &Objects, who: &Who, now: Timestamp) -> View {
    let mut view = View::default();
    for (key, object) in objects.of(Kind::HostProvision) {
        let agent = text(object, "/spec/agentRef/name");
        let pool = text(object, "/spec/agentRef/pool");
        let pinned = agent == Some(who.agent.as_str());
        let pooled = agent.is_none() && pool.is_some() && pool == who.pool.as_deref();
        if pinned || pooled {
            view.provision(objects, key, object, pooled, now);
        }
    }
    for (key, object) in objects.of(Kind::BareMetalHost) {
        let ours = of_map(object, "/metadata/annotations", AGENT) == Some(who.agent.as_str());
        if ours && objects.get(Kind::HostProvision, &key.0, &key.1).is_none() {
            view.host_alone(objects, key, object, who, now);
        }
    }
    for (key, object) in objects.of(Kind::ClusterInstance) {
        view.cluster(objects, key, object, who);
    }
    view.stages(objects);
    view
}

/// The node of an object that is named like its BareMetalHost.
fn node_of(key: &Key) -> String {
    format!("{}/{}", key.0, key.1)
}

/// The name of an object in findings.
fn file(kind: Kind, key: &Key) -> PathBuf {
    PathBuf::from(format!("hub/{}/{}/{}", kind.name(), key.0, key.1))
}

/// The node that a finding about `file` is about.
#[must_use]
pub fn node_of_file(file: &std::path::Path) -> Option<String> {
    let mut parts = file.to_str()?.strip_prefix("hub/")?.splitn(3, '/').skip(1);
    Some(format!("{}/{}", parts.next()?, parts.next()?))
}

impl View {
    fn provision(&mut self, objects: &Objects, key: &Key, object: &Value, pooled: bool, now: Timestamp) {
        let host = objects.get(Kind::BareMetalHost, &key.0, &key.1);
        let mut own = object.clone();
        let mut verdict = host.map_or(Verdict::Valid, apart);
        if verdict == Verdict::Valid {
            verdict = self.image_of_provision(objects, key, &mut own, host, now);
        }
        let node = node_of(key);
        let target = Target {
            create: None,
            verdict: verdict.clone(),
            bmh_uid: host.and_then(|host| text(host, "/metadata/uid")).map(str::to_owned),
            ..target(key, object)
        };
        if pooled {
            let claim = Claim {
                agent: text(object, "/status/agent").map(str::to_owned),
                version: text(object, "/metadata/resourceVersion").map(str::to_owned),
            };
            self.pool.insert(node.clone(), claim);
        }
        let going = target.going;
        self.targets.insert(node, target);
        if verdict != Verdict::Valid || going {
            return;
        }
        let named = [
            text(&own, "/spec/bmc/credentialsName"),
            host.and_then(|host| text(host, "/spec/bmc/credentialsName")),
        ];
        self.secret(key, named.into_iter().flatten().next());
        self.add(Kind::HostProvision, key, &own);
        if let Some(host) = host {
            self.add(Kind::BareMetalHost, key, &bare(host));
        }
    }

    /// A BareMetalHost that is ours and has no HostProvision yet: it gets one.
    fn host_alone(&mut self, objects: &Objects, key: &Key, host: &Value, who: &Who, now: Timestamp) {
        let mut own = host.clone();
        let mut verdict = apart(host);
        if verdict == Verdict::Valid {
            verdict = self.image_of_host(objects, key, &mut own, now);
        }
        let source = ("metal3.io/v1alpha1", "BareMetalHost", key.1.as_str());
        let target = Target {
            namespace: key.0.clone(),
            name: key.1.clone(),
            uid: None,
            bmh_uid: text(host, "/metadata/uid").map(str::to_owned),
            generation: None,
            verdict: verdict.clone(),
            create: Some(made(&who.agent, source, None)),
            going: false,
            shown: None,
        };
        self.targets.insert(node_of(key), target);
        if verdict == Verdict::Valid {
            self.secret(key, text(host, "/spec/bmc/credentialsName"));
            self.add(Kind::BareMetalHost, key, &bare(&own));
        }
    }

    /// A ClusterInstance: those of its nodes for which nothing else speaks.
    fn cluster(&mut self, objects: &Objects, key: &Key, object: &Value, who: &Who) {
        let cluster = text(object, "/spec/clusterName").unwrap_or(&key.1);
        let of_cluster = of_map(object, "/spec/extraAnnotations/BareMetalHost", AGENT);
        let Some(nodes) = object.pointer("/spec/nodes").and_then(Value::as_array) else { return };
        let mut left = Vec::new();
        for node in nodes {
            let agent = of_map(node, "/extraAnnotations/BareMetalHost", AGENT).or(of_cluster);
            if agent != Some(who.agent.as_str()) {
                continue;
            }
            let Some(host_name) = text(node, "/hostName") else { continue };
            let name = text(node, "/hostRef/name").unwrap_or(host_name);
            let namespace = text(node, "/hostRef/namespace").unwrap_or(cluster);
            let host = (namespace.to_owned(), name.to_owned());
            if objects.get(Kind::HostProvision, &host.0, &host.1).is_some()
                || objects.get(Kind::BareMetalHost, &host.0, &host.1).is_some()
            {
                continue;
            }
            let source =
                ("siteconfig.open-cluster-management.io/v1alpha1", "ClusterInstance", key.1.as_str());
            // Nothing says yet what is to be booted: the hub makes the InfraEnv and the BareMetalHost of it.
            let why = "the hub has not made the BareMetalHost of this node yet".to_owned();
            let named = format!("{cluster}/{host_name}");
            let target = Target {
                namespace: host.0,
                name: host.1,
                uid: None,
                bmh_uid: None,
                generation: None,
                verdict: if text(node, "/extraAnnotations/BareMetalHost/rackhand.dev~1iso").is_some() {
                    Verdict::Valid
                } else {
                    Verdict::Waiting(why)
                },
                create: Some(made(&who.agent, source, Some(host_name.to_owned()))),
                going: false,
                shown: None,
            };
            if target.verdict == Verdict::Valid {
                self.secret(
                    &(target.namespace.clone(), target.name.clone()),
                    text(node, "/bmcCredentialsName/name"),
                );
                left.push(node.clone());
            }
            self.targets.insert(named, target);
        }
        if !left.is_empty() {
            let mut own = bare(object);
            own["spec"]["nodes"] = Value::Array(left);
            self.add(Kind::ClusterInstance, key, &own);
        }
    }

    fn secret(&mut self, host: &Key, name: Option<&str>) {
        if let Some(name) = name {
            // Its own namespace, always: a reference cannot lead elsewhere.
            let key = (host.0.clone(), name.to_owned());
            if !self.secrets.contains(&key) {
                self.secrets.push(key);
            }
        }
    }

    fn add(&mut self, kind: Kind, key: &Key, object: &Value) {
        // JSON is YAML.
        self.source.files.push((file(kind, key), format!("{object:#}\n")));
    }

    /// Which ISO a HostProvision means: its own, that of the InfraEnv it names, or what its BareMetalHost says.
    fn image_of_provision(
        &mut self,
        objects: &Objects,
        key: &Key,
        own: &mut Value,
        host: Option<&Value>,
        now: Timestamp,
    ) -> Verdict {
        if text(own, "/spec/image/url").is_some()
            || of_map(own, "/metadata/annotations", "rackhand.dev/iso").is_some()
        {
            return Verdict::Valid;
        }
        let by_host = host.filter(|host| of_map(host, "/metadata/annotations", "rackhand.dev/iso").is_none());
        let named = text(own, "/spec/image/infraEnvRef/name")
            .or_else(|| by_host.and_then(|host| of_map(host, "/metadata/labels", INFRA_ENV)))
            .map(str::to_owned);
        let Some(name) = named else { return Verdict::Valid };
        match self.boot_files(objects, &key.0, &name, now) {
            Ok(files) => {
                let written = |name: &str| {
                    own.pointer(&format!("/spec/image/{name}")).filter(|value| !value.is_null()).cloned()
                };
                let sha256 = written("sha256");
                let script = files.script(sha256.is_some()).map(Value::String);
                let script = written("ipxeScript").or(script);
                let image = [("url", Some(json!(files.iso))), ("sha256", sha256), ("ipxeScript", script)];
                let image = image.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
                own["spec"]["image"] = Value::Object(image.collect());
                if text(own, "/spec/follow").is_none() {
                    own["spec"]["follow"] = json!("callback");
                }
                Verdict::Valid
            }
            Err(waiting) => Verdict::Waiting(waiting),
        }
    }

    fn image_of_host(&mut self, objects: &Objects, key: &Key, own: &mut Value, now: Timestamp) -> Verdict {
        if of_map(own, "/metadata/annotations", "rackhand.dev/iso").is_some() {
            return Verdict::Valid;
        }
        let Some(name) = of_map(own, "/metadata/labels", INFRA_ENV).map(str::to_owned) else {
            return Verdict::Valid;
        };
        match self.boot_files(objects, &key.0, &name, now) {
            Ok(files) => {
                let annotations = &mut own["metadata"]["annotations"];
                annotations["rackhand.dev/iso"] = json!(files.iso);
                let is_checked = annotations.get("rackhand.dev/iso-sha256").is_some();
                let known = annotations.get("rackhand.dev/ipxe-script");
                if let (Some(script), None) = (files.script(is_checked), known) {
                    annotations["rackhand.dev/ipxe-script"] = json!(script);
                }
                if of_map(own, "/metadata/annotations", "rackhand.dev/follow").is_none() {
                    own["metadata"]["annotations"]["rackhand.dev/follow"] = json!("callback");
                }
                Verdict::Valid
            }
            Err(waiting) => Verdict::Waiting(waiting),
        }
    }

    /// What an InfraEnv has to boot, or what is waited for.
    fn boot_files(
        &mut self,
        objects: &Objects,
        namespace: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<BootFiles, String> {
        let Some(env) = objects.get(Kind::InfraEnv, namespace, name) else {
            return Err(format!("there is no InfraEnv {namespace}/{name} yet"));
        };
        let Some(url) = text(env, "/status/isoDownloadURL") else {
            return Err(format!("InfraEnv {namespace}/{name} has no ISO yet"));
        };
        let made = text(env, "/status/createdTime").and_then(|at| at.parse::<Timestamp>().ok());
        let Some(made) = made else {
            return Err(format!("InfraEnv {namespace}/{name} does not say when its ISO was made"));
        };
        let ripe = made + RIPE;
        if now < ripe {
            self.until = Some(self.until.map_or(ripe, |until| until.min(ripe)));
            return Err(format!("the ISO of InfraEnv {namespace}/{name} was made less than a minute ago"));
        }
        let uid = text(env, "/metadata/uid").unwrap_or(name);
        let named = |url: &str| format!("{}#infraenv={uid}@{made}", url.split('#').next().unwrap_or(url));
        let script = text(env, "/status/bootArtifacts/ipxeScript").map(named);
        Ok(BootFiles { iso: named(url), script })
    }

    /// What the assisted-service's Agents show of our nodes.
    fn stages(&mut self, objects: &Objects) {
        for (key, agent) in objects.of(Kind::Agent) {
            let Some(stage) = text(agent, "/status/progress/currentStage") else { continue };
            let Some(host) = of_map(agent, "/metadata/labels", "agent-install.openshift.io/bmh") else {
                continue;
            };
            let node = format!("{}/{host}", key.0);
            if self.targets.contains_key(&node) {
                let at = text(agent, "/status/progress/stageUpdateTime")
                    .or_else(|| text(agent, "/metadata/creationTimestamp"))
                    .and_then(|at| at.parse().ok());
                self.stages.insert(node, (stage.to_owned(), at));
            }
        }
    }
}

/// What an InfraEnv has to boot. Each URL has its identity behind a `#`, because its token changes.
struct BootFiles {
    iso: String,
    /// The iPXE script among its boot artifacts.
    script: Option<String>,
}

impl BootFiles {
    /// The script, unless a digest was given: that is the ISO's, and what is booted is to be what was checked.
    fn script(&self, is_checked: bool) -> Option<String> {
        self.script.clone().filter(|_| !is_checked)
    }
}

fn target(key: &Key, object: &Value) -> Target {
    let shown = text(object, "/status/agent").and_then(|agent| {
        let sequence = object.pointer("/status/sequence")?.as_i64()?;
        Some((
            agent.to_owned(),
            sequence,
            object.pointer("/status/observedGeneration").and_then(Value::as_i64),
        ))
    });
    Target {
        namespace: key.0.clone(),
        name: key.1.clone(),
        uid: text(object, "/metadata/uid").map(str::to_owned),
        bmh_uid: None,
        generation: object.pointer("/metadata/generation").and_then(Value::as_i64),
        verdict: Verdict::Valid,
        create: None,
        going: text(object, "/metadata/deletionTimestamp").is_some(),
        shown,
    }
}

/// The HostProvision that an agent makes of something else.
#[must_use]
pub fn made(agent: &str, source: (&str, &str, &str), node_name: Option<String>) -> HostProvisionSpec {
    HostProvisionSpec {
        agent_ref: AgentRef { name: Some(agent.to_owned()), pool: None },
        source_ref: Some(SourceRef {
            api_version: source.0.to_owned(),
            kind: source.1.to_owned(),
            name: source.2.to_owned(),
            node_name,
        }),
        ..HostProvisionSpec::default()
    }
}

/// Whether a host is kept apart from the baremetal-operator, which would drive the same BMC.
fn apart(host: &Value) -> Verdict {
    let has = |name| host.pointer("/metadata/annotations").and_then(|all| all.get(name)).is_some();
    let missing: Vec<&str> = [PAUSED, DETACHED].into_iter().filter(|name| !has(*name)).collect();
    if missing.is_empty() {
        return Verdict::Valid;
    }
    Verdict::Waiting(format!(
        "the baremetal-operator may drive the same BMC: annotate the BareMetalHost with {}",
        missing.join(" and ")
    ))
}

/// An object without what the API server keeps in it.
fn bare(object: &Value) -> Value {
    let mut own = object.clone();
    if let Value::Object(own) = &mut own {
        own.remove("status");
        if let Some(Value::Object(meta)) = own.get_mut("metadata") {
            meta.remove("managedFields");
        }
    }
    own
}
