//! The hub as a source: its objects watched, Secrets read one by one, pool nodes taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, future::BoxFuture, stream::BoxStream, stream::SelectAll};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Secret};
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams, Patch, PatchParams},
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use rackhand_bmc::Clock;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    lease::{Deaths, LeaseTimes, Tenure, lease_name},
    objects::{Key, Kind, Objects, text},
    sink::MANAGER,
    trouble::answered,
    view::{View, Who, view},
};

/// How often things are looked at that nobody tells: Secrets, Leases, what a pool has to give.
const ROUND: Duration = Duration::from_secs(10);
/// After how long a Secret is read again.
const SECRET_AGE: Duration = Duration::from_secs(600);
/// Objects that change together are taken together.
const SETTLE: Duration = Duration::from_millis(100);

/// What a source is made of.
pub struct SourceParts {
    /// The hub.
    pub client: Client,
    /// Who looks.
    pub who: Who,
    /// Where Leases are.
    pub namespace: String,
    /// Dates.
    pub clock: Arc<dyn Clock>,
    /// The right to act on pool nodes.
    pub tenure: Tenure,
    /// How Leases are kept.
    pub times: LeaseTimes,
    /// Counts how often everything is asked to be read again.
    pub again: watch::Receiver<u64>,
}

/// What the hub says to this agent now.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What is this agent's, Secrets among the texts.
    pub view: View,
    /// How often reading again had been asked for when this began to be read.
    pub answers: u64,
}

/// Watches the hub.
pub struct HubSource {
    parts: SourceParts,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    trouble: watch::Sender<Option<String>>,
    pool: watch::Sender<BTreeSet<String>>,
}

impl HubSource {
    /// A source.
    #[must_use]
    pub fn new(parts: SourceParts) -> Self {
        Self {
            parts,
            snapshots: watch::Sender::new(None),
            trouble: watch::Sender::new(None),
            pool: watch::Sender::new(BTreeSet::new()),
        }
    }

    /// What the hub says, as it changes; nothing before everything was listed once. Through an outage it stays as it is.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.snapshots.subscribe()
    }

    /// What keeps the hub from being seen, while something does.
    #[must_use]
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// The nodes that belong to the pool and to no agent by name: to change them takes a claim and a Lease.
    #[must_use]
    pub fn pool_nodes(&self) -> watch::Receiver<BTreeSet<String>> {
        self.pool.subscribe()
    }

    /// Watches for ever.
    pub async fn run(self) {
        let mut run = Run {
            of: &self,
            objects: Objects::default(),
            listed: BTreeMap::new(),
            secrets: BTreeMap::new(),
            deaths: Deaths::default(),
            claims: Claims::default(),
            answers: 0,
        };
        let mut again = self.parts.again.clone();
        let mut streams: SelectAll<BoxStream<'_, (Kind, Seen)>> = SelectAll::new();
        for kind in Kind::ALL {
            streams.push(watched(self.parts.client.clone(), kind));
        }
        let mut round = Instant::now() + ROUND;
        let mut settle: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                Ok(()) = again.changed() => {
                    run.answers = *again.borrow_and_update();
                    run.secrets.clear();
                    settle = Some(Instant::now());
                }
                Some((kind, seen)) = streams.next() => {
                    if run.see(kind, seen) && settle.is_none() {
                        settle = Some(Instant::now() + SETTLE);
                    }
                }
                () = sleep_until(settle.unwrap_or_else(Instant::now)), if settle.is_some() => {
                    settle = None;
                    run.publish().await;
                }
                () = sleep_until(round) => {
                    round = Instant::now() + ROUND;
                    run.publish().await;
                }
            }
        }
    }
}

/// What a watch saw.
enum Seen {
    Began,
    Listed(Value),
    Complete,
    Changed(Value),
    Gone(Value),
    Trouble(String),
    /// The hub has no such kind.
    NoKind,
}

fn watched<'a>(client: Client, kind: Kind) -> BoxStream<'a, (Kind, Seen)> {
    let api: Api<DynamicObject> = Api::all_with(client, &kind.resource());
    watcher(api, watcher::Config::default()).default_backoff().map(move |event| (kind, seen(event))).boxed()
}

fn seen(event: Result<Event<DynamicObject>, watcher::Error>) -> Seen {
    let value = |object: DynamicObject| serde_json::to_value(object).unwrap_or(Value::Null);
    match event {
        Ok(Event::Init) => Seen::Began,
        Ok(Event::InitApply(object)) => Seen::Listed(value(object)),
        Ok(Event::InitDone) => Seen::Complete,
        Ok(Event::Apply(object)) => Seen::Changed(value(object)),
        Ok(Event::Delete(object)) => Seen::Gone(value(object)),
        Err(watcher::Error::InitialListFailed(kube::Error::Api(status))) if status.code == 404 => {
            Seen::NoKind
        }
        Err(error) => Seen::Trouble(error.to_string()),
    }
}

