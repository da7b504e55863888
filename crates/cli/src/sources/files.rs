//! A file or directory, or a checkout of a Git repository, read again and again.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rackhand_hub::kubernetes::{Snapshot, Target, Targets, Verdict, made};
use rackhand_spec::{NodeSpec, Severity};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::Git;
use crate::{World, fleet::News, options::SiteOptions, site::Site};

/// How often files are read again.
const EVERY: Duration = Duration::from_secs(10);

/// What is read.
pub(crate) enum Origin {
    /// A path.
    Path(PathBuf),
    /// A repository.
    Git(Git),
}

/// Reads files for a daemon.
pub(crate) struct Files {
    pub(crate) origin: Origin,
    pub(crate) options: SiteOptions,
    /// Counts how often everything is asked to be read again.
    pub(crate) again: watch::Receiver<u64>,
    /// The hub, which is told and not asked.
    pub(crate) hub: Option<Told>,
}

/// A hub that is only told.
pub(crate) struct Told {
    /// The agent that tells.
    pub(crate) agent: String,
    /// What the hub has.
    pub(crate) snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    /// Which objects are told.
    pub(crate) targets: watch::Sender<Option<Arc<Targets>>>,
}

impl Files {
    /// Reads for as long as somebody listens.
    pub(crate) async fn run(mut self, news: mpsc::Sender<News>, world: World) {
        let mut said = None;
        loop {
            let every = match &self.origin {
                Origin::Path(_) => EVERY,
                Origin::Git(git) => git.every,
            };
            let next = Instant::now() + every;
            let answers = *self.again.borrow_and_update();
            match self.read(&world).await {
                Ok((site, from)) => {
                    said = None;
                    let nodes = site.loaded.nodes.clone();
                    let complete = !site.loaded.has_errors();
                    let findings = findings(&site);
                    let stages = self.stages();
                    self.tell(&nodes);
                    let one = News {
                        site,
                        nodes,
                        waiting: Default::default(),
                        going: Default::default(),
                        complete,
                        stages,
                        from,
                        findings,
                        answers,
                    };
                    if news.send(one).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let text = format!("{error:#}");
                    // Once is enough until it is something else.
                    if said.as_ref() != Some(&text) {
                        let _ = world.stderr.line(format_args!(
                            "warning: the source cannot be read, what was read before stays: {text}"
                        ));
                        said = Some(text);
                    }
                }
            }
            let mut snapshots = self.hub.as_ref().map(|hub| hub.snapshots.clone());
            let changed = async {
                match &mut snapshots {
                    Some(snapshots) => {
                        let _ = snapshots.borrow_and_update();
                        if snapshots.changed().await.is_err() {
                            std::future::pending::<()>().await;
                        }
                    }
                    None => std::future::pending::<()>().await,
                }
            };
            tokio::select! {
                biased;
                Ok(()) = self.again.changed() => {}
                () = news.closed() => return,
                () = changed => {}
                () = sleep_until(next) => {}
            }
        }
    }

    async fn read(&mut self, world: &World) -> anyhow::Result<(Site, String)> {
        let (file, from) = match &mut self.origin {
            Origin::Path(path) => (path.clone(), path.display().to_string()),
            Origin::Git(git) => {
                let checkout = git.pull().await?;
                let from = format!("{} at {}", git.name(), checkout.commit);
                (checkout.path, from)
            }
        };
        let (options, world) = (SiteOptions { file, ..self.options.clone() }, world.clone());
        // Files are read and kustomize is run: neither waits for the other tasks.
        let site = tokio::task::spawn_blocking(move || Site::load(&options, &world)).await??;
        Ok((site, from))
    }

    fn stages(&self) -> std::collections::BTreeMap<String, (String, Option<jiff::Timestamp>)> {
        let snapshot = self.hub.as_ref().and_then(|hub| hub.snapshots.borrow().clone());
        snapshot.map(|snapshot| snapshot.view.stages.clone()).unwrap_or_default()
    }

    /// Which objects on the hub are told of the nodes: those that are there, and one made for each that has none. What others
    /// write into them is not acted on, and they are told so.
    fn tell(&self, nodes: &[NodeSpec]) {
        let Some(hub) = &self.hub else { return };
        let Some(snapshot) = hub.snapshots.borrow().clone() else { return };
        let mut targets = Targets::new();
        let mut named = std::collections::BTreeSet::new();
        for node in nodes {
            let object = format!("{}/{}", node.namespace, node.bmh_name);
            let known = snapshot.view.targets.get(&object).filter(|target| target.uid.is_some());
            let target = match known {
                Some(known) => Target { verdict: Verdict::Valid, ..known.clone() },
                None => Target {
                    namespace: node.namespace.clone(),
                    name: node.bmh_name.clone(),
                    uid: None,
                    bmh_uid: None,
                    generation: None,
                    verdict: Verdict::Valid,
                    create: Some(made(
                        &hub.agent,
                        (api_version(&node.source.kind), &node.source.kind, &node.source.name),
                        Some(node.host_name.clone()),
                    )),
                    going: false,
                    shown: None,
                },
            };
            named.insert(object);
            targets.insert(node.name.to_string(), target);
        }
        for (object, known) in &snapshot.view.targets {
            if known.uid.is_some() && !named.contains(object) {
                let why =
                    "this agent takes its nodes from Git, and there is no sound node of this name there";
                let target = Target { verdict: Verdict::Invalid(why.to_owned()), ..known.clone() };
                targets.entry(object.clone()).or_insert(target);
            }
        }
        hub.targets.send_if_modified(|last| {
            let same = last.as_ref().is_some_and(|last| **last == targets);
            if !same {
                *last = Some(Arc::new(targets));
            }
            !same
        });
    }
}

fn api_version(kind: &str) -> &'static str {
    match kind {
        "SiteConfig" => "ran.openshift.io/v1",
        "ClusterInstance" => "siteconfig.open-cluster-management.io/v1alpha1",
        "HostProvision" => "rackhand.dev/v1alpha1",
        _ => "metal3.io/v1alpha1",
    }
}

/// What is wrong with a site, a line each.
pub(crate) fn findings(site: &Site) -> Vec<String> {
    let serious = site.loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    serious.map(ToString::to_string).collect()
}