/// A kind that is being listed, or has been.
#[derive(Default)]
struct Listing {
    collected: Vec<Value>,
    complete: bool,
}

/// A Secret as it was last read.
struct Known {
    text: Result<String, String>,
    at: Instant,
}

#[derive(Default)]
struct Claims {
    /// The epoch of the Lease under which they were seen.
    epoch: Option<u64>,
    ours: BTreeSet<String>,
}

struct Run<'a> {
    of: &'a HubSource,
    objects: Objects,
    listed: BTreeMap<Kind, Listing>,
    secrets: BTreeMap<Key, Known>,
    deaths: Deaths,
    claims: Claims,
    answers: u64,
}

impl Run<'_> {
    /// Takes in what a watch saw. Answers whether anything may be different.
    fn see(&mut self, kind: Kind, seen: Seen) -> bool {
        let listing = self.listed.entry(kind).or_default();
        match seen {
            Seen::Began => {
                listing.collected.clear();
                return false;
            }
            Seen::Listed(object) => {
                listing.collected.push(object);
                return false;
            }
            Seen::Complete => {
                listing.complete = true;
                let all = std::mem::take(&mut listing.collected);
                self.objects.replace(kind, all);
            }
            Seen::Changed(object) => self.objects.put(kind, object),
            Seen::Gone(object) => self.objects.remove(kind, &object),
            Seen::NoKind => {
                // A hub without metal3 or without the assisted-service is a hub all the same.
                let news = !listing.complete;
                listing.complete = true;
                if kind == Kind::HostProvision {
                    self.of.trouble.send_replace(Some(
                        "the hub does not know HostProvision: apply the definition in deploy/ there"
                            .to_owned(),
                    ));
                }
                return news;
            }
            Seen::Trouble(what) => {
                tracing::warn!(kind = kind.name(), what, "the hub is not seen");
                self.of.trouble.send_replace(Some(what));
                return false;
            }
        }
        self.of.trouble.send_if_modified(|trouble| trouble.take().is_some());
        true
    }

    async fn publish(&mut self) {
        if !Kind::ALL.iter().all(|kind| self.listed.get(kind).is_some_and(|listing| listing.complete)) {
            return;
        }
        let parts = &self.of.parts;
        let mut view = view(&self.objects, &parts.who, parts.clock.now());
        self.pool(&mut view).await;
        self.read_secrets(&view).await;
        self.add_secrets(&mut view);
        let snapshot = Snapshot { view, answers: self.answers };
        self.of.snapshots.send_if_modified(|last| {
            // Whoever asked for it waits for an answer, also when nothing is different.
            let same = last
                .as_ref()
                .is_some_and(|last| last.answers == snapshot.answers && same(&last.view, &snapshot.view));
            if !same {
                *last = Some(Arc::new(snapshot));
            }
            !same
        });
    }

    async fn read_secrets(&mut self, view: &View) {
        self.secrets.retain(|key, _| view.secrets.contains(key));
        let old = |known: &Known| known.at.elapsed() >= if known.text.is_ok() { SECRET_AGE } else { ROUND };
        let due: Vec<Key> =
            view.secrets.iter().filter(|key| self.secrets.get(*key).is_none_or(old)).cloned().collect();
        let client = &self.of.parts.client;
        let reads = due.into_iter().map(|key| -> BoxFuture<'_, (Key, Result<String, String>)> {
            Box::pin(async move {
                let read = secret(client, &key).await;
                (key, read)
            })
        });
        let mut reads = futures_util::stream::iter(reads).buffer_unordered(8);
        while let Some((key, text)) = reads.next().await {
            // What was read once is kept when the hub is away.
            let away = text.is_err() && self.secrets.get(&key).is_some_and(|known| known.text.is_ok());
            if let Err(why) = &text {
                let known = self.secrets.get(&key).and_then(|known| known.text.as_ref().err());
                // Once is enough until it is something else.
                if known != Some(why) {
                    tracing::warn!(namespace = key.0, name = key.1, why, "a Secret cannot be read");
                }
            }
            if !away {
                self.secrets.insert(key, Known { text, at: Instant::now() });
            } else if let Some(known) = self.secrets.get_mut(&key) {
                known.at = Instant::now();
            }
        }
    }

    fn add_secrets(&self, view: &mut View) {
        for (key, known) in &self.secrets {
            if let Ok(text) = &known.text {
                let file = format!("hub/Secret/{}/{}", key.0, key.1).into();
                view.source.files.push((file, text.clone()));
            }
        }
    }

    /// Keeps of the pool what is ours, takes what is free or whose agent is dead, and leaves the rest out.
    async fn pool(&mut self, view: &mut View) {
        if self.of.parts.who.pool.is_none() {
            return;
        }
        let epoch = self.of.parts.tenure.epoch();
        if let (Some(epoch), true) = (epoch, self.claims.epoch != epoch) {
            // The Lease was lost in between: others may have taken what was ours, and what was watched may be old.
            match self.fresh_claims().await {
                Ok(ours) => self.claims = Claims { epoch: Some(epoch), ours },
                Err(what) => tracing::warn!(what, "which pool nodes are ours is not known"),
            }
        }
        let pool = std::mem::take(&mut view.pool);
        // Once it was a pool node it stays one here, so that an object which vanishes opens no fence.
        self.of.pool.send_if_modified(|known| {
            let before = known.len();
            known.extend(pool.keys().cloned());
            known.len() != before
        });
        for (node, claim) in &pool {
            let mut ours = self.claims.ours.contains(node);
            if claim.agent.as_ref().is_some_and(|agent| *agent != self.of.parts.who.agent) && ours {
                // Somebody wrote another agent in by hand.
                self.claims.ours.remove(node);
                ours = false;
            }
            if !ours
                && epoch.is_some()
                && self.claims.epoch == epoch
                && self.is_free(claim.agent.as_deref()).await
            {
                ours = self.take(node, claim.version.as_deref()).await;
            }
            if !ours {
                leave_out(view, node);
            }
        }
        self.claims.ours.retain(|node| pool.contains_key(node));
        if let Some(epoch) = self.claims.epoch {
            self.of.parts.tenure.claimed(epoch, self.claims.ours.iter().cloned());
        }
        view.pool = pool;
    }

    async fn fresh_claims(&self) -> Result<BTreeSet<String>, String> {
        let api: Api<DynamicObject> =
            Api::all_with(self.of.parts.client.clone(), &Kind::HostProvision.resource());
        let list = answered(api.list(&ListParams::default())).await.map_err(|trouble| trouble.text())?;
        let ours = |object: &DynamicObject| {
            let object = serde_json::to_value(object).ok()?;
            let mine = text(&object, "/status/agent") == Some(self.of.parts.who.agent.as_str());
            let (namespace, name) = (text(&object, "/metadata/namespace")?, text(&object, "/metadata/name")?);
            mine.then(|| format!("{namespace}/{name}"))
        };
        Ok(list.items.iter().filter_map(ours).collect())
    }

    /// Whether nobody alive has the node.
    async fn is_free(&mut self, agent: Option<&str>) -> bool {
        let Some(agent) = agent else { return true };
        if agent == self.of.parts.who.agent {
            return true;
        }
        let api: Api<Lease> = Api::namespaced(self.of.parts.client.clone(), &self.of.parts.namespace);
        match answered(api.get_opt(&lease_name(agent))).await {
            // An agent without a Lease never held one, or its Lease was removed: its silence is waited for all the same.
            Ok(lease) => {
                let spec = lease.and_then(|lease| lease.spec).unwrap_or_default();
                self.deaths.is_dead(agent, &spec, self.of.parts.times)
            }
            Err(trouble) => {
                tracing::debug!(agent, what = trouble.text(), "its Lease cannot be read");
                false
            }
        }
    }

    /// Takes a pool node, unless somebody wrote in between.
    async fn take(&mut self, node: &str, version: Option<&str>) -> bool {
        let Some((namespace, name)) = node.split_once('/') else { return false };
        let resource = Kind::HostProvision.resource();
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.of.parts.client.clone(), namespace, &resource);
        let patch = json!({
            "metadata": { "resourceVersion": version },
            "status": { "agent": self.of.parts.who.agent },
        });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        match answered(api.patch_status(name, &params, &Patch::Merge(&patch))).await {
            Ok(_) => {
                tracing::info!(node, "taken from the pool");
                self.claims.ours.insert(node.to_owned());
                true
            }
            Err(trouble) => {
                tracing::info!(node, what = trouble.text(), "not taken from the pool");
                false
            }
        }
    }
}

/// Whether two views say the same.
fn same(a: &View, b: &View) -> bool {
    a.source.files == b.source.files && a.targets == b.targets && a.stages == b.stages
}

/// A node that another agent has.
fn leave_out(view: &mut View, node: &str) {
    view.targets.remove(node);
    view.stages.remove(node);
    view.source.files.retain(|(file, _)| super::view::node_of_file(file).as_deref() != Some(node));
}

/// One Secret as a text that can be read like a file. It is never listed, because that would show all of them.
async fn secret(client: &Client, key: &Key) -> Result<String, String> {
    let api: Api<Secret> = Api::namespaced(client.clone(), &key.0);
    match answered(api.get_opt(&key.1)).await {
        Ok(Some(mut secret)) => {
            secret.metadata.managed_fields = None;
            secret.metadata.annotations = None;
            let mut object = serde_json::to_value(&secret).map_err(|error| error.to_string())?;
            object["apiVersion"] = json!("v1");
            object["kind"] = json!("Secret");
            Ok(format!("{object:#}\n"))
        }
        Ok(None) => Err(format!("there is no Secret {}/{}", key.0, key.1)),
        Err(trouble) => Err(trouble.text()),
    }
}
